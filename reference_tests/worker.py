"""The subject's side of a pipe: one file that a foreign interpreter runs.

It needs the standard library of Python 3.8 and NumPy 1.22, and reads `implementation.py` and
`adapters` beside it. A frame is ``MAGIC``, the length of a JSON header and of what follows it,
the header, which has the dtypes and shapes of arrays, and their bytes one after the other.
"""

from __future__ import annotations

import faulthandler
import importlib
import importlib.util
import inspect
import json
import math
import os
import platform
import re
import signal
import struct
import sys
import threading
import time
import traceback
import types
import warnings
from collections import OrderedDict, deque
from pathlib import Path
from typing import (  # noqa: UP035
    IO,
    Any,
    # Under Python 3.8 those of collections.abc take no parameters.
    Callable,
    Iterator,
    NamedTuple,
)

import numpy as np

MAGIC, SIZES = b"ref2", struct.Struct("!IQ")
FOLDER = Path(__file__).resolve().parent
FRAMEWORKS = ("torch", "jax", "tensorflow", "scipy", "onnx")
# Pullbacks that the judge has not released, of which the oldest are dropped.
KEPT_PULLBACKS = 64
# Calls whose outputs are watched, whether a later call overwrites them.
WATCHED_CALLS = 2
LARGEST = 2**29


class Foreign:
    """A value that cannot be sent: the name of its type, and its numbers if it has any."""

    def __init__(self, type_name: str, array: Any = None) -> None:
        self.type_name, self.array = type_name, array

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        if self.array is None:
            raise TypeError(f"{self.type_name} is no array")
        return np.asarray(self.array, dtype)


def write_frame(stream: IO[bytes], header: Any, arrays: list[Any]) -> None:
    """Write a header of plain types and arrays."""
    kinds = [[array.dtype.str, array.shape] for array in arrays]
    text = json.dumps([header, kinds]).encode()
    content = [array.tobytes() for array in arrays]
    start = MAGIC + SIZES.pack(len(text), sum(map(len, content)))
    stream.write(b"".join([start, text, *content]))
    stream.flush()


def read_frame(read: Callable[[int], bytes]) -> tuple[Any, list[Any]]:
    """Return a header and its arrays, or raise EOFError or ValueError for what is no frame.

    `read` returns exactly as many bytes as it is asked for, or raises EOFError.
    """
    magic = read(len(MAGIC))
    if magic != MAGIC:
        raise ValueError(f"{magic!r} begins no frame")
    size, rest = SIZES.unpack(read(SIZES.size))
    header, kinds = json.loads(read(size))
    content, arrays, begin = read(rest), [], 0
    for name, shape in kinds:
        dtype = np.dtype(name)
        end = begin + dtype.itemsize * math.prod(shape)
        # A copy, in memory that one may write to and that is aligned.
        arrays.append(np.ndarray(shape, dtype, bytearray(content[begin:end])))
        begin = end
    return header, arrays


def packed(value: Any, arrays: list[Any], keep: Callable[[Any], int] | None = None) -> Any:
    """Return a value as plain types, its arrays added to a list in the order of `leaves`.

    `keep` takes a callable and returns the number under which it can be called.
    """
    if value is None or type(value) in (bool, int, float, str):
        return ["v", value]
    if type(value) is np.ndarray:
        return _packed_array(value, arrays)
    if isinstance(value, np.generic) and not isinstance(value, (np.void, np.object_)):
        arrays.append(np.asarray(value))
        return ["g", len(arrays) - 1]
    if isinstance(value, (tuple, list)):
        kind = "t" if isinstance(value, tuple) else "l"
        return [kind, [packed(each, arrays, keep) for each in value]]
    if isinstance(value, dict):
        pairs = [[packed(k, arrays), packed(v, arrays, keep)] for k, v in value.items()]
        return ["d", pairs]
    if isinstance(value, np.random.Generator):
        return ["r", packed(value.bit_generator.state, [])]
    if keep is not None and callable(value):
        return ["p", keep(value)]
    return _packed_foreign(value, arrays)


