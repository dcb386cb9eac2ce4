"""Pooling: one value for each window of each channel.

Both poolings walk over the taps of the kernel, not over the windows, so that each turn is one
array operation on all samples, channels and windows at once.
"""

from __future__ import annotations

import math
from typing import Any, Literal, NamedTuple, overload

import numpy as np
from numpy.typing import NDArray

from scratchcnn.functional import _checks as check
from scratchcnn.functional._checks import Floats, PerAxis
from scratchcnn.functional.geometry import (
    Windows,
    ceil_output_size,
    interior,
    output_size,
    padded,
    padded_shape,
    taps,
)

Indices = NDArray[np.int64]


class MaxPool(NamedTuple):
    """The maxima and where they are."""

    output: Floats
    indices: Indices


@overload
def max_pool2d(
    x: Floats,
    kernel_size: PerAxis,
    *,
    stride: PerAxis | None = None,
    padding: PerAxis = 0,
    dilation: PerAxis = 1,
    ceil_mode: bool = False,
    return_indices: Literal[False] = False,
) -> Floats: ...


@overload
def max_pool2d(
    x: Floats,
    kernel_size: PerAxis,
    *,
    stride: PerAxis | None = None,
    padding: PerAxis = 0,
    dilation: PerAxis = 1,
    ceil_mode: bool = False,
    return_indices: Literal[True],
) -> MaxPool: ...


