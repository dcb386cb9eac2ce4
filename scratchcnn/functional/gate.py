"""Activations that multiply by a gate: a smooth step of the input, or of its other half.

In the tails of `mish` and `gelu` the errors of exponentials count several times over, so these
two compute in float64 and round once.
"""

from __future__ import annotations

import math

import numpy as np

from scratchcnn.functional import _checks as check
from scratchcnn.functional._checks import Floats
from scratchcnn.functional.activation import _odds, _sigmoid

# Of the approximation of the normal distribution in the article on `gelu`.
CUBIC = 0.044715


@check.ieee
def silu(x: Floats) -> Floats:
    """Return ``x * sigmoid(x)``, also known as swish.

    Parameters
    ----------
    x : ndarray of any shape

    Returns
    -------
    ndarray, same shape and dtype as `x`
        -inf becomes NaN, and so do the derivatives at both infinities, as in PyTorch.

    Raises
    ------
    TypeError
        If `x` is not of float32 or float64.

    References
    ----------
    .. [1] S. Elfwing, E. Uchibe, K. Doya, "Sigmoid-Weighted Linear Units for Neural Network
       Function Approximation in Reinforcement Learning", Neural Networks 107, 2018.

    Examples
    --------
    >>> silu(np.array([-1000.0, 0.0, 1000.0]))
    array([  -0.,    0., 1000.])
    """
    check.floats("silu", x=x)
    return np.asarray(x * _sigmoid(x))


@check.ieee
def silu_grad(grad_output: Floats, x: Floats) -> Floats:
    """Return the gradient of `x`: ``grad_output * s * (1 + x * (1 - s))``, ``s = sigmoid(x)``."""
    check.alike("silu_grad", grad_output, x=x)
    above, below = _odds(x)
    total = above + below
    return np.asarray(grad_output * (above / total * (1 + x * (below / total))))


@check.ieee
def mish(x: Floats) -> Floats:
    """Return ``x * tanh(log(1 + exp(x)))``.

    Parameters
    ----------
    x : ndarray of any shape

    Returns
    -------
    ndarray, same shape and dtype as `x`
        -inf becomes NaN, and so do the derivatives at both infinities, as in PyTorch.

    Raises
    ------
    TypeError
        If `x` is not of float32 or float64.

    References
    ----------
    .. [1] D. Misra, "Mish: A Self Regularized Non-Monotonic Activation Function", BMVC 2020.

    Examples
    --------
    >>> mish(np.array([-1000.0, 0.0, 1000.0]))
    array([  -0.,    0., 1000.])
    """
    check.floats("mish", x=x)
    wide = x.astype(np.float64)
    part, rest = _mish_gate(*_odds(wide))
    return (wide * (part / (part + rest))).astype(x.dtype, copy=False)


@check.ieee
def mish_grad(grad_output: Floats, x: Floats) -> Floats:
    """Return the gradient of `x`: times ``t + x * sigmoid(x) * (1 - t**2)``, ``mish = x * t``."""
    check.alike("mish_grad", grad_output, x=x)
    wide = x.astype(np.float64)
    above, below = _odds(wide)
    part, rest = _mish_gate(above, below)
    gate, other = part / (part + rest), rest / (part + rest)
    slope = gate + wide * (above / (above + below) * (other * (1 + gate)))
    return (grad_output * slope).astype(x.dtype, copy=False)


@check.ieee
def gelu(x: Floats, *, approximate: str = "none") -> Floats:
    """Return `x` times the probability that a standard normal number is below `x`.

    Parameters
    ----------
    x : ndarray of any shape
    approximate : {"none", "tanh"}
        The probability itself, ``(1 + erf(x / sqrt(2))) / 2``, or its approximation
        ``(1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x**3))) / 2``.

    Returns
    -------
    ndarray, same shape and dtype as `x`
        ``x * P(x)`` with the P of `approximate`. Accurate in the negative tail too. -inf becomes
        NaN, and so do the derivatives at both infinities, as in PyTorch.

    Raises
    ------
    TypeError
        If `x` is not of float32 or float64.
    ValueError
        If `approximate` is neither.

    References
    ----------
    .. [1] D. Hendrycks, K. Gimpel, "Gaussian Error Linear Units (GELUs)", 2016,
       arXiv:1606.08415.

    Examples
    --------
    >>> gelu(np.array([-1000.0, 0.0, 1000.0]))
    array([  -0.,    0., 1000.])
    """
    check.floats("gelu", x=x)
    check.choice("gelu", "approximate", approximate, ("none", "tanh"))
    wide = x.astype(np.float64)
    share = _normal_share(wide) if approximate == "none" else _sigmoid(2 * _tanh_argument(wide))
    return (wide * share).astype(x.dtype, copy=False)


