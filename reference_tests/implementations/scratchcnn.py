"""scratchcnn as a subject: each forward with its explicit gradients."""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_tests.implementation import Implementation
from scratchcnn import functional as F
from scratchcnn import optim


def _correlation(name: str) -> Any:
    forward = getattr(F, name)
    input_grad, kernel_grad = getattr(F, f"{name}_input_grad"), getattr(F, f"{name}_kernel_grad")

    def function(x: Any, kernel: Any, *, mode: str = "full") -> Any:
        def pullback(grad_output: Any) -> Any:
            return (
                input_grad(grad_output, kernel, input_shape=x.shape, mode=mode),
                kernel_grad(grad_output, x, kernel_shape=kernel.shape, mode=mode),
            )

        return forward(x, kernel, mode=mode), pullback

    return function


def conv2d(x: Any, weight: Any, bias: Any = None, **hyper: Any) -> Any:
    """Return the convolution and its pullback."""

    def pullback(grad_output: Any) -> Any:
        return (
            F.conv2d_input_grad(grad_output, weight, input_shape=x.shape, **hyper),
            F.conv2d_weight_grad(grad_output, x, kernel_size=weight.shape[2:], **hyper),
            None if bias is None else F.conv2d_bias_grad(grad_output, bias_shape=bias.shape),
        )

    return F.conv2d(x, weight, bias, **hyper), pullback


def max_pool2d(x: Any, kernel_size: Any, *, return_indices: bool = False, **hyper: Any) -> Any:
    """Return the maxima, on request with their indices, and the pullback."""
    pooled = F.max_pool2d(x, kernel_size, return_indices=True, **hyper)

    def pullback(grad_output: Any) -> Any:
        return F.max_pool2d_grad(
            grad_output, pooled.indices, input_shape=x.shape, kernel_size=kernel_size, **hyper
        )

    return (pooled if return_indices else F.max_pool2d(x, kernel_size, **hyper)), pullback


def avg_pool2d(x: Any, kernel_size: Any, **hyper: Any) -> Any:
    """Return the means and their pullback."""

    def pullback(grad_output: Any) -> Any:
        return F.avg_pool2d_grad(grad_output, input_shape=x.shape, kernel_size=kernel_size, **hyper)

    return F.avg_pool2d(x, kernel_size, **hyper), pullback


def pad(x: Any, pad: Any, **hyper: Any) -> Any:
    """Return the padded array and the pullback."""
    mode = {"mode": hyper["mode"]} if "mode" in hyper else {}
    return F.pad(x, pad, **hyper), lambda g: F.pad_grad(g, input_shape=x.shape, pad=pad, **mode)


def linear(x: Any, weight: Any, bias: Any = None) -> Any:
    """Return the product and its pullback."""

    def pullback(grad_output: Any) -> Any:
        return (
            F.linear_input_grad(grad_output, weight),
            F.linear_weight_grad(grad_output, x),
            None if bias is None else F.linear_bias_grad(grad_output),
        )

    return F.linear(x, weight, bias), pullback


def flatten(x: Any, **hyper: Any) -> Any:
    """Return the flattened array and the pullback."""
    return F.flatten(x, **hyper), lambda g: F.flatten_grad(g, input_shape=x.shape)


def relu(x: Any) -> Any:
    """Return the positive part and its pullback."""
    return F.relu(x), lambda g: F.relu_grad(g, x)


def _from_output(name: str) -> Any:
    """Return an activation whose gradient needs its output."""
    forward, grad = getattr(F, name), getattr(F, f"{name}_grad")

    def function(x: Any, **hyper: Any) -> Any:
        y = forward(x, **hyper)
        return y, lambda grad_output: grad(grad_output, y, **hyper)

    return function


def dropout(x: Any, *, p: float = 0.5, training: bool = True, rng: Any = None) -> Any:
    """Return dropout and the pullback with the same mask."""
    y, mask = F.dropout_with_mask(x, p=p, training=training, rng=rng)
    return y, lambda g: F.dropout_grad(g, mask)


def _loss(name: str) -> Any:
    """Return a loss with gradients of `x` and `target`."""
    forward = getattr(F, name)
    input_grad, target_grad = getattr(F, f"{name}_input_grad"), getattr(F, f"{name}_target_grad")

    def function(x: Any, target: Any, *weight: Any, **hyper: Any) -> Any:
        def pullback(g: Any) -> Any:
            arrays = (x, target, *weight)
            nothing = (None,) * (len(_LOSSES[name]) - 2)
            return input_grad(g, *arrays, **hyper), target_grad(g, *arrays, **hyper), *nothing

        return forward(x, target, *weight, **hyper), pullback

    return function


_LOSSES = {
    "mse_loss": ("x", "target"),
    "binary_cross_entropy": ("x", "target", "weight"),
    "binary_cross_entropy_with_logits": ("x", "target", "weight", "pos_weight"),
}


def nll_loss(x: Any, target: Any, weight: Any = None, **hyper: Any) -> Any:
    """Return the negative log-likelihood and its pullback."""

    def pullback(g: Any) -> Any:
        return F.nll_loss_grad(g, target, weight, input_shape=x.shape, **hyper), None, None

    return F.nll_loss(x, target, weight, **hyper), pullback


def cross_entropy(x: Any, target: Any, weight: Any = None, **hyper: Any) -> Any:
    """Return the cross-entropy and its pullback."""

    def pullback(g: Any) -> Any:
        grad_target = None
        if np.issubdtype(target.dtype, np.floating):
            some = {name: value for name, value in hyper.items() if name != "ignore_index"}
            grad_target = F.cross_entropy_target_grad(g, x, weight, **some)
        return F.cross_entropy_input_grad(g, x, target, weight, **hyper), grad_target, None

    return F.cross_entropy(x, target, weight, **hyper), pullback


def l2_penalty(x: Any, *, strength: float) -> Any:
    """Return the penalty and its pullback."""
    return F.l2_penalty(x, strength=strength), lambda g: F.l2_penalty_grad(g, x, strength=strength)


subject = Implementation(
    "scratchcnn",
    {
        "correlate": _correlation("correlate"),
        "convolve": _correlation("convolve"),
        "conv2d": conv2d,
        "conv2d_untied_bias": conv2d,
        "max_pool2d": max_pool2d,
        "avg_pool2d": avg_pool2d,
        "linear": linear,
        "flatten": flatten,
        "pad": pad,
        "relu": relu,
        "sigmoid": _from_output("sigmoid"),
        "tanh": _from_output("tanh"),
        "softmax": _from_output("softmax"),
        "log_softmax": _from_output("log_softmax"),
        "dropout": dropout,
        **{name: _loss(name) for name in _LOSSES},
        "l2_penalty": l2_penalty,
        "nll_loss": nll_loss,
        "cross_entropy": cross_entropy,
        "sgd": optim.sgd,
        "adam": optim.adam,
    },
    source="from reference_tests.implementations.scratchcnn import subject",
)
