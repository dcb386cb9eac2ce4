"""The tables of how well the judge does, made by a run of ``reference-tests self-test --json``.

``python docs/self_test.py PATH`` prints them from that file; ``--write`` puts them into README.md,
and the list of what is ambiguous or was not named first into docs/self-test.md.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from reference_tests.selftest.known import Known, Line, lines

START, END = "<!-- self-test by docs/self_test.py -->", "<!-- end of self-test -->"
LEFT = "What is ambiguous, or was not named first: [docs/self-test.md](docs/self-test.md)."
README, PAGE = Path("README.md"), Path("docs/self-test.md")


def share(part: int, whole: int) -> str:
    """Return how many of how many, with the share."""
    return f"{part:,} of {whole:,} ({100 * part / max(whole, 1):.1f} %)"


def known(rows: Sequence[dict[str, Any]]) -> list[Known]:
    """Return what was said of known mistakes."""
    return [Known(**{**row, "named": tuple(row["named"])}) for row in rows]


def of_known(found: Sequence[Known]) -> str:
    """Return a line for each family of known mistakes."""
    table = [
        "| known mistakes | how many | in operations | rejected | named first | ambiguous |",
        "|---|---|---|---|---|---|",
    ]
    return "\n".join([*table, *map(_line, lines(found))])


def _line(line: Line) -> str:
    rejected, first = share(line.rejected, line.pairs), share(line.first, line.pairs)
    cells = [line.family, str(line.faults), f"{line.pairs:,} in {line.operations}", rejected, first]
    return f"| {' | '.join([*cells, str(line.ambiguous)])} |"


def summary(found: dict[str, Any]) -> str:
    """Return the other tables as one."""
    unknown, alarms = found.get("unknown", []), found.get("alarms", [])
    table = ["| what else is measured | |", "|---|---|"]
    rejected = sum(one["rejected"] for one in unknown)
    pointed = sum(one["pointed"] for one in unknown)
    misnamed = sum(bool(one["misnamed"]) for one in unknown)
    table += [
        f"| mistakes in no dictionary: rejected | {share(rejected, len(unknown))} |",
        f"| … described by a relation or by when they show | {share(pointed, len(unknown))} |",
        f"| … taken for a known mistake | {misnamed} |",
    ]
    for one in alarms:
        but = f", beside {len(one['described'])} described differences" * bool(one["described"])
        table.append(
            f"| false alarms, {one['subject']}: {one['operations']} operations, "
            f"{one['cases']:,} cases, 20 seeds, both dtypes | {len(one['alarms'])}{but} |"
        )
    for one in found.get("time", []):
        whom = "PyTorch" if one["references"] == "torch" else "the exact oracle alone"
        table.append(
            f"| from the command to the diagnosis of one wrong convolution, against {whom} "
            f"| {one['seconds']:.1f} s |"
        )
    return "\n".join(table)


def page(found: Sequence[Known]) -> str:
    """Return what is ambiguous, and what was not named first."""
    text = ["# Known mistakes that are ambiguous, or not named first", ""]
    text += [
        "Made by `python docs/self_test.py`. Ambiguous are mistakes that compute the same in an",
        "operation, for every parameter that it has; all of them are named.",
        "",
        "| mistake | operation | rejected | named |",
        "|---|---|---|---|",
    ]
    for one in found:
        if not one.rejected or not one.first or one.ambiguous:
            named = ", ".join(f"`{name}`" for name in one.named) or "–"
            rejected = "yes" if one.rejected else "no"
            text.append(f"| `{one.fault}` | `{one.operation}` | {rejected} | {named} |")
    return "\n".join(text) + "\n"


def main() -> None:
    """Print or write the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path", type=Path)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    found = json.loads(options.path.read_text(encoding="utf-8"))
    judged = known(found["known"])
    text = f"{of_known(judged)}\n\n{summary(found)}\n\n{LEFT}"
    if not options.write:
        print(text)
        return
    before, rest = README.read_text(encoding="utf-8").split(START)
    README.write_text(f"{before}{START}\n{text}\n{END}{rest.split(END)[1]}", encoding="utf-8")
    PAGE.write_text(page(judged), encoding="utf-8")


if __name__ == "__main__":
    main()
