"""The records of max_pool2d and avg_pool2d."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from reference_tests.case import Case, Spec
from reference_tests.draw import Draw
from reference_tests.operation import REQUIRED, Invalid, Operation
from reference_tests.operations.windows import (
    ceil_size,
    floor_size,
    pair,
    seeing,
    seen,
    spread,
)
from reference_tests.strategies import Axis, batch, finished, per_axis, window_axes
from reference_tests.tolerance import plain, where


def windows_of(
    x: Any, kernel_size: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool
) -> list[tuple[int, ...]]:
    """Return (size, output, kernel, stride, padding, dilation) of each spatial axis."""
    kernel = pair(kernel_size)
    steps = kernel if stride is None else pair(stride)
    count = ceil_size if ceil_mode else floor_size
    axes = zip(x.shape[2:], kernel, steps, pair(padding), pair(dilation), strict=True)
    return [(n, count(n, k, s, p, d), k, s, p, d) for n, k, s, p, d in axes]


def max_definition(
    x: Any,
    *,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """Return the largest value of each window; of equal ones the first, of NaNs the last."""
    axes = windows_of(x, kernel_size, stride, padding, dilation, ceil_mode)
    rows, columns = (seen(*axis) for axis in axes)
    taps = rows.shape[1] * columns.shape[1]
    windows = _taps_last(spread(x, [rows, columns], -np.inf), taps)
    values = plain(windows)
    inside = _taps_last(((rows >= 0)[:, :, None, None] & (columns >= 0))[None, None], taps)
    largest = np.where(inside, values, -np.inf).max(-1, keepdims=True)
    first = ((values == largest) & inside).argmax(-1)
    missing = np.isnan(values) & inside
    last = taps - 1 - missing[..., ::-1].argmax(-1)
    chosen = np.where(missing.any(-1), last, first)
    y = _pick(windows, chosen)
    row, column = np.divmod(chosen, columns.shape[1])
    at_row = rows[np.arange(len(rows))[:, None], row]
    at_column = columns[np.arange(len(columns)), column]
    some = inside.any(-1)[0, 0]
    indices = np.where(some, at_row * x.shape[3] + at_column, -1)

    def pullback(grad_output: Any) -> Any:
        tables = [seeing(*axis) for axis in axes]
        users = spread(grad_output, tables)
        choices = spread(chosen, tables, -1)
        tap = np.arange(taps).reshape(rows.shape[1], 1, columns.shape[1])
        return (where(choices == tap, users, 0.0).sum((3, 5)),)

    return ((y, indices), pullback) if return_indices else (y, pullback)


def _taps_last(windows: Any, taps: int) -> Any:
    """Return windows (N, C, i, a, j, b) as (N, C, i, j, a * b)."""
    n, c, i, _, j, _ = windows.shape
    if isinstance(windows, np.ndarray):
        return windows.transpose(0, 1, 2, 4, 3, 5).reshape(n, c, i, j, taps)
    return windows.moved(lambda array: _taps_last(array, taps))


def _pick(windows: Any, chosen: Any) -> Any:
    if isinstance(windows, np.ndarray):
        return np.take_along_axis(windows, chosen[..., None], -1)[..., 0]
    return windows.moved(lambda array: _pick(array, chosen))


def avg_definition(
    x: Any,
    *,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Any:
    """Return the sum of each window over how many values it counts."""
    axes = windows_of(x, kernel_size, stride, padding, 1, ceil_mode)
    counts = []
    for size, output, kernel, step, before, _ in axes:
        start = np.arange(output)[:, None] * step + np.arange(kernel)
        low, high = (0, size + 2 * before) if count_include_pad else (before, size + before)
        counts.append(((start >= low) & (start < high)).sum(1))
    count = np.outer(*counts) if divisor_override is None else np.array(divisor_override)
    y = spread(x, [seen(*axis) for axis in axes]).sum((3, 5)) / count.astype(float)

    def pullback(grad_output: Any) -> Any:
        shares = grad_output / count.astype(float)
        return (spread(shares, [seeing(*axis) for axis in axes]).sum((3, 5)),)

    return y, pullback


def _drawn(draw: Draw) -> tuple[list[Axis], dict[str, Any]]:
    """Draw windows and the hyperparameters that both poolings have."""
    axes = window_axes(draw, pooling=True)
    if "stride" in draw.limits and draw.limits["stride"] is None:
        stride = None
    else:
        whole = all(axis.stride == axis.kernel for axis in axes)
        stride = None if whole and draw.chance(1, 2) else per_axis(draw, "stride", axes)
    hyper = {
        "kernel_size": per_axis(draw, "kernel_size", axes),
        "stride": stride,
        "padding": per_axis(draw, "padding", axes),
        "ceil_mode": draw.parameter("ceil_mode", lambda: draw.chance(1, 2)),
    }
    return axes, hyper


def _image(draw: Draw, axes: Sequence[Axis]) -> dict[str, Spec | None]:
    return {"x": Spec((batch(draw), draw.integer(1, 3), *(axis.size for axis in axes)))}


def max_strategy(draw: Draw) -> Case:
    """Draw a max-pooling; half of the values are ties, negative or not finite."""
    axes, hyper = _drawn(draw)
    hyper["dilation"] = per_axis(draw, "dilation", axes)
    hyper["return_indices"] = draw.parameter("return_indices", lambda: draw.chance(1, 2))
    families = ("zero-mean", "ties", "negative", "nan", "infinite", "wide", "zeros", "large")
    return finished(draw, _image(draw, axes), hyper, families)


def avg_strategy(draw: Draw) -> Case:
    """Draw an average pooling."""
    draw.limits.setdefault("dilation", 1)
    axes, hyper = _drawn(draw)
    hyper["count_include_pad"] = draw.parameter("count_include_pad", lambda: not draw.chance(1, 2))
    hyper["divisor_override"] = draw.parameter(
        "divisor_override", lambda: draw.choice((None, None, None, 1, 3, 8))
    )
    families = ("zero-mean", "non-negative", "wide", "ties", "zeros", "nan", "infinite")
    return finished(draw, _image(draw, axes), hyper, families)


def _max_outputs(hyper: Mapping[str, Any]) -> tuple[str, ...]:
    return ("output", "indices") if hyper.get("return_indices") else ("output",)


def _pinned(**more: Any) -> tuple[Case, ...]:
    image = {"x": Spec((2, 3, 5, 7))}
    overlapping = {"kernel_size": (3, 2), "stride": (2, 1), "padding": (1, 0), "ceil_mode": False}
    remainder = {"kernel_size": 2, "stride": None, "padding": 0, "ceil_mode": False}
    overhang = {"kernel_size": (2, 3), "stride": (2, 3), "padding": (1, 1), "ceil_mode": True}
    late = {"kernel_size": (3, 2), "stride": (3, 2), "padding": 1, "ceil_mode": True}
    return (
        Case(image, {**overlapping, **more}, 1),
        Case(image, {**overlapping, **more}, 2, "ties"),
        Case(image, {**remainder, **more}, 3, "non-negative"),
        Case(image, {**overhang, **more}, 4, "negative"),
        Case(image, {**late, **more}, 5, "nan"),
    )


_X = np.zeros((2, 3, 5, 6))


def _invalid(**more: Any) -> tuple[Invalid, ...]:
    two = {"kernel_size": 2}
    return (
        Invalid("x has 2 axes", (_X[0, 0],), two),
        Invalid("a kernel of 0", (_X,), {"kernel_size": 0}),
        Invalid("a kernel larger than the input", (_X,), {"kernel_size": (6, 2)}),
        Invalid("a negative stride", (_X,), {**two, "stride": -1}),
        Invalid("more padding than half the kernel", (_X,), {**two, "padding": 2}),
        Invalid("a negative padding", (_X,), {**two, "padding": -1}),
        Invalid("an array of objects", (_X.astype(object),), two),
        *(
            Invalid(f"{name} of {value}", (_X,), {**two, name: value})
            for name, value in more.items()
        ),
    )


OPERATIONS = (
    Operation(
        name="max_pool2d",
        arrays=("x",),
        defaults={
            "kernel_size": REQUIRED,
            "stride": None,
            "padding": 0,
            "dilation": 1,
            "ceil_mode": False,
            "return_indices": False,
        },
        strategy=max_strategy,
        definition=max_definition,
        differentiable=("x",),
        outputs=_max_outputs,
        exact_scale=1,
        conventions="Of equal values the first in row-major order counts and takes the gradient; "
        "NaN beats every number, and the last NaN of a window beats the others. Padding never "
        "wins; a dilated window that sees nothing else is -inf with index -1."
        " (PyTorch writes outside its memory there, so it is not asked.)"
        " In ceil mode a last window must start inside the input or its left padding.",
        pinned=(
            *_pinned(dilation=1, return_indices=True),
            Case(
                {"x": Spec((2, 2, 7, 6))},
                {
                    "kernel_size": (3, 2),
                    "stride": (2, 3),
                    "padding": (1, 1),
                    "dilation": (1, 3),
                    "ceil_mode": True,
                    "return_indices": False,
                },
                6,
                "infinite",
            ),
        ),
        invalid=_invalid(dilation=0),
    ),
    Operation(
        name="avg_pool2d",
        arrays=("x",),
        defaults={
            "kernel_size": REQUIRED,
            "stride": None,
            "padding": 0,
            "ceil_mode": False,
            "count_include_pad": True,
            "divisor_override": None,
        },
        strategy=avg_strategy,
        definition=avg_definition,
        differentiable=("x",),
        # A multiple of every possible divisor, so that the quotients are integers too.
        exact_scale=144,
        conventions="The padding counts in the divisor by default; what overhangs it in ceil mode "
        "never does.",
        pinned=_pinned(count_include_pad=False, divisor_override=None)
        + _pinned(count_include_pad=True, divisor_override=None),
        invalid=_invalid(divisor_override=0),
    ),
)
