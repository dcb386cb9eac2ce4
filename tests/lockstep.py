"""Ours and PyTorch's training in lockstep: both against the truth, step by step.

Each step of ours starts from PyTorch's weights and optimizer state, so that one step's error is
bounded; loss, gradients, new weights and new state of both are compared with the truth. That is
the catalogue's definitions, chained over the network, on pairs of a value and its error.

``python -m tests.lockstep`` prints what the tests assert, and beside it what they cannot: how far
100 steps run freely lead ours away from PyTorch, and PyTorch away from itself when it sums each
batch in another order.
"""

from __future__ import annotations

import copy
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any, NamedTuple

import numpy as np
import torch

from reference_tests.operations import CATALOGUE
from reference_tests.references.torch_ import one_thread
from reference_tests.tolerance import FORMATS, Bounded, Format
from scratchcnn import datasets, nn, optim
from scratchcnn.interop.torch import state_dict_from_torch, to_torch
from scratchcnn.models import MODELS

# Where the whole suite runs several times, few steps are enough for all but one of them.
STEPS = int(os.environ.get("LOCKSTEP_STEPS", "100"))
BATCH, NOISE = 8, 1e-3
OPTIMIZERS: dict[str, dict[str, Any]] = {"SGD": {"lr": 0.05, "momentum": 0.9}, "Adam": {"lr": 1e-3}}
STATE = {"SGD": ("momentum_buffer",), "Adam": ("exp_avg", "exp_avg_sq")}
QUANTITIES = ("loss", "gradient", "weights", "state")

_WINDOW = ("kernel_size", "stride", "padding")
_RESIZING = ("size", "scale_factor", "mode", "align_corners", "recompute_scale_factor")
_LAYERS: dict[str, tuple[str, tuple[str, ...]]] = {
    "AvgPool2d": ("avg_pool2d", (*_WINDOW, "ceil_mode", "count_include_pad", "divisor_override")),
    "ChannelShuffle": ("channel_shuffle", ("groups",)),
    "Conv2d": ("conv2d", ("stride", "padding", "dilation", "groups")),
    "Flatten": ("flatten", ("start_dim", "end_dim")),
    "Linear": ("linear", ()),
    "LogSoftmax": ("log_softmax", ("dim",)),
    "MaxPool2d": ("max_pool2d", (*_WINDOW, "dilation", "ceil_mode")),
    "PixelShuffle": ("pixel_shuffle", ("upscale_factor",)),
    "PixelUnshuffle": ("pixel_unshuffle", ("downscale_factor",)),
    "ReLU": ("relu", ()),
    "Sigmoid": ("sigmoid", ()),
    "Softmax": ("softmax", ("dim",)),
    "Tanh": ("tanh", ()),
    "Upsample": ("interpolate", _RESIZING),
    "UpsamplingBilinear2d": ("interpolate", _RESIZING),
    "UpsamplingNearest2d": ("interpolate", _RESIZING),
}


def between(dtype: Any) -> Format:
    """Return the format whose bounds hold between two evaluations.

    One is in `dtype`, the other is the value of a `Bounded` itself, in float64. Each rounds, so
    the units add up. A thousandth more covers the roundings of the bounds' own arithmetic.
    """
    ours, truth = FORMATS[np.dtype(dtype).name], FORMATS["float64"]
    return Format(ours.name, (ours.unit + truth.unit) * 1.001, ours.tiny + truth.tiny)


def exactly(array: Any, format: Format) -> Bounded:
    """Return an array that is free of error."""
    value = np.asarray(array, np.float64)
    return Bounded(value, np.zeros(value.shape), format)


def chained(model: nn.Module, x: Bounded, masks: Mapping[str, Any]) -> tuple[Bounded, Any]:
    """Return the output of a network by definition, and a pullback to all its parameters.

    Dropout multiplies by the array of its name in `masks`; without one it does nothing.
    """
    pullbacks = []
    for name, layer in model.named_layers():
        x, pullback = _layer(layer, x, masks.get(name))
        pullbacks.append((name, [entry for entry, _ in layer.named_parameters()], pullback))

    def pull(grad: Bounded) -> dict[str, Bounded]:
        grads = {}
        first = pullbacks[0][0]
        for name, entries, pullback in reversed(pullbacks):
            options = {"input_grad": False} if name == first and entries else {}
            grad, *others = pullback(grad, **options)
            grads.update({f"{name}.{e}": g for e, g in zip(entries, others, strict=False)})
        return grads

    return x, pull


