"""What is judged: a name and one callable per operation."""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import inspect
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reference_tests.operation import Operation


class UnknownName(ValueError):
    """A subject, an operation or a reference that does not exist or is not installed."""


@dataclass(frozen=True)
class Implementation:
    """A subject of the judge.

    Parameters
    ----------
    name : str
    operations : mapping of operation names to callables
        Each takes NumPy arrays and keywords in PyTorch's signature and returns its output, or
        ``(output, pullback)``; ``pullback(grad_output)`` returns one gradient for each array.
        `NotImplementedError` raised inside it means that these parameters are unsupported.
    limits : mapping of operation names to mappings, optional
        Values of parameters to which the cases are restricted, such as
        ``{"conv2d": {"stride": 1, "groups": 1}}``. The limit ``{"bias": None}`` leaves out an
        optional array.
    source : str
        How a reproduction obtains the subject, such as ``from my_cnn import subject``.
    strict : bool
        Whether it promises to refuse invalid input: then what it accepts is a failure, and
        otherwise a note.
    """

    name: str
    operations: Mapping[str, Callable[..., Any]]
    limits: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    source: str = ""
    strict: bool = False

    def __post_init__(self) -> None:
        for name, value in (("operations", self.operations), ("limits", self.limits)):
            if not isinstance(value, Mapping):
                raise TypeError(
                    f"Implementation: {name} is a {type(value).__name__}, expected a mapping"
                )
        for name, function in self.operations.items():
            if not callable(function):
                raise TypeError(
                    f"Implementation: {name} is a {type(function).__name__}, expected a callable"
                )
        for name, limits in self.limits.items():
            if not isinstance(limits, Mapping):
                raise TypeError(
                    f"Implementation: the limits of {name} are a {type(limits).__name__}, "
                    "expected a mapping"
                )

    def lacking(self, operation: Operation) -> dict[str, Any]:
        """Return the hyperparameters that the callable has no keyword for, with their defaults."""
        try:
            parameters = inspect.signature(self.operations[operation.name]).parameters
        except (TypeError, ValueError):
            return {}
        if any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters.values()):
            return {}
        missing = {
            name: default
            for name, default in operation.defaults.items()
            if name not in parameters and name not in operation.numbers
        }
        if any(p.kind is inspect.Parameter.VAR_POSITIONAL for p in parameters.values()):
            return missing
        takes = [p for p in parameters.values() if p.kind is not inspect.Parameter.KEYWORD_ONLY]
        names = [p.name for p in takes if p.name not in operation.defaults]
        if operation.by_name and len(names) < len(operation.arrays):
            for name in operation.optional:
                if name not in parameters:
                    missing[name] = None
        return missing


def load(place: str) -> Implementation:
    """Return the subject at ``module:name`` or ``path/to/file.py:name``.

    Raises
    ------
    ValueError
        If there is no such module, file or name, or it is no Implementation.
    """
    module_name, colon, name = place.rpartition(":")
    if not colon or not module_name or not name:
        raise UnknownName(f"{place!r} names no subject, expected module:name or path.py:name")
    if module_name.endswith(".py"):
        path = Path(module_name)
        if not path.is_file():
            raise UnknownName(f"{place!r}: there is no file {module_name}")
        spec = importlib.util.spec_from_file_location(path.stem, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules.setdefault(path.stem, module)
        spec.loader.exec_module(module)
        module_name = path.stem
    else:
        if "" not in sys.path and str(Path.cwd()) not in sys.path:
            sys.path.insert(0, str(Path.cwd()))
        try:
            module = importlib.import_module(module_name)
        except ModuleNotFoundError as error:
            if error.name is not None and not module_name.startswith(error.name):
                raise
            raise UnknownName(f"{place!r}: there is no module {module_name}") from error
    if not hasattr(module, name):
        near = difflib.get_close_matches(name, dir(module), 3)
        hint = f"; the nearest names are {', '.join(near)}" if near else ""
        raise UnknownName(f"{place!r}: {module_name} has no {name}{hint}")
    subject = getattr(module, name)
    if not isinstance(subject, Implementation):
        raise UnknownName(
            f"{place!r} is a {type(subject).__name__}, expected a reference_tests.Implementation"
        )
    alias = "" if name == "subject" else " as subject"
    source = subject.source or f"from {module_name} import {name}{alias}"
    return replace(subject, source=source)
