"""What mistakes of transposed convolutions are made of: their windows, and their whole result."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from reference_tests.faults import windows
from reference_tests.faults.fault import Hyper, Inputs, Shapes
from reference_tests.faults.windows import (
    CHANNELS,
    FILTERS,
    ONE,
    THREE,
    TWO,
    Array,
    Changes,
    Shows,
    case,
    more,
    reweighted,
    rotated,
)
from reference_tests.faults.windows import as_filters as filters_first
from reference_tests.operations.windows import Table, each, seeing

AXES_APART = ("conv_transpose2d", "conv_transpose3d")
TRANSPOSED = ("conv_transpose2d", "conv_transpose1d", "conv_transpose3d")

rows = partial(windows.rows, family="conv-transpose")


class Axis(NamedTuple):
    """The windows along one axis of the result: what the parameters say, and what follows."""

    size: int
    kernel: int
    stride: int
    padding: int
    extra: int
    dilation: int

    @property
    def output(self) -> int:
        """The size of the result."""
        reach = self.dilation * (self.kernel - 1) + 1
        return (self.size - 1) * self.stride + reach - 2 * self.padding + self.extra

    def seeing(self, stride: int = 0, hidden: int = 0) -> Table:
        """Return which element each position gets with each tap, for another stride if given.

        So many positions at the end get nothing.
        """
        output = max(self.output, 0)
        fields = (self.kernel, stride or self.stride, self.padding, self.dilation)
        table = seeing(output, self.size, *fields)
        table[max(output - hidden, 0) :] = -1
        return table


def axes_of(hyper: Hyper, shapes: Shapes) -> list[Axis]:
    """Return the axes of a transposed convolution."""
    kernel = shapes["weight"][2:]
    spatial = len(kernel)
    names = ("stride", "padding", "output_padding", "dilation")
    given = (each(hyper[name], spatial) for name in names)
    return [Axis(*axis) for axis in zip(shapes["x"][-spatial:], kernel, *given, strict=True)]


def axes(inputs: Inputs) -> list[Axis]:
    """Return the axes of a transposed convolution."""
    return axes_of(inputs.hyper, inputs.shapes)


def any_axis(holds: Callable[[Axis], bool]) -> Shows:
    """Return what tells whether something holds for an axis of a case."""
    return lambda hyper, shapes: any(map(holds, axes_of(hyper, shapes)))


def moved(change: Callable[[Axis], Table]) -> Shows:
    """Return what tells whether a mistake gives positions other elements."""
    return any_axis(lambda axis: not np.array_equal(axis.seeing(), change(axis)))


def whole(inputs: Inputs) -> Inputs:
    """Return inputs whose result is whole, without padding, output padding and bias."""
    return inputs.but(padding=0, output_padding=0, bias=None)


def placed(y: Array, inputs: Inputs, spans: list[tuple[int, int]]) -> Array:
    """Return (start, length) of the last axes of a whole result, 0 beyond its ends, and the bias.

    A start may be before the first position.
    """
    result = np.zeros((*y.shape[:2], *(max(length, 0) for _, length in spans)), y.dtype)
    source, target = [slice(None)] * 2, [slice(None)] * 2
    for (start, length), size in zip(spans, y.shape[2:], strict=True):
        first, last = max(start, 0), max(min(start + length, size), max(start, 0))
        source.append(slice(first, last))
        target.append(slice(first - start, first - start + max(min(last, size) - first, 0)))
    result[tuple(target)] = y[tuple(source)]
    bias = inputs["bias"]
    return result if bias is None else result + bias.reshape(-1, *(1,) * len(spans))


def swapped(name: str) -> Changes:
    """Return the mistake that takes the axes' values of a parameter in reversed order."""

    def other(hyper: Hyper, spatial: int) -> dict[str, Any]:
        return {**hyper, name: each(hyper[name], spatial)[::-1]}

    def wrong(inputs: Inputs) -> Inputs:
        return inputs.but(**other(inputs.hyper, inputs["weight"].ndim - 2))

    def after(y: Array, inputs: Inputs) -> Array:
        return placed(y, inputs, [(axis.padding, axis.output) for axis in axes(wrong(inputs))])

    def shows(hyper: Hyper, shapes: Shapes) -> bool:
        changed = other(hyper, len(shapes["weight"]) - 2)
        pairs = zip(axes_of(hyper, shapes), axes_of(changed, shapes), strict=True)
        return any(not np.array_equal(a.seeing(), b.seeing()) for a, b in pairs)

    return {"before": lambda inputs: whole(wrong(inputs)), "after": after, "shows_if": shows}


__all__ = [
    "AXES_APART",
    "CHANNELS",
    "FILTERS",
    "ONE",
    "THREE",
    "TRANSPOSED",
    "TWO",
    "Array",
    "Axis",
    "Changes",
    "any_axis",
    "axes",
    "axes_of",
    "case",
    "filters_first",
    "more",
    "moved",
    "placed",
    "reweighted",
    "rotated",
    "rows",
    "swapped",
    "whole",
]
