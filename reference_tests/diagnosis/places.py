"""Relations by region: where a result is wrong, and where nowhere else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference_tests.diagnosis.features import windows
from reference_tests.diagnosis.ratios import symbols
from reference_tests.diagnosis.view import Array, View, held, number
from reference_tests.operations.windows import seeing, seen

Mask = NDArray[np.bool_]


@held
def places(view: View) -> Iterator[str]:
    """Yield regions outside of which a result is right; the smaller ones come first."""
    if not view.alike or view.right.size < 2 or view.wrong.all():
        return
    found = {
        name: mask
        for name, mask in _regions(view)
        if mask.shape == view.wrong.shape and not mask.all() and not (view.wrong & ~mask).any()
    }
    for name, _ in sorted(found.items(), key=lambda item: int(item[1].sum())):
        yield f"is wrong {name} only"


@held
def instead(view: View) -> Iterator[str]:
    """Yield what stands wherever a result is wrong."""
    if not view.alike or not view.wrong.any():
        return
    got, right = view.got[view.wrong], view.right[view.wrong]
    if (got == 0).all():
        yield "is 0 wherever it is wrong"
    if np.isnan(got).all():
        yield "is NaN wherever it is wrong"
    elif (right == 0).all():
        yield "is wrong only where it should be 0"
    elif np.isnan(right).all():
        yield "is wrong only where it should be NaN"
    ratio = got / right
    rest, room = got - right, 1e-6 * np.abs(right).max(initial=0)
    if got.size > 1 and np.isfinite(rest).all() and np.ptp(rest) <= room:
        yield f"is the right result plus {rest[0]:.4g} wherever it is wrong"
    if view.wrong.all():
        return
    if got.size > 1 and np.isfinite(ratio).all() and np.ptp(ratio) <= 1e-6 * abs(ratio[0]):
        yield from (
            f"is the right result times {name} wherever it is wrong"
            for name in _ratios(view, ratio[0])
        )


def _ratios(view: View, ratio: float) -> Iterator[str]:
    """Yield what a ratio is equal to; a size that is 2 or 3 may be no more than that."""
    named = (
        name for name, value in symbols(view).items() if abs(ratio - value) <= 1e-6 * abs(value)
    )
    yield from (number(ratio), *named) if ratio == round(ratio) else (*named, number(ratio))


def _regions(view: View) -> Iterator[tuple[str, Mask]]:
    yield from _by_windows(view)
    yield from _by_index(view)
    yield from _by_values(view)


def _by_index(view: View) -> Iterator[tuple[str, Mask]]:
    shape, names = view.right.shape, view.axes
    for axis, name in enumerate(names):
        size = shape[axis]
        if size < 2:
            continue
        index = np.arange(size).reshape([-1 if k == axis else 1 for k in range(len(shape))])
        masks = {
            f"at the first index of {name}": index == 0,
            f"at the last index of {name}": index == size - 1,
            f"at the ends of {name}": (index == 0) | (index == size - 1),
            f"at even indices of {name}": index % 2 == 0,
            f"at odd indices of {name}": index % 2 == 1,
            f"after the first index of {name}": index > 0,
            f"before the last index of {name}": index < size - 1,
            f"inside {name}": (index > 0) & (index < size - 1),
        }
        yield from ((text, np.broadcast_to(mask, shape)) for text, mask in masks.items())
    border = _border(shape)
    yield "at the border", border
    yield "inside the border", ~border


def _border(shape: tuple[int, ...]) -> Mask:
    """Return the ends of the last two axes."""
    mask = np.zeros(shape, bool)
    for axis in range(max(len(shape) - 2, 0), len(shape)):
        for index in (0, -1):
            mask[(slice(None),) * axis + (index,)] = True
    return mask


def _by_windows(view: View) -> Iterator[tuple[str, Mask]]:
    axes, shape = windows(view.question), view.right.shape
    if not axes or len(shape) < len(axes):
        return
    outside, single, several = [], [], []
    for axis in axes:
        fields = (axis.size, axis.windows, axis.kernel, axis.stride, axis.before, axis.dilation)
        if shape[-len(axes) :] == tuple(a.size for a in axes):
            users = (seeing(*fields) >= 0).sum(1)
            outside.append(users == 0)
            single.append(users == 1)
            several.append(users > 1)
        elif shape[-len(axes) :] == tuple(a.windows for a in axes):
            outside.append((seen(*fields) < 0).any(1))
    transposed = "transpose" in view.inputs.operation.name
    if view.output == ("output" if transposed else "grad_input") and len(several) == len(axes):
        yield "where no window reaches", _any(outside, shape)
        yield "where windows overlap", _any(several, shape)
        yield "where one window reaches", ~_any(several, shape) & ~_any(outside, shape)
    elif len(outside) == len(axes) and view.output == "output" and not transposed:
        yield "where windows reach into the padding", _any(outside, shape)
        yield "where windows lie inside", ~_any(outside, shape)


def _any(by_axis: list[Any], shape: tuple[int, ...]) -> Mask:
    """Return where a condition holds along one of the last axes."""
    mask = np.zeros(shape, bool)
    for place, holds in enumerate(reversed(by_axis)):
        mask |= np.asarray(holds).reshape([-1, *(1,) * place])
    return mask


def _by_values(view: View) -> Iterator[tuple[str, Mask]]:
    named = {**view.inputs.arrays, "grad_output": view.inputs.grad_output}
    for name, array in named.items():
        if array is None or array.shape != view.right.shape or array.dtype.kind not in "fi":
            continue
        values = np.asarray(array, np.float64)
        for text, holds in _VALUES.items():
            with np.errstate(all="ignore"):
                yield text.format(name), np.asarray(holds(values))
    for text, holds in _VALUES.items():
        with np.errstate(all="ignore"):
            yield text.format("the right result"), np.asarray(holds(view.right))
    if view.output == "indices" and "x" in view.inputs.arrays:
        yield (
            "where the right index is after the first row",
            view.right >= view.inputs["x"].shape[-1],
        )
    target, ignored = view.inputs.arrays.get("target"), view.inputs.hyper.get("ignore_index")
    if target is not None and ignored is not None and view.right.ndim in (0, target.ndim):
        yield "where the target is ignored", np.broadcast_to(target == ignored, target.shape)


def _ties(values: Array) -> Mask:
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray(counts[inverse.reshape(values.shape)] > 1)


_VALUES: Mapping[str, Any] = {
    "where {} is NaN": np.isnan,
    "where {} is infinite": np.isinf,
    "where {} is 0": lambda x: x == 0,
    "where {} is subnormal": lambda x: (x != 0) & (np.abs(x) < 1e-37),
    "where {} is beyond ±700": lambda x: np.abs(x) > 700,
    "where {} is above 20": lambda x: x > 20,
    "where {} is below -20": lambda x: x < -20,
    "where {} is an integer": lambda x: x == np.rint(x),
    "where {} is above 1": lambda x: x > 1,
    "where {} is not above 1": lambda x: ~(x > 1),
    "where {} is below -1": lambda x: x < -1,
    "where {} is between -1 and 1": lambda x: np.abs(x) < 1,
    "where {} is beyond ±1": lambda x: np.abs(x) > 1,
    "where {} is negative": lambda x: x < 0,
    "where {} is positive": lambda x: x > 0,
    "where {} is not positive": lambda x: x <= 0,
    "where {} is not negative": lambda x: x >= 0,
    "where {} is not 0": lambda x: x != 0,
    "where {} has ties": _ties,
}
