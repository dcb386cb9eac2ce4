"""Optimizers and schedules, named as in :mod:`torch.optim`, and the pure steps they take."""

from scratchcnn.optim import lr_scheduler
from scratchcnn.optim._step import Step
from scratchcnn.optim.cycle import OneCycleLR
from scratchcnn.optim.descent import sgd
from scratchcnn.optim.moments import adam, adamax, adamw, nadam, radam
from scratchcnn.optim.optimizer import Optimizer
from scratchcnn.optim.optimizers import (
    SGD,
    Adadelta,
    Adagrad,
    Adam,
    Adamax,
    AdamW,
    NAdam,
    RAdam,
    RMSprop,
)
from scratchcnn.optim.plateau import ReduceLROnPlateau
from scratchcnn.optim.scaling import adadelta, adagrad, rmsprop
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
    "SGD",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "ConstantLR",
    "CosineAnnealingLR",
    "CosineAnnealingWarmRestarts",
    "ExponentialLR",
    "LRScheduler",
    "LambdaLR",
    "LinearLR",
    "MultiStepLR",
    "NAdam",
    "OneCycleLR",
    "Optimizer",
    "RAdam",
    "RMSprop",
    "ReduceLROnPlateau",
    "SequentialLR",
    "Step",
    "StepLR",
    "adadelta",
    "adagrad",
    "adam",
    "adamax",
    "adamw",
    "lr_scheduler",
    "nadam",
    "radam",
    "rmsprop",
    "sgd",
]
