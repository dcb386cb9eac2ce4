"""The subjects of other people's code are complete, and their page tells of each."""

from __future__ import annotations

import ast
import importlib.util
import tomllib
from pathlib import Path

import pytest

from reference_tests import CATALOGUE, Implementation
from reference_tests.implementation import load

ROOT = Path(__file__).parents[1]
SUBJECTS = sorted((ROOT / "examples").glob("*_subject.py"))


def page_maker():
    spec = importlib.util.spec_from_file_location("subjects", ROOT / "docs" / "subjects.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


MAKER = page_maker()


def test_every_subject_has_an_environment():
    assert {path.name.removesuffix("_subject.py") for path in SUBJECTS} == set(MAKER.PROJECTS)


@pytest.mark.parametrize("path", SUBJECTS, ids=lambda path: path.stem)
def test_subject_is_explained_and_imports_only_what_stands_alone(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert ast.get_docstring(tree)
    alone = ("reference_tests", "reference_tests.adapters", "reference_tests.references")
    ours = {
        node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module.startswith("reference_tests")
    }
    assert ours
    assert all(name == alone[0] or name.startswith(alone[1:]) for name in ours)


@pytest.mark.parametrize("path", SUBJECTS, ids=lambda path: path.stem)
def test_subject_names_operations_of_the_catalogue(path):
    try:
        subject = load(f"{path}:subject")
    except ImportError as error:
        pytest.skip(f"needs an environment of its own: {error}")
    assert isinstance(subject, Implementation)
    assert set(subject.operations) <= set(CATALOGUE)


def test_page_tells_of_every_subject():
    page = (ROOT / "docs" / "subjects.md").read_text(encoding="utf-8")
    for project in MAKER.PROJECTS.values():
        assert f"## {project.title}\n" in page


def test_words_are_of_a_known_kind_and_stand_on_the_page():
    words = tomllib.loads(MAKER.WORDS.read_text(encoding="utf-8"))
    page = (ROOT / "docs" / "subjects.md").read_text(encoding="utf-8")
    assert set(words) <= set(MAKER.PROJECTS)
    for each in (each for project in words.values() for each in project["described"]):
        assert each["kind"] in MAKER.KINDS
        assert " ".join(each["text"].split()) in " ".join(page.split())


def finding(check="value", reference="exact", status="failed", output="output"):
    return {
        "id": f"relu:{output}:{check}",
        "output": output,
        "check": check,
        "reference": reference,
        "status": status,
        "message": "has 1, expected 2",
        "reproduction": "",
        "diagnosis": [],
        "units": 5.0,
    }


def report(*findings):
    return {
        "operations": [{"name": "relu", "cases": 1, "unsupported": 1, "findings": list(findings)}]
    }


def words(kind="error", *patterns):
    return {"kind": kind, "findings": patterns or ["relu:output:value"], "text": "It differs."}


def test_description_without_its_finding_is_refused():
    with pytest.raises(SystemExit, match="relu:output:value is described, and does not occur"):
        MAKER.bound(report(finding(status="passed")), [words()], "project")


def test_finding_without_a_description_is_refused():
    with pytest.raises(SystemExit, match="relu:output:value occurs, and is not described"):
        MAKER.bound(report(finding()), [], "project")


def test_error_needs_two_oracles():
    with pytest.raises(SystemExit, match="relu:output:value is called an error by 1 oracle"):
        MAKER.bound(report(finding()), [words()], "project")
    both = report(finding(), finding(reference="torch"))
    [(_, [(name, *_)])] = MAKER.bound(both, [words()], "project")
    assert name == "relu:output:value"
    assert MAKER.bound(report(finding()), [words("accuracy")], "project")


def test_what_raises_needs_no_oracle():
    raised = finding("call", "", "error")
    told = "\n".join(MAKER.told(MAKER.bound(report(raised), [words("error", "*:call")], "project")))
    assert told.startswith("**Suspected errors**\n\n- It differs.\n\n  `relu:output:call`: has 1")


def test_table_counts_refusals_and_does_not_describe_them():
    accepted = finding("invalid input", "")
    lines = list(MAKER.table(report(finding(status="passed"), accepted)))
    assert lines[-1] == ("| `relu` | output | passed | 5 | 1 | 50% | accepts invalid input |  |")
    assert MAKER.bound(report(accepted), [], "project") == []
