"""The record of dropout, which is judged by its law instead of its values."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from reference_tests.case import Case, Spec
from reference_tests.draw import Draw
from reference_tests.operation import Invalid, Operation
from reference_tests.strategies import finished, shape

Verdict = tuple[str, str, str | None]

SIZE = 120_000
# The chance of a false alarm of one count: the normal quantile that leaves out 1e-9 on two sides.
QUANTILE = 6.1094


def dropout(x: Any, *, p: float = 0.5, training: bool = True, rng: Any = None) -> Any:
    """Return ``x · m``; every entry of ``m`` is 0 or ``1 / (1 - p)``, and so is the gradient's."""
    if not training:
        return x, lambda g: (g,)
    kept = np.random.default_rng(rng).random(x.shape) >= p
    mask = kept * (1 / (1 - p) if p < 1 else 0.0)
    mask = mask.astype(x.dtype)
    return x * mask, lambda g: (g * mask,)


def law(function: Callable[..., Any], dtype: DTypeLike, seed: int) -> Iterator[Verdict]:
    """Yield (output, check, what is wrong or None) for a dropout."""
    source = np.random.default_rng(seed)
    # No zeros: y / x must show the mask.
    x = (np.abs(source.standard_normal(SIZE)) + 0.5).reshape(2, 3, -1).astype(dtype)
    grad_output = (np.abs(source.standard_normal(x.shape)) + 0.5).astype(dtype)
    for p in (0.5, 0.2, 0.9):
        y, pullback = function(x, p=p, rng=seed)
        yield from _mask_law(x, np.asarray(y), p)
        kept = np.asarray(y) != 0
        scale = np.asarray(1 / (1 - p), dtype)
        (grad,) = _tuple(pullback(grad_output))
        same = np.array_equal(
            np.where(kept, _near(grad, grad_output * scale), grad == 0), kept | ~kept
        )
        yield "grad_input", "same mask", None if same else f"p={p}: the pullback has another mask"
        (again,) = _tuple(pullback(grad_output))
        fixed = np.array_equal(grad, again)
        yield "grad_input", "repeatability", None if fixed else f"p={p}: two pullbacks differ"
        repeated = np.array_equal(function(x, p=p, rng=seed)[0], y)
        yield "output", "seed", None if repeated else f"p={p}: the same seed, other values"
        other = np.array_equal(function(x, p=p, rng=seed + 1)[0], y)
        yield "output", "seed", f"p={p}: another seed, the same mask" if other else None
    for hyper, expected in (
        ({"p": 0.5, "training": False}, x),
        ({"p": 0.0}, x),
        ({"p": 1.0}, np.zeros_like(x)),
    ):
        y, pullback = function(x, rng=seed, **hyper)
        wrong = not np.array_equal(y, expected)
        yield "output", "evaluation and edges", f"{hyper}: not exact" if wrong else None
        wrong = not np.array_equal(_tuple(pullback(grad_output))[0], grad_output * (expected != 0))
        yield "grad_input", "evaluation and edges", f"{hyper}: not exact" if wrong else None


def _mask_law(x: Any, y: Any, p: float) -> Iterator[Verdict]:
    right = (y.shape, y.dtype) == (x.shape, x.dtype)
    yield "output", "shape", None if right else f"has {y.shape} of {y.dtype}"
    if not right:
        return
    mask = y / x
    scale = 1 / (1 - p)
    allowed = (y == 0) | _near(y, x * x.dtype.type(scale))
    wrong = None if allowed.all() else f"p={p}: y / x has {mask[~allowed][0]}, not 0 or {scale}"
    yield "output", "two values", wrong
    count, expected = int((y != 0).sum()), (1 - p) * y.size
    spread = QUANTILE * math.sqrt(p * (1 - p) * y.size) + 1
    off = abs(count - expected) > spread
    wrong = f"p={p}: {count} of {y.size} are kept, expected {expected:.0f} ± {spread:.0f}"
    yield "output", "share kept", wrong if off else None
    # Neighbours are independent: both kept in (1 - p)² of the pairs.
    kept = (y != 0).reshape(-1)
    both, pairs = int((kept[::2] & kept[1::2]).sum()), kept.size // 2
    chance = (1 - p) ** 2
    spread = QUANTILE * math.sqrt(chance * (1 - chance) * pairs) + 1
    off = abs(both - chance * pairs) > spread
    yield "output", "independence", f"p={p}: {both} of {pairs} pairs kept" if off else None


def _near(a: Any, b: Any) -> Any:
    """Return where two values agree but for the roundings of a scale and a product."""
    return np.abs(a - b) <= 3 * float(np.finfo(b.dtype).eps) / 2 * np.abs(b)


def _tuple(result: Any) -> tuple[Any, ...]:
    return result if isinstance(result, tuple) else (result,)


def _strategy(draw: Draw) -> Case:
    return finished(draw, {"x": Spec(shape(draw))}, {"training": False}, ("zero-mean",))


_X = np.ones((2, 3))

OPERATIONS = (
    Operation(
        name="dropout",
        arrays=("x",),
        defaults={"p": 0.5, "training": True, "rng": None},
        strategy=_strategy,
        definition=dropout,
        differentiable=("x",),
        conventions="Judged by its law: the mask y / x is 0 or 1 / (1 - p), the share kept lies in "
        "a binomial interval of probability 1 - 1e-9, the pullback has the same mask, a seed "
        "fixes the bits, evaluation is the identity.",
        invalid=(
            Invalid("a probability above 1", (_X,), {"p": 1.5}),
            Invalid("a negative probability", (_X,), {"p": -0.1}),
        ),
        law=law,
    ),
)
