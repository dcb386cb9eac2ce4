"""Mistakes in the gradients of a convolution, and in transposed convolutions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from reference_tests.operations.windows import each
from reference_tests.selftest.mutants.convolution import padded, strides, widths
from reference_tests.selftest.mutants.mutant import Call, beyond, mutant, right


def divided_by_stride(grad: Any, call: Call) -> Any:
    """Divide by the strides."""
    return grad / math.prod(strides(call))


def last_row_missing(grad: Any, call: Call) -> Any:
    """Leave out the last row of windows of a padded input."""
    if not any(map(sum, widths(call))):
        return grad
    grads = call.grad_output.copy()
    grads[..., -1:, :] = 0
    return right("conv2d", call, "grad_weight", grad_output=grads)


def divided_by_pixels(grad: Any, call: Call) -> Any:
    """Divide by the number of pixels of a plane."""
    return grad / max(math.prod(call.grad_output.shape[-2:]), 1)


def first_group_for_all(grad: Any, call: Call) -> Any:
    """Repeat the gradient of the first group's weights."""
    filters = len(grad) // call.groups
    return np.concatenate([grad[:filters]] * call.groups)


def padding_added_to_edge(grad: Any, call: Call) -> Any:
    """Add what falls into the padding to the outermost positions."""
    before, after = widths(call)[0]
    full = right("conv1d", call, "grad_input", x=padded(call), padding=0)
    grad[..., 0] += full[..., :before].sum(-1)
    grad[..., -1] += full[..., full.shape[-1] - after :].sum(-1)
    return grad


def clipped(grad: Any, call: Call) -> Any:
    """Clip the gradient to [-1, 1]."""
    return np.clip(grad, -1, 1)


def of_first_filter(grad: Any, call: Call) -> Any:
    """Let only the first filter of each group reach the input."""
    weight = call.weight.reshape(call.groups, -1, *call.weight.shape[1:]).copy()
    weight[:, 1:] = 0
    return right("conv2d", call, "grad_input", weight=weight.reshape(call.weight.shape))


def plane_summed_once(grad: Any, call: Call) -> Any:
    """Sum over all axes of space but the depth, of which the first slice is taken."""
    return call.grad_output[..., :1, :, :].sum(
        tuple(axis for axis in range(call.grad_output.ndim) if axis != call.grad_output.ndim - 4)
    )


def weight_added(grad: Any, call: Call) -> Any:
    """Add the weight itself: a decay that belongs to the optimizer."""
    return grad + 0.01 * call.weight


def overlaps_averaged(y: Any, call: Call) -> Any:
    """Divide each position by the number of windows that reach it."""
    bias = 0 if call.bias is None else call.bias.reshape(-1, 1, 1)
    ones, taps = np.ones_like(call.x), np.zeros(call.weight.shape, call.weight.dtype)
    inputs = call.x.shape[-3] // call.groups
    taps.reshape(call.groups, inputs, *taps.shape[1:])[:, 0] = 1
    count = right("conv_transpose2d", call, x=ones, weight=taps, bias=None)
    return (y - bias) / np.maximum(count, 1) + bias


def every_strided_pixel(grad: Any, call: Call) -> Any:
    """Sum only the pixels at which a window starts."""
    first, second = each(call.stride, 2)
    grads = call.grad_output[..., ::first, ::second]
    return grads.sum(tuple(axis for axis in range(grads.ndim) if axis != grads.ndim - 3))


def groups_reversed(y: Any, call: Call) -> Any:
    """Write the results of the groups from the last to the first."""
    lead, filters, size = y.shape[:-2], y.shape[-2], y.shape[-1]
    groups = y.reshape(*lead, call.groups, filters // call.groups, size)
    return groups[..., ::-1, :, :].reshape(y.shape)


MUTANTS = (
    mutant(
        "conv/input-grad-divided-by-stride",
        "The input gradient is divided by the strides.",
        "conv2d",
        "grad_input",
        beyond("strides?"),
        divided_by_stride,
    ),
    mutant(
        "conv/weight-grad-last-row-missing",
        "The weight gradient lacks the last row of windows where the input is padded.",
        "conv2d",
        "grad_weight",
        (beyond("padding"), r"into the padding|last (row|window)"),
        last_row_missing,
    ),
    mutant(
        "conv/bias-grad-divided-by-pixels",
        "The bias gradient is divided by the number of pixels.",
        "conv2d",
        "grad_bias",
        r"pixels?|positions|number of windows|Hout|HW|size of the output|space|spatial",
        divided_by_pixels,
    ),
    mutant(
        "conv/weight-grad-of-first-group",
        "The weight gradient of the first group is that of all groups.",
        "conv1d",
        "grad_weight",
        rf"{beyond('groups?')}|first group",
        first_group_for_all,
    ),
    mutant(
        "conv/input-grad-padding-added-to-edge",
        "What the input gradient has in the padding is added to the outermost positions.",
        "conv1d",
        "grad_input",
        (beyond("padding"), r"into the padding|ends of W|border|\bedges?\b|margin|outermost"),
        padding_added_to_edge,
    ),
    mutant(
        "conv/weight-grad-clipped",
        "The weight gradient is clipped to [-1, 1].",
        "conv1d",
        "grad_weight",
        (r"clip|beyond ±?1|\[-1, 1\]|saturat", r"(above|larger than) ?1\b", r"\|.{1,12}\| ?>"),
        clipped,
    ),
    mutant(
        "conv/input-grad-of-first-filter",
        "Only the first filter of each group has an input gradient.",
        "conv2d",
        "grad_input",
        rf"{beyond('filters?')}|{beyond('O')}|first filter|{beyond('output channels?')}",
        of_first_filter,
    ),
    mutant(
        "conv/bias-grad-of-first-slice",
        "The bias gradient is summed over the first slice of the depth only.",
        "conv3d",
        "grad_bias",
        r"depth|slices?\b|windows along D\b|first axis of space|output size|Dout|planes?\b",
        plane_summed_once,
    ),
    mutant(
        "conv/weight-grad-decayed",
        "A hundredth of the weight, the decay of an optimizer, is added to its gradient.",
        "conv3d",
        "grad_weight",
        r"weight itself|multiple of (the )?weight|[·*×] ?weight|0\.01|decay|1 / 100",
        weight_added,
    ),
    mutant(
        "conv-transpose/overlaps-averaged",
        "Where windows overlap, they are averaged instead of added.",
        "conv_transpose2d",
        "output",
        r"overlap|stride[^.;\n]*(<|less|smaller|below)|kernel[^.;\n]*(>|larger|above|[2-9])",
        overlaps_averaged,
    ),
    mutant(
        "conv-transpose/bias-grad-of-strided-pixels",
        "The bias gradient sums only those pixels at which a window starts.",
        "conv_transpose2d",
        "grad_bias",
        (beyond("strides?"), r"multiples of the stride"),
        every_strided_pixel,
    ),
    mutant(
        "conv-transpose/groups-reversed",
        "The results of the groups are written from the last to the first.",
        "conv_transpose1d",
        "output",
        (
            beyond("groups?"),
            r"channels? [^.;\n]*(permut|order|revers|exchang)",
            r"(permut|order|revers|exchang)[^.;\n]* channels?",
        ),
        groups_reversed,
    ),
)
