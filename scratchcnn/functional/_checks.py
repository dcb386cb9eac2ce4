"""Checks of arguments, made once at the public boundary and before any work."""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias, TypeGuard

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.floating[Any]]
Integers: TypeAlias = NDArray[np.integer[Any]]
# One int for all spatial axes, or one for each.
PerAxis: TypeAlias = int | Sequence[int]

REDUCTIONS = ("none", "mean", "sum")
# The axes of an array with so many spatial ones.
AXES = {1: "(N, C, L)", 2: "(N, C, H, W)", 3: "(N, C, D, H, W)"}

# What fits an int64: of larger numbers no geometry can be computed.
SMALLEST, LARGEST = -(2**63), 2**63 - 1

# Overflow, infinities and NaN are results here, as in PyTorch, and never warnings.
ieee = np.errstate(all="ignore")


def floats(function: str, optional: Mapping[str, Any] | None = None, /, **arrays: Any) -> None:
    """Raise TypeError unless all are ndarrays of one floating dtype; the `optional` may be None."""
    extra = {name: array for name, array in (optional or {}).items() if array is not None}
    given = arrays | extra
    for name, array in given.items():
        known = isinstance(array, np.ndarray | np.floating)
        # The operators of these two are not those of arrays.
        if not known or isinstance(array, np.ma.MaskedArray | np.matrix):
            raise TypeError(
                f"{function}: {name} is a {type(array).__name__}, "
                "expected a NumPy array of float32 or float64"
            )
        if array.dtype not in (np.float32, np.float64):
            raise TypeError(
                f"{function}: {name} has dtype {array.dtype}, expected float32 or float64"
            )
    names = list(given)
    for name in names[1:]:
        if given[name].dtype != given[names[0]].dtype:
            raise TypeError(
                f"{function}: {name} has dtype {given[name].dtype}, but {names[0]} has "
                f"{given[names[0]].dtype}; expected one dtype"
            )


def integers(function: str, name: str, array: Any) -> None:
    """Raise TypeError unless `array` is an ndarray of an integer dtype."""
    if not isinstance(array, np.ndarray) or not np.issubdtype(array.dtype, np.integer):
        has = f"dtype {array.dtype}" if isinstance(array, np.ndarray) else type(array).__name__
        raise TypeError(f"{function}: {name} has {has}, expected a NumPy array of integers")


def rank(function: str, name: str, array: NDArray[Any], axes: str) -> None:
    """Raise ValueError unless `array` has the given `axes`, written as ``"(N, C, H, W)"``."""
    expected = axes.count(",") + (not axes.endswith(",)"))
    if array.ndim != expected:
        raise ValueError(
            f"{function}: {name} has {array.ndim} dimensions, shape {array.shape}, "
            f"expected {expected}: {axes}"
        )


def batched(function: str, name: str, array: NDArray[Any], spatial: int) -> NDArray[Any]:
    """Return `array` (N, C, *size), with N = 1 where it is (C, *size), or raise ValueError."""
    if array.ndim not in (spatial + 1, spatial + 2):
        raise ValueError(
            f"{function}: {name} has {array.ndim} dimensions, shape {array.shape}, "
            f"expected {AXES[spatial]}, or the same without N"
        )
    return array if array.ndim == spatial + 2 else array[None]


def batched_sizes(function: str, name: str, value: Any, spatial: int) -> tuple[int, ...]:
    """Return the shape `value` as (N, C, *size), with N = 1 where it is (C, *size), or raise."""
    shape = sizes(function, name, value)
    if len(shape) not in (spatial + 1, spatial + 2):
        raise ValueError(
            f"{function}: {name} is {shape}, expected {AXES[spatial]}, or the same without N"
        )
    return shape if len(shape) == spatial + 2 else (1, *shape)


def shape(function: str, name: str, array: NDArray[Any], expected: tuple[int, ...]) -> None:
    """Raise ValueError unless `array` has the `expected` shape."""
    if array.shape != expected:
        raise ValueError(f"{function}: {name} has shape {array.shape}, expected {expected}")


def alike(function: str, grad_output: Any, **arrays: Any) -> None:
    """Raise unless `grad_output` and all arrays are of one floating dtype and one shape."""
    floats(function, grad_output=grad_output, **arrays)
    for array in arrays.values():
        shape(function, "grad_output", grad_output, array.shape)


