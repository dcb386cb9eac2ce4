"""The weights of two networks after the same training."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference_tests.networks.mapping import renamed
from reference_tests.networks.sides import Side

Array = NDArray[Any]
Train = Callable[[Any, int], object]
# Two paths of training may be so many times as far apart as one from itself.
FACTOR = 8


def compared_training(
    sides: tuple[Side, Side],
    start: Mapping[str, Array],
    names: Mapping[str, str],
    train: tuple[Train, Train],
    steps: int,
) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with weights after `steps` steps of training.

    No bound can be derived for free runs, since training magnifies rounding. So each network is
    also trained from weights that are one rounding away, and where the two networks are more than
    eight times as far apart as either is from itself, one of them computes something else.
    """
    mine, reference = sides
    own = renamed(start, mine.weights(), names) if mine.weights() else {}
    ours = _trained(mine, own, train[0], steps)
    theirs = renamed(_trained(reference, start, train[1], steps), ours, names)
    drift = _apart(ours, _trained(mine, _rounded(own), train[0], steps))
    swing = renamed(_trained(reference, _rounded(start), train[1], steps), ours, names)
    for name, apart in _apart(ours, theirs).items():
        unit = float(np.finfo(ours[name].dtype).eps) if ours[name].dtype.kind == "f" else 0.0
        allowed = FACTOR * max(drift[name], _apart(theirs, swing)[name], unit)
        # Written so that NaN is a failure.
        if not apart <= allowed:
            yield (
                f"{name} after {steps} steps",
                f"differs by {apart:.2g} of its largest element; "
                f"{allowed:.2g} is {FACTOR} times what rounding does",
            )


def _trained(
    side: Side, weights: Mapping[str, Array], train: Train, steps: int
) -> dict[str, Array]:
    side.load(weights)
    train(side.model, steps)  # type: ignore[attr-defined]
    return side.weights()


def _rounded(weights: Mapping[str, Array]) -> dict[str, Array]:
    """Return weights of which every element is one rounding away, up or down."""
    rng = np.random.default_rng(0)
    return {
        name: np.nextafter(array, rng.choice([-np.inf, np.inf], array.shape).astype(array.dtype))
        if array.dtype.kind == "f"
        else array
        for name, array in weights.items()
    }


def _apart(some: Mapping[str, Array], others: Mapping[str, Array]) -> dict[str, float]:
    """Return how far arrays are apart, relative to their largest element."""
    return {
        name: float(np.max(np.abs(array - others[name]), initial=0.0))
        / (float(np.max(np.abs(others[name]), initial=0.0)) or 1.0)
        for name, array in some.items()
    }
