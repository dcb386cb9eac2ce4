"""The report as a person reads it in a terminal."""

from __future__ import annotations

from collections.abc import Iterable

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from reference_tests.accuracy import Accuracy
from reference_tests.report import Finding, Report, grouped, rows

STYLES = {
    "passed": "green",
    "failed": "bold red",
    "error": "bold red",
    "unexpected pass": "bold red",
    "untrusted": "bold magenta",
    "disputed": "yellow",
    "noted": "yellow",
    "expected failure": "yellow",
}


def console() -> Console:
    """Return a console for the standard output, wide enough for the table in a file or a pipe."""
    # What a subject says is no markup for emoji.
    wide = Console(emoji=False)
    return wide if wide.is_terminal else Console(width=120, emoji=False)


def report(judged: Report, to: Console) -> None:
    """Print a whole report."""
    to.print(heading(judged), highlight=False, markup=False)
    show(judged, to)


def heading(report: Report) -> str:
    """Return who is judged against whom."""
    versions = report.versions
    against = [f"{name} {versions[name]}" for name in report.references] + ["the exact oracle"]
    its = f" ({versions['subject']})" if "subject" in versions else ""
    line = f"{report.subject}{its} judged against {', '.join(against)}"
    if "torch" not in report.references:
        others = " and ".join([*(n.replace("scipy", "SciPy") for n in report.references), "exact"])
        line = f"PyTorch does not judge here: judged against {others} only\n{line}"
    return f"{line}; Python {versions['python']}, NumPy {versions['numpy']}, seed {report.seed}"


def table(report: Report) -> Table:
    """Return the table operation × output × reference, without what is not provided."""
    result = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), header_style="bold")
    result.add_column("operation", overflow="fold")
    result.add_column("output", no_wrap=True)
    for name in ("cases", "error / bound"):
        result.add_column(name, justify="right", no_wrap=True)
    for name in ("exact", *report.references, "status"):
        result.add_column(name, no_wrap=True)
    before = ""
    absent = {each.name for each in report} - {each.name for each in report.provided}
    for operation, output, cells, cases, units, status in rows(report):
        if operation in absent:
            continue
        marks = [_mark(cells.get(name)) for name in ("exact", *report.references)]
        error = "" if not cases else f"{units:.2f}" if units < 1e4 else f"{units:.1e}"
        name = "" if operation == before else operation
        before = operation
        style = STYLES.get(status, "dim")
        count = str(cases) if cases else ""
        result.add_row(name, output, count, error, *marks, f"[{style}]{status}[/]")
    return result


def accuracy(rows: Iterable[Accuracy]) -> Table:
    """Return the table of errors in float32, the subject's beside PyTorch's."""
    result = Table(
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        header_style="bold",
        title="float32: error in units of its bound, the subject's | PyTorch's",
        title_justify="left",
    )
    result.add_column("operation", overflow="fold")
    result.add_column("output", no_wrap=True)
    for name in ("root mean square", "largest", "largest in ulp", "elements", "lost"):
        result.add_column(name, justify="right", no_wrap=True)
    result.add_column("within")
    before = ""
    for row in rows:
        name = "" if row.operation == before else row.operation
        before = row.operation
        cells = [
            f"{row.ours.rms:.3f} | {row.theirs.rms:.3f}",
            f"{row.ours.largest:.2f} | {row.theirs.largest:.2f}",
            f"{row.ours.ulps:.3g} | {row.theirs.ulps:.3g}",
            f"{row.elements:,}",
            f"{row.lost:,}" if row.lost else "",
        ]
        verdict = "[green]yes[/]" if row.ok else "[bold red]no[/]"
        result.add_row(name, row.output, *cells, verdict)
    return result


def _mark(finding: Finding | None) -> str:
    if finding is None or finding.status in ("not provided", "unsupported"):
        return "–"
    style = STYLES.get(finding.status, "dim")
    return f"[{style}]{'ok' if finding.status == 'passed' else finding.status}[/]"


def shortened(text: str, length: int = 300) -> str:
    """Return a text without its middle, if it is too long to be read."""
    half = length // 2
    return text if len(text) <= length else f"{text[:half]} … {text[-half:]}"


def show(report: Report, to: Console) -> None:
    """Print the table, what failed and why, and the verdict."""
    to.print(table(report))
    for note in report.notes:
        to.print(f"note: {escape(note)}")
    missing = [f for f in report.findings if f.status in ("unsupported", "not provided")]
    for failure in grouped(missing):
        first = failure.findings[0]
        text = f"{first.operation}: {first.output} {first.status}: {first.message}"
        to.print(escape(" ".join(text.split())), style="dim", highlight=False)
    for failure in grouped(f for f in report.findings if f.status == "disputed"):
        to.print(escape(str(failure)), style="yellow", soft_wrap=True, highlight=False)
    for finding in report.findings:
        if finding.status == "noted":
            text = f"{finding.operation}: {finding.output} {finding.message}"
            to.print(escape(shortened(text)), style="yellow", soft_wrap=True, highlight=False)
    for failure in grouped(report.failures, report.findings):
        to.print()
        # Reproductions are pasted, so their lines must not be broken.
        to.print(escape(str(failure)), style="red", soft_wrap=True, highlight=False)
    cases = sum(operation.cases for operation in report)
    unsupported = sum(operation.unsupported for operation in report)
    extra = f", {unsupported} more were unsupported" if unsupported else ""
    verdict = "[bold green]ok[/]" if report.ok else "[bold red]not ok[/]"
    to.print(
        f"{verdict}: {report.counts}, {cases:,} cases in {report.seconds:.1f} s{extra}",
        highlight=False,
    )
