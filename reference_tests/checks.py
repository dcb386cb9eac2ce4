"""What is checked about one case: one evaluation serves every output, check and reference."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from reference_tests.call import Arrays, Call, Outcome, same_bits
from reference_tests.case import Case
from reference_tests.operation import Operation
from reference_tests.precise import floats
from reference_tests.references import Reference, exact
from reference_tests.references.exact import Truth, certain

Array = NDArray[Any]
DTYPES = ("float32", "float64")
# Of all numbers within bounds, of small integers to the bit.
TIERS = ("value", "exact")
# Checks that end a case: whoever does not return will not do so the next time.
ENDING = ("time", "process")


class Observation(NamedTuple):
    """What one check of one case found; `units` is the error in units of its bound."""

    output: str
    check: str
    dtype: str
    reference: str
    status: str
    message: str = ""
    units: float = 0.0


class Sight(NamedTuple):
    """What one case can tell about one output.

    `zeros` and `echo` say whether an implementation that returns zeros, or its input, would
    pass; `seeing` whether some element has a bound below a tenth of its value.
    """

    output: str
    zeros: bool
    echo: bool
    seeing: bool


def evaluate(
    function: Callable[..., Any],
    operation: Operation,
    case: Case,
    references: Sequence[Reference] = (),
    dtypes: Sequence[str] = DTYPES,
    tiers: Sequence[str] = TIERS,
) -> Iterator[Observation | Sight]:
    """Yield everything that one case shows about a subject's callable."""
    for seen in _everything(function, operation, case, references, dtypes, tiers):
        yield seen
        if isinstance(seen, Observation) and seen.check in ENDING:
            return


def _everything(
    function: Callable[..., Any],
    operation: Operation,
    case: Case,
    references: Sequence[Reference],
    dtypes: Sequence[str],
    tiers: Sequence[str],
) -> Iterator[Observation | Sight]:
    """Yield what the tiers show in every dtype."""
    scale = operation.exact_scale
    for dtype in dtypes:
        if "value" in tiers:
            arrays = case.fill(dtype)
            cotangent = cache(partial(case.cotangent, dtype=dtype))
            call = Call(function, operation, arrays, case.hyper, cotangent)
            yield from _judged(call, "value", _bounded, case, dtype, references)
        if "exact" in tiers and scale is not None:
            arrays = case.fill_integers(dtype, scale)
            cotangent = cache(partial(case.cotangent, dtype=dtype, scale=scale))
            call = Call(function, operation, arrays, case.hyper, cotangent)
            yield from _judged(call, "exact", _whole, case, dtype, references)


def _bounded(call: Call, dtype: str) -> dict[str, Truth]:
    return exact.truths(call.operation, call.arrays, call.hyper, call.cotangent, dtype)


def _whole(call: Call, dtype: str) -> dict[str, Truth]:
    whole = exact.integers(call.operation, call.arrays, call.hyper, call.cotangent)
    return {name: certain(value) for name, value in whole.items()}


def _judged(
    call: Call,
    check: str,
    truth: Callable[[Call, str], dict[str, Truth]],
    case: Case,
    dtype: str,
    references: Sequence[Reference],
) -> Iterator[Observation | Sight]:
    """Yield what one tier shows; what is refused needs no truth."""
    outcome = call.outcome(case.layout, twice=check == "value")
    if outcome.unsupported:
        yield Observation("", "parameters", dtype, "", "unsupported", outcome.unsupported)
        return
    expected = truth(call, dtype)
    yield from _sights(expected, call.arrays)
    yield from _answered(call, outcome, dtype)
    for name in outcome.missing:
        yield Observation(name, check, dtype, "exact", "not provided", "there is no gradient")
    values = {n: outcome.results[n] for n in expected if n in outcome.results}
    wrong: dict[str, tuple[str, float]] = {}
    for name, got in values.items():
        form = _form(got, expected[name], dtype)
        for kind in ("shape", "dtype"):
            status = "failed" if kind in form else "passed"
            yield Observation(name, kind, dtype, "exact", status, form.get(kind, ""))
        if "shape" in form:
            wrong[name] = (form["shape"], np.inf)
            continue
        wrong[name] = distance(got, expected[name], dtype)
    if any(message for message, _ in wrong.values()) and case.layout != "C":
        yield from _layout(call, check, expected, case, dtype, wrong)
    for name, (message, units) in wrong.items():
        if message.startswith("has shape"):
            continue
        status = "failed" if message else "passed"
        yield Observation(name, check, dtype, "exact", status, message, units)
        lost = message and _lost(values[name], expected[name])
        if lost:
            yield Observation(name, "nan", dtype, "exact", "failed", lost, np.inf)
    others = _others(call, expected, dtype, references) if references else []
    for reference, name, dispute in others:
        if name not in wrong or wrong[name][0].startswith("has shape"):
            continue
        message, units = wrong[name]
        status = "disputed" if dispute else "failed" if message else "passed"
        yield Observation(name, check, dtype, reference, status, dispute or message, units)
    if check == "value" and not outcome.error:
        yield from _habits(call, outcome, case, dtype)


