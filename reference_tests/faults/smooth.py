"""Mistakes of smooth activations: wrong formulas, wrong arguments, and what overflows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from reference_tests.faults.curves import EMPTY, Changes, at, curve, faults, grad_at, unless
from reference_tests.faults.fault import Array, Fault, Inputs, oracle
from reference_tests.tolerance import erf

_LOGISTIC = ("tanh", "sigmoid")
_SMOOTH = ("tanh", "sigmoid", "softplus", "logsigmoid", "softsign", "silu", "mish", "gelu")
_PRODUCTS = ("silu", "gelu", "mish", "hardswish")
_HALF = 0.5


def _sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def _derived(slopes: dict[str, Callable[[Array, Array], Array]]) -> Changes:
    """Return the mistake of another derivative, a function of the input and the output."""

    def after(grad: Array, inputs: Inputs) -> Array:
        x = inputs["x"]
        return inputs.grad_output * slopes[inputs.operation.name](x, curve(inputs, x))

    return {"after": after}


def _evaluated(forms: dict[str, Callable[[Array, Inputs], Array]]) -> Changes:
    """Return the mistake of a form that overflows or cancels, in the dtype of the input."""

    def after(y: Array, inputs: Inputs) -> Array:
        return forms[inputs.operation.name](inputs["x"], inputs)

    return {"after": after}


def _twice(inputs: Inputs) -> Inputs:
    return grad_at(inputs, curve(inputs, inputs["x"]))


def _chained(inputs: Inputs) -> Inputs:
    inner = oracle(_twice(inputs), "grad_input")
    return inputs.but(grad_output=np.asarray(inner, inputs.grad_output.dtype))


def _scaled(inputs: Inputs) -> Array:
    return inputs["x"] * inputs["x"].dtype.type(inputs.hyper["beta"])


def _above(inputs: Inputs) -> Array:
    return _scaled(inputs) > inputs.hyper["threshold"]


def _by_the_input(result: Array, inputs: Inputs) -> Array:
    """Return softplus, or its gradient, with the threshold of x itself."""
    curved = inputs.but(threshold=np.inf)
    derived = inputs.grad_output is not None
    straight = inputs.grad_output if derived else inputs["x"]
    bent = oracle(curved, "grad_input" if derived else "output")
    return np.where(inputs["x"] > inputs.hyper["threshold"], straight, bent)


def _log_of_sum(x: Array) -> Array:
    return np.log(1 + np.exp(x))


def _careful_softplus(x: Array, inputs: Inputs) -> Array:
    beta = x.dtype.type(inputs.hyper["beta"])
    return np.where(_above(inputs), x, _log_of_sum(_scaled(inputs)) / beta)


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
_OVERFLOWING_SLOPES = _derived(
    {
        "sigmoid": lambda x, y: np.exp(-x) / (1 + np.exp(-x)) ** 2,
        "logsigmoid": lambda x, y: np.exp(-x) / (1 + np.exp(-x)),
        "tanh": lambda x, y: 1 - ((np.exp(x) - np.exp(-x)) / (np.exp(x) + np.exp(-x))) ** 2,
    }
)


def _normal(x: Array) -> Array:
    return 0.5 * (1 + erf(np.asarray(x / np.sqrt(2), float)))


def _is_exact(inputs: Inputs) -> bool:
    return bool(inputs.hyper["approximate"] == "none")


def _logistic_slope(x: Array, factor: float) -> Array:
    share = _sigmoid(factor * x)
    return share + factor * x * share * (1 - share)


def _gelu_as(approximate: str) -> Changes:
    return {
        "before": lambda i: i.but(approximate=approximate),
        "shows_if": unless(approximate=approximate),
    }


_EXACT = unless(approximate="tanh")
_ZERO, _ONE, _TWO = at(0.0), at(1.0), at(2.0)
_LARGE, _SMALL = at(1e4), at(0.5)
_TANH = at(2.0, approximate="tanh")
_GELU = ("gelu",)
_SOFTPLUS = ("softplus",)
_BETA, _THRESHOLD = at(1.0, beta=2.0), at(2.0, threshold=1.0)

_OUTPUT = faults(
    "output",
    (
        (
            "applied-twice",
            _SMOOTH,
            "The activation is applied twice.",
            "f(f(x)) instead of f(x)",
            "x = 0 where f(0) = 0",
            (_ONE, _ZERO),
            {"before": _twice},
        ),
        (
            "exponentials-overflow",
            ("sigmoid", "tanh", "silu", "softplus", "logsigmoid"),
            "The exponentials of large numbers overflow.",
            "exp(x) / (1 + exp(x)), (exp(x) - exp(-x)) / (exp(x) + exp(-x)) or log(1 + exp(x))",
            "small numbers",
            (_LARGE, _SMALL),
            _OVERFLOWING,
        ),
        (
            "one-swallows-the-exponential",
            ("softplus", "logsigmoid", "mish"),
            "A small exponential is lost beside 1.",
            "log(1 + exp(x)), which is 0 for x < -37, instead of log1p(exp(x))",
            "numbers around 0",
            (at(-40.0), _SMALL),
            _SWALLOWING,
        ),
        (
            "exponent-sign",
            ("sigmoid", "softplus", "logsigmoid"),
            "The exponent has the wrong sign.",
            "f(-x) instead of f(x)",
            "x = 0",
            (_ONE, _ZERO),
            {"before": lambda i: grad_at(i, -i["x"])},
        ),
        (
            "sigmoid-of-tanh-not-halved",
            ("sigmoid",),
            "The argument of the tanh is not halved.",
            "(1 + tanh(x)) / 2 instead of (1 + tanh(x / 2)) / 2",
            "x = 0",
            (_ONE, _ZERO),
            {"before": lambda i: grad_at(i, 2 * i["x"])},
        ),
        (
            "softplus-not-divided-by-beta",
            _SOFTPLUS,
            "The logarithm is not divided by beta.",
            "log(1 + exp(beta · x)) instead of log(1 + exp(beta · x)) / beta",
            "a beta of 1",
            (_BETA, _ONE),
            {
                "after": lambda y, i: np.where(_above(i), y, y * i.hyper["beta"]),
                "shows_if": unless(beta=1.0),
            },
        ),
        (
            "softplus-threshold-ignored",
            _SOFTPLUS,
            "The threshold is ignored.",
            "log(1 + exp(beta · x)) / beta instead of x where beta · x > threshold",
            "numbers below the threshold",
            (_THRESHOLD, _ONE),
            {"before": lambda i: i.but(threshold=np.inf)},
        ),
        (
            "softplus-threshold-of-x",
            _SOFTPLUS,
            "The threshold is compared with x instead of beta · x.",
            "x where x > threshold instead of x where beta · x > threshold",
            "a beta of 1",
            (at(1.0, beta=2.0, threshold=1.0), _ONE),
            {"after": _by_the_input, "shows_if": unless(beta=1.0)},
        ),
        (
            "gelu-by-tanh",
            _GELU,
            "The normal distribution is approximated by a tanh.",
            "x / 2 · (1 + tanh(√(2/π) · (x + 0.044715 · x³))) instead of x / 2 · (1 + erf(x / √2))",
            "x = 0, or far from ±2",
            (_TWO, _ZERO),
            _gelu_as("tanh"),
        ),
        (
            "gelu-by-erf",
            _GELU,
            "The approximation by a tanh is asked for, and the normal distribution taken.",
            "x / 2 · (1 + erf(x / √2)) instead of x / 2 · (1 + tanh(√(2/π) · (x + 0.044715 · x³)))",
            "x = 0, or far from ±2",
            (_TANH, _ZERO),
            _gelu_as("none"),
        ),
        (
            "gelu-by-sigmoid",
            _GELU,
            "The normal distribution is approximated by a sigmoid.",
            "x · sigmoid(1.702 · x) instead of x / 2 · (1 + erf(x / √2))",
            "x = 0, or far from it",
            (_TWO, _ZERO),
            {"after": lambda y, i: i["x"] * _sigmoid(1.702 * i["x"])},
        ),
        (
            "gelu-without-root",
            _GELU,
            "The argument of the error function is not divided by √2.",
            "x / 2 · (1 + erf(x)) instead of x / 2 · (1 + erf(x / √2))",
            "x = 0, or the approximation by a tanh",
            (_ONE, _ZERO),
            {
                "after": lambda y, i: (
                    i["x"] * _normal(i["x"] * np.sqrt(2)) if _is_exact(i) else y
                ),
                "shows_if": _EXACT,
            },
        ),
        (
            "softsign-without-absolute",
            ("softsign",),
            "The denominator has x instead of its absolute value.",
            "x / (1 + x) instead of x / (1 + |x|)",
            "numbers that are not negative",
            (at(-2.0), _ONE),
            {"after": lambda y, i: i["x"] / (1 + i["x"])},
        ),
    ),
    {
        "applied-twice": dict.fromkeys(("sigmoid", "softplus", "logsigmoid"), (_ONE, EMPTY)),
        "exponentials-overflow": {"logsigmoid": (at(-1e4), _SMALL)},
        "one-swallows-the-exponential": {"logsigmoid": (at(40.0), _SMALL)},
    },
)

_GRADIENT = faults(
    "grad_input",
    (
        (
            "grad-at-the-output",
            _SMOOTH,
            "The derivative is taken at the output, as if that were the input.",
            "grad_output · f′(f(x)) instead of grad_output · f′(x)",
            "x = 0 where f(0) = 0",
            (_ONE, _ZERO),
            {"before": _twice},
        ),
        (
            "grad-formula-of-the-output",
            _LOGISTIC,
            "The input is put into the formula for the output.",
            "1 - x² instead of 1 - y² for tanh, x · (1 - x) instead of y · (1 - y) for sigmoid",
            "x = 0 for tanh",
            (_ONE, _ZERO),
            _derived({"tanh": lambda x, y: 1 - x * x, "sigmoid": lambda x, y: x * (1 - x)}),
        ),
        (
            "grad-applied-twice",
            _SMOOTH,
            "The gradient is that of an activation that is applied twice.",
            "grad_output · f′(f(x)) · f′(x) instead of grad_output · f′(x)",
            "x = 0 where f(0) = 0 and f′(0) = 1",
            (_ONE, _ZERO),
            {"before": _chained},
        ),
        (
            "grad-plus-instead-of-minus",
            _LOGISTIC,
            "The derivative adds where it should subtract.",
            "1 + y² instead of 1 - y² for tanh, y · (1 + y) instead of y · (1 - y) for sigmoid",
            "x = 0 for tanh, very negative ones for sigmoid",
            (_ONE, _ZERO),
            _derived({"tanh": lambda x, y: 1 + y * y, "sigmoid": lambda x, y: y * (1 + y)}),
        ),
        (
            "grad-one-minus-output",
            _LOGISTIC,
            "The derivative is 1 minus the output.",
            "1 - y instead of 1 - y² for tanh, or instead of y · (1 - y) for sigmoid",
            "x = 0 for tanh, very large ones for sigmoid",
            (_ONE, _ZERO),
            _derived({"tanh": lambda x, y: 1 - y, "sigmoid": lambda x, y: 1 - y}),
        ),
        (
            "grad-exponentials-overflow",
            ("sigmoid", "logsigmoid", "tanh"),
            "The exponentials in the derivative overflow.",
            "exp(-x) / (1 + exp(-x))², which is NaN for x < -89, instead of y · (1 - y)",
            "small numbers",
            (at(-1e4), _SMALL),
            _OVERFLOWING_SLOPES,
        ),
        (
            "grad-exponent-sign",
            ("logsigmoid", "softplus"),
            "The exponent of the derivative has the wrong sign.",
            "f′(-x) instead of f′(x)",
            "x = 0",
            (_ONE, _ZERO),
            {"before": lambda i: grad_at(i, -i["x"])},
        ),
        (
            "grad-product-rule-forgotten",
            _PRODUCTS,
            "The derivative of the factor beside x is forgotten.",
            "f(x) / x instead of f(x) / x + x · (f(x) / x)′",
            "x = 0, or numbers where the curve is straight",
            (_ONE, _ZERO),
            _derived(
                {
                    "silu": lambda x, y: _sigmoid(x),
                    "gelu": lambda x, y: np.where(x == 0, _HALF, y / x),
                    "mish": lambda x, y: np.where(x == 0, np.tanh(np.log(2)), y / x),
                    "hardswish": lambda x, y: np.clip(x / 6 + _HALF, 0, 1),
                }
            ),
        ),
        (
            "grad-softplus-times-beta",
            _SOFTPLUS,
            "The derivative is that of a logarithm that is not divided by beta.",
            "grad_output · beta · sigmoid(beta · x) instead of grad_output · sigmoid(beta · x)",
            "a beta of 1",
            (_BETA, _ONE),
            {
                "after": lambda grad, i: np.where(_above(i), grad, grad * i.hyper["beta"]),
                "shows_if": unless(beta=1.0),
            },
        ),
        (
            "grad-softplus-threshold-ignored",
            _SOFTPLUS,
            "The gradient ignores the threshold.",
            "grad_output · sigmoid(beta · x) instead of grad_output where beta · x > threshold",
            "numbers below the threshold",
            (_THRESHOLD, _ONE),
            {"before": lambda i: i.but(threshold=np.inf)},
        ),
        (
            "grad-softplus-threshold-of-x",
            _SOFTPLUS,
            "The gradient compares the threshold with x instead of beta · x.",
            "grad_output where x > threshold instead of where beta · x > threshold",
            "a beta of 1",
            (at(1.0, beta=2.0, threshold=1.0), _ONE),
            {"after": _by_the_input, "shows_if": unless(beta=1.0)},
        ),
        (
            "grad-gelu-by-tanh",
            _GELU,
            "The gradient is that of the approximation by a tanh.",
            "that of x / 2 · (1 + tanh(√(2/π) · (x + 0.044715 · x³)))",
            "x = 0, or far from ±2",
            (_TWO, _ZERO),
            _gelu_as("tanh"),
        ),
        (
            "grad-gelu-by-erf",
            _GELU,
            "The gradient is that of the normal distribution instead of its approximation.",
            "that of x / 2 · (1 + erf(x / √2))",
            "x = 0, or far from ±2",
            (_TANH, _ZERO),
            _gelu_as("none"),
        ),
        (
            "grad-gelu-by-sigmoid",
            _GELU,
            "The gradient is that of the approximation by a sigmoid.",
            "that of x · sigmoid(1.702 · x)",
            "x = 0, or far from it",
            (_TWO, _ZERO),
            _derived({"gelu": lambda x, y: _logistic_slope(x, 1.702)}),
        ),
        (
            "grad-softsign-not-squared",
            ("softsign",),
            "The denominator of the derivative is not squared.",
            "grad_output / (1 + |x|) instead of grad_output / (1 + |x|)²",
            "x = 0",
            (_ONE, _ZERO),
            _derived({"softsign": lambda x, y: 1 / (1 + np.abs(x))}),
        ),
        (
            "grad-tanhshrink-of-the-tanh",
            ("tanhshrink",),
            "The gradient is that of the tanh, which is not subtracted from 1.",
            "grad_output · (1 - tanh²(x)) instead of grad_output · tanh²(x)",
            "tanh²(x) = ½",
            (_ONE, EMPTY),
            {"after": lambda grad, i: i.grad_output - grad},
        ),
    ),
    {
        "grad-at-the-output": dict.fromkeys(("sigmoid", "softplus", "logsigmoid"), (_ONE, EMPTY)),
        "grad-applied-twice": {
            **dict.fromkeys(("sigmoid", "softplus", "logsigmoid"), (_ONE, EMPTY)),
            **dict.fromkeys(("silu", "mish", "gelu"), (_ONE, EMPTY)),
        },
        "grad-formula-of-the-output": {"sigmoid": (at(1.5), EMPTY)},
        "grad-plus-instead-of-minus": {"sigmoid": (_ONE, at(-1e4))},
        "grad-one-minus-output": {"sigmoid": (_ONE, at(1e4))},
    },
)

FAULTS: list[Fault] = [*_OUTPUT, *_GRADIENT]
