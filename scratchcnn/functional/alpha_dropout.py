"""Dropout for networks with SELU: it keeps mean 0 and variance 1."""

from __future__ import annotations

import math

import numpy as np

from scratchcnn.functional import _checks as check
from scratchcnn.functional._checks import Floats
from scratchcnn.functional.dropout import RNG, Dropout, check_mask

# The limit of SELU for large negative numbers, with its opposite sign: the product of its two
# constants.
SATURATION = 1.0507009873554805 * 1.6732632423543772


@check.ieee
def alpha_dropout(x: Floats, *, p: float = 0.5, training: bool = False, rng: RNG = None) -> Floats:
    """Return `x` with elements set to the limit of SELU, scaled and shifted to keep its moments.

    Parameters
    ----------
    x : ndarray of any shape
    p : float
        The probability that an element is dropped, from 0 to 1.
    training : bool
        If false, which is the default as in PyTorch, `x` comes back unchanged, as a copy.
    rng : numpy.random.Generator or int, optional
        The source of randomness or its seed; None takes fresh entropy.

    Returns
    -------
    ndarray, same shape and dtype as `x`
        ``a * x + b`` or, where it is dropped, ``b - a * s``, with the limit ``-s`` of SELU,
        ``a = 1 / sqrt((1 - p) * (1 + p * s**2))`` and ``b = a * p * s``: of mean 0 and variance 1
        if `x` has them. With ``p = 1`` it is 0.

    Raises
    ------
    TypeError
        If `x` is not of float32 or float64.
    ValueError
        If `p` is no probability.

    References
    ----------
    .. [1] G. Klambauer et al., "Self-Normalizing Neural Networks", NIPS 2017.

    Examples
    --------
    >>> alpha_dropout(np.zeros(4), p=0.5, training=True, rng=0).round(3)
    array([ 0.779, -0.779, -0.779, -0.779])
    """
    check.floats("alpha_dropout", x=x)
    return _alpha("alpha_dropout", x, x.shape, p, training, rng).output


@check.ieee
def alpha_dropout_with_mask(
    x: Floats, *, p: float = 0.5, training: bool = False, rng: RNG = None
) -> Dropout:
    """Return what `alpha_dropout` returns, and the mask for its gradient.

    Parameters
    ----------
    x : ndarray of any shape
    p, training, rng
        As in `alpha_dropout`.

    Returns
    -------
    Dropout
        The output and its mask, 0 or the ``a`` of `alpha_dropout` for each element; 1 if
        `training` is false.

    Raises
    ------
    TypeError, ValueError
        As `alpha_dropout`.

    Examples
    --------
    >>> alpha_dropout_with_mask(np.zeros(4), training=True, rng=0).mask.round(3)
    array([0.886, 0.   , 0.   , 0.   ])
    """
    check.floats("alpha_dropout_with_mask", x=x)
    return _alpha("alpha_dropout_with_mask", x, x.shape, p, training, rng)


@check.ieee
def alpha_dropout_grad(grad_output: Floats, mask: Floats) -> Floats:
    """Return the gradient of `x`: ``grad_output * mask``, with the mask of the forward."""
    check.floats("alpha_dropout_grad", grad_output=grad_output, mask=mask)
    check.shape("alpha_dropout_grad", "grad_output", grad_output, mask.shape)
    return np.multiply(grad_output, mask, order="C")


@check.ieee
def feature_alpha_dropout(
    x: Floats, *, p: float = 0.5, training: bool = False, rng: RNG = None
) -> Floats:
    """Return `x` with whole channels set to the limit of SELU, scaled and shifted.

    Parameters
    ----------
    x : ndarray (N, C, ...)
    p, training, rng
        As in `alpha_dropout`.

    Returns
    -------
    ndarray, same shape and dtype as `x`
        ``y[n, c] = a * x[n, c] + b`` or, where the channel is dropped, ``b - a * s``, with the
        constants of `alpha_dropout`.

    Raises
    ------
    TypeError, ValueError
        As `alpha_dropout`, and if `x` has less than two axes.

    References
    ----------
    .. [1] G. Klambauer et al., "Self-Normalizing Neural Networks", NIPS 2017.
    .. [2] J. Tompson et al., "Efficient Object Localization Using Convolutional Networks", CVPR
       2015, for whole channels.

    Examples
    --------
    >>> feature_alpha_dropout(np.zeros((1, 2, 2)), training=True, rng=0).round(3)
    array([[[ 0.779,  0.779],
            [-0.779, -0.779]]])
    """
    return _feature("feature_alpha_dropout", x, p, training, rng).output


@check.ieee
def feature_alpha_dropout_with_mask(
    x: Floats, *, p: float = 0.5, training: bool = False, rng: RNG = None
) -> Dropout:
    """Return what `feature_alpha_dropout` returns, and the mask for its gradient.

    Parameters
    ----------
    x : ndarray (N, C, ...)
    p, training, rng
        As in `alpha_dropout`.

    Returns
    -------
    Dropout
        The output and its mask (N, C, 1, ...): 0 or the ``a`` of `alpha_dropout` for each
        channel; 1 if `training` is false.

    Raises
    ------
    TypeError, ValueError
        As `feature_alpha_dropout`.

    Examples
    --------
    >>> feature_alpha_dropout_with_mask(np.zeros((1, 2, 2)), training=True, rng=0).mask.round(3)
    array([[[0.886],
            [0.   ]]])
    """
    return _feature("feature_alpha_dropout_with_mask", x, p, training, rng)


@check.ieee
def feature_alpha_dropout_grad(grad_output: Floats, mask: Floats) -> Floats:
    """Return the gradient of `x`: ``grad_output * mask``, with the mask of the forward."""
    name = "feature_alpha_dropout_grad"
    check.floats(name, grad_output=grad_output, mask=mask)
    check_mask(name, grad_output, mask)
    return np.multiply(grad_output, mask, order="C")


def _feature(function: str, x: Floats, p: float, training: bool, rng: RNG) -> Dropout:
    """Return an alpha dropout of whole channels."""
    check.floats(function, x=x)
    if x.ndim < 2:
        raise ValueError(
            f"{function}: x has {x.ndim} dimensions, shape {x.shape}, expected at least 2: (N, C)"
        )
    return _alpha(function, x, (*x.shape[:2], *(1,) * (x.ndim - 2)), p, training, rng)


def _alpha(
    function: str, x: Floats, shape: tuple[int, ...], p: float, training: bool, rng: RNG
) -> Dropout:
    """Return an alpha dropout with a mask of `shape`."""
    p = check.real(function, "p", p, 0, 1)
    check.flag(function, "training", training)
    if not training or p == 0:
        return Dropout(x.copy(), np.ones(shape, x.dtype))
    if p == 1:
        mask = np.zeros(shape, x.dtype)
        return Dropout(np.multiply(x, mask, order="C"), mask)
    kept = check.generator(function, rng).random(shape) >= p
    scale = 1 / math.sqrt((1 - p) * (1 + p * SATURATION**2))
    mask = np.where(kept, x.dtype.type(scale), x.dtype.type(0))
    shift = scale * SATURATION * np.where(kept, p, p - 1)
    return Dropout(np.add(x * mask, shift.astype(x.dtype), order="C"), mask)
