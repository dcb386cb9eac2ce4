"""How long it takes from the command to the diagnosis of one wrong convolution."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

WRONG = '''"""A convolution whose weight gradient is averaged over the batch."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from reference_tests import Implementation


def conv2d(x, weight, bias=None):
    windows = sliding_window_view(x, weight.shape[2:], (2, 3))
    y = np.einsum("nchwab,ocab->nohw", windows, weight)
    if bias is not None:
        y = y + bias[:, None, None]

    def pullback(grad):
        full = [(0, 0), (0, 0), *((k - 1, k - 1) for k in weight.shape[2:])]
        around = sliding_window_view(np.pad(grad, full), weight.shape[2:], (2, 3))
        grad_x = np.einsum("nohwab,ocab->nchw", around, weight[:, :, ::-1, ::-1])
        grad_weight = np.einsum("nohw,nchwab->ocab", grad, windows) / len(x)
        return grad_x, grad_weight, None if bias is None else grad.sum((0, 2, 3))

    return y.astype(x.dtype), pullback


subject = Implementation("wrong", {"conv2d": conv2d})
'''
FAULT = "conv/weight-grad-averaged"
# In seconds, imports included, those of PyTorch too.
LIMITS = {"exact": 5.0, "torch": 15.0}


@dataclass(frozen=True)
class Timing:
    """One command, how long it took, and whether the diagnosis was there."""

    references: str
    seconds: float
    limit: float
    named: bool

    @property
    def ok(self) -> bool:
        """Whether the diagnosis came in time."""
        return self.named and self.seconds <= self.limit


def timed(reference: str, limit: float) -> Timing:
    """Return the time of the command against one reference beside the exact oracle."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "wrong_cnn.py")
        path.write_text(WRONG, encoding="utf-8")
        command = [sys.executable, "-m", "reference_tests.cli", f"{path}:subject"]
        command += ["--operation", "conv2d", "--reference", reference]
        start = time.perf_counter()
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        seconds = time.perf_counter() - start
    return Timing(reference, seconds, limit, FAULT in run.stdout)
