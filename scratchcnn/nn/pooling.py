"""Layers of pooling."""

from __future__ import annotations

from typing import Any

from scratchcnn import functional as F
from scratchcnn.functional import _checks as check
from scratchcnn.functional._checks import Floats, PerAxis
from scratchcnn.functional.average_pooling import check_divisor
from scratchcnn.functional.lp_pooling import exponent
from scratchcnn.functional.pooling import check_padding
from scratchcnn.nn.module import Module, Pullback
from scratchcnn.nn.named import Named


class Pooling(Module):
    """What the poolings share: the functions for their axes, and the options of these."""

    _axes: int
    _function: str
    _options: tuple[str, ...]

    def _pooled(self, *arrays: Any, **more: Any) -> Any:
        return self._call("", *arrays, **more)

    def _grad(self, *arrays: Any, **more: Any) -> Floats:
        grad: Floats = self._call("_grad", *arrays, **more)
        return grad

    def _call(self, suffix: str, *arrays: Any, **more: Any) -> Any:
        function = getattr(F, f"{self._function}{self._axes}d{suffix}")
        options = {name: getattr(self, name) for name in self._options}
        return function(*arrays, **options, **more)

    def _set_windows(self, kernel_size: PerAxis, stride: PerAxis | None, padding: PerAxis) -> None:
        name, axes = type(self).__name__, self._axes
        self.kernel_size = check.window(name, "kernel_size", kernel_size, axes, 1)
        steps = self.kernel_size if stride is None else stride
        self.stride = check.window(name, "stride", steps, axes, 1)
        self.padding = check.window(name, "padding", padding, axes, 0)

    def extra_repr(self) -> str:
        """Return the hyperparameters as text."""
        return ", ".join(f"{name}={getattr(self, name)}" for name in self._options)


class _MaxPool(Named, Pooling):
    """Max pooling over some axes."""

    _function = "max_pool"
    _options = ("kernel_size", "stride", "padding", "dilation", "ceil_mode")

    def __init__(
        self,
        kernel_size: PerAxis,
        stride: PerAxis | None = None,
        padding: PerAxis = 0,
        dilation: PerAxis = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ) -> None:
        name = type(self).__name__
        self._set_windows(kernel_size, stride, padding)
        self.dilation = check.window(name, "dilation", dilation, self._axes, 1)
        check_padding(name, self.padding, self.kernel_size)
        self.return_indices = check.flag(name, "return_indices", return_indices)
        self.ceil_mode = check.flag(name, "ceil_mode", ceil_mode)

    def vjp(self, x: Floats, input_grad: bool = True) -> tuple[Any, Pullback]:
        """Return the maxima, with ``return_indices=True`` a `MaxPool`, and their pullback."""
        if not (input_grad or self.return_indices):
            return self._pooled(x), lambda grad_output: None
        pooled = self._pooled(x, return_indices=True)

        def pullback(grad_output: Floats) -> Floats | None:
            if not input_grad:
                return None
            return self._grad(grad_output, pooled.indices, input_shape=x.shape)

        return (pooled if self.return_indices else pooled.output), pullback


class MaxPool1d(_MaxPool):
    """The layer of `scratchcnn.functional.max_pool1d`.

    Parameters
    ----------
    kernel_size, stride, padding, dilation, return_indices, ceil_mode
        As in `scratchcnn.functional.max_pool1d`.

    Raises
    ------
    TypeError, ValueError
        If a parameter has a wrong type or value, or `padding` is more than half of
        `kernel_size`; when called, if the input is not (N, C, L) or (C, L) of floats, or
        smaller than a window.

    Examples
    --------
    >>> import numpy as np
    >>> MaxPool1d(2)(np.zeros((1, 3, 6))).shape
    (1, 3, 3)
    """

    _axes = 1


