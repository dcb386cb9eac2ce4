"""Mistakes in the output of a convolution."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from reference_tests.operations.windows import each
from reference_tests.selftest.mutants.mutant import Call, Mutant, beyond, mutant, right


def strides(call: Call) -> tuple[int, ...]:
    """Return the stride of each axis of a convolution."""
    return each(call.stride, call.weight.ndim - 2)


def widths(call: Call) -> list[tuple[int, int]]:
    """Return how much is padded before and after each axis of a convolution."""
    kernel = call.weight.shape[2:]
    if call.padding == "valid":
        return [(0, 0)] * len(kernel)
    if call.padding == "same":
        gaps = each(call.dilation, len(kernel))
        sums = [gap * (side - 1) for gap, side in zip(gaps, kernel, strict=True)]
        return [(total // 2, total - total // 2) for total in sums]
    return [(width, width) for width in each(call.padding, len(kernel))]


def padded(call: Call, mode: Any = "constant") -> Any:
    """Return the padded input of a convolution."""
    around = widths(call)
    return np.pad(call.x, [(0, 0)] * (call.x.ndim - len(around)) + around, mode)


def bias_of(call: Call) -> Any:
    """Return the bias as it is added to the output, or 0."""
    if call.bias is None:
        return 0
    return call.bias.reshape(-1, *(1,) * (call.weight.ndim - 2))


def last_column_skipped(y: Any, call: Call) -> Any:
    """Leave the last column of windows at the bias."""
    if strides(call)[-1] > 1:
        y[..., -1:] = 0
        y[..., -1:] += bias_of(call)
    return y


def reflected(y: Any, call: Call) -> Any:
    """Pad as a mirror does."""
    return right("conv1d", call, x=padded(call, "reflect"), padding=0)


def bias_twice(y: Any, call: Call) -> Any:
    """Add the bias once more."""
    return y + bias_of(call)


def bias_of_first_sample(y: Any, call: Call) -> Any:
    """Take the bias from all samples but the first."""
    if y.ndim == 5:
        y[1:] -= bias_of(call)
    return y


def first_group_for_all(y: Any, call: Call) -> Any:
    """Use the filters of the first group in all groups."""
    filters = len(call.weight) // call.groups
    weight = np.concatenate([call.weight[:filters]] * call.groups)
    return right("conv2d", call, weight=weight)


def dilation_of_rows(y: Any, call: Call) -> Any:
    """Take the taps of a row from neighbouring columns."""
    dilation = (each(call.dilation, 2)[0], 1)
    wide = right("conv2d", call, x=padded(call), padding=0, dilation=dilation)
    return wide[..., : y.shape[-1]]


def even_tap_ignored(y: Any, call: Call) -> Any:
    """Leave out the last tap of an even kernel."""
    weight = call.weight.copy()
    if weight.shape[-1] % 2 == 0:
        weight[..., -1] = 0
    return right("conv1d", call, weight=weight)


def cut_at_zero(y: Any, call: Call) -> Any:
    """Apply a ReLU."""
    return np.maximum(y, 0)


def square_transposed(y: Any, call: Call) -> Any:
    """Exchange the axes of a square kernel."""
    weight = call.weight
    square = weight.shape[-1] == weight.shape[-2]
    return right("conv2d", call, weight=weight.swapaxes(-1, -2)) if square else y


def two_samples_only(y: Any, call: Call) -> Any:
    """Leave all samples after the second at 0."""
    if y.ndim == 3:
        y[2:] = 0
    return y


def depth_averaged(y: Any, call: Call) -> Any:
    """Average over the taps of the depth instead of adding them."""
    return (y - bias_of(call)) / call.weight.shape[2] + bias_of(call)


def untied_bias_mirrored(y: Any, call: Call) -> Any:
    """Add the bias from right to left."""
    return y - call.bias + call.bias[..., ::-1]


def depth_not_padded_after(y: Any, call: Call) -> Any:
    """Repeat the last slice where the depth is padded at its end."""
    x = padded(call)
    after = widths(call)[0][1]
    if after and call.x.shape[-3]:
        x[..., -after:, :, :] = x[..., -after - 1 : -after, :, :]
    return right("conv3d", call, x=x, padding=0)


def first_filter_for_all_channels(y: Any, call: Call) -> Any:
    """Use the kernel of a filter's first channel for all of its channels."""
    weight = np.repeat(call.weight[:, :1], call.weight.shape[1], 1)
    return right("conv2d", call, weight=weight)


