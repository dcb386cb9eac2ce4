"""How a layer is constructed, given its weights and run, as a whole or by samples."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from reference_tests.adapters import access
from reference_tests.adapters.construction import arguments, facts_of
from reference_tests.adapters.options import Options
from reference_tests.adapters.pulling import pulled

if TYPE_CHECKING:
    Arrays = Mapping[str, Any]


def run(
    options: Options, arrays: Arrays, hyper: Mapping[str, Any]
) -> tuple[Any, Callable[[Any], dict[str, Any]]]:
    """Return the output of a layer, and what gives its gradients by name."""
    rate = options.rates(arrays[options.inputs[0]].dtype)[0]
    layer, output = _called(options, arrays, hyper, rate)
    unused = [layer]

    def ready(asked: float) -> Any:
        if options.fresh:
            # The first to be asked for is at the rate of the call.
            return unused.pop() if unused else _called(options, arrays, hyper, asked)[0]
        # An update of the backward before must not be in the weights.
        _set(options, layer, arrays)
        return layer

    def pull(grad_output: Any) -> dict[str, Any]:
        return pulled(options, ready, arrays, grad_output, scalar=np.ndim(output) == 0)

    return output, pull


def run_by_samples(
    options: Options, arrays: Arrays, hyper: Mapping[str, Any]
) -> tuple[Any, Callable[[Any], dict[str, Any]]]:
    """Return the stacked outputs of samples, and what joins their gradients."""
    x, layout = arrays[options.inputs[0]], options.layouts["input"]
    assert layout is not None
    axes = len(layout.source)
    if x.ndim == axes:
        return run(options, arrays, hyper)
    if x.ndim != axes + 1 or not len(x):
        raise NotImplementedError(
            f"the input has shape {x.shape}, and the layer takes one sample of the axes "
            f"{layout.target}"
        )
    runs = []
    for place in range(len(x)):
        sample = {name: arrays[name][place] for name in options.inputs}
        runs.append(run(options, {**arrays, **sample}, hyper))

    def pull(grad_output: Any) -> dict[str, Any]:
        found = [pull(grad_output[place]) for place, (_, pull) in enumerate(runs)]
        return {
            name: _joined([grads[name] for grads in found], name in options.inputs)
            for name in found[0]
        }

    return np.stack([output for output, _ in runs]), pull


def _joined(parts: list[Any], stacked: bool) -> Any:
    """Return the gradient of a batch: samples have their own inputs, but share the weights."""
    if any(part is None for part in parts):
        return None
    return np.stack(parts) if stacked else np.sum(np.stack(parts), axis=0)


def _called(
    options: Options, arrays: Arrays, hyper: Mapping[str, Any], rate: float
) -> tuple[Any, Any]:
    """Return a layer after its forward, and the output with PyTorch's axes."""
    layer = _made(options, arrays, hyper, rate)
    _set(options, layer, arrays)
    first, *others = (arrays[name] for name in options.inputs)
    result = access.method(layer, options.forward)(options.there("input", first), *others)
    return layer, options.back("output", result)


def _made(options: Options, arrays: Arrays, hyper: Mapping[str, Any], rate: float) -> Any:
    """Return a new layer, or the one that was constructed alike."""
    x, weight, bias = arrays[options.inputs[0]], arrays.get("weight"), arrays.get("bias")
    layout = options.layouts["weight"]
    transposed = layout is not None and layout.source.startswith("I")
    axes = options.layouts["input"]
    channels = axes.source.index("C") if axes is not None and "C" in axes.source else 1
    facts = facts_of(x, weight, bias, hyper.get("groups", 1), transposed, channels)
    facts["input_shape"] = _sample_shape(options, x)
    facts["learning_rate"] = rate
    for name, array in (("weight", weight), ("bias", bias)):
        if array is not None:
            facts[f"{name}_shape"] = options.there(name, array).shape
    chosen = arguments(options.construct, facts, hyper, options.scalars)
    if options.fresh:
        return options.construct(**chosen)
    key = repr(sorted(chosen.items()))
    if key not in options.kept:
        options.kept[key] = options.construct(**chosen)
    return options.kept[key]


def _sample_shape(options: Options, x: Any) -> tuple[int, ...]:
    """Return the shape of an input without its batch axis, as the layer sees it."""
    layout = options.layouts["input"]
    if layout is None:
        return tuple(x.shape[1:])
    shape = options.there("input", x).shape
    return tuple(n for place, n in enumerate(shape) if layout.target[place] != "N")


def _set(options: Options, layer: Any, arrays: Arrays) -> None:
    """Give a layer copies of the arrays that it holds: it may change them."""
    for name, path in options.buffers.items():
        if arrays[name] is None:
            raise NotImplementedError(f"the layer always has its {name}")
        access.write(layer, path, arrays[name].copy())
    held = {
        name: None if arrays.get(name) is None else options.there(name, arrays[name]).copy()
        for name in options.held
    }
    if options.set_weights is not None:
        options.set_weights(layer, *held.values())
        return
    for name, path in options.held.items():
        if held[name] is not None:
            access.write(layer, path, held[name])
        elif path is not None and access.has(layer, path):
            _neutralize(layer, path, name, arrays[options.inputs[0]].dtype)


def _neutralize(layer: Any, path: str, name: str, dtype: Any) -> None:
    """Set what the call lacks to what changes nothing."""
    before = access.read(layer, path)
    if before is not None:
        fill = np.ones if name == "weight" else np.zeros
        access.write(layer, path, fill(np.shape(before), dtype))
