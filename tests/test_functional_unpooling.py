"""Laws of max-unpooling, exact on small integers, and what it refuses."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from scratchcnn import functional as F

DIMENSIONS = pytest.mark.parametrize("spatial", [1, 2, 3])


def integers(*shape, seed=0):
    return np.random.default_rng(seed).integers(-9, 10, shape).astype(float)


def function(name, spatial, suffix=""):
    return getattr(F, f"{name}{spatial}d{suffix}")


def places(shape, spatial, pixels, seed=0):
    """Return indices into planes of so many pixels, none twice in a plane."""
    rng = np.random.default_rng(seed)
    lead, plane = shape[:-spatial], math.prod(shape[-spatial:])
    every = np.tile(np.arange(pixels), (math.prod(lead), 1))
    return rng.permuted(every, axis=1)[:, :plane].reshape(shape)


@DIMENSIONS
def test_unpooling_of_a_pooling_leaves_the_maxima_in_their_places(spatial):
    # All values differ, and tile the image.
    x = 1.0 + np.random.default_rng(0).permutation(2 * 3 * 4**spatial).reshape(
        2, 3, *(4,) * spatial
    )
    y, indices = function("max_pool", spatial)(x, 2, return_indices=True)
    back = function("max_unpool", spatial)(y, indices, 2)
    spread = y
    for axis in range(2, 2 + spatial):
        spread = spread.repeat(2, axis)
    assert_array_equal(back, np.where(x == spread, x, 0), strict=True)
    # The pooling of the result is the result's origin.
    assert_array_equal(function("max_pool", spatial)(back, 2), y)


@DIMENSIONS
def test_unpooling_is_linear_and_its_gradient_the_adjoint(spatial):
    shape = (2, 3, *(2, 3, 2)[:spatial])
    kernel, stride = (3, 1, 2)[:spatial], (2, 2, 3)[:spatial]
    sizes = zip(shape[2:], kernel, stride, strict=True)
    output = tuple((n - 1) * s + k for n, k, s in sizes)
    indices = places(shape, spatial, math.prod(output))
    unpool = function("max_unpool", spatial)
    x, other = integers(*shape), integers(*shape, seed=1)
    y = unpool(x, indices, kernel, stride=stride)
    assert y.shape == (2, 3, *output)
    both = unpool(2 * x - 3 * other, indices, kernel, stride=stride)
    assert_array_equal(both, 2 * y - 3 * unpool(other, indices, kernel, stride=stride))
    g = integers(*y.shape, seed=2)
    grad = function("max_unpool", spatial, "_grad")(g, indices)
    assert np.vdot(g, y) == np.vdot(grad, x)
    assert grad.shape == x.shape


@DIMENSIONS
def test_unpooling_of_an_unbatched_image_is_that_of_a_batch_of_one(spatial):
    shape = (3, *(2, 3, 2)[:spatial])
    indices = places(shape, spatial, 2**spatial * math.prod(shape[1:]))
    x, unpool = integers(*shape), function("max_unpool", spatial)
    y = unpool(x, indices, 2)
    assert_array_equal(y, unpool(x[None], indices[None], 2)[0], strict=True)
    grad = function("max_unpool", spatial, "_grad")
    g = integers(*y.shape, seed=1)
    assert_array_equal(grad(g, indices), grad(g[None], indices[None])[0], strict=True)


def test_unpooling_of_a_repeated_index_keeps_the_last_and_gives_all_the_gradient():
    x = np.array([[[1.0, 2], [3, 4]]])
    indices = np.array([[[5, 5], [5, 0]]])
    y = F.max_unpool2d(x, indices, (1, 2))
    assert_array_equal(y, [[[4, 0, 0, 0], [0, 3, 0, 0]]])
    g = np.arange(8.0).reshape(1, 2, 4) + 10
    assert_array_equal(F.max_unpool2d_grad(g, indices), [[[15, 15], [15, 10]]])


TURNS = {"reversed": lambda a: a[..., ::-1], "transposed": lambda a: a.swapaxes(1, 2)}


@pytest.mark.parametrize("turn", TURNS.values(), ids=TURNS)
def test_unpooling_keeps_the_last_of_equal_indices_in_any_layout(turn):
    x, indices = turn(integers(2, 3, 3)), turn(np.zeros((2, 3, 3), np.int64))
    y = F.max_unpool2d(x, indices, 2)
    assert_array_equal(y[:, 0, 0], x[:, -1, -1])


def test_unpooling_to_a_given_size_gets_the_values_that_the_pooling_left_over():
    x = integers(1, 2, 5, 7)
    y, indices = F.max_pool2d(x, 2, return_indices=True)
    for size in ((5, 7), x.shape):
        back = F.max_unpool2d(y, indices, 2, output_size=size)
        assert back.shape == x.shape
        assert_array_equal(F.max_pool2d(back, 2), np.maximum(y, 0))
    padded = F.max_pool2d(x, 3, stride=2, padding=1, return_indices=True)
    back = F.max_unpool2d(*padded, 3, stride=2, padding=1)
    assert back.shape == x.shape
    assert_array_equal(
        np.take_along_axis(back.reshape(2, -1), padded.indices.reshape(2, -1), 1),
        padded.output.reshape(2, -1),
    )


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.uint64])
def test_indices_may_be_integers_of_any_kind(dtype):
    x = integers(2, 3, 4, 6)
    y, indices = F.max_pool2d(x, 2, return_indices=True)
    same = indices.astype(dtype)
    assert_array_equal(F.max_unpool2d(y, same, 2), F.max_unpool2d(y, indices, 2))
    assert_array_equal(F.max_unpool2d_grad(x, same), F.max_unpool2d_grad(x, indices))
    options = {"input_shape": x.shape, "kernel_size": 2}
    assert_array_equal(
        F.max_pool2d_grad(y, same, **options), F.max_pool2d_grad(y, indices, **options)
    )


def test_unpooling_of_no_samples_is_empty():
    x, indices = np.zeros((0, 2, 3, 3)), np.zeros((0, 2, 3, 3), np.int64)
    y = F.max_unpool2d(x, indices, 2)
    assert y.shape == (0, 2, 6, 6)
    assert F.max_unpool2d_grad(y, indices).shape == x.shape


X = np.zeros((1, 2, 2, 3))
AT = np.zeros(X.shape, np.int64)


@pytest.mark.parametrize(
    ("error", "call", "message"),
    [
        (ValueError, lambda: F.max_unpool2d(X[0, 0], AT, 2), "max_unpool2d: x has 2 dimensions"),
        (
            ValueError,
            lambda: F.max_unpool2d(X, AT[0], 2),
            r"max_unpool2d: indices has shape \(2, 2, 3\), expected \(1, 2, 2, 3\)",
        ),
        (
            ValueError,
            lambda: F.max_unpool2d(X, AT + 24, 2),
            "max_unpool2d: indices has values from 24 to 24, expected 0 to 23",
        ),
        (
            ValueError,
            lambda: F.max_unpool2d(X, AT - 1, 2),
            "max_unpool2d: indices has values from -1 to -1, expected 0 to 23",
        ),
        (ValueError, lambda: F.max_unpool2d(X, AT, 0), "max_unpool2d: kernel_size is 0, expected"),
        (
            ValueError,
            lambda: F.max_unpool2d(X, AT, 2, stride=0),
            "max_unpool2d: stride is 0, expected at least 1",
        ),
        (
            ValueError,
            lambda: F.max_unpool2d(X, AT, 2, padding=-1),
            "max_unpool2d: padding is -1, expected at least 0",
        ),
        (
            ValueError,
            lambda: F.max_unpool2d(X, AT, 1, padding=1),
            r"max_unpool2d: the size of the result is \(0, 1\), expected at least 1",
        ),
        (
            ValueError,
            lambda: F.max_unpool2d(X, AT, 2, output_size=(6, 6)),
            r"max_unpool2d: output_size is \(6, 6\), expected \(4, 6\), or with differences below "
            r"the stride \(2, 2\)",
        ),
        (
            ValueError,
            lambda: F.max_unpool2d(X, AT, 2, output_size=(2, 4, 6)),
            r"max_unpool2d: output_size is \(2, 4, 6\), expected \(4, 6\)",
        ),
        (
            TypeError,
            lambda: F.max_unpool2d(X, AT, 2, output_size=6),
            "max_unpool2d: output_size is 6, expected a tuple of integers",
        ),
        (
            TypeError,
            lambda: F.max_unpool2d(X, X, 2),
            "max_unpool2d: indices has dtype float64, expected a NumPy array of integers",
        ),
        (
            ValueError,
            lambda: F.max_unpool2d_grad(X[0, 0], AT),
            "max_unpool2d_grad: grad_output has 2 dimensions, shape",
        ),
        (
            ValueError,
            lambda: F.max_unpool2d_grad(X, AT[0]),
            r"max_unpool2d_grad: indices has shape \(2, 2, 3\), but grad_output has "
            r"\(1, 2, 2, 3\); expected the same axes before the last 2",
        ),
        (
            ValueError,
            lambda: F.max_unpool2d_grad(X, AT[:, :1]),
            r"max_unpool2d_grad: indices has shape \(1, 1, 2, 3\), but grad_output has",
        ),
        (
            ValueError,
            lambda: F.max_unpool2d_grad(X, AT + 6),
            "max_unpool2d_grad: indices has values from 6 to 6, expected 0 to 5",
        ),
    ],
)
def test_unpooling_refuses_what_does_not_fit(error, call, message):
    with pytest.raises(error, match=f"^{message}"):
        call()
