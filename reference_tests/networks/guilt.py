"""Why a layer is wrong: the diagnosis of its operation, on the reference's input and others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from reference_tests.case import Case, Spec
from reference_tests.diagnosis import diagnose
from reference_tests.networks.report import LayerReport
from reference_tests.networks.sides import Node, Side
from reference_tests.networks.truth import Known, known

# The mistake shows in its numbers, so a few inputs are enough, and few samples of each.
INPUTS, SAMPLES = 4, 3


def explained(report: LayerReport, mine: Side, node: Node, other: Node) -> None:
    """Add the diagnosis of a wrong layer to its report."""
    what = known(other)
    if what is None or not report.wrong:
        return
    cases = [(_case(what, other, trial), other.x.dtype.name, False) for trial in range(INPUTS)]
    function = _function(what, mine, node)
    for output, diagnosis in diagnose(function, what.operation, cases).items():
        if output in report.wrong:
            report.diagnosis += [id for id in diagnosis.faults if id not in report.diagnosis]
            parts = [diagnosis.named] if diagnosis.named else list(diagnosis.relations)
            report.explanation += "".join(f"{output}: {part}\n" for part in parts)
    report.explanation = report.explanation.rstrip()


def _case(what: Known, other: Node, trial: int) -> Case:
    """Return a case with the layer's weights; its first input is the reference's own."""
    x = other.x[:SAMPLES] if other.x.ndim > 2 else other.x
    if trial:
        x = np.random.default_rng(trial).standard_normal(x.shape).astype(x.dtype)
    first, *_ = what.operation.arrays
    values = {first: x, **{n: a for n, a in what.arrays.items() if a is not None}}
    specs = {
        n: None if values.get(n) is None else Spec(values[n].shape) for n in what.operation.arrays
    }
    return Case(specs, dict(what.hyper), seed=trial, values=values)


def _function(what: Known, mine: Side, node: Node) -> Callable[..., Any]:
    """Return our layer as a callable of its operation, which supports its own weights only."""
    operation = what.operation
    own = operation.options(what.hyper)

    def call(x: Any, *arrays: Any, **rest: Any) -> Any:
        given = dict(zip(operation.arrays[1:], arrays, strict=False))
        given |= {n: rest.pop(n) for n in operation.arrays[1:] if n in rest}
        fits = set(rest) == set(own) and all(_same(rest[n], own[n]) for n in own)
        if not fits or not all(_same(given.get(n), a) for n, a in what.arrays.items()):
            raise NotImplementedError("a layer has its own weights and parameters")
        output = mine.alone(node, x, None)["output"]

        def pullback(grad_output: Any) -> tuple[Any, ...]:
            found = mine.alone(node, x, grad_output)
            names = ("grad_input", *(f"grad_{name}" for name in operation.arrays[1:]))
            return tuple(found.get(name) for name in names)

        return output, pullback

    return call


def _same(a: Any, b: Any) -> bool:
    if a is None or b is None:
        return a is b
    return bool(np.array_equal(np.asarray(a), np.asarray(b)))
