"""What all optimizers share: groups of parameters, state, and how both are saved."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar, TypeAlias

import numpy as np

from scratchcnn.functional import _checks as check
from scratchcnn.nn.parameter import Parameter
from scratchcnn.optim._step import Step

Group: TypeAlias = dict[str, Any]
Parameters: TypeAlias = Iterable[Parameter] | Iterable[tuple[str, Parameter]] | Iterable[Group]

# The entries of a parameter's state that are numbers; all others are arrays of its shape.
NUMBERS: dict[str, Callable[[Any], float]] = {
    "step": lambda value: _whole(value),
    "mu_product": float,
}


class Optimizer:
    """What all optimizers share.

    Attributes
    ----------
    param_groups : list of dict
        Each with its ``params``, a list of Parameters, and its own options of the step: a
        changed ``group["lr"]`` counts from the next step. Other keys are kept and mean nothing.
    defaults : dict
        The options of a group that does not say otherwise.
    state : dict
        The state of each Parameter that has taken a step. It belongs to the Parameter itself, so
        that `param_groups` may be changed between two steps.
    """

    _step: ClassVar[Callable[..., Step]]

    def __init__(self, params: Parameters, **defaults: Any) -> None:
        name = type(self).__name__
        if not isinstance(params, Iterable):
            raise TypeError(f"{name}: params is a {type(params).__name__}, expected an iterable")
        self.defaults = defaults
        self.param_groups: list[Group] = []
        self.state: dict[Parameter, dict[str, Any]] = {}
        given: list[Any] = list(params)
        if not given:
            raise ValueError(f"{name}: params is empty, expected at least one Parameter")
        type(self)._step([], [], None, **defaults)
        for group in given if isinstance(given[0], dict) else [{"params": given}]:
            self.add_param_group(group)

    @property
    def parameters(self) -> list[Parameter]:
        """The parameters of all groups, in their order."""
        return [each for group in self.param_groups for each in self._members(group)]

    def add_param_group(self, param_group: Group) -> None:
        """Add a group of parameters with its own options.

        Parameters
        ----------
        param_group : dict
            ``params``, a Parameter or an iterable of them or of their pairs with a name, and
            options; the others are those of `defaults`. Names are not kept.

        Raises
        ------
        TypeError, ValueError
            If it has no parameters, one twice or one of another group, or options that do not
            fit.
        """
        name = type(self).__name__
        if not isinstance(param_group, dict) or "params" not in param_group:
            raise TypeError(f"{name}: a group is {param_group!r}, expected a dict with 'params'")
        given = param_group["params"]
        if isinstance(given, set):
            raise TypeError(f"{name}: params is a set, expected an order, such as a list")
        if not isinstance(given, Parameter | Iterable):
            raise TypeError(f"{name}: params is a {type(given).__name__}, expected an iterable")
        parameters = [
            # A pair of `named_parameters`; the order says what its name would.
            each[1] if isinstance(each, tuple) and len(each) == 2 else each
            for each in ([given] if isinstance(given, Parameter) else given)
        ]
        check_parameters(name, parameters)
        if set(parameters) & set(self.parameters):
            raise ValueError(f"{name}: params has one of another group, expected each once")
        group = {**self.defaults, **param_group, "params": parameters}
        # A step without parameters checks the options before any work.
        type(self)._step([], [], None, **self._options(group))
        self.param_groups.append(group)

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Set the gradient of every parameter to None, or else, where it has one, to zeros."""
        for parameter in self.parameters:
            if set_to_none:
                parameter.grad = None
            elif parameter.grad is not None:
                parameter.grad = np.zeros_like(parameter.grad)

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Take one step with every parameter that requires a gradient and has one.

        Parameters
        ----------
        closure : callable, optional
            Called before the step, to compute the loss and the gradients anew.

        Returns
        -------
        What `closure` returned, or None.

        Raises
        ------
        TypeError, ValueError
            If `param_groups` was changed to what no optimizer can be made of, or a gradient does
            not fit its parameter. No parameter takes a step then.
        """
        if closure is not None and not callable(closure):
            raise TypeError(
                f"{type(self).__name__}.step: closure is a {type(closure).__name__}, expected a "
                "function or None"
            )
        loss = None if closure is None else closure()
        results = {
            parameter: type(self)._step(
                [parameter.data], [parameter.grad], self.state.get(parameter), **options
            )
            for parameter, options in self._pairs(self.param_groups)
            if parameter.requires_grad and parameter.grad is not None
        }
        # All or nothing, as far as an interruption lets it: compute first, then assign.
        for parameter, result in results.items():
            parameter.data = result.params[0]
            self.state[parameter] = result.state
        return loss

    def state_dict(self) -> dict[str, Any]:
        """Return copies of groups and state, in the form of `torch.optim`.

        Parameters are named by their places in the groups as they are now.
        """
        state = {
            place: {
                name: value[0].copy() if isinstance(value, list) else value
                for name, value in self.state[parameter].items()
            }
            for place, parameter in enumerate(self.parameters)
            if self.state.get(parameter)
        }
        groups = [
            {**{key: copy.copy(group[key]) for key in group if key != "params"}, "params": places}
            for group, places in zip(self.param_groups, self._places(), strict=True)
        ]
        return {"state": state, "param_groups": groups}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Copy groups and state that `state_dict` returned, ours or that of `torch.optim`.

        Raises
        ------
        ValueError
            If it belongs to other parameters or another kind of optimizer. Nothing is changed
            then.
        """
        groups, entries = self._groups_of(state_dict)
        step = type(self)._step
        for group in groups:
            step([], [], None, **self._options(group))
        state = {}
        for place, (parameter, options) in enumerate(self._pairs(groups)):
            if place in entries:
                state[parameter] = self._loaded(place, parameter, entries[place])
                # A step that is thrown away checks whether all that it needs is there.
                data = parameter.data
                step([data], [np.zeros_like(data)], state[parameter], **options)
        self.param_groups, self.state = groups, state

    def _members(self, group: Group) -> list[Parameter]:
        """Return the parameters of a group, which anyone may have replaced."""
        given: Any = group.get("params")
        if not isinstance(given, list | tuple):
            raise TypeError(
                f"{type(self).__name__}: params of a group is a {type(given).__name__}, expected "
                "a list of Parameters"
            )
        return list(given)

    def _options(self, group: Group) -> dict[str, Any]:
        for name in self.defaults:
            if name not in group:
                raise ValueError(
                    f"{type(self).__name__}: a group lacks {name!r}, expected the options "
                    f"{sorted(self.defaults)}"
                )
        return {name: group[name] for name in self.defaults}

    def _places(self) -> list[list[int]]:
        """Return the places of the parameters of each group."""
        count = itertools.count()
        return [[next(count) for _ in self._members(group)] for group in self.param_groups]

    def _pairs(self, groups: list[Group]) -> list[tuple[Parameter, dict[str, Any]]]:
        """Return every parameter with the options of its group."""
        pairs = [(each, self._options(group)) for group in groups for each in self._members(group)]
        check_parameters(type(self).__name__, [parameter for parameter, _ in pairs])
        return pairs

    def _groups_of(self, state_dict: Mapping[str, Any]) -> tuple[list[Group], dict[int, Any]]:
        """Return the groups of a state_dict with the own parameters, and its state."""
        name = type(self).__name__
        try:
            given, entries = list(state_dict["param_groups"]), dict(state_dict["state"])
            places = [list(group["params"]) for group in given]
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(
                f"{name}: the state_dict lacks {error}, expected groups with the options "
                f"{sorted(self.defaults)}, params, and a state"
            ) from None
        own = self._places()
        if places != own or not set(entries) <= set(range(len(self.parameters))):
            raise ValueError(
                f"{name}: the state_dict has the parameters {places} and the state of "
                f"{list(entries)}, expected {own}"
            )
        pairs = zip(given, self.param_groups, strict=True)
        groups = [{**copy.deepcopy(dict(g)), "params": mine["params"]} for g, mine in pairs]
        return groups, entries

    def _loaded(self, place: int, parameter: Parameter, values: Any) -> dict[str, Any]:
        """Return a copy of the state of one parameter, in its own form."""
        name = f"{type(self).__name__} state_dict"
        data = parameter.data
        try:
            state: dict[str, Any] = {
                # PyTorch's tensors copy into arrays only by way of arrays.
                key: NUMBERS[key](value)
                if key in NUMBERS
                else [np.asarray(value).astype(data.dtype, copy=True)]
                for key, value in values.items()
                if value is not None
            }
        except (AttributeError, OverflowError, TypeError, ValueError) as error:
            raise ValueError(
                f"{name}: the state of parameter {place} is no mapping of numbers and arrays "
                f"({error})"
            ) from error
        for key, value in state.items():
            if key not in NUMBERS:
                check.shape(name, f"{key} of {place}", value[0], data.shape)
        return state


def check_parameters(name: str, parameters: Sequence[Any]) -> None:
    """Raise unless `parameters` are Parameters, each there once."""
    for parameter in parameters:
        if not isinstance(parameter, Parameter):
            raise TypeError(f"{name}: params has a {type(parameter).__name__}, expected Parameters")
    if len(set(parameters)) < len(parameters):
        raise ValueError(f"{name}: params has one twice, expected each once")


def _whole(value: Any) -> int:
    """Return a number of steps, which PyTorch keeps as a float."""
    if int(value) != value or value < 0:
        raise ValueError(f"step is {value}, expected a whole number of at least 0")
    return int(value)
