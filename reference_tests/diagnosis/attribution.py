"""When a subject fails: the shortest condition that holds for its failures and for no pass."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from reference_tests.diagnosis.features import Features, features
from reference_tests.diagnosis.witness import Witness

# Fewer failures than this can be told apart from the rest by chance alone, with two conditions.
FEW = 3
# Where fewer cases than this share pass, what they have in common is chance.
MOSTLY = 0.1
Column = NDArray[np.bool_]


def attributed(what: str, witnesses: Sequence[Witness], failed: Sequence[bool]) -> str:
    """Return in words under which parameters something happens.

    Parameters
    ----------
    what : str
        What happens, such as "grad_input is wrong".
    witnesses : sequence of Witness
    failed : sequence of bool
        Whether it happens in each of them.
    """
    table = [features(witness.question) for witness in witnesses]
    return told(what, table, failed)


def told(what: str, table: Sequence[Features], failed: Sequence[bool]) -> str:
    """Return in words which features go with failures."""
    happens = np.array(failed, bool)
    bad, good = int(happens.sum()), int((~happens).sum())
    if not bad:
        return ""
    if not good:
        return f"{what} in every case ({bad} of {bad})"
    columns = _columns(table)
    necessary = {name: column for name, column in columns.items() if column[happens].all()}
    exact = _exactly(necessary, happens)
    if exact:
        return f"{what} exactly if {exact} ({bad} of {bad} such cases; {good} others are not)"
    if good < MOSTLY * len(failed):
        return f"{what} in {bad} of {bad + good} cases"
    partial = _only(necessary, happens)
    if partial:
        name, others = partial
        return (
            f"{what} only if {name} ({bad} of {bad + others} such cases; "
            f"{good - others} others are not)"
        )
    enough = _always(columns, happens)
    if enough:
        name, count = enough
        return f"{what} always if {name} ({count} of {count} such cases), and in {bad - count} more"
    return f"{what} in {bad} of {bad + good} cases, for which no common condition was found"


def _columns(table: Sequence[Features]) -> dict[str, Column]:
    """Return each feature over all cases; what does not apply to a case does not hold in it."""
    names = dict.fromkeys(name for row in table for name in row)
    return {name: np.array([row.get(name, False) for row in table], bool) for name in names}


def _exactly(necessary: dict[str, Column], happens: Column) -> str:
    """Return the shortest condition that holds where it happens, and nowhere else."""
    for name, column in necessary.items():
        if np.array_equal(column, happens):
            return name
    if happens.sum() < FEW:
        return ""
    for (one, first), (two, second) in itertools.combinations(necessary.items(), 2):
        if np.array_equal(first & second, happens):
            return f"{one} and {two}"
    return ""


def _only(necessary: dict[str, Column], happens: Column) -> tuple[str, int] | None:
    """Return the narrowest condition that holds wherever it happens, and where it does not."""
    if not necessary:
        return None
    good = int((~happens).sum())
    singles = {name: int((column & ~happens).sum()) for name, column in necessary.items()}
    best = min(singles, key=lambda name: singles[name])
    pairs = {
        f"{one} and {two}": int((first & second & ~happens).sum())
        for (one, first), (two, second) in itertools.combinations(necessary.items(), 2)
    }
    narrow = min(pairs, key=lambda name: pairs[name], default=best)
    # A second condition must be worth its words.
    if happens.sum() >= FEW and pairs.get(narrow, good) < singles[best] / 2:
        return narrow, pairs[narrow]
    return (best, singles[best]) if 2 * singles[best] <= good else None


def _always(columns: dict[str, Column], happens: Column) -> tuple[str, int] | None:
    """Return the widest condition under which it always happens, if it covers half of it.

    Of few cases, one that holds in all of them is found by chance.
    """
    always = {n: int(c.sum()) for n, c in columns.items() if c.any() and happens[c].all()}
    best = max(always, key=lambda name: always[name], default="")
    least = max(FEW, happens.sum() / 2)
    return (best, always[best]) if best and always[best] >= least else None
