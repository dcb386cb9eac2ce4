"""Mistakes that every kind of convolution can have: about samples, pixels, groups and formats."""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_tests.faults.fault import Hyper, Inputs, Shapes

Array = Any


def last_sample(inputs: Inputs) -> Inputs:
    """Return inputs of which the last sample is left."""
    return inputs.but(x=inputs["x"][-1:], grad_output=inputs.grad_output[-1:])


def averaged(grad: Array, inputs: Inputs) -> Array:
    """Return a gradient divided by the number of samples."""
    return grad / max(len(inputs["x"]), 1)


def per_sample(grad: Array, inputs: Inputs) -> Array:
    """Return a bias gradient that is not summed over the samples."""
    sums = inputs.grad_output.sum(tuple(range(2, inputs.grad_output.ndim)))
    return sums[0] if len(sums) == 1 else sums


def per_pixel(grad: Array, inputs: Inputs) -> Array:
    """Return a bias gradient that is summed over the samples only."""
    sums = inputs.grad_output.sum(0)
    return sums.reshape(grad.shape) if sums.size == grad.size else sums


def single_sum(grad: Array, inputs: Inputs) -> Array:
    """Return a bias gradient that is summed over the filters too."""
    return np.full_like(grad, inputs.grad_output.sum())


def has_bias(hyper: Hyper, shapes: Shapes) -> bool:
    """Return whether there is a bias."""
    return shapes["bias"] is not None


def some_samples(hyper: Hyper, shapes: Shapes) -> bool:
    """Return whether there is a bias, and a sample."""
    return has_bias(hyper, shapes) and shapes["x"][0] > 0


def several_samples(hyper: Hyper, shapes: Shapes) -> bool:
    """Return whether there is a bias, and more than one sample."""
    return has_bias(hyper, shapes) and shapes["x"][0] > 1


def not_one_sample(hyper: Hyper, shapes: Shapes) -> bool:
    """Return whether there is a bias, and no sample or several."""
    return has_bias(hyper, shapes) and shapes["x"][0] != 1


def dealt(inputs: Inputs, count: int) -> Any:
    """Return the order in which so many things lie if they are dealt to the groups in turn."""
    return np.arange(count).reshape(-1, inputs.hyper["groups"]).T.ravel()


def interleaved(inputs: Inputs) -> Inputs:
    """Return inputs whose channels are dealt to the groups in turn."""
    return inputs.but(x=inputs["x"][:, dealt(inputs, inputs["x"].shape[1])])


def half(inputs: Inputs) -> Inputs:
    """Return inputs in float16."""
    arrays = inputs.arrays.items()
    return inputs.but(**{n: a if a is None else a.astype(np.float16) for n, a in arrays})
