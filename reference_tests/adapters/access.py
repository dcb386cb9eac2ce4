"""Attributes and methods of any layer, by dotted names, and errors that say what there is."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

_ABSENT = object()


def read(layer: Any, path: Any) -> Any:
    """Return what stands at ``"weights"``, ``"params.W"`` or ``"params.0"``, or a call's result.

    Raises
    ------
    AttributeError
        If there is no such attribute, key or place.
    """
    if callable(path):
        return path(layer)
    found = layer
    for part in path.split("."):
        found = _step(found, part)
        if found is _ABSENT:
            raise AttributeError(f"{_named(layer)} has no {path!r}; {_holding(layer)}")
    return found


def has(layer: Any, path: str) -> bool:
    """Return whether something stands at a path."""
    try:
        read(layer, path)
    except AttributeError:
        return False
    return True


def write(layer: Any, path: str, value: Any) -> None:
    """Set what stands at a path, which must be of the shape of `value` if it is an array.

    Raises
    ------
    AttributeError
        If there is no such attribute.
    ValueError
        If what is there has another shape.
    """
    before = read(layer, path)
    if before is not None and np.shape(before) != np.shape(value):
        raise ValueError(
            f"{path} of {_named(layer)} has shape {np.shape(before)}, but what the call gives has "
            f"{np.shape(value)}"
        )
    put(layer, path, value)


def put(layer: Any, path: str, value: Any) -> None:
    """Set what stands at a path, whatever it is."""
    place, _, last = path.rpartition(".")
    holder = read(layer, place) if place else layer
    if isinstance(holder, (Mapping, list)):
        holder[int(last) if isinstance(holder, list) else last] = value  # type: ignore[index]
    else:
        setattr(holder, last, value)


def method(layer: Any, name: Any) -> Callable[..., Any]:
    """Return a method by its name, or a function with the layer as its first argument."""
    if callable(name):
        return lambda *given: name(layer, *given)
    found = read(layer, name)
    if not callable(found):
        raise TypeError(f"{name} of {_named(layer)} is a {type(found).__name__}, no method")
    return found  # type: ignore[no-any-return]


def accepts(layer: Any, name: Any, count: int) -> bool:
    """Return whether a method takes so many arguments, as far as its signature tells."""
    function, more = (name, 1) if callable(name) else (method(layer, name), 0)
    try:
        inspect.signature(function).bind(*range(count + more))
    except TypeError:
        return False
    except ValueError:
        return True
    return True


def _step(place: Any, part: str) -> Any:
    if isinstance(place, Mapping):
        return place.get(part, _ABSENT)
    if isinstance(place, (list, tuple)) and part.isdigit():
        return place[int(part)] if int(part) < len(place) else _ABSENT
    return getattr(place, part, _ABSENT)


def _named(layer: Any) -> str:
    return type(layer).__name__


def _holding(layer: Any) -> str:
    """Return the attributes of a layer that may be meant."""
    names = [name for name in getattr(layer, "__dict__", {}) if not name.startswith("__")]
    return f"it has {', '.join(sorted(names))}" if names else "it has no attributes"
