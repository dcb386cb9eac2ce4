"""One verdict, many faces: what the judge found, as objects, text, a table and JSON."""

from __future__ import annotations

import importlib
import os
import platform
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from reference_tests.differences import Differences
from reference_tests.failure import written
from reference_tests.grid import Cell

# The status of an operation is the first of these that one of its findings has.
ORDER = (
    "error",
    "failed",
    "unexpected pass",
    "untrusted",
    "disputed",
    "expected failure",
    "passed",
    "noted",
    "unsupported",
    "no reference",
    "not provided",
)
NOT_OK = ORDER[:4]


@dataclass
class Finding:
    """What the judge found about one (operation, output, check, dtype, reference).

    Attributes
    ----------
    operation, output, check, dtype, reference : str
        Empty where it does not apply.
    status : str
        One of `ORDER`.
    message : str
        What is wrong, for the first case that shows it.
    cases : int
        How many cases were checked.
    units : float
        The largest error, in units of its bound.
    reproduction : str
        The smallest failing case, as Python that needs only NumPy and the subject.
    replay : str
        What `reference-tests --replay` takes to judge the first failing case again.
    diagnosis : list of str
        The ids of the known mistakes that compute what the subject computes, best first.
    explanation : str
        What is wrong, in words: the mistakes, or relations to the right values, or when it fails.
    differences : Differences, optional
        Where the output differs in the first failing case.
    """

    operation: str
    output: str
    check: str
    dtype: str
    reference: str
    status: str
    message: str = ""
    cases: int = 0
    units: float = 0.0
    reproduction: str = ""
    replay: str = ""
    diagnosis: list[str] = field(default_factory=list)
    explanation: str = ""
    differences: Differences | None = None

    @property
    def id(self) -> str:
        """The name to which expected failures are bound."""
        return f"{self.operation}:{self.output}:{self.check}"

    def __str__(self) -> str:
        what = ", ".join(part for part in (self.dtype, self.reference) if part)
        line = f"{self.operation}: {self.output} {self.status} in {self.check} ({what})"
        if self.message:
            line += f": {self.message}"
        if self.reproduction:
            line += "\n" + "\n".join("    " + part for part in self.reproduction.splitlines())
        return line


@dataclass
class OperationReport:
    """What the judge found about one operation, and which features of its cases were judged."""

    name: str
    findings: list[Finding] = field(default_factory=list)
    cases: int = 0
    unsupported: int = 0
    seconds: float = 0.0
    cells: list[Cell] = field(default_factory=list)

    @property
    def status(self) -> str:
        """The first status of `ORDER` that a finding has."""
        return min((f.status for f in self.findings), key=ORDER.index, default="not provided")


@dataclass
class Report:
    """The verdict over a subject.

    Attributes
    ----------
    subject : str
    operations : list of OperationReport
    seed : int
    versions : mapping
        Of Python, NumPy, the references and the platform.
    references : list of str
    notes : list of str
        What a reader must know, such as a reference that is not installed.
    seconds : float
        How long the judging took.
    """

    subject: str
    seed: int
    references: list[str]
    versions: Mapping[str, str]
    operations: list[OperationReport] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def __getitem__(self, name: str) -> OperationReport:
        for operation in self.operations:
            if operation.name == name:
                return operation
        raise KeyError(name)

    def __str__(self) -> str:
        return self.text()

    def __iter__(self) -> Iterator[OperationReport]:
        return iter(self.operations)

    @property
    def findings(self) -> list[Finding]:
        """All findings."""
        return [finding for operation in self.operations for finding in operation.findings]

    @property
    def provided(self) -> list[OperationReport]:
        """The operations that the subject has."""
        return [each for each in self.operations if each.status != "not provided"]

    @property
    def counts(self) -> str:
        """How many operations passed, in words."""
        passed = sum(each.status == "passed" for each in self.operations)
        absent = len(self.operations) - len(self.provided)
        more = f" ({absent} more {'is' if absent == 1 else 'are'} not provided)" if absent else ""
        return f"{passed} of {len(self.provided)} operations passed{more}"

    @property
    def failures(self) -> list[Finding]:
        """The findings that make the report not ok."""
        return [finding for finding in self.findings if finding.status in NOT_OK]

    @property
    def ok(self) -> bool:
        """Whether nothing failed, is untrusted or passed unexpectedly, and something passed."""
        return not self.failures and any(f.status == "passed" for f in self.findings)

    def assert_ok(self) -> None:
        """Raise AssertionError with the whole message unless the report is ok."""
        if not self.ok:
            raise AssertionError(self.text())

    def text(self) -> str:
        """Return the failures in words, or one line if there is none."""
        if self.ok:
            names = ", ".join(operation.name for operation in self.operations)
            return f"{self.subject}: ok ({names})"
        lines = [f"{self.subject}: not ok"]
        lines += [str(failure) for failure in grouped(self.failures, self.findings)]
        if not self.failures:
            lines.append("nothing passed: no operation is provided and supported")
        return "\n\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain types, for JSON; docs/report.md describes them."""
        plain: dict[str, Any] = _late("record").to_dict(self)
        return plain

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Report:
        """Return the report that `to_dict` made plain.

        Raises
        ------
        ValueError
            If it is no report, or one of another schema.
        """
        report: Report = _late("record").from_dict(plain)
        return report

    def to_html(self, path: str | os.PathLike[str]) -> None:
        """Write the report as one page that needs no network."""
        _late("faces").write(self, "html", path)


