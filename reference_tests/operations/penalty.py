"""The records of penalties on the size of weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from reference_tests.case import Case, Spec
from reference_tests.draw import Draw
from reference_tests.operation import REQUIRED, Invalid, Operation
from reference_tests.strategies import finished, shape
from reference_tests.tolerance import plain


def l1_penalty(x: Any, *, strength: float) -> Any:
    """Return ``strength · Σ |x|``."""
    return strength * abs(x).sum(), lambda g: (g * strength * _sign(x),)


def _sign(x: Any) -> Any:
    """Return 1, -1 or, at 0 and at NaN, 0."""
    return np.nan_to_num(np.sign(plain(x)))


def l2_penalty(x: Any, *, strength: float) -> Any:
    """Return ``strength · Σ x²``."""
    return strength * (x * x).sum(), lambda g: (g * (2 * strength) * x,)


def elastic_net_penalty(x: Any, *, alpha: float = 1.0, l1_ratio: float = 0.5) -> Any:
    """Return ``alpha · (l1_ratio · Σ |x| + (1 - l1_ratio) / 2 · Σ x²)``."""
    half = (1 - l1_ratio) / 2
    y = alpha * (l1_ratio * abs(x).sum() + half * (x * x).sum())
    return y, lambda g: (g * alpha * l1_ratio * _sign(x) + g * alpha * half * (2 * x),)


def _strategy(options: Mapping[str, tuple[float, ...]]) -> Callable[[Draw], Case]:
    def strategy(draw: Draw) -> Case:
        hyper = {
            name: draw.limits.get(name, draw.choice(values)) for name, values in options.items()
        }
        families = ("zero-mean", "wide", "large", "zeros", "ties", "nan", "infinite")
        return finished(draw, {"x": Spec(shape(draw))}, hyper, families)

    return strategy


_X = {"x": Spec((3, 4))}


def _record(
    name: str,
    definition: Callable[..., Any],
    defaults: Mapping[str, Any],
    options: Mapping[str, tuple[float, ...]],
    conventions: str,
) -> Operation:
    first = {hyper: values[0] for hyper, values in options.items()}
    return Operation(
        name=name,
        arrays=("x",),
        defaults=defaults,
        strategy=_strategy(options),
        definition=definition,
        differentiable=("x",),
        conventions=conventions,
        pinned=(Case(_X, first, 1), Case(_X, first, 2, "ties"), Case(_X, first, 3, "nan")),
        invalid=(Invalid("an array of objects", (np.ones((2, 3), object),), first),),
    )


_STRENGTHS = {"strength": (0.5, 0.1, 1e-4, 3.0, 0.0)}

OPERATIONS = (
    _record(
        "l1_penalty",
        l1_penalty,
        {"strength": REQUIRED},
        _STRENGTHS,
        "λ Σ |x|. As in PyTorch its derivative is 0 at 0, and at NaN too.",
    ),
    _record(
        "l2_penalty",
        l2_penalty,
        {"strength": REQUIRED},
        _STRENGTHS,
        "λ Σ x², whose gradient is 2 λ x; weight decay adds λ x.",
    ),
    _record(
        "elastic_net_penalty",
        elastic_net_penalty,
        {"alpha": 1.0, "l1_ratio": 0.5},
        {"alpha": (0.5, 1.0, 1e-4, 3.0), "l1_ratio": (0.25, 0.5, 0.0, 1.0, 0.9)},
        "scikit-learn's: its squares are halved. The derivative of |x| at 0 is 0.",
    ),
)
