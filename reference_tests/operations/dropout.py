"""The records of dropout in all forms, which are judged by laws instead of their values."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike

from reference_tests.case import Case, Spec
from reference_tests.draw import Draw
from reference_tests.operation import Invalid, Operation
from reference_tests.strategies import finished, shape
from reference_tests.tolerance import where

Verdict = tuple[str, str, str | None]

SIZE = 120_000
# The chance of a false alarm of one count: the normal quantile that leaves out 1e-9 on two sides.
QUANTILE = 6.1094


# What SELU tends to for large negative numbers is minus this: the product of its constants.
SATURATION = 1.0507009873554805 * 1.6732632423543772


class Form(NamedTuple):
    """One form of dropout.

    Parameters
    ----------
    shapes : tuple of shapes
        Of the arrays that it is judged on, with `SIZE` entries of the mask each.
    lead : mapping of int to int
        For each number of axes how many of them the mask has: it is constant along the others.
        An array with another number of axes has a mask of its own shape.
    alpha : bool
        Whether dropped elements become the limit of SELU, and the moments are kept.
    """

    shapes: tuple[tuple[int, ...], ...]
    lead: Mapping[int, int]
    alpha: bool = False

    def mask(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape of the mask."""
        lead = self.lead.get(len(shape), len(shape))
        return (*shape[:lead], *(1,) * (len(shape) - lead))

    def values(self, p: float) -> tuple[float, float, float]:
        """Return what a kept element is multiplied by, what it gains, and a dropped one's value."""
        if p == 1 or not self.alpha:
            return (1 / (1 - p) if p < 1 else 0.0), 0.0, 0.0
        scale = 1 / math.sqrt((1 - p) * (1 + p * SATURATION**2))
        return scale, scale * p * SATURATION, scale * (p - 1) * SATURATION


def definition(
    form: Form,
    default: bool,
    x: Any,
    *,
    p: float = 0.5,
    training: bool | None = None,
    rng: Any = None,
) -> Any:
    """Return what is kept, scaled and shifted, and the value of what is dropped."""
    if not (default if training is None else training) or p == 0:
        return x, lambda g: (g,)
    kept = np.random.default_rng(rng).random(form.mask(x.shape)) >= p
    scale, shift, dropped = form.values(p)
    y = where(kept, x * scale + shift, dropped)
    return y, lambda g: (where(kept, g * scale, 0.0),)


def law(form: Form, function: Callable[..., Any], dtype: DTypeLike, seed: int) -> Iterator[Verdict]:
    """Yield (output, check, what is wrong or None) for a dropout."""
    source = np.random.default_rng(seed)
    trained = {"training": True} if form.alpha else {}
    first, last = form.shapes[0], form.shapes[-1]
    for sizes, p in ((first, 0.5), (first, 0.2), (last, 0.9)):
        # Above 0: no element that is kept has the value of a dropped one.
        x = (np.abs(source.standard_normal(sizes)) + 0.5).astype(dtype)
        grad_output = (np.abs(source.standard_normal(sizes)) + 0.5).astype(dtype)
        y, pullback = function(x, p=p, rng=seed, **trained)
        yield from _mask_law(form, x, np.asarray(y), p)
        kept = ~_dropped(form, np.asarray(y), p)
        scale = np.asarray(form.values(p)[0], dtype)
        (grad,) = _tuple(pullback(grad_output))
        same = np.where(kept, _near(grad, grad_output * scale), grad == 0).all()
        yield "grad_input", "same mask", None if same else f"p={p}: the pullback has another mask"
        (again,) = _tuple(pullback(grad_output))
        fixed = np.array_equal(grad, again)
        yield "grad_input", "repeatability", None if fixed else f"p={p}: two pullbacks differ"
        repeated = np.array_equal(function(x, p=p, rng=seed, **trained)[0], y)
        yield "output", "seed", None if repeated else f"p={p}: the same seed, other values"
        other = np.array_equal(function(x, p=p, rng=seed + 1, **trained)[0], y)
        yield "output", "seed", f"p={p}: another seed, the same mask" if other else None
        if form.alpha:
            yield from _moments_law(function, dtype, p, seed)
    for hyper, expected in (
        ({"p": 0.5, "training": False}, x),
        ({"p": 0.0, **trained}, x),
        ({"p": 1.0, **trained}, np.zeros_like(x)),
    ):
        y, pullback = function(x, rng=seed, **hyper)
        wrong = not np.array_equal(y, expected)
        yield "output", "evaluation and edges", f"{hyper}: not exact" if wrong else None
        wrong = not np.array_equal(_tuple(pullback(grad_output))[0], grad_output * (expected != 0))
        yield "grad_input", "evaluation and edges", f"{hyper}: not exact" if wrong else None


