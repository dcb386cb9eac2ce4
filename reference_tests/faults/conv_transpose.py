"""Mistakes in the forward pass of a transposed convolution; all others are collected here.

Formulas are those of one axis: K taps, an input of L elements, and the gradient g of the output.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from reference_tests.case import Case
from reference_tests.faults.batches import (
    half,
    has_bias,
    interleaved,
)
from reference_tests.faults.conv_transpose_gradients import FAULTS as GRADIENTS
from reference_tests.faults.fault import Fault, Inputs
from reference_tests.faults.transposed import (
    AXES_APART,
    CHANNELS,
    FILTERS,
    ONE,
    THREE,
    TRANSPOSED,
    TWO,
    Array,
    Axis,
    Changes,
    any_axis,
    axes,
    case,
    filters_first,
    moved,
    placed,
    reweighted,
    rotated,
    rows,
    swapped,
    whole,
)
from reference_tests.operations.convolution import BOTH, TAPS, WINDOWS
from reference_tests.operations.windows import Table, spread
from reference_tests.tolerance import contract


def _cropped(window: Callable[[Axis], tuple[int, int]]) -> Changes:
    """Return the mistake that cuts another (start, length) out of the whole result."""
    return {
        "before": whole,
        "after": lambda y, inputs: placed(y, inputs, list(map(window, axes(inputs)))),
        "shows_if": any_axis(lambda axis: window(axis) != (axis.padding, axis.output)),
    }


def _strided(stride: Callable[[Axis], int]) -> Changes:
    """Return the mistake that puts the windows another stride apart."""

    def before(inputs: Inputs) -> Inputs:
        return whole(inputs).but(stride=tuple(map(stride, axes(inputs))))

    return {
        "before": before,
        "after": lambda y, inputs: placed(y, inputs, [(a.padding, a.output) for a in axes(inputs)]),
        "shows_if": moved(lambda axis: axis.seeing(stride=stride(axis))),
    }


def _blank(y: Array, inputs: Inputs) -> Array:
    """Return a result whose output padding is what a sum over nothing leaves."""
    kept = [(axis.padding, axis.output - axis.extra) for axis in axes(inputs)]
    room = [(0, axis.output) for axis in axes(inputs)]
    unbiased = inputs.but(bias=None)
    return placed(placed(y, unbiased, kept), inputs, room)


def _assigned(inputs: Inputs) -> Array:
    """Return the result in which each position keeps the last window that reaches it."""

    def kept(axis: Axis) -> Table:
        table = axis.seeing()
        inside = table >= 0
        return np.where(inside & (inside.cumsum(1) == 1), table, -1)

    x, weight, groups = inputs["x"], inputs["weight"], inputs.hyper["groups"]
    channels, filters, *kernel = weight.shape
    sources = spread(x, list(map(kept, axes(inputs))))
    sources = sources.reshape(len(x), groups, channels // groups, *sources.shape[2:])
    grouped = weight.reshape(groups, channels // groups, filters, *kernel)
    spatial = len(kernel)
    pixel, tap, both = WINDOWS[:spatial], TAPS[:spatial], BOTH[spatial]
    y = contract(f"ngc{both},gco{tap}->ngo{pixel}", sources, grouped)
    y = y.reshape(len(x), groups * filters, *y.shape[3:])
    bias = inputs["bias"]
    return y if bias is None else y + bias.reshape(-1, *(1,) * spatial)


def _overlaps(axis: Axis) -> bool:
    return bool(((axis.seeing() >= 0).sum(1) > 1).any())


def _only(channel: int) -> Changes:
    """Return the mistake that leaves one input channel of each group."""

    def before(inputs: Inputs) -> Inputs:
        x, groups = inputs["x"], inputs.hyper["groups"]
        parts = x.reshape(len(x), groups, x.shape[1] // groups, *x.shape[2:])
        kept = np.zeros_like(parts)
        kept[:, :, channel] = parts[:, :, channel]
        return inputs.but(x=kept.reshape(x.shape))

    return {"before": before, "shows_if": lambda h, s: s["x"][1] > h["groups"]}


def _ungrouped(inputs: Inputs) -> Inputs:
    x, groups = inputs["x"], inputs.hyper["groups"]
    first = x[:, : x.shape[1] // groups]
    return inputs.but(x=np.concatenate([first] * groups, axis=1))


_SMALL = {"x": np.ones(ONE), "weight": np.full(ONE, 3.0)}

FAULTS: list[Fault] = [
    *rows(
        "output",
        TRANSPOSED,
        (
            "kernel-flipped",
            "The kernel is rotated by 180°, as for a convolution of the dilated input.",
            "y[h] = bias + Σ x[i] · weight[K - 1 - a] over h = i·s + a·d - p, not weight[a]",
            "a 1×1 or symmetric kernel",
            (case(ONE, TWO), case(TWO, ONE)),
            reweighted(rotated),
        ),
        (
            "weight-channels-swapped",
            "The weight's memory is read as (O, C, KH, KW), as a convolution's is.",
            "y[o, h] = bias[o] + Σ x[c, i] · weight.reshape(O, C, K)[o, c, a]\n"
            "over h = i·s + a·d - p, not weight[c, o, a]",
            "one filter or one channel",
            (case(CHANNELS, (2, 2, 1, 1)), case(ONE, CHANNELS)),
            reweighted(filters_first),
        ),
        (
            "padding-cropped-at-end",
            "The padding is cut off the result at the end only.",
            "y = whole[0 : Lout], not whole[p : p + Lout],\n"
            "with whole[h] = bias + Σ x[i] · weight[a] over h = i·s + a·d",
            "no padding",
            (case(ONE, THREE, padding=(0, 1)), case(ONE, ONE)),
            _cropped(lambda axis: (0, axis.output)),
        ),
        (
            "padding-not-cropped",
            "The padding is not cut off the result.",
            "y = whole[0 : Lout + 2p], not whole[p : p + Lout],\n"
            "with whole[h] = bias + Σ x[i] · weight[a] over h = i·s + a·d",
            "no padding",
            (case(ONE, THREE, padding=(0, 1)), case(ONE, ONE)),
            _cropped(lambda axis: (0, axis.output + 2 * axis.padding)),
        ),
        (
            "padding-counted-once",
            "The padding is cut off the result at the start only.",
            "y = whole[p : 2p + Lout], not whole[p : p + Lout],\n"
            "with whole[h] = bias + Σ x[i] · weight[a] over h = i·s + a·d",
            "no padding",
            (case(ONE, THREE, padding=(0, 1)), case(ONE, ONE)),
            _cropped(lambda axis: (axis.padding, axis.output + axis.padding)),
        ),
        (
            "output-padding-missing",
            "The output padding is not added.",
            "Lout = (L - 1)·s - 2p + d·(K - 1) + 1, not that and the output padding",
            "no output padding",
            (case(ONE, ONE, stride=2, output_padding=(0, 1)), case(ONE, ONE, stride=2)),
            _cropped(lambda axis: (axis.padding, axis.output - axis.extra)),
        ),
        (
            "output-padding-at-start",
            "The output padding is added at the start instead of the end.",
            "y = whole[p - extra : p - extra + Lout], not whole[p : p + Lout],\n"
            "with whole[h] = bias + Σ x[i] · weight[a] over h = i·s + a·d",
            "no output padding",
            (case(ONE, ONE, stride=2, output_padding=(0, 1)), case(ONE, ONE, stride=2)),
            _cropped(lambda axis: (axis.padding - axis.extra, axis.output)),
        ),
        (
            "output-padding-blank",
            "The output padding is filled with the bias; what the padding cut off there is lost.",
            "y[h] = bias for h ≥ Lout - extra, not bias + Σ x[i] · weight[a] at h = i·s + a·d - p",
            "no output padding, or no padding",
            (
                case(ONE, THREE, stride=2, padding=(0, 1), output_padding=(0, 1)),
                case(ONE, THREE, stride=2, output_padding=(0, 1)),
            ),
            {
                "before": whole,
                "after": _blank,
                "shows_if": moved(lambda axis: axis.seeing(hidden=axis.extra)),
            },
        ),
        (
            "input-not-dilated",
            "The input is not dilated by the stride.",
            "y[h] = bias + Σ x[i] · weight[a] over h = i + a·d - p, not over h = i·s + a·d - p",
            "a stride of 1, or one element",
            (case(TWO, ONE, stride=2), case(TWO, ONE)),
            _strided(lambda axis: 1),
        ),
        (
            "zero-too-many",
            "Between elements of the input there are as many zeros as the stride, one too many.",
            "y[h] = bias + Σ x[i] · weight[a] over h = i·(s + 1) + a·d - p, not over i·s + a·d - p",
            "one element",
            (case(TWO, ONE, stride=2), case(ONE, ONE, stride=2)),
            _strided(lambda axis: axis.stride + 1),
        ),
        (
            "windows-assigned",
            "Windows are assigned to the result instead of added.",
            "y[h] = bias + x[i] · weight[a] of the last i with h = i·s + a·d - p, not their sum",
            "a stride of at least the kernel",
            (case(TWO, TWO), case(TWO, TWO, stride=2)),
            {"replace": _assigned, "shows_if": any_axis(_overlaps)},
        ),
        (
            "first-channel-only",
            "Only the first input channel of each group is used.",
            "y[o, h] = bias[o] + Σ x[0, i] · weight[0, o, a], not the sum over all c",
            "one channel",
            (case(CHANNELS, FILTERS), case(ONE, ONE)),
            _only(0),
        ),
        (
            "channels-not-summed",
            "Channels overwrite the sum instead of adding to it, so the last one is left.",
            "y[o, h] = bias[o] + Σ x[C - 1, i] · weight[C - 1, o, a], not the sum over all c",
            "one channel",
            (case(CHANNELS, FILTERS), case(ONE, ONE)),
            _only(-1),
        ),
        (
            "bias-missing",
            "The bias is not added.",
            "y[o, h] = Σ x[c, i] · weight[c, o, a], not bias[o] + Σ …",
            "biases of 0",
            (case(ONE, ONE, 1), case(ONE, ONE)),
            {
                "before": lambda inputs: inputs.but(bias=None),
                "shows_if": has_bias,
            },
        ),
        (
            "groups-ignored",
            "Every group sees the channels of the first one.",
            "the filters of group q see the channels 0 to C/G - 1, not those from q·C/G on",
            "one group",
            (case(CHANNELS, FILTERS, groups=2), case(CHANNELS, FILTERS)),
            {"before": _ungrouped, "shows_if": lambda hyper, shapes: hyper["groups"] > 1},
        ),
        (
            "groups-interleaved",
            "Channel c belongs to group c % groups instead of c // (C / groups).",
            "the filters of group q see the channels q + G·c, not q·C/G + c",
            "one group, or one channel a group",
            (
                case((1, 4, 1, 1), (4, 1, 1, 1), groups=2),
                case(CHANNELS, FILTERS, groups=2),
            ),
            {"before": interleaved, "shows_if": lambda h, s: 1 < h["groups"] < s["x"][1]},
        ),
        (
            "float16",
            "The sums are accumulated in float16.",
            "y[o, h] = fl16(bias[o] + Σ x[c, i] · weight[c, o, a]), not in its dtype",
            "small integers",
            (case(ONE, ONE), Case(case(ONE, ONE).arrays, values=_SMALL)),
            {"before": half, "shows_if": lambda hyper, shapes: True},
        ),
    ),
    *rows(
        "output",
        AXES_APART,
        (
            "stride-swapped",
            "The strides are taken in reversed order: those of height and width exchanged.",
            "y[h, w] = Σ x[i, j] · weight[a, b] over h = i·sw + a, w = j·sh + b,\n"
            "not h = i·sh + a, w = j·sw + b",
            "equal strides",
            (case(TWO, ONE, stride=(1, 2)), case(TWO, ONE, stride=2)),
            swapped("stride"),
        ),
        (
            "padding-swapped",
            "The paddings are taken in reversed order: those of height and width exchanged.",
            "y[h, w] = Σ x[i, j] · weight[a, b] over h = i + a - pw, w = j + b - ph,\n"
            "not h = i + a - ph, w = j + b - pw",
            "equal paddings",
            (case(ONE, THREE, padding=(0, 1)), case(ONE, ONE)),
            swapped("padding"),
        ),
        (
            "output-padding-swapped",
            "The output paddings are taken in reversed order: those of height and width exchanged.",
            "Hout = (H - 1)·sh - 2ph + dh·(KH - 1) + extra_w + 1, not + extra_h; so for Wout",
            "equal output paddings",
            (
                case(ONE, ONE, stride=2, output_padding=(0, 1)),
                case(ONE, ONE, stride=2, output_padding=1),
            ),
            swapped("output_padding"),
        ),
        (
            "dilation-swapped",
            "The dilations are taken in reversed order: those of height and width exchanged.",
            "y[h, w] = Σ x[i, j] · weight[a, b] over h = i + a·dw, w = j + b·dh,\n"
            "not h = i + a·dh, w = j + b·dw",
            "equal dilations",
            (case(ONE, TWO, dilation=(1, 2)), case(ONE, TWO, dilation=2)),
            swapped("dilation"),
        ),
    ),
    *GRADIENTS,
]
