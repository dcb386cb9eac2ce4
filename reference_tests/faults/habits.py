"""Mistakes that any operation can have: what it keeps, what it hands out, in which dtype.

They are about the code around the numbers, so each stands here for the operations in which people
have it most often. Two mistakes of a network are none of any operation, and no row here: a shared
weight whose gradient is overwritten instead of summed, and a shortcut whose gradient is missing.
`reference_tests.networks` finds them, since every layer alone is right there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from reference_tests.case import Case
from reference_tests.faults import flattening
from reference_tests.faults.fault import Fault, Hyper, Inputs, Shapes
from reference_tests.faults.table import Changes, given, listed

Array = Any
Function = Callable[..., Any]

_GRADS = ("grad_input", "grad_weight", "grad_bias")
_STEPS = ("sgd", "adam", "adamw", "nadam", "radam", "adamax", "adagrad", "adadelta", "rmsprop")
# A smallest call of each operation, whose results are others if its arrays are reversed.
_IMAGE = {"x": [[[[1.0, 3.0]]]], "grad_output": [[[[1.0, 3.0]]]]}
_NORMED = {"x": [[[1.0, 5.0, 2.0]]], "weight": [2.0], "bias": [1.0], "training": True}
_COLUMN = {"x": [[1.0], [3.0]], "grad_output": [[1.0], [3.0]]}
_VECTOR = {"x": [-1.0, 3.0], "grad_output": [1.0, 3.0]}
_STEP = {"params": [[1.0], [-3.0]], "grads": [[1.0], [2.0]], "lr": 0.25, "rho": 0.5}
_CALLS: Mapping[str, dict[str, Any]] = {
    "conv2d": {**_IMAGE, "weight": [[[[2.0]]]], "bias": [1.0]},
    "linear": {
        "x": [[1.0], [3.0]],
        "weight": [[2.0]],
        "bias": [1.0],
        "grad_output": [[1.0], [3.0]],
    },
    "max_pool2d": {**_IMAGE, "kernel_size": (1, 2), "grad_output": 1.0},
    "avg_pool2d": {**_IMAGE, "kernel_size": (1, 1)},
    "batch_norm": {**_NORMED, "grad_output": [[[1.0, 3.0, 0.0]]]},
    "layer_norm": {
        "x": [[1.0, 5.0, 2.0]],
        "weight": [1.0, 2.0, 3.0],
        "bias": [1.0, 2.0, 3.0],
        "normalized_shape": (3,),
        "grad_output": [[1.0, 3.0, 0.0]],
    },
    **dict.fromkeys(("relu", "leaky_relu", "elu", "sigmoid", "tanh"), _VECTOR),
    "softmax": {"x": [[1.0, 3.0]], "dim": -1, "grad_output": [[1.0, 3.0]]},
    "cross_entropy": {"x": [[1.0, 3.0]], "target": [[1.0, 0.0]], "grad_output": 1.0},
    "mse_loss": {"x": [1.0, 3.0], "target": [2.0, 7.0], "grad_output": 1.0},
    "flatten": _IMAGE | {"grad_output": [1.0, 3.0]},
    **dict.fromkeys(_STEPS, _STEP),
}
_DIFFERENTIABLE = tuple(name for name in _CALLS if name not in _STEPS)
_WEIGHTED = ("conv2d", "linear", "batch_norm", "layer_norm")


def _call(**changes: Any) -> Callable[[str], Case]:
    """Return what makes the smallest call of an operation."""
    return lambda operation: given(**{**_CALLS[operation], **changes})(operation)


def _flat(operation: str) -> Case:
    """Return a call on equal numbers, which are the same from either end."""
    ones = np.ones_like(np.asarray(_CALLS[operation]["x"], float))
    targets = {"mse_loss": [2.0, 2.0], "cross_entropy": [[0.5, 0.5]]}
    more: dict[str, Any] = {"target": targets.get(operation)}
    more |= {"weight": [2.0] * 3, "bias": [1.0] * 3} if operation == "layer_norm" else {}
    return _call(x=ones, **more)(operation)


def _silent(operation: str) -> Case:
    """Return a call with a cotangent of zeros."""
    return _call(grad_output=0.0)(operation)


def _sevenths(operation: str) -> Case:
    """Return a call on numbers that float32 rounds."""
    values = {name: np.asarray(_CALLS[operation][name]) / 7 for name in ("x", "grad_output")}
    return _call(**values)(operation)


def _zeros(operation: str) -> Case:
    """Return a call on zeros, which an activation leaves as they are."""
    return _call(x=[0.0, 0.0])(operation)


def _positive(operation: str) -> Case:
    """Return a call on what a rectifier leaves as it is."""
    return _call(x=[1.0, 3.0])(operation)


def _still(operation: str) -> Case:
    """Return a step that goes nowhere."""
    return _call(lr=0.0)(operation)


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


def _through(dtype: str) -> Callable[[Array, Inputs], Array]:
    """Return what rounds floats to those of a dtype."""
    narrow = _out(dtype)
    return lambda result, inputs: narrow(result, inputs).astype(result.dtype)


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


def _given(name: str) -> Callable[[Hyper, Shapes], bool]:
    """Return whether there are numbers, and a weight or a bias."""
    return lambda hyper, shapes: _filled(hyper, shapes) and shapes.get(name, ()) is not None


def _added(name: str) -> Changes:
    return {"after": lambda grad, inputs: grad * inputs.turn, "shows_if": _given(name)}


_WIDE: Changes = {"finish": _out("float64"), "shows_if": _always}
_NARROW: Changes = {"before": _in("float32"), "finish": _out("float32"), "shows_if": _always}
_ROUNDED: Changes = {"finish": _through("float32"), "shows_if": _filled}
_CLEARED = (
    "not-cleared",
    "{} of a second call of the pullback is added to that of the first.",
    "{} of call t is the sum of those of calls 1 to t, not that of call t",
    "one backward call, or a cotangent of zeros",
    (_call(), _silent),
)
_CACHED = (
    "cache-overwritten",
    "{} comes from the arrays of the last call, whichever call it belongs to.",
    "{} of what the layer kept last, such as self.x, not of the arrays of its own call",
    "each backward call right after its forward call, or equal arrays",
    (_call(), _flat),
    {"wrap": _of_the_last_call, "shows_if": _filled},
)
_OTHER_DTYPES = (
    (
        "float64",
        "{} is float64 for arrays of float32.",
        "{} in float64, as of np.zeros(shape) or a constant that is an array",
        "arrays of float64",
        (_call(), _call()),
        _WIDE,
    ),
    (
        "float32",
        "{} is float32 for arrays of float64.",
        "{} in float32, as of arrays that were made so beforehand",
        "arrays of float32",
        (_call(), _call()),
        _NARROW,
    ),
    (
        "rounded-to-float32",
        "{} is rounded to float32 for arrays of float64, and returned as float64.",
        "{} as it is after an array of float32 has held it",
        "arrays of float32, or numbers of few digits",
        (_sevenths, _call()),
        _ROUNDED,
    ),
)

_TABLE: tuple[tuple[Any, ...], ...] = (
    (
        tuple(name for name in _DIFFERENTIABLE if name not in ("flatten", "avg_pool2d")),
        *_CLEARED,
        _added("x"),
        ("grad_input",),
    ),
    # That of convolutions is in a row of theirs.
    (_WEIGHTED[1:], *_CLEARED, _added("weight"), ("grad_weight",)),
    (_WEIGHTED, *_CLEARED, _added("bias"), ("grad_bias",)),
    (
        (
            "max_pool2d",
            "batch_norm",
            "layer_norm",
            "relu",
            "sigmoid",
            "tanh",
            "softmax",
            "cross_entropy",
            "mse_loss",
        ),
        *_CACHED,
        ("grad_input",),
    ),
    (("conv2d", "linear"), *_CACHED, ("grad_weight",)),
    (
        (
            "conv2d",
            "linear",
            "avg_pool2d",
            "batch_norm",
            "layer_norm",
            "relu",
            "sigmoid",
            "softmax",
        ),
        "output-overwritten",
        "{} lies in an array that the next call writes into.",
        "self.out[...] = y; return self.out",
        "one call at a time, or equal numbers",
        (_call(), _flat),
        {"wrap": _into_a_buffer, "shows_if": _filled},
    ),
    (
        ("relu", "leaky_relu", "elu", "tanh"),
        "input-overwritten",
        "{} is written into the input, which belongs to the caller.",
        "x[...] = f(x); return x",
        "what the function leaves as it is",
        (_call(), _zeros),
        {"wrap": _in_place, "shows_if": _filled},
    ),
    (
        ("relu", "leaky_relu", "elu"),
        "cotangent-overwritten",
        "The gradient is written into grad_output, which belongs to the caller.",
        "grad_output[x <= 0] = 0; return grad_output",
        "a slope of 1 everywhere, or one use of grad_output",
        (_call(), _positive),
        {"wrap": _pulled_in_place, "shows_if": _filled},
    ),
    (
        _STEPS,
        "parameters-overwritten",
        "{} is written into the parameters, though the judge's step returns new ones.",
        "params -= lr * move; return params",
        "a rate of 0",
        (_call(), _still),
        {"wrap": _stepped_in_place, "shows_if": lambda h, s: _filled(h, s) and h["lr"] != 0},
        ("params",),
    ),
    *(
        row
        for name, *rest in _OTHER_DTYPES
        for row in (
            (_DIFFERENTIABLE, name, *rest, ("output", "grad_input")),
            (_WEIGHTED, name, *rest, ("grad_weight", "grad_bias")),
        )
    ),
)

FAULTS: list[Fault] = [
    *flattening.FAULTS,
    *(
        fault
        for operations, *row in _TABLE
        for fault in listed("network", "The output", operations, *row)
    ),
]
