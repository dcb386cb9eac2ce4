"""What a fault is: the exact oracle of an operation, with one output computed wrongly."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference_tests.case import Case
from reference_tests.implementation import Implementation
from reference_tests.operation import REQUIRED, Operation, grad_name
from reference_tests.operations import CATALOGUE
from reference_tests.references.exact import define

Array = NDArray[Any]
Shapes = Mapping[str, Any]
Hyper = Mapping[str, Any]


@dataclass(frozen=True)
class Inputs:
    """What an output or a gradient is computed from.

    Parameters
    ----------
    operation : Operation
    arrays : mapping of the operation's array parameters
    hyper : mapping
        All hyperparameters.
    grad_output : ndarray, optional
        The cotangent, for gradients.
    turn : int
        The how-manieth call of the pullback this is.
    """

    operation: Operation
    arrays: Mapping[str, Any]
    hyper: Hyper
    grad_output: Any = None
    turn: int = 1

    def __getitem__(self, name: str) -> Any:
        return self.arrays[name]

    @property
    def shapes(self) -> Shapes:
        """The shape of every array, None for one that is left out."""
        return {name: None if a is None else a.shape for name, a in self.arrays.items()}

    def but(self, **changes: Any) -> Inputs:
        """Return inputs in which arrays, hyperparameters or the cotangent are others."""
        arrays = {name: changes.pop(name, array) for name, array in self.arrays.items()}
        grad_output = changes.pop("grad_output", self.grad_output)
        hyper = {**self.hyper, **changes}
        return dataclasses.replace(self, arrays=arrays, hyper=hyper, grad_output=grad_output)


def oracle(inputs: Inputs, output: str) -> Any:
    """Return one output or gradient of the exact definition."""
    operation = inputs.operation
    y, pullback = define(operation, inputs.arrays, inputs.hyper)
    if output.startswith("grad_"):
        names = tuple(map(grad_name, operation.arrays))
        return pullback(inputs.grad_output)[names.index(output)]
    names = operation.outputs(inputs.hyper)
    return y[names.index(output)] if len(names) > 1 else y


def fitted(array: Array, shape: Sequence[int]) -> Array:
    """Return an array cut to a shape, or filled up with zeros, at the end of each axis."""
    result = np.zeros(shape, array.dtype)
    common = tuple(slice(min(sizes)) for sizes in zip(array.shape, shape, strict=True))
    result[common] = array[common]
    return result


@dataclass(frozen=True)
class Fault:
    """One mistake, and where it shows.

    Parameters
    ----------
    id : str
    sentence : str
        What is wrong.
    operations : tuple of str
        The operations that can have it.
    output : str
        The output or gradient that it corrupts; all others stay right.
    hidden_by : str
        What hides it, in words.
    formula : str
        What it computes, beside what is right, in the notation of the operation's docstring.
    shows_if : callable
        Takes all hyperparameters and the shapes of the arrays, and returns whether these let it
        show; values may hide it still.
    exposing, hiding : Case
        Of the first operation: a smallest case that shows it, and one that does not.
    before : callable
        Takes the `Inputs` of the oracle and returns others.
    after : callable
        Takes the oracle's result and the original `Inputs`, and returns another result.
    replace : callable, optional
        Takes the `Inputs` and returns the result, where no oracle helps.
    """

    id: str
    sentence: str
    operations: tuple[str, ...]
    output: str
    hidden_by: str
    shows_if: Callable[[Hyper, Shapes], bool]
    exposing: Case
    hiding: Case
    before: Callable[[Inputs], Inputs] = lambda inputs: inputs
    after: Callable[[Any, Inputs], Any] = lambda result, inputs: result
    replace: Callable[[Inputs], Any] | None = None
    formula: str = ""

    @property
    def link(self) -> str:
        """Where the documentation tells about it."""
        return f"docs/faults.md#{self.id.replace('/', '-')}"

    def shows(self, case: Case) -> bool:
        """Return whether the parameters of a case let the fault show."""
        shapes = {name: spec and spec.shape for name, spec in case.arrays.items()}
        return self.shows_if(_complete(CATALOGUE[self.operations[0]], case.hyper), shapes)

    def implementation(self) -> Implementation:
        """Return a subject that is right but for this fault."""
        return _implementation([self])


def composed(*faults: Fault) -> Implementation:
    """Return a subject with several faults; those of one output act in this order.

    Raises
    ------
    ValueError
        If a fault replaces the oracle, or the faults have no operation in common.
    """
    for fault in faults:
        if fault.replace is not None:
            raise ValueError(f"composed: {fault.id} replaces the oracle, so it composes with none")
    subject = _implementation(faults)
    if not subject.operations:
        names = ", ".join(fault.id for fault in faults)
        raise ValueError(f"composed: no operation can have all of {names}")
    return subject


def _implementation(faults: Sequence[Fault]) -> Implementation:
    names = [n for n in faults[0].operations if all(n in fault.operations for fault in faults)]
    operations = {name: _function(CATALOGUE[name], faults) for name in names}
    return Implementation(" + ".join(fault.id for fault in faults), operations)


def _function(operation: Operation, faults: Sequence[Fault]) -> Callable[..., Any]:
    """Return the oracle with faults as an implementation's callable."""

    def call(*arrays: Any, **hyper: Any) -> Any:
        given = dict(itertools.zip_longest(operation.arrays, arrays))
        inputs = Inputs(operation, given, _complete(operation, hyper))
        names = operation.outputs(inputs.hyper)
        results = tuple(_computed(inputs, name, faults) for name in names)
        turns = itertools.count(1)

        def pullback(grad_output: Any) -> tuple[Any, ...]:
            # A wrong size of the output must not spoil the gradients.
            shape = np.shape(oracle(inputs, names[0]))
            cotangent = fitted(np.asarray(grad_output), shape)
            pulled = dataclasses.replace(inputs, grad_output=cotangent, turn=next(turns))
            return tuple(
                _computed(pulled, grad_name(name), faults)
                if operation.wants_grad(name, array)
                else None
                for name, array in given.items()
            )

        return results if len(names) > 1 else results[0], pullback

    return call


def _computed(inputs: Inputs, output: str, faults: Sequence[Fault]) -> Array:
    """Return one output or gradient with its faults, in the dtype of the input."""
    mine = [fault for fault in faults if fault.output == output]
    replacing = next((fault.replace for fault in mine if fault.replace is not None), None)
    with np.errstate(all="ignore"):
        changed = inputs
        for fault in mine:
            changed = fault.before(changed)
        result = oracle(changed, output) if replacing is None else replacing(inputs)
        for fault in mine:
            result = fault.after(result, inputs)
        array = np.asarray(result)
        floating = np.issubdtype(array.dtype, np.floating)
        return array.astype(inputs["x"].dtype) if floating else array


def _complete(operation: Operation, hyper: Hyper) -> dict[str, Any]:
    """Return all hyperparameters of a call."""
    defaults = {n: value for n, value in operation.defaults.items() if value is not REQUIRED}
    return {**defaults, **hyper}
