"""Penalties on the size of weights."""

from __future__ import annotations

import numpy as np

from scratchcnn.functional import _checks as check
from scratchcnn.functional._checks import Floats


@check.ieee
def l2_penalty(x: Floats, *, strength: float) -> Floats:
    """Return ``strength * sum(x**2)``.

    Parameters
    ----------
    x : ndarray of any shape
    strength : float
        The factor λ, at least 0. Weight decay, an option of the optimizers, is another
        quantity: it adds ``λ * x`` to the gradient, this penalty ``2 * λ * x``.

    Returns
    -------
    scalar of the dtype of `x`

    Raises
    ------
    TypeError
        If `x` is not of float32 or float64, or `strength` no number.
    ValueError
        If `strength` is negative.

    Examples
    --------
    >>> l2_penalty(np.array([3.0, 4.0]), strength=0.5)
    np.float64(12.5)
    """
    check.floats("l2_penalty", x=x)
    factor = x.dtype.type(check.real("l2_penalty", "strength", strength, 0))
    return np.asarray(factor * (x * x).sum())[()]


@check.ieee
def l2_penalty_grad(grad_output: Floats, x: Floats, *, strength: float) -> Floats:
    """Return the gradient of `x`: ``grad_output * 2 * strength * x``."""
    check.floats("l2_penalty_grad", grad_output=grad_output, x=x)
    check.shape("l2_penalty_grad", "grad_output", grad_output, ())
    factor = x.dtype.type(check.real("l2_penalty_grad", "strength", strength, 0))
    return grad_output * (2 * factor) * x
