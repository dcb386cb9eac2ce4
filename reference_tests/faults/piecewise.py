"""Mistakes of activations in pieces: at kinks, on the negative side and beyond bounds."""

from __future__ import annotations

import numpy as np

from reference_tests.faults.curves import (
    Array,
    Changes,
    after_where,
    always,
    at,
    faults,
    unless,
)
from reference_tests.faults.fault import Fault, Hyper, Inputs, Shapes
from reference_tests.operations.piecewise import ALPHA, SCALE
from reference_tests.tolerance import rounded

SLOPED = ("leaky_relu", "prelu", "elu", "selu", "celu")
_EXPONENTIAL = ("elu", "selu", "celu")
BOUNDED = ("hardtanh", "relu6", "hardsigmoid", "hardshrink", "softshrink", "threshold")
sloped = unless(negative_slope=0.0)


def _scale(inputs: Inputs) -> float:
    """Return what the exponential of an activation is multiplied by."""
    if inputs.operation.name == "selu":
        return SCALE * ALPHA
    return float(inputs.hyper["alpha"])


def _exponent(inputs: Inputs) -> Array:
    celu = inputs.operation.name == "celu"
    return inputs["x"] / inputs["x"].dtype.type(inputs.hyper["alpha"]) if celu else inputs["x"]


def kinks(inputs: Inputs) -> tuple[Array, float]:
    """Return which numbers lie at a bound, and a number where the slope is that of the inside."""
    x, hyper, name = inputs["x"], inputs.hyper, inputs.operation.name
    if name in ("hardshrink", "softshrink"):
        limit = rounded(x, hyper["lambd"])
        return (np.abs(x) == limit) & (limit >= 0), abs(limit) + 1
    if name == "threshold":
        return x == rounded(x, hyper["threshold"]), hyper["threshold"] + 1
    fixed = {"relu6": (0.0, 6.0), "hardsigmoid": (-3.0, 3.0)}
    low, high = fixed[name] if name in fixed else (hyper["min_val"], hyper["max_val"])
    return (x == rounded(x, low)) | (x == rounded(x, high)), (low + high) / 2


def _kept_at_bound(y: Array, inputs: Inputs) -> Array:
    return np.where(kinks(inputs)[0], inputs["x"], y)


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


def _as_elu(y: Array, inputs: Inputs) -> Array:
    x, alpha = inputs["x"], inputs.hyper["alpha"]
    return np.where(x > 0, y, alpha * np.expm1(x))


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


SWAPPED = _selu(ALPHA, SCALE)
SHORT = _selu(1.05, 1.67)
ONE_SIDED = _selu(SCALE, ALPHA, 1.0)


def _line_of_keras(y: Array, inputs: Inputs) -> Array:
    line = np.clip(0.2 * inputs["x"] + 0.5, 0, 1)
    return np.where(np.isnan(y), y, line)


def upper(inputs: Inputs) -> float:
    """Return the upper bound."""
    return float(inputs.hyper.get("max_val", 6.0))


def _soft(inputs: Inputs) -> Array:
    x, limit = inputs["x"], inputs.hyper["lambd"]
    return np.sign(x) * np.maximum(np.abs(x) - limit, 0)


EXCHANGED: Changes = {
    "before": lambda i: i.but(threshold=i.hyper["value"], value=i.hyper["threshold"]),
    "shows_if": lambda h, s: always(h, s) and h["threshold"] != h["value"],
}
OTHER_SLOPE: Changes = {
    "before": lambda i: i.but(negative_slope=0.2) if i.hyper["negative_slope"] == 0.01 else i,
    "shows_if": lambda h, s: always(h, s) and h["negative_slope"] == 0.01,
}
SELU = ("selu",)
LEFT, RIGHT = at(-1.0), at(1.0)

