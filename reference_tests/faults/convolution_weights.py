"""Mistakes in the forward pass of a convolution about kernels, channels, groups and the bias."""

from __future__ import annotations

import numpy as np

from reference_tests.case import Case
from reference_tests.faults.batches import (
    dealt,
    half,
    has_bias,
    interleaved,
)
from reference_tests.faults.fault import Fault, Inputs
from reference_tests.faults.windows import (
    CHANNELS,
    EVERY,
    FILTERS,
    ONE,
    SEVERAL,
    TWO,
    Array,
    Changes,
    as_filters,
    case,
    more,
    reweighted,
    rotated,
    rows,
    several_windows,
)


def _as_hwio(weight: Array) -> Array:
    filters, channels, *kernel = weight.shape
    return np.moveaxis(weight.reshape(*kernel, channels, filters), (-1, -2), (0, 1))


def _channels_last(weight: Array) -> Array:
    filters, channels, *kernel = weight.shape
    return np.moveaxis(weight.reshape(filters, *kernel, channels), -1, 1)


def _only(channel: slice) -> Changes:
    """Return the mistake that leaves one input channel."""

    def before(inputs: Inputs) -> Inputs:
        weight = np.zeros_like(inputs["weight"])
        weight[:, channel] = inputs["weight"][:, channel]
        return inputs.but(weight=weight)

    return {"before": before, "shows_if": more("weight", 1)}


def _biased_often(inputs: Inputs) -> Inputs:
    bias = inputs["bias"]
    return inputs.but(bias=None if bias is None else bias * inputs["weight"].shape[1])


def _ungrouped(inputs: Inputs) -> Inputs:
    return inputs.but(x=inputs["x"][:, : inputs["weight"].shape[1]], groups=1)


def _filters_dealt(inputs: Inputs) -> Inputs:
    order, bias = dealt(inputs, len(inputs["weight"])), inputs["bias"]
    bias = None if bias is None else bias[order]
    return inputs.but(weight=inputs["weight"][order], bias=bias)


def _gathered(y: Array, inputs: Inputs) -> Array:
    return y[:, np.argsort(dealt(inputs, len(inputs["weight"])))]


_DOWN = (1, 1, 2, 1)
_SMALL = {"x": np.ones(ONE), "weight": np.full(ONE, 3.0)}

