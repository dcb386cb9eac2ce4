"""Batch and instance normalization: channels of mean 0 and variance 1.

Instance normalization is batch normalization of samples that are channels of their own, so the
two share everything but how often the arrays of a channel are repeated.
"""

from __future__ import annotations

from scratchcnn.functional import _checks as check
from scratchcnn.functional._checks import Floats
from scratchcnn.functional._normalization import (
    NormalizationGrads,
    RunningStatistics,
    checked,
    normalized,
    normalized_grads,
    statistics,
)


@check.ieee
def batch_norm(
    x: Floats,
    running_mean: Floats | None,
    running_var: Floats | None,
    weight: Floats | None = None,
    bias: Floats | None = None,
    *,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Floats:
    """Return each channel with its mean taken off and its standard deviation divided out.

    Parameters
    ----------
    x : ndarray (N, C) or (N, C, ...)
        With any number of spatial axes.
    running_mean, running_var : ndarray (C,), or None
        What is taken for mean and variance unless `training`. They are never written; the new
        ones are the result of `batch_norm_statistics`.
    weight, bias : ndarray (C,), optional
        Scale and shift of each channel; ones and zeros if None.
    training : bool
        Whether mean and variance are those of `x`, over N and the spatial axes.
    momentum : float
        Of `batch_norm_statistics`; it has no influence here.
    eps : float
        Added to the variance, against a division by 0.

    Returns
    -------
    ndarray, same shape and dtype as `x`
        ``y = (x - mean) / sqrt(var + eps) * weight + bias``, with the biased variance
        ``var = sum((x - mean)**2) / n`` in training.

    Raises
    ------
    TypeError
        If an array is not of float32 or float64, or a parameter is no number.
    ValueError
        If a shape does not fit, the running statistics are needed but missing, or a channel has
        one value only in training.

    References
    ----------
    .. [1] S. Ioffe and C. Szegedy, "Batch Normalization: Accelerating Deep Network Training by
       Reducing Internal Covariate Shift", ICML 2015.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([[1.0, 10.0], [3.0, 30.0]])
    >>> batch_norm(x, None, None, training=True).round(3)
    array([[-1., -1.],
           [ 1.,  1.]])
    >>> batch_norm(x, np.array([1.0, 10.0]), np.array([4.0, 100.0]), eps=0.0)
    array([[0., 0.],
           [1., 2.]])
    """
    name = "batch_norm"
    running, affine = (running_mean, running_var), {"weight": weight, "bias": bias}
    eps = checked(name, {"x": x}, running, affine, False, training, eps)
    check.real(name, "momentum", momentum, 0)
    if training and eps == 0:
        raise ValueError(f"{name}: eps is 0, expected a positive number in training")
    return normalized(x, running, (weight, bias), False, training, eps)


@check.ieee
def batch_norm_grads(
    grad_output: Floats,
    x: Floats,
    running_mean: Floats | None = None,
    running_var: Floats | None = None,
    weight: Floats | None = None,
    *,
    training: bool = False,
    eps: float = 1e-5,
) -> NormalizationGrads:
    """Return all gradients: ``(h - mean(h) - s * mean(h * s)) / d``, ``Σ g * s`` and ``Σ g``."""
    running, arrays = (running_mean, running_var), {"grad_output": grad_output, "x": x}
    eps = checked("batch_norm_grads", arrays, running, {"weight": weight}, False, training, eps)
    return normalized_grads(grad_output, x, running, weight, False, training, eps)


@check.ieee
def batch_norm_statistics(
    x: Floats, running_mean: Floats, running_var: Floats, *, momentum: float = 0.1
) -> RunningStatistics:
    """Return the running statistics after a training batch.

    Parameters
    ----------
    x : ndarray (N, C) or (N, C, ...)
    running_mean, running_var : ndarray (C,)
        The statistics before it.
    momentum : float
        The weight of the new batch, at least 0; above 1 the statistics go beyond it. For the mean
        of all batches, it is 1 over their number.

    Returns
    -------
    RunningStatistics
        ``(1 - momentum) * running + momentum * new``, with the unbiased variance
        ``sum((x - mean)**2) / (n - 1)``, although `batch_norm` divides by the biased one.
        A batch of no samples changes nothing.

    Raises
    ------
    TypeError, ValueError
        As `batch_norm` in training.

    References
    ----------
    .. [1] S. Ioffe and C. Szegedy, "Batch Normalization: Accelerating Deep Network Training by
       Reducing Internal Covariate Shift", ICML 2015.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([[1.0], [3.0]])
    >>> batch_norm_statistics(x, np.zeros(1), np.ones(1), momentum=0.5)
    RunningStatistics(mean=array([1.]), var=array([1.5]))
    """
    name = "batch_norm_statistics"
    return statistics(name, x, running_mean, running_var, momentum, False)


@check.ieee
def instance_norm(
    x: Floats,
    running_mean: Floats | None = None,
    running_var: Floats | None = None,
    weight: Floats | None = None,
    bias: Floats | None = None,
    *,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Floats:
    """Return each channel of each sample, its mean taken off, its standard deviation divided out.

    Parameters
    ----------
    x : ndarray (N, C, ...)
        With any number of spatial axes.
    running_mean, running_var : ndarray (C,), optional
        What is taken for mean and variance unless `use_input_stats`. They are never written; the
        new ones are the result of `instance_norm_statistics`.
    weight, bias : ndarray (C,), optional
        Scale and shift of each channel; ones and zeros if None.
    use_input_stats : bool
        Whether mean and variance are those of `x`, over the spatial axes.
    momentum : float
        Of `instance_norm_statistics`; it has no influence here.
    eps : float
        Added to the variance, against a division by 0.

    Returns
    -------
    ndarray, same shape and dtype as `x`
        ``y = (x - mean) / sqrt(var + eps) * weight + bias``, with the biased variance.

    Raises
    ------
    TypeError
        If an array is not of float32 or float64, or a parameter is no number.
    ValueError
        If a shape does not fit, the running statistics are needed but missing, or moments are
        to be taken of one value.

    References
    ----------
    .. [1] D. Ulyanov et al., "Instance Normalization: The Missing Ingredient for Fast
       Stylization", 2016, arXiv:1607.08022.

    Examples
    --------
    >>> import numpy as np
    >>> instance_norm(np.array([[[1.0, 3.0], [10.0, 30.0]]])).round(3)
    array([[[-1.,  1.],
            [-1.,  1.]]])
    """
    name = "instance_norm"
    running, affine = (running_mean, running_var), {"weight": weight, "bias": bias}
    eps = checked(name, {"x": x}, running, affine, True, use_input_stats, eps)
    check.real(name, "momentum", momentum, 0)
    return normalized(x, running, (weight, bias), True, use_input_stats, eps)


@check.ieee
def instance_norm_grads(
    grad_output: Floats,
    x: Floats,
    running_mean: Floats | None = None,
    running_var: Floats | None = None,
    weight: Floats | None = None,
    *,
    use_input_stats: bool = True,
    eps: float = 1e-5,
) -> NormalizationGrads:
    """Return the gradients of `x`, weight and bias: those of `batch_norm_grads` for each sample."""
    name = "instance_norm_grads"
    running, arrays = (running_mean, running_var), {"grad_output": grad_output, "x": x}
    eps = checked(name, arrays, running, {"weight": weight}, True, use_input_stats, eps)
    return normalized_grads(grad_output, x, running, weight, True, use_input_stats, eps)


@check.ieee
def instance_norm_statistics(
    x: Floats, running_mean: Floats, running_var: Floats, *, momentum: float = 0.1
) -> RunningStatistics:
    """Return the running statistics after a batch: with the mean of those of its samples.

    Parameters
    ----------
    x : ndarray (N, C, ...)
    running_mean, running_var, momentum
        As in `batch_norm_statistics`.

    Returns
    -------
    RunningStatistics
        ``(1 - momentum) * running + momentum * new``, where `new` is the mean over the samples of
        their means ``m = sum(x) / n`` and of their unbiased variances
        ``sum((x - m)**2) / (n - 1)``.

    Raises
    ------
    TypeError, ValueError
        As `instance_norm`.

    References
    ----------
    .. [1] S. Ioffe and C. Szegedy, "Batch Normalization: Accelerating Deep Network Training by
       Reducing Internal Covariate Shift", ICML 2015, for the running averages.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([[[1.0, 3.0]], [[7.0, 7.0]]])
    >>> instance_norm_statistics(x, np.zeros(1), np.ones(1), momentum=0.5)
    RunningStatistics(mean=array([2.25]), var=array([1.]))
    """
    name = "instance_norm_statistics"
    return statistics(name, x, running_mean, running_var, momentum, True)
