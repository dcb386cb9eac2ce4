"""Mistakes of Nadam, RAdam and Adamax, which Adam has not."""

from __future__ import annotations

from typing import Any

from reference_tests.faults.fault import Fault
from reference_tests.faults.moment_conditions import (
    first_decays,
    has_eps,
    length,
    scaled,
    schedules,
    second_decays,
)
from reference_tests.faults.stepping import (
    both,
    first,
    later,
    mistaken,
    moves,
    outputs,
    started,
)
from reference_tests.faults.steps import RULES, along_mean, by_rules, from_zero
from reference_tests.operations.optimizer import constant, number
from reference_tests.tolerance import maximum, scalar


def _largest_size(s: Any, decay: float = 1.0, share: float = 1.0) -> Any:
    """Return the largest size with other weights of the old and the new."""
    return maximum(decay * from_zero(s, s.old.exp_inf), share * abs(s.slope) + s.eps)


def _skipped(s: Any) -> Any:
    return RULES["radam"]["params"](s) if s.adaptive else s.start


_FLAT = {"betas": (0.0, 0.0)}
_EPS, _NO_EPS = later(eps=0.5), later(eps=0.0)

FAULTS: list[Fault] = [
    *mistaken(
        "lookahead-missing",
        ("nadam",),
        "{} is that of Adam: it goes along the mean, and does not look ahead.",
        "{} = θ - lr · m / (1 - β₁ᵗ) / (√(s / (1 - β₂ᵗ)) + eps)",
        "a rate of 0",
        (first(), first(lr=0.0)),
        by_rules(params=along_mean),
        {"params": moves},
    ),
    *mistaken(
        "lookahead-with-this-momentum",
        ("nadam",),
        "{} looks ahead with the momentum of this step, not of the next.",
        "{} with μ_t in place of that of the next step",
        "β₁ = 0, or a momentum that does not grow",
        (first(momentum_decay=1.0), first(momentum_decay=0.0)),
        by_rules(later=lambda s: s.now),
        {"params": both(moves, schedules)},
    ),
    *mistaken(
        "schedule-missing",
        ("nadam",),
        "{} has the momentum β₁ in every step, not one that grows to it.",
        "{} with μ_t = β₁, not β₁ (1 - 0.96**(t ψ) / 2)",
        "β₁ = 0",
        (first(), first(**_FLAT)),
        by_rules(now=lambda s: scalar(s.betas[0]), later=lambda s: scalar(s.betas[0])),
        {"params": both(moves, first_decays), "mu_product": first_decays},
    ),
    *mistaken(
        "product-of-this-step",
        ("nadam",),
        "{} has the momentum of this step in place of the product of all.",
        "{} with 1 - μ_t, not 1 - μ_1 · … · μ_t",
        "the first step",
        (later(), first()),
        by_rules(mu_product=lambda s: number(1.0, s.start) * constant(s.now, s.start)),
        outputs(("params", "mu_product"), lambda h, s: h["mu_product"] != 1 and first_decays(h, s)),
    ),
    *mistaken(
        "rectification-missing",
        ("radam",),
        "{} is not rectified: it is that of Adam once ρ is above 5.",
        "{} without √((ρ-4)(ρ-2)ρ∞ / ((ρ∞-4)(ρ∞-2)ρ))",
        "the first steps",
        (later(), first()),
        by_rules(rectification=lambda s: scalar(1.0)),
        {"params": scaled},
    ),
    *mistaken(
        "rectified-above-four",
        ("radam",),
        "{} is adaptive once ρ is above 4, as in the paper, not above 5.",
        "{} with √s from ρ > 4, not ρ > 5",
        "a ρ that is not between 4 and 5",
        (later(step=4), later()),
        by_rules(adaptive=lambda s: s.length.nearest > 4),
        {"params": both(moves, lambda h, s: 4 < length(h) <= 5)},
    ),
    *mistaken(
        "rectified-with-another-length",
        ("radam",),
        "{} has a longest average of 2 / (1 - β₂), one too long.",
        "{} with ρ∞ = 2 / (1 - β₂), not 2 / (1 - β₂) - 1",
        "a rate of 0",
        (later(), later(lr=0.0)),
        by_rules(longest=lambda s: 2 / (1 - scalar(s.betas[1]))),
        {"params": both(moves, lambda h, s: length(h) > 4)},
    ),
    *mistaken(
        "first-steps-skipped",
        ("radam",),
        "{} does not move before ρ is above 5.",
        "{} = θ, not θ - lr · m / (1 - β₁ᵗ), while ρ ≤ 5",
        "later steps",
        (first(), later()),
        by_rules(params=_skipped),
        {"params": both(moves, lambda h, s: length(h) <= 5)},
    ),
    *mistaken(
        "size-not-decayed",
        ("adamax",),
        "{} has a largest size that does not decay.",
        "{} of u = max(u, |g| + eps), not max(β₂ u, |g| + eps)",
        "the first step",
        (later(), first()),
        by_rules(exp_inf=_largest_size),
        {"params": both(moves, started), "exp_inf": started},
    ),
    *mistaken(
        "size-of-shares",
        ("adamax",),
        "{} has the largest of two shares, as if it were a mean.",
        "{} of u = max(β₂ u, (1 - β₂) |g| + eps), not max(β₂ u, |g| + eps)",
        "β₂ = 0",
        (later(), later(betas=(0.75, 0.0))),
        by_rules(exp_inf=lambda s: _largest_size(s, s.betas[1], 1 - s.betas[1])),
        {"params": both(moves, second_decays), "exp_inf": second_decays},
    ),
    *mistaken(
        "size-corrected",
        ("adamax",),
        "{} has a largest size whose bias is corrected, though a maximum has none.",
        "{} of u / (1 - β₂ᵗ), not of u",
        "β₂ = 0",
        (later(), later(betas=(0.75, 0.0))),
        by_rules(divisor=lambda s: s.exp_inf / constant(s.c2, s.start)),
        {"params": both(moves, second_decays)},
    ),
    *mistaken(
        "eps-after-maximum",
        ("adamax",),
        "{} has eps added to the largest size, not to the gradient's.",
        "{} of u = max(β₂ u, |g|), and of u + eps, not of u = max(β₂ u, |g| + eps)",
        "eps = 0",
        (_EPS, _NO_EPS),
        by_rules(
            exp_inf=lambda s: maximum(s.betas[1] * from_zero(s, s.old.exp_inf), abs(s.slope)),
            divisor=lambda s: s.exp_inf + s.eps,
        ),
        {"params": both(moves, started, has_eps)},
    ),
]
