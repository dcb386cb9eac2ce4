"""The judge: checks what it is asked, judges operation by operation, and reports."""

from __future__ import annotations

import difflib
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from reference_tests.checks import DTYPES
from reference_tests.draw import seeded
from reference_tests.implementation import Implementation, UnknownName
from reference_tests.operation import Operation
from reference_tests.operations import CATALOGUE
from reference_tests.references import available, checked, load
from reference_tests.references.exact import define
from reference_tests.report import Finding, OperationReport, Report, versions
from reference_tests.trial import Diagnose, Trial


class Interrupted(KeyboardInterrupt):
    """Ctrl-C, with the report of what was judged until then."""

    def __init__(self, report: Report) -> None:
        super().__init__("interrupted")
        self.report = report


def verify(
    subject: Implementation,
    operations: Sequence[str | Operation] | None = None,
    references: Sequence[str] | None = None,
    examples: int = 100,
    seed: int = 0,
    dtypes: Sequence[str] = DTYPES,
    expected_failures: Mapping[str, str] | None = None,
    max_seconds: float | None = None,
    on_operation: Callable[[OperationReport], None] | None = None,
    diagnose: bool = True,
    reproduce: bool = True,
) -> Report:
    """Judge an implementation.

    Parameters
    ----------
    subject : Implementation
    operations : sequence of names or Operations, optional
        By default the whole catalogue.
    references : sequence of str, optional
        What the results are compared with, beside the exact oracle, which always judges; by
        default all that are installed.
    examples : int
        Cases per operation that the subject supports, besides the pinned ones. Each is evaluated
        once for every output, check, dtype and reference.
    seed : int
        The cases depend on it alone.
    dtypes : sequence of {"float32", "float64"}
    expected_failures : mapping of ids to reasons, optional
        An id is ``operation:output:check``. One that passes or matches nothing fails the run.
    max_seconds : float, optional
        When no further case is drawn.
    on_operation : callable, optional
        Called with each `OperationReport` as it is ready.
    diagnose : bool
        Whether to say what is wrong with what fails.
    reproduce : bool
        Whether to seek the smallest failing cases and write them as calls.

    Returns
    -------
    Report

    Raises
    ------
    TypeError
        If `subject` is no Implementation.
    ValueError
        If an operation, a reference or a dtype does not exist or is not installed, before any work.
    Interrupted
        On Ctrl-C, a KeyboardInterrupt with the `report` of what was judged until then.

    Examples
    --------
    >>> import numpy as np
    >>> from reference_tests import Implementation, verify
    >>> def relu(x):
    ...     return np.maximum(x, 0), lambda grad_output: grad_output * (x > 0)
    >>> report = verify(Implementation("mine", {"relu": relu}), ["relu"], examples=20)
    >>> report["relu"].status, [finding.check for finding in report.failures][:1]
    ('failed', ['value'])

    The derivative at NaN is missing there: ``x > 0`` is false for NaN, so NaN is lost.
    """
    start = time.monotonic()
    report, chosen = opened(subject, operations, references, examples, seed, dtypes)
    loaded = load(report.references)
    end = None if max_seconds is None else start + max_seconds
    for operation in chosen:
        diagnosing = _diagnosing(diagnose)
        trial = Trial(subject, operation, loaded, dtypes, seed, end, diagnosing, reproduce)
        try:
            done = trial.run(examples)
        except KeyboardInterrupt:
            report.notes.append(f"interrupted while judging {operation.name}")
            raise Interrupted(report) from None
        report.operations.append(done)
        if on_operation is not None:
            on_operation(done)
    return closed(report, start, max_seconds, expected_failures)


def opened(
    subject: Implementation,
    operations: Sequence[str | Operation] | None,
    references: Sequence[str] | None,
    examples: int,
    seed: int,
    dtypes: Sequence[str],
) -> tuple[Report, list[Operation]]:
    """Return a report that is still empty and the operations to judge, or raise for bad input."""
    if not isinstance(subject, Implementation):
        raise TypeError(
            f"verify: subject is a {type(subject).__name__}, "
            "expected a reference_tests.Implementation"
        )
    for parameter, names in (("operations", operations), ("references", references)):
        if isinstance(names, str):
            raise TypeError(f"verify: {parameter} is {names!r}, expected a sequence of names")
    chosen: list[Operation] = []
    for name in CATALOGUE if operations is None else operations:
        operation = known_operation(name)
        if operation not in chosen:
            chosen.append(operation)
    _check_limits(subject, chosen)
    for dtype in dtypes:
        if dtype not in DTYPES:
            raise UnknownName(f"verify: dtypes has {dtype!r}, expected float32 or float64")
    if not isinstance(examples, int) or examples < 0:
        raise ValueError(f"verify: examples is {examples!r}, expected an integer of at least 0")
    judges = checked(available() if references is None else references)
    known = set(CATALOGUE) | {operation.name for operation in chosen}
    strangers = sorted(set(subject.operations) - known)
    report = Report(subject.name, seed, list(judges), versions(judges))
    for name in strangers:
        near = difflib.get_close_matches(name, known, 1)
        hint = f" (the nearest is {near[0]})" if near else ""
        report.notes.append(f"{name} is not in the catalogue, so not judged{hint}")
    return report, chosen


