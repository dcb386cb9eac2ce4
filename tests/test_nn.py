"""Layers, losses and networks: pullbacks, parameters, modes, state, and what they refuse."""

from __future__ import annotations

import copy
import math
import pickle
import re
import threading

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from scratchcnn import functional as F
from scratchcnn import models, nn
from scratchcnn.nn.loss import _Loss


def integers(*shape, seed=0, dtype=np.float64):
    return np.random.default_rng(seed).integers(-5, 6, shape).astype(dtype)


def whole(module, seed=0):
    """Return the module with small integers for weights, so that all its sums are exact."""
    for place, parameter in enumerate(module.parameters()):
        parameter.data = integers(*parameter.shape, seed=seed + place, dtype=parameter.data.dtype)
    return module


# Each layer: how it is built for a dtype, and the shape of its input.
LAYERS = {
    **{
        f"{kind}Pool{axes}d": (
            lambda dtype, kind=kind, axes=axes, arguments=arguments: getattr(
                nn, f"{kind}Pool{axes}d"
            )(*arguments),
            (2, 3, 5, 4, 6)[: 2 + axes],
        )
        for kind, arguments in {
            "Avg": (2, 2, 1, True, False),
            "Max": (2, 1, 1, 1, False, True),
            "LP": (2, 2, 1),
            "AdaptiveAvg": (2,),
            "AdaptiveMax": (3,),
        }.items()
        for axes in (1, 2, 3)
    },
    "Conv1d": (
        lambda dtype: nn.Conv1d(2, 4, 3, padding=2, padding_mode="reflect", dtype=dtype, rng=0),
        (2, 2, 5),
    ),
    "Conv2d": (
        lambda dtype: nn.Conv2d(2, 4, (3, 2), (2, 1), (1, 0), groups=2, dtype=dtype, rng=0),
        (2, 2, 5, 4),
    ),
    "Conv2d without bias": (
        lambda dtype: nn.Conv2d(2, 3, 2, bias=False, padding="same", dtype=dtype, rng=0),
        (2, 2, 5, 4),
    ),
    "Conv2d untied": (
        lambda dtype: nn.Conv2d(
            2, 3, 2, dilation=2, untied_bias=True, input_size=(5, 4), dtype=dtype, rng=0
        ),
        (2, 2, 5, 4),
    ),
    "Conv3d": (
        lambda dtype: nn.Conv3d(2, 3, (1, 2, 3), padding="same", dtype=dtype, rng=0),
        (2, 3, 5, 4),
    ),
    "ConvTranspose1d": (
        lambda dtype: nn.ConvTranspose1d(2, 4, 3, 2, 1, 1, 2, dtype=dtype, rng=0),
        (2, 2, 5),
    ),
    "ConvTranspose2d": (
        lambda dtype: nn.ConvTranspose2d(2, 3, (2, 3), (2, 1), dtype=dtype, rng=0),
        (2, 2, 3, 4),
    ),
    "ConvTranspose3d": (
        lambda dtype: nn.ConvTranspose3d(2, 3, (1, 2, 3), bias=False, dtype=dtype, rng=0),
        (2, 3, 2, 4),
    ),
    **{
        name: (lambda dtype, name=name: getattr(nn, name)(0.5, rng=0).eval(), shape)
        for name, shape in {
            "AlphaDropout": (3, 4),
            "Dropout": (3, 4),
            "Dropout1d": (3, 4),
            "Dropout2d": (2, 3, 2, 2),
            "Dropout3d": (2, 3, 2, 2),
            "FeatureAlphaDropout": (2, 3, 4),
        }.items()
    },
    **{
        name: (lambda dtype, name=name: getattr(nn, name)(3, momentum=None, dtype=dtype), shape)
        for name, shape in {
            "BatchNorm1d": (2, 3, 4),
            "BatchNorm2d": (2, 3, 2, 4),
            "BatchNorm3d": (2, 3, 1, 2, 2),
        }.items()
    },
    **{
        name: (
            lambda dtype, name=name: getattr(nn, name)(3, affine=True, dtype=dtype),
            shape,
        )
        for name, shape in {
            "InstanceNorm1d": (3, 4),
            "InstanceNorm2d": (2, 3, 2, 4),
            "InstanceNorm3d": (3, 1, 2, 2),
        }.items()
    },
    "GroupNorm": (lambda dtype: nn.GroupNorm(2, 4, dtype=dtype), (3, 4, 2)),
    "LayerNorm": (lambda dtype: nn.LayerNorm((2, 3), dtype=dtype), (4, 2, 3)),
    "LocalResponseNorm": (lambda dtype: nn.LocalResponseNorm(3, 0.5), (2, 4, 3)),
    "RMSNorm": (lambda dtype: nn.RMSNorm(3, dtype=dtype), (2, 4, 3)),
    "Flatten": (lambda dtype: nn.Flatten(), (2, 3, 4)),
    "Fold": (lambda dtype: nn.Fold((4, 3), (3, 2), padding=(1, 0)), (2, 12, 8)),
    "Linear": (lambda dtype: nn.Linear(4, 3, dtype=dtype, rng=0), (2, 4)),
    "Linear without bias": (lambda dtype: nn.Linear(4, 3, bias=False, dtype=dtype, rng=0), (2, 4)),
    "LogSoftmax": (lambda dtype: nn.LogSoftmax(1), (3, 4)),
    "Composite": (lambda dtype: models.BasicBlock(3, 3, dtype=dtype, rng=0), (2, 3, 4, 5)),
    "Concat": (
        lambda dtype: nn.Concat(nn.ReLU(), nn.Linear(4, 2, dtype=dtype, rng=0)),
        (3, 4),
    ),
    "Identity": (lambda dtype: nn.Identity(), (3, 4)),
    "Residual": (lambda dtype: nn.Residual(nn.Linear(4, 4, dtype=dtype, rng=0)), (3, 4)),
    "ReLU": (lambda dtype: nn.ReLU(), (3, 4)),
    "Sequential": (
        lambda dtype: nn.Sequential(
            nn.Flatten(),
            nn.Linear(12, 5, dtype=dtype, rng=0),
            nn.ReLU(),
            nn.Linear(5, 2, dtype=dtype, rng=1),
        ),
        (2, 3, 4),
    ),
    "Sigmoid": (lambda dtype: nn.Sigmoid(), (3, 4)),
    "Softmax": (lambda dtype: nn.Softmax(dim=0), (3, 4)),
    "Softmin": (lambda dtype: nn.Softmin(dim=1), (3, 4)),
    "Tanh": (lambda dtype: nn.Tanh(), (3, 4)),
    "Unfold": (lambda dtype: nn.Unfold((3, 2), padding=(1, 0), stride=(1, 2)), (2, 3, 4, 5)),
    **{
        f"ConstantPad{axes}d": (
            lambda dtype, axes=axes: getattr(nn, f"ConstantPad{axes}d")((1, -1) * axes, 3.0),
            (2, 3, 4, 3, 5)[: 2 + axes],
        )
        for axes in (1, 2, 3)
    },
    **{
        f"{kind}Pad{axes}d": (
            lambda dtype, kind=kind, axes=axes: getattr(nn, f"{kind}Pad{axes}d")((2, 1) * axes),
            (2, 3, 4, 3, 5)[: 2 + axes],
        )
        for kind in ("Zero", "Reflection", "Replication", "Circular")
        for axes in (1, 2, 3)
    },
    "Upsample": (lambda dtype: nn.Upsample((3, 4), mode="bilinear"), (2, 3, 5, 4)),
    "UpsamplingNearest2d": (lambda dtype: nn.UpsamplingNearest2d((7, 3)), (2, 3, 5, 4)),
    "UpsamplingBilinear2d": (lambda dtype: nn.UpsamplingBilinear2d((7, 3)), (2, 3, 5, 4)),
    "PixelShuffle": (lambda dtype: nn.PixelShuffle(2), (2, 8, 3, 2)),
    "PixelUnshuffle": (lambda dtype: nn.PixelUnshuffle(2), (2, 3, 4, 2)),
    "ChannelShuffle": (lambda dtype: nn.ChannelShuffle(3), (2, 6, 3, 2)),
}
# They take indices beside their input, and are tested with the other poolings.
INDEXED = {"MaxUnpool1d", "MaxUnpool2d", "MaxUnpool3d"}
ACTIVATIONS = (
    nn.CELU,
    nn.ELU,
    nn.GELU,
    nn.GLU,
    nn.Hardshrink,
    nn.Hardsigmoid,
    nn.Hardswish,
    nn.Hardtanh,
    nn.LeakyReLU,
    nn.LogSigmoid,
    nn.Mish,
    nn.ReLU6,
    nn.SELU,
    nn.SiLU,
    nn.Softplus,
    nn.Softshrink,
    nn.Softsign,
    nn.Tanhshrink,
)
LAYERS |= {kind.__name__: (lambda dtype, kind=kind: kind(), (3, 4)) for kind in ACTIVATIONS}
LAYERS |= {
    "PReLU": (lambda dtype: nn.PReLU(4, dtype=dtype), (2, 4, 3)),
    "RReLU": (lambda dtype: nn.RReLU(rng=0).eval(), (3, 4)),
    "Softmax2d": (lambda dtype: nn.Softmax2d(), (2, 3, 4, 2)),
    "Threshold": (lambda dtype: nn.Threshold(1.0, -7.0), (3, 4)),
}
each_layer = pytest.mark.parametrize(("build", "shape"), LAYERS.values(), ids=LAYERS)
both_dtypes = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def grads(module):
    return [parameter.grad for parameter in module.parameters()]


