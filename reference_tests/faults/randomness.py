"""Which mistake of dropout a subject has, by what it does: its masks are its own."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from reference_tests.faults import dropout
from reference_tests.faults.fault import Fault
from reference_tests.operation import Operation
from reference_tests.operations import CATALOGUE

Array = Any
Function = Callable[..., Any]
Features = dict[str, tuple[str, ...]]

_P = 0.2


def named(operation: Operation, function: Function, output: str) -> list[str]:
    """Return the ids of the mistakes of dropout that treat an output as a subject does.

    Parameters
    ----------
    operation : Operation
        Some form of dropout.
    function : callable
        The subject's.
    output : {"output", "grad_input"}
    """
    able = [f for f in dropout.FAULTS if operation.name in f.operations and f.output == output]
    if not able:
        return []
    mine = features(operation, function)[output]
    return [fault.id for fault in able if _known(fault.id, operation.name)[output] == mine]


@cache
def _known(id: str, operation: str) -> Features:
    fault: Fault = next(fault for fault in dropout.FAULTS if fault.id == id)
    return features(CATALOGUE[operation], fault.implementation().operations[operation])


def features(operation: Operation, function: Function) -> Features:
    """Return what tells mistakes of the output apart, and those of the gradient."""
    axes = 4 if operation.name == "dropout3d" else 3
    source = np.random.default_rng(1)
    x, g = (source.uniform(0.5, 2, (40, 50, *(4,) * (axes - 2))) for _ in range(2))

    def called(p: float, seed: int, training: bool = True) -> tuple[Array, Array]:
        y, pullback = function(x, p=p, training=training, rng=seed)
        grad = pullback(g)
        return np.asarray(y), np.asarray(grad[0] if isinstance(grad, tuple) else grad)

    with np.errstate(all="ignore"):
        (y, grad), (again, _), (other, _) = (called(_P, seed) for seed in (1, 1, 2))
        still, all_dropped = called(_P, 1, training=False), called(1.0, 1)
    gone, together = y == y.min(), tuple(range(2 if axes == 3 else 1, axes))
    line = np.polyfit(x[~gone], y[~gone], 1)
    return {
        "output": (
            *_rounded(*line, y.min(), gone.mean()),
            *map(str, (np.array_equal(y, again), np.array_equal(y, other))),
            str(bool((gone.all(together) == gone.any(together)).all())),
            str(bool((gone == gone[:1]).all())),
            *_rounded(np.median(still[0] / x), np.median(all_dropped[0])),
        ),
        "grad_input": (
            *_rounded(np.median((grad / g)[grad != 0])),
            str(bool(((grad == 0) == gone).all())),
            *_rounded(np.median(still[1] / g), np.median(all_dropped[1])),
        ),
    }


def _rounded(*numbers: float) -> tuple[str, ...]:
    # One digit: a share of some thousand is that of another mask too. None is -0.
    return tuple(f"{round(float(number), 1) + 0.0}" for number in numbers)
