"""Laws of adaptive pooling, exact on small integers, and what it refuses."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from scratchcnn import functional as F

DIMENSIONS = pytest.mark.parametrize("spatial", [1, 2, 3])
# Every count of a window of at most 3 positions an axis divides it, in three dimensions too.
WHOLE = 6**3


def integers(*shape, seed=0):
    return np.random.default_rng(seed).integers(-9, 10, shape).astype(float)


def dot(a, b):
    return float(np.vdot(a, b))


def function(name, spatial, suffix=""):
    return getattr(F, f"adaptive_{name}_pool{spatial}d{suffix}")


@st.composite
def poolings(draw):
    """Draw (x, output size), with windows of at most 3 positions an axis."""
    spatial = draw(st.integers(1, 3))
    output = draw(st.tuples(*[st.integers(1, 5)] * spatial))
    size = [draw(st.integers(1, max(3, 2 * m - 1) if m < 3 else 2 * m)) for m in output]
    seed = draw(st.integers(0, 2**32 - 1))
    return integers(2, 2, *size, seed=seed), output


def windows(x, output):
    """Yield each position of the output with its window and the index of that."""
    for position in np.ndindex(output):
        window = tuple(
            slice(math.floor(i * n / m), math.ceil((i + 1) * n / m))
            for i, n, m in zip(position, x.shape[2:], output, strict=True)
        )
        yield position, x[:, :, *window].reshape(2, 2, -1), window


@given(poolings())
def test_adaptive_avg_pool_is_the_mean_of_each_window_and_its_gradient_the_adjoint(case):
    x, output = case
    x = WHOLE * x
    pool = function("avg", len(output))
    y = pool(x, output)
    for position, window, _ in windows(x, output):
        assert_array_equal(y[:, :, *position], window.sum(2) / window.shape[2])
    g = WHOLE * integers(*y.shape, seed=1)
    options = {"input_shape": x.shape, "output_size": output}
    grad = function("avg", len(output), "_grad")(g, **options)
    assert grad.shape == x.shape
    other = integers(*x.shape, seed=2)
    assert dot(g / WHOLE, pool(WHOLE * other, output)) == dot(grad, other)


@given(poolings())
def test_adaptive_max_pool_is_the_largest_value_at_its_first_index(case):
    x, output = case
    # Few values, so that most windows have ties.
    x = np.sign(x)
    spatial = len(output)
    y, indices = function("max", spatial)(x, output, return_indices=True)
    assert_array_equal(function("max", spatial)(x, output), y, strict=True)
    places = np.arange(x[0, 0].size).reshape(x.shape[2:]) + np.zeros(x.shape)
    for position, window, at in windows(x, output):
        assert_array_equal(y[:, :, *position], window.max(2))
        place = places[:, :, *at].reshape(2, 2, -1)
        first = np.where(window == window.max(2, keepdims=True), place, np.inf).min(2)
        assert_array_equal(indices[:, :, *position], first)
    g = integers(*y.shape, seed=1)
    expected = np.zeros((2, 2, x[0, 0].size))
    for n, c in np.ndindex(2, 2):
        np.add.at(expected[n, c], indices[n, c], g[n, c])
    options = {"input_shape": x.shape, "output_size": output}
    grad = function("max", spatial, "_grad")(g, indices, **options)
    assert_array_equal(grad, expected.reshape(x.shape), strict=True)


@DIMENSIONS
def test_adaptive_pooling_to_a_size_that_divides_is_pooling_with_equal_windows(spatial):
    x = 8 * integers(2, 3, *(4, 6, 2)[:spatial])
    size, kernel = (2, 3, 1)[:spatial], (2, 2, 2)[:spatial]
    for name in ("avg", "max"):
        expected = getattr(F, f"{name}_pool{spatial}d")(x, kernel)
        assert_array_equal(function(name, spatial)(x, size), expected, strict=True)
    pooled = getattr(F, f"max_pool{spatial}d")(x, kernel, return_indices=True)
    indices = function("max", spatial)(x, size, return_indices=True).indices
    assert_array_equal(indices, pooled.indices, strict=True)


@DIMENSIONS
def test_adaptive_pooling_to_one_is_global(spatial):
    x = 120 * integers(2, 3, *(4, 5, 3)[:spatial])
    axes = tuple(range(2, 2 + spatial))
    expected = x.sum(axes, keepdims=True) / math.prod((4, 5, 3)[:spatial])
    assert_array_equal(function("avg", spatial)(x, 1), expected)
    assert_array_equal(function("max", spatial)(x, 1), x.max(axes, keepdims=True))


@DIMENSIONS
@pytest.mark.parametrize("name", ["avg", "max"])
def test_adaptive_pooling_to_its_own_size_is_the_identity(name, spatial):
    x = integers(2, 3, *(4, 5, 3)[:spatial])
    pool = function(name, spatial)
    for size in ((4, 5, 3)[:spatial], (None,) * spatial):
        y = pool(x, size)
        assert_array_equal(y, x, strict=True)
        assert not np.shares_memory(x, y)


@pytest.mark.parametrize("name", ["avg", "max"])
def test_adaptive_pooling_to_a_multiple_repeats(name):
    x = integers(2, 3, 2, 3)
    expected = x.repeat(3, 2).repeat(2, 3)
    assert_array_equal(function(name, 2)(x, (6, 6)), expected, strict=True)


def test_adaptive_pooling_keeps_the_size_of_an_axis_that_is_none():
    x = 2 * integers(2, 3, 4, 6)
    assert_array_equal(F.adaptive_avg_pool2d(x, (None, 3)), F.avg_pool2d(x, (1, 2)))
    y, indices = F.adaptive_max_pool2d(x, (2, None), return_indices=True)
    g = integers(*y.shape, seed=1)
    options = {"input_shape": x.shape, "output_size": (2, None)}
    back = F.max_pool2d_grad(g, indices, input_shape=x.shape, kernel_size=(2, 1))
    assert_array_equal(F.adaptive_max_pool2d_grad(g, indices, **options), back)


@DIMENSIONS
@pytest.mark.parametrize("name", ["avg", "max"])
def test_adaptive_pooling_of_an_unbatched_image_is_that_of_a_batch_of_one(name, spatial):
    x = 12 * integers(3, *(4, 5, 3)[:spatial])
    pool, grad = function(name, spatial), function(name, spatial, "_grad")
    y = pool(x, 2)
    assert_array_equal(y, pool(x[None], 2)[0], strict=True)
    more = (pool(x, 2, return_indices=True).indices,) if name == "max" else ()
    g = integers(*y.shape, seed=1)
    whole = grad(g[None], *(each[None] for each in more), input_shape=(1, *x.shape), output_size=2)
    assert_array_equal(grad(g, *more, input_shape=x.shape, output_size=2), whole[0], strict=True)


def test_adaptive_pooling_of_no_samples_is_empty():
    x = np.zeros((0, 3, 5, 4))
    y, indices = F.adaptive_max_pool2d(x, (2, 3), return_indices=True)
    mean = F.adaptive_avg_pool2d(x, (2, 3))
    assert y.shape == indices.shape == mean.shape == (0, 3, 2, 3)
    options = {"input_shape": x.shape, "output_size": (2, 3)}
    assert F.adaptive_max_pool2d_grad(y, indices, **options).shape == x.shape
    assert F.adaptive_avg_pool2d_grad(mean, **options).shape == x.shape


def test_adaptive_max_pool_nan_beats_every_number_and_the_last_nan_the_others():
    x = np.array([[[1.0, np.nan, 5], [np.nan, np.inf, np.nan], [0, 2, 3]]])
    y, indices = F.adaptive_max_pool2d(x, (1, 1), return_indices=True)
    assert np.isnan(y).all()
    assert indices == 5
    y, indices = F.adaptive_max_pool2d(x, (3, 1), return_indices=True)
    assert_array_equal(y[0, :, 0], [np.nan, np.nan, 3])
    assert_array_equal(indices[0, :, 0], [1, 5, 8])


def test_adaptive_max_pool_of_minus_infinity_has_the_first_index():
    x = np.full((1, 2, 3), -np.inf)
    y, indices = F.adaptive_max_pool2d(x, 1, return_indices=True)
    assert (y.item(), indices.item()) == (-np.inf, 0)


X, G = np.zeros((1, 2, 4, 6)), np.zeros((1, 2, 2, 3))
INDICES = np.zeros(G.shape, np.int64)
OPTIONS = {"input_shape": X.shape, "output_size": (2, 3)}


@pytest.mark.parametrize(
    ("error", "call", "message"),
    [
        (ValueError, lambda f: f(X[0, 0], 2), "x has 2 dimensions, shape"),
        (ValueError, lambda f: f(X, -2), "output_size is -2, expected at least 0"),
        (ValueError, lambda f: f(X, (2, -1)), "output_size is -1, expected at least 0"),
        (ValueError, lambda f: f(X, (2,)), r"output_size has 1 values, \(2,\), expected one"),
        (ValueError, lambda f: f(X, (2, 2, 2)), r"output_size has 3 values, \(2, 2, 2\)"),
        (ValueError, lambda f: f(X[:, :, :0], 2), r"x has the size \(0, 6\), expected at least 1"),
        (TypeError, lambda f: f(X, 1.5), "output_size is 1.5, expected an integer of at least 0"),
        (TypeError, lambda f: f(X, None), "output_size is None, expected an integer of at least"),
        (TypeError, lambda f: f(X, "22"), "output_size is '22', expected an integer of at least"),
    ],
)
@pytest.mark.parametrize("name", ["avg", "max"])
def test_adaptive_pooling_refuses_what_does_not_fit(name, error, call, message):
    with pytest.raises(error, match=f"^adaptive_{name}_pool2d: {message}"):
        call(function(name, 2))


@pytest.mark.parametrize(
    ("error", "call", "message"),
    [
        (
            ValueError,
            lambda: F.adaptive_avg_pool2d_grad(X, **OPTIONS),
            r"avg_pool2d_grad: grad_output has shape \(1, 2, 4, 6\), expected \(1, 2, 2, 3\)",
        ),
        (
            ValueError,
            lambda: F.adaptive_avg_pool2d_grad(G, input_shape=(4, 6), output_size=2),
            r"avg_pool2d_grad: input_shape is \(4, 6\), expected \(N, C, H, W\), or the same",
        ),
        (
            ValueError,
            lambda: F.adaptive_max_pool2d_grad(G, INDICES[0], **OPTIONS),
            r"max_pool2d_grad: indices has shape \(2, 2, 3\), expected \(1, 2, 2, 3\)",
        ),
        (
            ValueError,
            lambda: F.adaptive_max_pool2d_grad(G, INDICES + 24, **OPTIONS),
            "max_pool2d_grad: indices has values from 24 to 24, expected 0 to 23",
        ),
        (
            ValueError,
            lambda: F.adaptive_max_pool2d_grad(G, INDICES - 1, **OPTIONS),
            "max_pool2d_grad: indices has values from -1 to -1, expected 0 to 23",
        ),
        (
            TypeError,
            lambda: F.adaptive_max_pool2d_grad(G, G, **OPTIONS),
            "max_pool2d_grad: indices has dtype float64, expected a NumPy array of integers",
        ),
    ],
)
def test_adaptive_gradients_refuse_what_does_not_fit(error, call, message):
    with pytest.raises(error, match=f"^adaptive_{message}"):
        call()