def _late(module: str) -> Any:
    """Return a module that imports this one, or faults, which whoever judges must not need."""
    return importlib.import_module(f"reference_tests.{module}")


@dataclass
class Failure:
    """All findings against one output of one operation, as one thing to read.

    Attributes
    ----------
    findings : list of Finding
        The one that explains most comes first.
    every : list of Finding
        About all outputs of the operation, the right ones included.
    """

    findings: list[Finding]
    every: list[Finding] = field(default_factory=list)

    @property
    def headline(self) -> str:
        """Which operation, which output, against whom, in which checks and dtypes."""
        first = self.findings[0]
        against = _listed(f.reference for f in self.findings)
        checks, dtypes = (_listed(getattr(f, n) for f in self.findings) for n in ("check", "dtype"))
        differs = {"failed": "differs" if against else "is wrong", "error": "is an error"}
        noun = first.status in ("unexpected pass", "expected failure")
        what = differs.get(first.status, f"is {'an ' * noun}{first.status}")
        whom = f" from {against}" if against and what == "differs" else ""
        where = f" in {dtypes}" if dtypes else ""
        return f"{first.operation}: {first.output} {what}{whom} ({checks}{where})"

    def __str__(self) -> str:
        lines: list[str] = list(written(self.headline, self.findings, self.every))
        return "\n".join(lines)


def _listed(names: Iterable[str]) -> str:
    """Return different names as words."""
    words = [name for name in dict.fromkeys(names) if name]
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def grouped(findings: Iterable[Finding], among: Iterable[Finding] = ()) -> list[Failure]:
    """Return findings by operation and output, the exact tier first: its numbers are small.

    `among` are all findings, from which each failure takes those of its operation.
    """
    every: dict[str, list[Finding]] = {}
    for finding in among:
        every.setdefault(finding.operation, []).append(finding)
    groups: dict[tuple[str, str], list[Finding]] = {}
    for finding in findings:
        groups.setdefault((finding.operation, finding.output), []).append(finding)

    def explains(finding: Finding) -> tuple[bool, bool, int, int]:
        best = ("exact", "value").index(finding.check) if finding.check in ("exact", "value") else 2
        known = bool(finding.diagnosis and finding.reproduction)
        return not known, not finding.reproduction, ORDER.index(finding.status), best

    return [
        Failure(sorted(group, key=explains), every.get(operation, group))
        for (operation, _), group in groups.items()
    ]


def versions(references: Mapping[str, str]) -> dict[str, str]:
    """Return the versions of everybody who took part."""
    import numpy

    return {
        "python": platform.python_version(),
        "numpy": numpy.__version__,
        **references,
        "platform": f"{platform.system()} {platform.machine()}",
    }


def rows(report: Report) -> Iterator[tuple[str, str, dict[str, Finding | None], int, float, str]]:
    """Yield (operation, output, findings by reference, cases, error in bounds, status)."""
    columns = ["exact", *report.references]
    for operation in report:
        outputs = dict.fromkeys(f.output for f in operation.findings if f.output)
        if not outputs:
            yield operation.name, "", {}, 0, 0.0, operation.status
        for output in outputs:
            mine = [f for f in operation.findings if f.output == output]
            cells = {}
            for column in columns:
                found = [f for f in mine if f.reference == column]
                cells[column] = min(found, key=lambda f: ORDER.index(f.status), default=None)
            values = [f for f in mine if f.check in ("value", "exact") and f.reference == "exact"]
            judged = [f for f in mine if f.check == "value"] or mine
            cases = max(f.cases for f in judged)
            units = max((f.units for f in values), default=0.0)
            status = min((f.status for f in mine), key=ORDER.index)
            yield operation.name, output, cells, cases, units, status