@check.ieee
def max_pool2d(
    x: Floats,
    kernel_size: PerAxis,
    *,
    stride: PerAxis | None = None,
    padding: PerAxis = 0,
    dilation: PerAxis = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Floats | MaxPool:
    """Return the largest value of each window.

    Parameters
    ----------
    x : ndarray (N, C, H, W)
    kernel_size : int or pair
    stride : int or pair, optional
        Steps between windows; `kernel_size` if None.
    padding : int or pair
        Rows and columns on both sides, at most half the kernel, which never win.
    dilation : int or pair
        Distance between the taps of a window.
    ceil_mode : bool
        Whether a last window that is cut off counts, if it starts inside the input or its
        left padding.
    return_indices : bool
        Whether to return `MaxPool`, the maxima with their indices, each ``row * W + column``.

    Returns
    -------
    ndarray (N, C, Hout, Wout), or MaxPool
        Among equal values the first in row-major order counts; NaN beats every number, and
        the last NaN of a window beats the others. A dilated window that sees nothing but
        padding is -inf, and its index -1.

    Raises
    ------
    TypeError
        If `x` is not of float32 or float64, or a parameter is no integer.
    ValueError
        If the rank or a parameter does not fit, or no window fits into the input.

    Examples
    --------
    >>> x = np.arange(8.0).reshape(1, 1, 2, 4)
    >>> max_pool2d(x, 2)
    array([[[[5., 7.]]]])
    >>> max_pool2d(x, 2, return_indices=True).indices
    array([[[[5, 7]]]])
    """
    windows = _windows("max_pool2d", x, kernel_size, stride, padding, dilation, ceil_mode)
    source = padded(x, windows, -np.inf)
    best = np.full(x.shape[:2] + windows.output, -np.inf, x.dtype)
    for _, positions in taps(windows):
        np.maximum(best, source[positions], out=best)
    if not return_indices:
        return best
    return MaxPool(best, _indices(source, best, windows, x.shape))


@check.ieee
def max_pool2d_grad(
    grad_output: Floats,
    indices: Indices,
    *,
    input_shape: tuple[int, ...],
    kernel_size: PerAxis,
    stride: PerAxis | None = None,
    padding: PerAxis = 0,
    dilation: PerAxis = 1,
    ceil_mode: bool = False,
) -> Floats:
    """Return the gradient of `x`: ``grad_output``, added at the indices of the maxima."""
    name = "max_pool2d_grad"
    check.floats(name, grad_output=grad_output)
    check.integers(name, "indices", indices)
    input_shape = check.sizes(name, "input_shape", input_shape, "(N, C, H, W)")
    windows = _geometry(name, input_shape, kernel_size, stride, padding, dilation, ceil_mode)
    expected = (*input_shape[:2], *windows.output)
    check.shape(name, "grad_output", grad_output, expected)
    check.shape(name, "indices", indices, expected)
    pixels = input_shape[2] * input_shape[3]
    if ((indices < -1) | (indices >= pixels)).any():
        raise ValueError(
            f"{name}: indices has values from {indices.min()} to {indices.max()}, "
            f"expected -1 to {pixels - 1}"
        )
    total = np.zeros(math.prod(input_shape), grad_output.dtype)
    planes = np.arange(0, total.size, pixels).reshape(*input_shape[:2], 1, 1)
    inside = indices >= 0
    np.add.at(total, (planes + indices)[inside], grad_output[inside])
    return total.reshape(input_shape)


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
    x : ndarray (N, C, H, W)
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
        Divides every sum instead of the count.

    Returns
    -------
    ndarray (N, C, Hout, Wout)
        ``y[n, c, i, j] = sum(window) / count(window)``.

    Raises
    ------
    TypeError
        If `x` is not of float32 or float64, or a parameter is no integer.
    ValueError
        If the rank or a parameter does not fit, or no window fits into the input.

    Examples
    --------
    >>> avg_pool2d(np.arange(8.0).reshape(1, 1, 2, 4), 2)
    array([[[[2.5, 4.5]]]])
    """
    windows = _windows("avg_pool2d", x, kernel_size, stride, padding, 1, ceil_mode)
    source = padded(x, windows)
    total = np.zeros(x.shape[:2] + windows.output, x.dtype)
    for _, positions in taps(windows):
        total += source[positions]
    total /= _divisor(
        "avg_pool2d", x, x.shape, windows, padding, count_include_pad, divisor_override
    )
    return total


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
    name = "avg_pool2d_grad"
    check.floats(name, grad_output=grad_output)
    input_shape = check.sizes(name, "input_shape", input_shape, "(N, C, H, W)")
    windows = _geometry(name, input_shape, kernel_size, stride, padding, 1, ceil_mode)
    check.shape(name, "grad_output", grad_output, (*input_shape[:2], *windows.output))
    share = grad_output / _divisor(
        name, grad_output, input_shape, windows, padding, count_include_pad, divisor_override
    )
    total = np.zeros(padded_shape(input_shape, windows), grad_output.dtype)
    for _, positions in taps(windows):
        total[positions] += share
    return np.ascontiguousarray(total[interior(windows.before, input_shape[2:])])


def _divisor(
    function: str,
    like: Floats,
    shape: tuple[int, ...],
    windows: Windows,
    padding: PerAxis,
    count_include_pad: bool,
    divisor_override: int | None,
) -> Any:
    """Return what divides the sum of each window, (Hout, Wout) or a scalar."""
    if divisor_override is not None:
        return like.dtype.type(check.whole(function, "divisor_override", divisor_override, 1))
    counts = []
    edges = check.per_axis(function, "padding", padding, 2, 0)
    for axis, edge in enumerate(edges):
        size = shape[2 + axis]
        start = np.arange(windows.output[axis]) * windows.stride[axis] - edge
        end = np.minimum(start + windows.kernel[axis], size + edge)
        if not count_include_pad:
            start, end = np.maximum(start, 0), np.minimum(end, size)
        counts.append(end - start)
    return np.multiply.outer(counts[0], counts[1]).astype(like.dtype)


def check_padding(function: str, padding: tuple[int, ...], kernel: tuple[int, ...]) -> None:
    """Raise ValueError unless the padding is at most half the kernel, on each axis."""
    if any(edge > k // 2 for edge, k in zip(padding, kernel, strict=True)):
        raise ValueError(
            f"{function}: padding is {padding}, expected at most half of kernel_size {kernel}"
        )


def _indices(source: Floats, best: Floats, windows: Windows, shape: tuple[int, ...]) -> Indices:
    """Return where in its plane each maximum is: the first of equal ones, the last of NaNs."""
    indices = np.full(best.shape, -1)
    each = [(source[positions], _flat(tap, windows, shape)) for tap, positions in taps(windows)]
    for value, flat in reversed(each):
        np.copyto(indices, flat, where=(value == best) & (flat >= 0))
    if np.isnan(best).any():
        for value, flat in each:
            np.copyto(indices, flat, where=np.isnan(value))
    return indices


def _flat(tap: tuple[int, ...], windows: Windows, shape: tuple[int, ...]) -> Indices:
    """Return where in the plane a tap of each window lies (Hout, Wout), -1 for the padding."""
    rows, columns = (
        np.arange(windows.output[axis]) * windows.stride[axis]
        + tap[axis] * windows.dilation[axis]
        - windows.before[axis]
        for axis in (0, 1)
    )
    height, width = shape[2:]
    rows = rows[:, None]
    inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
    return np.where(inside, rows * width + columns, -1)


def _windows(
    function: str,
    x: Floats,
    kernel_size: PerAxis,
    stride: PerAxis | None,
    padding: PerAxis,
    dilation: PerAxis,
    ceil_mode: bool,
) -> Windows:
    check.floats(function, x=x)
    check.rank(function, "x", x, "(N, C, H, W)")
    return _geometry(function, x.shape, kernel_size, stride, padding, dilation, ceil_mode)


def _geometry(
    function: str,
    shape: tuple[int, ...],
    kernel_size: PerAxis,
    stride: PerAxis | None,
    padding: PerAxis,
    dilation: PerAxis,
    ceil_mode: bool,
) -> Windows:
    """Return the geometry of a pooling, or raise for parameters that do not fit."""
    kernel = check.per_axis(function, "kernel_size", kernel_size, 2, 1)
    steps = kernel if stride is None else check.per_axis(function, "stride", stride, 2, 1)
    edges = check.per_axis(function, "padding", padding, 2, 0)
    gaps = check.per_axis(function, "dilation", dilation, 2, 1)
    size = shape[2:]
    reach = tuple((k - 1) * d + 1 for k, d in zip(kernel, gaps, strict=True))
    check_padding(function, edges, kernel)
    if ceil_mode:
        output = tuple(map(ceil_output_size, size, kernel, steps, edges, gaps))
    else:
        both = [2 * edge for edge in edges]
        output = tuple(map(output_size, size, kernel, steps, both, gaps))
    if min(output) < 1 or min(size) < 1:
        raise ValueError(
            f"{function}: a window reaches over {reach}, but the padded input has "
            f"{tuple(n + 2 * e for n, e in zip(size, edges, strict=True))}; "
            "expected a window that is not larger"
        )
    # In ceil mode the last window may overhang the padding; it gets as much as it needs.
    last = zip(size, steps, edges, reach, output, strict=True)
    after = tuple(max(e, (o - 1) * s + r - n - e) for n, s, e, r, o in last)
    return Windows(kernel, steps, edges, after, gaps, output)
