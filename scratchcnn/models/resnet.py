"""Residual networks, with the names of torchvision, whose checkpoints they load."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from scratchcnn.functional.dropout import RNG
from scratchcnn.models.classifier import Classifier, convolution
from scratchcnn.nn import (
    AdaptiveAvgPool2d,
    BatchNorm2d,
    Composite,
    ConstantPad3d,
    Linear,
    MaxPool2d,
    Module,
    ReLU,
    Residual,
    Sequential,
)


class BasicBlock(Composite):
    """Two convolutions of 3×3 and their shortcut: ``relu(main(x) + downsample(x))``.

    Parameters
    ----------
    in_channels, channels, stride : int
        The stride is that of the first convolution.
    downsample : Module, optional
        The shortcut, by default the identity.
    dtype, rng
        Of the weights.
    """

    expansion = 1

    def __init__(
        self,
        in_channels: int,
        channels: int,
        stride: int = 1,
        downsample: Module | None = None,
        *,
        dtype: DTypeLike | None = np.float32,
        rng: RNG = None,
    ) -> None:
        options: Any = {"bias": False, "dtype": dtype, "rng": np.random.default_rng(rng)}
        self.conv1 = convolution(in_channels, channels, 3, stride, **options)
        self.bn1 = BatchNorm2d(channels, dtype=dtype)
        self.relu = ReLU()
        self.conv2 = convolution(channels, channels, 3, **options)
        self.bn2 = BatchNorm2d(channels, dtype=dtype)
        self.downsample = downsample

    def body(self) -> Module:
        """Return the block as a residual sum and a ReLU."""
        main = Sequential(self.conv1, self.bn1, self.relu, self.conv2, self.bn2)
        return Sequential(Residual(main, self.downsample), self.relu)


class Bottleneck(Composite):
    """Convolutions of 1×1, 3×3 and 1×1, the last four times as wide, and their shortcut.

    Parameters
    ----------
    in_channels, channels, stride : int
        The stride is that of the 3×3, as in torchvision; the article has it in the first 1×1.
    downsample : Module, optional
        The shortcut, by default the identity.
    dtype, rng
        Of the weights.
    """

    expansion = 4

    def __init__(
        self,
        in_channels: int,
        channels: int,
        stride: int = 1,
        downsample: Module | None = None,
        *,
        dtype: DTypeLike | None = np.float32,
        rng: RNG = None,
    ) -> None:
        options: Any = {"bias": False, "dtype": dtype, "rng": np.random.default_rng(rng)}
        self.conv1 = convolution(in_channels, channels, 1, **options)
        self.bn1 = BatchNorm2d(channels, dtype=dtype)
        self.conv2 = convolution(channels, channels, 3, stride, **options)
        self.bn2 = BatchNorm2d(channels, dtype=dtype)
        self.conv3 = convolution(channels, 4 * channels, 1, **options)
        self.bn3 = BatchNorm2d(4 * channels, dtype=dtype)
        self.relu = ReLU()
        self.downsample = downsample

    def body(self) -> Module:
        """Return the block as a residual sum and a ReLU."""
        first = (self.conv1, self.bn1, self.relu)
        main = Sequential(*first, self.conv2, self.bn2, self.relu, self.conv3, self.bn3)
        return Sequential(Residual(main, self.downsample), self.relu)


# What makes the shortcut where the shape changes, of (in_channels, out_channels, stride).
Shortcut = Callable[[int, int, int], Module]


def projection(
    in_channels: int,
    out_channels: int,
    stride: int,
    *,
    dtype: DTypeLike | None,
    rng: np.random.Generator,
) -> Sequential:
    """Return the shortcut of torchvision, the article's option B: a convolution of 1×1."""
    conv = convolution(in_channels, out_channels, 1, stride, bias=False, dtype=dtype, rng=rng)
    return Sequential(conv, BatchNorm2d(out_channels, dtype=dtype))


def subsampling(in_channels: int, out_channels: int, stride: int) -> Sequential:
    """Return the article's option A, without weights: pixels left out, channels of zeros added."""
    # The padding layer takes (N, C, H, W) for one volume, so that C is its first axis.
    zeros = ConstantPad3d((0, 0, 0, 0, 0, out_channels - in_channels), 0.0)
    return Sequential(MaxPool2d(1, stride), zeros)


class _Stages:
    """What makes the stages of a network, one after another."""

    def __init__(
        self,
        block: type[BasicBlock | Bottleneck],
        channels: int,
        shortcut: Shortcut,
        **options: Any,
    ) -> None:
        self.block, self.channels, self.shortcut, self.options = block, channels, shortcut, options

    def __call__(self, channels: int, count: int, stride: int) -> Sequential:
        blocks = []
        for step in [stride] + [1] * (count - 1):
            inputs, self.channels = self.channels, channels * self.block.expansion
            changes = step != 1 or inputs != self.channels
            shortcut = self.shortcut(inputs, self.channels, step) if changes else None
            blocks.append(self.block(inputs, channels, step, shortcut, **self.options))
        return Sequential(*blocks)


