"""What a fault is computed from, and the exact oracle that it surrounds."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference_tests.operation import Operation, grad_name
from reference_tests.references.exact import define

Array = NDArray[Any]
Shapes = Mapping[str, Any]
Hyper = Mapping[str, Any]


@dataclass(frozen=True)
class Inputs:
    """What an output or a gradient is computed from.

    Parameters
    ----------
    operation : Operation
    arrays : mapping of the operation's array parameters
    hyper : mapping
        All hyperparameters.
    grad_output : ndarray, optional
        The cotangent, for gradients.
    turn : int
        The how-manieth call of the pullback this is.
    """

    operation: Operation
    arrays: Mapping[str, Any]
    hyper: Hyper
    grad_output: Any = None
    turn: int = 1

    def __getitem__(self, name: str) -> Any:
        return self.arrays[name]

    @property
    def shapes(self) -> Shapes:
        """The shape of every array, None for one that is left out."""
        return {name: None if a is None else a.shape for name, a in self.arrays.items()}

    @property
    def dtype(self) -> Any:
        """The dtype of the first array, which is that of the results."""
        return next(iter(self.arrays.values())).dtype

    @cached_property
    def forward(self) -> tuple[dict[str, Any], Any]:
        """The outputs by name, and the pullback or None, of the exact definition."""
        result, pullback = define(self.operation, self.arrays, self.hyper), None
        if isinstance(result, tuple) and len(result) == 2 and callable(result[1]):
            result, pullback = result
        names = self.operation.outputs(self.hyper)
        outputs = result if len(names) > 1 else (result,)
        return dict(zip(names, outputs, strict=True)), pullback

    @cached_property
    def gradients(self) -> dict[str, Any]:
        """The gradients of the exact definition by name."""
        _, pullback = self.forward
        with np.errstate(all="ignore"):
            pulled = pullback(self.grad_output)
        return dict(zip(map(grad_name, self.operation.arrays), pulled, strict=True))

    def but(self, **changes: Any) -> Inputs:
        """Return inputs in which arrays, hyperparameters or the cotangent are others."""
        arrays = {name: changes.pop(name, array) for name, array in self.arrays.items()}
        grad_output = changes.pop("grad_output", self.grad_output)
        hyper = {**self.hyper, **changes}
        return dataclasses.replace(self, arrays=arrays, hyper=hyper, grad_output=grad_output)

    def pulled(self, grad_output: Any, turn: int = 1) -> Inputs:
        """Return these inputs with a cotangent; the outputs are not evaluated again."""
        inputs = dataclasses.replace(self, grad_output=grad_output, turn=turn)
        vars(inputs)["forward"] = self.forward
        return inputs


def oracle(inputs: Inputs, output: str) -> Any:
    """Return one output or gradient of the exact definition, as an array of its own."""
    # The definition is evaluated once for all that are asked of these inputs.
    outputs = inputs.forward[0]
    return np.array(outputs[output] if output in outputs else inputs.gradients[output])


def fitted(array: Array, shape: Sequence[int]) -> Array:
    """Return an array cut to a shape, or filled up with zeros, at the end of each axis."""
    result = np.zeros(shape, array.dtype)
    common = tuple(slice(min(sizes)) for sizes in zip(array.shape, shape, strict=True))
    result[common] = array[common]
    return result
