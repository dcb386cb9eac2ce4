"""Padding and cropping at the edges of an array."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from scratchcnn.functional import _checks as check
from scratchcnn.functional._checks import Floats

MODES = ("constant",)


@check.ieee
def pad(x: Floats, pad: Sequence[int], *, mode: str = "constant", value: float = 0.0) -> Floats:
    """Return `x` with values added at the edges of its last axes, or cropped from them.

    Parameters
    ----------
    x : ndarray of any shape
    pad : sequence of an even number of int
        ``(left, right, top, bottom, …)``: how many values before and after the last axis, then
        the last but one, and so on. A negative number crops.
    mode : {"constant"}
    value : float
        What is added.

    Returns
    -------
    ndarray
        With ``left + right`` more columns, ``top + bottom`` more rows, and so on.

    Raises
    ------
    TypeError
        If `x` is not of float32 or float64, or a width is no integer.
    ValueError
        If `pad` has an odd length or more pairs than `x` axes, or crops more than there is.

    Examples
    --------
    >>> pad(np.array([[1.0, 2.0]]), (1, 0, 0, 1), value=9.0)
    array([[9., 1., 2.],
           [9., 9., 9.]])
    >>> pad(np.array([1.0, 2.0, 3.0]), (-1, 1))
    array([2., 3., 0.])
    """
    check.floats("pad", x=x)
    widths = _widths("pad", x.shape, pad, mode)
    is_nan = isinstance(value, float | np.floating) and np.isnan(value)
    fill = value if is_nan else check.real("pad", "value", value, -np.inf)
    shape = tuple(n + before + after for n, (before, after) in zip(x.shape, widths, strict=True))
    result = np.full(shape, fill, x.dtype)
    inner, kept = _overlap(x.shape, widths)
    result[inner] = x[kept]
    return result


def pad_grad(
    grad_output: Floats,
    *,
    input_shape: tuple[int, ...],
    pad: Sequence[int],
    mode: str = "constant",
) -> Floats:
    """Return the gradient of `x`: the part of `grad_output` that it fills, 0 where cropped."""
    check.floats("pad_grad", grad_output=grad_output)
    input_shape = check.sizes("pad_grad", "input_shape", input_shape)
    widths = _widths("pad_grad", input_shape, pad, mode)
    sizes = zip(input_shape, widths, strict=True)
    shape = tuple(n + before + after for n, (before, after) in sizes)
    check.shape("pad_grad", "grad_output", grad_output, shape)
    result = np.zeros(input_shape, grad_output.dtype)
    inner, kept = _overlap(input_shape, widths)
    result[kept] = grad_output[inner]
    return result


def _widths(
    function: str, shape: tuple[int, ...], pad: Sequence[int], mode: str
) -> list[tuple[int, int]]:
    """Return the widths (before, after) of every axis, first axis first."""
    check.choice(function, "mode", mode, MODES)
    if not isinstance(pad, Sequence) or isinstance(pad, str):
        raise TypeError(f"{function}: pad is {pad!r}, expected a sequence of integers")
    flat = [check.whole(function, "pad", width, -(10**9)) for width in pad]
    if len(flat) % 2 or len(flat) > 2 * len(shape):
        raise ValueError(
            f"{function}: pad has {len(flat)} widths, expected an even number of at most "
            f"{2 * len(shape)} for x of shape {shape}"
        )
    pairs = list(zip(flat[::2], flat[1::2], strict=True))[::-1]
    widths = [(0, 0)] * (len(shape) - len(pairs)) + pairs
    for size, (before, after) in zip(shape, widths, strict=True):
        if size + min(before, 0) + min(after, 0) < 0 or size + before + after < 0:
            raise ValueError(
                f"{function}: pad is {tuple(flat)}, but x has shape {shape}; "
                "expected to crop no more than there is"
            )
    return widths


def _overlap(
    shape: tuple[int, ...], widths: list[tuple[int, int]]
) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """Return where the kept part lies in the result and in `x`."""
    inner, kept = [], []
    for size, (before, after) in zip(shape, widths, strict=True):
        count = size + min(before, 0) + min(after, 0)
        inner.append(slice(max(before, 0), max(before, 0) + count))
        kept.append(slice(max(-before, 0), max(-before, 0) + count))
    return tuple(inner), tuple(kept)
