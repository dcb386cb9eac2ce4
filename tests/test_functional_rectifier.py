"""Laws of the rectifiers with a slope below 0, and what they refuse."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from scratchcnn import functional as F
from scratchcnn import gradcheck

DTYPES = [np.float32, np.float64]


def integers(*shape, seed=0, dtype=np.float64):
    return np.random.default_rng(seed).integers(-5, 6, shape).astype(dtype)


@pytest.mark.parametrize("slope", [0.25, 0.0, -0.5, 1.5])
def test_leaky_relu_is_relu_and_a_slope_times_the_relu_of_minus_x(slope):
    x = integers(4, 5)
    assert_array_equal(F.leaky_relu(x, slope), F.relu(x) - slope * F.relu(-x))


@pytest.mark.parametrize("dtype", DTYPES)
def test_leaky_relu_at_the_kink_and_beyond_the_numbers(dtype):
    x = np.array([-np.inf, -4, -0.0, 0, 3, np.inf, np.nan], dtype)
    expected = np.array([-np.inf, -1, 0, 0, 3, np.inf, np.nan], dtype)
    assert_array_equal(F.leaky_relu(x, 0.25), expected, strict=True)
    grad = F.leaky_relu_grad(np.full(7, -8, dtype), x, negative_slope=0.25)
    assert_array_equal(grad, np.array([-2, -2, -2, -2, -8, -8, -2], dtype), strict=True)


@pytest.mark.parametrize("shape", [(7,), (3, 4), (2, 3, 4), (2, 2, 3, 4)])
@pytest.mark.parametrize("weight_shape", [(), (1,)])
def test_prelu_with_one_weight_is_leaky_relu(shape, weight_shape):
    x, g = integers(*shape), integers(*shape, seed=1)
    weight = np.full(weight_shape, 0.25)
    assert_array_equal(F.prelu(x, weight), F.leaky_relu(x, 0.25))
    expected = F.leaky_relu_grad(g, x, negative_slope=0.25)
    assert_array_equal(F.prelu_input_grad(g, x, weight), expected)
    grad = F.prelu_weight_grad(g, x, weight_shape=weight_shape)
    assert grad.shape == weight_shape
    assert grad == (g * np.minimum(x, 0)).sum()


@pytest.mark.parametrize("shape", [(3, 4), (2, 4, 3), (2, 4, 2, 3), (0, 4, 3)])
def test_prelu_takes_each_channel_by_its_own_weight(shape):
    x, g = integers(*shape), integers(*shape, seed=1)
    weight = np.array([0.5, -0.25, 2.0, 0.0])
    y = F.prelu(x, weight)
    grad = F.prelu_input_grad(g, x, weight)
    whole = F.prelu_weight_grad(g, x, weight_shape=(4,))
    assert whole.shape == (4,)
    for channel in range(4):
        part, one = x[:, channel], weight[channel : channel + 1]
        assert_array_equal(y[:, channel], F.prelu(part, one))
        assert_array_equal(grad[:, channel], F.prelu_input_grad(g[:, channel], part, one))
        single = F.prelu_weight_grad(g[:, channel], part, weight_shape=(1,))
        assert_array_equal(whole[channel], single[0])


def test_prelu_weight_gradient_is_the_adjoint_of_what_is_linear_in_the_weight():
    x, g = integers(3, 4, 2), integers(3, 4, 2, seed=1)
    first, second = integers(4, seed=2), integers(4, seed=3)
    change = (g * (F.prelu(x, second) - F.prelu(x, first))).sum()
    assert change == (F.prelu_weight_grad(g, x, weight_shape=(4,)) * (second - first)).sum()
    assert change != 0


def test_prelu_has_the_input_gradient_of_central_differences():
    x, weight = integers(3, 4) + 0.5, np.array([0.5, -0.25, 2.0, 0.0])
    assert gradcheck(
        lambda x: (F.prelu(x, weight), lambda g: F.prelu_input_grad(g, x, weight)), x
    ).ok


def test_prelu_at_the_kink_and_beyond_the_numbers():
    x, weight = np.array([-np.inf, -0.0, 0, np.inf]), np.array([0.5])
    assert_array_equal(F.prelu(x, weight), [-np.inf, 0, 0, np.inf])
    assert_array_equal(F.prelu_input_grad(np.full(4, 8.0), x, weight), [4, 4, 4, 8])
    grad = F.prelu_weight_grad(np.array([0.0, 1, 1, 1]), x[[1, 1, 2, 3]], weight_shape=(1,))
    assert_array_equal(grad, [0])
    missing = np.array([np.nan])
    assert_array_equal(F.prelu_input_grad(np.ones(1), missing, weight), [0.5])
    assert np.isnan(F.prelu_weight_grad(np.ones(1), missing, weight_shape=(1,)))


@pytest.mark.parametrize("dtype", DTYPES)
def test_rrelu_in_evaluation_is_leaky_relu_with_the_mean_slope(dtype):
    x = np.array([-4, -0.0, 0, 2, np.nan], dtype)
    y, noise = F.rrelu_with_noise(x, 0.25, upper=0.75)
    assert_array_equal(y, F.leaky_relu(x, 0.5), strict=True)
    assert_array_equal(noise, np.array([0.5, 0.5, 0.5, 1, 0.5], dtype), strict=True)
    assert_array_equal(F.rrelu(x), F.leaky_relu(x, (1 / 8 + 1 / 3) / 2), strict=True)


@pytest.mark.parametrize("dtype", DTYPES)
def test_rrelu_multiplies_what_is_not_positive_by_slopes_between_the_bounds(dtype):
    x = np.random.default_rng(0).standard_normal((50, 40)).astype(dtype)
    y, noise = F.rrelu_with_noise(x, 0.25, upper=0.5, training=True, rng=3)
    assert_array_equal(y, x * noise, strict=True)
    assert_array_equal(noise[x > 0], 1)
    slopes = noise[x <= 0]
    assert 0.25 <= slopes.min() < 0.26
    assert 0.49 < slopes.max() <= 0.5
    assert_array_equal(F.rrelu(x, 0.25, upper=0.5, training=True, rng=3), y, strict=True)
    g = integers(50, 40, dtype=dtype)
    assert_array_equal(F.rrelu_grad(g, noise), g * noise, strict=True)


def test_rrelu_has_the_slopes_of_its_seed_and_advances_a_generator():
    x = -np.ones((6, 7))
    first = F.rrelu(x, training=True, rng=5)
    assert_array_equal(F.rrelu(x, training=True, rng=np.random.default_rng(5)), first)
    single = F.rrelu(x.astype(np.float32), training=True, rng=5)
    assert_array_equal(single, first.astype(np.float32))
    assert (F.rrelu(x, training=True, rng=6) != first).any()
    source = np.random.default_rng(5)
    F.rrelu(x, training=True, rng=source)
    assert (F.rrelu(x, training=True, rng=source) != first).all()
    assert (F.rrelu(x, training=True) != F.rrelu(x, training=True)).any()
    state = source.bit_generator.state
    F.rrelu(x, rng=source)
    assert source.bit_generator.state == state


X = np.zeros((2, 3))


@pytest.mark.parametrize("shape", [(2,), (1, 3), (3, 1), (0,)])
def test_prelu_refuses_other_weights(shape):
    weight = np.ones(shape)
    text = str(shape).replace("(", r"\(").replace(")", r"\)")
    message = rf": weight has shape {text}, expected \(1,\) or one weight for each channel, \(3,\)"
    with pytest.raises(ValueError, match=f"^prelu{message}"):
        F.prelu(X, weight)
    with pytest.raises(ValueError, match=f"^prelu_input_grad{message}"):
        F.prelu_input_grad(X, X, weight)
    with pytest.raises(ValueError, match=f"^prelu_weight_grad{message}"):
        F.prelu_weight_grad(X, X, weight_shape=shape)


@pytest.mark.parametrize("name", ["rrelu", "rrelu_with_noise"])
def test_rrelu_refuses_bounds_that_are_none(name):
    with pytest.raises(ValueError, match=f"^{name}: upper is 0.25, expected at least 0.5"):
        getattr(F, name)(X, 0.5, upper=0.25)
    with pytest.raises(TypeError, match=f"^{name}: lower is 'a', expected a number"):
        getattr(F, name)(X, "a")


def test_leaky_relu_refuses_a_slope_that_is_no_number():
    with pytest.raises(TypeError, match="^leaky_relu: negative_slope is None, expected a number"):
        F.leaky_relu(X, None)
    with pytest.raises(TypeError, match="^leaky_relu_grad: negative_slope is 'a', expected a num"):
        F.leaky_relu_grad(X, X, negative_slope="a")
