"""What the commands write and read: each file whole or not at all, each fault in one line."""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from scratchcnn import plots
from scratchcnn.cli.sources import SOURCES, UsageError, fitted
from scratchcnn.functional._checks import Floats, Integers
from scratchcnn.models import MODELS, Model
from scratchcnn.nn import Conv2d, Module
from scratchcnn.nn.files import read_weights, replacing, save_weights
from scratchcnn.training import Epoch, History

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Scale(NamedTuple):
    """The mean and the standard deviation of the pixels that a network learned from."""

    mean: float = 0.0
    deviation: float = 1.0

    @classmethod
    def of(cls, images: Floats) -> Scale:
        """Return the scale of `images`."""
        # A sum of many millions of pixels needs more digits than float32 has.
        deviation = float(images.std(dtype=np.float64))
        return cls(float(images.mean(dtype=np.float64)), deviation or 1.0)

    def __call__(self, images: Floats) -> Floats:
        """Return `images` as the network takes them, around 0 and of size 1."""
        return (images - self.mean) / self.deviation


class Trained(NamedTuple):
    """A network, its name and kind, and the images that it learned from."""

    network: Module
    name: str
    kind: Model
    dataset: str | None
    seed: int
    scale: Scale


def prepare_folder(out: Path) -> None:
    """Make the folder `out`, or raise UsageError unless files can be written there."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=out):
            pass
    except OSError as error:
        raise UsageError(f"--out {out} is no folder to write to: {error.strerror}") from error


def write_run(
    out: Path, trained: Trained, history: History, labels: Integers, predictions: Integers
) -> None:
    """Write all results of a training, each file whole or not at all."""
    network, name, _, dataset, seed, scale = trained
    assert dataset is not None
    classes = SOURCES[dataset].names
    convolution = next(layer for _, layer in network.named_layers() if isinstance(layer, Conv2d))
    counts = plots.confusion_matrix(labels, predictions, len(classes))
    notes = {"model": name, "dataset": dataset, "seed": seed, **scale._asdict()}
    save_weights(out / "weights.npz", network, notes)
    write_csv(out / "history.csv", Epoch._fields, history.epochs)
    write_csv(
        out / "confusion.csv",
        ("true label", *classes),
        [(label, *row.tolist()) for label, row in zip(classes, counts, strict=True)],
    )
    write_figure(out / "history.png", plots.history_figure(history))
    write_figure(out / "confusion.png", plots.confusion_figure(labels, predictions, classes))
    write_figure(out / "filters.png", plots.filters_figure(convolution.weight.data))
    print(
        f"wrote {out}: weights.npz, history.csv, history.png, confusion.csv, confusion.png, "
        "filters.png"
    )


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write a table, whole or not at all."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    with replacing(path) as file:
        file.write(text.getvalue().encode())


def write_figure(path: Path, figure: Figure) -> None:
    """Write a picture, whole or not at all."""
    with replacing(path) as file:
        figure.savefig(file, format="png")


def read_trained(path: Path, model: str | None) -> Trained:
    """Return what the file `path` holds; `model` is its network if it does not name one."""
    state, notes = read_weights(path)
    name = model or str(notes.get("model"))
    if name not in MODELS:
        raise UsageError(f"{path} names no known model; give --model")
    dataset = notes["dataset"] if str(notes.get("dataset")) in SOURCES else None
    try:
        kind = fitted(name, dataset)
        network = kind.build(rng=0)
        network.load_state_dict(state)
        seed = int(notes.get("seed", 0))
        scale = Scale(float(notes.get("mean", 0)), float(notes.get("deviation", 1)))
        if seed < 0 or not np.isfinite(scale).all() or scale.deviation <= 0:
            raise ValueError(f"the notes have seed {seed} and {scale}")
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"{path} has no weights of {name}: {error}") from error
    network.eval()
    return Trained(network, name, kind, dataset, seed, scale)


def read_image(path: Path, trained: Trained) -> Floats:
    """Return the image in a file, as large as the network takes, as grey values from 0 to 1.

    Its axes are (1, 1, H, W).
    """
    from PIL import Image

    try:
        with Image.open(path) as file:
            # Pillow clips 16-bit grey at 255 instead of scaling it.
            if file.mode.startswith("I"):
                grey = np.asarray(file, np.float32) / 65535
            else:
                # Transparent pixels are paper that shows through.
                paper = Image.new("RGBA", file.size, "white")
                drawn = Image.alpha_composite(paper, file.convert("RGBA"))
                grey = np.asarray(drawn.convert("L"), np.float32) / 255
    except (SyntaxError, ValueError, Image.DecompressionBombError, OSError) as error:
        if isinstance(error, OSError) and error.strerror:
            raise
        raise ValueError(f"{path} is no image that can be read ({error})") from error
    _, height, width = trained.kind.input_shape
    if grey.shape != (height, width):
        raise ValueError(
            f"{path} has {grey.shape[1]} x {grey.shape[0]} pixels (width x height), "
            f"expected {width} x {height} for {trained.name}"
        )
    return grey[None, None]
