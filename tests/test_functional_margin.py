"""Laws of the losses by margins, of one class and of several, and what they refuse."""

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
    return np.random.default_rng(seed).standard_normal(shape)


def integers(*shape, seed=0):
    return np.random.default_rng(seed).integers(-3, 4, shape).astype(np.float64)


def signs(*shape, seed=0):
    return np.random.default_rng(seed).choice((-1.0, 1.0), shape)


def checked(name, gradient, arrays, place=0, **options):
    """Return the gradcheck of a loss along one of its arrays."""

    def function(moved):
        given = [*arrays[:place], moved, *arrays[place + 1 :]]
        value = np.asarray(getattr(F, name)(*given, **options))
        return value, lambda g: gradient(g, *given, **options)

    return gradcheck(function, arrays[place])


# Logistic loss of signs


def test_soft_margin_loss_is_the_binary_cross_entropy_of_signs():
    x, target = 4 * normal(4, 5), signs(4, 5, seed=1)
    y = F.soft_margin_loss(x, target, reduction="none")
    expected = F.binary_cross_entropy_with_logits(x, (target + 1) / 2, reduction="none")
    assert_array_equal(y, expected)
    g = normal(4, 5, seed=2)
    assert_array_equal(
        F.soft_margin_loss_grad(g, x, target, reduction="none"),
        F.binary_cross_entropy_with_logits_input_grad(g, x, (target + 1) / 2, reduction="none"),
    )


def test_soft_margin_loss_is_accurate_for_scores_of_any_size():
    x, target = np.array([1e4, -1e4, 1e4, -1e4]), np.array([1, 1, -1, -1])
    assert_array_equal(F.soft_margin_loss(x, target, reduction="none"), [0, 1e4, 1e4, 0])
    grad = F.soft_margin_loss_grad(np.full(4, 3.0), x, target, reduction="none")
    assert_array_equal(grad, [0, -3, 3, 0])


def test_soft_margin_loss_broadcasts_its_target():
    x, g = normal(3, 4), normal(3, 4, seed=1)
    for target in (np.array([1, -1, -1, 1]), np.array([[1.0], [-1.0], [1.0]]), np.array(-1)):
        whole = np.broadcast_to(target, x.shape).astype(float)
        y = F.soft_margin_loss(x, target, reduction="none")
        assert_array_equal(y, F.soft_margin_loss(x, whole, reduction="none"))
        grad = F.soft_margin_loss_grad(g, x, target, reduction="none")
        assert_array_equal(grad, F.soft_margin_loss_grad(g, x, whole, reduction="none"))


# Ranking


def test_margin_ranking_loss_is_its_definition_and_0_once_the_margin_is_kept():
    first, second, target = integers(4, 8), integers(4, 8, seed=1), signs(4, 8, seed=2)
    y = F.margin_ranking_loss(first, second, target, margin=2.0, reduction="none")
    assert_array_equal(y, np.maximum(0, 2 - target * (first - second)))
    # Exchanging the inputs is the other target.
    swapped = F.margin_ranking_loss(second, first, -target, margin=2.0, reduction="none")
    assert_array_equal(y, swapped)
    assert F.margin_ranking_loss(first, second, target, margin=2.0) == y.sum() / 32


def test_margin_ranking_loss_has_a_slope_where_the_margin_is_just_met():
    first, second = np.array([1.0, 2.0, 4.0, 1.0]), np.array([1.5, 1.0, 1.0, 2.0])
    target, g = np.array([1, 1, 1, -1]), np.array([2.0, 3.0, 5.0, 7.0])
    grads = F.margin_ranking_loss_grads(g, first, second, target, margin=1.0, reduction="none")
    assert_array_equal(grads.input1, [-2, -3, 0, 7])
    assert_array_equal(grads.input2, [2, 3, 0, -7])
    assert_array_equal(grads.target, [1, -3, 0, 7])


