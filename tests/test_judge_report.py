"""What a report says: statuses, expected failures, what was not judged, and how to see it again."""

import contextlib
import io
import json
import re
from dataclasses import replace

import numpy as np
import pytest

from reference_tests import CATALOGUE, Case, Implementation, Invalid, Operation, Spec, verify
from reference_tests import judge as judge_module
from reference_tests import references as references_module
from reference_tests.draw import replayed, seeded
from reference_tests.faults import FAULTS
from reference_tests.judge import Interrupted, judge_case
from reference_tests.references import Reference
from reference_tests.references.exact import subject as naive
from reference_tests.report import (
    NOT_OK,
    ORDER,
    Finding,
    OperationReport,
    Report,
    grouped,
    rows,
)
from reference_tests.reproduction import shrunk

FLIPPED = FAULTS["conv/kernel-flipped"].implementation()
CONV = replace(CATALOGUE["conv2d"], invalid=())
SOURCE = """
from reference_tests.faults import FAULTS
subject = FAULTS["conv/kernel-flipped"].implementation()
"""


def relu(x):
    return np.maximum(x, 0), lambda grad_output: grad_output * ~(x <= 0)


def refusing(x):
    if not isinstance(x, np.ndarray) or x.dtype == object:
        raise TypeError("relu: x is no array of numbers")
    return relu(x)


RIGHT = Implementation("right", {"relu": refusing})


def finding(status, output="output", check="value", **more):
    return Finding("relu", output, check, "float32", "exact", status, **more)


def report_of(*findings):
    return Report("mine", 0, [], {}, [OperationReport("relu", list(findings))])


def test_a_status_is_the_first_of_its_findings():
    for first, status in enumerate(ORDER):
        operation = OperationReport("relu", [*map(finding, reversed(ORDER[first:]))])
        assert operation.status == status
    assert OperationReport("relu").status == "not provided"


@pytest.mark.parametrize("status", ORDER)
def test_a_report_is_ok_if_something_passed_and_nothing_is_wrong(status):
    report = report_of(finding("passed"), finding(status))
    assert report.ok is (status not in NOT_OK)
    assert report_of(finding(status)).ok is (status == "passed")
    assert [f.status for f in report.failures] == [status] * (status in NOT_OK)


def test_the_statuses_that_are_not_ok():
    assert NOT_OK == ("error", "failed", "unexpected pass", "untrusted")


def test_a_report_is_asked_by_name():
    report = report_of(finding("passed"))
    assert report["relu"].status == "passed"
    with pytest.raises(KeyError, match="tanh"):
        report["tanh"]


def test_assert_ok_raises_with_the_whole_message():
    report_of(finding("passed")).assert_ok()
    wrong = finding("failed", message="has 1, expected 2", reproduction="print(1)", replay="relu@0")
    with pytest.raises(AssertionError) as raised:
        report_of(wrong, finding("untrusted", check="trust", message="zeros pass")).assert_ok()
    assert str(raised.value).split("\n") == [
        "mine: not ok",
        "",
        "relu: output differs from exact (value and trust in float32)",
        "  value: has 1, expected 2",
        "  trust: zeros pass",
        "  the smallest case:",
        "    print(1)",
        "  to judge it again: --replay relu@0",
    ]


@pytest.mark.parametrize(
    ("status", "headline"),
    [
        ("failed", "relu: output differs from exact"),
        ("error", "relu: output is an error"),
        ("unexpected pass", "relu: output is an unexpected pass"),
        ("untrusted", "relu: output is untrusted"),
        ("disputed", "relu: output is disputed"),
    ],
)
def test_a_headline_says_which_output_and_how(status, headline):
    assert grouped([finding(status)])[0].headline == f"{headline} (value in float32)"


def test_a_finding_is_written_with_its_reproduction():
    text = str(finding("failed", message="has 1", reproduction="a\nb"))
    assert text == "relu: output failed in value (float32, exact): has 1\n    a\n    b"
    assert str(finding("passed")) == "relu: output passed in value (float32, exact)"


