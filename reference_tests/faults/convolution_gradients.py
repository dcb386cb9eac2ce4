"""Mistakes in the gradients of a convolution."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from reference_tests.faults.fault import Fault, Inputs, fitted
from reference_tests.faults.windows import (
    Array,
    Axis,
    Changes,
    any_axis,
    as_filters,
    axes,
    case,
    more,
    moved,
    padded,
    reweighted,
    rows,
    several_windows,
)
from reference_tests.operations.windows import Table, spread
from reference_tests.tolerance import contract


def _undilated(inputs: Inputs) -> Inputs:
    """Return inputs in which the cotangent's elements stand side by side, as for stride 1."""
    size = [axis._replace(stride=1).output for axis in axes(inputs)]
    grad = inputs.grad_output
    # The bias has no part in these gradients, and an untied one would not fit.
    return inputs.but(grad_output=fitted(grad, (*grad.shape[:2], *size)), stride=1, bias=None)


_UNDILATED: Changes = {
    "before": _undilated,
    "shows_if": moved(lambda axis: axis._replace(stride=1)),
}


def _cropped(window: Callable[[Axis], tuple[int, int]]) -> Changes:
    """Return the mistake that cuts a wrong (start, length) out of the padded input's gradient."""

    def after(result: Array, inputs: Inputs) -> Array:
        height, width = (slice(a, a + max(n, 0)) for a, n in map(window, axes(inputs)))
        return result[:, :, height, width]

    return {
        "before": lambda inputs: padded(inputs, lambda axis: (axis.before, axis.after)),
        "after": after,
        "shows_if": any_axis(lambda axis: window(axis) != (axis.before, axis.size)),
    }


def _span(axis: Axis) -> int:
    """Return the length of the output's gradient dilated by the stride."""
    return (axis.output - 1) * axis.stride + 1


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
        return contract("ngohawb,gocab->ngchw", users, grouped).reshape(inputs["x"].shape)

    overlap = any_axis(lambda axis: bool(((axis.seeing() >= 0).sum(1) > 1).any()))
    return {"replace": replace, "shows_if": overlap}


def _taps_with_remainder(axis: Axis) -> int:
    return (axis.reach + axis.slack - 1) // axis.dilation + 1


def _larger(inputs: Inputs) -> Inputs:
    """Return inputs whose weight covers what the windows leave over, too."""
    size = map(_taps_with_remainder, axes(inputs))
    return inputs.but(weight=fitted(inputs["weight"], (*inputs["weight"].shape[:2], *size)))


def _first_window(inputs: Inputs) -> Inputs:
    grad = inputs.grad_output
    return inputs.but(grad_output=fitted(grad[:, :, :1, :1], grad.shape))


def _last_sample(inputs: Inputs) -> Inputs:
    return inputs.but(x=inputs["x"][-1:], grad_output=inputs.grad_output[-1:])


def _per_sample(grad: Array, inputs: Inputs) -> Array:
    sums = inputs.grad_output.sum((2, 3))
    return sums[0] if len(sums) == 1 else sums


def _per_pixel(grad: Array, inputs: Inputs) -> Array:
    sums = inputs.grad_output.sum(0)
    return sums.reshape(grad.shape) if sums.size == grad.size else sums


_ONE, _TWO, _THREE = (1, 1, 1, 1), (1, 1, 1, 2), (1, 1, 1, 3)
_CHANNELS, _BATCH, _EMPTY = (1, 2, 1, 1), (2, 1, 1, 1), (0, 1, 1, 1)
_NEGATED: Changes = {
    "after": lambda result, inputs: -result,
    "shows_if": more("x", 0, than=0),
}

