"""The fully connected product, and the flattening before it."""

from __future__ import annotations

import math

import numpy as np

from scratchcnn.functional import _checks as check
from scratchcnn.functional._checks import Floats


@check.ieee
def linear(x: Floats, weight: Floats, bias: Floats | None = None) -> Floats:
    """Return ``x @ weight.T + bias``.

    Parameters
    ----------
    x : ndarray (..., C)
    weight : ndarray (O, C)
    bias : ndarray (O,), optional

    Returns
    -------
    ndarray (..., O)
        ``y[..., o] = sum(x[..., c] * weight[o, c] for c) + bias[o]``.

    Raises
    ------
    TypeError
        If an array is not of float32 or float64, or the dtypes differ.
    ValueError
        If the sizes do not fit each other.

    References
    ----------
    .. [1] D. E. Rumelhart, G. E. Hinton and R. J. Williams, "Learning Representations by
       Back-Propagating Errors", Nature 323, 1986.

    Examples
    --------
    >>> linear(np.array([[1.0, 2.0]]), np.array([[3.0, 4.0], [5.0, 6.0]]), np.array([0.5, 0.0]))
    array([[11.5, 17. ]])
    """
    check.floats("linear", {"bias": bias}, x=x, weight=weight)
    _fit("linear", x.shape, weight.shape)
    if bias is not None:
        check.shape("linear", "bias", bias, weight.shape[:1])
    y = x @ weight.T
    return np.asarray(y if bias is None else y + bias)


@check.ieee
def linear_input_grad(grad_output: Floats, weight: Floats) -> Floats:
    """Return the gradient of `x`: ``grad_output @ weight``."""
    check.floats("linear_input_grad", grad_output=grad_output, weight=weight)
    _fit("linear_input_grad", grad_output.shape, weight.shape[::-1], "grad_output")
    return np.asarray(grad_output @ weight)


@check.ieee
def linear_weight_grad(grad_output: Floats, x: Floats) -> Floats:
    """Return the gradient of `weight`: ``grad_output.T @ x``, summed over all leading axes."""
    check.floats("linear_weight_grad", grad_output=grad_output, x=x)
    if not x.ndim or not grad_output.ndim or grad_output.shape[:-1] != x.shape[:-1]:
        raise ValueError(
            f"linear_weight_grad: grad_output has shape {grad_output.shape}, but x has {x.shape}; "
            "expected the same leading axes"
        )
    rows = math.prod(x.shape[:-1])
    return grad_output.reshape(rows, grad_output.shape[-1]).T @ x.reshape(rows, x.shape[-1])


@check.ieee
def linear_bias_grad(grad_output: Floats) -> Floats:
    """Return the gradient of `bias`: the sum of `grad_output` over all leading axes."""
    check.floats("linear_bias_grad", grad_output=grad_output)
    if not grad_output.ndim:
        raise ValueError("linear_bias_grad: grad_output has shape (), expected (..., O)")
    return np.asarray(grad_output.sum(tuple(range(grad_output.ndim - 1))))


def flatten(x: Floats, *, start_dim: int = 0, end_dim: int = -1) -> Floats:
    """Return `x` with the axes from `start_dim` to `end_dim` made one, in row-major order.

    Parameters
    ----------
    x : ndarray of any shape
    start_dim, end_dim : int
        The first and the last of the joined axes. As in PyTorch the function starts at axis 0,
        the layer `scratchcnn.nn.Flatten` at axis 1.

    Returns
    -------
    ndarray
        ``y[..., (i * J + j) * K + k, ...] = x[..., i, j, k, ...]`` where three axes are joined, of
        lengths I, J and K. A copy; an array without axes becomes one of shape (1,).

    Raises
    ------
    TypeError
        If `x` is not of float32 or float64, or an axis is no integer.
    ValueError
        If `x` lacks an axis, or `end_dim` comes before `start_dim`.

    Examples
    --------
    >>> flatten(np.zeros((2, 3, 4)), start_dim=1).shape
    (2, 12)
    """
    check.floats("flatten", x=x)
    first = check.axis("flatten", "start_dim", start_dim, max(x.ndim, 1))
    last = check.axis("flatten", "end_dim", end_dim, max(x.ndim, 1))
    if last < first:
        raise ValueError(
            f"flatten: start_dim is {start_dim} and end_dim {end_dim}, "
            "expected start_dim not after end_dim"
        )
    joined = math.prod(x.shape[first : last + 1])
    return x.reshape(*x.shape[:first], joined, *x.shape[last + 1 :]).copy()


def flatten_grad(grad_output: Floats, *, input_shape: tuple[int, ...]) -> Floats:
    """Return the gradient of `x`: `grad_output` in the shape of `x`."""
    check.floats("flatten_grad", grad_output=grad_output)
    input_shape = check.sizes("flatten_grad", "input_shape", input_shape)
    if grad_output.size != math.prod(input_shape):
        raise ValueError(
            f"flatten_grad: grad_output has shape {grad_output.shape}, "
            f"expected as many elements as {input_shape}"
        )
    return grad_output.reshape(input_shape).copy()


def _fit(function: str, shape: tuple[int, ...], weight: tuple[int, ...], name: str = "x") -> None:
    if len(weight) != 2:
        raise ValueError(f"{function}: weight has {len(weight)} dimensions, expected 2: (O, C)")
    if not shape or shape[-1] != weight[1]:
        side = "input" if name == "x" else "output"
        raise ValueError(
            f"{function}: weight has {weight[1]} {side} features, but {name} has shape {shape}"
        )
