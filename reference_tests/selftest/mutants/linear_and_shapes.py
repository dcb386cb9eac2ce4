"""Mistakes in linear layers, and in operations that move values."""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_tests.selftest.mutants.mutant import Call, beyond, mutant, right

MOVED = r"permut|order\b|moved|rearranged|transpos|places?\b"


def first_bias_for_all(y: Any, call: Call) -> Any:
    """Add the first bias to all features."""
    return y if call.bias is None else y - call.bias + call.bias[0]


def first_sample_left_out(grad: Any, call: Call) -> Any:
    """Sum over all samples but the first."""
    if call.x.ndim < 2:
        return grad
    grads = call.grad_output.copy()
    grads[:1] = 0
    return right("linear", call, "grad_weight", grad_output=grads)


def last_feature_left_out(grad: Any, call: Call) -> Any:
    """Leave the gradient of the last feature at 0."""
    grad[..., -1:] = 0
    return grad


def from_the_bottom(y: Any, call: Call) -> Any:
    """Read the last of the joined axes but one from its end."""
    start, end = call.start_dim % call.x.ndim, call.end_dim % call.x.ndim
    return np.flip(call.x, end - 1).reshape(y.shape) if end > start else y


def sides_exchanged(y: Any, call: Call) -> Any:
    """Pad after the input what is to come before it."""
    if call.mode != "constant":
        return y
    widths = [w for side in zip(call.pad[1::2], call.pad[::2], strict=True) for w in side]
    return right("pad", call, pad=tuple(widths))


def outermost_repeated(y: Any, call: Call) -> Any:
    """Reflect with the outermost value."""
    if call.mode != "reflect" or min(call.pad) < 0:
        return y
    pairs = list(zip(call.pad[::2], call.pad[1::2], strict=True))[::-1]
    return np.pad(call.x, [(0, 0)] * (call.x.ndim - len(pairs)) + pairs, "symmetric")


def always_corners(y: Any, call: Call) -> Any:
    """Align the corners, whatever is asked."""
    linear = call.mode in ("linear", "bilinear", "trilinear", "bicubic")
    if not linear or call.antialias:
        return y
    return right("interpolate", call, align_corners=True)


def blocks_first(y: Any, call: Call) -> Any:
    """Take the channels in the order (r, r, C), not (C, r, r)."""
    factor, (*lead, channels, height, width) = call.upscale_factor, call.x.shape
    blocks = call.x.reshape(*lead, factor * factor, channels // factor**2, height, width)
    return right("pixel_shuffle", call, x=blocks.swapaxes(-3, -4).reshape(call.x.shape))


def taps_first(y: Any, call: Call) -> Any:
    """Return the columns in the order (KH, KW, C), not (C, KH, KW)."""
    channels, (*lead, rows, windows) = call.x.shape[-3], y.shape
    taps = y.reshape(*lead, channels, rows // channels, windows)
    return taps.swapaxes(-2, -3).reshape(y.shape)


def shuffled_back(y: Any, call: Call) -> Any:
    """Shuffle by the inverse permutation."""
    return right("channel_shuffle", call, groups=call.x.shape[1] // call.groups)


MUTANTS = (
    mutant(
        "linear/first-bias-for-all",
        "All features get the first bias.",
        "linear",
        "output",
        r"\bbias|first (feature|column)|constant",
        first_bias_for_all,
    ),
    mutant(
        "linear/weight-grad-without-first-sample",
        "The weight gradient lacks the first sample.",
        "linear",
        "grad_weight",
        (
            r"(first|one|a) sample|sample 0|samples? but|batch size",
            r"first index of the first axis of x",
            beyond("batch"),
            beyond("N"),
        ),
        first_sample_left_out,
    ),
    mutant(
        "linear/input-grad-of-last-feature",
        "The last feature of the input has no gradient.",
        "linear",
        "grad_input",
        r"last (feature|column|position|element|value|index of the last axis)|border|\bedges?\b",
        last_feature_left_out,
    ),
    mutant(
        "flatten/from-the-bottom",
        "The rows are read from the last one up, as bitmaps are stored.",
        "flatten",
        "output",
        rf"{MOVED}|flip|revers|upside",
        from_the_bottom,
    ),
    mutant(
        "pad/sides-exchanged",
        "What is to be padded before an axis is padded after it.",
        "pad",
        "output",
        r"\bpad\b|before|after|exchang|swapp?|shift|constant",
        sides_exchanged,
    ),
    mutant(
        "pad/outermost-repeated",
        "A reflection repeats the outermost value.",
        "pad",
        "output",
        r"reflect|border|\bedges?\b|outermost",
        outermost_repeated,
    ),
    mutant(
        "interpolate/always-corners",
        "Corners are always aligned.",
        "interpolate",
        "output",
        r"align_corners|linear|cubic|corners",
        always_corners,
    ),
    mutant(
        "pixel-shuffle/blocks-first",
        "The channels are taken in the order (r, r, C), not (C, r, r).",
        "pixel_shuffle",
        "output",
        (MOVED, beyond("channels?"), r"upscale_factor"),
        blocks_first,
    ),
    mutant(
        "unfold/taps-first",
        "The columns are in the order (KH, KW, C), not (C, KH, KW).",
        "unfold",
        "output",
        (MOVED, beyond("channels?"), r"first channel"),
        taps_first,
    ),
    mutant(
        "channel-shuffle/inverse",
        "The channels are shuffled back: the permutation is the inverse one.",
        "channel_shuffle",
        "output",
        (MOVED, r"groups?\b"),
        shuffled_back,
    ),
)
