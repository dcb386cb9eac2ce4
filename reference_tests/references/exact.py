"""The exact oracle: every operation's definition, as truth with a bound, and as a subject."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from reference_tests.implementation import Implementation
from reference_tests.operation import Operation, grad_name
from reference_tests.operations import CATALOGUE
from reference_tests.tolerance import Bounded

Array = NDArray[Any]


class Truth(NamedTuple):
    """A true result, and how far a floating-point one may lie from it, element by element."""

    value: Array
    bound: NDArray[np.float64]
    nearest: NDArray[np.float64]


def truths(
    operation: Operation,
    arrays: Mapping[str, Array | None],
    hyper: Mapping[str, Any],
    cotangent: Callable[[tuple[int, ...]], Array],
    dtype: DTypeLike,
) -> dict[str, Truth]:
    """Return the truth of every output and gradient for an evaluation in `dtype`."""

    def lift(array: Array | None) -> Any:
        if array is None or not np.issubdtype(array.dtype, np.floating):
            return array
        return Bounded.exact(array, dtype)

    return {
        name: Truth(value.value, value.error, value.nearest)
        if isinstance(value, Bounded)
        else certain(value)
        for name, value in evaluated(operation, arrays, hyper, cotangent, lift).items()
    }


def integers(
    operation: Operation,
    arrays: Mapping[str, Array | None],
    hyper: Mapping[str, Any],
    cotangent: Callable[[tuple[int, ...]], Array],
) -> dict[str, Array]:
    """Return the results on integers, exact as long as every partial sum is below 2**53."""

    def widen(array: Array | None) -> Any:
        if array is None or not np.issubdtype(array.dtype, np.floating):
            return array
        return array.astype(np.float64)

    return evaluated(operation, arrays, hyper, cotangent, widen)


def certain(value: Array) -> Truth:
    """Return a result that must be met to the bit."""
    array = np.asarray(value)
    return Truth(array, np.zeros(array.shape), array.astype(np.float64))


def evaluated(
    operation: Operation,
    arrays: Mapping[str, Array | None],
    hyper: Mapping[str, Any],
    cotangent: Callable[[tuple[int, ...]], Array],
    lift: Callable[[Array | None], Any],
) -> dict[str, Any]:
    inputs = {name: lift(array) for name, array in arrays.items()}
    # Arrays that implementations take by keyword are positional in no definition.
    result = define(operation, inputs, hyper)
    names = operation.outputs(hyper)
    pullback = None
    if isinstance(result, tuple) and len(result) == 2 and callable(result[1]):
        result, pullback = result
    outputs = result if len(names) > 1 else (result,)
    results = dict(zip(names, outputs, strict=True))
    if pullback is not None:
        grads = pullback(lift(cotangent(results[names[0]].shape)))
        for name, grad in zip(operation.arrays, grads, strict=True):
            if operation.wants_grad(name, arrays[name]):
                results[grad_name(name)] = grad
    return results


@cache
def _keywords(definition: Callable[..., Any]) -> tuple[str, ...]:
    """Return the parameters that are keyword-only."""
    parameters = inspect.signature(definition).parameters.values()
    return tuple(p.name for p in parameters if p.kind is p.KEYWORD_ONLY)


def define(operation: Operation, inputs: Mapping[str, Any], hyper: Mapping[str, Any]) -> Any:
    """Call a definition, with each array by the kind of its parameter."""
    by_keyword = _keywords(operation.definition)
    keywords = {name: array for name, array in inputs.items() if name in by_keyword}
    positional = [array for name, array in inputs.items() if name not in keywords]
    with np.errstate(all="ignore"):
        return operation.definition(*positional, **keywords, **hyper)


def _naive(operation: Operation) -> Callable[..., Any]:
    """Return a definition as a subject's callable that keeps the dtype of its input."""

    def call(*arrays: Any, **hyper: Any) -> Any:
        with np.errstate(all="ignore"):
            result = operation.definition(*arrays, **hyper)
        if not (isinstance(result, tuple) and len(result) == 2 and callable(result[1])):
            return result
        output, pullback = result
        dtype = arrays[0].dtype

        def kept(value: Any) -> Any:
            if isinstance(value, tuple):
                return tuple(map(kept, value))
            value = None if value is None else np.asarray(value)
            floating = value is not None and np.issubdtype(value.dtype, np.floating)
            return value.astype(dtype) if floating else value

        def pull(grad_output: Any) -> Any:
            with np.errstate(all="ignore"):
                return kept(pullback(grad_output))

        return kept(output), pull

    call.__signature__ = inspect.signature(operation.definition)  # type: ignore[attr-defined]
    return call


def step(operation: Operation) -> Callable[..., Any]:
    """Return the definition of an optimizer's step in the form of a subject's."""
    state_names = operation.arrays[2:]

    def call(params: Any, grads: Any, state: Any = None, **hyper: Any) -> Any:
        hyper |= {name: state[name] for name in operation.numbers if state}
        names = operation.outputs(hyper)
        rows = []
        for place in range(len(params)):
            arrays = [state[n][place] if state and n in state else None for n in state_names]
            with np.errstate(all="ignore"):
                result = operation.definition(params[place], grads[place], *arrays, **hyper)
            rows.append(result if len(names) > 1 else (result,))
        after: dict[str, Any] = {
            name: [row[column].astype(params[0].dtype) for row in rows]
            for column, name in enumerate(names)
        }
        after |= {name: float(after[name][0]) for name in operation.numbers if name in after}
        if "step" in operation.numbers:
            after["step"] = hyper.get("step", 0) + 1
        return after.pop("params"), after

    return call


def _subject() -> Implementation:
    # A step takes lists of parameters, and a state.
    made = {
        name: (step if operation.arrays[0] == "params" else _naive)(operation)
        for name, operation in CATALOGUE.items()
    }
    return Implementation(
        "naive",
        made,
        source="from reference_tests.references.exact import subject",
    )


subject = _subject()

__all__ = ["Truth", "certain", "define", "integers", "step", "subject", "truths"]
