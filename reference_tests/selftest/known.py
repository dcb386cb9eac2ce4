"""Every fault of the dictionary, in every operation that can have it: rejected, and named."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from reference_tests.faults import FAULTS, Fault
from reference_tests.judge import verify
from reference_tests.operations import CATALOGUE

# Cases beside the pinned ones: what the command draws by default.
EXAMPLES = 10


@dataclass(frozen=True)
class Known:
    """What the judge said of one fault in one operation.

    Attributes
    ----------
    fault, operation : str
    rejected : bool
        For the very output that it corrupts.
    named : tuple of str
        The diagnosis of that output, best first.
    """

    fault: str
    operation: str
    rejected: bool
    named: tuple[str, ...]

    @property
    def first(self) -> bool:
        """Whether the fault is named first."""
        return self.named[:1] == (self.fault,)

    @property
    def ambiguous(self) -> bool:
        """Whether others are named that compute the same."""
        return self.fault in self.named and len(self.named) > 1


def judged(subject: Any, name: str, examples: int, seed: int) -> list[Known]:
    """Judge every fault of an operation; `subject` is not asked."""
    mine = [fault for fault in FAULTS.values() if name in fault.operations]
    return [judged_fault(fault, name, examples, seed) for fault in mine]


def judged_fault(fault: Fault, name: str, examples: int, seed: int) -> Known:
    """Judge one fault in one operation."""
    # What the oracle accepts is no part of a fault.
    operation = replace(CATALOGUE[name], invalid=())
    report = verify(fault.implementation(), [operation], [], examples, seed, reproduce=False)
    mine = [f for f in report.failures if f.output == fault.output]
    ids = next((tuple(f.diagnosis) for f in mine if f.diagnosis), ())
    return Known(fault.id, name, bool(mine), ids)


def operations() -> list[str]:
    """Return the operations that some fault has."""
    return [n for n in CATALOGUE if any(n in fault.operations for fault in FAULTS.values())]


@dataclass(frozen=True)
class Line:
    """A family of faults: how many there are, and how many were rejected and named."""

    family: str
    faults: int
    operations: int
    pairs: int
    rejected: int
    first: int
    ambiguous: int


def lines(found: Sequence[Known]) -> list[Line]:
    """Return a line for each family, and one for all."""
    families = dict.fromkeys(known.fault.split("/")[0] for known in found)
    mine = {f: [k for k in found if k.fault.split("/")[0] == f] for f in families}
    return [_line(family, group) for family, group in (mine | {"all": list(found)}).items()]


def _line(family: str, group: Iterable[Known]) -> Line:
    group = list(group)
    return Line(
        family,
        len({known.fault for known in group}),
        len({known.operation for known in group}),
        len(group),
        sum(known.rejected for known in group),
        sum(known.first for known in group),
        sum(known.ambiguous for known in group),
    )


def ok(found: Sequence[Known]) -> bool:
    """Return whether all were rejected, and 97 of 100 named first."""
    first = sum(known.first for known in found)
    return bool(found) and all(known.rejected for known in found) and first >= 0.97 * len(found)
