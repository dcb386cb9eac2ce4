"""Laws of the losses and of the penalty, and what they refuse."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from scratchcnn import functional as F
from scratchcnn import gradcheck

U = np.finfo(np.float64).eps
REDUCTIONS = ["none", "mean", "sum"]


def integers(*shape, seed=0, dtype=np.float64):
    return np.random.default_rng(seed).integers(-5, 6, shape).astype(dtype)


def shares(*shape, seed=0):
    return np.random.default_rng(seed).uniform(0.05, 0.95, shape)


def normal(*shape, seed=0):
    return 2 * np.random.default_rng(seed).standard_normal(shape)


def checked(name, x, *others, gradient="input", **options):
    """Return the gradcheck of a loss along `x`, or along its target."""

    def function(moved):
        arrays = (moved, *others) if gradient == "input" else (others[0], moved, *others[1:])
        value = np.asarray(getattr(F, name)(*arrays, **options))
        grad = getattr(F, f"{name}_{gradient}_grad")
        return value, lambda g: grad(g, *arrays, **options)

    return gradcheck(function, x)


# Squared error


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_mse_loss_is_its_definition(dtype):
    x, target = integers(4, 8, dtype=dtype), integers(4, 8, seed=1, dtype=dtype)
    squares = (x - target) ** 2
    assert_array_equal(F.mse_loss(x, target, reduction="none"), squares, strict=True)
    assert F.mse_loss(x, target, reduction="sum") == squares.sum()
    # 32 elements: the quotient is exact.
    assert F.mse_loss(x, target) == squares.sum() / 32
    assert F.mse_loss(target, x) == F.mse_loss(x, target)
    assert F.mse_loss(x, x) == 0


def test_mse_loss_gradients_are_opposite_and_scale_with_the_reduction():
    x, target = integers(4, 8), integers(4, 8, seed=1)
    g = integers(4, 8, seed=2)
    grad = F.mse_loss_input_grad(g, x, target, reduction="none")
    assert_array_equal(grad, 2 * g * (x - target))
    three = np.array(3.0)
    total = F.mse_loss_input_grad(three, x, target, reduction="sum")
    assert_array_equal(total, 6 * (x - target))
    assert_array_equal(F.mse_loss_input_grad(three, x, target), total / 32)
    for reduction, cotangent in (("none", g), ("sum", three), ("mean", three)):
        assert_array_equal(
            F.mse_loss_target_grad(cotangent, x, target, reduction=reduction),
            -F.mse_loss_input_grad(cotangent, x, target, reduction=reduction),
        )


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("gradient", ["input", "target"])
@pytest.mark.parametrize(
    ("name", "weighted"),
    [
        ("l1_loss", 0),
        ("mse_loss", 0),
        ("smooth_l1_loss", 0),
        ("huber_loss", 0),
        ("binary_cross_entropy", 1),
        ("binary_cross_entropy_with_logits", 1),
    ],
)
def test_losses_have_the_gradients_of_central_differences(name, weighted, gradient, reduction):
    draw = normal if name.endswith("logits") else shares
    arrays = [draw(3, 4), shares(3, 4, seed=1)]
    if gradient == "target":
        arrays = arrays[::-1]
    if weighted:
        arrays.append(shares(4, seed=2) + 1)
    assert checked(name, *arrays, gradient=gradient, reduction=reduction).ok


@pytest.mark.parametrize("gradient", ["input", "target"])
def test_binary_cross_entropy_with_logits_gradients_know_the_weight_of_positives(gradient):
    arrays = [normal(3, 4), shares(3, 4, seed=1)][:: 1 if gradient == "input" else -1]
    weight = shares(4, seed=2) + 1
    name = "binary_cross_entropy_with_logits"
    assert checked(name, *arrays, gradient=gradient, pos_weight=weight).ok


# Absolute errors, and their mixtures with squares


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_l1_loss_is_its_definition_with_the_gradient_0_where_the_arrays_meet(dtype):
    x, target = integers(4, 8, dtype=dtype), integers(4, 8, seed=1, dtype=dtype)
    distances = np.abs(x - target)
    assert 0 in distances
    assert_array_equal(F.l1_loss(x, target, reduction="none"), distances, strict=True)
    assert F.l1_loss(x, target, reduction="sum") == distances.sum()
    assert F.l1_loss(x, target) == distances.sum() / 32
    g = integers(4, 8, seed=2, dtype=dtype)
    grad = F.l1_loss_input_grad(g, x, target, reduction="none")
    assert_array_equal(grad, g * np.sign(x - target), strict=True)
    assert_array_equal(F.l1_loss_target_grad(g, x, target, reduction="none"), -grad)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("width", [0.5, 2.0])
def test_huber_loss_is_smooth_l1_loss_times_its_width(width, reduction):
    x, target = integers(4, 8), integers(4, 8, seed=1) / 2
    assert_array_equal(
        F.huber_loss(x, target, delta=width, reduction=reduction),
        width * F.smooth_l1_loss(x, target, beta=width, reduction=reduction),
    )
    g = np.asarray(integers(4, 8, seed=2)) if reduction == "none" else np.array(3.0)
    for gradient in ("input_grad", "target_grad"):
        assert_array_equal(
            getattr(F, f"huber_loss_{gradient}")(g, x, target, delta=width, reduction=reduction),
            width
            * getattr(F, f"smooth_l1_loss_{gradient}")(
                g, x, target, beta=width, reduction=reduction
            ),
        )


def test_huber_loss_is_half_the_squared_error_within_delta_and_linear_beyond():
    x, zero = np.arange(-4.0, 5), np.zeros(9)
    near = F.huber_loss(x, zero, delta=4.0, reduction="none")
    assert_array_equal(near, x**2 / 2)
    far = F.huber_loss(x, zero, delta=2.0, reduction="none")
    assert_array_equal(far, [6, 4, 2, 0.5, 0, 0.5, 2, 4, 6])
    slopes = F.huber_loss_input_grad(np.full(9, 3.0), x, zero, delta=2.0, reduction="none")
    assert_array_equal(slopes, [-6, -6, -6, -3, 0, 3, 6, 6, 6])


def test_smooth_l1_loss_without_a_parabola_is_the_absolute_error():
    x, target, g = integers(4, 8), integers(4, 8, seed=1), integers(4, 8, seed=2)
    options = {"reduction": "none", "beta": 0.0}
    assert_array_equal(F.smooth_l1_loss(x, target, **options), np.abs(x - target))
    grad = F.smooth_l1_loss_input_grad(g, x, target, **options)
    assert_array_equal(grad, F.l1_loss_input_grad(g, x, target, reduction="none"))


@pytest.mark.parametrize("name", ["l1_loss", "mse_loss"])
def test_weighted_means_divide_by_the_sum_of_the_weights(name):
    function = getattr(F, name)
    x, target, weight = integers(4, 8), integers(4, 8, seed=1), np.ones((4, 8))
    # A weight of 0 takes an element out of the mean.
    weight[:, 3:] = 0
    assert function(x, target, weight=weight) == function(x[:, :3], target[:, :3])
    grad = getattr(F, f"{name}_input_grad")(np.array(3.0), x, target, weight=weight)
    kept = getattr(F, f"{name}_input_grad")(np.array(3.0), x[:, :3], target[:, :3])
    assert_array_equal(grad, np.where(weight == 1, np.pad(kept, ((0, 0), (0, 5))), 0))
    plain = function(x, target, reduction="none")
    weight = integers(4, 8, seed=3)
    assert_array_equal(function(x, target, weight=weight, reduction="none"), plain * weight)
    assert function(x, target, weight=weight, reduction="sum") == (plain * weight).sum()
    assert np.isnan(function(x, target, weight=0 * weight))


def test_the_weighted_mean_of_huber_loss_divides_by_the_number_of_losses():
    x, target, weight = integers(4, 8), integers(4, 8, seed=1), integers(4, 8, seed=2)
    plain = F.huber_loss(x, target, delta=2.0, reduction="none")
    assert F.huber_loss(x, target, delta=2.0, weight=weight) == (plain * weight).sum() / 32
    grad = F.huber_loss_input_grad(np.array(32.0), x, target, delta=2.0, weight=weight)
    assert_array_equal(grad, weight * np.clip(x - target, -2, 2))


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("gradient", ["input", "target"])
@pytest.mark.parametrize("name", ["l1_loss", "mse_loss", "huber_loss"])
def test_weighted_losses_have_the_gradients_of_central_differences(name, gradient, reduction):
    arrays = [normal(3, 4), normal(3, 4, seed=1)][:: 1 if gradient == "input" else -1]
    weight = shares(3, 4, seed=2) + 1
    assert checked(name, *arrays, gradient=gradient, reduction=reduction, weight=weight).ok


@pytest.mark.parametrize("end", ["", "_input_grad", "_target_grad"])
@pytest.mark.parametrize("name", ["l1_loss", "mse_loss", "huber_loss"])
def test_losses_refuse_weights_of_another_shape(name, end):
    message = rf"^{name}{end}: weight has shape \(2, 1\), expected \(2, 3\)"
    with pytest.raises(ValueError, match=message):
        call(f"{name}{end}", HALF, HALF, weight=np.ones((2, 1)))


@pytest.mark.parametrize("end", ["", "_input_grad", "_target_grad"])
def test_losses_refuse_widths_that_are_none(end):
    with pytest.raises(ValueError, match=f"^smooth_l1_loss{end}: beta is -1, expected at least 0"):
        call(f"smooth_l1_loss{end}", HALF, HALF, beta=-1)
    with pytest.raises(ValueError, match=f"^huber_loss{end}: delta is 0, expected more than 0"):
        call(f"huber_loss{end}", HALF, HALF, delta=0)


# Binary cross-entropy


def test_binary_cross_entropy_is_its_definition():
    x, target = shares(3, 4), shares(3, 4, seed=1)
    expected = [
        -(t * math.log(p) + (1 - t) * math.log(1 - p))
        for p, t in zip(x.ravel().tolist(), target.ravel().tolist(), strict=True)
    ]
    y = F.binary_cross_entropy(x, target, reduction="none")
    # Two logarithms of at most 3, each within 4 ulp, with 4 roundings.
    assert np.abs(y.ravel() - expected).max() <= 2 * (4 + 4) * U * 3
    total = F.binary_cross_entropy(x, target, reduction="sum")
    # Sums of 12 numbers up to 3.
    assert abs(total - math.fsum(y.ravel())) <= 12 * U * 36
    assert abs(F.binary_cross_entropy(x, target) - total / 12) <= 2 * U * 3


def test_binary_cross_entropy_is_symmetric_in_the_two_classes():
    x, target = np.arange(1, 8) / 8, np.arange(8)[1:] / 16
    # All complements to 1 are exact; log(x) and log1p(-x) may differ by their 4 ulp.
    difference = F.binary_cross_entropy(x, target, reduction="none") - F.binary_cross_entropy(
        1 - x, 1 - target, reduction="none"
    )
    assert np.abs(difference).max() <= 2 * (4 + 4) * U * 3


def test_binary_cross_entropy_counts_no_logarithm_below_minus_100():
    x, target = np.array([0.0, 1.0, 0.0, 1.0]), np.array([1.0, 0.0, 0.0, 1.0])
    y = F.binary_cross_entropy(x, target, reduction="none")
    assert_array_equal(y, [100, 100, 0, 0])
    grad = F.binary_cross_entropy_input_grad(np.full(4, 2.0), x, target, reduction="none")
    steep = 2 / float(np.float32(1e-12))
    assert_array_equal(grad, [-steep, steep, 0, 0])
    grad = F.binary_cross_entropy_target_grad(np.full(4, 2.0), x, target, reduction="none")
    assert_array_equal(grad, [np.inf, -np.inf, np.inf, -np.inf])


@pytest.mark.parametrize("name", ["binary_cross_entropy", "binary_cross_entropy_with_logits"])
def test_binary_cross_entropy_weights_each_loss_after_broadcasting(name):
    function = getattr(F, name)
    x, target, weight = shares(3, 4), shares(3, 4, seed=1), integers(4, seed=2)
    plain = function(x, target, reduction="none")
    assert_array_equal(function(x, target, weight, reduction="none"), plain * weight)
    column = integers(3, 1, seed=3)
    assert_array_equal(function(x, target, column, reduction="none"), plain * column)
    assert_array_equal(function(x, target, np.array(2.0), reduction="none"), 2 * plain)
    # The mean divides by the number of losses, whatever their weights.
    assert function(x, target, np.array(2.0)) == 2 * function(x, target)


def test_binary_cross_entropy_with_logits_is_that_of_the_sigmoid():
    x, target = normal(3, 4), shares(3, 4, seed=1)
    y = F.binary_cross_entropy_with_logits(x, target, reduction="none")
    expected = F.binary_cross_entropy(F.sigmoid(x), target, reduction="none")
    # |x| < 8: 1 - sigmoid(x) is above exp(-8), so its rounding grows by less than 3000 in the
    # logarithm; the other 20 roundings are of numbers up to 8.
    assert np.abs(y - expected).max() <= (3000 + 20 * 8) * U


def test_binary_cross_entropy_with_logits_is_accurate_for_logits_of_any_size():
    x, target = np.array([1e4, -1e4, 1e4, -1e4]), np.array([0.0, 1.0, 1.0, 0.0])
    y = F.binary_cross_entropy_with_logits(x, target, reduction="none")
    assert_array_equal(y, [1e4, 1e4, 0, 0])
    grad = F.binary_cross_entropy_with_logits_input_grad(
        np.full(4, 3.0), x, target, reduction="none"
    )
    assert_array_equal(grad, [3, -3, 0, 0])


def test_binary_cross_entropy_with_logits_weights_positives():
    x, target, positive = normal(3, 4), integers(3, 4) > 0, integers(4, seed=2) + 7
    target = target.astype(float)
    plain = F.binary_cross_entropy_with_logits(x, target, reduction="none")
    y = F.binary_cross_entropy_with_logits(x, target, pos_weight=positive, reduction="none")
    # Targets of 0 and 1 leave one term: the product is one rounding of numbers up to 100.
    assert np.abs(y - plain * np.where(target == 1, positive, 1)).max() <= 2 * U * 100


# Penalty


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_l2_penalty_is_its_definition_with_twice_the_slope_of_weight_decay(dtype):
    x = integers(3, 4, dtype=dtype)
    value = F.l2_penalty(x, strength=0.25)
    assert value == 0.25 * (x.astype(int) ** 2).sum()
    assert value.dtype == dtype
    grad = F.l2_penalty_grad(np.array(3, dtype), x, strength=0.25)
    assert_array_equal(grad, dtype(3 * 2 * 0.25) * x, strict=True)


# All of them


PAIRS = [
    "l1_loss",
    "mse_loss",
    "smooth_l1_loss",
    "huber_loss",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
]
FORMS = [name + end for name in PAIRS for end in ("", "_input_grad", "_target_grad")]


@pytest.mark.parametrize("name", PAIRS)
def test_losses_of_nothing_are_nan_in_the_mean_and_0_in_the_sum(name):
    empty = np.zeros((0, 3), np.float32)
    assert np.isnan(getattr(F, name)(empty, empty))
    assert getattr(F, name)(empty, empty, reduction="sum") == 0
    assert getattr(F, name)(empty, empty, reduction="none").shape == (0, 3)
    one = np.array(1, np.float32)
    assert getattr(F, f"{name}_input_grad")(one, empty, empty).shape == (0, 3)


def call(name, x, target, *weights, grad_output=None, **options):
    arrays = (x, target, *weights)
    if name.endswith("_grad"):
        arrays = (np.array(1.0) if grad_output is None else grad_output, *arrays)
    return getattr(F, name)(*arrays, **options)


HALF = np.full((2, 3), 0.5)


@pytest.mark.parametrize("name", FORMS)
def test_losses_refuse_what_does_not_fit(name):
    with pytest.raises(
        ValueError, match=f"^{name}: reduction is 'all', expected one of 'none', 'mean', 'sum'"
    ):
        call(name, HALF, HALF, reduction="all")
    with pytest.raises(ValueError, match=rf"^{name}: target has shape \(3,\), expected \(2, 3\)"):
        call(name, HALF, HALF[0])


@pytest.mark.parametrize("name", [name for name in FORMS if name.endswith("grad")])
def test_loss_gradients_refuse_another_shape_than_that_of_the_loss(name):
    message = rf"^{name}: grad_output has shape \(2, 3\), expected \(\)"
    with pytest.raises(ValueError, match=message):
        call(name, HALF, HALF, grad_output=HALF)
    message = rf"^{name}: grad_output has shape \(\), expected \(2, 3\)"
    with pytest.raises(ValueError, match=message):
        call(name, HALF, HALF, reduction="none")


@pytest.mark.parametrize("name", [name for name in FORMS if "cross" in name])
@pytest.mark.parametrize("shape", [(2,), (3, 3), (1, 2, 3)])
def test_losses_refuse_weights_that_do_not_broadcast(name, shape):
    with pytest.raises(ValueError, match=f"^{name}: weight has shape .*, expected one that broad"):
        call(name, HALF, HALF, np.ones(shape))


@pytest.mark.parametrize("name", [name for name in FORMS if "logits" in name])
def test_losses_refuse_positive_weights_that_do_not_broadcast(name):
    message = rf"^{name}: pos_weight has shape \(2,\), expected one that broadcasts to \(2, 3\)"
    with pytest.raises(ValueError, match=message):
        call(name, HALF, HALF, pos_weight=np.ones(2))


@pytest.mark.parametrize("value", [-0.1, 1.5, np.nan, np.inf])
@pytest.mark.parametrize("place", ["x", "target"])
@pytest.mark.parametrize("name", [n for n in FORMS if "cross" in n and "logits" not in n])
def test_binary_cross_entropy_refuses_what_is_no_probability(name, place, value):
    arrays = {"x": HALF, "target": HALF, place: np.array([[0, 1, 0.5], [1, value, 0]])}
    with pytest.raises(ValueError, match=f"^{name}: {place} has the value {value}, expected 0 to"):
        call(name, **arrays)


@pytest.mark.parametrize("name", [name for name in FORMS if "logits" in name])
def test_binary_cross_entropy_with_logits_refuses_a_target_of_nan(name):
    target = np.array([[0, 1, 0.5], [1, np.nan, 0]])
    with pytest.raises(ValueError, match=f"^{name}: target has the value nan, expected a prob"):
        call(name, HALF, target)


def test_l2_penalty_refuses_what_does_not_fit():
    with pytest.raises(ValueError, match=r"^l2_penalty: strength is -1, expected at least 0"):
        F.l2_penalty(HALF, strength=-1)
    with pytest.raises(TypeError, match=r"^l2_penalty_grad: strength is '1', expected a number"):
        F.l2_penalty_grad(np.array(1.0), HALF, strength="1")
    message = r"^l2_penalty_grad: grad_output has shape \(2, 3\), expected \(\)"
    with pytest.raises(ValueError, match=message):
        F.l2_penalty_grad(HALF, HALF, strength=1.0)
