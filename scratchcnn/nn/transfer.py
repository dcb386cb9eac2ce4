"""Weights of one network in another: load what fits, freeze, give it a new head."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from scratchcnn.nn.linear import Linear
from scratchcnn.nn.module import Module
from scratchcnn.nn.parameter import Parameter


class Loaded(NamedTuple):
    """What `load_matching` did, printed as a table.

    Attributes
    ----------
    loaded : list of str
        The entries that the model took over.
    missing_keys : list of str
        Entries of the model that the state lacks; they are as they were.
    unexpected_keys : list of str
        Entries of the state that the model lacks.
    mismatched : dict of str to (own shape, shape in the state)
        Entries of both whose shapes differ; those of the model are as they were.
    """

    loaded: list[str]
    missing_keys: list[str]
    unexpected_keys: list[str]
    mismatched: dict[str, tuple[tuple[int, ...], tuple[int, ...]]]

    def __str__(self) -> str:
        rows = [("missing", name, "") for name in self.missing_keys]
        rows += [("unexpected", name, "") for name in self.unexpected_keys]
        rows += [
            ("mismatched", name, f"{own} here, {other} there")
            for name, (own, other) in self.mismatched.items()
        ]
        width = max((len(name) for _, name, _ in rows), default=0)
        lines = [f"{what:10}  {name:{width}}  {note}".rstrip() for what, name, note in rows]
        entries = "entry" if len(self.loaded) == 1 else "entries"
        return "\n".join([f"{'loaded':10}  {len(self.loaded)} {entries}", *lines])


def load_matching(model: Module, state: Mapping[str, NDArray[Any]]) -> Loaded:
    """Copy into `model` the arrays whose names and shapes match, and return what was done.

    Parameters
    ----------
    model : Module
    state : mapping of names to ndarrays
        Such as a state_dict of another network, or `scratchcnn.interop` makes of PyTorch's.

    Returns
    -------
    Loaded
        Its names are those that `Module.load_state_dict` returns, and more.

    Raises
    ------
    TypeError
        If `model` is no Module, `state` no mapping, or a matching entry no ndarray, or not of a
        dtype of the same kind. Nothing is changed then.

    Examples
    --------
    >>> from scratchcnn.nn import Linear
    >>> print(load_matching(Linear(4, 3), {"weight": np.zeros((3, 4)), "bias": np.zeros(2)}))
    loaded      1 entry
    mismatched  bias  (3,) here, (2,) there
    """
    _check_model("load_matching", model)
    if not isinstance(state, Mapping):
        raise TypeError(f"load_matching: state is a {type(state).__name__}, expected a mapping")
    own = model.state_dict()
    shared = {name: state[name] for name in own if name in state}
    mismatched = {
        name: (own[name].shape, np.shape(array))
        for name, array in shared.items()
        if own[name].shape != np.shape(array)
    }
    matching = {name: array for name, array in shared.items() if name not in mismatched}
    keys = model.load_state_dict(matching, strict=False)
    return Loaded(
        list(matching),
        [name for name in keys.missing_keys if name not in mismatched],
        [name for name in state if name not in own],
        mismatched,
    )


def freeze(model: Module, *patterns: str, statistics: bool = False) -> list[str]:
    """Stop the training of the parameters whose names match, and return those names.

    Parameters
    ----------
    model : Module
    *patterns : str
        As of `fnmatch`: ``"layer1.*"`` is all inside ``layer1``, ``"*.bias"`` every bias,
        ``"*"`` all.
    statistics : bool
        Whether modules with running statistics (BatchNorm) of which an entry matches also stay in
        evaluation mode, whatever `train` says: they then normalize with the statistics that
        they have and no longer update them. Without it, a frozen BatchNorm in training mode
        still normalizes with its batch and still moves its statistics.

    Returns
    -------
    list of str
        The names of the parameters, in the order of the model. Their `grad` is None now, so
        that no optimizer moves them.

    Raises
    ------
    TypeError
        If `model` is no Module, or a pattern no string.
    ValueError
        If there is no pattern, or one matches nothing. Nothing is changed then.

    Examples
    --------
    >>> from scratchcnn.nn import Linear, ReLU, Sequential
    >>> freeze(Sequential(Linear(4, 3), ReLU(), Linear(3, 2)), "0.*")
    ['0.weight', '0.bias']
    """
    _check_patterns("freeze", model, patterns)
    kept = _with_statistics(model, patterns) if statistics else {}
    matching = _matching("freeze", model, patterns, kept)
    for _, parameter in matching:
        parameter.requires_grad, parameter.grad = False, None
    for module in kept.values():
        module.always_eval, module.training = True, False
    return [name for name, _ in matching]


def unfreeze(model: Module, *patterns: str) -> list[str]:
    """Let the parameters whose names match train again, and return those names.

    Parameters
    ----------
    model : Module
    *patterns : str
        As in `freeze`. Modules with running statistics of which an entry matches no longer stay in
        evaluation mode, and get the mode of `model`.

    Returns
    -------
    list of str

    Raises
    ------
    TypeError
        If `model` is no Module, or a pattern no string.
    ValueError
        If there is no pattern, or one matches nothing. Nothing is changed then.
    """
    _check_patterns("unfreeze", model, patterns)
    kept = _with_statistics(model, patterns)
    matching = _matching("unfreeze", model, patterns, kept)
    for _, parameter in matching:
        parameter.requires_grad = True
    for module in kept.values():
        if module.always_eval:
            module.always_eval, module.training = False, model.training
    return [name for name, _ in matching]


def replace_head(model: Module, head: Module, name: str | None = None) -> str:
    """Put `head` in the place of the last `Linear` of `model`, and return its name.

    Parameters
    ----------
    model : Module
        Contains the layer; it cannot be that layer itself.
    head : Module
    name : str, optional
        Of another module to replace, such as ``"classifier.6"``.

    Returns
    -------
    str
        The dotted name. A module that stands in several places is replaced in each.

    Raises
    ------
    TypeError
        If `model` or `head` is no Module.
    ValueError
        If there is no such module, or two layers `Linear` take a different number of features.

    Examples
    --------
    >>> from scratchcnn.nn import Linear, ReLU, Sequential
    >>> replace_head(Sequential(Linear(4, 3), ReLU(), Linear(3, 10)), Linear(3, 2))
    '2'
    """
    _check_model("replace_head", model)
    if not isinstance(head, Module):
        raise TypeError(f"replace_head: head is a {type(head).__name__}, expected a Module")
    every = model.named_modules(remove_duplicate=False)
    inside = {each: module for each, module in every if each}
    linear = [each for each, module in inside.items() if isinstance(module, Linear)]
    if name is None and not linear:
        raise ValueError("replace_head: model has no Linear inside, expected one or a name")
    name = linear[-1] if name is None else name
    if name not in inside:
        raise ValueError(f"replace_head: name is {name!r}, expected one of {', '.join(inside)}")
    old = inside[name]
    sizes = [each.in_features for each in (head, old) if isinstance(each, Linear)]
    if len(set(sizes)) > 1:
        raise ValueError(
            f"replace_head: head takes {sizes[0]} features, but {name} takes {sizes[1]}"
        )
    for parent in [model, *inside.values()]:
        for child_name, child in parent._children().items():
            if child is old:
                setattr(parent, child_name, head)
    return name


def parameter_groups(
    model: Module, options: Mapping[str, Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Return parameter groups for an optimizer, by patterns of names.

    Parameters
    ----------
    model : Module
    options : mapping of patterns, as in `freeze`, to the options of their parameters
        A parameter belongs to the first pattern that matches; those that match none form a last
        group with the optimizer's own options.

    Returns
    -------
    list of dict
        ``{"params": [...], **options}`` for each pattern, in their order. Frozen parameters are
        there too: they do not move as long as they are frozen.

    Raises
    ------
    TypeError
        If `model` is no Module, `options` no mapping, or a pattern no string.
    ValueError
        If there is no pattern, or no parameter is left for one.

    Examples
    --------
    >>> from scratchcnn.nn import Linear, ReLU, Sequential
    >>> model = Sequential(Linear(4, 3), ReLU(), Linear(3, 2))
    >>> groups = parameter_groups(model, {"2.*": {"lr": 0.1}, "*": {"lr": 0.01}})
    >>> [(len(group["params"]), group["lr"]) for group in groups]
    [(2, 0.1), (2, 0.01)]
    """
    if not isinstance(options, Mapping):
        raise TypeError(
            f"parameter_groups: options is a {type(options).__name__}, expected a mapping"
        )
    _check_patterns("parameter_groups", model, tuple(options))
    _matching("parameter_groups", model, tuple(options), {})
    left = dict(model.named_parameters())
    groups = []
    for pattern, own in options.items():
        taken = [name for name in left if fnmatchcase(name, pattern)]
        if not taken:
            raise ValueError(
                f"parameter_groups: the patterns before {pattern!r} match all that it matches"
            )
        groups.append({"params": [left.pop(name) for name in taken], **own})
    return groups + ([{"params": list(left.values())}] if left else [])


