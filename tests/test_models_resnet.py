"""Residual networks: names and counts, the same numbers as PyTorch, checkpoints, frozen stages."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch", reason="the networks are compared with those of PyTorch")

import torch
import torch_networks
import twins
from numpy.testing import assert_array_equal

from scratchcnn import models, nn
from scratchcnn.interop.torch import (
    from_torch,
    state_dict_from_torch,
    state_dict_to_torch,
    to_torch,
)
from scratchcnn.models import MODELS, BasicBlock, Bottleneck
from scratchcnn.summary import summarize

# A narrow network's width, and the side of its images; below 33 the last maps of the three are
# single pixels, of which BatchNorm would make ±1 and PyTorch's own runs would differ visibly.
NARROW = {"resnet18": (4, 40), "resnet34": (2, 34), "resnet50": (2, 34), "resnet20": (4, 22)}
# What torchvision's documentation, and for ResNet-20 the article (0.27 million), say.
PARAMETERS = {"resnet18": 11_689_512, "resnet34": 21_797_672, "resnet50": 25_557_032}
PARAMETERS["resnet20"] = 269_722


def narrow(name, dtype=np.float64, seed=0):
    width, _ = NARROW[name]
    build = MODELS[name].build
    return build(num_classes=7, in_channels=2, width=width, rng=seed, dtype=dtype)


def images(name, count=3):
    side = NARROW[name][1]
    return np.random.default_rng(2).standard_normal((count, 2, side, side - 1))


def torch_network(name):
    return torch_networks.build(name, 7, 2, NARROW[name][0])


@pytest.mark.parametrize("training", [True, False], ids=["training", "evaluation"])
@pytest.mark.parametrize("name", NARROW)
def test_resnet_computes_what_pytorch_does(name, training):
    model = twins.randomized(narrow(name))
    found, worst = twins.mistakes(model, torch_network(name), images(name), training)
    print(f"{name}, training={training}: {worst:.2g} of the tolerance")
    assert found == []


def test_whole_resnet18_computes_what_pytorch_does():
    model = models.resnet18(dtype=np.float64, rng=0)
    x = np.random.default_rng(2).standard_normal((2, 3, 40, 40))
    module = torch_networks.build("resnet18", 1000, 3, 64)
    found, _ = twins.mistakes(model, module, x, True, disturbances=1)
    assert found == []


def test_stride_of_the_bottleneck_is_that_of_its_middle_convolution():
    block = Bottleneck(8, 2, 2, rng=0)
    assert [getattr(block, f"conv{n}").stride for n in (1, 2, 3)] == [(1, 1), (2, 2), (1, 1)]


class Straight(BasicBlock):
    """A block without its shortcut."""

    def body(self):
        return nn.Sequential(self.conv1, self.bn1, self.relu, self.conv2, self.bn2, self.relu)


class Late(BasicBlock):
    """A block that adds after its ReLU."""

    def body(self):
        return nn.Residual(Straight.body(self))


# Each changes something that keeps all shapes.
def _other_stride(model):
    block = model.layer2[0]
    block.conv1.stride, block.conv2.stride = block.conv2.stride, block.conv1.stride


def _no_shortcut(model):
    model.layer1[1].__class__ = Straight


def _late_sum(model):
    model.layer1[1].__class__ = Late


def _other_eps(model):
    model.bn1.eps = 1.0001e-5


def _other_momentum(model):
    model.layer3[0].bn2.momentum = 0.1001


@pytest.mark.parametrize(
    "change",
    [_other_stride, _no_shortcut, _late_sum, _other_eps, _other_momentum],
    ids=lambda each: each.__name__,
)
def test_the_tolerance_finds_a_network_that_differs_a_little(change):
    model = twins.randomized(narrow("resnet18"))
    change(model)
    assert twins.mistakes(model, torch_network("resnet18"), images("resnet18"), True)[0]


def test_the_tolerance_finds_a_gradient_that_goes_one_way_only(monkeypatch):
    model = twins.randomized(narrow("resnet18"))
    vjp = nn.Identity.vjp

    def blind(self, x, input_grad=True):
        return vjp(self, x, input_grad)[0], lambda grad_output: 0 * grad_output

    monkeypatch.setattr(nn.Identity, "vjp", blind)
    found, _ = twins.mistakes(model, torch_network("resnet18"), images("resnet18"), True)
    assert not any(line.startswith("output") for line in found)
    assert any(line.startswith("gradient of conv1.weight") for line in found)


@pytest.mark.parametrize("name", NARROW)
def test_resnet_has_the_names_and_shapes_of_torchvision(name):
    state, expected = narrow(name).state_dict(), torch_network(name).state_dict()
    assert {each: array.shape for each, array in state.items()} == {
        each: tuple(tensor.shape) for each, tensor in expected.items()
    }
    assert list(state) == list(expected)


def test_resnet18_has_the_names_that_its_checkpoints_have():
    names = list(models.resnet18(width=1, rng=0).state_dict())
    assert len(names) == 122
    assert names[:7] == [
        "conv1.weight",
        "bn1.weight",
        "bn1.bias",
        "bn1.running_mean",
        "bn1.running_var",
        "bn1.num_batches_tracked",
        "layer1.0.conv1.weight",
    ]
    assert {"layer2.0.downsample.0.weight", "layer2.0.downsample.1.running_mean"} < set(names)
    assert not any(name.startswith("layer1.0.downsample") for name in names)
    assert names[-2:] == ["fc.weight", "fc.bias"]


@pytest.mark.parametrize("name", PARAMETERS)
def test_resnet_has_the_known_number_of_parameters(name):
    parameters = MODELS[name].build(rng=0).parameters()
    assert sum(parameter.data.size for parameter in parameters) == PARAMETERS[name]


def test_resnet18_has_the_known_work():
    rows = summarize(models.resnet18(rng=0), (3, 224, 224))
    assert sum(row.multiply_adds for row in rows) == 1_814_073_344
    assert rows[0] == ("conv1", "Conv2d", (64, 112, 112), 9408, 9408 * 112 * 112)
    assert rows[-1].output_shape == (1000,)


def test_resnet_starts_with_he_normal_weights_of_the_fan_out():
    model = models.resnet18(dtype=np.float64, rng=0)
    for name, layer in model.named_layers():
        if isinstance(layer, nn.Conv2d):
            fan_out = layer.out_channels * layer.kernel_size[0] ** 2
            weight = layer.weight.data * np.sqrt(fan_out / 2)
            # Five deviations of the mean, and of the mean square, of so many normal values.
            assert abs(weight.mean()) < 5 / np.sqrt(weight.size), name
            assert abs((weight**2).mean() - 1) < 5 * np.sqrt(2 / weight.size), name
            assert layer.bias is None
    assert (model.layer1[0].bn2.weight.data == 1).all()


def test_resnet_depends_on_its_seed_alone():
    first, again, other = (narrow("resnet50", seed=seed).state_dict() for seed in (0, 0, 1))
    assert all((first[name] == again[name]).all() for name in first)
    assert (first["layer4.2.conv3.weight"] != other["layer4.2.conv3.weight"]).any()


def test_resnet_takes_other_dtypes_and_sizes():
    model = narrow("resnet18", np.float32)
    assert {array.dtype for array in model.state_dict().values()} == {
        np.dtype(np.float32),
        np.dtype(np.int64),
    }
    for shape in ((2, 2, 64, 48), (1, 2, 33, 97)):
        assert model(np.ones(shape, np.float32)).shape == (shape[0], 7)


# Checkpoints


def test_checkpoint_of_pytorch_loads_by_name_and_goes_back_bit_for_bit(tmp_path):
    module = torch_networks.build("resnet18", 1000, 3, 64)
    module.train()(torch.randn(2, 3, 64, 64))
    torch.save(module.state_dict(), tmp_path / "resnet18.pth")
    saved = torch.load(tmp_path / "resnet18.pth", weights_only=True)
    model = models.resnet18(rng=0)
    report = nn.load_matching(model, state_dict_from_torch(saved))
    assert str(report) == "loaded      122 entries"
    nn.save_weights(tmp_path / "resnet18.npz", model)
    other = models.resnet18(rng=1)
    nn.load_weights(tmp_path / "resnet18.npz", other)
    back = torch_networks.build("resnet18", 1000, 3, 64)
    back.load_state_dict(state_dict_to_torch(other))
    for name, tensor in saved.items():
        result = back.state_dict()[name]
        assert result.dtype == tensor.dtype
        assert result.numpy().tobytes() == tensor.numpy().tobytes(), name


def test_checkpoint_of_other_classes_loads_all_but_the_head():
    module = torch_network("resnet20")
    model = models.resnet20(5, 2, width=4, rng=0)
    before = model.fc.weight.data.copy()
    report = nn.load_matching(model, state_dict_from_torch(module))
    assert report.mismatched == {"fc.weight": ((5, 16), (7, 16)), "fc.bias": ((5,), (7,))}
    assert (report.missing_keys, report.unexpected_keys) == ([], [])
    assert_array_equal(model.fc.weight.data, before)
    assert_array_equal(model.conv1.weight.data, module.conv1.weight.detach().numpy())


@pytest.mark.parametrize("name", ["resnet20", "resnet18", "resnet50"])
def test_resnet_goes_to_torch_and_back_with_the_same_gradients(name):
    model = twins.randomized(narrow(name))
    twin = to_torch(model)
    assert list(twin.state_dict()) == list(model.state_dict())
    assert twins.mistakes(model, twin, images(name), True)[0] == []
    back = from_torch(twin)
    assert repr(to_torch(back)) == repr(twin)
    for each in (model, back):
        each.eval()
    assert_array_equal(back(images(name)), model(images(name)))


# Freezing


def test_frozen_stages_stay_bit_for_bit_while_the_head_trains():
    model = narrow("resnet18")
    nn.freeze(model, "conv1.*", "bn1.*", "layer[1-4].*", statistics=True)
    before = model.state_dict()
    model.train()
    y, pullback = model.vjp(images("resnet18"), input_grad=False)
    assert pullback(np.ones_like(y)) is None
    assert [n for n, p in model.named_parameters() if p.grad is not None] == [
        "fc.weight",
        "fc.bias",
    ]
    after = model.state_dict()
    assert all((after[name] == before[name]).all() for name in before)
    assert_array_equal(y, model.eval()(images("resnet18")))


def test_frozen_first_stages_leave_the_gradients_of_the_others_as_they_were():
    model, x = narrow("resnet18"), images("resnet18")
    grads = []
    for freeze in (False, True):
        if freeze:
            nn.freeze(model, "conv1.*", "bn1.*", "layer1.*")
        model.zero_grad()
        y, pullback = model.vjp(x, input_grad=False)
        pullback(np.cos(y))
        grads.append({name: p.grad for name, p in model.named_parameters()})
    for name, grad in grads[1].items():
        frozen = name.split(".")[0] in ("conv1", "bn1", "layer1")
        assert (grad is None) == frozen
        if not frozen:
            assert_array_equal(grad, grads[0][name])


def test_replace_head_gives_a_resnet_other_classes():
    model = narrow("resnet50")
    features = model.fc.in_features
    assert nn.replace_head(model, nn.Linear(features, 3, dtype=np.float64, rng=0)) == "fc"
    assert model(images("resnet50")).shape == (3, 3)


def test_blocks_say_where_shapes_do_not_fit():
    with pytest.raises(ValueError, match=r"^Residual: main returns \(1, 4, 2, 2\), but shortcut"):
        BasicBlock(2, 4, 2, rng=0)(np.ones((1, 2, 4, 4), np.float32))
    with pytest.raises(ValueError, match=r"^conv2d: .*channels"):
        narrow("resnet18", np.float32)(np.ones((1, 3, 40, 40), np.float32))


def test_model_is_fitted_to_images_and_classes():
    fitted = MODELS["resnet20"].fitted((1, 28, 28), 5)
    assert (fitted.input_shape, fitted.classes) == ((1, 28, 28), 5)
    assert fitted.build(rng=0)(np.ones((2, 1, 28, 28), np.float32)).shape == (2, 5)
    assert MODELS["lenet5"].fitted((1, 28, 28), 10) is MODELS["lenet5"]
    with pytest.raises(
        ValueError, match=r"^the images are \(1, 28, 28\), expected at least 63 x 63"
    ):
        MODELS["alexnet"].fitted((1, 28, 28), 10)
    message = (
        r"^the model takes images of \(1, 28, 28\) and has 10 outputs, expected \(1, 28, 28\) a"
    )
    with pytest.raises(ValueError, match=message):
        MODELS["lenet5"].fitted((1, 28, 28), 5)
