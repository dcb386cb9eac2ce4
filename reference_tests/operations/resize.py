"""The record of interpolate."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from reference_tests.case import Array, Case, Spec
from reference_tests.draw import Draw
from reference_tests.operation import Invalid, Operation
from reference_tests.operations.padding import shown_by
from reference_tests.operations.windows import Table
from reference_tests.strategies import batch, finished
from reference_tests.tolerance import (
    Bounded,
    contract,
    gather,
    maximum,
    minimum,
    plain,
    uncertainty,
    where,
)

# Each mode: how many axes it resizes.
AXES = {
    "nearest": (1, 2, 3),
    "nearest-exact": (1, 2, 3),
    "linear": (1,),
    "bilinear": (2,),
    "bicubic": (2,),
    "trilinear": (3,),
    "area": (1, 2, 3),
}
SELECTING = ("nearest", "nearest-exact", "area")


class Resized(NamedTuple):
    """One axis: its sizes, and the factor from which its positions are computed, if not those."""

    size: int
    output: int
    factor: float | None


def resized(
    x: Any, mode: str, size: Any, scale_factor: Any, recompute_scale_factor: Any
) -> list[Resized]:
    """Return how each axis is resized."""
    old = x.shape[2:]
    if size is not None:
        new = size if isinstance(size, Sequence) else (size,) * len(old)
        return [Resized(*pair, None) for pair in zip(old, new, strict=True)]
    each = scale_factor if isinstance(scale_factor, Sequence) else (scale_factor,) * len(old)
    forgotten = recompute_scale_factor or mode == "area"
    return [
        Resized(n, int(n * factor), None if forgotten else factor)
        for n, factor in zip(old, each, strict=True)
    ]


def interpolate_definition(
    x: Any,
    *,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Any:
    """Return `x` resized along one axis after the other."""
    axes = resized(x, mode, size, scale_factor, recompute_scale_factor)
    pullbacks = []
    for place, axis in enumerate(axes, 2):
        if mode in SELECTING:
            table = touched(axis) if mode == "area" else nearest(axis, mode, len(axes))
            x, pullback = _means(x, place, table, axis.size)
        else:
            weights = _weights(x, axis, mode, bool(align_corners), antialias)
            x, pullback = _products(x, place, weights, axis.size)
        pullbacks.append(pullback)

    def pull(grad_output: Any) -> Any:
        for pullback in pullbacks[::-1]:
            grad_output = pullback(grad_output)
        return (grad_output,)

    return x, pull


def nearest(axis: Resized, mode: str, axes: int) -> Table:
    """Return the position that each new one shows, as a column."""
    size, output, factor = axis
    new = np.arange(output)
    if mode == "nearest" and axes == 2 and output in (size, 2 * size):
        return (new // (output // size))[:, None]
    step = np.float32(size / output if factor is None else 1 / factor)
    start = np.float32(0.5) if mode == "nearest-exact" else np.float32(0)
    old = np.floor((new.astype(np.float32) + start) * step).astype(np.intp)
    return np.asarray(np.minimum(old, size - 1))[:, None]


def touched(axis: Resized) -> Table:
    """Return the positions of which each new one covers a part, -1 where no more do."""
    size, output, _ = axis
    old, new = np.arange(size), np.arange(output)[:, None]
    # Position p reaches from p to p + 1, a new one from i · size/output to (i + 1) · size/output.
    covered = (old * output < (new + 1) * size) & ((old + 1) * output > new * size)
    return np.where(covered, old, -1)


def _means(x: Any, place: int, table: Table, size: int) -> tuple[Any, Callable[[Any], Any]]:
    """Return the means of the positions of a table along an axis, and the pullback."""
    count = (table >= 0).sum(1).astype(float).reshape(-1, *(1,) * (x.ndim - 1 - place))
    several = (count > 1).any()
    y = gather(x, place, table).sum(place + 1)
    users = shown_by(table, size)

    def pullback(grad_output: Any) -> Any:
        share = grad_output / count if several else grad_output
        return gather(share, place, users).sum(place + 1)

    return (y / count if several else y), pullback


def _products(x: Any, place: int, weights: Any, size: int) -> tuple[Any, Callable[[Any], Any]]:
    """Return the products with weights (new, old), those beyond the border for its values."""
    beyond = (weights.shape[1] - size) // 2
    table = np.clip(np.arange(-beyond, size + beyond), 0, size - 1)
    letters = "ncdhw"[: x.ndim]
    new = letters.replace(letters[place], "z")
    y = contract(f"{letters},z{letters[place]}->{new}", gather(x, place, table), weights)
    users = shown_by(table, size)

    def pullback(grad_output: Any) -> Any:
        wide = contract(f"{new},z{letters[place]}->{letters}", grad_output, weights)
        return gather(wide, place, users).sum(place + 1)

    return y, pullback


def _weights(x: Any, axis: Resized, mode: str, align_corners: bool, antialias: bool) -> Any:
    """Return the kernel at the distance of each new position from each old one, in x's format."""

    def number(value: Any) -> Any:
        exact = np.asarray(value, float)
        return Bounded.exact(exact, x.format.name) if isinstance(x, Bounded) else exact

    size, output, factor = axis
    new = np.arange(output)[:, None]
    if align_corners:
        step = number(size - 1) / max(output - 1, 1) if output > 1 else number(0)
    else:
        step = number(size) / output if factor is None else 1 / number(factor)
    center = step * new if align_corners and not antialias else step * (new + 0.5) - 0.5
    wide = antialias and plain(step) > 1
    if size == output and (mode != "bicubic" or antialias):
        center, wide = number(new), False
    beyond = 0 if antialias else 3
    distance = abs(center - np.arange(-beyond, size + beyond))
    if wide:
        distance = distance / step
    if mode != "bicubic":
        weights = maximum(1 - distance, 0.0)
    else:
        weights = _cubic(distance, -0.5 if antialias else -0.75)
    return weights / weights.sum(1, keepdims=True) if antialias else weights


