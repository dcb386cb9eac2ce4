"""Modules made of modules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Self, overload

import numpy as np

from scratchcnn.functional import _checks as check
from scratchcnn.functional._checks import Floats
from scratchcnn.functional.dropout import RNG
from scratchcnn.nn.dropout import Random
from scratchcnn.nn.module import Module, Pullback


class Identity(Module):
    """A layer that changes nothing, of which output and gradient are copies.

    Parameters
    ----------
    *args, **kwargs
        Anything; ignored, as in PyTorch.

    Raises
    ------
    TypeError
        When called, if the input is not of float32 or float64.

    Examples
    --------
    >>> Identity(54, unused=True)(np.array([1.0, -2.0]))
    array([ 1., -2.])
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Ignore what is given."""

    def vjp(self, x: Floats, input_grad: bool = True) -> tuple[Floats, Pullback]:
        """Return a copy of `x` and the pullback that copies."""
        check.floats("Identity", x=x)

        def pullback(grad_output: Floats) -> Floats | None:
            check.alike("Identity", grad_output, x=x)
            return grad_output.copy() if input_grad else None

        return x.copy(), pullback


class Sequential(Module):
    """Layers one after another; without any, an `Identity`.

    Parameters
    ----------
    *layers : Module, or one mapping of names to modules
        Unnamed layers are called ``"0"``, ``"1"``, …, as in PyTorch.
    rng : int, optional
        A seed from which each layer inside that draws (dropout, RReLU) gets its generator.

    Raises
    ------
    TypeError, ValueError
        If a layer is no Module, or a name has a dot or belongs to `Sequential` itself.

    Notes
    -----
    ``model[0]`` and ``model[-1]`` are layers; ``model[1:3]`` is a Sequential of the layers
    themselves under the names that they have.

    Examples
    --------
    >>> from scratchcnn.nn import Linear, ReLU
    >>> model = Sequential(Linear(4, 3, rng=0), ReLU(), Linear(3, 2, rng=1))
    >>> model(np.zeros((5, 4), np.float32)).shape
    (5, 2)
    >>> list(model.state_dict())
    ['0.weight', '0.bias', '2.weight', '2.bias']
    """

    def __init__(self, *layers: Module | Mapping[str, Module], rng: RNG = None) -> None:
        vars(self).update(named_modules_of(self, layers))
        if rng is not None:
            self.seed(rng)

    def seed(self, rng: RNG) -> None:
        """Give each layer inside that draws a generator of its own, spawned from `rng`."""
        source = np.random.default_rng(rng)
        layers = [layer for _, layer in self.named_layers() if isinstance(layer, Random)]
        for layer, generator in zip(layers, source.spawn(len(layers)), strict=True):
            layer.rng = generator

    def vjp(self, x: Floats, input_grad: bool = True) -> tuple[Floats, Pullback]:
        """Return the output of the last layer, and the pullback of all layers in reverse."""
        pullbacks = []
        for layer in self or (Identity(),):
            x, pullback = layer.vjp(x, input_grad=input_grad)
            pullbacks.append(pullback)
            # Below the first layer that learns, no gradient is of any use.
            input_grad = input_grad or any(p.requires_grad for p in layer.parameters())

        def pull(grad_output: Floats) -> Floats | None:
            grad: Floats | None = grad_output
            for pullback in reversed(pullbacks):
                if grad is not None:
                    grad = pullback(grad)
            return grad

        return x, pull

    def __iter__(self) -> Iterator[Module]:
        return iter(self._children().values())

    def __len__(self) -> int:
        return len(self._children())

    @overload
    def __getitem__(self, index: int) -> Module: ...
    @overload
    def __getitem__(self, index: slice) -> Self: ...

    def __getitem__(self, index: int | slice) -> Module:
        named = list(self._children().items())
        if isinstance(index, slice):
            return type(self)(dict(named[index]))
        place = check.whole("Sequential", "index", index)
        if not -len(named) <= place < len(named):
            raise IndexError(f"Sequential: index is {place}, but there are {len(named)} layers")
        return named[place][1]

    def append(self, module: Module) -> Self:
        """Put a layer at the end, called by the number of those before it, and return the model.

        Raises
        ------
        TypeError
            If `module` is no Module.
        ValueError
            If that name is taken, as it may be in ``model[1:3]``.
        """
        name = str(len(self))
        if name in self._children():
            raise ValueError(f"Sequential: {name!r} is no free name for a layer")
        vars(self).update(named_modules_of(self, [{name: module}]))
        return self


def named_modules_of(
    owner: Module, modules: Sequence[Module | Mapping[str, Module]]
) -> dict[str, Module]:
    """Return the modules that a container gets, under their numbers or the names of a mapping."""
    kind = type(owner).__name__
    named: dict[Any, Any] = {str(place): module for place, module in enumerate(modules)}
    if len(modules) == 1 and isinstance(modules[0], Mapping):
        named = dict(modules[0])
    for name, module in named.items():
        if not isinstance(module, Module):
            raise TypeError(
                f"{kind}: layer {name!r} is a {type(module).__name__}, expected a Module"
            )
        if (
            not isinstance(name, str)
            or not name
            or "." in name
            or (not name.isdigit() and hasattr(owner, name))
        ):
            raise ValueError(f"{kind}: {name!r} is no free name for a layer")
    return named
