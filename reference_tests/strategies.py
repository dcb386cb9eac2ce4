"""Shapes and parameters that are valid by construction and asymmetric by default."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from reference_tests.case import LAYOUTS, Case, Spec
from reference_tests.draw import Draw


class Axis(NamedTuple):
    """The windows along one axis."""

    size: int
    kernel: int
    stride: int
    padding: int
    dilation: int
    output: int


def finished(
    draw: Draw,
    arrays: Mapping[str, Spec | None],
    hyper: Mapping[str, Any],
    families: Sequence[str],
) -> Case:
    """Return a case with its values, layout and cotangent drawn."""
    family = draw.choice(families) if draw.chance(1, 2) else families[0]
    layout = draw.choice(LAYOUTS)
    sparse = draw.chance(1, 6)
    seed = draw.integer(0, 2**31 - 1)
    return Case(arrays, hyper, seed, family, layout, sparse, tuple(draw.made))


def unlike(draw: Draw, low: int, high: int, other: int | None) -> int:
    """Return an integer from `low` to `high`, with probability 3/4 different from `other`."""
    if other is None or not low <= other <= high or low == high or not draw.chance(3, 4):
        return draw.integer(low, high)
    number = draw.integer(low, high - 1)
    return number + (number >= other)


def window_axis(
    draw: Draw, place: int, other: Axis | None, pooling: bool, dilated: bool = True, most: int = 4
) -> Axis:
    """Draw the windows of one axis, working back from the output so that nothing is rejected.

    There are at most so many windows and taps.
    """

    def pick(name: str, low: int, high: int) -> int:
        field = name.removesuffix("_size")
        value = None if other is None else getattr(other, field)
        return draw.parameter(name, lambda: unlike(draw, low, high, value), place)

    output = draw.size(1, most, 4 * most)
    kernel = pick("kernel_size", 1, most)
    stride = kernel if draw.limits.get("stride", 0) is None else pick("stride", 1, 3)
    dilation = pick("dilation", 1, 2 if dilated else 1)
    reach = (kernel - 1) * dilation + 1
    # Windows that leave a remainder (slack > 0) are as common as those that tile the axis.
    slack = draw.integer(0, stride - 1)
    padded = (output - 1) * stride + reach + slack
    room = kernel // 2 if pooling else reach + 1
    named = isinstance(draw.limits.get("padding"), str)
    padding = 0 if named else pick("padding", 0, min(room, (padded - 1) // 2))
    size = padded - 2 * padding
    if size < 1:
        # Only a limit can ask for more padding than the axis has room for.
        output += -((size - 1) // stride)
        size += -((size - 1) // stride) * stride
    if other is not None and size == other.size and draw.chance(3, 4):
        output, size = output + 1, size + stride
    return Axis(size, kernel, stride, padding, dilation, output)


def window_axes(draw: Draw, axes: int = 2, pooling: bool = False) -> list[Axis]:
    """Draw the windows of all axes, each unlike the one before it."""
    result: list[Axis] = []
    # Left to the axes, almost every case would be dilated along one of them.
    dilated = draw.chance(1, 2)
    for place in range(axes):
        before = result[-1] if result else None
        # Three axes multiply to large arrays, unless each of them is short.
        most = 2 if axes > 2 else 4
        result.append(window_axis(draw, place, before, pooling, dilated, most))
    return result


def per_axis(draw: Draw, name: str, axes: Sequence[tuple[int, ...]]) -> Any:
    """Return one hyperparameter as a tuple or, where all axes agree, sometimes as an int."""
    if name in draw.limits:
        return draw.limits[name]
    values = tuple(getattr(axis, name.removesuffix("_size")) for axis in axes)
    return values[0] if len(set(values)) == 1 and draw.chance(1, 2) else values


def shape(draw: Draw, least: int = 1, most: int = 4, high: int = 5) -> tuple[int, ...]:
    """Draw a shape with `least` to `most` axes, rarely one of them empty."""
    axes = draw.integer(least, most)
    sizes = [draw.size(1, high) for _ in range(axes)]
    if axes and draw.chance(1, 24):
        sizes[0] = 0
    return tuple(sizes)


def batch(draw: Draw) -> int:
    """Draw a batch size: mostly 2 or 3, sometimes 1, rarely 0 or many."""
    return draw.choice((2, 3, 2, 3, 2, 3, 1, 2, 3, 2, 3, 0, 2, 3, 1, 2, 3, 17))


def optional(draw: Draw, name: str, drawn: Callable[[], Spec]) -> Spec | None:
    """Draw an optional array, present in two of three cases, if the subject takes it."""
    if name in draw.limits:
        return None
    return drawn() if draw.chance(2, 3) else None


def reduction(draw: Draw) -> str:
    """Draw how a loss is reduced."""
    return draw.parameter("reduction", lambda: draw.choice(("mean", "sum", "none")))
