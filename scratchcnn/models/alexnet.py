"""AlexNet, with the names of torchvision."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from scratchcnn.functional.dropout import RNG
from scratchcnn.models.classifier import Classifier
from scratchcnn.nn import (
    AdaptiveAvgPool2d,
    Conv2d,
    Dropout,
    Linear,
    MaxPool2d,
    ReLU,
    Sequential,
)


class AlexNet(Classifier):
    """Five convolutions with three max-poolings, then three dense layers.

    Parameters
    ----------
    num_classes, in_channels : int
    stem : (kernel_size, stride, padding)
        Of the first convolution.
    width : int
        The channels of the first convolution; the others have 3, 6, 4 and 4 times as many, the
        dense layers 64 times.
    dtype, rng
        Of the weights; dropout gets generators of its own, spawned from `rng`.
    """

    def __init__(
        self,
        num_classes: int = 1000,
        in_channels: int = 3,
        *,
        stem: tuple[int, int, int] = (11, 4, 2),
        width: int = 64,
        dtype: DTypeLike | None = np.float32,
        rng: RNG = None,
    ) -> None:
        options: Any = {"dtype": dtype, "rng": np.random.default_rng(rng)}
        self.features = Sequential(
            Conv2d(in_channels, width, *stem, **options),
            ReLU(),
            MaxPool2d(3, 2),
            Conv2d(width, 3 * width, 5, padding=2, **options),
            ReLU(),
            MaxPool2d(3, 2),
            Conv2d(3 * width, 6 * width, 3, padding=1, **options),
            ReLU(),
            Conv2d(6 * width, 4 * width, 3, padding=1, **options),
            ReLU(),
            Conv2d(4 * width, 4 * width, 3, padding=1, **options),
            ReLU(),
            MaxPool2d(3, 2),
        )
        self.avgpool = AdaptiveAvgPool2d((6, 6))
        self.classifier = Sequential(
            Dropout(0.5),
            Linear(4 * width * 36, 64 * width, **options),
            ReLU(),
            Dropout(0.5),
            Linear(64 * width, 64 * width, **options),
            ReLU(),
            Linear(64 * width, num_classes, **options),
            rng=options["rng"],
        )


def alexnet(num_classes: int = 1000, in_channels: int = 3, **options: Any) -> AlexNet:
    """Return AlexNet as torchvision has it, on one device and without normalization.

    Parameters
    ----------
    num_classes, in_channels : int
    **options
        ``width``, ``rng`` and ``dtype``, as in `AlexNet`.

    Returns
    -------
    AlexNet
        Made for images (N, 3, 224, 224); takes any size of at least 63×63. For smaller ones
        there is `small_alexnet`.

    References
    ----------
    .. [1] A. Krizhevsky, "One weird trick for parallelizing convolutional neural networks", 2014.

    Examples
    --------
    >>> alexnet(10, width=2, rng=0)(np.zeros((2, 3, 63, 63), np.float32)).shape
    (2, 10)
    """
    return AlexNet(num_classes, in_channels, **options)


def small_alexnet(num_classes: int = 10, in_channels: int = 3, **options: Any) -> AlexNet:
    """Return AlexNet for images of 28×28 or 32×32: its first convolution is 3×3 with stride 1.

    Parameters
    ----------
    num_classes, in_channels : int
    **options
        ``width`` (16 by default), ``rng`` and ``dtype``, as in `AlexNet`.

    Returns
    -------
    AlexNet
        Takes any size of at least 15×15.

    Examples
    --------
    >>> small_alexnet(width=2, rng=0)(np.zeros((2, 3, 32, 32), np.float32)).shape
    (2, 10)
    """
    return AlexNet(num_classes, in_channels, **{"stem": (3, 1, 1), "width": 16, **options})
