"""Convolutional layers."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike

from scratchcnn import functional as F
from scratchcnn.functional import _checks as check
from scratchcnn.functional._checks import Floats, PerAxis
from scratchcnn.functional._convolution import edges
from scratchcnn.functional.convolution import output_shape
from scratchcnn.functional.dropout import RNG
from scratchcnn.nn.init import fan_in_uniform
from scratchcnn.nn.module import Module, Pullback
from scratchcnn.nn.named import Named
from scratchcnn.nn.parameter import Parameter, float_dtype

PADDING_MODES = ("zeros", "reflect", "replicate", "circular")
SIZE = {1: "(L,)", 2: "(H, W)", 3: "(D, H, W)"}


class Functions(NamedTuple):
    """An operation with weight and bias, and its gradients."""

    forward: Callable[..., Floats]
    input_grad: Callable[..., Floats]
    weight_grad: Callable[..., Floats]
    bias_grad: Callable[..., Floats]


class _Convolution(Named, Module):
    """What the convolutions over one, two and three axes have in common."""

    _spatial: int
    _functions: Functions

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
        padding_mode: str = "zeros",
        *,
        untied_bias: bool = False,
        input_size: tuple[int, ...] | None = None,
        dtype: DTypeLike | None = np.float32,
        rng: RNG = None,
    ) -> None:
        name, spatial = type(self).__name__, self._spatial
        dtype = float_dtype(name, dtype)
        self.in_channels = check.whole(name, "in_channels", in_channels, 1)
        self.out_channels = check.whole(name, "out_channels", out_channels, 1)
        self.kernel_size = check.per_axis(name, "kernel_size", kernel_size, spatial, 1)
        self.stride = check.window(name, "stride", stride, spatial, 1)
        self.padding = padding
        self.dilation = check.window(name, "dilation", dilation, spatial, 1)
        self.groups = check.whole(name, "groups", groups, 1)
        check.choice(name, "padding_mode", padding_mode, PADDING_MODES)
        self.padding_mode = padding_mode
        if self.in_channels % self.groups:
            raise ValueError(
                f"{name}: in_channels is {in_channels}, expected a multiple of groups={groups}"
            )
        check.flag(name, "bias", bias)
        check.flag(name, "untied_bias", untied_bias)
        shape = (self.out_channels, self.in_channels // self.groups, *self.kernel_size)
        if untied_bias and (input_size is None or not bias):
            raise ValueError(
                f"{name}: untied_bias has input_size={input_size} and bias={bias}, "
                f"expected input_size={SIZE[spatial]} and bias=True"
            )
        # Without a size, one of the kernel's own reach fits and lets the geometry be checked here.
        least = tuple((k - 1) * d + 1 for k, d in zip(self.kernel_size, self.dilation, strict=True))
        if input_size is not None:
            least = check.sizes(name, "input_size", input_size, SIZE[spatial], 1)
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
        """Return the output (N, O, *size), without N if `x` has none, and its pullback."""
        functions, weight, bias = self._functions, self.weight, self.bias
        data, around = weight.data, self._around()
        image = x if around is None else F.pad(x, around, mode=self.padding_mode)
        hyper: dict[str, Any] = {
            "stride": self.stride,
            "padding": self.padding if around is None else 0,
            "dilation": self.dilation,
            "groups": self.groups,
        }
        y = functions.forward(image, data, None if bias is None else bias.data, **hyper)

        def pullback(grad_output: Floats) -> Floats | None:
            if weight.requires_grad:
                kernel = {"kernel_size": self.kernel_size, **hyper}
                weight.accumulate(functions.weight_grad(grad_output, image, **kernel))
            if bias is not None and bias.requires_grad:
                bias.accumulate(functions.bias_grad(grad_output, bias_shape=bias.shape))
            if not input_grad:
                return None
            grad = functions.input_grad(grad_output, data, input_shape=image.shape, **hyper)
            if around is None:
                return grad
            return F.pad_grad(grad, input_shape=x.shape, pad=around, mode=self.padding_mode)

        return y, pullback

    def _around(self) -> list[int] | None:
        """Return what `pad` adds before the convolution, None where that pads with zeros."""
        if self.padding_mode == "zeros":
            return None
        kind = type(self).__name__
        before, after = edges(kind, self.kernel_size, self.stride, self.padding, self.dilation)
        return [edge for axis in zip(before[::-1], after[::-1], strict=True) for edge in axis]

    def extra_repr(self) -> str:
        """Return the hyperparameters as text."""
        mode = "" if self.padding_mode == "zeros" else f", padding_mode={self.padding_mode!r}"
        return (
            f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, "
            f"stride={self.stride}, padding={self.padding!r}, dilation={self.dilation}, "
            f"groups={self.groups}, bias={None if self.bias is None else self.bias.shape}{mode}"
        )


class Conv1d(_Convolution):
    """The layer of `scratchcnn.functional.conv1d`; parameters and attributes as of `Conv2d`.

    Raises
    ------
    TypeError, ValueError
        As `Conv2d`; when called, as `scratchcnn.functional.conv1d`.

    Examples
    --------
    >>> Conv1d(2, 4, 3, stride=2, rng=0)(np.zeros((5, 2, 9), np.float32)).shape
    (5, 4, 4)
    """

    _spatial = 1
    _functions = Functions(F.conv1d, F.conv1d_input_grad, F.conv1d_weight_grad, F.conv1d_bias_grad)


class Conv2d(_Convolution):
    """The layer of `scratchcnn.functional.conv2d`.

    Parameters
    ----------
    in_channels, out_channels : int
    kernel_size, stride, padding, dilation, groups
        As in `scratchcnn.functional.conv2d`.
    bias : bool
        Whether there is one.
    padding_mode : {"zeros", "reflect", "replicate", "circular"}
        What the padding consists of; but for zeros, see `scratchcnn.functional.pad`.
    untied_bias : bool
        One bias per output pixel, (O, Hout, Wout); needs `input_size`.
    input_size : pair of int, optional
        The (H, W) of the images, with `untied_bias`.
    dtype : dtype
        float32 or float64; None is float32.
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

    _spatial = 2
    _functions = Functions(F.conv2d, F.conv2d_input_grad, F.conv2d_weight_grad, F.conv2d_bias_grad)


class Conv3d(_Convolution):
    """The layer of `scratchcnn.functional.conv3d`; parameters and attributes as of `Conv2d`.

    Raises
    ------
    TypeError, ValueError
        As `Conv2d`; when called, as `scratchcnn.functional.conv3d`.

    Examples
    --------
    >>> Conv3d(2, 4, (1, 3, 3), padding="same", rng=0)(np.zeros((2, 5, 6, 7), np.float32)).shape
    (4, 5, 6, 7)
    """

    _spatial = 3
    _functions = Functions(F.conv3d, F.conv3d_input_grad, F.conv3d_weight_grad, F.conv3d_bias_grad)
