"""What mistakes of pooling are made of: windows over planes, and where other ones would differ."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from reference_tests.case import Case, Spec
from reference_tests.faults.fault import Fault, Hyper, Inputs, Shapes, fitted, oracle
from reference_tests.faults.lifting import axes_of, lifted
from reference_tests.operations import adaptive
from reference_tests.operations.pooling import counted, windows_of
from reference_tests.operations.windows import Table, each, seen, spread

Array = Any
Changes = dict[str, Any]
Shows = Callable[[Hyper, Shapes], bool]
Pair = tuple[Case, Case]
Row = tuple[str, tuple[str, ...], str, str, str, Pair, Changes]


def _dimensions(kind: str, *axes: int) -> tuple[str, ...]:
    return tuple(f"{kind}_pool{number}d" for number in axes)


# That of two axes comes first, whose cases hold for one and three too.
MAX, AVERAGE, LP = (_dimensions(kind, 2, 1, 3) for kind in ("max", "avg", "lp"))
ADAPTIVE_MAX, ADAPTIVE_AVERAGE = (
    _dimensions(f"adaptive_{kind}", 2, 1, 3) for kind in ("max", "avg")
)
MAXIMA, MEANS = (*MAX, *ADAPTIVE_MAX), (*AVERAGE, *ADAPTIVE_AVERAGE)
WINDOWED, PADDED = (*MAX, *AVERAGE, *LP), (*MAX, *AVERAGE)
ADAPTIVE = (*ADAPTIVE_AVERAGE, *ADAPTIVE_MAX)
EVERY = (*WINDOWED, *ADAPTIVE)


def across(operations: tuple[str, ...]) -> tuple[str, ...]:
    """Return the operations that have axes to be told apart."""
    return tuple(name for name in operations if axes_of(name) > 1)


def known(inputs: Inputs, **changes: Any) -> Inputs:
    """Return inputs with other hyperparameters, as far as the operation has them."""
    changes = {name: value for name, value in changes.items() if name in inputs.hyper}
    return inputs.but(**changes)


def windows(hyper: Hyper, size: tuple[int, ...], **changes: Any) -> list[tuple[int, ...]]:
    """Return (size, output, kernel, stride, padding, dilation) of each axis."""
    changed = {"padding": 0, "dilation": 1, **hyper, **changes}
    names = ("kernel_size", "stride", "padding", "dilation", "ceil_mode")
    return windows_of(size, **{name: changed[name] for name in names})


def size_of(hyper: Hyper, shapes: Shapes) -> tuple[int, ...]:
    """Return the size of the planes."""
    size: tuple[int, ...] = shapes["x"][-hyper["axes"] :]
    return size


def spatial(inputs: Inputs) -> int:
    """Return the number of spatial axes."""
    return axes_of(inputs.operation.name)


def plane(inputs: Inputs) -> tuple[int, ...]:
    """Return the size of the planes."""
    size: tuple[int, ...] = inputs["x"].shape[-spatial(inputs) :]
    return size


def tables(hyper: Hyper, size: tuple[int, ...]) -> list[Table]:
    """Return for each axis what each window sees."""
    if "output_size" in hyper:
        return adaptive.tables(size, hyper["output_size"])[0]
    return [seen(*axis) for axis in windows(hyper, size)]


class Windows(NamedTuple):
    """The windows of planes: values (P, windows, taps), and places (windows, taps) or -1."""

    values: Array
    places: Array
    output: tuple[int, ...]

    @property
    def inside(self) -> Array:
        """Which taps see a position."""
        return self.places >= 0


def places_of(size: tuple[int, ...], each_axis: list[Table]) -> Array:
    """Return the place in a plane that each tap of each window sees, or -1."""
    places = spread(np.arange(math.prod(size)).reshape(1, 1, *size), each_axis, -1)
    axes = len(size)
    order = (0, 1, *range(2, 2 + 2 * axes, 2), *range(3, 3 + 2 * axes, 2))
    taps = math.prod(table.shape[1] for table in each_axis)
    result: Array = places.transpose(order).reshape(-1, taps)
    return result


def seen_by(inputs: Inputs, each_axis: list[Table] | None = None) -> Windows:
    """Return the windows of a call, or those of other tables."""
    size = plane(inputs)
    axes = tables(inputs.hyper, size) if each_axis is None else each_axis
    places = places_of(size, axes)
    flat = inputs["x"].reshape(math.prod(inputs["x"].shape[: -len(size)]), math.prod(size))
    values = np.where(places >= 0, flat[:, places], -np.inf)
    return Windows(values, places, tuple(len(table) for table in axes))


def chosen(windows: Windows) -> Array:
    """Return the tap that each window's gradient goes to."""
    missing = np.isnan(windows.values) & windows.inside
    best = np.where(missing, -np.inf, windows.values).max(-1, keepdims=True)
    first = ((windows.values == best) & windows.inside).argmax(-1)
    last = missing.shape[-1] - 1 - missing[..., ::-1].argmax(-1)
    return np.where(missing.any(-1), last, first)


def one_hot(taps: Array, windows: Windows) -> Array:
    """Return 1 at one tap of each window."""
    return (taps[..., None] == np.arange(windows.places.shape[1])).astype(float)


def shared(inputs: Inputs, windows: Windows, shares: Array, assigned: str = "") -> Array:
    """Return the gradient of which each tap gets a share; windows add, or the last one is left."""
    x, grad = inputs["x"], inputs.grad_output
    flat = np.zeros((len(windows.values), math.prod(plane(inputs))), x.dtype)
    cotangent = fitted(grad, (*grad.shape[: -spatial(inputs)], *windows.output))
    parts = cotangent.reshape(len(flat), len(windows.places), 1) * shares
    inside = np.broadcast_to(windows.inside & (shares != 0), parts.shape)
    rows = np.broadcast_to(np.arange(len(flat))[:, None, None], parts.shape)
    places = np.broadcast_to(windows.places, parts.shape)
    if assigned:
        flat[rows[inside], places[inside]] = parts[inside]
    else:
        np.add.at(flat, (rows[inside], places[inside]), parts[inside])
    return flat.reshape(x.shape)


