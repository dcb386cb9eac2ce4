"""Mistakes of windows as columns: their order, and how images are put together from them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import numpy as np

from reference_tests.faults.fault import Array, Fault, Hyper, Inputs, Shapes, oracle
from reference_tests.faults.orders import exchanged, ordered
from reference_tests.faults.table import Given, drawn, gradients, listed_apart
from reference_tests.operations.windows import floor_size, pair

_COLUMNS = ("unfold", "fold")

Pair = tuple[int, int]
_Order = Callable[[Pair, Pair], Iterable[tuple[int, ...]]]


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
    return exchanged(array, array.ndim - 2, (array.shape[-2] // taps, taps), given)


def _taps_transposed(array: Array, inputs: Inputs, given: bool) -> Array:
    height, width = pair(inputs.hyper["kernel_size"])
    *lead, _, windows = array.shape
    apart = array.reshape(*lead, -1, height * width, windows)
    return exchanged(apart, len(lead) + 1, (height, width), given).reshape(array.shape)


def _windows_transposed(array: Array, inputs: Inputs, given: bool) -> Array:
    return exchanged(array, array.ndim - 1, _windows(inputs.hyper, inputs.shapes), given)


def _overlaps(hyper: Hyper, shapes: Shapes) -> bool:
    return math.prod(pair(hyper["kernel_size"])) > 1 and math.prod(_windows(hyper, shapes)) > 1


def _assigned(image: Array, inputs: Inputs, order: _Order) -> Array:
    """Return the image to which is assigned what sees a pixel; the last in an order stays."""
    hyper, result = inputs.hyper, np.zeros(image.shape)
    kernel, windows = pair(hyper["kernel_size"]), _windows(hyper, inputs.shapes)
    steps, edges, holes = (pair(hyper[name]) for name in ("stride", "padding", "dilation"))
    given = inputs["x"] if "output_size" in hyper else inputs.grad_output
    taps = given.reshape(*image.shape[:-2], *kernel, *windows)
    for a, b, i, j in order(kernel, windows):
        row = i * steps[0] + a * holes[0] - edges[0]
        column = j * steps[1] + b * holes[1] - edges[1]
        if 0 <= row < image.shape[-2] and 0 <= column < image.shape[-1]:
            result[..., row, column] = taps[..., a, b, i, j]
    return result


def _by_windows(kernel: Pair, windows: Pair) -> Iterable[tuple[int, ...]]:
    return ((a, b, i, j) for i, j, a, b in np.ndindex(*windows, *kernel))


def _by_taps(kernel: Pair, windows: Pair) -> Iterable[tuple[int, ...]]:
    return np.ndindex(*kernel, *windows)


def _averaged(image: Array, inputs: Inputs) -> Array:
    """Return the image divided by how many windows see each pixel."""
    folds = "output_size" in inputs.hyper
    name, array = ("x", inputs["x"]) if folds else ("grad_output", inputs.grad_output)
    ones = inputs.but(**{name: np.ones_like(array)})
    counts = oracle(ones, "output" if folds else "grad_input")
    return np.asarray(image / np.maximum(counts, 1))


def _columns(image: tuple[int, ...], kernel: tuple[int, int], windows: int) -> Given:
    """Return what makes a case of unfold by its image, or of fold by the columns of that."""

    def case(operation: str) -> Any:
        if operation == "unfold":
            return drawn(x=image, kernel_size=kernel)(operation)
        rows = image[1] * math.prod(kernel)
        shape = (image[0], rows, windows)
        return drawn(x=shape, output_size=image[2:], kernel_size=kernel)(operation)

    return case


_LONE = _columns((1, 1, 1, 1), (1, 1), 1)
_OVERLAPPING = _columns((1, 1, 1, 3), (1, 2), 2)

# What sentences call the output, operations, the row of `listed` up to its cases, and the mistake
# of each output that has it.
_TABLE: tuple[tuple[Any, ...], ...] = (
    (
        "The output",
        _COLUMNS,
        "taps-before-channels",
        "{} has the rows of the columns in the order (KH, KW, C), not (C, KH, KW).",
        "{} with columns[(a KW + b) C + c], not columns[(c KH + a) KW + b]",
        "one channel, or a kernel of one tap",
        (_columns((1, 2, 1, 2), (1, 2), 1), _OVERLAPPING),
        ordered(
            _taps_first,
            lambda h, s: _channels(h, s) > 1 and math.prod(pair(h["kernel_size"])) > 1,
        ),
    ),
    (
        "The output",
        _COLUMNS,
        "taps-transposed",
        "{} has rows and columns of the kernel exchanged in the columns.",
        "{} with columns[(c KW + b) KH + a], not columns[(c KH + a) KW + b]",
        "a kernel of one row or one column",
        (_columns((1, 1, 2, 2), (2, 2), 1), _OVERLAPPING),
        ordered(_taps_transposed, lambda h, s: min(pair(h["kernel_size"])) > 1),
    ),
    (
        "The output",
        _COLUMNS,
        "windows-transposed",
        "{} has the windows column by column, not row by row.",
        "{} with columns[:, j OH + i], not columns[:, i OW + j]",
        "windows in one row or one column",
        (_columns((1, 1, 2, 2), (1, 1), 4), _OVERLAPPING),
        ordered(_windows_transposed, lambda h, s: min(_windows(h, s)) > 1),
    ),
    *(
        (
            "The image",
            (operation,),
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
                partial(_assigned, order=_by_windows),
            ),
            (
                "overlaps-assigned-by-taps",
                "{} is assigned tap by tap, so of overlapping windows the last tap counts.",
                "{}[all places of a tap] = …, not … += …",
                partial(_assigned, order=_by_taps),
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
    *(fault for row in _TABLE for fault in listed_apart(("columns", *row))),
    *gradients("columns", _COLUMNS, _LONE),
]
