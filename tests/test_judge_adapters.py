"""Functions, layers and optimizers of any form, as callables of the judge."""

from __future__ import annotations

import ast
import itertools
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import reference_tests
from reference_tests import (
    CATALOGUE,
    Implementation,
    from_functions,
    from_layer,
    from_optimizer,
)
from reference_tests.adapters.layout import INPUT, WEIGHT, Layout, parsed
from reference_tests.checks import Observation, evaluate
from reference_tests.draw import seeded
from reference_tests.implementation import load
from reference_tests.operation import REQUIRED
from reference_tests.references.exact import subject as naive

FOLDER = Path(reference_tests.__file__).parent
EXAMPLES = Path(__file__).parents[1] / "examples"


def judged(name, function, examples=4, **limits):
    """Return what is wrong in pinned and some drawn cases, and which outputs passed, by check."""
    operation = CATALOGUE[name]
    lacking = Implementation("adapted", {name: function}).lacking(operation)
    limits = {**{n: value for n, value in lacking.items() if value is not REQUIRED}, **limits}
    pinned = [
        case
        for case in operation.pinned
        if all(case.hyper.get(name, value) == value for name, value in limits.items())
    ]
    drawn = (operation.strategy(seeded(f"{name}/{index}", limits)) for index in range(400))
    seen, left = [], examples
    for case in itertools.chain(pinned, drawn):
        found = [o for o in evaluate(function, operation, case) if isinstance(o, Observation)]
        if any(o.status == "unsupported" for o in found):
            continue
        seen += found
        left -= case not in pinned
        if not left:
            break
    assert not left
    bad = [o for o in seen if o.status not in ("passed", "not provided")]
    return bad, {(o.output, o.check) for o in seen if o.status == "passed"}


def provided(*outputs):
    """Return the checks that stand for all of an output."""
    return {(output, check) for output in outputs for check in ("exact", "value", "repeatability")}


ALL = provided("output", "grad_input", "grad_weight", "grad_bias")


