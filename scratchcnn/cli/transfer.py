"""The command transfer: whether features learned on some digits help to learn the others."""

from __future__ import annotations

import argparse
import copy
from typing import Any, NamedTuple

import numpy as np

from scratchcnn import datasets, plots
from scratchcnn.cli.commands import need, print_table
from scratchcnn.cli.files import Scale, prepare_folder, write_csv, write_figure
from scratchcnn.cli.sources import UsageError
from scratchcnn.datasets import Dataset
from scratchcnn.functional.dropout import RNG
from scratchcnn.nn import (
    Conv2d,
    CrossEntropyLoss,
    Flatten,
    Linear,
    MaxPool2d,
    ReLU,
    Sequential,
    freeze,
    replace_head,
)
from scratchcnn.optim import Adam
from scratchcnn.training import evaluate, fit

CLASSES = 5
FEATURE_EPOCHS, FEATURE_BATCH, BATCH = 2, 32, 20
FEATURES = 32 * 7 * 7


class Outcome(NamedTuple):
    """The accuracies of one run, from 0 to 1, on the same images."""

    seed: int
    transferred: float
    scratch: float


def transfer(options: argparse.Namespace) -> int:
    """Learn features on the digits 0 to 4, use them for 5 to 9, and compare with a new start."""
    need("matplotlib", "rich")
    data = datasets.mnist5k()
    least = int(np.bincount(data.labels).min())
    if options.images >= least:
        raise UsageError(
            f"--images is {options.images}, but a digit has {least}; "
            f"expected fewer, so that some are left to test on"
        )
    prepare_folder(options.out)
    tested = int((data.labels >= CLASSES).sum()) - CLASSES * options.images
    print(
        f"features from the digits 0 to 4; then 5 to 9, {options.images} images each, "
        f"{options.epochs} epochs; tested on {tested:,} other images of 5 to 9"
    )
    outcomes = []
    for seed in range(options.seed, options.seed + options.runs):
        outcomes.append(outcome(data, seed, options.images, options.epochs))
        _, transferred, scratch = outcomes[-1]
        print(
            f"seed {seed}: transferred {100 * transferred:.2f} %, "
            f"from scratch {100 * scratch:.2f} %",
            flush=True,
        )
    _report(outcomes)
    seeds, *shares = zip(*outcomes, strict=True)
    write_csv(options.out / "transfer.csv", Outcome._fields, outcomes)
    figure = plots.transfer_figure(seeds, *(np.array(each) for each in shares))
    write_figure(options.out / "transfer.png", figure)
    print(f"wrote {options.out}: transfer.csv, transfer.png")
    return 0


def outcome(data: Dataset, seed: int, images: int, epochs: int) -> Outcome:
    """Return the accuracies of one run, all chance of which comes from `seed`.

    Both ways see the same `images` of each of the digits 5 to 9, in the same order, in as many
    `epochs`, with the same optimizer, and start with the same head.
    """
    choice, first, order, new, head, both = np.random.default_rng(seed).spawn(6)
    known = data.labels < CLASSES
    chosen = np.concatenate(
        [
            choice.choice(np.flatnonzero(data.labels == digit), images, replace=False)
            for digit in range(CLASSES, 2 * CLASSES)
        ]
    )
    others = np.setdiff1d(np.flatnonzero(~known), chosen)
    scale = Scale.of(data.images[known])

    model = network(first)
    _learn(
        model, scale(data.images[known]), data.labels[known], FEATURE_EPOCHS, FEATURE_BATCH, order
    )
    scratch = network(new)
    layer = Linear(FEATURES, CLASSES, rng=head)
    for each in (model, scratch):
        replace_head(each, copy.deepcopy(layer))
    freeze(model, "features.*", statistics=True)

    shares = []
    for each in (model, scratch):
        examples = scale(data.images[chosen]), data.labels[chosen] - CLASSES
        _learn(each, *examples, epochs, BATCH, copy.deepcopy(both))
        tests = scale(data.images[others]), data.labels[others] - CLASSES
        shares.append(evaluate(each, *tests, loss=CrossEntropyLoss()).accuracy)
    return Outcome(seed, *shares)


def network(rng: RNG) -> Sequential:
    """Return two convolutions with pooling as features, and one dense layer as head."""
    source = np.random.default_rng(rng)
    features = Sequential(
        Conv2d(1, 16, 5, padding=2, rng=source),
        ReLU(),
        MaxPool2d(2),
        Conv2d(16, 32, 5, padding=2, rng=source),
        ReLU(),
        MaxPool2d(2),
    )
    head = Linear(FEATURES, CLASSES, rng=source)
    return Sequential({"features": features, "flatten": Flatten(), "head": head})


def _learn(model: Sequential, images: Any, labels: Any, epochs: int, batch: int, rng: RNG) -> None:
    """Train what is not frozen."""
    optimizer = Adam(model.parameters(), lr=1e-3)
    options: Any = {"epochs": epochs, "batch_size": batch, "rng": rng}
    fit(model, images, labels, loss=CrossEntropyLoss(), optimizer=optimizer, **options)


def _report(outcomes: list[Outcome]) -> None:
    """Print a table of all runs, with means and standard deviations."""
    shares = 100 * np.array([each[1:] for each in outcomes])
    columns = np.column_stack([shares, shares[:, 0] - shares[:, 1]])
    rows = [
        (str(each.seed), f"{a:.2f} %", f"{b:.2f} %", f"{gain:+.2f}")
        for each, (a, b, gain) in zip(outcomes, columns, strict=True)
    ]
    spread = columns.std(0, ddof=1) if len(outcomes) > 1 else np.full(3, np.nan)
    totals = [f"{m:+.2f} ± {s:.2f}" for m, s in zip(columns.mean(0), spread, strict=True)]
    print_table(
        "accuracy on the digits 5 to 9; gain in points; mean ± standard deviation of the runs",
        ("seed", "transferred", "from scratch", "gain"),
        rows,
        ("all", *(each.removeprefix("+") for each in totals[:2]), totals[2]),
    )
