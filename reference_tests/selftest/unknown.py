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


def judged(subject: Any, name: str, examples: int, seed: int) -> Unknown:
    """Judge one mutant by its name; `subject` is not asked."""
    mutant = MUTANTS[name]
    operation = replace(CATALOGUE[mutant.operation], invalid=())
    implementation = Implementation(name, {mutant.operation: mutant.function})
    report = verify(implementation, [operation], [], examples, seed)
    mine = [f for f in report.failures if f.output == mutant.output]
    told = "\n".join(dict.fromkeys(f.explanation for f in mine if f.explanation))
    named = tuple(dict.fromkeys(id for f in mine for id in f.diagnosis))
    pointed = bool(re.search(mutant.points_at, told))
    return Unknown(name, mutant.operation, mutant.output, bool(mine), named, told, pointed)


def ok(found: Sequence[Unknown]) -> bool:
    """Return whether all were rejected and described, and none was taken for a known mistake."""
    return bool(found) and all(u.rejected and u.pointed and not u.misnamed for u in found)
