"""The catalogue: every operation that the judge knows, by name."""

from reference_tests.operation import Operation
from reference_tests.operations import (
    activation,
    adaptive,
    binary,
    classification,
    conv_transpose,
    convolution,
    correlation,
    descent,
    dropout,
    embedding,
    layer_normalization,
    likelihood,
    linear,
    loss,
    lp_pooling,
    margin,
    moments,
    multilabel,
    normalization,
    padding,
    penalty,
    piecewise,
    pooling,
    resize,
    rrelu,
    scaling,
    shuffle,
    smooth,
    unfold,
    unpooling,
)

_FAMILIES = (
    correlation,
    convolution,
    conv_transpose,
    unfold,
    pooling,
    lp_pooling,
    adaptive,
    unpooling,
    padding,
    resize,
    shuffle,
    linear,
    activation,
    piecewise,
    smooth,
    rrelu,
    dropout,
    normalization,
    layer_normalization,
    loss,
    penalty,
    binary,
    likelihood,
    classification,
    margin,
    multilabel,
    embedding,
    descent,
    moments,
    scaling,
)

CATALOGUE: dict[str, Operation] = {
    operation.name: operation for family in _FAMILIES for operation in family.OPERATIONS
}
# The family of each operation, by the name of its module.
FAMILY = {
    operation.name: family.__name__.rpartition(".")[2]
    for family in _FAMILIES
    for operation in family.OPERATIONS
}

__all__ = ["CATALOGUE", "FAMILY"]
