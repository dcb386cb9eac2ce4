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
from reference_tests.operations.resize import resized
from reference_tests.operations.windows import each, seen
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


def _convolution(function: Callable[..., Any]) -> Callable[..., Any]:
    def convolve(x: Any, weight: Any, bias: Any = None, **hyper: Any) -> Any:
        with warnings.catch_warnings():
            # 'same' with an even kernel warns of a copy, which is no concern here.
            warnings.simplefilter("ignore", UserWarning)
            if bias is not None and bias.ndim > 1:
                return function(x, weight, None, **hyper) + bias
            return function(x, weight, bias, **hyper)

    return convolve


def _max_pool(spatial: int) -> Callable[..., Any]:
    def pool(x: Any, **hyper: Any) -> Any:
        # A window that sees nothing but padding (W=1, kernel 2, dilation 2, padding 1) makes the
        # backward of torch 2.13 write outside its memory, which can end the process.
        options: dict[str, Any] = {
            "stride": None,
            "padding": 0,
            "dilation": 1,
            "ceil_mode": False,
        }
        given = {name: hyper.get(name, value) for name, value in options.items()}
        for axis in windows_of(x.shape[-spatial:], kernel_size=hyper["kernel_size"], **given):
            if (seen(*axis) < 0).all(1).any():
                raise NotImplementedError("PyTorch is unsafe where a window sees only padding")
        return getattr(F, f"max_pool{spatial}d")(x, **hyper)

    return pool


def _within(function: Callable[..., Any]) -> Callable[..., Any]:
    def pool(x: Any, *args: Any, **hyper: Any) -> Any:
        # In three dimensions alone it refuses a kernel larger than the input, whatever the padding.
        kernel = each(hyper["kernel_size"], 3)
        if any(n < k for n, k in zip(x.shape[-3:], kernel, strict=True)):
            raise NotImplementedError("PyTorch refuses a kernel larger than the unpadded input")
        return function(x, *args, **hyper)

    return pool


def _lp_pool1d(x: Any, *, kernel_size: Any, **hyper: Any) -> Any:
    # It multiplies by the size, which must be no tuple.
    (kernel,) = each(kernel_size, 1)
    return F.lp_pool1d(x, kernel_size=kernel, **hyper)


def _sized(function: Callable[..., Any]) -> Callable[..., Any]:
    def pool(x: Any, **hyper: Any) -> Any:
        if hyper["output_size"] == (None,):
            raise NotImplementedError("PyTorch takes no None for a single axis")
        return function(x, **hyper)

    return pool


def _pixels(function: Callable[..., Any]) -> Callable[..., Any]:
    def shuffle(x: Any, **hyper: Any) -> Any:
        if not x.numel():
            raise NotImplementedError("PyTorch's gradient of an empty batch raises")
        return function(x, **hyper)

    return shuffle


def _interpolate(x: Any, **hyper: Any) -> Any:
    mode, antialias = hyper.get("mode", "nearest"), hyper.get("antialias", False)
    names = ("size", "scale_factor", "recompute_scale_factor")
    axes = resized(x, mode, *map(hyper.get, names))
    if antialias and axes[1].output == 1 and axes[0].output not in (1, axes[0].size):
        raise NotImplementedError("PyTorch repeats the first row where antialias leaves one column")
    # Where the factor is not the ratio of the sizes, some pairs of a forward and a backward
    # disagree on whether it counts if the size stays as it is, or is doubled.
    other = [axis for axis in axes if axis.factor not in (None, axis.output / axis.size)]
    kept = [axis for axis in other if axis.output == axis.size]
    doubled = [axis for axis in other if axis.output == 2 * axis.size]
    if (
        (mode == "nearest" and x.ndim != 4 and kept + doubled)
        or (antialias and kept)
        or (mode == "bicubic" and kept and all(axis.output == axis.size for axis in axes))
    ):
        raise NotImplementedError("PyTorch's gradient is not that of its forward there")
    return F.interpolate(x, **hyper)


def _in_whole_vectors(function: Callable[..., Any]) -> Callable[..., Any]:
    # Its gradients at NaN are others for the last elements, which fill no whole vector register.
    def call(x: Any, **hyper: Any) -> Any:
        flat = x.reshape(-1)
        filled = torch.cat([flat, flat.new_zeros(-flat.numel() % 64)])
        return function(filled, **hyper)[: flat.numel()].reshape(x.shape)

    return call


