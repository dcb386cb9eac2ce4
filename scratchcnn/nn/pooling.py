"""Layers of pooling and padding."""

from __future__ import annotations

from collections.abc import Sequence

from scratchcnn import functional as F
from scratchcnn.functional import _checks as check
from scratchcnn.functional._checks import Floats, PerAxis
from scratchcnn.functional.pooling import check_padding
from scratchcnn.nn.module import Module, Pullback


class MaxPool2d(Module):
    """The layer of `scratchcnn.functional.max_pool2d`.

    Parameters
    ----------
    kernel_size, stride, padding, dilation, ceil_mode
        As in `scratchcnn.functional.max_pool2d`.

    Examples
    --------
    >>> import numpy as np
    >>> MaxPool2d(2)(np.zeros((1, 3, 5, 6))).shape
    (1, 3, 2, 3)
    """

    def __init__(
        self,
        kernel_size: PerAxis,
        stride: PerAxis | None = None,
        padding: PerAxis = 0,
        dilation: PerAxis = 1,
        *,
        ceil_mode: bool = False,
    ) -> None:
        self.kernel_size = check.per_axis("MaxPool2d", "kernel_size", kernel_size, 2, 1)
        steps = self.kernel_size if stride is None else stride
        self.stride = check.per_axis("MaxPool2d", "stride", steps, 2, 1)
        self.padding = check.per_axis("MaxPool2d", "padding", padding, 2, 0)
        self.dilation = check.per_axis("MaxPool2d", "dilation", dilation, 2, 1)
        check_padding("MaxPool2d", self.padding, self.kernel_size)
        self.ceil_mode = ceil_mode

    def vjp(self, x: Floats, input_grad: bool = True) -> tuple[Floats, Pullback]:
        """Return the maxima (N, C, Hout, Wout) and their pullback."""
        pooled = F.max_pool2d(
            x,
            self.kernel_size,
            stride=self.stride,
            padding=self.padding,
            dilation=self.dilation,
            ceil_mode=self.ceil_mode,
            return_indices=True,
        )

        def pullback(grad_output: Floats) -> Floats | None:
            if not input_grad:
                return None
            return F.max_pool2d_grad(
                grad_output,
                pooled.indices,
                input_shape=x.shape,
                kernel_size=self.kernel_size,
                stride=self.stride,
                padding=self.padding,
                dilation=self.dilation,
                ceil_mode=self.ceil_mode,
            )

        return pooled.output, pullback

    def extra_repr(self) -> str:
        """Return the hyperparameters as text."""
        return (
            f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, "
            f"dilation={self.dilation}, ceil_mode={self.ceil_mode}"
        )


class AvgPool2d(Module):
    """The layer of `scratchcnn.functional.avg_pool2d`.

    Parameters
    ----------
    kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override
        As in `scratchcnn.functional.avg_pool2d`.

    Examples
    --------
    >>> import numpy as np
    >>> AvgPool2d(2)(np.zeros((1, 3, 5, 6))).shape
    (1, 3, 2, 3)
    """

    def __init__(
        self,
        kernel_size: PerAxis,
        stride: PerAxis | None = None,
        padding: PerAxis = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None:
        self.kernel_size = check.per_axis("AvgPool2d", "kernel_size", kernel_size, 2, 1)
        steps = self.kernel_size if stride is None else stride
        self.stride = check.per_axis("AvgPool2d", "stride", steps, 2, 1)
        self.padding = check.per_axis("AvgPool2d", "padding", padding, 2, 0)
        check_padding("AvgPool2d", self.padding, self.kernel_size)
        if divisor_override is not None:
            check.whole("AvgPool2d", "divisor_override", divisor_override, 1)
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad
        self.divisor_override = divisor_override

    def vjp(self, x: Floats, input_grad: bool = True) -> tuple[Floats, Pullback]:
        """Return the means (N, C, Hout, Wout) and their pullback."""
        y = F.avg_pool2d(
            x,
            self.kernel_size,
            stride=self.stride,
            padding=self.padding,
            ceil_mode=self.ceil_mode,
            count_include_pad=self.count_include_pad,
            divisor_override=self.divisor_override,
        )

        def pullback(grad_output: Floats) -> Floats | None:
            if not input_grad:
                return None
            return F.avg_pool2d_grad(
                grad_output,
                input_shape=x.shape,
                kernel_size=self.kernel_size,
                stride=self.stride,
                padding=self.padding,
                ceil_mode=self.ceil_mode,
                count_include_pad=self.count_include_pad,
                divisor_override=self.divisor_override,
            )

        return y, pullback

    def extra_repr(self) -> str:
        """Return the hyperparameters as text."""
        return (
            f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, "
            f"ceil_mode={self.ceil_mode}, count_include_pad={self.count_include_pad}, "
            f"divisor_override={self.divisor_override}"
        )


class ConstantPad2d(Module):
    """The layer of `scratchcnn.functional.pad` for H and W.

    Parameters
    ----------
    padding : int or (left, right, top, bottom)
        How many values are added at each edge; a negative number crops.
    value : float
        What is added.

    Examples
    --------
    >>> import numpy as np
    >>> ConstantPad2d(1, 0.0)(np.zeros((1, 3, 5, 6))).shape
    (1, 3, 7, 8)
    """

    def __init__(self, padding: int | Sequence[int], value: float) -> None:
        self.padding = check.per_axis("ConstantPad2d", "padding", padding, 4, -(10**9))
        self.value = value

    def vjp(self, x: Floats, input_grad: bool = True) -> tuple[Floats, Pullback]:
        """Return the padded array and its pullback."""

        def pullback(grad_output: Floats) -> Floats | None:
            if not input_grad:
                return None
            return F.pad_grad(grad_output, input_shape=x.shape, pad=self.padding)

        return F.pad(x, self.padding, value=self.value), pullback

    def extra_repr(self) -> str:
        """Return the hyperparameters as text."""
        return f"padding={self.padding}, value={self.value}"
