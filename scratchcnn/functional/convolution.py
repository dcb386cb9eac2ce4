"""The convolution of networks: a cross-correlation over channels, with stride, padding, groups.

Written once for any number of spatial axes. All windows of the input become the columns of one
matrix, (C * KH * KW, N * Hout * Wout) for each group; then the forward and both gradients are
one matrix product each.
"""

from __future__ import annotations

from collections.abc import Sequence

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
def conv2d(
    x: Floats,
    weight: Floats,
    bias: Floats | None = None,
    *,
    stride: PerAxis = 1,
    padding: PerAxis | str = 0,
    dilation: PerAxis = 1,
    groups: int = 1,
) -> Floats:
    """Return the 2-d cross-correlation of `x` with every filter of `weight`, plus `bias`.

    Parameters
    ----------
    x : ndarray (N, C, H, W)
    weight : ndarray (O, C / groups, KH, KW)
    bias : ndarray (O,) or (O, Hout, Wout), optional
        One value per filter, or untied: one per filter and output pixel.
    stride : int or pair
        Steps between windows.
    padding : int, pair, "valid" or "same"
        Zeros on both sides of H and W. ``"same"`` keeps H and W, needs stride 1, and gives an
        even kernel its extra zero at the end.
    dilation : int or pair
        Distance between the taps of the kernel.
    groups : int
        Filters ``g * O / groups …`` see only the channels ``g * C / groups …`` of group ``g``.

    Returns
    -------
    ndarray (N, O, Hout, Wout)
        ``y[n, o, i, j] = bias[o] + sum(x[n, c, i * sh + a * dh - ph, j * sw + b * dw - pw]
        * weight[o, c, a, b] for c, a, b)`` with zeros outside, and
        ``Hout = (H + 2 * ph - dh * (KH - 1) - 1) // sh + 1``.

    Raises
    ------
    TypeError
        If an array is not of float32 or float64, the dtypes differ, or a parameter is no integer.
    ValueError
        If ranks, channels, groups or the bias do not fit, or no window fits into the input.

    References
    ----------
    .. [1] V. Dumoulin, F. Visin, "A guide to convolution arithmetic for deep learning", 2016.

    Examples
    --------
    >>> image = np.array([[1.0, 7, 2], [11, 1, 23], [2, 2, 2]])
    >>> filter = np.array([[1.0, 1], [0, 1]])
    >>> conv2d(image[None, None], filter[None, None])[0, 0]
    array([[ 9., 32.],
           [14., 26.]])
    """
    return _forward("conv2d", x, weight, bias, stride, padding, dilation, groups)


@check.ieee
def conv2d_input_grad(
    grad_output: Floats,
    weight: Floats,
    *,
    input_shape: tuple[int, ...],
    stride: PerAxis = 1,
    padding: PerAxis | str = 0,
    dilation: PerAxis = 1,
    groups: int = 1,
) -> Floats:
    """Return the gradient of `x`: every window's ``weight.T @ grad_output``, added in place."""
    name = "conv2d_input_grad"
    check.floats(name, grad_output=grad_output, weight=weight)
    check.rank(name, "weight", weight, "(O, C, KH, KW)")
    shape = check.sizes(name, "input_shape", input_shape, check.AXES[2])
    windows = _windows(name, shape, weight.shape, stride, padding, dilation, groups)
    expected = (shape[0], weight.shape[0], *windows.output)
    check.shape(name, "grad_output", grad_output, expected)
    return _input_grad(grad_output, weight, shape, windows, groups)


