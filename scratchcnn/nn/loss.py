"""Losses as objects: ``loss(x, target)`` and ``loss.vjp(x, target)``.

A pullback returns the gradient of what networks computed, in the order of the arguments: an
array where the loss takes one such array, which is what `scratchcnn.training.fit` trains, and a
tuple where it takes several. Targets get none; `scratchcnn.functional` has theirs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from scratchcnn import functional as F
from scratchcnn.functional import _checks as check
from scratchcnn.functional._checks import Floats
from scratchcnn.functional._reduction import above_zero
from scratchcnn.nn.named import Named

LossPullback: TypeAlias = Callable[..., Floats]
# Of a loss of several inputs.
LossPullbacks: TypeAlias = Callable[..., tuple[Floats, ...]]


class Loss(Protocol):
    """What `scratchcnn.training.fit` needs of a loss."""

    reduction: str

    def vjp(self, x: Floats, target: NDArray[Any]) -> tuple[Floats, LossPullback]:
        """Return the value, and the pullback from its gradient (default 1) to that of `x`."""
        ...


class _Loss(Named):
    """What all losses share.

    Attributes
    ----------
    threshold : float
        The output above which a binary classifier says yes.
    """

    threshold = 0.5
    reductions: tuple[str, ...] = check.REDUCTIONS
    # The attributes that the function takes by name.
    hyperparameters: tuple[str, ...] = ("reduction",)

    def __init__(self, *, reduction: str = "mean") -> None:
        check.choice(type(self).__name__, "reduction", reduction, self.reductions)
        self.reduction = reduction

    def __call__(self, *arrays: Any, **named: Any) -> Floats:
        """Return the loss."""
        value: Floats = self.vjp(*arrays, **named)[0]
        return value

    def vjp(self, *arrays: Any, **named: Any) -> tuple[Floats, Callable[..., Any]]:
        """Return the value, and the pullback from its gradient (default 1) to those of inputs."""
        raise NotImplementedError(f"{type(self).__name__} defines no vjp")

    def __repr__(self) -> str:
        """Return the name and the hyperparameters."""
        listed = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.hyperparameters)
        return f"{type(self).__name__}({listed})"

    def _optional(self, name: str, array: Floats | None) -> Floats | None:
        """Return an array of floats, or None, or raise."""
        check.floats(type(self).__name__, {name: array})
        return array

    def _applied(
        self, function: Callable[..., Floats], grad: Callable[..., Any], *arrays: Any
    ) -> tuple[Floats, Callable[..., Any]]:
        """Return the value of a function of the arrays, and the pullback that calls `grad`."""
        options = {name: getattr(self, name) for name in self.hyperparameters}
        value = function(*arrays, **options)

        def pullback(grad_output: Floats | None = None) -> Any:
            if grad_output is None:
                grad_output = np.ones(np.shape(value), value.dtype)
            return grad(grad_output, *arrays, **options)

        return value, pullback


class L1Loss(_Loss):
    """The absolute error, as `scratchcnn.functional.l1_loss`.

    Parameters
    ----------
    reduction : {"mean", "sum", "none"}

    Raises
    ------
    TypeError, ValueError
        If `reduction` is none of these; when called, as `scratchcnn.functional.l1_loss`.

    Examples
    --------
    >>> L1Loss()(np.array([0.5, 2.0]), np.array([1.0, 4.0]))
    np.float64(1.25)
    """

    def vjp(self, x: Floats, target: Floats) -> tuple[Floats, LossPullback]:
        """Return the loss and its pullback."""
        return self._applied(F.l1_loss, F.l1_loss_input_grad, x, target)


class MSELoss(_Loss):
    """The squared error, as `scratchcnn.functional.mse_loss`.

    Parameters
    ----------
    reduction : {"mean", "sum", "none"}

    Raises
    ------
    TypeError, ValueError
        If `reduction` is none of these; when called, as `scratchcnn.functional.mse_loss`.

    Examples
    --------
    >>> MSELoss()(np.array([0.5, 2.0]), np.array([1.0, 4.0]))
    np.float64(2.125)
    """

    def vjp(self, x: Floats, target: Floats) -> tuple[Floats, LossPullback]:
        """Return the loss and its pullback."""
        return self._applied(F.mse_loss, F.mse_loss_input_grad, x, target)


class SmoothL1Loss(_Loss):
    """The absolute error smoothed near 0, as `scratchcnn.functional.smooth_l1_loss`.

    Parameters
    ----------
    reduction : {"mean", "sum", "none"}
    beta : float

    Raises
    ------
    TypeError, ValueError
        If `reduction` is none of these, or `beta` is negative or no number; when called, as
        `scratchcnn.functional.smooth_l1_loss`.

    Examples
    --------
    >>> SmoothL1Loss()(np.array([0.5, 2.0]), np.array([1.0, 4.0]))
    np.float64(0.8125)
    """

    hyperparameters = ("reduction", "beta")

    def __init__(self, *, reduction: str = "mean", beta: float = 1.0) -> None:
        super().__init__(reduction=reduction)
        self.beta = check.real("SmoothL1Loss", "beta", beta, 0)

    def vjp(self, x: Floats, target: Floats) -> tuple[Floats, LossPullback]:
        """Return the loss and its pullback."""
        return self._applied(F.smooth_l1_loss, F.smooth_l1_loss_input_grad, x, target)


class HuberLoss(_Loss):
    """The squared error continued by its tangents, as `scratchcnn.functional.huber_loss`.

    Parameters
    ----------
    reduction : {"mean", "sum", "none"}
    delta : float

    Raises
    ------
    TypeError, ValueError
        If `reduction` is none of these, or `delta` is not above 0 or no number; when called, as
        `scratchcnn.functional.huber_loss`.

    Examples
    --------
    >>> HuberLoss()(np.array([0.5, 2.0]), np.array([1.0, 4.0]))
    np.float64(0.8125)
    """

    hyperparameters = ("reduction", "delta")

    def __init__(self, reduction: str = "mean", delta: float = 1.0) -> None:
        super().__init__(reduction=reduction)
        self.delta = above_zero("HuberLoss", "delta", delta)

    def vjp(self, x: Floats, target: Floats) -> tuple[Floats, LossPullback]:
        """Return the loss and its pullback."""
        return self._applied(F.huber_loss, F.huber_loss_input_grad, x, target)


class HalfSquaredError(_Loss):
    """The error ``(y - O)**2 / 2`` of one sample, summed or averaged over the samples.

    The loss of Aishwarya Singh, "Demystifying the Mathematics Behind Convolutional Neural
    Networks (CNNs)", 2020, whose derivative is ``-(y - O)``.

    Parameters
    ----------
    reduction : {"mean", "sum", "none"}

    Raises
    ------
    TypeError, ValueError
        If `reduction` is none of these; when called, as `scratchcnn.functional.mse_loss`.

    Examples
    --------
    >>> HalfSquaredError(reduction="sum")(np.array([0.5, 2.0]), np.array([1.0, 4.0]))
    np.float64(2.125)
    """

    def vjp(self, x: Floats, target: Floats) -> tuple[Floats, LossPullback]:
        """Return the loss and its pullback."""
        half = 0.5

        def halved(*arrays: Floats, **options: Any) -> Floats:
            return half * F.mse_loss(*arrays, **options)

        def halved_grad(grad: Floats, *arrays: Floats, **options: Any) -> Floats:
            return F.mse_loss_input_grad(np.asarray(half * grad), *arrays, **options)

        return self._applied(halved, halved_grad, x, target)
