"""What a user of PyTorch expects of a module: its walks, lookups, switches, slices and state."""

from __future__ import annotations

import inspect
import re

import numpy as np
import pytest

pytest.importorskip("torch", reason="the modules are compared with those of PyTorch")

import torch
from numpy.testing import assert_array_equal

from scratchcnn import functional as F
from scratchcnn import models, nn
from scratchcnn.interop.torch import state_dict_from_torch, to_torch
from scratchcnn.models import MODELS
from scratchcnn.models.classifier import Classifier


def network():
    """Return a network of two levels in which a layer, a parameter and a block stand twice."""
    shared, block = nn.Linear(3, 3, rng=0), nn.Sequential(nn.BatchNorm1d(3), nn.PReLU())
    tied = nn.Linear(3, 3, rng=1)
    tied.weight = shared.weight
    return nn.Sequential(
        {"first": shared, "block": block, "again": shared, "tied": tied, "last": block}
    )


def plain():
    return nn.Sequential(nn.Linear(2, 3, rng=0), nn.ReLU(), nn.BatchNorm1d(3), nn.Linear(3, 2))


BUILDS = {
    "network": network,
    "plain": plain,
    "empty": nn.Sequential,
    "layer": lambda: nn.BatchNorm2d(2),
    "norms": lambda: nn.Sequential(nn.Sequential(nn.BatchNorm1d(3), nn.BatchNorm1d(2))),
    "counting": lambda: nn.InstanceNorm2d(2, affine=True, track_running_stats=True),
    "resnet": lambda: models.resnet20(width=1, rng=0),
}


def kind(module):
    """Return the name that a module shows; a twin of a Composite shows that of its original."""
    return module._get_name() if isinstance(module, torch.nn.Module) else type(module).__name__


def kinds(modules):
    return [kind(module) for module in modules]


def named_kinds(named):
    return [(name, kind(module)) for name, module in named]


# Walks


@pytest.mark.parametrize("name", BUILDS)
def test_children_and_modules_are_those_of_pytorch(name):
    own = BUILDS[name]()
    twin = to_torch(own)
    assert kinds(own.children()) == kinds(twin.children())
    assert named_kinds(own.named_children()) == named_kinds(twin.named_children())
    assert kinds(own.modules()) == kinds(twin.modules())
    for options in ({}, {"prefix": "top"}, {"remove_duplicate": False}):
        expected = named_kinds(twin.named_modules(**options))
        assert named_kinds(own.named_modules(**options)) == expected
    assert [name for name, _ in own.named_parameters()] == [n for n, _ in twin.named_parameters()]
    assert list(own.state_dict()) == list(twin.state_dict())


def test_walks_give_the_modules_themselves_each_once():
    model = network()
    assert list(model.children()) == [model.first, model.block, model.tied]
    assert list(model.modules()) == [model, model.first, model.block, *model.block, model.tied]
    layers = [name for name, _ in model.named_layers()]
    assert layers == ["first", "block.0", "block.1", "tied"]


@pytest.mark.parametrize("name", BUILDS)
def test_buffers_are_those_of_pytorch(name):
    own = BUILDS[name]()
    expected = {name: each.numpy() for name, each in to_torch(own).named_buffers()}
    found = dict(own.named_buffers())
    assert list(found) == list(expected)
    for name, array in found.items():
        assert_array_equal(array, expected[name], strict=True)
    assert [id(each) for each in own.buffers()] == [id(each) for each in found.values()]


def test_buffers_are_the_arrays_themselves():
    model = plain()
    assert model.buffers()[0] is model[2].running_mean


@pytest.mark.parametrize("name", BUILDS)
def test_apply_meets_the_modules_in_the_order_of_pytorch(name):
    own, met, expected = BUILDS[name](), [], []
    to_torch(own).apply(expected.append)
    assert own.apply(met.append) is own
    assert kinds(met) == kinds(expected)


# Lookups


def test_submodules_and_parameters_are_found_by_the_names_of_pytorch():
    own = network()
    twin = to_torch(own)
    for name, module in twin.named_modules(remove_duplicate=False):
        assert type(own.get_submodule(name)).__name__ == type(module).__name__
    assert own.get_submodule("") is own
    assert own.get_submodule("last.1") is own.block[1]
    for name, parameter in twin.named_parameters(remove_duplicate=False):
        assert_array_equal(own.get_parameter(name).data, parameter.detach().numpy())
    assert own.get_parameter("again.weight") is own.first.weight


