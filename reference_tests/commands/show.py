"""``reference-tests show REPORT.json``: a report again, in any of its faces."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from rich.console import Console

from reference_tests import terminal
from reference_tests.commands import files
from reference_tests.commands.usage import UsageError
from reference_tests.report import Report

HELP = "show a report that was written with --json, here or in another file"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("report", metavar="REPORT", help="a JSON report, '-' for the input")
    files.configure(parser)


def run(options: argparse.Namespace, out: Console) -> int:
    """Show the report, and return the exit code that it had."""
    files.check(options)
    report = _read(options.report)
    if files.printed(options) is None:
        terminal.report(report, out)
    files.written(options, report)
    return 0 if report.ok else 1


def _read(path: str) -> Report:
    try:
        text = sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path!r} cannot be read: {error}") from error
    try:
        return Report.from_dict(json.loads(text))
    except ValueError as error:
        raise UsageError(f"{path!r} is no report: {error}") from error
