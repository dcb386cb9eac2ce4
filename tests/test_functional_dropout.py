"""Laws of dropout, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from scratchcnn import functional as F
from scratchcnn import nn

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


# Whole channels, and the dropout of self-normalizing networks

FORMS = {
    "dropout1d": ((40, 50, 3), (40, 50, 1)),
    "dropout1d of one sample": ((200, 3), (200, 1)),
    "dropout2d": ((40, 50, 3, 2), (40, 50, 1, 1)),
    "dropout2d of signals": ((40, 50, 3), (40, 50, 1)),
    "dropout3d": ((40, 50, 3, 1, 2), (40, 50, 1, 1, 1)),
    "dropout3d of one sample": ((200, 3, 1, 2), (200, 1, 1, 1)),
    "alpha_dropout": ((40, 50), (40, 50)),
    "feature_alpha_dropout": ((40, 50, 3, 2), (40, 50, 1, 1)),
}
forms = pytest.mark.parametrize(
    ("form", "shape", "mask_shape"), [(k, *v) for k, v in FORMS.items()]
)
LIMIT = -1.0507009873554805 * 1.6732632423543772


def functions(form):
    name = form.split()[0]
    return getattr(F, name), getattr(F, f"{name}_with_mask"), getattr(F, f"{name}_grad")


@pytest.mark.parametrize("dtype", DTYPES)
@forms
def test_forms_of_dropout_have_one_mask_for_output_and_gradient(form, shape, mask_shape, dtype):
    forward, saving, gradient = functions(form)
    x = np.random.default_rng(0).standard_normal(shape).astype(dtype)
    y, mask = saving(x, p=0.25, training=True, rng=3)
    assert mask.shape == mask_shape
    scale = 1 / 0.75 if "alpha" not in form else 1 / np.sqrt(0.75 * (1 + 0.25 * LIMIT**2))
    assert_array_equal(np.unique(mask), np.array([0, scale], dtype), strict=True)
    assert_array_equal(forward(x, p=0.25, training=True, rng=3), y, strict=True)
    assert_array_equal(gradient(x, mask), x * mask, strict=True)
    if "alpha" not in form:
        assert_array_equal(y, x * mask, strict=True)


@forms
def test_forms_of_dropout_end_at_nothing_and_everything(form, shape, mask_shape):
    forward, saving, _ = functions(form)
    x = np.random.default_rng(0).standard_normal(shape)
    assert_array_equal(forward(x, p=0.0, training=True), x)
    assert_array_equal(forward(x, p=1.0, training=True), 0 * x)
    y, mask = saving(x, p=1.0, training=False)
    assert_array_equal(y, x)
    assert not np.shares_memory(y, x)
    assert_array_equal(mask, np.ones(mask_shape))


@pytest.mark.parametrize("name", ["alpha_dropout", "feature_alpha_dropout"])
def test_alpha_dropout_drops_to_the_limit_of_selu_and_keeps_the_moments(name):
    x = np.random.default_rng(0).standard_normal((400, 300))
    for p in (0.1, 0.5, 0.8):
        y, mask = getattr(F, f"{name}_with_mask")(x, p=p, training=True, rng=1)
        a = 1 / np.sqrt((1 - p) * (1 + p * LIMIT**2))
        b = -a * p * LIMIT
        expected = np.where(mask == 0, a * LIMIT + b, a * x + b)
        # Numbers below 8, each rounded three times here and there.
        np.testing.assert_allclose(y, expected, rtol=0, atol=6 * np.finfo(float).eps * 4)
        # Of 120,000 numbers; the variance of their squares is below 3.
        assert abs(y.mean()) <= 6.2 / np.sqrt(y.size)
        assert abs((y**2).mean() - 1) <= 6.2 * np.sqrt(3 / y.size)


def test_alpha_dropout_is_off_by_default_as_in_pytorch():
    x = np.ones((3, 4))
    assert_array_equal(F.alpha_dropout(x), x)
    assert_array_equal(F.feature_alpha_dropout(x), x)


def test_forms_of_dropout_refuse_other_axes_and_masks():
    x = np.ones((2, 3, 4, 5))
    with pytest.raises(
        ValueError, match=r"^dropout1d: x has 4 dimensions, shape \(2, 3, 4, 5\), ex"
    ):
        F.dropout1d(x)
    with pytest.raises(ValueError, match=r"^dropout2d_with_mask: x has 2 .*N, C, H, W\) or \(N, C"):
        F.dropout2d_with_mask(x[0, 0])
    with pytest.raises(ValueError, match=r"^dropout3d: x has 3 dimensions, .*or \(C, D, H, W\)$"):
        F.dropout3d(x[0])
    with pytest.raises(
        ValueError, match=r"^feature_alpha_dropout: x has 1 dim.*expected at least 2"
    ):
        F.feature_alpha_dropout(x[0, 0, 0])
    with pytest.raises(
        ValueError, match=r"^alpha_dropout_grad: grad_output has shape \(4, 5\), exp"
    ):
        F.alpha_dropout_grad(x[0, 0], x)
    for gradient in (F.dropout2d_grad, F.feature_alpha_dropout_grad):
        for mask in (x, x[:, :, :1], x[:1, :, :1, :1], x[0, :, :1, :1]):
            message = rf"^{gradient.__name__}: mask has shape .*, which has \(2, 3, 4, 5\)$"
            with pytest.raises(ValueError, match=message):
                gradient(x, mask)
    for name in ("dropout2d", "alpha_dropout"):
        with pytest.raises(ValueError, match=f"^{name}: p is 2, expected at least 0 and at most 1"):
            getattr(F, name)(x, p=2)


def test_layers_of_all_forms_have_the_mask_of_their_generator():
    g = np.random.default_rng(1).standard_normal((2, 3, 4))
    for kind, name in (
        ("Dropout1d", "dropout1d"),
        ("Dropout2d", "dropout2d"),
        ("Dropout3d", "dropout3d"),
        ("AlphaDropout", "alpha_dropout"),
        ("FeatureAlphaDropout", "feature_alpha_dropout"),
    ):
        grad = g if kind != "Dropout3d" else g[..., None]
        layer = getattr(nn, kind)(0.25, rng=5)
        y, pullback = layer.vjp(grad)
        expected = getattr(F, f"{name}_with_mask")(grad, p=0.25, training=True, rng=5)
        assert_array_equal(y, expected.output)
        assert_array_equal(pullback(grad), getattr(F, f"{name}_grad")(grad, expected.mask))
        assert_array_equal(layer.eval()(grad), grad)
        assert repr(layer) == f"{kind}(p=0.25)"
        model = nn.Sequential(getattr(nn, kind)(), rng=0)
        assert_array_equal(model(grad), nn.Sequential(getattr(nn, kind)(), rng=0)(grad))
        with pytest.raises(ValueError, match=f"^{kind}: p is 2, expected at least 0 and at most 1"):
            getattr(nn, kind)(2)
