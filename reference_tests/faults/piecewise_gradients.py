"""Mistakes of the gradients of activations in pieces: at kinks, and on either side of them."""

from __future__ import annotations

import numpy as np

from reference_tests.faults.curves import (
    EMPTY,
    Array,
    after_where,
    always,
    at,
    curve,
    faults,
    grad_at,
    unless,
)
from reference_tests.faults.fault import Fault, Hyper, Inputs, Shapes
from reference_tests.faults.piecewise import (
    BOUNDED,
    EXCHANGED,
    LEFT,
    ONE_SIDED,
    OTHER_SLOPE,
    RIGHT,
    SELU,
    SHORT,
    SLOPED,
    SWAPPED,
    kinks,
    sloped,
    upper,
)
from reference_tests.tolerance import rounded


def _open_bounds(inputs: Inputs) -> Inputs:
    at_kink, inside = kinks(inputs)
    return grad_at(inputs, np.where(at_kink, inside, inputs["x"]))


def _bounded(hyper: Hyper, shapes: Shapes) -> bool:
    empty = "min_val" in hyper and hyper["min_val"] >= hyper["max_val"]
    return always(hyper, shapes) and not empty and hyper.get("lambd", 0) >= 0


def _slope_of_keras(grad: Array, inputs: Inputs) -> Array:
    return np.where(np.abs(inputs["x"]) < 2.5, 0.2 * inputs.grad_output, 0.0)


def _lower(inputs: Inputs) -> float:
    return float(inputs.hyper.get("min_val", 0.0))


def _as_elu(grad: Array, inputs: Inputs) -> Array:
    x, alpha = inputs["x"], inputs.hyper["alpha"]
    return np.where(x > 0, grad, inputs.grad_output * (alpha * np.exp(x)))


