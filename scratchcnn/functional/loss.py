"""Losses between two arrays of one shape."""

from __future__ import annotations

from typing import Any

import numpy as np

from scratchcnn.functional import _checks as check
from scratchcnn.functional._checks import Floats
from scratchcnn.functional.activation import _sigmoid

# PyTorch's constant, which is 1e-12 of single precision in its double-precision kernel too.
_LEAST = np.float32(1e-12)


def reduce(losses: Floats, reduction: str, count: Any = None) -> Floats:
    """Return `losses` as they are, their sum, or their sum over a count (of all, by default)."""
    if reduction == "none":
        return losses
    total = losses.sum(dtype=losses.dtype)
    if reduction == "sum":
        return np.asarray(total)[()]
    return np.asarray(total / losses.dtype.type(losses.size if count is None else count))[()]


def reduce_grad(grad_output: Floats, shape: tuple[int, ...], reduction: str, count: Any) -> Floats:
    """Return the gradient of the unreduced losses: an array that broadcasts to `shape`."""
    if reduction == "mean":
        return np.asarray(grad_output / grad_output.dtype.type(count))
    return grad_output


def check_grad_output(
    function: str, grad_output: Floats, shape: tuple[int, ...], reduction: str
) -> None:
    """Raise ValueError unless `grad_output` has the shape of the reduced losses."""
    check.choice(function, "reduction", reduction, check.REDUCTIONS)
    check.shape(function, "grad_output", grad_output, shape if reduction == "none" else ())


@check.ieee
def mse_loss(x: Floats, target: Floats, *, reduction: str = "mean") -> Floats:
    """Return the squared error ``(x - target)**2``.

    Parameters
    ----------
    x, target : ndarrays of one shape
    reduction : {"mean", "sum", "none"}
        The mean over all elements, their sum, or all of them.

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

    Examples
    --------
    >>> mse_loss(np.array([1.0, 2.0]), np.array([0.0, 4.0]))
    np.float64(2.5)
    """
    _pair("mse_loss", x, target, reduction)
    return reduce((x - target) ** 2, reduction)


@check.ieee
def mse_loss_input_grad(
    grad_output: Floats, x: Floats, target: Floats, *, reduction: str = "mean"
) -> Floats:
    """Return the gradient of `x`: ``grad_output * 2 * (x - target)``, over the count for a mean."""
    _pair("mse_loss_input_grad", x, target, reduction, grad_output=grad_output)
    return reduce_grad(grad_output, x.shape, reduction, x.size) * (2 * (x - target))


@check.ieee
def mse_loss_target_grad(
    grad_output: Floats, x: Floats, target: Floats, *, reduction: str = "mean"
) -> Floats:
    """Return the gradient of `target`: that of `x` with the other sign."""
    _pair("mse_loss_target_grad", x, target, reduction, grad_output=grad_output)
    return reduce_grad(grad_output, x.shape, reduction, x.size) * (2 * (target - x))


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
    return reduce_grad(grad_output, x.shape, reduction, x.size) * _weighted(slope, weight)


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
    return reduce_grad(grad_output, x.shape, reduction, x.size) * _weighted(slope, weight)


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

    Examples
    --------
    >>> binary_cross_entropy_with_logits(np.array([1e4]), np.array([0.0]))
    np.float64(10000.0)
    """
    _logits("binary_cross_entropy_with_logits", x, target, weight, pos_weight, reduction)
    positive = target if pos_weight is None else pos_weight * target
    losses = positive * _softplus(-x) + (1 - target) * _softplus(x)
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
    return reduce_grad(grad_output, x.shape, reduction, x.size) * _weighted(slope, weight)


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
    slope = -x if pos_weight is None else pos_weight * _softplus(-x) - _softplus(x)
    return reduce_grad(grad_output, x.shape, reduction, x.size) * _weighted(slope, weight)


def _softplus(x: Floats) -> Floats:
    return np.asarray(np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x))))


def _weighted(losses: Floats, weight: Floats | None) -> Floats:
    return losses if weight is None else losses * weight


def _pair(function: str, x: Floats, target: Floats, reduction: str, **others: Any) -> None:
    """Check the arrays of a loss, and those `others` that broadcast to `x`."""
    check.choice(function, "reduction", reduction, check.REDUCTIONS)
    if "grad_output" in others:
        grad_output = others.pop("grad_output")
        check.floats(function, others, grad_output=grad_output, x=x, target=target)
        check_grad_output(function, grad_output, x.shape, reduction)
    else:
        check.floats(function, others, x=x, target=target)
    check.shape(function, "target", target, x.shape)
    for name, array in others.items():
        if array is None:
            continue
        sizes = zip(array.shape[::-1], x.shape[::-1], strict=False)
        if array.ndim > x.ndim or any(size not in (1, whole) for size, whole in sizes):
            raise ValueError(
                f"{function}: {name} has shape {array.shape}, "
                f"expected one that broadcasts to {x.shape}"
            )


def _probabilities(
    function: str,
    x: Floats,
    target: Floats,
    weight: Floats | None,
    reduction: str,
    **others: Floats | None,
) -> None:
    _pair(function, x, target, reduction, weight=weight, **others)
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
    _pair(function, x, target, reduction, weight=weight, pos_weight=pos_weight, **others)
    if np.isnan(target).any():
        raise ValueError(f"{function}: target has the value nan, expected a probability")
