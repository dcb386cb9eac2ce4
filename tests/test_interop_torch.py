"""PyTorch's modules and weights from ours and back."""

from __future__ import annotations

import sys
from inspect import signature

import numpy as np
import pytest

pytest.importorskip("torch", reason="these tests convert from and to PyTorch")

import torch
import twins
from lockstep import Masked, between, chained, exactly

from reference_tests.tolerance import plain
from scratchcnn import nn
from scratchcnn.interop.torch import (
    from_torch,
    state_dict_from_torch,
    state_dict_to_torch,
    to_torch,
)
from scratchcnn.models import MODELS

# The large networks have tests of their own.
SMALL_MODELS = [name for name, model in MODELS.items() if model.least is None]
DTYPES = [np.float32, np.float64]

# Layers by the arguments of their constructors, and the shape of one input.
PLAIN = {
    "AdaptiveAvgPool1d": ((3,), (2, 7)),
    "AdaptiveAvgPool2d": (((3, 2),), (2, 7, 5)),
    "AdaptiveAvgPool3d": ((2,), (2, 4, 5, 3)),
    "AdaptiveMaxPool1d": ((3,), (2, 7)),
    "AdaptiveMaxPool2d": (((3, 2),), (2, 7, 5)),
    "AdaptiveMaxPool3d": ((2,), (2, 4, 5, 3)),
    "AlphaDropout": ((0.2,), (2, 5)),
    "AvgPool1d": ((3, 2, 1), (2, 7)),
    "AvgPool3d": ((2, 1, 0), (2, 4, 3, 5)),
    "BatchNorm1d": ((3, 1e-4, 0.3), (3, 5)),
    "BatchNorm2d": ((3, 1e-4, None), (3, 4, 5)),
    "BatchNorm3d": ((3, 1e-4, 0.2, False), (3, 2, 3, 4)),
    "CELU": ((0.5,), (2, 5)),
    "ChannelShuffle": ((2,), (4, 3, 3)),
    "CircularPad1d": (((1, 2),), (2, 5)),
    "CircularPad2d": (((1, 2, 0, 1),), (2, 5, 4)),
    "CircularPad3d": ((1,), (2, 5, 4, 3)),
    "ConstantPad1d": ((1, 0.5), (2, 5)),
    "ConstantPad3d": (((1, 0, 0, 1, -1, 2), 0.5), (2, 3, 4, 5)),
    "Conv1d": ((2, 4, 3, 2, 1, 1, 2, True, "reflect"), (2, 7)),
    "Conv3d": ((2, 3, 2, 1, (1, 0, 1)), (2, 3, 4, 3)),
    "ConvTranspose1d": ((2, 4, 3, 2, 1, 1, 2), (2, 5)),
    "ConvTranspose2d": ((2, 3, (3, 2), 2), (2, 4, 3)),
    "ConvTranspose3d": ((2, 3, 2), (2, 3, 2, 3)),
    "Dropout1d": ((0.2,), (2, 5)),
    "Dropout2d": ((0.2,), (2, 5, 4)),
    "Dropout3d": ((0.2,), (2, 5, 4, 3)),
    "ELU": ((0.7,), (2, 5)),
    "FeatureAlphaDropout": ((0.3,), (2, 5, 4)),
    "Fold": (((4, 5), (2, 3)), (12, 9)),
    "GELU": (("tanh",), (2, 5)),
    "GLU": ((1,), (4, 5)),
    "GroupNorm": ((2, 4, 1e-3), (4, 3, 5)),
    "Hardshrink": ((0.3,), (2, 5)),
    "Hardsigmoid": ((), (2, 5)),
    "Hardswish": ((), (2, 5)),
    "Hardtanh": ((-0.5, 0.3), (2, 5)),
    "Identity": ((), (2, 5)),
    "InstanceNorm1d": ((3, 1e-3, 0.2, True, True), (3, 5)),
    "InstanceNorm2d": ((3,), (3, 4, 5)),
    "InstanceNorm3d": ((3, 1e-3, None, True, True), (3, 2, 3, 4)),
    "LPPool1d": ((2.0, 3), (2, 6)),
    "LPPool2d": ((2.0, (2, 3)), (2, 6, 5)),
    "LPPool3d": ((2.0, 2), (2, 4, 4, 4)),
    "LayerNorm": (((4, 5), 1e-3), (3, 4, 5)),
    "LeakyReLU": ((0.3,), (2, 5)),
    "LocalResponseNorm": ((3, 0.1, 0.6, 1.5), (5, 3, 4)),
    "LogSigmoid": ((), (2, 5)),
    "MaxPool1d": ((3, 2, 1), (2, 7)),
    "MaxPool3d": ((2, 1), (2, 4, 3, 5)),
    "Mish": ((), (2, 5)),
    "PReLU": ((2, 0.3), (2, 5)),
    "PixelShuffle": ((2,), (4, 3, 3)),
    "PixelUnshuffle": ((2,), (3, 4, 4)),
    "RMSNorm": ((5, 1e-3), (3, 5)),
    "RReLU": ((0.1, 0.3), (2, 5)),
    "ReLU6": ((), (2, 5)),
    "ReflectionPad1d": ((2,), (2, 5)),
    "ReflectionPad2d": (((1, 2, 0, 1),), (2, 5, 4)),
    "ReflectionPad3d": ((1,), (2, 3, 4, 3)),
    "ReplicationPad1d": ((2,), (2, 5)),
    "ReplicationPad2d": (((1, 2, 0, 1),), (2, 5, 4)),
    "ReplicationPad3d": ((1,), (2, 3, 4, 3)),
    "SELU": ((), (2, 5)),
    "SiLU": ((), (2, 5)),
    "Softmax2d": ((), (3, 4, 5)),
    "Softmin": ((2,), (3, 4)),
    "Softplus": ((2.0, 1.0), (2, 5)),
    "Softshrink": ((0.3,), (2, 5)),
    "Softsign": ((), (2, 5)),
    "Tanhshrink": ((), (2, 5)),
    "Threshold": ((0.2, -1.0), (2, 5)),
    "Unfold": (((2, 3), 1, 1), (2, 4, 5)),
    "Upsample": ((None, 2.0, "bilinear", True), (2, 3, 4)),
    "UpsamplingBilinear2d": (((5, 7),), (2, 3, 4)),
    "UpsamplingNearest2d": ((None, 2), (2, 3, 4)),
    "ZeroPad1d": ((1,), (2, 5)),
    "ZeroPad2d": (((1, 2, 0, 1),), (2, 5, 4)),
    "ZeroPad3d": ((1,), (2, 3, 4, 3)),
}
# These draw at random in training mode.
RANDOM = {name for name in PLAIN if "Dropout" in name} | {"RReLU"}
# These take two arrays.
PAIRS = {"MaxUnpool1d", "MaxUnpool2d", "MaxUnpool3d"}

