"""The command explain, and the page of all mistakes: true to the dictionary."""

import importlib.util
import re
from pathlib import Path

import numpy as np
import pytest

from reference_tests import CATALOGUE, cli
from reference_tests.faces.example import MARK, brief, exposing, written
from reference_tests.faces.text import operations
from reference_tests.faults import FAULTS

DOCS = Path(__file__).parents[1] / "docs"
_spec = importlib.util.spec_from_file_location("docs_faults", DOCS / "faults.py")
faults = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(faults)

FLIPPED = FAULTS["conv/kernel-flipped"]


def explained(capsys, *words):
    assert cli.main(["explain", *words]) == 0
    return capsys.readouterr().out


def test_a_mistake_is_explained(capsys):
    out = explained(capsys, "conv/kernel-flipped")
    for part in (FLIPPED.sentence, FLIPPED.hidden_by, FLIPPED.link, "It shows here", "It hides"):
        assert part in out
    assert re.search(r"formula +y\[", out)
    assert re.search(r"corrupts +output of conv1d/2d/3d", out)
    shows, hides = out.split("It hides here")
    assert f"{MARK} is wrong" in shows
    assert "the judge says: has" in shows
    assert MARK not in hides
    assert hides.rstrip().endswith("all is right")


def test_the_example_is_the_exposing_case_by_numbers():
    shown = exposing(FLIPPED, "conv2d")
    assert shown.call == "conv2d(x, weight)"
    assert list(shown.columns) == ["x", "weight", "right output", "mistaken"]
    (a, b), (c, d) = (
        [int(n) for n in re.findall(r"-?\d+", shown.columns[k])] for k in ("x", "weight")
    )
    assert shown.columns["right output"] == f"[[[[{a * c + b * d}]]]]"
    assert shown.columns["mistaken"] == f"[[[[{a * d + b * c}{MARK}]]]]"


def test_the_last_part_of_an_id_is_enough_where_it_is_the_only_one(capsys):
    parts = [name.partition("/")[2] for name in FAULTS]
    alone = next(part for part in parts if parts.count(part) == 1)
    assert f"/{alone}\n" in explained(capsys, alone)


def test_without_a_name_all_mistakes_are_listed_by_family(capsys):
    out = explained(capsys)
    for name in FAULTS:
        assert name in out
    families = {name.partition("/")[0] for name in FAULTS}
    for family in families:
        count = sum(name.startswith(f"{family}/") for name in FAULTS)
        assert f"{family} ({count})" in out


def test_an_operation_lists_its_mistakes(capsys):
    out = explained(capsys, "max_pool2d")
    for name, fault in FAULTS.items():
        assert (f" {name} " in out) is ("max_pool2d" in fault.operations)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "conv/kernel-fliped",
            "there is no mistake 'conv/kernel-fliped'; the nearest are conv/kernel-flipped",
        ),
        ("kernel-fliped", "the nearest are"),
        ("conv2", "the nearest are conv2d"),
        ("§§§", "there is no mistake '§§§'\n"),
    ],
)
def test_an_unknown_name_is_bad_usage_with_the_nearest(name, message, capsys):
    assert cli.main(["explain", name]) == 2
    assert message in capsys.readouterr().err


def test_a_part_that_several_have_names_them(capsys):
    parts = [name.partition("/")[2] for name in FAULTS]
    several = next(part for part in parts if parts.count(part) > 1)
    assert cli.main(["explain", several]) == 2
    error = capsys.readouterr().err
    for name in FAULTS:
        assert (name in error) is name.endswith(f"/{several}")


def test_an_operation_without_mistakes_is_bad_usage(capsys, monkeypatch):
    from reference_tests.faces import explanation

    monkeypatch.setattr(explanation, "FAULTS", {})
    assert cli.main(["explain", "conv2d"]) == 2
    assert "the dictionary has no mistake of conv2d" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("array", "wrong", "text"),
    [
        (3.0, None, "3"),
        (3.0, True, "3*"),
        ([1.0, -2.5], [False, True], "[    1 -2.5*]"),
        ([[1, 2], [3, 4]], None, "[[1 2]\n [3 4]]"),
        ([[[1], [2]]], None, "[[[1]\n  [2]]]"),
        ([np.nan, np.inf], None, "[nan inf]"),
        (np.zeros((0, 3)), None, "empty (0, 3)"),
    ],
)
def test_arrays_are_written_with_marks(array, wrong, text):
    assert written(array, None if wrong is None else np.array(wrong)) == text


def test_numbers_that_differ_look_different():
    shown = exposing(FAULTS["conv/float16"], "conv1d")
    right, wrong = shown.columns["right output"], shown.columns["mistaken"]
    assert wrong.replace(MARK, "") != right


def test_arrays_stand_side_by_side():
    text = str(exposing(FLIPPED, "conv2d"))
    call, empty, heads, row = text.split("\n")
    assert (call, empty) == ("conv2d(x, weight)", "")
    assert [row[heads.index(name)] for name in ("x", "weight", "right", "mistaken")] == ["["] * 4


def test_the_dimensions_of_an_operation_stand_together():
    names = ["conv2d", "relu", "conv1d", "unfold", "max_pool3d", "conv3d", "conv2d_untied_bias"]
    names += ["dropout2d", "dropout", "dropout1d"]
    together = ["conv1d/2d/3d", "relu", "unfold", "max_pool3d", "conv2d_untied_bias"]
    together += ["dropout1d/2d", "dropout"]
    assert operations(names) == together


def test_a_case_in_brief():
    assert (
        brief(CATALOGUE["conv2d"], FLIPPED.hiding) == "conv2d(x (1, 1, 1, 2), weight (1, 1, 1, 1))"
    )


def test_the_page_has_an_anchor_for_every_link():
    page = (DOCS / "faults.md").read_text(encoding="utf-8")
    anchors = re.findall(r'<a id="([^"]+)">', page)
    assert len(anchors) == len(set(anchors))
    assert {fault.link.partition("#")[2] for fault in FAULTS.values()} == set(anchors)
    assert set(re.findall(r"\]\(#([^)]+)\)", page)) == set(anchors)


def test_every_entry_shows_what_is_wrong():
    page = (DOCS / "faults.md").read_text(encoding="utf-8")
    entries = page.split("\n### ")[1:]
    assert len(entries) == len(FAULTS)
    for entry in entries:
        block = re.search(r"```text\n(.*?)\n```", entry, re.DOTALL)[1]
        lines = block.split("\n")
        # A number with a mark, or what the judge says.
        assert MARK in block or lines[-2] == "", entry


def test_the_script_checks_and_writes(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(faults, "FAULTS", {FLIPPED.id: FLIPPED})
    path = tmp_path / "faults.md"
    monkeypatch.setattr("sys.argv", ["faults.py", "--write", str(path)])
    faults.main()
    monkeypatch.setattr("sys.argv", ["faults.py", "--check", str(path)])
    faults.main()
    assert "tells what the dictionary says" in capsys.readouterr().out
    path.write_text("older")
    with pytest.raises(SystemExit, match="does not tell what the dictionary says now"):
        faults.main()
    monkeypatch.setattr("sys.argv", ["faults.py"])
    faults.main()
    assert capsys.readouterr().out == faults.page() + "\n"