def _check_model(function: str, model: Module) -> None:
    """Raise TypeError unless `model` is a Module."""
    if not isinstance(model, Module):
        raise TypeError(f"{function}: model is a {type(model).__name__}, expected a Module")


def _check_patterns(function: str, model: Module, patterns: tuple[str, ...]) -> None:
    """Raise unless `model` is a Module and there are patterns, all of them strings."""
    _check_model(function, model)
    if not patterns:
        raise ValueError(f"{function}: no pattern is given, expected at least one, such as '*'")
    for pattern in patterns:
        if not isinstance(pattern, str):
            raise TypeError(f"{function}: pattern is {pattern!r}, expected a string")


def _matching(
    function: str, model: Module, patterns: tuple[str, ...], more: Mapping[str, Any]
) -> list[tuple[str, Parameter]]:
    """Return the parameters that match; each pattern must match one, or one of the names `more`."""
    named = list(model.named_parameters())
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in [*dict(named), *more]):
            raise ValueError(
                f"{function}: pattern {pattern!r} matches no parameter, "
                f"expected one for some of {', '.join(name for name, _ in named)}"
            )
    return [(name, p) for name, p in named if any(fnmatchcase(name, each) for each in patterns)]


def _with_statistics(model: Module, patterns: tuple[str, ...]) -> dict[str, Module]:
    """Return the modules with running statistics, under the name of each entry that matches."""
    return {
        name: module
        for prefix, module in model.named_modules(remove_duplicate=False)
        if getattr(module, "running_mean", None) is not None
        for name in (f"{prefix}.{entry}".removeprefix(".") for entry in module.state_dict())
        if any(fnmatchcase(name, pattern) for pattern in patterns)
    }
