"""Mistakes in the forward pass of a convolution about its windows; all others are collected here.

Formulas are those of one axis: K taps, G groups, and the gradient g of the output.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from reference_tests.faults.convolution_gradients import FAULTS as GRADIENTS
from reference_tests.faults.convolution_weights import FAULTS as WEIGHTS
from reference_tests.faults.fault import Fault, Hyper, Inputs, Shapes
from reference_tests.faults.windows import (
    EVERY,
    ONE,
    SEVERAL,
    SEVERAL_TIED,
    THREE,
    TIED,
    TWO,
    Array,
    Axis,
    Changes,
    any_axis,
    axes,
    axes_of,
    case,
    cut,
    moved,
    padded,
    rows,
    several_windows,
)
from reference_tests.operations.windows import each


def _swapped(name: str) -> Changes:
    """Return the mistake that takes the axes' values of a parameter in reversed order."""

    def other(hyper: Hyper, spatial: int) -> dict[str, Any]:
        value = hyper[name]
        return {**hyper, name: value if isinstance(value, str) else each(value, spatial)[::-1]}

    def before(inputs: Inputs) -> Inputs:
        wrong = inputs.but(**other(inputs.hyper, inputs["weight"].ndim - 2))
        # Where the input is too small for the exchange, zeros make room for one window.
        room = [max(0, a.reach - a.size - a.before - a.after) for a in axes(wrong)]
        return wrong.but(x=np.pad(wrong["x"], [(0, 0), (0, 0), *((0, end) for end in room)]))

    def shows(hyper: Hyper, shapes: Shapes) -> bool:
        changed = other(hyper, len(shapes["weight"]) - 2)
        return any(
            not np.array_equal(a.seen(a.output), b.seen(max(b.output, 1)))
            for a, b in zip(axes_of(hyper, shapes), axes_of(changed, shapes), strict=True)
        )

    return {"before": before, "shows_if": shows}


def _turned(y: Array, inputs: Inputs) -> Array:
    return y.reshape(*y.shape[:2], *y.shape[:1:-1])


def _unequal_sizes(hyper: Hyper, shapes: Shapes) -> bool:
    sizes = [axis.output for axis in axes_of(hyper, shapes)]
    return sizes != sizes[::-1]


def _fewer(count: Callable[[Axis], int]) -> Changes:
    """Return the mistake that counts fewer windows than there are."""
    return {
        "after": lambda y, inputs: cut(y, [(0, count(axis)) for axis in axes(inputs)]),
        "shows_if": any_axis(lambda axis: count(axis) != axis.output),
    }


def _rounded_up(axis: Axis) -> tuple[int, int]:
    return axis.before, axis.after + (axis.stride - axis.slack) % axis.stride


