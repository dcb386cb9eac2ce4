"""Windows of images as columns, and their sum back into images: each the adjoint of the other."""

from __future__ import annotations

import math

import numpy as np

from scratchcnn.functional import _checks as check
from scratchcnn.functional._checks import Floats, PerAxis
from scratchcnn.functional.geometry import (
    Windows,
    add_windows,
    output_size,
    padded,
    window_view,
)


@check.ieee
def unfold(
    x: Floats,
    kernel_size: PerAxis,
    *,
    dilation: PerAxis = 1,
    padding: PerAxis = 0,
    stride: PerAxis = 1,
) -> Floats:
    """Return every window of the images as a column ("im2col").

    Parameters
    ----------
    x : ndarray (N, C, H, W) or (C, H, W)
    kernel_size : int or pair
    dilation : int or pair
        Distance between the taps of a window.
    padding : int or pair
        Zeros on both sides of H and W.
    stride : int or pair
        Steps between windows.

    Returns
    -------
    ndarray (N, C * KH * KW, Hout * Wout) or (C * KH * KW, Hout * Wout)
        ``y[n, (c * KH + a) * KW + b, i * Wout + j] =
        x[n, c, i * sh + a * dh - ph, j * sw + b * dw - pw]`` with zeros outside. A matrix
        product with a weight (O, C * KH * KW) is `conv2d`.

    Raises
    ------
    TypeError
        If `x` is not of float32 or float64, or a parameter is no integer.
    ValueError
        If the rank or a parameter does not fit, or no window fits into the input.

    References
    ----------
    .. [1] K. Chellapilla, S. Puri and P. Simard, "High Performance Convolutional Neural
       Networks for Document Processing", IWFHR 2006.

    Examples
    --------
    >>> unfold(np.arange(6.0).reshape(1, 2, 3), 2)
    array([[0., 1.],
           [1., 2.],
           [3., 4.],
           [4., 5.]])
    """
    check.floats("unfold", x=x)
    images = check.batched("unfold", "x", x, 2)
    windows = _windows("unfold", images.shape, kernel_size, dilation, padding, stride)
    columns = _unfolded(images, windows)
    return columns if x is images else columns[0]


@check.ieee
def unfold_grad(
    grad_output: Floats,
    *,
    input_shape: tuple[int, ...],
    kernel_size: PerAxis,
    dilation: PerAxis = 1,
    padding: PerAxis = 0,
    stride: PerAxis = 1,
) -> Floats:
    """Return the gradient of `x`: ``fold(grad_output, input_shape[-2:])``."""
    name = "unfold_grad"
    check.floats(name, grad_output=grad_output)
    shape = check.batched_sizes(name, "input_shape", input_shape, 2)
    windows = _windows(name, shape, kernel_size, dilation, padding, stride)
    batched = len(input_shape) == 4
    expected = _columns_shape(shape, windows)
    check.shape(name, "grad_output", grad_output, expected if batched else expected[1:])
    grad = _folded(grad_output, windows, shape)
    return grad if batched else grad[0]


