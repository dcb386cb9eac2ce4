"""The record of pad."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from reference_tests.case import Case, Spec
from reference_tests.draw import Draw
from reference_tests.operation import REQUIRED, Invalid, Operation
from reference_tests.operations.windows import Table
from reference_tests.strategies import batch, finished, shape
from reference_tests.tolerance import gather


def positions(mode: str, size: int, before: int, after: int) -> Table:
    """Return which position of an axis each position of the padded one shows, -1 for a constant."""
    place = np.arange(size + before + after) - before
    if mode == "constant":
        return np.where((place >= 0) & (place < size), place, -1)
    if mode == "reflect":
        there_and_back = np.concatenate([np.arange(size), np.arange(1, size - 1)[::-1]])
        return there_and_back[place % len(there_and_back)]
    if mode == "replicate":
        return np.minimum(np.maximum(place, 0), size - 1)
    ring = np.arange(size)[max(-before, 0) : size - max(-after, 0)]
    return ring[(place - max(-before, 0)) % max(len(ring), 1)]


def shown_by(table: Table, size: int) -> Table:
    """Return the rows of a table of positions that show each position, -1 where no more do."""
    places = [np.nonzero(table == position)[0] for position in range(size)]
    most = max(map(len, places), default=0)
    filled = [np.pad(each, (0, most - len(each)), constant_values=-1) for each in places]
    return np.reshape(filled, (size, most)).astype(np.intp)


def pad_definition(x: Any, *, pad: Any, mode: str = "constant", value: float = 0.0) -> Any:
    """Return `x` seen through one table of positions per axis, `value` outside."""
    pairs = list(zip(pad[::2], pad[1::2], strict=True))[::-1]
    tables = {
        axis: (positions(mode, x.shape[axis], *edges), x.shape[axis])
        for axis, edges in enumerate(pairs, x.ndim - len(pairs))
    }
    y = x
    for axis, (table, _) in tables.items():
        y = gather(y, axis, table, value)

    def pullback(grad_output: Any) -> Any:
        for axis, (table, size) in tables.items():
            grad_output = gather(grad_output, axis, shown_by(table, size)).sum(axis + 1)
        return (grad_output,)

    return y, pullback


def _edges(draw: Draw, mode: str, size: int, most: int) -> tuple[int, int]:
    """Draw the widths of one axis."""
    # What is left of the axis is never empty, unless it was.
    before = -draw.integer(0, min(max(size - 1, 0), 2)) if draw.chance(1, 3) else 0
    after = -draw.integer(0, min(max(size + before - 1, 0), 2)) if draw.chance(1, 3) else 0
    # A ring is padded by no more than cropping has left.
    room = {"reflect": size - 1, "circular": size + before + after}.get(mode, most)
    before = before or draw.integer(0, min(room, most))
    return before, after or draw.integer(0, min(room, most))


def pad_strategy(draw: Draw) -> Case:
    """Draw a shape and widths that pad or crop, or pad at one edge and crop at the other."""
    modes = ("constant", "reflect", "replicate", "circular")
    mode = draw.parameter("mode", lambda: draw.choice(modes))
    if mode == "constant":
        sizes = shape(draw, least=1, most=4, high=4)
        spatial = draw.integer(1, len(sizes))
    else:
        spatial = draw.integer(1, 3)
        lead = (batch(draw),) if draw.chance(3, 4) else ()
        size = tuple(draw.integer(1, 5 - spatial // 2) for _ in range(spatial))
        sizes = (*lead, draw.size(1, 2), *size)
    most = 4 - spatial if spatial < 4 else 1
    widths = [width for size in sizes[::-1][:spatial] for width in _edges(draw, mode, size, most)]
    values = (0.0, 0.0, 1.5, -2.0, math.inf) if mode == "constant" else (0.0,)
    hyper = {
        "pad": draw.parameter("pad", lambda: tuple(widths)),
        "mode": mode,
        "value": draw.parameter("value", lambda: draw.choice(values)),
    }
    return finished(draw, {"x": Spec(sizes)}, hyper, ("zero-mean", "nan", "infinite", "zeros"))


_X = np.zeros((2, 3, 4))

OPERATIONS = (
    Operation(
        name="pad",
        arrays=("x",),
        defaults={"pad": REQUIRED, "mode": "constant", "value": 0.0},
        strategy=pad_strategy,
        definition=pad_definition,
        differentiable=("x",),
        exact_scale=1,
        conventions="Widths start at the last axis; a negative one crops. A reflection does not "
        "repeat the outermost value. Reflections and replicas are those of the whole axis, also "
        "where the value itself is cropped; a ring is what cropping has left, and no width is "
        "larger. (PyTorch returns memory that it has not written, or a wrong gradient, for larger "
        "ones, so it is not asked.)",
        pinned=(
            Case({"x": Spec((2, 3, 4))}, {"pad": (1, 2, 0, 3), "value": 1.5}, 1),
            Case({"x": Spec((2, 3, 4))}, {"pad": (-1, 2, 3, -1)}, 2),
            *(
                Case({"x": Spec((2, 2, 3, 4))}, {"pad": (1, 2, 0, 2), "mode": mode}, seed)
                for seed, mode in enumerate(("reflect", "replicate", "circular"), 3)
            ),
            *(
                Case({"x": Spec((2, 5))}, {"pad": (-2, 3), "mode": mode}, seed)
                for seed, mode in enumerate(("reflect", "replicate", "circular"), 6)
            ),
        ),
        invalid=(
            Invalid("an odd number of widths", (_X,), {"pad": (1, 2, 3)}),
            Invalid("more widths than axes", (_X,), {"pad": (1,) * 8}),
            Invalid("more cropped than there is", (_X,), {"pad": (-3, -2)}),
            Invalid("an unknown mode", (_X,), {"pad": (1, 1), "mode": "mirror"}),
            Invalid("a reflection of the whole axis", (_X,), {"pad": (4, 0), "mode": "reflect"}),
            Invalid("more than the ring has", (_X,), {"pad": (0, 5), "mode": "circular"}),
            Invalid("nothing left to replicate", (_X,), {"pad": (-3, -1), "mode": "replicate"}),
            Invalid("a ring along a batch", (_X,), {"pad": (1,) * 6, "mode": "circular"}),
            Invalid(
                "a replica of 6 axes",
                (_X[None, None, None],),
                {"pad": (1,) * 8, "mode": "replicate"},
            ),
            Invalid(
                "a value in another mode", (_X,), {"pad": (1, 1), "mode": "reflect", "value": 2.0}
            ),
        ),
    ),
)
