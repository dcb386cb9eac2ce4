"""One step of Adam and its relatives, as pure functions of lists of arrays.

All keep running means of the gradient and of its size: ``m = β₁ m + (1 - β₁) g`` and, but for
Adamax, ``v = β₂ v + (1 - β₂) g²``, both 0 at first. At step ``t`` a mean of zeros and ``t``
gradients has the weight ``1 - β**t``; to divide by it is to correct its bias.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from scratchcnn.functional import _checks as check
from scratchcnn.functional._checks import Floats
from scratchcnn.optim._step import (
    State,
    Step,
    average,
    before,
    checked,
    counted,
    minus,
    pair_of_betas,
    shrunk,
    slopes,
)


class _Moments(NamedTuple):
    """Step number, gradients with their decay, and the two running means after this step."""

    step: int
    slopes: list[Floats]
    first: list[Floats]
    second: list[Floats]

    def state(self) -> dict[str, Any]:
        return {"step": self.step, "exp_avg": self.first, "exp_avg_sq": self.second}


def _moments(
    function: str,
    params: Sequence[Floats],
    grads: Sequence[Floats],
    state: State | None,
    betas: tuple[float, float],
    weight_decay: float,
    maximize: bool,
) -> _Moments:
    step = counted(function, state)
    directions = slopes(params, grads, weight_decay, maximize)
    first = before(function, state, "exp_avg", params)
    second = before(function, state, "exp_avg_sq", params)
    squares = [g * g for g in directions]
    return _Moments(
        step, directions, average(first, directions, betas[0]), average(second, squares, betas[1])
    )


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
    decoupled_weight_decay: bool = False,
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
    decoupled_weight_decay : bool
        Whether ``p`` becomes ``p - lr λ p`` before the step instead, as in `adamw`.

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
    decays = (0.0, weight_decay) if decoupled_weight_decay else (weight_decay, 0.0)
    return _adam("adam", params, grads, state, lr, betas, eps, *decays, amsgrad, maximize)


@check.ieee
def adamw(
    params: Sequence[Floats],
    grads: Sequence[Floats],
    state: State | None = None,
    *,
    lr: float = 1e-3,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 0.01,
    amsgrad: bool = False,
    maximize: bool = False,
) -> Step:
    """Return parameters and state after one step of Adam with decoupled weight decay.

    Parameters
    ----------
    params, grads, state, lr, betas, eps, amsgrad, maximize
        As in `adam`.
    weight_decay : float
        λ; ``p`` becomes ``p - lr λ p`` before the step, and the moments see none of it.

    Returns
    -------
    Step
        That of `adam`, after the decay.

    Raises
    ------
    TypeError, ValueError
        As in `adam`.

    References
    ----------
    .. [1] I. Loshchilov, F. Hutter, "Decoupled Weight Decay Regularization", ICLR 2019.

    Examples
    --------
    >>> adamw([np.array([1.0])], [np.array([0.5])], lr=0.1, weight_decay=0.5).params
    [array([0.85])]
    """
    return _adam(
        "adamw", params, grads, state, lr, betas, eps, 0.0, weight_decay, amsgrad, maximize
    )


def _adam(
    function: str,
    params: Sequence[Floats],
    grads: Sequence[Floats],
    state: State | None,
    lr: float,
    betas: tuple[float, float],
    eps: float,
    weight_decay: float,
    decoupled: float,
    amsgrad: bool,
    maximize: bool,
) -> Step:
    lr, eps = checked(function, params, grads, lr=lr, eps=eps)
    weight_decay = check.real(function, "weight_decay", weight_decay, 0)
    decoupled = check.real(function, "weight_decay", decoupled, 0)
    b1, b2 = pair_of_betas(function, betas)
    moments = _moments(function, params, grads, state, (b1, b2), weight_decay, maximize)
    after, largest = moments.state(), moments.second
    if amsgrad:
        so_far = before(function, state, "max_exp_avg_sq", params)
        pairs = zip(so_far, largest, strict=True)
        largest = [np.asarray(np.maximum(a, b)) for a, b in pairs]
        after["max_exp_avg_sq"] = largest
    root = math.sqrt(1 - b2**moments.step)
    pairs = zip(moments.first, largest, strict=True)
    moves = [m / (np.sqrt(v) / root + eps) for m, v in pairs]
    rate = lr / (1 - b1**moments.step)
    return Step(minus(shrunk(params, lr * decoupled), rate, moves), after)


@check.ieee
def nadam(
    params: Sequence[Floats],
    grads: Sequence[Floats],
    state: State | None = None,
    *,
    lr: float = 2e-3,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 0.0,
    momentum_decay: float = 4e-3,
    decoupled_weight_decay: bool = False,
    maximize: bool = False,
) -> Step:
    """Return parameters and state after one step of Adam with Nesterov's momentum.

    Parameters
    ----------
    params, grads, lr, betas, eps, weight_decay, decoupled_weight_decay, maximize
        As in `adam`.
    state : mapping, optional
        As in `adam`, and ``mu_product``, the product of all μ so far; None at first.
    momentum_decay : float
        ψ of the equations, at least 0.

    Returns
    -------
    Step
        With ``μ(t) = β₁ (1 - 0.96**(t ψ) / 2)``, ``Π`` the product of ``μ(1)`` to ``μ(t)``, and
        `adam`'s ``m`` and ``v`` at step ``t``: ``p - lr * (a g + b m) / (sqrt(v / (1 - β₂**t))
        + eps)``, where ``a = (1 - μ(t)) / (1 - Π)`` and ``b = μ(t+1) / (1 - Π μ(t+1))``.

    Raises
    ------
    TypeError, ValueError
        As in `adam`.

    References
    ----------
    .. [1] T. Dozat, "Incorporating Nesterov Momentum into Adam", ICLR workshop 2016.

    Examples
    --------
    >>> nadam([np.array([1.0])], [np.array([0.5])], lr=0.1).params[0].round(4)
    array([0.8944])
    """
    lr, eps, weight_decay, momentum_decay = checked(
        "nadam",
        params,
        grads,
        lr=lr,
        eps=eps,
        weight_decay=weight_decay,
        momentum_decay=momentum_decay,
    )
    b1, b2 = pair_of_betas("nadam", betas)
    coupled = 0.0 if decoupled_weight_decay else weight_decay
    moments = _moments("nadam", params, grads, state, (b1, b2), coupled, maximize)
    if state and "mu_product" not in state:
        raise ValueError(f"nadam: state has {sorted(state)}, expected 'mu_product'")
    so_far = state["mu_product"] if state else 1.0
    mu, ahead = (b1 * (1 - 0.5 * 0.96 ** (t * momentum_decay)) for t in _pair(moments.step))
    product = check.real("nadam", "state['mu_product']", so_far, 0, 1) * mu
    now, later = (1 - mu) / (1 - product), ahead / (1 - product * ahead)
    triples = zip(moments.slopes, moments.first, moments.second, strict=True)
    correction = 1 - b2**moments.step
    moves = [(now * g + later * m) / (np.sqrt(v / correction) + eps) for g, m, v in triples]
    shrinking = lr * weight_decay if decoupled_weight_decay else 0.0
    after = {**moments.state(), "mu_product": product}
    return Step(minus(shrunk(params, shrinking), lr, moves), after)


def _pair(step: int) -> tuple[int, int]:
    return step, step + 1


@check.ieee
def radam(
    params: Sequence[Floats],
    grads: Sequence[Floats],
    state: State | None = None,
    *,
    lr: float = 1e-3,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 0.0,
    decoupled_weight_decay: bool = False,
    maximize: bool = False,
) -> Step:
    """Return parameters and state after one step of rectified Adam.

    Parameters
    ----------
    params, grads, state, lr, betas, weight_decay, decoupled_weight_decay, maximize
        As in `adam`.
    eps : float
        Added to the root, here before the correction of its bias.

    Returns
    -------
    Step
        With `adam`'s ``m`` and ``v`` at step ``t``, ``ρ∞ = 2 / (1 - β₂) - 1`` and
        ``ρ = ρ∞ - 2 t β₂**t / (1 - β₂**t)``: while ``ρ <= 5`` the variance of the adaptive rate
        is unbounded, and the step is ``p - lr * m / (1 - β₁**t)``; then that move is multiplied
        by ``r * sqrt(1 - β₂**t) / (sqrt(v) + eps)``, where
        ``r**2 = (ρ - 4) (ρ - 2) ρ∞ / ((ρ∞ - 4) (ρ∞ - 2) ρ)``.

    Raises
    ------
    TypeError, ValueError
        As in `adam`.

    References
    ----------
    .. [1] L. Liu et al., "On the Variance of the Adaptive Learning Rate and Beyond", ICLR 2020.

    Examples
    --------
    >>> radam([np.array([1.0])], [np.array([0.5])], lr=0.1).params
    [array([0.95])]
    """
    lr, eps, weight_decay = checked(
        "radam", params, grads, lr=lr, eps=eps, weight_decay=weight_decay
    )
    b1, b2 = pair_of_betas("radam", betas)
    coupled = 0.0 if decoupled_weight_decay else weight_decay
    moments = _moments("radam", params, grads, state, (b1, b2), coupled, maximize)
    factor = _rectification(b2, moments.step)
    if factor is None:
        moves = moments.first
    else:
        pairs = zip(moments.first, moments.second, strict=True)
        moves = [m / (np.sqrt(v) + eps) * factor for m, v in pairs]
    shrinking = lr * weight_decay if decoupled_weight_decay else 0.0
    rate = lr / (1 - b1**moments.step)
    return Step(minus(shrunk(params, shrinking), rate, moves), moments.state())


def _rectification(beta: float, step: int) -> float | None:
    """Return ``r * sqrt(1 - β₂**t)``, or None while the variance has no bound."""
    weight = 1 - beta**step
    longest = 2 / (1 - beta) - 1
    length = longest - 2 * step * beta**step / weight
    if length <= 5:
        return None
    share = (length - 4) * (length - 2) / ((longest - 4) * (longest - 2))
    return math.sqrt(weight * share * longest / length)


@check.ieee
def adamax(
    params: Sequence[Floats],
    grads: Sequence[Floats],
    state: State | None = None,
    *,
    lr: float = 2e-3,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 0.0,
    maximize: bool = False,
) -> Step:
    """Return parameters and state after one step of Adam with the maximum norm.

    Parameters
    ----------
    params, grads, lr, betas, weight_decay, maximize
        As in `adam`.
    state : mapping, optional
        As in `adam`, with ``exp_inf`` in place of ``exp_avg_sq``; None at first.
    eps : float
        Added to the size of the gradient.

    Returns
    -------
    Step
        With ``m = β₁ m + (1 - β₁) g`` and ``u = max(β₂ u, abs(g) + eps)`` at step ``t``:
        ``p - lr / (1 - β₁**t) * m / u``.

    Raises
    ------
    TypeError, ValueError
        As in `adam`.

    References
    ----------
    .. [1] D. Kingma, J. Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015, section 7.

    Examples
    --------
    >>> adamax([np.array([1.0])], [np.array([0.5])], lr=0.1, eps=0).params
    [array([0.9])]
    """
    lr, eps, weight_decay = checked(
        "adamax", params, grads, lr=lr, eps=eps, weight_decay=weight_decay
    )
    b1, b2 = pair_of_betas("adamax", betas)
    step = counted("adamax", state)
    directions = slopes(params, grads, weight_decay, maximize)
    first = average(before("adamax", state, "exp_avg", params), directions, b1)
    pairs = zip(before("adamax", state, "exp_inf", params), directions, strict=True)
    largest = [np.asarray(np.maximum(b2 * u, np.abs(g) + eps)) for u, g in pairs]
    moves = [m / u for m, u in zip(first, largest, strict=True)]
    after = {"step": step, "exp_avg": first, "exp_inf": largest}
    return Step(minus(params, lr / (1 - b1**step), moves), after)
