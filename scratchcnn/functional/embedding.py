"""Losses of embeddings: what belongs together should be near, what does not should be far."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from scratchcnn.functional import _checks as check
from scratchcnn.functional._checks import Floats
from scratchcnn.functional._reduction import (
    above_zero,
    check_grad_output,
    common_shape,
    real_or_integers,
    reduce,
    reduce_grad,
    unbroadcast,
)

# What PyTorch adds to the square of each length: 1e-12 of single precision, in double too.
EPSILON = float(np.float32(1e-12))


class CosineEmbeddingGrads(NamedTuple):
    """The gradients of `cosine_embedding_loss`."""

    input1: Floats
    input2: Floats


class TripletMarginGrads(NamedTuple):
    """The gradients of `triplet_margin_loss`."""

    anchor: Floats
    positive: Floats
    negative: Floats


@check.ieee
def hinge_embedding_loss(
    x: Floats, target: NDArray[Any], *, margin: float = 1.0, reduction: str = "mean"
) -> Floats:
    """Return the distance `x` of what is alike, and what others lack of the margin.

    Parameters
    ----------
    x : ndarray of any shape
        Distances.
    target : ndarray of floats or integers that broadcasts with `x`
        1 for a pair that is alike, -1 for one that is not.
    margin : float
    reduction : {"mean", "sum", "none"}

    Returns
    -------
    scalar, or ndarray for ``reduction="none"``
        `x` for 1, and ``max(0, margin - x)`` for -1. Where the margin is just met, the gradient
        is that of a loss above 0, as in PyTorch. The mean of nothing is NaN.

    Raises
    ------
    TypeError
        If `x` is not of float32 or float64, or `target` of neither its dtype nor integers.
    ValueError
        If the shapes do not broadcast, or a target is neither 1 nor -1.

    References
    ----------
    .. [1] R. Hadsell, S. Chopra and Y. LeCun, "Dimensionality Reduction by Learning an
       Invariant Mapping", CVPR 2006; there with squares.

    Examples
    --------
    >>> hinge_embedding_loss(np.array([0.5, 0.25]), np.array([1, -1]), reduction="none")
    array([0.5 , 0.75])
    """
    name = "hinge_embedding_loss"
    _, margin = _hinge(name, x, target, margin, reduction)
    return reduce(np.where(target == 1, x, np.maximum(margin - x, 0)), reduction)


@check.ieee
def hinge_embedding_loss_grad(
    grad_output: Floats,
    x: Floats,
    target: NDArray[Any],
    *,
    margin: float = 1.0,
    reduction: str = "mean",
) -> Floats:
    """Return the gradient of `x`: ``grad_output`` for 1; ``-grad_output`` within the margin."""
    name = "hinge_embedding_loss_grad"
    shape, margin = _hinge(name, x, target, margin, reduction, grad_output=grad_output)
    slope = np.where(target == 1, 1, np.where(margin - x >= 0, -1, 0)).astype(x.dtype)
    scale = reduce_grad(grad_output, reduction, math.prod(shape))
    return unbroadcast(scale * slope, x.shape)


@check.ieee
def cosine_embedding_loss(
    input1: Floats,
    input2: Floats,
    target: NDArray[Any],
    *,
    margin: float = 0.0,
    reduction: str = "mean",
) -> Floats:
    """Return one minus the cosine of what is alike, and what it exceeds the margin by for others.

    Parameters
    ----------
    input1, input2 : ndarrays (N, D) or (D,)
        One of them may have one row for all of the other.
    target : ndarray of floats or integers (N,) or ()
        1 for vectors that are alike, -1 for others.
    margin : float
        From 0 to 0.5 is sensible, and -1 to 1 is possible.
    reduction : {"mean", "sum", "none"}

    Returns
    -------
    scalar, or ndarray (N,) for ``reduction="none"``
        ``1 - cos`` for 1 and ``max(0, cos - margin)`` for -1, with ``cos =
        sum(input1 * input2) / sqrt((sum(input1**2) + 1e-12) * (sum(input2**2) + 1e-12))``, so
        that no vector is too short. Where the
        margin is just met, the gradient is that of a loss above 0, as in PyTorch.

    Raises
    ------
    TypeError
        If an input is not of float32 or float64, or `target` of neither their dtype nor integers.
    ValueError
        If the shapes do not fit, or a target is neither 1 nor -1.

    References
    ----------
    .. [1] J. Bromley et al., "Signature Verification using a 'Siamese' Time Delay Neural
       Network", NIPS 1993.

    Examples
    --------
    >>> a, b = np.array([[3.0, 4.0], [1.0, 0.0]]), np.array([[4.0, 3.0], [5.0, 0.0]])
    >>> cosine_embedding_loss(a, b, np.array([-1, 1]), margin=0.5, reduction="none").round(6)
    array([0.46, 0.  ])
    """
    margin, _ = _vectors("cosine_embedding_loss", input1, input2, target, margin, reduction)
    cosine = _Cosine(input1, input2).value
    return reduce(np.where(target == 1, 1 - cosine, np.maximum(cosine - margin, 0)), reduction)


@check.ieee
def cosine_embedding_loss_grads(
    grad_output: Floats,
    input1: Floats,
    input2: Floats,
    target: NDArray[Any],
    *,
    margin: float = 0.0,
    reduction: str = "mean",
) -> CosineEmbeddingGrads:
    """Return both gradients: ``±(b / |b| - cos * a / |a|) / |a|``, and with a and b exchanged."""
    name = "cosine_embedding_loss_grads"
    margin, shape = _vectors(
        name, input1, input2, target, margin, reduction, grad_output=grad_output
    )
    cosine = _Cosine(input1, input2)
    slope = np.where(target == 1, -1, np.where(cosine.value - margin >= 0, 1, 0))
    scale = reduce_grad(grad_output, reduction, math.prod(shape))
    each = (scale * slope.astype(input1.dtype))[..., None]
    return CosineEmbeddingGrads(
        unbroadcast(each * cosine.slope(0), input1.shape),
        unbroadcast(each * cosine.slope(1), input2.shape),
    )


@check.ieee
def triplet_margin_loss(
    anchor: Floats,
    positive: Floats,
    negative: Floats,
    *,
    margin: float = 1.0,
    p: float = 2.0,
    eps: float = 1e-6,
    swap: bool = False,
    reduction: str = "mean",
) -> Floats:
    """Return what the negative lacks of being farther from the anchor, by a margin.

    Parameters
    ----------
    anchor, positive, negative : ndarrays (…, D) that broadcast, with as many axes
        Vectors along the last axis.
    margin : float
        Above 0.
    p : float
        Norm of the distances, above 0; ``inf`` for the largest coordinate.
    eps : float
        Added to each coordinate of a difference.
    swap : bool
        Whether the negative's distance is the smaller of those from anchor and positive.
    reduction : {"mean", "sum", "none"}

    Returns
    -------
    scalar, or ndarray (…) for ``reduction="none"``
        ``max(0, margin + d(anchor, positive) - d(anchor, negative))`` with
        ``d(a, b) = norm(a - b + eps)``. Where the margin is just met, the gradient is that of
        a loss above 0; a distance of 0 has the gradient 0; equal distances share it, and so do
        equal largest coordinates: PyTorch's conventions.

    Raises
    ------
    TypeError
        If an array is not of float32 or float64, or the dtypes differ.
    ValueError
        If the shapes do not fit, or `margin` or `p` is not above 0.

    References
    ----------
    .. [1] V. Balntas et al., "Learning Local Feature Descriptors with Triplets and Shallow
       Convolutional Neural Networks", BMVC 2016.

    Examples
    --------
    >>> anchor, near, far = np.array([[0.0, 0.0]]), np.array([[3.0, 4.0]]), np.array([[0.0, 5.5]])
    >>> triplet_margin_loss(anchor, near, far, eps=0.0)
    np.float64(0.5)
    """
    name = "triplet_margin_loss"
    _triplet(name, anchor, positive, negative, margin, p, reduction)
    eps = check.real(name, "eps", eps, -np.inf)
    check.flag(name, "swap", swap)
    near, far = _norm(anchor - positive + eps, p), _norm(anchor - negative + eps, p)
    if swap:
        far = np.minimum(far, _norm(positive - negative + eps, p))
    return reduce(np.maximum(margin + near - far, 0), reduction)


@check.ieee
def triplet_margin_loss_grads(
    grad_output: Floats,
    anchor: Floats,
    positive: Floats,
    negative: Floats,
    *,
    margin: float = 1.0,
    p: float = 2.0,
    eps: float = 1e-6,
    swap: bool = False,
    reduction: str = "mean",
) -> TripletMarginGrads:
    """Return all gradients: those of ``d(anchor, positive) - d(anchor, negative)``, or 0."""
    name = "triplet_margin_loss_grads"
    check.floats(name, grad_output=grad_output, anchor=anchor)
    _triplet(name, anchor, positive, negative, margin, p, reduction)
    eps = check.real(name, "eps", eps, -np.inf)
    check.flag(name, "swap", swap)
    pairs = anchor - positive + eps, anchor - negative + eps, positive - negative + eps
    near, far, other = (_norm(pair, p) for pair in pairs)
    # The share of the negative's distance that is the one from the anchor.
    direct = np.where(far < other, 1.0, np.where(far == other, 0.5, 0.0)) if swap else np.ones(())
    direct = direct.astype(anchor.dtype)
    losses = margin + near - (np.minimum(far, other) if swap else far)
    check_grad_output(name, grad_output, losses.shape, reduction)
    scale = reduce_grad(grad_output, reduction, losses.size)
    active = np.where(losses >= 0, scale, scale.dtype.type(0))
    shares = active, -active * direct, -active * (1 - direct)
    to_near, to_far, to_other = (
        share[..., None] * _norm_slope(pair, p) for share, pair in zip(shares, pairs, strict=True)
    )
    return TripletMarginGrads(
        _summed(anchor.shape, to_near, to_far),
        _summed(positive.shape, -to_near, to_other),
        _summed(negative.shape, -to_far, -to_other),
    )


class _Cosine:
    """The cosine of the angles between rows, (N,), and its slopes.

    Parameters
    ----------
    a, b : ndarrays (…, D)
    """

    def __init__(self, a: Floats, b: Floats) -> None:
        # Unit vectors first: the product of squared lengths would overflow earlier.
        self.lengths = [np.sqrt((v * v).sum(-1, keepdims=True) + EPSILON) for v in (a, b)]
        self.units = [v / length for v, length in zip((a, b), self.lengths, strict=True)]
        self.value = np.asarray((self.units[0] * self.units[1]).sum(-1))

    def slope(self, which: int) -> Floats:
        """Return the gradient of the cosine with respect to one of the vectors."""
        own, other = self.units[which], self.units[1 - which]
        return np.asarray((other - self.value[..., None] * own) / self.lengths[which])


def _norm(difference: Floats, p: float) -> Floats:
    """Return the p-norm along the last axis."""
    sizes = np.abs(difference)
    if p == np.inf:
        return np.asarray(sizes.max(-1, initial=0))
    if p == 1:
        return np.asarray(sizes.sum(-1))
    if p == 2:
        return np.asarray(np.sqrt((sizes * sizes).sum(-1)))
    return np.asarray((sizes**p).sum(-1) ** (1 / p))


def _norm_slope(difference: Floats, p: float) -> Floats:
    """Return the gradient of the p-norm: ``sign(d) * (|d| / norm)**(p - 1)``, 0 at 0."""
    norm = _norm(difference, p)[..., None]
    sizes, sign = np.abs(difference), np.sign(difference)
    if p == 1:
        return np.asarray(sign)
    if p == np.inf:
        largest = sizes == norm
        return np.asarray(sign * largest / largest.sum(-1, keepdims=True, dtype=sizes.dtype))
    if p == 2:
        return np.where(norm == 0, sizes, difference / norm)
    return np.where(sizes == 0, sizes, sign * (sizes / norm) ** (p - 1))


def _summed(shape: tuple[int, ...], *parts: Floats) -> Floats:
    """Return the sum of the gradients of an array of `shape` that was broadcast in each."""
    first, second = (unbroadcast(part, shape) for part in parts)
    return first + second


def _hinge(
    function: str,
    x: Floats,
    target: NDArray[Any],
    margin: float,
    reduction: str,
    **gradient: Floats,
) -> tuple[tuple[int, ...], float]:
    check.choice(function, "reduction", reduction, check.REDUCTIONS)
    check.floats(function, **gradient, x=x)
    _alike(function, target, x)
    shape = common_shape(function, x=x.shape, target=target.shape)
    for grad_output in gradient.values():
        check_grad_output(function, grad_output, shape, reduction)
    return shape, check.real(function, "margin", margin, -np.inf)


def _alike(function: str, target: NDArray[Any], like: Floats) -> None:
    """Raise an error unless `target` has the values 1 and -1 only."""
    real_or_integers(function, "target", target, like)
    wrong = np.abs(target) != 1
    if wrong.any():
        raise ValueError(
            f"{function}: target has the value {target[wrong].flat[0]}, expected 1 or -1"
        )


def _vectors(
    function: str,
    input1: Floats,
    input2: Floats,
    target: NDArray[Any],
    margin: float,
    reduction: str,
    **gradient: Floats,
) -> tuple[float, tuple[int, ...]]:
    check.choice(function, "reduction", reduction, check.REDUCTIONS)
    check.floats(function, **gradient, input1=input1, input2=input2)
    _alike(function, target, input1)
    for name, array in (("input1", input1), ("input2", input2)):
        if array.ndim not in (1, 2) or array.ndim != target.ndim + 1:
            raise ValueError(
                f"{function}: {name} has shape {array.shape} and target {target.shape}, "
                "expected (N, D) and (N,), or (D,) and ()"
            )
    if input1.shape[-1] != input2.shape[-1]:
        raise ValueError(
            f"{function}: input2 has {input2.shape[-1]} columns, expected the "
            f"{input1.shape[-1]} of input1"
        )
    rows = {"input1": input1.shape[:-1], "input2": input2.shape[:-1], "target": target.shape}
    shape = common_shape(function, **rows)
    for grad_output in gradient.values():
        check_grad_output(function, grad_output, shape, reduction)
    return check.real(function, "margin", margin, -np.inf), shape


def _triplet(
    function: str,
    anchor: Floats,
    positive: Floats,
    negative: Floats,
    margin: float,
    p: float,
    reduction: str,
) -> None:
    check.choice(function, "reduction", reduction, check.REDUCTIONS)
    check.floats(function, anchor=anchor, positive=positive, negative=negative)
    above_zero(function, "margin", margin)
    above_zero(function, "p", p)
    for name, array in (("positive", positive), ("negative", negative)):
        if array.ndim != anchor.ndim or not anchor.ndim:
            raise ValueError(
                f"{function}: {name} has shape {array.shape} and anchor {anchor.shape}, "
                "expected as many axes, at least one"
            )
    common_shape(function, anchor=anchor.shape, positive=positive.shape, negative=negative.shape)
