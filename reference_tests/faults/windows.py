"""What mistakes of convolutions are made of: their windows, and where other ones would differ."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from reference_tests.case import Case, Spec
from reference_tests.faults.fault import Fault, Hyper, Inputs, Shapes, fitted
from reference_tests.operations import CATALOGUE
from reference_tests.operations.windows import Table, each, seeing, seen

Array = Any
Changes = dict[str, Any]
Shows = Callable[[Hyper, Shapes], bool]


class Axis(NamedTuple):
    """The windows along one axis: what the parameters say, and what follows from it."""

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
    def output(self) -> int:
        """The number of windows."""
        return (self.size + self.before + self.after - self.reach) // self.stride + 1

    @property
    def slack(self) -> int:
        """How many positions no window reaches at the end."""
        return (self.size + self.before + self.after - self.reach) % self.stride

    def seen(self, windows: int) -> Table:
        """Return the positions that the first so many windows see."""
        return seen(self.size, windows, self.kernel, self.stride, self.before, self.dilation)

    def seeing(self) -> Table:
        """Return which window sees each position with each tap."""
        fields = (self.size, self.output, self.kernel, self.stride, self.before, self.dilation)
        return seeing(*fields)


def axes_of(hyper: Hyper, shapes: Shapes) -> list[Axis]:
    """Return the axes of a convolution."""
    kernel = shapes["weight"][2:]
    spatial = len(kernel)
    dilation = each(hyper["dilation"], spatial)
    if hyper["padding"] == "same":
        total = [d * (k - 1) for k, d in zip(kernel, dilation, strict=True)]
        around = [(t // 2, t - t // 2) for t in total]
    else:
        given = 0 if hyper["padding"] == "valid" else hyper["padding"]
        around = [(p, p) for p in each(given, spatial)]
    size, steps = shapes["x"][-spatial:], each(hyper["stride"], spatial)
    fields = zip(size, kernel, steps, around, dilation, strict=True)
    return [Axis(n, k, s, *edges, d) for n, k, s, edges, d in fields]


def axes(inputs: Inputs) -> list[Axis]:
    """Return the axes of a convolution."""
    return axes_of(inputs.hyper, inputs.shapes)


def cut(array: Array, spans: list[tuple[int, int]]) -> Array:
    """Return of the last axes of an array so many elements from a start, as far as there are."""
    return array[(..., *(slice(start, start + max(length, 0)) for start, length in spans))]


def padded(inputs: Inputs, around: Callable[[Axis], tuple[int, int]]) -> Inputs:
    """Return inputs whose padding is part of x: so much before and after each axis."""
    edges = [(0, 0), (0, 0), *map(around, axes(inputs))]
    return inputs.but(x=np.pad(inputs["x"], edges), padding=0)


def any_axis(holds: Callable[[Axis], bool]) -> Shows:
    """Return what tells whether something holds for an axis of a case."""
    return lambda hyper, shapes: any(map(holds, axes_of(hyper, shapes)))


def moved(change: Callable[[Axis], Axis]) -> Shows:
    """Return what tells whether windows would see other positions if their axis were changed."""

    def differs(axis: Axis) -> bool:
        return not np.array_equal(axis.seen(axis.output), change(axis).seen(axis.output))

    return any_axis(differs)


def reweighted(change: Callable[[Array], Array]) -> Changes:
    """Return a mistake that reads the weight in another order."""

    def shows(hyper: Hyper, shapes: Shapes) -> bool:
        places = np.arange(np.prod(shapes["weight"])).reshape(shapes["weight"])
        return not np.array_equal(change(places), places)

    return {"before": lambda inputs: inputs.but(weight=change(inputs["weight"])), "shows_if": shows}


def rotated(weight: Array) -> Array:
    """Return a weight whose kernels are rotated by 180°."""
    return np.flip(weight, tuple(range(2, weight.ndim)))


def as_filters(weight: Array) -> Array:
    """Return a weight whose memory is read as (C, O, *kernel)."""
    filters, channels, *kernel = weight.shape
    return weight.reshape(channels, filters, *kernel).swapaxes(0, 1)


def more(array: str, axis: int, than: int = 1) -> Shows:
    """Return what tells whether an array is longer than so much along an axis."""
    return lambda hyper, shapes: bool(shapes[array] and shapes[array][axis] > than)


ONE, TWO, THREE = (1, 1, 1, 1), (1, 1, 1, 2), (1, 1, 1, 3)
CHANNELS, FILTERS, BATCH, EMPTY = (1, 2, 1, 1), (2, 1, 1, 1), (2, 1, 1, 1), (0, 1, 1, 1)

several_windows = any_axis(lambda axis: axis.output > 1)


def _undilated(inputs: Inputs) -> Inputs:
    """Return inputs in which the cotangent's elements stand side by side, as for stride 1."""
    size = [axis._replace(stride=1).output for axis in axes(inputs)]
    grad = inputs.grad_output
    # The bias has no part in these gradients, and an untied one would not fit.
    return inputs.but(grad_output=fitted(grad, (*grad.shape[:2], *size)), stride=1, bias=None)


