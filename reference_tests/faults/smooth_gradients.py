"""Mistakes of the gradients of smooth activations."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from reference_tests.faults.curves import EMPTY, Array, Changes, at, curve, faults, grad_at, unless
from reference_tests.faults.fault import Fault, Inputs, oracle
from reference_tests.faults.smooth import (
    BETA,
    GELU,
    LOGISTIC,
    ONE,
    SMALL,
    SMOOTH,
    SOFTPLUS,
    TANH,
    THRESHOLD,
    TWO,
    ZERO,
    above,
    gelu_as,
    sigmoid,
    twice,
)

_PRODUCTS = ("silu", "gelu", "mish", "hardswish")


def _derived(slopes: dict[str, Callable[[Array, Array], Array]]) -> Changes:
    """Return the mistake of another derivative, a function of the input and the output."""

    def after(grad: Array, inputs: Inputs) -> Array:
        x = inputs["x"]
        return inputs.grad_output * slopes[inputs.operation.name](x, curve(inputs, x))

    return {"after": after}


def _chained(inputs: Inputs) -> Inputs:
    inner = oracle(twice(inputs), "grad_input")
    return inputs.but(grad_output=np.asarray(inner, inputs.grad_output.dtype))


def _logistic_slope(x: Array, factor: float) -> Array:
    share = sigmoid(factor * x)
    return share + factor * x * share * (1 - share)


_OVERFLOWING_SLOPES = _derived(
    {
        "sigmoid": lambda x, y: np.exp(-x) / (1 + np.exp(-x)) ** 2,
        "logsigmoid": lambda x, y: np.exp(-x) / (1 + np.exp(-x)),
        "tanh": lambda x, y: 1 - ((np.exp(x) - np.exp(-x)) / (np.exp(x) + np.exp(-x))) ** 2,
    }
)


def _by_the_input(grad: Array, inputs: Inputs) -> Array:
    bent = oracle(inputs.but(threshold=np.inf), "grad_input")
    return np.where(inputs["x"] > inputs.hyper["threshold"], inputs.grad_output, bent)


FAULTS: list[Fault] = faults(
    "grad_input",
    (
        (
            "grad-at-the-output",
            SMOOTH,
            "The derivative is taken at the output, as if that were the input.",
            "grad_output · f′(f(x)) instead of grad_output · f′(x)",
            "x = 0 where f(0) = 0",
            (ONE, ZERO),
            {"before": twice},
        ),
        (
            "grad-formula-of-the-output",
            LOGISTIC,
            "The input is put into the formula for the output.",
            "1 - x² instead of 1 - y² for tanh, x · (1 - x) instead of y · (1 - y) for sigmoid",
            "x = 0 for tanh",
            (ONE, ZERO),
            _derived({"tanh": lambda x, y: 1 - x * x, "sigmoid": lambda x, y: x * (1 - x)}),
        ),
        (
            "grad-applied-twice",
            SMOOTH,
            "The gradient is that of an activation that is applied twice.",
            "grad_output · f′(f(x)) · f′(x) instead of grad_output · f′(x)",
            "x = 0 where f(0) = 0 and f′(0) = 1",
            (ONE, ZERO),
            {"before": _chained},
        ),
        (
            "grad-plus-instead-of-minus",
            LOGISTIC,
            "The derivative adds where it should subtract.",
            "1 + y² instead of 1 - y² for tanh, y · (1 + y) instead of y · (1 - y) for sigmoid",
            "x = 0 for tanh, very negative ones for sigmoid",
            (ONE, ZERO),
            _derived({"tanh": lambda x, y: 1 + y * y, "sigmoid": lambda x, y: y * (1 + y)}),
        ),
        (
            "grad-one-minus-output",
            LOGISTIC,
            "The derivative is 1 minus the output.",
            "1 - y instead of 1 - y² for tanh, or instead of y · (1 - y) for sigmoid",
            "x = 0 for tanh, very large ones for sigmoid",
            (ONE, ZERO),
            _derived({"tanh": lambda x, y: 1 - y, "sigmoid": lambda x, y: 1 - y}),
        ),
        (
            "grad-exponentials-overflow",
            ("sigmoid", "logsigmoid", "tanh"),
            "The exponentials in the derivative overflow.",
            "exp(-x) / (1 + exp(-x))², which is NaN for x < -89, instead of y · (1 - y)",
            "small numbers",
            (at(-1e4), SMALL),
            _OVERFLOWING_SLOPES,
        ),
        (
            "grad-exponent-sign",
            ("logsigmoid", "softplus"),
            "The exponent of the derivative has the wrong sign.",
            "f′(-x) instead of f′(x)",
            "x = 0",
            (ONE, ZERO),
            {"before": lambda i: grad_at(i, -i["x"])},
        ),
        (
            "grad-product-rule-forgotten",
            _PRODUCTS,
            "The derivative of the factor beside x is forgotten.",
            "f(x) / x instead of f(x) / x + x · (f(x) / x)′",
            "x = 0, or numbers where the curve is straight",
            (ONE, ZERO),
            _derived(
                {
                    "silu": lambda x, y: sigmoid(x),
                    "gelu": lambda x, y: np.where(x == 0, 0.5, y / x),
                    "mish": lambda x, y: np.where(x == 0, np.tanh(np.log(2)), y / x),
                    "hardswish": lambda x, y: np.clip(x / 6 + 0.5, 0, 1),
                }
            ),
        ),
        (
            "grad-softplus-times-beta",
            SOFTPLUS,
            "The derivative is that of a logarithm that is not divided by beta.",
            "grad_output · beta · sigmoid(beta · x) instead of grad_output · sigmoid(beta · x)",
            "a beta of 1",
            (BETA, ONE),
            {
                "after": lambda grad, i: np.where(above(i), grad, grad * i.hyper["beta"]),
                "shows_if": unless(beta=1.0),
            },
        ),
        (
            "grad-softplus-threshold-ignored",
            SOFTPLUS,
            "The gradient ignores the threshold.",
            "grad_output · sigmoid(beta · x) instead of grad_output where beta · x > threshold",
            "numbers below the threshold",
            (THRESHOLD, ONE),
            {"before": lambda i: i.but(threshold=np.inf)},
        ),
        (
            "grad-softplus-threshold-of-x",
            SOFTPLUS,
            "The gradient compares the threshold with x instead of beta · x.",
            "grad_output where x > threshold instead of where beta · x > threshold",
            "a beta of 1",
            (at(1.0, beta=2.0, threshold=1.0), ONE),
            {"after": _by_the_input, "shows_if": unless(beta=1.0)},
        ),
        (
            "grad-gelu-by-tanh",
            GELU,
            "The gradient is that of the approximation by a tanh.",
            "that of x / 2 · (1 + tanh(√(2/π) · (x + 0.044715 · x³)))",
            "x = 0, or far from ±2",
            (TWO, ZERO),
            gelu_as("tanh"),
        ),
        (
            "grad-gelu-by-erf",
            GELU,
            "The gradient is that of the normal distribution instead of its approximation.",
            "that of x / 2 · (1 + erf(x / √2))",
            "x = 0, or far from ±2",
            (TANH, ZERO),
            gelu_as("none"),
        ),
        (
            "grad-gelu-by-sigmoid",
            GELU,
            "The gradient is that of the approximation by a sigmoid.",
            "that of x · sigmoid(1.702 · x)",
            "x = 0, or far from it",
            (TWO, ZERO),
            _derived({"gelu": lambda x, y: _logistic_slope(x, 1.702)}),
        ),
        (
            "grad-softsign-not-squared",
            ("softsign",),
            "The denominator of the derivative is not squared.",
            "grad_output / (1 + |x|) instead of grad_output / (1 + |x|)²",
            "x = 0",
            (ONE, ZERO),
            _derived({"softsign": lambda x, y: 1 / (1 + np.abs(x))}),
        ),
        (
            "grad-tanhshrink-of-the-tanh",
            ("tanhshrink",),
            "The gradient is that of the tanh, which is not subtracted from 1.",
            "grad_output · (1 - tanh²(x)) instead of grad_output · tanh²(x)",
            "tanh²(x) = ½",
            (ONE, EMPTY),
            {"after": lambda grad, i: i.grad_output - grad},
        ),
    ),
    {
        "grad-at-the-output": dict.fromkeys(("sigmoid", "softplus", "logsigmoid"), (ONE, EMPTY)),
        "grad-applied-twice": {
            **dict.fromkeys(("sigmoid", "softplus", "logsigmoid"), (ONE, EMPTY)),
            **dict.fromkeys(("silu", "mish", "gelu"), (ONE, EMPTY)),
        },
        "grad-formula-of-the-output": {"sigmoid": (at(1.5), EMPTY)},
        "grad-plus-instead-of-minus": {"sigmoid": (ONE, at(-1e4))},
        "grad-one-minus-output": {"sigmoid": (ONE, at(1e4))},
    },
)
