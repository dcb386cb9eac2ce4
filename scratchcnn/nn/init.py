"""Initial values of weights, named as in :mod:`torch.nn.init`: each fills what it is given.

What is called ``generator`` there is `rng` here: a NumPy generator or its seed.
"""

from __future__ import annotations

import math
from typing import Any, TypeVar

import numpy as np
from numpy.typing import DTypeLike

from scratchcnn.functional import _checks as check
from scratchcnn.functional._checks import Floats
from scratchcnn.functional.dropout import RNG
from scratchcnn.nn.parameter import Parameter, float_dtype

Target = TypeVar("Target", bound=Parameter | Floats)


def fan_in_uniform(
    shape: tuple[int, ...], fan_in: int, *, rng: RNG = None, dtype: DTypeLike | None = np.float32
) -> Floats:
    """Return draws from the uniform distribution over ``±1 / sqrt(fan_in)``.

    Parameters
    ----------
    shape : tuple of int
    fan_in : int
        How many inputs each output sums; 0 gives zeros.
    rng : numpy.random.Generator or int, optional
    dtype : dtype
        float32 or float64; None is float32.

    Returns
    -------
    ndarray of `shape`
        PyTorch's default for the weights and biases of `Conv2d` and `Linear`: He's uniform
        initialization with a negative slope of √5.

    Raises
    ------
    TypeError, ValueError
        If `fan_in` is no integer of at least 0, or `dtype` another one.

    References
    ----------
    .. [1] K. He et al., "Delving Deep into Rectifiers", ICCV 2015.

    Examples
    --------
    >>> abs(fan_in_uniform((1000,), 25, rng=0)).max() <= 1 / 5
    np.True_
    """
    fan_in = check.whole("fan_in_uniform", "fan_in", fan_in, 0)
    dtype = float_dtype("fan_in_uniform", dtype)
    bound = 1 / math.sqrt(fan_in) if fan_in else 0.0
    return np.random.default_rng(rng).uniform(-bound, bound, shape).astype(dtype)


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """Return by what a nonlinearity wants the deviation of the weights before it multiplied.

    Parameters
    ----------
    nonlinearity : str
        ``"linear"``, ``"sigmoid"``, ``"tanh"``, ``"relu"``, ``"leaky_relu"``, ``"selu"``, or the
        name of a convolution, which is linear.
    param : float, optional
        The negative slope of ``"leaky_relu"``, 0.01 by default; the others have none.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If there is no such nonlinearity.

    Examples
    --------
    >>> calculate_gain("tanh")
    1.6666666666666667
    """
    check.choice("calculate_gain", "nonlinearity", nonlinearity, [*_GAINS, "leaky_relu"])
    if nonlinearity != "leaky_relu":
        return _GAINS[nonlinearity]
    slope = 0.01 if param is None else check.real("calculate_gain", "param", param, -math.inf)
    return math.sqrt(2 / (1 + slope**2))


_CONVOLUTIONS = [f"conv{kind}{n}d" for kind in ("", "_transpose") for n in (1, 2, 3)]
_GAINS = {
    **dict.fromkeys(["linear", *_CONVOLUTIONS, "sigmoid"], 1.0),
    "tanh": 5 / 3,
    "relu": math.sqrt(2),
    "selu": 3 / 4,
}


def uniform_(tensor: Target, a: float = 0.0, b: float = 1.0, *, rng: RNG = None) -> Target:
    """Fill `tensor` with draws from the uniform distribution over ``[a, b]``, and return it.

    Parameters
    ----------
    tensor : Parameter, or ndarray of float32 or float64
        Changed in place.
    a, b : float
        The bounds, `a` at most `b`.
    rng : numpy.random.Generator or int, optional
        None takes fresh entropy.

    Returns
    -------
    Parameter or ndarray
        `tensor`.

    Raises
    ------
    TypeError, ValueError
        If `tensor` is neither, or the numbers do not fit.

    Examples
    --------
    >>> uniform_(np.empty(2), 3.0, 3.0)
    array([3., 3.])
    """
    array = _array("uniform_", tensor)
    low, high = _bounds("uniform_", a, b)
    array[...] = check.generator("uniform_", rng).uniform(low, high, array.shape)
    return tensor


