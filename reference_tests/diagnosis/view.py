"""One wrong result beside the right one, as relations look at it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, wraps
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference_tests.diagnosis.features import SPATIAL, axis_names, ordinals
from reference_tests.diagnosis.simulation import allowance
from reference_tests.diagnosis.witness import Array, Question, Witness, agrees, near
from reference_tests.faults import Inputs


@dataclass(frozen=True, eq=False)
class View:
    """A wrong result.

    Parameters
    ----------
    witness : Witness
    output : str
    """

    witness: Witness
    output: str

    @property
    def question(self) -> Question:
        """What was asked."""
        return self.witness.question

    @property
    def inputs(self) -> Inputs:
        """What the result is computed from."""
        return self.question.inputs

    @cached_property
    def got(self) -> NDArray[np.float64]:
        """What the subject computed."""
        return np.asarray(self.witness.got(self.output), np.float64)

    @cached_property
    def right(self) -> NDArray[np.float64]:
        """What is right."""
        return self.question.right[self.output].nearest

    @property
    def alike(self) -> bool:
        """Whether the result has the right shape."""
        return self.got.shape == self.right.shape

    @cached_property
    def wrong(self) -> NDArray[np.bool_]:
        """Which elements are wrong, of a result of the right shape."""
        return ~near(self.got, self.right, self.question.right[self.output].bound)

    @property
    def axes(self) -> list[str]:
        """The names of the axes of the right result."""
        for name in self.inputs.arrays:
            if self.output == ("grad_input" if name == "x" else f"grad_{name}"):
                return axis_names(self.question, name)
        match, ndim = re.search(r"([123])d", self.inputs.operation.name), self.right.ndim
        spatial = int(match[1]) if match else 0
        lead = {spatial + 2: ["N", "O"], spatial + 1: ["O"]}.get(ndim) if spatial else None
        if lead is None:
            return [f"the {which} axis" for which in ordinals(ndim)]
        return [*lead, *SPATIAL[spatial]]

    def is_near(self, other: Any) -> bool:
        """Return whether the result is another one but for rounding."""
        other = np.asarray(other, np.float64)
        if other.shape != self.got.shape:
            return False
        return agrees(self.got, other, allowance(self.question, self.output, other))

    def computed(self, change: Callable[[Inputs], Inputs | None]) -> Any:
        """Return the right result for changed inputs, or None where there is none."""
        try:
            changed = change(self.inputs)
            if changed is None:
                return None
            if not self.output.startswith("grad_"):
                return np.asarray(changed.forward[0][self.output], np.float64)
            return np.asarray(changed.gradients[self.output], np.float64)
        except (ArithmeticError, AttributeError, IndexError, KeyError, TypeError, ValueError):
            # Not every parameter goes with every other.
            return None


# What may hold in a view, in words that go on after the name of the output, and whether it does.
Claim = tuple[str, Callable[[], bool]]
Relation = Callable[[View], Iterator[Claim]]


def held(relation: Callable[[View], Iterator[str]]) -> Relation:
    """Return a relation that yields what holds as one that says so of it."""

    @wraps(relation)
    def claims(view: View) -> Iterator[Claim]:
        return ((sentence, lambda: True) for sentence in relation(view))

    return claims


def number(value: float) -> str:
    """Return a number in words that two cases share if it is the same."""
    return f"{value:.6g}"


__all__ = ["Array", "Claim", "Relation", "View", "held", "number"]
