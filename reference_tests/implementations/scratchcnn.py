"""scratchcnn as a subject: each forward with its explicit gradients, found by their names.

The contract of scratchcnn names what a gradient takes: the arrays of the operation, `y` for its
output, `input_shape` or `weight_shape` for the shape of an array, fields of what the forward
saved, and hyperparameters. So most operations need no line here.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from reference_tests.implementation import Implementation
from reference_tests.operation import Operation
from reference_tests.operations import CATALOGUE
from scratchcnn import functional as F
from scratchcnn import optim


def _indexed(name: str) -> Callable[..., Any]:
    forward = getattr(F, name)
    return lambda *arrays, **hyper: forward(*arrays, **{**hyper, "return_indices": True})


# Forms of a forward that also return, in a NamedTuple, what gradients need besides the output.
SAVING = {
    **{
        name.removesuffix("_with_mask"): getattr(F, name)
        for name in F.__all__
        if name.endswith("_with_mask")
    },
    "rrelu": F.rrelu_with_noise,
    **{
        f"{name}{spatial}d": _indexed(f"{name}{spatial}d")
        for name in ("max_pool", "adaptive_max_pool")
        for spatial in (1, 2, 3)
    },
}
# A record whose function has another name.
NAMES = {"conv2d_untied_bias": "conv2d"}


def _gradient(name: str, array: str) -> Callable[..., Any] | None:
    """Return the gradient of one array, if the library has it."""
    public = "input" if array == "x" else array
    for gradient in (f"{name}_{public}_grad", f"{name}_grad" if array == "x" else ""):
        if hasattr(F, gradient):
            return getattr(F, gradient)  # type: ignore[no-any-return]
    if hasattr(F, f"{name}_grads"):
        # One pass over the data gives several gradients, as a NamedTuple.
        together = getattr(F, f"{name}_grads")

        def single(grad_output: Any, **known: Any) -> Any:
            return getattr(together(grad_output, **known), public, None)

        single.__signature__ = inspect.signature(together)  # type: ignore[attr-defined]
        return single
    return None


@cache
def _names(function: Callable[..., Any]) -> tuple[str, ...]:
    """Return the parameters of a gradient after the first, which is that of the output."""
    return tuple(inspect.signature(function).parameters)[1:]


def _wanted(function: Callable[..., Any], known: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of a gradient among all that is known of the forward."""
    return {name: known[name] for name in _names(function) if name in known}


def _paired(operation: Operation) -> Callable[..., Any]:
    """Return a forward of `scratchcnn.functional` with the pullback of all its gradients."""
    name = NAMES.get(operation.name, operation.name)
    forward = getattr(F, name)
    gradients = {array: _gradient(name, array) for array in operation.differentiable}
    names = tuple(inspect.signature(forward).parameters)

    def call(*given: Any, **hyper: Any) -> Any:
        bound = {**dict(zip(names, given, strict=False)), **hyper}
        arrays = {array: bound.get(array) for array in operation.arrays}
        result = SAVING.get(name, forward)(*given, **hyper)
        known = {**bound, **arrays}
        for array, value in arrays.items():
            if value is not None:
                known["input_shape" if array == "x" else f"{array}_shape"] = value.shape
        if "weight_shape" in known:
            known.setdefault("kernel_size", known["weight_shape"][2:])
        output = result
        if name in SAVING:
            known.update(result._asdict())
            # What a user calls is judged, beside the form that saves.
            output = result.output if "rng" in bound else forward(*given, **hyper)
        known["y"] = output

        def pullback(grad_output: Any) -> Any:
            found = dict.fromkeys(operation.arrays)
            for array, gradient in gradients.items():
                if gradient is not None and operation.wants_grad(array, arrays[array]):
                    found[array] = gradient(grad_output, **_wanted(gradient, known))
            return tuple(found.values())

        return output, pullback

    return call


def _callable(operation: Operation) -> Callable[..., Any] | None:
    if operation.arrays[:2] == ("params", "grads"):
        return getattr(optim, operation.name, None)
    if hasattr(F, NAMES.get(operation.name, operation.name)):
        return _paired(operation)
    return None


subject = Implementation(
    "scratchcnn",
    {
        name: function
        for name, operation in CATALOGUE.items()
        if (function := _callable(operation)) is not None
    },
    source="from reference_tests.implementations.scratchcnn import subject",
    strict=True,
)
