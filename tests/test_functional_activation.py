"""Laws of the activations and their gradients, and what they refuse."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from scratchcnn import functional as F
from scratchcnn import gradcheck

DTYPES = [np.float32, np.float64]


def normal(*shape, seed=0, dtype=np.float64):
    return (3 * np.random.default_rng(seed).standard_normal(shape)).astype(dtype)


def integers(*shape, seed=0, dtype=np.float64):
    return np.random.default_rng(seed).integers(-5, 6, shape).astype(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
def test_relu_keeps_what_is_positive(dtype):
    x = np.array([-np.inf, -2, -0.0, 0, 3, np.inf, np.nan], dtype)
    expected = np.array([0, 0, 0, 0, 3, np.inf, np.nan], dtype)
    assert_array_equal(F.relu(x), expected, strict=True)


def test_relu_of_x_minus_relu_of_minus_x_is_x():
    x = normal(3, 4)
    assert_array_equal(F.relu(x) - F.relu(-x), x)
    assert_array_equal(F.relu(F.relu(x)), F.relu(x))


def test_relu_gradient_at_0_is_0_and_passes_where_x_is_nan():
    x = np.array([-1, -0.0, 0, 1e-300, np.nan])
    assert_array_equal(F.relu_grad(np.full(5, -7.0), x), [0, 0, 0, -7, -7])


@pytest.mark.parametrize("dtype", DTYPES)
def test_sigmoid_of_minus_x_is_the_rest_to_1(dtype):
    x = normal(50, dtype=dtype)
    # Three roundings of numbers up to 1, and two exponentials within 4 ulp.
    bound = (3 + 2 * 4) * np.finfo(dtype).eps
    assert np.abs(F.sigmoid(-x) + F.sigmoid(x) - 1).max() <= bound


@pytest.mark.parametrize("dtype", DTYPES)
def test_sigmoid_is_a_hyperbolic_tangent(dtype):
    x = normal(50, dtype=dtype)
    # Numbers up to 1; the exponential and the tangent within 4 ulp, and four roundings.
    bound = (4 + 4 + 4) * np.finfo(dtype).eps
    assert np.abs(F.sigmoid(x) - (1 + F.tanh(x / 2)) / 2).max() <= bound


@pytest.mark.parametrize("dtype", DTYPES)
def test_sigmoid_keeps_its_precision_in_the_tail(dtype):
    x = np.array([-80, -30, -16.5, -1], dtype)
    expected = [math.exp(a) / (1 + math.exp(a)) for a in x.tolist()]
    # The exponential within 4 ulp, a sum and a quotient, relative to the tiny result.
    assert (np.abs(F.sigmoid(x) / expected - 1) <= (4 + 2) * np.finfo(dtype).eps).all()


@pytest.mark.parametrize("dtype", DTYPES)
def test_sigmoid_ends_at_0_and_1(dtype):
    x = np.array([-np.inf, -1e4, 0, 1e4, np.inf, np.nan], dtype)
    assert_array_equal(F.sigmoid(x), np.array([0, 0, 0.5, 1, 1, np.nan], dtype), strict=True)


def test_tanh_is_odd_and_ends_at_1():
    x = normal(50)
    assert_array_equal(F.tanh(-x), -F.tanh(x))
    assert_array_equal(F.tanh(np.array([-np.inf, 0.0, 1e4, np.nan])), [-1, 0, 1, np.nan])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("dim", [0, 1, 2, -1])
def test_softmax_sums_to_1_along_its_axis_only(dtype, dim):
    y = F.softmax(normal(3, 4, 5, dtype=dtype), dim=dim)
    n = y.shape[dim]
    # n quotients by one sum of n numbers, and the n - 1 additions of the test.
    assert np.abs(y.sum(dim) - 1).max() <= (1 + n + n) * np.finfo(dtype).eps
    assert (y > 0).all()
    assert np.abs(y.sum(dim - 1) - 1).max() > 0.1


@pytest.mark.parametrize("function", [F.softmax, F.log_softmax])
def test_softmax_and_its_logarithm_are_shift_invariant(function):
    x = integers(3, 4)
    shift = integers(3, 1, seed=1) * 1000
    # The differences from the maximum are the same integers.
    assert_array_equal(function(x + shift, dim=1), function(x, dim=1))


@pytest.mark.parametrize("function", [F.softmax, F.log_softmax])
def test_softmax_along_the_first_axis_is_that_of_the_transposed(function):
    x = normal(3, 4)
    assert_array_equal(function(x, dim=0), function(np.ascontiguousarray(x.T), dim=1).T)
    assert_array_equal(function(x, dim=-2), function(x, dim=0))


def test_softmax_of_two_is_the_sigmoid_of_their_difference():
    x = normal(20, 2)
    # Exponentials of numbers down to -20 within 4 ulp, the rounding of the difference of the
    # arguments (at most 20 u), a sum and a quotient, of numbers up to 1.
    bound = (2 * 4 + 20 + 2 + 2) * np.finfo(np.float64).eps
    assert np.abs(F.softmax(x, dim=1)[:, 0] - F.sigmoid(x[:, 0] - x[:, 1])).max() <= bound


def test_log_softmax_is_the_logarithm_of_softmax():
    x = normal(20, 5)
    y = F.log_softmax(x, dim=1)
    # 5 exponentials and one logarithm within 4 ulp, 5 sums; the logarithms lie above -25.
    bound = (2 * 4 + 5 + 4) * np.finfo(np.float64).eps * 25
    assert np.abs(y - np.log(F.softmax(x, dim=1))).max() <= bound


@pytest.mark.parametrize("dtype", DTYPES)
def test_softmax_and_its_logarithm_take_logits_of_any_size(dtype):
    x = np.array([[1e4, 0, -1e4], [-3e38, -3e38, -np.inf]], dtype)
    assert_array_equal(F.softmax(x, dim=1), np.array([[1, 0, 0], [0.5, 0.5, 0]], dtype))
    y = F.log_softmax(x, dim=1)
    assert_array_equal(y[0], np.array([0, -1e4, -2e4], dtype))
    assert y[1, 2] == -np.inf
    assert np.isnan(F.softmax(np.full((1, 2), -np.inf, dtype), dim=1)).all()


@pytest.mark.parametrize("function", [F.softmax, F.log_softmax])
def test_softmax_of_no_classes_or_no_samples_is_empty(function):
    assert function(np.zeros((3, 0)), dim=1).shape == (3, 0)
    assert function(np.zeros((0, 3)), dim=1).shape == (0, 3)


@pytest.mark.parametrize("name", ["sigmoid", "tanh", "softmax", "softmin", "log_softmax"])
def test_smooth_activations_have_the_gradients_of_central_differences(name):
    options = {"dim": 1} if "softm" in name else {}

    def function(x):
        y = getattr(F, name)(x, **options)
        return y, lambda g: getattr(F, f"{name}_grad")(g, y, **options)

    assert gradcheck(function, normal(3, 4)).ok


def test_relu_has_the_gradient_of_central_differences():
    x = normal(3, 4)
    assert gradcheck(lambda x: (F.relu(x), lambda g: F.relu_grad(g, x)), x).ok


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_softmax_gradients_sum_to_0_as_no_shift_changes_the_output(name):
    x, g = normal(3, 5), normal(3, 5, seed=1)
    y = getattr(F, name)(x, dim=1)
    grad = getattr(F, f"{name}_grad")(g, y, dim=1)
    # 5 terms, each a sum of 5 products of numbers up to 10, and their sum.
    assert np.abs(grad.sum(1)).max() <= 5 * (5 + 5 + 4) * np.finfo(np.float64).eps * 10
    assert np.abs(grad).max() > 0.1


@pytest.mark.parametrize("dim", [0, 1, -1])
def test_softmin_is_the_softmax_of_minus_x(dim):
    x, g = normal(3, 5), normal(3, 5, seed=1)
    y = F.softmin(x, dim=dim)
    assert_array_equal(y, F.softmax(-x, dim=dim))
    assert_array_equal(F.softmin_grad(g, y, dim=dim), -F.softmax_grad(g, y, dim=dim))


X = np.zeros((2, 3))


@pytest.mark.parametrize(
    "name",
    ["softmax", "softmin", "log_softmax", "softmax_grad", "softmin_grad", "log_softmax_grad"],
)
def test_softmax_refuses_an_axis_that_is_not_there(name):
    arrays = (X, X) if name.endswith("grad") else (X,)
    function = getattr(F, name)
    message = f"^{name}: dim is 2, but x has 2 dimensions; expected -2 to 1"
    with pytest.raises(ValueError, match=message):
        function(*arrays, dim=2)
    with pytest.raises(TypeError, match=f"^{name}: dim is 1.0, expected an integer"):
        function(*arrays, dim=1.0)


@pytest.mark.parametrize("name", ["relu", "sigmoid", "tanh", "softmax", "softmin", "log_softmax"])
def test_activation_gradients_refuse_another_shape(name):
    options = {"dim": 1} if "softm" in name else {}
    with pytest.raises(
        ValueError, match=rf"^{name}_grad: grad_output has shape \(3,\), expected \(2, 3\)"
    ):
        getattr(F, f"{name}_grad")(X[0], X, **options)