def _dropped(form: Form, y: Any, p: float) -> Any:
    """Return which elements have the value of dropped ones."""
    dropped = _near(y, np.asarray(form.values(p)[2], y.dtype))
    # Dropped to a wrong value, which is no mistake of the mask, they are the smallest.
    return dropped if dropped.any() else y == y.min()


def _mask_law(form: Form, x: Any, y: Any, p: float) -> Iterator[Verdict]:
    right = (y.shape, y.dtype) == (x.shape, x.dtype)
    yield "output", "shape", None if right else f"has {y.shape} of {y.dtype}"
    if not right:
        return
    scale, shift, dropped = form.values(p)
    gone = _dropped(form, y, p)
    allowed = gone | _near(y, x * x.dtype.type(scale) + x.dtype.type(shift))
    wrong = None
    if not allowed.all():
        odd = np.unravel_index(int(np.argmin(allowed)), y.shape)
        wrong = f"p={p}: {x[odd]} became {y[odd]}, not {dropped} or {scale} x + {shift}"
    yield "output", "two values", wrong
    mask = form.mask(y.shape)
    together = tuple(axis for axis, size in enumerate(mask) if size < y.shape[axis])
    alike = np.array_equal(gone.all(together), gone.any(together))
    yield "output", "whole channels", None if alike else f"p={p}: channels are dropped in part"
    kept = ~gone.all(together).reshape(-1)
    count, expected = int(kept.sum()), (1 - p) * kept.size
    spread = QUANTILE * math.sqrt(p * (1 - p) * kept.size) + 1
    off = abs(count - expected) > spread
    wrong = f"p={p}: {count} of {kept.size} are kept, expected {expected:.0f} ± {spread:.0f}"
    yield "output", "share kept", wrong if off else None
    yield from _independence_law(kept.reshape(mask), p)


def _independence_law(kept: Any, p: float) -> Iterator[Verdict]:
    """Yield whether neighbours along each axis of a mask are independent."""
    # Both are kept in (1 - p)² of the pairs.
    chance = (1 - p) ** 2
    for axis, size in enumerate(kept.shape):
        if size == 1:
            continue
        lines = np.moveaxis(kept, axis, 0)
        both = lines[0 : size - 1 : 2] & lines[1::2]
        expected = chance * both.size
        spread = QUANTILE * math.sqrt(expected * (1 - chance)) + 1
        off = abs(int(both.sum()) - expected) > spread
        wrong = f"p={p}: along axis {axis} {both.sum()} of {both.size} pairs kept"
        yield "output", "independence", wrong if off else None


