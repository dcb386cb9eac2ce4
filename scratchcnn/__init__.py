"""A convolutional neural network in plain NumPy, every gradient written out and proved.

`functional` holds pure functions, `nn` layers and losses, `optim` optimizers, `models` whole
networks, `datasets` real images, `training` the loop; `gradcheck` compares gradients with
central differences. Names and conventions are PyTorch's.
"""

from scratchcnn import datasets, functional, models, nn, optim, training
from scratchcnn.gradcheck import gradcheck, gradcheck_module
from scratchcnn.training import evaluate, fit

__version__ = "0.1.0"

__all__ = [
    "datasets",
    "evaluate",
    "fit",
    "functional",
    "gradcheck",
    "gradcheck_module",
    "models",
    "nn",
    "optim",
    "training",
]
