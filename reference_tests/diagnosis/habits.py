"""What a subject does beside its numbers: to its arguments, and from one call to the next."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

from reference_tests.call import Call
from reference_tests.diagnosis.inquiry import Inquiry
from reference_tests.diagnosis.witness import Function, Question
from reference_tests.faults import FAULTS, Fault

# So many cases of the survey are looked at.
MOST = 16


class Habit(NamedTuple):
    """What a subject does in one case.

    Parameters
    ----------
    changed : tuple of str
        The arguments that it changes.
    error : str
        What goes wrong with another call between its own call and its pullback.
    other : tuple of str
        The results that are others then.
    """

    changed: tuple[str, ...] = ()
    error: str = ""
    other: tuple[str, ...] = ()


def habits(inquiry: Inquiry) -> list[tuple[Question, Habit]]:
    """Return what a subject does in cases of a survey that tell its habits."""
    asked = [witness.question for witness in inquiry.survey if not witness.outcome.error]
    # A case that changes arguments must be among them.
    rare = [w.question for w in inquiry.survey if w.outcome.results.get("changed")]
    chosen = list(dict.fromkeys([*rare[: MOST // 2], *asked]))[:MOST]
    return [(question, habit(question, inquiry.function)) for question in chosen]


def habit(question: Question, function: Function) -> Habit:
    """Return what a subject does in a case."""
    case, dtype = question.case, question.dtype
    cotangent = partial(case.cotangent, dtype=dtype, scale=question.scale)
    call = Call(function, question.inputs.operation, question.inputs.arrays, case.hyper, cotangent)
    alone, between = call.outcome(), call.outcome(interleaved=True)
    other = [
        name
        for name, value in alone.results.items()
        if name != "changed" and name in between.results
        if np.asarray(value).tobytes() != np.asarray(between.results[name]).tobytes()
    ]
    return Habit(tuple(alone.results.get("changed", ())), between.error, tuple(other))


def acquired(operation: str, seen: Sequence[tuple[Question, Habit]]) -> list[Fault]:
    """Return the known mistakes about calls that do the same in every case."""
    able = [f for f in FAULTS.values() if operation in f.operations and f.wrap is not Fault.wrap]
    return [fault for fault in able if _has(fault, operation, seen)]


def _has(fault: Fault, operation: str, seen: Sequence[tuple[Question, Habit]]) -> bool:
    function = fault.implementation().operations[operation]
    return all(habit(question, function) == mine for question, mine in seen)