def sizes(
    function: str, name: str, value: Any, axes: str | None = None, least: int = 0
) -> tuple[int, ...]:
    """Return the shape `value` as a tuple of ints of at least `least`, one for each of `axes`."""
    if not several(value):
        raise TypeError(f"{function}: {name} is {value!r}, expected a tuple of integers")
    if axes is not None and len(value) != axes.count(",") + (not axes.endswith(",)")):
        raise ValueError(f"{function}: {name} is {tuple(value)}, expected {axes}")
    return tuple(whole(function, name, each, least) for each in value)


def several(value: Any) -> TypeGuard[Sequence[Any]]:
    """Return whether `value` is a sequence of other things than characters and bytes."""
    characters = str | bytes | bytearray | memoryview
    return isinstance(value, Sequence) and not isinstance(value, characters)


def whole(function: str, name: str, value: Any, least: int = SMALLEST) -> int:
    """Return `value` as an int of at least `least`."""
    try:
        if isinstance(value, bool | np.bool):
            raise TypeError
        number = operator.index(value)
    except TypeError:
        bound = "" if least == SMALLEST else f" of at least {least}"
        raise TypeError(f"{function}: {name} is {value!r}, expected an integer{bound}") from None
    if not least <= number <= LARGEST:
        bound = f"at least {least}" if number < least else f"at most {LARGEST}"
        raise ValueError(f"{function}: {name} is {number}, expected {bound}")
    return number


def per_axis(function: str, name: str, value: Any, axes: int, least: int) -> tuple[int, ...]:
    """Return one int of at least `least` for each of the spatial `axes`."""
    if several(value):
        if len(value) != axes:
            raise ValueError(
                f"{function}: {name} has {len(value)} values, {tuple(value)}, "
                f"expected one integer or {axes}"
            )
        return tuple(whole(function, name, each, least) for each in value)
    return (whole(function, name, value, least),) * axes


def window(function: str, name: str, value: Any, axes: int, least: int) -> tuple[int, ...]:
    """Return what `per_axis` does, also of a sequence of one value for all axes.

    PyTorch's convolutions and poolings take it for what describes a window, and nothing else does.
    """
    one = several(value) and len(value) == 1
    return per_axis(function, name, tuple(value) * axes if one else value, axes, least)


def real(function: str, name: str, value: Any, low: float, high: float = np.inf) -> float:
    """Return `value` as a float within ``[low, high]``."""
    try:
        if isinstance(value, str | bytes) or np.ndim(value):
            raise TypeError
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        raise TypeError(f"{function}: {name} is {value!r}, expected a number") from None
    if np.isnan(number) and low == -np.inf:
        raise ValueError(f"{function}: {name} is nan, expected a number")
    if not low <= number <= high:
        upper = "" if high == np.inf else f" and at most {high:g}"
        raise ValueError(f"{function}: {name} is {number:g}, expected at least {low:g}{upper}")
    return number


def flag(function: str, name: str, value: Any) -> bool:
    """Return `value` as a bool, which it must be: the text ``"False"`` would count as true."""
    if not isinstance(value, bool | np.bool):
        raise TypeError(f"{function}: {name} is {value!r}, expected True or False")
    return bool(value)


def choice(function: str, name: str, value: Any, options: Sequence[str]) -> None:
    """Raise ValueError unless `value` is one of the `options`."""
    if not isinstance(value, str) or value not in options:
        names = ", ".join(repr(option) for option in options)
        raise ValueError(f"{function}: {name} is {value!r}, expected one of {names}")


def axis(function: str, name: str, value: Any, dimensions: int) -> int:
    """Return the axis `value`, counted from the front, of an array with so many `dimensions`."""
    number = whole(function, name, value)
    if dimensions == 0:
        raise ValueError(f"{function}: x has no axis, expected one for {name}={number}")
    if not -dimensions <= number < dimensions:
        raise ValueError(
            f"{function}: {name} is {number}, but x has {dimensions} dimensions; "
            f"expected {-dimensions} to {dimensions - 1}"
        )
    return number % dimensions


def generator(function: str, rng: Any) -> np.random.Generator:
    """Return the generator that `rng` is, or that it seeds."""
    try:
        return np.random.default_rng(rng)
    except (TypeError, ValueError) as error:
        raise type(error)(
            f"{function}: rng is {rng!r}, expected a numpy.random.Generator, a seed of at least 0, "
            "or None"
        ) from None
