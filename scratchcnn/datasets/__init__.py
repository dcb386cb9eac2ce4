"""Images with labels: digits out of installed packages, MNIST out of files the user has."""

from scratchcnn.datasets.dataset import Dataset, split
from scratchcnn.datasets.digits import binary_digits, digits, mnist5k
from scratchcnn.datasets.idx import mnist, read_idx

__all__ = [
    "Dataset",
    "binary_digits",
    "digits",
    "mnist",
    "mnist5k",
    "read_idx",
    "split",
]
