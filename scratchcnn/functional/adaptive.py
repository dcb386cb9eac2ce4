"""Adaptive pooling: the size of the output is given, and the windows follow from it.

Along an axis of n values, output i of m sees those from ``floor(i * n / m)`` up to, and without,
``ceil((i + 1) * n / m)``. Windows are of nearly equal length; they overlap where m does not
divide n. Both poolings work along one axis after the other.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Literal, NamedTuple, TypeAlias, overload

import numpy as np

from scratchcnn.functional import _checks as check
from scratchcnn.functional._checks import Floats
from scratchcnn.functional.pooling import (
    Indices,
    MaxPool,
    added_at,
    check_indices,
    checked_shape,
    checked_size,
)

# One size for all axes, or one for each; None keeps the size of the input.
OutputSize: TypeAlias = int | Sequence[int | None]


@check.ieee
def adaptive_avg_pool1d(x: Floats, output_size: OutputSize) -> Floats:
    """Return the means of as many windows as are wanted.

    Parameters
    ----------
    x : ndarray (N, C, L) or (C, L)
    output_size : int, or a sequence of one
        As in `adaptive_avg_pool2d`.

    Returns
    -------
    ndarray (N, C, Lout) or (C, Lout)

    Raises
    ------
    TypeError, ValueError
        As `adaptive_avg_pool2d`.

    Examples
    --------
    >>> adaptive_avg_pool1d(np.array([[1.0, 3, 5, 7, 9]]), 2)
    array([[3., 7.]])
    """
    return _adaptive_avg_pool("adaptive_avg_pool1d", 1, x, output_size)


@check.ieee
def adaptive_avg_pool1d_grad(
    grad_output: Floats, *, input_shape: tuple[int, ...], output_size: OutputSize
) -> Floats:
    """Return the gradient of `x`: ``grad_output / count``, added to each element of its window."""
    return _adaptive_avg_pool_grad(
        "adaptive_avg_pool1d_grad", 1, grad_output, input_shape, output_size
    )


@check.ieee
def adaptive_avg_pool2d(x: Floats, output_size: OutputSize) -> Floats:
    """Return the means of as many windows as are wanted.

    With an `output_size` of 1 this is global average pooling: the mean of each channel.

    Parameters
    ----------
    x : ndarray (N, C, H, W) or (C, H, W)
    output_size : int or pair
        Hout and Wout; None in a pair keeps the size of the input.

    Returns
    -------
    ndarray (N, C, Hout, Wout)
        ``y[n, c, i, j] = mean(x[n, c, a, b] for a, b)`` over the rows a from
        ``floor(i * H / Hout)`` up to, and without, ``ceil((i + 1) * H / Hout)``, and over columns
        likewise; without N where `x` has none.

    Raises
    ------
    TypeError
        If `x` is not of float32 or float64, or a size is no integer.
    ValueError
        If the rank does not fit, `x` has no row or column, or a size is negative.

    References
    ----------
    .. [1] M. Lin, Q. Chen and S. Yan, "Network In Network", ICLR 2014 (global average pooling).

    Examples
    --------
    >>> x = np.arange(15.0).reshape(1, 3, 5)
    >>> adaptive_avg_pool2d(x, (None, 2))
    array([[[ 1.,  3.],
            [ 6.,  8.],
            [11., 13.]]])
    >>> adaptive_avg_pool2d(x, 1)
    array([[[7.]]])
    """
    return _adaptive_avg_pool("adaptive_avg_pool2d", 2, x, output_size)


@check.ieee
def adaptive_avg_pool2d_grad(
    grad_output: Floats, *, input_shape: tuple[int, ...], output_size: OutputSize
) -> Floats:
    """Return the gradient of `x`: ``grad_output / count``, added to each element of its window."""
    return _adaptive_avg_pool_grad(
        "adaptive_avg_pool2d_grad", 2, grad_output, input_shape, output_size
    )


@check.ieee
def adaptive_avg_pool3d(x: Floats, output_size: OutputSize) -> Floats:
    """Return the means of as many windows as are wanted.

    Parameters
    ----------
    x : ndarray (N, C, D, H, W) or (C, D, H, W)
    output_size : int or triple
        As in `adaptive_avg_pool2d`.

    Returns
    -------
    ndarray (N, C, Dout, Hout, Wout) or (C, Dout, Hout, Wout)

    Raises
    ------
    TypeError, ValueError
        As `adaptive_avg_pool2d`.

    Examples
    --------
    >>> adaptive_avg_pool3d(np.arange(8.0).reshape(1, 2, 2, 2), (None, 1, 1)).ravel()
    array([1.5, 5.5])
    """
    return _adaptive_avg_pool("adaptive_avg_pool3d", 3, x, output_size)


@check.ieee
def adaptive_avg_pool3d_grad(
    grad_output: Floats, *, input_shape: tuple[int, ...], output_size: OutputSize
) -> Floats:
    """Return the gradient of `x`: ``grad_output / count``, added to each element of its window."""
    return _adaptive_avg_pool_grad(
        "adaptive_avg_pool3d_grad", 3, grad_output, input_shape, output_size
    )


@overload
def adaptive_max_pool1d(
    x: Floats, output_size: OutputSize, *, return_indices: Literal[False] = False
) -> Floats: ...


@overload
def adaptive_max_pool1d(
    x: Floats, output_size: OutputSize, *, return_indices: Literal[True]
) -> MaxPool: ...


@check.ieee
def adaptive_max_pool1d(
    x: Floats, output_size: OutputSize, *, return_indices: bool = False
) -> Floats | MaxPool:
    """Return the largest values of as many windows as are wanted.

    Parameters
    ----------
    x : ndarray (N, C, L) or (C, L)
    output_size, return_indices
        As in `adaptive_max_pool2d`.

    Returns
    -------
    ndarray (N, C, Lout) or (C, Lout), or MaxPool
        The maxima, or with `return_indices` also where on L they are.

    Raises
    ------
    TypeError, ValueError
        As `adaptive_max_pool2d`.

    Examples
    --------
    >>> adaptive_max_pool1d(np.array([[1.0, 3, 5, 2, 4]]), 2)
    array([[5., 5.]])
    """
    return _adaptive_max_pool("adaptive_max_pool1d", 1, x, output_size, return_indices)


@check.ieee
def adaptive_max_pool1d_grad(
    grad_output: Floats,
    indices: Indices,
    *,
    input_shape: tuple[int, ...],
    output_size: OutputSize,
) -> Floats:
    """Return the gradient of `x`: ``grad_output``, added at the indices of the maxima."""
    return _adaptive_max_pool_grad(
        "adaptive_max_pool1d_grad", 1, grad_output, indices, input_shape, output_size
    )


@overload
def adaptive_max_pool2d(
    x: Floats, output_size: OutputSize, *, return_indices: Literal[False] = False
) -> Floats: ...


@overload
def adaptive_max_pool2d(
    x: Floats, output_size: OutputSize, *, return_indices: Literal[True]
) -> MaxPool: ...


@check.ieee
def adaptive_max_pool2d(
    x: Floats, output_size: OutputSize, *, return_indices: bool = False
) -> Floats | MaxPool:
    """Return the largest values of as many windows as are wanted.

    Parameters
    ----------
    x : ndarray (N, C, H, W) or (C, H, W)
    output_size : int or pair
        Hout and Wout; None in a pair keeps the size of the input.
    return_indices : bool
        Whether to return `MaxPool`, the maxima with their indices, each ``row * W + column``.

    Returns
    -------
    ndarray (N, C, Hout, Wout), or MaxPool
        ``y[n, c, i, j] = max(x[n, c, a, b] for a, b)`` over the rows a and the columns b of the
        windows of `adaptive_avg_pool2d`. As in `max_pool2d`, among equal values the first in
        row-major order counts; NaN beats every number, and the last NaN of a window the others.
        Without N where `x` has none.

    Raises
    ------
    TypeError
        If `x` is not of float32 or float64, or a size is no integer.
    ValueError
        If the rank does not fit, `x` has no row or column, or a size is negative.

    References
    ----------
    .. [1] K. He, X. Zhang, S. Ren and J. Sun, "Spatial Pyramid Pooling in Deep Convolutional
       Networks for Visual Recognition", ECCV 2014.

    Examples
    --------
    >>> x = np.arange(15.0).reshape(1, 3, 5)
    >>> adaptive_max_pool2d(x, (1, 2))
    array([[[12., 14.]]])
    >>> adaptive_max_pool2d(-x, (1, 2), return_indices=True).indices
    array([[[0, 2]]])
    """
    return _adaptive_max_pool("adaptive_max_pool2d", 2, x, output_size, return_indices)


@check.ieee
def adaptive_max_pool2d_grad(
    grad_output: Floats,
    indices: Indices,
    *,
    input_shape: tuple[int, ...],
    output_size: OutputSize,
) -> Floats:
    """Return the gradient of `x`: ``grad_output``, added at the indices of the maxima."""
    return _adaptive_max_pool_grad(
        "adaptive_max_pool2d_grad", 2, grad_output, indices, input_shape, output_size
    )


@overload
def adaptive_max_pool3d(
    x: Floats, output_size: OutputSize, *, return_indices: Literal[False] = False
) -> Floats: ...


@overload
def adaptive_max_pool3d(
    x: Floats, output_size: OutputSize, *, return_indices: Literal[True]
) -> MaxPool: ...


@check.ieee
def adaptive_max_pool3d(
    x: Floats, output_size: OutputSize, *, return_indices: bool = False
) -> Floats | MaxPool:
    """Return the largest values of as many windows as are wanted.

    Parameters
    ----------
    x : ndarray (N, C, D, H, W) or (C, D, H, W)
    output_size, return_indices
        As in `adaptive_max_pool2d`.

    Returns
    -------
    ndarray (N, C, Dout, Hout, Wout) or (C, Dout, Hout, Wout), or MaxPool
        The maxima, or with `return_indices` also ``(depth * H + row) * W + column`` of each.

    Raises
    ------
    TypeError, ValueError
        As `adaptive_max_pool2d`.

    Examples
    --------
    >>> adaptive_max_pool3d(np.arange(8.0).reshape(1, 2, 2, 2), (1, 2, 1)).ravel()
    array([5., 7.])
    """
    return _adaptive_max_pool("adaptive_max_pool3d", 3, x, output_size, return_indices)


@check.ieee
def adaptive_max_pool3d_grad(
    grad_output: Floats,
    indices: Indices,
    *,
    input_shape: tuple[int, ...],
    output_size: OutputSize,
) -> Floats:
    """Return the gradient of `x`: ``grad_output``, added at the indices of the maxima."""
    return _adaptive_max_pool_grad(
        "adaptive_max_pool3d_grad", 3, grad_output, indices, input_shape, output_size
    )


def _adaptive_avg_pool(function: str, spatial: int, x: Floats, output_size: OutputSize) -> Floats:
    """Return means over the last `spatial` axes."""
    size = checked_size(function, x, spatial)
    output = _output(function, output_size, size)
    return np.ascontiguousarray(_reduced(np.add, x, output) / _counts(size, output, x))


def _adaptive_avg_pool_grad(
    function: str,
    spatial: int,
    grad_output: Floats,
    input_shape: tuple[int, ...],
    output_size: OutputSize,
) -> Floats:
    """Return the gradient of a pooling of means over the last `spatial` axes."""
    size, output = _backward(function, spatial, grad_output, input_shape, output_size)
    share = grad_output / _counts(size, output, grad_output)
    # Position j is seen by the windows from floor(j * m / n) to ceil((j + 1) * m / n): the
    # adjoint of summing n values to m is summing m values to n.
    return np.ascontiguousarray(_reduced(np.add, share, size))


def _adaptive_max_pool(
    function: str, spatial: int, x: Floats, output_size: OutputSize, return_indices: bool
) -> Floats | MaxPool:
    """Return maxima over the last `spatial` axes."""
    size = checked_size(function, x, spatial)
    output = _output(function, output_size, size)
    check.flag(function, "return_indices", return_indices)
    if return_indices:
        return _maxima_with_indices(x, output)
    return np.ascontiguousarray(_reduced(np.maximum, x, output))


def _adaptive_max_pool_grad(
    function: str,
    spatial: int,
    grad_output: Floats,
    indices: Indices,
    input_shape: tuple[int, ...],
    output_size: OutputSize,
) -> Floats:
    """Return the gradient of a pooling of maxima over the last `spatial` axes."""
    check.integers(function, "indices", indices)
    size, _ = _backward(function, spatial, grad_output, input_shape, output_size)
    check.shape(function, "indices", indices, grad_output.shape)
    check_indices(function, indices, 0, size)
    return added_at(grad_output, indices, tuple(input_shape), spatial)


class Parts(NamedTuple):
    """The windows of one axis, one after the other: window i has `counts[i]` positions."""

    positions: Indices
    starts: Indices
    counts: Indices


def _parts(n: int, m: int) -> Parts:
    """Return the windows that reduce an axis of n values to m."""
    number = np.arange(m)
    first = number * n // m
    counts = -((number + 1) * n // -m) - first
    starts = np.cumsum(counts) - counts
    return Parts(np.repeat(first - starts, counts) + np.arange(counts.sum()), starts, counts)


def _reduced(function: np.ufunc, x: Floats, output: tuple[int, ...]) -> Floats:
    """Return a function of each window; the last axes of the result are `output`."""
    lead = x.ndim - len(output)
    if not x.size or 0 in output:
        return np.zeros((*x.shape[:lead], *output), x.dtype)
    size = x.shape[lead:]
    axes = list(zip(size, output, strict=True))
    if all(n % m == 0 for n, m in axes):
        # Windows that tile the input are axes of a view, and reduced in one pass.
        tiles = [length for n, m in axes for length in (m, n // m)]
        within = tuple(range(lead + 1, lead + len(tiles), 2))
        return np.asarray(function.reduce(x.reshape(*x.shape[:lead], *tiles), within))
    if all(m % n == 0 for n, m in axes):
        # Each window has a single value, which is repeated.
        single = [length for n, _ in axes for length in (n, 1)]
        tiles = [length for n, m in axes for length in (n, m // n)]
        view = np.broadcast_to(x.reshape(*x.shape[:lead], *single), (*x.shape[:lead], *tiles))
        return view.reshape(*x.shape[:lead], *output)
    for axis, m in enumerate(output, lead):
        parts = _parts(x.shape[axis], m)
        x = function.reduceat(x.take(parts.positions, axis), parts.starts, axis)
    return x


def _maxima_with_indices(x: Floats, output: tuple[int, ...]) -> MaxPool:
    """Return the largest value of each window with its index in its plane."""
    if 0 in output:
        shape = (*x.shape[: x.ndim - len(output)], *output)
        return MaxPool(np.zeros(shape, x.dtype), np.zeros(shape, np.int64))
    best, indices, step = x, np.zeros(x.shape, np.int64), 1
    # From the last axis to the first, so that among equal rows the first is chosen.
    for axis in range(x.ndim - 1, x.ndim - 1 - len(output), -1):
        size = x.shape[axis]
        parts = _parts(size, output[axis - x.ndim])
        values = best.take(parts.positions, axis)
        place = np.arange(len(parts.positions)).reshape(-1, *(1,) * (x.ndim - 1 - axis))
        best = np.maximum.reduceat(values, parts.starts, axis)
        missing = np.isnan(values)
        last = np.maximum.reduceat(np.where(missing, place, -1), parts.starts, axis)
        equal = values == np.repeat(best, parts.counts, axis)
        first = np.minimum.reduceat(np.where(equal, place, place.size), parts.starts, axis)
        chosen = np.where(last < 0, first, last)
        inner = np.take_along_axis(indices.take(parts.positions, axis), chosen, axis)
        indices = parts.positions[chosen] * step + inner
        step *= size
    return MaxPool(np.ascontiguousarray(best), np.ascontiguousarray(indices))


def _counts(size: tuple[int, ...], output: tuple[int, ...], like: Floats) -> Floats:
    """Return how many values each window has."""
    counts = [_parts(n, m).counts for n, m in zip(size, output, strict=True)]
    return functools.reduce(np.multiply.outer, counts).astype(like.dtype)


def _output(function: str, output_size: OutputSize, size: tuple[int, ...]) -> tuple[int, ...]:
    """Return the size of the output along each axis, or raise for one that does not fit."""
    if min(size) < 1:
        raise ValueError(f"{function}: x has the size {size}, expected at least 1 on each axis")
    return adaptive_sizes(function, output_size, size)


def adaptive_sizes(
    function: str, output_size: OutputSize, size: tuple[int, ...]
) -> tuple[int, ...]:
    """Return one size of at least 1 for each axis; None is the size of the input."""
    if check.several(output_size):
        kept = zip(output_size, size, strict=False)
        output_size = [n if m is None else m for m, n in kept] + list(output_size[len(size) :])
    return check.per_axis(function, "output_size", output_size, len(size), 0)


def _backward(
    function: str,
    spatial: int,
    grad_output: Floats,
    input_shape: tuple[int, ...],
    output_size: OutputSize,
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the sizes of the input and of the output of a gradient, whose shape fits."""
    check.floats(function, grad_output=grad_output)
    shape = checked_shape(function, input_shape, spatial)
    size = shape[-spatial:]
    output = _output(function, output_size, size)
    check.shape(function, "grad_output", grad_output, shape[:-spatial] + output)
    return size, output
