"""Modules and state_dicts of PyTorch from those of scratchcnn, and back.

Everything is copied: neither side can change the other's weights.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from inspect import signature
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scratchcnn import nn
from scratchcnn.functional.dropout import RNG

# How torch.nn stores its weights and works in place is not part of what a layer computes.
_IGNORED = ("device", "dtype", "inplace", "rng")


def to_torch(module: nn.Module) -> Any:
    """Return the PyTorch module that computes the same.

    Parameters
    ----------
    module : Module
        A layer of `scratchcnn.nn` that `torch.nn` has too, or a `Sequential`, `Residual`,
        `Concat` or `Composite` of such.

    Returns
    -------
    torch.nn.Module
        With copies of the weights, and the names, dtypes, modes and `requires_grad` of `module`;
        what is shared in one is shared in the other. Each layer is the one of its name with the
        parameters of its constructor. `Residual`, `Concat` and `Composite` become small modules of
        this package, a convolution with an untied bias a subclass of `torch.nn.Conv2d` whose bias
        has the shape (O, Hout, Wout). PyTorch's dropout draws from PyTorch's own source of
        randomness.

    Raises
    ------
    ImportError
        If PyTorch is not installed.
    TypeError
        If a layer is not of `scratchcnn.nn`, or `torch.nn` has none of its name.
    ValueError
        If the name of a layer is taken in PyTorch.

    Examples
    --------
    >>> to_torch(nn.Sequential(nn.Linear(4, 3, rng=0), nn.ReLU()))
    Sequential(
      (0): Linear(in_features=4, out_features=3, bias=True)
      (1): ReLU()
    )
    """
    _torch("to_torch")
    return _Twins()(_to_torch, module, "")


def from_torch(module: Any, *, rng: RNG = None) -> nn.Module:
    """Return the module of `scratchcnn.nn` that computes the same as one of PyTorch.

    Parameters
    ----------
    module : torch.nn.Module
        A layer that `scratchcnn.nn` has too, what `to_torch` returned, or a `Sequential` of such.
    rng : numpy.random.Generator or int, optional
        Each dropout layer gets a generator of its own, spawned from it; None takes fresh entropy.

    Returns
    -------
    Module
        With copies of the weights, and the names, dtypes, modes and `requires_grad` of `module`;
        what is shared in one is shared in the other. ``inplace=True``, which changes no result,
        is ignored.

    Raises
    ------
    ImportError
        If PyTorch is not installed.
    TypeError
        If a layer is unknown here, or its weights are not of float32 or float64.
    ValueError
        If a layer has an option that is unknown here, such as ``padding_mode="reflect"``.

    Examples
    --------
    >>> import torch
    >>> list(from_torch(torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.ReLU())).state_dict())
    ['0.weight', '0.bias']
    """
    _torch("from_torch")
    twin: nn.Module = _Twins(rng)(_from_torch, module, "")
    return twin


def state_dict_to_torch(model: nn.Module) -> dict[str, Any]:
    """Return the state_dict of `model` as tensors, for `load_state_dict` of a PyTorch module.

    Raises
    ------
    ImportError
        If PyTorch is not installed.

    Examples
    --------
    >>> {name: t.shape for name, t in state_dict_to_torch(nn.Linear(4, 3)).items()}
    {'weight': torch.Size([3, 4]), 'bias': torch.Size([3])}
    """
    torch = _torch("state_dict_to_torch")
    return {name: _tensor(torch, array) for name, array in model.state_dict().items()}


def state_dict_from_torch(source: Any) -> dict[str, NDArray[Any]]:
    """Return a state_dict of PyTorch as arrays, for `scratchcnn.nn.Module.load_state_dict`.

    Parameters
    ----------
    source : torch.nn.Module, or mapping of names to tensors

    Raises
    ------
    ImportError
        If PyTorch is not installed.
    TypeError
        If `source` is neither, or an entry is no tensor, or of a dtype that NumPy lacks.

    Examples
    --------
    >>> import torch
    >>> state_dict_from_torch({"bias": torch.zeros(2)})
    {'bias': array([0., 0.], dtype=float32)}
    """
    function = "state_dict_from_torch"
    torch = _torch(function)
    state = source.state_dict() if isinstance(source, torch.nn.Module) else source
    if not isinstance(state, Mapping):
        raise TypeError(
            f"{function}: source is a {type(source).__name__}, "
            "expected a torch.nn.Module or its state_dict"
        )
    arrays = {}
    for name, tensor in state.items():
        if not isinstance(tensor, torch.Tensor):
            raise TypeError(
                f"{function}: {name} is a {type(tensor).__name__}, expected a torch.Tensor"
            )
        try:
            arrays[name] = _array(tensor)
        except TypeError:
            raise TypeError(
                f"{function}: {name} is of {tensor.dtype}, expected a dtype that NumPy has"
            ) from None
    return arrays


def _torch(function: str) -> Any:
    try:
        import torch
    except ModuleNotFoundError as error:
        raise ImportError(
            f"{function}: the package torch is not installed; "
            'get it by: python -m pip install "scratchcnn[torch]"',
            name="torch",
        ) from error
    return torch


class _Twins:
    """The twins made so far, so that what is shared in one library is shared in the other."""

    def __init__(self, rng: RNG = None) -> None:
        self.made: dict[int, tuple[Any, Any]] = {}
        self.rng = np.random.default_rng(rng)

    def __call__(self, make: Callable[..., Any], original: Any, *more: Any) -> Any:
        """Return the twin of `original`, the known one or what `make` makes."""
        if id(original) not in self.made:
            # The original is kept too: the number of one that is gone may be given anew.
            self.made[id(original)] = original, make(original, *more, self)
        return self.made[id(original)][1]


def _to_torch(own: Any, path: str, twins: _Twins) -> Any:
    """Return the twin of `own`."""
    import torch

    from scratchcnn.interop import _torch_modules as extra

    if type(own) is nn.Sequential:
        twin = _with_children(torch.nn.Sequential(), own, path, twins)
    elif type(own) is nn.Residual:
        twin = _with_children(extra.Residual(), own, path, twins)
    elif type(own) is nn.Concat:
        twin = _with_children(extra.Concat(own.dim), own, path, twins)
    elif isinstance(own, nn.Composite) and type(own).vjp is nn.Composite.vjp:
        attributes = {name: _plain(value) for name, value in vars(own).items()}
        twin = _with_children(extra.Composite(type(own), attributes), own, path, twins)
        twin.arrange(twins(_to_torch, own.body(), path))
    elif type(own) is getattr(nn, type(own).__name__, None) and _shared(type(own).__name__):
        twin = _to_layer(own, twins)
    else:
        raise TypeError(
            f"to_torch: {_place(path)} is a {type(own).__name__}, expected a container or a layer "
            "that torch.nn and scratchcnn.nn have"
        )
    twin.training = own.training
    return twin


def _with_children(twin: Any, own: nn.Module, path: str, twins: _Twins) -> Any:
    """Return the container `twin` with the twins of all children of `own`."""
    for name, child in own._children().items():
        child_path = _joined(path, name)
        if hasattr(twin, name):
            raise ValueError(
                f"to_torch: {child_path!r} is no free name in a torch.nn.Module, "
                "expected another one"
            )
        twin.add_module(name, twins(_to_torch, child, child_path))
    return twin


def _to_layer(own: Any, twins: _Twins) -> Any:
    """Return the layer that is the twin of `own`."""
    import torch

    from scratchcnn.interop import _torch_modules as extra

    make = getattr(torch.nn, type(own).__name__)
    options = _options(own, type(own), make)
    for name, value in options.items():
        if isinstance(value, tuple) and len(value) == 1:
            # LPPool1d computes with the number itself; the others take either.
            options[name] = value[0]
    if "device" in signature(make).parameters:
        # On this device nothing is drawn, so that the user's seed in PyTorch stays as it is.
        options["device"] = "meta"
    bias = getattr(own, "bias", None)
    if isinstance(own, nn.Conv1d | nn.Conv2d | nn.Conv3d) and bias and len(bias.shape) > 1:
        make = getattr(extra, f"Untied{make.__name__}")
    twin = make(**options)
    for entry, value in own._state():
        parameter = isinstance(value, nn.Parameter)
        setattr(twin, entry, twins(_to_parameter, value) if parameter else _tensor(torch, value))
    return twin


def _to_parameter(own: nn.Parameter, twins: _Twins) -> Any:
    import torch

    return torch.nn.Parameter(_tensor(torch, own.data), own.requires_grad)


def _from_torch(module: Any, path: str, twins: _Twins) -> nn.Module:
    """Return the twin of `module`."""
    import torch

    from scratchcnn.interop import _torch_modules as extra

    own: nn.Module
    containers = (torch.nn.Sequential, extra.Residual, extra.Concat, extra.Composite)
    if type(module) in containers:
        children = {
            name: twins(_from_torch, child, _joined(path, name))
            # named_children() would leave out the second name of a layer that occurs twice.
            for name, child in module._modules.items()
        }
    if type(module) is torch.nn.Sequential:
        own = nn.Sequential(children)
    elif type(module) is extra.Residual:
        own = nn.Residual(**children)
    elif type(module) is extra.Concat:
        own = nn.Concat(children, dim=module.dim)
    elif type(module) is extra.Composite:
        own = object.__new__(module.kind)
        own.__dict__.update(module.attributes | children)
    else:
        own = _from_layer(module, path, twins)
    own.training = module.training
    return own


def _from_layer(module: Any, path: str, twins: _Twins) -> nn.Module:
    """Return the layer that is the twin of `module`."""
    import torch

    from scratchcnn.interop import _torch_modules as extra

    name = type(module).__name__
    if type(module) is getattr(extra, name, None):
        name = name.removeprefix("Untied")
    elif not _shared(name) or type(module) is not getattr(torch.nn, name):
        raise TypeError(
            f"from_torch: {_place(path)} is a {name}, expected a container or a layer "
            "that torch.nn and scratchcnn.nn have"
        )
    make = getattr(nn, name)
    options = _options(module, make, type(module))
    for option, parameter in signature(type(module)).parameters.items():
        value = getattr(module, option, parameter.default)
        known = option in options or option in (*_IGNORED, "bias")
        if not known and value != parameter.default:
            raise ValueError(
                f"from_torch: {_place(path)} has {option}={value!r}, expected {parameter.default!r}"
            )
    if "dim" in options and options["dim"] is None:
        raise ValueError(f"from_torch: {_place(path)} has dim=None, expected an axis")
    if "rng" in signature(make).parameters:
        options["rng"] = 0
    own: nn.Module = make(**options)
    if hasattr(own, "rng"):
        (own.rng,) = twins.rng.spawn(1)
    for entry, value in list(own._state()):
        entry_path, tensor = _joined(path, entry), getattr(module, entry)
        if isinstance(value, nn.Parameter):
            setattr(own, entry, twins(_from_parameter, tensor, entry_path))
        else:
            setattr(own, entry, _from_tensor(tensor, entry_path))
    return own


def _options(source: Any, own: type, theirs: type) -> dict[str, Any]:
    """Return the parameters that both constructors take, with the values that `source` has."""
    names = [name for name in signature(own).parameters if name in signature(theirs).parameters]
    options = {
        name: getattr(source, name)
        for name in names
        if hasattr(source, name) and name not in _IGNORED
    }
    if "bias" in options:
        options["bias"] = source.bias is not None
    return options


def _shared(name: str) -> bool:
    """Whether both libraries have a layer of that name."""
    import torch

    layer = getattr(nn, name, None)
    known = isinstance(layer, type) and issubclass(layer, nn.Module) and layer is not nn.Module
    return known and hasattr(torch.nn, name)


def _plain(value: Any) -> Any:
    """Return a copy of an attribute that is no module, None as the place of one that is."""
    return None if isinstance(value, nn.Module) else copy.deepcopy(value)


def _from_parameter(tensor: Any, path: str, twins: _Twins) -> nn.Parameter:
    return nn.Parameter(_from_tensor(tensor, path), tensor.requires_grad)


def _from_tensor(tensor: Any, path: str) -> NDArray[Any]:
    import torch

    if tensor.is_floating_point() and tensor.dtype not in (torch.float32, torch.float64):
        raise TypeError(
            f"from_torch: {path} is of {tensor.dtype}, expected torch.float32 or torch.float64"
        )
    return _array(tensor)


def _tensor(torch: Any, array: NDArray[Any]) -> Any:
    # from_numpy alone would share the memory, and refuses negative strides.
    return torch.from_numpy(np.array(array, order="C"))


def _array(tensor: Any) -> NDArray[Any]:
    return np.array(tensor.detach().cpu().numpy(), order="C")


def _joined(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _place(path: str) -> str:
    return f"layer {path!r}" if path else "module"
