"""Mistakes in the gradients of a convolution's weight and bias."""

from __future__ import annotations

import numpy as np

from reference_tests.faults.batches import (
    averaged,
    has_bias,
    last_sample,
    not_one_sample,
    per_pixel,
    per_sample,
    several_samples,
    single_sum,
    some_samples,
)
from reference_tests.faults.fault import Fault, Hyper, Inputs, Shapes, fitted
from reference_tests.faults.windows import (
    BATCH,
    EMPTY,
    EVERY,
    FILTERS,
    FIRST_WINDOW,
    NEGATED,
    ONE,
    THREE,
    TIED,
    TWO,
    UNDILATED,
    UNTIED,
    Array,
    Axis,
    any_axis,
    axes,
    axes_of,
    case,
    more,
    moved,
    padded,
    rotated,
    rows,
    several_windows,
)


def _taps_with_remainder(axis: Axis) -> int:
    return (axis.reach + axis.slack - 1) // axis.dilation + 1


def _larger(inputs: Inputs) -> Inputs:
    """Return inputs whose weight covers what the windows leave over, too."""
    size = map(_taps_with_remainder, axes(inputs))
    return inputs.but(weight=fitted(inputs["weight"], (*inputs["weight"].shape[:2], *size)))


def _per_column(grad: Array, inputs: Inputs) -> Array:
    return inputs.grad_output.sum(tuple(range(inputs.grad_output.ndim - 1)))


def _mean(grad: Array, inputs: Inputs) -> Array:
    return grad * grad.size / max(inputs.grad_output.size, 1)


def _tied(grad: Array, inputs: Inputs) -> Array:
    sums = grad.sum(tuple(range(1, grad.ndim)), keepdims=True)
    return np.broadcast_to(sums, grad.shape)


def _several_columns(hyper: Hyper, shapes: Shapes) -> bool:
    columns = axes_of(hyper, shapes)[-1].output
    return has_bias(hyper, shapes) and (columns, shapes["weight"][0]) != (1, 1)


