"""Mistakes of padding: which widths, which sides, and what is shown beyond the border."""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_tests.faults.fault import Array, Fault, Hyper, Inputs
from reference_tests.faults.table import Changes, both, drawn, gradients, listed_apart

_PAD = ("pad",)
_BOTH = ("output", "grad_input")

Widths = list[tuple[int, int]]


def _widths(hyper: Hyper) -> Widths:
    """Return the widths before and after each padded axis, of the last axis first."""
    return list(zip(hyper["pad"][::2], hyper["pad"][1::2], strict=True))


def _padded(inputs: Inputs, pairs: Widths) -> Inputs:
    return inputs.but(pad=tuple(width for widths in pairs for width in widths))


def _possible(pairs: Widths, sizes: tuple[int, ...], mode: str) -> bool:
    """Return whether axes can be cropped so; of reflections and rings there is no end."""
    left = [n + min(a, 0) + min(b, 0) for n, (a, b) in zip(sizes[::-1], pairs, strict=False)]
    return min(left, default=0) >= (mode != "constant")


def _from_the_first(inputs: Inputs) -> Inputs:
    pairs = _widths(inputs.hyper)[::-1]
    possible = _possible(pairs, inputs["x"].shape, inputs.hyper["mode"])
    return _padded(inputs, pairs) if possible else inputs


def _repeated(inputs: Inputs) -> list[Array]:
    """Return which position of each axis is shown if a reflection repeats the outermost one."""
    x, pairs = inputs["x"], _widths(inputs.hyper)
    tables = [np.arange(size) for size in x.shape]
    for axis, (before, after) in enumerate(pairs[::-1], x.ndim - len(pairs)):
        wide = np.pad(tables[axis], (max(before, 0), max(after, 0)), "symmetric")
        tables[axis] = wide[max(-before, 0) : len(wide) - max(-after, 0)]
    return tables


def _symmetric(y: Array, inputs: Inputs) -> Array:
    if inputs.hyper["mode"] != "reflect":
        return y
    return np.asarray(inputs["x"][np.ix_(*_repeated(inputs))])


def _symmetric_grad(grad: Array, inputs: Inputs) -> Array:
    if inputs.hyper["mode"] != "reflect":
        return grad
    result = np.zeros(inputs["x"].shape)
    np.add.at(result, np.ix_(*_repeated(inputs)), inputs.grad_output)
    return result


def _widens(hyper: Any) -> bool:
    return any(width > 0 for width in hyper["pad"])


def _mode(instead: str, *modes: str) -> Changes:
    """Return the mistake that takes some modes for another one."""

    def before(inputs: Inputs) -> Inputs:
        taken = inputs.hyper["mode"] in modes
        return inputs.but(mode=instead, value=0.0) if taken else inputs

    return {"before": before, "shows_if": lambda h, s: h["mode"] in modes and _widens(h)}


_REFLECTED = drawn(x=(1, 2), pad=(1, 0), mode="reflect")
_ZEROS = drawn(x=(2,), pad=(1, 0))

# The row of `listed` from the name up to the cases, and the mistake of each output that has it.
_TABLE: tuple[tuple[Any, ...], ...] = (
    (
        "axes-reversed",
        "The widths are those of the first axes, not of the last ones.",
        "pad = (first axis, second axis, …), not (last axis, last but one, …)",
        "one padded axis, or the same widths on all",
        (drawn(x=(1, 2), pad=(1, 0, 0, 0)), _ZEROS),
        {
            "output": {
                "before": _from_the_first,
                "shows_if": lambda h, s: _widths(h) != _widths(h)[::-1],
            }
        },
    ),
    (
        "sides-exchanged",
        "{} is padded after an axis by what is to come before it, and the other way round.",
        "{} with (after, before), not (before, after)",
        "the same width on both sides",
        (_ZEROS, drawn(x=(2,), pad=(1, 1))),
        both(
            {
                "before": lambda i: _padded(i, [(b, a) for a, b in _widths(i.hyper)]),
                "shows_if": lambda h, s: any(a != b for a, b in _widths(h)),
            },
        ),
    ),
    (
        "outermost-repeated",
        "{} is that of a reflection that repeats the outermost value.",
        "{} with x[1] x[0] | x[0] x[1], not x[2] x[1] | x[0] x[1]",
        "another mode, or no width above 0",
        (_REFLECTED, _ZEROS),
        {
            output: {
                "after": after,
                "shows_if": lambda h, s: h["mode"] == "reflect" and _widens(h),
            }
            for output, after in zip(_BOTH, (_symmetric, _symmetric_grad), strict=True)
        },
    ),
    (
        "mode-ignored",
        "{} is that of a padding with zeros, whatever the mode.",
        "{} with mode = 'constant', value = 0",
        "the mode 'constant', or no width above 0",
        (_REFLECTED, _ZEROS),
        both(_mode("constant", "reflect", "replicate", "circular")),
    ),
    (
        "reflection-replicates",
        "{} is that of the outermost value repeated, where a reflection is asked for.",
        "{} with mode = 'replicate', not 'reflect'",
        "another mode, or no width above 0",
        (_REFLECTED, drawn(x=(1, 2), pad=(1, 0), mode="replicate")),
        both(_mode("replicate", "reflect")),
    ),
    (
        "value-ignored",
        "Zeros are padded, whatever the value.",
        "y with value = 0",
        "a value of 0, or no width above 0",
        (drawn(x=(1,), pad=(1, 0), value=1.5), _ZEROS),
        {
            "output": {
                "before": lambda i: i.but(value=0.0),
                "shows_if": lambda h, s: h["value"] != 0 and _widens(h),
            }
        },
    ),
    (
        "crop-ignored",
        "A negative width crops nothing.",
        "y with max(0, pad)",
        "no negative width",
        (drawn(x=(2,), pad=(-1, 0)), _ZEROS),
        {
            "output": {
                "before": lambda i: i.but(pad=tuple(max(w, 0) for w in i.hyper["pad"])),
                "shows_if": lambda h, s: min(h["pad"]) < 0,
            }
        },
    ),
)

FAULTS: list[Fault] = [
    *(fault for row in _TABLE for fault in listed_apart(("pad", "The output", _PAD, *row))),
    *gradients("pad", _PAD, drawn(x=(1,), pad=(1, 0))),
]
