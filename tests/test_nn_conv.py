"""Layers of convolutions, transposed convolutions, unfold and fold, and what they refuse."""

from __future__ import annotations

import inspect
import math

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from scratchcnn import functional as F
from scratchcnn import nn
from scratchcnn.summary import summarize

SIZE, KERNEL = (5, 6, 4), (3, 2, 4)


def integers(*shape, seed=0, dtype=np.float64):
    """Return small integers; every sum of their products is exact, in any order."""
    return np.random.default_rng(seed).integers(-5, 6, shape).astype(dtype)


def whole(layer):
    """Return the layer with small integers for weights."""
    for place, parameter in enumerate(layer.parameters()):
        parameter.data = integers(*parameter.shape, seed=7 + place)
    return layer


def conv(spatial, *arguments, **options):
    return whole(getattr(nn, f"Conv{spatial}d")(*arguments, dtype=np.float64, **options))


def transposed(spatial, *arguments, **options):
    return whole(getattr(nn, f"ConvTranspose{spatial}d")(*arguments, dtype=np.float64, **options))


each_rank = pytest.mark.parametrize("spatial", [1, 2, 3])
with_and_without_batch = pytest.mark.parametrize("lead", [(2,), ()], ids=["batched", "unbatched"])


@each_rank
@with_and_without_batch
def test_conv_layers_are_the_functions_of_their_names(spatial, lead):
    kernel = KERNEL[:spatial]
    layer = conv(spatial, 4, 6, kernel, 2, 3, 1, 2)
    weight, bias = layer.weight.data, layer.bias.data
    x, options = integers(*lead, 4, *SIZE[:spatial]), {"stride": 2, "padding": 3, "groups": 2}
    y, pullback = layer.vjp(x)
    name = f"conv{spatial}d"
    assert_array_equal(y, getattr(F, name)(x, weight, bias, **options), strict=True)
    g = integers(*y.shape, seed=1)
    expected = getattr(F, f"{name}_input_grad")(g, weight, input_shape=x.shape, **options)
    assert_array_equal(pullback(g), expected, strict=True)
    expected = getattr(F, f"{name}_weight_grad")(g, x, kernel_size=kernel, **options)
    assert_array_equal(layer.weight.grad, expected, strict=True)
    assert_array_equal(layer.bias.grad, getattr(F, f"{name}_bias_grad")(g), strict=True)


@each_rank
@with_and_without_batch
@pytest.mark.parametrize("mode", ["reflect", "replicate", "circular"])
def test_conv_layers_pad_with_more_than_zeros(spatial, lead, mode):
    padding = (1, 2, 3)[:spatial]
    layer = conv(spatial, 2, 3, KERNEL[:spatial], 2, padding, padding_mode=mode)
    bare = conv(spatial, 2, 3, KERNEL[:spatial], 2)
    x = integers(*lead, 2, *SIZE[:spatial])
    around = [edge for edge in padding[::-1] for _ in "<>"]
    y, pullback = layer.vjp(x)
    wide, pull_wide = bare.vjp(F.pad(x, around, mode=mode))
    assert_array_equal(y, wide, strict=True)
    g = integers(*y.shape, seed=1)
    expected = F.pad_grad(pull_wide(g), input_shape=x.shape, pad=around, mode=mode)
    assert_array_equal(pullback(g), expected, strict=True)
    assert_array_equal(layer.weight.grad, bare.weight.grad)
    assert_array_equal(layer.bias.grad, bare.bias.grad)


@pytest.mark.parametrize("mode", ["reflect", "replicate", "circular"])
def test_conv_layers_of_the_same_size_pad_an_even_kernel_at_the_end(mode):
    layer = conv(2, 2, 3, (2, 3), padding="same", dilation=(3, 1), padding_mode=mode)
    x = integers(2, 2, 5, 4)
    wide = F.pad(x, (1, 1, 1, 2), mode=mode)
    expected = F.conv2d(wide, layer.weight.data, layer.bias.data, dilation=(3, 1))
    assert_array_equal(layer(x), expected, strict=True)
    assert layer(x).shape == (2, 3, 5, 4)
    bare = conv(2, 2, 3, (2, 3), padding="valid", padding_mode=mode)
    assert_array_equal(bare(x), F.conv2d(x, bare.weight.data, bare.bias.data))


