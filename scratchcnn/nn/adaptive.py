"""Layers of adaptive pooling."""

from __future__ import annotations

from typing import Any

from scratchcnn.functional import _checks as check
from scratchcnn.functional._checks import Floats
from scratchcnn.functional.adaptive import OutputSize, adaptive_sizes
from scratchcnn.nn.module import Pullback
from scratchcnn.nn.named import Named
from scratchcnn.nn.pooling import Pooling


class _AdaptiveAvgPool(Named, Pooling):
    """Adaptive average pooling over some axes."""

    _function = "adaptive_avg_pool"
    _options = ("output_size",)

    def __init__(self, output_size: OutputSize) -> None:
        # Any size serves where that of the input is kept.
        adaptive_sizes(type(self).__name__, output_size, (1,) * self._axes)
        self.output_size = output_size

    def vjp(self, x: Floats, input_grad: bool = True) -> tuple[Floats, Pullback]:
        """Return the means and their pullback."""

        def pullback(grad_output: Floats) -> Floats | None:
            return self._grad(grad_output, input_shape=x.shape) if input_grad else None

        return self._pooled(x), pullback


class AdaptiveAvgPool1d(_AdaptiveAvgPool):
    """The layer of `scratchcnn.functional.adaptive_avg_pool1d`.

    Parameters
    ----------
    output_size
        As in `scratchcnn.functional.adaptive_avg_pool1d`.

    Raises
    ------
    TypeError, ValueError
        If a size is no positive integer, or there are more or fewer than axes; when called, if
        the input is not (N, C, L) or (C, L) of floats.

    Examples
    --------
    >>> import numpy as np
    >>> AdaptiveAvgPool1d(4)(np.zeros((2, 8, 9))).shape
    (2, 8, 4)
    """

    _axes = 1


class AdaptiveAvgPool2d(_AdaptiveAvgPool):
    """The layer of `scratchcnn.functional.adaptive_avg_pool2d`.

    ``AdaptiveAvgPool2d(1)`` is global average pooling: it gives images of any size one value per
    channel, which a `Flatten` and a `Linear` can follow.

    Parameters
    ----------
    output_size
        As in `scratchcnn.functional.adaptive_avg_pool2d`.

    Raises
    ------
    TypeError, ValueError
        If a size is no positive integer, or there are more or fewer than axes; when called, if
        the input is not (N, C, H, W) or (C, H, W) of floats.

    Examples
    --------
    >>> import numpy as np
    >>> AdaptiveAvgPool2d(1)(np.zeros((2, 8, 5, 7))).shape
    (2, 8, 1, 1)
    """

    _axes = 2


class AdaptiveAvgPool3d(_AdaptiveAvgPool):
    """The layer of `scratchcnn.functional.adaptive_avg_pool3d`.

    Parameters
    ----------
    output_size
        As in `scratchcnn.functional.adaptive_avg_pool3d`.

    Raises
    ------
    TypeError, ValueError
        If a size is no positive integer, or there are more or fewer than axes; when called, if
        the input is not (N, C, D, H, W) or (C, D, H, W) of floats.

    Examples
    --------
    >>> import numpy as np
    >>> AdaptiveAvgPool3d((None, 2, 1))(np.zeros((2, 8, 4, 6, 7))).shape
    (2, 8, 4, 2, 1)
    """

    _axes = 3


class _AdaptiveMaxPool(Named, Pooling):
    """Adaptive max pooling over some axes."""

    _function = "adaptive_max_pool"
    _options = ("output_size",)

    def __init__(self, output_size: OutputSize, return_indices: bool = False) -> None:
        adaptive_sizes(type(self).__name__, output_size, (1,) * self._axes)
        self.output_size = output_size
        self.return_indices = check.flag(type(self).__name__, "return_indices", return_indices)

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


class AdaptiveMaxPool1d(_AdaptiveMaxPool):
    """The layer of `scratchcnn.functional.adaptive_max_pool1d`.

    Parameters
    ----------
    output_size, return_indices
        As in `scratchcnn.functional.adaptive_max_pool1d`.

    Raises
    ------
    TypeError, ValueError
        If a size is no positive integer, or there are more or fewer than axes; when called, if
        the input is not (N, C, L) or (C, L) of floats.

    Examples
    --------
    >>> import numpy as np
    >>> AdaptiveMaxPool1d(4)(np.zeros((2, 8, 9))).shape
    (2, 8, 4)
    """

    _axes = 1


class AdaptiveMaxPool2d(_AdaptiveMaxPool):
    """The layer of `scratchcnn.functional.adaptive_max_pool2d`.

    Parameters
    ----------
    output_size, return_indices
        As in `scratchcnn.functional.adaptive_max_pool2d`.

    Raises
    ------
    TypeError, ValueError
        If a size is no positive integer, or there are more or fewer than axes; when called, if
        the input is not (N, C, H, W) or (C, H, W) of floats.

    Examples
    --------
    >>> import numpy as np
    >>> AdaptiveMaxPool2d((3, None))(np.zeros((2, 8, 5, 7))).shape
    (2, 8, 3, 7)
    """

    _axes = 2


class AdaptiveMaxPool3d(_AdaptiveMaxPool):
    """The layer of `scratchcnn.functional.adaptive_max_pool3d`.

    Parameters
    ----------
    output_size, return_indices
        As in `scratchcnn.functional.adaptive_max_pool3d`.

    Raises
    ------
    TypeError, ValueError
        If a size is no positive integer, or there are more or fewer than axes; when called, if
        the input is not (N, C, D, H, W) or (C, D, H, W) of floats.

    Examples
    --------
    >>> import numpy as np
    >>> AdaptiveMaxPool3d((None, 2, 1))(np.zeros((2, 8, 4, 6, 7))).shape
    (2, 8, 4, 2, 1)
    """

    _axes = 3
