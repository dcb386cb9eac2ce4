"""PyTorch as a subject: `torch.nn.functional` and `torch.optim`, as the reference calls them."""

from reference_tests import Implementation
from reference_tests.references.torch_ import reference

subject = Implementation(f"PyTorch {reference.version}", reference.operations)
