"""The pytest face gives the verdicts of the judge as test items."""

from __future__ import annotations

import subprocess
import sys

import pytest
from test_judge_cli import FLIPPED


def run(folder, *arguments):
    """Run pytest on the judge's own items in another process, from a user's folder."""
    command = [sys.executable, "-m", "pytest", "-p", "reference_tests.plugin", "--pyargs"]
    command += ["reference_tests", "-q", "-p", "no:cacheprovider", *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False)


@pytest.fixture
def folder(tmp_path):
    """A folder with a subject whose convolution flips its kernel."""
    (tmp_path / "flipped_cnn.py").write_text(FLIPPED)
    return tmp_path


def test_flipped_kernel_fails_the_items_of_what_is_wrong_and_no_others(folder):
    done = run(
        folder,
        "--implementation=flipped_cnn:subject",
        "--reference=exact",
        "--examples=24",
        "-k=conv2d and not untied",
    )
    assert done.returncode == 1, done.stdout
    failed = {
        line.split()[1].split("::")[1] for line in done.stdout.splitlines() if "FAILED" in line
    }
    assert failed == {
        "test_check[conv2d-value]",
        "test_check[conv2d-exact]",
        "test_no_drawn_case_fails[conv2d]",
    }


def test_what_is_not_provided_is_skipped_and_counted(folder):
    subject = "--implementation=flipped_cnn:subject"
    done = run(folder, subject, "--reference=exact", "--examples=1", "-k=relu", "-ra")
    assert done.returncode == 0, done.stdout
    assert "relu is not provided" in done.stdout
    assert "passed" not in done.stdout.splitlines()[-1]


def test_unknown_names_stop_pytest_before_any_work(folder):
    done = run(folder, "--implementation=flipped_cnn:sbject")
    assert done.returncode == 4
    assert "the nearest names are subject" in done.stderr
    done = run(folder, "--reference=torhc")
    assert done.returncode == 4
    assert "the nearest are torch" in done.stderr
