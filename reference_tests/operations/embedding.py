"""The records of losses of embeddings."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import reduce
from typing import Any

import numpy as np

from reference_tests.case import Array, Case, Spec
from reference_tests.draw import Draw
from reference_tests.operation import Invalid, Operation
from reference_tests.operations.reduction import (
    broadcasting,
    gathered,
    per_loss,
    reduced,
    settled,
    signs,
    size_of,
    spread,
    with_values,
)
from reference_tests.strategies import batch, finished, reduction, shape
from reference_tests.tolerance import (
    Bounded,
    gated,
    maximum,
    minimum,
    plain,
    power,
    sqrt,
    uncertainty,
    where,
)

# PyTorch's constant is 1e-12 of single precision in double precision too.
EPSILON = float(np.float32(1e-12))


def hinge_embedding_loss(
    x: Any, target: Any, *, margin: float = 1.0, reduction: str = "mean"
) -> Any:
    """Return x for targets of 1, and ``max(0, margin - x)`` for -1."""
    shape, count = size_of(x, target)
    alike = plain(target) == 1
    lacking = settled(margin - x, margin, x)
    y = reduced(where(alike, x, maximum(lacking, 0.0)), reduction, count)

    def pullback(g: Any) -> Any:
        each = spread(per_loss(g, reduction, count), shape)
        apart = gated(lacking, plain(lacking) >= 0, -each)
        return gathered(where(alike, each, apart), x.shape), None

    return y, pullback


def cosine_embedding_loss(
    input1: Any, input2: Any, target: Any, *, margin: float = 0.0, reduction: str = "mean"
) -> Any:
    """Return ``1 - cos`` for targets of 1, and ``max(0, cos - margin)`` for -1."""
    rows = np.broadcast_shapes(input1.shape[:-1], input2.shape[:-1], target.shape)
    count = float(math.prod(rows))
    alike = plain(target) == 1
    squares = [(v * v).sum(-1, keepdims=True) + EPSILON for v in (input1, input2)]
    lengths = [sqrt(square) for square in squares]
    product = input1 * input2
    cosine = product.sum(-1, keepdims=True) / (lengths[0] * lengths[1])
    # Where all products are 0, so is the cosine, whatever is rounded.
    none = (plain(product) == 0).all(-1, keepdims=True)
    cosine = where(none, 0.0, cosine)
    flat = cosine[..., 0]
    excess = settled(flat - margin, flat, margin)
    y = reduced(where(alike, 1 - flat, maximum(excess, 0.0)), reduction, count)

    def pullback(g: Any) -> Any:
        each = spread(per_loss(g, reduction, count), rows)
        slope = where(alike, -each, gated(excess, plain(excess) >= 0, each))
        wide = slope.reshape((*rows, 1))
        grads = []
        for own, other, (a, b) in (
            (input1, input2, lengths),
            (input2, input1, lengths[::-1]),
        ):
            grad = wide * (other / (a * b) - cosine * own / (a * a))
            grads.append(gathered(grad, own.shape))
        return (*grads, None)

    return y, pullback


def _distance(a: Any, b: Any, p: float, eps: float) -> Any:
    """Return the p-norm of ``a - b + eps`` along the last axis, and its gradient for a factor."""
    difference = settled(a - b + eps, a, b, eps)
    size = abs(difference)
    positive, negative = plain(difference) > 0, plain(difference) < 0

    def signed(g: Any) -> Any:
        return gated(difference, positive, g) - gated(difference, negative, g)

    if p == np.inf:
        norm = reduce(maximum, _columns(size))
    elif p == 1:
        norm = settled(size.sum(-1), *_columns(size))
    elif p == 2:
        norm = sqrt((size * size).sum(-1))
    else:
        norm = power(power(size, p).sum(-1), 1 / p)
    zero = (plain(difference) == 0).all(-1)
    norm = where(zero & (uncertainty(difference) == 0).all(-1), 0.0, norm)

    def slope(g: Any) -> Any:
        wide = g[..., None]
        length = norm[..., None]
        if p == 1:
            return signed(spread(wide, size.shape))
        if p == np.inf:
            return _at_largest(size, length, signed(spread(wide, size.shape)))
        if p == 2:
            return where(plain(length) == 0, 0.0, wide * (difference / length))
        share = power(size / length, p - 1)
        return where(plain(size) == 0, 0.0, signed(wide * share))

    return norm, slope


def _columns(x: Any) -> list[Any]:
    return [x[..., place] for place in range(x.shape[-1])]


def _at_largest(size: Any, largest: Any, grad: Any) -> Any:
    """Return the gradient where a size is the largest, shared among equals."""
    best = plain(size) == plain(largest)
    result = where(best, grad / best.sum(-1, keepdims=True).astype(np.float64), 0.0)
    gap = plain(largest) - plain(size)
    rivals = ~best & (gap <= uncertainty(size) + uncertainty(largest))
    ties = best & (uncertainty(size) > 0) & (best.sum(-1, keepdims=True) > 1)
    unsure = (rivals | ties).any(-1, keepdims=True) & (best | rivals)
    if not isinstance(result, Bounded) or not unsure.any():
        return result
    error = np.where(unsure, np.abs(plain(grad)) + uncertainty(grad), result.error)
    return Bounded(result.value, error, result.format)


def triplet_margin_loss(
    anchor: Any,
    positive: Any,
    negative: Any,
    *,
    margin: float = 1.0,
    p: float = 2.0,
    eps: float = 1e-6,
    swap: bool = False,
    reduction: str = "mean",
) -> Any:
    """Return ``max(0, margin + d(anchor, positive) - d(anchor, negative))``."""
    near, near_slope = _distance(anchor, positive, p, eps)
    far, far_slope = _distance(anchor, negative, p, eps)
    other, other_slope = _distance(positive, negative, p, eps)
    away = minimum(far, other) if swap else far
    excess = settled(margin + near - away, margin, near, away)
    shape, count = size_of(excess)
    y = reduced(maximum(excess, 0.0), reduction, count)

    def pullback(g: Any) -> Any:
        each = spread(per_loss(g, reduction, count), shape)
        active = gated(excess, plain(excess) >= 0, each)
        none = where(np.ones(shape, bool), 0.0, active)
        direct, crossed = _nearer(far, other, active) if swap else (active, none)
        parts = {
            "anchor": [near_slope(active), -far_slope(direct)],
            "positive": [-near_slope(active), -other_slope(crossed)],
            "negative": [far_slope(direct), other_slope(crossed)],
        }
        arrays = {"anchor": anchor, "positive": positive, "negative": negative}
        return tuple(
            gathered(first, arrays[name].shape) + gathered(second, arrays[name].shape)
            for name, (first, second) in parts.items()
        )

    return y, pullback


def _nearer(far: Any, other: Any, g: Any) -> tuple[Any, Any]:
    """Return the gradient for the smaller of two distances, in halves where they are equal."""
    a, b = plain(far), plain(other)
    error = uncertainty(far) + uncertainty(other)
    unsure = (error > 0) & (np.abs(a - b) <= error)
    results = []
    for mine, theirs in ((a, b), (b, a)):
        result = where(mine < theirs, g, where(mine == theirs, g * 0.5, 0.0))
        if isinstance(result, Bounded) and unsure.any():
            doubt = np.where(unsure, np.abs(plain(g)) + uncertainty(g), result.error)
            result = Bounded(result.value, doubt, result.format)
        results.append(result)
    return results[0], results[1]


def _hinge_strategy(draw: Draw) -> Case:
    sizes, whole = shape(draw, least=1, most=3), draw.chance(1, 3)
    arrays = {"x": Spec(sizes), "target": Spec(broadcasting(draw, sizes))}
    hyper = {
        "margin": draw.parameter("margin", lambda: draw.choice((1.0, 0.5, 2.0, -1.0))),
        "reduction": reduction(draw),
    }
    case = finished(draw, arrays, hyper, ("zero-mean", "ties", "wide", "large", "zeros"))
    return with_values(case, target=signs(whole))


def _cosine_strategy(draw: Draw) -> Case:
    whole, width = draw.chance(1, 3), draw.size(1, 5)
    rows = draw.choice(((batch(draw),), ()))
    single = draw.chance(1, 8)
    arrays = {
        "input1": Spec((*rows, width)),
        "input2": Spec((1, width) if rows and single else (*rows, width)),
        "target": Spec(rows),
    }
    hyper = {
        "margin": draw.parameter("margin", lambda: draw.choice((0.0, 0.5, 0.25, -0.5))),
        "reduction": reduction(draw),
    }
    case = finished(draw, arrays, hyper, ("zero-mean", "ties", "wide", "large", "zeros"))
    return with_values(case, target=signs(whole))


def _triplet_strategy(draw: Draw) -> Case:
    sizes = (*draw.choice(((batch(draw),), (), (2, 3))), draw.size(1, 5))
    other = (1, *sizes[1:]) if len(sizes) > 1 and draw.chance(1, 6) else sizes
    arrays = {"anchor": Spec(sizes), "positive": Spec(other), "negative": Spec(sizes)}
    hyper = {
        "margin": draw.parameter("margin", lambda: draw.choice((1.0, 0.5, 2.0, 4.0))),
        "p": draw.parameter("p", lambda: draw.choice((2.0, 2.0, 1.0, 4.0, math.inf))),
        "eps": draw.parameter("eps", lambda: draw.choice((1e-6, 0.0, 0.25))),
        "swap": draw.parameter("swap", lambda: draw.chance(1, 3)),
        "reduction": reduction(draw),
    }
    case = finished(draw, arrays, hyper, ("zero-mean", "ties", "wide"))
    if case.family != "ties":
        return case

    def integers(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        return rng.integers(-1, 2, shape) * 1.0

    return with_values(case, positive=integers, negative=integers)


_X, _SIGNS = np.full((2, 3), 0.5), np.array([[1.0, -1.0, 1.0], [-1.0, 1.0, 1.0]])
_PAIR: Mapping[str, Spec | None] = {"x": Spec((2, 3)), "target": Spec((2, 3))}
_ROWS: Mapping[str, Spec | None] = {
    "input1": Spec((3, 4)),
    "input2": Spec((3, 4)),
    "target": Spec((3,)),
}
_BOTH = np.array([1.0, -1.0, -1.0])
# Vectors of no length, and a right angle.
_EDGES = {
    "input1": np.array([[0.0, 0.0, 0.0, 0.0], [3.0, 4.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]]),
    "input2": np.array([[1.0, 2.0, 0.5, 1.0], [0.0, 0.0, 2.0, 1.0], [0.0, 1.0, 0.0, 2.0]]),
    "target": _BOTH,
}
_TRIO: Mapping[str, Spec | None] = {
    name: Spec((2, 3)) for name in ("anchor", "positive", "negative")
}
# The margin of 1 is just met; the anchor is its own positive; largest coordinates are equal.
_TRIPLETS = {
    "anchor": np.array([[0.0, 0.0, 0.0], [1.0, 2.0, 3.0]]),
    "positive": np.array([[1.0, 2.0, 0.0], [1.0, 2.0, 3.0]]),
    "negative": np.array([[2.0, 0.0, -2.0], [2.0, 2.0, 2.0]]),
}
# The negative is as far from the positive as from the anchor.
_BETWEEN = {
    "anchor": np.array([[0.0, 0.0, 0.0], [1.0, 2.0, 3.0]]),
    "positive": np.array([[6.0, 0.0, 0.0], [1.0, 4.0, 5.0]]),
    "negative": np.array([[3.0, 0.0, 0.0], [1.0, 2.0, 5.0]]),
}
_BASE = {"margin": 1.0, "p": 2.0, "eps": 1e-6, "swap": False, "reduction": "mean"}

OPERATIONS = (
    Operation(
        name="hinge_embedding_loss",
        arrays=("x", "target"),
        defaults={"margin": 1.0, "reduction": "mean"},
        strategy=_hinge_strategy,
        definition=hinge_embedding_loss,
        differentiable=("x",),
        conventions="Where the margin is just met the derivative is that of a loss above 0. "
        "Targets broadcast with x, and may be integers.",
        pinned=(
            Case(_PAIR, {"margin": 1.0, "reduction": "mean"}, 1, values={"target": _SIGNS}),
            Case(
                _PAIR,
                {"margin": 1.0, "reduction": "none"},
                2,
                values={"x": np.array([[1.0, 1.0, 2.0], [0.5, 0.0, -1.0]]), "target": _SIGNS},
            ),
            Case(_PAIR, {"margin": 0.5, "reduction": "sum"}, 3, values={"target": _SIGNS}),
        ),
        invalid=(
            Invalid("an unknown reduction", (_X, _SIGNS), {"reduction": "max"}),
            Invalid("shapes that cannot match", (_X, _SIGNS[:, :2])),
        ),
    ),
    Operation(
        name="cosine_embedding_loss",
        arrays=("input1", "input2", "target"),
        defaults={"margin": 0.0, "reduction": "mean"},
        strategy=_cosine_strategy,
        definition=cosine_embedding_loss,
        differentiable=("input1", "input2"),
        conventions="1e-12 of single precision is added to each squared length, so the cosine "
        "with a vector of no length is 0. Where the margin is just met the derivative is that of "
        "a loss above 0.",
        pinned=(
            Case(_ROWS, {"margin": 0.0, "reduction": "mean"}, 1, values={"target": _BOTH}),
            Case(_ROWS, {"margin": 0.5, "reduction": "none"}, 2, values={"target": _BOTH}),
            Case(_ROWS, {"margin": 0.0, "reduction": "none"}, 3, values=_EDGES),
        ),
        invalid=(
            Invalid("an unknown reduction", (_X, _X, _SIGNS[0, :2]), {"reduction": "max"}),
            Invalid("a target for each number", (_X, _X, _SIGNS)),
            Invalid("3 targets for 2 rows", (_X, _X, _SIGNS[0])),
        ),
    ),
    Operation(
        name="triplet_margin_loss",
        arrays=("anchor", "positive", "negative"),
        defaults=_BASE,
        strategy=_triplet_strategy,
        definition=triplet_margin_loss,
        differentiable=("anchor", "positive", "negative"),
        conventions="Where the margin is just met the derivative is that of a loss above 0. A "
        "distance of 0 has the derivative 0; equal distances of a swap, and equal largest "
        "coordinates of p = inf, share it evenly.",
        pinned=(
            Case(_TRIO, _BASE, 1),
            Case(_TRIO, {**_BASE, "swap": True, "reduction": "none"}, 2),
            Case(_TRIO, {**_BASE, "p": 1.0, "eps": 0.0, "reduction": "none"}, 3, values=_TRIPLETS),
            Case(
                _TRIO, {**_BASE, "p": math.inf, "eps": 0.0, "reduction": "sum"}, 4, values=_TRIPLETS
            ),
            Case(_TRIO, {**_BASE, "p": 4.0, "margin": 4.0}, 5),
            Case(_TRIO, {**_BASE, "eps": 0.0, "reduction": "none"}, 6, values=_TRIPLETS),
            Case(_TRIO, {**_BASE, "p": 1.0, "eps": 0.0, "swap": True}, 7, values=_BETWEEN),
        ),
        invalid=(
            Invalid("an unknown reduction", (_X, _X, _X), {"reduction": "max"}),
            Invalid("rows of 3 and of 2 numbers", (_X, _X, _X[:, :2])),
            Invalid("a margin of 0", (_X, _X, _X), {"margin": 0.0}),
            Invalid("anchors of two axes and a positive of one", (_X, _X[0], _X)),
        ),
    ),
)
