"""A network of PyTorch as a side of a comparison."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from reference_tests.networks.sides import Node, Run, Through
from reference_tests.references.torch_ import one_thread, tensor

Array = NDArray[Any]


class _Passed(torch.autograd.Function):  # type: ignore[misc]
    """The identity, but that another array may pass on in either direction."""

    @staticmethod
    def forward(ctx: Any, given: Any, forward: Any, backward: Any) -> Any:
        ctx.backward_ = backward
        return tensor(forward(_numpy(given)))

    @staticmethod
    def backward(ctx: Any, grad: Any) -> Any:
        return tensor(ctx.backward_(_numpy(grad))), None, None


class Torch:
    """A network of PyTorch; its layers are the modules that contain no further ones."""

    def __init__(self, model: Any) -> None:
        self.model = model

    def run(self, x: Array, cotangent: Callable[..., Array], through: Through | None) -> Run:
        """Return everything that passes through the network."""
        run = Run([])
        start = tensor(x, requires_grad=True)
        with one_thread(), ExitStack() as hooks:
            for name, module in self.layers().items():
                hooks.enter_context(_recorded(run.nodes, name, module, through))
            try:
                output = self.model(start)
                run.output = _numpy(output)
                named = {n: p for n, p in self.model.named_parameters() if p.requires_grad}
                sources = [start, *named.values()]
                run.cotangent = cotangent(run.output.shape)
                grad_output = tensor(run.cotangent)
                grads = torch.autograd.grad(output, sources, grad_output, allow_unused=True)
                run.grad_input = _numpy(grads[0])
                found = zip(named, grads[1:], strict=True)
                run.grads = {name: _numpy(grad) for name, grad in found if grad is not None}
            except Exception as error:
                run.error = f"raised {type(error).__name__}: {error}"
        return run

    def alone(self, node: Node, x: Array, grad_output: Array | None) -> dict[str, Array]:
        """Return the output and, with `grad_output`, all gradients of one layer."""
        buffers = {name: buffer.clone() for name, buffer in node.layer.named_buffers()}
        named = {n: p for n, p in node.layer.named_parameters() if p.requires_grad}
        start = tensor(x, requires_grad=True)
        try:
            with one_thread():
                # A layer that works in place must not meet a leaf.
                output = node.layer(start.clone())
                results = {"output": _numpy(output)}
                if grad_output is not None:
                    cotangent = tensor(grad_output)
                    sources = [start, *named.values()]
                    grads = torch.autograd.grad(output, sources, cotangent, allow_unused=True)
                    names = ("grad_input", *(f"grad_{name}" for name in named))
                    found = zip(names, grads, strict=True)
                    results |= {name: _numpy(grad) for name, grad in found if grad is not None}
            return results
        finally:
            for name, buffer in node.layer.named_buffers():
                buffer.copy_(buffers[name])

    def weights(self) -> dict[str, Array]:
        """Return copies of all parameters and buffers by their dotted names."""
        return {name: _numpy(entry) for name, entry in self.model.state_dict().items()}

    def load(self, weights: Mapping[str, Array]) -> None:
        """Set all parameters and buffers."""
        self.model.load_state_dict({name: tensor(w) for name, w in weights.items()})

    def parameters(self, node: Node) -> list[str]:
        """Return the names of the parameters of one layer."""
        return [name for name, _ in node.layer.named_parameters()]

    def layers(self) -> dict[str, Any]:
        """Return the modules that contain no further ones by their dotted names."""
        named = self.model.named_modules()
        return {name: module for name, module in named if not list(module.children())}


@contextmanager
def _recorded(nodes: list[Node], name: str, module: Any, through: Through | None) -> Iterator[None]:
    """Write down each call of a module."""
    pass_on = through or (lambda node, quantity, array: array)

    def before(module: Any, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
        turn = sum(node.name == name for node in nodes)
        node = Node(name, turn, module, _numpy(arguments[0]))
        nodes.append(node)

        def backward(grad: Array) -> Array:
            node.grad_input = grad
            return pass_on(node, "grad_input", grad)

        return (_Passed.apply(arguments[0], lambda x: x, backward), *arguments[1:])

    def after(module: Any, arguments: tuple[Any, ...], output: Any) -> Any:
        node = [node for node in nodes if node.name == name][-1]

        def forward(array: Array) -> Array:
            node.output = array
            return pass_on(node, "output", array)

        def backward(grad: Array) -> Array:
            node.grad_output = grad
            return grad

        return _Passed.apply(output, forward, backward)

    handles = [module.register_forward_pre_hook(before), module.register_forward_hook(after)]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _numpy(given: Any) -> Array:
    array: Array = np.array(given.detach().cpu().numpy())
    return array
