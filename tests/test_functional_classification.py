"""Laws of cross_entropy and nll_loss, and what they refuse."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from scratchcnn import functional as F
from scratchcnn import gradcheck

U = np.finfo(np.float64).eps
REDUCTIONS = ["none", "mean", "sum"]


def normal(*shape, seed=0):
    return 2 * np.random.default_rng(seed).standard_normal(shape)


def integers(*shape, seed=0):
    return np.random.default_rng(seed).integers(-5, 6, shape).astype(float)


def labels(*shape, classes=5, seed=1):
    return np.random.default_rng(seed).integers(0, classes, shape)


def one_hot(target, classes=5):
    return np.moveaxis(np.eye(classes)[target], -1, 1)


LOGITS, TARGET, WEIGHT = normal(6, 5), labels(6), np.arange(1.0, 6)


def test_nll_loss_picks_the_negative_of_each_target():
    x = integers(4, 5)
    target = np.array([2, 0, 4, 4])
    picked = -x[np.arange(4), target]
    assert_array_equal(F.nll_loss(x, target, reduction="none"), picked, strict=True)
    assert F.nll_loss(x, target, reduction="sum") == picked.sum()
    assert F.nll_loss(x, target) == picked.sum() / 4


def test_nll_loss_mean_divides_by_the_weights_of_the_targets():
    x, target = integers(4, 5), np.array([2, 0, 4, 4])
    losses = -WEIGHT[target] * x[np.arange(4), target]
    assert_array_equal(F.nll_loss(x, target, WEIGHT, reduction="none"), losses)
    assert F.nll_loss(x, target, WEIGHT) == losses.sum() / (3 + 1 + 5 + 5)


def test_nll_loss_gradient_is_the_adjoint():
    x, target, g = integers(4, 5), np.array([2, 0, 4, 4]), integers(4, seed=2)
    grad = F.nll_loss_grad(g, target, WEIGHT, input_shape=x.shape, reduction="none")
    losses = F.nll_loss(x, target, WEIGHT, reduction="none")
    assert np.vdot(g, losses) == np.vdot(grad, x)
    assert_array_equal(grad != 0, (np.eye(5)[target] * g[:, None]) != 0)
    grad = F.nll_loss_grad(np.array(28.0), target, WEIGHT, input_shape=x.shape)
    assert_array_equal(grad, -2 * WEIGHT * np.eye(5)[target])


@pytest.mark.parametrize("dtype", "bBhHiIlLqQ")
def test_nll_loss_takes_labels_of_any_integer_dtype(dtype):
    x = integers(4, 5)
    target = np.array([2, 0, 4, 4])
    assert F.nll_loss(x, target.astype(dtype)) == F.nll_loss(x, target)
    g = np.array(4.0)
    assert_array_equal(
        F.nll_loss_grad(g, target.astype(dtype), input_shape=(4, 5)),
        F.nll_loss_grad(g, target, input_shape=(4, 5)),
    )


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["plain", "weighted"])
def test_cross_entropy_is_nll_loss_of_log_softmax(weight, reduction):
    assert_array_equal(
        F.cross_entropy(LOGITS, TARGET, weight, reduction=reduction),
        F.nll_loss(F.log_softmax(LOGITS, dim=1), TARGET, weight, reduction=reduction),
    )


def test_cross_entropy_of_equal_logits_is_the_logarithm_of_their_number():
    y = F.cross_entropy(np.full((2, 5), 7.0), np.array([0, 3]), reduction="none")
    # The logarithm within 4 ulp of a number below 2.
    assert np.abs(y - math.log(5)).max() <= 4 * U * 2


def test_cross_entropy_is_shift_invariant():
    x = integers(6, 5)
    y = F.cross_entropy(x + 1000, TARGET, reduction="none")
    assert_array_equal(y, F.cross_entropy(x, TARGET, reduction="none"))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_cross_entropy_takes_logits_of_any_size(dtype):
    x = np.array([[1e4, 0, -1e4]] * 3, dtype)
    target = np.array([0, 1, 2])
    y = F.cross_entropy(x, target, reduction="none")
    assert_array_equal(y, np.array([0, 1e4, 2e4], dtype), strict=True)
    grad = F.cross_entropy_input_grad(np.full(3, 2, dtype), x, target, reduction="none")
    assert_array_equal(grad, np.array([[0, 0, 0], [2, -2, 0], [2, 0, -2]], dtype), strict=True)


def test_cross_entropy_ignores_impossible_classes_that_are_no_target():
    x = np.array([[0.0, 0.0, -np.inf]])
    y = F.cross_entropy(x, np.array([1]), reduction="none")
    # The logarithm within 4 ulp.
    assert abs(y[0] - math.log(2)) <= 4 * U
    grad = F.cross_entropy_input_grad(np.array(4.0), x, np.array([1]))
    assert_array_equal(grad, [[2, -2, 0]])


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("smoothing", [0.0, 0.25])
def test_cross_entropy_of_classes_is_that_of_their_one_hot_probabilities(smoothing, reduction):
    options = {"reduction": reduction, "label_smoothing": smoothing}
    y = F.cross_entropy(LOGITS, TARGET, **options)
    expected = F.cross_entropy(LOGITS, one_hot(TARGET), **options)
    if smoothing == 0:
        assert_array_equal(y, expected)
    # Shares 1 - ε + ε/C, rounded twice, of 5 log-probabilities above -15, in at most 6 losses.
    assert np.abs(y - expected).max() <= 4 * 5 * U * 15 * 6
    g = np.asarray(y) + 1
    grads = [
        F.cross_entropy_input_grad(g, LOGITS, target, **options)
        for target in (TARGET, one_hot(TARGET))
    ]
    # Likewise, times a cotangent of at most 100.
    assert np.abs(grads[0] - grads[1]).max() <= 4 * 5 * U * 100


def test_cross_entropy_smooths_labels_by_mixing_with_equal_shares():
    mixed = 0.75 * one_hot(TARGET) + 0.25 / 5
    y = F.cross_entropy(LOGITS, TARGET, label_smoothing=0.25, reduction="none")
    expected = F.cross_entropy(LOGITS, mixed, reduction="none")
    # 5 products with log-probabilities above -15, each with 3 roundings.
    assert np.abs(y - expected).max() <= 5 * 3 * U * 15
    spread = F.cross_entropy(LOGITS, TARGET, label_smoothing=1.0, reduction="none")
    assert np.abs(spread + F.log_softmax(LOGITS, dim=1).mean(1)).max() <= 5 * 3 * U * 15


@pytest.mark.parametrize("smoothing", [0.0, 0.25])
def test_cross_entropy_leaves_out_what_is_ignored(smoothing):
    target = np.where([0, 1, 0, 0, 1, 0], -100, TARGET)
    kept = target >= 0
    options = {"label_smoothing": smoothing, "weight": WEIGHT}
    y = F.cross_entropy(LOGITS, target, reduction="none", **options)
    assert_array_equal(y[~kept], [0, 0])
    alone = F.cross_entropy(LOGITS[kept], target[kept], **options)
    # Sums of 6 instead of 4 losses up to 15 with weights up to 5.
    assert abs(F.cross_entropy(LOGITS, target, **options) - alone) <= 6 * U * 15 * 5
    g = np.array(-3.0)
    grad = F.cross_entropy_input_grad(g, LOGITS, target, **options)
    assert_array_equal(grad[~kept], np.zeros((2, 5)))
    assert_array_equal(
        grad[kept], F.cross_entropy_input_grad(g, LOGITS[kept], target[kept], **options)
    )
    other = np.where(kept, target, 3)
    ignored = F.cross_entropy(LOGITS, other, ignore_index=3, **options)
    still = other != 3
    alone = F.cross_entropy(LOGITS[still], other[still], **options)
    assert abs(ignored - alone) <= 6 * U * 15 * 5


def test_cross_entropy_mean_of_nothing_is_nan_with_a_gradient_of_0():
    target = np.full(6, -100)
    assert np.isnan(F.cross_entropy(LOGITS, target))
    assert np.isnan(F.nll_loss(LOGITS, target))
    assert F.cross_entropy(LOGITS, target, reduction="sum") == 0
    g = np.array(3.0)
    assert_array_equal(F.cross_entropy_input_grad(g, LOGITS, target), np.zeros((6, 5)))
    assert_array_equal(F.nll_loss_grad(g, target, input_shape=(6, 5)), np.zeros((6, 5)))


def test_cross_entropy_of_no_samples_is_nan_in_the_mean_and_empty_without():
    x, target = np.zeros((0, 5)), np.zeros(0, int)
    assert np.isnan(F.cross_entropy(x, target))
    assert F.cross_entropy(x, target, reduction="none").shape == (0,)
    assert F.cross_entropy_input_grad(np.array(1.0), x, target).shape == (0, 5)


@pytest.mark.parametrize("function", [F.cross_entropy, F.nll_loss])
def test_cross_entropy_of_maps_and_of_one_sample_is_that_of_their_rows(function):
    x, target = normal(2, 5, 3), labels(2, 3)
    rows = np.ascontiguousarray(np.moveaxis(x, 1, 2).reshape(6, 5))
    y = function(x, target, WEIGHT, reduction="none")
    expected = function(rows, target.ravel(), WEIGHT, reduction="none")
    # The sum of 5 exponentials in another order, in logarithms above -15, times weights to 5.
    assert np.abs(y.ravel() - expected).max() <= 2 * 5 * U * 15 * 5
    single = function(rows[0], np.array(target[0, 0]), WEIGHT, reduction="none")
    assert single.shape == ()
    assert abs(single - expected[0]) <= 2 * 5 * U * 15 * 5


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("shape", [(5,), (3, 5), (2, 5, 3)])
@pytest.mark.parametrize("smoothing", [0.0, 0.25])
@pytest.mark.parametrize("classes", [True, False])
def test_cross_entropy_has_the_gradients_of_central_differences(
    shape, reduction, smoothing, classes
):
    x = normal(*shape)
    axis = min(1, len(shape) - 1)
    rest = shape[:axis] + shape[axis + 1 :]
    target = np.asarray(labels(*rest)) if classes else F.softmax(normal(*shape, seed=3), dim=axis)
    options = {"reduction": reduction, "label_smoothing": smoothing}

    def along_input(x):
        y = np.asarray(F.cross_entropy(x, target, WEIGHT, **options))
        return y, lambda g: F.cross_entropy_input_grad(g, x, target, WEIGHT, **options)

    def along_target(target):
        y = np.asarray(F.cross_entropy(x, target, WEIGHT, **options))
        return y, lambda g: F.cross_entropy_target_grad(g, x, WEIGHT, **options)

    assert gradcheck(along_input, x).ok
    if not classes:
        assert gradcheck(along_target, target).ok


def test_cross_entropy_gradient_is_the_softmax_minus_the_target():
    g = integers(6, seed=3)
    grad = F.cross_entropy_input_grad(g, LOGITS, TARGET, reduction="none")
    expected = g[:, None] * (F.softmax(LOGITS, dim=1) - one_hot(TARGET))
    # exp(log_softmax) against softmax: 2 exponentials and a logarithm of at most 15.
    assert np.abs(grad - expected).max() <= (2 * 4 + 4 * 15 + 5) * U * 5


X, Y = np.zeros((2, 3)), np.array([0, 2])
ONE = np.array(1.0)
FORWARD = {
    "nll_loss": F.nll_loss,
    "cross_entropy": F.cross_entropy,
    "cross_entropy_input_grad": lambda *a, **k: F.cross_entropy_input_grad(ONE, *a, **k),
    "nll_loss_grad": lambda x, *a, **k: F.nll_loss_grad(ONE, *a, input_shape=x.shape, **k),
}


@pytest.mark.parametrize("name", FORWARD)
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((X, np.array([0, 3])), "target has the label 3, expected 0 to 2 or ignore_index=-100"),
        ((X, np.array([-1, 0])), "target has the label -1, expected 0 to 2 or ignore_index"),
        ((X, np.array([0])), r"target has shape \(1,\), expected \(2,\)"),
        ((X, Y[:, None]), r"target has shape \(2, 1\), expected \(2,\)"),
        ((X, Y, np.ones(2)), r"weight has shape \(2,\), expected \(3,\)"),
        ((X[:, :0], Y), r"x has shape \(2, 0\), expected \(N, C, …\) or \(C,\), C > 0"),
        ((np.array(1.0), Y), r"x has shape \(\), expected \(N, C, …\) or \(C,\), C > 0"),
    ],
)
def test_cross_entropy_refuses_targets_that_do_not_fit(name, arguments, message):
    with pytest.raises(ValueError, match=f"^{name}: {message}"):
        FORWARD[name](*arguments)


@pytest.mark.parametrize("name", FORWARD)
def test_cross_entropy_refuses_other_options(name):
    function = FORWARD[name]
    with pytest.raises(ValueError, match=f"^{name}: reduction is 'batch', expected one of 'none'"):
        function(X, Y, reduction="batch")
    with pytest.raises(TypeError, match=f"^{name}: ignore_index is 1.5, expected an integer"):
        function(X, Y, ignore_index=1.5)
    with pytest.raises(TypeError, match=f"^{name}: target has list, expected a NumPy array of int"):
        function(X, Y.tolist())


@pytest.mark.parametrize("name", ["nll_loss", "nll_loss_grad"])
def test_nll_loss_refuses_probabilities(name):
    with pytest.raises(TypeError, match=f"^{name}: target has dtype float64, expected a NumPy arr"):
        FORWARD[name](X, X)


def test_nll_loss_gradient_refuses_a_shape_that_is_none():
    message = "^nll_loss_grad: input_shape is 6, expected a tuple of integers"
    with pytest.raises(TypeError, match=message):
        F.nll_loss_grad(ONE, Y, input_shape=6)


@pytest.mark.parametrize("name", ["cross_entropy", "cross_entropy_input_grad"])
@pytest.mark.parametrize(
    ("target", "options", "message"),
    [
        (X[0], {}, r"target has shape \(3,\), expected \(2, 3\)"),
        (
            np.array([[0, np.nan, 1]] * 2),
            {},
            "target has the value nan, expected probabilities",
        ),
        (X, {"ignore_index": 0}, "ignore_index is 0, expected none with target probabilities"),
        (Y, {"label_smoothing": 1.5}, "label_smoothing is 1.5, expected at least 0 and at most 1"),
        (X, {"label_smoothing": -1}, "label_smoothing is -1, expected at least 0 and at most 1"),
    ],
)
def test_cross_entropy_refuses_probabilities_that_do_not_fit(name, target, options, message):
    with pytest.raises(ValueError, match=f"^{name}: {message}"):
        FORWARD[name](X, target, **options)


def test_cross_entropy_target_gradient_refuses_what_does_not_fit():
    name = "cross_entropy_target_grad"
    with pytest.raises(ValueError, match=rf"^{name}: weight has shape \(2,\), expected \(3,\)"):
        F.cross_entropy_target_grad(ONE, X, np.ones(2))
    with pytest.raises(ValueError, match=f"^{name}: label_smoothing is 2, expected at least 0"):
        F.cross_entropy_target_grad(ONE, X, label_smoothing=2)
    with pytest.raises(ValueError, match=f"^{name}: reduction is None, expected one of"):
        F.cross_entropy_target_grad(ONE, X, reduction=None)


@pytest.mark.parametrize(
    ("call", "shape"),
    [
        (lambda g, r: F.nll_loss_grad(g, Y, input_shape=(2, 3), reduction=r), (2,)),
        (lambda g, r: F.cross_entropy_input_grad(g, X, Y, reduction=r), (2,)),
        (lambda g, r: F.cross_entropy_target_grad(g, X, reduction=r), (2,)),
    ],
    ids=["nll_loss_grad", "cross_entropy_input_grad", "cross_entropy_target_grad"],
)
def test_classification_gradients_refuse_another_shape_than_that_of_the_loss(call, shape):
    with pytest.raises(ValueError, match=r"grad_output has shape \(2,\), expected \(\)"):
        call(np.ones(shape), "mean")
    with pytest.raises(ValueError, match=r"grad_output has shape \(\), expected \(2,\)"):
        call(ONE, "none")
