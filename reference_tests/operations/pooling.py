"""The records of max and average pooling: one definition of each for all dimensions."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference_tests.case import Case, Spec
from reference_tests.draw import Draw
from reference_tests.operation import REQUIRED, Invalid, Operation
from reference_tests.operations.windows import (
    Table,
    ceil_size,
    each,
    floor_size,
    seeing,
    seen,
    spread,
)
from reference_tests.strategies import Axis, batch, finished, per_axis, window_axes
from reference_tests.tolerance import plain, rearranged, where


def windows_of(
    size: Sequence[int],
    kernel_size: Any,
    stride: Any,
    padding: Any,
    dilation: Any,
    ceil_mode: bool,
) -> list[tuple[int, ...]]:
    """Return (size, output, kernel, stride, padding, dilation) of each spatial axis."""
    spatial = len(size)
    kernel = each(kernel_size, spatial)
    steps = kernel if stride is None else each(stride, spatial)
    count = ceil_size if ceil_mode else floor_size
    axes = zip(size, kernel, steps, each(padding, spatial), each(dilation, spatial), strict=True)
    return [(n, count(n, k, s, p, d), k, s, p, d) for n, k, s, p, d in axes]


def planes(x: Any, spatial: int) -> Any:
    """Return `x` with one axis, and one more of length 1, before the spatial ones."""
    return x.reshape(math.prod(x.shape[:-spatial]), 1, *x.shape[-spatial:])


def largest(x: Any, tables: list[Table]) -> tuple[Any, NDArray[Any]]:
    """Return the largest value of each window of planes, and its place.

    Of equal ones the first counts, of NaNs the last; a window that sees nothing is -inf at -1.
    """
    places = np.arange(math.prod(x.shape[2:])).reshape(1, 1, *x.shape[2:])
    windows = _taps_last(spread(x, tables, -np.inf), tables)
    places = np.broadcast_to(_taps_last(spread(places, tables, -1), tables), windows.shape)
    values, inside = plain(windows), places >= 0
    best = np.where(inside, values, -np.inf).max(-1, keepdims=True)
    first = ((values == best) & inside).argmax(-1)
    missing = np.isnan(values) & inside
    last = places.shape[-1] - 1 - missing[..., ::-1].argmax(-1)
    chosen = np.where(missing.any(-1), last, first)[..., None]
    y = rearranged(windows, lambda array: np.take_along_axis(array, chosen, -1)[..., 0])
    return y, np.take_along_axis(places, chosen, -1)[..., 0]


def _taps_last(windows: Any, tables: list[Table]) -> Any:
    """Return windows (P, 1, i, a, j, b, …) as (P, 1, i, j, …, a * b * …)."""
    axes = len(tables)
    order = (0, 1, *range(2, 2 + 2 * axes, 2), *range(3, 3 + 2 * axes, 2))
    output = [len(table) for table in tables]
    taps = math.prod(table.shape[1] for table in tables)
    return rearranged(
        windows, lambda array: array.transpose(order).reshape(len(array), 1, *output, taps)
    )


def routed(grad_output: Any, indices: NDArray[Any], users: list[Table]) -> Any:
    """Return the gradient of planes: that of every window whose index is a place.

    `users` says for each axis which windows see each position.
    """
    axes = [size for table in users for size in (len(table), 1)]
    places = np.arange(math.prod(axes)).reshape(axes)
    chosen = spread(indices, users, -1) == places
    taps = tuple(range(3, 3 + 2 * len(users), 2))
    return where(chosen, spread(grad_output, users), 0.0).sum(taps)


def max_definition(
    spatial: int,
    x: Any,
    *,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """Return the largest value of each window over so many axes."""
    axes = windows_of(x.shape[-spatial:], kernel_size, stride, padding, dilation, ceil_mode)
    y, indices = largest(planes(x, spatial), [seen(*axis) for axis in axes])
    shape = (*x.shape[:-spatial], *y.shape[2:])

    def pullback(grad_output: Any) -> Any:
        users = [seeing(*axis) for axis in axes]
        return (routed(planes(grad_output, spatial), indices, users).reshape(*x.shape),)

    y = y.reshape(*shape)
    return ((y, indices.reshape(shape)), pullback) if return_indices else (y, pullback)


def avg_definition(
    spatial: int,
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
    axes = windows_of(x.shape[-spatial:], kernel_size, stride, padding, 1, ceil_mode)
    count = np.array(divisor_override, float)
    if divisor_override is None:
        count = counted(axes, count_include_pad)
    taps = tuple(range(3, 3 + 2 * spatial, 2))
    y = spread(planes(x, spatial), [seen(*axis) for axis in axes]).sum(taps) / count

    def pullback(grad_output: Any) -> Any:
        shares = planes(grad_output, spatial) / count
        grad = spread(shares, [seeing(*axis) for axis in axes]).sum(taps)
        return (grad.reshape(*x.shape),)

    return y.reshape(*x.shape[:-spatial], *y.shape[2:]), pullback


def counted(axes: Sequence[tuple[int, ...]], with_padding: bool) -> NDArray[Any]:
    """Return how many values each window counts."""
    counts = []
    for size, output, kernel, step, before, _ in axes:
        start = np.arange(output)[:, None] * step + np.arange(kernel)
        low, high = (0, size + 2 * before) if with_padding else (before, size + before)
        counts.append(((start >= low) & (start < high)).sum(1))
    return np.asarray(functools.reduce(np.multiply.outer, counts), float)


def avg1d_definition(
    x: Any,
    *,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Any:
    """Return the means of windows along one axis, for which no divisor can be given."""
    options = {"ceil_mode": ceil_mode, "count_include_pad": count_include_pad}
    return avg_definition(1, x, kernel_size=kernel_size, stride=stride, padding=padding, **options)


def lead(draw: Draw) -> tuple[int, ...]:
    """Draw the axes before the spatial ones: mostly N and C, sometimes C alone."""
    n, channels = batch(draw), draw.size(1, 3)
    return (channels,) if not draw.limits and draw.chance(1, 10) else (n, channels)


def drawn(
    draw: Draw, spatial: int, pooling: bool = True
) -> tuple[dict[str, Spec | None], dict[str, Any], list[Axis]]:
    """Draw an input, the hyperparameters that all poolings have, and the windows."""
    axes = window_axes(draw, spatial, pooling)
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
    return {"x": Spec((*lead(draw), *(axis.size for axis in axes)))}, hyper, axes


def max_strategy(spatial: int, draw: Draw) -> Case:
    """Draw a max-pooling; half of the values are ties, negative or not finite."""
    image, hyper, axes = drawn(draw, spatial)
    hyper["dilation"] = per_axis(draw, "dilation", axes)
    hyper["return_indices"] = draw.parameter("return_indices", lambda: draw.chance(1, 2))
    families = ("zero-mean", "ties", "negative", "nan", "infinite", "wide", "zeros", "large")
    return finished(draw, image, hyper, families)


def avg_strategy(spatial: int, draw: Draw) -> Case:
    """Draw an average pooling."""
    draw.limits.setdefault("dilation", 1)
    image, hyper, _ = drawn(draw, spatial)
    hyper["count_include_pad"] = draw.parameter("count_include_pad", lambda: not draw.chance(1, 2))
    if spatial > 1:
        hyper["divisor_override"] = draw.parameter(
            "divisor_override", lambda: draw.choice((None, None, None, 1, 3, 8))
        )
    families = ("zero-mean", "non-negative", "wide", "ties", "zeros", "nan", "infinite")
    return finished(draw, image, hyper, families)


def indexed(hyper: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names of the outputs of a pooling that may return indices."""
    return ("output", "indices") if hyper.get("return_indices") else ("output",)