class Conv:
    """A right convolution whose arrays lie on it in PyTorch's layout, under other names."""

    def __init__(
        self, in_channels, out_channels, kernel_size, stride=1, padding=0, dilation=1, groups=1
    ):
        self.hyper = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
        shape = (out_channels, in_channels // groups, *kernel_size)
        self.params = {"W": np.zeros(shape), "b": np.zeros(out_channels)}

    def forward(self, x):
        operation = naive.operations[f"conv{self.params['W'].ndim - 2}d"]
        y, self.pull = operation(x, self.params["W"], self.params["b"], **self.hyper)
        return y

    def backward(self, grad):
        grad_x, self.grad_weight, self.grad_bias = self.pull(grad)
        return grad_x

    def gradients(self, grad):
        return self.pull(grad)

    def learn(self, grad, learning_rate):
        grad_x = self.backward(grad)
        self.params["W"] -= learning_rate * self.grad_weight
        self.params["b"] = self.params["b"] - learning_rate * self.grad_bias
        return grad_x

    def step(self, learning_rate):
        self.params["W"] -= learning_rate * self.grad_weight
        self.params["b"] -= learning_rate * self.grad_bias


HELD = {"weight": "params.W", "bias": "params.b"}
FORMS = {
    "attributes": {**HELD, "weight_grad": "grad_weight", "bias_grad": "grad_bias"},
    "functions": {
        **HELD,
        "weight_grad": lambda layer: layer.grad_weight,
        "bias_grad": lambda layer: layer.grad_bias,
        "forward": lambda layer, x: layer.forward(x),
    },
    "returned": {**HELD, "backward": "gradients", "gradients": "returned"},
    "update": {**HELD, "backward": "learn", "gradients": "update"},
    "step": {**HELD, "step": "step", "gradients": "update"},
    "set": {
        "set_weights": lambda layer, weight, bias: layer.params.update(
            W=weight, b=np.zeros(len(weight), weight.dtype) if bias is None else bias
        ),
        "backward": "gradients",
        "gradients": "returned",
    },
}


@pytest.mark.parametrize("form", FORMS)
def test_a_right_layer_passes_in_every_form(form):
    bad, passed = judged("conv2d", from_layer(Conv, **FORMS[form]))
    assert not bad
    assert passed >= ALL


class Channels:
    """A right convolution with the channels at the end, which updates its weights."""

    def __init__(self, weight_shape, in_channels, stride=1, padding=0, dilation=1, groups=1):
        *kernel, _, filters = weight_shape
        self.inner = Conv(in_channels, filters, kernel, stride, padding, dilation, groups)
        self.weight, self.bias = np.zeros(weight_shape), np.zeros((filters, 1))

    def forward(self, x):
        self.inner.params = {
            "W": np.moveaxis(self.weight, (-1, -2), (0, 1)),
            "b": self.bias[:, 0],
        }
        return np.moveaxis(self.inner.forward(np.moveaxis(x, -1, 1)), 1, -1)

    def backward(self, grad, rate):
        grad_x = self.inner.backward(np.moveaxis(grad, -1, 1))
        self.weight = self.weight - rate * np.moveaxis(self.inner.grad_weight, (0, 1), (-1, -2))
        self.bias = self.bias - rate * self.inner.grad_bias[:, None]
        return np.moveaxis(grad_x, 1, -1)


@pytest.mark.parametrize(
    ("name", "axes"), [("conv1d", "L"), ("conv2d", "HW"), ("conv3d", "DHW")], ids=lambda v: v
)
def test_layouts_are_converted_in_every_dimension(name, axes):
    layer = from_layer(
        Channels,
        gradients="update",
        input_layout=f"N{axes}C",
        weight_layout=f"{axes}IO",
        bias_layout="O1",
    )
    bad, passed = judged(name, layer, 3)
    assert not bad
    assert passed >= ALL


class OneImage:
    """A right convolution of one image (H, W, C), with stride 1 and square kernels."""

    def __init__(self, input_shape, out_channels, kernel_size, padding=0):
        assert isinstance(kernel_size, int)
        assert len(input_shape) == 3
        self.conv = Conv(input_shape[-1], out_channels, (kernel_size,) * 2, padding=padding)
        self.kernels, self.biases = self.conv.params["W"], self.conv.params["b"]

    def forward(self, image):
        self.conv.params = {"W": self.kernels, "b": self.biases}
        return self.conv.forward(image.transpose(2, 0, 1)).transpose(1, 2, 0)

    def backward(self, grad, learning_rate):
        grad_x = self.conv.learn(grad.transpose(2, 0, 1), learning_rate)
        self.kernels, self.biases = self.conv.params["W"], self.conv.params["b"]
        return grad_x.transpose(1, 2, 0)


ONE_IMAGE = {
    "weight": "kernels",
    "bias": "biases",
    "gradients": "update",
    "input_layout": "HWC",
    "batched": False,
    "scalars": ("kernel_size", "padding"),
}


def test_one_sample_at_a_time_is_lifted_to_a_batch():
    limits = {"kernel_size": 2, "padding": 1}
    bad, passed = judged("conv2d", from_layer(OneImage, **ONE_IMAGE), **limits)
    assert not bad
    assert passed >= ALL


def test_what_one_sample_at_a_time_does_not_have_is_unsupported():
    layer = from_layer(OneImage, **ONE_IMAGE)
    image, weight = np.zeros((2, 5, 6)), np.zeros((3, 2, 2, 2))
    assert layer(image, weight)[0].shape == (3, 4, 5)
    with pytest.raises(NotImplementedError, match=r"takes one sample of the axes HWC"):
        layer(image[None][:0], weight)
    with pytest.raises(NotImplementedError, match=r"kernel_size is \(2, 1\), and the layer takes"):
        layer(image, weight[..., :1])


class Square:
    """The squares of the numbers, as a layer that forgets what it was called with before."""

    def forward(self, x):
        self.x = x
        return x * x

    def backward(self, grad):
        return 2 * self.x * grad


def square(x):
    return x * x, lambda grad: 2 * x * grad


def test_state_on_the_layer_is_no_fault_unless_the_layer_is_used_again():
    x, other, grad = np.arange(3.0), np.full(3, 7.0), np.ones(3)
    for fresh, expected in ((True, 2 * x), (False, 2 * other)):
        layer = from_layer(Square, fresh=fresh)
        _, pullback = layer(x)
        layer(other)
        np.testing.assert_array_equal(pullback(grad)[0], expected)


class Accumulating(Square):
    """Adds to its gradient at each backward."""

    def __init__(self):
        self.weight, self.weight_grad = None, 0.0

    def forward(self, x):
        self.x = x
        return x * self.weight

    def backward(self, grad):
        self.weight_grad = self.weight_grad + (self.x * grad).sum(keepdims=True)
        return grad * self.weight


def test_a_second_pullback_has_a_layer_of_its_own():
    _, pullback = from_layer(Accumulating)(np.arange(3.0), np.full(1, 2.0))
    first, second = pullback(np.ones(3)), pullback(np.ones(3))
    np.testing.assert_array_equal(first[1], second[1])
    _, pullback = from_layer(Accumulating, fresh=False)(np.arange(3.0), np.full(1, 2.0))
    assert pullback(np.ones(3))[1] == 3
    assert pullback(np.ones(3))[1] == 6


class Given:
    """A layer whose weight has the gradient that is the input."""

    decay, late = 0.0, False

    def __init__(self):
        self.weight = None

    def forward(self, x):
        self.x = x
        return self.weight + 0.0

    def backward(self, grad, learning_rate):
        before = self.weight.copy()
        self.weight -= learning_rate * (self.x + self.decay * self.weight)
        return self.weight if self.late else before


def recovered(gradient, weight, layer=Given):
    """Return the gradients that an update tells of a layer of that gradient."""
    _, pullback = from_layer(layer, gradients="update", bias=None)(gradient, weight)
    return pullback(np.ones_like(weight))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_very_bits_of_a_gradient_come_back_from_an_update(dtype):
    rng, limits = np.random.default_rng(0), np.finfo(dtype)
    weight = (rng.standard_normal(400) * 3).astype(dtype)
    usual = rng.standard_normal(400) * 10.0 ** rng.integers(-12, 19, 400)
    whole = rng.integers(-(2**20), 2**20, 400)
    for values in (usual, whole, np.zeros(400)):
        gradient = values.astype(dtype)
        np.testing.assert_array_equal(recovered(gradient, weight)[1], gradient)
    tiny = (rng.standard_normal(400) * float(limits.tiny)).astype(dtype)
    difference = np.abs(recovered(tiny, weight)[1] - tiny)
    assert (difference <= np.abs(weight) * limits.tiny / 16 + 1e-310).all()


def test_an_infinite_gradient_stays_infinite_and_a_nan_stays_one():
    gradient = np.array([np.inf, -np.inf, np.nan, 2.0**70, 1.0], np.float32)
    got = recovered(gradient, np.ones(5, np.float32))[1]
    np.testing.assert_array_equal(got, [np.inf, -np.inf, np.nan, np.inf, 1.0])


def test_what_an_update_should_not_contain_shows():
    decaying = type("Decaying", (Given,), {"decay": 0.5})
    weight, gradient = np.array([2.0, 4.0]), np.array([1.0, -3.0])
    assert recovered(gradient, weight, decaying)[1].tolist() == [2.0, -1.0]
    late = type("Late", (Given,), {"late": True})
    assert recovered(gradient, weight)[0].tolist() == [2.0, 4.0]
    assert recovered(gradient, weight, late)[0].tolist() != [2.0, 4.0]


def test_a_learning_rate_may_be_given_to_the_constructor():
    class Own(Given):
        def __init__(self, learning_rate):
            super().__init__()
            self.rate = learning_rate

        def backward(self, grad):
            return super().backward(grad, self.rate)

    assert recovered(np.array([1.5, 2.0]), np.ones(2), Own)[1].tolist() == [1.5, 2.0]
    layer = from_layer(Own, gradients="update", bias=None, learning_rate=0.25)
    assert layer(np.array([1.5]), np.ones(1))[1](np.ones(1))[1].tolist() == [1.5]


class SquaredError:
    """A loss without a cotangent: backward() is the gradient of the mean."""

    def forward(self, prediction, target):
        self.difference = prediction - target
        return np.asarray((self.difference**2).mean(), self.difference.dtype)

    def backward(self):
        return 2 * self.difference / self.difference.dtype.type(self.difference.size)


def test_a_loss_without_a_cotangent_is_the_gradient_of_a_scalar():
    loss = from_layer(SquaredError, inputs=("x", "target"))
    x, target = np.array([1.0, 4.0]), np.array([0.0, 2.0])
    value, pullback = loss(x, target)
    assert value == 2.5
    assert [None if g is None else g.tolist() for g in pullback(3.0)] == [[3.0, 6.0], None]
    assert Implementation("a", {"mse_loss": loss}).lacking(CATALOGUE["mse_loss"]) == {
        "weight": None,
        "reduction": "mean",
    }
    both = from_layer(
        type("Both", (SquaredError,), {"backward": lambda self: (1.0, -1.0)}),
        inputs=("x", "target"),
        gradients="returned",
    )
    assert [float(g) for g in both(x, target)[1](2.0)] == [2.0, -2.0]


def test_a_loss_without_a_cotangent_has_no_pullback_of_several_outputs():
    class Each(SquaredError):
        def forward(self, prediction, target):
            super().forward(prediction, target)
            return self.difference**2

    _, pullback = from_layer(Each, inputs=("x", "target"))(np.ones(2), np.zeros(2))
    with pytest.raises(NotImplementedError, match="takes no gradient, and the output is no scalar"):
        pullback(np.ones(2))


class Norm:
    """A right batch normalization with arrays of its own names."""

    def __init__(self, num_features, training=False, momentum=0.1, eps=1e-5):
        self.hyper = {"training": training, "momentum": momentum, "eps": eps}
        self.mean, self.var = np.zeros(num_features), np.ones(num_features)
        self.gamma, self.beta = np.ones(num_features), np.zeros(num_features)

    def forward(self, x):
        arrays = (self.mean, self.var, self.gamma, self.beta)
        y, self.pull = naive.operations["batch_norm"](x, *arrays, **self.hyper)
        return y

    def backward(self, grad):
        grad_x, _, _, *self.grads = self.pull(grad)
        return grad_x


def test_buffers_stand_between_the_input_and_the_weight():
    layer = from_layer(
        Norm,
        buffers={"running_mean": "mean", "running_var": "var"},
        weight="gamma",
        bias="beta",
        weight_grad="grads.0",
        bias_grad="grads.1",
    )
    bad, passed = judged("batch_norm", layer, 6)
    assert not bad
    assert {output for output, _ in passed} >= {output for output, _ in ALL}
    with pytest.raises(NotImplementedError, match="the layer always has its running_mean"):
        layer(np.zeros((2, 3)))


class Dense:
    """A right dense layer of one column, as tutorials have it."""

    def __init__(self, in_features, out_features):
        self.weights = np.zeros((out_features, in_features))
        self.bias = np.zeros((out_features, 1))

    def forward(self, column):
        self.column = column
        return np.dot(self.weights, column) + self.bias

    def backward(self, grad, learning_rate):
        grad_column = np.dot(self.weights.T, grad)
        self.weights -= learning_rate * np.dot(grad, self.column.T)
        self.bias -= learning_rate * grad
        return grad_column


def test_a_dense_layer_of_columns_is_linear():
    layer = from_layer(
        Dense,
        weight="weights",
        gradients="update",
        input_layout="C1",
        bias_layout="O1",
        batched=False,
    )
    bad, passed = judged("linear", layer, 6)
    assert not bad
    assert passed >= ALL


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"construct": 3}, TypeError, "construct is a int, expected a callable"),
        ({"inputs": "x"}, TypeError, "inputs is 'x', expected a sequence of array names"),
        ({"gradients": "guessed"}, ValueError, "gradients is 'guessed', expected one of attr"),
        ({"batched": False}, ValueError, "batched=False needs the input_layout of one sample"),
        ({"batched": False, "input_layout": "NHWC"}, ValueError, "expected no N, since batched"),
        (
            {"batched": False, "input_layout": "HWC", "fresh": False},
            ValueError,
            "fresh=False needs batched=True",
        ),
        ({"input_layout": "NHXC"}, ValueError, "input_layout is 'NHXC', expected letters of NCDH"),
        ({"weight_layout": "HWIOO"}, ValueError, "weight_layout is 'HWIOO', expected each axis"),
        ({"bias_layout": "O->I"}, ValueError, "bias_layout is 'O->I', expected each axis once"),
        ({"input_layout": "1"}, ValueError, "input_layout is '1', expected each axis once"),
    ],
)
def test_arguments_that_make_no_sense_are_refused_at_once(options, error, message):
    given = {"construct": Square, **options}
    with pytest.raises(error, match=f"from_layer: .*{message}"):
        from_layer(**given)


