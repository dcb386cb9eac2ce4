"""Mistakes of activations in pieces: at kinks, on the negative side and beyond bounds."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from reference_tests.faults.curves import (
    EMPTY,
    Changes,
    after_where,
    always,
    at,
    curve,
    faults,
    grad_at,
    unless,
)
from reference_tests.faults.fault import Array, Fault, Hyper, Inputs, Shapes
from reference_tests.operations.piecewise import ALPHA, SCALE
from reference_tests.tolerance import rounded

_SLOPED = ("leaky_relu", "prelu", "elu", "selu", "celu")
_EXPONENTIAL = ("elu", "selu", "celu")
_BOUNDED = ("hardtanh", "relu6", "hardsigmoid", "hardshrink", "softshrink", "threshold")
_sloped = unless(negative_slope=0.0)


def _scale(inputs: Inputs) -> float:
    """Return what the exponential of an activation is multiplied by."""
    if inputs.operation.name == "selu":
        return SCALE * ALPHA
    return float(inputs.hyper["alpha"])


def _exponent(inputs: Inputs) -> Array:
    celu = inputs.operation.name == "celu"
    return inputs["x"] / inputs["x"].dtype.type(inputs.hyper["alpha"]) if celu else inputs["x"]


def _kinks(inputs: Inputs) -> tuple[Array, float]:
    """Return which numbers lie at a bound, and a number where the slope is that of the inside."""
    x, hyper, name = inputs["x"], inputs.hyper, inputs.operation.name
    if name in ("hardshrink", "softshrink"):
        limit = rounded(x, hyper["lambd"])
        return (np.abs(x) == limit) & (limit >= 0), abs(limit) + 1
    if name == "threshold":
        return x == rounded(x, hyper["threshold"]), hyper["threshold"] + 1
    low, high = {
        "relu6": lambda: (0.0, 6.0),
        "hardsigmoid": lambda: (-3.0, 3.0),
        "hardtanh": lambda: (hyper["min_val"], hyper["max_val"]),
    }[name]()
    return (x == rounded(x, low)) | (x == rounded(x, high)), (low + high) / 2


def _open_bounds(inputs: Inputs) -> Inputs:
    kinks, inside = _kinks(inputs)
    return grad_at(inputs, np.where(kinks, inside, inputs["x"]))


def _bounded(hyper: Hyper, shapes: Shapes) -> bool:
    empty = "min_val" in hyper and hyper["min_val"] >= hyper["max_val"]
    return always(hyper, shapes) and not empty and hyper.get("lambd", 0) >= 0


def _kept_at_bound(y: Array, inputs: Inputs) -> Array:
    return np.where(_kinks(inputs)[0], inputs["x"], y)


def _keeps(hyper: Hyper, shapes: Shapes) -> bool:
    moved = hyper["lambd"] > 0 if "lambd" in hyper else hyper["threshold"] != hyper["value"]
    return always(hyper, shapes) and bool(moved)


def _closed(inputs: Inputs) -> float:
    """Return what a comparison that fails leaves of NaN."""
    name, hyper = inputs.operation.name, inputs.hyper
    return float(hyper["min_val"] if name == "hardtanh" else hyper.get("value", 0.0))


def _multiplied(y: Array, inputs: Inputs) -> Array:
    """Return the sum of both pieces times 1 or 0: what is not finite times 0 is NaN."""
    x, name = inputs["x"], inputs.operation.name
    if name == "relu":
        return np.where(np.isneginf(x), np.nan, y)
    left = x if name == "leaky_relu" else np.exp(_exponent(inputs))
    return np.where(np.isinf(np.where(x > 0, left, x)), np.nan, y)


def _without_expm1(y: Array, inputs: Inputs) -> Array:
    dtype = inputs["x"].dtype.type
    cancelled = (np.exp(_exponent(inputs)) - dtype(1)) * dtype(_scale(inputs))
    return np.where(inputs["x"] > 0, y, cancelled)


def _as_elu(derived: bool) -> Callable[[Array, Inputs], Array]:
    def after(result: Array, inputs: Inputs) -> Array:
        x, alpha = inputs["x"], inputs.hyper["alpha"]
        if derived:
            return np.where(x > 0, result, inputs.grad_output * (alpha * np.exp(x)))
        return np.where(x > 0, result, alpha * np.expm1(x))

    return after


def _selu(scale: float, alpha: float, left: float | None = None) -> dict[str, Changes]:
    """Return the mistakes of other constants, also of another scale of the negative side."""
    other = (scale if left is None else left) * alpha

    def output(y: Array, inputs: Inputs) -> Array:
        x = inputs["x"]
        return np.where(x > 0, scale * x, other * np.expm1(x))

    def gradient(grad: Array, inputs: Inputs) -> Array:
        x = inputs["x"]
        return inputs.grad_output * np.where(x > 0, scale, other * np.exp(x))

    return {"output": {"after": output}, "grad_input": {"after": gradient}}


_SWAPPED = _selu(ALPHA, SCALE)
_SHORT = _selu(1.05, 1.67)
_ONE_SIDED = _selu(SCALE, ALPHA, 1.0)


def _line_of_keras(y: Array, inputs: Inputs) -> Array:
    line = np.clip(0.2 * inputs["x"] + 0.5, 0, 1)
    return np.where(np.isnan(y), y, line)


def _slope_of_keras(grad: Array, inputs: Inputs) -> Array:
    return np.where(np.abs(inputs["x"]) < 2.5, 0.2 * inputs.grad_output, 0.0)


def _upper(inputs: Inputs) -> float:
    return float(inputs.hyper.get("max_val", 6.0))


def _lower(inputs: Inputs) -> float:
    return float(inputs.hyper.get("min_val", 0.0))


def _soft(inputs: Inputs) -> Array:
    x, limit = inputs["x"], inputs.hyper["lambd"]
    return np.sign(x) * np.maximum(np.abs(x) - limit, 0)


_EXCHANGED: Changes = {
    "before": lambda i: i.but(threshold=i.hyper["value"], value=i.hyper["threshold"]),
    "shows_if": lambda h, s: always(h, s) and h["threshold"] != h["value"],
}
_OTHER_SLOPE: Changes = {
    "before": lambda i: i.but(negative_slope=0.2) if i.hyper["negative_slope"] == 0.01 else i,
    "shows_if": lambda h, s: always(h, s) and h["negative_slope"] == 0.01,
}
_SELU = ("selu",)
_LEFT, _RIGHT = at(-1.0), at(1.0)

_OUTPUT = faults(
    "output",
    (
        (
            "nan-lost",
            ("relu", *_BOUNDED),
            "NaN becomes the number for what is not above the bound.",
            "where(x > 0, x, 0), which is 0 for NaN, instead of NaN",
            "no NaN",
            (at(np.nan), _RIGHT),
            after_where(np.isnan, lambda y, i: _closed(i)),
        ),
        (
            "masked-by-multiplication",
            ("relu", "leaky_relu", *_EXPONENTIAL),
            "The pieces are multiplied by masks of 0 and 1, and 0 times infinity is NaN.",
            "x · (x > 0) + f(x) · (x <= 0) instead of a choice between them",
            "finite numbers whose exponentials are finite",
            (at(-np.inf), _RIGHT),
            {"after": _multiplied},
        ),
        (
            "negative-side-missing",
            _SLOPED,
            "Negative numbers become 0, as for relu.",
            "max(x, 0) instead of f(x)",
            "positive numbers, or a slope of 0",
            (_LEFT, _RIGHT),
            {**after_where(lambda x: x < 0, lambda y, i: 0.0), "shows_if": _sloped},
        ),
        (
            "negative-side-sign",
            _SLOPED,
            "Negative numbers get the wrong sign.",
            "-f(x) instead of f(x) where x < 0",
            "positive numbers, or a slope of 0",
            (_LEFT, _RIGHT),
            {**after_where(lambda x: x < 0, lambda y, i: -y), "shows_if": _sloped},
        ),
        (
            "leaky-slope-of-tensorflow",
            ("leaky_relu",),
            "The slope that is not given is 0.2, TensorFlow's, instead of 0.01.",
            "max(x, 0.2 · x) instead of max(x, 0.01 · x)",
            "a slope that is given",
            (_LEFT, at(-1.0, negative_slope=0.25)),
            _OTHER_SLOPE,
        ),
        (
            "larger-of-both-sides",
            ("leaky_relu",),
            "The larger of both sides is taken, which is the wrong one for a slope above 1.",
            "max(x, negative_slope · x) instead of x where x > 0, else negative_slope · x",
            "a slope of at most 1",
            (at(1.0, negative_slope=1.5), _RIGHT),
            {
                "after": lambda y, i: np.maximum(i["x"], i.hyper["negative_slope"] * i["x"]),
                "shows_if": lambda h, s: always(h, s) and h["negative_slope"] > 1,
            },
        ),
        (
            "one-not-subtracted",
            _EXPONENTIAL,
            "The 1 is not subtracted from the exponential.",
            "alpha · exp(x) instead of alpha · (exp(x) - 1) where x <= 0",
            "positive numbers",
            (_LEFT, _RIGHT),
            after_where(lambda x: x <= 0, lambda y, i: y + _scale(i)),
        ),
        (
            "exponential-minus-one-cancels",
            _EXPONENTIAL,
            "The exponential minus 1 cancels near 0.",
            "exp(x) - 1, which is 0 for small x, instead of expm1(x)",
            "positive numbers, or large negative ones",
            (at(-1e-20), _RIGHT),
            {"after": _without_expm1},
        ),
        (
            "celu-as-elu",
            ("celu",),
            "The exponent is not divided by alpha.",
            "alpha · (exp(x) - 1) instead of alpha · (exp(x / alpha) - 1) where x <= 0",
            "positive numbers, or an alpha of 1",
            (at(-1.0, alpha=0.5), _LEFT),
            {"after": _as_elu(False), "shows_if": unless(alpha=1.0)},
        ),
        (
            "selu-constants-swapped",
            _SELU,
            "The constants alpha and scale are exchanged.",
            "1.673 · elu(x, 1.051) instead of 1.051 · elu(x, 1.673)",
            "numbers that are negative, whose factor is the product of both",
            (_RIGHT, _LEFT),
            _SWAPPED["output"],
        ),
        (
            "selu-constants-rounded",
            _SELU,
            "The constants are rounded to two decimals.",
            "1.05 · elu(x, 1.67) instead of 1.0507009873554805 · elu(x, 1.6732632423543772)",
            "zeros",
            (_RIGHT, at(0.0)),
            _SHORT["output"],
        ),
        (
            "selu-scale-on-one-side",
            _SELU,
            "Only the positive side is scaled.",
            "alpha · (exp(x) - 1) instead of scale · alpha · (exp(x) - 1) where x <= 0",
            "positive numbers",
            (_LEFT, _RIGHT),
            _ONE_SIDED["output"],
        ),
        (
            "upper-bound-missing",
            ("relu6", "hardtanh"),
            "The upper bound is missing.",
            "max(x, low) instead of min(max(x, low), high)",
            "numbers below the bound",
            (at(7.0), at(0.5)),
            after_where(
                lambda x: ~np.isnan(x), lambda y, i: np.where(i["x"] > _upper(i), i["x"], y)
            ),
        ),
        (
            "hardsigmoid-of-keras",
            ("hardsigmoid",),
            "The line has the slope 0.2, that of older Keras, instead of 1/6.",
            "min(max(0.2 · x + 0.5, 0), 1) instead of min(max(x / 6 + 0.5, 0), 1)",
            "x = 0, or |x| >= 3",
            (_RIGHT, at(0.0)),
            {"after": _line_of_keras},
        ),
        (
            "softshrink-as-hardshrink",
            ("softshrink",),
            "What lies outside of the bounds is not moved towards 0.",
            "x instead of x - lambd or x + lambd where |x| > lambd",
            "numbers within the bounds, or a lambd of 0",
            (_RIGHT, at(0.25)),
            {
                "after": lambda y, i: np.where(y == 0, y, i["x"]),
                "shows_if": unless(lambd=0.0),
            },
        ),
        (
            "hardshrink-as-softshrink",
            ("hardshrink",),
            "What lies outside of the bounds is moved towards 0.",
            "x - lambd or x + lambd instead of x where |x| > lambd",
            "numbers within the bounds, or a lambd of at most 0",
            (_RIGHT, at(0.25)),
            {
                "after": lambda y, i: np.where(y == 0, y, _soft(i)),
                "before": lambda i: i,
                "shows_if": lambda h, s: always(h, s) and h["lambd"] > 0,
            },
        ),
        (
            "softshrink-moved-one-way",
            ("softshrink",),
            "Negative numbers too are moved down by lambd.",
            "x - lambd instead of x + lambd where x < -lambd",
            "numbers that are not below -lambd, or a lambd of 0",
            (_LEFT, _RIGHT),
            {
                **after_where(
                    lambda x: x < 0,
                    lambda y, i: np.where(y == 0, y, y - 2 * i.hyper["lambd"]),
                ),
                "shows_if": unless(lambd=0.0),
            },
        ),
        (
            "bound-is-inside",
            ("threshold", "hardshrink"),
            "A number exactly at the bound is kept.",
            "x >= threshold instead of x > threshold",
            "no number at the bound",
            (at(0.5), _RIGHT),
            {"after": _kept_at_bound, "shows_if": _keeps},
        ),
        (
            "threshold-and-value-exchanged",
            ("threshold",),
            "The threshold and the value are exchanged.",
            "x where x > value, else threshold",
            "equal ones",
            (_LEFT, at(-1.0, threshold=0.5, value=0.5)),
            _EXCHANGED,
        ),
    ),
    {
        "nan-lost": {"threshold": (at(np.nan), _RIGHT)},
        "upper-bound-missing": {"hardtanh": (at(2.0), at(0.5))},
    },
)

_GRADIENT = faults(
    "grad_input",
    (
        (
            "grad-of-the-right-at-zero",
            ("relu", "leaky_relu", "prelu", "elu", "selu"),
            "At 0 the derivative is that of the positive side: the mask is x >= 0.",
            "relu′(0) = 1 instead of 0, and so on",
            "no zeros, or a slope of 1 on both sides",
            (at(0.0), _RIGHT),
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
            (at(0.0), _RIGHT),
            after_where(lambda x: x == 0, lambda grad, i: i.grad_output / 2),
        ),
        (
            "grad-passed-at-the-bounds",
            _BOUNDED,
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
            (at(1.0, 1.0, 1.0, 1.0), _LEFT),
            {"before": lambda i: i.but(grad_output=np.maximum(i.grad_output, 0))},
        ),
        (
            "grad-negative-side-missing",
            _SLOPED,
            "The gradient of negative numbers is 0, as for relu.",
            "0 instead of grad_output · f′(x) where x <= 0",
            "positive numbers, or a slope of 0",
            (_LEFT, _RIGHT),
            {**after_where(lambda x: x <= 0, lambda grad, i: 0.0), "shows_if": _sloped},
        ),
        (
            "grad-negative-side-sign",
            _SLOPED,
            "The gradient of negative numbers has the wrong sign.",
            "-grad_output · f′(x) instead of grad_output · f′(x) where x <= 0",
            "positive numbers, or a slope of 0",
            (_LEFT, _RIGHT),
            {**after_where(lambda x: x <= 0, lambda grad, i: -grad), "shows_if": _sloped},
        ),
        (
            "grad-leaky-slope-of-tensorflow",
            ("leaky_relu",),
            "The gradient's slope that is not given is 0.2, TensorFlow's, instead of 0.01.",
            "0.2 · grad_output instead of 0.01 · grad_output where x <= 0",
            "a slope that is given",
            (_LEFT, at(-1.0, negative_slope=0.25)),
            _OTHER_SLOPE,
        ),
        (
            "grad-alpha-not-added",
            ("elu", "selu"),
            "The derivative is taken to be the output, without the alpha that is to be added.",
            "grad_output · y instead of grad_output · (y + alpha) where x <= 0",
            "positive numbers",
            (_LEFT, _RIGHT),
            after_where(lambda x: x <= 0, lambda grad, i: i.grad_output * curve(i, i["x"])),
        ),
        (
            "grad-celu-as-elu",
            ("celu",),
            "The gradient's exponent is not divided by alpha, and alpha is a factor.",
            "alpha · exp(x) instead of exp(x / alpha) where x <= 0",
            "positive numbers, or an alpha of 1",
            (at(-1.0, alpha=0.5), _LEFT),
            {"after": _as_elu(True), "shows_if": unless(alpha=1.0)},
        ),
        (
            "grad-selu-constants-swapped",
            _SELU,
            "The constants alpha and scale are exchanged in the gradient.",
            "1.673 instead of 1.051 where x > 0",
            "numbers that are negative, whose factor is the product of both",
            (_RIGHT, _LEFT),
            _SWAPPED["grad_input"],
        ),
        (
            "grad-selu-constants-rounded",
            _SELU,
            "The constants of the gradient are rounded to two decimals.",
            "1.05 instead of 1.0507009873554805, and 1.67 instead of 1.6732632423543772",
            "no numbers",
            (_RIGHT, EMPTY),
            _SHORT["grad_input"],
        ),
        (
            "grad-selu-scale-on-one-side",
            _SELU,
            "Only the gradient of the positive side is scaled.",
            "alpha · exp(x) instead of scale · alpha · exp(x) where x <= 0",
            "positive numbers",
            (_LEFT, _RIGHT),
            _ONE_SIDED["grad_input"],
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
                    (i["x"] >= rounded(i["x"], _upper(i))) & (i["x"] > rounded(i["x"], _lower(i))),
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
            (_RIGHT, at(4.0)),
            {"after": _slope_of_keras},
        ),
        (
            "grad-threshold-and-value-exchanged",
            ("threshold",),
            "The gradient exchanges the threshold and the value.",
            "grad_output · (x > value) instead of grad_output · (x > threshold)",
            "equal ones",
            (_LEFT, at(-1.0, threshold=0.5, value=0.5)),
            _EXCHANGED,
        ),
    ),
    {
        "grad-of-the-right-at-zero": {"elu": (at(0.0, alpha=0.5), _RIGHT)},
        "grad-passed-at-the-bounds": {
            "relu6": (at(6.0), _RIGHT),
            "hardsigmoid": (at(3.0), _RIGHT),
            "hardshrink": (at(0.5), _RIGHT),
            "softshrink": (at(0.5), _RIGHT),
            "threshold": (at(0.5), _RIGHT),
        },
        "grad-upper-bound-missing": {"hardtanh": (at(2.0), at(0.5))},
    },
)

FAULTS: list[Fault] = [*_OUTPUT, *_GRADIENT]
