"""What passes through a network: every call of a layer, forward and backward."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from scratchcnn.functional._checks import Floats
from scratchcnn.nn.module import Module, Pullback


@dataclass(eq=False)
class LayerCall:
    """One call of a layer.

    Attributes
    ----------
    name : str
        The dotted name of the layer.
    turn : int
        How many calls of the same layer came before.
    layer : Module
    x, output : ndarray
    grad_output, grad_input : ndarray, optional
        None until the pullback ran; `grad_input` also where none was asked for.
    """

    name: str
    turn: int
    layer: Module
    x: Floats
    output: Floats
    grad_output: Floats | None = None
    grad_input: Floats | None = None


class Trace(NamedTuple):
    """What `Module.trace` returns.

    Attributes
    ----------
    output : ndarray
    pullback : callable
        That of the network; it also completes the `calls`.
    calls : list of LayerCall
        In their order.
    """

    output: Floats
    pullback: Pullback
    calls: list[LayerCall]


Through = Callable[[LayerCall, Floats], Floats]


class _Recorder(Module):
    """A layer that is written down when it is called."""

    def __init__(
        self, name: str, layer: Module, calls: list[LayerCall], through: Through | None
    ) -> None:
        self.name, self.layer, self.calls = name, layer, calls
        self.through = through or (lambda call, array: array)

    def vjp(self, x: Floats, input_grad: bool = True) -> tuple[Floats, Pullback]:
        output, pullback = self.layer.vjp(x, input_grad=input_grad)
        turn = sum(call.name == self.name for call in self.calls)
        call = LayerCall(self.name, turn, self.layer, x, output)
        self.calls.append(call)

        def pull(grad_output: Floats) -> Floats | None:
            call.grad_output = grad_output
            call.grad_input = pullback(grad_output)
            return None if call.grad_input is None else self.through(call, call.grad_input)

        return self.through(call, output), pull


def traced(model: Module, x: Floats, through: Through | None = None) -> Trace:
    """Return the output, the pullback and all calls of layers; see `Module.trace`."""
    calls: list[LayerCall] = []
    recording: dict[int, Module] = {}

    def recorded(module: Module, name: str) -> Module:
        if id(module) not in recording:
            children = module._children()
            if children:
                twin = copy.copy(module)
                recording[id(module)] = twin
                for each, child in children.items():
                    setattr(twin, each, recorded(child, f"{name}.{each}" if name else each))
            else:
                recording[id(module)] = _Recorder(name, module, calls, through)
        return recording[id(module)]

    output, pullback = recorded(model, "").vjp(x)
    return Trace(output, pullback, calls)
