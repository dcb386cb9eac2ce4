"""The fault dictionary: what each known mistake would compute.

Every fault is the exact oracle with one thing wrong. So the dictionary tests the judge, which
must reject each of them, and it names mistakes: a subject that computes what a fault computes
has that fault.
"""

from reference_tests.faults import (
    activation,
    classification,
    columns,
    conv_transpose,
    convolution,
    correlation,
    dropout,
    habits,
    likelihood,
    linear,
    loss,
    margin,
    normalization,
    optimizer,
    padding,
    penalty,
    pooling,
    random_slopes,
    regression,
    resizing,
    shuffling,
    unpooling,
)
from reference_tests.faults.fault import Fault, Inputs, composed, oracle, simulated

_FAMILIES = (
    convolution,
    conv_transpose,
    correlation,
    linear,
    pooling,
    unpooling,
    padding,
    shuffling,
    columns,
    resizing,
    activation,
    random_slopes,
    classification,
    loss,
    regression,
    likelihood,
    margin,
    normalization,
    dropout,
    penalty,
    optimizer,
    habits,
)

FAULTS: dict[str, Fault] = {fault.id: fault for family in _FAMILIES for fault in family.FAULTS}

__all__ = ["FAULTS", "Fault", "Inputs", "composed", "oracle", "simulated"]
