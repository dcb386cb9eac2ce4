"""Mistakes of convolutions, forward and backward."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from reference_tests.case import Case, Spec
from reference_tests.faults.fault import Fault, Hyper, Inputs, Shapes, fitted
from reference_tests.operations.windows import Table, pair, seeing, seen, spread
from reference_tests.tolerance import contract

Array = Any
Changes = dict[str, Any]


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
        """How many positions no window sees at the end."""
        return (self.size + self.before + self.after - self.reach) % self.stride

    def table(self, windows: int) -> Table:
        """Return the positions that the first so many windows see."""
        return seen(self.size, windows, self.kernel, self.stride, self.before, self.dilation)

    def inverse(self) -> Table:
        """Return which window sees each position with each tap."""
        table = (self.size, self.output, self.kernel, self.stride, self.before, self.dilation)
        return seeing(*table)


def axes_of(hyper: Hyper, shapes: Shapes) -> list[Axis]:
    """Return both axes of a convolution."""
    kernel, dilation = shapes["weight"][2:], pair(hyper["dilation"])
    if hyper["padding"] == "same":
        around = [(d * (k - 1) // 2, (d * (k - 1) + 1) // 2) for k, d in zip(kernel, dilation)]
    else:
        around = [(p, p) for p in pair(0 if hyper["padding"] == "valid" else hyper["padding"])]
    rows = zip(shapes["x"][2:], kernel, pair(hyper["stride"]), around, dilation)
    return [Axis(n, k, s, *p, d) for n, k, s, p, d in rows]


def _axes(inputs: Inputs) -> list[Axis]:
    return axes_of(inputs.hyper, inputs.shapes)


def _any(holds: Callable[[Axis], bool]) -> Callable[[Hyper, Shapes], bool]:
    return lambda hyper, shapes: any(map(holds, axes_of(hyper, shapes)))


def _padded(inputs: Inputs, *around: tuple[int, int]) -> Inputs:
    """Return inputs whose padding is part of x: so much before and after each axis."""
    return inputs.but(x=np.pad(inputs["x"], [(0, 0), (0, 0), *around]), padding=0)


def _first(result: Array, rows: int, columns: int) -> Array:
    return result[:, :, : max(rows, 0), : max(columns, 0)]


def _reweighted(change: Callable[[Array], Array]) -> Changes:
    """Return a fault that reads the weight in another order."""

    def shows(hyper: Hyper, shapes: Shapes) -> bool:
        index = np.arange(np.prod(shapes["weight"])).reshape(shapes["weight"])
        return not np.array_equal(change(index), index)

    return {"before": lambda i: i.but(weight=change(i["weight"])), "shows_if": shows}


def _swapped(name: str) -> Changes:
    """Return a fault that takes a pair of parameters as (width, height)."""

    def other(hyper: Hyper) -> Hyper:
        value = hyper[name]
        return {**hyper, name: value if isinstance(value, str) else pair(value)[::-1]}

    def before(inputs: Inputs) -> Inputs:
        wrong = inputs.but(**other(inputs.hyper))
        # Where the input is too small for the exchange, zeros make room for one window.
        room = [max(0, a.reach - a.size - a.before - a.after) for a in _axes(wrong)]
        wide = np.pad(wrong["x"], [(0, 0), (0, 0), *((0, more) for more in room)])
        return wrong.but(x=wide)

    def shows(hyper: Hyper, shapes: Shapes) -> bool:
        pairs = zip(axes_of(hyper, shapes), axes_of(other(hyper), shapes))
        return any(
            not np.array_equal(a.table(a.output), b.table(max(b.output, 1))) for a, b in pairs
        )

    return {"before": before, "shows_if": shows}


def _sized(size: Callable[[Axis], int]) -> Changes:
    """Return a fault that finds fewer windows than there are."""
    return {
        "after": lambda y, i: _first(y, *map(size, _axes(i))),
        "shows_if": _any(lambda axis: size(axis) != axis.output),
    }


def _moved(change: Callable[[Axis], Axis]) -> Callable[[Hyper, Shapes], bool]:
    """Return whether windows see other positions when their axes are changed."""
    return _any(
        lambda axis: not np.array_equal(
            axis.table(axis.output), change(axis).table(axis.output)
        )
    )


def _undilated(inputs: Inputs) -> Inputs:
    """Return inputs in which the cotangent's elements stand side by side, as for stride 1."""
    size = [axis._replace(stride=1).output for axis in _axes(inputs)]
    grad = inputs.grad_output
    return inputs.but(grad_output=fitted(grad, (*grad.shape[:2], *size)), stride=1)


_UNDILATED: Changes = {
    "before": _undilated,
    "shows_if": _moved(lambda axis: axis._replace(stride=1)),
}


