"""The tables of what is proved, made by a run of the judge.

``python docs/proved.py`` prints them, ``--write`` puts one line for each family into README.md
and one for each operation into docs/proved.md, and ``--check`` judges fewer cases anew and raises
unless both tell the same: the same operations, outputs, judges and verdicts. Errors are those of
the machine that wrote them.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable
from pathlib import Path

from reference_tests import Report
from reference_tests.commands.usage import OWN
from reference_tests.operations import FAMILY
from reference_tests.parallel import default_jobs, verify_at
from reference_tests.references import available
from reference_tests.report import ORDER, OperationReport, rows

START, END = "<!-- proved by docs/proved.py -->", "<!-- end of what is proved -->"
TITLES = {"exact": "exact oracle", "torch": "PyTorch", "scipy": "SciPy"}


def line(report: Report, name: str, judged: Iterable[OperationReport], outputs: str) -> str:
    """Return one line about some operations."""
    known = {operation.name for operation in judged}
    mine = [row for row in rows(report) if row[0] in known]
    verdicts = []
    for judge in ("exact", *report.references):
        found = [cells[judge].status for _, _, cells, *_ in mine if cells.get(judge)]
        verdicts.append(min(found, key=ORDER.index) if found else "–")
    error = max(units for *_, units, _ in mine)
    cases = sum(report[each].cases for each in known)
    return f"| {' | '.join([name, outputs, f'{cases:,}', f'{error:.2f}', *verdicts])} |"


def head(report: Report, *names: str) -> list[str]:
    """Return the first two lines of a table."""
    judges = [TITLES[judge] for judge in ("exact", *report.references)]
    heads = [*names, "cases", "largest error / bound", *judges]
    return [f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}"]


def by_family(report: Report) -> str:
    """Return one line for each family of operations."""
    families: dict[str, list[OperationReport]] = {}
    for operation in report:
        families.setdefault(FAMILY[operation.name], []).append(operation)
    lines = head(report, "family", "operations")
    for family, judged in families.items():
        names = ", ".join(f"`{operation.name}`" for operation in judged)
        lines.append(line(report, family, judged, names))
    return "\n".join([*lines, "", total(report)])


def by_operation(report: Report) -> str:
    """Return one line for each operation."""
    lines = head(report, "operation", "outputs")
    for operation in report:
        outputs = ", ".join(row[1] for row in rows(report) if row[0] == operation.name)
        lines.append(line(report, f"`{operation.name}`", [operation], outputs))
    return "\n".join([*lines, "", total(report)])


def total(report: Report) -> str:
    """Return how much was judged, and against whom."""
    short = {name: report.versions[name].split("+")[0] for name in report.references}
    version = ", ".join(f"{TITLES[name]} {number}" for name, number in short.items())
    cases = sum(operation.cases for operation in report)
    return (
        f"{len(report.operations)} operations, {cases:,} cases, seed {report.seed}; "
        f"against {version} and the exact oracle."
    )


def without_figures(text: str) -> str:
    """Return a page without the counts of cases, the largest errors and the versions."""
    text = re.sub(r"\| [\d,]+ \| \d+\.\d\d \|", "| |", text)
    text = re.sub(r"[\d,]+ cases", "cases", text)
    return re.sub(r"(PyTorch|SciPy) \d[\d.]*", r"\1", text)


def placed(page: str, text: str) -> str:
    """Return `page` with `text` between the two marks."""
    before, rest = page.split(START)
    return f"{before}{START}\n{text}\n{END}{rest.split(END)[1]}"


PAGES = {Path("README.md"): by_family, Path("docs/proved.md"): by_operation}


def main() -> None:
    """Print, write or check the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    missing = {"torch", "scipy"} - set(available())
    if missing:
        raise SystemExit(f"the tables need all references; {', '.join(missing)} is not installed")
    # That all cases pass is what the command shows; a check needs to see every output once.
    examples = 20 if options.check else 100
    report = verify_at(OWN, default_jobs(), None, None, examples, 0, ("float32", "float64"))
    report.assert_ok()
    for path, table in PAGES.items():
        text = table(report)
        if not (options.write or options.check):
            print(f"{text}\n")
            continue
        page = path.read_text(encoding="utf-8")
        if options.write:
            path.write_text(placed(page, text), encoding="utf-8")
        elif without_figures(placed(page, text)) != without_figures(page):
            raise SystemExit(f"{path} does not tell what the judge says now:\n{text}")
        else:
            print(f"{path} tells what the judge says")


if __name__ == "__main__":
    main()
