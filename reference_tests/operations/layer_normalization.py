"""The records of layer_norm, rms_norm, group_norm and local_response_norm."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from reference_tests.case import Case, Spec
from reference_tests.draw import Draw
from reference_tests.operation import REQUIRED, Invalid, Operation, call_by_name, write_by_name
from reference_tests.operations.normalization import FAMILIES, Standard, images, pinned
from reference_tests.strategies import finished, optional, shape
from reference_tests.tolerance import Bounded, gather, power, scaled, sqrt


def layer_norm(
    x: Any, weight: Any = None, bias: Any = None, *, normalized_shape: Any, eps: float = 1e-5
) -> Any:
    """Return `x`, standardized over its last axes, with a weight and a bias for each element."""
    axes, others = _last(x, normalized_shape)
    moments = Standard(x, axes, eps)
    standard = scaled(x, moments.centre, moments.scale)
    y = standard if weight is None else standard * weight
    y = y if bias is None else y + bias

    def pullback(grad: Any) -> Any:
        below = grad if weight is None else grad * weight
        return moments.pulled(below), (grad * moments.standard).sum(others), grad.sum(others)

    return y, pullback


def rms_norm(x: Any, weight: Any = None, *, normalized_shape: Any, eps: float | None = None) -> Any:
    """Return `x` over the root of the mean of its squares over its last axes."""
    axes, others = _last(x, normalized_shape)
    count = float(math.prod(x.shape[axis] for axis in axes))
    if eps is None:
        eps = float(np.finfo(x.format.name if isinstance(x, Bounded) else x.dtype).eps)
    scale = 1 / sqrt((x * x).sum(axes, keepdims=True) / count + eps)
    standard = x * scale

    def pullback(grad: Any) -> Any:
        below = grad if weight is None else grad * weight
        slope = (below * standard).sum(axes, keepdims=True) / count
        return scale * (below - standard * slope), (grad * standard).sum(others)

    return (standard if weight is None else standard * weight), pullback


def _last(x: Any, normalized_shape: Any) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the last axes and the others."""
    first = x.ndim - np.size(normalized_shape)
    return tuple(range(first, x.ndim)), tuple(range(first))


