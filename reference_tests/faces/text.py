"""Texts that come from a subject, made harmless: they can contain anything."""

from __future__ import annotations

import html
import math
import re
import unicodedata
from collections.abc import Iterable

# Besides what no file may contain: what turns the direction of a text around, and so its meaning.
_TURNING = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def visible(text: object) -> str:
    r"""Return a text whose control characters can be seen, as in ``\x1b``.

    Lines and tabs stay. What is left can be encoded, and stands in any XML.
    """
    return "".join(map(_visible, str(text)))


def _visible(character: str) -> str:
    if character in "\n\t" or (character.isprintable() and not _TURNING.match(character)):
        return character
    # Separators such as the no-break space are no danger.
    if unicodedata.category(character) == "Zs":
        return character
    return character.encode("unicode-escape").decode("ascii")


def escaped(text: object) -> str:
    """Return a text for the contents and the attributes of HTML and XML."""
    return html.escape(visible(text))


def shortened(text: str, most: int) -> str:
    """Return a text of at most so many characters, that says what is left out."""
    if len(text) <= most:
        return text
    note = f" … ({len(text):,} characters)"
    return text[: max(most - len(note), 0)] + note


def number(value: float, digits: int = 4) -> str:
    """Return a number in so many digits, a whole one without a point."""
    whole = math.isfinite(value) and value == round(value) and abs(value) < 1e6
    return str(round(value)) if whole else f"{value:.{digits}g}"


def bounds(units: float) -> str:
    """Return an error in units of its bound."""
    return f"{units:.2f}" if units < 1e4 else f"{units:.1e}"


def operations(names: Iterable[str]) -> list[str]:
    """Return names of operations, the dimensions of one together: ``conv1d/2d/3d``."""
    together: dict[tuple[str, bool], list[str]] = {}
    for name in names:
        dimension = name[-2:] if re.search(r"\dd$", name) else ""
        stem = name.removesuffix(dimension)
        together.setdefault((stem, bool(dimension)), []).append(dimension)
    return [stem + "/".join(sorted(dimensions)) for (stem, _), dimensions in together.items()]
