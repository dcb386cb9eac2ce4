"""JAX as a reference: `jax.lax` and `jax.nn` with the gradients of `jax.vjp`.

Every new shape is compiled anew, which takes a fifth of a second and more, so of each operation it
judges the first shapes only that it meets; a run's pinned cases come first.
"""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from reference_tests.references import Reference

jax.config.update("jax_enable_x64", True)
SHAPES = 8


def _each(value: Any, spatial: int) -> tuple[int, ...]:
    return tuple(value) if isinstance(value, (tuple, list)) else (value,) * spatial


def _lacks(what: str) -> NotImplementedError:
    return NotImplementedError(f"JAX is not asked for {what}")


def _convolution(
    x: Any,
    weight: Any,
    bias: Any = None,
    *,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Any:
    kernel = weight.shape[2:]
    spatial = len(kernel)
    steps, gaps = _each(stride, spatial), _each(dilation, spatial)
    reach = [gap * (k - 1) for gap, k in zip(gaps, kernel, strict=True)]
    if padding == "same":
        edges = [(r // 2, r - r // 2) for r in reach]
    else:
        edges = [(p, p) for p in _each(0 if padding == "valid" else padding, spatial)]
    images = x if x.ndim == weight.ndim else x[None]
    y = lax.conv_general_dilated(
        images, weight, steps, edges, None, gaps, feature_group_count=groups, precision="highest"
    )
    if bias is not None:
        y = y + bias.reshape(bias.shape + (1,) * (spatial + 1 - bias.ndim))
    return y if x.ndim == weight.ndim else y[0]


def _transposed(
    x: Any,
    weight: Any,
    bias: Any = None,
    *,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Any:
    inner, outer, *kernel = weight.shape
    spatial = len(kernel)
    steps, gaps, less, more = (
        _each(value, spatial) for value in (stride, dilation, padding, output_padding)
    )
    edges = [
        (gap * (k - 1) - p, gap * (k - 1) - p + extra)
        for gap, k, p, extra in zip(gaps, kernel, less, more, strict=True)
    ]
    grouped = weight.reshape(groups, inner // groups, outer, *kernel).swapaxes(1, 2)
    turned = jnp.flip(
        grouped.reshape(groups * outer, inner // groups, *kernel), range(2, 2 + spatial)
    )
    images = x if x.ndim == weight.ndim else x[None]
    y = lax.conv_general_dilated(
        images,
        turned,
        (1,) * spatial,
        edges,
        steps,
        gaps,
        feature_group_count=groups,
        precision="highest",
    )
    y = y if bias is None else y + bias.reshape(-1, *(1,) * spatial)
    return y if x.ndim == weight.ndim else y[0]


def _windows(
    x: Any, spatial: int, kernel: Any, stride: Any, padding: Any, dilation: Any, ceil: bool
) -> tuple[Any, ...]:
    """Return kernel, stride, dilation and edges of all axes, and the overhang of the last ones."""
    sizes, p, gaps = x.shape[-spatial:], _each(padding, spatial), _each(dilation, spatial)
    taps = _each(kernel, spatial)
    steps = taps if stride is None else _each(stride, spatial)
    over = []
    for n, k, s, pad, gap in zip(sizes, taps, steps, p, gaps, strict=True):
        reach = gap * (k - 1) + 1
        count = -(-(n + 2 * pad - reach) // s) + 1 if ceil else 0
        # A last window must start inside the input or its left padding.
        count -= ceil and (count - 1) * s >= n + pad
        over.append(max((count - 1) * s + reach - n - 2 * pad, 0))
    lead = x.ndim - spatial
    ones, none = (1,) * lead, ((0, 0),) * lead
    edges = (*none, *((a, a) for a in p))
    return (*ones, *taps), (*ones, *steps), (*ones, *gaps), edges, (*(0,) * lead, *over)


def _max_pool(
    spatial: int,
    x: Any,
    *,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
) -> Any:
    found = _windows(x, spatial, kernel_size, stride, padding, dilation, ceil_mode)
    kernel, steps, gaps, edges, over = found
    if max(gaps) > 1:
        raise _lacks("the gradient of a dilated maximum, which it has not")
    padded = [(a, b + extra) for (a, b), extra in zip(edges, over, strict=True)]
    return lax.reduce_window(x, -jnp.inf, lax.max, kernel, steps, padded)


def _avg_pool(
    spatial: int,
    x: Any,
    *,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Any:
    found = _windows(x, spatial, kernel_size, stride, padding, 1, ceil_mode)
    kernel, steps, _, edges, over = found
    hang = [(0, extra) for extra in over]

    def total(array: Any) -> Any:
        return lax.reduce_window(array, 0.0, lax.add, kernel, steps, hang)

    ones = jnp.pad(jnp.ones_like(x), edges, constant_values=float(count_include_pad))
    y = total(jnp.pad(x, edges))
    return y / (total(ones) if divisor_override is None else divisor_override)


def _pad(x: Any, *, pad: Any, mode: str = "constant", value: float = 0.0) -> Any:
    edges = [(0, 0)] * (x.ndim - len(pad) // 2) + list(zip(pad[::2], pad[1::2], strict=True))[::-1]
    if mode == "constant":
        return lax.pad(x, jnp.asarray(value, x.dtype), [(a, b, 0) for a, b in edges])
    if min(pad) < 0:
        raise _lacks("a crop of another mode")
    return jnp.pad(x, edges, {"replicate": "edge", "circular": "wrap"}.get(mode, mode))


def _linear(x: Any, weight: Any, bias: Any = None) -> Any:
    y = jnp.matmul(x, weight.T, precision="highest")
    return y if bias is None else y + bias


def _softplus(x: Any, *, beta: float = 1.0, threshold: float = 20.0) -> Any:
    return jnp.where(x * beta > threshold, x, jax.nn.softplus(x * beta) / beta)


def _affine(y: Any, weight: Any, bias: Any, shape: tuple[int, ...]) -> Any:
    y = y if weight is None else y * weight.reshape(shape)
    return y if bias is None else y + bias.reshape(shape)


def _normalized(x: Any, axes: tuple[int, ...], eps: float) -> Any:
    mean, var = jnp.mean(x, axes, keepdims=True), jnp.var(x, axes, keepdims=True)
    return (x - mean) / jnp.sqrt(var + eps)


def _batch_norm(
    x: Any,
    running_mean: Any = None,
    running_var: Any = None,
    weight: Any = None,
    bias: Any = None,
    *,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Any:
    shape = (1, -1, *(1,) * (x.ndim - 2))
    if training:
        y = _normalized(x, (0, *range(2, x.ndim)), eps)
    else:
        y = (x - running_mean.reshape(shape)) / jnp.sqrt(running_var.reshape(shape) + eps)
    return _affine(y, weight, bias, shape)


def _layer_norm(
    x: Any, weight: Any = None, bias: Any = None, *, normalized_shape: Any, eps: float = 1e-5
) -> Any:
    y = _normalized(x, tuple(range(-len(normalized_shape), 0)), eps)
    return _affine(y, weight, bias, tuple(normalized_shape))


def _group_norm(
    x: Any, weight: Any = None, bias: Any = None, *, num_groups: int, eps: float = 1e-5
) -> Any:
    grouped = x.reshape(x.shape[0], num_groups, -1)
    y = _normalized(grouped, (2,), eps).reshape(x.shape)
    return _affine(y, weight, bias, (1, -1, *(1,) * (x.ndim - 2)))


def _reduced(losses: Any, reduction: str) -> Any:
    return {"mean": jnp.mean, "sum": jnp.sum}.get(reduction, lambda each: each)(losses)


def _mse_loss(x: Any, target: Any, *, reduction: str = "mean") -> Any:
    return _reduced(jnp.square(x - target), reduction)


def _l1_loss(x: Any, target: Any, *, reduction: str = "mean") -> Any:
    return _reduced(jnp.abs(x - target), reduction)


def _huber_loss(x: Any, target: Any, *, reduction: str = "mean", delta: float = 1.0) -> Any:
    difference = x - target
    distance = jnp.abs(difference)
    line = delta * (distance - delta / 2)
    return _reduced(jnp.where(distance <= delta, difference * difference / 2, line), reduction)


def _cross_entropy(
    x: Any,
    target: Any,
    weight: Any = None,
    *,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Any:
    if not jnp.issubdtype(target.dtype, jnp.integer) or label_smoothing:
        raise _lacks("soft targets")
    return _likelihood(
        jax.nn.log_softmax(x, _class_axis(x)), target, weight, ignore_index, reduction
    )


def _nll_loss(
    x: Any, target: Any, weight: Any = None, *, ignore_index: int = -100, reduction: str = "mean"
) -> Any:
    return _likelihood(x, target, weight, ignore_index, reduction)


def _class_axis(x: Any) -> int:
    return 1 if x.ndim > 1 else 0


def _likelihood(x: Any, target: Any, weight: Any, ignored: int, reduction: str) -> Any:
    axis = _class_axis(x)
    kept = target != ignored
    classes = jnp.where(kept, target, 0)
    picked = jnp.take_along_axis(x, jnp.expand_dims(classes, axis), axis).squeeze(axis)
    factor = jnp.where(kept, 1.0 if weight is None else weight[classes], 0.0).astype(x.dtype)
    losses = jnp.where(kept, -factor * picked, 0.0)
    if reduction != "mean":
        return _reduced(losses, reduction)
    return losses.sum() / factor.sum()


def _binary_with_logits(
    x: Any, target: Any, weight: Any = None, pos_weight: Any = None, *, reduction: str = "mean"
) -> Any:
    mix = 1.0 if pos_weight is None else 1 + (pos_weight - 1) * target
    losses = (1 - target) * x + mix * jax.nn.softplus(-x)
    return _reduced(losses if weight is None else losses * weight, reduction)


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    **dict.fromkeys(("conv1d", "conv2d", "conv3d", "conv2d_untied_bias"), _convolution),
    **{f"conv_transpose{spatial}d": _transposed for spatial in (1, 2, 3)},
    **{f"max_pool{n}d": functools.partial(_max_pool, n) for n in (1, 2, 3)},
    **{f"avg_pool{n}d": functools.partial(_avg_pool, n) for n in (1, 2, 3)},
    "pad": _pad,
    "linear": _linear,
    "relu": lambda x: jax.nn.relu(x),
    "relu6": lambda x: jax.nn.relu6(x),
    "leaky_relu": lambda x, *, negative_slope=0.01: jax.nn.leaky_relu(x, negative_slope),
    "elu": lambda x, *, alpha=1.0: jax.nn.elu(x, alpha),
    "selu": lambda x: jax.nn.selu(x),
    "celu": lambda x, *, alpha=1.0: jax.nn.celu(x, alpha),
    "glu": lambda x, *, dim=-1: jax.nn.glu(x, dim),
    "gelu": lambda x, *, approximate="none": jax.nn.gelu(x, approximate == "tanh"),
    "silu": lambda x: jax.nn.silu(x),
    "mish": lambda x: jax.nn.mish(x),
    "sigmoid": lambda x: jax.nn.sigmoid(x),
    "logsigmoid": lambda x: jax.nn.log_sigmoid(x),
    "softplus": _softplus,
    "softsign": lambda x: jax.nn.soft_sign(x),
    "tanh": lambda x: jnp.tanh(x),
    "hardsigmoid": lambda x: jax.nn.hard_sigmoid(x),
    "hardswish": lambda x: jax.nn.hard_swish(x),
    "softmax": lambda x, *, dim: jax.nn.softmax(x, dim),
    "log_softmax": lambda x, *, dim: jax.nn.log_softmax(x, dim),
    "batch_norm": _batch_norm,
    "layer_norm": _layer_norm,
    "group_norm": _group_norm,
    "mse_loss": _mse_loss,
    "l1_loss": _l1_loss,
    "huber_loss": _huber_loss,
    "cross_entropy": _cross_entropy,
    "nll_loss": _nll_loss,
    "binary_cross_entropy_with_logits": _binary_with_logits,
}


def adapted(function: Callable[..., Any], shapes: float = math.inf) -> Callable[..., Any]:
    """Return a function of JAX's arrays as an implementation's callable.

    Parameters
    ----------
    function : callable
        Its parameters that are not keyword-only are the arrays.
    shapes : int, optional
        How many combinations of shapes and hyperparameters are compiled; others are unsupported.
    """
    parameters = inspect.signature(function).parameters
    names = [n for n, p in parameters.items() if p.kind is p.POSITIONAL_OR_KEYWORD]
    compiled: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {}

    @functools.wraps(function)
    def call(*given: Any, **hyper: Any) -> Any:
        arrays = dict(zip(names, given, strict=False))
        arrays.update({name: hyper.pop(name) for name in names if name in hyper})
        unknown = sorted(set(hyper) - set(parameters))
        if unknown or len(given) > len(names):
            raise _lacks(", ".join(unknown) or "so many arrays")
        known = {name: np.asarray(value) for name, value in arrays.items() if value is not None}
        if not all(map(_ordinary, known.values())):
            raise _lacks("NaN, infinities and empty arrays")
        kinds = sorted((name, value.shape, value.dtype.kind) for name, value in known.items())
        key = repr((kinds, sorted(hyper.items())))
        if key not in compiled:
            if len(compiled) >= shapes:
                raise _lacks(f"more than {shapes} shapes of one operation")
            compiled[key] = _compiled(function, hyper)
        forward, pull = compiled[key]
        real = {name: jnp.array(value) for name, value in known.items() if value.dtype.kind == "f"}
        whole = {name: jnp.array(value) for name, value in known.items() if name not in real}
        output = np.array(forward(real, whole))

        def pullback(grad_output: Any) -> tuple[Any, ...]:
            found = pull(real, whole, jnp.array(grad_output))
            return tuple(np.array(found[name]) if name in found else None for name in names)

        return output, pullback

    return call


def _compiled(
    function: Callable[..., Any], hyper: dict[str, Any]
) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Return a function of arrays of floats and of integers, and its pullback."""

    def forward(real: Any, whole: Any) -> Any:
        return function(**real, **whole, **hyper)

    def pull(real: Any, whole: Any, grad_output: Any) -> Any:
        return jax.vjp(lambda inputs: forward(inputs, whole), real)[1](grad_output)[0]

    return jax.jit(forward), jax.jit(pull)


def _ordinary(array: Any) -> bool:
    return bool(array.size and (array.dtype.kind != "f" or np.isfinite(array).all()))


# As a subject JAX is judged on whatever shapes there are.
OPERATIONS = {name: adapted(function) for name, function in _FUNCTIONS.items()}
reference = Reference(
    "jax",
    jax.__version__,
    {name: adapted(function, SHAPES) for name, function in _FUNCTIONS.items()},
)
