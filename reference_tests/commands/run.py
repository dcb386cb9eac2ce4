"""``reference-tests [run] SUBJECT``: judge, and report."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import sys
from collections.abc import Mapping

from rich.console import Console
from rich.status import Status

from reference_tests import accuracy, terminal
from reference_tests.commands import files
from reference_tests.commands.usage import UsageError, expected_failures, placed
from reference_tests.files import write
from reference_tests.host import TIMEOUT
from reference_tests.judge import Interrupted, judge_case, known_operation
from reference_tests.operations import CATALOGUE
from reference_tests.parallel import default_jobs, each, verify_at
from reference_tests.process import Place, opened_at
from reference_tests.references import checked
from reference_tests.report import OperationReport, Report

EXAMPLES, QUICK, OF_ACCURACY = 100, 4, 1000
HELP = "judge a subject: outputs and gradients against references and an exact oracle"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument(
        "subject",
        nargs="*",
        metavar="SUBJECT",
        help="module:name or path/to/file.py:name of an Implementation (default: scratchcnn)",
    )
    parser.add_argument(
        "--operation", action="append", metavar="NAME", help="judge this one only (repeatable)"
    )
    parser.add_argument(
        "--reference",
        action="append",
        metavar="NAME",
        help="compare with this one beside the exact oracle: torch, scipy, jax or exact "
        "(repeatable; default: all that are installed)",
    )
    parser.add_argument(
        "--dtype", action="append", choices=("float32", "float64"), help="(repeatable)"
    )
    parser.add_argument(
        "--examples", type=int, metavar="N", help=f"cases per operation (default: {EXAMPLES})"
    )
    parser.add_argument(
        "--seed", type=int, default=0, metavar="N", help="of the cases (default: 0)"
    )
    parser.add_argument("--quick", action="store_true", help=f"{QUICK} cases per operation")
    parser.add_argument(
        "--accuracy",
        action="store_true",
        help="print how far the float32 results are from the truth, beside PyTorch's "
        f"({OF_ACCURACY} cases per operation)",
    )
    parser.add_argument(
        "--jobs",
        type=int,
        default=default_jobs(),
        metavar="N",
        help="processes that judge, each one operation at a time (default: %(default)s)",
    )
    parser.add_argument(
        "--python",
        metavar="PATH",
        help="run the subject in this interpreter, which needs NumPy and what the subject needs",
    )
    parser.add_argument(
        "--timeout",
        type=float,
        metavar="S",
        help=f"end a call of the subject that takes longer (default: {TIMEOUT:g})",
    )
    parser.add_argument(
        "--no-isolation",
        action="store_true",
        help="run the subject in the processes of the judge, instead of one of its own",
    )
    parser.add_argument(
        "--max-seconds", type=float, metavar="S", help="draw no further cases after this time"
    )
    parser.add_argument(
        "--replay", metavar="CASE", help="judge one case again, as a finding names it: conv2d@0.17"
    )
    parser.add_argument(
        "--expected-failures",
        metavar="PATH",
        help='a TOML file of lines "operation:output:check" = "reason": what may fail, and must',
    )
    files.configure(parser)


def run(options: argparse.Namespace, out: Console) -> int:
    """Judge as the options say, print and write the report, and return the exit code."""
    # What a subject prints must not get into a file.
    home = os.getcwd()
    aside = contextlib.redirect_stdout(sys.stderr) if files.printed(options) else None
    try:
        with aside or contextlib.nullcontext():
            _check(options)
            expected = expected_failures(options.expected_failures)
            place = placed(options)
            if options.accuracy:
                return _accuracy(options, place, out)
            report = _judge(options, place, expected, out)
    except Interrupted as interrupted:
        os.chdir(home)
        _finish(interrupted.report, options, out)
        return 130
    # A subject in this process may have left the folder in which the user wants the report.
    os.chdir(home)
    _finish(report, options, out)
    return 0 if report.ok else 1


def _check(options: argparse.Namespace) -> None:
    """Raise unless the options make sense, before any work."""
    if len(options.subject) > 1:
        raise UsageError(f"{' '.join(options.subject)!r} names more than one subject")
    if options.examples is not None and options.examples < 0:
        raise UsageError(f"--examples is {options.examples}, expected at least 0")
    if options.jobs < 1:
        raise UsageError(f"--jobs is {options.jobs}, expected at least 1")
    files.check(options)
    if options.replay and options.operation:
        raise UsageError("--replay names its operation itself: it goes without --operation")
    if options.expected_failures and (options.replay or options.accuracy):
        raise UsageError("--expected-failures goes with neither --replay nor --accuracy")
    if options.max_seconds is not None and not options.max_seconds >= 0:
        raise UsageError(f"--max-seconds is {options.max_seconds:g}, expected at least 0")
    if options.accuracy:
        others = set(options.dtype or ()) - {"float32"} | set(options.reference or ()) - {"torch"}
        others |= set(files.wanted(options)) - {"json"}
        if others or options.replay or options.max_seconds is not None:
            raise UsageError(
                "--accuracy compares float32 with PyTorch: it goes with --operation, --examples, "
                "--quick, --seed, --jobs and --json"
            )
        checked(["torch"])


def _judge(
    options: argparse.Namespace, place: Place, expected: Mapping[str, str], out: Console
) -> Report:
    examples = options.examples
    if examples is None:
        examples = QUICK if options.quick else EXAMPLES
    dtypes = options.dtype or ("float32", "float64")
    if options.replay:
        name, index, seed = _replay(options.replay)
        with opened_at(place) as subject:
            return judge_case(subject, name, index, options.reference, seed, dtypes)
    with _status(options, out) as status:

        def told(done: OperationReport) -> None:
            status.update(f"{done.name}: {done.status} ({done.seconds:.1f} s) …")

        return verify_at(
            place,
            options.jobs,
            options.operation,
            options.reference,
            examples,
            options.seed,
            dtypes,
            options.max_seconds,
            told,
            expected,
        )


def _accuracy(options: argparse.Namespace, place: Place, out: Console) -> int:
    """Print the table of accuracy, and return the exit code."""
    names = options.operation or list(CATALOGUE)
    for name in names:
        known_operation(name)
    examples = options.examples
    if examples is None:
        examples = QUICK if options.quick else OF_ACCURACY
    found: dict[str, accuracy.Comparison] = {}
    with _status(options, out) as status:
        work = (accuracy.accuracy, place, names, (examples, options.seed), options.jobs)
        for name, comparison in each(*work):
            ended = accuracy.Comparison(1, [], [f"{name}: ended its process"])
            found[name] = comparison or ended
            status.update(f"{name} …")
    compared = [found[name] for name in names if found[name].cases]
    rows = [row for comparison in compared for row in comparison.rows]
    errors = [error for comparison in compared for error in comparison.errors]
    ok = bool(compared) and all(comparison.ok for comparison in compared)
    if options.json == "-":
        print(json.dumps(accuracy.lines(rows), indent=1), file=sys.__stdout__)
        return 0 if ok else 1
    out.print(terminal.accuracy(rows))
    for error in errors:
        out.print(error, style="red", markup=False, highlight=False)
    beyond = [f"{row.operation} {row.output}" for row in rows if not row.ok]
    verdict = "[bold green]ok[/]" if ok else "[bold red]not ok[/]"
    more = f": {', '.join(beyond)}" if beyond else ""
    fewest = min((comparison.cases for comparison in compared), default=0)
    most = max((comparison.cases for comparison in compared), default=0)
    cases = f"{most}" if fewest == most else f"{fewest} to {most}"
    out.print(f"{verdict}{more} ({len(rows)} outputs, {cases} cases each)", highlight=False)
    if options.json is not None:
        write(options.json, json.dumps(accuracy.lines(rows), indent=1) + "\n")
    return 0 if ok else 1


def _status(options: argparse.Namespace, out: Console) -> Status:
    quiet = Console(stderr=True) if files.printed(options) else out
    return quiet.status("judging …")


def _replay(case: str) -> tuple[str, int, int]:
    name, at, numbers = case.partition("@")
    seed, dot, index = numbers.partition(".")
    if not (at and dot and re.fullmatch(r"-?[0-9]+", seed) and re.fullmatch("[0-9]+", index)):
        raise UsageError(f"--replay is {case!r}, expected OPERATION@SEED.INDEX, as conv2d@0.17")
    return name, int(index), int(seed)


def _finish(report: Report, options: argparse.Namespace, out: Console) -> None:
    """Print the report, and write it where the user wants it."""
    if files.printed(options) is None:
        terminal.report(report, out)
    files.written(options, report)
