"""The command `reference-tests`: exit codes, messages, files."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from reference_tests import CATALOGUE, cli
from reference_tests.commands import run
from reference_tests.implementation import load
from reference_tests.judge import Interrupted, verify

EXAMPLE = Path(__file__).parents[1] / "examples" / "tutorial_cnn.py"
FLIPPED = """
import numpy as np
from reference_tests import Implementation
from reference_tests.references.exact import subject as naive

def conv2d(x, weight, bias=None, **hyper):
    return naive.operations["conv2d"](x, weight[:, :, ::-1, ::-1], bias, **hyper)[0]

subject = Implementation("flipped", {"conv2d": conv2d})
"""


@pytest.fixture
def flipped(tmp_path):
    """A subject whose convolution flips its kernel."""
    path = tmp_path / "flipped_cnn.py"
    path.write_text(FLIPPED)
    return f"{path}:subject"


def test_command_prints_a_table_and_returns_0_for_scratchcnn(capsys):
    assert cli.main(["--operation", "conv2d", "--examples", "3", "--reference", "scipy"]) == 0
    out = capsys.readouterr().out
    assert re.search(r"conv2d +output +\d+ +\d\.\d\d +ok +ok +passed", out)
    assert "ok: 1 of 1 operations passed" in out
    assert "PyTorch does not judge here: judged against SciPy and exact only" in out


def test_command_returns_1_for_a_flipped_kernel_and_shows_the_smallest_case(flipped, capsys):
    code = cli.main([flipped, "--operation", "conv2d", "--examples", "20", "--reference", "scipy"])
    out = capsys.readouterr().out
    assert code == 1
    assert "conv2d: output differs from exact and scipy" in out
    case = re.search(r"the smallest case:\n((?:    .*\n)+)", out).group(1)
    # Each line is whole, so the case can be pasted; with one tap, a flip would not show.
    lines = [line.removeprefix("    ") for line in case.splitlines()]
    source = "\n".join(lines).replace("from flipped_cnn import subject", FLIPPED)
    names: dict = {}
    exec(source, names)
    assert max(names["weight"].shape[2:]) == 2
    assert "not ok: 0 of 1 operations passed" in out


def test_replay_judges_the_case_that_a_finding_names(flipped, capsys):
    cli.main([flipped, "--operation", "conv2d", "--examples", "20", "--reference", "exact"])
    case = re.search(r"--replay (conv2d@0\.\d+)", capsys.readouterr().out).group(1)
    assert cli.main([flipped, "--replay", case, "--reference", "exact"]) == 1
    assert cli.main(["--replay", case, "--reference", "exact"]) == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--operation", "conv2"], "there is no operation 'conv2'; the nearest are conv2d"),
        (["--reference", "torhc"], "there is no reference 'torhc'; the nearest are torch"),
        (["no_such_module:subject"], "there is no module no_such_module"),
        (["no_such_file.py:subject"], "there is no file no_such_file.py"),
        (["my_cnn"], "'my_cnn' names no subject, expected module:name or path.py:name"),
        (["lst"], "did you mean list"),
        (["a:b", "c:d"], "names more than one subject"),
        ([f"{EXAMPLE}:subjekt"], "the nearest names are subject"),
        ([f"{EXAMPLE}:np"], "is a module, expected a reference_tests.Implementation"),
        (["--replay", "conv2d"], "expected OPERATION@SEED.INDEX"),
        (["--examples", "-1"], "--examples is -1, expected at least 0"),
        (["--json", "no/such/folder.json"], "there is no such folder"),
        (["--json", str(EXAMPLE.parent)], "is no file that can be written"),
        (["--max-seconds", "-1"], "--max-seconds is -1, expected at least 0"),
        (["--max-seconds", "nan"], "--max-seconds is nan, expected at least 0"),
        (["--replay", "conv2d@0.²"], "expected OPERATION@SEED.INDEX"),
    ],
)
def test_bad_usage_returns_2_with_the_nearest_names(arguments, message, capsys):
    assert cli.main(arguments) == 2
    assert message in capsys.readouterr().err


def test_unknown_dtype_is_bad_usage():
    with pytest.raises(SystemExit) as stopped:
        cli.main(["--dtype", "float16"])
    assert stopped.value.code == 2


def test_subject_that_cannot_be_imported_is_bad_usage_with_its_traceback(tmp_path, capsys):
    path = tmp_path / "broken_cnn.py"
    path.write_text("import math\nmath.no_such_function()\n")
    assert cli.main([f"{path}:subject"]) == 2
    error = capsys.readouterr().err
    assert "cannot be imported" in error
    assert "no_such_function" in error


def test_list_prints_every_signature(capsys):
    assert cli.main(["list"]) == 0
    out = capsys.readouterr().out
    assert "conv2d(x, weight, bias=None, *, stride=1, padding=0, dilation=1, groups=1)" in out
    assert "max_pool2d(x, *, kernel_size, stride=None" in out


def test_json_is_written_whole(tmp_path, capsys):
    path = tmp_path / "report.json"
    cli.main(
        ["--operation", "relu", "--examples", "2", "--reference", "exact", "--json", str(path)]
    )
    report = json.loads(path.read_text())
    assert report["ok"] is True
    assert [operation["name"] for operation in report["operations"]] == ["relu"]
    assert report["versions"]["numpy"]
    assert list(tmp_path.iterdir()) == [path]


def test_json_to_the_output_is_nothing_but_json(capsys):
    arguments = ["--operation", "relu", "--examples", "2", "--reference", "exact", "--json", "-"]
    assert cli.main(arguments) == 0
    assert json.loads(capsys.readouterr().out)["subject"] == "scratchcnn"


def test_failed_write_leaves_nothing(tmp_path, monkeypatch):
    def broken(source, target):
        raise OSError("no space")

    monkeypatch.setattr("os.replace", broken)
    path = tmp_path / "report.json"
    arguments = ["--operation", "relu", "--examples", "1", "--reference", "exact"]
    assert cli.main([*arguments, "--json", str(path)]) == 3
    assert list(tmp_path.iterdir()) == []


def test_crash_of_the_judge_returns_3(monkeypatch, capsys):
    def broken(*arguments, **options):
        raise RuntimeError("of the judge")

    monkeypatch.setattr(run, "verify_at", broken)
    assert cli.main([]) == 3
    assert "the judge itself failed" in capsys.readouterr().err


def test_ctrl_c_returns_130_and_reports_what_is_known(monkeypatch, capsys):
    def interrupted(place, *rest, **options):
        raise Interrupted(verify(load(place.name), ["relu"], ["exact"], examples=1))

    monkeypatch.setattr(run, "verify_at", interrupted)
    assert cli.main([]) == 130
    assert "relu" in capsys.readouterr().out
    monkeypatch.setattr(run, "verify_at", lambda *a, **k: (_ for _ in ()).throw(KeyboardInterrupt))
    assert cli.main([]) == 130


def test_ctrl_c_inside_an_operation_keeps_those_before(monkeypatch):
    from reference_tests import Implementation

    def relu(x):
        raise KeyboardInterrupt

    subject = Implementation("stopped", {"relu": relu})
    with pytest.raises(Interrupted) as stopped:
        verify(subject, ["tanh", "relu"], ["exact"], examples=1)
    assert [operation.name for operation in stopped.value.report] == ["tanh"]
    assert "interrupted while judging relu" in stopped.value.report.notes


def test_quick_takes_few_examples_and_max_seconds_stops_drawing(capsys):
    cli.main(["--operation", "relu", "--quick", "--reference", "exact"])
    pinned = len(CATALOGUE["relu"].pinned)
    assert f" {run.QUICK + pinned} cases" in capsys.readouterr().out
    cli.main(["--operation", "relu", "--max-seconds", "0", "--reference", "exact"])
    out = capsys.readouterr().out
    assert f" {pinned} cases" in out
    assert "stopped drawing cases after 0 s" in out


def test_example_of_a_tutorial_passes_and_says_what_it_lacks(capsys):
    options = ["--operation", "conv2d", "--operation", "relu", "--quick", "--reference", "exact"]
    code = cli.main([f"{EXAMPLE}:subject", *options])
    out = capsys.readouterr().out
    assert code == 0
    assert "conv2d: unsupported: takes no stride, padding, dilation, groups" in out


def test_command_is_installed_and_runs_as_a_module():
    command = [sys.executable, "-m", "reference_tests.cli", "list"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "softmax(x, *, dim)" in done.stdout


def test_subject_that_exits_at_its_import_is_bad_usage(tmp_path, capsys):
    path = tmp_path / "leaving_cnn.py"
    path.write_text("import sys\nsys.exit(0)\n")
    assert cli.main([f"{path}:subject"]) == 2
    assert "cannot be imported" in capsys.readouterr().err


def test_what_a_subject_prints_does_not_get_into_the_json(tmp_path, capsys):
    path = tmp_path / "loud_cnn.py"
    path.write_text(FLIPPED.replace("    return naive", "    print('loud')\n    return naive"))
    arguments = [f"{path}:subject", "--operation", "conv2d", "--examples", "1", "--json", "-"]
    assert cli.main([*arguments, "--reference", "exact"]) == 1
    report = json.loads(capsys.readouterr().out)
    found = [f for o in report["operations"] for f in o["findings"] if f["check"] == "print"]
    assert [(f["status"], f["message"]) for f in found] == [("noted", "printed 'loud\\n'")]


def test_failures_that_a_file_expects_do_not_count(flipped, tmp_path, capsys):
    ids = ("value", "exact")
    path = tmp_path / "expected.toml"
    path.write_text("".join(f'"conv2d:output:{check}" = "true convolution"\n' for check in ids))
    arguments = [flipped, "--operation", "conv2d", "--examples", "5", "--reference", "exact"]
    code = cli.main([*arguments, "--expected-failures", str(path), "--no-isolation"])
    out = capsys.readouterr().out
    assert "expected failure" in out
    assert code == 0, out
    # One that matches nothing fails the run.
    path.write_text('"conv2d:output:vlaue" = "a slip"\n')
    assert cli.main([*arguments, "--expected-failures", str(path), "--no-isolation"]) == 1
    assert "matches no finding" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("= 3", "Invalid statement"),
        ("relu = 'why'", 'expected "operation:output:check"'),
        ("'relu:output:value' = 3", 'expected "operation:output:check"'),
        (None, "No such file"),
    ],
)
def test_a_file_of_expected_failures_is_checked_before_any_work(tmp_path, capsys, text, message):
    path = tmp_path / "expected.toml"
    if text is not None:
        path.write_text(text)
    assert cli.main(["--expected-failures", str(path)]) == 2
    assert message in capsys.readouterr().err


def test_what_a_subject_says_is_no_markup(tmp_path, capsys):
    path = tmp_path / "smiling_cnn.py"
    path.write_text(
        "from reference_tests import Implementation\n"
        "def relu(x):\n"
        "    raise ValueError('[0:x:2] :smile: [red]')\n"
        "subject = Implementation('a:x:b', {'relu': relu, 'tanhh': relu})\n"
    )
    # The module has one subject, which needs no name.
    assert cli.main([str(path), "--examples", "1", "--reference", "exact", "--no-isolation"]) == 1
    out = capsys.readouterr().out
    assert "a:x:b" in out
    assert "[0:x:2] :smile: [red]" in out
    assert "tanhh is not in the catalogue, so not judged (the nearest is tanh)" in out


def test_the_package_runs_as_a_module():
    command = [sys.executable, "-m", "reference_tests", "list"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "softmax(x, *, dim)" in done.stdout
