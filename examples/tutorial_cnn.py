"""A convolution and a ReLU as a tutorial writes them, made a subject of the judge.

``reference-tests examples/tutorial_cnn.py:subject`` judges them. Stride, padding, dilation and
groups are missing, so they are reported as unsupported; what there is, is judged in full.
"""

import numpy as np

from reference_tests import Implementation


def conv2d(x, weight, bias=None):
    """Return the valid cross-correlation, and its gradients."""
    filters, _, kernel_height, kernel_width = weight.shape
    height, width = x.shape[2] - kernel_height + 1, x.shape[3] - kernel_width + 1
    if height < 1 or width < 1:
        raise ValueError(f"conv2d: the kernel {weight.shape[2:]} is larger than x {x.shape[2:]}")
    y = np.zeros((len(x), filters, height, width), x.dtype)
    for i in range(height):
        for j in range(width):
            window = x[:, :, i : i + kernel_height, j : j + kernel_width]
            y[:, :, i, j] = np.einsum("ncab,ocab->no", window, weight)
    if bias is not None:
        if bias.shape != (filters,):
            raise ValueError(f"conv2d: bias has shape {bias.shape}, expected ({filters},)")
        y += bias[:, None, None]
    if weight.dtype != x.dtype or x.dtype == object:
        raise TypeError(f"conv2d: weight has dtype {weight.dtype}, expected {x.dtype}")

    def pullback(grad_output):
        grad_x, grad_weight = np.zeros_like(x), np.zeros_like(weight)
        for i in range(height):
            for j in range(width):
                place = (slice(None), slice(None), slice(i, i + kernel_height))
                place = (*place, slice(j, j + kernel_width))
                grad = grad_output[:, :, i, j]
                grad_x[place] += np.einsum("no,ocab->ncab", grad, weight)
                grad_weight[:] += np.einsum("no,ncab->ocab", grad, x[place])
        return grad_x, grad_weight, None if bias is None else grad_output.sum((0, 2, 3))

    return y, pullback


def relu(x):
    """Return the positive part, and its gradient: 0 at 0, and NaN stays NaN."""
    if x.dtype == object:
        raise TypeError("relu: x is an array of objects")
    return np.maximum(x, 0), lambda grad_output: np.where(x <= 0, 0, grad_output).astype(x.dtype)


subject = Implementation("tutorial_cnn", {"conv2d": conv2d, "relu": relu})