def _first_window(inputs: Inputs) -> Inputs:
    grad = inputs.grad_output
    return inputs.but(grad_output=fitted(cut(grad, [(0, 1)] * (grad.ndim - 2)), grad.shape))


# Mistakes that more than one gradient can have.
UNDILATED: Changes = {
    "before": _undilated,
    "shows_if": moved(lambda axis: axis._replace(stride=1)),
}
FIRST_WINDOW: Changes = {"before": _first_window, "shows_if": several_windows}
NEGATED: Changes = {
    "after": lambda result, inputs: -result,
    "shows_if": more("x", 0, than=0),
}


def case(x: Any, weight: Any, bias: int = 0, **hyper: Any) -> Case:
    """Return a case by the shapes of its arrays."""
    return Case(
        {"x": Spec(x), "weight": Spec(weight), "bias": Spec((bias,)) if bias else None}, hyper
    )


def untied(case: Case) -> Case:
    """Return a case of conv2d with a bias for every output pixel; one without has zeros."""
    shapes: Shapes = {name: spec and spec.shape for name, spec in case.arrays.items()}
    output = (
        axis.output for axis in axes_of({**CATALOGUE["conv2d"].defaults, **case.hyper}, shapes)
    )
    bias = Spec((shapes["weight"][0], *output))
    zeros = {} if case.arrays["bias"] else {"bias": np.zeros(bias.shape)}
    return replace(case, arrays={**case.arrays, "bias": bias}, values={**case.values, **zeros})


def _elsewhere(operations: tuple[str, ...], *cases: Case) -> dict[str, tuple[Case, Case]]:
    if "conv2d_untied_bias" not in operations:
        return {}
    exposing, hiding = map(untied, cases)
    return {"conv2d_untied_bias": (exposing, hiding)}


def _batch(inputs: Inputs) -> Inputs:
    """Return inputs whose images have the axis N."""
    if inputs["x"].ndim == inputs["weight"].ndim:
        return inputs
    grad = inputs.grad_output
    return inputs.but(x=inputs["x"][None], grad_output=None if grad is None else grad[None])


def batched(mistake: Changes, images: bool) -> Changes:
    """Return a mistake about (N, C, H, W) as one about (C, H, W) too; `images` if its result is."""
    changes: Changes = {"before": lambda inputs: inputs, "after": lambda result, inputs: result}
    changes.update(mistake)

    def after(result: Array, inputs: Inputs) -> Array:
        axes = inputs["weight"].ndim
        lone = images and inputs["x"].ndim < axes
        if lone and result.ndim < axes:
            result = result[None]
        result = changes["after"](result, _batch(inputs))
        return result[0] if lone else result

    def shows_if(hyper: Hyper, shapes: Shapes) -> bool:
        lead = (1,) if len(shapes["x"]) < len(shapes["weight"]) else ()
        return bool(changes["shows_if"](hyper, {**shapes, "x": (*lead, *shapes["x"])}))

    wrapped = {"before": lambda inputs: changes["before"](_batch(inputs))}
    if "replace" in changes:
        wrapped["replace"] = lambda inputs: changes["replace"](_batch(inputs))
    return {**wrapped, "after": after, "shows_if": shows_if}


TIED = ("conv2d", "conv1d", "conv3d")
UNTIED = ("conv2d_untied_bias",)
EVERY = (*TIED, *UNTIED)
# Where axes are told apart there are two of them at least.
SEVERAL_TIED = ("conv2d", "conv3d")
SEVERAL = (*SEVERAL_TIED, *UNTIED)

Row = tuple[str, str, str, str, tuple[Case, Case], Changes]


def rows(
    output: str, operations: tuple[str, ...], *faults: Row, family: str = "conv"
) -> list[Fault]:
    """Return faults of one output: name, sentence, formula, what hides it, cases, mistake.

    An untied bias has no room for another number of windows: a mistake that makes one is of
    `TIED` operations.
    """
    return [
        Fault(
            id=f"{family}/{name}",
            sentence=sentence,
            formula=formula,
            operations=operations,
            output=output,
            hidden_by=hidden_by,
            exposing=exposing,
            hiding=hiding,
            elsewhere=_elsewhere(operations, exposing, hiding),
            **batched(mistake, images=output in ("output", "grad_input")),
        )
        for name, sentence, formula, hidden_by, (exposing, hiding), mistake in faults
    ]
