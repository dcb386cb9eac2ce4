"""The records of losses of regression, and of penalties."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np

from reference_tests.case import Case, Spec
from reference_tests.draw import Draw
from reference_tests.operation import Invalid, Operation
from reference_tests.operations.reduction import (
    call_last_by_name,
    per_loss,
    reduced,
    with_values,
    write_last_by_name,
)
from reference_tests.strategies import finished, optional, reduction, shape
from reference_tests.tolerance import maximum, minimum, plain, where


def _of_differences(
    losses: Any, slope: Callable[[Any], Any], weight: Any, reduction: str, count: Any
) -> Any:
    """Return weighted losses of ``x - target``, reduced; `slope` takes the gradient of each."""
    y = reduced(losses if weight is None else losses * weight, reduction, count)

    def pullback(g: Any) -> Any:
        each = per_loss(g, reduction, count)
        grad = slope(each if weight is None else each * weight)
        return (grad, -grad, None)

    return y, pullback


def _count(x: Any, weight: Any) -> Any:
    return float(x.size) if weight is None else weight.sum()


def l1_loss(x: Any, target: Any, *, weight: Any = None, reduction: str = "mean") -> Any:
    """Return ``|x - target|``; the derivative where they meet is 0."""
    above, below = plain(x) > plain(target), plain(x) < plain(target)

    def slope(each: Any) -> Any:
        return where(above, each, where(below, -each, 0.0))

    return _of_differences(abs(x - target), slope, weight, reduction, _count(x, weight))


def mse_loss(x: Any, target: Any, *, weight: Any = None, reduction: str = "mean") -> Any:
    """Return ``(x - target)²``."""
    difference = x - target

    def slope(each: Any) -> Any:
        return each * (2 * difference)

    losses = difference * difference
    return _of_differences(losses, slope, weight, reduction, _count(x, weight))


def smooth_l1_loss(x: Any, target: Any, *, reduction: str = "mean", beta: float = 1.0) -> Any:
    """Return ``d² / 2β`` for distances d below β, else ``d - β / 2``."""
    if beta == 0:
        y, pullback = l1_loss(x, target, reduction=reduction)
        return y, lambda g: pullback(g)[:2]
    difference = x - target
    distance = abs(difference)
    square, line = distance * distance / (2 * beta), distance - beta / 2

    def slope(each: Any) -> Any:
        return each * maximum(minimum(difference / beta, 1.0), -1.0)

    losses = where(plain(distance) < beta, square, line)
    y, pullback = _of_differences(losses, slope, None, reduction, float(x.size))
    return y, lambda g: pullback(g)[:2]


def huber_loss(
    x: Any, target: Any, *, weight: Any = None, reduction: str = "mean", delta: float = 1.0
) -> Any:
    """Return ``d² / 2`` for distances d up to δ, else ``δ (d - δ / 2)``."""
    difference = x - target
    distance = abs(difference)
    square, line = distance * distance / 2, delta * (distance - delta / 2)

    def slope(each: Any) -> Any:
        return each * maximum(minimum(difference, delta), -delta)

    losses = where(plain(distance) <= delta, square, line)
    return _of_differences(losses, slope, weight, reduction, float(x.size))


def _strategy(weighted: bool, widths: Mapping[str, tuple[float, ...]]) -> Callable[[Draw], Case]:
    def strategy(draw: Draw) -> Case:
        sizes = shape(draw, least=0, most=3)
        arrays: dict[str, Spec | None] = {"x": Spec(sizes), "target": Spec(sizes)}
        hyper: dict[str, Any] = {"reduction": reduction(draw)}
        if weighted:
            arrays["weight"] = optional(draw, "weight", lambda: Spec(sizes, "positive"))
        for name, options in widths.items():
            hyper[name] = draw.parameter(name, partial(draw.choice, options))
        families = ("zero-mean", "ties", "wide", "large", "zeros", "infinite")
        case = finished(draw, arrays, hyper, families)
        if case.family != "ties":
            return case
        # Both of small integers, so that they meet, and differ by just the width of a kink.
        return with_values(case, target=lambda rng, shape: rng.integers(-2, 3, shape) * 1.0)

    return strategy


_X = np.full((2, 3), 0.5)
# Differences of 0, ±1/2, ±1 and ±2, where the pieces of the losses meet.
_MEETING = {
    "x": np.array([[0.0, 0.5, -0.5, 1.0], [-1.0, 2.0, 3.0, -4.0]]),
    "target": np.array([[0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 1.0, -2.0]]),
}


def _record(
    name: str,
    definition: Callable[..., Any],
    conventions: str,
    widths: Mapping[str, tuple[float, ...]] | None = None,
    weighted: bool = True,
    *invalid: Invalid,
) -> Operation:
    pair: dict[str, Spec | None] = {"x": Spec((4, 3)), "target": Spec((4, 3))}
    kinks: dict[str, Spec | None] = {"x": Spec((2, 4)), "target": Spec((2, 4))}
    full = pair
    if weighted:
        full = {**pair, "weight": Spec((4, 3), "positive")}
        pair, kinks = {**pair, "weight": None}, {**kinks, "weight": None}
    widths = widths or {}
    first = {parameter: options[0] for parameter, options in widths.items()}
    second = {parameter: options[1] for parameter, options in widths.items()}
    return Operation(
        name=name,
        arrays=tuple(pair),
        defaults={"reduction": "mean", **dict.fromkeys(widths, 1.0)},
        strategy=_strategy(weighted, widths),
        definition=definition,
        differentiable=("x", "target"),
        optional=("weight",) if weighted else (),
        conventions=conventions + " The mean of nothing is NaN. Weights have no gradient.",
        pinned=(
            Case(pair, {"reduction": "mean", **first}, 1),
            Case(full, {"reduction": "none", **second}, 2),
            Case(full, {"reduction": "mean", **first}, 3, "large"),
            Case(kinks, {"reduction": "sum", **first}, 4, values=_MEETING),
            Case(kinks, {"reduction": "none", **second}, 5, values=_MEETING),
        ),
        invalid=(
            Invalid("an unknown reduction", (_X, _X), {"reduction": "max"}),
            Invalid("shapes that cannot match", (_X, _X[:, :2])),
            *((Invalid("2 weights for 6 losses", (_X, _X, _X[:, :1])),) if weighted else ()),
            *invalid,
        ),
        call=call_last_by_name if weighted else Operation.call,
        written=write_last_by_name if weighted else Operation.written,
    )


_MEAN = " With weights the mean divides by their sum."

OPERATIONS = (
    _record("l1_loss", l1_loss, "The derivative where x meets the target is 0." + _MEAN),
    _record("mse_loss", mse_loss, "The square is not halved." + _MEAN),
    _record(
        "smooth_l1_loss",
        smooth_l1_loss,
        "A beta of 0 is the absolute error, whose derivative at 0 is 0.",
        {"beta": (1.0, 0.5, 2.0, 0.3, 0.0)},
        False,
        Invalid("a negative beta", (_X, _X), {"beta": -1.0}),
    ),
    _record(
        "huber_loss",
        huber_loss,
        "The mean divides by the number of losses, with weights too.",
        {"delta": (1.0, 0.5, 2.0, 0.3)},
        True,
        Invalid("a delta of 0", (_X, _X), {"delta": 0.0}),
    ),
)
