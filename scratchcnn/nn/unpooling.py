"""Layers of max-unpooling."""

from __future__ import annotations

from collections.abc import Sequence

from scratchcnn import functional as F
from scratchcnn.functional._checks import Floats, PerAxis
from scratchcnn.functional.pooling import Indices
from scratchcnn.nn.module import Pullback
from scratchcnn.nn.named import Named
from scratchcnn.nn.pooling import Pooling


class _MaxUnpool(Named, Pooling):
    """Max-unpooling over some axes."""

    _function = "max_unpool"
    _options = ("kernel_size", "stride", "padding")

    def __init__(
        self, kernel_size: PerAxis, stride: PerAxis | None = None, padding: PerAxis = 0
    ) -> None:
        self._set_windows(kernel_size, stride, padding)

    def vjp(  # type: ignore[override]
        self,
        x: Floats,
        indices: Indices,
        output_size: Sequence[int] | None = None,
        input_grad: bool = True,
    ) -> tuple[Floats, Pullback]:
        """Return zeros with `x` at `indices`, and the pullback to `x`."""

        def pullback(grad_output: Floats) -> Floats | None:
            gradient = getattr(F, f"{self._function}{self._axes}d_grad")
            return gradient(grad_output, indices) if input_grad else None

        return self._pooled(x, indices, output_size=output_size), pullback

    def __call__(  # type: ignore[override]
        self, x: Floats, indices: Indices, output_size: Sequence[int] | None = None
    ) -> Floats:
        """Return zeros with `x` at `indices`."""
        return self.vjp(x, indices, output_size, input_grad=False)[0]


class MaxUnpool1d(_MaxUnpool):
    """The layer of `scratchcnn.functional.max_unpool1d`.

    Parameters
    ----------
    kernel_size, stride, padding
        As in `scratchcnn.functional.max_unpool1d`.

    Raises
    ------
    TypeError, ValueError
        If a parameter has a wrong type or value; when called, as
        `scratchcnn.functional.max_unpool1d`.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchcnn.nn import MaxPool1d
    >>> y, indices = MaxPool1d(2, return_indices=True)(np.ones((1, 3, 6)))
    >>> MaxUnpool1d(2)(y, indices).shape
    (1, 3, 6)
    """

    _axes = 1


class MaxUnpool2d(_MaxUnpool):
    """The layer of `scratchcnn.functional.max_unpool2d`.

    Parameters
    ----------
    kernel_size, stride, padding
        As in `scratchcnn.functional.max_unpool2d`.

    Raises
    ------
    TypeError, ValueError
        If a parameter has a wrong type or value; when called, as
        `scratchcnn.functional.max_unpool2d`.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchcnn.nn import MaxPool2d
    >>> y, indices = MaxPool2d(2, return_indices=True)(np.ones((1, 3, 4, 6)))
    >>> MaxUnpool2d(2)(y, indices).shape
    (1, 3, 4, 6)
    """

    _axes = 2


class MaxUnpool3d(_MaxUnpool):
    """The layer of `scratchcnn.functional.max_unpool3d`.

    Parameters
    ----------
    kernel_size, stride, padding
        As in `scratchcnn.functional.max_unpool3d`.

    Raises
    ------
    TypeError, ValueError
        If a parameter has a wrong type or value; when called, as
        `scratchcnn.functional.max_unpool3d`.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchcnn.nn import MaxPool3d
    >>> y, indices = MaxPool3d(2, return_indices=True)(np.ones((1, 3, 4, 2, 6)))
    >>> MaxUnpool3d(2)(y, indices).shape
    (1, 3, 4, 2, 6)
    """

    _axes = 3
