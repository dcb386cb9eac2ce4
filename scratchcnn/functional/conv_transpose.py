"""Transposed convolutions: each is the input gradient of a convolution with the same weight.

So its own input gradient is that convolution, and its weight gradient is that of the convolution
with the two images exchanged: what goes into the one comes out of the other.
"""

from __future__ import annotations

import numpy as np

from scratchcnn.functional import _checks as check
from scratchcnn.functional import _convolution as products
from scratchcnn.functional._checks import Floats, PerAxis
from scratchcnn.functional.geometry import Windows

_FILTER_AXES = {1: "(C, O, K)", 2: "(C, O, KH, KW)", 3: "(C, O, KD, KH, KW)"}


@check.ieee
def conv_transpose1d(
    x: Floats,
    weight: Floats,
    bias: Floats | None = None,
    *,
    stride: PerAxis = 1,
    padding: PerAxis = 0,
    output_padding: PerAxis = 0,
    groups: int = 1,
    dilation: PerAxis = 1,
) -> Floats:
    """Return `weight`, scaled by each element of `x` and added where that stands, plus `bias`.

    Parameters
    ----------
    x : ndarray (N, C, L) or (C, L)
    weight : ndarray (C, O / groups, K)
    bias : ndarray (O,), optional
    stride, padding, output_padding, groups, dilation
        As in `conv_transpose2d`.

    Returns
    -------
    ndarray (N, O, Lout) or (O, Lout)

    Raises
    ------
    TypeError, ValueError
        As `conv_transpose2d`.

    Examples
    --------
    >>> conv_transpose1d(np.array([[1.0, 10]]), np.array([[[1.0, 2, 3]]]), stride=2)
    array([[ 1.,  2., 13., 20., 30.]])
    """
    return _forward(
        "conv_transpose1d", 1, x, weight, bias, stride, padding, output_padding, groups, dilation
    )


@check.ieee
def conv_transpose1d_input_grad(
    grad_output: Floats,
    weight: Floats,
    *,
    input_shape: tuple[int, ...],
    stride: PerAxis = 1,
    padding: PerAxis = 0,
    output_padding: PerAxis = 0,
    groups: int = 1,
    dilation: PerAxis = 1,
) -> Floats:
    """Return the gradient of `x`: the convolution of `grad_output` with `weight`."""
    name, more = "conv_transpose1d_input_grad", (stride, padding, output_padding, groups, dilation)
    return _input_grad(name, 1, grad_output, weight, input_shape, *more)


@check.ieee
def conv_transpose1d_weight_grad(
    grad_output: Floats,
    x: Floats,
    *,
    kernel_size: PerAxis,
    stride: PerAxis = 1,
    padding: PerAxis = 0,
    output_padding: PerAxis = 0,
    groups: int = 1,
    dilation: PerAxis = 1,
) -> Floats:
    """Return the gradient of `weight`: `x` correlated with the windows of `grad_output`."""
    name, more = "conv_transpose1d_weight_grad", (stride, padding, output_padding, groups, dilation)
    return _weight_grad(name, 1, grad_output, x, kernel_size, *more)


@check.ieee
def conv_transpose1d_bias_grad(grad_output: Floats) -> Floats:
    """Return the gradient of `bias`: the sum over N and L."""
    return products.bias_grad("conv_transpose1d_bias_grad", 1, grad_output, None)


@check.ieee
def conv_transpose2d(
    x: Floats,
    weight: Floats,
    bias: Floats | None = None,
    *,
    stride: PerAxis = 1,
    padding: PerAxis = 0,
    output_padding: PerAxis = 0,
    groups: int = 1,
    dilation: PerAxis = 1,
) -> Floats:
    """Return `weight`, scaled by each element of `x` and added where that stands, plus `bias`.

    Parameters
    ----------
    x : ndarray (N, C, H, W) or (C, H, W)
    weight : ndarray (C, O / groups, KH, KW)
        The channels of `x` come first, as in the convolution that this is the transposed of.
    bias : ndarray (O,), optional
    stride : int or pair
        Steps between the places of neighbouring elements of `x`.
    padding : int or pair
        How much is cut off the result on both sides of H and W.
    output_padding : int or pair
        How much is added to the result, at the end of H and W only: less than the stride or the
        dilation. It tells apart the sizes that a convolution with a stride makes equal.
    groups : int
        Channels ``g * C / groups …`` reach only the filters ``g * O / groups …`` of group ``g``.
    dilation : int or pair
        Distance between the taps of the kernel.

    Returns
    -------
    ndarray (N, O, Hout, Wout) or (O, Hout, Wout)
        ``y[n, o, i * sh + a * dh - ph, j * sw + b * dw - pw] += x[n, c, i, j]
        * weight[c, o, a, b]`` for all ``c, i, j, a, b``, from ``bias[o]`` on, and
        ``Hout = (H - 1) * sh - 2 * ph + dh * (KH - 1) + 1`` plus the output padding.

    Raises
    ------
    TypeError
        If an array is not of float32 or float64, the dtypes differ, or a parameter is no integer.
    ValueError
        If ranks, channels, groups, the bias or the output padding do not fit, or the padding
        leaves nothing of the result.

    References
    ----------
    .. [1] V. Dumoulin, F. Visin, "A guide to convolution arithmetic for deep learning", 2016.

    Examples
    --------
    >>> x, weight = np.array([[1.0, 10]]), np.array([[1.0, 2, 3], [4, 5, 6]])
    >>> conv_transpose2d(x[None, None], weight[None, None], stride=2)[0, 0]
    array([[ 1.,  2., 13., 20., 30.],
           [ 4.,  5., 46., 50., 60.]])
    """
    return _forward(
        "conv_transpose2d", 2, x, weight, bias, stride, padding, output_padding, groups, dilation
    )


