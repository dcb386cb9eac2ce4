"""The records of losses of samples that belong to several classes at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from reference_tests.case import Array, Case, Spec
from reference_tests.draw import Draw
from reference_tests.operation import Invalid, Operation
from reference_tests.operations.margin import sigmoid, softplus
from reference_tests.operations.reduction import (
    broadcasting,
    gathered,
    per_loss,
    real_like,
    reduced,
    settled,
    spread,
    with_values,
)
from reference_tests.strategies import batch, finished, optional, reduction, shape
from reference_tests.tolerance import gated, maximum, plain, rearranged, where


def multilabel_margin_loss(x: Any, target: Any, *, reduction: str = "mean") -> Any:
    """Return ``Σ max(0, 1 - x[t] + x[c]) / C`` over the targets t and all other classes c."""
    classes, count = x.shape[-1], float(np.prod(x.shape[:-1]))
    used = np.cumsum(target < 0, -1) == 0
    place = np.where(used, target, 0)
    own = (place[..., None] == np.arange(classes)) & used[..., None]
    counted = used[..., None] & ~own.any(-2)[..., None, :]
    rival = rearranged(x, lambda a: np.take_along_axis(a, place, -1)[..., None])
    wide = rearranged(x, lambda a: a[..., None, :])
    excess = settled(1 - rival + wide, rival, wide)
    losses = where(counted, maximum(excess, 0.0), 0.0).sum((-2, -1)) / classes
    y = reduced(losses, reduction, count)

    def pullback(g: Any) -> Any:
        each = spread(per_loss(g, reduction, count) / classes, x.shape[:-1])
        each = spread(each.reshape((*x.shape[:-1], 1, 1)), excess.shape)
        over = where(counted, gated(excess, plain(excess) > 0, each), 0.0)
        at_targets = where(own, spread(over.sum(-1, keepdims=True), excess.shape), 0.0)
        return over.sum(-2) - at_targets.sum(-2), None

    return y, pullback


def multilabel_soft_margin_loss(
    x: Any, target: Any, weight: Any = None, *, reduction: str = "mean"
) -> Any:
    """Return ``Σ target · log(1 + exp(-x)) + (1 - target) · log(1 + exp(x))`` over C, over C."""
    classes, count = x.shape[-1], float(np.prod(x.shape[:-1]))
    share = real_like(x, target)
    losses = share * softplus(-x) + (1 - share) * softplus(x)
    weighted = losses if weight is None else losses * weight
    y = reduced(weighted.sum(-1) / classes, reduction, count)

    def pullback(g: Any) -> Any:
        each = spread(per_loss(g, reduction, count) / classes, x.shape[:-1])
        each = each.reshape((*x.shape[:-1], 1))
        each = each if weight is None else each * weight
        to_x = each * (1 - share) * sigmoid(x) - each * share * sigmoid(-x)
        to_target = each * softplus(-x) - each * softplus(x)
        return to_x, gathered(to_target, target.shape), None

    return y, pullback


def _lists(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Return lists of distinct classes, most of them ended by -1 and followed by anything."""
    classes = shape[-1]
    lists = rng.permuted(np.broadcast_to(np.arange(classes), shape), axis=-1)
    ends = rng.integers(0, classes + 1, shape[:-1])
    return np.where(np.arange(classes) == ends[..., None], -1, lists)


def _margin_strategy(draw: Draw) -> Case:
    sizes = (*draw.choice(((batch(draw),), ())), draw.size(2, 5))
    arrays = {"x": Spec(sizes), "target": Spec(sizes, "label", sizes[-1])}
    families = ("zero-mean", "ties", "wide", "large", "zeros")
    case = finished(draw, arrays, {"reduction": reduction(draw)}, families)
    return with_values(case, target=_lists)


def _soft_strategy(draw: Draw) -> Case:
    sizes = shape(draw, least=1, most=3)
    whole = draw.chance(1, 3)
    other = broadcasting(draw, sizes)
    target = Spec(other, "label", 2) if whole else Spec(other, "probability")
    arrays = {
        "x": Spec(sizes),
        "target": target,
        "weight": optional(draw, "weight", lambda: Spec(sizes[-1:], "positive")),
    }
    families = ("zero-mean", "ties", "wide", "large", "zeros")
    return finished(draw, arrays, {"reduction": reduction(draw)}, families)


_X = np.full((2, 3), 0.5)
_TARGETS = np.array([[2, 0, -1], [-1, 1, 2]])
_MARGIN: Mapping[str, Spec | None] = {"x": Spec((3, 4)), "target": Spec((3, 4), "label", 4)}
_LISTS = np.array([[3, 0, -1, 1], [2, -1, 2, 2], [1, 3, 0, -1]])
_MEETING = np.array([[1.0, 0.0, 0.5, 2.0], [0.0, 1.0, 1.0, 2.0], [3.0, 1.0, 2.0, 4.0]])
_SOFT: Mapping[str, Spec | None] = {
    "x": Spec((4, 3)),
    "target": Spec((4, 3), "probability"),
    "weight": None,
}
_WEIGHTED = {**_SOFT, "weight": Spec((3,), "positive")}

OPERATIONS = (
    Operation(
        name="multilabel_margin_loss",
        arrays=("x", "target"),
        defaults={"reduction": "mean"},
        strategy=_margin_strategy,
        definition=multilabel_margin_loss,
        differentiable=("x",),
        conventions="The targets of a sample end at the first -1. Where a margin is just met the "
        "derivative is 0.",
        pinned=(
            Case(_MARGIN, {"reduction": "mean"}, 1, values={"target": _LISTS}),
            Case(_MARGIN, {"reduction": "none"}, 2, values={"x": _MEETING, "target": _LISTS}),
            Case(_MARGIN, {"reduction": "sum"}, 3, values={"target": _LISTS}),
        ),
        invalid=(
            Invalid("an unknown reduction", (_X, _TARGETS), {"reduction": "max"}),
            Invalid("a label of 3 with 3 classes", (_X, _TARGETS + 1)),
            Invalid("a label of -2", (_X, _TARGETS - 1)),
            Invalid("shapes that cannot match", (_X, _TARGETS[:, :2])),
        ),
    ),
    Operation(
        name="multilabel_soft_margin_loss",
        arrays=("x", "target", "weight"),
        defaults={"reduction": "mean"},
        strategy=_soft_strategy,
        definition=multilabel_soft_margin_loss,
        differentiable=("x", "target"),
        optional=("weight",),
        conventions="The last axis is that of the classes, and a loss is their mean. Targets and "
        "weights broadcast to x.",
        pinned=(
            Case(_SOFT, {"reduction": "mean"}, 1),
            Case(_WEIGHTED, {"reduction": "none"}, 2),
            Case(_WEIGHTED, {"reduction": "sum"}, 3, "large"),
        ),
        invalid=(
            Invalid("an unknown reduction", (_X, _X), {"reduction": "max"}),
            Invalid("shapes that cannot match", (_X, _X[:, :2])),
            Invalid("2 weights for 3 classes", (_X, _X, np.ones(2))),
        ),
    ),
)
