"""Layers of normalization: arrays, running statistics, modes, and what they refuse."""

from __future__ import annotations

import copy
import pickle
import threading

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from scratchcnn import functional as F
from scratchcnn import nn


def normal(*shape, seed=0, dtype=np.float64):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


TRACKED = ["weight", "bias", "running_mean", "running_var", "num_batches_tracked"]
IMAGES = {1: (3, 2, 4), 2: (3, 2, 4, 1), 3: (3, 2, 1, 2, 2)}
axes = pytest.mark.parametrize("axes", [1, 2, 3])


def batch_norm(axes, **options):
    return getattr(nn, f"BatchNorm{axes}d")(2, **{"dtype": np.float64, **options})


def instance_norm(axes, **options):
    return getattr(nn, f"InstanceNorm{axes}d")(2, **{"dtype": np.float64, **options})


def test_layers_have_the_names_of_pytorch_in_their_state():
    assert list(nn.BatchNorm2d(3).state_dict()) == TRACKED
    assert list(nn.BatchNorm2d(3, bias=False).state_dict()) == [TRACKED[0], *TRACKED[2:]]
    assert list(nn.BatchNorm2d(3, affine=False).state_dict()) == TRACKED[2:]
    assert list(nn.BatchNorm2d(3, track_running_stats=False).state_dict()) == TRACKED[:2]
    assert list(nn.InstanceNorm2d(3).state_dict()) == []
    assert list(nn.InstanceNorm2d(3, affine=True).state_dict()) == TRACKED[:2]
    assert list(nn.InstanceNorm2d(3, track_running_stats=True).state_dict()) == TRACKED[2:]
    assert list(nn.LayerNorm((2, 3)).state_dict()) == TRACKED[:2]
    assert list(nn.LayerNorm(3, bias=False).state_dict()) == TRACKED[:1]
    assert list(nn.LayerNorm(3, elementwise_affine=False).state_dict()) == []
    assert list(nn.GroupNorm(2, 4).state_dict()) == TRACKED[:2]
    assert list(nn.GroupNorm(2, 4, bias=False).state_dict()) == TRACKED[:1]
    assert list(nn.GroupNorm(2, 4, affine=False).state_dict()) == []
    assert list(nn.RMSNorm(3).state_dict()) == TRACKED[:1]
    assert list(nn.RMSNorm(3, elementwise_affine=False).state_dict()) == []
    assert list(nn.LocalResponseNorm(3).state_dict()) == []


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_layers_start_by_changing_nothing_else(dtype):
    state = nn.BatchNorm2d(3, dtype=dtype).state_dict()
    expected = (np.ones(3), np.zeros(3), np.zeros(3), np.ones(3))
    for name, array in zip(TRACKED, expected, strict=False):
        assert_array_equal(state[name], array.astype(dtype), strict=True)
    assert_array_equal(state["num_batches_tracked"], np.zeros((), np.int64), strict=True)
    for layer in (nn.LayerNorm((2, 3), dtype=dtype), nn.GroupNorm(2, 6, dtype=dtype)):
        assert_array_equal(layer.weight.data, np.ones(layer.weight.shape, dtype), strict=True)
        assert_array_equal(layer.bias.data, np.zeros(layer.bias.shape, dtype), strict=True)


@axes
def test_batch_norm_layer_is_the_function_in_both_modes(axes):
    layer, x, g = batch_norm(axes, eps=0.5), normal(*IMAGES[axes]), normal(*IMAGES[axes], seed=1)
    layer.weight.data, layer.bias.data = normal(2, seed=2), normal(2, seed=3)
    affine = layer.weight.data, layer.bias.data
    layer.running_mean[...], layer.running_var[...] = [1, 2], [3, 4]
    for training in (False, True):
        layer.train(training).zero_grad()
        running = layer.running_mean.copy(), layer.running_var.copy()
        y, pullback = layer.vjp(x)
        grad = pullback(g)
        options = {"training": training, "eps": 0.5}
        assert_array_equal(y, F.batch_norm(x, *running, *affine, **options))
        grads = F.batch_norm_grads(g, x, *running, affine[0], **options)
        assert_array_equal(grad, grads.input)
        assert_array_equal(layer.weight.grad, grads.weight)
        assert_array_equal(layer.bias.grad, grads.bias)


@axes
def test_layers_store_statistics_once_a_call_and_in_training_only(axes):
    layer, x = batch_norm(axes, momentum=0.25), normal(*IMAGES[axes])
    expected = np.zeros(2), np.ones(2)
    for count, call in enumerate((layer, lambda x: layer.vjp(x)[0], layer), 1):
        call(x)
        expected = F.batch_norm_statistics(x, *expected, momentum=0.25)
        assert_array_equal(layer.running_mean, expected.mean)
        assert_array_equal(layer.running_var, expected.var)
        assert_array_equal(layer.num_batches_tracked, np.asarray(count), strict=True)
    layer.eval()
    layer(x)
    assert_array_equal(layer.running_mean, expected.mean)
    assert layer.num_batches_tracked == 3


