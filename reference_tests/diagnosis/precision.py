"""Relations by precision: a result computed with fewer digits, or another one each time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from reference_tests.diagnosis.view import View, held
from reference_tests.diagnosis.witness import agrees
from reference_tests.tolerance import FORMATS

# The unit roundoff, and the smallest normal number, of formats in which one may have computed.
SMALLER = {
    name: (float(np.finfo(name).eps) / 2, float(np.finfo(name).tiny))
    for name in ("float32", "float16")
}
ROOM = 256
# How many roundings the half of all errors may have.
FEW_UNITS = 16


@held
def digits(view: View) -> Iterator[str]:
    """Yield a smaller format whose rounding explains the errors of a result."""
    if view.question.scale or not view.alike:
        return
    own = FORMATS[view.question.dtype]
    bound = view.question.right[view.output].bound
    usable = np.isfinite(view.got) & np.isfinite(view.right) & np.isfinite(bound)
    if (view.wrong & ~usable).any():
        return
    errors = np.abs(view.got - view.right)[usable]
    sizes = np.maximum(bound[usable] / own.unit, np.abs(view.right[usable]))
    # A bound of many roundings grants too much to what is no rounding.
    counted = view.wrong[usable] & (sizes >= SMALLER["float16"][1])
    with np.errstate(divide="ignore"):
        usual = np.median((errors / np.abs(view.right[usable]))[counted]) if counted.any() else 0.0
    for name, (unit, tiny) in SMALLER.items():
        # So few digits are missing that a larger format would do, unless some error is large.
        large = (errors >= unit * sizes / ROOM)[sizes >= tiny].any()
        few = usual <= FEW_UNITS * unit
        if unit > own.unit and large and few and (errors <= unit * sizes + tiny).all():
            yield f"has errors of the size of {name}'s rounding"
            return


@held
def approximate(view: View) -> Iterator[str]:
    """Yield how small the errors of a result are beside its numbers, if they are small."""
    if not view.alike or not view.right.size or not np.isfinite(view.got - view.right).all():
        return
    error, size = np.abs(view.got - view.right).max(), np.abs(view.right).max()
    for share in (1e-6, 1e-4, 1e-2):
        if error <= share * size:
            yield f"differs by less than {100 * share:g} % of its largest number"


@held
def repeated(view: View) -> Iterator[str]:
    """Yield what a second use of the pullback does."""
    again = view.witness.got(view.output, 2)
    if again is None or again.shape != view.got.shape:
        return
    if np.array_equal(view.got, again, equal_nan=True):
        return
    # What is told is the first that holds in most cases.
    if not view.witness.wrong(view.output):
        truth = view.question.right[view.output]
        # Each of the two has its own error, and their sum is rounded once more.
        rounding = FORMATS[view.question.dtype].unit * np.abs(2 * truth.nearest)
        if agrees(again, 2 * truth.nearest, 2 * truth.bound + rounding):
            yield "is added to itself when the same pullback is used again"
        yield "is right at first, and wrong when the same pullback is used again"
    yield "changes when the same pullback is used again"


@held
def formats(view: View) -> Iterator[str]:
    """Yield the dtype of a result that has another one than the arrays."""
    got = view.witness.got(view.output)
    if got is not None and view.witness.misformed(view.output):
        yield f"is of {got.dtype} where the arrays are of {view.question.dtype}"
