"""Laws of conv1d to conv3d and their gradients, exact on small integers, and what they refuse."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from scratchcnn import functional as F
from scratchcnn.functional import _convolution as products
from scratchcnn.functional.geometry import padded


def integers(*shape, seed=0, dtype=np.float64):
    """Return small integers; every sum of their products is exact, in any order."""
    return np.random.default_rng(seed).integers(-5, 6, shape).astype(dtype)


def dot(a, b):
    return float(np.vdot(a, b))


@st.composite
def axes(draw):
    """Draw (input size, kernel, stride, padding, dilation) of one axis, worked back from y."""
    output, kernel = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    stride, dilation = draw(st.integers(1, 3)), draw(st.integers(1, 2))
    reach = (kernel - 1) * dilation + 1
    padded = (output - 1) * stride + reach + draw(st.integers(0, stride - 1))
    padding = draw(st.integers(0, min(reach + 1, (padded - 1) // 2)))
    return padded - 2 * padding, kernel, stride, padding, dilation


@st.composite
def convolutions(draw):
    """Draw (spatial axes, x, weight, options) of a convolution."""
    spatial = draw(st.integers(1, 3))
    drawn = [draw(axes()) for _ in range(spatial)]
    size, kernel, *options = zip(*drawn, strict=True)
    groups, seed = draw(st.integers(1, 2)), draw(st.integers(0, 2**32 - 1))
    channels, filters = (groups * draw(st.integers(1, 2)) for _ in range(2))
    lead = draw(st.sampled_from([(2,), (1,), ()]))
    x = integers(*lead, channels, *size, seed=seed)
    weight = integers(filters, channels // groups, *kernel, seed=seed + 1)
    names = ("stride", "padding", "dilation")
    return spatial, x, weight, {**dict(zip(names, options, strict=True)), "groups": groups}


def functions(spatial):
    """Return a convolution and its gradients of x, weight and bias."""
    return [getattr(F, f"conv{spatial}d{name}") for name in NAMES]


NAMES = ("", "_input_grad", "_weight_grad", "_bias_grad")


# The smallest case that tells the rows from the columns in every respect.
ASYMMETRIC = {"stride": (2, 3), "padding": (1, 0)}


def asymmetric():
    return integers(2, 2, 5, 3), integers(3, 2, 3, 2, seed=1)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_conv2d_of_a_delta_is_the_flipped_kernel(dtype):
    delta = np.zeros((1, 1, 5, 7), dtype)
    delta[0, 0, 2, 3] = 1
    weight = integers(1, 1, 3, 2, dtype=dtype)
    expected = np.zeros((1, 1, 3, 6), dtype)
    expected[0, 0, :, 2:4] = weight[0, 0, ::-1, ::-1]
    assert_array_equal(F.conv2d(delta, weight), expected, strict=True)


def test_conv2d_is_its_definition():
    x, weight, bias = integers(2, 4, 6, 5), integers(6, 2, 3, 2, seed=1), integers(6, seed=2)
    options = {"stride": (2, 1), "padding": (2, 1), "dilation": (2, 3), "groups": 2}
    y = F.conv2d(x, weight, bias, **options)
    assert y.shape == (2, 6, 3, 4)
    padded = np.pad(x, ((0, 0), (0, 0), (2, 2), (1, 1)))
    for n, o, i, j in np.ndindex(y.shape):
        first = o // 3 * 2
        window = padded[n, first : first + 2, 2 * i : 2 * i + 5 : 2, j : j + 4 : 3]
        assert y[n, o, i, j] == (window * weight[o]).sum() + bias[o]


def test_conv2d_is_linear_in_every_array():
    (x, weight), (y, other) = asymmetric(), (integers(2, 2, 5, 3, seed=7), integers(3, 2, 3, 2))
    a, b = integers(3, seed=8), integers(3, seed=9)
    left = F.conv2d(2 * x - 3 * y, weight, 2 * a - 3 * b, **ASYMMETRIC)
    right = 2 * F.conv2d(x, weight, a, **ASYMMETRIC) - 3 * F.conv2d(y, weight, b, **ASYMMETRIC)
    assert_array_equal(left, right)
    left = F.conv2d(x, 2 * weight - 3 * other, **ASYMMETRIC)
    right = 2 * F.conv2d(x, weight, **ASYMMETRIC) - 3 * F.conv2d(x, other, **ASYMMETRIC)
    assert_array_equal(left, right)


@given(convolutions())
def test_conv_gradients_are_adjoints(case):
    spatial, x, weight, options = case
    conv, input_grad, weight_grad, bias_grad = functions(spatial)
    y = conv(x, weight, **options)
    g = integers(*y.shape, seed=3)
    grad_x = input_grad(g, weight, input_shape=x.shape, **options)
    grad_weight = weight_grad(g, x, kernel_size=weight.shape[2:], **options)
    assert grad_x.shape == x.shape
    assert grad_weight.shape == weight.shape
    other_x, other_weight = integers(*x.shape, seed=4), integers(*weight.shape, seed=5)
    assert dot(g, conv(other_x, weight, **options)) == dot(grad_x, other_x)
    assert dot(g, conv(x, other_weight, **options)) == dot(grad_weight, other_weight)
    for shape in (weight.shape[:1], y.shape[-1 - spatial :]):
        bias = integers(*shape, seed=6)
        added = conv(x, weight, bias, **options) - y
        assert dot(g, added) == dot(bias_grad(g, bias_shape=shape), bias)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_conv2d_gradients_hold_for_every_pixel_and_every_weight(dtype):
    x, weight = (array.astype(dtype) for array in asymmetric())
    g = integers(*F.conv2d(x, weight, **ASYMMETRIC).shape, seed=2, dtype=dtype)
    grad_x = F.conv2d_input_grad(g, weight, input_shape=x.shape, **ASYMMETRIC)
    pixels = np.eye(x.size, dtype=dtype).reshape(x.size, *x.shape)
    expected = [dot(g, F.conv2d(pixel, weight, **ASYMMETRIC)) for pixel in pixels]
    assert_array_equal(grad_x, np.reshape(expected, x.shape).astype(dtype), strict=True)
    grad_weight = F.conv2d_weight_grad(g, x, kernel_size=(3, 2), **ASYMMETRIC)
    taps = np.eye(weight.size, dtype=dtype).reshape(weight.size, *weight.shape)
    expected = [dot(g, F.conv2d(x, tap, **ASYMMETRIC)) for tap in taps]
    assert_array_equal(grad_weight, np.reshape(expected, weight.shape).astype(dtype), strict=True)


def test_conv2d_bias_gradients_are_adjoints():
    x, weight = asymmetric()
    y = F.conv2d(x, weight, **ASYMMETRIC)
    g = integers(*y.shape, seed=2)
    for shape in ((3,), (3, 3, 1)):
        bias = integers(*shape, seed=3)
        added = F.conv2d(x, weight, bias, **ASYMMETRIC) - y
        assert dot(g, added) == dot(F.conv2d_bias_grad(g, bias_shape=shape), bias)
    assert_array_equal(F.conv2d_bias_grad(g), g.sum((0, 2, 3)))
    assert_array_equal(F.conv2d_bias_grad(g, bias_shape=(3, 3, 1)), g.sum(0))


def test_conv2d_untied_bias_adds_one_value_per_output_pixel():
    x, weight = asymmetric()
    bias = integers(3, 3, 1, seed=3)
    expected = F.conv2d(x, weight, **ASYMMETRIC) + bias
    assert_array_equal(F.conv2d(x, weight, bias, **ASYMMETRIC), expected)
    tied = F.conv2d(x, weight, bias[:, 0, 0], **ASYMMETRIC)
    spread = np.broadcast_to(bias[:, :1], (3, 3, 1)).copy()
    assert_array_equal(F.conv2d(x, weight, spread, **ASYMMETRIC), tied)


def test_conv2d_shifts_with_its_input():
    x, weight = integers(1, 2, 4, 5), integers(3, 2, 2, 3, seed=1)
    moved = np.zeros((1, 2, 9, 9))
    moved[:, :, 3:7, 2:7] = x
    full = F.conv2d(x, weight, padding=(1, 2))
    assert_array_equal(F.conv2d(moved, weight)[:, :, 2:7, :7], full)


def test_conv2d_composes_by_convolving_the_kernels():
    x, a, b = integers(1, 1, 7, 6), integers(1, 1, 2, 3, seed=1), integers(1, 1, 3, 2, seed=2)
    both = F.convolve(a[0, 0], b[0, 0])[None, None]
    assert_array_equal(F.conv2d(F.conv2d(x, a), b), F.conv2d(x, both))


def test_conv2d_of_one_channel_is_the_valid_correlation():
    x, weight = integers(5, 6), integers(2, 3, seed=1)
    expected = F.correlate(x, weight, mode="valid")
    assert_array_equal(F.conv2d(x[None, None], weight[None, None])[0, 0], expected)


def test_conv2d_exchanges_rows_and_columns_with_its_arguments():
    x, weight = asymmetric()
    turned = F.conv2d(x.swapaxes(2, 3), weight.swapaxes(2, 3), stride=(3, 2), padding=(0, 1))
    assert_array_equal(turned.swapaxes(2, 3), F.conv2d(x, weight, **ASYMMETRIC))


def test_conv2d_with_a_stride_takes_every_so_manieth_row_and_column():
    x, weight = integers(2, 2, 8, 9), integers(3, 2, 3, 2, seed=1)
    expected = F.conv2d(x, weight)[:, :, ::3, ::2]
    assert_array_equal(F.conv2d(x, weight, stride=(3, 2)), expected)


def test_conv2d_with_padding_sees_zeros_around_its_input():
    x, weight = integers(2, 2, 4, 5), integers(3, 2, 3, 2, seed=1)
    around = F.pad(x, (1, 1, 4, 4))
    assert_array_equal(F.conv2d(x, weight, padding=(4, 1)), F.conv2d(around, weight))
    assert_array_equal(F.conv2d(x, weight, padding="valid"), F.conv2d(x, weight))


def test_conv2d_same_keeps_the_size_and_gives_an_even_kernel_its_zero_at_the_end():
    x, weight = integers(2, 2, 4, 5), integers(3, 2, 3, 2, seed=1)
    assert_array_equal(
        F.conv2d(x, weight, padding="same"), F.conv2d(F.pad(x, (0, 1, 1, 1)), weight)
    )
    wide = F.conv2d(x, weight, padding="same", dilation=(1, 3))
    assert_array_equal(wide, F.conv2d(F.pad(x, (1, 2, 1, 1)), weight, dilation=(1, 3)))
    assert wide.shape == (2, 3, 4, 5)


def test_conv2d_with_dilation_has_zeros_between_the_taps():
    x, weight = integers(2, 2, 7, 8), integers(3, 2, 3, 2, seed=1)
    spread = np.zeros((3, 2, 5, 4))
    spread[:, :, ::2, ::3] = weight
    assert_array_equal(F.conv2d(x, weight, dilation=(2, 3)), F.conv2d(x, spread))


def test_conv2d_with_groups_is_a_convolution_of_each_group():
    x, weight, bias = integers(2, 6, 4, 5), integers(4, 3, 2, 3, seed=1), integers(4, seed=2)
    parts = [
        F.conv2d(x[:, 3 * g : 3 * g + 3], weight[2 * g : 2 * g + 2], bias[2 * g : 2 * g + 2])
        for g in (0, 1)
    ]
    assert_array_equal(F.conv2d(x, weight, bias, groups=2), np.concatenate(parts, 1))


def test_conv2d_with_as_many_groups_as_channels_filters_each_alone():
    x, weight = integers(2, 3, 4, 5), integers(3, 1, 2, 3, seed=1)
    y = F.conv2d(x, weight, groups=3)
    for n, c in np.ndindex(2, 3):
        assert_array_equal(y[n, c], F.correlate(x[n, c], weight[c, 0], mode="valid"))


def test_conv2d_and_its_gradients_of_a_batch_are_those_of_its_samples():
    x, weight = asymmetric()
    y = F.conv2d(x, weight, **ASYMMETRIC)
    g = integers(*y.shape, seed=2)
    grad_x = F.conv2d_input_grad(g, weight, input_shape=x.shape, **ASYMMETRIC)
    total = np.zeros_like(weight)
    for n in (slice(0, 1), slice(1, 2)):
        assert_array_equal(F.conv2d(x[n], weight, **ASYMMETRIC), y[n])
        alone = F.conv2d_input_grad(g[n], weight, input_shape=x[n].shape, **ASYMMETRIC)
        assert_array_equal(alone, grad_x[n])
        total += F.conv2d_weight_grad(g[n], x[n], kernel_size=(3, 2), **ASYMMETRIC)
    assert_array_equal(F.conv2d_weight_grad(g, x, kernel_size=(3, 2), **ASYMMETRIC), total)


def test_conv2d_with_a_kernel_of_one_pixel_mixes_the_channels():
    x, weight = integers(2, 3, 4, 5), integers(6, 3, 1, 1, seed=1)
    expected = np.moveaxis(F.linear(np.moveaxis(x, 1, 3), weight[:, :, 0, 0]), 3, 1)
    assert_array_equal(F.conv2d(x, weight), expected)


def test_conv2d_with_a_kernel_of_the_whole_image_is_linear():
    x, weight = integers(2, 3, 4, 5), integers(6, 3, 4, 5, seed=1)
    expected = F.linear(F.flatten(x, start_dim=1), F.flatten(weight, start_dim=1))
    assert_array_equal(F.conv2d(x, weight)[:, :, 0, 0], expected)


def test_conv2d_input_gradient_of_stride_1_is_the_full_convolution():
    g, weight = integers(1, 1, 3, 4), integers(1, 1, 2, 3, seed=1)
    grad = F.conv2d_input_grad(g, weight, input_shape=(1, 1, 4, 6))
    assert_array_equal(grad[0, 0], F.convolve(g[0, 0], weight[0, 0]))


def test_conv2d_weight_gradient_of_stride_1_is_the_valid_correlation():
    g, x = integers(1, 1, 3, 4), integers(1, 1, 4, 6, seed=1)
    grad = F.conv2d_weight_grad(g, x, kernel_size=(2, 3))
    assert_array_equal(grad[0, 0], F.correlate(x[0, 0], g[0, 0], mode="valid"))


def test_conv2d_input_gradient_is_zero_where_no_window_reaches():
    # One window of 2 rows in 3 rows, with a stride of 2: the last row is the remainder.
    grad = F.conv2d_input_grad(
        integers(1, 1, 1, 1) + 10, np.ones((1, 1, 2, 3)), input_shape=(1, 1, 3, 3), stride=2
    )
    assert_array_equal(grad[0, 0, 2], np.zeros(3))
    assert (grad[0, 0, :2] != 0).all()


@pytest.mark.parametrize("spatial", [1, 2, 3])
def test_conv_without_a_batch_is_the_convolution_of_a_batch_of_one(spatial):
    conv, input_grad, weight_grad, bias_grad = functions(spatial)
    x, weight = integers(4, *(5, 4, 6)[:spatial]), integers(6, 2, *(3, 2, 1)[:spatial], seed=1)
    options = {"stride": 2, "padding": 1, "groups": 2}
    bias, kernel = integers(6, seed=2), weight.shape[2:]
    y = conv(x, weight, bias, **options)
    assert_array_equal(y, conv(x[None], weight, bias, **options)[0], strict=True)
    g = integers(*y.shape, seed=3)
    alone = input_grad(g, weight, input_shape=x.shape, **options)
    batch = input_grad(g[None], weight, input_shape=(1, *x.shape), **options)
    assert_array_equal(alone, batch[0], strict=True)
    alone = weight_grad(g, x, kernel_size=kernel, **options)
    batch = weight_grad(g[None], x[None], kernel_size=kernel, **options)
    assert_array_equal(alone, batch, strict=True)
    assert_array_equal(bias_grad(g), bias_grad(g[None]), strict=True)
    assert_array_equal(bias_grad(g, bias_shape=g.shape), g, strict=True)


def test_conv2d_and_its_gradients_of_a_large_batch_are_made_of_blocks(monkeypatch):
    x, weight, bias = integers(70, 4, 5, 3), integers(6, 2, 3, 2, seed=1), integers(6, seed=2)
    g = integers(70, 6, 3, 1, seed=3)
    options = {**ASYMMETRIC, "groups": 2}
    sizes = []

    def results():
        return (
            F.conv2d(x, weight, bias, **options),
            F.conv2d_input_grad(g, weight, input_shape=x.shape, **options),
            F.conv2d_weight_grad(g, x, kernel_size=(3, 2), **options),
        )

    def noting(x, windows):
        sizes.append(len(x))
        return padded(x, windows)

    whole = results()
    monkeypatch.setattr(products, "padded", noting)
    # The columns of one sample have 4 * 6 taps of 3 windows; at least two samples are a 64th.
    for block, samples in ((0, 2), (4 * 6 * 3 * 9, 9)):
        monkeypatch.setattr(products, "BLOCK", block)
        for ours, expected in zip(results(), whole, strict=True):
            assert_array_equal(ours, expected, strict=True)
        assert max(sizes) == samples
        assert sum(sizes) == 2 * len(x)
        sizes.clear()


def test_conv1d_is_conv2d_of_images_of_one_row():
    x, weight = integers(2, 4, 9), integers(6, 2, 3, seed=1)
    options = {"stride": 2, "padding": 3, "dilation": 2, "groups": 2}
    of_rows = {**options, "stride": (1, 2), "padding": (0, 3)}
    y = F.conv1d(x, weight, **options)
    assert_array_equal(y, F.conv2d(x[:, :, None], weight[:, :, None], **of_rows)[:, :, 0])
    g = integers(*y.shape, seed=2)
    grad = F.conv1d_input_grad(g, weight, input_shape=x.shape, **options)
    image = (2, 4, 1, 9)
    expected = F.conv2d_input_grad(g[:, :, None], weight[:, :, None], input_shape=image, **of_rows)
    assert_array_equal(grad, expected[:, :, 0])
    grad = F.conv1d_weight_grad(g, x, kernel_size=3, **options)
    expected = F.conv2d_weight_grad(g[:, :, None], x[:, :, None], kernel_size=(1, 3), **of_rows)
    assert_array_equal(grad, expected[:, :, 0])


def test_conv1d_of_one_channel_is_the_correlation_of_numpy():
    x, weight = integers(9), integers(4, seed=1)
    assert_array_equal(F.conv1d(x[None], weight[None, None])[0], np.correlate(x, weight, "valid"))


def test_conv3d_is_the_sum_of_conv2d_over_the_planes_of_its_kernel():
    x, weight = integers(2, 4, 6, 5, 4), integers(6, 2, 3, 2, 3, seed=1)
    y = F.conv3d(x, weight, stride=(1, 2, 1), padding=(0, 1, 2), dilation=(2, 1, 1), groups=2)
    options = {"stride": (2, 1), "padding": (1, 2), "groups": 2}
    for depth in range(y.shape[2]):
        planes = [F.conv2d(x[:, :, depth + 2 * a], weight[:, :, a], **options) for a in range(3)]
        assert_array_equal(y[:, :, depth], sum(planes))
    assert y.shape == (2, 6, 2, 3, 6)


@pytest.mark.parametrize("spatial", [1, 3])
def test_conv_untied_bias_adds_one_value_per_output_pixel(spatial):
    conv, *_ = functions(spatial)
    x, weight = integers(2, 3, *(5, 4, 6)[:spatial]), integers(2, 3, *(3, 2, 1)[:spatial], seed=1)
    y = conv(x, weight, padding="same")
    bias = integers(*y.shape[1:], seed=2)
    assert_array_equal(conv(x, weight, bias, padding="same"), y + bias)


@pytest.mark.parametrize("spatial", [1, 3])
def test_conv_of_no_samples_is_empty_and_has_zero_gradients(spatial):
    conv, input_grad, weight_grad, bias_grad = functions(spatial)
    x, weight = np.zeros((0, 3, *(5, 4, 6)[:spatial])), integers(2, 3, *(3, 2, 1)[:spatial])
    y = conv(x, weight)
    assert y.shape == (0, 2, *(3, 3, 6)[:spatial])
    assert_array_equal(input_grad(y, weight, input_shape=x.shape), x, strict=True)
    grad = weight_grad(y, x, kernel_size=weight.shape[2:])
    assert_array_equal(grad, np.zeros_like(weight), strict=True)
    assert_array_equal(bias_grad(y), np.zeros(2), strict=True)


def test_conv2d_takes_an_int_for_a_pair_and_lists_for_tuples():
    x, weight = integers(2, 2, 6, 7), integers(3, 2, 2, 2, seed=1)
    y = F.conv2d(x, weight, stride=2, padding=1, dilation=2)
    pairs = {"stride": [2, 2], "padding": (1, 1), "dilation": [np.int64(2), 2]}
    assert_array_equal(F.conv2d(x, weight, **pairs), y)
    g = integers(*y.shape, seed=2)
    assert_array_equal(
        F.conv2d_input_grad(g, weight, input_shape=list(x.shape), **pairs),
        F.conv2d_input_grad(g, weight, input_shape=x.shape, stride=2, padding=1, dilation=2),
    )


def test_conv2d_of_no_samples_is_empty_and_has_zero_gradients():
    x, weight = np.zeros((0, 2, 5, 3)), integers(3, 2, 3, 2)
    y = F.conv2d(x, weight, integers(3), **ASYMMETRIC)
    assert y.shape == (0, 3, 3, 1)
    grad = F.conv2d_input_grad(y, weight, input_shape=x.shape, **ASYMMETRIC)
    assert grad.shape == x.shape
    grad = F.conv2d_weight_grad(y, x, kernel_size=(3, 2), **ASYMMETRIC)
    assert_array_equal(grad, np.zeros_like(weight), strict=True)
    assert_array_equal(F.conv2d_bias_grad(y), np.zeros(3), strict=True)


X, W = np.zeros((2, 4, 5, 6)), np.zeros((6, 4, 3, 2))
G = np.zeros((2, 6, 3, 5))


def conv(x=X, weight=W, bias=None, **options):
    return lambda: F.conv2d(x, weight, bias, **options)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            conv(np.zeros((5, 6))),
            r"conv2d: x has 2 dimensions, shape \(5, 6\), expected \(N, C, H, W\), or the same "
            "without N",
        ),
        (
            conv(weight=np.zeros((6, 4))),
            r"conv2d: weight has 2 dimensions, shape \(6, 4\), expected 4: \(O, C, KH, KW\)",
        ),
        (
            conv(np.zeros((2, 3, 5, 6))),
            "conv2d: weight has 4 input channels, but x has 3",
        ),
        (
            conv(groups=2),
            "conv2d: weight has 4 input channels in each of 2 groups, but x has 4",
        ),
        (conv(groups=3), "conv2d: x has 4 channels, expected a multiple of groups=3"),
        (
            conv(weight=np.zeros((5, 2, 3, 2)), groups=2),
            "conv2d: weight has 5 filters, expected a multiple of groups=2",
        ),
        (conv(groups=0), "conv2d: groups is 0, expected at least 1"),
        (conv(stride=0), "conv2d: stride is 0, expected at least 1"),
        (conv(stride=(1, -2)), "conv2d: stride is -2, expected at least 1"),
        (
            conv(stride=(1, 1, 1)),
            r"conv2d: stride has 3 values, \(1, 1, 1\), expected one integer or 2",
        ),
        (conv(dilation=0), "conv2d: dilation is 0, expected at least 1"),
        (conv(padding=-1), "conv2d: padding is -1, expected at least 0"),
        (conv(padding="full"), "conv2d: padding is 'full', expected one of 'valid', 'same'"),
        (
            conv(padding="same", stride=(1, 2)),
            r"conv2d: stride is \(1, 2\), expected 1 with padding='same'",
        ),
        (
            conv(dilation=(3, 1), padding=(0, 1)),
            r"conv2d: the kernel reaches over \(7, 2\), but the padded input has \(5, 8\)",
        ),
        (
            conv(weight=np.zeros((6, 4, 0, 2))),
            r"conv2d: weight has shape \(6, 4, 0, 2\), expected no axis of 0",
        ),
        (
            conv(np.zeros((2, 0, 5, 6)), np.zeros((6, 0, 3, 2))),
            r"conv2d: weight has shape \(6, 0, 3, 2\), expected no axis of 0",
        ),
        (
            conv(bias=np.zeros(5)),
            r"conv2d: bias has shape \(5,\), expected \(6,\), or \(6, 3, 5\) "
            "with one value per output pixel",
        ),
        (conv(bias=np.zeros((6, 5, 3))), r"conv2d: bias has shape \(6, 5, 3\), expected \(6,\)"),
        (
            lambda: F.conv2d_input_grad(G, W[0], input_shape=X.shape),
            "conv2d_input_grad: weight has 3 dimensions",
        ),
        (
            lambda: F.conv2d_input_grad(G, W, input_shape=(5, 6)),
            r"conv2d_input_grad: input_shape is \(5, 6\), expected \(N, C, H, W\), or the same",
        ),
        (
            lambda: F.conv2d_input_grad(G, W, input_shape=(4, 5, 6)),
            r"conv2d_input_grad: grad_output has shape \(2, 6, 3, 5\), expected \(6, 3, 5\)",
        ),
        (
            lambda: F.conv2d_input_grad(G, W, input_shape=(2, 3, 5, 6)),
            "conv2d_input_grad: weight has 4 input channels, but x has 3",
        ),
        (
            lambda: F.conv2d_input_grad(G, W, input_shape=X.shape, stride=2),
            r"conv2d_input_grad: grad_output has shape \(2, 6, 3, 5\), expected \(2, 6, 2, 3\)",
        ),
        (
            lambda: F.conv2d_weight_grad(G[0, 0], X, kernel_size=3),
            "conv2d_weight_grad: grad_output has 2 dimensions",
        ),
        (
            lambda: F.conv2d_weight_grad(G[0], X, kernel_size=(3, 2)),
            r"conv2d_weight_grad: grad_output has shape \(6, 3, 5\), expected \(2, 6, 3, 5\)",
        ),
        (
            lambda: F.conv2d_weight_grad(G[:1], X[0], kernel_size=(3, 2)),
            r"conv2d_weight_grad: grad_output has shape \(1, 6, 3, 5\), expected \(6, 3, 5\)",
        ),
        (
            lambda: F.conv2d_weight_grad(G, X[0, 0], kernel_size=3),
            "conv2d_weight_grad: x has 2 dimensions",
        ),
        (
            lambda: F.conv2d_weight_grad(G, X, kernel_size=0),
            "conv2d_weight_grad: kernel_size is 0, expected at least 1",
        ),
        (
            lambda: F.conv2d_weight_grad(G, X, kernel_size=3),
            r"conv2d_weight_grad: grad_output has shape \(2, 6, 3, 5\), expected \(2, 6, 3, 4\)",
        ),
        (
            lambda: F.conv2d_weight_grad(G, X, kernel_size=(3, 2), groups=4),
            "conv2d_weight_grad: weight has 6 filters, expected a multiple of groups=4",
        ),
        (
            lambda: F.conv2d_weight_grad(G[:1], X, kernel_size=(3, 2)),
            r"conv2d_weight_grad: grad_output has shape \(1, 6, 3, 5\), expected \(2, 6, 3, 5\)",
        ),
        (
            lambda: F.conv2d_bias_grad(G[0, 0]),
            r"conv2d_bias_grad: grad_output has 2 dimensions, .* expected \(N, C, H, W\), or the",
        ),
        (
            lambda: F.conv2d_input_grad(G, W[:0], input_shape=X.shape),
            r"conv2d_input_grad: weight has shape \(0, 4, 3, 2\), expected no axis of 0",
        ),
        (
            lambda: F.conv1d(X, W[0]),
            r"conv1d: x has 4 dimensions, shape \(2, 4, 5, 6\), expected \(N, C, L\), or the",
        ),
        (
            lambda: F.conv1d(X[0], W),
            r"conv1d: weight has 4 dimensions, .*, expected 3: \(O, C, K\)",
        ),
        (
            lambda: F.conv1d(X[0], np.zeros((3, 5, 2)), stride=(1, 1)),
            r"conv1d: stride has 2 values, \(1, 1\), expected one integer or 1",
        ),
        (
            lambda: F.conv3d(X[None], W),
            r"conv3d: weight has 4 dimensions, .*, expected 5: \(O, C, KD, KH, KW\)",
        ),
        (
            lambda: F.conv3d(X[0, 0], W[None]),
            r"conv3d: x has 2 dimensions, .*, expected \(N, C, D, H, W\), or the same without N",
        ),
        (
            lambda: F.conv3d(X, np.zeros((3, 2, 5, 2, 1)), padding=(0, 2, 0), dilation=2),
            r"conv3d: the kernel reaches over \(9, 3, 1\), but the padded input has \(4, 9, 6\)",
        ),
        (
            lambda: F.conv2d_bias_grad(G, bias_shape=(5,)),
            r"conv2d_bias_grad: bias_shape is \(5,\), expected \(6,\) or \(6, 3, 5\)",
        ),
    ],
)
def test_conv2d_refuses_what_does_not_fit(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (conv(stride=1.0), "conv2d: stride is 1.0, expected an integer of at least 1"),
        (conv(stride="2"), "conv2d: stride is '2', expected an integer of at least 1"),
        (conv(stride=(1, None)), "conv2d: stride is None, expected an integer of at least 1"),
        (conv(stride=np.array([1, 1])), r"conv2d: stride is array\(\[1, 1\]\), expected an int"),
        (conv(dilation=True), "conv2d: dilation is True, expected an integer of at least 1"),
        (conv(padding=0.5), "conv2d: padding is 0.5, expected an integer of at least 0"),
        (conv(groups=2.0), "conv2d: groups is 2.0, expected an integer of at least 1"),
        (
            lambda: F.conv2d_weight_grad(G, X, kernel_size=2.5),
            "conv2d_weight_grad: kernel_size is 2.5, expected an integer of at least 1",
        ),
        (
            lambda: F.conv2d_input_grad(G, W, input_shape=6),
            "conv2d_input_grad: input_shape is 6, expected a tuple of integers",
        ),
    ],
)
def test_conv2d_refuses_parameters_of_wrong_types(call, message):
    with pytest.raises(TypeError, match=message):
        call()
