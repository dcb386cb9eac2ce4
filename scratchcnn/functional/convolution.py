"""The convolutions of networks: cross-correlations over channels, with stride, padding, groups."""

from __future__ import annotations

import numpy as np

from scratchcnn.functional import _checks as check
from scratchcnn.functional import _convolution as products
from scratchcnn.functional._checks import Floats, PerAxis


@check.ieee
def conv1d(
    x: Floats,
    weight: Floats,
    bias: Floats | None = None,
    *,
    stride: PerAxis = 1,
    padding: PerAxis | str = 0,
    dilation: PerAxis = 1,
    groups: int = 1,
) -> Floats:
    """Return the 1-d cross-correlation of `x` with every filter of `weight`, plus `bias`.

    Parameters
    ----------
    x : ndarray (N, C, L) or (C, L)
    weight : ndarray (O, C / groups, K)
    bias : ndarray (O,) or (O, Lout), optional
    stride, padding, dilation, groups
        As in `conv2d`.

    Returns
    -------
    ndarray (N, O, Lout) or (O, Lout)

    Raises
    ------
    TypeError, ValueError
        As `conv2d`.

    Examples
    --------
    >>> conv1d(np.array([[1.0, 2, 4, 8]]), np.array([[[-1.0, 1]]]))
    array([[1., 2., 4.]])
    """
    return _forward("conv1d", 1, x, weight, bias, stride, padding, dilation, groups)


