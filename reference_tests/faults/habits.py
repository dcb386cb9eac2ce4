"""Mistakes that any operation can have: what it keeps, what it hands out, in which dtype.

They are about the code around the numbers, so each stands here for the operations in which people
have it most often. Two mistakes of a network are none of any operation, and no row here: a shared
weight whose gradient is overwritten instead of summed, and a shortcut whose gradient is missing.
`reference_tests.networks` finds them, since every layer alone is right there.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from reference_tests.case import Case
from reference_tests.faults.fault import Fault, Hyper, Inputs, Shapes
from reference_tests.faults.table import Changes, given, listed

Array = Any
Function = Callable[..., Any]

_GRADS = ("grad_input", "grad_weight", "grad_bias")
_STEPS = ("sgd", "adam", "adamw", "nadam", "radam", "adamax", "adagrad", "adadelta", "rmsprop")
# A smallest call of each operation, and one whose numbers are the same from either end.
_IMAGE = {"x": [[[[1.0, 3.0]]]], "grad_output": 1.0}
_ROW = {"x": [[1.0, 3.0]], "grad_output": 1.0}
_WEIGHTED = {"weight": [[[[2.0]]]], "bias": [1.0]}
_NORMED = {"x": [[[1.0, 5.0]]], "weight": [2.0], "bias": [1.0], "training": True}
_CALLS: Mapping[str, dict[str, Any]] = {
    "conv2d": {**_IMAGE, **_WEIGHTED},
    "linear": {**_ROW, "weight": [[2.0, 3.0]], "bias": [1.0]},
    "max_pool2d": {**_IMAGE, "kernel_size": (1, 2)},
    "avg_pool2d": {**_IMAGE, "kernel_size": (1, 2)},
    "batch_norm": {**_NORMED, "grad_output": [[[1.0, 3.0]]]},
    "layer_norm": {**_ROW, "normalized_shape": (2,), "grad_output": [[1.0, 3.0]]},
    "relu": {"x": [-1.0, 3.0], "grad_output": 1.0},
    "leaky_relu": {"x": [-1.0, 3.0], "grad_output": 1.0},
    "elu": {"x": [-1.0, 3.0], "grad_output": 1.0},
    "sigmoid": {"x": [-1.0, 3.0], "grad_output": 1.0},
    "tanh": {"x": [-1.0, 3.0], "grad_output": 1.0},
    "softmax": {"x": [[1.0, 3.0]], "dim": -1, "grad_output": [[1.0, 3.0]]},
    "cross_entropy": {"x": [[1.0, 3.0]], "target": np.array([0]), "grad_output": 1.0},
    "mse_loss": {"x": [1.0, 3.0], "target": [2.0, 7.0], "grad_output": 1.0},
    "flatten": {**_IMAGE},
    **dict.fromkeys(
        _STEPS, {"params": [[1.0], [-3.0]], "grads": [[1.0], [2.0]], "lr": 0.25, "rho": 0.5}
    ),
}
_SINGLE = {"conv2d": _WEIGHTED, "linear": {"weight": [[2.0]], "bias": [1.0]}}
_INPUTS = tuple(name for name in _CALLS if name not in _STEPS)


def _call(**changes: Any) -> Callable[[str], Case]:
    """Return what makes the smallest call of an operation."""
    return lambda operation: given(**{**_CALLS[operation], **changes})(operation)


def _flat(operation: str) -> Case:
    """Return a call on equal numbers, which are the same backwards."""
    x = np.ones_like(np.asarray(_CALLS[operation]["x"], float))
    symmetric = {"target": [2.0, 2.0]} if operation == "mse_loss" else {}
    weights = {"weight": [[2.0, 2.0]]} if operation == "linear" else {}
    return given(**{**_CALLS[operation], "x": x, **symmetric, **weights})(operation)


def _always(hyper: Hyper, shapes: Shapes) -> bool:
    return True


def _filled(hyper: Hyper, shapes: Shapes) -> bool:
    return 0 not in (shapes["x"] if "x" in shapes else shapes["params"])


def _in(dtype: str) -> Callable[[Inputs], Inputs]:
    """Return what makes inputs ones of another dtype."""

    def converted(inputs: Inputs) -> Inputs:
        def changed(array: Array) -> Array:
            floating = array is not None and np.issubdtype(array.dtype, np.floating)
            return array.astype(dtype) if floating else array

        arrays = {name: changed(array) for name, array in inputs.arrays.items()}
        return inputs.but(**arrays, grad_output=changed(inputs.grad_output))

    return converted


def _out(dtype: str) -> Callable[[Array, Inputs], Array]:
    """Return what hands out floats in a dtype."""
    return lambda result, inputs: result.astype(dtype) if result.dtype.kind == "f" else result


def _of_the_last_call(function: Function) -> Function:
    """Return a callable whose pullback uses what the last call of all kept."""
    last: dict[str, Function] = {}

    def call(*arrays: Any, **hyper: Any) -> Any:
        output, last["pullback"] = function(*arrays, **hyper)
        return output, lambda grad_output: last["pullback"](grad_output)

    return call


def _into_a_buffer(function: Function) -> Function:
    """Return a callable whose outputs of one shape are all the same array."""
    buffers: dict[Any, Array] = {}

    def call(*arrays: Any, **hyper: Any) -> Any:
        output, pullback = function(*arrays, **hyper)
        kept = buffers.setdefault((output.shape, output.dtype), output)
        kept[...] = output
        return kept, pullback

    return call


def _write(array: Array, values: Array) -> None:
    """Write into an array that can have the values."""
    if array.flags.writeable and array.shape == values.shape:
        array[...] = values


def _in_place(function: Function) -> Function:
    """Return a callable that leaves its output in its input."""

    def call(x: Array, *arrays: Any, **hyper: Any) -> Any:
        output, pullback = function(x, *arrays, **hyper)
        _write(x, output)
        return output, pullback

    return call


def _pulled_in_place(function: Function) -> Function:
    """Return a callable whose pullback leaves the gradient in the cotangent."""

    def call(*arrays: Any, **hyper: Any) -> Any:
        output, pullback = function(*arrays, **hyper)

        def pull(grad_output: Array) -> Any:
            grads = pullback(grad_output)
            _write(grad_output, grads[0])
            return grads

        return output, pull

    return call


def _stepped_in_place(function: Function) -> Function:
    """Return a step that leaves the new parameters in the old ones."""

    def call(params: Any, grads: Any, state: Any = None, **hyper: Any) -> Any:
        after, state = function(params, grads, state, **hyper)
        for old, new in zip(params, after, strict=True):
            _write(old, new)
        return after, state

    return call


def _joined(hyper: Hyper, shapes: Shapes) -> tuple[int, int]:
    """Return the first and the last of the axes that are flattened."""
    axes = max(len(shapes["x"]), 1)
    return hyper["start_dim"] % axes, hyper["end_dim"] % axes


def _channels_last(inputs: Inputs) -> Inputs:
    moved = np.moveaxis(inputs["x"], *_joined(inputs.hyper, inputs.shapes))
    return inputs.but(x=moved.reshape(inputs["x"].shape))


def _from_channels_last(grad: Array, inputs: Inputs) -> Array:
    first, last = _joined(inputs.hyper, inputs.shapes)
    shape = np.moveaxis(inputs["x"], first, last).shape
    return np.moveaxis(grad.reshape(shape), last, first)


def _several(hyper: Hyper, shapes: Shapes) -> bool:
    """Return whether both the first of the axes that are flattened and the others are long."""
    first, last = _joined(hyper, shapes)
    x = shapes["x"]
    return 0 not in x and len(x) > 1 and x[first] > 1 and math.prod(x[first + 1 : last + 1]) > 1


def _fortran(x: Array, hyper: Hyper) -> tuple[Any, Any]:
    """Return the axes in which columns are read first, and the shape of these."""
    first, last = _joined(hyper, {"x": x.shape})
    order = [*range(first), *range(last, first - 1, -1), *range(last + 1, x.ndim)]
    return order, [x.shape[axis] for axis in order]


def _by_columns(inputs: Inputs) -> Inputs:
    order, _ = _fortran(inputs["x"], inputs.hyper)
    return inputs.but(x=inputs["x"].transpose(order).reshape(inputs["x"].shape))


def _from_columns(grad: Array, inputs: Inputs) -> Array:
    order, shape = _fortran(inputs["x"], inputs.hyper)
    return grad.reshape(shape).transpose(np.argsort(order))


def _of_columns(hyper: Hyper, shapes: Shapes) -> bool:
    """Return whether two of the axes that are flattened are long."""
    first, last = _joined(hyper, shapes)
    x = shapes["x"]
    return 0 not in x and sum(size > 1 for size in x[first : last + 1]) > 1


_CUBE = {"x": np.arange(1.0, 5).reshape(1, 2, 1, 2), "start_dim": 1}
_CUBE["grad_output"] = np.arange(1.0, 5).reshape(1, 4)
_ONE_CHANNEL = {**_CUBE, "x": _CUBE["x"].reshape(1, 1, 1, 4)}
_FLATTENED = _call(**_CUBE), _call(**_ONE_CHANNEL)
_EITHER = _call(), _call()
_WIDE: Changes = {"finish": _out("float64"), "shows_if": _always}
_NARROW: Changes = {"before": _in("float32"), "finish": _out("float32"), "shows_if": _always}
_ROUNDED: Changes = {"before": _in("float32"), "shows_if": _filled}
_THIRDS = {"x": 1 / 3}


def _thirds(operation: str) -> Case:
    """Return a call on numbers that float32 rounds."""
    values = _CALLS[operation]
    return given(**{**values, "x": np.asarray(values["x"]) / 3, "grad_output": 1 / 3})(operation)


def _zeros(operation: str) -> Case:
    """Return a call on zeros, which an activation leaves as they are."""
    return given(**{**_CALLS[operation], "x": np.zeros_like(_CALLS[operation]["x"])})(operation)


def _positive(operation: str) -> Case:
    """Return a call on what an activation leaves as it is."""
    return given(**{**_CALLS[operation], "x": [1.0, 3.0]})(operation)


def _still(operation: str) -> Case:
    """Return a step that goes nowhere."""
    return given(**{**_CALLS[operation], "lr": 0.0})(operation)


_TABLE: tuple[tuple[Any, ...], ...] = ()

FAULTS: list[Fault] = []
