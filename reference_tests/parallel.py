"""Work on several operations at once, each in one of a few processes."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from reference_tests.implementation import load
from reference_tests.judge import Interrupted, closed, opened, verify
from reference_tests.report import Finding, OperationReport, Report


def default_jobs() -> int:
    """Return how many processes are of use: two at most, one for each core."""
    return min(2, os.cpu_count() or 1)


def each(
    work: Callable[..., Any], place: str, names: Sequence[str], options: Sequence[Any], jobs: int
) -> Iterator[tuple[str, Any]]:
    """Yield each name with ``work(subject, name, *options)``, as they are ready.

    Parameters
    ----------
    work : callable
        A function of a module, so that a process can import it.
    place : str
        Of the subject, as `load` takes it.
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
        subject = load(place)
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
    work: Callable[..., Any], place: str, names: Sequence[str], options: Sequence[Any], jobs: int
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
    place: str,
    jobs: int,
    operations: Sequence[str] | None,
    references: Sequence[str] | None,
    examples: int,
    seed: int,
    dtypes: Sequence[str],
    max_seconds: float | None = None,
    on_operation: Callable[[OperationReport], None] | None = None,
) -> Report:
    """Return the report of `verify` about the subject at a place, judged by several processes."""
    start = time.monotonic()
    report, chosen = opened(load(place), operations, references, examples, seed, dtypes)
    names = [operation.name for operation in chosen]
    # One clock for all processes, where each has its own.
    end = None if max_seconds is None else time.time() + max_seconds
    options = (report.references, examples, seed, dtypes, end)
    done: dict[str, OperationReport] = {}
    try:
        for name, judged in each(_judge, place, names, options, jobs):
            done[name] = judged or _ended(name)
            if on_operation is not None:
                on_operation(done[name])
    except KeyboardInterrupt:
        report.notes.append("interrupted")
        report.operations = [done[name] for name in names if name in done]
        raise Interrupted(closed(report, start, max_seconds)) from None
    report.operations = [done[name] for name in names]
    return closed(report, start, max_seconds)


def _judge(
    subject: Any,
    name: str,
    references: Sequence[str],
    examples: int,
    seed: int,
    dtypes: Sequence[str],
    end: float | None,
) -> OperationReport:
    left = None if end is None else max(end - time.time(), 0.0)
    return verify(subject, [name], references, examples, seed, dtypes, max_seconds=left)[name]


def _ended(name: str) -> OperationReport:
    """Return the report of an operation that ended the process in which it was judged."""
    finding = Finding(name, "output", "call", "", "", "error", "ended its process")
    return OperationReport(name, [finding])


_SUBJECT: list[Any] = []


def _begin(place: str) -> None:
    """Prepare a process: it ends with its parent, and prints nothing into the report."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.stdout = sys.stderr
    _SUBJECT.append(load(place))


def _work(work: Callable[..., Any], name: str, options: Sequence[Any]) -> Any:
    return work(_SUBJECT[0], name, *options)
