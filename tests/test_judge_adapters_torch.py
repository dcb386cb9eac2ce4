"""Modules and functions of PyTorch, and PyTorch and SciPy themselves, as subjects."""

from __future__ import annotations

import numpy as np
import pytest

from reference_tests import CATALOGUE, Implementation, from_module, from_torch
from reference_tests.checks import Observation, evaluate
from reference_tests.draw import seeded
from reference_tests.implementation import load

torch = pytest.importorskip("torch")


def judged(name, function, examples=6):
    """Return what is wrong in some cases, and the outputs whose values are right."""
    operation = CATALOGUE[name]
    limits = Implementation("adapted", {name: function}).lacking(operation)
    seen = []
    for index in range(examples):
        case = operation.strategy(seeded(f"{name}/{index}", limits))
        found = [o for o in evaluate(function, operation, case) if isinstance(o, Observation)]
        seen += [] if any(o.status == "unsupported" for o in found) else found
    # PyTorch's sums have the bits of another order for another layout of the input.
    bad = [o for o in seen if o.status not in ("passed", "not provided")]
    return bad, {o.output for o in seen if o.status == "passed" and o.check == "value"}


@pytest.mark.parametrize(
    ("name", "factory", "outputs"),
    [
        ("conv2d", torch.nn.Conv2d, {"output", "grad_input", "grad_weight", "grad_bias"}),
        ("conv_transpose1d", torch.nn.ConvTranspose1d, {"output", "grad_input", "grad_weight"}),
        ("linear", torch.nn.Linear, {"output", "grad_input", "grad_weight", "grad_bias"}),
        ("max_pool2d", torch.nn.MaxPool2d, {"output", "grad_input"}),
    ],
)
def test_pytorchs_own_modules_pass(name, factory, outputs):
    bad, passed = judged(name, from_module(factory))
    assert not bad
    assert passed >= outputs


def normalization(num_features, training=False, momentum=0.1, eps=1e-5):
    return torch.nn.BatchNorm1d(num_features, eps, momentum).train(training)


BUFFERS = {"running_mean": "running_mean", "running_var": "running_var"}


def test_buffers_of_a_module_are_set():
    function = from_module(normalization, buffers=BUFFERS)
    x, mean = np.array([[1.0, 2.0], [3.0, 5.0]]), np.array([1.0, 2.0])
    y, pullback = function(x, mean, np.ones(2), np.array([2.0, 4.0]))
    np.testing.assert_allclose(y, (x - mean) * [2, 4], rtol=1e-4)
    assert [grad is None for grad in pullback(np.ones((2, 2)))] == [False, True, True, False]


def test_a_loss_is_a_module_of_two_inputs():
    function = from_module(torch.nn.MSELoss, inputs=("x", "target"), weight=None, bias=None)
    x, target = np.array([1.0, 4.0]), np.array([0.0, 2.0])
    value, pullback = function(x, target)
    assert value == 2.5
    assert [grad.tolist() for grad in pullback(np.array(1.0))] == [[1.0, 2.0], [-1.0, -2.0]]
    labels = from_module(torch.nn.CrossEntropyLoss, inputs=("x", "target"), weight=None, bias=None)
    _, pullback = labels(np.zeros((2, 3)), np.array([0, 2]))
    assert pullback(np.array(1.0))[1] is None


@pytest.mark.filterwarnings("ignore:Using padding='same':UserWarning")
def test_functions_of_tensors_are_derived_by_autograd():
    functional = torch.nn.functional
    bad, passed = judged("conv1d", from_torch(functional.conv1d))
    assert not bad
    assert passed >= {"output", "grad_input", "grad_weight", "grad_bias"}
    # Its weight may be left out before its bias: the names of the arrays tell their order.
    norm = from_torch(functional.layer_norm, arrays=("x", "weight", "bias"))
    bad, passed = judged("layer_norm", norm, 8)
    assert not bad
    assert passed >= {"output", "grad_input", "grad_weight", "grad_bias"}


def test_a_function_of_several_outputs_is_pulled_back_along_the_first():
    pool = from_torch(lambda x, **hyper: torch.nn.functional.max_pool1d(x, **hyper))
    x = np.array([[[1.0, 5.0, 2.0, 3.0]]])
    (y, indices), pullback = pool(x, kernel_size=2, return_indices=True)
    assert (y.tolist(), indices.tolist()) == ([[[5.0, 3.0]]], [[[1, 3]]])
    assert pullback(np.array([[[7.0, 8.0]]]))[0].tolist() == [[[0.0, 7.0, 0.0, 8.0]]]
    # An output that depends on no array has no gradient to ask for.
    constant = from_torch(lambda x: torch.ones(2))
    assert constant(x)[1](np.ones(2)) == (None,)


def test_what_is_no_function_and_no_module_is_refused():
    with pytest.raises(TypeError, match="from_torch: function is a int, expected a callable"):
        from_torch(3)
    with pytest.raises(TypeError, match=r"from_module: factory is a int, .* a torch.nn.Module"):
        from_module(3)
    x, weight = np.zeros((2, 3)), np.zeros((4, 3))
    with pytest.raises(AttributeError, match=r"Linear has no 'kernel'; it has weight"):
        from_module(torch.nn.Linear, weight="kernel")(x, weight)
    turned = from_module(lambda in_features: torch.nn.Linear(4, in_features))
    with pytest.raises(ValueError, match=r"weight of Linear has shape \(3, 4\), but .*\(4, 3\)"):
        turned(x, weight)


@pytest.mark.parametrize("name", ["pytorch", "scipy"])
def test_a_reference_is_a_subject(name):
    subject = load(f"reference_tests.implementations.{name}:subject")
    bad, passed = judged("conv2d", subject.operations["conv2d"], 3)
    assert not bad
    assert passed == {"output", "grad_input", "grad_weight", "grad_bias"}
    names: dict = {}
    exec(subject.source, names)
    assert names["subject"].name == subject.name