@check.ieee
def conv_transpose2d_input_grad(
    grad_output: Floats,
    weight: Floats,
    *,
    input_shape: tuple[int, ...],
    stride: PerAxis = 1,
    padding: PerAxis = 0,
    output_padding: PerAxis = 0,
    groups: int = 1,
    dilation: PerAxis = 1,
) -> Floats:
    """Return the gradient of `x`: the convolution of `grad_output` with `weight`."""
    name, more = "conv_transpose2d_input_grad", (stride, padding, output_padding, groups, dilation)
    return _input_grad(name, 2, grad_output, weight, input_shape, *more)


@check.ieee
def conv_transpose2d_weight_grad(
    grad_output: Floats,
    x: Floats,
    *,
    kernel_size: PerAxis,
    stride: PerAxis = 1,
    padding: PerAxis = 0,
    output_padding: PerAxis = 0,
    groups: int = 1,
    dilation: PerAxis = 1,
) -> Floats:
    """Return the gradient of `weight`: `x` correlated with the windows of `grad_output`."""
    name, more = "conv_transpose2d_weight_grad", (stride, padding, output_padding, groups, dilation)
    return _weight_grad(name, 2, grad_output, x, kernel_size, *more)


@check.ieee
def conv_transpose2d_bias_grad(grad_output: Floats) -> Floats:
    """Return the gradient of `bias`: the sum over N, H and W."""
    return products.bias_grad("conv_transpose2d_bias_grad", 2, grad_output, None)


@check.ieee
def conv_transpose3d(
    x: Floats,
    weight: Floats,
    bias: Floats | None = None,
    *,
    stride: PerAxis = 1,
    padding: PerAxis = 0,
    output_padding: PerAxis = 0,
    groups: int = 1,
    dilation: PerAxis = 1,
) -> Floats:
    """Return `weight`, scaled by each element of `x` and added where that stands, plus `bias`.

    Parameters
    ----------
    x : ndarray (N, C, D, H, W) or (C, D, H, W)
    weight : ndarray (C, O / groups, KD, KH, KW)
    bias : ndarray (O,), optional
    stride, padding, output_padding, groups, dilation
        As in `conv_transpose2d`.

    Returns
    -------
    ndarray (N, O, Dout, Hout, Wout) or (O, Dout, Hout, Wout)

    Raises
    ------
    TypeError, ValueError
        As `conv_transpose2d`.

    Examples
    --------
    >>> x, weight = np.array([1.0, 10]), np.array([[1.0, 2], [3, 4]])
    >>> conv_transpose3d(x.reshape(1, 2, 1, 1), weight.reshape(1, 1, 2, 1, 2))[0, :, 0]
    array([[ 1.,  2.],
           [13., 24.],
           [30., 40.]])
    """
    return _forward(
        "conv_transpose3d", 3, x, weight, bias, stride, padding, output_padding, groups, dilation
    )


@check.ieee
def conv_transpose3d_input_grad(
    grad_output: Floats,
    weight: Floats,
    *,
    input_shape: tuple[int, ...],
    stride: PerAxis = 1,
    padding: PerAxis = 0,
    output_padding: PerAxis = 0,
    groups: int = 1,
    dilation: PerAxis = 1,
) -> Floats:
    """Return the gradient of `x`: the convolution of `grad_output` with `weight`."""
    name, more = "conv_transpose3d_input_grad", (stride, padding, output_padding, groups, dilation)
    return _input_grad(name, 3, grad_output, weight, input_shape, *more)


@check.ieee
def conv_transpose3d_weight_grad(
    grad_output: Floats,
    x: Floats,
    *,
    kernel_size: PerAxis,
    stride: PerAxis = 1,
    padding: PerAxis = 0,
    output_padding: PerAxis = 0,
    groups: int = 1,
    dilation: PerAxis = 1,
) -> Floats:
    """Return the gradient of `weight`: `x` correlated with the windows of `grad_output`."""
    name, more = "conv_transpose3d_weight_grad", (stride, padding, output_padding, groups, dilation)
    return _weight_grad(name, 3, grad_output, x, kernel_size, *more)


@check.ieee
def conv_transpose3d_bias_grad(grad_output: Floats) -> Floats:
    """Return the gradient of `bias`: the sum over N, D, H and W."""
    return products.bias_grad("conv_transpose3d_bias_grad", 3, grad_output, None)