def _packed_array(value: Any, arrays: list[Any]) -> Any:
    if value.dtype.hasobject:
        items = value.ravel().tolist() if value.dtype.kind == "O" else []
        return ["q", [packed(item, arrays) for item in items], list(value.shape)]
    if value.nbytes > LARGEST:
        raise MemoryError(f"an array of {value.nbytes:,} bytes is not sent")
    # NumPy's format keeps neither negative strides nor the order of axes.
    order = sorted(range(value.ndim), key=lambda axis: -abs(value.strides[axis]))
    flipped = [axis for axis in range(value.ndim) if value.strides[axis] < 0]
    plain = order == list(range(value.ndim)) and not flipped
    stored = value if plain else np.transpose(_flip(value, flipped), order)
    arrays.append(np.ascontiguousarray(stored).reshape(stored.shape))
    layout = None if plain else [order, flipped]
    return ["a", len(arrays) - 1, layout, bool(value.flags.writeable)]


def _flip(value: Any, axes: list[int]) -> Any:
    return np.flip(value, tuple(axes)) if axes else value


def _packed_foreign(value: Any, arrays: list[Any]) -> Any:
    name = type(value).__name__
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            array = np.array(value)
        usable = array.dtype.kind in "fiubc"
    except Exception:
        usable = False
    return ["o", name, _packed_array(array, arrays) if usable else None]


def unpacked(node: Any, arrays: list[Any], call: Callable[[int], Any] | None = None) -> Any:
    """Return the value that was packed; `call` takes the number of a callable."""
    kind, content = node[0], node[1]
    if kind == "v":
        return content
    if kind == "a":
        array = arrays[content] = _laid_out(arrays[content], node[2])
        array.flags.writeable = node[3]
        return array
    if kind == "g":
        return arrays[content][()]
    if kind == "q":
        objects = np.empty(len(content), object)
        for place, each in enumerate(content):
            objects[place] = unpacked(each, arrays)
        return objects.reshape(node[2])
    if kind in "tl":
        values = [unpacked(each, arrays, call) for each in content]
        return tuple(values) if kind == "t" else values
    if kind == "d":
        return {unpacked(k, arrays): unpacked(v, arrays, call) for k, v in content}
    if kind == "r":
        state = unpacked(content, [])
        generator = getattr(np.random, state["bit_generator"])()
        generator.state = state
        return np.random.Generator(generator)
    if kind == "p":
        assert call is not None
        return call(content)
    return Foreign(content, None if node[2] is None else unpacked(node[2], arrays))


def _laid_out(array: Any, layout: Any) -> Any:
    if layout is None:
        return array
    order, flipped = layout
    return _flip(np.transpose(array, np.argsort(order)), flipped)


def leaves(value: Any) -> Iterator[Any]:
    """Yield the arrays of numbers in a value, in the same order on both sides of the pipe."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (tuple, list)):
        for each in value:
            yield from leaves(each)
    elif type(value) is np.ndarray and not value.dtype.hasobject:
        yield value


def shared(results: Any, arguments: list[Any]) -> list[tuple[int, int]]:
    """Return which arrays of a result lie in the memory of which arguments."""
    return [
        (place, other)
        for place, result in enumerate(leaves(results))
        for other, argument in enumerate(arguments)
        if np.may_share_memory(result, argument)
    ]


def text_of(error: BaseException) -> str:
    """Return what an exception says, nothing if it fails to."""
    try:
        return str(error)
    except Exception:
        return ""


def place_of(error: BaseException) -> str:
    """Return the line of the subject that raised, such as ``my_cnn.py:12 in conv2d``."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if of_subject(frame.filename):
            return f"{Path(frame.filename).name}:{frame.lineno} in {frame.name}"
    return ""


def trace_of(error: BaseException) -> str:
    """Return the traceback from where the subject's own code begins."""
    trace = error.__traceback__
    while trace is not None and not of_subject(trace.tb_frame.f_code.co_filename):
        trace = trace.tb_next
    if trace is None and not isinstance(error, SyntaxError):
        trace = error.__traceback__
    return "".join(traceback.format_exception(type(error), error, trace, -12))


def of_subject(path: str) -> bool:
    """Return whether a file is the subject's: not the judge's, NumPy's or the library's."""
    if path.startswith((str(FOLDER) + os.sep, "<")) or "/site-packages/numpy/" in path:
        return False
    return not re.search(r"/lib/python3\.\d+/(?!(site|dist)-packages/)", path)


