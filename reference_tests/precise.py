"""The numbers of the float64 truth: 160 bits each, by MPFR, in arrays of objects.

Their own error is of no account beside that of float64, which has 53 bits. (`numpy.longdouble`
has 64 at most, and 53 on some platforms.)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gmpy2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
PRECISION = 160
Number = gmpy2.mpfr

_number = np.frompyfunc(Number, 1, 1)


def precise(array: Any) -> Array:
    """Return an array of floats as one of precise numbers, and compute with as many bits."""
    # The precision belongs to the thread, so each thread that makes numbers has to ask for it.
    gmpy2.get_context().precision = PRECISION
    with np.errstate(all="ignore"):
        return np.asarray(_number(np.asarray(array, np.float64)), dtype=object)


def floats(value: Any) -> NDArray[np.float64]:
    """Return the nearest float64 of every element."""
    # The oldest NumPy warns where an object that becomes a float is NaN.
    with np.errstate(invalid="ignore"):
        return np.asarray(value).astype(np.float64, copy=False)


def _per_element(function: Callable[..., Any], inputs: int = 1) -> Callable[..., Array]:
    ufunc = np.frompyfunc(function, inputs, 1)
    return lambda *arrays: np.asarray(ufunc(*arrays), dtype=object)


_PRECISE: dict[str, Callable[..., Array]] = {
    **{
        name: _per_element(getattr(gmpy2, name))
        for name in ("exp", "expm1", "log", "log1p", "tanh", "sqrt", "erf")
    },
    "power": _per_element(lambda base, exponent: base**exponent, 2),
    "divide": _per_element(lambda a, b: a / b, 2),
}


def apply(name: str, *values: Array) -> Array:
    """Return a function of NumPy's, precise where an argument is."""
    with np.errstate(all="ignore"):
        if any(value.dtype == object for value in values):
            return _PRECISE[name](*values)
        if name == "erf":
            from scipy.special import erf

            return np.asarray(erf(*values))
        return np.asarray(getattr(np, name)(*values))
