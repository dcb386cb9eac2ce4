"""Subjects with one mistake each that no dictionary knows."""

from reference_tests.selftest.mutants.mutant import Mutant

MUTANTS: dict[str, Mutant] = {}

__all__ = ["MUTANTS", "Mutant"]
