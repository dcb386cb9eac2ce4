"""``reference-tests init FILE``: write a file to begin with."""

from __future__ import annotations

import argparse
import keyword
from pathlib import Path

from rich.console import Console

from reference_tests import files
from reference_tests.commands.usage import UsageError
from reference_tests.judge import known_operation
from reference_tests.starting import STYLES, written

DEFAULT = ("conv2d", "max_pool2d", "relu", "linear", "cross_entropy")
HELP = "write a commented file to begin with, for a network of your own"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("file", metavar="FILE", help="what is written, such as my_cnn.py")
    parser.add_argument(
        "--operation",
        action="append",
        metavar="NAME",
        help=f"one of `reference-tests list` (repeatable; default: {', '.join(DEFAULT)})",
    )
    parser.add_argument(
        "--style",
        choices=tuple(STYLES),
        default="functions",
        help="functions that return their pullback, functions with explicit gradients, stateful "
        "layers, or modules of PyTorch (default: %(default)s)",
    )


def run(options: argparse.Namespace, out: Console) -> int:
    """Write the file, and say how to judge it."""
    path = Path(options.file)
    if path.suffix != ".py":
        raise UsageError(f"init {path}: expected a file of Python, such as {path.name}.py")
    if not path.stem.isidentifier() or keyword.iskeyword(path.stem):
        raise UsageError(f"init {path}: {path.stem!r} is no name of a module, such as my_cnn")
    names = list(dict.fromkeys(options.operation or DEFAULT))
    operations = [known_operation(name) for name in names]
    if path.exists():
        raise UsageError(f"init {path}: it exists, and is not overwritten")
    try:
        files.check(path)
    except (OSError, ValueError) as error:
        raise UsageError(f"init {path}: {error}") from error
    files.write(path, written(operations, options.style, path.name))
    out.print(
        f"{path} has {', '.join(names)}. To judge it: reference-tests {path}:subject",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )
    return 0
