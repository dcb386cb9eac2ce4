"""Layers of rectifiers with learned or random slopes."""

from __future__ import annotations

import numpy as np
from numpy.typing import DTypeLike

from scratchcnn import functional as F
from scratchcnn.functional import _checks as check
from scratchcnn.functional._checks import Floats
from scratchcnn.functional.dropout import RNG
from scratchcnn.functional.rectifier import slope_range
from scratchcnn.nn.dropout import Random
from scratchcnn.nn.module import Module, Pullback
from scratchcnn.nn.parameter import Parameter, float_dtype


class PReLU(Module):
    """The layer of `scratchcnn.functional.prelu`.

    Parameters
    ----------
    num_parameters : int
        The number of channels, or 1 for one slope that all share.
    init : float
        What the slopes are at first.
    dtype : dtype
        float32 or float64; None is float32.

    Attributes
    ----------
    weight : Parameter (num_parameters,)

    Raises
    ------
    TypeError, ValueError
        If `num_parameters` is no positive integer, or `init` no number.

    Examples
    --------
    >>> PReLU(init=0.5)(np.array([-2.0, 0.5], np.float32))
    array([-1. ,  0.5], dtype=float32)
    """

    def __init__(
        self, num_parameters: int = 1, init: float = 0.25, *, dtype: DTypeLike | None = np.float32
    ) -> None:
        dtype = float_dtype("PReLU", dtype)
        self.num_parameters = check.whole("PReLU", "num_parameters", num_parameters, 1)
        self.init = check.real("PReLU", "init", init, -np.inf)
        self.weight = Parameter(np.full(self.num_parameters, self.init, dtype))

    def vjp(self, x: Floats, input_grad: bool = True) -> tuple[Floats, Pullback]:
        """Return the output and its pullback."""
        weight, data = self.weight, self.weight.data

        def pullback(grad_output: Floats) -> Floats | None:
            if weight.requires_grad:
                grad = F.prelu_weight_grad(grad_output, x, weight_shape=data.shape)
                weight.accumulate(grad)
            return F.prelu_input_grad(grad_output, x, data) if input_grad else None

        return F.prelu(x, data), pullback

    def extra_repr(self) -> str:
        """Return the hyperparameters as text."""
        return f"num_parameters={self.num_parameters}"


class RReLU(Random):
    """The layer of `scratchcnn.functional.rrelu`; in evaluation mode its slopes are their mean.

    Parameters
    ----------
    lower, upper : float
        Each slope is uniform between them.
    rng : numpy.random.Generator or int, optional
        The layer's own source of randomness; None takes fresh entropy.

    Raises
    ------
    TypeError, ValueError
        If a bound is no finite number, or `lower` is above `upper`.

    Examples
    --------
    >>> RReLU(0.5, 0.5, rng=0)(np.array([-2.0, 0.5]))
    array([-1. ,  0.5])
    """

    def __init__(self, lower: float = 1 / 8, upper: float = 1 / 3, *, rng: RNG = None) -> None:
        self.lower, self.upper = slope_range("RReLU", lower, upper)
        super().__init__(rng)

    def vjp(self, x: Floats, input_grad: bool = True) -> tuple[Floats, Pullback]:
        """Return the output and the pullback with the same slopes."""
        with self._lock:
            y, noise = F.rrelu_with_noise(
                x, self.lower, upper=self.upper, training=self.training, rng=self.rng
            )
        return y, lambda grad_output: F.rrelu_grad(grad_output, noise) if input_grad else None

    def extra_repr(self) -> str:
        """Return the hyperparameters as text."""
        return f"lower={self.lower}, upper={self.upper}"
