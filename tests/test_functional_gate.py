"""Laws of the activations with a gate, and what they refuse."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from scratchcnn import functional as F
from scratchcnn import gradcheck

DTYPES = [np.float32, np.float64]
GATED = {
    "silu": (F.silu, F.silu_grad),
    "mish": (F.mish, F.mish_grad),
    "gelu": (F.gelu, F.gelu_grad),
    "gelu by tanh": (
        lambda x: F.gelu(x, approximate="tanh"),
        lambda g, x: F.gelu_grad(g, x, approximate="tanh"),
    ),
}
each_gate = pytest.mark.parametrize(("function", "gradient"), GATED.values(), ids=GATED)


def normal(*shape, seed=0, dtype=np.float64):
    return (3 * np.random.default_rng(seed).standard_normal(shape)).astype(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["silu", "gelu", "gelu by tanh"])
def test_gates_of_x_and_minus_x_add_to_1(name, dtype):
    x, function = normal(50, dtype=dtype), GATED[name][0]
    # Two products of x with shares up to 1, each within two library functions of 4 ulp and
    # three roundings, and their difference.
    bound = (2 * (2 * 4 + 3) + 1) * np.finfo(dtype).eps * np.abs(x)
    assert (np.abs(function(x) - function(-x) - x) <= bound).all()


@pytest.mark.parametrize("dtype", DTYPES)
@each_gate
def test_gates_close_and_open_at_the_ends(function, gradient, dtype):
    largest = np.finfo(dtype).max
    x = np.array([-largest, -1e4, 0, 1e4, largest, np.inf], dtype)
    assert_array_equal(function(x), np.array([0, 0, 0, 1e4, largest, np.inf], dtype), strict=True)
    slopes = gradient(np.ones(5, dtype), x[:5])
    assert_array_equal(slopes[[0, 1, 3, 4]], np.array([0, 0, 1, 1], dtype), strict=True)
    assert slopes[2] == dtype(0.6 if function is F.mish else 0.5)


@each_gate
def test_gates_of_what_is_no_number_are_nan(function, gradient):
    assert np.isnan(function(np.array([-np.inf, np.nan]))).all()
    assert np.isnan(gradient(np.ones(3), np.array([-np.inf, np.inf, np.nan]))).all()


@each_gate
def test_gates_have_the_gradients_of_central_differences(function, gradient):
    assert gradcheck(lambda x: (function(x), lambda g: gradient(g, x)), normal(4, 5)).ok


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", GATED)
def test_gates_keep_their_digits_in_the_tails(name, dtype):
    mpmath = pytest.importorskip("mpmath")
    definitions = {
        "silu": lambda x: x / (1 + mpmath.exp(-x)),
        "mish": lambda x: x * mpmath.tanh(mpmath.log1p(mpmath.exp(x))),
        "gelu": lambda x: x * mpmath.ncdf(x),
        "gelu by tanh": lambda x: (
            x
            * (1 + mpmath.tanh(mpmath.sqrt(2 / mpmath.pi) * (x + mpmath.mpf(0.044715) * x**3)))
            / 2
        ),
    }
    function, gradient = GATED[name]
    x = np.array([-12, -9, -5, -2.5, -0.01, 0.01, 0.5, 3, 9, 20], dtype)
    # The gates themselves go down to 1e-62.
    with mpmath.workdps(200):
        points = [mpmath.mpf(a) for a in x.tolist()]
        values = np.array([definitions[name](a) for a in points], np.float64)
        slopes = np.array([mpmath.diff(definitions[name], a) for a in points], np.float64)
    # Four roundings of an exponent, which is up to 142 for the cubic, count as many times; in
    # float32 it is computed in float64.
    room = 16 + (4 * 142 if dtype == np.float64 else 0)
    for result, expected in ((function(x), values), (gradient(np.ones_like(x), x), slopes)):
        inside = np.abs(expected) > np.finfo(dtype).tiny
        error = np.abs(result[inside] / expected[inside] - 1)
        assert error.max() <= room * np.finfo(dtype).eps
        assert inside.sum() >= 9


@pytest.mark.parametrize("dim", [0, 1, 2, -1])
def test_glu_is_the_first_half_times_the_sigmoid_of_the_second(dim):
    x, g = normal(2, 4, 6), normal(2, 4, 6, seed=1)
    first, second = np.split(x, 2, dim)
    assert_array_equal(F.glu(x, dim=dim), first * F.sigmoid(second))
    g = np.split(g, 2, dim)[0]
    open = np.concatenate([first, np.full_like(second, np.inf)], dim)
    assert_array_equal(F.glu(open, dim=dim), first)
    assert_array_equal(np.split(F.glu_grad(g, open, dim=dim), 2, dim)[0], g)
    check = gradcheck(lambda x: (F.glu(x, dim=dim), lambda g: F.glu_grad(g, x, dim=dim)), x)
    assert check.ok


def test_glu_halves_the_last_axis_by_default_and_keeps_empty_ones():
    x = normal(2, 4)
    assert_array_equal(F.glu(x), F.glu(x, dim=1))
    assert_array_equal(F.glu_grad(x[:, 2:], x), F.glu_grad(x[:, 2:], x, dim=1))
    assert F.glu(np.zeros((0, 4))).shape == (0, 2)
    assert F.glu_grad(np.zeros((0, 2)), np.zeros((0, 4))).shape == (0, 4)


X = np.zeros((2, 3))


def test_glu_refuses_axes_that_it_cannot_halve():
    with pytest.raises(ValueError, match="^glu: x has 3 elements along axis 1, expected an even"):
        F.glu(X)
    with pytest.raises(ValueError, match="^glu_grad: x has 3 elements along axis 1, expected an"):
        F.glu_grad(X, X, dim=-1)
    with pytest.raises(ValueError, match="^glu: dim is 2, but x has 2 dimensions"):
        F.glu(X, dim=2)
    message = r"^glu_grad: grad_output has shape \(2, 3\), expected \(1, 3\)"
    with pytest.raises(ValueError, match=message):
        F.glu_grad(X, X, dim=0)


@pytest.mark.parametrize("name", ["gelu", "gelu_grad"])
def test_gelu_refuses_other_approximations(name):
    arrays = (X, X) if name == "gelu_grad" else (X,)
    message = f"^{name}: approximate is 'erf', expected one of 'none', 'tanh'"
    with pytest.raises(ValueError, match=message):
        getattr(F, name)(*arrays, approximate="erf")


@pytest.mark.parametrize("name", ["silu", "mish", "gelu"])
def test_gradients_of_gates_refuse_another_shape(name):
    message = rf"^{name}_grad: grad_output has shape \(3,\), expected \(2, 3\)"
    with pytest.raises(ValueError, match=message):
        getattr(F, f"{name}_grad")(X[0], X)
