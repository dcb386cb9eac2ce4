"""Mistakes of the logarithm of a softmax inside the cross-entropy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from reference_tests.faults.classes import (
    LARGE,
    ONE,
    UNEQUAL,
    WEIGHTLESS,
    always,
    batched,
    class_axis,
    labelled,
)
from reference_tests.faults.fault import Fault, Inputs
from reference_tests.faults.table import listed
from reference_tests.operations.classification import weighted_likelihood

Array = Any


def _exp_sums(x: Array, axis: int) -> Array:
    return np.exp(x).sum(axis, keepdims=True)


def _unguarded(x: Array, axis: int) -> Array:
    powers = np.exp(x - x.max(axis, keepdims=True))
    return np.log(powers / powers.sum(axis, keepdims=True))


def _with_one_maximum(x: Array, axis: int) -> Array:
    below = x - x.max() if x.size else x
    return below - np.log(_exp_sums(below, axis))


def _over_the_batch(x: Array, axis: int) -> Array:
    below = x - x.max(0, keepdims=True) if len(x) else x
    return below - np.log(_exp_sums(below, 0))


def _with_log_softmax(log_softmax: Callable[[Array, int], Array]) -> Callable[[Inputs], Array]:
    """Return the loss of other log-probabilities."""

    def replace(inputs: Inputs) -> Array:
        x, hyper = inputs["x"], inputs.hyper
        return weighted_likelihood(
            log_softmax(x, class_axis(x)),
            inputs["target"],
            inputs["weight"],
            hyper["ignore_index"],
            hyper["reduction"],
            hyper["label_smoothing"],
        )[0]

    return replace


def _clipped(least: float) -> Callable[[Array, int], Array]:
    def logarithms(x: Array, axis: int) -> Array:
        probabilities = np.exp(_unguarded(x, axis))
        return np.log(np.clip(probabilities, x.dtype.type(least), x.dtype.type(1 - least)))

    return logarithms


def _with_epsilon(eps: float) -> Callable[[Array, int], Array]:
    return lambda x, axis: np.log(np.exp(_unguarded(x, axis)) + eps)


# An overflow of the loss leaves the gradient right.
_TABLE: tuple[tuple[Any, ...], ...] = (
    (
        "no-maximum-subtracted",
        "The exponentials overflow, since no maximum is subtracted.",
        "log p = x - log Σ exp x, not x - m - log Σ exp(x - m)",
        "small logits",
        (LARGE, ONE),
        {
            "replace": _with_log_softmax(lambda x, axis: x - np.log(_exp_sums(x, axis))),
            "shows_if": always,
        },
    ),
    (
        "one-maximum-for-the-batch",
        "One maximum is subtracted from the whole batch, and other samples underflow.",
        "log p = x - m - log Σ exp(x - m) with m the maximum of all samples",
        "small logits",
        (UNEQUAL, ONE),
        {"replace": _with_log_softmax(_with_one_maximum), "shows_if": batched},
    ),
    (
        "log-of-softmax",
        "The logarithm of a softmax that rounds to 0 is infinite.",
        "log p = log(exp(x - m) / Σ exp(x - m)), not x - m - log Σ exp(x - m)",
        "small logits",
        (LARGE, ONE),
        {"replace": _with_log_softmax(_unguarded), "shows_if": always},
    ),
    (
        "wrong-axis",
        "The softmax runs over the batch instead of the classes.",
        "p = exp x / Σ over N, not over C",
        "logits without a batch",
        (ONE, labelled([0.5, 2.0], 0)),
        {"replace": _with_log_softmax(_over_the_batch), "shows_if": batched},
    ),
    *(
        (
            f"clipped-{least}",
            f"The probabilities are clipped to [{least}, 1 - {least}].",
            f"log p of clip(p, {least}, 1 - {least})",
            "probabilities away from 0 and 1",
            (LARGE, ONE),
            {"replace": _with_log_softmax(_clipped(float(least))), "shows_if": always},
        )
        for least in ("1e-7", "1e-12", "1e-15")
    ),
    *(
        (
            f"epsilon-in-log-{eps}",
            f"{eps} is added to the probabilities inside the logarithm.",
            f"log(p + {eps})",
            "single precision, unless a probability is near 0",
            (LARGE, WEIGHTLESS),
            {"replace": _with_log_softmax(_with_epsilon(float(eps))), "shows_if": always},
        )
        for eps in ("1e-7", "1e-8")
    ),
)

FAULTS: list[Fault] = [
    fault
    for row in _TABLE
    for fault in listed("cross-entropy", "The loss", ("cross_entropy",), *row)
]
