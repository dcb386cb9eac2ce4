"""Mistakes of max-unpooling: where the values go."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from reference_tests.case import Case, Spec
from reference_tests.faults.fault import Array, Fault, Hyper, Inputs, Shapes
from reference_tests.faults.lifting import axes_of
from reference_tests.faults.table import Given, gradients, listed
from reference_tests.operations.windows import each

_UNPOOLING = ("max_unpool1d", "max_unpool2d", "max_unpool3d")


def _axes(inputs: Inputs) -> int:
    return axes_of(inputs.operation.name)


def _flat(y: Array, inputs: Inputs) -> tuple[Array, Array, Array]:
    """Return an empty result, the indices and the values, all (planes, places)."""
    axes = _axes(inputs)
    planes = math.prod(y.shape[:-axes])
    indices, values = (inputs[name].reshape(planes, -1) for name in ("indices", "x"))
    return np.zeros((planes, math.prod(y.shape[-axes:]))), indices, values


def _added(y: Array, inputs: Inputs) -> Array:
    result, indices, values = _flat(y, inputs)
    np.add.at(result, (np.arange(len(result))[:, None], indices), values)
    return result.reshape(y.shape)


def _in_the_first_plane(y: Array, inputs: Inputs) -> Array:
    """Return the planes of each sample joined, with indices that know of one plane only."""
    result, indices, values = _flat(y, inputs)
    channels = y.shape[-_axes(inputs) - 1]
    for plane, (places, row) in enumerate(zip(indices, values, strict=True)):
        for place, value in zip(places, row, strict=True):
            result[plane - plane % channels, place] = value
    return result.reshape(y.shape)


def _at_the_first_place(y: Array, inputs: Inputs) -> Array:
    """Return each value at the first place of its window, as far as that is inside."""
    hyper, axes, result = inputs.hyper, _axes(inputs), np.zeros(y.shape)
    edges = each(hyper["padding"], axes)
    steps = each(hyper["kernel_size"] if hyper["stride"] is None else hyper["stride"], axes)
    x = inputs["x"]
    for index in np.ndindex(x.shape[-axes:]):
        place = [i * s - p for i, s, p in zip(index, steps, edges, strict=True)]
        if all(0 <= p < n for p, n in zip(place, y.shape[-axes:], strict=True)):
            result[(..., *place)] = x[(..., *index)]
    return result


def _several(hyper: Hyper, shapes: Shapes) -> bool:
    return math.prod(shapes["x"]) > 1


def _case(channels: int, values: list[float], indices: list[int], kernel: int = 2) -> Given:
    """Return what makes a case of one sample, by the values and indices of its rows."""

    def case(operation: str) -> Case:
        axes = axes_of(operation)
        shape = (1, channels, *(1,) * (axes - 1), len(values) // channels)
        hyper = {"kernel_size": (*(1,) * (axes - 1), kernel)}
        arrays = {"x": np.reshape(values, shape), "indices": np.reshape(indices, shape)}
        labels = Spec(shape, "label", kernel * shape[-1], distinct=axes)
        return Case({"x": Spec(shape), "indices": labels}, hyper, values=arrays)

    return case


_LONE, _LATE = _case(1, [1.0], [0]), _case(1, [1.0], [1])
_TABLE: tuple[tuple[Any, ...], ...] = (
    (
        "equal-indices-added",
        "Values with the same index are added.",
        "y[index] += x, not y[index] = x",
        "indices that all differ",
        (_case(1, [1.0, 2.0], [1, 1]), _case(1, [1.0, 2.0], [1, 2])),
        {"after": _added, "shows_if": _several},
    ),
    (
        "indices-of-one-plane",
        "The indices are taken for places in all channels together, so the first one gets all.",
        "y.ravel()[index] = x for each sample, not for each channel",
        "one channel",
        (_case(2, [1.0, 2.0], [0, 1]), _LATE),
        {"after": _in_the_first_plane, "shows_if": lambda h, s: _several(h, s)},
    ),
    (
        "indices-ignored",
        "Each value goes to the first place of its window, whatever its index.",
        "y[i · s - p] = x[i]",
        "a largest value that is the first of its window",
        (_LATE, _LONE),
        {"after": _at_the_first_place, "shows_if": lambda h, s: math.prod(s["x"]) > 0},
    ),
)

FAULTS: list[Fault] = [
    *(fault for row in _TABLE for fault in listed("unpool", "The output", _UNPOOLING, *row)),
    *gradients("unpool", _UNPOOLING, _LONE),
]
