"""Mistakes of the losses of differences: squares, absolute values, and what joins the two."""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_tests.faults.fault import Fault, Hyper, Inputs, Shapes, oracle
from reference_tests.faults.loss import (
    BOTH,
    REGRESSION,
    always,
    each_changed,
    weight_of,
)
from reference_tests.faults.table import Changes, Given, given, listed

Array = Any

_GRADS = ("grad_input",)
_JOINED = ("smooth_l1_loss", "huber_loss")
_HUBER, _SMOOTH, _SQUARE, _ABSOLUTE = (
    ("huber_loss",),
    ("smooth_l1_loss",),
    REGRESSION[:1],
    ("l1_loss",),
)


def _width(hyper: Hyper) -> float:
    """Return where the square ends."""
    return float(hyper["delta"] if "delta" in hyper else hyper["beta"])


def _unlike_one(hyper: Hyper, shapes: Shapes) -> bool:
    return _width(hyper) != 1


def _scaled(factor: float) -> Changes:
    return {"after": lambda result, inputs: result * factor, "shows_if": always}


def _by_width(power: int) -> Changes:
    """Return the mistake that multiplies by a power of the width, which may be 0 if it is 1."""
    return {
        "after": lambda result, inputs: result * _width(inputs.hyper) ** power,
        "shows_if": _unlike_one,
    }


def _distance(inputs: Inputs) -> Array:
    return np.abs(inputs["x"] - inputs["target"])


def _in_line(inputs: Inputs) -> Array:
    """Return which differences lie in the linear part."""
    width = _width(inputs.hyper)
    if "delta" in inputs.hyper:
        return _distance(inputs) > width
    return ~(_distance(inputs) < width)


def _doubled_square(result: Array, inputs: Inputs) -> Array:
    return np.where(_in_line(inputs), result, 2 * result)


def _flat_line(result: Array, inputs: Inputs) -> Array:
    return np.where(_in_line(inputs), result / _width(inputs.hyper), result)


def _square_without_width(result: Array, inputs: Inputs) -> Array:
    return np.where(_in_line(inputs), result, result * _width(inputs.hyper))


def _line_without_offset(losses: Array, inputs: Inputs) -> Array:
    width = _width(inputs.hyper)
    offset = width * width / 2 if "delta" in inputs.hyper else width / 2
    return np.where(_in_line(inputs), losses + offset * weight_of(inputs), losses)


def _signed(losses: Array, inputs: Inputs) -> Array:
    return np.where(inputs["x"] < inputs["target"], -losses, losses)


def _at_kink(sign: int) -> Changes:
    """Return the mistake that gives the absolute value a slope where it has none."""

    def after(result: Array, inputs: Inputs) -> Array:
        x = inputs["x"]
        above = oracle(inputs.but(x=np.ones_like(x), target=np.zeros_like(x)), "grad_input")
        return np.where(x == inputs["target"], sign * above, result)

    return {"after": after, "shows_if": always}


def _rooted(result: Array, inputs: Inputs) -> Array:
    return result if inputs.hyper["reduction"] == "none" else np.sqrt(result)


def _both(change: Any, **more: Any) -> tuple[Changes, Changes]:
    """Return a mistake of each loss, and the same one of each gradient."""
    return {**each_changed(change), **more}, {"after": change, **more}


def _one(x: float, target: float, **hyper: Any) -> Given:
    return given(x=[x], target=[target], **hyper)


# Differences of 1/4 and of 4, with a width of 2.
_NEAR, _FAR = _one(0.25, 0.0, delta=2.0, beta=2.0), _one(4.0, 0.0, delta=2.0, beta=2.0)
_UNIT = _one(4.0, 0.0, delta=1.0, beta=1.0)
_PLAIN, _MET = _one(0.5, 0.0), _one(0.5, 0.5)

_DOUBLED = _both(_doubled_square, shows_if=always)
_FLAT = _both(_flat_line, shows_if=_unlike_one)
_NARROW = _both(_square_without_width, shows_if=_unlike_one)
_FIXED: Changes = {
    "before": lambda i: i.but(**{n: 1.0 for n in ("delta", "beta") if n in i.hyper}),
    "shows_if": _unlike_one,
}