def _forward(
    function: str,
    spatial: int,
    x: Floats,
    weight: Floats,
    bias: Floats | None,
    stride: PerAxis,
    padding: PerAxis,
    output_padding: PerAxis,
    groups: int,
    dilation: PerAxis,
) -> Floats:
    check.floats(function, {"bias": bias}, x=x, weight=weight)
    images = check.batched(function, "x", x, spatial)
    check.rank(function, "weight", weight, _FILTER_AXES[spatial])
    windows, shape = transposed_geometry(
        function, images.shape, weight.shape, stride, padding, output_padding, groups, dilation
    )
    if bias is not None:
        check.shape(function, "bias", bias, shape[1:2])
    # A transposed convolution is the input gradient of a convolution.
    y = products.correlated_input_grad(images, weight, windows, groups, shape)
    if bias is not None:
        y += np.expand_dims(bias, tuple(range(1, spatial + 1)))
    return y if x is images else y[0]


def _input_grad(
    function: str,
    spatial: int,
    grad_output: Floats,
    weight: Floats,
    input_shape: tuple[int, ...],
    stride: PerAxis,
    padding: PerAxis,
    output_padding: PerAxis,
    groups: int,
    dilation: PerAxis,
) -> Floats:
    check.floats(function, grad_output=grad_output, weight=weight)
    check.rank(function, "weight", weight, _FILTER_AXES[spatial])
    shape = check.batched_sizes(function, "input_shape", input_shape, spatial)
    windows, expected = transposed_geometry(
        function, shape, weight.shape, stride, padding, output_padding, groups, dilation
    )
    batched = len(input_shape) == len(shape)
    check.shape(function, "grad_output", grad_output, expected if batched else expected[1:])
    grads = grad_output.reshape(expected)
    grad = products.correlated(grads, weight, windows, groups)
    return grad if batched else grad[0]


def _weight_grad(
    function: str,
    spatial: int,
    grad_output: Floats,
    x: Floats,
    kernel_size: PerAxis,
    stride: PerAxis,
    padding: PerAxis,
    output_padding: PerAxis,
    groups: int,
    dilation: PerAxis,
) -> Floats:
    check.floats(function, grad_output=grad_output, x=x)
    grads = check.batched(function, "grad_output", grad_output, spatial)
    images = check.batched(function, "x", x, spatial)
    kernel = check.per_axis(function, "kernel_size", kernel_size, spatial, 1)
    groups = check.whole(function, "groups", groups, 1)
    if grads.shape[1] % groups:
        raise ValueError(
            f"{function}: grad_output has {grads.shape[1]} channels, "
            f"expected a multiple of groups={groups}"
        )
    weight_shape = (images.shape[1], grads.shape[1] // groups, *kernel)
    windows, expected = transposed_geometry(
        function, images.shape, weight_shape, stride, padding, output_padding, groups, dilation
    )
    check.shape(function, "grad_output", grad_output, expected if x is images else expected[1:])
    return products.correlated_weight_grad(images, grads, windows, groups)


def transposed_geometry(
    function: str,
    shape: tuple[int, ...],
    weight_shape: tuple[int, ...],
    stride: PerAxis,
    padding: PerAxis,
    output_padding: PerAxis,
    groups: int,
    dilation: PerAxis,
) -> tuple[Windows, tuple[int, ...]]:
    """Return the windows of the convolution that makes `shape`, and the shape of its input.

    Raise for sizes that do not fit each other.
    """
    size, kernel = shape[2:], weight_shape[2:]
    axes = len(kernel)
    steps = check.window(function, "stride", stride, axes, 1)
    cut = check.window(function, "padding", padding, axes, 0)
    extra = check.window(function, "output_padding", output_padding, axes, 0)
    groups = check.whole(function, "groups", groups, 1)
    gaps = check.window(function, "dilation", dilation, axes, 1)
    if any(e >= max(s, d) for e, s, d in zip(extra, steps, gaps, strict=True)):
        raise ValueError(
            f"{function}: output_padding is {extra}, "
            f"expected less than stride {steps} or dilation {gaps}"
        )
    if shape[1] % groups:
        raise ValueError(
            f"{function}: x has {shape[1]} channels, expected a multiple of groups={groups}"
        )
    if weight_shape[0] != shape[1]:
        raise ValueError(
            f"{function}: weight has {weight_shape[0]} input channels, but x has {shape[1]}"
        )
    if min(weight_shape) < 1:
        raise ValueError(f"{function}: weight has shape {weight_shape}, expected no axis of 0")
    full = zip(size, kernel, steps, gaps, extra, strict=True)
    reach = tuple((n - 1) * s + (k - 1) * d + 1 + e for n, k, s, d, e in full)
    output = tuple(r - 2 * c for r, c in zip(reach, cut, strict=True))
    if min(size) < 1 or min(output) < 1:
        raise ValueError(
            f"{function}: padding {cut} cuts the result {reach} of x {size} to {output}, "
            "expected at least 1"
        )
    windows = Windows(kernel, steps, cut, cut, gaps, size)
    return windows, (shape[0], weight_shape[1] * groups, *output)