def whole_numbers(y: Any, call: Call) -> Any:
    """Lose what is after the point, as an array of integers for the result does."""
    return np.trunc(y)


of_conv1d: Callable[..., Mutant] = partial(mutant, operation="conv1d", output="output")
of_conv2d: Callable[..., Mutant] = partial(mutant, operation="conv2d", output="output")
of_conv3d: Callable[..., Mutant] = partial(mutant, operation="conv3d", output="output")

MUTANTS = (
    of_conv2d(
        name="conv/last-column-skipped",
        sentence="The last column of windows is skipped where the stride is above 1.",
        points_at=rf"{beyond('stride')}|last (column|index of W)",
        change=last_column_skipped,
    ),
    of_conv1d(
        name="conv/padded-by-reflection",
        sentence="The input is padded with its reflection instead of zeros.",
        points_at=(beyond("padding"), r"into the padding|border|edge|margin|first and last"),
        change=reflected,
    ),
    of_conv2d(
        name="conv/bias-twice",
        sentence="The bias is added twice.",
        points_at=r"\bbias",
        change=bias_twice,
    ),
    of_conv3d(
        name="conv/bias-of-first-sample",
        sentence="The bias is added to the first sample only.",
        points_at=r"\bbias|first sample|sample 0|samples? (after|from|but)",
        change=bias_of_first_sample,
    ),
    of_conv2d(
        name="conv/first-group-for-all",
        sentence="The weights of the first group are used for all groups.",
        points_at=rf"{beyond('groups?')}|first group",
        change=first_group_for_all,
    ),
    of_conv2d(
        name="conv/dilation-of-rows",
        sentence="The dilation is applied to the rows of the kernel only.",
        points_at=beyond("dilation"),
        change=dilation_of_rows,
    ),
    of_conv1d(
        name="conv/even-tap-ignored",
        sentence="The last tap of an even kernel is ignored.",
        points_at=r"\beven\b|last (tap|column|element) of the (kernel|weight)|kernel[^.;\n]*[24]",
        change=even_tap_ignored,
    ),
    of_conv2d(
        name="conv/cut-at-zero",
        sentence="Negative results become 0.",
        points_at=r"negative|positive part|below (0|zero)|clip|\brelu|max\(|< 0",
        change=cut_at_zero,
    ),
    of_conv2d(
        name="conv/square-transposed",
        sentence="A square kernel is transposed.",
        points_at=(
            r"square\b|transpos|KH and KW exchanged|KH (=|==) KW",
            r"(height|width|sides?)[^.;\n]*(equal|same)",
        ),
        change=square_transposed,
    ),
    of_conv1d(
        name="conv/two-samples-only",
        sentence="Samples after the second are not computed.",
        points_at=(
            beyond("batch"),
            beyond("samples?"),
            beyond("N"),
            r"last samples?|each index of N",
        ),
        change=two_samples_only,
    ),
    of_conv3d(
        name="conv/depth-averaged",
        sentence="The taps of the depth are averaged instead of added.",
        points_at=r"kernel[^.;\n]*[2-9>≠]|\bKD\b|depth|taps?\b|first axis of the (kernel|weight)",
        change=depth_averaged,
    ),
    of_conv2d(
        operation="conv2d_untied_bias",
        name="conv/untied-bias-mirrored",
        sentence="The untied bias is added from right to left.",
        points_at=r"\bbias|mirror|left|columns?\b",
        change=untied_bias_mirrored,
    ),
    of_conv3d(
        name="conv/depth-repeated-at-end",
        sentence="The depth is padded at its end with the last slice instead of zeros.",
        points_at=(beyond("padding"), r"border|edge|margin|last (slice|position|plane|index of D)"),
        change=depth_not_padded_after,
    ),
    of_conv2d(
        name="conv/first-kernel-of-filter",
        sentence="The kernel of a filter's first channel is used for all of its channels.",
        points_at=rf"{beyond('channels?')}|{beyond('C')}|first channel|more than one channel",
        change=first_filter_for_all_channels,
    ),
    of_conv1d(
        name="conv/whole-numbers",
        sentence="The result is stored in an array of integers: what is after the point is lost.",
        points_at=r"integer|whole|trunc|rounded|fraction|after the point",
        change=whole_numbers,
    ),
)