def _tensorflow(axis: Axis) -> Axis:
    """Return an axis padded as little as its windows need, the odd one after."""
    needed = max((axis.output - 1) * axis.stride + axis.reach - axis.size, 0)
    return axis._replace(before=needed // 2, after=needed - needed // 2)


def _cropped(window: Callable[[Axis], tuple[int, int]]) -> Changes:
    """Return a fault that takes the wrong (start, length) out of the padded input's gradient."""

    def after(result: Array, inputs: Inputs) -> Array:
        places = [slice(start, start + max(n, 0)) for start, n in map(window, _axes(inputs))]
        return result[:, :, places[0], places[1]]

    return {
        "before": lambda i: _padded(i, *((axis.before, axis.after) for axis in _axes(i))),
        "after": after,
        "shows_if": _any(lambda axis: window(axis) != (axis.before, axis.size)),
    }


def _overwritten(kept: Callable[[Array], Array]) -> Changes:
    """Return a fault that keeps one tap of those with which windows see a position."""

    def only(axis: Axis) -> Table:
        table = axis.inverse()
        return np.where(kept(table >= 0), table, -1)

    def replace(inputs: Inputs) -> Array:
        (n, channels, *size), weight = inputs["x"].shape, inputs["weight"]
        groups, (filters, each, *kernel) = inputs.hyper["groups"], weight.shape
        users = spread(inputs.grad_output, list(map(only, _axes(inputs))))
        users = users.reshape(n, groups, filters // groups, *users.shape[2:])
        grouped = weight.reshape(groups, filters // groups, each, *kernel)
        return contract("ngohawb,gocab->ngchw", users, grouped).reshape(n, channels, *size)

    shows = _any(lambda axis: bool(((axis.inverse() >= 0).sum(1) > 1).any()))
    return {"replace": replace, "shows_if": shows}


def _larger_weight(inputs: Inputs) -> Inputs:
    """Return inputs whose weight covers the remainder of the windows too."""
    size = [(axis.reach + axis.slack - 1) // axis.dilation + 1 for axis in _axes(inputs)]
    return inputs.but(weight=fitted(inputs["weight"], (*inputs["weight"].shape[:2], *size)))


def _first_window(inputs: Inputs) -> Inputs:
    only = np.zeros_like(inputs.grad_output)
    only[:, :, :1, :1] = inputs.grad_output[:, :, :1, :1]
    return inputs.but(grad_output=only)


def _interleaved(x: Array, groups: int) -> Array:
    """Return channels in the order c % groups instead of c // (C / groups)."""
    return x[:, np.arange(x.shape[1]).reshape(-1, groups).T.ravel()]


def _kept_channel(weight: Array, channel: slice) -> Array:
    only = np.zeros_like(weight)
    only[:, channel] = weight[:, channel]
    return only


def _narrow(inputs: Inputs) -> Inputs:
    return inputs.but(
        **{n: None if a is None else a.astype(np.float16) for n, a in inputs.arrays.items()}
    )


def _reshaped_to_filters(weight: Array) -> Array:
    """Return a weight whose memory is read as (C, O, KH, KW)."""
    filters, channels, *kernel = weight.shape
    return weight.reshape(channels, filters, *kernel).swapaxes(0, 1)


def _read_as_hwio(weight: Array) -> Array:
    return weight.reshape(*weight.shape[2:], *weight.shape[1::-1]).transpose(3, 2, 0, 1)


def _read_channels_last(weight: Array) -> Array:
    filters, channels, *kernel = weight.shape
    return weight.reshape(filters, *kernel, channels).transpose(0, 3, 1, 2)


def _negated() -> Changes:
    return {"after": lambda result, i: -result, "shows_if": _several("x", 0, least=1)}


def _several(array: str, axis: int, least: int = 2) -> Callable[[Hyper, Shapes], bool]:
    return lambda hyper, shapes: shapes[array][axis] >= least


def _biased(shows: Callable[[Hyper, Shapes], bool]) -> Callable[[Hyper, Shapes], bool]:
    return lambda hyper, shapes: shapes["bias"] is not None and shows(hyper, shapes)


def _pixels(hyper: Hyper, shapes: Shapes) -> bool:
    return any(axis.output > 1 for axis in axes_of(hyper, shapes))


def _case(x: Any, weight: Any, *bias: int, **hyper: Any) -> Case:
    """Return a case by the shapes; a number after them is that of the biases."""
    arrays = {"x": Spec(x), "weight": Spec(weight), "bias": Spec(bias) if bias else None}
    return Case(arrays, hyper)


def _row(name: str, sentence: str, hidden_by: str, exposing: Case, hiding: Case, **how: Any) -> Any:
    """Return the fault `name`, whose begin says what it corrupts."""
    output = next((f"grad_{n}" for n in ("input", "weight", "bias") if f"{n}-grad" in name), "output")
    operations = ("conv2d",) if how.pop("tied", False) else ("conv2d", "conv2d_untied_bias")
    changes = {k: v for k, v in how.items()}
    return Fault(f"conv/{name}", sentence, operations, output, hidden_by, exposing=exposing, hiding=hiding, **changes)
