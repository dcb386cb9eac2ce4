"""The judging of one operation of one subject, case by case."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from reference_tests.call import Call, Outcome
from reference_tests.case import Case, allowed, same
from reference_tests.checks import ENDING, TIERS, Observation, Sight, evaluate
from reference_tests.differences import differences
from reference_tests.draw import seeded
from reference_tests.grid import Grid
from reference_tests.implementation import Implementation
from reference_tests.operation import REQUIRED, Operation
from reference_tests.references import Reference
from reference_tests.report import ORDER, Finding, OperationReport
from reference_tests.reproduction import Key, shrunk, written
from reference_tests.watching import FAULTS_OF_SUBJECTS, Gone, fault
from reference_tests.worker import text_of

# Takes a callable, its operation, failing cases with their dtype and whether they are in integers,
# and limits; returns for each output an object with `faults` and an `explanation`.
Diagnose = Callable[..., Mapping[str, Any]]
# How often a subject may not return before no more of its operation is judged: each time costs
# the limit of time, or the start of a process.
PATIENCE = {"time": 2, "process": 5}
# After so many refused cases the judge guesses which parameters the subject refuses.
LESSON = 20
# The checks of which the numbers tell nothing.
UNEXPLAINED = ("invalid input", "layout", "parameters")


class Trial:
    """The judging of one operation of one subject."""

    def __init__(
        self,
        subject: Implementation,
        operation: Operation,
        references: Sequence[Reference],
        dtypes: Sequence[str],
        seed: int,
        end: float | None,
        diagnose: Diagnose | None = None,
        reproduce: bool = True,
    ) -> None:
        self.subject, self.operation, self.references = subject, operation, references
        self.dtypes, self.seed, self.end = dtypes, seed, end
        self.diagnose, self.reproduce = diagnose, reproduce
        self.function = subject.operations.get(operation.name)
        self.findings: dict[Key, Finding] = {}
        self.failing: dict[Key, tuple[Case, int]] = {}
        self.sights: dict[str, list[Sight]] = {}
        self.report = OperationReport(operation.name)
        self.grid = Grid(operation)
        self.limits = dict(subject.limits.get(operation.name, {}))
        # Drawn cases by whether the subject supports them, and values that it seems to refuse.
        self.answered: dict[bool, list[Case]] = {False: [], True: []}
        self.guessed: dict[str, Any] = {}
        self.given_up = False
        self.endings = dict.fromkeys(ENDING, 0)
        self.bad: Counter[Key] = Counter()

    def run(self, examples: int) -> OperationReport:
        """Judge so many supported cases, the pinned ones first, and what must be refused."""
        start = time.perf_counter()
        if self.function is not None:
            self._lacking()
            if self.operation.law is not None:
                self._law()
            self._pinned()
            self._drawn(examples)
            # What supports no case must not pass by refusing the invalid ones too.
            if self.report.cases:
                self._invalid()
            self._trust()
            if self.reproduce:
                self._reproduce()
            self._diagnose()
            self._say_how_often()
            self.report.cells = self.grid.cells
        self.report.findings = list(self.findings.values())
        self.report.seconds = time.perf_counter() - start
        return self.report

    def replay(self, index: int) -> OperationReport:
        """Judge one case."""
        if self.function is not None:
            self._lacking()
            pinned = self.operation.pinned
            self._learn_before(index)
            self._case(pinned[index] if index < len(pinned) else self._draw(index), index)
            self._reproduce()
            self._diagnose()
            self._say_how_often()
        self.report.findings = list(self.findings.values())
        return self.report

    def _lacking(self) -> None:
        lacking = self.subject.lacking(self.operation)
        for name, default in lacking.items():
            if default is not REQUIRED:
                self.limits.setdefault(name, default)
        if lacking:
            message = f"takes no {', '.join(lacking)}: judged at the default"
            self._note(Observation("", "parameters", "", "", "unsupported", message), None, 0)

    def _draw(self, index: int) -> Case:
        return self.operation.strategy(
            seeded(f"{self.seed}/{self.operation.name}/{index}", self.limits)
        )

    def _pinned(self) -> None:
        for index, case in enumerate(self.operation.pinned):
            if self._impatient():
                return
            if allowed(case, self.limits):
                self._case(case, index)
            else:
                self.report.unsupported += 1
                self.grid.refused(case)

    def _impatient(self) -> bool:
        """Return whether the subject did not return so often that nothing more is asked of it."""
        return any(self.endings[check] >= most for check, most in PATIENCE.items())

    def _drawn(self, examples: int) -> None:
        index, supported = len(self.operation.pinned), 0
        # A subject that refuses almost everything must not keep the judge for ever.
        while supported < examples and index < 20 * examples + 100:
            if self._impatient() or (self.end is not None and time.monotonic() > self.end):
                return
            case = self._draw(index)
            accepted = self._case(case, index)
            supported += accepted
            self._learn(case, accepted)
            index += 1

    def _learn(self, case: Case, accepted: bool) -> None:
        """Restrict the draws to what drawn cases suggest that the subject supports."""
        self.answered[accepted].append(case)
        witnesses = [case] if accepted else []
        if not accepted and len(self.answered[False]) == LESSON:
            self.guessed = self._refused()
            self.limits |= {name: self.operation.defaults[name] for name in self.guessed}
            witnesses = self.answered[True]
        # What was guessed of few cases is asked, as soon as there are cases to ask it with.
        if len(self.answered[True]) <= LESSON:
            for witness in witnesses:
                self._ask(witness)

    def _refused(self) -> dict[str, Any]:
        """Return the parameters that have another value than by default in refused cases only."""
        found = {}
        for name, default in self.operation.defaults.items():
            if default is REQUIRED or name in self.limits:
                continue
            given = {
                accepted: [
                    case.hyper[name]
                    for case in cases
                    if name in case.hyper and self.operation.options({name: case.hyper[name]})
                ]
                for accepted, cases in self.answered.items()
            }
            if given[False] and not given[True]:
                found[name] = given[False][0]
        return found

    def _ask(self, witness: Case) -> None:
        """Take back what was guessed to be refused, if the subject takes it in a supported case."""
        for name, value in list(self.guessed.items()):
            outcome = self._outcome(replace(witness, hyper={**witness.hyper, name: value}))
            # Who does not return refuses nothing: a drawn case is to show it.
            taken = not outcome.error or outcome.check in ENDING
            if taken and not outcome.unsupported:
                del self.limits[name], self.guessed[name]

    def _learn_before(self, index: int) -> None:
        """Learn what the cases before this one taught, so that it is drawn as it was."""
        for earlier in range(len(self.operation.pinned), index):
            case = self._draw(earlier)
            self._learn(case, self._supports(case))

    def _supports(self, case: Case) -> bool:
        return not self._outcome(case).unsupported

    def _outcome(self, case: Case) -> Outcome:
        assert self.function is not None
        arrays, dtype = case.fill(self.dtypes[0]), self.dtypes[0]
        cotangent = partial(case.cotangent, dtype=dtype)
        return Call(self.function, self.operation, arrays, case.hyper, cotangent).outcome()

    def _case(self, case: Case, index: int) -> bool:
        """Evaluate one case; return whether the subject supports it."""
        assert self.function is not None
        supported = True
        case_sights: dict[str, list[Sight]] = {}
        wrong: dict[str, bool] = {}
        for seen in evaluate(self.function, self.operation, case, self.references, self.dtypes):
            if isinstance(seen, Sight):
                case_sights.setdefault(seen.output, []).append(seen)
                continue
            supported = supported and seen.status != "unsupported"
            self._note(seen, case, index)
            if seen.status != "not provided":
                failed = seen.status in ("failed", "error")
                wrong[seen.output] = wrong.get(seen.output, False) or failed
        if not supported:
            self.report.unsupported += 1
            self.grid.refused(case)
            return False
        self.report.cases += 1
        self.grid.judged(case, wrong)
        for output, sights in case_sights.items():
            whole = Sight(
                output,
                all(s.zeros for s in sights),
                all(s.echo for s in sights),
                any(s.seeing for s in sights),
            )
            self.sights.setdefault(output, []).append(whole)
        return True

    def _note(self, seen: Observation, case: Case | None, index: int) -> None:
        """Add one observation to its finding."""
        key = (seen.output, seen.check, seen.dtype, seen.reference)
        finding = self.findings.get(key)
        if finding is None:
            finding = Finding(self.operation.name, *key, seen.status, seen.message)
            self.findings[key] = finding
        finding.cases += 1
        if seen.check in ENDING:
            self.endings[seen.check] += 1
        finding.units = max(finding.units, seen.units)
        if ORDER.index(seen.status) < ORDER.index(finding.status):
            finding.status, finding.message = seen.status, seen.message
        bad = seen.status in ("failed", "error", "disputed")
        self.bad[key] += bad
        # A drawn case can be shrunk, so it is kept rather than a pinned one.
        kept = self.failing.get(key)
        if bad and case is not None and (kept is None or (case.made and not kept[0].made)):
            self.failing[key] = (case, index)
            finding.message = seen.message
            finding.replay = f"{self.operation.name}@{self.seed}.{index}"

    def _law(self) -> None:
        assert self.operation.law is not None
        for dtype in self.dtypes:
            try:
                with np.errstate():
                    verdicts = list(self.operation.law(self.function, dtype, self.seed))
                for output, check, message in verdicts:
                    status = "failed" if message else "passed"
                    self._note(
                        Observation(output, check, dtype, "", status, message or ""), None, 0
                    )
            except NotImplementedError as error:
                seen = Observation("", "parameters", dtype, "", "unsupported", text_of(error))
                self._note(seen, None, 0)
            except FAULTS_OF_SUBJECTS as error:
                check, text = fault(error)
                self._note(Observation("output", check, dtype, "", "error", text), None, 0)

    def _invalid(self) -> None:
        """Check that what must be refused is refused, with whatever exception."""
        for invalid in self.operation.invalid:
            if self._impatient():
                return
            hyper = dict(invalid.hyper)
            first = self.operation.outputs(hyper)[0]
            if any(not same(hyper[n], v) for n, v in self.limits.items() if n in hyper):
                continue
            padded = (*invalid.arrays, *(None,) * len(self.operation.arrays))
            arrays = dict(zip(self.operation.arrays, padded, strict=False))
            if any(arrays.get(name) is not None for name in self.limits):
                continue
            assert self.function is not None
            try:
                # What a subject does to NumPy's error state ends here.
                with np.errstate():
                    self.operation.call(self.function, arrays, hyper)
            except NotImplementedError:
                continue
            except Gone as error:
                text = f"for {invalid.reason}: {error}"
                seen = Observation(first, error.check, "", "", "error", text)
            except FAULTS_OF_SUBJECTS:
                seen = Observation(first, "invalid input", "", "", "passed")
            else:
                text = f"accepted {invalid.reason}, expected an error"
                status = "failed" if self.subject.strict else "noted"
                seen = Observation(first, "invalid input", "", "", status, text)
            self._note(seen, None, 0)

    def _trust(self) -> None:
        """Mark outputs about which the cases prove nothing."""
        for output, sights in self.sights.items() if self.operation.law is None else ():
            message = ""
            if all(sight.zeros for sight in sights):
                message = "zeros would pass every case"
            elif all(sight.echo for sight in sights):
                message = "the input would pass every case"
            elif 2 * sum(sight.seeing for sight in sights) < len(sights):
                message = "in more than half of the cases every bound is as wide as its value"
            if message:
                seen = Observation(output, "trust", "", "", "untrusted", message)
                self._note(seen, None, 0)

    def _reproduce(self) -> None:
        """Shrink the failing case of each output and check, and write it as a call."""
        done: dict[tuple[str, str], str] = {}
        for key, (case, _) in sorted(self.failing.items(), key=lambda item: item[0][3] != "exact"):
            finding = self.findings[key]
            if finding.status == "disputed":
                continue
            if key[:2] not in done:
                # Whoever does not return would take as long for every smaller case.
                lasting = key[1] in ENDING or self._impatient()
                fails = (lambda case: None) if lasting else self._fails(key)
                smallest, message = shrunk(self.operation, case, self.limits, fails)
                done[key[:2]] = written(self.subject, self.operation, smallest, key)
                finding.message = message or finding.message
            finding.reproduction = done[key[:2]]
            output, check, dtype, reference = key
            if reference == "exact" and self.function is not None and not self._impatient():
                finding.differences = differences(
                    self.function, self.operation, case, output, check, dtype
                )

    def _say_how_often(self) -> None:
        """Add to what is raised in some calls only in how many, and why judging ended early."""
        for key, finding in self.findings.items():
            bad = self.bad[key]
            if finding.check == "call" and 0 < bad < finding.cases:
                finding.message += f"; in {bad} of {finding.cases} calls"
            if finding.check in ENDING and self._impatient():
                finding.message += f"; after {bad} such cases no more were judged"

    def _diagnose(self) -> None:
        """Say what is wrong with each output that is, if somebody knows."""
        wrong = [
            finding
            for finding in self.findings.values()
            if finding.status in ("failed", "error") and finding.check not in UNEXPLAINED
        ]
        if self.diagnose is None or not wrong or self._impatient():
            return
        # Mistakes are told apart on the cases as they were drawn: small ones look alike.
        cases = [
            (case, dtype, check == "exact")
            for (_, check, dtype, reference), (case, _) in self.failing.items()
            if dtype and reference in ("", "exact") and check not in (*ENDING, *UNEXPLAINED)
        ]
        found = self.diagnose(self.function, self.operation, cases, self.limits)
        for finding in wrong:
            told = found.get(finding.check) or found.get(finding.output)
            if told:
                finding.diagnosis, finding.explanation = list(told.faults), told.explanation

    def _fails(self, key: Key) -> Callable[[Case], str | None]:
        """Return what tells the message of the same check for another case that fails it too."""
        dtypes = [key[2]] if key[2] else self.dtypes
        tiers = [key[1]] if key[1] in TIERS else TIERS

        def message(case: Case) -> str | None:
            assert self.function is not None
            if self._impatient():
                return None
            for seen in evaluate(self.function, self.operation, case, (), dtypes, tiers):
                if not isinstance(seen, Observation):
                    continue
                if seen.check in ENDING:
                    self.endings[seen.check] += 1
                if (seen.output, seen.check) != key[:2]:
                    continue
                if seen.status in ("failed", "error"):
                    return seen.message
            return None

        return message
