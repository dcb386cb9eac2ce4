"""A PyTorch module, or a function of tensors, as a callable of the judge; autograd derives it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from reference_tests.adapters.construction import (
    arguments,
    bound,
    entries,
    facts_of,
    parameters_of,
    signature,
)


def from_torch(
    function: Callable[..., Any], *, arrays: Sequence[str] | None = None
) -> Callable[..., Any]:
    """Return an implementation's callable made of a function of PyTorch's tensors.

    Parameters
    ----------
    function : callable
        Such as ``torch.nn.functional.conv2d``, or one of your own.
    arrays : sequence of str, optional
        The names of the tensors in the order of the gradients; by default the gradients have the
        order in which the tensors are given.

    Returns
    -------
    callable
        Returns ``(output, pullback)``; the pullback asks autograd.
    """
    if not callable(function):
        raise TypeError(f"from_torch: function is a {type(function).__name__}, expected a callable")

    def call(*given: Any, **hyper: Any) -> Any:
        positional = [_tensor(value) for value in given]
        keywords = {name: _tensor(value) for name, value in hyper.items()}
        named = [name for name, value in hyper.items() if isinstance(value, np.ndarray)]
        names = list(arrays or (*range(len(given)), *named))
        tensors = {names[place]: value for place, value in enumerate(positional)}
        tensors.update({name: keywords[name] for name in names if name in keywords})
        output = function(*positional, **keywords)

        def pullback(grad_output: Any) -> tuple[Any, ...]:
            grads = _gradients(output, tensors, grad_output)
            last = max((place for place, name in enumerate(names) if name in tensors), default=0)
            return tuple(grads.get(name) for name in names[: last + 1])

        return _numpy(output), pullback

    try:
        call.__signature__ = inspect.signature(function)  # type: ignore[attr-defined]
    except (TypeError, ValueError):
        # A function of PyTorch's own core has none: it is taken to accept everything.
        return call
    return call


def from_module(
    factory: Callable[..., Any],
    *,
    inputs: Sequence[str] = ("x",),
    weight: str | None = "weight",
    bias: str | None = "bias",
    buffers: Mapping[str, str] | None = None,
    scalars: Sequence[str] = (),
) -> Callable[..., Any]:
    """Return an implementation's callable made of a ``torch.nn.Module``.

    Parameters
    ----------
    factory : callable
        Returns a module: its class, or a function around it. It gets by name what it asks for, as
        `from_layer`'s `construct` does: ``nn.Conv2d`` asks for in_channels, out_channels,
        kernel_size, stride, …
    inputs : sequence of str
        The arrays that the module is called with.
    weight, bias : str, optional
        The names of its parameters, such as ``"inner.weight"``; None for a module without.
    buffers : mapping of array names to names of buffers, optional
        Arrays between the inputs and the weight that have no gradient.
    scalars : sequence of str
        What the module takes as one number for all axes.

    Returns
    -------
    callable
        Takes (x, weight, bias) and the hyperparameters of `factory`; returns
        ``(output, pullback)``. A module is made for each call, in the dtype of `x`.
    """
    if not callable(factory):
        raise TypeError(
            f"from_module: factory is a {type(factory).__name__}, expected a callable that "
            "returns a torch.nn.Module"
        )
    held = {name: path for name, path in (("weight", weight), ("bias", bias)) if path is not None}
    kept = dict(buffers or {})
    names = (*inputs, *kept, *held)
    transposed = "output_padding" in (parameters_of(factory) or ())

    def function(*given: Any, **hyper: Any) -> Any:
        arrays = bound(names, given, hyper)
        x = arrays[names[0]]
        facts = facts_of(
            x, arrays.get("weight"), arrays.get("bias"), hyper.get("groups", 1), transposed
        )
        facts["input_shape"] = tuple(x.shape[1:])
        # PyTorch wants its own dtypes, and the module gets that of the input below.
        facts.pop("dtype")
        module = factory(**arguments(factory, facts, hyper, scalars))
        tensors = _filled(module, x, arrays, {**kept, **held})
        tensors.update({name: _tensor(arrays[name]) for name in inputs})
        output = module(*(tensors[name] for name in inputs))

        def pullback(grad_output: Any) -> tuple[Any, ...]:
            return entries(arrays, _gradients(output, tensors, grad_output), len(given))

        return _numpy(output), pullback

    taken = signature(factory, inputs, names[len(tuple(inputs)) :])
    function.__signature__ = taken  # type: ignore[attr-defined]
    return function


def _filled(
    module: Any, x: Any, arrays: Mapping[str, Any], paths: Mapping[str, str]
) -> dict[str, Any]:
    """Set a module's parameters and buffers, and return them by the names of the arrays."""
    import torch

    module.to(getattr(torch, str(x.dtype)))
    holders = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    found = {}
    for name, path in paths.items():
        array = arrays.get(name)
        if path not in holders:
            if array is not None:
                raise AttributeError(
                    f"{type(module).__name__} has no {path!r}; it has {', '.join(holders)}"
                )
            continue
        value = np.full(tuple(holders[path].shape), name == "weight") if array is None else array
        if tuple(holders[path].shape) != value.shape:
            raise ValueError(
                f"{path} of {type(module).__name__} has shape {tuple(holders[path].shape)}, but "
                f"what the call gives has {value.shape}"
            )
        with torch.no_grad():
            holders[path].copy_(_tensor(value))
        found[name] = holders[path]
    return found


def _tensor(value: Any) -> Any:
    """Return a copy of an array as a tensor, which asks for a gradient if it is of floats."""
    if not isinstance(value, np.ndarray):
        return value
    import torch

    # A copy, because memory that is shared lets one side edit the other.
    copy = torch.from_numpy(np.array(value, order="C"))
    return copy.requires_grad_() if copy.is_floating_point() else copy


def _numpy(value: Any) -> Any:
    if isinstance(value, (tuple, list)):
        return tuple(_numpy(each) for each in value)
    return value.detach().numpy().copy()


def _gradients(output: Any, tensors: Mapping[Any, Any], grad_output: Any) -> dict[Any, Any]:
    """Return the gradients by name, without the tensors that have none."""
    import torch

    first = output[0] if isinstance(output, (tuple, list)) else output
    wanted = {
        name: tensor
        for name, tensor in tensors.items()
        if isinstance(tensor, torch.Tensor) and tensor.requires_grad
    }
    if not wanted or not first.requires_grad:
        return {}
    cotangent = torch.from_numpy(np.array(grad_output, order="C"))
    grads = torch.autograd.grad(
        first, list(wanted.values()), cotangent, retain_graph=True, allow_unused=True
    )
    named = {name: grads[place] for place, name in enumerate(wanted)}
    return {name: _numpy(grad) for name, grad in named.items() if grad is not None}
