"""The diagnosis of a subject's operation, output by output."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reference_tests.case import Case, allowed
from reference_tests.diagnosis.attribution import attributed
from reference_tests.diagnosis.experiments import vanishing
from reference_tests.diagnosis.habits import acquired, habits
from reference_tests.diagnosis.inquiry import Inquiry
from reference_tests.diagnosis.naming import Naming, distinct, named
from reference_tests.diagnosis.relations import related
from reference_tests.faults import FAULTS, Fault, randomness
from reference_tests.operation import Operation
from reference_tests.references.exact import subject as naive
from reference_tests.watching import FAULTS_OF_SUBJECTS

# Whatever ends a call without a result is diagnosed under the first name, and what a subject does
# to its arguments and to other calls under the others.
CALL, HABITS = "call", ("purity", "repeatability")


@dataclass(frozen=True)
class Diagnosis:
    """What is wrong with one output.

    Attributes
    ----------
    faults : tuple of str
        The ids of the known mistakes that compute what the subject computes, best first.
    ambiguous : bool
        Whether these cannot be told apart; otherwise two are there together.
    named : str
        What these mistakes are, in words.
    relations : tuple of str
        Where none is known: relations to the right numbers.
    attribution : str
        When it fails.
    """

    faults: tuple[str, ...] = ()
    ambiguous: bool = False
    named: str = ""
    relations: tuple[str, ...] = ()
    attribution: str = ""

    @property
    def explanation(self) -> str:
        """What a reader needs of it, a sentence a line."""
        otherwise = "\n".join(filter(None, (*self.relations, self.attribution)))
        return self.named or otherwise


def diagnose(
    function: Callable[..., Any],
    operation: Operation,
    cases: Sequence[tuple[Case, str, bool]] = (),
    limits: Mapping[str, Any] | None = None,
) -> dict[str, Diagnosis]:
    """Return what is wrong with each output that is wrong in some case.

    Parameters
    ----------
    function : callable
        Of an implementation.
    operation : Operation
    cases : sequence of (Case, dtype, bool), optional
        Cases beside the pinned and drawn ones, such as those that failed; the last item says
        whether in integers. By default those that are made to show the known mistakes.
    limits : mapping, optional
        Values of parameters to which drawn cases are restricted.

    Returns
    -------
    dict of str to Diagnosis
        By the name of the output or gradient. What raises is under the name "call", and what a
        subject does to its arguments and to other calls under "purity" and "repeatability".
    """
    if operation.law is not None:
        found = _by_law(function, operation)
        # What is not random is told by its numbers.
        if found or not cases:
            return found
    inquiry = Inquiry(function, operation, limits, cases or _exposing(operation, limits or {}))
    outputs = dict.fromkeys(name for w in inquiry.survey for name in w.question.right)
    found = {name: _of_output(inquiry, name) for name in outputs if _fails(inquiry, name)}
    for name in set(outputs) - set(found):
        if any(witness.follows(name) for witness in inquiry.survey):
            judged = any(witness.judged(name) for witness in inquiry.survey)
            text = "is right wherever" if judged else "cannot be judged: in no case"
            found[name] = Diagnosis(attribution=f"{name} {text} the output has the right shape")
    errors = [bool(w.outcome.error) and w.outcome.check == "call" for w in inquiry.survey]
    if any(errors):
        found[CALL] = Diagnosis(attribution=attributed("it raises", inquiry.survey, errors))
    return {**_of_habits(inquiry), **found}


def _exposing(operation: Operation, limits: Mapping[str, Any]) -> list[tuple[Case, str, bool]]:
    """Return the cases that show the known mistakes of an operation, each once."""
    able = [fault for fault in FAULTS.values() if operation.name in fault.operations]
    found = {repr(case): case for fault in able for case in fault.cases(operation.name)[:1]}
    tiers = (True, False) if operation.exact_scale else (False,)
    return [
        (case, "float64", whole)
        for case in found.values()
        if allowed(case, limits)
        for whole in tiers
    ]


def _by_law(function: Callable[..., Any], operation: Operation) -> dict[str, Diagnosis]:
    """Return the known mistakes of a random operation, which its masks tell."""
    found: dict[str, Diagnosis] = {}
    for output in ("output", "grad_input"):
        try:
            ids = randomness.named(operation, function, output)
        except FAULTS_OF_SUBJECTS:
            continue
        right = randomness.named(operation, naive.operations[operation.name], output)
        faults = [FAULTS[name] for name in ids if name not in right]
        if faults:
            found[output] = _described(faults, "this is how its masks behave")
    return found


def _of_habits(inquiry: Inquiry) -> dict[str, Diagnosis]:
    """Return what is wrong with what a subject does to its arguments and other calls."""
    seen = habits(inquiry)
    if not any(any(habit) for _, habit in seen):
        return {}
    faults = acquired(inquiry.operation.name, seen)
    if not faults:
        return {}
    told = _described(faults, f"this does the same in all {len(seen)} cases compared")
    first = next(iter(inquiry.survey[0].question.right))
    others = [name for _, habit in seen for name in habit.other]
    return dict.fromkeys([*HABITS, first, *others], told)


def _described(faults: Sequence[Fault], grounds: str) -> Diagnosis:
    """Return the diagnosis of one mistake, or of several that look alike."""
    texts = [f"{fault.sentence} ({fault.id})" for fault in faults]
    links = ", ".join(fault.link for fault in faults)
    lines = [f"most likely: {texts[0]}"]
    if len(texts) > 1:
        lines = ["most likely one of these:", *(f"- {text}" for text in texts)]
    ids = tuple(fault.id for fault in faults)
    return Diagnosis(ids, len(faults) > 1, "\n".join([*lines, f"{grounds}; see {links}"]))


def _fails(inquiry: Inquiry, output: str) -> bool:
    return any(witness.failed(output) for witness in inquiry.survey)


def _of_output(inquiry: Inquiry, output: str) -> Diagnosis:
    naming = named(inquiry, output)
    judged = [w for w in inquiry.survey if w.judged(output) and w.telling(output)]
    failed = [witness.failed(output) for witness in judged]
    where = attributed(f"{output} is wrong", judged, failed)
    if naming.suspicions:
        return _named(naming, where)
    failing = [w for w, wrong in zip(judged, failed, strict=True) if wrong]
    relations = related(output, failing)
    if not relations and all(failed):
        relations = tuple(filter(None, [vanishing(inquiry, output, failing)]))
    return Diagnosis(relations=relations, attribution=where)


def _named(naming: Naming, where: str) -> Diagnosis:
    """Return the diagnosis that known mistakes explain."""
    first = naming.suspicions[0]
    faults = distinct(naming.suspicions)
    links = ", ".join(fault.link for fault in faults)
    which = "finite, non-empty cases" if naming.beyond else "cases compared"
    numbers = f"all {naming.cases} {which}, {naming.shown} of them wrong; see {links}"
    if len(naming.suspicions) > 1:
        lines = [
            "most likely one of these, which cannot be told apart with the parameters that it "
            "supports:",
            *(f"- {suspect.text}" for suspect in naming.suspicions),
            f"each reproduces the numbers of {numbers}",
        ]
    elif len(faults) > 1:
        lines = [
            f"most likely two mistakes at once: {first.text}",
            f"together they reproduce the numbers of {numbers}",
        ]
    else:
        formula = f"it computes {faults[0].formula}" if faults[0].formula else ""
        lines = [
            f"most likely: {first.text}",
            *filter(None, [formula]),
            f"this reproduces the numbers of {numbers}",
        ]
    return Diagnosis(
        tuple(fault.id for fault in faults), len(naming.suspicions) > 1, "\n".join(lines), (), where
    )