def test_a_report_is_json():
    report = verify(FLIPPED, [CONV], [], examples=3)
    again = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert (again["ok"], again["subject"], again["seed"]) == (False, "conv/kernel-flipped", 0)
    (operation,) = again["operations"]
    assert (operation["name"], operation["status"]) == ("conv2d", "failed")
    assert operation["cases"] == 3 + len(CONV.pinned)
    ids = {f["id"] for f in operation["findings"] if f["status"] == "failed"}
    assert ids == {"conv2d:output:value", "conv2d:output:exact"}
    assert again["versions"]["numpy"] == np.__version__
    # In the exact tier every error is beyond every bound, which JSON cannot say.
    units = {f["units"] for f in operation["findings"] if f["id"] == "conv2d:output:exact"}
    assert units == {None}


def test_an_expected_failure_is_no_failure():
    expected = {"conv2d:output:value": "flipped on purpose", "conv2d:output:exact": "also"}
    report = verify(FLIPPED, [CONV], [], examples=2, expected_failures=expected)
    assert report.ok
    assert report["conv2d"].status == "expected failure"
    messages = [f.message for f in report.findings if f.status == "expected failure"]
    assert all(message.startswith(("flipped on purpose (has", "also (has")) for message in messages)


def test_a_failure_beside_the_expected_one_still_fails():
    report = verify(FLIPPED, [CONV], [], 2, expected_failures={"conv2d:output:value": "known"})
    assert {f.id for f in report.failures} == {"conv2d:output:exact"}


def test_an_expected_failure_that_passes_fails_the_run():
    report = verify(RIGHT, ["relu"], [], 2, expected_failures={"relu:output:value": "once wrong"})
    assert report["relu"].status == "unexpected pass"
    assert "was expected to fail: once wrong" in report.text()


@pytest.mark.parametrize("name", ["relu:output:valeu", "tanh:output:value", "nonsense"])
def test_an_expected_failure_that_matches_nothing_fails_the_run(name):
    report = verify(RIGHT, ["relu"], [], examples=2, expected_failures={name: "a slip"})
    assert not report.ok
    assert f"the expected failure {name!r} matches no finding" in report.text()


def own(strategy, **more):
    """Return an operation of a user."""
    return Operation(
        "own", ("x",), {}, strategy, lambda x: CATALOGUE["relu"].definition(x), ("x",), **more
    )


def test_an_operation_of_the_user_is_judged():
    pinned = (Case({"x": Spec((2, 3))}, seed=1),)
    operation = own(lambda draw: Case({"x": Spec((draw.integer(1, 3), 4))}, {}), pinned=pinned)
    assert verify(Implementation("mine", {"own": relu}), [operation], [], 5)["own"].cases == 6
    verify(Implementation("mine", {"own": relu}), [operation], [], examples=5).assert_ok()
    wrong = Implementation("mine", {"own": lambda x: (np.abs(x), relu(x)[1])})
    assert {f.output for f in verify(wrong, [operation], [], 5).failures} == {"output"}
    refused = replace(operation, invalid=(Invalid("three", (np.zeros((3, 3)),)),))
    for strict, status in ((False, "noted"), (True, "failed")):
        subject = Implementation("mine", {"own": relu}, strict=strict)
        report = verify(subject, [refused], [], examples=5)
        found = [(f.status, f.message) for f in report.findings if f.check == "invalid input"]
        assert found == [(status, "accepted three, expected an error")]
        assert report.ok is not strict


@pytest.mark.parametrize(
    ("value", "message"),
    [(-1.0, "zeros would pass every case"), (1.0, "the input would pass every case")],
)
def test_an_output_that_a_null_subject_passes_is_untrusted(value, message):
    def strategy(draw):
        shape = (draw.integer(1, 3), 2)
        return Case({"x": Spec(shape)}, values={"x": np.full(shape, value)})

    report = verify(Implementation("mine", {"own": relu}), [own(strategy)], [], examples=4)
    assert report["own"].status == "untrusted"
    assert not report.ok
    assert message in {f.message for f in report.failures if f.output == "output"}


def test_an_output_whose_bound_is_as_wide_as_its_value_is_untrusted():
    # Of 2x + 2e15 two roundings, each of 2e15 · 2**-53, leave about one digit of 2.
    def double(x):
        return (2 * x + 2e15) - 2e15, lambda g: (2 * g,)

    def strategy(draw):
        shape = (draw.integer(2, 4),)
        return Case({"x": Spec(shape)}, values={"x": np.ones(shape)})

    operation = replace(own(strategy), definition=double)
    subject = Implementation("mine", {"own": double})
    report = verify(subject, [operation], [], examples=4, dtypes=["float64"])
    assert [(f.output, f.status) for f in report.failures] == [("output", "untrusted")]
    assert "every bound is as wide as its value" in report.text()


