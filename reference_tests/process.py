"""The judge's side of a pipe: a subject in a process of its own, with a limit of time."""

from __future__ import annotations

import contextlib
import inspect
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from reference_tests import worker
from reference_tests.host import TIMEOUT, Worker
from reference_tests.implementation import Implementation, load
from reference_tests.watching import Died, Gone, Raised, Told


def available() -> bool:
    """Return whether this platform has what a process of its own needs."""
    return os.name == "posix"


class Remote:
    """An operation of a subject in another process.

    `told` is what the last call, or the last pullback of it, did besides returning a result.
    """

    def __init__(self, process: Worker, name: str, parameters: Any) -> None:
        self.process, self.name, self.told = process, name, Told()
        if parameters is not None:
            self.__signature__ = _signature(parameters)

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        """Return the output, or the output and a pullback."""
        given = list(worker.leaves((arguments, keywords)))
        return self.asked({"call": self.name}, (arguments, keywords), given)

    def asked(self, header: dict[str, Any], arguments: Any, given: list[Any]) -> Any:
        """Return what the subject returns, or raise what it raises."""
        self.told = Told()
        try:
            answer, arrays = self.process.request(header, arguments)
        except Gone:
            self.told = Told(self.process.tail())
            raise
        life = self.process.life
        result = None
        if "result" in answer:
            result = worker.unpacked(
                answer["result"], arrays, lambda number: Pullback(self, number, life, given)
            )
        found = list(worker.leaves(result))
        self.told = Told(
            self.process.tail(),
            tuple(answer["warned"]),
            tuple((found[place], given[other]) for place, other in answer.get("aliases", ())),
            tuple(given[place] for place in answer.get("changed", ())),
            answer.get("overwrote", False),
        )
        if "error" in answer:
            raise _exception(*answer["error"])
        return result


class Pullback:
    """A pullback that stays in the process of the subject, until nobody needs it here."""

    def __init__(self, operation: Remote, number: int, life: int, given: list[Any]) -> None:
        self.operation, self.number, self.life, self.given = operation, number, life, given

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        """Return the gradients."""
        if self.operation.process.life != self.life or self.operation.process.process is None:
            raise Died("belongs to a process that has ended")
        given = [*self.given, *worker.leaves((arguments, keywords))]
        return self.operation.asked({"pull": self.number}, (arguments, keywords), given)

    def __del__(self) -> None:
        if self.operation.process.life == self.life:
            self.operation.process.released.append(self.number)


def _signature(parameters: list[Any]) -> inspect.Signature:
    made = [
        inspect.Parameter(
            name,
            inspect._ParameterKind(kind),
            default=None if optional else inspect.Parameter.empty,
        )
        for name, kind, optional in parameters
    ]
    return inspect.Signature(made)


def _exception(kind: str, text: str, place: str, trace: str) -> Exception:
    if kind == "NotImplementedError":
        return NotImplementedError(text)
    # Named as the subject's own, whose class may exist only there.
    named: Exception = type(kind, (Raised,), {})(text, place)
    return named


def implementation(process: Worker) -> Implementation:
    """Return the subject of a process, as an implementation that calls it there."""
    said = process.describe()
    operations = {
        name: Remote(process, name, parameters) for name, parameters in said["operations"].items()
    }
    return Implementation(said["name"], operations, said["limits"], said["source"], said["strict"])


@dataclass(frozen=True)
class Place:
    """Where a subject is, and how it runs.

    Parameters
    ----------
    name : str
        ``module:name`` or ``path/to/file.py:name``.
    isolated : bool
        Whether it runs in a process of its own.
    python : str, optional
        The interpreter of that process; by default this one.
    timeout : float
        Seconds for one call, after which that process is ended.
    """

    name: str
    isolated: bool = True
    python: str | None = None
    timeout: float = TIMEOUT


@contextlib.contextmanager
def opened_at(
    place: str | Place, meanwhile: Callable[[], object] = lambda: None
) -> Iterator[Implementation]:
    """Give the subject at a place, and end its process afterwards if it has one.

    `meanwhile` is called while that process starts.
    """
    if isinstance(place, str):
        place = Place(place, isolated=False)
    if not place.isolated:
        yield load(place.name)
        return
    process = Worker(place.name, place.python, place.timeout)
    try:
        process.begin()
        meanwhile()
        yield implementation(process)
    finally:
        process.close()


def opened(
    place: str, python: str | None = None, timeout: float = TIMEOUT
) -> contextlib.AbstractContextManager[Implementation]:
    """Give a subject that runs in a process of its own, and end the process afterwards.

    Parameters
    ----------
    place : str
        ``module:name`` or ``path/to/file.py:name``.
    python : str, optional
        The interpreter that runs it; by default this one.
    timeout : float
        Seconds for one call, after which it raises `Hung`.

    Returns
    -------
    context manager of Implementation

    Raises
    ------
    ValueError
        On entering, if there is no such subject or interpreter.
    """
    return opened_at(Place(place, True, python, timeout))


def process_of(subject: Implementation) -> Worker | None:
    """Return the process in which a subject runs, if it has one."""
    for operation in subject.operations.values():
        if isinstance(operation, Remote):
            return operation.process
    return None