def group_norm(
    x: Any, weight: Any = None, bias: Any = None, *, num_groups: int, eps: float = 1e-5
) -> Any:
    """Return `x`, standardized over groups of channels, with a weight and a bias for each."""
    samples, channels, *size = x.shape
    groups = x.reshape(samples, num_groups, channels // num_groups, *size)
    moments = Standard(groups, tuple(range(2, groups.ndim)), eps)
    channel = (1, num_groups, channels // num_groups, *(1,) * len(size))
    weight, bias = (None if a is None else a.reshape(*channel) for a in (weight, bias))
    scale = moments.scale if weight is None else moments.scale * weight
    y = scaled(groups, moments.centre, scale, bias)

    def pullback(grad: Any) -> Any:
        grad = grad.reshape(*groups.shape)
        below = grad if weight is None else grad * weight
        others = (0, *range(3, groups.ndim))
        sums = ((grad * moments.standard).sum(others), grad.sum(others))
        return moments.pulled(below).reshape(*x.shape), *(a.reshape(channels) for a in sums)

    return y.reshape(*x.shape), pullback


def local_response_norm(
    x: Any, *, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0
) -> Any:
    """Return ``x / (k + alpha / size · Σ x²)^beta``, summed over the channels around each."""
    channels = np.arange(x.shape[1])
    near = channels[:, None] + np.arange(size) - size // 2
    near = np.where((near >= 0) & (near < len(channels)), near, -1)
    back = channels[:, None] - np.arange(size) + size // 2
    back = np.where((back >= 0) & (back < len(channels)), back, -1)
    base = gather(x * x, 1, near).sum(2) * (alpha / size) + k
    scale = power(base, beta)

    def pullback(grad: Any) -> Any:
        around = gather(grad * x / (scale * base), 1, back).sum(2)
        return (grad / scale - x * (alpha / size) * (2 * beta) * around,)

    return x / scale, pullback


def _layer_strategy(biased: bool) -> Any:
    """Return the strategy of layer_norm or, without a bias, rms_norm."""

    def strategy(draw: Draw) -> Case:
        sizes = shape(draw, most=4, high=4)
        last = sizes[draw.integer(0, len(sizes) - 1) :]
        if 0 in last:
            last = sizes[1:] or (1,)
            sizes = (*sizes[: len(sizes) - len(last)], *last)
        # Of one number little is left to see.
        if math.prod(last) == 1 and draw.chance(3, 4):
            last, sizes = (*last[:-1], 2), (*sizes[:-1], 2)
        arrays = {"x": Spec(sizes), "weight": optional(draw, "weight", lambda: Spec(last))}
        if biased:
            arrays["bias"] = optional(draw, "bias", lambda: Spec(last))
        options = (1e-5, 1e-3, 0.5) if biased else (None, 1e-5, 0.5)
        hyper = {
            "normalized_shape": last,
            "eps": draw.parameter("eps", lambda: draw.choice(options)),
        }
        return finished(draw, arrays, hyper, FAMILIES)

    return strategy


def _group_strategy(draw: Draw) -> Case:
    """Draw images with channels in one group, in several, or each alone."""
    samples, channels, *size = images(draw)
    groups = draw.parameter("num_groups", lambda: draw.integer(1, 3))
    if samples * channels * math.prod(size) == 1:
        channels = 2
    sizes = (samples, channels * groups, *size)
    channel = Spec(sizes[1:2])
    arrays = {
        "x": Spec(sizes),
        "weight": optional(draw, "weight", lambda: channel),
        "bias": optional(draw, "bias", lambda: channel),
    }
    eps = draw.parameter("eps", lambda: draw.choice((1e-5, 1e-3, 0.5)))
    return finished(draw, arrays, {"num_groups": groups, "eps": eps}, FAMILIES)


def _response_strategy(draw: Draw) -> Case:
    """Draw images with fewer channels than count, or more."""
    samples, _, *size = images(draw, least=1)
    hyper = {
        "size": draw.parameter("size", lambda: draw.integer(1, 6)),
        "alpha": draw.parameter("alpha", lambda: draw.choice((1e-4, 0.5, 2.0))),
        "beta": draw.parameter("beta", lambda: draw.choice((0.75, 0.5, 1.0, 2.0))),
        "k": draw.parameter("k", lambda: draw.choice((1.0, 2.0, 0.25))),
    }
    sizes = (samples, draw.size(1, 5), *size)
    families = ("zero-mean", "non-negative", "wide", "ties", "zeros", "nan", "large")
    return finished(draw, {"x": Spec(sizes)}, hyper, families)


_X, _ROW = np.arange(24.0).reshape(2, 3, 4), np.ones(4)
_IMAGE, _ELEMENTS = Spec((2, 3, 4)), Spec((3, 4))
_TABLE = {"x": _IMAGE, "weight": _ELEMENTS, "bias": _ELEMENTS}
_ROWS: dict[str, Spec | None] = {"x": Spec((3, 5)), "weight": None, "bias": None}
_GROUPED: dict[str, Spec | None] = {
    "x": Spec((2, 6, 3, 2)),
    "weight": Spec((6,)),
    "bias": Spec((6,)),
}
_BAD_SHAPES = (
    Invalid("no axes", (_X,), {"normalized_shape": ()}),
    Invalid("other last axes", (_X,), {"normalized_shape": (3,)}),
    Invalid("a weight of another shape", (_X, _ROW[:3]), {"normalized_shape": (4,)}),
    Invalid("an array of objects", (_X.astype(object),), {"normalized_shape": (4,)}),
)

OPERATIONS = (
    Operation(
        name="layer_norm",
        arrays=("x", "weight", "bias"),
        defaults={"normalized_shape": REQUIRED, "eps": 1e-5},
        strategy=_layer_strategy(True),
        definition=layer_norm,
        differentiable=("x", "weight", "bias"),
        optional=("weight", "bias"),
        conventions="The biased variance divides; rows of equal numbers become the bias.",
        pinned=(
            *pinned(_TABLE, {"normalized_shape": (3, 4)}),
            *pinned({**_TABLE, "weight": Spec((4,)), "bias": None}, {"normalized_shape": (4,)}),
            *pinned({**_ROWS, "weight": Spec((5,))}, {"normalized_shape": (5,), "eps": 0.5}),
        ),
        invalid=_BAD_SHAPES,
        call=call_by_name,
        written=write_by_name,
    ),
    Operation(
        name="rms_norm",
        arrays=("x", "weight"),
        defaults={"normalized_shape": REQUIRED, "eps": None},
        strategy=_layer_strategy(False),
        definition=rms_norm,
        differentiable=("x", "weight"),
        optional=("weight",),
        conventions="No mean is taken off. An eps of None is the spacing of the dtype at 1.",
        pinned=(
            *pinned({"x": _IMAGE, "weight": _ELEMENTS}, {"normalized_shape": (3, 4)}),
            *pinned({"x": Spec((3, 5)), "weight": None}, {"normalized_shape": (5,), "eps": 0.5}),
        ),
        invalid=_BAD_SHAPES,
        call=call_by_name,
        written=write_by_name,
    ),
    Operation(
        name="group_norm",
        arrays=("x", "weight", "bias"),
        defaults={"num_groups": REQUIRED, "eps": 1e-5},
        strategy=_group_strategy,
        definition=group_norm,
        differentiable=("x", "weight", "bias"),
        optional=("weight", "bias"),
        conventions="The biased variance divides. Groups of one value become the bias, but a "
        "single sample of them is refused.",
        pinned=(
            *pinned(_GROUPED, {"num_groups": 3}),
            *pinned({**_ROWS, "x": Spec((2, 6))}, {"num_groups": 2, "eps": 0.5}),
        ),
        invalid=(
            Invalid("2 groups of 3 channels", (_X,), {"num_groups": 2}),
            Invalid("no group", (_X,), {"num_groups": 0}),
            Invalid("no channels", (_X[0, 0],), {"num_groups": 1}),
            Invalid("two weights for 3 channels", (_X, _ROW[:2]), {"num_groups": 3}),
            Invalid("one value per group", (_X[:1, :, 0],), {"num_groups": 3}),
            Invalid("an array of objects", (_X.astype(object),), {"num_groups": 3}),
        ),
        call=call_by_name,
        written=write_by_name,
    ),
    Operation(
        name="local_response_norm",
        arrays=("x",),
        defaults={"size": REQUIRED, "alpha": 1e-4, "beta": 0.75, "k": 1.0},
        strategy=_response_strategy,
        definition=local_response_norm,
        differentiable=("x",),
        conventions="PyTorch's: alpha is divided by size, also where channels beyond the ends are "
        "missing; of an even size, one more counts before than after.",
        pinned=(
            Case({"x": Spec((2, 5, 3, 2))}, {"size": 3, "alpha": 0.5}, 1),
            Case({"x": Spec((2, 5, 3))}, {"size": 4, "alpha": 2.0, "beta": 0.5, "k": 2.0}, 2),
            Case({"x": Spec((2, 3, 2, 1, 2))}, {"size": 6, "alpha": 2.0, "k": 0.25}, 3, "zeros"),
        ),
        invalid=(
            Invalid("a size of 0", (_X,), {"size": 0}),
            Invalid("no spatial axis", (_X[0],), {"size": 2}),
            Invalid("an array of objects", (_X.astype(object),), {"size": 2}),
        ),
    ),
)