@pytest.fixture
def fake(monkeypatch):
    """Return what makes a callable the only reference of relu."""

    def install(function):
        reference = Reference("fake", "1.0", {"relu": function})
        monkeypatch.setattr(judge_module, "load", lambda names: [reference])
        monkeypatch.setattr(judge_module, "checked", lambda names: {"fake": "1.0"})

    return install


def test_a_wrong_reference_is_disputed_and_does_not_count_against_the_subject(fake):
    fake(lambda x: (np.abs(x), relu(x)[1]))
    report = verify(RIGHT, ["relu"], ["fake"], examples=3)
    assert report["relu"].status == "disputed"
    assert report.ok
    disputed = [f for f in report.findings if f.status == "disputed"]
    assert {(f.output, f.reference) for f in disputed} == {("output", "fake")}
    assert all(f.message.startswith("fake has ") for f in disputed)


def test_a_wrong_subject_fails_beside_a_wrong_reference(fake):
    fake(lambda x: (np.abs(x), relu(x)[1]))
    wrong = Implementation("wrong", {"relu": lambda x: (np.abs(x), relu(x)[1])})
    report = verify(wrong, ["relu"], ["fake"], examples=3)
    assert report["relu"].status == "failed"
    assert "exact" in {f.reference for f in report.failures if f.check == "value"}


def test_a_reference_that_raises_is_disputed(fake):
    def raising(x):
        raise RuntimeError("out of order")

    fake(raising)
    report = verify(RIGHT, ["relu"], ["fake"], examples=2)
    disputes = [f.message for f in report.findings if f.status == "disputed"]
    assert any(m.startswith("fake raised RuntimeError: out of order") for m in disputes)
    assert report.ok


def test_a_reference_without_the_operation_or_the_parameters_says_nothing(fake):
    def lacking(x):
        raise NotImplementedError

    fake(lacking)
    for names in (["relu"], [CATALOGUE["tanh"]]):
        report = verify(replace(naive, name="naive"), names, ["fake"], examples=2)
        assert "fake" not in {f.reference for f in report.findings}


def test_a_right_reference_agrees(fake):
    fake(relu)
    report = verify(RIGHT, ["relu"], ["fake"], examples=2)
    report.assert_ok()
    cells = {output: cells for _, output, cells, *_ in rows(report)}
    assert cells["grad_input"]["fake"].status == "passed"


def plain_conv2d(x, weight, bias=None):
    """A tutorial's convolution."""
    return naive.operations["conv2d"](x, weight, bias)


def test_what_a_callable_has_no_keyword_for_is_judged_at_the_default():
    report = verify(Implementation("tutorial", {"conv2d": plain_conv2d}), [CONV], [], examples=6)
    operation = report["conv2d"]
    assert report.ok
    assert operation.cases == 6
    # No pinned convolution is at the default in everything.
    assert operation.unsupported == len(CONV.pinned)
    (unsupported,) = [f for f in operation.findings if f.status == "unsupported"]
    assert unsupported.message == (
        "takes no stride, padding, dilation, groups: judged at the default"
    )


def test_limits_restrict_the_cases():
    seen = []

    def conv2d(x, weight, bias=None, **hyper):
        seen.append((hyper, bias))
        return naive.operations["conv2d"](x, weight, bias, **hyper)

    limits = {"conv2d": {"stride": (2, 1), "groups": 1, "dilation": 1, "bias": None}}
    report = verify(Implementation("limited", {"conv2d": conv2d}, limits), [CONV], [], examples=5)
    report.assert_ok()
    assert report["conv2d"].cases == 5
    assert {hyper["stride"] for hyper, _ in seen} == {(2, 1)}
    assert {bias for _, bias in seen} == {None}


