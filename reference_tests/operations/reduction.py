"""What the records of losses share: reductions, broadcasting, targets, and kinks met exactly."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from reference_tests.case import Array, Case
from reference_tests.draw import Draw
from reference_tests.tolerance import Bounded, plain, rearranged, uncertainty


def reduced(losses: Any, reduction: str, count: Any) -> Any:
    """Return losses as they are, their sum, or their sum over a count."""
    if reduction == "none":
        return losses
    return losses.sum() if reduction == "sum" else losses.sum() / count


def per_loss(g: Any, reduction: str, count: Any) -> Any:
    """Return the gradient of each loss."""
    return g if reduction in ("none", "sum") else g / count


def spread(x: Any, shape: tuple[int, ...]) -> Any:
    """Return `x` broadcast to a shape."""
    return rearranged(x, lambda array: np.broadcast_to(array, shape))


def gathered(x: Any, shape: tuple[int, ...]) -> Any:
    """Return the sums of `x` over the axes along which an array of `shape` was broadcast."""
    lead = x.ndim - len(shape)
    axes = [a for a in range(x.ndim) if a < lead or shape[a - lead] != x.shape[a]]
    return x.sum(tuple(axes)).reshape(shape) if axes else x


def real_like(x: Any, target: Array) -> Any:
    """Return a target of integers as numbers of the kind of `x`; one of floats as it is."""
    if isinstance(target, Bounded) or target.dtype.kind == "f":
        return target
    return x._lift(target) if isinstance(x, Bounded) else target.astype(np.float64)


def settled(result: Any, *parts: Any) -> Any:
    """Return what a few sums and products make of `parts`, without its error where that is 0.

    Small multiples of 1/8 are added and multiplied without rounding, so that a kink among them
    is met exactly.
    """
    if not isinstance(result, Bounded):
        return result
    exact = np.ones((), bool)
    for part in parts:
        number = plain(part)
        exact = exact & (number * 8 == np.rint(number * 8)) & (np.abs(number) < 2**10)
        exact = exact & (uncertainty(part) == 0)
    return Bounded(result.value, np.where(exact, 0.0, result.error), result.format)


def broadcasting(draw: Draw, shape: tuple[int, ...], drop: bool = True) -> tuple[int, ...]:
    """Draw a shape that broadcasts to `shape`: in most cases the same."""
    if not draw.chance(1, 4):
        return shape
    first = draw.integer(0, len(shape)) if drop and draw.chance(1, 2) else 0
    return tuple(1 if draw.chance(1, 2) else size for size in shape[first:])


def with_values(
    case: Case, **fill: Callable[[np.random.Generator, tuple[int, ...]], Array]
) -> Case:
    """Return the case with arrays of its shapes that `fill` makes from its seed."""
    values = {}
    for place, (name, make) in enumerate(fill.items()):
        spec = case.arrays[name]
        assert spec is not None
        values[name] = make(np.random.default_rng([case.seed, 7, place]), spec.shape)
    return replace(case, values=values)


def signs(whole: bool) -> Callable[[np.random.Generator, tuple[int, ...]], Array]:
    """Return what makes arrays of 1 and -1, of integers or of floats."""
    kind = np.int64 if whole else np.float64
    return lambda rng, shape: np.asarray(rng.choice((-1, 1), shape), kind)


def size_of(*arrays: Any) -> tuple[tuple[int, ...], float]:
    """Return the shape to which arrays broadcast, and its number of elements."""
    shape = np.broadcast_shapes(*(array.shape for array in arrays))
    return shape, float(math.prod(shape))


def call_last_by_name(function: Callable[..., Any], arrays: Any, hyper: Any) -> Any:
    """Call with the last array by its name: in PyTorch it stands behind other parameters."""
    *given, last = arrays.values()
    while given and given[-1] is None:
        given.pop()
    named = {} if last is None else {list(arrays)[-1]: last}
    return function(*given, **named, **hyper)


def write_last_by_name(arrays: Any, hyper: Any) -> str:
    """Return the text of that call."""
    *names, last = arrays
    while names and arrays[names[-1]] is None:
        names.pop()
    named = [] if arrays[last] is None else [f"{last}={last}"]
    options = [f"{name}={value!r}" for name, value in hyper.items()]
    return f"function({', '.join([*names, *named, *options])})"
