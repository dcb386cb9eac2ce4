"""The records of conv1d, conv2d and conv3d: one definition, one strategy."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from reference_tests.case import Case, Spec
from reference_tests.draw import Draw
from reference_tests.operation import Invalid, Operation
from reference_tests.operations.windows import each, floor_size, seeing, seen, spread
from reference_tests.strategies import batch, finished, optional, per_axis, window_axes
from reference_tests.tolerance import contract

# The letters of windows (or pixels), of taps, and of both in turn, in Einstein's notation.
WINDOWS, TAPS = "ijk", "abd"
BOTH = {
    axes: "".join(w + t for w, t in zip(WINDOWS, TAPS[:axes], strict=False)) for axes in (1, 2, 3)
}
FAMILIES = ("zero-mean", "non-negative", "wide", "ties", "zeros", "subnormal")


def definition(
    x: Any,
    weight: Any,
    bias: Any = None,
    *,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Any:
    """Return ``y[n,o,i,j] = bias[o] + Σ x[n, c, i·s + a·d - p, …] · weight[o, c, a, b]``."""
    filters, channels, *kernel = weight.shape
    spatial = len(kernel)
    *lead, _ = x.shape[:-spatial]
    size, n = x.shape[-spatial:], math.prod(lead)
    steps, gaps = each(stride, spatial), each(dilation, spatial)
    if padding == "same":
        before = [gap * (k - 1) // 2 for gap, k in zip(gaps, kernel, strict=True)]
        output = list(size)
    else:
        before = list(each(0 if padding == "valid" else padding, spatial))
        output = [floor_size(*axis) for axis in zip(size, kernel, steps, before, gaps, strict=True)]
    axes = list(zip(size, output, kernel, steps, before, gaps, strict=True))
    windows = spread(x.reshape(n, groups * channels, *size), [seen(*axis) for axis in axes])
    grouped = windows.reshape(n, groups, channels, *windows.shape[2:])
    filter_groups = weight.reshape(groups, filters // groups, channels, *kernel)
    start = None
    if bias is not None:
        pixels = (1,) * spatial if bias.ndim == 1 else output
        start = bias.reshape(groups, filters // groups, *pixels)
    pixel, tap, both = WINDOWS[:spatial], TAPS[:spatial], BOTH[spatial]
    y = contract(f"ngc{both},goc{tap}->ngo{pixel}", grouped, filter_groups, start)

    def pullback(grad_output: Any, input_grad: bool = True) -> Any:
        grads, grad_x = grad_output.reshape(n, filters, *output), None
        # A network's first layer is not asked for it, and it is the most work of all.
        if input_grad:
            users = spread(grads, [seeing(*axis) for axis in axes])
            users = users.reshape(n, groups, filters // groups, *users.shape[2:])
            grad_x = contract(f"ngo{both},goc{tap}->ngc{pixel}", users, filter_groups)
            grad_x = grad_x.reshape(*x.shape)
        by_group = grads.reshape(n, groups, filters // groups, *output)
        grad_weight = contract(f"ngo{pixel},ngc{both}->goc{tap}", by_group, grouped)
        grad_bias = None
        if bias is not None:
            grad_bias = grads.sum((0, *range(2, grads.ndim)) if bias.ndim == 1 else 0)
        return grad_x, grad_weight.reshape(*weight.shape), grad_bias

    return y.reshape(*lead, filters, *output), pullback


def strategy(draw: Draw, spatial: int = 2, untied: bool = False) -> Case:
    """Draw a convolution, asymmetric in everything."""
    named = draw.parameter("padding", lambda: "") if "padding" in draw.limits else ""
    if not named and "padding" not in draw.limits and draw.chance(1, 8):
        named = draw.choice(("same", "valid"))
    axes = window_axes(draw, spatial)
    if named == "same":
        axes = [axis._replace(stride=1, output=axis.size) for axis in axes]
    elif named == "valid":
        axes = [axis._replace(size=axis.size + 2 * axis.padding) for axis in axes]
    groups, channels, per_group = draw_channels(draw, spatial)
    lead, filters = draw_lead(draw), groups * per_group
    kernel = tuple(axis.kernel for axis in axes)
    output = tuple(axis.output for axis in axes)

    bias = Spec((filters, *output) if untied else (filters,))
    return finished(
        draw,
        {
            "x": Spec((*lead, groups * channels, *(axis.size for axis in axes))),
            "weight": Spec((filters, channels, *kernel)),
            "bias": bias if untied else optional(draw, "bias", lambda: bias),
        },
        {
            "stride": per_axis(draw, "stride", axes),
            "padding": named or per_axis(draw, "padding", axes),
            "dilation": per_axis(draw, "dilation", axes),
            "groups": groups,
        },
        FAMILIES,
    )


def draw_channels(draw: Draw, spatial: int) -> tuple[int, int, int]:
    """Draw the number of groups, and the channels and filters of each."""
    most = 2 if spatial > 2 else 3
    groups = draw.parameter("groups", lambda: draw.choice((1, 1, 2, 3)[: most + 1]))
    channels = draw.size(1, most)
    # Equal numbers of channels hide an exchange of the two; unequal ones hide nothing else.
    return groups, channels, channels if draw.chance(1, 4) else draw.size(1, most)


def draw_lead(draw: Draw) -> tuple[int, ...]:
    """Draw the axis N, which a subject of all parameters may have to do without."""
    n = batch(draw)
    return () if not draw.limits and draw.chance(1, 12) else (n,)


def pinned(x: Any, weight: Any, bias: Any, seed: int, **hyper: Any) -> Case:
    """Return a pinned case by the shapes of its arrays."""
    arrays = {"x": Spec(x), "weight": Spec(weight), "bias": Spec(bias)}
    return Case(arrays, {"stride": 1, "padding": 0, "dilation": 1, "groups": 1, **hyper}, seed)


PINNED = {
    1: (
        pinned((2, 2, 8), (3, 2, 3), (3,), 1, stride=2, padding=1),
        pinned((2, 2, 5), (3, 2, 3), (3,), 2, padding=3, dilation=2),
        pinned((2, 4, 9), (6, 2, 2), (6,), 3, stride=2, padding=1, dilation=3, groups=2),
        pinned((4, 7), (6, 2, 4), (6,), 4, padding="same", groups=2),
        pinned((2, 3, 7), (2, 3, 2), (2,), 5, stride=3, padding=2),
        pinned((2, 2, 6), (3, 2, 3), (3,), 6),
    ),
    # The first, of 60 elements, exposes every mistake of the dictionary that it can have.
    2: (
        pinned((2, 2, 5, 3), (3, 2, 3, 2), (3,), 1, stride=(2, 3), padding=(1, 0)),
        pinned((2, 2, 5, 3), (3, 2, 3, 2), (3,), 2, stride=(1, 2), padding=(3, 2), dilation=(2, 1)),
        pinned(
            (2, 4, 5, 7),
            (6, 2, 2, 3),
            (6,),
            3,
            stride=(2, 1),
            padding=(0, 1),
            dilation=(1, 2),
            groups=2,
        ),
        pinned((2, 3, 3, 4), (2, 3, 1, 1), (2,), 5, stride=(2, 1), padding=(1, 0)),
        pinned((2, 4, 5, 7), (6, 2, 2, 3), (6,), 6, padding="same", dilation=(2, 1), groups=2),
        pinned((2, 5, 3), (3, 2, 3, 2), (3,), 7, stride=(2, 3), padding=(1, 0)),
    ),
    3: (
        pinned((2, 2, 3, 5, 4), (3, 2, 2, 3, 1), (3,), 1, stride=(2, 1, 3), padding=(1, 0, 0)),
        pinned(
            (1, 4, 4, 3, 3),
            (2, 2, 1, 2, 3),
            (2,),
            2,
            stride=(3, 2, 1),
            padding=(0, 1, 2),
            dilation=(1, 3, 2),
            groups=2,
        ),
        pinned((2, 3, 2, 4), (3, 2, 2, 1, 4), (3,), 3, padding="same", dilation=(2, 1, 1)),
        pinned(
            (2, 2, 3, 2, 4),
            (4, 1, 1, 3, 2),
            (4,),
            4,
            stride=(2, 1, 1),
            padding=(1, 1, 0),
            groups=2,
        ),
    ),
}


def _invalid(spatial: int) -> tuple[Invalid, ...]:
    x = np.zeros((2, 4, 5, 6, 7)[: 2 + spatial])
    weight = np.zeros((6, 4, 3, 2, 1)[: 2 + spatial])
    ones = (1,) * (spatial - 1)
    return (
        Invalid("x has no axis of channels", (x[0, 0], weight)),
        Invalid("weight has an axis too few", (x, weight[0])),
        Invalid("x has 3 channels, weight 4", (x[:, :3], weight)),
        Invalid("5 filters in 2 groups", (x, weight[:5, :2]), {"groups": 2}),
        Invalid("4 channels in 3 groups", (x, weight[:, :1]), {"groups": 3}),
        Invalid("a kernel larger than the input", (x[:, :, :2], weight)),
        Invalid("a stride of 0", (x, weight), {"stride": 0}),
        Invalid("a negative stride", (x, weight), {"stride": (*ones, -1)}),
        Invalid("a negative padding", (x, weight), {"padding": -1}),
        Invalid("a dilation of 0", (x, weight), {"dilation": 0}),
        Invalid("an unknown padding", (x, weight), {"padding": "full"}),
        Invalid("'same' with a stride", (x, weight), {"padding": "same", "stride": 2}),
        Invalid("5 biases for 6 filters", (x, weight, np.zeros(5))),
        Invalid("x of float64 and weight of float32", (x, weight.astype(np.float32))),
        Invalid("an array of objects", (x.astype(object), weight)),
    )


def _convolution(spatial: int) -> Operation:
    return Operation(
        name=f"conv{spatial}d",
        arrays=("x", "weight", "bias"),
        defaults={"stride": 1, "padding": 0, "dilation": 1, "groups": 1},
        strategy=partial(strategy, spatial=spatial),
        definition=definition,
        differentiable=("x", "weight", "bias"),
        optional=("bias",),
        exact_scale=1,
        conventions="The output size is floored; 'same' pads an even kernel at the end. "
        "x may lack the axis N.",
        pinned=PINNED[spatial],
        invalid=_invalid(spatial),
    )


conv2d = _convolution(2)
conv2d_untied_bias = replace(
    conv2d,
    name="conv2d_untied_bias",
    strategy=partial(strategy, untied=True),
    optional=(),
    conventions="conv2d with a bias of shape (O, Hout, Wout), one value per output pixel. PyTorch "
    "has none, so its reference adds one to its convolution.",
    pinned=(
        pinned((2, 2, 5, 3), (3, 2, 3, 2), (3, 3, 1), 1, stride=(2, 3), padding=(1, 0)),
        pinned((2, 2, 5, 3), (3, 2, 3, 2), (3, 3, 2), 2),
        pinned((2, 4, 5, 7), (6, 2, 2, 3), (6, 3, 3), 3, stride=(1, 2), dilation=(2, 1), groups=2),
        pinned((2, 2, 4, 5), (3, 2, 1, 2), (3, 3, 2), 4, stride=2, padding=(1, 0)),
    ),
    invalid=(
        Invalid(
            "a bias for other pixels",
            (np.zeros((2, 4, 5, 6)), np.zeros((6, 4, 3, 2)), np.zeros((6, 3, 4))),
        ),
    ),
)
OPERATIONS = (
    _convolution(1),
    conv2d,
    conv2d_untied_bias,
    _convolution(3),
)
