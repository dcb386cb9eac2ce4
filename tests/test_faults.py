"""The fault dictionary: every known mistake is rejected where it is, and nowhere else."""

import re
from dataclasses import replace
from functools import cache, partial

import numpy as np
import pytest

from reference_tests import CATALOGUE, Case, Spec, faults
from reference_tests.checks import Observation, distance, evaluate
from reference_tests.draw import seeded
from reference_tests.faults import FAULTS, Fault, Inputs, composed, oracle, simulated
from reference_tests.faults.lifting import lifted
from reference_tests.operation import grad_name
from reference_tests.references import exact

FAMILIES = "conv|conv-transpose|linear|pool|activation|cross-entropy|loss|norm|dropout|penalty"
FAMILIES += "|margin|optim|network|pad|shuffle|columns|resize|unpool|correlate"
# One dtype serves: what a fault does to the other is no other mistake, unless it is about dtypes.
DTYPE = "float32"
PLACES = [(fault, name) for fault in FAULTS.values() for name in fault.operations]
DRAWN = 4

everywhere = pytest.mark.parametrize(
    ("fault", "name"), PLACES, ids=[f"{fault.id}-{name}" for fault, name in PLACES]
)


def of_dtype(fault, hiding=False):
    """Return the dtype in which a fault shows, or that hides it."""
    about = re.search(r"float(32|64)$", fault.id)
    if about is None:
        return DTYPE
    return {"64": "float32", "32": "float64"}[about[1]] if not hiding else about[0]


def failed(subject, name, case, dtype=DTYPE):
    """Return the observations against a subject in one case."""
    seen = evaluate(subject.operations[name], CATALOGUE[name], case, dtypes=(dtype,))
    return [o for o in seen if isinstance(o, Observation) and o.status in ("failed", "error")]


def broken_laws(subject, name):
    """Return the outputs for which a random operation breaks its law."""
    law = CATALOGUE[name].law
    seen = law(subject.operations[name], DTYPE, 1) if law else ()
    return {output for output, _, message in seen if message}


KNOWN = {}


def known(name, case, dtype=DTYPE):
    """Return the inputs and the truth of a case, which the faults that share it share too."""
    key = name, repr(case), dtype
    if key not in KNOWN:
        operation, arrays = CATALOGUE[name], case.fill(dtype)
        cotangent = cache(partial(case.cotangent, dtype=dtype))
        truths = exact.truths(operation, arrays, case.hyper, cotangent, dtype)
        inputs = Inputs(operation, arrays, _hyper(name, case))
        shape = truths[operation.outputs(inputs.hyper)[0]].value.shape
        KNOWN[key] = inputs.pulled(cotangent(shape)), truths
    return KNOWN[key]


def _hyper(name, case):
    return {**CATALOGUE[name].defaults, **case.hyper}


def differs(fault, name, case, dtype=DTYPE):
    """Return whether a case tells a fault from the truth, in one call or in two."""
    inputs, truths = known(name, case, dtype)
    if fault.output not in truths:
        return False
    calls = (inputs, inputs.pulled(inputs.grad_output, 2))
    truth = truths[fault.output]
    return any(
        got.shape != truth.value.shape
        or (got.dtype.kind == "f" and got.dtype != dtype)
        or distance(got, truth, dtype)[0]
        for got in (simulated(each, fault.output, fault) for each in calls)
    )


def test_ids_are_those_of_the_faults():
    assert all(name == fault.id for name, fault in FAULTS.items())
    # Of two that had the same id, one would not be in the dictionary.
    families = [module for module in vars(faults).values() if hasattr(module, "FAULTS")]
    assert all(FAULTS[fault.id] is fault for family in families for fault in family.FAULTS)


def test_every_fault_is_described():
    for fault in FAULTS.values():
        assert_described(fault)


