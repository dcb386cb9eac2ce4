"""Laws of the losses of embeddings, and what they refuse."""

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


# Distances


def test_hinge_embedding_loss_is_its_definition():
    x, target = integers(4, 8), signs(4, 8, seed=1)
    y = F.hinge_embedding_loss(x, target, margin=2.0, reduction="none")
    assert_array_equal(y, np.where(target == 1, x, np.maximum(0, 2 - x)))
    assert F.hinge_embedding_loss(x, target, margin=2.0) == y.sum() / 32
    whole = F.hinge_embedding_loss(x, target.astype(int), margin=2.0, reduction="none")
    assert_array_equal(whole, y)


def test_hinge_embedding_loss_has_a_slope_where_the_margin_is_just_met():
    x, target, g = np.array([1.0, 0.5, 2.0, 1.0]), np.array([-1, -1, -1, 1]), np.arange(2.0, 6)
    grad = F.hinge_embedding_loss_grad(g, x, target, reduction="none")
    assert_array_equal(grad, [-2, -3, 0, 5])


@pytest.mark.parametrize(("first", "second"), [((2, 3), (3,)), ((3,), (2, 3)), ((2, 1), (1, 3))])
def test_hinge_embedding_loss_broadcasts_and_sums_its_gradient(first, second):
    x, target, g = integers(*first), signs(*second, seed=1), integers(2, 3, seed=2)
    whole = np.broadcast_to(x, (2, 3)).copy()
    y = F.hinge_embedding_loss(x, target, reduction="none")
    assert_array_equal(y, F.hinge_embedding_loss(whole, target, reduction="none"))
    grad = F.hinge_embedding_loss_grad(g, x, target, reduction="none")
    each = F.hinge_embedding_loss_grad(g, whole, target, reduction="none")
    if x.ndim == 1:
        each = each.sum(0)
    elif first == (2, 1):
        each = each.sum(1, keepdims=True)
    assert_array_equal(grad, each, strict=True)


# Angles


def test_cosine_embedding_loss_depends_on_directions_only():
    a, b, target = normal(5, 3), normal(5, 3, seed=1), signs(5, seed=2)
    y = F.cosine_embedding_loss(a, b, target, reduction="none")
    expected = [
        1 - np.dot(u, v) / math.sqrt(np.dot(u, u) * np.dot(v, v))
        if t == 1
        else max(0, np.dot(u, v) / math.sqrt(np.dot(u, u) * np.dot(v, v)))
        for u, v, t in zip(a, b, target, strict=True)
    ]
    # The constant adds 1e-12 to squared lengths above 0.04, and the rest are few roundings.
    assert np.abs(y - expected).max() <= 1e-12 / 0.04 + 20 * U
    assert np.sum(a * a, 1).min() > 0.04
    assert np.sum(b * b, 1).min() > 0.04
    scaled = F.cosine_embedding_loss(8 * a, b / 4, target, reduction="none")
    assert np.abs(scaled - y).max() <= 1e-12 / 0.04 * 16 + 20 * U


def test_cosine_embedding_loss_of_perpendicular_and_of_empty_vectors():
    a = np.array([[3.0, 4.0], [0.0, 0.0], [0.0, 0.0]])
    b = np.array([[4.0, -3.0], [1.0, 2.0], [1.0, 2.0]])
    target, g = np.array([-1, 1, -1]), np.array([2.0, 3.0, 5.0])
    assert_array_equal(F.cosine_embedding_loss(a, b, target, reduction="none"), [0, 1, 0])
    grads = F.cosine_embedding_loss_grads(g, a, b, target, reduction="none")
    # A right angle just meets a margin of 0, and has a slope there. PyTorch adds 1e-12 to the
    # squares: a share of 1e-12 / 25 here and 1e-12 / 5 below, times a cotangent of 5 at most.
    assert np.abs(grads.input1[0] - 2 * b[0] / 25).max() <= 1e-12
    steep = b[1] / math.sqrt(5) / math.sqrt(float(np.float32(1e-12)))
    assert np.abs(grads.input1[1:] / steep - [[-3], [5]]).max() <= 1e-11
    assert_array_equal(grads.input2[1:], 0)


