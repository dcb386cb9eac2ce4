"""The text of a starting file: what the judge knows of each operation, and what is to write."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from reference_tests.operation import Operation
from reference_tests.starting import functions, gradients, layers, modules
from reference_tests.starting.comment import comment
from reference_tests.starting.source import call, code

# Each has `body`, what is to write, and `entry`: the name of that, or an adapter with arguments.
STYLES = {"functions": functions, "gradients": gradients, "layers": layers, "module": modules}

_COMMON = (
    "Arrays are of float32 or float64, and results have their dtype. A call passes only the "
    "hyperparameters that differ from the defaults shown; one with a number per axis is a tuple. "
    "NotImplementedError means unsupported, with these parameters or altogether; invalid input "
    "must raise another error. No call may change its arguments. "
)
_OWN = {
    "functions": "Each function returns (y, pullback), or y alone as long as there are no "
    "gradients; pullback(grad_output) returns a tuple with one gradient for each array.",
    "gradients": "Each gradient gets grad_output first, and by their names whatever arrays and "
    "hyperparameters of the forward it asks for: leave out what it does not need.",
    "layers": "Each layer is constructed with its hyperparameters, gets its weights as attributes, "
    "and computes forward(x), then backward(grad_output). from_layer has options for other names "
    "and layouts, for layers that update themselves, and for one sample at a time.",
    "module": "Modules and functions get tensors, and autograd derives them. A module is "
    "constructed with its hyperparameters, then its parameters are set by their names.",
}
_HEADER = '''"""A network of my own, in the form in which the judge calls it.

reference-tests {file}:subject

{text}
"""

import {package}

from reference_tests import {names}
'''
_SUBJECT = """subject = Implementation(
    {name},
    {{
{entries}    }},
    # What is not to be asked for, such as {{"conv2d": {{"groups": 1}}}}.
    limits={{}},
)
"""


def written(operations: Sequence[Operation], style: str, file: str = "my_cnn.py") -> str:
    """Return a module that is valid Python and whose `subject` has the operations."""
    form = STYLES[style]
    entries = {operation.name: form.entry(operation) for operation in operations}
    adapters = {entry[0] for entry in entries.values() if len(entry) > 1}
    header = _HEADER.format(
        file=file,
        text=textwrap.fill(_COMMON + _OWN[style], 92),
        package="torch" if style == "module" else "numpy as np",
        names=", ".join(["Implementation", *sorted(adapters)]),
    )
    bodies = [f"{comment(each, style)}\n{form.body(each)}" for each in operations]
    lines = "".join(_line(name, *entry) for name, entry in entries.items())
    name = code(file[: -len(".py")])
    return "\n\n".join([header, *bodies, _SUBJECT.format(name=name, entries=lines)])


def _line(name: str, made: str, *arguments: str) -> str:
    """Return one entry of the subject's dictionary."""
    head = f"{code(name)}: {made}"
    return f"        {call(head, arguments, ',', indent=8) if arguments else f'{head},'}\n"