def assert_described(fault):
    assert fault.sentence.endswith("."), fault.id
    assert fault.hidden_by, fault.id
    assert fault.link == f"docs/faults.md#{fault.id.replace('/', '-')}"
    assert fault.formula, fault.id
    assert not fault.formula.endswith("."), fault.id
    assert max(map(len, fault.formula.splitlines())) <= 100, fault.id
    assert re.fullmatch(rf"({FAMILIES})/[a-z0-9-]+", fault.id)
    assert len(fault.operations) == len(set(fault.operations)), fault.id
    assert set(fault.elsewhere) <= set(fault.operations), fault.id
    for name in fault.operations:
        operation = CATALOGUE[name]
        gradients = {grad_name(array) for array in operation.differentiable}
        outputs = {n for case in fault.cases(name) for n in operation.outputs(_hyper(name, case))}
        assert fault.output in gradients | outputs, fault.id


@pytest.mark.parametrize(
    "changes",
    [
        {"sentence": "Wrong"},
        {"hidden_by": ""},
        {"formula": ""},
        {"formula": "y = x " * 20},
        {"id": "convolution/kernel-flipped"},
        {"operations": ("conv2d", "conv2d")},
        {"elsewhere": {"relu": ()}},
        {"output": "grad_params"},
    ],
)
def test_what_is_not_described_fails(changes):
    with pytest.raises(AssertionError):
        assert_described(replace(FAULTS["conv/kernel-flipped"], **changes))


@everywhere
def test_a_fault_shows_in_its_exposing_case_and_not_in_its_hiding_one(fault, name):
    exposing, hiding = fault.cases(name)
    assert fault.shows(exposing, name)
    # Where the parameters do not hide it, values do.
    valued = any(case.values or case.family != "zero-mean" for case in (exposing, hiding))
    assert valued or not fault.shows(hiding, name)
    shown, hidden = of_dtype(fault), of_dtype(fault, hiding=True)
    assert all(np.prod(spec.shape) <= 8 for spec in exposing.arrays.values() if spec)
    subject = fault.implementation()
    if fault.wrap is not Fault.wrap:
        # Only the judge calls a subject as often as such a mistake needs.
        assert failed(subject, name, exposing) or broken_laws(subject, name)
        assert failed(subject, name, hiding) == []
        return
    assert differs(fault, name, exposing, shown) or broken_laws(subject, name)
    assert not differs(fault, name, hiding, hidden)


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_fault_is_rejected_for_the_output_it_corrupts(fault):
    name, subject = fault.operations[0], fault.implementation()
    exposing, _ = fault.cases(name)
    found = failed(subject, name, exposing, of_dtype(fault))
    outputs = {o.output for o in found}
    # Where the output has another shape, its gradients get another cotangent, and what wraps the
    # callable may reach all that it returns.
    reshaped = {o.output for o in found if o.check in ("shape", "call")}
    wrapped = fault.wrap is not Fault.wrap
    assert outputs <= {fault.output} or fault.output in reshaped or wrapped
    assert fault.output in (outputs or broken_laws(subject, name))


def test_the_oracle_itself_passes_every_exposing_and_hiding_case():
    for fault, name in PLACES:
        for case in fault.cases(name):
            inputs, truths = known(name, case)
            for output in {fault.output} & set(truths):
                assert distance(oracle(inputs, output), truths[output], DTYPE)[0] == "", fault.id


@pytest.mark.parametrize("name", sorted({name for _, name in PLACES}))
def test_no_fault_shows_where_it_says_that_it_does_not(name):
    operation = CATALOGUE[name]
    cases = [operation.strategy(seeded(f"hidden/{name}/{index}")) for index in range(DRAWN)]
    for fault in (f for f in FAULTS.values() if name in f.operations and f.wrap is Fault.wrap):
        for case in cases:
            assert fault.shows(case, name) or not differs(fault, name, case), (fault.id, case)