def test_cosine_embedding_loss_bears_vectors_of_any_length():
    a, b = np.array([[3e30, 4e30]], np.float32), np.array([[4.0, 3.0]], np.float32)
    # Squares of 1e30 are infinite in single precision, products of lengths need not be.
    y = F.cosine_embedding_loss(a / 1e18, 1e13 * b, np.array([1]))
    assert abs(y - 0.04) <= 8 * np.finfo(np.float32).eps


def test_cosine_embedding_loss_takes_one_row_for_all_and_sums_its_gradient():
    a, b, target, g = normal(5, 3), normal(1, 3, seed=1), signs(5, seed=2), normal(5, seed=3)
    whole = np.repeat(b, 5, 0)
    options = {"margin": 0.25, "reduction": "none"}
    for reverse in (1, -1):
        y = F.cosine_embedding_loss(*(a, b)[::reverse], target, **options)
        same = F.cosine_embedding_loss(*(a, whole)[::reverse], target, **options)
        assert np.abs(y - same).max() <= 8 * U
        grads = F.cosine_embedding_loss_grads(g, *(a, b)[::reverse], target, **options)
        each = F.cosine_embedding_loss_grads(g, *(a, whole)[::reverse], target, **options)
        assert np.abs(grads[::reverse][0] - each[::reverse][0]).max() <= 100 * U
        summed = each[::reverse][1].sum(0, keepdims=True)
        assert grads[::reverse][1].shape == (1, 3)
        assert np.abs(grads[::reverse][1] - summed).max() <= 100 * U
    alone = F.cosine_embedding_loss(a[0], whole[0], np.array(1), reduction="none")
    assert np.shape(alone) == ()


# Distances of three


@pytest.mark.parametrize("p", [1.0, 2.0, 3.0, math.inf])
@pytest.mark.parametrize("swap", [False, True])
def test_triplet_margin_loss_is_its_definition(p, swap):
    anchor, positive, negative = normal(6, 4), normal(6, 4, seed=1), normal(6, 4, seed=2)
    options = {"p": p, "swap": swap, "margin": 0.75, "eps": 0.125, "reduction": "none"}
    y = F.triplet_margin_loss(anchor, positive, negative, **options)

    def distance(a, b):
        return np.linalg.norm(a - b + 0.125, p)

    for value, a, b, c in zip(y, anchor, positive, negative, strict=True):
        far = min(distance(a, c), distance(b, c)) if swap else distance(a, c)
        # Norms of 4 numbers below 8, each with a few library functions of 4 ulp.
        assert abs(value - max(0, 0.75 + distance(a, b) - far)) <= 40 * U * 16
    assert (y > 0).any()
    assert (y == 0).any() or swap


def one(*rows):
    return [np.array([row], float) for row in rows]


def test_triplet_margin_loss_has_a_slope_where_the_margin_is_just_met():
    arrays = one([0, 0], [3, 4], [6, 0])
    assert F.triplet_margin_loss(*arrays, eps=0.0) == 0
    grads = F.triplet_margin_loss_grads(np.array(5.0), *arrays, eps=0.0)
    assert_array_equal(grads.anchor, [[2, -4]])
    assert_array_equal(grads.positive, [[3, 4]])
    assert_array_equal(grads.negative, [[-5, 0]])
    beyond = F.triplet_margin_loss_grads(np.array(5.0), *one([0, 0], [3, 4], [7, 0]), eps=0.0)
    assert not any(grad.any() for grad in beyond)


def test_triplet_margin_loss_shares_the_gradient_of_equal_distances_and_coordinates():
    arrays = one([0, 0], [6, 0], [3, 0])
    grads = F.triplet_margin_loss_grads(np.array(4.0), *arrays, eps=0.0, swap=True)
    assert_array_equal(grads.anchor, [[-2, 0]])
    assert_array_equal(grads.positive, [[2, 0]])
    assert_array_equal(grads.negative, [[0, 0]])
    arrays = one([1, 1], [0, 0], [3, 4])
    grads = F.triplet_margin_loss_grads(np.array(4.0), *arrays, eps=0.0, margin=5.0, p=math.inf)
    assert_array_equal(grads.anchor, [[2, 6]])
    assert_array_equal(grads.positive, [[-2, -2]])
    assert_array_equal(grads.negative, [[0, -4]])


