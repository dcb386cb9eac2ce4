"""Mistakes in the gradients of a transposed convolution."""

from __future__ import annotations

from collections.abc import Callable

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
from reference_tests.faults.transposed import (
    CHANNELS,
    ONE,
    THREE,
    TRANSPOSED,
    TWO,
    Axis,
    Changes,
    any_axis,
    axes,
    axes_of,
    case,
    filters_first,
    more,
    moved,
    reweighted,
    rotated,
    rows,
    whole,
)
from reference_tests.faults.windows import BATCH, EMPTY, NEGATED


def _unstrided(inputs: Inputs) -> Inputs:
    return _embedded(inputs, lambda axis: axis.padding).but(stride=1)


def _embedded(inputs: Inputs, start: Callable[[Axis], int]) -> Inputs:
    """Return whole inputs, with the cotangent put where each axis starts in the whole result."""
    grad = inputs.grad_output
    room = [(0, 0), (0, 0), *((start(axis), 0) for axis in axes(inputs))]
    return whole(inputs).but(grad_output=np.pad(grad, room))


def _fitting(mistake: Callable[[Inputs], Inputs]) -> Callable[[Inputs], Inputs]:
    """Return a mistake whose cotangent has the size of its output."""

    def before(inputs: Inputs) -> Inputs:
        wrong = mistake(inputs)
        size = [axis.output for axis in axes(wrong)]
        grad = wrong.grad_output
        return wrong.but(grad_output=fitted(grad, (*grad.shape[:2], *size)))

    return before


_UNSTRIDED: Changes = {
    "before": _fitting(_unstrided),
    "shows_if": moved(lambda axis: axis.seeing(stride=1)),
}
_UNPADDED: Changes = {
    "before": _fitting(lambda inputs: _embedded(inputs, lambda axis: 0)),
    "shows_if": any_axis(lambda axis: axis.padding > 0),
}


def _several_pixels(hyper: Hyper, shapes: Shapes) -> bool:
    return has_bias(hyper, shapes) and any(axis.output > 1 for axis in axes_of(hyper, shapes))


