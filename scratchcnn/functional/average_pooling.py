"""Average pooling: the sum of each window over how many values it counts."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scratchcnn.functional import _checks as check
from scratchcnn.functional._checks import Floats, PerAxis
from scratchcnn.functional.geometry import Windows, interior, padded, padded_shape, taps
from scratchcnn.functional.pooling import checked_shape, checked_size, pooling_windows


@check.ieee
def avg_pool1d(
    x: Floats,
    kernel_size: PerAxis,
    *,
    stride: PerAxis | None = None,
    padding: PerAxis = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Floats:
    """Return the mean of each window.

    Parameters
    ----------
    x : ndarray (N, C, L) or (C, L)
    kernel_size, stride, padding, ceil_mode, count_include_pad
        As in `avg_pool2d`.

    Returns
    -------
    ndarray (N, C, Lout) or (C, Lout)

    Raises
    ------
    TypeError, ValueError
        As `avg_pool2d`.

    Examples
    --------
    >>> avg_pool1d(np.array([[1.0, 3, 2, 0]]), 2)
    array([[2., 1.]])
    """
    options = (kernel_size, stride, padding, ceil_mode, count_include_pad)
    return _avg_pool("avg_pool1d", 1, x, *options, None)


@check.ieee
def avg_pool1d_grad(
    grad_output: Floats,
    *,
    input_shape: tuple[int, ...],
    kernel_size: PerAxis,
    stride: PerAxis | None = None,
    padding: PerAxis = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Floats:
    """Return the gradient of `x`: ``grad_output / count``, added to each element of its window."""
    options = (kernel_size, stride, padding, ceil_mode, count_include_pad)
    return _avg_pool_grad("avg_pool1d_grad", 1, grad_output, input_shape, *options, None)


@check.ieee
def avg_pool2d(
    x: Floats,
    kernel_size: PerAxis,
    *,
    stride: PerAxis | None = None,
    padding: PerAxis = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Floats:
    """Return the mean of each window.

    Parameters
    ----------
    x : ndarray (N, C, H, W) or (C, H, W)
    kernel_size : int or pair
    stride : int or pair, optional
        Steps between windows; `kernel_size` if None.
    padding : int or pair
        Zeros on both sides of H and W, at most half the kernel.
    ceil_mode : bool
        Whether a last window that is cut off counts, if it starts inside the input or its
        left padding. What overhangs the padding is never counted.
    count_include_pad : bool
        Whether the zeros of the padding count in the divisor.
    divisor_override : int, optional
        Divides every sum instead of the count; not 0.

    Returns
    -------
    ndarray (N, C, Hout, Wout)
        ``y[n, c, i, j] = sum(x[n, c, i * sh + a - ph, j * sw + b - pw] for a, b) / count`` with
        zeros outside; without N where `x` has none.

    Raises
    ------
    TypeError
        If `x` is not of float32 or float64, or a parameter is no integer.
    ValueError
        If the rank or a parameter does not fit, or no window fits into the input.

    References
    ----------
    .. [1] Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, "Gradient-Based Learning Applied to
       Document Recognition", Proceedings of the IEEE 86, 1998, for subsampling.

    Examples
    --------
    >>> avg_pool2d(np.arange(8.0).reshape(1, 1, 2, 4), 2)
    array([[[[2.5, 4.5]]]])
    """
    options = (kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)
    return _avg_pool("avg_pool2d", 2, x, *options)


@check.ieee
def avg_pool2d_grad(
    grad_output: Floats,
    *,
    input_shape: tuple[int, ...],
    kernel_size: PerAxis,
    stride: PerAxis | None = None,
    padding: PerAxis = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Floats:
    """Return the gradient of `x`: ``grad_output / count``, added to each element of its window."""
    options = (kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)
    return _avg_pool_grad("avg_pool2d_grad", 2, grad_output, input_shape, *options)


@check.ieee
def avg_pool3d(
    x: Floats,
    kernel_size: PerAxis,
    *,
    stride: PerAxis | None = None,
    padding: PerAxis = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Floats:
    """Return the mean of each window.

    Parameters
    ----------
    x : ndarray (N, C, D, H, W) or (C, D, H, W)
    kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override
        As in `avg_pool2d`.

    Returns
    -------
    ndarray (N, C, Dout, Hout, Wout) or (C, Dout, Hout, Wout)

    Raises
    ------
    TypeError, ValueError
        As `avg_pool2d`.

    Examples
    --------
    >>> avg_pool3d(np.arange(8.0).reshape(1, 2, 2, 2), 2)
    array([[[[3.5]]]])
    """
    options = (kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)
    return _avg_pool("avg_pool3d", 3, x, *options)


@check.ieee
def avg_pool3d_grad(
    grad_output: Floats,
    *,
    input_shape: tuple[int, ...],
    kernel_size: PerAxis,
    stride: PerAxis | None = None,
    padding: PerAxis = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Floats:
    """Return the gradient of `x`: ``grad_output / count``, added to each element of its window."""
    options = (kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)
    return _avg_pool_grad("avg_pool3d_grad", 3, grad_output, input_shape, *options)


def _avg_pool(
    function: str,
    spatial: int,
    x: Floats,
    kernel_size: PerAxis,
    stride: PerAxis | None,
    padding: PerAxis,
    ceil_mode: bool,
    count_include_pad: bool,
    divisor_override: int | None,
) -> Floats:
    """Return the means of windows over the last `spatial` axes."""
    size = checked_size(function, x, spatial)
    windows = pooling_windows(function, size, kernel_size, stride, padding, 1, ceil_mode)
    divisor = _divisor(function, windows, size, count_include_pad, divisor_override)
    total = window_sums(x, windows)
    total /= divisor.astype(x.dtype)
    return total


def _avg_pool_grad(
    function: str,
    spatial: int,
    grad_output: Floats,
    input_shape: tuple[int, ...],
    kernel_size: PerAxis,
    stride: PerAxis | None,
    padding: PerAxis,
    ceil_mode: bool,
    count_include_pad: bool,
    divisor_override: int | None,
) -> Floats:
    """Return the gradient of a pooling of means over the last `spatial` axes."""
    check.floats(function, grad_output=grad_output)
    shape = checked_shape(function, input_shape, spatial)
    size = shape[-spatial:]
    windows = pooling_windows(function, size, kernel_size, stride, padding, 1, ceil_mode)
    check.shape(function, "grad_output", grad_output, shape[:-spatial] + windows.output)
    divisor = _divisor(function, windows, size, count_include_pad, divisor_override)
    return window_sums_grad(grad_output / divisor.astype(grad_output.dtype), windows, shape)


def window_sums(x: Floats, windows: Windows) -> Floats:
    """Return the sum of each window."""
    source = padded(x, windows)
    total = np.zeros(x.shape[: x.ndim - len(windows.kernel)] + windows.output, x.dtype)
    for _, positions in taps(windows):
        total += source[positions]
    return total


def window_sums_grad(grad_output: Floats, windows: Windows, shape: tuple[int, ...]) -> Floats:
    """Return the gradient of `window_sums`: each value, added to every element of its window."""
    total = np.zeros(padded_shape(shape, windows), grad_output.dtype)
    for _, positions in taps(windows):
        total[positions] += grad_output
    size = shape[len(shape) - len(windows.kernel) :]
    return np.ascontiguousarray(total[interior(windows.before, size)])


def window_counts(windows: Windows, size: tuple[int, ...], with_padding: bool) -> NDArray[Any]:
    """Return how many values each window counts; what overhangs the padding is none."""
    counts = []
    for axis, (n, edge) in enumerate(zip(size, windows.before, strict=True)):
        start = np.arange(windows.output[axis]) * windows.stride[axis] - edge
        end = np.minimum(start + windows.kernel[axis], n + edge)
        if not with_padding:
            start, end = np.maximum(start, 0), np.minimum(end, n)
        counts.append(end - start)
    return functools.reduce(np.multiply.outer, counts)


def _divisor(
    function: str,
    windows: Windows,
    size: tuple[int, ...],
    count_include_pad: bool,
    divisor_override: int | None,
) -> NDArray[Any]:
    """Return what divides the sum of each window."""
    check.flag(function, "count_include_pad", count_include_pad)
    if divisor_override is None:
        return window_counts(windows, size, count_include_pad)
    return np.asarray(check_divisor(function, divisor_override))


def check_divisor(function: str, divisor_override: int) -> int:
    """Return the divisor, an integer other than 0, or raise."""
    divisor = check.whole(function, "divisor_override", divisor_override)
    if divisor == 0:
        raise ValueError(f"{function}: divisor_override is 0, expected another integer")
    return divisor
