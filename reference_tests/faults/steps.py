"""The step of each optimizer as rules, one for every number on the way.

A mistake is another rule: all that follows from it is computed with it. What the rules compute
together is what the records define, which a test compares.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from functools import cache
from types import SimpleNamespace
from typing import Any

from reference_tests import tolerance
from reference_tests.faults.fault import Inputs
from reference_tests.operation import Operation
from reference_tests.operations import CATALOGUE
from reference_tests.operations.optimizer import (
    averaged,
    constant,
    number,
    power,
    regularized,
)
from reference_tests.tolerance import maximum, scalar, sqrt

# Takes all hyperparameters, `t`, which counts this step too, the `old` state, the `start` after
# decoupled decay, the `slope`, and what the rules before it computed.
Rule = Callable[[Any], Any]
Rules = Mapping[str, Rule]


def _velocity(s: Any) -> Any:
    if s.old.momentum_buffer is None:
        return s.slope
    return s.momentum * s.old.momentum_buffer + (1 - s.dampening) * s.slope


def _ahead(s: Any) -> Any:
    if not s.momentum:
        return s.slope
    return s.slope + s.momentum * s.momentum_buffer if s.nesterov else s.momentum_buffer


def _largest(s: Any) -> Any:
    if not s.amsgrad or s.old.max_exp_avg_sq is None:
        return s.exp_avg_sq
    return maximum(s.old.max_exp_avg_sq, s.exp_avg_sq)


def _scheduled(s: Any, t: int) -> Any:
    """Return the momentum of Nadam in a step."""
    return s.betas[0] * (1 - 0.5 * tolerance.power(scalar(0.96), t * s.momentum_decay))


def _looked_ahead(s: Any) -> Any:
    """Return the parameters after a step of Nadam."""
    now, later, product = constant(s.now, s.start), constant(s.later, s.start), s.mu_product
    along_slope, along_mean = (1 - now) / (1 - product), later / (1 - product * later)
    moves = s.slope / s.divisor * (s.lr * along_slope), s.exp_avg / s.divisor * (s.lr * along_mean)
    return s.start - moves[0] - moves[1]


def _length(s: Any) -> Any:
    decayed = power(s.betas[1], s.t)
    return s.longest - 2 * s.t * decayed / (1 - decayed)


def _rectification(s: Any) -> Any:
    """Return what RAdam multiplies an adaptive step by."""
    top = (s.length - 4) * (s.length - 2) * s.longest
    return sqrt(top / ((s.longest - 4) * (s.longest - 2) * s.length))


def _rectified(s: Any) -> Any:
    rate = scalar(s.lr) / s.c1
    if not s.adaptive:
        return s.start - s.exp_avg * constant(rate, s.start)
    factor = constant(rate * s.rectification * sqrt(s.c2), s.start)
    return s.start - s.exp_avg / s.divisor * factor


def _variance(s: Any) -> Any:
    if not s.centered:
        return s.square_avg
    return maximum(s.square_avg - s.grad_avg * s.grad_avg, 0.0)


def _scaled_velocity(s: Any) -> Any:
    if not s.momentum or s.old.momentum_buffer is None:
        return s.move
    return s.momentum * s.old.momentum_buffer + s.move


def from_zero(s: Any, old: Any) -> Any:
    """Return what was before, zeros at first."""
    return 0 * s.slope if old is None else old


def along_mean(s: Any) -> Any:
    """Return the parameters after a step of Adam."""
    return s.start - s.exp_avg / s.divisor * constant(scalar(s.lr) / s.c1, s.start)


_MOMENTS: Rules = {
    "c1": lambda s: 1 - power(s.betas[0], s.t),
    "c2": lambda s: 1 - power(s.betas[1], s.t),
    "exp_avg": lambda s: averaged(s.old.exp_avg, s.slope, s.betas[0]),
    "exp_avg_sq": lambda s: averaged(s.old.exp_avg_sq, s.slope * s.slope, s.betas[1]),
}
_DIVISOR: Rules = {"divisor": lambda s: sqrt(s.spread) + s.eps}
_ADAM: Rules = {
    **_MOMENTS,
    "max_exp_avg_sq": _largest,
    "spread": lambda s: s.max_exp_avg_sq / constant(s.c2, s.start),
    **_DIVISOR,
    "params": along_mean,
}
_NADAM: Rules = {
    **_MOMENTS,
    "now": lambda s: _scheduled(s, s.t),
    "later": lambda s: _scheduled(s, s.t + 1),
    "mu_product": lambda s: number(s.old.mu_product, s.start) * constant(s.now, s.start),
    "spread": lambda s: s.exp_avg_sq / constant(s.c2, s.start),
    **_DIVISOR,
    "params": _looked_ahead,
}
_RADAM: Rules = {
    **_MOMENTS,
    "longest": lambda s: 2 / (1 - scalar(s.betas[1])) - 1,
    "length": _length,
    "adaptive": lambda s: not s.length.nearest <= 5,
    "rectification": _rectification,
    "spread": lambda s: s.exp_avg_sq,
    **_DIVISOR,
    "params": _rectified,
}
_ADAMAX: Rules = {
    "c1": _MOMENTS["c1"],
    "c2": _MOMENTS["c2"],
    "exp_avg": _MOMENTS["exp_avg"],
    "exp_inf": lambda s: maximum(s.betas[1] * from_zero(s, s.old.exp_inf), abs(s.slope) + s.eps),
    "divisor": lambda s: s.exp_inf,
    "params": along_mean,
}
_SGD: Rules = {
    "momentum_buffer": _velocity,
    "move": _ahead,
    "params": lambda s: s.start - s.lr * s.move,
}
_ADAGRAD: Rules = {
    "before": lambda s: s.initial_accumulator_value if s.old.sum is None else s.old.sum,
    "sum": lambda s: s.slope * s.slope + s.before,
    "spread": lambda s: s.sum,
    **_DIVISOR,
    "rate": lambda s: scalar(s.lr) / (1 + s.step * scalar(s.lr_decay)),
    "params": lambda s: s.start - s.slope / s.divisor * constant(s.rate, s.start),
}
_ADADELTA: Rules = {
    "square_avg": lambda s: averaged(s.old.square_avg, s.slope * s.slope, s.rho),
    "before": lambda s: from_zero(s, s.old.acc_delta),
    "reach": lambda s: sqrt(s.before + s.eps),
    "divisor": lambda s: sqrt(s.square_avg + s.eps),
    "move": lambda s: s.reach / s.divisor * s.slope,
    "acc_delta": lambda s: averaged(s.old.acc_delta, s.move * s.move, s.rho),
    "params": lambda s: s.start - s.lr * s.move,
}
_RMSPROP: Rules = {
    "square_avg": lambda s: averaged(s.old.square_avg, s.slope * s.slope, s.alpha),
    "grad_avg": lambda s: averaged(s.old.grad_avg, s.slope, s.alpha),
    "spread": _variance,
    **_DIVISOR,
    "move": lambda s: s.slope / s.divisor,
    "momentum_buffer": _scaled_velocity,
    "params": lambda s: s.start - s.lr * s.momentum_buffer,
}

RULES: Mapping[str, Rules] = {
    "sgd": _SGD,
    "adam": _ADAM,
    "adamw": _ADAM,
    "nadam": _NADAM,
    "radam": _RADAM,
    "adamax": _ADAMAX,
    "adagrad": _ADAGRAD,
    "adadelta": _ADADELTA,
    "rmsprop": _RMSPROP,
}


def decoupled(hyper: Mapping[str, Any]) -> bool:
    """Return whether weight decay multiplies the parameters; AdamW's always does."""
    return bool(hyper.get("decoupled_weight_decay", "amsgrad" in hyper))


