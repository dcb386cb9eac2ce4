"""What `verify` says of a failure: the mistake first, then the case, a table, and rounding."""

from dataclasses import replace

import numpy as np
import pytest

from reference_tests import Implementation, verify
from reference_tests import reproduction as reproduction_module
from reference_tests.differences import Differences
from reference_tests.failure import explained, largest, rounding, tabled
from reference_tests.faults import FAULTS
from reference_tests.references.exact import subject as naive
from reference_tests.report import Finding, grouped


@pytest.fixture(autouse=True)
def unshrunk(monkeypatch):
    """Leave failing cases as they are: shrinking is tested elsewhere, and takes its time."""
    monkeypatch.setattr(reproduction_module, "TRIALS", 0)


def judged(subject, operation, **options):
    return verify(subject, [operation], [], examples=3, **options)


@pytest.fixture(scope="module")
def rotated():
    return judged(FAULTS["conv/weight-grad-rotated"].implementation(), "conv2d")


def test_findings_carry_the_diagnosis(rotated):
    fault = FAULTS["conv/weight-grad-rotated"]
    wrong = [f for f in rotated.failures if f.output == "grad_weight"]
    assert {f.check for f in wrong} == {"value", "exact"}
    for finding in wrong:
        assert finding.diagnosis == [fault.id]
        assert finding.explanation.startswith(f"most likely: {fault.sentence} ({fault.id})\n")
    others = [f for f in rotated.findings if f.output != "grad_weight"]
    assert all(f.diagnosis == [] and f.explanation == "" for f in others)


def test_a_failure_says_what_is_wrong_first(rotated):
    (failure, *_) = grouped(rotated.failures, rotated.findings)
    lines = str(failure).split("\n")
    assert lines[0].startswith("conv2d: grad_weight differs from exact (exact and value in float32")
    assert lines[1].startswith("  most likely: The weight gradient is rotated by 180°")
    assert lines[2].startswith("  it computes ")
    assert lines[3].startswith("  this reproduces the numbers of all ")
    order = ["  exact: has ", "  the smallest case:", "  output       shape", "  a mistake, not"]
    places = [next(k for k, line in enumerate(lines) if line.startswith(o)) for o in order]
    assert places == sorted(places)
    table = [line.split() for line in lines[places[2] : places[3]]]
    assert [row[0] for row in table] == ["output", *CONV_OUTPUTS]
    assert [row[-1] for row in table if row[0] != "grad_weight"][1:] == ["right"] * 3
    assert lines[-1].startswith("  to judge it again: --replay conv2d@0.")


CONV_OUTPUTS = ["output", "grad_input", "grad_weight", "grad_bias"]


def test_what_is_right_is_not_diagnosed(monkeypatch):
    def never(*arguments):
        raise AssertionError("a right subject needs no diagnosis")

    monkeypatch.setattr("reference_tests.diagnosis.diagnose", never)
    report = judged(naive, "relu")
    assert report.ok
    # The oracle accepts what must be refused, which numbers do not explain.
    strict = verify(replace(naive, strict=True), ["relu"], [], examples=3)
    assert {f.check for f in strict.failures} == {"invalid input"}


def test_a_diagnosis_can_be_left_out():
    report = judged(FAULTS["conv/kernel-flipped"].implementation(), "conv2d", diagnose=False)
    assert {f.check for f in report.failures} == {"exact", "value"}
    assert all(f.diagnosis == [] and f.explanation == "" for f in report.findings)


def test_what_raises_says_when():
    def function(x):
        if x.ndim > 2:
            raise ValueError("axes")
        return naive.operations["relu"](x)

    report = verify(Implementation("mine", {"relu": function}), ["relu"], [], examples=20)
    (finding,) = {
        f.explanation for f in report.findings if f.check == "call" and f.status == "error"
    }
    assert finding.startswith("it raises exactly if x has more than 2 axes (")


def test_a_mistake_of_dropout_is_named_by_its_masks():
    report = judged(FAULTS["dropout/not-scaled"].implementation(), "dropout")
    wrong = [f for f in report.failures if f.output == "output"]
    assert wrong
    assert all(f.diagnosis == ["dropout/not-scaled"] for f in wrong)


def test_an_argument_that_is_written_to_is_diagnosed():
    subject = FAULTS["norm/statistics-written-in-place"].implementation()
    report = judged(subject, "batch_norm")
    wrong = [f for f in report.failures if f.check == "purity"]
    assert wrong
    assert all(f.diagnosis == ["norm/statistics-written-in-place"] for f in wrong)


def map_of(got, expected, units, shape, at):
    return Differences("relu(x)", shape, at, 1, 4, got, expected, units)


SMALL = map_of([[1.0, 2.5]], [[1.0, 2.0]], [[0.0, 9.0]], [3, 1, 2], [2, 0, 0])
TINY = map_of([[1.0, 2.0 + 1e-9]], [[1.0, 2.0]], [[0.0, 9.0]], [2], [0])


def finding(status, output="output", check="value", dtype="float64", **more):
    return Finding("relu", output, check, dtype, "exact", status, **more)


_SMALL_IN_FLOAT32 = finding("failed", dtype="float32", differences=SMALL)


def test_the_largest_error_is_found_by_its_index():
    assert largest(SMALL) == (0.5, (2, 0, 1))
    assert largest(map_of([[3.0]], [[1.0]], [[9.0]], [], [0, 0])) == (2.0, ())
    assert largest(map_of([[np.nan]], [[1.0]], [[np.inf]], [1], [0])) == (np.inf, (0,))


def test_the_table_has_a_row_for_every_output():
    rows = [
        finding("failed", differences=SMALL),
        finding("passed", "grad_input"),
        finding("failed", "grad_weight", "shape", message="has shape (1,), expected (2,)"),
    ]
    assert [" ".join(line.split()) for line in tabled(rows)] == [
        "output shape dtype largest error beyond the bound",
        "output (3, 1, 2) float64 0.5 at (2, 0, 1) 1 of 4",
        "grad_input right",
        "grad_weight (1,), expected (2,) float64",
    ]
    assert tabled([]) == []


@pytest.mark.parametrize(
    ("findings", "verdict"),
    [
        ([finding("failed", check="exact")], "a mistake, not rounding: it is wrong on small"),
        (
            [finding("failed", dtype="float32", units=1.5), finding("passed", units=0.5)],
            "in float32 only (1.5 bounds in float32 and 0.5 bounds in float64)",
        ),
        (
            [finding("passed", dtype="float32", units=0.5), finding("failed", units=1e6)],
            "computed with fewer digits than float64 has (0.5 bounds in float32 and 1e+06",
        ),
        (
            [_SMALL_IN_FLOAT32, finding("failed", differences=SMALL)],
            "a mistake, not rounding: the error does not shrink in float64",
        ),
        (
            [_SMALL_IN_FLOAT32, finding("failed", differences=TINY)],
            "rounding: the error shrinks in float64",
        ),
        ([finding("failed", dtype="float32"), finding("failed")], ""),
        ([finding("failed", check="purity")], ""),
    ],
)
def test_rounding_is_told_from_a_mistake(findings, verdict):
    assert rounding(findings).startswith(verdict)
    assert bool(rounding(findings)) is bool(verdict)


def test_sentences_are_told_once():
    twice = [finding("failed", explanation="a\nb"), finding("failed", explanation="b\nc")]
    assert explained(twice) == ["a", "b", "c"]
