"""Layers of activations."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from scratchcnn import functional as F
from scratchcnn.functional import _checks as check
from scratchcnn.functional._checks import Floats
from scratchcnn.nn.module import Module, Pullback
from scratchcnn.nn.named import Named


class _Activation(Named, Module):
    """A layer that is one function of one array, with the hyperparameters of that function.

    A subclass names the function and its gradient. The contract of `scratchcnn.functional` says
    the rest: hyperparameters are attributes of the layer under their names, and the gradient's
    second argument is `x` or the output, `y`.
    """

    _forward: ClassVar[Callable[..., Floats]]
    _gradient: ClassVar[Callable[..., Floats]]
    _options: ClassVar[list[str]]
    _grad_options: ClassVar[list[str]]
    _keeps_output: ClassVar[bool]

    def __init_subclass__(
        cls, forward: Callable[..., Floats], gradient: Callable[..., Floats]
    ) -> None:
        super().__init_subclass__()
        cls._forward, cls._gradient = staticmethod(forward), staticmethod(gradient)
        cls._options = list(inspect.signature(forward).parameters)[1:]
        _, kept, *cls._grad_options = inspect.signature(gradient).parameters
        cls._keeps_output = kept == "y"

    def __init__(self) -> None:
        """Take no parameters, as most."""

    def _set(self, **options: Any) -> None:
        """Keep the hyperparameters, which the function itself checks on an array of nothing."""
        vars(self).update(options)
        self._forward(np.zeros(0), **options)

    def vjp(self, x: Floats, input_grad: bool = True) -> tuple[Floats, Pullback]:
        """Return the output of the function and its pullback."""
        options = {name: getattr(self, name) for name in self._options}
        taken = {name: options[name] for name in self._grad_options}
        y = self._forward(x, **options)
        kept = y if self._keeps_output else x
        return y, lambda grad: self._gradient(grad, kept, **taken) if input_grad else None

    def extra_repr(self) -> str:
        """Return the hyperparameters as text."""
        return ", ".join(f"{name}={getattr(self, name)!r}" for name in self._options)


class ReLU(_Activation, forward=F.relu, gradient=F.relu_grad):
    """The layer of `scratchcnn.functional.relu`.

    Raises
    ------
    TypeError
        When called, if the input is not of float32 or float64.

    Examples
    --------
    >>> ReLU()(np.array([-2.0, 0.5]))
    array([0. , 0.5])
    """


class ReLU6(_Activation, forward=F.relu6, gradient=F.relu6_grad):
    """The layer of `scratchcnn.functional.relu6`.

    Raises
    ------
    TypeError
        When called, if the input is not of float32 or float64.

    Examples
    --------
    >>> ReLU6()(np.array([-2.0, 8.0]))
    array([0., 6.])
    """


class LeakyReLU(_Activation, forward=F.leaky_relu, gradient=F.leaky_relu_grad):
    """The layer of `scratchcnn.functional.leaky_relu`.

    Parameters
    ----------
    negative_slope : float

    Raises
    ------
    TypeError
        If `negative_slope` is no number; when called, if the input is not of float32 or
        float64.

    Examples
    --------
    >>> LeakyReLU(0.5)(np.array([-2.0, 0.5]))
    array([-1. ,  0.5])
    """

    def __init__(self, negative_slope: float = 0.01) -> None:
        self._set(negative_slope=negative_slope)


class ELU(_Activation, forward=F.elu, gradient=F.elu_grad):
    """The layer of `scratchcnn.functional.elu`.

    Parameters
    ----------
    alpha : float

    Raises
    ------
    TypeError
        If `alpha` is no number; when called, if the input is not of float32 or float64.

    Examples
    --------
    >>> ELU()(np.array([-2.0, 0.5])).round(4)
    array([-0.8647,  0.5   ])
    """

    def __init__(self, alpha: float = 1.0) -> None:
        self._set(alpha=alpha)


class SELU(_Activation, forward=F.selu, gradient=F.selu_grad):
    """The layer of `scratchcnn.functional.selu`.

    Raises
    ------
    TypeError
        When called, if the input is not of float32 or float64.

    Examples
    --------
    >>> SELU()(np.array([-2.0, 0.5])).round(4)
    array([-1.5202,  0.5254])
    """


class CELU(_Activation, forward=F.celu, gradient=F.celu_grad):
    """The layer of `scratchcnn.functional.celu`.

    Parameters
    ----------
    alpha : float

    Raises
    ------
    TypeError
        If `alpha` is no number; when called, if the input is not of float32 or float64.
    ValueError
        If `alpha` is 0.

    Examples
    --------
    >>> CELU(2.0)(np.array([-2.0, 0.5])).round(4)
    array([-1.2642,  0.5   ])
    """

    def __init__(self, alpha: float = 1.0) -> None:
        self._set(alpha=alpha)


class GELU(_Activation, forward=F.gelu, gradient=F.gelu_grad):
    """The layer of `scratchcnn.functional.gelu`.

    Parameters
    ----------
    approximate : {"none", "tanh"}

    Raises
    ------
    TypeError
        When called, if the input is not of float32 or float64.
    ValueError
        If `approximate` is neither of these.

    Examples
    --------
    >>> GELU()(np.array([-2.0, 0.5])).round(4)
    array([-0.0455,  0.3457])
    """

    def __init__(self, approximate: str = "none") -> None:
        self._set(approximate=approximate)


class SiLU(_Activation, forward=F.silu, gradient=F.silu_grad):
    """The layer of `scratchcnn.functional.silu`.

    Raises
    ------
    TypeError
        When called, if the input is not of float32 or float64.

    Examples
    --------
    >>> SiLU()(np.array([-2.0, 0.5])).round(4)
    array([-0.2384,  0.3112])
    """


class Mish(_Activation, forward=F.mish, gradient=F.mish_grad):
    """The layer of `scratchcnn.functional.mish`.

    Raises
    ------
    TypeError
        When called, if the input is not of float32 or float64.

    Examples
    --------
    >>> Mish()(np.array([-2.0, 0.5])).round(4)
    array([-0.2525,  0.3752])
    """


class Softplus(_Activation, forward=F.softplus, gradient=F.softplus_grad):
    """The layer of `scratchcnn.functional.softplus`.

    Parameters
    ----------
    beta, threshold : float

    Raises
    ------
    TypeError
        If `beta` or `threshold` is no number; when called, if the input is not of float32 or
        float64.

    Examples
    --------
    >>> Softplus()(np.array([-2.0, 0.5])).round(4)
    array([0.1269, 0.9741])
    """

    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None:
        self._set(beta=beta, threshold=threshold)


class Softsign(_Activation, forward=F.softsign, gradient=F.softsign_grad):
    """The layer of `scratchcnn.functional.softsign`.

    Raises
    ------
    TypeError
        When called, if the input is not of float32 or float64.

    Examples
    --------
    >>> Softsign()(np.array([-1.0, 3.0]))
    array([-0.5 ,  0.75])
    """


class Sigmoid(_Activation, forward=F.sigmoid, gradient=F.sigmoid_grad):
    """The layer of `scratchcnn.functional.sigmoid`.

    Raises
    ------
    TypeError
        When called, if the input is not of float32 or float64.

    Examples
    --------
    >>> Sigmoid()(np.array([-2.0, 0.5])).round(4)
    array([0.1192, 0.6225])
    """


class LogSigmoid(_Activation, forward=F.logsigmoid, gradient=F.logsigmoid_grad):
    """The layer of `scratchcnn.functional.logsigmoid`.

    Raises
    ------
    TypeError
        When called, if the input is not of float32 or float64.

    Examples
    --------
    >>> LogSigmoid()(np.array([-2.0, 0.5])).round(4)
    array([-2.1269, -0.4741])
    """


class Hardsigmoid(_Activation, forward=F.hardsigmoid, gradient=F.hardsigmoid_grad):
    """The layer of `scratchcnn.functional.hardsigmoid`.

    Raises
    ------
    TypeError
        When called, if the input is not of float32 or float64.

    Examples
    --------
    >>> Hardsigmoid()(np.array([-1.0, 3.0])).round(4)
    array([0.3333, 1.    ])
    """


class Hardswish(_Activation, forward=F.hardswish, gradient=F.hardswish_grad):
    """The layer of `scratchcnn.functional.hardswish`.

    Raises
    ------
    TypeError
        When called, if the input is not of float32 or float64.

    Examples
    --------
    >>> Hardswish()(np.array([-1.0, 3.0])).round(4)
    array([-0.3333,  3.    ])
    """


class Hardtanh(_Activation, forward=F.hardtanh, gradient=F.hardtanh_grad):
    """The layer of `scratchcnn.functional.hardtanh`.

    Parameters
    ----------
    min_val, max_val : float

    Raises
    ------
    TypeError
        If `min_val` or `max_val` is no number; when called, if the input is not of float32 or
        float64.
    ValueError
        If `min_val` is above `max_val`.

    Examples
    --------
    >>> Hardtanh()(np.array([-2.0, 0.5]))
    array([-1. ,  0.5])
    """

    def __init__(self, min_val: float = -1.0, max_val: float = 1.0) -> None:
        self._set(min_val=min_val, max_val=max_val)


class Hardshrink(_Activation, forward=F.hardshrink, gradient=F.hardshrink_grad):
    """The layer of `scratchcnn.functional.hardshrink`.

    Parameters
    ----------
    lambd : float

    Raises
    ------
    TypeError
        If `lambd` is no number; when called, if the input is not of float32 or float64.

    Examples
    --------
    >>> Hardshrink()(np.array([-2.0, 0.25]))
    array([-2.,  0.])
    """

    def __init__(self, lambd: float = 0.5) -> None:
        self._set(lambd=lambd)


class Softshrink(_Activation, forward=F.softshrink, gradient=F.softshrink_grad):
    """The layer of `scratchcnn.functional.softshrink`.

    Parameters
    ----------
    lambd : float

    Raises
    ------
    TypeError
        If `lambd` is no number; when called, if the input is not of float32 or float64.
    ValueError
        If `lambd` is negative.

    Examples
    --------
    >>> Softshrink()(np.array([-2.0, 0.25]))
    array([-1.5,  0. ])
    """

    def __init__(self, lambd: float = 0.5) -> None:
        self._set(lambd=lambd)


class Tanhshrink(_Activation, forward=F.tanhshrink, gradient=F.tanhshrink_grad):
    """The layer of `scratchcnn.functional.tanhshrink`.

    Raises
    ------
    TypeError
        When called, if the input is not of float32 or float64.

    Examples
    --------
    >>> Tanhshrink()(np.array([-2.0, 0.5])).round(4)
    array([-1.036 ,  0.0379])
    """


class Threshold(_Activation, forward=F.threshold, gradient=F.threshold_grad):
    """The layer of `scratchcnn.functional.threshold`.

    Parameters
    ----------
    threshold, value : float

    Raises
    ------
    TypeError
        If `threshold` or `value` is no number; when called, if the input is not of float32 or
        float64.

    Examples
    --------
    >>> Threshold(1.0, 7.0)(np.array([0.5, 2.0]))
    array([7., 2.])
    """

    def __init__(self, threshold: float, value: float) -> None:
        self._set(threshold=threshold, value=value)


class Tanh(_Activation, forward=F.tanh, gradient=F.tanh_grad):
    """The layer of `scratchcnn.functional.tanh`.

    Raises
    ------
    TypeError
        When called, if the input is not of float32 or float64.

    Examples
    --------
    >>> Tanh()(np.array([-2.0, 0.5])).round(4)
    array([-0.964 ,  0.4621])
    """


class GLU(_Activation, forward=F.glu, gradient=F.glu_grad):
    """The layer of `scratchcnn.functional.glu`.

    Parameters
    ----------
    dim : int
        The axis that is halved.

    Raises
    ------
    TypeError
        If `dim` is no integer; when called, if the input is not of float32 or float64.
    ValueError
        When called, if the input has no axis `dim`, or one of odd length.

    Examples
    --------
    >>> GLU()(np.array([2.0, 3.0, 0.0, 0.0]))
    array([1. , 1.5])
    """

    def __init__(self, dim: int = -1) -> None:
        self.dim = check.whole("GLU", "dim", dim)


class Softmax(_Activation, forward=F.softmax, gradient=F.softmax_grad):
    """The layer of `scratchcnn.functional.softmax`.

    Parameters
    ----------
    dim : int
        The axis along which the output sums to 1.

    Raises
    ------
    TypeError
        If `dim` is no integer; when called, if the input is not of float32 or float64.
    ValueError
        When called, if the input has no axis `dim`.

    Examples
    --------
    >>> Softmax(1)(np.array([[0.0, 0.0, 1.0]])).round(4)
    array([[0.2119, 0.2119, 0.5761]])
    """

    def __init__(self, dim: int) -> None:
        self.dim = check.whole("Softmax", "dim", dim)


class Softmin(_Activation, forward=F.softmin, gradient=F.softmin_grad):
    """The layer of `scratchcnn.functional.softmin`.

    Parameters
    ----------
    dim : int
        The axis along which the output sums to 1.

    Raises
    ------
    TypeError
        If `dim` is no integer; when called, if the input is not of float32 or float64.
    ValueError
        When called, if the input has no axis `dim`.

    Examples
    --------
    >>> Softmin(1)(np.array([[0.0, 0.0, 1.0]])).round(4)
    array([[0.4223, 0.4223, 0.1554]])
    """

    def __init__(self, dim: int) -> None:
        self.dim = check.whole("Softmin", "dim", dim)


class LogSoftmax(_Activation, forward=F.log_softmax, gradient=F.log_softmax_grad):
    """The layer of `scratchcnn.functional.log_softmax`.

    Parameters
    ----------
    dim : int
        The axis along which the exponentials of the output sum to 1.

    Raises
    ------
    TypeError
        If `dim` is no integer; when called, if the input is not of float32 or float64.
    ValueError
        When called, if the input has no axis `dim`.

    Examples
    --------
    >>> LogSoftmax(1)(np.array([[0.0, 0.0, 1.0]])).round(4)
    array([[-1.5514, -1.5514, -0.5514]])
    """

    def __init__(self, dim: int) -> None:
        self.dim = check.whole("LogSoftmax", "dim", dim)


class Softmax2d(Module):
    """The softmax over the channels of images, at each of their pixels.

    Raises
    ------
    ValueError
        When called, if the images are not (N, C, H, W) or (C, H, W).

    Examples
    --------
    >>> Softmax2d()(np.zeros((4, 2, 2)))[:, 0, 0]
    array([0.25, 0.25, 0.25, 0.25])
    """

    def __init__(self) -> None:
        """Take no parameters."""

    def vjp(self, x: Floats, input_grad: bool = True) -> tuple[Floats, Pullback]:
        """Return the softmax along axis -3 and its pullback."""
        check.floats("Softmax2d", x=x)
        check.batched("Softmax2d", "x", x, 2)
        y = F.softmax(x, dim=-3)
        return y, lambda grad: F.softmax_grad(grad, y, dim=-3) if input_grad else None
