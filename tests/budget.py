"""How much is tested where few examples are wanted, as on other interpreters."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TypeVar

T = TypeVar("T")
FEW = os.environ.get("HYPOTHESIS_PROFILE") == "few"


def some(items: Iterable[T]) -> list[T]:
    """Return all items, or each sixth where few examples are wanted."""
    return list(items)[:: 6 if FEW else 1]
