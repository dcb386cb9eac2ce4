"""The records of the transposed convolutions over one to three axes."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np

from reference_tests.case import Case, Spec
from reference_tests.draw import Draw
from reference_tests.operation import Invalid, Operation
from reference_tests.operations.convolution import (
    BOTH,
    FAMILIES,
    TAPS,
    WINDOWS,
    draw_channels,
    draw_lead,
    pinned,
)
from reference_tests.operations.windows import each, seeing, seen, spread
from reference_tests.strategies import finished, optional, per_axis, window_axes
from reference_tests.tolerance import contract


def definition(
    x: Any,
    weight: Any,
    bias: Any = None,
    *,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Any:
    """Return ``y[n,o,h,w] = bias[o] + Σ x[n, c, i, j] · weight[c, o, a, b]``.

    The sum is over all elements and taps with ``h = i·s + a·d - p``, and so for each axis.
    """
    channels, filters, *kernel = weight.shape
    spatial = len(kernel)
    *lead, _ = x.shape[:-spatial]
    size, n = x.shape[-spatial:], math.prod(lead)
    hyper = (each(value, spatial) for value in (stride, padding, output_padding, dilation))
    axes = []
    for i, k, s, p, extra, d in zip(size, kernel, *hyper, strict=True):
        axes.append(((i - 1) * s - 2 * p + d * (k - 1) + extra + 1, i, k, s, p, d))
    output = [axis[0] for axis in axes]
    images = x.reshape(n, channels, *size)
    sources = spread(images, [seeing(*axis) for axis in axes])
    sources = sources.reshape(n, groups, channels // groups, *sources.shape[2:])
    channel_groups = weight.reshape(groups, channels // groups, filters, *kernel)
    start = None if bias is None else bias.reshape(groups, filters, *(1,) * spatial)
    pixel, tap, both = WINDOWS[:spatial], TAPS[:spatial], BOTH[spatial]
    y = contract(f"ngc{both},gco{tap}->ngo{pixel}", sources, channel_groups, start)

    def pullback(grad_output: Any) -> Any:
        grads = grad_output.reshape(n, groups * filters, *output)
        targets = spread(grads, [seen(*axis) for axis in axes])
        targets = targets.reshape(n, groups, filters, *targets.shape[2:])
        grad_x = contract(f"ngo{both},gco{tap}->ngc{pixel}", targets, channel_groups)
        by_group = images.reshape(n, groups, channels // groups, *size)
        grad_weight = contract(f"ngc{pixel},ngo{both}->gco{tap}", by_group, targets)
        grad_bias = None if bias is None else grads.sum((0, *range(2, grads.ndim)))
        return grad_x.reshape(*x.shape), grad_weight.reshape(*weight.shape), grad_bias

    return y.reshape(*lead, groups * filters, *output), pullback


def strategy(draw: Draw, spatial: int) -> Case:
    """Draw a transposed convolution, from the windows of the convolution that it transposes."""
    axes = window_axes(draw, spatial)
    extra, size = [], []
    for place, axis in enumerate(axes):
        drawn = partial(draw.integer, 0, max(axis.stride, axis.dilation) - 1)
        extra.append(draw.parameter("output_padding", drawn, place))
        full = (axis.output - 1) * axis.stride + axis.dilation * (axis.kernel - 1) + 1 + extra[-1]
        # What the padding cuts leaves at least one element.
        lacking = max(0, 1 + 2 * axis.padding - full)
        size.append(axis.output + -(-lacking // axis.stride))
    groups, channels, per_group = draw_channels(draw, spatial)
    lead, kernel = draw_lead(draw), tuple(axis.kernel for axis in axes)
    return finished(
        draw,
        {
            "x": Spec((*lead, groups * channels, *size)),
            "weight": Spec((groups * channels, per_group, *kernel)),
            "bias": optional(draw, "bias", lambda: Spec((groups * per_group,))),
        },
        {
            "stride": per_axis(draw, "stride", axes),
            "padding": per_axis(draw, "padding", axes),
            "output_padding": extra[0] if len(set(extra)) == 1 else tuple(extra),
            "groups": groups,
            "dilation": per_axis(draw, "dilation", axes),
        },
        FAMILIES,
    )


PINNED = {
    1: (
        pinned((2, 2, 3), (2, 3, 4), (3,), 1, stride=3, padding=1, output_padding=2),
        pinned((2, 2, 3), (2, 3, 2), (3,), 2, padding=1, output_padding=2, dilation=3),
        pinned((4, 3), (4, 3, 2), (6,), 3, stride=2, output_padding=1, groups=2),
    ),
    2: (
        pinned(
            (2, 2, 3, 2),
            (2, 3, 3, 2),
            (3,),
            1,
            stride=(2, 3),
            padding=(1, 0),
            output_padding=(0, 2),
        ),
        pinned(
            (2, 2, 2, 4),
            (2, 3, 1, 3),
            (3,),
            2,
            padding=(0, 2),
            output_padding=(0, 1),
            dilation=(1, 2),
        ),
        pinned(
            (4, 2, 3),
            (4, 1, 2, 3),
            (2,),
            3,
            stride=(3, 1),
            output_padding=(1, 0),
            groups=2,
            dilation=(2, 1),
        ),
    ),
    3: (
        pinned(
            (2, 2, 2, 1, 3),
            (2, 3, 2, 3, 1),
            (3,),
            1,
            stride=(1, 2, 3),
            padding=(1, 0, 0),
            output_padding=(0, 1, 2),
        ),
        pinned(
            (4, 2, 3, 1),
            (4, 1, 1, 2, 3),
            (2,),
            2,
            padding=(0, 1, 2),
            output_padding=(2, 0, 1),
            stride=(3, 1, 1),
            dilation=(1, 3, 2),
            groups=2,
        ),
        pinned(
            (2, 2, 2, 1, 2),
            (2, 3, 1, 2, 3),
            (3,),
            3,
            stride=(1, 1, 2),
            padding=(0, 0, 1),
            output_padding=(0, 0, 1),
        ),
    ),
}


def _invalid(spatial: int) -> tuple[Invalid, ...]:
    x = np.zeros((2, 4, 5, 6, 7)[: 2 + spatial])
    weight = np.zeros((4, 6, 3, 2, 1)[: 2 + spatial])
    return (
        Invalid("x has no axis of channels", (x[0, 0], weight)),
        Invalid("weight has an axis too few", (x, weight[0])),
        Invalid("x has 3 channels, weight 4", (x[:, :3], weight)),
        Invalid("4 channels in 3 groups", (x, weight), {"groups": 3}),
        Invalid("a stride of 0", (x, weight), {"stride": 0}),
        Invalid("a negative padding", (x, weight), {"padding": -1}),
        Invalid("a padding that cuts everything", (x, weight), {"padding": 9}),
        Invalid("a negative output padding", (x, weight), {"output_padding": -1}),
        Invalid("an output padding of the stride", (x, weight), {"stride": 2, "output_padding": 2}),
        Invalid("a dilation of 0", (x, weight), {"dilation": 0}),
        Invalid("5 biases for 6 filters", (x, weight, np.zeros(5))),
        Invalid("x of float64 and weight of float32", (x, weight.astype(np.float32))),
    )


def _transposed(spatial: int) -> Operation:
    return Operation(
        name=f"conv_transpose{spatial}d",
        arrays=("x", "weight", "bias"),
        defaults={"stride": 1, "padding": 0, "output_padding": 0, "groups": 1, "dilation": 1},
        strategy=partial(strategy, spatial=spatial),
        definition=definition,
        differentiable=("x", "weight", "bias"),
        optional=("bias",),
        exact_scale=1,
        conventions="The padding is cut off the result on both sides; the output padding, less "
        "than the stride or the dilation, is added at its end. x may lack the axis N.",
        pinned=PINNED[spatial],
        invalid=_invalid(spatial),
    )


OPERATIONS = tuple(map(_transposed, (1, 2, 3)))
