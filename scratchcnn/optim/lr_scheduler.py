"""The schedules of the learning rate by the path that they have in :mod:`torch.optim`."""

from scratchcnn.optim.cycle import OneCycleLR
from scratchcnn.optim.plateau import ReduceLROnPlateau
from scratchcnn.optim.schedule import LRScheduler
from scratchcnn.optim.schedules import (
    ConstantLR,
    CosineAnnealingLR,
    CosineAnnealingWarmRestarts,
    ExponentialLR,
    LambdaLR,
    LinearLR,
    MultiStepLR,
    StepLR,
)
from scratchcnn.optim.sequence import SequentialLR

__all__ = [
    "ConstantLR",
    "CosineAnnealingLR",
    "CosineAnnealingWarmRestarts",
    "ExponentialLR",
    "LRScheduler",
    "LambdaLR",
    "LinearLR",
    "MultiStepLR",
    "OneCycleLR",
    "ReduceLROnPlateau",
    "SequentialLR",
    "StepLR",
]
