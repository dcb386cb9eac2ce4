"""Mistakes of the gradients of normalizations."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from reference_tests.faults.fault import Fault, Hyper, Inputs, Shapes
from reference_tests.faults.standard import (
    ALL,
    BATCH,
    CENTRED,
    EVALUATED,
    INSTANCE,
    Moments,
    affine,
    count,
    normal,
    own,
    running,
    summed_axes,
)
from reference_tests.faults.table import Changes, listed

Array = Any

_PLAIN = normal()
_AFFINE = affine()
_IN_TRAINING = running()
_UNWEIGHTED = affine(weight=[1.0, 1.0])
# Where the moments do not depend on x, or the gradient does not depend on them.
_STILL = normal(grad_output=0.0)
_LONE = affine(x=[[[2.0]], [[2.0]]], weight=[3.0], bias=[1.0], normalized_shape=(1,), num_groups=1)


def _always(hyper: Hyper, shapes: Shapes) -> bool:
    return True


def _own(hyper: Hyper, shapes: Shapes) -> bool:
    return own(hyper)


def _own_of_several(hyper: Hyper, shapes: Shapes) -> bool:
    return own(hyper) and count(hyper, shapes) != 1


def _in_moments(
    change: Callable[[Array, Moments], Array], shows_if: Callable[[Hyper, Shapes], bool] = _own
) -> Changes:
    """Return the mistake that changes a gradient by what the moments are."""

    def after(result: Array, inputs: Inputs) -> Array:
        wrong = shows_if(inputs.hyper, inputs.shapes)
        return change(result, Moments(inputs)) if wrong else result

    return {"after": after, "shows_if": shows_if}


def _frozen(result: Array, m: Moments) -> Array:
    return m.back(m.below * m.scale)


def _with_frozen_mean(result: Array, m: Moments) -> Array:
    return result + m.back(m.scale * m.mean(m.below))


def _with_frozen_variance(result: Array, m: Moments) -> Array:
    return result + m.back(m.scale * m.standard * m.mean(m.below * m.standard))


def _evaluated(inputs: Inputs) -> Inputs:
    """Return training with the moments of x as constants, as far as that is evaluation."""
    if inputs.operation.name != BATCH or not own(inputs.hyper):
        return inputs
    m = Moments(inputs)
    mean, var = m.centre.reshape(-1), m.variance.reshape(-1)
    return inputs.but(running_mean=mean, running_var=var, training=False)


def _switched(value: bool) -> Callable[[Inputs], Inputs]:
    def before(inputs: Inputs) -> Inputs:
        if not value and inputs["running_mean"] is None:
            return inputs
        names = [n for n in ("training", "use_input_stats") if n in inputs.hyper]
        return inputs.but(**dict.fromkeys(names, value))

    return before


def _repeated(hyper: Hyper, shapes: Shapes) -> int:
    """Return how many elements share a weight."""
    return math.prod(shapes["x"][axis] for axis in summed_axes(hyper, shapes["x"]))


def _shared(array: str) -> Callable[[Hyper, Shapes], bool]:
    """Return what tells whether several elements share a weight or a bias."""
    return lambda h, s: s[array] is not None and _repeated(h, s) != 1


def _has(*arrays: str) -> Callable[[Hyper, Shapes], bool]:
    return lambda hyper, shapes: all(shapes.get(array) is not None for array in arrays)


def _averaged(result: Array, inputs: Inputs) -> Array:
    return result / float(_repeated(inputs.hyper, inputs.shapes))


def _one_sum(result: Array, inputs: Inputs) -> Array:
    return np.full_like(result, result.sum())


def _weighted(result: Array, inputs: Inputs) -> Array:
    weight = inputs["weight"]
    return result if weight is None else result * weight


def _of_input(result: Array, m: Moments) -> Array:
    return m.summed(m.shaped(m.inputs.grad_output) * m.x)


def _of_differences(result: Array, m: Moments) -> Array:
    return m.summed(m.shaped(m.inputs.grad_output) * (m.x - m.centre))


_STATISTICS: tuple[tuple[Any, ...], ...] = (
    (
        CENTRED,
        "statistics-constant",
        "{} takes mean and variance for constants.",
        "grad_x = g / σ, not (g - mean g - x̂ · mean (g x̂)) / σ; g = weight · grad_output",
        "evaluation, or an upstream gradient of 0",
        (_PLAIN, _STILL),
        {
            "before": _evaluated,
            "after": lambda result, i: (
                result
                if i.operation.name == BATCH or not own(i.hyper)
                else _frozen(result, Moments(i))
            ),
            "shows_if": _own,
        },
    ),
    (
        ("rms_norm",),
        "mean-square-constant",
        "{} takes the mean of the squares for a constant.",
        "grad_x = g / ρ, not (g - x̂ · mean (g x̂)) / ρ; g = weight · grad_output",
        "an upstream gradient of 0",
        (_PLAIN, _STILL),
        _in_moments(_frozen),
    ),
    (
        CENTRED,
        "mean-constant",
        "{} takes the mean for a constant.",
        "grad_x = (g - x̂ · mean (g x̂)) / σ, without - mean g / σ",
        "an upstream gradient whose mean is 0",
        (_PLAIN, _STILL),
        _in_moments(_with_frozen_mean),
    ),
    (
        CENTRED,
        "variance-constant",
        "{} takes the variance for a constant.",
        "grad_x = (g - mean g) / σ, without - x̂ · mean (g x̂) / σ",
        "an upstream gradient of ones, or one element",
        (_PLAIN, normal(grad_output=1.0)),
        _in_moments(_with_frozen_variance, _own_of_several),
    ),
    (
        ALL,
        "not-over-deviation",
        "{} is not divided by the deviation.",
        "grad_x · √(σ² + eps)",
        "an upstream gradient of 0",
        (_PLAIN, _STILL),
        _in_moments(lambda result, m: m.back(m.shaped(result) / m.scale), _always),
    ),
    (
        ALL,
        "weight-missing",
        "{} lacks the weight.",
        "grad_x with g = grad_output, not weight · grad_output",
        "weights of 1",
        (_AFFINE, _UNWEIGHTED),
        {"before": lambda i: i.but(weight=None), "shows_if": _has("weight")},
    ),
    (
        (BATCH, INSTANCE),
        "batch-statistics-in-evaluation",
        "{} of evaluation is that of training.",
        "grad_x with the moments of x, not the running ones",
        "training",
        (EVALUATED, _IN_TRAINING),
        {"before": _switched(True), "shows_if": lambda h, s: not own(h)},
    ),
    (
        (BATCH, INSTANCE),
        "running-statistics-in-training",
        "{} of training is that of evaluation, with the running statistics.",
        "grad_x = g / √(running_var + eps)",
        "evaluation",
        (_IN_TRAINING, EVALUATED),
        {
            "before": _switched(False),
            "shows_if": lambda h, s: own(h) and s["running_mean"] is not None,
        },
    ),
)

_WEIGHTS: tuple[tuple[Any, ...], ...] = (
    (
        ALL,
        "of-the-input",
        "{} has the input in place of the normalized one.",
        "{} = Σ grad_output · x, not Σ grad_output · x̂",
        "an upstream gradient of 0",
        (_AFFINE, affine(grad_output=0.0)),
        _in_moments(_of_input, _has("weight")),
        ("grad_weight",),
    ),
    (
        CENTRED,
        "of-differences",
        "{} has the differences from the mean, not divided by the deviation.",
        "{} = Σ grad_output · (x - μ), not Σ grad_output · x̂",
        "an upstream gradient of 0",
        (_AFFINE, affine(grad_output=0.0)),
        _in_moments(_of_differences, _has("weight")),
        ("grad_weight",),
    ),
    (
        ALL,
        "scaled-by-the-weight",
        "{} is multiplied by the weight.",
        "{} = weight · Σ grad_output · x̂",
        "weights of 1",
        (_AFFINE, _UNWEIGHTED),
        {"after": _weighted, "shows_if": _has("weight")},
        ("grad_weight",),
    ),
    (
        CENTRED,
        "scaled-by-the-weight",
        "{} is multiplied by the weight.",
        "{} = weight · Σ grad_output",
        "weights of 1, or none",
        (_AFFINE, _UNWEIGHTED),
        {"after": _weighted, "shows_if": _has("weight", "bias")},
        ("grad_bias",),
    ),
    (
        ALL,
        "averaged",
        "{} is a mean, not a sum.",
        "{} / n: mean, not Σ, of grad_output · x̂",
        "one element for each weight",
        (_AFFINE, affine(grad_output=0.0)),
        {"after": _averaged, "shows_if": _shared("weight")},
        ("grad_weight",),
    ),
    (
        CENTRED,
        "averaged",
        "{} is a mean, not a sum.",
        "{} / n: mean, not Σ, of grad_output",
        "one element for each bias",
        (_AFFINE, affine(grad_output=0.0)),
        {"after": _averaged, "shows_if": _shared("bias")},
        ("grad_bias",),
    ),
    (
        CENTRED,
        "single-sum",
        "{} is one sum over everything for all biases.",
        "{} = Σ over all axes of grad_output",
        "one bias",
        (_AFFINE, affine(grad_output=0.0)),
        {
            "after": _one_sum,
            "shows_if": lambda h, s: s["bias"] is not None and math.prod(s["bias"]) != 1,
        },
        ("grad_bias",),
    ),
)

FAULTS: list[Fault] = [
    fault
    for operations, *row in (*((*row, ("grad_input",)) for row in _STATISTICS), *_WEIGHTS)
    for fault in listed("norm", "The result", operations, *row)
]
