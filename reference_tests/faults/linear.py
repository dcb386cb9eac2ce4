"""Mistakes of a fully connected layer."""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_tests.case import Case, Spec
from reference_tests.faults.batches import half, has_bias
from reference_tests.faults.fault import Fault, Hyper, Inputs, Shapes

Array = Any
Changes = dict[str, Any]


def _case(rows: int, features: int, filters: int, bias: int = 0) -> Case:
    return Case(
        {
            "x": Spec((rows, features)),
            "weight": Spec((filters, features)),
            "bias": Spec((filters,)) if bias else None,
        }
    )


def _as_columns(inputs: Inputs) -> Inputs:
    """Return inputs whose weight's memory is read as (C, O)."""
    weight = inputs["weight"]
    return inputs.but(weight=weight.reshape(weight.shape[::-1]).T)


def _several_both_ways(hyper: Hyper, shapes: Shapes) -> bool:
    return 1 not in shapes["weight"]


def _rows(shapes: Shapes) -> int:
    """Return how many rows all axes of x but the last have together."""
    return int(np.prod(shapes["x"][:-1]))


def _several_rows(hyper: Hyper, shapes: Shapes) -> bool:
    return _rows(shapes) > 1


def _averaged(grad: Array, inputs: Inputs) -> Array:
    return grad / max(_rows(inputs.shapes), 1)


def _last_row(inputs: Inputs) -> Inputs:
    x, grad = inputs["x"], inputs.grad_output
    x, grad = (array.reshape(_rows(inputs.shapes), array.shape[-1])[-1:] for array in (x, grad))
    return inputs.but(x=x, grad_output=grad)


def _negated(result: Array, inputs: Inputs) -> Array:
    return -result


def _some_rows(hyper: Hyper, shapes: Shapes) -> bool:
    return _rows(shapes) > 0


def _per_row(grad: Array, inputs: Inputs) -> Array:
    return inputs.grad_output.reshape(_rows(inputs.shapes), len(grad)).sum(1)


_ONE, _BIASED, _EMPTY = _case(1, 1, 1), _case(1, 1, 1, 1), _case(0, 1, 1)
_SMALL = {"x": np.ones((1, 1)), "weight": np.full((1, 1), 3.0)}
_HALF: Changes = {"before": half, "shows_if": lambda hyper, shapes: True}

