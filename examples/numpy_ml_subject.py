"""numpy-ml 0.1.2 as a subject: its layers, activations, losses and optimizers, in float64.

Conventions, which the adapters translate: images are (N, H, W, C) and weights (H, W, C, O); a
dilation counts the gaps, one less than here; strides are square; `SquaredError` is half the sum
of squares, `CrossEntropy` a sum over one-hot targets whose gradient is that of the logits; momenta
weight the old value.
"""

import collections
import collections.abc

import numpy as np

# The release is of a Python that had this class here too.
collections.Hashable = collections.abc.Hashable

from numpy_ml.neural_nets import layers as L
from numpy_ml.neural_nets import losses, optimizers
from numpy_ml.neural_nets.activations import activations as A

from reference_tests import Implementation, from_layer
from reference_tests.adapters.values import finite_only

WEIGHTS = {
    "weight": "parameters.W",
    "bias": "parameters.b",
    "weight_grad": "gradients.W",
    "bias_grad": "gradients.b",
}
NORMS = {
    "weight": "parameters.scaler",
    "bias": "parameters.intercept",
    "weight_grad": "gradients.scaler",
    "bias_grad": "gradients.intercept",
}
NONE = {"weight": None, "bias": None}


def pair(value):
    return value if isinstance(value, tuple) else (value, value)


def of_axes(x, *axes):
    if x.ndim not in axes:
        raise NotImplementedError(f"an array of {x.ndim} axes")


def one(value):
    """Return the number that a square parameter is."""
    values = set(pair(value) if isinstance(value, (int, tuple)) else ())
    if len(values) != 1:
        raise NotImplementedError("square strides and dilations alone, and paddings in numbers")
    return values.pop()


def ready(layer, in_channels):
    """Return a layer that has its arrays: it makes them at its first input otherwise."""
    layer.in_ch = layer.n_in = in_channels
    layer._init_params()
    return layer


def edges(padding):
    """Return the padding as numpy-ml has it: above, below, left, right."""
    if isinstance(padding, str):
        raise NotImplementedError("a padding by a name")
    high, wide = pair(padding)
    return (high, high, wide, wide)


def conv1d(in_channels, out_channels, kernel_size, *, stride=1, padding=0, dilation=1):
    layer = L.Conv1D(out_channels, one(kernel_size), one(padding), one(stride), one(dilation) - 1)
    return ready(layer, in_channels)


def conv2d(in_channels, out_channels, kernel_size, *, stride=1, padding=0, dilation=1):
    layer = L.Conv2D(out_channels, kernel_size, edges(padding), one(stride), one(dilation) - 1)
    return ready(layer, in_channels)


def conv_transpose2d(in_channels, out_channels, kernel_size, *, stride=1, padding=0):
    if any(p >= k for p, k in zip(pair(padding), kernel_size)):
        raise NotImplementedError("it pads by what the kernel leaves, which must not be negative")
    layer = L.Deconv2D(out_channels, kernel_size, edges(padding), one(stride))
    return ready(layer, in_channels)


def pool(mode):
    def construct(*, kernel_size, stride=None, padding=0):
        kernel = pair(kernel_size)
        return L.Pool2D(kernel, one(kernel if stride is None else stride), edges(padding), mode)

    return construct


def linear(in_features, out_features):
    return ready(L.FullyConnected(out_features), in_features)


def softmax(input_shape, *, dim):
    if len(input_shape) != 1:
        raise NotImplementedError("matrices alone")
    return L.Softmax(dim)


def batch_norm(num_features, *, training, eps=1e-5):
    return ready(L.BatchNorm2D(epsilon=eps), num_features)


def batch_norm_statistics(x, running_mean, running_var, *, momentum=0.1):
    if x.ndim != 4:
        raise NotImplementedError("images alone")
    layer = ready(L.BatchNorm2D(1 - momentum), x.shape[1])
    layer.parameters.update(running_mean=running_mean.copy(), running_var=running_var.copy())
    layer.forward(np.moveaxis(x, 1, -1))
    return layer.parameters["running_mean"], layer.parameters["running_var"]


def layer_norm(in_features, *, normalized_shape, eps=1e-5):
    if len(normalized_shape) != 1:
        raise NotImplementedError("more than the last axis")
    return ready(L.LayerNorm1D(eps), in_features)


