"""A badge: how many operations passed, as a small SVG that needs nothing else."""

from __future__ import annotations

from string import Template

from reference_tests.faces.text import escaped
from reference_tests.report import Report

LABEL = "reference-tests"
# White letters on them have a contrast of at least 4.5.
GREY, GREEN, RED = "#444d56", "#1a7f37", "#c0242f"
HEIGHT = 20
_SVG = Template("""\
<svg xmlns="http://www.w3.org/2000/svg" width="$width" height="20" role="img" aria-label="$text">
<title>$text</title>
<clipPath id="round"><rect width="$width" height="20" rx="3"/></clipPath>
<g clip-path="url(#round)">
<rect width="$left" height="20" fill="$grey"/>
<rect x="$left" width="$right" height="20" fill="$colour"/>
</g>
<g fill="#fff" font-family="Verdana,DejaVu Sans,Geneva,sans-serif" font-size="11" \
text-anchor="middle">
<text x="$left_middle" y="14" textLength="$left_text">$label</text>
<text x="$right_middle" y="14" textLength="$right_text">$value</text>
</g>
</svg>
""")
_NARROW, _WIDE = "fijlt1.,:;|! ", "mw%"


def render(report: Report) -> str:
    """Return the badge as SVG."""
    passed = sum(operation.status == "passed" for operation in report)
    value = f"{passed} of {len(report.provided)} passed"
    left_text, right_text = _length(LABEL), _length(value)
    left, right = left_text + 12, right_text + 12
    return _SVG.substitute(
        text=escaped(f"{LABEL}: {report.subject}: {value}"),
        label=LABEL,
        value=value,
        width=left + right,
        left=left,
        right=right,
        left_text=left_text,
        right_text=right_text,
        left_middle=left / 2,
        right_middle=left + right / 2,
        grey=GREY,
        colour=GREEN if report.ok else RED,
    )


def _length(text: str) -> int:
    """Return about how wide a text is in pixels; the browser fits it to this."""
    widths = (4.6 if c in _NARROW else 10 if c in _WIDE else 7 for c in text)
    return round(sum(widths))