def test_what_raises_not_implemented_is_unsupported_and_both_are_counted():
    def conv2d(x, weight, bias=None, *, stride=1, padding=0, dilation=1, groups=1):
        if groups > 1 or dilation not in (1, (1, 1)):
            raise NotImplementedError("no groups and no dilation")
        return naive.operations["conv2d"](x, weight, bias, stride=stride, padding=padding)

    report = verify(Implementation("some", {"conv2d": conv2d}), [CONV], [], examples=10)
    operation = report["conv2d"]
    assert report.ok
    assert operation.cases >= 10
    # After 20 refusals the draws keep to what is accepted.
    assert 20 <= operation.unsupported < 40
    assert "no groups and no dilation" in {
        f.message for f in operation.findings if f.status == "unsupported"
    }


def test_a_subject_that_supports_nothing_is_unsupported_and_not_ok():
    def never(x):
        raise NotImplementedError

    operation = replace(CATALOGUE["relu"], invalid=())
    report = verify(Implementation("never", {"relu": never}), [operation], [], examples=2)
    assert report["relu"].status == "unsupported"
    assert report["relu"].cases == 0
    assert not report.ok


def test_a_forward_without_gradients_is_judged_and_says_so():
    subject = Implementation("forward", {"relu": lambda x: refusing(x)[0]})
    report = verify(subject, ["relu"], [], examples=3)
    assert report.ok
    assert report["relu"].status == "passed"
    missing = {(f.output, f.message) for f in report.findings if f.status == "not provided"}
    assert missing == {("grad_input", "there is no gradient")}


def test_a_gradient_that_is_not_provided_is_not_called_right():
    subject = Implementation("forward", {"relu": lambda x: np.abs(x)})
    text = verify(subject, ["relu"], [], examples=3, diagnose=False).text()
    assert re.search(r"\n +grad_input +not provided\n", text)


@pytest.mark.parametrize("how", ["raise", "None"])
def test_a_gradient_that_is_not_provided_leaves_the_others_judged(how):
    def linear(*arrays):
        y, pullback = naive.operations["linear"](*arrays)

        def pull(grad):
            if how == "raise":
                raise NotImplementedError
            return (None, *pullback(grad)[1:])

        return y, pull

    operation = replace(CATALOGUE["linear"], invalid=())
    report = verify(Implementation("half", {"linear": linear}), [operation], [], examples=2)
    assert report.ok
    missing = {f.output for f in report.findings if f.status == "not provided"}
    rest = {"grad_weight", "grad_bias"} if how == "raise" else set()
    assert missing == {"grad_input"} | rest


def test_what_is_not_in_the_catalogue_is_noted():
    report = verify(Implementation("more", {"relu": refusing, "swish": relu}), ["relu"], [], 1)
    assert report.notes == [
        "swish is not in the catalogue, so not judged (the nearest is hardswish)"
    ]


def reproduced(text):
    """Run a reproduction and return its names."""
    names = {}
    with contextlib.redirect_stdout(io.StringIO()):
        exec(text, names)
    return names


@pytest.mark.parametrize("seed", range(3))
def test_a_reproduction_can_be_pasted_and_shows_the_failure(seed):
    subject = replace(FLIPPED, source=SOURCE.strip())
    report = verify(subject, [CONV], [], examples=5, seed=seed)
    (failure,) = grouped(report.failures)
    names = reproduced(failure.findings[0].reproduction)
    arrays = names["x"], names["weight"], names["bias"]
    given = [array for array in arrays if array is not None]
    right, _ = naive.operations["conv2d"](*given)
    if names["result"][0].shape == right.shape:
        assert not np.array_equal(names["result"][0], right)
    # What shrinking leaves shows a flip with as little as there is.
    assert sorted(names["weight"].shape) == [1, 1, 1, 2]
    assert names["x"].size <= 4
    assert failure.findings[0].message.endswith("elements are beyond the bound")


def test_the_reproduction_of_a_gradient_calls_the_pullback():
    fault = FAULTS["conv/weight-grad-rotated"]
    source = SOURCE.strip().replace("conv/kernel-flipped", fault.id)
    subject = replace(fault.implementation(), source=source)
    report = verify(subject, [CONV], [], examples=5)
    for failing in report.failures:
        names = reproduced(failing.reproduction)
        grads = names["result"][1](names["grad_output"])
        text = failing.reproduction.splitlines()[-2]
        assert text.startswith("grad_output = array(")
        options = failing.reproduction.split("result = function(")[1].splitlines()[0]
        right = eval(f"naive.operations['conv2d']({options}", {**names, "naive": naive})
        assert not np.array_equal(grads[1], right[1](names["grad_output"])[1])


