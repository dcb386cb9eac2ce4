"""What every loader returns, and its division into training and held-out examples."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from scratchcnn.functional import _checks as check
from scratchcnn.functional._checks import Floats, Integers
from scratchcnn.functional.dropout import RNG


class Dataset(NamedTuple):
    """Images with one label each.

    Attributes
    ----------
    images : ndarray of float32 (N, 1, H, W)
        Brightness from 0 to 1, bright ink on a dark ground.
    labels : ndarray of int64 (N,)
    """

    images: Floats
    labels: Integers


def from_bytes(images: NDArray[np.uint8], labels: NDArray[np.uint8], white: int) -> Dataset:
    """Return the Dataset of `images` (N, H, W) whose brightest value is `white`."""
    return Dataset(images[:, None].astype(np.float32) / np.float32(white), labels.astype(np.int64))


def split(
    images: Floats, labels: Integers, *, test_size: float, rng: RNG
) -> tuple[Dataset, Dataset]:
    """Return a training and a test set that have the classes in the same proportions.

    Parameters
    ----------
    images : ndarray (N, ...)
    labels : ndarray of integers (N,)
    test_size : int or float
        How many examples to hold out, or which part of all, between 0 and 1.
    rng : numpy.random.Generator or int
        The source of randomness or its seed; None takes fresh entropy.

    Returns
    -------
    train, test : Dataset
        Both shuffled, and together every example once. Of a class with ``n`` examples the test
        set has ``n * test_size / N``, rounded down; the examples still missing come one each from
        the classes with the largest remainders, the smaller label first where they are equal.

    Raises
    ------
    TypeError
        If `labels` are not integers.
    ValueError
        If `images` and `labels` differ in number, or a part would be empty.

    Examples
    --------
    >>> labels = np.array([0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1])
    >>> train, test = split(np.zeros((12, 1, 2, 2)), labels, test_size=0.25, rng=0)
    >>> np.bincount(train.labels), np.bincount(test.labels)
    (array([3, 6]), array([1, 2]))
    """
    check.integers("split", "labels", labels)
    check.rank("split", "labels", labels, "(N,)")
    if len(images) != len(labels):
        raise ValueError(f"split: images has {len(images)} entries, but labels has {len(labels)}")
    source = np.random.default_rng(rng)
    order = source.permutation(len(labels))
    classes, counts = np.unique(labels, return_counts=True)
    quotas = _quotas(counts, _test_count(test_size, len(labels)))
    chosen = [order[labels[order] == c][:q] for c, q in zip(classes, quotas, strict=True)]
    held_out = np.isin(order, np.concatenate(chosen))
    train, test = order[~held_out], order[held_out]
    return Dataset(images[train], labels[train]), Dataset(images[test], labels[test])


def _test_count(test_size: Any, total: int) -> int:
    """Return how many of `total` examples are held out."""
    expected = f"expected 1 to {total - 1} of the {total} examples, or a part between 0 and 1"
    if isinstance(test_size, float | np.floating):
        count = round(float(test_size) * total) if 0 < test_size < 1 else 0
    else:
        count = check.whole("split", "test_size", test_size, 0)
    if not 0 < count < total:
        raise ValueError(f"split: test_size is {test_size}, {expected}")
    return count


def _quotas(counts: NDArray[np.intp], test: int) -> NDArray[np.intp]:
    """Return how many examples of each class are held out, by the largest remainders."""
    quotas, remainders = np.divmod(counts * test, counts.sum())
    largest = np.argsort(-remainders, kind="stable")
    quotas[largest[: test - quotas.sum()]] += 1
    return quotas
