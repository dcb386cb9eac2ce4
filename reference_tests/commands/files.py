"""The options that name files: the faces of a report, checked before any work."""

from __future__ import annotations

import argparse
import os

from reference_tests import files
from reference_tests.commands.usage import UsageError
from reference_tests.faces import FACES, write
from reference_tests.report import Report


def configure(parser: argparse.ArgumentParser) -> None:
    """Add one option for each face."""
    group = parser.add_argument_group("files", "where the report is written; '-' is the output")
    for name, face in FACES.items():
        group.add_argument(f"--{name}", metavar="PATH", help=face.help)


def wanted(options: argparse.Namespace) -> dict[str, str]:
    """Return the path of each face that is wanted."""
    given = {name: getattr(options, name) for name in FACES}
    return {name: path for name, path in given.items() if path is not None}


def printed(options: argparse.Namespace) -> str | None:
    """Return the face that goes to the output, if one does; then nothing else may."""
    return next((name for name, path in wanted(options).items() if path == "-"), None)


def check(options: argparse.Namespace) -> None:
    """Raise UsageError unless every file can be written, and no two are the same."""
    taken: dict[str, str] = {}
    for name, path in wanted(options).items():
        try:
            if path != "-":
                files.check(path)
            place = path if path == "-" else os.path.realpath(path)
        except (OSError, ValueError) as error:
            raise UsageError(f"--{name} {path!r}: {error}") from error
        if place in taken:
            raise UsageError(f"--{taken[place]} and --{name} are both {path!r}, expected two files")
        taken[place] = name


def written(options: argparse.Namespace, report: Report) -> None:
    """Write every face that is wanted; what one cannot do does not keep the others."""
    broken: list[Exception] = []
    for name, path in wanted(options).items():
        try:
            if path == "-":
                print(FACES[name].render(report), end="")
            else:
                write(report, name, path)
        except Exception as error:
            broken.append(error)
    if broken:
        raise broken[0]
