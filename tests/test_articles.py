"""The worked numbers and formulas of three articles on the mathematics of CNNs.

A. Singh, "Demystifying the Mathematics Behind Convolutional Neural Networks (CNNs)", 2020.
W. La Rosa, "Convolutional Neural Network (CNN) + Mathematical Intuition".
V. Sharma, "Math Behind Convolutional Neural Networks - CNNs", AILabPage.
"""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy import signal

from scratchcnn import functional as F
from scratchcnn import models, nn, optim

U = np.finfo(np.float64).eps


def integers(*shape, seed=0):
    return np.random.default_rng(seed).integers(-5, 6, shape).astype(float)


# A. Singh: one convolution, one dense unit, two sigmoids

IMAGE = np.array([[1.0, 7, 2], [11, 1, 23], [2, 2, 2]])
FILTER = np.array([[1.0, 1], [0, 1]])


def test_singh_filter_on_the_image_gives_9_32_14_26():
    y = F.conv2d(IMAGE[None, None], FILTER[None, None])
    assert_array_equal(y[0, 0], [[9, 32], [14, 26]])
    assert_array_equal(F.correlate(IMAGE, FILTER, mode="valid"), [[9, 32], [14, 26]])


def test_singh_convolution_is_no_convolution_of_mathematics():
    # The text slides the filter as it is. Flipped, to 1 0 over 1 1, it would give
    # 1 + 11 + 1, 7 + 1 + 23, 11 + 2 + 2 and 1 + 2 + 2.
    assert_array_equal(F.convolve(IMAGE, FILTER, mode="valid"), [[13, 31], [15, 5]])


@pytest.mark.parametrize(("n", "f"), [(3, 2), (28, 5), (5, 3), (5, 5)])
def test_singh_output_has_n_minus_f_plus_1_rows_and_columns(n, f):
    y = F.conv2d(np.zeros((1, 1, n, n)), np.zeros((1, 1, f, f)))
    assert y.shape[2:] == (n - f + 1, n - f + 1)


def test_singh_weights_of_4_features_and_2_neurons_are_a_4_by_2_matrix():
    # The text stores (m, n) and writes WT. X; PyTorch, and we, store its transpose.
    layer = nn.Linear(4, 2, dtype=np.float64, rng=0)
    x = np.array([9.0, 32, 14, 26])
    w = layer.weight.data.T
    assert w.shape == (4, 2)
    # Sums of 4 products up to 32 / 2, and the bias, in two orders.
    bound = 2 * 5 * U * (np.abs(w.T) @ x).max()
    assert np.abs(layer(x) - (w.T @ x + layer.bias.data)).max() <= bound


def singh(images):
    """Return the model, images and targets of the text, with noise for images."""
    rng = np.random.default_rng(0)
    model = models.sigmoid_cnn(rng=1, dtype=np.float64)
    return model, rng.uniform(0, 1, (images, 1, 28, 28)), (np.arange(images) % 2.0)[:, None]


def test_singh_network_has_the_shapes_of_the_text():
    model, x, _ = singh(200)
    assert model[0].weight.shape == (3, 1, 5, 5)
    assert model[0].bias is None
    z1 = model[0](x)
    assert z1.shape == (200, 3, 24, 24)
    assert z1.reshape(200, 3, -1).shape == (200, 3, 576)
    patches = np.lib.stride_tricks.sliding_window_view(x[:, 0], (5, 5), (1, 2))
    assert patches.reshape(200, -1, 5, 5).shape == (200, 576, 5, 5)
    assert model[3].weight.data.T.shape == (24 * 24 * 3, 1)
    assert model(x).shape == (200, 1)


def test_singh_network_is_its_five_steps():
    model, x, _ = singh(20)
    f, w, b = model[0].weight.data, model[3].weight.data.T, model[3].bias.data
    patches = np.lib.stride_tricks.sliding_window_view(x[:, 0], (5, 5), (1, 2))
    z1 = np.einsum("nijab,oab->noij", patches, f[:, 0])
    a1 = 1 / (1 + np.exp(-z1))
    z2 = a1.reshape(20, -1) @ w + b
    o = 1 / (1 + np.exp(-z2))
    # 1728 products of numbers up to 1 / sqrt(1728): the magnitudes sum to less than 42. Before
    # them 25 products and a sigmoid of slope 1/4, after them another sigmoid.
    bound = 2 * (1729 + 26 + 2 * 8) * U * 42
    assert np.abs(model(x) - o).max() <= bound


def test_singh_error_has_the_derivative_minus_y_minus_o():
    y, o = integers(6, 1), integers(6, 1, seed=1)
    value, pullback = nn.HalfSquaredError(reduction="sum").vjp(o, y)
    assert value == ((y - o) ** 2 / 2).sum()
    assert_array_equal(pullback(), -(y - o))


