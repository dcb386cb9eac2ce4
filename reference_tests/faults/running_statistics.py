"""Mistakes of running statistics."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from reference_tests.faults.fault import Fault, Hyper, Inputs, Shapes
from reference_tests.faults.standard import BATCH, EVALUATED, running
from reference_tests.faults.table import Changes, given, listed
from reference_tests.operations import CATALOGUE

Array = Any
Function = Callable[..., Any]

_STATISTICS = ("batch_norm_statistics", "instance_norm_statistics")
_BOTH, _VARIANCE = ("running_mean", "running_var"), ("running_var",)


def _moves(hyper: Hyper, shapes: Shapes) -> bool:
    return bool(hyper["momentum"] != 0 and math.prod(shapes["x"]))


def _axes(inputs: Inputs) -> tuple[int, ...]:
    space = tuple(range(2, inputs["x"].ndim))
    return (0, *space) if inputs.operation.name == _STATISTICS[0] else space


def _moved(change: Callable[[Array, int], Array]) -> Changes:
    """Return the mistake that moves towards another variance, made of the unbiased one."""

    def after(result: Array, inputs: Inputs) -> Array:
        if not _moves(inputs.hyper, inputs.shapes):
            return result
        x, momentum = inputs["x"], inputs.hyper["momentum"]
        number = math.prod(x.shape[axis] for axis in _axes(inputs))
        wrong = change(x.var(_axes(inputs), ddof=1), number)
        each = (1 - momentum) * inputs["running_var"] + momentum * wrong
        return each.mean(0) if each.ndim > 1 else each

    return {"after": after, "shows_if": _moves}


def _of_the_other(inputs: Inputs) -> Inputs:
    """Return the same inputs of batch normalization instead of instance normalization."""
    (other,) = set(_STATISTICS) - {inputs.operation.name}
    return dataclasses.replace(inputs, operation=CATALOGUE[other])


def _writing(in_training: bool) -> Changes:
    """Return the mistake that writes into the running mean of its caller."""

    def wrap(function: Function) -> Function:
        def call(x: Array, mean: Array, var: Array, *affine: Any, **hyper: Any) -> Any:
            copies = (array if array is None else array.copy() for array in (mean, var))
            result = function(x, *copies, *affine, **hyper)
            writes = hyper.get("training", False) == in_training
            if writes and mean is not None and mean.flags.writeable and x.size:
                with np.errstate(all="ignore"):
                    mean += 0.1 * (x.mean((0, *range(2, x.ndim))) - mean)
            return result

        return call

    return {
        "wrap": wrap,
        "shows_if": lambda h, s: (
            h["training"] == in_training and s["running_mean"] is not None and 0 not in s["x"]
        ),
    }


def _given(**changes: Any) -> Any:
    start = {"x": [[[1.0, 2.0], [3.0, 7.0]]], "momentum": 0.25}
    return given(**{"running_mean": [0.0, 1.0], "running_var": [1.0, 2.0], **start, **changes})


def _samples(*x: Any) -> Any:
    return _given(x=x, running_mean=[0.5], running_var=[2.0])


_PLAIN, _STILL = _given(), _given(momentum=0.0)

_TABLE: tuple[tuple[Any, ...], ...] = (
    (
        "biased",
        "{} is that of the biased variance.",
        "{} of Σ (x - μ)² / n, not of Σ (x - μ)² / (n - 1)",
        "many elements, or a momentum of 0",
        (_PLAIN, _STILL),
        _moved(lambda variance, number: variance * ((number - 1) / number)),
        _VARIANCE,
    ),
    (
        "of-deviations",
        "{} is that of the deviation.",
        "{} of √(Σ (x - μ)² / (n - 1))",
        "variances of 0 or 1, or a momentum of 0",
        (_PLAIN, _STILL),
        _moved(lambda variance, number: np.sqrt(variance)),
        _VARIANCE,
    ),
    (
        "momentum-exchanged",
        "{} gives the momentum to the old value, not to the new one.",
        "{} = momentum · old + (1 - momentum) · new",
        "a momentum of 1/2",
        (_PLAIN, _given(momentum=0.5)),
        {
            "before": lambda i: i.but(momentum=1 - i.hyper["momentum"]),
            "shows_if": lambda h, s: h["momentum"] != 0.5,
        },
        _BOTH,
    ),
    (
        "replaced",
        "{} is replaced by that of the batch: the momentum is ignored.",
        "{} = new",
        "a momentum of 1",
        (_PLAIN, _given(momentum=1.0)),
        {
            "before": lambda i: i.but(momentum=1.0),
            "shows_if": lambda h, s: h["momentum"] != 1,
        },
        _BOTH,
    ),
    (
        "not-updated",
        "{} stays what it is.",
        "{} = old",
        "a momentum of 0",
        (_PLAIN, _STILL),
        {"before": lambda i: i.but(momentum=0.0), "shows_if": _moves},
        _BOTH,
    ),
)

_OTHER: Changes = {"before": _of_the_other, "shows_if": lambda h, s: s["x"][0] > 1}
_ALONE, _TWO = _samples([[1.0, 2.0, 4.0]]), _samples([[1.0, 2.0]], [[3.0, 7.0]])
_TRAINED = running()

_OF_ONE: tuple[tuple[Any, ...], ...] = (
    (
        _STATISTICS[:1],
        "of-each-sample",
        "{} is the mean of the variances of the samples.",
        "{} of the mean over N of the variances over (H, W)",
        "one sample",
        (_TWO, _ALONE),
        _OTHER,
        _VARIANCE,
    ),
    (
        _STATISTICS[1:],
        "of-the-batch",
        "{} is the variance of all samples together.",
        "{} of the variance over (N, H, W)",
        "one sample",
        (_TWO, _ALONE),
        _OTHER,
        _VARIANCE,
    ),
    (
        (BATCH,),
        "statistics-updated-in-evaluation",
        "The running statistics are updated in evaluation too.",
        "running_mean += momentum · (μ - running_mean) where training is false",
        "training",
        (EVALUATED, _TRAINED),
        _writing(False),
    ),
    (
        (BATCH,),
        "statistics-written-in-place",
        "The running statistics of the caller are written in place.",
        "running_mean += momentum · (μ - running_mean), in the array that was passed",
        "evaluation",
        (_TRAINED, EVALUATED),
        _writing(True),
    ),
)

FAULTS: list[Fault] = [
    *(fault for row in _TABLE for fault in listed("norm", "", _STATISTICS, *row)),
    *(
        fault
        for operations, *row in _OF_ONE
        for fault in listed("norm", "The result", operations, *row)
    ),
]
