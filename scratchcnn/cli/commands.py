"""The commands: train, evaluate, predict, summary."""

from __future__ import annotations

import argparse
import importlib.util
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scratchcnn import functional as F
from scratchcnn import plots
from scratchcnn.cli.files import Scale, Trained, prepare_folder, read_image, read_trained, write_run
from scratchcnn.cli.sources import HELD_OUT, SOURCES, TRAIN, UsageError, check_match, fitted
from scratchcnn.datasets import Dataset
from scratchcnn.functional._checks import Floats
from scratchcnn.models import MODELS, Model
from scratchcnn.nn import BCELoss, CrossEntropyLoss, Loss, Module
from scratchcnn.optim import SGD, Adam, Optimizer
from scratchcnn.summary import summarize
from scratchcnn.training import Epoch, evaluate, fit

PACKAGES = {"PIL": "pillow"}
NUMERIC = {"images", "right", "recall", "precision", "probability", "parameters", "multiply-adds"}
NUMERIC |= {"transferred", "from scratch", "gain"}


def train(options: argparse.Namespace) -> int:
    """Train a network and write weights, history and pictures into a folder."""
    need("matplotlib")
    check_match(options.model, options.dataset, options.data)
    kind, source = fitted(options.model, options.dataset), SOURCES[options.dataset]
    build_rng, order_rng = np.random.default_rng(options.seed).spawn(2)
    network = kind.build(rng=build_rng)
    optimizer = _optimizer(options, network)
    learned = source.load(TRAIN, options.seed, options.data)
    held_out = source.load(HELD_OUT, options.seed, options.data)
    prepare_folder(options.out)
    # Networks learn faster from inputs around 0, of size 1.
    scale = Scale.of(learned.images)
    examples, tests = (_examples(data, kind, scale) for data in (learned, held_out))
    print(
        f"{options.model} on {options.dataset}: {len(learned.labels):,} images to learn from, "
        f"{len(held_out.labels):,} held out"
    )
    history = fit(
        network,
        *examples,
        loss=_loss(kind),
        optimizer=optimizer,
        epochs=options.epochs,
        batch_size=options.batch_size,
        rng=order_rng,
        validation=tests,
        on_epoch=_printer(options.epochs),
    )
    if history.interrupted:
        print(f"interrupted after {len(history.epochs)} whole epochs; what was learned is kept")
    if not np.isfinite(history.column("train_loss")).all():
        print("note: the loss grew beyond all numbers; try a smaller --lr")
    result = evaluate(network, *tests, loss=_loss(kind))
    trained = Trained(network, options.model, kind, options.dataset, options.seed, scale)
    write_run(options.out, trained, history, held_out.labels, result.predictions)
    print(f"held-out accuracy {100 * result.accuracy:.2f} %")
    return 130 if history.interrupted else 0


def evaluate_weights(options: argparse.Namespace) -> int:
    """Print loss and accuracy of trained weights on held-out images, and a table of the classes."""
    need("rich")
    network, name, _, dataset, seed, scale = read_trained(options.weights, options.model)
    dataset = options.dataset or dataset
    if dataset is None:
        raise UsageError(f"{options.weights} names no known dataset; give --dataset")
    check_match(name, dataset, options.data)
    seed = seed if options.seed is None else options.seed
    held_out, kind = SOURCES[dataset].load(HELD_OUT, seed, options.data), fitted(name, dataset)
    result = evaluate(network, *_examples(held_out, kind, scale), loss=_loss(kind))
    classes = SOURCES[dataset].names
    counts = plots.confusion_matrix(held_out.labels, result.predictions, len(classes))
    right, labelled, predicted = counts.diagonal(), counts.sum(1), counts.sum(0)
    rows = [
        (
            label,
            f"{labelled[k]:,}",
            f"{right[k]:,}",
            _percent(right[k], labelled[k]),
            _percent(right[k], predicted[k]),
        )
        for k, label in enumerate(classes)
    ]
    print_table(
        f"{name} on {len(held_out.labels):,} held-out images of {dataset}",
        ("digit", "images", "right", "recall", "precision"),
        rows,
    )
    print(f"loss {result.loss:#.4g}, accuracy {100 * result.accuracy:.2f} %")
    return 0


