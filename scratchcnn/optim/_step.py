"""What the steps of all optimizers share: their form, their checks, and a few small means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from scratchcnn.functional import _checks as check
from scratchcnn.functional._checks import Floats

State: TypeAlias = Mapping[str, Any]


class Step(NamedTuple):
    """The parameters after a step, and the state for the next one."""

    params: list[Floats]
    state: dict[str, Any]


def checked(
    function: str, params: Sequence[Floats], grads: Sequence[Floats], **numbers: float
) -> list[float]:
    """Return the `numbers` as Python's own, which never widen float32, or raise."""
    values = [check.real(function, name, number, 0) for name, number in numbers.items()]
    for name, arrays in (("params", params), ("grads", grads)):
        if not isinstance(arrays, Sequence):
            raise TypeError(
                f"{function}: {name} is a {type(arrays).__name__}, expected a list of arrays"
            )
    if len(params) != len(grads):
        raise ValueError(
            f"{function}: grads has {len(grads)} arrays, but params has {len(params)}; "
            "expected one gradient for each parameter"
        )
    for index, (param, grad) in enumerate(zip(params, grads, strict=True)):
        check.floats(function, **{f"params[{index}]": param, f"grads[{index}]": grad})
        check.shape(function, f"grads[{index}]", grad, param.shape)
    return values


def pair_of_betas(function: str, betas: Sequence[float]) -> tuple[float, float]:
    """Return both decay rates, each from 0 to below 1, or raise."""
    if not isinstance(betas, Sequence) or len(betas) != 2:
        raise ValueError(f"{function}: betas is {betas!r}, expected two numbers")
    values = [check.real(function, f"betas[{i}]", beta, -np.inf) for i, beta in enumerate(betas)]
    for index, beta in enumerate(values):
        if not 0 <= beta < 1:
            raise ValueError(
                f"{function}: betas[{index}] is {beta:g}, expected at least 0 and below 1"
            )
    return values[0], values[1]


def counted(function: str, state: State | None) -> int:
    """Return the number of this step, 1 for the first."""
    if not state:
        return 1
    if "step" not in state:
        raise ValueError(f"{function}: state has {sorted(state)}, expected 'step'")
    return 1 + check.whole(function, "state['step']", state["step"], 0)


def entry(
    function: str, state: State | None, name: str, params: Sequence[Floats]
) -> list[Floats] | None:
    """Return one list of the state, or None at the first step."""
    if not state:
        return None
    arrays = state.get(name)
    if not isinstance(arrays, Sequence) or len(arrays) != len(params):
        raise ValueError(
            f"{function}: state has {sorted(state)}, expected {name!r} with one array for each of "
            f"{len(params)} parameters"
        )
    for index, (array, param) in enumerate(zip(arrays, params, strict=True)):
        label = f"state[{name!r}][{index}]"
        check.floats(function, **{f"params[{index}]": param, label: array})
        check.shape(function, label, array, param.shape)
    return list(arrays)


def before(
    function: str, state: State | None, name: str, params: Sequence[Floats], first: float = 0.0
) -> list[Floats]:
    """Return one list of the state, filled with `first` at the first step."""
    found = entry(function, state, name, params)
    return [np.full_like(p, first) for p in params] if found is None else found


def slopes(
    params: Sequence[Floats], grads: Sequence[Floats], weight_decay: float, maximize: bool
) -> list[Floats]:
    """Return the directions of ascent, with weight decay ``g + λ p``; `maximize` turns `g`."""
    signed = [-grad if maximize else grad for grad in grads]
    if not weight_decay:
        return signed
    return [g + weight_decay * p for p, g in zip(params, signed, strict=True)]


def shrunk(params: Sequence[Floats], rate: float) -> list[Floats]:
    """Return the parameters after a decay that is decoupled from the gradient."""
    return [p * (1 - rate) for p in params] if rate else list(params)


def average(old: Sequence[Floats], new: Sequence[Floats], weight: float) -> list[Floats]:
    """Return ``weight * old + (1 - weight) * new``."""
    pairs = zip(old, new, strict=True)
    return [np.asarray(weight * a + (1 - weight) * b) for a, b in pairs]


def minus(params: Sequence[Floats], factor: float, moves: Sequence[Floats]) -> list[Floats]:
    """Return ``params - factor * moves``."""
    return [np.asarray(p - factor * move) for p, move in zip(params, moves, strict=True)]
