"""Laws of the normalizations and their gradients, and what they refuse."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from scratchcnn import functional as F

DTYPES = [np.float32, np.float64]
RUNNING = {"running_mean": np.array([0.5, -1, 2]), "running_var": np.array([4.0, 0.25, 1])}


def normal(*shape, seed=0, dtype=np.float64):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def batch_norm(x, weight=None, bias=None, eps=1e-5):
    return F.batch_norm(x, None, None, weight, bias, training=True, eps=eps)


# Each normalization of an array (N, 4, L), and the axes over which it takes moments, in a shape
# that has them.
OWN = {
    "batch": (batch_norm, (2, 4, 6), (0, 2)),
    "instance": (F.instance_norm, (2, 4, 6), (2,)),
    "layer": (lambda x, *affine, **eps: F.layer_norm(x, (4, 6), *affine, **eps), (2, 4, 6), (1, 2)),
    "group": (
        lambda x, *affine, **eps: F.group_norm(x.reshape(2, 4, 6), 2, *affine, **eps).reshape(
            x.shape
        ),
        (2, 2, 2, 6),
        (2, 3),
    ),
}
own = pytest.mark.parametrize(("normalize", "shape", "axes"), OWN.values(), ids=OWN)
dtypes = pytest.mark.parametrize("dtype", DTYPES)


@dtypes
@own
def test_normalizations_give_mean_0_and_variance_1(normalize, shape, axes, dtype):
    y = normalize(3 * normal(*shape, dtype=dtype) + 5, eps=1e-30).astype(np.float64)
    # 12 values of up to 3.5 each, with about 4 roundings.
    bound = 4 * 3.5 * np.finfo(dtype).eps
    assert np.abs(y.mean(axes)).max() <= bound
    assert np.abs((y**2).mean(axes) - 1).max() <= 3.5 * bound


@own
def test_normalizations_forget_scale_and_shift_of_their_input(normalize, shape, axes):
    x = normal(*shape)
    # Powers of 2, so that only the shift rounds.
    assert_array_equal(normalize(4 * x, eps=1e-5), normalize(x, eps=1e-5 / 16))
    assert_allclose(normalize(x + 8, eps=1e-5), normalize(x, eps=1e-5), rtol=0, atol=1e-14)
    assert_array_equal(normalize(-x), -normalize(x))


@dtypes
@own
def test_normalizations_keep_a_small_spread_far_from_0(normalize, shape, axes, dtype):
    # Multiples of 1/64 near 10⁴ are exact in float32; a mean of squares less the square of the
    # mean would be off by 10⁸ times the unit roundoff, which is 6, where the variance is 1/4.
    near = np.rint(32 * normal(*shape)) / 64
    far = (near + 10_000).astype(dtype)
    # An error of one roundoff of 10⁴ in the mean would already be 32 of these units.
    assert_allclose(normalize(far), normalize(near), rtol=0, atol=32 * np.finfo(dtype).eps)


@dtypes
@own
def test_normalizations_turn_equal_numbers_into_0(normalize, shape, axes, dtype):
    for value in (0.1, 1e4 + 0.1, -3e5):
        assert np.abs(normalize(np.full(shape, value, dtype))).max() <= np.finfo(dtype).eps


@dtypes
def test_two_values_become_1_and_minus_1(dtype):
    x = np.array([[[1, 3]], [[10, -30]]], dtype)
    y = F.instance_norm(x, eps=1e-30)
    assert_allclose(y, [[[-1, 1]], [[1, -1]]], rtol=4 * np.finfo(dtype).eps)
    assert_allclose(batch_norm(x[0].T, eps=1e-30), [[-1], [1]], rtol=4 * np.finfo(dtype).eps)


def test_eps_is_added_to_the_variance_under_the_root():
    x = np.array([[-1.0], [1.0]])
    assert_array_equal(batch_norm(x, eps=3.0), x / 2)
    assert_array_equal(F.layer_norm(x.T, 2, eps=3.0), x.T / 2)
    assert_array_equal(F.rms_norm(x.T, 2, eps=3.0), x.T / 2)
    assert_array_equal(F.group_norm(x.T, 1, eps=3.0), x.T / 2)


def test_weight_and_bias_scale_and_shift_what_is_normalized():
    x, weight, bias = normal(3, 4, 5), normal(4, seed=1), normal(4, seed=2)
    along = weight[:, None], bias[:, None]
    for normalize in (batch_norm, F.instance_norm, lambda x, *a: F.group_norm(x, 2, *a)):
        plain = normalize(x)
        # Three roundings of values up to 10, in another order.
        assert_allclose(
            normalize(x, weight, bias)
            if normalize is not F.instance_norm
            else normalize(x, None, None, weight, bias),
            plain * along[0] + along[1],
            rtol=0,
            atol=3e-15,
        )
    weight, bias = normal(4, 5, seed=1), normal(4, 5, seed=2)
    plain = F.layer_norm(x, (4, 5))
    assert_array_equal(F.layer_norm(x, (4, 5), weight, bias), plain * weight + bias)
    assert_array_equal(F.rms_norm(x, (4, 5), weight), F.rms_norm(x, (4, 5)) * weight)


def test_in_evaluation_batch_and_instance_normalization_are_one_affine_map():
    x, weight, bias = normal(2, 3, 4), normal(3, seed=1), normal(3, seed=2)
    mean, var = RUNNING.values()
    affine = {"weight": weight, "bias": bias}
    y = F.batch_norm(x, mean, var, **affine, eps=0.0)
    expected = (x - mean[:, None]) / np.sqrt(var)[:, None] * weight[:, None] + bias[:, None]
    # Values up to 20 with about four roundings.
    assert_allclose(y, expected, rtol=0, atol=2e-14)
    alone = F.instance_norm(x, mean, var, **affine, use_input_stats=False, eps=0.0)
    assert_array_equal(alone, y)


def test_batch_normalization_of_each_sample_alone_is_instance_normalization():
    x, g, weight = normal(3, 2, 4, 5), normal(3, 2, 4, 5, seed=1), normal(2, seed=2)
    each = np.concatenate([batch_norm(sample, weight) for sample in np.split(x, 3)])
    assert_array_equal(F.instance_norm(x, weight=weight), each)
    options = {"weight": weight, "training": True}
    pairs = zip(np.split(g, 3), np.split(x, 3), strict=True)
    grads = [F.batch_norm_grads(*pair, **options) for pair in pairs]
    ours = F.instance_norm_grads(g, x, weight=weight)
    assert_array_equal(ours.input, np.concatenate([grad.input for grad in grads]))
    # Sums of 60 products in another order, 60 * 2**-53 = 7e-15, which hardly cancel.
    assert_allclose(ours.weight, sum(grad.weight for grad in grads), rtol=1e-14)
    assert_allclose(ours.bias, sum(grad.bias for grad in grads), rtol=1e-14)


def test_group_normalization_is_layer_or_instance_normalization_at_its_ends():
    x = normal(3, 4, 5)
    assert_array_equal(F.group_norm(x, 4), F.instance_norm(x))
    assert_array_equal(F.group_norm(x, 1), F.layer_norm(x, (4, 5)))


def test_rms_norm_of_rows_with_mean_0_is_their_layer_normalization():
    x = np.array([[1.0, -2, 3, -2], [0.5, 0.5, -3, 2]])
    assert_allclose(F.rms_norm(x, 4, eps=0.1), F.layer_norm(x, 4, eps=0.1), rtol=1e-15)


@dtypes
def test_rms_norm_takes_the_spacing_of_its_dtype_for_eps(dtype):
    x, eps = np.full((1, 2), 1e-4, dtype), float(np.finfo(dtype).eps)
    expected = 1e-4 / np.sqrt(1e-8 + eps)
    assert_allclose(F.rms_norm(x, 2), np.full((1, 2), expected), rtol=4 * eps)


# Gradients


def adjoints(name, shape, hyper, arrays):
    """Return the sides of the law of adjoints for each differentiable array of a function.

    With a direction d of the array, the difference quotient of ``<g, y>`` along d is ``<grad, d>``.
    """
    rng = np.random.default_rng(7)
    given = {"x": rng.standard_normal(shape), **arrays}
    forward = getattr(F, name)
    g = rng.standard_normal(shape)
    gradient = getattr(F, f"{name}_grads", None) or getattr(F, f"{name}_grad")
    wanted = {key: array for key, array in given.items() if key != "bias"}
    grads = gradient(g, **wanted, **hyper)
    if not isinstance(grads, tuple):
        grads = (grads,)
    named = dict(zip(("x", "weight", "bias"), grads, strict=False))
    for key, grad in named.items():
        if key not in given:
            continue
        d, step = rng.standard_normal(given[key].shape), 1e-5
        sides = [
            (g * forward(**{**given, key: given[key] + s * step * d}, **hyper)).sum()
            for s in (1, -1)
        ]
        yield key, (sides[0] - sides[1]) / (2 * step), (grad * d).sum()


AFFINE = {"weight": normal(3, seed=3), "bias": normal(3, seed=4)}
TRAINED = {"running_mean": None, "running_var": None, **AFFINE}
SMOOTH = {
    "batch_norm in training": ("batch_norm", (2, 3, 4), {"training": True}, TRAINED),
    "batch_norm of a table": ("batch_norm", (5, 3), {"training": True, "eps": 0.5}, TRAINED),
    "batch_norm of volumes": ("batch_norm", (2, 3, 2, 1, 3), {"training": True}, TRAINED),
    "batch_norm in evaluation": ("batch_norm", (2, 3, 4), {}, {**RUNNING, **AFFINE}),
    "instance_norm": ("instance_norm", (2, 3, 4), {}, AFFINE),
    "instance_norm in evaluation": (
        "instance_norm",
        (2, 3, 4),
        {"use_input_stats": False},
        {**RUNNING, **AFFINE},
    ),
    "group_norm": (
        "group_norm",
        (2, 6, 2),
        {"num_groups": 2},
        {"weight": normal(6, seed=3), "bias": normal(6, seed=4)},
    ),
    "layer_norm": (
        "layer_norm",
        (4, 2, 3),
        {"normalized_shape": (2, 3)},
        {"weight": normal(2, 3, seed=3), "bias": normal(2, 3, seed=4)},
    ),
    "rms_norm": ("rms_norm", (4, 3), {"normalized_shape": 3}, {"weight": normal(3, seed=3)}),
    "local_response_norm": ("local_response_norm", (2, 5, 3), {"size": 4, "alpha": 2.0}, {}),
}


@pytest.mark.parametrize(("name", "shape", "hyper", "arrays"), SMOOTH.values(), ids=SMOOTH)
def test_gradients_are_the_derivatives_of_their_forwards(name, shape, hyper, arrays):
    compared = 0
    for key, quotient, product in adjoints(name, shape, hyper, arrays):
        # The quotient cancels eleven of sixteen digits; its truncation is of the order 1e-10.
        assert_allclose(product, quotient, rtol=1e-7, atol=1e-7, err_msg=key)
        compared += 1
    assert compared == 1 + len(arrays.keys() & {"weight", "bias"})


@own
def test_gradients_of_the_input_are_orthogonal_to_what_a_normalization_forgets(
    normalize, shape, axes
):
    # Shifts and, but for eps, scalings of the input change nothing.
    x, g = normal(*shape), normal(*shape, seed=1)
    grads = {
        "batch": lambda: F.batch_norm_grads(g, x, training=True, eps=1e-300),
        "instance": lambda: F.instance_norm_grads(g, x, eps=1e-300),
        "layer": lambda: F.layer_norm_grads(g, x, normalized_shape=(4, 6), eps=1e-300),
        "group": lambda: F.group_norm_grads(
            g.reshape(2, 4, 6), x.reshape(2, 4, 6), num_groups=2, eps=1e-300
        ),
    }
    name = next(name for name, each in OWN.items() if each[0] is normalize)
    grad = grads[name]().input.reshape(shape)
    assert np.abs(grad.sum(axes)).max() <= 1e-14
    assert np.abs((grad * x).sum(axes)).max() <= 1e-14


def test_gradients_without_a_weight_are_those_of_ones():
    x, g = normal(2, 3, 4), normal(2, 3, 4, seed=1)
    for name, hyper, shape in (
        ("batch_norm_grads", {"training": True}, 3),
        ("instance_norm_grads", {}, 3),
        ("group_norm_grads", {"num_groups": 1}, 3),
        ("layer_norm_grads", {"normalized_shape": 4}, 4),
        ("rms_norm_grads", {"normalized_shape": 4}, 4),
    ):
        gradient = getattr(F, name)
        bare = gradient(g, x, **hyper)
        for ours, theirs in zip(bare, gradient(g, x, weight=np.ones(shape), **hyper), strict=True):
            assert_array_equal(ours, theirs)


# Running statistics


def test_running_statistics_take_the_unbiased_variance_although_the_biased_one_divides():
    x = np.array([[1.0, 5], [3, 9]])
    new = F.batch_norm_statistics(x, np.zeros(2), np.zeros(2), momentum=1.0)
    assert_array_equal(new.mean, [2, 7])
    assert_array_equal(new.var, [2, 8])
    assert_array_equal(batch_norm(x, eps=1e-300), [[-1, -1], [1, 1]])


def test_momentum_weighs_the_new_value():
    x, (mean, var) = normal(4, 3, 2), RUNNING.values()
    new = F.batch_norm_statistics(x, mean, var, momentum=1.0)
    for momentum in (0.0, 0.25, 0.5):
        mixed = F.batch_norm_statistics(x, mean, var, momentum=momentum)
        for ours, old, latest in zip(mixed, (mean, var), new, strict=True):
            # Three roundings, of terms that cancel by less than a factor of ten.
            assert_allclose(ours, (1 - momentum) * old + momentum * latest, rtol=1e-14)


def test_running_statistics_of_instances_are_the_means_of_those_of_each():
    x, (mean, var) = normal(4, 3, 5), RUNNING.values()
    each = [F.batch_norm_statistics(sample, mean, var) for sample in np.split(x, 4)]
    ours = F.instance_norm_statistics(x, mean, var)
    # A few roundings, of terms that cancel by less than a factor of ten.
    assert_allclose(ours.mean, np.mean([one.mean for one in each], 0), rtol=1e-14)
    assert_allclose(ours.var, np.mean([one.var for one in each], 0), rtol=1e-14)


def test_running_statistics_far_from_0_do_not_cancel():
    near = np.rint(32 * normal(8, 1)) / 64
    new = F.batch_norm_statistics(
        (near + 10_000).astype(np.float32), *np.zeros((2, 1), np.float32), momentum=1.0
    )
    assert_allclose(new.var, [near.var(ddof=1)], rtol=4 * np.finfo(np.float32).eps)


def test_no_sample_leaves_the_running_statistics():
    empty, (mean, var) = np.zeros((0, 3, 2)), RUNNING.values()
    for statistics in (F.batch_norm_statistics, F.instance_norm_statistics):
        new = statistics(empty, mean, var)
        assert_array_equal(new.mean, mean)
        assert_array_equal(new.var, var)
        assert not np.shares_memory(new.mean, mean)


@pytest.mark.parametrize("training", [True, False])
def test_no_sample_has_no_output_and_gradients_of_0(training):
    empty = np.zeros((0, 3, 2))
    assert F.batch_norm(empty, **RUNNING, training=training).shape == (0, 3, 2)
    grads = F.batch_norm_grads(empty, empty, **RUNNING, training=training)
    assert grads.input.shape == (0, 3, 2)
    assert_array_equal(grads.weight, np.zeros(3))
    assert_array_equal(grads.bias, np.zeros(3))
    assert F.instance_norm(empty).shape == F.group_norm(empty, 3).shape == (0, 3, 2)
    assert_array_equal(F.layer_norm_grads(empty, empty, normalized_shape=2).weight, np.zeros(2))


# Local response normalization


def test_local_response_norm_divides_by_the_neighbours_in_reach():
    x = np.arange(1.0, 6).reshape(1, 5, 1)
    squares = x.ravel() ** 2
    for size, reach in ((1, (0, 0)), (2, (1, 0)), (3, (1, 1)), (4, (2, 1)), (12, (6, 5))):
        sums = [squares[max(c - reach[0], 0) : c + reach[1] + 1].sum() for c in range(5)]
        expected = x.ravel() / np.sqrt(2 + 3 / size * np.array(sums))
        y = F.local_response_norm(x, size, alpha=3.0, beta=0.5, k=2.0)
        assert_allclose(y.ravel(), expected, rtol=1e-15)


def test_local_response_norm_without_alpha_divides_by_a_constant():
    x = normal(2, 3, 4)
    assert_array_equal(F.local_response_norm(x, 3, alpha=0.0, beta=2.0, k=0.5), 4 * x)
    assert_array_equal(F.local_response_norm(x, 3, beta=0.0, alpha=9.0), x)


# What is refused

X, ONES = np.ones((2, 3, 4)), np.ones(3)
REFUSED = {
    "batch_norm: x has 1 dimensions, shape (3,), expected at least 2: (N, C)": lambda: F.batch_norm(
        ONES, ONES, ONES
    ),
    "batch_norm: running_mean has shape (2,), but x has 3 channels; expected (3,)": lambda: (
        F.batch_norm(X, ONES[:2], ONES)
    ),
    "batch_norm_grads: weight has shape (4,), but x has 3 channels; expected (3,)": lambda: (
        F.batch_norm_grads(X, X, weight=np.ones(4), training=True)
    ),
    "batch_norm: running_mean is None, expected an array (3,)": lambda: F.batch_norm(X, None, None),
    "batch_norm: running_var is None, expected an array (3,)": lambda: F.batch_norm(
        X, ONES, None, training=True
    ),
    "batch_norm: x has shape (1, 3, 1), expected more than 1 value per channel": lambda: (
        F.batch_norm(X[:1, :, :1], None, None, training=True)
    ),
    "batch_norm: eps is -1, expected at least 0": lambda: F.batch_norm(X, ONES, ONES, eps=-1),
    "batch_norm: eps is 0, expected a positive number in training": lambda: F.batch_norm(
        X, ONES, ONES, training=True, eps=0
    ),
    "batch_norm: momentum is -2, expected at least 0": lambda: F.batch_norm(
        X, ONES, ONES, momentum=-2
    ),
    "batch_norm_grads: grad_output has shape (3, 4), expected (2, 3, 4)": lambda: (
        F.batch_norm_grads(X[0], X, training=True)
    ),
    "batch_norm_statistics: x has shape (1, 3), expected more than 1 value": lambda: (
        F.batch_norm_statistics(X[:1, :, 0], ONES, ONES)
    ),
    "batch_norm_statistics: momentum is -1, expected at least 0": lambda: F.batch_norm_statistics(
        X, ONES, ONES, momentum=-1
    ),
    "instance_norm: x has shape (2, 3, 1), expected more than 1 value": lambda: F.instance_norm(
        X[:, :, :1]
    ),
    "instance_norm: momentum is -1, expected at least 0": lambda: F.instance_norm(X, momentum=-1),
    "instance_norm: running_mean is None, expected an array (3,)": lambda: F.instance_norm(
        X, use_input_stats=False
    ),
    "instance_norm_statistics: running_var has shape (1,), but x has 3 channels": lambda: (
        F.instance_norm_statistics(X, ONES, ONES[:1])
    ),
    "layer_norm: normalized_shape is (), but x has shape (2, 3, 4)": lambda: F.layer_norm(X, ()),
    "layer_norm: normalized_shape is (3,), but x has shape (2, 3, 4); expected the sizes": lambda: (
        F.layer_norm(X, 3)
    ),
    "layer_norm: bias has shape (3,), expected (4,)": lambda: F.layer_norm(X, 4, bias=ONES),
    "layer_norm_grads: grad_output has shape (2, 3), expected (2, 3, 4)": lambda: (
        F.layer_norm_grads(X[..., 0], X, normalized_shape=4)
    ),
    "layer_norm: eps is -1, expected at least 0": lambda: F.layer_norm(X, 4, eps=-1),
    "rms_norm: eps is -1, expected at least 0": lambda: F.rms_norm(X, 4, eps=-1),
    "rms_norm_grads: grad_output has shape (2, 3), expected (2, 3, 4)": lambda: F.rms_norm_grads(
        X[..., 0], X, normalized_shape=4
    ),
    "group_norm: num_groups is 2, but x has 3 channels; expected a divisor": lambda: F.group_norm(
        X, 2
    ),
    "group_norm: num_groups is 0, expected at least 1": lambda: F.group_norm(X, 0),
    "group_norm: x has shape (1, 3), expected more than 1 value per channel": lambda: F.group_norm(
        X[:1, :, 0], 3
    ),
    "group_norm_grads: grad_output has shape (3, 4), expected (2, 3, 4)": lambda: (
        F.group_norm_grads(X[0], X, num_groups=3)
    ),
    "local_response_norm: x has 2 dimensions, shape (2, 3), expected at least 3": lambda: (
        F.local_response_norm(X[..., 0], 2)
    ),
    "local_response_norm: size is 0, expected at least 1": lambda: F.local_response_norm(X, 0),
    "local_response_norm_grad: grad_output has shape (3, 4), expected (2, 3, 4)": lambda: (
        F.local_response_norm_grad(X[0], X, size=2)
    ),
}


@pytest.mark.parametrize("message", REFUSED)
def test_normalizations_refuse_what_does_not_fit(message):
    with pytest.raises(ValueError) as caught:
        REFUSED[message]()
    assert str(caught.value).startswith(message)


def test_normalizations_refuse_what_is_no_number_or_no_shape():
    with pytest.raises(TypeError, match="^batch_norm: eps is 'a', expected a number"):
        F.batch_norm(X, ONES, ONES, eps="a")
    with pytest.raises(
        TypeError, match="^layer_norm: normalized_shape is 1.5, expected an integer"
    ):
        F.layer_norm(X, 1.5)
    with pytest.raises(TypeError, match="^local_response_norm: beta is None, expected a number"):
        F.local_response_norm(X, 2, beta=None)