# A layer, and the shape of its input.
LAYERS = {
    "conv2d": (
        lambda d: nn.Conv2d(4, 6, (3, 2), (2, 1), (1, 0), (1, 2), 2, dtype=d, rng=0),
        (4, 7, 6),
    ),
    "conv2d without bias": (lambda d: nn.Conv2d(2, 3, 3, bias=False, dtype=d, rng=0), (2, 5, 6)),
    "conv2d same": (lambda d: nn.Conv2d(2, 3, (2, 3), padding="same", dtype=d, rng=0), (2, 5, 6)),
    "conv2d untied": (
        lambda d: nn.Conv2d(2, 3, 3, 2, 1, untied_bias=True, input_size=(5, 6), dtype=d, rng=0),
        (2, 5, 6),
    ),
    "linear": (lambda d: nn.Linear(4, 3, dtype=d, rng=0), (4,)),
    "linear without bias": (lambda d: nn.Linear(4, 3, bias=False, dtype=d, rng=0), (4,)),
    "max_pool2d": (lambda d: nn.MaxPool2d((3, 2), (2, 1), (1, 0), (1, 2)), (2, 7, 6)),
    "max_pool2d ceil": (lambda d: nn.MaxPool2d(2, 2, 1, ceil_mode=True), (2, 6, 5)),
    "avg_pool2d": (lambda d: nn.AvgPool2d((3, 2), (2, 1), 1, True, False), (2, 7, 6)),
    "avg_pool2d divisor": (lambda d: nn.AvgPool2d(2, divisor_override=3), (2, 7, 6)),
    "flatten": (lambda d: nn.Flatten(2), (2, 4, 5)),
    "relu": (lambda d: nn.ReLU(), (2, 5)),
    "sigmoid": (lambda d: nn.Sigmoid(), (2, 5)),
    "tanh": (lambda d: nn.Tanh(), (2, 5)),
    "softmax": (lambda d: nn.Softmax(2), (2, 5)),
    "log_softmax": (lambda d: nn.LogSoftmax(-1), (2, 5)),
    "dropout": (lambda d: nn.Dropout(0.25), (2, 5)),
    **{
        f"ConstantPad{axes}d": (
            lambda d, axes=axes: getattr(nn, f"ConstantPad{axes}d")((1, -1) * axes, 0.5),
            (2, 4, 3, 5)[: 1 + axes],
        )
        for axes in (1, 2, 3)
    },
    **{
        f"{kind}Pad{axes}d": (
            lambda d, kind=kind, axes=axes: getattr(nn, f"{kind}Pad{axes}d")((2, 1) * axes),
            (2, 4, 3, 5)[: 1 + axes],
        )
        for kind in ("Zero", "Reflection", "Replication", "Circular")
        for axes in (1, 2, 3)
    },
    "upsample": (lambda d: nn.Upsample((3, 7), mode="bilinear"), (2, 4, 5)),
    "upsample by a factor": (lambda d: nn.Upsample(scale_factor=1.5), (2, 5)),
    "upsampling nearest": (lambda d: nn.UpsamplingNearest2d((3, 7)), (2, 4, 5)),
    "upsampling bilinear": (lambda d: nn.UpsamplingBilinear2d((3, 7)), (2, 4, 5)),
    "pixel_shuffle": (lambda d: nn.PixelShuffle(2), (8, 3, 5)),
    "pixel_unshuffle": (lambda d: nn.PixelUnshuffle(2), (2, 4, 6)),
    "channel_shuffle": (lambda d: nn.ChannelShuffle(3), (6, 2, 3)),
}