def _tensorflow(axis: Axis) -> Axis:
    """Return an axis padded as little as its windows need, the odd one after."""
    needed = max((axis.output - 1) * axis.stride + axis.reach - axis.size, 0)
    return axis._replace(before=needed // 2, after=needed - needed // 2)


def _first_window(y: Array, inputs: Inputs) -> Array:
    result = np.zeros_like(y)
    first = (slice(None), slice(None), *(0,) * (y.ndim - 2))
    result[first] = y[first]
    return result


FAULTS: list[Fault] = [
    *WEIGHTS,
    *rows(
        "output",
        SEVERAL,
        (
            "output-size-swapped",
            "The sizes of the output are taken in reversed order: height and width exchanged.",
            "y is reshaped to (N, O, Wout, Hout), not (N, O, Hout, Wout)",
            "a square output",
            (case(TWO, ONE), case((1, 1, 2, 2), ONE)),
            {"after": _turned, "shows_if": _unequal_sizes},
        ),
    ),
    *rows(
        "output",
        SEVERAL_TIED,
        (
            "stride-swapped",
            "The strides are taken in reversed order: those of height and width exchanged.",
            "y[i, j] = Σ x[i·sw + a, j·sh + b] · weight[a, b], not x[i·sh + a, j·sw + b]",
            "equal strides",
            (case(TWO, ONE, stride=(1, 2)), case(TWO, ONE, stride=2)),
            _swapped("stride"),
        ),
        (
            "padding-swapped",
            "The paddings are taken in reversed order: those of height and width exchanged.",
            "y[i, j] = Σ x[i + a - pw, j + b - ph] · weight[a, b], not x[i + a - ph, j + b - pw]",
            "equal paddings",
            (case(ONE, ONE, padding=(0, 1)), case(ONE, ONE, padding=1)),
            _swapped("padding"),
        ),
        (
            "dilation-swapped",
            "The dilations are taken in reversed order: those of height and width exchanged.",
            "y[i, j] = Σ x[i + a·dw, j + b·dh] · weight[a, b], not x[i + a·dh, j + b·dw]",
            "equal dilations",
            (case(THREE, TWO, dilation=(1, 2)), case(THREE, TWO, dilation=2)),
            _swapped("dilation"),
        ),
    ),
    *rows(
        "output",
        TIED,
        (
            "output-size-rounded-up",
            "The size of the output is rounded up: a last window hangs over the input.",
            "Lout = ⌈(L + 2p - d·(K - 1) - 1) / s⌉ + 1, not ⌊…⌋ + 1; beyond the end x is 0",
            "a stride that leaves no remainder",
            (case(TWO, ONE, stride=(1, 2)), case(ONE, ONE, stride=(1, 2))),
            {
                "before": lambda inputs: padded(inputs, _rounded_up),
                "shows_if": any_axis(lambda axis: axis.slack > 0),
            },
        ),
        (
            "stride-forgotten-in-position",
            "Window i starts at i instead of i times the stride.",
            "y[i] = bias + Σ x[i + a·d - p] · weight[a], not x[i·s + a·d - p]",
            "a stride of 1",
            (case(THREE, ONE, stride=2), case(THREE, ONE)),
            {
                "before": lambda inputs: inputs.but(stride=1),
                "after": lambda y, inputs: cut(y, [(0, axis.output) for axis in axes(inputs)]),
                "shows_if": moved(lambda axis: axis._replace(stride=1)),
            },
        ),
    ),
    *rows(
        "output",
        EVERY,
        (
            "padding-counted-once",
            "The size of the output forgets one side of the padding.",
            "Lout = ⌊(L + p - d·(K - 1) - 1) / s⌋ + 1, not L + 2p - …; windows are missing",
            "no padding",
            (case(ONE, ONE, padding=(0, 1)), case(ONE, ONE)),
            _fewer(lambda axis: axis._replace(after=0).output),
        ),
        (
            "reach-of-dilated-kernel",
            "A dilated kernel is taken to reach over d·k positions instead of d·(k - 1) + 1.",
            "Lout = ⌊(L + 2p - d·K) / s⌋ + 1, not L + 2p - d·(K - 1) - 1; windows are missing",
            "no dilation",
            (case(TWO, ONE, dilation=(1, 2)), case(TWO, ONE)),
            _fewer(lambda a: a._replace(after=a.after - a.dilation + 1).output),
        ),
        (
            "same-padding-after",
            "The padding is TensorFlow's SAME: as little as needed, the odd one after the input.",
            "y[i] = bias + Σ x[i·s + a·d - P // 2] · weight[a], not x[i·s + a·d - p],\n"
            "with P = max(0, (Lout - 1)·s + d·(K - 1) + 1 - L)",
            "windows that leave no remainder of the padded input",
            (
                case(TWO, THREE, stride=2, padding=(0, 1)),
                case(THREE, THREE, stride=2, padding=(0, 1)),
            ),
            {
                "before": lambda inputs: padded(inputs, lambda axis: _tensorflow(axis)[3:5]),
                "shows_if": moved(_tensorflow),
            },
        ),
        (
            "output-first-window",
            "The output is returned after the first window.",
            "y[i] = 0 for i > 0, not bias + Σ x[i·s + a·d - p] · weight[a]",
            "one window",
            (case(TWO, ONE), case(ONE, ONE)),
            {"after": _first_window, "shows_if": several_windows},
        ),
    ),
    *GRADIENTS,
]
