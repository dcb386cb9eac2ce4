"""The training loop."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from scratchcnn.functional import _checks as check
from scratchcnn.functional._checks import Floats, Integers
from scratchcnn.functional.dropout import RNG
from scratchcnn.nn import Loss, Module, Penalty
from scratchcnn.optim import LRScheduler, Optimizer, ReduceLROnPlateau, SequentialLR

Schedule: TypeAlias = LRScheduler | SequentialLR | ReduceLROnPlateau


class Evaluation(NamedTuple):
    """The mean loss and the share of right answers over some data, and each prediction."""

    loss: float
    accuracy: float
    predictions: Integers


class Epoch(NamedTuple):
    """One line of a history; the test columns are None without validation data."""

    epoch: int
    train_loss: float
    train_accuracy: float
    test_loss: float | None
    test_accuracy: float | None
    seconds: float


@dataclass
class History:
    """What happened in training, epoch by epoch.

    Attributes
    ----------
    epochs : list of Epoch
        `train_loss` and `train_accuracy` are means over the epoch's batches as they were
        trained, so with dropout and while the weights still moved.
    interrupted : bool
        Whether Ctrl-C ended the training early. What was learned until then is in the model.
    """

    epochs: list[Epoch] = field(default_factory=list)
    interrupted: bool = False

    def column(self, name: str) -> list[Any]:
        """Return one column, such as ``"train_loss"``."""
        return [getattr(epoch, name) for epoch in self.epochs]


def predictions(outputs: Floats, threshold: float = 0.5) -> Integers:
    """Return the class of each row of `outputs` (N, C); for one column, whether it is above."""
    check.rank("predictions", "outputs", outputs, "(N, C)")
    if outputs.shape[1] == 1:
        return (outputs[:, 0] > threshold).astype(np.int64)
    return np.asarray(outputs.argmax(1))


def fit(
    model: Module,
    images: Floats,
    labels: NDArray[Any],
    *,
    loss: Loss,
    optimizer: Optimizer,
    epochs: int = 1,
    batch_size: int = 64,
    rng: RNG = None,
    validation: tuple[Floats, NDArray[Any]] | None = None,
    penalty: Penalty | None = None,
    schedule: Schedule | None = None,
    progress: bool | None = None,
    on_epoch: Callable[[Epoch], None] | None = None,
) -> History:
    """Train `model` in place and return what happened.

    Parameters
    ----------
    model : Module
    images : ndarray (N, C, H, W)
    labels : ndarray (N,) of classes, or (N, 1) of floats for a model with one output
    loss : Loss
        With ``reduction="mean"`` or ``"sum"``.
    optimizer : Optimizer
        Of the parameters of `model`.
    epochs, batch_size : int
        Each epoch takes the images in a new order; the last batch may be smaller.
    rng : numpy.random.Generator or int, optional
        Of the orders; None takes fresh entropy.
    validation : (images, labels), optional
        Evaluated after each epoch.
    penalty : Penalty, optional
        Added to the loss of every batch.
    schedule : schedule of the learning rate, optional
        Of `optimizer`; takes a step at the end of every epoch, `ReduceLROnPlateau` with the loss
        on the validation data, or else with that of the training.
    progress : bool, optional
        Whether to show a bar on the standard error; by default if that is a terminal and
        rich is installed.
    on_epoch : callable, optional
        Called with each `Epoch` as it ends.

    Returns
    -------
    History
        Ctrl-C ends the training early; the history says so, and the model keeps what it learned.

    Raises
    ------
    TypeError, ValueError
        If the data do not fit each other, or the loss is not reduced.
    ImportError
        If ``progress=True`` and rich is not installed.
    """
    epochs = check.whole("fit", "epochs", epochs, 0)
    batch_size = check.whole("fit", "batch_size", batch_size, 1)
    _check_kinds("fit", model, loss)
    _check_optimizer(model, optimizer)
    if schedule is not None:
        _check_schedule(schedule, optimizer)
    _check_data("fit", images, labels, loss, model)
    if validation is not None:
        if not isinstance(validation, tuple) or len(validation) != 2:
            raise TypeError(f"fit: validation is {validation!r}, expected (images, labels)")
        _check_data("fit validation", *validation, loss, model)
    source = check.generator("fit", rng)
    history = History()
    batches = -(-len(images) // batch_size)
    try:
        with _modes_kept(model), _progress(progress, epochs, batches) as advance:
            for number in range(1, epochs + 1):
                start = time.perf_counter()
                model.train()
                order = source.permutation(len(images))
                total, right, counted = 0.0, 0, 0
                for first in range(0, len(images), batch_size):
                    chosen = order[first : first + batch_size]
                    value, outputs = _step(
                        model, images[chosen], labels[chosen], loss, optimizer, penalty
                    )
                    total += value * (len(chosen) if loss.reduction == "mean" else 1)
                    scored = _scored(outputs, labels[chosen], loss)
                    right, counted = right + scored[0], counted + scored[1]
                    advance(number, value)
                seconds = time.perf_counter() - start
                tested = (
                    None
                    if validation is None
                    else evaluate(model, *validation, loss=loss, batch_size=batch_size)
                )
                epoch = Epoch(
                    number,
                    total / len(images),
                    right / max(counted, 1),
                    None if tested is None else tested.loss,
                    None if tested is None else tested.accuracy,
                    seconds,
                )
                history.epochs.append(epoch)
                if on_epoch is not None:
                    on_epoch(epoch)
                if isinstance(schedule, ReduceLROnPlateau):
                    reached = epoch.train_loss if tested is None else tested.loss
                    schedule.step(reached)
                elif schedule is not None:
                    schedule.step()
    except KeyboardInterrupt:
        history.interrupted = True
    return history


def evaluate(
    model: Module,
    images: Floats,
    labels: NDArray[Any],
    *,
    loss: Loss,
    batch_size: int = 256,
) -> Evaluation:
    """Return loss, accuracy and predictions of `model` in evaluation mode.

    Parameters
    ----------
    model, images, labels, loss
        As in `fit`.
    batch_size : int
        How many images go through the model at once.

    Returns
    -------
    Evaluation
        The loss is that of all images, with ``reduction="sum"`` divided by their number.
        Ignored targets do not count in the accuracy; of target probabilities the largest does.

    Raises
    ------
    TypeError, ValueError
        If the data do not fit each other, or the loss is not reduced.
    """
    batch_size = check.whole("evaluate", "batch_size", batch_size, 1)
    _check_kinds("evaluate", model, loss)
    _check_data("evaluate", images, labels, loss, model)
    with _modes_kept(model):
        model.eval()
        starts = range(0, len(images), batch_size)
        outputs = np.concatenate([model(images[first : first + batch_size]) for first in starts])
    # One call for all: a weighted mean is not the mean of the batches' means.
    value = float(loss.vjp(outputs, labels)[0])
    right, counted = _scored(outputs, labels, loss)
    chosen = predictions(outputs, getattr(loss, "threshold", 0.5))
    mean = value if loss.reduction == "mean" else value / len(images)
    return Evaluation(mean, right / max(counted, 1), chosen)


@contextmanager
def _modes_kept(model: Module) -> Iterator[None]:
    """Restore at the end whether each module is in training mode."""
    modes = [(module, module.training) for module in model.modules()]
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode


def _step(
    model: Module,
    images: Floats,
    labels: NDArray[Any],
    loss: Loss,
    optimizer: Optimizer,
    penalty: Penalty | None,
) -> tuple[float, Floats]:
    """Take one step and return the value of the loss and the outputs before it."""
    optimizer.zero_grad()
    outputs, pullback = model.vjp(images, input_grad=False)
    value, loss_pullback = loss.vjp(outputs, labels)
    pullback(loss_pullback())
    if penalty is not None:
        extra, penalty_pullback = penalty.vjp()
        penalty_pullback()
        value = value + extra
    optimizer.step()
    return float(value), outputs


def _scored(outputs: Floats, labels: NDArray[Any], loss: Loss) -> tuple[int, int]:
    """Return how many predictions are right, and of how many."""
    chosen = predictions(outputs, getattr(loss, "threshold", 0.5))
    if labels.shape == outputs.shape:
        targets = predictions(labels)
    else:
        targets = labels.reshape(len(labels))
    counts = targets != getattr(loss, "ignore_index", None)
    return int(((chosen == targets) & counts).sum()), int(np.sum(counts))


def _check_kinds(function: str, model: Any, loss: Any) -> None:
    if not isinstance(model, Module):
        raise TypeError(f"{function}: model is a {type(model).__name__}, expected a Module")
    if not hasattr(loss, "vjp"):
        raise TypeError(
            f"{function}: loss is a {type(loss).__name__}, expected one such as "
            "nn.CrossEntropyLoss()"
        )


def _check_optimizer(model: Module, optimizer: Any) -> None:
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"fit: optimizer is a {type(optimizer).__name__}, expected an Optimizer")
    own = {id(parameter) for parameter in model.parameters()}
    if not any(id(parameter) in own for parameter in optimizer.parameters):
        raise ValueError("fit: optimizer has no parameter of model, expected those of model")


def _check_schedule(schedule: Any, optimizer: Optimizer) -> None:
    if not isinstance(schedule, Schedule):
        raise TypeError(
            f"fit: schedule is a {type(schedule).__name__}, expected one such as optim.StepLR"
        )
    if schedule.optimizer is not optimizer:
        raise ValueError("fit: schedule is of another optimizer, expected the one given")


def _check_data(
    function: str, images: Floats, labels: NDArray[Any], loss: Loss, model: Module
) -> None:
    check.floats(function, images=images)
    if not isinstance(labels, np.ndarray):
        raise TypeError(f"{function}: labels is a {type(labels).__name__}, expected a NumPy array")
    if labels.ndim == 0 or images.ndim == 0 or len(images) != len(labels) or not len(images):
        raise ValueError(
            f"{function}: labels has shape {labels.shape}, but images has {images.shape}; "
            "expected one label for each image, and at least one"
        )
    if loss.reduction == "none":
        raise ValueError(f"{function}: the loss has reduction='none', expected 'mean' or 'sum'")
    with _modes_kept(model):
        model.eval()
        outputs = model(images[:1])
    try:
        # The loss refuses labels that do not fit, whatever the outputs are.
        loss.vjp(np.zeros((len(images), *outputs.shape[1:]), outputs.dtype), labels)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{function}: labels do not fit the model: {error}") from error


@contextmanager
def _progress(wanted: bool | None, epochs: int, batches: int) -> Iterator[Callable[..., None]]:
    """Yield what is called after each batch."""
    if not (sys.stderr.isatty() if wanted is None else wanted):
        yield lambda number, value: None
        return
    try:
        from rich.console import Console
        from rich.progress import Progress
    except ImportError as error:
        if wanted:
            raise ImportError(
                "fit: progress=True needs the package rich, which is not installed: "
                'python -m pip install "scratchcnn[cli]"'
            ) from error
        yield lambda number, value: None
        return
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("training", total=epochs * batches)
        yield lambda number, value: bar.update(
            task, advance=1, description=f"epoch {number}/{epochs}, loss {value:.4f}"
        )
