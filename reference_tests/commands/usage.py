"""What several commands need: bad usage, subjects by their place, files written whole."""

from __future__ import annotations

import difflib
import os
import tempfile
import traceback
from pathlib import Path

from reference_tests.implementation import Implementation, UnknownName, load

# The name of a command, and the module here that has it.
COMMANDS = {"run": "run", "list": "list"}


class UsageError(Exception):
    """What the user can mend in the call."""


def located(place: str) -> Implementation:
    """Return the subject at a place, or raise UsageError."""
    if ":" not in place:
        near = difflib.get_close_matches(place, COMMANDS, 1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise UsageError(f"{place!r} names no subject, expected module:name or path.py:name{hint}")
    try:
        return load(place)
    except UnknownName:
        raise
    except (Exception, SystemExit) as error:
        trace = traceback.format_exc()
        raise UsageError(f"{place!r} cannot be imported: {error}\n{trace}") from error


def writable(option: str, path: str | None) -> None:
    """Raise UsageError unless a file can be written at a path; '-' is the standard output."""
    if path is None or path == "-":
        return
    place = Path(path).absolute()
    if not place.parent.is_dir():
        raise UsageError(f"{option} {path}: there is no such folder")
    if place.is_dir() or not os.access(place.parent, os.W_OK):
        raise UsageError(f"{option} {path} is no file that can be written")


def write(path: Path, text: str) -> None:
    """Write a whole file or none."""
    handle, name = tempfile.mkstemp(dir=path.absolute().parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise
