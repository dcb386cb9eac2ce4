"""Fully connected layers and the flattening before them."""

from __future__ import annotations

import numpy as np
from numpy.typing import DTypeLike

from scratchcnn import functional as F
from scratchcnn.functional import _checks as check
from scratchcnn.functional._checks import Floats
from scratchcnn.functional.dropout import RNG
from scratchcnn.nn.init import fan_in_uniform
from scratchcnn.nn.module import Module, Pullback
from scratchcnn.nn.parameter import Parameter, float_dtype


class Linear(Module):
    """The layer of `scratchcnn.functional.linear`.

    Parameters
    ----------
    in_features, out_features : int
    bias : bool
        Whether there is one.
    dtype : dtype
        float32 or float64; None is float32.
    rng : numpy.random.Generator or int, optional
        Of the initial weights, uniform over ``±1 / sqrt(in_features)``.

    Attributes
    ----------
    weight : Parameter (O, C)
    bias : Parameter (O,), or None

    Raises
    ------
    TypeError, ValueError
        If a number of features is no positive integer.

    Examples
    --------
    >>> Linear(4, 3, rng=0)(np.zeros((2, 4), np.float32)).shape
    (2, 3)
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        *,
        dtype: DTypeLike | None = np.float32,
        rng: RNG = None,
    ) -> None:
        dtype = float_dtype("Linear", dtype)
        self.in_features = check.whole("Linear", "in_features", in_features, 1)
        self.out_features = check.whole("Linear", "out_features", out_features, 1)
        check.flag("Linear", "bias", bias)
        source = check.generator("Linear", rng)
        shape = (self.out_features, self.in_features)
        self.weight = Parameter(fan_in_uniform(shape, in_features, rng=source, dtype=dtype))
        self.bias: Parameter | None = None
        if bias:
            self.bias = Parameter(fan_in_uniform(shape[:1], in_features, rng=source, dtype=dtype))

    def vjp(self, x: Floats, input_grad: bool = True) -> tuple[Floats, Pullback]:
        """Return the output (..., O) and its pullback."""
        weight, bias = self.weight, self.bias
        data = weight.data

        def pullback(grad_output: Floats) -> Floats | None:
            if weight.requires_grad:
                weight.accumulate(F.linear_weight_grad(grad_output, x))
            if bias is not None and bias.requires_grad:
                bias.accumulate(F.linear_bias_grad(grad_output))
            return F.linear_input_grad(grad_output, data) if input_grad else None

        return F.linear(x, data, None if bias is None else bias.data), pullback

    def extra_repr(self) -> str:
        """Return the hyperparameters as text."""
        return f"{self.in_features}, {self.out_features}, bias={self.bias is not None}"


class Flatten(Module):
    """The layer of `scratchcnn.functional.flatten`, which keeps the batch axis by default.

    Parameters
    ----------
    start_dim, end_dim : int
        The first and the last of the joined axes.

    Raises
    ------
    TypeError, ValueError
        If an axis is no integer; when called, if it is not there, or they are in the wrong
        order.

    Examples
    --------
    >>> Flatten()(np.zeros((2, 3, 4, 4))).shape
    (2, 48)
    """

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        self.start_dim = check.whole("Flatten", "start_dim", start_dim)
        self.end_dim = check.whole("Flatten", "end_dim", end_dim)

    def vjp(self, x: Floats, input_grad: bool = True) -> tuple[Floats, Pullback]:
        """Return the flattened array and its pullback."""

        def pullback(grad_output: Floats) -> Floats | None:
            return F.flatten_grad(grad_output, input_shape=x.shape) if input_grad else None

        return F.flatten(x, start_dim=self.start_dim, end_dim=self.end_dim), pullback

    def extra_repr(self) -> str:
        """Return the hyperparameters as text."""
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"
