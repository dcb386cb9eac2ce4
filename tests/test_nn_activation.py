"""Layers of activations: their functions, parameters, modes, names, and what they refuse."""

from __future__ import annotations

import copy
import inspect
import pickle

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from scratchcnn import functional as F
from scratchcnn import nn

X = 3 * np.random.default_rng(0).standard_normal((3, 4))
G = np.random.default_rng(1).standard_normal((3, 4))

# Each layer of one function: how it is built, the function, its gradient and its text.
LAYERS = {
    "CELU": (
        nn.CELU(0.5),
        lambda x: F.celu(x, 0.5),
        lambda g, x: F.celu_grad(g, x, alpha=0.5),
        "alpha=0.5",
    ),
    "ELU": (
        nn.ELU(alpha=0.5),
        lambda x: F.elu(x, 0.5),
        lambda g, x: F.elu_grad(g, x, alpha=0.5),
        "alpha=0.5",
    ),
    "GELU": (
        nn.GELU("tanh"),
        lambda x: F.gelu(x, approximate="tanh"),
        lambda g, x: F.gelu_grad(g, x, approximate="tanh"),
        "approximate='tanh'",
    ),
    "GLU": (
        nn.GLU(dim=1),
        lambda x: F.glu(x, dim=1),
        lambda g, x: F.glu_grad(g[:, :2], x, dim=1),
        "dim=1",
    ),
    "Hardshrink": (
        nn.Hardshrink(1.5),
        lambda x: F.hardshrink(x, 1.5),
        lambda g, x: F.hardshrink_grad(g, x, lambd=1.5),
        "lambd=1.5",
    ),
    "Hardsigmoid": (nn.Hardsigmoid(), F.hardsigmoid, F.hardsigmoid_grad, ""),
    "Hardswish": (nn.Hardswish(), F.hardswish, F.hardswish_grad, ""),
    "Hardtanh": (
        nn.Hardtanh(-0.5, 2.0),
        lambda x: F.hardtanh(x, -0.5, max_val=2.0),
        lambda g, x: F.hardtanh_grad(g, x, min_val=-0.5, max_val=2.0),
        "min_val=-0.5, max_val=2.0",
    ),
    "LeakyReLU": (
        nn.LeakyReLU(0.25),
        lambda x: F.leaky_relu(x, 0.25),
        lambda g, x: F.leaky_relu_grad(g, x, negative_slope=0.25),
        "negative_slope=0.25",
    ),
    "LogSigmoid": (nn.LogSigmoid(), F.logsigmoid, F.logsigmoid_grad, ""),
    "LogSoftmax": (
        nn.LogSoftmax(0),
        lambda x: F.log_softmax(x, dim=0),
        lambda g, x: F.log_softmax_grad(g, F.log_softmax(x, dim=0), dim=0),
        "dim=0",
    ),
    "Mish": (nn.Mish(), F.mish, F.mish_grad, ""),
    "ReLU": (nn.ReLU(), F.relu, F.relu_grad, ""),
    "ReLU6": (nn.ReLU6(), F.relu6, F.relu6_grad, ""),
    "SELU": (nn.SELU(), F.selu, F.selu_grad, ""),
    "SiLU": (nn.SiLU(), F.silu, F.silu_grad, ""),
    "Sigmoid": (nn.Sigmoid(), F.sigmoid, lambda g, x: F.sigmoid_grad(g, F.sigmoid(x)), ""),
    "Softmax": (
        nn.Softmax(0),
        lambda x: F.softmax(x, dim=0),
        lambda g, x: F.softmax_grad(g, F.softmax(x, dim=0), dim=0),
        "dim=0",
    ),
    "Softmin": (
        nn.Softmin(0),
        lambda x: F.softmin(x, dim=0),
        lambda g, x: F.softmin_grad(g, F.softmin(x, dim=0), dim=0),
        "dim=0",
    ),
    "Softplus": (
        nn.Softplus(2.0, 3.0),
        lambda x: F.softplus(x, 2.0, threshold=3.0),
        lambda g, x: F.softplus_grad(g, x, beta=2.0, threshold=3.0),
        "beta=2.0, threshold=3.0",
    ),
    "Softshrink": (
        nn.Softshrink(1.5),
        lambda x: F.softshrink(x, 1.5),
        lambda g, x: F.softshrink_grad(g, x, lambd=1.5),
        "lambd=1.5",
    ),
    "Softsign": (nn.Softsign(), F.softsign, F.softsign_grad, ""),
    "Tanh": (nn.Tanh(), F.tanh, lambda g, x: F.tanh_grad(g, F.tanh(x)), ""),
    "Tanhshrink": (nn.Tanhshrink(), F.tanhshrink, F.tanhshrink_grad, ""),
    "Threshold": (
        nn.Threshold(0.5, -7.0),
        lambda x: F.threshold(x, 0.5, value=-7.0),
        lambda g, x: F.threshold_grad(g, x, threshold=0.5),
        "threshold=0.5, value=-7.0",
    ),
}


