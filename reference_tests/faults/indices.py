"""Mistakes of the indices that max-pooling returns: what they count, and which maximum."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from reference_tests.faults.fault import Fault, Hyper, Inputs, Shapes
from reference_tests.faults.planes import (
    MAX,
    MAXIMA,
    Array,
    Shows,
    Windows,
    across,
    case,
    chosen,
    filled,
    places_of,
    plane,
    rows,
    seen_by,
    several,
    size_of,
    spatial,
    tables,
    windows,
)


def first_nan(seen: Windows) -> Array:
    """Return the tap of the first NaN, or of the first maximum."""
    missing = np.isnan(seen.values) & seen.inside
    return np.where(missing.any(-1), missing.argmax(-1), chosen(seen))


def last_maximum(seen: Windows) -> Array:
    """Return the tap of the last maximum, or of the last NaN."""
    missing = np.isnan(seen.values) & seen.inside
    best = np.where(missing, -np.inf, seen.values).max(-1, keepdims=True)
    equal = (seen.values == best) & seen.inside
    last = equal.shape[-1] - 1 - equal[..., ::-1].argmax(-1)
    return np.where(missing.any(-1), chosen(seen), np.where(equal.any(-1), last, 0))


def _of_taps(taps: Callable[[Windows], Array]) -> Callable[[Array, Inputs], Array]:
    """Return the mistake that chooses other taps."""

    def after(indices: Array, inputs: Inputs) -> Array:
        seen = seen_by(inputs)
        places = np.broadcast_to(seen.places, seen.values.shape)
        return np.take_along_axis(places, taps(seen)[..., None], -1).reshape(indices.shape)

    return after


def _within(indices: Array, inputs: Inputs) -> Array:
    return np.where(indices < 0, indices, chosen(seen_by(inputs)).reshape(indices.shape))


def _shifted(places: Callable[[Array, Inputs], Array]) -> Callable[[Array, Inputs], Array]:
    """Return the mistake that counts places otherwise; nothing stays at -1."""
    return lambda indices, inputs: np.where(indices < 0, indices, places(indices, inputs))


def _in_padded(indices: Array, inputs: Inputs) -> Array:
    size, axes = plane(inputs), windows(inputs.hyper, plane(inputs))
    at = np.unravel_index(np.maximum(indices, 0), size)
    moved = tuple(where + axis[4] for where, axis in zip(at, axes, strict=True))
    return np.ravel_multi_index(
        moved, [n + 2 * axis[4] for n, axis in zip(size, axes, strict=True)]
    )


def _by_column(indices: Array, inputs: Inputs) -> Array:
    at = np.unravel_index(np.maximum(indices, 0), plane(inputs))
    return np.ravel_multi_index(at, plane(inputs), order="F")


def _offset(indices: Array, inputs: Inputs, rows_counted: int) -> Array:
    """Return indices that count on over so many of the last axes before the plane."""
    axes = spatial(inputs)
    lead = indices.shape[:-axes]
    counted = lead[max(len(lead) - rows_counted, 0) :]
    offsets = np.arange(math.prod(counted)).reshape(*counted, *(1,) * axes)
    return indices + offsets * math.prod(plane(inputs))


def _returned(shows: Shows = filled) -> Shows:
    return lambda hyper, shapes: (
        filled(hyper, shapes) and hyper["return_indices"] and shows(hyper, shapes)
    )


def elsewhere(hyper: Hyper, shapes: Shapes) -> bool:
    """Return whether a place within a window is another one than in the plane."""
    size = size_of(hyper, shapes)
    places = places_of(size, tables(hyper, size))
    taps = np.broadcast_to(np.arange(places.shape[1]), places.shape)
    return filled(hyper, shapes) and bool(((places != taps) & (places >= 0)).any())


def _padded(hyper: Hyper, shapes: Shapes) -> bool:
    return any(axis[4] > 0 for axis in windows(hyper, size_of(hyper, shapes)))


def _two_axes(hyper: Hyper, shapes: Shapes) -> bool:
    return sum(n > 1 for n in size_of(hyper, shapes)) > 1


def _planes(hyper: Hyper, shapes: Shapes) -> bool:
    return bool(math.prod(shapes["x"][: -hyper["axes"]]) > 1)


def _channels(hyper: Hyper, shapes: Shapes) -> bool:
    return bool(shapes["x"][-hyper["axes"] - 1] > 1)


_R: dict[str, Any] = {"return_indices": True}
_LONE = case(1, 1, kernel_size=1, **_R)
_STEPS = case(1, 2, kernel_size=1, **_R)
_TIE = case(1, 2, values=[1, 1], kernel_size=(1, 2), **_R)
_CLEAR = case(1, 2, values=[1, 2], kernel_size=(1, 2), **_R)
_NANS = case(1, 2, values=[np.nan] * 2, kernel_size=(1, 2), **_R)
_ONE = case(1, 1, output_size=1, **_R)
_BOTH: dict[str, Any] = {"output_size": 1, **_R}
_CHANNELS: dict[str, Any] = {"lead": (1, 2), **_R}
_SAMPLES: dict[str, Any] = {"lead": (2, 1), **_R}

FAULTS: list[Fault] = rows(
    "indices",
    (
        (
            "indices-within-the-window",
            MAXIMA,
            "An index is counted within its window instead of the plane.",
            "a instead of i·s - p + a",
            "a single window that begins where the input does",
            (_STEPS, _LONE),
            {"after": _within, "shows_if": _returned(elsewhere)},
        ),
        (
            "indices-of-the-padded-input",
            MAX,
            "An index is counted in the padded input.",
            "h · (W + 2p) + w with h and w moved by p, instead of h · W + w",
            "no padding",
            (case(1, 1, kernel_size=(1, 2), padding=(0, 1), **_R), _LONE),
            {"after": _shifted(_in_padded), "shows_if": _returned(_padded)},
        ),
        (
            "indices-of-the-sample",
            MAXIMA,
            "An index counts on over the channels of a sample.",
            "(c · H + h) · W + w instead of h · W + w",
            "one channel",
            (case(1, 1, kernel_size=1, **_CHANNELS), _LONE),
            {
                "after": _shifted(lambda indices, i: _offset(indices, i, 1)),
                "shows_if": _returned(_channels),
            },
        ),
        (
            "indices-of-the-batch",
            MAXIMA,
            "An index counts on over the whole array.",
            "((n · C + c) · H + h) · W + w instead of h · W + w",
            "one sample of one channel",
            (case(1, 1, kernel_size=1, **_SAMPLES), _LONE),
            {
                "after": _shifted(lambda indices, i: _offset(indices, i, 2)),
                "shows_if": _returned(_planes),
            },
        ),
        (
            "indices-by-column",
            across(MAXIMA),
            "An index counts down the columns first.",
            "w · H + h instead of h · W + w",
            "an input of one row or one column",
            (case(2, 2, kernel_size=1, **_R), _STEPS),
            {"after": _shifted(_by_column), "shows_if": _returned(_two_axes)},
        ),
        (
            "indices-from-one",
            MAXIMA,
            "An index counts from 1.",
            "h · W + w + 1 instead of h · W + w",
            "no windows",
            (_LONE, case(1, 1, kernel_size=1, lead=(0, 1), **_R)),
            {
                "after": _shifted(lambda indices, i: indices + 1),
                "shows_if": _returned(),
            },
        ),
        (
            "indices-of-last-maximum",
            MAXIMA,
            "Of equal maxima the last one counts instead of the first.",
            "the largest a with x[a] = max(x) instead of the smallest",
            "no ties",
            (_TIE, _CLEAR),
            {"after": _of_taps(last_maximum), "shows_if": _returned(several)},
        ),
        (
            "indices-of-first-nan",
            MAXIMA,
            "Of several NaNs the first one counts, as for argmax, instead of the last.",
            "the smallest a with x[a] = NaN instead of the largest",
            "at most one NaN a window",
            (_NANS, _CLEAR),
            {"after": _of_taps(first_nan), "shows_if": _returned(several)},
        ),
    ),
    {
        "indices-within-the-window": {"adaptive_max": (case(1, 2, output_size=(1, 2), **_R), _ONE)},
        "indices-of-the-sample": {"adaptive_max": (case(1, 1, output_size=1, **_CHANNELS), _ONE)},
        "indices-of-the-batch": {"adaptive_max": (case(1, 1, output_size=1, **_SAMPLES), _ONE)},
        "indices-by-column": {
            "adaptive_max": (case(2, 2, output_size=2, **_R), case(1, 2, output_size=(1, 2), **_R)),
            "max_pool3d": (case(1, 2, 2, kernel_size=1, **_R), case(1, 1, 2, kernel_size=1, **_R)),
            "adaptive_max_pool3d": (
                case(1, 2, 2, output_size=(1, 2, 2), **_R),
                case(1, 1, 2, output_size=(1, 1, 2), **_R),
            ),
        },
        "indices-from-one": {"adaptive_max": (_ONE, case(1, 1, lead=(0, 1), **_BOTH))},
        "indices-of-last-maximum": {
            "adaptive_max": (case(1, 2, values=[1, 1], **_BOTH), case(1, 2, values=[1, 2], **_BOTH))
        },
        "indices-of-first-nan": {
            "adaptive_max": (
                case(1, 2, values=[np.nan] * 2, **_BOTH),
                case(1, 2, values=[1, 2], **_BOTH),
            )
        },
    },
)
