"""Losses of distributions: divergence from one, or negative log-likelihood under another.

Arrays broadcast against each other; the gradient of one that did is summed over its copies.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from scratchcnn.functional import _checks as check
from scratchcnn.functional._checks import Floats
from scratchcnn.functional._reduction import (
    check_grad_output,
    common_shape,
    real_or_integers,
    reduce,
    reduce_grad,
    unbroadcast,
)

DIVERGENCE_REDUCTIONS = ("none", "mean", "sum", "batchmean")


class GaussianGrads(NamedTuple):
    """The gradients of `gaussian_nll_loss`."""

    input: Floats
    target: Floats
    var: Floats


@check.ieee
def kl_div(
    x: Floats, target: Floats, *, reduction: str = "mean", log_target: bool = False
) -> Floats:
    """Return the Kullback-Leibler divergence of ``exp(x)`` from `target`, term by term.

    Parameters
    ----------
    x : ndarray of any shape
        Logarithms of probabilities.
    target : ndarray that broadcasts with `x`
        Probabilities, or their logarithms.
    reduction : {"mean", "sum", "none", "batchmean"}
        The mean over all terms; "batchmean", the divergence proper, divides their sum by the
        length of the first axis of `x`.
    log_target : bool
        Whether `target` holds logarithms.

    Returns
    -------
    scalar, or ndarray for ``reduction="none"``
        ``target * (log(target) - x)``, where ``0 * log(0)`` is 0. At a target of 0 its own
        gradient is NaN, as in PyTorch: there is none.

    Raises
    ------
    TypeError
        If an array is not of float32 or float64, or the dtypes differ.
    ValueError
        If the shapes do not broadcast.

    References
    ----------
    .. [1] S. Kullback and R. A. Leibler, "On Information and Sufficiency", Annals of
       Mathematical Statistics 22, 1951.

    Examples
    --------
    >>> x = np.log(np.array([[0.5, 0.5]]))
    >>> kl_div(x, np.array([[1.0, 0.0]]), reduction="batchmean")
    np.float64(0.6931471805599453)
    """
    _divergence("kl_div", x, target, reduction, log_target)
    if log_target:
        losses = np.exp(target) * (target - x)
    else:
        losses = np.where(target == 0, target, target * np.log(target)) - target * x
    return reduce(losses, reduction, _divisor(x, reduction, losses.size))


@check.ieee
def kl_div_input_grad(
    grad_output: Floats,
    x: Floats,
    target: Floats,
    *,
    reduction: str = "mean",
    log_target: bool = False,
) -> Floats:
    """Return the gradient of `x`: ``-grad_output * target``, or ``-grad_output * exp(target)``."""
    shape = _divergence(
        "kl_div_input_grad", x, target, reduction, log_target, grad_output=grad_output
    )
    count = _divisor(x, reduction, math.prod(shape))
    scale = reduce_grad(grad_output, reduction, count)
    slope = -(np.exp(target) if log_target else target)
    return unbroadcast(scale * np.broadcast_to(slope, shape), x.shape)


@check.ieee
def kl_div_target_grad(
    grad_output: Floats,
    x: Floats,
    target: Floats,
    *,
    reduction: str = "mean",
    log_target: bool = False,
) -> Floats:
    """Return the gradient of `target`: ``log(target) + 1 - x``, or ``exp(t) * (t - x + 1)``."""
    shape = _divergence(
        "kl_div_target_grad", x, target, reduction, log_target, grad_output=grad_output
    )
    count = _divisor(x, reduction, math.prod(shape))
    if log_target:
        slope = np.exp(target) * (target - x + 1)
    else:
        # The quotient is 1, but for a target of 0, where there is no derivative.
        slope = np.log(target) + target / target - x
    return unbroadcast(reduce_grad(grad_output, reduction, count) * slope, target.shape)


@check.ieee
def poisson_nll_loss(
    x: Floats,
    target: NDArray[Any],
    *,
    log_input: bool = True,
    full: bool = False,
    eps: float = 1e-8,
    reduction: str = "mean",
) -> Floats:
    """Return the negative log-likelihood of counts under Poisson's distribution.

    Parameters
    ----------
    x : ndarray of any shape
        Rates, or their logarithms.
    target : ndarray of floats or integers that broadcasts with `x`
        Counts.
    log_input : bool
        Whether `x` holds logarithms.
    full : bool
        Whether to add Stirling's ``t * log(t) - t + log(2 * pi * t) / 2``, which stands for
        ``log(t!)``, for targets above 1.
    eps : float
        Added to a rate before its logarithm, at least 0.
    reduction : {"mean", "sum", "none"}

    Returns
    -------
    scalar, or ndarray for ``reduction="none"``
        ``exp(x) - target * x`` for logarithms, and ``x - target * log(x + eps)`` for rates. The
        mean of nothing is NaN.

    Raises
    ------
    TypeError
        If `x` is not of float32 or float64, or `target` of neither its dtype nor integers.
    ValueError
        If the shapes do not broadcast, or `eps` is negative.

    References
    ----------
    .. [1] J. A. Nelder and R. W. M. Wedderburn, "Generalized Linear Models", Journal of the
       Royal Statistical Society A 135, 1972.

    Examples
    --------
    >>> poisson_nll_loss(np.array([2.0]), np.array([2]), log_input=False, eps=0.0)
    np.float64(0.6137056388801094)
    """
    target, _ = _counts("poisson_nll_loss", x, target, reduction)
    check.flag("poisson_nll_loss", "log_input", log_input)
    check.flag("poisson_nll_loss", "full", full)
    eps = check.real("poisson_nll_loss", "eps", eps, 0)
    losses = np.exp(x) - target * x if log_input else x - target * np.log(x + eps)
    if full:
        logarithm = np.log(target)
        factorial = target * logarithm - target + (logarithm + math.log(2 * math.pi)) / 2
        losses = losses + np.where(target > 1, factorial, x.dtype.type(0))
    return reduce(losses, reduction)


@check.ieee
def poisson_nll_loss_input_grad(
    grad_output: Floats,
    x: Floats,
    target: NDArray[Any],
    *,
    log_input: bool = True,
    eps: float = 1e-8,
    reduction: str = "mean",
) -> Floats:
    """Return the gradient of `x`: ``exp(x) - target``, or ``1 - target / (x + eps)``."""
    name = "poisson_nll_loss_input_grad"
    target, shape = _counts(name, x, target, reduction, grad_output=grad_output)
    check.flag(name, "log_input", log_input)
    eps = check.real(name, "eps", eps, 0)
    slope = np.exp(x) - target if log_input else 1 - target / (x + eps)
    scale = reduce_grad(grad_output, reduction, math.prod(shape))
    return unbroadcast(scale * slope, x.shape)


@check.ieee
def poisson_nll_loss_target_grad(
    grad_output: Floats,
    x: Floats,
    target: NDArray[Any],
    *,
    log_input: bool = True,
    full: bool = False,
    eps: float = 1e-8,
    reduction: str = "mean",
) -> Floats:
    """Return the gradient of `target`: ``-x`` or ``-log(x + eps)``; if full, Stirling's too."""
    name = "poisson_nll_loss_target_grad"
    target, shape = _counts(name, x, target, reduction, grad_output=grad_output)
    check.flag(name, "log_input", log_input)
    eps = check.real(name, "eps", eps, 0)
    check.flag(name, "full", full)
    slope = -x if log_input else -np.log(x + eps)
    if full:
        slope = slope + np.where(target > 1, np.log(target) + 0.5 / target, x.dtype.type(0))
    scale = reduce_grad(grad_output, reduction, math.prod(shape))
    return unbroadcast(scale * np.broadcast_to(slope, shape), target.shape)


