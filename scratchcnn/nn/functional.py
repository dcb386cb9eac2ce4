"""The functions of `scratchcnn.functional`, where :mod:`torch.nn.functional` has them."""

from scratchcnn.functional import *  # noqa: F403
from scratchcnn.functional import __all__ as __all__