def test_the_table_has_every_layer():
    classes = [each for name, each in vars(nn).items() if name in nn.__all__]
    layers = {e.__name__ for e in classes if isinstance(e, type) and issubclass(e, nn.Module)}
    assert {name.split()[0] for name in LAYERS} == layers - {"Module"} - INDEXED


@both_dtypes
@each_layer
def test_layers_return_the_output_of_their_vjp_in_the_dtype_of_their_input(build, shape, dtype):
    layer, x = build(dtype), integers(*shape, dtype=dtype)
    y, pullback = layer.vjp(x)
    assert_array_equal(layer(x), y, strict=True)
    assert y.dtype == dtype
    assert not np.shares_memory(x, y)
    g = integers(*y.shape, seed=1, dtype=dtype)
    grad = pullback(g)
    assert grad.shape == x.shape
    assert grad.dtype == dtype
    assert not np.shares_memory(grad, g)
    for parameter in layer.parameters():
        assert parameter.grad.shape == parameter.shape
        assert parameter.grad.dtype == dtype


@each_layer
def test_layers_keep_both_pullbacks_of_two_calls_right(build, shape):
    layer = build(np.float64)
    first, second = integers(*shape, seed=1), integers(*shape, seed=2)
    alone = []
    for x in (first, second):
        layer.zero_grad()
        y, pullback = layer.vjp(x)
        g = integers(*y.shape, seed=3)
        alone.append((pullback(g), grads(layer)))
    layer.zero_grad()
    _, pull_first = layer.vjp(first)
    _, pull_second = layer.vjp(second)
    layer(integers(*shape, seed=4))
    assert_array_equal(pull_first(g), alone[0][0])
    for ours, theirs in zip(grads(layer), alone[0][1], strict=True):
        assert_array_equal(ours, theirs)
    layer.zero_grad()
    assert_array_equal(pull_second(g), alone[1][0])
    for ours, theirs in zip(grads(layer), alone[1][1], strict=True):
        assert_array_equal(ours, theirs)


