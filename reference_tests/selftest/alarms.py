"""Correct subjects, over many seeds: none is wronged."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from reference_tests.implementation import Implementation
from reference_tests.judge import verify
from reference_tests.operations import CATALOGUE
from reference_tests.references import available

# What is right: subjects by where they are, and the reference that they need.
RIGHT = {
    "scratchcnn": ("reference_tests.implementations.scratchcnn:subject", ""),
    "naive oracle": ("reference_tests.references.exact:subject", ""),
    "PyTorch": ("reference_tests.implementations.pytorch:subject", "torch"),
    "JAX": ("reference_tests.implementations.jax:subject", "jax"),
}
SEEDS = range(1, 21)


@dataclass
class Alarms:
    """What the judge said of right subjects.

    Attributes
    ----------
    subject : str
    operations, cases : int
    alarms : list of str
        What was held against it.
    """

    subject: str
    operations: int = 0
    cases: int = 0
    alarms: list[str] = field(default_factory=list)


def present() -> dict[str, str]:
    """Return the places of the right subjects whose packages are installed."""
    return {
        name: place
        for name, (place, needs) in RIGHT.items()
        if (not needs or needs in available()) and importlib.util.find_spec(place.split(":")[0])
    }


def judged(
    subject: Implementation, name: str, examples: int, seeds: Sequence[int]
) -> tuple[int, list[str]]:
    """Return how many cases of an operation were judged, and what was held against them."""
    # A right subject may be more tolerant than the record asks, so only its results count.
    operation = replace(CATALOGUE[name], invalid=())
    cases, alarms = 0, []
    for seed in seeds:
        # The pinned cases are the same for every seed.
        asked = operation if seed == seeds[0] else replace(operation, pinned=())
        report = verify(subject, [asked], [], examples, seed, diagnose=False, reproduce=False)
        cases += report[name].cases
        # With few cases of one seed an output may show nothing; that is no verdict.
        bad = [f for f in report.findings if f.status in ("failed", "error")]
        alarms += [f"seed {seed}: {finding}" for finding in bad]
    return cases, alarms


def gathered(subject: str, results: Sequence[Any]) -> Alarms:
    """Return the sum over operations."""
    total = Alarms(subject)
    for result in results:
        cases, alarms = result or (0, ["ended its process"])
        total.operations += bool(cases)
        total.cases += cases
        total.alarms += alarms
    return total