def test_a_wrong_name_says_what_the_layer_has():
    x, weight = np.zeros((1, 2, 3, 3)), np.zeros((4, 2, 2, 2))
    with pytest.raises(AttributeError, match=r"Conv has no 'weight'; it has hyper, params"):
        from_layer(Conv)(x, weight)
    with pytest.raises(AttributeError, match=r"Conv has no 'params.V'"):
        from_layer(Conv, weight="params.V", bias=None)(x, weight)
    with pytest.raises(AttributeError, match=r"Square has no 'run'; it has no attributes"):
        from_layer(Square, forward="run")(x)
    with pytest.raises(TypeError, match=r"hyper of Conv is a dict, no method"):
        from_layer(Conv, **HELD, forward="hyper")(x, weight)
    with pytest.raises(AttributeError, match=r"Conv has no 'weight_grad'"):
        from_layer(Conv, **HELD)(x, weight)[1](np.zeros((1, 4, 2, 2)))
    layer = from_layer(
        Norm, weight="gamma", bias="beta", weight_grad="grads.5", buffers={"running_mean": "mean"}
    )
    _, pullback = layer(np.zeros((2, 3)), np.zeros(3), np.ones(3))
    with pytest.raises(AttributeError, match=r"Norm has no 'grads.5'"):
        pullback(np.zeros((2, 3)))


