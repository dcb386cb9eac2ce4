"""SmallPebble 3.0 as a subject: its tape, its convolution and pooling, and Adam.

Conventions: images are (N, H, W, C) and kernels (H, W, C, O), which the adapters transpose; the
padding is TensorFlow's, of which 'VALID' alone has a counterpart here; `cross_entropy` takes
probabilities and sums. Its gradients start from ones, so an output is multiplied by the cotangent
and summed first.
"""

import numpy as np
import smallpebble as sp

from reference_tests import Implementation
from reference_tests.adapters.tape import from_tape
from reference_tests.adapters.values import finite_only


def backward(output, grad_output):
    scalar = sp.sum(sp.mul(output, sp.Variable(np.asarray(grad_output))))
    for variable, gradient in sp.get_gradients(scalar).items():
        variable.grad = gradient


def moved(x, *axes):
    """Return a transposed variable; SmallPebble only swaps the last two axes."""
    view = x.array.transpose(axes)
    back = np.argsort(axes)
    return sp.Variable(view, [(x, lambda path_value: path_value.transpose(back))])


def pair(value):
    return value if isinstance(value, tuple) else (value, value)


def conv2d(x, weight, *, stride=1):
    if x.ndim != 4:
        raise NotImplementedError("no batch")
    kernels = moved(weight, 2, 3, 1, 0)
    return moved(sp.conv2d(moved(x, 0, 2, 3, 1), kernels, "VALID", pair(stride)), 0, 3, 1, 2)


def max_pool2d(x, *, kernel_size, stride=None):
    if x.ndim != 4:
        raise NotImplementedError("no batch")
    strides = pair(kernel_size if stride is None else stride)
    images = moved(x, 0, 2, 3, 1)
    return moved(sp.maxpool2d(images, *pair(kernel_size), "VALID", strides), 0, 3, 1, 2)


def linear(x, weight, bias=None):
    if x.ndim != 2:
        raise NotImplementedError("matrices alone")
    y = sp.matmul(x, sp.matrix_transpose(weight))
    return y if bias is None else y + bias


def mse_loss(x, target, *, reduction="mean"):
    losses = sp.square(x - target)
    if reduction == "none":
        return losses
    scale = 1 if reduction == "sum" else 1 / x.array.size
    return sp.mul(sp.sum(losses), sp.Variable(np.array(scale, x.dtype)))


def cross_entropy(x, target, *, reduction):
    if x.ndim != 2 or target.dtype.kind == "f" or (target < 0).any():
        raise NotImplementedError("soft or ignored targets, or one for each pixel")
    return sp.cross_entropy(sp.softmax(x), target)


def pad(x, *, pad):
    if min(pad) < 0:
        raise NotImplementedError("a negative width")
    edges = [(0, 0)] * (x.ndim - len(pad) // 2) + list(zip(pad[::2], pad[1::2]))[::-1]
    return sp.pad(x, edges)


def adam(params, grads, state=None, *, lr=1e-3, betas=(0.9, 0.999), eps=1e-8):
    optimizer = sp.Adam(lr, *betas, eps)
    variables = [sp.Variable(np.array(array)) for array in params]
    state = state or {"step": 0, "exp_avg": [0, 0], "exp_avg_sq": [0, 0]}
    for place, variable in enumerate(variables):
        optimizer.t[variable] = state["step"]
        optimizer.m[variable] = state["exp_avg"][place]
        optimizer.v[variable] = state["exp_avg_sq"][place]
    optimizer.training_step(variables, dict(zip(variables, grads)))
    after = {"step": state["step"] + 1}
    after["exp_avg"] = [optimizer.m[variable] for variable in variables]
    after["exp_avg_sq"] = [optimizer.v[variable] for variable in variables]
    return [variable.array for variable in variables], after


def sgd(params, grads, state=None, *, lr):
    variables = [sp.Variable(np.array(array)) for array in params]
    sp.sgd_step(variables, dict(zip(variables, grads)), lr)
    return [variable.array for variable in variables], {}


FUNCTIONS = {
    "conv2d": conv2d,
    "max_pool2d": max_pool2d,
    "pad": pad,
    "linear": linear,
    "flatten": lambda x: sp.reshape(x, (-1,)),
    "leaky_relu": lambda x, *, negative_slope=0.01: sp.leaky_relu(x, negative_slope),
    "softmax": lambda x, *, dim: sp.softmax(x, dim),
    "mse_loss": mse_loss,
    "cross_entropy": cross_entropy,
}
subject = Implementation(
    "SmallPebble 3.0.5",
    {
        **{
            name: finite_only(
                from_tape(
                    function,
                    lambda array: sp.Variable(np.array(array)),
                    backward,
                    data=lambda output: output.array,
                    grad=lambda leaf: getattr(leaf, "grad", None),
                )
            )
            for name, function in FUNCTIONS.items()
        },
        "adam": adam,
        "sgd": sgd,
    },
    limits={"conv2d": {"bias": None}, "cross_entropy": {"reduction": "sum"}},
)
