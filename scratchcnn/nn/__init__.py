"""Layers, losses and networks, named as in :mod:`torch.nn`."""

from scratchcnn.nn.activation import LogSoftmax, ReLU, Sigmoid, Softmax, Tanh
from scratchcnn.nn.container import Sequential
from scratchcnn.nn.conv import Conv2d
from scratchcnn.nn.dropout import Dropout
from scratchcnn.nn.files import load_weights, read_weights, save_weights
from scratchcnn.nn.init import fan_in_uniform
from scratchcnn.nn.linear import Flatten, Linear
from scratchcnn.nn.loss import (
    BCELoss,
    BCEWithLogitsLoss,
    CrossEntropyLoss,
    HalfSquaredError,
    Loss,
    MSELoss,
    NLLLoss,
)
from scratchcnn.nn.module import Module
from scratchcnn.nn.parameter import Parameter
from scratchcnn.nn.penalty import L2Penalty
from scratchcnn.nn.pooling import AvgPool2d, ConstantPad2d, MaxPool2d

__all__ = [
    "AvgPool2d",
    "BCELoss",
    "BCEWithLogitsLoss",
    "ConstantPad2d",
    "Conv2d",
    "CrossEntropyLoss",
    "Dropout",
    "Flatten",
    "HalfSquaredError",
    "L2Penalty",
    "Linear",
    "LogSoftmax",
    "Loss",
    "MSELoss",
    "MaxPool2d",
    "Module",
    "NLLLoss",
    "Parameter",
    "ReLU",
    "Sequential",
    "Sigmoid",
    "Softmax",
    "Tanh",
    "fan_in_uniform",
    "load_weights",
    "read_weights",
    "save_weights",
]
