"""synapgrad 1.0 as a subject: `synapgrad.nn.functional` and its optimizers.

Conventions: one argument of a loss, the target, has no gradient; `binary_cross_entropy` clamps
its probabilities; losses are taken of each element, and the layer reduces them.
"""

import numpy as np
import synapgrad
from synapgrad import nn, optim
from synapgrad.nn import functional as F

from reference_tests import Implementation
from reference_tests.adapters.tape import from_tape
from reference_tests.adapters.values import finite_only


def tensor(array):
    return synapgrad.Tensor(np.array(array), requires_grad=True)


def backward(output, grad_output):
    output.backward(synapgrad.Tensor(np.array(grad_output)))


def grad(leaf):
    return None if leaf.grad is None else leaf.grad.data


def of_axes(x, *axes):
    if x.ndim not in axes:
        raise NotImplementedError(f"an array of {x.ndim} axes")


def single(value):
    return value[0] if isinstance(value, tuple) and len(value) == 1 else value


def conv(function, axes):
    def convolution(x, weight, bias=None, *, stride=1, padding=0, dilation=1):
        of_axes(x, axes)
        if isinstance(padding, str):
            raise NotImplementedError("padding by a name")
        return function(x, weight, bias, single(stride), single(padding), single(dilation))

    return convolution


def pool(function, axes):
    def pooling(x, *, kernel_size, stride=None, padding=0, dilation=1):
        of_axes(x, axes)
        return function(x, single(kernel_size), single(stride), single(padding), single(dilation))

    return pooling


def averaged(function, axes):
    pooling = pool(function, axes)
    return lambda x, *, kernel_size, stride=None, padding=0: pooling(
        x, kernel_size=kernel_size, stride=stride, padding=padding
    )


def linear(x, weight, bias=None):
    of_axes(x, 2)
    return F.linear(x, weight, bias)


def batch_norm(
    x,
    running_mean=None,
    running_var=None,
    weight=None,
    bias=None,
    *,
    training=False,
    momentum=0.1,
    eps=1e-5,
):
    of_axes(x, 2, 3, 4)
    return F.batch_norm(x, weight, bias, running_mean, running_var, training, momentum, eps)


def batch_norm_statistics(x, running_mean, running_var, *, momentum=0.1):
    mean, var = (synapgrad.Tensor(np.array(array)) for array in (running_mean, running_var))
    F.batch_norm(synapgrad.Tensor(x), None, None, mean, var, True, momentum)
    return mean.data, var.data


def loss(layer):
    def reduced(x, target, *, reduction="mean"):
        return layer(reduction=reduction)(x, synapgrad.Tensor(np.array(data(target))))

    return reduced


def data(value):
    return value.data if isinstance(value, synapgrad.Tensor) else value


def classes(layer):
    def reduced(x, target, *, reduction="mean"):
        of_axes(x, 2)
        if data(target).dtype.kind == "f" or (target < 0).any():
            raise NotImplementedError("soft or ignored targets")
        return layer(reduction=reduction)(x, synapgrad.Tensor(target))

    return reduced


def unfold(x, *, kernel_size, dilation=1, padding=0, stride=1):
    of_axes(x, 4)
    return F.unfold(x, kernel_size, dilation, stride, padding)


def fold(x, *, output_size, kernel_size, dilation=1, padding=0, stride=1):
    of_axes(x, 3)
    return F.fold(x, output_size, kernel_size, dilation, stride, padding)


FUNCTIONS = {
    "conv1d": conv(F.conv1d, 3),
    "conv2d": conv(F.conv2d, 4),
    "max_pool1d": pool(F.max_pool1d, 3),
    "max_pool2d": pool(F.max_pool2d, 4),
    "avg_pool1d": averaged(F.avg_pool1d, 3),
    "avg_pool2d": averaged(F.avg_pool2d, 4),
    "unfold": unfold,
    "fold": fold,
    "linear": linear,
    "flatten": lambda x, *, start_dim=0, end_dim=-1: x.flatten(start_dim, end_dim),
    "relu": lambda x: F.relu(x),
    "leaky_relu": lambda x, *, negative_slope=0.01: F.leaky_relu(x, negative_slope),
    "selu": lambda x: F.selu(x),
    "sigmoid": lambda x: F.sigmoid(x),
    "tanh": lambda x: F.tanh(x),
    "softmax": lambda x, *, dim: F.softmax(x, dim),
    "log_softmax": lambda x, *, dim: F.log_softmax(x, dim),
    "batch_norm": batch_norm,
    "mse_loss": loss(nn.MSELoss),
    "binary_cross_entropy": loss(nn.BCELoss),
    "binary_cross_entropy_with_logits": loss(nn.BCEWithLogitsLoss),
    "cross_entropy": classes(nn.CrossEntropyLoss),
    "nll_loss": classes(nn.NLLLoss),
}


def stepped(make, entries, params, grads, state):
    """Return parameters and state after one step; `entries` are the names of the state here."""
    tensors = [tensor(array) for array in params]
    for parameter, array in zip(tensors, grads):
        parameter._grad = np.array(array)
    optimizer = make(tensors)
    for name, theirs in entries.items():
        if state:
            setattr(optimizer, theirs, [np.array(array) for array in state[name]])
    if state:
        optimizer.t = state.get("step", 1)
    optimizer.step()
    after = {name: getattr(optimizer, theirs) for name, theirs in entries.items()}
    return [parameter.data for parameter in tensors], {**after, "step": optimizer.t}


def sgd(
    params,
    grads,
    state=None,
    *,
    lr,
    momentum=0.0,
    dampening=0.0,
    weight_decay=0.0,
    nesterov=False,
    maximize=False,
):
    def make(tensors):
        return optim.SGD(tensors, lr, momentum, dampening, weight_decay, nesterov, maximize)

    entries = {"momentum_buffer": "momentum_buffer"} if momentum else {}
    return stepped(make, entries, params, grads, state)


def moments(kind, decay):
    def step(
        params,
        grads,
        state=None,
        *,
        lr=1e-3,
        betas=(0.9, 0.999),
        eps=1e-8,
        weight_decay=decay,
        maximize=False,
    ):
        def make(tensors):
            return kind(tensors, lr, betas, eps, weight_decay, maximize)

        entries = {"exp_avg": "m1", "exp_avg_sq": "m2"}
        return stepped(make, entries, params, grads, state)

    return step


subject = Implementation(
    "synapgrad 1.0",
    {
        **{
            name: finite_only(from_tape(function, tensor, backward, grad=grad))
            for name, function in FUNCTIONS.items()
        },
        "batch_norm_statistics": finite_only(batch_norm_statistics),
        "sgd": sgd,
        "adam": moments(optim.Adam, 0.0),
        "adamw": moments(optim.AdamW, 0.01),
    },
)
