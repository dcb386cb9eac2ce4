"""Initial values of weights."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import DTypeLike

from scratchcnn.functional import _checks as check
from scratchcnn.functional._checks import Floats
from scratchcnn.functional.dropout import RNG


def fan_in_uniform(
    shape: tuple[int, ...], fan_in: int, *, rng: RNG = None, dtype: DTypeLike = np.float32
) -> Floats:
    """Return draws from the uniform distribution over ``±1 / sqrt(fan_in)``.

    Parameters
    ----------
    shape : tuple of int
    fan_in : int
        How many inputs each output sums; 0 gives zeros.
    rng : numpy.random.Generator or int, optional
    dtype : dtype
        float32 or float64.

    Returns
    -------
    ndarray of `shape`
        PyTorch's default for the weights and biases of `Conv2d` and `Linear`: He's uniform
        initialization with a negative slope of √5.

    Raises
    ------
    TypeError, ValueError
        If `fan_in` is no integer of at least 0, or `dtype` another one.

    References
    ----------
    .. [1] K. He et al., "Delving Deep into Rectifiers", ICCV 2015.

    Examples
    --------
    >>> abs(fan_in_uniform((1000,), 25, rng=0)).max() <= 1 / 5
    np.True_
    """
    fan_in = check.whole("fan_in_uniform", "fan_in", fan_in, 0)
    if np.dtype(dtype) not in (np.float32, np.float64):
        raise TypeError(f"fan_in_uniform: dtype is {np.dtype(dtype)}, expected float32 or float64")
    bound = 1 / math.sqrt(fan_in) if fan_in else 0.0
    return np.random.default_rng(rng).uniform(-bound, bound, shape).astype(dtype)
