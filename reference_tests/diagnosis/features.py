"""What is special about a case: the table of conditions in which an attribution is told."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from reference_tests.diagnosis.witness import Question
from reference_tests.operation import REQUIRED
from reference_tests.operations.windows import each

Features = dict[str, bool]

# Operations whose windows slide over the last axes of x.
_SLIDING = re.compile(r"(conv|conv_transpose|(max|avg|lp)_pool)([123])d")
# Counts and sizes have no default, or None; the plainest one is 1.
_COUNTS = ("kernel_size", "scale_factor", "num_groups", "groups", "upscale_factor", "output_size")
# Operations on images, or on classes, whose second axis has a name.
_CHANNELED = re.compile(r"(batch|instance|group|local_response)_norm|prelu|(cross_entropy|nll)\b")
# One number stands for all axes of these.
_OF_WINDOWS = ("kernel_size", "stride", "padding", "output_padding", "dilation")
SPATIAL = {1: "W", 2: "HW", 3: "DHW"}


class Window(NamedTuple):
    """The windows along one axis."""

    size: int
    kernel: int
    stride: int
    before: int
    after: int
    dilation: int

    @property
    def reach(self) -> int:
        """How many positions a window spans."""
        return self.dilation * (self.kernel - 1) + 1

    @property
    def room(self) -> int:
        """How far the first window can be moved."""
        return self.size + self.before + self.after - self.reach

    @property
    def windows(self) -> int:
        """How many windows there are."""
        return self.room // self.stride + 1


def windows(question: Question) -> list[Window]:
    """Return the windows of an operation along each axis; none where it has no such windows."""
    inputs = question.inputs
    match, hyper = _SLIDING.match(inputs.operation.name), inputs.hyper
    if match is None:
        return []
    axes, weight = int(match[3]), inputs.arrays.get("weight")
    kernel = each(hyper.get("kernel_size") if weight is None else weight.shape[-axes:], axes)
    dilation = each(hyper.get("dilation", 1), axes)
    padding = hyper.get("padding", 0)
    if padding == "same":
        total = [d * (k - 1) for k, d in zip(kernel, dilation, strict=True)]
        around = [(t // 2, t - t // 2) for t in total]
    else:
        around = [(p, p) for p in each(0 if padding == "valid" else padding, axes)]
    strides = each(hyper.get("stride") or kernel, axes)
    fields = zip(inputs["x"].shape[-axes:], kernel, strides, around, dilation, strict=True)
    found = [Window(n, k, s, *edges, d) for n, k, s, edges, d in fields]
    if "transpose" not in inputs.operation.name:
        return found
    # The windows of a transposed convolution lie in its output, one for each position of x.
    extra = each(hyper["output_padding"], axes)
    return [
        axis._replace(size=(axis.size - 1) * axis.stride + axis.reach + more - 2 * axis.before)
        for axis, more in zip(found, extra, strict=True)
    ]


def features(question: Question) -> Features:
    """Return which conditions hold in a case, the plainest first."""
    found: Features = {}
    for table in (_parameters, _geometry, _arrays, _values, _number_formats):
        found.update(table(question))
    return found


def _parameters(question: Question) -> Iterator[tuple[str, bool]]:
    operation = question.inputs.operation
    match = _SLIDING.match(operation.name)
    axes = int(match[3]) if match else 1
    for name, value in question.inputs.hyper.items():
        yield from _parameter(name, value, operation.defaults.get(name, REQUIRED))
        if type(value) is int and name in _OF_WINDOWS and axes > 1:
            yield from _by_axis(name, each(value, axes), _plain(name, operation.defaults[name]))


def _parameter(name: str, value: Any, default: Any) -> Iterator[tuple[str, bool]]:
    if isinstance(value, str) and not isinstance(default, str):
        yield f"{name} is a string", True
    if isinstance(value, (str, bool)) or value is None:
        yield f"{name}={value!r}", True
        return
    if default is None:
        yield f"{name} is given", True
    if not isinstance(value, (int, float, tuple)) or isinstance(default, (str, bool)):
        return
    numbers = value if isinstance(value, tuple) else (value,)
    if not all(isinstance(number, (int, float)) for number in numbers):
        return
    plain = _plain(name, default)
    for sign, holds in _COMPARED.items():
        yield f"{name} {sign} {plain!r}", any(holds(number, plain) for number in numbers)
    yield f"{name} = {plain!r}", all(number == plain for number in numbers)
    yield f"{name} is not {plain!r}", any(number != plain for number in numbers)
    # Of a padding each axis has two numbers.
    if isinstance(value, tuple) and name != "pad":
        yield f"{name} differs between the axes", len(set(numbers)) > 1
        yield from _by_axis(name, numbers, plain)


def _plain(name: str, default: Any) -> Any:
    """Return the number that asks for nothing special."""
    if name in _COUNTS:
        return 1
    return default if isinstance(default, (int, float)) else 0


_COMPARED: Mapping[str, Callable[[Any, Any], bool]] = {
    ">": lambda a, b: a > b,
    "<": lambda a, b: a < b,
}


def _by_axis(name: str, numbers: tuple[Any, ...], plain: Any) -> Iterator[tuple[str, bool]]:
    for place, number in enumerate(numbers):
        axis = SPATIAL.get(len(numbers), "?" * len(numbers))[place]
        yield f"{name} > {plain!r} along {axis}", number > plain


def _geometry(question: Question) -> Iterator[tuple[str, bool]]:
    axes = windows(question)
    for name, holds in _WINDOWS.items() if axes else ():
        yield name, any(map(holds, axes))
    for letter, axis in zip(SPATIAL.get(len(axes), ""), axes, strict=True) if axes[1:] else ():
        yield f"several windows along {letter}", axis.room >= axis.stride
    for name, field in (("kernel", "kernel"), ("x", "size"))[: 2 * (len(axes) > 1)]:
        yield f"{name} is not square", len({getattr(axis, field) for axis in axes}) > 1


_WINDOWS: Mapping[str, Callable[[Window], bool]] = {
    "kernel > 1": lambda axis: axis.kernel > 1,
    "kernel even": lambda axis: axis.kernel % 2 == 0,
    "a remainder is left": lambda axis: axis.room % axis.stride > 0,
    "windows overlap": lambda axis: axis.stride < axis.reach and axis.room >= axis.stride,
    "stride > kernel": lambda axis: axis.stride > axis.kernel,
    "windows reach into the padding": lambda axis: axis.before + axis.after > 0,
    "padding > kernel - 1": lambda axis: axis.before > axis.reach - 1,
    "one window along an axis": lambda axis: axis.room < axis.stride,
    "several windows": lambda axis: axis.room >= axis.stride,
}


def ordinals(count: int) -> list[str]:
    """Return which axis each of so many is, so that those of more and of fewer axes agree."""
    if count < 2:
        return ["only"] * count
    return [*("first", "second", "third", "fourth")[: count - 1], "last"]


def axis_names(question: Question, name: str) -> list[str]:
    """Return the names of the axes of an array."""
    inputs = question.inputs
    ndim = inputs[name].ndim
    match = re.search(r"([123])d", inputs.operation.name)
    plain = [f"the {which} axis of {name}" for which in ordinals(ndim)]
    if name == "x" and ndim > 1 and _CHANNELED.match(inputs.operation.name):
        return [plain[0], "C", *plain[2:]]
    if match is None or name not in ("x", "weight"):
        return plain
    space = SPATIAL[int(match[1])]
    if name == "x":
        lead = {len(space) + 2: ["N", "C"], len(space) + 1: ["C"]}.get(ndim)
        return plain if lead is None else [*lead, *space]
    return ["O", "C / groups", *(f"K{axis}" for axis in space)] if ndim == len(space) + 2 else plain


def _arrays(question: Question) -> Iterator[tuple[str, bool]]:
    inputs = question.inputs
    for name, array in inputs.arrays.items():
        if name in inputs.operation.optional:
            yield f"{name} is given", array is not None
            yield f"no {name}", array is None
        if array is None:
            continue
        sizes = dict(zip(axis_names(question, name), array.shape, strict=True))
        for axis, size in sizes.items():
            yield f"{axis} = 1", size == 1
            yield f"{axis} > 1", size > 1
            yield f"{axis} = 0", size == 0
        yield from ((f"{name} has {count} axes", array.ndim == count) for count in range(6))
        yield from ((f"{name} has more than {k} axes", array.ndim > k) for k in (1, 2, 3))
        if array.ndim > 1:
            yield f"the last two sizes of {name} are equal", array.shape[-1] == array.shape[-2]
        if name == "x" and "N" not in sizes and "C" in sizes:
            yield "x has no batch", True
        if name != "x" and array.dtype.kind == "f":
            yield f"{name} is of floats", True
    weight = inputs.arrays.get("weight")
    if weight is not None and weight.ndim > 2:
        yield "C ≠ O", weight.shape[0] != weight.shape[1] * inputs.hyper.get("groups", 1)
        yield "O / groups > 1", weight.shape[0] > inputs.hyper.get("groups", 1)
        yield "C = O", weight.shape[0] == weight.shape[1] * inputs.hyper.get("groups", 1)


def _values(question: Question) -> Iterator[tuple[str, bool]]:
    for name, array in question.inputs.arrays.items():
        if array is None or array.dtype.kind not in "fi":
            continue
        values = np.asarray(array, np.float64)
        for kind, holds in _NUMBERS.items():
            yield f"{name} has {kind}", bool(holds(values).any())
        finite = values[np.isfinite(values)]
        yield f"{name} has ties", np.unique(finite).size < finite.size
    ignored = question.inputs.hyper.get("ignore_index")
    target = question.inputs.arrays.get("target")
    if ignored is not None and target is not None:
        yield "a target is ignored", bool((target == ignored).any())


_NUMBERS: Mapping[str, Callable[[Any], Any]] = {
    "NaN": np.isnan,
    "infinities": np.isinf,
    "zeros": lambda x: x == 0,
    "negative numbers": lambda x: x < 0,
    "numbers above 1": lambda x: x > 1,
    "numbers above 20": lambda x: x > 20,
    "numbers beyond ±20": lambda x: np.abs(x) > 20,
    "numbers beyond ±700": lambda x: np.abs(x) > 700,
    "subnormal numbers": lambda x: (x != 0) & (np.abs(x) < 1e-37),
}


def _number_formats(question: Question) -> Iterator[tuple[str, bool]]:
    yield f"the dtype is {question.dtype}", True
    yield "the numbers are small integers", bool(question.scale)
    yield "the numbers are no integers", not question.scale
