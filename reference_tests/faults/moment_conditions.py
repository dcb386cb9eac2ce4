"""When mistakes of moments show."""

from __future__ import annotations

from reference_tests.faults.fault import Hyper, Shapes
from reference_tests.faults.stepping import moves


def first_decays(hyper: Hyper, shapes: Shapes) -> bool:
    """Return whether the first moment has a past."""
    return bool(hyper["betas"][0] != 0)


def second_decays(hyper: Hyper, shapes: Shapes) -> bool:
    """Return whether the second moment has a past."""
    return bool(hyper["betas"][1] != 0)


def schedules(hyper: Hyper, shapes: Shapes) -> bool:
    """Return whether the momentum of Nadam grows."""
    return bool(hyper.get("momentum_decay", 0) != 0) and first_decays(hyper, shapes)


def has_eps(hyper: Hyper, shapes: Shapes) -> bool:
    """Return whether there is an eps."""
    return bool(hyper["eps"] != 0)


def length(hyper: Hyper) -> float:
    """Return the ρ of RAdam."""
    t, beta = hyper["step"] + 1, hyper["betas"][1]
    return float(2 / (1 - beta) - 1 - 2 * t * beta**t / (1 - beta**t))


def _adaptive(hyper: Hyper, shapes: Shapes) -> bool:
    """Return whether the second moment counts in a step, which it does not always for RAdam."""
    is_radam = not {"amsgrad", "momentum_decay"} & set(hyper) and "decoupled_weight_decay" in hyper
    return not is_radam or length(hyper) > 5


def scaled(hyper: Hyper, shapes: Shapes) -> bool:
    """Return whether a step moves, by a gradient that is divided by its size."""
    return moves(hyper, shapes) and _adaptive(hyper, shapes)
