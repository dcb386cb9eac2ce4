"""The records of unfold and fold."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from reference_tests.case import Case, Spec
from reference_tests.draw import Draw
from reference_tests.operation import REQUIRED, Invalid, Operation
from reference_tests.operations.windows import Table, floor_size, pair, seeing, seen, spread
from reference_tests.strategies import Axis, batch, finished, per_axis, window_axes
from reference_tests.tolerance import rearranged

Fields = tuple[int, int, int, int, int, int]


def unfold_definition(
    x: Any, *, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1
) -> Any:
    """Return every window as a column: channels, then taps, of the windows in rows."""
    axes = _axes(x.shape[-2:], kernel_size, dilation, padding, stride)

    def pullback(grad_output: Any) -> Any:
        return (_images(grad_output, axes, x.shape),)

    return _columns(x, axes), pullback


def fold_definition(
    x: Any,
    *,
    output_size: Any,
    kernel_size: Any,
    dilation: Any = 1,
    padding: Any = 0,
    stride: Any = 1,
) -> Any:
    """Return for each pixel the sum of the elements of the columns whose window sees it."""
    size = pair(output_size)
    axes = _axes(size, kernel_size, dilation, padding, stride)
    channels = x.shape[-2] // math.prod(pair(kernel_size))

    def pullback(grad_output: Any) -> Any:
        return (_columns(grad_output, axes),)

    return _images(x, axes, (*x.shape[:-2], channels, *size)), pullback


def _axes(size: Any, kernel_size: Any, dilation: Any, padding: Any, stride: Any) -> list[Fields]:
    """Return (size, windows, kernel, stride, padding, dilation) of both axes."""
    fields = zip(
        *(size, pair(kernel_size), pair(stride), pair(padding), pair(dilation)), strict=True
    )
    return [(n, floor_size(n, k, s, p, d), k, s, p, d) for n, k, s, p, d in fields]


def _columns(x: Any, axes: list[Fields]) -> Any:
    *lead, channels, _, _ = x.shape
    images = x.reshape(math.prod(lead), channels, *x.shape[-2:])
    windows = spread(images, [seen(*axis) for axis in axes])
    (_, i, a, *_), (_, j, b, *_) = axes
    columns = rearranged(windows, lambda array: array.transpose(0, 1, 3, 5, 2, 4))
    return columns.reshape(*lead, channels * a * b, i * j)


def _images(columns: Any, axes: list[Fields], shape: tuple[int, ...]) -> Any:
    *lead, channels, _, _ = shape
    (_, i, a, *_), (_, j, b, *_) = axes
    taps = columns.reshape(math.prod(lead), channels, a, b, i, j)
    by_axis = rearranged(taps, lambda array: array.transpose(0, 1, 2, 4, 3, 5))
    flat = by_axis.reshape(math.prod(lead), channels, a * i, b * j)
    return spread(flat, [_users(axis) for axis in axes]).sum((3, 5)).reshape(*shape)


def _users(axis: Fields) -> Table:
    """Return where in the flat (tap, window) each position finds what each tap saw of it."""
    table = seeing(*axis)
    return np.where(table < 0, -1, np.arange(axis[2]) * axis[1] + table)


def _drawn(draw: Draw) -> tuple[list[Axis], tuple[int, ...], dict[str, Any]]:
    """Draw windows, the axes before them, and the hyperparameters."""
    axes = window_axes(draw)
    lead = (batch(draw), draw.size(1, 2))
    names = ("kernel_size", "dilation", "padding", "stride")
    unbatched = not draw.limits and draw.chance(1, 8)
    return axes, lead[unbatched:], {name: per_axis(draw, name, axes) for name in names}


def unfold_strategy(draw: Draw) -> Case:
    """Draw images and windows."""
    axes, lead, hyper = _drawn(draw)
    image = Spec((*lead, *(axis.size for axis in axes)))
    return finished(draw, {"x": image}, hyper, ("zero-mean", "ties", "wide", "nan", "infinite"))


def fold_strategy(draw: Draw) -> Case:
    """Draw columns and windows."""
    axes, (*n, channels), hyper = _drawn(draw)
    rows = channels * math.prod(axis.kernel for axis in axes)
    columns = Spec((*n, rows, math.prod(axis.output for axis in axes)))
    size = draw.parameter("output_size", lambda: tuple(axis.size for axis in axes))
    families = ("zero-mean", "non-negative", "wide", "zeros", "subnormal", "nan", "infinite")
    return finished(draw, {"x": columns}, {"output_size": size, **hyper}, families)


def _hyper(kernel_size: Any, stride: Any, padding: Any, dilation: Any) -> dict[str, Any]:
    return {
        "kernel_size": kernel_size,
        "dilation": dilation,
        "padding": padding,
        "stride": stride,
    }


_OVERLAPPING = _hyper((3, 2), (2, 1), (1, 0), 1)
_APART = _hyper((1, 2), (2, 3), (0, 1), (1, 2))
_X = np.zeros((2, 3, 5, 6))
_COLUMNS = np.zeros((2, 12, 20))
_WRONG: tuple[tuple[str, dict[str, Any]], ...] = (
    ("a kernel of 0", {"kernel_size": 0}),
    ("a kernel larger than the image", {"kernel_size": (6, 2)}),
    ("a stride of 0", {"stride": 0}),
    ("a negative padding", {"padding": -1}),
    ("a dilation of 0", {"dilation": 0}),
)

OPERATIONS = (
    Operation(
        name="unfold",
        arrays=("x",),
        defaults={"kernel_size": REQUIRED, "dilation": 1, "padding": 0, "stride": 1},
        strategy=unfold_strategy,
        definition=unfold_definition,
        differentiable=("x",),
        exact_scale=1,
        conventions="The columns hold channels, then the rows and columns of the kernel; windows "
        "follow each other row by row. x may lack the axis N.",
        pinned=(
            Case({"x": Spec((2, 3, 5, 4))}, _OVERLAPPING, 1),
            Case({"x": Spec((2, 2, 3, 7))}, _APART, 2),
            Case({"x": Spec((2, 4, 3))}, _hyper(2, 1, 1, (2, 1)), 3),
        ),
        invalid=(
            Invalid("x has 2 axes", (_X[0, 0],), {"kernel_size": 2}),
            Invalid("an array of objects", (_X.astype(object),), {"kernel_size": 2}),
            *(Invalid(reason, (_X,), {"kernel_size": 2, **wrong}) for reason, wrong in _WRONG),
        ),
    ),
    Operation(
        name="fold",
        arrays=("x",),
        defaults={
            "output_size": REQUIRED,
            "kernel_size": REQUIRED,
            "dilation": 1,
            "padding": 0,
            "stride": 1,
        },
        strategy=fold_strategy,
        definition=fold_definition,
        differentiable=("x",),
        exact_scale=1,
        conventions="The columns are in the order of unfold; what falls on the padding is "
        "dropped. x may lack the axis N.",
        pinned=(
            Case({"x": Spec((2, 12, 9))}, {"output_size": (5, 4), **_OVERLAPPING}, 1),
            Case({"x": Spec((2, 4, 6))}, {"output_size": (3, 7), **_APART}, 2),
            Case({"x": Spec((8, 16))}, {"output_size": (4, 3), **_hyper(2, 1, 1, (2, 1))}, 3),
        ),
        invalid=(
            Invalid("x has 1 axis", (_COLUMNS[0, 0],), {"output_size": (5, 6), "kernel_size": 2}),
            Invalid("11 rows", (_COLUMNS[:, :11],), {"output_size": (5, 6), "kernel_size": 2}),
            Invalid("19 columns", (_COLUMNS[..., 1:],), {"output_size": (5, 6), "kernel_size": 2}),
            Invalid("an image of 0", (_COLUMNS,), {"output_size": 0, "kernel_size": 2}),
            *(
                Invalid(reason, (_COLUMNS,), {"output_size": (5, 6), "kernel_size": 2, **wrong})
                for reason, wrong in _WRONG
            ),
        ),
    ),
)
