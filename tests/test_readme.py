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
    table = README.split("<!-- self-test")[1].split("<!-- end")[0]
    found = re.findall(r"^\| ([a-z-]+) \| (\d+) \| ([\d,]+) in (\d+) \|", table, re.MULTILINE)
    told = {
        family: (int(faults), int(pairs.replace(",", ""))) for family, faults, pairs, _ in found
    }
    families = Counter(id.split("/")[0] for id in FAULTS)
    pairs = Counter()
    for id, fault in FAULTS.items():
        pairs[id.split("/")[0]] += len(fault.operations)
    counted = {family: (families[family], pairs[family]) for family in families}
    counted["all"] = (sum(families.values()), sum(pairs.values()))
    assert told == counted


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
