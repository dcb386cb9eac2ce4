"""What known mistakes would compute, and which of them compute what the subject does."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from reference_tests.diagnosis.witness import Array, Question, Witness, agrees, lifted
from reference_tests.faults import FAULTS, Fault, composed, simulated
from reference_tests.tolerance import FORMATS, LIBRARY

Bounds = NDArray[np.float64]


class Prediction(NamedTuple):
    """What a mistake computes in one case, the first and the second time.

    `bounds` tell how far a subject with that mistake may lie from it.
    """

    results: tuple[Any, ...]
    bounds: tuple[Bounds, ...]

    def __bool__(self) -> bool:
        return bool(self.results)


class Suspicion:
    """That a subject has certain mistakes in one output.

    Parameters
    ----------
    faults : tuple of Fault
    output : str
    """

    def __init__(self, faults: Sequence[Fault], output: str) -> None:
        self.faults, self.output = tuple(faults), output
        self._known: dict[Question, Prediction] = {}

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

    def predicted(self, question: Question) -> Prediction:
        """Return what the mistakes compute in answer to a question; nothing if they cannot."""
        if question not in self._known:
            self._known[question] = self._predict(question)
        return self._known[question]

    def _predict(self, question: Question) -> Prediction:
        results = self._results(question)
        truth = question.right.get(self.output)
        if not results or truth is None:
            return Prediction((), ())
        return Prediction(results, tuple(self._bound(question, result) for result in results))

    def _results(self, question: Question) -> tuple[Any, ...]:
        if self.about_calls:
            return self._called(question)
        turns = (1, 2) if self.output.startswith("grad_") else (1,)
        inputs = question.inputs
        try:
            pulled = [inputs, inputs.pulled(inputs.grad_output, 2)][: len(turns)]
            return tuple(simulated(each, self.output, *self.faults) for each in pulled)
        except (ArithmeticError, IndexError, TypeError, ValueError):
            # A mistake has no result for parameters that it knows nothing about.
            return ()

    def _called(self, question: Question) -> tuple[Any, ...]:
        operation = question.inputs.operation
        subject = self.faults[0].implementation()
        if len(self.faults) > 1:
            subject = composed(*self.faults)
        seen = question.answered(subject.operations[operation.name])
        results = [seen.got(self.output, turn) for turn in (1, 2)] if seen else []
        return tuple(result for result in results if result is not None)

    def _bound(self, question: Question, result: Array) -> Bounds:
        """Return how far a subject with the mistakes may lie from its simulation."""
        if question.scale and _integral(result):
            return np.zeros(result.shape)
        spread = self._propagated(question, result.shape)
        level = _level(question, self.output, result)
        if spread is None:
            return level
        # Both the subject and the simulation round.
        return np.asarray(2 * np.where(np.isfinite(spread), spread, level))

    def _propagated(self, question: Question, shape: tuple[int, ...]) -> Bounds | None:
        """Return the bound of the oracle, with what the mistakes do to it, or None."""
        if not self.composes:
            return None
        inputs = changed = question.inputs
        unit = FORMATS[question.dtype].unit

        def after(result: Any) -> Any:
            for fault in self.faults:
                result = fault.after(result, inputs)
            return np.asarray(result, np.float64)

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
        except (ArithmeticError, AttributeError, IndexError, KeyError, TypeError, ValueError):
            # Not every mistake is defined for numbers that carry a bound.
            return None
        return spread + FORMATS[question.dtype].tiny if spread.shape == shape else None

    def fits(self, witness: Witness) -> bool:
        """Return whether the subject computed what the mistakes compute."""
        prediction = self.predicted(witness.question)
        if not prediction:
            return False
        for turn, (result, bound) in enumerate(zip(*prediction, strict=True), 1):
            got = witness.got(self.output, turn)
            if got is None and turn > 1:
                continue
            if got is None or not agrees(got, result, bound):
                return False
            if self.about_dtypes and got.dtype != np.asarray(result).dtype:
                return False
        return True

    def shows(self, question: Question) -> bool:
        """Return whether what the mistakes compute is not right."""
        prediction, truth = self.predicted(question), question.right.get(self.output)
        if not prediction or truth is None:
            return False
        dtype = np.asarray(prediction.results[0]).dtype
        if self.about_dtypes and dtype.kind == "f" and dtype != question.dtype:
            return True
        return any(
            np.shape(result) != truth.bound.shape
            or not agrees(result, truth.nearest, truth.bound + bound)
            for result, bound in zip(*prediction, strict=True)
        )

    def differs(self, other: Suspicion, question: Question) -> bool:
        """Return whether two suspicions predict different results."""
        mine, theirs = self.predicted(question), other.predicted(question)
        if not mine or not theirs:
            return bool(mine) != bool(theirs)
        return any(
            np.asarray(a).dtype != np.asarray(b).dtype
            or np.shape(a) != np.shape(b)
            or not agrees(a, b, first + second)
            for a, first, b, second in zip(*mine, *theirs, strict=False)
        )


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