@check.ieee
def gaussian_nll_loss(
    x: Floats,
    target: Floats,
    var: Floats | float,
    *,
    full: bool = False,
    eps: float = 1e-6,
    reduction: str = "mean",
) -> Floats:
    """Return the negative log-likelihood of `target` under normal distributions around `x`.

    Parameters
    ----------
    x : ndarray of any shape
        Expectations.
    target : ndarray that broadcasts with `x`
    var : ndarray or float
        Variances, none negative: of the shape of `x`, with 1 instead of one of its sizes, or
        without its last axis.
    full : bool
        Whether to add the constant ``log(2 * pi) / 2``.
    eps : float
        The least variance that counts, at least 0.
    reduction : {"mean", "sum", "none"}

    Returns
    -------
    scalar, or ndarray for ``reduction="none"``
        ``(log(v) + (x - target)**2 / v) / 2`` with ``v = max(var, eps)``. The gradient of
        `var` is that of `v`, where `eps` is larger too, as in PyTorch.

    Raises
    ------
    TypeError
        If an array is not of float32 or float64, or the dtypes differ.
    ValueError
        If the shapes do not fit, or `var` has a negative value.

    References
    ----------
    .. [1] D. A. Nix and A. S. Weigend, "Estimating the Mean and Variance of the Target
       Probability Distribution", ICNN 1994.

    Examples
    --------
    >>> gaussian_nll_loss(np.array([1.0, 2.0]), np.array([1.0, 4.0]), np.array([1.0, 2.0]))
    np.float64(0.6732867951399863)
    """
    name = "gaussian_nll_loss"
    variance, _ = _normal(name, x, target, var, eps, reduction)
    check.flag(name, "full", full)
    losses = (np.log(variance) + (x - target) ** 2 / variance) / 2
    return reduce(losses + math.log(2 * math.pi) / 2 if full else losses, reduction)


