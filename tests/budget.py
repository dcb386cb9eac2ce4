"""How much is tested where few examples are wanted, as on other interpreters."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TypeVar

T = TypeVar("T")
FEW = os.environ.get("HYPOTHESIS_PROFILE") == "few"
EACH = 6


def some(items: Iterable[T]) -> list[T]:
    """Return all items, or one in `EACH` where few examples are wanted."""
    return list(items)[:: EACH if FEW else 1]
