"""The initial values: distributions by intervals that follow from them, the others exactly."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy.stats import kstwo, norm

from scratchcnn.nn import Parameter, init

SHAPES = [(40, 50), (16, 25, 5), (10, 8, 5, 5), (8, 10, 5, 5, 1)]
N = 2000
# What one statistic may exceed by chance, in one of a billion.
CHANCE = 1e-9


def is_distributed(values, distribution):
    """Check the law of Kolmogorov and Smirnov: how far the shares may lie from their limits."""
    ordered = np.sort(np.ravel(values))
    expected = distribution(ordered)
    steps = np.arange(len(ordered) + 1) / len(ordered)
    distance = max((steps[1:] - expected).max(), (expected - steps[:-1]).max())
    assert distance <= kstwo.isf(CHANCE, len(ordered)), distance


def uniform(bound):
    return lambda x: np.clip((x + bound) / (2 * bound), 0, 1)


def normal(std):
    return lambda x: norm.cdf(x / std)


def fans(shape):
    kernel = math.prod(shape[2:])
    return shape[1] * kernel, shape[0] * kernel


def test_the_law_notices_a_twentieth():
    values = init.normal_(np.empty(200 * N), rng=0)
    is_distributed(values, normal(1.0))
    with pytest.raises(AssertionError):
        is_distributed(values, normal(1.05))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_uniform_stays_between_its_bounds(dtype):
    values = init.uniform_(np.empty(N, dtype), -3.0, 5.0, rng=0)
    assert values.dtype == dtype
    assert values.min() >= -3
    assert values.max() <= 5
    is_distributed(values - 1, uniform(4.0))


def test_normal_has_its_mean_and_deviation():
    is_distributed(init.normal_(np.empty(N), 3.0, 0.5, rng=0) - 3, normal(0.5))


@pytest.mark.parametrize(
    ("mean", "std", "a", "b"),
    [(0.0, 1.0, -2.0, 2.0), (1.0, 0.5, 0.0, 1.25), (0.0, 1.0, 6.0, 9.0), (0.0, 1.0, -9.0, -6.0)],
)
def test_trunc_normal_is_the_normal_between_its_bounds(mean, std, a, b):
    values = init.trunc_normal_(np.empty(N), mean, std, a, b, rng=0)
    assert values.min() >= a
    assert values.max() <= b
    # From the side where the shares are small, which keeps their digits.
    side = -1 if a > mean else 1
    low, high = sorted(norm.cdf(side * (np.array([a, b]) - mean) / std))

    def shares(x):
        share = (norm.cdf(side * (x - mean) / std) - low) / (high - low)
        return share if side == 1 else 1 - share

    is_distributed(values, shares)


def test_trunc_normal_far_out_falls_off_as_an_exponential():
    # Where no share is a number above 0: with d = x - 60, exp(-60 d) but for exp(-d**2 / 2).
    values = init.trunc_normal_(np.empty(N), a=60.0, b=61.0, rng=0)
    is_distributed(values, lambda x: 1 - np.exp(-60 * (x - 60) - (x - 60) ** 2 / 2))


LAWS = {
    "xavier_uniform_": lambda i, o: uniform(math.sqrt(6 / (i + o))),
    "xavier_normal_": lambda i, o: normal(math.sqrt(2 / (i + o))),
    "kaiming_uniform_": lambda i, o: uniform(math.sqrt(6 / i)),
    "kaiming_normal_": lambda i, o: normal(math.sqrt(2 / i)),
}


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", LAWS)
def test_scaled_laws_count_the_fans(name, shape):
    values = getattr(init, name)(np.empty(shape), rng=0)
    is_distributed(values, LAWS[name](*fans(shape)))


@pytest.mark.parametrize("name", ["kaiming_uniform_", "kaiming_normal_"])
def test_kaiming_scales_by_gain_and_mode(name):
    shape = (4, 3, 5, 2)
    first = getattr(init, name)(np.empty(shape), rng=0)
    for options, factor in (
        ({"mode": "fan_out"}, math.sqrt(30 / 40)),
        ({"nonlinearity": "linear"}, math.sqrt(1 / 2)),
        ({"a": math.sqrt(5)}, math.sqrt(1 / 6)),
        ({"a": 7.0, "nonlinearity": "tanh"}, 5 / 3 / math.sqrt(2)),
    ):
        other = getattr(init, name)(np.empty(shape), rng=0, **options)
        # Both sides round a bound and a few products and sums that are not larger.
        room = 16 * np.finfo(float).eps * np.abs(first).max()
        np.testing.assert_allclose(other, factor * first, rtol=0, atol=room)


@pytest.mark.parametrize("name", ["xavier_uniform_", "xavier_normal_"])
def test_xavier_scales_by_its_gain(name):
    first = getattr(init, name)(np.empty((4, 3)), rng=0)
    assert_array_equal(getattr(init, name)(np.empty((4, 3)), 2.0, rng=0), 2 * first)


def test_kaiming_with_root_five_is_the_default_of_the_layers():
    ours = init.kaiming_uniform_(np.empty((6, 2, 3, 3)), a=math.sqrt(5), rng=0)
    default = init.fan_in_uniform(ours.shape, 18, rng=0, dtype=np.float64)
    room = 16 * np.finfo(float).eps * np.abs(default).max()
    np.testing.assert_allclose(ours, default, rtol=0, atol=room)


@pytest.mark.parametrize("gain", [1.0, -2.0])
@pytest.mark.parametrize("shape", [(3, 5), (5, 3), (4, 4), (4, 2, 3, 3), (20, 2, 3)], ids=str)
def test_orthogonal_has_orthonormal_rows_or_columns(shape, gain):
    matrix = init.orthogonal_(np.empty(shape), gain, rng=0).reshape(shape[0], -1)
    if matrix.shape[0] > matrix.shape[1]:
        matrix = matrix.T
    # Householder's method errs by a few units for each of at most 20 x 6 operations a number.
    room = 20 * 6 * np.finfo(float).eps * gain**2
    assert np.abs(matrix @ matrix.T - gain**2 * np.eye(len(matrix))).max() <= room


def test_orthogonal_matrices_are_spread_evenly():
    # The first element of a random rotation of the plane is the cosine of a uniform angle.
    source = np.random.default_rng(0)
    matrices = [init.orthogonal_(np.empty((2, 2)), rng=source) for _ in range(N)]
    is_distributed([m[0, 0] for m in matrices], lambda x: 1 - np.arccos(np.clip(x, -1, 1)) / np.pi)
    turns = sum(np.linalg.det(m) > 0 for m in matrices)
    assert abs(turns - N / 2) <= norm.isf(CHANCE) * math.sqrt(N) / 2 + 1


def test_sparse_has_its_zeros_in_each_column():
    values = init.sparse_(np.empty((10, 400)), 0.25, std=2.0, rng=0)
    assert_array_equal((values == 0).sum(0), [3] * 400)
    is_distributed(values[values != 0], normal(2.0))
    # Each row is as likely as any other: 400 draws of probability 0.3.
    room = norm.isf(CHANCE) * math.sqrt(400 * 0.3 * 0.7) + 1
    assert np.abs((values == 0).sum(1) - 120).max() <= room


def test_constants_fill():
    assert_array_equal(init.constant_(np.empty((2, 3), np.float32), 1.5), np.full((2, 3), 1.5))
    assert_array_equal(init.ones_(np.empty(3)), [1, 1, 1])
    assert_array_equal(init.zeros_(np.empty(3)), [0, 0, 0])


@pytest.mark.parametrize("shape", [(2, 5), (5, 2), (3, 3)])
def test_eye_is_that_of_pytorch(shape):
    torch = pytest.importorskip("torch")
    theirs = torch.nn.init.eye_(torch.empty(shape)).numpy()
    assert_array_equal(init.eye_(np.empty(shape, np.float32)), theirs, strict=True)


@pytest.mark.parametrize("groups", [1, 2, 3])
@pytest.mark.parametrize(
    "shape", [(6, 4, 3), (6, 2, 4, 3), (6, 1, 2, 3, 4), (12, 8, 1, 1)], ids=str
)
def test_dirac_is_that_of_pytorch(shape, groups):
    torch = pytest.importorskip("torch")
    theirs = torch.nn.init.dirac_(torch.empty(shape), groups).numpy()
    assert_array_equal(init.dirac_(np.empty(shape, np.float32), groups), theirs, strict=True)


NAMES = ["linear", "conv1d", "conv2d", "conv3d", "conv_transpose2d", "sigmoid", "tanh", "relu"]


@pytest.mark.parametrize("name", [*NAMES, "leaky_relu", "selu"])
def test_gains_are_those_of_pytorch(name):
    torch = pytest.importorskip("torch")
    assert init.calculate_gain(name) == torch.nn.init.calculate_gain(name)
    if name == "leaky_relu":
        for slope in (0, 0.2, -3.0):
            theirs = torch.nn.init.calculate_gain(name, slope)
            assert init.calculate_gain(name, slope) == theirs


RANDOM = {
    "uniform_": {},
    "normal_": {},
    "trunc_normal_": {},
    "xavier_uniform_": {},
    "xavier_normal_": {},
    "kaiming_uniform_": {},
    "kaiming_normal_": {},
    "orthogonal_": {},
    "sparse_": {"sparsity": 0.5},
}
FILLS = {**RANDOM, "constant_": {"val": 2.0}, "ones_": {}, "zeros_": {}, "eye_": {}}


@pytest.mark.parametrize("name", RANDOM)
def test_a_seed_decides(name):
    one, again, other = (
        getattr(init, name)(np.empty((4, 6)), rng=seed, **RANDOM[name]) for seed in (1, 1, 2)
    )
    assert_array_equal(one, again)
    assert (one != other).any()


@pytest.mark.parametrize("name", FILLS)
def test_fills_return_what_they_fill_wherever_it_lies(name):
    fill, options = getattr(init, name), dict(FILLS[name])
    if name in RANDOM:
        options["rng"] = 0
    parameter = Parameter(np.full((3, 4), np.nan, np.float32))
    array = parameter.data
    assert fill(parameter, **options) is parameter
    assert parameter.data is array
    assert array.dtype == np.float32
    turned = np.full((4, 3), np.nan, np.float32).T
    assert fill(turned, **options) is turned
    assert_array_equal(turned, array)
    assert np.isfinite(array).all()


@pytest.mark.parametrize("name", sorted(set(FILLS) - {"sparse_"}))
def test_fills_leave_what_is_empty(name):
    assert getattr(init, name)(np.empty((0, 3)), **FILLS[name]).shape == (0, 3)
    assert getattr(init, name)(np.empty((3, 0)), **FILLS[name]).shape == (3, 0)


EMPTY = np.empty((2, 2))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: init.ones_([1.0]), TypeError, "ones_: tensor is a list, expected a Parameter or"),
        (lambda: init.ones_(np.ones(2, int)), TypeError, "ones_: tensor has dtype int64, expected"),
        (lambda: init.uniform_(EMPTY, 2.0, 1.0), ValueError, "uniform_: b is 1, expected at least"),
        (lambda: init.uniform_(EMPTY, rng="a"), TypeError, "uniform_: rng is 'a', expected"),
        (
            lambda: init.normal_(EMPTY, std=-1),
            ValueError,
            "normal_: std is -1, expected at least 0",
        ),
        (lambda: init.trunc_normal_(EMPTY, std=0), ValueError, "trunc_normal_: std is 0, expected"),
        (lambda: init.constant_(EMPTY, "1"), TypeError, "constant_: val is '1', expected a number"),
        (lambda: init.eye_(np.empty(3)), ValueError, "eye_: tensor has 1 dimensions"),
        (lambda: init.sparse_(np.empty(3), 0.5), ValueError, "sparse_: tensor has 1 dimensions"),
        (lambda: init.sparse_(EMPTY, 1.5), ValueError, "sparse_: sparsity is 1.5, expected at le"),
        (lambda: init.dirac_(EMPTY), ValueError, r"dirac_: tensor has shape \(2, 2\), expected 3"),
        (
            lambda: init.dirac_(np.empty((3, 2, 2)), 2),
            ValueError,
            "dirac_: groups is 2, expected a divisor of 3 output channels",
        ),
        (
            lambda: init.xavier_uniform_(np.empty(3)),
            ValueError,
            r"xavier_uniform_: tensor has shape \(3,\), expected at least 2 dimensions",
        ),
        (
            lambda: init.kaiming_normal_(EMPTY, mode="fan"),
            ValueError,
            "kaiming_normal_: mode is 'fan', expected one of 'fan_in', 'fan_out'",
        ),
        (
            lambda: init.orthogonal_(np.empty(3)),
            ValueError,
            r"orthogonal_: tensor has shape \(3,\), expected at least 2 dimensions",
        ),
        (
            lambda: init.calculate_gain("gelu"),
            ValueError,
            "calculate_gain: nonlinearity is 'gelu', expected one of 'linear', 'conv1d'",
        ),
    ],
)
def test_fills_refuse_what_does_not_fit(call, error, message):
    with pytest.raises(error, match=message):
        call()
