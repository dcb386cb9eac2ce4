"""Mistakes of adaptive pooling: where its windows begin and end."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np

from reference_tests.faults.fault import Fault, Hyper, Inputs, Shapes
from reference_tests.faults.planes import (
    ADAPTIVE,
    MAXIMA,
    Array,
    Changes,
    Windows,
    across,
    case,
    chosen,
    filled,
    fitting,
    one_hot,
    plane,
    rows,
    seen_by,
    shared,
    size_of,
    spatial,
    tables,
)
from reference_tests.operations.adaptive import table
from reference_tests.operations.windows import Table

Spans = Callable[[int, int], list[range]]


def _equal(size: int, output: int) -> list[range]:
    """Return windows of one length, that begin after each other."""
    step = size // output
    return [range(i * step, i * step + max(step, 1)) for i in range(output)]


def _with_the_rest(size: int, output: int) -> list[range]:
    """Return windows of one length that overlap, so that the last one reaches the end."""
    step = size // output
    return [range(i * step, size - (output - 1 - i) * step) for i in range(output)]


def _apart(size: int, output: int) -> list[range]:
    """Return windows that end where the next one begins."""
    starts = [i * size // output for i in range(output + 1)]
    return [range(a, max(b, a + 1)) for a, b in itertools.pairwise(starts)]


def _wanted(hyper: Hyper, axes: int) -> tuple[Any, ...]:
    wanted = hyper["output_size"]
    return wanted if isinstance(wanted, tuple) else (wanted,) * axes


def _sizes(hyper: Hyper, size: tuple[int, ...]) -> list[int]:
    wanted = _wanted(hyper, len(size))
    return [n if m is None else m for n, m in zip(size, wanted, strict=True)]


def _tables(spans: Spans, hyper: Hyper, size: tuple[int, ...]) -> list[Table]:
    axes = zip(size, _sizes(hyper, size), strict=True)
    return [table([list(window) for window in spans(n, m)]) for n, m in axes]


def _shares(inputs: Inputs, windows: Windows) -> Array:
    """Return what each tap contributes to its window."""
    if inputs.operation.name in MAXIMA:
        return one_hot(chosen(windows), windows)
    return windows.inside / windows.inside.sum(1, keepdims=True)


def _spanned(spans: Spans) -> dict[str, Changes]:
    """Return the mistakes of other windows, of the output and of the gradient."""

    def seen(inputs: Inputs) -> Windows:
        return seen_by(inputs, _tables(spans, inputs.hyper, plane(inputs)))

    def output(y: Array, inputs: Inputs) -> Array:
        windows = seen(inputs)
        shares = _shares(inputs, windows)
        return np.where(shares != 0, windows.values * shares, 0).sum(-1).reshape(y.shape)

    def gradient(grad: Array, inputs: Inputs) -> Array:
        windows = seen(inputs)
        return shared(inputs, windows, _shares(inputs, windows))

    def shows(hyper: Hyper, shapes: Shapes) -> bool:
        size = size_of(hyper, shapes)
        pairs = zip(_tables(spans, hyper, size), tables(hyper, size), strict=True)
        return filled(hyper, shapes) and not all(np.array_equal(a, b) for a, b in pairs)

    return {
        "output": {"after": output, "shows_if": shows},
        "grad_input": {"after": gradient, "shows_if": shows},
    }


def _swapped(inputs: Inputs) -> Inputs:
    return inputs.but(output_size=_wanted(inputs.hyper, spatial(inputs))[::-1])


def _asymmetric(hyper: Hyper, shapes: Shapes) -> bool:
    size = size_of(hyper, shapes)
    other = {"output_size": _wanted(hyper, len(size))[::-1]}
    return _sizes(hyper, size) != _sizes(other, size)


def _ones(inputs: Inputs) -> Inputs:
    wanted = _wanted(inputs.hyper, spatial(inputs))
    return inputs.but(output_size=tuple(1 if m is None else m for m in wanted))


def _kept(hyper: Hyper, shapes: Shapes) -> bool:
    size = size_of(hyper, shapes)
    wanted = _wanted(hyper, len(size))
    return any(m is None and n > 1 for n, m in zip(size, wanted, strict=True))


def _when_filled(shows: Callable[[Hyper, Shapes], bool]) -> Callable[[Hyper, Shapes], bool]:
    return lambda hyper, shapes: filled(hyper, shapes) and shows(hyper, shapes)


_TILED = case(1, 4, output_size=(1, 2))
_REST = (case(1, 3, values=[1, 2, 0], output_size=(1, 2)), _TILED)
_WIDE = case(1, 2, output_size=(1, 2)), case(1, 1, output_size=1)
_NONE = case(1, 2, output_size=(1, None)), case(1, 1, output_size=(1, None))

_TABLE: tuple[tuple[str, str, str, str, Any, Spans], ...] = (
    (
        "adaptive-windows-of-one-size",
        "The windows of {} are of one size, and the remainder is dropped.",
        "from i · (n // m) to (i + 1) · (n // m), not floor(i · n / m) to ceil((i + 1) · n / m)",
        "an output size that divides the input's",
        _REST,
        _equal,
    ),
    (
        "adaptive-windows-as-long-as-the-last",
        "The windows of {} are all as long as the last one, which takes the remainder.",
        "n - (m - 1) · (n // m) positions from i · (n // m), not floor(i · n / m) to ceil(...)",
        "an output size that divides the input's",
        (case(1, 2, values=[1, 2], output_size=(1, 3)), _TILED),
        _with_the_rest,
    ),
    (
        "adaptive-end-rounded-down",
        "The windows of {} end where the next one begins: their end is rounded down.",
        "to floor((i + 1) · n / m) instead of ceil((i + 1) · n / m)",
        "an output size that divides the input's",
        _REST,
        _apart,
    ),
)


def _both(output: str, prefix: str, what: str) -> list[Fault]:
    return rows(
        output,
        tuple(
            (prefix + name, ADAPTIVE, text.format(what), formula, hidden, pair, _spanned(s)[output])
            for name, text, formula, hidden, pair, s in _TABLE
        ),
    )


FAULTS: list[Fault] = [
    *_both("output", "", "the output"),
    *_both("grad_input", "grad-", "the gradient"),
    *rows(
        "output",
        (
            (
                "adaptive-size-swapped",
                across(ADAPTIVE),
                "The height and the width of the wanted size are exchanged.",
                "output_size = (OW, OH) instead of (OH, OW)",
                "a square output",
                _WIDE,
                {"before": _swapped, "shows_if": _asymmetric},
            ),
            (
                "adaptive-none-is-one",
                ADAPTIVE,
                "None is taken for 1 instead of the size of the input.",
                "output_size = (1, m) instead of (H, m) for (None, m)",
                "no None, or an axis of length 1",
                _NONE,
                {"before": _ones, "shows_if": _kept},
            ),
        ),
    ),
    *rows(
        "grad_input",
        (
            (
                "grad-adaptive-size-swapped",
                across(ADAPTIVE),
                "The gradient exchanges the height and the width of the wanted size.",
                "grad_output cut or filled up to (OW, OH) instead of (OH, OW)",
                "a square output",
                _WIDE,
                {"before": fitting(_swapped), "shows_if": _when_filled(_asymmetric)},
            ),
        ),
    ),
]
