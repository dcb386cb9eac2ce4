"""Each network of the models trains on real digits in lockstep with PyTorch."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch", reason="the lockstep needs PyTorch")

from lockstep import OPTIMIZERS, QUANTITIES, Masked, Record, divergence, exactly, locksteps
from lockstep import lockstep as run

from reference_tests.tolerance import FORMATS
from scratchcnn.models import MODELS

# The large networks have tests of their own.
SMALL_MODELS = [name for name, model in MODELS.items() if model.least is None]
# A bound as wide as the value would prove nothing. Where five layers follow each other, the
# worst case that bounds assume is far from the usual one.
WIDEST = {"sigmoid_cnn": 1e-8, "untied_cnn": 1e-8, "lenet5": 1e-5, "two_conv": 1e-6}


def caught(record):
    """Return which quantities of whom failed."""
    return {line.split(": ")[1].split(" at (")[0] for line in record.failures}


@pytest.mark.parametrize("name", SMALL_MODELS)
def test_lockstep_stays_within_the_bounds_of_one_step(name):
    for optimizer, record in locksteps(name).items():
        assert record.failures == []
        for quantity in QUANTITIES:
            ours, theirs = (record.worst[quantity, party] for party in ("ours", "PyTorch"))
            width = record.width[quantity]
            print(f"{name} {optimizer} {quantity}: {ours:.2g} {theirs:.2g} bounds, {width:.0e}")
            assert width < WIDEST[name], quantity


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_lockstep_catches_a_gradient_that_is_a_millionth_too_large(optimizer):
    def tamper(model, _):
        for parameter in model.parameters():
            parameter.grad = parameter.grad * (1 + 1e-6)

    assert caught(run("sigmoid_cnn", optimizer, 2, tamper)) == {
        "gradient of ours",
        "weights of ours",
        "state of ours",
    }


def test_lockstep_catches_the_momentum_of_nesterov():
    record = run(
        "untied_cnn", "SGD", 2, lambda _, optimizer: optimizer.param_groups[0].update(nesterov=True)
    )
    assert caught(record) == {"weights of ours"}
    assert len(record.failures) == 2


def test_lockstep_catches_an_adam_that_forgets_its_step():
    def tamper(_, optimizer):
        for entries in optimizer.state.values():
            entries["step"] = 0

    record = run("untied_cnn", "Adam", 2, tamper)
    assert [line.split(",")[2] for line in record.failures] == [" step 1"]


def test_lockstep_catches_another_mask_than_the_one_it_was_told(monkeypatch):
    monkeypatch.setattr(Masked, "forward", lambda self, x: x * self.mask.flip(1))
    found = caught(run("two_conv", "SGD", 1))
    assert "loss of PyTorch" in found
    assert all(each.endswith("PyTorch") for each in found)


def test_record_takes_nan_for_a_failure():
    record = Record()
    truth = exactly(np.ones(2), FORMATS["float64"]) * 1.0
    record.judge("here", "loss", truth, np.array([1.0, np.nan]), np.ones(2))
    (failure,) = record.failures
    assert failure.startswith("here: loss of ours at (1,) is nan, expected 1.0 within ")


def test_divergence_is_relative_to_the_largest_element():
    a, b = {"w": np.array([1.0, -4.0])}, {"w": np.array([1.5, -4.0])}
    assert divergence(a, b) == 0.125
