"""Functions of tensors that record what is done to them, as a subject's callables."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np


def _backward(output: Any, grad_output: Any) -> None:
    output.backward(grad_output)


def from_tape(
    function: Callable[..., Any],
    tensor: Callable[[Any], Any],
    backward: Callable[[Any, Any], Any] = _backward,
    data: Callable[[Any], Any] = lambda output: output.data,
    grad: Callable[[Any], Any] = lambda leaf: leaf.grad,
) -> Callable[..., Any]:
    """Return an implementation's callable made of a function of tensors with a tape.

    Parameters
    ----------
    function : callable
        ``function(*tensors, **hyper)`` returns a tensor. Its parameters that are not
        keyword-only are the operation's arrays, in the operation's order. Arrays of integers,
        such as labels, are passed as they are.
    tensor : callable
        Makes a tensor that wants a gradient of an array of its own.
    backward : callable
        ``backward(output, grad_output)``; by default the method of that name.
    data, grad : callables
        Take the array of an output, and the gradient of a tensor, None where it has none.

    Returns
    -------
    callable
        With the signature of `function`; returns ``(output, pullback)``. Each pullback records
        anew, since most tapes serve once and most gradients are added to what was there.

    Examples
    --------
    ``from_tape(lambda x: x.tanh(), micrograd_like.Tensor)``
    """
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    parameters = inspect.signature(function).parameters.values()
    names = [parameter.name for parameter in parameters if parameter.kind in kinds]

    @functools.wraps(function)
    def call(*given: Any, **hyper: Any) -> Any:
        arrays = {name: given[place] for place, name in enumerate(names[: len(given)])}
        arrays.update({name: hyper.pop(name) for name in names if name in hyper})

        def recorded() -> Any:
            leaves = {name: _leaf(array, tensor) for name, array in arrays.items()}
            return function(**leaves, **hyper), leaves

        def pullback(grad_output: Any) -> Any:
            output, leaves = recorded()
            backward(output, grad_output)
            found = {name: grad(leaf) for name, leaf in leaves.items() if _real(arrays[name])}
            return tuple(found.get(name) for name in names)

        return data(recorded()[0]), pullback

    return call


def _real(array: Any) -> bool:
    return isinstance(array, (np.ndarray, np.generic)) and array.dtype.kind == "f"


def _leaf(array: Any, tensor: Callable[[Any], Any]) -> Any:
    return tensor(array) if _real(array) else array
