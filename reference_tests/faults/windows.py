"""What mistakes of convolutions are made of: their windows, and where other ones would differ."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from reference_tests.case import Case, Spec
from reference_tests.faults.fault import Fault, Hyper, Inputs, Shapes
from reference_tests.operations.windows import Table, pair, seeing, seen

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
    """Return both axes of a convolution."""
    kernel, dilation = shapes["weight"][2:], pair(hyper["dilation"])
    if hyper["padding"] == "same":
        total = [d * (k - 1) for k, d in zip(kernel, dilation, strict=True)]
        around = [(t // 2, t - t // 2) for t in total]
    else:
        around = [(p, p) for p in pair(0 if hyper["padding"] == "valid" else hyper["padding"])]
    fields = zip(shapes["x"][2:], kernel, pair(hyper["stride"]), around, dilation, strict=True)
    return [Axis(n, k, s, *edges, d) for n, k, s, edges, d in fields]


def axes(inputs: Inputs) -> list[Axis]:
    """Return both axes of a convolution."""
    return axes_of(inputs.hyper, inputs.shapes)


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


def as_filters(weight: Array) -> Array:
    """Return a weight whose memory is read as (C, O, KH, KW)."""
    filters, channels, *kernel = weight.shape
    return weight.reshape(channels, filters, *kernel).swapaxes(0, 1)


def more(array: str, axis: int, than: int = 1) -> Shows:
    """Return what tells whether an array is longer than so much along an axis."""
    return lambda hyper, shapes: bool(shapes[array] and shapes[array][axis] > than)


several_windows = any_axis(lambda axis: axis.output > 1)


def case(x: Any, weight: Any, bias: int = 0, **hyper: Any) -> Case:
    """Return a case by the shapes of its arrays."""
    return Case(
        {"x": Spec(x), "weight": Spec(weight), "bias": Spec((bias,)) if bias else None}, hyper
    )


def _batch(inputs: Inputs) -> Inputs:
    """Return inputs whose images have the axis N."""
    if inputs["x"].ndim == 4:
        return inputs
    grad = inputs.grad_output
    return inputs.but(x=inputs["x"][None], grad_output=None if grad is None else grad[None])


def _with_and_without_batch(mistake: Changes, images: bool) -> Changes:
    """Return a mistake about (N, C, H, W) as one about (C, H, W) too; `images` if its result is."""
    changes: Changes = {"before": lambda inputs: inputs, "after": lambda result, inputs: result}
    changes.update(mistake)

    def after(result: Array, inputs: Inputs) -> Array:
        lone = images and inputs["x"].ndim == 3
        if lone and result.ndim == 3:
            result = result[None]
        result = changes["after"](result, _batch(inputs))
        return result[0] if lone else result

    def shows_if(hyper: Hyper, shapes: Shapes) -> bool:
        lead = (1,) if len(shapes["x"]) == 3 else ()
        return bool(changes["shows_if"](hyper, {**shapes, "x": (*lead, *shapes["x"])}))

    wrapped = {"before": lambda inputs: changes["before"](_batch(inputs))}
    if "replace" in changes:
        wrapped["replace"] = lambda inputs: changes["replace"](_batch(inputs))
    return {**wrapped, "after": after, "shows_if": shows_if}


def rows(output: str, *faults: tuple[str, str, str, tuple[Case, Case], Changes]) -> list[Fault]:
    """Return faults of one output: name, sentence, what hides it, (exposing, hiding), mistake.

    An untied bias has no room for another number of windows: a mistake that makes one, or that
    is about the bias, is ``tied``.
    """
    both = ("conv2d", "conv2d_untied_bias")
    return [
        Fault(
            id=f"conv/{name}",
            sentence=sentence,
            operations=both[: 1 if mistake.get("tied") else 2],
            output=output,
            hidden_by=hidden_by,
            exposing=exposing,
            hiding=hiding,
            **_with_and_without_batch(mistake, images=output in ("output", "grad_input")),
        )
        for name, sentence, hidden_by, (exposing, hiding), mistake in faults
    ]