def _layer(layer: nn.Module, x: Bounded, mask: Any) -> tuple[Bounded, Any]:
    kind = type(layer).__name__
    if kind == "Dropout":
        return (x, lambda g: (g,)) if mask is None else (x * mask, lambda g: (g * mask,))
    if "Pad" in kind:
        options = {"pad": layer.padding, "mode": layer.mode, "value": layer.value}
        return CATALOGUE["pad"].definition(x, **options)
    operation, options = _LAYERS[kind]
    arrays = [exactly(p.data, x.format) for p in layer.parameters()]
    hyper = {option: getattr(layer, option) for option in options}
    return CATALOGUE[operation].definition(x, *arrays, **hyper)


def _error(output: Bounded, target: Any, classes: int) -> tuple[Bounded, Callable[[], Bounded]]:
    """Return the loss by definition: cross-entropy, for a binary classifier half the square."""
    one = exactly(1.0, output.format)
    if classes > 1:
        value, pullback = CATALOGUE["cross_entropy"].definition(output, target)
        return value, lambda: pullback(one)[0]
    value, pullback = CATALOGUE["mse_loss"].definition(output, exactly(target, output.format))
    return 0.5 * value, lambda: pullback(0.5 * one)[0]


class Masked(torch.nn.Module):
    """Dropout by a mask that is given."""

    mask: Any = None

    def forward(self, x: Any) -> Any:
        return x * self.mask


@cache
def data(model: str) -> tuple[Any, Any]:
    """Return real digits in float64, with noise on their blank background, which makes ties."""
    if MODELS[model].classes > 1:
        images, labels = datasets.mnist5k()
    else:
        images, labels = datasets.binary_digits()
        labels = labels[:, None].astype(np.float64)
    noise = np.random.default_rng(1).standard_normal(images.shape)
    return images.astype(np.float64) + NOISE * noise, labels


class Batch(NamedTuple):
    """What one step sees."""

    x: Any
    target: Any
    masks: dict[str, Any]

    def permuted(self, order: Any) -> Batch:
        """Return the same samples in another order."""
        masks = {name: mask[order] for name, mask in self.masks.items()}
        return Batch(self.x[order], self.target[order], masks)


def batches(name: str, model: nn.Module, steps: int) -> Iterator[Batch]:
    """Yield batches of digits with the masks that dropout in `model` is about to draw."""
    images, labels = data(name)
    source = np.random.default_rng(2)
    for _ in range(steps):
        chosen = source.choice(len(images), BATCH, replace=False)
        x, masks = images[chosen], {}
        for layer_name, layer in model.named_layers():
            if isinstance(layer, nn.Dropout):
                # The layer draws by itself; a copy of its source foretells what.
                drawn = nn.Dropout(layer.p, rng=copy.deepcopy(layer.rng))
                masks[layer_name] = drawn(np.ones_like(x))
                x = drawn.eval()(x)
            else:
                x = layer(x)
        yield Batch(images[chosen], labels[chosen], masks)


class Theirs:
    """A network and its optimizer in PyTorch."""

    def __init__(self, model: nn.Module, classes: int, optimizer: str) -> None:
        self.model = to_torch(model)
        for name, layer in model.named_layers():
            if isinstance(layer, nn.Dropout):
                self.model.set_submodule(name, Masked())
        self.classes, self.kind, self.entries = classes, optimizer, STATE[optimizer]
        make = getattr(torch.optim, optimizer)
        self.optimizer = make(self.model.parameters(), **OPTIMIZERS[optimizer])

    def weights(self) -> dict[str, Any]:
        """Return copies of the weights."""
        return state_dict_from_torch(self.model)

    def state(self, name: str) -> dict[str, Any] | None:
        """Return copies of one entry of the optimizer's state, None before the first step."""
        state = self.optimizer.state
        if not state:
            return None
        named = self.model.named_parameters()
        return {each: state[p][name].detach().numpy().copy() for each, p in named}

    def state_dict(self) -> dict[str, Any]:
        """Return the optimizer's state_dict with arrays for tensors."""
        theirs = self.optimizer.state_dict()
        state = {
            place: {name: value.detach().numpy().copy() for name, value in entries.items()}
            for place, entries in theirs["state"].items()
        }
        return {"state": state, "param_groups": theirs["param_groups"]}

    def grads(self) -> dict[str, Any]:
        """Return copies of the gradients."""
        return {name: p.grad.numpy().copy() for name, p in self.model.named_parameters()}

    def backward(self, batch: Batch) -> Any:
        """Return the loss, and leave the gradients in the model."""
        for name, mask in batch.masks.items():
            self.model.get_submodule(name).mask = torch.tensor(mask)
        output, target = self.model(torch.tensor(batch.x)), torch.tensor(batch.target)
        if self.classes > 1:
            loss = torch.nn.functional.cross_entropy(output, target)
        else:
            loss = 0.5 * torch.nn.functional.mse_loss(output, target)
        self.optimizer.zero_grad()
        loss.backward()
        return loss.detach().numpy()


