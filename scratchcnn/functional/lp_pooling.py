"""Power-average pooling: the p-norm of each window."""

from __future__ import annotations

import math

import numpy as np

from scratchcnn.functional import _checks as check
from scratchcnn.functional._checks import Floats, PerAxis
from scratchcnn.functional.average_pooling import window_counts, window_sums, window_sums_grad
from scratchcnn.functional.geometry import Windows
from scratchcnn.functional.pooling import (
    added_at,
    checked_size,
    maxima,
    maxima_with_indices,
    pooling_windows,
)


@check.ieee
def lp_pool1d(
    x: Floats,
    norm_type: float,
    kernel_size: PerAxis,
    *,
    stride: PerAxis | None = None,
    ceil_mode: bool = False,
) -> Floats:
    """Return the p-norm of each window: the p-th root of the sum of its p-th powers.

    Parameters
    ----------
    x : ndarray (N, C, L) or (C, L)
    norm_type, kernel_size, stride, ceil_mode
        As in `lp_pool2d`.

    Returns
    -------
    ndarray (N, C, Lout) or (C, Lout)

    Raises
    ------
    TypeError, ValueError
        As `lp_pool2d`.

    Examples
    --------
    >>> lp_pool1d(np.array([[3.0, 4, 6, 8]]), 2, 2)
    array([[ 5., 10.]])
    """
    return _lp_pool("lp_pool1d", 1, x, norm_type, kernel_size, stride, ceil_mode)


@check.ieee
def lp_pool1d_grad(
    grad_output: Floats,
    x: Floats,
    y: Floats,
    *,
    norm_type: float,
    kernel_size: PerAxis,
    stride: PerAxis | None = None,
    ceil_mode: bool = False,
) -> Floats:
    """Return the gradient of `x`: ``x**(p-1) * Σ grad_output * y**(1-p)`` over its windows."""
    options = (norm_type, kernel_size, stride, ceil_mode)
    return _lp_pool_grad("lp_pool1d_grad", 1, grad_output, x, y, *options)


@check.ieee
def lp_pool2d(
    x: Floats,
    norm_type: float,
    kernel_size: PerAxis,
    *,
    stride: PerAxis | None = None,
    ceil_mode: bool = False,
) -> Floats:
    """Return the p-norm of each window: the p-th root of the sum of its p-th powers.

    Parameters
    ----------
    x : ndarray (N, C, H, W) or (C, H, W)
    norm_type : float
        The exponent p, any number but 0; infinity is the largest absolute value, minus
        infinity the smallest.
    kernel_size : int or pair
    stride : int or pair, optional
        Steps between windows; `kernel_size` if None.
    ceil_mode : bool
        Whether a last window that is cut off counts, if it starts inside the input. Its sum is
        scaled to a whole window.

    Returns
    -------
    ndarray (N, C, Hout, Wout)
        ``y[n, c, i, j] = sum(x[n, c, i * sh + a, j * sw + b]**p for a, b)**(1/p)``; without N
        where `x` has none. Powers are those of the numbers, not of their absolute values: p = 1
        is the sum, and a negative sum of odd powers, or a power that is not whole of a negative
        number, is NaN.

    Raises
    ------
    TypeError
        If `x` is not of float32 or float64, or a parameter is no number of its kind.
    ValueError
        If the rank or a parameter does not fit, or no window fits into the input.

    Notes
    -----
    As in PyTorch, a window whose sum is 0 has no gradient, not even for p = 1, where a sum that
    is NaN has none either. Powers between 0 and 1 have the slope infinity at 0.

    References
    ----------
    .. [1] P. Sermanet, S. Chintala and Y. LeCun, "Convolutional Neural Networks Applied to House
       Numbers Digit Classification", ICPR 2012.

    Examples
    --------
    >>> lp_pool2d(np.array([[[1.0, 2, 3, 0], [2, 4, 4, 0]]]), 2, 2)
    array([[[5., 5.]]])
    """
    return _lp_pool("lp_pool2d", 2, x, norm_type, kernel_size, stride, ceil_mode)


@check.ieee
def lp_pool2d_grad(
    grad_output: Floats,
    x: Floats,
    y: Floats,
    *,
    norm_type: float,
    kernel_size: PerAxis,
    stride: PerAxis | None = None,
    ceil_mode: bool = False,
) -> Floats:
    """Return the gradient of `x`: ``x**(p-1) * Σ grad_output * y**(1-p)`` over its windows."""
    options = (norm_type, kernel_size, stride, ceil_mode)
    return _lp_pool_grad("lp_pool2d_grad", 2, grad_output, x, y, *options)


