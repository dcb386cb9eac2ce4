"""What the large networks share: their arrangement and their initial weights."""

from __future__ import annotations

import numpy as np
from numpy.typing import DTypeLike

from scratchcnn.functional._checks import PerAxis
from scratchcnn.nn import Composite, Conv2d, Flatten, Module, Sequential
from scratchcnn.nn.init import kaiming_normal_, zeros_


class Classifier(Composite):
    """A network whose children follow one another, all flattened before the last, the head."""

    def body(self) -> Module:
        """Return the children in their order with the flattening."""
        *features, head = self._children().values()
        return Sequential(*features, Flatten(), head)


def convolution(
    in_channels: int,
    out_channels: int,
    kernel_size: int,
    stride: PerAxis = 1,
    *,
    bias: bool,
    rng: np.random.Generator,
    dtype: DTypeLike | None,
) -> Conv2d:
    """Return a padded convolution with He's normal weights for the gradients, and no bias or 0.

    The variance of the weights is ``2 / (out_channels KH KW)``, which keeps the size of
    gradients through ReLUs, as torchvision chose it for its ResNets and VGGs.
    """
    layer = Conv2d(
        in_channels,
        out_channels,
        kernel_size,
        stride,
        kernel_size // 2,
        bias=bias,
        dtype=dtype,
        rng=rng,
    )
    kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu", rng=rng)
    if layer.bias is not None:
        zeros_(layer.bias)
    return layer