FAULTS: list[Fault] = faults(
    "output",
    (
        (
            "nan-lost",
            ("relu", *BOUNDED),
            "NaN becomes the number for what is not above the bound.",
            "where(x > 0, x, 0), which is 0 for NaN, instead of NaN",
            "no NaN",
            (at(np.nan), RIGHT),
            after_where(np.isnan, lambda y, i: _closed(i)),
        ),
        (
            "masked-by-multiplication",
            ("relu", "leaky_relu", *_EXPONENTIAL),
            "The pieces are multiplied by masks of 0 and 1, and 0 times infinity is NaN.",
            "x · (x > 0) + f(x) · (x <= 0) instead of a choice between them",
            "finite numbers whose exponentials are finite",
            (at(-np.inf), RIGHT),
            {"after": _multiplied},
        ),
        (
            "negative-side-missing",
            SLOPED,
            "Negative numbers become 0, as for relu.",
            "max(x, 0) instead of f(x)",
            "positive numbers, or a slope of 0",
            (LEFT, RIGHT),
            {**after_where(lambda x: x < 0, lambda y, i: 0.0), "shows_if": sloped},
        ),
        (
            "negative-side-sign",
            SLOPED,
            "Negative numbers get the wrong sign.",
            "-f(x) instead of f(x) where x < 0",
            "positive numbers, or a slope of 0",
            (LEFT, RIGHT),
            {**after_where(lambda x: x < 0, lambda y, i: -y), "shows_if": sloped},
        ),
        (
            "leaky-slope-of-tensorflow",
            ("leaky_relu",),
            "The slope that is not given is 0.2, TensorFlow's, instead of 0.01.",
            "max(x, 0.2 · x) instead of max(x, 0.01 · x)",
            "a slope that is given",
            (LEFT, at(-1.0, negative_slope=0.25)),
            OTHER_SLOPE,
        ),
        (
            "larger-of-both-sides",
            ("leaky_relu",),
            "The larger of both sides is taken, which is the wrong one for a slope above 1.",
            "max(x, negative_slope · x) instead of x where x > 0, else negative_slope · x",
            "a slope of at most 1",
            (at(1.0, negative_slope=1.5), RIGHT),
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
            (LEFT, RIGHT),
            after_where(lambda x: x <= 0, lambda y, i: y + _scale(i)),
        ),
        (
            "exponential-minus-one-cancels",
            _EXPONENTIAL,
            "The exponential minus 1 cancels near 0.",
            "exp(x) - 1, which is 0 for small x, instead of expm1(x)",
            "positive numbers, or large negative ones",
            (at(-1e-20), RIGHT),
            {"after": _without_expm1},
        ),
        (
            "celu-as-elu",
            ("celu",),
            "The exponent is not divided by alpha.",
            "alpha · (exp(x) - 1) instead of alpha · (exp(x / alpha) - 1) where x <= 0",
            "positive numbers, or an alpha of 1",
            (at(-1.0, alpha=0.5), LEFT),
            {"after": _as_elu, "shows_if": unless(alpha=1.0)},
        ),
        (
            "selu-constants-swapped",
            SELU,
            "The constants alpha and scale are exchanged.",
            "1.673 · elu(x, 1.051) instead of 1.051 · elu(x, 1.673)",
            "numbers that are negative, whose factor is the product of both",
            (RIGHT, LEFT),
            SWAPPED["output"],
        ),
        (
            "selu-constants-rounded",
            SELU,
            "The constants are rounded to two decimals.",
            "1.05 · elu(x, 1.67) instead of 1.0507009873554805 · elu(x, 1.6732632423543772)",
            "zeros",
            (RIGHT, at(0.0)),
            SHORT["output"],
        ),
        (
            "selu-scale-on-one-side",
            SELU,
            "Only the positive side is scaled.",
            "alpha · (exp(x) - 1) instead of scale · alpha · (exp(x) - 1) where x <= 0",
            "positive numbers",
            (LEFT, RIGHT),
            ONE_SIDED["output"],
        ),
        (
            "upper-bound-missing",
            ("relu6", "hardtanh"),
            "The upper bound is missing.",
            "max(x, low) instead of min(max(x, low), high)",
            "numbers below the bound",
            (at(7.0), at(0.5)),
            after_where(
                lambda x: ~np.isnan(x), lambda y, i: np.where(i["x"] > upper(i), i["x"], y)
            ),
        ),
        (
            "hardsigmoid-of-keras",
            ("hardsigmoid",),
            "The line has the slope 0.2, that of older Keras, instead of 1/6.",
            "min(max(0.2 · x + 0.5, 0), 1) instead of min(max(x / 6 + 0.5, 0), 1)",
            "x = 0, or |x| >= 3",
            (RIGHT, at(0.0)),
            {"after": _line_of_keras},
        ),
        (
            "softshrink-as-hardshrink",
            ("softshrink",),
            "What lies outside of the bounds is not moved towards 0.",
            "x instead of x - lambd or x + lambd where |x| > lambd",
            "numbers within the bounds, or a lambd of 0",
            (RIGHT, at(0.25)),
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
            "numbers within the bounds, or a lambd of 0",
            (RIGHT, at(0.25)),
            {
                "after": lambda y, i: np.where(y == 0, y, _soft(i)),
                "before": lambda i: i,
                "shows_if": lambda h, s: always(h, s) and h["lambd"] != 0,
            },
        ),
        (
            "softshrink-moved-one-way",
            ("softshrink",),
            "Negative numbers too are moved down by lambd.",
            "x - lambd instead of x + lambd where x < -lambd",
            "numbers that are not below -lambd, or a lambd of 0",
            (LEFT, RIGHT),
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
            (at(0.5), RIGHT),
            {"after": _kept_at_bound, "shows_if": _keeps},
        ),
        (
            "threshold-and-value-exchanged",
            ("threshold",),
            "The threshold and the value are exchanged.",
            "x where x > value, else threshold",
            "equal ones",
            (LEFT, at(-1.0, threshold=0.5, value=0.5)),
            EXCHANGED,
        ),
    ),
    {
        "nan-lost": {"threshold": (at(np.nan), RIGHT)},
        "upper-bound-missing": {"hardtanh": (at(2.0), at(0.5))},
    },
)