@each_layer
def test_layers_without_input_gradient_return_none_and_the_same_parameter_gradients(build, shape):
    layer, x = build(np.float64), integers(*shape)
    y, pullback = layer.vjp(x)
    g = integers(*y.shape, seed=1)
    pullback(g)
    expected = grads(layer)
    layer.zero_grad()
    y, pullback = layer.vjp(x, input_grad=False)
    assert pullback(g) is None
    for ours, theirs in zip(grads(layer), expected, strict=True):
        assert_array_equal(ours, theirs)


@each_layer
def test_layers_give_frozen_parameters_no_gradient(build, shape):
    layer, x = build(np.float64), integers(*shape)
    for parameter in layer.parameters():
        parameter.requires_grad = False
    y, pullback = layer.vjp(x)
    assert pullback(integers(*y.shape, seed=1)) is not None
    assert grads(layer) == [None] * len(layer.parameters())


@each_layer
def test_layers_add_the_gradients_of_several_pullbacks(build, shape):
    layer = whole(build(np.float64))
    x = integers(*shape)
    y, pullback = layer.vjp(x)
    g = integers(*y.shape, seed=1)
    pullback(g)
    once = grads(layer)
    kept = [grad.copy() for grad in once]
    pullback(2 * g)
    for now, first, copied in zip(grads(layer), once, kept, strict=True):
        assert_array_equal(now, 3 * copied)
        # The earlier sum is another array, which a caller may have kept.
        assert_array_equal(first, copied)


@each_layer
def test_layers_survive_copies_and_pickles(build, shape):
    layer, x = build(np.float64), integers(*shape)
    layer.train()
    y = copy.deepcopy(layer)(x)
    for twin in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert repr(twin) == repr(layer)
        output, pullback = twin.vjp(x)
        assert_array_equal(output, y, strict=True)
        pullback(integers(*y.shape, seed=1))
        for ours, theirs in zip(layer.parameters(), twin.parameters(), strict=True):
            assert ours.grad is None
            assert not np.shares_memory(ours.data, theirs.data)


def test_layers_call_the_functions_of_their_names():
    x = integers(2, 3, 6, 5)
    weight, bias = integers(4, 3, 2, 3, seed=1), integers(4, seed=2)
    conv = nn.Conv2d(3, 4, (2, 3), (1, 2), (2, 1), (2, 1), dtype=np.float64)
    conv.weight.data, conv.bias.data = weight, bias
    options = {"stride": (1, 2), "padding": (2, 1), "dilation": (2, 1)}
    assert_array_equal(conv(x), F.conv2d(x, weight, bias, **options))
    options = {"stride": (1, 2), "padding": (0, 1), "dilation": (2, 1), "ceil_mode": True}
    assert_array_equal(nn.MaxPool2d((2, 3), **options)(x), F.max_pool2d(x, (2, 3), **options))
    options = {"stride": (1, 2), "padding": (1, 0), "ceil_mode": True, "divisor_override": 4}
    options["count_include_pad"] = False
    assert_array_equal(nn.AvgPool2d((2, 3), **options)(x), F.avg_pool2d(x, (2, 3), **options))
    padded = F.pad(x, (1, -1, 0, 2), value=3.0)
    assert_array_equal(nn.ConstantPad2d((1, -1, 0, 2), 3.0)(x), padded)
    assert_array_equal(nn.ConstantPad2d(2, 3.0)(x), F.pad(x, (2, 2, 2, 2), value=3.0))
    assert nn.Flatten(0, 1)(x).shape == (6, 6, 5)
    for layer, function in ((nn.Softmax, F.softmax), (nn.LogSoftmax, F.log_softmax)):
        assert_array_equal(layer(1)(x), function(x, dim=1))
        assert_array_equal(layer(dim=-1)(x), function(x, dim=-1))


