"""Losses of regression: functions of the difference between two arrays of one shape."""

from __future__ import annotations

import numpy as np

from scratchcnn.functional import _checks as check
from scratchcnn.functional._checks import Floats
from scratchcnn.functional._reduction import (
    above_zero,
    check_pair,
    reduce,
    reduce_grad,
    unbroadcast,
)


@check.ieee
def l1_loss(
    x: Floats, target: Floats, *, weight: Floats | None = None, reduction: str = "mean"
) -> Floats:
    """Return the absolute error ``abs(x - target)``.

    Parameters
    ----------
    x, target : ndarrays of one shape
    weight : ndarray, same shape, optional
        Factor of each loss.
    reduction : {"mean", "sum", "none"}
        The mean over all elements, or with weights over the sum of these; their sum; or all.

    Returns
    -------
    scalar, or ndarray of the shape of `x` for ``reduction="none"``
        The mean of nothing is NaN. Where `x` meets `target` the gradient is 0.

    Raises
    ------
    TypeError
        If an array is not of float32 or float64, or the dtypes differ.
    ValueError
        If the shapes differ.

    References
    ----------
    .. [1] P. Bloomfield and W. L. Steiger, "Least Absolute Deviations: Theory, Applications,
       and Algorithms", Birkhäuser, 1983.

    Examples
    --------
    >>> l1_loss(np.array([1.0, 2.0]), np.array([0.0, 4.0]))
    np.float64(1.5)
    """
    _check("l1_loss", x, target, weight, reduction)
    return _reduced(np.abs(x - target), weight, reduction)


@check.ieee
def l1_loss_input_grad(
    grad_output: Floats,
    x: Floats,
    target: Floats,
    *,
    weight: Floats | None = None,
    reduction: str = "mean",
) -> Floats:
    """Return the gradient of `x`: ``grad_output * sign(x - target)``, over the count for a mean."""
    _check("l1_loss_input_grad", x, target, weight, reduction, grad_output=grad_output)
    return _shared(grad_output, weight, reduction, np.sign(x - target))


@check.ieee
def l1_loss_target_grad(
    grad_output: Floats,
    x: Floats,
    target: Floats,
    *,
    weight: Floats | None = None,
    reduction: str = "mean",
) -> Floats:
    """Return the gradient of `target`: that of `x` with the other sign."""
    _check("l1_loss_target_grad", x, target, weight, reduction, grad_output=grad_output)
    return _shared(grad_output, weight, reduction, np.sign(target - x))


@check.ieee
def mse_loss(
    x: Floats, target: Floats, *, weight: Floats | None = None, reduction: str = "mean"
) -> Floats:
    """Return the squared error ``(x - target)**2``.

    Parameters
    ----------
    x, target : ndarrays of one shape
    weight : ndarray, same shape, optional
        Factor of each loss.
    reduction : {"mean", "sum", "none"}
        The mean over all elements, or with weights over the sum of these; their sum; or all.

    Returns
    -------
    scalar, or ndarray of the shape of `x` for ``reduction="none"``
        The mean of nothing is NaN.

    Raises
    ------
    TypeError
        If an array is not of float32 or float64, or the dtypes differ.
    ValueError
        If the shapes differ.

    References
    ----------
    .. [1] A.-M. Legendre, "Nouvelles méthodes pour la détermination des orbites des comètes",
       1805, appendix on the method of least squares.

    Examples
    --------
    >>> mse_loss(np.array([1.0, 2.0]), np.array([0.0, 4.0]))
    np.float64(2.5)
    """
    _check("mse_loss", x, target, weight, reduction)
    return _reduced((x - target) ** 2, weight, reduction)


@check.ieee
def mse_loss_input_grad(
    grad_output: Floats,
    x: Floats,
    target: Floats,
    *,
    weight: Floats | None = None,
    reduction: str = "mean",
) -> Floats:
    """Return the gradient of `x`: ``grad_output * 2 * (x - target)``, over the count for a mean."""
    _check("mse_loss_input_grad", x, target, weight, reduction, grad_output=grad_output)
    return _shared(grad_output, weight, reduction, 2 * (x - target))


@check.ieee
def mse_loss_target_grad(
    grad_output: Floats,
    x: Floats,
    target: Floats,
    *,
    weight: Floats | None = None,
    reduction: str = "mean",
) -> Floats:
    """Return the gradient of `target`: that of `x` with the other sign."""
    _check("mse_loss_target_grad", x, target, weight, reduction, grad_output=grad_output)
    return _shared(grad_output, weight, reduction, 2 * (target - x))


@check.ieee
def smooth_l1_loss(
    x: Floats, target: Floats, *, reduction: str = "mean", beta: float = 1.0
) -> Floats:
    """Return the absolute error, smoothed to a parabola where it is below `beta`.

    Parameters
    ----------
    x, target : ndarrays of one shape
    reduction : {"mean", "sum", "none"}
    beta : float
        Where the parabola ends, at least 0; there is none for 0, as in `l1_loss`.

    Returns
    -------
    scalar, or ndarray of the shape of `x` for ``reduction="none"``
        With ``d = abs(x - target)``: ``d**2 / (2 * beta)`` where ``d < beta``, else
        ``d - beta / 2``. This is `huber_loss` over `beta`.

    Raises
    ------
    TypeError
        If an array is not of float32 or float64, or the dtypes differ.
    ValueError
        If the shapes differ, or `beta` is negative.

    References
    ----------
    .. [1] R. Girshick, "Fast R-CNN", ICCV 2015.

    Examples
    --------
    >>> smooth_l1_loss(np.array([0.5, 2.0]), np.zeros(2), reduction="none")
    array([0.125, 1.5  ])
    """
    _check("smooth_l1_loss", x, target, None, reduction)
    beta = check.real("smooth_l1_loss", "beta", beta, 0)
    distance = np.abs(x - target)
    losses = np.where(distance < beta, distance * distance / (2 * beta), distance - beta / 2)
    return reduce(losses.astype(x.dtype, copy=False), reduction)


