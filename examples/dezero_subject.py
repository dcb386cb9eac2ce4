"""DeZero 0.0.13 as a subject: the functions and optimizers of its 60-step book.

Conventions, which the adapters translate: losses are averaged over the batch alone, so they are
multiplied by what is missing; the decay of batch normalization weights the old statistics;
`MomentumSGD` keeps the learning rate in its velocity; `Adam` adds the eps of the paper's second
form. A linear layer has its weight as (in, out). The release needs NumPy below 1.24, which still
has `np.int`, and matplotlib.
"""

from functools import partial

import dezero
import dezero.functions as F
import dezero.optimizers as O
import numpy as np
from dezero import functions_conv
from dezero.core import Parameter, Variable

from reference_tests import Implementation
from reference_tests.adapters.tape import from_tape
from reference_tests.adapters.values import finite_only


def backward(output, grad_output):
    output.grad = Variable(np.array(grad_output))
    output.backward()


def of_axes(x, *axes):
    if x.ndim not in axes:
        raise NotImplementedError(f"an array of {x.ndim} axes")


def conv2d(x, weight, bias=None, *, stride=1, padding=0):
    of_axes(x, 4)
    if isinstance(padding, str):
        raise NotImplementedError("padding by a name")
    return F.conv2d(x, weight, bias, stride, padding)


def conv_transpose2d(x, weight, bias=None, *, stride=1, padding=0):
    of_axes(x, 4)
    return F.deconv2d(x, weight, bias, stride, padding)


def max_pool2d(x, *, kernel_size, stride=None, padding=0):
    of_axes(x, 4)
    return F.pooling(x, kernel_size, kernel_size if stride is None else stride, padding)


def avg_pool2d(x, *, kernel_size, stride=None, padding=0):
    of_axes(x, 4)
    stride = kernel_size if stride is None else stride
    return functions_conv.average_pooling(x, kernel_size, stride, padding)


def unfold(x, *, kernel_size, padding=0, stride=1):
    of_axes(x, 4)
    columns = F.im2col(x, kernel_size, stride, padding, to_matrix=False)
    n, c, kh, kw, oh, ow = columns.shape
    return columns.reshape(n, c * kh * kw, oh * ow)


def flatten(x, *, start_dim):
    if x.ndim < 2:
        raise NotImplementedError("no axis beside the batch")
    return F.flatten(x)


def linear(x, weight, bias=None):
    of_axes(x, 2)
    return F.linear(x, F.transpose(weight), bias)


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
    of_axes(x, 2, 4)
    # Its layer always has all four.
    channels, dtype = x.shape[1], x.dtype
    weight = Variable(np.ones(channels, dtype)) if weight is None else weight
    bias = Variable(np.zeros(channels, dtype)) if bias is None else bias
    mean = np.zeros(channels, dtype) if running_mean is None else running_mean.data
    var = np.ones(channels, dtype) if running_var is None else running_var.data
    with dezero.using_config("train", training):
        return F.batch_nrom(x, weight, bias, mean.copy(), var.copy(), 1 - momentum, eps)


def batch_norm_statistics(x, running_mean, running_var, *, momentum=0.1):
    if x.ndim not in (2, 4):
        raise NotImplementedError(f"an array of {x.ndim} axes")
    ones, zeros = np.ones(x.shape[1], x.dtype), np.zeros(x.shape[1], x.dtype)
    mean, var = running_mean.copy(), running_var.copy()
    F.batch_nrom(x, ones, zeros, mean, var, 1 - momentum)
    return mean, var


def batch_mean(function, x, target, reduction):
    """Return a loss that is averaged over the batch alone as the average or the sum of all."""
    if not x.ndim or reduction == "none":
        raise NotImplementedError("a loss of each element, or an array without axes")
    loss = function(x, target)
    scale = len(x) if reduction == "sum" else len(x) / x.data.size
    return loss * np.array(scale, x.dtype)


def mse_loss(x, target, *, reduction="mean"):
    return batch_mean(F.mean_squared_error, x, target, reduction)


def binary_cross_entropy(x, target, *, reduction="mean"):
    return batch_mean(F.binary_cross_entropy, x, target, reduction)


def binary_cross_entropy_with_logits(x, target, *, reduction="mean"):
    return batch_mean(F.sigmoid_cross_entropy, x, target, reduction)


def cross_entropy(x, target):
    of_axes(x, 2)
    if target.dtype.kind == "f" or (target < 0).any():
        raise NotImplementedError("soft or ignored targets")
    return F.softmax_cross_entropy(x, target)