def activation(kind, *names):
    """Return an activation, whose gradient is a function of its input."""

    def call(x, **hyper):
        # It makes a row of an array of one axis.
        of_axes(x, 2, 3, 4)
        function = kind(*(hyper[name] for name in names))
        return function(x), lambda grad_output: (grad_output * function.grad(x),)

    return call


def leaky_relu(x, *, negative_slope=0.01):
    return activation(A.LeakyReLU, "alpha")(x, alpha=negative_slope)


def elu(x, *, alpha=1.0):
    return activation(A.ELU, "alpha")(x, alpha=alpha)


def simple(kind):
    call = activation(kind)
    return lambda x: call(x)


def mse_loss(x, target, *, reduction):
    made = losses.SquaredError()
    # It is half the sum, with the gradient of a layer without activation.
    value = 2 * made.loss(target, x)
    return value, lambda grad: (2 * grad * made.grad(target, x, np.zeros_like(x), A.Affine()), None)


def cross_entropy(x, target, *, reduction):
    if x.ndim != 2 or target.dtype.kind == "f" or (target < 0).any():
        raise NotImplementedError("soft or ignored targets, or one for each pixel")
    made, hot = losses.CrossEntropy(), np.eye(x.shape[1])[target]
    probabilities = L.Softmax().forward(x)
    value = made.loss(hot, probabilities)
    return value, lambda grad: (grad * made.grad(hot, probabilities), None, None)


def sgd(params, grads, state=None, *, lr):
    made = optimizers.SGD(lr)
    pairs = enumerate(zip(params, grads))
    return [made.update(np.array(a), np.array(g), str(place)) for place, (a, g) in pairs], {}


def adam(params, grads, state=None, *, lr=1e-3, betas=(0.9, 0.999), eps=1e-8):
    made, held = optimizers.Adam(lr, *betas, eps), []
    step = (state or {"step": 0})["step"]
    for place, array in enumerate(params):
        if state:
            mean, var = (np.array(state[name][place]) for name in ("exp_avg", "exp_avg_sq"))
            made.cache[str(place)] = {"t": step, "mean": mean, "var": var}
        held.append(made.update(np.array(array), np.array(grads[place]), str(place)))
    after = {"exp_avg": "mean", "exp_avg_sq": "var"}
    caches = [made.cache[str(place)] for place in range(len(params))]
    moments = {ours: [cache[theirs] for cache in caches] for ours, theirs in after.items()}
    return held, {**moments, "step": step + 1}


IMAGES = {"input_layout": "NHWC", "weight_layout": "HWIO", "bias_layout": "O->111O"}
OPERATIONS = {
    "conv1d": from_layer(
        conv1d, **WEIGHTS, input_layout="NLC", weight_layout="LIO", bias_layout="O->11O"
    ),
    "conv2d": from_layer(conv2d, **WEIGHTS, **IMAGES),
    "conv_transpose2d": from_layer(
        conv_transpose2d, **WEIGHTS, **{**IMAGES, "weight_layout": "IOHW->HWIO"}
    ),
    "max_pool2d": from_layer(pool("max"), **NONE, input_layout="NHWC"),
    "avg_pool2d": from_layer(pool("average"), **NONE, input_layout="NHWC"),
    "linear": from_layer(
        linear, **WEIGHTS, input_layout="NC", weight_layout="IO", bias_layout="1O"
    ),
    "softmax": from_layer(softmax, **NONE),
    "batch_norm": from_layer(
        batch_norm,
        **NORMS,
        buffers={
            "running_mean": "parameters.running_mean",
            "running_var": "parameters.running_var",
        },
        input_layout="NHWC",
    ),
    "layer_norm": from_layer(layer_norm, **NORMS, input_layout="NC"),
    "relu": simple(A.ReLU),
    "sigmoid": simple(A.Sigmoid),
    "tanh": simple(A.Tanh),
    "selu": simple(A.SELU),
    "leaky_relu": leaky_relu,
    "elu": elu,
    "softplus": simple(A.SoftPlus),
    "hardsigmoid": simple(A.HardSigmoid),
    "mse_loss": mse_loss,
    "cross_entropy": cross_entropy,
}
subject = Implementation(
    "numpy-ml 0.1.2",
    {
        **{name: finite_only(function) for name, function in OPERATIONS.items()},
        "batch_norm_statistics": finite_only(batch_norm_statistics),
        "sgd": sgd,
        "adam": adam,
    },
    limits={
        "batch_norm": {"training": True},
        "mse_loss": {"reduction": "sum"},
        "cross_entropy": {"reduction": "sum"},
    },
)
