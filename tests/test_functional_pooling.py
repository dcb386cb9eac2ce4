"""Laws of the poolings, exact on small integers, and what they refuse."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from scratchcnn import functional as F


def integers(*shape, seed=0, dtype=np.float64):
    return np.random.default_rng(seed).integers(-9, 10, shape).astype(dtype)


def dot(a, b):
    return float(np.vdot(a, b))


@st.composite
def poolings(draw, dilated):
    """Draw (x, kernel, options), worked back from the size of the output."""
    spatial = draw(st.integers(1, 3))
    axes = []
    for _ in range(spatial):
        output, kernel = draw(st.integers(1, 3)), draw(st.integers(1, 5 - spatial))
        stride, dilation = draw(st.integers(1, 4)), draw(st.integers(1, 1 + dilated))
        padded = (output - 1) * stride + (kernel - 1) * dilation + 1
        padded += draw(st.integers(0, stride - 1))
        padding = draw(st.integers(0, min(kernel // 2, (padded - 1) // 2)))
        axes.append((padded - 2 * padding, kernel, stride, padding, dilation))
    size, kernel, stride, padding, dilation = zip(*axes, strict=True)
    options = {"stride": stride, "padding": padding, "ceil_mode": draw(st.booleans())}
    if dilated:
        options["dilation"] = dilation
    seed = draw(st.integers(0, 2**32 - 1))
    return integers(2, 2, *size, seed=seed), kernel, options


def function(name, spatial, suffix=""):
    return getattr(F, f"{name}{spatial}d{suffix}")


def windows(x, shape, kernel, options, fill):
    """Yield each position of the output with its window, cut off at the end of the padding."""
    stride, padding = options["stride"], options["padding"]
    dilation = options.get("dilation", (1,) * len(kernel))
    padded = np.pad(x, [(0, 0), (0, 0), *((p, p) for p in padding)], constant_values=fill)
    for position in np.ndindex(shape[2:]):
        window = tuple(
            slice(at * s, at * s + (k - 1) * d + 1, d)
            for at, s, k, d in zip(position, stride, kernel, dilation, strict=True)
        )
        yield position, padded[:, :, *window].reshape(2, 2, -1)


@given(poolings(dilated=True))
def test_max_pool_is_the_largest_value_of_each_window(case):
    x, kernel, options = case
    y = function("max_pool", len(kernel))(x, kernel, **options)
    for position, window in windows(x, y.shape, kernel, options, -np.inf):
        assert_array_equal(y[:, :, *position], window.max(2, initial=-np.inf))


@given(poolings(dilated=True))
def test_max_pool_indices_point_at_the_maxima_and_take_the_gradient(case):
    x, kernel, options = case
    y, indices = function("max_pool", len(kernel))(x, kernel, return_indices=True, **options)
    flat = x.reshape(2, 2, -1)
    inside = indices >= 0
    picked = np.take_along_axis(flat, np.maximum(indices, 0).reshape(2, 2, -1), 2)
    assert_array_equal(np.where(inside, picked.reshape(y.shape), -np.inf), y)
    g = integers(*y.shape, seed=1)
    expected = np.zeros_like(flat)
    for n, c in np.ndindex(2, 2):
        chosen = inside[n, c]
        np.add.at(expected[n, c], indices[n, c][chosen], g[n, c][chosen])
    grad = function("max_pool", len(kernel), "_grad")(
        g, indices, input_shape=x.shape, kernel_size=kernel, **options
    )
    assert_array_equal(grad, expected.reshape(x.shape), strict=True)


@given(poolings(dilated=True))
def test_max_pool_index_is_the_first_of_the_maxima(case):
    x, kernel, options = case
    # So few values that almost all windows have ties; -inf ties with the padding too.
    x = np.where(x > 5, -1.0, -np.inf)
    places = np.arange(x[0, 0].size).reshape(x[0, 0].shape) + np.zeros(x.shape)
    y, indices = function("max_pool", len(kernel))(x, kernel, return_indices=True, **options)
    values = windows(x, y.shape, kernel, options, -np.inf)
    for (position, window), (_, place) in zip(
        values, windows(places, y.shape, kernel, options, -1), strict=True
    ):
        first = np.where((window == y[:, :, *position, None]) & (place >= 0), place, np.inf).min(2)
        assert_array_equal(indices[:, :, *position], np.where(first == np.inf, -1, first))


@given(poolings(dilated=False), st.booleans(), st.sampled_from([None, 4]))
def test_avg_pool_is_the_mean_of_each_window_and_its_gradient_the_adjoint(
    case, count_padding, divisor
):
    x, kernel, options = case
    # A multiple of every count, 1 to 27, that a window can have: all quotients are integers.
    x = 43200 * x
    options |= {"count_include_pad": count_padding}
    if len(kernel) > 1:
        options["divisor_override"] = divisor
    pool = function("avg_pool", len(kernel))
    y = pool(x, kernel, **options)
    counted = np.ones_like(x)
    sums = windows(x, y.shape, kernel, options, 0)
    ones = windows(counted, y.shape, kernel, options, int(count_padding))
    for (position, window), (_, one) in zip(sums, ones, strict=True):
        count = options.get("divisor_override") or one[0, 0].sum()
        assert_array_equal(y[:, :, *position], window.sum(2) / count)
    g = 43200 * integers(*y.shape, seed=1)
    grad = function("avg_pool", len(kernel), "_grad")(
        g, input_shape=x.shape, kernel_size=kernel, **options
    )
    assert grad.shape == x.shape
    other = integers(*x.shape, seed=2)
    # Both sides are sums of integers times 43200 / count.
    assert dot(g / 43200, pool(43200 * other, kernel, **options)) == dot(grad, other)


@pytest.mark.parametrize("spatial", [1, 2, 3])
@pytest.mark.parametrize(("name", "arguments"), [("max", (2,)), ("avg", (2,)), ("lp", (2, 2))])
def test_pooling_of_an_unbatched_image_is_that_of_a_batch_of_one(name, arguments, spatial):
    x = integers(3, *(4, 5, 6)[:spatial])
    pool = function(f"{name}_pool", spatial)
    y = pool(x, *arguments)
    assert_array_equal(y, pool(x[None], *arguments)[0], strict=True)
    g, options = integers(*y.shape, seed=1), {"input_shape": x.shape, "kernel_size": 2}
    more, one = (), ()
    if name == "max":
        more = (pool(x, 2, return_indices=True).indices,)
        one = (more[0][None],)
    if name == "lp":
        more, one = (x, y), (x[None], y[None])
        options = {"norm_type": 2, "kernel_size": 2}
    grad = function(f"{name}_pool", spatial, "_grad")
    whole = {**options, "input_shape": (1, *x.shape)} if name != "lp" else options
    assert_array_equal(grad(g, *more, **options), grad(g[None], *one, **whole)[0], strict=True)


@pytest.mark.parametrize(("name", "arguments"), [("max", (2,)), ("avg", (2,)), ("lp", (3, 2))])
def test_pooling_of_fewer_axes_is_that_of_an_axis_of_length_one(name, arguments):
    x = np.abs(integers(2, 3, 7, 6))
    *first, kernel = arguments
    one, two, three = (function(f"{name}_pool", spatial) for spatial in (1, 2, 3))
    rows = x.reshape(2, 21, 6)
    expected = two(rows[:, :, None], *first, (1, kernel), stride=1)[:, :, 0]
    assert_array_equal(one(rows, *first, kernel, stride=1), expected)
    expected = three(x[:, :, None], *first, (1, kernel, 3), ceil_mode=True)[:, :, 0]
    assert_array_equal(two(x, *first, (kernel, 3), ceil_mode=True), expected)


@pytest.mark.parametrize("pool", [F.max_pool2d, F.avg_pool2d])
def test_pooling_of_a_constant_is_the_constant(pool):
    x = np.full((2, 3, 5, 7), -3.0, np.float32)
    y = pool(x, (2, 3), stride=(1, 2))
    assert_array_equal(y, np.full((2, 3, 4, 3), -3.0, np.float32), strict=True)


@pytest.mark.parametrize("pool", [F.max_pool2d, F.avg_pool2d])
def test_pooling_with_a_window_of_one_pixel_is_the_identity(pool):
    x = integers(2, 3, 4, 5)
    assert_array_equal(pool(x, 1), x)


def test_max_pool2d_of_a_constant_plus_x_is_the_constant_plus_max_pool2d():
    x = integers(2, 3, 5, 7)
    assert_array_equal(F.max_pool2d(x + 7, (2, 3)), F.max_pool2d(x, (2, 3)) + 7)


def test_avg_pool2d_is_linear():
    x, y = 12 * integers(2, 3, 5, 7), 12 * integers(2, 3, 5, 7, seed=1)
    left = F.avg_pool2d(2 * x - 3 * y, (2, 3), padding=1)
    right = 2 * F.avg_pool2d(x, (2, 3), padding=1) - 3 * F.avg_pool2d(y, (2, 3), padding=1)
    assert_array_equal(left, right)


def test_avg_pool2d_is_a_convolution_with_equal_weights():
    x = integers(2, 1, 5, 7)
    weight = np.full((1, 1, 2, 4), 1 / 8)
    assert_array_equal(F.avg_pool2d(x, (2, 4), stride=1), F.conv2d(x, weight))


def test_pooling_steps_by_its_kernel_and_drops_a_remainder():
    x = integers(1, 1, 5, 8)
    for pool in (F.max_pool2d, F.avg_pool2d):
        assert_array_equal(pool(x, (2, 4)), pool(x[:, :, :4], (2, 4), stride=(2, 4)))


def test_pooling_in_ceil_mode_keeps_a_last_window_that_starts_inside():
    x = integers(1, 1, 5, 7)
    y = F.max_pool2d(x, 3, stride=2, ceil_mode=True)
    assert y.shape == (1, 1, 2, 3)
    y = F.max_pool2d(x, 2, ceil_mode=True)
    assert_array_equal(y[0, 0, 2, 3], x[0, 0, 4, 6])
    # Here a third window would start at 4, in the right padding of 3 + 1 values.
    assert F.max_pool2d(x[:, :, :3, :3], 2, stride=2, padding=1, ceil_mode=True).shape[2:] == (2, 2)


def test_max_pool2d_gives_a_tie_to_the_first_maximum():
    x = np.array([[[[1.0, 5, 5], [5, 5, 0]]]])
    indices = F.max_pool2d(x, (2, 3), return_indices=True).indices
    assert_array_equal(indices, [[[[1]]]])
    grad = F.max_pool2d_grad(
        np.array([[[[-7.0]]]]), indices, input_shape=x.shape, kernel_size=(2, 3)
    )
    assert_array_equal(grad, [[[[0, -7, 0], [0, 0, 0]]]])


def test_max_pool2d_adds_the_gradients_of_windows_that_share_a_maximum():
    x = np.array([[[[0.0, 9, 1, 2]]]])
    indices = F.max_pool2d(x, (1, 2), stride=1, return_indices=True).indices
    g = np.array([[[[2.0, 3, 4]]]])
    options = {"input_shape": x.shape, "kernel_size": (1, 2), "stride": 1}
    assert_array_equal(F.max_pool2d_grad(g, indices, **options), [[[[0, 5, 0, 4]]]])


def test_max_pool2d_nan_beats_every_number_and_the_last_nan_the_others():
    x = np.array([[[[np.nan, np.inf, np.nan, 1]]]])
    y, indices = F.max_pool2d(x, (1, 4), return_indices=True)
    assert np.isnan(y).all()
    assert_array_equal(indices, [[[[2]]]])


def test_max_pool2d_padding_never_wins():
    x = np.full((1, 1, 2, 2), -np.inf)
    x[0, 0, 1, 1] = -1e300
    y, indices = F.max_pool2d(x, 2, padding=1, return_indices=True)
    assert_array_equal(y[0, 0], [[-np.inf, -np.inf], [-np.inf, -1e300]])
    assert_array_equal(indices[0, 0], [[0, 1], [2, 3]])


def test_max_pool2d_window_of_padding_only_has_no_index_and_no_gradient():
    # The taps of the only window lie at -1 and 2, on either side of the two pixels.
    y, indices = F.max_pool2d(
        np.zeros((1, 1, 1, 2)),
        (1, 2),
        stride=2,
        padding=(0, 1),
        dilation=(1, 3),
        return_indices=True,
        ceil_mode=True,
    )
    assert_array_equal(y[0, 0, 0], [-np.inf])
    assert_array_equal(indices[0, 0, 0], [-1])
    grad = F.max_pool2d_grad(
        np.full(y.shape, 5.0),
        indices,
        input_shape=(1, 1, 1, 2),
        kernel_size=(1, 2),
        stride=2,
        padding=(0, 1),
        dilation=(1, 3),
        ceil_mode=True,
    )
    assert_array_equal(grad, np.zeros((1, 1, 1, 2)))


def test_max_pool2d_indices_are_int64_and_count_in_the_unpadded_plane():
    pooled = F.max_pool2d(integers(2, 3, 5, 7), 3, padding=1, return_indices=True)
    assert pooled.indices.dtype == np.int64
    assert pooled.indices.min() >= 0
    assert pooled.indices.max() < 35


def test_pooling_of_a_batch_is_that_of_its_samples():
    x = integers(2, 3, 5, 7)
    for pool in (F.max_pool2d, F.avg_pool2d):
        both = [pool(x[n : n + 1], 2, padding=1) for n in (0, 1)]
        assert_array_equal(pool(x, 2, padding=1), np.concatenate(both))


def test_pooling_of_no_samples_is_empty():
    x = np.zeros((0, 3, 5, 7))
    y, indices = F.max_pool2d(x, 2, return_indices=True)
    assert y.shape == indices.shape == F.avg_pool2d(x, 2).shape == (0, 3, 2, 3)
    options = {"input_shape": x.shape, "kernel_size": 2}
    assert F.max_pool2d_grad(y, indices, **options).shape == x.shape
    assert F.avg_pool2d_grad(y, **options).shape == x.shape


X, G = np.zeros((1, 2, 4, 6)), np.zeros((1, 2, 2, 3))
INDICES = np.zeros(G.shape, np.int64)


@pytest.mark.parametrize("name", ["max_pool2d", "avg_pool2d"])
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"x": X[0, 0]},
            r"x has 2 dimensions, shape \(4, 6\), expected \(N, C, H, W\), or the same without N",
        ),
        ({"kernel_size": 0}, "kernel_size is 0, expected at least 1"),
        ({"kernel_size": (2, 2, 2)}, r"kernel_size has 3 values, \(2, 2, 2\), expected one"),
        ({"stride": 0}, "stride is 0, expected at least 1"),
        ({"stride": (2, -1)}, "stride is -1, expected at least 1"),
        ({"padding": -1}, "padding is -1, expected at least 0"),
        ({"padding": (1, 2)}, r"padding is \(1, 2\), expected at most half of kernel_size \(2, 2"),
        (
            {"kernel_size": (5, 2)},
            r"a window reaches over \(5, 2\), but the padded input has \(4, 6\)",
        ),
        (
            {"x": X[:, :, :0], "kernel_size": 2, "padding": 1, "ceil_mode": True},
            r"a window reaches over \(2, 2\), but the padded input has \(2, 8\)",
        ),
    ],
)
def test_pooling_refuses_what_does_not_fit(name, options, message):
    options = {"x": X, "kernel_size": 2, **options}
    with pytest.raises(ValueError, match=f"{name}: {message}"):
        getattr(F, name)(options.pop("x"), options.pop("kernel_size"), **options)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: F.max_pool2d(X, 2, dilation=0), "max_pool2d: dilation is 0, expected at least 1"),
        (
            lambda: F.avg_pool2d(X, 2, divisor_override=0),
            "avg_pool2d: divisor_override is 0, expected another integer",
        ),
        (
            lambda: F.max_pool2d_grad(X, INDICES, input_shape=X.shape, kernel_size=2),
            r"max_pool2d_grad: grad_output has shape \(1, 2, 4, 6\), expected \(1, 2, 2, 3\)",
        ),
        (
            lambda: F.max_pool2d_grad(G, INDICES[0], input_shape=X.shape, kernel_size=2),
            r"max_pool2d_grad: indices has shape \(2, 2, 3\), expected \(1, 2, 2, 3\)",
        ),
        (
            lambda: F.max_pool2d_grad(G, INDICES, input_shape=X.shape[2:], kernel_size=2),
            r"max_pool2d_grad: input_shape is \(4, 6\), expected \(N, C, H, W\), or the same",
        ),
        (
            lambda: F.avg_pool2d_grad(G, input_shape=X.shape, kernel_size=3),
            r"avg_pool2d_grad: grad_output has shape \(1, 2, 2, 3\), expected \(1, 2, 1, 2\)",
        ),
        (
            lambda: F.avg_pool2d_grad(G, input_shape=(2, 4), kernel_size=2),
            r"avg_pool2d_grad: input_shape is \(2, 4\), expected \(N, C, H, W\), or the same",
        ),
    ],
)
def test_pooling_gradients_refuse_what_does_not_fit(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("index", [-2, X.shape[2] * X.shape[3]])
def test_max_pool2d_grad_refuses_indices_outside_the_plane(index):
    indices = INDICES.copy()
    indices.flat[-1] = index
    message = f"max_pool2d_grad: indices has values from .*{index}|to {index}, expected -1 to"
    with pytest.raises(ValueError, match=message):
        F.max_pool2d_grad(G, indices, input_shape=X.shape, kernel_size=2)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: F.max_pool2d(X, 2.0), "max_pool2d: kernel_size is 2.0, expected an integer"),
        (lambda: F.avg_pool2d(X, 2, stride="1"), "avg_pool2d: stride is '1', expected an integer"),
        (lambda: F.max_pool2d(X, 2, dilation=1.5), "max_pool2d: dilation is 1.5, expected an int"),
        (
            lambda: F.avg_pool2d(X, 2, divisor_override=2.5),
            "avg_pool2d: divisor_override is 2.5, expected an integer$",
        ),
        (
            lambda: F.max_pool2d_grad(G, G, input_shape=X.shape, kernel_size=2),
            "max_pool2d_grad: indices has dtype float64, expected a NumPy array of integers",
        ),
        (
            lambda: F.max_pool2d_grad(G, INDICES.tolist(), input_shape=X.shape, kernel_size=2),
            "max_pool2d_grad: indices has list, expected a NumPy array of integers",
        ),
    ],
)
def test_pooling_refuses_parameters_of_wrong_types(call, message):
    with pytest.raises(TypeError, match=message):
        call()


@pytest.mark.parametrize("p", [2, np.inf])
def test_pooling_of_transposed_images_returns_contiguous_arrays(p):
    x = np.asfortranarray(integers(2, 3, 4, 6))
    pooled, y = F.max_pool2d(x, 2, return_indices=True), F.lp_pool2d(x, p, 2)
    g, indices = np.asfortranarray(y), np.asfortranarray(pooled.indices)
    windows = {"input_shape": x.shape, "kernel_size": 2}
    sized = {"input_shape": x.shape, "output_size": (2, 4)}
    wide = np.asfortranarray(np.zeros((2, 3, 2, 4)))
    for array in (
        *pooled,
        y,
        F.avg_pool2d(x, 2),
        *F.adaptive_max_pool2d(x, (3, 4), return_indices=True),
        F.adaptive_avg_pool2d(x, (3, 4)),
        F.max_unpool2d(g, indices, 2),
        F.max_pool2d_grad(g, indices, **windows),
        F.avg_pool2d_grad(g, **windows),
        F.lp_pool2d_grad(g, x, y, norm_type=p, kernel_size=2),
        F.adaptive_avg_pool2d_grad(wide, **sized),
        F.adaptive_max_pool2d_grad(wide, wide.astype(int), **sized),
        F.max_unpool2d_grad(x, indices),
    ):
        assert array.flags.c_contiguous


# Power-average pooling


def image(*shape, seed=0):
    return np.random.default_rng(seed).uniform(0.5, 2, shape)


def test_lp_pool_of_norm_1_is_the_sum_of_each_window():
    x = integers(2, 3, 5, 7)
    x[0, 0, :2, :3] = [[1, -1, 2], [-2, 3, -3]]
    expected = F.avg_pool2d(x, (2, 3), divisor_override=1)
    assert_array_equal(F.lp_pool2d(x, 1, (2, 3)), expected)
    g = integers(*expected.shape, seed=1)
    grad = F.lp_pool2d_grad(g, x, expected, norm_type=1, kernel_size=(2, 3))
    back = F.avg_pool2d_grad(g, input_shape=x.shape, kernel_size=(2, 3), divisor_override=1)
    # A sum that happens to be 0 has no gradient.
    zero = np.repeat(np.repeat(expected == 0, 2, 2), 3, 3)
    assert zero.any()
    kept = np.pad(zero, ((0, 0), (0, 0), (0, 1), (0, 1)))
    assert_array_equal(grad, np.where(kept, 0, back))


@pytest.mark.parametrize("p", [0.5, 1.5, 2, 3, -1, -2])
def test_lp_pool_grows_with_its_input_like_its_input(p):
    x = image(2, 3, 5, 7)
    y, larger = F.lp_pool2d(x, p, 2), F.lp_pool2d(8 * x, p, 2)
    # Each side has 2 powers of 4 ulp, whose errors the root of p = 0.5 doubles, and 4 sums.
    np.testing.assert_allclose(larger, 8 * y, rtol=2 * (3 * 4 + 2 * 4) * np.finfo(float).eps)


@pytest.mark.parametrize("p", [0.5, 1, 1.5, 2, 3, -1])
def test_lp_pool_gradient_times_the_input_is_the_output(p):
    # Euler's theorem on homogeneous functions: Σ x ∂y/∂x = y.
    x = image(2, 3, 5, 7)
    options = {"stride": (1, 2), "ceil_mode": True}
    y = F.lp_pool2d(x, p, 2, **options)
    g = image(*y.shape, seed=1)
    grad = F.lp_pool2d_grad(g, x, y, norm_type=p, kernel_size=2, **options)
    # Sums of some 400 positive products, each of a few powers.
    assert dot(grad, x) == pytest.approx(dot(g, y), rel=500 * np.finfo(float).eps)


@pytest.mark.parametrize(("p", "power"), [(2, 2), (1.5, 1.5), (-1, -1)])
def test_lp_pool_gradient_of_a_single_value_is_the_cotangent(p, power):
    x = image(1, 2, 4)
    y = F.lp_pool1d(x, p, 1)
    np.testing.assert_allclose(y, x, rtol=20 * np.finfo(float).eps)
    g = integers(1, 2, 4, seed=1)
    grad = F.lp_pool1d_grad(g, x, y, norm_type=p, kernel_size=1)
    np.testing.assert_allclose(grad, g, rtol=40 * np.finfo(float).eps)


def test_lp_pool_of_norm_2_is_the_length_of_each_window():
    x = np.array([[3.0, -4, 5, 12, -1]])
    y = F.lp_pool1d(x, 2, 2)
    assert_array_equal(y, [[5, 13]])
    grad = F.lp_pool1d_grad(np.array([[10.0, -26]]), x, y, norm_type=2, kernel_size=2)
    np.testing.assert_allclose(grad, [[6, -8, -10, -24, 0]], rtol=1e-15)


def test_lp_pool_of_an_infinite_norm_is_the_largest_or_smallest_absolute_value():
    x = integers(2, 3, 5, 7)
    size = np.abs(x)
    largest = F.max_pool2d(size, (2, 3), return_indices=True)
    smallest = F.max_pool2d(-size, (2, 3), return_indices=True)
    for p, expected, indices in (
        (np.inf, largest.output, largest.indices),
        (-np.inf, -smallest.output, smallest.indices),
    ):
        y = F.lp_pool2d(x, p, (2, 3))
        assert_array_equal(y, expected)
        g = integers(*y.shape, seed=1)
        options = {"kernel_size": (2, 3)}
        grad = F.lp_pool2d_grad(g, x, y, norm_type=p, **options)
        back = F.max_pool2d_grad(g, indices, input_shape=x.shape, **options)
        assert_array_equal(grad, back * np.sign(x))


def test_lp_pool_scales_a_window_that_is_cut_off_to_a_whole_one():
    x = np.full((1, 5), 2.0)
    assert_array_equal(F.lp_pool1d(x, 1, 3, ceil_mode=True), [[6, 6]])
    y = F.lp_pool1d(x, 1, 3, ceil_mode=True)
    options = {"norm_type": 1, "kernel_size": 3, "ceil_mode": True}
    grad = F.lp_pool1d_grad(np.array([[1.0, 10]]), x, y, **options)
    assert_array_equal(grad, [[1, 1, 1, 15, 15]])


@pytest.mark.parametrize(
    ("p", "values", "y", "grad"),
    [
        (2, [0, 0], 0, [0, 0]),
        (1, [3, -3], 0, [0, 0]),
        (1, [np.nan, 1], np.nan, [0, 0]),
        (2, [np.nan, 1], np.nan, [np.nan, np.nan]),
        (3, [-2, 1], np.nan, [np.nan, np.nan]),
        (1.5, [-1, 2], np.nan, [np.nan, np.nan]),
        (2, [np.inf, 1], np.inf, [np.nan, 0]),
        (0.5, [0, 1], 1, [np.inf, 1]),
        (0.5, [-0.0, 1], 1, [-np.inf, 1]),
        (0.5, [-np.inf, 1], np.nan, [np.nan, np.nan]),
        (np.inf, [0, 0], 0, [0, 0]),
        (np.inf, [np.nan, 1], np.nan, [0, 0]),
        (-np.inf, [3, -2], 2, [0, -1]),
    ],
)
def test_lp_pool_at_special_values(p, values, y, grad):
    x = np.array([values], float)
    pooled = F.lp_pool1d(x, p, 2)
    assert_array_equal(pooled, [[y]])
    g = np.ones((1, 1))
    assert_array_equal(F.lp_pool1d_grad(g, x, pooled, norm_type=p, kernel_size=2), [grad])


@pytest.mark.parametrize(
    ("error", "call", "message"),
    [
        (ValueError, lambda: F.lp_pool2d(X, 0, 2), "lp_pool2d: norm_type is 0, expected another"),
        (TypeError, lambda: F.lp_pool2d(X, "2", 2), "lp_pool2d: norm_type is '2', expected a num"),
        (ValueError, lambda: F.lp_pool3d(X[0, 0], 2, 2), "lp_pool3d: x has 2 dimensions, shape"),
        (ValueError, lambda: F.lp_pool1d(X[0], 2, 9), r"lp_pool1d: a window reaches over \(9,\)"),
        (
            ValueError,
            lambda: F.lp_pool2d_grad(G, X, X, norm_type=2, kernel_size=2),
            r"lp_pool2d_grad: y has shape \(1, 2, 4, 6\), expected \(1, 2, 2, 3\)",
        ),
        (
            ValueError,
            lambda: F.lp_pool2d_grad(X, X, G, norm_type=2, kernel_size=2),
            r"lp_pool2d_grad: grad_output has shape \(1, 2, 4, 6\), expected \(1, 2, 2, 3\)",
        ),
    ],
)
def test_lp_pool_refuses_what_does_not_fit(error, call, message):
    with pytest.raises(error, match=message):
        call()


def test_avg_pool1d_has_no_divisor_of_its_own():
    with pytest.raises(TypeError, match="divisor_override"):
        F.avg_pool1d(X[0], 2, divisor_override=3)
