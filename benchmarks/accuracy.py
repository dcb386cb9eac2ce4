"""How well the models learn, beside the same networks trained by PyTorch.

Each pair starts from the same weights and sees the same batches of mnist5k, as the command
``scratchcnn train`` takes them: 4,000 digits to learn from, 1,000 held out, ten epochs of Adam.
``python benchmarks/accuracy.py`` prints the table; ``--write README.md`` puts it into the page.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch

from scratchcnn import datasets, evaluate, fit, models, nn, optim
from scratchcnn.interop.torch import to_torch

START, END = "<!-- accuracy by benchmarks/accuracy.py -->", "<!-- end of accuracy -->"
EPOCHS, BATCH, RATE = 10, 32, 1e-3


def ours(model, train, test, order) -> float:
    """Return the held-out accuracy of a model after training."""
    fit(
        model,
        *train,
        loss=nn.CrossEntropyLoss(),
        optimizer=optim.Adam(model.parameters(), lr=RATE),
        epochs=EPOCHS,
        batch_size=BATCH,
        rng=order,
    )
    return evaluate(model, *test, loss=nn.CrossEntropyLoss()).accuracy


def theirs(model, train, test, order, seed) -> float:
    """Return the held-out accuracy of a PyTorch module after training on the same batches."""
    torch.manual_seed(seed)
    images, labels = map(torch.from_numpy, train)
    optimizer = torch.optim.Adam(model.parameters(), lr=RATE)
    loss = torch.nn.CrossEntropyLoss()
    model.train()
    for _ in range(EPOCHS):
        places = order.permutation(len(images))
        for first in range(0, len(images), BATCH):
            chosen = torch.from_numpy(places[first : first + BATCH])
            optimizer.zero_grad()
            loss(model(images[chosen]), labels[chosen]).backward()
            optimizer.step()
    model.eval()
    with torch.no_grad():
        return float((model(torch.from_numpy(test[0])).argmax(1).numpy() == test[1]).mean())


def _sources(seed: int) -> list[np.random.Generator]:
    """Return the generators of the weights and of the batches, as the command makes them."""
    return np.random.default_rng(seed).spawn(2)


def measured(name: str, seeds: range) -> tuple[list[float], list[float]]:
    """Return both accuracies in percent for each seed."""
    data = datasets.mnist5k()
    pairs = []
    for seed in seeds:
        train, test = datasets.split(*data, test_size=1000, rng=seed)
        mean, deviation = train.images.mean(), train.images.std()
        train, test = (((d.images - mean) / deviation, d.labels) for d in (train, test))
        model = models.MODELS[name].build(rng=_sources(seed)[0])
        twin = to_torch(model)
        mine = ours(model, train, test, _sources(seed)[1])
        pair = mine, theirs(twin, train, test, _sources(seed)[1], seed)
        pairs.append([100 * accuracy for accuracy in pair])
        print(f"{name} seed {seed}: ours {pairs[-1][0]:.1f} %, PyTorch {pairs[-1][1]:.1f} %")
    first, second = zip(*pairs, strict=True)
    return list(first), list(second)


def table(seeds: range) -> str:
    """Return the accuracies as a table, each the mean over the seeds."""
    lines = ["| model | held-out accuracy | the same in PyTorch | seeds |", "|---|---|---|---|"]
    for name in ("lenet5", "two_conv"):
        mine, other = measured(name, seeds)
        each = ", ".join(f"{accuracy:.1f}" for accuracy in mine)
        lines.append(
            f"| `{name}` | {np.mean(mine):.2f} % ({each}) | {np.mean(other):.2f} % | {len(seeds)} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Print or write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", type=Path, metavar="PAGE")
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    text = table(range(options.seeds))
    print(text)
    if options.write:
        before, rest = options.write.read_text(encoding="utf-8").split(START)
        page = f"{before}{START}\n{text}\n{END}{rest.split(END)[1]}"
        options.write.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
