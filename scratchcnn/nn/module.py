"""What every layer has: parameters, buffers, a forward and its pullback."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from scratchcnn.functional._checks import Floats
from scratchcnn.nn.parameter import Parameter

Pullback: TypeAlias = Callable[[Floats], Floats | None]


class Module:
    """The base of all layers and networks.

    A subclass defines `vjp`. Parameters, buffers and child modules are the attributes of these
    kinds, in the order of their assignment; they name the entries of `state_dict` as in PyTorch.
    Nothing that a backward pass needs is kept on the module: two calls, a shared layer, threads
    and an evaluation in between cannot disturb each other.
    """

    training: bool = True
    # What `freeze(..., statistics=True)` sets: `train` leaves this module in evaluation mode.
    always_eval: bool = False

    def vjp(self, x: Floats, input_grad: bool = True) -> tuple[Floats, Pullback]:
        """Return the output and its pullback.

        Parameters
        ----------
        x : ndarray
        input_grad : bool
            Whether the pullback computes the gradient of `x`; the first layer needs none.

        Returns
        -------
        output : ndarray
        pullback : callable
            Takes the gradient of the output, adds to the `grad` of each Parameter that requires
            one, and returns the gradient of `x`, or None with ``input_grad=False``.
        """
        raise NotImplementedError(f"{type(self).__name__} defines no vjp")

    def __call__(self, x: Floats) -> Floats:
        """Return the output for `x`."""
        return self.vjp(x, input_grad=False)[0]

    def register_buffer(self, name: str, array: NDArray[Any]) -> None:
        """Keep an array that is part of the state but not trained, as the attribute `name`."""
        self.__dict__.setdefault("_buffers", {})[name] = None
        setattr(self, name, array)

    def children(self) -> Iterator[tuple[str, Module]]:
        """Yield the names and modules directly inside this one."""
        for name, value in vars(self).items():
            if isinstance(value, Module):
                yield name, value

    def named_modules(self, prefix: str = "") -> Iterator[tuple[str, Module]]:
        """Yield this module under `prefix` and all modules inside it under their dotted names."""
        yield prefix, self
        for name, child in self.children():
            yield from child.named_modules(f"{prefix}.{name}" if prefix else name)

    def named_layers(self) -> Iterator[tuple[str, Module]]:
        """Yield the dotted names and modules that contain no further modules."""
        for name, module in self.named_modules():
            if not any(True for _ in module.children()):
                yield name, module

    def named_parameters(self) -> Iterator[tuple[str, Parameter]]:
        """Yield the dotted names and parameters, each shared one once, under its first name."""
        seen: set[int] = set()
        for name, value in self._state():
            if isinstance(value, Parameter) and id(value) not in seen:
                seen.add(id(value))
                yield name, value

    def parameters(self) -> list[Parameter]:
        """Return all parameters, each shared one once."""
        return [parameter for _, parameter in self.named_parameters()]

    def zero_grad(self) -> None:
        """Set the gradient of every parameter to None."""
        for parameter in self.parameters():
            parameter.grad = None

    def train(self, mode: bool = True) -> Module:
        """Set training mode for this module and all inside, and return the module.

        Those whose statistics are frozen stay in evaluation mode.
        """
        for _, module in self.named_modules():
            module.training = mode and not module.always_eval
        return self

    def eval(self) -> Module:
        """Set evaluation mode for this module and all inside, and return the module."""
        return self.train(False)

    def state_dict(self) -> dict[str, NDArray[Any]]:
        """Return copies of all parameters and buffers under their dotted names."""
        return {
            name: (value.data if isinstance(value, Parameter) else value).copy()
            for name, value in self._state()
        }

    def load_state_dict(self, state: Mapping[str, NDArray[Any]], strict: bool = True) -> None:
        """Copy arrays into all parameters and buffers.

        Parameters
        ----------
        state : mapping of names to ndarrays
        strict : bool
            Whether all names must match; otherwise those that both have are copied. To see which,
            and to pass over other shapes too, use `scratchcnn.nn.load_matching`.

        Raises
        ------
        TypeError
            If an entry is no ndarray, or not of a dtype of the same kind.
        ValueError
            If an entry is of another shape or, with `strict`, missing or extra. Nothing is
            changed then.
        """
        if not isinstance(state, Mapping):
            raise TypeError(
                f"load_state_dict: the state_dict is a {type(state).__name__}, expected a mapping"
            )
        own = dict(self._state())
        missing = [name for name in own if name not in state]
        extra = [name for name in state if name not in own]
        if strict and (missing or extra):
            raise ValueError(
                f"load_state_dict: state_dict lacks {missing} and has the unknown entries {extra}; "
                f"expected exactly {list(own)}"
            )
        own = {name: value for name, value in own.items() if name in state}
        for name, value in own.items():
            target = value.data if isinstance(value, Parameter) else value
            array = state[name]
            plain = isinstance(array, np.ndarray) and not isinstance(array, np.ma.MaskedArray)
            if not plain or array.dtype.kind != target.dtype.kind:
                has = array.dtype if plain else type(array).__name__
                raise TypeError(
                    f"load_state_dict: {name} is of {has}, expected an array of {target.dtype}"
                )
            if array.shape != target.shape:
                raise ValueError(
                    f"load_state_dict: {name} has shape {array.shape}, expected {target.shape}"
                )
        for name, value in own.items():
            if isinstance(value, Parameter):
                value.data = state[name].astype(value.data.dtype)
            else:
                value[...] = state[name]

    def _state(self, prefix: str = "") -> Iterator[tuple[str, Parameter | NDArray[Any]]]:
        """Yield the names and values of all parameters and buffers."""
        buffers = self.__dict__.get("_buffers", {})
        for name, value in vars(self).items():
            if isinstance(value, Parameter) or name in buffers:
                yield prefix + name, value
        for name, child in self.children():
            yield from child._state(f"{prefix}{name}.")

    def __repr__(self) -> str:
        inner = "".join(
            f"\n  ({name}): " + repr(child).replace("\n", "\n  ") for name, child in self.children()
        )
        return f"{type(self).__name__}({self.extra_repr()}{inner}{chr(10) if inner else ''})"

    def extra_repr(self) -> str:
        """Return the hyperparameters as text."""
        return ""
