"""Mistakes of the gradients of pooling: where they go, and how much of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from reference_tests.faults.fault import Fault, Hyper, Inputs, Shapes
from reference_tests.faults.indices import elsewhere, first_nan, last_maximum
from reference_tests.faults.planes import (
    EVERY,
    MAX,
    MAXIMA,
    MEANS,
    PADDED,
    WINDOWED,
    Array,
    Changes,
    Windows,
    any_axis,
    case,
    chosen,
    divisors,
    filled,
    fitting,
    one_hot,
    plane,
    rows,
    samples,
    seen_by,
    several,
    shared,
    size_of,
    spatial,
    tables,
    windows,
)
from reference_tests.operations.windows import seen


def _shared(shares: Callable[[Windows], Array], shows: Any = several) -> Changes:
    """Return the mistake that gives the taps of a window (…, taps) other shares of its gradient."""

    def after(grad: Array, inputs: Inputs) -> Array:
        own = seen_by(inputs)
        return shared(inputs, own, np.broadcast_to(shares(own), own.values.shape))

    return {"after": after, "shows_if": shows}


def _maxima(own: Windows) -> Array:
    """Return which taps see the largest value of their window, or a NaN."""
    missing = np.isnan(own.values) & own.inside
    best = np.where(missing, -np.inf, own.values).max(-1, keepdims=True)
    equal = np.where(missing.any(-1, keepdims=True), missing, own.values == best)
    return equal & own.inside


def _split(own: Windows) -> Array:
    equal = _maxima(own)
    return equal / np.maximum(equal.sum(-1, keepdims=True), 1)


def _spread_out(own: Windows) -> Array:
    return own.inside / np.maximum(own.inside.sum(1, keepdims=True), 1)


def _without_nan(own: Windows) -> Array:
    missing = (np.isnan(own.values) & own.inside).any(-1, keepdims=True)
    return np.where(missing, 0.0, one_hot(chosen(own), own))


def _own_shares(inputs: Inputs, own: Windows) -> Array:
    """Return the right shares."""
    if inputs.operation.name in MAXIMA:
        return one_hot(chosen(own), own)
    return own.inside / divisors(inputs).reshape(-1, 1)


def _overwritten(grad: Array, inputs: Inputs) -> Array:
    own = seen_by(inputs)
    return shared(inputs, own, _own_shares(inputs, own), assigned="last")


def _at_window_places(grad: Array, inputs: Inputs) -> Array:
    """Return the gradient at the places that taps have within their window."""
    own = seen_by(inputs)
    size = int(np.prod(plane(inputs)))
    taps = np.arange(own.places.shape[1])
    within = np.where(own.inside & (taps < size), taps, -1)
    return shared(inputs, own._replace(places=within), _own_shares(inputs, own))


def _overlapping(hyper: Hyper, shapes: Shapes) -> bool:
    seen_of = tables(hyper, size_of(hyper, shapes))
    counts = [np.bincount(t[t >= 0]).max(initial=0) for t in seen_of if t.size]
    return filled(hyper, shapes) and any(count > 1 for count in counts)


def _cropped(grad: Array, inputs: Inputs) -> Array:
    """Return the first rows and columns of the padded input's gradient."""
    axes = windows(inputs.hyper, plane(inputs))
    whole = [seen(n + 2 * p, output, k, s, 0, d) for n, output, k, s, p, d in axes]
    edges = [(0, 0)] * (grad.ndim - len(axes)) + [(axis[4], axis[4]) for axis in axes]
    padded: Array = np.pad(grad, edges)
    if inputs.operation.name not in MAX:
        # Of an average the padding has a gradient too.
        wide = inputs.but(x=np.pad(inputs["x"], edges))
        own = seen_by(wide, whole)
        padded = shared(wide, own, own.inside / divisors(inputs).reshape(-1, 1))
    return padded[(..., *(slice(axis[0]) for axis in axes))]


def _reached(hyper: Hyper, size: tuple[int, ...]) -> list[int]:
    """Return how many positions of each axis windows reach."""
    return [
        min(n, max((output - 1) * s + d * (k - 1) + 1 - p, 0))
        for n, output, k, s, p, d in windows(hyper, size)
    ]


def _without_remainder(grad: Array, inputs: Inputs) -> Array:
    return grad[(..., *map(slice, _reached(inputs.hyper, plane(inputs))))]