def test_a_weight_of_another_shape_is_not_set():
    x, weight = np.zeros((1, 2, 3, 3)), np.zeros((4, 2, 2, 2))
    layer = from_layer(Conv, weight_layout="HWIO", **HELD)
    with pytest.raises(
        ValueError, match=r"params.W of Conv has shape \(4, 2, 2, 2\).*\(2, 2, 2, 4"
    ):
        layer(x, weight)
    with pytest.raises(NotImplementedError, match=r"the input has shape .*the axes NHC"):
        from_layer(Conv, input_layout="NHC", **HELD)(x, weight)


def test_a_constructor_gets_by_name_what_it_asks_for():
    seen = {}

    def construct(input_shape, out_channels, stride=1, **rest):
        seen.update(rest, input_shape=input_shape, out_channels=out_channels, stride=stride)
        raise NotImplementedError

    layer = from_layer(construct, weight_layout="IOHW->HWIO")
    with pytest.raises(NotImplementedError):
        layer(np.zeros((2, 3, 5, 6)), np.zeros((3, 4, 2, 2)), groups=2, stride=3)
    assert seen == {"input_shape": (3, 5, 6), "out_channels": 8, "stride": 3, "groups": 2}
    assert Implementation("a", {"conv2d": layer}).lacking(CATALOGUE["conv2d"]) == {}
    with pytest.raises(TypeError, match=r"needs depth, of which the call says nothing: give a def"):
        from_layer(lambda depth: None)(np.zeros(3))
    with pytest.raises(TypeError, match=r"the layer takes no stride"):
        from_layer(lambda depth=1: None)(np.zeros(3), stride=2)
    with pytest.raises(TypeError, match=r"takes 3 arrays \(x, weight, bias\), but got 4"):
        from_layer(Square)(*np.zeros((4, 2)))


