"""What each layer of a network returns, stores and computes."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from scratchcnn.functional._checks import Floats
from scratchcnn.nn import (
    Conv1d,
    Conv2d,
    Conv3d,
    ConvTranspose1d,
    ConvTranspose2d,
    ConvTranspose3d,
    Linear,
    Module,
)
from scratchcnn.nn.module import Pullback


class Row(NamedTuple):
    """One call of one layer, for one image.

    `output_shape` is without the axis N; `multiply_adds` counts convolutions and dense layers,
    beside which biases, pooling and activations hardly matter.
    """

    name: str
    kind: str
    output_shape: tuple[int, ...]
    parameters: int
    multiply_adds: int


def summarize(model: Module, input_shape: Sequence[int]) -> list[Row]:
    """Return one row for each layer of `model`, in the order in which one image meets them.

    Parameters
    ----------
    model : Module
        Stays as it is.
    input_shape : sequence of int, (C, H, W)

    Returns
    -------
    list of Row
        A layer that is used twice has two rows; the second has no parameters.

    Raises
    ------
    ValueError
        If the layers do not fit such images.

    Examples
    --------
    >>> summarize(Linear(4, 3), (4,))
    [Row(name='', kind='Linear', output_shape=(3,), parameters=15, multiply_adds=12)]
    """
    # The rows are recorded while a blank image passes through a copy.
    model = copy.deepcopy(model).eval()
    rows: list[Row] = []
    for name, layer in model.named_layers():
        vars(layer)["vjp"] = _Recorder(name, layer, rows)
    dtype = next((each.data.dtype for each in model.parameters()), np.dtype(np.float32))
    model(np.zeros((1, *input_shape), dtype))
    return rows


class _Recorder:
    """The `vjp` of a layer, which also notes what it returns."""

    def __init__(self, name: str, layer: Module, rows: list[Row]) -> None:
        self.name, self.layer, self.rows, self.vjp = name, layer, rows, layer.vjp
        self.parameters = sum(each.data.size for each in layer.parameters())

    def __call__(self, x: Floats, input_grad: bool = True) -> tuple[Floats, Pullback]:
        y, pullback = self.vjp(x, input_grad=input_grad)
        work = 0
        if isinstance(self.layer, Conv1d | Conv2d | Conv3d | Linear):
            work = y[0].size * math.prod(self.layer.weight.shape[1:])
        elif isinstance(self.layer, ConvTranspose1d | ConvTranspose2d | ConvTranspose3d):
            # The other way round: each input meets every weight of its channel.
            work = x[0].size * math.prod(self.layer.weight.shape[1:])
        kind = type(self.layer).__name__
        self.rows.append(Row(self.name, kind, y.shape[1:], self.parameters, work))
        self.parameters = 0
        return y, pullback
