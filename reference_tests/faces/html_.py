"""The report as one page for a browser; it loads nothing and runs nothing but its own script."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from itertools import count
from pathlib import Path
from string import Template

from reference_tests.faces import html_grid
from reference_tests.faces.example import exposing
from reference_tests.faces.html_map import heat_map
from reference_tests.faces.html_parts import code, mark, rows_of, table
from reference_tests.faces.summary import against, missing, others, setting, summary
from reference_tests.faces.text import bounds, escaped, shortened
from reference_tests.faults import FAULTS
from reference_tests.report import Failure, Finding, Report, grouped

# A subject may raise a text of any length.
LONGEST = 4000
_PAGE = Template("""\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; \
style-src '$style_hash'; script-src '$script_hash'; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>$title</title>
<style>$style</style>
</head>
<body>
<header>
$head
</header>
<main>
$body
</main>
<footer class="faint">
<p>Errors are in units of their bound, which is derived for each element: above 1 is wrong. \
A cell of the grid is one output in the cases with one feature; it is verified if at least one \
case was judged and none failed.</p>
</footer>
<script>$script</script>
</body>
</html>
""")


def render(report: Report) -> str:
    """Return the page."""
    style, script = (_beside(name) for name in ("page.css", "page.js"))
    figures = summary(report)
    return _PAGE.substitute(
        title=escaped(f"{report.subject}: {figures.verdict}"),
        style=style,
        script=script,
        style_hash=_hash(style),
        script_hash=_hash(script),
        head=_head(report),
        body="\n".join(filter(None, _sections(report))),
    )


def _beside(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    """Return what allows a page one style or script by its contents."""
    digest = hashlib.sha256(text.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"


def _head(report: Report) -> str:
    """Return the verdict, who was judged against whom, and the figures."""
    figures = summary(report)
    sign, colour = ("✓", "good") if figures.ok else ("✗", "bad")
    facts = {
        "operations passed": f"{figures.passed} <small>of {figures.operations}</small>",
        "cells verified": f"{figures.verified:,} <small>of {figures.cells:,}</small>",
        "cases": f"{figures.cases:,}",
        "time": f"{report.seconds:.1f} s",
    }
    cells = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in facts.items())
    notes = "".join(f"<li>{escaped(note)}</li>" for note in report.notes)
    return (
        f'<p class="verdict {colour}">{sign} {figures.verdict}</p>\n'
        f"<h1>{escaped(report.subject)}</h1>\n"
        f"<p>Judged against {escaped(against(report))}.<br>"
        f'<span class="faint">{escaped(setting(report))}</span></p>\n'
        f'<dl class="figures">{cells}</dl>' + (f"\n<ul>{notes}</ul>" if notes else "")
    )


def _sections(report: Report) -> Iterable[str]:
    """Yield the sections, what is wrong first."""
    wrong = grouped(report.failures)
    numbers = count(1)
    failures = [_failure(failure, next(numbers)) for failure in wrong]
    yield _section("What is wrong", failures)
    if not wrong and not report.ok:
        nothing = "<p>Nothing passed: no operation is provided and supported.</p>"
        yield _section("What is wrong", [nothing])
    yield _section("What the mistakes are", _mistakes(report.failures))
    disputed = others(report, ["disputed"])
    yield _section(
        "What is disputed: a reference lies outside the bound",
        [_failure(failure, next(numbers), "failure disputed") for failure in disputed],
    )
    yield "<h2>Operations</h2>\n" + html_grid.operations(report)
    yield "<h2>Features</h2>\n" + html_grid.features(report)
    noted = others(report, ["noted"])
    yield _section("What was noted", [_lines("noted", noted)] if noted else [])
    absent = [*others(report, ["expected failure"]), *missing(report)]
    yield _section("What was not judged", [_lines("not judged", absent)] if absent else [])


def _lines(label: str, failures: list[Failure]) -> str:
    """Return a table of findings of which there is little to say."""
    lines = []
    for failure in failures:
        first = failure.findings[0]
        why = escaped(shortened(first.message, LONGEST))
        lines.append([escaped(f"{first.operation} {first.output}"), mark(first.status), why])
    return table(label, ("operation", "status", "=why"), lines)


def _section(title: str, parts: list[str]) -> str:
    return "\n".join([f"<h2>{title}</h2>", *parts]) if parts else ""


def _failure(failure: Failure, place: int, kind: str = "failure") -> str:
    """Return one failure: its diagnosis, where it differs, and the reproduction."""
    first = failure.findings[0]
    parts = [f"<h3>{escaped(failure.headline)}</h3>", _diagnosis(failure.findings)]
    parts.append(_checks(failure.findings))
    pictures = [f.differences for f in failure.findings if f.differences is not None]
    if pictures:
        parts.append(heat_map(pictures[0]))
    if first.reproduction:
        parts.append(code(f"case-{place}", "The smallest case", first.reproduction))
    if first.replay:
        parts.append(
            f"<p class='faint'>To judge it again: <code>--replay {escaped(first.replay)}</code></p>"
        )
    return "\n".join([f'<article class="{kind}">', *filter(None, parts), "</article>"])


def _diagnosis(findings: list[Finding]) -> str:
    """Return what explains a failure, with links to the mistakes."""
    told = next((f for f in findings if f.diagnosis or f.explanation), None)
    if told is None:
        return ""
    links = ", ".join(_link(name) for name in told.diagnosis)
    lines = [f"<p><strong>Known as</strong> {links}</p>"] if links else []
    if told.explanation:
        lines.append(f"<p>{escaped(shortened(told.explanation, LONGEST))}</p>")
    return f'<div class="diagnosis">{"".join(lines)}</div>'


def _link(name: str) -> str:
    text = f"<code>{escaped(name)}</code>"
    return f'<a href="#{_anchor(name)}">{text}</a>' if name in FAULTS else text


def _anchor(name: str) -> str:
    return f"mistake-{name.replace('/', '-')}"


def _checks(findings: list[Finding]) -> str:
    """Return the table of what failed; one line for all references."""
    lines: dict[tuple[str, str], list[Finding]] = {}
    for finding in findings:
        lines.setdefault((finding.check, finding.dtype), []).append(finding)
    heads = ("check", "dtype", "against", "#cases", "#error / bound", "=what")
    return table(
        f"checks of {findings[0].operation} {findings[0].output}",
        heads,
        [
            [
                escaped(check),
                escaped(dtype),
                escaped(", ".join(f.reference for f in found if f.reference)),
                str(max(f.cases for f in found)),
                bounds(max(f.units for f in found)) if any(f.units for f in found) else "",
                escaped(shortened(found[0].message, LONGEST)),
            ]
            for (check, dtype), found in lines.items()
        ],
    )


def _mistakes(findings: list[Finding]) -> list[str]:
    """Return what is known of the mistakes that the diagnosis names."""
    # Where several operations have a mistake, the first is the example.
    where = {name: f.operation for f in reversed(findings) for name in f.diagnosis}
    parts = []
    for name in filter(FAULTS.__contains__, dict.fromkeys(reversed(where))):
        fault = FAULTS[name]
        facts = {"Formula": fault.formula, "Hidden by": fault.hidden_by}
        known = where[name] in fault.operations
        shown = exposing(fault, where[name] if known else fault.operations[0])
        parts.append(
            f'<article class="mistake" id="{_anchor(name)}">\n'
            f"<h3><code>{escaped(name)}</code></h3>\n"
            f"<p>{escaped(fault.sentence)}</p>\n"
            + rows_of({key: value for key, value in facts.items() if value})
            + f'\n<div class="box code" tabindex="0" role="region" aria-label="{escaped(name)} by '
            f'numbers"><pre>{escaped(shown)}</pre></div>\n</article>'
        )
    return parts
