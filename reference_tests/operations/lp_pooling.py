"""The records of power-average pooling: one definition for all dimensions."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np

from reference_tests.case import Case, Spec
from reference_tests.draw import Draw
from reference_tests.operation import REQUIRED, Operation
from reference_tests.operations import pooling
from reference_tests.operations.pooling import counted, drawn, max_definition, planes, windows_of
from reference_tests.operations.windows import each, seeing, seen, spread
from reference_tests.strategies import finished
from reference_tests.tolerance import gated, plain, power, where


def definition(
    spatial: int,
    x: Any,
    *,
    norm_type: float,
    kernel_size: Any,
    stride: Any = None,
    ceil_mode: bool = False,
) -> Any:
    """Return the p-th root of the mean of the p-th powers, times the number of taps."""
    options = {"kernel_size": kernel_size, "stride": stride, "ceil_mode": ceil_mode}
    if math.isinf(norm_type):
        return _largest(spatial, x, norm_type > 0, options)
    p, exponent = float(norm_type), Fraction(norm_type)
    axes = windows_of(x.shape[-spatial:], kernel_size, stride, 0, 1, ceil_mode)
    whole, count = float(math.prod(each(kernel_size, spatial))), counted(axes, True)
    taps = tuple(range(3, 3 + 2 * spatial, 2))
    windows = spread(planes(_signed(x, p), spatial), [seen(*axis) for axis in axes])
    total = windows.sum(taps) / count * whole
    y = total if p == 1 else power(total, 1 / exponent)
    nothing = spread(planes(abs(plain(x)), spatial), [seen(*axis) for axis in axes]).max(taps) == 0

    def pullback(grad_output: Any) -> Any:
        grads = planes(grad_output, spatial) * whole / count
        share = grads if p == 1 else grads * power(total, 1 / exponent - 1)
        share = where(nothing, 0.0, gated(total, plain(total) != 0, share))
        if p == 1:
            share = where(np.isnan(plain(total)), 0.0, share)
        sums = spread(share, [seeing(*axis) for axis in axes]).sum(taps).reshape(*x.shape)
        return (sums * _signed(x, p - 1),)

    return y.reshape(*x.shape[:-spatial], *y.shape[2:]), pullback


def _signed(x: Any, p: float) -> Any:
    """Return `x` to the power of p: NaN for a negative number and a power that is not whole.

    By IEEE 754 minus infinity is an exception, but not for square roots; that of -0 is -0.
    """
    size, values = power(abs(x), p), plain(x)
    if p % 2 == 0:
        return size
    if p % 2 == 1:
        return where(values < 0, -size, size)
    root = abs(p) == 0.5
    size = where((values == 0) & np.signbit(values) & root, -size, size)
    return where((values < 0) & (np.isfinite(values) | root), np.nan, size)


def _largest(spatial: int, x: Any, most: bool, options: dict[str, Any]) -> Any:
    """Return the largest or smallest absolute value of each window."""
    y, pull = max_definition(spatial, abs(x) if most else -abs(x), **options)

    def pullback(grad_output: Any) -> Any:
        (grad,) = pull(grad_output)
        return (where(plain(x) > 0, grad, where(plain(x) < 0, -grad, 0.0)),)

    return y if most else -y, pullback


def strategy(spatial: int, draw: Draw) -> Case:
    """Draw a pooling by norms; for most of those that are NaN where x < 0, x is positive."""
    draw.limits.setdefault("dilation", 1)
    draw.limits.setdefault("padding", 0)
    image, hyper, _ = drawn(draw, spatial)
    p = draw.parameter("norm_type", lambda: draw.choice((2, 3, 1, 1.5, 0.5, math.inf, -math.inf)))
    hyper["norm_type"] = p
    del hyper["padding"]
    x = image["x"]
    assert x is not None
    if p in (3, 1.5, 0.5) and draw.chance(2, 3):
        image["x"] = replace(x, kind="positive")
    families = ("zero-mean", "non-negative", "wide", "ties", "zeros", "nan", "infinite", "large")
    return finished(draw, image, hyper, families)


def _pinned(spatial: int) -> tuple[Case, ...]:
    image = {"x": Spec((2, 3, *(4, 5, 7)[-spatial:]))}
    windows = {"kernel_size": (1, 3, 2)[-spatial:], "stride": (1, 2, 1)[-spatial:]}
    overhang = {"kernel_size": (2, 3, 4)[-spatial:], "stride": None, "ceil_mode": True}
    # Rounded up, the last windows would start after the input.
    beyond = {
        "kernel_size": (1, 1, 2)[-spatial:],
        "stride": (2, 3, 4)[-spatial:],
        "ceil_mode": True,
    }
    return (
        Case(image, {"norm_type": 2, **windows, "ceil_mode": False}, 1),
        Case(image, {"norm_type": 3, **overhang}, 2, "non-negative"),
        Case(image, {"norm_type": 1, **overhang}, 3, "ties"),
        Case(image, {"norm_type": 1.5, **windows, "ceil_mode": False}, 4, "non-negative"),
        Case(image, {"norm_type": 2, **overhang}, 5, "nan"),
        Case(image, {"norm_type": math.inf, **overhang}, 6, "ties"),
        Case(image, {"norm_type": 2, **beyond, "ceil_mode": True}, 7),
        Case(image, {"norm_type": 2, **overhang, "ceil_mode": False}, 8),
    )


def _record(spatial: int) -> Operation:
    invalid = tuple(
        replace(call, hyper={"norm_type": 2, **call.hyper}) for call in pooling.invalid(spatial)
    )
    zero = replace(invalid[-2], reason="an exponent of 0", hyper={"norm_type": 0, "kernel_size": 2})
    return Operation(
        name=f"lp_pool{spatial}d",
        arrays=("x",),
        defaults={
            "norm_type": REQUIRED,
            "kernel_size": REQUIRED,
            "stride": None,
            "ceil_mode": False,
        },
        strategy=partial(strategy, spatial),
        definition=partial(definition, spatial),
        differentiable=("x",),
        conventions="Powers are those of the numbers, not of their absolute values: p = 1 is the "
        "sum, and a negative sum of odd powers is NaN. By IEEE 754, -inf is inf to a power that is "
        "not whole, unless that is a square root, and the slope of a root at -0 is -inf. A window "
        "whose sum is 0 has no gradient, not even for p = 1, where a sum that is NaN has none "
        "either. A window that ceil mode cuts off is scaled to a whole one. Infinity is the "
        "largest, minus infinity the smallest absolute value; 0 and NaN have no sign there.",
        pinned=_pinned(spatial),
        invalid=(*invalid, zero),
    )


OPERATIONS = tuple(_record(spatial) for spatial in (1, 2, 3))
