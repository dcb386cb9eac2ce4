"""The records of activations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from reference_tests.case import Case, Spec
from reference_tests.draw import Draw
from reference_tests.operation import REQUIRED, Invalid, Operation
from reference_tests.strategies import finished, shape
from reference_tests.tolerance import exp, gated, log, maximum, plain, tanh


def relu(x: Any) -> Any:
    """Return ``max(x, 0)``; the derivative at 0 is 0."""
    return maximum(x, 0.0), lambda g: (gated(x, ~(plain(x) <= 0), g),)


def sigmoid(x: Any) -> Any:
    """Return ``1 / (1 + exp(-x))``."""
    y = 1 / (1 + exp(-x))
    return y, lambda g: (g * (y * (1 - y)),)


def hyperbolic_tangent(x: Any) -> Any:
    """Return the hyperbolic tangent."""
    y = tanh(x)
    return y, lambda g: (g * (1 - y * y),)


def _below_maximum(x: Any, dim: int) -> Any:
    values = plain(x)
    return x - values.max(dim, keepdims=True) if values.shape[dim] else x


def softmax(x: Any, *, dim: int) -> Any:
    """Return ``exp(x) / Σ exp(x)``, with the maximum subtracted first."""
    powers = exp(_below_maximum(x, dim))
    y = powers / powers.sum(dim, keepdims=True)
    return y, lambda g: (y * (g - (g * y).sum(dim, keepdims=True)),)


def log_softmax(x: Any, *, dim: int) -> Any:
    """Return ``x - log(Σ exp(x))``, with the maximum subtracted first."""
    below = _below_maximum(x, dim)
    y = below - log(exp(below).sum(dim, keepdims=True))
    return y, lambda g: (g - exp(y) * g.sum(dim, keepdims=True),)


SPECIAL = ("zeros", "wide", "large", "nan", "infinite", "subnormal", "non-negative")


def _elementwise(draw: Draw) -> Case:
    return finished(draw, {"x": Spec(shape(draw))}, {}, ("zero-mean", *SPECIAL))


def _along_axis(draw: Draw) -> Case:
    sizes = shape(draw, least=1, most=4)
    dim = draw.parameter("dim", lambda: draw.integer(0, len(sizes) - 1))
    if "dim" not in draw.limits and draw.chance(1, 3):
        dim -= len(sizes)
    return finished(draw, {"x": Spec(sizes)}, {"dim": dim}, ("zero-mean", *SPECIAL))


_WIDE = {"x": Spec((3, 5))}


def _record(name: str, definition: Callable[..., Any], conventions: str, **more: Any) -> Operation:
    exact: int | None = more.pop("exact_scale", None)
    return Operation(
        name=name,
        arrays=("x",),
        defaults={},
        strategy=_elementwise,
        definition=definition,
        differentiable=("x",),
        exact_scale=exact,
        conventions=conventions,
        pinned=(
            Case(_WIDE, {}, 1),
            Case(_WIDE, {}, 2, "zeros"),
            Case(_WIDE, {}, 3, "large"),
            Case(_WIDE, {}, 4, "nan"),
        ),
        invalid=(Invalid("an array of objects", (np.zeros(3, object),)),),
    )


def _axis_record(name: str, definition: Callable[..., Any]) -> Operation:
    return Operation(
        name=name,
        arrays=("x",),
        defaults={"dim": REQUIRED},
        strategy=_along_axis,
        definition=definition,
        differentiable=("x",),
        conventions="Shifting all logits changes nothing: the maximum is subtracted first. A row "
        "with +inf, or of -inf only, is NaN.",
        pinned=(
            Case({"x": Spec((2, 5, 3))}, {"dim": 1}, 1),
            Case({"x": Spec((4, 3))}, {"dim": 0}, 2, "large"),
            Case({"x": Spec((4, 3))}, {"dim": -1}, 3, "infinite"),
        ),
        invalid=(
            Invalid("no axis 2", (np.zeros((2, 3)),), {"dim": 2}),
            Invalid("an array of objects", (np.zeros((2, 3), object),), {"dim": 1}),
        ),
    )


OPERATIONS = (
    _record("relu", relu, "The derivative at 0 is 0; NaN stays NaN.", exact_scale=1),
    _record("sigmoid", sigmoid, "No overflow at either end."),
    _record("tanh", hyperbolic_tangent, "No overflow at either end."),
    _axis_record("softmax", softmax),
    _axis_record("log_softmax", log_softmax),
)
