"""What mistakes of losses of classes share: their axis, and the cases that show them."""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_tests.case import Case, Spec
from reference_tests.faults.fault import Hyper, Shapes
from reference_tests.faults.table import Given
from reference_tests.operations import CATALOGUE

Array = Any


def class_axis(x: Array) -> int:
    """Return the axis of the classes."""
    return 1 if x.ndim > 1 else 0


def class_place(shapes: Shapes) -> int:
    """Return the axis of the classes by the shapes alone."""
    return 1 if len(shapes["x"]) > 1 else 0


def always(hyper: Hyper, shapes: Shapes) -> bool:
    """Say that values alone decide whether a mistake shows."""
    return True


def batched(hyper: Hyper, shapes: Shapes) -> bool:
    """Return whether there are samples."""
    return len(shapes["x"]) > 1


def labelled(
    x: Any, target: Any, weight: Any = None, grad_output: Any = None, **hyper: Any
) -> Given:
    """Return what makes a case by its values."""
    logits = np.asarray(x, float)
    specs: dict[str, Spec | None] = {
        "x": Spec(logits.shape),
        "target": Spec(np.shape(target), "label", logits.shape[-1]),
        "weight": None if weight is None else Spec(np.shape(weight), "positive"),
    }
    values = {"x": logits, "target": np.asarray(target)}
    if weight is not None:
        values["weight"] = np.asarray(weight, float)
    if grad_output is not None:
        values["grad_output"] = np.asarray(grad_output)

    def case(operation: str) -> Case:
        known = {n: value for n, value in hyper.items() if n in CATALOGUE[operation].defaults}
        return Case(specs, known, values=values)

    return case


ONE = labelled([[0.5, 2.0]], [0])
TWO = labelled([[0.5, 2.0], [1.0, -1.0]], [0, 0])
SUM = labelled([[0.5, 2.0]], [0], reduction="sum")
SUM_OF_TWO = labelled([[0.5, 2.0], [1.0, -1.0]], [0, 0], reduction="sum")
LARGE = labelled([[0.0, 1e4]], [0])
UNEQUAL = labelled([[0.0, 1.0], [1e4, 0.0]], [0, 0])
WEIGHTED = labelled([[0.5, 2.0]], [0], [2.0, 1.0])
EQUAL = labelled([[0.5, 2.0]], [0], [1.0, 1.0])
UNLIKE = labelled([[0.5, 2.0], [1.0, -1.0]], [0, 1], [2.0, 1.0])
WEIGHTLESS = labelled([[0.5, 2.0]], [0], [0.0, 0.0], reduction="sum")
IGNORED = labelled([[0.5, 2.0], [1.0, -1.0]], [0, -100])
CLASS_IGNORED = labelled([[0.5, 2.0], [1.0, -1.0]], [0, 1], ignore_index=1)
NONE_IGNORED = labelled([[0.5, 2.0], [1.0, -1.0]], [0, 0], ignore_index=1)
SMOOTH = labelled([[0.5, 2.0]], [0], label_smoothing=0.5)
NO_GRADIENT = labelled([[0.5, 2.0]], [0], grad_output=0.0)