# Of each of three axes a pinned pooling has the last ones, so that none is like another.
SIZES, IMAGE = (4, 5, 7), (2, 3)


def pinned(spatial: int, **more: Any) -> tuple[Case, ...]:
    """Return cases of all kinds of windows."""

    def last(*values: int) -> Any:
        return values[-spatial:] if spatial > 1 else values[-1]

    image = {"x": Spec((*IMAGE, *SIZES[-spatial:]))}
    table = (
        (last(1, 3, 2), last(1, 2, 1), last(0, 1, 0), False, "zero-mean"),
        (last(2, 3, 2), last(1, 2, 1), last(1, 1, 0), False, "ties"),
        (2, None, 0, False, "non-negative"),
        (last(3, 2, 3), last(2, 2, 3), last(0, 1, 1), True, "negative"),
        (last(2, 3, 2), last(2, 3, 2), 1, True, "nan"),
        # A last window that is cut off along every axis, and counts.
        (last(3, 2, 3), None, 0, True, "zero-mean"),
    )
    names = ("kernel_size", "stride", "padding", "ceil_mode")
    return tuple(
        Case(image, {**dict(zip(names, hyper, strict=True)), **more}, seed, family)
        for seed, (*hyper, family) in enumerate(table, 1)
    )


def all_alike(spatial: int, number: float, **hyper: Any) -> Case:
    """Return a case whose windows see nothing but one number, such as -inf or NaN."""
    shape = (1, 2, *(2, 2, 4)[-spatial:])
    return Case({"x": Spec(shape)}, hyper, values={"x": np.full(shape, number)})


