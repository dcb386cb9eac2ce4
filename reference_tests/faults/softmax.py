"""Mistakes of softmax, softmin and log-softmax."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from reference_tests.case import Case, Spec
from reference_tests.faults.curves import ALONG_AN_AXIS, Array, Changes, always, faults
from reference_tests.faults.fault import Fault, Hyper, Inputs, Shapes, oracle


def _case(x: Any, dim: int = -1) -> Case:
    """Return a case by its values."""
    values = np.array(x, float)
    return Case({"x": Spec(values.shape)}, {"dim": dim}, values={"x": values})


def _signed(inputs: Inputs) -> Array:
    """Return what the exponentials are of."""
    x: Array = inputs["x"]
    return -x if inputs.operation.name == "softmin" else x


def _logarithmic(inputs: Inputs) -> bool:
    return inputs.operation.name == "log_softmax"


def _shares(inputs: Inputs) -> Array:
    """Return the probabilities."""
    y: Array = oracle(inputs, "output")
    return np.exp(y) if _logarithmic(inputs) else y


def _about(below: Callable[[Array, int], Array]) -> Changes:
    """Return the mistake that subtracts something else before the exponentials."""

    def after(y: Array, inputs: Inputs) -> Array:
        dim = inputs.hyper["dim"]
        x = below(_signed(inputs), dim)
        total = np.exp(x).sum(dim, keepdims=True)
        return x - np.log(total) if _logarithmic(inputs) else np.exp(x) / total

    return {"after": after}


def _largest(x: Array) -> Array:
    return x.max(initial=-np.inf)


def _unguarded(y: Array, inputs: Inputs) -> Array:
    x, dim = inputs["x"], inputs.hyper["dim"]
    powers = np.exp(x - x.max(dim, keepdims=True)) if x.size else x
    return np.log(powers / powers.sum(dim, keepdims=True))


def _unnormalized(y: Array, inputs: Inputs) -> Array:
    x, dim = _signed(inputs), inputs.hyper["dim"]
    below = x - x.max(dim, keepdims=True) if x.size else x
    return below if _logarithmic(inputs) else np.exp(below)


def _flattened(inputs: Inputs) -> Inputs:
    """Return inputs of one axis."""
    grad = inputs.grad_output
    flat = None if grad is None else grad.reshape(-1)
    return inputs.but(x=inputs["x"].reshape(-1), grad_output=flat, dim=0)


def _over_everything() -> Changes:
    """Return the mistake of a softmax over all axes at once."""
    return {
        "before": _flattened,
        "after": lambda result, inputs: result.reshape(inputs["x"].shape),
        "shows_if": _rows,
    }


def _dim(hyper: Hyper, shapes: Shapes) -> int:
    return int(hyper["dim"]) % len(shapes["x"])


def _other_axis(axis: int) -> Changes:
    """Return the mistake that always takes one axis."""

    def shows(hyper: Hyper, shapes: Shapes) -> bool:
        size, dim, taken = shapes["x"], _dim(hyper, shapes), axis % len(shapes["x"])
        return always(hyper, shapes) and dim != taken and max(size[dim], size[taken]) > 1

    return {"before": lambda inputs: inputs.but(dim=axis), "shows_if": shows}


def _several(hyper: Hyper, shapes: Shapes) -> bool:
    """Return whether there are several numbers along the axis."""
    return always(hyper, shapes) and shapes["x"][_dim(hyper, shapes)] > 1


def _rows(hyper: Hyper, shapes: Shapes) -> bool:
    """Return whether there are several rows along the axis."""
    rows = np.prod(np.delete(shapes["x"], _dim(hyper, shapes)))
    return always(hyper, shapes) and bool(rows > 1)


def _diagonal(grad: Array, inputs: Inputs) -> Array:
    p, g = _shares(inputs), inputs.grad_output
    if _logarithmic(inputs):
        return g * (1 - p)
    return (-1 if inputs.operation.name == "softmin" else 1) * g * p * (1 - p)


def _summed_over_all(grad: Array, inputs: Inputs) -> Array:
    p, g = _shares(inputs), inputs.grad_output
    if _logarithmic(inputs):
        return g - p * g.sum()
    return (-1 if inputs.operation.name == "softmin" else 1) * p * (g - (g * p).sum())


def _unsummed(grad: Array, inputs: Inputs) -> Array:
    p, g = _shares(inputs), inputs.grad_output
    return (-1 if inputs.operation.name == "softmin" else 1) * p * g


_SOFT = ("softmax", "softmin")
_ROW, _LONE, _LARGE = _case([[0.5, 2.0]]), _case([[0.5]]), _case([[0.0, 1e4]])
_COLUMN = _case([[0.5, 2.0]], 0)
_SQUARE, _EMPTY = _case([[0.5, 2.0], [1.0, -1.0]]), _case([[]])

_OUTPUT = faults(
    "output",
    (
        (
            "softmax-no-maximum-subtracted",
            ALONG_AN_AXIS,
            "The exponentials overflow, since no maximum is subtracted.",
            "exp(x) / Σ exp(x), whose terms are infinite for x > 89, as NaN",
            "small numbers",
            (_LARGE, _ROW),
            _about(lambda x, dim: x),
        ),
        (
            "softmax-one-maximum-for-all",
            ALONG_AN_AXIS,
            "One maximum is subtracted from all rows, and others underflow.",
            "exp(x - max of all x) instead of exp(x - max of the row)",
            "one row, or small numbers",
            (_case([[1e4, 0.0], [0.0, -1e4]]), _ROW),
            {**_about(lambda x, dim: x - _largest(x)), "shows_if": _rows},
        ),
        (
            "softmax-logarithm-of-zero",
            ("log_softmax",),
            "The logarithm is taken of a softmax, which may have rounded to 0.",
            "log(exp(x) / Σ exp(x)), which is -inf, instead of x - log(Σ exp(x))",
            "small numbers",
            (_LARGE, _ROW),
            {"after": _unguarded},
        ),
        (
            "softmax-of-the-last-axis",
            ALONG_AN_AXIS,
            "The last axis is taken, whatever `dim` says.",
            "Σ over axis -1 instead of axis dim",
            "a dim of -1",
            (_COLUMN, _ROW),
            _other_axis(-1),
        ),
        (
            "softmax-of-the-first-axis",
            ALONG_AN_AXIS,
            "The first axis is taken, that of the samples, whatever `dim` says.",
            "Σ over axis 0 instead of axis dim",
            "a dim of 0",
            (_ROW, _COLUMN),
            _other_axis(0),
        ),
        (
            "softmax-over-everything",
            ALONG_AN_AXIS,
            "The sum runs over the whole array instead of one axis.",
            "exp(x) / Σ of all exp(x)",
            "one row",
            (_SQUARE, _ROW),
            _over_everything(),
        ),
        (
            "softmax-not-normalized",
            ALONG_AN_AXIS,
            "The exponentials are not divided by their sum.",
            "exp(x - max x) instead of exp(x - max x) / Σ exp(x - max x)",
            "one number a row",
            (_ROW, _LONE),
            {"after": _unnormalized, "shows_if": _several},
        ),
        (
            "softmax-twice",
            _SOFT,
            "The activation is applied twice.",
            "f(f(x)) instead of f(x)",
            "one number a row",
            (_ROW, _LONE),
            {"before": lambda i: i.but(x=oracle(i, "output")), "shows_if": _several},
        ),
        (
            "softmin-of-plus-x",
            ("softmin",),
            "The sign of x is not changed.",
            "softmax(x) instead of softmax(-x)",
            "one number a row",
            (_ROW, _LONE),
            {"before": lambda i: i.but(x=-i["x"]), "shows_if": _several},
        ),
    ),
    {"softmax-no-maximum-subtracted": {"softmin": (_case([[0.0, -1e4]]), _ROW)}},
)

_GRADIENT = faults(
    "grad_input",
    (
        (
            "grad-softmax-diagonal",
            ALONG_AN_AXIS,
            "Only the diagonal of the Jacobian is used, as for a sigmoid.",
            "grad_output · y · (1 - y) instead of y · (grad_output - Σ grad_output · y)",
            "one number a row",
            (_ROW, _LONE),
            {"after": _diagonal, "shows_if": _several},
        ),
        (
            "grad-softmax-sum-missing",
            _SOFT,
            "The sum is not subtracted.",
            "y · grad_output instead of y · (grad_output - Σ grad_output · y)",
            "a sum of 0",
            (_ROW, _EMPTY),
            {"after": _unsummed},
        ),
        (
            "grad-softmax-summed-over-everything",
            ALONG_AN_AXIS,
            "The sum runs over the whole array instead of one axis.",
            "y · (grad_output - Σ of all grad_output · y)",
            "one row",
            (_SQUARE, _ROW),
            {"after": _summed_over_all, "shows_if": _rows},
        ),
        (
            "grad-softmax-as-with-cross-entropy",
            ("softmax",),
            "The gradient that comes in is taken for a target: it is y - target, of both together.",
            "y - grad_output instead of y · (grad_output - Σ grad_output · y)",
            "no numbers",
            (_ROW, _EMPTY),
            {"after": lambda grad, i: _shares(i) - i.grad_output},
        ),
        (
            "grad-log-softmax-sum-of-one",
            ("log_softmax",),
            "The gradient that comes in is taken to sum to 1, as one-hot targets do.",
            "grad_output - softmax(x) instead of grad_output - softmax(x) · Σ grad_output",
            "a sum of 1",
            (_ROW, _EMPTY),
            {"after": lambda grad, i: i.grad_output - _shares(i)},
        ),
        (
            "grad-softmax-of-the-last-axis",
            ALONG_AN_AXIS,
            "The gradient is that of the last axis, whatever `dim` says.",
            "Σ over axis -1 instead of axis dim",
            "a dim of -1",
            (_COLUMN, _ROW),
            _other_axis(-1),
        ),
        (
            "grad-softmax-of-the-first-axis",
            ALONG_AN_AXIS,
            "The gradient is that of the first axis, that of the samples, whatever `dim` says.",
            "Σ over axis 0 instead of axis dim",
            "a dim of 0",
            (_ROW, _COLUMN),
            _other_axis(0),
        ),
        (
            "grad-softmax-over-everything",
            ALONG_AN_AXIS,
            "The gradient is that of a softmax over the whole array instead of one axis.",
            "with y = exp(x) / Σ of all exp(x)",
            "one row",
            (_SQUARE, _ROW),
            _over_everything(),
        ),
    ),
)

FAULTS: list[Fault] = [*_OUTPUT, *_GRADIENT]
