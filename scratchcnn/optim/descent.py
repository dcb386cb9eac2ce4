"""One step of gradient descent, as a pure function of lists of arrays."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from scratchcnn.functional import _checks as check
from scratchcnn.functional._checks import Floats
from scratchcnn.optim._step import State, Step, checked, entry, minus, slopes


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
    lr, momentum, weight_decay = checked(
        "sgd", params, grads, lr=lr, momentum=momentum, weight_decay=weight_decay
    )
    dampening = check.real("sgd", "dampening", dampening, -np.inf)
    if nesterov and (momentum == 0 or dampening != 0):
        raise ValueError(
            f"sgd: nesterov has momentum={momentum:g} and dampening={dampening:g}, "
            "expected momentum above 0 and no dampening"
        )
    directions = slopes(params, grads, weight_decay, maximize)
    if momentum == 0:
        return Step(minus(params, lr, directions), {})
    velocities = entry("sgd", state, "momentum_buffer", params)
    if velocities is None:
        velocities = [slope.copy() for slope in directions]
    else:
        pairs = zip(velocities, directions, strict=True)
        velocities = [np.asarray(momentum * v + (1 - dampening) * slope) for v, slope in pairs]
    if nesterov:
        moves = [s + momentum * v for s, v in zip(directions, velocities, strict=True)]
    else:
        moves = velocities
    return Step(minus(params, lr, moves), {"momentum_buffer": velocities})
