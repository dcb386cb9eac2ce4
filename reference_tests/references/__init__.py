"""What results are compared with; each framework is imported inside its own file only."""

from __future__ import annotations

import difflib
import importlib
import importlib.metadata
import importlib.util
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from reference_tests.implementation import UnknownName


class Reference(NamedTuple):
    """A reference: its name and version, and one callable per operation, as of a subject.

    A callable raises NotImplementedError for parameters that the reference lacks.
    """

    name: str
    version: str
    operations: dict[str, Callable[..., Any]]


# Name of the reference: the package that it needs, and the module here that adapts it.
KNOWN = {"torch": ("torch", "torch_"), "scipy": ("scipy", "scipy_"), "jax": ("jax", "jax_")}
# Compiling each new shape takes JAX longer than all else together, so it judges if it is asked to.
ON_REQUEST = ("jax",)


def available() -> list[str]:
    """Return the names of the references whose packages are installed, but those on request."""
    return [
        name
        for name, (package, _) in KNOWN.items()
        if name not in ON_REQUEST and importlib.util.find_spec(package)
    ]


def checked(names: Sequence[str]) -> dict[str, str]:
    """Return the versions of references by name, without importing them.

    `exact` always judges and is not among them.

    Raises
    ------
    ValueError
        If a name is unknown, or its package is not installed.
    """
    versions = {}
    for name in names:
        if name == "exact":
            continue
        if name not in KNOWN:
            near = difflib.get_close_matches(name, [*KNOWN, "exact"], 3, 0.4) or [*KNOWN, "exact"]
            raise UnknownName(f"there is no reference {name!r}; the nearest are {', '.join(near)}")
        package, _ = KNOWN[name]
        if importlib.util.find_spec(package) is None:
            raise UnknownName(
                f"the reference {name!r} needs the package {package}, which is not installed: "
                f'python -m pip install "scratchcnn[{name}]"'
            )
        versions[name] = importlib.metadata.version(package)
    return versions


def load(names: Sequence[str]) -> list[Reference]:
    """Return references by name, or raise as `checked`."""
    modules = [f"reference_tests.references.{KNOWN[name][1]}" for name in checked(names)]
    return [importlib.import_module(module).reference for module in modules]
