"""An optimizer with state of its own as a step that the judge calls."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from reference_tests.adapters import access
from reference_tests.adapters.construction import arguments, open_ended, parameters_of

PASSED = ("lists", "dicts", "each")


def from_optimizer(
    construct: Callable[..., Any],
    *,
    update: Any = "update",
    state: Mapping[str, str] | None = None,
    passed: str = "lists",
    parameter: Callable[[Any, Any], Any] | None = None,
    value: str = "data",
) -> Callable[..., Any]:
    """Return a step ``(params, grads, state, *, lr, …) -> (params, state)`` of an optimizer class.

    Parameters
    ----------
    construct : callable
        Returns an optimizer: its class, or a function around it. It gets by name the
        hyperparameters of the call that differ from PyTorch's default, and ``params``, the list of
        parameters, if it asks for that.
    update : str or callable
        A method by its name, or a function with the optimizer as first argument:
        ``update(params, grads)``, or ``update()`` of parameters that carry their gradients. It
        changes the parameters in place or returns the new ones.
    state : mapping of names to attributes, optional
        Where the optimizer keeps the state by PyTorch's names, such as
        ``{"exp_avg": "m", "exp_avg_sq": "v", "step": "t"}``. Without, only optimizers without a
        state can be judged.
    passed : {"lists", "dicts", "each"}
        Whether `update` gets lists of arrays, dictionaries with the keys ``"0"``, ``"1"``, …, or
        one array and its gradient, each with an optimizer of its own.
    parameter : callable, optional
        ``parameter(array, grad)`` returns what the optimizer takes for a parameter, such as an
        object with attributes ``data`` and ``grad``.
    value : str
        The attribute of such a parameter that holds the array.

    Returns
    -------
    callable

    Raises
    ------
    TypeError, ValueError
        If an argument makes no sense.

    Examples
    --------
    >>> import numpy as np
    >>> class Descent:
    ...     def __init__(self, lr):
    ...         self.lr = lr
    ...     def update(self, params, grads):
    ...         for param, grad in zip(params, grads):
    ...             param -= self.lr * grad
    >>> step = from_optimizer(Descent)
    >>> step([np.array([1.0])], [np.array([2.0])], None, lr=0.5)
    ([array([0.])], {})
    """
    if not callable(construct):
        raise TypeError(
            f"from_optimizer: construct is a {type(construct).__name__}, expected a callable that "
            "returns an optimizer"
        )
    if passed not in PASSED:
        raise ValueError(
            f"from_optimizer: passed is {passed!r}, expected one of {', '.join(PASSED)}"
        )
    paths = dict(state or {})

    def stepped(params: Any, grads: Any, before: Any, hyper: Mapping[str, Any]) -> Any:
        """Return the parameters and the state after a step of one optimizer."""
        held = [np.array(array) for array in params]
        if parameter is not None:
            held = [parameter(held[place], grads[place]) for place in range(len(held))]
        optimizer = construct(**arguments(construct, {"params": held}, hyper))
        _restore(optimizer, paths, before, passed)
        given, slopes = _packed(held, passed), _packed(list(grads), passed)
        takes_none = not access.accepts(optimizer, update, 2)
        result = access.method(optimizer, update)(*(() if takes_none else (given, slopes)))
        after = _listed(given if result is None else result, passed)
        if parameter is not None:
            after = [access.read(each, value) for each in after]
        return after, {name: _kept(access.read(optimizer, path)) for name, path in paths.items()}

    def step(
        params: Sequence[Any],
        grads: Sequence[Any],
        state: Mapping[str, Any] | None = None,
        **hyper: Any,
    ) -> tuple[list[Any], dict[str, Any]]:
        if passed != "each":
            return stepped(params, grads, state, hyper)  # type: ignore[no-any-return]
        results = [
            stepped([params[place]], [grads[place]], _of_one(state, place), hyper)
            for place in range(len(params))
        ]
        after: dict[str, Any] = {}
        for name in paths:
            values = [kept[name] for _, kept in results]
            after[name] = [v[0] for v in values] if _is_list(values[0]) else values[0]
        return [array for arrays, _ in results for array in arrays], after

    step.__signature__ = _signature(construct)  # type: ignore[attr-defined]
    return step


def _signature(construct: Callable[..., Any]) -> inspect.Signature:
    kind, parameters = inspect.Parameter, parameters_of(construct)
    arrays = [kind(name, kind.POSITIONAL_OR_KEYWORD) for name in ("params", "grads")]
    arrays.append(kind("state", kind.POSITIONAL_OR_KEYWORD, default=None))
    hyper = [
        kind(name, kind.KEYWORD_ONLY, default=parameter.default)
        for name, parameter in (parameters or {}).items()
        if name not in ("params", "grads", "state")
        and parameter.kind in (kind.POSITIONAL_OR_KEYWORD, kind.KEYWORD_ONLY)
    ]
    rest = [kind("hyper", kind.VAR_KEYWORD)] if open_ended(parameters) else []
    return inspect.Signature([*arrays, *hyper, *rest])


def _of_one(state: Mapping[str, Any] | None, place: int) -> dict[str, Any]:
    """Return the state of one parameter."""
    return {
        name: value[place : place + 1] if _is_list(value) else value
        for name, value in (state or {}).items()
    }


def _is_list(value: Any) -> bool:
    return isinstance(value, (list, tuple))


def _packed(arrays: list[Any], passed: str) -> Any:
    """Return a list as the optimizer takes it."""
    if passed == "dicts":
        return {str(place): array for place, array in enumerate(arrays)}
    return arrays[0] if passed == "each" else arrays


def _listed(packed: Any, passed: str) -> list[Any]:
    if isinstance(packed, Mapping):
        return [packed[name] for name in sorted(packed, key=int)]
    return [packed] if passed == "each" else list(packed)


def _restore(
    optimizer: Any, paths: Mapping[str, str], before: Mapping[str, Any] | None, passed: str
) -> None:
    """Give an optimizer the state that it had after the step before."""
    for name, value in (before or {}).items():
        if name not in paths:
            raise NotImplementedError(f"the state {name} is in no attribute: state says where")
        copies = [np.array(array) for array in value] if _is_list(value) else None
        content = value if copies is None else _packed(copies, passed)
        access.put(optimizer, paths[name], content)


def _kept(value: Any) -> Any:
    """Return a piece of state: a list of arrays, or a number."""
    if value is None or np.isscalar(value):
        return value
    if isinstance(value, Mapping):
        return [np.array(value[name]) for name in sorted(value, key=int)]
    return [np.array(array) for array in value] if _is_list(value) else [np.array(value)]
