"""Losses of embeddings as objects."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from scratchcnn import functional as F
from scratchcnn.functional import _checks as check
from scratchcnn.functional._checks import Floats
from scratchcnn.functional._reduction import above_zero
from scratchcnn.nn.loss import LossPullback, LossPullbacks, _Loss


class HingeEmbeddingLoss(_Loss):
    """The loss of distances, as `scratchcnn.functional.hinge_embedding_loss`.

    Parameters
    ----------
    margin : float
    reduction : {"mean", "sum", "none"}

    Raises
    ------
    TypeError, ValueError
        If `reduction` is none of these or `margin` no number; when called, as
        `scratchcnn.functional.hinge_embedding_loss`.

    Examples
    --------
    >>> import numpy as np
    >>> HingeEmbeddingLoss()(np.array([0.5, 0.75]), np.array([1, -1]))
    np.float64(0.375)
    """

    hyperparameters = ("margin", "reduction")

    def __init__(self, margin: float = 1.0, *, reduction: str = "mean") -> None:
        super().__init__(reduction=reduction)
        self.margin = check.real("HingeEmbeddingLoss", "margin", margin, -np.inf)

    def vjp(self, x: Floats, target: NDArray[Any]) -> tuple[Floats, LossPullback]:
        """Return the loss and its pullback."""
        return self._applied(F.hinge_embedding_loss, F.hinge_embedding_loss_grad, x, target)


class CosineEmbeddingLoss(_Loss):
    """The loss of angles, as `scratchcnn.functional.cosine_embedding_loss`.

    Parameters
    ----------
    margin : float
    reduction : {"mean", "sum", "none"}

    Raises
    ------
    TypeError, ValueError
        If `reduction` is none of these or `margin` no number; when called, as
        `scratchcnn.functional.cosine_embedding_loss`.

    Examples
    --------
    >>> import numpy as np
    >>> CosineEmbeddingLoss()(np.array([1.0, 0.0]), np.array([0.0, 2.0]), np.array(1))
    np.float64(1.0)
    """

    hyperparameters = ("margin", "reduction")

    def __init__(self, margin: float = 0.0, *, reduction: str = "mean") -> None:
        super().__init__(reduction=reduction)
        self.margin = check.real("CosineEmbeddingLoss", "margin", margin, -np.inf)

    def vjp(
        self, input1: Floats, input2: Floats, target: NDArray[Any]
    ) -> tuple[Floats, LossPullbacks]:
        """Return the loss and its pullback, which returns the gradients of both inputs."""
        function, gradients = F.cosine_embedding_loss, F.cosine_embedding_loss_grads
        return self._applied(function, gradients, input1, input2, target)


class TripletMarginLoss(_Loss):
    """The loss of two distances, as `scratchcnn.functional.triplet_margin_loss`.

    Parameters
    ----------
    margin, p, eps : float
    swap : bool
    reduction : {"mean", "sum", "none"}

    Raises
    ------
    TypeError, ValueError
        If `reduction` is none of these, `margin` or `p` not above 0, `eps` no number, or `swap`
        no bool; when called, as `scratchcnn.functional.triplet_margin_loss`.

    Examples
    --------
    >>> import numpy as np
    >>> TripletMarginLoss()(np.array([0.0]), np.array([2.0]), np.array([2.5])).round(4)
    np.float64(0.5)
    """

    hyperparameters = ("margin", "p", "eps", "swap", "reduction")

    def __init__(
        self,
        margin: float = 1.0,
        p: float = 2.0,
        eps: float = 1e-6,
        swap: bool = False,
        *,
        reduction: str = "mean",
    ) -> None:
        super().__init__(reduction=reduction)
        self.margin = above_zero("TripletMarginLoss", "margin", margin)
        self.p = above_zero("TripletMarginLoss", "p", p)
        self.eps = check.real("TripletMarginLoss", "eps", eps, -np.inf)
        self.swap = check.flag("TripletMarginLoss", "swap", swap)

    def vjp(
        self, anchor: Floats, positive: Floats, negative: Floats
    ) -> tuple[Floats, LossPullbacks]:
        """Return the loss and its pullback, which returns the gradients of all three."""
        function, gradients = F.triplet_margin_loss, F.triplet_margin_loss_grads
        return self._applied(function, gradients, anchor, positive, negative)
