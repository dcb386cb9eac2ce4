"""SciPy as a reference: `scipy.signal` by direct summation, and some of `scipy.special`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy
from scipy import signal, special

from reference_tests.operations.windows import pair
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


def conv2d(
    x: Any,
    weight: Any,
    bias: Any = None,
    *,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Any:
    """Return the convolution as sums of two-dimensional correlations of single channels."""
    (sh, sw), (dh, dw) = pair(stride), pair(dilation)
    filters, each, kh, kw = weight.shape
    spread = np.zeros((filters, each, dh * (kh - 1) + 1, dw * (kw - 1) + 1), weight.dtype)
    spread[:, :, ::dh, ::dw] = weight
    reach = spread.shape[2:]
    if padding == "same":
        edges = [((r - 1) // 2, r - 1 - (r - 1) // 2) for r in reach]
    else:
        edges = [(p, p) for p in ((0, 0) if padding == "valid" else pair(padding))]
    wide = np.pad(x, [(0, 0), (0, 0), *edges])
    per_group = filters // groups
    size = [(n - r) // s + 1 for n, r, s in zip(wide.shape[2:], reach, (sh, sw), strict=True)]
    y = np.zeros((len(x), filters, *size), x.dtype)
    channels = [(o, c, o // per_group * each + c) for o in range(filters) for c in range(each)]
    for n in range(len(x)):
        for o, c, channel in channels:
            plane = signal.correlate(wide[n, channel], spread[o, c], "valid", method="direct")
            y[n, o] += plane[::sh, ::sw]
    if bias is not None:
        y = y + (bias[:, None, None] if bias.ndim == 1 else bias)

    def pullback(grad_output: Any) -> Any:
        # Between the elements of the gradient lie the positions that the stride skipped.
        full = [n - r + 1 for n, r in zip(wide.shape[2:], reach, strict=True)]
        dense = np.zeros((*grad_output.shape[:2], *full), grad_output.dtype)
        dense[:, :, ::sh, ::sw] = grad_output
        grad_wide, grad_spread = np.zeros_like(wide), np.zeros_like(spread)
        for n in range(len(x)):
            for o, c, channel in channels:
                grad = dense[n, o]
                grad_wide[n, channel] += signal.convolve(grad, spread[o, c], method="direct")
                grad_spread[o, c] += signal.correlate(
                    wide[n, channel], grad, "valid", method="direct"
                )
        inner = tuple(slice(b, b + n) for (b, _), n in zip(edges, x.shape[2:], strict=True))
        grad_bias = None
        if bias is not None:
            grad_bias = grad_output.sum((0, 2, 3) if bias.ndim == 1 else 0)
        return grad_wide[:, :, *inner], grad_spread[:, :, ::dh, ::dw], grad_bias

    return y, pullback


reference = Reference(
    "scipy",
    scipy.__version__,
    {
        "correlate": _slide("correlate"),
        "convolve": _slide("convolve"),
        "conv2d": conv2d,
        "conv2d_untied_bias": conv2d,
        "sigmoid": special.expit,
        "softmax": _along_axis(special.softmax),
        "log_softmax": _along_axis(special.log_softmax),
    },
)
