"""What a call of a subject does besides returning a result, and what it raises, in words."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from reference_tests import worker

# How much of what is printed is kept: the end.
TAIL = 2000
# A subject that calls sys.exit must not end the judge, which would look like success.
FAULTS_OF_SUBJECTS = (Exception, SystemExit)


class Told(NamedTuple):
    """What a call did besides returning a result.

    Attributes
    ----------
    printed : str
        The end of what it printed.
    warned : tuple of str
    aliases : tuple of (array of the result, array among the arguments)
        Pairs that lie in the same memory.
    changed : tuple of arrays among the arguments
        Those that another process changed; here they are changed themselves.
    overwrote : bool
        Whether another process changed the output of a call before it.
    """

    printed: str = ""
    warned: tuple[str, ...] = ()
    aliases: tuple[tuple[Any, Any], ...] = ()
    changed: tuple[Any, ...] = ()
    overwrote: bool = False


class Gone(Exception):
    """The process of a subject ended; the next call starts it anew."""

    check = "process"


class Hung(Gone):
    """A call took longer than its limit, so that its process was ended."""

    check = "time"


class Died(Gone):
    """The subject ended its process, or the process of a pullback has ended."""


class Raised(Exception):
    """An exception of a subject in another process: its class is named as there."""

    def __init__(self, text: str, place: str) -> None:
        super().__init__(text)
        self.place = place


def fault(error: BaseException, what: str = "") -> tuple[str, str]:
    """Return the check that an exception of a subject fails, and a message; `what` raised it."""
    if isinstance(error, Gone):
        return error.check, f"{what}{error}"
    place = error.place if isinstance(error, Raised) else worker.place_of(error)
    where = f" ({place})" if place else ""
    text = worker.text_of(error)
    said = f": {text}" if text else ""
    return "call", printable(f"{what}raised {type(error).__name__}{said}{where}")


def printable(text: str) -> str:
    """Return text of a subject that every file and terminal can hold."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


class _Tee:
    """A stream that passes on what is written, and keeps the end of it."""

    def __init__(self, stream: Any) -> None:
        self.stream, self.tail = stream, ""

    def write(self, text: str) -> int:
        self.tail = (self.tail + text)[-TAIL:]
        self.stream.write(text)
        return len(text)

    def close(self) -> None:
        """Stay open: the stream is not the subject's."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


class Watched:
    """A callable of a subject in this process; `told` is what its last call did besides."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function, self.told = function, Told()

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        """Return the output, or the output and a pullback that is watched as well."""
        given = list(worker.leaves((arguments, keywords)))
        result = self._run(self.function, arguments, keywords, given)
        if not (isinstance(result, tuple) and len(result) == 2 and callable(result[1])):
            return result
        output, pullback = result

        def watched_pullback(*grads: Any, **others: Any) -> Any:
            return self._run(pullback, grads, others, [*given, *worker.leaves((grads, others))])

        return output, watched_pullback

    def _run(
        self, function: Callable[..., Any], arguments: Any, keywords: Any, given: list[Any]
    ) -> Any:
        before = sys.stdout
        tee = _Tee(before)
        sys.stdout = tee
        pairs: list[tuple[int, int]] = []
        found: list[Any] = []
        try:
            result = function(*arguments, **keywords)
            pairs, found = worker.shared(result, given), list(worker.leaves(result))
        finally:
            sys.stdout = before
            aliases = tuple((found[place], given[other]) for place, other in pairs)
            self.told = Told(tee.tail, aliases=aliases)
        return result


def watched(function: Callable[..., Any]) -> Any:
    """Return a callable with `told`: the same, if it is one already."""
    return function if isinstance(getattr(function, "told", None), Told) else Watched(function)


def no_array(value: Any) -> str:
    """Return what a value is if it is no array of numbers and no number, such as ``a list``."""
    if isinstance(value, worker.Foreign):
        name = value.type_name
    elif type(value) is np.ndarray and value.dtype.kind not in "fiubc":
        name = f"ndarray of {'objects' if value.dtype.hasobject else value.dtype}"
    elif type(value) in (np.ndarray, float, int, bool, complex) or isinstance(value, np.generic):
        return ""
    elif value is None:
        return "None"
    else:
        name = type(value).__name__
    vowel = name[:1].lower() in set("aeiou") or name.startswith("ndarray")
    return f"{'an' if vowel else 'a'} {name}"
