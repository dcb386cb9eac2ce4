"""Networks that are ready to train."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from scratchcnn.models.networks import lenet5, sigmoid_cnn, two_conv, untied_cnn
from scratchcnn.nn import Sequential


class Model(NamedTuple):
    """A network and what it takes.

    `build` takes ``rng`` and ``dtype``; `input_shape` is (C, H, W); `classes` is the number of
    outputs, 1 for a binary classifier between 0 and 1.
    """

    build: Callable[..., Sequential]
    input_shape: tuple[int, int, int]
    classes: int
    title: str


MODELS: dict[str, Model] = {
    "sigmoid_cnn": Model(sigmoid_cnn, (1, 28, 28), 1, "three filters, one dense unit, sigmoids"),
    "untied_cnn": Model(untied_cnn, (1, 28, 28), 10, "a convolution with one bias per pixel"),
    "lenet5": Model(lenet5, (1, 28, 28), 10, "LeNet-5, tanh, average pooling"),
    "two_conv": Model(two_conv, (1, 28, 28), 10, "two convolutions, ReLU, dropout"),
}

__all__ = ["MODELS", "Model", "lenet5", "sigmoid_cnn", "two_conv", "untied_cnn"]