class Ours:
    """The same in scratchcnn."""

    def __init__(self, model: nn.Module, classes: int, optimizer: str) -> None:
        self.model = model
        self.loss: nn.Loss = nn.CrossEntropyLoss() if classes > 1 else nn.HalfSquaredError()
        make = getattr(optim, optimizer)
        self.optimizer = make(model.parameters(), **OPTIMIZERS[optimizer])

    def follow(self, theirs: Theirs) -> None:
        """Take over weights and state."""
        self.model.load_state_dict(theirs.weights())
        self.optimizer.load_state_dict(theirs.state_dict())

    def weights(self) -> dict[str, Any]:
        """Return copies of the weights."""
        return self.model.state_dict()

    def state(self, name: str) -> dict[str, Any]:
        """Return one entry of the optimizer's state."""
        named = self.model.named_parameters()
        return {each: self.optimizer.state[p][name][0] for each, p in named}

    def grads(self) -> dict[str, Any]:
        """Return the gradients."""
        return {name: p.grad for name, p in self.model.named_parameters()}

    def backward(self, batch: Batch) -> Any:
        """Return the loss, and leave the gradients in the model."""
        self.model.zero_grad()
        output, pullback = self.model.vjp(batch.x, input_grad=False)
        value, loss_pullback = self.loss.vjp(output, batch.target)
        pullback(loss_pullback())
        return value


@dataclass
class Record:
    """What a lockstep found.

    Attributes
    ----------
    worst : dict
        The largest error over its bound, by quantity and party.
    width : dict
        The median of bound over value, by quantity, the largest of every tenth step.
    failures : list of str
        Where an error exceeded its bound.
    """

    worst: dict[tuple[str, str], float] = field(default_factory=dict)
    width: dict[str, float] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    def judge(self, where: str, quantity: str, truth: Bounded, ours: Any, theirs: Any) -> None:
        """Compare both results with the truth."""
        for party, result in (("ours", ours), ("PyTorch", theirs)):
            ratio = np.abs(result - truth.value) / truth.error
            worst = float(np.max(ratio))
            self.worst[quantity, party] = max(self.worst.get((quantity, party), 0.0), worst)
            # Written so that NaN is a failure.
            if not worst <= 1:
                place = tuple(map(int, np.unravel_index(np.argmax(~(ratio <= 1)), ratio.shape)))
                self.failures.append(
                    f"{where}: {quantity} of {party} at {place} is {result[place]}, "
                    f"expected {truth.value[place]} within {truth.error[place]:.2g}"
                )

    def measure(self, quantity: str, truth: Bounded) -> None:
        """Note how wide the bounds are."""
        counted = truth.magnitude > 0
        if counted.any():
            width = float(np.median(truth.error[counted] / truth.magnitude[counted]))
            self.width[quantity] = max(self.width.get(quantity, 0.0), width)


def lockstep(
    name: str,
    optimizer: str,
    steps: int = STEPS,
    tamper: Callable[[nn.Module, optim.Optimizer], None] | None = None,
) -> Record:
    """Return what `steps` steps of lockstep find; `tamper` spoils our gradients or optimizer."""
    model = MODELS[name].build(rng=0, dtype=np.float64)
    theirs = Theirs(model, MODELS[name].classes, optimizer)
    ours = Ours(model, MODELS[name].classes, optimizer)
    record = Record()
    for step, batch in enumerate(batches(name, model, steps)):
        ours.follow(theirs)
        for quantity, what, truth, *results in _compared(ours, theirs, batch, step, tamper):
            record.judge(f"{name}, {optimizer}, step {step}, {what}", quantity, truth, *results)
            if step % 10 == 0:
                record.measure(quantity, truth)
    return record