@pytest.mark.parametrize("p", [0.5, 1.0, 1.5, 2.0, 3.0, math.inf])
def test_triplet_margin_loss_of_an_anchor_on_its_positive_has_no_slope_there(p):
    arrays = one([1, 2], [1, 2], [1.5, 2])
    grads = F.triplet_margin_loss_grads(np.array(4.0), *arrays, eps=0.0, p=p)
    assert_array_equal(grads.positive, [[0, 0]])
    # One coordinate of the other difference is 0, and has no slope either.
    assert_array_equal(grads.anchor, [[4, 0]])
    assert_array_equal(grads.negative, [[-4, 0]])


def test_triplet_margin_loss_sums_the_gradients_of_arrays_that_broadcast():
    anchor, positive, negative = normal(2, 3, 4), normal(1, 3, 4, seed=1), normal(2, 1, 4, seed=2)
    whole = [a.copy() for a in np.broadcast_arrays(anchor, positive, negative)]
    options = {"margin": 3.0, "swap": True, "reduction": "none"}
    g = normal(2, 3, seed=3)
    y = F.triplet_margin_loss(anchor, positive, negative, **options)
    assert_array_equal(y, F.triplet_margin_loss(*whole, **options))
    grads = F.triplet_margin_loss_grads(g, anchor, positive, negative, **options)
    each = F.triplet_margin_loss_grads(g, *whole, **options)
    assert_array_equal(grads.anchor, each.anchor)
    # Sums of 3 numbers below 8.
    assert np.abs(grads.positive - each.positive.sum(0, keepdims=True)).max() <= 4 * U * 24
    assert np.abs(grads.negative - each.negative.sum(1, keepdims=True)).max() <= 4 * U * 24


# All of them

ARRAYS = {
    "hinge_embedding_loss": lambda n: [normal(n, 4), signs(n, 4, seed=1)],
    "cosine_embedding_loss": lambda n: [normal(n, 4), normal(n, 4, seed=1), signs(n, seed=2)],
    "triplet_margin_loss": lambda n: [normal(n, 4), normal(n, 4, seed=1), normal(n, 4, seed=2)],
}
GRADIENTS = {
    "hinge_embedding_loss": [F.hinge_embedding_loss_grad],
    "cosine_embedding_loss": [
        lambda *a, place=place, **k: F.cosine_embedding_loss_grads(*a, **k)[place]
        for place in range(2)
    ],
    "triplet_margin_loss": [
        lambda *a, place=place, **k: F.triplet_margin_loss_grads(*a, **k)[place]
        for place in range(3)
    ],
}
OPTIONS = {
    "hinge_embedding_loss": [{"margin": 0.5}],
    "cosine_embedding_loss": [{}, {"margin": -0.5}],
    "triplet_margin_loss": [
        {"p": p, "margin": 2.0, "swap": swap}
        for p in (1, 2, 3, 1.5, math.inf)
        for swap in (False, True)
    ],
}
CHECKS = [(name, options) for name in ARRAYS for options in OPTIONS[name]]


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize(("name", "options"), CHECKS)
def test_embeddings_have_the_gradients_of_central_differences(name, options, reduction):
    for place, gradient in enumerate(GRADIENTS[name]):
        arrays = ARRAYS[name](3)

        def function(moved, arrays=arrays, place=place, gradient=gradient):
            given = [*arrays[:place], moved, *arrays[place + 1 :]]
            value = np.asarray(getattr(F, name)(*given, **options, reduction=reduction))
            return value, lambda g: gradient(g, *given, **options, reduction=reduction)

        assert gradcheck(function, arrays[place]).ok


@pytest.mark.parametrize("name", ARRAYS)
def test_embeddings_of_nothing_are_nan_in_the_mean_and_0_in_the_sum(name):
    arrays, function = ARRAYS[name](0), getattr(F, name)
    assert np.isnan(function(*arrays))
    assert function(*arrays, reduction="sum") == 0
    for gradient in GRADIENTS[name]:
        assert gradient(np.array(1.0), *arrays).shape == (0, 4)