def _moments_law(
    function: Callable[..., Any], dtype: DTypeLike, p: float, seed: int
) -> Iterator[Verdict]:
    """Yield whether normal numbers, each a channel of its own, keep mean 0 and variance 1."""
    x = np.random.default_rng([seed, 1]).standard_normal((2, SIZE // 2, 1)).astype(dtype)
    y = np.asarray(function(x, p=p, rng=seed, training=True)[0], np.float64)
    # Kept elements are normal around b with deviation a; the others are all the same number.
    a, b, dropped = Form((), {}, True).values(p)
    fourth = (1 - p) * (3 * a**4 + 6 * a**2 * b**2 + b**4) + p * dropped**4
    for name, found, expected, spread in (
        ("mean", y.mean(), 0.0, 1.0),
        ("mean square", (y * y).mean(), 1.0, math.sqrt(fourth - 1)),
    ):
        room = QUANTILE * spread / math.sqrt(SIZE)
        wrong = f"p={p}: the {name} is {found:.4f}, expected {expected} ± {room:.2g}"
        yield "output", "moments", wrong if not abs(found - expected) <= room else None


def _near(a: Any, b: Any) -> Any:
    """Return where two values agree but for the roundings of a scale, a product and a sum."""
    return np.abs(a - b) <= 4 * float(np.finfo(b.dtype).eps) / 2 * np.abs(b)


def _tuple(result: Any) -> tuple[Any, ...]:
    return result if isinstance(result, tuple) else (result,)


def _strategy(form: Form) -> Callable[[Draw], Case]:
    def strategy(draw: Draw) -> Case:
        ranks = tuple(form.lead) or (1, 2, 3, 4)
        axes = draw.choice(ranks)
        sizes = shape(draw, least=axes, most=axes, high=4)
        return finished(draw, {"x": Spec(sizes)}, {"training": False}, ("zero-mean",))

    return strategy


def _record(name: str, form: Form, x: Any, conventions: str, *invalid: Invalid) -> Operation:
    return Operation(
        name=name,
        arrays=("x",),
        defaults={"p": 0.5, "training": not form.alpha, "rng": None},
        strategy=_strategy(form),
        definition=partial(definition, form, not form.alpha),
        differentiable=("x",),
        conventions="Judged by its law: an element is kept and scaled, or dropped; the share kept "
        "lies in a binomial interval of probability 1 - 1e-9, the pullback has the same mask, a "
        f"seed fixes the bits, evaluation is the identity. {conventions}",
        invalid=(
            Invalid("a probability above 1", (x,), {"p": 1.5}),
            Invalid("a negative probability", (x,), {"p": -0.1}),
            *invalid,
        ),
        law=partial(law, form),
    )


_ELEMENTS = ((2, 3, SIZE // 6),)
_ROW, _IMAGE = np.ones(3), np.ones((2, 3, 4, 5))
_SELU = "What is dropped becomes the limit of SELU, and a scale and a shift keep mean 0 and "
_SELU += "variance 1. By default it is off, as in PyTorch."

OPERATIONS = (
    _record("dropout", Form(_ELEMENTS, {}), _ROW, ""),
    _record(
        "dropout1d",
        Form(((200, SIZE // 200, 2), (SIZE, 2)), {3: 2, 2: 1}),
        _IMAGE[0],
        "Whole channels are dropped.",
        Invalid("four axes", (_IMAGE,)),
    ),
    _record(
        "dropout2d",
        Form(((200, SIZE // 200, 1, 2), (300, SIZE // 300, 2)), {4: 2, 3: 2}),
        _IMAGE,
        "Whole channels are dropped; three axes are (N, C, L).",
        Invalid("two axes", (_IMAGE[0, 0],)),
    ),
    _record(
        "dropout3d",
        Form(((200, SIZE // 200, 1, 2, 1), (SIZE, 2, 1, 1)), {5: 2, 4: 1}),
        _IMAGE,
        "Whole channels are dropped; four axes are (C, D, H, W).",
        Invalid("three axes", (_IMAGE[0],)),
    ),
    _record("alpha_dropout", Form(_ELEMENTS, {}, True), _ROW, _SELU),
    _record(
        "feature_alpha_dropout",
        Form(((200, SIZE // 200, 2), (SIZE // 300, 300)), {3: 2, 2: 2, 4: 2, 5: 2}, True),
        _IMAGE,
        "Whole channels are dropped. " + _SELU,
        Invalid("one axis", (_ROW,)),
    ),
)
