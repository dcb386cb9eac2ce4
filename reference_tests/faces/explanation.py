"""A known mistake as a person reads it in a terminal."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from reference_tests.commands.usage import UsageError
from reference_tests.faces.example import MARK, Example, exposing, hiding
from reference_tests.faces.text import operations
from reference_tests.faults import FAULTS, Fault
from reference_tests.operations import CATALOGUE


def explain(name: str | None, out: Console) -> None:
    """Explain a mistake, or list those of an operation, or all.

    Raises
    ------
    UsageError
        With the nearest names, if there is nothing of this name.
    """
    if name is None:
        _list(FAULTS.values(), out)
    elif name in CATALOGUE:
        found = [fault for fault in FAULTS.values() if name in fault.operations]
        if not found:
            raise UsageError(f"the dictionary has no mistake of {name}")
        _list(found, out)
    else:
        _explain(_named(name), out)


def _named(name: str) -> Fault:
    """Return a fault by its id, or by its last part where that is enough."""
    short = [fault for fault in FAULTS.values() if fault.id.partition("/")[2] == name]
    if name in FAULTS or len(short) == 1:
        return FAULTS.get(name) or short[0]
    parts = {fault.id.partition("/")[2]: fault.id for fault in FAULTS.values()}
    known = {**{fault: fault for fault in FAULTS}, **parts, **{n: n for n in CATALOGUE}}
    near = [fault.id for fault in short] or [
        known[close] for close in difflib.get_close_matches(name, known, 4, 0.4)
    ]
    hint = f"; the nearest are {', '.join(dict.fromkeys(near))}" if near else ""
    raise UsageError(f"there is no mistake {name!r}{hint}")


def _list(faults: Iterable[Fault], out: Console) -> None:
    """Print the mistakes by their families."""
    families: dict[str, list[Fault]] = {}
    for fault in faults:
        families.setdefault(fault.id.partition("/")[0], []).append(fault)
    for family, members in families.items():
        table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), header_style="bold")
        table.add_column(f"{family} ({len(members)})", no_wrap=True)
        table.add_column("output", no_wrap=True)
        table.add_column("mistake", overflow="fold")
        for fault in members:
            table.add_row(Text(fault.id), fault.output, Text(fault.sentence))
        out.print(table)
    out.print("reference-tests explain FAULT tells more about one", highlight=False)


def _explain(fault: Fault, out: Console) -> None:
    """Print all that is known about a mistake."""
    out.print(Text(fault.id, "bold"))
    out.print(Text(fault.sentence))
    facts = {
        "formula": fault.formula,
        "corrupts": f"{fault.output} of {', '.join(operations(fault.operations))}",
        "hidden by": fault.hidden_by,
        "more": fault.link,
    }
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, text in facts.items():
        if text:
            table.add_row(name, Text(text))
    out.print(table)
    first = fault.operations[0]
    _show("It shows here", exposing(fault, first), out)
    _show("It hides here", hiding(fault, first), out)


def _show(title: str, shown: Example, out: Console) -> None:
    """Print one case by numbers."""
    out.print()
    out.print(Text(f"{title}: {shown.call}", "bold"), soft_wrap=True)
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 2, 0, 0), header_style="bold")
    for name in shown.columns:
        table.add_column(name, no_wrap=True)
    table.add_row(*(_marked(text) for text in shown.columns.values()))
    if shown.columns:
        out.print(table)
    if any(MARK in text for text in shown.columns.values()):
        out.print(f"{MARK} is wrong", style="red", highlight=False)
    out.print(Text(f"the judge says: {shown.message}" if shown.message else "all is right"))


def _marked(text: str) -> Text:
    """Return the text of an array with its wrong elements in red."""
    found = Text(text)
    found.highlight_regex(rf"[^\s\[\]]+{re.escape(MARK)}", "bold red")
    return found