def test_singh_backward_formulas_are_the_gradients():
    count = 30
    model, x, y = singh(count)
    outputs, pullback = model.vjp(x, input_grad=False)
    _, loss_pullback = nn.HalfSquaredError(reduction="sum").vjp(outputs, y)
    pullback(loss_pullback())
    conv, dense = model[0], model[3]
    a1, o, w = model[1](conv(x)), outputs, dense.weight.data.T

    # Fully connected layer: dE/dW = dE/dO . dO/dZ2 . dZ2/dW, and the exercise dE/db.
    de_do = -(y - o)
    do_dz2 = o * (1 - o)
    dz2_dw = a1.reshape(count, -1)
    de_dz2 = de_do * do_dz2
    de_dw = dz2_dw.T @ de_dz2
    # 30 terms, each of 5 roundings, in two orders of summation.
    bound = 2 * (30 + 5) * U * (dz2_dw.T @ np.abs(de_dz2))
    assert (np.abs(dense.weight.grad.T - de_dw) <= bound).all()
    bound = 2 * (30 + 5) * U * np.abs(de_dz2).sum()
    assert abs(dense.bias.grad[0] - de_dz2.sum()) <= bound

    # Convolution layer: dE/df = (dE/dO . dO/dZ2 . dZ2/dA1 . dA1/dZ1) * dZ1/df.
    dz2_da1 = w.T
    da1_dz1 = a1 * (1 - a1)
    de_dz1 = (de_dz2 @ dz2_da1).reshape(a1.shape) * da1_dz1
    dz1_df = np.lib.stride_tricks.sliding_window_view(x[:, 0], (5, 5), (1, 2))
    de_df = np.einsum("noij,nijab->oab", de_dz1, dz1_df)
    # The last convolution sums 30 * 576 terms, each of 9 roundings, in two orders.
    magnitude = np.einsum("noij,nijab->oab", np.abs(de_dz1), dz1_df)
    bound = 2 * (30 * 576 + 9) * U * magnitude
    assert (np.abs(conv.weight.grad[:, 0] - de_df) <= bound).all()
    # The same, as the text puts it: X convolved with the error, image by image.
    by_image = sum(F.correlate(x[n, 0], de_dz1[n, 1], mode="valid") for n in range(count))
    assert (np.abs(by_image - de_df[1]) <= bound[1]).all()

    # W_new = W_old - lr * dE/dW
    old, grad = conv.weight.data, conv.weight.grad
    optim.SGD(model.parameters(), lr=0.5).step()
    assert_array_equal(conv.weight.data, old - 0.5 * grad)


# W. La Rosa: one sample at a time, one bias per output pixel, stride 1


class Convolution:
    """The layer of that article, written anew: explicit loops over filters and channels."""

    def __init__(self, kernels, biases, padding):
        self.kernels, self.biases, self.padding = kernels, biases, padding

    def forward(self, image):
        p = self.padding
        self.padded = np.pad(image, ((0, 0), (p, p), (p, p)))
        output = self.biases.copy()
        for out, channel in np.ndindex(self.kernels.shape[:2]):
            output[out] += signal.correlate2d(
                self.padded[channel], self.kernels[out, channel], "valid"
            )
        return output

    def backward(self, grad):
        """Return the gradients of the input, the kernels and the biases."""
        kernels, padded = np.zeros(self.kernels.shape), np.zeros(self.padded.shape)
        for out, channel in np.ndindex(self.kernels.shape[:2]):
            kernels[out, channel] = signal.correlate2d(self.padded[channel], grad[out], "valid")
            padded[channel] += signal.convolve2d(grad[out], self.kernels[out, channel], "full")
        p, (height, width) = self.padding, self.padded.shape[1:]
        return padded[:, p : height - p, p : width - p], kernels, grad


@pytest.mark.parametrize("padding", [0, 1, 2])
def test_la_rosa_layer_is_ours_with_an_untied_bias_and_a_batch_of_one(padding):
    ours = nn.Conv2d(
        2, 3, 3, padding=padding, untied_bias=True, input_size=(6, 5), dtype=np.float64
    )
    assert_array_equal(ours.bias.data, np.zeros(ours.bias.shape))
    ours.weight.data, ours.bias.data = integers(3, 2, 3, 3), integers(*ours.bias.shape, seed=1)
    theirs = Convolution(ours.weight.data, ours.bias.data, padding)
    image = integers(2, 6, 5, seed=2)
    y, pullback = ours.vjp(image[None])
    assert_array_equal(y[0], theirs.forward(image), strict=True)
    assert y.shape[2:] == (6 + 2 * padding - 3 + 1, 5 + 2 * padding - 3 + 1)
    grad = integers(*y.shape, seed=3)
    grad_image, grad_kernels, grad_biases = theirs.backward(grad[0])
    assert_array_equal(pullback(grad)[0], grad_image)
    assert_array_equal(ours.weight.grad, grad_kernels)
    assert_array_equal(ours.bias.grad, grad_biases)