def test_shrinking_leaves_a_case_that_was_not_drawn_as_it_is():
    case = CONV.pinned[0]
    assert shrunk(CONV, case, {}, lambda case: "wrong") == (case, "")


def test_shrinking_keeps_to_cases_that_fail():
    def fails(case):
        return "wide" if case.arrays["x"].shape[3] > 2 else None

    large = next(filter(fails, (CONV.strategy(seeded(f"{seed}")) for seed in range(40))))
    small, message = shrunk(CONV, large, {}, fails)
    assert message == "wide"
    assert fails(small)
    assert np.prod(small.arrays["x"].shape) < np.prod(large.arrays["x"].shape)


def test_shrinking_stops_after_some_trials():
    tried = []
    strategy = CONV.strategy
    case = strategy(replayed([9] * 40))
    shrunk(CONV, case, {}, lambda case: tried.append(case))
    assert 0 < len(tried) <= 200


def test_a_finding_is_judged_again_by_its_case():
    report = verify(FLIPPED, [CONV], [], examples=3, seed=4)
    replays = {f.replay for f in report.failures}
    for replay in replays:
        name, _, numbers = replay.partition("@")
        seed, _, index = numbers.partition(".")
        again = judge_case(FLIPPED, name, int(index), [], int(seed))
        assert again["conv2d"].status == "failed"
    pinned = judge_case(FLIPPED, "conv2d", 0, [], 0)
    assert pinned["conv2d"].cases == 1
    assert judge_case(Implementation("empty", {}), "conv2d", 0, [])["conv2d"].findings == []


def test_a_case_is_judged_again_with_the_limits_that_were_learnt():
    # All that it supports is wrong, so what is replayed must be the very case that failed.
    def conv2d(x, weight, bias=None, *, stride=1, padding=0, dilation=1, groups=1):
        if (stride, padding, dilation, groups) != (1, 0, 1, 1):
            raise NotImplementedError
        return FLIPPED.operations["conv2d"](x, weight, bias)

    subject = Implementation("some", {"conv2d": conv2d})
    report = verify(subject, [CONV], [], examples=10, seed=1)
    assert report["conv2d"].status == "failed"
    for replay in {f.replay for f in report.failures}:
        index = int(replay.rpartition(".")[2])
        assert judge_case(subject, "conv2d", index, [], 1)["conv2d"].status == "failed", replay


def test_what_few_supported_cases_had_by_default_is_asked_all_the_same():
    """A value that is ignored must not pass because what is supported is rarely drawn."""

    def pad(x, *, pad, mode="constant", value=0.0):
        if x.ndim != 4 or len(pad) != 4 or mode != "constant" or min(pad) < 0:
            raise NotImplementedError
        before, after, above, below = pad
        edges = [(0, 0), (0, 0), (above, below), (before, after)]
        return np.pad(x, edges)

    report = verify(Implementation("few", {"pad": pad}), ["pad"], [], 20, diagnose=False)
    assert report["pad"].status == "failed"
    for replay in {f.replay for f in report.failures}:
        index = int(replay.rpartition(".")[2])
        again = judge_case(Implementation("few", {"pad": pad}), "pad", index, [])
        assert again["pad"].status == "failed", replay


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"operations": ["conv2"]}, "there is no operation 'conv2'; the nearest are conv2d"),
        ({"operations": ["?"]}, "there is no operation"),
        ({"references": ["pytorch"]}, "there is no reference 'pytorch'; the nearest are torch"),
        ({"references": ["?"]}, "the nearest are torch, scipy, jax, exact"),
        ({"dtypes": ["float16"]}, "dtypes has 'float16', expected float32 or float64"),
        ({"examples": -1}, "examples is -1, expected an integer of at least 0"),
    ],
)
def test_what_does_not_exist_is_refused_before_any_work(arguments, message):
    def never(*arrays):
        raise AssertionError("was called")

    with pytest.raises(ValueError, match=message.replace("?", r"\?")):
        verify(Implementation("mine", {"relu": never}), **{"operations": ["relu"], **arguments})


