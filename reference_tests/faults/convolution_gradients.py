"""Mistakes in the input gradient of a convolution; those of its parameters follow in a file."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from reference_tests.faults.convolution_parameters import FAULTS as PARAMETERS
from reference_tests.faults.fault import Fault, Inputs
from reference_tests.faults.windows import (
    CHANNELS,
    EMPTY,
    EVERY,
    FILTERS,
    FIRST_WINDOW,
    NEGATED,
    ONE,
    THREE,
    TWO,
    UNDILATED,
    Array,
    Axis,
    Changes,
    any_axis,
    as_filters,
    axes,
    case,
    cut,
    padded,
    reweighted,
    rotated,
    rows,
)
from reference_tests.operations.convolution import BOTH, TAPS, WINDOWS
from reference_tests.operations.windows import Table, spread
from reference_tests.tolerance import contract


def _cropped(window: Callable[[Axis], tuple[int, int]]) -> Changes:
    """Return the mistake that cuts a wrong (start, length) out of the padded input's gradient."""
    return {
        "before": lambda inputs: padded(inputs, lambda axis: (axis.before, axis.after)),
        "after": lambda grad, inputs: cut(grad, list(map(window, axes(inputs)))),
        "shows_if": any_axis(lambda axis: window(axis) != (axis.before, axis.size)),
    }


def _span(axis: Axis) -> int:
    """Return the length of the output's gradient dilated by the stride."""
    return (axis.output - 1) * axis.stride + 1


def _whole(axis: Axis) -> int:
    """Return the length of the padded axis."""
    return axis.before + axis.size + axis.after


