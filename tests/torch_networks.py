"""The large networks in PyTorch, written for the tests from the articles, with torchvision's names.

Nothing here knows scratchcnn: where a network of `scratchcnn.models` has another shape, stride,
order or name, loading its weights or comparing its outputs fails.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional


class Basic(nn.Module):
    """The block of ResNet-18 and ResNet-34."""

    grows = 1

    def __init__(self, before, inside, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(before, inside, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(inside)
        self.conv2 = nn.Conv2d(inside, inside, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(inside)
        self.downsample = projected(before, inside, stride)

    def forward(self, x):
        y = functional.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        return functional.relu(y + (x if self.downsample is None else self.downsample(x)))


class Narrow(nn.Module):
    """The block of ResNet-50, with the stride on its middle convolution."""

    grows = 4

    def __init__(self, before, inside, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(before, inside, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(inside)
        self.conv2 = nn.Conv2d(inside, inside, 3, stride=stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(inside)
        self.conv3 = nn.Conv2d(inside, inside * 4, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(inside * 4)
        self.downsample = projected(before, inside * 4, stride)

    def forward(self, x):
        y = functional.relu(self.bn1(self.conv1(x)))
        y = functional.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        return functional.relu(y + (x if self.downsample is None else self.downsample(x)))


def projected(before, after, stride):
    if stride == 1 and before == after:
        return None
    conv = nn.Conv2d(before, after, 1, stride=stride, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(after))


class PhotoResNet(nn.Module):
    """ResNet-18, -34 and -50."""

    def __init__(self, block, depths, classes=1000, colours=3, width=64):
        super().__init__()
        self.conv1 = nn.Conv2d(colours, width, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        before = width
        for stage, depth in enumerate(depths):
            inside, blocks = width * 2**stage, []
            for place in range(depth):
                stride = 2 if stage > 0 and place == 0 else 1
                blocks.append(block(before, inside, stride))
                before = inside * block.grows
            setattr(self, f"layer{stage + 1}", nn.Sequential(*blocks))
        self.fc = nn.Linear(before, classes)

    def forward(self, x):
        x = functional.max_pool2d(functional.relu(self.bn1(self.conv1(x))), 3, 2, 1)
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(x.mean((2, 3)))


class PlainShortcut(nn.Module):
    """The block of ResNet-20, whose shortcut has no weights."""

    def __init__(self, before, after, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(before, after, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(after)
        self.conv2 = nn.Conv2d(after, after, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(after)
        self.stride = stride

    def forward(self, x):
        y = self.bn2(self.conv2(functional.relu(self.bn1(self.conv1(x)))))
        short = x[:, :, :: self.stride, :: self.stride]
        y = torch.cat([y[:, : x.shape[1]] + short, y[:, x.shape[1] :]], 1)
        return functional.relu(y)


class CifarResNet(nn.Module):
    """ResNet-20."""

    def __init__(self, classes=10, colours=3, width=16, depth=3):
        super().__init__()
        self.conv1 = nn.Conv2d(colours, width, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        for stage in (1, 2, 3):
            after = width * 2 ** (stage - 1)
            before = width if stage == 1 else after // 2
            first = PlainShortcut(before, after, 1 if stage == 1 else 2)
            rest = [PlainShortcut(after, after, 1) for _ in range(depth - 1)]
            setattr(self, f"layer{stage}", nn.Sequential(first, *rest))
        self.fc = nn.Linear(4 * width, classes)

    def forward(self, x):
        x = functional.relu(self.bn1(self.conv1(x)))
        return self.fc(self.layer3(self.layer2(self.layer1(x))).mean((2, 3)))


# The plans of the article's table 1: channels, "M" for a pooling.
PLANS = {
    "vgg11": "64 M 128 M 256 256 M 512 512 M 512 512 M",
    "vgg13": "64 64 M 128 128 M 256 256 M 512 512 M 512 512 M",
    "vgg16": "64 64 M 128 128 M 256 256 256 M 512 512 512 M 512 512 512 M",
    "vgg19": "64 64 M 128 128 M 256 256 256 256 M 512 512 512 512 M 512 512 512 512 M",
}


class PlannedVGG(nn.Module):
    """The networks of the Visual Geometry Group."""

    def __init__(self, plan, normalized, classes=1000, colours=3, width=64):
        super().__init__()
        parts = []
        for entry in PLANS[plan].split():
            if entry == "M":
                parts.append(nn.MaxPool2d(2))
                continue
            channels = int(entry) * width // 64
            parts.append(nn.Conv2d(colours, channels, 3, padding=1))
            if normalized:
                parts.append(nn.BatchNorm2d(channels))
            parts.append(nn.ReLU())
            colours = channels
        self.features = nn.Sequential(*parts)
        hidden = 64 * width
        self.classifier = nn.Sequential(
            nn.Linear(8 * width * 7 * 7, hidden),
            nn.ReLU(),
            nn.Dropout(),
            nn.Linear(hidden, hidden),
            nn.ReLU(),
            nn.Dropout(),
            nn.Linear(hidden, classes),
        )

    def forward(self, x):
        x = functional.adaptive_avg_pool2d(self.features(x), 7)
        return self.classifier(x.flatten(1))


class OneTowerAlexNet(nn.Module):
    """AlexNet on one device."""

    def __init__(self, classes=1000, colours=3, width=64, stem=(11, 4, 2)):
        super().__init__()
        channels = [width * factor for factor in (1, 3, 6, 4, 4)]
        self.features = nn.Sequential(
            nn.Conv2d(colours, channels[0], *stem),
            nn.ReLU(),
            nn.MaxPool2d(3, 2),
            nn.Conv2d(channels[0], channels[1], 5, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(3, 2),
            nn.Conv2d(channels[1], channels[2], 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(channels[2], channels[3], 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(channels[3], channels[4], 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(3, 2),
        )
        hidden = 64 * width
        self.classifier = nn.Sequential(
            nn.Dropout(),
            nn.Linear(channels[4] * 36, hidden),
            nn.ReLU(),
            nn.Dropout(),
            nn.Linear(hidden, hidden),
            nn.ReLU(),
            nn.Linear(hidden, classes),
        )

    def forward(self, x):
        x = functional.adaptive_avg_pool2d(self.features(x), 6)
        return self.classifier(x.flatten(1))


RESNETS = {"resnet18": (Basic, (2, 2, 2, 2)), "resnet34": (Basic, (3, 4, 6, 3))}
RESNETS["resnet50"] = (Narrow, (3, 4, 6, 3))


def build(name, classes, colours, width):
    """Return the network that `scratchcnn.models` has under that name."""
    if name == "resnet20":
        return CifarResNet(classes, colours, width)
    if name in RESNETS:
        return PhotoResNet(*RESNETS[name], classes, colours, width)
    if name.startswith("vgg"):
        plan = name.removesuffix("_bn")
        return PlannedVGG(plan, plan != name, classes, colours, width)
    stem = (3, 1, 1) if name == "small_alexnet" else (11, 4, 2)
    return OneTowerAlexNet(classes, colours, width, stem)