@check.ieee
def gaussian_nll_loss_grads(
    grad_output: Floats,
    x: Floats,
    target: Floats,
    var: Floats | float,
    *,
    eps: float = 1e-6,
    reduction: str = "mean",
) -> GaussianGrads:
    """Return all gradients: ``±(x - target) / v`` and ``(1 - (x - target)**2 / v) / (2 * v)``."""
    name = "gaussian_nll_loss_grads"
    variance, shape = _normal(name, x, target, var, eps, reduction, grad_output=grad_output)
    scale = reduce_grad(grad_output, reduction, math.prod(shape))
    difference = x - target
    slope = scale * np.broadcast_to(difference / variance, shape)
    spread = (1 - difference * difference / variance) / (2 * variance)
    to_var = unbroadcast(scale * np.broadcast_to(spread, shape), variance.shape)
    return GaussianGrads(
        unbroadcast(slope, x.shape),
        unbroadcast(-slope, target.shape),
        to_var.reshape(np.shape(var)) if isinstance(var, np.ndarray) else to_var.sum(),
    )


def _divergence(
    function: str,
    x: Floats,
    target: Floats,
    reduction: str,
    log_target: bool,
    **gradient: Floats,
) -> tuple[int, ...]:
    """Check the arrays of `kl_div` and return the shape of its terms."""
    check.choice(function, "reduction", reduction, DIVERGENCE_REDUCTIONS)
    check.flag(function, "log_target", log_target)
    check.floats(function, **gradient, x=x, target=target)
    shape = common_shape(function, x=x.shape, target=target.shape)
    for grad_output in gradient.values():
        check_grad_output(function, grad_output, shape, reduction, DIVERGENCE_REDUCTIONS)
    return shape


def _divisor(x: Floats, reduction: str, count: int) -> int:
    """Return what the sum of the terms is divided by: one batch where `x` has no axis."""
    return count if reduction != "batchmean" else x.shape[0] if x.ndim else 1


def _counts(
    function: str,
    x: Floats,
    target: NDArray[Any],
    reduction: str,
    **gradient: Floats,
) -> tuple[Floats, tuple[int, ...]]:
    """Check the arrays of a Poisson loss; return counts as floats, and the shape of the losses."""
    check.choice(function, "reduction", reduction, check.REDUCTIONS)
    check.floats(function, **gradient, x=x)
    counts = real_or_integers(function, "target", target, x)
    shape = common_shape(function, x=x.shape, target=target.shape)
    for grad_output in gradient.values():
        check_grad_output(function, grad_output, shape, reduction)
    return counts, shape


def _normal(
    function: str,
    x: Floats,
    target: Floats,
    var: Floats | float,
    eps: float,
    reduction: str,
    **gradient: Floats,
) -> tuple[Floats, tuple[int, ...]]:
    """Return the variances that count, ready to broadcast, and the shape of the losses."""
    check.choice(function, "reduction", reduction, check.REDUCTIONS)
    check.floats(function, **gradient, x=x, target=target)
    eps = check.real(function, "eps", eps, 0)
    if isinstance(var, int | float | np.floating):
        var = np.full(x.shape, check.real(function, "var", var, 0), x.dtype)
    check.floats(function, x=x, var=var)
    if (var < 0).any():
        raise ValueError(f"{function}: var has the value {var[var < 0][0]}, expected at least 0")
    variance = var[..., None] if x.ndim and var.shape == x.shape[:-1] else var
    differing = [v for v, size in zip(variance.shape, x.shape, strict=False) if v != size]
    if variance.ndim != x.ndim or differing not in ([], [1]):
        raise ValueError(
            f"{function}: var has shape {var.shape}, expected that of x, {x.shape}, with 1 "
            "instead of one size, or without the last axis"
        )
    shape = common_shape(function, x=x.shape, target=target.shape, var=variance.shape)
    for grad_output in gradient.values():
        check_grad_output(function, grad_output, shape, reduction)
    return np.maximum(variance, x.dtype.type(eps)), shape
