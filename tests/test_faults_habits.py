"""Mistakes of habit are those of code as people write it."""

import dataclasses

import numpy as np
import pytest

from reference_tests import CATALOGUE, Implementation, verify
from reference_tests.faults import FAULTS, Inputs, simulated

X = np.arange(24.0).reshape(1, 2, 3, 4)


def flattened(output, fault, gradient=None):
    hyper = {"start_dim": 1, "end_dim": -1}
    inputs = Inputs(CATALOGUE["flatten"], {"x": X}, hyper)
    given = inputs if gradient is None else inputs.pulled(gradient)
    return simulated(given, output, FAULTS[f"network/{fault}"])


def test_channels_last_are_flattened_as_nhwc():
    got = flattened("output", "flattened-channels-last")
    np.testing.assert_array_equal(got, X.transpose(0, 2, 3, 1).reshape(1, -1))


def test_the_gradient_of_channels_last_goes_the_same_way_back():
    gradient = np.arange(24.0).reshape(1, 24) + 1
    got = flattened("grad_input", "grad-flattened-channels-last", gradient)
    expected = gradient.reshape(1, 3, 4, 2).transpose(0, 3, 1, 2)
    np.testing.assert_array_equal(got, expected)


def test_columns_are_those_of_fortran():
    gradient = np.arange(24.0).reshape(1, 24) + 1
    got = flattened("output", "flattened-by-columns")
    back = flattened("grad_input", "grad-flattened-by-columns", gradient)
    np.testing.assert_array_equal(got, X[0].ravel(order="F")[None])
    np.testing.assert_array_equal(back[0], gradient[0].reshape(X[0].shape, order="F"))


class Relu:
    """A layer as in tutorials: one object, which keeps its last input."""

    def __call__(self, x):
        self.x = x.copy()
        return np.maximum(x, 0), self.backward

    def backward(self, grad_output):
        return (np.where(self.x > 0, grad_output, 0).astype(grad_output.dtype),)


class Buffered:
    """A layer that has an array for its output."""

    def __init__(self):
        self.outputs = {}

    def __call__(self, x):
        y = self.outputs.setdefault((x.shape, x.dtype), np.empty_like(x))
        np.maximum(x, 0, out=y)
        mask = x > 0
        return y, lambda g: (np.where(mask, g, 0).astype(g.dtype),)


def in_place(x):
    mask = x > 0
    if not x.flags.writeable:
        x = x.copy()
    x[~mask] *= 0
    return x, lambda g: (np.where(mask, g, 0).astype(g.dtype),)


def wide(x):
    mask = x > 0
    return np.maximum(x, 0.0).astype(np.float64), lambda g: (np.where(mask, g, 0 * g),)


def cleared_never():
    """Return a rectifier whose gradient is kept from one backward call to the next."""

    def call(x):
        total = np.zeros_like(x)

        def pullback(grad_output):
            total[...] += np.where(x > 0, grad_output, 0)
            return (total.copy(),)

        return np.maximum(x, 0), pullback

    return call


@pytest.mark.parametrize(
    ("function", "named"),
    [
        (Relu(), "network/grad-cache-overwritten"),
        (Buffered(), "network/output-overwritten"),
        (wide, "network/float64"),
        (cleared_never(), "network/grad-not-cleared"),
    ],
)
def test_a_layer_with_a_habit_is_named(function, named):
    operation = dataclasses.replace(CATALOGUE["relu"], invalid=())
    report = verify(Implementation("mine", {"relu": function}), [operation], [], 15, 0)
    assert report.failures
    assert {finding.diagnosis[0] for finding in report.failures if finding.diagnosis} == {named}


@pytest.mark.parametrize(
    ("fault", "operation", "check"),
    [
        ("input-overwritten", "tanh", "purity"),
        ("cotangent-overwritten", "relu", "purity"),
        ("parameters-overwritten", "sgd", "purity"),
        ("output-overwritten", "linear", "repeatability"),
        ("weight-grad-cache-overwritten", "conv2d", "repeatability"),
        ("float32", "linear", "dtype"),
        ("grad-rounded-to-float32", "mse_loss", "value"),
    ],
)
def test_a_habit_fails_its_check(fault, operation, check):
    fault = FAULTS[f"network/{fault}"]
    record = dataclasses.replace(CATALOGUE[operation], invalid=())
    report = verify(fault.implementation(), [record], [], 10, 0)
    found = [finding for finding in report.failures if finding.check == check]
    assert found
    assert all(finding.diagnosis[:1] == [fault.id] for finding in found)