FAULTS: list[Fault] = [
    *rows(
        "output",
        EVERY,
        (
            "kernel-flipped",
            "The kernel is rotated by 180°: a true convolution instead of a cross-correlation.",
            "y[i] = bias + Σ x[i·s + a·d - p] · weight[K - 1 - a], not weight[a]",
            "a 1×1 or symmetric kernel",
            (case(TWO, TWO), case(TWO, ONE)),
            reweighted(rotated),
        ),
        (
            "kernel-flipped-with-channels",
            "The kernel is flipped along its channels too, as np.flip of one filter does.",
            "y[o, i] = bias[o] + Σ x[c, i·s + a·d - p] · weight[o, C - 1 - c, K - 1 - a],\n"
            "not weight[o, c, a]",
            "one channel and a 1×1 kernel",
            (case(CHANNELS, CHANNELS), case(TWO, ONE)),
            reweighted(lambda weight: np.flip(weight, tuple(range(1, weight.ndim)))),
        ),
        (
            "kernel-flipped-with-filters",
            "The weight is flipped along all its axes, as np.flip does: the filters too.",
            "y[o, i] = bias[o] + Σ x[c, i·s + a·d - p] · weight[O - 1 - o, C - 1 - c, K - 1 - a],\n"
            "not weight[o, c, a]",
            "one filter, one channel and a 1×1 kernel",
            (case(ONE, FILTERS), case(TWO, ONE)),
            reweighted(np.flip),
        ),
    ),
    *rows(
        "output",
        SEVERAL,
        (
            "kernel-mirrored",
            "The last axis of the kernel is flipped, its columns.",
            "y[i, j] = bias + Σ x[i + a, j + b] · weight[a, KW - 1 - b], not weight[a, b]",
            "a kernel of one column",
            (case(TWO, TWO), case(_DOWN, _DOWN)),
            reweighted(lambda weight: weight[..., ::-1]),
        ),
        (
            "kernel-upside-down",
            "The first axis of the kernel is flipped: its rows, or its depth if there is one.",
            "y[i, j] = bias + Σ x[i + a, j + b] · weight[KH - 1 - a, b], not weight[a, b]",
            "a kernel of one row",
            (case(_DOWN, _DOWN), case(TWO, TWO)),
            reweighted(lambda weight: weight[:, :, ::-1]),
        ),
    ),
    *rows(
        "output",
        EVERY,
        (
            "weight-channels-swapped",
            "The weight's memory is read as (C, O, KH, KW).",
            "y[o, i] = bias[o] + Σ x[c, i·s + a·d - p] · weight.reshape(C, O, K)[c, o, a],\n"
            "not weight[o, c, a]",
            "one filter or one channel",
            (case(CHANNELS, (2, 2, 1, 1)), case(ONE, FILTERS)),
            reweighted(as_filters),
        ),
        (
            "weight-reshaped-to-hwio",
            "The weight is reshaped to (KH, KW, C, O) instead of transposed.",
            "y[o, i] = bias[o] + Σ x[c, i·s + a·d - p] · weight.reshape(K, C, O)[a, c, o],\n"
            "not weight[o, c, a]",
            "one filter, or one channel and a 1×1 kernel, and all that is symmetric",
            (case(TWO, (2, 1, 1, 2)), case(TWO, TWO)),
            reweighted(_as_hwio),
        ),
        (
            "columns-channels-last",
            "Columns in the order (KH, KW, C) meet weights in the order (C, KH, KW).",
            "y[o, i] = bias[o] + Σ x[c, i·s + a·d - p] · weight.reshape(O, K, C)[o, a, c],\n"
            "not weight[o, c, a]",
            "one channel or a 1×1 kernel",
            (case((1, 2, 1, 2), (1, 2, 1, 2)), case(TWO, TWO)),
            reweighted(_channels_last),
        ),
        (
            "output-reshaped",
            "The result (N, H, W, O) is reshaped to NCHW instead of transposed.",
            "y (N, Lout, O).reshape(N, O, Lout), not its transpose",
            "one filter, or one output pixel",
            (case(TWO, FILTERS), case(TWO, ONE)),
            {
                "after": lambda y, inputs: np.moveaxis(y, 1, -1).reshape(y.shape),
                "shows_if": lambda h, s: s["weight"][0] > 1 and several_windows(h, s),
            },
        ),
        (
            "output-batch-reshaped",
            "The result (O, N, H, W), of weights times columns, is reshaped to NCHW.",
            "y (O, N, Lout).reshape(N, O, Lout), not its transpose",
            "one filter, or one sample",
            (case((2, 1, 1, 1), FILTERS), case(ONE, FILTERS)),
            {
                "after": lambda y, inputs: y.swapaxes(0, 1).reshape(y.shape),
                "shows_if": lambda h, s: s["weight"][0] > 1 and s["x"][0] > 1,
            },
        ),
        (
            "first-channel-only",
            "Only the first input channel is used.",
            "y[o, i] = bias[o] + Σ x[0, i·s + a·d - p] · weight[o, 0, a], not the sum over all c",
            "one channel",
            (case(CHANNELS, CHANNELS), case(ONE, ONE)),
            _only(slice(1)),
        ),
        (
            "channels-not-summed",
            "Channels overwrite the sum instead of adding to it, so the last one is left.",
            "y[o, i] = bias[o] + Σ x[C - 1, i·s + a·d - p] · weight[o, C - 1, a],\n"
            "not the sum over all c",
            "one channel",
            (case(CHANNELS, CHANNELS), case(ONE, ONE)),
            _only(slice(-1, None)),
        ),
        (
            "bias-missing",
            "The bias is not added.",
            "y[o, i] = Σ x[c, i·s + a·d - p] · weight[o, c, a], not bias[o] + Σ …",
            "biases of 0",
            (case(ONE, ONE, 1), case(ONE, ONE)),
            {"before": lambda inputs: inputs.but(bias=None), "shows_if": has_bias},
        ),
        (
            "bias-for-every-channel",
            "The bias is added once for each input channel, in the loop over them.",
            "y[o, i] = C·bias[o] + Σ x[c, i·s + a·d - p] · weight[o, c, a], not bias[o] + Σ …",
            "one channel, or biases of 0",
            (case(CHANNELS, CHANNELS, 1), case(ONE, ONE, 1)),
            {
                "before": _biased_often,
                "shows_if": lambda h, s: has_bias(h, s) and s["weight"][1] > 1,
            },
        ),
        (
            "groups-ignored",
            "Every group sees the channels of the first one.",
            "filter o sees the channels 0 to C/G - 1, not those of its group ⌊o / (O/G)⌋",
            "one group",
            (case(CHANNELS, FILTERS, groups=2), case(ONE, FILTERS)),
            {"before": _ungrouped, "shows_if": lambda hyper, shapes: hyper["groups"] > 1},
        ),
        (
            "groups-interleaved",
            "Channel c belongs to group c % groups instead of c // (C / groups).",
            "filter o sees the channels ⌊o / (O/G)⌋ + G·c, not ⌊o / (O/G)⌋·C/G + c",
            "one group, or one channel a group",
            (
                case((1, 4, 1, 1), (2, 2, 1, 1), groups=2),
                case(CHANNELS, FILTERS, groups=2),
            ),
            {
                "before": interleaved,
                "shows_if": lambda h, s: h["groups"] > 1 and s["weight"][1] > 1,
            },
        ),
        (
            "groups-filters-interleaved",
            "Filter o belongs to group o % groups instead of o // (O / groups).",
            "filter o sees the channels of group o % G, not of group ⌊o / (O/G)⌋",
            "one group, or one filter a group",
            (
                case(CHANNELS, (4, 1, 1, 1), groups=2),
                case(CHANNELS, FILTERS, groups=2),
            ),
            {
                "before": _filters_dealt,
                "after": _gathered,
                "shows_if": lambda h, s: h["groups"] > 1 and s["weight"][0] > h["groups"],
            },
        ),
        (
            "float16",
            "The sums are accumulated in float16.",
            "y[o, i] = fl16(bias[o] + Σ x[c, i·s + a·d - p] · weight[o, c, a]), not in its dtype",
            "small integers",
            (case(ONE, ONE), Case(case(ONE, ONE).arrays, values=_SMALL)),
            {"before": half, "shows_if": lambda hyper, shapes: True},
        ),
    ),
]
