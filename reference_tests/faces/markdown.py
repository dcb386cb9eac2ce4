"""The report as Markdown for a pull request, short enough for a comment on GitHub."""

from __future__ import annotations

import re

from reference_tests.faces.summary import against, missing, others, setting, summary
from reference_tests.faces.text import bounds, shortened, visible
from reference_tests.report import Failure, Report, grouped

# GitHub refuses a comment above this many characters.
LIMIT = 65_536
LONGEST = 400
LONGEST_CODE = 6_000


def render(report: Report) -> str:
    """Return the report as Markdown, cut where it would become too long."""
    wrong = grouped(report.failures, report.findings)
    lines = _head(report)
    if wrong:
        lines += ["", "| what is wrong | checks | error / bound | known as |"]
        lines += ["|---|---|--:|---|", *map(_row, wrong)]
    elif not report.ok:
        lines += ["", "Nothing passed: no operation is provided and supported."]
    disputed = others(report, ["disputed"])
    noted = others(report, ["noted"])
    absent = [*others(report, ["expected failure"]), *missing(report)]
    blocks = ["\n".join(lines), *map(_details, wrong)]
    blocks += [_short("disputed", disputed)] if disputed else []
    blocks += [_short("noted", noted)] if noted else []
    blocks += [_short("not judged, or expected to fail", absent)] if absent else []
    return _bounded(blocks)


def _bounded(blocks: list[str]) -> str:
    """Return the blocks one below the other, as many as there is room for."""
    head, *rest = blocks
    note = "\n\n… {} more parts are left out here; the whole report has them.\n"
    # The table of very many failures alone may be too long.
    text = head + "\n"
    if len(text) + len(note) > LIMIT - 100:
        lines = text[: LIMIT - 200].splitlines()[:-1]
        return "\n".join(lines) + "\n\n… the table is cut here; the whole report has the rest.\n"
    for place, block in enumerate(rest):
        if len(text) + len(block) + 2 > LIMIT - 100:
            return text.rstrip("\n") + note.format(len(rest) - place)
        text += f"\n{block}\n"
    return text


def _head(report: Report) -> list[str]:
    figures = summary(report)
    sign = "✅" if figures.ok else "❌"
    return [
        f"### {sign} {literal(report.subject)}: {figures.line}",
        "",
        f"Judged against {literal(against(report))} ({literal(setting(report))}); "
        f"{figures.cases:,} cases in {report.seconds:.1f} s; {figures.verified:,} of "
        f"{figures.cells:,} cells operation × output × feature verified.",
        *(f"\n{literal(note)}" for note in report.notes),
    ]


def _row(failure: Failure) -> str:
    first = failure.findings[0]
    checks = ", ".join(dict.fromkeys(finding.check for finding in failure.findings))
    units = max(finding.units for finding in failure.findings)
    names = next((f.diagnosis for f in failure.findings if f.diagnosis), [])
    cells = (
        f"{literal(first.operation)}: {literal(first.output)} {literal(first.status)}",
        literal(checks),
        bounds(units) if units else "",
        ", ".join(map(literal, names)),
    )
    return f"| {' | '.join(cells)} |"


def _details(failure: Failure) -> str:
    """Return one failure, folded: its diagnosis and its smallest case."""
    first = failure.findings[0]
    told = next((f for f in failure.findings if f.diagnosis or f.explanation), first)
    parts = [f"<details><summary>{literal(failure.headline)}</summary>"]
    if told.diagnosis:
        parts.append(f"Known as {', '.join(map(literal, told.diagnosis))}.")
    if told.explanation:
        parts.append(fenced(told.explanation))
    messages: dict[str, str] = {}
    for finding in failure.findings:
        messages.setdefault(finding.check, finding.message)
    told_of = [shortened(f"{check}: {text}", LONGEST) for check, text in messages.items()]
    parts.append("\n".join(f"- {literal(text)}" for text in told_of))
    if first.reproduction:
        parts += ["The smallest case:", fenced(first.reproduction, "python")]
    if first.replay:
        parts.append(f"To judge it again: <code>--replay {literal(first.replay)}</code>")
    return "\n\n".join([*parts, "</details>"])


def _short(title: str, failures: list[Failure]) -> str:
    """Return several findings, folded, one line for each."""
    lines = []
    for failure in failures:
        first = failure.findings[0]
        what = f"{first.operation} {first.output} {first.status}: {first.message}"
        lines.append(f"- {literal(shortened(what, LONGEST))}")
    head = f"<details><summary>{len(failures)} {title}</summary>"
    return "\n\n".join([head, "\n".join(lines), "</details>"])


def literal(text: object) -> str:
    """Return a text in one line in which nothing is Markdown, HTML, a link or a mention."""
    words = " ".join(visible(text).split())
    return re.sub(r"[^\w\s.,;()=+/'\"%-]|_|www", _entity, words)


def _entity(found: re.Match[str]) -> str:
    first, rest = found[0][0], found[0][1:]
    if not first.isascii():
        return found[0]
    return f"&#{ord(first)};{rest}"


def fenced(text: str, language: str = "") -> str:
    """Return a block of code, with a fence that no line of the text can close."""
    shown = shortened(visible(text), LONGEST_CODE)
    longest = max(map(len, re.findall("`+", shown)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{shown}\n{fence}"
