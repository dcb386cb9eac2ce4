"""The records of losses of distributions."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from reference_tests.case import Case, Spec
from reference_tests.draw import Draw
from reference_tests.operation import Invalid, Operation
from reference_tests.operations.reduction import (
    broadcasting,
    gathered,
    per_loss,
    real_like,
    reduced,
    size_of,
    spread,
    with_values,
)
from reference_tests.strategies import finished, reduction, shape
from reference_tests.tolerance import exp, log, maximum, plain, where


def kl_div(x: Any, target: Any, *, reduction: str = "mean", log_target: bool = False) -> Any:
    """Return ``p (log p - x)``, where p is the target or its exponential."""
    shape, count = size_of(x, target)
    if reduction == "batchmean":
        count = float(x.shape[0]) if x.ndim else 1.0
    if log_target:
        share = exp(target)
        losses = share * (target - x)
    else:
        share = target
        losses = where(plain(target) == 0, 0.0, target * log(target)) - target * x
    y = reduced(losses, reduction, count)

    def pullback(g: Any) -> Any:
        each = per_loss(g, reduction, count)
        to_x = gathered(each * spread(-share, shape), x.shape)
        if log_target:
            to_target = each * spread(losses + share, shape)
        else:
            # There is no derivative at 0.
            entropy = where(plain(target) == 0, np.nan, log(target) + 1)
            to_target = each * spread(entropy, shape) - each * spread(x, shape)
        return to_x, gathered(to_target, target.shape)

    return y, pullback


def poisson_nll_loss(
    x: Any,
    target: Any,
    *,
    log_input: bool = True,
    full: bool = False,
    eps: float = 1e-8,
    reduction: str = "mean",
) -> Any:
    """Return ``rate - target · log(rate)``, and Stirling's ``log(target!)`` for targets above 1."""
    target = real_like(x, target)
    shape, count = size_of(x, target)
    rate, logarithm = (exp(x), x) if log_input else (x, log(x + eps))
    losses = rate - target * logarithm
    many = plain(target) > 1
    if full:
        stirling = target * log(target) - target + 0.5 * log(2 * math.pi * target)
        losses = losses + where(many, stirling, 0.0)
    y = reduced(losses, reduction, count)

    def pullback(g: Any) -> Any:
        each = per_loss(g, reduction, count)
        to_x = rate - target if log_input else 1 - target / (x + eps)
        to_target = -logarithm
        if full:
            to_target = to_target + where(many, log(target) + 0.5 / target, 0.0)
        return (
            gathered(each * spread(to_x, shape), x.shape),
            gathered(each * spread(to_target, shape), target.shape),
        )

    return y, pullback


def gaussian_nll_loss(
    x: Any,
    target: Any,
    var: Any,
    *,
    full: bool = False,
    eps: float = 1e-6,
    reduction: str = "mean",
) -> Any:
    """Return ``(log v + (x - target)² / v) / 2`` for variances v of at least `eps`."""
    wide = var.reshape(*var.shape, 1) if x.ndim and var.shape == x.shape[:-1] else var
    variance = maximum(wide, eps)
    shape, count = size_of(x, target, wide)
    difference = x - target
    losses = 0.5 * (log(variance) + difference * difference / variance)
    if full:
        losses = losses + 0.5 * math.log(2 * math.pi)
    y = reduced(losses, reduction, count)

    def pullback(g: Any) -> Any:
        each = per_loss(g, reduction, count)
        slope = each * spread(difference / variance, shape)
        relative = difference / variance
        to_var = each * spread(0.5 * (1 / variance - relative * relative), shape)
        return (
            gathered(slope, x.shape),
            gathered(-slope, target.shape),
            gathered(to_var, wide.shape).reshape(var.shape),
        )

    return y, pullback


def _kl_strategy(draw: Draw) -> Case:
    sizes = shape(draw, least=1, most=3)
    logarithms = draw.parameter("log_target", lambda: draw.chance(1, 2))
    other = broadcasting(draw, sizes)
    arrays: dict[str, Spec | None] = {
        "x": Spec(sizes),
        "target": Spec(other, "real" if logarithms else "probability"),
    }
    if draw.chance(1, 8):
        arrays = {"x": Spec(other), "target": Spec(sizes, "probability")}
        logarithms = draw.parameter("log_target", lambda: False)
    kinds = ("mean", "sum", "none", "batchmean", "batchmean")
    hyper = {
        "reduction": draw.parameter("reduction", lambda: draw.choice(kinds)),
        "log_target": logarithms,
    }
    return finished(draw, arrays, hyper, ("negative", "zero-mean", "ties", "wide", "zeros"))


