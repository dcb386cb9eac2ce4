"""Laws of dropout, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from scratchcnn import functional as F

DTYPES = [np.float32, np.float64]


@pytest.mark.parametrize("dtype", DTYPES)
def test_dropout_multiplies_by_0_or_the_inverse_share_kept(dtype):
    x = np.random.default_rng(0).standard_normal((50, 40)).astype(dtype)
    y, mask = F.dropout_with_mask(x, p=0.25, rng=3)
    assert_array_equal(np.unique(mask), np.array([0, 1 / 0.75], dtype), strict=True)
    assert_array_equal(y, x * mask, strict=True)
    assert_array_equal(F.dropout(x, p=0.25, rng=3), y, strict=True)


def test_dropout_drops_each_element_with_its_probability():
    mask = F.dropout_with_mask(np.ones(100_000), p=0.3, rng=0).mask
    # The count is binomial, of standard deviation 145; beyond 6.2 of them lies 1e-9.
    deviation = np.sqrt(100_000 * 0.3 * 0.7)
    assert abs((mask == 0).sum() - 30_000) <= 6.2 * deviation


def test_dropout_gradient_takes_the_mask_of_the_forward():
    g = np.random.default_rng(1).integers(-5, 6, (3, 4)).astype(float)
    mask = F.dropout_with_mask(np.ones((3, 4)), p=0.5, rng=2).mask
    assert 0 < (mask == 0).sum() < 12
    assert_array_equal(F.dropout_grad(g, mask), np.where(mask == 0, 0, 2 * g))


def test_dropout_has_the_mask_of_its_seed_whatever_the_dtype():
    x = np.ones((6, 7))
    same = [F.dropout(x, rng=5), F.dropout(x, rng=np.random.default_rng(5))]
    assert_array_equal(same[0], same[1])
    assert_array_equal(F.dropout(x.astype(np.float32), rng=5), same[0])
    assert (F.dropout(x, rng=6) != same[0]).any()


def test_dropout_advances_a_generator_that_it_is_given():
    source = np.random.default_rng(5)
    x = np.ones((6, 7))
    assert (F.dropout(x, rng=source) != F.dropout(x, rng=source)).any()


def test_dropout_without_a_seed_draws_afresh():
    x = np.ones(200)
    assert (F.dropout(x) != F.dropout(x)).any()


@pytest.mark.parametrize("dtype", DTYPES)
def test_dropout_ends_at_nothing_and_everything(dtype):
    x = np.arange(-3, 3).astype(dtype)
    assert_array_equal(F.dropout(x, p=0.0), x, strict=True)
    assert_array_equal(F.dropout(x, p=1.0), np.zeros_like(x), strict=True)
    y, mask = F.dropout_with_mask(x, p=1.0, training=False)
    assert_array_equal(y, x, strict=True)
    assert_array_equal(mask, np.ones_like(x), strict=True)


def test_dropout_in_evaluation_draws_nothing():
    source = np.random.default_rng(5)
    before = source.bit_generator.state
    F.dropout(np.ones(3), training=False, rng=source)
    assert source.bit_generator.state == before


@pytest.mark.parametrize("name", ["dropout", "dropout_with_mask"])
@pytest.mark.parametrize("p", [-0.1, 1.5, np.nan])
def test_dropout_refuses_what_is_no_probability(name, p):
    with pytest.raises(ValueError, match=f"^{name}: p is {p:g}, expected at least 0 and at most 1"):
        getattr(F, name)(np.ones(3), p=p)


@pytest.mark.parametrize("p", ["0.5", None, 1j, np.array([0.5])])
def test_dropout_refuses_what_is_no_number(p):
    with pytest.raises(TypeError, match=r"^dropout: p is .*, expected a number"):
        F.dropout(np.ones(3), p=p)


def test_dropout_gradient_refuses_another_shape():
    message = r"^dropout_grad: grad_output has shape \(3,\), expected \(4,\)"
    with pytest.raises(ValueError, match=message):
        F.dropout_grad(np.ones(3), np.ones(4))
