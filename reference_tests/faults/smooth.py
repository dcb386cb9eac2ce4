"""Mistakes of smooth activations: wrong formulas, wrong arguments, and what overflows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from reference_tests.faults.curves import EMPTY, Array, Changes, at, curve, faults, grad_at, unless
from reference_tests.faults.fault import Fault, Inputs
from reference_tests.tolerance import erf

LOGISTIC = ("tanh", "sigmoid")
SMOOTH = ("tanh", "sigmoid", "softplus", "logsigmoid", "softsign", "silu", "mish", "gelu")


def sigmoid(x: Array) -> Array:
    """Return the logistic function, which is right for numbers that are not large."""
    return 1 / (1 + np.exp(-x))


def _evaluated(forms: dict[str, Callable[[Array, Inputs], Array]]) -> Changes:
    """Return the mistake of a form that overflows or cancels, in the dtype of the input."""

    def after(y: Array, inputs: Inputs) -> Array:
        return forms[inputs.operation.name](inputs["x"], inputs)

    return {"after": after}


def twice(inputs: Inputs) -> Inputs:
    """Return inputs that are the outputs."""
    return grad_at(inputs, curve(inputs, inputs["x"]))


def _scaled(inputs: Inputs) -> Array:
    return inputs["x"] * inputs["x"].dtype.type(inputs.hyper["beta"])


def above(inputs: Inputs) -> Array:
    """Return where softplus is straight."""
    return _scaled(inputs) > inputs.hyper["threshold"]


def _by_the_input(y: Array, inputs: Inputs) -> Array:
    return np.where(inputs["x"] > inputs.hyper["threshold"], inputs["x"], _bent(inputs))


def _bent(inputs: Inputs) -> Array:
    """Return softplus without a threshold, in the form that does not overflow."""
    return np.logaddexp(_scaled(inputs), 0) / inputs.hyper["beta"]


def _log_of_sum(x: Array) -> Array:
    return np.log(1 + np.exp(x))


def _careful_softplus(x: Array, inputs: Inputs) -> Array:
    beta = x.dtype.type(inputs.hyper["beta"])
    return np.where(above(inputs), x, _log_of_sum(_scaled(inputs)) / beta)


_OVERFLOWING = _evaluated(
    {
        "sigmoid": lambda x, i: np.exp(x) / (1 + np.exp(x)),
        "tanh": lambda x, i: (np.exp(x) - np.exp(-x)) / (np.exp(x) + np.exp(-x)),
        "silu": lambda x, i: x * (np.exp(x) / (1 + np.exp(x))),
        "softplus": lambda x, i: _log_of_sum(_scaled(i)) / x.dtype.type(i.hyper["beta"]),
        "logsigmoid": lambda x, i: np.log(1 / (1 + np.exp(-x))),
    }
)
_SWALLOWING = _evaluated(
    {
        "softplus": _careful_softplus,
        "logsigmoid": lambda x, i: np.where(x < 0, x - _log_of_sum(x), -_log_of_sum(-x)),
        "mish": lambda x, i: x * np.tanh(np.where(x > 20, x, _log_of_sum(x))),
    }
)


def _normal(x: Array) -> Array:
    return 0.5 * (1 + erf(np.asarray(x / np.sqrt(2), float)))


def _is_exact(inputs: Inputs) -> bool:
    return bool(inputs.hyper["approximate"] == "none")


def gelu_as(approximate: str) -> Changes:
    """Return the mistake of the other form of gelu."""
    return {
        "before": lambda i: i.but(approximate=approximate),
        "shows_if": unless(approximate=approximate),
    }


_EXACT = unless(approximate="tanh")
ZERO, ONE, TWO = at(0.0), at(1.0), at(2.0)
_LARGE, SMALL = at(1e4), at(0.5)
TANH = at(2.0, approximate="tanh")
GELU = ("gelu",)
SOFTPLUS = ("softplus",)
BETA, THRESHOLD = at(1.0, beta=2.0), at(2.0, threshold=1.0)

FAULTS: list[Fault] = faults(
    "output",
    (
        (
            "applied-twice",
            SMOOTH,
            "The activation is applied twice.",
            "f(f(x)) instead of f(x)",
            "x = 0 where f(0) = 0",
            (ONE, ZERO),
            {"before": twice},
        ),
        (
            "exponentials-overflow",
            ("sigmoid", "tanh", "silu", "softplus", "logsigmoid"),
            "The exponentials of large numbers overflow.",
            "exp(x) / (1 + exp(x)), (exp(x) - exp(-x)) / (exp(x) + exp(-x)) or log(1 + exp(x))",
            "small numbers",
            (_LARGE, SMALL),
            _OVERFLOWING,
        ),
        (
            "one-swallows-the-exponential",
            ("softplus", "logsigmoid", "mish"),
            "A small exponential is lost beside 1.",
            "log(1 + exp(x)), which is 0 for x < -37, instead of log1p(exp(x))",
            "numbers around 0",
            (at(-40.0), SMALL),
            _SWALLOWING,
        ),
        (
            "exponent-sign",
            ("sigmoid", "softplus", "logsigmoid"),
            "The exponent has the wrong sign.",
            "f(-x) instead of f(x)",
            "x = 0",
            (ONE, ZERO),
            {"before": lambda i: grad_at(i, -i["x"])},
        ),
        (
            "sigmoid-of-tanh-not-halved",
            ("sigmoid",),
            "The argument of the tanh is not halved.",
            "(1 + tanh(x)) / 2 instead of (1 + tanh(x / 2)) / 2",
            "x = 0",
            (ONE, ZERO),
            {"before": lambda i: grad_at(i, 2 * i["x"])},
        ),
        (
            "softplus-not-divided-by-beta",
            SOFTPLUS,
            "The logarithm is not divided by beta.",
            "log(1 + exp(beta · x)) instead of log(1 + exp(beta · x)) / beta",
            "a beta of 1",
            (BETA, ONE),
            {
                "after": lambda y, i: np.where(above(i), y, y * i.hyper["beta"]),
                "shows_if": unless(beta=1.0),
            },
        ),
        (
            "softplus-threshold-ignored",
            SOFTPLUS,
            "The threshold is ignored.",
            "log(1 + exp(beta · x)) / beta instead of x where beta · x > threshold",
            "numbers below the threshold",
            (THRESHOLD, ONE),
            {"after": lambda y, i: _bent(i)},
        ),
        (
            "softplus-threshold-of-x",
            SOFTPLUS,
            "The threshold is compared with x instead of beta · x.",
            "x where x > threshold instead of x where beta · x > threshold",
            "a beta of 1",
            (at(1.0, beta=2.0, threshold=1.0), ONE),
            {"after": _by_the_input, "shows_if": unless(beta=1.0)},
        ),
        (
            "gelu-by-tanh",
            GELU,
            "The normal distribution is approximated by a tanh.",
            "x / 2 · (1 + tanh(√(2/π) · (x + 0.044715 · x³))) instead of x / 2 · (1 + erf(x / √2))",
            "x = 0, or far from ±2",
            (TWO, ZERO),
            gelu_as("tanh"),
        ),
        (
            "gelu-by-erf",
            GELU,
            "The approximation by a tanh is asked for, and the normal distribution taken.",
            "x / 2 · (1 + erf(x / √2)) instead of x / 2 · (1 + tanh(√(2/π) · (x + 0.044715 · x³)))",
            "x = 0, or far from ±2",
            (TANH, ZERO),
            gelu_as("none"),
        ),
        (
            "gelu-by-sigmoid",
            GELU,
            "The normal distribution is approximated by a sigmoid.",
            "x · sigmoid(1.702 · x) instead of x / 2 · (1 + erf(x / √2))",
            "x = 0, or far from it",
            (TWO, ZERO),
            {"after": lambda y, i: i["x"] * sigmoid(1.702 * i["x"])},
        ),
        (
            "gelu-without-root",
            GELU,
            "The argument of the error function is not divided by √2.",
            "x / 2 · (1 + erf(x)) instead of x / 2 · (1 + erf(x / √2))",
            "x = 0, or the approximation by a tanh",
            (ONE, ZERO),
            {
                "after": lambda y, i: i["x"] * _normal(i["x"] * np.sqrt(2)) if _is_exact(i) else y,
                "shows_if": _EXACT,
            },
        ),
        (
            "softsign-without-absolute",
            ("softsign",),
            "The denominator has x instead of its absolute value.",
            "x / (1 + x) instead of x / (1 + |x|)",
            "numbers that are not negative",
            (at(-2.0), ONE),
            {"after": lambda y, i: i["x"] / (1 + i["x"])},
        ),
    ),
    {
        "applied-twice": dict.fromkeys(("sigmoid", "softplus", "logsigmoid"), (ONE, EMPTY)),
        "exponentials-overflow": {"logsigmoid": (at(-1e4), SMALL)},
        "one-swallows-the-exponential": {"logsigmoid": (at(40.0), SMALL)},
    },
)