FUNCTIONS = {
    "conv2d": conv2d,
    "conv_transpose2d": conv_transpose2d,
    "max_pool2d": max_pool2d,
    "avg_pool2d": avg_pool2d,
    "unfold": unfold,
    "linear": linear,
    "flatten": flatten,
    "relu": lambda x: F.relu(x),
    "leaky_relu": lambda x, *, negative_slope=0.01: F.leaky_relu(x, negative_slope),
    "sigmoid": lambda x: F.sigmoid(x),
    "tanh": lambda x: F.tanh(x),
    "softmax": lambda x, *, dim: F.softmax(x, dim),
    "log_softmax": lambda x, *, dim: F.log_softmax(x, dim),
    "batch_norm": batch_norm,
    "mse_loss": mse_loss,
    "binary_cross_entropy": binary_cross_entropy,
    "binary_cross_entropy_with_logits": binary_cross_entropy_with_logits,
    "cross_entropy": cross_entropy,
}


class Parameters:
    """What DeZero's optimizers call a target."""

    def __init__(self, params, grads):
        self.list = [Parameter(np.array(array)) for array in params]
        for parameter, grad in zip(self.list, grads):
            parameter.grad = Variable(np.array(grad))

    def params(self):
        """Return what an optimizer updates."""
        return self.list


def stepped(optimizer, params, grads, state, entries, scale=1.0, weight_decay=0.0):
    """Return parameters and state after one update; `entries` are the names of the state here."""
    target = Parameters(params, grads)
    optimizer.setup(target)
    if weight_decay:
        optimizer.add_hook(O.WeightDecay(weight_decay))
    for name, theirs in entries.items():
        for parameter, array in zip(target.list, (state or {}).get(name, ())):
            getattr(optimizer, theirs)[id(parameter)] = array * scale
    optimizer.update()
    after = {
        name: [getattr(optimizer, theirs)[id(p)] / scale for p in target.list]
        for name, theirs in entries.items()
    }
    return [parameter.data for parameter in target.list], after


def sgd(params, grads, state=None, *, lr, momentum=0.0, weight_decay=0.0):
    if not momentum:
        return stepped(O.SGD(lr), params, grads, None, {}, weight_decay=weight_decay)
    if lr != 1.0:
        raise NotImplementedError("its velocity holds the learning rate: compared at a rate of 1")
    entries, optimizer = {"momentum_buffer": "vs"}, O.MomentumSGD(lr, momentum)
    return stepped(optimizer, params, grads, state, entries, -1.0, weight_decay)


def adam(params, grads, state=None, *, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0):
    step = (state or {"step": 0})["step"]
    corrected = eps * (1 - betas[1] ** (step + 1)) ** 0.5
    optimizer = O.Adam(lr, *betas, corrected)
    optimizer.t = step
    entries = {"exp_avg": "ms", "exp_avg_sq": "vs"}
    params, after = stepped(optimizer, params, grads, state, entries, 1.0, weight_decay)
    return params, {**after, "step": optimizer.t}


def adagrad(params, grads, state=None, *, lr=0.01, eps=1e-10, weight_decay=0.0):
    entries = {"sum": "hs"}
    step = (state or {"step": 0})["step"] + 1
    params, after = stepped(O.AdaGrad(lr, eps), params, grads, state, entries, 1.0, weight_decay)
    return params, {**after, "step": step}


def adadelta(params, grads, state=None, *, rho=0.9, eps=1e-6, weight_decay=0.0):
    entries = {"square_avg": "msg", "acc_delta": "msdx"}
    step = (state or {"step": 0})["step"] + 1
    params, after = stepped(O.AdaDelta(rho, eps), params, grads, state, entries, 1.0, weight_decay)
    return params, {**after, "step": step}


tape = partial(
    from_tape,
    tensor=lambda array: Variable(np.array(array)),
    backward=backward,
    grad=lambda leaf: None if leaf.grad is None else leaf.grad.data,
)
subject = Implementation(
    "DeZero 0.0.13",
    {
        **{name: finite_only(tape(function)) for name, function in FUNCTIONS.items()},
        "batch_norm_statistics": finite_only(batch_norm_statistics),
        "sgd": sgd,
        "adam": adam,
        "adagrad": adagrad,
        "adadelta": adadelta,
    },
    limits={"flatten": {"start_dim": 1}},
)
