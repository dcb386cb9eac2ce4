"""Rows of mean 0 and variance 1: what batch, instance, layer and group normalization share.

The rows of an array (N, R, L) lie along its middle axis: each of the R has N blocks of L values.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scratchcnn.functional._checks import Floats


class Moments(NamedTuple):
    """Rows (N, R, L) without their means, and the moments of each row (R, 1) in float64.

    `rest` is what the rounding of `mean` to the dtype of the rows left in `centred`.
    """

    centred: Floats
    mean: NDArray[np.float64]
    rest: NDArray[np.float64]
    variance: NDArray[np.float64]


def moments(rows: Floats) -> Moments:
    """Return the moments of each row; the variance is the biased one."""
    count = rows.shape[0] * rows.shape[2]
    mean = sums(rows) / count
    centred = rows - mean.astype(rows.dtype)
    rest = sums(centred) / count
    # The mean of squares minus the square of the mean would cancel where the mean is large;
    # here the second term is only what the rounding of the mean left.
    variance = np.maximum(sums(centred * centred) / count - rest * rest, 0)
    return Moments(centred, mean, rest, variance)


def inverse_root(variance: Floats, eps: float) -> NDArray[np.float64]:
    """Return ``1 / sqrt(variance + eps)`` in float64."""
    return 1.0 / np.sqrt(variance.astype(np.float64) + eps)


def standardized(
    rows: Floats, eps: float, weight: Floats | None = None, bias: Floats | None = None
) -> Floats:
    """Return ``(rows - mean) / sqrt(variance + eps) * weight + bias``, both (R, 1)."""
    y, _, rest, variance = moments(rows)
    scale = inverse_root(variance, eps)
    if weight is not None:
        scale *= weight
    shift = -rest * scale
    if bias is not None:
        shift += bias
    y *= scale.astype(rows.dtype)
    y += shift.astype(rows.dtype)
    return y


def standard(rows: Floats, eps: float) -> tuple[Floats, NDArray[np.float64]]:
    """Return the rows with mean 0 and variance 1, and ``1 / sqrt(variance + eps)`` (R, 1)."""
    centred, _, rest, variance = moments(rows)
    scale = inverse_root(variance, eps)
    centred -= rest.astype(rows.dtype)
    centred *= scale.astype(rows.dtype)
    return centred, scale


def rows_grad(
    grad_output: Floats,
    values: Floats,
    scale: NDArray[np.float64],
    slope: NDArray[np.float64],
    total: NDArray[np.float64] | None = None,
) -> Floats:
    """Return ``scale * (g - total / n - values * slope / n)``, the gradient of rows of n elements.

    `values` are the standardized rows, `slope` is ``Σ g * values`` and `total` ``Σ g``; without
    `total` no mean was taken off.
    """
    dtype, count = grad_output.dtype, grad_output.shape[0] * grad_output.shape[2]
    grad: Floats = values * (-slope / count).astype(dtype)
    grad += grad_output
    if total is not None:
        grad -= (total / count).astype(dtype)
    grad *= scale.astype(dtype)
    return grad


def sums(rows: Floats) -> NDArray[np.float64]:
    """Return the sum of each row, (R, 1) in float64."""
    # NumPy sums pairwise along the last axis only, hence float64 for what is left.
    return np.asarray(rows.sum(2).sum(0, dtype=np.float64)[:, None])
