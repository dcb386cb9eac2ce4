"""Layers of windows as columns, and of columns as images."""

from __future__ import annotations

from typing import Any

from scratchcnn import functional as F
from scratchcnn.functional import _checks as check
from scratchcnn.functional._checks import Floats, PerAxis
from scratchcnn.nn.module import Module, Pullback


class Unfold(Module):
    """The layer of `scratchcnn.functional.unfold`, with its parameters.

    Raises
    ------
    TypeError, ValueError
        If a parameter has a wrong type or value; when called, as
        `scratchcnn.functional.unfold`.

    Examples
    --------
    >>> import numpy as np
    >>> Unfold((2, 3), padding=1)(np.zeros((5, 2, 4, 6))).shape
    (5, 12, 30)
    """

    def __init__(
        self,
        kernel_size: PerAxis,
        dilation: PerAxis = 1,
        padding: PerAxis = 0,
        stride: PerAxis = 1,
    ) -> None:
        self.kernel_size = check.per_axis("Unfold", "kernel_size", kernel_size, 2, 1)
        self.dilation = check.per_axis("Unfold", "dilation", dilation, 2, 1)
        self.padding = check.per_axis("Unfold", "padding", padding, 2, 0)
        self.stride = check.per_axis("Unfold", "stride", stride, 2, 1)

    def vjp(self, x: Floats, input_grad: bool = True) -> tuple[Floats, Pullback]:
        """Return the columns (N, C * KH * KW, Hout * Wout), or without N, and their pullback."""
        hyper = _windows(self)

        def pullback(grad_output: Floats) -> Floats | None:
            if not input_grad:
                return None
            return F.unfold_grad(grad_output, input_shape=x.shape, **hyper)

        return F.unfold(x, **hyper), pullback

    def extra_repr(self) -> str:
        """Return the hyperparameters as text."""
        return ", ".join(f"{name}={value}" for name, value in _windows(self).items())


class Fold(Module):
    """The layer of `scratchcnn.functional.fold`, with its parameters.

    Raises
    ------
    TypeError, ValueError
        If a parameter has a wrong type or value; when called, as `scratchcnn.functional.fold`.

    Examples
    --------
    >>> import numpy as np
    >>> Fold((4, 6), (2, 3), padding=1)(np.zeros((5, 12, 30))).shape
    (5, 2, 4, 6)
    """

    def __init__(
        self,
        output_size: PerAxis,
        kernel_size: PerAxis,
        dilation: PerAxis = 1,
        padding: PerAxis = 0,
        stride: PerAxis = 1,
    ) -> None:
        self.output_size = check.per_axis("Fold", "output_size", output_size, 2, 1)
        self.kernel_size = check.per_axis("Fold", "kernel_size", kernel_size, 2, 1)
        self.dilation = check.per_axis("Fold", "dilation", dilation, 2, 1)
        self.padding = check.per_axis("Fold", "padding", padding, 2, 0)
        self.stride = check.per_axis("Fold", "stride", stride, 2, 1)

    def vjp(self, x: Floats, input_grad: bool = True) -> tuple[Floats, Pullback]:
        """Return the images (N, C, H, W), or without N, and their pullback."""
        hyper = _windows(self)

        def pullback(grad_output: Floats) -> Floats | None:
            return F.fold_grad(grad_output, **hyper) if input_grad else None

        return F.fold(x, self.output_size, **hyper), pullback

    def extra_repr(self) -> str:
        """Return the hyperparameters as text."""
        windows = ", ".join(f"{name}={value}" for name, value in _windows(self).items())
        return f"output_size={self.output_size}, {windows}"


def _windows(layer: Unfold | Fold) -> dict[str, Any]:
    names = ("kernel_size", "dilation", "padding", "stride")
    return {name: getattr(layer, name) for name in names}