_TABLE: tuple[tuple[str, str, str, str, str, Case, Case, Changes], ...] = (
    (
        "weight-transposed",
        "output",
        "The weight's memory is read as (C, O).",
        "y[o] = bias[o] + Σ x[c] · weight.reshape(C, O)[c, o], not weight[o, c]",
        "one filter or one feature",
        _case(1, 2, 2),
        _case(1, 2, 1),
        {"before": _as_columns, "shows_if": _several_both_ways},
    ),
    (
        "bias-missing",
        "output",
        "The bias is not added.",
        "y[o] = Σ x[c] · weight[o, c], not bias[o] + Σ …",
        "biases of 0",
        _BIASED,
        _ONE,
        {"before": lambda inputs: inputs.but(bias=None), "shows_if": has_bias},
    ),
    (
        "float16",
        "output",
        "The sums are accumulated in float16.",
        "y[o] = fl16(bias[o] + Σ x[c] · weight[o, c]), not in its dtype",
        "small integers",
        _ONE,
        Case(_ONE.arrays, values=_SMALL),
        _HALF,
    ),
    (
        "input-grad-untransposed",
        "grad_input",
        "The input gradient takes the weight as (C, O), not transposed.",
        "grad_input[c] = Σ g[o] · weight.reshape(C, O)[c, o], not weight[o, c]",
        "one filter or one feature",
        _case(1, 2, 2),
        _case(1, 2, 1),
        {"before": _as_columns, "shows_if": _several_both_ways},
    ),
    (
        "input-grad-sign",
        "grad_input",
        "The input gradient has the wrong sign.",
        "grad_input[c] = -Σ g[o] · weight[o, c], not +Σ",
        "a gradient of zeros, as of an empty batch",
        _ONE,
        _EMPTY,
        {"after": _negated, "shows_if": _some_rows},
    ),
    (
        "weight-grad-transposed",
        "grad_weight",
        "The weight gradient is transposed: xᵀ g for gᵀ x.",
        "grad_weight[c, o] = Σ g[n, o] · x[n, c], not grad_weight[o, c]",
        "one filter and one feature",
        _case(1, 2, 2),
        _ONE,
        {
            "after": lambda grad, inputs: grad.T,
            "shows_if": lambda hyper, shapes: max(shapes["weight"]) > 1,
        },
    ),
    (
        "weight-grad-averaged",
        "grad_weight",
        "The weight gradient is averaged over the batch.",
        "grad_weight[o, c] = 1/N · Σ g[n, o] · x[n, c], not Σ",
        "one sample",
        _case(2, 1, 1),
        _ONE,
        {"after": _averaged, "shows_if": _several_rows},
    ),
    (
        "weight-grad-last-sample",
        "grad_weight",
        "The weight gradient is that of the last sample only.",
        "grad_weight[o, c] = g[N - 1, o] · x[N - 1, c], not the sum over all n",
        "one sample",
        _case(2, 1, 1),
        _ONE,
        {"before": _last_row, "shows_if": _several_rows},
    ),
    (
        "weight-grad-sign",
        "grad_weight",
        "The weight gradient has the wrong sign.",
        "grad_weight[o, c] = -Σ g[n, o] · x[n, c], not +Σ",
        "a gradient of zeros, as of an empty batch",
        _ONE,
        _EMPTY,
        {"after": _negated, "shows_if": _some_rows},
    ),
    (
        "bias-grad-single-sum",
        "grad_bias",
        "The bias gradient is one sum over everything, the same for every filter.",
        "grad_bias[o] = Σ g[n, o'] over n and o', not over n with o' = o",
        "one filter",
        _case(1, 1, 2, 1),
        _BIASED,
        {
            "after": lambda grad, inputs: np.full_like(grad, inputs.grad_output.sum()),
            "shows_if": lambda h, s: has_bias(h, s) and s["weight"][0] > 1,
        },
    ),
    (
        "bias-grad-over-filters",
        "grad_bias",
        "The bias gradient is summed over the filters instead of the batch.",
        "grad_bias[n] = Σ g[n, o] over o, not grad_bias[o] over n",
        "one filter and one sample",
        _case(1, 1, 2, 1),
        _BIASED,
        {
            "after": _per_row,
            "shows_if": lambda h, s: has_bias(h, s) and (_rows(s), s["weight"][0]) != (1, 1),
        },
    ),
    (
        "bias-grad-per-sample",
        "grad_bias",
        "The bias gradient is not summed over the batch.",
        "grad_bias[n, o] = g[n, o], not the sum over n",
        "one sample",
        _case(2, 1, 1, 1),
        _BIASED,
        {
            "after": lambda grad, inputs: grad if _rows(inputs.shapes) == 1 else inputs.grad_output,
            "shows_if": lambda h, s: has_bias(h, s) and _rows(s) != 1,
        },
    ),
    (
        "bias-grad-averaged",
        "grad_bias",
        "The bias gradient is averaged over the batch.",
        "grad_bias[o] = 1/N · Σ g[n, o], not Σ",
        "one sample",
        _case(2, 1, 1, 1),
        _BIASED,
        {"after": _averaged, "shows_if": lambda h, s: has_bias(h, s) and _several_rows(h, s)},
    ),
    (
        "bias-grad-last-sample",
        "grad_bias",
        "The bias gradient is that of the last sample only.",
        "grad_bias[o] = g[N - 1, o], not the sum over all n",
        "one sample",
        _case(2, 1, 1, 1),
        _BIASED,
        {"before": _last_row, "shows_if": lambda h, s: has_bias(h, s) and _several_rows(h, s)},
    ),
    (
        "bias-grad-sign",
        "grad_bias",
        "The bias gradient has the wrong sign.",
        "grad_bias[o] = -Σ g[n, o], not +Σ",
        "a gradient of zeros, as of an empty batch",
        _BIASED,
        _case(0, 1, 1, 1),
        {"after": _negated, "shows_if": lambda h, s: has_bias(h, s) and _some_rows(h, s)},
    ),
)

FAULTS: list[Fault] = [
    Fault(
        id=f"linear/{name}",
        sentence=sentence,
        operations=("linear",),
        output=output,
        hidden_by=hidden_by,
        formula=formula,
        exposing=exposing,
        hiding=hiding,
        **mistake,
    )
    for name, output, sentence, formula, hidden_by, exposing, hiding, mistake in _TABLE
]
