"""Losses of samples that belong to several classes at once."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from scratchcnn.functional import _checks as check
from scratchcnn.functional._checks import Floats, Integers
from scratchcnn.functional._reduction import (
    check_broadcasts,
    check_grad_output,
    real_or_integers,
    reduce,
    reduce_grad,
    unbroadcast,
)
from scratchcnn.functional.activation import _sigmoid
from scratchcnn.functional.binary import log1p_exp
from scratchcnn.functional.margin import check_classes, check_labels


@check.ieee
def multilabel_margin_loss(x: Floats, target: Integers, *, reduction: str = "mean") -> Floats:
    """Return the margins of 1 that the classes of each sample lack over the other classes.

    Parameters
    ----------
    x : ndarray (N, C) or (C,)
        Scores of the classes.
    target : ndarray of integers, same shape
        The classes of each sample, from 0 to C - 1, ended by -1 where they are fewer than C.
    reduction : {"mean", "sum", "none"}

    Returns
    -------
    scalar, or ndarray (N,) for ``reduction="none"``
        The sum over all targets t and all other classes c of ``max(0, 1 - x[t] + x[c]) / C``.
        A target named twice counts twice. Where a margin is just met, the gradient is 0.

    Raises
    ------
    TypeError
        If `x` is not of float32 or float64, or `target` not of integers.
    ValueError
        If the shapes differ, or a label is out of range.

    References
    ----------
    .. [1] A. Elisseeff and J. Weston, "A Kernel Method for Multi-Labelled Classification", NIPS
       2001.

    Examples
    --------
    >>> x = np.array([[0.125, 0.25, 0.5, 0.75]])
    >>> multilabel_margin_loss(x, np.array([[3, 0, -1, 1]]))
    np.float64(0.9375)
    """
    excess, _ = _shortfalls("multilabel_margin_loss", x, target, reduction)
    return reduce(excess.sum((-2, -1)) / x.dtype.type(x.shape[-1]), reduction)


@check.ieee
def multilabel_margin_loss_grad(
    grad_output: Floats, x: Floats, target: Integers, *, reduction: str = "mean"
) -> Floats:
    """Return the gradient of `x`: the margins lacked over a class less those its target lacks."""
    name = "multilabel_margin_loss_grad"
    check.floats(name, grad_output=grad_output, x=x)
    excess, chosen = _shortfalls(name, x, target, reduction)
    check_grad_output(name, grad_output, x.shape[:-1], reduction)
    scale = reduce_grad(grad_output, reduction, x[..., 0].size) / x.dtype.type(x.shape[-1])
    lacking = (excess > 0).astype(x.dtype)
    slope = lacking.sum(-2) - (lacking.sum(-1, keepdims=True) * chosen).sum(-2)
    return np.asarray(scale[..., None] * slope, order="C")


@check.ieee
def multilabel_soft_margin_loss(
    x: Floats,
    target: NDArray[Any],
    weight: Floats | None = None,
    *,
    reduction: str = "mean",
) -> Floats:
    """Return the mean over classes of the binary cross-entropy of their logits.

    Parameters
    ----------
    x : ndarray (…, C)
        Logits.
    target : ndarray of floats or integers that broadcasts to `x`
        1 for the classes of a sample, else 0, or probabilities.
    weight : ndarray that broadcasts to `x`, optional
        Factor of each class.
    reduction : {"mean", "sum", "none"}

    Returns
    -------
    scalar, or ndarray (…) for ``reduction="none"``
        ``sum(weight * (target * log(1 + exp(-x)) + (1 - target) * log(1 + exp(x)))) / C``, the
        sum being over the classes.

    Raises
    ------
    TypeError
        If `x` is not of float32 or float64, or `target` of neither its dtype nor integers.
    ValueError
        If the shapes do not fit.

    References
    ----------
    .. [1] J. Nam et al., "Large-Scale Multi-label Text Classification: Revisiting Neural
       Networks", ECML PKDD 2014.

    Examples
    --------
    >>> multilabel_soft_margin_loss(np.array([[0.0, 1000.0]]), np.array([[1, 0]]))
    np.float64(500.34657359027995)
    """
    share = _labels("multilabel_soft_margin_loss", x, target, weight, reduction)
    losses = share * log1p_exp(-x) + (1 - share) * log1p_exp(x)
    weighted = losses if weight is None else losses * weight
    return reduce(weighted.sum(-1) / x.dtype.type(x.shape[-1]), reduction)


@check.ieee
def multilabel_soft_margin_loss_input_grad(
    grad_output: Floats,
    x: Floats,
    target: NDArray[Any],
    weight: Floats | None = None,
    *,
    reduction: str = "mean",
) -> Floats:
    """Return the gradient of `x`: ``grad_output * weight * (sigmoid(x) - target) / C``."""
    name = "multilabel_soft_margin_loss_input_grad"
    share = _labels(name, x, target, weight, reduction, grad_output=grad_output)
    slope = (1 - share) * _sigmoid(x) - share * _sigmoid(-x)
    return unbroadcast(_per_label(grad_output, x, weight, reduction) * slope, x.shape)


@check.ieee
def multilabel_soft_margin_loss_target_grad(
    grad_output: Floats,
    x: Floats,
    target: NDArray[Any],
    weight: Floats | None = None,
    *,
    reduction: str = "mean",
) -> Floats:
    """Return the gradient of `target`: ``-grad_output * weight * x / C``."""
    name = "multilabel_soft_margin_loss_target_grad"
    share = _labels(name, x, target, weight, reduction, grad_output=grad_output)
    return unbroadcast(_per_label(grad_output, x, weight, reduction) * -x, share.shape)


def _shortfalls(
    function: str, x: Floats, target: Integers, reduction: str
) -> tuple[Floats, Floats]:
    """Return the margins (…, T, C) that each target lacks over each class, and the one-hot targets.

    T is the largest number of targets of a sample.
    """
    check.choice(function, "reduction", reduction, check.REDUCTIONS)
    check_classes(function, x)
    check.integers(function, "target", target)
    check.shape(function, "target", target, x.shape)
    classes = x.shape[-1]
    check_labels(function, target, classes, -1)
    # What follows the first -1 is no target.
    used = np.logical_and.accumulate(target >= 0, -1)
    most = int(used.sum(-1).max(initial=0))
    place, counts = np.where(used, target, 0)[..., :most], used[..., :most, None]
    chosen = (place[..., None] == np.arange(classes)) & counts
    other = ~chosen.any(-2, keepdims=True)
    excess = np.maximum(1 - np.take_along_axis(x, place, -1)[..., None] + x[..., None, :], 0)
    return np.where(counts & other, excess, x.dtype.type(0)), chosen.astype(x.dtype)


def _labels(
    function: str,
    x: Floats,
    target: NDArray[Any],
    weight: Floats | None,
    reduction: str,
    **gradient: Floats,
) -> Floats:
    check.floats(function, {"weight": weight}, **gradient, x=x)
    share = real_or_integers(function, "target", target, x)
    if not x.ndim:
        raise ValueError(f"{function}: x has no axis, expected (…, C)")
    check.choice(function, "reduction", reduction, check.REDUCTIONS)
    check_broadcasts(function, "target", target, x.shape)
    if weight is not None:
        check_broadcasts(function, "weight", weight, x.shape)
    for grad_output in gradient.values():
        check_grad_output(function, grad_output, x.shape[:-1], reduction)
    return share


def _per_label(grad_output: Floats, x: Floats, weight: Floats | None, reduction: str) -> Floats:
    """Return the gradient of each label's loss."""
    scale = reduce_grad(grad_output, reduction, np.prod(x.shape[:-1], dtype=int))
    share = np.asarray(scale / x.dtype.type(x.shape[-1]))[..., None]
    return share if weight is None else share * weight
