"""PyDyNet 1.1 as a subject: `pydynet.nn.functional`, its layers of normalization, its optimizers.

Limits: its documentation says that kernels, strides and paddings are square. Conventions, which
the adapters translate: a linear layer has its weight as (in, out); the optimizers keep the
learning rate in the velocity; `LayerNorm` has running statistics. Its gradients start from ones,
so an output is multiplied by the cotangent and summed first.
"""

import numpy as np
import pydynet as pdn
import pydynet.nn.functional as F
from pydynet import nn, optim
from pydynet.core.tensor import Graph

from reference_tests import Implementation
from reference_tests.adapters.tape import from_tape
from reference_tests.adapters.values import finite_only


def tensor(array):
    """Return a leaf; the graph is one for all, and forgets nothing that had no backward."""
    Graph.node_list.clear()
    Graph.size = 0
    return pdn.Tensor(np.array(array), dtype=array.dtype, requires_grad=True)


def backward(output, grad_output):
    (output * pdn.Tensor(np.asarray(grad_output), dtype=output.dtype)).sum().backward()


def plain(value):
    """Return a tensor without gradient, or None."""
    return None if value is None else pdn.Tensor(np.array(value.data), dtype=value.dtype)


def one(value):
    """Return the number that a square parameter is."""
    values = set(value if isinstance(value, tuple) else (value,))
    if len(values) > 1 or isinstance(value, str):
        raise NotImplementedError("square kernels, strides and paddings alone")
    return values.pop()


def of_axes(x, *axes):
    if x.ndim not in axes:
        raise NotImplementedError(f"an array of {x.ndim} axes")


def conv(function, axes):
    def convolution(x, weight, bias=None, *, stride=1, padding=0):
        of_axes(x, axes)
        one(tuple(weight.shape[2:]))
        y = function(x, weight, one(padding), one(stride))
        return y if bias is None else y + bias.reshape(1, -1, *(1,) * (axes - 2))

    return convolution


def pool(function, axes):
    def pooling(x, *, kernel_size, stride=None, padding=0):
        of_axes(x, axes)
        kernel = one(kernel_size)
        return function(x, kernel, kernel if stride is None else one(stride), one(padding))

    return pooling


def linear(x, weight, bias=None):
    of_axes(x, 2)
    return F.linear(x, weight.T, bias)


def batch_norm(
    x, running_mean=None, running_var=None, weight=None, bias=None, *, training=False, eps=1e-5
):
    of_axes(x, 2, 4)
    layer = (nn.BatchNorm1d if x.ndim == 2 else nn.BatchNorm2d)(x.shape[1], eps, dtype=x.dtype)
    wide = (-1,) if x.ndim == 2 else (1, -1, 1, 1)
    # Its running statistics want no gradient, and it writes into them.
    kept = {"running_mean": running_mean, "running_var": running_var}
    kept = {name: plain(value) for name, value in kept.items()}
    for name, value in {**kept, "scale": weight, "shift": bias}.items():
        if value is not None:
            setattr(layer, name, value.reshape(*wide) if x.ndim == 4 else value)
    layer._train = training
    return layer(x)


def layer_norm(x, weight=None, bias=None, *, normalized_shape, eps=1e-5):
    layer = nn.LayerNorm(tuple(normalized_shape), eps, dtype=x.dtype)
    layer.scale = layer.scale if weight is None else weight
    layer.shift = layer.shift if bias is None else bias
    return layer(x)


def rms_norm(x, weight=None, *, normalized_shape, eps=None):
    if eps is None:
        raise NotImplementedError("no default of eps")
    layer = nn.RMSNorm(tuple(normalized_shape), eps, dtype=x.dtype)
    layer.weight = layer.weight if weight is None else weight
    return layer(x)


def mse_loss(x, target, *, reduction="mean"):
    if reduction == "none":
        raise NotImplementedError("a loss of each element")
    return F.mse_loss(x, target, reduction)