FAULTS: list[Fault] = [
    *rows(
        "grad_weight",
        EVERY,
        (
            "weight-grad-not-dilated",
            "The weight gradient does not dilate the output's gradient by the stride.",
            "grad_weight[a] = Σ g[i] · x[i + a·d - p], not x[i·s + a·d - p]",
            "a stride of 1",
            (case(THREE, ONE, stride=2), case(THREE, ONE)),
            UNDILATED,
        ),
        (
            "weight-grad-remainder-kept",
            "The weight gradient is too large by the rows that no window reaches.",
            "grad_weight[a] for a < K + r / d, rounded down, not a < K, with the remainder\n"
            "r = (L + 2p - d·(K - 1) - 1) mod s",
            "a stride that leaves no remainder",
            (case(TWO, ONE, stride=2), case(ONE, ONE, stride=2)),
            {
                "before": _larger,
                "shows_if": any_axis(lambda axis: _taps_with_remainder(axis) != axis.kernel),
            },
        ),
        (
            "weight-grad-rotated",
            "The weight gradient is rotated by 180°: correlate(grad, x) for correlate(x, grad).",
            "grad_weight[a] = Σ g[i] · x[i·s + (K - 1 - a)·d - p], not x[i·s + a·d - p]",
            "a 1×1 kernel",
            (case(TWO, TWO), case(TWO, ONE)),
            {
                "after": lambda grad, inputs: rotated(grad),
                "shows_if": any_axis(lambda axis: axis.kernel > 1),
            },
        ),
        (
            "weight-grad-unpadded",
            "The weight gradient is taken from the input without its padding.",
            "grad_weight[a] = Σ g[i] · x[i·s + a·d], not x[i·s + a·d - p]; beyond the end x is 0",
            "no padding",
            (case(ONE, ONE, padding=(0, 1)), case(ONE, ONE)),
            {
                "before": lambda i: padded(i, lambda axis: (0, axis.before + axis.after)),
                "shows_if": moved(lambda axis: axis._replace(before=0)),
            },
        ),
        (
            "weight-grad-averaged",
            "The weight gradient is averaged over the batch.",
            "grad_weight[a] = 1/N · Σ g[n, i] · x[n, i·s + a·d - p], not Σ",
            "one sample",
            (case(BATCH, ONE), case(ONE, ONE)),
            {
                "after": averaged,
                "shows_if": more("x", 0),
            },
        ),
        (
            "weight-grad-last-sample",
            "The weight gradient is that of the last sample only.",
            "grad_weight[a] = Σ g[N - 1, i] · x[N - 1, i·s + a·d - p], not the sum over all n",
            "one sample",
            (case(BATCH, ONE), case(ONE, ONE)),
            {"before": last_sample, "shows_if": more("x", 0)},
        ),
        (
            "weight-grad-first-window",
            "The weight gradient is returned after the first window.",
            "grad_weight[a] = Σ g[n, 0] · x[n, a·d - p], not Σ g[n, i] · x[n, i·s + a·d - p]",
            "one window",
            (case(TWO, ONE), case(ONE, ONE)),
            FIRST_WINDOW,
        ),
        (
            "weight-grad-sign",
            "The weight gradient has the wrong sign.",
            "grad_weight[a] = -Σ g[i] · x[i·s + a·d - p], not +Σ",
            "a gradient of zeros, as of an empty batch",
            (case(ONE, ONE), case(EMPTY, ONE)),
            NEGATED,
        ),
        (
            "weight-grad-not-cleared",
            "A second call of the pullback adds to the weight gradient of the first.",
            "grad_weight of call t is the sum of those of calls 1 to t, not that of call t",
            "one backward call, or a gradient of zeros, as of an empty batch",
            (case(ONE, ONE), case(EMPTY, ONE)),
            {
                "after": lambda grad, inputs: grad * inputs.turn,
                "shows_if": more("x", 0, than=0),
            },
        ),
    ),
    *rows(
        "grad_bias",
        TIED,
        (
            "bias-grad-single-sum",
            "The bias gradient is one sum over everything, the same for every filter.",
            "grad_bias[o] = Σ g[n, o', i] over n, o' and i, not over n and i with o' = o",
            "one filter",
            (case(ONE, FILTERS, 2), case(ONE, ONE, 1)),
            {
                "after": single_sum,
                "shows_if": more("bias", 0),
            },
        ),
        (
            "bias-grad-per-sample",
            "The bias gradient is not summed over the batch.",
            "grad_bias[n, o] = Σ g[n, o, i] over i, not over n and i",
            "one sample",
            (case(BATCH, ONE, 1), case(ONE, ONE, 1)),
            {
                "after": per_sample,
                "shows_if": not_one_sample,
            },
        ),
        (
            "bias-grad-per-pixel",
            "The bias gradient is summed over the batch only, one value per output pixel.",
            "grad_bias[o, i] = Σ g[n, o, i] over n, not over n and i",
            "one output pixel",
            (case(TWO, ONE, 1), case(ONE, ONE, 1)),
            {
                "after": per_pixel,
                "shows_if": lambda h, s: has_bias(h, s) and several_windows(h, s),
            },
        ),
        (
            "bias-grad-per-column",
            "The bias gradient keeps the last axis of NCHW, as if that were the channels'.",
            "grad_bias[j] = Σ g[n, o, i, j] over n, o and i, not over n, i and j for each o",
            "one filter and one column of the output",
            (case(TWO, ONE, 1), case(ONE, ONE, 1)),
            {"after": _per_column, "shows_if": _several_columns},
        ),
        (
            "bias-grad-mean",
            "The bias gradient is a mean over samples and output pixels instead of a sum.",
            "grad_bias[o] = 1/(N·Lout) · Σ g[n, o, i], not Σ",
            "one sample and one output pixel",
            (case(TWO, ONE, 1), case(ONE, ONE, 1)),
            {
                "after": _mean,
                "shows_if": lambda h, s: (
                    has_bias(h, s) and s["x"][0] > 0 and (s["x"][0] > 1 or several_windows(h, s))
                ),
            },
        ),
    ),
    *rows(
        "grad_bias",
        EVERY,
        (
            "bias-grad-averaged",
            "The bias gradient is averaged over the batch.",
            "grad_bias[o] = 1/N · Σ g[n, o, i], not Σ",
            "one sample",
            (case(BATCH, ONE, 1), case(ONE, ONE, 1)),
            {
                "after": averaged,
                "shows_if": several_samples,
            },
        ),
        (
            "bias-grad-last-sample",
            "The bias gradient is that of the last sample only.",
            "grad_bias[o] = Σ g[N - 1, o, i] over i, not over n and i",
            "one sample",
            (case(BATCH, ONE, 1), case(ONE, ONE, 1)),
            {
                "before": last_sample,
                "shows_if": several_samples,
            },
        ),
        (
            "bias-grad-sign",
            "The bias gradient has the wrong sign.",
            "grad_bias[o] = -Σ g[n, o, i], not +Σ",
            "a gradient of zeros, as of an empty batch",
            (case(ONE, ONE, 1), case(EMPTY, ONE, 1)),
            {
                **NEGATED,
                "shows_if": some_samples,
            },
        ),
    ),
    *rows(
        "grad_bias",
        UNTIED,
        (
            "bias-grad-summed-over-pixels",
            "Each element of an untied bias gets the sum over all output pixels.",
            "grad_bias[o, i] = Σ g[n, o, i'] over n and i', not over n with i' = i",
            "one output pixel",
            (case(TWO, ONE), case(ONE, ONE)),
            {"after": _tied, "shows_if": several_windows},
        ),
    ),
]
