"""Chainer 7.8.1 as a subject: `chainer.functions` and its optimizers, on NumPy 1.26.

Conventions: pooling covers all of its input by default (`cover_all`), and here only where the
case says ceil_mode; Chainer's rule for the last window is another one than PyTorch's, so ceil_mode
is not asked for. `sigmoid_cross_entropy` takes integer labels, of which -1 is ignored, as
`softmax_cross_entropy` does. The decay of batch normalization weights the old statistics.
"""

import chainer
import chainer.functions as F
import numpy as np
from chainer import optimizers as O

from reference_tests import Implementation
from reference_tests.adapters.tape import from_tape
from reference_tests.adapters.values import finite_only


def tensor(array):
    return chainer.Variable(np.array(array))


def backward(output, grad_output):
    output.grad = np.asarray(grad_output, output.dtype)
    output.backward()


def of_axes(x, *axes):
    if x.ndim not in axes:
        raise NotImplementedError(f"an array of {x.ndim} axes")


def conv(function, axes):
    def convolution(x, weight, bias=None, *, stride=1, padding=0, dilation=1, groups=1):
        of_axes(x, axes)
        if isinstance(padding, str):
            raise NotImplementedError("padding by a name")
        return function(x, weight, bias, stride, padding, dilate=dilation, groups=groups)

    return convolution


def deconv(function, axes):
    def convolution(
        x, weight, bias=None, *, stride=1, padding=0, output_padding=0, groups=1, dilation=1
    ):
        of_axes(x, axes)
        spatial = axes - 2
        s, p, e, d = (
            value if isinstance(value, tuple) else (value,) * spatial
            for value in (stride, padding, output_padding, dilation)
        )
        if any(extra >= step for extra, step in zip(e, s)):
            raise NotImplementedError("more output padding than a stride leaves")
        sizes = zip(x.shape[2:], weight.shape[2:], s, p, e, d)
        outsize = tuple(s * (n - 1) + d * (k - 1) + 1 - 2 * p + e for n, k, s, p, e, d in sizes)
        return function(x, weight, bias, stride, padding, outsize, dilate=dilation, groups=groups)

    return convolution


def max_pool(function, axes):
    def pooling(x, *, kernel_size, stride=None, padding=0):
        of_axes(x, axes)
        return function(x, kernel_size, stride, padding, cover_all=False)

    return pooling


def avg_pool(function, axes, **fixed):
    def pooling(x, *, kernel_size, stride=None, padding=0, count_include_pad=True):
        of_axes(x, axes)
        if not count_include_pad and not fixed:
            raise NotImplementedError("the padding always counts in two dimensions")
        value = {"pad_value": 0 if count_include_pad else None} if fixed else {}
        return function(x, kernel_size, stride, padding, **value)

    return pooling


def unfold(x, *, kernel_size, dilation=1, padding=0, stride=1):
    of_axes(x, 4)
    columns = F.im2col(x, kernel_size, stride, padding, dilate=dilation)
    return columns.reshape(*columns.shape[:2], -1)


def linear(x, weight, bias=None):
    if x.ndim < 2:
        raise NotImplementedError("no batch")
    return F.linear(x, weight, bias, n_batch_axes=x.ndim - 1)


def prelu(x, weight):
    if x.ndim < 2 or weight.size != x.shape[1]:
        raise NotImplementedError("a slope that Chainer would align with other axes")
    return F.prelu(x, weight)


def softplus(x, *, beta=1.0):
    if (x.data * beta > 20).any():
        raise NotImplementedError("there is no threshold beyond which it is linear")
    return F.softplus(x, beta)


def affine(x, weight, bias):
    """Return what Chainer always wants: a factor and a summand for each channel."""
    weight = np.ones(x.shape[1], x.dtype) if weight is None else weight
    return weight, np.zeros(x.shape[1], x.dtype) if bias is None else bias


def batch_norm(
    x, running_mean=None, running_var=None, weight=None, bias=None, *, training=False, eps=1e-5
):
    weight, bias = affine(x, weight, bias)
    if training:
        return F.batch_normalization(x, weight, bias, eps=eps)
    mean, var = running_mean.array, running_var.array
    return F.fixed_batch_normalization(x, weight, bias, mean, var, eps=eps)


def batch_norm_statistics(x, running_mean, running_var, *, momentum=0.1):
    mean, var = np.array(running_mean), np.array(running_var)
    kept = {"running_mean": mean, "running_var": var, "decay": 1 - momentum}
    F.batch_normalization(np.array(x), *affine(x, None, None), **kept)
    return mean, var


def layer_norm(x, weight=None, bias=None, *, normalized_shape, eps=1e-5):
    if x.ndim != 2 or len(normalized_shape) != 1:
        raise NotImplementedError("matrices alone")
    return F.layer_normalization(x, *affine(x, weight, bias), eps=eps)


def group_norm(x, weight=None, bias=None, *, num_groups, eps=1e-5):
    return F.group_normalization(x, num_groups, *affine(x, weight, bias), eps=eps)


def local_response_norm(x, *, size, alpha=1e-4, beta=0.75, k=1.0):
    # PyTorch divides alpha by the size; an even size is not centred.
    if size % 2 == 0 or x.ndim != 4:
        raise NotImplementedError("an even size")
    return F.local_response_normalization(x, size, k, alpha / size, beta)


def reduced(losses, reduction):
    return {"mean": F.mean, "sum": F.sum}.get(reduction, lambda each: each)(losses)


def huber_loss(x, target, *, reduction="mean", delta=1.0):
    return reduced(F.huber_loss(x, target, delta, reduce="no"), reduction)


def labels(target):
    if target.dtype.kind == "f":
        raise NotImplementedError("soft targets are another loss")
    return target.astype(np.int32)


