"""The tables operation × output × reference and operation × output × feature of a page."""

from __future__ import annotations

from reference_tests.faces.html_parts import look, mark, table
from reference_tests.faces.summary import grid
from reference_tests.faces.text import bounds, escaped
from reference_tests.grid import Cell, score
from reference_tests.report import OperationReport, Report, rows


def operations(report: Report) -> str:
    """Return the table of outputs by reference."""
    references = ["exact", *report.references]
    lines = []
    before = ""
    for name, output, cells, cases, units, status in rows(report):
        marks = [_sign(cells[r].status) if cells.get(r) else "–" for r in references]  # type: ignore[union-attr]
        truth = cells.get("exact")
        error = bounds(units) if truth and truth.status in ("passed", "failed") else ""
        shown = "" if name == before else f"<strong>{escaped(name)}</strong>"
        before = name
        lines.append([shown, escaped(output), str(cases or ""), error, *marks, mark(status)])
    heads = ("operation", "output", "#cases", "#error / bound", *map(escaped, references), "status")
    return table("operations", heads, lines)


def _sign(status: str) -> str:
    sign, colour = look(status)
    return f'<span class="{colour}" title="{escaped(status)}">{sign}</span>'


def features(report: Report) -> str:
    """Return a table of outputs by feature for every operation that is provided."""
    cells = grid(report)
    given = [operation for operation in report if operation.findings]
    absent = [operation.name for operation in report if not operation.findings]
    text = (
        "<p>How many cases with each feature were judged, and in how many the output is wrong. "
        "A – means none. Features belong to the operation, so what a subject does not support "
        "stays in the grid.</p>\n"
    )
    cards = "\n".join(_card(operation, cells[operation.name]) for operation in given)
    text += f'<div class="cards">\n{cards}\n</div>' if cards else ""
    if absent:
        total = sum(len(cells[name]) for name in absent)
        names = ", ".join(map(escaped, absent))
        text += f"\n<p>Not provided ({total:,} cells): {names}.</p>"
    return text


def _card(operation: OperationReport, cells: list[Cell]) -> str:
    verified, total = score(cells)
    outputs = list(dict.fromkeys(cell.output for cell in cells))
    by_place = {(cell.output, cell.feature): cell for cell in cells}
    heads = "".join(f'<th scope="col" class="number">{escaped(name)}</th>' for name in outputs)
    lines = []
    for feature in dict.fromkeys(cell.feature for cell in cells):
        found = [by_place.get((output, feature)) for output in outputs]
        shown = "".join(f"<td class='number'>{_count(cell)}</td>" for cell in found)
        lines.append(f'<tr><th scope="row">{escaped(feature)}</th>{shown}</tr>')
    body = "\n".join(lines)
    sign, colour = look(operation.status)
    opened = " open" if any(cell.failed for cell in cells) else ""
    name = escaped(operation.name)
    return (
        f'<details{opened}><summary><span class="{colour}">{sign}</span> {name} '
        f"<small>{verified} of {total} cells verified</small></summary>\n"
        f'<div class="box" tabindex="0" role="region" aria-label="features of {name}">'
        f'<table class="wide"><thead><tr><th scope="col">feature</th>{heads}</tr></thead>\n'
        f"<tbody>\n{body}\n</tbody></table></div></details>"
    )


def _count(cell: Cell | None) -> str:
    """Return the contents of one cell."""
    if cell is None:
        return ""
    if cell.status == "passed":
        return f'<span class="good">✓ {cell.cases}</span>'
    if cell.status == "failed":
        return f'<span class="bad">✗ {cell.failed} of {cell.cases}</span>'
    shown = "–" if cell.status == "not judged" else cell.status
    return f'<span class="none" title="{cell.status}">{shown}</span>'