def invalid(spatial: int, *more: tuple[str, Any]) -> tuple[Invalid, ...]:
    """Return calls that every pooling must refuse."""
    x = np.zeros((*IMAGE, *(5, 6, 7)[:spatial]))
    two = {"kernel_size": 2}
    large = (8, *(2,) * (spatial - 1)) if spatial > 1 else 8
    return (
        Invalid("x has too few axes", (x[(0,) * 2],), two),
        Invalid("a kernel of 0", (x,), {"kernel_size": 0}),
        Invalid("a kernel larger than the input", (x,), {"kernel_size": large}),
        Invalid("a negative stride", (x,), {**two, "stride": -1}),
        Invalid("an array of objects", (x.astype(object),), two),
        *(Invalid(f"{name} of {value}", (x,), {**two, name: value}) for name, value in more),
    )


def _max_record(spatial: int) -> Operation:
    dilated = Case(
        {"x": Spec((2, 2, 6, 7, 6)[: 2 + spatial])},
        {
            "kernel_size": (2, 3, 2)[-spatial:],
            "stride": (1, 2, 3)[-spatial:],
            "padding": (0, 1, 1)[-spatial:],
            "dilation": (2, 1, 3)[-spatial:],
            "ceil_mode": True,
            "return_indices": False,
        },
        6,
        "infinite",
    )
    alike = [
        all_alike(spatial, number, kernel_size=2, return_indices=True)
        for number in (-np.inf, np.nan)
    ]
    return Operation(
        name=f"max_pool{spatial}d",
        arrays=("x",),
        defaults={
            "kernel_size": REQUIRED,
            "stride": None,
            "padding": 0,
            "dilation": 1,
            "ceil_mode": False,
            "return_indices": False,
        },
        strategy=partial(max_strategy, spatial),
        definition=partial(max_definition, spatial),
        differentiable=("x",),
        outputs=indexed,
        exact_scale=1,
        conventions="Of equal values the first in row-major order counts and takes the gradient; "
        "NaN beats every number, and the last NaN of a window beats the others. Padding never "
        "wins; a dilated window that sees nothing else is -inf with index -1."
        " (PyTorch writes outside its memory there, so it is not asked.)"
        " In ceil mode a last window must start inside the input or its left padding.",
        pinned=(*pinned(spatial, dilation=1, return_indices=True), dilated, *alike),
        invalid=invalid(spatial, ("padding", -1), ("padding", 2), ("dilation", 0)),
    )


def _avg_record(spatial: int) -> Operation:
    override = {"divisor_override": None} if spatial > 1 else {}
    return Operation(
        name=f"avg_pool{spatial}d",
        arrays=("x",),
        defaults={
            "kernel_size": REQUIRED,
            "stride": None,
            "padding": 0,
            "ceil_mode": False,
            "count_include_pad": True,
            **override,
        },
        strategy=partial(avg_strategy, spatial),
        definition=partial(avg_definition, spatial) if override else avg1d_definition,
        differentiable=("x",),
        # A multiple of every possible divisor, so that the quotients are integers too.
        exact_scale=12**spatial,
        conventions="The padding counts in the divisor by default; what overhangs it in ceil mode "
        "never does.",
        pinned=pinned(spatial, count_include_pad=False, **override)
        + pinned(spatial, count_include_pad=True, **override),
        invalid=invalid(
            spatial, ("padding", -1), ("padding", 2), *((name, 0) for name in override)
        ),
    )


OPERATIONS = (
    *(_max_record(spatial) for spatial in (1, 2, 3)),
    *(_avg_record(spatial) for spatial in (1, 2, 3)),
)
