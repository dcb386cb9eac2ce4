"""The diagnosis of a subject's operation, output by output."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reference_tests.case import Case
from reference_tests.diagnosis.attribution import attributed
from reference_tests.diagnosis.inquiry import Inquiry
from reference_tests.diagnosis.naming import Naming, named
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
        """All of it, a sentence a line."""
        return "\n".join(filter(None, (self.named, *self.relations, self.attribution)))


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
    errors = [bool(witness.outcome.error) for witness in inquiry.survey]
    if any(errors):
        where = attributed("raises", inquiry.survey, errors)
        found[CALL] = Diagnosis(attribution=where)
    return found


def _fails(inquiry: Inquiry, output: str) -> bool:
    return any(witness.failed(output) for witness in inquiry.survey)


def _of_output(inquiry: Inquiry, output: str) -> Diagnosis:
    naming = named(inquiry, output)
    judged = [w for w in inquiry.survey if w.judged(output) and w.telling(output)]
    failed = [witness.failed(output) for witness in judged]
    where = attributed(f"{output} is wrong", judged, failed)
    if naming.suspicions:
        return _naming(naming, where)
    failing = [w for w, wrong in zip(judged, failed, strict=True) if wrong]
    return Diagnosis(relations=related(output, failing), attribution=where)


def _naming(naming: Naming, where: str) -> Diagnosis:
    """Return the diagnosis that known mistakes explain."""
    first, *others = naming.suspicions
    numbers = f"its numbers in all {naming.cases} cases, of which {naming.shown} are wrong"
    if not others and len(first.faults) == 1:
        text = f"most likely: {first.text}; it has {numbers}"
        return Diagnosis(first.ids, named=text, attribution=where)
    if not others:
        text = f"most likely two mistakes together: {first.text}; they have {numbers}"
        return Diagnosis(first.ids, named=text, attribution=where)
    ids = tuple(dict.fromkeys(id for suspect in naming.suspicions for id in suspect.ids))
    told = "\n".join(f"- {suspect.text}" for suspect in naming.suspicions)
    text = (
        "most likely one of these, which cannot be told apart with the parameters that it "
        f"supports ({numbers.replace('its', 'the same')}):\n{told}"
    )
    return Diagnosis(ids, ambiguous=True, named=text, attribution=where)
