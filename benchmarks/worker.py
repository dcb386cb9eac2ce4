"""Time one workload with one library and print the result as JSON.

``run.py`` starts one process of this script after the other, because thread pools of two
libraries in one process slow each other down.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from scratchcnn import nn, optim
from scratchcnn.models import MODELS


class Workload(NamedTuple):
    """A module, the shape of its input, and whether it is trained (on 10 classes)."""

    build: Callable[..., Any]
    shape: tuple[int, ...]
    trained: bool = False


def _convolution(n: int, c: int, size: int, o: int, kernel: int, padding: int) -> Workload:
    return Workload(partial(nn.Conv2d, c, o, kernel, padding=padding), (n, c, size, size))


WORKLOADS = {
    "conv2d 64×1×28×28, 5×5 to 6": _convolution(64, 1, 28, 6, 5, 0),
    "conv2d 64×16×32×32, 3×3 to 16": _convolution(64, 16, 32, 16, 3, 1),
    "conv2d 32×64×56×56, 3×3 to 64": _convolution(32, 64, 56, 64, 3, 1),
    "conv2d 32×128×28×28, 3×3 to 128": _convolution(32, 128, 28, 128, 3, 1),
    "conv2d 64×256×8×8, 3×3 to 256": _convolution(64, 256, 8, 256, 3, 1),
    "max_pool2d 64×16×64×64, 2": Workload(lambda rng: nn.MaxPool2d(2), (64, 16, 64, 64)),
    "lenet5, batch 64": Workload(MODELS["lenet5"].build, (64, 1, 28, 28), trained=True),
    "two_conv, batch 64": Workload(MODELS["two_conv"].build, (64, 1, 28, 28), trained=True),
}


def measure(
    library: str, workload: str, repeats: int = 10, warmup: int = 3, batch: int | None = None
) -> dict[str, Any]:
    """Return the seconds of each repetition, by part, and the growth of peak memory in MB.

    Parameters
    ----------
    library : {"scratchcnn", "torch"}
    workload : str
        One of `WORKLOADS`.
    repeats, warmup : int
        How many repetitions count, and how many before them do not.
    batch : int, optional
        Another size of batch, for a quick trial.
    """
    build, shape, trained = WORKLOADS[workload]
    source = np.random.default_rng(0)
    x = source.standard_normal((batch or shape[0], *shape[1:]), dtype=np.float32)
    labels = source.integers(0, 10, len(x))
    once = {"scratchcnn": _ours, "torch": _torch}[library](build(rng=0), x, labels, trained)
    before = _peak()
    rows = [once() for _ in range(warmup + repeats)][warmup:]
    parts = ("forward", "backward", "step") if trained else ("forward", "backward")
    seconds = {part: [row[place] for row in rows] for place, part in enumerate(parts)}
    return {"seconds": seconds, "memory": _peak() - before}


def _ours(model: Any, x: Any, labels: Any, trained: bool) -> Callable[[], list[float]]:
    loss = nn.CrossEntropyLoss()
    optimizer = optim.SGD(model.parameters(), lr=0.01, momentum=0.9) if trained else None

    def once() -> list[float]:
        model.zero_grad()
        start = time.perf_counter()
        y, pullback = model.vjp(x, input_grad=not trained)
        loss_pullback = loss.vjp(y, labels)[1] if trained else None
        forward = time.perf_counter() - start
        grad = None if trained else np.ones_like(y)
        start = time.perf_counter()
        pullback(grad if loss_pullback is None else loss_pullback())
        backward = time.perf_counter() - start
        start = time.perf_counter()
        if optimizer is not None:
            optimizer.step()
        return [forward, backward, forward + backward + time.perf_counter() - start]

    return once


def _torch(model: Any, x: Any, labels: Any, trained: bool) -> Callable[[], list[float]]:
    import torch

    from scratchcnn.interop.torch import to_torch

    twin = to_torch(model)
    tensor, classes = torch.tensor(x), torch.tensor(labels)
    tensor.requires_grad_(not trained)
    optimizer = torch.optim.SGD(twin.parameters(), lr=0.01, momentum=0.9) if trained else None

    def once() -> list[float]:
        twin.zero_grad()
        tensor.grad = None
        start = time.perf_counter()
        y = twin(tensor)
        last = torch.nn.functional.cross_entropy(y, classes) if trained else y
        forward = time.perf_counter() - start
        grad = None if trained else torch.ones_like(y)
        start = time.perf_counter()
        last.backward(grad)
        backward = time.perf_counter() - start
        start = time.perf_counter()
        if optimizer is not None:
            optimizer.step()
        return [forward, backward, forward + backward + time.perf_counter() - start]

    return once


def _peak() -> float:
    """Return the most memory that this process has had, in MB; NaN where it is not known."""
    try:
        import resource
    except ImportError:
        return float("nan")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("library", choices=("scratchcnn", "torch"))
    parser.add_argument("workload", choices=WORKLOADS)
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--warmup", type=int, default=3)
    parser.add_argument("--batch", type=int)
    print(json.dumps(measure(**vars(parser.parse_args()))))


if __name__ == "__main__":
    main()
