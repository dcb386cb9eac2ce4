"""Laws of conv_transpose1d to 3d and their gradients, exact on small integers, and errors."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from scratchcnn import functional as F


def integers(*shape, seed=0, dtype=np.float64):
    """Return small integers; every sum of their products is exact, in any order."""
    return np.random.default_rng(seed).integers(-5, 6, shape).astype(dtype)


def dot(a, b):
    return float(np.vdot(a, b))


def functions(spatial):
    """Return a transposed convolution and its gradients of x, weight and bias."""
    names = ("", "_input_grad", "_weight_grad", "_bias_grad")
    return [getattr(F, f"conv_transpose{spatial}d{name}") for name in names]


@st.composite
def axes(draw):
    """Draw (size, kernel, stride, padding, output padding, dilation) of one axis."""
    size, kernel = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    stride, dilation = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    extra = draw(st.integers(0, max(stride, dilation) - 1))
    whole = (size - 1) * stride + (kernel - 1) * dilation + 1 + extra
    padding = draw(st.integers(0, (whole - 1) // 2))
    return size, kernel, stride, padding, extra, dilation


@st.composite
def transposed(draw):
    """Draw (spatial axes, x, weight, options) of a transposed convolution."""
    spatial = draw(st.integers(1, 3))
    size, kernel, *options = zip(*[draw(axes()) for _ in range(spatial)], strict=True)
    groups, seed = draw(st.integers(1, 2)), draw(st.integers(0, 2**32 - 1))
    channels, each = groups * draw(st.integers(1, 2)), draw(st.integers(1, 2))
    lead = draw(st.sampled_from([(2,), (1,), ()]))
    x = integers(*lead, channels, *size, seed=seed)
    weight = integers(channels, each, *kernel, seed=seed + 1)
    names = ("stride", "padding", "output_padding", "dilation")
    return spatial, x, weight, {**dict(zip(names, options, strict=True)), "groups": groups}


ASYMMETRIC = {"stride": (2, 3), "padding": (1, 0), "output_padding": (1, 0), "dilation": (1, 2)}


def asymmetric():
    return integers(2, 4, 3, 2), integers(4, 3, 2, 3, seed=1)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_conv_transpose2d_of_a_delta_is_the_kernel_where_the_delta_stands(dtype):
    delta = np.zeros((1, 1, 3, 2), dtype)
    delta[0, 0, 1, 1] = 1
    weight = integers(1, 1, 3, 2, dtype=dtype)
    expected = np.zeros((1, 1, 7, 5), dtype)
    expected[0, 0, 2:5, 3:] = weight[0, 0]
    y = F.conv_transpose2d(delta, weight, stride=(2, 3))
    assert_array_equal(y, expected, strict=True)


def test_conv_transpose2d_is_its_definition():
    x, weight = integers(2, 4, 3, 2), integers(4, 3, 2, 3, seed=1)
    bias = integers(6, seed=2)
    y = F.conv_transpose2d(x, weight, bias, groups=2, **ASYMMETRIC)
    whole = np.zeros((2, 6, 7, 8))
    for n, c, i, j in np.ndindex(x.shape):
        for o, a, b in np.ndindex(3, 2, 3):
            place = n, c // 2 * 3 + o, 2 * i + a, 3 * j + 2 * b
            whole[place] += x[n, c, i, j] * weight[c, o, a, b]
    assert y.shape == (2, 6, 5, 8)
    assert_array_equal(y, whole[:, :, 1:6] + bias[:, None, None])


@given(transposed())
def test_conv_transpose_is_the_adjoint_of_the_convolution_with_its_weight(case):
    spatial, x, weight, options = case
    y = functions(spatial)[0](x, weight, **options)
    other = integers(*y.shape, seed=3)
    extra = options.pop("output_padding")
    image = getattr(F, f"conv{spatial}d")(other, weight, **options)
    # An output padding of the stride or more makes room for further windows, which do not count.
    kept = (..., *(slice(n) for n in x.shape[-spatial:]))
    assert dot(y, other) == dot(x, image[kept])
    assert image.shape == x.shape or any(
        e >= s for e, s in zip(extra, options["stride"], strict=True)
    )


@given(transposed())
def test_conv_transpose_gradients_are_adjoints(case):
    spatial, x, weight, options = case
    forward, input_grad, weight_grad, bias_grad = functions(spatial)
    y = forward(x, weight, **options)
    g = integers(*y.shape, seed=3)
    grad_x = input_grad(g, weight, input_shape=x.shape, **options)
    grad_weight = weight_grad(g, x, kernel_size=weight.shape[2:], **options)
    assert grad_x.shape == x.shape
    assert grad_weight.shape == weight.shape
    other_x, other_weight = integers(*x.shape, seed=4), integers(*weight.shape, seed=5)
    assert dot(g, forward(other_x, weight, **options)) == dot(grad_x, other_x)
    assert dot(g, forward(x, other_weight, **options)) == dot(grad_weight, other_weight)
    bias = integers(y.shape[-1 - spatial], seed=6)
    assert dot(g, forward(x, weight, bias, **options) - y) == dot(bias_grad(g), bias)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_conv_transpose2d_gradients_hold_for_every_pixel_and_every_weight(dtype):
    x, weight = (array.astype(dtype) for array in asymmetric())
    g = integers(*F.conv_transpose2d(x, weight, **ASYMMETRIC).shape, seed=2, dtype=dtype)
    grad_x = F.conv_transpose2d_input_grad(g, weight, input_shape=x.shape, **ASYMMETRIC)
    pixels = np.eye(x.size, dtype=dtype).reshape(x.size, *x.shape)
    expected = [dot(g, F.conv_transpose2d(pixel, weight, **ASYMMETRIC)) for pixel in pixels]
    assert_array_equal(grad_x, np.reshape(expected, x.shape).astype(dtype), strict=True)
    grad = F.conv_transpose2d_weight_grad(g, x, kernel_size=(2, 3), **ASYMMETRIC)
    taps = np.eye(weight.size, dtype=dtype).reshape(weight.size, *weight.shape)
    expected = [dot(g, F.conv_transpose2d(x, tap, **ASYMMETRIC)) for tap in taps]
    assert_array_equal(grad, np.reshape(expected, weight.shape).astype(dtype), strict=True)


def test_conv_transpose2d_is_linear_in_every_array():
    (x, weight), (y, other) = asymmetric(), (integers(2, 4, 3, 2, seed=7), integers(4, 3, 2, 3))
    a, b = integers(3, seed=8), integers(3, seed=9)
    left = F.conv_transpose2d(2 * x - 3 * y, weight, 2 * a - 3 * b, **ASYMMETRIC)
    right = 2 * F.conv_transpose2d(x, weight, a, **ASYMMETRIC)
    assert_array_equal(left, right - 3 * F.conv_transpose2d(y, weight, b, **ASYMMETRIC))
    left = F.conv_transpose2d(x, 2 * weight - 3 * other, **ASYMMETRIC)
    right = 2 * F.conv_transpose2d(x, weight, **ASYMMETRIC)
    assert_array_equal(left, right - 3 * F.conv_transpose2d(x, other, **ASYMMETRIC))


def test_conv_transpose2d_of_one_channel_and_stride_1_is_the_full_convolution():
    x, weight = integers(4, 5), integers(2, 3, seed=1)
    y = F.conv_transpose2d(x[None], weight[None, None])
    assert_array_equal(y[0], F.convolve(x, weight))


def test_conv_transpose2d_has_room_between_its_elements_for_the_stride():
    x, weight = integers(2, 4, 3, 2), integers(4, 3, 2, 2, seed=1)
    apart = np.zeros((2, 4, 5, 4))
    apart[:, :, ::2, ::3] = x
    expected = F.conv_transpose2d(apart, weight)
    assert_array_equal(F.conv_transpose2d(x, weight, stride=(2, 3)), expected)


def test_conv_transpose2d_with_dilation_has_zeros_between_the_taps():
    x, weight = integers(2, 4, 3, 2), integers(4, 3, 2, 3, seed=1)
    spread = np.zeros((4, 3, 3, 7))
    spread[:, :, ::2, ::3] = weight
    expected = F.conv_transpose2d(x, spread)
    assert_array_equal(F.conv_transpose2d(x, weight, dilation=(2, 3)), expected)


def test_conv_transpose2d_padding_cuts_and_output_padding_adds_at_the_end():
    x, weight = asymmetric()
    whole = F.conv_transpose2d(x, weight, stride=3)
    assert whole.shape == (2, 3, 8, 6)
    y = F.conv_transpose2d(x, weight, stride=3, padding=(2, 1))
    assert_array_equal(y, whole[:, :, 2:-2, 1:-1])
    y = F.conv_transpose2d(x, weight, stride=3, padding=(2, 0), output_padding=(1, 2))
    assert_array_equal(y[..., :6], whole[:, :, 2:-1])
    assert_array_equal(y[..., 6:], np.zeros((2, 3, 5, 2)))


def test_conv_transpose2d_with_groups_is_one_of_each_group():
    x, weight, bias = integers(2, 6, 3, 4), integers(6, 2, 2, 3, seed=1), integers(4, seed=2)
    parts = [
        F.conv_transpose2d(x[:, part], weight[part], bias[2 * g : 2 * g + 2], stride=2)
        for g, part in enumerate((slice(3), slice(3, 6)))
    ]
    y = F.conv_transpose2d(x, weight, bias, stride=2, groups=2)
    assert_array_equal(y, np.concatenate(parts, 1))


def test_conv_transpose1d_is_conv_transpose2d_of_images_of_one_row():
    x, weight = integers(2, 4, 3), integers(4, 3, 2, seed=1)
    options = {"stride": 3, "padding": 1, "output_padding": 2, "groups": 2}
    of_rows = {**options, "stride": (1, 3), "padding": (0, 1), "output_padding": (0, 2)}
    y = F.conv_transpose1d(x, weight, **options)
    expected = F.conv_transpose2d(x[:, :, None], weight[:, :, None], **of_rows)
    assert_array_equal(y, expected[:, :, 0])


def test_conv_transpose3d_with_a_kernel_of_one_plane_is_conv_transpose2d_of_each_plane():
    x, weight = integers(2, 4, 3, 3, 2), integers(4, 3, 1, 2, 3, seed=1)
    y = F.conv_transpose3d(x, weight, stride=(2, 1, 3), padding=(0, 1, 0))
    planes = [
        F.conv_transpose2d(x[:, :, d], weight[:, :, 0], stride=(1, 3), padding=(1, 0))
        for d in range(3)
    ]
    assert_array_equal(y[:, :, ::2], np.stack(planes, 2))
    assert_array_equal(y[:, :, 1::2], np.zeros((2, 3, 2, *planes[0].shape[2:])))


@pytest.mark.parametrize("spatial", [1, 2, 3])
def test_conv_transpose_without_a_batch_is_that_of_a_batch_of_one(spatial):
    forward, input_grad, weight_grad, bias_grad = functions(spatial)
    x, weight = integers(4, *(3, 2, 4)[:spatial]), integers(4, 3, *(3, 2, 1)[:spatial], seed=1)
    options = {"stride": 2, "groups": 2}
    bias, kernel = integers(6, seed=2), weight.shape[2:]
    y = forward(x, weight, bias, **options)
    assert_array_equal(y, forward(x[None], weight, bias, **options)[0], strict=True)
    g = integers(*y.shape, seed=3)
    alone = input_grad(g, weight, input_shape=x.shape, **options)
    batch = input_grad(g[None], weight, input_shape=(1, *x.shape), **options)
    assert_array_equal(alone, batch[0], strict=True)
    alone = weight_grad(g, x, kernel_size=kernel, **options)
    batch = weight_grad(g[None], x[None], kernel_size=kernel, **options)
    assert_array_equal(alone, batch, strict=True)
    assert_array_equal(bias_grad(g), bias_grad(g[None]), strict=True)


@pytest.mark.parametrize("spatial", [1, 2, 3])
def test_conv_transpose_of_no_samples_is_empty_and_has_zero_gradients(spatial):
    forward, input_grad, weight_grad, bias_grad = functions(spatial)
    x, weight = np.zeros((0, 4, *(3, 2, 4)[:spatial])), integers(4, 3, *(3, 2, 1)[:spatial])
    y = forward(x, weight, integers(3), stride=2)
    assert y.shape == (0, 3, *(7, 4, 7)[:spatial])
    assert_array_equal(input_grad(y, weight, input_shape=x.shape, stride=2), x, strict=True)
    grad = weight_grad(y, x, kernel_size=weight.shape[2:], stride=2)
    assert_array_equal(grad, np.zeros_like(weight), strict=True)
    assert_array_equal(bias_grad(y), np.zeros(3), strict=True)


X, W = np.zeros((2, 4, 5, 6)), np.zeros((4, 6, 3, 2))
G = np.zeros((2, 6, 7, 7))


def deconv(x=X, weight=W, bias=None, **options):
    return lambda: F.conv_transpose2d(x, weight, bias, **options)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            deconv(np.zeros((5, 6))),
            r"conv_transpose2d: x has 2 dimensions, shape \(5, 6\), expected \(N, C, H, W\), or",
        ),
        (
            deconv(weight=np.zeros((6, 4))),
            r"conv_transpose2d: weight has 2 dimensions, shape \(6, 4\), expected 4: "
            r"\(C, O, KH, KW\)",
        ),
        (
            lambda: F.conv_transpose1d(X[0], W),
            r"conv_transpose1d: weight has 4 dimensions, .*, expected 3: \(C, O, K\)",
        ),
        (
            lambda: F.conv_transpose3d(X, W),
            r"conv_transpose3d: weight has 4 dimensions, .*, expected 5: \(C, O, KD, KH, KW\)",
        ),
        (deconv(X[:, :3]), "conv_transpose2d: weight has 4 input channels, but x has 3"),
        (deconv(groups=3), "conv_transpose2d: x has 4 channels, expected a multiple of groups=3"),
        (
            deconv(weight=W[:, :, :0]),
            r"conv_transpose2d: weight has shape \(4, 6, 0, 2\), expected no axis of 0",
        ),
        (deconv(groups=0), "conv_transpose2d: groups is 0, expected at least 1"),
        (deconv(stride=0), "conv_transpose2d: stride is 0, expected at least 1"),
        (deconv(dilation=0), "conv_transpose2d: dilation is 0, expected at least 1"),
        (deconv(padding=-1), "conv_transpose2d: padding is -1, expected at least 0"),
        (deconv(output_padding=-1), "conv_transpose2d: output_padding is -1, expected at least 0"),
        (
            deconv(stride=(3, 1), dilation=(1, 2), output_padding=2),
            r"conv_transpose2d: output_padding is \(2, 2\), expected less than stride \(3, 1\) "
            r"or dilation \(1, 2\)",
        ),
        (
            deconv(padding=(1, 4)),
            r"conv_transpose2d: padding \(1, 4\) cuts the result \(7, 7\) of x \(5, 6\) to "
            r"\(5, -1\), expected at least 1",
        ),
        (
            deconv(X[:, :, :0]),
            r"conv_transpose2d: padding \(0, 0\) cuts the result \(2, 7\) of x \(0, 6\)",
        ),
        (
            deconv(bias=np.zeros(5)),
            r"conv_transpose2d: bias has shape \(5,\), expected \(6,\)",
        ),
        (
            lambda: F.conv_transpose2d_input_grad(G, W, input_shape=X.shape, stride=2),
            r"conv_transpose2d_input_grad: grad_output has shape \(2, 6, 7, 7\), "
            r"expected \(2, 6, 11, 12\)",
        ),
        (
            lambda: F.conv_transpose2d_input_grad(G, W, input_shape=X.shape[1:]),
            r"conv_transpose2d_input_grad: grad_output has .*, expected \(6, 7, 7\)",
        ),
        (
            lambda: F.conv_transpose2d_input_grad(G, W[0], input_shape=X.shape),
            "conv_transpose2d_input_grad: weight has 3 dimensions",
        ),
        (
            lambda: F.conv_transpose2d_input_grad(G, W, input_shape=(5, 6)),
            r"conv_transpose2d_input_grad: input_shape is \(5, 6\), expected \(N, C, H, W\)",
        ),
        (
            lambda: F.conv_transpose2d_weight_grad(G, X, kernel_size=3),
            r"conv_transpose2d_weight_grad: grad_output has .*, expected \(2, 6, 7, 8\)",
        ),
        (
            lambda: F.conv_transpose2d_weight_grad(G[0], X, kernel_size=(3, 2)),
            r"conv_transpose2d_weight_grad: grad_output has .*, expected \(2, 6, 7, 7\)",
        ),
        (
            lambda: F.conv_transpose2d_weight_grad(G, X[0], kernel_size=(3, 2)),
            r"conv_transpose2d_weight_grad: grad_output has .*, expected \(6, 7, 7\)",
        ),
        (
            lambda: F.conv_transpose2d_weight_grad(G, X, kernel_size=(3, 2), groups=4),
            "conv_transpose2d_weight_grad: grad_output has 6 channels, expected a multiple of "
            "groups=4",
        ),
        (
            lambda: F.conv_transpose2d_weight_grad(G, X[0, 0], kernel_size=(3, 2)),
            "conv_transpose2d_weight_grad: x has 2 dimensions",
        ),
        (
            lambda: F.conv_transpose2d_weight_grad(G, X, kernel_size=0),
            "conv_transpose2d_weight_grad: kernel_size is 0, expected at least 1",
        ),
        (
            lambda: F.conv_transpose2d_bias_grad(G[0, 0]),
            "conv_transpose2d_bias_grad: grad_output has 2 dimensions",
        ),
    ],
)
def test_conv_transpose_refuses_what_does_not_fit(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (deconv(stride=1.0), "conv_transpose2d: stride is 1.0, expected an integer of at least 1"),
        (deconv(padding="same"), "conv_transpose2d: padding is 'same', expected an integer"),
        (deconv(output_padding=None), "conv_transpose2d: output_padding is None, expected an int"),
        (
            lambda: F.conv_transpose2d_input_grad(G, W, input_shape=6),
            "conv_transpose2d_input_grad: input_shape is 6, expected a tuple of integers",
        ),
    ],
)
def test_conv_transpose_refuses_parameters_of_wrong_types(call, message):
    with pytest.raises(TypeError, match=message):
        call()
