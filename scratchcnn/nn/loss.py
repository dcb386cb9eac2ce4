"""Losses as objects: ``loss(x, target)`` and ``loss.vjp(x, target)``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from scratchcnn import functional as F
from scratchcnn.functional import _checks as check
from scratchcnn.functional._checks import Floats, Integers

LossPullback: TypeAlias = Callable[..., Floats]


class Loss(Protocol):
    """What `scratchcnn.training.fit` needs of a loss."""

    reduction: str

    def vjp(self, x: Floats, target: NDArray[Any]) -> tuple[Floats, LossPullback]:
        """Return the value, and the pullback from its gradient (default 1) to that of `x`."""
        ...


class _Loss:
    """What all losses share.

    Attributes
    ----------
    threshold : float
        The output above which a binary classifier says yes.
    """

    threshold = 0.5

    def __init__(self, *, reduction: str = "mean") -> None:
        check.choice(type(self).__name__, "reduction", reduction, check.REDUCTIONS)
        self.reduction = reduction

    def __call__(self, x: Floats, target: NDArray[Any]) -> Floats:
        """Return the loss."""
        return self.vjp(x, target)[0]

    def vjp(self, x: Floats, target: NDArray[Any]) -> tuple[Floats, LossPullback]:
        """Return the value, and the pullback from its gradient (default 1) to that of `x`."""
        raise NotImplementedError(f"{type(self).__name__} defines no vjp")


def _cotangent(grad_output: Floats | None, value: Floats) -> Floats:
    if grad_output is None:
        return np.ones(np.shape(value), value.dtype)
    return grad_output


class MSELoss(_Loss):
    """The squared error, as `scratchcnn.functional.mse_loss`.

    Parameters
    ----------
    reduction : {"mean", "sum", "none"}
    """

    def vjp(self, x: Floats, target: Floats) -> tuple[Floats, LossPullback]:
        """Return the loss and its pullback."""
        value = F.mse_loss(x, target, reduction=self.reduction)

        def pullback(grad_output: Floats | None = None) -> Floats:
            grad = _cotangent(grad_output, value)
            return F.mse_loss_input_grad(grad, x, target, reduction=self.reduction)

        return value, pullback


class BCELoss(_Loss):
    """The binary cross-entropy of probabilities, as `scratchcnn.functional.binary_cross_entropy`.

    Parameters
    ----------
    weight : ndarray, optional
    reduction : {"mean", "sum", "none"}
    """

    def __init__(self, weight: Floats | None = None, *, reduction: str = "mean") -> None:
        super().__init__(reduction=reduction)
        self.weight = weight

    def vjp(self, x: Floats, target: Floats) -> tuple[Floats, LossPullback]:
        """Return the loss and its pullback."""
        weight, reduction = self.weight, self.reduction
        value = F.binary_cross_entropy(x, target, weight, reduction=reduction)

        def pullback(grad_output: Floats | None = None) -> Floats:
            grad = _cotangent(grad_output, value)
            return F.binary_cross_entropy_input_grad(grad, x, target, weight, reduction=reduction)

        return value, pullback


class BCEWithLogitsLoss(_Loss):
    """The binary cross-entropy of logits.

    Parameters
    ----------
    weight, pos_weight : ndarray, optional
        As in `scratchcnn.functional.binary_cross_entropy_with_logits`.
    reduction : {"mean", "sum", "none"}
    """

    # The sigmoid of the logit 0 is one half.
    threshold = 0.0

    def __init__(
        self,
        weight: Floats | None = None,
        *,
        pos_weight: Floats | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(reduction=reduction)
        self.weight, self.pos_weight = weight, pos_weight

    def vjp(self, x: Floats, target: Floats) -> tuple[Floats, LossPullback]:
        """Return the loss and its pullback."""
        weight, pos_weight, reduction = self.weight, self.pos_weight, self.reduction
        value = F.binary_cross_entropy_with_logits(
            x, target, weight, pos_weight=pos_weight, reduction=reduction
        )

        def pullback(grad_output: Floats | None = None) -> Floats:
            return F.binary_cross_entropy_with_logits_input_grad(
                _cotangent(grad_output, value),
                x,
                target,
                weight,
                pos_weight=pos_weight,
                reduction=reduction,
            )

        return value, pullback


class NLLLoss(_Loss):
    """The negative log-likelihood, as `scratchcnn.functional.nll_loss`.

    Parameters
    ----------
    weight : ndarray (C,), optional
    ignore_index : int
    reduction : {"mean", "sum", "none"}
    """

    def __init__(
        self,
        weight: Floats | None = None,
        *,
        ignore_index: int = -100,
        reduction: str = "mean",
    ) -> None:
        super().__init__(reduction=reduction)
        self.weight, self.ignore_index = weight, ignore_index

    def vjp(self, x: Floats, target: Integers) -> tuple[Floats, LossPullback]:
        """Return the loss and its pullback."""
        weight, ignore_index, reduction = self.weight, self.ignore_index, self.reduction
        value = F.nll_loss(x, target, weight, ignore_index=ignore_index, reduction=reduction)

        def pullback(grad_output: Floats | None = None) -> Floats:
            return F.nll_loss_grad(
                _cotangent(grad_output, value),
                target,
                weight,
                input_shape=x.shape,
                ignore_index=ignore_index,
                reduction=reduction,
            )

        return value, pullback


class CrossEntropyLoss(_Loss):
    """The cross-entropy of logits, as `scratchcnn.functional.cross_entropy`.

    Parameters
    ----------
    weight : ndarray (C,), optional
    ignore_index : int
    reduction : {"mean", "sum", "none"}
    label_smoothing : float

    Examples
    --------
    >>> loss = CrossEntropyLoss(reduction="sum")
    >>> value, pullback = loss.vjp(np.zeros((1, 4)), np.array([0]))
    >>> pullback()
    array([[-0.75,  0.25,  0.25,  0.25]])
    """

    def __init__(
        self,
        weight: Floats | None = None,
        *,
        ignore_index: int = -100,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(reduction=reduction)
        self.weight, self.ignore_index = weight, ignore_index
        self.label_smoothing = check.real(
            "CrossEntropyLoss", "label_smoothing", label_smoothing, 0, 1
        )

    def vjp(self, x: Floats, target: NDArray[Any]) -> tuple[Floats, LossPullback]:
        """Return the loss and its pullback."""
        options: dict[str, Any] = {
            "ignore_index": self.ignore_index,
            "reduction": self.reduction,
            "label_smoothing": self.label_smoothing,
        }
        weight = self.weight
        value = F.cross_entropy(x, target, weight, **options)

        def pullback(grad_output: Floats | None = None) -> Floats:
            grad = _cotangent(grad_output, value)
            return F.cross_entropy_input_grad(grad, x, target, weight, **options)

        return value, pullback


class HalfSquaredError(_Loss):
    """The error ``(y - O)**2 / 2`` of one sample, summed or averaged over the samples.

    The loss of Aishwarya Singh, "Demystifying the Mathematics Behind Convolutional Neural
    Networks (CNNs)", 2020, whose derivative is ``-(y - O)``.

    Parameters
    ----------
    reduction : {"mean", "sum", "none"}
    """

    def vjp(self, x: Floats, target: Floats) -> tuple[Floats, LossPullback]:
        """Return the loss and its pullback."""
        error = F.mse_loss(x, target, reduction=self.reduction)
        half = x.dtype.type(0.5)
        value = half * error

        def pullback(grad_output: Floats | None = None) -> Floats:
            grad = np.asarray(half * _cotangent(grad_output, value))
            return F.mse_loss_input_grad(grad, x, target, reduction=self.reduction)

        return value, pullback
