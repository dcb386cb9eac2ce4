"""The records of correlate and convolve."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from reference_tests.case import Case, Spec
from reference_tests.draw import Draw
from reference_tests.operation import Invalid, Operation
from reference_tests.operations.windows import seeing, seen
from reference_tests.strategies import finished, unlike
from reference_tests.tolerance import contract, gather

_POSITIONS, _TAPS = "ijk", "abc"


def _definition(flipped: bool) -> Callable[..., Any]:
    def define(x: Any, kernel: Any, *, mode: str = "full") -> Any:
        axes = x.ndim
        flip = (slice(None, None, -1),) * axes
        taps = kernel[flip] if flipped else kernel
        before = {
            "full": [k - 1 for k in taps.shape],
            "same": [k // 2 for k in taps.shape],
            "valid": [0] * axes,
        }[mode]
        sizes = zip(x.shape, taps.shape, strict=True)
        output = [{"full": n + k - 1, "same": n, "valid": n - k + 1}[mode] for n, k in sizes]
        places = [
            (n, o, k, 1, b, 1)
            for n, o, k, b in zip(x.shape, output, taps.shape, before, strict=True)
        ]
        spread = "".join(p + t for p, t in zip(_POSITIONS, _TAPS, strict=True))[: 2 * axes]

        def through(array: Any, table: Callable[..., Any]) -> Any:
            for place, axis in enumerate(places):
                array = gather(array, 2 * place, table(*axis))
            return array

        windows = through(x, seen)
        y = contract(f"{spread},{_TAPS[:axes]}->{_POSITIONS[:axes]}", windows, taps)

        def pullback(grad_output: Any) -> Any:
            users = through(grad_output, seeing)
            grad_x = contract(f"{spread},{_TAPS[:axes]}->{_POSITIONS[:axes]}", users, taps)
            grad_taps = contract(
                f"{_POSITIONS[:axes]},{spread}->{_TAPS[:axes]}", grad_output, windows
            )
            return grad_x, grad_taps[flip] if flipped else grad_taps

        return y, pullback

    return define


def strategy(draw: Draw) -> Case:
    """Draw two arrays of one to three axes, each axis unlike the one before."""
    mode = draw.parameter("mode", lambda: draw.choice(("full", "valid", "same")))
    size: list[int] = []
    kernel: list[int] = []
    for _ in range(draw.integer(1, 3)):
        taps = unlike(draw, 1, 4, kernel[-1] if kernel else None)
        # In 'full' and 'same' the kernel may be the longer one.
        low = taps if mode == "valid" else 1
        size.append(unlike(draw, low, low + 4, size[-1] if size else None))
        kernel.append(taps)
    arrays = {"x": Spec(tuple(size)), "kernel": Spec(tuple(kernel))}
    return finished(
        draw, arrays, {"mode": mode}, ("zero-mean", "non-negative", "wide", "ties", "zeros")
    )


def _record(name: str, flipped: bool) -> Operation:
    x, kernel = np.zeros((4, 5)), np.zeros((2, 3))
    return Operation(
        name=name,
        arrays=("x", "kernel"),
        defaults={"mode": "full"},
        strategy=strategy,
        definition=_definition(flipped),
        differentiable=("x", "kernel"),
        exact_scale=1,
        conventions="As scipy.signal: 'same' is the centre of 'full', an even kernel having its "
        "extra tap in front. Other than SciPy, 'valid' refuses a kernel larger than x.",
        pinned=(
            Case({"x": Spec((5,)), "kernel": Spec((2,))}, {"mode": "same"}, 1),
            Case({"x": Spec((3, 4)), "kernel": Spec((2, 3))}, {"mode": "full"}, 2),
            Case({"x": Spec((4, 3)), "kernel": Spec((2, 3))}, {"mode": "valid"}, 3),
            Case({"x": Spec((2, 3)), "kernel": Spec((3, 4))}, {"mode": "same"}, 4),
        ),
        invalid=(
            Invalid("axes of another number", (x, kernel[0])),
            Invalid("an unknown mode", (x, kernel), {"mode": "circular"}),
            Invalid("a kernel larger than x in 'valid'", (kernel, x), {"mode": "valid"}),
            Invalid("an array of objects", (x.astype(object), kernel)),
        ),
    )


OPERATIONS = (_record("correlate", flipped=False), _record("convolve", flipped=True))
