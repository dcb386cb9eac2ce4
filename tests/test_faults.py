"""The fault dictionary: every known mistake is rejected where it is, and nowhere else."""

import re
from dataclasses import replace

import numpy as np
import pytest

from reference_tests import CATALOGUE, Case, Spec, verify
from reference_tests import reproduction as reproduction_module
from reference_tests.checks import Observation, evaluate
from reference_tests.draw import seeded
from reference_tests.faults import FAULTS, composed
from reference_tests.operation import grad_name
from reference_tests.references.exact import subject as naive

CONV = [fault for fault in FAULTS.values() if "conv2d" in fault.operations]
# Its first five cases of each operation have what every fault needs, such as a padding above k - 1.
SEED = 4
TUTORIAL = Case({"x": Spec((1, 1, 28, 28)), "weight": Spec((1, 1, 3, 3)), "bias": Spec((1,))})

every_fault = pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)


def failures(fault, case, dtypes=("float32", "float64")):
    """Return the observations against a fault in one case."""
    operation = CATALOGUE[fault.operations[0]]
    function = fault.implementation().operations[operation.name]
    seen = evaluate(function, operation, case, dtypes=dtypes)
    return [o for o in seen if isinstance(o, Observation) and o.status in ("failed", "error")]


@pytest.fixture
def unshrunk(monkeypatch):
    """Leave failing cases as they are: shrinking is tested elsewhere, and takes its time."""
    monkeypatch.setattr(reproduction_module, "TRIALS", 0)


def test_ids_are_those_of_the_faults():
    assert all(name == fault.id for name, fault in FAULTS.items())
    ids = [f.id for family in _families() for f in family.FAULTS]
    assert len(ids) == len(set(ids)) == len(FAULTS)


def _families():
    from reference_tests.faults import classification, convolution, pooling

    return convolution, pooling, classification


@every_fault
def test_a_fault_is_described(fault):
    assert fault.sentence.endswith(".")
    assert fault.hidden_by
    assert re.fullmatch(r"(conv|pool|cross-entropy)/[a-z0-9-]+", fault.id)
    for name in fault.operations:
        operation = CATALOGUE[name]
        gradients = [grad_name(array) for array in operation.differentiable]
        assert fault.output in ("output", *gradients)


@every_fault
def test_a_fault_is_rejected_for_the_output_it_corrupts(fault, unshrunk):
    for name in fault.operations:
        # The oracle refuses nothing, which is no part of the fault.
        operation = replace(CATALOGUE[name], invalid=())
        report = verify(
            fault.implementation(), [operation], [], examples=5, seed=SEED, dtypes=["float32"]
        )
        failed = {f.output for f in report.failures}
        reshaped = {f.output for f in report.failures if f.check in ("shape", "call")}
        assert fault.output in failed, (name, fault.sentence)
        # Where the output has another shape, its gradients get another cotangent.
        assert failed == {fault.output} or "output" in reshaped, (name, report.text())
        assert fault.output == "output" or "output" not in failed
        assert report[name].status in ("failed", "error")


@every_fault
def test_a_fault_shows_in_its_exposing_case(fault):
    assert fault.shows(fault.exposing)
    found = failures(fault, fault.exposing)
    assert fault.output in {o.output for o in found}


@every_fault
def test_a_fault_is_hidden_by_its_hiding_case(fault):
    assert failures(fault, fault.hiding) == []


@every_fault
def test_the_exposing_case_is_small(fault):
    assert all(np.prod(spec.shape) <= 4 for spec in fault.exposing.arrays.values() if spec)


def test_the_oracle_itself_passes_every_exposing_and_hiding_case():
    for fault in FAULTS.values():
        operation = CATALOGUE[fault.operations[0]]
        for case in (fault.exposing, fault.hiding):
            seen = evaluate(naive.operations[operation.name], operation, case)
            bad = [o for o in seen if isinstance(o, Observation) and o.status != "passed"]
            assert bad == [], fault.id


def test_the_pinned_convolution_exposes_every_fault_that_its_parameters_allow():
    killer = CATALOGUE["conv2d"].pinned[0]
    allowed = [fault for fault in CONV if fault.shows(killer)]
    assert all(fault.output in {o.output for o in failures(fault, killer)} for fault in allowed)
    # The others are about dilation, groups, a remainder beside padding, and p > k - 1.
    assert (len(allowed), len(CONV)) == (43, 49)
    others = [fault for fault in CONV if not fault.shows(killer)]
    pinned = CATALOGUE["conv2d"].pinned[1:]
    for fault in others:
        assert failures(fault, killer) == [], fault.id
        assert any(failures(fault, case, dtypes=("float64",)) for case in pinned), fault.id


def test_the_shape_of_tutorials_exposes_few_faults():
    exposed = [fault for fault in CONV if failures(fault, TUTORIAL, dtypes=("float32",))]
    assert len(exposed) == 19
    assert {fault.id for fault in exposed} == {fault.id for fault in CONV if fault.shows(TUTORIAL)}


@pytest.mark.parametrize("name", ["conv2d", "max_pool2d", "cross_entropy"])
def test_no_fault_shows_where_it_says_that_it_does_not(name):
    operation, hidden = CATALOGUE[name], 0
    for index in range(15):
        case = operation.strategy(seeded(f"hidden/{index}"))
        for fault in FAULTS.values():
            if name in fault.operations and not fault.shows(case):
                hidden += 1
                assert failures(fault, case, dtypes=("float64",)) == [], (fault.id, case)
    assert hidden > 15


def test_faults_keep_the_dtype_and_the_right_gradients():
    fault = FAULTS["conv/kernel-flipped"]
    for dtype in (np.float32, np.float64):
        x, weight = np.ones((1, 1, 2, 3), dtype), np.arange(4, dtype=dtype).reshape(1, 1, 2, 2)
        y, pullback = fault.implementation().operations["conv2d"](x, weight)
        grads = pullback(np.ones_like(y))
        assert [a.dtype for a in (y, *grads[:2])] == [dtype] * 3
        assert grads[2] is None


def test_composed_faults_of_two_outputs_corrupt_both(unshrunk):
    pair = FAULTS["conv/weight-grad-rotated"], FAULTS["conv/input-grad-sign"]
    operation = replace(CATALOGUE["conv2d"], invalid=())
    report = verify(composed(*pair), [operation], [], examples=0)
    assert {f.output for f in report.failures} == {"grad_weight", "grad_input"}


def test_composed_faults_of_one_output_act_in_turn():
    pair = FAULTS["conv/kernel-flipped"], FAULTS["conv/bias-missing"]
    x, weight, bias = np.arange(6.0).reshape(1, 1, 2, 3), np.array([[[[1.0, 10.0]]]]), np.ones(1)
    y, _ = composed(*pair).operations["conv2d"](x, weight, bias)
    np.testing.assert_array_equal(y, [[[[1, 12], [34, 45]]]])
    for fault in pair:
        alone, _ = fault.implementation().operations["conv2d"](x, weight, bias)
        assert not np.array_equal(alone, y)


def test_what_replaces_the_oracle_is_not_composed():
    pair = FAULTS["conv/input-grad-windows-assigned"], FAULTS["conv/kernel-flipped"]
    with pytest.raises(ValueError, match="input-grad-windows-assigned replaces the oracle"):
        composed(*pair)


def test_faults_of_different_operations_are_not_composed():
    with pytest.raises(ValueError, match="no operation can have all of conv/kernel-flipped, pool"):
        composed(FAULTS["conv/kernel-flipped"], FAULTS["pool/nan-lost"])