FAULTS: list[Fault] = [
    *rows(
        "grad_input",
        TRANSPOSED,
        (
            "input-grad-rotated",
            "The input gradient rotates the kernel by 180°, as that of a convolution does.",
            "grad_input[i] = Σ g[i·s + a·d - p] · weight[K - 1 - a], not weight[a]",
            "a 1×1 or symmetric kernel",
            (case(ONE, TWO), case(TWO, ONE)),
            reweighted(rotated),
        ),
        (
            "input-grad-not-strided",
            "The input gradient takes the window that starts at i instead of i times the stride.",
            "grad_input[i] = Σ g[i + a·d - p] · weight[a], not g[i·s + a·d - p]",
            "a stride of 1, or one element",
            (case(TWO, ONE, stride=2), case(TWO, ONE)),
            _UNSTRIDED,
        ),
        (
            "input-grad-unpadded",
            "The input gradient forgets the padding: its first window starts at the first output.",
            "grad_input[i] = Σ g[i·s + a·d] · weight[a], not g[i·s + a·d - p]; g is 0 outside",
            "no padding",
            (case(ONE, THREE, padding=(0, 1)), case(ONE, ONE)),
            _UNPADDED,
        ),
        (
            "input-grad-channels-not-exchanged",
            "The input gradient reads the weight's memory as (O, C, KH, KW).",
            "grad_input[c, i] = Σ g[o, i·s + a·d - p] · weight.reshape(O, C, K)[o, c, a],\n"
            "not weight[c, o, a]",
            "one filter or one channel",
            (case(CHANNELS, (2, 2, 1, 1)), case(ONE, CHANNELS)),
            reweighted(filters_first),
        ),
        (
            "input-grad-sign",
            "The input gradient has the wrong sign.",
            "grad_input[i] = -Σ g[i·s + a·d - p] · weight[a], not +Σ",
            "a gradient of zeros, as of an empty batch",
            (case(ONE, ONE), case(EMPTY, ONE)),
            NEGATED,
        ),
    ),
    *rows(
        "grad_weight",
        TRANSPOSED,
        (
            "weight-grad-not-dilated",
            "The weight gradient does not dilate the input by the stride.",
            "grad_weight[a] = Σ x[i] · g[i + a·d - p], not g[i·s + a·d - p]",
            "a stride of 1, or one element",
            (case(TWO, ONE, stride=2), case(TWO, ONE)),
            _UNSTRIDED,
        ),
        (
            "weight-grad-unpadded",
            "The weight gradient forgets the padding.",
            "grad_weight[a] = Σ x[i] · g[i·s + a·d], not g[i·s + a·d - p]; g is 0 outside",
            "no padding",
            (case(ONE, THREE, padding=(0, 1)), case(ONE, ONE)),
            _UNPADDED,
        ),
        (
            "weight-grad-rotated",
            "The weight gradient is rotated by 180°: its two factors are exchanged.",
            "grad_weight[a] = Σ x[i] · g[i·s + (K - 1 - a)·d - p], not g[i·s + a·d - p]",
            "a 1×1 kernel",
            (case(ONE, TWO), case(TWO, ONE)),
            {
                "after": lambda grad, inputs: rotated(grad),
                "shows_if": any_axis(lambda axis: axis.kernel > 1),
            },
        ),
        (
            "weight-grad-averaged",
            "The weight gradient is averaged over the batch.",
            "grad_weight[a] = 1/N · Σ x[n, i] · g[n, i·s + a·d - p], not Σ",
            "one sample",
            (case(BATCH, ONE), case(ONE, ONE)),
            {"after": averaged, "shows_if": more("x", 0)},
        ),
        (
            "weight-grad-last-sample",
            "The weight gradient is that of the last sample only.",
            "grad_weight[a] = Σ x[N - 1, i] · g[N - 1, i·s + a·d - p], not the sum over all n",
            "one sample",
            (case(BATCH, ONE), case(ONE, ONE)),
            {"before": last_sample, "shows_if": more("x", 0)},
        ),
        (
            "weight-grad-sign",
            "The weight gradient has the wrong sign.",
            "grad_weight[a] = -Σ x[i] · g[i·s + a·d - p], not +Σ",
            "a gradient of zeros, as of an empty batch",
            (case(ONE, ONE), case(EMPTY, ONE)),
            NEGATED,
        ),
    ),
    *rows(
        "grad_bias",
        TRANSPOSED,
        (
            "bias-grad-single-sum",
            "The bias gradient is one sum over everything, the same for every filter.",
            "grad_bias[o] = Σ g[n, o', h] over n, o' and h, not over n and h with o' = o",
            "one filter",
            (case(ONE, CHANNELS, 2), case(ONE, ONE, 1)),
            {
                "after": single_sum,
                "shows_if": more("bias", 0),
            },
        ),
        (
            "bias-grad-per-sample",
            "The bias gradient is not summed over the batch.",
            "grad_bias[n, o] = Σ g[n, o, h] over h, not over n and h",
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
            "grad_bias[o, h] = Σ g[n, o, h] over n, not over n and h",
            "one output pixel",
            (case(TWO, ONE, 1), case(ONE, ONE, 1)),
            {"after": per_pixel, "shows_if": _several_pixels},
        ),
        (
            "bias-grad-averaged",
            "The bias gradient is averaged over the batch.",
            "grad_bias[o] = 1/N · Σ g[n, o, h], not Σ",
            "one sample",
            (case(BATCH, ONE, 1), case(ONE, ONE, 1)),
            {"after": averaged, "shows_if": several_samples},
        ),
        (
            "bias-grad-sign",
            "The bias gradient has the wrong sign.",
            "grad_bias[o] = -Σ g[n, o, h], not +Σ",
            "a gradient of zeros, as of an empty batch",
            (case(ONE, ONE, 1), case(EMPTY, ONE, 1)),
            {**NEGATED, "shows_if": some_samples},
        ),
    ),
]
