"""Dropout, with an explicit source of randomness."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import numpy as np

from scratchcnn.functional import _checks as check
from scratchcnn.functional._checks import Floats

RNG: TypeAlias = np.random.Generator | int | None


class Dropout(NamedTuple):
    """The result of dropout and the mask that made it."""

    output: Floats
    mask: Floats


@check.ieee
def dropout(x: Floats, *, p: float = 0.5, training: bool = True, rng: RNG = None) -> Floats:
    """Return `x` with each element set to 0 with probability `p`, the others divided by ``1 - p``.

    Parameters
    ----------
    x : ndarray of any shape
    p : float
        The probability of a zero, from 0 to 1.
    training : bool
        If false, `x` comes back unchanged, as a copy.
    rng : numpy.random.Generator or int, optional
        The source of randomness or its seed; None takes fresh entropy.

    Returns
    -------
    ndarray, same shape and dtype as `x`
        ``y = x * mask / (1 - p)``, where an element of `mask` is 0 with probability `p` and else
        1. Its expected value is `x`; with ``p = 1`` it is 0.

    Raises
    ------
    TypeError
        If `x` is not of float32 or float64.
    ValueError
        If `p` is no probability.

    References
    ----------
    .. [1] N. Srivastava et al., "Dropout: A Simple Way to Prevent Neural Networks from
       Overfitting", JMLR 15, 2014.

    Examples
    --------
    >>> dropout(np.ones(6), p=0.5, rng=0)
    array([2., 0., 0., 0., 2., 2.])
    """
    return _dropout("dropout", x, p, training, rng).output


@check.ieee
def dropout_with_mask(
    x: Floats, *, p: float = 0.5, training: bool = True, rng: RNG = None
) -> Dropout:
    """Return what `dropout` returns, and the mask for its gradient.

    Parameters
    ----------
    x : ndarray of any shape
    p, training, rng
        As in `dropout`.

    Returns
    -------
    Dropout
        The output and its mask, 0 or ``1 / (1 - p)`` for each element; 1 if `training` is false.

    Raises
    ------
    TypeError, ValueError
        As `dropout`.

    Examples
    --------
    >>> dropout_with_mask(np.full(4, 3.0), p=0.5, rng=0)
    Dropout(output=array([6., 0., 0., 0.]), mask=array([2., 0., 0., 0.]))
    """
    return _dropout("dropout_with_mask", x, p, training, rng)


@check.ieee
def dropout_grad(grad_output: Floats, mask: Floats) -> Floats:
    """Return the gradient of `x`: ``grad_output * mask``, with the mask of the forward."""
    check.floats("dropout_grad", grad_output=grad_output, mask=mask)
    check.shape("dropout_grad", "grad_output", grad_output, mask.shape)
    return np.multiply(grad_output, mask, order="C")


@check.ieee
def dropout1d(x: Floats, *, p: float = 0.5, training: bool = True, rng: RNG = None) -> Floats:
    """Return `x` with whole channels set to 0 with probability `p`, others divided by ``1 - p``.

    Parameters
    ----------
    x : ndarray (N, C, L) or (C, L)
    p, training, rng
        As in `dropout`.

    Returns
    -------
    ndarray, same shape and dtype as `x`
        Its expected value is `x`.

    Raises
    ------
    TypeError, ValueError
        As `dropout2d`.

    Examples
    --------
    >>> dropout1d(np.ones((3, 2)), rng=0).ravel()
    array([2., 2., 0., 0., 0., 0.])
    """
    return _channels("dropout1d", x, ("(N, C, L)", "(C, L)"), p, training, rng).output


@check.ieee
def dropout1d_with_mask(
    x: Floats, *, p: float = 0.5, training: bool = True, rng: RNG = None
) -> Dropout:
    """Return what `dropout1d` returns, and the mask for its gradient.

    Parameters
    ----------
    x : ndarray (N, C, L) or (C, L)
    p, training, rng
        As in `dropout`.

    Returns
    -------
    Dropout
        The output and its mask (N, C, 1) or (C, 1): 0 or ``1 / (1 - p)`` for each
        channel; 1 if `training` is false.

    Raises
    ------
    TypeError, ValueError
        As `dropout1d`.

    Examples
    --------
    >>> dropout1d_with_mask(np.ones((3, 2)), rng=0).mask.ravel()
    array([2., 0., 0.])
    """
    return _channels("dropout1d_with_mask", x, ("(N, C, L)", "(C, L)"), p, training, rng)


@check.ieee
def dropout1d_grad(grad_output: Floats, mask: Floats) -> Floats:
    """Return the gradient of `x`: ``grad_output * mask``, with the mask of the forward."""
    return _channels_grad("dropout1d_grad", grad_output, mask)


@check.ieee
def dropout2d(x: Floats, *, p: float = 0.5, training: bool = True, rng: RNG = None) -> Floats:
    """Return `x` with whole channels set to 0 with probability `p`, others divided by ``1 - p``.

    Parameters
    ----------
    x : ndarray (N, C, H, W) or (N, C, L)
        As in PyTorch, three axes are a batch here, not a single image.
    p, training, rng
        As in `dropout`.

    Returns
    -------
    ndarray, same shape and dtype as `x`
        ``y[n, c] = x[n, c] * mask[n, c] / (1 - p)``, where an element of `mask` is 0 with
        probability `p` and else 1. Its expected value is `x`; with ``p = 1`` it is 0.

    Raises
    ------
    TypeError
        If `x` is not of float32 or float64.
    ValueError
        If `x` has another number of axes, or `p` is no probability.

    References
    ----------
    .. [1] J. Tompson et al., "Efficient Object Localization Using Convolutional Networks",
       CVPR 2015.

    Examples
    --------
    >>> dropout2d(np.ones((1, 3, 1, 2)), rng=0)
    array([[[[2., 2.]],
    <BLANKLINE>
            [[0., 0.]],
    <BLANKLINE>
            [[0., 0.]]]])
    """
    return _channels("dropout2d", x, ("(N, C, H, W)", "(N, C, L)"), p, training, rng).output


@check.ieee
def dropout2d_with_mask(
    x: Floats, *, p: float = 0.5, training: bool = True, rng: RNG = None
) -> Dropout:
    """Return what `dropout2d` returns, and the mask for its gradient.

    Parameters
    ----------
    x : ndarray (N, C, H, W) or (N, C, L)
    p, training, rng
        As in `dropout`.

    Returns
    -------
    Dropout
        The output and its mask (N, C, 1, 1) or (N, C, 1): 0 or ``1 / (1 - p)`` for each
        channel; 1 if `training` is false.

    Raises
    ------
    TypeError, ValueError
        As `dropout2d`.

    Examples
    --------
    >>> dropout2d_with_mask(np.ones((1, 3, 1, 2)), rng=0).mask.ravel()
    array([2., 0., 0.])
    """
    return _channels("dropout2d_with_mask", x, ("(N, C, H, W)", "(N, C, L)"), p, training, rng)


@check.ieee
def dropout2d_grad(grad_output: Floats, mask: Floats) -> Floats:
    """Return the gradient of `x`: ``grad_output * mask``, with the mask of the forward."""
    return _channels_grad("dropout2d_grad", grad_output, mask)


@check.ieee
def dropout3d(x: Floats, *, p: float = 0.5, training: bool = True, rng: RNG = None) -> Floats:
    """Return `x` with whole channels set to 0 with probability `p`, others divided by ``1 - p``.

    Parameters
    ----------
    x : ndarray (N, C, D, H, W) or (C, D, H, W)
    p, training, rng
        As in `dropout`.

    Returns
    -------
    ndarray, same shape and dtype as `x`
        Its expected value is `x`.

    Raises
    ------
    TypeError, ValueError
        As `dropout2d`.

    Examples
    --------
    >>> dropout3d(np.ones((3, 1, 1, 2)), rng=0).ravel()
    array([2., 2., 0., 0., 0., 0.])
    """
    return _channels("dropout3d", x, ("(N, C, D, H, W)", "(C, D, H, W)"), p, training, rng).output


@check.ieee
def dropout3d_with_mask(
    x: Floats, *, p: float = 0.5, training: bool = True, rng: RNG = None
) -> Dropout:
    """Return what `dropout3d` returns, and the mask for its gradient.

    Parameters
    ----------
    x : ndarray (N, C, D, H, W) or (C, D, H, W)
    p, training, rng
        As in `dropout`.

    Returns
    -------
    Dropout
        The output and its mask (N, C, 1, 1, 1) or (C, 1, 1, 1): 0 or ``1 / (1 - p)`` for each
        channel; 1 if `training` is false.

    Raises
    ------
    TypeError, ValueError
        As `dropout3d`.

    Examples
    --------
    >>> dropout3d_with_mask(np.ones((3, 1, 1, 2)), rng=0).mask.ravel()
    array([2., 0., 0.])
    """
    axes = ("(N, C, D, H, W)", "(C, D, H, W)")
    return _channels("dropout3d_with_mask", x, axes, p, training, rng)


@check.ieee
def dropout3d_grad(grad_output: Floats, mask: Floats) -> Floats:
    """Return the gradient of `x`: ``grad_output * mask``, with the mask of the forward."""
    return _channels_grad("dropout3d_grad", grad_output, mask)


def _channels(
    function: str, x: Floats, axes: tuple[str, str], p: float, training: bool, rng: RNG
) -> Dropout:
    """Return a dropout of whole channels of `x`, which has the one or the other axes."""
    check.floats(function, x=x)
    fitting = [each for each in axes if each.count(",") + 1 == x.ndim]
    if not fitting:
        raise ValueError(
            f"{function}: x has {x.ndim} dimensions, shape {x.shape}, expected {' or '.join(axes)}"
        )
    kept = x.shape[: 2 if fitting[0].startswith("(N") else 1]
    return _dropout(function, x, p, training, rng, (*kept, *(1,) * (x.ndim - len(kept))))


def _channels_grad(function: str, grad_output: Floats, mask: Floats) -> Floats:
    check.floats(function, grad_output=grad_output, mask=mask)
    check_mask(function, grad_output, mask)
    return np.multiply(grad_output, mask, order="C")


def check_mask(function: str, grad_output: Floats, mask: Floats) -> None:
    """Raise ValueError unless the mask has the channels of a gradient, and then axes of 1."""
    shape = grad_output.shape
    if mask.shape not in [(*shape[:k], *(1,) * (len(shape) - k)) for k in (1, 2)]:
        raise ValueError(
            f"{function}: mask has shape {mask.shape}, expected one for the channels of "
            f"grad_output, which has {grad_output.shape}"
        )


def _dropout(
    function: str,
    x: Floats,
    p: float,
    training: bool,
    rng: RNG,
    shape: tuple[int, ...] | None = None,
) -> Dropout:
    """Return a dropout with a mask of `shape`, or that of `x`."""
    check.floats(function, x=x)
    p = check.real(function, "p", p, 0, 1)
    check.flag(function, "training", training)
    shape = x.shape if shape is None else shape
    if not training:
        return Dropout(x.copy(), np.ones(shape, x.dtype))
    kept = check.generator(function, rng).random(shape) >= p
    scale = x.dtype.type(1 / (1 - p)) if p < 1 else x.dtype.type(0)
    mask = np.where(kept, scale, x.dtype.type(0))
    return Dropout(np.multiply(x, mask, order="C"), mask)