@check.ieee
def smooth_l1_loss_input_grad(
    grad_output: Floats,
    x: Floats,
    target: Floats,
    *,
    reduction: str = "mean",
    beta: float = 1.0,
) -> Floats:
    """Return the gradient of `x`: ``grad_output * clip((x - target) / beta, -1, 1)``."""
    name = "smooth_l1_loss_input_grad"
    _check(name, x, target, None, reduction, grad_output=grad_output)
    return _shared(grad_output, None, reduction, _smooth_sign(name, x - target, beta))


@check.ieee
def smooth_l1_loss_target_grad(
    grad_output: Floats,
    x: Floats,
    target: Floats,
    *,
    reduction: str = "mean",
    beta: float = 1.0,
) -> Floats:
    """Return the gradient of `target`: that of `x` with the other sign."""
    name = "smooth_l1_loss_target_grad"
    _check(name, x, target, None, reduction, grad_output=grad_output)
    return _shared(grad_output, None, reduction, _smooth_sign(name, target - x, beta))


@check.ieee
def huber_loss(
    x: Floats,
    target: Floats,
    *,
    reduction: str = "mean",
    delta: float = 1.0,
    weight: Floats | None = None,
) -> Floats:
    """Return half the squared error, continued by its tangents where the error exceeds `delta`.

    Parameters
    ----------
    x, target : ndarrays of one shape
    reduction : {"mean", "sum", "none"}
        The mean divides by the number of elements, with weights too.
    delta : float
        Where the parabola ends, above 0.
    weight : ndarray, same shape, optional
        Factor of each loss.

    Returns
    -------
    scalar, or ndarray of the shape of `x` for ``reduction="none"``
        With ``d = abs(x - target)``: ``d**2 / 2`` where ``d <= delta``, else
        ``delta * (d - delta / 2)``.

    Raises
    ------
    TypeError
        If an array is not of float32 or float64, or the dtypes differ.
    ValueError
        If the shapes differ, or `delta` is not above 0.

    References
    ----------
    .. [1] P. J. Huber, "Robust Estimation of a Location Parameter", Annals of Mathematical
       Statistics 35, 1964.

    Examples
    --------
    >>> huber_loss(np.array([1.0, 4.0]), np.zeros(2), delta=2.0, reduction="none")
    array([0.5, 6. ])
    """
    _check("huber_loss", x, target, weight, reduction)
    delta = above_zero("huber_loss", "delta", delta)
    distance = np.abs(x - target)
    square, tangent = distance * distance / 2, delta * (distance - delta / 2)
    losses = np.where(distance <= delta, square, tangent).astype(x.dtype, copy=False)
    return reduce(losses if weight is None else losses * weight, reduction)


@check.ieee
def huber_loss_input_grad(
    grad_output: Floats,
    x: Floats,
    target: Floats,
    *,
    reduction: str = "mean",
    delta: float = 1.0,
    weight: Floats | None = None,
) -> Floats:
    """Return the gradient of `x`: ``grad_output * clip(x - target, -delta, delta)``."""
    name = "huber_loss_input_grad"
    _check(name, x, target, weight, reduction, grad_output=grad_output)
    return _huber_grad(name, grad_output, x - target, reduction, delta, weight)


@check.ieee
def huber_loss_target_grad(
    grad_output: Floats,
    x: Floats,
    target: Floats,
    *,
    reduction: str = "mean",
    delta: float = 1.0,
    weight: Floats | None = None,
) -> Floats:
    """Return the gradient of `target`: that of `x` with the other sign."""
    name = "huber_loss_target_grad"
    _check(name, x, target, weight, reduction, grad_output=grad_output)
    return _huber_grad(name, grad_output, target - x, reduction, delta, weight)


def _check(
    function: str,
    x: Floats,
    target: Floats,
    weight: Floats | None,
    reduction: str,
    **gradient: Floats,
) -> None:
    check_pair(function, x, target, reduction, weight=weight, **gradient)
    if weight is not None:
        check.shape(function, "weight", weight, x.shape)


def _reduced(losses: Floats, weight: Floats | None, reduction: str) -> Floats:
    """Return weighted losses reduced; their mean divides by the sum of the weights."""
    if weight is None:
        return reduce(losses, reduction)
    return reduce(losses * weight, reduction, weight.sum())


def _shared(grad_output: Floats, weight: Floats | None, reduction: str, slope: Floats) -> Floats:
    """Return the gradient that goes with `_reduced`, from the slope of each loss."""
    if weight is None:
        return unbroadcast(reduce_grad(grad_output, reduction, slope.size) * slope, slope.shape)
    scale = reduce_grad(grad_output, reduction, weight.sum())
    return unbroadcast(scale * weight * slope, slope.shape)


def _smooth_sign(function: str, difference: Floats, beta: float) -> Floats:
    beta = check.real(function, "beta", beta, 0)
    inside = np.abs(difference) < beta
    return np.where(inside, difference / beta, np.sign(difference)).astype(difference.dtype)


def _huber_grad(
    function: str,
    grad_output: Floats,
    difference: Floats,
    reduction: str,
    delta: float,
    weight: Floats | None,
) -> Floats:
    delta = above_zero(function, "delta", delta)
    scale = reduce_grad(grad_output, reduction, difference.size)
    slope = np.clip(difference, -delta, delta)
    return unbroadcast(scale * (slope if weight is None else slope * weight), difference.shape)
