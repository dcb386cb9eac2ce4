"""What losses share: reductions, broadcasting, and the checks of their arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from scratchcnn.functional import _checks as check
from scratchcnn.functional._checks import Floats


def reduce(losses: Floats, reduction: str, count: Any = None) -> Floats:
    """Return `losses` as they are, their sum, or their sum over a count (of all, by default)."""
    if reduction == "none":
        return np.asarray(losses, order="C")[()]
    total = losses.sum(dtype=losses.dtype)
    if reduction == "sum":
        return np.asarray(total)[()]
    return np.asarray(total / losses.dtype.type(losses.size if count is None else count))[()]


def reduce_grad(grad_output: Floats, reduction: str, count: Any) -> Floats:
    """Return the gradient of the unreduced losses: an array that broadcasts to their shape."""
    if reduction in ("none", "sum"):
        return grad_output
    return np.asarray(grad_output / grad_output.dtype.type(count))


def unbroadcast(grad: Floats, shape: tuple[int, ...]) -> Floats:
    """Return the gradient of an array of `shape` that was broadcast: sums over the copies."""
    added = grad.ndim - len(shape)
    copied = (
        axis
        for axis, size in enumerate(grad.shape)
        if axis < added or (shape[axis - added] == 1 and size != 1)
    )
    axes = tuple(copied)
    if axes:
        # Pairwise summation, whose error does not grow with the count, needs neighbours.
        last = np.moveaxis(grad, axes, range(-len(axes), 0))
        rest = last.shape[: -len(axes)]
        count = np.prod([grad.shape[axis] for axis in axes], dtype=int)
        grad = np.ascontiguousarray(last).reshape(*rest, count).sum(-1).reshape(shape)
    return np.asarray(grad, order="C")


def check_grad_output(
    function: str,
    grad_output: Floats,
    shape: tuple[int, ...],
    reduction: str,
    reductions: tuple[str, ...] = check.REDUCTIONS,
) -> None:
    """Raise ValueError unless `grad_output` has the shape of the reduced losses."""
    check.choice(function, "reduction", reduction, reductions)
    check.shape(function, "grad_output", grad_output, shape if reduction == "none" else ())


def check_pair(function: str, x: Floats, target: Floats, reduction: str, **others: Any) -> None:
    """Check the arrays of a loss, and those `others` that broadcast to `x`."""
    check.choice(function, "reduction", reduction, check.REDUCTIONS)
    if "grad_output" in others:
        grad_output = others.pop("grad_output")
        check.floats(function, others, grad_output=grad_output, x=x, target=target)
        check_grad_output(function, grad_output, x.shape, reduction)
    else:
        check.floats(function, others, x=x, target=target)
    check.shape(function, "target", target, x.shape)
    for name, array in others.items():
        if array is not None:
            check_broadcasts(function, name, array, x.shape)


def check_broadcasts(function: str, name: str, array: NDArray[Any], shape: tuple[int, ...]) -> None:
    """Raise ValueError unless `array` broadcasts to `shape`."""
    sizes = zip(array.shape[::-1], shape[::-1], strict=False)
    if array.ndim > len(shape) or any(size not in (1, whole) for size, whole in sizes):
        raise ValueError(
            f"{function}: {name} has shape {array.shape}, expected one that broadcasts to {shape}"
        )


def common_shape(function: str, **shapes: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape to which the `shapes` of arrays broadcast, or raise ValueError."""
    try:
        return np.broadcast_shapes(*shapes.values())
    except ValueError:
        have = ", ".join(f"{name} has shape {shape}" for name, shape in shapes.items())
        raise ValueError(f"{function}: {have}; expected shapes that broadcast") from None


def above_zero(function: str, name: str, value: Any) -> float:
    """Return `value` as a float above 0."""
    number = check.real(function, name, value, -np.inf)
    if number <= 0:
        raise ValueError(f"{function}: {name} is {number:g}, expected more than 0")
    return number


def real_or_integers(function: str, name: str, array: Any, x: Floats) -> Floats:
    """Return an array of floats as it is, and one of integers in the dtype of `x`, or raise."""
    if isinstance(array, np.ndarray) and np.issubdtype(array.dtype, np.integer):
        return np.asarray(array.astype(x.dtype))
    check.floats(function, **{"x": x, name: array})
    return np.asarray(array)