def same_arrays(ours, theirs):
    """Whether two state_dicts have the same names, dtypes, and bits."""
    return list(ours) == list(theirs) and all(
        array.dtype == theirs[name].dtype and array.tobytes() == theirs[name].tobytes()
        for name, array in ours.items()
    )


def within_bounds(model, twin, shape, dtype):
    """Whether both outputs lie within the bound of the definitions."""
    x = np.random.default_rng(1).standard_normal((2, *shape)).astype(dtype)
    truth, _ = chained(nn.Sequential(model), exactly(x, between(dtype)), {})
    with torch.no_grad():
        theirs = twin(torch.tensor(x)).numpy()
    ours = model(x)
    assert ours.dtype == theirs.dtype == dtype
    return [
        result.shape == truth.shape and bool((np.abs(result - plain(truth)) <= truth.error).all())
        for result in (ours, theirs)
    ]


def test_every_layer_of_the_library_converts():
    layers = {
        name
        for name in nn.__all__
        if isinstance(getattr(nn, name), type) and issubclass(getattr(nn, name), nn.Module)
    }
    containers = {"Composite", "Concat", "Module", "Residual", "Sequential"}
    bounded = {type(make(np.float32)).__name__ for make, _ in LAYERS.values()}
    assert bounded | set(PLAIN) | PAIRS == layers - containers


@pytest.mark.parametrize("name", PLAIN)
def test_layer_by_its_names_alone_computes_the_same_in_both_and_after_the_return(name):
    (arguments, shape), make = PLAIN[name], getattr(nn, name)
    options = {"dtype": np.float64, "rng": 0}
    known = {each: options[each] for each in options if each in signature(make).parameters}
    model = twins.randomized(make(*arguments, **known))
    x = np.random.default_rng(5).standard_normal((3, *shape))
    twin = to_torch(model)
    for training in [False] if name in RANDOM else [True, False]:
        found, _ = twins.mistakes(model, twin, x, training)
        if name == "Hardsigmoid":
            # PyTorch multiplies its gradient by a sixth of float32.
            found = [line for line in found if not line.startswith("gradient")]
        assert found == []
    back = from_torch(twin)
    assert repr(to_torch(back)) == repr(twin)
    assert same_arrays(model.state_dict(), back.state_dict())
    assert np.array_equal(back.eval()(x), model.eval()(x))


@pytest.mark.parametrize("name", sorted(PAIRS))
def test_layer_of_two_arrays_goes_to_torch_and_back(name):
    twin = to_torch(getattr(nn, name)(3, 2, 1))
    assert type(twin) is getattr(torch.nn, name)
    back = from_torch(twin)
    assert (back.kernel_size, back.stride, back.padding) == tuple(
        (value,) * int(name[-2]) for value in (3, 2, 1)
    )