@pytest.mark.parametrize(
    ("size", "kernel", "padding", "stride"),
    [(7, 3, 0, 1), (7, 3, 1, 2), (8, 3, 0, 2), (5, 2, 2, 3)],
)
def test_la_rosa_output_size_is_that_of_the_formula(size, kernel, padding, stride):
    y = F.conv2d(
        np.zeros((1, 1, size, size)),
        np.zeros((1, 1, kernel, kernel)),
        stride=stride,
        padding=padding,
    )
    assert y.shape[2] == (size - kernel + 2 * padding) // stride + 1


def test_la_rosa_convolution_is_the_correlation_with_the_kernel_rotated_by_180_degrees():
    x, kernel = integers(5, 6), integers(3, 2, seed=1)
    rotated = np.rot90(kernel, 2)
    assert_array_equal(F.convolve(x, kernel, mode="valid"), F.correlate(x, rotated, mode="valid"))
    full = F.correlate(x, kernel, mode="full")
    assert full.shape == (5 + 3 - 1, 6 + 2 - 1)
    assert_array_equal(full, signal.correlate2d(x, kernel, "full"))


def la_rosa_max_pool(image, size, grad):
    """Return the maxima and the gradient of that article, which every maximum of a tie gets."""
    rows, columns = image.shape[1] // size, image.shape[2] // size
    output, result = np.zeros((len(image), rows, columns)), np.zeros(image.shape)
    for c, i, j in np.ndindex(output.shape):
        place = (c, slice(i * size, (i + 1) * size), slice(j * size, (j + 1) * size))
        output[c, i, j] = image[place].max()
        result[place] += grad[c, i, j] * (image[place] == output[c, i, j])
    return output, result


@pytest.mark.parametrize("size", [(6, 4), (7, 5)], ids=["no remainder", "remainder"])
def test_la_rosa_max_pool_without_ties_is_ours_also_where_it_drops_a_remainder(size):
    image = np.random.default_rng(0).permutation(
        2.0 * np.prod(size) * np.arange(0, 1, 0.5 / np.prod(size))
    )
    image = image.reshape(2, *size)
    y, pullback = nn.MaxPool2d(2).vjp(image[None])
    grad = integers(*y.shape, seed=1)
    output, result = la_rosa_max_pool(image, 2, grad[0])
    assert_array_equal(y[0], output)
    assert_array_equal(pullback(grad)[0], result)


def test_la_rosa_max_pool_gives_a_tie_to_every_maximum_and_ours_to_the_first():
    image = np.array([[[5.0, 1, 7, 7], [5, 0, 7, 7]]])
    y, pullback = nn.MaxPool2d(2).vjp(image[None])
    grad = np.array([[[[3.0, -2]]]])
    output, result = la_rosa_max_pool(image, 2, grad[0])
    assert_array_equal(y[0], output)
    assert_array_equal(result, [[[3, 0, -2, -2], [3, 0, -2, -2]]])
    assert_array_equal(pullback(grad)[0], [[[3, 0, -2, 0], [0, 0, 0, 0]]])
    # So the gradient of that article grows with the tie; ours keeps its sum.
    assert pullback(grad).sum() == grad.sum() != result.sum()


def test_la_rosa_max_pool_drops_a_remainder_that_ours_can_keep():
    image = np.arange(15.0).reshape(1, 3, 5)
    output, _ = la_rosa_max_pool(image, 2, np.ones((1, 1, 2)))
    assert_array_equal(output, [[[6, 8]]])
    assert_array_equal(nn.MaxPool2d(2)(image[None])[0], output)
    kept = nn.MaxPool2d(2, ceil_mode=True)(image[None])[0]
    assert_array_equal(kept, [[[6, 8, 9], [11, 13, 14]]])


# V. Sharma: an edge filter on a ramp


def test_sharma_filter_on_the_ramp_gives_6_everywhere():
    ramp = np.tile(np.array([4.0, 3, 2, 1, 0]), (5, 1))
    edge = np.tile(np.array([1.0, 0, -1]), (3, 1))
    y = F.conv2d(ramp[None, None], edge[None, None])
    # The text adds 4 + 0 - 2 + 4 + 0 - 2 + 4 + 0 - 2 and writes 10; these numbers give 6.
    assert 4 + 0 - 2 + 4 + 0 - 2 + 4 + 0 - 2 == 6
    assert_array_equal(y[0, 0], np.full((3, 3), 6.0))


def test_sharma_formula_is_the_correlation():
    image, kernel = integers(5, 5), integers(3, 3, seed=1)
    y = F.correlate(image, kernel, mode="valid")
    for i, j in np.ndindex(3, 3):
        terms = [image[i + m, j + n] * kernel[m, n] for m, n in np.ndindex(3, 3)]
        assert y[i, j] == sum(terms)
