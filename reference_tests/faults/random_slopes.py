"""Mistakes of the rectifier with random slopes, in evaluation, where its slope is fixed."""

from __future__ import annotations

from collections.abc import Callable

from reference_tests.faults.fault import Fault, Hyper, Inputs, Shapes
from reference_tests.faults.table import Changes, both, given, listed_apart

_RANDOM = ("rrelu",)


def _slope(of: Callable[[float, float], float]) -> dict[str, Changes]:
    """Return the mistakes that have another slope in evaluation."""

    def other(hyper: Hyper) -> float:
        return of(hyper["lower"], hyper["upper"])

    def before(inputs: Inputs) -> Inputs:
        slope = other(inputs.hyper)
        return inputs if inputs.hyper["training"] else inputs.but(lower=slope, upper=slope)

    def shows(hyper: Hyper, shapes: Shapes) -> bool:
        mean = (hyper["lower"] + hyper["upper"]) / 2
        return not hyper["training"] and other(hyper) != mean

    return both({"before": before, "shows_if": shows})


_CASES = given(x=[-2.0]), given(x=[2.0])
# The name, what is taken, its formula, and which bounds hide it.
_SLOPES: tuple[tuple[str, str, str, str, Callable[[float, float], float]], ...] = (
    ("lower", "the lower bound", "lower", "equal bounds", lambda a, b: a),
    ("upper", "the upper bound", "upper", "equal bounds", lambda a, b: b),
    ("not-halved", "the sum of the bounds", "lower + upper", "opposite bounds", lambda a, b: a + b),
)

FAULTS: list[Fault] = [
    fault
    for name, what, formula, bounds, of in _SLOPES
    for fault in listed_apart(
        (
            *("activation", "The output", _RANDOM, f"random-slope-{name}"),
            f"{{}} takes {what} for the slope in evaluation.",
            f"{{}} with the slope {formula}, not (lower + upper) / 2",
            f"positive numbers, training, or {bounds}",
            _CASES,
            _slope(of),
        )
    )
]
