"""Cross-correlation and convolution of two arrays of any number of axes.

Cross-correlation slides the kernel as it is; convolution slides it flipped along every axis.
Both follow :func:`scipy.signal.correlate` and :func:`scipy.signal.convolve` for real arrays,
but refuse a kernel that is larger than `x` in mode ``"valid"``, where SciPy would silently
exchange the two.
"""

from __future__ import annotations

import string

import numpy as np

from scratchcnn.functional import _checks as check
from scratchcnn.functional._checks import Floats
from scratchcnn.functional.geometry import Windows, interior, padded, window_view

MODES = ("full", "valid", "same")


@check.ieee
def correlate(x: Floats, kernel: Floats, *, mode: str = "full") -> Floats:
    """Return the cross-correlation of `x` with `kernel`.

    Parameters
    ----------
    x : ndarray (H, W), or any other number of axes
    kernel : ndarray (KH, KW), as many axes as `x`
    mode : {"full", "valid", "same"}
        ``"full"`` (H + KH - 1, …): wherever the two overlap; ``"valid"`` (H - KH + 1, …):
        where the kernel lies inside `x`; ``"same"`` (H, …): the centre of ``"full"``. An even
        kernel has its extra tap before `x`, as in SciPy; PyTorch pads after it instead.

    Returns
    -------
    ndarray
        With ``x`` taken as 0 outside its bounds and ``before`` the rows added in front
        (KH - 1, 0 or KH // 2):
        ``y[i, j] = sum(x[i + a - before, j + b - before] * kernel[a, b] for a, b)``.

    Raises
    ------
    TypeError
        If an array is not of float32 or float64, or the dtypes differ.
    ValueError
        If the number of axes differs, an array is empty, or the kernel does not fit.

    References
    ----------
    .. [1] I. Goodfellow, Y. Bengio and A. Courville, "Deep Learning", MIT Press, 2016, section
       9.1.

    Examples
    --------
    >>> x, kernel = np.array([1.0, 2.0, 3.0]), np.array([1.0, 10.0])
    >>> correlate(x, kernel, mode="valid")
    array([21., 32.])
    >>> correlate(x, kernel)
    array([10., 21., 32.,  3.])
    """
    windows = _windows("correlate", x, kernel, mode)
    return _slide(padded(x, windows), kernel)


@check.ieee
def correlate_input_grad(
    grad_output: Floats, kernel: Floats, *, input_shape: tuple[int, ...], mode: str = "full"
) -> Floats:
    """Return the gradient of `x`: the full convolution of `grad_output` with `kernel`, cropped."""
    windows = _grad_windows(
        "correlate_input_grad", grad_output, input_shape, None, mode, kernel=kernel
    )
    full = _slide(padded(grad_output, _spread(grad_output.shape, kernel.shape)), np.flip(kernel))
    return np.ascontiguousarray(full[interior(windows.before, input_shape)])


@check.ieee
def correlate_kernel_grad(
    grad_output: Floats, x: Floats, *, kernel_shape: tuple[int, ...], mode: str = "full"
) -> Floats:
    """Return the gradient of the kernel: the valid correlation of padded `x` with `grad_output`."""
    windows = _grad_windows("correlate_kernel_grad", grad_output, None, kernel_shape, mode, x=x)
    return _slide(padded(x, windows), grad_output)


@check.ieee
def convolve(x: Floats, kernel: Floats, *, mode: str = "full") -> Floats:
    """Return the convolution of `x` with `kernel`: the correlation with the flipped kernel.

    Parameters
    ----------
    x : ndarray (H, W), or any other number of axes
    kernel : ndarray (KH, KW), as many axes as `x`
    mode : {"full", "valid", "same"}
        As in `correlate`.

    Returns
    -------
    ndarray
        In mode ``"full"``:
        ``y[i, j] = sum(x[i - a, j - b] * kernel[a, b] for a, b)``.

    Raises
    ------
    TypeError, ValueError
        As `correlate`.

    References
    ----------
    .. [1] I. Goodfellow, Y. Bengio and A. Courville, "Deep Learning", MIT Press, 2016, section
       9.1.

    Examples
    --------
    >>> convolve(np.array([1.0, 2.0, 3.0]), np.array([1.0, 10.0]))
    array([ 1., 12., 23., 30.])
    """
    windows = _windows("convolve", x, kernel, mode)
    return _slide(padded(x, windows), np.flip(kernel))


