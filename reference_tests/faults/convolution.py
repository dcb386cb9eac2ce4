"""Mistakes in the forward pass of a convolution; those of its gradients follow in a file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from reference_tests.case import Case
from reference_tests.faults.convolution_gradients import FAULTS as GRADIENTS
from reference_tests.faults.fault import Fault, Hyper, Inputs, Shapes
from reference_tests.faults.windows import (
    Array,
    Axis,
    Changes,
    any_axis,
    as_filters,
    axes,
    axes_of,
    case,
    more,
    moved,
    padded,
    reweighted,
    rows,
    several_windows,
)
from reference_tests.operations.windows import pair


def _swapped(name: str) -> Changes:
    """Return the mistake that takes a pair as (width, height)."""

    def other(hyper: Hyper) -> dict[str, Any]:
        value = hyper[name]
        return {**hyper, name: value if isinstance(value, str) else pair(value)[::-1]}

    def before(inputs: Inputs) -> Inputs:
        wrong = inputs.but(**other(inputs.hyper))
        # Where the input is too small for the exchange, zeros make room for one window.
        room = [max(0, a.reach - a.size - a.before - a.after) for a in axes(wrong)]
        return wrong.but(x=np.pad(wrong["x"], [(0, 0), (0, 0), *((0, end) for end in room)]))

    def shows(hyper: Hyper, shapes: Shapes) -> bool:
        right, wrong = axes_of(hyper, shapes), axes_of(other(hyper), shapes)
        return any(
            not np.array_equal(a.seen(a.output), b.seen(max(b.output, 1)))
            for a, b in zip(right, wrong, strict=True)
        )

    return {"before": before, "shows_if": shows, "tied": True}


def _fewer(count: Callable[[Axis], int]) -> Changes:
    """Return the mistake that counts fewer windows than there are."""

    def after(y: Array, inputs: Inputs) -> Array:
        height, width = (max(count(axis), 0) for axis in axes(inputs))
        return y[:, :, :height, :width]

    return {"after": after, "shows_if": any_axis(lambda axis: count(axis) != axis.output)}


def _as_stride_one(y: Array, inputs: Inputs) -> Array:
    height, width = (axis.output for axis in axes(inputs))
    return y[:, :, :height, :width]


def _tensorflow(axis: Axis) -> Axis:
    """Return an axis padded as little as its windows need, the odd one after."""
    needed = max((axis.output - 1) * axis.stride + axis.reach - axis.size, 0)
    return axis._replace(before=needed // 2, after=needed - needed // 2)


def _as_hwio(weight: Array) -> Array:
    filters, channels, *kernel = weight.shape
    return weight.reshape(*kernel, channels, filters).transpose(3, 2, 0, 1)


def _channels_last(weight: Array) -> Array:
    filters, channels, *kernel = weight.shape
    return weight.reshape(filters, *kernel, channels).transpose(0, 3, 1, 2)


def _only(channel: slice) -> Changes:
    """Return the mistake that leaves one input channel."""

    def before(inputs: Inputs) -> Inputs:
        weight = np.zeros_like(inputs["weight"])
        weight[:, channel] = inputs["weight"][:, channel]
        return inputs.but(weight=weight)

    return {"before": before, "shows_if": more("weight", 1)}


def _ungrouped(inputs: Inputs) -> Inputs:
    return inputs.but(x=inputs["x"][:, : inputs["weight"].shape[1]], groups=1)


def _interleaved(inputs: Inputs) -> Inputs:
    order = np.arange(inputs["x"].shape[1]).reshape(-1, inputs.hyper["groups"]).T.ravel()
    return inputs.but(x=inputs["x"][:, order])


def _half(inputs: Inputs) -> Inputs:
    arrays = inputs.arrays.items()
    return inputs.but(**{n: a if a is None else a.astype(np.float16) for n, a in arrays})


_ONE, _TWO = (1, 1, 1, 1), (1, 1, 1, 2)
_CHANNELS = (1, 2, 1, 1)
_SMALL = {"x": np.ones(_ONE), "weight": np.full(_ONE, 3.0)}

FAULTS: list[Fault] = [
    *rows(
        "output",
        (
            "kernel-flipped",
            "The kernel is rotated by 180°: a true convolution instead of a cross-correlation.",
            "a 1×1 or symmetric kernel",
            (case(_TWO, _TWO), case(_TWO, _ONE)),
            reweighted(lambda weight: weight[..., ::-1, ::-1]),
        ),
        (
            "kernel-mirrored",
            "One axis of the kernel is flipped.",
            "a kernel of one column",
            (case(_TWO, _TWO), case((1, 1, 2, 1), (1, 1, 2, 1))),
            reweighted(lambda weight: weight[..., ::-1]),
        ),
        (
            "kernel-flipped-with-channels",
            "The kernel is flipped along its channels too, as np.flip does.",
            "one channel and a 1×1 kernel",
            (case(_CHANNELS, _CHANNELS), case(_TWO, _ONE)),
            reweighted(lambda weight: weight[:, ::-1, ::-1, ::-1]),
        ),
        (
            "output-size-swapped",
            "The height and the width of the output are exchanged.",
            "a square output",
            (case(_TWO, _ONE), case((1, 1, 2, 2), _ONE)),
            {
                "after": lambda y, inputs: y.reshape(*y.shape[:2], *y.shape[:1:-1]),
                "shows_if": lambda h, s: len({axis.output for axis in axes_of(h, s)}) > 1,
            },
        ),
        (
            "stride-swapped",
            "The strides of height and width are exchanged.",
            "equal strides",
            (case(_TWO, _ONE, stride=(1, 2)), case(_TWO, _ONE, stride=2)),
            _swapped("stride"),
        ),
        (
            "padding-swapped",
            "The paddings of height and width are exchanged.",
            "equal paddings",
            (case(_ONE, _ONE, padding=(0, 1)), case(_ONE, _ONE, padding=1)),
            _swapped("padding"),
        ),
        (
            "dilation-swapped",
            "The dilations of height and width are exchanged.",
            "equal dilations",
            (
                case((1, 1, 1, 3), _TWO, dilation=(1, 2)),
                case((1, 1, 1, 3), _TWO, dilation=2),
            ),
            _swapped("dilation"),
        ),
        (
            "output-size-rounded-up",
            "The size of the output is rounded up: a last window hangs over the input.",
            "a stride that leaves no remainder",
            (case(_TWO, _ONE, stride=(1, 2)), case(_ONE, _ONE, stride=(1, 2))),
            {
                "before": lambda inputs: padded(
                    inputs, lambda a: (a.before, a.after + (a.stride - a.slack) % a.stride)
                ),
                "shows_if": any_axis(lambda axis: axis.slack > 0),
                "tied": True,
            },
        ),
        (
            "padding-counted-once",
            "The size of the output forgets one side of the padding.",
            "no padding",
            (case(_ONE, _ONE, padding=(0, 1)), case(_ONE, _ONE)),
            _fewer(lambda axis: axis._replace(after=0).output),
        ),
        (
            "stride-forgotten-in-position",
            "Window i starts at i instead of i times the stride.",
            "a stride of 1",
            (case((1, 1, 1, 3), _ONE, stride=2), case((1, 1, 1, 3), _ONE)),
            {
                "before": lambda inputs: inputs.but(stride=1),
                "after": _as_stride_one,
                "shows_if": moved(lambda axis: axis._replace(stride=1)),
                "tied": True,
            },
        ),
        (
            "reach-of-dilated-kernel",
            "A dilated kernel is taken to reach over d·k positions instead of d·(k - 1) + 1.",
            "no dilation",
            (case(_TWO, _ONE, dilation=(1, 2)), case(_TWO, _ONE)),
            _fewer(lambda a: a._replace(after=a.after - a.dilation + 1).output),
        ),
        (
            "same-padding-after",
            "The padding is TensorFlow's SAME: as little as needed, the odd one after the input.",
            "windows that leave no remainder of the padded input",
            (
                case(_TWO, (1, 1, 1, 3), stride=2, padding=(0, 1)),
                case((1, 1, 1, 3), (1, 1, 1, 3), stride=2, padding=(0, 1)),
            ),
            {
                "before": lambda inputs: padded(inputs, lambda axis: _tensorflow(axis)[3:5]),
                "shows_if": moved(_tensorflow),
            },
        ),
        (
            "weight-channels-swapped",
            "The weight's memory is read as (C, O, KH, KW).",
            "one filter or one channel",
            (case(_CHANNELS, (2, 2, 1, 1)), case(_ONE, (2, 1, 1, 1))),
            reweighted(as_filters),
        ),
        (
            "weight-reshaped-to-hwio",
            "The weight is reshaped to (KH, KW, C, O) instead of transposed.",
            "one filter, or one channel and a 1×1 kernel, and all that is symmetric",
            (case(_TWO, (2, 1, 1, 2)), case(_TWO, _TWO)),
            reweighted(_as_hwio),
        ),
        (
            "columns-channels-last",
            "Columns in the order (KH, KW, C) meet weights in the order (C, KH, KW).",
            "one channel or a 1×1 kernel",
            (case((1, 2, 1, 2), (1, 2, 1, 2)), case(_TWO, _TWO)),
            reweighted(_channels_last),
        ),
        (
            "output-reshaped",
            "The result (N, H, W, O) is reshaped to NCHW instead of transposed.",
            "one filter, or one output pixel",
            (case(_TWO, (2, 1, 1, 1)), case(_TWO, _ONE)),
            {
                "after": lambda y, inputs: y.transpose(0, 2, 3, 1).reshape(y.shape),
                "shows_if": lambda h, s: s["weight"][0] > 1 and several_windows(h, s),
            },
        ),
        (
            "first-channel-only",
            "Only the first input channel is used.",
            "one channel",
            (case(_CHANNELS, _CHANNELS), case(_ONE, _ONE)),
            _only(slice(1)),
        ),
        (
            "channels-not-summed",
            "Channels overwrite the sum instead of adding to it, so the last one is left.",
            "one channel",
            (case(_CHANNELS, _CHANNELS), case(_ONE, _ONE)),
            _only(slice(-1, None)),
        ),
        (
            "bias-missing",
            "The bias is not added.",
            "biases of 0",
            (case(_ONE, _ONE, 1), case(_ONE, _ONE)),
            {
                "before": lambda inputs: inputs.but(bias=None),
                "shows_if": lambda hyper, shapes: shapes["bias"] is not None,
            },
        ),
        (
            "groups-ignored",
            "Every group sees the channels of the first one.",
            "one group",
            (case(_CHANNELS, (2, 1, 1, 1), groups=2), case(_ONE, (2, 1, 1, 1))),
            {"before": _ungrouped, "shows_if": lambda hyper, shapes: hyper["groups"] > 1},
        ),
        (
            "groups-interleaved",
            "Channel c belongs to group c % groups instead of c // (C / groups).",
            "one group, or one channel a group",
            (
                case((1, 4, 1, 1), (2, 2, 1, 1), groups=2),
                case(_CHANNELS, (2, 1, 1, 1), groups=2),
            ),
            {
                "before": _interleaved,
                "shows_if": lambda h, s: h["groups"] > 1 and s["weight"][1] > 1,
            },
        ),
        (
            "float16",
            "The sums are accumulated in float16.",
            "small integers",
            (case(_ONE, _ONE), Case(case(_ONE, _ONE).arrays, values=_SMALL)),
            {"before": _half, "shows_if": lambda hyper, shapes: True},
        ),
    ),
    *GRADIENTS,
]
