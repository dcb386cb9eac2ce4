"""Rows of the dictionary: one mistake over several operations, in an output or in gradients."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from reference_tests.case import Case, Spec
from reference_tests.faults.fault import Fault
from reference_tests.operations import CATALOGUE

Changes = dict[str, Any]
Given = Callable[[str], Case]

# What ids, sentences and formulas call each output but the first.
_CALLED = {
    "grad_input": ("grad-", "The gradient", "grad_x"),
    "grad_target": ("target-grad-", "The gradient of the target", "grad_target"),
    "grad_input1": ("first-grad-", "The gradient of the first input", "grad_input1"),
    "grad_input2": ("second-grad-", "The gradient of the second input", "grad_input2"),
    "grad_anchor": ("anchor-grad-", "The gradient of the anchor", "grad_anchor"),
    "grad_positive": ("positive-grad-", "The gradient of the positive", "grad_positive"),
    "grad_negative": ("negative-grad-", "The gradient of the negative", "grad_negative"),
    "grad_weight": ("weight-grad-", "The gradient of the weight", "grad_weight"),
    "grad_kernel": ("kernel-grad-", "The gradient of the kernel", "grad_kernel"),
    "grad_bias": ("bias-grad-", "The gradient of the bias", "grad_bias"),
    "running_mean": ("running-mean-", "The running mean", "running_mean"),
    "running_var": ("running-variance-", "The running variance", "running_var"),
    "momentum_buffer": ("velocity-", "The velocity", "v"),
    "exp_avg": ("first-moment-", "The first moment", "m"),
    "exp_avg_sq": ("second-moment-", "The second moment", "s"),
    "max_exp_avg_sq": ("largest-moment-", "The largest second moment", "s_max"),
    "mu_product": ("product-", "The product of all momenta", "Π μ"),
    "exp_inf": ("largest-size-", "The largest size", "u"),
    "sum": ("sum-", "The sum of squares", "s"),
    "square_avg": ("mean-square-", "The mean square", "s"),
    "grad_avg": ("mean-gradient-", "The mean gradient", "m"),
    "acc_delta": ("mean-move-", "The mean square of the moves", "d"),
}


def given(**values: Any) -> Given:
    """Return what makes a case of these arrays and hyperparameters, as far as it has them."""

    def case(operation: str) -> Case:
        record = CATALOGUE[operation]
        arrays = {n: _array(values[n]) for n in record.arrays if values.get(n) is not None}
        specs = {n: Spec(arrays[n].shape) if n in arrays else None for n in record.arrays}
        hyper = {name: values[name] for name in record.defaults if name in values}
        if "grad_output" in values:
            arrays["grad_output"] = _array(values["grad_output"])
        return Case(specs, hyper, values=arrays)

    return case


def _array(values: Any) -> Any:
    array = np.asarray(values)
    return array if array.dtype.kind == "f" else array.astype(float)


def drawn(**parts: Any) -> Given:
    """Return what makes a case whose arrays of these shapes are drawn.

    Each part is the shape of an array, or a hyperparameter.
    """

    def case(operation: str) -> Case:
        record = CATALOGUE[operation]
        specs = {name: Spec(parts[name]) for name in record.arrays}
        return Case(specs, {name: parts[name] for name in record.defaults if name in parts})

    return case


def both(mistake: Changes) -> dict[str, Changes]:
    """Return one mistake for the output and for the gradient of the input."""
    return dict.fromkeys(("output", "grad_input"), mistake)


def listed_apart(row: tuple[Any, ...]) -> list[Fault]:
    """Return the faults of a row of `listed` that ends with the mistake of each output."""
    *parts, mistakes = row
    faults = []
    for output, mistake in mistakes.items():
        whole: tuple[Any, ...] = (*parts, mistake, (output,))
        faults += listed(*whole)
    return faults


def gradients(
    family: str, operations: Sequence[str], case: Given, outputs: Sequence[str] = ("grad_input",)
) -> list[Fault]:
    """Return the mistakes that any gradient may have, of operations that are linear."""

    def upstream(value: float) -> Given:
        def valued(operation: str) -> Case:
            return replace(case(operation), values={"grad_output": np.array(value)})

        return valued

    row = (family, "", operations)
    sign: Changes = {"after": lambda grad, inputs: -grad, "shows_if": lambda h, s: True}
    alone: Changes = {
        "before": lambda inputs: inputs.but(grad_output=np.ones_like(inputs.grad_output)),
        "shows_if": lambda h, s: True,
    }
    return [
        *listed(
            *row,
            "sign",
            "{} has the wrong sign.",
            "-{}",
            "an upstream gradient of 0",
            (case, upstream(0.0)),
            sign,
            outputs,
        ),
        *listed(
            *row,
            "ignores-upstream",
            "{} takes the gradient of what follows for 1.",
            "{} for grad_output = 1",
            "an upstream gradient of 1, as of a sum",
            (upstream(2.0), upstream(1.0)),
            alone,
            outputs,
        ),
    ]


def listed(
    family: str,
    noun: str,
    operations: Sequence[str],
    name: str,
    sentence: str,
    formula: str,
    hidden_by: str,
    cases: tuple[Given, Given],
    mistake: Changes,
    outputs: Sequence[str] = ("output",),
) -> list[Fault]:
    """Return the faults of one mistake, one for each of the outputs.

    Parameters
    ----------
    family : str
        The first part of the ids.
    noun : str
        What sentences call the output; ``{}`` stands for it, or for the gradient.
    formula : str
        ``{}`` stands for the output's short name.
    cases : pair of callables
        Take an operation, and return the exposing and the hiding case.
    mistake : mapping
        The further parameters of `Fault`.
    """
    faults = []
    for output in outputs:
        start, what, symbol = _CALLED.get(output, ("", noun, "y"))
        each: Mapping[str, tuple[Case, Case]] = {
            operation: (cases[0](operation), cases[1](operation)) for operation in operations
        }
        faults.append(
            Fault(
                id=f"{family}/{start}{name}",
                sentence=sentence.format(what),
                operations=tuple(operations),
                output=output,
                hidden_by=hidden_by,
                exposing=each[operations[0]][0],
                hiding=each[operations[0]][1],
                formula=formula.format(symbol),
                elsewhere=each,
                **mistake,
            )
        )
    return faults
