"""A judge of convolutional networks: outputs and gradients, within derived bounds."""

try:
    import gmpy2 as _gmpy2  # noqa: F401
    import rich as _rich  # noqa: F401
except ImportError as _error:
    raise ImportError(
        f"reference_tests needs the package {_error.name}, which is not installed: "
        'python -m pip install "scratchcnn[judge]"'
    ) from _error

from reference_tests.adapters import (
    from_functions,
    from_layer,
    from_module,
    from_optimizer,
    from_torch,
)
from reference_tests.case import Case, Spec
from reference_tests.draw import Draw
from reference_tests.implementation import Implementation
from reference_tests.judge import verify
from reference_tests.operation import Invalid, Operation
from reference_tests.operations import CATALOGUE
from reference_tests.report import Finding, OperationReport, Report

__all__ = [
    "CATALOGUE",
    "Case",
    "Draw",
    "Finding",
    "Implementation",
    "Invalid",
    "Operation",
    "OperationReport",
    "Report",
    "Spec",
    "from_functions",
    "from_layer",
    "from_module",
    "from_optimizer",
    "from_torch",
    "verify",
]
