"""The records of adaptive pooling: one definition of each for all dimensions."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from reference_tests.case import Case, Spec
from reference_tests.draw import Draw
from reference_tests.operation import REQUIRED, Invalid, Operation
from reference_tests.operations.pooling import (
    all_alike,
    indexed,
    largest,
    lead,
    planes,
    routed,
)
from reference_tests.operations.windows import Table, spread
from reference_tests.strategies import finished, unlike

# The largest window along an axis, and what all numbers up to it divide.
LONGEST, DIVISIBLE = 4, 12


def spans(size: int, output: int) -> list[range]:
    """Return the positions of each window: from floor(i * n / m) to ceil((i + 1) * n / m)."""
    return [
        range(math.floor(i * size / output), math.ceil((i + 1) * size / output))
        for i in range(output)
    ]


def table(rows: list[list[int]]) -> Table:
    """Return lists of positions as an array, filled up with -1."""
    longest = max(map(len, rows))
    return np.array([[*row, *[-1] * (longest - len(row))] for row in rows])


def tables(size: tuple[int, ...], output_size: Any) -> tuple[list[Table], list[Table]]:
    """Return for each axis what each window sees, and which windows see each position."""
    whole = output_size if isinstance(output_size, tuple) else (output_size,) * len(size)
    seen, users = [], []
    for n, m in zip(size, whole, strict=True):
        windows = spans(n, n if m is None else m)
        seen.append(table([list(window) for window in windows]))
        users.append(table([[i for i, w in enumerate(windows) if j in w] for j in range(n)]))
    return seen, users


def divided(sums: Any, seen: list[Table]) -> Any:
    """Return sums over how many positions their windows see, axis by axis as PyTorch divides."""
    for axis, each in enumerate(seen):
        counts = (each >= 0).sum(1).astype(float)
        sums = sums / counts.reshape(-1, *(1,) * (len(seen) - 1 - axis))
    return sums


def avg_definition(spatial: int, x: Any, *, output_size: Any) -> Any:
    """Return the mean of each window."""
    seen, users = tables(x.shape[-spatial:], output_size)
    taps = tuple(range(3, 3 + 2 * spatial, 2))
    y = divided(spread(planes(x, spatial), seen).sum(taps), seen)

    def pullback(grad_output: Any) -> Any:
        grad = spread(divided(planes(grad_output, spatial), seen), users).sum(taps)
        return (grad.reshape(*x.shape),)

    return y.reshape(*x.shape[:-spatial], *y.shape[2:]), pullback


def max_definition(spatial: int, x: Any, *, output_size: Any, return_indices: bool = False) -> Any:
    """Return the largest value of each window."""
    seen, users = tables(x.shape[-spatial:], output_size)
    y, indices = largest(planes(x, spatial), seen)
    shape = (*x.shape[:-spatial], *y.shape[2:])

    def pullback(grad_output: Any) -> Any:
        return (routed(planes(grad_output, spatial), indices, users).reshape(*x.shape),)

    y = y.reshape(*shape)
    return ((y, indices.reshape(shape)), pullback) if return_indices else (y, pullback)


def longest(size: int, output: int) -> int:
    """Return the length of the longest window."""
    return max(map(len, spans(size, output)))


def drawn(draw: Draw, spatial: int) -> tuple[dict[str, Spec | None], dict[str, Any]]:
    """Draw an input and the size of its output, which may divide it, or not, or exceed it."""
    before, most = lead(draw), 3 if spatial > 2 else 5
    size: list[int] = []
    output: list[int] = []
    for _ in range(spatial):
        output.append(unlike(draw, 1, most, output[-1] if output else None))
        fitting = [n for n in range(1, 2 * most) if longest(n, output[-1]) <= LONGEST]
        size.append(draw.choice(fitting))
    wanted = tuple(
        None if n == m and draw.chance(1, 2) else m for n, m in zip(size, output, strict=True)
    )
    if draw.chance(1, 4):
        place = draw.integer(0, spatial - 1)
        wanted = (*wanted[:place], None, *wanted[place + 1 :])
    single = wanted[0] is not None and len(set(wanted)) == 1 and draw.chance(1, 2)
    hyper = {"output_size": draw.parameter("output_size", lambda: wanted[0] if single else wanted)}
    return {"x": Spec((*before, *size))}, hyper


def avg_strategy(spatial: int, draw: Draw) -> Case:
    """Draw an adaptive average pooling."""
    families = ("zero-mean", "non-negative", "wide", "ties", "zeros", "nan", "infinite")
    return finished(draw, *drawn(draw, spatial), families)


def max_strategy(spatial: int, draw: Draw) -> Case:
    """Draw an adaptive max pooling; half of the values are ties, negative or not finite."""
    image, hyper = drawn(draw, spatial)
    hyper["return_indices"] = draw.parameter("return_indices", lambda: draw.chance(1, 2))
    families = ("zero-mean", "ties", "negative", "nan", "infinite", "wide", "zeros", "large")
    return finished(draw, image, hyper, families)


def _pinned(spatial: int, **more: Any) -> tuple[Case, ...]:
    def case(sizes: tuple[int, ...], output: Any, seed: int, family: str) -> Case:
        image = {"x": Spec((2, 3, *sizes[-spatial:]))}
        wanted = output[-spatial:] if isinstance(output, tuple) else output
        return Case(image, {"output_size": wanted, **more}, seed, family)

    return (
        case((4, 5, 7), (3, 2, 3), 1, "zero-mean"),
        case((4, 5, 7), (3, 2, 3), 2, "ties"),
        case((2, 3, 2), (3, 5, 3), 3, "nan"),
        case((2, 4, 6), (1, 2, 3), 4, "negative"),
        case((2, 3, 4), 1, 5, "zero-mean"),
        case((3, 4, 2), (None, 3, 2), 6, "infinite"),
    )


def _record(
    kind: str,
    spatial: int,
    definition: Callable[..., Any],
    strategy: Callable[..., Case],
    conventions: str,
    **more: Any,
) -> Operation:
    x = np.zeros((2, 3, *(3, 4, 5)[:spatial]))
    flags = {"return_indices": False} if kind == "max" else {}
    returned = dict.fromkeys(flags, True)
    alike = [
        all_alike(spatial, number, output_size=size, **returned)
        for number, size in ((-np.inf, 2), (np.nan, 1))
        if flags
    ]
    return Operation(
        name=f"adaptive_{kind}_pool{spatial}d",
        arrays=("x",),
        defaults={"output_size": REQUIRED, **flags},
        strategy=partial(strategy, spatial),
        definition=partial(definition, spatial),
        differentiable=("x",),
        conventions="Window i of m sees the positions from floor(i * n / m) to "
        "ceil((i + 1) * n / m). " + conventions,
        pinned=(*_pinned(spatial, **returned), *alike),
        invalid=(
            Invalid("x has too few axes", (x[0, 0],), {"output_size": 2}),
            Invalid("a negative size", (x,), {"output_size": -1}),
            Invalid("too many sizes", (x,), {"output_size": (2,) * (spatial + 1)}),
            Invalid("an empty axis", (x[..., :0],), {"output_size": 2}),
            Invalid("an array of objects", (x.astype(object),), {"output_size": 2}),
        ),
        **more,
    )


OPERATIONS = (
    *(
        _record(
            "avg",
            spatial,
            avg_definition,
            avg_strategy,
            "None keeps the size of the input.",
            exact_scale=DIVISIBLE**spatial,
        )
        for spatial in (1, 2, 3)
    ),
    *(
        _record(
            "max",
            spatial,
            max_definition,
            max_strategy,
            "Of equal values the first in row-major order counts and takes the gradient; NaN beats "
            "every number, and the last NaN of a window beats the others.",
            exact_scale=1,
            outputs=indexed,
        )
        for spatial in (1, 2, 3)
    ),
)
