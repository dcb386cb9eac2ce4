"""When a subject fails always: without which parameter it would not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from reference_tests.diagnosis.inquiry import Inquiry
from reference_tests.diagnosis.witness import Witness, question

# So many failures must vanish, and no more are tried: each is a further call of the subject.
TRIED = 3


def vanishing(inquiry: Inquiry, output: str, failing: Sequence[Witness]) -> str:
    """Return in words with which parameter at 0 an output is right, or nothing."""
    chosen = [w for w in failing if w.question.plain][:TRIED]
    if len(chosen) < TRIED:
        return ""
    names = [n for n in _numbers(chosen[0]) if n not in inquiry.limits]
    found = [n for n in names if all(_right_without(inquiry, output, w, n) for w in chosen)]
    return f"{output} is right if {' or '.join(found)} is 0" if found else ""


def _numbers(witness: Witness) -> Iterator[str]:
    for name, value in witness.question.inputs.hyper.items():
        if isinstance(value, float) and value:
            yield name


def _right_without(inquiry: Inquiry, output: str, witness: Witness, name: str) -> bool:
    asked = witness.question
    case = replace(asked.case, hyper={**asked.case.hyper, name: 0.0})
    try:
        answer = inquiry.ask(question(inquiry.operation, case, asked.dtype, bool(asked.scale)))
    except (ArithmeticError, ValueError):
        # Not every parameter can be 0.
        return False
    if answer is None or not answer.judged(output) or not answer.telling(output):
        return False
    return not answer.failed(output)
