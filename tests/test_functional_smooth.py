"""Laws of softplus, logsigmoid and softsign, and what they refuse."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from scratchcnn import functional as F
from scratchcnn import gradcheck

DTYPES = [np.float32, np.float64]
SMOOTH = {
    "softplus": (
        lambda x: F.softplus(x, 2.0, threshold=50.0),
        lambda g, x: F.softplus_grad(g, x, beta=2.0, threshold=50.0),
    ),
    "logsigmoid": (F.logsigmoid, F.logsigmoid_grad),
    "softsign": (F.softsign, F.softsign_grad),
}


def normal(*shape, seed=0, dtype=np.float64):
    return (3 * np.random.default_rng(seed).standard_normal(shape)).astype(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
def test_softplus_of_x_minus_softplus_of_minus_x_is_x(dtype):
    x = normal(50, dtype=dtype)
    # Two results up to |x| + 1 with two roundings each and an exponential and a logarithm
    # within 4 ulp of numbers up to 1, and their difference.
    bound = (2 * 2 + 2 * 8 + 1) * np.finfo(dtype).eps * (np.abs(x) + 1)
    assert (np.abs(F.softplus(x) - F.softplus(-x) - x) <= bound).all()


def test_softplus_with_beta_is_softplus_of_a_stretched_axis():
    x = normal(50)
    assert_array_equal(F.softplus(x, 2.0), F.softplus(2 * x) / 2)
    assert_array_equal(F.softplus(x, -2.0), F.softplus(-2 * x) / -2)


def test_softplus_jumps_to_x_above_its_threshold():
    x = np.array([-1.0, 1, np.nextafter(1, 2), 3])
    y = F.softplus(x, 2.0, threshold=2.0)
    assert_array_equal(y[2:], x[2:])
    assert (y[:2] > x[:2]).all()
    assert y[1] > y[2]
    grad = F.softplus_grad(np.full(4, 3.0), x, beta=2.0, threshold=2.0)
    assert_array_equal(grad[2:], [3, 3])
    assert (grad[:2] < 3).all()


@pytest.mark.parametrize("dtype", DTYPES)
def test_softplus_overflows_for_no_threshold(dtype):
    x = np.array([100, 1e4, np.finfo(dtype).max, np.inf, -np.inf, np.nan], dtype)
    expected = np.array([*x[:4], 0, np.nan], dtype)
    assert_array_equal(F.softplus(x, threshold=np.inf), expected, strict=True)
    grad = F.softplus_grad(np.ones(6, dtype), x, threshold=np.inf)
    assert_array_equal(grad, np.array([1, 1, 1, 1, 0, np.nan], dtype), strict=True)


@pytest.mark.parametrize("dtype", DTYPES)
def test_softplus_and_logsigmoid_keep_their_digits_in_the_tail(dtype):
    x = np.array([-80, -30, -16.5, -1], dtype)
    expected = np.array([math.log1p(math.exp(a)) for a in x.tolist()])
    # An exponential and a logarithm within 4 ulp.
    room = 8 * np.finfo(dtype).eps
    assert (np.abs(F.softplus(x) / expected - 1) <= room).all()
    assert (np.abs(F.logsigmoid(-x) / -expected - 1) <= room).all()


def test_logsigmoid_is_the_logarithm_of_the_sigmoid():
    x = normal(50)
    # A logarithm and the exponentials within 4 ulp, of numbers up to 15, and the roundings of
    # the sigmoid, which the logarithm leaves as they are.
    bound = (3 * 4 + 3) * np.finfo(np.float64).eps * 15
    assert np.abs(F.logsigmoid(x) - np.log(F.sigmoid(x))).max() <= bound
    assert_array_equal(F.logsigmoid(np.array([-1e4, np.inf])), [-1e4, 0])


@pytest.mark.parametrize("dtype", DTYPES)
def test_softsign_is_odd_and_of_infinity_nan(dtype):
    x = np.array([1, 3, np.finfo(dtype).max, np.inf], dtype)
    assert_array_equal(F.softsign(x), np.array([0.5, 0.75, 1, np.nan], dtype), strict=True)
    assert_array_equal(F.softsign(-x), -F.softsign(x))
    grad = F.softsign_grad(np.full(4, 16, dtype), x)
    assert_array_equal(grad, np.array([4, 1, 0, np.nan], dtype), strict=True)
    assert_array_equal(F.softsign_grad(np.full(4, 16, dtype), -x), grad)


@pytest.mark.parametrize("dtype", DTYPES)
def test_softsign_keeps_the_digits_of_small_slopes(dtype):
    x = np.array([1e-3, 10, 1e4, 1e6], dtype)
    expected = 1 / (1 + x.astype(np.float64)) ** 2
    grad = F.softsign_grad(np.ones(4, dtype), x)
    assert (np.abs(grad / expected - 1) <= 4 * np.finfo(dtype).eps).all()


@pytest.mark.parametrize(("function", "gradient"), SMOOTH.values(), ids=SMOOTH)
def test_smooth_functions_have_the_gradients_of_central_differences(function, gradient):
    assert gradcheck(lambda x: (function(x), lambda g: gradient(g, x)), normal(4, 5)).ok


X = np.zeros((2, 3))


def test_softplus_refuses_what_is_no_number():
    with pytest.raises(TypeError, match="^softplus: beta is 'a', expected a number"):
        F.softplus(X, "a")
    with pytest.raises(TypeError, match="^softplus: threshold is None, expected a number"):
        F.softplus(X, threshold=None)
    with pytest.raises(TypeError, match="^softplus_grad: beta is None, expected a number"):
        F.softplus_grad(X, X, beta=None)


@pytest.mark.parametrize("name", SMOOTH)
def test_gradients_of_smooth_functions_refuse_another_shape(name):
    message = rf"^{name}_grad: grad_output has shape \(3,\), expected \(2, 3\)"
    with pytest.raises(ValueError, match=message):
        getattr(F, f"{name}_grad")(X[0], X)