def _answered(call: Call, outcome: Outcome, dtype: str) -> Iterator[Observation]:
    """Yield whether a call returned arrays, and what it did besides."""
    for name, check, message in outcome.told:
        yield Observation(name, check, "", "", "noted", message)
    raised = outcome.error and outcome.check == "call"
    status = "error" if raised else "passed"
    yield Observation(call.first, "call", dtype, "", status, outcome.error if raised else "")
    if outcome.error and not raised:
        yield Observation(call.first, outcome.check, dtype, "", "error", outcome.error)
    for name, message in outcome.types:
        yield Observation(name, "type", dtype, "", "failed", message)


def _layout(
    call: Call,
    check: str,
    expected: Mapping[str, Truth],
    case: Case,
    dtype: str,
    wrong: dict[str, tuple[str, float]],
) -> Iterator[Observation]:
    """Yield findings of layout, and leave in `wrong` what is wrong in any layout."""
    again = call.outcome("C")
    for name, (message, _) in list(wrong.items()):
        if not message or name not in again.results:
            continue
        got = again.results[name]
        if "shape" in _form(got, expected[name], dtype):
            continue
        contiguous = distance(got, expected[name], dtype)
        if not contiguous[0]:
            text = f"right for contiguous arrays, but for the layout {case.layout!r} {message}"
            yield Observation(name, "layout", dtype, "exact", "failed", text)
            wrong[name] = contiguous


def _habits(call: Call, outcome: Outcome, case: Case, dtype: str) -> Iterator[Observation]:
    """Yield the checks of purity and repeatability."""
    changed = outcome.results["changed"]
    message = f"changed its argument {', '.join(changed)}" if changed else ""
    status = "failed" if message else "passed"
    yield Observation(call.first, "purity", dtype, "", status, message)
    again = call.outcome(case.layout, interleaved=True)
    if again.error and again.check in ENDING:
        yield Observation(call.first, again.check, dtype, "", "error", again.error)
        return
    if again.error:
        message = f"the same call a second time: {again.error}"
        yield Observation(call.first, "repeatability", dtype, "", "failed", message)
        return
    for name, value in outcome.results.items():
        if name.startswith("second ") or name == "changed":
            continue
        message = ""
        if not same_bits(value, again.results.get(name)):
            message = "the same call gave other bits, with another one before its pullback"
        elif not same_bits(value, outcome.results.get(f"second {name}", value)):
            message = "the same pullback gave other bits the second time"
        status = "failed" if message else "passed"
        yield Observation(name, "repeatability", dtype, "", status, message)


def _others(
    call: Call, expected: Mapping[str, Truth], dtype: str, references: Sequence[Reference]
) -> Iterator[tuple[str, str, str]]:
    """Yield (reference, output, what it has against the truth, or nothing)."""
    for reference in references:
        function = reference.operations.get(call.operation.name)
        if function is None:
            continue
        theirs = Call(function, call.operation, call.arrays, call.hyper, call.cotangent).outcome()
        if theirs.error:
            yield reference.name, call.first, f"{reference.name} {theirs.error}"
        for name, truth in expected.items():
            if name not in theirs.results:
                continue
            got = theirs.results[name]
            form = _form(got, truth, dtype)
            message = form.get("shape") or distance(got, truth, dtype)[0]
            yield reference.name, name, f"{reference.name} {message}" if message else ""