class Snapshot:
    """Arrays as they were, to tell which of them somebody has changed since."""

    def __init__(self, arrays: list[Any]) -> None:
        self.arrays, self.before = arrays, [_bits(array) for array in arrays]

    def changed(self) -> list[int]:
        """Return the places of the arrays that changed since this was asked the last time."""
        now = [_bits(array) for array in self.arrays]
        places = [place for place, bits in enumerate(now) if bits != self.before[place]]
        self.before = now
        return places


def _bits(array: Any) -> tuple[Any, ...]:
    return array.shape, array.dtype.str, array.tobytes()


class Kept(NamedTuple):
    """A pullback that the judge may call, with the arguments of the call that made it."""

    function: Callable[..., Any]
    arguments: Snapshot


class Server:
    """What answers the judge, one request after the other."""

    def __init__(self, requests: IO[bytes], answers: IO[bytes]) -> None:
        self.requests, self.answers = requests, answers
        self.operations: dict[str, Callable[..., Any]] = {}
        self.pullbacks: OrderedDict[int, Kept] = OrderedDict()
        self.outputs: deque[Snapshot] = deque(maxlen=WATCHED_CALLS)
        self.number = 0
        self.warned: list[str] = []

    def read(self, size: int) -> bytes:
        """Return so many bytes of the requests."""
        data = self.requests.read(size)
        if len(data) < size:
            raise EOFError
        return data

    def serve(self) -> None:
        """Answer until the judge closes the pipe."""
        hello = {"python": platform.python_version(), "numpy": np.__version__}
        write_frame(self.answers, hello, [])
        while True:
            try:
                request, arrays = read_frame(self.read)
            except EOFError:
                return
            sent: list[Any] = []
            answer = self.answer(request, arrays, sent)
            answer["imported"] = [name for name in FRAMEWORKS if name in sys.modules]
            answer["warned"], self.warned = self.warned, []
            _flush()
            write_frame(self.answers, answer, sent)

    def answer(self, request: Any, arrays: list[Any], sent: list[Any]) -> dict[str, Any]:
        """Return the answer to a request; its arrays are added to `sent`."""
        for number in request.get("released", ()):
            self.pullbacks.pop(number, None)
        try:
            if "load" in request:
                return self.load(request["load"], request["path"], sent)
            arguments = unpacked(request["arguments"], arrays)
            if "pull" in request:
                return self.pull(request["pull"], arguments, sent)
            return self.call(request["call"], arguments, sent)
        except BaseException as error:  # also sys.exit and KeyboardInterrupt
            return _told(error)

    def load(self, place: str, path: list[str], sent: list[Any]) -> dict[str, Any]:
        """Load the subject and describe it."""
        sys.path.extend(entry for entry in path if entry not in sys.path)
        implementation = importlib.import_module("reference_tests.implementation")
        try:
            subject = implementation.load(place)
        except implementation.UnknownName as error:
            return {"unknown": str(error)}
        self.operations = dict(subject.operations)
        return {
            "name": subject.name,
            "source": subject.source,
            "strict": subject.strict,
            "limits": packed({k: dict(v) for k, v in subject.limits.items()}, sent),
            "operations": {name: _parameters(f) for name, f in self.operations.items()},
        }

    def call(self, name: str, arguments: Any, sent: list[Any]) -> dict[str, Any]:
        """Call an operation."""
        given = Snapshot(list(leaves(arguments)))
        answer = self.tried(self.operations[name], arguments, given, sent)
        overwritten = [outputs.changed() for outputs in self.outputs]
        answer["overwrote"] = any(overwritten)
        answer["changed"] = given.changed()
        return answer

    def pull(self, number: int, arguments: Any, sent: list[Any]) -> dict[str, Any]:
        """Call a pullback; what it changes of the first call's arguments is told as well."""
        if number not in self.pullbacks:
            raise LookupError(f"this pullback is dropped: the judge keeps {KEPT_PULLBACKS} at most")
        kept = self.pullbacks[number]
        given = Snapshot([*kept.arguments.arrays, *leaves(arguments)])
        answer = self.tried(kept.function, arguments, given, sent)
        answer["changed"] = given.changed()
        return answer

    def tried(
        self, function: Callable[..., Any], arguments: Any, given: Snapshot, sent: list[Any]
    ) -> dict[str, Any]:
        """Return what a function of the subject returns or raises."""
        positional, keywords = arguments

        def keep(pullback: Callable[..., Any]) -> int:
            self.number += 1
            self.pullbacks[self.number] = Kept(pullback, given)
            if len(self.pullbacks) > KEPT_PULLBACKS:
                self.pullbacks.popitem(last=False)
            return self.number

        try:
            with np.errstate():
                result = function(*positional, **keywords)
            answer = {"result": packed(result, sent, keep), "aliases": shared(result, given.arrays)}
        except BaseException as error:
            sent.clear()
            return _told(error)
        self.outputs.append(Snapshot(list(leaves(result))))
        return answer

    def warn(self, message: Any, category: Any, filename: str, lineno: int, *rest: Any) -> None:
        """Keep a warning for the answer, in place of `warnings.showwarning`."""
        self.warned.append(f"{category.__name__}: {message} ({Path(filename).name}:{lineno})")


