"""Dropout, with an explicit source of randomness."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import numpy as np

from scratchcnn.functional import _checks as check
from scratchcnn.functional._checks import Floats

RNG: TypeAlias = np.random.Generator | int | None


class Dropout(NamedTuple):
    """The result of dropout and the mask that made it."""

    output: Floats
    mask: Floats


@check.ieee
def dropout(x: Floats, *, p: float = 0.5, training: bool = True, rng: RNG = None) -> Floats:
    """Return `x` with each element set to 0 with probability `p`, the others divided by ``1 - p``.

    Parameters
    ----------
    x : ndarray of any shape
    p : float
        The probability of a zero, from 0 to 1.
    training : bool
        If false, `x` comes back unchanged, as a copy.
    rng : numpy.random.Generator or int, optional
        The source of randomness or its seed; None takes fresh entropy.

    Returns
    -------
    ndarray, same shape and dtype as `x`
        Its expected value is `x`.

    Raises
    ------
    TypeError
        If `x` is not of float32 or float64.
    ValueError
        If `p` is no probability.

    References
    ----------
    .. [1] N. Srivastava et al., "Dropout: A Simple Way to Prevent Neural Networks from
       Overfitting", JMLR 15, 2014.

    Examples
    --------
    >>> dropout(np.ones(6), p=0.5, rng=0)
    array([2., 0., 0., 0., 2., 2.])
    """
    return _dropout("dropout", x, p, training, rng).output


@check.ieee
def dropout_with_mask(
    x: Floats, *, p: float = 0.5, training: bool = True, rng: RNG = None
) -> Dropout:
    """Return what `dropout` returns, and the mask for its gradient.

    Parameters
    ----------
    x : ndarray of any shape
    p, training, rng
        As in `dropout`.

    Returns
    -------
    Dropout
        The output and its mask, 0 or ``1 / (1 - p)`` for each element; 1 if `training` is false.

    Raises
    ------
    TypeError, ValueError
        As `dropout`.

    Examples
    --------
    >>> dropout_with_mask(np.full(4, 3.0), p=0.5, rng=0)
    Dropout(output=array([6., 0., 0., 0.]), mask=array([2., 0., 0., 0.]))
    """
    return _dropout("dropout_with_mask", x, p, training, rng)


@check.ieee
def dropout_grad(grad_output: Floats, mask: Floats) -> Floats:
    """Return the gradient of `x`: ``grad_output * mask``, with the mask of the forward."""
    check.floats("dropout_grad", grad_output=grad_output, mask=mask)
    check.shape("dropout_grad", "grad_output", grad_output, mask.shape)
    return grad_output * mask


def _dropout(function: str, x: Floats, p: float, training: bool, rng: RNG) -> Dropout:
    check.floats(function, x=x)
    p = check.real(function, "p", p, 0, 1)
    if not training:
        return Dropout(x.copy(), np.ones_like(x))
    kept = check.generator(function, rng).random(x.shape) >= p
    scale = x.dtype.type(1 / (1 - p)) if p < 1 else x.dtype.type(0)
    mask = np.where(kept, scale, x.dtype.type(0))
    return Dropout(x * mask, mask)
