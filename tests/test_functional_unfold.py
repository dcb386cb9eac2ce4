"""Laws of unfold, fold and their gradients, exact on small integers, and what they refuse."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from scratchcnn import functional as F


def integers(*shape, seed=0, dtype=np.float64):
    """Return small integers; every sum of them is exact, in any order."""
    return np.random.default_rng(seed).integers(-5, 6, shape).astype(dtype)


def dot(a, b):
    return float(np.vdot(a, b))


@st.composite
def axes(draw):
    """Draw (size, kernel, dilation, padding, stride) of one axis, worked back from the windows."""
    windows, kernel = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    stride, dilation = draw(st.integers(1, 3)), draw(st.integers(1, 2))
    reach = (kernel - 1) * dilation + 1
    padded = (windows - 1) * stride + reach + draw(st.integers(0, stride - 1))
    padding = draw(st.integers(0, min(reach, (padded - 1) // 2)))
    return padded - 2 * padding, kernel, dilation, padding, stride


@st.composite
def images(draw):
    """Draw (x, options) of an unfold."""
    size, *options = zip(draw(axes()), draw(axes()), strict=True)
    lead = draw(st.sampled_from([(2, 3), (1, 2), (3,)]))
    names = ("kernel_size", "dilation", "padding", "stride")
    x = integers(*lead, *size, seed=draw(st.integers(0, 2**32 - 1)))
    return x, dict(zip(names, options, strict=True))


ASYMMETRIC = {"kernel_size": (3, 2), "dilation": (1, 3), "padding": (2, 1), "stride": (2, 1)}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_unfold_is_its_definition(dtype):
    x = integers(2, 3, 4, 5, dtype=dtype)
    y = F.unfold(x, **ASYMMETRIC)
    padded = np.pad(x, ((0, 0), (0, 0), (2, 2), (1, 1)))
    expected = np.empty((2, 3, 3, 2, 3, 4), dtype)
    for n, c, a, b, i, j in np.ndindex(expected.shape):
        expected[n, c, a, b, i, j] = padded[n, c, 2 * i + a, j + 3 * b]
    assert_array_equal(y, expected.reshape(2, 18, 12), strict=True)


def test_unfold_then_a_matrix_product_is_conv2d():
    x, weight = integers(2, 3, 4, 5), integers(6, 3, 3, 2, seed=1)
    options = {name: value for name, value in ASYMMETRIC.items() if name != "kernel_size"}
    y = weight.reshape(6, -1) @ F.unfold(x, **ASYMMETRIC)
    assert_array_equal(y, F.conv2d(x, weight, **options).reshape(y.shape))


@given(images())
def test_fold_is_the_adjoint_of_unfold(case):
    x, options = case
    columns = F.unfold(x, **options)
    other = integers(*columns.shape, seed=1)
    folded = F.fold(other, x.shape[-2:], **options)
    assert folded.shape == x.shape
    assert dot(columns, other) == dot(x, folded)
    assert_array_equal(F.unfold_grad(other, input_shape=x.shape, **options), folded, strict=True)
    assert_array_equal(F.fold_grad(x, **options), columns, strict=True)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_unfold_and_fold_gradients_hold_for_every_element(dtype):
    x = integers(1, 2, 4, 3, dtype=dtype)
    columns = F.unfold(x, **ASYMMETRIC)
    g = integers(*columns.shape, seed=2, dtype=dtype)
    pixels = np.eye(x.size, dtype=dtype).reshape(x.size, *x.shape)
    expected = np.reshape([dot(g, F.unfold(pixel, **ASYMMETRIC)) for pixel in pixels], x.shape)
    grad = F.unfold_grad(g, input_shape=x.shape, **ASYMMETRIC)
    assert_array_equal(grad, expected.astype(dtype), strict=True)
    g = integers(*x.shape, seed=3, dtype=dtype)
    each = np.eye(columns.size, dtype=dtype).reshape(columns.size, *columns.shape)
    expected = [dot(g, F.fold(one, (4, 3), **ASYMMETRIC)) for one in each]
    grad = F.fold_grad(g, **ASYMMETRIC)
    assert_array_equal(grad, np.reshape(expected, columns.shape).astype(dtype), strict=True)


def test_fold_of_unfold_is_the_image_where_windows_tile_it():
    x = integers(2, 3, 6, 8)
    columns = F.unfold(x, (3, 2), stride=(3, 2))
    assert_array_equal(F.fold(columns, (6, 8), kernel_size=(3, 2), stride=(3, 2)), x)


def test_fold_of_unfold_counts_how_often_windows_see_each_pixel():
    x = integers(2, 3, 4, 5)
    counts = F.fold(F.unfold(np.ones((1, 1, 4, 5)), 3), (4, 5), kernel_size=3)
    assert_array_equal(counts[0, 0], np.outer([1, 2, 2, 1], [1, 2, 3, 2, 1]))
    assert_array_equal(F.fold(F.unfold(x, 3), (4, 5), kernel_size=3), counts * x)


def test_fold_drops_what_falls_on_the_padding_and_leaves_zero_where_no_window_is():
    columns = np.arange(1.0, 13).reshape(4, 3)
    y = F.fold(columns, (1, 6), kernel_size=2, padding=(1, 0), stride=(2, 2))
    assert_array_equal(y, [[[7, 10, 8, 11, 9, 12]]])
    y = F.fold(np.ones((1, 2)), (2, 3), kernel_size=1, stride=2)
    assert_array_equal(y, [[[1, 0, 1], [0, 0, 0]]])


def test_unfold_of_a_window_of_the_whole_image_is_its_flattening():
    x = integers(2, 3, 4, 5)
    assert_array_equal(F.unfold(x, (4, 5)), x.reshape(2, 60, 1))


def test_unfold_and_fold_take_a_missing_batch_and_no_samples():
    x = integers(3, 4, 5)
    columns = F.unfold(x, **ASYMMETRIC)
    assert_array_equal(columns, F.unfold(x[None], **ASYMMETRIC)[0], strict=True)
    folded = F.fold(columns, (4, 5), **ASYMMETRIC)
    assert_array_equal(folded, F.fold(columns[None], (4, 5), **ASYMMETRIC)[0], strict=True)
    assert F.unfold(np.zeros((0, 3, 4, 5)), **ASYMMETRIC).shape == (0, 18, 12)
    assert F.fold(np.zeros((0, 18, 12)), (4, 5), **ASYMMETRIC).shape == (0, 3, 4, 5)


X, COLUMNS = np.zeros((2, 3, 5, 6)), np.zeros((2, 12, 20))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: F.unfold(X[0, 0], 2),
            r"unfold: x has 2 dimensions, shape \(5, 6\), expected \(N, C, H, W\), or the same",
        ),
        (lambda: F.unfold(X, 0), "unfold: kernel_size is 0, expected at least 1"),
        (lambda: F.unfold(X, 2, dilation=0), "unfold: dilation is 0, expected at least 1"),
        (lambda: F.unfold(X, 2, padding=-1), "unfold: padding is -1, expected at least 0"),
        (lambda: F.unfold(X, 2, stride=0), "unfold: stride is 0, expected at least 1"),
        (
            lambda: F.unfold(X, (2, 3), dilation=(1, 5), padding=(0, 2)),
            r"unfold: a window of \(2, 3\), dilated by \(1, 5\), does not fit into \(3, 5, 6\) "
            r"with padding \(0, 2\)",
        ),
        (
            lambda: F.unfold(X[:, :0], 2),
            r"unfold: a window of \(2, 2\), dilated by \(1, 1\), does not fit into \(0, 5, 6\)",
        ),
        (
            lambda: F.unfold_grad(COLUMNS, input_shape=(2, 3, 5, 5), kernel_size=2),
            r"unfold_grad: grad_output has shape \(2, 12, 20\), expected \(2, 12, 16\)",
        ),
        (
            lambda: F.unfold_grad(COLUMNS, input_shape=(3, 5, 6), kernel_size=2),
            r"unfold_grad: grad_output has shape \(2, 12, 20\), expected \(12, 20\)",
        ),
        (
            lambda: F.unfold_grad(COLUMNS, input_shape=(5, 6), kernel_size=2),
            r"unfold_grad: input_shape is \(5, 6\), expected \(N, C, H, W\), or the same without",
        ),
        (
            lambda: F.fold(COLUMNS[0, 0], (5, 6), kernel_size=2),
            r"fold: x has 1 dimensions, shape \(20,\), expected \(N, C \* KH \* KW, Hout \* Wout\)",
        ),
        (
            lambda: F.fold(COLUMNS, (5, 6), kernel_size=(2, 5)),
            "fold: x has 12 rows, expected a multiple of the 10 elements of a window",
        ),
        (
            lambda: F.fold(COLUMNS[:, :0], (5, 6), kernel_size=2),
            "fold: x has 0 rows, expected a multiple of the 4 elements of a window",
        ),
        (
            lambda: F.fold(COLUMNS, (5, 7), kernel_size=2),
            r"fold: x has shape \(2, 12, 20\), expected \(2, 12, 24\)",
        ),
        (
            lambda: F.fold(COLUMNS[0], (5, 7), kernel_size=2),
            r"fold: x has shape \(12, 20\), expected \(12, 24\)",
        ),
        (
            lambda: F.fold(COLUMNS, (5, 0), kernel_size=2),
            "fold: output_size is 0, expected at least 1",
        ),
        (
            lambda: F.fold(COLUMNS, 1, kernel_size=2),
            r"fold: a window of \(2, 2\), dilated by \(1, 1\), does not fit into \(3, 1, 1\)",
        ),
        (
            lambda: F.fold_grad(X[0, 0], kernel_size=2),
            "fold_grad: grad_output has 2 dimensions",
        ),
    ],
)
def test_unfold_and_fold_refuse_what_does_not_fit(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: F.unfold(X, 2.0), "unfold: kernel_size is 2.0, expected an integer"),
        (lambda: F.unfold(X, 2, stride="2"), "unfold: stride is '2', expected an integer"),
        (
            lambda: F.fold(COLUMNS, None, kernel_size=2),
            "fold: output_size is None, expected an integer",
        ),
    ],
)
def test_unfold_and_fold_refuse_parameters_of_wrong_types(call, message):
    with pytest.raises(TypeError, match=message):
        call()