@pytest.mark.parametrize(
    "target", ["block.2", "9", "first.weight", "first.weight.data", ".", "a.b"]
)
def test_get_submodule_refuses_other_names_as_pytorch_does(target):
    own = network()
    with pytest.raises(AttributeError):
        to_torch(own).get_submodule(target)
    message = f"get_submodule: target is {target!r}, expected one of first, block, block.0, block"
    with pytest.raises(AttributeError, match=f"^{re.escape(message)}"):
        own.get_submodule(target)


@pytest.mark.parametrize("target", ["", "block", "weight", "block.0.running_mean", "first.gain"])
def test_get_parameter_refuses_other_names_as_pytorch_does(target):
    own = network()
    with pytest.raises(AttributeError):
        to_torch(own).get_parameter(target)
    message = f"get_parameter: target is {target!r}, expected one of first.weight, first.bias, bl"
    with pytest.raises(AttributeError, match=f"^{re.escape(message)}"):
        own.get_parameter(target)


@pytest.mark.parametrize("function", ["get_submodule", "get_parameter"])
def test_lookups_take_strings_only(function):
    with pytest.raises(TypeError, match=rf"^{function}: target is 3, expected a string$"):
        getattr(network(), function)(3)


# Switches


def both_with_gradients():
    """Return a module and PyTorch's, with gradients of the first layer only."""
    own = plain()
    twin = to_torch(own)
    for parameter in own[0].parameters():
        parameter.grad = np.ones_like(parameter.data)
    for parameter in twin[0].parameters():
        parameter.grad = torch.ones_like(parameter)
    return own, twin


def gradients(twin):
    return [None if p.grad is None else p.grad.numpy() for p in twin.parameters()]


def equal(ours, theirs):
    """Whether two lists of arrays or None are equal, dtypes included."""
    return len(ours) == len(theirs) and all(
        (a is b is None)
        or (a is not None and b is not None and a.dtype == b.dtype and np.array_equal(a, b))
        for a, b in zip(ours, theirs, strict=True)
    )


def test_equal_sees_a_difference():
    x = np.ones(2)
    assert equal([x, None], [x.copy(), None])
    for other in ([x], [x, x], [None, x], [2 * x, None], [x.astype(np.float32), None]):
        assert not equal([x, None], other)


def test_requires_grad_switches_all_parameters_and_keeps_gradients_as_pytorch_does():
    own, twin = both_with_gradients()
    for arguments in ((False,), (), (False,), (True,)):
        assert own.requires_grad_(*arguments) is own
        twin.requires_grad_(*arguments)
        modes = [p.requires_grad for p in twin.parameters()]
        assert [p.requires_grad for p in own.parameters()] == modes
        assert equal([p.grad for p in own.parameters()], gradients(twin))


def test_requires_grad_false_stops_pullbacks():
    model = plain().requires_grad_(False)
    y, pullback = model.vjp(np.ones((4, 2), np.float32))
    assert pullback(np.ones_like(y)) is not None
    assert all(p.grad is None for p in model.parameters())


@pytest.mark.parametrize("options", [{}, {"set_to_none": True}, {"set_to_none": False}], ids=str)
def test_zero_grad_leaves_none_or_zeros_as_pytorch_does(options):
    own, twin = both_with_gradients()
    own.zero_grad(**options)
    twin.zero_grad(**options)
    assert equal([p.grad for p in own.parameters()], gradients(twin))
    assert (own[0].weight.grad is None) == options.get("set_to_none", True)


def test_zero_grad_leaves_the_array_of_the_gradient_alone():
    own, _ = both_with_gradients()
    grad = own[0].weight.grad
    own.zero_grad(set_to_none=False)
    assert_array_equal(grad, np.ones_like(grad))


# Sequences


@pytest.mark.parametrize(
    "part",
    [slice(1, 3), slice(-2, None), slice(None), slice(None, None, -2), slice(2, 2), slice(9, 12)],
    ids=str,
)
def test_slices_are_sequences_with_the_names_of_pytorch(part):
    own = plain()
    piece, expected = own[part], to_torch(own)[part]
    assert type(piece) is nn.Sequential
    assert named_kinds(piece.named_children()) == named_kinds(expected.named_children())
    assert list(piece) == list(own)[part]
    assert len(piece) == len(expected)