@pytest.mark.parametrize("axes", [1, 3])
def test_untied_convolutions_of_other_ranks_compute_the_same(axes):
    size = (5, 4, 3)[:axes]
    options = {"untied_bias": True, "input_size": size, "dtype": np.float64, "rng": 0}
    model = twins.randomized(getattr(nn, f"Conv{axes}d")(2, 3, 2, **options))
    twin = to_torch(model)
    x = np.random.default_rng(5).standard_normal((3, 2, *size))
    assert twins.mistakes(model, twin, x, True)[0] == []
    assert np.array_equal(from_torch(twin)(x), model(x))


class Crossed(nn.Composite):
    """A block whose names stand in another order than its way, with what is shared."""

    def __init__(self):
        self.late = nn.Linear(3, 3, dtype=np.float64, rng=0)
        self.drop, self.none, self.steps = nn.Dropout(0.5, rng=0), None, [1, 2]
        self.first = nn.Linear(3, 3, dtype=np.float64, rng=1)
        self.tied = nn.Linear(3, 3, dtype=np.float64, rng=2)
        self.tied.weight = self.first.weight

    def body(self):
        main = nn.Sequential(self.first, nn.Tanh(), self.late, self.drop)
        return nn.Sequential(nn.Residual(main, self.tied), self.first)


def test_containers_and_composites_compute_the_same_in_both_and_after_the_return():
    crossed = Crossed()
    model = nn.Sequential(
        {
            "both": nn.Concat({"a": nn.Linear(3, 2, dtype=np.float64, rng=3), "b": nn.Identity()}),
            "last": nn.Concat(nn.Linear(5, 3, dtype=np.float64, rng=4), dim=-1),
            "block": nn.Residual(crossed),
            "again": crossed,
        }
    )
    crossed.late.bias.requires_grad = False
    model.eval()
    twin = to_torch(model)
    assert list(twin.state_dict()) == list(model.state_dict())
    assert twin.again is twin.block.main
    assert twin.again.tied.weight is twin.again.first.weight
    assert [p.requires_grad for p in twin.parameters()] == [
        p.requires_grad for p in model.parameters()
    ]
    assert not any(each.training for each in twin.modules())
    crossed.late.bias.requires_grad = twin.again.late.bias.requires_grad_().requires_grad
    x = np.random.default_rng(5).standard_normal((4, 3))
    assert twins.mistakes(model, twin, x, False)[0] == []
    back = from_torch(twin, rng=0)
    assert repr(back) == repr(model)
    assert repr(to_torch(back)) == repr(twin)
    assert type(back.again) is Crossed
    assert back.again is back.block.main
    assert back.again.tied.weight is back.again.first.weight
    assert (back.again.none, back.again.steps) == (None, [1, 2])
    assert back.again.steps is not crossed.steps
    assert np.array_equal(back(x), model(x))
    assert "(again): Crossed(" in repr(twin)
    assert "Concat(\n    dim=-1" in repr(twin)


def test_composite_with_a_vjp_of_its_own_is_no_known_module():
    class Other(Crossed):
        def vjp(self, x, input_grad=True):
            return super().vjp(2 * x, input_grad)

    with pytest.raises(TypeError, match=r"^to_torch: module is a Other, expected a container or"):
        to_torch(Other())


# PyTorch warns that it may have to pad a copy for an even kernel.
@pytest.mark.filterwarnings("ignore:Using padding='same':UserWarning")
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", LAYERS)
def test_layer_computes_the_same_in_both_and_after_the_return(name, dtype):
    make, shape = LAYERS[name]
    model = make(dtype).eval()
    twin = to_torch(model)
    back = from_torch(twin)
    assert within_bounds(model, twin, shape, dtype) == [True, True]
    assert repr(to_torch(back)) == repr(twin)
    assert same_arrays(model.state_dict(), back.state_dict())
    x = np.random.default_rng(2).standard_normal((2, *shape)).astype(dtype)
    assert np.array_equal(back(x), model(x))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", SMALL_MODELS)
def test_model_goes_to_torch_and_back_bit_for_bit(name, dtype):
    model = MODELS[name].build(rng=0, dtype=dtype).eval()
    twin = to_torch(model)
    assert same_arrays(model.state_dict(), state_dict_from_torch(twin))
    assert not any(module.training for module in twin.modules())
    back = from_torch(twin)
    assert repr(to_torch(back)) == repr(twin)
    assert same_arrays(model.state_dict(), back.state_dict())
    assert within_bounds(model, twin, MODELS[name].input_shape, dtype) == [True, True]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", SMALL_MODELS)