X, PAIRS, ROWS, ONE = np.ones((2, 3)), np.ones((2, 3)), np.ones(2), np.array(1.0)
FORMS = [
    ("hinge_embedding_loss", (), (X, PAIRS)),
    ("hinge_embedding_loss_grad", (ONE,), (X, PAIRS)),
    ("cosine_embedding_loss", (), (X, X, ROWS)),
    ("cosine_embedding_loss_grads", (ONE,), (X, X, ROWS)),
    ("triplet_margin_loss", (), (X, X, X)),
    ("triplet_margin_loss_grads", (ONE,), (X, X, X)),
]


@pytest.mark.parametrize(("name", "lead", "arrays"), FORMS)
def test_embeddings_refuse_what_does_not_fit(name, lead, arrays):
    function = getattr(F, name)
    message = f"^{name}: reduction is 'all', expected one of 'none', 'mean', 'sum'$"
    with pytest.raises(ValueError, match=message):
        function(*lead, *arrays, reduction="all")
    *first, last = arrays
    with pytest.raises(ValueError, match=f"^{name}: .* has shape .* expected shapes that"):
        function(*lead, *first, np.ones((5, *last.shape[1:])))
    with pytest.raises(TypeError, match=f"^{name}: margin is 'a', expected a number"):
        function(*lead, *arrays, margin="a")
    if lead:
        message = rf"^{name}: grad_output has shape \(7,\), expected \(\)"
        with pytest.raises(ValueError, match=message):
            function(np.ones(7), *arrays)


@pytest.mark.parametrize(("name", "lead", "arrays"), [f for f in FORMS if "embed" in f[0]])
@pytest.mark.parametrize("value", [0, 0.5, 2, math.nan])
def test_embeddings_refuse_targets_that_are_no_signs(name, lead, arrays, value):
    *first, target = arrays
    wrong = target.copy()
    wrong[-1:] = value
    message = rf"^{name}: target has the value {float(value)}, expected 1 or -1"
    with pytest.raises(ValueError, match=message):
        getattr(F, name)(*lead, *first, wrong)
    with pytest.raises(TypeError, match=f"^{name}: target has dtype bool, expected float32 or fl"):
        getattr(F, name)(*lead, *first, target > 0)


@pytest.mark.parametrize(("name", "lead"), [(n, g) for n, g, _ in FORMS if "cosine" in n])
def test_cosine_embedding_loss_refuses_other_ranks_and_widths(name, lead):
    function = getattr(F, name)
    for shape in ((2, 3), ()):
        with pytest.raises(ValueError, match=rf"^{name}: input1 has shape \(2, 3\) and target .*"):
            function(*lead, X, X, np.ones(shape))
    with pytest.raises(ValueError, match=rf"^{name}: input2 has shape \(3,\) and target \(2,\)"):
        function(*lead, X, X[0], ROWS)
    with pytest.raises(ValueError, match=f"^{name}: input2 has 1 columns, expected the 3 of"):
        function(*lead, X, X[:, :1], ROWS)


@pytest.mark.parametrize(("name", "lead"), [(n, g) for n, g, _ in FORMS if "triplet" in n])
def test_triplet_margin_loss_refuses_other_ranks_margins_and_norms(name, lead):
    function = getattr(F, name)
    with pytest.raises(ValueError, match=rf"^{name}: positive has shape \(3,\) and anchor \(2, "):
        function(*lead, X, X[0], X)
    with pytest.raises(ValueError, match=rf"^{name}: positive has shape \(\) and anchor \(\)"):
        function(*lead, ONE, ONE, ONE)
    with pytest.raises(ValueError, match=f"^{name}: margin is 0, expected more than 0"):
        function(*lead, X, X, X, margin=0)
    with pytest.raises(ValueError, match=f"^{name}: p is -1, expected more than 0"):
        function(*lead, X, X, X, p=-1)
    with pytest.raises(TypeError, match=f"^{name}: eps is 'a', expected a number"):
        function(*lead, X, X, X, eps="a")
