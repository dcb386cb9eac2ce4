"""Convolutional layers."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import DTypeLike

from scratchcnn import functional as F
from scratchcnn.functional import _checks as check
from scratchcnn.functional._checks import Floats, PerAxis
from scratchcnn.functional.convolution import output_shape
from scratchcnn.functional.dropout import RNG
from scratchcnn.nn.init import fan_in_uniform
from scratchcnn.nn.module import Module, Pullback
from scratchcnn.nn.parameter import Parameter


class Conv2d(Module):
    """The layer of `scratchcnn.functional.conv2d`.

    Parameters
    ----------
    in_channels, out_channels : int
    kernel_size, stride, padding, dilation, groups
        As in `scratchcnn.functional.conv2d`.
    bias : bool
        Whether there is one.
    untied_bias : bool
        One bias per output pixel, (O, Hout, Wout); needs `input_size`.
    input_size : pair of int, optional
        The (H, W) of the images, with `untied_bias`.
    dtype : dtype
        float32 or float64.
    rng : numpy.random.Generator or int, optional
        Of the initial weights, uniform over ``±1 / sqrt(fan_in)``; an untied bias starts at 0.

    Attributes
    ----------
    weight : Parameter (O, C / groups, KH, KW)
    bias : Parameter (O,) or (O, Hout, Wout), or None

    Raises
    ------
    TypeError, ValueError
        If a parameter has a wrong type or does not fit the others.

    Examples
    --------
    >>> Conv2d(1, 6, 5, rng=0)(np.zeros((2, 1, 28, 28), np.float32)).shape
    (2, 6, 24, 24)
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: PerAxis,
        stride: PerAxis = 1,
        padding: PerAxis | str = 0,
        dilation: PerAxis = 1,
        groups: int = 1,
        bias: bool = True,
        *,
        untied_bias: bool = False,
        input_size: tuple[int, int] | None = None,
        dtype: DTypeLike = np.float32,
        rng: RNG = None,
    ) -> None:
        name = "Conv2d"
        self.in_channels = check.whole(name, "in_channels", in_channels, 1)
        self.out_channels = check.whole(name, "out_channels", out_channels, 1)
        self.kernel_size = check.per_axis(name, "kernel_size", kernel_size, 2, 1)
        self.stride = check.per_axis(name, "stride", stride, 2, 1)
        self.padding = padding
        self.dilation = check.per_axis(name, "dilation", dilation, 2, 1)
        self.groups = check.whole(name, "groups", groups, 1)
        if self.in_channels % self.groups:
            raise ValueError(
                f"{name}: in_channels is {in_channels}, expected a multiple of groups={groups}"
            )
        shape = (self.out_channels, self.in_channels // self.groups, *self.kernel_size)
        if untied_bias and (input_size is None or not bias):
            raise ValueError(
                f"{name}: untied_bias has input_size={input_size} and bias={bias}, "
                "expected input_size=(H, W) and bias=True"
            )
        # Without a size, one of the kernel's own reach fits and lets the geometry be checked here.
        least = tuple((k - 1) * d + 1 for k, d in zip(self.kernel_size, self.dilation, strict=True))
        if input_size is not None:
            least = check.sizes(name, "input_size", input_size, "(H, W)", 1)
        sample = (1, self.in_channels, *least)
        out = output_shape(name, sample, shape, stride, padding, dilation, groups)
        source = check.generator(name, rng)
        fan_in = math.prod(shape[1:])
        self.weight = Parameter(fan_in_uniform(shape, fan_in, rng=source, dtype=dtype))
        self.bias: Parameter | None = None
        if untied_bias:
            self.bias = Parameter(np.zeros(out[1:], dtype))
        elif bias:
            self.bias = Parameter(fan_in_uniform(shape[:1], fan_in, rng=source, dtype=dtype))

    def vjp(self, x: Floats, input_grad: bool = True) -> tuple[Floats, Pullback]:
        """Return the output (N, O, Hout, Wout) and its pullback."""
        weight, bias = self.weight, self.bias
        data = weight.data
        y = F.conv2d(
            x,
            data,
            None if bias is None else bias.data,
            stride=self.stride,
            padding=self.padding,
            dilation=self.dilation,
            groups=self.groups,
        )

        def pullback(grad_output: Floats) -> Floats | None:
            if weight.requires_grad:
                weight.accumulate(
                    F.conv2d_weight_grad(
                        grad_output,
                        x,
                        kernel_size=self.kernel_size,
                        stride=self.stride,
                        padding=self.padding,
                        dilation=self.dilation,
                        groups=self.groups,
                    )
                )
            if bias is not None and bias.requires_grad:
                bias.accumulate(F.conv2d_bias_grad(grad_output, bias_shape=bias.shape))
            if not input_grad:
                return None
            return F.conv2d_input_grad(
                grad_output,
                data,
                input_shape=x.shape,
                stride=self.stride,
                padding=self.padding,
                dilation=self.dilation,
                groups=self.groups,
            )

        return y, pullback

    def extra_repr(self) -> str:
        """Return the hyperparameters as text."""
        return (
            f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, "
            f"stride={self.stride}, padding={self.padding!r}, dilation={self.dilation}, "
            f"groups={self.groups}, bias={None if self.bias is None else self.bias.shape}"
        )
