"""Which known mistake a subject has: simulated, told from others, and confirmed."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from reference_tests.case import allowed
from reference_tests.diagnosis.inquiry import Inquiry
from reference_tests.diagnosis.simulation import Suspicion, known
from reference_tests.diagnosis.witness import Question, Witness
from reference_tests.faults import Fault

# Cases that are drawn to tell mistakes apart, and how many of them must show a mistake.
DRAWS, ENOUGH = 60, 3
# How many pairs are simulated at most; what is compared does not depend on the machine's speed.
PAIRS = 2000


class Naming(NamedTuple):
    """The mistakes that compute what a subject computes.

    Parameters
    ----------
    suspicions : list of Suspicion
        Several, if they cannot be told apart.
    cases, shown : int
        In how many cases the numbers were compared, and in how many of them they are wrong.
    beyond : bool
        Whether cases of NaN, infinity or empty arrays were left out, and the numbers differ there.
    """

    suspicions: list[Suspicion]
    cases: int = 0
    shown: int = 0
    beyond: bool = False


def named(inquiry: Inquiry, output: str) -> Naming:
    """Return the mistake, or the pair of mistakes, of an output; none where none fits."""
    witnesses = _ordered(w for w in inquiry.survey if w.judged(output))
    # What is no array, such as a list, is a mistake that explains its dtype.
    listed = any(output in dict(witness.outcome.types) for witness in witnesses)
    if listed or not any(witness.failed(output) for witness in witnesses):
        return Naming([])
    faults = known(inquiry.operation.name, output)
    plain = [witness for witness in witnesses if witness.question.plain]
    for suspects, compared in (
        (_singles(faults, output), witnesses),
        # Two people who make one mistake differ in what becomes of NaN and of nothing.
        (_singles(faults, output), plain if len(plain) < len(witnesses) else []),
        (_pairs(faults, output, witnesses), witnesses),
        (_pairs(faults, output, plain), plain if len(plain) < len(witnesses) else []),
    ):
        left = _surviving(suspects, compared)
        left, asked = _told_apart(inquiry, left, compared, only_plain=compared is plain)
        if left:
            compared = [*compared, *asked]
            shown = sum(left[0].shows(witness.question) for witness in compared)
            beyond = any(not left[0].fits(witness) for witness in witnesses)
            return Naming(left, len(compared), shown, beyond)
    return Naming([])


def _ordered(witnesses: Iterator[Witness]) -> list[Witness]:
    """Return witnesses, first those of which most is asked: they tell most mistakes apart."""

    def weight(witness: Witness) -> tuple[bool, int]:
        asked = witness.question
        options = asked.inputs.operation.options(asked.case.hyper)
        return bool(asked.scale), len(options)

    return sorted(witnesses, key=weight, reverse=True)


def _surviving(suspects: Iterator[Suspicion], witnesses: Sequence[Witness]) -> list[Suspicion]:
    """Return what agrees with the subject in every case, and is wrong in at least one."""
    return [
        suspect
        for suspect in suspects
        if all(map(suspect.fits, witnesses))
        and any(suspect.shows(witness.question) for witness in witnesses)
    ]


def _singles(faults: Sequence[Fault], output: str) -> Iterator[Suspicion]:
    return (Suspicion((fault,), output) for fault in faults)


def _pairs(
    faults: Sequence[Fault], output: str, witnesses: Sequence[Witness]
) -> Iterator[Suspicion]:
    """Yield pairs of mistakes that compose, each of which shows somewhere, in both orders."""
    composable = [
        single.faults[0]
        for single in _singles(faults, output)
        if single.composes and any(single.shows(witness.question) for witness in witnesses)
    ]
    for pair in itertools.islice(itertools.permutations(composable, 2), PAIRS):
        yield Suspicion(pair, output)


def _told_apart(
    inquiry: Inquiry, left: list[Suspicion], witnesses: Sequence[Witness], *, only_plain: bool
) -> tuple[list[Suspicion], list[Witness]]:
    """Return what is left after cases that tell it from the right results and each other."""
    asked: list[Witness] = []
    for question in _further(inquiry, left):
        if only_plain and not question.plain:
            continue
        shown = sum(left[0].shows(w.question) for w in (*witnesses, *asked)) if left else 0
        if not left or (len(left) == 1 and shown >= ENOUGH):
            break
        apart = any(left[0].differs(other, question) for other in left[1:])
        if not apart and (shown >= ENOUGH or not left[0].shows(question)):
            continue
        answer = inquiry.ask(question)
        if answer is None or not answer.judged(left[0].output):
            continue
        asked.append(answer)
        left = [suspect for suspect in left if suspect.fits(answer)]
    return _unordered(left), asked


def _further(inquiry: Inquiry, left: Sequence[Suspicion]) -> Iterator[Question]:
    """Yield further questions: drawn ones, then the cases made to show the mistakes."""
    if not left:
        return
    for _ in range(DRAWS):
        yield from inquiry.questions(inquiry.draw())
    name = inquiry.operation.name
    for fault in distinct(left):
        exposing, _ = fault.cases(name)
        if allowed(exposing, inquiry.limits):
            yield from inquiry.questions(exposing)


def distinct(left: Sequence[Suspicion]) -> list[Fault]:
    """Return every fault of suspicions once."""
    return list({fault.id: fault for suspect in left for fault in suspect.faults}.values())


def _unordered(left: Sequence[Suspicion]) -> list[Suspicion]:
    """Return each set of mistakes once, whatever their order."""
    return list({frozenset(suspect.ids): suspect for suspect in reversed(left)}.values())[::-1]
