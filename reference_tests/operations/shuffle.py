"""The records of pixel_shuffle, pixel_unshuffle and channel_shuffle."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from reference_tests.case import Case, Spec
from reference_tests.draw import Draw
from reference_tests.operation import REQUIRED, Invalid, Operation
from reference_tests.operations.windows import Table
from reference_tests.strategies import batch, finished
from reference_tests.tolerance import gather

FAMILIES = ("zero-mean", "nan", "infinite", "zeros", "ties")


def _moved(x: Any, shape: tuple[int, ...], source: Table) -> Any:
    """Return `x` with flat places along its last axes exchanged, and the pullback."""
    lead = x.shape[: x.ndim - len(shape)]
    return gather(x.reshape(math.prod(lead), source.size), 1, source).reshape(*lead, *shape)


def _pixels(channels: int, height: int, width: int, r: int) -> Table:
    """Return where in (C r², H, W) each value of (C, H r, W r) comes from, both flat."""
    c, row, column = np.indices((channels, height * r, width * r)).reshape(3, -1)
    channel = c * r * r + (row % r) * r + column % r
    return (channel * height + row // r) * width + column // r


def pixel_shuffle_definition(x: Any, *, upscale_factor: int) -> Any:
    """Return ``y[c, h r + i, w r + j] = x[c r² + i r + j, h, w]``."""
    r, (channels, height, width) = upscale_factor, x.shape[-3:]
    source = _pixels(channels // r**2, height, width, r)
    fine, coarse = (channels // r**2, height * r, width * r), (channels, height, width)
    y = _moved(x, fine, source)
    return y, lambda grad_output: (_moved(grad_output, coarse, np.argsort(source)),)


def pixel_unshuffle_definition(x: Any, *, downscale_factor: int) -> Any:
    """Return ``y[c r² + i r + j, h, w] = x[c, h r + i, w r + j]``."""
    r, (channels, height, width) = downscale_factor, x.shape[-3:]
    source = _pixels(channels, height // r, width // r, r)
    fine, coarse = (channels, height, width), (channels * r**2, height // r, width // r)
    y = _moved(x, coarse, np.argsort(source))
    return y, lambda grad_output: (_moved(grad_output, fine, source),)


def channel_shuffle_definition(x: Any, *, groups: int) -> Any:
    """Return ``y[:, k groups + g] = x[:, g K + k]``."""
    channels = x.shape[1]
    k, g = np.divmod(np.arange(channels), groups)
    source = g * (channels // groups) + k
    y = gather(x, 1, source)
    return y, lambda grad_output: (gather(grad_output, 1, np.argsort(source)),)


def _lead(draw: Draw) -> tuple[int, ...]:
    return draw.choice(((batch(draw),), (), (2, batch(draw))))


def _pixel_strategy(name: str, shuffles: bool) -> Any:
    def strategy(draw: Draw) -> Case:
        r = draw.parameter(name, lambda: draw.choice((2, 3, 2, 1)))
        channels, height, width = draw.integer(1, 2), draw.integer(1, 3), draw.integer(1, 3)
        if shuffles:
            sizes = (channels * r**2, height, width)
        else:
            sizes = (channels, height * r, width * r)
        return finished(draw, {"x": Spec((*_lead(draw), *sizes))}, {name: r}, FAMILIES)

    return strategy


def channel_strategy(draw: Draw) -> Case:
    """Draw groups of one to three channels, with one to three axes behind them."""
    groups = draw.parameter("groups", lambda: draw.integer(1, 4))
    size = tuple(draw.integer(1, 3) for _ in range(draw.integer(1, 3)))
    shape = (batch(draw), groups * draw.integer(1, 3), *size)
    return finished(draw, {"x": Spec(shape)}, {"groups": groups}, FAMILIES)


_X = np.zeros((2, 6, 4, 3))


def _pixel_record(name: str, definition: Any, parameter: str, shapes: Any, *invalid: Any) -> Any:
    return Operation(
        name=name,
        arrays=("x",),
        defaults={parameter: REQUIRED},
        strategy=_pixel_strategy(parameter, name == "pixel_shuffle"),
        definition=definition,
        differentiable=("x",),
        exact_scale=1,
        conventions="The r² channels of one channel lie together, row of the block first.",
        pinned=tuple(
            Case({"x": Spec(shape)}, {parameter: 2 + seed % 2}, seed)
            for seed, shape in enumerate(shapes)
        ),
        invalid=(
            Invalid("x has 2 axes", (_X[0, 0],), {parameter: 1}),
            Invalid("a factor of 0", (_X,), {parameter: 0}),
            Invalid("a negative factor", (_X,), {parameter: -2}),
            *invalid,
        ),
    )


OPERATIONS = (
    _pixel_record(
        "pixel_shuffle",
        pixel_shuffle_definition,
        "upscale_factor",
        [(2, 8, 3, 2), (9, 1, 2)],
        Invalid("6 channels for 4 pixels", (_X,), {"upscale_factor": 2}),
    ),
    _pixel_record(
        "pixel_unshuffle",
        pixel_unshuffle_definition,
        "downscale_factor",
        [(2, 2, 4, 6), (2, 3, 6)],
        Invalid("a width of 3 in steps of 2", (_X,), {"downscale_factor": 2}),
        Invalid("a height of 4 in steps of 3", (_X,), {"downscale_factor": 3}),
    ),
    Operation(
        name="channel_shuffle",
        arrays=("x",),
        defaults={"groups": REQUIRED},
        strategy=channel_strategy,
        definition=channel_shuffle_definition,
        differentiable=("x",),
        exact_scale=1,
        conventions="The channels of a group lie together in x, and are dealt out in y.",
        pinned=(
            Case({"x": Spec((2, 6, 3))}, {"groups": 2}, 1),
            Case({"x": Spec((2, 6, 2, 3))}, {"groups": 3}, 2),
        ),
        invalid=(
            Invalid("x has 2 axes", (_X[0, 0],), {"groups": 1}),
            Invalid("6 channels in 4 groups", (_X,), {"groups": 4}),
            Invalid("no groups", (_X,), {"groups": 0}),
        ),
    ),
)
