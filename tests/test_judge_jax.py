"""JAX judges if it is asked to, the first shapes that it meets, and passes itself."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

from reference_tests import CATALOGUE, Implementation, verify
from reference_tests.references import available, checked


def test_jax_judges_on_request_only():
    assert "jax" not in available()


@pytest.mark.skipif(importlib.util.find_spec("jax") is not None, reason="JAX is installed")
def test_jax_that_is_not_installed_is_named():
    with pytest.raises(ValueError, match="'jax' needs the package jax, which is not installed"):
        checked(["jax"])


@pytest.fixture(scope="module")
def jax():
    pytest.importorskip("jax")
    from reference_tests.references import jax_

    return jax_


def test_jax_knows_only_operations_of_the_catalogue(jax):
    assert set(jax.OPERATIONS) <= set(CATALOGUE)


@pytest.mark.parametrize("name", ["conv2d", "conv_transpose2d", "max_pool2d", "batch_norm"])
def test_jax_passes_the_pinned_cases(jax, name):
    subject = Implementation("JAX", jax.OPERATIONS)
    report = verify(subject, [name], references=[], examples=0)
    wrong = [f for f in report.failures if f.check != "trust"]
    assert not wrong


def test_jax_refuses_more_shapes_than_it_may_compile(jax):
    function = jax.adapted(lambda x: x * 2, 2)
    for size in (1, 2, 1):
        assert function(np.ones(size))[0].tolist() == [2.0] * size
    with pytest.raises(NotImplementedError, match="more than 2 shapes of one operation"):
        function(np.ones(3))


def test_jax_says_what_it_lacks(jax):
    function = jax.adapted(lambda x, *, scale=1: x * scale)
    with pytest.raises(NotImplementedError, match="JAX is not asked for alpha, beta"):
        function(np.ones(2), beta=1, alpha=2)
    with pytest.raises(NotImplementedError, match="so many arrays"):
        function(np.ones(2), np.ones(2))
    with pytest.raises(NotImplementedError, match="NaN, infinities and empty arrays"):
        function(np.ones(0))
