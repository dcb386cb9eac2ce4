"""The record of the randomized rectifier, which is judged by its law and in evaluation."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from reference_tests.case import Case, Spec
from reference_tests.draw import Draw
from reference_tests.operation import Invalid, Operation
from reference_tests.operations.dropout import QUANTILE, SIZE, Verdict
from reference_tests.operations.elementwise import FAMILIES
from reference_tests.strategies import finished, shape
from reference_tests.tolerance import plain, where


def rrelu(
    x: Any,
    *,
    lower: float = 1 / 8,
    upper: float = 1 / 3,
    training: bool = False,
    rng: Any = None,
) -> Any:
    """Return `x`, times a slope unless it is positive; the slopes are random in training."""
    slope: Any = (lower + upper) / 2
    if training:
        slope = np.random.default_rng(rng).uniform(lower, upper, x.shape).astype(x.dtype)
    open = plain(x) > 0
    return where(open, x, x * slope), lambda g: (where(open, g, g * slope),)


def law(function: Callable[..., Any], dtype: DTypeLike, seed: int) -> Iterator[Verdict]:
    """Yield (output, check, what is wrong or None) for a randomized rectifier."""
    source = np.random.default_rng(seed)
    size = np.abs(source.standard_normal(SIZE)) + 0.5
    x = (size * source.choice([-1, 1], SIZE)).reshape(2, 3, -1).astype(dtype)
    grad_output = (np.abs(source.standard_normal(x.shape)) + 0.5).astype(dtype)
    for hyper in ({}, {"lower": -0.5, "upper": 2.0}, {"lower": 0.75, "upper": 0.75}):
        lower, upper = hyper.get("lower", 1 / 8), hyper.get("upper", 1 / 3)
        y, pullback = function(x, training=True, rng=seed, **hyper)
        y = np.asarray(y)
        right = (y.shape, y.dtype) == (x.shape, x.dtype)
        yield "output", "shape", None if right else f"{hyper}: has {y.shape} of {y.dtype}"
        if not right:
            return
        yield from _slopes_law(x, y, lower, upper)
        grad = _only(pullback(grad_output))
        # One division and two products are rounded.
        room = 4 * float(np.finfo(x.dtype).eps) * np.abs(grad_output * (y / x))
        same = bool((np.abs(grad - grad_output * (y / x)) <= room).all())
        yield "grad_input", "same slopes", None if same else f"{hyper}: the pullback has others"
        fixed = np.array_equal(grad, _only(pullback(grad_output)))
        yield "grad_input", "repeatability", None if fixed else f"{hyper}: two pullbacks differ"
        repeated = np.array_equal(function(x, training=True, rng=seed, **hyper)[0], y)
        yield "output", "seed", None if repeated else f"{hyper}: the same seed, other values"
        other = np.array_equal(function(x, training=True, rng=seed + 1, **hyper)[0], y)
        wrong = other and lower < upper
        yield "output", "seed", f"{hyper}: another seed, the same slopes" if wrong else None


def _slopes_law(x: Any, y: Any, lower: float, upper: float) -> Iterator[Verdict]:
    untouched = np.array_equal(y[x > 0], x[x > 0])
    yield "output", "positive part", None if untouched else "positive numbers are changed"
    # The bounds are rounded to the dtype, then the product, then this quotient.
    slopes = (y[x < 0] / x[x < 0]).astype(np.float64)
    room = 2 * float(np.finfo(x.dtype).eps) * max(abs(lower), abs(upper))
    beyond = (slopes < lower - room) | (slopes > upper + room)
    wrong = f"a slope is {slopes[beyond][0]}, not in [{lower}, {upper}]" if beyond.any() else None
    yield "output", "range", wrong
    if lower == upper:
        return
    # Uniform: so many in each tenth of the range, and in each tenth of the following ones.
    tenths = np.clip(((slopes - lower) / (upper - lower) * 10).astype(int), 0, 9)
    yield "output", "uniform", _uneven(np.bincount(tenths, minlength=10), "tenth of the range")
    pairs = tenths[: tenths.size // 2 * 2].reshape(-1, 2)
    together = np.bincount(pairs[:, 0] * 10 + pairs[:, 1], minlength=100)
    yield "output", "independence", _uneven(together, "pair of tenths")


def _uneven(counts: Any, cell: str) -> str | None:
    """Return which count lies outside of its binomial interval, if one does."""
    total, share = int(counts.sum()), 1 / counts.size
    # Of all cells together, a false alarm is as rare as 1e-7.
    spread = QUANTILE * math.sqrt(share * (1 - share) * total) + 1
    worst = int(np.argmax(np.abs(counts - share * total)))
    if abs(counts[worst] - share * total) <= spread:
        return None
    return f"{cell} {worst} has {counts[worst]} slopes, expected {share * total:.0f} ± {spread:.0f}"


def _only(result: Any) -> Any:
    return np.asarray(result[0] if isinstance(result, tuple) else result)


def _strategy(draw: Draw) -> Case:
    hyper = {
        "lower": draw.parameter("lower", lambda: draw.choice((1 / 8, 0.25, -0.5))),
        "upper": draw.parameter("upper", lambda: draw.choice((1 / 3, 0.75, 1.5))),
        "training": False,
    }
    return finished(draw, {"x": Spec(shape(draw), kinks=(0.0, -0.0))}, hyper, FAMILIES)


_X = -np.ones((2, 3))

OPERATIONS = (
    Operation(
        name="rrelu",
        arrays=("x",),
        defaults={"lower": 1 / 8, "upper": 1 / 3, "training": False, "rng": None},
        strategy=_strategy,
        definition=rrelu,
        differentiable=("x",),
        conventions="In evaluation every slope is the mean of the bounds, also that of the "
        "derivative at 0 and where x is NaN. In training judged by its law: positive numbers are "
        "untouched, the slopes are independent and uniform between the bounds, the pullback has "
        "the same slopes, a seed fixes the bits.",
        pinned=(
            Case({"x": Spec((3, 5))}, {"lower": 1 / 8, "upper": 1 / 3, "training": False}, 1),
            Case(
                {"x": Spec((3, 5), kinks=(0.0,))},
                {"lower": -0.5, "upper": 1.5, "training": False},
                2,
                "kinks",
            ),
        ),
        invalid=(
            Invalid("a lower bound above the upper", (_X,), {"lower": 0.5, "upper": 0.25}),
            Invalid("an array of objects", (_X.astype(object),)),
        ),
        law=law,
    ),
)
