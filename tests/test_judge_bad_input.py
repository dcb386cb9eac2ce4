"""Whatever a subject does, it is found, and the judge goes on."""

import json
import os
import re
from dataclasses import replace
from pathlib import Path

import bad_subject
import pytest

from reference_tests import CATALOGUE, Implementation, cli, trial, verify
from reference_tests.process import opened
from reference_tests.references.exact import subject as naive

FILE = Path(bad_subject.__file__)
RELU = replace(CATALOGUE["relu"], invalid=())
# The (check, status, part of the message) of what is found, whatever else is wrong because of it.
FOUND = {
    "right": None,
    "raise": ("call", "error", "raised Special: not today (bad_subject.py:"),
    "raise for some": ("call", "error", "no numbers"),
    "raise without a word": ("call", "error", "raised Mute (bad_subject.py:"),
    "exit": ("call", "error", "raised SystemExit: 0 (bad_subject.py:"),
    "exhaust": ("call", "error", "raised RecursionError: maximum recursion depth exceeded"),
    "allocate": ("call", "error", "MemoryError"),
    "print": ("print", "noted", "printed 'loud'"),
    "view": ("aliasing", "noted", "lies in the memory of its argument x"),
    "change": ("purity", "failed", "changed its argument x"),
    "change in the pullback": ("purity", "failed", "changed its argument x, grad_output"),
    "buffer": ("repeatability", "failed", "a second call overwrites the output of the first"),
    "list": ("type", "failed", "returned a list, expected an ndarray"),
    "wide": ("dtype", "failed", "has dtype float64, expected float32"),
    "column": ("shape", "failed", ", expected (3, 5)"),
    "nan": ("nan", "failed", "elements are nan where there is a number"),
    "None": ("type", "failed", "returned None, expected an ndarray"),
    "objects": ("type", "failed", "returned an ndarray of objects, expected an ndarray"),
    "generator": ("type", "failed", "returned a generator, expected an ndarray"),
    "masked": ("type", "failed", "returned a MaskedArray, expected an ndarray"),
    "matrix": ("type", "failed", "returned a matrix, expected an ndarray"),
    "text": ("type", "failed", "returned a str, expected an ndarray"),
    "number": ("shape", "failed", "has shape (), expected (3, 5)"),
    "no gradients": ("gradients", "error", "the pullback returned 0 gradients, expected 1: x"),
    "two gradients": ("gradients", "error", "the pullback returned 2 gradients, expected 1: x"),
    "raise in the pullback": ("call", "error", "the pullback raised Special: not today"),
    "generator of gradients": ("type", "failed", "returned a generator, expected an ndarray"),
}
ONLY_ISOLATED = {
    "hang": ("time", "error", "did not return within 0.3 s (bad_subject.py:"),
    "hang in C": ("time", "error", "did not return within 0.3 s"),
    "print on": ("time", "error", "did not return within 0.3 s"),
    "hang in the pullback": ("time", "error", "the pullback did not return within 0.3 s"),
    "kill": ("process", "error", "ended its process: SIGKILL"),
    "leave": ("process", "error", "ended its process with exit code 3"),
    "segmentation fault": ("process", "error", "SIGSEGV (bad_subject.py:"),
    "kill in the pullback": ("process", "error", "the pullback ended its process with exit code 4"),
    "close all": ("process", "error", "ended its process"),
    "interrupt": ("call", "error", "raised KeyboardInterrupt"),
    "warn": ("warning", "noted", "warned of UserWarning: careful"),
    "scribble": ("print", "noted", "straight to 1\\nstraight to 2"),
    "state": None,
    "close": None,
    "thread": None,
    "read": None,
    "lose its output": None,
}


@pytest.fixture(scope="module")
def isolated():
    """The subject in a process of its own."""
    with opened(f"{FILE}:subject", timeout=20) as subject:
        yield subject


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    """Start the process anew only once."""
    monkeypatch.setitem(trial.PATIENCE, "process", 1)


def judged(subject, habit, **options):
    relu = Implementation(habit, {"relu": subject.operations[habit]}, {}, subject.source)
    options = {"examples": 0, "dtypes": ["float32"], "diagnose": False, **options}
    return verify(relu, [RELU], [], **options)


def assert_found(report, expected):
    if expected is None:
        assert report.ok, report.text()
        assert {f.status for f in report.findings} == {"passed"}
        return
    check, status, part = expected
    messages = [f.message for f in report.findings if (f.check, f.status) == (check, status)]
    assert any(part in message for message in messages), report.findings
    assert report.ok is (status == "noted" and not report.failures)


def facts(report):
    return {(f.output, f.check, f.dtype, f.reference, f.status, f.message) for f in report.findings}


@pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
@pytest.mark.parametrize("habit", FOUND)
def test_a_bad_habit_is_a_finding_of_its_own_here_and_in_another_process(habit, isolated):
    there = judged(isolated, habit)
    assert_found(there, FOUND[habit])
    bad_subject.BUFFERS.clear()
    assert facts(judged(bad_subject.subject, habit)) == facts(there)


@pytest.mark.parametrize("habit", ONLY_ISOLATED)
def test_what_would_end_or_disturb_the_judge_is_a_finding_too(habit, isolated):
    process = isolated.operations[habit].process
    process.timeout = 0.3 if "0.3" in str(ONLY_ISOLATED[habit]) else 20
    assert_found(judged(isolated, habit), ONLY_ISOLATED[habit])
    # The next one finds a process as if nothing had been.
    process.timeout = 20
    if "time" not in str(ONLY_ISOLATED[habit]):
        judged(isolated, "right").assert_ok()


