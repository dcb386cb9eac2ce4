"""Steps that divide each gradient by a size of its own past, as pure functions of lists."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from scratchcnn.functional import _checks as check
from scratchcnn.functional._checks import Floats
from scratchcnn.optim._step import State, Step, average, before, checked, counted, minus, slopes


@check.ieee
def adagrad(
    params: Sequence[Floats],
    grads: Sequence[Floats],
    state: State | None = None,
    *,
    lr: float = 1e-2,
    lr_decay: float = 0.0,
    weight_decay: float = 0.0,
    initial_accumulator_value: float = 0.0,
    eps: float = 1e-10,
    maximize: bool = False,
) -> Step:
    """Return parameters and state after one step of Adagrad.

    Parameters
    ----------
    params, grads : sequences of ndarrays, one gradient for each parameter
    state : mapping, optional
        What the step before returned: ``step``, an int, and ``sum``, a list of arrays; None at
        first.
    lr, lr_decay : float
        The learning rate, and η of the equations, both at least 0.
    weight_decay : float
        λ, added to the gradient as ``λ p``.
    initial_accumulator_value : float
        The sum before the first step.
    eps : float
        Added to the root.
    maximize : bool
        Whether to go up the gradient instead of down.

    Returns
    -------
    Step
        With ``s = s + g²`` at step ``t``: ``p - lr / (1 + (t - 1) η) * g / (sqrt(s) + eps)``.

    Raises
    ------
    TypeError
        If an array is not of float32 or float64, or dtypes differ.
    ValueError
        If shapes or numbers do not fit.

    References
    ----------
    .. [1] J. Duchi, E. Hazan, Y. Singer, "Adaptive Subgradient Methods for Online Learning and
       Stochastic Optimization", JMLR 12, 2011.

    Examples
    --------
    >>> adagrad([np.array([1.0])], [np.array([0.5])], lr=0.1, eps=0).params
    [array([0.9])]
    """
    lr, lr_decay, weight_decay, initial, eps = checked(
        "adagrad",
        params,
        grads,
        lr=lr,
        lr_decay=lr_decay,
        weight_decay=weight_decay,
        initial_accumulator_value=initial_accumulator_value,
        eps=eps,
    )
    step = counted("adagrad", state)
    directions = slopes(params, grads, weight_decay, maximize)
    pairs = zip(before("adagrad", state, "sum", params, initial), directions, strict=True)
    sums = [np.asarray(s + g * g) for s, g in pairs]
    moves = [g / (np.sqrt(s) + eps) for g, s in zip(directions, sums, strict=True)]
    rate = lr / (1 + (step - 1) * lr_decay)
    return Step(minus(params, rate, moves), {"step": step, "sum": sums})


@check.ieee
def adadelta(
    params: Sequence[Floats],
    grads: Sequence[Floats],
    state: State | None = None,
    *,
    lr: float = 1.0,
    rho: float = 0.9,
    eps: float = 1e-6,
    weight_decay: float = 0.0,
    maximize: bool = False,
) -> Step:
    """Return parameters and state after one step of Adadelta.

    Parameters
    ----------
    params, grads, weight_decay, maximize
        As in `adagrad`.
    state : mapping, optional
        What the step before returned: ``step``, an int, and ``square_avg``, ``acc_delta``, lists
        of arrays; None at first.
    lr : float
        What each move is multiplied by, at least 0.
    rho : float
        ρ of the equations, from 0 to 1.
    eps : float
        Added under both roots.

    Returns
    -------
    Step
        With ``v = ρ v + (1 - ρ) g²``, the move ``d = sqrt(a + eps) / sqrt(v + eps) * g``, and
        then ``a = ρ a + (1 - ρ) d²``: ``p - lr * d``.

    Raises
    ------
    TypeError, ValueError
        As in `adagrad`.

    References
    ----------
    .. [1] M. Zeiler, "ADADELTA: An Adaptive Learning Rate Method", 2012, arXiv:1212.5701.

    Examples
    --------
    >>> adadelta([np.array([1.0])], [np.array([0.5])], rho=0.0, eps=0.75).params
    [array([0.5669873])]
    """
    lr, rho, eps, weight_decay = checked(
        "adadelta", params, grads, lr=lr, rho=rho, eps=eps, weight_decay=weight_decay
    )
    check.real("adadelta", "rho", rho, 0, 1)
    step = counted("adadelta", state)
    directions = slopes(params, grads, weight_decay, maximize)
    squares = [g * g for g in directions]
    sizes = average(before("adadelta", state, "square_avg", params), squares, rho)
    deltas = before("adadelta", state, "acc_delta", params)
    triples = zip(directions, sizes, deltas, strict=True)
    moves = [np.sqrt(a + eps) / np.sqrt(v + eps) * g for g, v, a in triples]
    deltas = average(deltas, [move * move for move in moves], rho)
    after = {"step": step, "square_avg": sizes, "acc_delta": deltas}
    return Step(minus(params, lr, moves), after)


@check.ieee
def rmsprop(
    params: Sequence[Floats],
    grads: Sequence[Floats],
    state: State | None = None,
    *,
    lr: float = 1e-2,
    alpha: float = 0.99,
    eps: float = 1e-8,
    weight_decay: float = 0.0,
    momentum: float = 0.0,
    centered: bool = False,
    maximize: bool = False,
) -> Step:
    """Return parameters and state after one step of RMSprop.

    Parameters
    ----------
    params, grads, lr, weight_decay, maximize
        As in `adagrad`.
    state : mapping, optional
        What the step before returned: ``step``, an int, and ``square_avg``, with `centered` also
        ``grad_avg``, with momentum ``momentum_buffer``, lists of arrays; None at first.
    alpha : float
        α of the equations, at least 0.
    eps : float
        Added to the root.
    momentum : float
        μ of the equations, at least 0.
    centered : bool
        Whether to divide by the deviation from the mean gradient instead of the size.

    Returns
    -------
    Step
        With ``v = α v + (1 - α) g²`` the move is ``g / (sqrt(v) + eps)``; centered, with
        ``m = α m + (1 - α) g``, it is ``g / (sqrt(v - m²) + eps)``, where a difference that
        rounds to below 0 counts as 0. Then ``p - lr * move``; with momentum, of the velocity
        ``b = μ b + move`` instead.

    Raises
    ------
    TypeError, ValueError
        As in `adagrad`.

    References
    ----------
    .. [1] T. Tieleman, G. Hinton, "Lecture 6.5: rmsprop", COURSERA, 2012.
    .. [2] A. Graves, "Generating Sequences with Recurrent Neural Networks", 2013,
       arXiv:1308.0850, for `centered`.

    Examples
    --------
    >>> rmsprop([np.array([1.0])], [np.array([0.5])], lr=0.1, alpha=0.75, eps=0).params
    [array([0.8])]
    """
    lr, alpha, eps, weight_decay, momentum = checked(
        "rmsprop",
        params,
        grads,
        lr=lr,
        alpha=alpha,
        eps=eps,
        weight_decay=weight_decay,
        momentum=momentum,
    )
    step = counted("rmsprop", state)
    directions = slopes(params, grads, weight_decay, maximize)
    squares = [g * g for g in directions]
    sizes = average(before("rmsprop", state, "square_avg", params), squares, alpha)
    after: dict[str, Any] = {"step": step, "square_avg": sizes}
    if centered:
        means = average(before("rmsprop", state, "grad_avg", params), directions, alpha)
        after["grad_avg"] = means
        # The variance cancels for a steady gradient; below 0 its root would be NaN for ever.
        sizes = [np.maximum(v - m * m, 0) for v, m in zip(sizes, means, strict=True)]
    moves = [g / (np.sqrt(v) + eps) for g, v in zip(directions, sizes, strict=True)]
    if momentum:
        buffers = before("rmsprop", state, "momentum_buffer", params)
        pairs = zip(buffers, moves, strict=True)
        moves = after["momentum_buffer"] = [np.asarray(momentum * b + d) for b, d in pairs]
    return Step(minus(params, lr, moves), after)
