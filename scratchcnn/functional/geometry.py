"""Sizes of outputs and views of windows: the only stride trick of the project.

A window along one axis of a padded array covers the positions
``i * stride + k * dilation`` for output position ``i`` and tap ``k`` of the kernel.
Every function takes any number of spatial axes, which stand last.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided

from scratchcnn.functional._checks import Floats


class Windows(NamedTuple):
    """The geometry of sliding windows, one value per spatial axis."""

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    before: tuple[int, ...]
    after: tuple[int, ...]
    dilation: tuple[int, ...]
    output: tuple[int, ...]


def output_size(size: int, kernel: int, stride: int, padding: int, dilation: int) -> int:
    """Return how many windows fit: ``(size + padding - reach) // stride + 1``.

    `padding` counts both sides; ``reach = (kernel - 1) * dilation + 1``. The result is
    below 1 where no window fits.
    """
    return (size + padding - (kernel - 1) * dilation - 1) // stride + 1


def ceil_output_size(size: int, kernel: int, stride: int, padding: int, dilation: int) -> int:
    """Return the number of windows in ceil mode; `padding` is that of one side.

    A last window that is cut off counts, if it starts inside the input or its left padding.
    """
    reach = (kernel - 1) * dilation + 1
    count = -((size + 2 * padding - reach) // -stride) + 1
    return count - 1 if (count - 1) * stride >= size + padding else count


def padded(x: Floats, windows: Windows, value: float = 0.0) -> Floats:
    """Return `x` with `value` around its spatial axes, or `x` itself where none is needed."""
    if not any(windows.before) and not any(windows.after):
        return x
    size = x.shape[x.ndim - len(windows.kernel) :]
    result = np.full(padded_shape(x.shape, windows), value, x.dtype)
    result[interior(windows.before, size)] = x
    return result


def padded_shape(shape: tuple[int, ...], windows: Windows) -> tuple[int, ...]:
    """Return `shape` with its spatial axes enlarged by the padding."""
    lead = len(shape) - len(windows.kernel)
    spatial = zip(windows.before, shape[lead:], windows.after, strict=True)
    return shape[:lead] + tuple(sum(axis) for axis in spatial)


def interior(before: tuple[int, ...], size: tuple[int, ...]) -> tuple[Any, ...]:
    """Return the index of the part of a padded array that is not padding."""
    return (
        ...,
        *(slice(start, start + count) for start, count in zip(before, size, strict=True)),
    )


def window_view(x: Floats, windows: Windows) -> Floats:
    """Return a read-only view (..., *kernel, *output) of all windows of the padded `x`."""
    lead = x.ndim - len(windows.kernel)
    steps = x.strides[lead:]
    taps = tuple(s * d for s, d in zip(steps, windows.dilation, strict=True))
    # Nothing moves to a single position, and so large a step may not fit the address space.
    axes = zip(steps, windows.stride, windows.output, strict=True)
    moves = tuple(s * m if n > 1 else 0 for s, m, n in axes)
    return as_strided(
        x,
        x.shape[:lead] + windows.kernel + windows.output,
        x.strides[:lead] + taps + moves,
        writeable=False,
    )


def taps(windows: Windows) -> Iterator[tuple[tuple[int, ...], tuple[Any, ...]]]:
    """Yield each tap of the kernel, row-major, with the index of all positions that it meets."""
    for tap in itertools.product(*map(range, windows.kernel)):
        axes = zip(tap, windows.stride, windows.dilation, windows.output, strict=True)
        yield tap, (..., *(slice(k * d, k * d + (n - 1) * s + 1, s) for k, s, d, n in axes))


def add_windows(columns: Floats, windows: Windows, shape: tuple[int, ...]) -> Floats:
    """Return the array of `shape` that gets each window added: the adjoint of `window_view`.

    `columns` has the axes (..., *kernel, *output); what falls on the padding is dropped.
    """
    spatial = len(windows.kernel)
    total = np.zeros(padded_shape(shape, windows), columns.dtype)
    add_to_windows(total, columns, windows)
    inner = interior(windows.before, shape[len(shape) - spatial :])
    return np.ascontiguousarray(total[inner])


def add_to_windows(total: Floats, columns: Floats, windows: Windows) -> None:
    """Add to each window of a padded array, in place, what `add_windows` takes."""
    for tap, positions in taps(windows):
        place: tuple[Any, ...] = (..., *tap, *(slice(None),) * len(windows.kernel))
        total[positions] += columns[place]
