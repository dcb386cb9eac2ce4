"""Which parameters of `torch.nn.functional` its counterparts here take, from both signatures.

``python docs/parameters.py`` prints the page, ``--write docs/parameters.md`` writes it, and
``--check docs/parameters.md`` raises unless the file is what would be written.
"""

from __future__ import annotations

import argparse
import inspect
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from scratchcnn import functional as ours

HEAD = """# Parameters

What a counterpart in `scratchcnn.functional` takes of each function of `torch.nn.functional`,
and what it refuses, by Python's `TypeError` that names the parameter. The input is called `x`
here. Made from the signatures by `docs/parameters.py`; a test keeps it true.

- `inplace`: nothing here works in place.
- `size_average` and `reduce` are PyTorch's old names of `reduction`.
- `dtype`: the output has the dtype of the input.
- `_stacklevel` and `out` belong to PyTorch's machinery.
"""
TABLE = "| function | takes | refuses |\n|---|---|---|"


class Counterpart(NamedTuple):
    """A function of both libraries: its name, and PyTorch's parameters with their defaults."""

    name: str
    function: Callable[..., Any]
    parameters: dict[str, Any]

    @property
    def taken(self) -> list[str]:
        """The parameters that ours has too."""
        return [name for name in self.parameters if name in self.own]

    @property
    def refused(self) -> list[str]:
        """The parameters that ours has not."""
        return [name for name in self.parameters if name not in self.own]

    @property
    def own(self) -> dict[str, Any]:
        """Our parameters with their defaults."""
        parameters = inspect.signature(self.function).parameters.values()
        return {parameter.name: parameter.default for parameter in parameters}


def counterparts() -> Iterator[Counterpart]:
    """Yield every public function that has a counterpart in PyTorch."""
    import torch

    for name in sorted(ours.__all__):
        theirs = getattr(torch.nn.functional, name, None) or getattr(torch, name, None)
        if callable(theirs) and not inspect.isclass(theirs) and name.islower():
            yield Counterpart(name, getattr(ours, name), _parameters(name, theirs))


def missing() -> list[str]:
    """Return the functions of PyTorch's namespace that have no counterpart here."""
    import torch

    namespace = torch.nn.functional
    return sorted(
        name
        for name in dir(namespace)
        if name.islower()
        and not name.startswith("_")
        and not name.endswith(("_", "_with_indices"))
        and callable(getattr(namespace, name))
        and getattr(getattr(namespace, name), "__module__", "") in _HOMES
        and not inspect.isclass(getattr(namespace, name))
        and name not in ours.__all__
        and name not in _MACHINERY
    )


_HOMES = ("torch.nn.functional", "torch._C._nn", "torch", "torch._jit_internal", None)

_MACHINERY = ("assert_int_or_pair", "boolean_dispatch", "native_channel_shuffle")


def _parameters(name: str, function: Any) -> dict[str, Any]:
    """Return PyTorch's parameters with their defaults, the input under our name."""
    import torch

    # What dispatches on `return_indices` has its signature in another function.
    function = getattr(torch.nn.functional, f"{name}_with_indices", function)
    try:
        found = {p.name: p.default for p in inspect.signature(function).parameters.values()}
    except ValueError:
        # A built-in function tells its signature only in the first line of its documentation.
        line = re.search(rf"{name}\((.*?)\) ->", function.__doc__)
        assert line is not None, name
        text = re.sub(r"\*, ", "", line[1])
        found = dict(map(_parameter, re.split(r",\s*(?![^(]*\))", text)))
    return {"x" if key in ("input", "self") else key: value for key, value in found.items()}


def _parameter(text: str) -> tuple[str, Any]:
    name, equals, default = (part.strip() for part in text.partition("="))
    known = {"None": None, "True": True, "False": False, "'none'": "none"}
    if not equals:
        return name, inspect.Parameter.empty
    return name, known[default] if default in known else float(default)


def page() -> str:
    """Return the page."""
    lines = [HEAD, TABLE]
    for each in counterparts():
        cells = [", ".join(f"`{name}`" for name in names) for names in (each.taken, each.refused)]
        lines.append(f"| `{each.name}` | {cells[0]} | {cells[1] or '–'} |")
    absent = ", ".join(f"`{name}`" for name in missing())
    lines += [
        "",
        f"Without a counterpart, since no convolutional network here needs them: {absent}.",
    ]
    return "\n".join(lines) + "\n"


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
            raise SystemExit(f"{options.check} does not tell what the signatures say now")
        print(f"{options.check} tells what the signatures say")
    else:
        print(text)


if __name__ == "__main__":
    main()
