"""Layers of padding."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from scratchcnn import functional as F
from scratchcnn.functional import _checks as check
from scratchcnn.functional._checks import Floats
from scratchcnn.functional.padding import fill_value
from scratchcnn.nn.module import Module, Pullback
from scratchcnn.nn.named import Named


class _Pad(Named, Module):
    """What all layers of padding do: `scratchcnn.functional.pad` for so many last axes."""

    axes: ClassVar[int]
    mode: ClassVar[str] = "constant"
    value: float = 0.0

    def __init__(self, padding: int | Sequence[int]) -> None:
        name = type(self).__name__
        self.padding = check.per_axis(name, "padding", padding, 2 * self.axes, check.SMALLEST)

    def vjp(self, x: Floats, input_grad: bool = True) -> tuple[Floats, Pullback]:
        """Return the padded array and its pullback."""

        def pullback(grad_output: Floats) -> Floats | None:
            if not input_grad:
                return None
            return F.pad_grad(grad_output, input_shape=x.shape, pad=self.padding, mode=self.mode)

        return F.pad(x, self.padding, mode=self.mode, value=self.value), pullback

    def extra_repr(self) -> str:
        """Return the hyperparameters as text."""
        return f"padding={self.padding}"


class _ConstantPad(_Pad):
    """What the layers do that pad with any value."""

    def __init__(self, padding: int | Sequence[int], value: float | None) -> None:
        super().__init__(padding)
        self.value = fill_value(type(self).__name__, value)

    def extra_repr(self) -> str:
        """Return the hyperparameters as text."""
        return f"padding={self.padding}, value={self.value}"


class ConstantPad1d(_ConstantPad):
    """The layer of `scratchcnn.functional.pad` for L.

    Parameters
    ----------
    padding : int or (left, right)
        How many values are added at each edge; a negative number crops.
    value : float, optional
        What is added; None is 0.

    Raises
    ------
    TypeError, ValueError
        If `padding` is neither an integer nor two, or `value` no number; when called, if more
        is cropped than there is.

    Examples
    --------
    >>> import numpy as np
    >>> ConstantPad1d((2, 1), 7.0)(np.zeros((1, 1, 2)))
    array([[[7., 7., 0., 0., 7.]]])
    """

    axes = 1


class ConstantPad2d(_ConstantPad):
    """The layer of `scratchcnn.functional.pad` for H and W.

    Parameters
    ----------
    padding : int or (left, right, top, bottom)
        How many values are added at each edge; a negative number crops.
    value : float, optional
        What is added; None is 0.

    Raises
    ------
    TypeError, ValueError
        If `padding` is neither an integer nor four, or `value` no number; when called, if more
        is cropped than there is.

    Examples
    --------
    >>> import numpy as np
    >>> ConstantPad2d(1, 0.0)(np.zeros((1, 3, 5, 6))).shape
    (1, 3, 7, 8)
    """

    axes = 2


class ConstantPad3d(_ConstantPad):
    """The layer of `scratchcnn.functional.pad` for D, H and W.

    Parameters
    ----------
    padding : int or (left, right, top, bottom, front, back)
        How many values are added at each edge; a negative number crops.
    value : float, optional
        What is added; None is 0.

    Raises
    ------
    TypeError, ValueError
        If `padding` is neither an integer nor six, or `value` no number; when called, if more
        is cropped than there is.

    Examples
    --------
    >>> import numpy as np
    >>> ConstantPad3d((1, 1, 0, 0, 2, 0), 0.0)(np.zeros((1, 3, 4, 5, 6))).shape
    (1, 3, 6, 5, 8)
    """

    axes = 3


class ZeroPad1d(_Pad):
    """The layer that adds zeros around L: `scratchcnn.functional.pad`.

    Parameters
    ----------
    padding : int or (left, right)
        How many zeros are added at each edge; a negative number crops.

    Raises
    ------
    TypeError, ValueError
        If `padding` is neither an integer nor two; when called, if more is cropped than there
        is.

    Examples
    --------
    >>> import numpy as np
    >>> ZeroPad1d((2, 1))(np.array([[[1.0, 2.0, 3.0]]]))
    array([[[0., 0., 1., 2., 3., 0.]]])
    """

    axes = 1


class ZeroPad2d(_Pad):
    """The layer that adds zeros around H and W: `scratchcnn.functional.pad`.

    Parameters
    ----------
    padding : int or (left, right, top, bottom)
        How many zeros are added at each edge; a negative number crops.

    Raises
    ------
    TypeError, ValueError
        If `padding` is neither an integer nor four; when called, if more is cropped than there
        is.

    Examples
    --------
    >>> import numpy as np
    >>> ZeroPad2d((1, 2, 0, 1))(np.zeros((1, 3, 5, 6))).shape
    (1, 3, 6, 9)
    """

    axes = 2


class ZeroPad3d(_Pad):
    """The layer that adds zeros around D, H and W: `scratchcnn.functional.pad`.

    Parameters
    ----------
    padding : int or (left, right, top, bottom, front, back)
        How many zeros are added at each edge; a negative number crops.

    Raises
    ------
    TypeError, ValueError
        If `padding` is neither an integer nor six; when called, if more is cropped than there
        is.

    Examples
    --------
    >>> import numpy as np
    >>> ZeroPad3d((1, 2, 0, 1, 1, 1))(np.zeros((1, 3, 4, 5, 6))).shape
    (1, 3, 6, 6, 9)
    """

    axes = 3


class ReflectionPad1d(_Pad):
    """The layer that adds what is mirrored at the edges of L: `scratchcnn.functional.pad`.

    Parameters
    ----------
    padding : int or (left, right)
        How many values are added at each edge, less than there are; a negative number crops.

    Raises
    ------
    TypeError, ValueError
        If `padding` is neither an integer nor two; when called, if the input is not (N, C, L)
        or (C, L), smaller than `padding` allows, or nothing is left of it.

    Examples
    --------
    >>> import numpy as np
    >>> ReflectionPad1d((2, 1))(np.array([[[1.0, 2.0, 3.0]]]))
    array([[[3., 2., 1., 2., 3., 2.]]])
    """

    axes = 1
    mode = "reflect"


class ReflectionPad2d(_Pad):
    """The layer that adds what is mirrored at the edges of H and W: `scratchcnn.functional.pad`.

    Parameters
    ----------
    padding : int or (left, right, top, bottom)
        How many values are added at each edge, less than there are; a negative number crops.

    Raises
    ------
    TypeError, ValueError
        If `padding` is neither an integer nor four; when called, if the input is not
        (N, C, H, W) or (C, H, W), smaller than `padding` allows, or nothing is left of it.

    Examples
    --------
    >>> import numpy as np
    >>> ReflectionPad2d((1, 2, 0, 1))(np.zeros((1, 3, 5, 6))).shape
    (1, 3, 6, 9)
    """

    axes = 2
    mode = "reflect"


class ReflectionPad3d(_Pad):
    """The layer that adds what is mirrored at the edges of D, H and W: `scratchcnn.functional.pad`.

    Parameters
    ----------
    padding : int or (left, right, top, bottom, front, back)
        How many values are added at each edge, less than there are; a negative number crops.

    Raises
    ------
    TypeError, ValueError
        If `padding` is neither an integer nor six; when called, if the input is not
        (N, C, D, H, W) or (C, D, H, W), smaller than `padding` allows, or nothing is left of
        it.

    Examples
    --------
    >>> import numpy as np
    >>> ReflectionPad3d((1, 2, 0, 1, 1, 1))(np.zeros((1, 3, 4, 5, 6))).shape
    (1, 3, 6, 6, 9)
    """

    axes = 3
    mode = "reflect"


class ReplicationPad1d(_Pad):
    """The layer that adds copies of the edges of L: `scratchcnn.functional.pad`.

    Parameters
    ----------
    padding : int or (left, right)
        How many values are added at each edge; a negative number crops.

    Raises
    ------
    TypeError, ValueError
        If `padding` is neither an integer nor two; when called, if the input is not (N, C, L)
        or (C, L), or nothing is left of it.

    Examples
    --------
    >>> import numpy as np
    >>> ReplicationPad1d((2, 1))(np.array([[[1.0, 2.0, 3.0]]]))
    array([[[1., 1., 1., 2., 3., 3.]]])
    """

    axes = 1
    mode = "replicate"


class ReplicationPad2d(_Pad):
    """The layer that adds copies of the edges of H and W: `scratchcnn.functional.pad`.

    Parameters
    ----------
    padding : int or (left, right, top, bottom)
        How many values are added at each edge; a negative number crops.

    Raises
    ------
    TypeError, ValueError
        If `padding` is neither an integer nor four; when called, if the input is not
        (N, C, H, W) or (C, H, W), or nothing is left of it.

    Examples
    --------
    >>> import numpy as np
    >>> ReplicationPad2d((1, 2, 0, 1))(np.zeros((1, 3, 5, 6))).shape
    (1, 3, 6, 9)
    """

    axes = 2
    mode = "replicate"


class ReplicationPad3d(_Pad):
    """The layer that adds copies of the edges of D, H and W: `scratchcnn.functional.pad`.

    Parameters
    ----------
    padding : int or (left, right, top, bottom, front, back)
        How many values are added at each edge; a negative number crops.

    Raises
    ------
    TypeError, ValueError
        If `padding` is neither an integer nor six; when called, if the input is not
        (N, C, D, H, W) or (C, D, H, W), or nothing is left of it.

    Examples
    --------
    >>> import numpy as np
    >>> ReplicationPad3d((1, 2, 0, 1, 1, 1))(np.zeros((1, 3, 4, 5, 6))).shape
    (1, 3, 6, 6, 9)
    """

    axes = 3
    mode = "replicate"


class CircularPad1d(_Pad):
    """The layer that adds what is at the other end of L: `scratchcnn.functional.pad`.

    Parameters
    ----------
    padding : int or (left, right)
        How many values are added at each edge, not more than there are; a negative number crops.

    Raises
    ------
    TypeError, ValueError
        If `padding` is neither an integer nor two; when called, if the input is not (N, C, L)
        or (C, L), smaller than `padding` allows, or nothing is left of it.

    Examples
    --------
    >>> import numpy as np
    >>> CircularPad1d((2, 1))(np.array([[[1.0, 2.0, 3.0]]]))
    array([[[2., 3., 1., 2., 3., 1.]]])
    """

    axes = 1
    mode = "circular"


class CircularPad2d(_Pad):
    """The layer that adds what is at the other end of H and W: `scratchcnn.functional.pad`.

    Parameters
    ----------
    padding : int or (left, right, top, bottom)
        How many values are added at each edge, not more than there are; a negative number crops.

    Raises
    ------
    TypeError, ValueError
        If `padding` is neither an integer nor four; when called, if the input is not
        (N, C, H, W) or (C, H, W), smaller than `padding` allows, or nothing is left of it.

    Examples
    --------
    >>> import numpy as np
    >>> CircularPad2d((1, 2, 0, 1))(np.zeros((1, 3, 5, 6))).shape
    (1, 3, 6, 9)
    """

    axes = 2
    mode = "circular"


class CircularPad3d(_Pad):
    """The layer that adds what is at the other end of D, H and W: `scratchcnn.functional.pad`.

    Parameters
    ----------
    padding : int or (left, right, top, bottom, front, back)
        How many values are added at each edge, not more than there are; a negative number crops.

    Raises
    ------
    TypeError, ValueError
        If `padding` is neither an integer nor six; when called, if the input is not
        (N, C, D, H, W) or (C, D, H, W), smaller than `padding` allows, or nothing is left of
        it.

    Examples
    --------
    >>> import numpy as np
    >>> CircularPad3d((1, 2, 0, 1, 1, 1))(np.zeros((1, 3, 4, 5, 6))).shape
    (1, 3, 6, 6, 9)
    """

    axes = 3
    mode = "circular"