def _cubic(distance: Any, a: float) -> Any:
    """Return Keys' kernel; where it is not clear which of its parts holds, the bound of the far."""
    d, doubt = distance, uncertainty(distance)
    near = ((a + 2) * d - (a + 3)) * d * d + 1
    d = minimum(d, 2.0)
    far = ((a * d - 5 * a) * d + 8 * a) * d - 4 * a
    place = plain(distance)
    return where(place < 1 - doubt, near, where(place <= 2 + doubt, far, 0.0))


FACTORS = (2.0, 0.5, 1.5, 0.7, 1.3, 3.0, 2.1, 1 / 3, 1.0)


def interpolate_strategy(draw: Draw) -> Case:
    """Draw a mode, then sizes or factors that leave something on each axis."""
    mode = draw.parameter("mode", lambda: draw.choice(tuple(AXES)))
    axes = draw.choice(AXES[mode])
    old = [draw.integer(1, 6 - axes) for _ in range(axes)]
    hyper: dict[str, Any] = {"mode": mode}
    if draw.chance(1, 2):
        hyper["size"] = tuple(draw.integer(1, 8 - axes) for _ in range(axes))
        if draw.chance(1, 4):
            hyper["size"] = hyper["size"][0]
    else:
        fit = [[f for f in FACTORS if int(n * f)] for n in (*old, min(old))]
        hyper["scale_factor"] = tuple(draw.choice(factors) for factors in fit[:-1])
        if draw.chance(1, 4):
            hyper["scale_factor"] = draw.choice(fit[-1])
        hyper["recompute_scale_factor"] = draw.parameter(
            "recompute_scale_factor", lambda: draw.choice((None, True, False))
        )
    if mode not in SELECTING:
        hyper["align_corners"] = draw.parameter(
            "align_corners", lambda: draw.choice((None, True, False))
        )
    if mode in ("bilinear", "bicubic"):
        hyper["antialias"] = draw.parameter("antialias", lambda: draw.chance(1, 3))
    families = ["zero-mean", "wide", "ties", "zeros", "large", "negative", "subnormal"]
    if mode in SELECTING:
        families += ["nan", "infinite"]
    image = {"x": Spec((batch(draw), draw.integer(1, 2), *old))}
    return finished(draw, image, hyper, families)


def _case(shape: tuple[int, ...], seed: int, **hyper: Any) -> Case:
    return Case({"x": Spec(shape)}, hyper, seed)


_X: Array = np.zeros((2, 3, 4, 5))

