"""Losses of distributions as objects."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from scratchcnn import functional as F
from scratchcnn.functional import _checks as check
from scratchcnn.functional._checks import Floats
from scratchcnn.functional.likelihood import DIVERGENCE_REDUCTIONS
from scratchcnn.nn.loss import LossPullback, LossPullbacks, _Loss


class KLDivLoss(_Loss):
    """The divergence of log-probabilities from a target, as `scratchcnn.functional.kl_div`.

    Parameters
    ----------
    reduction : {"mean", "sum", "none", "batchmean"}
    log_target : bool

    Raises
    ------
    TypeError, ValueError
        If `reduction` is none of these or `log_target` no bool; when called, as
        `scratchcnn.functional.kl_div`.

    Examples
    --------
    >>> import numpy as np
    >>> KLDivLoss(reduction="batchmean")(np.log([[0.5, 0.5]]), np.array([[0.25, 0.75]])).round(4)
    np.float64(0.1308)
    """

    reductions = DIVERGENCE_REDUCTIONS
    hyperparameters = ("reduction", "log_target")

    def __init__(self, *, reduction: str = "mean", log_target: bool = False) -> None:
        super().__init__(reduction=reduction)
        self.log_target = check.flag("KLDivLoss", "log_target", log_target)

    def vjp(self, x: Floats, target: Floats) -> tuple[Floats, LossPullback]:
        """Return the loss and its pullback."""
        return self._applied(F.kl_div, F.kl_div_input_grad, x, target)


class PoissonNLLLoss(_Loss):
    """The negative log-likelihood of counts, as `scratchcnn.functional.poisson_nll_loss`.

    Parameters
    ----------
    log_input, full : bool
    eps : float
    reduction : {"mean", "sum", "none"}

    Raises
    ------
    TypeError, ValueError
        If `reduction` is none of these, `log_input` or `full` no bool, or `eps` negative; when
        called, as `scratchcnn.functional.poisson_nll_loss`.

    Examples
    --------
    >>> import numpy as np
    >>> PoissonNLLLoss()(np.array([0.0]), np.array([3]))
    np.float64(1.0)
    """

    hyperparameters = ("log_input", "full", "eps", "reduction")

    def __init__(
        self,
        log_input: bool = True,
        full: bool = False,
        *,
        eps: float = 1e-8,
        reduction: str = "mean",
    ) -> None:
        super().__init__(reduction=reduction)
        self.log_input = check.flag("PoissonNLLLoss", "log_input", log_input)
        self.full = check.flag("PoissonNLLLoss", "full", full)
        self.eps = check.real("PoissonNLLLoss", "eps", eps, 0)

    def vjp(self, x: Floats, target: NDArray[Any]) -> tuple[Floats, LossPullback]:
        """Return the loss and its pullback."""

        def gradient(*arrays: Any, full: bool, **options: Any) -> Floats:
            # The constant of a count is no matter of the rate.
            return F.poisson_nll_loss_input_grad(*arrays, **options)

        return self._applied(F.poisson_nll_loss, gradient, x, target)


class GaussianNLLLoss(_Loss):
    """The negative log-likelihood of normal values, as `scratchcnn.functional.gaussian_nll_loss`.

    Parameters
    ----------
    full : bool
    eps : float
    reduction : {"mean", "sum", "none"}

    Raises
    ------
    TypeError, ValueError
        If `reduction` is none of these, `full` no bool, or `eps` negative; when called, as
        `scratchcnn.functional.gaussian_nll_loss`.

    Examples
    --------
    >>> import numpy as np
    >>> GaussianNLLLoss()(np.array([1.0]), np.array([3.0]), np.array([1.0]))
    np.float64(2.0)
    """

    hyperparameters = ("full", "eps", "reduction")

    def __init__(self, *, full: bool = False, eps: float = 1e-6, reduction: str = "mean") -> None:
        super().__init__(reduction=reduction)
        self.full = check.flag("GaussianNLLLoss", "full", full)
        self.eps = check.real("GaussianNLLLoss", "eps", eps, 0)

    def vjp(self, x: Floats, target: Floats, var: Floats | float) -> tuple[Floats, LossPullbacks]:
        """Return the loss and its pullback, which returns the gradients of `x` and `var`."""

        def gradients(*arrays: Any, full: bool, **options: Any) -> tuple[Floats, ...]:
            grads = F.gaussian_nll_loss_grads(*arrays, **options)
            return grads.input, grads.var

        return self._applied(F.gaussian_nll_loss, gradients, x, target, var)
