"""The arguments, and the one place where errors become exit codes."""

from __future__ import annotations

import argparse
import difflib
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

import scratchcnn
from scratchcnn.cli import commands
from scratchcnn.cli.sources import SOURCES, UsageError
from scratchcnn.cli.transfer import transfer
from scratchcnn.models import MODELS

OPTIMIZERS = ("adam", "sgd")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code.

    Parameters
    ----------
    arguments : sequence of str, optional
        Those of the process by default.

    Returns
    -------
    int
        0 if all went well, 1 if a file or a package is at fault, 2 for wrong arguments, 130 if
        Ctrl-C ended it; a training that it ended has still written its files.
    """
    try:
        options = _parser().parse_args(arguments)
    except SystemExit as stop:
        return int(stop.code or 0)
    command: Callable[[argparse.Namespace], int] = options.run
    try:
        return command(options)
    except KeyboardInterrupt:
        return _complain(options, "interrupted", 130)
    except UsageError as error:
        return _complain(options, str(error), 2)
    except OSError as error:
        known = error.filename is not None and error.strerror is not None
        return _complain(options, f"{error.filename}: {error.strerror}" if known else error, 1)
    except (ImportError, ValueError) as error:
        return _complain(options, error, 1)


def _complain(options: argparse.Namespace, error: object, code: int) -> int:
    """Print one line on the standard error and return `code`."""
    print(f"scratchcnn {options.command}: {' '.join(str(error).split())}", file=sys.stderr)
    return code


class _Parser(argparse.ArgumentParser):
    """A parser that complains in one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}; see {self.prog} --help\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="scratchcnn", description="A convolutional network in plain NumPy.")
    parser.add_argument("--version", action="version", version=scratchcnn.__version__)
    added = parser.add_subparsers(required=True, metavar="COMMAND", dest="command")
    _train_arguments(_command(added, "train", commands.train))

    add = _command(added, "evaluate", commands.evaluate_weights).add_argument
    _weights_arguments(add)
    _dataset_argument(add, None, "the one of the training")
    add("--data", type=Path, metavar="FOLDER", help="with the IDX files of mnist")
    add(
        "--seed",
        type=_whole(0),
        metavar="N",
        help="which chooses the images held out (default: the one of the training)",
    )

    add = _command(added, "predict", commands.predict).add_argument
    add("image", type=Path, metavar="IMAGE", help="a picture as large as the network's input")
    _weights_arguments(add)
    add(
        "--invert",
        action="store_true",
        help="needed for dark ink on a light ground; networks learned light ink on a dark one",
    )

    _model_argument(_command(added, "summary", commands.summary).add_argument, "model", "")

    add = _command(added, "transfer", transfer).add_argument
    add("--out", type=_folder, metavar="FOLDER", required=True, help="for all that is written")
    add("--runs", type=_whole(1), default=5, metavar="N", help="(default: 5)")
    add("--images", type=_whole(1), default=20, metavar="N", help="of each class (default: 20)")
    add("--epochs", type=_whole(1), default=20, metavar="N", help="of both ways (default: 20)")
    add("--seed", type=_whole(0), default=0, metavar="N", help="of the first run (default: 0)")
    return parser


def _command(added: Any, name: str, run: Callable[[argparse.Namespace], int]) -> _Parser:
    """Add a command and return its parser."""
    parser: _Parser = added.add_parser(name, help=run.__doc__, description=run.__doc__)
    parser.set_defaults(run=run)
    return parser


def _train_arguments(parser: _Parser) -> None:
    add = parser.add_argument
    _model_argument(add, "--model", " (default: lenet5)", default="lenet5")
    _dataset_argument(add, "mnist5k", "mnist5k")
    add("--data", type=Path, metavar="FOLDER", help="with the IDX files of mnist")
    add("--out", type=_folder, metavar="FOLDER", required=True, help="for all that is written")
    add("--epochs", type=_whole(1), default=10, metavar="N", help="(default: 10)")
    add("--batch-size", type=_whole(1), default=32, metavar="N", help="(default: 32)")
    add("--seed", type=_whole(0), default=0, metavar="N", help="of all chance (default: 0)")
    add(
        "--optimizer",
        type=_known("optimizer", OPTIMIZERS),
        default="adam",
        metavar="NAME",
        help=f"one of {', '.join(OPTIMIZERS)} (default: adam)",
    )
    add("--lr", type=_number(0, np.inf), metavar="X", help="(default: 0.001, with sgd 0.01)")
    add("--momentum", type=_number(0, 1), metavar="X", help="of sgd (default: 0.9)")
    add(
        "--weight-decay",
        type=_number(0, np.inf),
        default=0.0,
        metavar="X",
        help="(default: 0)",
    )


def _folder(text: str) -> Path:
    """Return a path; the empty text would mean the working folder."""
    if not text:
        raise argparse.ArgumentTypeError("is empty, expected the name of a folder")
    return Path(text)


def _weights_arguments(add: Callable[..., Any]) -> None:
    """Add the arguments of commands that read trained weights."""
    add("--weights", type=Path, metavar="FILE", required=True, help="as train writes it")
    _model_argument(add, "--model", " (default: the one that the weights name)")


def _model_argument(add: Callable[..., Any], name: str, note: str, **more: Any) -> None:
    help = f"one of {', '.join(MODELS)}{note}"
    add(name, type=_known("model", MODELS), metavar="MODEL", help=help, **more)


def _dataset_argument(add: Callable[..., Any], default: str | None, note: str) -> None:
    add(
        "--dataset",
        type=_known("dataset", SOURCES),
        default=default,
        metavar="DATASET",
        help=f"one of {', '.join(SOURCES)} (default: {note})",
    )


def _known(kind: str, names: Iterable[str]) -> Callable[[str], str]:
    """Return the type of an argument that is one of the `names`."""

    def check(text: str) -> str:
        if text in names:
            return text
        near = difflib.get_close_matches(text, list(names), n=3, cutoff=0.4) or sorted(names)
        raise argparse.ArgumentTypeError(f"unknown {kind} {text!r}, nearest are: {', '.join(near)}")

    return check


def _whole(least: int) -> Callable[[str], int]:
    """Return the type of an argument that is an integer of at least `least`."""

    def check(text: str) -> int:
        if not text.isdecimal() or int(text) < least:
            raise argparse.ArgumentTypeError(f"has {text!r}, expected an integer >= {least}")
        return int(text)

    return check


def _number(above: float, below: float) -> Callable[[str], float]:
    """Return the type of an argument that is a number, at least `above` and less than `below`."""
    expected = f"a number >= {above:g}" + (f" and < {below:g}" if below < np.inf else "")

    def check(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = np.nan
        if not above <= value < below:
            raise argparse.ArgumentTypeError(f"has {text!r}, expected {expected}")
        return value

    return check
