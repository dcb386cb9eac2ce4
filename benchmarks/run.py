"""Print how long scratchcnn takes beside PyTorch, each in processes of its own, in alternation."""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

from worker import WORKLOADS

LIBRARIES = ("scratchcnn", "torch")
WORKER = Path(__file__).with_name("worker.py")


def measured(library: str, workload: str, options: list[str]) -> dict[str, Any]:
    """Return what a new process of the worker measures."""
    command = [sys.executable, str(WORKER), library, workload, *options]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def lines(workload: str, rounds: list[dict[str, Any]]) -> list[str]:
    """Return one line of the table for each part of a workload."""
    result = []
    for part in rounds[0]["torch"]["seconds"]:
        ours, theirs = (
            [1e3 * statistics.median(each[library]["seconds"][part]) for each in rounds]
            for library in LIBRARIES
        )
        ratios = [a / b for a, b in zip(ours, theirs, strict=True)]
        least, middle, most = min(ratios), statistics.median(ratios), max(ratios)
        memory = [max(each[library]["memory"] for each in rounds) for library in LIBRARIES]
        result.append(
            f"| {workload} | {part} | {statistics.median(ours):.1f} | "
            f"{statistics.median(theirs):.1f} | {least:.2f} | **{middle:.2f}** | {most:.2f} | "
            f"{memory[0]:.0f} | {memory[1]:.0f} |"
        )
    return result


def main() -> None:
    """Measure and print a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("workload", nargs="*", metavar="WORKLOAD", help="default: all of them")
    parser.add_argument("--rounds", type=int, default=5, help="processes of each library")
    parser.add_argument("--repeats", type=int, default=10, help="repetitions in each process")
    parser.add_argument("--warmup", type=int, default=3, help="repetitions before those")
    parser.add_argument("--batch", type=int, help="another size of batch, for a quick trial")
    options = parser.parse_args()
    unknown = [name for name in options.workload if name not in WORKLOADS]
    if unknown:
        parser.error(f"there is no workload {unknown[0]!r}; there are {', '.join(WORKLOADS)}")
    passed = ["--repeats", str(options.repeats), "--warmup", str(options.warmup)]
    if options.batch is not None:
        passed += ["--batch", str(options.batch)]
    versions = ", ".join(f"{name} {version(name)}" for name in ("numpy", "torch"))
    print(f"Python {platform.python_version()}, {versions}, {os.cpu_count()} cores, float32\n")
    print(
        "| workload | part | ours, ms | PyTorch, ms | ratio: least | median | most "
        "| our memory, MB | PyTorch's |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for workload in options.workload or WORKLOADS:
        rounds = [
            {library: measured(library, workload, passed) for library in LIBRARIES}
            for _ in range(options.rounds)
        ]
        print(*lines(workload, rounds), sep="\n", flush=True)


if __name__ == "__main__":
    main()
