"""Mistakes of optimizers: those that every step can have, and those of its kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reference_tests.faults import descent, moments, scaling
from reference_tests.faults.fault import Fault, Hyper, Inputs, Shapes
from reference_tests.faults.stepping import (
    ALL,
    DECOUPLED,
    SIGNED,
    SQUARES,
    both,
    first,
    later,
    mistaken,
    moves,
    outputs,
    started,
)
from reference_tests.faults.steps import by_numbers, decoupled

Numbers = Mapping[str, Any]


def _decays(hyper: Hyper, shapes: Shapes) -> bool:
    return bool(hyper["weight_decay"] != 0)


def _coupled(hyper: Hyper, shapes: Shapes) -> bool:
    """Return whether weight decay is part of the gradient, and so of the state."""
    return _decays(hyper, shapes) and not decoupled(hyper)


def _maximizes(hyper: Hyper, shapes: Shapes) -> bool:
    return bool(hyper["maximize"])


def _has_rate(hyper: Hyper, shapes: Shapes) -> bool:
    return moves(hyper, shapes) and bool(hyper["lr"] != 1)


def _apart(hyper: Hyper, shapes: Shapes) -> bool:
    """Return whether it matters if weight decay goes through the state."""
    if not _coupled(hyper, shapes):
        return False
    if "dampening" not in hyper:
        return True
    # The first velocity is the gradient.
    ahead = shapes["momentum_buffer"] is not None or hyper["nesterov"]
    return bool(hyper["momentum"] and ahead)


def _remembers(hyper: Hyper, shapes: Shapes) -> bool:
    """Return whether there is a state that the step depends on."""
    return started(hyper, shapes) and bool(hyper.get("momentum", True) or "alpha" in hyper)


def _decoupled(hyper: Hyper, shapes: Shapes) -> bool:
    return _decays(hyper, shapes) and decoupled(hyper)


def _upwards(inputs: Inputs) -> Numbers:
    hyper = inputs.hyper
    decay = hyper["weight_decay"] * (-1 if decoupled(hyper) else 1)
    return {"lr": -hyper["lr"], "weight_decay": decay}


def _without_rate(inputs: Inputs) -> Numbers:
    hyper = inputs.hyper
    decay = hyper["weight_decay"] * (hyper["lr"] if decoupled(hyper) else 1)
    return {"lr": 1.0, "weight_decay": decay}


def _decayed_upwards(inputs: Inputs) -> Numbers:
    wrong = inputs.hyper["maximize"] and not decoupled(inputs.hyper)
    return {"weight_decay": inputs.hyper["weight_decay"] * (-1 if wrong else 1)}


def _decoupled_always(inputs: Inputs) -> Numbers:
    hyper = inputs.hyper
    if decoupled(hyper):
        return {}
    shrunk = inputs["params"] * (1 - hyper["lr"] * hyper["weight_decay"])
    return {"params": shrunk, "weight_decay": 0.0}


def _forgotten(inputs: Inputs) -> Numbers:
    state = [name for name in inputs.arrays if name not in ("params", "grads")]
    product = {"mu_product": 1.0} if "mu_product" in inputs.hyper else {}
    return {**dict.fromkeys(state), **product}


def _scaled_decay(factor: float) -> dict[str, Any]:
    return by_numbers(lambda i: {"weight_decay": factor * i.hyper["weight_decay"]})


def _decay_of_all() -> dict[str, Any]:
    """Return when a mistake of weight decay shows in each result."""
    return {
        **outputs(("params",), both(moves, _decays)),
        **outputs((*SIGNED[1:], *SQUARES), _coupled),
    }


def _kept(weight: str, place: int | None = None) -> Any:
    """Return whether a history has a weight."""

    def condition(hyper: Hyper, shapes: Shapes) -> bool:
        value = hyper[weight] if place is None else hyper[weight][place]
        return started(hyper, shapes) and bool(value != 0)

    return condition


def _history(hyper: Hyper, shapes: Shapes) -> bool:
    return started(hyper, shapes) and any(hyper.get(n) != 0 for n in ("alpha", "rho") if n in hyper)


_DECAYED = later(weight_decay=0.5)

_COMMON: list[Fault] = [
    *mistaken(
        "upwards",
        ALL,
        "{} goes up the gradient, not down.",
        "{} = θ + lr · move, not θ - lr · move",
        "a rate of 0",
        (first(), first(lr=0.0)),
        by_numbers(_upwards),
        outputs(("params",), moves),
    ),
    *mistaken(
        "rate-missing",
        ALL,
        "{} is not multiplied by the learning rate.",
        "{} = θ - move, not θ - lr · move",
        "a rate of 1",
        (first(), first(lr=1.0)),
        by_numbers(_without_rate),
        outputs(("params",), lambda h, s: bool(h["lr"] != 1)),
    ),
    *mistaken(
        "maximize-ignored",
        ALL,
        "{} minimizes though it should maximize.",
        "{} of the gradient g, not of -g",
        "minimizing",
        (later(maximize=True, weight_decay=0.5), later(weight_decay=0.5)),
        by_numbers(lambda i: {"maximize": False}),
        {
            **outputs(("params",), both(moves, _maximizes)),
            **outputs(SIGNED[1:], _maximizes),
            **outputs(SQUARES, both(_maximizes, _coupled)),
        },
    ),
    *mistaken(
        "maximize-grows-weights",
        ALL,
        "{} has weight decay of the wrong sign where it maximizes: that is negated with the "
        "gradient.",
        "{} of -(g + wd · θ), not of -g + wd · θ",
        "minimizing",
        (
            later(maximize=True, weight_decay=0.5),
            later(weight_decay=0.5),
        ),
        by_numbers(_decayed_upwards),
        {
            **outputs(("params",), both(moves, _maximizes, _coupled)),
            **outputs((*SIGNED[1:], *SQUARES), both(_maximizes, _coupled)),
        },
    ),
    *mistaken(
        "decay-missing",
        ALL,
        "{} has no weight decay in it.",
        "{} of the gradient g, not of g + wd · θ",
        "no weight decay",
        (_DECAYED, later(weight_decay=0.0)),
        by_numbers(lambda i: {"weight_decay": 0.0}),
        _decay_of_all(),
    ),
    *mistaken(
        "decay-doubled",
        ALL,
        "{} has twice the weight decay: that of wd · Σ θ², not of half of it.",
        "{} of the gradient g + 2 wd · θ, not of g + wd · θ",
        "no weight decay",
        (_DECAYED, later(weight_decay=0.0)),
        _scaled_decay(2),
        _decay_of_all(),
    ),
    *mistaken(
        "decay-sign",
        ALL,
        "{} has weight decay of the wrong sign: weights grow.",
        "{} of the gradient g - wd · θ, not of g + wd · θ",
        "no weight decay",
        (_DECAYED, later(weight_decay=0.0)),
        _scaled_decay(-1),
        _decay_of_all(),
    ),
    *mistaken(
        "decay-decoupled",
        tuple(name for name in ALL if name != "adamw"),
        "{} has decoupled weight decay, where it belongs to the gradient.",
        "{} = (1 - lr · wd) θ - lr · move of g, not of g + wd · θ",
        "no weight decay",
        (later(weight_decay=0.5, momentum=0.75), later(weight_decay=0.0, momentum=0.75)),
        by_numbers(_decoupled_always),
        outputs(("params",), both(moves, _apart)),
    ),
    *mistaken(
        "decay-without-rate",
        DECOUPLED,
        "{} has decoupled weight decay that is not multiplied by the learning rate.",
        "{} = (1 - wd) θ - lr · move, not (1 - lr · wd) θ - …",
        "a rate of 1",
        (
            later(weight_decay=0.5, decoupled_weight_decay=True),
            later(weight_decay=0.5, decoupled_weight_decay=True, lr=1.0),
        ),
        by_numbers(
            lambda i: {
                "weight_decay": i.hyper["weight_decay"]
                / (i.hyper["lr"] if decoupled(i.hyper) else 1)
            }
        ),
        outputs(("params",), both(_has_rate, _decoupled)),
    ),
    *mistaken(
        "decay-after-the-step",
        DECOUPLED,
        "{} decays the weights after they have moved.",
        "{} = (1 - lr · wd) (θ - lr · move), not (1 - lr · wd) θ - lr · move",
        "no weight decay",
        (
            later(weight_decay=0.5, decoupled_weight_decay=True),
            later(weight_decay=0.0, decoupled_weight_decay=True),
        ),
        {
            **by_numbers(lambda i: {"weight_decay": 0.0} if decoupled(i.hyper) else {}),
            "after": lambda result, i: result
            * (1 - i.hyper["lr"] * i.hyper["weight_decay"] * decoupled(i.hyper)),
        },
        outputs(("params",), both(moves, _decoupled)),
    ),
    *mistaken(
        "state-forgotten",
        ALL,
        "{} begins anew every time: the state of the step before is not used.",
        "{} as of a first step",
        "the first step",
        (later(momentum=0.75), first(momentum=0.75)),
        by_numbers(_forgotten),
        {
            **outputs(("params",), both(moves, _remembers)),
            **outputs(("momentum_buffer", "grad_avg", "sum"), started),
            **outputs(("exp_avg",), _kept("betas", 0)),
            **outputs(("exp_avg_sq", "max_exp_avg_sq", "exp_inf"), _kept("betas", 1)),
            **outputs(("square_avg", "acc_delta"), _history),
            **outputs(("mu_product",), lambda h, s: bool(h["mu_product"] != 1)),
        },
    ),
]

FAULTS: list[Fault] = [*_COMMON, *descent.FAULTS, *moments.FAULTS, *scaling.FAULTS]