def test_conv_layers_of_a_constant_image_see_no_edge_unless_they_pad_with_zeros():
    x = np.full((1, 5, 6), 2.0)
    for mode in ("reflect", "replicate", "circular"):
        y = conv(2, 1, 1, 3, padding=1, padding_mode=mode)(x)
        assert_array_equal(y, np.full((1, 5, 6), y[0, 2, 2]))
    assert len(np.unique(conv(2, 1, 1, 3, padding=1)(x))) > 1


@each_rank
def test_conv_layers_can_have_a_bias_for_every_output_pixel(spatial):
    size = SIZE[:spatial]
    layer = conv(spatial, 2, 3, 2, untied_bias=True, input_size=size)
    assert layer.bias.shape == (3, *(n - 1 for n in size))
    x = integers(2, 2, *size)
    y, pullback = layer.vjp(x)
    plain = conv(spatial, 2, 3, 2, bias=False)
    assert_array_equal(y, plain(x) + layer.bias.data)
    g = integers(*y.shape, seed=1)
    pullback(g)
    assert_array_equal(layer.bias.grad, g.sum(0))


@each_rank
@with_and_without_batch
def test_transposed_layers_are_the_functions_of_their_names(spatial, lead):
    kernel = KERNEL[:spatial]
    layer = transposed(spatial, 4, 6, kernel, 3, 1, 2, 2)
    weight, bias = layer.weight.data, layer.bias.data
    x = integers(*lead, 4, *SIZE[:spatial])
    options = {"stride": 3, "padding": 1, "output_padding": 2, "groups": 2}
    y, pullback = layer.vjp(x)
    name = f"conv_transpose{spatial}d"
    assert_array_equal(y, getattr(F, name)(x, weight, bias, **options), strict=True)
    g = integers(*y.shape, seed=1)
    expected = getattr(F, f"{name}_input_grad")(g, weight, input_shape=x.shape, **options)
    assert_array_equal(pullback(g), expected, strict=True)
    expected = getattr(F, f"{name}_weight_grad")(g, x, kernel_size=kernel, **options)
    assert_array_equal(layer.weight.grad, expected, strict=True)
    assert_array_equal(layer.bias.grad, getattr(F, f"{name}_bias_grad")(g), strict=True)


def test_transposed_layer_takes_the_size_of_its_output_for_the_output_padding():
    layer, x = transposed(2, 2, 3, (3, 2), (2, 3), (1, 0)), integers(2, 2, 4, 3)
    assert layer(x).shape == (2, 3, 7, 8)
    y, pullback = layer.vjp(x, output_size=(8, 10))
    expected = F.conv_transpose2d(
        *(x, layer.weight.data, layer.bias.data),
        stride=(2, 3),
        padding=(1, 0),
        output_padding=(1, 2),
    )
    assert_array_equal(y, expected, strict=True)
    assert_array_equal(layer(x, output_size=[8, 10]), expected, strict=True)
    assert_array_equal(layer(x[0], (8, 10)), expected[0], strict=True)
    assert_array_equal(layer(x, output_size=8), expected[..., :8], strict=True)
    assert pullback(integers(*y.shape, seed=1)).shape == x.shape


def test_transposed_layer_leads_back_to_the_size_from_which_the_convolution_came():
    down, up = conv(2, 2, 4, 3, 2, 1), transposed(2, 4, 2, 3, 2, 1)
    for size in ((7, 8), (8, 7), (9, 9)):
        x = integers(2, 2, *size)
        assert up(down(x), output_size=size).shape == x.shape