def _gelu(x: Any, **hyper: Any) -> Any:
    # Contiguous arrays of float32 go to oneDNN, whose gradient errs by up to 14 ulp and whose
    # gelu(inf) is NaN. A view with gaps gets PyTorch's own kernel.
    return F.gelu(torch.stack([x, x], -1)[..., 0], **hyper)


def _celu(x: Any, *, alpha: float = 1.0) -> Any:
    if x.dtype == torch.float64 and float(np.float32(alpha)) != alpha:
        raise NotImplementedError("PyTorch's gradient of celu rounds alpha to float32")
    return _in_whole_vectors(F.celu)(x, alpha=alpha)


def _hardsigmoid(x: Any) -> Any:
    if x.dtype == torch.float32:
        return F.hardsigmoid(x)
    # Its gradient multiplies by the float32 nearest to 1/6.
    return _in_whole_vectors(F.relu6)(x + 3) / 6


# Functions whose gradient at NaN depends on where in memory the element lies.
_VECTORS = (
    "elu",
    "hardshrink",
    "hardswish",
    "hardtanh",
    "relu6",
    "selu",
    "softshrink",
)


def _binary_cross_entropy(x: Any, target: Any, weight: Any = None, **hyper: Any) -> Any:
    # Its kernel refuses a weight that broadcasts.
    whole = None if weight is None else weight.expand(x.shape)
    return F.binary_cross_entropy(x, target, whole, **hyper)


def _kl_div(x: Any, target: Any, **hyper: Any) -> Any:
    with warnings.catch_warnings():
        # It warns of a mean that a future version will define otherwise.
        warnings.simplefilter("ignore", UserWarning)
        return F.kl_div(x, target, **hyper)


def _poisson_nll_loss(x: Any, target: Any, **hyper: Any) -> Any:
    if hyper.get("full") and target.requires_grad and (target <= 0).any():
        raise NotImplementedError("PyTorch's gradient of a target of 0 is NaN with full=True")
    if hyper.get("full") and not target.is_floating_point() and x.dtype == torch.float64:
        raise NotImplementedError("PyTorch computes log(target!) of integers in float32")
    return F.poisson_nll_loss(x, target, **hyper)


def _soft_margin_loss(x: Any, target: Any, **hyper: Any) -> Any:
    if torch.isinf(torch.exp(-target * x)).any():
        raise NotImplementedError("PyTorch overflows where a score is very wrong")
    return F.soft_margin_loss(x, target, **hyper)


def _margins_of_samples(function: Callable[..., Any]) -> Callable[..., Any]:
    def call(x: Any, *arrays: Any, **hyper: Any) -> Any:
        if not x.numel() and hyper.get("reduction") != "none":
            raise NotImplementedError("PyTorch returns memory as it finds it for no sample")
        return function(x, *arrays, **hyper)

    return call


def _l1_penalty(x: Any, *, strength: float) -> Any:
    return strength * x.abs().sum()


def _l2_penalty(x: Any, *, strength: float) -> Any:
    return strength * x.square().sum()


def _elastic_net_penalty(x: Any, *, alpha: float = 1.0, l1_ratio: float = 0.5) -> Any:
    return alpha * (l1_ratio * x.abs().sum() + (1 - l1_ratio) / 2 * x.square().sum())


def _batch_norm_statistics(x: Any, running_mean: Any, running_var: Any, **hyper: Any) -> Any:
    # PyTorch updates them in place; these are copies.
    F.batch_norm(x, running_mean, running_var, training=True, **hyper)
    return running_mean, running_var


def _group_norm(x: Any, weight: Any = None, bias: Any = None, **hyper: Any) -> Any:
    if weight is None and bias is not None:
        raise NotImplementedError("PyTorch's backward fails for a bias without a weight")
    return F.group_norm(x, weight=weight, bias=bias, **hyper)


def _instance_norm(x: Any, *arrays: Any, **hyper: Any) -> Any:
    if not len(x) and any(array is not None for array in arrays):
        raise NotImplementedError("PyTorch cannot repeat the arrays of channels for no sample")
    return F.instance_norm(x, *arrays, **hyper)


