"""Laws of the exponential linear units, and what they refuse."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from scratchcnn import functional as F
from scratchcnn import gradcheck

DTYPES = [np.float32, np.float64]
SCALE, ALPHA = 1.0507009873554805, 1.6732632423543772
UNITS = {
    "elu": (lambda x: F.elu(x, 0.5), lambda g, x: F.elu_grad(g, x, alpha=0.5)),
    "selu": (F.selu, F.selu_grad),
    "celu": (lambda x: F.celu(x, 0.5), lambda g, x: F.celu_grad(g, x, alpha=0.5)),
}
each_unit = pytest.mark.parametrize(("function", "gradient"), UNITS.values(), ids=UNITS)


def normal(*shape, seed=0, dtype=np.float64):
    return (3 * np.random.default_rng(seed).standard_normal(shape)).astype(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
def test_elu_and_celu_are_the_identity_above_0_and_end_at_minus_alpha(dtype):
    x = np.array([-np.inf, -1e4, -0.0, 0, 3, np.inf, np.nan], dtype)
    expected = np.array([-0.5, -0.5, 0, 0, 3, np.inf, np.nan], dtype)
    assert_array_equal(F.elu(x, 0.5), expected, strict=True)
    assert_array_equal(F.celu(x, 0.5), expected, strict=True)
    ends = np.array([-SCALE * ALPHA, 0, np.inf, np.nan], dtype)
    assert_array_equal(F.selu(x[[0, 3, 5, 6]]), ends, strict=True)


def test_the_slopes_at_0_are_those_of_the_left():
    zero, g = np.array([-0.0, 0.0]), np.array([4.0, 4.0])
    assert_array_equal(F.elu_grad(g, zero, alpha=0.5), [2, 2])
    assert_array_equal(F.celu_grad(g, zero, alpha=0.5), [4, 4])
    assert_array_equal(F.selu_grad(g, zero), 4 * np.full(2, SCALE * ALPHA))


@pytest.mark.parametrize("dtype", DTYPES)
@each_unit
def test_the_gradient_of_nan_is_nan_and_that_of_the_ends_is_flat(function, gradient, dtype):
    x = np.array([np.nan, -np.inf, -1e30], dtype)
    assert_array_equal(gradient(np.ones(3, dtype), x), np.array([np.nan, 0, 0], dtype))


@each_unit
def test_units_have_the_gradients_of_central_differences(function, gradient):
    x = normal(4, 5)
    assert gradcheck(lambda x: (function(x), lambda g: gradient(g, x)), x).ok


def test_celu_is_elu_with_a_stretched_axis():
    x = normal(50)
    assert_array_equal(F.celu(x, 2.0), 2 * F.elu(x / 2))
    assert_array_equal(F.celu(x), F.elu(x))


def test_selu_is_a_scaled_elu():
    x = normal(50)
    # The products of constants are rounded once in another place.
    bound = 4 * np.finfo(np.float64).eps * np.abs(F.selu(x))
    assert (np.abs(F.selu(x) - SCALE * F.elu(x, ALPHA)) <= bound).all()


def test_selu_keeps_mean_0_and_variance_1_of_normal_numbers():
    # Both moments as sums over a fine grid, whose error is of the order of step².
    step = 1e-3
    x = np.arange(-12, 12, step)
    density = np.exp(-x * x / 2) / math.sqrt(2 * math.pi) * step
    assert abs((F.selu(x) * density).sum()) < step**2
    assert abs((F.selu(x) ** 2 * density).sum() - 1) < step**2


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("function", [F.elu, F.celu])
def test_units_keep_their_precision_near_0(function, dtype):
    x = np.array([-1e-10, -1e-20], dtype)
    # Of x + x²/2 the second term is below the last digit in float32 only.
    expected = [math.expm1(a) for a in x.tolist()]
    assert (np.abs(function(x) / expected - 1) <= 4 * np.finfo(dtype).eps).all()


X = np.zeros((2, 3))


def test_units_refuse_other_parameters():
    with pytest.raises(TypeError, match="^elu: alpha is 'a', expected a number"):
        F.elu(X, "a")
    with pytest.raises(TypeError, match="^elu_grad: alpha is None, expected a number"):
        F.elu_grad(X, X, alpha=None)
    with pytest.raises(ValueError, match="^celu: alpha is 0, expected another number"):
        F.celu(X, 0.0)
    with pytest.raises(ValueError, match="^celu_grad: alpha is 0, expected another number"):
        F.celu_grad(X, X, alpha=0)
    with pytest.raises(ValueError, match=r"^selu_grad: grad_output has shape \(3,\), expected \(2"):
        F.selu_grad(X[0], X)
