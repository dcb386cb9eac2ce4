"""The record of conv2d."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from reference_tests.case import Case, Spec
from reference_tests.draw import Draw
from reference_tests.operation import Invalid, Operation
from reference_tests.operations.windows import floor_size, pair, seeing, seen, spread
from reference_tests.strategies import batch, finished, optional, per_axis, window_axes
from reference_tests.tolerance import contract


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
    n, _, *size = x.shape
    filters, each, *kernel = weight.shape
    steps, gaps = pair(stride), pair(dilation)
    if padding == "same":
        total = [gap * (k - 1) for gap, k in zip(gaps, kernel, strict=True)]
        before, output = [t // 2 for t in total], size
    else:
        before = [0, 0] if padding == "valid" else list(pair(padding))
        output = [floor_size(*axis) for axis in zip(size, kernel, steps, before, gaps, strict=True)]
    axes = list(zip(size, output, kernel, steps, before, gaps, strict=True))
    windows = spread(x, [seen(*axis) for axis in axes])
    grouped = windows.reshape(n, groups, each, *windows.shape[2:])
    filter_groups = weight.reshape(groups, filters // groups, each, *kernel)
    start = None
    if bias is not None:
        pixels = (1, 1) if bias.ndim == 1 else output
        start = bias.reshape(groups, filters // groups, *pixels)
    y = contract("ngciajb,gocab->ngoij", grouped, filter_groups, start)

    def pullback(grad_output: Any, input_grad: bool = True) -> Any:
        grad_x = None
        if input_grad:
            users = spread(grad_output, [seeing(*axis) for axis in axes])
            users = users.reshape(n, groups, filters // groups, *users.shape[2:])
            grad_x = contract("ngohawb,gocab->ngchw", users, filter_groups).reshape(*x.shape)
        by_group = grad_output.reshape(n, groups, filters // groups, *output)
        grad_weight = contract("ngoij,ngciajb->gocab", by_group, grouped)
        grad_bias = None
        if bias is not None:
            grad_bias = grad_output.sum((0, 2, 3) if bias.ndim == 1 else 0)
        return grad_x, grad_weight.reshape(*weight.shape), grad_bias

    return y.reshape(n, filters, *output), pullback


def strategy(draw: Draw, untied: bool = False) -> Case:
    """Draw a convolution, asymmetric in everything."""
    named = draw.parameter("padding", lambda: "") if "padding" in draw.limits else ""
    if not named and "padding" not in draw.limits and draw.chance(1, 8):
        named = draw.choice(("same", "valid"))
    axes = window_axes(draw)
    if named == "same":
        axes = [axis._replace(stride=1, output=axis.size) for axis in axes]
    elif named == "valid":
        axes = [axis._replace(size=axis.size + 2 * axis.padding) for axis in axes]
    groups = draw.parameter("groups", lambda: draw.choice((1, 1, 2, 3)))
    each = draw.integer(1, 3)
    # Equal numbers of channels hide an exchange of the two; unequal ones hide nothing else.
    per_group = each if draw.chance(1, 4) else draw.integer(1, 3)
    n, filters = batch(draw), groups * per_group
    kernel = tuple(axis.kernel for axis in axes)
    output = tuple(axis.output for axis in axes)

    bias = Spec((filters, *output) if untied else (filters,))
    return finished(
        draw,
        {
            "x": Spec((n, groups * each, *(axis.size for axis in axes))),
            "weight": Spec((filters, each, *kernel)),
            "bias": bias if untied else optional(draw, "bias", lambda: bias),
        },
        {
            "stride": per_axis(draw, "stride", axes),
            "padding": named or per_axis(draw, "padding", axes),
            "dilation": per_axis(draw, "dilation", axes),
            "groups": groups,
        },
        ("zero-mean", "non-negative", "wide", "ties", "zeros", "subnormal"),
    )


def pinned() -> tuple[Case, ...]:
    """Return the case of 60 elements that exposes every mistake of the dictionary, and others."""
    small = {"x": Spec((2, 2, 5, 3)), "weight": Spec((3, 2, 3, 2)), "bias": Spec((3,))}
    grouped = {"x": Spec((2, 4, 5, 7)), "weight": Spec((6, 2, 2, 3)), "bias": Spec((6,))}
    thin = {"x": Spec((2, 3, 3, 4)), "weight": Spec((2, 3, 1, 1)), "bias": Spec((2,))}
    return (
        Case(small, {"stride": (2, 3), "padding": (1, 0), "dilation": 1, "groups": 1}, 1),
        Case(small, {"stride": (1, 2), "padding": (3, 2), "dilation": (2, 1), "groups": 1}, 2),
        Case(grouped, {"stride": (2, 1), "padding": (0, 1), "dilation": (1, 2), "groups": 2}, 3),
        Case(thin, {"stride": (2, 1), "padding": (1, 0), "dilation": 1, "groups": 1}, 5),
        Case(grouped, {"stride": 1, "padding": "same", "dilation": (2, 1), "groups": 2}, 6),
    )


_X, _W = np.zeros((2, 4, 5, 6)), np.zeros((6, 4, 3, 2))

conv2d = Operation(
    name="conv2d",
    arrays=("x", "weight", "bias"),
    defaults={"stride": 1, "padding": 0, "dilation": 1, "groups": 1},
    strategy=strategy,
    definition=definition,
    differentiable=("x", "weight", "bias"),
    optional=("bias",),
    exact_scale=1,
    conventions="The output size is floored; 'same' pads an even kernel at the end.",
    pinned=pinned(),
    invalid=(
        Invalid("x has 2 axes", (_X[0, 0], _W)),
        Invalid("weight has 3 axes", (_X, _W[0])),
        Invalid("x has 3 channels, weight 4", (_X[:, :3], _W)),
        Invalid("5 filters in 2 groups", (_X, _W[:5, :2]), {"groups": 2}),
        Invalid("4 channels in 3 groups", (_X, _W[:, :1]), {"groups": 3}),
        Invalid("a kernel larger than the input", (_X[:, :, :2], _W)),
        Invalid("a stride of 0", (_X, _W), {"stride": 0}),
        Invalid("a negative stride", (_X, _W), {"stride": (1, -1)}),
        Invalid("a negative padding", (_X, _W), {"padding": -1}),
        Invalid("a dilation of 0", (_X, _W), {"dilation": 0}),
        Invalid("an unknown padding", (_X, _W), {"padding": "full"}),
        Invalid("'same' with a stride", (_X, _W), {"padding": "same", "stride": 2}),
        Invalid("5 biases for 6 filters", (_X, _W, np.zeros(5))),
        Invalid("two dtypes", (_X, _W.astype(np.float32))),
        Invalid("an array of objects", (_X.astype(object), _W)),
    ),
)
_UNTIED = {"x": Spec((2, 2, 5, 3)), "weight": Spec((3, 2, 3, 2)), "bias": Spec((3, 3, 1))}

conv2d_untied_bias = replace(
    conv2d,
    name="conv2d_untied_bias",
    strategy=partial(strategy, untied=True),
    optional=(),
    conventions="conv2d with a bias of shape (O, Hout, Wout), one value per output pixel. PyTorch "
    "has none, so its reference adds one to its convolution.",
    pinned=(
        Case(_UNTIED, {"stride": (2, 3), "padding": (1, 0), "dilation": 1, "groups": 1}, 1),
        Case(
            {**_UNTIED, "bias": Spec((3, 3, 2))},
            {"stride": 1, "padding": 0, "dilation": 1, "groups": 1},
            2,
        ),
        Case(
            {"x": Spec((2, 4, 5, 7)), "weight": Spec((6, 2, 2, 3)), "bias": Spec((6, 3, 3))},
            {"stride": (1, 2), "padding": 0, "dilation": (2, 1), "groups": 2},
            3,
        ),
    ),
    invalid=(Invalid("a bias for other pixels", (_X, _W, np.zeros((6, 3, 4)))),),
)
OPERATIONS = (conv2d, conv2d_untied_bias)