_TABLE: tuple[tuple[Any, ...], ...] = (
    (
        _SQUARE,
        "square-halved",
        "{} is half of the right one: the square is halved.",
        "y = (x - target)² / 2, not (x - target)²",
        "a difference of 0",
        (_PLAIN, _MET),
        _scaled(0.5),
    ),
    (
        _SQUARE,
        "factor-two-missing",
        "{} lacks the factor 2 of the square's derivative.",
        "grad_x = x - target, not 2 (x - target)",
        "a difference of 0",
        (_PLAIN, _MET),
        _scaled(0.5),
        _GRADS,
    ),
    (
        _SQUARE,
        "rooted",
        "The root of the mean square is returned.",
        "y = √(Σ (x - target)² / N), not Σ (x - target)² / N",
        "a mean square of 0 or 1",
        (_PLAIN, _MET),
        {"after": _rooted, "shows_if": lambda h, s: h["reduction"] != "none"},
    ),
    (
        _ABSOLUTE,
        "absolute-value-missing",
        "Differences of both signs cancel: their absolute value is missing.",
        "y = x - target, not |x - target|",
        "an x above its target",
        (_one(0.0, 0.5), _PLAIN),
        {**each_changed(_signed), "shows_if": always},
    ),
    (
        _ABSOLUTE,
        "one-at-kink",
        "{} is 1 where x meets its target, instead of 0.",
        "grad_x = 1 where x ≥ target",
        "no x that meets its target",
        (_MET, _PLAIN),
        _at_kink(1),
        _GRADS,
    ),
    (
        _ABSOLUTE,
        "minus-one-at-kink",
        "{} is -1 where x meets its target, instead of 0.",
        "grad_x = -1 where x ≤ target",
        "no x that meets its target",
        (_MET, _PLAIN),
        _at_kink(-1),
        _GRADS,
    ),
    *(
        (
            _HUBER,
            "huber-square-not-halved",
            "{} has the whole square near 0, which does not meet the line.",
            "{} of d², not of d² / 2, for d ≤ δ",
            "differences above delta",
            (_NEAR, _FAR),
            mistake,
            (output,),
        )
        for output, mistake in zip(BOTH, _DOUBLED, strict=True)
    ),
    *(
        (
            _HUBER,
            "huber-line-without-delta",
            "{} lacks the factor delta in the linear part.",
            "{} of d - δ / 2, not of δ (d - δ / 2), for d > δ",
            "a delta of 1, or no difference above it",
            (_FAR, _UNIT),
            mistake,
            (output,),
        )
        for output, mistake in zip(BOTH, _FLAT, strict=True)
    ),
    *(
        (
            _SMOOTH,
            "smooth-l1-square-without-beta",
            "{} is not divided by beta in the quadratic part.",
            "{} of d² / 2, not of d² / 2β, for d < β",
            "a beta of 1, or no difference below it",
            (_NEAR, _UNIT),
            mistake,
            (output,),
        )
        for output, mistake in zip(BOTH, _NARROW, strict=True)
    ),
    (
        _JOINED,
        "line-without-offset",
        "The linear part does not meet the square: what is subtracted from it is missing.",
        "y = δ d, not δ (d - δ / 2); for smooth_l1 y = d, not d - β / 2",
        "no difference above delta or beta",
        (_FAR, _NEAR),
        {
            **each_changed(_line_without_offset),
            "shows_if": lambda h, s: _width(h) != 0,
        },
    ),
    (
        _JOINED,
        "width-ignored",
        "{} ignores delta or beta and takes 1.",
        "{} for δ = 1 or β = 1",
        "a delta or beta of 1",
        (_one(1.5, 0.0, delta=2.0, beta=2.0), _UNIT),
        _FIXED,
        BOTH,
    ),
    (
        _HUBER,
        "huber-as-smooth-l1",
        "{} is that of smooth_l1_loss, which divides by delta.",
        "{} / δ",
        "a delta of 1",
        (_FAR, _UNIT),
        _by_width(-1),
        BOTH,
    ),
    (
        _SMOOTH,
        "smooth-l1-as-huber",
        "{} is that of huber_loss, which multiplies by its width.",
        "β {}",
        "a beta of 1",
        (_FAR, _UNIT),
        _by_width(1),
        BOTH,
    ),
)

FAULTS: list[Fault] = [
    fault for operations, *row in _TABLE for fault in listed("loss", "The loss", operations, *row)
]
