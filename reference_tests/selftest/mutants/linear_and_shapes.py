"""Mistakes in linear layers and in flattening."""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_tests.selftest.mutants.mutant import Call, beyond, mutant, right

MOVED = r"permut|order\b|moved|rearranged|transpos|places?\b"


def first_bias_for_all(y: Any, call: Call) -> Any:
    """Add the first bias to all features."""
    return y if call.bias is None else y - call.bias + call.bias[0]


def first_sample_left_out(grad: Any, call: Call) -> Any:
    """Sum over all samples but the first."""
    if call.x.ndim < 2:
        return grad
    grads = call.grad_output.copy()
    grads[:1] = 0
    return right("linear", call, "grad_weight", grad_output=grads)


def last_feature_left_out(grad: Any, call: Call) -> Any:
    """Leave the gradient of the last feature at 0."""
    grad[..., -1:] = 0
    return grad


def from_the_bottom(y: Any, call: Call) -> Any:
    """Read the last of the joined axes but one from its end."""
    start, end = call.start_dim % call.x.ndim, call.end_dim % call.x.ndim
    return np.flip(call.x, end - 1).reshape(y.shape) if end > start else y


MUTANTS = (
    mutant(
        "linear/first-bias-for-all",
        "All features get the first bias.",
        "linear",
        "output",
        r"\bbias|first (feature|column)|constant",
        first_bias_for_all,
    ),
    mutant(
        "linear/weight-grad-without-first-sample",
        "The weight gradient lacks the first sample.",
        "linear",
        "grad_weight",
        (
            r"(first|one|a) sample|sample 0|samples? but|batch size",
            r"first index of the first axis of x",
            beyond("batch"),
            beyond("N"),
        ),
        first_sample_left_out,
    ),
    mutant(
        "linear/input-grad-of-last-feature",
        "The last feature of the input has no gradient.",
        "linear",
        "grad_input",
        r"last (feature|column|position|element|value|index of the last axis)|border|\bedges?\b",
        last_feature_left_out,
    ),
    mutant(
        "flatten/from-the-bottom",
        "The rows are read from the last one up, as bitmaps are stored.",
        "flatten",
        "output",
        rf"{MOVED}|flip|revers|upside",
        from_the_bottom,
    ),
)