@check.ieee
def conv2d_weight_grad(
    grad_output: Floats,
    x: Floats,
    *,
    kernel_size: PerAxis,
    stride: PerAxis = 1,
    padding: PerAxis | str = 0,
    dilation: PerAxis = 1,
    groups: int = 1,
) -> Floats:
    """Return the gradient of `weight`: ``grad_output`` correlated with the windows of `x`."""
    name = "conv2d_weight_grad"
    check.floats(name, grad_output=grad_output, x=x)
    check.rank(name, "grad_output", grad_output, "(N, O, Hout, Wout)")
    check.rank(name, "x", x, "(N, C, H, W)")
    kernel = check.per_axis(name, "kernel_size", kernel_size, 2, 1)
    groups = check.whole(name, "groups", groups, 1)
    shape = (grad_output.shape[1], x.shape[1] // groups, *kernel)
    windows = _windows(name, x.shape, shape, stride, padding, dilation, groups)
    expected = (x.shape[0], shape[0], *windows.output)
    check.shape(name, "grad_output", grad_output, expected)
    return _weight_grad(grad_output, x, shape, windows, groups)


@check.ieee
def conv2d_bias_grad(grad_output: Floats, *, bias_shape: tuple[int, ...] | None = None) -> Floats:
    """Return the gradient of `bias`: the sum over N, H, W, or over N alone for an untied one."""
    name = "conv2d_bias_grad"
    check.floats(name, grad_output=grad_output)
    check.rank(name, "grad_output", grad_output, "(N, O, Hout, Wout)")
    tied, untied = grad_output.shape[1:2], grad_output.shape[1:]
    if bias_shape not in (None, tied, untied):
        raise ValueError(f"{name}: bias_shape is {bias_shape}, expected {tied} or {untied}")
    return _bias_grad(grad_output, bias_shape or tied)


def output_shape(
    function: str,
    shape: tuple[int, ...],
    weight_shape: tuple[int, ...],
    stride: int | Sequence[int],
    padding: int | Sequence[int] | str,
    dilation: int | Sequence[int],
    groups: int,
) -> tuple[int, ...]:
    """Return the shape (N, O, Hout, Wout) that a convolution of these shapes has, or raise."""
    windows = _windows(function, shape, weight_shape, stride, padding, dilation, groups)
    return (shape[0], weight_shape[0], *windows.output)


def _forward(
    function: str,
    x: Floats,
    weight: Floats,
    bias: Floats | None,
    stride: int | Sequence[int],
    padding: int | Sequence[int] | str,
    dilation: int | Sequence[int],
    groups: int,
) -> Floats:
    spatial = 2
    check.floats(function, {"bias": bias}, x=x, weight=weight)
    check.rank(function, "x", x, check.AXES[spatial])
    check.rank(function, "weight", weight, "(O, C, KH, KW)")
    windows = _windows(function, x.shape, weight.shape, stride, padding, dilation, groups)
    shape = (x.shape[0], weight.shape[0], *windows.output)
    if bias is not None and bias.shape not in (shape[1:2], shape[1:]):
        raise ValueError(
            f"{function}: bias has shape {bias.shape}, expected {shape[1:2]}, or {shape[1:]} "
            "with one value per output pixel"
        )
    columns = _columns(x, windows, groups)
    filters = weight.reshape(groups, shape[1] // groups, -1)
    y = np.moveaxis((filters @ columns).reshape(shape[1], shape[0], *windows.output), 0, 1)
    if bias is None:
        return np.ascontiguousarray(y)
    per_pixel = bias.reshape(bias.shape + (1,) * (spatial + 1 - bias.ndim))
    return np.add(y, per_pixel, order="C")


def _input_grad(
    grad_output: Floats,
    weight: Floats,
    shape: tuple[int, ...],
    windows: Windows,
    groups: int,
) -> Floats:
    filters = weight.reshape(groups, weight.shape[0] // groups, -1)
    columns = filters.swapaxes(1, 2) @ _by_filter(grad_output, groups)
    parts = columns.reshape(shape[1], *windows.kernel, shape[0], *windows.output)
    return add_windows(np.moveaxis(parts, len(windows.kernel) + 1, 0), windows, shape)


def _weight_grad(
    grad_output: Floats,
    x: Floats,
    shape: tuple[int, ...],
    windows: Windows,
    groups: int,
) -> Floats:
    columns = _columns(x, windows, groups)
    return (_by_filter(grad_output, groups) @ columns.swapaxes(1, 2)).reshape(shape)


def _bias_grad(grad_output: Floats, shape: tuple[int, ...]) -> Floats:
    axes = (0,) if len(shape) > 1 else (0, *range(2, grad_output.ndim))
    return np.asarray(grad_output.sum(axes))


def _columns(x: Floats, windows: Windows, groups: int) -> Floats:
    """Return the windows of `x` as columns of matrices (G, C / G * KH * KW, N * Hout * Wout)."""
    view = window_view(padded(x, windows), windows)
    taps = len(windows.kernel) + 1
    rows = x.shape[1] // groups * int(np.prod(windows.kernel))
    return np.moveaxis(view, 0, taps).reshape(groups, rows, x.shape[0] * np.prod(windows.output))


def _by_filter(grad_output: Floats, groups: int) -> Floats:
    """Return `grad_output` as the matrices (G, O / G, N * Hout * Wout)."""
    filters = grad_output.shape[1]
    count = grad_output.size // filters if filters else 0
    return np.moveaxis(grad_output, 1, 0).reshape(groups, filters // groups, count)


def _windows(
    function: str,
    shape: tuple[int, ...],
    weight_shape: tuple[int, ...],
    stride: int | Sequence[int],
    padding: int | Sequence[int] | str,
    dilation: int | Sequence[int],
    groups: int,
) -> Windows:
    """Return the geometry of a convolution, or raise for sizes that do not fit each other."""
    size, kernel = shape[2:], weight_shape[2:]
    axes = len(kernel)
    groups = check.whole(function, "groups", groups, 1)
    steps = check.per_axis(function, "stride", stride, axes, 1)
    gaps = check.per_axis(function, "dilation", dilation, axes, 1)
    for name, count in (("x", shape[1]), ("weight", weight_shape[0])):
        if count % groups:
            kind = "channels" if name == "x" else "filters"
            raise ValueError(
                f"{function}: {name} has {count} {kind}, expected a multiple of groups={groups}"
            )
    if weight_shape[1] * groups != shape[1]:
        each = "" if groups == 1 else f" in each of {groups} groups"
        raise ValueError(
            f"{function}: weight has {weight_shape[1]} input channels{each}, but x has {shape[1]}"
        )
    if min(weight_shape) < 1 or shape[1] < 1:
        raise ValueError(f"{function}: weight has shape {weight_shape}, expected no axis of 0")
    before, after = _edges(function, kernel, steps, padding, gaps)
    edges = [first + last for first, last in zip(before, after, strict=True)]
    output = tuple(map(output_size, size, kernel, steps, edges, gaps))
    if min(output) < 1:
        reach = tuple((k - 1) * d + 1 for k, d in zip(kernel, gaps, strict=True))
        raise ValueError(
            f"{function}: the kernel reaches over {reach}, but the padded input has "
            f"{tuple(n + e for n, e in zip(size, edges, strict=True))}; "
            "expected a kernel that is not larger"
        )
    return Windows(kernel, steps, before, after, gaps, output)


def _edges(
    function: str,
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
    padding: int | Sequence[int] | str,
    dilation: tuple[int, ...],
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the zeros before and after each spatial axis."""
    if isinstance(padding, str):
        check.choice(function, "padding", padding, ("valid", "same"))
        if padding == "valid":
            return (0,) * len(kernel), (0,) * len(kernel)
        if max(stride) > 1:
            raise ValueError(f"{function}: stride is {stride}, expected 1 with padding='same'")
        total = [(k - 1) * d for k, d in zip(kernel, dilation, strict=True)]
        return tuple(t // 2 for t in total), tuple(t - t // 2 for t in total)
    both = check.per_axis(function, "padding", padding, len(kernel), 0)
    return both, both
