"""Laws of the activations in straight pieces, and what they refuse."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from scratchcnn import functional as F
from scratchcnn import gradcheck

DTYPES = [np.float32, np.float64]
BOUNDS = {"min_val": -0.75, "max_val": 1.25}
PIECES = {
    "relu6": (F.relu6, F.relu6_grad),
    "hardtanh": (lambda x: F.hardtanh(x, **BOUNDS), lambda g, x: F.hardtanh_grad(g, x, **BOUNDS)),
    "hardsigmoid": (F.hardsigmoid, F.hardsigmoid_grad),
    "hardswish": (F.hardswish, F.hardswish_grad),
}
NEXT = np.nextafter(np.float64(3), 4)


def normal(*shape, seed=0):
    return 3 * np.random.default_rng(seed).standard_normal(shape)


def test_hardtanh_lies_between_its_bounds_and_changes_nothing_twice():
    x = normal(50)
    y = F.hardtanh(x, **BOUNDS)
    assert (y.min(), y.max()) == (-0.75, 1.25)
    assert_array_equal(F.hardtanh(y, **BOUNDS), y)
    inside = (x > -0.75) & (x < 1.25)
    assert_array_equal(y[inside], x[inside])
    assert inside.any()


def test_relu6_is_a_hardtanh():
    x, g = normal(50), normal(50, seed=1)
    assert_array_equal(F.relu6(x), F.hardtanh(x, 0.0, max_val=6.0))
    assert_array_equal(F.relu6_grad(g, x), F.hardtanh_grad(g, x, min_val=0, max_val=6))


def test_hardsigmoid_of_minus_x_is_the_rest_to_1():
    x = np.arange(-5.0, 5, 0.125)
    # Two quotients and their sum, of numbers up to 1.
    bound = 3 * np.finfo(np.float64).eps
    assert np.abs(F.hardsigmoid(x) + F.hardsigmoid(-x) - 1).max() <= bound
    assert_array_equal(F.hardsigmoid(np.array([-3.0, 0, 3])), [0, 0.5, 1])


def test_hardswish_is_x_times_hardsigmoid_and_half_of_x_is_its_odd_part():
    x = normal(50)
    assert_array_equal(F.hardswish(x), x * F.hardsigmoid(x))
    bound = 4 * np.finfo(np.float64).eps * np.abs(x)
    assert (np.abs(F.hardswish(x) - F.hardswish(-x) - x) <= bound).all()


@pytest.mark.parametrize("dtype", DTYPES)
def test_pieces_keep_infinities_and_nan_in_their_bounds(dtype):
    x = np.array([-np.inf, np.inf, np.nan, np.finfo(dtype).max], dtype)
    for function, expected in (
        (F.relu6, [0, 6, np.nan, 6]),
        (F.hardtanh, [-1, 1, np.nan, 1]),
        (F.hardsigmoid, [0, 1, np.nan, 1]),
        (F.hardswish, [np.nan, np.inf, np.nan, np.finfo(dtype).max]),
    ):
        assert_array_equal(function(x), np.array(expected, dtype), strict=True)


def test_slopes_at_the_kinks_and_beside_them():
    x = np.array([-NEXT, -3, -1.5, 0, 3, NEXT, np.nan, -np.inf, np.inf])
    g = np.full(9, 6.0)
    assert_array_equal(F.hardsigmoid_grad(g, x), [0, 0, 1, 1, 0, 0, 0, 0, 0])
    assert_array_equal(F.hardswish_grad(g, x), [0, 0, 0, 3, 6, 6, np.nan, 0, 6])
    x = np.array([-0.75, np.nextafter(-0.75, 0), 0, np.nextafter(1.25, 0), 1.25, np.nan])
    grad = F.hardtanh_grad(g[:6], x, **BOUNDS)
    assert_array_equal(grad, [0, 6, 6, 6, 0, 0])
    x = np.array([0, -0.0, 5e-324, np.nextafter(6, 0), 6, np.nan])
    assert_array_equal(F.relu6_grad(g[:6], x), [0, 0, 6, 6, 0, 0])


def test_no_gradient_passes_where_the_slope_is_0_even_an_infinite_one():
    x = np.array([-5.0])
    for _, gradient in PIECES.values():
        assert_array_equal(gradient(np.array([np.inf]), x), [0])


@pytest.mark.parametrize(("function", "gradient"), PIECES.values(), ids=PIECES)
def test_pieces_have_the_gradients_of_central_differences(function, gradient):
    assert gradcheck(lambda x: (function(x), lambda g: gradient(g, x)), normal(4, 5)).ok


@pytest.mark.parametrize("dtype", DTYPES)
def test_bounds_are_compared_in_the_dtype_of_x(dtype):
    x = np.array([0.1, 0.7], dtype)
    grad = F.hardtanh_grad(np.ones(2, dtype), x, min_val=0.1, max_val=0.7)
    assert_array_equal(grad, np.zeros(2, dtype), strict=True)


X = np.zeros((2, 3))


def test_hardtanh_refuses_bounds_that_are_none():
    with pytest.raises(ValueError, match="^hardtanh: max_val is 1, expected at least 2"):
        F.hardtanh(X, 2.0)
    with pytest.raises(ValueError, match="^hardtanh_grad: max_val is -2, expected at least -1"):
        F.hardtanh_grad(X, X, max_val=-2.0)
    with pytest.raises(TypeError, match="^hardtanh: min_val is 'a', expected a number"):
        F.hardtanh(X, "a")
    with pytest.raises(TypeError, match="^hardtanh: max_val is None, expected a number"):
        F.hardtanh(X, max_val=None)
    assert_array_equal(F.hardtanh(X, 0.5, max_val=0.5), np.full((2, 3), 0.5))


@pytest.mark.parametrize("gradient", [F.relu6_grad, F.hardsigmoid_grad, F.hardswish_grad])
def test_gradients_of_pieces_refuse_another_shape(gradient):
    message = rf"^{gradient.__name__}: grad_output has shape \(3,\), expected \(2, 3\)"
    with pytest.raises(ValueError, match=message):
        gradient(X[0], X)
