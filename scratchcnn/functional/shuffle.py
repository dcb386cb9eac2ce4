"""Shuffling: values between channels and pixels, or between groups of channels."""

from __future__ import annotations

import numpy as np

from scratchcnn.functional import _checks as check
from scratchcnn.functional._checks import Floats


def pixel_shuffle(x: Floats, upscale_factor: int) -> Floats:
    """Return `x` with each r² channels as one channel of r times the height and width.

    Parameters
    ----------
    x : ndarray (*, C r², H, W)
    upscale_factor : int
        The factor r.

    Returns
    -------
    ndarray (*, C, H r, W r)
        ``y[…, c, h r + i, w r + j] = x[…, c r² + i r + j, h, w]``.

    Raises
    ------
    TypeError
        If `x` is not of float32 or float64, or the factor is no integer.
    ValueError
        If `x` has fewer than three axes, or its channels are no multiple of r².

    References
    ----------
    .. [1] W. Shi et al., "Real-Time Single Image and Video Super-Resolution Using an Efficient
       Sub-Pixel Convolutional Neural Network", CVPR 2016.

    Examples
    --------
    >>> pixel_shuffle(np.arange(8.0).reshape(4, 1, 2), 2)
    array([[[0., 2., 1., 3.],
            [4., 6., 5., 7.]]])
    """
    return _shuffled("pixel_shuffle", "x", x, _factor("pixel_shuffle", "upscale", upscale_factor))


def pixel_shuffle_grad(grad_output: Floats, *, upscale_factor: int) -> Floats:
    """Return the gradient of `x`: ``pixel_unshuffle(grad_output)``."""
    name = "pixel_shuffle_grad"
    return _unshuffled(name, "grad_output", grad_output, _factor(name, "upscale", upscale_factor))


def pixel_unshuffle(x: Floats, downscale_factor: int) -> Floats:
    """Return `x` with each block of r by r pixels as r² channels.

    Parameters
    ----------
    x : ndarray (*, C, H r, W r)
    downscale_factor : int
        The factor r.

    Returns
    -------
    ndarray (*, C r², H, W)
        ``y[…, c r² + i r + j, h, w] = x[…, c, h r + i, w r + j]``: the inverse of
        `pixel_shuffle`.

    Raises
    ------
    TypeError
        If `x` is not of float32 or float64, or the factor is no integer.
    ValueError
        If `x` has fewer than three axes, or its height or width is no multiple of r.

    References
    ----------
    .. [1] W. Shi et al., "Real-Time Single Image and Video Super-Resolution Using an Efficient
       Sub-Pixel Convolutional Neural Network", CVPR 2016, for the inverse.

    Examples
    --------
    >>> pixel_unshuffle(np.arange(4.0).reshape(1, 2, 2), 2).shape
    (4, 1, 1)
    """
    name = "pixel_unshuffle"
    return _unshuffled(name, "x", x, _factor(name, "downscale", downscale_factor))


def pixel_unshuffle_grad(grad_output: Floats, *, downscale_factor: int) -> Floats:
    """Return the gradient of `x`: ``pixel_shuffle(grad_output)``."""
    name = "pixel_unshuffle_grad"
    return _shuffled(name, "grad_output", grad_output, _factor(name, "downscale", downscale_factor))


def channel_shuffle(x: Floats, groups: int) -> Floats:
    """Return `x` with its channels dealt out: one of each group in turn.

    Parameters
    ----------
    x : ndarray (N, groups K, L), (N, groups K, H, W), …
    groups : int

    Returns
    -------
    ndarray, same shape as `x`
        ``y[n, k groups + g] = x[n, g K + k]``.

    Raises
    ------
    TypeError
        If `x` is not of float32 or float64, or `groups` is no integer.
    ValueError
        If `x` has fewer than three axes, or its channels are no multiple of `groups`.

    References
    ----------
    .. [1] X. Zhang et al., "ShuffleNet: An Extremely Efficient Convolutional Neural Network for
       Mobile Devices", CVPR 2018.

    Examples
    --------
    >>> channel_shuffle(np.arange(6.0).reshape(1, 6, 1), 2).ravel()
    array([0., 3., 1., 4., 2., 5.])
    """
    return _dealt("channel_shuffle", "x", x, groups, collect=False)


def channel_shuffle_grad(grad_output: Floats, *, groups: int) -> Floats:
    """Return the gradient of `x`: the channels of `grad_output` collected into their groups."""
    return _dealt("channel_shuffle_grad", "grad_output", grad_output, groups, collect=True)


def _factor(function: str, direction: str, value: int) -> int:
    return check.whole(function, f"{direction}_factor", value, 1)


def _image(function: str, name: str, x: Floats) -> None:
    """Raise unless `x` is an array of floats with the axes of an image."""
    check.floats(function, **{name: x})
    if x.ndim < 3:
        raise ValueError(
            f"{function}: {name} has {x.ndim} dimensions, shape {x.shape}, "
            "expected at least 3: (..., C, H, W)"
        )


def _shuffled(function: str, name: str, x: Floats, factor: int) -> Floats:
    _image(function, name, x)
    *lead, channels, height, width = x.shape
    if channels % factor**2:
        raise ValueError(
            f"{function}: {name} has {channels} channels, expected a multiple of {factor}**2"
        )
    fewer = channels // factor**2
    parts = x.reshape(*lead, fewer, factor, factor, height, width)
    # (C, i, j, H, W) → (C, H, i, W, j)
    moved = np.moveaxis(parts, (-4, -3), (-3, -1))
    return np.array(moved, order="C").reshape(*lead, fewer, height * factor, width * factor)


def _unshuffled(function: str, name: str, x: Floats, factor: int) -> Floats:
    _image(function, name, x)
    *lead, channels, height, width = x.shape
    if height % factor or width % factor:
        raise ValueError(
            f"{function}: {name} has height and width {(height, width)}, "
            f"expected multiples of {factor}"
        )
    height, width = height // factor, width // factor
    parts = x.reshape(*lead, channels, height, factor, width, factor)
    # (C, H, i, W, j) → (C, i, j, H, W)
    moved = np.moveaxis(parts, (-3, -1), (-4, -3))
    return np.array(moved, order="C").reshape(*lead, channels * factor**2, height, width)


def _dealt(function: str, name: str, x: Floats, groups: int, collect: bool) -> Floats:
    _image(function, name, x)
    groups = check.whole(function, "groups", groups, 1)
    samples, channels, *size = x.shape
    if channels % groups:
        raise ValueError(
            f"{function}: {name} has {channels} channels, expected a multiple of {groups} groups"
        )
    table = (channels // groups, groups) if collect else (groups, channels // groups)
    parts = x.reshape(samples, *table, *size)
    return np.array(parts.swapaxes(1, 2), order="C").reshape(x.shape)
