"""Work on several operations at once, each in one of a few processes."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from itertools import chain
from types import FrameType
from typing import Any

from reference_tests.host import close_all
from reference_tests.implementation import Implementation
from reference_tests.judge import Interrupted, closed, explainer, opened, verify
from reference_tests.process import Place, opened_at, process_of
from reference_tests.report import Finding, OperationReport, Report


def default_jobs() -> int:
    """Return how many processes are of use: two at most, one for each core."""
    return min(2, os.cpu_count() or 1)


def each(
    work: Callable[..., Any],
    place: str | Place,
    names: Sequence[str],
    options: Sequence[Any],
    jobs: int,
) -> Iterator[tuple[str, Any]]:
    """Yield each name with ``work(subject, name, *options)``, as they are ready.

    Parameters
    ----------
    work : callable
        A function of a module, so that a process can import it.
    place : str or Place
        Of the subject.
    names : sequence of str
    options : sequence
    jobs : int
        How many processes; with 1 all is done in this one.

    Yields
    ------
    tuple of str and result
        The result is None where the work ended its process.
    """
    if min(jobs, len(names)) <= 1:
        with opened_at(place) as subject:
            yield from ((name, work(subject, name, *options)) for name in names)
        return
    left, alone = list(names), 0
    while left:
        batch, whole = left[:1] if alone else left[:], True
        for name, result in _batch(work, place, batch, options, jobs):
            whole = name != ""
            if whole:
                left.remove(name)
                yield name, result
        if alone and not whole:
            yield left.pop(0), None
        # Which of those that ran together ended its process shows when each runs alone.
        alone = max(alone - 1, 0) if whole or alone else jobs


def _batch(
    work: Callable[..., Any],
    place: str | Place,
    names: Sequence[str],
    options: Sequence[Any],
    jobs: int,
) -> Iterator[tuple[str, Any]]:
    """Yield results as they are ready, and an empty name if a process ended; then no more."""
    # A fork would copy PyTorch's threads in whatever state they are.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(jobs, len(names)), context, _begin, (place,)) as pool:
        running = {pool.submit(_work, work, name, options): name for name in names}
        try:
            for done in as_completed(running):
                yield running[done], done.result()
        except BrokenProcessPool:
            yield "", None
        except BaseException:
            # An executor waits for its processes, even if nobody waits for their results.
            for child in multiprocessing.active_children():
                child.terminate()
            raise


def verify_at(
    place: str | Place,
    jobs: int,
    operations: Sequence[str] | None,
    references: Sequence[str] | None,
    examples: int,
    seed: int,
    dtypes: Sequence[str],
    max_seconds: float | None = None,
    on_operation: Callable[[OperationReport], None] | None = None,
    expected_failures: Mapping[str, str] | None = None,
) -> Report:
    """Return the report of `verify` about the subject at a place, judged by several processes."""
    start = time.monotonic()
    done: dict[str, OperationReport] = {}
    imported: set[str] = set()
    # It takes as long to start as the diagnosis to be imported.
    with opened_at(place, meanwhile=explainer) as subject:
        report, chosen = opened(subject, operations, references, examples, seed, dtypes)
        add_versions(report, subject)
        names = [operation.name for operation in chosen]
        # One clock for all processes, where each has its own.
        end = None if max_seconds is None else time.time() + max_seconds
        options = (report.references, examples, seed, dtypes, end)
        provided = [name for name in names if name in subject.operations]
        judged: Iterator[tuple[str, Any]]
        if min(jobs, len(provided)) > 1:
            judged = each(_judge, place, provided, options, jobs)
        else:
            judged = ((name, _judge(subject, name, *options)) for name in provided)
        try:
            lacking = ((n, (OperationReport(n), ())) for n in names if n not in provided)
            for name, result in chain(lacking, judged):
                done[name], used = result or (_ended(name), ())
                imported.update(used)
                if on_operation is not None:
                    on_operation(done[name])
        except KeyboardInterrupt:
            left = ", ".join(name for name in provided if name not in done)
            report.notes.append(f"interrupted; not judged: {left or 'none'}")
            report.operations = [done[name] for name in names if name in done]
            raise Interrupted(closed(report, start, max_seconds, expected_failures)) from None
    add_imported(report, imported)
    report.operations = [done[name] for name in names]
    return closed(report, start, max_seconds, expected_failures)


def add_versions(report: Report, subject: Implementation) -> None:
    """Say in a report which Python and which NumPy run the subject, if not those of the judge."""
    process = process_of(subject)
    if process is not None:
        its = process.versions
        report.versions = {
            **report.versions,
            "subject": f"Python {its['python']}, NumPy {its['numpy']}",
        }


def add_imported(report: Report, imported: Iterable[str]) -> None:
    """Say in a report which frameworks the subject has imported: it may be one of them."""
    if imported:
        names = ", ".join(sorted(imported))
        report.notes.append(f"the subject has imported {names}: its results may be theirs")


def _judge(
    subject: Implementation,
    name: str,
    references: Sequence[str],
    examples: int,
    seed: int,
    dtypes: Sequence[str],
    end: float | None,
) -> tuple[OperationReport, tuple[str, ...]]:
    """Return the report, and which frameworks the subject's process has imported."""
    left = None if end is None else max(end - time.time(), 0.0)
    done = verify(subject, [name], references, examples, seed, dtypes, max_seconds=left)[name]
    process = process_of(subject)
    return done, () if process is None else tuple(process.imported)


def _ended(name: str) -> OperationReport:
    """Return the report of an operation that ended the process in which it was judged."""
    finding = Finding(name, "output", "process", "", "", "error", "ended its process")
    return OperationReport(name, [finding])


_SUBJECT: list[Any] = []


def _begin(place: str | Place) -> None:
    """Prepare a process: it ends with its parent, and prints nothing into the report."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _terminated)
    sys.stdout = sys.stderr
    _SUBJECT.append(opened_at(place).__enter__())


def _terminated(number: int, frame: FrameType | None) -> None:
    """End this process, and before it that of the subject."""
    close_all()
    os._exit(128 + number)


def _work(work: Callable[..., Any], name: str, options: Sequence[Any]) -> Any:
    return work(_SUBJECT[0], name, *options)
