"""What the README counts is what there is."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

from reference_tests.faults import FAULTS
from reference_tests.operations import CATALOGUE, FAMILY

README_PATH = Path(__file__).parents[1] / "README.md"
README = README_PATH.read_text(encoding="utf-8")


def test_readme_counts_the_faults_that_there_are():
    text = " ".join(README.split())
    numbers = re.search(
        r"all (\d+) known mistakes of its dictionary \((\d+) of convolution, (\d+) of max-pooling, "
        r"(\d+) of cross-entropy\)",
        text,
    )
    families = Counter(id.split("/")[0] for id in FAULTS)
    counted = [len(FAULTS), families["conv"], families["pool"], families["cross-entropy"]]
    assert [int(number) for number in numbers.groups()] == counted
    assert sum(counted[1:]) == len(FAULTS)


def test_readme_has_a_line_for_each_family_with_its_operations():
    table = README.split("<!-- proved")[1].split("<!-- end")[0]
    lines = re.findall(r"^\| (\w+) \| (`.*?`) \|", table, re.MULTILINE)
    assert [family for family, _ in lines] == list(dict.fromkeys(FAMILY.values()))
    assert re.findall(r"`(\w+)`", " ".join(names for _, names in lines)) == list(CATALOGUE)


def test_the_page_of_what_is_proved_has_a_line_for_each_operation():
    page = (README_PATH.parent / "docs" / "proved.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE) == list(CATALOGUE)


def test_readme_shows_both_commands():
    assert "python -m pip install tox && tox run -e verify" in README
    assert re.search(r"python -m pip install tox && tox run-parallel +#", README)