class ResNet(Classifier):
    """The residual network for photographs: a convolution of 7×7, max-pooling, four stages.

    Parameters
    ----------
    block : BasicBlock or Bottleneck, the class
    counts : four ints
        How many blocks each stage has.
    num_classes, in_channels : int
    width : int
        The channels of the first stage; each further one has twice as many.
    dtype, rng
        Of the weights.
    """

    def __init__(
        self,
        block: type[BasicBlock | Bottleneck],
        counts: Sequence[int],
        num_classes: int = 1000,
        in_channels: int = 3,
        *,
        width: int = 64,
        dtype: DTypeLike | None = np.float32,
        rng: RNG = None,
    ) -> None:
        options: Any = {"dtype": dtype, "rng": np.random.default_rng(rng)}
        self.conv1 = convolution(in_channels, width, 7, 2, bias=False, **options)
        self.bn1 = BatchNorm2d(width, dtype=dtype)
        self.relu = ReLU()
        self.maxpool = MaxPool2d(3, 2, 1)
        stages = _Stages(block, width, partial(projection, **options), **options)
        self.layer1 = stages(width, counts[0], 1)
        self.layer2 = stages(2 * width, counts[1], 2)
        self.layer3 = stages(4 * width, counts[2], 2)
        self.layer4 = stages(8 * width, counts[3], 2)
        self.avgpool = AdaptiveAvgPool2d((1, 1))
        self.fc = Linear(8 * width * block.expansion, num_classes, **options)


class SmallResNet(Classifier):
    """The residual network for small images: a convolution of 3×3 and three stages.

    Parameters
    ----------
    count : int
        How many blocks each stage has; the network has ``6 count + 2`` layers with weights.
    num_classes, in_channels : int
    width : int
        The channels of the first stage; each further one has twice as many.
    dtype, rng
        Of the weights.
    """

    def __init__(
        self,
        count: int,
        num_classes: int = 10,
        in_channels: int = 3,
        *,
        width: int = 16,
        dtype: DTypeLike | None = np.float32,
        rng: RNG = None,
    ) -> None:
        options: Any = {"dtype": dtype, "rng": np.random.default_rng(rng)}
        self.conv1 = convolution(in_channels, width, 3, bias=False, **options)
        self.bn1 = BatchNorm2d(width, dtype=dtype)
        self.relu = ReLU()
        stages = _Stages(BasicBlock, width, subsampling, **options)
        self.layer1 = stages(width, count, 1)
        self.layer2 = stages(2 * width, count, 2)
        self.layer3 = stages(4 * width, count, 2)
        self.avgpool = AdaptiveAvgPool2d((1, 1))
        self.fc = Linear(4 * width, num_classes, **options)


def resnet18(num_classes: int = 1000, in_channels: int = 3, **options: Any) -> ResNet:
    """Return ResNet-18, with the names of torchvision.

    Parameters
    ----------
    num_classes, in_channels : int
    **options
        ``width``, ``rng`` and ``dtype``, as in `ResNet`.

    Returns
    -------
    ResNet
        Made for images (N, 3, 224, 224); takes any size, since it averages over all pixels, but
        below 33×33 the last stage sees only one pixel, and in training mode a batch of one such
        image then leaves BatchNorm nothing to normalize.

    References
    ----------
    .. [1] K. He et al., "Deep Residual Learning for Image Recognition", CVPR 2016.

    Examples
    --------
    >>> resnet18(10, width=4, rng=0)(np.zeros((2, 3, 64, 64), np.float32)).shape
    (2, 10)
    """
    return ResNet(BasicBlock, (2, 2, 2, 2), num_classes, in_channels, **options)


def resnet34(num_classes: int = 1000, in_channels: int = 3, **options: Any) -> ResNet:
    """Return ResNet-34, otherwise as `resnet18`."""
    return ResNet(BasicBlock, (3, 4, 6, 3), num_classes, in_channels, **options)


def resnet50(num_classes: int = 1000, in_channels: int = 3, **options: Any) -> ResNet:
    """Return ResNet-50, of blocks `Bottleneck`, otherwise as `resnet18`."""
    return ResNet(Bottleneck, (3, 4, 6, 3), num_classes, in_channels, **options)


def resnet20(num_classes: int = 10, in_channels: int = 3, **options: Any) -> SmallResNet:
    """Return ResNet-20 for images of 32×32, of section 4.2 of the article [1]_.

    Parameters
    ----------
    num_classes, in_channels : int
    **options
        ``width``, ``rng`` and ``dtype``, as in `SmallResNet`.

    Returns
    -------
    SmallResNet
        Its shortcuts have no weights, as in the article (option A): where the shape changes,
        every second pixel and channels of zeros. Takes any size.

    References
    ----------
    .. [1] K. He et al., "Deep Residual Learning for Image Recognition", CVPR 2016.

    Examples
    --------
    >>> resnet20(width=4, rng=0)(np.zeros((2, 3, 32, 32), np.float32)).shape
    (2, 10)
    """
    return SmallResNet(3, num_classes, in_channels, **options)
