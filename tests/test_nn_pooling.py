"""Layers of pooling: their functions, their constructors and their text."""

from __future__ import annotations

import inspect
import math

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from scratchcnn import functional as F
from scratchcnn import nn

DIMENSIONS = pytest.mark.parametrize("axes", [1, 2, 3])
SIZE, KERNEL, STRIDE = (5, 6, 4), (2, 3, 1), (1, 2, 2)


def integers(*shape, seed=0):
    return np.random.default_rng(seed).integers(-5, 6, shape).astype(float)


def windows(axes):
    return {"kernel_size": KERNEL[:axes], "stride": STRIDE[:axes]}


# Each layer: its function, and how both are called for a number of axes.
LAYERS = {
    "MaxPool": (
        "max_pool",
        lambda axes: {**windows(axes), "dilation": (2, 1, 1)[:axes], "ceil_mode": True},
    ),
    "AvgPool": (
        "avg_pool",
        lambda axes: {
            **windows(axes),
            "padding": (1, 0, 0)[:axes],
            "ceil_mode": True,
            "count_include_pad": False,
        },
    ),
    "LPPool": ("lp_pool", lambda axes: {"norm_type": 2.0, **windows(axes), "ceil_mode": True}),
    "AdaptiveAvgPool": ("adaptive_avg_pool", lambda axes: {"output_size": (3, None, 2)[:axes]}),
    "AdaptiveMaxPool": ("adaptive_max_pool", lambda axes: {"output_size": (3, None, 2)[:axes]}),
}


@DIMENSIONS
@pytest.mark.parametrize("name", LAYERS)
def test_layers_are_the_functions_of_their_names(name, axes):
    function, arguments = LAYERS[name]
    options = arguments(axes)
    layer = getattr(nn, f"{name}{axes}d")(**options)
    x = integers(2, 3, *SIZE[:axes])
    forward = getattr(F, f"{function}{axes}d")
    expected = forward(x, **options)
    assert_array_equal(layer(x), expected, strict=True)
    y, pullback = layer.vjp(x)
    assert_array_equal(y, expected, strict=True)
    g = integers(*y.shape, seed=1)
    saved = {"input_shape": x.shape}
    if "Max" in name:
        saved["indices"] = forward(x, **options, return_indices=True).indices
    if name == "LPPool":
        saved = {"x": x, "y": y}
    grad = getattr(F, f"{function}{axes}d_grad")(g, **saved, **options)
    assert_array_equal(pullback(g), grad, strict=True)
    assert layer.vjp(x, input_grad=False)[1](g) is None


@DIMENSIONS
@pytest.mark.parametrize("name", LAYERS)
def test_layers_take_an_image_without_a_batch(name, axes):
    layer = getattr(nn, f"{name}{axes}d")(**LAYERS[name][1](axes))
    x = integers(3, *SIZE[:axes])
    assert_array_equal(layer(x), layer(x[None])[0], strict=True)
    y, pullback = layer.vjp(x)
    assert pullback(integers(*y.shape, seed=1)).shape == x.shape


@DIMENSIONS
@pytest.mark.parametrize(("name", "argument"), [("Max", 2), ("AdaptiveMax", 3)])
def test_layers_return_indices_beside_the_maxima_if_asked(name, argument, axes):
    kind = getattr(nn, f"{name}Pool{axes}d")
    layer, plain = kind(argument, return_indices=True), kind(argument)
    x = integers(2, 3, *SIZE[:axes])
    (y, indices), pullback = layer.vjp(x)
    output, found = layer(x)
    assert_array_equal(output, plain(x), strict=True)
    assert_array_equal(y, output)
    assert_array_equal(indices, found)
    picked = np.take_along_axis(x.reshape(2, 3, -1), indices.reshape(2, 3, -1), 2)
    assert_array_equal(picked.reshape(y.shape), y)
    g = integers(*y.shape, seed=1)
    assert_array_equal(pullback(g), plain.vjp(x)[1](g), strict=True)
    assert layer.vjp(x, input_grad=False)[1](g) is None


