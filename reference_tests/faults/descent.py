"""Mistakes of gradient descent with momentum."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from reference_tests.faults.fault import Fault, Hyper, Inputs, Shapes
from reference_tests.faults.stepping import both, first, later, mistaken, moves, outputs
from reference_tests.faults.steps import by_numbers, by_rules

Numbers = Mapping[str, Any]
_SGD = ("sgd",)
_BOTH = ("params", "momentum_buffer")


def _gathers(hyper: Hyper, shapes: Shapes) -> bool:
    return bool(hyper["momentum"])


def _rolls(hyper: Hyper, shapes: Shapes) -> bool:
    """Return whether there is a velocity from before."""
    return bool(hyper["momentum"]) and shapes["momentum_buffer"] is not None


def _damped(hyper: Hyper, shapes: Shapes) -> bool:
    return bool(hyper["momentum"] and hyper["dampening"])


def _begins(hyper: Hyper, shapes: Shapes) -> bool:
    return shapes["momentum_buffer"] is None


def _pushes(hyper: Hyper, shapes: Shapes) -> bool:
    """Return whether momentum changes where a step goes."""
    return bool(_rolls(hyper, shapes) or (hyper["momentum"] and hyper["nesterov"]))


def _looks_ahead(hyper: Hyper, shapes: Shapes) -> bool:
    return bool(hyper["momentum"] and hyper["nesterov"])


def _averages(hyper: Hyper, shapes: Shapes) -> bool:
    alike = _rolls(hyper, shapes) and hyper["dampening"] == hyper["momentum"]
    return bool(hyper["momentum"]) and not alike


def _from_rest(inputs: Inputs) -> Any:
    """Return the velocity from before, 0 at first."""
    velocity = inputs["momentum_buffer"]
    return np.zeros_like(inputs["params"]) if velocity is None else velocity


def _averaged(inputs: Inputs) -> Numbers:
    return {"momentum_buffer": _from_rest(inputs), "dampening": inputs.hyper["momentum"]}


def _with_rate(inputs: Inputs) -> Numbers:
    lr = inputs.hyper["lr"]
    decay = lr * inputs.hyper["weight_decay"]
    return {"grads": lr * inputs["grads"], "weight_decay": decay, "lr": 1.0}


def _old_velocity(s: Any) -> Any:
    if not s.momentum:
        return s.slope
    return 0 * s.slope if s.old.momentum_buffer is None else s.old.momentum_buffer


def _velocity_ahead(s: Any) -> Any:
    if not s.momentum:
        return s.slope
    return (1 + s.momentum) * s.momentum_buffer if s.nesterov else s.momentum_buffer


def _velocity_only(s: Any) -> Any:
    if not s.momentum:
        return s.slope
    return s.momentum * s.momentum_buffer if s.nesterov else s.momentum_buffer


_ROLLING = later(momentum=0.75)
_AHEAD = later(momentum=0.75, nesterov=True)

FAULTS: list[Fault] = [
    *mistaken(
        "momentum-ignored",
        _SGD,
        "{} goes along the gradient: momentum is ignored.",
        "{} = θ - lr · g, not θ - lr · v",
        "the first step",
        (_ROLLING, first(momentum=0.75)),
        by_numbers(lambda i: {"momentum": 0.0, "nesterov": False}),
        outputs(("params",), both(moves, _pushes)),
    ),
    *mistaken(
        "momentum-averaged",
        _SGD,
        "{} has momentum as a moving average: the gradient counts 1 - momentum.",
        "{} of v = μ · v + (1 - μ) g, not of μ · v + g",
        "no momentum",
        (_ROLLING, later(dampening=0.75, momentum=0.75)),
        by_numbers(_averaged),
        {"params": both(moves, _averages), "momentum_buffer": _averages},
    ),
    *mistaken(
        "momentum-complement",
        _SGD,
        "{} has 1 - momentum in place of momentum.",
        "{} of v = (1 - μ) v + g, not of μ · v + g",
        "a momentum of 1/2",
        (_ROLLING, later(momentum=0.5)),
        by_numbers(lambda i: {"momentum": 1 - i.hyper["momentum"]} if i.hyper["momentum"] else {}),
        {
            "params": both(moves, _pushes, lambda h, s: h["momentum"] != 0.5),
            "momentum_buffer": both(_rolls, lambda h, s: h["momentum"] != 0.5),
        },
    ),
    *mistaken(
        "rate-in-velocity",
        _SGD,
        "{} has the learning rate within the velocity, where a new rate changes the past too.",
        "{} of v = μ · v + lr · g, θ = θ - v, not of v = μ · v + g, θ = θ - lr · v",
        "a rate of 1",
        (_ROLLING, later(momentum=0.75, lr=1.0)),
        by_numbers(_with_rate),
        {
            "params": both(_rolls, lambda h, s: h["lr"] != 1),
            "momentum_buffer": both(_gathers, lambda h, s: h["lr"] != 1),
        },
    ),
    *mistaken(
        "first-velocity-dampened",
        _SGD,
        "{} has the first velocity dampened, as all later ones are.",
        "{} of v = (1 - dampening) g at first, not of v = g",
        "a later step",
        (first(momentum=0.75, dampening=0.5), later(momentum=0.75, dampening=0.5)),
        by_numbers(lambda i: {"momentum_buffer": _from_rest(i)}),
        {
            "params": both(moves, _damped, _begins),
            "momentum_buffer": both(_damped, _begins),
        },
    ),
    *mistaken(
        "dampening-ignored",
        _SGD,
        "{} is not dampened.",
        "{} of v = μ · v + g, not of μ · v + (1 - dampening) g",
        "the first step",
        (later(momentum=0.75, dampening=0.5), first(momentum=0.75, dampening=0.5)),
        by_numbers(lambda i: {"dampening": 0.0}),
        {
            "params": both(moves, _damped, _rolls),
            "momentum_buffer": both(_damped, _rolls),
        },
    ),
    *mistaken(
        "velocity-dampened",
        _SGD,
        "{} dampens the velocity from before, not the gradient.",
        "{} of v = (1 - dampening) μ · v + g, not of μ · v + (1 - dampening) g",
        "the first step",
        (later(momentum=0.75, dampening=0.5), first(momentum=0.75, dampening=0.5)),
        by_rules(
            momentum_buffer=lambda s: (
                s.slope
                if s.old.momentum_buffer is None
                else s.momentum * (1 - s.dampening) * s.old.momentum_buffer + s.slope
            )
        ),
        {
            "params": both(moves, _damped, _rolls),
            "momentum_buffer": both(_damped, _rolls),
        },
    ),
    *mistaken(
        "velocity-of-before",
        _SGD,
        "{} goes along the velocity from before this step.",
        "{} = θ - lr · v_old, not θ - lr · v",
        "no momentum",
        (_ROLLING, later()),
        by_rules(move=_old_velocity),
        outputs(("params",), both(moves, _gathers)),
    ),
    *mistaken(
        "nesterov-old-velocity",
        _SGD,
        "{} looks ahead along the velocity from before, which is plain momentum: Nesterov is "
        "ignored.",
        "{} = θ - lr (g + μ · v_old) = θ - lr · v, not θ - lr (g + μ · v)",
        "plain momentum",
        (_AHEAD, _ROLLING),
        by_numbers(lambda i: {"nesterov": False}),
        outputs(("params",), both(moves, _looks_ahead)),
    ),
    *mistaken(
        "nesterov-always",
        _SGD,
        "{} looks ahead though Nesterov's momentum is not asked for.",
        "{} = θ - lr (g + μ · v), not θ - lr · v",
        "Nesterov's momentum",
        (_ROLLING, _AHEAD),
        by_numbers(lambda i: {"nesterov": True}),
        outputs(("params",), both(moves, _gathers, lambda h, s: not _looks_ahead(h, s))),
    ),
    *mistaken(
        "nesterov-of-velocity",
        _SGD,
        "{} looks ahead from the velocity, not from the gradient.",
        "{} = θ - lr (v + μ · v), not θ - lr (g + μ · v)",
        "plain momentum",
        (_AHEAD, _ROLLING),
        by_rules(move=_velocity_ahead),
        outputs(("params",), both(moves, _looks_ahead, _rolls)),
    ),
    *mistaken(
        "nesterov-without-gradient",
        _SGD,
        "{} looks ahead without the gradient.",
        "{} = θ - lr · μ · v, not θ - lr (g + μ · v)",
        "plain momentum",
        (_AHEAD, _ROLLING),
        by_rules(move=_velocity_only),
        outputs(("params",), both(moves, _looks_ahead)),
    ),
]
