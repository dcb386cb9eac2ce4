"""Several processes judge as one does; the table of accuracy tells the truth."""

import json
import multiprocessing
import time
from pathlib import Path

import numpy as np
import pytest

from reference_tests import Implementation, cli, verify
from reference_tests.accuracy import Accuracy, Error, accuracy
from reference_tests.commands import usage
from reference_tests.implementations.scratchcnn import subject
from reference_tests.judge import Interrupted
from reference_tests.parallel import each, verify_at

NAMES = ["relu", "tanh", "linear"]
ROUGH = """
import numpy as np
from reference_tests import Implementation

def tanh(x):
    print("heard")
    y = np.tanh(x.astype(np.float16)).astype(x.dtype)
    return y, lambda grad_output: grad_output * (1 - y * y)

subject = Implementation("rough", {"tanh": tanh})
"""


@pytest.fixture
def rough(tmp_path):
    """A subject that computes in half precision and prints."""
    path = tmp_path / "rough_cnn.py"
    path.write_text(ROUGH)
    return f"{path}:subject"


def facts(report):
    """Return all of a report but how long it took."""
    return [
        (o.name, o.cases, [(f.id, f.dtype, f.reference, f.status, f.units) for f in o.findings])
        for o in report
    ]


def test_two_processes_find_what_one_finds():
    options = (NAMES, ["scipy"], 5, 3, ("float32",))
    assert facts(verify_at(usage.OWN, 2, *options)) == facts(verify(subject, *options))


def test_the_order_of_a_report_is_that_of_the_question(rough):
    seen = []
    report = verify_at(rough, 2, NAMES, [], 3, 0, ("float32",), None, seen.append)
    assert [operation.name for operation in report] == NAMES
    assert sorted(done.name for done in seen) == sorted(NAMES)
    assert report["relu"].status == "not provided"
    assert report["tanh"].status == "failed"


def test_a_time_limit_holds_in_every_process():
    report = verify_at(usage.OWN, 2, ["relu", "tanh"], [], 10**6, 0, ("float32",), 0.0)
    assert all(operation.cases < 100 for operation in report)
    assert report.notes == ["stopped drawing cases after 0 s"]


def test_an_interruption_keeps_what_is_known():
    def interrupt(done):
        raise KeyboardInterrupt

    with pytest.raises(Interrupted) as caught:
        verify_at(usage.OWN, 1, NAMES, [], 2, 0, ("float32",), None, interrupt)
    assert [operation.name for operation in caught.value.report] == ["relu"]
    assert caught.value.report.notes == ["interrupted; not judged: tanh, linear"]


def _slow(subject, name, seconds):
    time.sleep(seconds if name == "relu" else 0)
    return subject.name


def _in_turn(subject, name, place):
    """Let "relu" wait until the result of the other one has been taken."""
    while name == "relu" and not Path(place).exists():
        time.sleep(0.01)
    return subject.name


def test_results_come_as_they_are_ready(tmp_path):
    taken = tmp_path / "taken"
    found = each(_in_turn, usage.OWN, NAMES[:2], (str(taken),), 2)
    assert next(found) == ("tanh", "scratchcnn")
    taken.touch()
    assert list(found) == [("relu", "scratchcnn")]


def test_what_a_subject_prints_in_a_process_is_not_in_the_json(rough, capfd):
    names = ["--operation", "tanh", "--operation", "relu"]
    options = ["--jobs", "2", "--json", "-", "--examples", "2", "--no-isolation"]
    code = cli.main([rough, *names, *options])
    out, err = capfd.readouterr()
    assert code == 1
    assert json.loads(out)["subject"] == "rough"
    assert "heard" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--jobs", "0"], "--jobs is 0, expected at least 1"),
        (["--accuracy", "--dtype", "float64"], "--accuracy compares float32 with PyTorch"),
        (["--accuracy", "--reference", "scipy"], "--accuracy compares float32 with PyTorch"),
        (["--accuracy", "--replay", "relu@0.1"], "--accuracy compares float32 with PyTorch"),
        (["--accuracy", "--operation", "rleu"], "the nearest are relu"),
        (["--replay", "relu@0.1", "--operation", "relu"], "it goes without --operation"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments, message, capsys):
    pytest.importorskip("torch")
    assert cli.main(arguments) == 2
    assert message in capsys.readouterr().err


