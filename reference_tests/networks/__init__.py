"""Two networks with the same weights, compared layer by layer."""

from reference_tests.networks.comparison import compare
from reference_tests.networks.report import LayerReport, NetworkReport

__all__ = ["LayerReport", "NetworkReport", "compare"]
