"""Functions that return their output and its pullback."""

from __future__ import annotations

from reference_tests.operation import Operation
from reference_tests.starting.source import call, is_step, parameters, to_write


def body(operation: Operation) -> str:
    """Return a function, and as a comment what it returns."""
    name = operation.name
    lines = [call(f"def {name}", parameters(operation), ":"), f"    {to_write(name)}"]
    if operation.differentiable and not is_step(operation):
        grads = [f"grad_{n}" if n in operation.differentiable else "None" for n in operation.arrays]
        lines += [
            "    # def pullback(grad_output):",
            f"    #     return ({', '.join(grads)}{',' if len(grads) == 1 else ''})",
            "    # return y, pullback",
        ]
    return "\n".join(lines) + "\n"


def entry(operation: Operation) -> list[str]:
    """Return the function's name."""
    return [operation.name]
