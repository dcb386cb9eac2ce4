"""Where the integers of a case come from: a seed, Hypothesis, or a case that is being shrunk.

A strategy asks only for integers. So the same strategy serves `verify` (a seeded generator,
whose cases depend on the seed alone), pytest (Hypothesis, which shrinks) and the shrinking of
`verify` (the integers of a failing case, lowered one at a time).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

T = TypeVar("T")
# The largest size, and how rare such sizes are: one of so many.
LARGE, RARE = 40, 32


class Draw:
    """A source of choices.

    Parameters
    ----------
    source : callable
        Takes the smallest and the largest allowed integer and returns one.
    limits : mapping, optional
        Values of parameters that are given instead of drawn: all that the subject supports.
    """

    def __init__(
        self, source: Callable[[int, int], int], limits: Mapping[str, Any] | None = None
    ) -> None:
        self._source = source
        self.limits = dict(limits or {})
        self.made: list[int] = []

    def integer(self, low: int, high: int) -> int:
        """Return an integer from `low` to `high`."""
        if low > high:
            raise ValueError(f"integer: low is {low} and high {high}, expected low not above high")
        number = self._source(low, high)
        self.made.append(number - low)
        return number

    def choice(self, options: Sequence[T]) -> T:
        """Return one of the `options`; the first is the simplest."""
        return options[self.integer(0, len(options) - 1)]

    def chance(self, part: int, whole: int) -> bool:
        """Return true with probability ``part / whole``."""
        return self.integer(0, whole - 1) >= whole - part

    def size(self, low: int, high: int, largest: int = LARGE) -> int:
        """Return a size from `low` to `high`, or rarely one up to `largest`.

        What goes wrong at the end of a block, or where a buffer is too small, shows in these only.
        """
        return self.integer(high + 1, largest) if self.chance(1, RARE) else self.integer(low, high)

    def parameter(self, name: str, drawn: Callable[[], T], axis: int | None = None) -> T:
        """Return the limit of a parameter, if there is one, or else what `drawn` returns."""
        if name not in self.limits:
            return drawn()
        value: Any = self.limits[name]
        chosen: T = value[axis] if axis is not None and isinstance(value, Sequence) else value
        return chosen


def seeded(seed: str, limits: Mapping[str, Any] | None = None) -> Draw:
    """Return a Draw whose choices depend on `seed` alone, on every platform."""
    return Draw(random.Random(seed).randint, limits)


def replayed(made: Sequence[int], limits: Mapping[str, Any] | None = None) -> Draw:
    """Return a Draw that repeats recorded choices, cut to what is allowed, then the simplest."""
    left = iter(made)
    return Draw(lambda low, high: min(low + next(left, 0), high), limits)
