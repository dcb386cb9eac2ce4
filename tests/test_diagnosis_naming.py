"""A subject that computes what a known mistake computes is said to have it; no other one is."""

from dataclasses import replace

import numpy as np
import pytest

from reference_tests import CATALOGUE
from reference_tests.diagnosis import diagnose
from reference_tests.diagnosis import naming as naming_module
from reference_tests.diagnosis.inquiry import Inquiry, allowed
from reference_tests.diagnosis.naming import named
from reference_tests.diagnosis.simulation import Suspicion
from reference_tests.diagnosis.witness import agrees, question
from reference_tests.faults import FAULTS, composed
from reference_tests.references.exact import subject as naive

CONV, POOL, ENTROPY = (CATALOGUE[name] for name in ("conv2d", "max_pool2d", "cross_entropy"))
# Every twelfth, so that every family and kind of mistake is among them; the rest is for self-test.
right = naive.operations["conv2d"]
SOME = [
    pytest.param(fault, operation, id=f"{operation}-{fault.id}")
    for operation in ("conv2d", "max_pool2d", "cross_entropy")
    for fault in [f for f in FAULTS.values() if operation in f.operations][::12]
]


def told(function, operation, limits=None):
    """Return the diagnosis from pinned and drawn cases alone."""
    return diagnose(function, operation, [(operation.pinned[0], "float64", True)], limits)


def of(*ids):
    """Return the subject with these mistakes, and its operation."""
    faults = [FAULTS[name] for name in ids]
    subject = composed(*faults) if len(ids) > 1 else faults[0].implementation()
    name = faults[0].operations[0]
    return subject.operations[name], CATALOGUE[name]


@pytest.mark.parametrize(("fault", "operation"), SOME)
def test_a_known_mistake_is_named_first(fault, operation):
    subject = fault.implementation().operations[operation]
    found = diagnose(subject, CATALOGUE[operation])[fault.output]
    assert found.faults[0] == fault.id
    assert found.ambiguous == (len(found.faults) > 1)
    assert fault.sentence in found.explanation
    assert fault.link in found.explanation


@pytest.mark.parametrize("operation", ["conv2d", "max_pool2d", "adam"])
def test_nothing_is_wrong_with_a_right_subject(operation):
    assert told(naive.operations[operation], CATALOGUE[operation]) == {}


def test_outputs_are_diagnosed_apart():
    found = told(*of("conv/weight-grad-rotated", "conv/input-grad-sign"))
    assert {output: each.faults for output, each in found.items()} == {
        "grad_weight": ("conv/weight-grad-rotated",),
        "grad_input": ("conv/input-grad-sign",),
    }


@pytest.mark.parametrize(
    "pair",
    [
        ("conv/kernel-flipped", "conv/bias-missing"),
        ("cross-entropy/grad-softmax-twice", "cross-entropy/grad-sign"),
    ],
    ids=" and ".join,
)
def test_two_mistakes_at_once_are_named(pair):
    found = told(*of(*pair))[FAULTS[pair[0]].output]
    assert set(found.faults) == set(pair)
    assert not found.ambiguous
    assert found.explanation.startswith("most likely two mistakes at once: ")
    assert "together they reproduce the numbers of all" in found.explanation


def test_pairs_are_limited_by_their_number(monkeypatch):
    monkeypatch.setattr(naming_module, "PAIRS", 0)
    found = told(*of("conv/kernel-flipped", "conv/bias-missing"))["output"]
    assert found.faults == ()


def limited_conv2d(x, weight):
    """Flip a kernel of which only one axis is longer than 1."""
    if weight.shape[2] != 1 or weight.shape[3] > 2:
        raise NotImplementedError
    y, pullback = naive.operations["conv2d"](x, weight[..., ::-1])
    return y, lambda g: (pullback(g)[0], pullback(g)[1][..., ::-1])


def test_what_cannot_be_told_apart_is_said_to_be_so():
    limits = {"stride": 1, "padding": 0, "dilation": 1, "groups": 1, "bias": None}
    limits["kernel_size"] = (1, 2)
    found = diagnose(limited_conv2d, CONV, limits=limits)["output"]
    assert found.ambiguous
    assert "conv/kernel-flipped" in found.faults
    assert len(found.faults) > 1
    assert "cannot be told apart with the parameters that it supports:\n- " in found.explanation
    assert "each reproduces the numbers of all" in found.explanation


@pytest.mark.parametrize(
    "change",
    [
        lambda y: y * 1.25,
        lambda y: y + np.float32(1e-3) * np.abs(y),
        lambda y: np.where(y > 1, y, 0).astype(y.dtype),
        lambda y: np.full_like(y, np.nan),
        np.zeros_like,
    ],
    ids=["larger", "slightly larger", "cut", "NaN", "zeros"],
)
def test_no_mistake_is_claimed_that_does_not_compute_the_numbers(change):
    found = told(lambda *arrays, **hyper: change(right(*arrays, **hyper)[0]), CONV)["output"]
    assert found.faults == ()
    assert found.relations


