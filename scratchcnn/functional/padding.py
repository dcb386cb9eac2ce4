"""Padding and cropping at the edges of an array."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scratchcnn.functional import _checks as check
from scratchcnn.functional._checks import Floats

# Each mode: whether widths fit to an axis of so many values, and what is expected of them.
_FITS: dict[str, tuple[Callable[[int, int, int], bool], str]] = {
    "constant": (
        lambda size, before, after: _left(size, before, after) >= 0,
        "to crop no more than there is",
    ),
    "reflect": (
        lambda size, before, after: -size < before + after and max(before, after) < size,
        "widths below the size of their axis, and something left",
    ),
    "replicate": (
        lambda size, before, after: -size < before + after and size > 0,
        "something to replicate, and something left",
    ),
    "circular": (
        lambda size, before, after: _left(size, before, after) >= max(before, after, 0),
        "widths not above what cropping leaves of their axis",
    ),
}


@check.ieee
def pad(
    x: Floats, pad: Sequence[int], *, mode: str = "constant", value: float | None = 0.0
) -> Floats:
    """Return `x` with values added at the edges of its last axes, or cropped from them.

    Parameters
    ----------
    x : ndarray of any shape
        Unless `mode` is constant: one to three axes that are padded after N and C, or C.
    pad : sequence of an even number of int
        ``(left, right, top, bottom, …)``: how many values before and after the last axis, then
        the last but one, and so on. A negative number crops.
    mode : {"constant", "reflect", "replicate", "circular"}
        What is added: `value`; the mirror image, whose mirror stands on the outermost value;
        the outermost value; or the values of the other end, as on a ring.
    value : float, optional
        What is added if `mode` is constant; None is 0.

    Returns
    -------
    ndarray
        ``y[..., j] = x[..., k]`` with ``k = j - left``, and where that is not one of the W columns:
        `value`, or ``W - 1 - abs(W - 1 - abs(k))`` for k if `mode` is reflect,
        ``min(max(k, 0), W - 1)`` if it is replicate, ``k % W`` if it is circular.
        With ``left + right`` more columns, ``top + bottom`` more rows, and so on. Reflections
        and replicas are those of `x`, even where the value itself is cropped; a ring is what
        cropping has left.

    Raises
    ------
    TypeError
        If `x` is not of float32 or float64, or a width is no integer.
    ValueError
        If `pad` does not fit to the rank or crops more than there is; if a width is not below
        the axis that it reflects, or above what is left of a ring; or if nothing could be
        reflected or replicated, or nothing would be left.

    Examples
    --------
    >>> pad(np.array([[1.0, 2.0]]), (1, 0, 0, 1), value=9.0)
    array([[9., 1., 2.],
           [9., 9., 9.]])
    >>> pad(np.array([1.0, 2.0, 3.0]), (-1, 1))
    array([2., 3., 0.])
    >>> pad(np.array([[1.0, 2.0, 3.0]]), (2, 1), mode="reflect")
    array([[3., 2., 1., 2., 3., 2.]])
    >>> pad(np.array([[1.0, 2.0, 3.0]]), (2, 1), mode="replicate")
    array([[1., 1., 1., 2., 3., 3.]])
    >>> pad(np.array([[1.0, 2.0, 3.0]]), (2, 1), mode="circular")
    array([[2., 3., 1., 2., 3., 1.]])
    """
    check.floats("pad", x=x)
    widths = _widths("pad", x.shape, pad, mode)
    fill = fill_value("pad", value)
    if mode == "constant":
        result = np.full(_padded(x.shape, widths), fill, x.dtype)
        inner, kept = _overlap(x.shape, widths)
        result[inner] = x[kept]
        return result
    if fill != 0:
        raise ValueError(f"pad: value is {fill:g}, expected 0 with mode={mode!r}")
    for axis in range(-len(pad) // 2, 0):
        x = x.take(_positions(mode, x.shape[axis], *widths[axis]), axis)
    return x


@check.ieee
def pad_grad(
    grad_output: Floats,
    *,
    input_shape: tuple[int, ...],
    pad: Sequence[int],
    mode: str = "constant",
) -> Floats:
    """Return the gradient of `x`: for each value the sum of `grad_output` where it has gone."""
    check.floats("pad_grad", grad_output=grad_output)
    input_shape = check.sizes("pad_grad", "input_shape", input_shape)
    widths = _widths("pad_grad", input_shape, pad, mode)
    check.shape("pad_grad", "grad_output", grad_output, _padded(input_shape, widths))
    if mode == "constant":
        result = np.zeros(input_shape, grad_output.dtype)
        inner, kept = _overlap(input_shape, widths)
        result[kept] = grad_output[inner]
        return result
    for axis in range(len(input_shape) - len(pad) // 2, len(input_shape)):
        grad_output = _taken_back(grad_output, axis, mode, input_shape[axis], *widths[axis])
    return grad_output


def fill_value(function: str, value: float | None) -> float:
    """Return the number that a constant padding adds: any, NaN too, and 0 for PyTorch's None."""
    is_nan = isinstance(value, float | np.floating) and np.isnan(value)
    number = 0.0 if value is None else value
    return np.nan if is_nan else check.real(function, "value", number, -np.inf)


