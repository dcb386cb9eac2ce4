"""Mistakes of flattening: the order in which axes are joined."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from reference_tests.faults.fault import Fault, Hyper, Inputs, Shapes
from reference_tests.faults.table import given, listed

Array = Any


def _joined(hyper: Hyper, shapes: Shapes) -> tuple[int, int]:
    """Return the first and the last of the axes that are flattened."""
    axes = max(len(shapes["x"]), 1)
    return hyper["start_dim"] % axes, hyper["end_dim"] % axes


def _channels_last(inputs: Inputs) -> Inputs:
    moved = np.moveaxis(inputs["x"], *_joined(inputs.hyper, inputs.shapes))
    return inputs.but(x=moved.reshape(inputs["x"].shape))


def _from_channels_last(grad: Array, inputs: Inputs) -> Array:
    first, last = _joined(inputs.hyper, inputs.shapes)
    shape = np.moveaxis(inputs["x"], first, last).shape
    return np.moveaxis(grad.reshape(shape), last, first)


def _several(hyper: Hyper, shapes: Shapes) -> bool:
    """Return whether both the first of the axes that are flattened and the others are long."""
    first, last = _joined(hyper, shapes)
    x = shapes["x"]
    return 0 not in x and len(x) > 1 and x[first] > 1 and math.prod(x[first + 1 : last + 1]) > 1


def _fortran(x: Array, hyper: Hyper) -> tuple[Any, Any]:
    """Return the axes in which columns are read first, and the shape of these."""
    first, last = _joined(hyper, {"x": x.shape})
    order = [*range(first), *range(last, first - 1, -1), *range(last + 1, x.ndim)]
    return order, [x.shape[axis] for axis in order]


def _by_columns(inputs: Inputs) -> Inputs:
    order, _ = _fortran(inputs["x"], inputs.hyper)
    return inputs.but(x=inputs["x"].transpose(order).reshape(inputs["x"].shape))


def _from_columns(grad: Array, inputs: Inputs) -> Array:
    order, shape = _fortran(inputs["x"], inputs.hyper)
    return grad.reshape(shape).transpose(np.argsort(order))


def _of_columns(hyper: Hyper, shapes: Shapes) -> bool:
    """Return whether two of the axes that are flattened are long."""
    first, last = _joined(hyper, shapes)
    x = shapes["x"]
    return 0 not in x and sum(size > 1 for size in x[first : last + 1]) > 1


_CUBE = {
    "x": np.arange(1.0, 5).reshape(1, 2, 1, 2),
    "start_dim": 1,
    "grad_output": [[1.0, 2.0, 3.0, 4.0]],
}
_FLATTENED = given(**_CUBE), given(**{**_CUBE, "x": [[[[1.0, 2.0, 3.0, 4.0]]]]})

_TABLE: tuple[tuple[Any, ...], ...] = (
    (
        ("flatten",),
        "flattened-channels-last",
        "{} has the channels last: NHWC is flattened, not NCHW.",
        "x.transpose(0, 2, 3, 1).reshape(N, -1), not x.reshape(N, -1)",
        "one channel, or channels of one element",
        _FLATTENED,
        {"before": _channels_last, "shows_if": _several},
    ),
    (
        ("flatten",),
        "flattened-channels-last",
        "{} is that of an input with the channels last.",
        "grad_y.reshape(N, H, W, C).transpose(0, 3, 1, 2), not grad_y.reshape(N, C, H, W)",
        "one channel, or channels of one element",
        _FLATTENED,
        {"after": _from_channels_last, "shows_if": _several},
        ("grad_input",),
    ),
    (
        ("flatten",),
        "flattened-by-columns",
        "{} is read by columns, as in Fortran, not by rows.",
        "the first axis of those that are joined runs fastest, not the last",
        "one axis that is longer than 1",
        _FLATTENED,
        {"before": _by_columns, "shows_if": _of_columns},
    ),
    (
        ("flatten",),
        "flattened-by-columns",
        "{} is filled by columns, as in Fortran, not by rows.",
        "the first axis of those that were joined runs fastest, not the last",
        "one axis that is longer than 1",
        _FLATTENED,
        {"after": _from_columns, "shows_if": _of_columns},
        ("grad_input",),
    ),
)

FAULTS: list[Fault] = [
    fault
    for operations, *row in _TABLE
    for fault in listed("network", "The output", operations, *row)
]
