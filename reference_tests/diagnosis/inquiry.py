"""The cases of a diagnosis: what a subject is asked, and what it answered."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from reference_tests.case import Case, allowed
from reference_tests.checks import ENDING
from reference_tests.diagnosis.witness import Question, Witness, question
from reference_tests.draw import seeded
from reference_tests.operation import Operation

# How many cases are drawn for a survey.
SURVEY = 40
# A subject that supports little refuses many cases; after so many times as many no more are drawn.
PATIENCE = 5
# How often a subject may not return: each time costs the limit of time, or a process.
ENDINGS = 2


class Inquiry:
    """What a subject of one operation is asked.

    Parameters
    ----------
    function : callable
    operation : Operation
    limits : mapping, optional
        The values of parameters to which cases are restricted.
    given : sequence of (Case, dtype, bool), optional
        Cases to ask about beside the pinned and the drawn ones, such as those that failed; the
        last item says whether in integers.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        operation: Operation,
        limits: Mapping[str, Any] | None = None,
        given: Sequence[tuple[Case, str, bool]] = (),
    ) -> None:
        self.function, self.operation = function, operation
        self.limits = dict(limits or {})
        self.given = given
        self.drawn = self.endings = 0
        self.survey = list(self._survey())

    def ask(self, asked: Question) -> Witness | None:
        """Return the answer to a question, or None where the subject does not support it.

        A subject that does not return, again and again, is asked no more.
        """
        if self.endings >= ENDINGS:
            return None
        answer = asked.answered(self.function)
        self.endings += answer is not None and answer.outcome.check in ENDING
        return answer

    def draw(self) -> Case:
        """Return a further case."""
        self.drawn += 1
        seed = f"diagnosis/{self.operation.name}/{self.drawn}"
        return self.operation.strategy(seeded(seed, self.limits))

    def questions(self, case: Case) -> Iterator[Question]:
        """Yield a case as questions, the exact one first."""
        if self.operation.exact_scale:
            yield question(self.operation, case, "float64", whole=True)
        # On integers all families are alike.
        if not self.operation.exact_scale or case.family != "zero-mean":
            yield question(self.operation, case, "float64", whole=False)

    def _survey(self) -> Iterator[Witness]:
        for case, dtype, whole in self.given:
            yield from self._answers([question(self.operation, case, dtype, whole)])
        for place, case in enumerate(self.operation.pinned):
            if allowed(case, self.limits):
                yield from self._answers(self.questions(case))
                # Mistakes about the dtype show in one of them only.
                asked = question(self.operation, case, "float32", whole=False)
                yield from self._answers([asked] if place == 0 else [])
        supported = 0
        for _ in range(PATIENCE * SURVEY):
            case = self.draw()
            answers = list(self._answers(self.questions(case)))
            yield from answers
            supported += bool(answers)
            if supported == SURVEY or self.endings >= ENDINGS:
                return

    def _answers(self, questions: Iterator[Question] | Sequence[Question]) -> Iterator[Witness]:
        answers = map(self.ask, questions)
        return (answer for answer in answers if answer is not None)
