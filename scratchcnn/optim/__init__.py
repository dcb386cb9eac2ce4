"""Optimizers, named as in :mod:`torch.optim`, and the pure functions of their steps."""

from scratchcnn.optim.optimizer import SGD, Adam, Optimizer
from scratchcnn.optim.steps import Step, adam, sgd

__all__ = ["SGD", "Adam", "Optimizer", "Step", "adam", "sgd"]
