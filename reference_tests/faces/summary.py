"""What every face says first: the verdict, and how much was verified."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import NamedTuple

from reference_tests.grid import Cell, Grid, score
from reference_tests.operations import CATALOGUE
from reference_tests.report import Failure, Report, grouped


class Summary(NamedTuple):
    """The figures of a report.

    `verified` of `cells` of the fixed grid operation × output × feature are verified, what is
    unsupported or not provided included in the second number.
    """

    ok: bool
    passed: int
    operations: int
    counts: str
    cases: int
    unsupported: int
    verified: int
    cells: int

    @property
    def verdict(self) -> str:
        """The verdict in a word or two."""
        return "ok" if self.ok else "not ok"

    @property
    def line(self) -> str:
        """The verdict in a sentence."""
        return f"{self.verdict}: {self.counts}"


def summary(report: Report) -> Summary:
    """Return the figures of a report."""
    verified, cells = score(cell for cells in grid(report).values() for cell in cells)
    return Summary(
        report.ok,
        sum(operation.status == "passed" for operation in report),
        len(report.provided),
        report.counts,
        sum(operation.cases for operation in report),
        sum(operation.unsupported for operation in report),
        verified,
        cells,
    )


def grid(report: Report) -> dict[str, list[Cell]]:
    """Return the cells of every operation, also of those that are not provided."""
    cells = {operation.name: operation.cells for operation in report}
    empty = [name for name, found in cells.items() if not found and name in CATALOGUE]
    return {**cells, **{name: _unjudged(name) for name in empty}}


@cache
def _unjudged(name: str) -> list[Cell]:
    return Grid(CATALOGUE[name]).cells


def against(report: Report) -> str:
    """Return whom the subject was judged against."""
    named = [f"{name} {report.versions.get(name, '')}".strip() for name in report.references]
    return ", ".join([*named, "the exact oracle"])


def setting(report: Report) -> str:
    """Return with what it was judged."""
    names = {"python": "Python", "numpy": "NumPy", "platform": ""}
    known = [
        f"{shown} {report.versions[name]}".strip()
        for name, shown in names.items()
        if name in report.versions
    ]
    return ", ".join([*known, f"seed {report.seed}"])


def missing(report: Report) -> list[Failure]:
    """Return what was not judged, by operation and output."""
    return grouped(f for f in report.findings if f.status in ("unsupported", "not provided"))


def others(report: Report, statuses: Iterable[str]) -> list[Failure]:
    """Return the findings with one of these statuses, by operation and output."""
    return grouped(finding for finding in report.findings if finding.status in tuple(statuses))