def _compared(
    ours: Ours, theirs: Theirs, batch: Batch, step: int, tamper: Any
) -> Iterator[tuple[str, str, Bounded, Any, Any]]:
    """Take one step and yield (quantity, what exactly, truth, ours, theirs)."""
    before, state = theirs.weights(), [theirs.state(entry) for entry in theirs.entries]
    names = list(before)
    output, pull = chained(ours.model, exactly(batch.x, between(np.float64)), batch.masks)
    loss, slope = _error(output, batch.target, theirs.classes)
    grads = pull(slope())
    yield "loss", "loss", loss, ours.backward(batch), theirs.backward(batch)
    if tamper is not None:
        tamper(ours.model, ours.optimizer)
    our_grads, their_grads = ours.grads(), theirs.grads()
    for each in names:
        yield "gradient", each, grads[each], our_grads[each], their_grads[each]
    ours.optimizer.step()
    theirs.optimizer.step()
    new = _stepped(theirs.kind, step, before, grads, state)
    yield "weights", "weights", new[0], _flat(ours.weights()), _flat(theirs.weights())
    for entry, truth in zip(theirs.entries, new[1:], strict=True):
        yield "state", entry, truth, _flat(ours.state(entry)), _flat(theirs.state(entry))


def locksteps(name: str) -> dict[str, Record]:
    """Return the lockstep of each optimizer, each in a thread of its own."""
    # The number of PyTorch's threads belongs to the process, so it is set before they start.
    with one_thread(), ThreadPoolExecutor(len(OPTIMIZERS)) as pool:
        return dict(zip(OPTIMIZERS, pool.map(partial(lockstep, name), OPTIMIZERS), strict=True))


def _flat(arrays: Mapping[str, Any]) -> Any:
    return np.concatenate([array.ravel() for array in arrays.values()])


def _stepped(
    kind: str,
    step: int,
    weights: Mapping[str, Any],
    grads: Mapping[str, Bounded],
    state: list[Any],
) -> tuple[Bounded, ...]:
    """Return all new weights, then each entry of the new state, by definition."""
    slopes = [grads[name] for name in weights]
    format = slopes[0].format
    slope = Bounded(
        np.concatenate([each.value.ravel() for each in slopes]),
        np.concatenate([each.error.ravel() for each in slopes]),
        format,
    )
    params, *entries = (
        None if arrays is None else exactly(_flat(arrays), format) for arrays in (weights, *state)
    )
    hyper = {"step": step} if kind == "Adam" else {}
    definition = CATALOGUE[kind.lower()].definition
    return definition(params, slope, *entries, **OPTIMIZERS[kind], **hyper)


def divergence(a: Mapping[str, Any], b: Mapping[str, Any]) -> float:
    """Return the largest difference of any array, relative to the array's largest element."""
    return max(float(np.max(np.abs(a[name] - b[name])) / np.max(np.abs(b[name]))) for name in b)


def free_run(name: str, optimizer: str, steps: int = STEPS) -> tuple[float, float]:
    """Return how far from PyTorch ours ends, and PyTorch with each batch in another order."""
    model = MODELS[name].build(rng=0, dtype=np.float64)
    classes = MODELS[name].classes
    theirs, again = (Theirs(model, classes, optimizer) for _ in range(2))
    ours = Ours(model, classes, optimizer)
    order = np.random.default_rng(3).permutation(BATCH)
    with one_thread():
        for batch in batches(name, model, steps):
            for party, seen in ((ours, batch), (theirs, batch), (again, batch.permuted(order))):
                party.backward(seen)
                party.optimizer.step()
    return divergence(ours.weights(), theirs.weights()), divergence(
        again.weights(), theirs.weights()
    )


def main() -> int:
    """Print both tables and return 1 if anything exceeded its bound."""
    failures: list[str] = []
    print(f"{STEPS} steps, batches of {BATCH}, float64: largest error over its bound")
    heads = [f"{quantity:>9}" for quantity in QUANTITIES]
    print(f"{'':26}{'ours':<36}{'PyTorch':<36}median bound / value")
    print(f"{'':18}{''.join(heads) * 3}  seconds")
    for name in (each for each, model in MODELS.items() if model.least is None):
        start = time.perf_counter()
        records = locksteps(name)
        seconds = time.perf_counter() - start
        for optimizer, record in records.items():
            failures += record.failures
            worst = [record.worst[q, party] for party in ("ours", "PyTorch") for q in QUANTITIES]
            print(
                f"{name:12}{optimizer:6}"
                + "".join(f"{value:9.2g}" for value in worst)
                + "".join(f"{record.width[q]:9.0e}" for q in QUANTITIES)
                + f"{seconds:9.1f}"
            )
    print(f"\n{STEPS} steps run freely: largest relative difference of any weight")
    print(f"{'':18}{'ours, PyTorch':>20}{'PyTorch, reordered':>20}")
    for name in (each for each, model in MODELS.items() if model.least is None):
        for optimizer in OPTIMIZERS:
            ours, reordered = free_run(name, optimizer)
            print(f"{name:12}{optimizer:6}{ours:20.1e}{reordered:20.1e}")
    for line in failures[:20]:
        print(line)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
