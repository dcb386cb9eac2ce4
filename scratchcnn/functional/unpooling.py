"""Max-unpooling: values go back to the places that a max-pooling took them from."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from scratchcnn.functional import _checks as check
from scratchcnn.functional._checks import Floats, PerAxis
from scratchcnn.functional.pooling import Indices, check_indices, checked_size


@check.ieee
def max_unpool1d(
    x: Floats,
    indices: Indices,
    kernel_size: PerAxis,
    *,
    stride: PerAxis | None = None,
    padding: PerAxis = 0,
    output_size: Sequence[int] | None = None,
) -> Floats:
    """Return zeros with the values of `x` at `indices`: a partial inverse of max-pooling.

    Parameters
    ----------
    x : ndarray (N, C, L) or (C, L)
    indices : ndarray of int, same shape as `x`
        The places on Lout, as `max_pool1d` returns them.
    kernel_size, stride, padding, output_size
        As in `max_unpool2d`.

    Returns
    -------
    ndarray (N, C, Lout) or (C, Lout)

    Raises
    ------
    TypeError, ValueError
        As `max_unpool2d`.

    Examples
    --------
    >>> max_unpool1d(np.array([[3.0, 2]]), np.array([[1, 2]]), 2)
    array([[0., 3., 2., 0.]])
    """
    options = (kernel_size, stride, padding, output_size)
    return _max_unpool("max_unpool1d", 1, x, indices, *options)


@check.ieee
def max_unpool1d_grad(grad_output: Floats, indices: Indices) -> Floats:
    """Return the gradient of `x`: ``grad_output`` at `indices`."""
    return _max_unpool_grad("max_unpool1d_grad", 1, grad_output, indices)


@check.ieee
def max_unpool2d(
    x: Floats,
    indices: Indices,
    kernel_size: PerAxis,
    *,
    stride: PerAxis | None = None,
    padding: PerAxis = 0,
    output_size: Sequence[int] | None = None,
) -> Floats:
    """Return zeros with the values of `x` at `indices`: a partial inverse of max-pooling.

    Parameters
    ----------
    x : ndarray (N, C, H, W) or (C, H, W)
    indices : ndarray of int, same shape as `x`
        The places ``row * Wout + column`` in the result, as `max_pool2d` returns them.
    kernel_size : int or pair
        Of the max-pooling, as are `stride` and `padding`.
    stride : int or pair, optional
        `kernel_size` if None.
    padding : int or pair
    output_size : sequence of int, optional
        (Hout, Wout), or these after N and C; each differs from the size below by less than the
        stride, which says how many values the pooling left over.

    Returns
    -------
    ndarray (N, C, Hout, Wout)
        ``y[n, c].flat[indices[n, c, i, j]] = x[n, c, i, j]``, without N where `x` has none, with
        ``Hout = (H - 1) * stride - 2 * padding + kernel_size`` if no `output_size` is given.
        Where an index is repeated the last value in row-major order counts; as in PyTorch the
        gradient goes to each of them all the same.

    Raises
    ------
    TypeError
        If `x` is not of float32 or float64, or `indices` or a parameter is no integer.
    ValueError
        If the rank, `output_size` or an index does not fit.

    References
    ----------
    .. [1] M. D. Zeiler, G. W. Taylor and R. Fergus, "Adaptive Deconvolutional Networks for Mid and
       High Level Feature Learning", ICCV 2011.

    Examples
    --------
    >>> max_unpool2d(np.array([[[5.0, 7.0]]]), np.array([[[5, 7]]]), 2)
    array([[[0., 0., 0., 0.],
            [0., 5., 0., 7.]]])
    """
    options = (kernel_size, stride, padding, output_size)
    return _max_unpool("max_unpool2d", 2, x, indices, *options)


@check.ieee
def max_unpool2d_grad(grad_output: Floats, indices: Indices) -> Floats:
    """Return the gradient of `x`: ``grad_output`` at `indices`."""
    return _max_unpool_grad("max_unpool2d_grad", 2, grad_output, indices)


@check.ieee
def max_unpool3d(
    x: Floats,
    indices: Indices,
    kernel_size: PerAxis,
    *,
    stride: PerAxis | None = None,
    padding: PerAxis = 0,
    output_size: Sequence[int] | None = None,
) -> Floats:
    """Return zeros with the values of `x` at `indices`: a partial inverse of max-pooling.

    Parameters
    ----------
    x : ndarray (N, C, D, H, W) or (C, D, H, W)
    indices : ndarray of int, same shape as `x`
        The places ``(depth * Hout + row) * Wout + column``, as `max_pool3d` returns them.
    kernel_size, stride, padding, output_size
        As in `max_unpool2d`.

    Returns
    -------
    ndarray (N, C, Dout, Hout, Wout) or (C, Dout, Hout, Wout)

    Raises
    ------
    TypeError, ValueError
        As `max_unpool2d`.

    Examples
    --------
    >>> max_unpool3d(np.array([[[[7.0]]]]), np.array([[[[3]]]]), (1, 2, 2)).ravel()
    array([0., 0., 0., 7.])
    """
    options = (kernel_size, stride, padding, output_size)
    return _max_unpool("max_unpool3d", 3, x, indices, *options)


@check.ieee
def max_unpool3d_grad(grad_output: Floats, indices: Indices) -> Floats:
    """Return the gradient of `x`: ``grad_output`` at `indices`."""
    return _max_unpool_grad("max_unpool3d_grad", 3, grad_output, indices)


def _max_unpool(
    function: str,
    spatial: int,
    x: Floats,
    indices: Indices,
    kernel_size: PerAxis,
    stride: PerAxis | None,
    padding: PerAxis,
    output_size: Sequence[int] | None,
) -> Floats:
    """Return the values of `x` in planes over the last `spatial` axes."""
    size = checked_size(function, x, spatial)
    check.integers(function, "indices", indices)
    check.shape(function, "indices", indices, x.shape)
    output = _unpooled(function, size, kernel_size, stride, padding, output_size)
    check_indices(function, indices, 0, output)
    lead = x.shape[:-spatial]
    total = np.zeros(lead + output, x.dtype)
    planes = np.arange(0, total.size, math.prod(output)).reshape(*lead, *(1,) * spatial)
    # Of repeated indices NumPy keeps the last, in the order of one axis.
    total.reshape(-1)[(planes + indices.astype(np.int64)).reshape(-1)] = x.reshape(-1)
    return total


def _max_unpool_grad(function: str, spatial: int, grad_output: Floats, indices: Indices) -> Floats:
    """Return the gradient of an unpooling over the last `spatial` axes."""
    size = checked_size(function, grad_output, spatial, "grad_output")
    check.integers(function, "indices", indices)
    lead = grad_output.shape[:-spatial]
    if indices.shape[:-spatial] != lead or indices.ndim != grad_output.ndim:
        raise ValueError(
            f"{function}: indices has shape {indices.shape}, but grad_output has "
            f"{grad_output.shape}; expected the same axes before the last {spatial}"
        )
    check_indices(function, indices, 0, size)
    flat = grad_output.reshape(math.prod(lead), math.prod(size))
    places = indices.reshape(len(flat), math.prod(indices.shape[-spatial:]))
    return np.ascontiguousarray(np.take_along_axis(flat, places, 1)).reshape(indices.shape)


def _unpooled(
    function: str,
    size: tuple[int, ...],
    kernel_size: PerAxis,
    stride: PerAxis | None,
    padding: PerAxis,
    output_size: Sequence[int] | None,
) -> tuple[int, ...]:
    """Return the size of the result along each axis, or raise for one that does not fit."""
    axes = len(size)
    kernel = check.per_axis(function, "kernel_size", kernel_size, axes, 1)
    steps = kernel if stride is None else check.per_axis(function, "stride", stride, axes, 1)
    edges = check.per_axis(function, "padding", padding, axes, 0)
    sizes = zip(size, steps, edges, kernel, strict=True)
    usual = tuple((n - 1) * s - 2 * p + k for n, s, p, k in sizes)
    output = usual
    if output_size is not None:
        given = check.sizes(function, "output_size", output_size)
        output = given[2:] if len(given) == axes + 2 else given
        near = len(output) == axes and all(
            abs(n - m) < s for n, m, s in zip(output, usual, steps, strict=True)
        )
        if not near:
            raise ValueError(
                f"{function}: output_size is {given}, expected {usual}, or with differences "
                f"below the stride {steps}"
            )
    if min(output) < 1:
        raise ValueError(f"{function}: the size of the result is {output}, expected at least 1")
    return output
