"""Layers of transposed convolutions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from scratchcnn import functional as F
from scratchcnn.functional import _checks as check
from scratchcnn.functional._checks import Floats, PerAxis
from scratchcnn.functional.conv_transpose import transposed_geometry
from scratchcnn.functional.dropout import RNG
from scratchcnn.nn.conv import Functions
from scratchcnn.nn.init import fan_in_uniform
from scratchcnn.nn.module import Module, Pullback
from scratchcnn.nn.named import Named
from scratchcnn.nn.parameter import Parameter, float_dtype


class _Transposed(Named, Module):
    """What the transposed convolutions over one, two and three axes have in common."""

    _spatial: int
    _functions: Functions

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: PerAxis,
        stride: PerAxis = 1,
        padding: PerAxis = 0,
        output_padding: PerAxis = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: PerAxis = 1,
        padding_mode: str = "zeros",
        *,
        dtype: DTypeLike | None = np.float32,
        rng: RNG = None,
    ) -> None:
        name, spatial = type(self).__name__, self._spatial
        dtype = float_dtype(name, dtype)
        self.in_channels = check.whole(name, "in_channels", in_channels, 1)
        self.out_channels = check.whole(name, "out_channels", out_channels, 1)
        self.kernel_size = check.per_axis(name, "kernel_size", kernel_size, spatial, 1)
        self.stride = check.window(name, "stride", stride, spatial, 1)
        self.padding = check.window(name, "padding", padding, spatial, 0)
        self.output_padding = check.window(name, "output_padding", output_padding, spatial, 0)
        self.groups = check.whole(name, "groups", groups, 1)
        self.dilation = check.window(name, "dilation", dilation, spatial, 1)
        check.flag(name, "bias", bias)
        check.choice(name, "padding_mode", padding_mode, ("zeros",))
        self.padding_mode = padding_mode
        if self.out_channels % self.groups:
            raise ValueError(
                f"{name}: out_channels is {out_channels}, expected a multiple of groups={groups}"
            )
        shape = (self.in_channels, self.out_channels // self.groups, *self.kernel_size)
        # Images of this size are large enough for any padding, and let the rest be checked here.
        sample = (1, self.in_channels, *(2 * cut + 1 for cut in self.padding))
        transposed_geometry(name, sample, shape, stride, padding, output_padding, groups, dilation)
        source = check.generator(name, rng)
        # PyTorch's count: of a weight (C, O / groups, …) it takes the second axis for the inputs.
        fan_in = math.prod(shape[1:])
        self.weight = Parameter(fan_in_uniform(shape, fan_in, rng=source, dtype=dtype))
        self.bias: Parameter | None = None
        if bias:
            size = (self.out_channels,)
            self.bias = Parameter(fan_in_uniform(size, fan_in, rng=source, dtype=dtype))

    def __call__(self, x: Floats, output_size: PerAxis | None = None) -> Floats:
        """Return the output for `x`, of the spatial `output_size` if one is given."""
        if output_size is None:
            return super().__call__(x)
        return self.vjp(x, input_grad=False, output_size=output_size)[0]

    def vjp(
        self, x: Floats, input_grad: bool = True, output_size: PerAxis | None = None
    ) -> tuple[Floats, Pullback]:
        """Return the output (N, O, *size), without N if `x` has none, and its pullback.

        An `output_size`, of the spatial axes, takes the place of the output padding.
        """
        functions, weight, bias = self._functions, self.weight, self.bias
        data = weight.data
        extra = self.output_padding if output_size is None else self._extra(x, output_size)
        hyper: dict[str, Any] = {
            "stride": self.stride,
            "padding": self.padding,
            "output_padding": extra,
            "groups": self.groups,
            "dilation": self.dilation,
        }
        y = functions.forward(x, data, None if bias is None else bias.data, **hyper)

        def pullback(grad_output: Floats) -> Floats | None:
            if weight.requires_grad:
                kernel = {"kernel_size": self.kernel_size, **hyper}
                weight.accumulate(functions.weight_grad(grad_output, x, **kernel))
            if bias is not None and bias.requires_grad:
                bias.accumulate(functions.bias_grad(grad_output))
            if not input_grad:
                return None
            return functions.input_grad(grad_output, data, input_shape=x.shape, **hyper)

        return y, pullback

    def _extra(self, x: Floats, output_size: PerAxis) -> tuple[int, ...]:
        """Return the output padding that makes the output so large."""
        name = type(self).__name__
        wanted = check.per_axis(name, "output_size", output_size, self._spatial, 1)
        check.floats(name, x=x)
        size = check.batched(name, "x", x, self._spatial).shape[2:]
        axes = zip(size, self.stride, self.padding, self.dilation, self.kernel_size, strict=True)
        least = tuple((n - 1) * s - 2 * p + d * (k - 1) + 1 for n, s, p, d, k in axes)
        most = tuple(n + s - 1 for n, s in zip(least, self.stride, strict=True))
        if any(not a <= n <= b for a, n, b in zip(least, wanted, most, strict=True)):
            raise ValueError(
                f"{name}: output_size is {wanted}, expected {least} to {most} for x of {size}"
            )
        return tuple(n - a for n, a in zip(wanted, least, strict=True))

    def extra_repr(self) -> str:
        """Return the hyperparameters as text."""
        return (
            f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, "
            f"stride={self.stride}, padding={self.padding}, "
            f"output_padding={self.output_padding}, groups={self.groups}, "
            f"bias={None if self.bias is None else self.bias.shape}, dilation={self.dilation}"
        )


class ConvTranspose1d(_Transposed):
    """The layer of `scratchcnn.functional.conv_transpose1d`; parameters as of `ConvTranspose2d`.

    Raises
    ------
    TypeError, ValueError
        As `ConvTranspose2d`; when called, as `scratchcnn.functional.conv_transpose1d`.

    Examples
    --------
    >>> ConvTranspose1d(4, 2, 3, stride=2, rng=0)(np.zeros((5, 4, 4), np.float32)).shape
    (5, 2, 9)
    """

    _spatial = 1
    _functions = Functions(
        F.conv_transpose1d,
        F.conv_transpose1d_input_grad,
        F.conv_transpose1d_weight_grad,
        F.conv_transpose1d_bias_grad,
    )


class ConvTranspose2d(_Transposed):
    """The layer of `scratchcnn.functional.conv_transpose2d`.

    Parameters
    ----------
    in_channels, out_channels : int
    kernel_size, stride, padding, output_padding, groups, dilation
        As in `scratchcnn.functional.conv_transpose2d`.
    bias : bool
        Whether there is one.
    padding_mode : {"zeros"}
    dtype : dtype
        float32 or float64; None is float32.
    rng : numpy.random.Generator or int, optional
        Of the initial weights, uniform over ``±1 / sqrt(O / groups * KH * KW)`` as in PyTorch.

    Attributes
    ----------
    weight : Parameter (C, O / groups, KH, KW)
    bias : Parameter (O,), or None

    Raises
    ------
    TypeError, ValueError
        If a parameter has a wrong type or does not fit the others.

    Examples
    --------
    >>> layer = ConvTranspose2d(6, 1, 3, stride=2, padding=1, rng=0)
    >>> x = np.zeros((2, 6, 4, 4), np.float32)
    >>> layer(x).shape, layer(x, output_size=(8, 7)).shape
    ((2, 1, 7, 7), (2, 1, 8, 7))
    """

    _spatial = 2
    _functions = Functions(
        F.conv_transpose2d,
        F.conv_transpose2d_input_grad,
        F.conv_transpose2d_weight_grad,
        F.conv_transpose2d_bias_grad,
    )


class ConvTranspose3d(_Transposed):
    """The layer of `scratchcnn.functional.conv_transpose3d`; parameters as of `ConvTranspose2d`.

    Raises
    ------
    TypeError, ValueError
        As `ConvTranspose2d`; when called, as `scratchcnn.functional.conv_transpose3d`.

    Examples
    --------
    >>> ConvTranspose3d(4, 2, (1, 2, 3), rng=0)(np.zeros((4, 5, 6, 7), np.float32)).shape
    (2, 5, 7, 9)
    """

    _spatial = 3
    _functions = Functions(
        F.conv_transpose3d,
        F.conv_transpose3d_input_grad,
        F.conv_transpose3d_weight_grad,
        F.conv_transpose3d_bias_grad,
    )
