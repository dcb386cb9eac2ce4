"""Mistakes of max-pooling."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from reference_tests.case import Case, Spec
from reference_tests.faults.fault import Fault, Hyper, Inputs, Shapes, oracle
from reference_tests.operations.pooling import windows_of
from reference_tests.operations.windows import Table, seen

Array = Any
Changes = dict[str, Any]


def _axes(hyper: Hyper, size: tuple[int, ...]) -> list[tuple[int, ...]]:
    """Return (size, output, kernel, stride, padding, dilation) of both axes."""
    names = ("kernel_size", "stride", "padding", "dilation", "ceil_mode")
    return windows_of(size, **{name: hyper[name] for name in names})


def _tables(inputs: Inputs) -> tuple[Table, Table]:
    """Return the rows and the columns that windows see."""
    rows, columns = (seen(*axis) for axis in _axes(inputs.hyper, inputs["x"].shape[-2:]))
    return rows, columns


def _any(holds: Callable[..., bool]) -> Callable[[Hyper, Shapes], bool]:
    """Return what tells whether something holds for (size, output, kernel, …) of an axis."""
    return lambda hyper, shapes: any(holds(*axis) for axis in _axes(hyper, shapes["x"][-2:]))


def _batched(mistake: Callable[[Inputs], Array]) -> Callable[[Inputs], Array]:
    """Return a mistake with images (N, C, H, W) for those without N too."""

    def replace(inputs: Inputs) -> Array:
        x, grad_output = inputs["x"], inputs.grad_output
        if x.ndim == 4:
            return mistake(inputs)
        return mistake(inputs.but(x=x[None], grad_output=grad_output[None]))[0]

    return replace


def _shared(share: Callable[[Array], Array]) -> Changes:
    """Return the mistake that gives maxima of a window (…, taps) their shares of its gradient."""

    def replace(inputs: Inputs) -> Array:
        x, (rows, columns) = inputs["x"], _tables(inputs)
        y = oracle(inputs.but(return_indices=False), "output")
        result = np.zeros_like(x)
        for i, j in np.ndindex(y.shape[2:]):
            places = np.ix_(rows[i][rows[i] >= 0], columns[j][columns[j] >= 0])
            window: Array = x[:, :, *places]
            largest = y[:, :, i, j, None, None]
            equal = (window == largest) | (np.isnan(window) & np.isnan(largest))
            taps = equal.shape[2] * equal.shape[3]
            part = share(equal.reshape(*equal.shape[:2], taps)).reshape(equal.shape)
            result[:, :, *places] += inputs.grad_output[:, :, i, j, None, None] * part
        return result

    several = _any(lambda size, output, kernel, *_: kernel > 1)
    return {"replace": _batched(replace), "shows_if": several}


def _overwritten(inputs: Inputs) -> Array:
    indices = oracle(inputs.but(return_indices=True), "indices")
    result = np.zeros(inputs["x"].shape, inputs["x"].dtype)
    flat = result.reshape(*result.shape[:2], result.shape[2] * result.shape[3])
    for i, j in np.ndindex(indices.shape[2:]):
        n, c = np.nonzero(indices[:, :, i, j] >= 0)
        flat[n, c, indices[n, c, i, j]] = inputs.grad_output[n, c, i, j]
    return result


def _over_zeros(y: Array, inputs: Inputs) -> Array:
    rows, columns = _tables(inputs)
    outside = np.logical_or.outer((rows < 0).any(1), (columns < 0).any(1))
    return np.where(outside, np.maximum(y, 0), y)


def _overhanging(size: int, output: int, kernel: int, stride: int, pad: int, dilation: int) -> int:
    """Return the number of windows when it is simply rounded up."""
    return -(-(size + 2 * pad - dilation * (kernel - 1) - 1) // stride) + 1


def _kept_overhang(y: Array, inputs: Inputs) -> Array:
    if not inputs.hyper["ceil_mode"]:
        return y
    axes = _axes(inputs.hyper, inputs["x"].shape[-2:])
    more = [(0, _overhanging(*axis) - axis[1]) for axis in axes]
    # Such a window sees padding only.
    return np.pad(y, [*[(0, 0)] * (y.ndim - 2), *more], constant_values=-np.inf)


def _reshapes(hyper: Hyper, shapes: Shapes) -> bool:
    axes = _axes(hyper, shapes["x"][-2:])
    return any((n // k, k, 0) != (o, s if o > 1 else k, p) or d > 1 for n, o, k, s, p, d in axes)


def _case(*sizes: int, values: Any = None, family: str = "zero-mean", **hyper: Any) -> Case:
    """Return a case by the size of its image, or by its values."""
    shape = (1, 1, *sizes)
    given = {} if values is None else {"x": np.reshape(np.array(values, float), shape)}
    return Case({"x": Spec(shape)}, hyper, family=family, values=given)


_TIE = _case(1, 2, values=[1, 1], kernel_size=(1, 2))
_ROW: dict[str, Any] = {"kernel_size": (1, 2)}

_TABLE: tuple[tuple[str, str, str, str, Case, Case, Changes], ...] = (
    (
        "grad-to-every-maximum",
        "grad_input",
        "Every maximum of a window takes its whole gradient.",
        "no ties",
        _TIE,
        _case(1, 2, values=[1, 2], **_ROW),
        _shared(lambda equal: equal),
    ),
    (
        "grad-split-between-maxima",
        "grad_input",
        "The maxima of a window split its gradient.",
        "no ties",
        _TIE,
        _case(1, 2, values=[1, 2], **_ROW),
        _shared(lambda equal: equal / np.maximum(equal.sum(-1, keepdims=True), 1)),
    ),
    (
        "grad-to-last-maximum",
        "grad_input",
        "The last maximum of a window takes its gradient instead of the first.",
        "no ties",
        _TIE,
        _case(1, 2, values=[1, 2], **_ROW),
        _shared(lambda equal: equal & (equal[..., ::-1].cumsum(-1)[..., ::-1] == 1)),
    ),
    (
        "grad-overlapping-assigned",
        "grad_input",
        "Overlapping windows are assigned to the gradient instead of added.",
        "a stride of at least the kernel",
        _case(1, 3, values=[1, 2, 1], kernel_size=(1, 2), stride=1),
        _case(1, 4, kernel_size=(1, 2), stride=2),
        {
            "replace": _batched(_overwritten),
            "shows_if": _any(
                lambda n, output, k, stride, p, d: output > 1 and stride <= (k - 1) * d
            ),
        },
    ),
    (
        "padded-with-zeros",
        "output",
        "The padding is 0 instead of -∞, and wins over negative values.",
        "no padding, or values that are not negative",
        _case(1, 1, values=[-1], kernel_size=(1, 2), padding=(0, 1)),
        _case(1, 1, values=[1], kernel_size=(1, 2), padding=(0, 1)),
        {
            "after": _over_zeros,
            "shows_if": _any(lambda *axis: bool((seen(*axis) < 0).any())),
        },
    ),
    (
        "reshape-trick",
        "output",
        "Windows are cut by a reshape, which knows no stride, padding, dilation or remainder.",
        "a kernel that divides the input, moved by its own size",
        _case(1, 3, stride=1, **_ROW),
        _case(1, 4, **_ROW),
        {
            "before": lambda i: i.but(stride=None, padding=0, dilation=1, ceil_mode=False),
            "shows_if": _reshapes,
        },
    ),
    (
        "ceil-mode-keeps-overhang",
        "output",
        "In ceil mode a last window is kept that starts in the padding after the input.",
        "no remainder",
        _case(1, 2, kernel_size=1, stride=2, ceil_mode=True),
        _case(1, 1, kernel_size=1, stride=2, ceil_mode=True),
        {
            "after": _kept_overhang,
            "shows_if": lambda hyper, shapes: (
                hyper["ceil_mode"]
                and _any(lambda *axis: _overhanging(*axis) != axis[1])(hyper, shapes)
            ),
        },
    ),
    (
        "nan-lost",
        "output",
        "NaN loses against every number.",
        "no NaN",
        _case(1, 1, values=[np.nan], kernel_size=1),
        _case(1, 1, kernel_size=1),
        {
            "before": lambda i: i.but(x=np.where(np.isnan(i["x"]), -np.inf, i["x"])),
            "shows_if": lambda hyper, shapes: True,
        },
    ),
)

FAULTS: list[Fault] = [
    Fault(
        id=f"pool/{name}",
        sentence=sentence,
        operations=("max_pool2d",),
        output=output,
        hidden_by=hidden_by,
        exposing=exposing,
        hiding=hiding,
        **mistake,
    )
    for name, output, sentence, hidden_by, exposing, hiding, mistake in _TABLE
]