@pytest.mark.parametrize(
    ("build", "fan_in"),
    [
        (lambda: nn.Conv1d(40, 60, 3, groups=2, rng=0), 20 * 3),
        (lambda: nn.Conv3d(4, 6, (1, 2, 3), groups=2, rng=0), 2 * 6),
        (lambda: nn.ConvTranspose1d(30, 60, 3, groups=2, rng=0), 30 * 3),
        (lambda: nn.ConvTranspose2d(4, 6, (3, 2), groups=2, rng=0), 3 * 6),
        (lambda: nn.ConvTranspose3d(4, 6, (1, 2, 4), groups=2, rng=0), 3 * 8),
    ],
)
def test_weights_start_uniform_over_one_by_the_root_of_the_fan_in(build, fan_in):
    layer, bound = build(), 1 / math.sqrt(fan_in)
    values = layer.weight.data.ravel()
    assert np.abs(values).max() <= bound
    assert np.abs(layer.bias.data).max() <= bound
    # That no draw comes so near to either end has a probability below (1 - 1/16)^36 each.
    assert values.max() > 7 / 8 * bound
    assert values.min() < -7 / 8 * bound
    assert_array_equal(layer.weight.data, build().weight.data, strict=True)
    assert layer.weight.data.dtype == np.float32


@each_rank
def test_a_transposed_layer_takes_as_many_products_as_the_convolution_it_leads_back(spatial):
    size = (7, 9, 5)[:spatial]
    down, up = conv(spatial, 4, 6, 3, 2, groups=2), transposed(spatial, 6, 4, 3, 2, groups=2)
    rows = summarize(nn.Sequential(down, up), (4, *size))
    assert [row.output_shape for row in rows] == [(6, *(n // 2 for n in size)), (4, *size)]
    products = math.prod(n // 2 for n in size) * 6 * 2 * 3**spatial
    assert [row.multiply_adds for row in rows] == [products, products]


def test_unfold_and_fold_layers_are_their_functions():
    hyper = {"kernel_size": (3, 2), "dilation": (1, 3), "padding": (2, 1), "stride": (2, 1)}
    x = integers(2, 3, 4, 5)
    y, pullback = nn.Unfold(**hyper).vjp(x)
    assert_array_equal(y, F.unfold(x, **hyper), strict=True)
    g = integers(*y.shape, seed=1)
    assert_array_equal(pullback(g), F.fold(g, (4, 5), **hyper), strict=True)
    y, pullback = nn.Fold((4, 5), **hyper).vjp(g)
    assert_array_equal(y, F.fold(g, (4, 5), **hyper), strict=True)
    assert_array_equal(pullback(x), F.unfold(x, **hyper), strict=True)
    assert nn.Unfold((3, 2), (1, 3), (2, 1), (2, 1))(x[0]).shape == g[0].shape
    assert nn.Fold((4, 5), (3, 2), (1, 3), (2, 1), (2, 1))(g[0]).shape == x[0].shape


@each_rank
def test_layers_have_the_parameters_of_pytorch_in_their_order(spatial):
    torch = pytest.importorskip("torch", reason="this test compares signatures with PyTorch")
    names = [f"Conv{spatial}d", f"ConvTranspose{spatial}d", "Unfold", "Fold"]
    for name in names:
        ours = inspect.signature(getattr(nn, name)).parameters.values()
        theirs = inspect.signature(getattr(torch.nn, name)).parameters.values()
        positional = [(p.name, p.default) for p in ours if p.kind is p.POSITIONAL_OR_KEYWORD]
        expected = [(p.name, p.default) for p in theirs if p.name not in ("device", "dtype")]
        assert positional == expected


@pytest.mark.parametrize(
    ("layer", "text"),
    [
        (
            nn.Conv1d(2, 4, 3, padding=1, padding_mode="circular", bias=False),
            "Conv1d(2, 4, kernel_size=(3,), stride=(1,), padding=1, dilation=(1,), groups=1, "
            "bias=None, padding_mode='circular')",
        ),
        (
            nn.ConvTranspose2d(2, 4, 3, (2, 1), 1, (1, 0), 2, rng=0),
            "ConvTranspose2d(2, 4, kernel_size=(3, 3), stride=(2, 1), padding=(1, 1), "
            "output_padding=(1, 0), groups=2, bias=(4,), dilation=(1, 1))",
        ),
        (
            nn.ConvTranspose1d(2, 4, 3, bias=False),
            "ConvTranspose1d(2, 4, kernel_size=(3,), stride=(1,), padding=(0,), "
            "output_padding=(0,), groups=1, bias=None, dilation=(1,))",
        ),
        (
            nn.Unfold((3, 2), stride=2),
            "Unfold(kernel_size=(3, 2), dilation=(1, 1), padding=(0, 0), stride=(2, 2))",
        ),
        (
            nn.Fold(5, 2, padding=1),
            "Fold(output_size=(5, 5), kernel_size=(2, 2), dilation=(1, 1), padding=(1, 1), "
            "stride=(1, 1))",
        ),
    ],
)
def test_layers_print_their_hyperparameters(layer, text):
    assert repr(layer) == text


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: nn.Conv2d(1, 1, 3, padding_mode="constant"),
            "Conv2d: padding_mode is 'constant', expected one of 'zeros', 'reflect', 'replicate', "
            "'circular'",
        ),
        (lambda: nn.Conv1d(1, 1, (3, 3)), r"Conv1d: kernel_size has 2 values, \(3, 3\), expected"),
        (
            lambda: nn.Conv3d(1, 1, 3, untied_bias=True),
            r"Conv3d: untied_bias has input_size=None and bias=True, expected input_size=\(D, H",
        ),
        (
            lambda: nn.Conv1d(1, 1, 3, untied_bias=True, input_size=(4, 4)),
            r"Conv1d: input_size is \(4, 4\), expected \(L,\)",
        ),
        (
            lambda: nn.Conv3d(1, 1, 3, 2, "same"),
            r"Conv3d: stride is \(2, 2, 2\), expected 1 with padding='same'",
        ),
        (
            lambda: nn.ConvTranspose2d(2, 3, 3, groups=2),
            "ConvTranspose2d: out_channels is 3, expected a multiple of groups=2",
        ),
        (
            lambda: nn.ConvTranspose2d(3, 2, 3, groups=2),
            "ConvTranspose2d: x has 3 channels, expected a multiple of groups=2",
        ),
        (
            lambda: nn.ConvTranspose2d(2, 3, 3, 2, 9, 2),
            r"ConvTranspose2d: output_padding is \(2, 2\), expected less than stride \(2, 2\)",
        ),
        (
            lambda: nn.ConvTranspose1d(2, 3, 3, padding_mode="reflect"),
            "ConvTranspose1d: padding_mode is 'reflect', expected one of 'zeros'",
        ),
        (
            lambda: nn.ConvTranspose2d(1, 1, 3, 2)(np.zeros((1, 1, 4, 4), np.float32), (9, 11)),
            r"ConvTranspose2d: output_size is \(9, 11\), expected \(9, 9\) to \(10, 10\) for x of "
            r"\(4, 4\)",
        ),
        (
            lambda: nn.ConvTranspose2d(1, 1, 3, 2)(np.zeros((1, 1, 4, 4), np.float32), 8),
            r"ConvTranspose2d: output_size is \(8, 8\), expected \(9, 9\) to \(10, 10\)",
        ),
        (
            lambda: nn.ConvTranspose2d(1, 1, 3)(np.zeros(4, np.float32), 8),
            "ConvTranspose2d: x has 1 dimensions",
        ),
        (lambda: nn.Unfold(2, stride=0), "Unfold: stride is 0, expected at least 1"),
        (lambda: nn.Fold(0, 2), "Fold: output_size is 0, expected at least 1"),
    ],
)
def test_layers_refuse_what_does_not_fit(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: nn.Conv1d(1, 1, 3.0), "Conv1d: kernel_size is 3.0, expected an integer"),
        (
            lambda: nn.ConvTranspose1d(1, 1, 3, padding="same"),
            "ConvTranspose1d: padding is 'same', expected an integer of at least 0",
        ),
        (
            lambda: nn.ConvTranspose2d(1, 1, 3, dtype=np.float16),
            "ConvTranspose2d: dtype is float16, expected float32 or float64",
        ),
        (lambda: nn.ConvTranspose2d(1, 1, 3, rng="a"), "ConvTranspose2d: rng is 'a', expected"),
        (lambda: nn.Unfold(2.5), "Unfold: kernel_size is 2.5, expected an integer"),
    ],
)
def test_layers_refuse_parameters_of_wrong_types(call, message):
    with pytest.raises(TypeError, match=message):
        call()