def cross_entropy(x, target, weight=None, *, ignore_index=-100, reduction="mean"):
    if x.ndim < 2 or reduction == "sum":
        raise NotImplementedError("no batch, or a sum")
    weight = None if weight is None else weight.array
    if weight is not None and reduction == "mean":
        raise NotImplementedError("its mean divides by the samples, not by the weights")
    return F.softmax_cross_entropy(
        x,
        labels(target),
        class_weight=weight,
        ignore_label=ignore_index,
        reduce="no" if reduction == "none" else "mean",
    )


def pad(x, *, pad):
    if min(pad) < 0:
        raise NotImplementedError("a negative width")
    edges = [(0, 0)] * (x.ndim - len(pad) // 2) + list(zip(pad[::2], pad[1::2]))[::-1]
    return F.pad(x, edges, "constant")


FUNCTIONS = {
    **{f"conv{n}d": conv(getattr(F, f"convolution_{n}d"), n + 2) for n in (1, 2, 3)},
    **{f"conv_transpose{n}d": deconv(getattr(F, f"deconvolution_{n}d"), n + 2) for n in (1, 2, 3)},
    **{f"max_pool{n}d": max_pool(getattr(F, f"max_pooling_{n}d"), n + 2) for n in (1, 2, 3)},
    "avg_pool1d": avg_pool(F.average_pooling_1d, 3, pad_value=0),
    "avg_pool2d": avg_pool(F.average_pooling_2d, 4),
    "avg_pool3d": avg_pool(F.average_pooling_3d, 5, pad_value=0),
    "unfold": unfold,
    "pad": pad,
    "linear": linear,
    "flatten": lambda x: F.flatten(x),
    "relu": lambda x: F.relu(x),
    "relu6": lambda x: F.relu6(x),
    "leaky_relu": lambda x, *, negative_slope=0.01: F.leaky_relu(x, negative_slope),
    "prelu": prelu,
    "elu": lambda x, *, alpha=1.0: F.elu(x, alpha),
    "selu": lambda x: F.selu(x),
    "sigmoid": lambda x: F.sigmoid(x),
    "tanh": lambda x: F.tanh(x),
    "softplus": softplus,
    "softmax": lambda x, *, dim: F.softmax(x, dim),
    "log_softmax": lambda x, *, dim: F.log_softmax(x, dim),
    "batch_norm": batch_norm,
    "layer_norm": layer_norm,
    "group_norm": group_norm,
    "local_response_norm": local_response_norm,
    "mse_loss": lambda x, target, *, reduction="mean": reduced(
        F.squared_error(x, target), reduction
    ),
    "l1_loss": lambda x, target, *, reduction="mean": reduced(
        F.absolute_error(x, target), reduction
    ),
    "huber_loss": huber_loss,
    "cross_entropy": cross_entropy,
}


def stepped(optimizer, params, grads, state, entries, step=0, scale=1.0):
    """Return parameters and state after one update; `entries` are the names of the state here."""
    held = []
    for place, array in enumerate(params):
        parameter = chainer.Parameter(np.array(array))
        parameter.grad = np.array(grads[place])
        parameter.update_rule = optimizer.create_update_rule()
        if state:
            # A first update makes the arrays of the state, which then are what they shall be.
            parameter.update()
            parameter.array[...] = array
            for name, theirs in entries.items():
                parameter.update_rule.state[theirs][...] = state[name][place] * scale
            parameter.update_rule.t = step
        parameter.update()
        held.append(parameter)
    after = {
        name: [parameter.update_rule.state[theirs] / scale for parameter in held]
        for name, theirs in entries.items()
    }
    return [parameter.array for parameter in held], {**after, "step": step + 1}


def sgd(params, grads, state=None, *, lr, momentum=0.0):
    if not momentum:
        return stepped(O.SGD(lr), params, grads, None, {})
    if lr != 1.0:
        raise NotImplementedError("its velocity holds the learning rate: compared at a rate of 1")
    optimizer = O.MomentumSGD(lr, momentum)
    return stepped(optimizer, params, grads, state, {"momentum_buffer": "v"}, 1, -1.0)


def adam(params, grads, state=None, *, lr=1e-3, betas=(0.9, 0.999), eps=1e-8):
    step = (state or {"step": 0})["step"]
    # The second form of the paper, whose eps is another one.
    corrected = eps * (1 - betas[1] ** (step + 1)) ** 0.5
    optimizer = O.Adam(lr, *betas, corrected)
    entries = {"exp_avg": "m", "exp_avg_sq": "v"}
    return stepped(optimizer, params, grads, state, entries, step)


def adagrad(params, grads, state=None, *, lr=0.01, eps=1e-10):
    step = (state or {"step": 0})["step"]
    return stepped(O.AdaGrad(lr, eps), params, grads, state, {"sum": "h"}, step)


def adadelta(params, grads, state=None, *, rho=0.9, eps=1e-6):
    step = (state or {"step": 0})["step"]
    entries = {"square_avg": "msg", "acc_delta": "msdx"}
    return stepped(O.AdaDelta(rho, eps), params, grads, state, entries, step)


def rmsprop(params, grads, state=None, *, lr=0.01, alpha=0.99, eps=1e-8):
    step = (state or {"step": 0})["step"]
    entries = {"square_avg": "ms"}
    return stepped(O.RMSprop(lr, alpha, eps), params, grads, state, entries, step)


subject = Implementation(
    "Chainer 7.8.1",
    {
        **{
            name: finite_only(from_tape(function, tensor, backward))
            for name, function in FUNCTIONS.items()
        },
        "batch_norm_statistics": finite_only(batch_norm_statistics),
        "sgd": sgd,
        "adam": adam,
        "adagrad": adagrad,
        "adadelta": adadelta,
        "rmsprop": rmsprop,
    },
)
