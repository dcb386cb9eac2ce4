"""What mistakes of normalizations are made of: their axes, their moments, their weights."""

from __future__ import annotations

import math
from functools import cached_property
from typing import Any

import numpy as np

from reference_tests.faults.fault import Hyper, Inputs, Shapes
from reference_tests.faults.table import Given, given

Array = Any
Axes = tuple[int, ...]

BATCH, INSTANCE, LAYER, GROUP = "batch_norm", "instance_norm", "layer_norm", "group_norm"
CENTRED = (BATCH, INSTANCE, LAYER, GROUP)
ALL = (*CENTRED, "rms_norm")


def own(hyper: Hyper) -> bool:
    """Return whether the moments are those of the input, not the running ones."""
    return bool(hyper.get("training", hyper.get("use_input_stats", True)))


def worked(hyper: Hyper, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape of x with an axis for the groups, if there are such."""
    if "num_groups" not in hyper:
        return shape
    groups = hyper["num_groups"]
    return (shape[0], groups, shape[1] // groups, *shape[2:])


def channel_axes(hyper: Hyper) -> Axes:
    """Return the axes of the channels."""
    return (1, 2) if "num_groups" in hyper else (1,)


def right_axes(hyper: Hyper, shape: tuple[int, ...]) -> Axes:
    """Return the axes over which the moments are taken."""
    axes = len(worked(hyper, shape))
    if "normalized_shape" in hyper:
        return tuple(range(axes - np.size(hyper["normalized_shape"]), axes))
    if "training" in hyper:
        return (0, *range(2, axes))
    return tuple(range(2, axes))


def count(hyper: Hyper, shapes: Shapes) -> int:
    """Return how many elements make a moment."""
    sizes = worked(hyper, shapes["x"])
    return math.prod(sizes[axis] for axis in right_axes(hyper, shapes["x"]))


def summed_axes(hyper: Hyper, shape: tuple[int, ...]) -> Axes:
    """Return the axes of x along which the weight is repeated."""
    if "normalized_shape" in hyper:
        return tuple(range(len(shape) - np.size(hyper["normalized_shape"])))
    return (0, *range(2, len(shape)))


class Moments:
    """The moments of the input of a normalization, and what it makes of them."""

    def __init__(self, inputs: Inputs) -> None:
        self.inputs, self.hyper = inputs, inputs.hyper
        self.x = self.shaped(inputs["x"])
        self.axes = right_axes(self.hyper, inputs["x"].shape)

    def shaped(self, array: Array) -> Array:
        """Return an array of the shape of x with an axis for the groups."""
        return array.reshape(worked(self.hyper, array.shape))

    def along(self, array: Array) -> Array:
        """Return an array of channels, or of the last axes, so that it broadcasts to x."""
        if "normalized_shape" in self.hyper:
            return array
        sizes = [1] * self.x.ndim
        for axis in channel_axes(self.hyper):
            sizes[axis] = self.x.shape[axis]
        return array.reshape(sizes)

    @property
    def number(self) -> float:
        """How many elements make a moment."""
        return float(math.prod(self.x.shape[axis] for axis in self.axes))

    def mean(self, array: Array) -> Array:
        """Return the mean over the axes of the moments."""
        return array.sum(self.axes, keepdims=True) / np.float64(self.number).astype(array.dtype)

    @cached_property
    def centre(self) -> Array:
        """What is subtracted."""
        if self.inputs.operation.name == "rms_norm":
            return np.zeros((), self.x.dtype)
        if not own(self.hyper):
            return self.along(self.inputs["running_mean"])
        return self.mean(self.x)

    @cached_property
    def variance(self) -> Array:
        """What is under the root, without eps."""
        if not own(self.hyper):
            return self.along(self.inputs["running_var"])
        centred = self.x - self.centre
        return self.mean(centred * centred)

    @cached_property
    def eps(self) -> Any:
        """What is added to it."""
        eps = self.hyper["eps"]
        return float(np.finfo(self.x.dtype).eps) if eps is None else eps

    @cached_property
    def scale(self) -> Array:
        """One over the deviation."""
        return 1 / np.sqrt(self.variance + self.eps)

    @cached_property
    def standard(self) -> Array:
        """The standardized numbers."""
        return (self.x - self.centre) * self.scale

    @property
    def weight(self) -> Array:
        """The weight, or 1."""
        weight = self.inputs["weight"]
        return 1.0 if weight is None else self.along(weight)

    @property
    def below(self) -> Array:
        """The gradient of the standardized numbers."""
        return self.shaped(self.inputs.grad_output) * self.weight

    def back(self, array: Array) -> Array:
        """Return an array in the shape of x."""
        return np.broadcast_to(array, self.x.shape).reshape(self.inputs["x"].shape)

    def summed(self, array: Array) -> Array:
        """Return the sums along which the weight is repeated."""
        return self.back(array).sum(summed_axes(self.hyper, self.inputs["x"].shape))


def normal(**changes: Any) -> Given:
    """Return what makes cases of two channels of two numbers, or of other arrays."""
    return given(
        **{
            "x": [[[1.0, 2.0], [3.0, 5.0]]],
            "normalized_shape": (2,),
            "num_groups": 2,
            "training": True,
            "eps": 0.5,
            **changes,
        }
    )


def affine(**changes: Any) -> Given:
    """Return what makes such cases with a weight and a bias."""
    return normal(**{"weight": [2.0, -1.0], "bias": [0.5, 3.0], **changes})


def running(**changes: Any) -> Given:
    """Return what makes such cases with running statistics, not used unless that is changed."""
    statistics = {"running_mean": [0.5, 1.0], "running_var": [2.0, 3.0]}
    return normal(**{**statistics, "use_input_stats": True, **changes})


EVALUATED = running(training=False, use_input_stats=False)
