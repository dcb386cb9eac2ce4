"""A case as a witness: what a subject computed there, beside what is right."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference_tests.call import Call, Outcome
from reference_tests.case import Case
from reference_tests.faults import Inputs
from reference_tests.operation import REQUIRED, Operation, grad_name
from reference_tests.precise import floats
from reference_tests.references.exact import Truth, certain
from reference_tests.tolerance import FORMATS, LIBRARY, Bounded

Array = NDArray[Any]
Function = Callable[..., Any]


@dataclass(frozen=True, eq=False)
class Question:
    """One call that can be asked of a subject, and what is right for it.

    Parameters
    ----------
    case : Case
    given : Inputs
        The arrays and all hyperparameters, in the dtype of the call.
    scale : int
        Of the integers in the arrays, on which sums and products are exact; 0 for other numbers.
    """

    case: Case
    given: Inputs
    scale: int

    @cached_property
    def inputs(self) -> Inputs:
        """The arrays, all hyperparameters and the cotangent; evaluated when they are wanted."""
        first = next(iter(self.given.forward[0].values()))
        return self.given.pulled(self.case.cotangent(np.shape(first), self.dtype, self.scale))

    @property
    def dtype(self) -> str:
        """The dtype of the call."""
        return _dtype(self.given)

    @cached_property
    def plain(self) -> bool:
        """Whether no array is empty or has NaN or infinity."""
        arrays = [a for a in self.given.arrays.values() if a is not None]
        return all(a.size and np.isfinite(a).all() for a in arrays)

    @cached_property
    def bounded(self) -> dict[str, Truth]:
        """Every right result with the bound of the roundings on the way to it."""
        return {n: _truth(value) for n, value in _evaluated(lifted(self.inputs)).items()}

    @cached_property
    def right(self) -> dict[str, Truth]:
        """Every right result, and how far one in the dtype of the call may lie from it."""
        if not self.scale:
            return self.bounded
        # In float64 no sum of small integers is rounded.
        widened = converted(self.inputs, lambda array: array.astype(np.float64))
        return {name: certain(value) for name, value in _evaluated(widened).items()}

    def answered(self, function: Function) -> Witness | None:
        """Return what a subject computes, or None where it does not support these parameters."""
        given, case = self.given, self.case
        cotangent = partial(case.cotangent, dtype=self.dtype, scale=self.scale)
        call = Call(function, given.operation, given.arrays, case.hyper, cotangent)
        outcome = call.outcome(twice=True)
        return None if outcome.unsupported else Witness(self, outcome)


@dataclass(frozen=True, eq=False)
class Witness:
    """What a subject computed in one case.

    Parameters
    ----------
    question : Question
    outcome : Outcome
        Results by name; those of a second use of the pullback are named "second …".
    """

    question: Question
    outcome: Outcome

    def got(self, output: str, turn: int = 1) -> Array | None:
        """Return what the subject computed, the how-manieth time it was asked, if anything."""
        name = output if turn == 1 else f"second {output}"
        result = self.outcome.results.get(name)
        numeric = result is not None and np.asarray(result).dtype.kind in "fiub"
        return np.asarray(result) if numeric else None

    def judged(self, output: str) -> bool:
        """Return whether there is such a result, for the cotangent that belongs to it."""
        right = self.question.right
        if output not in right or self.got(output) is None:
            return False
        if not output.startswith("grad_"):
            return True
        # For an output of another shape the cotangent is another one.
        first = next(iter(right))
        got = self.got(first)
        return got is not None and got.shape == np.shape(right[first].value)

    def follows(self, output: str) -> bool:
        """Return whether a gradient cannot be judged, since the output has a wrong shape."""
        return self.got(output) is not None and not self.judged(output)

    def wrong(self, output: str, turn: int = 1) -> bool:
        """Return whether the numbers of a result are not right."""
        got = self.got(output, turn)
        truth = self.question.right[output]
        return got is not None and not agrees(got, truth.nearest, truth.bound)

    def misformed(self, output: str) -> bool:
        """Return whether a result has another dtype than the arrays."""
        got, truth = self.got(output), self.question.right[output]
        # What is no array has no dtype of its own.
        if got is None or output in dict(self.outcome.types):
            return False
        if np.issubdtype(np.asarray(truth.value).dtype, np.integer):
            return False
        return bool(got.dtype != self.question.dtype)

    def failed(self, output: str) -> bool:
        """Return whether a result that can be judged is wrong, at first or the second time."""
        return self.judged(output) and (
            self.wrong(output) or self.wrong(output, 2) or self.misformed(output)
        )

    def telling(self, output: str) -> bool:
        """Return whether it is wrong, or right where a wrong result would most likely show."""
        sizes = np.abs(self.question.right[output].nearest)
        return self.failed(output) or bool(2 * np.count_nonzero(sizes) > sizes.size)


def question(operation: Operation, case: Case, dtype: str, whole: bool) -> Question:
    """Return a case as a question, in integers where that is wanted and makes it exact."""
    scale = (operation.exact_scale or 0) if whole else 0
    arrays = case.fill_integers(dtype, scale) if scale else case.fill(dtype)
    return Question(case, Inputs(operation, arrays, completed(operation, case.hyper)), scale)


def completed(operation: Operation, hyper: Mapping[str, Any]) -> dict[str, Any]:
    """Return all hyperparameters of a call."""
    defaults = {n: value for n, value in operation.defaults.items() if value is not REQUIRED}
    return {**defaults, **hyper}


def converted(inputs: Inputs, change: Callable[[Array], Any]) -> Inputs:
    """Return inputs with every array of floats changed."""

    def changed(array: Any) -> Any:
        floating = array is not None and np.issubdtype(array.dtype, np.floating)
        return change(array) if floating else array

    arrays = {name: changed(array) for name, array in inputs.arrays.items()}
    return Inputs(inputs.operation, arrays, inputs.hyper, changed(inputs.grad_output), inputs.turn)


def _dtype(inputs: Inputs) -> str:
    """Return the dtype in which the result of inputs is computed, as far as its bounds go."""
    given = (np.dtype(a.dtype).name for a in inputs.arrays.values() if a is not None)
    return next((name for name in given if name in FORMATS), "float64")


def lifted(inputs: Inputs, among: Inputs | None = None) -> Inputs:
    """Return inputs that carry the bounds of their evaluation.

    Numbers that are not `among` those of other inputs were computed, and have an error.
    """
    format = FORMATS[_dtype(inputs)]
    known = None
    if among is not None:
        arrays = [*among.arrays.values(), among.grad_output]
        known = np.concatenate([[0.0], *(np.ravel(a) for a in arrays if a is not None)])

    def lift(array: Array) -> Bounded:
        wide = array.astype(np.float64)
        exact = known is None or np.isin(wide, known).all()
        error = np.zeros(wide.shape) if exact else LIBRARY * format.unit * np.abs(wide)
        return Bounded(wide, error, format)

    return converted(inputs, lift)


def _evaluated(inputs: Inputs) -> dict[str, Any]:
    """Return every output, and the gradient of every array that has one."""
    outputs, pullback = inputs.forward
    results = dict(outputs)
    if pullback is None:
        return results
    for name in inputs.operation.differentiable:
        gradient = inputs.gradients[grad_name(name)]
        if gradient is not None:
            results[grad_name(name)] = gradient
    return results


def _truth(value: Any) -> Truth:
    if not isinstance(value, Bounded):
        return certain(value)
    # In float64 the value is itself computed in it, and has an error of its own.
    times = 2 if value.format.name == "float64" else 1
    return Truth(value.nearest, times * value.error, value.nearest)


def agrees(a: Any, b: Any, bound: Any) -> bool:
    """Return whether two results have one shape and differ by no more than a bound anywhere."""
    return np.shape(a) == np.shape(b) and bool(near(a, b, bound).all())


def near(a: Any, b: Any, bound: Any) -> NDArray[np.bool_]:
    """Return where two arrays differ by no more than a bound; NaN is equal to NaN."""
    a, b = floats(a), floats(b)
    with np.errstate(all="ignore"):
        close = np.abs(a - b) <= bound
        # What is infinite or NaN is no question of degree.
        return np.asarray(close | (a == b) | (np.isnan(a) & np.isnan(b)))