@check.ieee
def convolve_input_grad(
    grad_output: Floats, kernel: Floats, *, input_shape: tuple[int, ...], mode: str = "full"
) -> Floats:
    """Return the gradient of `x`: the full correlation of `grad_output` with `kernel`, cropped."""
    windows = _grad_windows(
        "convolve_input_grad", grad_output, input_shape, None, mode, kernel=kernel
    )
    full = _slide(padded(grad_output, _spread(grad_output.shape, kernel.shape)), kernel)
    return np.ascontiguousarray(full[interior(windows.before, input_shape)])


@check.ieee
def convolve_kernel_grad(
    grad_output: Floats, x: Floats, *, kernel_shape: tuple[int, ...], mode: str = "full"
) -> Floats:
    """Return the gradient of the kernel: that of `correlate`, flipped along every axis."""
    windows = _grad_windows("convolve_kernel_grad", grad_output, None, kernel_shape, mode, x=x)
    return np.flip(_slide(padded(x, windows), grad_output)).copy()


def _slide(x: Floats, kernel: Floats) -> Floats:
    """Return the valid cross-correlation."""
    axes = len(kernel.shape)
    output = tuple(size - taps + 1 for size, taps in zip(x.shape, kernel.shape, strict=True))
    ones, zeros = (1,) * axes, (0,) * axes
    view = window_view(x, Windows(kernel.shape, ones, zeros, zeros, ones, output))
    taps, moves = string.ascii_lowercase[:axes], string.ascii_uppercase[:axes]
    # einsum reads the windows in place; a matrix product would first copy all of them.
    return np.asarray(np.einsum(f"{taps}{moves},{taps}->{moves}", view, kernel))


def _spread(shape: tuple[int, ...], kernel: tuple[int, ...]) -> Windows:
    """Return the geometry of the full mode."""
    edges = tuple(taps - 1 for taps in kernel)
    ones = (1,) * len(kernel)
    output = tuple(size + edge for size, edge in zip(shape, edges, strict=True))
    return Windows(kernel, ones, edges, edges, ones, output)


def _geometry(function: str, shape: tuple[int, ...], kernel: tuple[int, ...], mode: str) -> Windows:
    check.choice(function, "mode", mode, MODES)
    if len(kernel) != len(shape) or not shape:
        raise ValueError(
            f"{function}: kernel has {len(kernel)} dimensions, but x has {len(shape)}; "
            "expected the same number, at least 1"
        )
    if len(shape) > len(string.ascii_lowercase):
        raise ValueError(f"{function}: x has {len(shape)} dimensions, expected at most 26")
    if 0 in shape or 0 in kernel:
        raise ValueError(f"{function}: x has shape {shape} and kernel {kernel}, expected no axis 0")
    windows = _spread(shape, kernel)
    if mode == "full":
        return windows
    if mode == "same":
        before = tuple(taps // 2 for taps in kernel)
        after = tuple((taps - 1) // 2 for taps in kernel)
        return windows._replace(before=before, after=after, output=shape)
    output = tuple(size - taps + 1 for size, taps in zip(shape, kernel, strict=True))
    if min(output) < 1:
        raise ValueError(
            f"{function}: kernel has shape {kernel}, but x has {shape}; "
            "expected a kernel that lies inside x in mode 'valid'"
        )
    zeros = (0,) * len(shape)
    return windows._replace(before=zeros, after=zeros, output=output)


def _windows(function: str, x: Floats, kernel: Floats, mode: str) -> Windows:
    check.floats(function, x=x, kernel=kernel)
    return _geometry(function, x.shape, kernel.shape, mode)


def _grad_windows(
    function: str,
    grad_output: Floats,
    shape: tuple[int, ...] | None,
    kernel_shape: tuple[int, ...] | None,
    mode: str,
    **other: Floats,
) -> Windows:
    """Return the geometry of the forward; the shape that is None is that of the array given."""
    check.floats(function, grad_output=grad_output, **other)
    ((_, array),) = other.items()
    inputs = array.shape if shape is None else check.sizes(function, "input_shape", shape)
    kernel = array.shape
    if kernel_shape is not None:
        kernel = check.sizes(function, "kernel_shape", kernel_shape)
    windows = _geometry(function, inputs, kernel, mode)
    check.shape(function, "grad_output", grad_output, windows.output)
    return windows
