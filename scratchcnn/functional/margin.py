"""Losses of classification by margins: what is right should exceed what is wrong by so much."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from scratchcnn.functional import _checks as check
from scratchcnn.functional._checks import Floats, Integers
from scratchcnn.functional._reduction import (
    check_broadcasts,
    check_grad_output,
    common_shape,
    real_or_integers,
    reduce,
    reduce_grad,
    unbroadcast,
)
from scratchcnn.functional.activation import _sigmoid
from scratchcnn.functional.binary import log1p_exp


class MarginRankingGrads(NamedTuple):
    """The gradients of `margin_ranking_loss`."""

    input1: Floats
    input2: Floats
    target: Floats


@check.ieee
def soft_margin_loss(x: Floats, target: NDArray[Any], *, reduction: str = "mean") -> Floats:
    """Return ``log(1 + exp(-target * x))``, the logistic loss of two classes.

    Parameters
    ----------
    x : ndarray of any shape
        Scores.
    target : ndarray of floats or integers that broadcasts to `x`
        1 or -1; other numbers scale the score.
    reduction : {"mean", "sum", "none"}

    Returns
    -------
    scalar, or ndarray of the shape of `x` for ``reduction="none"``
        Accurate for scores of any size. The mean of nothing is NaN.

    Raises
    ------
    TypeError
        If `x` is not of float32 or float64, or `target` of neither its dtype nor integers.
    ValueError
        If `target` does not broadcast to `x`.

    References
    ----------
    .. [1] J. Friedman, T. Hastie and R. Tibshirani, "Additive Logistic Regression: A
       Statistical View of Boosting", Annals of Statistics 28, 2000.

    Examples
    --------
    >>> soft_margin_loss(np.array([0.0, -1000.0]), np.array([1, 1]), reduction="none")
    array([6.93147181e-01, 1.00000000e+03])
    """
    sign = _soft("soft_margin_loss", x, target, reduction)
    return reduce(log1p_exp(-sign * x), reduction)


@check.ieee
def soft_margin_loss_grad(
    grad_output: Floats, x: Floats, target: NDArray[Any], *, reduction: str = "mean"
) -> Floats:
    """Return the gradient of `x`: ``-grad_output * target * sigmoid(-target * x)``."""
    sign = _soft("soft_margin_loss_grad", x, target, reduction, grad_output=grad_output)
    scale = reduce_grad(grad_output, reduction, x.size)
    return unbroadcast(scale * (-sign * _sigmoid(-sign * x)), x.shape)


@check.ieee
def margin_ranking_loss(
    input1: Floats,
    input2: Floats,
    target: NDArray[Any],
    *,
    margin: float = 0.0,
    reduction: str = "mean",
) -> Floats:
    """Return ``max(0, margin - target * (input1 - input2))``.

    Parameters
    ----------
    input1, input2 : ndarrays that broadcast, with as many axes
        Scores.
    target : ndarray of floats or integers, with as many axes, that broadcasts with them
        1 if `input1` should be the larger, -1 if `input2`; other numbers scale the difference.
    margin : float
    reduction : {"mean", "sum", "none"}

    Returns
    -------
    scalar, or ndarray for ``reduction="none"``
        Where the margin is just met, the gradient is that of a loss above 0, as in PyTorch.

    Raises
    ------
    TypeError
        If an input is not of float32 or float64, or `target` of neither their dtype nor integers.
    ValueError
        If the shapes do not fit.

    References
    ----------
    .. [1] R. Herbrich, T. Graepel and K. Obermayer, "Large Margin Rank Boundaries for Ordinal
       Regression", in Advances in Large Margin Classifiers, MIT Press, 2000.

    Examples
    --------
    >>> first, second = np.array([1.0, 3.0]), np.array([2.0, 2.5])
    >>> margin_ranking_loss(first, second, np.array([1, 1]), margin=1.0, reduction="none")
    array([2. , 0.5])
    """
    sign, margin = _ranking("margin_ranking_loss", input1, input2, target, margin, reduction)
    return reduce(np.maximum(margin - sign * (input1 - input2), 0), reduction)


@check.ieee
def margin_ranking_loss_grads(
    grad_output: Floats,
    input1: Floats,
    input2: Floats,
    target: NDArray[Any],
    *,
    margin: float = 0.0,
    reduction: str = "mean",
) -> MarginRankingGrads:
    """Return all gradients: ``-target``, ``target`` and ``input2 - input1``, within the margin."""
    name = "margin_ranking_loss_grads"
    sign, margin = _ranking(
        name, input1, input2, target, margin, reduction, grad_output=grad_output
    )
    difference = input1 - input2
    losses = margin - sign * difference
    scale = reduce_grad(grad_output, reduction, losses.size)
    active = np.where(losses >= 0, scale, scale.dtype.type(0))
    first = active * -sign
    return MarginRankingGrads(
        unbroadcast(first, input1.shape),
        unbroadcast(-first, input2.shape),
        unbroadcast(active * -difference, sign.shape),
    )


@check.ieee
def multi_margin_loss(
    x: Floats,
    target: Integers,
    *,
    p: int = 1,
    margin: float = 1.0,
    weight: Floats | None = None,
    reduction: str = "mean",
) -> Floats:
    """Return the mean over classes of ``max(0, margin - x[target] + x[c])**p``, but the target's.

    Parameters
    ----------
    x : ndarray (N, C) or (C,)
        Scores of the classes.
    target : ndarray of integers (N,) or ()
        Classes from 0 to C - 1.
    p : {1, 2}
    margin : float
    weight : ndarray (C,), optional
        Factor of each loss, by its target.
    reduction : {"mean", "sum", "none"}
        The mean divides by N, with weights too.

    Returns
    -------
    scalar, or ndarray (N,) for ``reduction="none"``
        Where the margin is just met, the gradient is 0.

    Raises
    ------
    TypeError
        If `x` is not of float32 or float64, or `target` not of integers.
    ValueError
        If the shapes do not fit, a label is out of range, or `p` is neither 1 nor 2.

    References
    ----------
    .. [1] K. Crammer and Y. Singer, "On the Algorithmic Implementation of Multiclass
       Kernel-based Vector Machines", JMLR 2, 2001.

    Examples
    --------
    >>> multi_margin_loss(np.array([[0.5, 2.0, 2.5, 0.0]]), np.array([1]))
    np.float64(0.375)
    """
    excess, factor = _excess("multi_margin_loss", x, target, weight, p, margin, reduction)
    losses = factor * np.sum(excess if p == 1 else excess * excess, -1) / excess.shape[-1]
    return reduce(losses, reduction)


@check.ieee
def multi_margin_loss_grad(
    grad_output: Floats,
    x: Floats,
    target: Integers,
    *,
    p: int = 1,
    margin: float = 1.0,
    weight: Floats | None = None,
    reduction: str = "mean",
) -> Floats:
    """Return the gradient of `x`: ``w * p * max(0, …)**(p - 1) / C``, at the target minus these."""
    name = "multi_margin_loss_grad"
    check.floats(name, grad_output=grad_output, x=x)
    excess, factor = _excess(name, x, target, weight, p, margin, reduction)
    check_grad_output(name, grad_output, target.shape, reduction)
    scale = reduce_grad(grad_output, reduction, factor.size) * factor / excess.shape[-1]
    slope = np.sign(excess) if p == 1 else 2 * excess
    np.put_along_axis(slope, target[..., None], -slope.sum(-1, keepdims=True), -1)
    return np.asarray(scale[..., None] * slope, order="C")


def _soft(
    function: str,
    x: Floats,
    target: NDArray[Any],
    reduction: str,
    **gradient: Floats,
) -> Floats:
    check.floats(function, **gradient, x=x)
    sign = real_or_integers(function, "target", target, x)
    check_broadcasts(function, "target", target, x.shape)
    check.choice(function, "reduction", reduction, check.REDUCTIONS)
    for grad_output in gradient.values():
        check_grad_output(function, grad_output, x.shape, reduction)
    return sign


def _ranking(
    function: str,
    input1: Floats,
    input2: Floats,
    target: NDArray[Any],
    margin: float,
    reduction: str,
    **gradient: Floats,
) -> tuple[Floats, float]:
    check.choice(function, "reduction", reduction, check.REDUCTIONS)
    check.floats(function, **gradient, input1=input1, input2=input2)
    sign = real_or_integers(function, "target", target, input1)
    shape = common_shape(function, input1=input1.shape, input2=input2.shape, target=target.shape)
    for name, array in (("input2", input2), ("target", target)):
        if array.ndim != input1.ndim:
            raise ValueError(
                f"{function}: {name} has {array.ndim} dimensions, expected the {input1.ndim} "
                "of input1"
            )
    for grad_output in gradient.values():
        check_grad_output(function, grad_output, shape, reduction)
    return sign, check.real(function, "margin", margin, -np.inf)


def check_classes(function: str, x: Floats) -> None:
    """Raise an error unless `x` is (N, C) or (C,)."""
    check.floats(function, x=x)
    if x.ndim not in (1, 2) or x.shape[-1] == 0:
        raise ValueError(f"{function}: x has shape {x.shape}, expected (N, C) or (C,), C > 0")


def check_labels(function: str, target: Integers, classes: int, least: int) -> None:
    """Raise ValueError unless all labels are from `least` to ``classes - 1``."""
    wrong = (target < least) | (target >= classes)
    if wrong.any():
        raise ValueError(
            f"{function}: target has the label {target[wrong][0]}, expected {least} "
            f"to {classes - 1}"
        )


def power(function: str, p: int) -> int:
    """Return the power of a margin's excess, 1 or 2, or raise."""
    if check.whole(function, "p", p, 1) > 2:
        raise ValueError(f"{function}: p is {p}, expected 1 or 2")
    return p


def _excess(
    function: str,
    x: Floats,
    target: Integers,
    weight: Floats | None,
    p: int,
    margin: float,
    reduction: str,
) -> tuple[Floats, Floats]:
    """Return what each class has above the target's score less the margin, and each weight."""
    check.choice(function, "reduction", reduction, check.REDUCTIONS)
    check_classes(function, x)
    check.floats(function, {"weight": weight}, x=x)
    check.integers(function, "target", target)
    check.shape(function, "target", target, x.shape[:-1])
    check_labels(function, target, x.shape[-1], 0)
    p = power(function, p)
    margin = check.real(function, "margin", margin, -np.inf)
    if weight is not None:
        check.shape(function, "weight", weight, x.shape[-1:])
    place = target[..., None]
    excess = np.maximum(margin - np.take_along_axis(x, place, -1) + x, 0)
    np.put_along_axis(excess, place, 0, -1)
    factor = np.ones(target.shape, x.dtype) if weight is None else np.asarray(weight[target])
    return excess, factor