def test_slices_compute_the_layers_between():
    own = plain().eval()
    x = np.random.default_rng(0).standard_normal((4, 2)).astype(np.float32)
    assert_array_equal(own[2:](own[:2](x)), own(x), strict=True)


def test_sequences_count_a_layer_that_stands_twice():
    model = network()
    assert len(model) == len(list(model)) == len(to_torch(model)) == 5
    assert model[2] is model[0] is model[-5] is model[np.int64(-3)]


@pytest.mark.parametrize("index", [4, -5, 100])
def test_sequences_have_no_layers_beyond_their_ends(index):
    with pytest.raises(IndexError):
        to_torch(plain())[index]
    with pytest.raises(
        IndexError, match=rf"^Sequential: index is {index}, but there are 4 layers$"
    ):
        plain()[index]


def test_sequences_take_whole_numbers_only():
    with pytest.raises(TypeError, match=r"^Sequential: index is '0', expected an integer"):
        plain()["0"]


def test_branches_and_classifiers_use_a_layer_that_stands_twice_twice():
    layer, x = nn.Linear(2, 2, rng=0), np.ones((1, 2), np.float32)
    assert_array_equal(nn.Concat(layer, layer)(x), np.hstack([layer(x), layer(x)]))
    model = Classifier()
    model.one, model.two, model.head = layer, layer, nn.Identity()
    assert_array_equal(model(x), layer(layer(x)))


def test_append_numbers_the_layer_as_pytorch_does():
    own = plain()
    twin = to_torch(own)
    layer = nn.Tanh()
    assert own.append(layer).append(nn.ReLU()) is own
    twin.append(torch.nn.Tanh()).append(torch.nn.ReLU())
    assert own[-2] is layer
    assert named_kinds(own.named_children()) == named_kinds(twin.named_children())


def test_append_refuses_what_is_no_layer_and_replaces_none():
    # PyTorch's append to such a slice puts the new layer in the place of the last one.
    piece = plain()[1:3]
    assert len(to_torch(plain())[1:3].append(torch.nn.Tanh())) == 2
    before = list(piece)
    with pytest.raises(ValueError, match=r"^Sequential: '2' is no free name for a layer$"):
        piece.append(nn.Tanh())
    with pytest.raises(TypeError, match=r"^Sequential: layer '4' is a int, expected a Module$"):
        plain().append(3)
    assert list(piece) == before


# State


def test_load_state_dict_returns_the_names_that_pytorch_returns():
    own = plain()
    twin = to_torch(own)
    state = {"0.weight": np.zeros((3, 2), np.float32), "gain": np.ones(1)}
    tensors = {name: torch.from_numpy(array) for name, array in state.items()}
    ours, theirs = own.load_state_dict(state, strict=False), twin.load_state_dict(tensors, False)
    assert ours.missing_keys == theirs.missing_keys
    assert ours.unexpected_keys == theirs.unexpected_keys == ["gain"]
    missing, unexpected = ours
    assert (missing, unexpected) == tuple(theirs)
    assert tuple(own.load_state_dict(own.state_dict())) == ([], [])
    assert tuple(twin.load_state_dict(twin.state_dict())) == ([], [])


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize("name", ["network", "plain", "layer", "norms", "counting", "resnet"])
def test_checkpoints_from_before_the_count_of_batches_load_as_in_pytorch(name, strict):
    own = BUILDS[name]()
    for entry, buffer in own.named_buffers():
        if entry.endswith("num_batches_tracked"):
            buffer[...] = 7
    state = {
        entry: array + 1
        for entry, array in own.state_dict().items()
        if not entry.endswith("num_batches_tracked")
    }
    twin = to_torch(own)
    tensors = {entry: torch.from_numpy(array) for entry, array in state.items()}
    assert tuple(twin.load_state_dict(tensors, strict)) == ([], [])
    assert tuple(own.load_state_dict(state, strict)) == ([], [])
    expected = state_dict_from_torch(twin)
    assert list(own.state_dict()) == list(expected)
    for entry, array in own.state_dict().items():
        assert_array_equal(array, expected[entry], strict=True)
    assert nn.load_matching(own, state)[1:] == ([], [], {})


