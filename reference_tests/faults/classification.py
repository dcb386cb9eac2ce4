"""Mistakes of the cross-entropy, and of the likelihood loss that it ends in."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from reference_tests.faults import log_softmax
from reference_tests.faults.classes import (
    CLASS_IGNORED,
    EQUAL,
    IGNORED,
    NO_GRADIENT,
    NONE_IGNORED,
    ONE,
    SMOOTH,
    SUM,
    SUM_OF_TWO,
    TWO,
    UNLIKE,
    WEIGHTED,
    WEIGHTLESS,
    always,
    class_axis,
    class_place,
    labelled,
)
from reference_tests.faults.fault import Fault, Hyper, Inputs, Shapes
from reference_tests.faults.table import Changes, listed
from reference_tests.operations import CATALOGUE
from reference_tests.operations.classification import weighted_likelihood

Array = Any


def _softmax(x: Array) -> Array:
    powers = np.exp(x - x.max(class_axis(x), keepdims=True))
    return powers / powers.sum(class_axis(x), keepdims=True)


def _soft(inputs: Inputs) -> bool:
    return bool(np.issubdtype(inputs["target"].dtype, np.floating))


def _kept(inputs: Inputs) -> Array:
    """Return which targets count."""
    target = inputs["target"]
    if _soft(inputs):
        return np.ones(np.delete(target.shape, class_axis(target)), bool)
    return target != inputs.hyper["ignore_index"]


def _count(inputs: Inputs) -> float:
    """Return what the mean divides by: the sum of the weights of the targets that count."""
    kept = _kept(inputs)
    if _soft(inputs) or inputs["weight"] is None:
        return float(kept.sum())
    return float(inputs["weight"][inputs["target"][kept]].sum())


def _over(count: Callable[[Inputs], float]) -> Changes:
    """Return the mistake that divides the sum by another count in the mean."""

    def after(result: Array, inputs: Inputs) -> Array:
        return result / count(inputs) if _averages(inputs) else result

    return {"before": _summed, "after": after}


def _averages(inputs: Inputs) -> bool:
    # The mean of nothing is a question of its own.
    return inputs.hyper["reduction"] == "mean" and _count(inputs) > 0


def _summed(inputs: Inputs) -> Inputs:
    return inputs.but(reduction="sum") if _averages(inputs) else inputs


def _smoothed(inputs: Inputs) -> Inputs:
    # 1 - ε for the target and ε / (C - 1) for the others is the right formula for a larger ε.
    classes = inputs["x"].shape[class_axis(inputs["x"])]
    smoothing = inputs.hyper["label_smoothing"] * classes / (classes - 1)
    return inputs.but(label_smoothing=smoothing)


def _mean(hyper: Hyper, shapes: Shapes) -> bool:
    return bool(hyper["reduction"] == "mean")


def _mean_of_several(hyper: Hyper, shapes: Shapes) -> bool:
    several = (
        shapes["weight"] is not None or np.prod(np.delete(shapes["x"], class_place(shapes))) > 1
    )
    return _mean(hyper, shapes) and bool(several)


def _weighted_mean(hyper: Hyper, shapes: Shapes) -> bool:
    hard = len(shapes["target"]) < len(shapes["x"])
    return _mean(hyper, shapes) and shapes["weight"] is not None and hard


def _ignoring_mean(hyper: Hyper, shapes: Shapes) -> bool:
    return _mean(hyper, shapes) and len(shapes["target"]) < len(shapes["x"])


def _smoothing(hyper: Hyper, shapes: Shapes) -> bool:
    return bool(hyper["label_smoothing"] > 0)


def _weighted(hyper: Hyper, shapes: Shapes) -> bool:
    return shapes["weight"] is not None


def _ignoring(hyper: Hyper, shapes: Shapes) -> bool:
    """Return whether the ignored label is that of a class, or one for Python's indexing."""
    classes = shapes["x"][class_place(shapes)]
    hard = len(shapes["target"]) < len(shapes["x"])
    return hard and -classes <= hyper["ignore_index"] < classes


def _with_ignored(inputs: Inputs) -> Inputs:
    if not _ignoring(inputs.hyper, inputs.shapes):
        return inputs
    classes = inputs["x"].shape[class_axis(inputs["x"])]
    return inputs.but(target=inputs["target"] % classes, ignore_index=-100)


def _samples(shapes: Shapes) -> int:
    return math.prod(np.delete(shapes["x"], class_place(shapes)).tolist())


