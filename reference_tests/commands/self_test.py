"""``reference-tests self-test``: the judge is judged, and prints how well it does."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from reference_tests import files
from reference_tests.commands.usage import OWN, UsageError
from reference_tests.operations import CATALOGUE
from reference_tests.parallel import default_jobs, each
from reference_tests.references import available

HELP = "judge the judge: what it rejects and names, and that it wrongs nobody"
PARTS = ("known", "unknown", "alarms", "time")
# So many cases of each operation, subject and seed make more than 50,000 in all.
OF_ALARMS, QUICK = 8, 2


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument(
        "--only", action="append", choices=PARTS, help="this part of the tables (repeatable)"
    )
    parser.add_argument(
        "--operation", action="append", metavar="NAME", help="of this one only (repeatable)"
    )
    parser.add_argument(
        "--quick", action="store_true", help="few cases, two seeds: minutes instead of an hour"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the cases")
    parser.add_argument(
        "--jobs", type=int, default=default_jobs(), metavar="N", help="processes (%(default)s)"
    )
    parser.add_argument("--json", metavar="PATH", help="write what was found there")


def run(options: argparse.Namespace, out: Console) -> int:
    """Print the tables; 0 if all that is promised holds."""
    if options.jobs < 1:
        raise UsageError(f"--jobs is {options.jobs}, expected at least 1")
    if options.json is not None:
        try:
            files.check(options.json)
        except (OSError, ValueError) as error:
            raise UsageError(f"--json {options.json}: {error}") from error
    found: dict[str, Any] = {}
    verdicts = []
    for part in dict.fromkeys(options.only or PARTS):
        rows, table, ok = _PARTS[part](options, out)
        found[part] = [asdict(row) for row in rows]
        verdicts.append(ok)
        out.print(table)
    if options.json is not None:
        files.write(options.json, json.dumps(found, indent=1) + "\n")
    passed = all(verdicts)
    out.print("[bold green]ok[/]" if passed else "[bold red]not ok[/]", highlight=False)
    return 0 if passed else 1


def _each(
    out: Console,
    work: Callable[..., Any],
    place: str,
    names: Sequence[str],
    *options: Any,
    jobs: int,
) -> dict[str, Any]:
    """Return the results by name, and show which are ready meanwhile."""
    found = {}
    with out.status("judging the judge …") as status:
        for name, result in each(work, place, names, options, jobs):
            found[name] = result
            status.update(f"{len(found)} of {len(names)}: {name} …")
    return found


def _chosen(options: argparse.Namespace, names: Sequence[str]) -> list[str]:
    chosen = [n for n in names if not options.operation or n in options.operation]
    if not chosen:
        raise UsageError(f"--operation: the parts chosen have none of {options.operation}")
    return chosen


def _known(options: argparse.Namespace, out: Console) -> tuple[Sequence[Any], Table, bool]:
    from reference_tests.selftest import known

    names = _chosen(options, known.operations())
    examples = QUICK if options.quick else known.EXAMPLES
    judged = _each(out, known.judged, OWN, names, examples, options.seed, jobs=options.jobs)
    found = [one for name in names for one in judged[name] or []]
    table = _table("Known mistakes: rejected for the very output, and named first")
    for title in ("family", "mistakes", "operations", "both", "rejected", "named first"):
        table.add_column(title, justify="left" if title == "family" else "right")
    table.add_column("ambiguous", justify="right")
    for line in known.lines(found):
        numbers = (line.faults, line.operations, line.pairs, line.rejected)
        cells = [str(number) for number in numbers]
        table.add_row(line.family, *cells, _share(line.first, line.pairs), str(line.ambiguous))
    for one in found:
        if not one.rejected or not one.first or one.ambiguous:
            what = "not rejected" if not one.rejected else f"named {', '.join(one.named) or 'none'}"
            out.print(f"{one.fault} in {one.operation}: {what}", highlight=False, markup=False)
    return found, table, known.ok(found)


def _unknown(options: argparse.Namespace, out: Console) -> tuple[Sequence[Any], Table, bool]:
    from reference_tests.selftest import unknown
    from reference_tests.selftest.mutants import MUTANTS

    names = [
        name
        for name, mutant in MUTANTS.items()
        if not options.operation or mutant.operation in options.operation
    ]
    if not names:
        raise UsageError(f"--operation: no unknown mistake is of {options.operation}")
    judged = _each(
        out, unknown.judged, OWN, names, unknown.EXAMPLES, options.seed, jobs=options.jobs
    )
    found = [judged[name] for name in names if judged[name]]
    table = _table("Mistakes in no dictionary: rejected, and described")
    for title in ("mistakes", "rejected", "pointed at", "taken for a known one"):
        table.add_column(title, justify="right")
    counts = (
        sum(one.rejected for one in found),
        sum(one.pointed for one in found),
        sum(bool(one.misnamed) for one in found),
    )
    table.add_row(str(len(names)), *map(str, counts))
    for one in found:
        if not one.ok:
            text = f"{one.mutant} ({one.operation}, {one.output}): {one.misnamed or ''}"
            out.print(f"{text}\n{one.explanation or 'nothing was said'}", markup=False)
    # Of a few mistakes all may be of one kind, and so described.
    vague = unknown.generic(found) if len(found) == len(MUTANTS) else []
    for name in vague:
        out.print(f"{name}: its expression fits too many others", highlight=False, markup=False)
    return found, table, len(found) == len(names) and unknown.ok(found) and not vague


def _alarms(options: argparse.Namespace, out: Console) -> tuple[Sequence[Any], Table, bool]:
    from reference_tests.selftest import alarms

    names = _chosen(options, list(CATALOGUE))
    seeds = alarms.SEEDS[:2] if options.quick else alarms.SEEDS
    examples = QUICK if options.quick else OF_ALARMS
    found = []
    for title, place in alarms.present().items():
        judged = _each(out, alarms.judged, place, names, examples, seeds, jobs=options.jobs)
        found.append(alarms.gathered(title, [judged[name] for name in names]))
    found.append(replace(alarms.gathered("all", found), operations=len(names)))
    table = _table(f"False alarms with right subjects, {len(seeds)} seeds, both dtypes")
    for heading in ("subject", "operations", "cases", "alarms", "described differences"):
        table.add_column(heading, justify="left" if heading == "subject" else "right")
    for one in found:
        counts = (one.cases, len(one.alarms), len(one.described))
        table.add_row(one.subject, str(one.operations), *(f"{count:,}" for count in counts))
        for alarm in one.alarms if one is not found[-1] else ():
            out.print(f"{one.subject}: {alarm}", markup=False, highlight=False)
    return found, table, not found[-1].alarms


def _time(options: argparse.Namespace, out: Console) -> tuple[Sequence[Any], Table, bool]:
    from reference_tests.selftest import timing

    judges = {"exact", *available()}
    found = [timing.timed(name, limit) for name, limit in timing.LIMITS.items() if name in judges]
    table = _table("From the command to the diagnosis of one wrong convolution")
    for heading in ("compared with", "seconds", "limit", "named"):
        table.add_column(heading, justify="left" if heading == "compared with" else "right")
    for one in found:
        named = "yes" if one.named else "no"
        table.add_row(one.references, f"{one.seconds:.1f}", f"{one.limit:.0f}", named)
    return found, table, all(one.ok for one in found)


def _table(title: str) -> Table:
    return Table(
        box=box.SIMPLE_HEAD, title=title, title_justify="left", header_style="bold", padding=(0, 1)
    )


def _share(part: int, whole: int) -> str:
    return f"{part} ({100 * part / max(whole, 1):.1f} %)"


_PARTS = {"known": _known, "unknown": _unknown, "alarms": _alarms, "time": _time}
