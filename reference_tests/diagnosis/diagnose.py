"""The diagnosis of a subject's operation, output by output."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reference_tests.case import Case
from reference_tests.diagnosis.attribution import attributed
from reference_tests.diagnosis.inquiry import Inquiry
from reference_tests.diagnosis.naming import Naming, distinct, named
from reference_tests.diagnosis.relations import related
from reference_tests.operation import Operation

# Whatever ends a call without a result is diagnosed under this name.
CALL = "call"


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
        whether in integers.
    limits : mapping, optional
        Values of parameters to which drawn cases are restricted.

    Returns
    -------
    dict of str to Diagnosis
        By the name of the output or gradient. What raises is under the name "call".
    """
    if operation.law is not None:
        return {}
    inquiry = Inquiry(function, operation, limits, cases)
    outputs = dict.fromkeys(name for w in inquiry.survey for name in w.question.right)
    found = {name: _of_output(inquiry, name) for name in outputs if _fails(inquiry, name)}
    for name in set(outputs) - set(found):
        if any(witness.follows(name) for witness in inquiry.survey):
            text = f"{name} is right wherever the output has the right shape"
            found[name] = Diagnosis(attribution=text)
    errors = [bool(witness.outcome.error) for witness in inquiry.survey]
    if any(errors):
        found[CALL] = Diagnosis(attribution=attributed("it raises", inquiry.survey, errors))
    return found


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
    return Diagnosis(relations=related(output, failing), attribution=where)


def _named(naming: Naming, where: str) -> Diagnosis:
    """Return the diagnosis that known mistakes explain."""
    first = naming.suspicions[0]
    faults = distinct(naming.suspicions)
    links = ", ".join(fault.link for fault in faults)
    numbers = f"all {naming.cases} cases compared, {naming.shown} of them wrong; see {links}"
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
