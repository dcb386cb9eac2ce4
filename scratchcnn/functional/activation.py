"""Activations, elementwise and along one axis."""

from __future__ import annotations

import numpy as np

from scratchcnn.functional import _checks as check
from scratchcnn.functional._checks import Floats


@check.ieee
def relu(x: Floats) -> Floats:
    """Return ``max(x, 0)``.

    Parameters
    ----------
    x : ndarray of any shape

    Returns
    -------
    ndarray, same shape and dtype as `x`
        NaN stays NaN. The derivative at 0 is taken as 0, as in PyTorch.

    Raises
    ------
    TypeError
        If `x` is not of float32 or float64.

    References
    ----------
    .. [1] V. Nair, G. Hinton, "Rectified Linear Units Improve Restricted Boltzmann Machines",
       ICML 2010.

    Examples
    --------
    >>> relu(np.array([-1.0, 0.0, 2.0]))
    array([0., 0., 2.])
    """
    check.floats("relu", x=x)
    return np.maximum(x, 0)


@check.ieee
def relu_grad(grad_output: Floats, x: Floats) -> Floats:
    """Return the gradient of `x`: ``grad_output`` where ``x > 0`` or NaN, and 0 elsewhere."""
    check.alike("relu_grad", grad_output, x=x)
    return np.where(x <= 0, grad_output.dtype.type(0), grad_output)


@check.ieee
def sigmoid(x: Floats) -> Floats:
    """Return ``1 / (1 + exp(-x))``.

    Parameters
    ----------
    x : ndarray of any shape

    Returns
    -------
    ndarray, same shape and dtype as `x`
        Accurate over the whole range: no intermediate overflows.

    Raises
    ------
    TypeError
        If `x` is not of float32 or float64.

    References
    ----------
    .. [1] D. E. Rumelhart, G. E. Hinton and R. J. Williams, "Learning Representations by
       Back-Propagating Errors", Nature 323, 1986.

    Examples
    --------
    >>> sigmoid(np.array([-1000.0, 0.0, 1000.0]))
    array([0. , 0.5, 1. ])
    """
    check.floats("sigmoid", x=x)
    return _sigmoid(x)


@check.ieee
def sigmoid_grad(grad_output: Floats, y: Floats) -> Floats:
    """Return the gradient of `x` from ``y = sigmoid(x)``: ``grad_output * y * (1 - y)``."""
    check.alike("sigmoid_grad", grad_output, y=y)
    return grad_output * (y * (1 - y))


@check.ieee
def tanh(x: Floats) -> Floats:
    """Return the hyperbolic tangent of `x`.

    Parameters
    ----------
    x : ndarray of any shape

    Returns
    -------
    ndarray, same shape and dtype as `x`
        ``(exp(x) - exp(-x)) / (exp(x) + exp(-x))``; no intermediate overflows.

    Raises
    ------
    TypeError
        If `x` is not of float32 or float64.

    References
    ----------
    .. [1] Y. LeCun, L. Bottou, G. B. Orr and K.-R. Müller, "Efficient BackProp", in Neural
       Networks: Tricks of the Trade, Springer, 1998.

    Examples
    --------
    >>> tanh(np.array([-1000.0, 0.0, 1000.0]))
    array([-1.,  0.,  1.])
    """
    check.floats("tanh", x=x)
    # NumPy's tanh of float32 errs by more than half a last digit, which near 1 is all that its
    # gradient has; rounded from float64 it does not.
    return np.tanh(x, out=np.empty_like(x), dtype=np.float64, casting="same_kind")


@check.ieee
def tanh_grad(grad_output: Floats, y: Floats) -> Floats:
    """Return the gradient of `x` from ``y = tanh(x)``: ``grad_output * (1 - y**2)``."""
    check.alike("tanh_grad", grad_output, y=y)
    # The form (1 - y) * (1 + y) rounds twice more where y is small.
    return grad_output * (1 - y * y)


@check.ieee
def softmax(x: Floats, *, dim: int) -> Floats:
    """Return ``exp(x) / sum(exp(x))`` along one axis.

    Parameters
    ----------
    x : ndarray of any shape
    dim : int
        The axis along which the result sums to 1.

    Returns
    -------
    ndarray, same shape and dtype as `x`
        The maximum is subtracted first, so that no exponential overflows.

    Raises
    ------
    TypeError
        If `x` is not of float32 or float64, or `dim` is no integer.
    ValueError
        If `x` has no axis `dim`.

    References
    ----------
    .. [1] J. S. Bridle, "Probabilistic Interpretation of Feedforward Classification Network
       Outputs, with Relationships to Statistical Pattern Recognition", in Neurocomputing,
       Springer, 1990.

    Examples
    --------
    >>> softmax(np.array([1000.0, 1000.0]), dim=0)
    array([0.5, 0.5])
    """
    check.floats("softmax", x=x)
    dim = _axis("softmax", dim, x)
    powers = np.exp(_below_maximum(x, dim))
    powers /= powers.sum(dim, keepdims=True)
    return powers