def test_momentum_none_keeps_the_mean_over_all_batches():
    layer = batch_norm(2, momentum=None)
    batches = [normal(*IMAGES[2], seed=seed) + seed for seed in range(4)]
    for batch in batches:
        layer(batch)
    means = [batch.mean((0, 2, 3)) for batch in batches]
    variances = [batch.var((0, 2, 3), ddof=1) for batch in batches]
    assert_allclose(layer.running_mean, np.mean(means, 0), rtol=1e-14)
    assert_allclose(layer.running_var, np.mean(variances, 0), rtol=1e-14)


def test_without_statistics_those_of_the_batch_count_in_evaluation_too():
    x = normal(*IMAGES[2])
    layer = batch_norm(2, track_running_stats=False)
    y = layer(x)
    assert_array_equal(layer.eval()(x), y)
    assert_array_equal(y, F.batch_norm(x, None, None, training=True))


def test_pullbacks_of_evaluation_keep_their_statistics():
    layer, x, g = batch_norm(1).eval(), normal(*IMAGES[1]), normal(*IMAGES[1], seed=1)
    _, pullback = layer.vjp(x)
    expected = pullback(g)
    layer.train()
    layer(x + 5)
    assert_array_equal(pullback(g), expected)


def test_statistics_load_and_survive_copies_and_pickles():
    layer, x = batch_norm(2), normal(*IMAGES[2])
    layer(x)
    layer(x)
    other = batch_norm(2)
    other.load_state_dict(layer.state_dict())
    twins = (other, copy.deepcopy(layer), pickle.loads(pickle.dumps(layer)))
    y = layer.eval()(x)
    for twin in twins:
        assert_array_equal(twin.num_batches_tracked, np.asarray(2), strict=True)
        assert_array_equal(twin.eval()(x), y)
        twin.train()(x)
        assert not np.shares_memory(twin.running_mean, layer.running_mean)


def test_threads_lose_no_batch():
    layer, x = batch_norm(2, momentum=None), normal(*IMAGES[2])
    barrier = threading.Barrier(4)

    def work():
        barrier.wait()
        for _ in range(25):
            layer(x)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert layer.num_batches_tracked == 100
    assert_allclose(layer.running_mean, x.mean((0, 2, 3)), rtol=1e-12)


@axes
def test_instance_norm_layer_is_the_function_also_for_one_sample(axes):
    layer, x, g = instance_norm(axes), normal(*IMAGES[axes]), normal(*IMAGES[axes], seed=1)
    y, pullback = layer.vjp(x)
    assert_array_equal(y, F.instance_norm(x))
    grad = pullback(g)
    assert_array_equal(grad, F.instance_norm_grads(g, x).input)
    alone, pull_alone = layer.vjp(x[1])
    assert_array_equal(alone, y[1])
    assert_array_equal(pull_alone(g[1]), grad[1])
    assert_array_equal(layer.eval()(x), y)
    with pytest.raises(ValueError, match=r"^instance_norm_grads: grad_output has shape"):
        pull_alone(g)


@pytest.mark.parametrize("momentum", [0.25, None])
def test_instance_norm_layer_tracks_statistics_but_counts_no_batches(momentum):
    layer = instance_norm(1, track_running_stats=True, momentum=momentum)
    x = normal(*IMAGES[1])
    layer(x)
    share = 0.0 if momentum is None else momentum
    new = F.instance_norm_statistics(x, np.zeros(2), np.ones(2), momentum=share)
    assert_array_equal(layer.running_mean, new.mean)
    assert_array_equal(layer.running_var, new.var)
    assert layer.num_batches_tracked == 0
    expected = F.instance_norm(x, new.mean, new.var, use_input_stats=False)
    assert_array_equal(layer.eval()(x), expected)


def test_layers_of_samples_are_the_functions_of_their_names():
    x, g = normal(2, 4, 3), normal(2, 4, 3, seed=1)
    weight, bias = normal(4, 3, seed=2), normal(4, 3, seed=3)
    layer = nn.LayerNorm((4, 3), 0.5, dtype=np.float64)
    layer.weight.data, layer.bias.data = weight, bias
    y, pullback = layer.vjp(x)
    options = {"normalized_shape": (4, 3), "eps": 0.5}
    assert_array_equal(y, F.layer_norm(x, (4, 3), weight, bias, eps=0.5))
    grads = F.layer_norm_grads(g, x, weight, **options)
    assert_array_equal(pullback(g), grads.input)
    assert_array_equal(layer.weight.grad, grads.weight)
    assert_array_equal(layer.bias.grad, grads.bias)
    layer = nn.RMSNorm([4, 3], 0.5, dtype=np.float64)
    layer.weight.data = weight
    y, pullback = layer.vjp(x)
    assert_array_equal(y, F.rms_norm(x, (4, 3), weight, eps=0.5))
    grads = F.rms_norm_grads(g, x, weight, **options)
    assert_array_equal(pullback(g), grads.input)
    assert_array_equal(layer.weight.grad, grads.weight)
    layer = nn.GroupNorm(2, 4, 0.5, dtype=np.float64)
    layer.weight.data, layer.bias.data = weight[:, 0], bias[:, 0]
    y, pullback = layer.vjp(x)
    assert_array_equal(y, F.group_norm(x, 2, weight[:, 0], bias[:, 0], eps=0.5))
    grads = F.group_norm_grads(g, x, weight[:, 0], num_groups=2, eps=0.5)
    assert_array_equal(pullback(g), grads.input)
    assert_array_equal(layer.weight.grad, grads.weight)
    assert_array_equal(layer.bias.grad, grads.bias)
    options = {"alpha": 0.5, "beta": 2.0, "k": 3.0}
    y, pullback = nn.LocalResponseNorm(3, *options.values()).vjp(x)
    assert_array_equal(y, F.local_response_norm(x, 3, **options))
    assert_array_equal(pullback(g), F.local_response_norm_grad(g, x, size=3, **options))


