"""Pieces of source: definitions, calls and what is still to be written."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from reference_tests.operation import REQUIRED, Operation

WIDTH = 100


def code(value: object) -> str:
    """Return a value as source, in double quotes."""
    return repr(value).replace("'", '"')


def call(head: str, arguments: Sequence[str], tail: str = "", indent: int = 0) -> str:
    """Return ``head(arguments)tail``, one argument on a line if it does not fit into one."""
    whole = f"{head}({', '.join(arguments)}){tail}"
    if indent + len(whole) <= WIDTH:
        return whole
    margin = " " * indent
    lines = "".join(f"{margin}    {argument},\n" for argument in arguments)
    return f"{head}(\n{lines}{margin}){tail}"


def is_step(operation: Operation) -> bool:
    """Return whether an operation is a step of an optimizer."""
    return operation.arrays[:2] == ("params", "grads")


def options(operation: Operation, facts: Iterable[str] = ()) -> list[str]:
    """Return hyperparameters as parameters; facts and those without a default stand first."""
    own = {n: v for n, v in operation.defaults.items() if n not in operation.numbers}
    required = [name for name, value in own.items() if value is REQUIRED]
    rest = [f"{name}={code(value)}" for name, value in own.items() if value is not REQUIRED]
    return [*(fact for fact in facts if fact not in own), *required, *rest]


def parameters(operation: Operation) -> list[str]:
    """Return the parameters of a function that is the operation."""
    if is_step(operation):
        arrays = ["params", "grads", "state=None"]
    else:
        arrays = [f"{n}=None" if n in operation.optional else n for n in operation.arrays]
    named = options(operation)
    return [*arrays, "*", *named] if named else arrays


def to_write(name: str) -> str:
    """Return the statement of what is not written."""
    return f'raise NotImplementedError("{name} is not written yet")'


def grad(array: str) -> str:
    """Return the name of an array's gradient, as `from_functions` wants it."""
    return "input_grad" if array == "x" else f"{array}_grad"


def class_name(operation: Operation) -> str:
    """Return the name of a layer: max_pool2d is a MaxPool2d."""
    return "".join(part[:1].upper() + part[1:] for part in operation.name.split("_"))
