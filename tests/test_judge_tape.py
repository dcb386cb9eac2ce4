"""Functions of tensors with a tape become callables, and what is not asked for is refused."""

from __future__ import annotations

import numpy as np
import pytest

from reference_tests import Implementation, verify
from reference_tests.adapters.tape import from_tape
from reference_tests.adapters.values import finite_only


class Tensor:
    """A tape of one step: enough of what tutorials call autograd."""

    def __init__(self, data, leaves=()):
        self.data, self.leaves, self.grad = data, leaves, None

    def __mul__(self, other):
        pairs = ((self, other.data), (other, self.data))
        return Tensor(self.data * other.data, pairs)

    def tanh(self):
        return Tensor(np.tanh(self.data), ((self, 1 - np.tanh(self.data) ** 2),))

    def backward(self, grad):
        for leaf, slope in self.leaves:
            added = grad * slope
            leaf.grad = added if leaf.grad is None else leaf.grad + added


def test_tape_is_judged_like_any_other_subject():
    subject = Implementation("tape", {"tanh": finite_only(from_tape(Tensor.tanh, Tensor))})
    report = verify(subject, ["tanh"], references=[], examples=4)
    wrong = {f.id for f in report.failures} - {"tanh:grad_input:value"}
    assert not wrong


def test_pullback_records_anew():
    y, pullback = from_tape(lambda x, weight: x * weight, Tensor)(np.array([2.0]), np.array([3.0]))
    assert y == [6.0]
    for _ in range(2):
        assert pullback(np.array([1.0])) == ([3.0], [2.0])


def test_arrays_are_found_by_place_and_by_name():
    function = from_tape(lambda x, target, *, scale=1: x * Tensor(scale * target), Tensor)
    x, labels = np.array([2.0, 3.0]), np.array([1, 0])
    for given, named in (((x, labels), {}), ((x,), {"target": labels})):
        y, pullback = function(*given, **named, scale=2)
        assert y.tolist() == [4.0, 0.0]
        grad_x, grad_target = pullback(np.ones(2))
        assert grad_x.tolist() == [2.0, 0.0]
        assert grad_target is None


def test_array_without_axes_is_a_tensor_too():
    y, pullback = from_tape(Tensor.tanh, Tensor)(np.float64(0.0))
    assert y == 0
    assert pullback(np.float64(2.0)) == (2.0,)


@pytest.mark.parametrize(
    ("x", "reason"),
    [
        (np.zeros((0, 2)), "an empty array"),
        (np.array([np.nan]), "NaN or infinity"),
        (np.array([-np.inf]), "NaN or infinity"),
    ],
)
def test_what_a_project_says_nothing_of_is_refused(x, reason):
    function = finite_only(lambda x, target=None: x)
    for given, named in (((x,), {}), ((np.ones(1),), {"target": x})):
        with pytest.raises(NotImplementedError, match=reason):
            function(*given, **named)
    assert function(np.array([1, 2])).tolist() == [1, 2]