def _local_response_norm(x: Any, size: int, **hyper: Any) -> Any:
    y = F.local_response_norm(x, size, **hyper)
    wide, normalized = x.detach().double(), y.detach().double()
    twice = (normalized * normalized / wide)[wide != 0]
    if (twice.abs() < torch.finfo(x.dtype).tiny).any():
        raise NotImplementedError("PyTorch's gradient underflows: it divides by the power twice")
    return y


def _instance_norm_statistics(x: Any, running_mean: Any, running_var: Any, **hyper: Any) -> Any:
    _instance_norm(x, running_mean, running_var, **hyper)
    return running_mean, running_var


@contextmanager
def numbers_in(dtype: Any) -> Iterator[None]:
    """Let optimizers keep the numbers of their state in `dtype`; by default it is float32."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(getattr(torch, dtype.name))
    try:
        yield
    finally:
        torch.set_default_dtype(before)


# The entries of a state that are one number for each parameter.
_NUMBERS = {"step", "mu_product"}


def _optimizer(kind: Callable[..., Any]) -> Callable[..., Any]:
    def step(params: Any, grads: Any, state: Mapping[str, Any] | None = None, **hyper: Any) -> Any:
        with one_thread(), numbers_in(params[0].dtype):
            parameters = [torch.nn.Parameter(tensor(array)) for array in params]
            for parameter, grad in zip(parameters, grads, strict=True):
                parameter.grad = tensor(grad)
            optimizer = kind(parameters, foreach=False, **hyper)
            for place, parameter in enumerate(parameters if state else ()):
                for name, value in (state or {}).items():
                    optimizer.state[parameter][name] = (
                        tensor(value[place])
                        if isinstance(value, list)
                        else torch.tensor(float(value))
                    )
            optimizer.step()
        names = {name for parameter in parameters for name in optimizer.state[parameter]}
        after: dict[str, Any] = {
            name: [_numpy(optimizer.state[parameter][name]) for parameter in parameters]
            for name in names
            if optimizer.state[parameters[0]][name] is not None
        }
        for name in _NUMBERS & names:
            after[name] = float(after[name][0])
        return [_numpy(parameter) for parameter in parameters], after

    return step


# What is not simply the function of its name in `torch.nn.functional`: on tensors …
FUNCTIONS: dict[str, Callable[..., Any]] = {
    "conv1d": _convolution(F.conv1d),
    "conv2d": _convolution(F.conv2d),
    "conv2d_untied_bias": _convolution(F.conv2d),
    "conv3d": _convolution(F.conv3d),
    **{f"max_pool{spatial}d": _max_pool(spatial) for spatial in (1, 2, 3)},
    "avg_pool3d": _within(F.avg_pool3d),
    "lp_pool1d": _lp_pool1d,
    "lp_pool3d": _within(F.lp_pool3d),
    "adaptive_avg_pool1d": _sized(F.adaptive_avg_pool1d),
    "adaptive_max_pool1d": _sized(F.adaptive_max_pool1d),
    "interpolate": _interpolate,
    "pixel_shuffle": _pixels(F.pixel_shuffle),
    "pixel_unshuffle": _pixels(F.pixel_unshuffle),
    "flatten": torch.flatten,
    "celu": _celu,
    "gelu": _gelu,
    "hardsigmoid": _hardsigmoid,
    **{name: _in_whole_vectors(getattr(F, name)) for name in _VECTORS},
    "binary_cross_entropy": _binary_cross_entropy,
    "kl_div": _kl_div,
    "multi_margin_loss": _margins_of_samples(F.multi_margin_loss),
    "multilabel_margin_loss": _margins_of_samples(F.multilabel_margin_loss),
    "poisson_nll_loss": _poisson_nll_loss,
    "soft_margin_loss": _soft_margin_loss,
    "l1_penalty": _l1_penalty,
    "l2_penalty": _l2_penalty,
    "elastic_net_penalty": _elastic_net_penalty,
    "batch_norm_statistics": _batch_norm_statistics,
    "group_norm": _group_norm,
    "instance_norm": _instance_norm,
    "local_response_norm": _local_response_norm,
    "instance_norm_statistics": _instance_norm_statistics,
}
# … and, in the form of an implementation, on arrays.
ADAPTED: dict[str, Callable[..., Any]] = {
    kind.__name__.lower(): _optimizer(kind)
    for kind in vars(torch.optim).values()
    if isinstance(kind, type) and issubclass(kind, torch.optim.Optimizer)
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