@pytest.mark.parametrize(("layer", "function", "gradient", "text"), LAYERS.values(), ids=LAYERS)
def test_layers_are_the_functions_of_their_names(layer, function, gradient, text):
    y, pullback = layer.vjp(X)
    assert_array_equal(y, function(X))
    assert_array_equal(layer(X), y)
    g = G[:, : y.shape[1]]
    assert_array_equal(pullback(g), gradient(G, X))
    assert layer.vjp(X, input_grad=False)[1](g) is None
    assert repr(layer) == f"{type(layer).__name__}({text})"
    assert layer.state_dict() == {}


def test_layers_call_their_functions_with_the_hyperparameters_of_the_moment():
    layer = nn.ELU(0.5)
    _, pullback = layer.vjp(X)
    layer.alpha = 2.0
    assert_array_equal(layer(X), F.elu(X, 2.0))
    assert_array_equal(pullback(G), F.elu_grad(G, X, alpha=0.5))


@pytest.mark.parametrize("name", sorted({*LAYERS, "PReLU", "RReLU", "Softmax2d"}))
def test_layers_have_the_parameters_and_defaults_of_pytorch(name):
    torch = pytest.importorskip("torch")
    theirs = inspect.signature(getattr(torch.nn, name)).parameters
    ours = inspect.signature(getattr(nn, name)).parameters
    # In place, twice named, of a device, or of Module itself.
    gone = {"inplace", "min_value", "max_value", "device", "dtype", "args", "kwargs"}
    shared = [parameter for parameter in theirs if parameter not in gone]
    assert [p for p in ours if p not in ("dtype", "rng")] == shared
    for parameter in shared:
        # PyTorch guesses an axis where the default is None, and warns; here it must be given.
        guessed = theirs[parameter].default is None
        expected = inspect.Parameter.empty if guessed else theirs[parameter].default
        assert ours[parameter].default == expected


def test_prelu_has_one_slope_or_one_for_each_channel():
    layer = nn.PReLU()
    assert_array_equal(layer.weight.data, np.array([0.25], np.float32), strict=True)
    layer = nn.PReLU(4, 0.5, dtype=np.float64)
    assert_array_equal(layer.state_dict()["weight"], np.full(4, 0.5), strict=True)
    assert repr(layer) == "PReLU(num_parameters=4)"
    weight = np.array([0.5, -0.25, 2.0, 0.0])
    layer.load_state_dict({"weight": weight})
    y, pullback = layer.vjp(X)
    assert_array_equal(y, F.prelu(X, weight))
    assert_array_equal(pullback(G), F.prelu_input_grad(G, X, weight))
    assert_array_equal(layer.weight.grad, F.prelu_weight_grad(G, X, weight_shape=(4,)))
    layer.zero_grad()
    layer.weight.requires_grad = False
    pullback(G)
    assert layer.weight.grad is None


def test_rrelu_draws_in_training_and_takes_the_mean_in_evaluation():
    layer = nn.RReLU(0.25, 0.75, rng=0)
    y, pullback = layer.vjp(X)
    expected, noise = F.rrelu_with_noise(X, 0.25, upper=0.75, training=True, rng=0)
    assert_array_equal(y, expected)
    assert_array_equal(pullback(G), F.rrelu_grad(G, noise))
    assert (layer(X) != y).any()
    assert_array_equal(pullback(G), F.rrelu_grad(G, noise))
    y, pullback = layer.eval().vjp(X)
    assert_array_equal(y, F.leaky_relu(X, 0.5))
    assert_array_equal(pullback(G), F.leaky_relu_grad(G, X, negative_slope=0.5))
    assert layer.vjp(X, input_grad=False)[1](G) is None
    assert repr(layer) == "RReLU(lower=0.25, upper=0.75)"