def test_layer_with_an_untied_bias_has_one_value_per_output_pixel_that_starts_at_0():
    conv = nn.Conv2d(2, 3, 2, untied_bias=True, input_size=(5, 4), dtype=np.float64, rng=0)
    assert_array_equal(conv.bias.data, np.zeros((3, 4, 3)), strict=True)
    y, pullback = conv.vjp(integers(2, 2, 5, 4))
    g = integers(*y.shape, seed=1)
    pullback(g)
    assert_array_equal(conv.bias.grad, g.sum(0))


def test_layer_shared_by_a_network_gets_the_sum_of_its_gradients():
    shared = whole(nn.Linear(3, 3, dtype=np.float64))
    model = nn.Sequential(shared, shared)
    assert len(model.parameters()) == 1 + 1
    x, g = integers(2, 3), integers(2, 3, seed=1)
    _, pullback = model.vjp(x)
    grad = pullback(g)
    w, b = shared.weight.data, shared.bias.data
    below = g @ w
    assert_array_equal(grad, below @ w)
    assert_array_equal(shared.weight.grad, g.T @ (x @ w.T + b) + below.T @ x)
    assert_array_equal(shared.bias.grad, (g + below).sum(0))


def test_parameters_get_the_right_sum_from_four_threads():
    # So large that NumPy lets the other threads run in the middle of an addition.
    layer = whole(nn.Linear(400, 300, dtype=np.float64))
    x, g = integers(2, 400), integers(2, 300, seed=1)
    barrier = threading.Barrier(4)

    def work():
        barrier.wait()
        for _ in range(50):
            _, pullback = layer.vjp(x)
            pullback(g)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert_array_equal(layer.weight.grad, 200 * (g.T @ x))
    assert_array_equal(layer.bias.grad, 200 * g.sum(0))


def test_parameter_adds_to_its_gradient_only_if_it_requires_one():
    parameter = nn.Parameter(np.zeros(2))
    grad = np.array([1.0, 2])
    parameter.accumulate(grad)
    assert not np.shares_memory(parameter.grad, grad)
    parameter.accumulate(grad)
    assert_array_equal(parameter.grad, [2, 4])
    parameter.requires_grad = False
    parameter.accumulate(grad)
    assert_array_equal(parameter.grad, [2, 4])
    assert repr(parameter) == "Parameter(shape=(2,), dtype=float64)"
    with pytest.raises(TypeError, match=r"^Parameter: data is a list, expected a NumPy array"):
        nn.Parameter([1.0])


def test_parameter_gradients_overflow_without_a_warning():
    parameter = nn.Parameter(np.zeros(2, np.float32))
    for _ in range(2):
        parameter.accumulate(np.array([3e38, -3e38], np.float32))
    assert_array_equal(parameter.grad, [np.inf, -np.inf])
    parameter.accumulate(np.array([-np.inf, 0], np.float32))
    assert_array_equal(parameter.grad, [np.nan, -np.inf])


def test_penalty_adds_its_value_and_its_gradients():
    weights = [nn.Parameter(integers(2, 3)), nn.Parameter(integers(4, seed=1))]
    penalty = nn.L2Penalty(iter(weights), strength=0.25)
    value, pullback = penalty.vjp()
    assert value == 0.25 * sum((weight.data**2).sum() for weight in weights)
    assert penalty() == value
    weights[0].accumulate(np.ones((2, 3)))
    pullback()
    assert_array_equal(weights[0].grad, 1 + 0.5 * weights[0].data)
    assert_array_equal(weights[1].grad, 0.5 * weights[1].data)


def test_penalty_overflows_without_a_warning():
    weights = [nn.Parameter(np.array([1.8e19], np.float32)) for _ in range(2)]
    assert nn.L2Penalty(weights, strength=1.0)() == np.inf


def test_penalty_refuses_what_does_not_fit():
    with pytest.raises(ValueError, match=r"^L2Penalty: parameters is empty, expected at least one"):
        nn.L2Penalty([], strength=1.0)
    with pytest.raises(ValueError, match=r"^L2Penalty: strength is -1, expected at least 0"):
        nn.L2Penalty([nn.Parameter(np.ones(1))], strength=-1)


# Losses


LOSSES = {
    "BCELoss": (nn.BCELoss(np.array([1.0, 2, 3])), F.binary_cross_entropy, "share"),
    "BCEWithLogitsLoss": (
        nn.BCEWithLogitsLoss(np.array([1.0, 2, 3]), pos_weight=np.array([3.0, 1, 2])),
        F.binary_cross_entropy_with_logits,
        "share",
    ),
    "CrossEntropyLoss": (
        nn.CrossEntropyLoss(np.array([1.0, 2, 3]), ignore_index=1, label_smoothing=0.25),
        F.cross_entropy,
        "label",
    ),
    "MSELoss": (nn.MSELoss(), F.mse_loss, "share"),
    "NLLLoss": (nn.NLLLoss(np.array([1.0, 2, 3]), ignore_index=1), F.nll_loss, "label"),
}


