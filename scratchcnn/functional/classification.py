"""Losses of classification: log-probabilities or logits of C classes against targets."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from scratchcnn.functional import _checks as check
from scratchcnn.functional._checks import Floats, Integers
from scratchcnn.functional._reduction import check_grad_output, reduce, reduce_grad
from scratchcnn.functional.activation import _log_softmax


@check.ieee
def nll_loss(
    x: Floats,
    target: Integers,
    weight: Floats | None = None,
    *,
    ignore_index: int = -100,
    reduction: str = "mean",
) -> Floats:
    """Return the negative log-likelihood of the target classes: ``-weight[target] * x[target]``.

    Parameters
    ----------
    x : ndarray (N, C, …) or (C,)
        Log-probabilities, as from `log_softmax`.
    target : ndarray of integers (N, …) or ()
        Classes from 0 to C - 1, or `ignore_index`.
    weight : ndarray (C,), optional
        Factor of each class.
    ignore_index : int
        The target whose loss is 0 and that the mean leaves out.
    reduction : {"mean", "sum", "none"}
        The mean divides by the sum of the weights of the targets.

    Returns
    -------
    scalar, or ndarray (N, …) for ``reduction="none"``
        The mean is NaN where no target is left.

    Raises
    ------
    TypeError
        If `x` is not of float32 or float64, or `target` not of integers.
    ValueError
        If the shapes do not fit, or a label is out of range.

    References
    ----------
    .. [1] R. A. Fisher, "On the Mathematical Foundations of Theoretical Statistics",
       Philosophical Transactions of the Royal Society A 222, 1922.

    Examples
    --------
    >>> log_probabilities = np.log(np.array([[0.25, 0.75], [0.5, 0.5]]))
    >>> nll_loss(log_probabilities, np.array([1, 0]), reduction="sum")
    np.float64(0.9808292530117262)
    """
    check.choice("nll_loss", "reduction", reduction, check.REDUCTIONS)
    check.floats("nll_loss", {"weight": weight}, x=x)
    share = _target_share("nll_loss", x.shape, x.dtype, target, weight, ignore_index, 0.0)
    losses = -_products(share, x).sum(_class_axis(x.shape))
    return reduce(losses, reduction, share.sum())


@check.ieee
def nll_loss_grad(
    grad_output: Floats,
    target: Integers,
    weight: Floats | None = None,
    *,
    input_shape: tuple[int, ...],
    ignore_index: int = -100,
    reduction: str = "mean",
) -> Floats:
    """Return the gradient of `x`: ``-grad_output * weight[target]`` at the target, 0 elsewhere."""
    name = "nll_loss_grad"
    check.floats(name, {"weight": weight}, grad_output=grad_output)
    input_shape = check.sizes(name, "input_shape", input_shape)
    dtype = grad_output.dtype
    share = _target_share(name, input_shape, dtype, target, weight, ignore_index, 0.0)
    check_grad_output(name, grad_output, target.shape, reduction)
    scale = reduce_grad(grad_output, reduction, share.sum())
    return np.where(share == 0, share, -_per_class(scale, input_shape) * share)


@check.ieee
def cross_entropy(
    x: Floats,
    target: NDArray[Any],
    weight: Floats | None = None,
    *,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Floats:
    """Return the cross-entropy between the softmax of `x` and the targets.

    Parameters
    ----------
    x : ndarray (N, C, …) or (C,)
        Logits.
    target : ndarray of integers (N, …) or (), or of floats in the shape of `x`
        Classes from 0 to C - 1 or `ignore_index`; or the probability of each class.
    weight : ndarray (C,), optional
        Factor of each class.
    ignore_index : int
        The target whose loss is 0 and that the mean leaves out; only for classes.
    reduction : {"mean", "sum", "none"}
        For classes the mean divides by the sum of the weights of the targets, for
        probabilities by N.
    label_smoothing : float
        The share, from 0 to 1, of the target that is spread evenly over all classes.

    Returns
    -------
    scalar, or ndarray (N, …) for ``reduction="none"``
        ``-sum(weight[c] * q[c] * log_softmax(x)[c] for c)``, ``q`` being the smoothed target.
        The mean is NaN where no target is left.

    Raises
    ------
    TypeError
        If `x` is not of float32 or float64, or `target` of neither integers nor its dtype.
    ValueError
        If the shapes do not fit, a label is out of range, or a probability is NaN.

    References
    ----------
    .. [1] I. J. Good, "Rational Decisions", Journal of the Royal Statistical Society B 14, 1952.
    .. [2] C. Szegedy et al., "Rethinking the Inception Architecture for Computer Vision",
       CVPR 2016, for label smoothing.

    Examples
    --------
    >>> logits = np.array([[0.0, 0.0], [0.0, 1000.0]])
    >>> cross_entropy(logits, np.array([0, 0]), reduction="none")
    array([6.93147181e-01, 1.00000000e+03])
    """
    name = "cross_entropy"
    share, count = _share(name, x, target, weight, ignore_index, reduction, label_smoothing)
    log_probabilities = _log_softmax(x, _class_axis(x.shape))
    if _is_classes(target):
        terms = _products(share, log_probabilities)
    else:
        terms = share * log_probabilities
    return reduce(-terms.sum(_class_axis(x.shape)), reduction, count)


@check.ieee
def cross_entropy_input_grad(
    grad_output: Floats,
    x: Floats,
    target: NDArray[Any],
    weight: Floats | None = None,
    *,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Floats:
    """Return the gradient of `x`: ``grad_output * (softmax(x) * sum(w * q) - w * q)``."""
    name = "cross_entropy_input_grad"
    check.floats(name, grad_output=grad_output, x=x)
    share, count = _share(name, x, target, weight, ignore_index, reduction, label_smoothing)
    axis = _class_axis(x.shape)
    losses = x.shape[:axis] + x.shape[axis + 1 :]
    check_grad_output(name, grad_output, losses, reduction)
    scale = _per_class(reduce_grad(grad_output, reduction, count), x.shape)
    probabilities = np.exp(_log_softmax(x, axis))
    whole = share.sum(axis, keepdims=True)
    # What is ignored has no share, and the gradient 0 even where the mean of nothing is NaN.
    return np.where(whole == 0, share, scale * (probabilities * whole - share))


@check.ieee
def cross_entropy_target_grad(
    grad_output: Floats,
    x: Floats,
    weight: Floats | None = None,
    *,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Floats:
    """Return the gradient of target probabilities: ``-g * w * (1 - ε) * log_softmax(x)``."""
    name = "cross_entropy_target_grad"
    check.floats(name, {"weight": weight}, grad_output=grad_output, x=x)
    smoothing = check.real(name, "label_smoothing", label_smoothing, 0, 1)
    factor = _class_weight(name, x.shape, x.dtype, weight) * x.dtype.type(1 - smoothing)
    axis = _class_axis(x.shape)
    losses = x.shape[:axis] + x.shape[axis + 1 :]
    check_grad_output(name, grad_output, losses, reduction)
    count = np.prod(losses, dtype=int)
    scale = _per_class(reduce_grad(grad_output, reduction, count), x.shape)
    return -scale * (factor * _log_softmax(x, axis))


def _class_axis(shape: tuple[int, ...]) -> int:
    return min(1, len(shape) - 1)


def _is_classes(target: NDArray[Any]) -> bool:
    return bool(np.issubdtype(target.dtype, np.integer))


def _per_class(scale: Floats, shape: tuple[int, ...]) -> Floats:
    """Return what belongs to each loss as an array that broadcasts over the classes."""
    return np.expand_dims(scale, _class_axis(shape)) if scale.ndim else scale


def _products(share: Floats, log_probabilities: Floats) -> Floats:
    # A class without a share adds nothing, even where its probability is 0 and its log -inf.
    return np.where(share == 0, share, share * log_probabilities)


def _share(
    function: str,
    x: Floats,
    target: NDArray[Any],
    weight: Floats | None,
    ignore_index: int,
    reduction: str,
    label_smoothing: float,
) -> tuple[Floats, Any]:
    """Return the weight of every class in every loss, and what the mean divides by."""
    check.choice(function, "reduction", reduction, check.REDUCTIONS)
    check.floats(function, {"weight": weight}, x=x)
    check.whole(function, "ignore_index", ignore_index)
    smoothing = check.real(function, "label_smoothing", label_smoothing, 0, 1)
    if isinstance(target, np.ndarray) and not _is_classes(target):
        return _probability_share(function, x, target, weight, ignore_index, smoothing)
    shape, dtype = x.shape, x.dtype
    share = _target_share(function, shape, dtype, target, weight, ignore_index, smoothing)
    if smoothing == 0:
        return share, share.sum()
    return share, _target_share(function, shape, dtype, target, weight, ignore_index, 0.0).sum()


def _probability_share(
    function: str,
    x: Floats,
    target: Floats,
    weight: Floats | None,
    ignore_index: int,
    smoothing: float,
) -> tuple[Floats, int]:
    check.floats(function, x=x, target=target)
    factor = _class_weight(function, x.shape, x.dtype, weight)
    check.shape(function, "target", target, x.shape)
    if np.isnan(target).any():
        raise ValueError(f"{function}: target has the value nan, expected probabilities")
    if ignore_index >= 0:
        raise ValueError(
            f"{function}: ignore_index is {ignore_index}, expected none with target probabilities"
        )
    classes = x.shape[_class_axis(x.shape)]
    spread = x.dtype.type(smoothing / classes)
    mixed = target if smoothing == 0 else target * x.dtype.type(1 - smoothing) + spread
    return np.asarray(factor * mixed), x.size // classes


def _target_share(
    function: str,
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    target: Integers,
    weight: Floats | None,
    ignore_index: int,
    smoothing: float,
) -> Floats:
    """Return an array of `shape`: the smoothed one-hot of each target, times the class weights."""
    check.integers(function, "target", target)
    check.whole(function, "ignore_index", ignore_index)
    factor = _class_weight(function, shape, dtype, weight)
    axis = _class_axis(shape)
    check.shape(function, "target", target, shape[:axis] + shape[axis + 1 :])
    ignored = target == ignore_index
    wrong = ~ignored & ((target < 0) | (target >= shape[axis]))
    if wrong.any():
        raise ValueError(
            f"{function}: target has the label {target[wrong][0]}, expected 0 to "
            f"{shape[axis] - 1} or ignore_index={ignore_index}"
        )
    share = np.zeros(shape, dtype)
    labels = np.expand_dims(np.where(ignored, 0, target), axis)
    np.put_along_axis(share, labels, dtype.type(1 - smoothing), axis)
    if smoothing:
        share += dtype.type(smoothing / shape[axis])
    return np.where(np.expand_dims(ignored, axis), dtype.type(0), factor * share)


def _class_weight(
    function: str, shape: tuple[int, ...], dtype: np.dtype[Any], weight: Floats | None
) -> Floats:
    """Return the weight of each class, (C, 1, …), to broadcast over an array of `shape`."""
    if not shape or 0 in shape[_class_axis(shape) :][:1]:
        raise ValueError(f"{function}: x has shape {shape}, expected (N, C, …) or (C,), C > 0")
    axis = _class_axis(shape)
    if weight is None:
        return np.ones((1,) * (len(shape) - axis), dtype)
    check.shape(function, "weight", weight, shape[axis : axis + 1])
    return weight.reshape(-1, *(1,) * (len(shape) - axis - 1))
