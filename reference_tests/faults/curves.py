"""What mistakes of activations are made of: their curves, and cases by their values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from reference_tests.case import Case, Spec
from reference_tests.faults.fault import Fault, Hyper, Inputs, Shapes, oracle
from reference_tests.operations import CATALOGUE, FAMILY

Array = Any
Changes = dict[str, Any]
Row = tuple[str, tuple[str, ...], str, str, str, tuple[Case, Case], Changes]

# Of one array or, prelu, of one and its weight; each element of the output has one of the input.
ELEMENTWISE = (
    "relu",
    *(name for name, family in FAMILY.items() if family in ("piecewise", "smooth")),
)
ALONG_AN_AXIS = ("softmax", "softmin", "log_softmax")


def at(*values: float, **hyper: Any) -> Case:
    """Return a case of an elementwise operation by its values."""
    return Case({"x": Spec((len(values),))}, hyper, values={"x": np.array(values, float)})


# What is hidden by nothing but the lack of numbers.
EMPTY = at()


def always(hyper: Hyper, shapes: Shapes) -> bool:
    """Return whether there are numbers at all."""
    return 0 not in shapes["x"]


def unless(**hidden_by: Any) -> Any:
    """Return what tells whether no hyperparameter that an operation has is one that hides."""

    def shows(hyper: Hyper, shapes: Shapes) -> bool:
        hides = any(hyper[name] == value for name, value in hidden_by.items() if name in hyper)
        return always(hyper, shapes) and not hides

    return shows


def curve(inputs: Inputs, x: Array) -> Array:
    """Return the activation of other numbers, with the same hyperparameters."""
    result: Array = oracle(inputs.but(x=x), "output")
    return result


def grad_at(inputs: Inputs, x: Array) -> Inputs:
    """Return inputs whose gradient is taken at other numbers."""
    return inputs.but(x=np.asarray(x, inputs["x"].dtype))


def after_where(condition: Any, changed: Any) -> Changes:
    """Return the mistake that changes a result where the input meets a condition."""
    return {"after": lambda r, i: np.where(condition(i["x"]), changed(r, i), r)}


def adapted(case: Case, operation: str) -> Case:
    """Return a case of an elementwise operation as one of another, with what that needs."""
    arrays, values = dict(case.arrays), dict(case.values)
    hyper = dict(case.hyper)
    if operation == "threshold" and not hyper:
        hyper = {"threshold": 0.5, "value": -7.25}
    if operation == "prelu" and "weight" not in arrays:
        arrays["weight"], values["weight"] = Spec((1,)), np.array([0.25])
    if operation in (*ALONG_AN_AXIS, "glu") and "dim" not in hyper:
        hyper["dim"] = -1
    return Case(arrays, hyper, values=values)


def _adapted(cases: tuple[Case, Case], operation: str) -> tuple[Case, Case]:
    exposing, hiding = cases
    return adapted(exposing, operation), adapted(hiding, operation)


def faults(
    output: str, rows: Sequence[Row], elsewhere: Mapping[str, Mapping[str, Any]] | None = None
) -> list[Fault]:
    """Return faults of one output.

    A row is a name, the operations, a sentence, a formula, what hides it in words, its (exposing,
    hiding) case, and the mistake. `elsewhere` has, by name and operation, other pairs of cases.
    """
    return [_fault(output, *row, elsewhere=(elsewhere or {}).get(row[0], {})) for row in rows]


def _fault(
    output: str,
    name: str,
    operations: tuple[str, ...],
    sentence: str,
    formula: str,
    hidden_by: str,
    cases: tuple[Case, Case],
    mistake: Changes,
    elsewhere: Mapping[str, Any],
) -> Fault:
    unknown = {*operations, *elsewhere} - set(CATALOGUE)
    if unknown:
        raise ValueError(f"faults: {name} names {sorted(unknown)}, expected operations")
    exposing, hiding = cases
    own = {name: _adapted(elsewhere.get(name, cases), name) for name in operations[1:]}
    return Fault(
        id=f"activation/{name}",
        sentence=sentence,
        operations=operations,
        output=output,
        hidden_by=hidden_by,
        formula=formula,
        exposing=adapted(exposing, operations[0]),
        hiding=adapted(hiding, operations[0]),
        elsewhere=own,
        **{"shows_if": always, **mistake},
    )
