"""Mistakes of penalties on the size of weights."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from reference_tests.faults.fault import Fault, Hyper, Inputs, Shapes, oracle
from reference_tests.faults.table import Changes, Given, given, listed

Array = Any

_L1, _L2, _MIXED = ("l1_penalty",), ("l2_penalty",), ("elastic_net_penalty",)
_ALL, _ABSOLUTE = (*_L1, *_L2, *_MIXED), (*_L1, *_MIXED)
_BOTH, _GRADS = ("output", "grad_input"), ("grad_input",)


def _strength(hyper: Hyper) -> float:
    """Return what the whole penalty is multiplied by."""
    return float(hyper["strength"] if "strength" in hyper else hyper["alpha"])


def _some(hyper: Hyper, shapes: Shapes) -> bool:
    return _strength(hyper) != 0


def _several(hyper: Hyper, shapes: Shapes) -> bool:
    number = math.prod(shapes["x"])
    return number == 0 or (_some(hyper, shapes) and number != 1)


def _squared(hyper: Hyper, shapes: Shapes) -> bool:
    return _some(hyper, shapes) and hyper.get("l1_ratio") != 1


def _taking_sizes(hyper: Hyper, shapes: Shapes) -> bool:
    return _some(hyper, shapes) and hyper.get("l1_ratio") != 0


def _squares_alone(inputs: Inputs) -> Inputs:
    """Return inputs of which only the squares count."""
    hyper = inputs.hyper
    return inputs.but(alpha=hyper["alpha"] * (1 - hyper["l1_ratio"]), l1_ratio=0.0)


def _with_whole_squares(output: str) -> Changes:
    """Return the mistake that does not halve the squares."""
    return {
        "after": lambda result, inputs: result + oracle(_squares_alone(inputs), output),
        "shows_if": _squared,
    }


def _rooted(result: Array, inputs: Inputs) -> Array:
    x = inputs["x"]
    return _strength(inputs.hyper) * np.sqrt((x * x).sum())


def _of_the_root(result: Array, inputs: Inputs) -> Array:
    x = inputs["x"]
    if not _strength(inputs.hyper):
        return result
    return inputs.grad_output * _strength(inputs.hyper) * x / np.sqrt((x * x).sum())


def _signed(result: Array, inputs: Inputs) -> Array:
    """Return the penalty with x in place of |x|."""
    x, hyper = inputs["x"], inputs.hyper
    return result + _strength(hyper) * hyper.get("l1_ratio", 1.0) * (x - np.abs(x)).sum()


def _at_zero(sign: int) -> Changes:
    """Return the mistake that gives |x| a slope where it has none."""

    def after(result: Array, inputs: Inputs) -> Array:
        hyper = inputs.hyper
        slope = _strength(hyper) * hyper.get("l1_ratio", 1.0) * inputs.grad_output
        return np.where(inputs["x"] == 0, sign * slope, result)

    return {"after": after, "shows_if": _taking_sizes}


def _unit(inputs: Inputs) -> Inputs:
    return inputs.but(**{n: 1.0 for n in ("strength", "alpha") if n in inputs.hyper})


def _given(*x: float, strength: float = 0.5, ratio: float = 0.25, **more: Any) -> Given:
    return given(x=list(x), strength=strength, alpha=strength, l1_ratio=ratio, **more)


_PLAIN, _NONE, _ONE = _given(2.0, -3.0), _given(2.0, -3.0, strength=0.0), _given(2.0)

_TABLE: tuple[tuple[Any, ...], ...] = (
    (
        _L2,
        "halved",
        "{} is that of λ / 2 · Σ x², half of the right one.",
        "y = λ / 2 · Σ x², grad_x = λ x; not λ Σ x² and 2 λ x",
        "a strength of 0",
        (_PLAIN, _NONE),
        {"after": lambda result, i: result / 2, "shows_if": _some},
        _BOTH,
    ),
    *(
        (
            _MIXED,
            "squares-not-halved",
            "{} takes the whole squares, not half of them.",
            "{} of (1 - l1_ratio) Σ x², not of (1 - l1_ratio) / 2 · Σ x²",
            "a strength of 0 or an l1_ratio of 1",
            (_PLAIN, _given(2.0, -3.0, ratio=1.0)),
            _with_whole_squares(output),
            (output,),
        )
        for output in _BOTH
    ),
    (
        _MIXED,
        "ratio-exchanged",
        "{} gives the squares the share of the absolute values.",
        "{} with 1 - l1_ratio in place of l1_ratio",
        "a strength of 0 or an l1_ratio of 1/2",
        (_PLAIN, _given(2.0, -3.0, ratio=0.5)),
        {
            "before": lambda i: i.but(l1_ratio=1 - i.hyper["l1_ratio"]),
            "shows_if": lambda h, s: _some(h, s) and h["l1_ratio"] != 0.5,
        },
        _BOTH,
    ),
    (
        _ALL,
        "averaged",
        "{} is divided by the number of weights.",
        "{} / n: a mean, not a sum",
        "one weight",
        (_PLAIN, _ONE),
        {
            "after": lambda result, i: result / max(i["x"].size, 1),
            "shows_if": _several,
        },
        _BOTH,
    ),
    (
        _ALL,
        "strength-missing",
        "{} is not multiplied by the strength.",
        "{} with λ = 1",
        "a strength of 1",
        (_PLAIN, _given(2.0, -3.0, strength=1.0)),
        {"before": _unit, "shows_if": lambda h, s: _strength(h) != 1},
        _BOTH,
    ),
    (
        _L2,
        "rooted",
        "The norm is taken, not its square.",
        "y = λ √(Σ x²), not λ Σ x²",
        "a strength of 0, or a norm of 1",
        (_PLAIN, _NONE),
        {"after": _rooted, "shows_if": _some},
    ),
    (
        _L2,
        "rooted",
        "{} is that of the norm, not of its square.",
        "grad_x = λ x / √(Σ x²), not 2 λ x",
        "a strength of 0, or a norm of 1/2",
        (_PLAIN, _NONE),
        {"after": _of_the_root, "shows_if": _some},
        _GRADS,
    ),
    (
        _ABSOLUTE,
        "absolute-value-missing",
        "Weights of both signs cancel: their absolute value is missing.",
        "y = λ Σ x, not λ Σ |x|",
        "weights that are not negative",
        (_PLAIN, _ONE),
        {"after": _signed, "shows_if": _taking_sizes},
    ),
    (
        _ABSOLUTE,
        "one-at-zero",
        "{} of |x| is 1 at 0, instead of 0.",
        "grad_x = λ where x ≥ 0",
        "no weight of 0",
        (_given(0.0), _PLAIN),
        _at_zero(1),
        _GRADS,
    ),
    (
        _ABSOLUTE,
        "minus-one-at-zero",
        "{} of |x| is -1 at 0, instead of 0.",
        "grad_x = -λ where x ≤ 0",
        "no weight of 0",
        (_given(0.0), _PLAIN),
        _at_zero(-1),
        _GRADS,
    ),
    (
        _ALL,
        "sign",
        "{} has the wrong sign.",
        "-{}",
        "a strength of 0",
        (_PLAIN, _NONE),
        {"after": lambda result, i: -result, "shows_if": _some},
        _BOTH,
    ),
    (
        _ALL,
        "ignores-upstream",
        "{} takes the gradient of what follows for 1.",
        "{} of the penalty alone, not times grad_output",
        "an upstream gradient of 1, as in a plain backward call",
        (_given(2.0, -3.0, grad_output=2.0), _given(2.0, -3.0, grad_output=1.0)),
        {
            "before": lambda i: i.but(grad_output=np.ones_like(i.grad_output)),
            "shows_if": _some,
        },
        _GRADS,
    ),
)

FAULTS: list[Fault] = [
    fault
    for operations, *row in _TABLE
    for fault in listed("penalty", "The penalty", operations, *row)
]