def predict(options: argparse.Namespace) -> int:
    """Print which digit an image shows, and the probability of each."""
    need("rich", "PIL")
    trained = read_trained(options.weights, options.model)
    network, name, kind, dataset, _, scale = trained
    pixels = read_image(options.image, trained)
    pixels = 1 - pixels if options.invert else pixels
    outputs = network(scale(pixels))[0]
    single = kind.classes == 1
    shares = np.append(1 - outputs, outputs) if single else F.softmax(outputs, dim=0)
    classes = SOURCES[dataset].names if dataset else tuple(str(k) for k in range(len(shares)))
    rows = [
        (label, f"{100 * share:.2f} %", "#" * round(30 * float(share)))
        for label, share in zip(classes, shares, strict=True)
    ]
    print_table(f"{name}, {options.image}", ("digit", "probability", ""), rows)
    edge = np.concatenate([pixels[..., [0, -1], :].ravel(), pixels[..., [0, -1]].ravel()])
    if np.median(edge) > 0.5:
        change = "without" if options.invert else "with"
        print(
            "note: the ground is light, but the network learned light ink on a dark ground; "
            f"try it {change} --invert"
        )
    print(f"digit {classes[int(shares.argmax())]}")
    return 0


def summary(options: argparse.Namespace) -> int:
    """Print the layers of a network, with their sizes and their work for one image."""
    need("rich")
    model = MODELS[options.model]
    rows = summarize(model.build(rng=0), model.input_shape)
    print_table(
        f"{options.model}: {model.title}; input {_by(model.input_shape)}",
        ("layer", "kind", "output", "parameters", "multiply-adds"),
        [(name, kind, _by(shape), *_thousands(*numbers)) for name, kind, shape, *numbers in rows],
        (
            "total",
            "",
            "",
            *_thousands(
                sum(row.parameters for row in rows), sum(row.multiply_adds for row in rows)
            ),
        ),
    )
    return 0


def need(*modules: str) -> None:
    """Raise ImportError unless all `modules` are installed."""
    for module in modules:
        if importlib.util.find_spec(module) is None:
            raise ImportError(
                f"the package {PACKAGES.get(module, module)} is not installed; "
                'get it by: python -m pip install "scratchcnn[cli]"'
            )


def _optimizer(options: argparse.Namespace, model: Module) -> Optimizer:
    parameters, decay, lr = model.parameters(), options.weight_decay, options.lr
    if options.optimizer == "sgd":
        momentum = 0.9 if options.momentum is None else options.momentum
        return SGD(parameters, 0.01 if lr is None else lr, momentum, weight_decay=decay)
    if options.momentum is not None:
        raise UsageError("--momentum is of --optimizer sgd, but the optimizer is adam")
    return Adam(parameters, 1e-3 if lr is None else lr, weight_decay=decay)


def _loss(model: Model) -> Loss:
    return BCELoss() if model.classes == 1 else CrossEntropyLoss()


def _examples(data: Dataset, model: Model, scale: Scale) -> tuple[Floats, NDArray[Any]]:
    """Return scaled images, and the labels in the form that the loss of the model takes."""
    single = model.classes == 1
    return scale(data.images), data.labels[:, None].astype(np.float32) if single else data.labels


def _printer(epochs: int) -> Callable[[Epoch], None]:
    """Return what prints one line for each epoch."""
    # While fit shows its progress bar it redirects sys.stdout to the bar's terminal, which keeps
    # the two apart; lines meant for a file or a pipe must still get there.
    stream = None if sys.stdout.isatty() else sys.stdout

    def line(epoch: Epoch) -> None:
        assert epoch.test_loss is not None
        assert epoch.test_accuracy is not None
        print(
            f"epoch {epoch.epoch:>{len(str(epochs))}}/{epochs}  "
            f"training: loss {epoch.train_loss:#.4g}, {100 * epoch.train_accuracy:5.2f} %  "
            f"held out: loss {epoch.test_loss:#.4g}, {100 * epoch.test_accuracy:5.2f} %  "
            f"{epoch.seconds:.1f} s",
            file=stream,
            flush=True,
        )

    return line


def _by(shape: Sequence[int]) -> str:
    return " x ".join(map(str, shape))


def _thousands(*numbers: int) -> list[str]:
    return [f"{number:,}" for number in numbers]


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "-"


def print_table(
    title: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[str]],
    totals: Sequence[str] = (),
) -> None:
    """Print a table with words to the left and numbers to the right."""
    from rich.console import Console
    from rich.table import Table

    # The title of a rich table would be broken at the width of a narrow table.
    print(title)
    table = Table()
    for column in columns:
        table.add_column(column, justify="right" if column in NUMERIC else "left")
    for row in rows:
        table.add_row(*row)
    if totals:
        table.add_section()
        table.add_row(*totals)
    Console(highlight=False, markup=False).print(table)
