"""Mistakes of correlation and convolution of two arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_tests.faults.fault import Array, Fault, Hyper, Inputs, Shapes, afresh, oracle
from reference_tests.faults.table import Changes, drawn, gradients, listed

_EVERY = ("correlate", "convolve")


def _flipped(kernel: Array) -> Array:
    return np.flip(kernel)


def _turned(inputs: Inputs) -> Inputs:
    return inputs.but(kernel=_flipped(inputs["kernel"]))


def _extends(hyper: Hyper, shapes: Shapes) -> bool:
    return any(size > 1 for size in shapes["kernel"])


def _later(inputs: Inputs) -> Array:
    """Return the middle of the whole result, of two middles the later one."""
    whole = oracle(inputs.but(mode="full"), "output")
    sizes = zip(inputs["kernel"].shape, inputs["x"].shape, strict=True)
    return np.asarray(whole[tuple(slice(k // 2, k // 2 + n) for k, n in sizes)])


def _cut_late(y: Array, inputs: Inputs) -> Array:
    return afresh("output", _later)(y, inputs) if inputs.hyper["mode"] == "same" else y


def _cuts(hyper: Hyper, shapes: Shapes) -> bool:
    return hyper["mode"] == "same" and any(size % 2 == 0 for size in shapes["kernel"])


def _reversed(y: Array, inputs: Inputs) -> Array:
    return _flipped(y) if inputs.hyper["mode"] == "full" else y


_PAIR, _LONE = drawn(x=(1,), kernel=(2,)), drawn(x=(1,), kernel=(1,))
_FLIP: Changes = {"before": _turned, "shows_if": _extends}
_FLIP_GRAD: Changes = {"after": lambda grad, inputs: _flipped(grad), "shows_if": _extends}

_TABLE: tuple[tuple[Any, ...], ...] = (
    *(
        (
            _EVERY,
            "kernel-flipped",
            "{} is that of a flipped kernel: a convolution for a correlation, or the reverse.",
            "{} with kernel[::-1]",
            "a kernel of one tap, or a symmetric one",
            (_PAIR, _LONE),
            mistake,
            (output,),
        )
        for output, mistake in (
            ("output", _FLIP),
            ("grad_input", _FLIP),
            ("grad_kernel", _FLIP_GRAD),
        )
    ),
    (
        _EVERY,
        "same-cut-late",
        "In 'same' an even kernel has its extra tap behind, so the result is shifted by one.",
        "y = full[k // 2 : k // 2 + n], not full[(k - 1) // 2 : (k - 1) // 2 + n]",
        "an odd kernel, or another mode",
        (drawn(x=(2,), kernel=(2,), mode="same"), drawn(x=(2,), kernel=(3,), mode="same")),
        {"after": _cut_late, "shows_if": _cuts},
    ),
    (
        _EVERY[:1],
        "arguments-exchanged",
        "The kernel slides over x as if it were x itself, so the whole result is reversed.",
        "y[::-1]",
        "another mode than 'full', or a result of one number",
        (_PAIR, _LONE),
        {
            "after": _reversed,
            "shows_if": lambda h, s: (
                h["mode"] == "full"
                and any(n + k > 2 for n, k in zip(s["x"], s["kernel"], strict=True))
            ),
        },
    ),
)

FAULTS: list[Fault] = [
    *(
        fault
        for operations, *row in _TABLE
        for fault in listed("correlate", "The output", operations, *row)
    ),
    *gradients("correlate", _EVERY, _LONE, ("grad_input", "grad_kernel")),
]
