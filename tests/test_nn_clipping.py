"""Clipping of gradients, beside PyTorch's."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from scratchcnn import nn

DTYPES = [np.float32, np.float64]
NORMS = [0.5, 1.0, 2.0, 3.0, np.inf]


def gradients(dtype=np.float64, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.standard_normal(shape).astype(dtype) for shape in ((3, 2), (4,), ())]


def parameters(grads):
    made = []
    for grad in grads:
        parameter = nn.Parameter(np.zeros(grad.shape, grad.dtype))
        parameter.grad = grad.copy()
        made.append(parameter)
    return made


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("p", NORMS)
def test_total_norm_is_that_of_one_long_vector(p, dtype):
    grads = gradients(dtype)
    long = np.concatenate([grad.ravel() for grad in grads]).astype(np.float64)
    norm = nn.get_total_norm(iter(grads), p)
    assert norm.dtype == dtype
    # 11 powers and their root, in float64 but for the last rounding.
    assert_allclose(norm, np.linalg.norm(long, p), rtol=8 * np.finfo(dtype).eps)


@pytest.mark.parametrize("p", NORMS)
def test_total_norm_grows_with_its_gradients(p):
    grads = gradients()
    norm = nn.get_total_norm(grads, p)
    assert_allclose(nn.get_total_norm([4 * grad for grad in grads], p), 4 * norm, rtol=1e-14)
    assert nn.get_total_norm([*grads, np.ones(1)], p) >= norm


def test_total_norm_does_not_overflow():
    huge = [np.array([3e38, 0], np.float32), np.array([1e30], np.float32)]
    assert_allclose(nn.get_total_norm(huge), 3e38, rtol=1e-6)
    assert_allclose(nn.get_total_norm([np.full(4, 1e-40, np.float32)]), 2e-40, rtol=1e-4)


def test_total_norm_of_nothing_is_0():
    assert nn.get_total_norm([]) == 0
    assert nn.get_total_norm([np.zeros(3), np.zeros((0, 2))]) == 0


@pytest.mark.parametrize("p", NORMS)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_total_norm_that_is_not_finite_is_returned_or_refused(bad, p):
    grads = [np.array([1.0, bad]), np.array([2.0])]
    norm = nn.get_total_norm(grads, p)
    assert norm == np.inf if np.isinf(bad) else np.isnan(norm)
    message = f"^get_total_norm: the norm of the gradients is {abs(bad)}, expected a finite one"
    with pytest.raises(ValueError, match=message):
        nn.get_total_norm(grads, p, error_if_nonfinite=True)


@pytest.mark.parametrize("p", NORMS)
def test_clipping_by_norm_keeps_the_direction_and_the_limit(p):
    grads = gradients()
    norm = nn.get_total_norm(grads, p)
    clipped = nn.clip_by_norm(grads, 0.5 * norm, p)
    ratio = clipped[0][0, 0] / grads[0][0, 0]
    for ours, grad in zip(clipped, grads, strict=True):
        assert_allclose(ours, ratio * grad, rtol=1e-15)
    # 1e-6 is added to the norm, so that what is left is below the limit by as much.
    assert_allclose(nn.get_total_norm(clipped, p), 0.5 * norm, rtol=2e-6)
    assert nn.get_total_norm(clipped, p) < 0.5 * norm


def test_clipping_changes_no_small_gradients():
    grads = gradients()
    for ours, grad in zip(nn.clip_by_norm(grads, 100.0), grads, strict=True):
        assert_array_equal(ours, grad)
        assert not np.shares_memory(ours, grad)
    for ours, grad in zip(nn.clip_by_value(grads, 100.0), grads, strict=True):
        assert_array_equal(ours, grad)
        assert not np.shares_memory(ours, grad)


def test_clipping_to_0_leaves_0():
    for ours in nn.clip_by_norm(gradients(), 0.0):
        assert_array_equal(ours, np.zeros(ours.shape))
    assert_array_equal(nn.clip_by_norm([np.zeros(2)], 0.0)[0], [0, 0])


def test_clipping_by_value_limits_each_element_and_keeps_nan():
    (clipped,) = nn.clip_by_value([np.array([-3.0, -1, 0.5, 2, np.nan, np.inf])], 1.5)
    assert_array_equal(clipped, [-1.5, -1, 0.5, 1.5, np.nan, 1.5])


def test_clipping_of_parameters_replaces_their_gradients():
    model = parameters(gradients())
    kept = [parameter.grad for parameter in model]
    empty = nn.Parameter(np.zeros(2))
    norm = nn.utils.clip_grad_norm_([*model, empty, model[0]], 0.25)
    assert norm == nn.get_total_norm(gradients())
    expected = nn.clip_by_norm(gradients(), 0.25)
    for parameter, grad, before in zip(model, expected, kept, strict=True):
        assert_array_equal(parameter.grad, grad)
        # The gradient before is another array, which a caller may have kept.
        assert not np.shares_memory(parameter.grad, before)
    assert empty.grad is None
    nn.utils.clip_grad_value_(model[0], 0.01)
    assert_array_equal(model[0].grad, np.clip(expected[0], -0.01, 0.01))
    assert nn.clip_grad_norm_([empty], 1.0) == 0
    nn.clip_grad_value_([], 1.0)


def test_a_refused_norm_changes_nothing():
    model = parameters([np.array([1.0, np.nan])])
    with pytest.raises(ValueError, match=r"^clip_grad_norm_: the norm of the gradients is nan"):
        nn.clip_grad_norm_(model, 1.0, error_if_nonfinite=True)
    assert_array_equal(model[0].grad, [1, np.nan])
    assert np.isnan(nn.clip_grad_norm_(model, 1.0))
    assert_array_equal(model[0].grad, [np.nan, np.nan])


def test_clipping_takes_infinity_by_name():
    grads = gradients()
    assert nn.get_total_norm(grads, "inf") == nn.get_total_norm(grads, np.inf)
    for one, other in zip(
        nn.clip_by_norm(grads, 0.5, "inf"), nn.clip_by_norm(grads, 0.5, np.inf), strict=True
    ):
        assert_array_equal(one, other)
    assert nn.clip_grad_norm_(parameters(grads), 0.5, "inf") == nn.get_total_norm(grads, np.inf)


@pytest.mark.parametrize("clip", [nn.clip_grad_norm_, nn.clip_grad_value_])
def test_clipping_refuses_what_is_no_parameter(clip):
    with pytest.raises(TypeError, match=f"^{clip.__name__}: parameters has a int, expected Param"):
        clip([3], 1.0)
    with pytest.raises(TypeError, match=f"^{clip.__name__}: parameters is a Linear, expected an "):
        clip(nn.Linear(2, 2), 1.0)


def test_clipping_refuses_what_does_not_fit():
    grads = gradients()
    with pytest.raises(TypeError, match=r"^get_total_norm: norm_type is 'two', expected a number"):
        nn.get_total_norm(grads, "two")
    with pytest.raises(ValueError, match=r"^get_total_norm: norm_type is 0, expected a number ab"):
        nn.get_total_norm(grads, 0)
    with pytest.raises(ValueError, match=r"^get_total_norm: norm_type is -1, expected at least 0"):
        nn.get_total_norm(grads, -1)
    with pytest.raises(ValueError, match=r"^clip_by_norm: max_norm is -1, expected at least 0"):
        nn.clip_by_norm(grads, -1)
    with pytest.raises(ValueError, match=r"^clip_grad_value_: clip_value is -1, expected at least"):
        nn.clip_grad_value_(parameters(grads), -1)
    with pytest.raises(TypeError, match=r"^clip_by_norm: gradient 1 is a list, expected a NumPy"):
        nn.clip_by_norm([grads[0], [1.0]], 1.0)
    with pytest.raises(TypeError, match=r"^clip_by_value: gradient 0 has dtype int64, expected"):
        nn.clip_by_value([np.ones(2, int)], 1.0)


CASES = {
    "ordinary": lambda dtype: gradients(dtype),
    "zero": lambda dtype: [np.zeros((2, 2), dtype)],
    "nan": lambda dtype: [np.array([1, np.nan, -2], dtype), np.ones(2, dtype)],
    "infinite": lambda dtype: [np.array([1, np.inf, -2], dtype), np.ones(2, dtype)],
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("limit", [0.5, 100.0])
@pytest.mark.parametrize("p", NORMS)
@pytest.mark.parametrize("case", CASES)
def test_clipping_is_that_of_pytorch(case, p, limit, dtype):
    torch = pytest.importorskip("torch")
    ours, theirs = parameters(CASES[case](dtype)), []
    for parameter in ours:
        theirs.append(torch.nn.Parameter(torch.tensor(parameter.data)))
        theirs[-1].grad = torch.tensor(parameter.grad)
    norm = nn.clip_grad_norm_(ours, limit, p)
    expected = torch.nn.utils.clip_grad_norm_(theirs, limit, p)
    # A dozen roundings of positive terms each, and those of the powers.
    rtol = 32 * np.finfo(dtype).eps
    assert_allclose(norm, expected.numpy(), rtol=rtol)
    for a, b in zip(ours, theirs, strict=True):
        assert_allclose(a.grad, b.grad.numpy(), rtol=rtol)
    nn.clip_grad_value_(ours, 0.125)
    torch.nn.utils.clip_grad_value_(theirs, 0.125)
    for a, b in zip(ours, theirs, strict=True):
        assert_allclose(a.grad, b.grad.numpy(), rtol=rtol)