@check.ieee
def softmax_grad(grad_output: Floats, y: Floats, *, dim: int) -> Floats:
    """Return the gradient of `x` from ``y = softmax(x)``: ``y * (g - sum(g * y))`` along `dim`."""
    check.alike("softmax_grad", grad_output, y=y)
    dim = _axis("softmax_grad", dim, y)
    return np.asarray(y * (grad_output - (grad_output * y).sum(dim, keepdims=True)))


@check.ieee
def softmin(x: Floats, *, dim: int) -> Floats:
    """Return ``exp(-x) / sum(exp(-x))`` along one axis, the softmax of ``-x``.

    Parameters
    ----------
    x : ndarray of any shape
    dim : int
        The axis along which the result sums to 1.

    Returns
    -------
    ndarray, same shape and dtype as `x`

    Raises
    ------
    TypeError
        If `x` is not of float32 or float64, or `dim` is no integer.
    ValueError
        If `x` has no axis `dim`.

    References
    ----------
    .. [1] J. S. Bridle, "Probabilistic Interpretation of Feedforward Classification Network
       Outputs, with Relationships to Statistical Pattern Recognition", in Neurocomputing,
       Springer, 1990, for the softmax.

    Examples
    --------
    >>> softmin(np.array([0.0, 1000.0]), dim=0)
    array([1., 0.])
    """
    check.floats("softmin", x=x)
    dim = _axis("softmin", dim, x)
    return softmax(-x, dim=dim)


@check.ieee
def softmin_grad(grad_output: Floats, y: Floats, *, dim: int) -> Floats:
    """Return the gradient of `x` from ``y = softmin(x)``: ``y * (sum(g * y) - g)`` along `dim`."""
    check.alike("softmin_grad", grad_output, y=y)
    dim = _axis("softmin_grad", dim, y)
    return -softmax_grad(grad_output, y, dim=dim)


@check.ieee
def log_softmax(x: Floats, *, dim: int) -> Floats:
    """Return ``x - log(sum(exp(x)))`` along one axis, the logarithm of `softmax`.

    Parameters
    ----------
    x : ndarray of any shape
    dim : int
        The axis along which the exponentials of the result sum to 1.

    Returns
    -------
    ndarray, same shape and dtype as `x`
        Finite where the softmax itself would round to 0.

    Raises
    ------
    TypeError
        If `x` is not of float32 or float64, or `dim` is no integer.
    ValueError
        If `x` has no axis `dim`.

    References
    ----------
    .. [1] P. Blanchard, D. J. Higham and N. J. Higham, "Accurately Computing the Log-Sum-Exp
       and Softmax Functions", IMA Journal of Numerical Analysis 41, 2021.

    Examples
    --------
    >>> log_softmax(np.array([0.0, 1000.0]), dim=0)
    array([-1000.,     0.])
    """
    check.floats("log_softmax", x=x)
    dim = _axis("log_softmax", dim, x)
    return _log_softmax(x, dim)


@check.ieee
def log_softmax_grad(grad_output: Floats, y: Floats, *, dim: int) -> Floats:
    """Return the gradient of `x` from ``y = log_softmax(x)``: ``g - exp(y) * sum(g)``."""
    check.alike("log_softmax_grad", grad_output, y=y)
    dim = _axis("log_softmax_grad", dim, y)
    return np.asarray(grad_output - np.exp(y) * grad_output.sum(dim, keepdims=True))


def _axis(function: str, dim: int, x: Floats) -> int:
    # A single number has one axis, 0 or -1, as in PyTorch.
    return check.axis(function, "dim", dim, max(x.ndim, 1))


def _odds(x: Floats) -> tuple[Floats, Floats]:
    """Return two numbers from 0 to 1 whose quotient is ``exp(x)``; one of them is 1."""
    # A second exponential costs less than a choice between two arrays.
    return np.exp(np.minimum(x, 0)), np.exp(np.minimum(-x, 0))


def _sigmoid(x: Floats) -> Floats:
    above, below = _odds(x)
    return np.asarray(above / (above + below))


def _log_softmax(x: Floats, dim: int) -> Floats:
    below = _below_maximum(x, dim)
    return np.asarray(below - np.log(np.exp(below).sum(dim, keepdims=True)))


def _below_maximum(x: Floats, dim: int) -> Floats:
    if x.size == 0:
        return x.copy()
    # A row with +inf, or of -inf only, becomes NaN, as in PyTorch.
    return np.asarray(x - x.max(dim, keepdims=True))
