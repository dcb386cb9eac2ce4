"""Mistakes of what moves values: padding, shuffling, and windows as columns."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from reference_tests.faults.fault import Array, Fault, Hyper, Inputs, Shapes, oracle
from reference_tests.faults.table import Changes, Given, both, drawn, gradients, listed_apart
from reference_tests.operations.windows import floor_size, pair

_PIXELS = ("pixel_shuffle", "pixel_unshuffle")
_CHANNELS = ("channel_shuffle",)
_COLUMNS = ("unfold", "fold")
# Those that are given what the others return: r² channels a pixel, or columns.
_INWARD = ("pixel_shuffle", "fold")
_BOTH = ("output", "grad_input")

Widths = list[tuple[int, int]]


def _widths(hyper: Hyper) -> Widths:
    """Return the widths before and after each padded axis, of the last axis first."""
    return list(zip(hyper["pad"][::2], hyper["pad"][1::2], strict=True))


def _padded(inputs: Inputs, pairs: Widths) -> Inputs:
    return inputs.but(pad=tuple(width for widths in pairs for width in widths))


def _possible(pairs: Widths, sizes: tuple[int, ...], mode: str) -> bool:
    """Return whether axes can be padded so."""

    def fits(size: int, before: int, after: int) -> bool:
        left = size + min(before, 0) + min(after, 0)
        most = {"reflect": size - 1, "circular": left}.get(mode, math.inf)
        return left >= (mode != "constant") and max(before, after) <= most

    return all(fits(n, *widths) for n, widths in zip(sizes[::-1], pairs, strict=False))


def _from_the_first(inputs: Inputs) -> Inputs:
    pairs = _widths(inputs.hyper)[::-1]
    possible = _possible(pairs, inputs["x"].shape, inputs.hyper["mode"])
    return _padded(inputs, pairs) if possible else inputs


def _repeated(inputs: Inputs) -> list[Array]:
    """Return which position of each axis is shown if a reflection repeats the outermost one."""
    x, pairs = inputs["x"], _widths(inputs.hyper)
    tables = [np.arange(size) for size in x.shape]
    for axis, (before, after) in enumerate(pairs[::-1], x.ndim - len(pairs)):
        wide = np.pad(tables[axis], (max(before, 0), max(after, 0)), "symmetric")
        tables[axis] = wide[max(-before, 0) : len(wide) - max(-after, 0)]
    return tables


def _symmetric(y: Array, inputs: Inputs) -> Array:
    if inputs.hyper["mode"] != "reflect":
        return y
    return np.asarray(inputs["x"][np.ix_(*_repeated(inputs))])


def _symmetric_grad(grad: Array, inputs: Inputs) -> Array:
    if inputs.hyper["mode"] != "reflect":
        return grad
    result = np.zeros(inputs["x"].shape)
    np.add.at(result, np.ix_(*_repeated(inputs)), inputs.grad_output)
    return result


def _widens(hyper: Any) -> bool:
    return any(width > 0 for width in hyper["pad"])


def _mode(instead: str, *modes: str) -> Changes:
    """Return the mistake that takes some modes for another one."""

    def before(inputs: Inputs) -> Inputs:
        taken = inputs.hyper["mode"] in modes
        return inputs.but(mode=instead, value=0.0) if taken else inputs

    return {"before": before, "shows_if": lambda h, s: h["mode"] in modes and _widens(h)}


_Change = Callable[[Array, Inputs, bool], Array]


def _inside(change: _Change, shows_if: Callable[[Hyper, Shapes], bool]) -> dict[str, Changes]:
    """Return the mistakes that have pixels' channels, or the rows of columns, in another order.

    `change` takes what is given so, or what is returned so and then False.
    """

    def of(gradient: bool) -> Changes:
        given = "grad_output" if gradient else "x"

        def is_given(inputs: Inputs) -> bool:
            return (inputs.operation.name in _INWARD) != gradient

        def before(inputs: Inputs) -> Inputs:
            if not is_given(inputs):
                return inputs
            array = inputs.grad_output if gradient else inputs["x"]
            return inputs.but(**{given: change(array, inputs, True)})

        def after(result: Array, inputs: Inputs) -> Array:
            return result if is_given(inputs) else change(result, inputs, False)

        return {"before": before, "after": after, "shows_if": shows_if}

    return {"output": of(False), "grad_input": of(True)}


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


def _exchanged(array: Array, axis: int, sizes: tuple[int, int], given: bool) -> Array:
    """Return an axis of two parts with the parts exchanged; what is given has them so already."""
    shape = array.shape
    parts = sizes[::-1] if given else sizes
    split = array.reshape(*shape[:axis], *parts, *shape[axis:][1:])
    return split.swapaxes(axis, axis + 1).reshape(shape)


def _blocks_first(array: Array, inputs: Inputs, given: bool) -> Array:
    r = _factor(inputs.hyper)
    return _exchanged(array, array.ndim - 3, (array.shape[-3] // r**2, r * r), given)


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


def _windows(hyper: Hyper, shapes: Shapes) -> tuple[int, int]:
    """Return how many windows lie above each other, and beside each other."""
    sizes = pair(hyper["output_size"]) if "output_size" in hyper else shapes["x"][-2:]
    options = (pair(hyper[name]) for name in ("kernel_size", "stride", "padding", "dilation"))
    rows, columns = (floor_size(*axis) for axis in zip(sizes, *options, strict=True))
    return rows, columns


def _channels(hyper: Hyper, shapes: Shapes) -> int:
    if "output_size" in hyper:
        return int(shapes["x"][-2] // math.prod(pair(hyper["kernel_size"])))
    return int(shapes["x"][-3])


def _taps_first(array: Array, inputs: Inputs, given: bool) -> Array:
    taps = math.prod(pair(inputs.hyper["kernel_size"]))
    return _exchanged(array, array.ndim - 2, (array.shape[-2] // taps, taps), given)


def _taps_transposed(array: Array, inputs: Inputs, given: bool) -> Array:
    height, width = pair(inputs.hyper["kernel_size"])
    *lead, _, windows = array.shape
    apart = array.reshape(*lead, -1, height * width, windows)
    return _exchanged(apart, len(lead) + 1, (height, width), given).reshape(array.shape)


def _windows_transposed(array: Array, inputs: Inputs, given: bool) -> Array:
    return _exchanged(array, array.ndim - 1, _windows(inputs.hyper, inputs.shapes), given)


def _overlaps(hyper: Hyper, shapes: Shapes) -> bool:
    return math.prod(pair(hyper["kernel_size"])) > 1 and math.prod(_windows(hyper, shapes)) > 1


def _assigned(image: Array, inputs: Inputs) -> Array:
    """Return the image to which the last window is assigned that sees a pixel."""
    hyper, result = inputs.hyper, np.zeros(image.shape)
    (height, width), (rows, columns) = pair(hyper["kernel_size"]), _windows(hyper, inputs.shapes)
    steps, edges, holes = (pair(hyper[name]) for name in ("stride", "padding", "dilation"))
    given = inputs["x"] if "output_size" in hyper else inputs.grad_output
    taps = given.reshape(*image.shape[:-2], height, width, rows, columns)
    for i, j, a, b in np.ndindex(rows, columns, height, width):
        row = i * steps[0] + a * holes[0] - edges[0]
        column = j * steps[1] + b * holes[1] - edges[1]
        if 0 <= row < image.shape[-2] and 0 <= column < image.shape[-1]:
            result[..., row, column] = taps[..., a, b, i, j]
    return result


def _averaged(image: Array, inputs: Inputs) -> Array:
    """Return the image divided by how many windows see each pixel."""
    folds = "output_size" in inputs.hyper
    name, array = ("x", inputs["x"]) if folds else ("grad_output", inputs.grad_output)
    ones = inputs.but(**{name: np.ones_like(array)})
    counts = oracle(ones, "output" if folds else "grad_input")
    return np.asarray(image / np.maximum(counts, 1))


_ROW: dict[str, Any] = {"kernel_size": (1, 2)}


def _columns(image: tuple[int, ...], kernel: tuple[int, int], windows: int) -> Given:
    """Return what makes a case of unfold by its image, or of fold by the columns of that."""

    def case(operation: str) -> Any:
        if operation == "unfold":
            return drawn(x=image, kernel_size=kernel)(operation)
        rows = image[1] * math.prod(kernel)
        shape = (image[0], rows, windows)
        return drawn(x=shape, output_size=image[2:], kernel_size=kernel)(operation)

    return case


def _pixels(channels: int, height: int, width: int, r: int) -> Given:
    """Return what makes a case by the channels of the fine image and the size of the coarse one."""
    return lambda operation: (
        drawn(x=(channels * r * r, height, width), upscale_factor=r)(operation)
        if operation == "pixel_shuffle"
        else drawn(x=(channels, height * r, width * r), downscale_factor=r)(operation)
    )


_BLOCK, _SAME = _pixels(1, 1, 1, 2), _pixels(1, 1, 1, 1)
_LONE = _columns((1, 1, 1, 1), (1, 1), 1)
_OVERLAPPING = _columns((1, 1, 1, 3), (1, 2), 2)
_REFLECTED = drawn(x=(1, 2), pad=(1, 0), mode="reflect")
_ZEROS = drawn(x=(2,), pad=(1, 0))

# Family, what sentences call the output, operations, the row of `listed` up to its cases, and the
# mistake of each output or gradient that has it.
_TABLE: tuple[tuple[Any, ...], ...] = (
    (
        *("pad", "The output", ("pad",)),
        "axes-reversed",
        "The widths are those of the first axes, not of the last ones.",
        "pad = (first axis, second axis, …), not (last axis, last but one, …)",
        "one padded axis, or the same widths on all",
        (drawn(x=(1, 2), pad=(1, 0, 0, 0)), _ZEROS),
        {
            "output": {
                "before": _from_the_first,
                "shows_if": lambda h, s: _widths(h) != _widths(h)[::-1],
            }
        },
    ),
    (
        *("pad", "The output", ("pad",)),
        "sides-exchanged",
        "{} is padded after an axis by what is to come before it, and the other way round.",
        "{} with (after, before), not (before, after)",
        "the same width on both sides",
        (_ZEROS, drawn(x=(2,), pad=(1, 1))),
        both(
            {
                "before": lambda i: _padded(i, [(b, a) for a, b in _widths(i.hyper)]),
                "shows_if": lambda h, s: any(a != b for a, b in _widths(h)),
            },
        ),
    ),
    (
        *("pad", "The output", ("pad",)),
        "outermost-repeated",
        "{} is that of a reflection that repeats the outermost value.",
        "{} with x[1] x[0] | x[0] x[1], not x[2] x[1] | x[0] x[1]",
        "another mode, or no width above 0",
        (_REFLECTED, _ZEROS),
        {
            output: {
                "after": after,
                "shows_if": lambda h, s: h["mode"] == "reflect" and _widens(h),
            }
            for output, after in zip(_BOTH, (_symmetric, _symmetric_grad), strict=True)
        },
    ),
    (
        *("pad", "The output", ("pad",)),
        "mode-ignored",
        "{} is that of a padding with zeros, whatever the mode.",
        "{} with mode = 'constant', value = 0",
        "the mode 'constant', or no width above 0",
        (_REFLECTED, _ZEROS),
        both(_mode("constant", "reflect", "replicate", "circular")),
    ),
    (
        *("pad", "The output", ("pad",)),
        "reflection-replicates",
        "{} is that of the outermost value repeated, where a reflection is asked for.",
        "{} with mode = 'replicate', not 'reflect'",
        "another mode, or no width above 0",
        (_REFLECTED, drawn(x=(1, 2), pad=(1, 0), mode="replicate")),
        both(_mode("replicate", "reflect")),
    ),
    (
        *("pad", "The output", ("pad",)),
        "value-ignored",
        "Zeros are padded, whatever the value.",
        "y with value = 0",
        "a value of 0, or no width above 0",
        (drawn(x=(1,), pad=(1, 0), value=1.5), _ZEROS),
        {
            "output": {
                "before": lambda i: i.but(value=0.0),
                "shows_if": lambda h, s: h["value"] != 0 and _widens(h),
            }
        },
    ),
    (
        *("pad", "The output", ("pad",)),
        "crop-ignored",
        "A negative width crops nothing.",
        "y with max(0, pad)",
        "no negative width",
        (drawn(x=(2,), pad=(-1, 0)), _ZEROS),
        {
            "output": {
                "before": lambda i: i.but(pad=tuple(max(w, 0) for w in i.hyper["pad"])),
                "shows_if": lambda h, s: min(h["pad"]) < 0,
            }
        },
    ),
    (
        *("shuffle", "The output", _PIXELS),
        "blocks-transposed",
        "{} has rows and columns of each block of pixels exchanged.",
        "{} with x[c r² + j r + i, h, w], not x[c r² + i r + j, h, w]",
        "a factor of 1",
        (_BLOCK, _SAME),
        _inside(_transposed_blocks, _scales),
    ),
    (
        *("shuffle", "The output", _PIXELS),
        "blocks-before-channels",
        "{} has the pixels of a block before the channels, as depth_to_space has them.",
        "{} with x[(i r + j) C + c, h, w], not x[c r² + i r + j, h, w]",
        "one channel, or a factor of 1",
        (_pixels(2, 1, 1, 2), _BLOCK),
        _inside(_blocks_first, lambda h, s: _scales(h, s) and _coarse(h, s)[0] > 1),
    ),
    (
        *("shuffle", "The output", _PIXELS),
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
        *("shuffle", "The output", _CHANNELS),
        "channels-dealt-back",
        "{} has the channels permuted by the inverse.",
        "{} with groups = C / groups",
        "one group, one channel a group, or as many groups as channels in each",
        (drawn(x=(1, 6, 1), groups=2), drawn(x=(1, 4, 1), groups=2)),
        both({"before": _back, "shows_if": _turns}),
    ),
    (
        *("shuffle", "The output", _CHANNELS),
        "channels-kept",
        "{} has the channels where they were.",
        "{} with groups = 1",
        "one group, or one channel a group",
        (drawn(x=(1, 4, 1), groups=2), drawn(x=(1, 4, 1), groups=4)),
        both({"before": lambda i: i.but(groups=1), "shows_if": _deals}),
    ),
    (
        *("columns", "The output", _COLUMNS),
        "taps-before-channels",
        "{} has the rows of the columns in the order (KH, KW, C), not (C, KH, KW).",
        "{} with columns[(a KW + b) C + c], not columns[(c KH + a) KW + b]",
        "one channel, or a kernel of one tap",
        (_columns((1, 2, 1, 2), (1, 2), 1), _OVERLAPPING),
        _inside(
            _taps_first,
            lambda h, s: _channels(h, s) > 1 and math.prod(pair(h["kernel_size"])) > 1,
        ),
    ),
    (
        *("columns", "The output", _COLUMNS),
        "taps-transposed",
        "{} has rows and columns of the kernel exchanged in the columns.",
        "{} with columns[(c KW + b) KH + a], not columns[(c KH + a) KW + b]",
        "a kernel of one row or one column",
        (_columns((1, 1, 2, 2), (2, 2), 1), _OVERLAPPING),
        _inside(_taps_transposed, lambda h, s: min(pair(h["kernel_size"])) > 1),
    ),
    (
        *("columns", "The output", _COLUMNS),
        "windows-transposed",
        "{} has the windows column by column, not row by row.",
        "{} with columns[:, j OH + i], not columns[:, i OW + j]",
        "windows in one row or one column",
        (_columns((1, 1, 2, 2), (1, 1), 4), _OVERLAPPING),
        _inside(_windows_transposed, lambda h, s: min(_windows(h, s)) > 1),
    ),
    *(
        (
            *("columns", "The image", (operation,)),
            *described,
            "windows that do not overlap",
            (_OVERLAPPING, _LONE),
            {output: {"after": after, "shows_if": _overlaps}},
        )
        for operation, output in (("fold", "output"), ("unfold", "grad_input"))
        for *described, after in (
            (
                "overlaps-assigned",
                "{} is assigned window by window, so of overlapping windows the last counts.",
                "{}[window] = …, not … += …",
                _assigned,
            ),
            (
                "overlaps-averaged",
                "{} is divided by the number of windows that see a pixel.",
                "{} / number of windows",
                _averaged,
            ),
        )
    ),
)


FAULTS: list[Fault] = [
    *(fault for row in _TABLE for fault in listed_apart(row)),
    *gradients("pad", ("pad",), drawn(x=(1,), pad=(1, 0))),
    *gradients(
        "shuffle",
        (*_PIXELS, *_CHANNELS),
        lambda name: (drawn(x=(1, 2, 1), groups=2) if name in _CHANNELS else _SAME)(name),
    ),
    *gradients("columns", _COLUMNS, _LONE),
]
