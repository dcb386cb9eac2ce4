"""Layers of layer, group, root-mean-square and local response normalization."""

from __future__ import annotations

import numpy as np
from numpy.typing import DTypeLike

from scratchcnn import functional as F
from scratchcnn.functional import _checks as check
from scratchcnn.functional._checks import Floats, PerAxis
from scratchcnn.nn.module import Module, Pullback
from scratchcnn.nn.normalization import ones_and_zeros
from scratchcnn.nn.parameter import Parameter


class LayerNorm(Module):
    """The layer of `scratchcnn.functional.layer_norm`.

    Parameters
    ----------
    normalized_shape : int or tuple of int
        The sizes of the last axes, at least one.
    eps : float
        Added to the variance.
    elementwise_affine : bool
        Whether there is a weight for each element.
    bias : bool
        Whether there is a bias for each element, with `elementwise_affine`.
    dtype : dtype
        float32 or float64; None is float32.

    Attributes
    ----------
    weight, bias : Parameter of `normalized_shape`, or None
        At first ones and zeros.

    Raises
    ------
    TypeError, ValueError
        If a parameter has a wrong type or value.

    Examples
    --------
    >>> LayerNorm(2)(np.array([[1, 3], [5, 9]], np.float32)).round(3)
    array([[-1.,  1.],
           [-1.,  1.]], dtype=float32)
    """

    def __init__(
        self,
        normalized_shape: PerAxis,
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        *,
        dtype: DTypeLike | None = np.float32,
    ) -> None:
        name = "LayerNorm"
        self.normalized_shape = _shape(name, normalized_shape)
        self.eps = check.real(name, "eps", eps, 0)
        self.elementwise_affine = check.flag(name, "elementwise_affine", elementwise_affine)
        check.flag(name, "bias", bias)
        ones, zeros = ones_and_zeros(name, self.normalized_shape, dtype)
        self.weight = Parameter(ones) if elementwise_affine else None
        self.bias = Parameter(zeros) if elementwise_affine and bias else None

    def vjp(self, x: Floats, input_grad: bool = True) -> tuple[Floats, Pullback]:
        """Return the normalized input and its pullback."""
        weight, bias = self.weight, self.bias
        scale = None if weight is None else weight.data
        shift = None if bias is None else bias.data
        y = F.layer_norm(x, self.normalized_shape, scale, shift, eps=self.eps)

        def pullback(grad_output: Floats) -> Floats | None:
            grads = F.layer_norm_grads(
                grad_output, x, scale, normalized_shape=self.normalized_shape, eps=self.eps
            )
            if weight is not None:
                weight.accumulate(grads.weight)
            if bias is not None:
                bias.accumulate(grads.bias)
            return grads.input if input_grad else None

        return y, pullback

    def extra_repr(self) -> str:
        """Return the hyperparameters as text."""
        return (
            f"{self.normalized_shape}, eps={self.eps:g}, "
            f"elementwise_affine={self.elementwise_affine}, bias={self.bias is not None}"
        )


class RMSNorm(Module):
    """The layer of `scratchcnn.functional.rms_norm`.

    Parameters
    ----------
    normalized_shape : int or tuple of int
        The sizes of the last axes, at least one.
    eps : float, optional
        Added to the mean of the squares; the spacing of the dtype at 1 if None.
    elementwise_affine : bool
        Whether there is a weight for each element.
    dtype : dtype
        float32 or float64; None is float32.

    Attributes
    ----------
    weight : Parameter of `normalized_shape`, or None
        At first ones.

    Raises
    ------
    TypeError, ValueError
        If a parameter has a wrong type or value.

    Examples
    --------
    >>> RMSNorm(4, dtype=np.float64)(np.array([3.0, 4.0, 0.0, 0.0]))
    array([1.2, 1.6, 0. , 0. ])
    """

    def __init__(
        self,
        normalized_shape: PerAxis,
        eps: float | None = None,
        elementwise_affine: bool = True,
        *,
        dtype: DTypeLike | None = np.float32,
    ) -> None:
        name = "RMSNorm"
        self.normalized_shape = _shape(name, normalized_shape)
        self.eps = None if eps is None else check.real(name, "eps", eps, 0)
        self.elementwise_affine = check.flag(name, "elementwise_affine", elementwise_affine)
        ones, _ = ones_and_zeros(name, self.normalized_shape, dtype)
        self.weight = Parameter(ones) if elementwise_affine else None

    def vjp(self, x: Floats, input_grad: bool = True) -> tuple[Floats, Pullback]:
        """Return the normalized input and its pullback."""
        weight = self.weight
        scale = None if weight is None else weight.data

        def pullback(grad_output: Floats) -> Floats | None:
            grads = F.rms_norm_grads(
                grad_output, x, scale, normalized_shape=self.normalized_shape, eps=self.eps
            )
            if weight is not None:
                weight.accumulate(grads.weight)
            return grads.input if input_grad else None

        return F.rms_norm(x, self.normalized_shape, scale, eps=self.eps), pullback

    def extra_repr(self) -> str:
        """Return the hyperparameters as text."""
        return (
            f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"
        )


