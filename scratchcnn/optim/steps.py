"""One step of each optimizer, as a pure function of lists of arrays."""

from __future__ import annotations

import math
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


@check.ieee
def sgd(
    params: Sequence[Floats],
    grads: Sequence[Floats],
    state: State | None = None,
    *,
    lr: float,
    momentum: float = 0.0,
    dampening: float = 0.0,
    weight_decay: float = 0.0,
    nesterov: bool = False,
    maximize: bool = False,
) -> Step:
    """Return parameters and state after one step of stochastic gradient descent.

    Parameters
    ----------
    params, grads : sequences of ndarrays, one gradient for each parameter
    state : mapping, optional
        What the step before returned: ``momentum_buffer``, a list of arrays; None at first.
    lr : float
        The learning rate, at least 0.
    momentum, dampening, weight_decay : float
        μ, τ and λ of the equations.
    nesterov : bool
        Whether to look ahead along the new velocity; needs momentum and no dampening.
    maximize : bool
        Whether to go up the gradient instead of down.

    Returns
    -------
    Step
        With ``g' = g + λ p``: the velocity ``v = μ v + (1 - τ) g'``, at first ``v = g'``;
        ``p - lr * v``, with Nesterov ``p - lr * (g' + μ v)``, without momentum ``p - lr * g'``.

    Raises
    ------
    TypeError
        If an array is not of float32 or float64, or dtypes differ.
    ValueError
        If shapes or numbers do not fit.

    References
    ----------
    .. [1] I. Sutskever et al., "On the importance of initialization and momentum in deep
       learning", ICML 2013.

    Examples
    --------
    >>> sgd([np.array([1.0])], [np.array([0.5])], lr=0.1).params
    [array([0.95])]
    """
    lr, momentum, weight_decay = _check(
        "sgd", params, grads, lr=lr, momentum=momentum, weight_decay=weight_decay
    )
    dampening = check.real("sgd", "dampening", dampening, -np.inf)
    if nesterov and (momentum == 0 or dampening != 0):
        raise ValueError(
            f"sgd: nesterov has momentum={momentum:g} and dampening={dampening:g}, "
            "expected momentum above 0 and no dampening"
        )
    signed = [-grad if maximize else grad for grad in grads]
    slopes = [
        g + weight_decay * p if weight_decay else g for p, g in zip(params, signed, strict=True)
    ]
    if momentum == 0:
        return Step(_minus(params, lr, slopes), {})
    velocities = _entry("sgd", state, "momentum_buffer", params)
    if velocities is None:
        velocities = [slope.copy() for slope in slopes]
    else:
        pairs = zip(velocities, slopes, strict=True)
        velocities = [momentum * v + (1 - dampening) * slope for v, slope in pairs]
    if nesterov:
        moves = [s + momentum * v for s, v in zip(slopes, velocities, strict=True)]
    else:
        moves = velocities
    return Step(_minus(params, lr, moves), {"momentum_buffer": velocities})


@check.ieee
def adam(
    params: Sequence[Floats],
    grads: Sequence[Floats],
    state: State | None = None,
    *,
    lr: float = 1e-3,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 0.0,
    amsgrad: bool = False,
    maximize: bool = False,
) -> Step:
    """Return parameters and state after one step of Adam.

    Parameters
    ----------
    params, grads : sequences of ndarrays, one gradient for each parameter
    state : mapping, optional
        What the step before returned: ``step``, an int, and ``exp_avg``, ``exp_avg_sq``, with
        `amsgrad` also ``max_exp_avg_sq``, lists of arrays; None at first.
    lr : float
        The learning rate, at least 0.
    betas : pair of float
        β₁ and β₂, from 0 to below 1.
    eps : float
        Added to the root, after the correction of its bias.
    weight_decay : float
        λ, added to the gradient as ``λ p``.
    amsgrad : bool
        Whether to divide by the largest second moment so far.
    maximize : bool
        Whether to go up the gradient instead of down.

    Returns
    -------
    Step
        With ``m = β₁ m + (1 - β₁) g`` and ``v = β₂ v + (1 - β₂) g²`` at step ``t``:
        ``p - lr * (m / (1 - β₁**t)) / (sqrt(v / (1 - β₂**t)) + eps)``.

    Raises
    ------
    TypeError
        If an array is not of float32 or float64, or dtypes differ.
    ValueError
        If shapes or numbers do not fit.

    References
    ----------
    .. [1] D. Kingma, J. Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015.
    .. [2] S. Reddi et al., "On the Convergence of Adam and Beyond", ICLR 2018, for `amsgrad`.

    Examples
    --------
    >>> adam([np.array([1.0])], [np.array([0.5])], lr=0.1).params
    [array([0.9])]
    """
    lr, eps, weight_decay = _check("adam", params, grads, lr=lr, eps=eps, weight_decay=weight_decay)
    b1, b2 = _betas("adam", betas)
    if state and "step" not in state:
        raise ValueError(f"adam: state has {sorted(state)}, expected 'step'")
    t = 1 + (check.whole("adam", "state['step']", state["step"], 0) if state else 0)
    signed = [-grad if maximize else grad for grad in grads]
    slopes = [
        g + weight_decay * p if weight_decay else g for p, g in zip(params, signed, strict=True)
    ]
    zeros = [np.zeros_like(p) for p in params]
    first = _entry("adam", state, "exp_avg", params) or zeros
    second = _entry("adam", state, "exp_avg_sq", params) or zeros
    first = [b1 * m + (1 - b1) * g for m, g in zip(first, slopes, strict=True)]
    second = [b2 * v + (1 - b2) * (g * g) for v, g in zip(second, slopes, strict=True)]
    after: dict[str, Any] = {"step": t, "exp_avg": first, "exp_avg_sq": second}
    largest = second
    if amsgrad:
        before = _entry("adam", state, "max_exp_avg_sq", params) or zeros
        largest = [np.maximum(a, b) for a, b in zip(before, second, strict=True)]
        after["max_exp_avg_sq"] = largest
    root = math.sqrt(1 - b2**t)
    moves = [m / (np.sqrt(v) / root + eps) for m, v in zip(first, largest, strict=True)]
    return Step(_minus(params, lr / (1 - b1**t), moves), after)


def _minus(params: Sequence[Floats], factor: float, moves: Sequence[Floats]) -> list[Floats]:
    return [np.asarray(p - factor * move) for p, move in zip(params, moves, strict=True)]


def _check(
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


def _betas(function: str, betas: Sequence[float]) -> tuple[float, float]:
    if not isinstance(betas, Sequence) or len(betas) != 2:
        raise ValueError(f"{function}: betas is {betas!r}, expected two numbers")
    values = [check.real(function, f"betas[{i}]", beta, -np.inf) for i, beta in enumerate(betas)]
    for index, beta in enumerate(values):
        if not 0 <= beta < 1:
            raise ValueError(
                f"{function}: betas[{index}] is {beta:g}, expected at least 0 and below 1"
            )
    return values[0], values[1]


def _entry(
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
        entry = f"state[{name!r}][{index}]"
        check.floats(function, **{f"params[{index}]": param, entry: array})
        check.shape(function, entry, array, param.shape)
    return list(arrays)
