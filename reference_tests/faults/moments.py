"""Mistakes of Adam and its relatives."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from reference_tests.faults import adam_relatives
from reference_tests.faults.fault import Fault, Hyper, Inputs, Shapes
from reference_tests.faults.moment_conditions import (
    first_decays,
    has_eps,
    scaled,
    schedules,
    second_decays,
)
from reference_tests.faults.stepping import (
    DECOUPLED,
    Changes,
    Shows,
    both,
    first,
    later,
    mistaken,
    moves,
    outputs,
    started,
)
from reference_tests.faults.steps import (
    by_numbers,
    by_rules,
    decoupled,
    from_zero,
)
from reference_tests.operations import CATALOGUE
from reference_tests.operations.optimizer import averaged, constant
from reference_tests.tolerance import maximum, scalar, sqrt

_ADAM = ("adam", "adamw")
_ROOTED = ("adam", "adamw", "nadam", "radam")
_ALL = (*_ROOTED, "adamax")
_SQUARES = ("exp_avg_sq", "max_exp_avg_sq")


def _counts(hyper: Hyper, shapes: Shapes) -> bool:
    """Return whether the number of steps matters."""
    return moves(hyper, shapes) and any(beta != 0 for beta in hyper["betas"])


def _largest(hyper: Hyper, shapes: Shapes) -> bool:
    return bool(hyper["amsgrad"])


def _had_largest(hyper: Hyper, shapes: Shapes) -> bool:
    return _largest(hyper, shapes) and shapes["max_exp_avg_sq"] is not None


def _unlike(place: int) -> Any:
    """Return whether a decay and its complement differ."""
    return lambda hyper, shapes: hyper["betas"][place] != 0.5


def _decays(hyper: Hyper, shapes: Shapes) -> bool:
    return bool(hyper["weight_decay"] != 0)


def _decoupled(hyper: Hyper, shapes: Shapes) -> bool:
    return _decays(hyper, shapes) and decoupled(hyper)


def _coupled_always(inputs: Inputs) -> Inputs:
    """Return the inputs of the step with weight decay in the gradient."""
    coupled = CATALOGUE["adam"] if inputs.operation.name == "adamw" else inputs.operation
    return replace(inputs, operation=coupled).but(decoupled_weight_decay=False)


def _any_move(hyper: Hyper, shapes: Shapes) -> bool:
    return moves(hyper, shapes) and hyper["betas"][0] != hyper["betas"][1]


def _exchanged(hyper: Hyper, shapes: Shapes) -> bool:
    return bool(hyper["betas"][0] != hyper["betas"][1]) and started(hyper, shapes)


def _later(hyper: Hyper, shapes: Shapes) -> bool:
    return bool(hyper["step"] != 0)


def _largest_corrected(s: Any) -> Any:
    corrected = s.exp_avg_sq / constant(s.c2, s.start)
    if not s.amsgrad or s.old.max_exp_avg_sq is None:
        return corrected
    return maximum(s.old.max_exp_avg_sq, corrected)


def _spread_of_before(s: Any) -> Any:
    old = s.old.max_exp_avg_sq if s.amsgrad else None
    return (s.max_exp_avg_sq if old is None else old) / constant(s.c2, s.start)


def _counted(change: int) -> Changes:
    return by_numbers(lambda i: {"step": i.hyper["step"] + change})


def _of_count(*more: Shows) -> dict[str, Shows]:
    """Return when a wrong number of steps shows."""
    return {"params": both(_counts, *more), "mu_product": both(schedules, *more)}


_ONE = {"c1": lambda s: scalar(1.0), "c2": lambda s: scalar(1.0)}
_FLAT = {"betas": (0.0, 0.0)}
_EPS = later(eps=0.5)
_NO_EPS = later(eps=0.0)
_DECOUPLED = {"decoupled_weight_decay": True}

FAULTS: list[Fault] = [
    *mistaken(
        "corrections-missing",
        _ADAM,
        "{} has moments whose bias is not corrected.",
        "{} = θ - lr · m / (√s + eps), not with m / (1 - β₁ᵗ) and s / (1 - β₂ᵗ)",
        "β₁ = β₂ = 0",
        (first(), first(**_FLAT)),
        by_rules(**_ONE),
        {"params": _counts},
    ),
    *mistaken(
        "first-correction-missing",
        (*_ADAM, "radam", "adamax"),
        "{} has a first moment whose bias is not corrected.",
        "{} of m, not of m / (1 - β₁ᵗ)",
        "β₁ = 0",
        (first(), first(**_FLAT)),
        by_rules(c1=_ONE["c1"]),
        {"params": both(moves, first_decays)},
    ),
    *mistaken(
        "second-correction-missing",
        _ROOTED,
        "{} has a second moment whose bias is not corrected.",
        "{} of √s, not of √(s / (1 - β₂ᵗ))",
        "β₂ = 0",
        (later(), later(betas=(0.75, 0.0))),
        by_rules(c2=_ONE["c2"]),
        {"params": both(scaled, second_decays)},
    ),
    *mistaken(
        "steps-from-zero",
        _ALL,
        "{} counts steps from 0: the first one divides by 1 - β⁰ = 0.",
        "{} with t = 0, 1, …, not 1, 2, …",
        "β₁ = β₂ = 0 after the first step",
        (first(), later(**_FLAT)),
        _counted(-1),
        _of_count(),
    ),
    *mistaken(
        "steps-one-ahead",
        _ALL,
        "{} counts one step too many.",
        "{} with t = 2, 3, …, not 1, 2, …",
        "β₁ = β₂ = 0",
        (first(), first(**_FLAT)),
        _counted(1),
        _of_count(),
    ),
    *mistaken(
        "steps-not-counted",
        _ALL,
        "{} takes every step for the first one: the number of steps stays 0.",
        "{} with t = 1, not 1, 2, …",
        "the first step",
        (later(), first()),
        by_numbers(lambda i: {"step": 0}),
        _of_count(_later),
    ),
    *mistaken(
        "eps-before-correction",
        ("adam", "adamw", "nadam"),
        "{} has eps added before the bias of the second moment is corrected.",
        "{} of (√s + eps) / √(1 - β₂ᵗ), not √(s / (1 - β₂ᵗ)) + eps",
        "eps = 0, or large gradients",
        (_EPS, _NO_EPS),
        by_rules(divisor=lambda s: sqrt(s.spread) + constant(s.eps / sqrt(s.c2), s.start)),
        {"params": both(moves, has_eps, second_decays)},
    ),
    *mistaken(
        "eps-after-correction",
        ("radam",),
        "{} has eps added after the bias of the second moment is corrected.",
        "{} of √(s / (1 - β₂ᵗ)) + eps, not (√s + eps) / √(1 - β₂ᵗ)",
        "eps = 0, or large gradients",
        (_EPS, _NO_EPS),
        by_rules(divisor=lambda s: sqrt(s.spread) + constant(s.eps * sqrt(s.c2), s.start)),
        {"params": both(scaled, has_eps, second_decays)},
    ),
    *mistaken(
        "betas-exchanged",
        _ALL,
        "{} has the two decays exchanged.",
        "{} with (β₂, β₁) in place of (β₁, β₂)",
        "β₁ = β₂",
        (later(), later(betas=(0.75, 0.75))),
        by_numbers(lambda i: {"betas": i.hyper["betas"][::-1]}),
        {
            "params": _any_move,
            **outputs(("exp_avg", *_SQUARES), lambda h, s: h["betas"][0] != h["betas"][1]),
            "exp_inf": _exchanged,
        },
    ),
    *mistaken(
        "first-shares-exchanged",
        _ALL,
        "{} has a first moment with the shares of old and new exchanged.",
        "{} of m = (1 - β₁) m + β₁ g, not β₁ m + (1 - β₁) g",
        "β₁ = 1/2",
        (later(), later(betas=(0.5, 0.875))),
        by_rules(exp_avg=lambda s: averaged(s.old.exp_avg, s.slope, 1 - s.betas[0])),
        {"params": both(moves, _unlike(0)), "exp_avg": _unlike(0)},
    ),
    *mistaken(
        "second-shares-exchanged",
        _ROOTED,
        "{} has a second moment with the shares of old and new exchanged.",
        "{} of s = (1 - β₂) s + β₂ g², not β₂ s + (1 - β₂) g²",
        "β₂ = 1/2",
        (later(), later(betas=(0.75, 0.5))),
        by_rules(
            exp_avg_sq=lambda s: averaged(s.old.exp_avg_sq, s.slope * s.slope, 1 - s.betas[1])
        ),
        {"params": both(scaled, _unlike(1)), **outputs(_SQUARES, _unlike(1))},
    ),
    *mistaken(
        "first-share-missing",
        _ALL,
        "{} has a first moment to which the whole gradient is added.",
        "{} of m = β₁ m + g, not β₁ m + (1 - β₁) g",
        "β₁ = 0",
        (later(), later(betas=(0.0, 0.875))),
        by_rules(exp_avg=lambda s: s.betas[0] * from_zero(s, s.old.exp_avg) + s.slope),
        {"params": both(moves, first_decays), "exp_avg": first_decays},
    ),
    *mistaken(
        "second-share-missing",
        _ROOTED,
        "{} has a second moment to which the whole square is added.",
        "{} of s = β₂ s + g², not β₂ s + (1 - β₂) g²",
        "β₂ = 0",
        (later(), later(betas=(0.75, 0.0))),
        by_rules(
            exp_avg_sq=lambda s: s.betas[1] * from_zero(s, s.old.exp_avg_sq) + s.slope * s.slope
        ),
        {"params": both(scaled, second_decays), **outputs(_SQUARES, second_decays)},
    ),
    *mistaken(
        "first-moment-unused",
        (*_ADAM, "radam", "adamax"),
        "{} goes along the gradient, not along its mean.",
        "{} of g, not of m",
        "β₁ = 0",
        (later(), later(betas=(0.0, 0.875))),
        by_rules(exp_avg=lambda s: s.slope),
        {"params": both(moves, first_decays)},
    ),
    *mistaken(
        "moments-of-before",
        (*_ADAM, "radam"),
        "{} comes from the moments before this gradient.",
        "{} of m_old and s_old, not of m and s",
        "a rate of 0",
        (later(), later(lr=0.0)),
        by_rules(
            exp_avg=lambda s: from_zero(s, s.old.exp_avg),
            exp_avg_sq=lambda s: from_zero(s, s.old.exp_avg_sq),
        ),
        {"params": moves},
    ),
    *mistaken(
        "decay-coupled",
        DECOUPLED,
        "{} has weight decay in the gradient, where it is decoupled.",
        "{} of the gradient g + wd · θ, not of g",
        "no weight decay",
        (later(weight_decay=0.5, **_DECOUPLED), later(weight_decay=0.0, **_DECOUPLED)),
        {"before": _coupled_always},
        {"params": both(moves, _decoupled), **outputs(("exp_avg", *_SQUARES), _decoupled)},
    ),
    *mistaken(
        "amsgrad-ignored",
        _ADAM,
        "{} is without the maximum over all steps: amsgrad is ignored.",
        "{} of s, not of the maximum of s_max and s",
        "the first step",
        (later(amsgrad=True), first(amsgrad=True)),
        by_rules(max_exp_avg_sq=lambda s: s.exp_avg_sq),
        {"params": both(moves, _had_largest), "max_exp_avg_sq": _had_largest},
    ),
    *mistaken(
        "amsgrad-of-corrected",
        _ADAM,
        "{} has the maximum of second moments whose bias is corrected.",
        "{} of the maximum of s_max and s / (1 - β₂ᵗ), not of max(s_max, s) / (1 - β₂ᵗ)",
        "β₂ = 0",
        (later(amsgrad=True), later(amsgrad=True, betas=(0.75, 0.0))),
        by_rules(max_exp_avg_sq=_largest_corrected, spread=lambda s: s.max_exp_avg_sq),
        {
            "params": both(moves, _had_largest, second_decays),
            "max_exp_avg_sq": both(_largest, second_decays),
        },
    ),
    *mistaken(
        "amsgrad-of-before",
        _ADAM,
        "{} has the maximum over the steps before this one.",
        "{} of s_max, not of the maximum of s_max and s",
        "the first step",
        (later(amsgrad=True), first(amsgrad=True)),
        by_rules(spread=_spread_of_before),
        {"params": both(moves, _had_largest)},
    ),
    *adam_relatives.FAULTS,
]
