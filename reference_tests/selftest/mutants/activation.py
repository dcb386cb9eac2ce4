"""Mistakes in activations."""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_tests.selftest.mutants.mutant import Call, beyond, mutant

NEGATIVE = r"negative|below (0|zero)|x ?<=? ?0|< ?0\b"
LARGE = r"large|extreme|tails?\b|saturat|clip|\|x\| ?>|magnitude|far from (0|zero)|beyond"


def slope_squared(grad: Any, call: Call) -> Any:
    """Multiply by the slope once more where x is negative."""
    return np.where(call.x < 0, grad * call.negative_slope, grad)


def clipped(y: Any, call: Call) -> Any:
    """Keep a thousandth away from 0 and 1."""
    return np.clip(y, 1e-3, 1 - 1e-3)


def by_series(y: Any, call: Call) -> Any:
    """Take two terms of the series near 0."""
    return np.where(abs(call.x) < 0.5, call.x - call.x**3 / 3, y)


def denominator_enlarged(y: Any, call: Call) -> Any:
    """Add 0.001 to a denominator whose largest term is 1."""
    top = y.max(call.dim, keepdims=True, initial=0)
    return y / (1 + 1e-3 * top)


def alpha_in_exponent(y: Any, call: Call) -> Any:
    """Multiply the exponent by alpha as well."""
    return np.where(call.x < 0, call.alpha * np.expm1(call.alpha * call.x), y)


def next_slope(y: Any, call: Call) -> Any:
    """Use the slope of the next channel."""
    if call.x.ndim < 2 or call.weight.size == 1:
        return y
    slope = np.roll(call.weight, -1).reshape(-1, *(1,) * (call.x.ndim - 2))
    return np.where(call.x < 0, slope * call.x, y)


def half_missing(grad: Any, call: Call) -> Any:
    """Divide by 2 where x is negative."""
    return np.where(call.x < 0, grad / 2, grad)


def beta_times_x(y: Any, call: Call) -> Any:
    """Return beta x, not x, above the threshold."""
    return np.where(call.x * call.beta > call.threshold, call.x * call.beta, y)


def middle_shifted(y: Any, call: Call) -> Any:
    """Add 5/12 instead of 1/2 to x / 6."""
    return np.where((call.x > -2.5) & (call.x < 3), np.maximum(call.x / 6 + 2.5 / 6, 0), y)


def first_sample_lost(grad: Any, call: Call) -> Any:
    """Return 0 for the first sample."""
    grad[:1] = 0
    return grad


MUTANTS = (
    mutant(
        "activation/slope-squared",
        "The gradient of negative numbers has the slope squared.",
        "leaky_relu",
        "grad_input",
        rf"{NEGATIVE}|slope",
        slope_squared,
    ),
    mutant(
        "activation/sigmoid-clipped",
        "The output is clipped to [0.001, 0.999].",
        "sigmoid",
        "output",
        LARGE,
        clipped,
    ),
    mutant(
        "activation/tanh-by-series",
        "Near 0 the output is that of two terms of the series.",
        "tanh",
        "output",
        r"small|near (0|zero)|\|x\| ?<|close to (0|zero)|< ?(0\.5|1/2)|between",
        by_series,
    ),
    mutant(
        "activation/softmax-sum-enlarged",
        "A small number is added to the sum that divides.",
        "softmax",
        "output",
        (
            r"(same|constant|one|common) (factor|ratio)",
            r"(factor|ratio)[^.;\n]*(constant|row|dim|axis)",
            r"denominator|too small|smaller|sums? [^.;\n]*1",
        ),
        denominator_enlarged,
    ),
    mutant(
        "activation/elu-alpha-in-exponent",
        "The exponent is multiplied by alpha as well.",
        "elu",
        "output",
        rf"{NEGATIVE}|{beyond('alpha')}",
        alpha_in_exponent,
    ),
    mutant(
        "activation/prelu-next-slope",
        "A channel has the slope of the next one.",
        "prelu",
        "output",
        (beyond("channels?"), beyond("C"), r"permut|next channel|weight (is )?(rolled|shifted)"),
        next_slope,
    ),
    mutant(
        "activation/gelu-grad-halved",
        "The gradient of negative numbers is halved.",
        "gelu",
        "grad_input",
        NEGATIVE,
        half_missing,
    ),
    mutant(
        "activation/softplus-times-beta",
        "Above the threshold the output is beta x instead of x.",
        "softplus",
        "output",
        rf"threshold|{beyond('beta')}|times beta|{LARGE}",
        beta_times_x,
    ),
    mutant(
        "activation/hardsigmoid-shifted",
        "The line of the middle is shifted by 1/12.",
        "hardsigmoid",
        "output",
        r"1 ?/ ?12|0\.083|shift|offset|constant|between|\|x\| ?<|middle|inside",
        middle_shifted,
    ),
    mutant(
        "activation/grad-of-first-sample-lost",
        "The gradient of the first sample is 0.",
        "silu",
        "grad_input",
        r"first (sample|row|position|element|axis)|sample 0|samples? (after|from|but)",
        first_sample_lost,
    ),
)
