"""Rows of the dictionary for steps of optimizers: their results, their cases, what hides what."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from reference_tests.faults.fault import Fault, Hyper, Shapes
from reference_tests.faults.table import Given, given, listed

Shows = Callable[[Hyper, Shapes], bool]
Changes = dict[str, Any]

# The results of every step, with all options.
RESULTS: Mapping[str, tuple[str, ...]] = {
    "sgd": ("params", "momentum_buffer"),
    "adam": ("params", "exp_avg", "exp_avg_sq", "max_exp_avg_sq"),
    "adamw": ("params", "exp_avg", "exp_avg_sq", "max_exp_avg_sq"),
    "nadam": ("params", "exp_avg", "exp_avg_sq", "mu_product"),
    "radam": ("params", "exp_avg", "exp_avg_sq"),
    "adamax": ("params", "exp_avg", "exp_inf"),
    "adagrad": ("params", "sum"),
    "adadelta": ("params", "square_avg", "acc_delta"),
    "rmsprop": ("params", "square_avg", "grad_avg", "momentum_buffer"),
}
ALL = tuple(RESULTS)
# Weight decay can be part of the gradient, or be decoupled from it.
COUPLED = tuple(name for name in ALL if name != "adamw")
DECOUPLED = ("adam", "adamw", "nadam", "radam")
SIGNED = ("params", "momentum_buffer", "exp_avg", "grad_avg")
SQUARES = ("exp_avg_sq", "max_exp_avg_sq", "exp_inf", "sum", "square_avg", "acc_delta")

# The option with which a step has a result, and its value in a case.
_OPTIONS: Mapping[str, dict[str, Any]] = {
    "momentum_buffer": {"momentum": 0.75},
    "max_exp_avg_sq": {"amsgrad": True},
    "grad_avg": {"centered": True},
}
# Short exact numbers; with them RAdam is adaptive after seven steps, and not at first.
_NUMBERS = {"lr": 0.25, "betas": (0.75, 0.875), "rho": 0.75, "alpha": 0.75}
_STATE = {
    "momentum_buffer": [[0.5], [-1.0]],
    "exp_avg": [[0.5], [-1.0]],
    "grad_avg": [[0.5], [-0.25]],
    "exp_avg_sq": [[2.0], [6.0]],
    "max_exp_avg_sq": [[16.0], [0.25]],
    "exp_inf": [[16.0], [0.25]],
    "sum": [[2.0], [4.0]],
    "square_avg": [[2.0], [6.0]],
    "acc_delta": [[0.5], [0.25]],
}


def first(**hyper: Any) -> Changes:
    """Return what makes a case of a first step."""
    return hyper


def later(**hyper: Any) -> Changes:
    """Return what makes a case of a step with a history, unless it says otherwise."""
    return {"step": 7, "mu_product": 0.25, **_STATE, **hyper}


def _case(values: Changes, output: str) -> Given:
    """Return what makes the case that shows a result, without the state that it has not."""
    options = {"params": [[1.0], [-3.0]], "grads": [[1.0], [-2.0]], **_NUMBERS, **values}
    options |= {n: v for n, v in _OPTIONS.get(output, {}).items() if not values.get(n)}

    def case(operation: str) -> Any:
        def kept(name: str) -> bool:
            return all(options.get(option) for option in _OPTIONS.get(name, ()))

        return given(**{n: v for n, v in options.items() if kept(n)})(operation)

    return case


def started(hyper: Hyper, shapes: Shapes) -> bool:
    """Return whether there is a state."""
    return any(shape is not None for name, shape in shapes.items() if name not in _BOTH)


_BOTH = ("params", "grads")


def moves(hyper: Hyper, shapes: Shapes) -> bool:
    """Return whether a step moves at all."""
    return bool(hyper["lr"] != 0)


def always(hyper: Hyper, shapes: Shapes) -> bool:
    """Return that parameters do not hide a mistake."""
    return True


def both(*conditions: Shows) -> Shows:
    """Return whether all conditions hold."""
    return lambda hyper, shapes: all(condition(hyper, shapes) for condition in conditions)


def outputs(names: Sequence[str], shows: Shows) -> dict[str, Shows]:
    """Return a condition for several results."""
    return dict.fromkeys(names, shows)


def _has(output: str) -> Shows:
    options = _OPTIONS.get(output, {})
    return lambda hyper, shapes: all(bool(hyper[name]) for name in options)


def mistaken(
    name: str,
    operations: Sequence[str],
    sentence: str,
    formula: str,
    hidden_by: str,
    cases: tuple[Changes, Changes],
    mistake: Changes,
    shows: Mapping[str, Shows],
) -> list[Fault]:
    """Return the faults of one mistake, one for each result that it corrupts.

    Parameters
    ----------
    sentence, formula : str
        ``{}`` stands for the result.
    cases : pair
        What makes the exposing and the hiding case; an option that a result needs is added.
    shows : mapping of results to conditions
        Under which parameters the mistake shows in them.
    """
    exposing, hiding = cases
    return [
        fault
        for output, condition in shows.items()
        for fault in listed(
            "optim",
            "The step",
            [operation for operation in operations if output in RESULTS[operation]],
            name,
            sentence,
            formula,
            hidden_by,
            (_case(exposing, output), _case(hiding, output)),
            {**mistake, "shows_if": both(_has(output), condition)},
            (output,),
        )
    ]
