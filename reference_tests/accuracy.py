"""How accurate a subject's float32 results are, beside PyTorch's.

Both are compared with the true value of the float32 input, computed in float64. Errors are
given in units of the bound that the judge has for that very element, so that a sum that cancels
counts no more than one that does not.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache, partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from reference_tests.call import Call, Outcome
from reference_tests.draw import seeded
from reference_tests.implementation import Implementation
from reference_tests.operation import REQUIRED, Operation
from reference_tests.operations import CATALOGUE
from reference_tests.references import load
from reference_tests.references.exact import Truth, truths

DTYPE = "float32"
# What PyTorch's error may be exceeded by, in the root mean square and at the largest, unless
# no result is off by more units in the last place than these.
RMS, LARGEST, ULPS = 1.5, 2.0, 4.0


class Error(NamedTuple):
    """The errors of one party: root mean square and largest, in units of the bound, and in ulp."""

    rms: float
    largest: float
    ulps: float


class Accuracy(NamedTuple):
    """The errors of one output of an operation, the subject's and PyTorch's.

    `lost` counts elements that are finite in truth and for PyTorch, but not for the subject.
    """

    operation: str
    output: str
    elements: int
    lost: int
    ours: Error
    theirs: Error

    @property
    def ok(self) -> bool:
        """Whether the subject is about as accurate as PyTorch, or within 4 ulp."""
        rms = self.ours.rms <= RMS * self.theirs.rms
        largest = self.ours.largest <= LARGEST * self.theirs.largest
        return not self.lost and ((rms and largest) or self.ours.ulps <= ULPS)


class Comparison(NamedTuple):
    """What was compared of one operation: how many cases, each output, and what went wrong."""

    cases: int
    rows: list[Accuracy]
    errors: list[str]

    @property
    def ok(self) -> bool:
        """Whether nothing went wrong, and every output is accurate."""
        return not self.errors and all(row.ok for row in self.rows)


class _Sum:
    """Errors that are being added up."""

    def __init__(self) -> None:
        self.elements, self.squares, self.largest, self.ulps = 0, 0.0, 0.0, 0.0
        self.lost = 0

    def add(self, error: NDArray[np.float64], truth: Truth) -> None:
        with np.errstate(all="ignore"):
            units = np.where(error == 0, 0.0, error / truth.bound)
        spacing = np.spacing(np.abs(truth.nearest).astype(DTYPE)).astype(np.float64)
        self.elements += error.size
        self.squares += float((units**2).sum())
        self.largest = max(self.largest, float(units.max(initial=0.0)))
        self.ulps = max(self.ulps, float((error / spacing).max(initial=0.0)))

    @property
    def error(self) -> Error:
        return Error(math.sqrt(self.squares / max(self.elements, 1)), self.largest, self.ulps)


def accuracy(subject: Implementation, name: str, examples: int, seed: int) -> Comparison:
    """Return the errors of each output of an operation, over so many cases that both compute.

    An operation that PyTorch or the subject lacks, or that is random, has no cases.
    """
    operation = CATALOGUE[name]
    function = subject.operations.get(name)
    (reference,) = load(["torch"])
    theirs = reference.operations.get(name)
    found = Comparison(0, [], [])
    if function is None or theirs is None or operation.law is not None:
        return found
    sums: dict[str, tuple[_Sum, _Sum]] = {}
    limits = {n: d for n, d in subject.lacking(operation).items() if d is not REQUIRED}
    limits.update(subject.limits.get(name, {}))
    cases = 0
    # What neither or only one of them computes is replaced by another case, within reason.
    for index in range(4 * examples):
        if cases == examples:
            break
        case = operation.strategy(seeded(f"{seed}/{name}/{index}", limits))
        arrays = case.fill(DTYPE)
        cotangent = cache(partial(case.cotangent, dtype=DTYPE))
        calls = (Call(f, operation, arrays, case.hyper, cotangent) for f in (theirs, function))
        reference_result, own = (call.outcome() for call in calls)
        if reference_result.error or reference_result.unsupported or own.unsupported:
            continue
        expected = _truths(operation, arrays, case.hyper, cotangent)
        cases += 1
        error = own.error or _compare(expected, own, reference_result, sums)
        if error:
            return found._replace(cases=cases, errors=[f"{name}: case {index}: {error}"])
    rows = [
        Accuracy(name, output, ours.elements, ours.lost, ours.error, others.error)
        for output, (ours, others) in sums.items()
        if ours.elements or ours.lost
    ]
    return Comparison(cases, rows, [])


def _truths(operation: Operation, arrays: Any, hyper: Any, cotangent: Any) -> dict[str, Truth]:
    """Return truths with the bounds of float32, and values in which nothing has cancelled.

    Where 160 bits say otherwise than float64 within the bound, they are right; beyond it lies
    what the definition computes in the dtype of its input on purpose, such as coordinates.
    """
    coarse = truths(operation, arrays, hyper, cotangent, DTYPE)
    wide = {
        name: array.astype(np.float64) if array is not None and array.dtype == DTYPE else array
        for name, array in arrays.items()
    }

    def widened(shape: tuple[int, ...]) -> Any:
        return cotangent(shape).astype(np.float64)

    fine = truths(operation, wide, hyper, widened, "float64")
    result = {}
    for name, truth in coarse.items():
        with np.errstate(all="ignore"):
            near = np.abs(fine[name].nearest - truth.nearest) <= truth.bound
        nearest = np.where(near, fine[name].nearest, truth.nearest)
        result[name] = truth._replace(nearest=nearest)
    return result


def _compare(
    expected: Mapping[str, Truth],
    own: Outcome,
    theirs: Outcome,
    sums: dict[str, tuple[_Sum, _Sum]],
) -> str:
    """Add the errors of one case to the sums, or return what cannot be compared."""
    for output, truth in expected.items():
        if output not in theirs.results:
            continue
        reference = np.asarray(theirs.results[output])
        if reference.dtype.kind != "f":
            continue
        if output not in own.results:
            return f"{output} is missing"
        values = np.asarray(own.results[output])
        if (values.shape, values.dtype) != (reference.shape, reference.dtype):
            return (
                f"{output} is {values.shape} of {values.dtype}, "
                f"expected {reference.shape} of {reference.dtype}"
            )
        counted = np.isfinite(truth.nearest.astype(DTYPE)) & np.isfinite(truth.bound)
        counted &= np.isfinite(reference)
        mine, others = sums.setdefault(output, (_Sum(), _Sum()))
        mine.lost += int((counted & ~np.isfinite(values)).sum())
        counted &= np.isfinite(values)
        kept = Truth(*(np.asarray(part)[counted] for part in truth))
        for total, array in ((mine, values), (others, reference)):
            total.add(np.abs(array[counted].astype(np.float64) - kept.nearest), kept)
    return ""


def lines(rows: list[Accuracy]) -> list[dict[str, Any]]:
    """Return the rows for JSON."""
    return [
        {**row._asdict(), "ours": row.ours._asdict(), "theirs": row.theirs._asdict(), "ok": row.ok}
        for row in rows
    ]
