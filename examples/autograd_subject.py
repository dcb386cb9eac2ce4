"""autograd 1.9 as a subject: its own gradients, in the layers that its examples make of them.

It has no layers. What is judged are the gradients of its `convolve` and of the functions of
NumPy and SciPy that it wraps; `convolve` has neither stride nor dilation.

Conventions: at a tie `maximum` and `abs` are autograd's own, which gives a half to each argument
of `maximum` and 0 to `abs`. `pad` only pads with a constant, and crops nothing.
"""

import inspect
from functools import wraps

import autograd.numpy as np
from autograd import make_vjp
from autograd.scipy.signal import convolve as slide
from autograd.scipy.special import erf, expit, logsumexp

from reference_tests import Implementation
from reference_tests.adapters.values import finite_only


def differentiated(function):
    """Return `function` with the pullback that autograd makes of it."""
    parameters = inspect.signature(function).parameters.values()
    names = [each.name for each in parameters if each.kind is each.POSITIONAL_OR_KEYWORD]

    @wraps(function)
    def call(*given, **hyper):
        named = dict(zip(names, given))
        arrays = [named.get(name, hyper.pop(name, None)) for name in names]
        places = tuple(n for n, array in enumerate(arrays) if array is not None)
        pullback, y = make_vjp(function, places)(*arrays, **hyper)

        def complete(grad_output):
            found = dict(zip(places, pullback(grad_output)))
            return tuple(found.get(place) for place in range(len(names)))

        return y, complete

    return finite_only(call)


def convolution(x, weight, bias=None, *, padding=0):
    spatial = weight.ndim - 2
    if isinstance(padding, str) or x.ndim < weight.ndim:
        raise NotImplementedError("padding by a name, or no batch")
    edges = padding if isinstance(padding, tuple) else (padding,) * spatial
    axes = list(range(2, x.ndim))
    # autograd convolves; what networks call a convolution does not turn the kernel around.
    flipped = weight[(slice(None), slice(None), *(slice(None, None, -1),) * spatial)]
    wide = np.pad(x, ((0, 0), (0, 0), *((p, p) for p in edges)), mode="constant")
    y = slide(wide, flipped, axes=(axes, axes), dot_axes=([1], [1]), mode="valid")
    return y if bias is None else y + bias.reshape(-1, *(1,) * spatial)


def convolve(x, kernel, *, mode="full"):
    return slide(x, kernel, mode=mode)


def pad(x, *, pad):
    if min(pad) < 0:
        raise NotImplementedError("a negative width")
    edges = [(0, 0)] * (x.ndim - len(pad) // 2) + list(zip(pad[::2], pad[1::2]))[::-1]
    return np.pad(x, edges, mode="constant")


def linear(x, weight, bias=None):
    y = np.dot(x, weight.T)
    return y if bias is None else y + bias


def softplus(x):
    if (x > 20).any():
        raise NotImplementedError("logaddexp has no threshold beyond which it is linear")
    return np.logaddexp(x, 0)


def log_softmax(x, *, dim):
    return x - logsumexp(x, dim, keepdims=True)


def softmax(x, *, dim):
    return np.exp(log_softmax(x, dim=dim))


def layer_norm(x, weight=None, bias=None, *, normalized_shape, eps=1e-5):
    axes = tuple(range(-len(normalized_shape), 0))
    centred = x - np.mean(x, axes, keepdims=True)
    y = centred / np.sqrt(np.var(x, axes, keepdims=True) + eps)
    y = y if weight is None else y * weight
    return y if bias is None else y + bias


def reduced(losses, reduction):
    if reduction == "none":
        return losses
    return np.mean(losses) if reduction == "mean" else np.sum(losses)


def mse_loss(x, target, *, reduction="mean"):
    return reduced((x - target) ** 2, reduction)


def l1_loss(x, target, *, reduction="mean"):
    return reduced(np.abs(x - target), reduction)


FUNCTIONS = {
    **dict.fromkeys(("conv1d", "conv2d", "conv3d"), convolution),
    "convolve": convolve,
    "pad": pad,
    "linear": linear,
    "flatten": lambda x: np.ravel(x),
    "relu": lambda x: np.maximum(x, 0),
    "hardtanh": lambda x, *, min_val=-1.0, max_val=1.0: np.clip(x, min_val, max_val),
    "sigmoid": lambda x: expit(x),
    "tanh": lambda x: np.tanh(x),
    "softplus": softplus,
    "gelu": lambda x: x * (0.5 * (1 + erf(x * 0.5**0.5))),
    "softmax": softmax,
    "log_softmax": log_softmax,
    "layer_norm": layer_norm,
    "mse_loss": mse_loss,
    "l1_loss": l1_loss,
}
subject = Implementation(
    "autograd 1.9", {name: differentiated(function) for name, function in FUNCTIONS.items()}
)