def test_a_reference_that_is_not_installed_is_refused(monkeypatch):
    monkeypatch.setattr(references_module.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r'pip install "scratchcnn\[torch\]"'):
        verify(RIGHT, ["relu"], ["torch"])
    assert references_module.available() == []


def test_exact_is_no_reference_of_its_own():
    assert verify(RIGHT, ["relu"], ["exact"], examples=1).references == []


def test_a_subject_must_be_an_implementation():
    with pytest.raises(TypeError, match="subject is a dict, expected a reference_tests"):
        verify({"relu": relu})


def test_the_same_seed_gives_the_same_report():
    first, second = (verify(FLIPPED, [CONV], [], examples=4, seed=5) for _ in range(2))
    assert [str(f) for f in first.findings] == [str(f) for f in second.findings]
    other = verify(FLIPPED, [CONV], [], examples=4, seed=6)
    assert [str(f) for f in first.findings] != [str(f) for f in other.findings]


def test_one_dtype_may_be_judged_alone():
    report = verify(RIGHT, ["relu"], [], examples=2, dtypes=["float32"])
    assert {f.dtype for f in report.findings} == {"float32", ""}


def test_no_case_is_drawn_after_the_time():
    report = verify(RIGHT, ["relu"], [], examples=50, max_seconds=0.0)
    assert report["relu"].cases == len(CATALOGUE["relu"].pinned)
    assert report.notes == ["stopped drawing cases after 0 s"]


def test_an_interruption_brings_the_report_of_what_was_judged():
    def interrupting(x):
        raise KeyboardInterrupt

    subject = Implementation("slow", {"relu": refusing, "tanh": interrupting})
    with pytest.raises(Interrupted) as interrupted:
        verify(subject, ["relu", "tanh"], [], examples=1)
    report = interrupted.value.report
    assert [operation.name for operation in report] == ["relu"]
    assert report.notes == ["interrupted while judging tanh"]


def test_each_operation_is_told_when_it_is_ready():
    told = []
    verify(RIGHT, ["relu", "tanh"], [], examples=1, on_operation=lambda done: told.append(done))
    assert [(done.name, done.status) for done in told] == [
        ("relu", "passed"),
        ("tanh", "not provided"),
    ]


def test_a_signature_is_written_as_python():
    assert CATALOGUE["max_pool2d"].signature == (
        "max_pool2d(x, *, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, "
        "return_indices=False)"
    )
    assert CATALOGUE["linear"].signature == "linear(x, weight, bias=None)"


def test_only_options_that_differ_from_their_default_are_passed():
    conv2d = CATALOGUE["conv2d"]
    assert conv2d.options({"stride": (1, 1), "padding": "same", "groups": 2, "dilation": 1}) == {
        "padding": "same",
        "groups": 2,
    }
    # 1 and True, 0 and False are equal, but not the same.
    assert CATALOGUE["max_pool2d"].options({"kernel_size": 2, "ceil_mode": 0}) == {
        "kernel_size": 2,
        "ceil_mode": 0,
    }


def test_a_list_of_the_one_gradient_is_taken_as_one():
    def hardtanh(x, **limits):
        y, pullback = naive.operations["hardtanh"](x, **limits)
        return y, lambda grad_output: [pullback(grad_output)[0]]

    verify(Implementation("mine", {"hardtanh": hardtanh}), ["hardtanh"], [], 4).assert_ok()


def test_who_takes_no_ignored_label_is_given_none():
    def nll_loss(x, target, weight=None, *, reduction="mean"):
        assert (target >= 0).all()
        return naive.operations["nll_loss"](x, target, weight, reduction=reduction)

    verify(Implementation("mine", {"nll_loss": nll_loss}), ["nll_loss"], [], 20).assert_ok()


def test_a_mistake_in_large_arrays_alone_is_found():
    def linear(x, weight, bias=None):
        y, pullback = naive.operations["linear"](x, weight, bias)
        return (2 * y if max(weight.shape) > 8 else y), pullback

    report = verify(Implementation("mine", {"linear": linear}), ["linear"], [], 40, diagnose=False)
    assert {f.output for f in report.failures} == {"output"}


def test_a_report_is_printed_as_its_text():
    report = verify(RIGHT, ["relu"], [], examples=2)
    assert str(report) == report.text() == "right: ok (relu)"
