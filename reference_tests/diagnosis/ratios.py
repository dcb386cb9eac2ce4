"""Relations by arithmetic: constants, ratios, offsets, and functions of the right values."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from reference_tests.diagnosis.features import axis_names, windows
from reference_tests.diagnosis.view import Array, View, held, number


@held
def constants(view: View) -> Iterator[str]:
    """Yield what is said of a result that tells nothing."""
    got = view.got
    if not got.size:
        yield "is empty"
    elif np.isnan(got).all():
        yield "is NaN everywhere"
    elif (got == 0).all():
        yield "is zero everywhere"
    elif got.size > 1 and (got == got.flat[0]).all():
        yield "is one number everywhere"


@held
def other_arrays(view: View) -> Iterator[str]:
    """Yield the names of arrays that a result is equal to."""
    for name, array in _arrays(view).items():
        if view.is_near(array):
            yield f"is equal to {name}"
        elif view.is_near(-array):
            yield f"is equal to -{name}"
    for name in view.question.right:
        got = view.witness.got(name)
        if name != view.output and got is not None and got.ndim and view.is_near(got):
            yield f"is equal to its own {name}"


def _arrays(view: View) -> dict[str, Array]:
    named = {**view.inputs.arrays, "grad_output": view.inputs.grad_output}
    return {
        name: np.asarray(array, np.float64)
        for name, array in named.items()
        if array is not None and array.ndim and array.dtype.kind in "fi"
    }


@held
def ratios(view: View) -> Iterator[str]:
    """Yield what a constant ratio to the right values is equal to."""
    if not view.alike:
        return
    ratio = _constant_ratio(view.got, view.right)
    if ratio is None or not view.is_near(ratio * view.right):
        return
    room = 1e-6 if view.question.dtype == "float32" else 1e-12
    # What a size that never varies is equal to could be the size, or just the number.
    if ratio == round(ratio):
        yield f"is the right result times {number(ratio)}"
    for name, value in symbols(view).items():
        if math.isfinite(value) and abs(ratio - value) <= room * abs(value):
            yield f"is the right result times {name}"
    yield f"is the right result times {number(ratio)}"
    if view.right.size > 1:
        yield "is the right result times a number that depends on the case"


def _constant_ratio(got: Array, right: Array) -> float | None:
    usable = np.isfinite(right) & (right != 0) & np.isfinite(got)
    if not usable.any():
        return None
    place = np.argmax(np.where(usable, np.abs(right), 0.0))
    ratio = float(got.flat[place] / right.flat[place])
    return ratio if ratio != 0 else None


def symbols(view: View) -> dict[str, float]:
    """Return what a ratio can be equal to, by name, the plainest first."""
    plain: dict[str, float] = {}
    for name, value in _numbers(view).items():
        if value not in (0, 1):
            plain[name] = value
    found: dict[str, float] = {"-1": -1.0, "2": 2.0, "1/2": 0.5}
    for sign, factor in (("", 1.0), ("-", -1.0)):
        found |= {f"{sign}1 / {name}": factor / value for name, value in plain.items()}
        found |= {f"{sign}{name}": factor * value for name, value in plain.items()}
    for name, value in plain.items():
        found |= {f"{name}²": value**2, f"1 / {name}²": value**-2}
        found |= {f"2 {name}": 2 * value, f"2 / {name}": 2 / value}
        if value > 1:
            found |= {
                f"{name} / ({name} - 1)": value / (value - 1),
                f"({name} - 1) / {name}": (value - 1) / value,
                f"√{name}": math.sqrt(value),
                f"1 / √{name}": 1 / math.sqrt(value),
            }
        if value < 1:
            found |= {f"1 - {name}": 1 - value, f"1 / (1 - {name})": 1 / (1 - value)}
    return found


def _numbers(view: View) -> dict[str, float]:
    """Return the sizes and numbers of a call, by name; of equal names the first counts."""
    question, inputs = view.question, view.inputs
    found: dict[str, float] = {}
    axes = windows(question)
    if axes:
        found["the taps of the kernel"] = math.prod(axis.kernel for axis in axes)
        found["the number of windows"] = math.prod(axis.windows for axis in axes)
    for name, value in inputs.hyper.items():
        found.update(_of_parameter(name, value))
    for name, array in inputs.arrays.items():
        if array is not None and array.ndim:
            found.update(zip(axis_names(question, name), map(float, array.shape), strict=True))
            found[f"the last axis of {name}"] = float(array.shape[-1])
            found[f"the size of {name}"] = float(array.size)
            found[f"the size of {name} without its first axis"] = float(array[:1].size)
    found["the size of the output"] = float(np.size(inputs.grad_output))
    if inputs["x"].ndim > 1 if "x" in inputs.arrays else False:
        found["the size of x by channel"] = inputs["x"].size / max(inputs["x"].shape[1], 1)
    return found


def _of_parameter(name: str, value: Any) -> Iterator[tuple[str, float]]:
    numbers = value if isinstance(value, tuple) else (value,)
    if not all(type(item) in (int, float) for item in numbers):
        return
    if len(numbers) == 1:
        yield name, float(numbers[0])
        return
    yield f"the product of {name}", float(math.prod(numbers))
    for place, item in enumerate(numbers):
        yield f"{name}[{place}]", float(item)


@held
def offsets(view: View) -> Iterator[str]:
    """Yield what is added to the right values."""
    if not view.alike or view.right.size < 2:
        return
    with np.errstate(all="ignore"):
        rest = view.got - view.right
    if not np.isfinite(rest).all():
        return
    middle = float(np.median(rest))
    if middle and view.is_near(view.right + middle):
        yield f"is the right result plus {number(middle)}"
        yield "is the right result plus a number that depends on the case"
    for name, array in _arrays(view).items():
        for factor, sign in ((1, "plus"), (-1, "minus"), (2, "plus twice"), (-2, "minus twice")):
            for shaped in _broadcast(array, view.right):
                if view.is_near(view.right + factor * shaped):
                    yield f"is the right result {sign} {name}"
        for shaped in _broadcast(array, view.right):
            share = _constant_ratio(rest, np.broadcast_to(shaped, rest.shape))
            if share is not None and view.is_near(view.right + share * shaped):
                yield f"is the right result plus {share:.4g} times {name}"


def _broadcast(array: Array, like: Array) -> Iterator[Array]:
    """Yield an array as one that can be added to another: as it is, or along its channels."""
    if array.shape == like.shape:
        yield array
    elif array.ndim == 1:
        for axis, size in enumerate(like.shape):
            if size == array.size:
                yield array.reshape([-1 if k == axis else 1 for k in range(like.ndim)])


@held
def by_axis(view: View) -> Iterator[str]:
    """Yield along which axis ratios or offsets to the right values change only."""
    if not view.alike or view.right.ndim < 2:
        return
    with np.errstate(all="ignore"):
        ratio = np.where(view.right != 0, view.got / view.right, np.nan)
        rest = view.got - view.right
    for axis, name in enumerate(view.axes):
        others = tuple(k for k in range(view.right.ndim) if k != axis)
        if view.right.shape[axis] < 2 or view.right.size < 2 * view.right.shape[axis]:
            continue
        usual = _median(ratio, others)
        if np.isfinite(usual).all() and view.is_near(usual * view.right):
            yield f"is the right result times one number for each index of {name}"
        usual = _median(rest, others)
        if np.isfinite(usual).all() and view.is_near(usual + view.right):
            yield f"is the right result plus one number for each index of {name}"


@held
def along_axis(view: View) -> Iterator[str]:
    """Yield along which axis a ratio to the right values does not change."""
    if not view.alike or view.right.ndim < 2:
        return
    with np.errstate(all="ignore"):
        ratio = np.where(view.right != 0, view.got / view.right, np.nan)
    for axis, name in enumerate(view.axes):
        dim = view.inputs.hyper.get("dim")
        named = type(dim) is int and dim % view.right.ndim == axis
        # Of one number it is always true, which says something only beside other cases.
        if view.right.shape[axis] < 2 and not named:
            continue
        # Small numbers have lost digits, so the factor is that of the largest.
        sizes = np.where(np.isfinite(ratio), np.abs(view.right), -1.0)
        largest = np.argmax(sizes, axis, keepdims=True)
        usual = np.take_along_axis(ratio, largest, axis)
        if np.isfinite(usual).any() and view.is_near(usual * view.right):
            yield f"is the right result times the same factor all along {'dim' if named else name}"


def _median(array: Array, axes: tuple[int, ...]) -> Array:
    finite = np.isfinite(array)
    if not finite.any(axes).all():
        return np.full(1, np.nan)
    return np.asarray(np.nanmedian(np.where(finite, array, np.nan), axes, keepdims=True))


_FUNCTIONS: Mapping[str, Any] = {
    "the absolute value of": np.abs,
    "the square of": np.square,
    "the square root of": np.sqrt,
    "the positive part of": lambda y: np.maximum(y, 0),
    "the negative part of": lambda y: np.minimum(y, 0),
    "the exponential of": np.exp,
    "the logarithm of": np.log,
    "the reciprocal of": lambda y: 1 / y,
    "1 minus": lambda y: 1 - y,
    "the nearest integer to": np.rint,
    "the integer part of": np.trunc,
    "the sign of": np.sign,
}


@held
def functions(view: View) -> Iterator[str]:
    """Yield functions of the right values that a result is equal to."""
    if not view.alike:
        return
    for name, function in _FUNCTIONS.items():
        with np.errstate(all="ignore"):
            if view.is_near(function(view.right)):
                yield f"is {name} the right result"
