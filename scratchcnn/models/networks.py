"""Whole networks, each as one function that returns a `Sequential`."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import DTypeLike

from scratchcnn.functional.dropout import RNG
from scratchcnn.nn import (
    AvgPool2d,
    Conv2d,
    Dropout,
    Flatten,
    Linear,
    MaxPool2d,
    ReLU,
    Sequential,
    Sigmoid,
    Tanh,
)


def sigmoid_cnn(*, rng: RNG = None, dtype: DTypeLike | None = np.float32) -> Sequential:
    """Return the binary classifier of A. Singh: three 5×5 filters, one dense unit, sigmoids.

    Input (N, 1, 28, 28), output (N, 1) between 0 and 1. The filters have no bias, the dense
    unit has one. It is trained with `HalfSquaredError` and plain gradient descent on all of 200
    images at once. The article leaves open, and these are our choices: the distribution of the
    initial values (uniform over ``±1 / sqrt(fan_in)``), the learning rate, and whether the
    error is summed or averaged over the images.

    References
    ----------
    .. [1] Aishwarya Singh, "Demystifying the Mathematics Behind Convolutional Neural Networks
       (CNNs)", Analytics Vidhya, 2020.

    Examples
    --------
    >>> sigmoid_cnn(rng=0)(np.zeros((200, 1, 28, 28), np.float32)).shape
    (200, 1)
    """
    source = np.random.default_rng(rng)
    return Sequential(
        {
            "conv": Conv2d(1, 3, 5, bias=False, dtype=dtype, rng=source),
            "conv_sigmoid": Sigmoid(),
            "flatten": Flatten(),
            "dense": Linear(3 * 24 * 24, 1, dtype=dtype, rng=source),
            "dense_sigmoid": Sigmoid(),
        }
    )


def untied_cnn(*, rng: RNG = None, dtype: DTypeLike | None = np.float32) -> Sequential:
    """Return a classifier on the convolution of W. La Rosa, one bias per output pixel.

    Input (N, 1, 28, 28), output (N, 10) logits. The article has the convolution (stride 1,
    padding, untied biases that start at 0, weights normal with variance ``2 / fan_in``) and
    the max-pooling, one sample at a time, which is a batch of one here. The number of filters,
    the ReLU and the dense layer are our choices. Our pooling gives the gradient of a tie to
    the first maximum, as PyTorch does; the article gives it to every one.

    References
    ----------
    .. [1] Widmark La Rosa, "Convolutional Neural Network (CNN) + Mathematical Intuition".

    Examples
    --------
    >>> untied_cnn(rng=0)(np.zeros((1, 1, 28, 28), np.float32)).shape
    (1, 10)
    """
    source = np.random.default_rng(rng)
    conv = Conv2d(
        1, 4, 3, padding=1, untied_bias=True, input_size=(28, 28), dtype=dtype, rng=source
    )
    normal = source.standard_normal(conv.weight.shape) * math.sqrt(2 / 9)
    conv.weight.data = normal.astype(conv.weight.data.dtype)
    return Sequential(
        {
            "conv": conv,
            "relu": ReLU(),
            "pool": MaxPool2d(2),
            "flatten": Flatten(),
            "dense": Linear(4 * 14 * 14, 10, dtype=dtype, rng=source),
        }
    )


def lenet5(*, rng: RNG = None, dtype: DTypeLike | None = np.float32) -> Sequential:
    """Return LeNet-5 with hyperbolic tangents and average pooling.

    Input (N, 1, 28, 28), which the first layer pads to 32×32; output (N, 10) logits. As usual
    today, every filter of the second convolution sees all channels, the pooling has no weights,
    and the last layer is linear instead of radial.

    References
    ----------
    .. [1] Y. LeCun et al., "Gradient-Based Learning Applied to Document Recognition",
       Proceedings of the IEEE 86, 1998.

    Examples
    --------
    >>> lenet5(rng=0)(np.zeros((2, 1, 28, 28), np.float32)).shape
    (2, 10)
    """
    source = np.random.default_rng(rng)
    return Sequential(
        {
            "conv1": Conv2d(1, 6, 5, padding=2, dtype=dtype, rng=source),
            "tanh1": Tanh(),
            "pool1": AvgPool2d(2),
            "conv2": Conv2d(6, 16, 5, dtype=dtype, rng=source),
            "tanh2": Tanh(),
            "pool2": AvgPool2d(2),
            "conv3": Conv2d(16, 120, 5, dtype=dtype, rng=source),
            "tanh3": Tanh(),
            "flatten": Flatten(),
            "dense1": Linear(120, 84, dtype=dtype, rng=source),
            "tanh4": Tanh(),
            "dense2": Linear(84, 10, dtype=dtype, rng=source),
        }
    )


def two_conv(*, rng: RNG = None, dtype: DTypeLike | None = np.float32) -> Sequential:
    """Return two convolutions with ReLU and max-pooling, then dropout and two dense layers.

    Input (N, 1, 28, 28), output (N, 10) logits.

    Examples
    --------
    >>> two_conv(rng=0)(np.zeros((2, 1, 28, 28), np.float32)).shape
    (2, 10)
    """
    source = np.random.default_rng(rng)
    return Sequential(
        {
            "conv1": Conv2d(1, 16, 5, padding=2, dtype=dtype, rng=source),
            "relu1": ReLU(),
            "pool1": MaxPool2d(2),
            "conv2": Conv2d(16, 32, 5, padding=2, dtype=dtype, rng=source),
            "relu2": ReLU(),
            "pool2": MaxPool2d(2),
            "flatten": Flatten(),
            "dropout1": Dropout(0.5),
            "dense1": Linear(32 * 7 * 7, 128, dtype=dtype, rng=source),
            "relu3": ReLU(),
            "dropout2": Dropout(0.5),
            "dense2": Linear(128, 10, dtype=dtype, rng=source),
        },
        rng=source,
    )
