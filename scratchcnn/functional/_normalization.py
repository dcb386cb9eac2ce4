"""What batch and instance normalization share: the channels of an image as rows.

Instance normalization is batch normalization of samples that are channels of their own; `alone`
says whether each sample is.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from scratchcnn.functional import _checks as check
from scratchcnn.functional._checks import Floats
from scratchcnn.functional._standardization import (
    inverse_root,
    moments,
    rows_grad,
    standard,
    standardized,
    sums,
)

Arrays: TypeAlias = tuple[Floats | None, Floats | None]


class RunningStatistics(NamedTuple):
    """The running mean and variance of each channel (C,)."""

    mean: Floats
    var: Floats


class NormalizationGrads(NamedTuple):
    """The gradients of a normalization.

    With the gradient ``g`` of the output, ``d = sqrt(var + eps)``, ``s = (x - mean) / d`` and
    ``h = g * weight`` they are ``(h - mean(h) - s * mean(h * s)) / d`` for `x`, ``Σ g * s`` for
    the weight and ``Σ g`` for the bias. The two means are 0 where the moments are not those of
    `x`. Weight and bias have gradients as if they were ones and zeros where there are none.
    """

    input: Floats
    weight: Floats
    bias: Floats


def normalized(
    x: Floats, running: Arrays, affine: Arrays, alone: bool, own: bool, eps: float
) -> Floats:
    """Return `x` normalized with its own moments or the running ones."""
    rows, repeats = _rows(x, alone), _repeats(x, alone)
    weight, bias = (_column(array, repeats) for array in affine)
    if own:
        return standardized(rows, eps, weight, bias).reshape(x.shape)
    mean, var = (_column(array, repeats) for array in running)
    y: Floats = rows - mean
    scale = inverse_root(var, eps) * (1 if weight is None else weight)
    y *= scale.astype(x.dtype)
    if bias is not None:
        y += bias
    return y.reshape(x.shape)


def normalized_grads(
    grad_output: Floats,
    x: Floats,
    running: Arrays,
    weight: Floats | None,
    alone: bool,
    own: bool,
    eps: float,
) -> NormalizationGrads:
    """Return the gradients of `normalized`."""
    grad, rows, repeats = _rows(grad_output, alone), _rows(x, alone), _repeats(x, alone)
    mean, var = running
    if own:
        values, scale = standard(rows, eps)
    else:
        scale = inverse_root(_column(var, repeats), eps)
        values = rows - _column(mean, repeats)
        values *= scale.astype(x.dtype)
    slope, total = sums(grad * values), sums(grad)
    if weight is not None:
        scale = scale * _column(weight, repeats)
    below = rows_grad(grad, values, scale, slope, total) if own else grad * scale.astype(x.dtype)
    each = (repeats, x.shape[1])
    return NormalizationGrads(
        below.reshape(x.shape),
        slope.reshape(each).sum(0).astype(x.dtype),
        total.reshape(each).sum(0).astype(x.dtype),
    )


def statistics(
    function: str,
    x: Floats,
    running_mean: Floats,
    running_var: Floats,
    momentum: float,
    alone: bool,
) -> RunningStatistics:
    """Return the running statistics, moved by `momentum` to those of `x`."""
    arrays = {"running_mean": running_mean, "running_var": running_var}
    check.floats(function, x=x, **arrays)
    check_channels(function, x, **arrays)
    count = _count(x, alone)
    check_several(function, x, count)
    momentum = check.real(function, "momentum", momentum, 0)
    if not x.size:
        return RunningStatistics(running_mean.copy(), running_var.copy())
    _, mean, _, variance = moments(_rows(x, alone))
    unbiased = variance * (count / (count - 1))

    def moved(old: Floats, new: Floats) -> Floats:
        mean = new.reshape(-1, x.shape[1]).mean(0)
        return np.asarray(((1 - momentum) * old + momentum * mean).astype(x.dtype))

    return RunningStatistics(moved(running_mean, mean), moved(running_var, unbiased))


def checked(
    function: str,
    arrays: Mapping[str, Any],
    running: Arrays,
    affine: Mapping[str, Any],
    alone: bool,
    own: bool,
    eps: float,
) -> float:
    """Return `eps`, or raise for arrays that do not fit each other."""
    statistics = dict(zip(("running_mean", "running_var"), running, strict=True))
    check.floats(function, {**statistics, **affine}, **arrays)
    x = arrays["x"]
    check_channels(function, x, **statistics, **affine)
    check.flag(function, "use_input_stats" if alone else "training", own)
    if "grad_output" in arrays:
        check.shape(function, "grad_output", arrays["grad_output"], x.shape)
    if own:
        check_several(function, x, _count(x, alone))
    missing = [name for name, array in statistics.items() if array is None]
    if len(missing) == 1 or (missing and not own):
        raise ValueError(f"{function}: {missing[0]} is None, expected an array {x.shape[1:2]}")
    return check.real(function, "eps", eps, 0)


def check_channels(function: str, x: Floats, **arrays: Floats | None) -> None:
    """Raise ValueError unless `x` is (N, C, ...) and each of the `arrays` (C,)."""
    if x.ndim < 2:
        raise ValueError(
            f"{function}: x has {x.ndim} dimensions, shape {x.shape}, expected at least 2: (N, C)"
        )
    for name, array in arrays.items():
        if array is not None and array.shape != x.shape[1:2]:
            raise ValueError(
                f"{function}: {name} has shape {array.shape}, but x has {x.shape[1]} channels; "
                f"expected {x.shape[1:2]}"
            )


def check_several(function: str, x: Floats, count: int) -> None:
    """Raise ValueError if the moments would be those of a single value."""
    if count == 1:
        raise ValueError(
            f"{function}: x has shape {x.shape}, expected more than 1 value per channel"
        )


def _repeats(x: Floats, alone: bool) -> int:
    """Return how many rows a channel has."""
    return x.shape[0] if alone else 1


def _count(x: Floats, alone: bool) -> int:
    """Return how many values a row has."""
    return math.prod(x.shape[2:]) * (1 if alone else x.shape[0])


def _rows(x: Floats, alone: bool) -> Floats:
    """Return (N, C, ...) as (N, C, L), or as (1, N * C, L) where each sample is alone."""
    samples, channels, *size = x.shape
    shape = (1, samples * channels) if alone else (samples, channels)
    # Contiguous, since sums over another layout are rounded otherwise.
    return np.ascontiguousarray(x).reshape(*shape, math.prod(size))


def _column(array: Floats | None, repeats: int) -> Any:
    """Return the values of the channels (C,) as those of the rows (R, 1)."""
    return None if array is None else np.tile(array, repeats)[:, None]
