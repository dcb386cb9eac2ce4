"""What a report counts: which features of an operation's cases were judged for which output."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from reference_tests.case import Case
from reference_tests.draw import seeded
from reference_tests.operation import REQUIRED, Operation, grad_name
from reference_tests.operations.windows import each

EVERY = "every case"
# So many draws decide which features an operation's grid has, whatever a subject supports.
DRAWS = 60
_VALUES = {
    "non-negative": "no negative values",
    "negative": "negative values only",
    "wide": "wide magnitudes",
    "ties": "ties",
    "large": "values of 1e4",
    "zeros": "zeros",
    "subnormal": "subnormal values",
    "nan": "NaN",
    "infinite": "infinities",
    "offset": "an offset of 1e4",
    "constant": "a constant",
    "kinks": "kinks",
}
_LAYOUTS = {
    "Fortran": "Fortran order",
    "reversed": "negative strides",
    "read-only": "read-only arrays",
    "transposed": "transposed views",
}


@dataclass
class Cell:
    """What was judged about one output in the cases that have one feature.

    Attributes
    ----------
    output, feature : str
    cases : int
        How many were judged.
    failed : int
        In how many of these the output is wrong.
    unsupported : int
        How many more the subject does not support.
    """

    output: str
    feature: str
    cases: int = 0
    failed: int = 0
    unsupported: int = 0

    @property
    def status(self) -> str:
        """Failed, passed, unsupported, or not judged."""
        if self.cases:
            return "failed" if self.failed else "passed"
        return "unsupported" if self.unsupported else "not judged"


class Grid:
    """The cells of one operation, output × feature, which fill as cases are judged.

    Which cells there are depends on the operation alone, so what a subject does not support
    stays in the count.
    """

    def __init__(self, operation: Operation) -> None:
        self.operation = operation

    @cached_property
    def _cells(self) -> dict[tuple[str, str], Cell]:
        # Made only where something is judged.
        operation = self.operation
        places = [place for case in _typical(operation) for place in _places(operation, case)]
        outputs = list(dict.fromkeys(output for output, _ in places))
        places = sorted(dict.fromkeys(places), key=lambda at: (outputs.index(at[0]), _kind(at[1])))
        return {place: Cell(*place) for place in places}

    @property
    def cells(self) -> list[Cell]:
        """All cells, by output and by feature."""
        return list(self._cells.values())

    def judged(self, case: Case, wrong: Mapping[str, bool]) -> None:
        """Count a case, by whether each output that was judged is wrong."""
        for cell in self._of(case):
            if cell.output in wrong:
                cell.cases += 1
                cell.failed += wrong[cell.output]

    def refused(self, case: Case) -> None:
        """Count a case that the subject does not support."""
        for cell in self._of(case):
            cell.unsupported += 1

    def _of(self, case: Case) -> list[Cell]:
        """Return the cells to which a case belongs."""
        places = _places(self.operation, case)
        return [self._cells[place] for place in places if place in self._cells]


def _places(operation: Operation, case: Case) -> list[tuple[str, str]]:
    """Return each output that a case asks for with each of its features."""
    grads = [grad_name(n) for n in operation.differentiable if case.arrays.get(n) is not None]
    outputs = [*operation.outputs(case.hyper), *grads]
    return list(itertools.product(outputs, features(operation, case)))


def _kind(feature: str) -> int:
    """Return the place of a feature: parameters before values before layouts."""
    after = (feature in _VALUES.values()) + 2 * (feature in _LAYOUTS.values())
    return after - (feature == EVERY)


def features(operation: Operation, case: Case) -> list[str]:
    """Return what is special about a case, in words, beginning with `EVERY`."""
    found = [EVERY]
    for name, value in case.hyper.items():
        default = operation.defaults.get(name, REQUIRED)
        if default is not REQUIRED and operation.options({name: value}):
            found.append(_special(name, value, default))
    if _remainder(operation, case):
        found.append("a remainder")
    found += [f"no {name}" if name in operation.optional else "" for name in _left_out(case)]
    shape = next(spec.shape for spec in case.arrays.values() if spec)
    axes = re.search(r"(\d)d$", operation.name)
    if axes and len(shape) == int(axes[1]) + 1:
        found.append("unbatched")
    if 0 in shape:
        found.append("an empty batch")
    found += [_VALUES.get(case.family, ""), _LAYOUTS.get(case.layout, "")]
    return [name for name in found if name]


def _special(name: str, value: Any, default: Any) -> str:
    """Return in words how a hyperparameter differs from its default."""
    numbers = value if isinstance(value, Sequence) and not isinstance(value, str) else (value,)
    if all(type(number) is int for number in numbers) and type(default) is int:
        above = all(number >= default for number in numbers)
        return f"{name} {'>' if above else '≠'} {default}"
    if isinstance(value, (str, bool)) or value is None:
        return f"{name}={value!r}"
    return f"{name} given" if default is None else f"{name} ≠ {default!r}"


def _left_out(case: Case) -> list[str]:
    return [name for name, spec in case.arrays.items() if spec is None]


def _remainder(operation: Operation, case: Case) -> bool:
    """Return whether the windows of a case leave positions at the end that none reaches."""
    name = re.fullmatch(r"(conv|(max|avg|lp)_pool)([123])d", operation.name)
    hyper, weight, x = case.hyper, case.arrays.get("weight"), case.arrays.get("x")
    if name is None or x is None or isinstance(hyper.get("padding"), str):
        return False
    axes = int(name[3])
    kernel = weight.shape[2:] if weight else hyper["kernel_size"]
    fields = (
        x.shape[-axes:],
        each(kernel, axes),
        each(hyper.get("stride") or (1 if weight else kernel), axes),
        each(hyper.get("padding", 0), axes),
        each(hyper.get("dilation", 1), axes),
    )
    return any((n + 2 * p - d * (k - 1) - 1) % s for n, k, s, p, d in zip(*fields, strict=True))


def _typical(operation: Operation) -> Iterable[Case]:
    """Return cases whose features are those of the operation."""
    drawn = (operation.strategy(seeded(f"grid/{operation.name}/{n}")) for n in range(DRAWS))
    return (*operation.pinned, *drawn)


def score(cells: Iterable[Cell]) -> tuple[int, int]:
    """Return how many cells are verified, and how many there are, unsupported ones included."""
    every = list(cells)
    return sum(cell.status == "passed" for cell in every), len(every)
