"""Layers with state, and optimizers as classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from reference_tests.operation import Operation
from reference_tests.starting.source import call, class_name, code, is_step, options, to_write

_CONVOLUTION = ("in_channels", "out_channels", "kernel_size")
# What the constructor of a layer with weights is told about them, by the operation's name.
_FACTS = {
    "conv1d": _CONVOLUTION,
    "conv2d": _CONVOLUTION,
    "conv3d": _CONVOLUTION,
    "conv_transpose": _CONVOLUTION,
    "linear": ("in_features", "out_features"),
    "batch_norm": ("num_features",),
    "instance_norm": ("num_features",),
    "group_norm": ("num_features",),
}


class Arrays(NamedTuple):
    """The arrays of an operation by who has them: the call, the buffers, the parameters."""

    inputs: Sequence[str]
    buffers: Sequence[str]
    held: Sequence[str]


def arrays_of(operation: Operation) -> Arrays:
    """Return who has the arrays; a layer has no `pos_weight`."""
    buffers = [name for name in operation.arrays if name.startswith("running_")]
    held = [name for name in ("weight", "bias") if name in operation.arrays]
    others = {*buffers, *held, "pos_weight"}
    return Arrays([name for name in operation.arrays if name not in others], buffers, held)


def facts(operation: Operation) -> tuple[str, ...]:
    """Return what the constructor is told about the weights."""
    if operation.name.endswith("_statistics"):
        return ()
    return next((f for name, f in _FACTS.items() if operation.name.startswith(name)), ())


def body(operation: Operation) -> str:
    """Return a class with a constructor, a forward and a backward, or an update."""
    if is_step(operation):
        return _optimizer(operation)
    arrays = arrays_of(operation)
    lines = _constructor(operation, [*arrays.buffers, *arrays.held])
    lines += ["", f"    def forward(self, {', '.join(arrays.inputs)}):"]
    lines.append(f"        {to_write(operation.name)}")
    if operation.differentiable:
        lines += ["", "    def backward(self, grad_output):", f"        # {_duty(operation)}"]
        lines.append(f"        {to_write(f'{operation.name}.backward')}")
    return "\n".join(lines) + "\n"


def entry(operation: Operation) -> list[str]:
    """Return what makes the judge's callable of the class."""
    name = class_name(operation)
    if is_step(operation):
        places = [f"{each}={code(each)}" for each in (*operation.arrays[2:], *operation.numbers)]
        return ["from_optimizer", name, call("state=dict", places, indent=12)]
    arrays, given = arrays_of(operation), [name]
    if arrays.buffers:
        given.append(f"buffers={code({each: each for each in arrays.buffers})}")
    if arrays.inputs != ["x"]:
        given.append(f"inputs={code(tuple(arrays.inputs))}")
        given += [f"{each}={code(each)}" for each in arrays.held]
    if _several(operation):
        given += ['gradients="returned"', f"returned={code(tuple(_returned(operation)))}"]
    elif set(arrays.held) - set(operation.differentiable):
        given.append("weight_grad=None")
    return ["from_layer", *given]


def _constructor(operation: Operation, later: list[str]) -> list[str]:
    """Return the lines of a class up to its constructor; what comes later is None at first."""
    names = [name for name in operation.defaults if name not in operation.numbers]
    taken = ["self", *options(operation, facts(operation))]
    lines = [
        f"class {class_name(operation)}:",
        "    " + call("def __init__", taken, ":", indent=4),
        *(f"        self.{name} = {name}" for name in names),
        *(f"        self.{name} = None" for name in later),
    ]
    return lines if names or later else [*lines, "        pass"]


def _optimizer(operation: Operation) -> str:
    lines = [
        *_constructor(operation, [*operation.arrays[2:], *operation.numbers]),
        "",
        "    def update(self, params, grads):",
        "        # change the arrays in params, and the state: lists like params, and numbers",
        f"        {to_write(operation.name)}",
    ]
    return "\n".join(lines) + "\n"


def _several(operation: Operation) -> bool:
    """Return whether more than one input has a gradient."""
    return len(set(arrays_of(operation).inputs) & set(operation.differentiable)) > 1


def _returned(operation: Operation) -> list[str]:
    arrays = arrays_of(operation)
    return [*arrays.inputs, *(n for n in arrays.held if n in operation.differentiable)]


def _duty(operation: Operation) -> str:
    """Return what `backward` does."""
    if _several(operation):
        return f"return {', '.join(f'grad_{name}' for name in _returned(operation))}"
    arrays = arrays_of(operation)
    sets = [f"set self.{n}_grad" for n in arrays.held if n in operation.differentiable]
    return ", ".join([*sets, f"return grad_{arrays.inputs[0]}"])