def test_no_other_entry_may_be_missing():
    layer = nn.BatchNorm2d(2)
    state = layer.state_dict()
    del state["num_batches_tracked"], state["running_var"]
    message = (
        r"^load_state_dict: state_dict lacks \['running_var'\] and has the unknown entries \[\]"
    )
    with pytest.raises(ValueError, match=message):
        layer.load_state_dict(state)
    assert layer.load_state_dict(state, strict=False).missing_keys == ["running_var"]
    assert nn.load_matching(layer, state).missing_keys == ["running_var"]


def test_an_entry_of_that_name_in_another_layer_may_not_be_missing():
    layer = nn.ReLU()
    layer.register_buffer("num_batches_tracked", np.zeros(()))
    with pytest.raises(ValueError, match=r"lacks \['num_batches_tracked'\]"):
        layer.load_state_dict({})


# Dtypes

LAYERS = {
    **{f"Conv{n}d": (2, 2, 1) for n in (1, 2, 3)},
    **{f"ConvTranspose{n}d": (2, 2, 1) for n in (1, 2, 3)},
    **{f"BatchNorm{n}d": (2,) for n in (1, 2, 3)},
    **{f"InstanceNorm{n}d": (2, 1e-5, 0.1, True, True) for n in (1, 2, 3)},
    "Linear": (2, 3),
    "PReLU": (),
    "LayerNorm": (2,),
    "RMSNorm": (2,),
    "GroupNorm": (1, 2),
}
TYPED = {
    name: lambda dtype, name=name: getattr(nn, name)(*LAYERS[name], dtype=dtype) for name in LAYERS
}
TYPED["Conv2d untied"] = lambda dtype: nn.Conv2d(
    1, 1, 1, untied_bias=True, input_size=(2, 2), dtype=dtype
)
for _name, _model in MODELS.items():
    _options = {} if _model.input_shape[0] == 1 else {"width": 1}
    TYPED[_name] = lambda dtype, build=_model.build, options=_options: build(
        rng=0, dtype=dtype, **options
    )


def test_every_layer_with_a_dtype_is_tested():
    classes = [getattr(nn, n) for n in nn.__all__ if inspect.isclass(getattr(nn, n))]
    typed = {c.__name__ for c in classes if "dtype" in inspect.signature(c).parameters}
    assert typed == set(LAYERS)


def dtypes(module):
    """Return the dtypes of all entries but counts."""
    return {array.dtype.name for array in module.state_dict().values()} - {"int64"}


@pytest.mark.parametrize("name", TYPED)
def test_dtype_none_is_float32_as_in_pytorch(name):
    assert dtypes(TYPED[name](None)) == {"float32"}
    assert dtypes(TYPED[name](np.float64)) == dtypes(TYPED[name](float)) == {"float64"}


@pytest.mark.parametrize(
    ("dtype", "shown"),
    [(np.float16, "float16"), (int, "int64"), ("nonsense", "'nonsense'"), (">f4", ">f4"), (3, "3")],
)
@pytest.mark.parametrize("name", TYPED)
def test_other_dtypes_are_refused(name, dtype, shown):
    message = rf"^\w+: dtype is {shown}, expected float32 or float64, or None for float32$"
    with pytest.raises(TypeError, match=message) as caught:
        TYPED[name](dtype)
    if name in LAYERS:
        assert str(caught.value).startswith(f"{name}: ")


def test_initial_values_take_the_same_dtypes():
    assert nn.fan_in_uniform((2,), 3, dtype=None).dtype == np.float32
    with pytest.raises(TypeError, match=r"^fan_in_uniform: dtype is 'nonsense', expected float32"):
        nn.fan_in_uniform((2,), 3, dtype="nonsense")