@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
@pytest.mark.parametrize("name", LOSSES)
def test_losses_are_the_functions_of_their_names(name, reduction):
    loss, function, kind = LOSSES[name]
    loss = copy.copy(loss)
    loss.reduction = reduction
    options = {k: v for k, v in vars(loss).items() if k not in ("weight",)}
    arrays = () if name == "MSELoss" else (loss.weight,)
    x = np.random.default_rng(0).uniform(0.1, 0.9, (4, 3))
    target = np.array([0, 2, 1, 2]) if kind == "label" else 1 - x**2
    value, pullback = loss.vjp(x, target)
    assert_array_equal(value, function(x, target, *arrays, **options))
    assert_array_equal(loss(x, target), value)
    g = np.asarray(integers(*np.shape(value), seed=1) + 7)
    if name == "NLLLoss":
        expected = F.nll_loss_grad(g, target, *arrays, input_shape=x.shape, **options)
        ones = F.nll_loss_grad(np.ones_like(g), target, *arrays, input_shape=x.shape, **options)
    else:
        grad = getattr(F, f"{function.__name__}_input_grad")
        expected = grad(g, x, target, *arrays, **options)
        ones = grad(np.ones_like(g), x, target, *arrays, **options)
    assert_array_equal(pullback(g), expected)
    # The gradient of the value itself is 1.
    assert_array_equal(pullback(), ones)


def test_losses_default_to_the_mean():
    for loss in (nn.BCELoss, nn.BCEWithLogitsLoss, nn.CrossEntropyLoss, nn.MSELoss, nn.NLLLoss):
        assert loss().reduction == "mean"


@both_dtypes
@pytest.mark.parametrize(("reduction", "count"), [("mean", 4), ("sum", 1)])
def test_half_squared_error_is_half_the_squared_error(reduction, count, dtype):
    x, target = integers(4, 1, dtype=dtype), integers(4, 1, seed=1, dtype=dtype)
    value, pullback = nn.HalfSquaredError(reduction=reduction).vjp(x, target)
    assert value == ((target - x) ** 2).sum() / 2 / count
    assert value.dtype == dtype
    assert_array_equal(pullback(), -(target - x) / dtype(count), strict=True)
    assert_array_equal(pullback(np.array(-3, dtype)), 3 * (target - x) / dtype(count))


def test_half_squared_error_without_reduction_keeps_each_sample():
    x, target, g = integers(4, 1), integers(4, 1, seed=1), integers(4, 1, seed=2)
    value, pullback = nn.HalfSquaredError(reduction="none").vjp(x, target)
    assert_array_equal(value, (target - x) ** 2 / 2)
    assert_array_equal(pullback(g), -g * (target - x))


def test_losses_refuse_other_options():
    for loss in (*(type(each) for each, _, _ in LOSSES.values()), nn.HalfSquaredError):
        message = f"^{loss.__name__}: reduction is 'all', expected one of 'none', 'mean', 'sum'"
        with pytest.raises(ValueError, match=message):
            loss(reduction="all")
    with pytest.raises(ValueError, match=r"^CrossEntropyLoss: label_smoothing is 2, expected at l"):
        nn.CrossEntropyLoss(label_smoothing=2)
    with pytest.raises(TypeError, match=r"^mse_loss: x is a list, expected a NumPy array"):
        nn.HalfSquaredError()([1.0], np.ones(1))
    with pytest.raises(NotImplementedError, match=r"^_Loss defines no vjp"):
        _Loss()(np.ones(1), np.ones(1))


# Dropout and modes


def test_dropout_layer_draws_anew_in_training_and_changes_nothing_in_evaluation():
    layer, x = nn.Dropout(0.5, rng=0), np.ones((6, 7))
    first, pullback = layer.vjp(x)
    assert_array_equal(first, F.dropout(x, rng=0))
    assert (layer(x) != first).any()
    g = integers(6, 7)
    assert_array_equal(pullback(g), g * first)
    y, pullback = layer.eval().vjp(x)
    assert_array_equal(y, x)
    assert_array_equal(pullback(g), g)


def test_sequential_gives_each_dropout_layer_a_generator_of_its_own():
    def build(rng):
        return nn.Sequential(nn.Dropout(), nn.Sequential(nn.Dropout(), nn.ReLU()), rng=rng)

    x = np.ones((6, 7))
    one, same, other = build(3), build(3), build(4)
    outputs = [layer[0](x) for layer in (one, same, other)]
    assert_array_equal(outputs[0], outputs[1])
    assert (outputs[0] != outputs[2]).any()
    assert (one[1][0](x) != outputs[0]).any()
    one.seed(3)
    assert_array_equal(one[0](x), outputs[0])


def test_train_and_eval_reach_every_module_and_return_the_model():
    model = nn.Sequential(nn.Dropout(), nn.Sequential(nn.Dropout()))
    assert model.eval() is model
    assert [module.training for _, module in model.named_modules()] == [False] * 4
    assert model.train() is model
    assert [module.training for _, module in model.named_modules()] == [True] * 4


