"""The benchmarks run; how fast is no matter of tests."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the benchmarks compare with PyTorch")

FOLDER = Path(__file__).parent.parent / "benchmarks"


@pytest.fixture(scope="module")
def worker():
    spec = importlib.util.spec_from_file_location("worker", FOLDER / "worker.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("library", ["scratchcnn", "torch"])
def test_worker_times_every_workload(worker, library):
    for name, workload in worker.WORKLOADS.items():
        result = worker.measure(library, name, repeats=2, warmup=0, batch=1)
        parts = ["forward", "backward", "step"] if workload.trained else ["forward", "backward"]
        assert list(result["seconds"]) == parts
        assert all(len(times) == 2 and min(times) > 0 for times in result["seconds"].values())
        assert result["memory"] >= 0 or result["memory"] != result["memory"]


def test_run_prints_a_table():
    options = ["--rounds", "1", "--repeats", "1", "--warmup", "0", "--batch", "2"]
    command = [sys.executable, FOLDER / "run.py", "lenet5, batch 64", *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    rows = [line.split(" | ") for line in done.stdout.splitlines()[-3:]]
    assert [row[1] for row in rows] == ["forward", "backward", "step"]
    assert {len(row) for row in rows} == {9}


def test_run_names_the_workloads_for_one_it_lacks():
    command = [sys.executable, FOLDER / "run.py", "conv9d"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "there is no workload 'conv9d'; there are conv2d 64" in done.stderr
