"""The record of a step of gradient descent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reference_tests.case import Case
from reference_tests.draw import Draw
from reference_tests.operation import REQUIRED
from reference_tests.operations.optimizer import picked, pinned, recorded, regularized, stepped


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
    _, slope = regularized(params, grads, lr, weight_decay, maximize)
    if not momentum:
        return params - lr * slope
    velocity = slope
    if momentum_buffer is not None:
        velocity = momentum * momentum_buffer + (1 - dampening) * slope
    move = slope + momentum * velocity if nesterov else velocity
    return params - lr * move, velocity


def _outputs(hyper: Mapping[str, Any]) -> tuple[str, ...]:
    return ("params", "momentum_buffer") if hyper.get("momentum") else ("params",)


def _strategy(draw: Draw) -> Case:
    hyper = picked(
        draw,
        lr=(0.1, 1e-3, 1.0),
        momentum=(0.0, 0.9, 0.5),
        dampening=(0.0, 0.5),
        weight_decay=(0.0, 0.01, 0.5),
        maximize=(False, False, False, True),
    )
    # Nesterov needs momentum and no dampening.
    able = bool(hyper["momentum"]) and not hyper["dampening"]
    hyper |= picked(draw, nesterov=(False, True)) if able else {"nesterov": False}
    later = bool(hyper["momentum"]) and draw.chance(2, 3)
    return stepped(draw, {"momentum_buffer": "mean" if later else None}, hyper)


_SGD = {"lr": 0.1, "momentum": 0.9, "dampening": 0.5, "weight_decay": 0.01}
_UPWARDS = {"lr": 0.1, "momentum": 0.5, "weight_decay": 0.5, "maximize": True}
_NESTEROV = {"lr": 0.1, "momentum": 0.9, "nesterov": True}

OPERATIONS = (
    recorded(
        name="sgd",
        state=("momentum_buffer",),
        numbers={},
        defaults={
            "lr": REQUIRED,
            "momentum": 0.0,
            "dampening": 0.0,
            "weight_decay": 0.0,
            "nesterov": False,
            "maximize": False,
        },
        strategy=_strategy,
        definition=sgd,
        outputs=_outputs,
        conventions="The first velocity is the gradient itself, without dampening; Nesterov looks "
        "ahead along the new velocity; weight decay is added to the gradient first.",
        pinned=(
            pinned({"momentum_buffer": None}, _SGD, 1),
            pinned({"momentum_buffer": "real"}, _SGD, 2),
            pinned({"momentum_buffer": "real"}, _NESTEROV, 3),
            pinned({"momentum_buffer": "real"}, _UPWARDS, 4),
        ),
        invalid=(
            ("a negative learning rate", {"lr": -1.0}),
            ("Nesterov without momentum", {"lr": 0.1, "nesterov": True}),
        ),
    ),
)
