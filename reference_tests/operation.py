"""What the judge knows about an operation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from reference_tests.case import Array, Case
from reference_tests.draw import Draw


class _Required:
    """The default of a hyperparameter that has none."""

    def __repr__(self) -> str:
        return "required"


REQUIRED = _Required()


@dataclass(frozen=True)
class Invalid:
    """A call that every implementation must refuse.

    Parameters
    ----------
    reason : str
        What is wrong, in words.
    arrays : tuple
        The array arguments.
    hyper : mapping
        The keyword arguments.
    """

    reason: str
    arrays: tuple[Any, ...]
    hyper: Mapping[str, Any] = field(default_factory=dict)


def call_plainly(function: Callable[..., Any], arrays: Mapping[str, Any], hyper: Any) -> Any:
    """Call an implementation: arrays by position, without None at the end, then keywords."""
    given = list(arrays.values())
    while given and given[-1] is None:
        given.pop()
    return function(*given, **hyper)


def write_plainly(arrays: Mapping[str, Any], hyper: Mapping[str, Any]) -> str:
    """Return the call of `call_plainly` as Python, the arrays by their names."""
    names = list(arrays)
    while names and arrays[names[-1]] is None:
        names.pop()
    options = [f"{name}={value!r}" for name, value in hyper.items()]
    return f"function({', '.join([*names, *options])})"


def call_by_name(function: Callable[..., Any], arrays: Mapping[str, Any], hyper: Any) -> Any:
    """Call an implementation with all arrays but the first by their names.

    For operations that have a hyperparameter between their arrays, as PyTorch's `layer_norm`.
    """
    (_, x), *others = arrays.items()
    return function(x, **{name: array for name, array in others if array is not None}, **hyper)


def write_by_name(arrays: Mapping[str, Any], hyper: Mapping[str, Any]) -> str:
    """Return the call of `call_by_name` as Python."""
    first, *others = arrays
    named = [f"{name}={name}" for name in others if arrays[name] is not None]
    options = [f"{name}={value!r}" for name, value in hyper.items()]
    return f"function({', '.join([first, *named, *options])})"


@dataclass(frozen=True)
class Operation:
    """One operation of the catalogue.

    Parameters
    ----------
    name : str
    arrays : tuple of str
        The array parameters in their order, which is that of the gradients.
    defaults : mapping
        Every hyperparameter with its default, or `REQUIRED`.
    strategy : callable
        Takes a `Draw` and returns a `Case`.
    definition : callable
        The exact definition in the form of an implementation, on plain or `Bounded` arrays.
    differentiable : tuple of str
        The arrays that have a gradient; one of integers has none in any case.
    optional : tuple of str
        The arrays that may be None.
    outputs : callable
        Takes the hyperparameters and returns the names of the outputs; those of integers take
        no cotangent.
    exact_scale : int, optional
        Of the integers on which all implementations must agree to the bit; None where
        roundings cannot be avoided.
    conventions : str
        What holds at kinks, at ties and beyond the numbers, and what the truth is there.
    invalid : tuple of Invalid
    pinned : tuple of Case
        Cases that are always judged, first.
    law : callable, optional
        Judges a random operation instead of values: takes a callable and a seed, and yields
        (output, check, message or None).
    call : callable
        Turns arrays and hyperparameters into a call of an implementation.
    written : callable
        Turns them into the text of that call, for reproductions.
    by_name : bool
        Whether the arrays are parameters of the implementation under their names.
    numbers : tuple of str
        The hyperparameters that an optimizer's step takes as numbers of its state instead.
    """

    name: str
    arrays: tuple[str, ...]
    defaults: Mapping[str, Any]
    strategy: Callable[[Draw], Case]
    definition: Callable[..., Any]
    differentiable: tuple[str, ...]
    optional: tuple[str, ...] = ()
    outputs: Callable[[Mapping[str, Any]], tuple[str, ...]] = lambda hyper: ("output",)
    exact_scale: int | None = None
    conventions: str = ""
    invalid: tuple[Invalid, ...] = ()
    pinned: tuple[Case, ...] = ()
    law: Callable[..., Any] | None = None
    call: Callable[..., Any] = call_plainly
    written: Callable[..., str] = write_plainly
    by_name: bool = True
    numbers: tuple[str, ...] = ()

    @property
    def signature(self) -> str:
        """The call in Python's notation."""
        arrays = [f"{name}=None" if name in self.optional else name for name in self.arrays]
        required = [name for name, value in self.defaults.items() if value is REQUIRED]
        rest = [f"{n}={v!r}" for n, v in self.defaults.items() if v is not REQUIRED]
        listed = [*arrays, "*", *required, *rest] if self.defaults else arrays
        return f"{self.name}({', '.join(listed)})"

    def options(self, hyper: Mapping[str, Any]) -> dict[str, Any]:
        """Return the hyperparameters that differ from their default."""
        return {
            name: value
            for name, value in hyper.items()
            if not _same(value, self.defaults.get(name, REQUIRED))
        }

    def wants_grad(self, name: str, array: Array | None) -> bool:
        """Return whether an array of a call has a gradient."""
        if name not in self.differentiable or array is None:
            return False
        return bool(np.issubdtype(array.dtype, np.floating))


def _same(value: Any, default: Any) -> bool:
    if isinstance(value, tuple) and isinstance(default, int):
        return all(_same(each, default) for each in value)
    return type(value) is type(default) and value == default


def grad_name(array: str) -> str:
    """Return the name of an array's gradient in findings: `x` is called the input."""
    return "grad_input" if array == "x" else f"grad_{array}"