@DIMENSIONS
def test_unpooling_layers_undo_their_pooling(axes):
    options = {"kernel_size": 3, "stride": 2, "padding": 1}
    x = integers(2, 3, *(5, 6, 4)[:axes])
    y, indices = getattr(nn, f"MaxPool{axes}d")(**options, return_indices=True)(x)
    layer = getattr(nn, f"MaxUnpool{axes}d")(**options)
    unpool = getattr(F, f"max_unpool{axes}d")
    for size in (x.shape, x.shape[2:]):
        expected = unpool(y, indices, **options, output_size=size)
        assert_array_equal(layer(y, indices, output_size=size), expected, strict=True)
        output, pullback = layer.vjp(y, indices, output_size=size)
        assert_array_equal(output, expected, strict=True)
        g = integers(*x.shape, seed=1)
        grad = getattr(F, f"max_unpool{axes}d_grad")(g, indices)
        assert_array_equal(pullback(g), grad, strict=True)
        assert layer.vjp(y, indices, size, input_grad=False)[1](g) is None
    square = getattr(nn, f"MaxUnpool{axes}d")(2)
    assert square.stride == (2,) * axes
    places = np.arange(math.prod(y.shape[2:])).reshape(y.shape[2:]) + np.zeros_like(indices)
    assert_array_equal(square(y, places), unpool(y, places, 2))


def test_global_average_pooling_makes_a_classifier_of_images_of_any_size():
    head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 2, rng=0))
    for size in ((4, 4), (5, 7)):
        assert head(np.ones((2, 3, *size), np.float32)).shape == (2, 2)


NAMES = [
    *(f"{name}{axes}d" for name in (*LAYERS, "MaxUnpool") for axes in (1, 2, 3)),
]


@pytest.mark.parametrize("name", NAMES)
def test_constructors_have_the_parameters_of_torch_in_their_order(name):
    torch = pytest.importorskip("torch")

    def signature(module):
        parameters = inspect.signature(getattr(module, name).__init__).parameters
        return [(n, p.default) for n, p in parameters.items()]

    assert signature(nn) == signature(torch.nn)


@pytest.mark.parametrize(
    ("layer", "text"),
    [
        (
            nn.MaxPool1d(3, 2),
            "MaxPool1d(kernel_size=(3,), stride=(2,), padding=(0,), dilation=(1,), "
            "ceil_mode=False)",
        ),
        (
            nn.AvgPool1d(3),
            "AvgPool1d(kernel_size=(3,), stride=(3,), padding=(0,), ceil_mode=False, "
            "count_include_pad=True)",
        ),
        (
            nn.LPPool2d(1.5, 2),
            "LPPool2d(norm_type=1.5, kernel_size=(2, 2), stride=(2, 2), ceil_mode=False)",
        ),
        (nn.AdaptiveAvgPool2d((1, None)), "AdaptiveAvgPool2d(output_size=(1, None))"),
        (nn.AdaptiveMaxPool3d(2), "AdaptiveMaxPool3d(output_size=2)"),
        (nn.MaxUnpool2d(2), "MaxUnpool2d(kernel_size=(2, 2), stride=(2, 2), padding=(0, 0))"),
    ],
)
def test_layers_say_what_they_are(layer, text):
    assert repr(layer) == text


@pytest.mark.parametrize(
    ("error", "call", "message"),
    [
        (
            ValueError,
            lambda: nn.MaxPool3d((2, 2)),
            r"MaxPool3d: kernel_size has 2 values, \(2, 2\)",
        ),
        (ValueError, lambda: nn.MaxPool1d(2, dilation=0), "MaxPool1d: dilation is 0, expected"),
        (ValueError, lambda: nn.AvgPool1d(2, padding=2), r"AvgPool1d: padding is \(2,\), expected"),
        (
            ValueError,
            lambda: nn.AvgPool3d(2, divisor_override=0),
            "AvgPool3d: divisor_override is 0, expected another integer",
        ),
        (ValueError, lambda: nn.LPPool2d(0, 2), "LPPool2d: norm_type is 0, expected another"),
        (TypeError, lambda: nn.LPPool2d("2", 2), "LPPool2d: norm_type is '2', expected a number"),
        (ValueError, lambda: nn.LPPool2d(2, 0), "LPPool2d: kernel_size is 0, expected at least 1"),
        (ValueError, lambda: nn.AdaptiveAvgPool2d(-1), "AdaptiveAvgPool2d: output_size is -1, ex"),
        (TypeError, lambda: nn.AdaptiveMaxPool2d(1.5), "AdaptiveMaxPool2d: output_size is 1.5, "),
        (ValueError, lambda: nn.AdaptiveAvgPool3d((1, 2)), "AdaptiveAvgPool3d: output_size has 2"),
        (ValueError, lambda: nn.MaxUnpool1d(2, 0), "MaxUnpool1d: stride is 0, expected at least"),
        (ValueError, lambda: nn.MaxUnpool2d(2, padding=-1), "MaxUnpool2d: padding is -1, expected"),
    ],
)
def test_layers_refuse_what_does_not_fit(error, call, message):
    with pytest.raises(error, match=f"^{message}"):
        call()