@pytest.mark.parametrize("shapes", [((2, 1, 4), (1, 3, 4), (2, 3, 1)), ((1,), (4,), (1,))])
def test_margin_ranking_loss_sums_the_gradients_of_arrays_that_broadcast(shapes):
    arrays = [
        integers(*shapes[0]),
        integers(*shapes[1], seed=1),
        signs(*shapes[2], seed=2),
    ]
    whole = [array.copy() for array in np.broadcast_arrays(*arrays)]
    g = integers(*whole[0].shape, seed=3)
    grads = F.margin_ranking_loss_grads(g, *arrays, margin=1.0, reduction="none")
    each = F.margin_ranking_loss_grads(g, *whole, margin=1.0, reduction="none")
    for array, grad, one in zip(arrays, grads, each, strict=True):
        axes = tuple(a for a, size in enumerate(array.shape) if size != whole[0].shape[a])
        assert_array_equal(grad, one.sum(axes, keepdims=True), strict=True)


# One class among several


@pytest.mark.parametrize("p", [1, 2])
def test_multi_margin_loss_is_its_definition(p):
    x, target, weight = integers(5, 4), np.array([0, 3, 1, 1, 2]), np.arange(1.0, 5)
    expected = [
        weight[t] * sum(max(0, 2 - row[t] + row[c]) ** p for c in range(4) if c != t) / 4
        for row, t in zip(x, target, strict=True)
    ]
    options = {"p": p, "margin": 2.0, "weight": weight}
    assert_array_equal(F.multi_margin_loss(x, target, **options, reduction="none"), expected)
    assert F.multi_margin_loss(x, target, **options) == sum(expected) / 5
    assert F.multi_margin_loss(x, target, **options, reduction="sum") == sum(expected)


@pytest.mark.parametrize("p", [1, 2])
def test_multi_margin_loss_depends_on_differences_of_scores_only(p):
    x, target, g = integers(5, 4), np.array([0, 3, 1, 1, 2]), integers(5, seed=1)
    y = F.multi_margin_loss(x, target, p=p, reduction="none")
    assert_array_equal(F.multi_margin_loss(x + 7, target, p=p, reduction="none"), y)
    grad = F.multi_margin_loss_grad(g, x, target, p=p, reduction="none")
    # So a gradient sums to 0 over the classes, and that to the bit on integers.
    assert_array_equal(grad.sum(1), 0)
    assert np.abs(grad).max() > 0


def test_multi_margin_loss_has_no_slope_where_the_margin_is_just_met():
    x = np.array([[1.0, 0.0, 0.5, 3.0]])
    assert F.multi_margin_loss(x, np.array([0])) == (0 + 0.5 + 3) / 4
    grad = F.multi_margin_loss_grad(np.array(8.0), x, np.array([0]))
    assert_array_equal(grad, [[-4, 0, 2, 2]])


def test_losses_of_margins_take_one_sample_without_a_batch():
    x, g = integers(4), np.array(8.0)
    label, labels = np.array(2), np.array([3, 0, -1, 1])
    for loss, target in ((F.multi_margin_loss, label), (F.multilabel_margin_loss, labels)):
        for reduction in REDUCTIONS:
            expected = loss(x[None], target[None], reduction="sum")
            assert loss(x, target, reduction=reduction) == expected
            assert np.shape(loss(x, target, reduction=reduction)) == ()
    grad = F.multi_margin_loss_grad(g, x, label)
    assert_array_equal(grad, F.multi_margin_loss_grad(g, x[None], label[None])[0], strict=True)
    grad = F.multilabel_margin_loss_grad(g, x, labels)
    assert_array_equal(grad, F.multilabel_margin_loss_grad(g, x[None], labels[None])[0])


# Several classes


def test_multilabel_margin_loss_is_its_definition():
    x = integers(4, 5)
    lists = [[3, 0], [], [1, 2, 4], [4, 3, 2, 1, 0]]
    # What follows the first -1 counts for nothing.
    target = np.array([[3, 0, -1, 1, 4], [-1, 2, 2, 2, 2], [1, 2, 4, -1, -1], [4, 3, 2, 1, 0]])
    expected = [
        sum(max(0, 1 - row[t] + row[c]) for t in own for c in range(5) if c not in own) / 5
        for row, own in zip(x, lists, strict=True)
    ]
    assert_array_equal(F.multilabel_margin_loss(x, target, reduction="none"), expected)
    assert F.multilabel_margin_loss(x, target) == sum(expected) / 4


