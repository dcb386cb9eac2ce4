"""Functions with explicit gradients beside them."""

from __future__ import annotations

from reference_tests.operation import Operation
from reference_tests.starting import functions
from reference_tests.starting.source import call, grad, is_step, parameters, to_write


def body(operation: Operation) -> str:
    """Return a forward, and a function for each gradient."""
    if is_step(operation):
        return functions.body(operation)
    parts = [(operation.name, parameters(operation))]
    for name in operation.differentiable:
        asked = ["grad_output", *parameters(operation)]
        parts.append((f"{operation.name}_{grad(name)}", asked))
    made = [f"{call(f'def {name}', asked, ':')}\n    {to_write(name)}\n" for name, asked in parts]
    return "\n\n".join(made)


def entry(operation: Operation) -> list[str]:
    """Return what puts them together."""
    if is_step(operation):
        return [operation.name]
    given = [f"{grad(n)}={operation.name}_{grad(n)}" for n in operation.differentiable]
    return ["from_functions", operation.name, *given]
