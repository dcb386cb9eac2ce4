"""The judge's side of a pipe: a subject in a process of its own, with a limit of time."""

from __future__ import annotations

import atexit
import contextlib
import inspect
import os
import re
import select
import signal
import subprocess
import sys
import time
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reference_tests import worker
from reference_tests.implementation import Implementation, UnknownName, load
from reference_tests.watching import TAIL, Died, Gone, Hung, Raised, Told

TIMEOUT = 10.0
# For the start of an interpreter and the import of the subject and its frameworks.
START = 120.0


def available() -> bool:
    """Return whether this platform has what a process of its own needs."""
    return os.name == "posix"


class Worker:
    """A process that runs `worker.py`, started when it is needed, and again when it has ended.

    Parameters
    ----------
    place : str
        Of the subject, as `load` takes it.
    python : str, optional
        The interpreter; by default this one.
    timeout : float
        Seconds for one call.
    """

    def __init__(self, place: str, python: str | None = None, timeout: float = TIMEOUT) -> None:
        self.place, self.python, self.timeout = place, python, timeout
        self.process: subprocess.Popen[bytes] | None = None
        self.life = 0
        self.described: dict[str, Any] | None = None
        self.released: list[int] = []
        self.printed = b""
        self.imported: set[str] = set()
        self.versions: dict[str, str] = {}
        _OPEN.add(self)

    def begin(self) -> None:
        """Start the process without waiting for it."""
        command = [self.python or sys.executable, worker.__file__]
        try:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                # Ctrl-C is for the judge, which then ends this process.
                start_new_session=True,
            )
        except OSError as error:
            raise UnknownName(f"--python {command[0]} cannot be run: {error.strerror}") from error
        self.life += 1
        self.released, self.described = [], None
        for stream in (self.process.stdout, self.process.stderr):
            assert stream is not None
            os.set_blocking(stream.fileno(), False)

    def describe(self) -> dict[str, Any]:
        """Return the name, limits, source and operations of the subject, started if need be."""
        if self.process is None:
            self.begin()
        if self.described is None:
            self.printed = b""
            self._greet()
            # An interpreter of its own has packages of its own.
            path = sys.path if self.python is None else []
            answer, arrays = self._exchange({"load": self.place, "path": path}, [], START)
            if "unknown" in answer or "error" in answer:
                self.close()
                kind, text, _, trace = answer.get("error", ("", "", "", ""))
                raise UnknownName(
                    answer.get("unknown")
                    or f"{self.place!r} cannot be imported: {kind}: {text}\n{trace}"
                )
            answer["limits"] = worker.unpacked(answer["limits"], arrays)
            self.described = answer
        return self.described

    def _greet(self) -> None:
        """Read the first frame, or raise UnknownName for what is no Python with NumPy."""
        name = f"--python {self.python}"
        try:
            self.versions, _ = worker.read_frame(self._reader(time.monotonic() + START))
        except (Gone, ValueError, EOFError) as error:
            printed = self.tail()
            self.close()
            if "No module named 'numpy'" in printed:
                raise UnknownName(f"{name} has no NumPy") from error
            if "SyntaxError" in printed or "annotations is not defined" in printed:
                raise UnknownName(f"{name} is too old, expected Python 3.8 or later") from error
            raise UnknownName(f"{name} is no Python that starts\n{printed}".rstrip()) from error
        if tuple(map(int, self.versions["numpy"].split(".")[:2])) < (1, 22):
            self.close()
            raise UnknownName(f"{name} has NumPy {self.versions['numpy']}, expected at least 1.22")

    def request(self, header: dict[str, Any], arguments: Any) -> tuple[dict[str, Any], list[Any]]:
        """Return the answer to a call and its arrays, or raise `Gone` if its process ends."""
        self.describe()
        self.printed = b""
        arrays: list[Any] = []
        header = {**header, "released": self.released, "arguments": worker.packed(arguments, arrays)}
        self.released = []
        return self._exchange(header, arrays, self.timeout)

    def _exchange(
        self, header: dict[str, Any], arrays: list[Any], seconds: float
    ) -> tuple[dict[str, Any], list[Any]]:
        assert self.process is not None
        assert self.process.stdin is not None
        try:
            try:
                worker.write_frame(self.process.stdin, header, arrays)
                answer, found = worker.read_frame(self._reader(time.monotonic() + seconds))
            except (EOFError, BrokenPipeError, ValueError) as error:
                raise Died(self._end()) from error
            except Hung:
                raise Hung(f"did not return within {seconds:g} s{self._hanging()}") from None
        except BaseException:
            # After Ctrl-C in the middle of a frame, what follows would make no sense.
            self.close()
            raise
        self._drain()
        self.imported.update(answer["imported"])
        return answer, found

    def _reader(self, end: float) -> Callable[[int], bytes]:
        """Return a function that reads so many bytes of answers until a time, or raises."""
        assert self.process is not None
        assert self.process.stdout is not None
        stream = self.process.stdout.fileno()

        def read(size: int) -> bytes:
            data = b""
            while len(data) < size:
                self._wait(stream, end)
                with contextlib.suppress(BlockingIOError):
                    part = os.read(stream, min(size - len(data), 1 << 20))
                    if not part:
                        raise EOFError
                    data += part
            return data

        return read

    def _wait(self, stream: int, end: float) -> None:
        """Wait until there is something to read, and meanwhile take what is printed."""
        assert self.process is not None
        assert self.process.stderr is not None
        streams = [stream, self.process.stderr.fileno()]
        while True:
            ready = select.select(streams, [], [], max(end - time.monotonic(), 0.0))[0]
            if not ready:
                raise Hung
            if stream in ready:
                return
            if not self._drain():
                # Nobody has the other end of what is printed.
                streams = [stream]

    def _drain(self) -> bool:
        """Take what is printed; return whether there may be more later."""
        assert self.process is not None
        assert self.process.stderr is not None
        with contextlib.suppress(BlockingIOError):
            # A subject that prints without end must not keep the judge here.
            for _ in range(64):
                part = os.read(self.process.stderr.fileno(), 1 << 16)
                if not part:
                    return False
                self.printed = (self.printed + part)[-4 * TAIL :]
        return True

    def tail(self) -> str:
        """Return the end of what the subject printed in the last request."""
        return self.printed.decode(errors="replace")[-TAIL:]

    def _hanging(self) -> str:
        """Ask in which line the subject hangs, and return it in words."""
        assert self.process is not None
        self.printed = b""
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGUSR1)
        end = time.monotonic() + 0.5
        while time.monotonic() < end and b"worker.py" not in self.printed:
            time.sleep(0.01)
            self._drain()
        return _where(self.tail())

    def _end(self) -> str:
        """Return how the process ended, in words."""
        assert self.process is not None
        try:
            code = self.process.wait(0.5)
        except subprocess.TimeoutExpired:
            return "closed the pipe to the judge"
        self._drain()
        if code < 0:
            with contextlib.suppress(ValueError):
                return f"ended its process: {signal.Signals(-code).name}{_where(self.tail())}"
        return f"ended its process with exit code {code}"

    def close(self) -> None:
        """End the process; the next request starts it anew."""
        process, self.process, self.described = self.process, None, None
        if process is None:
            return
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout, process.stderr):
            assert stream is not None
            stream.close()


_OPEN: weakref.WeakSet[Worker] = weakref.WeakSet()


def close_all() -> None:
    """End every process that was started here."""
    for each in list(_OPEN):
        each.close()


atexit.register(close_all)


def _where(dump: str) -> str:
    """Return the innermost line of the subject in what `faulthandler` wrote."""
    frames = re.findall(r'File "([^"]*)", line (\d+) in (\S+)', dump)
    for path, line, name in frames:
        if not path.startswith((str(worker.FOLDER) + os.sep, "<")) and "/numpy/" not in path:
            return f" ({Path(path).name}:{line} in {name})"
    return ""


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
            raise Died("the process of this pullback has ended")
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
    return Implementation(said["name"], operations, said["limits"], said["source"])


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
def opened_at(place: str | Place) -> Iterator[Implementation]:
    """Give the subject at a place, and end its process afterwards if it has one."""
    if isinstance(place, str):
        place = Place(place, isolated=False)
    if not place.isolated:
        yield load(place.name)
        return
    process = Worker(place.name, place.python, place.timeout)
    try:
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
