"""Mistakes of Adam and its relatives."""

from __future__ import annotations

from typing import Any

from reference_tests.faults.fault import Fault, Hyper, Shapes
from reference_tests.faults.stepping import (
    always,
    both,
    first,
    later,
    mistaken,
    moves,
    outputs,
    started,
)
FAULTS: list[Fault] = []
