"""What every layer has: parameters, buffers, a forward and its pullback."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Self, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from scratchcnn.functional._checks import Floats
from scratchcnn.nn.parameter import Parameter

if TYPE_CHECKING:
    from scratchcnn.nn.tracing import Trace

Pullback: TypeAlias = Callable[[Floats], Floats | None]
Value = TypeVar("Value")


class IncompatibleKeys(NamedTuple):
    """What `Module.load_state_dict` did not find, with PyTorch's names.

    Attributes
    ----------
    missing_keys : list of str
        Entries of the module that the state lacks; they are as they were.
    unexpected_keys : list of str
        Entries of the state that the module lacks.
    """

    missing_keys: list[str]
    unexpected_keys: list[str]


class Module:
    """The base of all layers and networks.

    A subclass defines `vjp`. Parameters, buffers and child modules are the attributes of these
    kinds, in the order of their assignment; they name the entries of `state_dict` as in PyTorch.
    Nothing that a backward pass needs is kept on the module: two calls, a shared layer, threads
    and an evaluation in between cannot disturb each other.

    Raises
    ------
    NotImplementedError
        When called, if the subclass defines no `vjp`.

    Examples
    --------
    >>> class Double(Module):
    ...     def vjp(self, x, input_grad=True):
    ...         return 2 * x, lambda grad: 2 * grad if input_grad else None
    >>> Double()(np.array([1.0, -2.0]))
    array([ 2., -4.])
    """

    training: bool = True
    # What `freeze(..., statistics=True)` sets: `train` leaves this module in evaluation mode.
    always_eval: bool = False
    # Entries of the state that old checkpoints lack; they stay as they are then.
    _optional: ClassVar[tuple[str, ...]] = ()

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
            Never `x` itself nor a view of it, even where a layer changes nothing: who edits one
            leaves the other as it was. PyTorch's `Identity` and `Flatten` return what they got.
        pullback : callable
            Takes the gradient of the output, adds to the `grad` of each Parameter that requires
            one, and returns the gradient of `x`, an array of its own too, or None with
            ``input_grad=False``.
        """
        raise NotImplementedError(f"{type(self).__name__} defines no vjp")

    def __call__(self, x: Floats) -> Floats:
        """Return the output for `x`."""
        return self.vjp(x, input_grad=False)[0]

    def trace(self, x: Floats, through: Callable[..., Floats] | None = None) -> Trace:
        """Return the output, the pullback and every call of a layer inside.

        Parameters
        ----------
        x : ndarray
        through : callable, optional
            ``through(call, array)`` returns what the network passes on instead of the output of
            a layer, and in the pullback instead of the gradient of its input.

        Returns
        -------
        Trace
            ``output``, ``pullback`` and ``calls``, one `LayerCall` for each call of a layer that
            contains no further ones, in their order: its name, input, output and, once the
            pullback ran, the gradients of both. Layers that are shared are called more than once.

        Examples
        --------
        >>> from scratchcnn.nn import ReLU, Sequential, Sigmoid
        >>> trace = Sequential(ReLU(), Sigmoid()).trace(np.array([-1.0, 2.0]))
        >>> [(call.name, call.output.round(2).tolist()) for call in trace.calls]
        [('0', [0.0, 2.0]), ('1', [0.5, 0.88])]
        """
        from scratchcnn.nn.tracing import traced

        return traced(self, x, through)

    def register_buffer(self, name: str, array: NDArray[Any]) -> None:
        """Keep an array that is part of the state but not trained, as the attribute `name`."""
        self.__dict__.setdefault("_buffers", {})[name] = None
        setattr(self, name, array)

    def children(self) -> Iterator[Module]:
        """Yield the modules directly inside this one, each shared one once."""
        return (child for _, child in self.named_children())

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """Yield the names and modules directly inside, each shared one once, under its first."""
        return _first(self._children().items())

    def modules(self) -> Iterator[Module]:
        """Yield this module and all modules inside it, each shared one once."""
        return (module for _, module in self.named_modules())

    def named_modules(
        self, prefix: str = "", remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Module]]:
        """Yield this module under `prefix` and all modules inside it under their dotted names.

        A shared module comes once, under its first name, or else under each of its names.
        """
        named = self._all_modules(prefix)
        return _first(named) if remove_duplicate else named

    def named_layers(self) -> Iterator[tuple[str, Module]]:
        """Yield the dotted names and modules that contain no further modules, each once."""
        return ((name, module) for name, module in self.named_modules() if not module._children())

    def named_parameters(self) -> Iterator[tuple[str, Parameter]]:
        """Yield the dotted names and parameters, each shared one once, under its first name."""
        for name, value in _first(self._state()):
            if isinstance(value, Parameter):
                yield name, value

    def parameters(self) -> list[Parameter]:
        """Return all parameters, each shared one once."""
        return [parameter for _, parameter in self.named_parameters()]

    def named_buffers(self) -> Iterator[tuple[str, NDArray[Any]]]:
        """Yield the dotted names and buffers, each shared one once, under its first name."""
        for name, value in _first(self._state()):
            if not isinstance(value, Parameter):
                yield name, value

    def buffers(self) -> list[NDArray[Any]]:
        """Return all buffers themselves, each shared one once."""
        return [buffer for _, buffer in self.named_buffers()]

    def get_submodule(self, target: str) -> Module:
        """Return the module of the dotted name `target`; this one for ``""``.

        Raises
        ------
        TypeError
            If `target` is no string.
        AttributeError
            If there is no such module.
        """
        found = self._found("get_submodule", target)
        if not isinstance(found, Module):
            names = ", ".join(name for name, _ in self.named_modules() if name)
            raise AttributeError(f"get_submodule: target is {target!r}, expected one of {names}")
        return found

    def get_parameter(self, target: str) -> Parameter:
        """Return the parameter of the dotted name `target`.

        Raises
        ------
        TypeError
            If `target` is no string.
        AttributeError
            If there is no such parameter.
        """
        found = self._found("get_parameter", target)
        if not isinstance(found, Parameter):
            names = ", ".join(name for name, _ in self.named_parameters())
            raise AttributeError(f"get_parameter: target is {target!r}, expected one of {names}")
        return found

    def apply(self, fn: Callable[[Module], object]) -> Self:
        """Call `fn` with each module inside, then with this one, and return the module."""
        for child in self.children():
            child.apply(fn)
        fn(self)
        return self

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Set whether all parameters require a gradient, and return the module.

        Their `grad` stays, as in PyTorch; `scratchcnn.nn.freeze` drops it and takes patterns.
        """
        for parameter in self.parameters():
            parameter.requires_grad = requires_grad
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Set the gradient of every parameter to None, or to zeros where there is one."""
        for parameter in self.parameters():
            zeros = not set_to_none and parameter.grad is not None
            parameter.grad = np.zeros_like(parameter.data) if zeros else None

    def train(self, mode: bool = True) -> Module:
        """Set training mode for this module and all inside, and return the module.

        Those whose statistics are frozen stay in evaluation mode.
        """
        for module in self.modules():
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

    def load_state_dict(
        self, state: Mapping[str, NDArray[Any]], strict: bool = True
    ) -> IncompatibleKeys:
        """Copy arrays into all parameters and buffers, and return which names do not match.

        Parameters
        ----------
        state : mapping of names to ndarrays
        strict : bool
            Whether all names must match; otherwise those that both have are copied. To pass over
            other shapes too, use `scratchcnn.nn.load_matching`.

        Returns
        -------
        IncompatibleKeys
            Two lists, ``missing_keys`` and ``unexpected_keys``, which are empty with `strict`. A
            normalization keeps its `num_batches_tracked` if `state` lacks it, as checkpoints from
            before PyTorch 0.4.1 do; that entry is never missing, as in PyTorch.

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
        optional = {
            f"{prefix}.{entry}".removeprefix(".")
            for prefix, module in self.named_modules(remove_duplicate=False)
            for entry in module._optional
        }
        missing = [name for name in own if name not in state and name not in optional]
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
        return IncompatibleKeys(missing, extra)

    def _children(self) -> dict[str, Module]:
        """Return the modules directly inside this one under all their names."""
        return {name: value for name, value in vars(self).items() if isinstance(value, Module)}

    def _all_modules(self, prefix: str) -> Iterator[tuple[str, Module]]:
        """Yield this module and all inside it under all their names."""
        yield prefix, self
        for name, child in self._children().items():
            yield from child._all_modules(f"{prefix}.{name}" if prefix else name)

    def _found(self, function: str, target: str) -> Any:
        """Return the attribute of the dotted name `target`, or None."""
        if not isinstance(target, str):
            raise TypeError(f"{function}: target is {target!r}, expected a string")
        found: Any = self
        for name in target.split(".") if target else ():
            found = vars(found).get(name) if isinstance(found, Module) else None
        return found

    def _state(self, prefix: str = "") -> Iterator[tuple[str, Parameter | NDArray[Any]]]:
        """Yield the names and values of all parameters and buffers."""
        buffers = self.__dict__.get("_buffers", {})
        for name, value in vars(self).items():
            if isinstance(value, Parameter) or name in buffers:
                yield prefix + name, value
        for name, child in self._children().items():
            yield from child._state(f"{prefix}{name}.")

    def __repr__(self) -> str:
        inner = "".join(
            f"\n  ({name}): " + repr(child).replace("\n", "\n  ")
            for name, child in self._children().items()
        )
        return f"{type(self).__name__}({self.extra_repr()}{inner}{chr(10) if inner else ''})"

    def extra_repr(self) -> str:
        """Return the hyperparameters as text."""
        return ""


def _first(named: Iterable[tuple[str, Value]]) -> Iterator[tuple[str, Value]]:
    """Yield each value once, under the first of its names."""
    seen: set[int] = set()
    for name, value in named:
        if id(value) not in seen:
            seen.add(id(value))
            yield name, value