def test_state_dicts_load_by_name_both_ways(name, dtype):
    first, second = (MODELS[name].build(rng=seed, dtype=dtype) for seed in (0, 1))
    twin = to_torch(second)
    assert not same_arrays(first.state_dict(), second.state_dict())
    twin.load_state_dict(state_dict_to_torch(first))
    second.load_state_dict(state_dict_from_torch(twin.state_dict()))
    assert same_arrays(first.state_dict(), second.state_dict())


def test_the_bounds_refuse_a_twin_with_another_weight():
    model = nn.Linear(4, 3, rng=0)
    twin = to_torch(model)
    with torch.no_grad():
        twin.weight[1, 2] *= 1 + 1e-5
    assert within_bounds(model, twin, (4,), np.float32) == [True, False]


def test_gradients_of_the_untied_convolution_are_those_of_ours():
    model = LAYERS["conv2d untied"][0](np.float64)
    twin = to_torch(model)
    x = np.random.default_rng(3).standard_normal((2, 2, 5, 6))
    y, pullback = model.vjp(x)
    grad = np.random.default_rng(4).standard_normal(y.shape)
    pullback(grad)
    twin(torch.tensor(x)).backward(torch.tensor(grad))
    truth, pull = chained(nn.Sequential(model), exactly(x, between(np.float64)), {})
    for name, true in pull(exactly(grad, truth.format)).items():
        entry = name.split(".")[1]
        for result in (getattr(model, entry).grad, getattr(twin, entry).grad.numpy()):
            assert (np.abs(result - plain(true)) <= true.error).all()


def test_nothing_shares_memory():
    model = nn.Sequential(nn.Linear(2, 2, rng=0))
    before = model.state_dict()
    twin, state = to_torch(model), state_dict_to_torch(model)
    arrays, back = state_dict_from_torch(twin), from_torch(twin)
    with torch.no_grad():
        twin[0].weight.zero_()
        state["0.weight"].zero_()
    for result in (model.state_dict(), arrays, back.state_dict()):
        assert same_arrays(result, before)


def test_names_modes_and_frozen_parameters_go_both_ways():
    inner = nn.Sequential({"lin": nn.Linear(3, 3, rng=0), "drop": nn.Dropout(0.1)})
    model = nn.Sequential({"first": nn.Linear(2, 3, rng=1), "block": inner})
    model.first.weight.requires_grad = False
    inner.drop.eval()
    twin = to_torch(model)
    back = from_torch(twin)
    names = ["first.weight", "first.bias", "block.lin.weight", "block.lin.bias"]
    assert list(twin.state_dict()) == list(back.state_dict()) == names
    assert [p.requires_grad for p in twin.parameters()] == [False, True, True, True]
    assert [p.requires_grad for p in back.parameters()] == [False, True, True, True]
    for each in (twin, back):
        modes = [each.training, each.first.training, each.block.training, each.block.drop.training]
        assert modes == [True, True, True, False]


def test_what_is_shared_stays_shared():
    layer = nn.Linear(3, 3, rng=0)
    tied = nn.Linear(3, 3, rng=1)
    tied.weight = layer.weight
    model = nn.Sequential(layer, nn.ReLU(), layer, tied)
    twin = to_torch(model)
    back = from_torch(twin)
    for each in (twin, back):
        assert each[0] is each[2]
        assert each[3].weight is each[0].weight
        assert each[3].bias is not each[0].bias
    assert list(twin.state_dict()) == list(back.state_dict()) == list(model.state_dict())


def test_to_torch_draws_nothing_from_the_source_of_torch():
    before = torch.get_rng_state()
    to_torch(MODELS["lenet5"].build(rng=0))
    assert torch.equal(before, torch.get_rng_state())


def test_from_torch_gives_dropout_layers_sources_of_their_own():
    module = torch.nn.Sequential(torch.nn.Dropout(0.5), torch.nn.Dropout(0.5))
    x = np.ones((4, 50))
    first, again, other = (from_torch(module, rng=seed) for seed in (0, 0, 1))
    masks = [layer(x) for layer in first]
    assert not np.array_equal(*masks)
    assert np.array_equal(masks[0], again[0](x))
    assert not np.array_equal(masks[0], other[0](x))


def test_from_torch_takes_weights_in_any_layout_and_layers_in_place():
    module = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.ReLU(inplace=True))
    module = module.to(memory_format=torch.channels_last)
    weight = from_torch(module)[0].weight.data
    assert weight.flags.c_contiguous
    assert np.array_equal(weight, module[0].weight.detach().numpy())