def normal_(tensor: Target, mean: float = 0.0, std: float = 1.0, *, rng: RNG = None) -> Target:
    """Fill `tensor` with draws from a normal distribution, and return it.

    Parameters
    ----------
    tensor, rng
        As in `uniform_`.
    mean, std : float
        `std` at least 0.

    Examples
    --------
    >>> normal_(np.empty(2), mean=3.0, std=0.0)
    array([3., 3.])
    """
    array = _array("normal_", tensor)
    center = check.real("normal_", "mean", mean, -math.inf)
    std = check.real("normal_", "std", std, 0)
    array[...] = check.generator("normal_", rng).normal(center, std, array.shape)
    return tensor


def trunc_normal_(
    tensor: Target,
    mean: float = 0.0,
    std: float = 1.0,
    a: float = -2.0,
    b: float = 2.0,
    *,
    rng: RNG = None,
) -> Target:
    """Fill `tensor` with draws from a normal distribution cut to ``[a, b]``, and return it.

    Parameters
    ----------
    tensor, rng
        As in `uniform_`.
    mean, std : float
        Of the distribution before it is cut; `std` above 0.
    a, b : float
        The bounds themselves, not in units of `std`; `a` at most `b`.

    Examples
    --------
    >>> trunc_normal_(np.empty(2), a=0.5, b=0.5)
    array([0.5, 0.5])
    """
    from scipy.special import log_ndtr, ndtri_exp

    array = _array("trunc_normal_", tensor)
    center = check.real("trunc_normal_", "mean", mean, -math.inf)
    std = check.real("trunc_normal_", "std", std, 0)
    if std == 0:
        raise ValueError("trunc_normal_: std is 0, expected above 0")
    low, high = _bounds("trunc_normal_", a, b)
    # Below its middle the distribution function keeps its digits, above it rounds to 1; its
    # logarithm keeps them where no share is a number above 0.
    sign = -1.0 if low + high > 2 * center else 1.0
    least, most = sorted(sign * (end - center) / std for end in (low, high))
    ratio = math.exp(log_ndtr(least) - log_ndtr(most))
    share = 1 - (1 - ratio) * check.generator("trunc_normal_", rng).random(array.shape)
    drawn = np.clip(ndtri_exp(log_ndtr(most) + np.log(share)), least, most)
    array[...] = np.clip(center + sign * std * drawn, low, high)
    return tensor


def constant_(tensor: Target, val: float) -> Target:
    """Fill `tensor` with one number, and return it.

    Examples
    --------
    >>> constant_(np.empty(2), 3.0)
    array([3., 3.])
    """
    _array("constant_", tensor)[...] = check.real("constant_", "val", val, -math.inf)
    return tensor


def ones_(tensor: Target) -> Target:
    """Fill `tensor` with ones, and return it."""
    _array("ones_", tensor)[...] = 1
    return tensor


def zeros_(tensor: Target) -> Target:
    """Fill `tensor` with zeros, and return it."""
    _array("zeros_", tensor)[...] = 0
    return tensor


def eye_(tensor: Target) -> Target:
    """Fill `tensor` (O, I) with the identity, and return it.

    Examples
    --------
    >>> eye_(np.empty((2, 3)))
    array([[1., 0., 0.],
           [0., 1., 0.]])
    """
    array = _array("eye_", tensor)
    check.rank("eye_", "tensor", array, "(O, I)")
    array[...] = np.eye(*array.shape)
    return tensor


