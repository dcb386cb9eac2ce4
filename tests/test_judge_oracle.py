"""Right subjects are never rejected, and every gradient of the oracle is a derivative."""

from dataclasses import replace

import numpy as np
import pytest
from budget import some

from reference_tests import CATALOGUE, Implementation, verify
from reference_tests.draw import seeded
from reference_tests.implementations.scratchcnn import subject as scratchcnn
from reference_tests.operation import grad_name
from reference_tests.precise import Number
from reference_tests.references.exact import define
from reference_tests.references.exact import subject as naive
from reference_tests.references.scipy_ import reference as scipy
from reference_tests.tolerance import FORMATS, Bounded, plain

# The step of the central difference, and what is left of 48 digits: the truncation is of the
# order step² = 1e-32, and so is the cancellation 2**-160 / step; the rest is for ill condition.
STEP = Number(2) ** -53
ROOM = Number(10) ** -25
DIFFERENTIABLE = [n for n, operation in CATALOGUE.items() if operation.differentiable]


def torch_subject():
    pytest.importorskip("torch")
    from reference_tests.references.torch_ import reference

    return Implementation("torch", reference.operations)


def scipy_subject():
    return Implementation("scipy", scipy.operations)


# Hyperparameters that keep away from conventions that are no derivative: where eps takes the place
# of a variance, PyTorch does not differentiate that.
AWAY = {"gaussian_nll_loss": {"eps": 1e-6}}
# Stirling's terms begin above 1.
MOVED = {"poisson_nll_loss": {"target": lambda counts: np.where(counts <= 1, counts + 1.5, counts)}}


SUBJECTS = {
    "scratchcnn": lambda: scratchcnn,
    "naive": lambda: naive,
    "scipy": scipy_subject,
    "torch": torch_subject,
}


@pytest.mark.parametrize(("name", "seed"), [*zip(SUBJECTS, range(11, 15), strict=True)])
def test_a_right_subject_is_never_rejected(name, seed):
    subject = SUBJECTS[name]()
    # On the pinned cases all of them are compared elsewhere.
    operations = [replace(CATALOGUE[n], pinned=()) for n in some(subject.operations)]
    if name in ("naive", "scipy"):
        # They refuse nothing, or other things.
        operations = [replace(operation, invalid=()) for operation in operations]
    report = verify(subject, operations, [], examples=2, seed=seed)
    # With few cases an output may show nothing; that is no verdict.
    assert [f for f in report.failures if f.check != "trust"] == []
    assert all(operation.cases == 2 for operation in report)


def smooth(operation, index):
    """Return a case away from kinks, and its arrays; None if it is empty."""
    case = operation.strategy(seeded(f"smooth/{index}"))
    case = replace(case, family="zero-mean", hyper=case.hyper | AWAY.get(operation.name, {}))
    arrays = case.fill("float64")
    for name, spec in case.arrays.items():
        if spec is not None and spec.kind == "probability":
            arrays[name] = np.clip(arrays[name], 0.05, 0.95)
    for name, move in MOVED.get(operation.name, {}).items():
        arrays[name] = move(arrays[name])
    return case, arrays


def objective(operation, inputs, hyper, cotangent):
    """Return the sum of the first output times a cotangent, to 48 digits."""
    result = define(operation, inputs, hyper)
    output = result[0] if isinstance(result, tuple) else result
    first = output[0] if isinstance(output, tuple) else output
    value = np.asarray((first * cotangent(first.shape)).sum().value, object)
    return value.item()


def precise(array):
    return Bounded.exact(array, "float64")


def derivative_error(operation, index):
    """Return the worst relative difference of a gradient from a central difference."""
    case, arrays = smooth(operation, index)
    inputs = {
        name: precise(a) if a is not None and a.dtype == np.float64 else a
        for name, a in arrays.items()
    }

    def cotangent(shape):
        return precise(case.cotangent(shape, "float64"))

    output, pullback = define(operation, inputs, case.hyper)
    first = output[0] if isinstance(output, tuple) else output
    grads = dict(zip(operation.arrays, pullback(cotangent(first.shape)), strict=True))
    worst, compared = Number(0), 0
    for place, (name, array) in enumerate(arrays.items()):
        if not operation.wants_grad(name, array) or not array.size:
            continue
        direction = np.random.default_rng([index, place]).standard_normal(array.shape)
        step = precise(direction).value * STEP
        sides = []
        for side in (1, -1):
            moved = Bounded(inputs[name].value + side * step, 0 * direction, FORMATS["float64"])
            there = {**inputs, name: moved}
            sides.append(objective(operation, there, case.hyper, cotangent))
        expected = (sides[0] - sides[1]) / (2 * STEP)
        parts = np.ravel(grads[name].value * precise(direction).value)
        size = sum(map(abs, parts), Number(0)) + sum(map(abs, sides)) + 1
        worst = max(worst, abs(sum(parts, Number(0)) - expected) / size)
        compared += 1
    return worst, compared


@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_every_gradient_of_the_oracle_is_the_derivative_of_its_forward(name):
    compared = 0
    for index in range(5):
        worst, count = derivative_error(CATALOGUE[name], index)
        assert worst < ROOM, (name, index)
        compared += count
    assert compared >= 4


def test_a_wrong_gradient_of_a_definition_would_be_seen():
    def wrong(x):
        y, pullback = CATALOGUE["sigmoid"].definition(x)
        return y, lambda g: (pullback(g)[0] * (1 + 1e-12),)

    worst, _ = derivative_error(replace(CATALOGUE["sigmoid"], definition=wrong), 0)
    assert worst > ROOM


@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_a_definition_gives_gradients_of_the_shape_of_their_arrays(name):
    operation = CATALOGUE[name]
    case, arrays = smooth(operation, 1)
    output, pullback = define(operation, arrays, case.hyper)
    first = output[0] if isinstance(output, tuple) else output
    grads = pullback(case.cotangent(first.shape, "float64"))
    assert len(grads) == len(operation.arrays)
    for array, grad in zip(operation.arrays, grads, strict=True):
        if operation.wants_grad(array, arrays[array]):
            assert np.shape(plain(grad)) == arrays[array].shape, grad_name(array)
