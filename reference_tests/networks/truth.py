"""The truth about one layer on given arrays, from the definition of its operation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from reference_tests.networks.sides import Node, Side
from reference_tests.operation import REQUIRED, Operation
from reference_tests.operations import CATALOGUE
from reference_tests.references.exact import Truth, evaluated
from reference_tests.tolerance import FORMATS, Bounded, Format

Array = NDArray[Any]

_BY_KIND = {name.replace("_", ""): operation for name, operation in CATALOGUE.items()}
_BY_KIND |= {
    f"{kind}norm{spatial}d": CATALOGUE[f"{kind}_norm"]
    for kind in ("batch", "instance")
    for spatial in (1, 2, 3)
}
# A layer keeps what a function is told.
_RUNNING = ("running_mean", "running_var")


class Known(NamedTuple):
    """The operation of a layer, with its arrays but the input, and its hyperparameters."""

    operation: Operation
    arrays: Mapping[str, Array | None]
    hyper: Mapping[str, Any]


def known(node: Node) -> Known | None:
    """Return what a layer computes, by the names of its class and attributes, or None.

    A layer that draws, or has an option that its operation lacks, is not known.
    """
    operation = _BY_KIND.get(node.kind.lower())
    layer = node.layer
    if operation is None or operation.law is not None:
        return None
    if getattr(layer, "padding_mode", "zeros") != "zeros":
        return None
    hyper = {n: getattr(layer, n) for n in operation.defaults if hasattr(layer, n)}
    arrays = {n: _array(getattr(layer, n, None)) for n in operation.arrays[1:]}
    if "training" in operation.defaults:
        hyper["training"] = layer.training or arrays["running_mean"] is None
    if hyper.get("momentum", 0.0) is None:
        hyper["momentum"] = 0.0
    if hyper.get("training") and "batch" in operation.name:
        arrays |= dict.fromkeys(_RUNNING)
    lacking = [n for n, d in operation.defaults.items() if d is REQUIRED and n not in hyper]
    required = [n for n, a in arrays.items() if a is None and n not in operation.optional]
    return None if lacking or required else Known(operation, arrays, hyper)


def _array(value: Any) -> Array | None:
    """Return a parameter of whatever network as an array."""
    if value is None or isinstance(value, (bool, str)):
        return None
    data = getattr(value, "data", value)
    if hasattr(data, "detach"):
        data = data.detach().cpu().numpy()
    return np.array(data)


def truth_of(what: Known, x: Array, grad_output: Array | None) -> dict[str, Truth]:
    """Return the truth of the output and of all gradients, with bounds."""
    operation = what.operation
    # Large arrays: the truth itself is in float64, so its rounding is part of the bound.
    own, wide = FORMATS[x.dtype.name], FORMATS["float64"]
    both = Format(own.name, (own.unit + wide.unit) * 1.001, own.tiny + wide.tiny)

    def lift(array: Array | None) -> Any:
        if array is None or array.dtype.kind != "f":
            return array
        return Bounded(np.asarray(array, np.float64), np.zeros(array.shape), both)

    first, *_ = operation.arrays
    arrays = {first: x, **what.arrays}

    def cotangent(shape: tuple[int, ...]) -> Array:
        return np.zeros(shape, x.dtype) if grad_output is None else grad_output

    results = evaluated(operation, arrays, what.hyper, cotangent, lift)
    return {
        name: Truth(value.value, value.error, value.nearest)
        for name, value in results.items()
        if isinstance(value, Bounded) and (grad_output is not None or not name.startswith("grad_"))
    }


def estimated(side: Side, node: Node, x: Array, grad_output: Array | None) -> dict[str, Truth]:
    """Return the other side's results for a layer without a definition, with estimated bounds.

    The bound is eight times what they change by when input and cotangent are rounded once more,
    in four trials, beside eight roundings of the largest result.
    """
    results = side.alone(node, x, grad_output)
    unit = float(np.finfo(x.dtype).eps) / 2
    spread = {name: 8 * unit * _largest(value) for name, value in results.items()}
    for trial in range(4):
        rng = np.random.default_rng(trial)
        other = side.alone(node, _rounded(x, rng), _rounded(grad_output, rng))
        for name, value in results.items():
            spread[name] += 8 * _largest(other[name] - value)
    return {
        name: Truth(wide := np.asarray(value, np.float64), np.full(wide.shape, spread[name]), wide)
        for name, value in results.items()
    }


def _rounded(array: Array | None, rng: np.random.Generator) -> Any:
    """Return an array whose elements are one rounding away, up or down."""
    if array is None:
        return None
    return np.nextafter(array, rng.choice([-np.inf, np.inf], array.shape).astype(array.dtype))


def _largest(array: Array) -> float:
    return float(np.max(np.abs(array), initial=0.0))
