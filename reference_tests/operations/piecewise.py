"""The records of activations in pieces, whose slopes jump at kinks."""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_tests.case import Case, Spec
from reference_tests.draw import Draw
from reference_tests.operation import Invalid, Operation
from reference_tests.operations.elementwise import FAMILIES, elementwise
from reference_tests.operations.optimizer import constant
from reference_tests.strategies import finished, shape
from reference_tests.tolerance import (
    either,
    exp,
    expm1,
    maximum,
    minimum,
    plain,
    rearranged,
    rounded,
    scalar,
    where,
)

# The constants of the article on selu, equation 14.
ALPHA, SCALE = 1.6732632423543772848170429916717, 1.0507009873554804934193349852946


def leaky_relu(x: Any, *, negative_slope: float = 0.01) -> Any:
    """Return `x`, times the slope unless it is positive."""
    open = plain(x) > 0
    y = where(open, x, x * negative_slope)
    return y, lambda g: (where(open, g, g * negative_slope),)


def prelu(x: Any, weight: Any) -> Any:
    """Return `x`, times the weight of its channel unless it is positive."""
    open = plain(x) > 0
    single = weight.size == 1
    across = () if single else (-1, *(1,) * (x.ndim - 2))
    slope = rearranged(weight, lambda array: array.reshape(across))
    y = where(open, x, x * slope)

    def pullback(g: Any) -> Any:
        terms = where(open, 0.0, g * x)
        axes = tuple(axis for axis in range(x.ndim) if single or axis != 1)
        total = rearranged(terms.sum(axes), lambda array: array.reshape(weight.shape))
        return where(open, g, g * slope), total

    return y, pullback


def elu(x: Any, *, alpha: float = 1.0) -> Any:
    """Return `x`, or ``alpha · (exp(x) - 1)`` unless it is positive."""
    open = plain(x) > 0
    return where(open, x, alpha * expm1(x)), lambda g: (where(open, g, g * (alpha * exp(x))),)


def selu(x: Any) -> Any:
    """Return ``SCALE · elu(x, ALPHA)``."""
    open = plain(x) > 0
    y = SCALE * where(open, x, ALPHA * expm1(x))
    return y, lambda g: (SCALE * where(open, g, g * (ALPHA * exp(x))),)


def celu(x: Any, *, alpha: float = 1.0) -> Any:
    """Return `x`, or ``alpha · (exp(x / alpha) - 1)`` unless it is positive."""
    open = plain(x) > 0
    share = x * constant(1 / scalar(alpha), x)
    return where(open, x, alpha * expm1(share)), lambda g: (where(open, g, g * exp(share)),)


def hardtanh(x: Any, *, min_val: float = -1.0, max_val: float = 1.0) -> Any:
    """Return `x` between two bounds; the derivative at both is 0."""
    values = plain(x)
    inside = (values > rounded(x, min_val)) & (values < rounded(x, max_val))
    y = minimum(maximum(x, min_val), max_val)
    return y, lambda g: (where(inside, g, 0.0),)


def relu6(x: Any) -> Any:
    """Return `x` between 0 and 6."""
    return hardtanh(x, min_val=0.0, max_val=6.0)


def hardsigmoid(x: Any) -> Any:
    """Return ``min(max(x + 3, 0), 6) / 6``."""
    inside = np.abs(plain(x)) < 3
    y = minimum(maximum(x + 3, 0.0), 6.0) / 6
    return y, lambda g: (where(inside, g * constant(1 / scalar(6), x), 0.0),)


def hardswish(x: Any) -> Any:
    """Return ``x · min(max(x + 3, 0), 6) / 6``; the slope is 0 at -3 and 1 at 3."""
    values = plain(x)
    y = x * minimum(maximum(x + 3, 0.0), 6.0) / 6

    def pullback(g: Any) -> Any:
        # The first form rounds less near 0, the second does not cancel near -1.5, and the third is
        # that of the product rule.
        slope = either(either(x / 3 + 0.5, (x + 1.5) / 3), (x + 3) / 6 + x / 6)
        between = where(values >= 3, g, g * slope)
        return (where(values <= -3, 0.0, between),)

    return y, pullback


def hardshrink(x: Any, *, lambd: float = 0.5) -> Any:
    """Return `x` outside of ``[-lambd, lambd]``, else 0."""
    values, limit = plain(x), rounded(x, lambd)
    outside = (values > limit) | (values < -limit)
    y = where((values >= -limit) & (values <= limit), 0.0, x)
    return y, lambda g: (where(outside, g, 0.0),)


def softshrink(x: Any, *, lambd: float = 0.5) -> Any:
    """Return `x` moved by `lambd` towards 0, and 0 within ``[-lambd, lambd]``."""
    values, limit = plain(x), rounded(x, lambd)
    above, below = values > limit, values < -limit
    within = where(np.isnan(values), x, 0.0)
    y = where(above, x - lambd, where(below, x + lambd, within))
    return y, lambda g: (where(above | below, g, 0.0),)