def test_layers_without_weights_have_gradients_of_their_input():
    x, g = normal(2, 4, 3), normal(2, 4, 3, seed=1)
    for layer, bare in (
        (nn.LayerNorm(3, dtype=np.float64), nn.LayerNorm(3, elementwise_affine=False)),
        (nn.RMSNorm(3, dtype=np.float64), nn.RMSNorm(3, elementwise_affine=False)),
        (nn.GroupNorm(2, 4, dtype=np.float64), nn.GroupNorm(2, 4, affine=False)),
        (nn.BatchNorm1d(4, dtype=np.float64), nn.BatchNorm1d(4, affine=False, dtype=np.float64)),
    ):
        y, pullback = layer.vjp(x)
        z, pull_bare = bare.vjp(x)
        # A bias of 0 is added, or none.
        assert_allclose(z, y, rtol=1e-15)
        assert_array_equal(pull_bare(g), pullback(g))


def test_layers_show_their_hyperparameters():
    shown = {
        "BatchNorm2d(3, eps=1e-05, momentum=None, affine=True, bias=False, "
        "track_running_stats=True)": nn.BatchNorm2d(3, momentum=None, bias=False),
        "InstanceNorm1d(3, eps=0.5, momentum=0.1, affine=False, bias=False, "
        "track_running_stats=False)": nn.InstanceNorm1d(3, 0.5),
        "LayerNorm((2, 3), eps=1e-05, elementwise_affine=True, bias=True)": nn.LayerNorm([2, 3]),
        "RMSNorm((3,), eps=None, elementwise_affine=True)": nn.RMSNorm(3),
        "GroupNorm(2, 4, eps=1e-05, affine=True, bias=True)": nn.GroupNorm(2, 4),
        "LocalResponseNorm(2, alpha=0.0001, beta=0.75, k=1.0)": nn.LocalResponseNorm(2),
    }
    assert {repr(layer) for layer in shown.values()} == set(shown)


X = np.ones((2, 3, 4), np.float32)
REFUSED = {
    "BatchNorm2d: num_features is -1, expected at least 0": lambda: nn.BatchNorm2d(-1),
    "BatchNorm1d: eps is -1, expected at least 0": lambda: nn.BatchNorm1d(3, -1),
    "BatchNorm3d: momentum is -1.5, expected at least 0": lambda: nn.BatchNorm3d(3, momentum=-1.5),
    "BatchNorm2d: x has 3 dimensions, shape (2, 3, 4), expected (N, C, H, W)": lambda: (
        nn.BatchNorm2d(3)(X)
    ),
    "BatchNorm1d: x has 4 dimensions, shape (1, 2, 3, 4), expected (N, C) or (N, C, L)": lambda: (
        nn.BatchNorm1d(3)(X[None])
    ),
    "BatchNorm1d: x has 3 channels, expected num_features=4": lambda: nn.BatchNorm1d(4)(X),
    "InstanceNorm1d: x has 2 channels, expected num_features=3": lambda: nn.InstanceNorm1d(3)(
        X[:, 0]
    ),
    "LayerNorm: normalized_shape is (), expected at least one size": lambda: nn.LayerNorm(()),
    "RMSNorm: normalized_shape is 0, expected at least 1": lambda: nn.RMSNorm(0),
    "GroupNorm: num_channels is 3, expected a multiple of num_groups=2": lambda: nn.GroupNorm(2, 3),
    "LocalResponseNorm: size is 0, expected at least 1": lambda: nn.LocalResponseNorm(0),
}


@pytest.mark.parametrize("message", REFUSED)
def test_layers_refuse_what_does_not_fit(message):
    with pytest.raises(ValueError) as caught:
        REFUSED[message]()
    assert str(caught.value) == message


def test_layers_refuse_other_types():
    with pytest.raises(TypeError, match=r"^BatchNorm2d: dtype is int64, expected float32 or"):
        nn.BatchNorm2d(3, dtype=np.int64)
    with pytest.raises(TypeError, match=r"^BatchNorm1d: x is a list, expected a NumPy array"):
        nn.BatchNorm1d(3)(X.tolist())
    with pytest.raises(TypeError, match=r"^batch_norm: running_mean has dtype float64, but"):
        nn.BatchNorm1d(3, dtype=np.float64)(X)