def test_multilabel_margin_loss_of_one_class_is_multi_margin_loss():
    x, label, g = integers(3, 4), np.array([2, 0, 3]), integers(3, seed=1)
    target = np.full((3, 4), -1)
    target[:, 0] = label
    y = F.multilabel_margin_loss(x, target, reduction="none")
    assert_array_equal(y, F.multi_margin_loss(x, label, reduction="none"))
    grad = F.multilabel_margin_loss_grad(g, x, target, reduction="none")
    assert_array_equal(grad, F.multi_margin_loss_grad(g, x, label, reduction="none"))


def test_multilabel_margin_loss_has_no_slope_where_the_margin_is_just_met():
    x, target = np.array([[0.0, 1.0, 2.0]]), np.array([[1, -1, 0]])
    grad = F.multilabel_margin_loss_grad(np.array(3.0), x, target)
    assert_array_equal(grad, [[0, -1, 1]])


def test_multilabel_margin_loss_counts_a_repeated_class_twice():
    x, g = np.array([[0.125, 0.25, 0.5, 0.75]]), np.array(4.0)
    twice = F.multilabel_margin_loss(x, np.array([[3, 3, -1, 0]]))
    assert twice == 2 * F.multilabel_margin_loss(x, np.array([[3, -1, -1, 0]]))
    grad = F.multilabel_margin_loss_grad(g, x, np.array([[3, 3, -1, 0]]))
    assert_array_equal(grad, [[2, 2, 2, -6]])


def test_multilabel_soft_margin_loss_is_the_mean_binary_cross_entropy_of_each_sample():
    x, target, weight = 3 * normal(4, 8), signs(4, 8, seed=1) > 0, integers(8, seed=2) + 4
    y = F.multilabel_soft_margin_loss(x, target.astype(int), weight, reduction="none")
    each = F.binary_cross_entropy_with_logits(x, target.astype(float), weight, reduction="none")
    # Means of 8 numbers below 64.
    assert np.abs(y - each.mean(1)).max() <= 16 * U * 64
    assert F.multilabel_soft_margin_loss(x, target.astype(int), weight) == y.sum() / 4


def test_multilabel_soft_margin_loss_is_accurate_for_logits_of_any_size():
    x, target = np.array([[1e4, -1e4]]), np.array([[0.0, 1.0]])
    assert F.multilabel_soft_margin_loss(x, target) == 1e4
    grad = F.multilabel_soft_margin_loss_input_grad(np.array(3.0), x, target)
    assert_array_equal(grad, [[1.5, -1.5]])
    grad = F.multilabel_soft_margin_loss_target_grad(np.array(3.0), x, target)
    assert_array_equal(grad, [[-1.5e4, 1.5e4]])


def test_multilabel_soft_margin_loss_broadcasts_its_target_and_sums_its_gradient():
    x, target, g = integers(2, 3, 4), np.array([0.0, 1.0, 0.5, 1.0]), integers(2, 3, seed=1)
    whole = np.broadcast_to(target, x.shape).copy()
    y = F.multilabel_soft_margin_loss(x, target, reduction="none")
    assert_array_equal(y, F.multilabel_soft_margin_loss(x, whole, reduction="none"))
    grad = F.multilabel_soft_margin_loss_target_grad(g, x, target, reduction="none")
    each = F.multilabel_soft_margin_loss_target_grad(g, x, whole, reduction="none")
    assert_array_equal(grad, each.sum((0, 1)), strict=True)


# All of them


def multilabel(n):
    return np.array([[3, 0, -1, 1], [-1, 2, 2, 2], [1, 2, 0, -1]])[:n]