def _positions(mode: str, size: int, before: int, after: int) -> NDArray[np.intp]:
    """Return where in its axis of `x` each value of the padded axis comes from."""
    place = np.arange(-before, size + after)
    if mode == "reflect":
        return size - 1 - abs(size - 1 - abs(place))
    if mode == "replicate":
        return np.clip(place, 0, size - 1)
    first = max(-before, 0)
    return first + (place - first) % _left(size, before, after)


def _taken_back(
    grad_output: Floats, axis: int, mode: str, size: int, before: int, after: int
) -> Floats:
    """Return the adjoint of taking the positions of a mode from an axis of `size` values."""
    positions = _positions(mode, size, before, after)
    lead: tuple[Any, ...] = (slice(None),) * axis
    total = np.zeros(
        (*grad_output.shape[:axis], size, *grad_output.shape[axis + 1 :]), grad_output.dtype
    )
    start = max(before, 0)
    stop = start + _left(size, before, after)
    # Each of these three runs repeats no position at all, or one position only.
    for run in (slice(0, start), slice(start, stop), slice(stop, None)):
        places, share = positions[run], grad_output[(*lead, run)]
        if len(places) > 1 and places[0] == places[1]:
            places, share = places[:1], share.sum(axis, keepdims=True)
        total[(*lead, places)] += share
    return total


def _widths(
    function: str, shape: tuple[int, ...], pad: Sequence[int], mode: str
) -> list[tuple[int, int]]:
    """Return the widths (before, after) of every axis, first axis first."""
    check.choice(function, "mode", mode, tuple(_FITS))
    if not check.several(pad):
        raise TypeError(f"{function}: pad is {pad!r}, expected a sequence of integers")
    flat = tuple(check.whole(function, "pad", width) for width in pad)
    if len(flat) % 2 or len(flat) > 2 * len(shape):
        raise ValueError(
            f"{function}: pad has {len(flat)} widths, expected an even number of at most "
            f"{2 * len(shape)} for x of shape {shape}"
        )
    pairs = list(zip(flat[::2], flat[1::2], strict=True))[::-1]
    if mode != "constant" and not (len(pairs) in (1, 2, 3) and len(shape) - len(pairs) in (1, 2)):
        raise ValueError(
            f"{function}: pad has {len(flat)} widths, but x has shape {shape}; expected 2, 4 or 6 "
            f"for an x of one to three axes after N and C, or C, with mode={mode!r}"
        )
    widths = [(0, 0)] * (len(shape) - len(pairs)) + pairs
    fits, wanted = _FITS[mode]
    # A batch may be empty.
    axes = slice(max(len(shape) - len(pairs) - 1, 0), None)
    if not all(map(fits, shape[axes], *zip(*widths[axes], strict=True))):
        raise ValueError(
            f"{function}: pad is {flat}, but x has shape {shape}; expected {wanted} "
            f"with mode={mode!r}"
        )
    return widths


def _left(size: int, before: int, after: int) -> int:
    """Return how much of an axis cropping leaves, negative if that is more than there is."""
    return size + min(before, 0) + min(after, 0)


def _padded(shape: tuple[int, ...], widths: list[tuple[int, int]]) -> tuple[int, ...]:
    return tuple(n + before + after for n, (before, after) in zip(shape, widths, strict=True))


def _overlap(
    shape: tuple[int, ...], widths: list[tuple[int, int]]
) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """Return where the kept part lies in the result and in `x`."""
    inner, kept = [], []
    for size, (before, after) in zip(shape, widths, strict=True):
        count = _left(size, before, after)
        inner.append(slice(max(before, 0), max(before, 0) + count))
        kept.append(slice(max(-before, 0), max(-before, 0) + count))
    return tuple(inner), tuple(kept)
