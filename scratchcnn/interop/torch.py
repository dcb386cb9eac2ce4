"""Modules and state_dicts of PyTorch from those of scratchcnn, and back.

Everything is copied: neither side can change the other's weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scratchcnn import nn
from scratchcnn.functional.dropout import RNG

# Each of these is an attribute and a parameter of the layer in both libraries.
_WINDOW = ("kernel_size", "stride", "padding")
_OPTIONS: dict[str, tuple[str, ...]] = {
    "AvgPool2d": (*_WINDOW, "ceil_mode", "count_include_pad", "divisor_override"),
    "ConstantPad2d": ("padding", "value"),
    "Conv2d": ("in_channels", "out_channels", *_WINDOW, "dilation", "groups"),
    "Dropout": ("p",),
    "Flatten": ("start_dim", "end_dim"),
    "Linear": ("in_features", "out_features"),
    "LogSoftmax": ("dim",),
    "MaxPool2d": (*_WINDOW, "dilation", "ceil_mode"),
    "ReLU": (),
    "Sigmoid": (),
    "Softmax": ("dim",),
    "Tanh": (),
}
_WEIGHTED = ("Conv2d", "Linear")

# What PyTorch's layers can do and ours cannot: the option, and its only value here.
_FIXED = {"Conv2d": ("padding_mode", "zeros"), "MaxPool2d": ("return_indices", False)}


def to_torch(module: nn.Module) -> Any:
    """Return the PyTorch module that computes the same.

    Parameters
    ----------
    module : Module
        A layer of `scratchcnn.nn`, or a `Sequential` of such.

    Returns
    -------
    torch.nn.Module
        With copies of the weights, and the names, dtypes, modes and `requires_grad` of `module`;
        what is shared in one is shared in the other. A convolution with an untied bias becomes
        a subclass of `torch.nn.Conv2d` whose bias has the shape (O, Hout, Wout). PyTorch's
        dropout draws from PyTorch's own source of randomness.

    Raises
    ------
    ImportError
        If PyTorch is not installed.
    TypeError
        If a layer is not of `scratchcnn.nn`.
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
    return _to_torch(_torch("to_torch"), module, "", {})


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
    return _from_torch(_torch("from_torch"), module, "", {}, np.random.default_rng(rng))


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


@cache
def _untied_conv2d() -> Any:
    """Return the class of PyTorch modules for a convolution with an untied bias."""
    import torch

    class UntiedConv2d(torch.nn.Conv2d):  # type: ignore[misc]
        """A convolution with one bias per output pixel, (O, Hout, Wout)."""

        def forward(self, x: Any) -> Any:
            y = torch.nn.functional.conv2d(
                x,
                self.weight,
                stride=self.stride,
                padding=self.padding,
                dilation=self.dilation,
                groups=self.groups,
            )
            return y + self.bias

    return UntiedConv2d


def _to_torch(torch: Any, own: Any, path: str, done: dict[int, Any]) -> Any:
    """Return the twin of `own`, the one in `done` if there is one already."""
    if id(own) in done:
        return done[id(own)]
    name = type(own).__name__
    if type(own) is nn.Sequential:
        twin = torch.nn.Sequential()
        for child_name, child in own.children():
            child_path = _joined(path, child_name)
            if hasattr(twin, child_name):
                raise ValueError(
                    f"to_torch: {child_path!r} is no free name in a torch.nn.Sequential, "
                    "expected another one"
                )
            twin.add_module(child_name, _to_torch(torch, child, child_path, done))
    elif name in _OPTIONS and type(own) is getattr(nn, name):
        options = {option: getattr(own, option) for option in _OPTIONS[name]}
        make = getattr(torch.nn, name)
        if name in _WEIGHTED:
            # On this device nothing is drawn, so that the user's seed in PyTorch stays as it is.
            options |= {"bias": own.bias is not None, "device": "meta"}
            if own.bias is not None and len(own.bias.shape) > 1:
                make = _untied_conv2d()
        twin = make(**options)
        for entry, parameter in own.named_parameters():
            setattr(twin, entry, _to_parameter(torch, parameter, done))
    else:
        raise TypeError(
            f"to_torch: {_place(path)} is a {name}, expected a Sequential or one of the layers "
            f"{', '.join(_OPTIONS)} of scratchcnn.nn"
        )
    twin.training = own.training
    done[id(own)] = twin
    return twin


