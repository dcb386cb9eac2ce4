"""What a mutant is: an implementation with a mistake that is in no dictionary."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Mutant:
    """One mistake that the judge does not know.

    Parameters
    ----------
    name : str
    sentence : str
        What is wrong.
    operation : str
    output : str
        The output or gradient that is wrong.
    points_at : str
        A regular expression; a description that matches it points at what is wrong.
    function : callable
        In the form of an implementation's.
    """

    name: str
    sentence: str
    operation: str
    output: str
    points_at: str
    function: Callable[..., Any]
