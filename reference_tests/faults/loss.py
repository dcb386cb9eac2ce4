"""Mistakes that losses of all kinds can have: what is averaged, weighted and multiplied."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from reference_tests.faults.fault import Fault, Hyper, Inputs, Shapes
from reference_tests.faults.table import Changes, Given, given, listed
from reference_tests.operations.reduction import reduced

Array = Any
Shows = Callable[[Hyper, Shapes], bool]

# These divide the mean by the sum of the weights, others by the number of losses.
_BY_WEIGHTS = ("mse_loss", "l1_loss")
REGRESSION = (*_BY_WEIGHTS, "smooth_l1_loss", "huber_loss")
BINARY = ("binary_cross_entropy", "binary_cross_entropy_with_logits")
_BY_NUMBER = ("huber_loss", *BINARY)
_WEIGHTED = (*_BY_WEIGHTS, *_BY_NUMBER)
_ALL = (
    *REGRESSION,
    *BINARY,
    "kl_div",
    "poisson_nll_loss",
    "gaussian_nll_loss",
    "soft_margin_loss",
)
_WITH_TARGET_GRAD = _ALL[:-1]
BOTH = ("output", "grad_input")


def always(hyper: Hyper, shapes: Shapes) -> bool:
    """Say that values alone decide whether a mistake shows."""
    return True


def loss_shape(shapes: Shapes) -> tuple[int, ...]:
    """Return the shape of the losses before they are reduced."""
    return np.broadcast_shapes(shapes["x"], shapes["target"])


def number_of(shapes: Shapes) -> int:
    """Return the number of losses."""
    return math.prod(loss_shape(shapes))


def divisor(inputs: Inputs) -> Any:
    """Return what the mean divides by."""
    if inputs.operation.name in _BY_WEIGHTS and inputs["weight"] is not None:
        return inputs["weight"].sum()
    if inputs.hyper["reduction"] == "batchmean":
        return _samples(inputs.shapes)
    return float(number_of(inputs.shapes))


def weight_of(inputs: Inputs) -> Any:
    """Return the weight of each loss, 1 where there is none."""
    weight = inputs.arrays.get("weight")
    return 1.0 if weight is None else weight


def anew(losses: Callable[[Inputs], Array]) -> Changes:
    """Return the mistake whose losses, before weights and reduction, are others."""

    def replace(inputs: Inputs) -> Array:
        each = losses(inputs) * weight_of(inputs)
        return reduced(each, inputs.hyper["reduction"], divisor(inputs))

    return {"replace": replace}


def each_changed(change: Callable[[Array, Inputs], Array]) -> Changes:
    """Return the mistake that changes each loss before they are reduced."""

    def after(losses: Array, inputs: Inputs) -> Array:
        return reduced(change(losses, inputs), inputs.hyper["reduction"], divisor(inputs))

    return {"before": lambda inputs: inputs.but(reduction="none"), "after": after}


def pulled_each(inputs: Inputs) -> Array:
    """Return the gradient of each loss, with its weight."""
    g = inputs.grad_output
    averaged = inputs.hyper["reduction"] in ("mean", "batchmean")
    return (g / divisor(inputs) if averaged else g) * weight_of(inputs)


def has(array: str) -> Shows:
    """Return what tells whether an optional array is given."""
    return lambda hyper, shapes: shapes.get(array) is not None


def _averages(hyper: Hyper, shapes: Shapes) -> bool:
    return hyper["reduction"] in ("mean", "batchmean")


def _several(hyper: Hyper, shapes: Shapes) -> bool:
    return number_of(shapes) != 1 or shapes.get("weight") is not None


def _summed(inputs: Inputs) -> Inputs:
    return inputs.but(reduction="sum") if _averages(inputs.hyper, inputs.shapes) else inputs


def _over(applies: Shows, count: Callable[[Inputs], Any]) -> Changes:
    """Return the mistake that divides the mean by another count."""

    def wrong(inputs: Inputs) -> bool:
        return inputs.hyper["reduction"] == "mean" and applies(inputs.hyper, inputs.shapes)

    return {
        "before": lambda i: i.but(reduction="sum") if wrong(i) else i,
        "after": lambda result, i: result / count(i) if wrong(i) else result,
        "shows_if": lambda h, s: h["reduction"] == "mean" and applies(h, s),
    }


def _samples(shapes: Shapes) -> float:
    return float(shapes["x"][0]) if shapes["x"] else 1.0


def _many_in_a_sample(hyper: Hyper, shapes: Shapes) -> bool:
    return number_of(shapes) != _samples(shapes) or shapes.get("weight") is not None


def _unwanted_mean(result: Array, inputs: Inputs) -> Array:
    averaged = _averages(inputs.hyper, inputs.shapes)
    return result if averaged else result / float(number_of(inputs.shapes))


def _mean_of_sum(result: Array, inputs: Inputs) -> Array:
    summed = inputs.hyper["reduction"] == "sum"
    return result / float(number_of(inputs.shapes)) if summed else result


_X, _TARGET, _VAR = [0.5, 0.25], [1.0, 0.75], [1.0, 2.0]
# Where the loss and its gradients are 0, for the losses where that is not x = target = 1.
_VANISHING = {
    "binary_cross_entropy_with_logits": (1000.0, 1.0),
    "soft_margin_loss": (1000.0, 1.0),
    "kl_div": (0.5, 0.0),
    "poisson_nll_loss": (-1000.0, 0.0),
}


def _given(**changes: Any) -> Given:
    return given(**{"x": _X, "target": _TARGET, "var": _VAR, **changes})


def vanishing(operation: str) -> Any:
    """Return a case in which the loss and its gradient are 0."""
    x, target = _VANISHING.get(operation, (1.0, 1.0))
    return given(x=[x], target=[target], var=[1.0])(operation)


_PLAIN = _given()
_SUM = _given(reduction="sum")
_ROW = {"x": [_X], "target": [_TARGET], "var": [_VAR]}
_WEIGHING, _ONES = _given(weight=[3.0, 2.0]), _given(weight=[1.0, 1.0])

_NEGATED: Changes = {"after": lambda result, inputs: -result, "shows_if": always}

_TABLE: tuple[tuple[Any, ...], ...] = (
    (
        _ALL,
        "not-averaged",
        "{} is not divided by the number of losses.",
        "{} = Σ, not Σ / N",
        "one loss, or a sum",
        (_PLAIN, _SUM),
        {
            "before": _summed,
            "shows_if": lambda h, s: _averages(h, s) and _several(h, s),
        },
        (*BOTH, "grad_target"),
    ),
    (
        _ALL,
        "averaged-over-the-batch",
        "{} is divided by the number of samples, not by that of all losses.",
        "{} = Σ / N, not Σ / (N · D)",
        "one loss a sample, or a sum",
        (_given(**_ROW), _PLAIN),
        _over(_many_in_a_sample, lambda i: _samples(i.shapes)),
        (*BOTH, "grad_target"),
    ),
    (
        _BY_WEIGHTS,
        "weights-not-averaged",
        "{} is divided by the number of losses where the weights sum to something else.",
        "{} = Σ / N, not Σ / Σ weight",
        "no weights, or weights of 1",
        (_WEIGHING, _ONES),
        _over(has("weight"), lambda i: float(number_of(i.shapes))),
        (*BOTH, "grad_target"),
    ),
    (
        _BY_NUMBER,
        "averaged-over-the-weights",
        "{} is divided by the sum of the weights, not by the number of losses.",
        "{} = Σ / Σ weight, not Σ / N",
        "no weights, or weights of 1",
        (_WEIGHING, _ONES),
        _over(
            has("weight"),
            lambda i: np.broadcast_to(i["weight"], i["x"].shape).sum(),
        ),
        (*BOTH, "grad_target"),
    ),
    (
        _WEIGHTED,
        "weights-ignored",
        "{} ignores the weights.",
        "{} with weight = 1",
        "no weights, or weights of 1",
        (_given(weight=[2.0, 3.0], target=[1.0, 0.0]), _ONES),
        {"before": lambda i: i.but(weight=None), "shows_if": has("weight")},
        (*BOTH, "grad_target"),
    ),
    (
        _ALL,
        "sign",
        "{} has the wrong sign.",
        "-{}",
        "a loss of 0",
        (_PLAIN, vanishing),
        _NEGATED,
        ("output",),
    ),
    (
        _ALL,
        "sign",
        "{} has the wrong sign.",
        "-{}",
        "an upstream gradient of 0",
        (_PLAIN, _given(grad_output=0.0)),
        _NEGATED,
        ("grad_input", "grad_target"),
    ),
    (
        _ALL,
        "ignores-upstream",
        "{} takes the gradient of what follows for 1.",
        "{} of the loss alone, not times grad_output",
        "an upstream gradient of 1, as in a plain backward call",
        (_given(grad_output=2.0), _given(grad_output=1.0)),
        {
            "before": lambda i: i.but(grad_output=np.ones_like(i.grad_output)),
            "shows_if": always,
        },
        ("grad_input", "grad_target"),
    ),
    (
        _ALL,
        "sum-averaged",
        "The sum is divided by the number of losses too.",
        "y = Σ / N, not Σ",
        "a mean, or one loss",
        (_SUM, _PLAIN),
        {
            "after": _mean_of_sum,
            "shows_if": lambda h, s: h["reduction"] == "sum" and number_of(s) != 1,
        },
        ("output",),
    ),
    (
        _ALL,
        "averaged-though-the-loss-is-not",
        "{} is divided by the number of losses, though the loss is not a mean.",
        "{} / N",
        "a mean, or one loss",
        (_SUM, _PLAIN),
        {
            "after": _unwanted_mean,
            "shows_if": lambda h, s: not _averages(h, s) and number_of(s) != 1,
        },
        ("grad_input", "grad_target"),
    ),
)


def _faults(row: tuple[Any, ...]) -> list[Fault]:
    operations, *rest, outputs = row
    made = []
    for output in outputs:
        able = operations
        if output == "grad_target":
            able = tuple(name for name in operations if name in _WITH_TARGET_GRAD)
        mine = (able, *rest, (output,))
        made += listed("loss", "The loss", *mine)
    return made


FAULTS: list[Fault] = [fault for row in _TABLE for fault in _faults(row)]
