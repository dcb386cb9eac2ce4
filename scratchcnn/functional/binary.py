"""Binary cross-entropy: each element is a decision of its own between yes and no."""

from __future__ import annotations

import numpy as np

from scratchcnn.functional import _checks as check
from scratchcnn.functional._checks import Floats
from scratchcnn.functional._reduction import check_pair, reduce, reduce_grad, unbroadcast
from scratchcnn.functional.activation import _sigmoid

# PyTorch's constant, which is 1e-12 of single precision in its double-precision kernel too.
_LEAST = np.float32(1e-12)


@check.ieee
def binary_cross_entropy(
    x: Floats, target: Floats, weight: Floats | None = None, *, reduction: str = "mean"
) -> Floats:
    """Return ``-(target * log(x) + (1 - target) * log(1 - x))``, times `weight`.

    Parameters
    ----------
    x : ndarray of any shape
        Probabilities from 0 to 1.
    target : ndarray, same shape
        Probabilities from 0 to 1.
    weight : ndarray, optional
        Broadcast to the shape of `x`.
    reduction : {"mean", "sum", "none"}

    Returns
    -------
    scalar, or ndarray of the shape of `x` for ``reduction="none"``
        As in PyTorch no logarithm counts less than -100, so that the loss stays finite at 0
        and 1. The gradient of `x` divides by ``max(x * (1 - x), 1e-12)`` and that of `target`
        takes the logarithms as they are: PyTorch's conventions, not derivatives of the clamp.

    Raises
    ------
    TypeError
        If an array is not of float32 or float64, or the dtypes differ.
    ValueError
        If the shapes do not fit, or `x` or `target` is not within 0 and 1.

    References
    ----------
    .. [1] I. J. Good, "Rational Decisions", Journal of the Royal Statistical Society B 14,
       1952.

    Examples
    --------
    >>> binary_cross_entropy(np.array([0.5, 0.0]), np.array([1.0, 1.0]), reduction="none")
    array([  0.69314718, 100.        ])
    """
    _probabilities("binary_cross_entropy", x, target, weight, reduction)
    terms = target * np.maximum(np.log(x), -100) + (1 - target) * np.maximum(np.log1p(-x), -100)
    return reduce(_weighted(-terms, weight), reduction)


@check.ieee
def binary_cross_entropy_input_grad(
    grad_output: Floats,
    x: Floats,
    target: Floats,
    weight: Floats | None = None,
    *,
    reduction: str = "mean",
) -> Floats:
    """Return the gradient of `x`: ``grad_output * (x - target) / max(x * (1 - x), 1e-12)``."""
    name = "binary_cross_entropy_input_grad"
    _probabilities(name, x, target, weight, reduction, grad_output=grad_output)
    slope = (x - target) / np.maximum(x * (1 - x), x.dtype.type(_LEAST))
    scale = reduce_grad(grad_output, reduction, x.size)
    return unbroadcast(scale * _weighted(slope, weight), x.shape)


@check.ieee
def binary_cross_entropy_target_grad(
    grad_output: Floats,
    x: Floats,
    target: Floats,
    weight: Floats | None = None,
    *,
    reduction: str = "mean",
) -> Floats:
    """Return the gradient of `target`: ``grad_output * (log(1 - x) - log(x))``."""
    name = "binary_cross_entropy_target_grad"
    _probabilities(name, x, target, weight, reduction, grad_output=grad_output)
    slope = np.log1p(-x) - np.log(x)
    scale = reduce_grad(grad_output, reduction, x.size)
    return unbroadcast(scale * _weighted(slope, weight), x.shape)


