"""What is checked about one case: one evaluation serves every output, check and reference."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from reference_tests.case import Case, laid_out
from reference_tests.operation import Operation, grad_name
from reference_tests.precise import floats
from reference_tests.references import Reference, exact
from reference_tests.references.exact import Truth, certain

Array = NDArray[Any]
Arrays = Mapping[str, Array | None]
DTYPES = ("float32", "float64")
# A subject that calls sys.exit must not end the judge, which would look like success.
FAULTS_OF_SUBJECTS = (Exception, SystemExit)


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


class Outcome(NamedTuple):
    """What a call gave: results by name, or why there are none.

    `missing` names gradients that the subject does not provide.
    """

    results: dict[str, Any]
    error: str = ""
    unsupported: str = ""
    missing: tuple[str, ...] = ()


class Call:
    """One call of an implementation on arrays of its own, with a cotangent of the judge's."""

    def __init__(
        self,
        function: Callable[..., Any],
        operation: Operation,
        arrays: Arrays,
        hyper: Mapping[str, Any],
        cotangent: Callable[[tuple[int, ...]], Array],
    ) -> None:
        self.function, self.operation = function, operation
        self.arrays, self.hyper, self.cotangent = arrays, hyper, cotangent
        self.first = operation.outputs(hyper)[0]

    def outcome(self, layout: str = "C", twice: bool = False, interleaved: bool = False) -> Outcome:
        """Call, pull back, and return everything.

        `twice` uses the pullback two times; `interleaved` calls with other arrays before it.
        """
        # What a subject does to NumPy's error state ends here.
        with np.errstate():
            return self._outcome(layout, twice, interleaved)

    def _outcome(self, layout: str, twice: bool, interleaved: bool) -> Outcome:
        given = {n: None if a is None else laid_out(a, layout) for n, a in self.arrays.items()}
        options = self.operation.options(self.hyper)
        try:
            result = self.operation.call(self.function, given, options)
        except NotImplementedError as error:
            return Outcome({}, unsupported=str(error) or "NotImplementedError")
        except FAULTS_OF_SUBJECTS as error:
            return Outcome({}, error=f"raised {type(error).__name__}: {error}")
        pullback = None
        if isinstance(result, tuple) and len(result) == 2 and callable(result[1]):
            result, pullback = result
        names = self.operation.outputs(self.hyper)
        several = isinstance(result, tuple)
        outputs = tuple(result) if several else (result,)
        if len(outputs) != len(names):
            return Outcome({}, error=f"returned {len(outputs)} outputs, expected {len(names)}")
        found = _arrays(dict(zip(names, outputs, strict=True)))
        if found.error:
            return found
        if interleaved:
            self._call_otherwise(options)
            now = _arrays(dict(zip(names, outputs, strict=True)))
            kept = [n for n in names if _same_bits(found.results[n], now.results.get(n))]
            if len(kept) < len(names):
                return found._replace(error="a second call overwrites the output of the first")
        wanted = self._wanted()
        if not wanted:
            return self._unchanged(found, given, None, None)
        if pullback is None:
            return self._unchanged(found._replace(missing=wanted), given, None, None)
        shape = np.shape(found.results[names[0]])
        cotangent = self.cotangent(shape)
        passed = laid_out(cotangent, layout)
        found = self._pulled(found, pullback, passed, wanted)
        if twice and not found.error:
            again = self._pulled(Outcome({}), pullback, passed, wanted)
            found.results.update({f"second {n}": v for n, v in again.results.items()})
        return self._unchanged(found, given, cotangent, passed)

    def _call_otherwise(self, options: Mapping[str, Any]) -> None:
        """Call with the same arrays, but those of floats backwards."""
        others = {
            n: np.flip(a).copy() if a is not None and a.dtype.kind == "f" else a
            for n, a in self.arrays.items()
        }
        try:
            self.operation.call(self.function, others, options)
        except FAULTS_OF_SUBJECTS:
            # Only what it does to the first call counts here.
            return

    def _wanted(self) -> tuple[str, ...]:
        operation, arrays = self.operation, self.arrays
        return tuple(
            grad_name(name) for name in operation.arrays if operation.wants_grad(name, arrays[name])
        )

    def _pulled(
        self, found: Outcome, pullback: Callable[..., Any], grad: Array, wanted: tuple[str, ...]
    ) -> Outcome:
        try:
            grads = pullback(grad)
        except NotImplementedError:
            return found._replace(missing=wanted)
        except FAULTS_OF_SUBJECTS as error:
            return found._replace(error=f"the pullback raised {type(error).__name__}: {error}")
        operation = self.operation
        if not isinstance(grads, tuple):
            grads = (grads,) if len(operation.arrays) == 1 else grads
        count = len(grads) if isinstance(grads, (tuple, list)) else 1
        # Arrays at the end that have no gradient in any case need no entry.
        least = 1 + max(
            place for place, name in enumerate(operation.arrays) if grad_name(name) in wanted
        )
        if not least <= count <= len(operation.arrays):
            what = f"the pullback returned {count} gradients, expected {len(operation.arrays)}"
            return found._replace(error=f"{what}: {', '.join(operation.arrays)}")
        by_name = dict(zip(map(grad_name, operation.arrays), grads, strict=False))
        pulled = _arrays({n: by_name[n] for n in wanted if by_name[n] is not None})
        missing = tuple(n for n in wanted if by_name[n] is None)
        results = {**found.results, **pulled.results}
        return found._replace(results=results, error=pulled.error, missing=missing)

    def _unchanged(
        self, found: Outcome, given: Arrays, cotangent: Array | None, passed: Array | None
    ) -> Outcome:
        changed = [n for n, a in self.arrays.items() if not _same_bits(a, given[n])]
        if cotangent is not None and not _same_bits(cotangent, passed):
            changed.append("grad_output")
        return found._replace(results={**found.results, "changed": changed})


