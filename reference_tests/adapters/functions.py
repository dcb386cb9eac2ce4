"""A forward and explicit gradients as one callable of the judge."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np


def from_functions(
    forward: Callable[..., Any],
    *,
    saved: Sequence[str] = (),
    **gradients: Callable[..., Any] | None,
) -> Callable[..., Any]:
    """Return an implementation's callable made of a forward and explicit gradients.

    Parameters
    ----------
    forward : callable
        ``forward(*arrays, **hyper)`` returns the output.
    saved : sequence of str, optional
        Names of what `forward` returns after the output for its gradients.
    **gradients : callables
        ``input_grad`` for the first array, and for the others their names: ``weight_grad``,
        ``bias_grad``, ``target_grad``, … Each takes ``grad_output`` first, and then by their names
        any of the forward's parameters, ``output`` and what is `saved`; or, under names of its
        own, as many of the arrays as it takes, in order, and the hyperparameters that it has
        keywords for. None for an array without a gradient; a gradient that raises
        NotImplementedError is not provided.

    Returns
    -------
    callable
        With the signature of `forward`; returns ``(output, pullback)``, whose gradients have the
        order of the forward's arrays.

    Raises
    ------
    TypeError, ValueError
        If something is not callable, or a gradient has the name of no array of `forward`.

    Examples
    --------
    >>> def scaled(x, weight):
    ...     return x * weight
    >>> function = from_functions(
    ...     scaled,
    ...     weight_grad=lambda grad_output, x: grad_output * x,
    ...     input_grad=lambda grad_output, weight: grad_output * weight,
    ... )
    >>> output, pullback = function(3.0, 2.0)
    >>> pullback(1.0)
    (2.0, 3.0)
    """
    _check(forward, gradients)
    parameters = _parameters(forward)
    by_array = _by_array(gradients, parameters)

    def function(*given: Any, **hyper: Any) -> Any:
        result = forward(*given, **hyper)
        known = _known(parameters, given, hyper)
        if saved:
            result, *rest = result
            known.update({name: rest[place] for place, name in enumerate(saved)})
        known["output"] = result
        if parameters is None:
            names, ordered = tuple(by_array), given
        else:
            names = _arrays(parameters, by_array, given, hyper)
            plain = {name for name, value in hyper.items() if not _is_array(value)}
            ordered = tuple(known[name] for name in _places(parameters) if name not in plain)

        def pullback(grad_output: Any) -> tuple[Any, ...]:
            return tuple(
                _called(by_array.get(name), grad_output, ordered, known, hyper)
                if known.get(name, ordered) is not None
                else None
                for name in names
            )

        return result, pullback

    if parameters is not None:
        function.__signature__ = inspect.signature(forward)  # type: ignore[attr-defined]
    return function


def _check(forward: Any, gradients: Mapping[str, Any]) -> None:
    if not callable(forward):
        raise TypeError(
            f"from_functions: forward is a {type(forward).__name__}, expected a callable"
        )
    for name, gradient in gradients.items():
        if not name.endswith("_grad"):
            raise TypeError(
                f"from_functions: {name} names no gradient, expected names such as input_grad"
            )
        if gradient is not None and not callable(gradient):
            raise TypeError(
                f"from_functions: {name} is a {type(gradient).__name__}, expected a callable"
            )


def _parameters(forward: Callable[..., Any]) -> dict[str, inspect.Parameter] | None:
    """Return the parameters of a forward, or None where they cannot be known."""
    try:
        parameters = inspect.signature(forward).parameters
    except (TypeError, ValueError):
        return None
    # Arrays without names, as in f(*arrays), have the order of the gradients.
    kinds = {parameter.kind for parameter in parameters.values()}
    return None if inspect.Parameter.VAR_POSITIONAL in kinds else dict(parameters)


def _places(parameters: Mapping[str, inspect.Parameter]) -> list[str]:
    """Return the names of the parameters that may be given by position."""
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [name for name, parameter in parameters.items() if parameter.kind in kinds]


def _by_array(
    gradients: Mapping[str, Any], parameters: Mapping[str, inspect.Parameter] | None
) -> dict[str, Any]:
    """Return the gradients by the names of their arrays."""
    if parameters is None:
        return dict(gradients)
    places = _places(parameters)
    found = {}
    for name, gradient in gradients.items():
        array = name[: -len("_grad")]
        if array == "input" and array not in places and places:
            array = places[0]
        if array not in places:
            expected = ", ".join(f"{each}_grad" for each in ["input", *places[1:]])
            raise ValueError(
                f"from_functions: {name} is the gradient of no array of the forward, expected one "
                f"of {expected}"
            )
        found[array] = gradient
    return found


def _is_array(value: Any) -> bool:
    return isinstance(value, np.ndarray)


def _known(
    parameters: Mapping[str, inspect.Parameter] | None,
    given: tuple[Any, ...],
    hyper: Mapping[str, Any],
) -> dict[str, Any]:
    """Return the values of all the forward's parameters, by default their defaults."""
    known = {}
    for place, (name, parameter) in enumerate((parameters or {}).items()):
        if place < len(given):
            known[name] = given[place]
        elif parameter.default is not parameter.empty:
            known[name] = parameter.default
    return {**known, **hyper}


def _arrays(
    parameters: Mapping[str, inspect.Parameter],
    by_array: Mapping[str, Any],
    given: tuple[Any, ...],
    hyper: Mapping[str, Any],
) -> tuple[str, ...]:
    """Return the arrays of a call up to the last one that is given, in their order."""
    names = list(parameters)
    held = {*names[: len(given)], *(name for name, value in hyper.items() if _is_array(value))}
    last = max((names.index(name) for name in held), default=0)
    return tuple(name for name in names[: last + 1] if name in held or name in by_array)


def _called(
    gradient: Callable[..., Any] | None,
    grad_output: Any,
    ordered: tuple[Any, ...],
    known: Mapping[str, Any],
    hyper: Mapping[str, Any],
) -> Any:
    """Call a gradient with what its signature asks for; None if it is not written."""
    if gradient is None:
        return None
    positional, named = _arguments(gradient, ordered, known, hyper)
    try:
        return gradient(grad_output, *positional, **named)
    except NotImplementedError:
        return None


def _arguments(
    gradient: Callable[..., Any],
    ordered: tuple[Any, ...],
    known: Mapping[str, Any],
    hyper: Mapping[str, Any],
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return the arguments of a gradient after the first, as far as its signature tells them."""
    try:
        parameters = dict(inspect.signature(gradient).parameters)
    except (TypeError, ValueError):
        return ordered, dict(hyper)
    kinds = {parameter.kind for parameter in parameters.values()}
    places = _places(parameters)[1:]
    named = {
        name: known[name]
        for name, parameter in parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY and name in known
    }
    if inspect.Parameter.VAR_KEYWORD in kinds:
        named.update({n: value for n, value in hyper.items() if n not in places})
    if inspect.Parameter.VAR_POSITIONAL in kinds:
        return ordered, named
    if all(name in known for name in places):
        return tuple(known[name] for name in places), named
    # Names of its own are the arrays in their order; what has the name of a hyperparameter is it.
    named.update({name: hyper[name] for name in places if name in hyper})
    own = [name for name in places if name not in hyper]
    return ordered[: len(own)], named
