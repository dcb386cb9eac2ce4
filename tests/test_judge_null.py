"""Subjects that compute nothing are rejected, and none of them can make the judge crash."""

from dataclasses import replace

import numpy as np
import pytest
from budget import some

from reference_tests import CATALOGUE, Implementation, verify
from reference_tests.diagnosis import diagnose
from reference_tests.references.exact import subject as naive


def mapped(change, value):
    """Return a result with every array changed, whatever it is made of."""
    if isinstance(value, tuple | list):
        return type(value)(mapped(change, part) for part in value)
    if isinstance(value, dict):
        return {name: mapped(change, part) for name, part in value.items()}
    return value if value is None or isinstance(value, int) else change(np.asarray(value))


def changed(function, change):
    """Return a naive callable with all of its results changed, forward and backward."""

    def call(*arrays, **hyper):
        result = function(*arrays, **hyper)
        if not (isinstance(result, tuple) and callable(result[-1])):
            return mapped(change, result)
        output, pullback = result
        return mapped(change, output), lambda grad: mapped(change, pullback(grad))

    return call


def echo(*arrays, **hyper):
    return arrays[0], lambda grad_output: arrays


def raising(*arrays, **hyper):
    raise RuntimeError("nothing works")


def everywhere(make):
    return {name: make(naive.operations[name]) for name in CATALOGUE}


def shortly():
    """Return operations of which one pinned case is enough to reject a null subject."""
    return [replace(CATALOGUE[name], pinned=CATALOGUE[name].pinned[:1]) for name in some(CATALOGUE)]


# Whether a null subject is rejected needs neither its diagnosis nor its smallest case.
BARE = {"examples": 0, "dtypes": ["float32"], "diagnose": False, "reproduce": False}
NULL = {
    "zeros": everywhere(lambda f: changed(f, np.zeros_like)),
    "nan": everywhere(lambda f: changed(f, lambda a: np.full(a.shape, np.nan, a.dtype))),
    "wrong shape": everywhere(lambda f: changed(f, lambda a: np.zeros((*a.shape, 2), a.dtype))),
    "echo": dict.fromkeys(CATALOGUE, echo),
    "raising": dict.fromkeys(CATALOGUE, raising),
}


@pytest.mark.parametrize("kind", NULL)
def test_null_subjects_fail_every_operation(kind):
    operations = shortly()
    report = verify(Implementation(kind, NULL[kind]), operations, [], **BARE)
    statuses = {operation.name: operation.status for operation in report}
    assert list(statuses) == [operation.name for operation in operations]
    assert {n: s for n, s in statuses.items() if s not in ("failed", "error")} == {}
    assert not report.ok


def test_the_unchanged_results_pass_so_that_the_change_is_what_fails():
    same = everywhere(lambda f: changed(f, lambda a: a))
    report = verify(Implementation("same", same), shortly(), [], **BARE)
    report.assert_ok()
    assert {operation.status for operation in report} == {"passed"}


class Odd:
    """An object of which NumPy can make no numbers."""

    def __array__(self, dtype=None, copy=None):
        raise RuntimeError("no array")


STRANGE = {
    "None": None,
    "text": "y",
    "an object": object(),
    "an object that refuses": Odd(),
    "nothing": (),
    "a dict": {},
    "a ragged list": [[1.0], [2.0, 3.0]],
    "a generator": (number for number in (1, 2)),
    "complex numbers": np.ones((2, 3), complex),
    "dates": np.zeros(3, "datetime64[s]"),
    "objects": np.array([None, "a"], object),
    "a structure": np.zeros(2, [("a", float)]),
    "a callable": print,
    "a type": float,
}


@pytest.mark.parametrize("name", STRANGE)
@pytest.mark.parametrize(
    "operation", ["conv2d", "max_pool2d", "relu", "dropout", "mse_loss", "sgd"]
)
def test_strange_results_are_rejected_without_a_crash(operation, name):
    subject = Implementation("strange", {operation: lambda *a, **h: STRANGE[name]})
    report = verify(subject, [operation], [], **BARE)
    assert report[operation].status in ("failed", "error")


@pytest.mark.parametrize("name", STRANGE)
def test_strange_results_are_diagnosed_without_a_crash(name):
    found = diagnose(lambda x: STRANGE[name], CATALOGUE["relu"])
    assert all(diagnosis.faults == () for diagnosis in found.values())


@pytest.mark.parametrize("name", STRANGE)
def test_strange_gradients_are_rejected_without_a_crash(name):
    def relu(x):
        if not isinstance(x, np.ndarray) or x.dtype == object:
            raise TypeError("x")
        return np.maximum(x, 0), lambda grad_output: STRANGE[name]

    report = verify(Implementation("strange", {"relu": relu}), ["relu"], [], examples=1)
    if name == "None":
        assert {f.status for f in report.findings if f.output == "grad_input"} == {"not provided"}
    else:
        assert report["relu"].status in ("failed", "error")


def test_a_subject_that_provides_nothing_is_not_ok():
    report = verify(Implementation("empty", {}), ["relu"], [], examples=1)
    assert report["relu"].status == "not provided"
    assert not report.ok
    with pytest.raises(AssertionError, match="nothing passed: no operation is provided"):
        report.assert_ok()
