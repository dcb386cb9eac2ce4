"""Relations by precision: a result computed with fewer digits, or another one each time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from reference_tests.diagnosis.view import View
from reference_tests.tolerance import FORMATS

# The unit roundoff of the format in which a result may have been computed.
UNITS = {"float16": 2.0**-11, "float32": FORMATS["float32"].unit}


def digits(view: View) -> Iterator[str]:
    """Yield a smaller format whose rounding explains the errors of a result."""
    if view.question.scale or not view.alike:
        return
    own = FORMATS[view.question.dtype].unit
    bound = view.question.right[view.output].bound
    with np.errstate(all="ignore"):
        errors = np.abs(view.got - view.right)
        usable = np.isfinite(errors) & np.isfinite(bound) & np.isfinite(view.right)
        sizes = np.where(usable, bound, 0.0) / own
        # What the bound has for underflow must not be scaled to a smaller format.
        sizes = np.maximum(sizes, np.abs(np.where(usable, view.right, 0.0)))
    if not usable.all():
        return
    for name in ("float32", "float16"):
        if UNITS[name] > own and (errors <= UNITS[name] * sizes).all():
            yield f"has errors of the size of {name}'s rounding"
            return


def repeated(view: View) -> Iterator[str]:
    """Yield what a second use of the pullback does."""
    again = view.witness.got(view.output, 2)
    if again is None or again.shape != view.got.shape:
        return
    if np.array_equal(view.got, again, equal_nan=True):
        return
    yield "changes when the same pullback is used again"
    if not view.witness.wrong(view.output):
        if view.alike and np.allclose(again, 2 * view.right, rtol=1e-5, atol=0):
            yield "is added to itself when the same pullback is used again"
        yield "is right at first, and wrong when the same pullback is used again"


def formats(view: View) -> Iterator[str]:
    """Yield the dtype of a result that has another one than the arrays."""
    got = view.witness.got(view.output)
    if got is not None and view.witness.misformed(view.output):
        yield f"is of {got.dtype} where the arrays are of {view.question.dtype}"