# Names and containers


class Residual(nn.Module):
    """A module with a child, a parameter and a buffer of its own."""

    def __init__(self):
        self.scale = nn.Parameter(np.array([2.0]))
        self.inner = nn.Sequential({"dense": nn.Linear(2, 2, dtype=np.float64, rng=0)})
        self.register_buffer("count", np.array(0))
        self.register_buffer("mean", np.zeros(2))


def test_modules_name_their_parameters_buffers_and_layers():
    model = nn.Sequential({"block": Residual(), "relu": nn.ReLU()})
    names = ["block.scale", "block.inner.dense.weight", "block.inner.dense.bias"]
    assert [name for name, _ in model.named_parameters()] == names
    assert list(model.state_dict()) == [
        "block.scale",
        "block.count",
        "block.mean",
        "block.inner.dense.weight",
        "block.inner.dense.bias",
    ]
    layers = [name for name, _ in model.named_layers()]
    assert layers == ["block.inner.dense", "relu"]
    modules = [name for name, _ in model.named_modules()]
    assert modules == ["", "block", "block.inner", "block.inner.dense", "relu"]
    assert [name for name, _ in model.named_modules("top")][:2] == ["top", "top.block"]


def test_sequential_numbers_its_layers_and_gives_them_back():
    layers = [nn.ReLU(), nn.Tanh(), nn.Sigmoid()]
    model = nn.Sequential(*layers)
    assert [name for name, _ in model.named_children()] == ["0", "1", "2"]
    assert list(model) == layers
    assert len(model) == 3
    assert model[-1] is layers[2]
    assert repr(model) == "Sequential(\n  (0): ReLU()\n  (1): Tanh()\n  (2): Sigmoid()\n)"
    nested = repr(nn.Sequential(nn.Sequential(nn.Flatten())))
    assert nested.splitlines()[2] == "    (0): Flatten(start_dim=1, end_dim=-1)"


def test_sequential_of_no_layers_is_the_identity():
    x, g = integers(2, 3), integers(2, 3, seed=1)
    y, pullback = nn.Sequential().vjp(x)
    assert_array_equal(y, x)
    assert_array_equal(pullback(g), g)


def test_sequential_takes_gradients_only_down_to_the_first_layer_that_learns():
    frozen, learning = nn.Linear(3, 4, rng=0), nn.Linear(4, 2, rng=1)
    frozen.weight.requires_grad = frozen.bias.requires_grad = False
    model = nn.Sequential(frozen, nn.ReLU(), learning)
    x = integers(2, 3, dtype=np.float32)
    _, pullback = model.vjp(x, input_grad=False)
    g = integers(2, 2, seed=1, dtype=np.float32)
    assert pullback(g) is None
    assert frozen.weight.grad is None
    assert_array_equal(learning.bias.grad, g.sum(0))


