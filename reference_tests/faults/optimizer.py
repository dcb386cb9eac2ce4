"""Mistakes of optimizers: those that every step can have, and those of its kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reference_tests.faults import descent, moments, scaling
from reference_tests.faults.fault import Fault, Hyper, Inputs, Shapes
from reference_tests.faults.moment_conditions import has_eps, scaled
from reference_tests.faults.stepping import (
    ALL,
    COUPLED,
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
from reference_tests.faults.steps import by_numbers, by_rules, decoupled
from reference_tests.tolerance import sqrt

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
    # One step of plain momentum takes the gradient in as it is.
    damped = hyper["dampening"] and shapes["momentum_buffer"] is not None
    return bool(hyper["momentum"] and (hyper["nesterov"] or damped))


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
    if not _apart(hyper, inputs.shapes):
        return {}
    shrunk = inputs["params"] * (1 - hyper["lr"] * hyper["weight_decay"])
    return {"params": shrunk, "weight_decay": 0.0}


def _forgotten(inputs: Inputs) -> Numbers:
    state = [name for name in inputs.arrays if name not in ("params", "grads")]
    product = {"mu_product": 1.0} if "mu_product" in inputs.hyper else {}
    return {**dict.fromkeys(state), **product}


def _decaying(name: str, sentence: str, formula: str, factor: float) -> list[Fault]:
    """Return the mistake of another weight decay; a decoupled one is in no state."""
    cases = later(weight_decay=0.5), later(weight_decay=0.0)
    change = by_numbers(lambda i: {"weight_decay": factor * i.hyper["weight_decay"]})
    row = sentence, formula, "no weight decay", cases, change
    return [
        *mistaken(name, ALL, *row, outputs(("params",), both(moves, _decays))),
        *mistaken(name, COUPLED, *row, outputs((*SIGNED[1:], *SQUARES), _coupled)),
    ]


def _kept(weight: str, place: int | None = None) -> Any:
    """Return whether a history has a weight."""

    def condition(hyper: Hyper, shapes: Shapes) -> bool:
        value = hyper[weight] if place is None else hyper[weight][place]
        return started(hyper, shapes) and bool(value != 0)

    return condition


def _history(hyper: Hyper, shapes: Shapes) -> bool:
    return started(hyper, shapes) and any(hyper.get(n) != 0 for n in ("alpha", "rho") if n in hyper)


_AHEAD = {"momentum": 0.75, "nesterov": True}
_ROOTED = (*DECOUPLED, "adagrad", "rmsprop")

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
        },
    ),
    *mistaken(
        "maximize-ignored",
        COUPLED,
        "{} has gradient and weight decay of the same sign though it should maximize: -g was "
        "ignored, or the decay negated with it.",
        "{} of (g + wd · θ)², not of (-g + wd · θ)²",
        "minimizing",
        (later(maximize=True, weight_decay=0.5), later(weight_decay=0.5)),
        by_numbers(lambda i: {"maximize": False}),
        outputs(SQUARES, both(_maximizes, _coupled)),
    ),
    *mistaken(
        "maximize-grows-weights",
        COUPLED,
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
            **outputs(SIGNED[1:], both(_maximizes, _coupled)),
        },
    ),
    *_decaying(
        "decay-missing",
        "{} has no weight decay in it.",
        "{} of the gradient g, not of g + wd · θ",
        0.0,
    ),
    *_decaying(
        "decay-doubled",
        "{} has twice the weight decay: that of wd · Σ θ², not of half of it.",
        "{} of the gradient g + 2 wd · θ, not of g + wd · θ",
        2.0,
    ),
    *_decaying(
        "decay-sign",
        "{} has weight decay of the wrong sign: weights grow.",
        "{} of the gradient g - wd · θ, not of g + wd · θ",
        -1.0,
    ),
    *mistaken(
        "decay-decoupled",
        COUPLED,
        "{} has decoupled weight decay, where it belongs to the gradient.",
        "{} = (1 - lr · wd) θ - lr · move of g, not of g + wd · θ",
        "no weight decay",
        (later(weight_decay=0.5, **_AHEAD), later(weight_decay=0.0, **_AHEAD)),
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
            "after": lambda result, i: (
                result * (1 - i.hyper["lr"] * i.hyper["weight_decay"] * decoupled(i.hyper))
            ),
        },
        outputs(("params",), both(moves, _decoupled)),
    ),
    *mistaken(
        "eps-in-root",
        _ROOTED,
        "{} has eps within the root.",
        "{} of √(s + eps), not √s + eps",
        "eps = 0, or large gradients",
        (later(eps=0.5), later(eps=0.0)),
        by_rules(divisor=lambda s: sqrt(s.spread + s.eps)),
        {"params": both(scaled, has_eps)},
    ),
    *mistaken(
        "eps-missing",
        (*_ROOTED, "adamax", "adadelta"),
        "{} has no eps: where all gradients were 0, it is 0 / 0.",
        "{} with eps = 0",
        "eps = 0, or large gradients",
        (later(eps=0.5), later(eps=0.0)),
        by_numbers(lambda i: {"eps": 0.0}),
        {"params": both(scaled, has_eps), "exp_inf": has_eps, "acc_delta": has_eps},
    ),
    *mistaken(
        "root-missing",
        _ROOTED,
        "{} is divided by the second moment, not by its root.",
        "{} of s + eps, not √s + eps",
        "second moments of 1",
        (later(), later(lr=0.0)),
        by_rules(divisor=lambda s: s.spread + s.eps),
        {"params": scaled},
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
            **outputs(("square_avg",), _history),
            **outputs(("acc_delta",), started),
        },
    ),
]

FAULTS: list[Fault] = [*_COMMON, *descent.FAULTS, *moments.FAULTS, *scaling.FAULTS]
