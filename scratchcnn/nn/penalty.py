"""Penalties as objects: they add to a loss and to the gradients of parameters."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import ClassVar

import numpy as np

from scratchcnn import functional as F
from scratchcnn.functional import _checks as check
from scratchcnn.functional._checks import Floats
from scratchcnn.nn.parameter import Parameter


class Penalty:
    """The sum of one penalty over some parameters.

    Its `functions` are the penalty and its gradient, whose hyperparameters have the `names`.

    Raises
    ------
    TypeError, ValueError
        If there is no parameter, or one is no Parameter.
    """

    functions: ClassVar[tuple[Callable[..., Floats], Callable[..., Floats]]]
    names: ClassVar[tuple[str, ...]]

    def __init__(self, parameters: Iterable[Parameter]) -> None:
        name = type(self).__name__
        if not isinstance(parameters, Iterable):
            kind = type(parameters).__name__
            raise TypeError(f"{name}: parameters is a {kind}, expected Parameters")
        self.parameters = list(parameters)
        if not self.parameters:
            raise ValueError(f"{name}: parameters is empty, expected at least one Parameter")
        for parameter in self.parameters:
            if not isinstance(parameter, Parameter):
                kind = type(parameter).__name__
                raise TypeError(f"{name}: parameters has a {kind}, expected Parameters only")

    def __call__(self) -> Floats:
        """Return the penalty."""
        return self.vjp()[0]

    def vjp(self) -> tuple[Floats, Callable[[], None]]:
        """Return the penalty, and the pullback that adds its derivative to each gradient."""
        penalty, gradient = self.functions
        options = {name: getattr(self, name) for name in self.names}
        arrays = [parameter.data for parameter in self.parameters]
        with np.errstate(all="ignore"):
            value = np.asarray(sum(penalty(array, **options) for array in arrays))

        def pullback() -> None:
            for parameter, array in zip(self.parameters, arrays, strict=True):
                parameter.accumulate(gradient(np.ones((), array.dtype), array, **options))

        return value[()], pullback


class L1Penalty(Penalty):
    """The penalty ``strength * sum(abs(w))`` over some parameters.

    Parameters
    ----------
    parameters : iterable of Parameter
        Usually the weights, not the biases.
    strength : float
        The factor λ, at least 0.

    Raises
    ------
    TypeError
        If one is no Parameter, or `strength` is no number.
    ValueError
        If there is no parameter, or `strength` is negative.

    Examples
    --------
    >>> weight = Parameter(np.array([3.0, -4.0]))
    >>> value, pullback = L1Penalty([weight], strength=0.5).vjp()
    >>> pullback()
    >>> value, weight.grad
    (np.float64(3.5), array([ 0.5, -0.5]))
    """

    functions = (F.l1_penalty, F.l1_penalty_grad)
    names = ("strength",)

    def __init__(self, parameters: Iterable[Parameter], *, strength: float) -> None:
        self.strength = check.real("L1Penalty", "strength", strength, 0)
        super().__init__(parameters)


class L2Penalty(Penalty):
    """The penalty ``strength * sum(w**2)`` over some parameters.

    Parameters
    ----------
    parameters, strength
        As in `L1Penalty`.

    Raises
    ------
    TypeError
        If one is no Parameter, or `strength` is no number.
    ValueError
        If there is no parameter, or `strength` is negative.

    Examples
    --------
    >>> weight = Parameter(np.array([3.0, 4.0]))
    >>> value, pullback = L2Penalty([weight], strength=0.5).vjp()
    >>> pullback()
    >>> value, weight.grad
    (np.float64(12.5), array([3., 4.]))
    """

    functions = (F.l2_penalty, F.l2_penalty_grad)
    names = ("strength",)

    def __init__(self, parameters: Iterable[Parameter], *, strength: float) -> None:
        self.strength = check.real("L2Penalty", "strength", strength, 0)
        super().__init__(parameters)


class ElasticNetPenalty(Penalty):
    """The layer of `scratchcnn.functional.elastic_net_penalty`, over some parameters.

    Parameters
    ----------
    parameters : iterable of Parameter
        Usually the weights, not the biases.
    alpha, l1_ratio : float
        As in `scratchcnn.functional.elastic_net_penalty`.

    Raises
    ------
    TypeError
        If one is no Parameter, or `alpha` or `l1_ratio` is no number.
    ValueError
        If there is no parameter, `alpha` is negative, or `l1_ratio` not from 0 to 1.

    Examples
    --------
    >>> weight = Parameter(np.array([3.0, -4.0]))
    >>> value, pullback = ElasticNetPenalty([weight], alpha=2.0).vjp()
    >>> pullback()
    >>> value, weight.grad
    (np.float64(19.5), array([ 4., -5.]))
    """

    functions = (F.elastic_net_penalty, F.elastic_net_penalty_grad)
    names = ("alpha", "l1_ratio")

    def __init__(
        self, parameters: Iterable[Parameter], *, alpha: float = 1.0, l1_ratio: float = 0.5
    ) -> None:
        self.alpha = check.real("ElasticNetPenalty", "alpha", alpha, 0)
        self.l1_ratio = check.real("ElasticNetPenalty", "l1_ratio", l1_ratio, 0, 1)
        super().__init__(parameters)