def test_accuracy_of_scratchcnn_is_that_of_pytorch(capsys, tmp_path):
    pytest.importorskip("torch")
    path = tmp_path / "accuracy.json"
    names = ["--operation", "linear", "--operation", "relu", "--operation", "correlate"]
    code = cli.main(["--accuracy", *names, "--examples", "10", "--json", str(path), "--jobs", "1"])
    out = capsys.readouterr().out
    assert code == 0
    assert "ok (6 outputs, 10 cases each)" in out
    rows = json.loads(path.read_text())
    # SciPy's operations have no counterpart in PyTorch.
    assert {row["operation"] for row in rows} == {"linear", "relu"}
    assert all(row["ok"] and row["elements"] for row in rows)
    assert max(row["theirs"]["largest"] for row in rows) > 0


def test_half_precision_is_told(rough, capsys):
    pytest.importorskip("torch")
    code = cli.main([rough, "--accuracy", "--operation", "tanh", "--examples", "10", "--jobs", "1"])
    assert code == 1
    assert "not ok: tanh output, tanh grad_input" in capsys.readouterr().out


def relu_as(change):
    """Return a subject whose ReLU is changed."""

    def relu(x):
        return change(np.maximum(x, 0)), lambda grad_output: grad_output * (x > 0)

    return Implementation("changed", {"relu": relu})


def test_accuracy_in_numbers():
    pytest.importorskip("torch")
    shifted = relu_as(lambda y: y * np.float32(1 + 2**-20))
    compared = accuracy(shifted, "relu", 20, 0)
    row = compared.rows[0]
    # A share of 2**-20 is at least 8 and at most 16 ulp of float32.
    assert row.output == "output"
    assert 8 <= row.ours.ulps <= 16
    assert row.theirs == Error(0.0, 0.0, 0.0)
    assert compared.cases == 20
    assert not row.ok
    assert not compared.ok


def test_what_is_lost_counts_against_the_subject():
    pytest.importorskip("torch")
    compared = accuracy(relu_as(lambda y: np.where(y > 1, np.nan, y)), "relu", 5, 0)
    assert compared.rows[0].lost > 0
    assert not compared.ok


def failing(y):
    raise RuntimeError("too large")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (failing, "raised RuntimeError: too large"),
        (lambda y: y.astype(np.float64), "of float64, expected"),
        (lambda y: y[None], "output is (1, "),
    ],
)
def test_what_cannot_be_compared_is_told(change, message):
    pytest.importorskip("torch")
    compared = accuracy(relu_as(change), "relu", 5, 0)
    assert message in compared.errors[0]
    assert not compared.ok


def test_a_missing_gradient_is_told():
    pytest.importorskip("torch")
    silent = Implementation("silent", {"relu": lambda x: np.maximum(x, 0)})
    assert accuracy(silent, "relu", 5, 0).errors == ["relu: case 0: grad_input is missing"]


def test_cases_that_pytorch_refuses_are_replaced():
    pytest.importorskip("torch")
    # PyTorch overflows in a part of the cases.
    assert accuracy(subject, "soft_margin_loss", 30, 0).cases == 30


def test_the_truth_of_accuracy_does_not_cancel():
    pytest.importorskip("torch")
    (row, _) = accuracy(subject, "tanhshrink", 30, 0).rows
    assert row.ours.ulps < 4 < 100 < row.theirs.ulps


def test_a_row_is_ok_beside_pytorch_or_within_four_ulp():
    row = Accuracy("relu", "output", 1, 0, Error(1.5, 2.0, 9.0), Error(1.0, 1.0, 9.0))
    assert row.ok
    assert not row._replace(lost=1).ok
    assert not row._replace(ours=Error(1.6, 1.0, 9.0)).ok
    assert not row._replace(ours=Error(1.0, 2.1, 9.0)).ok
    assert row._replace(ours=Error(9.0, 9.0, 4.0)).ok


ENDING = """
import os
from reference_tests import Implementation
from reference_tests.implementations.scratchcnn import subject as right

def tanh(x):
    os._exit(5)

names = ("relu", "silu", "sigmoid")
subject = Implementation("ending", {**{n: right.operations[n] for n in names}, "tanh": tanh})
"""


def test_an_operation_that_ends_its_process_takes_no_other_with_it(tmp_path):
    path = tmp_path / "ending_cnn.py"
    path.write_text(ENDING)
    names = ["relu", "tanh", "silu", "sigmoid"]
    report = verify_at(f"{path}:subject", 2, names, [], 3, 0, ("float32",))
    statuses = [operation.status for operation in report]
    assert statuses == ["passed", "error", "passed", "passed"]
    assert report.failures[0].message == "ended its process"


def test_an_interruption_ends_the_processes_at_once():
    results = each(_slow, usage.OWN, NAMES[:2], (600.0,), 2)
    assert next(results) == ("tanh", "scratchcnn")
    with pytest.raises(KeyboardInterrupt):
        results.throw(KeyboardInterrupt)
    assert not multiprocessing.active_children()
