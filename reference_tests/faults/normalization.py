"""Mistakes of normalizations: their moments, eps, their weights, and running statistics."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from reference_tests.faults import normalization_gradients, response, running_statistics
from reference_tests.faults.fault import Fault, Hyper, Inputs, Shapes, oracle
from reference_tests.faults.standard import (
    ALL,
    BATCH,
    CENTRED,
    EVALUATED,
    GROUP,
    INSTANCE,
    LAYER,
    Axes,
    Moments,
    affine,
    channel_axes,
    count,
    normal,
    own,
    right_axes,
    running,
    worked,
)
from reference_tests.faults.table import Changes, listed

Array = Any


def _always(hyper: Hyper, shapes: Shapes) -> bool:
    return True


def _own(hyper: Hyper, shapes: Shapes) -> bool:
    return own(hyper)


def _with_eps(eps: Callable[[Moments], Array], shows_if: Any = _always) -> Changes:
    """Return a mistake as the eps, different for each moment, that amounts to the same."""

    def before(inputs: Inputs) -> Inputs:
        if not shows_if(inputs.hyper, inputs.shapes):
            return inputs
        return inputs.but(eps=eps(Moments(inputs)))

    return {"before": before, "shows_if": shows_if}


def _uncentred(result: Array, inputs: Inputs) -> Array:
    m = Moments(inputs)
    return result + m.back(m.centre * m.scale * m.weight)


def _wanted(
    choose: Callable[[Hyper, int], Axes], hyper: Hyper, shape: tuple[int, ...]
) -> tuple[set[int], set[int]]:
    """Return the axes of a mistake and the right ones, without those of a single position."""
    sizes = worked(hyper, shape)
    chosen = (choose(hyper, len(sizes)), right_axes(hyper, shape))
    wrong, right = ({a for a in axes if a < len(sizes) and sizes[a] != 1} for axes in chosen)
    return wrong, right


def _over(choose: Callable[[Hyper, int], Axes]) -> Changes:
    """Return the mistake that takes the moments over other axes."""

    def shows(hyper: Hyper, shapes: Shapes) -> bool:
        wrong, right = _wanted(choose, hyper, shapes["x"])
        return own(hyper) and wrong != right

    def replace(inputs: Inputs) -> Array:
        m = Moments(inputs)
        if not shows(inputs.hyper, inputs.shapes):
            return oracle(inputs, "output")
        m.axes = tuple(sorted(_wanted(choose, inputs.hyper, inputs["x"].shape)[0]))
        bias = inputs["bias"]
        return m.back(m.standard * m.weight + (0.0 if bias is None else m.along(bias)))

    return {"replace": replace, "shows_if": shows}


def _spatial(hyper: Hyper, axes: int) -> Axes:
    return tuple(range(channel_axes(hyper)[-1] + 1, axes))


def _has(*arrays: str) -> Callable[[Hyper, Shapes], bool]:
    return lambda hyper, shapes: all(shapes.get(array) is not None for array in arrays)


def _switched(inputs: Inputs, value: bool) -> dict[str, bool]:
    """Return what switches between the moments of x and the running ones."""
    return {n: value for n in ("training", "use_input_stats") if n in inputs.hyper}


def _less_mean(inputs: Inputs) -> Array:
    m = Moments(inputs)
    return m.x - m.mean(m.x)


def _several(hyper: Hyper, shapes: Shapes) -> bool:
    return count(hyper, shapes) != 1


def _scaled_bias(inputs: Inputs) -> Inputs:
    weight, bias = inputs["weight"], inputs["bias"]
    return inputs if weight is None or bias is None else inputs.but(bias=weight * bias)


def _of_interleaved(inputs: Inputs) -> Array:
    """Return the order of the channels in which neighbours belong to different groups."""
    channels, groups = inputs["x"].shape[1], inputs.hyper["num_groups"]
    return np.arange(channels).reshape(channels // groups, groups).T.reshape(-1)


def _interleaved(inputs: Inputs) -> Inputs:
    order = _of_interleaved(inputs)
    changes = {
        name: array if array is None else array[order]
        for name, array in inputs.arrays.items()
        if name != "x"
    }
    return inputs.but(x=inputs["x"][:, order], **changes)


def _restored(result: Array, inputs: Inputs) -> Array:
    return result[:, np.argsort(_of_interleaved(inputs))]


_PLAIN, _NO_EPS = normal(), normal(eps=0.0)
_FLAT = normal(x=[[[1.0, 1.0], [3.0, 3.0]]])
_CENTRED = normal(x=[[[1.0, -1.0], [2.0, -2.0]]])
# Means of 0 and variances of 1.
_UNIT = normal(x=[[[1.0, -1.0], [-1.0, 1.0]]], eps=0.0)
_PAIRS = normal(x=[[[1.0, 2.0]], [[3.0, 7.0]]], num_groups=1)
_ROW = normal(x=[[[1.0, 2.0, 4.0]]], num_groups=1, normalized_shape=(1, 3))
_COLUMN = normal(x=[[[1.0]], [[2.0]], [[4.0]]], normalized_shape=(3, 1, 1))
_SQUARE = normal(x=[[[1.0], [2.0]], [[3.0], [5.0]]], num_groups=1, normalized_shape=(2, 1))
_TABLE_OF_TWO = normal(x=[[1.0, 2.0], [3.0, 5.0]])
_FOUR = normal(x=[[1.0, 2.0, 4.0, 9.0]], num_groups=2)
_LAST_TWO = normal(normalized_shape=(2, 2))
_IN_TRAINING = running()
_AFFINE, _UNAFFINE = affine(), affine(weight=[1.0, 1.0], bias=[0.0, 0.0])

_AXES: tuple[tuple[Any, ...], ...] = (
    (
        (BATCH, LAYER),
        "of-each-position",
        "The statistics are those of the batch at each position.",
        "moments over N alone",
        "for batch_norm, maps of 1×1",
        (_PAIRS, _COLUMN),
        _over(lambda hyper, axes: (0,)),
    ),
    (
        CENTRED,
        "of-everything",
        "The statistics are those of the whole array: one mean and one variance.",
        "moments over all axes",
        "one sample of one channel",
        (_PLAIN, _ROW),
        _over(lambda hyper, axes: tuple(range(axes))),
    ),
    (
        CENTRED,
        "of-each-sample",
        "The statistics are those of each whole sample.",
        "moments over (C, H, W)",
        "one sample of one channel",
        (_PLAIN, _ROW),
        _over(lambda hyper, axes: tuple(range(1, axes))),
    ),
    (
        (BATCH, GROUP, LAYER),
        "of-each-channel",
        "The statistics are those of each channel of each sample.",
        "moments over (H, W)",
        "one sample of one channel",
        (_SQUARE, _ROW),
        _over(_spatial),
    ),
    (
        (INSTANCE, GROUP, LAYER),
        "with-the-batch",
        "The statistics are those of the whole batch, not of each sample.",
        "moments over (N, H, W)",
        "one sample",
        (_PAIRS, _ROW),
        _over(lambda hyper, axes: (0, *_spatial(hyper, axes))),
    ),
    (
        (BATCH,),
        "channels-last",
        "The last axis is taken for that of the channels.",
        "moments over all axes but the last",
        "two axes",
        (_PLAIN, _TABLE_OF_TWO),
        _over(lambda hyper, axes: tuple(range(axes - 1))),
    ),
    (
        (LAYER,),
        "last-axis-only",
        "The statistics are those of the last axis, not of all normalized ones.",
        "moments over W, not over normalized_shape",
        "a normalized_shape of one axis",
        (_LAST_TWO, _PLAIN),
        _over(lambda hyper, axes: (axes - 1,)),
    ),
)

_MOMENTS: tuple[tuple[Any, ...], ...] = (
    (
        ALL,
        "eps-outside-root",
        "Eps is added to the deviation, not to the variance.",
        "y = (x - μ) / (√σ² + eps), not (x - μ) / √(σ² + eps)",
        "an eps of 0",
        (_PLAIN, _NO_EPS),
        _with_eps(lambda m: m.eps * m.eps + 2 * m.eps * np.sqrt(m.variance)),
    ),
    (
        ALL,
        "eps-missing",
        "Eps is missing, so that a constant becomes NaN.",
        "y = (x - μ) / √σ²",
        "an eps of 0, and a large variance",
        (_PLAIN, _NO_EPS),
        {"before": lambda i: i.but(eps=0.0), "shows_if": _always},
    ),
    (
        ("rms_norm",),
        "eps-fixed",
        "An eps of None is 1e-6, not the spacing of the dtype at 1.",
        "y = x / √(mean x² + 1e-6)",
        "an eps that is given",
        (normal(x=[[[1e-3, 2e-3], [3e-3, 5e-3]]], eps=None), _PLAIN),
        {
            "before": lambda i: i.but(eps=1e-6) if i.hyper["eps"] is None else i,
            "shows_if": lambda h, s: h["eps"] is None,
        },
    ),
    (
        CENTRED,
        "unbiased-variance",
        "The variance that divides is the unbiased one.",
        "y with Σ (x - μ)² / (n - 1), not Σ (x - μ)² / n",
        "many elements, or none that differ",
        (_PLAIN, _FLAT),
        _with_eps(lambda m: m.eps + m.variance / (m.number - 1), _own),
    ),
    (
        ALL,
        "divided-by-variance",
        "The variance divides instead of its root.",
        "y = (x - μ) / (σ² + eps), not (x - μ) / √(σ² + eps)",
        "a variance of 1",
        (_PLAIN, _UNIT),
        _with_eps(lambda m: (m.variance + m.eps) ** 2 - m.variance),
    ),
    (
        CENTRED,
        "mean-kept",
        "The mean is not subtracted.",
        "y = x / √(σ² + eps), not (x - μ) / √(σ² + eps)",
        "means of 0",
        (_PLAIN, _CENTRED),
        {"after": _uncentred, "shows_if": _always},
    ),
    (
        ("rms_norm",),
        "mean-subtracted",
        "The mean is subtracted first, as in layer_norm.",
        "y = (x - μ) / √(mean (x - μ)² + eps), not x / √(mean x² + eps)",
        "means of 0",
        (_PLAIN, _CENTRED),
        {"before": lambda i: i.but(x=_less_mean(i)), "shows_if": _always},
    ),
    (
        ("rms_norm",),
        "squares-summed",
        "The sum of the squares divides, not their mean.",
        "y = x / √(Σ x² + eps), not x / √(Σ x² / n + eps)",
        "one element",
        (_PLAIN, normal(x=[[[1.0], [3.0]]], normalized_shape=(1,))),
        _with_eps(lambda m: m.eps + (m.number - 1) * m.variance, _several),
    ),
    (
        (GROUP,),
        "groups-interleaved",
        "The groups are interleaved: channel c belongs to group c mod G.",
        "group = c mod G, not c // (C / G)",
        "one group, or one channel in each",
        (_FOUR, _PLAIN),
        {
            "before": _interleaved,
            "after": _restored,
            "shows_if": lambda h, s: 1 < h["num_groups"] < s["x"][1],
        },
    ),
    (
        (GROUP,),
        "groups-as-size",
        "The number of groups is taken for the number of channels in each.",
        "G' = C / G",
        "as many groups as channels in each",
        (_PLAIN, _FOUR),
        {
            "before": lambda i: i.but(num_groups=i["x"].shape[1] // i.hyper["num_groups"]),
            "shows_if": lambda h, s: s["x"][1] != h["num_groups"] ** 2,
        },
    ),
    (
        (BATCH, INSTANCE),
        "batch-statistics-in-evaluation",
        "The statistics of the batch are used in evaluation.",
        "y with the moments of x, not the running ones",
        "training",
        (EVALUATED, _IN_TRAINING),
        {
            "before": lambda i: i.but(**_switched(i, True)),
            "shows_if": lambda h, s: not own(h),
        },
    ),
    (
        (BATCH, INSTANCE),
        "running-statistics-in-training",
        "The running statistics are used in training.",
        "y with the running moments, not those of x",
        "evaluation",
        (_IN_TRAINING, EVALUATED),
        {
            "before": lambda i: i if i["running_mean"] is None else i.but(**_switched(i, False)),
            "shows_if": lambda h, s: own(h) and s["running_mean"] is not None,
        },
    ),
)

_WEIGHTS: tuple[tuple[Any, ...], ...] = (
    (
        ALL,
        "weight-missing",
        "The weight is not applied.",
        "y = x̂ + bias, not weight · x̂ + bias",
        "weights of 1",
        (_AFFINE, _UNAFFINE),
        {"before": lambda i: i.but(weight=None), "shows_if": _has("weight")},
    ),
    (
        CENTRED,
        "bias-missing",
        "The bias is not added.",
        "y = weight · x̂, not weight · x̂ + bias",
        "biases of 0",
        (_AFFINE, _UNAFFINE),
        {"before": lambda i: i.but(bias=None), "shows_if": _has("bias")},
    ),
    (
        CENTRED,
        "weight-and-bias-exchanged",
        "Weight and bias are exchanged.",
        "y = bias · x̂ + weight, not weight · x̂ + bias",
        "weights that are their biases",
        (_AFFINE, affine(bias=[2.0, -1.0])),
        {
            "before": lambda i: i.but(weight=i["bias"], bias=i["weight"]),
            "shows_if": lambda h, s: s["weight"] is not None or s["bias"] is not None,
        },
    ),
    (
        CENTRED,
        "bias-before-weight",
        "The bias is added before the weight multiplies.",
        "y = weight · (x̂ + bias), not weight · x̂ + bias",
        "weights of 1, or biases of 0",
        (_AFFINE, _UNAFFINE),
        {"before": _scaled_bias, "shows_if": _has("weight", "bias")},
    ),
)

FAULTS: list[Fault] = [
    *(
        fault
        for operations, *row in (*_AXES, *_MOMENTS, *_WEIGHTS)
        for fault in listed("norm", "The result", operations, *row)
    ),
    *response.FAULTS,
    *running_statistics.FAULTS,
    *normalization_gradients.FAULTS,
]