def test_a_constructor_without_a_signature_gets_the_hyperparameters():
    layer = from_layer(
        dict, forward=lambda layer, x: layer["scale"] * x, backward=lambda layer, g: g
    )
    assert layer(np.ones(2), scale=3.0)[0].tolist() == [3.0, 3.0]


def test_arrays_that_are_given_by_name_have_gradients_in_their_places():
    def affine(num_features):
        return Norm(num_features)

    layer = from_layer(affine, weight="gamma", bias="beta", weight_grad=None, bias_grad="grads.1")
    x = np.array([[1.0, 2.0], [3.0, 5.0]])
    _, pullback = layer(x, bias=np.zeros(2))
    grad_x, *grads = pullback(np.ones((2, 2)))
    assert grad_x.shape == (2, 2)
    assert grads[0] is None
    assert grads[1].tolist() == [2.0, 2.0]


def test_one_sample_tells_its_channels_from_its_layout():
    seen = []
    layer = from_layer(
        lambda num_features: seen.append(num_features) or Square(),
        input_layout="HWC",
        batched=False,
    )
    layer(np.zeros((2, 3, 5, 7)))
    assert seen == [3, 3]


def test_what_backward_returns_too_much_is_told():
    layer = from_layer(Conv, **HELD, backward="gradients", weight_grad=None, bias_grad=None)
    _, pullback = layer(np.zeros((1, 2, 3, 3)), np.zeros((4, 2, 2, 2)))
    with pytest.raises(TypeError, match=r"backward returned 3 values, expected the gradient of x"):
        pullback(np.zeros((1, 4, 2, 2)))