def _unwanted_mean(*reductions: str) -> Changes:
    """Return the mistake that divides by the number of samples without being asked."""

    def after(result: Array, inputs: Inputs) -> Array:
        wrong = inputs.hyper["reduction"] in reductions
        return result / float(_samples(inputs.shapes)) if wrong else result

    return {
        "after": after,
        "shows_if": lambda h, s: h["reduction"] in reductions and _samples(s) != 1,
    }


def _to_log_probabilities(inputs: Inputs) -> Array:
    """Return the gradient of the log-probabilities."""
    hyper = inputs.hyper
    to_x = weighted_likelihood(
        inputs["x"],
        inputs["target"],
        inputs["weight"],
        hyper["ignore_index"],
        hyper["reduction"],
        hyper["label_smoothing"],
    )[1]
    return to_x(inputs.grad_output)


def _without_target(result: Array, inputs: Inputs) -> Array:
    return result - _to_log_probabilities(inputs)


def _without_softmax(result: Array, inputs: Inputs) -> Array:
    to_logarithms = _to_log_probabilities(inputs)
    total = to_logarithms.sum(class_axis(inputs["x"]), keepdims=True)
    return to_logarithms - inputs["x"] * total


def _of_logits(inputs: Inputs) -> Inputs:
    """Return the same inputs of a cross-entropy."""
    smooth = inputs.but(label_smoothing=0.0)
    return dataclasses.replace(smooth, operation=CATALOGUE["cross_entropy"])


_ENTROPY, _LIKELIHOOD = ("cross_entropy",), ("nll_loss",)
_ALL = (*_ENTROPY, *_LIKELIHOOD)
_LOSS, _GRADS, _BOTH = ("output",), ("grad_input",), ("output", "grad_input")
_NEGATED: Changes = {"after": lambda result, inputs: -result, "shows_if": always}

_OF_THE_LOSS: tuple[tuple[Any, ...], ...] = (
    (
        _ALL,
        "sum-averaged",
        "The sum is divided by the number of samples too.",
        "y = Σ / N, not Σ",
        "a mean, or one sample",
        (SUM_OF_TWO, TWO),
        _unwanted_mean("sum"),
    ),
    (
        _ALL,
        "sign",
        "{} has the wrong sign.",
        "-{}",
        "a loss of 0",
        (ONE, labelled([[0.0]], [0])),
        _NEGATED,
    ),
)

_OF_THE_GRADIENT: tuple[tuple[Any, ...], ...] = (
    (
        _ALL,
        "sign",
        "{} has the wrong sign.",
        "-{}",
        "an upstream gradient of 0",
        (ONE, NO_GRADIENT),
        _NEGATED,
        _GRADS,
    ),
    (
        _ALL,
        "ignores-upstream",
        "{} takes the gradient of what follows for 1.",
        "{} of the loss alone, not times grad_output",
        "an upstream gradient of 1, as in a plain backward call",
        (
            labelled([[0.5, 2.0]], [0], grad_output=2.0),
            labelled([[0.5, 2.0]], [0], grad_output=1.0),
        ),
        {
            "before": lambda i: i.but(grad_output=np.ones_like(i.grad_output)),
            "shows_if": always,
        },
        _GRADS,
    ),
    (
        _ALL,
        "averaged-though-the-loss-is-not",
        "{} is divided by the number of samples, though the loss is not a mean.",
        "{} / N",
        "a mean, or one sample",
        (SUM_OF_TWO, TWO),
        _unwanted_mean("sum", "none"),
        _GRADS,
    ),
    (
        _ENTROPY,
        "target-not-subtracted",
        "{} is that of the softmax alone: the targets are not subtracted.",
        "grad_x = p, not p - target",
        "an upstream gradient of 0",
        (ONE, NO_GRADIENT),
        {"after": _without_target, "shows_if": always},
        _GRADS,
    ),
    (
        _ENTROPY,
        "softmax-missing",
        "{} has the logits in place of their softmax.",
        "grad_x = x - target, not softmax(x) - target",
        "an upstream gradient of 0",
        (ONE, NO_GRADIENT),
        {"after": _without_softmax, "shows_if": always},
        _GRADS,
    ),
    (
        _LIKELIHOOD,
        "log-taken",
        "{} is that of the logarithm of the input.",
        "grad_x = -weight / x at the target, not -weight",
        "weights of 0",
        (ONE, WEIGHTLESS),
        {"after": lambda result, i: result / i["x"], "shows_if": always},
        _GRADS,
    ),
)