def cross_entropy(x, target, *, reduction="mean"):
    of_axes(x, 2)
    if reduction == "none" or target.dtype.kind == "f" or (target < 0).any():
        raise NotImplementedError("soft or ignored targets, or a loss of each sample")
    return F.cross_entropy_loss(x, target, reduction)


def nll_loss(x, target, *, reduction="mean"):
    of_axes(x, 2)
    if reduction == "none" or (target < 0).any():
        raise NotImplementedError("ignored targets, or a loss of each sample")
    return F.nll_loss(x, pdn.Tensor(np.eye(x.shape[1], dtype=x.dtype)[target]), reduction)


FUNCTIONS = {
    "conv1d": conv(F.conv1d, 3),
    "conv2d": conv(F.conv2d, 4),
    "max_pool1d": pool(F.max_pool1d, 3),
    "max_pool2d": pool(F.max_pool2d, 4),
    "avg_pool1d": pool(F.avg_pool1d, 3),
    "avg_pool2d": pool(F.avg_pool2d, 4),
    "linear": linear,
    "relu": lambda x: F.relu(x),
    "leaky_relu": lambda x, *, negative_slope=0.01: F.leaky_relu(x, negative_slope),
    "sigmoid": lambda x: F.sigmoid(x),
    "tanh": lambda x: F.tanh(x),
    "silu": lambda x: F.silu(x),
    "softmax": lambda x, *, dim: F.softmax(x, dim),
    "log_softmax": lambda x, *, dim: F.log_softmax(x, dim, keepdims=True),
    "batch_norm": batch_norm,
    "layer_norm": layer_norm,
    "rms_norm": rms_norm,
    "mse_loss": mse_loss,
    "cross_entropy": cross_entropy,
    "nll_loss": nll_loss,
}


def stepped(make, entries, params, grads, state, scale=1.0):
    """Return parameters and state after one step; `entries` are the names of the state here."""
    tensors = [tensor(array) for array in params]
    for parameter, grad in zip(tensors, grads):
        parameter.grad = np.array(grad)
    optimizer = make(tensors)
    for name, theirs in entries.items():
        for place, array in enumerate((state or {}).get(name, ())):
            getattr(optimizer, theirs)[place] = np.array(array * scale)
    if state and "step" in state:
        optimizer.t = state["step"] + 1
    optimizer.step()
    after = {n: [a / scale for a in getattr(optimizer, theirs)] for n, theirs in entries.items()}
    return [np.asarray(parameter.data) for parameter in tensors], after


def sgd(params, grads, state=None, *, lr, momentum=0.0, weight_decay=0.0, nesterov=False):
    if momentum and lr != 1.0:
        raise NotImplementedError("its velocity holds the learning rate: compared at a rate of 1")

    def make(tensors):
        return optim.SGD(tensors, lr, momentum, weight_decay, nesterov)

    entries = {"momentum_buffer": "v"} if momentum else {}
    return stepped(make, entries, params, grads, state)


def adagrad(params, grads, state=None, *, lr=0.01, weight_decay=0.0, eps=1e-10):
    def make(tensors):
        return optim.Adagrad(tensors, lr, weight_decay, eps)

    params, after = stepped(make, {"sum": "G"}, params, grads, state)
    return params, {**after, "step": (state or {"step": 0})["step"] + 1}


def adam(params, grads, state=None, *, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0):
    step = (state or {"step": 0})["step"]
    # The second form of the paper, whose eps is another one.
    corrected = eps * (1 - betas[1] ** (step + 1)) ** 0.5

    def make(tensors):
        return optim.Adam(tensors, lr, betas, corrected, weight_decay)

    entries = {"exp_avg": "m", "exp_avg_sq": "v"}
    params, after = stepped(make, entries, params, grads, state)
    return params, {**after, "step": step + 1}


subject = Implementation(
    "PyDyNet 1.1",
    {
        **{
            name: finite_only(from_tape(function, tensor, backward))
            for name, function in FUNCTIONS.items()
        },
        "sgd": sgd,
        "adagrad": adagrad,
        "adam": adam,
    },
)