@check.ieee
def fold(
    x: Floats,
    output_size: PerAxis,
    *,
    kernel_size: PerAxis,
    dilation: PerAxis = 1,
    padding: PerAxis = 0,
    stride: PerAxis = 1,
) -> Floats:
    """Return images of which every window got a column of `x` added ("col2im").

    Parameters
    ----------
    x : ndarray (N, C * KH * KW, Hout * Wout) or (C * KH * KW, Hout * Wout)
        In the order of `unfold`.
    output_size : int or pair
        The H and W of the images, which `unfold` would make these windows of.
    kernel_size, dilation, padding, stride
        As in `unfold`. What falls on the padding is dropped.

    Returns
    -------
    ndarray (N, C, H, W) or (C, H, W)
        ``y[n, c, i * sh + a * dh - ph, j * sw + b * dw - pw] +=
        x[n, (c * KH + a) * KW + b, i * Wout + j]`` for all ``c, a, b, i, j``, from 0 on.
        ``fold(unfold(x))`` counts each pixel as often as windows see it.

    Raises
    ------
    TypeError
        If `x` is not of float32 or float64, or a parameter is no integer.
    ValueError
        If the shape or a parameter does not fit, or no window fits into the images.

    References
    ----------
    .. [1] K. Chellapilla, S. Puri and P. Simard, "High Performance Convolutional Neural
       Networks for Document Processing", IWFHR 2006, for the columns.

    Examples
    --------
    >>> fold(np.ones((1, 4, 2)), (2, 3), kernel_size=2)
    array([[[[1., 2., 1.],
             [1., 2., 1.]]]])
    """
    check.floats("fold", x=x)
    if x.ndim not in (2, 3):
        raise ValueError(
            f"fold: x has {x.ndim} dimensions, shape {x.shape}, "
            "expected (N, C * KH * KW, Hout * Wout), or the same without N"
        )
    n, rows, _ = x.shape if x.ndim == 3 else (1, *x.shape)
    size = check.per_axis("fold", "output_size", output_size, 2, 1)
    taps = math.prod(check.per_axis("fold", "kernel_size", kernel_size, 2, 1))
    if rows % taps or not rows:
        raise ValueError(
            f"fold: x has {rows} rows, expected a multiple of the {taps} elements of a window"
        )
    shape = (n, rows // taps, *size)
    windows = _windows("fold", shape, kernel_size, dilation, padding, stride)
    check.shape("fold", "x", x, _columns_shape(shape, windows)[3 - x.ndim :])
    images = _folded(x, windows, shape)
    return images if x.ndim == 3 else images[0]


@check.ieee
def fold_grad(
    grad_output: Floats,
    *,
    kernel_size: PerAxis,
    dilation: PerAxis = 1,
    padding: PerAxis = 0,
    stride: PerAxis = 1,
) -> Floats:
    """Return the gradient of `x`: ``unfold(grad_output)``."""
    check.floats("fold_grad", grad_output=grad_output)
    images = check.batched("fold_grad", "grad_output", grad_output, 2)
    windows = _windows("fold_grad", images.shape, kernel_size, dilation, padding, stride)
    columns = _unfolded(images, windows)
    return columns if grad_output is images else columns[0]


def _unfolded(images: Floats, windows: Windows) -> Floats:
    view = window_view(padded(images, windows), windows)
    return np.array(view, order="C").reshape(_columns_shape(images.shape, windows))


def _folded(columns: Floats, windows: Windows, shape: tuple[int, ...]) -> Floats:
    return add_windows(
        columns.reshape(*shape[:2], *windows.kernel, *windows.output), windows, shape
    )


def _columns_shape(shape: tuple[int, ...], windows: Windows) -> tuple[int, ...]:
    """Return the shape (N, C * KH * KW, Hout * Wout) of the windows of images."""
    return (shape[0], shape[1] * math.prod(windows.kernel), math.prod(windows.output))


def _windows(
    function: str,
    shape: tuple[int, ...],
    kernel_size: PerAxis,
    dilation: PerAxis,
    padding: PerAxis,
    stride: PerAxis,
) -> Windows:
    """Return the geometry of the windows, or raise for parameters that do not fit."""
    kernel = check.per_axis(function, "kernel_size", kernel_size, 2, 1)
    gaps = check.per_axis(function, "dilation", dilation, 2, 1)
    edges = check.per_axis(function, "padding", padding, 2, 0)
    steps = check.per_axis(function, "stride", stride, 2, 1)
    both = [2 * edge for edge in edges]
    output = tuple(map(output_size, shape[2:], kernel, steps, both, gaps))
    if min(output) < 1 or min(shape[1:]) < 1:
        raise ValueError(
            f"{function}: a window of {kernel}, dilated by {gaps}, does not fit into "
            f"{shape[1:]} with padding {edges}; expected one that does"
        )
    return Windows(kernel, steps, edges, edges, gaps, output)
