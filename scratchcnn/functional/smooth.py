"""Smooth relatives of the sigmoid."""

from __future__ import annotations

import numpy as np

from scratchcnn.functional import _checks as check
from scratchcnn.functional._checks import Floats
from scratchcnn.functional.activation import _sigmoid


@check.ieee
def softplus(x: Floats, beta: float = 1.0, *, threshold: float = 20.0) -> Floats:
    """Return ``log(1 + exp(beta * x)) / beta``, a smooth and positive stand-in for ReLU.

    Parameters
    ----------
    x : ndarray of any shape
    beta : float
        How sharp the bend is.
    threshold : float
        Where ``beta * x`` is above it, the result is `x` itself.

    Returns
    -------
    ndarray, same shape and dtype as `x`
        No exponential overflows, whatever `threshold` is.

    Raises
    ------
    TypeError
        If `x` is not of float32 or float64, or a parameter is no number.

    References
    ----------
    .. [1] C. Dugas et al., "Incorporating Second-Order Functional Knowledge for Better Option
       Pricing", NIPS 2000.

    Examples
    --------
    >>> softplus(np.array([-2.0, 0.0, 100.0])).round(4)
    array([  0.1269,   0.6931, 100.    ])
    """
    check.floats("softplus", x=x)
    beta, limit = _bend("softplus", beta, threshold)
    scaled = x * beta
    return np.where(scaled > limit, x, _softplus(scaled) / beta)


@check.ieee
def softplus_grad(
    grad_output: Floats, x: Floats, *, beta: float = 1.0, threshold: float = 20.0
) -> Floats:
    """Return the gradient of `x`: ``grad_output``, times ``sigmoid(beta * x)`` to the threshold."""
    check.alike("softplus_grad", grad_output, x=x)
    beta, limit = _bend("softplus_grad", beta, threshold)
    scaled = x * beta
    return np.where(scaled > limit, grad_output, grad_output * _sigmoid(scaled))


@check.ieee
def logsigmoid(x: Floats) -> Floats:
    """Return ``log(1 / (1 + exp(-x)))``.

    Parameters
    ----------
    x : ndarray of any shape

    Returns
    -------
    ndarray, same shape and dtype as `x`
        Finite where the sigmoid itself would round to 0.

    Raises
    ------
    TypeError
        If `x` is not of float32 or float64.

    References
    ----------
    .. [1] M. Mächler, "Accurately Computing log(1 - exp(-|a|))", vignette of the R package
       Rmpfr, 2012, which treats log(1 + exp(x)) too.

    Examples
    --------
    >>> logsigmoid(np.array([-1000.0, 1000.0]))
    array([-1000.,    -0.])
    """
    check.floats("logsigmoid", x=x)
    return np.asarray(-_softplus(-x))


@check.ieee
def logsigmoid_grad(grad_output: Floats, x: Floats) -> Floats:
    """Return the gradient of `x`: ``grad_output * sigmoid(-x)``."""
    check.alike("logsigmoid_grad", grad_output, x=x)
    return np.asarray(grad_output * _sigmoid(-x))


@check.ieee
def softsign(x: Floats) -> Floats:
    """Return ``x / (1 + abs(x))``.

    Parameters
    ----------
    x : ndarray of any shape

    Returns
    -------
    ndarray, same shape and dtype as `x`
        Infinities, and their derivatives, are NaN, as in PyTorch.

    Raises
    ------
    TypeError
        If `x` is not of float32 or float64.

    References
    ----------
    .. [1] J. Bergstra, G. Desjardins, P. Lamblin, Y. Bengio, "Quadratic Polynomials Learn Better
       Image Features", technical report 1337, Université de Montréal, 2009.

    Examples
    --------
    >>> softsign(np.array([-3.0, 0.0, 1.0]))
    array([-0.75,  0.  ,  0.5 ])
    """
    check.floats("softsign", x=x)
    return np.asarray(x / (1 + np.abs(x)))


@check.ieee
def softsign_grad(grad_output: Floats, x: Floats) -> Floats:
    """Return the gradient of `x`: ``grad_output / (1 + abs(x))**2``."""
    check.alike("softsign_grad", grad_output, x=x)
    size = np.abs(x)
    # Expanded, the square has one rounding instead of three where x is small.
    grad = grad_output / (1 + size * (2 + size))
    return np.where(np.isinf(x), x.dtype.type(np.nan), grad)


def _softplus(x: Floats) -> Floats:
    # Neither exp(-|x|) nor the sum of two positive terms overflows or cancels.
    return np.asarray(np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x))))


def _bend(function: str, beta: float, threshold: float) -> tuple[float, float]:
    number = check.real(function, "beta", beta, -np.inf)
    return number, check.real(function, "threshold", threshold, -np.inf)