def dirac_(tensor: Target, groups: int = 1) -> Target:
    """Fill the weights of a convolution so that it keeps its input, and return them.

    Parameters
    ----------
    tensor : Parameter or ndarray (O, I, *kernel)
        With one to three axes of the kernel.
    groups : int
        A divisor of O: each group keeps its own channels.

    Examples
    --------
    >>> dirac_(np.empty((1, 1, 3)))
    array([[[0., 1., 0.]]])
    """
    array = _array("dirac_", tensor)
    groups = check.whole("dirac_", "groups", groups, 1)
    if array.ndim not in (3, 4, 5):
        raise ValueError(f"dirac_: tensor has shape {array.shape}, expected 3 to 5 dimensions")
    if array.shape[0] % groups:
        raise ValueError(
            f"dirac_: groups is {groups}, expected a divisor of {array.shape[0]} output channels"
        )
    outputs = np.arange(array.shape[0])
    inputs = outputs % (array.shape[0] // groups)
    kept = inputs < array.shape[1]
    array[...] = 0
    array[(outputs[kept], inputs[kept], *(size // 2 for size in array.shape[2:]))] = 1
    return tensor


def xavier_uniform_(tensor: Target, gain: float = 1.0, *, rng: RNG = None) -> Target:
    """Fill `tensor` with Glorot's uniform initialization, and return it.

    Parameters
    ----------
    tensor : Parameter or ndarray (O, I, ...)
        Weights of at least two dimensions; those after the second are of the kernel.
    gain : float
        At least 0; see `calculate_gain`.
    rng
        As in `uniform_`.

    Returns
    -------
    Parameter or ndarray
        `tensor`: uniform over ``±gain * sqrt(6 / (fan_in + fan_out))``, where ``fan_in`` and
        ``fan_out`` are I and O times the size of the kernel.

    References
    ----------
    .. [1] X. Glorot, Y. Bengio, "Understanding the difficulty of training deep feedforward
       neural networks", AISTATS 2010.
    """
    deviation = _glorot("xavier_uniform_", tensor, gain)
    return uniform_(tensor, -math.sqrt(3) * deviation, math.sqrt(3) * deviation, rng=rng)


def xavier_normal_(tensor: Target, gain: float = 1.0, *, rng: RNG = None) -> Target:
    """Fill `tensor` with Glorot's normal initialization, and return it.

    Parameters
    ----------
    tensor, gain, rng
        As in `xavier_uniform_`; the deviation is ``gain * sqrt(2 / (fan_in + fan_out))``.
    """
    return normal_(tensor, 0.0, _glorot("xavier_normal_", tensor, gain), rng=rng)


def kaiming_uniform_(
    tensor: Target,
    a: float = 0.0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    *,
    rng: RNG = None,
) -> Target:
    """Fill `tensor` with He's uniform initialization, and return it.

    Parameters
    ----------
    tensor, rng
        As in `xavier_uniform_`.
    a : float
        The negative slope of ``"leaky_relu"``.
    mode : {"fan_in", "fan_out"}
        Whether the forward or the backward pass keeps its variance.
    nonlinearity : str
        As in `calculate_gain`.

    Returns
    -------
    Parameter or ndarray
        `tensor`: uniform over ``±gain * sqrt(3 / fan)``.

    References
    ----------
    .. [1] K. He et al., "Delving Deep into Rectifiers", ICCV 2015.
    """
    deviation = _he("kaiming_uniform_", tensor, a, mode, nonlinearity)
    return uniform_(tensor, -math.sqrt(3) * deviation, math.sqrt(3) * deviation, rng=rng)


def kaiming_normal_(
    tensor: Target,
    a: float = 0.0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    *,
    rng: RNG = None,
) -> Target:
    """Fill `tensor` with He's normal initialization, and return it.

    Parameters
    ----------
    tensor, a, mode, nonlinearity, rng
        As in `kaiming_uniform_`; the deviation is ``gain / sqrt(fan)``.
    """
    return normal_(tensor, 0.0, _he("kaiming_normal_", tensor, a, mode, nonlinearity), rng=rng)


def orthogonal_(tensor: Target, gain: float = 1.0, *, rng: RNG = None) -> Target:
    """Fill `tensor` with a random matrix of orthonormal rows or columns, and return it.

    Parameters
    ----------
    tensor : Parameter or ndarray (O, ...)
        Of at least two dimensions; those after the first count as one.
    gain : float
        What the matrix is multiplied by.
    rng
        As in `uniform_`.

    References
    ----------
    .. [1] A. Saxe et al., "Exact solutions to the nonlinear dynamics of learning in deep linear
       neural networks", ICLR 2014.
    """
    array = _array("orthogonal_", tensor)
    _matrix("orthogonal_", array)
    gain = check.real("orthogonal_", "gain", gain, -math.inf)
    source = check.generator("orthogonal_", rng)
    if array.size:
        normal = source.standard_normal((array.shape[0], array.size // array.shape[0]))
        wide = normal.shape[0] < normal.shape[1]
        q, r = np.linalg.qr(normal.T if wide else normal)
        # With these signs every orthogonal matrix is as likely as any other.
        q = q * np.where(np.diag(r) < 0, -1.0, 1.0)
        array[...] = gain * (q.T if wide else q).reshape(array.shape)
    return tensor


def sparse_(tensor: Target, sparsity: float, std: float = 0.01, *, rng: RNG = None) -> Target:
    """Fill `tensor` (O, I) with normal numbers and, in each column, some zeros, and return it.

    Parameters
    ----------
    tensor, rng
        As in `uniform_`.
    sparsity : float
        The share of zeros in each column, from 0 to 1, rounded up.
    std : float
        The deviation of the others.

    References
    ----------
    .. [1] J. Martens, "Deep learning via Hessian-free optimization", ICML 2010.
    """
    array = _array("sparse_", tensor)
    check.rank("sparse_", "tensor", array, "(O, I)")
    zeros = math.ceil(check.real("sparse_", "sparsity", sparsity, 0, 1) * array.shape[0])
    source = check.generator("sparse_", rng)
    normal_(tensor, 0.0, std, rng=source)
    # Ranks of random numbers are a random order of the rows, one for each column.
    array[source.random(array.shape).argsort(0) < zeros] = 0
    return tensor


def _array(function: str, tensor: Any) -> Floats:
    """Return the array to be filled."""
    array = tensor.data if isinstance(tensor, Parameter) else tensor
    if not isinstance(array, np.ndarray):
        raise TypeError(
            f"{function}: tensor is a {type(tensor).__name__}, expected a Parameter or an array"
        )
    check.floats(function, tensor=array)
    return array


def _bounds(function: str, a: float, b: float) -> tuple[float, float]:
    low = check.real(function, "a", a, -math.inf)
    return low, check.real(function, "b", b, low)


def _matrix(function: str, array: Floats) -> None:
    if array.ndim < 2:
        raise ValueError(
            f"{function}: tensor has shape {array.shape}, expected at least 2 dimensions"
        )


def _fans(function: str, tensor: Target) -> tuple[int, int]:
    """Return how many inputs an output has, and how many outputs an input."""
    array = _array(function, tensor)
    _matrix(function, array)
    kernel = math.prod(array.shape[2:])
    return array.shape[1] * kernel, array.shape[0] * kernel


def _glorot(function: str, tensor: Target, gain: float) -> float:
    """Return the deviation of Glorot's initialization; what is empty needs none."""
    fans = sum(_fans(function, tensor))
    return check.real(function, "gain", gain, 0) * math.sqrt(2 / fans if fans else 0.0)


def _he(function: str, tensor: Target, a: float, mode: str, nonlinearity: str) -> float:
    """Return the deviation of He's initialization; what is empty needs none."""
    check.choice(function, "mode", mode, ("fan_in", "fan_out"))
    fan = _fans(function, tensor)[mode == "fan_out"]
    return calculate_gain(nonlinearity, a) * math.sqrt(1 / fan if fan else 0.0)