@check.ieee
def binary_cross_entropy_with_logits(
    x: Floats,
    target: Floats,
    weight: Floats | None = None,
    *,
    pos_weight: Floats | None = None,
    reduction: str = "mean",
) -> Floats:
    """Return the binary cross-entropy of ``sigmoid(x)``, without ever computing the sigmoid.

    Parameters
    ----------
    x : ndarray of any shape
        Logits.
    target : ndarray, same shape
        Probabilities, usually 0 or 1.
    weight : ndarray, optional
        Factor of each loss, broadcast to the shape of `x`.
    pos_weight : ndarray, optional
        Factor of the term of `target`, broadcast to the shape of `x`.
    reduction : {"mean", "sum", "none"}

    Returns
    -------
    scalar, or ndarray of the shape of `x` for ``reduction="none"``
        ``pos_weight * target * log(1 + exp(-x)) + (1 - target) * log(1 + exp(x))``, accurate
        for logits of any size.

    Raises
    ------
    TypeError
        If an array is not of float32 or float64, or the dtypes differ.
    ValueError
        If the shapes do not fit, or `target` is NaN.

    References
    ----------
    .. [1] D. R. Cox, "The Regression Analysis of Binary Sequences", Journal of the Royal
       Statistical Society B 20, 1958.

    Examples
    --------
    >>> binary_cross_entropy_with_logits(np.array([1e4]), np.array([0.0]))
    np.float64(10000.0)
    """
    _logits("binary_cross_entropy_with_logits", x, target, weight, pos_weight, reduction)
    positive = target if pos_weight is None else pos_weight * target
    losses = positive * log1p_exp(-x) + (1 - target) * log1p_exp(x)
    return reduce(_weighted(losses, weight), reduction)


@check.ieee
def binary_cross_entropy_with_logits_input_grad(
    grad_output: Floats,
    x: Floats,
    target: Floats,
    weight: Floats | None = None,
    *,
    pos_weight: Floats | None = None,
    reduction: str = "mean",
) -> Floats:
    """Return the gradient of `x`: ``(1 - t) * sigmoid(x) - pos_weight * t * sigmoid(-x)``."""
    name = "binary_cross_entropy_with_logits_input_grad"
    _logits(name, x, target, weight, pos_weight, reduction, grad_output=grad_output)
    positive = target if pos_weight is None else pos_weight * target
    slope = (1 - target) * _sigmoid(x) - positive * _sigmoid(-x)
    scale = reduce_grad(grad_output, reduction, x.size)
    return unbroadcast(scale * _weighted(slope, weight), x.shape)


@check.ieee
def binary_cross_entropy_with_logits_target_grad(
    grad_output: Floats,
    x: Floats,
    target: Floats,
    weight: Floats | None = None,
    *,
    pos_weight: Floats | None = None,
    reduction: str = "mean",
) -> Floats:
    """Return the gradient of `target`: ``pos_weight * log(1 + exp(-x)) - log(1 + exp(x))``."""
    name = "binary_cross_entropy_with_logits_target_grad"
    _logits(name, x, target, weight, pos_weight, reduction, grad_output=grad_output)
    slope = -x if pos_weight is None else pos_weight * log1p_exp(-x) - log1p_exp(x)
    scale = reduce_grad(grad_output, reduction, x.size)
    return unbroadcast(scale * _weighted(slope, weight), x.shape)


def log1p_exp(x: Floats) -> Floats:
    """Return ``log(1 + exp(x))``, the loss of a logit that should be far below 0."""
    return np.asarray(np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x))))


def _weighted(losses: Floats, weight: Floats | None) -> Floats:
    return losses if weight is None else losses * weight


def _probabilities(
    function: str,
    x: Floats,
    target: Floats,
    weight: Floats | None,
    reduction: str,
    **others: Floats | None,
) -> None:
    check_pair(function, x, target, reduction, weight=weight, **others)
    for name, array in (("x", x), ("target", target)):
        if not ((array >= 0) & (array <= 1)).all():
            worst = array[~((array >= 0) & (array <= 1))].flat[0]
            raise ValueError(f"{function}: {name} has the value {worst}, expected 0 to 1")


def _logits(
    function: str,
    x: Floats,
    target: Floats,
    weight: Floats | None,
    pos_weight: Floats | None,
    reduction: str,
    **others: Floats | None,
) -> None:
    check_pair(function, x, target, reduction, weight=weight, pos_weight=pos_weight, **others)
    if np.isnan(target).any():
        raise ValueError(f"{function}: target has the value nan, expected a probability")
