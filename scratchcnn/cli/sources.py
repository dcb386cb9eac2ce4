"""The sets of images that the command line can load."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from scratchcnn import datasets
from scratchcnn.datasets import Dataset
from scratchcnn.models import MODELS, Model

TRAIN, HELD_OUT = 0, 1


class Source(NamedTuple):
    """A set of images that the command line can load.

    `load` takes the part, TRAIN or HELD_OUT, a seed, and the folder of ``--data`` or None.
    """

    load: Callable[[int, int, Path | None], Dataset]
    names: tuple[str, ...]
    shape: tuple[int, int, int] = (1, 28, 28)
    needs_data: bool = False


def _mnist5k(part: int, seed: int, folder: Path | None) -> Dataset:
    return datasets.split(*datasets.mnist5k(), test_size=1000, rng=seed)[part]


def _mnist(part: int, seed: int, folder: Path | None) -> Dataset:
    assert folder is not None
    data = datasets.mnist(folder, train=part == TRAIN)
    if not data.labels.size:
        raise ValueError(f"the IDX files in {folder} have no images, expected at least one")
    return data


def _binary_digits(part: int, seed: int, folder: Path | None) -> Dataset:
    source = np.random.default_rng(seed)
    return datasets.split(*datasets.binary_digits(source), test_size=40, rng=source)[part]


DIGITS = tuple("0123456789")
SOURCES = {
    "mnist5k": Source(_mnist5k, DIGITS),
    "mnist": Source(_mnist, DIGITS, needs_data=True),
    "binary_digits": Source(_binary_digits, ("0 to 4", "5 to 9")),
}


class UsageError(Exception):
    """The arguments do not fit together, or what they name is not there."""


def fitted(model: str, dataset: str | None) -> Model:
    """Return the model; one that adapts, for the images and the classes of the dataset."""
    kind = MODELS[model]
    if kind.least is None or dataset is None:
        return kind
    return kind.fitted(SOURCES[dataset].shape, len(SOURCES[dataset].names))


def check_match(model: str, dataset: str, data: Path | None) -> None:
    """Raise UsageError unless the model has the outputs for the dataset, which has all it needs."""
    try:
        kind = fitted(model, dataset)
    except ValueError as error:
        raise UsageError(f"--dataset {dataset} does not fit {model}: {error}") from error
    classes = len(SOURCES[dataset].names)
    outputs = kind.classes
    # One output is enough for two classes.
    if max(outputs, 2) != classes:
        fitting = [name for name, source in SOURCES.items() if len(source.names) == max(outputs, 2)]
        raise UsageError(
            f"--dataset {dataset} has {classes} classes, but {model} has {outputs} "
            f"output{'s' if outputs > 1 else ''}; it fits {', '.join(fitting)}"
        )
    if SOURCES[dataset].shape != kind.input_shape:
        raise UsageError(
            f"--dataset {dataset} has images of {SOURCES[dataset].shape}, "
            f"but {model} takes {kind.input_shape}"
        )
    if SOURCES[dataset].needs_data and data is None:
        raise UsageError(f"--dataset {dataset} needs --data FOLDER, where its IDX files are")
    if data is not None and not SOURCES[dataset].needs_data:
        raise UsageError(f"--data is of --dataset mnist, but the dataset is {dataset}")