FAULTS: list[Fault] = faults(
    "grad_input",
    (
        (
            "grad-of-the-right-at-zero",
            ("relu", "leaky_relu", "prelu", "elu", "selu"),
            "At 0 the derivative is that of the positive side: the mask is x >= 0.",
            "relu′(0) = 1 instead of 0, and so on",
            "no zeros, or a slope of 1 on both sides",
            (at(0.0), RIGHT),
            {
                "before": lambda i: grad_at(i, np.where(i["x"] == 0, 1.0, i["x"])),
                "shows_if": unless(negative_slope=1.0, alpha=1.0),
            },
        ),
        (
            "grad-half-at-zero",
            ("relu",),
            "At 0 the derivative is ½, that of the larger of x and 0.",
            "relu′(0) = ½ instead of 0",
            "no zeros",
            (at(0.0), RIGHT),
            after_where(lambda x: x == 0, lambda grad, i: i.grad_output / 2),
        ),
        (
            "grad-passed-at-the-bounds",
            BOUNDED,
            "Exactly at a bound the derivative is that of the inside instead of 0.",
            "grad_output · (low <= x <= high) instead of grad_output · (low < x < high)",
            "no number at a bound",
            (at(1.0), at(0.5)),
            {"before": _open_bounds, "shows_if": _bounded},
        ),
        (
            "grad-masked-by-the-gradient",
            ("relu", "leaky_relu"),
            "The mask is taken from the gradient that comes in instead of from the input.",
            "grad_output · (grad_output > 0) instead of grad_output · (x > 0)",
            "gradients and inputs of the same sign",
            (at(1.0, 1.0, -1.0, -1.0), EMPTY),
            {
                "before": lambda i: grad_at(i, i.grad_output),
                "shows_if": unless(negative_slope=1.0),
            },
        ),
        (
            "grad-negative-lost",
            ("relu",),
            "Only positive gradients pass, as in guided backpropagation.",
            "max(grad_output, 0) · (x > 0) instead of grad_output · (x > 0)",
            "positive gradients, or negative inputs",
            (at(1.0, 1.0, 1.0, 1.0), LEFT),
            {"before": lambda i: i.but(grad_output=np.maximum(i.grad_output, 0))},
        ),
        (
            "grad-negative-side-missing",
            SLOPED,
            "The gradient of negative numbers is 0, as for relu.",
            "0 instead of grad_output · f′(x) where x <= 0",
            "positive numbers, or a slope of 0",
            (LEFT, RIGHT),
            {**after_where(lambda x: x <= 0, lambda grad, i: 0.0), "shows_if": sloped},
        ),
        (
            "grad-negative-side-sign",
            SLOPED,
            "The gradient of negative numbers has the wrong sign.",
            "-grad_output · f′(x) instead of grad_output · f′(x) where x <= 0",
            "positive numbers, or a slope of 0",
            (LEFT, RIGHT),
            {**after_where(lambda x: x <= 0, lambda grad, i: -grad), "shows_if": sloped},
        ),
        (
            "grad-leaky-slope-of-tensorflow",
            ("leaky_relu",),
            "The gradient's slope that is not given is 0.2, TensorFlow's, instead of 0.01.",
            "0.2 · grad_output instead of 0.01 · grad_output where x <= 0",
            "a slope that is given",
            (LEFT, at(-1.0, negative_slope=0.25)),
            OTHER_SLOPE,
        ),
        (
            "grad-alpha-not-added",
            ("elu", "selu"),
            "The derivative is taken to be the output, without the alpha that is to be added.",
            "grad_output · y instead of grad_output · (y + alpha) where x <= 0",
            "positive numbers",
            (LEFT, RIGHT),
            after_where(lambda x: x <= 0, lambda grad, i: i.grad_output * curve(i, i["x"])),
        ),
        (
            "grad-celu-as-elu",
            ("celu",),
            "The gradient's exponent is not divided by alpha, and alpha is a factor.",
            "alpha · exp(x) instead of exp(x / alpha) where x <= 0",
            "positive numbers, or an alpha of 1",
            (at(-1.0, alpha=0.5), LEFT),
            {"after": _as_elu, "shows_if": unless(alpha=1.0)},
        ),
        (
            "grad-selu-constants-swapped",
            SELU,
            "The constants alpha and scale are exchanged in the gradient.",
            "1.673 instead of 1.051 where x > 0",
            "numbers that are negative, whose factor is the product of both",
            (RIGHT, LEFT),
            SWAPPED["grad_input"],
        ),
        (
            "grad-selu-constants-rounded",
            SELU,
            "The constants of the gradient are rounded to two decimals.",
            "1.05 instead of 1.0507009873554805, and 1.67 instead of 1.6732632423543772",
            "no numbers",
            (RIGHT, EMPTY),
            SHORT["grad_input"],
        ),
        (
            "grad-selu-scale-on-one-side",
            SELU,
            "Only the gradient of the positive side is scaled.",
            "alpha · exp(x) instead of scale · alpha · exp(x) where x <= 0",
            "positive numbers",
            (LEFT, RIGHT),
            ONE_SIDED["grad_input"],
        ),
        (
            "grad-upper-bound-missing",
            ("relu6", "hardtanh"),
            "The gradient passes above the upper bound.",
            "grad_output · (x > low) instead of grad_output · (low < x < high)",
            "numbers below the bound",
            (at(7.0), at(0.5)),
            {
                "after": lambda grad, i: np.where(
                    (i["x"] >= rounded(i["x"], upper(i))) & (i["x"] > rounded(i["x"], _lower(i))),
                    i.grad_output,
                    grad,
                )
            },
        ),
        (
            "grad-hardsigmoid-of-keras",
            ("hardsigmoid",),
            "The gradient's slope is 0.2, that of older Keras, instead of 1/6.",
            "0.2 · grad_output where |x| < 2.5 instead of grad_output / 6 where |x| < 3",
            "|x| >= 3",
            (RIGHT, at(4.0)),
            {"after": _slope_of_keras},
        ),
        (
            "grad-threshold-and-value-exchanged",
            ("threshold",),
            "The gradient exchanges the threshold and the value.",
            "grad_output · (x > value) instead of grad_output · (x > threshold)",
            "equal ones",
            (LEFT, at(-1.0, threshold=0.5, value=0.5)),
            EXCHANGED,
        ),
    ),
    {
        "grad-of-the-right-at-zero": {"elu": (at(0.0, alpha=0.5), RIGHT)},
        "grad-passed-at-the-bounds": {
            "relu6": (at(6.0), RIGHT),
            "hardsigmoid": (at(3.0), RIGHT),
            "hardshrink": (at(0.5), RIGHT),
            "softshrink": (at(0.5), RIGHT),
            "threshold": (at(0.5), RIGHT),
        },
        "grad-upper-bound-missing": {"hardtanh": (at(2.0), at(0.5))},
    },
)
