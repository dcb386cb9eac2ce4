"""The two sides of a comparison: networks of any kind under one protocol."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
# What passes on instead of an array of a node: (node, "output" or "grad_input", array).
Through = Callable[["Node", str, Array], Array]


@dataclass(eq=False)
class Node:
    """One call of one layer.

    Attributes
    ----------
    name : str
        The dotted name of the layer.
    turn : int
        How many calls of the same layer came before.
    layer : object
        What has the parameters and hyperparameters as attributes.
    x, output, grad_output, grad_input : ndarray, optional
    """

    name: str
    turn: int
    layer: Any
    x: Array
    output: Array | None = None
    grad_output: Array | None = None
    grad_input: Array | None = None

    @property
    def kind(self) -> str:
        """The name of the layer's class, nothing for a function."""
        return "" if inspect.isroutine(self.layer) else type(self.layer).__name__


@dataclass
class Run:
    """One pass through a network, forward and backward.

    `error` says why it ended early; then `nodes` are those until there.
    """

    nodes: list[Node]
    output: Array | None = None
    grad_input: Array | None = None
    grads: dict[str, Array] | None = None
    cotangent: Array | None = None
    error: str = ""


class Side(Protocol):
    """A network that can be run, layer by layer."""

    def run(self, x: Array, cotangent: Callable[..., Array], through: Through | None) -> Run:
        """Return everything that passes through the network."""

    def alone(self, node: Node, x: Array, grad_output: Array | None) -> dict[str, Array]:
        """Return the output and, with `grad_output`, all gradients of one layer."""

    def weights(self) -> dict[str, Array]:
        """Return copies of all parameters and buffers by their dotted names."""

    def load(self, weights: Mapping[str, Array]) -> None:
        """Set all parameters and buffers."""

    def parameters(self, node: Node) -> list[str]:
        """Return the names of the parameters of one layer."""

    def layers(self) -> dict[str, Any]:
        """Return all layers by their dotted names, also those that no run has reached."""


class Traced:
    """A network that has `trace`, `named_layers` and `state_dict`, as those of scratchcnn."""

    def __init__(self, model: Any) -> None:
        self.model = model

    def run(self, x: Array, cotangent: Callable[..., Array], through: Through | None) -> Run:
        """Return everything that passes through the network."""
        calls: list[Any] = []

        def passed(call: Any, array: Array) -> Array:
            if call not in calls:
                calls.append(call)
            if through is None:
                return array
            quantity = "output" if call.grad_output is None else "grad_input"
            return through(self._node(call), quantity, array)

        run = Run([])
        try:
            trace = self.model.trace(x, passed)
            run.output = np.asarray(trace.output)
            kept = self._cleared()
            try:
                run.cotangent = cotangent(run.output.shape)
                run.grad_input = trace.pullback(run.cotangent)
                run.grads = self._grads(self.model)
            finally:
                self._restored(kept)
        except Exception as error:
            run.error = f"raised {type(error).__name__}: {error}"
        run.nodes = [self._node(call) for call in calls]
        return run

    def _node(self, call: Any) -> Node:
        arrays = (call.x, call.output, call.grad_output, call.grad_input)
        return Node(call.name, call.turn, call.layer, *arrays)

    def alone(self, node: Node, x: Array, grad_output: Array | None) -> dict[str, Array]:
        """Return the output and, with `grad_output`, all gradients of one layer."""
        buffers = {name: buffer.copy() for name, buffer in node.layer.named_buffers()}
        kept = self._cleared()
        try:
            output, pullback = node.layer.vjp(x)
            results = {"output": output}
            if grad_output is not None:
                results["grad_input"] = pullback(grad_output)
                grads = self._grads(node.layer)
                results.update({f"grad_{name}": grad for name, grad in grads.items()})
            return results
        finally:
            self._restored(kept)
            for name, buffer in node.layer.named_buffers():
                buffer[...] = buffers[name]

    def _cleared(self) -> list[Any]:
        kept = [(parameter, parameter.grad) for parameter in self.model.parameters()]
        for parameter, _ in kept:
            parameter.grad = None
        return kept

    def _restored(self, kept: list[Any]) -> None:
        for parameter, grad in kept:
            parameter.grad = grad

    def _grads(self, module: Any) -> dict[str, Array]:
        named = module.named_parameters()
        return {name: p.grad.copy() for name, p in named if p.grad is not None}

    def weights(self) -> dict[str, Array]:
        """Return copies of all parameters and buffers by their dotted names."""
        return dict(self.model.state_dict())

    def load(self, weights: Mapping[str, Array]) -> None:
        """Set all parameters and buffers."""
        self.model.load_state_dict(weights)

    def parameters(self, node: Node) -> list[str]:
        """Return the names of the parameters of one layer."""
        return [name for name, _ in node.layer.named_parameters()]

    def layers(self) -> dict[str, Any]:
        """Return all layers by their dotted names."""
        return dict(self.model.named_layers())