class MaxPool2d(_MaxPool):
    """The layer of `scratchcnn.functional.max_pool2d`.

    Parameters
    ----------
    kernel_size, stride, padding, dilation, return_indices, ceil_mode
        As in `scratchcnn.functional.max_pool2d`.

    Raises
    ------
    TypeError, ValueError
        If a parameter has a wrong type or value, or `padding` is more than half of
        `kernel_size`; when called, if the input is not (N, C, H, W) or (C, H, W) of floats, or
        smaller than a window.

    Examples
    --------
    >>> import numpy as np
    >>> MaxPool2d(2)(np.zeros((1, 3, 5, 6))).shape
    (1, 3, 2, 3)
    """

    _axes = 2


class MaxPool3d(_MaxPool):
    """The layer of `scratchcnn.functional.max_pool3d`.

    Parameters
    ----------
    kernel_size, stride, padding, dilation, return_indices, ceil_mode
        As in `scratchcnn.functional.max_pool3d`.

    Raises
    ------
    TypeError, ValueError
        If a parameter has a wrong type or value, or `padding` is more than half of
        `kernel_size`; when called, if the input is not (N, C, D, H, W) or (C, D, H, W) of
        floats, or smaller than a window.

    Examples
    --------
    >>> import numpy as np
    >>> MaxPool3d(2)(np.zeros((1, 3, 4, 5, 6))).shape
    (1, 3, 2, 2, 3)
    """

    _axes = 3


