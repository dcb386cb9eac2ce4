"""What a fault is: the exact oracle of an operation, with one output computed wrongly."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from reference_tests.case import Case
from reference_tests.faults.inputs import Array, Hyper, Inputs, Shapes, fitted, oracle
from reference_tests.faults.lifting import axes_of, lifted
from reference_tests.implementation import Implementation
from reference_tests.operation import REQUIRED, Operation, grad_name
from reference_tests.operations import CATALOGUE
from reference_tests.references.exact import step


# One fault is no other, and their cases cannot be hashed.
@dataclass(frozen=True, eq=False)
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
    shows_if : callable
        Takes all hyperparameters, with the number of spatial ``axes``, and the shapes of the
        arrays, and returns whether these let it show; values may hide it still.
    exposing, hiding : Case
        Of the first operation: a smallest case that shows it, and one that does not.
    before : callable
        Takes the `Inputs` of the oracle and returns others.
    after : callable
        Takes the oracle's result and the original `Inputs`, as far as no other fault changes them,
        and returns another result.
    replace : callable, optional
        Takes the `Inputs` and returns the result, where no oracle helps.
    formula : str
        What it computes, beside what is right, in the notation of the operation's docstring.
    elsewhere : mapping of operation names to (exposing, hiding), optional
        The cases of operations that cannot have those of the first one, lifted or lowered.
    finish : callable
        Takes the result in the dtype of the input, and the original `Inputs`, and returns what
        the subject hands out: for mistakes about the dtype.
    wrap : callable
        Takes the subject's callable and returns another: for mistakes about more than one call.
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
    elsewhere: Mapping[str, tuple[Case, Case]] = field(default_factory=dict)
    finish: Callable[[Any, Inputs], Any] = lambda result, inputs: result
    wrap: Callable[[Callable[..., Any]], Callable[..., Any]] = lambda function: function

    @property
    def link(self) -> str:
        """Where the documentation tells about it."""
        return f"docs/faults.md#{self.id.replace('/', '-')}"

    def cases(self, operation: str) -> tuple[Case, Case]:
        """Return a smallest case of an operation that shows the fault, and one that does not."""
        if operation in self.elsewhere:
            return self.elsewhere[operation]
        axes = axes_of(self.operations[0]), axes_of(operation)
        return lifted(self.exposing, *axes), lifted(self.hiding, *axes)

    def shows(self, case: Case, operation: str = "") -> bool:
        """Return whether the parameters of a case let the fault show; of the first operation."""
        shapes = {name: spec and spec.shape for name, spec in case.arrays.items()}
        record = CATALOGUE[operation or self.operations[0]]
        hyper = {"axes": axes_of(record.name), **_complete(record, case.hyper)}
        return bool(self.shows_if(hyper, shapes))

    def implementation(self) -> Implementation:
        """Return a subject that is right but for this fault."""
        return _implementation([self])


def afresh(output: str, computed: Callable[[Inputs], Array]) -> Callable[[Any, Inputs], Array]:
    """Return what an `after` does that computes a result anew, which is as uncertain as before."""

    def after(result: Any, inputs: Inputs) -> Array:
        with np.errstate(invalid="ignore"):
            moved = np.nan_to_num(result - oracle(inputs, output), posinf=0.0, neginf=0.0)
        return np.asarray(computed(inputs) + moved)

    return after


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


def simulated(inputs: Inputs, output: str, *faults: Fault) -> Array:
    """Return one output or gradient as a subject with these faults computes it.

    Faults of other outputs change nothing. `inputs` keeps what the oracle said about it, so many
    faults that are simulated on the same one evaluate the definition once.
    """
    mine = [fault for fault in faults if fault.output == output]
    replacing = next((fault.replace for fault in mine if fault.replace is not None), None)
    with np.errstate(all="ignore"):
        changed = inputs
        for fault in mine:
            changed = fault.before(changed)
        result = oracle(changed, output) if replacing is None else replacing(inputs)
        result = afterwards(result, inputs, mine)
        array = np.asarray(result)
        if np.issubdtype(array.dtype, np.floating):
            array = array.astype(inputs.dtype)
        for fault in mine:
            array = fault.finish(array, inputs)
        return array


def afterwards(result: Any, inputs: Inputs, faults: Sequence[Fault]) -> Any:
    """Return a result with what faults do after the oracle, each as if the others were right."""
    for fault in faults:
        seen = inputs
        for other in faults:
            seen = seen if other is fault else other.before(seen)
        result = fault.after(result, seen)
    return result


def _implementation(faults: Sequence[Fault]) -> Implementation:
    names = [n for n in faults[0].operations if all(n in fault.operations for fault in faults)]
    operations = {name: _subject(CATALOGUE[name], faults) for name in names}
    return Implementation(" + ".join(fault.id for fault in faults), operations)


def _subject(operation: Operation, faults: Sequence[Fault]) -> Callable[..., Any]:
    """Return the oracle with faults as an implementation's callable."""
    function = _function(operation, faults)
    if operation.arrays[0] == "params":
        # A step takes lists of parameters, and a state.
        function = step(replace(operation, definition=function))
    for fault in faults:
        function = fault.wrap(function)
    return function


def _function(operation: Operation, faults: Sequence[Fault]) -> Callable[..., Any]:
    """Return the oracle with faults in the form of a definition."""

    def call(*arrays: Any, **hyper: Any) -> Any:
        given = dict.fromkeys(operation.arrays)
        given |= dict(zip(operation.arrays, arrays, strict=False))
        given |= {name: hyper.pop(name) for name in operation.arrays if name in hyper}
        inputs = Inputs(operation, given, _complete(operation, hyper))
        names = operation.outputs(inputs.hyper)
        results = tuple(simulated(inputs, name, *faults) for name in names)
        output = results if len(names) > 1 else results[0]
        turns = itertools.count(1)

        def pullback(grad_output: Any) -> tuple[Any, ...]:
            # A wrong size of the output must not spoil the gradients.
            shape = np.shape(oracle(inputs, names[0]))
            cotangent = fitted(np.asarray(grad_output), shape)
            pulled = inputs.pulled(cotangent, next(turns))
            return tuple(
                simulated(pulled, grad_name(name), *faults)
                if operation.wants_grad(name, array)
                else None
                for name, array in given.items()
            )

        return output if inputs.forward[1] is None else (output, pullback)

    return call


def _complete(operation: Operation, hyper: Hyper) -> dict[str, Any]:
    """Return all hyperparameters of a call."""
    defaults = {n: value for n, value in operation.defaults.items() if value is not REQUIRED}
    return {**defaults, **hyper}


__all__ = [
    "Array",
    "Fault",
    "Hyper",
    "Inputs",
    "Shapes",
    "afresh",
    "afterwards",
    "composed",
    "fitted",
    "oracle",
    "simulated",
]
