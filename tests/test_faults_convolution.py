"""The faults of convolutions and transposed ones, in every dimension."""

import itertools
from functools import cache

import numpy as np
import pytest

from reference_tests import CATALOGUE, Case, Spec
from reference_tests.checks import distance
from reference_tests.faults import FAULTS, Inputs, simulated
from reference_tests.operations.windows import each
from reference_tests.references import exact

OPERATIONS = ("conv1d", "conv2d", "conv3d", "conv2d_untied_bias")
TRANSPOSED = ("conv_transpose1d", "conv_transpose2d", "conv_transpose3d")
TUTORIAL = Case({"x": Spec((1, 1, 28, 28)), "weight": Spec((1, 1, 3, 3)), "bias": Spec((1,))})


def faults_of(name):
    """Return the faults of a convolution."""
    families = ("conv/", "conv-transpose/")
    return [f for f in FAULTS.values() if name in f.operations and f.id.startswith(families)]


def filled(name, case, dtype="float64"):
    """Return the inputs of an oracle, with the cotangent of the case."""
    operation = CATALOGUE[name]
    inputs = Inputs(operation, case.fill(dtype), {**operation.defaults, **case.hyper})
    shape = inputs.forward[0]["output"].shape
    return inputs.pulled(case.cotangent(shape, dtype))


@cache
def known(name, index):
    """Return the inputs and the truth of a pinned case; -1 is a tutorial's."""
    case = TUTORIAL if index < 0 else CATALOGUE[name].pinned[index]
    inputs = filled(name, case, "float32")
    truths = exact.truths(
        inputs.operation, inputs.arrays, inputs.hyper, lambda shape: inputs.grad_output, "float32"
    )
    return case, inputs, truths


def exposed(fault, name, index):
    """Return whether a case shows a fault."""
    _, inputs, truths = known(name, index)
    truth = truths.get(fault.output)
    if truth is None:
        return False
    calls = [inputs, inputs.pulled(inputs.grad_output, 2)]
    results = [simulated(each, fault.output, fault) for each in calls]
    return any(
        got.shape != truth.value.shape or distance(got, truth, "float32")[0] for got in results
    )


@pytest.mark.parametrize("name", [*OPERATIONS, *TRANSPOSED])
def test_the_pinned_cases_expose_every_fault_that_their_parameters_allow(name):
    pinned, shown = CATALOGUE[name].pinned, set()
    for fault in faults_of(name):
        for index, case in enumerate(pinned):
            assert exposed(fault, name, index) == fault.shows(case, name), (fault.id, index)
            shown |= {fault.id} if fault.shows(case, name) else set()
    assert shown == {fault.id for fault in faults_of(name)}


def test_the_first_pinned_convolution_allows_most_faults():
    case, mine = CATALOGUE["conv2d"].pinned[0], faults_of("conv2d")
    # The others are about dilation, groups, a remainder beside padding, and p > k - 1.
    assert sum(fault.shows(case) for fault in mine) >= len(mine) - 7


def test_the_shape_of_tutorials_exposes_less_than_half_of_the_faults():
    mine = faults_of("conv2d")
    shown = {fault.id for fault in mine if exposed(fault, "conv2d", -1)}
    assert shown == {fault.id for fault in mine if fault.shows(TUTORIAL)}
    assert len(shown) < len(mine) / 2


@pytest.mark.parametrize("name", ["conv2d", "conv3d"])
def test_an_image_of_one_row_has_the_faults_of_a_row(name):
    for index in range(len(CATALOGUE["conv1d"].pinned)):
        _, row, _ = known("conv1d", index)
        image = as_image(row, CATALOGUE[name], axes=int(name[4]) - 1)
        for fault in faults_of("conv1d"):
            # Along the other axes there is no padding, so that they are cropped to nothing.
            if fault.id == "conv/input-grad-cropped-to-nothing":
                continue
            one, two = (simulated(inputs, fault.output, fault) for inputs in (row, image))
            np.testing.assert_allclose(two.ravel(), one.ravel(), 1e-5, 1e-5, err_msg=fault.id)


def as_image(row, operation, axes):
    """Return inputs of conv1d as those of another dimension, whose first axes have one place."""

    def widened(array):
        return None if array is None else np.expand_dims(array, tuple(range(-1 - axes, -1)))

    neutral = {"stride": 1, "padding": 0, "dilation": 1}
    hyper = dict(row.hyper)
    for name, value in neutral.items():
        if not isinstance(hyper[name], str):
            hyper[name] = (value,) * axes + each(hyper[name], 1)
    arrays = {n: array if n == "bias" else widened(array) for n, array in row.arrays.items()}
    return Inputs(operation, arrays, hyper, widened(row.grad_output))


@pytest.mark.parametrize(
    ("fault", "name"), [("conv", "conv3d"), ("conv-transpose", "conv_transpose3d")]
)
def test_axes_in_reversed_order_are_those_of_the_reversed_parameter(fault, name):
    x, weight = np.arange(6.0**3).reshape(1, 1, 6, 6, 6), np.ones((1, 1, 1, 1, 1))
    for parameter, sizes in (("stride", (1, 2, 3)), ("padding", (0, 1, 2))):
        function = FAULTS[f"{fault}/{parameter}-swapped"].implementation().operations[name]
        right = exact.subject.operations[name](x, weight, **{parameter: sizes[::-1]})[0]
        np.testing.assert_array_equal(function(x, weight, **{parameter: sizes})[0], right)


@pytest.mark.parametrize("name", ["conv1d", "conv3d", "conv_transpose2d"])
def test_an_image_without_its_batch_has_the_fault_of_a_batch_of_one(name):
    case = CATALOGUE[name].pinned[0]
    one = Spec((1, *case.arrays["x"].shape[1:]))
    inputs = filled(name, Case({**case.arrays, "x": one}, case.hyper, 1))
    lone = inputs.but(x=inputs["x"][0], grad_output=inputs.grad_output[0])
    for fault in faults_of(name):
        whole, single = (simulated(i, fault.output, fault) for i in (inputs, lone))
        if fault.output in ("output", "grad_input"):
            whole = whole[0]
        np.testing.assert_array_equal(single, whole, err_msg=fault.id)


@pytest.mark.parametrize(("name", "index"), [("conv2d", 0), ("conv3d", 2), ("conv_transpose1d", 2)])
def test_faults_of_one_output_compose_in_pairs_with_and_without_a_batch(name, index):
    _, inputs, _ = known(name, index)
    mine = [fault for fault in faults_of(name) if fault.replace is None]
    for pair in itertools.combinations(mine, 2):
        if pair[0].output == pair[1].output:
            assert simulated(inputs, pair[0].output, *pair).dtype == np.float32