# Messages


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: nn.freeze(3, "*"), "freeze: model is a int, expected a Module"),
        (lambda: nn.freeze([], "*", statistics=True), "freeze: model is a list, expected a Module"),
        (lambda: nn.freeze(plain(), "0.*", 3), "freeze: pattern is 3, expected a string"),
        (lambda: nn.freeze(plain(), ["*"]), r"freeze: pattern is \['\*'\], expected a string"),
        (lambda: nn.unfreeze(None, "*"), "unfreeze: model is a NoneType, expected a Module"),
        (lambda: nn.unfreeze(plain(), 3), "unfreeze: pattern is 3, expected a string"),
        (lambda: nn.load_matching(3, {}), "load_matching: model is a int, expected a Module"),
        (lambda: nn.replace_head(3, nn.ReLU()), "replace_head: model is a int, expected a Module"),
        (
            lambda: nn.parameter_groups(3, {"*": {}}),
            "parameter_groups: model is a int, expected a Module",
        ),
        (
            lambda: nn.parameter_groups(plain(), {3: {}}),
            "parameter_groups: pattern is 3, expected a string",
        ),
        (
            lambda: nn.parameter_groups(plain(), "*"),
            "parameter_groups: options is a str, expected a mapping",
        ),
        (lambda: nn.Identity()([1, 2]), "Identity: x is a list, expected a NumPy array of float"),
        (lambda: nn.Identity()(np.arange(3)), "Identity: x has dtype int64, expected float32 or"),
        (lambda: nn.Sequential()(3), "Identity: x is a int, expected a NumPy array of float32"),
        (lambda: nn.Sequential()(np.arange(3)), "Identity: x has dtype int64, expected float32"),
    ],
)
def test_other_types_are_refused_by_name(call, message):
    with pytest.raises(TypeError, match=f"^{message}"):
        call()


def test_refused_patterns_change_nothing():
    model = plain()
    with pytest.raises(TypeError, match=r"^freeze: pattern is 3"):
        nn.freeze(model, "*", 3)
    assert all(parameter.requires_grad for parameter in model.parameters())


@pytest.mark.parametrize("build", [nn.Identity, nn.Sequential])
def test_modules_that_change_nothing_take_gradients_that_fit(build):
    _, pullback = build().vjp(np.ones(2))
    with pytest.raises(TypeError, match=r"^Identity: grad_output is a list, expected a NumPy arr"):
        pullback([1.0, 1.0])
    with pytest.raises(
        ValueError, match=r"^Identity: grad_output has shape \(3,\), expected \(2,\)"
    ):
        pullback(np.ones(3))


def test_identity_takes_anything_as_pytorch_does():
    torch.nn.Identity(54, unused=1)
    layer = nn.Identity(54, unused=1)
    assert_array_equal(layer(np.ones(2)), np.ones(2))
    assert vars(layer) == {}


# What is returned is the caller's own

UNCHANGING = {
    "Identity": nn.Identity,
    "Sequential": nn.Sequential,
    "Sequential in Sequential": lambda: nn.Sequential(nn.Sequential()),
    "Concat": lambda: nn.Concat(nn.Sequential()),
    "Flatten": nn.Flatten,
    "Dropout of nothing": lambda: nn.Dropout(0.0, rng=0),
    **{
        name: lambda name=name: getattr(nn, name)(rng=0).eval()
        for name in ("Dropout", "Dropout1d", "AlphaDropout", "FeatureAlphaDropout", "RReLU")
    },
    "ZeroPad1d": lambda: nn.ZeroPad1d(0),
    "AvgPool1d": lambda: nn.AvgPool1d(1),
    "MaxPool1d": lambda: nn.MaxPool1d(1),
    "Upsample": lambda: nn.Upsample(scale_factor=1),
    "ReLU": nn.ReLU,
    "Threshold": lambda: nn.Threshold(0.0, 0.0),
}


@pytest.mark.parametrize("name", UNCHANGING)
def test_modules_that_change_nothing_return_copies_all_the_same(name):
    x, g = np.full((2, 3, 4), 2.0), np.full((2, 3, 4), 3.0)
    y, pullback = UNCHANGING[name]().vjp(x)
    g = g.reshape(y.shape)
    grad = pullback(g)
    assert_array_equal(y, x.reshape(y.shape))
    assert_array_equal(grad, g.reshape(x.shape))
    y[...], grad[...] = 9, 9
    assert (x == 2).all()
    assert (g == 3).all()
    assert pullback(g) is not grad


@pytest.mark.parametrize("build", [nn.Identity, nn.Sequential])
def test_modules_that_change_nothing_return_no_gradient_unasked(build):
    assert build().vjp(np.ones(2), input_grad=False)[1](np.ones(2)) is None


# Names


def test_functions_are_also_where_pytorch_has_them():
    import scratchcnn.nn.functional as imported

    assert nn.functional is imported
    assert imported.__all__ == F.__all__
    assert all(getattr(imported, name) is getattr(F, name) for name in F.__all__)