def ruled(operation: Operation, **others: Rule) -> Operation:
    """Return the record of an optimizer in which some rules are others."""
    rules = RULES[operation.name]

    def definition(*arrays: Any, **hyper: Any) -> Any:
        given = dict(zip(operation.arrays, arrays, strict=True))
        s = SimpleNamespace(**hyper, t=hyper.get("step", 0) + 1, old=SimpleNamespace(**given))
        # A number of the state is old until its rule makes the new one.
        vars(s.old).update({name: hyper[name] for name in operation.numbers})
        s.start, s.slope = regularized(
            s.old.params, s.old.grads, s.lr, s.weight_decay, s.maximize, decoupled(hyper)
        )
        for name, rule in rules.items():
            setattr(s, name, others.get(name, rule)(s))
        results = tuple(getattr(s, name) for name in operation.outputs(hyper))
        return results if len(results) > 1 else results[0]

    return dataclasses.replace(operation, definition=definition)


def by_rules(**others: Rule) -> dict[str, Any]:
    """Return the mistake of having these rules in place of the right ones."""

    # One record for each operation: what a definition takes is looked up once.
    @cache
    def record(name: str) -> Operation:
        return ruled(CATALOGUE[name], **others)

    return {"before": lambda i: dataclasses.replace(i, operation=record(i.operation.name))}


def by_numbers(change: Callable[[Inputs], Mapping[str, Any]]) -> dict[str, Any]:
    """Return the mistake of a step from other arrays and hyperparameters."""
    return {"before": lambda inputs: inputs.but(**change(inputs))}