# Of the output or, under another name, of the gradient.
_OF_BOTH: tuple[tuple[Any, ...], ...] = (
    (
        _ALL,
        "not-averaged",
        "{} is not divided by the number of samples.",
        "{} = Σ, not Σ / N",
        "one sample, or a sum",
        (TWO, ONE),
        {"before": _summed, "shows_if": _mean_of_several},
    ),
    (
        _ALL,
        "averaged-over-classes",
        "{} is divided by the number of samples times that of classes.",
        "{} = Σ / (N · C), not Σ / N",
        "a sum",
        (ONE, SUM),
        {
            **_over(lambda i: _count(i) * i["x"].shape[class_axis(i["x"])]),
            "shows_if": _mean,
        },
    ),
    (
        _ALL,
        "weights-not-averaged",
        "{} is divided by the number of samples where the weights sum to something else.",
        "{} = Σ / N, not Σ / Σ weight[target]",
        "no weights, or equal ones of 1",
        (WEIGHTED, EQUAL),
        {**_over(lambda i: float(_kept(i).sum())), "shows_if": _weighted_mean},
    ),
    (
        _ALL,
        "weights-ignored",
        "{} ignores the weights of the classes.",
        "{} with weight = 1",
        "no weights, or equal ones of 1",
        (UNLIKE, EQUAL),
        {"before": lambda i: i.but(weight=None), "shows_if": _weighted},
    ),
    (
        _ALL,
        "ignored-counted",
        "{} is divided by a number of samples that includes the ignored ones.",
        "{} = Σ / N, not Σ / (N - ignored)",
        "no ignored targets",
        (IGNORED, TWO),
        {**_over(lambda i: _count(i) + float((~_kept(i)).sum())), "shows_if": _ignoring_mean},
    ),
    (
        _ALL,
        "ignored-not-left-out",
        "{} takes the ignored label for that of a class; -1 is the last one.",
        "{} with all targets, also those of ignore_index",
        "no ignored targets",
        (CLASS_IGNORED, NONE_IGNORED),
        {"before": _with_ignored, "shows_if": _ignoring},
    ),
    (
        _ENTROPY,
        "softmax-twice",
        "{} is computed from probabilities: the softmax is applied twice.",
        "{} of softmax(x), not of x",
        "one class",
        (ONE, labelled([[0.5]], [0])),
        {
            "before": lambda i: i.but(x=_softmax(i["x"])),
            "shows_if": lambda h, s: s["x"][class_place(s)] > 1,
        },
    ),
    (
        _ENTROPY,
        "smoothed-over-the-others",
        "{} mixes smoothed labels with 1 / (C - 1) instead of 1 / C.",
        "{} of (1 - ε) target + ε / (C - 1) for the other classes",
        "no label smoothing",
        (SMOOTH, ONE),
        {"before": _smoothed, "shows_if": _smoothing},
    ),
    (
        _ENTROPY,
        "smoothing-ignored",
        "{} ignores the smoothing of labels.",
        "{} with ε = 0",
        "no label smoothing",
        (SMOOTH, ONE),
        {"before": lambda i: i.but(label_smoothing=0.0), "shows_if": _smoothing},
    ),
    (
        _LIKELIHOOD,
        "of-logits",
        "{} is that of cross_entropy: the log-softmax is taken once more.",
        "{} of log_softmax(x), not of x",
        "weights of 0",
        (ONE, WEIGHTLESS),
        {"before": _of_logits, "shows_if": always},
    ),
)
_LOG_TAKEN = (
    _LIKELIHOOD,
    "log-taken",
    "The input is taken for probabilities: its logarithm is taken.",
    "y = -weight · log x at the target, not -weight · x",
    "weights of 0",
    (ONE, WEIGHTLESS),
    {"before": lambda i: i.but(x=np.log(i["x"])), "shows_if": always},
)


_MINE = [
    fault
    for rows in ((*_OF_THE_LOSS, _LOG_TAKEN), _OF_THE_GRADIENT, ((*row, _BOTH) for row in _OF_BOTH))
    for operations, *row in rows
    for fault in listed("cross-entropy", "The loss", operations, *row)
]

FAULTS: list[Fault] = [*log_softmax.FAULTS, *_MINE]
