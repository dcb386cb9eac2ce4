"""A mistake by numbers: a case, what is right there, and what the mistake makes of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference_tests.case import Case
from reference_tests.checks import DTYPES, Observation, evaluate
from reference_tests.differences import compared
from reference_tests.faces.text import number
from reference_tests.faults import Fault
from reference_tests.operation import Operation
from reference_tests.operations import CATALOGUE
from reference_tests.references.exact import subject as naive

Array = NDArray[Any]
# In words where a table has no room: which numbers a mistake changes.
MARK = "*"
DIGITS = (4, 6, 9, 17)
# Small integers can be read best, wherever they show it.
_READABLE = {"exact": 0, "value": 1}


@dataclass(frozen=True)
class Example:
    """One case of a fault.

    Parameters
    ----------
    call : str
    columns : mapping
        The arrays by their names, then what is right and what the mistake computes, as text.
    message : str
        What the judge says of it, or nothing where it is hidden.
    """

    call: str
    columns: Mapping[str, str]
    message: str

    def __str__(self) -> str:
        """Return the call, and the arrays side by side."""
        # Not every mistake is one of numbers.
        told = any(MARK in text for text in self.columns.values()) or not self.message
        lines = [self.call, "", *self._lines(), *([] if told else ["", self.message])]
        return "\n".join(lines)

    def _lines(self) -> list[str]:
        blocks = [[name, *text.split("\n")] for name, text in self.columns.items()]
        widths = [max(map(len, block)) for block in blocks]
        rows = range(max(map(len, blocks), default=0))
        return [
            "   ".join(
                (block[row] if row < len(block) else "").ljust(width)
                for block, width in zip(blocks, widths, strict=True)
            ).rstrip()
            for row in rows
        ]


def exposing(fault: Fault, name: str) -> Example:
    """Return what a fault does in the case of an operation that shows it."""
    return _example(fault, CATALOGUE[name], fault.cases(name)[0])


def hiding(fault: Fault, name: str) -> Example:
    """Return what a fault does in the case of an operation that hides it."""
    return _example(fault, CATALOGUE[name], fault.cases(name)[1])


def _example(fault: Fault, operation: Operation, case: Case) -> Example:
    function = fault.implementation().operations[operation.name]
    first = _told(fault, operation, function, case)
    check, dtype = "exact" if operation.exact_scale else "value", "float64"
    if first is not None and first.check in _READABLE:
        check, dtype = first.check, first.dtype
    columns = _columns(fault, operation, case, check, dtype)
    names = {name: None if spec is None else name for name, spec in case.arrays.items()}
    call = operation.written(names, operation.options(case.hyper))
    call = call.replace("function", operation.name, 1)
    return Example(call, columns, first.message if first else "")


def _told(
    fault: Fault, operation: Operation, function: Callable[..., Any], case: Case
) -> Observation | None:
    """Return what the judge has against a mistake in a case, the most readable first."""
    for dtype in reversed(DTYPES):
        with np.errstate(all="ignore"):
            seen = list(evaluate(function, operation, case, dtypes=[dtype]))
        wrong = [o for o in seen if isinstance(o, Observation) and o.status in ("failed", "error")]
        mine = [o for o in wrong if o.output == fault.output] or wrong
        if mine:
            return min(mine, key=lambda o: _READABLE.get(o.check, 2))
    return None


def brief(operation: Operation, case: Case) -> str:
    """Return a case as a call with the shapes of its arrays."""
    shapes = [f"{name} {spec.shape}" for name, spec in case.arrays.items() if spec]
    options = [f"{name}={value!r}" for name, value in operation.options(case.hyper).items()]
    return f"{operation.name}({', '.join([*shapes, *options])})"


def _columns(
    fault: Fault, operation: Operation, case: Case, check: str, dtype: str
) -> dict[str, str]:
    """Return the arrays of a case as text."""
    place = (operation, case, fault.output, check, dtype)
    wrong = compared(fault.implementation().operations[operation.name], *place)
    right = wrong or compared(naive.operations[operation.name], *place)
    if right is None:
        return {}
    columns = {n: written(a) for n, a in right.arrays.items() if a is not None}
    if right.grad_output is not None:
        columns["grad_output"] = written(right.grad_output)
    beyond = None if right.units is None else right.units > 1
    digits = DIGITS[0] if beyond is None else _digits(right.got[beyond], right.expected[beyond])
    columns[f"right {fault.output}"] = written(right.expected, digits=digits)
    if wrong is not None:
        columns["mistaken"] = written(wrong.got, beyond, digits)
    return columns


def _digits(got: Array, expected: Array) -> int:
    """Return with how many digits all wrong numbers look different from the right ones."""
    pairs = list(zip(got.tolist(), expected.tolist(), strict=True))
    looks = (n for n in DIGITS if all(number(a, n) != number(b, n) for a, b in pairs))
    return next(looks, DIGITS[-1])


def written(array: Array, wrong: Array | None = None, digits: int = DIGITS[0]) -> str:
    """Return an array as text, each wrong element with a mark."""
    array = np.asarray(array)
    marks = np.zeros(array.shape, bool) if wrong is None else wrong
    cells = [
        number(float(value), digits) + MARK * bool(mark)
        for value, mark in zip(array.ravel(), np.ravel(marks), strict=True)
    ]
    width = max(map(len, cells), default=0)
    padded = np.array([cell.rjust(width) for cell in cells], object).reshape(array.shape)
    return "\n".join(_nested(padded)) if array.size else f"empty {array.shape}"


def _nested(cells: Any) -> list[str]:
    """Return the lines of an array of texts in brackets."""
    if cells.ndim == 0:
        return [str(cells[()])]
    if cells.ndim == 1:
        return [f"[{' '.join(cells)}]"]
    lines = [line for part in cells for line in _nested(part)]
    return [("[" if place == 0 else " ") + line for place, line in enumerate(lines[:-1])] + [
        ("[" if len(lines) == 1 else " ") + lines[-1] + "]"
    ]
