"""What a failure says: what is wrong, the smallest case, a table, and whether it is rounding."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from reference_tests.differences import Differences
    from reference_tests.report import Finding

# An error that is this much smaller in float64 comes from rounding: their units differ by 5e8.
SHRUNK = 1e-4
BAD = ("failed", "error")


def explained(findings: Sequence[Finding]) -> list[str]:
    """Return what is wrong in sentences, each once: known mistakes, relations, when it fails."""
    told = [line for finding in findings for line in finding.explanation.splitlines()]
    return list(dict.fromkeys(told))


def tabled(findings: Iterable[Finding]) -> list[str]:
    """Return a table of all outputs: shape, dtype, largest error and where, how much is wrong."""
    by_output: dict[str, list[Finding]] = {}
    for finding in findings:
        if finding.check in ("value", "exact", "shape") and finding.reference == "exact":
            by_output.setdefault(finding.output, []).append(finding)
    rows = [("output", "shape", "dtype", "largest error", "beyond the bound")]
    rows += [_row(output, mine) for output, mine in by_output.items()]
    if len(rows) == 1:
        return []
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(map(str.ljust, row, widths)) for row in rows]
    return [line.rstrip() for line in lines]


def _row(output: str, findings: list[Finding]) -> tuple[str, str, str, str, str]:
    """Return the row of an output, of the case where it is wrong in most digits."""
    bad = [finding for finding in findings if finding.status in BAD]
    shown = [finding for finding in bad if finding.differences is not None]
    if not bad:
        passed = any(finding.status == "passed" for finding in findings)
        return output, "", "", "right" if passed else findings[0].status, ""
    if not shown:
        return output, bad[0].message.removeprefix("has shape "), bad[0].dtype, "", ""
    finding = max(shown, key=lambda f: (f.dtype == "float64", f.check == "value"))
    found = finding.differences
    assert found is not None
    error, place = largest(found)
    where = f" at {place}" if place else ""
    return (
        output,
        str(tuple(found.shape)),
        finding.dtype,
        f"{error:.3g}{where}",
        f"{found.wrong} of {found.size}",
    )


def largest(found: Differences) -> tuple[float, tuple[int, ...]]:
    """Return the largest error, and the index of its element."""
    got, expected = np.array(found.got), np.array(found.expected)
    with np.errstate(all="ignore"):
        errors = np.where(np.array(found.units) > 1, np.abs(got - expected), 0.0)
    errors = np.where(np.isnan(errors), math.inf, errors)
    row, column = np.unravel_index(int(errors.argmax()), errors.shape)
    first = [0] * (2 - len(found.at)) + list(found.at)
    place = (*first[:-2], first[-2] + int(row), first[-1] + int(column))
    return float(errors.max()), place[len(place) - len(found.shape) :]


def rounding(findings: Sequence[Finding]) -> str:
    """Return whether a failure is a matter of rounding or a mistake."""
    mine = [f for f in findings if f.check == "value" and f.reference == "exact"]
    units = {finding.dtype: finding.units for finding in mine}
    if any(f.check == "exact" and f.status in BAD for f in findings):
        text = "a mistake, not rounding: it is wrong on small integers, which round nothing"
        return text + _in_bounds(units)
    bad = {finding.dtype for finding in mine if finding.status in BAD}
    if bad == {"float32"} and "float64" in units:
        return f"in float32 only{_in_bounds(units)}"
    if bad == {"float64"} and "float32" in units:
        return f"computed with fewer digits than float64 has{_in_bounds(units)}"
    sizes = {f.dtype: _relative(f.differences) for f in mine if f.differences is not None}
    if bad != {"float32", "float64"} or len(sizes) < 2:
        return ""
    if sizes["float64"] <= SHRUNK * sizes["float32"]:
        return f"rounding: the error shrinks in float64{_in_bounds(units)}"
    return f"a mistake, not rounding: the error does not shrink in float64{_in_bounds(units)}"


def _in_bounds(units: dict[str, float]) -> str:
    told = [f"{size:.3g} bounds in {dtype}" for dtype, size in units.items() if math.isfinite(size)]
    return f" ({' and '.join(told)})" if told else ""


def _relative(found: Differences) -> float:
    """Return the largest error beside the largest right number."""
    expected = np.abs(np.array(found.expected))
    size = expected[np.isfinite(expected)].max(initial=0.0)
    return largest(found)[0] / size if size > 0 else math.inf


def written(headline: str, findings: Sequence[Finding], every: Iterable[Finding]) -> Iterator[str]:
    """Yield the lines of a failure.

    Parameters
    ----------
    headline : str
    findings : sequence of Finding
        Against one output, the one that explains most first.
    every : iterable of Finding
        About all outputs of the operation.
    """
    first = findings[0]
    yield headline
    yield from (f"  {line}" for line in explained(findings))
    by_check: dict[str, Finding] = {}
    for finding in findings:
        by_check.setdefault(finding.check, finding)
    yield from (f"  {check}: {finding.message}" for check, finding in by_check.items())
    if first.reproduction:
        yield "  the smallest case:"
        yield from (f"    {line}" for line in first.reproduction.splitlines())
    table = tabled(every) if any(f.differences is not None for f in findings) else []
    yield from (f"  {line}" for line in table)
    verdict = rounding(findings)
    if verdict:
        yield f"  {verdict}"
    if first.replay:
        yield f"  to judge it again: --replay {first.replay}"
