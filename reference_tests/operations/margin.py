"""The records of losses of classification by margins."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from reference_tests.case import Case, Spec
from reference_tests.draw import Draw
from reference_tests.operation import Invalid, Operation
from reference_tests.operations.reduction import (
    broadcasting,
    call_last_by_name,
    gathered,
    per_loss,
    real_like,
    reduced,
    settled,
    signs,
    size_of,
    spread,
    with_values,
    write_last_by_name,
)
from reference_tests.strategies import batch, finished, optional, reduction, shape
from reference_tests.tolerance import exp, gated, log1p, maximum, plain, rearranged, where


def softplus(x: Any) -> Any:
    """Return ``log(1 + exp(x))``."""
    return maximum(x, 0.0) + log1p(exp(-abs(x)))


def sigmoid(x: Any) -> Any:
    """Return ``1 / (1 + exp(-x))``."""
    return 1 / (1 + exp(-x))


def soft_margin_loss(x: Any, target: Any, *, reduction: str = "mean") -> Any:
    """Return ``log(1 + exp(-target · x))``."""
    score = -real_like(x, target) * x
    y = reduced(softplus(score), reduction, float(x.size))

    def pullback(g: Any) -> Any:
        slope = -real_like(x, target) * sigmoid(score)
        return per_loss(g, reduction, float(x.size)) * slope, None

    return y, pullback


def margin_ranking_loss(
    input1: Any, input2: Any, target: Any, *, margin: float = 0.0, reduction: str = "mean"
) -> Any:
    """Return ``max(0, margin - target · (input1 - input2))``; the derivative at 0 is that above."""
    sign = real_like(input1, target)
    shape, count = size_of(input1, input2, target)
    difference = input1 - input2
    losses = settled(margin - sign * difference, margin, sign, input1, input2)
    y = reduced(maximum(losses, 0.0), reduction, count)

    def pullback(g: Any) -> Any:
        each = spread(per_loss(g, reduction, count), shape)
        open = plain(losses) >= 0
        to_first = gated(losses, open, -each * sign)
        to_target = gated(losses, open, -each * difference)
        return (
            gathered(to_first, input1.shape),
            gathered(-to_first, input2.shape),
            gathered(to_target, target.shape),
        )

    return y, pullback


def multi_margin_loss(
    x: Any,
    target: Any,
    weight: Any = None,
    *,
    p: int = 1,
    margin: float = 1.0,
    reduction: str = "mean",
) -> Any:
    """Return ``weight[target] · Σ max(0, margin - x[target] + x[c])^p / C`` over the others c."""
    classes, count = x.shape[-1], float(target.size)
    own = np.arange(classes) == target[..., None]
    rival = rearranged(x, lambda a: np.take_along_axis(a, target[..., None], -1))
    excess = settled(margin - rival + x, margin, rival, x)
    lacking = where(own, 0.0, maximum(excess, 0.0))
    factor = 1.0 if weight is None else rearranged(weight, lambda a: a[target])
    losses = (lacking if p == 1 else lacking * lacking).sum(-1) * factor / classes
    y = reduced(losses, reduction, count)

    def pullback(g: Any) -> Any:
        each = per_loss(g, reduction, count) * factor / classes
        each = spread(spread(each, target.shape).reshape((*target.shape, 1)), x.shape)
        slope = gated(excess, plain(excess) > 0, each) if p == 1 else each * (2 * lacking)
        others = where(own, 0.0, slope)
        return where(own, -others.sum(-1, keepdims=True), others), None, None

    return y, pullback


def _soft_strategy(draw: Draw) -> Case:
    sizes, whole = shape(draw, least=1, most=3), draw.chance(1, 3)
    arrays = {"x": Spec(sizes), "target": Spec(broadcasting(draw, sizes))}
    families = ("zero-mean", "ties", "wide", "large", "zeros")
    case = finished(draw, arrays, {"reduction": reduction(draw)}, families)
    return with_values(case, target=signs(whole))


def _ranking_strategy(draw: Draw) -> Case:
    sizes, whole = shape(draw, least=1, most=3), draw.chance(1, 3)
    arrays = {
        "input1": Spec(sizes),
        "input2": Spec(broadcasting(draw, sizes, drop=False)),
        "target": Spec(broadcasting(draw, sizes, drop=False)),
    }
    hyper = {
        "margin": draw.parameter("margin", lambda: draw.choice((0.0, 1.0, 0.5, -1.0))),
        "reduction": reduction(draw),
    }
    case = finished(draw, arrays, hyper, ("zero-mean", "ties", "wide", "zeros"))
    if case.family != "ties":
        return with_values(case, target=signs(whole))
    return with_values(
        case, target=signs(whole), input2=lambda rng, shape: rng.integers(-2, 3, shape) * 1.0
    )


def _multi_strategy(draw: Draw) -> Case:
    classes, lead = draw.size(2, 6), draw.choice(((batch(draw),), ()))
    sizes = (*lead, classes)
    arrays = {
        "x": Spec(sizes),
        "target": Spec(lead, "label", classes),
        "weight": optional(draw, "weight", lambda: Spec((classes,), "positive")),
    }
    hyper = {
        "p": draw.parameter("p", lambda: draw.choice((1, 2))),
        "margin": draw.parameter("margin", lambda: draw.choice((1.0, 0.5, 2.0, 0.0))),
        "reduction": reduction(draw),
    }
    return finished(draw, arrays, hyper, ("zero-mean", "ties", "wide", "large", "zeros"))


_X, _SIGNS = np.full((2, 3), 0.5), np.array([[1.0, -1.0, 1.0], [-1.0, 1.0, 1.0]])
_LABELS = np.array([0, 2])
_INVALID = (
    Invalid("an unknown reduction", (_X, _SIGNS), {"reduction": "max"}),
    Invalid("shapes that cannot match", (_X, _SIGNS[:, :2])),
)
_PAIR: Mapping[str, Spec | None] = {"x": Spec((2, 3)), "target": Spec((2, 3))}
_TRIO: Mapping[str, Spec | None] = {
    "input1": Spec((2, 3)),
    "input2": Spec((2, 3)),
    "target": Spec((2, 3)),
}
# With a margin of 1 these are below it, just at it and above it.
_MEETING = {
    "input1": np.array([[1.0, 2.0, 3.0], [1.0, 2.0, 4.0]]),
    "input2": np.array([[1.5, 1.0, 1.0], [2.0, 3.0, 3.0]]),
    "target": _SIGNS,
}
_CLASSES: Mapping[str, Spec | None] = {
    "x": Spec((3, 4)),
    "target": Spec((3,), "label", 4),
    "weight": None,
}
_WEIGHTED = {**_CLASSES, "weight": Spec((4,), "positive")}
_SCORES = {
    "x": np.array([[1.0, 0.0, 0.5, 3.0], [0.0, 2.0, 1.0, -1.0], [1.0, 1.0, 2.0, 3.0]]),
    "target": np.array([0, 1, 3]),
}

OPERATIONS = (
    Operation(
        name="soft_margin_loss",
        arrays=("x", "target"),
        defaults={"reduction": "mean"},
        strategy=_soft_strategy,
        definition=soft_margin_loss,
        differentiable=("x",),
        conventions="No overflow, however wrong the score. Targets broadcast, and may be integers.",
        pinned=(
            Case(_PAIR, {"reduction": "mean"}, 1, values={"target": _SIGNS}),
            Case(_PAIR, {"reduction": "none"}, 2, "large", values={"target": _SIGNS}),
            Case(_PAIR, {"reduction": "sum"}, 3, values={"target": _SIGNS.astype(np.int64)}),
        ),
        invalid=_INVALID,
    ),
    Operation(
        name="margin_ranking_loss",
        arrays=("input1", "input2", "target"),
        defaults={"margin": 0.0, "reduction": "mean"},
        strategy=_ranking_strategy,
        definition=margin_ranking_loss,
        differentiable=("input1", "input2", "target"),
        conventions="Where the margin is just met the derivative is that of a loss above 0. "
        "Arrays broadcast, but have as many axes; targets may be integers.",
        pinned=(
            Case(_TRIO, {"margin": 0.0, "reduction": "mean"}, 1, values={"target": _SIGNS}),
            Case(_TRIO, {"margin": 1.0, "reduction": "none"}, 2, values=_MEETING),
            Case(_TRIO, {"margin": 0.5, "reduction": "sum"}, 3, values={"target": _SIGNS}),
        ),
        invalid=(
            Invalid("an unknown reduction", (_X, _X, _SIGNS), {"reduction": "max"}),
            Invalid("shapes that cannot match", (_X, _X[:, :2], _SIGNS)),
            Invalid("inputs of one and of two axes", (_X, _X[0], _SIGNS)),
        ),
    ),
    Operation(
        name="multi_margin_loss",
        arrays=("x", "target", "weight"),
        defaults={"p": 1, "margin": 1.0, "reduction": "mean"},
        strategy=_multi_strategy,
        definition=multi_margin_loss,
        differentiable=("x",),
        optional=("weight",),
        call=call_last_by_name,
        written=write_last_by_name,
        conventions="Where a margin is just met the derivative is 0. The mean divides by the "
        "number of samples, with weights too.",
        pinned=(
            Case(_CLASSES, {"p": 1, "margin": 1.0, "reduction": "mean"}, 1),
            Case(_WEIGHTED, {"p": 2, "margin": 0.5, "reduction": "none"}, 2),
            Case(_CLASSES, {"p": 1, "margin": 1.0, "reduction": "none"}, 3, values=_SCORES),
            Case(_WEIGHTED, {"p": 1, "margin": 1.0, "reduction": "sum"}, 4, values=_SCORES),
        ),
        invalid=(
            Invalid("an unknown reduction", (_X, _LABELS), {"reduction": "max"}),
            Invalid("a label of 3 with 3 classes", (_X, _LABELS + 1)),
            Invalid("a negative label", (_X, _LABELS - 1)),
            Invalid("3 labels for 2 samples", (_X, np.array([0, 1, 2]))),
            Invalid("4 weights for 3 classes", (_X, _LABELS, np.ones(4))),
            Invalid("a power of 3", (_X, _LABELS), {"p": 3}),
        ),
    ),
)
