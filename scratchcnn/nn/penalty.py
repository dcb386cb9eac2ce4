"""Penalties as objects: they add to a loss and to the gradients of parameters."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from scratchcnn import functional as F
from scratchcnn.functional import _checks as check
from scratchcnn.functional._checks import Floats
from scratchcnn.nn.parameter import Parameter


class L2Penalty:
    """The penalty ``strength * sum(w**2)`` over some parameters.

    Parameters
    ----------
    parameters : iterable of Parameter
        Usually the weights, not the biases.
    strength : float
        The factor λ, at least 0.

    Raises
    ------
    ValueError
        If there is no parameter, or `strength` is negative.

    Examples
    --------
    >>> weight = Parameter(np.array([3.0, 4.0]))
    >>> value, pullback = L2Penalty([weight], strength=0.5).vjp()
    >>> pullback()
    >>> value, weight.grad
    (np.float64(12.5), array([3., 4.]))
    """

    def __init__(self, parameters: Iterable[Parameter], *, strength: float) -> None:
        self.parameters = list(parameters)
        if not self.parameters:
            raise ValueError("L2Penalty: parameters is empty, expected at least one Parameter")
        self.strength = check.real("L2Penalty", "strength", strength, 0)

    def __call__(self) -> Floats:
        """Return the penalty."""
        return self.vjp()[0]

    def vjp(self) -> tuple[Floats, Callable[[], None]]:
        """Return the penalty, and the pullback that adds ``2 * strength * w`` to each gradient."""
        arrays = [parameter.data for parameter in self.parameters]
        with np.errstate(all="ignore"):
            value = np.asarray(sum(F.l2_penalty(array, strength=self.strength) for array in arrays))

        def pullback() -> None:
            for parameter, array in zip(self.parameters, arrays, strict=True):
                grad = np.ones((), array.dtype)
                parameter.accumulate(F.l2_penalty_grad(grad, array, strength=self.strength))

        return value[()], pullback