@pytest.mark.parametrize(
    ("text", "order", "shape", "expected"),
    [
        ("NHWC", INPUT, (2, 3, 5, 7), (2, 5, 7, 3)),
        ("NLC", INPUT, (2, 3, 5), (2, 5, 3)),
        ("NDHWC", INPUT, (2, 3, 5, 7, 4), (2, 5, 7, 4, 3)),
        ("CN", INPUT, (2, 3), (3, 2)),
        ("C1", INPUT, (3,), (3, 1)),
        ("HWIO", WEIGHT, (6, 3, 2, 5), (2, 5, 3, 6)),
        ("IOHW", WEIGHT, (6, 3, 2, 5), (3, 6, 2, 5)),
        ("LIO", WEIGHT, (6, 3, 2), (2, 3, 6)),
        ("1O11", WEIGHT, (6,), (1, 6, 1, 1)),
        ("IOHW->HWOI", WEIGHT, (3, 6, 2, 5), (2, 5, 6, 3)),
    ],
)
def test_a_layout_there_and_back_is_the_same_array(text, order, shape, expected):
    layout = parsed("a layout", text, order)
    array = np.arange(np.prod(shape)).reshape(shape)
    there = layout.there(array)
    assert there.shape == expected
    np.testing.assert_array_equal(layout.back(there), array)


def test_a_gradient_of_other_axes_is_left_for_the_judge_to_see():
    layout = Layout("O", "O1")
    assert layout.back(np.zeros(3)).shape == (3,)
    assert layout.back(np.zeros((3, 4))).shape == (3, 4)


def test_gradients_have_the_order_of_the_arrays_and_ask_for_what_they_need():
    def forward(x, weight, bias=None, *, stride=1):
        return x, "kept"

    function = from_functions(
        forward,
        saved=("indices",),
        bias_grad=lambda grad_output: ("bias", grad_output),
        weight_grad=lambda grad_output, *, stride, output, indices: (stride, output, indices),
        input_grad=lambda g, a, b: (g, a, b),
    )
    x, weight, bias = np.ones(1), np.full(1, 2.0), np.full(1, 3.0)
    y, pullback = function(x, weight, bias, stride=4)
    assert y is x
    assert pullback(9) == ((9, x, weight), (4, x, "kept"), ("bias", 9))
    assert function(x, weight)[1](9) == ((9, x, weight), (1, x, "kept"))
    # An array that is left out in the middle has no gradient, and one by name has its place.
    assert function(x, None, bias)[1](9) == ((9, x, None), None, ("bias", 9))
    assert function(x, weight, bias=bias)[1](9)[2] == ("bias", 9)


def test_gradients_of_arrays_that_are_given_by_name_have_their_places():
    def norm(x, normalized_shape, weight=None, bias=None, *, eps=1e-5):
        return x

    function = from_functions(
        norm,
        input_grad=lambda g, x, *, normalized_shape: ("x", normalized_shape),
        weight_grad=lambda g: "weight",
        bias_grad=lambda g, **hyper: sorted(hyper),
    )
    x = np.ones(1)
    assert function(x, bias=x, normalized_shape=(1,), eps=2)[1](1) == (
        ("x", (1,)),
        None,
        ["bias", "eps", "normalized_shape"],
    )


