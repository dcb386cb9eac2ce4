"""Profiles of hypothesis: HYPOTHESIS_PROFILE names one, by default `dev`, where CI is set `ci`."""

from __future__ import annotations

import os
from collections import Counter

import pytest
from budget import EACH, FEW
from hypothesis import settings

# Each of the processes that test gets one thread: they inherit this before they import NumPy.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# Deadlines make numeric tests flaky, so no profile has one.
settings.register_profile("dev", deadline=None, max_examples=25)
settings.register_profile("ci", deadline=None, max_examples=25, derandomize=True, print_blob=True)
settings.register_profile("deep", deadline=None, max_examples=2000)
settings.register_profile("few", deadline=None, max_examples=3, derandomize=True)
settings.load_profile(
    os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") else "dev")
)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep the first and each further `EACH` of the items of a test where few are wanted."""
    if not FEW:
        return
    seen: Counter[str] = Counter()
    kept, dropped = [], []
    for item in items:
        test = item.nodeid.partition("[")[0]
        (dropped if seen[test] % EACH else kept).append(item)
        seen[test] += 1
    config.hook.pytest_deselected(items=dropped)
    items[:] = kept
