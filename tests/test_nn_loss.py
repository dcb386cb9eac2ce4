"""Losses as objects: the functions of their names, their pullbacks, and what they refuse."""

from __future__ import annotations

import copy

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from scratchcnn import functional as F
from scratchcnn import nn
from scratchcnn.nn.loss import _Loss

RNG = np.random.default_rng(0)
X, OTHER, THIRD = RNG.uniform(0.1, 0.9, (3, 4, 3))
WEIGHT, LABELS = np.array([1.0, 2, 3]), np.array([0, 2, 1, 2])
SIGNS = np.array([[1, -1, 1], [-1, 1, 1], [1, 1, -1], [-1, -1, 1]])
LISTS = np.array([[2, 0, -1], [-1, 1, 2], [0, 1, 2], [1, -1, -1]])


def parts(function, *fields):
    """Return some of the gradients that a function returns together."""
    return lambda *a, **k: tuple(getattr(function(*a, **k), field) for field in fields)


def nll(grad, x, target, weight, **options):
    return F.nll_loss_grad(grad, target, weight, input_shape=x.shape, **options)


# The loss, its function with all its options, the gradient, and the arrays of a call.
LOSSES = [
    (nn.L1Loss(), F.l1_loss, F.l1_loss_input_grad, (X, OTHER), {}),
    (nn.MSELoss(), F.mse_loss, F.mse_loss_input_grad, (X, OTHER), {}),
    (
        nn.SmoothL1Loss(beta=0.25),
        F.smooth_l1_loss,
        F.smooth_l1_loss_input_grad,
        (X, OTHER),
        {"beta": 0.25},
    ),
    (
        nn.HuberLoss("mean", 0.25),
        F.huber_loss,
        F.huber_loss_input_grad,
        (X, OTHER),
        {"delta": 0.25},
    ),
    (
        nn.BCELoss(WEIGHT),
        F.binary_cross_entropy,
        F.binary_cross_entropy_input_grad,
        (X, OTHER),
        {"weight": WEIGHT},
    ),
    (
        nn.BCEWithLogitsLoss(WEIGHT, pos_weight=WEIGHT[::-1].copy()),
        F.binary_cross_entropy_with_logits,
        F.binary_cross_entropy_with_logits_input_grad,
        (X, OTHER),
        {"weight": WEIGHT, "pos_weight": WEIGHT[::-1].copy()},
    ),
    (
        nn.NLLLoss(WEIGHT, ignore_index=1),
        F.nll_loss,
        nll,
        (X, LABELS),
        {"weight": WEIGHT, "ignore_index": 1},
    ),
    (
        nn.CrossEntropyLoss(WEIGHT, ignore_index=1, label_smoothing=0.25),
        F.cross_entropy,
        F.cross_entropy_input_grad,
        (X, LABELS),
        {"weight": WEIGHT, "ignore_index": 1, "label_smoothing": 0.25},
    ),
    (
        nn.KLDivLoss(log_target=True),
        F.kl_div,
        F.kl_div_input_grad,
        (X, OTHER),
        {"log_target": True},
    ),
    (
        nn.PoissonNLLLoss(False, True, eps=0.5),
        lambda *a, **k: F.poisson_nll_loss(*a, full=True, **k),
        F.poisson_nll_loss_input_grad,
        (X, LISTS),
        {"log_input": False, "eps": 0.5},
    ),
    (
        nn.GaussianNLLLoss(full=True, eps=0.5),
        lambda *a, **k: F.gaussian_nll_loss(*a, full=True, **k),
        parts(F.gaussian_nll_loss_grads, "input", "var"),
        (X, OTHER, THIRD),
        {"eps": 0.5},
    ),
    (nn.SoftMarginLoss(), F.soft_margin_loss, F.soft_margin_loss_grad, (X, SIGNS), {}),
    (
        nn.MarginRankingLoss(0.25),
        F.margin_ranking_loss,
        parts(F.margin_ranking_loss_grads, "input1", "input2"),
        (X, OTHER, SIGNS),
        {"margin": 0.25},
    ),
    (
        nn.MultiMarginLoss(2, 0.5, WEIGHT),
        F.multi_margin_loss,
        F.multi_margin_loss_grad,
        (X, LABELS),
        {"p": 2, "margin": 0.5, "weight": WEIGHT},
    ),
    (
        nn.MultiLabelMarginLoss(),
        F.multilabel_margin_loss,
        F.multilabel_margin_loss_grad,
        (X, LISTS),
        {},
    ),
    (
        nn.MultiLabelSoftMarginLoss(WEIGHT),
        F.multilabel_soft_margin_loss,
        F.multilabel_soft_margin_loss_input_grad,
        (X, OTHER),
        {"weight": WEIGHT},
    ),
    (
        nn.HingeEmbeddingLoss(0.5),
        F.hinge_embedding_loss,
        F.hinge_embedding_loss_grad,
        (X, SIGNS),
        {"margin": 0.5},
    ),
    (
        nn.CosineEmbeddingLoss(0.25),
        F.cosine_embedding_loss,
        parts(F.cosine_embedding_loss_grads, "input1", "input2"),
        (X, OTHER, SIGNS[:, 0]),
        {"margin": 0.25},
    ),
    (
        nn.TripletMarginLoss(0.5, 1.0, 0.25, True),
        F.triplet_margin_loss,
        parts(F.triplet_margin_loss_grads, "anchor", "positive", "negative"),
        (X, OTHER, THIRD),
        {"margin": 0.5, "p": 1.0, "eps": 0.25, "swap": True},
    ),
]
NAMES = [type(loss).__name__ for loss, *_ in LOSSES]
each_loss = pytest.mark.parametrize(
    ("loss", "function", "gradient", "arrays", "options"), LOSSES, ids=NAMES
)


