"""SciPy as a reference: `scipy.signal` by direct summation, and some of `scipy.special`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy
from scipy import signal, special

from reference_tests.operations.windows import each
from reference_tests.references import Reference


def _slide(name: str) -> Callable[..., Any]:
    def call(x: Any, kernel: Any, *, mode: str = "full") -> Any:
        # Left to itself SciPy takes the FFT from 28×28 with 5×5 on.
        slide = getattr(signal, name)
        y = slide(x, kernel, mode=mode, method="direct")

        def pullback(grad_output: Any) -> Any:
            if mode != "full":
                raise NotImplementedError("gradients by SciPy are those of mode 'full'")
            back = signal.correlate if name == "convolve" else signal.convolve
            grad_x = back(grad_output, kernel, mode="valid", method="direct")
            if name == "convolve":
                return grad_x, signal.correlate(grad_output, x, mode="valid", method="direct")
            grad_x = signal.convolve(grad_output, kernel, mode="full", method="direct")
            inner = tuple(
                slice(k - 1, k - 1 + n) for n, k in zip(x.shape, kernel.shape, strict=True)
            )
            edges = [(k - 1, k - 1) for k in kernel.shape]
            wide = np.pad(x, edges)
            return grad_x[inner], signal.correlate(wide, grad_output, mode="valid", method="direct")

        return y, pullback

    return call


def _along_axis(function: Callable[..., Any]) -> Callable[..., Any]:
    def call(x: Any, *, dim: int) -> Any:
        # SciPy refuses empty arrays, and its convention for infinities is not PyTorch's.
        if not x.size or not np.isfinite(x).all():
            raise NotImplementedError("SciPy judges finite arrays that are not empty")
        return function(x, axis=dim)

    return call


# SciPy's functions of infinities and NaN are results, not warnings.
_silent = np.errstate(all="ignore")


@_silent
def _gelu(x: Any, *, approximate: str = "none") -> Any:
    if approximate != "none":
        raise NotImplementedError("SciPy has the normal distribution itself")
    return x * special.ndtr(x)


@_silent
def _softplus(x: Any, *, beta: float = 1.0, threshold: float = 20.0) -> Any:
    if (x * beta > threshold).any():
        raise NotImplementedError("without a threshold there is no linear part")
    return np.logaddexp(x * beta, 0) / beta


def convolution(
    x: Any,
    weight: Any,
    bias: Any = None,
    *,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Any:
    """Return the convolution as sums of correlations of single channels."""
    filters, channels, *kernel = weight.shape
    spatial = len(kernel)
    images = x if x.ndim == spatial + 2 else x[None]
    reach = [d * (k - 1) + 1 for d, k in zip(each(dilation, spatial), kernel, strict=True)]
    between: Any = (..., *(slice(None, None, d) for d in each(dilation, spatial)))
    skipped: Any = (..., *(slice(None, None, s) for s in each(stride, spatial)))
    spread = np.zeros((filters, channels, *reach), weight.dtype)
    spread[between] = weight
    if padding == "same":
        edges = [((r - 1) // 2, r - 1 - (r - 1) // 2) for r in reach]
    else:
        edges = [(p, p) for p in each(0 if padding == "valid" else padding, spatial)]
    wide = np.pad(images, [(0, 0), (0, 0), *edges])
    full = [n - r + 1 for n, r in zip(wide.shape[2:], reach, strict=True)]
    dense = np.zeros((len(images), filters, *full), x.dtype)
    pairs = [
        (n, o, c, o // (filters // groups) * channels + c)
        for n, o, c in np.ndindex(len(images), filters, channels)
    ]
    for n, o, c, channel in pairs:
        dense[n, o] += signal.correlate(wide[n, channel], spread[o, c], "valid", method="direct")
    y = dense[skipped].copy()
    if bias is not None:
        y += bias.reshape(bias.shape + (1,) * (spatial + 1 - bias.ndim))

    def pullback(grad_output: Any) -> Any:
        grads = grad_output.reshape(y.shape)
        # Between the elements of the gradient lie the positions that the stride skipped.
        dense = np.zeros((len(images), filters, *full), x.dtype)
        dense[skipped] = grads
        grad_wide, grad_spread = np.zeros_like(wide), np.zeros_like(spread)
        for n, o, c, channel in pairs:
            grad = dense[n, o]
            grad_wide[n, channel] += signal.convolve(grad, spread[o, c], method="direct")
            grad_spread[o, c] += signal.correlate(wide[n, channel], grad, "valid", method="direct")
        sizes = zip(edges, x.shape[-spatial:], strict=True)
        inner: Any = (..., *(slice(b, b + n) for (b, _), n in sizes))
        grad_bias = None
        if bias is not None:
            grad_bias = grads.sum((0, *range(2, grads.ndim)) if bias.ndim == 1 else 0)
        return grad_wide[inner].reshape(x.shape), grad_spread[between], grad_bias

    return y.reshape(*x.shape[: -spatial - 1], *y.shape[1:]), pullback


reference = Reference(
    "scipy",
    scipy.__version__,
    {
        "correlate": _slide("correlate"),
        "convolve": _slide("convolve"),
        "conv1d": convolution,
        "conv2d": convolution,
        "conv2d_untied_bias": convolution,
        "conv3d": convolution,
        "gelu": _gelu,
        "logsigmoid": special.log_expit,
        "sigmoid": special.expit,
        "silu": _silent(lambda x: x * special.expit(x)),
        "softmax": _along_axis(special.softmax),
        "log_softmax": _along_axis(special.log_softmax),
        "softmin": _along_axis(lambda x, axis: special.softmax(-x, axis)),
        "softplus": _softplus,
    },
)
