"""What a mutant is: an implementation with a mistake that is in no dictionary."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np

from reference_tests.operation import grad_name
from reference_tests.operations import CATALOGUE
from reference_tests.references.exact import subject


@dataclass(frozen=True)
class Mutant:
    """One mistake that the judge does not know.

    Parameters
    ----------
    name : str
    sentence : str
        What is wrong.
    operation : str
    output : str
        The output or gradient that is wrong.
    points_at : str
        A regular expression; a description that matches it points at what is wrong.
    function : callable
        In the form of an implementation's.
    """

    name: str
    sentence: str
    operation: str
    output: str
    points_at: str
    function: Callable[..., Any]


class Call(SimpleNamespace):
    """The arguments of a call by their names, and `grad_output` within the pullback."""


def right(operation: str, call: Call, output: str = "output", **changed: Any) -> Any:
    """Return an output or a gradient of the oracle, for a call with some arguments changed."""
    given = {**vars(call), **changed}
    grad_output = given.pop("grad_output", None)
    bound = inspect.signature(subject.operations[operation]).bind(**given)
    result, pullback = subject.operations[operation](*bound.args, **bound.kwargs)
    if output == "output":
        return result[0] if isinstance(result, tuple) else result
    return pullback(grad_output)[_place(operation, output)]


def _place(operation: str, output: str) -> int:
    """Return which of the gradients one is."""
    return [grad_name(array) for array in CATALOGUE[operation].arrays].index(output)


def wrong(operation: str, output: str, change: Callable[[Any, Call], Any]) -> Callable[..., Any]:
    """Return the oracle with one output or gradient changed.

    `change` takes the right value, which it may overwrite, and the call.
    """
    oracle = subject.operations[operation]
    signature = inspect.signature(oracle)

    def changed(value: Any, call: Call) -> Any:
        with np.errstate(all="ignore"):
            return np.asarray(change(value.copy(), call)).astype(value.dtype)

    def function(*arrays: Any, **hyper: Any) -> Any:
        result, pullback = oracle(*arrays, **hyper)
        bound = signature.bind(*arrays, **hyper)
        bound.apply_defaults()
        arguments = dict(bound.arguments)
        if output == "output" and isinstance(result, tuple):
            result = (changed(result[0], Call(**arguments)), *result[1:])
        elif output == "output":
            result = changed(result, Call(**arguments))
        elif output == "indices" and isinstance(result, tuple):
            result = (result[0], changed(result[1], Call(**arguments)))

        def pull(grad_output: Any) -> Any:
            grads = list(pullback(grad_output))
            place = _place(operation, output)
            if grads[place] is not None:
                call = Call(**arguments, grad_output=grad_output)
                grads[place] = changed(grads[place], call)
            return tuple(grads)

        return result, pull if output.startswith("grad_") else pullback

    function.__signature__ = signature  # type: ignore[attr-defined]
    return function


def mutant(
    name: str,
    sentence: str,
    operation: str,
    output: str,
    points_at: str | tuple[str, ...],
    change: Callable[[Any, Call], Any],
) -> Mutant:
    """Return a mutant whose one output or gradient is changed.

    Each of several expressions points at what is wrong.
    """
    words = points_at if isinstance(points_at, str) else "|".join(points_at)
    return Mutant(name, sentence, operation, output, words, wrong(operation, output, change))


def beyond(parameter: str) -> str:
    """Return an expression for words that a parameter is not what it mostly is."""
    words = r">|≥|≠|!=|\bnot\b|above|more|larger|greater|other|\b[2-9]\b"
    return rf"\b{parameter}[^.;\n(]{{0,30}}({words})"
