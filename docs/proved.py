"""The README's table of what is proved, made by a run of the judge.

``python docs/proved.py`` prints the table, ``--write README.md`` puts it into a file, and
``--check README.md`` judges anew and raises unless the file's table tells the same: the same
operations, outputs, judges and verdicts. Errors are those of the machine that wrote it.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from reference_tests import Report, verify
from reference_tests.implementations.scratchcnn import subject
from reference_tests.references import available
from reference_tests.report import ORDER, rows

START, END = "<!-- proved by docs/proved.py -->", "<!-- end of what is proved -->"
TITLES = {"exact": "exact oracle", "torch": "PyTorch", "scipy": "SciPy"}


def table(report: Report) -> str:
    """Return one line for each operation."""
    judges = ["exact", *report.references]
    heads = ["operation", "outputs", "cases", "largest error / bound", *(TITLES[j] for j in judges)]
    lines = [f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}"]
    for operation in report:
        mine = [row for row in rows(report) if row[0] == operation.name]
        verdicts = []
        for judge in judges:
            found = [cells[judge].status for _, _, cells, *_ in mine if cells.get(judge)]
            verdicts.append(min(found, key=ORDER.index) if found else "–")
        error = max(units for *_, units, _ in mine)
        outputs = ", ".join(output for _, output, *_ in mine)
        cells = [f"`{operation.name}`", outputs, str(operation.cases), f"{error:.2f}", *verdicts]
        lines.append(f"| {' | '.join(cells)} |")
    short = {name: report.versions[name].split("+")[0] for name in report.references}
    version = ", ".join(f"{TITLES[name]} {number}" for name, number in short.items())
    cases = sum(operation.cases for operation in report)
    lines += ["", f"{cases:,} cases, seed {report.seed}; against {version} and the exact oracle."]
    return "\n".join(lines)


def without_figures(text: str) -> str:
    """Return a page without the largest errors and the versions, which differ between machines."""
    text = re.sub(r"\| \d+\.\d\d \|", "| |", text)
    return re.sub(r"(PyTorch|SciPy) \d[\d.]*", r"\1", text)


def placed(page: str, text: str) -> str:
    """Return `page` with `text` between the two marks."""
    before, rest = page.split(START)
    return f"{before}{START}\n{text}\n{END}{rest.split(END)[1]}"


def main() -> None:
    """Print, write or check the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", type=Path, metavar="PAGE")
    parser.add_argument("--check", type=Path, metavar="PAGE")
    options = parser.parse_args()
    missing = {"torch", "scipy"} - set(available())
    if missing:
        raise SystemExit(f"the table needs all references; {', '.join(missing)} is not installed")
    report = verify(subject, examples=100)
    report.assert_ok()
    text = table(report)
    if options.write:
        page = options.write.read_text(encoding="utf-8")
        options.write.write_text(placed(page, text), encoding="utf-8")
    elif options.check:
        page = options.check.read_text(encoding="utf-8")
        if without_figures(placed(page, text)) != without_figures(page):
            raise SystemExit(f"{options.check} does not tell what the judge says now:\n{text}")
        print(f"{options.check} tells what the judge says")
    else:
        print(text)


if __name__ == "__main__":
    main()
