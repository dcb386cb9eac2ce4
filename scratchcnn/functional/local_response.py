"""Local response normalization: each value over a power of its neighbours in other channels."""

from __future__ import annotations

import numpy as np

from scratchcnn.functional import _checks as check
from scratchcnn.functional._checks import Floats


@check.ieee
def local_response_norm(
    x: Floats, size: int, *, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0
) -> Floats:
    """Return each value, divided by a power of the mean square of the channels around it.

    Parameters
    ----------
    x : ndarray (N, C, ...)
        With at least one spatial axis.
    size : int
        How many channels count: from ``size // 2`` before to ``(size - 1) // 2`` after.
    alpha, beta, k : float
        As in the formula.

    Returns
    -------
    ndarray, same shape and dtype as `x`
        ``y = x / d**beta`` with ``d = k + alpha / size * sum(x**2 over the channels around it)``.
        As in PyTorch, channels beyond the ends count as zeros and `alpha` is divided by `size`;
        in the paper, it is not.

    Raises
    ------
    TypeError
        If `x` is not of float32 or float64, or a parameter is no number.
    ValueError
        If `x` has less than three axes, or `size` is below 1.

    References
    ----------
    .. [1] A. Krizhevsky et al., "ImageNet Classification with Deep Convolutional Neural
       Networks", NIPS 2012.

    Examples
    --------
    >>> x = np.array([[[2.0], [1.0], [0.0]]])
    >>> local_response_norm(x, 2, alpha=2.0, beta=1.0, k=1.0).round(3).ravel()
    array([0.4  , 0.167, 0.   ])
    """
    alpha, beta, k = _checked("local_response_norm", x, size, alpha, beta, k)
    x = np.ascontiguousarray(x)
    return x * _base(x, size, alpha, k) ** -beta


@check.ieee
def local_response_norm_grad(
    grad_output: Floats,
    x: Floats,
    *,
    size: int,
    alpha: float = 1e-4,
    beta: float = 0.75,
    k: float = 1.0,
) -> Floats:
    """Return the gradient of `x`: ``g / d**beta - 2 * alpha * beta / size * x * Σ g * y / d``."""
    name = "local_response_norm_grad"
    check.floats(name, grad_output=grad_output, x=x)
    alpha, beta, k = _checked(name, x, size, alpha, beta, k)
    check.shape(name, "grad_output", grad_output, x.shape)
    x = np.ascontiguousarray(x)
    base = _base(x, size, alpha, k)
    inverse = base**-beta
    # Over the channels that count this one among theirs: before and after change places.
    around = _window_sum(grad_output * x * inverse / base, (size - 1) // 2, size // 2)
    return grad_output * inverse - x * around * (2 * alpha * beta / size)


def _checked(
    function: str, x: Floats, size: int, alpha: float, beta: float, k: float
) -> tuple[float, float, float]:
    """Return the numbers, or raise for what does not fit."""
    check.floats(function, x=x)
    if x.ndim < 3:
        raise ValueError(
            f"{function}: x has {x.ndim} dimensions, shape {x.shape}, "
            "expected at least 3: (N, C, L)"
        )
    check.whole(function, "size", size, 1)
    numbers = {"alpha": alpha, "beta": beta, "k": k}
    alpha, beta, k = (check.real(function, name, value, -np.inf) for name, value in numbers.items())
    return alpha, beta, k


def _base(x: Floats, size: int, alpha: float, k: float) -> Floats:
    """Return ``k + alpha / size * sum(x**2)``."""
    base = _window_sum(x * x, size // 2, (size - 1) // 2)
    base *= alpha / size
    base += k
    return base


def _window_sum(x: Floats, before: int, after: int) -> Floats:
    """Return the sum over the channels from so many before each to so many after it."""
    channels = x.shape[1]
    total = np.zeros(x.shape, x.dtype)
    for step in range(-min(before, channels - 1), min(after, channels - 1) + 1):
        to = slice(max(0, -step), channels - max(0, step))
        total[:, to] += x[:, max(0, step) : channels - max(0, -step)]
    return total