def _remains(hyper: Hyper, shapes: Shapes) -> bool:
    size = size_of(hyper, shapes)
    return _reached(hyper, size) != list(size)


def _of_last_sample(grad: Array, inputs: Inputs) -> Array:
    if grad.ndim < spatial(inputs) + 2:
        return grad
    result = np.zeros_like(grad)
    result[-1:] = grad[-1:]
    return result


def _averaged(grad: Array, inputs: Inputs) -> Array:
    return grad / max(len(grad), 1) if grad.ndim == spatial(inputs) + 2 else grad


def _undilated(inputs: Inputs) -> Inputs:
    return inputs.but(dilation=1)


_ROW: dict[str, Any] = {"kernel_size": (1, 2)}
_LONE = case(1, 1, kernel_size=1)
_TIE, _CLEAR = case(1, 2, values=[1, 1], **_ROW), case(1, 2, values=[1, 2], **_ROW)
_STEPS = case(1, 3, kernel_size=1, stride=(1, 2))
_NAN, _NANS = case(1, 1, values=[np.nan], kernel_size=1), case(1, 2, values=[np.nan] * 2, **_ROW)
_ONE = case(1, 1, output_size=1)
_ADAPTIVE_TIES = {
    "adaptive_max": (
        case(1, 2, values=[1, 1], output_size=1),
        case(1, 2, values=[1, 2], output_size=1),
    )
}
_ADAPTIVE = {
    "adaptive_max": (case(1, 2, output_size=1), _ONE),
    "adaptive_avg": (case(1, 2, output_size=1), _ONE),
}
_EMPTY = {"lead": (0, 1)}
_BATCH = {"lead": (2, 1)}
_BATCHES = dict.fromkeys(
    ("adaptive_max", "adaptive_avg"), (case(1, 1, output_size=1, **_BATCH), _ONE)
)
FAULTS: list[Fault] = rows(
    "grad_input",
    (
        (
            "grad-to-every-maximum",
            MAXIMA,
            "Every maximum of a window takes its whole gradient.",
            "grad_output · (x == max(x)) instead of grad_output at the first maximum",
            "no ties",
            (_TIE, _CLEAR),
            _shared(_maxima),
        ),
        (
            "grad-split-between-maxima",
            MAXIMA,
            "The maxima of a window split its gradient.",
            "grad_output · (x == max(x)) / (number of maxima)",
            "no ties",
            (_TIE, _CLEAR),
            _shared(_split),
        ),
        (
            "grad-to-last-maximum",
            MAXIMA,
            "The last maximum of a window takes its gradient instead of the first.",
            "grad_output at the largest a with x[a] = max(x) instead of the smallest",
            "no ties",
            (_TIE, _CLEAR),
            _shared(lambda own: one_hot(last_maximum(own), own)),
        ),
        (
            "grad-to-first-nan",
            MAXIMA,
            "Of several NaNs the first one takes the gradient, as for argmax, instead of the last.",
            "grad_output at the smallest a with x[a] = NaN instead of the largest",
            "at most one NaN a window",
            (_NANS, _CLEAR),
            _shared(lambda own: one_hot(first_nan(own), own)),
        ),
        (
            "grad-lost-at-nan",
            MAXIMA,
            "A window with NaN has no gradient, since NaN equals no maximum.",
            "grad_output · (x == max(x)), which is 0 for NaN",
            "no NaN",
            (_NAN, _LONE),
            _shared(_without_nan, filled),
        ),
        (
            "grad-to-the-whole-window",
            MAXIMA,
            "Every position of a window takes its whole gradient.",
            "grad_output at each position instead of the first maximum",
            "windows of one position",
            (case(1, 2, **_ROW), _LONE),
            _shared(lambda own: own.inside.astype(float)),
        ),
        (
            "grad-as-of-the-average",
            MAXIMA,
            "The gradient is spread over the window, as for the average.",
            "grad_output / k at each position instead of grad_output at the first maximum",
            "windows of one position",
            (case(1, 2, **_ROW), _LONE),
            _shared(_spread_out),
        ),
        (
            "grad-at-places-within-the-window",
            MAXIMA,
            "The place of a maximum within its window is taken for one in the input.",
            "grad_output at a instead of i·s - p + a",
            "a single window that begins where the input does",
            (case(1, 2, kernel_size=1), _LONE),
            {"after": _at_window_places, "shows_if": elsewhere},
        ),
        (
            "grad-overlapping-assigned",
            (*MAXIMA, *MEANS),
            "Overlapping windows are assigned to the gradient instead of added.",
            "grad_input[window] = … instead of grad_input[window] += …",
            "a stride of at least the kernel",
            (case(1, 3, values=[1, 2, 1], stride=1, **_ROW), case(1, 4, **_ROW)),
            {"after": _overwritten, "shows_if": _overlapping},
        ),
        (
            "grad-padding-cropped-at-the-wrong-end",
            PADDED,
            "The padding is cropped from the end only.",
            "grad_padded[:H] instead of grad_padded[p : p + H]",
            "no padding",
            (case(1, 2, values=[1, 2], kernel_size=(1, 2), padding=(0, 1)), case(1, 2, **_ROW)),
            {"after": _cropped, "shows_if": any_axis(lambda *axis: axis[4] > 0)},
        ),
        (
            "grad-remainder-missing",
            WINDOWED,
            "The gradient ends with the last window, and lacks what no window reaches.",
            "a gradient of (OH - 1)·s + k rows instead of H",
            "no remainder",
            (case(1, 2, kernel_size=1, stride=(1, 2)), _LONE),
            {"after": _without_remainder, "shows_if": _remains},
        ),
        (
            "grad-stride-forgotten-in-position",
            WINDOWED,
            "The gradient of window i goes to i instead of i times the stride.",
            "grad_input[i : i + k] += … instead of grad_input[i·s : i·s + k] += …",
            "a stride of 1",
            (_STEPS, case(1, 3, kernel_size=1)),
            {
                "before": fitting(lambda inputs: inputs.but(stride=1, ceil_mode=False)),
                "shows_if": any_axis(lambda n, output, k, stride, *_: output > 1 and stride > 1),
            },
        ),
        (
            "grad-dilation-ignored",
            MAX,
            "The gradient ignores the dilation.",
            "grad_output at i·s + a instead of i·s + a·d",
            "no dilation",
            (case(1, 3, values=[1, 2, 3], dilation=(1, 2), **_ROW), case(1, 2, **_ROW)),
            {
                "before": fitting(_undilated),
                "shows_if": any_axis(lambda n, o, k, s, p, d: k > 1 and d > 1),
            },
        ),
        (
            "grad-sign",
            EVERY,
            "The gradient has the wrong sign.",
            "-grad_output instead of grad_output",
            "no gradient",
            (_LONE, case(1, 1, kernel_size=1, **_EMPTY)),
            {"after": lambda grad, i: -grad},
        ),
        (
            "grad-of-last-sample",
            EVERY,
            "Only the last sample has a gradient.",
            "grad_input[n] = 0 but for n = N - 1",
            "one sample",
            (case(1, 1, kernel_size=1, **_BATCH), _LONE),
            {"after": _of_last_sample, "shows_if": samples},
        ),
        (
            "grad-averaged-over-batch",
            EVERY,
            "The gradient is divided by the number of samples, which is the loss's to do.",
            "grad_input / N instead of grad_input",
            "one sample",
            (case(1, 1, kernel_size=1, **_BATCH), _LONE),
            {"after": _averaged, "shows_if": samples},
        ),
    ),
    {
        **dict.fromkeys(
            ("grad-to-every-maximum", "grad-split-between-maxima", "grad-to-last-maximum"),
            _ADAPTIVE_TIES,
        ),
        "grad-to-first-nan": {
            "adaptive_max": (
                case(1, 2, values=[np.nan] * 2, output_size=1),
                case(1, 2, values=[1, 2], output_size=1),
            )
        },
        "grad-lost-at-nan": {"adaptive_max": (case(1, 1, values=[np.nan], output_size=1), _ONE)},
        "grad-to-the-whole-window": _ADAPTIVE,
        "grad-as-of-the-average": _ADAPTIVE,
        "grad-at-places-within-the-window": {
            "adaptive_max": (case(1, 2, output_size=(1, 2)), _ONE)
        },
        "grad-overlapping-assigned": dict.fromkeys(
            ("adaptive_max", "adaptive_avg"),
            (case(1, 3, values=[1, 2, 1], output_size=(1, 2)), case(1, 4, output_size=(1, 2))),
        ),
        "grad-sign": dict.fromkeys(
            ("adaptive_max", "adaptive_avg"), (_ONE, case(1, 1, output_size=1, **_EMPTY))
        ),
        "grad-of-last-sample": _BATCHES,
        "grad-averaged-over-batch": _BATCHES,
    },
)