def test_what_is_raised_at_some_parameters_only_says_so(isolated):
    messages = [f.message for f in judged(isolated, "raise for some").failures]
    assert all("; in " in message and message.endswith("calls") for message in messages)
    assert not any("; in " in f.message for f in judged(isolated, "raise").failures)


def test_after_two_calls_that_hang_no_more_are_made(isolated):
    process = isolated.operations["hang"].process
    process.timeout = 0.2
    report = judged(isolated, "hang", examples=100)
    process.timeout = 20
    assert report["relu"].cases == 2
    assert [f.message.rpartition("; ")[2] for f in report.failures] == [
        "after 2 such cases no more were judged"
    ]


def test_the_end_of_what_is_printed_is_kept(isolated):
    process = isolated.operations["print on"].process
    process.timeout = 0.3
    (noted,) = (f for f in judged(isolated, "print on").findings if f.check == "print")
    process.timeout = 20
    assert 1000 < len(noted.message) < 2500


def test_an_invalid_input_that_ends_the_process_is_not_refused(isolated):
    relu = Implementation("ending", {"relu": isolated.operations["leave if invalid"]})
    report = verify(relu, ["relu"], [], examples=0, dtypes=["float32"], diagnose=False)
    (failure,) = report.failures
    expected = ("process", "for an array of objects: ended its process with exit code 3")
    assert (failure.check, failure.message.partition(";")[0]) == expected


@pytest.mark.parametrize("habit", ["hang", "kill", "raise", "nan", "list", "no gradients"])
def test_the_reproduction_of_a_bad_habit_is_python(habit, isolated):
    process = isolated.operations[habit].process
    process.timeout = 0.3 if habit == "hang" else 20
    failures = judged(isolated, habit).failures
    process.timeout = 20
    assert failures
    for failure in failures:
        assert "from bad_subject import subject" in failure.reproduction
        compile(failure.reproduction, "reproduction", "exec")


def test_the_command_goes_on_and_writes_its_report(tmp_path, capsys):
    habits = {"relu": "hang", "tanh": "kill", "sigmoid": "raise", "silu": "print", "elu": "state"}
    path = tmp_path / "worst_cnn.py"
    path.write_text(
        "import importlib.util, sys\n"
        f"sys.path.insert(0, {str(FILE.parent)!r})\n"
        "from bad_subject import HABITS, Implementation\n"
        f"subject = Implementation('worst', {{n: HABITS[h] for n, h in {habits!r}.items()}})\n"
    )
    report = tmp_path / "report.json"
    words = [f"{path}:subject", "--timeout", "0.5", "--json", str(report), "--reference", "exact"]
    names = [word for name in habits for word in ("--operation", name)]
    assert cli.main([*words, *names, "--examples", "0", "--jobs", "1"]) == 1
    found = json.loads(report.read_text())["operations"]
    assert [operation["name"] for operation in found] == list(habits)
    assert [o["status"] for o in found] == ["error", "error", "error", "failed", "failed"]
    checks = [{f["check"] for f in o["findings"] if f["status"] != "passed"} for o in found]
    for check, seen in zip(("time", "process", "call", "print", "value"), checks, strict=True):
        assert check in seen
    assert "silu: output printed 'loud'" in capsys.readouterr().out


def test_a_subject_that_changes_the_folder_does_not_move_the_report(tmp_path, monkeypatch):
    path = tmp_path / "moving_cnn.py"
    path.write_text(
        f"import sys\nsys.path.insert(0, {str(FILE.parent)!r})\n"
        "import os\nfrom bad_subject import Implementation, right\n"
        "def relu(x):\n    os.chdir('/')\n    return right(x)\n"
        "subject = Implementation('moving', {'relu': relu})\n"
    )
    monkeypatch.chdir(tmp_path)
    words = ["moving_cnn.py:subject", "--operation", "relu", "--reference", "exact"]
    words.append("--no-isolation")
    before = os.getcwd()
    cli.main([*words, "--examples", "0", "--json", "report.json"])
    assert os.getcwd() == before
    assert (tmp_path / "report.json").is_file()


def test_a_message_that_no_file_can_hold_is_written_with_escapes():
    def broken(x):
        raise ValueError("half a \ud800 pair")

    report = verify(Implementation("broken", {"relu": broken}), ["relu"], [], examples=1)
    assert "half a \\ud800 pair" in report.failures[0].message
    report.text().encode()


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ({"stride": "big"}, "the limits of conv2d, {'stride': 'big'}, allow no case"),
        ({"stride": -1}, "allow no case"),
        ({"stride": (1, 2, 3)}, "allow no case"),
        ({"groups": 0}, "allow no case"),
        ({"bias": 3}, "have 3 for the array bias; only None"),
    ],
)
def test_limits_that_allow_no_case_are_told_before_any_work(limits, message):
    subject = Implementation("limited", {"conv2d": never}, {"conv2d": limits})
    with pytest.raises(ValueError, match=re.escape(message)):
        verify(subject, ["conv2d"], [], examples=1)


def never(*arrays, **hyper):
    raise AssertionError("was called")


def test_lists_are_not_taken_for_a_known_mistake():
    def listed(x):
        y, pullback = naive.operations["tanh"](x)
        return y.tolist(), pullback

    report = verify(Implementation("listed", {"tanh": listed}), ["tanh"], [], examples=4)
    mine = [finding for finding in report.failures if finding.output == "output"]
    assert "type" in {finding.check for finding in mine}
    assert all(finding.diagnosis == [] for finding in mine)
