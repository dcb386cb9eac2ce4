"""Shrinkages and the threshold: functions that set small values to 0, or to a given value."""

from __future__ import annotations

import numpy as np

from scratchcnn.functional import _checks as check
from scratchcnn.functional._checks import Floats


@check.ieee
def hardshrink(x: Floats, lambd: float = 0.5) -> Floats:
    """Return `x` where it lies outside ``[-lambd, lambd]``, and 0 inside.

    Parameters
    ----------
    x : ndarray of any shape
    lambd : float

    Returns
    -------
    ndarray, same shape and dtype as `x`
        ``x`` where ``abs(x) > lambd``, else 0.
        NaN stays NaN. The derivative at both bounds, and where `x` is NaN, is 0.

    Raises
    ------
    TypeError
        If `x` is not of float32 or float64, or `lambd` is no number.

    References
    ----------
    .. [1] D. Donoho, I. Johnstone, "Ideal Spatial Adaptation by Wavelet Shrinkage",
       Biometrika 81, 1994.

    Examples
    --------
    >>> hardshrink(np.array([-1.0, 0.5, 2.0]))
    array([-1.,  0.,  2.])
    """
    check.floats("hardshrink", x=x)
    lambd = check.real("hardshrink", "lambd", lambd, -np.inf)
    return np.where((x >= -lambd) & (x <= lambd), x.dtype.type(0), x)


@check.ieee
def hardshrink_grad(grad_output: Floats, x: Floats, *, lambd: float = 0.5) -> Floats:
    """Return the gradient of `x`: ``grad_output`` outside ``[-lambd, lambd]``, 0 inside."""
    check.alike("hardshrink_grad", grad_output, x=x)
    lambd = check.real("hardshrink_grad", "lambd", lambd, -np.inf)
    return _outside(grad_output, x, lambd)


@check.ieee
def softshrink(x: Floats, lambd: float = 0.5) -> Floats:
    """Return `x` moved towards 0 by `lambd`, and 0 where it lies in ``[-lambd, lambd]``.

    Parameters
    ----------
    x : ndarray of any shape
    lambd : float
        At least 0.

    Returns
    -------
    ndarray, same shape and dtype as `x`
        ``sign(x) * max(abs(x) - lambd, 0)``.
        NaN stays NaN. The derivative at both bounds, and where `x` is NaN, is 0.

    Raises
    ------
    TypeError
        If `x` is not of float32 or float64, or `lambd` is no number.
    ValueError
        If `lambd` is negative.

    References
    ----------
    .. [1] D. Donoho, I. Johnstone, "Ideal Spatial Adaptation by Wavelet Shrinkage",
       Biometrika 81, 1994.

    Examples
    --------
    >>> softshrink(np.array([-1.0, 0.5, 2.0]))
    array([-0.5,  0. ,  1.5])
    """
    check.floats("softshrink", x=x)
    lambd = check.real("softshrink", "lambd", lambd, 0)
    return np.asarray(x - np.clip(x, -lambd, lambd))


@check.ieee
def softshrink_grad(grad_output: Floats, x: Floats, *, lambd: float = 0.5) -> Floats:
    """Return the gradient of `x`: ``grad_output`` outside ``[-lambd, lambd]``, 0 inside."""
    check.alike("softshrink_grad", grad_output, x=x)
    lambd = check.real("softshrink_grad", "lambd", lambd, 0)
    return _outside(grad_output, x, lambd)


@check.ieee
def tanhshrink(x: Floats) -> Floats:
    """Return ``x - tanh(x)``.

    Parameters
    ----------
    x : ndarray of any shape

    Returns
    -------
    ndarray, same shape and dtype as `x`
        Accurate near 0 too, where it is close to ``x**3 / 3``.

    Raises
    ------
    TypeError
        If `x` is not of float32 or float64.

    References
    ----------
    .. [1] F. Olver et al., "NIST Handbook of Mathematical Functions", 2010, equation 4.39.1: the
       continued fraction of the tangent, from which that of the hyperbolic tangent follows.

    Examples
    --------
    >>> tanhshrink(np.array([-1000.0, 0.0, 0.5])).round(4)
    array([-9.99e+02,  0.00e+00,  3.79e-02])
    """
    check.floats("tanhshrink", x=x)
    size = np.abs(x)
    # tanh(x) = x / (1 + t), t = x² / (3 + x² / (5 + …)): a sum of positive terms, so that
    # x - tanh(x) = x t / (1 + t) cancels nowhere.
    square, tail = np.square(np.minimum(size, 1)), np.zeros_like(x)
    for odd in range(19, 1, -2):
        tail = square / (odd + tail)
    # Above 1 so does (|x| - 1) + (1 - tanh|x|), whose second term is 2 / (exp(2|x|) + 1).
    far = (size - 1) + 2 / (np.exp(2 * size) + 1)
    return np.where(size < 1, x * (tail / (1 + tail)), np.copysign(far, x))


@check.ieee
def tanhshrink_grad(grad_output: Floats, x: Floats) -> Floats:
    """Return the gradient of `x`: ``grad_output * tanh(x)**2``."""
    check.alike("tanhshrink_grad", grad_output, x=x)
    return np.asarray(grad_output * np.square(np.tanh(x)))


@check.ieee
def threshold(x: Floats, threshold: float, *, value: float) -> Floats:
    """Return `x` where it is above `threshold`, and `value` elsewhere.

    Parameters
    ----------
    x : ndarray of any shape
    threshold, value : float

    Returns
    -------
    ndarray, same shape and dtype as `x`
        ``x`` where ``x > threshold``, else `value`.
        NaN stays NaN. The derivative at the threshold is 0.

    Raises
    ------
    TypeError
        If `x` is not of float32 or float64, or a parameter is no number.

    References
    ----------
    .. [1] K. Konda, R. Memisevic and D. Krueger, "Zero-bias autoencoders and the benefits of
       co-adapting features", ICLR 2015, for a value of 0.

    Examples
    --------
    >>> threshold(np.array([-1.0, 0.5, 2.0]), 0.5, value=-7.0)
    array([-7., -7.,  2.])
    """
    check.floats("threshold", x=x)
    limit = check.real("threshold", "threshold", threshold, -np.inf)
    value = check.real("threshold", "value", value, -np.inf)
    return np.where(x <= limit, x.dtype.type(value), x)


@check.ieee
def threshold_grad(grad_output: Floats, x: Floats, *, threshold: float) -> Floats:
    """Return the gradient of `x`: 0 where ``x <= threshold``, elsewhere ``grad_output``."""
    check.alike("threshold_grad", grad_output, x=x)
    limit = check.real("threshold_grad", "threshold", threshold, -np.inf)
    return np.where(x <= limit, x.dtype.type(0), grad_output)


def _outside(grad_output: Floats, x: Floats, lambd: float) -> Floats:
    return np.where((x > lambd) | (x < -lambd), grad_output, x.dtype.type(0))
