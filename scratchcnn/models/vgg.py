"""The networks of the Visual Geometry Group, with the names of torchvision."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from scratchcnn.functional.dropout import RNG
from scratchcnn.models.classifier import Classifier, convolution
from scratchcnn.nn import (
    AdaptiveAvgPool2d,
    BatchNorm2d,
    Dropout,
    Linear,
    MaxPool2d,
    Module,
    ReLU,
    Sequential,
)
from scratchcnn.nn.init import normal_, zeros_


class VGG(Classifier):
    """Five stages of convolutions of 3×3 with max-pooling, then three dense layers.

    Parameters
    ----------
    counts : five ints
        How many convolutions each stage has.
    num_classes, in_channels : int
    batch_norm : bool
        Whether each convolution is followed by BatchNorm.
    width : int
        The channels of the first stage; the next have 2, 4, 8 and 8 times as many, the dense
        layers 64 times.
    dtype, rng
        Of the weights; dropout gets generators of its own, spawned from `rng`.
    """

    def __init__(
        self,
        counts: Sequence[int],
        num_classes: int = 1000,
        in_channels: int = 3,
        *,
        batch_norm: bool = False,
        width: int = 64,
        dtype: DTypeLike | None = np.float32,
        rng: RNG = None,
    ) -> None:
        source = np.random.default_rng(rng)
        layers: list[Module] = []
        for factor, count in zip((1, 2, 4, 8, 8), counts, strict=True):
            for _ in range(count):
                channels = factor * width
                conv = convolution(in_channels, channels, 3, bias=True, rng=source, dtype=dtype)
                layers += [conv, BatchNorm2d(channels, dtype=dtype)] if batch_norm else [conv]
                layers.append(ReLU())
                in_channels = channels
            layers.append(MaxPool2d(2, 2))
        self.features = Sequential(*layers)
        self.avgpool = AdaptiveAvgPool2d((7, 7))
        self.classifier = Sequential(
            _dense(8 * width * 49, 64 * width, source, dtype),
            ReLU(),
            Dropout(0.5),
            _dense(64 * width, 64 * width, source, dtype),
            ReLU(),
            Dropout(0.5),
            _dense(64 * width, num_classes, source, dtype),
            rng=source,
        )


def _dense(inputs: int, outputs: int, rng: np.random.Generator, dtype: DTypeLike | None) -> Linear:
    """Return a dense layer whose weights are normal with deviation 0.01, as in torchvision."""
    layer = Linear(inputs, outputs, dtype=dtype, rng=rng)
    assert layer.bias is not None
    normal_(layer.weight, std=0.01, rng=rng)
    zeros_(layer.bias)
    return layer


def vgg11(
    num_classes: int = 1000, in_channels: int = 3, *, batch_norm: bool = False, **options: Any
) -> VGG:
    """Return VGG-11, configuration A of the article, with the names of torchvision.

    Parameters
    ----------
    num_classes, in_channels : int
    batch_norm : bool
        Whether it is torchvision's ``vgg11_bn``.
    **options
        ``width``, ``rng`` and ``dtype``, as in `VGG`.

    Returns
    -------
    VGG
        Made for images (N, 3, 224, 224); takes any size of at least 32×32, which five poolings
        halve to one pixel.

    References
    ----------
    .. [1] K. Simonyan, A. Zisserman, "Very Deep Convolutional Networks for Large-Scale Image
       Recognition", ICLR 2015.

    Examples
    --------
    >>> vgg11(10, width=2, rng=0)(np.zeros((2, 3, 32, 32), np.float32)).shape
    (2, 10)
    """
    return VGG((1, 1, 2, 2, 2), num_classes, in_channels, batch_norm=batch_norm, **options)


def vgg13(
    num_classes: int = 1000, in_channels: int = 3, *, batch_norm: bool = False, **options: Any
) -> VGG:
    """Return VGG-13, configuration B, otherwise as `vgg11`."""
    return VGG((2, 2, 2, 2, 2), num_classes, in_channels, batch_norm=batch_norm, **options)


def vgg16(
    num_classes: int = 1000, in_channels: int = 3, *, batch_norm: bool = False, **options: Any
) -> VGG:
    """Return VGG-16, configuration D, otherwise as `vgg11`."""
    return VGG((2, 2, 3, 3, 3), num_classes, in_channels, batch_norm=batch_norm, **options)


def vgg19(
    num_classes: int = 1000, in_channels: int = 3, *, batch_norm: bool = False, **options: Any
) -> VGG:
    """Return VGG-19, configuration E, otherwise as `vgg11`."""
    return VGG((2, 2, 4, 4, 4), num_classes, in_channels, batch_norm=batch_norm, **options)
