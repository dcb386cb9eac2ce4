"""The records of one step of each optimizer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from reference_tests.case import Case, Spec
from reference_tests.draw import Draw
from reference_tests.operation import REQUIRED, Invalid, Operation
from reference_tests.strategies import finished
from reference_tests.tolerance import Bounded, scalar, sqrt, where


def _chosen(a: Any, b: Any) -> Any:
    """Return the larger of two arrays."""
    if isinstance(a, Bounded):
        return where(a.value >= b.value, a, b)
    return np.maximum(a, b)


def sgd(
    params: Any,
    grads: Any,
    momentum_buffer: Any = None,
    *,
    lr: float,
    momentum: float = 0.0,
    dampening: float = 0.0,
    weight_decay: float = 0.0,
    nesterov: bool = False,
    maximize: bool = False,
) -> Any:
    """Return the parameters, and with momentum the velocity, after one step."""
    slope = -grads if maximize else grads
    if weight_decay:
        slope = slope + weight_decay * params
    if not momentum:
        return params - lr * slope
    velocity = slope
    if momentum_buffer is not None:
        velocity = momentum * momentum_buffer + (1 - dampening) * slope
    move = slope + momentum * velocity if nesterov else velocity
    return params - lr * move, velocity


def adam(
    params: Any,
    grads: Any,
    exp_avg: Any = None,
    exp_avg_sq: Any = None,
    max_exp_avg_sq: Any = None,
    *,
    step: int = 0,
    lr: float = 1e-3,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 0.0,
    amsgrad: bool = False,
    maximize: bool = False,
) -> Any:
    """Return the parameters, the moments and with `amsgrad` the largest second one."""
    slope = -grads if maximize else grads
    if weight_decay:
        slope = slope + weight_decay * params
    first = (1 - betas[0]) * slope
    second = (1 - betas[1]) * (slope * slope)
    if exp_avg is not None:
        first = betas[0] * exp_avg + first
        second = betas[1] * exp_avg_sq + second
    largest = second
    if amsgrad and max_exp_avg_sq is not None:
        largest = _chosen(max_exp_avg_sq, second)
    step += 1
    # Hyperparameters meet each other in float64, whatever the dtype of the arrays.
    powers = [scalar(1.0), scalar(1.0)]
    for _ in range(step):
        powers = [power * scalar(beta) for power, beta in zip(powers, betas, strict=True)]
    size: Any = scalar(lr) / (1 - powers[0])
    root: Any = sqrt(1 - powers[1])
    if not isinstance(params, Bounded):
        size, root = float(size.value), float(root.value)
    # The array comes first: its format, not that of `size`, is what the product is rounded to.
    params = params - first / (sqrt(largest) / root + eps) * size
    return (params, first, second, largest) if amsgrad else (params, first, second)


def _split(array: Any) -> list[Any]:
    """Return an array as two parameters of different shape: the first row, and the rest."""
    return [array[0], array[1:]]


def _joined(parts: Any) -> Any:
    if not isinstance(parts, (list, tuple)) or len(parts) != 2:
        raise ValueError(f"has {parts!r}, expected a list of two arrays")
    first, rest = map(np.asarray, parts)
    return np.concatenate([first[None], rest])


def _call(*names: str) -> Callable[..., Any]:
    """Return how to call ``step(params, grads, state, …) -> (params, state)``."""

    def call(function: Callable[..., Any], arrays: Mapping[str, Any], hyper: Any) -> Any:
        hyper = dict(hyper)
        state: dict[str, Any] | None = None
        if arrays[names[0]] is not None:
            state = {n: _split(arrays[n]) for n in names if arrays[n] is not None}
            if "exp_avg" in names:
                state["step"] = hyper.pop("step", 0)
        hyper.pop("step", None)
        params, after = function(_split(arrays["params"]), _split(arrays["grads"]), state, **hyper)
        if state is not None and "step" in state and after["step"] != state["step"] + 1:
            raise ValueError(f"the step after {state['step']} is {after['step']}")
        results = [_joined(params), *(_joined(after[name]) for name in names if name in after)]
        return results[0] if len(results) == 1 else tuple(results)

    return call


def _written(*names: str) -> Callable[..., str]:
    """Return how to write the call of `_call`."""

    def write(arrays: Mapping[str, Any], hyper: Mapping[str, Any]) -> str:
        hyper = dict(hyper)
        step = hyper.pop("step", 0)
        entries = [f"{n!r}: [{n}[0], {n}[1:]]" for n in names if arrays[n] is not None]
        if entries and "exp_avg" in names:
            entries.append(f"'step': {step}")
        state = f"{{{', '.join(entries)}}}" if entries else "None"
        options = "".join(f", {name}={value!r}" for name, value in hyper.items())
        lists = "[params[0], params[1:]], [grads[0], grads[1:]]"
        return f"function({lists}, {state}{options})"

    return write


def _outputs_of_sgd(hyper: Mapping[str, Any]) -> tuple[str, ...]:
    return ("params", "momentum_buffer") if hyper.get("momentum") else ("params",)


def _outputs_of_adam(hyper: Mapping[str, Any]) -> tuple[str, ...]:
    names = ("params", "exp_avg", "exp_avg_sq")
    return (*names, "max_exp_avg_sq") if hyper.get("amsgrad") else names


_FAMILIES = ("zero-mean", "wide", "zeros", "large")


def _sgd_strategy(draw: Draw) -> Case:
    size = Spec((draw.integer(2, 4), draw.integer(1, 4)))
    momentum = draw.choice((0.0, 0.9, 0.5))
    nesterov = bool(momentum) and draw.chance(1, 3)
    later = bool(momentum) and draw.chance(2, 3)
    hyper = {
        "lr": draw.choice((0.1, 1e-3, 1.0)),
        "momentum": momentum,
        "dampening": 0.0 if nesterov or not momentum else draw.choice((0.0, 0.5)),
        "weight_decay": draw.choice((0.0, 0.01, 0.5)),
        "nesterov": nesterov,
        "maximize": draw.chance(1, 4),
    }
    buffer = size if later else None
    # The gradients come first, so that the families are theirs.
    arrays = {"params": size, "grads": size, "momentum_buffer": buffer}
    return finished(draw, arrays, hyper, _FAMILIES)


def _adam_strategy(draw: Draw) -> Case:
    size = Spec((draw.integer(2, 4), draw.integer(1, 4)))
    later, amsgrad = draw.chance(2, 3), draw.chance(1, 3)
    moment = Spec(size.shape, "positive") if later else None
    hyper = {
        "step": draw.integer(1, 50) if later else 0,
        "lr": draw.choice((1e-3, 0.1)),
        "betas": draw.choice(((0.9, 0.999), (0.5, 0.9), (0.0, 0.5))),
        "eps": draw.choice((1e-8, 1e-3)),
        "weight_decay": draw.choice((0.0, 0.01)),
        "amsgrad": amsgrad,
        "maximize": draw.chance(1, 4),
    }
    arrays = {
        "params": size,
        "grads": size,
        "exp_avg": size if later else None,
        "exp_avg_sq": moment,
        "max_exp_avg_sq": moment if amsgrad else None,
    }
    return finished(draw, arrays, hyper, _FAMILIES)


_SIZE = Spec((3, 2))
_SGD = {"lr": 0.1, "momentum": 0.9, "dampening": 0.5, "weight_decay": 0.01}
_NESTEROV = {"lr": 0.1, "momentum": 0.9, "nesterov": True}
_ONE, _TWO = np.ones((3, 2)), np.ones((2, 2))

OPERATIONS = (
    Operation(
        name="sgd",
        arrays=("params", "grads", "momentum_buffer"),
        defaults={
            "lr": REQUIRED,
            "momentum": 0.0,
            "dampening": 0.0,
            "weight_decay": 0.0,
            "nesterov": False,
            "maximize": False,
        },
        strategy=_sgd_strategy,
        definition=sgd,
        differentiable=(),
        optional=("momentum_buffer",),
        outputs=_outputs_of_sgd,
        conventions="The first velocity is the gradient itself, without dampening; Nesterov looks "
        "ahead along the new velocity; weight decay is added to the gradient first.",
        pinned=(
            Case({"params": _SIZE, "grads": _SIZE, "momentum_buffer": None}, _SGD, 1),
            Case({"params": _SIZE, "grads": _SIZE, "momentum_buffer": _SIZE}, _SGD, 2),
            Case({"params": _SIZE, "grads": _SIZE, "momentum_buffer": _SIZE}, _NESTEROV, 3),
        ),
        invalid=(
            Invalid("a negative learning rate", (_ONE, _ONE, None), {"lr": -1.0}),
            Invalid("Nesterov without momentum", (_ONE, _ONE, None), {"lr": 0.1, "nesterov": True}),
        ),
        call=_call("momentum_buffer"),
        written=_written("momentum_buffer"),
        by_name=False,
    ),
    Operation(
        name="adam",
        arrays=("params", "grads", "exp_avg", "exp_avg_sq", "max_exp_avg_sq"),
        defaults={
            "step": 0,
            "lr": 1e-3,
            "betas": (0.9, 0.999),
            "eps": 1e-8,
            "weight_decay": 0.0,
            "amsgrad": False,
            "maximize": False,
        },
        strategy=_adam_strategy,
        definition=adam,
        differentiable=(),
        optional=("exp_avg", "exp_avg_sq", "max_exp_avg_sq"),
        outputs=_outputs_of_adam,
        conventions="eps is added to the root after the correction of its bias; weight decay is "
        "added to the gradient. `step` is the number of steps before this one and part of the "
        "state.",
        pinned=(
            Case(
                {
                    "params": _SIZE,
                    "grads": _SIZE,
                    "exp_avg": None,
                    "exp_avg_sq": None,
                    "max_exp_avg_sq": None,
                },
                {"lr": 0.1},
                1,
            ),
            Case(
                {
                    "params": _SIZE,
                    "grads": _SIZE,
                    "exp_avg": _SIZE,
                    "exp_avg_sq": Spec((3, 2), "positive"),
                    "max_exp_avg_sq": None,
                },
                {"step": 3, "lr": 0.1, "eps": 1e-3, "weight_decay": 0.01},
                2,
            ),
        ),
        invalid=(
            Invalid("a negative learning rate", (_ONE, _ONE, None, None, None), {"lr": -1.0}),
            Invalid("a beta of 1", (_ONE, _ONE, None, None, None), {"betas": (1.0, 0.9)}),
            Invalid("a negative eps", (_ONE, _ONE, None, None, None), {"eps": -1.0}),
        ),
        call=_call("exp_avg", "exp_avg_sq", "max_exp_avg_sq"),
        written=_written("exp_avg", "exp_avg_sq", "max_exp_avg_sq"),
        by_name=False,
    ),
)
