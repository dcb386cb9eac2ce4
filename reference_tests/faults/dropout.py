"""Mistakes of dropout.

Its values are random, so no oracle knows those of a subject. With a seed the definition is exact
for its own mask: a mistake changes its results, or `wrap` changes how it is called, so that the
gradient has the same wrong mask. `named` tells which of them a subject has by what it does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from reference_tests.faults.fault import Fault, Hyper, Inputs, Shapes, oracle
from reference_tests.faults.table import Changes, given, listed
from reference_tests.operations.dropout import SATURATION

Array = Any
Function = Callable[..., Any]

_PLAIN = ("dropout", "dropout1d", "dropout2d", "dropout3d")
_ALPHA = ("alpha_dropout", "feature_alpha_dropout")
_CHANNELS = (*_PLAIN[1:], _ALPHA[1])
_BOTH, _GRADS = ("output", "grad_input"), ("grad_input",)


def _drops(hyper: Hyper, shapes: Shapes) -> bool:
    return bool(hyper["training"]) and 0 < hyper["p"] < 1


def _evaluates(hyper: Hyper, shapes: Shapes) -> bool:
    return not hyper["training"] and hyper["p"] > 0


def _drops_all(hyper: Hyper, shapes: Shapes) -> bool:
    return bool(hyper["training"]) and hyper["p"] == 1


def _while(
    applies: Callable[[Hyper, Shapes], bool], change: Callable[[Array, Inputs], Array]
) -> Changes:
    """Return the mistake that changes a result under a condition, which makes it show."""

    def after(result: Array, inputs: Inputs) -> Array:
        wrong = applies(inputs.hyper, inputs.shapes)
        return change(result, inputs) if wrong else result

    return {"after": after, "shows_if": applies}


def _passed(inputs: Inputs) -> Array:
    """Return what is scaled: the cotangent or, in the forward, the input."""
    return inputs["x"] if inputs.grad_output is None else inputs.grad_output


def _unscaled(result: Array, inputs: Inputs) -> Array:
    return np.where(result == 0, 0.0, _passed(inputs))


def _over_p(result: Array, inputs: Inputs) -> Array:
    return _unscaled(result, inputs) / inputs.hyper["p"]


def _kept(inputs: Inputs) -> Array:
    """Return the mask: of zeros, what is kept becomes the shift, which is above 0."""
    return oracle(inputs.but(x=np.zeros_like(inputs["x"])), "output") > 0


def _affine_missing(result: Array, inputs: Inputs) -> Array:
    return np.where(_kept(inputs), inputs["x"], -SATURATION)


def _inverted(result: Array, inputs: Inputs) -> Array:
    """Return the dropout of the original paper, which scales in evaluation."""
    if inputs.hyper["training"]:
        return _unscaled(result, inputs)
    return result * (1 - inputs.hyper["p"])


def _of_another_seed(inputs: Inputs) -> Inputs:
    seed = inputs.hyper["rng"]
    return inputs.but(rng=seed + 1 if isinstance(seed, int) else None)


def _recalled(change: Callable[..., Any], default: bool = True) -> Callable[[Function], Function]:
    """Return the wrapper that lets `change` do the calls in which something is dropped."""

    def wrap(function: Function) -> Function:
        def call(
            x: Array, *, p: float = 0.5, training: bool = default, rng: Any = None
        ) -> tuple[Array, Function]:
            if not training or not 0 < p < 1:
                return function(x, p=p, training=training, rng=rng)  # type: ignore[no-any-return]
            return change(function, x, p, rng)  # type: ignore[no-any-return]

        return call

    return wrap


def _multiplied(x: Array, factor: Array) -> tuple[Array, Function]:
    """Return a product with its pullback, in the dtype of `x`."""
    y = (x * factor).astype(x.dtype)
    return y, lambda g: ((g * factor).astype(g.dtype),)


def _p_is_kept(function: Function, x: Array, p: float, rng: Any) -> Any:
    y, pullback = function(x, p=1 - p, training=True, rng=rng)
    # Only the output is wrong: for its mask the gradient is that of the law.
    return y, lambda g: ((pullback(g)[0] * (p / (1 - p))).astype(g.dtype),)


def _share_exchanged(function: Function, x: Array, p: float, rng: Any) -> Any:
    factor, _ = function(np.ones_like(x), p=1 - p, training=True, rng=rng)
    return _multiplied(x, np.where(factor == 0, 0.0, 1 / (1 - p)))


def _each_element(function: Function, x: Array, p: float, rng: Any) -> Any:
    y, pullback = function(x.reshape(-1), p=p, training=True, rng=rng)
    return y.reshape(x.shape), lambda g: (pullback(g.reshape(-1))[0].reshape(x.shape),)


def _shared(function: Function, x: Array, p: float, rng: Any) -> Any:
    factor, _ = function(np.ones_like(x[:1]), p=p, training=True, rng=rng)
    return _multiplied(x, factor)


def _fixed(function: Function, x: Array, p: float, rng: Any) -> Any:
    return function(x, p=p, training=True, rng=0)


def _unseeded(default: bool) -> Callable[[Function], Function]:
    def wrap(function: Function) -> Function:
        source = np.random.default_rng(1)

        def change(function: Function, x: Array, p: float, rng: Any) -> Any:
            return function(x, p=p, training=True, rng=source)

        return _recalled(change, default)(function)

    return wrap


def _row(*sizes: int, **hyper: Any) -> Any:
    """Return cases of ones, as an image with so many axes, dropped with a seed."""
    options = {"p": 0.25, "training": True, "rng": 10, **hyper}

    def case(operation: str) -> Any:
        axes = {"dropout1d": 3, "dropout2d": 4, "dropout3d": 5}.get(operation, 2)
        axes = 3 if operation.startswith("feature") else axes
        shape = (*sizes, *(1,) * (axes - len(sizes)))
        return given(x=np.arange(1.0, np.prod(sizes) + 1).reshape(shape), **options)(operation)

    return case


_SEEN = _row(2, 2)
_EVALUATED = _row(2, 2, training=False)
_HALF = _row(2, 2, p=0.5)
_ALL_DROPPED = _row(2, 2, p=1.0)

_TABLE: tuple[tuple[Any, ...], ...] = (
    (
        _PLAIN,
        "not-scaled",
        "{} is not scaled by 1 / (1 - p).",
        "{} = mask · x, not mask · x / (1 - p)",
        "evaluation",
        (_SEEN, _EVALUATED),
        _while(_drops, _unscaled),
        _BOTH,
    ),
    (
        _PLAIN,
        "divided-by-p",
        "{} is divided by p, the probability to drop.",
        "{} = mask · x / p, not mask · x / (1 - p)",
        "p = 1/2",
        (_SEEN, _HALF),
        _while(lambda h, s: _drops(h, s) and h["p"] != 0.5, _over_p),
        _BOTH,
    ),
    (
        _PLAIN,
        "scaled-in-evaluation",
        "{} is scaled by 1 - p in evaluation, not by 1 / (1 - p) in training.",
        "{} = mask · x in training and (1 - p) x in evaluation",
        "p = 0",
        (_SEEN, _row(2, 2, p=0.0)),
        _while(lambda h, s: _drops(h, s) or _evaluates(h, s), _inverted),
        _BOTH,
    ),
    (
        (*_PLAIN, *_ALPHA),
        "active-in-evaluation",
        "{} is dropped in evaluation too.",
        "{} with the mask of training",
        "training",
        (_EVALUATED, _SEEN),
        {"before": lambda i: i.but(training=True), "shows_if": _evaluates},
        _BOTH,
    ),
    (
        (*_PLAIN, *_ALPHA),
        "nan-at-one",
        "{} is 0 · ∞ = NaN for p = 1.",
        "{} = 0 / (1 - p) for p = 1",
        "p below 1",
        (_ALL_DROPPED, _SEEN),
        _while(_drops_all, lambda result, i: result * np.nan),
        _BOTH,
    ),
    (
        (*_PLAIN, *_ALPHA),
        "new-mask",
        "{} has another mask than the output.",
        "grad_x = mask' · grad_output / (1 - p), mask' drawn anew",
        "evaluation",
        (_SEEN, _EVALUATED),
        {"before": _of_another_seed, "shows_if": _drops},
        _GRADS,
    ),
    (
        _PLAIN,
        "p-is-kept",
        "Elements are kept with probability p, and scaled by 1 / p: p is the share that stays.",
        "y = mask · x / p, where the mask is 1 with probability p",
        "p = 1/2",
        (_SEEN, _HALF),
        {
            "wrap": _recalled(_p_is_kept),
            "shows_if": lambda h, s: _drops(h, s) and h["p"] != 0.5,
        },
    ),
    (
        _PLAIN,
        "shares-exchanged",
        "Elements are kept with probability p, but scaled by 1 / (1 - p).",
        "y = mask · x / (1 - p), where the mask is 1 with probability p",
        "p = 1/2",
        (_row(2, 2, rng=12), _HALF),
        {
            "wrap": _recalled(_share_exchanged),
            "shows_if": lambda h, s: _drops(h, s) and h["p"] != 0.5,
        },
    ),
    (
        _CHANNELS[:-1],
        "elements-not-channels",
        "Elements are dropped one by one, not whole channels.",
        "a mask (N, C, H, W), not (N, C, 1, 1)",
        "channels of one element",
        (_row(1, 1, 4), _row(2, 2)),
        {"wrap": _recalled(_each_element), "shows_if": _drops},
    ),
    (
        _CHANNELS[-1:],
        "elements-not-channels-alpha",
        "Elements are dropped one by one, not whole channels.",
        "a mask (N, C, H, W), not (N, C, 1, 1)",
        "channels of one element",
        (_row(1, 1, 4), _row(2, 2)),
        {"wrap": _recalled(_each_element, False), "shows_if": _drops},
    ),
    (
        # The others take images without a batch too.
        ("dropout", "dropout2d"),
        "one-mask-for-the-batch",
        "All samples share the mask of the first.",
        "a mask (1, C, …), not (N, C, …)",
        "one sample",
        (_row(4, 1), _row(1, 4)),
        {
            "wrap": _recalled(_shared),
            "shows_if": lambda h, s: _drops(h, s) and s["x"][0] > 1,
        },
    ),
    (
        _PLAIN,
        "same-mask-every-time",
        "The mask is that of one fixed seed: rng is ignored.",
        "mask = default_rng(0).random(…) ≥ p",
        "evaluation",
        (_SEEN, _EVALUATED),
        {"wrap": _recalled(_fixed), "shows_if": _drops},
    ),
    (
        _PLAIN,
        "seed-ignored",
        "The mask comes from a source of its own: the same rng gives other values.",
        "mask = random(…) ≥ p, of a global generator",
        "evaluation",
        (_SEEN, _EVALUATED),
        {"wrap": _unseeded(True), "shows_if": _drops},
    ),
    (
        _ALPHA,
        "dropped-to-zero",
        "What is dropped becomes 0, not the limit of SELU.",
        "y = mask · (a x + b), not a (mask · x + (1 - mask) α') + b",
        "evaluation",
        (_SEEN, _EVALUATED),
        _while(_drops, lambda result, i: np.where(_kept(i), result, 0.0)),
    ),
    (
        _ALPHA,
        "affine-missing",
        "The scale and the shift that keep mean and variance are missing.",
        "y = mask · x + (1 - mask) α', not a (…) + b",
        "evaluation",
        (_SEEN, _EVALUATED),
        _while(_drops, _affine_missing),
    ),
    (
        _ALPHA,
        "alpha-as-dropout",
        "This is ordinary dropout, which keeps no variance.",
        "y = mask · x / (1 - p)",
        "evaluation",
        (_SEEN, _EVALUATED),
        _while(_drops, lambda result, i: np.where(_kept(i), i["x"] / (1 - i.hyper["p"]), 0.0)),
    ),
    (
        _ALPHA,
        "scale-missing",
        "{} lacks the scale of what is kept.",
        "grad_x = mask · grad_output, not a · mask · grad_output",
        "evaluation",
        (_SEEN, _EVALUATED),
        _while(_drops, _unscaled),
        _GRADS,
    ),
)

FAULTS: list[Fault] = [
    fault
    for operations, *row in _TABLE
    for fault in listed("dropout", "The output", operations, *row)
]
