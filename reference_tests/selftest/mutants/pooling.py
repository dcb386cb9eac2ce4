"""Mistakes in pooling."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from reference_tests.operations.windows import each
from reference_tests.selftest.mutants.mutant import Call, beyond, mutant, right


def column_left_out(y: Any, call: Call) -> Any:
    """Do not look at the last column of the input, unless it is the only one."""
    x = call.x.copy()
    if x.shape[-1] > 1:
        x[..., -1] = -np.inf
    return right("max_pool2d", call, x=x)


def of_magnitudes(y: Any, call: Call) -> Any:
    """Take the largest absolute value."""
    return right("max_pool1d", call, x=abs(call.x))


def spread_in_size(grad: Any, call: Call) -> Any:
    """Divide by the number of taps."""
    return grad / math.prod(each(call.kernel_size, 2))


def rounded_down(y: Any, call: Call) -> Any:
    """Divide by //."""
    return np.floor(y)


def cut_window_missing(grad: Any, call: Call) -> Any:
    """Leave out the last window in ceil mode."""
    if not call.ceil_mode:
        return grad
    grads = call.grad_output.copy()
    grads[..., -1:] = 0
    return right("avg_pool1d", call, "grad_input", grad_output=grads)


def places_of_first_channel(grad: Any, call: Call) -> Any:
    """Route the gradients of all channels to where the first one is largest."""
    x = np.repeat(call.x[..., :1, :, :, :], call.x.shape[-4], -4)
    return right("max_pool3d", call, "grad_input", x=x)


def width_of_the_output(indices: Any, call: Call) -> Any:
    """Count the rows by the width of the output."""
    wide, narrow = call.x.shape[-1], indices.shape[-1]
    return indices // wide * narrow + indices % wide


def share_added(y: Any, call: Call) -> Any:
    """Add the share of negative values."""
    negative = (call.x < 0).astype(y.dtype)
    share = right("avg_pool2d", call, x=negative, divisor_override=None, count_include_pad=True)
    return np.where(share > 0, y + share, y)


def first_of_overlapping(grad: Any, call: Call) -> Any:
    """Pass nothing back from every other window where windows overlap."""
    side = each(call.kernel_size, 1)[0]
    step = side if call.stride is None else each(call.stride, 1)[0]
    grads = call.grad_output.copy()
    if step < side:
        grads[..., 1::2] = 0
    return right("max_pool1d", call, "grad_input", grad_output=grads)


def second_row_repeated(y: Any, call: Call) -> Any:
    """Fill all rows after the second with the second one."""
    y[..., 2:, :] = y[..., 1:2, :]
    return y


MUTANTS = (
    mutant(
        "pool/last-column-left-out",
        "The last column of the input is not looked at.",
        "max_pool2d",
        "output",
        r"(last|right)\w* (column|position|window|border|edge|index of W)|border|\bedges?\b",
        column_left_out,
    ),
    mutant(
        "pool/largest-magnitude",
        "The largest absolute value is taken.",
        "max_pool1d",
        "output",
        r"negative|absolute|magnitude|\|x\||sign",
        of_magnitudes,
    ),
    mutant(
        "pool/max-grad-divided",
        "The gradient of the maximum is divided by the number of taps.",
        "max_pool2d",
        "grad_input",
        r"kernel|taps|size of the window|number of [^.;\n]*window|KH|elements of a window",
        spread_in_size,
    ),
    mutant(
        "pool/average-rounded-down",
        "The average is rounded down, as // does.",
        "avg_pool2d",
        "output",
        r"integer|floor|whole|round|fraction|//",
        rounded_down,
    ),
    mutant(
        "pool/grad-of-cut-window-missing",
        "The last window has no gradient in ceil mode.",
        "avg_pool1d",
        "grad_input",
        r"ceil|last (window|position|column)",
        cut_window_missing,
    ),
    mutant(
        "pool/places-of-first-channel",
        "The gradients of all channels go to the places where the first one is largest.",
        "max_pool3d",
        "grad_input",
        (
            r"first (channel|index of C)|channel 0|channels? (after|from|but)",
            beyond("channels?"),
            beyond("C"),
        ),
        places_of_first_channel,
    ),
    mutant(
        "pool/indices-by-width-of-output",
        "An index counts the rows by the width of the output.",
        "max_pool2d",
        "indices",
        r"first row|rows? (after|from|but|0)|width|\brows?\b",
        width_of_the_output,
    ),
    mutant(
        "pool/negative-share-added",
        "A window with negative values is too large by their share: signs are counted as well.",
        "avg_pool2d",
        "output",
        r"negative|sign|below (0|zero)|< 0",
        share_added,
    ),
    mutant(
        "pool/grad-of-every-other-window",
        "Every other window has no gradient where windows overlap.",
        "max_pool1d",
        "grad_input",
        r"overlap|stride[^.;\n]*(<|less|smaller|below)|every (other|second)|odd|alternat",
        first_of_overlapping,
    ),
    mutant(
        "pool/second-row-repeated",
        "The rows after the second repeat it, since a row's number is not counted on.",
        "adaptive_avg_pool2d",
        "output",
        r"rows?\b|index of H|height|first axis|output_size|size of the output",
        second_row_repeated,
    ),
)
