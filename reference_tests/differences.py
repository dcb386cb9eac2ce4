"""Where an output differs from the truth: the numbers from which a report draws a map."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from reference_tests.call import Call
from reference_tests.case import Case
from reference_tests.operation import Operation
from reference_tests.precise import floats
from reference_tests.references import exact

# How many rows and columns a map shows at most, around the worst element.
SIDE = 16


@dataclass
class Differences:
    """One output of one failing case over its last two axes, where it is worst.

    Attributes
    ----------
    case : str
        The call, with the shapes of its arrays.
    shape : list of int
        Of the whole output.
    at : list of int
        The index of the first element that is shown.
    wrong, size : int
        How many elements are beyond the bound, of how many.
    got, expected : list of list of float
    units : list of list of float
        The error in units of the bound: above 1 is wrong. Where the bound is 0 it is infinite.
    """

    case: str
    shape: list[int]
    at: list[int]
    wrong: int
    size: int
    got: list[list[float]]
    expected: list[list[float]]
    units: list[list[float]]


class Compared(NamedTuple):
    """One output of one call beside the truth.

    `units` are the errors in units of the bound, or None where the shape is wrong.
    """

    arrays: dict[str, Any]
    grad_output: Any
    got: NDArray[Any]
    expected: NDArray[np.float64]
    units: NDArray[np.float64] | None


def compared(
    function: Callable[..., Any],
    operation: Operation,
    case: Case,
    output: str,
    check: str,
    dtype: str,
) -> Compared | None:
    """Return an output beside the truth, or None where there are no numbers.

    Parameters
    ----------
    function : callable
        Of the subject.
    operation : Operation
    case : Case
    output : str
    check : {"value", "exact"}
    dtype : {"float32", "float64"}
    """
    scale = operation.exact_scale if check == "exact" else 0
    if scale is None:
        return None
    arrays = case.fill_integers(dtype, scale) if scale else case.fill(dtype)
    cotangent = cache(partial(case.cotangent, dtype=dtype, scale=scale))
    got = (
        Call(function, operation, arrays, case.hyper, cotangent)
        .outcome(case.layout)
        .results.get(output)
    )
    if scale:
        whole = exact.integers(operation, arrays, case.hyper, cotangent)
        truths = {name: exact.certain(value) for name, value in whole.items()}
    else:
        truths = exact.truths(operation, arrays, case.hyper, cotangent, dtype)
    truth = truths.get(output)
    if got is None or truth is None or got.dtype.kind not in "fiub":
        return None
    units = _units(got, truth) if got.shape == np.shape(truth.value) else None
    first = operation.outputs(case.hyper)[0]
    gradient = output.startswith("grad_")
    grad_output = cotangent(np.shape(truths[first].value)) if gradient else None
    return Compared(arrays, grad_output, got, truth.nearest, units)


def _units(got: NDArray[Any], truth: exact.Truth) -> NDArray[np.float64]:
    """Return each error in units of its bound."""
    values = got.astype(np.float64)
    with np.errstate(all="ignore"):
        units = np.abs(floats(values - truth.value)) / truth.bound
        same = (values == truth.nearest) | (np.isnan(values) & np.isnan(truth.nearest))
    units = np.where(same, 0.0, units)
    return np.where(np.isnan(units), np.inf, units)


def differences(
    function: Callable[..., Any],
    operation: Operation,
    case: Case,
    output: str,
    check: str,
    dtype: str,
) -> Differences | None:
    """Return where an output differs in a case, or None where numbers cannot tell.

    The parameters are those of `compared`; other checks than its two have no numbers.
    """
    if check not in ("value", "exact"):
        return None
    seen = compared(function, operation, case, output, check, dtype)
    if seen is None or seen.units is None or not seen.got.size:
        return None
    shapes = [f"{n} {a.shape}" for n, a in seen.arrays.items() if a is not None]
    options = [f"{n}={v!r}" for n, v in operation.options(case.hyper).items()]
    text = f"{operation.name}({', '.join([*shapes, *options])}), {dtype}"
    return _around_the_worst(text, seen.got.astype(np.float64), seen.expected, seen.units)


def _around_the_worst(
    text: str, got: NDArray[Any], expected: NDArray[Any], units: NDArray[Any]
) -> Differences:
    """Return at most `SIDE` × `SIDE` elements of the last two axes."""
    wrong = units > 1
    worst = np.unravel_index(int(np.argmax(units)), units.shape)
    lead = worst[:-2]
    ends = [
        max(0, min(int(p) - SIDE // 2, n - SIDE)) for p, n in zip(worst, units.shape, strict=True)
    ]
    start = ends[-2:]
    shown = tuple(slice(first, first + SIDE) for first in start)

    def part(array: NDArray[Any]) -> list[list[float]]:
        numbers: list[list[float]] = np.atleast_2d(array[lead][shown]).tolist()
        return numbers

    at = [*map(int, lead), *start]
    counts = int(wrong.sum()), units.size
    return Differences(text, list(units.shape), at, *counts, part(got), part(expected), part(units))
