"""The records of relu, of activations along an axis, and of the gated linear unit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from reference_tests.case import Case, Spec
from reference_tests.draw import Draw
from reference_tests.operation import REQUIRED, Invalid, Operation
from reference_tests.operations.elementwise import elementwise
from reference_tests.strategies import finished, shape
from reference_tests.tolerance import concatenated, exp, gated, log, maximum, plain, rearranged


def relu(x: Any) -> Any:
    """Return ``max(x, 0)``; the derivative at 0 is 0."""
    return maximum(x, 0.0), lambda g: (gated(x, ~(plain(x) <= 0), g),)


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


def softmin(x: Any, *, dim: int) -> Any:
    """Return the softmax of ``-x``."""
    y, pullback = softmax(-x, dim=dim)
    return y, lambda g: (-pullback(g)[0],)


def glu(x: Any, *, dim: int = -1) -> Any:
    """Return the first half of `x` times the sigmoid of the second."""
    signal = rearranged(x, lambda array: np.split(array, 2, dim)[0])
    gate = rearranged(x, lambda array: np.split(array, 2, dim)[1])
    share = 1 / (1 + exp(-gate))

    def pullback(g: Any) -> Any:
        return (concatenated([g * share, g * (signal * (share * (1 - share)))], dim),)

    return signal * share, pullback


SPECIAL = ("zeros", "wide", "large", "nan", "infinite", "subnormal", "non-negative")


def _along_axis(draw: Draw) -> Case:
    sizes = shape(draw, least=1, most=4)
    dim = draw.parameter("dim", lambda: draw.integer(0, len(sizes) - 1))
    if "dim" not in draw.limits and draw.chance(1, 3):
        dim -= len(sizes)
    return finished(draw, {"x": Spec(sizes)}, {"dim": dim}, ("zero-mean", *SPECIAL))


def _halved(draw: Draw) -> Case:
    sizes = list(shape(draw, least=1, most=4, high=4))
    dim = draw.parameter("dim", lambda: draw.integer(0, len(sizes) - 1))
    sizes[dim] *= 2
    if "dim" not in draw.limits and draw.chance(1, 2):
        dim -= len(sizes)
    arrays: dict[str, Spec | None] = {"x": Spec(tuple(sizes))}
    return finished(draw, arrays, {"dim": dim}, ("zero-mean", *SPECIAL))


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
    elementwise("relu", relu, "The derivative at 0 is 0; NaN stays NaN.", exact_scale=1),
    _axis_record("softmax", softmax),
    _axis_record("softmin", softmin),
    _axis_record("log_softmax", log_softmax),
    Operation(
        name="glu",
        arrays=("x",),
        defaults={"dim": -1},
        strategy=_halved,
        definition=glu,
        differentiable=("x",),
        conventions="The second half is the gate.",
        pinned=(
            Case({"x": Spec((2, 6, 3))}, {"dim": 1}, 1),
            Case({"x": Spec((2, 4))}, {"dim": -1}, 2, "large"),
            Case({"x": Spec((4, 3))}, {"dim": 0}, 3, "nan"),
        ),
        invalid=(
            Invalid("an axis of odd length", (np.zeros((2, 3)),)),
            Invalid("no axis 2", (np.zeros((2, 4)),), {"dim": 2}),
            Invalid("an array of objects", (np.zeros((2, 4), object),)),
        ),
    ),
)
