"""``reference-tests list``: every operation with its signature."""

from __future__ import annotations

import argparse

from rich.console import Console

from reference_tests.operations import CATALOGUE

HELP = "print every operation with its signature"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add no arguments: there are none."""


def run(options: argparse.Namespace, out: Console) -> int:
    """Print the signatures."""
    for operation in CATALOGUE.values():
        out.print(operation.signature, highlight=False, soft_wrap=True, markup=False)
    return 0
