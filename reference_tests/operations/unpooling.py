"""The records of max-unpooling: one definition for all dimensions."""

from __future__ import annotations

import math
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from reference_tests.case import Case, Spec
from reference_tests.draw import Draw
from reference_tests.operation import REQUIRED, Invalid, Operation
from reference_tests.operations.pooling import lead
from reference_tests.operations.windows import each
from reference_tests.strategies import finished, per_axis, unlike
from reference_tests.tolerance import rearranged, where


def definition(
    spatial: int,
    x: Any,
    indices: NDArray[Any],
    *,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    output_size: Any = None,
) -> Any:
    """Return zeros with the values at their indices, of equal indices the last."""
    before, size = x.shape[:-spatial], x.shape[-spatial:]
    kernel, edges = each(kernel_size, spatial), each(padding, spatial)
    steps = kernel if stride is None else each(stride, spatial)
    axes = zip(size, kernel, steps, edges, strict=True)
    output = [(n - 1) * s - 2 * p + k for n, k, s, p in axes]
    if output_size is not None:
        output = output_size[-spatial:]
    rows, values, places = math.prod(before), math.prod(size), math.prod(output)
    goes = indices.reshape(rows, values)
    comes = np.full((rows, places), -1)
    for row, number in np.ndindex(rows, values):
        comes[row, goes[row, number]] = number
    flat = x.reshape(rows, values)
    moved = rearranged(flat, lambda a: np.take_along_axis(a, np.maximum(comes, 0), 1))

    def pullback(grad_output: Any) -> Any:
        grads = grad_output.reshape(rows, places)
        grad = rearranged(grads, lambda array: np.take_along_axis(array, goes, 1))
        return grad.reshape(*x.shape), None

    return where(comes >= 0, moved, 0.0).reshape(*before, *output), pullback


class Axis(NamedTuple):
    """The values along one axis, how they are spread, and the size of the result."""

    size: int
    kernel: int
    stride: int
    padding: int
    usual: int
    output: int


def _axis(draw: Draw, place: int, other: Axis | None, most: int) -> Axis:
    """Draw one axis, unlike another, on which every value has a place of its own."""
    before = None if other is None else other.kernel
    kernel = draw.parameter("kernel_size", lambda: unlike(draw, 1, most + 1, before), place)
    size = unlike(draw, 1, most, None if other is None else other.size)
    stride = kernel
    if draw.limits.get("stride", 0) is not None:
        stride = draw.parameter("stride", lambda: draw.integer(1, most), place)
    usual = (size - 1) * stride + kernel
    room = min(kernel // 2, (usual - size) // 2)
    padding = draw.parameter("padding", lambda: draw.integer(0, room), place)
    usual -= 2 * padding
    output = draw.integer(max(usual - stride + 1, size), usual + stride - 1)
    return Axis(size, kernel, stride, padding, usual, output)


def strategy(spatial: int, draw: Draw) -> Case:
    """Draw an unpooling whose indices are all different."""
    before = lead(draw)
    axes: list[Axis] = []
    for place in range(spatial):
        other = axes[-1] if axes else None
        axes.append(_axis(draw, place, other, 2 if spatial > 2 else 3))
    output = tuple(axis.output for axis in axes)
    # A size may have N and C before it, where there are both.
    sizes = (None, output, (*before, *output) if len(before) == 2 else output)
    wanted = draw.parameter("output_size", lambda: draw.choice(sizes))
    whole = all(axis.stride == axis.kernel for axis in axes)
    hyper = {
        "kernel_size": per_axis(draw, "kernel_size", axes),
        "stride": None if whole and draw.chance(1, 2) else per_axis(draw, "stride", axes),
        "padding": per_axis(draw, "padding", axes),
        "output_size": wanted,
    }
    shape = (*before, *(axis.size for axis in axes))
    result = output if wanted else (axis.usual for axis in axes)
    places = Spec(shape, "label", math.prod(result), distinct=spatial)
    families = ("zero-mean", "ties", "wide", "zeros", "nan", "infinite", "subnormal")
    return finished(draw, {"x": Spec(shape), "indices": places}, hyper, families)


def _pinned(spatial: int) -> tuple[Case, ...]:
    size, kernel, stride = (2, 3, 2)[-spatial:], (1, 3, 2)[-spatial:], (2, 1, 3)[-spatial:]
    usual = [(n - 1) * s + k for n, s, k in zip(size, stride, kernel, strict=True)]
    shape = (2, 3, *size)
    places = Spec(shape, "label", math.prod(usual), distinct=spatial)
    repeated = Spec(shape, "label", 3)
    hyper = {"kernel_size": kernel, "stride": stride, "padding": 0, "output_size": None}
    return (
        Case({"x": Spec(shape), "indices": places}, hyper, 1),
        Case({"x": Spec(shape), "indices": repeated}, hyper, 2),
        Case({"x": Spec(shape), "indices": repeated}, hyper, 3, "nan"),
        Case(
            {"x": Spec(shape), "indices": places},
            {**hyper, "output_size": (*usual[:-1], usual[-1] + 1)},
            4,
        ),
    )


def _record(spatial: int) -> Operation:
    x = np.zeros((2, 3, *(2, 3, 4)[:spatial]))
    at, two = np.zeros(x.shape, np.int64), {"kernel_size": 2}
    return Operation(
        name=f"max_unpool{spatial}d",
        arrays=("x", "indices"),
        defaults={"kernel_size": REQUIRED, "stride": None, "padding": 0, "output_size": None},
        strategy=partial(strategy, spatial),
        definition=partial(definition, spatial),
        differentiable=("x",),
        exact_scale=1,
        conventions="Of values with one index the last in row-major order counts; the gradient "
        "goes to each of them, which is PyTorch's rule and no derivative.",
        pinned=_pinned(spatial),
        invalid=(
            Invalid("x has too few axes", (x[0, 0], at[0, 0]), two),
            Invalid("indices of another shape", (x, at[..., 1:]), two),
            Invalid("an index of -1", (x, at - 1), two),
            Invalid("an index after the last", (x, at + 10**4), two),
            Invalid("too large an output", (x, at), {**two, "output_size": (40,) * spatial}),
            Invalid("too many sizes", (x, at), {**two, "output_size": (4,) * (spatial + 3)}),
            Invalid("an array of objects", (x.astype(object), at), two),
        ),
    )


OPERATIONS = tuple(_record(spatial) for spatial in (1, 2, 3))
