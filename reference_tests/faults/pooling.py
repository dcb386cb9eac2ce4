"""Mistakes of pooling: which windows there are, and what the largest value of one is."""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_tests.faults import (
    adaptive_pooling,
    average,
    indices,
    pooling_axes,
    pooling_gradients,
)
from reference_tests.faults.fault import Fault, Hyper, Inputs, Shapes
from reference_tests.faults.planes import (
    MAX,
    MAXIMA,
    PADDED,
    WINDOWED,
    Array,
    Changes,
    any_axis,
    case,
    filled,
    known,
    plane,
    rows,
    size_of,
    spatial,
    tables,
    unlike,
    windows,
)


def overhanging(size: int, output: int, kernel: int, stride: int, pad: int, dilation: int) -> int:
    """Return the number of windows when it is simply rounded up."""
    return -(-(size + 2 * pad - dilation * (kernel - 1) - 1) // stride) + 1


def _kept_overhang(y: Array, inputs: Inputs) -> Array:
    if not inputs.hyper["ceil_mode"]:
        return y
    axes = windows(inputs.hyper, plane(inputs))
    more = [(0, overhanging(*axis) - axis[1]) for axis in axes]
    # Such a window sees padding only.
    nothing = -np.inf if inputs.operation.name in MAX else 0.0
    return np.pad(y, [*[(0, 0)] * (y.ndim - len(more)), *more], constant_values=nothing)


def _keeps_overhang(hyper: Hyper, shapes: Shapes) -> bool:
    keeps = any_axis(lambda *axis: overhanging(*axis) != axis[1], empty=True)
    return hyper["ceil_mode"] and keeps(hyper, shapes)


def _fewer(size: Any) -> Changes:
    """Return the mistake that counts windows as for an input of another size."""

    def alone(kernel: int, stride: int, dilation: int) -> dict[str, int]:
        return {"kernel_size": kernel, "stride": stride, "padding": 0, "dilation": dilation}

    def counts(hyper: Hyper, sizes: tuple[int, ...]) -> list[int]:
        axes = windows(hyper, sizes)
        others = [
            windows(
                {**hyper, "kernel_size": k, "stride": s, "padding": 0, "dilation": d},
                (size(n, p, d),),
            )[0]
            for n, _, k, s, p, d in axes
        ]
        raw = [axis[1] for axis in others]
        return [max(min(count, axis[1]), 0) for count, axis in zip(raw, axes, strict=True)]

    def after(y: Array, inputs: Inputs) -> Array:
        return y[(..., *map(slice, counts(inputs.hyper, plane(inputs))))]

    def shows(hyper: Hyper, shapes: Shapes) -> bool:
        sizes = size_of(hyper, shapes)
        return counts(hyper, sizes) != [axis[1] for axis in windows(hyper, sizes)]

    return {"after": after, "shows_if": shows}


def _without_last(y: Array, inputs: Inputs) -> Array:
    return y[(..., *[slice(-1)] * spatial(inputs))]


def _first_ones(y: Array, inputs: Inputs) -> Array:
    axes = windows(inputs.hyper, plane(inputs))
    return y[(..., *(slice(axis[1]) for axis in axes))]


def _over_zeros(y: Array, inputs: Inputs) -> Array:
    outside = np.zeros((), bool)
    for table in tables(inputs.hyper, plane(inputs)):
        outside = np.logical_or.outer(outside, (table < 0).any(1))
    return np.where(outside, np.maximum(y, 0), y)


def _always(**options: Any) -> Changes:
    """Return the mistake that takes other options, as far as the operation has them."""

    def shows(hyper: Hyper, shapes: Shapes) -> bool:
        return unlike(lambda h: {n: v for n, v in options.items() if n in h})(hyper, shapes)

    return {"before": lambda inputs: known(inputs, **options), "shows_if": shows}


def _of_one(hyper: Hyper) -> dict[str, Any]:
    return {"stride": 1} if hyper["stride"] is None else {}


def _not_single(hyper: Hyper, shapes: Shapes) -> bool:
    """Return whether a window sees several positions, or none."""
    seen = tables(hyper, size_of(hyper, shapes))
    return filled(hyper, shapes) and any(((t >= 0).sum(1) != 1).any() for t in seen)


_ROW: dict[str, Any] = {"kernel_size": (1, 2)}
_LONE: dict[str, Any] = {"kernel_size": 1}
_REST: dict[str, Any] = {"kernel_size": 1, "stride": (1, 2)}
_PADDED = case(1, 2, kernel_size=(1, 2), padding=(0, 1))
_UNPADDED = case(1, 2, **_ROW)
_SKIPPING, _STEPPING = case(1, 3, kernel_size=1, stride=(1, 2)), case(1, 3, **_LONE)
_NEGATIVE: dict[str, Any] = {"values": [-1], "kernel_size": (1, 2), "padding": (0, 1)}
_POSITIVE: dict[str, Any] = {**_NEGATIVE, "values": [1]}

_OF_WINDOWS = rows(
    "output",
    (
        (
            "reshape-trick",
            WINDOWED,
            "Windows are cut by a reshape, which knows no stride, padding, dilation or remainder.",
            "x.reshape(N, C, H // KH, KH, W // KW, KW), reduced over KH and KW",
            "a kernel that divides the input, moved by its own size",
            (case(1, 3, stride=1, **_ROW), case(1, 4, **_ROW)),
            _always(stride=None, padding=0, dilation=1, ceil_mode=False),
        ),
        (
            "stride-ignored",
            WINDOWED,
            "The windows move by their own size, whatever the stride is.",
            "x[i·k : i·k + k] instead of x[i·s : i·s + k]",
            "a stride that equals the kernel",
            (case(1, 3, stride=1, **_ROW), case(1, 4, **_ROW)),
            _always(stride=None),
        ),
        (
            "stride-of-one-by-default",
            WINDOWED,
            "A stride that is not given is 1 instead of the kernel.",
            "x[i : i + k] instead of x[i·k : i·k + k]",
            "a stride that is given",
            (case(1, 3, **_ROW), case(1, 3, stride=1, **_ROW)),
            {
                "before": lambda inputs: inputs.but(**_of_one(inputs.hyper)),
                "shows_if": unlike(_of_one),
            },
        ),
        (
            "stride-forgotten-in-position",
            WINDOWED,
            "Window i starts at i instead of i times the stride.",
            "x[i : i + k] instead of x[i·s : i·s + k]",
            "a stride of 1",
            (_SKIPPING, _STEPPING),
            {
                "before": lambda inputs: inputs.but(stride=1, ceil_mode=False),
                "after": _first_ones,
                "shows_if": any_axis(lambda n, output, k, stride, *_: output > 1 and stride > 1),
            },
        ),
        (
            "padding-ignored",
            PADDED,
            "The padding is ignored.",
            "(H - k)//s + 1 windows instead of (H + 2p - k)//s + 1",
            "no padding",
            (_PADDED, _UNPADDED),
            _always(padding=0),
        ),
        (
            "padding-counted-once",
            PADDED,
            "The size of the output forgets one side of the padding.",
            "(H + p - k)//s + 1 windows instead of (H + 2p - k)//s + 1",
            "no padding",
            (_PADDED, _UNPADDED),
            _fewer(lambda size, padding, dilation: size + padding),
        ),
        (
            "last-window-missing",
            WINDOWED,
            "The last window is missing, since no 1 is added.",
            "(H + 2p - k)//s windows instead of (H + 2p - k)//s + 1",
            "nothing, unless there are no windows",
            (_UNPADDED, case(0, 0, **_LONE)),
            {"after": _without_last, "shows_if": any_axis(lambda *axis: axis[1] > 0, empty=True)},
        ),
        (
            "dilation-ignored",
            MAX,
            "The dilation is ignored.",
            "x[i·s + a] instead of x[i·s + a·d]",
            "no dilation",
            (case(1, 3, dilation=(1, 2), **_ROW), _UNPADDED),
            _always(dilation=1),
        ),
        (
            "reach-of-dilated-kernel",
            MAX,
            "A dilated kernel is taken to reach over d·k positions instead of d·(k - 1) + 1.",
            "(H + 2p - d·k)//s + 1 windows instead of (H + 2p - d·(k - 1) - 1)//s + 1",
            "no dilation",
            (case(1, 4, stride=1, dilation=(1, 2), **_ROW), _UNPADDED),
            _fewer(lambda size, padding, dilation: size + 2 * padding - dilation + 1),
        ),
        (
            "ceil-mode-ignored",
            WINDOWED,
            "Ceil mode is ignored: the last window, which is cut off, is missing.",
            "(H + 2p - k)//s + 1 windows instead of ceil((H + 2p - k)/s) + 1",
            "no remainder, or no ceil mode",
            (case(1, 3, ceil_mode=True, **_ROW), case(1, 4, ceil_mode=True, **_ROW)),
            _always(ceil_mode=False),
        ),
        (
            "ceil-mode-always",
            WINDOWED,
            "The size of the output is rounded up: a last window hangs over the input.",
            "ceil((H + 2p - k)/s) + 1 windows instead of (H + 2p - k)//s + 1",
            "no remainder, or ceil mode",
            (case(1, 3, **_ROW), case(1, 4, **_ROW)),
            _always(ceil_mode=True),
        ),
        (
            "ceil-mode-keeps-overhang",
            WINDOWED,
            "In ceil mode a last window is kept that starts in the padding after the input.",
            "ceil((H + 2p - k)/s) + 1 windows, even if the last starts at H + p or later",
            "no remainder",
            (case(1, 2, ceil_mode=True, **_REST), case(1, 1, ceil_mode=True, **_REST)),
            {"after": _kept_overhang, "shows_if": _keeps_overhang},
        ),
    ),
)

_TWO_ROW, _ONE_ROW = case(1, 2, values=[1, 2], **_ROW), case(1, 1, **_LONE)
_OF_MAXIMA = rows(
    "output",
    (
        (
            "padded-with-zeros",
            MAX,
            "The padding is 0 instead of -∞, and wins over negative values.",
            "max(x, 0) at the border instead of max(x)",
            "no padding, or values that are not negative",
            (case(1, 1, **_NEGATIVE), case(1, 1, **_POSITIVE)),
            {
                "after": _over_zeros,
                "shows_if": any_axis(
                    lambda n, o, k, s, p, d: p > 0 or (o - 1) * s + d * (k - 1) >= n
                ),
            },
        ),
        (
            "starts-at-zero",
            MAXIMA,
            "The search starts at 0 instead of -∞, so that negative values are lost.",
            "max(0, x[i·s : i·s + k]) instead of max(x[i·s : i·s + k])",
            "values that are not negative",
            (case(1, 1, values=[-1], **_LONE), case(1, 1, values=[1], **_LONE)),
            {"after": lambda y, i: np.maximum(y, 0)},
        ),
        (
            "starts-at-a-number",
            MAXIMA,
            "The search starts at the least number instead of -∞.",
            "max(-3.4e38, x[i·s : i·s + k]) instead of max(x[i·s : i·s + k])",
            "no windows of -∞ alone",
            (case(1, 1, values=[-np.inf], **_LONE), case(1, 1, values=[1], **_LONE)),
            {"after": lambda y, i: np.maximum(y, np.finfo(y.dtype).min)},
        ),
        (
            "least-instead-of-largest",
            MAXIMA,
            "The least value of a window is taken.",
            "min(x[i·s : i·s + k]) instead of max(x[i·s : i·s + k])",
            "windows of one position, or equal values",
            (_TWO_ROW, case(1, 2, values=[1, 1], **_ROW)),
            {
                "before": lambda i: i.but(x=-i["x"]),
                "after": lambda y, i: -y,
                "shows_if": _not_single,
            },
        ),
        (
            "nan-lost",
            MAXIMA,
            "NaN loses against every number.",
            "fmax(x[i·s : i·s + k]) instead of max(x[i·s : i·s + k])",
            "no NaN",
            (case(1, 1, values=[np.nan], **_LONE), _ONE_ROW),
            {"before": lambda i: i.but(x=np.where(np.isnan(i["x"]), -np.inf, i["x"]))},
        ),
    ),
    {
        "starts-at-zero": {
            "adaptive_max": (
                case(1, 1, values=[-1], output_size=1),
                case(1, 1, values=[1], output_size=1),
            )
        },
        "starts-at-a-number": {
            "adaptive_max": (
                case(1, 1, values=[-np.inf], output_size=1),
                case(1, 1, values=[1], output_size=1),
            )
        },
        "least-instead-of-largest": {
            "adaptive_max": (
                case(1, 2, values=[1, 2], output_size=1),
                case(1, 2, values=[1, 1], output_size=1),
            )
        },
        "nan-lost": {
            "adaptive_max": (case(1, 1, values=[np.nan], output_size=1), case(1, 1, output_size=1))
        },
    },
)

FAULTS: list[Fault] = [
    *_OF_WINDOWS,
    *pooling_axes.FAULTS,
    *_OF_MAXIMA,
    *average.FAULTS,
    *adaptive_pooling.FAULTS,
    *pooling_gradients.FAULTS,
    *indices.FAULTS,
]
