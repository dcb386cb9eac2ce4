"""Mistakes of the normalization by neighbouring channels."""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_tests.faults.fault import Fault, Hyper, Inputs, Shapes
from reference_tests.faults.table import given, listed

Array = Any


def _near(size: int, channels: int) -> Array:
    """Return which channels are summed around each."""
    offset = np.arange(channels) - np.arange(channels)[:, None] + size // 2
    return (offset >= 0) & (offset < size)


def _base(inputs: Inputs) -> Array:
    """Return what is raised to beta."""
    x, h = inputs["x"], inputs.hyper
    near = _near(h["size"], x.shape[1]).astype(x.dtype)
    sums = np.moveaxis(np.tensordot(near, x * x, (1, 1)), 0, 1)
    return sums * (h["alpha"] / h["size"]) + h["k"]


def _diagonal(result: Array, inputs: Inputs) -> Array:
    return inputs.grad_output / _base(inputs) ** inputs.hyper["beta"]


def _flipped(inputs: Inputs) -> Inputs:
    return inputs.but(x=inputs["x"][:, ::-1])


def _across_space(inputs: Inputs) -> Inputs:
    return inputs.but(x=inputs["x"].swapaxes(1, 2))


def _as_radius(inputs: Inputs) -> Inputs:
    size = inputs.hyper["size"]
    wide = 2 * size + 1
    return inputs.but(size=wide, alpha=inputs.hyper["alpha"] * wide / size)


def _over_those_present(inputs: Inputs) -> Inputs:
    x, size = inputs["x"], inputs.hyper["size"]
    present = _near(size, x.shape[1]).sum(1).reshape(1, -1, *(1,) * (x.ndim - 2))
    return inputs.but(alpha=inputs.hyper["alpha"] * size / present.astype(x.dtype))


def _beyond_the_ends(hyper: Hyper, shapes: Shapes) -> bool:
    return bool((_near(hyper["size"], shapes["x"][1]).sum(1) < hyper["size"]).any())


def _wider(hyper: Hyper, shapes: Shapes) -> bool:
    size, channels = hyper["size"], shapes["x"][1]
    return bool((_near(size, channels) != _near(2 * size + 1, channels)).any())


def _uneven(hyper: Hyper, shapes: Shapes) -> bool:
    near = _near(hyper["size"], shapes["x"][1])
    return bool((near != near[::-1, ::-1]).any())


def _given(**changes: Any) -> Any:
    start = {"x": [[[1.0], [2.0], [3.0]]], "size": 2, "alpha": 2.0, "beta": 0.5, "k": 2.0}
    return given(**{**start, **changes})


_PLAIN = _given()
_ONE = _given(x=[[[1.0]]], size=1)

_TABLE: tuple[tuple[Any, ...], ...] = (
    (
        "alpha-not-averaged",
        "Alpha is not divided by the size.",
        "y = x / (k + alpha Σ x²)^beta, not x / (k + alpha / size · Σ x²)^beta",
        "a size of 1",
        (_PLAIN, _ONE),
        {
            "before": lambda i: i.but(alpha=i.hyper["alpha"] * i.hyper["size"]),
            "shows_if": lambda h, s: h["size"] != 1,
        },
    ),
    (
        "averaged-over-those-present",
        "The sum is divided by the number of channels that are there, not by the size.",
        "y = x / (k + alpha · mean x²)^beta",
        "a size of 1",
        (_PLAIN, _ONE),
        {"before": _over_those_present, "shows_if": _beyond_the_ends},
    ),
    (
        "k-ignored",
        "K is taken for 1.",
        "y = x / (1 + …)^beta, not x / (k + …)^beta",
        "a k of 1",
        (_PLAIN, _given(k=1.0)),
        {"before": lambda i: i.but(k=1.0), "shows_if": lambda h, s: h["k"] != 1},
    ),
    (
        "beta-ignored",
        "Beta is taken for 3/4.",
        "y = x / (…)^¾, not x / (…)^beta",
        "a beta of 3/4",
        (_PLAIN, _given(beta=0.75)),
        {"before": lambda i: i.but(beta=0.75), "shows_if": lambda h, s: h["beta"] != 0.75},
    ),
    (
        "window-shifted",
        "Of an even size one more channel counts after than before.",
        "channels c - size / 2 + 1 to c + size / 2, not c - size / 2 to c + size / 2 - 1",
        "an odd size",
        (_PLAIN, _given(size=3)),
        {
            "before": _flipped,
            "after": lambda result, i: result[:, ::-1],
            "shows_if": _uneven,
        },
    ),
    (
        "size-as-radius",
        "The size is taken for the number of channels on each side.",
        "channels c - size to c + size",
        "so few channels that all count",
        (_PLAIN, _ONE),
        {"before": _as_radius, "shows_if": _wider},
    ),
    (
        "across-space",
        "The sum runs along the first axis of space instead of the channels.",
        "Σ over the rows around, not over the channels around",
        "one channel and one row",
        (_PLAIN, _ONE),
        {
            "before": _across_space,
            "after": lambda result, i: result.swapaxes(1, 2),
            "shows_if": lambda h, s: s["x"][1:3] != (1, 1),
        },
    ),
)

_OPERATIONS = ("local_response_norm",)

FAULTS: list[Fault] = [
    *(fault for row in _TABLE for fault in listed("norm", "The result", _OPERATIONS, *row)),
    *listed(
        "norm",
        "The result",
        _OPERATIONS,
        "divisor-constant",
        "{} takes the divisor for a constant.",
        "grad_x = grad_output / (…)^beta, without its derivative",
        "an upstream gradient of 0",
        (_PLAIN, _given(grad_output=0.0)),
        {"after": _diagonal, "shows_if": lambda h, s: True},
        ("grad_input",),
    ),
]