GRADIENTS = {
    "soft_margin_loss": [F.soft_margin_loss_grad],
    "multi_margin_loss": [F.multi_margin_loss_grad],
    "multilabel_margin_loss": [F.multilabel_margin_loss_grad],
    "multilabel_soft_margin_loss": [
        F.multilabel_soft_margin_loss_input_grad,
        F.multilabel_soft_margin_loss_target_grad,
    ],
    "margin_ranking_loss": [
        lambda *a, place=place, **k: F.margin_ranking_loss_grads(*a, **k)[place]
        for place in range(3)
    ],
}
ARRAYS = {
    "soft_margin_loss": lambda n: [normal(n, 4), signs(n, 4, seed=1)],
    "multi_margin_loss": lambda n: [normal(n, 4), np.array([1, 3, 0])[:n]],
    "multilabel_margin_loss": lambda n: [normal(n, 4), multilabel(n)],
    "multilabel_soft_margin_loss": lambda n: [
        normal(n, 4),
        np.abs(normal(n, 4, seed=1)),
        normal(4, seed=2),
    ],
    "margin_ranking_loss": lambda n: [normal(n, 4), normal(n, 4, seed=1), normal(n, 4, seed=2)],
}
OPTIONS = {
    "multi_margin_loss": [{"p": 1}, {"p": 2, "margin": 0.5, "weight": np.arange(1.0, 5)}],
    "margin_ranking_loss": [{"margin": 0.5}],
}
CHECKS = [(name, options) for name in ARRAYS for options in OPTIONS.get(name, [{}])]


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize(("name", "options"), CHECKS)
def test_margins_have_the_gradients_of_central_differences(name, options, reduction):
    for place, gradient in enumerate(GRADIENTS[name]):
        arrays = ARRAYS[name](3)
        assert checked(name, gradient, arrays, place, **options, reduction=reduction).ok


@pytest.mark.parametrize("name", ARRAYS)
def test_margins_of_nothing_are_nan_in_the_mean_and_0_in_the_sum(name):
    arrays, function = ARRAYS[name](0), getattr(F, name)
    assert np.isnan(function(*arrays))
    assert function(*arrays, reduction="sum") == 0
    for gradient in GRADIENTS[name]:
        assert gradient(np.array(1.0), *arrays).shape == (0, 4)


@pytest.mark.parametrize("name", [name for name in ARRAYS if "multi" in name])
def test_margins_let_nan_scores_through(name):
    x, *others = ARRAYS[name](3)
    x[0, 2] = math.nan
    assert np.isnan(getattr(F, name)(x, *others))


X, LABELS, SIGNS, ONE = np.ones((2, 3)), np.array([0, 2]), np.ones((2, 3)), np.array(1.0)
LISTS = np.array([[2, 0, -1], [-1, 1, 2]])
FORMS = [
    ("soft_margin_loss", (), (X, SIGNS)),
    ("soft_margin_loss_grad", (ONE,), (X, SIGNS)),
    ("margin_ranking_loss", (), (X, X, SIGNS)),
    ("margin_ranking_loss_grads", (ONE,), (X, X, SIGNS)),
    ("multi_margin_loss", (), (X, LABELS)),
    ("multi_margin_loss_grad", (ONE,), (X, LABELS)),
    ("multilabel_margin_loss", (), (X, LISTS)),
    ("multilabel_margin_loss_grad", (ONE,), (X, LISTS)),
    ("multilabel_soft_margin_loss", (), (X, SIGNS)),
    ("multilabel_soft_margin_loss_input_grad", (ONE,), (X, SIGNS)),
    ("multilabel_soft_margin_loss_target_grad", (ONE,), (X, SIGNS)),
]


