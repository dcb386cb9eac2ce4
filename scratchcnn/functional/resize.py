"""Resizing: the values of an image on a finer or a coarser grid.

All modes but "area", which is an adaptive pooling, are separable: each axis has a small sparse
matrix that takes the values at its old positions to those at its new ones, and the gradient is
its transpose.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from scratchcnn.functional import _checks as check
from scratchcnn.functional._checks import Floats, PerAxis
from scratchcnn.functional.adaptive import (
    adaptive_avg_pool1d,
    adaptive_avg_pool1d_grad,
    adaptive_avg_pool2d,
    adaptive_avg_pool2d_grad,
    adaptive_avg_pool3d,
    adaptive_avg_pool3d_grad,
)

Factors: TypeAlias = float | Sequence[float]

# Each mode: how many axes it resizes.
MODES = {
    "nearest": (1, 2, 3),
    "nearest-exact": (1, 2, 3),
    "linear": (1,),
    "bilinear": (2,),
    "bicubic": (2,),
    "trilinear": (3,),
    "area": (1, 2, 3),
}
_MEANS = {1: adaptive_avg_pool1d, 2: adaptive_avg_pool2d, 3: adaptive_avg_pool3d}
_MEAN_GRADS = {
    1: adaptive_avg_pool1d_grad,
    2: adaptive_avg_pool2d_grad,
    3: adaptive_avg_pool3d_grad,
}
ALIGNED = ("linear", "bilinear", "bicubic", "trilinear")
ANTIALIASED = ("bilinear", "bicubic")


class _Axis(NamedTuple):
    """One axis: its old and its new size, and how many old steps a new one is."""

    size: int
    output: int
    step: float


@check.ieee
def interpolate(
    x: Floats,
    size: PerAxis | None = None,
    *,
    scale_factor: Factors | None = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Floats:
    """Return `x` on a finer or coarser grid.

    Parameters
    ----------
    x : ndarray (N, C, L), (N, C, H, W) or (N, C, D, H, W)
    size : int or one for each axis, optional
        The new size; either this or `scale_factor`.
    scale_factor : float or one for each axis, optional
        How many times as large the new size is, rounded down.
    mode : str
        "nearest" is the value at or before the new position, "nearest-exact" the one nearest to
        the centre of the new pixel, "area" the mean over all pixels that the new one touches, each
        on one to three axes; "linear", "bilinear" and "trilinear" are straight lines between
        neighbours on one, two and three axes, "bicubic" is Keys' cubic with ``a = -0.75`` on two,
        whose neighbours beyond the border are its outermost ones.
    align_corners : bool, optional
        Whether the centres of the outermost old and new pixels coincide, not the edges of the
        image; False if None, and to be None for "nearest", "nearest-exact" and "area".
    recompute_scale_factor : bool, optional
        Whether new positions are computed from the sizes, not from `scale_factor`. It matters
        where rounding the size down has changed the ratio.
    antialias : bool
        Whether "bilinear" and "bicubic" (then with ``a = -0.5``) become wide enough for a coarser
        grid to see all values.

    Returns
    -------
    ndarray (N, C, *size)
        ``y[i] = Σ k(c_i - p) x[p]`` along each axis, with the kernel k of the mode and the new
        position ``c_i = step (i + 1/2) - 1/2``, or ``step i`` with corners aligned. "nearest"
        computes positions in float32, whatever `x` is. An axis that keeps its size is not changed
        by "linear", "bilinear" and "trilinear", with `antialias`, nor by "nearest" on two axes,
        even if the factor is not 1; nor does the factor count where the latter doubles a size.

    Raises
    ------
    TypeError
        If `x` is not of float32 or float64, or a parameter is not of its type.
    ValueError
        If the rank or a parameter does not fit, or the new image would be empty.

    References
    ----------
    .. [1] R. Keys, "Cubic Convolution Interpolation for Digital Image Processing", IEEE
       Transactions on Acoustics, Speech, and Signal Processing 29(6), 1981.

    Examples
    --------
    >>> x = np.array([[[0.0, 4.0]]])
    >>> interpolate(x, scale_factor=2.0)
    array([[[0., 0., 4., 4.]]])
    >>> interpolate(x, 4, mode="linear")
    array([[[0., 1., 3., 4.]]])
    """
    check.floats("interpolate", x=x)
    axes = _axes(
        "interpolate",
        x.shape,
        size,
        scale_factor,
        mode,
        align_corners,
        recompute_scale_factor,
        antialias,
    )
    if mode == "area":
        return _MEANS[len(axes)](x, tuple(axis.output for axis in axes))
    for place, axis in enumerate(axes, 2):
        matrix = _matrix(x.dtype, axis, len(axes), mode, bool(align_corners), antialias)
        x = _along(place, matrix, x)
    return x


@check.ieee
def interpolate_grad(
    grad_output: Floats,
    *,
    input_shape: tuple[int, ...],
    size: PerAxis | None = None,
    scale_factor: Factors | None = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Floats:
    """Return the gradient of `x`: ``Σ k(c_i - p) grad_output[i]`` along each axis."""
    name = "interpolate_grad"
    check.floats(name, grad_output=grad_output)
    input_shape = check.sizes(name, "input_shape", input_shape)
    axes = _axes(
        name,
        input_shape,
        size,
        scale_factor,
        mode,
        align_corners,
        recompute_scale_factor,
        antialias,
    )
    expected = (*input_shape[:2], *(axis.output for axis in axes))
    check.shape(name, "grad_output", grad_output, expected)
    if mode == "area":
        mean_grad = _MEAN_GRADS[len(axes)]
        return mean_grad(grad_output, input_shape=input_shape, output_size=expected[2:])
    for place, axis in enumerate(axes, 2):
        matrix = _matrix(grad_output.dtype, axis, len(axes), mode, bool(align_corners), antialias)
        grad_output = _along(place, matrix.T, grad_output)
    return grad_output


def _along(axis: int, matrix: Any, x: Floats) -> Floats:
    """Return the product of a sparse matrix with every line of `x` along an axis."""
    lines = np.moveaxis(x, axis, 0)
    product = matrix @ lines.reshape(len(lines), -1)
    return np.ascontiguousarray(
        np.moveaxis(product.reshape(len(product), *lines.shape[1:]), 0, axis)
    )


def _matrix(
    dtype: Any, axis: _Axis, axes: int, mode: str, align_corners: bool, antialias: bool
) -> Any:
    """Return the sparse matrix (new position, old position) of one axis."""
    # It costs a tenth of a second, which those who resize nothing need not wait for.
    from scipy import sparse

    if mode.startswith("nearest"):
        positions, weights = _nearest(axis, mode, axes)
    else:
        positions, weights = _kernel(axis, mode, align_corners, antialias)
    # What has no weight is not looked at: 0 times infinity would be NaN.
    row, tap = np.nonzero(weights)
    starts = np.searchsorted(row, np.arange(axis.output + 1))
    entries = (weights[row, tap].astype(dtype), positions[row, tap], starts)
    return sparse.csr_array(entries, shape=(axis.output, axis.size))


Table: TypeAlias = tuple[NDArray[np.intp], NDArray[np.float64]]


def _nearest(axis: _Axis, mode: str, axes: int) -> Table:
    """Return the one position of each new one, and its weight 1."""
    new = np.arange(axis.output)
    place = (new + (0.5 if mode == "nearest-exact" else 0)).astype(np.float32)
    old = np.floor(place * np.float32(axis.step)).astype(np.intp)
    if mode == "nearest" and axes == 2 and axis.output in (axis.size, 2 * axis.size):
        old = new * axis.size // axis.output
    return np.minimum(old, axis.size - 1)[:, None], np.ones((axis.output, 1))


def _kernel(axis: _Axis, mode: str, align_corners: bool, antialias: bool) -> Table:
    """Return the positions within reach of each new one, and the kernel's values there."""
    new = np.arange(axis.output)[:, None]
    center = axis.step * new if align_corners and not antialias else axis.step * (new + 0.5) - 0.5
    stretch = max(axis.step, 1.0) if antialias else 1.0
    if axis.output == axis.size and (mode != "bicubic" or antialias):
        center, stretch = new.astype(np.float64), 1.0
    kernel, radius = _KERNELS["bicubic antialiased" if antialias and mode == "bicubic" else mode]
    first = np.ceil(center - radius * stretch).astype(np.intp)
    positions = first + np.arange(int(2 * radius * stretch) + 1)
    weights = kernel(abs(positions - center) / stretch)
    inside = np.clip(positions, 0, axis.size - 1)
    if antialias:
        weights *= positions == inside
        weights /= weights.sum(1, keepdims=True)
    return inside, weights


