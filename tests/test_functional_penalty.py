"""Laws of the penalties and their layers, and what they refuse."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from scratchcnn import functional as F
from scratchcnn import nn

DTYPES = [np.float32, np.float64]


def integers(*shape, seed=0, dtype=np.float64):
    return np.random.default_rng(seed).integers(-5, 6, shape).astype(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
def test_penalties_are_sums_over_all_elements(dtype):
    x = integers(3, 4, dtype=dtype)
    first, second = np.abs(x).sum(), (x * x).sum()
    for value, expected in (
        (F.l1_penalty(x, strength=0.5), first / 2),
        (F.l2_penalty(x, strength=0.5), second / 2),
        (F.elastic_net_penalty(x, alpha=4.0, l1_ratio=0.25), first + 1.5 * second),
    ):
        assert value == expected
        assert value.dtype == dtype


def test_elastic_net_ends_at_the_other_penalties():
    x, g = integers(3, 4), np.asarray(3.0)
    assert F.elastic_net_penalty(x, alpha=2.0, l1_ratio=1.0) == F.l1_penalty(x, strength=2.0)
    assert F.elastic_net_penalty(x, alpha=2.0, l1_ratio=0.0) == F.l2_penalty(x, strength=1.0)
    grad = F.elastic_net_penalty_grad(g, x, alpha=2.0, l1_ratio=1.0)
    assert_array_equal(grad, F.l1_penalty_grad(g, x, strength=2.0))
    grad = F.elastic_net_penalty_grad(g, x, alpha=2.0, l1_ratio=0.0)
    assert_array_equal(grad, F.l2_penalty_grad(g, x, strength=1.0))


def test_elastic_net_is_the_one_of_scikit_learn():
    linear_model = pytest.importorskip("sklearn.linear_model")
    rng = np.random.default_rng(0)
    x = rng.standard_normal((40, 3))
    target = x @ [2.0, -1, 0] + rng.standard_normal(40) / 10
    model = linear_model.ElasticNet(alpha=0.3, l1_ratio=0.7, fit_intercept=False, tol=1e-12)
    weight = model.fit(x, target).coef_
    # At its minimum, the gradient of the mean square, halved, is minus that of the penalty.
    loss_grad = x.T @ (x @ weight - target) / 40
    ours = F.elastic_net_penalty_grad(np.asarray(1.0), weight, alpha=0.3, l1_ratio=0.7)
    assert np.count_nonzero(weight) >= 2
    # The solver stops at a gap of 1e-12, near a minimum the square of how far the slope is from 0.
    assert_allclose((loss_grad + ours)[weight != 0], 0, atol=1e-6)


@pytest.mark.parametrize("dtype", DTYPES)
def test_gradients_are_0_at_0_and_odd(dtype):
    x = np.array([-2, -0.0, 0, 3, np.nan], dtype)
    g = np.asarray(2, dtype)
    assert_array_equal(F.l1_penalty_grad(g, x, strength=0.5), np.array([-1, 0, 0, 1, 0], dtype))
    elastic = F.elastic_net_penalty_grad(g, x, alpha=2.0, l1_ratio=0.5)
    assert_array_equal(elastic, np.array([-6, 0, 0, 8, np.nan], dtype), strict=True)
    assert_array_equal(F.elastic_net_penalty_grad(g, -x, alpha=2.0, l1_ratio=0.5), -elastic)


def test_gradients_are_the_derivatives_of_their_forwards():
    x = integers(3, 4) + 0.5
    d, step = integers(3, 4, seed=1), 2.0**-4
    for name, hyper in (
        ("l1_penalty", {"strength": 0.5}),
        ("l2_penalty", {"strength": 0.5}),
        ("elastic_net_penalty", {"alpha": 2.0, "l1_ratio": 0.25}),
    ):
        forward, gradient = getattr(F, name), getattr(F, f"{name}_grad")
        # No step of up to 5/16 changes a sign, so that the central difference is exact.
        sides = [forward(x + s * step * d, **hyper) for s in (1, -1)]
        expected = 3 * (sides[0] - sides[1]) / (2 * step)
        assert (gradient(np.asarray(3.0), x, **hyper) * d).sum() == expected


def test_penalties_of_parameters_add_their_values_and_gradients():
    weights = [nn.Parameter(integers(2, 3)), nn.Parameter(integers(4, seed=1))]
    for penalty, name, hyper in (
        (nn.L1Penalty(iter(weights), strength=0.25), "l1_penalty", {"strength": 0.25}),
        (nn.L2Penalty(weights, strength=0.25), "l2_penalty", {"strength": 0.25}),
        (
            nn.ElasticNetPenalty(weights, alpha=0.5, l1_ratio=0.25),
            "elastic_net_penalty",
            {"alpha": 0.5, "l1_ratio": 0.25},
        ),
    ):
        for weight in weights:
            weight.grad = np.ones(weight.shape)
        value, pullback = penalty.vjp()
        assert value == penalty() == sum(getattr(F, name)(w.data, **hyper) for w in weights)
        pullback()
        for weight in weights:
            grad = getattr(F, f"{name}_grad")(np.asarray(1.0), weight.data, **hyper)
            assert_array_equal(weight.grad, 1 + grad)


def test_penalties_refuse_what_does_not_fit():
    x, weights = np.ones(3), [nn.Parameter(np.ones(1))]
    g = np.ones(3)
    with pytest.raises(ValueError, match=r"^l1_penalty: strength is -1, expected at least 0"):
        F.l1_penalty(x, strength=-1)
    with pytest.raises(ValueError, match=r"^elastic_net_penalty: alpha is -1, expected at least 0"):
        F.elastic_net_penalty(x, alpha=-1)
    with pytest.raises(ValueError, match=r"^elastic_net_penalty: l1_ratio is 2, expected at least"):
        F.elastic_net_penalty(x, l1_ratio=2)
    for gradient, hyper in (
        (F.l1_penalty_grad, {"strength": 1.0}),
        (F.elastic_net_penalty_grad, {}),
    ):
        message = rf"^{gradient.__name__}: grad_output has shape \(3,\), expected \(\)"
        with pytest.raises(ValueError, match=message):
            gradient(g, x, **hyper)
    with pytest.raises(ValueError, match=r"^L1Penalty: strength is -1, expected at least 0"):
        nn.L1Penalty(weights, strength=-1)
    with pytest.raises(ValueError, match=r"^ElasticNetPenalty: parameters is empty, expected at"):
        nn.ElasticNetPenalty([])
    with pytest.raises(ValueError, match=r"^ElasticNetPenalty: l1_ratio is 2, expected at least"):
        nn.ElasticNetPenalty(weights, l1_ratio=2)