def closed(
    report: Report,
    start: float,
    max_seconds: float | None,
    expected_failures: Mapping[str, str] | None = None,
) -> Report:
    """Return the report with what can be said only at the end; `start` is a monotonic time."""
    for done in report:
        _expect(done, expected_failures or {})
    _unmatched(report, expected_failures or {})
    report.seconds = time.monotonic() - start
    if max_seconds is not None and report.seconds > max_seconds:
        report.notes.append(f"stopped drawing cases after {max_seconds:g} s")
    return report


def judge_case(
    subject: Implementation,
    name: str,
    index: int,
    references: Sequence[str] | None = None,
    seed: int = 0,
    dtypes: Sequence[str] = DTYPES,
) -> Report:
    """Judge one case again, by its operation, index and seed, as a finding's `replay` names it."""
    operation = known_operation(name)
    loaded = load(available() if references is None else references)
    report = Report(
        subject.name,
        seed,
        [reference.name for reference in loaded],
        versions({reference.name: reference.version for reference in loaded}),
    )
    trial = Trial(subject, operation, loaded, dtypes, seed, None, _diagnosing(True))
    report.operations.append(trial.replay(index))
    return report


def explainer() -> Diagnose:
    """Import what diagnoses failures; the dictionary of mistakes is not needed to judge."""
    from reference_tests.diagnosis import diagnose

    return diagnose


def _diagnosing(wanted: bool) -> Diagnose | None:
    """Return what diagnoses failures, if that is wanted."""
    return (lambda *case: explainer()(*case)) if wanted else None


def known_operation(name: str | Operation) -> Operation:
    """Return an operation of the catalogue by its name, or raise with the nearest ones."""
    if isinstance(name, Operation):
        return name
    if name not in CATALOGUE:
        near = difflib.get_close_matches(name, CATALOGUE, 3, 0.4) or sorted(CATALOGUE)
        raise UnknownName(f"there is no operation {name!r}; the nearest are {', '.join(near)}")
    return CATALOGUE[name]


def _check_limits(subject: Implementation, operations: Sequence[Operation]) -> None:
    """Raise UnknownName for limits of what does not exist."""
    known = {**CATALOGUE, **{operation.name: operation for operation in operations}}
    for name, limits in subject.limits.items():
        if name not in known:
            near = difflib.get_close_matches(name, known, 3, 0.4) or sorted(known)
            raise UnknownName(
                f"the limits name the operation {name!r}; the nearest are {', '.join(near)}"
            )
        # A convolution has the size of its kernel in its weight, but it may be limited too.
        parameters = [*known[name].defaults, *known[name].optional, "kernel_size"]
        for parameter in limits:
            if parameter not in parameters:
                near = difflib.get_close_matches(parameter, parameters, 3, 0.4) or parameters
                raise UnknownName(
                    f"the limits of {name} name {parameter!r}; the nearest are {', '.join(near)}"
                )
        if limits:
            _drawable(known[name], limits)


def _drawable(operation: Operation, limits: Mapping[str, Any]) -> None:
    """Raise UnknownName for limits with which no case can be drawn."""
    for name in operation.optional:
        if limits.get(name) is not None:
            raise UnknownName(
                f"the limits of {operation.name} have {limits[name]!r} for the array {name}; "
                "only None, which leaves it out, is possible"
            )
    for trial in range(10):
        try:
            case = operation.strategy(seeded(f"limits/{trial}", limits))
            if operation.law is None:
                define(operation, case.fill("float64"), case.hyper)
        except Exception as error:
            raise UnknownName(
                f"the limits of {operation.name}, {dict(limits)}, allow no case: {error}"
            ) from error


def _expect(done: OperationReport, expected: Mapping[str, str]) -> None:
    """Turn failures that are expected into such, and passes that are not into failures."""
    by_id: dict[str, list[Finding]] = {}
    for finding in done.findings:
        by_id.setdefault(finding.id, []).append(finding)
    for name, reason in expected.items():
        found = by_id.get(name, [])
        failing = [finding for finding in found if finding.status in ("failed", "error")]
        for finding in failing:
            finding.status = "expected failure"
            finding.message = f"{reason} ({finding.message})"
        if found and not failing:
            found[0].status = "unexpected pass"
            found[0].message = f"was expected to fail: {reason}"


def _unmatched(report: Report, expected: Mapping[str, str]) -> None:
    """Add a finding for each expected failure whose id matches nothing."""
    known = {finding.id for finding in report.findings}
    for name in expected:
        if name in known:
            continue
        operation, output, check = [*name.split(":"), "", ""][:3]
        message = f"the expected failure {name!r} matches no finding"
        finding = Finding(operation, output, check, "", "", "unexpected pass", message)
        home = next((o for o in report if o.name == operation), None)
        if home is None:
            home = OperationReport(operation)
            report.operations.append(home)
        home.findings.append(finding)


__all__ = ["judge_case", "verify"]