@pytest.mark.parametrize(("name", "lead", "arrays"), FORMS)
def test_margins_refuse_what_does_not_fit(name, lead, arrays):
    function = getattr(F, name)
    message = f"^{name}: reduction is 'all', expected one of 'none', 'mean', 'sum'$"
    with pytest.raises(ValueError, match=message):
        function(*lead, *arrays, reduction="all")
    *first, target = arrays
    with pytest.raises(ValueError, match=rf"^{name}: .*target has shape \(2, 2\).* expected"):
        function(*lead, *first, np.ones((2, 2), target.dtype))
    if lead:
        message = rf"^{name}: grad_output has shape \(7,\), expected \(\)"
        with pytest.raises(ValueError, match=message):
            function(np.ones(7), *arrays)
    if target.dtype == float:
        with pytest.raises(TypeError, match=f"^{name}: target has dtype bool, expected float32 o"):
            function(*lead, *first, target > 0)


@pytest.mark.parametrize(("name", "lead"), [(n, lead) for n, lead, _ in FORMS if "ranking" in n])
def test_margin_ranking_loss_refuses_inputs_of_other_ranks(name, lead):
    message = rf"^{name}: input2 has 1 dimensions, expected the 2 of input1"
    with pytest.raises(ValueError, match=message):
        getattr(F, name)(*lead, X, X[0], SIGNS)
    message = rf"^{name}: target has 0 dimensions, expected the 2 of input1"
    with pytest.raises(ValueError, match=message):
        getattr(F, name)(*lead, X, X, np.array(1))
    message = rf"^{name}: margin is 'a', expected a number"
    with pytest.raises(TypeError, match=message):
        getattr(F, name)(*lead, X, X, SIGNS, margin="a")


@pytest.mark.parametrize(
    ("name", "lead", "arrays"), [form for form in FORMS if form[0].startswith("multi_margin")]
)
def test_multi_margin_loss_refuses_other_powers_labels_and_weights(name, lead, arrays):
    function = getattr(F, name)
    with pytest.raises(ValueError, match=f"^{name}: p is 3, expected 1 or 2"):
        function(*lead, *arrays, p=3)
    with pytest.raises(ValueError, match=f"^{name}: target has the label 3, expected 0 to 2"):
        function(*lead, X, LABELS + 1)
    with pytest.raises(ValueError, match=f"^{name}: target has the label -1, expected 0 to 2"):
        function(*lead, X, LABELS - 1)
    with pytest.raises(ValueError, match=rf"^{name}: weight has shape \(2,\), expected \(3,\)"):
        function(*lead, *arrays, weight=np.ones(2))
    with pytest.raises(TypeError, match=f"^{name}: target has dtype float64, expected a NumPy arr"):
        function(*lead, X, LABELS.astype(float))


@pytest.mark.parametrize(
    ("name", "lead", "arrays"), [form for form in FORMS if form[0].startswith("multilabel_m")]
)
def test_multilabel_margin_loss_refuses_labels_out_of_range(name, lead, arrays):
    for label in (3, -2):
        # Behind the first -1 too.
        message = f"^{name}: target has the label {label}, expected -1 to 2"
        with pytest.raises(ValueError, match=message):
            getattr(F, name)(*lead, X, np.array([[2, 0, -1], [-1, label, 2]]))


@pytest.mark.parametrize(
    ("name", "lead", "arrays"), [form for form in FORMS if form[1:][1][1].dtype == int]
)
@pytest.mark.parametrize("shape", [(), (2, 0), (1, 2, 3)])
def test_losses_of_classes_refuse_scores_of_other_ranks(name, lead, arrays, shape):
    with pytest.raises(ValueError, match=rf"^{name}: x has shape .*, expected \(N, C\) or \(C,\)"):
        getattr(F, name)(*lead, np.ones(shape), arrays[1])


@pytest.mark.parametrize(("name", "lead"), [(n, g) for n, g, _ in FORMS if "multilabel_soft" in n])
def test_multilabel_soft_margin_loss_refuses_weights_and_logits_that_do_not_fit(name, lead):
    with pytest.raises(
        ValueError, match=rf"^{name}: weight has shape \(2,\), expected one that br"
    ):
        getattr(F, name)(*lead, X, SIGNS, np.ones(2))
    with pytest.raises(ValueError, match=rf"^{name}: x has no axis, expected \(…, C\)"):
        getattr(F, name)(*lead, ONE, ONE)
