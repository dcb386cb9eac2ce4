"""The layer of dropout, and what all layers have that draw at random."""

from __future__ import annotations

import threading
from typing import Any

from scratchcnn import functional as F
from scratchcnn.functional import _checks as check
from scratchcnn.functional._checks import Floats
from scratchcnn.functional.dropout import RNG
from scratchcnn.nn.module import Module, Pullback


class Random(Module):
    """The base of layers that draw from a generator of their own, `rng`."""

    def __init__(self, rng: RNG) -> None:
        self.rng = check.generator(type(self).__name__, rng)
        # Threads that share a layer would disturb its generator.
        self._lock = threading.Lock()

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_lock"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._lock = threading.Lock()


class Dropout(Random):
    """The layer of `scratchcnn.functional.dropout`; in evaluation mode it changes nothing.

    Parameters
    ----------
    p : float
        The probability of a zero, from 0 to 1.
    rng : numpy.random.Generator or int, optional
        The layer's own source of randomness; None takes fresh entropy.

    Examples
    --------
    >>> import numpy as np
    >>> Dropout(0.5, rng=0)(np.ones(6))
    array([2., 0., 0., 0., 2., 2.])
    """

    def __init__(self, p: float = 0.5, *, rng: RNG = None) -> None:
        self.p = check.real("Dropout", "p", p, 0, 1)
        super().__init__(rng)

    def vjp(self, x: Floats, input_grad: bool = True) -> tuple[Floats, Pullback]:
        """Return the output and the pullback with the same mask."""
        with self._lock:
            y, mask = F.dropout_with_mask(x, p=self.p, training=self.training, rng=self.rng)
        return y, lambda grad_output: F.dropout_grad(grad_output, mask) if input_grad else None

    def extra_repr(self) -> str:
        """Return the hyperparameters as text."""
        return f"p={self.p}"
