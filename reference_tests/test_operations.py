"""Every check × every operation, as test items for whatever implementation is judged."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reference_tests.case import Case
from reference_tests.checks import Observation, evaluate
from reference_tests.draw import Draw
from reference_tests.implementation import Implementation
from reference_tests.operation import REQUIRED, Operation
from reference_tests.operations import CATALOGUE
from reference_tests.parametrize import applicable, settle
from reference_tests.report import OperationReport

# The judging of one operation serves all its items, so one process does them all.
ITEMS = [
    pytest.param(
        name,
        check,
        id=f"{name}-{check.replace(' ', '-')}",
        marks=pytest.mark.xdist_group(name),
    )
    for name, record in CATALOGUE.items()
    for check in applicable(record)
]


@pytest.mark.parametrize(("name", "check"), ITEMS)
def test_check(name: str, check: str, judged: Callable[[str], OperationReport]) -> None:
    settle(judged(name), check)


@st.composite
def cases(draw: Any, operation: Operation, limits: dict[str, Any]) -> Case:
    """Draw a case with Hypothesis, which shrinks it."""
    return operation.strategy(Draw(lambda low, high: draw(st.integers(low, high)), limits))


@pytest.mark.parametrize("name", CATALOGUE)
def test_no_drawn_case_fails(name: str, subject: Implementation, examples: int) -> None:
    operation = CATALOGUE[name]
    function = subject.operations.get(name)
    if function is None:
        pytest.skip(f"{name} is not provided")
    limits = {n: d for n, d in subject.lacking(operation).items() if d is not REQUIRED}
    limits.update(subject.limits.get(name, {}))

    @settings(max_examples=max(examples // 4, 1), deadline=None)
    @given(cases(operation, limits))
    def holds(case: Case) -> None:
        for seen in evaluate(function, operation, case):
            if isinstance(seen, Observation):
                assert seen.status not in ("failed", "error"), seen

    holds()
