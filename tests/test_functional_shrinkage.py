"""Laws of the shrinkages and the threshold, and what they refuse."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from scratchcnn import functional as F
from scratchcnn import gradcheck

DTYPES = [np.float32, np.float64]
PIECES = {
    "hardshrink": (
        lambda x: F.hardshrink(x, 1.25),
        lambda g, x: F.hardshrink_grad(g, x, lambd=1.25),
    ),
    "softshrink": (
        lambda x: F.softshrink(x, 1.25),
        lambda g, x: F.softshrink_grad(g, x, lambd=1.25),
    ),
    "tanhshrink": (F.tanhshrink, F.tanhshrink_grad),
    "threshold": (
        lambda x: F.threshold(x, 0.5, value=-7.0),
        lambda g, x: F.threshold_grad(g, x, threshold=0.5),
    ),
}


def normal(*shape, seed=0):
    return 3 * np.random.default_rng(seed).standard_normal(shape)


def integers(*shape, seed=0):
    return np.random.default_rng(seed).integers(-5, 6, shape).astype(float)


def test_softshrink_and_what_it_takes_away_add_to_x():
    x = integers(50)
    assert_array_equal(F.softshrink(x, 1.5) + F.hardtanh(x, -1.5, max_val=1.5), x)
    assert_array_equal(F.softshrink(x, 0), x)
    assert_array_equal(F.softshrink(-x, 1.5), -F.softshrink(x, 1.5))


def test_hardshrink_keeps_what_softshrink_does_not_set_to_0():
    x = normal(50)
    kept = F.softshrink(x, 1.25) != 0
    assert_array_equal(F.hardshrink(x, 1.25), np.where(kept, x, 0))
    assert 0 < kept.sum() < 50
    assert_array_equal(F.hardshrink(x, -1.0), x)


def test_threshold_keeps_what_is_above_it():
    x = normal(50)
    assert_array_equal(F.threshold(x, 0.0, value=0.0), F.relu(x))
    assert_array_equal(F.threshold(x, 0.5, value=-7.0), np.where(x > 0.5, x, -7))


@pytest.mark.parametrize("dtype", DTYPES)
def test_pieces_at_their_bounds_and_beyond_the_numbers(dtype):
    x = np.array([-np.inf, -1.25, 1.25, np.inf, np.nan], dtype)
    for name, output, slope in (
        ("hardshrink", [-np.inf, 0, 0, np.inf, np.nan], [1, 0, 0, 1, 0]),
        ("softshrink", [-np.inf, 0, 0, np.inf, np.nan], [1, 0, 0, 1, 0]),
        ("threshold", [-7, -7, 1.25, np.inf, np.nan], [0, 0, 1, 1, 1]),
    ):
        function, gradient = PIECES[name]
        assert_array_equal(function(x), np.array(output, dtype), strict=True)
        grad = gradient(np.full(5, -3, dtype), x)
        assert_array_equal(grad, -3 * np.array(slope, dtype), strict=True)
    half = np.array([0.5, np.nextafter(0.5, 1)])
    assert_array_equal(F.threshold(half, 0.5, value=-7.0), [-7, half[1]])
    assert_array_equal(F.threshold_grad(np.ones(2), half, threshold=0.5), [0, 1])


@pytest.mark.parametrize("dtype", DTYPES)
def test_bounds_are_compared_in_the_dtype_of_x(dtype):
    x = np.array([0.1, -0.1], dtype)
    zero = np.zeros(2, dtype)
    assert_array_equal(F.hardshrink(x, 0.1), zero, strict=True)
    assert_array_equal(F.hardshrink_grad(x, x, lambd=0.1), zero, strict=True)
    assert_array_equal(F.softshrink_grad(x, x, lambd=0.1), zero, strict=True)
    assert_array_equal(F.threshold(x, 0.1, value=0.0), zero, strict=True)


def test_no_gradient_passes_where_the_slope_is_0_even_an_infinite_one():
    x = np.array([0.25])
    for name in ("hardshrink", "softshrink", "threshold"):
        assert_array_equal(PIECES[name][1](np.array([np.inf]), x), [0])


@pytest.mark.parametrize(("function", "gradient"), PIECES.values(), ids=PIECES)
def test_shrinkages_have_the_gradients_of_central_differences(function, gradient):
    assert gradcheck(lambda x: (function(x), lambda g: gradient(g, x)), normal(4, 5)).ok


@pytest.mark.parametrize("dtype", DTYPES)
def test_tanhshrink_keeps_its_digits_everywhere(dtype):
    mpmath = pytest.importorskip("mpmath")
    sizes = np.concatenate([10.0 ** np.arange(-9, 3), [0.3, 0.7, 0.99, 1, 1.01, 1.7, 5, 18, 40]])
    x = np.concatenate([sizes, -sizes]).astype(dtype)
    with mpmath.workdps(60):
        true = [mpmath.mpf(a) - mpmath.tanh(mpmath.mpf(a)) for a in x.tolist()]
        slope = [mpmath.tanh(mpmath.mpf(a)) ** 2 for a in x.tolist()]
    # Five roundings and what is left of one library function of 4 ulp; 2 · 4 ulp and three.
    for result, expected, ulps in (
        (F.tanhshrink(x), true, 6),
        (F.tanhshrink_grad(np.ones_like(x), x), slope, 8),
    ):
        normal = np.abs(result) > np.finfo(dtype).tiny
        error = np.abs(result / np.array(expected, np.float64) - 1)[normal]
        assert error.max() <= ulps * np.finfo(dtype).eps
        assert normal.sum() >= 30


def test_tanhshrink_is_odd_and_ends_one_below_x():
    x = np.array([0.0, 1e-5, 0.5, 2, 1e4, np.inf])
    assert_array_equal(F.tanhshrink(-x), -F.tanhshrink(x))
    assert_array_equal(F.tanhshrink(x[-2:]), [1e4 - 1, np.inf])
    assert np.isnan(F.tanhshrink(np.array([np.nan])))


X = np.zeros((2, 3))


@pytest.mark.parametrize("name", ["hardshrink", "softshrink"])
def test_shrinkages_refuse_a_lambd_that_is_no_number(name):
    with pytest.raises(TypeError, match=f"^{name}: lambd is 'a', expected a number"):
        getattr(F, name)(X, "a")
    with pytest.raises(TypeError, match=f"^{name}_grad: lambd is None, expected a number"):
        getattr(F, f"{name}_grad")(X, X, lambd=None)


def test_softshrink_refuses_a_negative_lambd():
    with pytest.raises(ValueError, match="^softshrink: lambd is -0.5, expected at least 0"):
        F.softshrink(X, -0.5)
    with pytest.raises(ValueError, match="^softshrink_grad: lambd is -0.5, expected at least 0"):
        F.softshrink_grad(X, X, lambd=-0.5)


def test_threshold_refuses_what_is_no_number():
    with pytest.raises(TypeError, match="^threshold: threshold is 'a', expected a number"):
        F.threshold(X, "a", value=0.0)
    with pytest.raises(TypeError, match="^threshold: value is None, expected a number"):
        F.threshold(X, 0.0, value=None)
    with pytest.raises(TypeError, match="^threshold_grad: threshold is 'a', expected a number"):
        F.threshold_grad(X, X, threshold="a")


@pytest.mark.parametrize("name", PIECES)
def test_gradients_of_shrinkages_refuse_another_shape(name):
    options = {"threshold": 0.0} if name == "threshold" else {}
    message = rf"^{name}_grad: grad_output has shape \(3,\), expected \(2, 3\)"
    with pytest.raises(ValueError, match=message):
        getattr(F, f"{name}_grad")(X[0], X, **options)
