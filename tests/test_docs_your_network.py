"""The page on how to bring a subject does what it says."""

import doctest
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[1] / "docs" / "your-network.md"


def test_every_example_of_the_page_runs():
    pytest.importorskip("torch")
    done = doctest.testfile(str(PAGE), module_relative=False)
    assert done.attempted > 20
    assert done.failed == 0
