"""The records of a step of Adam and its relatives."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reference_tests import tolerance
from reference_tests.case import Case
from reference_tests.draw import Draw
from reference_tests.operations.optimizer import (
    averaged,
    constant,
    number,
    picked,
    pinned,
    power,
    recorded,
    regularized,
    stepped,
)
from reference_tests.tolerance import Bounded, maximum, scalar, sqrt

_BETAS = ((0.9, 0.999), (0.5, 0.9), (0.0, 0.5))
_MOMENTS = ("exp_avg", "exp_avg_sq")


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
    decoupled_weight_decay: bool = False,
) -> Any:
    """Return the parameters, the moments and with `amsgrad` the largest second one."""
    params, slope = regularized(params, grads, lr, weight_decay, maximize, decoupled_weight_decay)
    first = averaged(exp_avg, slope, betas[0])
    second = averaged(exp_avg_sq, slope * slope, betas[1])
    largest = second
    if amsgrad and max_exp_avg_sq is not None:
        largest = maximum(max_exp_avg_sq, second)
    size = constant(scalar(lr) / (1 - power(betas[0], step + 1)), params)
    root = constant(sqrt(1 - power(betas[1], step + 1)), params)
    # The array comes first: its format, not that of `size`, is what the product is rounded to.
    params = params - first / (sqrt(largest) / root + eps) * size
    return (params, first, second, largest) if amsgrad else (params, first, second)


def adamw(
    params: Any,
    grads: Any,
    exp_avg: Any = None,
    exp_avg_sq: Any = None,
    max_exp_avg_sq: Any = None,
    *,
    weight_decay: float = 0.01,
    **hyper: Any,
) -> Any:
    """Return what a step of `adam` returns, with decoupled weight decay."""
    hyper |= {"weight_decay": weight_decay, "decoupled_weight_decay": True}
    return adam(params, grads, exp_avg, exp_avg_sq, max_exp_avg_sq, **hyper)


def nadam(
    params: Any,
    grads: Any,
    exp_avg: Any = None,
    exp_avg_sq: Any = None,
    *,
    step: int = 0,
    mu_product: float = 1.0,
    lr: float = 2e-3,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 0.0,
    momentum_decay: float = 4e-3,
    decoupled_weight_decay: bool = False,
    maximize: bool = False,
) -> Any:
    """Return the parameters, the moments and the product of all momenta."""
    params, slope = regularized(params, grads, lr, weight_decay, maximize, decoupled_weight_decay)
    first = averaged(exp_avg, slope, betas[0])
    second = averaged(exp_avg_sq, slope * slope, betas[1])
    now, later = (
        betas[0] * (1 - 0.5 * tolerance.power(scalar(0.96), t * momentum_decay))
        for t in (step + 1, step + 2)
    )
    if not isinstance(params, Bounded):
        now, later = float(now.value), float(later.value)
    product = number(mu_product, params) * now
    of_slope, of_first = (1 - now) / (1 - product), later / (1 - product * later)
    root = sqrt(second / constant(1 - power(betas[1], step + 1), params)) + eps
    # Two moves, as PyTorch makes them: each rounds the parameters.
    params = params - slope / root * (lr * of_slope) - first / root * (lr * of_first)
    return params, first, second, product


def radam(
    params: Any,
    grads: Any,
    exp_avg: Any = None,
    exp_avg_sq: Any = None,
    *,
    step: int = 0,
    lr: float = 1e-3,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 0.0,
    decoupled_weight_decay: bool = False,
    maximize: bool = False,
) -> Any:
    """Return the parameters and the moments."""
    params, slope = regularized(params, grads, lr, weight_decay, maximize, decoupled_weight_decay)
    first = averaged(exp_avg, slope, betas[0])
    second = averaged(exp_avg_sq, slope * slope, betas[1])
    size = scalar(lr) / (1 - power(betas[0], step + 1))
    decayed = power(betas[1], step + 1)
    longest = 2 / (1 - scalar(betas[1])) - 1
    length = longest - 2 * (step + 1) * decayed / (1 - decayed)
    if length.nearest <= 5:
        return params - first * constant(size, params), first, second
    rectified = sqrt(
        (length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length)
    )
    factor = constant(size * rectified * sqrt(1 - decayed), params)
    return params - first / (sqrt(second) + eps) * factor, first, second


def adamax(
    params: Any,
    grads: Any,
    exp_avg: Any = None,
    exp_inf: Any = None,
    *,
    step: int = 0,
    lr: float = 2e-3,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 0.0,
    maximize: bool = False,
) -> Any:
    """Return the parameters, the first moment and the largest size."""
    params, slope = regularized(params, grads, lr, weight_decay, maximize)
    first = averaged(exp_avg, slope, betas[0])
    largest = abs(slope) + eps
    if exp_inf is not None:
        largest = maximum(betas[1] * exp_inf, largest)
    size = constant(scalar(lr) / (1 - power(betas[0], step + 1)), params)
    return params - first / largest * size, first, largest


def _outputs_of_adam(hyper: Mapping[str, Any]) -> tuple[str, ...]:
    names = ("params", *_MOMENTS)
    return (*names, "max_exp_avg_sq") if hyper.get("amsgrad") else names


def _drawn(draw: Draw, **others: tuple[Any, ...]) -> tuple[bool, dict[str, Any]]:
    """Return whether there was a step before, and the hyperparameters that all have."""
    later = draw.chance(2, 3)
    hyper = {"step": draw.integer(1, 50) if later else 0}
    hyper |= picked(
        draw,
        lr=(1e-3, 0.1),
        betas=_BETAS,
        eps=(1e-8, 1e-3),
        weight_decay=(0.0, 0.01, 0.5),
        maximize=(False, False, False, True),
        **others,
    )
    return later, hyper


def _adam_strategy(draw: Draw) -> Case:
    later, hyper = _drawn(draw, amsgrad=(False, True), decoupled_weight_decay=(False, True))
    return stepped(draw, _adam_state(later, hyper), hyper)


def _adamw_strategy(draw: Draw) -> Case:
    later, hyper = _drawn(draw, amsgrad=(False, True))
    return stepped(draw, _adam_state(later, hyper), hyper)


def _adam_state(later: bool, hyper: Mapping[str, Any]) -> dict[str, str | None]:
    largest = "square" if later and hyper["amsgrad"] else None
    return {**_moments(later), "max_exp_avg_sq": largest}


def _moments(later: bool, second: str = "exp_avg_sq", kind: str = "square") -> dict[str, Any]:
    return {"exp_avg": "mean" if later else None, second: kind if later else None}


def _nadam_strategy(draw: Draw) -> Case:
    later, hyper = _drawn(
        draw, momentum_decay=(4e-3, 0.0, 1.0), decoupled_weight_decay=(False, True)
    )
    hyper["mu_product"] = draw.choice((0.5, 0.9, 1e-3)) if later else 1.0
    return stepped(draw, _moments(later), hyper)


def _radam_strategy(draw: Draw) -> Case:
    later, hyper = _drawn(draw, decoupled_weight_decay=(False, True))
    return stepped(draw, _moments(later), hyper)


def _adamax_strategy(draw: Draw) -> Case:
    later, hyper = _drawn(draw)
    return stepped(draw, _moments(later, "exp_inf", "size"), hyper)


_DEFAULTS = {
    "lr": 1e-3,
    "betas": (0.9, 0.999),
    "eps": 1e-8,
    "weight_decay": 0.0,
    "maximize": False,
}
_DECOUPLED = {"decoupled_weight_decay": False}
_INVALID = (
    ("a negative learning rate", {"lr": -1.0}),
    ("a beta of 1", {"betas": (1.0, 0.9)}),
    ("a negative eps", {"eps": -1.0}),
)
_FIRST = dict.fromkeys(_MOMENTS)
_LATER = {"exp_avg": "real", "exp_avg_sq": "positive"}
_THIRD = {"step": 3, "lr": 0.1, "eps": 1e-3, "weight_decay": 0.01}
_FORTIETH = {"step": 40, "lr": 0.1, "weight_decay": 0.5, "decoupled_weight_decay": True}
_UPWARDS = {"lr": 0.1, "betas": (0.5, 0.9), "eps": 1e-3, "weight_decay": 0.5, "maximize": True}
_TWENTIETH = {"step": 20, **_UPWARDS}
_STEP = (
    "`step` is the number of steps before this one and part of the state. Weight decay is added "
    "to the gradient; a decoupled one multiplies the parameters before the step. "
)

OPERATIONS = (
    recorded(
        name="adam",
        state=(*_MOMENTS, "max_exp_avg_sq"),
        numbers={"step": 0},
        defaults={**_DEFAULTS, "amsgrad": False, **_DECOUPLED},
        strategy=_adam_strategy,
        definition=adam,
        outputs=_outputs_of_adam,
        conventions=_STEP + "eps is added to the root after the correction of its bias.",
        pinned=(
            pinned({**_FIRST, "max_exp_avg_sq": None}, {"lr": 0.1}, 1),
            pinned({**_LATER, "max_exp_avg_sq": None}, _THIRD, 2),
            pinned({**_LATER, "max_exp_avg_sq": None}, _FORTIETH, 3),
            pinned({**_LATER, "max_exp_avg_sq": "positive"}, {**_TWENTIETH, "amsgrad": True}, 4),
        ),
        invalid=_INVALID,
    ),
    recorded(
        name="adamw",
        state=(*_MOMENTS, "max_exp_avg_sq"),
        numbers={"step": 0},
        defaults={**_DEFAULTS, "weight_decay": 0.01, "amsgrad": False},
        strategy=_adamw_strategy,
        definition=adamw,
        outputs=_outputs_of_adam,
        conventions=_STEP + "It is always decoupled here, and has a default above 0.",
        pinned=(
            pinned({**_FIRST, "max_exp_avg_sq": None}, {"lr": 0.1}, 1),
            pinned({**_LATER, "max_exp_avg_sq": None}, _THIRD, 2),
            pinned({**_LATER, "max_exp_avg_sq": "positive"}, {**_TWENTIETH, "amsgrad": True}, 3),
        ),
        invalid=_INVALID,
    ),
    recorded(
        name="nadam",
        state=_MOMENTS,
        numbers={"step": 0, "mu_product": 1.0},
        defaults={**_DEFAULTS, "lr": 2e-3, "momentum_decay": 4e-3, **_DECOUPLED},
        strategy=_nadam_strategy,
        definition=nadam,
        outputs=lambda hyper: ("params", *_MOMENTS, "mu_product"),
        conventions=_STEP + "The momentum grows to β₁ as 1 - 0.96**(t ψ) / 2, and mu_product is "
        "the product of all so far, a number.",
        pinned=(
            pinned(_FIRST, {"lr": 0.1}, 1),
            pinned(_LATER, {**_THIRD, "mu_product": 0.5, "momentum_decay": 0.5}, 2),
            pinned(_LATER, {**_FORTIETH, "mu_product": 0.25}, 3),
            pinned(_LATER, {**_TWENTIETH, "mu_product": 0.25}, 4),
        ),
        invalid=(*_INVALID, ("a negative momentum decay", {"momentum_decay": -1.0})),
    ),
    recorded(
        name="radam",
        state=_MOMENTS,
        numbers={"step": 0},
        defaults={**_DEFAULTS, **_DECOUPLED},
        strategy=_radam_strategy,
        definition=radam,
        outputs=lambda hyper: ("params", *_MOMENTS),
        conventions=_STEP + "The step is adaptive once ρ is above 5; eps is added to the root "
        "before the correction of its bias.",
        pinned=(
            pinned(_FIRST, {"lr": 0.1}, 1),
            pinned(_LATER, _THIRD, 2),
            pinned(_LATER, _FORTIETH, 3),
            pinned(_LATER, {**_TWENTIETH, "betas": (0.5, 0.99)}, 4),
            # ρ is between 4, the bound of the paper, and 5.
            pinned(_LATER, {"step": 4, "lr": 0.1}, 5),
        ),
        invalid=_INVALID,
    ),
    recorded(
        name="adamax",
        state=("exp_avg", "exp_inf"),
        numbers={"step": 0},
        defaults={**_DEFAULTS, "lr": 2e-3},
        strategy=_adamax_strategy,
        definition=adamax,
        outputs=lambda hyper: ("params", "exp_avg", "exp_inf"),
        conventions=_STEP + "eps is added to the size of the gradient, not to the largest size.",
        pinned=(
            pinned({"exp_avg": None, "exp_inf": None}, {"lr": 0.1}, 1),
            pinned({"exp_avg": "real", "exp_inf": "positive"}, _THIRD, 2),
            pinned({"exp_avg": "real", "exp_inf": "positive"}, _TWENTIETH, 3),
        ),
        invalid=_INVALID,
    ),
)
