"""The dictionary of mistakes as a page: each with its formula, an example by numbers, how it hides.

``python docs/faults.py`` prints the page, ``--write docs/faults.md`` writes it, and
``--check docs/faults.md`` raises unless the file is what would be written.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from reference_tests.faces.example import MARK, brief, exposing
from reference_tests.faces.text import operations
from reference_tests.faults import FAULTS, Fault
from reference_tests.operations import CATALOGUE

HEAD = f"""# Mistakes

Every known mistake of hand-written networks: what it computes, the smallest case that shows it, and
what hides it. The judge simulates them all; a report names those that compute what the subject
does.
`reference-tests explain FAULT` says the same in a terminal. {MARK} marks what is wrong. Made from
`reference_tests.faults` by `docs/faults.py`; a test keeps it true.
"""


def page() -> str:
    """Return the page."""
    families: dict[str, list[Fault]] = {}
    for fault in FAULTS.values():
        families.setdefault(fault.id.partition("/")[0], []).append(fault)
    lines = [HEAD]
    for family, members in families.items():
        links = (f"[{_short(fault)}](#{_anchor(fault)})" for fault in members)
        lines.append(f"**{family}** ({len(members)}): {', '.join(links)}\n")
    for family, members in families.items():
        lines += [f"## {family}\n", *map(_entry, members)]
    return "\n".join(lines)


def _short(fault: Fault) -> str:
    return fault.id.partition("/")[2]


def _anchor(fault: Fault) -> str:
    return fault.link.partition("#")[2]


def _entry(fault: Fault) -> str:
    """Return all that is known about a mistake."""
    first = fault.operations[0]
    names = ", ".join(f"`{name}`" for name in operations(fault.operations))
    lines = [f'### <a id="{_anchor(fault)}"></a>`{fault.id}`', "", fault.sentence, ""]
    if fault.formula:
        lines += [f"`{' '.join(fault.formula.split())}`", ""]
    lines += [
        f"Corrupts `{fault.output}` of {names}.",
        "",
        "```text",
        str(exposing(fault, first)),
        "```",
        "",
        f"Hidden by: {fault.hidden_by}, as in `{brief(CATALOGUE[first], fault.cases(first)[1])}`.",
        "",
    ]
    return "\n".join(lines)


def main() -> None:
    """Print, write or check the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", type=Path, metavar="PAGE")
    parser.add_argument("--check", type=Path, metavar="PAGE")
    options = parser.parse_args()
    text = page()
    if options.write:
        options.write.write_text(text, encoding="utf-8")
    elif options.check:
        if options.check.read_text(encoding="utf-8") != text:
            raise SystemExit(f"{options.check} does not tell what the dictionary says now")
        print(f"{options.check} tells what the dictionary says")
    else:
        print(text)


if __name__ == "__main__":
    main()