def _hat(distance: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.maximum(1 - distance, 0)


def _cubic(a: float) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    """Return Keys' kernel, whose slope at distance 1 is `a`."""

    def kernel(d: NDArray[np.float64]) -> NDArray[np.float64]:
        near = ((a + 2) * d - (a + 3)) * d * d + 1
        far = a * (d - 1) * (d - 2) ** 2
        return np.where(d <= 1, near, np.where(d < 2, far, 0.0))

    return kernel


# Each mode: its kernel, a function of the distance, and how far it reaches.
_KERNELS = {
    "linear": (_hat, 1),
    "bilinear": (_hat, 1),
    "trilinear": (_hat, 1),
    "bicubic": (_cubic(-0.75), 2),
    "bicubic antialiased": (_cubic(-0.5), 2),
}


def _axes(
    function: str,
    shape: tuple[int, ...],
    size: PerAxis | None,
    scale_factor: Factors | None,
    mode: str,
    align_corners: bool | None,
    recompute_scale_factor: bool | None,
    antialias: bool,
) -> list[_Axis]:
    """Return how each axis is resized, or raise for what does not fit."""
    check.choice(function, "mode", mode, tuple(MODES))
    count = len(shape) - 2
    if count not in MODES[mode]:
        expected = " or ".join(check.AXES[axes] for axes in MODES[mode])
        raise ValueError(f"{function}: x has shape {shape}, expected {expected} with mode={mode!r}")
    if 0 in shape[1:]:
        raise ValueError(f"{function}: x has shape {shape}, expected no empty axis but N")
    check_flags(function, align_corners, recompute_scale_factor)
    check.flag(function, "antialias", antialias)
    if align_corners is not None and mode not in ALIGNED:
        raise ValueError(
            f"{function}: align_corners is {align_corners}, expected None with mode={mode!r}"
        )
    if antialias and mode not in ANTIALIASED:
        raise ValueError(
            f"{function}: antialias is {antialias}, expected False with mode={mode!r}; "
            "'bilinear' and 'bicubic' have it"
        )
    if (size is None) == (scale_factor is None):
        raise ValueError(
            f"{function}: size is {size} and scale_factor {scale_factor}, expected one of them"
        )
    if size is not None and recompute_scale_factor:
        raise ValueError(
            f"{function}: recompute_scale_factor is {recompute_scale_factor}, "
            f"expected None or False with size={size}"
        )
    if size is not None:
        output = check.per_axis(function, "size", size, count, 1)
        factors = None
    else:
        factors = _factors(function, scale_factor, count)
        output = tuple(int(n * factor) for n, factor in zip(shape[2:], factors, strict=True))
        if 0 in output:
            raise ValueError(
                f"{function}: scale_factor is {scale_factor}, but x has shape {shape}; "
                f"expected no empty axis, not {output}"
            )
    if recompute_scale_factor or mode == "area":
        factors = None
    steps = []
    for place, (old, new) in enumerate(zip(shape[2:], output, strict=True)):
        if align_corners:
            steps.append((old - 1) / (new - 1) if new > 1 else 0.0)
        else:
            steps.append(1 / factors[place] if factors else old / new)
    return list(map(_Axis, shape[2:], output, steps))


def check_flags(
    function: str, align_corners: bool | None, recompute_scale_factor: bool | None
) -> None:
    """Raise TypeError unless both are True, False or None."""
    if align_corners is not None:
        check.flag(function, "align_corners", align_corners)
    if recompute_scale_factor is not None:
        check.flag(function, "recompute_scale_factor", recompute_scale_factor)


def _factors(function: str, value: Any, axes: int) -> tuple[float, ...]:
    """Return one factor for each axis."""
    if not check.several(value):
        return (check.real(function, "scale_factor", value, 0, 1e9),) * axes
    if len(value) != axes:
        raise ValueError(
            f"{function}: scale_factor has {len(value)} values, {tuple(value)}, "
            f"expected one number or {axes}"
        )
    return tuple(check.real(function, "scale_factor", each, 0, 1e9) for each in value)
