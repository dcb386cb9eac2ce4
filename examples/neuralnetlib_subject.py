"""neuralnetlib 5.0 as a subject: its layers, losses and optimizers.

Conventions, which the adapters translate: images are (N, H, W, C) and weights (H, W, C, O); the
padding is 'valid' or 'same'; momenta weight the old value; losses take the target first. Its GELU
is the approximation by tanh; its softmax is over the last axis; its layer normalization is too.
"""

import numpy as np
from neuralnetlib import layers as L
from neuralnetlib import losses, optimizers
from neuralnetlib.activations import LeakyReLU

from reference_tests import Implementation, from_functions, from_layer
from reference_tests.adapters.values import finite_only

PASSES = {"forward": "forward_pass", "backward": "backward_pass"}
WEIGHTS = {
    **PASSES,
    "weight": "weights",
    "bias": "bias",
    "weight_grad": "d_weights",
    "bias_grad": "d_bias",
}
NORMS = {
    **PASSES,
    "weight": "gamma",
    "bias": "beta",
    "weight_grad": "d_gamma",
    "bias_grad": "d_beta",
}
TWO = {"input_layout": "NHWC", "weight_layout": "HWIO", "bias_layout": "1O"}
ONE = {"input_layout": "NLC", "weight_layout": "LIO", "bias_layout": "1O"}


def padded(padding):
    if padding not in (0, "same", "valid"):
        raise NotImplementedError("a padding in numbers")
    return "same" if padding == "same" else "valid"


def ready(layer, *input_shape):
    """Return a layer that has its arrays: it makes them at its first input otherwise."""
    layer.initialize_weights(*input_shape)
    return layer


def conv1d(in_channels, out_channels, kernel_size, *, stride=1, padding=0):
    layer = L.Conv1D(out_channels, kernel_size[0], one(stride), padded(padding))
    return ready(layer, (1, 1, in_channels))


def conv2d(in_channels, out_channels, kernel_size, *, stride=1, padding=0):
    layer = L.Conv2D(out_channels, kernel_size, stride, padded(padding))
    return ready(layer, (1, 1, 1, in_channels))


def one(value):
    return value[0] if isinstance(value, tuple) else value


def conv_transpose2d(in_channels, out_channels, kernel_size, *, stride=1):
    layer = L.Conv2DTranspose(out_channels, kernel_size, stride)
    return ready(layer, (1, 1, 1, in_channels))


def pool(kind, single=False):
    number = one if single else lambda value: value

    def construct(*, kernel_size, stride=None):
        return kind(number(kernel_size), None if stride is None else number(stride))

    return construct


def dense(in_features, out_features):
    return ready(L.Dense(out_features), in_features)


def of_batches(layer, x):
    """Run a layer that makes a batch of a single sample."""
    if x.ndim < 2:
        raise NotImplementedError("no batch")
    return layer.forward_pass(x)


def batch_norm(num_features, *, training=False, momentum=0.1, eps=1e-5):
    layer = ready(L.BatchNormalization(1 - momentum, eps), (num_features,))
    layer.asked = training
    return layer


def layer_norm(in_features, *, normalized_shape, eps=1e-5):
    if len(normalized_shape) != 1:
        raise NotImplementedError("more than the last axis")
    return ready(L.LayerNormalization(eps), (in_features,))


def batch_norm_statistics(x, running_mean, running_var, *, momentum=0.1):
    layer = batch_norm(x.shape[1], momentum=momentum)
    layer.running_mean, layer.running_var = np.array(running_mean), np.array(running_var)
    layer.forward_pass(np.moveaxis(x, 1, -1), True)
    return layer.running_mean, layer.running_var


def activation(name):
    return from_layer(lambda: L.Activation(name), weight=None, bias=None, **PASSES)


def softmax(*, dim):
    return L.Activation("softmax")


def leaky_relu(*, negative_slope=0.01):
    return L.Activation(LeakyReLU(negative_slope))


def gelu(x, *, approximate):
    layer = L.Activation("gelu")
    return layer.forward_pass(x), lambda grad_output: (layer.backward_pass(grad_output),)


def loss(made):
    """Return a loss of the prediction and the target, from one of the target and the prediction."""

    def forward(x, target):
        return made(target, x)

    def input_grad(grad_output, x, target):
        return grad_output * made.derivative(target, x)

    return from_functions(forward, input_grad=input_grad)


def huber_loss(x, target, *, delta=1.0):
    made = losses.Huber(delta)
    return made(target, x), lambda grad: (grad * made.derivative(target, x), None)


def nll_of_probabilities(x, target, *, ignore_index=-100):
    """Return the cross-entropy of logits: its loss of probabilities after its softmax."""
    if x.ndim != 2 or target.dtype.kind == "f" or (target < 0).any():
        raise NotImplementedError("soft or ignored targets, or one for each pixel")
    softmax, made = L.Activation("softmax"), losses.SparseCategoricalCrossentropy()
    probabilities = softmax.forward_pass(x)

    def pullback(grad_output):
        # Its models leave the division by the batch to whoever reads the gradient.
        grad = grad_output * made.derivative(target, probabilities)
        return softmax.backward_pass(grad), None, None

    return made(target, probabilities), pullback


