"""Rectifiers that keep a slope below 0: given, learned, or drawn at random."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from scratchcnn.functional import _checks as check
from scratchcnn.functional._checks import Floats
from scratchcnn.functional.dropout import RNG


class RReLU(NamedTuple):
    """The result of the randomized rectifier and the slopes that made it."""

    output: Floats
    noise: Floats


@check.ieee
def leaky_relu(x: Floats, negative_slope: float = 0.01) -> Floats:
    """Return `x` where it is positive, and ``negative_slope * x`` elsewhere.

    Parameters
    ----------
    x : ndarray of any shape
    negative_slope : float

    Returns
    -------
    ndarray, same shape and dtype as `x`
        The derivative at 0, and where `x` is NaN, is `negative_slope`.

    Raises
    ------
    TypeError
        If `x` is not of float32 or float64, or `negative_slope` is no number.

    References
    ----------
    .. [1] A. Maas, A. Hannun, A. Ng, "Rectifier Nonlinearities Improve Neural Network Acoustic
       Models", ICML 2013.

    Examples
    --------
    >>> leaky_relu(np.array([-1.0, 0.0, 2.0]), 0.25)
    array([-0.25,  0.  ,  2.  ])
    """
    check.floats("leaky_relu", x=x)
    slope = check.real("leaky_relu", "negative_slope", negative_slope, -np.inf)
    return np.asarray(np.maximum(x, 0) + np.minimum(x, 0) * slope)


@check.ieee
def leaky_relu_grad(grad_output: Floats, x: Floats, *, negative_slope: float = 0.01) -> Floats:
    """Return the gradient of `x`: ``grad_output`` where ``x > 0``, elsewhere times the slope."""
    check.alike("leaky_relu_grad", grad_output, x=x)
    slope = check.real("leaky_relu_grad", "negative_slope", negative_slope, -np.inf)
    return np.where(x > 0, grad_output, grad_output * slope)


@check.ieee
def prelu(x: Floats, weight: Floats) -> Floats:
    """Return `x` where it is positive, and ``weight * x`` elsewhere.

    Parameters
    ----------
    x : ndarray (N, C, ...), or of any shape with a single weight
    weight : ndarray (C,), (1,) or ()
        The slopes of the channels, or one for all.

    Returns
    -------
    ndarray, same shape and dtype as `x`
        The derivative at 0, and where `x` is NaN, is `weight`.

    Raises
    ------
    TypeError
        If an array is not of float32 or float64, or the dtypes differ.
    ValueError
        If the number of weights is neither 1 nor that of the channels.

    References
    ----------
    .. [1] K. He et al., "Delving Deep into Rectifiers: Surpassing Human-Level Performance on
       ImageNet Classification", ICCV 2015.

    Examples
    --------
    >>> prelu(np.array([[-1.0, -1.0], [2.0, 3.0]]), np.array([0.5, 0.25]))
    array([[-0.5 , -0.25],
           [ 2.  ,  3.  ]])
    """
    check.floats("prelu", x=x, weight=weight)
    slopes = _per_channel("prelu", x, weight)
    return np.asarray(np.maximum(x, 0) + np.minimum(x, 0) * slopes)


@check.ieee
def prelu_input_grad(grad_output: Floats, x: Floats, weight: Floats) -> Floats:
    """Return the gradient of `x`: ``grad_output`` where ``x > 0``, elsewhere times `weight`."""
    check.alike("prelu_input_grad", grad_output, x=x)
    check.floats("prelu_input_grad", grad_output=grad_output, weight=weight)
    slopes = _per_channel("prelu_input_grad", x, weight)
    return np.where(x > 0, grad_output, grad_output * slopes)


@check.ieee
def prelu_weight_grad(grad_output: Floats, x: Floats, *, weight_shape: tuple[int, ...]) -> Floats:
    """Return the gradient of `weight`: the sum of ``grad_output * x`` over its ``x <= 0``."""
    check.alike("prelu_weight_grad", grad_output, x=x)
    weight_shape = check.sizes("prelu_weight_grad", "weight_shape", weight_shape)
    _check_weights("prelu_weight_grad", x, weight_shape)
    terms = np.where(x > 0, x.dtype.type(0), grad_output * x)
    if weight_shape in ((), (1,)):
        return np.asarray(terms.sum()).reshape(weight_shape)
    return np.asarray(terms.sum(axis=(0, *range(2, x.ndim))))


@check.ieee
def rrelu(
    x: Floats,
    lower: float = 1 / 8,
    *,
    upper: float = 1 / 3,
    training: bool = False,
    rng: RNG = None,
) -> Floats:
    """Return `x` where it is positive, and elsewhere `x` times a random slope.

    Parameters
    ----------
    x : ndarray of any shape
    lower, upper : float
        Each slope is uniform between them.
    training : bool
        If false, all slopes are the mean, ``(lower + upper) / 2``.
    rng : numpy.random.Generator or int, optional
        The source of randomness or its seed; None takes fresh entropy.

    Returns
    -------
    ndarray, same shape and dtype as `x`
        ``max(x, 0) + slope * min(x, 0)``, with a slope for each element.

    Raises
    ------
    TypeError
        If `x` is not of float32 or float64, or a bound is no number.
    ValueError
        If `lower` is above `upper`, or a bound is infinite.

    References
    ----------
    .. [1] B. Xu, N. Wang, T. Chen, M. Li, "Empirical Evaluation of Rectified Activations in
       Convolutional Network", 2015, arXiv:1505.00853.

    Examples
    --------
    >>> rrelu(np.array([-1.0, 2.0]), 0.25, upper=0.5)
    array([-0.375,  2.   ])
    """
    return _rrelu("rrelu", x, lower, upper, training, rng).output


@check.ieee
def rrelu_with_noise(
    x: Floats,
    lower: float = 1 / 8,
    *,
    upper: float = 1 / 3,
    training: bool = False,
    rng: RNG = None,
) -> RReLU:
    """Return what `rrelu` returns, and the slopes for its gradient.

    Parameters
    ----------
    x : ndarray of any shape
    lower, upper, training, rng
        As in `rrelu`.

    Returns
    -------
    RReLU
        The output ``x * noise``, and the noise, the factor of each element: 1 where ``x > 0``,
        elsewhere its slope.

    Raises
    ------
    TypeError, ValueError
        As `rrelu`.

    References
    ----------
    .. [1] B. Xu, N. Wang, T. Chen, M. Li, "Empirical Evaluation of Rectified Activations in
       Convolutional Network", 2015, arXiv:1505.00853.

    Examples
    --------
    >>> rrelu_with_noise(np.array([-4.0, 2.0]), 0.5, upper=0.5)
    RReLU(output=array([-2.,  2.]), noise=array([0.5, 1. ]))
    """
    return _rrelu("rrelu_with_noise", x, lower, upper, training, rng)


@check.ieee
def rrelu_grad(grad_output: Floats, noise: Floats) -> Floats:
    """Return the gradient of `x`: ``grad_output * noise``, with the slopes of the forward."""
    check.alike("rrelu_grad", grad_output, noise=noise)
    return np.asarray(grad_output * noise)


def _per_channel(function: str, x: Floats, weight: Floats) -> Floats:
    """Return the weights in a shape that broadcasts over axis 1 of `x`."""
    _check_weights(function, x, weight.shape)
    return weight.reshape(-1, *(1,) * (x.ndim - 2)) if weight.size > 1 else weight.reshape(())


def _check_weights(function: str, x: Floats, shape: tuple[int, ...]) -> None:
    channels = x.shape[1] if x.ndim > 1 else 1
    if shape not in ((), (1,), (channels,)):
        raise ValueError(
            f"{function}: weight has shape {shape}, expected (1,) or one weight for each channel, "
            f"({channels},)"
        )


def slope_range(function: str, lower: float, upper: float) -> tuple[float, float]:
    """Return both bounds of random slopes, which must be finite and in order, as floats."""
    low = check.real(function, "lower", lower, -np.inf)
    high = check.real(function, "upper", upper, low)
    if not np.isfinite(high - low):
        raise ValueError(
            f"{function}: lower is {low:g} and upper {high:g}, expected a finite range"
        )
    return low, high


def _rrelu(function: str, x: Floats, lower: float, upper: float, training: bool, rng: RNG) -> RReLU:
    check.floats(function, x=x)
    lower, upper = slope_range(function, lower, upper)
    check.flag(function, "training", training)
    slopes: float | Floats = (lower + upper) / 2
    if training:
        slopes = check.generator(function, rng).uniform(lower, upper, x.shape).astype(x.dtype)
    noise = np.where(x > 0, x.dtype.type(1), slopes).astype(x.dtype, copy=False)
    return RReLU(np.asarray(x * noise), noise)
