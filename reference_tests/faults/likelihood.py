"""Mistakes of binary cross-entropy and of the Kullback-Leibler divergence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from reference_tests.faults.fault import Fault, Inputs
from reference_tests.faults.loss import (
    BINARY,
    BOTH,
    always,
    anew,
    has,
    number_of,
    pulled_each,
    weight_of,
)
from reference_tests.faults.table import Changes, given, listed
from reference_tests.operations.binary import LEAST

Array = Any

_GRADS = ("grad_input",)
_PROBABILITIES, _LOGITS, _KL = BINARY[:1], BINARY[1:], ("kl_div",)


def _sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def _positive(inputs: Inputs) -> Array:
    """Return the targets, weighted where they are positive."""
    weight = inputs.arrays.get("pos_weight")
    return inputs["target"] if weight is None else weight * inputs["target"]


def _binary(logarithms: Callable[[Array], tuple[Array, Array]]) -> Changes:
    """Return the mistake of other logarithms of a probability and of its complement."""

    def losses(inputs: Inputs) -> Array:
        log_p, log_rest = logarithms(inputs["x"])
        return -_positive(inputs) * log_p - (1 - inputs["target"]) * log_rest

    return {**anew(losses), "shows_if": always}


def _logarithms(x: Array) -> tuple[Array, Array]:
    return np.log(x), np.log(1 - x)


def _log_of_sigmoid(x: Array) -> tuple[Array, Array]:
    return _logarithms(_sigmoid(x))


def _clipped(x: Array, least: float) -> Array:
    return np.clip(x, x.dtype.type(least), x.dtype.type(1 - least))


def _clipping(least: float) -> Callable[[Array], tuple[Array, Array]]:
    return lambda x: _logarithms(_clipped(x, least))


def _adding(eps: float) -> Callable[[Array], tuple[Array, Array]]:
    return lambda x: (np.log(x + eps), np.log(1 - x + eps))


def _pulled_clipped(least: float) -> Changes:
    def replace(inputs: Inputs) -> Array:
        x = _clipped(inputs["x"], least)
        return pulled_each(inputs) * (x - inputs["target"]) / (x * (1 - x))

    return {"replace": replace, "shows_if": always}


def _overflowing(inputs: Inputs) -> Array:
    x, target = inputs["x"], inputs["target"]
    mix = _positive(inputs) + 1 - target
    return (1 - target) * x + mix * np.log(1 + np.exp(-x))


def _without_the_rest(inputs: Inputs) -> Inputs:
    # Positive targets alone are those of a target of 1 whose weights are the targets.
    weight = inputs["target"] * weight_of(inputs)
    return inputs.but(target=np.ones_like(inputs["target"]), weight=weight)


def _differences(result: Array, inputs: Inputs) -> Array:
    x = inputs["x"]
    return result * np.maximum(x * (1 - x), LEAST)


def _without_sigmoid(inputs: Inputs) -> Array:
    positive = _positive(inputs)
    return pulled_each(inputs) * ((positive + 1 - inputs["target"]) * inputs["x"] - positive)


def _exchanged_terms(inputs: Inputs) -> Inputs:
    if inputs["pos_weight"] is None:
        return inputs
    return inputs.but(x=-inputs["x"], target=1 - inputs["target"])


def _turned_back(result: Array, inputs: Inputs) -> Array:
    return result if inputs["pos_weight"] is None else -result


def _weighing_both(inputs: Inputs) -> Inputs:
    if inputs["pos_weight"] is None:
        return inputs
    return inputs.but(weight=inputs["pos_weight"] * weight_of(inputs), pos_weight=None)


def _spread_infinity(inputs: Inputs) -> Inputs:
    x = inputs["x"]
    return inputs.but(x=np.where(np.isinf(np.exp(x)), np.nan, x))


def _share(inputs: Inputs) -> Array:
    target = inputs["target"]
    return np.exp(target) if inputs.hyper["log_target"] else target


def _log_share(inputs: Inputs) -> Array:
    target = inputs["target"]
    return target if inputs.hyper["log_target"] else np.log(target)


def _nan_at_zero(inputs: Inputs) -> Inputs:
    target = inputs["target"]
    if inputs.hyper["log_target"]:
        return inputs
    return inputs.but(target=np.where(target == 0, np.nan, target))


_HALF = given(x=[0.5], target=[0.25])
_ZERO = given(x=[0.0], target=[1.0])
_NOTHING = given(x=[0.5], target=[0.25], weight=[0.0])
_POSITIVE = given(x=[0.5], target=[0.25], pos_weight=[3.0])
_LARGE = given(x=[-1e4], target=[1.0])
_LARGE_POSITIVE = given(x=[1e4], target=[0.0])
_LOG = given(x=[0.5], target=[0.25], log_target=True)
_EXACT = given(x=[0.25], target=[0.25])
_LEAST = ("1e-7", "1e-12", "1e-15")

_BINARY_ROWS: tuple[tuple[Any, ...], ...] = (
    (
        BINARY,
        "one-sided",
        "{} lacks the term of the targets that are 0.",
        "{} of -t log p, without -(1 - t) log(1 - p)",
        "targets of 1",
        (_HALF, given(x=[0.5], target=[1.0])),
        {"before": _without_the_rest, "shows_if": always},
        BOTH,
    ),
    (
        BINARY,
        "sigmoid-twice",
        "{} is computed from a sigmoid of the input, which is one too many.",
        "{} of σ(x), not of x",
        "weights of 0",
        (_HALF, _NOTHING),
        {"before": lambda i: i.but(x=_sigmoid(i["x"])), "shows_if": always},
        BOTH,
    ),
    (
        _PROBABILITIES,
        "log-unguarded",
        "The logarithm of 0 is infinite; it counts as -100.",
        "y with log 0 = -∞",
        "probabilities inside (0, 1)",
        (_ZERO, _HALF),
        _binary(_logarithms),
    ),
    *(
        (
            _PROBABILITIES,
            f"clipped-{least}",
            "{} is that of probabilities clipped" + f" to [{least}, 1 - {least}].",
            "{} of clip(p, " + f"{least}, 1 - {least})",
            "probabilities away from 0 and 1",
            (exposing, _HALF),
            mistake,
            (output,),
        )
        for least in _LEAST
        for output, exposing, mistake in (
            ("output", _ZERO, _binary(_clipping(float(least)))),
            ("grad_input", given(x=[0.0], target=[0.0]), _pulled_clipped(float(least))),
        )
    ),
    *(
        (
            _PROBABILITIES,
            f"epsilon-in-log-{eps}",
            f"{eps} is added inside both logarithms.",
            f"y of log(p + {eps}) and log(1 - p + {eps})",
            "single precision, unless p is near 0 or 1",
            (_ZERO, _NOTHING),
            _binary(_adding(float(eps))),
        )
        for eps in ("1e-7", "1e-8")
    ),
    (
        _PROBABILITIES,
        "difference-only",
        "{} is that of the logits, p - t, which lacks the division by p (1 - p).",
        "grad_x = p - t, not (p - t) / (p (1 - p))",
        "probabilities that are their targets",
        (_HALF, _EXACT),
        {"after": _differences, "shows_if": always},
        _GRADS,
    ),
    (
        _LOGITS,
        "sigmoid-missing",
        "The logits are taken for probabilities: the sigmoid is missing.",
        "y = -t log x - (1 - t) log(1 - x)",
        "weights of 0",
        (_HALF, _NOTHING),
        _binary(_logarithms),
    ),
    (
        _LOGITS,
        "sigmoid-missing",
        "{} is the logit less the target: the sigmoid is missing.",
        "grad_x = x - t, not σ(x) - t",
        "weights of 0",
        (_HALF, _NOTHING),
        {"replace": _without_sigmoid, "shows_if": always},
        _GRADS,
    ),
    (
        _LOGITS,
        "overflow",
        "The exponential of a large negative logit overflows.",
        "y of log(1 + exp(-x)), not of max(-x, 0) + log(1 + exp(-|x|))",
        "small logits",
        (_LARGE, _HALF),
        {**anew(_overflowing), "shows_if": always},
    ),
    (
        _LOGITS,
        "log-of-sigmoid",
        "The logarithm of a sigmoid that rounds to 0 or 1 is infinite, or NaN times 0.",
        "y of log(σ(x)) and log(1 - σ(x))",
        "small logits",
        (_LARGE, _HALF),
        _binary(_log_of_sigmoid),
    ),
    (
        _LOGITS,
        "overflow",
        "{} is NaN where the exponential of a large logit overflows.",
        "grad_x of exp(x) / (1 + exp(x)) = ∞ / ∞",
        "small logits",
        (_LARGE_POSITIVE, _HALF),
        {"before": _spread_infinity, "shows_if": always},
        _GRADS,
    ),
    (
        _LOGITS,
        "pos-weight-on-negatives",
        "{} weighs the targets that are 0 with pos_weight.",
        "{} of -t log p - pos_weight (1 - t) log(1 - p)",
        "no pos_weight, or one of 1",
        (_POSITIVE, given(x=[0.5], target=[0.25], pos_weight=[1.0])),
        {"before": _exchanged_terms, "shows_if": has("pos_weight")},
    ),
    (
        _LOGITS,
        "pos-weight-on-negatives",
        "{} weighs the targets that are 0 with pos_weight.",
        "{} of -t log p - pos_weight (1 - t) log(1 - p)",
        "no pos_weight",
        (_POSITIVE, _HALF),
        {"before": _exchanged_terms, "after": _turned_back, "shows_if": has("pos_weight")},
        _GRADS,
    ),
    (
        _LOGITS,
        "pos-weight-on-both",
        "{} weighs all targets with pos_weight, not only those that are 1.",
        "{} of pos_weight (-t log p - (1 - t) log(1 - p))",
        "no pos_weight",
        (_POSITIVE, _HALF),
        {"before": _weighing_both, "shows_if": has("pos_weight")},
        BOTH,
    ),
    (
        _LOGITS,
        "pos-weight-ignored",
        "{} ignores pos_weight.",
        "{} with pos_weight = 1",
        "no pos_weight",
        (_POSITIVE, _HALF),
        {"before": lambda i: i.but(pos_weight=None), "shows_if": has("pos_weight")},
        BOTH,
    ),
)

_KL_ROWS: tuple[tuple[Any, ...], ...] = (
    (
        "kl-log-missing",
        "The logarithm of the target is missing.",
        "y = p (p - x), not p (log p - x)",
        "targets of 0",
        (_HALF, given(x=[0.5], target=[0.0])),
        {**anew(lambda i: _share(i) * (_share(i) - i["x"])), "shows_if": always},
    ),
    (
        "kl-input-log-taken",
        "The input is taken for probabilities: its logarithm is taken once more.",
        "y = p (log p - log x), not p (log p - x)",
        "targets of 0",
        (_HALF, given(x=[0.5], target=[0.0])),
        {"before": lambda i: i.but(x=np.log(i["x"])), "shows_if": always},
    ),
    (
        "kl-input-log-taken",
        "{} is that of the logarithm of the input.",
        "grad_x = -p / x, not -p",
        "targets of 0",
        (_HALF, given(x=[0.5], target=[0.0])),
        {"after": lambda result, i: result / i["x"], "shows_if": always},
        _GRADS,
    ),
    (
        "kl-entropy-missing",
        "The entropy of the target is missing: this is a cross-entropy.",
        "y = -p x, not p (log p - x)",
        "targets of 1",
        (_HALF, given(x=[0.5], target=[1.0])),
        {**anew(lambda i: -_share(i) * i["x"]), "shows_if": always},
    ),
    (
        "kl-exchanged",
        "The divergence is taken the other way round.",
        "y = exp(x) (x - log p), not p (log p - x)",
        "an input that is the logarithm of its target",
        (_HALF, given(x=[0.0], target=[1.0])),
        {**anew(lambda i: np.exp(i["x"]) * (i["x"] - _log_share(i))), "shows_if": always},
    ),
    (
        "kl-nan-at-zero",
        "A target of 0 makes the loss NaN.",
        "y of 0 · log 0 = NaN, not 0",
        "targets above 0",
        (given(x=[0.5], target=[0.0]), _HALF),
        {"before": _nan_at_zero, "shows_if": lambda h, s: not h["log_target"]},
    ),
    (
        "log-target-ignored",
        "{} takes the logarithms of probabilities for probabilities: log_target is ignored.",
        "{} with p = target, not exp(target)",
        "no log_target",
        (_LOG, _HALF),
        {"before": lambda i: i.but(log_target=False), "shows_if": lambda h, s: h["log_target"]},
        BOTH,
    ),
    (
        "log-target-assumed",
        "{} takes probabilities for their logarithms.",
        "{} with p = exp(target), not target",
        "log_target",
        (_HALF, _LOG),
        {"before": lambda i: i.but(log_target=True), "shows_if": lambda h, s: not h["log_target"]},
        BOTH,
    ),
    (
        "batchmean-over-all",
        "{} is divided by the number of all losses, not by that of samples.",
        "{} = Σ / (N · D), not Σ / N",
        "one loss a sample, or a mean",
        (
            given(x=[[0.5, 0.5]], target=[[0.25, 0.5]], reduction="batchmean"),
            given(x=[0.5, 0.5], target=[0.25, 0.5], reduction="batchmean"),
        ),
        {
            "before": lambda i: (
                i.but(reduction="mean") if i.hyper["reduction"] == "batchmean" else i
            ),
            "shows_if": lambda h, s: (
                h["reduction"] == "batchmean" and number_of(s) != (*s["x"], 1)[0]
            ),
        },
        BOTH,
    ),
)

FAULTS: list[Fault] = [
    fault
    for operations, *row in (*_BINARY_ROWS, *((_KL, *row) for row in _KL_ROWS))
    for fault in listed("loss", "The loss", operations, *row)
]