def stepped(optimizer, params, grads, state, entries):
    """Return parameters and state after one update; `entries` are the names of the state here."""
    held = [np.array(array) for array in params]
    for place, array in enumerate(held):
        if state:
            for name, theirs in entries.items():
                getattr(optimizer, theirs)[place] = np.array(state[name][place])
        if state and hasattr(optimizer, "steps"):
            optimizer.steps[place] = state["step"]
        optimizer.update(place, array, np.array(grads[place]))
    after = {
        name: [getattr(optimizer, theirs)[place] for place in range(len(held))]
        for name, theirs in entries.items()
    }
    return held, {**after, "step": (state or {}).get("step", 0) + 1}


def sgd(params, grads, state=None, *, lr, momentum=0.0):
    if not momentum:
        return stepped(optimizers.SGD(lr), params, grads, None, {})
    if lr != 1.0:
        raise NotImplementedError("its velocity holds the learning rate: compared at a rate of 1")
    negative = state and {"momentum_buffer": [-array for array in state["momentum_buffer"]]}
    made, entries = optimizers.Momentum(lr, momentum), {"momentum_buffer": "velocity_w"}
    params, after = stepped(made, params, grads, negative, entries)
    return params, {"momentum_buffer": [-array for array in after["momentum_buffer"]]}


def adam(params, grads, state=None, *, lr=1e-3, betas=(0.9, 0.999), eps=1e-8):
    made = optimizers.Adam(lr, *betas, eps)
    return stepped(made, params, grads, state, {"exp_avg": "m_w", "exp_avg_sq": "v_w"})


def radam(params, grads, state=None, *, lr=1e-3, betas=(0.9, 0.999), eps=1e-8):
    step = (state or {"step": 0})["step"] + 1
    most, power = 2 / (1 - betas[1]) - 1, betas[1] ** step
    if 4 < most - 2 * step * power / (1 - power) <= 5:
        raise NotImplementedError("it adapts beyond 4, as the paper does, and PyTorch beyond 5")
    # Its eps is added after the correction of the bias.
    made = optimizers.RAdam(lr, *betas, eps / (1 - power) ** 0.5)
    return stepped(made, params, grads, state, {"exp_avg": "m_w", "exp_avg_sq": "v_w"})


def rmsprop(params, grads, state=None, *, lr=0.01, alpha=0.99, eps=1e-8):
    made = optimizers.RMSprop(lr, alpha, eps)
    return stepped(made, params, grads, state, {"square_avg": "sq_grads_w"})


NONE = {"weight": None, "bias": None, **PASSES}
OPERATIONS = {
    "conv1d": from_layer(conv1d, **WEIGHTS, **ONE),
    "conv2d": from_layer(conv2d, **WEIGHTS, **TWO),
    "conv_transpose2d": from_layer(
        conv_transpose2d,
        **WEIGHTS,
        input_layout="NHWC",
        weight_layout="IOHW->HWOI",
        bias_layout="O->111O",
    ),
    "max_pool1d": from_layer(pool(L.MaxPooling1D, True), **NONE, input_layout="NLC"),
    "max_pool2d": from_layer(pool(L.MaxPooling2D), **NONE, input_layout="NHWC"),
    "avg_pool1d": from_layer(pool(L.AveragePooling1D, True), **NONE, input_layout="NLC"),
    "avg_pool2d": from_layer(pool(L.AveragePooling2D), **NONE, input_layout="NHWC"),
    "linear": from_layer(
        dense, **{**WEIGHTS, "forward": of_batches}, weight_layout="IO", bias_layout="1O"
    ),
    "batch_norm": from_layer(
        batch_norm,
        **{**NORMS, "forward": lambda layer, x: layer.forward_pass(x, layer.asked)},
        buffers={"running_mean": "running_mean", "running_var": "running_var"},
        input_layout="NHWC",
    ),
    "layer_norm": from_layer(layer_norm, **NORMS),
    **{name: activation(name) for name in ("relu", "sigmoid", "tanh", "elu", "selu")},
    "softmax": from_layer(softmax, **NONE),
    "leaky_relu": from_layer(leaky_relu, **NONE),
    "gelu": gelu,
    "mse_loss": loss(losses.MeanSquaredError()),
    "l1_loss": loss(losses.MeanAbsoluteError()),
    "huber_loss": huber_loss,
    "binary_cross_entropy": loss(losses.BinaryCrossentropy()),
    "cross_entropy": nll_of_probabilities,
}
subject = Implementation(
    "neuralnetlib 5.0",
    {
        **{name: finite_only(function) for name, function in OPERATIONS.items()},
        "batch_norm_statistics": finite_only(batch_norm_statistics),
        "sgd": sgd,
        "adam": adam,
        "radam": radam,
        "rmsprop": rmsprop,
    },
    limits={"softmax": {"dim": -1}, "gelu": {"approximate": "tanh"}},
)
