"""The smallest failing case, and how to write it as a call that can be pasted."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from reference_tests.call import Call
from reference_tests.case import Case
from reference_tests.checks import ENDING
from reference_tests.draw import replayed
from reference_tests.implementation import Implementation
from reference_tests.operation import Operation
from reference_tests.references import exact

# The output, check, dtype and reference of a finding.
Key = tuple[str, str, str, str]
TRIALS = 200


def shrunk(
    operation: Operation,
    case: Case,
    limits: Mapping[str, Any],
    fails: Callable[[Case], str | None],
) -> tuple[Case, str]:
    """Return a smaller case that still fails and its message, by lowering one integer at a time.

    A case that was not drawn comes back as it is, without a message.
    """
    best, message, left = case, "", TRIALS
    place = 0
    while place < len(best.made) and left > 0:
        for lower in _lower(best.made[place]):
            made = (*best.made[:place], lower, *best.made[place + 1 :])
            trial = operation.strategy(replayed(made, limits))
            if trial.made == best.made:
                continue
            left -= 1
            found = fails(trial)
            if found is not None:
                # What is smaller now may let the choices before it become smaller too.
                best, message, place = trial, found, -1
                break
        place += 1
    return best, message


def _lower(number: int) -> list[int]:
    """Return smaller integers to try, the smallest first."""
    return sorted({0, number // 2, number - 1} - {number}) if number > 0 else []


def literal(array: Any) -> str:
    """Return an array as Python source that makes it again, bit for bit."""
    if array is None:
        return "None"
    array = np.asarray(array)
    shape = f".reshape({array.shape})" if 0 in array.shape else ""
    return f"array({array.tolist()!r}, {array.dtype.name}){shape}"


_NAMES = ("array", "asfortranarray", "broadcast_to", "flip", "float32", "float64", "inf", "int64")
# How the text of an array becomes that of the same numbers in another layout; see `laid_out`.
_LAID_OUT = {
    "C": "{}",
    "Fortran": "asfortranarray({})",
    "reversed": "flip(flip({}).copy())",
    "transposed": "{}.T.copy().T",
    "read-only": "broadcast_to({0}, {1})",
}


# What a reproduction says beside the line that shows it, where no output is wrong.
_WHAT = {
    "call": "it raises",
    "gradients": "the wrong number of gradients",
    "time": "this or the call does not return",
    "process": "this or the call ends the process",
}


def written(subject: Implementation, operation: Operation, case: Case, key: Key) -> str:
    """Return a literal call that needs only NumPy and the subject, and that shows the failure."""
    output, check, dtype, _ = key
    dtype = dtype or "float64"
    scale = (operation.exact_scale or 0) if check == "exact" else 0
    arrays = case.fill_integers(dtype, scale) if scale else case.fill(dtype)
    call = operation.written(arrays, operation.options(case.hyper))
    lines = [
        subject.source or "subject = ...  # the Implementation",
        *(f"{name} = {_laid_out(value, case.layout)}" for name, value in arrays.items()),
        f"function = subject.operations[{operation.name!r}]",
        f"result = {call}",
    ]
    recorded: list[Any] = []

    def cotangent(shape: tuple[int, ...]) -> Any:
        recorded.append(case.cotangent(shape, dtype, scale))
        return recorded[-1]

    if output.startswith("grad_") or check in ("call", "purity", "gradients", *ENDING):
        # A subject that does not return is not asked a second time.
        able = exact.subject if check in ENDING else subject
        function = able.operations[operation.name]
        Call(function, operation, arrays, case.hyper, cotangent).outcome()
    pulled = "[1](grad_output)" if recorded else ""
    if recorded:
        lines.append(f"grad_output = {_laid_out(recorded[-1], case.layout)}")
    if check == "purity":
        lines += [f"result{pulled}"] if pulled else []
        names = [name for name, value in arrays.items() if value is not None]
        names += ["grad_output"] if pulled else []
        lines.append(f"print({', '.join(names)})  # an argument is changed")
    elif check == "repeatability":
        lines.append(f"again = {call}")
        lines.append(f"print(result{pulled}, again{pulled})  # {output} differs")
        lines += [f"print(result{pulled})  # or here"] if pulled else []
    else:
        lines.append(f"print(result{pulled})  # {_WHAT.get(check, f'{output} is wrong')}")
    text = "\n".join(lines)
    names = [name for name in (*_NAMES, "nan") if re.search(rf"\b{name}\b", text)]
    return f"from numpy import {', '.join(names)}\n{text}"


def _laid_out(value: Any, layout: str) -> str:
    """Return the text of an array in a layout."""
    plain = value is None or value.ndim == 0
    return _LAID_OUT["C" if plain else layout].format(literal(value), np.shape(value))
