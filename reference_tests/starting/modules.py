"""Modules of PyTorch, and functions of tensors where there are no parameters."""

from __future__ import annotations

from reference_tests.operation import Operation
from reference_tests.starting import functions
from reference_tests.starting.layers import arrays_of, facts
from reference_tests.starting.source import (
    call,
    class_name,
    code,
    is_step,
    options,
    parameters,
    to_write,
)

# The shapes of weight and bias, by the beginning of the operation's name.
_SHAPES = {
    "conv_transpose": ("in_channels, out_channels // groups, *kernel_size", "out_channels"),
    "conv": ("out_channels, in_channels // groups, *kernel_size", "out_channels"),
    "linear": ("out_features, in_features", "out_features"),
    "": ("num_features", "num_features"),
}


def body(operation: Operation) -> str:
    """Return a module with its parameters, or a function."""
    if is_step(operation):
        return functions.body(operation)
    if not _is_module(operation):
        head = call(f"def {operation.name}", parameters(operation), ":")
        return f"{head}\n    {to_write(operation.name)}\n"
    arrays = arrays_of(operation)
    shapes = next(s for name, s in _SHAPES.items() if operation.name.startswith(name))
    lines = [
        f"class {class_name(operation)}(torch.nn.Module):",
        "    " + call("def __init__", ["self", *options(operation, facts(operation))], ":", 4),
        "        super().__init__()",
        *(f"        self.{name} = {name}" for name in operation.defaults),
    ]
    for name in arrays.buffers:
        lines.append(f'        self.register_buffer("{name}", torch.zeros({shapes[1]}))')
    for place, name in enumerate(arrays.held):
        zeros = f"torch.zeros({shapes[place]})"
        lines.append("        " + call(f"self.{name} = torch.nn.Parameter", [zeros], indent=8))
    lines += ["", "    def forward(self, x):", f"        {to_write(operation.name)}"]
    return "\n".join(lines) + "\n"


def entry(operation: Operation) -> list[str]:
    """Return what makes the judge's callable."""
    if is_step(operation):
        return [operation.name]
    if not _is_module(operation):
        return ["from_torch", operation.name, f"arrays={code(operation.arrays)}"]
    buffers = {name: name for name in arrays_of(operation).buffers}
    given = [f"buffers={code(buffers)}"] if buffers else []
    return ["from_module", class_name(operation), *given]


def _is_module(operation: Operation) -> bool:
    """Return whether there are parameters whose shapes a constructor can know."""
    return bool(facts(operation)) and operation.name != "conv2d_untied_bias"
