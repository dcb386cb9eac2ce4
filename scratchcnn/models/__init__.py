"""Networks that are ready to train, and those whose published weights they load."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from scratchcnn.models.alexnet import AlexNet, alexnet, small_alexnet
from scratchcnn.models.networks import lenet5, sigmoid_cnn, two_conv, untied_cnn
from scratchcnn.models.resnet import (
    BasicBlock,
    Bottleneck,
    ResNet,
    SmallResNet,
    resnet18,
    resnet20,
    resnet34,
    resnet50,
)
from scratchcnn.models.vgg import VGG, vgg11, vgg13, vgg16, vgg19
from scratchcnn.nn import Module


class Model(NamedTuple):
    """A network and what it takes.

    `build` takes ``rng`` and ``dtype``; `input_shape` is (C, H, W); `classes` is the number of
    outputs, 1 for a binary classifier between 0 and 1. A network with a `least` size adapts:
    its `build` also takes ``num_classes`` and ``in_channels``, and its images may have any H and W
    from `least` on.
    """

    build: Callable[..., Module]
    input_shape: tuple[int, int, int]
    classes: int
    title: str
    least: int | None = None

    def fitted(self, input_shape: tuple[int, int, int], classes: int) -> Model:
        """Return this model for such images and so many classes.

        Raises
        ------
        ValueError
            If it cannot be.
        """
        if (input_shape, classes) == (self.input_shape, self.classes):
            return self
        if self.least is None:
            raise ValueError(
                f"the model takes images of {self.input_shape} and has {self.classes} outputs, "
                f"expected {input_shape} and {classes}"
            )
        if min(input_shape[1:]) < self.least:
            raise ValueError(
                f"the images are {input_shape}, expected at least {self.least} x {self.least}"
            )
        build = partial(self.build, num_classes=classes, in_channels=input_shape[0])
        return self._replace(build=build, input_shape=input_shape, classes=classes)


_PHOTO = (3, 224, 224)
MODELS: dict[str, Model] = {
    "sigmoid_cnn": Model(sigmoid_cnn, (1, 28, 28), 1, "three filters, one dense unit, sigmoids"),
    "untied_cnn": Model(untied_cnn, (1, 28, 28), 10, "a convolution with one bias per pixel"),
    "lenet5": Model(lenet5, (1, 28, 28), 10, "LeNet-5, tanh, average pooling"),
    "two_conv": Model(two_conv, (1, 28, 28), 10, "two convolutions, ReLU, dropout"),
    "resnet20": Model(resnet20, (3, 32, 32), 10, "ResNet-20 for small images", 1),
    "resnet18": Model(resnet18, _PHOTO, 1000, "ResNet-18", 1),
    "resnet34": Model(resnet34, _PHOTO, 1000, "ResNet-34", 1),
    "resnet50": Model(resnet50, _PHOTO, 1000, "ResNet-50, bottlenecks", 1),
    "small_alexnet": Model(small_alexnet, (3, 32, 32), 10, "AlexNet for small images", 15),
    "alexnet": Model(alexnet, _PHOTO, 1000, "AlexNet, on one device", 63),
}
for _depth, _build in ((11, vgg11), (13, vgg13), (16, vgg16), (19, vgg19)):
    MODELS[f"vgg{_depth}"] = Model(_build, _PHOTO, 1000, f"VGG-{_depth}", 32)
    MODELS[f"vgg{_depth}_bn"] = Model(
        partial(_build, batch_norm=True), _PHOTO, 1000, f"VGG-{_depth}, batch normalization", 32
    )

__all__ = [
    "MODELS",
    "AlexNet",
    "BasicBlock",
    "Bottleneck",
    "Model",
    "ResNet",
    "SmallResNet",
    "VGG",
    "alexnet",
    "lenet5",
    "resnet18",
    "resnet20",
    "resnet34",
    "resnet50",
    "sigmoid_cnn",
    "small_alexnet",
    "two_conv",
    "untied_cnn",
    "vgg11",
    "vgg13",
    "vgg16",
    "vgg19",
]
