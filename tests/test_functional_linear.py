"""Laws of linear and flatten, exact on small integers, and what they refuse."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from scratchcnn import functional as F


def integers(*shape, seed=0, dtype=np.float64):
    return np.random.default_rng(seed).integers(-5, 6, shape).astype(dtype)


def dot(a, b):
    return float(np.vdot(a, b))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("lead", [(), (2,), (2, 3), (0,)])
def test_linear_is_its_definition_and_its_gradients_are_adjoints(dtype, lead):
    x, weight = integers(*lead, 4, dtype=dtype), integers(5, 4, seed=1, dtype=dtype)
    bias = integers(5, seed=2, dtype=dtype)
    y = F.linear(x, weight, bias)
    assert_array_equal(y, x @ weight.T + bias, strict=True)
    assert_array_equal(F.linear(x, weight), y - bias)
    g = integers(*y.shape, seed=3, dtype=dtype)
    grad_x, grad_weight = F.linear_input_grad(g, weight), F.linear_weight_grad(g, x)
    grad_bias = F.linear_bias_grad(g)
    assert_array_equal(grad_x, g @ weight, strict=True)
    rows = g.reshape(-1, 5)
    assert_array_equal(grad_weight, rows.T @ x.reshape(-1, 4), strict=True)
    assert_array_equal(grad_bias, rows.sum(0), strict=True)
    assert dot(g, y) == dot(grad_x, x) + dot(grad_bias, bias)
    assert dot(g, y) == dot(grad_weight, weight) + dot(grad_bias, bias)


def test_linear_composes_as_its_matrices():
    x, a, b = integers(2, 4), integers(5, 4, seed=1), integers(3, 5, seed=2)
    assert_array_equal(F.linear(F.linear(x, a), b), F.linear(x, b @ a))


def test_flatten_joins_axes_in_row_major_order_and_its_gradient_parts_them():
    x = np.arange(24.0).reshape(2, 3, 4)
    assert_array_equal(F.flatten(x), np.arange(24.0), strict=True)
    assert_array_equal(F.flatten(x, start_dim=1), x.reshape(2, 12), strict=True)
    assert_array_equal(F.flatten(x, end_dim=-2), x.reshape(6, 4), strict=True)
    assert_array_equal(F.flatten(x.swapaxes(0, 2)), x.transpose(2, 1, 0).ravel(), strict=True)
    assert_array_equal(F.flatten_grad(x.ravel(), input_shape=(2, 3, 4)), x, strict=True)


def test_flatten_takes_arrays_without_axes_and_without_elements():
    assert_array_equal(F.flatten(np.array(3.0)), np.array([3.0]), strict=True)
    assert F.flatten(np.zeros((0, 3, 4)), start_dim=1).shape == (0, 12)
    assert F.flatten_grad(np.zeros((0, 12)), input_shape=(0, 3, 4)).shape == (0, 3, 4)


X, W = np.zeros((2, 4)), np.zeros((5, 4))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: F.linear(np.zeros((2, 3)), W),
            r"linear: weight has 4 input features, but x has shape \(2, 3\)",
        ),
        (
            lambda: F.linear(np.array(1.0), W),
            r"linear: weight has 4 input features, but x has shape \(\)",
        ),
        (
            lambda: F.linear(X, W[0]),
            r"linear: weight has 1 dimensions, expected 2: \(O, C\)",
        ),
        (
            lambda: F.linear(X, W, np.zeros(4)),
            r"linear: bias has shape \(4,\), expected \(5,\)",
        ),
        (
            lambda: F.linear_input_grad(X, W),
            r"linear_input_grad: weight has 5 output features, but grad_output has shape \(2, 4\)",
        ),
        (
            lambda: F.linear_input_grad(X, W[0]),
            r"linear_input_grad: weight has 1 dimensions, expected 2: \(O, C\)",
        ),
        (
            lambda: F.linear_weight_grad(np.zeros((3, 5)), X),
            r"linear_weight_grad: grad_output has shape \(3, 5\), but x has \(2, 4\); "
            "expected the same leading axes",
        ),
        (
            lambda: F.linear_weight_grad(np.array(1.0), X[0]),
            r"linear_weight_grad: grad_output has shape \(\), but x has \(4,\)",
        ),
        (
            lambda: F.linear_weight_grad(X[0], np.array(1.0)),
            r"linear_weight_grad: grad_output has shape \(4,\), but x has \(\)",
        ),
        (
            lambda: F.linear_bias_grad(np.array(1.0)),
            r"linear_bias_grad: grad_output has shape \(\), expected \(..., O\)",
        ),
        (
            lambda: F.flatten(X, start_dim=2),
            "flatten: start_dim is 2, but x has 2 dimensions; expected -2 to 1",
        ),
        (
            lambda: F.flatten(X, end_dim=-3),
            "flatten: end_dim is -3, but x has 2 dimensions; expected -2 to 1",
        ),
        (
            lambda: F.flatten(X, start_dim=1, end_dim=0),
            "flatten: start_dim is 1 and end_dim 0, expected start_dim not after end_dim",
        ),
        (
            lambda: F.flatten_grad(X, input_shape=(3, 3)),
            r"flatten_grad: grad_output has shape \(2, 4\), expected as many elements as \(3, 3\)",
        ),
        (
            lambda: F.flatten_grad(X, input_shape=(-2, -4)),
            "flatten_grad: input_shape is -2, expected at least 0",
        ),
    ],
)
def test_linear_and_flatten_refuse_what_does_not_fit(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: F.flatten(X, start_dim=0.0), "flatten: start_dim is 0.0, expected an integer"),
        (
            lambda: F.flatten_grad(X, input_shape=8),
            "flatten_grad: input_shape is 8, expected a tuple of integers",
        ),
    ],
)
def test_linear_and_flatten_refuse_parameters_of_wrong_types(call, message):
    with pytest.raises(TypeError, match=message):
        call()
