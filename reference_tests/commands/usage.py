"""What several commands need: bad usage, subjects by their place, files written whole."""

from __future__ import annotations

import argparse
import difflib
import os
import tomllib
from pathlib import Path

from reference_tests.host import TIMEOUT
from reference_tests.implementation import UnknownName, load
from reference_tests.process import Place, available
from reference_tests.worker import trace_of

# The name of a command, and the module here that has it.
COMMANDS = {
    "run": "run",
    "list": "list",
    "init": "init",
    "explain": "explain",
    "show": "show",
    "self-test": "self_test",
}


OWN = "reference_tests.implementations.scratchcnn:subject"


class UsageError(Exception):
    """What the user can mend in the call."""


def expected_failures(path: str | None) -> dict[str, str]:
    """Return the reasons of expected failures by their ids, or raise UsageError."""
    if path is None:
        return {}
    try:
        found = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"--expected-failures {path}: {error}") from error
    for id, reason in found.items():
        if id.count(":") != 2 or not isinstance(reason, str) or not reason:
            raise UsageError(
                f"--expected-failures {path}: {id!r} = {reason!r}, "
                'expected "operation:output:check" = "reason"'
            )
    return found


def placed(options: argparse.Namespace) -> Place:
    """Return where the subject is and how it runs, or raise UsageError."""
    name = options.subject[0] if options.subject else OWN
    if name.endswith(".py"):
        name = f"{name}:subject"
    if ":" not in name:
        near = difflib.get_close_matches(name, COMMANDS, 1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise UsageError(f"{name!r} names no subject, expected module:name or path.py:name{hint}")
    # What belongs to the judge itself can be trusted, and calls it there much faster.
    ours = name.startswith("reference_tests.") and options.python is None
    isolated = not ours and not options.no_isolation and available()
    timeout = TIMEOUT if options.timeout is None else options.timeout
    if not timeout > 0:
        raise UsageError(f"--timeout is {timeout:g}, expected more than 0")
    for option, value in (("--python", options.python), ("--timeout", options.timeout)):
        if value is not None and not isolated and not ours:
            raise UsageError(f"{option} needs a process for the subject: not with --no-isolation")
    if options.python is not None:
        _check_python(options.python)
    place = Place(name, isolated, options.python, timeout)
    if not isolated:
        _importable(name)
    return place


def _check_python(path: str) -> None:
    if not Path(path).is_file():
        raise UsageError(f"--python {path}: there is no such file")
    if not os.access(path, os.X_OK):
        raise UsageError(f"--python {path} cannot be run")


def _importable(name: str) -> None:
    try:
        load(name)
    except UnknownName:
        raise
    except (Exception, SystemExit) as error:
        text = f"{name!r} cannot be imported: {type(error).__name__}: {error}"
        raise UsageError(f"{text}\n{trace_of(error)}") from error
