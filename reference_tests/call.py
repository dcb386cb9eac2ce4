"""One call of a subject, and its pullback, with everything that it gives."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from reference_tests import worker
from reference_tests.case import laid_out
from reference_tests.operation import Operation, grad_name
from reference_tests.watching import FAULTS_OF_SUBJECTS, Told, fault, no_array, watched

Array = NDArray[Any]
Arrays = Mapping[str, Array | None]


class Outcome(NamedTuple):
    """What a call gave: results by name, or why there are none.

    Attributes
    ----------
    results : dict
        Outputs and gradients; "changed" has the names of the arguments that were changed.
    error : str
        Why results are missing.
    unsupported : str
        What the subject says of parameters that it does not support.
    missing : tuple of str
        The gradients that the subject does not provide.
    check : str
        The check that the error fails.
    types : tuple of (output, message)
        Results that are no arrays.
    told : tuple of (output, check, message)
        What else is worth a note, such as what was printed.
    """

    results: dict[str, Any]
    error: str = ""
    unsupported: str = ""
    missing: tuple[str, ...] = ()
    check: str = "call"
    types: tuple[tuple[str, str], ...] = ()
    told: tuple[tuple[str, str, str], ...] = ()


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
        self.function, self.operation = watched(function), operation
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
            return Outcome({}, unsupported=worker.text_of(error) or "NotImplementedError")
        except FAULTS_OF_SUBJECTS as error:
            check, message = fault(error)
            return Outcome({}, message, check=check, told=tuple(self._told({}, given)))
        pullback = None
        if isinstance(result, tuple) and len(result) == 2 and callable(result[1]):
            result, pullback = result
        names = self.operation.outputs(self.hyper)
        several = isinstance(result, tuple)
        outputs = tuple(result) if several else (result,)
        if len(outputs) != len(names):
            return Outcome({}, error=f"returned {len(outputs)} outputs, expected {len(names)}")
        by_name = dict(zip(names, outputs, strict=True))
        found = _arrays(by_name)._replace(told=tuple(self._told(by_name, given)))
        touched = self.function.told.changed
        if interleaved:
            overwrote = self._call_otherwise(options)
            now = _arrays(by_name).results
            kept = (same_bits(found.results.get(n), now.get(n)) for n in names)
            if overwrote or not all(kept):
                return found._replace(error="a second call overwrites the output of the first")
        wanted = self._wanted()
        if not wanted or names[0] not in found.results:
            return self._unchanged(found, given, None, None, touched)
        if pullback is None:
            return self._unchanged(found._replace(missing=wanted), given, None, None, touched)
        cotangent = self.cotangent(np.shape(found.results[names[0]]))
        passed = laid_out(cotangent, layout)
        known = {**given, "grad_output": passed}
        found = self._pulled(found, pullback, known, wanted)
        touched += self.function.told.changed
        if twice and not found.error:
            again = self._pulled(Outcome({}), pullback, known, wanted)
            found.results.update({f"second {n}": v for n, v in again.results.items()})
        return self._unchanged(found, given, cotangent, passed, touched)

    def _call_otherwise(self, options: Mapping[str, Any]) -> bool:
        """Call with the same arrays, but those of floats backwards; return if it overwrites."""
        others = {
            n: np.flip(a).copy() if a is not None and a.dtype.kind == "f" else a
            for n, a in self.arrays.items()
        }
        try:
            self.operation.call(self.function, others, options)
        except FAULTS_OF_SUBJECTS:
            # Only what it does to the first call counts here.
            return False
        return bool(self.function.told.overwrote)

    def _wanted(self) -> tuple[str, ...]:
        operation, arrays = self.operation, self.arrays
        return tuple(
            grad_name(name) for name in operation.arrays if operation.wants_grad(name, arrays[name])
        )

    def _pulled(
        self, found: Outcome, pullback: Callable[..., Any], given: Arrays, wanted: tuple[str, ...]
    ) -> Outcome:
        try:
            grads = pullback(given["grad_output"])
        except NotImplementedError:
            return found._replace(missing=wanted)
        except FAULTS_OF_SUBJECTS as error:
            check, message = fault(error, "the pullback ")
            return found._replace(error=message, check=check)
        arrays = self.operation.arrays
        listed = isinstance(grads, list) and [type(grad) for grad in grads] == [np.ndarray]
        if len(arrays) == 1 and not isinstance(grads, tuple) and not listed:
            grads = (grads,)
        # Arrays at the end that have no gradient in any case need no entry.
        least = 1 + max(place for place, name in enumerate(arrays) if grad_name(name) in wanted)
        count = len(grads) if isinstance(grads, (tuple, list)) else 0
        if not least <= count <= len(arrays):
            several = isinstance(grads, (tuple, list))
            what = f"{count} gradients" if several else no_array(grads) or "an ndarray"
            message = f"the pullback returned {what}, expected {len(arrays)}: {', '.join(arrays)}"
            return found._replace(error=message, check="gradients")
        by_name = dict(zip(map(grad_name, arrays), grads, strict=False))
        pulled = _arrays({n: by_name[n] for n in wanted if by_name[n] is not None})
        return found._replace(
            results={**found.results, **pulled.results},
            missing=tuple(n for n in wanted if by_name[n] is None),
            types=found.types + pulled.types,
            told=(*found.told, *self._told(by_name, given)),
        )

    def _told(self, results: Mapping[str, Any], given: Arrays) -> Iterator[tuple[str, str, str]]:
        """Yield (output, check, message) of what the last call did besides."""
        told: Told = self.function.told
        if told.printed:
            yield self.first, "print", f"printed {told.printed!r}"
        if told.warned:
            yield self.first, "warning", f"warned of {'; '.join(told.warned)}"
        for result, argument in told.aliases:
            owner = next((n for n, value in results.items() if value is result), self.first)
            known = ((n, a) for n, a in given.items() if a is not None)
            name = next((n for n, a in known if np.may_share_memory(a, argument)), None)
            if name is not None:
                yield owner, "aliasing", f"lies in the memory of its argument {name}"

    def _unchanged(
        self,
        found: Outcome,
        given: Arrays,
        cotangent: Array | None,
        passed: Array | None,
        touched: tuple[Any, ...],
    ) -> Outcome:
        """Add the names of the arguments that were changed, here or in another process."""

        def intact(before: Array | None, now: Array | None) -> bool:
            elsewhere = now is not None and any(np.may_share_memory(now, a) for a in touched)
            return same_bits(before, now) and not elsewhere

        changed = [n for n, a in self.arrays.items() if not intact(a, given[n])]
        if not intact(cotangent, passed):
            changed.append("grad_output")
        return found._replace(results={**found.results, "changed": changed})


def _arrays(values: Mapping[str, Any]) -> Outcome:
    """Return results as arrays, with what is wrong with those that are none."""
    results, types = {}, []
    for name, value in values.items():
        instead = no_array(value)
        if instead:
            types.append((name, f"returned {instead}, expected an ndarray"))
        try:
            # A copy, so that no later call can change what this one returned.
            array = np.array(value)
        except FAULTS_OF_SUBJECTS:
            continue
        if array.dtype.kind in "fiubc":
            results[name] = array
    return Outcome(results, types=tuple(types))


def same_bits(a: Any, b: Any) -> bool:
    """Return whether two arrays are the same to the bit; None is the same as None."""
    if a is None or b is None:
        return a is b
    a, b = np.asarray(a), np.asarray(b)
    return bool(a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == b.tobytes())
