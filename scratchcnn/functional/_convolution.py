"""Convolutions over any number of spatial axes: what conv1d to conv_transpose3d are made of.

All windows of some samples become the columns of one matrix, (C * KH * KW, N * Hout * Wout) for
each group; then a convolution and both of its gradients are one matrix product each. As the input
gradient of a convolution is its transposed, these three products serve both.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from scratchcnn.functional import _checks as check
from scratchcnn.functional._checks import Floats, PerAxis
from scratchcnn.functional.geometry import (
    Windows,
    add_to_windows,
    interior,
    output_size,
    padded,
    padded_shape,
    window_view,
)

# How many elements of columns are made at once: so many stay in a cache, and need little memory.
BLOCK = 2**21
FILTER_AXES = {1: "(O, C, K)", 2: "(O, C, KH, KW)", 3: "(O, C, KD, KH, KW)"}


def correlated(
    x: Floats, weight: Floats, windows: Windows, groups: int, bias: Floats | float = 0.0
) -> Floats:
    """Return every window of `x` times every filter, (N, O, Hout, Wout), plus a broadcast bias."""
    count = weight.shape[0]
    filters = weight.reshape(groups, count // groups, -1)
    y = np.empty((x.shape[0], count, *windows.output), x.dtype)
    for some in _blocks(x.shape, windows):
        part = filters @ _columns(x[some], windows, groups)
        sums = np.moveaxis(part.reshape(count, -1, *windows.output), 0, 1)
        np.add(sums, bias, out=y[some])
    return y


def correlated_input_grad(
    grad_output: Floats, weight: Floats, windows: Windows, groups: int, shape: tuple[int, ...]
) -> Floats:
    """Return the gradient of `x` with its `shape`: ``weight.T @ grad_output``, added in place."""
    filters = weight.reshape(groups, weight.shape[0] // groups, -1).swapaxes(1, 2)
    total = np.zeros(padded_shape(shape, windows), grad_output.dtype)
    for some in _blocks(shape, windows):
        columns = filters @ _by_filter(grad_output[some], groups)
        parts = columns.reshape(shape[1], *windows.kernel, -1, *windows.output)
        add_to_windows(total[some], np.moveaxis(parts, len(windows.kernel) + 1, 0), windows)
    return np.ascontiguousarray(total[interior(windows.before, shape[2:])])


def correlated_weight_grad(grad_output: Floats, x: Floats, windows: Windows, groups: int) -> Floats:
    """Return the gradient of `weight`, (O, C / groups, KH, KW): ``grad_output @ windows.T``."""
    shape = (grad_output.shape[1], x.shape[1] // groups, *windows.kernel)
    grad = np.zeros((groups, shape[0] // groups, math.prod(shape[1:])), x.dtype)
    for some in _blocks(x.shape, windows):
        columns = _columns(x[some], windows, groups)
        grad += _by_filter(grad_output[some], groups) @ columns.swapaxes(1, 2)
    return grad.reshape(shape)


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


def _blocks(shape: tuple[int, ...], windows: Windows) -> Iterator[slice]:
    """Yield slices of the samples, at most 64 of them, whose columns stay in a cache."""
    samples = shape[0]
    columns = shape[1] * math.prod(windows.kernel) * math.prod(windows.output)
    step = max(1, BLOCK // columns, -(-samples // 64))
    return (slice(first, first + step) for first in range(0, samples, step))


def _columns(x: Floats, windows: Windows, groups: int) -> Floats:
    """Return the windows of `x` as columns of matrices (G, C / G * KH * KW, N * Hout * Wout)."""
    view = window_view(padded(x, windows), windows)
    rows = x.shape[1] // groups * math.prod(windows.kernel)
    return np.moveaxis(view, 0, len(windows.kernel) + 1).reshape(groups, rows, -1)


def _by_filter(grad_output: Floats, groups: int) -> Floats:
    """Return `grad_output` as the matrices (G, O / G, N * Hout * Wout)."""
    filters = grad_output.shape[1]
    return np.moveaxis(grad_output, 1, 0).reshape(groups, filters // groups, -1)


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
    steps = check.window(function, "stride", stride, axes, 1)
    gaps = check.window(function, "dilation", dilation, axes, 1)
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
    both = check.window(function, "padding", padding, len(kernel), 0)
    return both, both