def _form(got: Any, truth: Truth, dtype: str) -> dict[str, str]:
    """Return what is wrong with the shape and the dtype of a result."""
    wrong = {}
    array = np.asarray(got)
    if array.shape != np.shape(truth.value):
        wrong["shape"] = f"has shape {array.shape}, expected {np.shape(truth.value)}"
    kind = np.asarray(truth.value).dtype
    if np.issubdtype(kind, np.integer):
        if not np.issubdtype(array.dtype, np.integer):
            wrong["dtype"] = f"has dtype {array.dtype}, expected integers"
    elif array.dtype != dtype:
        wrong["dtype"] = f"has dtype {array.dtype}, expected {dtype}"
    return wrong


def distance(got: Any, truth: Truth, dtype: str) -> tuple[str, float]:
    """Return what is wrong with the values, if anything, and the error in units of the bound."""
    array = np.asarray(got)
    if not array.size:
        return "", 0.0
    if array.dtype.kind not in "fiub":
        return f"has dtype {array.dtype}, expected {dtype}", np.inf
    values, nearest = array.astype(np.float64), truth.nearest
    with np.errstate(all="ignore"):
        units = _error(values, truth.value) / truth.bound
        worst = float(units.max())
        # NaN, from what is not finite or from a bound of 0, needs a closer look.
        if worst <= 1:
            return "", worst
        # What is beyond the largest number of the dtype is infinite in it.
        nearest = np.where(np.isfinite(nearest.astype(dtype)), nearest, nearest.astype(dtype))
        finite = np.isfinite(nearest) & np.isfinite(values)
        if finite.all():
            error = _error(values, truth.value)
        else:
            same = (values == nearest) | (np.isnan(values) & np.isnan(nearest))
            error = np.where(same, 0.0, np.inf)
            error[finite] = _error(values[finite], truth.value[finite])
        units = np.where(error == 0, 0.0, error / truth.bound)
        units = np.where(np.isnan(units), np.inf, units)
    worst = float(units.max())
    beyond = ~(units <= 1)
    if not beyond.any():
        return "", worst
    place = np.unravel_index(int(np.argmax(np.where(beyond, units, -1))), units.shape)
    where = f" at {tuple(map(int, place))}" if array.ndim else ""
    return (
        f"has {values[place]:.9g}{where}, expected {nearest[place]:.9g} "
        f"± {truth.bound[place]:.2g}; "
        f"{int(beyond.sum())} of {array.size} elements are beyond the bound",
        worst,
    )


def _lost(got: Any, truth: Truth) -> str:
    """Return where a result is NaN and the truth is a number."""
    values = np.asarray(got)
    lost = np.isnan(values) & ~np.isnan(truth.nearest)
    if not lost.any():
        return ""
    place = np.unravel_index(int(np.argmax(lost)), lost.shape)
    where = f" at {tuple(map(int, place))}" if values.ndim else ""
    return (
        f"is nan{where}, expected {truth.nearest[place]:.9g}; "
        f"{int(lost.sum())} of {values.size} elements are nan where there is a number"
    )


def _error(values: Array, truth: Array) -> Array:
    return np.abs(floats(values - truth))


def _sights(expected: Mapping[str, Truth], arrays: Arrays) -> Iterator[Sight]:
    """Yield what null implementations would get away with."""
    first = next((array for array in arrays.values() if array is not None), None)
    for name, truth in expected.items():
        if not np.size(truth.value):
            continue
        sizes = np.abs(truth.nearest)
        with np.errstate(all="ignore"):
            zeros = bool((sizes <= truth.bound).all())
            echo = first is not None and first.shape == np.shape(truth.value)
            echo = echo and not distance(first, truth, str(np.asarray(first).dtype))[0]
            seeing = bool((truth.bound < sizes / 10).any())
        yield Sight(name, zeros, echo, seeing)