@pytest.mark.parametrize(
    ("layer", "text"),
    [
        (
            nn.Conv2d(2, 4, 3, padding="same", groups=2),
            "Conv2d(2, 4, kernel_size=(3, 3), stride=(1, 1), padding='same', dilation=(1, 1), "
            "groups=2, bias=(4,))",
        ),
        (nn.Linear(2, 3, bias=False), "Linear(2, 3, bias=False)"),
        (
            nn.MaxPool2d(2),
            "MaxPool2d(kernel_size=(2, 2), stride=(2, 2), padding=(0, 0), dilation=(1, 1), "
            "ceil_mode=False)",
        ),
        (
            nn.AvgPool2d(2, 1),
            "AvgPool2d(kernel_size=(2, 2), stride=(1, 1), padding=(0, 0), ceil_mode=False, "
            "count_include_pad=True, divisor_override=None)",
        ),
        (nn.ConstantPad2d(1, 0.5), "ConstantPad2d(padding=(1, 1, 1, 1), value=0.5)"),
        (nn.Dropout(0.25), "Dropout(p=0.25)"),
        (nn.Softmax(1), "Softmax(dim=1)"),
        (nn.LogSoftmax(2), "LogSoftmax(dim=2)"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_layers_show_their_parameters(layer, text):
    assert repr(layer) == text


def test_fan_in_uniform_fills_its_bounds():
    x = nn.fan_in_uniform((10_000,), 16, rng=0, dtype=np.float64)
    assert x.min() >= -0.25
    assert x.max() <= 0.25
    # 10 000 draws miss an end of 1/1000 of the interval with probability exp(-10).
    assert x.min() < -0.249
    assert x.max() > 0.249
    assert_array_equal(nn.fan_in_uniform((3,), 0), np.zeros(3, np.float32), strict=True)


@pytest.mark.parametrize(
    ("build", "fan_in"),
    [(lambda: nn.Conv2d(4, 6, (3, 2), groups=2, rng=0), 12), (lambda: nn.Linear(9, 6, rng=0), 9)],
    ids=["Conv2d", "Linear"],
)
def test_layers_start_within_the_bound_of_their_fan_in_with_the_same_bits_for_a_seed(build, fan_in):
    layer, twin = build(), build()
    for name, parameter in layer.named_parameters():
        largest = np.abs(parameter.data).max()
        assert largest <= np.float32(1 / math.sqrt(fan_in))
        assert largest > 0.5 / math.sqrt(fan_in)
        assert_array_equal(parameter.data, twin.state_dict()[name])
        assert parameter.data.dtype == np.float32


# State


def test_state_dict_goes_into_another_model_as_copies():
    one, two = Residual(), Residual()
    one.scale.data, one.mean[:], one.count[...] = np.array([5.0]), [1, 2], 7
    state = one.state_dict()
    two.load_state_dict(state)
    for name, array in two.state_dict().items():
        assert_array_equal(array, state[name], strict=True)
    for array in state.values():
        array[...] = 99
    assert_array_equal(one.scale.data, [5])
    assert_array_equal(two.scale.data, [5])
    assert_array_equal(two.mean, [1, 2])
    assert two.count == 7


def test_state_dict_of_double_precision_loads_into_single():
    single, double = nn.Linear(2, 3, rng=0), nn.Linear(2, 3, rng=1, dtype=np.float64)
    single.load_state_dict(double.state_dict())
    assert_array_equal(single.weight.data, double.weight.data.astype(np.float32), strict=True)


STATE = {"weight": np.full((1, 2), 7, np.float32), "bias": np.full(1, 7, np.float32)}


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (
            {"bias": None},
            ValueError,
            r"state_dict lacks \['bias'\] and has the unknown entries \[\]; expected exactly "
            r"\['weight', 'bias'\]",
        ),
        (
            {"gain": np.ones(1)},
            ValueError,
            r"lacks \[\] and has the unknown entries \['gain'\]",
        ),
        ({"bias": np.ones(2)}, ValueError, r"bias has shape \(2,\), expected \(1,\)"),
        ({"bias": np.ones(1, int)}, TypeError, "bias is of int64, expected an array of float32"),
        ({"bias": np.ones(1, complex)}, TypeError, "bias is of complex128, expected an array of"),
        ({"bias": [1.0]}, TypeError, "bias is of list, expected an array of float32"),
        ({"bias": np.ma.ones(1)}, TypeError, "bias is of MaskedArray, expected an array of float"),
    ],
)
def test_load_state_dict_is_all_or_nothing(change, error, message):
    model = nn.Linear(2, 1, rng=0)
    before = model.state_dict()
    state = {k: v for k, v in {**STATE, **change}.items() if v is not None}
    with pytest.raises(error, match=f"^load_state_dict: .*{message}"):
        model.load_state_dict(state)
    for name, array in model.state_dict().items():
        assert_array_equal(array, before[name], strict=True)


def test_load_state_dict_leaves_buffers_of_another_kind():
    model = Residual()
    state = model.state_dict() | {"count": np.array(1.5), "scale": np.array([9.0])}
    with pytest.raises(
        TypeError, match=r"^load_state_dict: count is of float64, expected an array"
    ):
        model.load_state_dict(state)
    assert_array_equal(model.scale.data, [2])


def test_module_without_a_vjp_says_so():
    with pytest.raises(NotImplementedError, match=r"^Residual defines no vjp"):
        Residual()(np.ones(2))


# What constructors refuse


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: nn.Conv2d(0, 1, 3), "Conv2d: in_channels is 0, expected at least 1"),
        (lambda: nn.Conv2d(1, 0, 3), "Conv2d: out_channels is 0, expected at least 1"),
        (lambda: nn.Conv2d(1, 1, 0), "Conv2d: kernel_size is 0, expected at least 1"),
        (lambda: nn.Conv2d(1, 1, 3, stride=0), "Conv2d: stride is 0, expected at least 1"),
        (lambda: nn.Conv2d(1, 1, 3, dilation=0), "Conv2d: dilation is 0, expected at least 1"),
        (lambda: nn.Conv2d(1, 1, 3, padding=-1), "Conv2d: padding is -1, expected at least 0"),
        (lambda: nn.Conv2d(1, 1, 3, padding="full"), "Conv2d: padding is 'full', expected one of"),
        (
            lambda: nn.Conv2d(1, 1, 3, 2, "same"),
            r"Conv2d: stride is \(2, 2\), expected 1 with padding='same'",
        ),
        (lambda: nn.Conv2d(1, 1, 3, groups=0), "Conv2d: groups is 0, expected at least 1"),
        (
            lambda: nn.Conv2d(3, 4, 3, groups=2),
            "Conv2d: in_channels is 3, expected a multiple of groups=2",
        ),
        (
            lambda: nn.Conv2d(4, 3, 3, groups=2),
            "Conv2d: weight has 3 filters, expected a multiple of groups=2",
        ),
        (
            lambda: nn.Conv2d(1, 1, 3, untied_bias=True),
            r"Conv2d: untied_bias has input_size=None and bias=True, expected input_size=\(H, W\)",
        ),
        (
            lambda: nn.Conv2d(1, 1, 3, bias=False, untied_bias=True, input_size=(4, 4)),
            r"Conv2d: untied_bias has input_size=\(4, 4\) and bias=False",
        ),
        (
            lambda: nn.Conv2d(1, 1, 3, untied_bias=True, input_size=(2, 4)),
            r"Conv2d: the kernel reaches over \(3, 3\), but the padded input has \(2, 4\)",
        ),
        (
            lambda: nn.Conv2d(1, 1, 3, untied_bias=True, input_size=(1, 4, 4)),
            r"Conv2d: input_size is \(1, 4, 4\), expected \(H, W\)",
        ),
        (lambda: nn.Linear(0, 1), "Linear: in_features is 0, expected at least 1"),
        (lambda: nn.Linear(1, -1), "Linear: out_features is -1, expected at least 1"),
        (lambda: nn.MaxPool2d(0), "MaxPool2d: kernel_size is 0, expected at least 1"),
        (lambda: nn.MaxPool2d(2, 0), "MaxPool2d: stride is 0, expected at least 1"),
        (lambda: nn.MaxPool2d(2, padding=-1), "MaxPool2d: padding is -1, expected at least 0"),
        (lambda: nn.AvgPool2d((2, 2, 2)), r"AvgPool2d: kernel_size has 3 values, \(2, 2, 2\)"),
        (lambda: nn.AvgPool2d(2, -1), "AvgPool2d: stride is -1, expected at least 1"),
        (lambda: nn.ConstantPad2d((1, 1), 0.0), r"ConstantPad2d: padding has 2 values, \(1, 1\)"),
        (lambda: nn.Dropout(1.5), "Dropout: p is 1.5, expected at least 0 and at most 1"),
        (lambda: nn.Sequential({"a.b": nn.ReLU()}), "Sequential: 'a.b' is no free name for a lay"),
        (lambda: nn.Sequential({"seed": nn.ReLU()}), "Sequential: 'seed' is no free name"),
        (lambda: nn.Sequential({0: nn.ReLU()}), "Sequential: 0 is no free name for a layer"),
        (lambda: nn.fan_in_uniform((2,), -1), "fan_in_uniform: fan_in is -1, expected at least 0"),
    ],
)
def test_constructors_refuse_what_does_not_fit(build, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        build()


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: nn.Conv2d(1.0, 1, 3), "Conv2d: in_channels is 1.0, expected an integer"),
        (lambda: nn.Conv2d(1, 1, "3"), "Conv2d: kernel_size is '3', expected an integer"),
        (
            lambda: nn.Conv2d(1, 1, 3, untied_bias=True, input_size=28),
            "Conv2d: input_size is 28, expected a tuple of integers",
        ),
        (
            lambda: nn.Conv2d(1, 1, 3, dtype=np.float16),
            "Conv2d: dtype is float16, expected float32 or float64",
        ),
        (lambda: nn.Linear(2, 1, dtype=int), "Linear: dtype is int64, expected float32"),
        (lambda: nn.Linear(2.5, 1), "Linear: in_features is 2.5, expected an integer"),
        (lambda: nn.MaxPool2d(None), "MaxPool2d: kernel_size is None, expected an integer"),
        (lambda: nn.ConstantPad2d(0.5, 0.0), "ConstantPad2d: padding is 0.5, expected an integer"),
        (lambda: nn.Dropout("half"), "Dropout: p is 'half', expected a number"),
        (lambda: nn.Sequential(nn.ReLU), "Sequential: layer '0' is a type, expected a Module"),
        (lambda: nn.Sequential({"a": None}), "Sequential: layer 'a' is a NoneType, expected a Mod"),
        (lambda: nn.fan_in_uniform((2,), "9"), "fan_in_uniform: fan_in is '9', expected an int"),
    ],
)
def test_constructors_refuse_other_types(build, message):
    with pytest.raises(TypeError, match=f"^{message}"):
        build()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: nn.MaxPool2d(2, padding=2), "MaxPool2d: padding is (2, 2), expected at most half"),
        (lambda: nn.AvgPool2d(2, padding=2), "AvgPool2d: padding is (2, 2), expected at most half"),
        (lambda: nn.AvgPool2d(2, divisor_override=0), "AvgPool2d: divisor_override is 0, expected"),
        (lambda: nn.Conv2d(1, 1, 1, rng=-1), "Conv2d: rng is -1, expected"),
        (lambda: nn.Linear(1, 1, rng=-1), "Linear: rng is -1, expected"),
        (lambda: nn.Dropout(rng=-1), "Dropout: rng is -1, expected"),
        (lambda: nn.Sequential({"": nn.ReLU()}), "Sequential: '' is no free name"),
    ],
)
def test_layers_refuse_at_once_what_can_never_work(make, message):
    with pytest.raises(ValueError, match="^" + re.escape(message)):
        make()


def test_load_state_dict_takes_a_mapping_only():
    with pytest.raises(TypeError, match="^load_state_dict: the state_dict is a list, expected a m"):
        nn.Linear(1, 1, rng=0).load_state_dict(["weight", "bias"])
