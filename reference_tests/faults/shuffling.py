"""Mistakes of shuffling pixels and channels."""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_tests.case import Case
from reference_tests.faults.fault import Array, Fault, Hyper, Inputs, Shapes
from reference_tests.faults.orders import exchanged, ordered
from reference_tests.faults.table import Given, both, drawn, gradients, listed_apart

_PIXELS = ("pixel_shuffle", "pixel_unshuffle")
_CHANNELS = ("channel_shuffle",)
_BOTH = ("output", "grad_input")


def _factor(hyper: Hyper) -> int:
    return int(hyper.get("upscale_factor") or hyper["downscale_factor"])


def _coarse(hyper: Hyper, shapes: Shapes) -> tuple[int, int, int]:
    """Return the channels of the fine image, and the height and width of the coarse one."""
    r, (channels, height, width) = _factor(hyper), shapes["x"][-3:]
    if "upscale_factor" in hyper:
        return channels // r**2, height, width
    return channels, height // r, width // r


def _transposed_blocks(array: Array, inputs: Inputs, given: bool) -> Array:
    r, (*lead, channels, height, width) = _factor(inputs.hyper), array.shape
    blocks = array.reshape(*lead, channels // r**2, r, r, height, width)
    return blocks.swapaxes(-3, -4).reshape(array.shape)


def _blocks_first(array: Array, inputs: Inputs, given: bool) -> Array:
    r = _factor(inputs.hyper)
    return exchanged(array, array.ndim - 3, (array.shape[-3] // r**2, r * r), given)


def _scales(hyper: Hyper, shapes: Shapes) -> bool:
    return _factor(hyper) > 1


def _reshaped(y: Array, inputs: Inputs) -> Array:
    return np.asarray(inputs["x"].reshape(y.shape))


def _reshaped_grad(grad: Array, inputs: Inputs) -> Array:
    return np.asarray(inputs.grad_output.reshape(grad.shape))


def _reshapes(hyper: Hyper, shapes: Shapes) -> bool:
    _, height, width = _coarse(hyper, shapes)
    return _scales(hyper, shapes) and height * width > 1


def _back(inputs: Inputs) -> Inputs:
    return inputs.but(groups=inputs["x"].shape[1] // inputs.hyper["groups"])


def _turns(hyper: Hyper, shapes: Shapes) -> bool:
    return shapes["x"][1] not in (hyper["groups"], hyper["groups"] ** 2) and hyper["groups"] > 1


def _deals(hyper: Hyper, shapes: Shapes) -> bool:
    return bool(1 < hyper["groups"] < shapes["x"][1])


def _pixels(channels: int, height: int, width: int, r: int) -> Given:
    """Return what makes a case by the channels of the fine image and the size of the coarse one."""
    return lambda operation: (
        drawn(x=(channels * r * r, height, width), upscale_factor=r)(operation)
        if operation == "pixel_shuffle"
        else drawn(x=(channels, height * r, width * r), downscale_factor=r)(operation)
    )


def _lone(operation: str) -> Case:
    return (drawn(x=(1, 2, 1), groups=2) if operation in _CHANNELS else _SAME)(operation)


_BLOCK, _SAME = _pixels(1, 1, 1, 2), _pixels(1, 1, 1, 1)

# Operations, the row of `listed` up to its cases, and the mistake of each output that has it.
_TABLE: tuple[tuple[Any, ...], ...] = (
    (
        _PIXELS,
        "blocks-transposed",
        "{} has rows and columns of each block of pixels exchanged.",
        "{} with x[c r² + j r + i, h, w], not x[c r² + i r + j, h, w]",
        "a factor of 1",
        (_BLOCK, _SAME),
        ordered(_transposed_blocks, _scales),
    ),
    (
        _PIXELS,
        "blocks-before-channels",
        "{} has the pixels of a block before the channels, as depth_to_space has them.",
        "{} with x[(i r + j) C + c, h, w], not x[c r² + i r + j, h, w]",
        "one channel, or a factor of 1",
        (_pixels(2, 1, 1, 2), _BLOCK),
        ordered(_blocks_first, lambda h, s: _scales(h, s) and _coarse(h, s)[0] > 1),
    ),
    (
        _PIXELS,
        "reshaped",
        "{} is only reshaped.",
        "{} = reshape, not reshape, transpose, reshape",
        "a coarse image of one pixel, or a factor of 1",
        (_pixels(1, 1, 2, 2), _BLOCK),
        {
            output: {"after": after, "shows_if": _reshapes}
            for output, after in zip(_BOTH, (_reshaped, _reshaped_grad), strict=True)
        },
    ),
    (
        _CHANNELS,
        "channels-dealt-back",
        "{} has the channels permuted by the inverse.",
        "{} with groups = C / groups",
        "one group, one channel a group, or as many groups as channels in each",
        (drawn(x=(1, 6, 1), groups=2), drawn(x=(1, 4, 1), groups=2)),
        both({"before": _back, "shows_if": _turns}),
    ),
    (
        _CHANNELS,
        "channels-kept",
        "{} has the channels where they were.",
        "{} with groups = 1",
        "one group, or one channel a group",
        (drawn(x=(1, 4, 1), groups=2), drawn(x=(1, 4, 1), groups=4)),
        both({"before": lambda i: i.but(groups=1), "shows_if": _deals}),
    ),
)

FAULTS: list[Fault] = [
    *(fault for row in _TABLE for fault in listed_apart(("shuffle", "The output", *row))),
    *gradients("shuffle", (*_PIXELS, *_CHANNELS), _lone),
]
