"""Relations by argument: the result is right for another parameter, or for other arrays."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np

from reference_tests.diagnosis.features import axis_names, windows
from reference_tests.diagnosis.view import Array, Claim, View
from reference_tests.operation import REQUIRED

# What strings can stand for beside those that a case has.
WORDS = {
    "reduction": ("mean", "sum", "none"),
    "approximate": ("none", "tanh"),
    "padding": ("valid", "same"),
    "padding_mode": ("zeros", "border", "reflection"),
    "align_corners": (True, False),
}
# The modes of padding, of resizing and of correlation.
MODES = (
    ("constant", "reflect", "replicate", "circular"),
    ("nearest", "nearest-exact", "linear", "bilinear", "trilinear", "bicubic", "area"),
    ("full", "same", "valid"),
)


def parameters(view: View) -> Iterator[Claim]:
    """Yield the values of parameters for which a result would be right."""
    defaults = view.inputs.operation.defaults
    for name, value in view.inputs.hyper.items():
        for text, other in _others(name, value, defaults.get(name, REQUIRED)):
            if _same(other, value) or _below(other, _least(value, defaults.get(name))):
                continue
            yield text, partial(_near, view, **{name: other})


def optional(view: View) -> Iterator[Claim]:
    """Yield the optional arrays without which a result would be right."""
    for name in view.inputs.operation.optional:
        if view.inputs.arrays[name] is not None:
            yield f"ignores {name}", partial(_near, view, **{name: None})


def _least(value: Any, default: Any) -> float:
    """Return the smallest number that a parameter can be: a size or a step is at least 1."""
    numbers = [n for each in (value, default) for n in _flat(each)]
    if any(isinstance(number, float) for number in numbers):
        return -math.inf
    return float(min([1, *numbers]))


def _flat(value: Any) -> tuple[Any, ...]:
    items = value if isinstance(value, tuple) else (value,)
    return tuple(item for item in items if type(item) in (int, float))


def _below(value: Any, least: float) -> bool:
    return any(number < least for number in _flat(value))


def _same(a: Any, b: Any) -> bool:
    return type(a) is type(b) and bool(a == b)


def _others(name: str, value: Any, default: Any) -> Iterator[tuple[str, Any]]:
    """Yield other values of a parameter, and what a result is that is right for them."""
    if default is not REQUIRED:
        yield f"ignores {name}: it is right for {name}={default!r}", default
    if isinstance(value, bool):
        yield f"is right for {name}={not value!r}", not value
    elif value is None or isinstance(value, str):
        for word in WORDS.get(name) or next((m for m in MODES if value in m), ()):
            yield f"is right for {name}={word!r}", word
    elif isinstance(value, (int, float)):
        yield from _numbers(name, value)
    elif isinstance(value, tuple) and all(isinstance(item, (int, float)) for item in value):
        yield from _tuples(name, value)


def _numbers(name: str, value: float) -> Iterator[tuple[str, Any]]:
    if isinstance(value, int):
        for step in (1, -1):
            yield f"is right for {name} {'+' if step > 0 else '-'} 1", value + step
        yield f"is right for {name} = 1", 1
        yield f"is right for {name} = 0", 0
        return
    for text, change in _CHANGES.items():
        if value > 0 or text in ("0", "-{}", "1"):
            yield f"is right for {text.format(name)} in place of {name}", change(value)


_CHANGES: Mapping[str, Callable[[float], float]] = {
    "0": lambda v: 0.0,
    "1": lambda v: 1.0,
    "-{}": lambda v: -v,
    "1 - {}": lambda v: 1 - v,
    "2 {}": lambda v: 2 * v,
    "{} / 2": lambda v: v / 2,
    "{}²": lambda v: v * v,
    "√{}": math.sqrt,
    "1 / {}": lambda v: 1 / v,
}


def _tuples(name: str, value: tuple[Any, ...]) -> Iterator[tuple[str, Any]]:
    yield f"takes {name} in the reverse order", value[::-1]
    for place, item in enumerate(value):
        which = {0: "first", len(value) - 1: "last"}.get(place, "middle")
        yield f"takes the {which} {name} for all", (item,) * len(value)
    for step in (1, -1):
        sign = "+" if step > 0 else "-"
        yield f"is right for {name} {sign} 1", tuple(item + step for item in value)
    for place in range(len(value)):
        for other in (0, 1):
            changed = (*value[:place], other, *value[place + 1 :])
            axis = f"axis {place} of {len(value)}"
            yield f"is right for {name} = {other} along {axis}", changed


def arrays(view: View) -> Iterator[Claim]:
    """Yield other arrays for which a result would be right."""
    inputs = view.inputs
    for name, array in inputs.arrays.items():
        if array is None:
            continue
        for text, other in _other_arrays(view, name, array):
            if not _identical(other, array):
                yield f"is right {text.format(name)}", partial(_near, view, **{name: other})
    yield from _exchanged(view)
    gradient = inputs.grad_output
    if not view.output.startswith("grad_") or gradient is None:
        return
    for text, change in _COTANGENTS.items():
        other = change(np.asarray(gradient))
        if not _identical(other, gradient):
            yield text, partial(_near, view, grad_output=other)
    yield from _strided(view, np.asarray(gradient))


def _near(view: View, **changes: Any) -> bool:
    """Return whether a result is right for changed arrays or parameters."""
    result = view.computed(lambda inputs: inputs.but(**changes))
    return result is not None and view.is_near(result)


def _identical(a: Array, b: Array) -> bool:
    return a.shape == b.shape and bool(np.array_equal(a, b, equal_nan=a.dtype.kind == "f"))


def _exchanged(view: View) -> Iterator[Claim]:
    """Yield pairs of arrays that may have been exchanged."""
    named = {n: a for n, a in view.inputs.arrays.items() if a is not None}
    for (one, a), (two, b) in itertools.combinations(named.items(), 2):
        yield f"has {one} and {two} exchanged", partial(_near, view, **{one: b, two: a})


def _strided(view: View, gradient: Array) -> Iterator[Claim]:
    """Yield the gradient at those positions only at which a window of its own size would start."""
    steps = view.inputs.hyper.get("stride")
    axes = [axis.stride for axis in windows(view.question)]
    if steps is None or max(axes, default=1) == 1 or gradient.ndim < len(axes):
        return
    kept = np.zeros_like(gradient)
    places: tuple[Any, ...] = (..., *(slice(None, None, step) for step in axes))
    kept[places] = gradient[places]
    text = "is right for grad_output at multiples of the stride only"
    yield text, partial(_near, view, grad_output=kept)


_COTANGENTS: Mapping[str, Callable[[Array], Array]] = {
    "ignores grad_output: it is right for ones": np.ones_like,
    "is right for the absolute value of grad_output": np.abs,
    "is right for the sign of grad_output": np.sign,
    "is right for grad_output without its negative numbers": lambda g: np.maximum(g, 0),
    "is right for grad_output averaged": lambda g: np.full_like(g, g.mean() if g.size else 0),
    "is right for grad_output summed": lambda g: np.full_like(g, g.sum()),
    "is right for grad_output squared": lambda g: g * g,
    "is right for grad_output of the first sample only": lambda g: _only(g, 0),
    "is right for grad_output of the last sample only": lambda g: _only(g, -1),
    "is right for grad_output without the first sample": lambda g: g - _only(g, 0),
    "is right for grad_output without the last sample": lambda g: g - _only(g, -1),
}


def _only(array: Array, index: int) -> Array:
    result = np.zeros_like(array)
    if array.ndim and len(array):
        result[index] = array[index]
    return result


def _other_arrays(view: View, name: str, array: Array) -> Iterator[tuple[str, Array]]:
    """Yield what may have been made of an array, and in which words."""
    if array.dtype.kind in "iu":
        yield "for {} + 1", array + 1
        yield "for {} - 1", array - 1
        return
    if array.dtype.kind != "f" or not array.ndim:
        return
    for text, change in _ELEMENTS.items():
        with np.errstate(all="ignore"):
            yield text, change(array).astype(array.dtype)
    names = [axis.removesuffix(f" of {name}") for axis in axis_names(view.question, name)]
    long = [axis for axis, size in enumerate(array.shape) if size > 1]
    for axis in long:
        yield f"for {{}} flipped along {names[axis]}", np.flip(array, axis)
        for step, where in ((1, "forward"), (-1, "back")):
            text = f"for {{}} rolled by 1 position {where} along {names[axis]}"
            yield text, np.roll(array, step, axis)
        for index, which in ((0, "first"), (-1, "last")):
            repeated = np.repeat(array.take([index], axis), array.shape[axis], axis)
            yield f"with the {which} index of {names[axis]} of {{}} everywhere", repeated
            kept = np.zeros_like(array)
            place = (slice(None),) * axis + (index,)
            kept[place] = array[place]
            yield f"with the {which} index of {names[axis]} of {{}} only", kept
            dropped = array.copy()
            # What counts for nothing in a sum wins against negative numbers.
            dropped[place] = -np.inf if "max_pool" in view.inputs.operation.name else 0
            yield f"without the {which} index of {names[axis]} of {{}}", dropped
    for one, two in itertools.combinations(long, 2):
        both = f"{names[one]} and {names[two]}"
        yield f"for {{}} flipped along {both}", np.flip(array, (one, two))
        swapped = array.swapaxes(one, two)
        yield f"for {{}} with {both} exchanged", swapped
        yield f"for {{}} reshaped as if {both} were exchanged", swapped.reshape(array.shape)
        other = array.reshape(swapped.shape).swapaxes(one, two)
        yield f"for {{}} read as if {both} were exchanged in memory", other
    if len(long) > 1:
        yield "for {} flipped along all axes", np.flip(array)


_ELEMENTS: Mapping[str, Callable[[Array], Array]] = {
    "for -{}": lambda x: -x,
    "for the absolute value of {}": np.abs,
    "for {} without its negative numbers": lambda x: np.maximum(x, 0),
    "for {} of zeros": np.zeros_like,
    "for {} of ones": np.ones_like,
    "for {} squared": np.square,
    "for the square root of {}": lambda x: np.sqrt(np.abs(x)),
    "for 2 {}": lambda x: 2 * x,
    "for {} / 2": lambda x: x / 2,
    "for {} + 1": lambda x: x + 1,
    "for the exponential of {}": np.exp,
    "for {} minus its mean": lambda x: x - (x.mean() if x.size else 0),
    "for {} rounded to integers": np.rint,
    "for {} with 0 in place of NaN": lambda x: np.where(np.isnan(x), 0, x),
    "for {} clipped to ±1": lambda x: np.clip(x, -1, 1),
}