def test_a_gradient_that_is_not_written_is_not_provided():
    def later(grad_output, x):
        raise NotImplementedError("not written yet")

    function = from_functions(lambda x, weight: x * weight, input_grad=later, weight_grad=None)
    assert function(np.ones(1), np.ones(1))[1](np.ones(1)) == (None, None)


def test_functions_without_names_keep_the_order_of_their_gradients():
    function = from_functions(
        lambda *arrays: arrays[0] * arrays[1],
        second_grad=lambda g, *arrays: g * arrays[0],
        first_grad=lambda g, x, weight: g * weight,
    )
    y, pullback = function(3.0, 2.0)
    assert (y, pullback(1.0)) == (6.0, (3.0, 2.0))
    # What has no signature at all is called with everything.
    assert from_functions(max, a_grad=max)(3.0, 2.0)[1](5.0) == (5.0,)


@pytest.mark.parametrize(
    ("forward", "gradients", "error", "message"),
    [
        (3, {}, TypeError, "forward is a int, expected a callable"),
        (abs, {"input": abs}, TypeError, "input names no gradient, expected names such as input_g"),
        (abs, {"input_grad": 3}, TypeError, "input_grad is a int, expected a callable"),
        (
            lambda x, weight, *, stride=1: x,
            {"bias_grad": abs},
            ValueError,
            "bias_grad is the gradient of no array of the forward, expected one of input_grad, wei",
        ),
        (
            lambda x, *, stride=1: x,
            {"stride_grad": abs},
            ValueError,
            ".*expected one of input_grad$",
        ),
    ],
)
def test_functions_that_make_no_sense_are_refused_at_once(forward, gradients, error, message):
    with pytest.raises(error, match=f"from_functions: {message}"):
        from_functions(forward, **gradients)


class Momentum:
    """Gradient descent with momentum, whose parameters are changed in place."""

    def __init__(self, lr, momentum=0.0):
        self.lr, self.momentum, self.velocity = lr, momentum, None

    def update(self, params, grads):
        keys = params if isinstance(params, dict) else range(len(params))
        old = self.velocity
        new = type(params)(params)
        for key in keys:
            share = 0 if old is None else self.momentum * old[key]
            new[key] = share + grads[key]
            params[key][...] = params[key] - self.lr * new[key]
        self.velocity = new if self.momentum else None


class OfOne(Momentum):
    """The same of one array, which is returned."""

    def update(self, param, grad):
        share = 0 if self.velocity is None else self.momentum * self.velocity
        new = share + grad
        self.velocity = new if self.momentum else None
        return param - self.lr * new


class Parameter:
    """An array with its gradient."""

    def __init__(self, array, grad):
        self.data, self.grad = array, grad


class OfObjects(Momentum):
    """The same of objects with a gradient, which it is constructed with."""

    def __init__(self, params, lr, momentum=0.0):
        super().__init__(lr, momentum)
        self.params = params

    def step(self):
        arrays = [parameter.data for parameter in self.params]
        self.update(arrays, [parameter.grad for parameter in self.params])


STEPS = {
    "lists": from_optimizer(Momentum, state={"momentum_buffer": "velocity"}),
    "dicts": from_optimizer(Momentum, state={"momentum_buffer": "velocity"}, passed="dicts"),
    "each": from_optimizer(OfOne, state={"momentum_buffer": "velocity"}, passed="each"),
    "objects": from_optimizer(
        OfObjects,
        update=lambda optimizer: optimizer.step() or optimizer.params,
        parameter=Parameter,
        state={"momentum_buffer": "velocity"},
    ),
}


@pytest.mark.parametrize("form", STEPS)
def test_a_right_optimizer_passes_in_every_form(form):
    bad, passed = judged("sgd", STEPS[form], 8)
    assert not bad
    assert passed >= {("params", "value"), ("momentum_buffer", "value")}


