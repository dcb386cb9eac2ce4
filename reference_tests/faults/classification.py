"""Mistakes of the cross-entropy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from reference_tests.case import Case, Spec
from reference_tests.faults.fault import Fault, Hyper, Inputs, Shapes
from reference_tests.operations.classification import weighted_likelihood

Array = Any
Changes = dict[str, Any]


def _axis(x: Array) -> int:
    return 1 if x.ndim > 1 else 0


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


def _softmax(x: Array) -> Array:
    powers = np.exp(x - x.max(_axis(x), keepdims=True))
    return powers / powers.sum(_axis(x), keepdims=True)


def _with_log_softmax(log_softmax: Callable[[Array, int], Array]) -> Callable[[Inputs], Array]:
    """Return the loss of other log-probabilities."""

    def replace(inputs: Inputs) -> Array:
        x, hyper = inputs["x"], inputs.hyper
        return weighted_likelihood(
            log_softmax(x, _axis(x)),
            inputs["target"],
            inputs["weight"],
            hyper["ignore_index"],
            hyper["reduction"],
            hyper["label_smoothing"],
        )[0]

    return replace


def _soft(inputs: Inputs) -> bool:
    return bool(np.issubdtype(inputs["target"].dtype, np.floating))


def _kept(inputs: Inputs) -> Array:
    """Return which targets count."""
    target = inputs["target"]
    if _soft(inputs):
        return np.ones(np.delete(target.shape, _axis(target)), bool)
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
    classes = inputs["x"].shape[_axis(inputs["x"])]
    smoothing = inputs.hyper["label_smoothing"] * classes / (classes - 1)
    return inputs.but(label_smoothing=smoothing)


def _always(hyper: Hyper, shapes: Shapes) -> bool:
    return True


def _batched(hyper: Hyper, shapes: Shapes) -> bool:
    return len(shapes["x"]) > 1


def _mean(hyper: Hyper, shapes: Shapes) -> bool:
    return bool(hyper["reduction"] == "mean")


def _mean_of_several(hyper: Hyper, shapes: Shapes) -> bool:
    several = shapes["weight"] is not None or np.prod(np.delete(shapes["x"], _place(shapes))) > 1
    return _mean(hyper, shapes) and bool(several)


def _place(shapes: Shapes) -> int:
    return 1 if len(shapes["x"]) > 1 else 0


def _weighted_mean(hyper: Hyper, shapes: Shapes) -> bool:
    hard = len(shapes["target"]) < len(shapes["x"])
    return _mean(hyper, shapes) and shapes["weight"] is not None and hard


def _ignoring_mean(hyper: Hyper, shapes: Shapes) -> bool:
    return _mean(hyper, shapes) and len(shapes["target"]) < len(shapes["x"])


def _smoothing(hyper: Hyper, shapes: Shapes) -> bool:
    return bool(hyper["label_smoothing"] > 0)


def _case(x: Any, target: Any, weight: Any = None, **hyper: Any) -> Case:
    """Return a case by its values, or the shape of x where they do not matter."""
    logits = np.asarray(x, float)
    specs: dict[str, Spec | None] = {
        "x": Spec(logits.shape),
        "target": Spec(np.shape(target), "label", logits.shape[-1]),
        "weight": None if weight is None else Spec(np.shape(weight), "positive"),
    }
    values = {"x": logits, "target": np.asarray(target)}
    if weight is not None:
        values["weight"] = np.asarray(weight, float)
    return Case(specs, hyper, values=values)


_ONE = _case([[0.5, 2.0]], [0])
_TWO = _case([[0.5, 2.0], [1.0, -1.0]], [0, 0])
_SUM = _case([[0.5, 2.0]], [0], reduction="sum")
_LARGE = _case([[0.0, 1e4]], [0])
_UNEQUAL = _case([[0.0, 1.0], [1e4, 0.0]], [0, 0])
_WEIGHTED = _case([[0.5, 2.0]], [0], [2.0, 1.0])
_EQUAL = _case([[0.5, 2.0]], [0], [1.0, 1.0])
_IGNORED = _case([[0.5, 2.0], [1.0, -1.0]], [0, -100])
_SMOOTH = _case([[0.5, 2.0]], [0], label_smoothing=0.5)

# Of the output alone: an overflow of the loss leaves the gradient right.
_OF_THE_LOSS: tuple[tuple[str, str, str, Case, Case, Changes], ...] = (
    (
        "no-maximum-subtracted",
        "The exponentials overflow, since no maximum is subtracted.",
        "small logits",
        _LARGE,
        _ONE,
        {
            "replace": _with_log_softmax(lambda x, axis: x - np.log(_exp_sums(x, axis))),
            "shows_if": _always,
        },
    ),
    (
        "one-maximum-for-the-batch",
        "One maximum is subtracted from the whole batch, and other samples underflow.",
        "small logits",
        _UNEQUAL,
        _ONE,
        {"replace": _with_log_softmax(_with_one_maximum), "shows_if": _batched},
    ),
    (
        "log-of-softmax",
        "The logarithm of a softmax that rounds to 0 is infinite.",
        "small logits",
        _LARGE,
        _ONE,
        {"replace": _with_log_softmax(_unguarded), "shows_if": _always},
    ),
    (
        "wrong-axis",
        "The softmax runs over the batch instead of the classes.",
        "logits without a batch",
        _ONE,
        _case([0.5, 2.0], 0),
        {"replace": _with_log_softmax(_over_the_batch), "shows_if": _batched},
    ),
)

# Of the output or, under another name, of the gradient.
_OF_BOTH: tuple[tuple[str, str, str, Case, Case, Changes], ...] = (
    (
        "not-averaged",
        "{} is not divided by the number of samples.",
        "one sample, or a sum",
        _TWO,
        _ONE,
        {"before": _summed, "shows_if": _mean_of_several},
    ),
    (
        "averaged-over-classes",
        "{} is divided by the number of samples times that of classes.",
        "a sum",
        _ONE,
        _SUM,
        {
            **_over(lambda i: _count(i) * i["x"].shape[_axis(i["x"])]),
            "shows_if": _mean,
        },
    ),
    (
        "weights-not-averaged",
        "{} is divided by the number of samples where the weights sum to something else.",
        "no weights, or equal ones of 1",
        _WEIGHTED,
        _EQUAL,
        {**_over(lambda i: float(_kept(i).sum())), "shows_if": _weighted_mean},
    ),
    (
        "ignored-counted",
        "{} is divided by a number of samples that includes the ignored ones.",
        "no ignored targets",
        _IGNORED,
        _TWO,
        {**_over(lambda i: _count(i) + float((~_kept(i)).sum())), "shows_if": _ignoring_mean},
    ),
    (
        "softmax-twice",
        "{} is computed from probabilities: the softmax is applied twice.",
        "one class",
        _ONE,
        _case([[0.5]], [0]),
        {
            "before": lambda i: i.but(x=_softmax(i["x"])),
            "shows_if": lambda h, s: s["x"][_place(s)] > 1,
        },
    ),
    (
        "smoothed-over-the-others",
        "{} mixes smoothed labels with 1 / (C - 1) instead of 1 / C.",
        "no label smoothing",
        _SMOOTH,
        _ONE,
        {"before": _smoothed, "shows_if": _smoothing},
    ),
    (
        "sign",
        "{} has the wrong sign.",
        "one class, whose loss is 0",
        _ONE,
        _case([[0.5]], [0]),
        {"after": lambda result, i: -result, "shows_if": _always},
    ),
)


def _fault(
    output: str,
    name: str,
    sentence: str,
    hidden_by: str,
    exposing: Case,
    hiding: Case,
    mistake: Changes,
) -> Fault:
    prefix, what = ("", "The loss") if output == "output" else ("grad-", "The gradient")
    return Fault(
        id=f"cross-entropy/{prefix}{name}",
        sentence=sentence.format(what),
        operations=("cross_entropy",),
        output=output,
        hidden_by=hidden_by,
        exposing=exposing,
        hiding=hiding,
        **mistake,
    )


FAULTS: list[Fault] = [
    *(_fault("output", *row) for row in (*_OF_THE_LOSS, *_OF_BOTH)),
    *(_fault("grad_input", *row) for row in _OF_BOTH),
]
