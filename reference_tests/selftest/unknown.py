"""Mistakes that are in no dictionary: rejected, and described by relations or attribution."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from reference_tests.implementation import Implementation
from reference_tests.judge import verify
from reference_tests.operations import CATALOGUE
from reference_tests.selftest.mutants import MUTANTS

EXAMPLES = 60


@dataclass(frozen=True)
class Unknown:
    """What the judge said of one mistake that it does not know.

    Attributes
    ----------
    mutant, operation, output : str
    rejected : bool
        For the right output.
    misnamed : tuple of str
        Known mistakes that it was wrongly taken for.
    explanation : str
        The relations and the attribution.
    pointed : bool
        Whether these point at what is wrong.
    """

    mutant: str
    operation: str
    output: str
    rejected: bool
    misnamed: tuple[str, ...]
    explanation: str
    pointed: bool

    @property
    def ok(self) -> bool:
        """Whether the mistake was rejected and described, and taken for no known one."""
        return self.rejected and self.pointed and not self.misnamed


def judged(subject: Any, name: str, examples: int, seed: int) -> Unknown:
    """Judge one mutant by its name; `subject` is not asked."""
    mutant = MUTANTS[name]
    operation = replace(CATALOGUE[mutant.operation], invalid=())
    implementation = Implementation(name, {mutant.operation: mutant.function})
    report = verify(implementation, [operation], [], examples, seed, reproduce=False)
    mine = [f for f in report.failures if f.output == mutant.output]
    told = "\n".join(dict.fromkeys(f.explanation for f in mine if f.explanation))
    named = tuple(dict.fromkeys(id for f in mine for id in f.diagnosis))
    pointed = bool(re.search(mutant.points_at, told))
    return Unknown(name, mutant.operation, mutant.output, bool(mine), named, told, pointed)


def generic(found: Sequence[Unknown]) -> list[str]:
    """Return the mutants whose expression matches what is said of too many others."""
    # What fits a quarter of all descriptions points at nothing.
    most = (len(found) - 1) / 4
    return [one.mutant for one in found if len(_also(one, found)) > most]


def _also(one: Unknown, found: Sequence[Unknown]) -> list[str]:
    words = MUTANTS[one.mutant].points_at
    others = [u for u in found if u is not one]
    return [other.mutant for other in others if re.search(words, other.explanation)]


def ok(found: Sequence[Unknown]) -> bool:
    """Return whether all were rejected and described, and none was taken for a known mistake."""
    return bool(found) and all(one.ok for one in found)