class Adam:
    """Adam with the number of its steps, without a decay."""

    def __init__(self, lr=1e-3, betas=(0.9, 0.999), eps=1e-8):
        self.lr, self.betas, self.eps = lr, betas, eps
        self.m, self.v, self.t = None, None, 0

    def update(self, params, grads):
        (first, second), zeros = self.betas, [np.zeros_like(grad) for grad in grads]
        self.t += 1
        old_m, old_v = self.m or zeros, self.v or zeros
        self.m = [first * m + (1 - first) * g for m, g in zip(old_m, grads, strict=True)]
        self.v = [second * v + (1 - second) * g * g for v, g in zip(old_v, grads, strict=True)]
        root = (1 - second**self.t) ** 0.5
        size = self.lr / (1 - first**self.t)
        parts = zip(params, self.m, self.v, strict=True)
        return [p - size * (m / (np.sqrt(v) / root + self.eps)) for p, m, v in parts]


def test_an_optimizer_counts_its_steps():
    step = from_optimizer(Adam, state={"exp_avg": "m", "exp_avg_sq": "v", "step": "t"})
    bad, passed = judged("adam", step, 8)
    assert not bad
    assert passed >= {("params", "value"), ("exp_avg", "value"), ("exp_avg_sq", "value")}


def test_a_wrong_optimizer_is_seen_through_the_adapter():
    class Slow(Momentum):
        def update(self, params, grads):
            super().update(params, [grad / 2 for grad in grads])

    bad, _ = judged("sgd", from_optimizer(Slow, state={"momentum_buffer": "velocity"}))
    assert {(o.output, o.check) for o in bad} == {("params", "value"), ("momentum_buffer", "value")}


def test_optimizers_that_make_no_sense_are_refused():
    with pytest.raises(TypeError, match="from_optimizer: construct is a int, expected a callable"):
        from_optimizer(3)
    with pytest.raises(ValueError, match="from_optimizer: passed is 'tuples', expected one of li"):
        from_optimizer(Momentum, passed="tuples")
    step = from_optimizer(Momentum)
    arrays = [np.ones(1)], [np.ones(1)]
    with pytest.raises(NotImplementedError, match="the state momentum_buffer is in no attribute"):
        step(*arrays, {"momentum_buffer": [np.ones(1)]}, lr=1.0, momentum=0.5)


def light():
    """Return the files that a foreign interpreter reads."""
    return [FOLDER / "implementation.py", *sorted((FOLDER / "adapters").glob("*.py"))]


@pytest.mark.parametrize("path", light(), ids=lambda path: path.stem)
def test_adapters_are_written_for_old_interpreters(path):
    tree = ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 8))
    outside = [*sys.stdlib_module_names, "numpy", "reference_tests"]
    for node in tree.body:
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module] if isinstance(node, ast.ImportFrom) else []
        assert all(name.partition(".")[0] in outside for name in names)


def test_adapters_need_numpy_alone():
    code = (
        "import sys, types\n"
        "stub = types.ModuleType('reference_tests')\n"
        f"stub.__path__ = [{str(FOLDER)!r}]\n"
        "sys.modules['reference_tests'] = stub\n"
        "import reference_tests.adapters, reference_tests.implementation\n"
        "ours = sorted(name for name in sys.modules if name.startswith('reference_tests.'))\n"
        "light = ('reference_tests.adapters', 'reference_tests.implementation')\n"
        "assert all(name.startswith(light) for name in ours), ours\n"
        "assert not {'scipy', 'torch', 'rich', 'gmpy2'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_layers_of_the_tutorial_are_right_but_for_ties():
    subject = load(str(EXAMPLES / "tutorial_layers.py") + ":subject")
    limits, operations = subject.limits, subject.operations
    name = "conv2d_untied_bias"
    bad, passed = judged(name, operations[name], **limits[name])
    assert not bad
    assert passed >= ALL
    name = "max_pool2d"
    bad, passed = judged(name, operations[name], **limits[name])
    assert passed >= provided("output")
    assert {o.output for o in bad} == {"grad_input"}
    # Without a tie it is right.
    x = np.random.default_rng(0).permutation(2 * 3 * 5 * 6).reshape(2, 3, 5, 6).astype(float)
    y, pullback = operations[name](x, kernel_size=2)
    expected, other = naive.operations[name](x, kernel_size=2)
    np.testing.assert_array_equal(y, expected)
    np.testing.assert_array_equal(pullback(y)[0], np.asarray(other(y)[0]))