def test_a_case_is_lifted_by_repeating_its_first_axis_and_lowered_by_dropping_it():
    values = {"x": np.arange(6.0).reshape(1, 1, 2, 3), "bias": np.ones(1)}
    arrays = {"x": Spec((1, 1, 2, 3)), "weight": None, "bias": Spec((1,))}
    case = Case(arrays, {"stride": (2, 1), "groups": 1}, values=values)
    higher, lower = lifted(case, 2, 3), lifted(case, 2, 1)
    assert (higher.arrays["x"].shape, lower.arrays["x"].shape) == ((1, 1, 2, 2, 3), (1, 1, 3))
    assert (higher.hyper["stride"], lower.hyper["stride"]) == ((2, 2, 1), (1,))
    np.testing.assert_array_equal(higher.values["x"][0, 0, 1], values["x"][0, 0])
    np.testing.assert_array_equal(lower.values["x"], values["x"][:, :, 0])
    assert higher.hyper["groups"] == 1
    assert higher.arrays["bias"].shape == higher.values["bias"].shape == (1,)
    assert lifted(higher, 3, 2).arrays == case.arrays
    assert lifted(case, 2, 2) is lifted(case, 0, 2) is case


def test_the_right_result_is_evaluated_once_and_handed_out_as_a_copy():
    calls = []
    operation = CATALOGUE["conv2d"]
    counted = replace(
        operation, definition=lambda *a, **k: calls.append(1) or operation.definition(*a, **k)
    )
    arrays = {"x": np.ones((1, 1, 1, 2)), "weight": np.ones((1, 1, 1, 1)), "bias": None}
    inputs = Inputs(counted, arrays, dict(operation.defaults))
    first = oracle(inputs, "output")
    first[:] = 0
    pulled = inputs.pulled(np.ones((1, 1, 1, 2)))
    assert oracle(inputs, "output").all()
    assert oracle(pulled, "grad_input").all()
    assert simulated(pulled, "grad_weight", FAULTS["conv/weight-grad-sign"]) == -2
    assert len(calls) == 1


def test_faults_keep_the_dtype_and_the_right_gradients():
    fault = FAULTS["conv/kernel-flipped"]
    for dtype in (np.float32, np.float64):
        x, weight = np.ones((1, 1, 2, 3), dtype), np.arange(4, dtype=dtype).reshape(1, 1, 2, 2)
        y, pullback = fault.implementation().operations["conv2d"](x, weight)
        grads = pullback(np.ones_like(y))
        assert [a.dtype for a in (y, *grads[:2])] == [dtype] * 3
        assert grads[2] is None


def test_a_fault_may_finish_with_another_dtype_and_wrap_the_callable():
    fault = FAULTS["conv/kernel-flipped"]
    wide = replace(fault, finish=lambda result, inputs: result.astype(np.float64))
    negated = replace(fault, wrap=lambda function: lambda *a, **k: (-function(*a, **k)[0], None))
    x, weight = np.ones((1, 1, 1, 2), np.float32), np.ones((1, 1, 1, 1), np.float32)
    assert wide.implementation().operations["conv2d"](x, weight)[0].dtype == np.float64
    assert negated.implementation().operations["conv2d"](x, weight)[0].tolist() == [[[[-1, -1]]]]


def test_faults_of_a_step_take_lists_and_a_state():
    fault = replace(
        FAULTS["conv/kernel-flipped"],
        operations=("sgd",),
        output="params",
        before=lambda inputs: inputs.but(lr=2 * inputs.hyper["lr"]),
        after=lambda result, inputs: result,
    )
    params, grads = [np.ones(2), np.ones((1, 3))], [np.ones(2), np.ones((1, 3))]
    after, _ = fault.implementation().operations["sgd"](params, grads, None, lr=0.25)
    assert [array.tolist() for array in after] == [[0.5, 0.5], [[0.5, 0.5, 0.5]]]


def test_composed_faults_of_two_outputs_corrupt_both():
    pair = FAULTS["conv/weight-grad-rotated"], FAULTS["conv/input-grad-sign"]
    found = failed(composed(*pair), "conv2d", CATALOGUE["conv2d"].pinned[0])
    assert {o.output for o in found} == {"grad_weight", "grad_input"}


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
