"""Sliding windows as tables of positions, the base of every definition that has windows.

Nothing is padded, no stride trick is played: a table says for each window and tap which
position of the input it sees, and its inverse for each position and tap which window sees it.
Position -1 stands for what lies outside.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference_tests.tolerance import gather

Table = NDArray[np.intp]


def pair(value: Any) -> tuple[int, int]:
    """Return an int or pair as a pair."""
    return (value, value) if isinstance(value, int) else (value[0], value[1])


def each(value: Any, axes: int) -> tuple[int, ...]:
    """Return an int, or one int for each of the axes, as a tuple."""
    return (value,) * axes if isinstance(value, int) else tuple(value)


def seen(size: int, output: int, kernel: int, stride: int, before: int, dilation: int) -> Table:
    """Return the position that window ``i`` sees with tap ``a``, an array (output, kernel)."""
    positions = np.arange(output)[:, None] * stride + np.arange(kernel) * dilation - before
    return np.where((positions >= 0) & (positions < size), positions, -1)


def seeing(size: int, output: int, kernel: int, stride: int, before: int, dilation: int) -> Table:
    """Return the window that sees position ``h`` with tap ``a``, an array (size, kernel)."""
    start = np.arange(size)[:, None] - np.arange(kernel) * dilation + before
    inside = (start >= 0) & (start % stride == 0) & (start // stride < output)
    return np.where(inside, start // stride, -1)


def spread(x: Any, tables: list[Table], fill: float = 0.0) -> Any:
    """Return `x` (N, C, *size) through one table per axis, as (N, C, i, a, j, b, …)."""
    for place, table in enumerate(tables):
        x = gather(x, 2 + 2 * place, table, fill)
    return x


def floor_size(size: int, kernel: int, stride: int, padding: int, dilation: int) -> int:
    """Return the number of windows that lie whole inside the padded axis."""
    return (size + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1


def ceil_size(size: int, kernel: int, stride: int, padding: int, dilation: int) -> int:
    """Return the number of windows in ceil mode.

    A last window that is cut off counts if it starts inside the input or its left padding.
    """
    count = 0
    last = size + 2 * padding - dilation * (kernel - 1) - 1
    while count * stride < size + padding and (count == 0 or (count - 1) * stride < last):
        count += 1
    return count
