"""Units that are the identity above 0 and saturate exponentially below."""

from __future__ import annotations

import numpy as np

from scratchcnn.functional import _checks as check
from scratchcnn.functional._checks import Floats

# The fixed point of mean 0 and variance 1, in equation 14 of the article on `selu`.
SELU_ALPHA = 1.6732632423543772848170429916717
SELU_SCALE = 1.0507009873554804934193349852946


@check.ieee
def elu(x: Floats, alpha: float = 1.0) -> Floats:
    """Return `x` where it is positive, and ``alpha * (exp(x) - 1)`` elsewhere.

    Parameters
    ----------
    x : ndarray of any shape
    alpha : float
        The distance below 0 at which the output saturates.

    Returns
    -------
    ndarray, same shape and dtype as `x`
        The derivative at 0 is `alpha`, and that of NaN is NaN.

    Raises
    ------
    TypeError
        If `x` is not of float32 or float64, or `alpha` is no number.

    References
    ----------
    .. [1] D.-A. Clevert, T. Unterthiner, S. Hochreiter, "Fast and Accurate Deep Network Learning
       by Exponential Linear Units (ELUs)", ICLR 2016.

    Examples
    --------
    >>> elu(np.array([-1000.0, 0.0, 2.0]), 0.5)
    array([-0.5,  0. ,  2. ])
    """
    check.floats("elu", x=x)
    alpha = check.real("elu", "alpha", alpha, -np.inf)
    return _joined(x, alpha * np.expm1(np.minimum(x, 0)))


@check.ieee
def elu_grad(grad_output: Floats, x: Floats, *, alpha: float = 1.0) -> Floats:
    """Return the gradient of `x`: ``grad_output``, times ``alpha * exp(x)`` unless ``x > 0``."""
    check.alike("elu_grad", grad_output, x=x)
    alpha = check.real("elu_grad", "alpha", alpha, -np.inf)
    return np.where(x > 0, grad_output, grad_output * (alpha * np.exp(x)))


@check.ieee
def selu(x: Floats) -> Floats:
    """Return ``scale * elu(x, alpha)`` with the constants that keep mean 0 and variance 1.

    Parameters
    ----------
    x : ndarray of any shape

    Returns
    -------
    ndarray, same shape and dtype as `x`
        ``alpha = 1.6732632423543772`` and ``scale = 1.0507009873554805``. The derivative at 0 is
        ``scale * alpha``, and that of NaN is NaN.

    Raises
    ------
    TypeError
        If `x` is not of float32 or float64.

    References
    ----------
    .. [1] G. Klambauer, T. Unterthiner, A. Mayr, S. Hochreiter, "Self-Normalizing Neural
       Networks", NIPS 2017.

    Examples
    --------
    >>> selu(np.array([-1000.0, 0.0, 1.0]))
    array([-1.75809934,  0.        ,  1.05070099])
    """
    check.floats("selu", x=x)
    below = (SELU_SCALE * SELU_ALPHA) * np.expm1(np.minimum(x, 0))
    return _joined(SELU_SCALE * x, below)


@check.ieee
def selu_grad(grad_output: Floats, x: Floats) -> Floats:
    """Return the gradient of `x`: that of `elu`, times ``scale``."""
    check.alike("selu_grad", grad_output, x=x)
    below = (SELU_SCALE * SELU_ALPHA) * np.exp(x)
    return np.where(x > 0, grad_output * SELU_SCALE, grad_output * below)


@check.ieee
def celu(x: Floats, alpha: float = 1.0) -> Floats:
    """Return `x` where it is positive, and ``alpha * (exp(x / alpha) - 1)`` elsewhere.

    Parameters
    ----------
    x : ndarray of any shape
    alpha : float
        The distance below 0 at which the output saturates; not 0.

    Returns
    -------
    ndarray, same shape and dtype as `x`
        The derivative is continuous: 1 at 0. That of NaN is NaN.

    Raises
    ------
    TypeError
        If `x` is not of float32 or float64, or `alpha` is no number.
    ValueError
        If `alpha` is 0.

    References
    ----------
    .. [1] J. Barron, "Continuously Differentiable Exponential Linear Units", 2017,
       arXiv:1704.07483.

    Examples
    --------
    >>> celu(np.array([-1000.0, 0.0, 2.0]), 0.5)
    array([-0.5,  0. ,  2. ])
    """
    check.floats("celu", x=x)
    alpha = _not_zero("celu", alpha)
    return _joined(x, alpha * np.expm1(np.minimum(x, 0) / alpha))


@check.ieee
def celu_grad(grad_output: Floats, x: Floats, *, alpha: float = 1.0) -> Floats:
    """Return the gradient of `x`: ``grad_output``, times ``exp(x / alpha)`` unless ``x > 0``."""
    check.alike("celu_grad", grad_output, x=x)
    alpha = _not_zero("celu_grad", alpha)
    return np.asarray(grad_output * np.exp(np.minimum(x, 0) / alpha))


def _joined(above: Floats, below: Floats) -> Floats:
    """Return `above` where it is positive, and `below`, which is 0 there, elsewhere."""
    return np.asarray(np.maximum(above, 0) + below)


def _not_zero(function: str, alpha: float) -> float:
    alpha = check.real(function, "alpha", alpha, -np.inf)
    if alpha == 0:
        raise ValueError(f"{function}: alpha is 0, expected another number")
    return alpha
