"""The records of batch_norm and its running statistics."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from reference_tests.case import Case, Spec
from reference_tests.draw import Draw
from reference_tests.operation import Invalid, Operation
from reference_tests.strategies import batch, finished, optional
from reference_tests.tolerance import scaled, sqrt

Axes = tuple[int, ...]


class Standard:
    """The moments of an array over some axes."""

    def __init__(self, x: Any, axes: Axes, eps: float) -> None:
        self.axes, self.count = axes, math.prod(x.shape[axis] for axis in axes)
        self.centre = self.mean(x)
        centred = x - self.centre
        self.scale = 1 / sqrt(self.mean(centred * centred) + eps)
        self.standard = centred * self.scale
        self.folded = scaled(x, self.centre, self.scale)

    def mean(self, array: Any) -> Any:
        """Return the mean over the axes, which are kept."""
        return array.sum(self.axes, keepdims=True) / float(self.count)

    def pulled(self, grad: Any) -> Any:
        """Return the gradient of x, given that of the standardized numbers."""
        slope = self.mean(grad * self.standard)
        return scaled(grad, self.mean(grad) + self.folded * slope, self.scale)


def along(x: Any, array: Any) -> Any:
    """Return an array (C,) with the axes of `x`, of which the second are the channels."""
    return array.reshape(1, x.shape[1], *(1,) * (x.ndim - 2))


def normalized(
    x: Any, running: tuple[Any, Any], affine: tuple[Any, Any], axes: Axes, own: bool, eps: float
) -> Any:
    """Return `x` less a mean, over a deviation: its own over some axes, or the running ones."""
    weight, bias = (None if array is None else along(x, array) for array in affine)
    if own:
        moments = Standard(x, axes, eps)
        centre, scale = moments.centre, moments.scale
    else:
        centre, scale = along(x, running[0]), 1 / sqrt(along(x, running[1]) + eps)
    y = scaled(x, centre, scale if weight is None else scale * weight, bias)
    channels = (0, *range(2, x.ndim))

    def pullback(grad: Any) -> Any:
        below = grad if weight is None else grad * weight
        grad_x = moments.pulled(below) if own else below * scale
        products = grad * ((x - centre) * scale)
        return grad_x, None, None, products.sum(channels), grad.sum(channels)

    return y, pullback


def batch_norm(
    x: Any,
    running_mean: Any,
    running_var: Any,
    weight: Any = None,
    bias: Any = None,
    *,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Any:
    """Return the standardized channels, with the moments of the batch or the running ones."""
    axes, running = (0, *range(2, x.ndim)), (running_mean, running_var)
    return normalized(x, running, (weight, bias), axes, training, eps)


def instance_norm(
    x: Any,
    running_mean: Any = None,
    running_var: Any = None,
    weight: Any = None,
    bias: Any = None,
    *,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Any:
    """Return the standardized channels of each sample, with its moments or the running ones."""
    axes, running = tuple(range(2, x.ndim)), (running_mean, running_var)
    return normalized(x, running, (weight, bias), axes, use_input_stats, eps)


def batch_norm_statistics(
    x: Any, running_mean: Any, running_var: Any, *, momentum: float = 0.1
) -> Any:
    """Return the old statistics, moved by `momentum` to the mean and the unbiased variance."""
    axes = (0, *range(2, x.ndim))
    count = math.prod(x.shape) // x.shape[1]
    if not count:
        return running_mean, running_var
    mean = x.sum(axes) / float(count)
    centred = x - along(x, mean)
    variance = (centred * centred).sum(axes) / float(count - 1)
    return (
        (1 - momentum) * running_mean + momentum * mean,
        (1 - momentum) * running_var + momentum * variance,
    )


def instance_norm_statistics(
    x: Any, running_mean: Any, running_var: Any, *, momentum: float = 0.1
) -> Any:
    """Return the means over the samples of the statistics that each alone would leave."""
    samples, axes = x.shape[0], tuple(range(2, x.ndim))
    if not samples:
        return running_mean, running_var
    count = math.prod(x.shape[2:])
    mean = x.sum(axes, keepdims=True) / float(count)
    centred = x - mean
    variance = (centred * centred).sum(axes) / float(count - 1)
    each = (
        (1 - momentum) * running_mean + momentum * mean.reshape(*x.shape[:2]),
        (1 - momentum) * running_var + momentum * variance,
    )
    return tuple(array.sum(0) / float(samples) for array in each)


def call_with_statistics(
    function: Callable[..., Any], arrays: Mapping[str, Any], hyper: Mapping[str, Any]
) -> Any:
    """Call an implementation whose running statistics have no default, but may be None."""
    x, mean, var, *affine = arrays.values()
    while affine and affine[-1] is None:
        affine.pop()
    return function(x, mean, var, *affine, **hyper)


def write_with_statistics(arrays: Mapping[str, Any], hyper: Mapping[str, Any]) -> str:
    """Return the text of that call."""
    names = [name if arrays[name] is not None else "None" for name in arrays]
    while names[-1] == "None" and len(names) > 3:
        names.pop()
    options = [f"{name}={value!r}" for name, value in hyper.items()]
    return f"function({', '.join([*names, *options])})"


FAMILIES = ("zero-mean", "offset", "constant", "ties", "large", "wide", "zeros", "nan", "infinite")


def images(draw: Draw, least: int = 0, alone: bool = False) -> tuple[int, ...]:
    """Draw (N, C, ...) with so many spatial axes or more, and several values of each channel.

    With `alone`, each sample has several.
    """
    axes = draw.integer(max(least, int(alone)), 3)
    size = [draw.size(1, (5, 5, 4, 3)[axes]) for _ in range(axes)]
    samples = batch(draw)
    if (1 if alone else samples) * math.prod(size) == 1:
        size, samples = [*size[:-1], 2][: len(size)], max(samples, 2)
    return (samples, draw.size(1, 3), *size)


def normalization_strategy(own: str, default: bool) -> Callable[[Draw], Case]:
    """Return the strategy of batch or instance normalization; `own` names its switch."""

    def strategy(draw: Draw) -> Case:
        shape = images(draw, alone=default)
        channels = Spec(shape[1:2])
        switch = draw.parameter(own, lambda: draw.chance(2, 3))
        running = not switch or draw.chance(1, 2)
        arrays = {
            "x": Spec(shape),
            "running_mean": channels if running else None,
            "running_var": Spec(shape[1:2], "positive") if running else None,
            "weight": optional(draw, "weight", lambda: channels),
            "bias": optional(draw, "bias", lambda: channels),
        }
        hyper = {
            own: switch,
            "momentum": draw.parameter("momentum", lambda: draw.choice((0.1, 0.25, 1.0))),
            "eps": draw.parameter("eps", lambda: draw.choice((1e-5, 1e-3, 0.5))),
        }
        return finished(draw, arrays, hyper, FAMILIES)

    return strategy


def statistics_strategy(alone: bool) -> Callable[[Draw], Case]:
    """Return the strategy of running statistics, of a batch or of each sample `alone`."""

    def strategy(draw: Draw) -> Case:
        shape = images(draw, alone=alone)
        arrays = {
            "x": Spec(shape),
            "running_mean": Spec(shape[1:2]),
            "running_var": Spec(shape[1:2], "positive"),
        }
        momentum = draw.parameter("momentum", lambda: draw.choice((0.1, 0.25, 1 / 3, 1.0, 0.0)))
        return finished(draw, arrays, {"momentum": momentum}, FAMILIES)

    return strategy


def pinned(
    arrays: Mapping[str, Spec | None], hyper: Mapping[str, Any] | None = None
) -> tuple[Case, ...]:
    """Return cases of ordinary, far away and constant numbers."""
    return tuple(
        Case(arrays, hyper or {}, seed, family)
        for seed, family in enumerate(("zero-mean", "offset", "constant"), 1)
    )


_X, _ONES = np.arange(24.0).reshape(2, 3, 4), np.ones(3)
_CHANNELS, _POSITIVE = Spec((3,)), Spec((3,), "positive")
_FULL: dict[str, Spec | None] = {
    "x": Spec((2, 3, 4, 5)),
    "running_mean": _CHANNELS,
    "running_var": _POSITIVE,
    "weight": _CHANNELS,
    "bias": _CHANNELS,
}
_BARE: dict[str, Spec | None] = {**dict.fromkeys(_FULL), "x": Spec((2, 3))}

_STATISTICS = {name: _FULL[name] for name in ("x", "running_mean", "running_var")}
_MISFITS = (
    Invalid("two means for 3 channels", (_X, _ONES[:2], _ONES)),
    Invalid("one value per channel", (_X[:1, :, :1], _ONES, _ONES)),
    Invalid("an array of objects", (_X.astype(object), _ONES, _ONES)),
)

OPERATIONS = (
    Operation(
        name="batch_norm",
        arrays=("x", "running_mean", "running_var", "weight", "bias"),
        defaults={"training": False, "momentum": 0.1, "eps": 1e-5},
        strategy=normalization_strategy("training", False),
        definition=batch_norm,
        differentiable=("x", "weight", "bias"),
        optional=("running_mean", "running_var", "weight", "bias"),
        conventions="The biased variance divides. In training mean and variance depend on x, and "
        "so does its gradient; the running statistics are not used and never written. A constant "
        "channel becomes its bias.",
        pinned=(
            *pinned(_FULL, {"training": True}),
            *pinned(_FULL, {"training": False, "eps": 0.5}),
            *pinned(_BARE, {"training": True, "eps": 1e-3}),
        ),
        invalid=(
            Invalid("no channels", (_X[0, 0], None, None), {"training": True}),
            Invalid("two means for 3 channels", (_X, _ONES[:2], _ONES)),
            Invalid("two weights for 3 channels", (_X, _ONES, _ONES, _ONES[:2])),
            Invalid("no statistics in evaluation", (_X, None, None)),
            Invalid("one value per channel", (_X[:1, :, :1], None, None), {"training": True}),
            Invalid("a negative eps", (_X, _ONES, _ONES), {"eps": -1.0}),
            Invalid("an array of objects", (_X.astype(object), _ONES, _ONES)),
        ),
        call=call_with_statistics,
        written=write_with_statistics,
    ),
    Operation(
        name="instance_norm",
        arrays=("x", "running_mean", "running_var", "weight", "bias"),
        defaults={"use_input_stats": True, "momentum": 0.1, "eps": 1e-5},
        strategy=normalization_strategy("use_input_stats", True),
        definition=instance_norm,
        differentiable=("x", "weight", "bias"),
        optional=("running_mean", "running_var", "weight", "bias"),
        conventions="Batch normalization of each sample alone.",
        pinned=(
            *pinned(_FULL),
            *pinned(_FULL, {"use_input_stats": False, "eps": 0.5}),
            *pinned({**_BARE, "x": Spec((3, 2, 2))}, {"eps": 1e-3}),
        ),
        invalid=(
            *_MISFITS,
            Invalid("two weights for 3 channels", (_X, None, None, _ONES[:2])),
            Invalid("no statistics", (_X,), {"use_input_stats": False}),
        ),
    ),
    *(
        Operation(
            name=name,
            arrays=("x", "running_mean", "running_var"),
            defaults={"momentum": 0.1},
            strategy=statistics_strategy(alone),
            definition=definition,
            differentiable=(),
            outputs=lambda hyper: ("running_mean", "running_var"),
            conventions="What PyTorch leaves in its buffers: the momentum weighs the new value, "
            "the variance is the unbiased one, and no sample changes nothing.",
            pinned=pinned(_STATISTICS),
            invalid=_MISFITS,
        )
        for name, alone, definition in (
            ("batch_norm_statistics", False, batch_norm_statistics),
            ("instance_norm_statistics", True, instance_norm_statistics),
        )
    ),
)
