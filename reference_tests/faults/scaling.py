"""Mistakes of steps that divide each gradient by a size of its own past."""

from __future__ import annotations

from typing import Any

from reference_tests.faults.fault import Fault, Hyper, Shapes
from reference_tests.faults.moment_conditions import has_eps
from reference_tests.faults.stepping import (
    always,
    both,
    first,
    later,
    mistaken,
    moves,
    outputs,
    started,
)
from reference_tests.faults.steps import RULES, by_numbers, by_rules, from_zero
from reference_tests.operations.optimizer import averaged
from reference_tests.tolerance import maximum, sqrt

_ADAGRAD, _ADADELTA, _RMSPROP = ("adagrad",), ("adadelta",), ("rmsprop",)
_ROOTED = (*_ADAGRAD, *_RMSPROP)


def _rate_decays(hyper: Hyper, shapes: Shapes) -> bool:
    return moves(hyper, shapes) and bool(hyper["lr_decay"] != 0)


def _begins_above_zero(hyper: Hyper, shapes: Shapes) -> bool:
    return not started(hyper, shapes) and bool(hyper["initial_accumulator_value"] != 0)


def _had_sum(hyper: Hyper, shapes: Shapes) -> bool:
    begins = hyper["step"] == 0 and not started(hyper, shapes)
    return not begins or bool(hyper["initial_accumulator_value"] != 0)


def _decay(hyper: Hyper) -> Any:
    """Return the weight of a mean square's past."""
    return hyper["rho"] if "rho" in hyper else hyper["alpha"]


def _unlike(hyper: Hyper, shapes: Shapes) -> bool:
    """Return whether a decay and its complement differ."""
    return bool(_decay(hyper) != 0.5)


def _decays(hyper: Hyper, shapes: Shapes) -> bool:
    return bool(_decay(hyper) != 0)


def _renewed(hyper: Hyper, shapes: Shapes) -> bool:
    return bool(_decay(hyper) != 1)


def _centered(hyper: Hyper, shapes: Shapes) -> bool:
    return bool(hyper["centered"])


def _rolls(hyper: Hyper, shapes: Shapes) -> bool:
    return bool(hyper["momentum"]) and shapes["momentum_buffer"] is not None


def _pushes(hyper: Hyper, shapes: Shapes) -> bool:
    return bool(hyper["momentum"])


def _less_mean(s: Any, mean: Any) -> Any:
    return maximum(s.square_avg - mean * mean, 0.0) if s.centered else s.square_avg


def _rated(s: Any) -> Any:
    """Return the velocity with the rate in it."""
    if not s.momentum or s.old.momentum_buffer is None:
        return s.lr * s.move
    return s.momentum * s.old.momentum_buffer + s.lr * s.move


def _averaged_velocity(s: Any) -> Any:
    if not s.momentum:
        return s.move
    return averaged(s.old.momentum_buffer, s.move, s.momentum)


_EPS, _NO_EPS = later(eps=0.5), later(eps=0.0)