FAULTS: list[Fault] = [
    *rows(
        "grad_input",
        (
            "input-grad-not-rotated",
            "The input gradient takes the kernel without rotating it by 180°.",
            "a 1×1 or symmetric kernel",
            (case(_TWO, _TWO), case(_TWO, _ONE)),
            reweighted(lambda weight: weight[..., ::-1, ::-1]),
        ),
        (
            "input-grad-channels-flipped",
            "The input gradient rotates the kernel with np.flip, which flips the channels too.",
            "one filter and one channel",
            (case(_CHANNELS, _CHANNELS), case(_TWO, _TWO)),
            reweighted(lambda weight: weight[::-1, ::-1]),
        ),
        (
            "input-grad-channels-not-exchanged",
            "The input gradient reads the weight's memory as (C, O, KH, KW).",
            "one filter or one channel",
            (case(_CHANNELS, (2, 2, 1, 1)), case(_ONE, (2, 1, 1, 1))),
            reweighted(as_filters),
        ),
        (
            "input-grad-valid",
            "The input gradient is a 'valid' correlation where a 'full' one is needed.",
            "a 1×1 kernel without padding",
            (case(_TWO, _TWO), case(_TWO, _ONE)),
            _cropped(lambda axis: (axis.reach - 1, _span(axis) - axis.reach + 1)),
        ),
        (
            "input-grad-same",
            "The input gradient is a 'same' correlation where a 'full' one is needed.",
            "a padding of (k - 1) / 2",
            (case(_TWO, _TWO), case(_TWO, _THREE, padding=(0, 1))),
            _cropped(lambda axis: ((axis.reach - 1) // 2, _span(axis))),
        ),
        (
            "input-grad-not-dilated",
            "The input gradient does not dilate the output's gradient by the stride.",
            "a stride of 1",
            (case(_THREE, _ONE, stride=2), case(_THREE, _ONE)),
            _UNDILATED,
        ),
        (
            "input-grad-remainder-missing",
            "The input gradient lacks the rows that no window reaches.",
            "a stride that leaves no remainder",
            (case(_TWO, _ONE, stride=2), case(_ONE, _ONE, stride=2)),
            _cropped(lambda axis: (axis.before, axis.size - axis.slack)),
        ),
        (
            "input-grad-cropped-at-end",
            "The padding is cut off the input gradient at the end only.",
            "no padding",
            (case(_ONE, _ONE, padding=(0, 1)), case(_ONE, _ONE)),
            _cropped(lambda axis: (0, axis.size)),
        ),
        (
            "input-grad-cropped-to-nothing",
            "The padding is cut off the input gradient with [p:-p], which is empty without one.",
            "a padding of at least 1",
            (case(_ONE, _ONE), case(_ONE, _ONE, padding=1)),
            _cropped(lambda axis: (axis.before, axis.size if axis.after else 0)),
        ),
        (
            "input-grad-negative-padding",
            "The input gradient takes the padding k - 1 - p for 0 where it is negative.",
            "a padding of at most k - 1",
            (case(_ONE, _ONE, padding=(0, 1)), case(_TWO, _TWO, padding=(0, 1))),
            _cropped(lambda axis: (min(axis.before, axis.reach - 1), axis.size)),
        ),
        (
            "input-grad-windows-assigned",
            "Windows are assigned to the input gradient instead of added.",
            "a stride of at least the kernel",
            (case(_THREE, _TWO), case(_TWO, _TWO, stride=2)),
            _overwritten(slice(None)),
        ),
        (
            "input-grad-repeated-indices",
            "Columns are added by dx[index] += …, which adds only one of repeated indices.",
            "a stride of at least the kernel",
            (case(_THREE, _TWO), case(_TWO, _TWO, stride=2)),
            _overwritten(slice(None, None, -1)),
        ),
        (
            "input-grad-first-window",
            "The input gradient is returned after the first window.",
            "one window",
            (case(_TWO, _ONE), case(_ONE, _ONE)),
            {"before": _first_window, "shows_if": several_windows},
        ),
        (
            "input-grad-sign",
            "The input gradient has the wrong sign.",
            "a gradient of zeros, as of an empty batch",
            (case(_ONE, _ONE), case(_EMPTY, _ONE)),
            _NEGATED,
        ),
    ),
    *rows(
        "grad_weight",
        (
            "weight-grad-not-dilated",
            "The weight gradient does not dilate the output's gradient by the stride.",
            "a stride of 1",
            (case(_THREE, _ONE, stride=2), case(_THREE, _ONE)),
            _UNDILATED,
        ),
        (
            "weight-grad-remainder-kept",
            "The weight gradient is too large by the rows that no window reaches.",
            "a stride that leaves no remainder",
            (case(_TWO, _ONE, stride=2), case(_ONE, _ONE, stride=2)),
            {
                "before": _larger,
                "shows_if": any_axis(lambda axis: _taps_with_remainder(axis) != axis.kernel),
            },
        ),
        (
            "weight-grad-rotated",
            "The weight gradient is rotated by 180°: correlate(grad, x) for correlate(x, grad).",
            "a 1×1 kernel",
            (case(_TWO, _TWO), case(_TWO, _ONE)),
            {
                "after": lambda grad, inputs: grad[..., ::-1, ::-1],
                "shows_if": any_axis(lambda axis: axis.kernel > 1),
            },
        ),
        (
            "weight-grad-unpadded",
            "The weight gradient is taken from the input without its padding.",
            "no padding",
            (case(_ONE, _ONE, padding=(0, 1)), case(_ONE, _ONE)),
            {
                "before": lambda i: padded(i, lambda axis: (0, axis.before + axis.after)),
                "shows_if": moved(lambda axis: axis._replace(before=0)),
            },
        ),
        (
            "weight-grad-averaged",
            "The weight gradient is averaged over the batch.",
            "one sample",
            (case(_BATCH, _ONE), case(_ONE, _ONE)),
            {
                "after": lambda grad, inputs: grad / max(len(inputs["x"]), 1),
                "shows_if": more("x", 0),
            },
        ),
        (
            "weight-grad-last-sample",
            "The weight gradient is that of the last sample only.",
            "one sample",
            (case(_BATCH, _ONE), case(_ONE, _ONE)),
            {"before": _last_sample, "shows_if": more("x", 0)},
        ),
        (
            "weight-grad-first-window",
            "The weight gradient is returned after the first window.",
            "one window",
            (case(_TWO, _ONE), case(_ONE, _ONE)),
            {"before": _first_window, "shows_if": several_windows},
        ),
        (
            "weight-grad-sign",
            "The weight gradient has the wrong sign.",
            "a gradient of zeros, as of an empty batch",
            (case(_ONE, _ONE), case(_EMPTY, _ONE)),
            _NEGATED,
        ),
        (
            "weight-grad-not-cleared",
            "A second call of the pullback adds to the weight gradient of the first.",
            "one backward call, or a gradient of zeros, as of an empty batch",
            (case(_ONE, _ONE), case(_EMPTY, _ONE)),
            {
                "after": lambda grad, inputs: grad * inputs.turn,
                "shows_if": more("x", 0, than=0),
            },
        ),
    ),
    *rows(
        "grad_bias",
        (
            "bias-grad-single-sum",
            "The bias gradient is one sum over everything, the same for every filter.",
            "one filter",
            (case(_ONE, (2, 1, 1, 1), 2), case(_ONE, _ONE, 1)),
            {
                "after": lambda grad, inputs: np.full_like(grad, inputs.grad_output.sum()),
                "shows_if": more("bias", 0),
                "tied": True,
            },
        ),
        (
            "bias-grad-per-sample",
            "The bias gradient is not summed over the batch.",
            "one sample",
            (case(_BATCH, _ONE, 1), case(_ONE, _ONE, 1)),
            {
                "after": _per_sample,
                "shows_if": lambda h, s: s["bias"] is not None and s["x"][0] != 1,
                "tied": True,
            },
        ),
        (
            "bias-grad-per-pixel",
            "The bias gradient is summed over the batch only, one value per output pixel.",
            "one output pixel",
            (case(_TWO, _ONE, 1), case(_ONE, _ONE, 1)),
            {
                "after": _per_pixel,
                "shows_if": lambda h, s: s["bias"] is not None and several_windows(h, s),
                "tied": True,
            },
        ),
        (
            "bias-grad-sign",
            "The bias gradient has the wrong sign.",
            "a gradient of zeros, as of an empty batch",
            (case(_ONE, _ONE, 1), case(_EMPTY, _ONE, 1)),
            {
                **_NEGATED,
                "shows_if": lambda h, s: s["bias"] is not None and s["x"][0] > 0,
            },
        ),
    ),
]