@check.ieee
def conv1d_input_grad(
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
    name = "conv1d_input_grad"
    return _input_grad(name, 1, grad_output, weight, input_shape, stride, padding, dilation, groups)


@check.ieee
def conv1d_weight_grad(
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
    name = "conv1d_weight_grad"
    return _weight_grad(name, 1, grad_output, x, kernel_size, stride, padding, dilation, groups)


@check.ieee
def conv1d_bias_grad(grad_output: Floats, *, bias_shape: tuple[int, ...] | None = None) -> Floats:
    """Return the gradient of `bias`: the sum over N and L, or over N alone for an untied one."""
    return products.bias_grad("conv1d_bias_grad", 1, grad_output, bias_shape)


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
    x : ndarray (N, C, H, W) or (C, H, W)
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
    ndarray (N, O, Hout, Wout) or (O, Hout, Wout)
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
    return _forward("conv2d", 2, x, weight, bias, stride, padding, dilation, groups)


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
    return _input_grad(name, 2, grad_output, weight, input_shape, stride, padding, dilation, groups)


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
    return _weight_grad(name, 2, grad_output, x, kernel_size, stride, padding, dilation, groups)


@check.ieee
def conv2d_bias_grad(grad_output: Floats, *, bias_shape: tuple[int, ...] | None = None) -> Floats:
    """Return the gradient of `bias`: the sum over N, H, W, or over N alone for an untied one."""
    return products.bias_grad("conv2d_bias_grad", 2, grad_output, bias_shape)


@check.ieee
def conv3d(
    x: Floats,
    weight: Floats,
    bias: Floats | None = None,
    *,
    stride: PerAxis = 1,
    padding: PerAxis | str = 0,
    dilation: PerAxis = 1,
    groups: int = 1,
) -> Floats:
    """Return the 3-d cross-correlation of `x` with every filter of `weight`, plus `bias`.

    Parameters
    ----------
    x : ndarray (N, C, D, H, W) or (C, D, H, W)
    weight : ndarray (O, C / groups, KD, KH, KW)
    bias : ndarray (O,) or (O, Dout, Hout, Wout), optional
    stride, padding, dilation, groups
        As in `conv2d`.

    Returns
    -------
    ndarray (N, O, Dout, Hout, Wout) or (O, Dout, Hout, Wout)

    Raises
    ------
    TypeError, ValueError
        As `conv2d`.

    Examples
    --------
    >>> conv3d(np.arange(8.0).reshape(1, 2, 2, 2), np.ones((1, 1, 2, 1, 2)))
    array([[[[10.],
             [18.]]]])
    """
    return _forward("conv3d", 3, x, weight, bias, stride, padding, dilation, groups)


@check.ieee
def conv3d_input_grad(
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
    name = "conv3d_input_grad"
    return _input_grad(name, 3, grad_output, weight, input_shape, stride, padding, dilation, groups)


@check.ieee
def conv3d_weight_grad(
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
    name = "conv3d_weight_grad"
    return _weight_grad(name, 3, grad_output, x, kernel_size, stride, padding, dilation, groups)


@check.ieee
def conv3d_bias_grad(grad_output: Floats, *, bias_shape: tuple[int, ...] | None = None) -> Floats:
    """Return the gradient of `bias`: the sum over N, D, H, W, or over N alone if untied."""
    return products.bias_grad("conv3d_bias_grad", 3, grad_output, bias_shape)


def output_shape(
    function: str,
    shape: tuple[int, ...],
    weight_shape: tuple[int, ...],
    stride: PerAxis,
    padding: PerAxis | str,
    dilation: PerAxis,
    groups: int,
) -> tuple[int, ...]:
    """Return the shape (N, O, Hout, Wout) that a convolution of these shapes has, or raise."""
    windows = products.geometry(function, shape, weight_shape, stride, padding, dilation, groups)
    return (shape[0], weight_shape[0], *windows.output)


def _forward(
    function: str,
    spatial: int,
    x: Floats,
    weight: Floats,
    bias: Floats | None,
    stride: PerAxis,
    padding: PerAxis | str,
    dilation: PerAxis,
    groups: int,
) -> Floats:
    check.floats(function, {"bias": bias}, x=x, weight=weight)
    images = check.batched(function, "x", x, spatial)
    check.rank(function, "weight", weight, products.FILTER_AXES[spatial])
    windows = products.geometry(
        function, images.shape, weight.shape, stride, padding, dilation, groups
    )
    tied, untied = weight.shape[:1], (weight.shape[0], *windows.output)
    if bias is not None and bias.shape not in (tied, untied):
        raise ValueError(
            f"{function}: bias has shape {bias.shape}, expected {tied}, or {untied} "
            "with one value per output pixel"
        )
    per_pixel: Floats | float = 0.0
    if bias is not None:
        per_pixel = np.expand_dims(bias, tuple(range(bias.ndim, spatial + 1)))
    y = products.correlated(images, weight, windows, groups, per_pixel)
    return y if x is images else y[0]


def _input_grad(
    function: str,
    spatial: int,
    grad_output: Floats,
    weight: Floats,
    input_shape: tuple[int, ...],
    stride: PerAxis,
    padding: PerAxis | str,
    dilation: PerAxis,
    groups: int,
) -> Floats:
    check.floats(function, grad_output=grad_output, weight=weight)
    check.rank(function, "weight", weight, products.FILTER_AXES[spatial])
    shape = check.batched_sizes(function, "input_shape", input_shape, spatial)
    windows = products.geometry(function, shape, weight.shape, stride, padding, dilation, groups)
    expected = (shape[0], weight.shape[0], *windows.output)
    batched = len(input_shape) == len(shape)
    check.shape(function, "grad_output", grad_output, expected if batched else expected[1:])
    grads = grad_output.reshape(expected)
    grad = products.correlated_input_grad(grads, weight, windows, groups, shape)
    return grad if batched else grad[0]


def _weight_grad(
    function: str,
    spatial: int,
    grad_output: Floats,
    x: Floats,
    kernel_size: PerAxis,
    stride: PerAxis,
    padding: PerAxis | str,
    dilation: PerAxis,
    groups: int,
) -> Floats:
    check.floats(function, grad_output=grad_output, x=x)
    grads = check.batched(function, "grad_output", grad_output, spatial)
    images = check.batched(function, "x", x, spatial)
    kernel = check.per_axis(function, "kernel_size", kernel_size, spatial, 1)
    groups = check.whole(function, "groups", groups, 1)
    shape = (grads.shape[1], images.shape[1] // groups, *kernel)
    windows = products.geometry(function, images.shape, shape, stride, padding, dilation, groups)
    expected = (images.shape[0], shape[0], *windows.output)
    check.shape(function, "grad_output", grad_output, expected if x is images else expected[1:])
    return products.correlated_weight_grad(grads, images, windows, groups)
