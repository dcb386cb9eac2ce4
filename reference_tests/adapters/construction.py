"""What a layer is constructed with: the arguments that its constructor names.

A constructor, or a function around it, gets by name what it asks for: the hyperparameters of the
call that differ from their default, and these facts of the arrays.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any

FACTS = (
    "input_shape",
    "weight_shape",
    "bias_shape",
    "in_channels",
    "out_channels",
    "in_features",
    "out_features",
    "num_features",
    "bias",
    "dtype",
    "learning_rate",
)


def parameters_of(construct: Callable[..., Any]) -> Mapping[str, inspect.Parameter] | None:
    """Return the parameters of a constructor, or None where they cannot be known."""
    try:
        return inspect.signature(construct).parameters
    except (TypeError, ValueError):
        return None


def open_ended(parameters: Mapping[str, inspect.Parameter] | None) -> bool:
    """Return whether any keyword is accepted."""
    return parameters is None or any(
        parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()
    )


def signature(
    construct: Callable[..., Any], required: Iterable[str], optional: Iterable[str]
) -> inspect.Signature:
    """Return the signature of a callable: its arrays, then the constructor's hyperparameters."""
    kind = inspect.Parameter
    arrays = [kind(name, kind.POSITIONAL_OR_KEYWORD) for name in required]
    arrays += [kind(name, kind.POSITIONAL_OR_KEYWORD, default=None) for name in optional]
    taken = {parameter.name for parameter in arrays}.union(FACTS)
    parameters = parameters_of(construct)
    hyper = [
        kind(name, kind.KEYWORD_ONLY, default=parameter.default)
        for name, parameter in (parameters or {}).items()
        if name not in taken and parameter.kind in (kind.POSITIONAL_OR_KEYWORD, kind.KEYWORD_ONLY)
    ]
    rest = [kind("hyper", kind.VAR_KEYWORD)] if open_ended(parameters) else []
    return inspect.Signature([*arrays, *hyper, *rest])


def bound(names: tuple[str, ...], given: tuple[Any, ...], hyper: dict[str, Any]) -> dict[str, Any]:
    """Return the arrays of a call by name, None for one that is left out; `hyper` loses them."""
    if len(given) > len(names):
        raise TypeError(f"takes {len(names)} arrays ({', '.join(names)}), but got {len(given)}")
    arrays = {name: given[place] for place, name in enumerate(names) if place < len(given)}
    for name in names:
        arrays.setdefault(name, hyper.pop(name, None))
    return arrays


def entries(arrays: Mapping[str, Any], grads: Mapping[str, Any], given: int) -> tuple[Any, ...]:
    """Return a gradient or None for each array up to the last one that the call has."""
    names = list(arrays)
    last = [place for place, name in enumerate(names) if arrays[name] is not None]
    count = max(given, 1 + max(last, default=0))
    return tuple(grads.get(name) for name in names[:count])


def facts_of(
    x: Any,
    weight: Any,
    bias: Any,
    groups: int = 1,
    transposed: bool = False,
    channels: int = 1,
) -> dict[str, Any]:
    """Return what arrays in PyTorch's layout say; the axis `channels` of `x` is C.

    A transposed convolution has a weight (I, O, …).
    """
    known: dict[str, Any] = {"bias": bias is not None, "dtype": x.dtype}
    if x.ndim:
        known["in_features"] = x.shape[-1]
        known["num_features"] = known["in_channels"] = x.shape[min(channels, x.ndim - 1)]
    if weight is None:
        return known
    if weight.ndim > 2:
        # The channels stand before the spatial axes, whether there is a batch or not.
        known["in_channels"] = known["num_features"] = x.shape[1 - weight.ndim]
        known["kernel_size"] = weight.shape[2:]
    if weight.ndim >= 2:
        known["out_features"], known["in_features"] = weight.shape[:2]
        known["out_channels"] = weight.shape[1] * groups if transposed else weight.shape[0]
    return known


def arguments(
    construct: Callable[..., Any],
    facts: Mapping[str, Any],
    hyper: Mapping[str, Any],
    scalars: Iterable[str] = (),
) -> dict[str, Any]:
    """Return the keywords for a constructor.

    Raises
    ------
    TypeError
        If it takes no such hyperparameter, or needs what is not known.
    NotImplementedError
        If it takes one number where the axes have different ones.
    """
    parameters = parameters_of(construct)
    known = {**facts, **hyper}
    for name in scalars:
        if isinstance(known.get(name), tuple):
            known[name] = _one(name, known[name])
    if parameters is None:
        return {name: known[name] for name in hyper}
    unexpected = [name for name in hyper if name not in parameters]
    if unexpected and not open_ended(parameters):
        raise TypeError(f"the layer takes no {', '.join(unexpected)}")
    chosen = {name: known[name] for name in parameters if name in known}
    if open_ended(parameters):
        chosen.update({name: known[name] for name in hyper})
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    lacking = [
        name
        for name, parameter in parameters.items()
        if name not in chosen and parameter.kind in kinds and parameter.default is parameter.empty
    ]
    if lacking:
        raise TypeError(
            f"the constructor needs {', '.join(lacking)}, of which the call says nothing: "
            f"give a default; known are {', '.join(sorted(known))}"
        )
    return chosen


def _one(name: str, values: tuple[Any, ...]) -> Any:
    if len(set(values)) > 1:
        raise NotImplementedError(f"{name} is {values}, and the layer takes one number")
    return values[0]
