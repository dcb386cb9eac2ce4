"""Mistakes of pooling that take one axis for another."""

from __future__ import annotations

from typing import Any

from reference_tests.faults.fault import Fault, Hyper, Inputs, Shapes
from reference_tests.faults.planes import (
    MAX,
    PADDED,
    WINDOWED,
    Array,
    Changes,
    Row,
    across,
    case,
    fitting,
    rows,
    size_of,
    spatial,
    unlike,
    windows,
)


def _reversed(hyper: Hyper, name: str) -> Any:
    value = hyper[name]
    return value[::-1] if isinstance(value, tuple) else value


def _swapped(name: str, gradient: bool) -> Changes:
    """Return the mistake that exchanges the axes of a parameter; a gradient keeps its shape."""

    def before(inputs: Inputs) -> Inputs:
        return inputs.but(**{name: _reversed(inputs.hyper, name)})

    shows = unlike(lambda hyper: {name: _reversed(hyper, name)}, gradient)
    return {"before": fitting(before), "shows_if": shows}


def _transposed(y: Array, inputs: Inputs) -> Array:
    axes = spatial(inputs)
    return y.reshape(*y.shape[:-axes], *y.shape[-axes:][::-1])


def _asymmetric(hyper: Hyper, shapes: Shapes) -> bool:
    outputs = [axis[1] for axis in windows(hyper, size_of(hyper, shapes))]
    return outputs != outputs[::-1]


_ROW: dict[str, Any] = {"kernel_size": (1, 2)}
_PAIR, _TRIPLE, _DILATED = case(1, 2, **_ROW), (1, 3), {"dilation": (1, 2), **_ROW}

# A parameter, its part of a name, what it has for each axis, and what tells it apart.
_PARAMETERS = (
    (
        "kernel_size",
        "kernel",
        "sides of the kernel",
        WINDOWED,
        (_PAIR, case(1, 2, kernel_size=1)),
    ),
    (
        "stride",
        "stride",
        "strides",
        WINDOWED,
        (
            case(*_TRIPLE, kernel_size=1, stride=(1, 2)),
            case(*_TRIPLE, kernel_size=1, stride=2),
        ),
    ),
    (
        "padding",
        "padding",
        "paddings",
        PADDED,
        (case(1, 1, padding=(0, 1), **_ROW), case(1, 1, kernel_size=2, padding=1)),
    ),
    (
        "dilation",
        "dilation",
        "dilations",
        MAX,
        (case(*_TRIPLE, **_DILATED), case(*_TRIPLE, **{**_DILATED, "dilation": 2})),
    ),
)


def _table(prefix: str, sentence: str, gradient: bool) -> tuple[Row, ...]:
    return tuple(
        (
            f"{prefix}{short}-swapped",
            across(operations),
            sentence.format(what),
            f"{name} = (w, h) instead of (h, w)",
            f"equal {what}",
            pair,
            _swapped(name, gradient),
        )
        for name, short, what, operations, pair in _PARAMETERS
    )


FAULTS: list[Fault] = [
    *rows("output", _table("", "The {} of height and width are exchanged.", gradient=False)),
    *rows(
        "grad_input",
        _table("grad-", "The gradient exchanges the {} of height and width.", gradient=True),
    ),
    *rows(
        "output",
        (
            (
                "output-size-swapped",
                across(WINDOWED),
                "The height and the width of the output are exchanged.",
                "y.reshape(N, C, OW, OH) instead of (N, C, OH, OW)",
                "a square output",
                (case(1, 2, kernel_size=1), case(1, 1, kernel_size=1)),
                {"after": _transposed, "shows_if": _asymmetric},
            ),
        ),
    ),
]