@check.ieee
def lp_pool3d(
    x: Floats,
    norm_type: float,
    kernel_size: PerAxis,
    *,
    stride: PerAxis | None = None,
    ceil_mode: bool = False,
) -> Floats:
    """Return the p-norm of each window: the p-th root of the sum of its p-th powers.

    Parameters
    ----------
    x : ndarray (N, C, D, H, W) or (C, D, H, W)
    norm_type, kernel_size, stride, ceil_mode
        As in `lp_pool2d`.

    Returns
    -------
    ndarray (N, C, Dout, Hout, Wout) or (C, Dout, Hout, Wout)

    Raises
    ------
    TypeError, ValueError
        As `lp_pool2d`.

    Examples
    --------
    >>> lp_pool3d(np.full((1, 1, 2, 2), 3.0), 2, (1, 2, 2))
    array([[[[6.]]]])
    """
    return _lp_pool("lp_pool3d", 3, x, norm_type, kernel_size, stride, ceil_mode)


@check.ieee
def lp_pool3d_grad(
    grad_output: Floats,
    x: Floats,
    y: Floats,
    *,
    norm_type: float,
    kernel_size: PerAxis,
    stride: PerAxis | None = None,
    ceil_mode: bool = False,
) -> Floats:
    """Return the gradient of `x`: ``x**(p-1) * Σ grad_output * y**(1-p)`` over its windows."""
    options = (norm_type, kernel_size, stride, ceil_mode)
    return _lp_pool_grad("lp_pool3d_grad", 3, grad_output, x, y, *options)


def _lp_pool(
    function: str,
    spatial: int,
    x: Floats,
    norm_type: float,
    kernel_size: PerAxis,
    stride: PerAxis | None,
    ceil_mode: bool,
) -> Floats:
    """Return the p-norms of windows over the last `spatial` axes."""
    size = checked_size(function, x, spatial)
    p = exponent(function, norm_type)
    windows = pooling_windows(function, size, kernel_size, stride, 0, 1, ceil_mode)
    if math.isinf(p):
        return np.abs(maxima(np.copysign(x, p), windows))
    return _power(window_sums(_power(x, p), windows) * _scale(windows, size, x), 1 / p)


def _lp_pool_grad(
    function: str,
    spatial: int,
    grad_output: Floats,
    x: Floats,
    y: Floats,
    norm_type: float,
    kernel_size: PerAxis,
    stride: PerAxis | None,
    ceil_mode: bool,
) -> Floats:
    """Return the gradient of a pooling of p-norms over the last `spatial` axes."""
    check.floats(function, grad_output=grad_output, x=x, y=y)
    size = checked_size(function, x, spatial)
    p = exponent(function, norm_type)
    windows = pooling_windows(function, size, kernel_size, stride, 0, 1, ceil_mode)
    expected = x.shape[:-spatial] + windows.output
    check.shape(function, "grad_output", grad_output, expected)
    check.shape(function, "y", y, expected)
    if math.isinf(p):
        pooled = maxima_with_indices(np.copysign(x, p), windows)
        share = added_at(grad_output, pooled.indices, x.shape, spatial)
        return np.ascontiguousarray(np.where(np.isnan(x), 0, share * np.sign(x)))
    share = grad_output * _scale(windows, size, x) * _power(y, 1 - p)
    # PyTorch's rules: nothing at 0, nor for p = 1 at NaN, where 0 remains 0 in the product.
    share = np.where(y == 0, 0, share * (y == y))
    total = window_sums_grad(share, windows, x.shape)
    total *= _power(x, p - 1)
    return total


def exponent(function: str, norm_type: float) -> float:
    """Return the exponent, or raise if it is no number or 0."""
    p = check.real(function, "norm_type", norm_type, -np.inf)
    if p == 0:
        raise ValueError(f"{function}: norm_type is 0, expected another number")
    return p


def _power(x: Floats, exponent: float) -> Floats:
    # In float32 NumPy's powers, and exponents, are off by twice as much as PyTorch's.
    wide = x.astype(np.float64)
    # NumPy takes the square root for 0.5, so that -inf is NaN, but not its inverse for -0.5.
    result = 1 / np.sqrt(wide) if exponent == -0.5 else wide**exponent
    return result.astype(x.dtype)


def _scale(windows: Windows, size: tuple[int, ...], like: Floats) -> Floats:
    """Return what scales the sum of a window that is cut off to a whole one."""
    whole = math.prod(windows.kernel)
    return (whole / window_counts(windows, size, True)).astype(like.dtype)
