"""Layers of batch and instance normalization."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
from numpy.typing import DTypeLike, NDArray

from scratchcnn import functional as F
from scratchcnn.functional import _checks as check
from scratchcnn.functional._checks import AXES, Floats
from scratchcnn.nn.module import Module, Pullback
from scratchcnn.nn.named import Named
from scratchcnn.nn.parameter import Parameter, float_dtype


def ones_and_zeros(
    function: str, shape: tuple[int, ...], dtype: DTypeLike | None
) -> tuple[Floats, Floats]:
    """Return the initial weight and bias of a normalization: those that change nothing."""
    dtype = float_dtype(function, dtype)
    return np.ones(shape, dtype), np.zeros(shape, dtype)


class _Tracking(Named, Module):
    """What the layers of batch and instance normalization share.

    Their `functions` are the forward, its gradients and the running statistics; `switch` is the
    argument that says whether the moments of the batch count.
    """

    axes: ClassVar[tuple[str, ...]]
    functions: ClassVar[tuple[Callable[..., Any], Callable[..., Any], Callable[..., Any]]]
    switch: ClassVar[str]
    num_batches_tracked: NDArray[np.int64]
    _optional = ("num_batches_tracked",)

    def __init__(
        self,
        num_features: int,
        eps: float,
        momentum: float | None,
        affine: bool,
        track_running_stats: bool,
        bias: bool,
        dtype: DTypeLike | None,
    ) -> None:
        name = type(self).__name__
        self.num_features = check.whole(name, "num_features", num_features, 0)
        self.eps = check.real(name, "eps", eps, 0)
        self.momentum = None if momentum is None else check.real(name, "momentum", momentum, 0)
        self.affine = check.flag(name, "affine", affine)
        self.track_running_stats = check.flag(name, "track_running_stats", track_running_stats)
        check.flag(name, "bias", bias)
        ones, zeros = ones_and_zeros(name, (self.num_features,), dtype)
        self.weight = Parameter(ones) if affine else None
        self.bias = Parameter(zeros) if affine and bias else None
        self.running_mean: Floats | None = None
        self.running_var: Floats | None = None
        if track_running_stats:
            self.register_buffer("running_mean", zeros.copy())
            self.register_buffer("running_var", ones.copy())
            self.register_buffer("num_batches_tracked", np.zeros((), np.int64))
        # Two threads that store at once would lose a batch.
        self._lock = threading.Lock()

    def vjp(self, x: Floats, input_grad: bool = True) -> tuple[Floats, Pullback]:
        """Return the normalized input and its pullback; store new statistics in training."""
        forward, gradients, _ = self.functions
        batch = self._batch(x)
        weight, bias = self.weight, self.bias
        arrays = (
            self.running_mean,
            self.running_var,
            None if weight is None else weight.data,
            None if bias is None else bias.data,
        )
        own = self.training or self.running_mean is None
        options = {self.switch: own, "eps": self.eps}
        y = forward(batch, *arrays, **options)
        if self.training and self.running_mean is not None:
            self._store(batch)

        def pullback(grad_output: Floats) -> Floats | None:
            grad = grad_output if batch is x else grad_output[None]
            grads = gradients(grad, batch, *arrays[:3], **options)
            if weight is not None:
                weight.accumulate(grads.weight)
            if bias is not None:
                bias.accumulate(grads.bias)
            return grads.input.reshape(x.shape) if input_grad else None

        return y.reshape(x.shape), pullback

    def _batch(self, x: Floats) -> Floats:
        """Return `x` with an axis of samples, or raise an error if it does not fit this layer."""
        name = type(self).__name__
        check.floats(name, x=x)
        fitting = [axes for axes in self.axes if axes.count(",") + 1 == x.ndim]
        if not fitting:
            raise ValueError(
                f"{name}: x has {x.ndim} dimensions, shape {x.shape}, "
                f"expected {' or '.join(self.axes)}"
            )
        batch = x if fitting[0].startswith("(N") else x[None]
        if batch.shape[1] != self.num_features:
            raise ValueError(
                f"{name}: x has {batch.shape[1]} channels, expected "
                f"num_features={self.num_features}"
            )
        return batch

    def _store(self, batch: Floats) -> None:
        """Take the statistics of a batch into the running ones."""
        with self._lock:
            # New arrays: pullbacks of evaluation hold the old ones.
            self.running_mean, self.running_var = self.functions[2](
                batch, self.running_mean, self.running_var, momentum=self._share()
            )

    def _share(self) -> float:
        """Return the weight of a new batch in the running statistics."""
        return 0.0 if self.momentum is None else self.momentum

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_lock"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._lock = threading.Lock()

    def extra_repr(self) -> str:
        """Return the hyperparameters as text."""
        return (
            f"{self.num_features}, eps={self.eps:g}, momentum={self.momentum}, "
            f"affine={self.affine}, bias={self.bias is not None}, "
            f"track_running_stats={self.track_running_stats}"
        )


class _BatchNorm(_Tracking):
    functions = (F.batch_norm, F.batch_norm_grads, F.batch_norm_statistics)
    switch = "training"

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        *,
        bias: bool = True,
        dtype: DTypeLike | None = np.float32,
    ) -> None:
        super().__init__(num_features, eps, momentum, affine, track_running_stats, bias, dtype)

    def _share(self) -> float:
        # Only here are batches counted, as in PyTorch, and so only here is there a mean of all.
        self.num_batches_tracked = np.asarray(self.num_batches_tracked + 1)
        return 1 / int(self.num_batches_tracked) if self.momentum is None else self.momentum


class _InstanceNorm(_Tracking):
    functions = (F.instance_norm, F.instance_norm_grads, F.instance_norm_statistics)
    switch = "use_input_stats"

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = False,
        track_running_stats: bool = False,
        *,
        bias: bool = True,
        dtype: DTypeLike | None = np.float32,
    ) -> None:
        super().__init__(num_features, eps, momentum, affine, track_running_stats, bias, dtype)


class BatchNorm1d(_BatchNorm):
    """The layer of `scratchcnn.functional.batch_norm` for (N, C) and (N, C, L).

    Parameters
    ----------
    num_features, eps, momentum, affine, track_running_stats, bias, dtype
        As in `BatchNorm2d`.

    Raises
    ------
    TypeError, ValueError
        As `BatchNorm2d`; when called, if the input does not have these axes or not
        `num_features` channels.

    Examples
    --------
    >>> BatchNorm1d(2)(np.array([[1, 5], [3, 9]], np.float32)).round(3)
    array([[-1., -1.],
           [ 1.,  1.]], dtype=float32)
    """

    axes = ("(N, C)", AXES[1])


class BatchNorm2d(_BatchNorm):
    """The layer of `scratchcnn.functional.batch_norm` for (N, C, H, W).

    In training it normalizes each channel with the mean and the variance of the batch and takes
    these into its running statistics, once a call; in evaluation it normalizes with those.

    Parameters
    ----------
    num_features : int
        The number of channels.
    eps : float
        Added to the variance.
    momentum : float or None
        The weight of a new batch in the running statistics, or None for the mean of all batches.
    affine : bool
        Whether there is a weight for each channel.
    track_running_stats : bool
        Whether there are running statistics; else those of the batch count in evaluation too.
    bias : bool
        Whether there is a bias for each channel, with `affine`.
    dtype : dtype
        float32 or float64; None is float32.

    Attributes
    ----------
    weight, bias : Parameter (C,), or None
        At first ones and zeros.
    running_mean, running_var : ndarray (C,), or None
        At first zeros and ones.
    num_batches_tracked : ndarray of int64 without axes
        Only with running statistics.

    Raises
    ------
    TypeError, ValueError
        If a parameter has a wrong type or value.

    Examples
    --------
    >>> layer = BatchNorm2d(3)
    >>> layer(np.ones((2, 3, 4, 5), np.float32)).shape
    (2, 3, 4, 5)
    >>> list(layer.state_dict())
    ['weight', 'bias', 'running_mean', 'running_var', 'num_batches_tracked']
    >>> layer.running_mean
    array([0.1, 0.1, 0.1], dtype=float32)
    """

    axes = (AXES[2],)


class BatchNorm3d(_BatchNorm):
    """The layer of `scratchcnn.functional.batch_norm` for (N, C, D, H, W).

    Parameters
    ----------
    num_features, eps, momentum, affine, track_running_stats, bias, dtype
        As in `BatchNorm2d`.

    Raises
    ------
    TypeError, ValueError
        As `BatchNorm2d`; when called, if the input does not have these axes or not
        `num_features` channels.

    Examples
    --------
    >>> BatchNorm3d(2)(np.ones((2, 2, 3, 4, 5), np.float32)).shape
    (2, 2, 3, 4, 5)
    """

    axes = (AXES[3],)


class InstanceNorm1d(_InstanceNorm):
    """The layer of `scratchcnn.functional.instance_norm` for (N, C, L) and (C, L).

    Parameters
    ----------
    num_features, eps, momentum, affine, track_running_stats, bias, dtype
        As in `InstanceNorm2d`.

    Raises
    ------
    TypeError, ValueError
        As `InstanceNorm2d`; when called, if the input does not have these axes or not
        `num_features` channels.

    Examples
    --------
    >>> InstanceNorm1d(2)(np.array([[1, 3], [5, 9]], np.float32)).round(3)
    array([[-1.,  1.],
           [-1.,  1.]], dtype=float32)
    """

    axes = ("(C, L)", AXES[1])


class InstanceNorm2d(_InstanceNorm):
    """The layer of `scratchcnn.functional.instance_norm` for (N, C, H, W) and (C, H, W).

    Parameters
    ----------
    num_features, eps, affine, bias, dtype
        As in `BatchNorm2d`; by default there are no weight and bias.
    momentum : float or None
        The weight of a new batch in the running statistics; with None, they stay as they are.
    track_running_stats : bool
        Whether there are running statistics, which then count in evaluation.

    Attributes
    ----------
    weight, bias, running_mean, running_var
        As in `BatchNorm2d`.
    num_batches_tracked : ndarray of int64 without axes
        As in PyTorch it stays 0.

    Raises
    ------
    TypeError, ValueError
        If a parameter has a wrong type or value.

    Examples
    --------
    >>> InstanceNorm2d(3)(np.ones((2, 3, 4, 5), np.float32)).shape
    (2, 3, 4, 5)
    """

    axes = ("(C, H, W)", AXES[2])


class InstanceNorm3d(_InstanceNorm):
    """The layer of `scratchcnn.functional.instance_norm` for (N, C, D, H, W) and (C, D, H, W).

    Parameters
    ----------
    num_features, eps, momentum, affine, track_running_stats, bias, dtype
        As in `InstanceNorm2d`.

    Raises
    ------
    TypeError, ValueError
        As `InstanceNorm2d`; when called, if the input does not have these axes or not
        `num_features` channels.

    Examples
    --------
    >>> InstanceNorm3d(2)(np.ones((2, 3, 4, 5), np.float32)).shape
    (2, 3, 4, 5)
    """

    axes = ("(C, D, H, W)", AXES[3])
