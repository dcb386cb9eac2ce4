"""What a page is made of. Every text from outside goes through `escaped`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from reference_tests.faces.text import escaped

_COLUMNS = {"#": ' class="number"', "=": ' class="text"'}
_GOOD, _BAD, _ODD, _NONE = "good", "bad", "odd", "none"
# How a status looks: colour alone would not do for everybody.
LOOKS = {
    "passed": ("✓", _GOOD),
    "failed": ("✗", _BAD),
    "error": ("✗", _BAD),
    "unexpected pass": ("✗", _BAD),
    "untrusted": ("?", _BAD),
    "disputed": ("?", _ODD),
    "noted": ("!", _ODD),
    "expected failure": ("!", _ODD),
}


def look(status: str) -> tuple[str, str]:
    """Return the sign and the class of a status."""
    return LOOKS.get(status, ("–", _NONE))


def mark(status: str) -> str:
    """Return a status as a mark."""
    sign, colour = look(status)
    return f'<span class="mark {colour}">{sign} {escaped(status)}</span>'


def table(label: str, heads: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """Return a table that scrolls in its box.

    A head that begins with # is one of numbers, one with = of sentences.
    """
    classes = [_COLUMNS.get(head[:1], "") for head in heads]
    top = "".join(
        f'<th scope="col"{kind}>{head.lstrip("#=")}</th>'
        for head, kind in zip(heads, classes, strict=True)
    )
    body = "\n".join(
        "<tr>"
        + "".join(
            f'<td{kind} data-head="{head.lstrip("#=")}">{cell}</td>'
            for cell, kind, head in zip(line, classes, heads, strict=True)
        )
        + "</tr>"
        for line in lines
    )
    # Where there are sentences, a narrow screen shows each line as a block.
    form = "wide stacks" if _COLUMNS["="] in classes else "wide"
    return (
        f'<div class="box" tabindex="0" role="region" aria-label="{escaped(label)}">\n'
        f'<table class="{form}"><thead><tr>{top}</tr></thead>\n'
        f"<tbody>\n{body}\n</tbody></table></div>"
    )


def code(name: str, title: str, text: str) -> str:
    """Return a block of code that can be copied."""
    return (
        f'<div class="top"><h4>{escaped(title)}</h4>'
        f'<button type="button" data-copies="{name}" hidden>Copy</button></div>\n'
        f'<div class="box code" tabindex="0" role="region" aria-label="{escaped(title)}">'
        f'<pre id="{name}">{escaped(text)}</pre></div>'
    )


def rows_of(facts: Mapping[str, str]) -> str:
    """Return short texts with their names."""
    return "\n".join(
        f"<p><strong>{escaped(name)}</strong> {escaped(text)}</p>" for name, text in facts.items()
    )
