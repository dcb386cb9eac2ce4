"""A process in which a subject runs: its start, its end, and one question after the other."""

from __future__ import annotations

import atexit
import contextlib
import os
import re
import select
import signal
import subprocess
import sys
import time
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

from reference_tests import worker
from reference_tests.implementation import UnknownName
from reference_tests.watching import TAIL, Died, Gone, Hung

TIMEOUT = 10.0
# For the start of an interpreter and the import of the subject and its frameworks.
START = 60.0


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
            try:
                answer, arrays = self._exchange({"load": self.place, "path": path}, [], START)
            except Gone as error:
                raise UnknownName(f"{self.place!r} cannot be imported: {error}") from error
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
            self._end()
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
        header = {**header, "released": self.released}
        header["arguments"], self.released = worker.packed(arguments, arrays), []
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
        # There is one answer at a time, so nothing beyond its end is read.
        ahead = bytearray()

        def read(size: int) -> bytes:
            while len(ahead) < size:
                self._wait(stream, end)
                with contextlib.suppress(BlockingIOError):
                    part = os.read(stream, max(size - len(ahead), 1 << 16))
                    if not part:
                        raise EOFError
                    ahead.extend(part)
            data = bytes(ahead[:size])
            del ahead[:size]
            return data

        return read

    def _wait(self, stream: int, end: float) -> None:
        """Wait until there is something to read, and meanwhile take what is printed."""
        assert self.process is not None
        assert self.process.stderr is not None
        streams = [stream, self.process.stderr.fileno()]
        while True:
            left = end - time.monotonic()
            ready = select.select(streams, [], [], max(left, 0.0))[0]
            if stream in ready:
                return
            # Whoever prints without end leaves something to read at all times.
            if not ready or left < 0:
                raise Hung
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
        assert self.process.stderr is not None
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGUSR1)
        dump, end = b"", time.monotonic() + 2.0
        while time.monotonic() < end and b"worker.py" not in dump:
            time.sleep(0.01)
            with contextlib.suppress(BlockingIOError):
                # The subject may go on to print without end.
                dump = (dump + os.read(self.process.stderr.fileno(), 1 << 16))[-(1 << 18) :]
        return _where(dump.decode(errors="replace"))

    def _end(self) -> str:
        """Return how the process ended, in words."""
        assert self.process is not None
        try:
            code = self.process.wait(2.0)
        except subprocess.TimeoutExpired:
            return "closed the pipe to the judge"
        finally:
            self._drain()
        if code < 0:
            with contextlib.suppress(ValueError):
                where = _where(self.tail())
                # What Python says of its own end is no print of the subject.
                self.printed = self.printed.partition(b"Fatal Python error")[0]
                return f"ended its process: {signal.Signals(-code).name}{where}"
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
        if worker.of_subject(path):
            return f" ({Path(path).name}:{line} in {name})"
    return ""
