"""Laws of pad, exact on small integers, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from scratchcnn import functional as F

# The modes of PyTorch, and what NumPy calls them.
MODES = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}


def integers(*shape, seed=0, dtype=np.float64):
    return np.random.default_rng(seed).integers(-5, 6, shape).astype(dtype)


def dot(a, b):
    return float(np.vdot(a, b))


def by_axis(widths, axes):
    """Return the widths of all axes, first axis first."""
    pairs = list(zip(widths[::2], widths[1::2], strict=True))[::-1]
    return [(0, 0)] * (axes - len(pairs)) + pairs


def cropped(x, pairs):
    """Return `x` without what negative widths take away."""
    sizes = zip(x.shape, pairs, strict=True)
    return x[tuple(slice(max(-b, 0), n - max(-a, 0)) for n, (b, a) in sizes)]


def positive(pairs):
    return [(max(before, 0), max(after, 0)) for before, after in pairs]


@st.composite
def paddings(draw):
    """Draw a shape and widths that crop no more than there is."""
    shape = draw(st.lists(st.integers(0, 4), min_size=1, max_size=3))
    widths = []
    for size in shape[::-1][: draw(st.integers(0, len(shape)))]:
        before = draw(st.integers(-size, 3))
        widths += [before, draw(st.integers(-size - min(before, 0), 3))]
    return tuple(shape), widths


@given(paddings(), st.integers(0, 2**32 - 1))
def test_pad_adds_and_crops_and_its_gradient_is_the_adjoint(case, seed):
    shape, widths = case
    x = integers(*shape, seed=seed)
    y = F.pad(x, widths)
    pairs = by_axis(widths, len(shape))
    assert_array_equal(y, cropped(np.pad(x, positive(pairs)), pairs), strict=True)
    g = integers(*y.shape, seed=seed + 1)
    grad = F.pad_grad(g, input_shape=shape, pad=widths)
    assert grad.shape == shape
    assert dot(g, y) == dot(grad, x)


@st.composite
def fittings(draw):
    """Draw a mode other than constant, a shape that it takes, and widths that fit."""
    mode = draw(st.sampled_from(list(MODES)))
    size = draw(st.lists(st.integers(1, 4), min_size=1, max_size=3))
    lead = draw(st.sampled_from([(2,), (1, 2), (3, 1), (0, 2)]))
    widths = []
    for n in size[::-1]:
        before = draw(st.integers(1 - n, 0))
        after = draw(st.integers(1 - n - before, 0))
        most = {"reflect": n - 1, "replicate": 5, "circular": n + before + after}[mode]
        before = before or draw(st.integers(0, most))
        widths += [before, after or draw(st.integers(0, most))]
    return mode, (*lead, *size), widths


@given(fittings(), st.integers(0, 2**32 - 1))
def test_pad_of_each_mode_agrees_with_numpy_and_its_gradient_is_the_adjoint(case, seed):
    mode, shape, widths = case
    x = integers(*shape, seed=seed)
    y = F.pad(x, widths, mode=mode)
    pairs = by_axis(widths, len(shape))
    if mode == "circular":
        expected = np.pad(cropped(x, pairs), positive(pairs), mode="wrap")
    else:
        expected = cropped(np.pad(x, positive(pairs), mode=MODES[mode]), pairs)
    assert_array_equal(y, expected, strict=True)
    g = integers(*y.shape, seed=seed + 1)
    grad = F.pad_grad(g, input_shape=shape, pad=widths, mode=mode)
    assert grad.shape == shape
    assert dot(g, y) == dot(grad, x)


@pytest.mark.parametrize(
    ("mode", "widths", "expected"),
    [
        ("reflect", (3, 2), [4, 3, 2, 1, 2, 3, 4, 3, 2]),
        ("replicate", (3, 2), [1, 1, 1, 1, 2, 3, 4, 4, 4]),
        ("circular", (3, 2), [2, 3, 4, 1, 2, 3, 4, 1, 2]),
        # A mirror and a copy keep to the value of the edge, also where it is cropped …
        ("reflect", (-3, 3), [4, 3, 2, 1]),
        ("reflect", (-5, 3), [2, 1]),
        ("replicate", (-3, 1), [4, 4]),
        ("replicate", (-6, 4), [4, 4]),
        ("replicate", (4, -6), [1, 1]),
        # … and a ring is closed anew.
        ("circular", (-2, 2), [3, 4, 3, 4]),
        ("circular", (1, -2), [2, 1, 2]),
    ],
)
def test_pad_crops_and_pads_one_axis(mode, widths, expected):
    x = np.arange(1.0, 5)[None]
    y = F.pad(x, widths, mode=mode)
    assert_array_equal(y, np.array([expected], float), strict=True)
    g = integers(*y.shape, seed=1)
    grad = F.pad_grad(g, input_shape=(1, 4), pad=widths, mode=mode)
    counted = [sum(g[0, np.array(expected) == value]) for value in x[0]]
    assert_array_equal(grad, [counted])


@pytest.mark.parametrize("axes", [1, 2, 3])
@pytest.mark.parametrize("mode", ["constant", *MODES])
def test_pad_of_a_sample_is_that_of_a_batch_of_one(mode, axes):
    x, widths = integers(2, *(3, 4, 5)[:axes]), (1, 0, 2, 1, 0, 2)[: 2 * axes]
    y = F.pad(x, widths, mode=mode)
    assert_array_equal(F.pad(x[None], widths, mode=mode)[0], y, strict=True)
    g = integers(*y.shape, seed=1)
    grad = F.pad_grad(g, input_shape=x.shape, pad=widths, mode=mode)
    batch = F.pad_grad(g[None], input_shape=(1, *x.shape), pad=widths, mode=mode)
    assert_array_equal(batch[0], grad, strict=True)


def test_pad_on_a_ring_shifts_with_its_input():
    x = integers(2, 6)
    rolled = F.pad(np.roll(x, 2, 1), (3, 4), mode="circular")
    assert_array_equal(rolled[:, 2:], F.pad(x, (3, 4), mode="circular")[:, :-2])


def test_pad_fills_with_its_value_also_with_nan_and_what_overflows():
    x = np.ones((1, 2), np.float32)
    for value, stored in ((7, 7), (np.float64(0.5), 0.5), (np.nan, np.nan), (1e300, np.inf)):
        y = F.pad(x, (1, 0, 0, 1), value=value)
        expected = np.array([[stored, 1, 1], [stored] * 3], np.float32)
        assert_array_equal(y, expected, strict=True)


def test_pad_undoes_itself_with_the_opposite_widths():
    x = integers(2, 3, 4)
    for mode in ("constant", *MODES):
        y = F.pad(x, (1, 2, 2, 0), mode=mode)
        assert_array_equal(F.pad(y, (-1, -2, -2, 0), mode=mode), x)


def test_pad_of_a_ring_takes_what_is_empty():
    assert F.pad(np.ones((1, 3)), (-2, -1), mode="circular").shape == (1, 0)
    assert F.pad(np.ones((0, 3)), (1, 1), mode="circular").shape == (0, 5)
    grad = F.pad_grad(np.ones((1, 0)), input_shape=(1, 3), pad=(-2, -1), mode="circular")
    assert_array_equal(grad, np.zeros((1, 3)), strict=True)


X = np.zeros((2, 4))
IMAGE = np.zeros((2, 3, 4))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: F.pad(X, (1,)),
            r"pad: pad has 1 widths, expected an even number of at most 4 for x of shape \(2, 4\)",
        ),
        (lambda: F.pad(X, (1,) * 6), "pad: pad has 6 widths, expected an even number of at most 4"),
        (
            lambda: F.pad(X, (-3, -2)),
            r"pad: pad is \(-3, -2\), but x has shape \(2, 4\); "
            "expected to crop no more than there is with mode='constant'",
        ),
        (lambda: F.pad(X, (-6, 9)), r"pad: pad is \(-6, 9\), but x has shape \(2, 4\)"),
        (lambda: F.pad(X, (9, -6)), r"pad: pad is \(9, -6\), but x has shape \(2, 4\)"),
        (
            lambda: F.pad(X, (1, 1), mode="wrap"),
            "pad: mode is 'wrap', expected one of 'constant', 'reflect', 'replicate', 'circular'",
        ),
        (
            lambda: F.pad(X[0], (1, 1), mode="reflect"),
            r"pad: pad has 2 widths, but x has shape \(4,\); expected 2, 4 or 6 for an x of one to "
            "three axes after N and C, or C, with mode='reflect'",
        ),
        (
            lambda: F.pad(IMAGE[None], (1, 1), mode="circular"),
            r"pad: pad has 2 widths, but x has shape \(1, 2, 3, 4\); expected 2, 4 or 6",
        ),
        (
            lambda: F.pad(IMAGE[None, None], (1,) * 8, mode="replicate"),
            r"pad: pad has 8 widths, but x has shape \(1, 1, 2, 3, 4\); expected 2, 4 or 6",
        ),
        (
            lambda: F.pad(IMAGE, (), mode="replicate"),
            r"pad: pad has 0 widths, but x has shape \(2, 3, 4\); expected 2, 4 or 6",
        ),
        (
            lambda: F.pad(IMAGE, (1, 1, 3, 0), mode="reflect"),
            r"pad: pad is \(1, 1, 3, 0\), but x has shape \(2, 3, 4\); expected widths below the "
            "size of their axis, and something left with mode='reflect'",
        ),
        (lambda: F.pad(X, (0, 4), mode="reflect"), r"pad: pad is \(0, 4\), but x has shape"),
        (lambda: F.pad(X, (-6, 2), mode="reflect"), r"pad: pad is \(-6, 2\), but x has shape"),
        (
            lambda: F.pad(X[:, :0], (0, 0), mode="reflect"),
            r"pad is \(0, 0\), but x has shape \(2, 0\)",
        ),
        (lambda: F.pad(IMAGE[:, :0], (1, 1), mode="reflect"), r"but x has shape \(2, 0, 4\)"),
        (
            lambda: F.pad(X, (-3, -1), mode="replicate"),
            r"pad: pad is \(-3, -1\), but x has shape \(2, 4\); expected something to replicate, "
            "and something left with mode='replicate'",
        ),
        (
            lambda: F.pad(X[:, :0], (1, 0), mode="replicate"),
            r"pad is \(1, 0\), but x has shape \(2, 0\)",
        ),
        (lambda: F.pad(X[:0], (1, 0), mode="replicate"), r"but x has shape \(0, 4\)"),
        (
            lambda: F.pad(X, (0, 5), mode="circular"),
            r"pad: pad is \(0, 5\), but x has shape \(2, 4\); expected widths not above what "
            "cropping leaves of their axis with mode='circular'",
        ),
        (lambda: F.pad(X, (-2, 3), mode="circular"), r"pad: pad is \(-2, 3\), but x has shape"),
        (lambda: F.pad(X, (-3, -2), mode="circular"), r"pad: pad is \(-3, -2\), but x has shape"),
        (lambda: F.pad(X, (-5, 1), mode="circular"), r"pad: pad is \(-5, 1\), but x has shape"),
        (
            lambda: F.pad(X, (1, 1), mode="reflect", value=2.5),
            "pad: value is 2.5, expected 0 with mode='reflect'",
        ),
        (
            lambda: F.pad_grad(X, input_shape=(2, 4), pad=(1, 1)),
            r"pad_grad: grad_output has shape \(2, 4\), expected \(2, 6\)",
        ),
        (
            lambda: F.pad_grad(X, input_shape=(2, 4), pad=(1, 2), mode="circular"),
            r"pad_grad: grad_output has shape \(2, 4\), expected \(2, 7\)",
        ),
        (
            lambda: F.pad_grad(X, input_shape=(2, 4), pad=(1, 1), mode="edge"),
            "pad_grad: mode is 'edge', expected one of 'constant'",
        ),
    ],
)
def test_pad_refuses_what_does_not_fit(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: F.pad(X, 1), "pad: pad is 1, expected a sequence of integers"),
        (lambda: F.pad(X, "11"), "pad: pad is '11', expected a sequence of integers"),
        (lambda: F.pad(X, (1, 1.0)), "pad: pad is 1.0, expected an integer"),
        (lambda: F.pad(X, (1, 1), value="0"), "pad: value is '0', expected a number"),
        (lambda: F.pad(X, (1, 1), value="a"), "pad: value is 'a', expected a number"),
        (
            lambda: F.pad_grad(X, input_shape=4, pad=(1, 1)),
            "pad_grad: input_shape is 4, expected a tuple of integers",
        ),
    ],
)
def test_pad_refuses_parameters_of_wrong_types(call, message):
    with pytest.raises(TypeError, match=message):
        call()