def _overwritten(taps: slice) -> Changes:
    """Return the mistake that keeps, of the taps that see a position, the first in an order."""

    def kept(axis: Axis) -> Table:
        table = axis.seeing()
        inside = (table >= 0)[:, taps]
        first = inside & (inside.cumsum(1) == 1)
        return np.where(first[:, taps], table, -1)

    def replace(inputs: Inputs) -> Array:
        weight, groups = inputs["weight"], inputs.hyper["groups"]
        filters, each, *kernel = weight.shape
        users = spread(inputs.grad_output, list(map(kept, axes(inputs))))
        users = users.reshape(len(users), groups, filters // groups, *users.shape[2:])
        grouped = weight.reshape(groups, filters // groups, each, *kernel)
        pixel, tap = WINDOWS[: len(kernel)], TAPS[: len(kernel)]
        both = BOTH[len(kernel)]
        grad = contract(f"ngo{both},goc{tap}->ngc{pixel}", users, grouped)
        return grad.reshape(inputs["x"].shape)

    overlap = any_axis(lambda axis: bool(((axis.seeing() >= 0).sum(1) > 1).any()))
    return {"replace": replace, "shows_if": overlap}


FAULTS: list[Fault] = [
    *rows(
        "grad_input",
        EVERY,
        (
            "input-grad-not-rotated",
            "The input gradient takes the kernel without rotating it by 180°.",
            "grad_input[h] = Σ g[i] · weight[K - 1 - a] over h = i·s + a·d - p, not weight[a]",
            "a 1×1 or symmetric kernel",
            (case(TWO, TWO), case(TWO, ONE)),
            reweighted(rotated),
        ),
        (
            "input-grad-channels-flipped",
            "The input gradient rotates the kernel with np.flip, which flips the channels too.",
            "grad_input[c, h] = Σ g[o, i] · weight[O - 1 - o, C - 1 - c, a]\n"
            "over h = i·s + a·d - p, not weight[o, c, a]",
            "one filter and one channel",
            (case(CHANNELS, CHANNELS), case(TWO, TWO)),
            reweighted(lambda weight: weight[::-1, ::-1]),
        ),
        (
            "input-grad-channels-not-exchanged",
            "The input gradient reads the weight's memory as (C, O, KH, KW).",
            "grad_input[c, h] = Σ g[o, i] · weight.reshape(C, O, K)[c, o, a]\n"
            "over h = i·s + a·d - p, not weight[o, c, a]",
            "one filter or one channel",
            (case(CHANNELS, (2, 2, 1, 1)), case(ONE, FILTERS)),
            reweighted(as_filters),
        ),
        (
            "input-grad-valid",
            "The input gradient is a 'valid' correlation where a 'full' one is needed.",
            "grad_input = full[d·(K - 1) : (Lout - 1)·s + 1], not full[p : p + L],\n"
            "with full[h] = Σ g[i] · weight[a] over h = i·s + a·d",
            "a 1×1 kernel without padding",
            (case(TWO, TWO), case(TWO, ONE)),
            _cropped(lambda axis: (axis.reach - 1, _span(axis) - axis.reach + 1)),
        ),
        (
            "input-grad-same",
            "The input gradient is a 'same' correlation where a 'full' one is needed.",
            "grad_input = full[q : q + (Lout - 1)·s + 1], not full[p : p + L], q = ⌊d·(K - 1)/2⌋,\n"
            "with full[h] = Σ g[i] · weight[a] over h = i·s + a·d",
            "a padding of (k - 1) / 2",
            (case(TWO, TWO), case(TWO, THREE, padding=(0, 1))),
            _cropped(lambda axis: ((axis.reach - 1) // 2, _span(axis))),
        ),
        (
            "input-grad-not-dilated",
            "The input gradient does not dilate the output's gradient by the stride.",
            "grad_input[h] = Σ g[i] · weight[a] over h = i + a·d - p, not over h = i·s + a·d - p",
            "a stride of 1",
            (case(THREE, ONE, stride=2), case(THREE, ONE)),
            UNDILATED,
        ),
        (
            "input-grad-remainder-missing",
            "The input gradient lacks the rows that no window reaches.",
            "grad_input has L - r elements, not L, with r = (L + 2p - d·(K - 1) - 1) mod s",
            "a stride that leaves no remainder",
            (case(TWO, ONE, stride=2), case(ONE, ONE, stride=2)),
            _cropped(lambda axis: (axis.before, axis.size - axis.slack)),
        ),
        (
            "input-grad-cropped-at-end",
            "The padding is cut off the input gradient at the end only.",
            "grad_input = full[0 : L], not full[p : p + L],\n"
            "with full[h] = Σ g[i] · weight[a] over h = i·s + a·d",
            "no padding",
            (case(ONE, ONE, padding=(0, 1)), case(ONE, ONE)),
            _cropped(lambda axis: (0, axis.size)),
        ),
        (
            "input-grad-cropped-to-nothing",
            "The padding is cut off the input gradient with [p:-p], which is empty without one.",
            "grad_input = full[p : -p], which is full[0:0] for p = 0, not full[p : p + L],\n"
            "with full[h] = Σ g[i] · weight[a] over h = i·s + a·d",
            "a padding of at least 1",
            (case(ONE, ONE), case(ONE, ONE, padding=1)),
            _cropped(lambda axis: (axis.before, axis.size if axis.after else 0)),
        ),
        (
            "input-grad-not-cropped",
            "The padding is not cut off the input gradient.",
            "grad_input = full[0 : L + 2p], not full[p : p + L],\n"
            "with full[h] = Σ g[i] · weight[a] over h = i·s + a·d",
            "no padding",
            (case(ONE, ONE, padding=(0, 1)), case(ONE, ONE)),
            _cropped(lambda axis: (0, _whole(axis))),
        ),
        (
            "input-grad-negative-padding",
            "The input gradient takes the padding k - 1 - p for 0 where it is negative.",
            "grad_input = full[q : q + L] with q = min(p, d·(K - 1)), not full[p : p + L],\n"
            "with full[h] = Σ g[i] · weight[a] over h = i·s + a·d",
            "a padding of at most k - 1",
            (case(ONE, ONE, padding=(0, 1)), case(TWO, TWO, padding=(0, 1))),
            _cropped(lambda axis: (min(axis.before, axis.reach - 1), axis.size)),
        ),
        (
            "input-grad-windows-assigned",
            "Windows are assigned to the input gradient instead of added.",
            "grad_input[h] = g[i] · weight[a] of the last i with h = i·s + a·d - p, not their sum",
            "a stride of at least the kernel",
            (case(THREE, TWO), case(TWO, TWO, stride=2)),
            _overwritten(slice(None)),
        ),
        (
            "input-grad-repeated-indices",
            "Columns are added by dx[index] += …, which adds only one of repeated indices.",
            "grad_input[h] = g[i] · weight[a] of the last a with h = i·s + a·d - p, not their sum",
            "a stride of at least the kernel",
            (case(THREE, TWO), case(TWO, TWO, stride=2)),
            _overwritten(slice(None, None, -1)),
        ),
        (
            "input-grad-first-window",
            "The input gradient is returned after the first window.",
            "grad_input[h] = g[0] · weight[a] for h = a·d - p, not Σ g[i] · weight[a] over\n"
            "h = i·s + a·d - p",
            "one window",
            (case(TWO, ONE), case(ONE, ONE)),
            FIRST_WINDOW,
        ),
        (
            "input-grad-sign",
            "The input gradient has the wrong sign.",
            "grad_input[h] = -Σ g[i] · weight[a] over h = i·s + a·d - p, not +Σ",
            "a gradient of zeros, as of an empty batch",
            (case(ONE, ONE), case(EMPTY, ONE)),
            NEGATED,
        ),
    ),
    *PARAMETERS,
]