FAULTS: list[Fault] = [
    *mistaken(
        "size-of-before",
        _ROOTED,
        "{} is divided by the squares before this gradient.",
        "{} of √s_old + eps, not √s + eps",
        "a rate of 0",
        (later(), later(lr=0.0)),
        by_rules(
            spread=lambda s: (
                from_zero(s, s.old.square_avg) if hasattr(s, "alpha") else s.before + 0 * s.slope
            )
        ),
        {"params": moves},
    ),
    *mistaken(
        "rate-decay-from-one",
        _ADAGRAD,
        "{} has a rate that decays from the first step on.",
        "{} with lr / (1 + t · lr_decay) and t = 1, 2, …, not 0, 1, …",
        "no decay of the rate",
        (first(lr_decay=0.5), first(lr_decay=0.0)),
        by_numbers(lambda i: {"step": i.hyper["step"] + 1}),
        {"params": _rate_decays},
    ),
    *mistaken(
        "rate-decay-missing",
        _ADAGRAD,
        "{} has a rate that does not decay.",
        "{} with lr, not lr / (1 + t · lr_decay)",
        "the first step",
        (later(lr_decay=0.5), first(lr_decay=0.5)),
        by_numbers(lambda i: {"lr_decay": 0.0}),
        {"params": both(_rate_decays, lambda h, s: h["step"] != 0)},
    ),
    *mistaken(
        "initial-value-ignored",
        _ADAGRAD,
        "{} begins at 0, not at the initial value.",
        "{} of g², not of initial_accumulator_value + g², at first",
        "an initial value of 0",
        (first(initial_accumulator_value=0.5), first(initial_accumulator_value=0.0)),
        by_numbers(lambda i: {"initial_accumulator_value": 0.0}),
        {"params": both(moves, _begins_above_zero), "sum": _begins_above_zero},
    ),
    *mistaken(
        "initial-value-every-time",
        _ADAGRAD,
        "{} has the initial value added in every step.",
        "{} of s + initial_accumulator_value + g², not of s + g²",
        "an initial value of 0",
        (later(initial_accumulator_value=0.5), later(initial_accumulator_value=0.0)),
        by_rules(before=lambda s: s.initial_accumulator_value + from_zero(s, s.old.sum)),
        {
            "params": both(moves, started, lambda h, s: h["initial_accumulator_value"] != 0),
            "sum": both(started, lambda h, s: h["initial_accumulator_value"] != 0),
        },
    ),
    *mistaken(
        "sum-averaged",
        _ADAGRAD,
        "{} has the mean of all squares, not their sum.",
        "{} of s = (t - 1) / t · s + g² / t, not s + g²",
        "the first step",
        (later(), first()),
        by_rules(sum=lambda s: (s.slope * s.slope + s.before * s.step) / s.t),
        {"params": both(moves, _had_sum), "sum": _had_sum},
    ),
    *mistaken(
        "shares-exchanged",
        (*_ADADELTA, *_RMSPROP),
        "{} has means with the shares of old and new exchanged.",
        "{} of s = (1 - ρ) s + ρ g², not ρ s + (1 - ρ) g²",
        "ρ = 1/2",
        (later(), later(rho=0.5, alpha=0.5)),
        by_numbers(
            lambda i: {name: 1 - i.hyper[name] for name in ("rho", "alpha") if name in i.hyper}
        ),
        {
            "params": both(moves, _unlike),
            **outputs(("square_avg", "acc_delta", "grad_avg"), _unlike),
        },
    ),
    *mistaken(
        "share-missing",
        (*_ADADELTA, *_RMSPROP),
        "{} has a mean square to which the whole square is added.",
        "{} of s = ρ s + g², not ρ s + (1 - ρ) g²",
        "ρ = 0",
        (later(), later(rho=0.0, alpha=0.0)),
        by_rules(
            square_avg=lambda s: (
                _decay(vars(s)) * from_zero(s, s.old.square_avg) + s.slope * s.slope
            )
        ),
        {
            "params": both(moves, _decays),
            "square_avg": _decays,
            "acc_delta": both(_decays, _renewed),
        },
    ),
    *mistaken(
        "eps-outside-roots",
        _ADADELTA,
        "{} has eps outside the roots.",
        "{} of (√d + eps) / (√s + eps), not √(d + eps) / √(s + eps)",
        "eps = 0",
        (_EPS, _NO_EPS),
        by_rules(
            reach=lambda s: sqrt(s.before) + s.eps,
            divisor=lambda s: sqrt(s.square_avg) + s.eps,
        ),
        {"params": both(moves, has_eps), "acc_delta": has_eps},
    ),
    *mistaken(
        "roots-exchanged",
        _ADADELTA,
        "{} is divided by what it should be multiplied by.",
        "{} of √(s + eps) / √(d + eps) · g, not √(d + eps) / √(s + eps) · g",
        "mean squares of gradients and moves that are the same",
        (later(), later(lr=0.0, rho=1.0)),
        by_rules(move=lambda s: s.divisor / s.reach * s.slope),
        {"params": moves, "acc_delta": always},
    ),
    *mistaken(
        "moves-ignored",
        _ADADELTA,
        "{} is that of RMSprop: the mean square of the moves is not used.",
        "{} of g / √(s + eps), not √(d + eps) / √(s + eps) · g",
        "a mean square of moves of 1",
        (later(), later(lr=0.0, rho=1.0)),
        by_rules(reach=lambda s: 1.0),
        {"params": moves, "acc_delta": _renewed},
    ),
    *mistaken(
        "rate-in-moves",
        _ADADELTA,
        "{} has moves with the rate in them.",
        "{} of (lr · move)², not of move²",
        "a rate of 1",
        (later(), later(lr=1.0)),
        by_rules(acc_delta=lambda s: averaged(s.old.acc_delta, (s.lr * s.move) ** 2, s.rho)),
        {"acc_delta": both(_renewed, lambda h, s: abs(h["lr"]) != 1)},
    ),
    *mistaken(
        "of-gradients",
        _ADADELTA,
        "{} is that of the gradients.",
        "{} = ρ d + (1 - ρ) g², not ρ d + (1 - ρ) move²",
        "ρ = 1",
        (later(), later(rho=1.0)),
        by_rules(acc_delta=lambda s: averaged(s.old.acc_delta, s.slope * s.slope, s.rho)),
        {"acc_delta": _renewed},
    ),
    *mistaken(
        "not-updated",
        _ADADELTA,
        "{} stays what it was.",
        "{} = d_old, not ρ d + (1 - ρ) move²",
        "ρ = 1",
        (later(), later(rho=1.0)),
        by_rules(acc_delta=lambda s: s.before),
        {"acc_delta": _renewed},
    ),
    *mistaken(
        "centered-ignored",
        _RMSPROP,
        "{} is not centered: the squared mean is not subtracted.",
        "{} of √s + eps, not √(s - m²) + eps",
        "not centered",
        (later(centered=True), later()),
        by_rules(spread=lambda s: s.square_avg),
        {"params": both(moves, _centered)},
    ),
    *mistaken(
        "centered-with-the-mean-of-before",
        _RMSPROP,
        "{} is centered with the mean before this gradient.",
        "{} of √(s - m_old²) + eps, not √(s - m²) + eps",
        "not centered",
        (later(centered=True), later()),
        by_rules(spread=lambda s: _less_mean(s, from_zero(s, s.old.grad_avg))),
        {"params": both(moves, _centered)},
    ),
    *mistaken(
        "centered-on-the-gradient",
        _RMSPROP,
        "{} has the square of the gradient subtracted, not of its mean.",
        "{} of √(s - g²) + eps, not √(s - m²) + eps",
        "not centered",
        (later(centered=True), later()),
        by_rules(spread=lambda s: _less_mean(s, s.slope)),
        {"params": both(moves, _centered)},
    ),
    *mistaken(
        "bias-corrected",
        _RMSPROP,
        "{} has the bias of the mean square corrected, as Adam's is.",
        "{} of √(s / (1 - αᵗ)) + eps, not √s + eps",
        "α = 0",
        (later(), later(alpha=0.0)),
        by_rules(spread=lambda s: RULES["rmsprop"]["spread"](s) / (1 - s.alpha**s.t)),
        {"params": both(moves, _decays)},
    ),
    *mistaken(
        "rmsprop-momentum-ignored",
        _RMSPROP,
        "{} has no momentum.",
        "{} = θ - lr · g / (√s + eps), not θ - lr · v",
        "the first step",
        (later(momentum=0.75), first(momentum=0.75)),
        by_numbers(lambda i: {"momentum": 0.0}),
        {"params": both(moves, _rolls)},
    ),
    *mistaken(
        "rmsprop-momentum-averaged",
        _RMSPROP,
        "{} has momentum as a moving average: the scaled gradient counts 1 - momentum.",
        "{} of v = μ · v + (1 - μ) g / (√s + eps), not μ · v + g / (√s + eps)",
        "no momentum, or a gradient of 0",
        (later(momentum=0.75), later(momentum=0.75, grads=[[0.0], [0.0]])),
        by_rules(momentum_buffer=_averaged_velocity),
        {"params": both(moves, _pushes), "momentum_buffer": _pushes},
    ),
    *mistaken(
        "rmsprop-rate-in-velocity",
        _RMSPROP,
        "{} has the learning rate within the velocity, where a new rate changes the past too.",
        "{} of v = μ · v + lr · move, θ = θ - v, not of v = μ · v + move, θ = θ - lr · v",
        "a rate of 1",
        (later(momentum=0.75), later(momentum=0.75, lr=1.0)),
        by_rules(momentum_buffer=_rated, params=lambda s: s.start - s.momentum_buffer),
        {
            "params": both(_rolls, lambda h, s: h["lr"] != 1),
            "momentum_buffer": both(_pushes, lambda h, s: h["lr"] != 1),
        },
    ),
]