def test_rrelu_copies_go_on_with_the_same_slopes():
    layer = nn.RReLU(rng=0)
    twins = [copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))]
    y = layer(-np.ones((6, 7)))
    for twin in twins:
        assert_array_equal(twin(-np.ones((6, 7))), y)


def test_sequential_gives_every_layer_that_draws_a_generator_of_its_own():
    def build(rng):
        return nn.Sequential(nn.RReLU(), nn.Sequential(nn.Dropout(), nn.RReLU()), rng=rng)

    x = -np.ones((6, 7))
    one, same, other = build(3), build(3), build(4)
    for path in ((0,), (1, 0), (1, 1)):
        results = []
        for layer in (one, same, other):
            for place in path:
                layer = layer[place]
            results.append(layer(x))
        assert_array_equal(results[0], results[1])
        assert (results[0] != results[2]).any()
    assert (build(3)[1][1](x) != build(3)[0](x)).any()


@pytest.mark.parametrize("shape", [(2, 3, 4, 5), (3, 4, 5)])
def test_softmax2d_is_the_softmax_over_channels(shape):
    x = np.random.default_rng(0).standard_normal(shape)
    g = np.random.default_rng(1).standard_normal(shape)
    layer = nn.Softmax2d()
    y, pullback = layer.vjp(x)
    assert_array_equal(y, F.softmax(x, dim=len(shape) - 3))
    assert_array_equal(pullback(g), F.softmax_grad(g, y, dim=len(shape) - 3))
    assert layer.vjp(x, input_grad=False)[1](g) is None
    assert repr(layer) == "Softmax2d()"


def test_softmax2d_refuses_what_is_no_image():
    with pytest.raises(ValueError, match="^Softmax2d: x has 2 dimensions"):
        nn.Softmax2d()(X)
    with pytest.raises(TypeError, match="^Softmax2d: x is a list, expected a NumPy array"):
        nn.Softmax2d()([1.0])


@pytest.mark.parametrize(
    ("build", "error", "message"),
    [
        (lambda: nn.ELU("a"), TypeError, "elu: alpha is 'a', expected a number"),
        (lambda: nn.CELU(0), ValueError, "celu: alpha is 0, expected another number"),
        (lambda: nn.GELU("erf"), ValueError, "gelu: approximate is 'erf', expected one of"),
        (lambda: nn.Hardtanh(2.0), ValueError, "hardtanh: max_val is 1, expected at least 2"),
        (lambda: nn.LeakyReLU(None), TypeError, "leaky_relu: negative_slope is None, expected"),
        (lambda: nn.Softplus(1, "a"), TypeError, "softplus: threshold is 'a', expected a number"),
        (lambda: nn.Softshrink(-1), ValueError, "softshrink: lambd is -1, expected at least 0"),
        (lambda: nn.Threshold(0, None), TypeError, "threshold: value is None, expected a number"),
        (lambda: nn.PReLU(0), ValueError, "PReLU: num_parameters is 0, expected at least 1"),
        (lambda: nn.PReLU(1, "a"), TypeError, "PReLU: init is 'a', expected a number"),
        (lambda: nn.PReLU(dtype=int), TypeError, "PReLU: dtype is int64, expected fl"),
        (lambda: nn.RReLU("a"), TypeError, "RReLU: lower is 'a', expected a number"),
        (lambda: nn.RReLU(0.5, 0.25), ValueError, "RReLU: upper is 0.25, expected at least 0.5"),
        (lambda: nn.RReLU(rng=-1), ValueError, "RReLU: rng is -1, expected"),
    ],
)
def test_layers_refuse_at_once_what_can_never_work(build, error, message):
    with pytest.raises(error, match=f"^{message}"):
        build()