class GroupNorm(Module):
    """The layer of `scratchcnn.functional.group_norm`.

    Parameters
    ----------
    num_groups, num_channels : int
        The first divides the second.
    eps : float
        Added to the variance.
    affine : bool
        Whether there is a weight for each channel.
    bias : bool
        Whether there is a bias for each channel, with `affine`.
    dtype : dtype
        float32 or float64; None is float32.

    Attributes
    ----------
    weight, bias : Parameter (C,), or None
        At first ones and zeros.

    Raises
    ------
    TypeError, ValueError
        If a parameter has a wrong type or value.

    Examples
    --------
    >>> GroupNorm(2, 4)(np.array([[1, 3, 5, 9]], np.float32)).round(3)
    array([[-1.,  1., -1.,  1.]], dtype=float32)
    """

    def __init__(
        self,
        num_groups: int,
        num_channels: int,
        eps: float = 1e-5,
        affine: bool = True,
        *,
        bias: bool = True,
        dtype: DTypeLike | None = np.float32,
    ) -> None:
        name = "GroupNorm"
        self.num_groups = check.whole(name, "num_groups", num_groups, 1)
        self.num_channels = check.whole(name, "num_channels", num_channels, 1)
        if self.num_channels % self.num_groups:
            raise ValueError(
                f"{name}: num_channels is {self.num_channels}, "
                f"expected a multiple of num_groups={self.num_groups}"
            )
        self.eps = check.real(name, "eps", eps, 0)
        self.affine = check.flag(name, "affine", affine)
        check.flag(name, "bias", bias)
        ones, zeros = ones_and_zeros(name, (self.num_channels,), dtype)
        self.weight = Parameter(ones) if affine else None
        self.bias = Parameter(zeros) if affine and bias else None

    def vjp(self, x: Floats, input_grad: bool = True) -> tuple[Floats, Pullback]:
        """Return the normalized input and its pullback."""
        weight, bias = self.weight, self.bias
        scale = None if weight is None else weight.data
        shift = None if bias is None else bias.data
        y = F.group_norm(x, self.num_groups, scale, shift, eps=self.eps)

        def pullback(grad_output: Floats) -> Floats | None:
            grads = F.group_norm_grads(
                grad_output, x, scale, num_groups=self.num_groups, eps=self.eps
            )
            if weight is not None:
                weight.accumulate(grads.weight)
            if bias is not None:
                bias.accumulate(grads.bias)
            return grads.input if input_grad else None

        return y, pullback

    def extra_repr(self) -> str:
        """Return the hyperparameters as text."""
        return (
            f"{self.num_groups}, {self.num_channels}, eps={self.eps:g}, affine={self.affine}, "
            f"bias={self.bias is not None}"
        )


class LocalResponseNorm(Module):
    """The layer of `scratchcnn.functional.local_response_norm`.

    Parameters
    ----------
    size, alpha, beta, k
        As in `scratchcnn.functional.local_response_norm`.

    Raises
    ------
    TypeError, ValueError
        If `size` is no positive integer, or another parameter no number; when called, if the
        input is not (N, C, ...) of floats.

    Examples
    --------
    >>> LocalResponseNorm(2)(np.ones((1, 3, 4, 5))).shape
    (1, 3, 4, 5)
    """

    def __init__(self, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> None:
        name = "LocalResponseNorm"
        self.size = check.whole(name, "size", size, 1)
        self.alpha = check.real(name, "alpha", alpha, -np.inf)
        self.beta = check.real(name, "beta", beta, -np.inf)
        self.k = check.real(name, "k", k, -np.inf)

    def vjp(self, x: Floats, input_grad: bool = True) -> tuple[Floats, Pullback]:
        """Return the normalized input and its pullback."""
        size, alpha, beta, k = self.size, self.alpha, self.beta, self.k

        def pullback(grad_output: Floats) -> Floats | None:
            if not input_grad:
                return None
            return F.local_response_norm_grad(
                grad_output, x, size=size, alpha=alpha, beta=beta, k=k
            )

        return F.local_response_norm(x, size, alpha=alpha, beta=beta, k=k), pullback

    def extra_repr(self) -> str:
        """Return the hyperparameters as text."""
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"


def _shape(name: str, normalized_shape: PerAxis) -> tuple[int, ...]:
    """Return the sizes of the last axes."""
    if not check.several(normalized_shape):
        return (check.whole(name, "normalized_shape", normalized_shape, 1),)
    shape = check.sizes(name, "normalized_shape", normalized_shape, None, 1)
    if not shape:
        raise ValueError(f"{name}: normalized_shape is (), expected at least one size")
    return shape