def test_a_mistake_is_not_claimed_from_the_cases_alone_in_which_it_is_right():
    """A kernel flipped for stride 1 only is no flipped kernel."""
    flipped, _ = of("conv/kernel-flipped")

    def subject(*arrays, **hyper):
        wrong = np.max(hyper.get("stride", 1)) == 1
        return (flipped if wrong else naive.operations["conv2d"])(*arrays, **hyper)

    found = told(subject, CONV)["output"]
    assert found.faults == ()
    assert "output is wrong only if stride = 1" in found.attribution


def test_a_mistake_is_confirmed_by_cases_drawn_for_it():
    function, _ = of("pool/nan-lost")
    inquiry = Inquiry(function, POOL)
    inquiry.survey = [w for w in inquiry.survey if w.failed("output")][:1]
    found = named(inquiry, "output")
    assert [suspect.ids for suspect in found.suspicions] == [("pool/nan-lost",)]
    assert found.shown >= naming_module.ENOUGH


def test_nothing_is_named_where_nothing_is_wrong():
    inquiry = Inquiry(naive.operations["conv2d"], CONV)
    assert named(inquiry, "output").suspicions == []


def test_a_mistake_of_the_second_call_is_named():
    found = told(*of("conv/weight-grad-not-cleared"))
    assert found["grad_weight"].faults == ("conv/weight-grad-not-cleared",)


def test_gradients_are_not_judged_by_the_cotangent_of_a_wrong_shape():
    found = told(*of("conv/output-size-rounded-up"))
    assert found["output"].faults == ("conv/output-size-rounded-up",)
    for name in ("grad_input", "grad_weight", "grad_bias"):
        text = f"{name} is right wherever the output has the right shape"
        assert found[name].explanation == text
        assert found[name].faults == ()


def test_a_mistake_about_the_dtype_is_told_by_it():
    double = replace(
        FAULTS["conv/kernel-flipped"],
        before=lambda inputs: inputs,
        finish=lambda result, inputs: result.astype(np.float64),
    )
    suspicion = Suspicion([double], "output")
    asked = {
        dtype: question(CONV, CONV.pinned[0], dtype, False) for dtype in ("float32", "float64")
    }
    assert suspicion.shows(asked["float32"])
    assert not suspicion.shows(asked["float64"])
    function = double.implementation().operations["conv2d"]
    assert suspicion.fits(asked["float32"].answered(function))
    assert not suspicion.fits(asked["float32"].answered(naive.operations["conv2d"]))
    assert told(function, CONV)["output"].faults == ("network/float64",)


def test_a_mistake_about_more_than_one_call_is_simulated_as_a_subject():
    kept = replace(
        FAULTS["conv/kernel-flipped"],
        before=lambda inputs: inputs,
        wrap=lambda function: lambda *arrays, **hyper: function(*arrays[:2], **hyper),
    )
    suspicion = Suspicion([kept], "output")
    assert suspicion.about_calls
    assert not suspicion.composes
    asked = question(CONV, CONV.pinned[0], "float64", True)
    assert suspicion.shows(asked)
    assert suspicion.fits(asked.answered(kept.implementation().operations["conv2d"]))


def test_a_mistake_without_a_result_fits_nothing():
    def raising(inputs):
        raise IndexError

    broken = Suspicion([replace(FAULTS["conv/kernel-flipped"], before=raising)], "output")
    flipped = Suspicion([FAULTS["conv/kernel-flipped"]], "output")
    asked = question(CONV, CONV.pinned[0], "float64", True)
    answer = asked.answered(naive.operations["conv2d"])
    assert not broken.fits(answer)
    assert not broken.shows(asked)
    assert broken.differs(flipped, asked)
    assert not broken.differs(broken, asked)


def test_random_operations_are_left_to_their_laws():
    assert diagnose(lambda x: x, CATALOGUE["dropout"]) == {}


def test_a_pinned_case_outside_the_limits_is_not_asked():
    case = CONV.pinned[0]
    assert allowed(case, {})
    assert allowed(case, {"stride": (2, 3), "unknown": 1})
    assert not allowed(case, {"stride": 1})
    assert not allowed(case, {"bias": None})


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        ([1.0, np.nan], [1.0, np.nan], True),
        ([1.0, np.inf], [1.0, np.inf], True),
        ([1.0, np.inf], [1.0, -np.inf], False),
        ([1.0], [1.1], False),
        ([1.0], [1.0 + 1e-12], True),
        ([1.0], [[1.0]], False),
    ],
)
def test_results_agree_within_a_bound(a, b, same):
    assert agrees(np.array(a), np.array(b), 1e-9) is same
