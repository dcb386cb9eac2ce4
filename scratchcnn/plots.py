"""Pictures of a training, of its mistakes and of its filters, as matplotlib Figures.

The figures belong to no window and to no global state: ``figure.savefig(path)`` writes them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from scratchcnn.functional import _checks as check
from scratchcnn.functional._checks import Floats, Integers
from scratchcnn.training import History

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


class Style(NamedTuple):
    """How a curve is named and drawn."""

    label: str
    color: str
    marker: str


TRANSFERRED = Style("features from other digits", "tab:blue", "o")
SCRATCH = Style("from scratch", "tab:orange", "s")
TRAINING, HELD_OUT = Style("training", "tab:blue", "o"), Style("held out", "tab:orange", "s")


def history_figure(history: History) -> Figure:
    """Return a Figure of loss and accuracy over the epochs of a training.

    Parameters
    ----------
    history : History
        As `scratchcnn.training.fit` returns it; without validation data, only the curves of the
        training are drawn.

    Returns
    -------
    matplotlib.figure.Figure
        Two panels, the loss and the accuracy in percent.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    """
    figure = _figure("history_figure", 9, 3.8)
    count = len(history.epochs)
    for place, (quantity, unit) in enumerate([("loss", "loss"), ("accuracy", "accuracy (%)")]):
        axes = figure.add_subplot(1, 2, place + 1)
        axes.set(xlabel="epoch", ylabel=unit, title=quantity.capitalize())
        axes.set_xlim(0.5, max(count, 1) + 0.5)
        axes.locator_params(axis="x", integer=True, min_n_ticks=1)
        axes.grid(alpha=0.3)
        _curve(axes, history, f"train_{quantity}", TRAINING)
        _curve(axes, history, f"test_{quantity}", HELD_OUT)
        if axes.lines:
            axes.legend()
    ended = ", interrupted" if history.interrupted else ""
    figure.suptitle(f"Training, {count} epoch{'' if count == 1 else 's'}{ended}")
    return figure


def confusion_matrix(labels: Integers, predictions: Integers, classes: int) -> NDArray[np.int64]:
    """Return how often each label (rows) was taken for each label (columns).

    Parameters
    ----------
    labels, predictions : ndarray of integers (N,)
        From 0 to ``classes - 1``.
    classes : int

    Returns
    -------
    ndarray (classes, classes)

    Raises
    ------
    TypeError, ValueError
        If the arrays differ in length, or have other values.

    Examples
    --------
    >>> confusion_matrix(np.array([0, 1, 1]), np.array([0, 0, 1]), 2)
    array([[1, 0],
           [1, 1]])
    """
    return _confusion("confusion_matrix", labels, predictions, classes)


def confusion_figure(
    labels: Integers, predictions: Integers, names: Sequence[str] | None = None
) -> Figure:
    """Return a Figure of the confusion matrix.

    Parameters
    ----------
    labels, predictions : ndarray of integers (N,)
    names : sequence of str, optional
        What the labels 0, 1, … are called; the numbers themselves by default.

    Returns
    -------
    matplotlib.figure.Figure
        Counts, on the shade of their share in their row, that is of the images with that label.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    TypeError, ValueError
        If the arrays differ in length, or have other values.
    """
    check.integers("confusion_figure", "labels", labels)
    check.integers("confusion_figure", "predictions", predictions)
    if names is None:
        largest = max(int(labels.max(initial=0)), int(predictions.max(initial=0)))
        names = [str(label) for label in range(largest + 1)]
    counts = _confusion("confusion_figure", labels, predictions, len(names))
    right, total = int(counts.trace()), int(counts.sum())
    shares = 100 * counts / np.maximum(counts.sum(1, keepdims=True), 1)
    side = 2.8 + 0.42 * len(names)
    figure = _figure("confusion_figure", side + 0.9, side)
    from matplotlib.colors import PowerNorm

    axes = figure.add_subplot()
    # The root lets a single mistake among a hundred images be seen.
    image = axes.imshow(shares, cmap="Blues", norm=PowerNorm(0.4, vmin=0, vmax=100))
    for row, column in np.argwhere(counts):
        color = "white" if shares[row, column] > 30 else "black"
        axes.text(column, row, f"{counts[row, column]:,}", ha="center", va="center", color=color)
    ticks = range(len(names))
    axes.set_xticks(ticks, names)
    axes.set_yticks(ticks, names)
    axes.set(xlabel="predicted label", ylabel="true label")
    axes.set_title(f"{right:,} of {total:,} right ({100 * right / max(total, 1):.1f} %)")
    bar = figure.colorbar(image, ax=axes, shrink=0.85, ticks=[0, 1, 5, 10, 25, 50, 75, 100])
    bar.set_label("share of the true label (%)")
    bar.ax.set_yticklabels([f"{tick:g}" for tick in bar.get_ticks()])
    return figure


def filters_figure(weight: Floats) -> Figure:
    """Return a Figure of the filters of a convolution.

    Parameters
    ----------
    weight : ndarray (O, C, KH, KW)

    Returns
    -------
    matplotlib.figure.Figure
        One tile for each filter; with several channels a row for each filter and a column for
        each channel. Red is positive, blue negative, white zero, on one scale for all.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    TypeError, ValueError
        If `weight` is not an array of floats with these axes, or is empty.
    """
    check.floats("filters_figure", weight=weight)
    check.rank("filters_figure", "weight", weight, "(O, C, KH, KW)")
    if not weight.size:
        raise ValueError(f"filters_figure: weight has shape {weight.shape}, expected no empty axis")
    filters, channels, height, width = weight.shape
    rows, columns = (filters, channels) if channels > 1 else (-(-filters // 8), min(filters, 8))
    # One image with gaps of NaN, which stay grey, draws a thousand tiles as fast as one.
    tiles = np.full((rows * columns, height + 1, width + 1), np.nan)
    tiles[: filters * channels, 1:, 1:] = weight.reshape(-1, height, width)
    mosaic = tiles.reshape(rows, columns, height + 1, width + 1).swapaxes(1, 2)
    picture = mosaic.reshape(rows * (height + 1), columns * (width + 1))
    picture = np.pad(picture, ((0, 1), (0, 1)), constant_values=np.nan)

    inch = min(1.1, 12 / max(rows, columns))
    figure = _figure("filters_figure", 2.0 + max(2.5, inch * columns), 1.0 + inch * rows)
    axes = figure.add_subplot()
    largest = float(np.abs(weight).max())
    image = axes.imshow(picture, cmap="RdBu_r", vmin=-largest, vmax=largest)
    _number_tiles(axes, rows, columns, weight.shape)
    axes.set_facecolor("0.85")
    axes.spines[:].set_visible(False)
    axes.set_title(f"{filters} filter{'s' if filters > 1 else ''} of {height} x {width}")
    figure.colorbar(image, ax=axes, fraction=0.05, aspect=12 * rows**0.5).set_label("weight")
    return figure


def transfer_figure(seeds: Sequence[int], transferred: Floats, scratch: Floats) -> Figure:
    """Return a Figure of the accuracies of two ways of training, run by run.

    Parameters
    ----------
    seeds : sequence of int
        What the runs are called.
    transferred, scratch : ndarray of float (N,)
        The accuracy of each run, from 0 to 1, with features that were learned elsewhere and
        without.

    Returns
    -------
    matplotlib.figure.Figure
        Two points for each run, with a line between, and the mean of each way.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    TypeError, ValueError
        If the arrays are not of floats and as long as `seeds`.
    """
    check.floats("transfer_figure", transferred=transferred, scratch=scratch)
    check.shape("transfer_figure", "transferred", transferred, (len(seeds),))
    check.shape("transfer_figure", "scratch", scratch, (len(seeds),))
    figure = _figure("transfer_figure", 3.4 + 0.6 * len(seeds), 4.2)
    axes = figure.add_subplot()
    places = np.arange(len(seeds))
    axes.vlines(places, 100 * scratch, 100 * transferred, color="0.7", zorder=1)
    for style, shares in ((TRANSFERRED, transferred), (SCRATCH, scratch)):
        mean = 100 * float(shares.mean())
        label = f"{style.label}, mean {mean:.1f} %"
        axes.scatter(places, 100 * shares, color=style.color, marker=style.marker, label=label)
        axes.axhline(mean, color=style.color, linestyle="--", linewidth=1, zorder=0)
    axes.set_xticks(places, [str(seed) for seed in seeds])
    axes.margins(x=0.5 / len(seeds))
    axes.set(xlabel="seed", ylabel="accuracy (%)", title="Transfer against a start from scratch")
    axes.grid(axis="y", alpha=0.3)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16))
    return figure


def _figure(function: str, width: float, height: float) -> Figure:
    """Return an empty Figure of so many inches, with a canvas of its own."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError(
            f"{function}: the package matplotlib is not installed; "
            'get it by: python -m pip install "scratchcnn[plots]"',
            name="matplotlib",
        ) from error
    figure = Figure(figsize=(width, height), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _curve(axes: Axes, history: History, column: str, style: Style) -> None:
    """Draw one column of the history, unless there is none."""
    values = history.column(column)
    if not values or values[0] is None:
        return
    if column.endswith("accuracy"):
        values = [100 * value for value in values]
        end = f"{values[-1]:.1f} %"
    else:
        end = f"{values[-1]:#.3g}"
    label = f"{style.label}, at the end {end}"
    axes.plot(history.column("epoch"), values, color=style.color, marker=style.marker, label=label)


def _confusion(
    function: str, labels: Integers, predictions: Integers, classes: int
) -> NDArray[np.int64]:
    """Return the confusion matrix, for the public `function`."""
    for name, array in (("labels", labels), ("predictions", predictions)):
        check.integers(function, name, array)
        check.rank(function, name, array, "(N,)")
        if array.size and not (array.min() >= 0 and array.max() < classes):
            raise ValueError(
                f"{function}: {name} has values from {array.min()} to {array.max()}, "
                f"expected 0 to {classes - 1}"
            )
    check.shape(function, "predictions", predictions, labels.shape)
    counts = np.zeros((classes, classes), np.int64)
    np.add.at(counts, (labels, predictions), 1)
    return counts


def _number_tiles(axes: Axes, rows: int, columns: int, shape: tuple[int, ...]) -> None:
    """Write the numbers of filters and channels beside the tiles."""
    filters, channels, height, width = shape
    across = np.arange(columns) * (width + 1) + (width + 1) / 2
    down = np.arange(rows) * (height + 1) + (height + 1) / 2
    axes.set_xticks([])
    axes.set_yticks([])
    if channels == 1:
        for number in range(filters):
            row, column = divmod(number, columns)
            top = down[row] - height / 2 - 0.25
            axes.text(across[column], top, str(number), ha="center", va="bottom", fontsize=8)
        axes.set_xlabel("each filter under its number")
    else:
        # More than about 16 numbers in a line would run into each other.
        columns_step, rows_step = -(-columns // 16), -(-rows // 16)
        axes.set_xticks(across[::columns_step], [str(n) for n in range(0, columns, columns_step)])
        axes.set_yticks(down[::rows_step], [str(n) for n in range(0, rows, rows_step)])
        axes.set(xlabel="input channel", ylabel="filter")
