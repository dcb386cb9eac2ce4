"""Activations in straight pieces, flat at the ends."""

from __future__ import annotations

import numpy as np

from scratchcnn.functional import _checks as check
from scratchcnn.functional._checks import Floats


@check.ieee
def hardtanh(x: Floats, min_val: float = -1.0, *, max_val: float = 1.0) -> Floats:
    """Return `x` clipped to ``[min_val, max_val]``.

    Parameters
    ----------
    x : ndarray of any shape
    min_val, max_val : float

    Returns
    -------
    ndarray, same shape and dtype as `x`
        ``min(max(x, min_val), max_val)``.
        NaN stays NaN. The derivative at both bounds, and where `x` is NaN, is 0.

    Raises
    ------
    TypeError
        If `x` is not of float32 or float64, or a bound is no number.
    ValueError
        If `min_val` is above `max_val`.

    References
    ----------
    .. [1] R. Collobert, "Large Scale Machine Learning", thesis, Université Paris VI, 2004.

    Examples
    --------
    >>> hardtanh(np.array([-3.0, 0.5, 3.0]))
    array([-1. ,  0.5,  1. ])
    """
    check.floats("hardtanh", x=x)
    low, high = _bounds("hardtanh", min_val, max_val)
    return np.clip(x, low, high)


@check.ieee
def hardtanh_grad(
    grad_output: Floats, x: Floats, *, min_val: float = -1.0, max_val: float = 1.0
) -> Floats:
    """Return the gradient of `x`: ``grad_output`` where ``min_val < x < max_val``, elsewhere 0."""
    check.alike("hardtanh_grad", grad_output, x=x)
    low, high = _bounds("hardtanh_grad", min_val, max_val)
    return np.where((x > low) & (x < high), grad_output, x.dtype.type(0))


@check.ieee
def relu6(x: Floats) -> Floats:
    """Return ``min(max(x, 0), 6)``.

    Parameters
    ----------
    x : ndarray of any shape

    Returns
    -------
    ndarray, same shape and dtype as `x`
        NaN stays NaN. The derivative at 0, at 6 and where `x` is NaN is 0.

    Raises
    ------
    TypeError
        If `x` is not of float32 or float64.

    References
    ----------
    .. [1] A. Krizhevsky, "Convolutional Deep Belief Networks on CIFAR-10", 2010.

    Examples
    --------
    >>> relu6(np.array([-1.0, 5.0, 7.0]))
    array([0., 5., 6.])
    """
    check.floats("relu6", x=x)
    return np.clip(x, 0, 6)


@check.ieee
def relu6_grad(grad_output: Floats, x: Floats) -> Floats:
    """Return the gradient of `x`: ``grad_output`` where ``0 < x < 6``, elsewhere 0."""
    check.alike("relu6_grad", grad_output, x=x)
    return np.where((x > 0) & (x < 6), grad_output, x.dtype.type(0))


@check.ieee
def hardsigmoid(x: Floats) -> Floats:
    """Return ``relu6(x + 3) / 6``, a sigmoid in straight pieces.

    Parameters
    ----------
    x : ndarray of any shape

    Returns
    -------
    ndarray, same shape and dtype as `x`
        NaN stays NaN. The derivative at -3, at 3 and where `x` is NaN is 0.

    Raises
    ------
    TypeError
        If `x` is not of float32 or float64.

    References
    ----------
    .. [1] A. Howard et al., "Searching for MobileNetV3", ICCV 2019.

    Examples
    --------
    >>> hardsigmoid(np.array([-4.0, 0.0, 4.0]))
    array([0. , 0.5, 1. ])
    """
    check.floats("hardsigmoid", x=x)
    return np.asarray(_hardsigmoid(x))


@check.ieee
def hardsigmoid_grad(grad_output: Floats, x: Floats) -> Floats:
    """Return the gradient of `x`: ``grad_output / 6`` where ``-3 < x < 3``, elsewhere 0."""
    check.alike("hardsigmoid_grad", grad_output, x=x)
    return np.where((x > -3) & (x < 3), grad_output / 6, x.dtype.type(0))


@check.ieee
def hardswish(x: Floats) -> Floats:
    """Return ``x * relu6(x + 3) / 6``, `silu` with the hard sigmoid.

    Parameters
    ----------
    x : ndarray of any shape

    Returns
    -------
    ndarray, same shape and dtype as `x`
        The derivative at -3 is 0 and at 3 is 1; -inf becomes NaN, as in PyTorch.

    Raises
    ------
    TypeError
        If `x` is not of float32 or float64.

    References
    ----------
    .. [1] A. Howard et al., "Searching for MobileNetV3", ICCV 2019.

    Examples
    --------
    >>> hardswish(np.array([-4.0, -1.5, 0.0, 4.0]))
    array([-0.   , -0.375,  0.   ,  4.   ])
    """
    check.floats("hardswish", x=x)
    # Multiplied before the division, the largest numbers would overflow.
    return np.asarray(x * _hardsigmoid(x))


@check.ieee
def hardswish_grad(grad_output: Floats, x: Floats) -> Floats:
    """Return the gradient of `x`: times 0 to -3, times 1 from 3, between times ``x/3 + 1/2``."""
    check.alike("hardswish_grad", grad_output, x=x)
    between = grad_output * ((x + 1.5) / 3)
    flat = np.where(x >= 3, grad_output, between)
    return np.where(x <= -3, x.dtype.type(0), flat)


def _hardsigmoid(x: Floats) -> Floats:
    return np.asarray(np.clip(x + 3, 0, 6) / 6)


def _bounds(function: str, min_val: float, max_val: float) -> tuple[float, float]:
    low = check.real(function, "min_val", min_val, -np.inf)
    return low, check.real(function, "max_val", max_val, low)
