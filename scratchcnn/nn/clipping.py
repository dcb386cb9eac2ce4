"""Limits on the size of gradients, between the backward pass and the step."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from scratchcnn.functional import _checks as check
from scratchcnn.functional._checks import Floats
from scratchcnn.nn.parameter import Parameter


@check.ieee
def get_total_norm(
    grads: Iterable[Floats], norm_type: float | str = 2.0, error_if_nonfinite: bool = False
) -> np.floating[Any]:
    """Return the norm of all gradients as if they were one long vector.

    Parameters
    ----------
    grads : iterable of ndarray
    norm_type : float or "inf"
        The p of the norm ``sum(abs(g)**p)**(1 / p)``, above 0; with infinity, it is the largest
        absolute value.
    error_if_nonfinite : bool
        Whether to refuse a norm that is NaN or infinite.

    Returns
    -------
    scalar of the dtype of the gradients
        0 if there are none.

    Raises
    ------
    TypeError
        If the gradients are not all of float32 or all of float64.
    ValueError
        If `norm_type` is not above 0, or the norm is refused.

    Examples
    --------
    >>> get_total_norm([np.array([3.0]), np.array([[4.0]])])
    np.float64(5.0)
    """
    return _total_norm("get_total_norm", list(grads), norm_type, error_if_nonfinite)


@check.ieee
def clip_by_norm(
    grads: Sequence[Floats], max_norm: float, norm_type: float | str = 2.0
) -> list[Floats]:
    """Return all gradients multiplied by ``min(1, max_norm / (norm + 1e-6))``.

    Parameters
    ----------
    grads : sequence of ndarray
    max_norm : float
        What their total norm is at most afterwards, at least 0.
    norm_type : float or "inf"
        As in `get_total_norm`.

    Returns
    -------
    list of ndarray
        All NaN if the norm is NaN.

    Raises
    ------
    TypeError, ValueError
        As `get_total_norm`, or if `max_norm` is no number of at least 0.

    References
    ----------
    .. [1] R. Pascanu et al., "On the Difficulty of Training Recurrent Neural Networks",
       ICML 2013.

    Examples
    --------
    >>> [grad.round(3) for grad in clip_by_norm([np.array([3.0]), np.array([4.0])], 1.0)]
    [array([0.6]), array([0.8])]
    """
    norm = _total_norm("clip_by_norm", grads, norm_type, False)
    return _scaled("clip_by_norm", grads, max_norm, norm)


@check.ieee
def clip_by_value(grads: Sequence[Floats], clip_value: float) -> list[Floats]:
    """Return all gradients with their elements limited to ``-clip_value`` to ``clip_value``.

    Parameters
    ----------
    grads : sequence of ndarray
    clip_value : float
        At least 0.

    Returns
    -------
    list of ndarray
        NaN stays NaN.

    Raises
    ------
    TypeError, ValueError
        If a gradient is not of float32 or float64, or `clip_value` no number of at least 0.

    Examples
    --------
    >>> clip_by_value([np.array([-3.0, 0.5])], 1.0)
    [array([-1. ,  0.5])]
    """
    return _limited("clip_by_value", grads, clip_value)


@check.ieee
def clip_grad_norm_(
    parameters: Parameter | Iterable[Parameter],
    max_norm: float,
    norm_type: float | str = 2.0,
    error_if_nonfinite: bool = False,
) -> np.floating[Any]:
    """Replace the gradients of parameters by those of `clip_by_norm`, and return their norm.

    Parameters
    ----------
    parameters : Parameter or iterable of them
        Those without a gradient do not count.
    max_norm, norm_type
        As in `clip_by_norm`.
    error_if_nonfinite : bool
        Whether to refuse a norm that is NaN or infinite; nothing is changed then.

    Returns
    -------
    scalar
        The norm before clipping.

    Raises
    ------
    TypeError, ValueError
        As `get_total_norm` and `clip_by_norm`.

    Examples
    --------
    >>> weight = Parameter(np.zeros(2))
    >>> weight.accumulate(np.array([3.0, 4.0]))
    >>> clip_grad_norm_([weight], 1.0), weight.grad.round(3)
    (np.float64(5.0), array([0.6, 0.8]))
    """
    name = "clip_grad_norm_"
    given, grads = _gradients(name, parameters)
    norm = _total_norm(name, grads, norm_type, error_if_nonfinite)
    for parameter, grad in zip(given, _scaled(name, grads, max_norm, norm), strict=True):
        parameter.grad = grad
    return norm


@check.ieee
def clip_grad_value_(parameters: Parameter | Iterable[Parameter], clip_value: float) -> None:
    """Replace the gradients of parameters by those of `clip_by_value`.

    Parameters
    ----------
    parameters : Parameter or iterable of them
        Those without a gradient do not count.
    clip_value : float
        As in `clip_by_value`.

    Raises
    ------
    TypeError, ValueError
        As `clip_by_value`.

    Examples
    --------
    >>> weight = Parameter(np.zeros(2))
    >>> weight.accumulate(np.array([-3.0, 0.5]))
    >>> clip_grad_value_([weight], 1.0)
    >>> weight.grad
    array([-1. ,  0.5])
    """
    name = "clip_grad_value_"
    given, grads = _gradients(name, parameters)
    for parameter, grad in zip(given, _limited(name, grads, clip_value), strict=True):
        parameter.grad = grad


def _gradients(
    function: str,
    parameters: Parameter | Iterable[Parameter],
) -> tuple[list[Parameter], list[Floats]]:
    """Return the parameters that have a gradient, each once, and their gradients."""
    if not isinstance(parameters, Parameter | Iterable):
        raise TypeError(
            f"{function}: parameters is a {type(parameters).__name__}, expected an iterable of "
            "Parameters"
        )
    every = [parameters] if isinstance(parameters, Parameter) else list(parameters)
    for each in every:
        if not isinstance(each, Parameter):
            raise TypeError(
                f"{function}: parameters has a {type(each).__name__}, expected Parameters"
            )
    given = list({id(each): each for each in every if each.grad is not None}.values())
    return given, [each.grad for each in given if each.grad is not None]


def _total_norm(
    function: str, grads: Sequence[Floats], norm_type: float | str, error_if_nonfinite: bool
) -> np.floating[Any]:
    check.floats(function, **{f"gradient {place}": grad for place, grad in enumerate(grads)})
    infinite = isinstance(norm_type, str) and norm_type == "inf"
    p = check.real(function, "norm_type", np.inf if infinite else norm_type, 0)
    if p == 0:
        raise ValueError(f"{function}: norm_type is 0, expected a number above 0")
    dtype = grads[0].dtype if grads else np.dtype(np.float32)
    # The largest value is taken out, so that no power of float32 gradients can overflow.
    sizes = [np.abs(grad).max(initial=0) for grad in grads]
    largest = np.float64(max(sizes, default=0) if not np.isnan(sizes).any() else np.nan)
    norm = largest
    if p < np.inf and 0 < largest < np.inf:
        powers = (((np.abs(grad, dtype=np.float64) / largest) ** p).sum() for grad in grads)
        norm = largest * sum(powers) ** (1 / p)
    if error_if_nonfinite and not np.isfinite(norm):
        raise ValueError(f"{function}: the norm of the gradients is {norm}, expected a finite one")
    return dtype.type(norm)


def _scaled(
    function: str, grads: Sequence[Floats], max_norm: float, norm: np.floating[Any]
) -> list[Floats]:
    limit = check.real(function, "max_norm", max_norm, 0)
    factor = np.minimum(norm.dtype.type(limit) / (norm + norm.dtype.type(1e-6)), 1)
    return [np.multiply(grad, factor.astype(grad.dtype), order="C") for grad in grads]


def _limited(function: str, grads: Sequence[Floats], clip_value: float) -> list[Floats]:
    check.floats(function, **{f"gradient {place}": grad for place, grad in enumerate(grads)})
    limit = check.real(function, "clip_value", clip_value, 0)
    return [np.clip(grad, -limit, limit) for grad in grads]
