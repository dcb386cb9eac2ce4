"""Where an output differs, as a map of its elements."""

from __future__ import annotations

import math

from reference_tests.differences import Differences
from reference_tests.faces.text import bounds, escaped, number

# Up to so many columns there is room for numbers.
FEW = 8
LEVELS = 3


def heat_map(found: Differences) -> str:
    """Return the last two axes of an output, an element darker the larger its error is."""
    first_row, first_column = ([0, 0, *found.at])[-2:]
    lead = ", ".join([*map(str, found.at[:-2]), *["·"] * min(2, len(found.shape))])
    columns = len(found.got[0])
    errors = [
        abs(a - b)
        for got, expected, units in _rows(found)
        for a, b, u in zip(got, expected, units, strict=True)
        if u > 1 and math.isfinite(a - b)
    ]
    largest = max(errors, default=0.0)
    heads = "".join(f'<th scope="col">{first_column + c}</th>' for c in range(columns))
    lines = []
    for place, (got, expected, units) in enumerate(_rows(found)):
        cells = "".join(
            _cell(*numbers, largest, columns <= FEW)
            for numbers in zip(got, expected, units, strict=True)
        )
        lines.append(f'<tr><th scope="row">{first_row + place}</th>{cells}</tr>')
    body = "\n".join(lines)
    shape = f"({', '.join(map(str, found.shape))})"
    where = f" at ({lead}) of {shape}" if found.shape else ""
    numbers = "; a wrong number stands above the right one" if columns <= FEW else ""
    return (
        "<h4>Where it differs</h4>\n"
        f"<p>{found.wrong:,} of {found.size:,} elements are beyond the bound in "
        f"<code>{escaped(found.case)}</code></p>\n"
        f'<p class="faint">The elements{where}: the redder, the larger the error{numbers}.</p>\n'
        '<div class="box" tabindex="0" role="region" aria-label="Where it differs">\n'
        f'<table class="map"><thead><tr><td class="corner"></td>{heads}</tr></thead>\n'
        f"<tbody>\n{body}\n</tbody></table></div>"
    )


def _rows(found: Differences) -> list[tuple[list[float], list[float], list[float]]]:
    return list(zip(found.got, found.expected, found.units, strict=True))


def _cell(got: float, expected: float, units: float, largest: float, room: bool) -> str:
    wrong = units > 1
    level = f" level-{_level(abs(got - expected), largest)}" if wrong else ""
    what = f"{got:.9g}, expected {expected:.9g}; error / bound {bounds(units)}"
    if room:
        text = number(got) + (f"<small>{number(expected)}</small>" if wrong else "")
        return f'<td class="number{level}" title="{what}">{text}</td>'
    return f'<td class="sign{level}" title="{what}">{"×" if wrong else ""}</td>'


def _level(error: float, largest: float) -> int:
    """Return the level of a wrong element, by its error beside the largest finite one."""
    if not math.isfinite(error):
        return LEVELS
    return min(LEVELS, 1 + int(LEVELS * error / largest)) if largest else 1
