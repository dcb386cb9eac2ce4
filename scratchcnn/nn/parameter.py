"""An array that training changes, with its gradient."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from scratchcnn.functional import _checks as check
from scratchcnn.functional._checks import Floats


def float_dtype(function: str, dtype: DTypeLike | None) -> np.dtype[np.floating[Any]]:
    """Return float32 for None, as PyTorch does, or `dtype` if it is float32 or float64."""
    try:
        found: np.dtype[Any] = np.dtype(np.float32 if dtype is None else dtype)
    except (TypeError, ValueError):
        raise TypeError(
            f"{function}: dtype is {dtype!r}, expected float32 or float64, or None for float32"
        ) from None
    if found not in (np.float32, np.float64):
        raise TypeError(
            f"{function}: dtype is {found}, expected float32 or float64, or None for float32"
        )
    return found


class Parameter:
    """An array that training changes.

    Parameters
    ----------
    data : ndarray of float32 or float64
        Kept, not copied.
    requires_grad : bool
        Whether pullbacks add to `grad`.

    Raises
    ------
    TypeError
        If `data` is not of float32 or float64.

    Attributes
    ----------
    grad : ndarray or None
        The sum of all gradients since it was last None; same shape and dtype as `data`.

    Examples
    --------
    >>> weight = Parameter(np.zeros(2))
    >>> weight.accumulate(np.ones(2))
    >>> weight.accumulate(np.ones(2))
    >>> weight.grad
    array([2., 2.])
    """

    def __init__(self, data: Floats, requires_grad: bool = True) -> None:
        check.floats("Parameter", data=data)
        self.data = data
        self.grad: Floats | None = None
        self.requires_grad = requires_grad
        # Four threads that add to one array without it lose most of their sums.
        self._lock = threading.Lock()

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of `data`."""
        return self.data.shape

    def accumulate(self, grad: Floats) -> None:
        """Add `grad` to `self.grad`, if the parameter requires a gradient; safe in threads."""
        if self.requires_grad:
            # Overflow is a result here too, and no warning.
            with self._lock, np.errstate(all="ignore"):
                self.grad = grad.copy() if self.grad is None else self.grad + grad

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_lock"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"Parameter(shape={self.data.shape}, dtype={np.dtype(self.data.dtype).name})"
