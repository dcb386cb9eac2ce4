"""What a subject is not asked for: values of which its project says nothing."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np


def finite_only(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a callable of the same signature that refuses empty arrays, NaN and infinities.

    Parameters
    ----------
    function : callable
        In the form of an implementation's.

    Returns
    -------
    callable
        It raises NotImplementedError for such arrays, which counts as unsupported.
    """

    @functools.wraps(function)
    def call(*arrays: Any, **hyper: Any) -> Any:
        for array in (*arrays, *hyper.values()):
            if not isinstance(array, np.ndarray):
                continue
            if not array.size:
                raise NotImplementedError("an empty array")
            if array.dtype.kind == "f" and not np.isfinite(array).all():
                raise NotImplementedError("NaN or infinity")
        return function(*arrays, **hyper)

    return call