def _to_parameter(torch: Any, own: nn.Parameter, done: dict[int, Any]) -> Any:
    if id(own) not in done:
        done[id(own)] = torch.nn.Parameter(_tensor(torch, own.data), own.requires_grad)
    return done[id(own)]


def _from_torch(
    torch: Any, module: Any, path: str, done: dict[int, Any], source: np.random.Generator
) -> nn.Module:
    """Return the twin of `module`, the one in `done` if there is one already."""
    if id(module) in done:
        return done[id(module)]  # type: ignore[no-any-return]
    own: nn.Module
    if type(module) is torch.nn.Sequential:
        # A layer that occurs twice has two names.
        named = module.named_modules(remove_duplicate=False)
        children = {name: child for name, child in named if name and "." not in name}
        own = nn.Sequential(
            {
                name: _from_torch(torch, child, _joined(path, name), done, source)
                for name, child in children.items()
            }
        )
    else:
        own = _from_layer(torch, module, path, done)
        if isinstance(own, nn.Dropout):
            (own.rng,) = source.spawn(1)
    own.training = module.training
    done[id(module)] = own
    return own


def _from_layer(torch: Any, module: Any, path: str, done: dict[int, Any]) -> nn.Module:
    """Return the layer that is the twin of `module`."""
    name = type(module).__name__
    if isinstance(module, torch.nn.Module) and type(module) is _untied_conv2d():
        name = "Conv2d"
    elif name not in _OPTIONS or type(module) is not getattr(torch.nn, name):
        raise TypeError(
            f"from_torch: {_place(path)} is a {name}, expected a Sequential or one of the layers "
            f"{', '.join(_OPTIONS)} of torch.nn"
        )
    option, only = _FIXED.get(name, ("training", module.training))
    if getattr(module, option) != only:
        raise ValueError(
            f"from_torch: {_place(path)} has {option}={getattr(module, option)!r}, "
            f"expected {only!r}"
        )
    options = {option: getattr(module, option) for option in _OPTIONS[name]}
    if options.get("dim", 0) is None:
        raise ValueError(f"from_torch: {_place(path)} has dim=None, expected an axis")
    if name in _WEIGHTED:
        options |= {"bias": module.bias is not None, "rng": 0}
    own: nn.Module = getattr(nn, name)(**options)
    for entry in [entry for entry, _ in own.named_parameters()]:
        setattr(own, entry, _from_parameter(torch, module, entry, path, done))
    return own


def _from_parameter(
    torch: Any, module: Any, entry: str, path: str, done: dict[int, Any]
) -> nn.Parameter:
    tensor = getattr(module, entry)
    if tensor.dtype not in (torch.float32, torch.float64):
        raise TypeError(
            f"from_torch: {_joined(path, entry)} is of {tensor.dtype}, "
            "expected torch.float32 or torch.float64"
        )
    if id(tensor) not in done:
        done[id(tensor)] = nn.Parameter(_array(tensor), tensor.requires_grad)
    return done[id(tensor)]  # type: ignore[no-any-return]


def _tensor(torch: Any, array: NDArray[Any]) -> Any:
    # from_numpy alone would share the memory, and refuses negative strides.
    return torch.from_numpy(np.array(array, order="C"))


def _array(tensor: Any) -> NDArray[Any]:
    return np.array(tensor.detach().cpu().numpy(), order="C")


def _joined(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _place(path: str) -> str:
    return f"layer {path!r}" if path else "module"
