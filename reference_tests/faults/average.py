"""Mistakes of average pooling and of pooling by norms: what a window is divided by."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from reference_tests.faults.fault import Fault, Hyper, Inputs, Shapes
from reference_tests.faults.planes import (
    AVERAGE,
    LP,
    MEANS,
    Array,
    Changes,
    across,
    case,
    divisors,
    filled,
    rows,
    seen_by,
    several,
    shared,
    size_of,
    unlike,
    whole,
    windows,
)
from reference_tests.operations.pooling import counted
from reference_tests.operations.windows import each


def _in_all(inputs: Inputs) -> Array:
    """Return how many values each window counts with its padding, but without what overhangs."""
    size = inputs["x"].shape[-_axes(inputs) :]
    return counted(windows(inputs.hyper, size), True)


def _axes(inputs: Inputs) -> int:
    return len(divisors(inputs).shape)


def _plain(hyper: Hyper) -> bool:
    """Return whether windows are divided by what they count, padding included."""
    return hyper.get("divisor_override") is None and hyper.get("count_include_pad", True)


def _by_whole(result: Array, inputs: Inputs) -> Array:
    """Return means, or norms, or cotangents of means, as if every window were whole."""
    hyper = inputs.hyper
    if not _plain(hyper):
        return result
    share = _in_all(inputs) / whole(inputs)
    return result * share ** (1 / hyper.get("norm_type", 1))


def _cut_off(hyper: Hyper, shapes: Shapes) -> bool:
    axes = windows(hyper, size_of(hyper, shapes))
    less = counted(axes, True) < math.prod(axis[2] for axis in axes)
    infinite = math.isinf(hyper.get("norm_type", 1))
    return filled(hyper, shapes) and _plain(hyper) and bool(less.any()) and not infinite


def _by_side(result: Array, inputs: Inputs) -> Array:
    if inputs.hyper.get("divisor_override") is not None:
        return result
    return result * divisors(inputs) / _side(inputs.hyper, _axes(inputs))


def _side(hyper: Hyper, axes: int) -> int:
    return each(hyper["kernel_size"], axes)[-1]


def _divided_by_more(hyper: Hyper, shapes: Shapes) -> bool:
    axes = windows(hyper, size_of(hyper, shapes))
    counts = counted(axes, hyper["count_include_pad"])
    given = hyper["divisor_override"] is not None
    return filled(hyper, shapes) and not given and bool((counts != axes[-1][2]).any())


def _divided(hyper: Hyper, shapes: Shapes) -> bool:
    if "output_size" in hyper:
        return several(hyper, shapes)
    axes = windows(hyper, size_of(hyper, shapes))
    override = hyper.get("divisor_override")
    counts = counted(axes, hyper["count_include_pad"]) if override is None else np.array(override)
    return filled(hyper, shapes) and bool((counts != 1).any())


def _options(**options: Any) -> Changes:
    return {
        "before": lambda inputs: inputs.but(**options),
        "shows_if": unlike(lambda hyper: options),
    }


def _cotangent(change: Any) -> Changes:
    return {"before": lambda i: i.but(grad_output=change(i.grad_output, i))}


_OVERRIDDEN = {
    "before": lambda inputs: inputs.but(divisor_override=None),
    "shows_if": unlike(lambda hyper: {"divisor_override": None}),
}
_PAIR, _LONE = case(1, 2, kernel_size=(1, 2)), case(1, 1, kernel_size=1)
_PADDED: dict[str, Any] = {"kernel_size": (1, 2), "padding": (0, 1)}
_BORDER = (case(1, 2, **_PADDED), case(1, 2, kernel_size=(1, 2)))
_EXCLUDING = (
    case(1, 2, count_include_pad=False, **_PADDED),
    case(1, 2, count_include_pad=False, kernel_size=(1, 2)),
)
_OVERHANG = (
    case(1, 3, kernel_size=(1, 2), ceil_mode=True),
    case(1, 4, kernel_size=(1, 2), ceil_mode=True),
)
_OVERRIDE = (case(1, 2, kernel_size=(1, 2), divisor_override=3), _PAIR)
_TALL = (case(2, 1, kernel_size=(2, 1)), _PAIR)
_GLOBAL = (case(1, 2, output_size=1), case(1, 1, output_size=1))
_WHOLE = {"adaptive_avg": _GLOBAL}

_OUTPUT = rows(
    "output",
    (
        (
            "average-not-divided",
            MEANS,
            "The sum of a window is not divided.",
            "Σ x[i·s : i·s + k] instead of Σ x[i·s : i·s + k] / k",
            "windows of one position",
            (_PAIR, _LONE),
            {"after": lambda y, i: y * divisors(i), "shows_if": _divided},
        ),
        (
            "average-divided-by-one-side",
            across(AVERAGE),
            "The sum of a window is divided by one side of the kernel instead of all taps.",
            "Σ / KW instead of Σ / (KH · KW)",
            "a kernel of one row",
            _TALL,
            {"after": _by_side, "shows_if": _divided_by_more},
        ),
        (
            "average-without-padding",
            AVERAGE,
            "The padding is excluded from the divisor.",
            "Σ / (number of positions inside the input) instead of Σ / k",
            "no padding, or count_include_pad=False",
            _BORDER,
            _options(count_include_pad=False),
        ),
        (
            "average-with-padding",
            AVERAGE,
            "The padding is included in the divisor.",
            "Σ / k instead of Σ / (number of positions inside the input)",
            "no padding, or count_include_pad=True",
            _EXCLUDING,
            _options(count_include_pad=True),
        ),
        (
            "overhang-divided-by-the-kernel",
            (*AVERAGE, *LP),
            "A window that ceil mode cuts off counts as a whole one.",
            "Σ / k instead of Σ / (number of positions inside the padded input)",
            "no remainder, or no ceil mode",
            _OVERHANG,
            {"after": _by_whole, "shows_if": _cut_off},
        ),
        (
            "divisor-override-ignored",
            across(AVERAGE),
            "The divisor that is given is ignored.",
            "Σ / k instead of Σ / divisor_override",
            "no divisor given, or the number of taps",
            _OVERRIDE,
            _OVERRIDDEN,
        ),
    ),
    {"average-not-divided": _WHOLE},
)

_GRADIENT = rows(
    "grad_input",
    (
        (
            "grad-not-divided",
            MEANS,
            "The gradient is not divided as the average is: it is too large by the divisor.",
            "grad_output instead of grad_output / k at each position of a window",
            "windows of one position",
            (_PAIR, _LONE),
            {**_cotangent(lambda g, i: g * divisors(i)), "shows_if": _divided},
        ),
        (
            "grad-divided-by-one-side",
            across(AVERAGE),
            "The gradient is divided by one side of the kernel instead of all taps.",
            "grad_output / KW instead of grad_output / (KH · KW)",
            "a kernel of one row",
            _TALL,
            {**_cotangent(_by_side), "shows_if": _divided_by_more},
        ),
        (
            "grad-without-padding",
            AVERAGE,
            "The padding is excluded from the divisor of the gradient.",
            "grad_output / (number of positions inside the input) instead of grad_output / k",
            "no padding, or count_include_pad=False",
            _BORDER,
            _options(count_include_pad=False),
        ),
        (
            "grad-with-padding",
            AVERAGE,
            "The padding is included in the divisor of the gradient.",
            "grad_output / k instead of grad_output / (number of positions inside the input)",
            "no padding, or count_include_pad=True",
            _EXCLUDING,
            _options(count_include_pad=True),
        ),
        (
            "grad-overhang-divided-by-the-kernel",
            AVERAGE,
            "The gradient of a window that ceil mode cuts off is divided as that of a whole one.",
            "grad_output / k instead of grad_output / (positions inside the padded input)",
            "no remainder, or no ceil mode",
            _OVERHANG,
            {**_cotangent(_by_whole), "shows_if": _cut_off},
        ),
        (
            "grad-divisor-override-ignored",
            across(AVERAGE),
            "The gradient ignores the divisor that is given.",
            "grad_output / k instead of grad_output / divisor_override",
            "no divisor given, or the number of taps",
            _OVERRIDE,
            _OVERRIDDEN,
        ),
    ),
    {"grad-not-divided": _WHOLE},
)


def _finite(*but: float) -> Any:
    """Return what tells whether the exponent of a norm is finite and none of these."""

    def shows(hyper: Hyper, shapes: Shapes) -> bool:
        p = hyper["norm_type"]
        return filled(hyper, shapes) and not math.isinf(p) and p not in but

    return shows


def _unless_infinite(change: Any) -> Any:
    """Return a change of a result that leaves that of infinite exponents as it is."""
    return lambda r, i: r if math.isinf(i.hyper["norm_type"]) else change(r, i)


def _power(y: Array, inputs: Inputs) -> Array:
    return y ** inputs.hyper["norm_type"]


def _mean(y: Array, inputs: Inputs) -> Array:
    return y / whole(inputs) ** (1 / inputs.hyper["norm_type"])


def _without_root(grad: Array, inputs: Inputs) -> Array:
    p = inputs.hyper["norm_type"]
    y, _ = inputs.forward
    return grad * p * y["output"] ** (p - 1)


def _norms(hyper: Hyper, shapes: Shapes) -> bool:
    taps = math.prod(axis[2] for axis in windows(hyper, size_of(hyper, shapes)))
    return _finite()(hyper, shapes) and taps > 1


def _undefined_at_zero(grad: Array, inputs: Inputs) -> Array:
    """Return the gradient with 0 / 0 wherever a window of zeros reaches."""
    y = inputs.forward[0]["output"]
    if inputs.hyper["norm_type"] in (1, math.inf, -math.inf):
        return grad
    own = seen_by(inputs)
    zeros = np.where(y == 0, np.nan, 0.0).reshape(len(own.values), len(own.places), 1)
    marks = shared(inputs.but(grad_output=np.ones_like(y)), own, np.where(own.inside, zeros, 0.0))
    return grad + marks


_THREE: dict[str, Any] = {"norm_type": 3, "kernel_size": 1}
_ABSOLUTE = (
    case(1, 1, values=[-1], **{**_THREE, "norm_type": 1}),
    case(1, 1, values=[1], **_THREE),
)
_POSITIVE = (
    case(1, 2, values=[1, 2], norm_type=1, kernel_size=(1, 2)),
    case(1, 2, values=[1, 2], norm_type=2, kernel_size=(1, 2)),
)

_NORMS = rows(
    "output",
    (
        (
            "lp-root-missing",
            LP,
            "The root of the sum of powers is missing.",
            "Σ x^p instead of (Σ x^p)^(1/p)",
            "p = 1, or sums of 0 or 1",
            (case(1, 1, values=[2], kernel_size=1), case(1, 1, values=[1], kernel_size=1)),
            {"after": _unless_infinite(_power), "shows_if": _finite(1)},
        ),
        (
            "lp-averaged",
            LP,
            "The powers are averaged instead of summed.",
            "(Σ x^p / k)^(1/p) instead of (Σ x^p)^(1/p)",
            "a kernel of 1",
            (_PAIR, _LONE),
            {"after": _unless_infinite(_mean), "shows_if": _norms},
        ),
        (
            "lp-of-absolute-values",
            LP,
            "The powers are those of the absolute values.",
            "(Σ |x|^p)^(1/p) instead of (Σ x^p)^(1/p)",
            "an even p, or values that are not negative",
            _ABSOLUTE,
            {
                "before": lambda i: i.but(x=np.abs(i["x"])),
                "shows_if": lambda h, s: _finite()(h, s) and h["norm_type"] % 2 != 0,
            },
        ),
        (
            "lp-always-two",
            LP,
            "The exponent is 2, whatever is given.",
            "(Σ x²)^(1/2) instead of (Σ x^p)^(1/p)",
            "p = 2",
            _POSITIVE,
            {
                "before": lambda i: i.but(norm_type=2),
                "shows_if": lambda h, s: filled(h, s) and h["norm_type"] != 2,
            },
        ),
    ),
)

_NORM_GRADIENTS = rows(
    "grad_input",
    (
        (
            "grad-lp-root-missing",
            LP,
            "The derivative of the root is missing.",
            "grad_output · p · x^(p - 1) instead of grad_output · y^(1 - p) · x^(p - 1)",
            "p = 1",
            (_PAIR, case(1, 2, norm_type=1, kernel_size=(1, 2))),
            {**_cotangent(_unless_infinite(_without_root)), "shows_if": _finite(1)},
        ),
        (
            "grad-lp-nan-at-zero",
            LP,
            "The gradient of a window of zeros is NaN.",
            "0 / 0 instead of 0 where y = 0",
            "no window of zeros, or p = 1",
            (
                case(1, 1, values=[0], kernel_size=1),
                case(1, 1, values=[1], kernel_size=1),
            ),
            {"after": _undefined_at_zero, "shows_if": _finite(1)},
        ),
        (
            "grad-lp-always-two",
            LP,
            "The exponent of the gradient is 2, whatever is given.",
            "grad_output · x / y instead of grad_output · (x / y)^(p - 1)",
            "p = 2",
            _POSITIVE,
            {
                "before": lambda i: i.but(norm_type=2),
                "shows_if": lambda h, s: filled(h, s) and h["norm_type"] != 2,
            },
        ),
    ),
)

FAULTS: list[Fault] = [*_OUTPUT, *_GRADIENT, *_NORMS, *_NORM_GRADIENTS]
