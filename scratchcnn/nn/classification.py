"""Losses of classification as objects."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from scratchcnn import functional as F
from scratchcnn.functional import _checks as check
from scratchcnn.functional._checks import Floats, Integers
from scratchcnn.functional.margin import power
from scratchcnn.nn.loss import LossPullback, LossPullbacks, _Loss


class BCELoss(_Loss):
    """The binary cross-entropy of probabilities, as `scratchcnn.functional.binary_cross_entropy`.

    Parameters
    ----------
    weight : ndarray, optional
    reduction : {"mean", "sum", "none"}

    Raises
    ------
    TypeError, ValueError
        If `reduction` is none of these or `weight` no array of floats; when called, as
        `scratchcnn.functional.binary_cross_entropy`.

    Examples
    --------
    >>> import numpy as np
    >>> BCELoss()(np.array([0.5, 0.25]), np.array([1.0, 0.0])).round(4)
    np.float64(0.4904)
    """

    def __init__(self, weight: Floats | None = None, *, reduction: str = "mean") -> None:
        super().__init__(reduction=reduction)
        self.weight = self._optional("weight", weight)

    def vjp(self, x: Floats, target: Floats) -> tuple[Floats, LossPullback]:
        """Return the loss and its pullback."""
        gradient = F.binary_cross_entropy_input_grad
        return self._applied(F.binary_cross_entropy, gradient, x, target, self.weight)


class BCEWithLogitsLoss(_Loss):
    """The binary cross-entropy of logits.

    Parameters
    ----------
    weight, pos_weight : ndarray, optional
        As in `scratchcnn.functional.binary_cross_entropy_with_logits`.
    reduction : {"mean", "sum", "none"}

    Raises
    ------
    TypeError, ValueError
        If `reduction` is none of these or `weight` or `pos_weight` no array of floats; when
        called, as `scratchcnn.functional.binary_cross_entropy_with_logits`.

    Examples
    --------
    >>> import numpy as np
    >>> BCEWithLogitsLoss()(np.array([0.0, 3.0]), np.array([1.0, 1.0])).round(4)
    np.float64(0.3709)
    """

    # The sigmoid of the logit 0 is one half.
    threshold = 0.0
    hyperparameters = ("reduction", "pos_weight")

    def __init__(
        self,
        weight: Floats | None = None,
        *,
        reduction: str = "mean",
        pos_weight: Floats | None = None,
    ) -> None:
        super().__init__(reduction=reduction)
        self.weight = self._optional("weight", weight)
        self.pos_weight = self._optional("pos_weight", pos_weight)

    def vjp(self, x: Floats, target: Floats) -> tuple[Floats, LossPullback]:
        """Return the loss and its pullback."""
        function = F.binary_cross_entropy_with_logits
        gradient = F.binary_cross_entropy_with_logits_input_grad
        return self._applied(function, gradient, x, target, self.weight)


class NLLLoss(_Loss):
    """The negative log-likelihood, as `scratchcnn.functional.nll_loss`.

    Parameters
    ----------
    weight : ndarray (C,), optional
    ignore_index : int
    reduction : {"mean", "sum", "none"}

    Raises
    ------
    TypeError, ValueError
        If `reduction` is none of these, `weight` no array of floats, or `ignore_index` no
        integer; when called, as `scratchcnn.functional.nll_loss`.

    Examples
    --------
    >>> import numpy as np
    >>> NLLLoss()(np.array([[-0.5, -1.5], [-2.0, -0.25]]), np.array([0, 1]))
    np.float64(0.375)
    """

    hyperparameters = ("ignore_index", "reduction")

    def __init__(
        self,
        weight: Floats | None = None,
        *,
        ignore_index: int = -100,
        reduction: str = "mean",
    ) -> None:
        super().__init__(reduction=reduction)
        self.weight = self._optional("weight", weight)
        self.ignore_index = check.whole(type(self).__name__, "ignore_index", ignore_index)

    def vjp(self, x: Floats, target: Integers) -> tuple[Floats, LossPullback]:
        """Return the loss and its pullback."""

        def gradient(grad: Floats, x: Floats, *arrays: Any, **options: Any) -> Floats:
            return F.nll_loss_grad(grad, *arrays, input_shape=x.shape, **options)

        return self._applied(F.nll_loss, gradient, x, target, self.weight)


class CrossEntropyLoss(_Loss):
    """The cross-entropy of logits, as `scratchcnn.functional.cross_entropy`.

    Parameters
    ----------
    weight : ndarray (C,), optional
    ignore_index : int
    reduction : {"mean", "sum", "none"}
    label_smoothing : float

    Raises
    ------
    TypeError, ValueError
        If `reduction` is none of these, `weight` no array of floats, `ignore_index` no integer,
        or `label_smoothing` not from 0 to 1; when called, as
        `scratchcnn.functional.cross_entropy`.

    Examples
    --------
    >>> import numpy as np
    >>> loss = CrossEntropyLoss(reduction="sum")
    >>> value, pullback = loss.vjp(np.zeros((1, 4)), np.array([0]))
    >>> pullback()
    array([[-0.75,  0.25,  0.25,  0.25]])
    """

    hyperparameters = ("ignore_index", "reduction", "label_smoothing")

    def __init__(
        self,
        weight: Floats | None = None,
        *,
        ignore_index: int = -100,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(reduction=reduction)
        self.weight = self._optional("weight", weight)
        self.ignore_index = check.whole(type(self).__name__, "ignore_index", ignore_index)
        self.label_smoothing = check.real(
            "CrossEntropyLoss", "label_smoothing", label_smoothing, 0, 1
        )

    def vjp(self, x: Floats, target: NDArray[Any]) -> tuple[Floats, LossPullback]:
        """Return the loss and its pullback."""
        return self._applied(F.cross_entropy, F.cross_entropy_input_grad, x, target, self.weight)


class MultiMarginLoss(_Loss):
    """What the other classes lack of a margin, as `scratchcnn.functional.multi_margin_loss`.

    Parameters
    ----------
    p : {1, 2}
    margin : float
    weight : ndarray (C,), optional
    reduction : {"mean", "sum", "none"}

    Raises
    ------
    TypeError, ValueError
        If `reduction` is none of these, `p` neither 1 nor 2, `margin` no number, or `weight` no
        array of floats; when called, as `scratchcnn.functional.multi_margin_loss`.

    Examples
    --------
    >>> import numpy as np
    >>> MultiMarginLoss()(np.array([[0.5, 1.0, -1.0]]), np.array([0]))
    np.float64(0.5)
    """

    hyperparameters = ("p", "margin", "weight", "reduction")

    def __init__(
        self,
        p: int = 1,
        margin: float = 1.0,
        weight: Floats | None = None,
        *,
        reduction: str = "mean",
    ) -> None:
        super().__init__(reduction=reduction)
        self.p = power("MultiMarginLoss", p)
        self.margin = check.real("MultiMarginLoss", "margin", margin, -np.inf)
        self.weight = self._optional("weight", weight)

    def vjp(self, x: Floats, target: Integers) -> tuple[Floats, LossPullback]:
        """Return the loss and its pullback."""
        return self._applied(F.multi_margin_loss, F.multi_margin_loss_grad, x, target)


class MultiLabelMarginLoss(_Loss):
    """What other classes lack of a margin, as `scratchcnn.functional.multilabel_margin_loss`.

    Parameters
    ----------
    reduction : {"mean", "sum", "none"}

    Raises
    ------
    TypeError, ValueError
        If `reduction` is none of these; when called, as
        `scratchcnn.functional.multilabel_margin_loss`.

    Examples
    --------
    >>> import numpy as np
    >>> MultiLabelMarginLoss()(np.array([[0.5, 1.0, -1.0]]), np.array([[0, -1, -1]]))
    np.float64(0.5)
    """

    def vjp(self, x: Floats, target: Integers) -> tuple[Floats, LossPullback]:
        """Return the loss and its pullback."""
        return self._applied(F.multilabel_margin_loss, F.multilabel_margin_loss_grad, x, target)


class MultiLabelSoftMarginLoss(_Loss):
    """The mean binary cross-entropy of logits of several classes.

    Parameters
    ----------
    weight : ndarray (C,), optional
        As in `scratchcnn.functional.multilabel_soft_margin_loss`.
    reduction : {"mean", "sum", "none"}

    Raises
    ------
    TypeError, ValueError
        If `reduction` is none of these or `weight` no array of floats; when called, as
        `scratchcnn.functional.multilabel_soft_margin_loss`.

    Examples
    --------
    >>> import numpy as np
    >>> MultiLabelSoftMarginLoss()(np.array([[0.0, 3.0]]), np.array([[1, 1]])).round(4)
    np.float64(0.3709)
    """

    threshold = 0.0

    def __init__(self, weight: Floats | None = None, *, reduction: str = "mean") -> None:
        super().__init__(reduction=reduction)
        self.weight = self._optional("weight", weight)

    def vjp(self, x: Floats, target: NDArray[Any]) -> tuple[Floats, LossPullback]:
        """Return the loss and its pullback."""
        gradient = F.multilabel_soft_margin_loss_input_grad
        return self._applied(F.multilabel_soft_margin_loss, gradient, x, target, self.weight)


class SoftMarginLoss(_Loss):
    """The logistic loss of scores for 1 and -1, as `scratchcnn.functional.soft_margin_loss`.

    Parameters
    ----------
    reduction : {"mean", "sum", "none"}

    Raises
    ------
    TypeError, ValueError
        If `reduction` is none of these; when called, as
        `scratchcnn.functional.soft_margin_loss`.

    Examples
    --------
    >>> import numpy as np
    >>> SoftMarginLoss()(np.array([0.0, 3.0]), np.array([1, -1])).round(4)
    np.float64(1.8709)
    """

    threshold = 0.0

    def vjp(self, x: Floats, target: NDArray[Any]) -> tuple[Floats, LossPullback]:
        """Return the loss and its pullback."""
        return self._applied(F.soft_margin_loss, F.soft_margin_loss_grad, x, target)


class MarginRankingLoss(_Loss):
    """What one score lacks of another, as `scratchcnn.functional.margin_ranking_loss`.

    Parameters
    ----------
    margin : float
    reduction : {"mean", "sum", "none"}

    Raises
    ------
    TypeError, ValueError
        If `reduction` is none of these or `margin` no number; when called, as
        `scratchcnn.functional.margin_ranking_loss`.

    Examples
    --------
    >>> import numpy as np
    >>> MarginRankingLoss()(np.array([0.5]), np.array([2.0]), np.array([1]))
    np.float64(1.5)
    """

    hyperparameters = ("margin", "reduction")

    def __init__(self, margin: float = 0.0, *, reduction: str = "mean") -> None:
        super().__init__(reduction=reduction)
        self.margin = check.real("MarginRankingLoss", "margin", margin, -np.inf)

    def vjp(
        self, input1: Floats, input2: Floats, target: NDArray[Any]
    ) -> tuple[Floats, LossPullbacks]:
        """Return the loss and its pullback, which returns the gradients of both inputs."""

        def gradients(*arrays: Any, **options: Any) -> tuple[Floats, ...]:
            return F.margin_ranking_loss_grads(*arrays, **options)[:2]

        return self._applied(F.margin_ranking_loss, gradients, input1, input2, target)
