"""What makes a subject's callables out of functions, layers, modules and optimizers.

Like `reference_tests.implementation`, everything here needs the standard library and NumPy
alone, from Python 3.8 and NumPy 1.22 on: a subject may live in an interpreter of its own.
"""

from reference_tests.adapters.functions import from_functions
from reference_tests.adapters.layer import from_layer
from reference_tests.adapters.module import from_module, from_torch
from reference_tests.adapters.optimizer import from_optimizer

__all__ = ["from_functions", "from_layer", "from_module", "from_optimizer", "from_torch"]
