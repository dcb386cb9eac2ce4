"""Max pooling, and the windows that all poolings share.

A pooling walks over the taps of the kernel, not over the windows, so that each turn is one
array operation on all samples, channels and windows at once.
"""

from __future__ import annotations

import functools
import math
from typing import Any, Literal, NamedTuple, overload

import numpy as np
from numpy.typing import NDArray

from scratchcnn.functional import _checks as check
from scratchcnn.functional._checks import Floats, PerAxis
from scratchcnn.functional.geometry import Windows, ceil_output_size, output_size, padded, taps

Indices = NDArray[np.int64]


class MaxPool(NamedTuple):
    """The maxima and where they are."""

    output: Floats
    indices: Indices


@overload
def max_pool1d(
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
def max_pool1d(
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
def max_pool1d(
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
    x : ndarray (N, C, L) or (C, L)
    kernel_size, stride, padding, dilation, ceil_mode, return_indices
        As in `max_pool2d`.

    Returns
    -------
    ndarray (N, C, Lout) or (C, Lout), or MaxPool
        The maxima, or with `return_indices` also where on L they are.

    Raises
    ------
    TypeError, ValueError
        As `max_pool2d`.

    Examples
    --------
    >>> max_pool1d(np.array([[1.0, 3, 2, 0]]), 2)
    array([[3., 2.]])
    """
    options = (kernel_size, stride, padding, dilation, ceil_mode)
    return _max_pool("max_pool1d", 1, x, *options, return_indices)


@check.ieee
def max_pool1d_grad(
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
    options = (kernel_size, stride, padding, dilation, ceil_mode)
    return _max_pool_grad("max_pool1d_grad", 1, grad_output, indices, input_shape, *options)


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
    x : ndarray (N, C, H, W) or (C, H, W)
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
        ``y[n, c, i, j] = max(x[n, c, i * sh + a * dh - ph, j * sw + b * dw - pw] for a, b)`` over
        the taps ``a < KH, b < KW`` that lie inside, and ``Hout = (H + 2 * ph - dh * (KH - 1) - 1)
        // sh + 1``, or one more by `ceil_mode`. Among equal values the first in row-major order
        counts; NaN beats every number, and the last NaN of a window beats the others. A dilated
        window that sees nothing but padding is -inf, and its index -1. Without N where `x` has
        none.

    Raises
    ------
    TypeError
        If `x` is not of float32 or float64, or a parameter is no integer.
    ValueError
        If the rank or a parameter does not fit, or no window fits into the input.

    References
    ----------
    .. [1] M. Ranzato, F. J. Huang, Y.-L. Boureau and Y. LeCun, "Unsupervised Learning of
       Invariant Feature Hierarchies with Applications to Object Recognition", CVPR 2007.

    Examples
    --------
    >>> x = np.arange(8.0).reshape(1, 1, 2, 4)
    >>> max_pool2d(x, 2)
    array([[[[5., 7.]]]])
    >>> max_pool2d(x, 2, return_indices=True).indices
    array([[[[5, 7]]]])
    """
    options = (kernel_size, stride, padding, dilation, ceil_mode)
    return _max_pool("max_pool2d", 2, x, *options, return_indices)


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
    options = (kernel_size, stride, padding, dilation, ceil_mode)
    return _max_pool_grad("max_pool2d_grad", 2, grad_output, indices, input_shape, *options)


@overload
def max_pool3d(
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
def max_pool3d(
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
def max_pool3d(
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
    x : ndarray (N, C, D, H, W) or (C, D, H, W)
    kernel_size, stride, padding, dilation, ceil_mode, return_indices
        As in `max_pool2d`.

    Returns
    -------
    ndarray (N, C, Dout, Hout, Wout) or (C, Dout, Hout, Wout), or MaxPool
        The maxima, or with `return_indices` also ``(depth * H + row) * W + column`` of each.

    Raises
    ------
    TypeError, ValueError
        As `max_pool2d`.

    Examples
    --------
    >>> max_pool3d(np.arange(8.0).reshape(1, 2, 2, 2), 2)
    array([[[[7.]]]])
    """
    options = (kernel_size, stride, padding, dilation, ceil_mode)
    return _max_pool("max_pool3d", 3, x, *options, return_indices)


@check.ieee
def max_pool3d_grad(
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
    options = (kernel_size, stride, padding, dilation, ceil_mode)
    return _max_pool_grad("max_pool3d_grad", 3, grad_output, indices, input_shape, *options)


def _max_pool(
    function: str,
    spatial: int,
    x: Floats,
    kernel_size: PerAxis,
    stride: PerAxis | None,
    padding: PerAxis,
    dilation: PerAxis,
    ceil_mode: bool,
    return_indices: bool,
) -> Floats | MaxPool:
    """Return the maxima of windows over the last `spatial` axes."""
    size = checked_size(function, x, spatial)
    windows = pooling_windows(function, size, kernel_size, stride, padding, dilation, ceil_mode)
    check.flag(function, "return_indices", return_indices)
    return maxima_with_indices(x, windows) if return_indices else maxima(x, windows)


def maxima(x: Floats, windows: Windows) -> Floats:
    """Return the largest value of each window."""
    source = padded(x, windows, -np.inf)
    best = np.full(x.shape[: x.ndim - len(windows.kernel)] + windows.output, -np.inf, x.dtype)
    for _, positions in taps(windows):
        np.maximum(best, source[positions], out=best)
    return best


def maxima_with_indices(x: Floats, windows: Windows) -> MaxPool:
    """Return the largest value of each window with its index in its plane."""
    size = x.shape[x.ndim - len(windows.kernel) :]
    source = padded(x, windows, -np.inf)
    best = np.full(x.shape[: x.ndim - len(size)] + windows.output, -np.inf, x.dtype)
    winner = np.empty(best.shape, np.min_scalar_type(math.prod(windows.kernel)))
    winner[...] = _first_inside(windows, size)
    for number, (_, positions) in enumerate(taps(windows)):
        value = source[positions]
        # Numbers grow, so that the largest of those that beat all before them is the last.
        np.maximum(winner, np.multiply(value > best, number, dtype=winner.dtype), out=winner)
        np.maximum(best, value, out=best)
    if np.isnan(best).any():
        for number, (_, positions) in enumerate(taps(windows)):
            winner[np.isnan(source[positions])] = number
    return MaxPool(best, _places(winner, windows, size))


def _places(winner: NDArray[Any], windows: Windows, size: tuple[int, ...]) -> Indices:
    """Return where in its plane the winning tap of each window lies, -1 for none."""
    steps = [math.prod(size[axis + 1 :]) for axis in range(len(size))]
    ahead = [np.dot(np.multiply(tap, windows.dilation), steps) for tap, _ in taps(windows)]
    axes = zip(windows.output, windows.stride, windows.before, steps, strict=True)
    starts = [(np.arange(count) * stride - edge) * step for count, stride, edge, step in axes]
    indices = np.take(np.array([*ahead, 0], np.int64), winner)
    indices += functools.reduce(np.add.outer, starts)
    if any(windows.before):
        indices[winner == len(ahead)] = -1
    return indices


def _first_inside(windows: Windows, size: tuple[int, ...]) -> Indices:
    """Return the number of the first tap of each window that lies in the input.

    Where all of them lie in the padding that is the number of taps.
    """
    first = np.full(windows.output, math.prod(windows.kernel))
    for number, (tap, _) in reversed(list(enumerate(taps(windows)))):
        first[_inside(tap, windows, size)] = number
    return first


def _inside(tap: tuple[int, ...], windows: Windows, size: tuple[int, ...]) -> NDArray[np.bool]:
    """Return whether a tap of each window lies in the input, not in the padding."""
    axes = []
    for axis, n in enumerate(size):
        start = tap[axis] * windows.dilation[axis] - windows.before[axis]
        place = np.arange(windows.output[axis]) * windows.stride[axis] + start
        axes.append((place >= 0) & (place < n))
    return functools.reduce(np.logical_and.outer, axes)


def _max_pool_grad(
    function: str,
    spatial: int,
    grad_output: Floats,
    indices: Indices,
    input_shape: tuple[int, ...],
    kernel_size: PerAxis,
    stride: PerAxis | None,
    padding: PerAxis,
    dilation: PerAxis,
    ceil_mode: bool,
) -> Floats:
    """Return the gradient of a pooling of maxima over the last `spatial` axes."""
    check.floats(function, grad_output=grad_output)
    check.integers(function, "indices", indices)
    shape = checked_shape(function, input_shape, spatial)
    size = shape[-spatial:]
    windows = pooling_windows(function, size, kernel_size, stride, padding, dilation, ceil_mode)
    expected = shape[:-spatial] + windows.output
    check.shape(function, "grad_output", grad_output, expected)
    check.shape(function, "indices", indices, expected)
    check_indices(function, indices, -1, size)
    return added_at(grad_output, indices, shape, spatial)


def check_indices(function: str, indices: Indices, least: int, size: tuple[int, ...]) -> None:
    """Raise ValueError unless all `indices` are from `least` to the last of a plane."""
    pixels = math.prod(size)
    if ((indices < least) | (indices >= pixels)).any():
        raise ValueError(
            f"{function}: indices has values from {indices.min()} to {indices.max()}, "
            f"expected {least} to {pixels - 1}"
        )


def added_at(values: Floats, indices: Indices, shape: tuple[int, ...], spatial: int) -> Floats:
    """Return zeros of `shape` with each value added at its index in its plane, if that is no -1."""
    total = np.zeros(shape, values.dtype)
    pixels = math.prod(shape[-spatial:])
    lead = shape[:-spatial]
    planes = np.arange(0, total.size, pixels).reshape(*lead, *(1,) * spatial)
    inside = indices >= 0
    np.add.at(total.reshape(-1), (planes + indices.astype(np.int64))[inside], values[inside])
    return total


def checked_size(function: str, array: Floats, spatial: int, name: str = "x") -> tuple[int, ...]:
    """Return the last `spatial` sizes of an array, which must be (N, C, …) or (C, …)."""
    check.floats(function, **{name: array})
    check.batched(function, name, array, spatial)
    return array.shape[-spatial:]


def checked_shape(function: str, input_shape: tuple[int, ...], spatial: int) -> tuple[int, ...]:
    """Return the shape of an input, which must be (N, C, …) or (C, …), as a tuple of ints."""
    batched = check.batched_sizes(function, "input_shape", input_shape, spatial)
    return batched[len(batched) - len(input_shape) :]


def check_padding(function: str, padding: tuple[int, ...], kernel: tuple[int, ...]) -> None:
    """Raise ValueError unless the padding is at most half the kernel, on each axis."""
    if any(edge > k // 2 for edge, k in zip(padding, kernel, strict=True)):
        raise ValueError(
            f"{function}: padding is {padding}, expected at most half of kernel_size {kernel}"
        )


def pooling_windows(
    function: str,
    size: tuple[int, ...],
    kernel_size: PerAxis,
    stride: PerAxis | None,
    padding: PerAxis,
    dilation: PerAxis,
    ceil_mode: bool,
) -> Windows:
    """Return the geometry of a pooling, or raise for parameters that do not fit."""
    axes = len(size)
    kernel = check.window(function, "kernel_size", kernel_size, axes, 1)
    steps = kernel if stride is None else check.window(function, "stride", stride, axes, 1)
    edges = check.window(function, "padding", padding, axes, 0)
    gaps = check.window(function, "dilation", dilation, axes, 1)
    check.flag(function, "ceil_mode", ceil_mode)
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
