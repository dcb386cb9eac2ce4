"""Laws of correlate and convolve, exact on small integers, and what they refuse."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.signal
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from scratchcnn import functional as F

MODES = ["full", "valid", "same"]


def integers(*shape, seed=0, dtype=np.float64):
    """Return small integers; every sum of their products is exact, in any order."""
    return np.random.default_rng(seed).integers(-9, 10, shape).astype(dtype)


def dot(a, b):
    return float(np.vdot(a, b))


shapes = st.integers(1, 3).flatmap(
    lambda axes: st.tuples(*[st.tuples(st.integers(1, 6), st.integers(1, 6))] * axes)
)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_correlate_of_a_delta_is_the_flipped_kernel(dtype):
    delta = np.zeros((5, 7), dtype)
    delta[2, 4] = 1
    kernel = integers(3, 2, dtype=dtype)
    expected = np.zeros((7, 8), dtype)
    expected[2:5, 4:6] = kernel[::-1, ::-1]
    assert_array_equal(F.correlate(delta, kernel), expected, strict=True)


def test_convolve_of_a_delta_is_the_kernel():
    delta = np.zeros((5, 7))
    delta[2, 4] = 1
    kernel = integers(3, 2)
    expected = np.zeros((7, 8))
    expected[2:5, 4:6] = kernel
    assert_array_equal(F.convolve(delta, kernel), expected)


@pytest.mark.parametrize("mode", MODES)
def test_convolve_is_correlate_with_the_kernel_flipped_along_every_axis(mode):
    x, kernel = integers(5, 4, 6), integers(2, 3, 4, seed=1)
    flipped = kernel[::-1, ::-1, ::-1]
    assert_array_equal(F.convolve(x, kernel, mode=mode), F.correlate(x, flipped, mode=mode))


@pytest.mark.parametrize("function", [F.correlate, F.convolve])
@pytest.mark.parametrize("mode", MODES)
def test_correlate_and_convolve_are_linear_in_both_arrays(function, mode):
    x, y = integers(5, 4, seed=1), integers(5, 4, seed=2)
    kernel, other = integers(2, 3, seed=3), integers(2, 3, seed=4)
    assert_array_equal(
        function(3 * x - 2 * y, kernel, mode=mode),
        3 * function(x, kernel, mode=mode) - 2 * function(y, kernel, mode=mode),
    )
    assert_array_equal(
        function(x, 3 * kernel - 2 * other, mode=mode),
        3 * function(x, kernel, mode=mode) - 2 * function(x, other, mode=mode),
    )


def test_convolve_commutes():
    x, kernel = integers(5, 4), integers(2, 3, seed=1)
    assert_array_equal(F.convolve(x, kernel), F.convolve(kernel, x))


def test_convolve_composes_by_convolving_the_kernels():
    x, a, b = integers(6, 5), integers(2, 3, seed=1), integers(3, 2, seed=2)
    assert_array_equal(F.convolve(F.convolve(x, a), b), F.convolve(x, F.convolve(a, b)))


@pytest.mark.parametrize("function", [F.correlate, F.convolve])
def test_correlate_and_convolve_shift_with_their_input(function):
    x, kernel = integers(5, 4), integers(2, 3, seed=1)
    moved = np.zeros((8, 9))
    moved[2:7, 4:8] = x
    expected = np.zeros((9, 11))
    expected[2:8, 4:10] = function(x, kernel)
    assert_array_equal(function(moved, kernel), expected)


def test_correlate_valid_and_same_are_parts_of_full():
    x, kernel = integers(5, 6), integers(2, 3, seed=1)
    full = F.correlate(x, kernel)
    assert_array_equal(F.correlate(x, kernel, mode="valid"), full[1:5, 2:6])
    # (2 - 1) - 2 // 2 = 0 rows and (3 - 1) - 3 // 2 = 1 column of full come before the centre.
    assert_array_equal(F.correlate(x, kernel, mode="same"), full[0:5, 1:7])


@given(shapes, st.sampled_from(MODES), st.integers(0, 2**32 - 1))
def test_correlate_and_convolve_agree_with_scipy(sizes, mode, seed):
    shape, kernel_shape = zip(*sizes, strict=True)
    if mode == "valid":
        shape = tuple(map(max, shape, kernel_shape))
    x, kernel = integers(*shape, seed=seed), integers(*kernel_shape, seed=seed + 1)
    for ours, theirs in (
        (F.correlate, scipy.signal.correlate),
        (F.convolve, scipy.signal.convolve),
    ):
        if mode == "same":
            # SciPy crops the full result to the middle of x; so written, longer kernels fit too.
            full = theirs(x, kernel, method="direct")
            starts = [(taps - 1) // 2 for taps in kernel_shape]
            expected = full[tuple(slice(a, a + n) for a, n in zip(starts, shape, strict=True))]
        else:
            expected = theirs(x, kernel, mode=mode, method="direct")
        assert_array_equal(ours(x, kernel, mode=mode), expected)


@pytest.mark.parametrize("name", ["correlate", "convolve"])
@given(sizes=shapes, mode=st.sampled_from(MODES), seed=st.integers(0, 2**32 - 1))
def test_correlate_and_convolve_gradients_are_adjoints(name, sizes, mode, seed):
    forward = getattr(F, name)
    shape, kernel_shape = zip(*sizes, strict=True)
    if mode == "valid":
        shape = tuple(map(max, shape, kernel_shape))
    x, kernel = integers(*shape, seed=seed), integers(*kernel_shape, seed=seed + 1)
    y = forward(x, kernel, mode=mode)
    g = integers(*y.shape, seed=seed + 2)
    grad_x = getattr(F, f"{name}_input_grad")(g, kernel, input_shape=shape, mode=mode)
    grad_kernel = getattr(F, f"{name}_kernel_grad")(g, x, kernel_shape=kernel_shape, mode=mode)
    assert grad_x.shape == shape
    assert grad_kernel.shape == kernel_shape
    # Against fresh directions: <g, f(x')> of the linear f has one answer for each x'.
    other, bump = integers(*shape, seed=seed + 3), integers(*kernel_shape, seed=seed + 4)
    assert dot(g, forward(other, kernel, mode=mode)) == dot(grad_x, other)
    assert dot(g, forward(x, bump, mode=mode)) == dot(grad_kernel, bump)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", ["correlate", "convolve"])
def test_correlate_and_convolve_input_gradient_holds_for_every_pixel(name, mode):
    forward, kernel = getattr(F, name), integers(2, 3, seed=1)
    pixels = np.eye(20).reshape(20, 4, 5)
    g = integers(*forward(pixels[0], kernel, mode=mode).shape, seed=2)
    expected = [dot(g, forward(pixel, kernel, mode=mode)) for pixel in pixels]
    grad = getattr(F, f"{name}_input_grad")(g, kernel, input_shape=(4, 5), mode=mode)
    assert_array_equal(grad, np.reshape(expected, (4, 5)))


X, K = np.zeros((3, 4)), np.zeros((2, 2))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: F.correlate(X, K, mode="causal"),
            "correlate: mode is 'causal', expected one of 'full', 'valid', 'same'",
        ),
        (
            lambda: F.convolve(X, K, mode=["full"]),
            r"convolve: mode is \['full'\], expected one of 'full', 'valid', 'same'",
        ),
        (
            lambda: F.correlate(X, np.zeros(2)),
            "correlate: kernel has 1 dimensions, but x has 2; expected the same number",
        ),
        (
            lambda: F.convolve(np.array(1.0), np.array(1.0)),
            "convolve: kernel has 0 dimensions, but x has 0; expected the same number, at least 1",
        ),
        (
            lambda: F.correlate(np.zeros((3, 0)), K),
            r"correlate: x has shape \(3, 0\) and kernel \(2, 2\), expected no axis 0",
        ),
        (
            lambda: F.convolve(X, np.zeros((0, 2))),
            r"convolve: x has shape \(3, 4\) and kernel \(0, 2\), expected no axis 0",
        ),
        (
            lambda: F.correlate(K, X, mode="valid"),
            r"correlate: kernel has shape \(3, 4\), but x has \(2, 2\); "
            "expected a kernel that lies inside x in mode 'valid'",
        ),
        (
            lambda: F.correlate_input_grad(X, K, input_shape=(3, 4)),
            r"correlate_input_grad: grad_output has shape \(3, 4\), expected \(4, 5\)",
        ),
        (
            lambda: F.convolve_input_grad(X, K, input_shape=(3,)),
            "convolve_input_grad: kernel has 2 dimensions, but x has 1",
        ),
        (
            lambda: F.correlate_kernel_grad(K, X, kernel_shape=(2, 2), mode="valid"),
            r"correlate_kernel_grad: grad_output has shape \(2, 2\), expected \(2, 3\)",
        ),
        (
            lambda: F.convolve_kernel_grad(X, X, kernel_shape=(2, 5), mode="valid"),
            r"convolve_kernel_grad: kernel has shape \(2, 5\), but x has \(3, 4\)",
        ),
        (
            lambda: F.correlate_input_grad(X, K, input_shape=(3, -4)),
            "correlate_input_grad: input_shape is -4, expected at least 0",
        ),
    ],
)
def test_correlate_and_convolve_refuse_what_does_not_fit(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: F.correlate_input_grad(X, K, input_shape=3),
            "correlate_input_grad: input_shape is 3, expected a tuple of integers",
        ),
        (
            lambda: F.convolve_kernel_grad(X, X, kernel_shape="22"),
            "convolve_kernel_grad: kernel_shape is '22', expected a tuple of integers",
        ),
        (
            lambda: F.convolve_kernel_grad(X, X, kernel_shape=(2, 2.0)),
            "convolve_kernel_grad: kernel_shape is 2.0, expected an integer of at least 0",
        ),
    ],
)
def test_correlate_and_convolve_refuse_shapes_of_wrong_types(call, message):
    with pytest.raises(TypeError, match=message):
        call()
