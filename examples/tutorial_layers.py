"""Layers as tutorials write them, one sample at a time with state on self, made a subject.

They are written in the manner of the article "Convolutional Neural Network (CNN) + Mathematical
Intuition" (A. Widmark La Rosa), with the flaws that its author admits to: a bias for each output
pixel, a max-pooling that gives the gradient to every maximum of a window, and a remainder that is
dropped without a word. ``reference-tests examples/tutorial_layers.py:subject`` judges them: the
convolution is right as one with an untied bias, the pooling wrong where values are equal.
"""

import numpy as np

from reference_tests import Implementation, from_layer
from reference_tests.adapters.values import finite_only


class Convolution:
    """Square filters over one image (C, H, W), with stride 1 and a bias per output pixel."""

    def __init__(self, input_shape, kernel_size, depth, padding=0):
        channels, height, width = input_shape
        self.size, self.padding = kernel_size, padding
        self.height = height + 2 * padding - kernel_size + 1
        self.width = width + 2 * padding - kernel_size + 1
        if min(self.height, self.width, depth, kernel_size) < 1 or padding < 0:
            raise ValueError(f"no filter of size {kernel_size} fits into {height} x {width}")
        spread = np.sqrt(2 / (channels * kernel_size**2))
        shape = (depth, channels, kernel_size, kernel_size)
        self.kernels = spread * np.random.default_rng().standard_normal(shape)
        self.biases = np.zeros((depth, self.height, self.width))

    def forward(self, image):
        """Slide the filters over the image."""
        around = (self.padding, self.padding)
        self.padded = np.pad(image, ((0, 0), around, around))
        output = self.biases.copy()
        for i, j in np.ndindex(self.size, self.size):
            output += np.einsum(
                "oc,chw->ohw", self.kernels[:, :, i, j], self._seen(self.padded, i, j)
            )
        return output

    def backward(self, grad, learning_rate):
        """Take a step of gradient descent, and return the gradient of the image."""
        grad_kernels = np.zeros_like(self.kernels)
        grad_padded = np.zeros_like(self.padded)
        for i, j in np.ndindex(self.size, self.size):
            seen = self._seen(self.padded, i, j)
            grad_kernels[:, :, i, j] = np.einsum("ohw,chw->oc", grad, seen)
            back = np.einsum("oc,ohw->chw", self.kernels[:, :, i, j], grad)
            self._seen(grad_padded, i, j)[...] += back
        self.kernels -= learning_rate * grad_kernels
        self.biases -= learning_rate * grad
        height, width = grad_padded.shape[1:]
        return grad_padded[
            :, self.padding : height - self.padding, self.padding : width - self.padding
        ]

    def _seen(self, image, i, j):
        """Return the pixels that the weight at (i, j) meets."""
        return image[:, i : i + self.height, j : j + self.width]


class MaxPooling:
    """The largest value of each square block of one image."""

    def __init__(self, size=2):
        self.size = size

    def forward(self, image):
        """Return the maxima; what is left over at the end of an axis is dropped."""
        if image.dtype == object:
            raise TypeError("the image is an array of objects, expected one of floats")
        self.image = image
        channels, height, width = image.shape
        self.output = np.zeros((channels, height // self.size, width // self.size), image.dtype)
        for i, j in np.ndindex(self.output.shape[1:]):
            self.output[:, i, j] = image[self._block(i, j)].max((1, 2))
        return self.output

    def backward(self, grad, learning_rate):
        """Return the gradient of the image: each maximum of a block gets all of it."""
        grad_image = np.zeros_like(self.image)
        for i, j in np.ndindex(grad.shape[1:]):
            block, largest = self._block(i, j), self.output[:, i, j, None, None]
            grad_image[block] = (self.image[block] == largest) * grad[:, i, j, None, None]
        return grad_image

    def _block(self, i, j):
        rows = slice(i * self.size, (i + 1) * self.size)
        return slice(None), rows, slice(j * self.size, (j + 1) * self.size)


def convolution(input_shape, kernel_size, out_channels, padding=0):
    """Return a layer for a call of the judge, whose paddings may be words."""
    if isinstance(padding, str):
        raise NotImplementedError(f"the layer has no padding {padding!r}")
    return Convolution(input_shape, kernel_size, out_channels, padding)


def pooling(kernel_size, stride=None):
    """Return a layer for a call of the judge: the blocks of the tutorial never overlap."""
    if stride not in (None, kernel_size):
        raise NotImplementedError(f"a stride of {stride} for blocks of {kernel_size}")
    return MaxPooling(kernel_size)


subject = Implementation(
    "tutorial_layers",
    {
        "conv2d_untied_bias": from_layer(
            convolution,
            weight="kernels",
            bias="biases",
            gradients="update",
            input_layout="CHW",
            batched=False,
            scalars=("kernel_size", "padding"),
        ),
        # The article says nothing of NaN, which a comparison with the maximum never finds.
        "max_pool2d": finite_only(
            from_layer(
                pooling,
                weight=None,
                bias=None,
                input_layout="CHW",
                batched=False,
                scalars=("kernel_size", "stride"),
            )
        ),
    },
    # Square windows, and strides as long as they, are rare among those that are drawn.
    limits={
        "conv2d_untied_bias": {"kernel_size": 3},
        "max_pool2d": {"kernel_size": 2, "stride": None},
    },
)