class Chain:
    """A network as a list of (name, callable), each returning ``(output, pullback)``.

    A pullback returns the gradient of its input, or a tuple that starts with it and goes on with
    the gradients of the layer's parameters, in the order of the other side's.
    """

    def __init__(self, layers: Sequence[tuple[str, Callable[..., Any]]]) -> None:
        self.named = list(layers)

    def run(self, x: Array, cotangent: Callable[..., Array], through: Through | None) -> Run:
        """Return everything that passes through the network."""
        run, pullbacks = Run([]), []
        pass_on = through or (lambda node, quantity, array: array)
        try:
            for name, function in self.named:
                output, pullback = function(x)
                output = np.asarray(output)
                node = Node(name, 0, function, x, output)
                run.nodes.append(node)
                pullbacks.append((node, pullback))
                x = pass_on(node, "output", output)
            run.output, run.grads = x, {}
            grad = run.cotangent = cotangent(x.shape)
            for node, pullback in reversed(pullbacks):
                node.grad_output = grad
                node.grad_input, *others = _grads(pullback(grad))
                run.grads |= {f"{node.name}.{i}": g for i, g in enumerate(others)}
                grad = pass_on(node, "grad_input", node.grad_input)
            run.grad_input = grad
        except Exception as error:
            run.error = f"raised {type(error).__name__}: {error}"
        return run

    def alone(self, node: Node, x: Array, grad_output: Array | None) -> dict[str, Array]:
        """Return the output and, with `grad_output`, all gradients of one layer."""
        output, pullback = node.layer(x)
        results = {"output": np.asarray(output)}
        if grad_output is not None:
            grad, *others = _grads(pullback(grad_output))
            results["grad_input"] = grad
            results |= {f"grad_{i}": other for i, other in enumerate(others)}
        return results

    def weights(self) -> dict[str, Array]:
        """Return nothing: the functions have their weights inside."""
        return {}

    def load(self, weights: Mapping[str, Array]) -> None:
        """Do nothing: the functions have their weights inside."""

    def parameters(self, node: Node) -> list[str]:
        """Return nothing: the names are the other side's."""
        return []

    def layers(self) -> dict[str, Any]:
        """Return all layers by their names."""
        return dict(self.named)


def _grads(pulled: Any) -> list[Any]:
    return list(pulled) if isinstance(pulled, (tuple, list)) else [pulled]


def side(network: Any, role: str) -> Side:
    """Return a network under the protocol.

    Raises
    ------
    TypeError
        If it is neither a torch.nn.Module, nor has `trace` and `named_layers`, nor is a sequence
        of (name, callable).
    """
    if any(kind.__module__.startswith("torch.nn") for kind in type(network).__mro__):
        from reference_tests.networks.torch_side import Torch

        return Torch(network)
    if hasattr(network, "trace") and hasattr(network, "named_layers"):
        return Traced(network)
    if isinstance(network, Sequence) and network and all(map(_is_layer, network)):
        names = [name for name, _ in network]
        if len(set(names)) < len(names):
            raise ValueError(f"compare: {role} has two layers of one name among {names}")
        return Chain(network)
    raise TypeError(
        f"compare: {role} is a {type(network).__name__}, expected a torch.nn.Module, a network "
        "with trace and named_layers, or a sequence of (name, callable)"
    )


def _is_layer(item: Any) -> bool:
    return (
        isinstance(item, tuple)
        and len(item) == 2
        and isinstance(item[0], str)
        and callable(item[1])
    )