def test_to_torch_takes_weights_in_any_layout():
    model = nn.Linear(3, 2)
    model.weight.data = np.arange(6.0).reshape(3, 2).T[:, ::-1]
    assert np.array_equal(to_torch(model).weight.detach().numpy(), model.weight.data)


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (torch.nn.Softmax(), "module has dim=None, expected an axis"),
        (torch.nn.Sequential(torch.nn.LogSoftmax()), "layer '0' has dim=None, expected an axis"),
    ],
)
def test_from_torch_refuses_options_that_ours_lack(module, message):
    with pytest.raises(ValueError, match=rf"^from_torch: {message}"):
        from_torch(module)


def test_from_torch_refuses_an_option_that_a_layer_of_ours_lacks(monkeypatch):
    class Dropout(nn.Module):
        """A layer that knows no probability."""

    monkeypatch.setattr(nn, "Dropout", Dropout)
    assert type(from_torch(torch.nn.Dropout(0.5))) is Dropout
    with pytest.raises(ValueError, match=r"^from_torch: module has p=0\.3, expected 0\.5$"):
        from_torch(torch.nn.Dropout(0.3))


def test_from_torch_refuses_modules_that_ours_lack():
    message = r"^from_torch: layer '1' is a LSTM, expected a container or a layer that torch.nn and"
    with pytest.raises(TypeError, match=message):
        from_torch(torch.nn.Sequential(torch.nn.ReLU(), torch.nn.LSTM(2, 2)))
    with pytest.raises(TypeError, match=r"^from_torch: module is a int, expected a container or"):
        from_torch(3)

    class ReLU(torch.nn.ReLU):
        """Computes who knows what."""

    with pytest.raises(TypeError, match=r"^from_torch: module is a ReLU, expected"):
        from_torch(ReLU())
    with pytest.raises(TypeError, match=r"^from_torch: module is a Masked, expected"):
        from_torch(Masked())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_from_torch_refuses_other_dtypes(dtype):
    module = torch.nn.Sequential(torch.nn.Linear(2, 2, dtype=dtype))
    message = rf"^from_torch: 0\.weight is of {dtype}, expected torch\.float32 or torch\.float64$"
    with pytest.raises(TypeError, match=message):
        from_torch(module)


def test_to_torch_refuses_modules_it_does_not_know():
    class Linear(nn.Linear):
        """Computes who knows what."""

    for module in (Linear(2, 2), nn.Module()):
        name = type(module).__name__
        message = rf"^to_torch: layer '0' is a {name}, expected .* scratchcnn\.nn have$"
        with pytest.raises(TypeError, match=message):
            to_torch(nn.Sequential(module))
    with pytest.raises(TypeError, match=r"^to_torch: module is a list, expected"):
        to_torch([])


def test_to_torch_refuses_names_that_torch_takes():
    model = nn.Sequential({"block": nn.Sequential({"half": nn.ReLU()})})
    with pytest.raises(ValueError, match=r"^to_torch: 'block\.half' is no free name in a torch"):
        to_torch(model)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (3, "source is a int, expected a torch.nn.Module or its state_dict"),
        ({"epoch": 3}, "epoch is a int, expected a torch.Tensor"),
        (
            {"w": torch.zeros(2, dtype=torch.bfloat16)},
            "w is of torch.bfloat16, expected a dtype that NumPy has",
        ),
    ],
)
def test_state_dict_from_torch_refuses_what_is_none(source, message):
    with pytest.raises(TypeError, match=f"^state_dict_from_torch: {message}$"):
        state_dict_from_torch(source)


def test_state_dict_from_torch_keeps_integers():
    arrays = state_dict_from_torch(torch.nn.BatchNorm2d(3))
    assert arrays["num_batches_tracked"].dtype == np.int64
    assert arrays["num_batches_tracked"].shape == ()


@pytest.mark.parametrize(
    ("function", "argument"),
    [
        (to_torch, nn.ReLU()),
        (from_torch, None),
        (state_dict_to_torch, nn.ReLU()),
        (state_dict_from_torch, {}),
    ],
)
def test_without_torch_the_message_names_the_extra(monkeypatch, function, argument):
    monkeypatch.setitem(sys.modules, "torch", None)
    message = rf'^{function.__name__}: .*python -m pip install "scratchcnn\[torch\]"$'
    with pytest.raises(ImportError, match=message) as caught:
        function(argument)
    assert caught.value.name == "torch"