def _told(error: BaseException) -> dict[str, Any]:
    """Return an exception as plain types."""
    kind = "NotImplementedError" if isinstance(error, NotImplementedError) else type(error).__name__
    return {"error": [kind, text_of(error), place_of(error), trace_of(error)]}


def _parameters(function: Callable[..., Any]) -> Any:
    """Return the names, kinds and presence of defaults in a signature, or None without one."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return None
    return [[p.name, int(p.kind), p.default is not p.empty] for p in parameters]


def _flush() -> None:
    """Let everything that was printed arrive before the answer."""
    for name in ("stdout", "stderr"):
        try:
            getattr(sys, name).flush()
        except (AttributeError, OSError, ValueError):
            # The subject closed or replaced it: the next call finds a new one.
            setattr(sys, name, os.fdopen(os.dup(_CAPTURED), "w", 1))


_CAPTURED = 2


class _Stub(types.ModuleType):
    """The package `reference_tests` in an interpreter that may not have what it needs."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if importlib.util.find_spec(f"reference_tests.{name}") is not None:
            return importlib.import_module(f"reference_tests.{name}")
        for module in ("reference_tests.implementation", "reference_tests.adapters"):
            found = vars(importlib.import_module(module))
            if name in found:
                return found[name]
        # Whoever wants more gets the package itself, if this interpreter has what it needs.
        source = (FOLDER / "__init__.py").read_text(encoding="utf-8")
        exec(compile(source, str(FOLDER / "__init__.py"), "exec"), vars(self))
        if name not in vars(self):
            raise AttributeError(f"module 'reference_tests' has no attribute {name!r}")
        return vars(self)[name]


def _install() -> None:
    spec = importlib.util.spec_from_file_location(
        "reference_tests", FOLDER / "__init__.py", submodule_search_locations=[str(FOLDER)]
    )
    assert spec is not None
    stub = _Stub("reference_tests")
    stub.__spec__, stub.__file__ = spec, str(FOLDER / "__init__.py")
    stub.__path__ = [str(FOLDER)]
    sys.modules["reference_tests"] = stub


def _end_with(parent: int) -> None:
    """End this process when its parent is gone, even while the subject hangs."""
    while os.getppid() == parent:
        time.sleep(1.0)
    os._exit(1)


def main() -> None:
    """Serve the judge at the other ends of the standard input and output."""
    global _CAPTURED
    # No module of the judge hides one of the subject's.
    sys.path[:] = [entry for entry in sys.path if Path(entry or ".").resolve() != FOLDER]
    # The subject may print to and close 0, 1 and 2; the judge reads what it prints.
    requests, answers, _CAPTURED = os.dup(0), os.dup(1), os.dup(2)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    faulthandler.enable(_CAPTURED, all_threads=False)
    if hasattr(faulthandler, "register"):
        # The judge asks in which line a call hangs before it ends this process.
        faulthandler.register(signal.SIGUSR1, _CAPTURED, all_threads=False)
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    _install()
    server = Server(os.fdopen(requests, "rb"), os.fdopen(answers, "wb"))
    warnings.showwarning = server.warn  # type: ignore[assignment]
    server.serve()
    # Threads of the subject must not keep the process.
    os._exit(0)


if __name__ == "__main__":
    main()
