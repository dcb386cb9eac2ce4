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

from reference_tests.checks import Call, Outcome
from reference_tests.draw import seeded
from reference_tests.implementation import Implementation
from reference_tests.operation import REQUIRED
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
    """The errors of one output of an operation, the subject's and PyTorch's."""

    operation: str
    output: str
    elements: int
    ours: Error
    theirs: Error

    @property
    def ok(self) -> bool:
        """Whether the subject is about as accurate as PyTorch, or within 4 ulp."""
        rms = self.ours.rms <= RMS * self.theirs.rms
        largest = self.ours.largest <= LARGEST * self.theirs.largest
        return (rms and largest) or self.ours.ulps <= ULPS


class _Sum:
    """Errors that are being added up."""

    def __init__(self) -> None:
        self.elements, self.squares, self.largest, self.ulps = 0, 0.0, 0.0, 0.0

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


def accuracy(subject: Implementation, name: str, examples: int, seed: int) -> list[Accuracy]:
    """Return the errors of each output of an operation over so many cases.

    An operation that PyTorch lacks, or that is random, has none.
    """
    operation = CATALOGUE[name]
    function = subject.operations.get(name)
    (reference,) = load(["torch"])
    theirs = reference.operations.get(name)
    if function is None or theirs is None or operation.law is not None:
        return []
    sums: dict[str, tuple[_Sum, _Sum]] = {}
    limits = {n: d for n, d in subject.lacking(operation).items() if d is not REQUIRED}
    limits.update(subject.limits.get(name, {}))
    for index in range(examples):
        case = operation.strategy(seeded(f"{seed}/{name}/{index}", limits))
        arrays = case.fill(DTYPE)
        cotangent = cache(partial(case.cotangent, dtype=DTYPE))
        calls = (Call(f, operation, arrays, case.hyper, cotangent) for f in (function, theirs))
        results = [call.outcome() for call in calls]
        if any(result.error or result.unsupported for result in results):
            continue
        expected = truths(operation, arrays, case.hyper, cotangent, DTYPE)
        _compare(expected, results, sums)
    return [
        Accuracy(name, output, ours.elements, ours.error, others.error)
        for output, (ours, others) in sums.items()
        if ours.elements
    ]


def _compare(
    expected: Mapping[str, Truth],
    results: list[Outcome],
    sums: dict[str, tuple[_Sum, _Sum]],
) -> None:
    """Add the errors of one case to the sums."""
    for output, truth in expected.items():
        found = [np.asarray(r.results[output]) for r in results if output in r.results]
        if len(found) < 2 or found[0].dtype.kind != "f":
            continue
        counted = np.isfinite(truth.nearest.astype(DTYPE)) & np.isfinite(truth.bound)
        for values in found:
            counted &= np.isfinite(values)
        kept = Truth(*(np.asarray(part)[counted] for part in truth))
        for each, values in zip(sums.setdefault(output, (_Sum(), _Sum())), found, strict=True):
            each.add(np.abs(values[counted].astype(np.float64) - kept.nearest), kept)


def lines(rows: list[Accuracy]) -> list[dict[str, Any]]:
    """Return the rows for JSON."""
    return [
        {**row._asdict(), "ours": row.ours._asdict(), "theirs": row.theirs._asdict(), "ok": row.ok}
        for row in rows
    ]
