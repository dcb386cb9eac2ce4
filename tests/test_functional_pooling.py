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
    axes = []
    for _ in range(2):
        output, kernel = draw(st.integers(1, 3)), draw(st.integers(1, 4))
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


def windows(x, shape, kernel, options, fill):
    """Yield each position of the output with its window, cut off at the end of the padding."""
    (stride, padding), dilation = (
        (options[k] for k in ("stride", "padding")),
        options.get("dilation", (1, 1)),
    )
    around = [(0, 0), (0, 0), *((p, p) for p in padding)]
    padded = np.pad(x, around, constant_values=fill)
    for i, j in np.ndindex(shape[2:]):
        rows, columns = (
            slice(at * s, at * s + (k - 1) * d + 1, d)
            for at, s, k, d in zip((i, j), stride, kernel, dilation, strict=True)
        )
        yield i, j, padded[:, :, rows, columns]


@given(poolings(dilated=True))
def test_max_pool2d_is_the_largest_value_of_each_window(case):
    x, kernel, options = case
    y = F.max_pool2d(x, kernel, **options)
    for i, j, window in windows(x, y.shape, kernel, options, -np.inf):
        assert_array_equal(y[:, :, i, j], window.max((2, 3), initial=-np.inf))


@given(poolings(dilated=True))
def test_max_pool2d_indices_point_at_the_maxima_and_take_the_gradient(case):
    x, kernel, options = case
    y, indices = F.max_pool2d(x, kernel, return_indices=True, **options)
    flat = x.reshape(2, 2, -1)
    inside = indices >= 0
    picked = np.take_along_axis(flat, np.maximum(indices, 0).reshape(2, 2, -1), 2)
    assert_array_equal(np.where(inside, picked.reshape(y.shape), -np.inf), y)
    g = integers(*y.shape, seed=1)
    expected = np.zeros_like(flat)
    for n, c in np.ndindex(2, 2):
        chosen = inside[n, c]
        np.add.at(expected[n, c], indices[n, c][chosen], g[n, c][chosen])
    grad = F.max_pool2d_grad(g, indices, input_shape=x.shape, kernel_size=kernel, **options)
    assert_array_equal(grad, expected.reshape(x.shape), strict=True)


@given(poolings(dilated=False), st.booleans(), st.sampled_from([None, 4]))
def test_avg_pool2d_is_the_mean_of_each_window_and_its_gradient_the_adjoint(
    case, count_padding, divisor
):
    x, kernel, options = case
    # A multiple of every count, 1 to 16, that a window can have: all quotients are integers.
    x = 5040 * x
    options |= {"count_include_pad": count_padding, "divisor_override": divisor}
    y = F.avg_pool2d(x, kernel, **options)
    ones = np.ones_like(x)
    for i, j, window in windows(x, y.shape, kernel, options, 0):
        if divisor is not None:
            count = divisor
        elif count_padding:
            count = window[0, 0].size
        else:
            count = next(
                w[0, 0].sum()
                for a, b, w in windows(ones, y.shape, kernel, options, 0)
                if (a, b) == (i, j)
            )
        assert_array_equal(y[:, :, i, j], window.sum((2, 3)) / count)
    g = 5040 * integers(*y.shape, seed=1)
    grad = F.avg_pool2d_grad(g, input_shape=x.shape, kernel_size=kernel, **options)
    assert grad.shape == x.shape
    other = integers(*x.shape, seed=2)
    # Both sides are sums of integers times 5040 / count.
    assert dot(g / 5040, F.avg_pool2d(5040 * other, kernel, **options)) == dot(grad, other)


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
        ({"x": X[0]}, r"x has 3 dimensions, shape \(2, 4, 6\), expected 4: \(N, C, H, W\)"),
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
            "avg_pool2d: divisor_override is 0, expected at least 1",
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
            lambda: F.max_pool2d_grad(G, INDICES, input_shape=X.shape[1:], kernel_size=2),
            r"max_pool2d_grad: input_shape is \(2, 4, 6\), expected \(N, C, H, W\)",
        ),
        (
            lambda: F.avg_pool2d_grad(G, input_shape=X.shape, kernel_size=3),
            r"avg_pool2d_grad: grad_output has shape \(1, 2, 2, 3\), expected \(1, 2, 1, 2\)",
        ),
        (
            lambda: F.avg_pool2d_grad(G, input_shape=(1, 2, 4), kernel_size=2),
            r"avg_pool2d_grad: input_shape is \(1, 2, 4\), expected \(N, C, H, W\)",
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
            "avg_pool2d: divisor_override is 2.5, expected an integer of at least 1",
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
