"""PyTorch as a reference: each operation of `torch.nn.functional` with its autograd."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from reference_tests.operation import Operation
from reference_tests.operations import CATALOGUE
from reference_tests.operations.pooling import windows_of
from reference_tests.operations.windows import seen
from reference_tests.references import Reference


@contextmanager
def one_thread() -> Iterator[None]:
    """Run PyTorch on one thread: on small arrays two are up to 17 times slower."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def tensor(array: Any, requires_grad: bool = False) -> Any:
    """Return a copy of an array as a tensor: shared memory would let one side edit the other."""
    if array is None:
        return None
    copy = torch.from_numpy(np.array(array, order="C"))
    return copy.requires_grad_() if requires_grad and copy.is_floating_point() else copy


def _numpy(value: Any) -> Any:
    return None if value is None else value.detach().numpy().copy()


def _with_autograd(function: Callable[..., Any], operation: Operation) -> Callable[..., Any]:
    """Return `function` of tensors as an implementation's callable on arrays."""

    def call(*given: Any, **hyper: Any) -> Any:
        named = {name: hyper.pop(name) for name in operation.arrays if name in hyper}
        arrays = {**dict(zip(operation.arrays, given, strict=False)), **named}
        inputs = {
            name: tensor(array, requires_grad=name in operation.differentiable)
            for name, array in arrays.items()
        }
        keywords = {name: inputs[name] for name in named}
        with one_thread():
            result = function(*list(inputs.values())[: len(given)], **keywords, **hyper)
        several = isinstance(result, tuple)
        output = result[0] if several else result

        def pullback(grad_output: Any) -> Any:
            wanted = {n: t for n, t in inputs.items() if t is not None and t.requires_grad}
            with one_thread():
                grads = torch.autograd.grad(
                    output,
                    list(wanted.values()),
                    tensor(grad_output),
                    retain_graph=True,
                    allow_unused=True,
                )
            found = dict(zip(wanted, grads, strict=True))
            return tuple(_numpy(found.get(name)) for name in operation.arrays)

        return (tuple(map(_numpy, result)) if several else _numpy(output)), pullback

    return call


def _conv2d(x: Any, weight: Any, bias: Any = None, **hyper: Any) -> Any:
    with warnings.catch_warnings():
        # 'same' with an even kernel warns of a copy, which is no concern here.
        warnings.simplefilter("ignore", UserWarning)
        if bias is not None and bias.ndim > 1:
            return F.conv2d(x, weight, None, **hyper) + bias
        return F.conv2d(x, weight, bias, **hyper)


def _max_pool2d(x: Any, **hyper: Any) -> Any:
    # A window that sees nothing but padding (W=1, kernel 2, dilation 2, padding 1) makes the
    # backward of torch 2.13 write outside its memory, which can end the process.
    options: dict[str, Any] = {"stride": None, "padding": 0, "dilation": 1, "ceil_mode": False}
    given = {name: hyper.get(name, value) for name, value in options.items()}
    for axis in windows_of(x, kernel_size=hyper["kernel_size"], **given):
        if (seen(*axis) < 0).all(1).any():
            raise NotImplementedError("PyTorch is unsafe where a window sees only padding")
    return F.max_pool2d(x, **hyper)


def _binary_cross_entropy(x: Any, target: Any, weight: Any = None, **hyper: Any) -> Any:
    # Its kernel refuses a weight that broadcasts.
    whole = None if weight is None else weight.expand(x.shape)
    return F.binary_cross_entropy(x, target, whole, **hyper)


def _l2_penalty(x: Any, *, strength: float) -> Any:
    return strength * x.square().sum()


def _optimizer(kind: Callable[..., Any]) -> Callable[..., Any]:
    def step(params: Any, grads: Any, state: Mapping[str, Any] | None = None, **hyper: Any) -> Any:
        with one_thread():
            parameters = [torch.nn.Parameter(tensor(array)) for array in params]
            for parameter, grad in zip(parameters, grads, strict=True):
                parameter.grad = tensor(grad)
            optimizer = kind(parameters, foreach=False, **hyper)
            for place, parameter in enumerate(parameters if state else ()):
                for name, value in (state or {}).items():
                    optimizer.state[parameter][name] = (
                        torch.tensor(float(value)) if name == "step" else tensor(value[place])
                    )
            optimizer.step()
        names = {name for parameter in parameters for name in optimizer.state[parameter]}
        after: dict[str, Any] = {
            name: [_numpy(optimizer.state[parameter][name]) for parameter in parameters]
            for name in names
            if optimizer.state[parameters[0]][name] is not None
        }
        if "step" in after:
            after["step"] = int(after["step"][0])
        return [_numpy(parameter) for parameter in parameters], after

    return step


# What is not simply the function of its name in `torch.nn.functional`: on tensors …
FUNCTIONS: dict[str, Callable[..., Any]] = {
    "conv2d": _conv2d,
    "conv2d_untied_bias": _conv2d,
    "max_pool2d": _max_pool2d,
    "flatten": torch.flatten,
    "binary_cross_entropy": _binary_cross_entropy,
    "l2_penalty": _l2_penalty,
}
# … and, in the form of an implementation, on arrays.
ADAPTED: dict[str, Callable[..., Any]] = {
    "sgd": _optimizer(torch.optim.SGD),
    "adam": _optimizer(torch.optim.Adam),
}


def _operations() -> dict[str, Callable[..., Any]]:
    found = {}
    for name, operation in CATALOGUE.items():
        function = FUNCTIONS.get(name, getattr(F, name, None))
        # Random operations are judged by their law alone.
        if operation.law is not None:
            continue
        if name in ADAPTED:
            found[name] = ADAPTED[name]
        elif function is not None:
            found[name] = _with_autograd(function, operation)
    return found


reference = Reference("torch", torch.__version__, _operations())
