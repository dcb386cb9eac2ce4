"""Laws of interpolate and of the shuffles, and what they refuse."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from scratchcnn import functional as F

MODES = {
    "nearest": (1, 2, 3),
    "nearest-exact": (1, 2, 3),
    "linear": (1,),
    "bilinear": (2,),
    "bicubic": (2,),
    "trilinear": (3,),
    "area": (1, 2, 3),
}
WEIGHTED = ("linear", "bilinear", "bicubic", "trilinear")
EACH = [(mode, axes) for mode, counts in MODES.items() for axes in counts]


def integers(*shape, seed=0, dtype=np.float64):
    return np.random.default_rng(seed).integers(-5, 6, shape).astype(dtype)


def dot(a, b):
    return float(np.vdot(a, b))


def line(*values):
    """Return an image (1, 1, L)."""
    return np.array([[values]], np.float64)


@st.composite
def resizings(draw):
    """Draw a shape and options that fit."""
    mode, axes = draw(st.sampled_from(EACH))
    old = tuple(draw(st.integers(1, 5)) for _ in range(axes))
    options = {"mode": mode}
    if draw(st.booleans()):
        options["size"] = tuple(draw(st.integers(1, 6)) for _ in range(axes))
    else:
        options["scale_factor"] = tuple(draw(st.sampled_from([1.0, 1.2, 1.5, 2.0])) for _ in old)
        options["recompute_scale_factor"] = draw(st.sampled_from([None, True, False]))
    if mode in WEIGHTED:
        options["align_corners"] = draw(st.sampled_from([None, True, False]))
    if mode in ("bilinear", "bicubic"):
        options["antialias"] = draw(st.booleans())
    return (draw(st.integers(0, 2)), draw(st.integers(1, 2)), *old), options


@given(resizings(), st.integers(0, 2**32 - 1))
def test_interpolate_keeps_constants_and_its_gradient_is_the_adjoint(case, seed):
    shape, options = case
    x = integers(*shape, seed=seed)
    y = F.interpolate(x, **options)
    if "size" in options:
        assert y.shape[2:] == options["size"]
    else:
        each = zip(shape[2:], options["scale_factor"], strict=True)
        assert y.shape[2:] == tuple(int(n * factor) for n, factor in each)
    # Weights are below 2 and their errors a few units of 2**-53, on three axes at most.
    assert_allclose(F.interpolate(np.full(shape, 3.0), **options), np.full(y.shape, 3), atol=1e-14)
    g = integers(*y.shape, seed=seed + 1)
    grad = F.interpolate_grad(g, input_shape=shape, **options)
    assert grad.shape == shape
    # Sums of so many products, whose weights add up to 2 at most in magnitude on each axis.
    room = (y.size + 64) * 2**-53 * 2**3 * np.abs(g).sum() * np.abs(x).max(initial=0)
    assert_allclose(dot(g, y), dot(grad, x), rtol=0, atol=room)


@pytest.mark.parametrize(("mode", "axes"), EACH)
def test_interpolate_to_the_same_size_changes_nothing(mode, axes):
    x = integers(2, 3, *(4, 5, 3)[:axes])
    corners = (None, True, False) if mode in WEIGHTED else (None,)
    for align_corners in corners:
        options = {"mode": mode, "align_corners": align_corners}
        assert_array_equal(F.interpolate(x, x.shape[2:], **options), x, strict=True)
        assert_array_equal(F.interpolate(x, scale_factor=1, **options), x, strict=True)


@pytest.mark.parametrize("axes", [1, 2, 3])
@pytest.mark.parametrize("mode", ["nearest", "nearest-exact", "area"])
def test_interpolate_by_a_whole_factor_repeats_each_value_and_its_gradient_sums(mode, axes):
    x = integers(2, 2, *(2, 3, 2)[:axes])
    y, expected = F.interpolate(x, scale_factor=(3, 2, 4)[:axes], mode=mode), x
    for axis in range(axes):
        expected = expected.repeat((3, 2, 4)[axis], 2 + axis)
    assert_array_equal(y, expected, strict=True)
    g = integers(*y.shape, seed=1)
    grad = F.interpolate_grad(g, input_shape=x.shape, scale_factor=(3, 2, 4)[:axes], mode=mode)
    for axis in range(axes):
        blocks = (*g.shape[: 2 + axis], x.shape[2 + axis], -1, *g.shape[3 + axis :])
        g = g.reshape(blocks).sum(3 + axis)
    assert_array_equal(grad, g, strict=True)


def test_interpolate_takes_the_value_at_or_before_or_nearest_to_the_position():
    x = line(0, 1, 2, 3, 4, 5, 6)
    assert_array_equal(F.interpolate(x, 3), line(0, 2, 4), strict=True)
    assert_array_equal(F.interpolate(x, 3, mode="nearest-exact"), line(1, 3, 5), strict=True)
    assert_array_equal(F.interpolate(x, 5), line(0, 1, 2, 4, 5))
    assert_array_equal(F.interpolate(x, 5, mode="nearest-exact"), line(0, 2, 3, 4, 6))


def test_interpolate_to_the_nearest_computes_positions_in_single_precision():
    # The position 20.5 · 4/41 is 2, but 4/41 in float32 is below 4/41.
    y = F.interpolate(line(0, 1, 2, 3), 41, mode="nearest-exact")
    assert_array_equal(y[0, 0, 18:23], [1, 1, 1, 2, 2])
    # 2/50 in float32 is below 2/50 too, but 25 times that is rounded to 1.
    assert_array_equal(F.interpolate(line(0, 1), 50), line(*[0] * 25, *[1] * 25), strict=True)


def test_interpolate_takes_means_of_the_touched_pixels():
    x = line(0, 4, 8, 2, 6)
    assert_array_equal(F.interpolate(x, 3, mode="area"), line(2, 14 / 3, 4), strict=True)
    image = integers(2, 3, 4, 6)
    half = F.interpolate(4 * image, scale_factor=0.5, mode="area")
    assert_array_equal(half, F.avg_pool2d(4 * image, 2), strict=True)


def test_interpolate_draws_straight_lines():
    ramp = np.arange(0.0, 12, 3)
    aligned = F.interpolate(line(*ramp), 7, mode="linear", align_corners=True)
    assert_array_equal(aligned, line(*np.arange(0, 9.1, 1.5)))
    centered = F.interpolate(line(*ramp), 8, mode="linear")
    assert_array_equal(centered, line(0, 0.75, 2.25, 3.75, 5.25, 6.75, 8.25, 9))
    assert_array_equal(F.interpolate(line(1, 5), 1, mode="linear"), line(3))
    assert_array_equal(F.interpolate(line(1, 5), 1, mode="linear", align_corners=True), line(1))


def test_interpolate_along_a_line_is_the_same_on_one_to_three_axes():
    x = integers(2, 2, 5)
    y = F.interpolate(x, 8, mode="linear")
    for place in range(2):
        other = 3 - place
        image = np.expand_dims(x, other).repeat(2, other)
        size = [2, 2]
        size[place] = 8
        wide = F.interpolate(image, size, mode="bilinear")
        assert_array_equal(wide, np.expand_dims(y, other).repeat(2, other))
    deep = F.interpolate(x[:, :, None, None], (1, 1, 8), mode="trilinear")
    assert_array_equal(deep[:, :, 0, 0], y, strict=True)


def test_interpolate_of_an_outer_product_is_one():
    a, b, c = integers(4), integers(3, seed=1), integers(2, seed=2)
    sizes = (8, 6, 4)
    pairs = zip((a, b, c), sizes, strict=True)
    lines = [F.interpolate(values[None, None], n, mode="linear") for values, n in pairs]
    cube = np.multiply.outer(np.multiply.outer(a, b), c)[None, None]
    expected = np.multiply.outer(np.multiply.outer(*(v[0, 0] for v in lines[:2])), lines[2][0, 0])
    assert_array_equal(F.interpolate(cube, sizes, mode="trilinear")[0, 0], expected)


def keys(t, a):
    """Return the weights of the four neighbours of a position t behind the second."""
    d = np.abs(t - np.arange(-1, 3))
    near = (a + 2) * d**3 - (a + 3) * d**2 + 1
    return np.where(d <= 1, near, a * d**3 - 5 * a * d**2 + 8 * a * d - 4 * a)


def test_interpolate_bicubic_is_that_of_keys_with_the_border_repeated():
    x = integers(1, 1, 1, 5)
    # Quarters, so that all weights are multiples of 1/256 and all sums exact.
    y = F.interpolate(x, (1, 10), mode="bicubic")
    padded = F.pad(x, (2, 2, 0, 0), mode="replicate")[0, 0, 0]
    expected = []
    for i in range(10):
        position = (i + 0.5) / 2 - 0.5
        first = int(np.floor(position))
        expected.append(keys(position - first, -0.75) @ padded[first + 1 : first + 5])
    assert_array_equal(y[0, 0, 0], expected)


@pytest.mark.parametrize("align_corners", [False, True])
@pytest.mark.parametrize("mode", ["bilinear", "bicubic"])
def test_interpolate_with_antialias_widens_the_kernel_on_coarser_grids(mode, align_corners):
    x = integers(1, 1, 1, 8)
    y = F.interpolate(x, (1, 4), mode=mode, antialias=True, align_corners=align_corners)
    # As in PyTorch, aligned corners change the step alone.
    step = 7 / 3 if align_corners else 2
    for i, value in enumerate(y[0, 0, 0]):
        distance = np.abs(np.arange(8) - (step * (i + 0.5) - 0.5)) / step
        if mode == "bilinear":
            weights = np.maximum(1 - distance, 0)
        else:
            near = 1.5 * distance**3 - 2.5 * distance**2 + 1
            far = -0.5 * distance**3 + 2.5 * distance**2 - 4 * distance + 2
            weights = np.where(distance <= 1, near, np.where(distance < 2, far, 0))
        assert_allclose(value, weights @ x[0, 0, 0] / weights.sum(), rtol=1e-13)


def test_interpolate_bilinear_with_antialias_is_the_same_on_finer_grids():
    x = integers(2, 2, 3, 4)
    plain = F.interpolate(x, (6, 8), mode="bilinear")
    assert_array_equal(F.interpolate(x, (6, 8), mode="bilinear", antialias=True), plain)


def test_interpolate_computes_positions_from_the_factor_unless_it_is_recomputed():
    x = line(0, 6, 12, 18, 24)
    given = F.interpolate(x, scale_factor=1.5, mode="linear")
    assert_allclose(given, line(0, 3, 7, 11, 15, 19, 23), rtol=1e-14)
    for options in ({"size": 7}, {"scale_factor": 1.5, "recompute_scale_factor": True}):
        y = F.interpolate(x, mode="linear", **options)
        assert_allclose(y, [[6 * np.clip((np.arange(7) + 0.5) * 5 / 7 - 0.5, 0, 4)]], rtol=1e-14)


def test_interpolate_by_a_factor_that_keeps_or_doubles_the_size():
    x = integers(1, 2, 2, 3)
    for mode in ("nearest", "bilinear"):
        assert_array_equal(F.interpolate(x, scale_factor=1.3, mode=mode), x)
    for mode in ("bilinear", "bicubic"):
        y = F.interpolate(x, scale_factor=1.3, mode=mode, antialias=True)
        assert_array_equal(y, x)
    assert (F.interpolate(x, scale_factor=1.3, mode="bicubic") != x).any()
    twice = x.repeat(2, 2).repeat(2, 3)
    assert_array_equal(F.interpolate(x, scale_factor=2.3), twice)
    # On one or three axes the factor counts.
    assert_array_equal(F.interpolate(line(0, 1, 2), scale_factor=1.3), line(0, 0, 1))
    assert_array_equal(F.interpolate(line(0, 1, 2), scale_factor=2.3), line(0, 0, 0, 1, 1, 2))


@pytest.mark.parametrize(("mode", "axes"), EACH)
def test_interpolate_spreads_infinities_no_further_than_their_weights(mode, axes):
    x = np.zeros((1, 1, *(9,) * axes))
    x[(0, 0, *(0,) * axes)] = np.inf
    y = F.interpolate(x, 18, mode=mode)
    finite = np.isfinite(y)
    assert not finite[(0, 0, *(0,) * axes)]
    reach = 6 if mode == "bicubic" else 4
    for axis in range(axes):
        assert finite.take(range(reach, 18), 2 + axis).all()


def test_interpolate_does_not_look_at_values_without_weight():
    y = F.interpolate(line(np.inf, 1, 2), 5, mode="linear", align_corners=True)
    assert_array_equal(y, line(np.inf, np.inf, 1, 1.5, 2), strict=True)


@pytest.mark.parametrize("lead", [(), (2,), (2, 3), (0,), (2, 1, 3)])
def test_pixel_shuffle_is_undone_by_pixel_unshuffle(lead):
    x = integers(*lead, 18, 2, 4)
    y = F.pixel_shuffle(x, 3)
    assert y.shape == (*lead, 2, 6, 12)
    assert_array_equal(F.pixel_unshuffle(y, 3), x, strict=True)
    assert_array_equal(F.pixel_shuffle_grad(y, upscale_factor=3), x, strict=True)
    assert_array_equal(F.pixel_unshuffle_grad(x, downscale_factor=3), y, strict=True)


def test_pixel_shuffle_lays_the_channels_of_a_block_out_row_by_row():
    x = np.arange(8.0).reshape(8, 1, 1)
    y = F.pixel_shuffle(x, 2)
    assert_array_equal(y, np.array([[[0.0, 1], [2, 3]], [[4, 5], [6, 7]]]), strict=True)
    x = integers(2, 12, 2, 5)
    y = F.pixel_shuffle(x, 2)
    for i, j in np.ndindex(2, 2):
        assert_array_equal(y[..., i::2, j::2], x[:, 2 * i + j :: 4])


def test_channel_shuffle_deals_out_and_its_gradient_collects():
    x = np.arange(12.0).reshape(2, 6, 1)
    y = F.channel_shuffle(x, 2)
    assert_array_equal(y[0, :, 0], [0, 3, 1, 4, 2, 5])
    assert_array_equal(y[1, :, 0], [6, 9, 7, 10, 8, 11])
    assert_array_equal(F.channel_shuffle_grad(y, groups=2), x, strict=True)
    assert_array_equal(F.channel_shuffle(y, 3), x, strict=True)
    for empty in ((0, 6, 2), (2, 0, 2), (2, 6, 0)):
        assert F.channel_shuffle(np.zeros(empty), 3).shape == empty


X, IMAGE = np.zeros((2, 3, 4)), np.zeros((2, 3, 4, 5))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: F.interpolate(X, 2, mode="cubic"),
            "interpolate: mode is 'cubic', expected one of 'nearest', 'nearest-exact', 'linear', ",
        ),
        (
            lambda: F.interpolate(X, 2, mode="bilinear"),
            r"interpolate: x has shape \(2, 3, 4\), expected \(N, C, H, W\) with mode='bilinear'",
        ),
        (
            lambda: F.interpolate(X[0], 2),
            r"interpolate: x has shape \(3, 4\), expected \(N, C, L\) or \(N, C, H, W\) or "
            r"\(N, C, D, H, W\) with mode='nearest'",
        ),
        (
            lambda: F.interpolate(X[:, :0], 2),
            r"interpolate: x has shape \(2, 0, 4\), expected no empty axis but N",
        ),
        (
            lambda: F.interpolate(X[..., :0], 2, mode="linear"),
            r"interpolate: x has shape \(2, 3, 0\), expected no empty axis but N",
        ),
        (
            lambda: F.interpolate(X, 2, align_corners=False),
            "interpolate: align_corners is False, expected None with mode='nearest'",
        ),
        (
            lambda: F.interpolate(X, 2, mode="area", align_corners=True),
            "interpolate: align_corners is True, expected None with mode='area'",
        ),
        (
            lambda: F.interpolate(X, 2, mode="linear", antialias=True),
            "interpolate: antialias is True, expected False with mode='linear'; "
            "'bilinear' and 'bicubic' have it",
        ),
        (
            lambda: F.interpolate(X),
            "interpolate: size is None and scale_factor None, expected one of them",
        ),
        (
            lambda: F.interpolate(X, 2, scale_factor=2.0),
            "interpolate: size is 2 and scale_factor 2.0, expected one of them",
        ),
        (
            lambda: F.interpolate(X, 2, recompute_scale_factor=True),
            "interpolate: recompute_scale_factor is True, expected None or False with size=2",
        ),
        (lambda: F.interpolate(X, 0), "interpolate: size is 0, expected at least 1"),
        (
            lambda: F.interpolate(IMAGE, (2, 3, 4)),
            r"interpolate: size has 3 values, \(2, 3, 4\), expected one integer or 2",
        ),
        (
            lambda: F.interpolate(IMAGE, scale_factor=(2.0, 1.0, 1.0)),
            r"interpolate: scale_factor has 3 values, \(2.0, 1.0, 1.0\), expected one number or 2",
        ),
        (
            lambda: F.interpolate(X, scale_factor=0.2),
            r"interpolate: scale_factor is 0.2, but x has shape \(2, 3, 4\); "
            r"expected no empty axis, not \(0,\)",
        ),
        (
            lambda: F.interpolate(X, scale_factor=-1.0),
            "interpolate: scale_factor is -1, expected at least 0",
        ),
        (
            lambda: F.interpolate(IMAGE, scale_factor=(1.0, np.nan)),
            "interpolate: scale_factor is nan, expected at least 0",
        ),
        (
            lambda: F.interpolate_grad(X, input_shape=(2, 3, 4), size=3),
            r"interpolate_grad: grad_output has shape \(2, 3, 4\), expected \(2, 3, 3\)",
        ),
        (
            lambda: F.interpolate_grad(X, input_shape=(2, 3), size=3),
            r"interpolate_grad: x has shape \(2, 3\), expected \(N, C, L\) or",
        ),
        (
            lambda: F.pixel_shuffle(X[0], 1),
            r"pixel_shuffle: x has 2 dimensions, shape \(3, 4\), "
            r"expected at least 3: \(..., C, H, W\)",
        ),
        (
            lambda: F.pixel_shuffle(X, 2),
            r"pixel_shuffle: x has 2 channels, expected a multiple of 2\*\*2",
        ),
        (lambda: F.pixel_shuffle(X, 0), "pixel_shuffle: upscale_factor is 0, expected at least 1"),
        (
            lambda: F.pixel_shuffle_grad(X, upscale_factor=2),
            r"pixel_shuffle_grad: grad_output has height and width \(3, 4\), "
            "expected multiples of 2",
        ),
        (
            lambda: F.pixel_unshuffle(X, 3),
            r"pixel_unshuffle: x has height and width \(3, 4\), expected multiples of 3",
        ),
        (
            lambda: F.pixel_unshuffle(X, -2),
            "pixel_unshuffle: downscale_factor is -2, expected at least 1",
        ),
        (
            lambda: F.pixel_unshuffle_grad(X[0], downscale_factor=2),
            "pixel_unshuffle_grad: grad_output has 2 dimensions",
        ),
        (
            lambda: F.pixel_unshuffle_grad(X, downscale_factor=2),
            r"pixel_unshuffle_grad: grad_output has 2 channels, expected a multiple of 2\*\*2",
        ),
        (
            lambda: F.channel_shuffle(X, 2),
            "channel_shuffle: x has 3 channels, expected a multiple of 2 groups",
        ),
        (lambda: F.channel_shuffle(X[0], 1), "channel_shuffle: x has 2 dimensions"),
        (lambda: F.channel_shuffle(X, 0), "channel_shuffle: groups is 0, expected at least 1"),
        (
            lambda: F.channel_shuffle_grad(X, groups=2),
            "channel_shuffle_grad: grad_output has 3 channels, expected a multiple of 2 groups",
        ),
    ],
)
def test_resizing_refuses_what_does_not_fit(call, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        call()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: F.interpolate(X, 2.0), "interpolate: size is 2.0, expected an integer"),
        (
            lambda: F.interpolate(X, scale_factor="2"),
            "interpolate: scale_factor is '2', expected a number",
        ),
        (
            lambda: F.interpolate(X, scale_factor=[None]),
            "interpolate: scale_factor is None, expected a number",
        ),
        (
            lambda: F.interpolate_grad(X, input_shape=3, size=2),
            "interpolate_grad: input_shape is 3, expected a tuple of integers",
        ),
        (
            lambda: F.pixel_shuffle(X, 1.0),
            "pixel_shuffle: upscale_factor is 1.0, expected an integer",
        ),
        (lambda: F.channel_shuffle(X, "3"), "channel_shuffle: groups is '3', expected an integer"),
    ],
)
def test_resizing_refuses_parameters_of_wrong_types(call, message):
    with pytest.raises(TypeError, match=f"^{message}"):
        call()
