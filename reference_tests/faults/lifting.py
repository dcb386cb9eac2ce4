"""Cases of one operation as cases of the same operation over more axes, or fewer."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference_tests.case import Case, Spec


def axes_of(operation: str) -> int:
    """Return how many spatial axes an operation has, by its name; 0 if it has any number."""
    digit = re.search(r"(\d)d", operation)
    return int(digit.group(1)) if digit else 0


def lifted(case: Case, axes: int, to: int) -> Case:
    """Return a case over so many spatial axes as one over `to`.

    The last axes stay; the first one is repeated, or dropped. So a case of an image of one row
    says the same in every dimension.
    """
    if axes == to or not axes or not to:
        return case

    def resized(sizes: tuple[int, ...]) -> tuple[int, ...]:
        return sizes[axes - to :] if to < axes else (sizes[0],) * (to - axes) + sizes

    def respecified(spec: Spec | None) -> Spec | None:
        if spec is None or len(spec.shape) <= axes:
            return spec
        return replace(spec, shape=(*spec.shape[:-axes], *resized(spec.shape[-axes:])))

    def option(value: Any) -> Any:
        each = isinstance(value, tuple) and len(value) == axes
        return resized(value) if each else value

    return replace(
        case,
        arrays={name: respecified(spec) for name, spec in case.arrays.items()},
        hyper={name: option(value) for name, value in case.hyper.items()},
        values={name: _refilled(array, axes, to) for name, array in case.values.items()},
    )


def _refilled(array: NDArray[Any], axes: int, to: int) -> NDArray[Any]:
    if array.ndim <= axes:
        return array
    first = array.ndim - axes
    for _ in range(axes - to):
        array = array.take(0, first)
    for _ in range(to - axes):
        array = np.repeat(np.expand_dims(array, first), array.shape[first], first)
    return array