def threshold(x: Any, *, threshold: float, value: float) -> Any:
    """Return `x` above the threshold, else a value."""
    closed = plain(x) <= rounded(x, threshold)
    return where(closed, rounded(x, value), x), lambda g: (where(closed, 0.0, g),)


def _prelu_strategy(draw: Draw) -> Case:
    sizes = shape(draw)
    shapes: list[tuple[int, ...]] = [(1,), ()]
    if len(sizes) > 1:
        shapes = [sizes[1:2], sizes[1:2], *shapes]
    arrays = {"x": Spec(sizes, kinks=(0.0,)), "weight": Spec(draw.choice(shapes))}
    return finished(draw, arrays, {}, FAMILIES)


_X = np.zeros((2, 3))

OPERATIONS = (
    elementwise(
        "leaky_relu",
        leaky_relu,
        "The derivative at 0, and where x is NaN, is the negative slope.",
        kinks=lambda negative_slope: (0.0, -0.0),
        negative_slope=(0.01, 0.25, -0.5, 0.0, 1.5),
    ),
    Operation(
        name="prelu",
        arrays=("x", "weight"),
        defaults={},
        strategy=_prelu_strategy,
        definition=prelu,
        differentiable=("x", "weight"),
        exact_scale=1,
        conventions="The derivative at 0, and where x is NaN, is the weight; there, and below, x "
        "counts in the gradient of the weight.",
        pinned=(
            Case({"x": Spec((2, 3, 4)), "weight": Spec((3,))}, {}, 1),
            Case({"x": Spec((3, 3, 3)), "weight": Spec((3,))}, {}, 2),
            Case({"x": Spec((2, 3, 2, 3)), "weight": Spec((1,))}, {}, 3, "zeros"),
            Case({"x": Spec((2, 5)), "weight": Spec((5,))}, {}, 4, "nan"),
        ),
        invalid=(
            Invalid("weights for other channels", (_X, np.zeros(2))),
            Invalid("weights of two axes", (_X, np.zeros((1, 3)))),
            Invalid("an array of objects", (_X.astype(object), np.zeros(3))),
        ),
    ),
    elementwise(
        "elu",
        elu,
        "The derivative at 0 is alpha; that of NaN is NaN.",
        kinks=lambda alpha: (0.0, -0.0),
        alpha=(1.0, 0.5, 1.7, -1.5),
    ),
    elementwise("selu", selu, "The derivative at 0 is that of the left; that of NaN is NaN."),
    elementwise(
        "celu",
        celu,
        "The derivative at 0 is 1; that of NaN is NaN.",
        kinks=lambda alpha: (0.0, -0.0),
        alpha=(1.0, 0.5, 1.7, 3.0),
        invalid=({"alpha": 0.0},),
    ),
    elementwise(
        "hardtanh",
        hardtanh,
        "The derivative at both bounds is 0, and so is that of NaN, which itself stays NaN.",
        kinks=lambda min_val, max_val: (min_val, max_val),
        invalid=({"min_val": 2.0},),
        min_val=(-1.0, -0.75, 0.1, 0.5),
        max_val=(1.0, 1.25, 0.5, 0.7),
    ),
    elementwise(
        "relu6",
        relu6,
        "The derivative at 0 and 6 is 0, and so is that of NaN, which itself stays NaN.",
        kinks=lambda: (0.0, 6.0),
        exact_scale=1,
    ),
    elementwise(
        "hardsigmoid",
        hardsigmoid,
        "The derivative at -3 and 3 is 0, and so is that of NaN, which itself stays NaN.",
        kinks=lambda: (-3.0, 3.0),
    ),
    elementwise(
        "hardswish",
        hardswish,
        "The derivative at -3 is 0, at 3 it is 1; that of NaN is NaN. -inf becomes NaN.",
        kinks=lambda: (-3.0, 3.0),
    ),
    elementwise(
        "hardshrink",
        hardshrink,
        "The derivative at both bounds is 0, and so is that of NaN, which itself stays NaN. With "
        "a negative lambd nothing changes.",
        kinks=lambda lambd: (-lambd, lambd),
        lambd=(0.5, 1.25, 0.1, 0.0, -0.5),
        exact_scale=1,
    ),
    elementwise(
        "softshrink",
        softshrink,
        "The derivative at both bounds is 0, and so is that of NaN, which itself stays NaN.",
        kinks=lambda lambd: (-lambd, lambd),
        lambd=(0.5, 1.25, 0.1, 0.0),
        invalid=({"lambd": -0.5},),
    ),
    elementwise(
        "threshold",
        threshold,
        "The derivative at the threshold is 0; NaN stays NaN, with a derivative of 1.",
        kinks=lambda threshold, value: (threshold,),
        required=True,
        exact_scale=1,
        threshold=(0.5, -1.25, 0.1, 0.0),
        value=(-7.25, 20.0, 0.0),
    ),
)
