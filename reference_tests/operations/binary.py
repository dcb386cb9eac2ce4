"""The records of binary cross-entropy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from reference_tests.case import Case, Spec
from reference_tests.draw import Draw
from reference_tests.operation import Invalid, Operation
from reference_tests.operations.reduction import (
    call_last_by_name,
    per_loss,
    reduced,
    write_last_by_name,
)
from reference_tests.strategies import finished, reduction, shape
from reference_tests.tolerance import exp, log, log1p, maximum

# PyTorch's constant is 1e-12 of single precision in its double-precision kernel too.
LEAST = float(np.float32(1e-12))


def binary_cross_entropy(
    x: Any, target: Any, weight: Any = None, *, reduction: str = "mean"
) -> Any:
    """Return ``-target · log(x) - (1 - target) · log(1 - x)``, each logarithm at least -100."""
    factor = 1.0 if weight is None else weight
    count = float(x.size)
    terms = target * maximum(log(x), -100.0) + (1 - target) * maximum(log1p(-x), -100.0)
    y = reduced(-terms * factor, reduction, count)

    def pullback(g: Any) -> Any:
        scale = per_loss(g, reduction, count) * factor
        grad_x = scale * ((x - target) / maximum(x * (1 - x), LEAST))
        grad_target = scale * (log1p(-x) - log(x))
        return grad_x, grad_target, None

    return y, pullback


def _softplus(x: Any) -> Any:
    """Return ``log(1 + exp(x))``."""
    return maximum(x, 0.0) + log1p(exp(-abs(x)))


def binary_cross_entropy_with_logits(
    x: Any, target: Any, weight: Any = None, *, pos_weight: Any = None, reduction: str = "mean"
) -> Any:
    """Return ``(1 - target) · x + (1 + (pos_weight - 1) · target) · log(1 + exp(-x))``."""
    factor = 1.0 if weight is None else weight
    count = float(x.size)
    below = _softplus(-x)
    mix = below if pos_weight is None else (1 + (pos_weight - 1) * target) * below
    y = reduced(((1 - target) * x + mix) * factor, reduction, count)

    def pullback(g: Any) -> Any:
        scale = per_loss(g, reduction, count) * factor
        probability = 1 / (1 + exp(-x))
        if pos_weight is None:
            return scale * (probability - target), scale * -x, None, None
        positive = pos_weight * target
        grad_x = (positive + 1 - target) * probability - positive
        grad_target = pos_weight * below - _softplus(x)
        return scale * grad_x, scale * grad_target, None, None

    return y, pullback


def _pair_strategy(kind: str, weights: tuple[str, ...]) -> Callable[[Draw], Case]:
    def strategy(draw: Draw) -> Case:
        sizes = shape(draw, least=1, most=3)
        arrays: dict[str, Spec | None] = {
            "x": Spec(sizes, kind),
            "target": Spec(sizes, "probability"),
        }
        for name in weights:
            present = name not in draw.limits and draw.chance(1, 3)
            # Weights broadcast: here over all axes but the last.
            some = sizes if draw.chance(1, 2) else sizes[-1:]
            arrays[name] = Spec(some, "positive") if present else None
        families = ("zero-mean", "ties", "wide", "large", "zeros")
        chosen = families[:1] if kind == "probability" else families
        return finished(draw, arrays, {"reduction": reduction(draw)}, chosen)

    return strategy


_X = np.full((2, 3), 0.5)


def _record(
    name: str,
    definition: Callable[..., Any],
    kind: str,
    weights: tuple[str, ...],
    conventions: str,
    *invalid: Invalid,
) -> Operation:
    arrays = {"x": Spec((4, 3), kind), "target": Spec((4, 3), "probability")}
    bare: dict[str, Spec | None] = {**arrays, **dict.fromkeys(weights)}
    full: dict[str, Spec | None] = {**arrays, **{w: Spec((3,), "positive") for w in weights}}
    return Operation(
        name=name,
        arrays=("x", "target", *weights),
        defaults={"reduction": "mean"},
        strategy=_pair_strategy(kind, weights),
        definition=definition,
        differentiable=("x", "target"),
        optional=weights,
        conventions=conventions + " The mean of nothing is NaN.",
        pinned=(
            Case(bare, {"reduction": "mean"}, 1),
            Case(full, {"reduction": "none"}, 2),
            Case(full, {"reduction": "sum"}, 3, "large"),
            Case(full, {"reduction": "mean"}, 4),
        ),
        invalid=(
            Invalid("an unknown reduction", (_X, _X), {"reduction": "max"}),
            Invalid("shapes that cannot match", (_X, _X[:, :2])),
            *invalid,
        ),
        call=call_last_by_name if "pos_weight" in weights else Operation.call,
        written=write_last_by_name if "pos_weight" in weights else Operation.written,
    )


OPERATIONS = (
    _record(
        "binary_cross_entropy",
        binary_cross_entropy,
        "probability",
        ("weight",),
        "PyTorch's: no logarithm counts less than -100; the gradient of x divides by "
        "max(x(1 - x), 1e-12), that of the target takes the logarithms as they are. Neither is "
        "the derivative of the clamped loss at 0 and 1.",
        Invalid("a probability above 1", (_X + 1, _X)),
        Invalid("a probability that is NaN", (_X * np.nan, _X)),
    ),
    _record(
        "binary_cross_entropy_with_logits",
        binary_cross_entropy_with_logits,
        "real",
        ("weight", "pos_weight"),
        "The bound is that of the form with one logarithm, which PyTorch evaluates; for large "
        "negative logits it cancels, and forms that do not are more accurate. For infinite logits "
        "it is NaN (0 · inf), others are not: nothing is expected there.",
    ),
)
