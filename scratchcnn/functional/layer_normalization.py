"""Layer, group and root-mean-square normalization: moments within each sample."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scratchcnn.functional import _checks as check
from scratchcnn.functional._checks import Floats, PerAxis
from scratchcnn.functional._normalization import (
    NormalizationGrads,
    check_channels,
    check_several,
)
from scratchcnn.functional._standardization import (
    inverse_root,
    rows_grad,
    standard,
    standardized,
    sums,
)


class RMSNormGrads(NamedTuple):
    """The gradients of `rms_norm`.

    With the gradient ``g`` of the output, ``d = sqrt(mean(x**2) + eps)``, ``s = x / d`` and
    ``h = g * weight`` they are ``(h - s * mean(h * s)) / d`` for `x` and ``Σ g * s`` for the
    weight, as if it were ones where there is none.
    """

    input: Floats
    weight: Floats


@check.ieee
def layer_norm(
    x: Floats,
    normalized_shape: PerAxis,
    weight: Floats | None = None,
    bias: Floats | None = None,
    *,
    eps: float = 1e-5,
) -> Floats:
    """Return `x` with mean 0 and variance 1 over its last axes, scaled and shifted.

    Parameters
    ----------
    x : ndarray (..., *normalized_shape)
    normalized_shape : int or tuple of int
        The sizes of the last axes.
    weight, bias : ndarray of `normalized_shape`, optional
        Scale and shift of each element; ones and zeros if None.
    eps : float
        Added to the variance, against a division by 0.

    Returns
    -------
    ndarray, same shape and dtype as `x`
        ``y = (x - mean) / sqrt(var + eps) * weight + bias``, with the biased variance.

    Raises
    ------
    TypeError
        If an array is not of float32 or float64, or a parameter is no number.
    ValueError
        If a shape does not fit.

    References
    ----------
    .. [1] J. L. Ba et al., "Layer Normalization", 2016, arXiv:1607.06450.

    Examples
    --------
    >>> layer_norm(np.array([[1.0, 3.0], [10.0, 30.0]]), 2).round(3)
    array([[-1.,  1.],
           [-1.,  1.]])
    """
    name = "layer_norm"
    check.floats(name, {"weight": weight, "bias": bias}, x=x)
    shape = _normalized(name, x, normalized_shape, weight=weight, bias=bias)
    eps = check.real(name, "eps", eps, 0)
    y = standardized(_last(x, shape), eps).reshape(x.shape)
    if weight is not None:
        y *= weight
    if bias is not None:
        y += bias
    return y


@check.ieee
def layer_norm_grads(
    grad_output: Floats,
    x: Floats,
    weight: Floats | None = None,
    *,
    normalized_shape: PerAxis,
    eps: float = 1e-5,
) -> NormalizationGrads:
    """Return all gradients: ``(h - mean(h) - s * mean(h * s)) / d``, ``Σ g * s`` and ``Σ g``."""
    name = "layer_norm_grads"
    check.floats(name, {"weight": weight}, grad_output=grad_output, x=x)
    shape = _normalized(name, x, normalized_shape, weight=weight)
    check.shape(name, "grad_output", grad_output, x.shape)
    eps = check.real(name, "eps", eps, 0)
    values, scale = standard(_last(x, shape), eps)
    below = _last(grad_output if weight is None else grad_output * weight, shape)
    grad = rows_grad(below, values, scale, sums(below * values), sums(below))
    products = grad_output * values.reshape(x.shape)
    return NormalizationGrads(
        grad.reshape(x.shape), _first_sum(products, shape), _first_sum(grad_output, shape)
    )


@check.ieee
def rms_norm(
    x: Floats,
    normalized_shape: PerAxis,
    weight: Floats | None = None,
    *,
    eps: float | None = None,
) -> Floats:
    """Return `x` over the root of the mean of its squares, over its last axes.

    Parameters
    ----------
    x : ndarray (..., *normalized_shape)
    normalized_shape : int or tuple of int
        The sizes of the last axes.
    weight : ndarray of `normalized_shape`, optional
        Scale of each element; ones if None.
    eps : float, optional
        Added to the mean, against a division by 0; if None, the spacing of the dtype at 1.

    Returns
    -------
    ndarray, same shape and dtype as `x`
        ``y = x / sqrt(mean(x**2) + eps) * weight``.

    Raises
    ------
    TypeError, ValueError
        As `layer_norm`.

    References
    ----------
    .. [1] B. Zhang and R. Sennrich, "Root Mean Square Layer Normalization", NeurIPS 2019.

    Examples
    --------
    >>> rms_norm(np.array([[3.0, 4.0, 0.0, 0.0]]), 4)
    array([[1.2, 1.6, 0. , 0. ]])
    """
    name = "rms_norm"
    check.floats(name, {"weight": weight}, x=x)
    shape = _normalized(name, x, normalized_shape, weight=weight)
    rows = _last(x, shape)
    y = (rows * _inverse_rms(name, rows, eps).astype(x.dtype)).reshape(x.shape)
    if weight is not None:
        y *= weight
    return y


@check.ieee
def rms_norm_grads(
    grad_output: Floats,
    x: Floats,
    weight: Floats | None = None,
    *,
    normalized_shape: PerAxis,
    eps: float | None = None,
) -> RMSNormGrads:
    """Return both gradients: ``(h - s * mean(h * s)) / d`` of `x` and ``Σ g * s`` of the weight."""
    name = "rms_norm_grads"
    check.floats(name, {"weight": weight}, grad_output=grad_output, x=x)
    shape = _normalized(name, x, normalized_shape, weight=weight)
    check.shape(name, "grad_output", grad_output, x.shape)
    rows = _last(x, shape)
    scale = _inverse_rms(name, rows, eps)
    values = rows * scale.astype(x.dtype)
    below = _last(grad_output if weight is None else grad_output * weight, shape)
    grad = rows_grad(below, values, scale, sums(below * values))
    weight_grad = _first_sum(grad_output * values.reshape(x.shape), shape)
    return RMSNormGrads(grad.reshape(x.shape), weight_grad)


@check.ieee
def group_norm(
    x: Floats,
    num_groups: int,
    weight: Floats | None = None,
    bias: Floats | None = None,
    *,
    eps: float = 1e-5,
) -> Floats:
    """Return each group of channels of each sample with mean 0 and variance 1, scaled and shifted.

    Parameters
    ----------
    x : ndarray (N, C, ...)
        With any number of spatial axes.
    num_groups : int
        Divides C into groups of neighbours.
    weight, bias : ndarray (C,), optional
        Scale and shift of each channel; ones and zeros if None.
    eps : float
        Added to the variance, against a division by 0.

    Returns
    -------
    ndarray, same shape and dtype as `x`
        ``y = (x - mean) / sqrt(var + eps) * weight + bias``, with the biased variance over the
        channels of a group and the spatial axes.

    Raises
    ------
    TypeError
        If an array is not of float32 or float64, or a parameter is no number.
    ValueError
        If a shape does not fit, or one sample has groups of one value.

    References
    ----------
    .. [1] Y. Wu and K. He, "Group Normalization", ECCV 2018.

    Examples
    --------
    >>> group_norm(np.array([[1.0, 3.0, 10.0, 30.0]]), 2).round(3)
    array([[-1.,  1., -1.,  1.]])
    """
    name = "group_norm"
    check.floats(name, {"weight": weight, "bias": bias}, x=x)
    check_channels(name, x, weight=weight, bias=bias)
    rows = _groups(name, x, num_groups)
    y = standardized(rows, check.real(name, "eps", eps, 0)).reshape(x.shape)
    if weight is not None:
        y *= _along(weight, x)
    if bias is not None:
        y += _along(bias, x)
    return y


@check.ieee
def group_norm_grads(
    grad_output: Floats,
    x: Floats,
    weight: Floats | None = None,
    *,
    num_groups: int,
    eps: float = 1e-5,
) -> NormalizationGrads:
    """Return the gradients of `x`, weight and bias: those of `layer_norm_grads` in each group."""
    name = "group_norm_grads"
    check.floats(name, {"weight": weight}, grad_output=grad_output, x=x)
    check_channels(name, x, weight=weight)
    check.shape(name, "grad_output", grad_output, x.shape)
    rows = _groups(name, x, num_groups)
    values, scale = standard(rows, check.real(name, "eps", eps, 0))
    below = _contiguous(grad_output if weight is None else grad_output * _along(weight, x))
    below = below.reshape(rows.shape)
    grad = rows_grad(below, values, scale, sums(below * values), sums(below))
    products = grad_output * values.reshape(x.shape)
    return NormalizationGrads(
        grad.reshape(x.shape), _channel_sum(products), _channel_sum(grad_output)
    )


def _contiguous(x: Floats) -> Floats:
    """Return `x` in an order of memory in which no sum is rounded otherwise."""
    return np.ascontiguousarray(x)


def _normalized(
    function: str, x: Floats, normalized_shape: PerAxis, **arrays: Floats | None
) -> tuple[int, ...]:
    """Return the sizes of the last axes of `x`, or raise for what does not fit them."""
    if check.several(normalized_shape):
        shape = check.sizes(function, "normalized_shape", normalized_shape)
    else:
        shape = (check.whole(function, "normalized_shape", normalized_shape, 0),)
    if not shape or x.shape[-len(shape) :] != shape:
        raise ValueError(
            f"{function}: normalized_shape is {shape}, but x has shape {x.shape}; "
            "expected the sizes of its last axes"
        )
    for name, array in arrays.items():
        if array is not None:
            check.shape(function, name, array, shape)
    return shape


def _last(x: Floats, shape: tuple[int, ...]) -> Floats:
    """Return (..., *shape) as rows (1, R, L)."""
    first = x.shape[: x.ndim - len(shape)]
    return _contiguous(x).reshape(1, math.prod(first), math.prod(shape))


def _first_sum(x: Floats, shape: tuple[int, ...]) -> Floats:
    """Return the sum over all axes but the last ones."""
    # NumPy sums pairwise along the last axis only, hence float64 for the others.
    total = _last(x, shape)[0].sum(0, dtype=np.float64)
    return np.asarray(total.astype(x.dtype).reshape(shape))


def _inverse_rms(function: str, rows: Floats, eps: float | None) -> NDArray[np.float64]:
    """Return ``1 / sqrt(mean(x**2) + eps)`` of each row (R, 1)."""
    least = float(np.finfo(rows.dtype).eps) if eps is None else eps
    least = check.real(function, "eps", least, 0)
    return inverse_root(sums(rows * rows) / rows.shape[2], least)


def _groups(function: str, x: Floats, num_groups: int) -> Floats:
    """Return (N, C, ...) as rows (1, N * groups, L)."""
    num_groups = check.whole(function, "num_groups", num_groups, 1)
    samples, channels, *size = x.shape
    if channels % num_groups:
        raise ValueError(
            f"{function}: num_groups is {num_groups}, but x has {channels} channels; "
            "expected a divisor of them"
        )
    length = channels // num_groups * math.prod(size)
    # As in PyTorch, which looks at all samples here, though each is normalized alone.
    check_several(function, x, samples * length)
    return _contiguous(x).reshape(1, samples * num_groups, length)


def _along(array: Floats, x: Floats) -> Floats:
    """Return the values of the channels (C,) with the axes of `x`."""
    return array.reshape(-1, *(1,) * (x.ndim - 2))


def _channel_sum(x: Floats) -> Floats:
    """Return the sum of each channel (C,)."""
    rows = _contiguous(x).reshape(*x.shape[:2], math.prod(x.shape[2:]))
    return np.asarray(sums(rows)[:, 0].astype(x.dtype))
