"""VGG and AlexNet: names and counts, the same numbers as PyTorch, sizes, seeds."""

from __future__ import annotations

import sys

import numpy as np
import pytest

pytest.importorskip("torch", reason="the networks are compared with those of PyTorch")

import torch_networks
import twins
from numpy.testing import assert_array_equal

from scratchcnn import models, nn
from scratchcnn.interop.torch import from_torch, state_dict_from_torch, to_torch
from scratchcnn.models import MODELS

NAMES = [f"vgg{depth}{end}" for depth in (11, 13, 16, 19) for end in ("", "_bn")]
NAMES += ["alexnet", "small_alexnet"]
# The smallest images that the network takes.
SIDES = dict.fromkeys(NAMES, 32) | {"alexnet": 63, "small_alexnet": 15}
COMPARED = ["vgg11", "vgg13_bn", "alexnet", "small_alexnet"]


def narrow(name, width=2, seed=0, dtype=np.float64):
    build = MODELS[name].build
    return build(num_classes=3, in_channels=2, width=width, rng=seed, dtype=dtype)


def torch_network(name, width=2):
    return torch_networks.build(name, 3, 2, width)


def images(name, count=2):
    return np.random.default_rng(3).standard_normal((count, 2, SIDES[name], SIDES[name] + 2))


@pytest.mark.parametrize("training", [True, False], ids=["training", "evaluation"])
@pytest.mark.parametrize("name", COMPARED)
def test_network_computes_what_pytorch_does(name, training):
    model = twins.randomized(narrow(name))
    found, worst = twins.mistakes(model, torch_network(name), images(name), training)
    print(f"{name}, training={training}: {worst:.2g} of the tolerance")
    assert found == []


@pytest.mark.parametrize("name", NAMES)
def test_network_has_the_names_and_shapes_of_torchvision(name):
    state, expected = narrow(name, 1).state_dict(), torch_network(name, 1).state_dict()
    assert list(state) == list(expected)
    assert [array.shape for array in state.values()] == [
        tuple(tensor.shape) for tensor in expected.values()
    ]


def test_vgg16_has_the_names_that_its_checkpoints_have():
    names = list(models.vgg16(width=1, rng=0).state_dict())
    weights = [int(name.split(".")[1]) for name in names if name.endswith("weight")]
    assert weights == [0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28, 0, 3, 6]
    assert names[-1] == "classifier.6.bias"
    normalized = models.vgg16(width=1, batch_norm=True, rng=0).state_dict()
    assert list(normalized)[2:4] == ["features.1.weight", "features.1.bias"]
    assert "features.41.running_var" in normalized


def count(model):
    return sum(parameter.data.size for parameter in model.parameters())


# In torchvision's documentation. The dense layers, the same in all VGGs, are 123,642,856 of them.
@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("vgg11", 132_863_336),
        ("vgg13", 133_047_848),
        ("vgg16", 138_357_544),
        ("vgg19", 143_667_240),
        ("vgg16_bn", 138_365_992),
    ],
)
def test_vgg_has_the_known_number_of_parameters(name, parameters, monkeypatch):
    # Drawing the dense layers would take a second and a gigabyte.
    monkeypatch.setattr("scratchcnn.models.vgg._dense", lambda *_: nn.Identity())
    assert count(MODELS[name].build(rng=0)) == parameters - 123_642_856


def test_dense_layers_of_vgg_have_the_known_number_of_parameters():
    assert (512 * 49 + 1) * 4096 + (4096 + 1) * 4096 + (4096 + 1) * 1000 == 123_642_856
    layers = [each for each in narrow("vgg11", 4).classifier if isinstance(each, nn.Linear)]
    assert [(each.in_features, each.out_features) for each in layers] == [
        (512 * 49 // 16, 256),
        (256, 256),
        (256, 3),
    ]


def test_alexnet_has_the_known_number_of_parameters(monkeypatch):
    # The function of that name hides the module.
    module = sys.modules["scratchcnn.models.alexnet"]
    monkeypatch.setattr(module, "Linear", lambda *_, **__: nn.Identity())
    dense = (9216 + 1) * 4096 + (4096 + 1) * 4096 + (4096 + 1) * 1000
    assert count(models.alexnet(rng=0)) == 61_100_840 - dense
    layers = [each for each in torch_network("alexnet", 4).classifier if hasattr(each, "weight")]
    assert [layer.in_features for layer in layers] == [9216 // 16, 256, 256]


def test_vgg_starts_with_normal_weights_and_zero_biases():
    model = narrow("vgg13_bn", 8)
    for name, layer in model.named_layers():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            deviation = 0.01
            if isinstance(layer, nn.Conv2d):
                deviation = np.sqrt(2 / (9 * layer.out_channels))
            weight = layer.weight.data / deviation
            # Five deviations of the mean square of so many normal values.
            assert abs((weight**2).mean() - 1) < 5 * np.sqrt(2 / weight.size), name
            assert abs(weight.mean()) < 5 / np.sqrt(weight.size), name
            assert_array_equal(layer.bias.data, 0)


@pytest.mark.parametrize("name", COMPARED)
def test_network_depends_on_its_seed_alone_also_in_its_dropout(name):
    x = images(name)
    first, again, other = (narrow(name, seed=seed) for seed in (0, 0, 1))
    y = first(x)
    assert_array_equal(y, again(x))
    assert (y != other(x)).any()
    # The next masks are others.
    assert (y != first(x)).any()
    masks = [each.rng for _, each in first.named_layers() if isinstance(each, nn.Dropout)]
    assert len({id(each) for each in masks}) == 2


@pytest.mark.parametrize("name", ["vgg11", "alexnet", "small_alexnet"])
def test_network_takes_its_smallest_size_and_no_smaller(name):
    model, side = narrow(name, 1).eval(), SIDES[name]
    assert model(np.ones((1, 2, side, side))).shape == (1, 3)
    assert model(np.ones((1, 2, side, 2 * side))).shape == (1, 3)
    with pytest.raises(ValueError, match="max_pool2d: "):
        model(np.ones((1, 2, side, side - 1)))
    assert MODELS[name].least == side


@pytest.mark.parametrize("name", ["vgg11_bn", "small_alexnet"])
def test_network_goes_to_torch_and_back(name):
    model = twins.randomized(narrow(name)).eval()
    twin = to_torch(model)
    assert list(twin.state_dict()) == list(model.state_dict())
    back = from_torch(twin, rng=0)
    assert repr(to_torch(back)) == repr(twin)
    assert_array_equal(back(images(name)), model(images(name)))


def test_checkpoint_of_vgg_with_batch_norm_does_not_pass_for_one_without():
    model = narrow("vgg11")
    before = model.state_dict()
    report = nn.load_matching(model, state_dict_from_torch(torch_network("vgg11_bn")))
    assert "features.0.weight" in report.loaded
    assert "features.3.weight" in report.missing_keys
    assert "features.1.running_mean" in report.unexpected_keys
    with pytest.raises(ValueError, match=r"^load_state_dict: state_dict lacks \['features\.3\.we"):
        model.load_state_dict(state_dict_from_torch(torch_network("vgg11_bn")))
    assert (model.features[3].weight.data == before["features.3.weight"]).all()


def test_head_of_vgg_is_its_last_dense_layer():
    model = narrow("vgg11")
    head = nn.Linear(128, 5, dtype=np.float64, rng=0)
    assert nn.replace_head(model, head) == "classifier.6"
    assert model(images("vgg11")).shape == (2, 5)
