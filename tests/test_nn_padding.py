"""The layers of padding: what they compute, their gradients, and what they refuse."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from scratchcnn import functional as F
from scratchcnn import nn

MODES = {
    "Zero": "constant",
    "Constant": "constant",
    "Reflection": "reflect",
    "Replication": "replicate",
    "Circular": "circular",
}
LAYERS = [(kind, axes) for kind in MODES for axes in (1, 2, 3)]
WIDTHS = (1, 2, 0, -1, 2, 0)


def integers(*shape, seed=0, dtype=np.float64):
    return np.random.default_rng(seed).integers(-5, 6, shape).astype(dtype)


def build(kind, axes, padding):
    more = (3.0,) if kind == "Constant" else ()
    return getattr(nn, f"{kind}Pad{axes}d")(padding, *more)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("kind", "axes"), LAYERS)
def test_layers_of_padding_are_the_function_and_its_gradient(kind, axes, dtype):
    x, widths = integers(2, 3, *(3, 4, 5)[:axes], dtype=dtype), WIDTHS[: 2 * axes]
    layer = build(kind, axes, widths)
    value = 3.0 if kind == "Constant" else 0.0
    expected = F.pad(x, widths, mode=MODES[kind], value=value)
    y, pullback = layer.vjp(x)
    assert_array_equal(y, expected, strict=True)
    assert_array_equal(layer(x), expected, strict=True)
    g = integers(*y.shape, seed=1, dtype=dtype)
    grad = F.pad_grad(g, input_shape=x.shape, pad=widths, mode=MODES[kind])
    assert_array_equal(pullback(g), grad, strict=True)
    assert layer.vjp(x, input_grad=False)[1](g) is None


@pytest.mark.parametrize(("kind", "axes"), LAYERS)
def test_layers_of_padding_take_one_width_for_all_edges(kind, axes):
    x = integers(3, *(3, 4, 5)[:axes])
    layer = build(kind, axes, 2)
    assert layer.padding == (2,) * 2 * axes
    assert_array_equal(layer(x), build(kind, axes, [2] * 2 * axes)(x), strict=True)
    assert layer(x).shape == (3, *(n + 4 for n in (3, 4, 5)[:axes]))


@pytest.mark.parametrize(("kind", "axes"), LAYERS)
def test_layers_of_padding_say_what_they_are_and_what_they_lack(kind, axes):
    layer, name = build(kind, axes, WIDTHS[: 2 * axes]), f"{kind}Pad{axes}d"
    value = ", value=3.0" if kind == "Constant" else ""
    assert repr(layer) == f"{name}(padding={WIDTHS[: 2 * axes]}{value})"
    assert layer.parameters() == []
    assert layer.state_dict() == {}
    x = integers(2, 3, 3, 4, 5)[(0,) * (3 - axes)]
    for twin in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert_array_equal(twin(x), layer(x), strict=True)
    with pytest.raises(ValueError, match=rf"^{name}: padding has 5 values, \(1, 1, 1, 1, 1\)"):
        build(kind, axes, (1,) * 5)
    with pytest.raises(TypeError, match=f"^{name}: padding is 0.5, expected an integer"):
        build(kind, axes, 0.5)


@pytest.mark.parametrize(("kind", "axes"), LAYERS[6:])
def test_layers_of_padding_refuse_other_ranks(kind, axes):
    with pytest.raises(ValueError, match=f"^pad: pad has {2 * axes} widths, but x has shape"):
        build(kind, axes, 1)(np.zeros((2,) * axes))
