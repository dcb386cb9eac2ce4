"""``reference-tests explain [FAULT]``: what a mistake computes, where it shows, how it hides."""

from __future__ import annotations

import argparse

from rich.console import Console

HELP = "explain a known mistake: its formula, an example by numbers, and how it hides"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the argument of the command."""
    parser.add_argument(
        "name",
        nargs="?",
        metavar="FAULT",
        help="the id of a mistake, as a report names it, or an operation, for all mistakes that "
        "it can have (default: list all mistakes)",
    )


def run(options: argparse.Namespace, out: Console) -> int:
    """Explain one mistake, or list several."""
    # No other command needs the dictionary.
    from reference_tests.faces.explanation import explain

    explain(options.name, out)
    return 0