@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
@each_loss
def test_losses_are_the_functions_of_their_names(
    loss, function, gradient, arrays, options, reduction
):
    loss = copy.copy(loss)
    loss.reduction = reduction
    value, pullback = loss.vjp(*arrays)
    if function is F.nll_loss:
        expected = F.nll_loss(*arrays, options["weight"], ignore_index=1, reduction=reduction)
    else:
        expected = function(*arrays, **options, reduction=reduction)
    assert_array_equal(value, expected, strict=True)
    assert_array_equal(loss(*arrays), value)
    for g in (None, np.asarray(np.random.default_rng(1).standard_normal(np.shape(value)))):
        cotangent = np.ones_like(value) if g is None else g
        expected = gradient(np.asarray(cotangent), *arrays, **options, reduction=reduction)
        grads = pullback() if g is None else pullback(g)
        assert isinstance(grads, tuple) == isinstance(expected, tuple)
        for grad, other in zip(
            grads if isinstance(grads, tuple) else (grads,),
            expected if isinstance(expected, tuple) else (expected,),
            strict=True,
        ):
            assert_array_equal(grad, other, strict=True)


@each_loss
def test_losses_default_to_the_mean_of_the_default_function(
    loss, function, gradient, arrays, options
):
    plain = type(loss)()
    assert plain.reduction == "mean"
    default = {
        nn.PoissonNLLLoss: F.poisson_nll_loss,
        nn.GaussianNLLLoss: F.gaussian_nll_loss,
    }.get(type(loss), function)
    assert plain(*arrays) == default(*arrays)


@each_loss
def test_losses_tell_their_hyperparameters(loss, function, gradient, arrays, options):
    text = repr(loss)
    assert text.startswith(f"{type(loss).__name__}(")
    assert "reduction='mean'" in text
    for name, value in options.items():
        if name != "weight":
            assert f"{name}={value!r}" in text


@pytest.mark.parametrize("kind", [type(loss) for loss, *_ in LOSSES], ids=NAMES)
def test_losses_refuse_other_reductions(kind):
    kinds = "'none', 'mean', 'sum'" + (", 'batchmean'" if kind is nn.KLDivLoss else "")
    message = f"^{kind.__name__}: reduction is 'all', expected one of {kinds}$"
    with pytest.raises(ValueError, match=message):
        kind(reduction="all")


def test_kl_div_loss_knows_the_mean_of_a_batch():
    loss = nn.KLDivLoss(reduction="batchmean")
    assert loss(X, OTHER) == F.kl_div(X, OTHER, reduction="batchmean")
    _, pullback = loss.vjp(X, OTHER)
    assert_array_equal(pullback(), -OTHER / 4)


def test_losses_refuse_hyperparameters_that_do_not_fit():
    with pytest.raises(ValueError, match="^SmoothL1Loss: beta is -1, expected at least 0"):
        nn.SmoothL1Loss(beta=-1)
    with pytest.raises(ValueError, match="^HuberLoss: delta is 0, expected more than 0"):
        nn.HuberLoss(delta=0)
    with pytest.raises(ValueError, match="^CrossEntropyLoss: label_smoothing is 2, expected at l"):
        nn.CrossEntropyLoss(label_smoothing=2)
    with pytest.raises(ValueError, match="^MultiMarginLoss: p is 3, expected 1 or 2"):
        nn.MultiMarginLoss(3)
    with pytest.raises(ValueError, match="^PoissonNLLLoss: eps is -1, expected at least 0"):
        nn.PoissonNLLLoss(eps=-1)
    with pytest.raises(ValueError, match="^GaussianNLLLoss: eps is -1, expected at least 0"):
        nn.GaussianNLLLoss(eps=-1)
    with pytest.raises(ValueError, match="^TripletMarginLoss: margin is 0, expected more than 0"):
        nn.TripletMarginLoss(0)
    with pytest.raises(ValueError, match="^TripletMarginLoss: p is 0, expected more than 0"):
        nn.TripletMarginLoss(p=0)
    with pytest.raises(TypeError, match="unexpected keyword argument 'size_average'"):
        nn.L1Loss(size_average=True)
    with pytest.raises(NotImplementedError, match="^_Loss defines no vjp"):
        _Loss()(np.ones(1), np.ones(1))


def test_a_network_learns_from_a_loss_of_three_outputs():
    rng = np.random.default_rng(2)
    layer = nn.Linear(4, 2, rng=3, dtype=np.float64)
    anchor, noise, negative = rng.standard_normal((3, 8, 4))
    positive = anchor + noise / 8
    loss = nn.TripletMarginLoss()

    def step(rate):
        outputs, pullbacks = zip(
            *(layer.vjp(x, input_grad=False) for x in (anchor, positive, negative)), strict=True
        )
        value, pullback = loss.vjp(*outputs)
        layer.weight.grad = layer.bias.grad = None
        for each, grad in zip(pullbacks, pullback(), strict=True):
            each(grad)
        layer.weight.data = layer.weight.data - rate * layer.weight.grad
        return float(value)

    values = [step(0.0625) for _ in range(20)]
    assert values[-1] < values[0] / 2
