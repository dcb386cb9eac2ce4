"""The layers of resizing and shuffling: what they compute, their gradients, what they refuse."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from scratchcnn import functional as F
from scratchcnn import nn


def integers(*shape, seed=0, dtype=np.float64):
    return np.random.default_rng(seed).integers(-5, 6, shape).astype(dtype)


CUBIC = {"scale_factor": (1.5, 2.5), "mode": "bicubic", "recompute_scale_factor": True}
# Each layer: how it is written, the shape of its input, its function and that one's options.
LAYERS = {
    "Upsample(scale_factor=2.0, mode='nearest')": ((2, 3, 5), "interpolate", {"scale_factor": 2.0}),
    "Upsample(size=(4, 7), mode='bilinear', align_corners=False)": (
        (2, 3, 3, 5),
        "interpolate",
        {"size": (4, 7), "mode": "bilinear", "align_corners": False},
    ),
    "Upsample(scale_factor=(1.5, 2.5), mode='bicubic', recompute_scale_factor=True)": (
        (2, 3, 3, 5),
        "interpolate",
        CUBIC,
    ),
    "Upsample(size=4, mode='area')": ((2, 3, 3, 5, 2), "interpolate", {"size": 4, "mode": "area"}),
    "UpsamplingNearest2d(scale_factor=1.5, mode='nearest')": (
        (2, 3, 3, 5),
        "interpolate",
        {"scale_factor": 1.5},
    ),
    "UpsamplingBilinear2d(size=(4, 7), mode='bilinear', align_corners=True)": (
        (2, 3, 3, 5),
        "interpolate",
        {"size": (4, 7), "mode": "bilinear", "align_corners": True},
    ),
    "PixelShuffle(upscale_factor=2)": ((2, 8, 3, 2), "pixel_shuffle", {"upscale_factor": 2}),
    "PixelUnshuffle(downscale_factor=3)": (
        (2, 3, 6),
        "pixel_unshuffle",
        {"downscale_factor": 3},
    ),
    "ChannelShuffle(groups=3)": ((2, 6, 2, 3), "channel_shuffle", {"groups": 3}),
}


def build(written):
    """Return the layer that its representation is the code of, but for fixed parameters."""
    name, options = written[:-1].split("(", 1)
    if name == "UpsamplingNearest2d":
        options = options.removesuffix(", mode='nearest'")
    if name == "UpsamplingBilinear2d":
        options = options.removesuffix(", mode='bilinear', align_corners=True")
    return eval(f"nn.{name}({options})")


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("written", LAYERS)
def test_layers_of_resizing_are_their_function_and_its_gradient(written, dtype):
    shape, name, options = LAYERS[written]
    layer, x = build(written), integers(*shape, dtype=dtype)
    y, pullback = layer.vjp(x)
    assert_array_equal(y, getattr(F, name)(x, **options), strict=True)
    assert_array_equal(layer(x), y, strict=True)
    g = integers(*y.shape, seed=1, dtype=dtype)
    more = {"input_shape": shape} if name == "interpolate" else {}
    grad = getattr(F, f"{name}_grad")(g, **more, **options)
    assert_array_equal(pullback(g), grad, strict=True)
    assert grad.shape == shape
    assert layer.vjp(x, input_grad=False)[1](g) is None


@pytest.mark.parametrize("written", LAYERS)
def test_layers_of_resizing_say_what_they_are_and_have_no_state(written):
    layer, x = build(written), integers(*LAYERS[written][0])
    assert repr(layer) == written
    assert layer.parameters() == []
    assert layer.state_dict() == {}
    for twin in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert_array_equal(twin(x), layer(x), strict=True)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: nn.Upsample(), "Upsample: size is None and scale_factor None, expected one of"),
        (
            lambda: nn.UpsamplingNearest2d(2, 2.0),
            "UpsamplingNearest2d: size is 2 and scale_factor 2.0, expected one of them",
        ),
        (lambda: nn.Upsample(2, mode="cubic"), "Upsample: mode is 'cubic', expected one of"),
        (lambda: nn.PixelShuffle(0), "PixelShuffle: upscale_factor is 0, expected at least 1"),
        (lambda: nn.PixelUnshuffle(0), "PixelUnshuffle: downscale_factor is 0, expected at least"),
        (lambda: nn.ChannelShuffle(-1), "ChannelShuffle: groups is -1, expected at least 1"),
        (
            lambda: nn.UpsamplingBilinear2d(2)(np.zeros((1, 1, 3))),
            r"interpolate: x has shape \(1, 1, 3\), expected \(N, C, H, W\)",
        ),
    ],
)
def test_layers_of_resizing_refuse_what_does_not_fit(call, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        call()