class _AvgPool(Named, Pooling):
    """Average pooling over some axes."""

    _function = "avg_pool"
    _options: tuple[str, ...] = (
        "kernel_size",
        "stride",
        "padding",
        "ceil_mode",
        "count_include_pad",
        "divisor_override",
    )

    def __init__(
        self,
        kernel_size: PerAxis,
        stride: PerAxis | None = None,
        padding: PerAxis = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None:
        name = type(self).__name__
        self._set_windows(kernel_size, stride, padding)
        check_padding(name, self.padding, self.kernel_size)
        if divisor_override is not None:
            check_divisor(name, divisor_override)
        self.ceil_mode = check.flag(name, "ceil_mode", ceil_mode)
        self.count_include_pad = check.flag(name, "count_include_pad", count_include_pad)
        self.divisor_override = divisor_override

    def vjp(self, x: Floats, input_grad: bool = True) -> tuple[Floats, Pullback]:
        """Return the means and their pullback."""

        def pullback(grad_output: Floats) -> Floats | None:
            return self._grad(grad_output, input_shape=x.shape) if input_grad else None

        return self._pooled(x), pullback


class AvgPool1d(_AvgPool):
    """The layer of `scratchcnn.functional.avg_pool1d`.

    Parameters
    ----------
    kernel_size, stride, padding, ceil_mode, count_include_pad
        As in `scratchcnn.functional.avg_pool1d`.

    Raises
    ------
    TypeError, ValueError
        If a parameter has a wrong type or value, or `padding` is more than half of
        `kernel_size`; when called, if the input is not (N, C, L) or (C, L) of floats, or
        smaller than a window.

    Examples
    --------
    >>> import numpy as np
    >>> AvgPool1d(2)(np.zeros((1, 3, 6))).shape
    (1, 3, 3)
    """

    _axes = 1
    _options = ("kernel_size", "stride", "padding", "ceil_mode", "count_include_pad")

    def __init__(
        self,
        kernel_size: PerAxis,
        stride: PerAxis | None = None,
        padding: PerAxis = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:
        super().__init__(kernel_size, stride, padding, ceil_mode, count_include_pad)


class AvgPool2d(_AvgPool):
    """The layer of `scratchcnn.functional.avg_pool2d`.

    Parameters
    ----------
    kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override
        As in `scratchcnn.functional.avg_pool2d`.

    Raises
    ------
    TypeError, ValueError
        If a parameter has a wrong type or value, or `padding` is more than half of
        `kernel_size`; when called, if the input is not (N, C, H, W) or (C, H, W) of floats, or
        smaller than a window.

    Examples
    --------
    >>> import numpy as np
    >>> AvgPool2d(2)(np.zeros((1, 3, 5, 6))).shape
    (1, 3, 2, 3)
    """

    _axes = 2


class AvgPool3d(_AvgPool):
    """The layer of `scratchcnn.functional.avg_pool3d`.

    Parameters
    ----------
    kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override
        As in `scratchcnn.functional.avg_pool3d`.

    Raises
    ------
    TypeError, ValueError
        If a parameter has a wrong type or value, or `padding` is more than half of
        `kernel_size`; when called, if the input is not (N, C, D, H, W) or (C, D, H, W) of
        floats, or smaller than a window.

    Examples
    --------
    >>> import numpy as np
    >>> AvgPool3d(2)(np.zeros((1, 3, 4, 5, 6))).shape
    (1, 3, 2, 2, 3)
    """

    _axes = 3


class _LPPool(Named, Pooling):
    """Power-average pooling over some axes."""

    _function = "lp_pool"
    _options = ("norm_type", "kernel_size", "stride", "ceil_mode")

    def __init__(
        self,
        norm_type: float,
        kernel_size: PerAxis,
        stride: PerAxis | None = None,
        ceil_mode: bool = False,
    ) -> None:
        self.norm_type = exponent(type(self).__name__, norm_type)
        self._set_windows(kernel_size, stride, 0)
        self.ceil_mode = check.flag(type(self).__name__, "ceil_mode", ceil_mode)

    def vjp(self, x: Floats, input_grad: bool = True) -> tuple[Floats, Pullback]:
        """Return the p-norms and their pullback."""
        y = self._pooled(x)

        def pullback(grad_output: Floats) -> Floats | None:
            return self._grad(grad_output, x, y) if input_grad else None

        return y, pullback


class LPPool1d(_LPPool):
    """The layer of `scratchcnn.functional.lp_pool1d`.

    Parameters
    ----------
    norm_type, kernel_size, stride, ceil_mode
        As in `scratchcnn.functional.lp_pool1d`.

    Raises
    ------
    TypeError, ValueError
        If `norm_type` is 0 or no number, or another parameter has a wrong type or value; when
        called, if the input is not (N, C, L) or (C, L) of floats, or smaller than a window.

    Examples
    --------
    >>> import numpy as np
    >>> LPPool1d(2, 2)(np.zeros((1, 3, 6))).shape
    (1, 3, 3)
    """

    _axes = 1


class LPPool2d(_LPPool):
    """The layer of `scratchcnn.functional.lp_pool2d`.

    Parameters
    ----------
    norm_type, kernel_size, stride, ceil_mode
        As in `scratchcnn.functional.lp_pool2d`.

    Raises
    ------
    TypeError, ValueError
        If `norm_type` is 0 or no number, or another parameter has a wrong type or value; when
        called, if the input is not (N, C, H, W) or (C, H, W) of floats, or smaller than a
        window.

    Examples
    --------
    >>> import numpy as np
    >>> LPPool2d(2, 2)(np.zeros((1, 3, 5, 6))).shape
    (1, 3, 2, 3)
    """

    _axes = 2


class LPPool3d(_LPPool):
    """The layer of `scratchcnn.functional.lp_pool3d`.

    Parameters
    ----------
    norm_type, kernel_size, stride, ceil_mode
        As in `scratchcnn.functional.lp_pool3d`.

    Raises
    ------
    TypeError, ValueError
        If `norm_type` is 0 or no number, or another parameter has a wrong type or value; when
        called, if the input is not (N, C, D, H, W) or (C, D, H, W) of floats, or smaller than a
        window.

    Examples
    --------
    >>> import numpy as np
    >>> LPPool3d(2, 2)(np.zeros((1, 3, 4, 5, 6))).shape
    (1, 3, 2, 2, 3)
    """

    _axes = 3
