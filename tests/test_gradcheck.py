"""The gradient checker: it finds what is wrong, and accepts every layer and every model."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from scratchcnn import functional as F
from scratchcnn import gradcheck, gradcheck_module, models, nn


def normal(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def squares(slope):
    """Return the function ``x**2`` with another gradient."""
    return lambda x: (x * x, lambda g: slope(g, x))


X = normal(3, 4) + 0.1


def test_gradcheck_accepts_a_right_gradient():
    result = gradcheck(squares(lambda g, x: 2 * g * x), X)
    assert result.ok
    assert 0 < result.worst <= 1


@pytest.mark.parametrize(
    "slope",
    [
        lambda g, x: g * x,
        lambda g, x: 2 * x,
        lambda g, x: -2 * g * x,
        lambda g, x: 2 * g * x[::-1],
        lambda g, x: 0 * x,
        lambda g, x: 2 * g * x * (1 + 1e-6),
        lambda g, x: 2 * g * x + np.where(np.arange(12).reshape(3, 4) == 7, 1e-5, 0),
        lambda g, x: np.where(np.arange(12).reshape(3, 4) == 0, np.nan, 2 * g * x),
        lambda g, x: np.where(np.arange(12).reshape(3, 4) == 11, np.nan, 2 * g * x),
        lambda g, x: np.where(np.arange(12).reshape(3, 4) == 3, np.inf, 2 * g * x),
    ],
    ids=[
        "half",
        "no cotangent",
        "sign",
        "order",
        "zeros",
        "a millionth",
        "one element",
        "first nan",
        "last nan",
        "inf",
    ],
)
def test_gradcheck_finds_a_wrong_gradient(slope):
    assert not gradcheck(squares(slope), X).ok


def test_gradcheck_says_where_the_worst_gradient_is_and_what_it_should_be():
    result = gradcheck(squares(lambda g, x: np.where(np.eye(3, 4)[::-1] == 1, 7, 2 * g * x)), X)
    assert result.where.startswith("input 0 at (")
    row, column = map(int, result.where[12:-1].split(", "))
    assert row + column == 2
    assert result.given == 7
    g = np.random.default_rng(0).standard_normal((3, 4))
    # The central difference of a square is exact but for the rounding of sums of 12 terms up to
    # 10, magnified by 1 / h.
    rounding = 12 * np.finfo(float).eps * 10 / 5e-5
    assert abs(result.expected - 2 * g[row, column] * X[row, column]) <= rounding


def test_gradcheck_does_not_pass_a_function_without_a_finite_value():
    with np.errstate(invalid="ignore"):
        assert not gradcheck(lambda x: (np.sqrt(x), lambda g: g), np.array([-1.0])).ok


def test_gradcheck_checks_every_input_and_skips_none():
    def product(x, y):
        return x * y, lambda g: (g * y, g * x)

    def wrong(x, y):
        return x * y, lambda g: (g * y, g * y)

    def skipping(x, y):
        return x * y, lambda g: (g * y, None)

    y = normal(3, 4, seed=1)
    assert gradcheck(product, X, y).ok
    result = gradcheck(wrong, X, y)
    assert not result.ok
    assert result.where.startswith("input 1")
    assert gradcheck(skipping, X, y).ok


def test_gradcheck_leaves_its_inputs():
    before = X.copy()
    gradcheck(squares(lambda g, x: 2 * g * x), X)
    assert_array_equal(X, before)


def test_gradcheck_refuses_to_check_nothing():
    message = "^gradcheck: there is no gradient of any element, expected at least one"
    with pytest.raises(ValueError, match=message):
        gradcheck(squares(lambda g, x: 2 * g * x), np.zeros((0, 3)))
    with pytest.raises(ValueError, match=message):
        gradcheck(squares(lambda g, x: None), np.ones(2))
    with pytest.raises(ValueError, match=message):
        gradcheck(lambda: (np.ones(1), lambda g: ()))


@pytest.mark.parametrize("step", [0, 1e-20, 1.0, 1e6])
def test_gradcheck_refuses_steps_that_show_nothing(step):
    with pytest.raises(ValueError, match="^gradcheck: step is .*, expected 1e-9 to 0.1"):
        gradcheck(squares(lambda g, x: 5 * g * x), np.ones(2), step=step)


def test_gradcheck_refuses_what_does_not_fit():
    with pytest.raises(TypeError, match=r"^gradcheck: inputs\[0\] is a list, expected a NumPy ar"):
        gradcheck(squares(lambda g, x: x), [1.0])
    with pytest.raises(TypeError, match=r"^gradcheck: inputs\[0\] has dtype float32, expected flo"):
        gradcheck(squares(lambda g, x: x), np.ones(2, np.float32))
    message = r"^gradcheck: the pullback returns 1 gradients, expected 2"
    with pytest.raises(ValueError, match=message):
        gradcheck(lambda x, y: (x * y, lambda g: g * y), X, X)
    with pytest.raises(
        ValueError, match=r"^gradcheck: gradient 0 has shape \(4,\), expected \(3, "
    ):
        gradcheck(squares(lambda g, x: x[0]), X)


DOUBLE = {"dtype": np.float64}
IMAGES = (1, 4, 5, 4, 3)


class Redrawn(nn.Module):
    """A layer in training mode that draws the same numbers at each call."""

    def __init__(self, layer):
        self.layer = layer.train()

    def vjp(self, x, input_grad=True):
        self.layer.rng = np.random.default_rng(0)
        return self.layer.vjp(x, input_grad)


class Unpooling(nn.Module):
    """A max-unpooling to the places where a pooling of noise has its maxima."""

    def __init__(self, axes):
        self.layer = getattr(nn, f"MaxUnpool{axes}d")(2)
        pool = getattr(nn, f"MaxPool{axes}d")(2, return_indices=True)
        self.indices = pool(normal(1, 2, *(4,) * axes)).indices

    def vjp(self, x, input_grad=True):
        return self.layer.vjp(x, self.indices, input_grad=input_grad)


class Block(nn.Composite):
    """Children in another order than that of the data."""

    def __init__(self):
        self.last, self.first = nn.Linear(3, 4, **DOUBLE, rng=0), nn.Linear(4, 3, **DOUBLE, rng=1)

    def body(self):
        return nn.Residual(nn.Sequential(self.first, nn.Tanh(), self.last))


def varied(layer):
    """Return a layer whose state is not ones and zeros, which would hide a missing factor."""
    source = np.random.default_rng(1)
    for parameter in layer.parameters():
        parameter.data = source.uniform(0.5, 2, parameter.data.shape)
    if getattr(layer, "running_mean", None) is not None:
        layer.running_mean = source.standard_normal(layer.running_mean.shape)
        layer.running_var = source.uniform(0.5, 2, layer.running_var.shape)
    return layer


# The inputs of the test fall on both sides of all their kinks, from -3 to 6, and on none of them.
ACTIVATIONS = {
    "CELU": nn.CELU(0.7),
    "ELU": nn.ELU(0.7),
    "GELU": nn.GELU(),
    "GELU tanh": nn.GELU("tanh"),
    "Hardshrink": nn.Hardshrink(),
    "Hardsigmoid": nn.Hardsigmoid(),
    "Hardswish": nn.Hardswish(),
    "Hardtanh": nn.Hardtanh(-0.5, 2),
    "Identity": nn.Identity(),
    "LeakyReLU": nn.LeakyReLU(0.2),
    "LogSigmoid": nn.LogSigmoid(),
    "Mish": nn.Mish(),
    "PReLU": varied(nn.PReLU(4, **DOUBLE)),
    "PReLU shared": varied(nn.PReLU(**DOUBLE)),
    "RReLU": nn.RReLU().eval(),
    "RReLU drawn": Redrawn(nn.RReLU()),
    "ReLU": nn.ReLU(),
    "ReLU6": nn.ReLU6(),
    "SELU": nn.SELU(),
    "SiLU": nn.SiLU(),
    "Sigmoid": nn.Sigmoid(),
    "Softplus": nn.Softplus(2, 3),
    "Softshrink": nn.Softshrink(),
    "Softsign": nn.Softsign(),
    "Tanh": nn.Tanh(),
    "Tanhshrink": nn.Tanhshrink(),
    "Threshold": nn.Threshold(0.5, -7),
}

LAYERS = {
    **{
        f"{name}{axes}d": (layer, IMAGES[: 2 + axes])
        for axes in (1, 2, 3)
        for name, layer in {
            "AdaptiveAvgPool": getattr(nn, f"AdaptiveAvgPool{axes}d")((2, None, 2)[:axes]),
            "AdaptiveMaxPool": getattr(nn, f"AdaptiveMaxPool{axes}d")((2, None, 2)[:axes]),
            "AvgPool": getattr(nn, f"AvgPool{axes}d")(2, padding=1, ceil_mode=True),
            "LPPool": getattr(nn, f"LPPool{axes}d")(2, 2, stride=1),
            "MaxPool": getattr(nn, f"MaxPool{axes}d")(2, padding=1),
            "Dropout": Redrawn(getattr(nn, f"Dropout{axes}d")()),
        }.items()
    },
    **{f"MaxUnpool{axes}d": (Unpooling(axes), (1, 2, *(2,) * axes)) for axes in (1, 2, 3)},
    "LPPool2d maximum": (nn.LPPool2d(np.inf, 2, ceil_mode=True), (1, 2, 3, 3)),
    "LPPool2d sum": (nn.LPPool2d(1, 2, ceil_mode=True), (1, 2, 3, 3)),
    **{
        f"Conv{axes}d": (
            getattr(nn, f"Conv{axes}d")(
                2, 4, (3, 2, 1)[:axes], 2, (1, 0, 0)[:axes], groups=2, **DOUBLE, rng=0
            ),
            (2, 2, 4, 3, 2)[: 2 + axes],
        )
        for axes in (1, 2, 3)
    },
    "Conv2d circular": (
        nn.Conv2d(1, 2, 3, padding=1, padding_mode="circular", **DOUBLE, rng=0),
        (1, 1, 3, 4),
    ),
    "Conv2d untied": (
        nn.Conv2d(1, 2, 2, untied_bias=True, input_size=(3, 4), **DOUBLE, rng=0),
        (2, 1, 3, 4),
    ),
    **{
        f"ConvTranspose{axes}d": (
            getattr(nn, f"ConvTranspose{axes}d")(
                2, 4, (3, 2, 1)[:axes], 2, (1, 0, 0)[:axes], 1, groups=2, **DOUBLE, rng=0
            ),
            (1, 2, 3, 2, 2)[: 2 + axes],
        )
        for axes in (1, 2, 3)
    },
    "Dropout": (nn.Dropout().eval(), (3, 4)),
    "Dropout drawn": (Redrawn(nn.Dropout()), (3, 4)),
    "AlphaDropout": (Redrawn(nn.AlphaDropout()), (3, 4)),
    "FeatureAlphaDropout": (Redrawn(nn.FeatureAlphaDropout()), (2, 4, 3)),
    **{
        f"{kind}Norm{axes}d{mode}": (
            varied(
                getattr(nn, f"{kind}Norm{axes}d")(
                    2, affine=True, track_running_stats=True, **DOUBLE
                )
            ).train(not mode),
            (2, 2, 3, 2, 2)[: 2 + axes],
        )
        for kind in ("Batch", "Instance")
        for axes in (1, 2, 3)
        for mode in ("", " evaluation")
    },
    "GroupNorm": (varied(nn.GroupNorm(2, 4, **DOUBLE)), (2, 4, 3)),
    "LayerNorm": (varied(nn.LayerNorm((3, 2), **DOUBLE)), (2, 3, 2)),
    "RMSNorm": (varied(nn.RMSNorm((3, 2), **DOUBLE)), (2, 3, 2)),
    "LocalResponseNorm": (nn.LocalResponseNorm(4, alpha=0.5, k=2), (2, 5, 2)),
    "Linear": (nn.Linear(4, 3, **DOUBLE, rng=0), (2, 4)),
    "Flatten": (nn.Flatten(), (2, 3, 2)),
    "Fold": (nn.Fold((4, 3), (2, 3), padding=1, stride=(2, 1)), (1, 12, 9)),
    "Unfold": (nn.Unfold((2, 3), padding=1, stride=(2, 1)), (1, 2, 4, 3)),
    "Sequential": (
        nn.Sequential(nn.Linear(4, 3, **DOUBLE, rng=0), nn.Tanh(), nn.Softmax(1)),
        (2, 4),
    ),
    "Residual": (nn.Residual(nn.Tanh(), nn.Linear(4, 4, **DOUBLE, rng=0)), (2, 4)),
    "Concat": (nn.Concat(nn.Tanh(), nn.Linear(4, 3, **DOUBLE, rng=0)), (2, 4)),
    "Composite": (Block(), (2, 4)),
    **{name: (layer, (3, 4, 4)) for name, layer in ACTIVATIONS.items()},
    "GLU": (nn.GLU(), (3, 4)),
    "LogSoftmax": (nn.LogSoftmax(1), (3, 4)),
    "Softmax": (nn.Softmax(1), (3, 4)),
    "Softmax2d": (nn.Softmax2d(), (1, 3, 2, 2)),
    "Softmin": (nn.Softmin(1), (3, 4)),
    **{
        f"ConstantPad{axes}d": (
            getattr(nn, f"ConstantPad{axes}d")((1, -1) * axes, 3.0),
            (1, 2, 3, 2, 3)[: 2 + axes],
        )
        for axes in (1, 2, 3)
    },
    **{
        f"{kind}Pad{axes}d": (
            getattr(nn, f"{kind}Pad{axes}d")((1, 0) * axes),
            (1, 2, 3, 2, 3)[: 2 + axes],
        )
        for kind in ("Zero", "Reflection", "Replication", "Circular")
        for axes in (1, 2, 3)
    },
    "Upsample": (nn.Upsample((3, 4), mode="bicubic"), (1, 2, 4, 3)),
    "UpsamplingNearest2d": (nn.UpsamplingNearest2d((5, 3)), (1, 2, 3, 4)),
    "UpsamplingBilinear2d": (nn.UpsamplingBilinear2d((5, 3)), (1, 2, 3, 4)),
    "PixelShuffle": (nn.PixelShuffle(2), (1, 4, 3, 2)),
    "PixelUnshuffle": (nn.PixelUnshuffle(2), (1, 2, 4, 2)),
    "ChannelShuffle": (nn.ChannelShuffle(2), (1, 4, 2, 2)),
}


@pytest.mark.parametrize(("layer", "shape"), LAYERS.values(), ids=LAYERS)
def test_gradcheck_module_accepts_every_layer(layer, shape):
    # Seed 0 is that of the cotangent: where it is a multiple of `x`, normalizations have no slope.
    assert gradcheck_module(layer, 3 * normal(*shape, seed=9)).ok


def test_gradcheck_module_has_every_layer():
    layers = {
        name
        for name in nn.__all__
        if isinstance(getattr(nn, name), type) and issubclass(getattr(nn, name), nn.Module)
    }
    assert {name.split()[0] for name in LAYERS} == layers - {"Module"}


class Wrong(nn.Module):
    """A layer whose weight has half its gradient."""

    def __init__(self):
        self.weight = nn.Parameter(np.array([2.0, 3.0]))

    def vjp(self, x, input_grad=True):
        weight = self.weight.data

        def pullback(grad_output):
            self.weight.accumulate((grad_output * x).sum(0) / 2)
            return grad_output * weight

        return x * weight, pullback


def test_gradcheck_module_finds_a_wrong_gradient_of_a_parameter_and_restores_all():
    layer = Wrong()
    data, grad = layer.weight.data, np.array([7.0, 7])
    layer.weight.grad = grad
    result = gradcheck_module(layer, normal(3, 2))
    assert not result.ok
    assert result.where.startswith("input 1")
    assert layer.weight.data is data
    assert layer.weight.grad is grad
    layer.weight.requires_grad = False
    assert gradcheck_module(layer, normal(3, 2)).ok


def test_gradcheck_module_refuses_single_precision_and_restores_all():
    layer = nn.Linear(2, 1, rng=0)
    data = layer.weight.data
    with pytest.raises(TypeError, match=r"^gradcheck: inputs\[1\] has dtype float32, expected"):
        gradcheck_module(layer, normal(3, 2))
    with pytest.raises(TypeError, match=r"^gradcheck: inputs\[0\] has dtype float32, expected"):
        gradcheck_module(layer, normal(3, 2).astype(np.float32))
    assert layer.weight.data is data


# The large networks have tests of their own.
SMALL_MODELS = [name for name, model in models.MODELS.items() if model.least is None]


@pytest.mark.parametrize("name", SMALL_MODELS)
def test_gradcheck_accepts_every_model_along_one_direction_of_each_array(name):
    entry = models.MODELS[name]
    model = entry.build(rng=0, dtype=np.float64).eval()
    parameters = model.parameters()
    origins = [normal(1, *entry.input_shape), *(parameter.data for parameter in parameters)]
    directions = [
        each / np.linalg.norm(each)
        for each in (normal(*array.shape, seed=n) for n, array in enumerate(origins, 1))
    ]

    def along(coordinates):
        moved = [o + c * d for o, c, d in zip(origins, coordinates, directions, strict=True)]
        for parameter, array in zip(parameters, moved[1:], strict=True):
            parameter.data, parameter.grad = array, None
        y, pullback = model.vjp(moved[0])

        def directional(g):
            grads = [pullback(g), *(parameter.grad for parameter in parameters)]
            return np.array([np.vdot(a, d) for a, d in zip(grads, directions, strict=True)])

        return y, directional

    # A step along directions of length 1 moves 3000 rectified values by less than 1e-6 each: for
    # this seed none of them crosses its kink.
    assert gradcheck(along, np.zeros(len(origins)), step=1e-6).ok


def test_gradcheck_has_the_kinks_of_relu_within_its_step_as_false_alarms():
    x = np.array([1e-6])
    function = lambda x: (F.relu(x), lambda g: F.relu_grad(g, x))
    assert not gradcheck(function, x).ok
    assert gradcheck(function, x, step=1e-7).ok
