"""Penalties on the size of weights."""

from __future__ import annotations

from typing import Any

import numpy as np

from scratchcnn.functional import _checks as check
from scratchcnn.functional._checks import Floats


@check.ieee
def l1_penalty(x: Floats, *, strength: float) -> Floats:
    """Return ``strength * sum(abs(x))``.

    Parameters
    ----------
    x : ndarray of any shape
    strength : float
        The factor λ, at least 0.

    Returns
    -------
    scalar of the dtype of `x`
        Its derivative at 0 is taken for 0.

    Raises
    ------
    TypeError, ValueError
        As `l2_penalty`.

    References
    ----------
    .. [1] R. Tibshirani, "Regression Shrinkage and Selection via the Lasso", Journal of the
       Royal Statistical Society B 58, 1996.

    Examples
    --------
    >>> l1_penalty(np.array([3.0, -4.0]), strength=0.5)
    np.float64(3.5)
    """
    check.floats("l1_penalty", x=x)
    factor = x.dtype.type(check.real("l1_penalty", "strength", strength, 0))
    return np.asarray(factor * np.abs(x).sum())[()]


@check.ieee
def l1_penalty_grad(grad_output: Floats, x: Floats, *, strength: float) -> Floats:
    """Return the gradient of `x`: ``grad_output * strength * sign(x)``, 0 where `x` is 0 or NaN."""
    check.floats("l1_penalty_grad", grad_output=grad_output, x=x)
    check.shape("l1_penalty_grad", "grad_output", grad_output, ())
    factor = x.dtype.type(check.real("l1_penalty_grad", "strength", strength, 0))
    return np.multiply(grad_output * factor, _sign(x), order="C")


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

    References
    ----------
    .. [1] A. E. Hoerl and R. W. Kennard, "Ridge Regression: Biased Estimation for Nonorthogonal
       Problems", Technometrics 12, 1970.

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
    return np.multiply(grad_output * (2 * factor), x, order="C")


@check.ieee
def elastic_net_penalty(x: Floats, *, alpha: float = 1.0, l1_ratio: float = 0.5) -> Floats:
    """Return ``alpha * (l1_ratio * sum(abs(x)) + (1 - l1_ratio) / 2 * sum(x**2))``.

    Parameters
    ----------
    x : ndarray of any shape
    alpha : float
        The strength, at least 0.
    l1_ratio : float
        The share of the absolute values, from 0 to 1. Names, defaults and formula are those of
        scikit-learn's ElasticNet: its squares are halved, unlike those of `l2_penalty`.

    Returns
    -------
    scalar of the dtype of `x`

    Raises
    ------
    TypeError
        If `x` is not of float32 or float64, or a parameter is no number.
    ValueError
        If `alpha` is negative, or `l1_ratio` not from 0 to 1.

    References
    ----------
    .. [1] H. Zou and T. Hastie, "Regularization and Variable Selection via the Elastic Net",
       Journal of the Royal Statistical Society B 67, 2005.

    Examples
    --------
    >>> elastic_net_penalty(np.array([3.0, -4.0]), alpha=2.0, l1_ratio=0.5)
    np.float64(19.5)
    """
    check.floats("elastic_net_penalty", x=x)
    first, second = _shares("elastic_net_penalty", x, alpha, l1_ratio)
    return np.asarray(first * np.abs(x).sum() + second * (x * x).sum())[()]


@check.ieee
def elastic_net_penalty_grad(
    grad_output: Floats, x: Floats, *, alpha: float = 1.0, l1_ratio: float = 0.5
) -> Floats:
    """Return the gradient of `x`: ``g * alpha * (l1_ratio * sign(x) + (1 - l1_ratio) * x)``."""
    name = "elastic_net_penalty_grad"
    check.floats(name, grad_output=grad_output, x=x)
    check.shape(name, "grad_output", grad_output, ())
    first, second = _shares(name, x, alpha, l1_ratio)
    slope: Floats = first * _sign(x) + 2 * second * x
    return np.multiply(grad_output, slope, order="C")


def _sign(x: Floats) -> Floats:
    """Return 1, -1 or, at 0 and as in PyTorch at NaN, 0."""
    return np.asarray(np.subtract(x > 0, x < 0, dtype=x.dtype))


def _shares(
    function: str, x: Floats, alpha: float, l1_ratio: float
) -> tuple[np.floating[Any], np.floating[Any]]:
    """Return the factors of the absolute values and of the squares, in the dtype of `x`."""
    alpha = check.real(function, "alpha", alpha, 0)
    l1_ratio = check.real(function, "l1_ratio", l1_ratio, 0, 1)
    return x.dtype.type(alpha * l1_ratio), x.dtype.type(alpha * (1 - l1_ratio) / 2)
