"""The catalogue: every operation that the judge knows, by name."""

from reference_tests.operation import Operation
from reference_tests.operations import (
    activation,
    classification,
    convolution,
    correlation,
    dropout,
    linear,
    loss,
    optimizer,
    pooling,
)

CATALOGUE: dict[str, Operation] = {
    operation.name: operation
    for family in (
        correlation,
        convolution,
        pooling,
        linear,
        activation,
        dropout,
        loss,
        classification,
        optimizer,
    )
    for operation in family.OPERATIONS
}

__all__ = ["CATALOGUE"]