def _arrays(values: Mapping[str, Any]) -> Outcome:
    """Return results as arrays, or why one of them is none."""
    results = {}
    for name, value in values.items():
        try:
            # A copy, so that no later call can change what this one returned.
            results[name] = np.array(value)
        except FAULTS_OF_SUBJECTS as error:
            return Outcome({}, error=f"{name} is no array: {type(error).__name__}: {error}")
    return Outcome(results)


def _same_bits(a: Any, b: Any) -> bool:
    if a is None or b is None:
        return a is b
    a, b = np.asarray(a), np.asarray(b)
    return bool(a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == b.tobytes())


def evaluate(
    function: Callable[..., Any],
    operation: Operation,
    case: Case,
    references: Sequence[Reference] = (),
    dtypes: Sequence[str] = DTYPES,
) -> Iterator[Observation | Sight]:
    """Yield everything that one case shows about a subject's callable."""
    for dtype in dtypes:
        arrays, scale = case.fill(dtype), operation.exact_scale
        cotangent = cache(partial(case.cotangent, dtype=dtype))
        call = Call(function, operation, arrays, case.hyper, cotangent)
        expected = exact.truths(operation, arrays, case.hyper, call.cotangent, dtype)
        yield from _sights(expected, arrays)
        yield from _judged(call, "value", expected, case, dtype, references)
        if scale is None:
            continue
        arrays = case.fill_integers(dtype, scale)
        cotangent = cache(partial(case.cotangent, dtype=dtype, scale=scale))
        call = Call(function, operation, arrays, case.hyper, cotangent)
        whole = exact.integers(operation, arrays, case.hyper, call.cotangent)
        expected = {name: certain(value) for name, value in whole.items()}
        yield from _sights(expected, arrays)
        yield from _judged(call, "exact", expected, case, dtype, references)


def _judged(
    call: Call,
    check: str,
    expected: Mapping[str, Truth],
    case: Case,
    dtype: str,
    references: Sequence[Reference],
) -> Iterator[Observation]:
    """Yield what one tier shows."""
    outcome = call.outcome(case.layout, twice=check == "value")
    if outcome.unsupported:
        yield Observation("", "parameters", dtype, "", "unsupported", outcome.unsupported)
        return
    status = "error" if outcome.error else "passed"
    yield Observation(call.first, "call", dtype, "", status, outcome.error)
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
    others = _others(call, expected, dtype, references) if references else []
    for reference, name, dispute in others:
        if name not in wrong or wrong[name][0].startswith("has shape"):
            continue
        message, units = wrong[name]
        status = "disputed" if dispute else "failed" if message else "passed"
        yield Observation(name, check, dtype, reference, status, dispute or message, units)
    if check == "value" and not outcome.error:
        yield from _habits(call, outcome, case, dtype)


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
    if again.error:
        message = f"the same call a second time: {again.error}"
        yield Observation(call.first, "repeatability", dtype, "", "failed", message)
        return
    for name, value in outcome.results.items():
        if name.startswith("second ") or name == "changed":
            continue
        message = ""
        if not _same_bits(value, again.results.get(name)):
            message = "the same call gave other bits, with another one before its pullback"
        elif not _same_bits(value, outcome.results.get(f"second {name}", value)):
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
