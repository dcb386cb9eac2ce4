"""The checks of the judge as items of a user's own test file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reference_tests.checks import DTYPES
from reference_tests.implementation import Implementation
from reference_tests.judge import opened, verify
from reference_tests.operation import Operation
from reference_tests.report import NOT_OK, OperationReport

if TYPE_CHECKING:
    import pytest

CHECKS = (
    "call",
    "shape",
    "dtype",
    "value",
    "exact",
    "purity",
    "layout",
    "repeatability",
    "invalid input",
    "trust",
)
# Of these only what goes wrong is noted; of all others something must have been checked. All
# that has no name above is "other": so every finding belongs to one item.
SILENT = ("layout", "trust", "other")


def applicable(operation: Operation) -> list[str]:
    """Return the checks that an operation has; the last stands for all without a name."""
    if operation.law is not None:
        return [*(check for check in CHECKS if check not in ("exact", "trust")), "law"]
    checks = [c for c in CHECKS if c != "exact" or operation.exact_scale is not None]
    return [*checks, "other"]


def settle(report: OperationReport, check: str) -> None:
    """Pass, fail, skip or expect to fail, as the findings of one check of an operation say."""
    import pytest

    if report.status in ("not provided", "unsupported", "no reference"):
        pytest.skip(f"{report.name} is {report.status}")
    rest = check in ("law", "other")
    mine = [f for f in report.findings if f.check == check or (rest and f.check not in CHECKS)]
    bad = [str(finding) for finding in mine if finding.status in NOT_OK]
    assert not bad, "\n\n".join(bad)
    expected = [finding for finding in mine if finding.status == "expected failure"]
    if expected:
        pytest.xfail(expected[0].message)
    if not mine and any(f.check == "call" and f.status != "passed" for f in report.findings):
        pytest.skip(f"{report.name} fails when it is called")
    assert mine or check in SILENT, f"{report.name}: nothing was checked"


@dataclass(frozen=True)
class ReferenceCheck:
    """One check of one operation; calling it passes, fails, skips or fails as expected."""

    operation: str
    check: str
    judged: Callable[[str], OperationReport]

    def __call__(self) -> None:
        """Judge the operation, once for all its checks, and settle this one."""
        settle(self.judged(self.operation), self.check)

    def __str__(self) -> str:
        return f"{self.operation}-{self.check.replace(' ', '-')}"


def parametrize_with_reference_checks(
    subject: Implementation,
    operations: Sequence[str | Operation] | None = None,
    references: Sequence[str] | None = None,
    examples: int = 20,
    seed: int = 0,
    expected_failures: Mapping[str, str] | None = None,
) -> pytest.MarkDecorator:
    """Return a decorator that gives a test function every check of a subject, one at a time.

    Parameters
    ----------
    subject : Implementation
    operations : sequence of names or Operations, optional
        By default those that the subject provides.
    references, examples, seed
        As in `verify`.
    expected_failures : mapping of ids to reasons, optional
        An id is ``operation:output:check``. It becomes an expected failure with its reason; one
        that passes, or matches nothing, fails.

    Returns
    -------
    pytest.MarkDecorator
        Of a function that takes ``reference_check`` and calls it.

    Raises
    ------
    TypeError, ValueError
        As in `verify`, when the test file is collected.

    Examples
    --------
    >>> import numpy as np
    >>> mine = Implementation("mine", {"relu": lambda x: np.maximum(x, 0)})
    >>> @parametrize_with_reference_checks(mine, references=[])
    ... def test_mine(reference_check):
    ...     reference_check()
    """
    import pytest

    _, chosen = opened(subject, operations, references, examples, seed, DTYPES)
    if operations is None:
        chosen = [operation for operation in chosen if operation.name in subject.operations]
    expected = dict(expected_failures or {})
    names = [operation.name for operation in chosen]
    for id in expected:
        if id.split(":")[0] not in names:
            raise ValueError(f"the expected failure {id!r} is of no operation among {names}")
    known: dict[str, OperationReport] = {}

    def judged(name: str) -> OperationReport:
        if name not in known:
            mine = {id: reason for id, reason in expected.items() if id.split(":")[0] == name}
            operation = next(operation for operation in chosen if operation.name == name)
            report = verify(
                subject, [operation], references, examples, seed, expected_failures=mine
            )
            known[name] = report[name]
        return known[name]

    checks = [
        ReferenceCheck(operation.name, check, judged)
        for operation in chosen
        for check in applicable(operation)
    ]
    return pytest.mark.parametrize("reference_check", checks, ids=str)
