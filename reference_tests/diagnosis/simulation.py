"""What known mistakes would compute, and which of them compute what the subject does."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference_tests.diagnosis.witness import Array, Question, Witness, agrees, lifted
from reference_tests.faults import FAULTS, Fault, Inputs, composed, simulated
from reference_tests.faults.fault import afterwards
from reference_tests.references.exact import Truth
from reference_tests.tolerance import FORMATS, LIBRARY

Bounds = NDArray[np.float64]


class Suspicion:
    """That a subject has certain mistakes in one output.

    Parameters
    ----------
    faults : tuple of Fault
    output : str
    """

    def __init__(self, faults: Sequence[Fault], output: str) -> None:
        self.faults, self.output = tuple(faults), output
        self._results: dict[tuple[Question, int], Array | None] = {}
        self._bounds: dict[tuple[Question, tuple[int, ...]], Bounds] = {}

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of the faults."""
        return tuple(fault.id for fault in self.faults)

    @property
    def text(self) -> str:
        """What the mistakes are, in words, with their ids."""
        return " And: ".join(f"{fault.sentence} ({fault.id})" for fault in self.faults)

    @property
    def about_dtypes(self) -> bool:
        """Whether it is about the dtype of the result too."""
        return any(fault.finish is not Fault.finish for fault in self.faults)

    @property
    def about_calls(self) -> bool:
        """Whether it is about more than one call, so that only a subject as a whole has it."""
        return any(fault.wrap is not Fault.wrap for fault in self.faults)

    @property
    def composes(self) -> bool:
        """Whether all of it goes on before or after the oracle, so that it goes with others."""
        return not self.about_calls and all(fault.replace is None for fault in self.faults)

    def predicted(self, question: Question, turn: int = 1) -> Array | None:
        """Return what the mistakes compute, the how-manieth time; None if they cannot."""
        if (question, turn) not in self._results:
            simulate = self._called if self.about_calls else self._simulated
            self._results[question, turn] = simulate(question, turn)
        return self._results[question, turn]

    def _simulated(self, question: Question, turn: int) -> Array | None:
        inputs = self._inputs(question)
        if turn > 1:
            inputs = inputs.pulled(inputs.grad_output, turn)
        try:
            return np.asarray(simulated(inputs, self.output, *self.faults))
        except Exception:
            # A mistake has no result for parameters that it knows nothing about.
            return None

    def _inputs(self, question: Question) -> Inputs:
        """Return what the result is computed from: an output knows no cotangent."""
        gradient = self.output.startswith("grad_")
        return question.inputs if gradient else question.inputs.pulled(None)

    def _called(self, question: Question, turn: int) -> Array | None:
        subject = composed(*self.faults) if self.composes else self.faults[0].implementation()
        seen = question.answered(subject.operations[question.inputs.operation.name])
        return seen.got(self.output, turn) if seen else None

    def bound(self, question: Question, result: Array) -> Bounds:
        """Return how far a subject with the mistakes may lie from what they compute here."""
        if question.scale and _integral(result):
            return np.zeros(result.shape)
        if (question, result.shape) not in self._bounds:
            spread = self._propagated(question, result.shape)
            level = _level(question, self.output, result)
            if spread is not None:
                # Both the subject and the simulation round.
                level = np.where(np.isfinite(spread), 2 * spread, level)
            self._bounds[question, result.shape] = level
        return self._bounds[question, result.shape]

    def _propagated(self, question: Question, shape: tuple[int, ...]) -> Bounds | None:
        """Return the bound of the oracle, with what the mistakes do to it, or None."""
        if not self.composes:
            return None
        inputs = changed = self._inputs(question)
        unit = FORMATS[question.dtype].unit

        def after(result: Any) -> Any:
            return np.asarray(afterwards(result, inputs, self.faults), np.float64)

        try:
            with np.errstate(all="ignore"):
                for fault in self.faults:
                    changed = fault.before(changed)
                bounded = lifted(changed, among=inputs)
                gradient = self.output.startswith("grad_")
                value = (bounded.gradients if gradient else bounded.forward[0])[self.output]
                middle = after(value.nearest)
                ends = [after(value.nearest + sign * value.error) - middle for sign in (-1, 1)]
                spread = np.maximum(*map(np.abs, ends)) + LIBRARY * unit * np.abs(middle)
        except Exception:
            # Not every mistake is defined for numbers that carry a bound.
            return None
        return spread + FORMATS[question.dtype].tiny if spread.shape == shape else None

    @property
    def turns(self) -> tuple[int, ...]:
        """How often the result can be asked for: a pullback is used a second time."""
        return (1, 2) if self.output.startswith("grad_") else (1,)

    def fits(self, witness: Witness) -> bool:
        """Return whether the subject computed what the mistakes compute."""
        return all(self._fits(witness, turn) for turn in self.turns)

    def _fits(self, witness: Witness, turn: int) -> bool:
        got = witness.got(self.output, turn)
        if got is None:
            return turn > 1
        result = self.predicted(witness.question, turn)
        if result is None or (self.about_dtypes and got.dtype != result.dtype):
            return False
        return self._close(witness.question, got, result)

    def _close(self, question: Question, got: Array, result: Array) -> bool:
        """Return whether results are alike; bounds are asked for only where they matter."""
        return agrees(got, result, 0.0) or (
            got.shape == result.shape and agrees(got, result, self.bound(question, result))
        )

    def shows(self, question: Question) -> bool:
        """Return whether what the mistakes compute is not right."""
        truth = question.right.get(self.output)
        return truth is not None and any(
            self._shows(question, truth, self.predicted(question, turn)) for turn in self.turns
        )

    def _shows(self, question: Question, truth: Truth, result: Array | None) -> bool:
        if result is None:
            return False
        if self.about_dtypes and result.dtype.kind == "f" and result.dtype != question.dtype:
            return True
        if result.shape != truth.bound.shape:
            return True
        if agrees(result, truth.nearest, truth.bound):
            return False
        return not agrees(result, truth.nearest, truth.bound + self.bound(question, result))

    def differs(self, other: Suspicion, question: Question) -> bool:
        """Return whether two suspicions predict different results."""
        return any(
            self._differs(
                question, self.predicted(question, turn), other, other.predicted(question, turn)
            )
            for turn in self.turns
        )

    def _differs(self, question: Question, mine: Any, other: Suspicion, theirs: Any) -> bool:
        if mine is None or theirs is None:
            return mine is not theirs
        if mine.dtype != theirs.dtype or mine.shape != theirs.shape:
            return True
        if agrees(mine, theirs, 0.0):
            return False
        return not agrees(mine, theirs, self.bound(question, mine) + other.bound(question, theirs))


