"""Optimizers that keep their state and change parameters; the steps themselves are pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from scratchcnn.functional import _checks as check
from scratchcnn.nn.parameter import Parameter
from scratchcnn.optim.steps import Step, adam, sgd


class Optimizer:
    """What all optimizers share.

    Attributes
    ----------
    parameters : list of Parameter
    options : dict
        The hyperparameters of the step; a changed ``options["lr"]`` counts from the next step.
    state : dict
        The state of each parameter that has taken a step, by its place in `parameters`.
    """

    _step: Callable[..., Step]

    def __init__(self, parameters: Iterable[Parameter], **options: Any) -> None:
        name = type(self).__name__
        if not isinstance(parameters, Iterable):
            raise TypeError(
                f"{name}: parameters is a {type(parameters).__name__}, expected an iterable"
            )
        self.parameters = list(parameters)
        if not self.parameters:
            raise ValueError(f"{name}: parameters is empty, expected at least one Parameter")
        for parameter in self.parameters:
            if not isinstance(parameter, Parameter):
                raise TypeError(
                    f"{name}: parameters has a {type(parameter).__name__}, expected Parameters"
                )
        if len(set(map(id, self.parameters))) < len(self.parameters):
            raise ValueError(f"{name}: parameters has one twice, expected each once")
        self.options = options
        self.state: dict[int, dict[str, Any]] = {}
        # A step without parameters checks the options before any work.
        type(self)._step([], [], None, **options)

    def zero_grad(self) -> None:
        """Set the gradient of every parameter to None."""
        for parameter in self.parameters:
            parameter.grad = None

    def step(self) -> None:
        """Take one step with every parameter that has a gradient."""
        results = {
            place: type(self)._step(
                [parameter.data], [parameter.grad], self.state.get(place), **self.options
            )
            for place, parameter in enumerate(self.parameters)
            if parameter.grad is not None
        }
        # All or nothing, as far as an interruption lets it: compute first, then assign.
        for place, result in results.items():
            self.parameters[place].data = result.params[0]
            self.state[place] = result.state

    def state_dict(self) -> dict[str, Any]:
        """Return copies of options and state, in the form of `torch.optim`."""
        state = {
            place: {
                name: value[0].copy() if isinstance(value, list) else value
                for name, value in entries.items()
            }
            for place, entries in self.state.items()
            if entries
        }
        group = {**self.options, "params": list(range(len(self.parameters)))}
        return {"state": state, "param_groups": [group]}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Copy options and state that `state_dict` returned.

        Raises
        ------
        ValueError
            If it belongs to other parameters or another kind of optimizer. Nothing is changed
            then.
        """
        name = type(self).__name__
        try:
            (group,) = state_dict["param_groups"]
            places, entries = list(group["params"]), dict(state_dict["state"])
            options = {key: group[key] for key in self.options}
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(
                f"{name}: the state_dict lacks {error}, expected one group with the options "
                f"{sorted(self.options)}, params, and a state"
            ) from None
        if places != list(range(len(self.parameters))) or not set(entries) <= set(places):
            raise ValueError(
                f"{name}: the state_dict has the parameters {places} and the state of "
                f"{list(entries)}, expected {list(range(len(self.parameters)))}"
            )
        type(self)._step([], [], None, **options)
        state = {place: self._loaded(place, values) for place, values in entries.items()}
        for place, values in state.items():
            # A step that is thrown away checks whether all that it needs is there.
            data = self.parameters[place].data
            type(self)._step([data], [np.zeros_like(data)], values, **options)
        self.options, self.state = options, state

    def _loaded(self, place: int, values: Any) -> dict[str, Any]:
        """Return a copy of the state of one parameter, in its own form."""
        name = f"{type(self).__name__} state_dict"
        data = self.parameters[place].data
        try:
            state: dict[str, Any] = {
                key: _whole(value) if key == "step" else [np.array(value, data.dtype)]
                for key, value in values.items()
                if value is not None
            }
        except (AttributeError, OverflowError, TypeError, ValueError) as error:
            raise ValueError(
                f"{name}: the state of parameter {place} is no mapping of numbers and arrays "
                f"({error})"
            ) from error
        for key, value in state.items():
            if key != "step":
                check.shape(name, f"{key} of {place}", value[0], data.shape)
        return state


def _whole(value: Any) -> int:
    """Return a number of steps, which PyTorch keeps as a float."""
    if int(value) != value or value < 0:
        raise ValueError(f"step is {value}, expected a whole number of at least 0")
    return int(value)


class SGD(Optimizer):
    """Stochastic gradient descent, as `scratchcnn.optim.sgd`.

    Parameters
    ----------
    parameters : iterable of Parameter
    lr, momentum, dampening, weight_decay, nesterov, maximize
        As in `scratchcnn.optim.sgd`; weight decay adds ``λ p`` to the gradient.

    Examples
    --------
    >>> weight = Parameter(np.array([1.0]))
    >>> weight.accumulate(np.array([0.5]))
    >>> SGD([weight], lr=0.1).step()
    >>> weight.data
    array([0.95])
    """

    _step = staticmethod(sgd)

    def __init__(
        self,
        parameters: Iterable[Parameter],
        lr: float = 1e-3,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(
            parameters,
            lr=lr,
            momentum=momentum,
            dampening=dampening,
            weight_decay=weight_decay,
            nesterov=nesterov,
            maximize=maximize,
        )


class Adam(Optimizer):
    """Adam, as `scratchcnn.optim.adam`.

    Parameters
    ----------
    parameters : iterable of Parameter
    lr, betas, eps, weight_decay, amsgrad, maximize
        As in `scratchcnn.optim.adam`; weight decay adds ``λ p`` to the gradient.

    Examples
    --------
    >>> weight = Parameter(np.array([1.0]))
    >>> weight.accumulate(np.array([0.5]))
    >>> Adam([weight], lr=0.1).step()
    >>> weight.data
    array([0.9])
    """

    _step = staticmethod(adam)

    def __init__(
        self,
        parameters: Iterable[Parameter],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(
            parameters,
            lr=lr,
            betas=betas,
            eps=eps,
            weight_decay=weight_decay,
            amsgrad=amsgrad,
            maximize=maximize,
        )
