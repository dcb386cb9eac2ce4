"""Mistakes of steps that divide each gradient by a size of its own past."""

from __future__ import annotations

from reference_tests.faults.fault import Fault

FAULTS: list[Fault] = []