def _integral(result: Array) -> bool:
    values = np.asarray(result, np.float64)
    with np.errstate(all="ignore"):
        # Beyond 2**53 not every integer is a float64.
        return bool(((values == np.rint(values)) & (np.abs(values) < 2.0**53)).all())


def allowance(question: Question, output: str, result: Any) -> Bounds:
    """Return how far another computation with this result may lie from it.

    It is granted the relative error that the right one may have; integers, on which nothing is
    rounded, are exact.
    """
    values = np.asarray(result, np.float64)
    if question.scale and _integral(values):
        return np.zeros(values.shape)
    return _level(question, output, values)


def _level(question: Question, output: str, result: Array) -> Bounds:
    """Return the relative error that the right computation may have, granted to another one."""
    truth, unit = question.bounded[output], FORMATS[question.dtype].unit
    sizes = np.abs(truth.nearest)
    usable = np.isfinite(sizes) & np.isfinite(truth.bound)
    largest = sizes[usable].max(initial=0.0)
    relative = LIBRARY * unit
    if largest > 0:
        relative = max(relative, truth.bound[usable].max() / largest)
    values = np.abs(np.asarray(result, np.float64))
    scale = values[np.isfinite(values)].max(initial=0.0)
    return np.full(values.shape, 2 * relative * scale)


@cache
def known(operation: str, output: str) -> tuple[Fault, ...]:
    """Return the faults of the dictionary that corrupt an output of an operation."""
    return tuple(f for f in FAULTS.values() if operation in f.operations and f.output == output)