OPERATIONS = (
    Operation(
        name="interpolate",
        arrays=("x",),
        defaults={
            "size": None,
            "scale_factor": None,
            "mode": "nearest",
            "align_corners": None,
            "recompute_scale_factor": None,
            "antialias": False,
        },
        strategy=interpolate_strategy,
        definition=interpolate_definition,
        differentiable=("x",),
        conventions="Position i of the result lies at step (i + 1/2) - 1/2 in x, or at step i with "
        "aligned corners; the step is that of the given factor, unless it is recomputed from the "
        "sizes. 'nearest' is the position floor(step i), 'nearest-exact' floor(step (i + 1/2)), "
        "both computed in float32 for every dtype, as PyTorch does on two axes and in its "
        "gradients: where the true position lies between two values, the rounding of the step "
        "decides. An axis that keeps its size is not changed by the "
        "linear modes, with antialias, nor by 'nearest' on two axes, which also repeats each "
        "value of an axis that is doubled, even if the factor says otherwise. Beyond the border "
        "'bicubic' sees the outermost value, a = -0.75; with antialias nothing, a = -0.5. The "
        "gradient is the adjoint. (That of PyTorch is not, where a size is kept or doubled but "
        "the factor says otherwise, for 'nearest' on one or three axes, 'bicubic' and antialias; "
        "and antialias to a width of 1 is wrong there. It is not asked then.) Infinities and NaN "
        "are not asked of modes with weights: whether a weight is exactly 0 is a question of "
        "rounding.",
        pinned=(
            _case((2, 2, 3, 5), 1, size=(7, 4), mode="nearest"),
            _case((2, 2, 3, 5), 2, scale_factor=(2.1, 1.3), mode="nearest"),
            _case((2, 2, 5), 3, scale_factor=1.5, mode="nearest"),
            _case((1, 2, 3, 2, 4), 4, size=(2, 5, 6), mode="nearest-exact"),
            # The middle of 41 lies between two values; in float32 it is the first.
            _case((1, 2, 1, 4), 14, size=(1, 41), mode="nearest-exact"),
            _case((2, 2, 5), 5, size=8, mode="linear"),
            _case((2, 2, 3, 5), 6, size=(7, 4), mode="bilinear"),
            _case((2, 2, 3, 5), 7, size=(7, 4), mode="bilinear", align_corners=True),
            _case((2, 2, 3, 5), 8, scale_factor=(2.1, 1.3), mode="bilinear"),
            _case((2, 2, 7, 5), 9, size=(3, 4), mode="bilinear", antialias=True),
            _case((2, 2, 3, 5), 10, size=(7, 4), mode="bicubic"),
            _case((2, 2, 7, 5), 11, size=(3, 4), mode="bicubic", antialias=True),
            _case((1, 2, 3, 2, 4), 12, size=(4, 3, 5), mode="trilinear"),
            _case((2, 2, 3, 5), 13, size=(2, 7), mode="area"),
            _case((2, 2, 5), 15, size=1, mode="area"),
            _case((1, 2, 7, 3), 16, size=(3, 1), mode="area"),
        ),
        invalid=(
            Invalid("no size and no factor", (_X,)),
            Invalid("a size and a factor", (_X,), {"size": 3, "scale_factor": 2.0}),
            Invalid("a size of 0", (_X,), {"size": (0, 3)}),
            Invalid("three sizes for two axes", (_X,), {"size": (2, 3, 4)}),
            Invalid("three factors for two axes", (_X,), {"scale_factor": (2.0, 1.0, 1.0)}),
            Invalid("a factor that leaves nothing", (_X,), {"scale_factor": 0.2}),
            Invalid("a negative factor", (_X,), {"scale_factor": -1.0}),
            Invalid("two axes for 'linear'", (_X,), {"size": 3, "mode": "linear"}),
            Invalid("one axis for 'bicubic'", (_X[0],), {"size": 3, "mode": "bicubic"}),
            Invalid("no axis", (_X[0, 0],), {"size": 3}),
            Invalid("no channel", (_X[:, :0],), {"size": 3}),
            Invalid("an unknown mode", (_X,), {"size": 3, "mode": "cubic"}),
            Invalid("aligned corners of 'nearest'", (_X,), {"size": 3, "align_corners": True}),
            Invalid("antialiasing of 'nearest'", (_X,), {"size": 3, "antialias": True}),
            Invalid("a size to recompute", (_X,), {"size": 3, "recompute_scale_factor": True}),
        ),
    ),
)
