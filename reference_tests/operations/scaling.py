"""The records of steps that divide each gradient by a size of its own past."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from reference_tests.case import Case
from reference_tests.draw import Draw
from reference_tests.operations.optimizer import (
    averaged,
    constant,
    picked,
    pinned,
    recorded,
    regularized,
    stepped,
)
from reference_tests.tolerance import maximum, scalar, sqrt

_SIGNS = (False, False, False, True)


def adagrad(
    params: Any,
    grads: Any,
    sum: Any = None,
    *,
    step: int = 0,
    lr: float = 1e-2,
    lr_decay: float = 0.0,
    weight_decay: float = 0.0,
    initial_accumulator_value: float = 0.0,
    eps: float = 1e-10,
    maximize: bool = False,
) -> Any:
    """Return the parameters and the sum of squares."""
    params, slope = regularized(params, grads, lr, weight_decay, maximize)
    total = slope * slope + (initial_accumulator_value if sum is None else sum)
    size = constant(scalar(lr) / (1 + step * scalar(lr_decay)), params)
    return params - slope / (sqrt(total) + eps) * size, total


def adadelta(
    params: Any,
    grads: Any,
    square_avg: Any = None,
    acc_delta: Any = None,
    *,
    step: int = 0,
    lr: float = 1.0,
    rho: float = 0.9,
    eps: float = 1e-6,
    weight_decay: float = 0.0,
    maximize: bool = False,
) -> Any:
    """Return the parameters, and the mean squares of gradients and of moves."""
    params, slope = regularized(params, grads, lr, weight_decay, maximize)
    size = averaged(square_avg, slope * slope, rho)
    before = 0 * slope if acc_delta is None else acc_delta
    move = sqrt(before + eps) / sqrt(size + eps) * slope
    return params - lr * move, size, averaged(acc_delta, move * move, rho)


def rmsprop(
    params: Any,
    grads: Any,
    square_avg: Any = None,
    grad_avg: Any = None,
    momentum_buffer: Any = None,
    *,
    step: int = 0,
    lr: float = 1e-2,
    alpha: float = 0.99,
    eps: float = 1e-8,
    weight_decay: float = 0.0,
    momentum: float = 0.0,
    centered: bool = False,
    maximize: bool = False,
) -> Any:
    """Return the parameters, the mean square, centered the mean, with momentum the velocity."""
    params, slope = regularized(params, grads, lr, weight_decay, maximize)
    size = averaged(square_avg, slope * slope, alpha)
    after, variance = [size], size
    if centered:
        mean = averaged(grad_avg, slope, alpha)
        after, variance = [size, mean], maximum(size - mean * mean, 0.0)
    move = slope / (sqrt(variance) + eps)
    if momentum:
        move = move if momentum_buffer is None else momentum * momentum_buffer + move
        after.append(move)
    return (params - lr * move, *after)


def _drawn(draw: Draw, first: int, **others: tuple[Any, ...]) -> tuple[bool, dict[str, Any]]:
    """Return whether there was a state before, and the hyperparameters that all have."""
    later = draw.chance(2, 3)
    hyper = {"step": draw.integer(first, 50) if later else 0}
    hyper |= picked(
        draw, lr=(0.01, 0.1, 1.0), weight_decay=(0.0, 0.01, 0.5), maximize=_SIGNS, **others
    )
    return later, hyper


def _adagrad_strategy(draw: Draw) -> Case:
    # PyTorch has the sum from the beginning.
    later, hyper = _drawn(
        draw,
        0,
        lr_decay=(0.0, 0.01, 1.0),
        initial_accumulator_value=(0.0, 0.5),
        eps=(1e-10, 1e-3),
    )
    return stepped(draw, {"sum": "square" if later else None}, hyper)


def _adadelta_strategy(draw: Draw) -> Case:
    later, hyper = _drawn(draw, 1, rho=(0.9, 0.5, 0.0, 1.0), eps=(1e-6, 1e-3))
    kinds = {"square_avg": "square", "acc_delta": "squared move"}
    return stepped(draw, {name: kind if later else None for name, kind in kinds.items()}, hyper)


def _rmsprop_strategy(draw: Draw) -> Case:
    later, hyper = _drawn(
        draw,
        1,
        alpha=(0.99, 0.9, 0.5),
        eps=(1e-8, 1e-3),
        momentum=(0.0, 0.9, 0.5),
        centered=(False, True),
    )
    kinds = {
        "square_avg": "square",
        "grad_avg": "mean" if hyper["centered"] else None,
        "momentum_buffer": "move" if hyper["momentum"] else None,
    }
    return stepped(draw, {name: kind if later else None for name, kind in kinds.items()}, hyper)


def _outputs_of_rmsprop(hyper: Mapping[str, Any]) -> tuple[str, ...]:
    entries = {"grad_avg": "centered", "momentum_buffer": "momentum"}
    return ("params", "square_avg", *(n for n, option in entries.items() if hyper.get(option)))


_NUMBERS = {"step": 0}
_UPWARDS = {"step": 3, "lr": 0.1, "eps": 1e-3, "weight_decay": 0.5, "maximize": True}
_RATE = ("a negative learning rate", {"lr": -1.0})
_EPS = ("a negative eps", {"eps": -1.0})
_DECAY = ("a negative weight decay", {"weight_decay": -1.0})

OPERATIONS = (
    recorded(
        name="adagrad",
        state=("sum",),
        numbers=_NUMBERS,
        defaults={
            "lr": 1e-2,
            "lr_decay": 0.0,
            "weight_decay": 0.0,
            "initial_accumulator_value": 0.0,
            "eps": 1e-10,
            "maximize": False,
        },
        strategy=_adagrad_strategy,
        definition=adagrad,
        outputs=lambda hyper: ("params", "sum"),
        conventions="`step` is the number of steps before this one and part of the state; the "
        "first step has the whole rate. The initial value of the sum counts only without a state.",
        pinned=(
            pinned({"sum": None}, {"lr": 0.1, "initial_accumulator_value": 0.5}, 1),
            pinned({"sum": "positive"}, {"step": 3, "lr_decay": 0.5, "weight_decay": 0.5}, 2),
            pinned({"sum": "positive"}, {**_UPWARDS, "initial_accumulator_value": 0.5}, 3),
        ),
        invalid=(_RATE, _EPS, _DECAY, ("a negative decay of the rate", {"lr_decay": -1.0})),
    ),
    recorded(
        name="adadelta",
        state=("square_avg", "acc_delta"),
        numbers=_NUMBERS,
        defaults={"lr": 1.0, "rho": 0.9, "eps": 1e-6, "weight_decay": 0.0, "maximize": False},
        strategy=_adadelta_strategy,
        definition=adadelta,
        outputs=lambda hyper: ("params", "square_avg", "acc_delta"),
        conventions="eps is added under both roots; the mean square of the moves has them without "
        "the rate, and this step sees that of the steps before.",
        pinned=(
            pinned({"square_avg": None, "acc_delta": None}, {"lr": 0.5}, 1),
            pinned({"square_avg": "positive", "acc_delta": "positive"}, {"step": 3, "rho": 0.5}, 2),
            pinned({"square_avg": "positive", "acc_delta": "positive"}, _UPWARDS, 3),
        ),
        invalid=(_RATE, _EPS, _DECAY, ("a rho above 1", {"rho": 1.5})),
    ),
    recorded(
        name="rmsprop",
        state=("square_avg", "grad_avg", "momentum_buffer"),
        numbers=_NUMBERS,
        defaults={
            "lr": 1e-2,
            "alpha": 0.99,
            "eps": 1e-8,
            "weight_decay": 0.0,
            "momentum": 0.0,
            "centered": False,
            "maximize": False,
        },
        strategy=_rmsprop_strategy,
        definition=rmsprop,
        outputs=_outputs_of_rmsprop,
        conventions="eps is added to the root. Centered, the mean of squares less the square of "
        "the mean is never negative in a true history; what rounds to below 0 counts as 0. The "
        "velocity has no rate in it.",
        pinned=(
            pinned(dict.fromkeys(("square_avg", "grad_avg", "momentum_buffer")), {"lr": 0.1}, 1),
            pinned(
                {"square_avg": "positive", "grad_avg": None, "momentum_buffer": "real"},
                {"step": 3, "lr": 0.1, "alpha": 0.5, "momentum": 0.9, "weight_decay": 0.5},
                2,
            ),
            # A mean that is small beside any root of the mean square.
            replace(
                pinned(
                    {"square_avg": "positive", "grad_avg": "real", "momentum_buffer": "real"},
                    {**_UPWARDS, "alpha": 0.75, "momentum": 0.5, "centered": True},
                    3,
                ),
                values={"grad_avg": np.full((3, 2), 0.25)},
            ),
        ),
        invalid=(_RATE, _EPS, _DECAY, ("a negative momentum", {"momentum": -1.0})),
    ),
)
