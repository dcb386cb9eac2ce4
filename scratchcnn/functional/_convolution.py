"""Convolutions over any number of spatial axes: what conv1d to conv_transpose3d are made of.

All windows of the input become the columns of one matrix, (C * KH * KW, N * Hout * Wout) for each
group; then a convolution and both of its gradients are one matrix product each. As the input
gradient of one convolution is the transposed of it, these three products serve both.
"""

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

FILTER_AXES = {1: "(O, C, K)", 2: "(O, C, KH, KW)", 3: "(O, C, KD, KH, KW)"}


def correlated(x: Floats, weight: Floats, windows: Windows, groups: int) -> Floats:
    """Return every window of `x` times every filter of `weight`, (N, O, Hout, Wout)."""
    filters = weight.reshape(groups, weight.shape[0] // groups, -1)
    y = filters @ _columns(x, windows, groups)
    return np.moveaxis(y.reshape(weight.shape[0], x.shape[0], *windows.output), 0, 1)


def correlated_input_grad(
    grad_output: Floats, weight: Floats, windows: Windows, groups: int, shape: tuple[int, ...]
) -> Floats:
    """Return the gradient of `x` with its `shape`: ``weight.T @ grad_output``, added in place."""
    filters = weight.reshape(groups, weight.shape[0] // groups, -1)
    columns = filters.swapaxes(1, 2) @ _by_filter(grad_output, groups)
    parts = columns.reshape(shape[1], *windows.kernel, shape[0], *windows.output)
    return add_windows(np.moveaxis(parts, len(windows.kernel) + 1, 0), windows, shape)


def correlated_weight_grad(grad_output: Floats, x: Floats, windows: Windows, groups: int) -> Floats:
    """Return the gradient of `weight`, (O, C / groups, KH, KW): ``grad_output @ windows.T``."""
    grad = _by_filter(grad_output, groups) @ _columns(x, windows, groups).swapaxes(1, 2)
    return grad.reshape(grad_output.shape[1], x.shape[1] // groups, *windows.kernel)


def bias_grad(
    function: str, spatial: int, grad_output: Floats, bias_shape: tuple[int, ...] | None
) -> Floats:
    """Return the sums of `grad_output` over all that a bias of this shape was added to."""
    check.floats(function, grad_output=grad_output)
    grads = check.batched(function, "grad_output", grad_output, spatial)
    tied, untied = grads.shape[1:2], grads.shape[1:]
    if bias_shape not in (None, tied, untied):
        raise ValueError(f"{function}: bias_shape is {bias_shape}, expected {tied} or {untied}")
    axes = (0,) if bias_shape == untied else (0, *range(2, grads.ndim))
    return np.asarray(grads.sum(axes))


def _columns(x: Floats, windows: Windows, groups: int) -> Floats:
    """Return the windows of `x` as columns of matrices (G, C / G * KH * KW, N * Hout * Wout)."""
    view = window_view(padded(x, windows), windows)
    rows = x.shape[1] // groups * math.prod(windows.kernel)
    count = x.shape[0] * math.prod(windows.output)
    return np.moveaxis(view, 0, len(windows.kernel) + 1).reshape(groups, rows, count)


def _by_filter(grad_output: Floats, groups: int) -> Floats:
    """Return `grad_output` as the matrices (G, O / G, N * Hout * Wout)."""
    filters = grad_output.shape[1]
    count = grad_output.size // filters
    return np.moveaxis(grad_output, 1, 0).reshape(groups, filters // groups, count)


def geometry(
    function: str,
    shape: tuple[int, ...],
    weight_shape: tuple[int, ...],
    stride: PerAxis,
    padding: PerAxis | str,
    dilation: PerAxis,
    groups: int,
) -> Windows:
    """Return the windows of a convolution, or raise for sizes that do not fit each other."""
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
    if min(weight_shape) < 1:
        raise ValueError(f"{function}: weight has shape {weight_shape}, expected no axis of 0")
    before, after = edges(function, kernel, steps, padding, gaps)
    both = [first + last for first, last in zip(before, after, strict=True)]
    output = tuple(map(output_size, size, kernel, steps, both, gaps))
    if min(output) < 1:
        reach = tuple((k - 1) * d + 1 for k, d in zip(kernel, gaps, strict=True))
        raise ValueError(
            f"{function}: the kernel reaches over {reach}, but the padded input has "
            f"{tuple(n + e for n, e in zip(size, both, strict=True))}; "
            "expected a kernel that is not larger"
        )
    return Windows(kernel, steps, before, after, gaps, output)


def edges(
    function: str,
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
    padding: PerAxis | str,
    dilation: tuple[int, ...],
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return how many values of padding are before and after each spatial axis."""
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
