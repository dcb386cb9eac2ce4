"""Subjects with one mistake each that no dictionary knows."""

from reference_tests.selftest.mutants import (
    activation,
    convolution,
    convolution_gradients,
    linear_and_shapes,
    loss,
    normalization,
    pooling,
)
from reference_tests.selftest.mutants.mutant import Mutant

_MODULES = (
    convolution,
    convolution_gradients,
    pooling,
    activation,
    normalization,
    loss,
    linear_and_shapes,
)
MUTANTS: dict[str, Mutant] = {one.name: one for module in _MODULES for one in module.MUTANTS}

__all__ = ["MUTANTS", "Mutant"]