@check.ieee
def gelu_grad(grad_output: Floats, x: Floats, *, approximate: str = "none") -> Floats:
    """Return the gradient of `x`: times the probability, plus `x` times its slope."""
    check.alike("gelu_grad", grad_output, x=x)
    check.choice("gelu_grad", "approximate", approximate, ("none", "tanh"))
    wide = x.astype(np.float64)
    if approximate == "none":
        density = np.exp(np.square(wide) / -2) / math.sqrt(2 * math.pi)
        slope = _normal_share(wide) + wide * density
    else:
        double = 2 * _tanh_argument(wide)
        share = _sigmoid(double)
        # Multiplied in this order, no power of x is infinite while its factor is 0.
        falling = wide * (share * _sigmoid(-double))
        cubic = 3 * CUBIC * (wide * (wide * falling))
        slope = share + 2 * math.sqrt(2 / math.pi) * (falling + cubic)
    return (grad_output * slope).astype(x.dtype, copy=False)


@check.ieee
def glu(x: Floats, *, dim: int = -1) -> Floats:
    """Return the first half of `x` along an axis times the sigmoid of the second half.

    Parameters
    ----------
    x : ndarray of any shape with at least one axis
    dim : int
        The axis, of even length, that is halved.

    Returns
    -------
    ndarray, same dtype as `x`, half as long along `dim`
        ``a / (1 + exp(-b))``, the halves being ``a, b = split(x, 2, dim)``.

    Raises
    ------
    TypeError
        If `x` is not of float32 or float64, or `dim` is no integer.
    ValueError
        If `x` has no axis `dim`, or one of odd length.

    References
    ----------
    .. [1] Y. Dauphin, A. Fan, M. Auli, D. Grangier, "Language Modeling with Gated Convolutional
       Networks", ICML 2017.

    Examples
    --------
    >>> glu(np.array([[2.0, 4.0, 0.0, 1000.0]]), dim=1)
    array([[1., 4.]])
    """
    check.floats("glu", x=x)
    signal, gate = _halves("glu", x, check.axis("glu", "dim", dim, x.ndim))
    return np.asarray(signal * _sigmoid(gate))


@check.ieee
def glu_grad(grad_output: Floats, x: Floats, *, dim: int = -1) -> Floats:
    """Return the gradient of ``x = (a, b)``: ``g * s, g * a * s * (1 - s)``, ``s = sigmoid(b)``."""
    check.floats("glu_grad", grad_output=grad_output, x=x)
    dim = check.axis("glu_grad", "dim", dim, x.ndim)
    signal, gate = _halves("glu_grad", x, dim)
    check.shape("glu_grad", "grad_output", grad_output, signal.shape)
    above, below = _odds(gate)
    share, rest = above / (above + below), below / (above + below)
    grad_gate = grad_output * (signal * (share * rest))
    return np.concatenate([grad_output * share, grad_gate], dim)


def _tanh_argument(x: Floats) -> Floats:
    return np.asarray(math.sqrt(2 / math.pi) * (x + CUBIC * (x * x * x)))


def _normal_share(x: Floats) -> Floats:
    # Here, as SciPy's functions take long to import.
    from scipy.special import erfc

    return np.asarray(erfc(x * -math.sqrt(0.5)) / 2)


def _mish_gate(above: Floats, below: Floats) -> tuple[Floats, Floats]:
    """Return p and q with ``tanh(log(1 + e)) = p / (p + q)``, where e is ``above / below``."""
    # In e itself that is e (e + 2) / (e (e + 2) + 2).
    return above * (above + 2 * below), 2 * (below * below)


def _halves(function: str, x: Floats, dim: int) -> tuple[Floats, Floats]:
    length = x.shape[dim]
    if length % 2:
        raise ValueError(f"{function}: x has {length} elements along axis {dim}, expected an even")
    signal, gate = np.split(x, 2, dim)
    return signal, gate
