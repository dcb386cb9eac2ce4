"""The command `reference-tests`.

Exit codes: 0 ok, 1 not ok, 2 bad usage, 3 the judge itself failed, 130 interrupted.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import traceback
from collections.abc import Sequence

from reference_tests import terminal
from reference_tests.commands.usage import COMMANDS, UsageError
from reference_tests.implementation import UnknownName


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    made = argparse.ArgumentParser(
        prog="reference-tests",
        description="Judge the operations of a convolutional network. Without a command, or with "
        "a subject instead of one, the command is run.",
        epilog="exit codes: 0 ok, 1 not ok, 2 bad usage, 3 the judge itself failed, "
        "130 interrupted",
    )
    commands = made.add_subparsers(dest="command", metavar="COMMAND")
    for name, module in COMMANDS.items():
        command = importlib.import_module(f"reference_tests.commands.{module}")
        one = commands.add_parser(name, help=command.HELP, description=command.HELP)
        command.configure(one)
        one.set_defaults(run=command.run)
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words[:1] not in [[name] for name in (*COMMANDS, "-h", "--help")]:
        words.insert(0, "run")
    options = parser().parse_args(words)
    try:
        return int(options.run(options, terminal.console()))
    except (UsageError, UnknownName) as error:
        print(f"reference-tests: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except Exception:
        traceback.print_exc()
        print("reference-tests: the judge itself failed", file=sys.stderr)
        return 3


if __name__ == "__main__":
    sys.exit(main())