def divisors(inputs: Inputs) -> Array:
    """Return what each window of an average is divided by."""
    hyper, size = inputs.hyper, plane(inputs)
    if "output_size" in hyper:
        inside = places_of(size, tables(hyper, size)) >= 0
        return inside.sum(1).astype(float).reshape([len(t) for t in tables(hyper, size)])
    axes = windows(hyper, size)
    if hyper.get("divisor_override") is not None:
        return np.full([axis[1] for axis in axes], float(hyper["divisor_override"]))
    return counted(axes, hyper.get("count_include_pad", True))


def whole(inputs: Inputs) -> int:
    """Return the number of taps of a kernel."""
    return math.prod(each(inputs.hyper["kernel_size"], spatial(inputs)))


def fitting(change: Callable[[Inputs], Inputs]) -> Callable[[Inputs], Inputs]:
    """Return a change of inputs whose cotangent is cut to the windows that it makes."""

    def before(inputs: Inputs) -> Inputs:
        changed = change(inputs)
        if inputs.grad_output is None:
            return changed
        shape = oracle(changed, "output").shape
        return changed.but(grad_output=fitted(inputs.grad_output, shape))

    return before


def filled(hyper: Hyper, shapes: Shapes) -> bool:
    """Return whether there are planes at all."""
    return 0 not in shapes["x"]


def any_axis(holds: Callable[..., bool], empty: bool = False) -> Shows:
    """Return what tells whether something holds for (size, output, kernel, …) of an axis.

    Without planes nothing shows, unless it is in the shape of the output: `empty`.
    """
    return lambda hyper, shapes: (
        (empty or filled(hyper, shapes))
        and any(holds(*axis) for axis in windows(hyper, size_of(hyper, shapes)))
    )


def unlike(change: Callable[[Hyper], Mapping[str, Any]], gradient: bool = False) -> Shows:
    """Return what tells whether windows, or what they are divided by, would be others."""

    def signature(hyper: Hyper, size: tuple[int, ...]) -> tuple[Any, ...]:
        axes = windows(hyper, size)
        counts = counted(axes, hyper.get("count_include_pad", True)).tolist()
        if "dilation" in hyper or hyper.get("divisor_override") is not None:
            counts = hyper.get("divisor_override")
        return [seen(*axis).tolist() for axis in axes], [axis[1] for axis in axes], counts

    def shows(hyper: Hyper, shapes: Shapes) -> bool:
        size = size_of(hyper, shapes)
        other = signature({**hyper, **change(hyper)}, size)
        mine = signature(hyper, size)
        reshaped = other[1] != mine[1] and not gradient
        return reshaped or (filled(hyper, shapes) and other != mine)

    return shows


def several(hyper: Hyper, shapes: Shapes) -> bool:
    """Return whether a window sees more than one position."""
    seen = tables(hyper, size_of(hyper, shapes))
    return filled(hyper, shapes) and any(((t >= 0).sum(1) > 1).any() for t in seen)


def samples(hyper: Hyper, shapes: Shapes) -> bool:
    """Return whether there are several samples."""
    batched = len(shapes["x"]) == hyper["axes"] + 2
    return filled(hyper, shapes) and batched and shapes["x"][0] > 1


def case(*sizes: int, values: Any = None, lead: tuple[int, ...] = (1, 1), **hyper: Any) -> Case:
    """Return a case by the size of its image, or by its values."""
    shape = (*lead, *sizes)
    given = {} if values is None else {"x": np.reshape(np.array(values, float), shape)}
    return Case({"x": Spec(shape)}, hyper, values=given)


def _own(name: str, pair: Pair, axes: int) -> Pair:
    """Return a pair of cases as an operation of another kind has them."""
    exposing, hiding = (lifted(each_case, axes, axes_of(name)) for each_case in pair)
    if not name.startswith("lp_"):
        return exposing, hiding

    def normed(one: Case) -> Case:
        return Case(one.arrays, {"norm_type": 2, **one.hyper}, one.seed, values=one.values)

    return normed(exposing), normed(hiding)


def rows(
    output: str, table: tuple[Row, ...], elsewhere: Mapping[str, Mapping[str, Pair]] | None = None
) -> list[Fault]:
    """Return faults of one output.

    A row is a name, the operations, a sentence, a formula, what hides it in words, its (exposing,
    hiding) case, and the mistake. `elsewhere` has other pairs of cases: by the name of an
    operation, or over two axes by its kind, such as "avg".
    """
    return [_fault(output, row, (elsewhere or {}).get(row[0], {})) for row in table]


def _fault(output: str, row: Row, elsewhere: Mapping[str, Pair]) -> Fault:
    name, operations, sentence, formula, hidden_by, pair, mistake = row
    own = {
        each_name: elsewhere[each_name]
        if each_name in elsewhere
        else _own(each_name, elsewhere.get(each_name.partition("_pool")[0], pair), 2)
        for each_name in operations
    }
    exposing, hiding = own.pop(operations[0])
    return Fault(
        id=f"pool/{name}",
        sentence=sentence,
        formula=formula,
        operations=operations,
        output=output,
        hidden_by=hidden_by,
        exposing=exposing,
        hiding=hiding,
        elsewhere=own,
        **{"shows_if": filled, **mistake},
    )
