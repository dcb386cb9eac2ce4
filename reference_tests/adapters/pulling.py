"""The gradients of a layer: returned, kept in attributes, or recovered from an update."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from reference_tests.adapters import access
from reference_tests.adapters.options import Options


def pulled(
    options: Options,
    ready: Callable[[float], Any],
    arrays: Mapping[str, Any],
    grad_output: Any,
    scalar: bool,
) -> dict[str, Any]:
    """Return the gradients by name, with PyTorch's axes.

    ``ready(rate)`` is a layer after its forward, with its weights.
    """
    given = [name for name in options.held if arrays.get(name) is not None]
    first, *others = options.rates(np.asarray(arrays[options.inputs[0]]).dtype)
    layer = ready(first)
    if options.gradients == "update":
        found = _recovered(options, layer, given, grad_output, first)
        for rate in others:
            if all(np.isfinite(found[name]).all() for name in given):
                break
            again = _recovered(options, ready(rate), given, grad_output, rate)
            for name in given:
                found[name] = np.where(np.isfinite(found[name]), found[name], again[name])
    elif options.gradients == "returned":
        result = _backward(options, layer, grad_output, first, scalar)
        parts = result if isinstance(result, (tuple, list)) else (result,)
        found = {name: parts[place] for place, name in enumerate(options.returned[: len(parts)])}
    else:
        found = {options.inputs[0]: _backward(options, layer, grad_output, first, scalar)}
        for name in given:
            path = options.grads[name]
            found[name] = None if path is None else access.read(layer, path)
    if options.input_grad is not None:
        found[options.inputs[0]] = access.read(layer, options.input_grad)
    elif isinstance(found[options.inputs[0]], tuple):
        raise TypeError(
            f"backward returned {len(found[options.inputs[0]])} values, expected the gradient of "
            f"{options.inputs[0]}: with gradients='returned' it may return several"
        )
    return {name: options.grad_back(name, grad) for name, grad in found.items()}


def _backward(
    options: Options, layer: Any, grad_output: Any, rate: float, scalar: bool = False
) -> Any:
    """Call `backward` with what it takes: the gradient, a learning rate too, or nothing."""
    backward = access.method(layer, options.backward)
    takes = [access.accepts(layer, options.backward, count) for count in range(3)]
    if takes[0] and not takes[1]:
        return _of_loss(backward(), grad_output, scalar)
    layout = options.layouts["output"]
    grad = grad_output
    if layout is not None and grad.ndim == len(layout.source):
        grad = layout.there(grad)
    updates = options.gradients == "update" or not takes[1]
    return backward(grad, rate) if takes[2] and updates else backward(grad)


def _of_loss(result: Any, grad_output: Any, scalar: bool) -> Any:
    """Return the gradient of a scalar output for any cotangent."""
    if not scalar:
        raise NotImplementedError("backward() takes no gradient, and the output is no scalar")
    if isinstance(result, (tuple, list)):
        return tuple(np.asarray(part) * grad_output for part in result)
    return np.asarray(result) * grad_output


def _recovered(
    options: Options, layer: Any, given: list[str], grad_output: Any, rate: float
) -> dict[str, Any]:
    """Return the gradients that an update subtracted; see the notes of `from_layer`."""
    before = {name: np.array(access.read(layer, options.held[name])) for name in given}
    # What overflows at that rate is infinite, and is asked for again at the next.
    with np.errstate(over="ignore", invalid="ignore"):
        found = {options.inputs[0]: _backward(options, layer, grad_output, rate)}
        if options.step is not None:
            step = access.method(layer, options.step)
            step(rate) if access.accepts(layer, options.step, 1) else step()
        for name, value in before.items():
            after = np.asarray(access.read(layer, options.held[name]))
            found[name] = (value - after) / rate
    return found