def _counts(rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
    return rng.choice((0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 7.0), shape)


def _poisson_strategy(draw: Draw) -> Case:
    sizes = shape(draw, least=1, most=3)
    logarithms = draw.parameter("log_input", lambda: draw.chance(1, 2))
    whole = draw.chance(1, 3)
    hyper = {
        "log_input": logarithms,
        "full": draw.parameter("full", lambda: draw.chance(1, 2)),
        "eps": draw.parameter("eps", lambda: draw.choice((1e-8, 0.25, 0.0))),
        "reduction": reduction(draw),
    }
    arrays: dict[str, Spec | None] = {
        "x": Spec(sizes, "real" if logarithms else "positive"),
        "target": Spec(broadcasting(draw, sizes), "label", 6),
    }
    case = finished(draw, arrays, hyper, ("zero-mean", "ties", "zeros", "negative"))
    return case if whole else with_values(case, target=_counts)


def _gaussian_strategy(draw: Draw) -> Case:
    sizes = shape(draw, least=1, most=3)
    one = draw.integer(0, len(sizes) - 1)
    kept = tuple(1 if axis == one else size for axis, size in enumerate(sizes))
    variances = draw.choice((sizes, sizes, kept, sizes[:-1]))
    arrays: dict[str, Spec | None] = {
        "x": Spec(sizes),
        "target": Spec(broadcasting(draw, sizes)),
        "var": Spec(variances, "positive"),
    }
    hyper = {
        "full": draw.parameter("full", lambda: draw.chance(1, 2)),
        "eps": draw.parameter("eps", lambda: draw.choice((1e-6, 0.75, 2.0, 0.0))),
        "reduction": reduction(draw),
    }
    return finished(draw, arrays, hyper, ("zero-mean", "ties", "wide", "zeros"))


_X, _WIDE = np.full((2, 3), 0.5), {"x": Spec((4, 3)), "target": Spec((4, 3))}
_INVALID = (
    Invalid("an unknown reduction", (_X, _X), {"reduction": "max"}),
    Invalid("shapes that cannot match", (_X, _X[:, :2])),
)
_KL: Mapping[str, Spec | None] = {"x": Spec((4, 3)), "target": Spec((4, 3), "probability")}
_POISSON: Mapping[str, Spec | None] = {"x": Spec((2, 4)), "target": Spec((2, 4), "label", 6)}
_COUNTS = np.array([[0.5, 1.0, 1.5, 2.0], [7.0, 3.0, 0.25, 30.0]])
_GAUSSIAN: Mapping[str, Spec | None] = {**_WIDE, "var": Spec((4, 3), "positive")}

OPERATIONS = (
    Operation(
        name="kl_div",
        arrays=("x", "target"),
        defaults={"reduction": "mean", "log_target": False},
        strategy=_kl_strategy,
        definition=kl_div,
        differentiable=("x", "target"),
        conventions="A target of 0 has the loss 0 (-0 · x), and no derivative: NaN. 'batchmean' "
        "divides by the first size of x, 'mean' by the number of all terms.",
        pinned=(
            Case(_KL, {"reduction": "mean", "log_target": False}, 1, "negative"),
            Case(_KL, {"reduction": "batchmean", "log_target": False}, 2, "negative"),
            Case(
                {"x": Spec((4, 3)), "target": Spec((3,))},
                {"reduction": "batchmean", "log_target": True},
                3,
                "negative",
            ),
            Case(
                {"x": Spec((1, 3)), "target": Spec((2, 3), "probability")},
                {"reduction": "batchmean", "log_target": False},
                4,
            ),
            Case(
                {"x": Spec(()), "target": Spec((), "probability")},
                {"reduction": "batchmean", "log_target": False},
                5,
            ),
        ),
        invalid=(*_INVALID, Invalid("a target of integers", (_X, np.ones((2, 3), int)))),
    ),
    Operation(
        name="poisson_nll_loss",
        arrays=("x", "target"),
        defaults={"log_input": True, "full": False, "eps": 1e-8, "reduction": "mean"},
        strategy=_poisson_strategy,
        definition=poisson_nll_loss,
        differentiable=("x", "target"),
        conventions="Stirling's term is there for targets above 1 only, so at 0 and 1 its "
        "derivative is 0. Integers are targets too, without a gradient.",
        pinned=(
            Case(_POISSON, {"log_input": True, "full": False, "eps": 1e-8, "reduction": "mean"}, 1),
            Case(
                _POISSON,
                {"log_input": True, "full": True, "eps": 1e-8, "reduction": "none"},
                2,
                values={"target": _COUNTS},
            ),
            Case(
                {**_POISSON, "x": Spec((2, 4), "positive")},
                {"log_input": False, "full": True, "eps": 0.25, "reduction": "sum"},
                3,
                values={"target": _COUNTS},
            ),
            Case(
                _POISSON,
                {"log_input": True, "full": False, "eps": 1e-8, "reduction": "mean"},
                4,
                values={"target": _COUNTS},
            ),
        ),
        invalid=_INVALID,
    ),
    Operation(
        name="gaussian_nll_loss",
        arrays=("x", "target", "var"),
        defaults={"full": False, "eps": 1e-6, "reduction": "mean"},
        strategy=_gaussian_strategy,
        definition=gaussian_nll_loss,
        differentiable=("x", "target", "var"),
        conventions="Where eps exceeds the variance it takes its place, and the gradient of the "
        "variance is that of eps: the clamp is not differentiated. A variance without the last "
        "axis of x holds for all of it.",
        pinned=(
            Case(_GAUSSIAN, {"full": False, "eps": 1e-6, "reduction": "mean"}, 1),
            Case(_GAUSSIAN, {"full": True, "eps": 1e-6, "reduction": "none"}, 2),
            Case(_GAUSSIAN, {"full": False, "eps": 2.0, "reduction": "sum"}, 3),
            Case(
                {**_GAUSSIAN, "var": Spec((4,), "positive")},
                {"full": False, "eps": 1e-6, "reduction": "none"},
                4,
            ),
        ),
        invalid=(
            Invalid("an unknown reduction", (_X, _X, _X), {"reduction": "max"}),
            Invalid("a negative variance", (_X, _X, -_X)),
            Invalid("variances of another shape", (_X, _X, np.ones(2 + 3))),
        ),
    ),
)
