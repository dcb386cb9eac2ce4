"""The records of linear and flatten."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from reference_tests.case import Case, Spec
from reference_tests.draw import Draw
from reference_tests.operation import Invalid, Operation
from reference_tests.strategies import batch, finished, optional, shape
from reference_tests.tolerance import contract


def linear_definition(x: Any, weight: Any, bias: Any = None) -> Any:
    """Return ``y[…, o] = bias[o] + Σ x[…, c] · weight[o, c]``."""
    filters, features = weight.shape
    rows = math.prod(x.shape[:-1])
    flat = x.reshape(rows, features)
    y = contract("nc,oc->no", flat, weight, bias)

    def pullback(grad_output: Any) -> Any:
        grad = grad_output.reshape(rows, filters)
        return (
            contract("no,oc->nc", grad, weight).reshape(*x.shape),
            contract("no,nc->oc", grad, flat),
            None if bias is None else grad.sum(0),
        )

    return y.reshape(*x.shape[:-1], filters), pullback


def linear_strategy(draw: Draw) -> Case:
    """Draw a product with zero to two leading axes besides the batch."""
    features, filters = draw.size(1, 6), draw.size(1, 6)
    lead = draw.choice(((batch(draw),), (batch(draw), 3), (), (2, 1, 3)))
    arrays = {
        "x": Spec((*lead, features)),
        "weight": Spec((filters, features)),
        "bias": optional(draw, "bias", lambda: Spec((filters,))),
    }
    families = ("zero-mean", "non-negative", "wide", "ties", "zeros", "subnormal")
    return finished(draw, arrays, {}, families)


def flatten_definition(x: Any, *, start_dim: int = 0, end_dim: int = -1) -> Any:
    """Return `x` with some axes made one."""
    first, last = start_dim % max(x.ndim, 1), end_dim % max(x.ndim, 1)
    joined = math.prod(x.shape[first : last + 1])
    y = x.reshape(*x.shape[:first], joined, *x.shape[last + 1 :])
    return y, lambda grad_output: (grad_output.reshape(*x.shape),)


def flatten_strategy(draw: Draw) -> Case:
    """Draw a shape and a range of its axes, counted from either end."""
    sizes = shape(draw, least=1, most=5, high=4)
    axes = len(sizes)
    first = draw.parameter("start_dim", lambda: draw.integer(0, axes - 1))
    last = draw.parameter("end_dim", lambda: draw.integer(first % axes, axes - 1))
    if draw.chance(1, 2) and not draw.limits:
        first, last = first - axes, last - axes
    return finished(
        draw,
        {"x": Spec(sizes)},
        {"start_dim": first, "end_dim": last},
        ("zero-mean", "nan", "infinite", "zeros"),
    )


_X = np.zeros((2, 3, 4))

OPERATIONS = (
    Operation(
        name="linear",
        arrays=("x", "weight", "bias"),
        defaults={},
        strategy=linear_strategy,
        definition=linear_definition,
        differentiable=("x", "weight", "bias"),
        optional=("bias",),
        exact_scale=1,
        pinned=(
            Case({"x": Spec((3, 4)), "weight": Spec((2, 4)), "bias": Spec((2,))}, {}, 1),
            Case({"x": Spec((2, 3, 4)), "weight": Spec((5, 4)), "bias": None}, {}, 2),
        ),
        invalid=(
            Invalid("x has 4 features, weight 5", (_X, np.zeros((2, 5)))),
            Invalid("weight has 3 axes", (_X, np.zeros((2, 2, 4)))),
            Invalid("3 biases for 2 outputs", (_X, np.zeros((2, 4)), np.zeros(3))),
            Invalid("x of float64 and weight of float32", (_X, np.zeros((2, 4), np.float32))),
            Invalid("an array of objects", (_X.astype(object), np.zeros((2, 4)))),
        ),
    ),
    Operation(
        name="flatten",
        arrays=("x",),
        defaults={"start_dim": 0, "end_dim": -1},
        strategy=flatten_strategy,
        definition=flatten_definition,
        differentiable=("x",),
        exact_scale=1,
        conventions="Row-major. The function starts at axis 0, PyTorch's layer at axis 1.",
        pinned=(
            Case({"x": Spec((2, 3, 4))}, {"start_dim": 1, "end_dim": -1}, 1),
            Case({"x": Spec((2, 3, 4, 2))}, {"start_dim": 1, "end_dim": 2}, 2),
        ),
        invalid=(
            Invalid("no axis 3", (_X,), {"start_dim": 3}),
            Invalid("the end before the start", (_X,), {"start_dim": 2, "end_dim": 1}),
        ),
    ),
)
