"""Mistakes of optimizers are those that people write, each as its own code says it."""

import dataclasses

import numpy as np
import pytest

from reference_tests import CATALOGUE, Implementation, verify
from reference_tests.diagnosis.witness import agrees, lifted, question
from reference_tests.draw import seeded
from reference_tests.faults import FAULTS, Inputs, oracle, simulated
from reference_tests.faults.stepping import RESULTS
from reference_tests.faults.steps import RULES, ruled

PARAMS = np.array([[1.0, -2.0], [0.5, 0.25], [3.0, -1.0]])
GRADS = np.array([[0.5, 1.0], [-2.0, 0.125], [4.0, -0.75]])
MEAN = np.array([[0.25, -1.0], [0.5, 2.0], [-0.125, 1.5]])
SQUARE = np.array([[2.0, 1.5], [0.75, 4.0], [0.25, 0.5]])


def inputs(name, hyper, **state):
    operation = CATALOGUE[name]
    arrays = dict.fromkeys(operation.arrays) | {"params": PARAMS, "grads": GRADS} | state
    defaults = {n: v for n, v in operation.defaults.items() if n not in hyper}
    return Inputs(operation, arrays, {**defaults, **hyper})


def questions(name, count=6):
    for index in range(count):
        case = CATALOGUE[name].strategy(seeded(f"rules/{name}/{index}"))
        yield from (question(CATALOGUE[name], case, d, whole=False) for d in ("float32", "float64"))


def assert_same_rules(name, **others):
    operation = ruled(CATALOGUE[name], **others)
    for asked in questions(name):
        mine = dataclasses.replace(asked.inputs, operation=operation)
        for output, truth in asked.right.items():
            assert agrees(mine.forward[0][output], truth.nearest, truth.bound), (name, output)
        bounded = dataclasses.replace(lifted(asked.inputs), operation=operation)
        assert set(bounded.forward[0]) == set(asked.right)


@pytest.mark.parametrize("name", RULES)
def test_the_rules_of_a_step_are_its_definition(name):
    assert_same_rules(name)


def test_another_rule_is_another_step():
    with pytest.raises(AssertionError, match="params"):
        assert_same_rules("sgd", move=lambda s: 2 * s.slope)


def test_results_of_steps_are_those_of_their_records():
    options = {"momentum": 0.5, "centered": True, "amsgrad": True}
    for name, results in RESULTS.items():
        operation = CATALOGUE[name]
        given = {n: v for n, v in options.items() if n in operation.defaults}
        names = operation.outputs({**operation.defaults, **given})
        assert set(names) == set(results)


LATER = {"exp_avg": MEAN, "exp_avg_sq": SQUARE}
M, S = 0.75 * MEAN + 0.25 * GRADS, 0.5 * SQUARE + 0.5 * GRADS**2
ADAM = {"step": 2, "lr": 0.5, "betas": (0.75, 0.5), "eps": 0.125}
SGD = {"lr": 0.5, "momentum": 0.75}
V = 0.75 * MEAN + GRADS


@pytest.mark.parametrize(
    ("fault", "given", "expected"),
    [
        ("corrections-missing", ("adam", ADAM, LATER), PARAMS - 0.5 * M / (np.sqrt(S) + 0.125)),
        (
            "eps-in-root",
            ("adam", ADAM, LATER),
            PARAMS - 0.5 * (M / (1 - 0.75**3)) / np.sqrt(S / (1 - 0.5**3) + 0.125),
        ),
        (
            "decay-coupled",
            ("adamw", {**ADAM, "weight_decay": 0.0}, LATER),
            PARAMS - 0.5 * (M / (1 - 0.75**3)) / (np.sqrt(S / (1 - 0.5**3)) + 0.125),
        ),
        (
            "rate-in-velocity",
            ("sgd", SGD, {"momentum_buffer": MEAN}),
            PARAMS - (0.75 * MEAN + 0.5 * GRADS),
        ),
        (
            "momentum-averaged",
            ("sgd", SGD, {}),
            PARAMS - 0.5 * 0.25 * GRADS,
        ),
        (
            "nesterov-old-velocity",
            ("sgd", {**SGD, "nesterov": True}, {"momentum_buffer": MEAN}),
            PARAMS - 0.5 * (GRADS + 0.75 * MEAN),
        ),
        (
            "decay-decoupled",
            ("adagrad", {"lr": 0.5, "weight_decay": 0.25, "eps": 0.0}, {"sum": SQUARE}),
            PARAMS * (1 - 0.125) - 0.5 * GRADS / np.sqrt(SQUARE + GRADS**2),
        ),
        (
            "moves-ignored",
            ("adadelta", {"rho": 0.5, "eps": 0.25}, {"square_avg": SQUARE, "acc_delta": SQUARE}),
            PARAMS - GRADS / np.sqrt(S + 0.25),
        ),
        (
            "rmsprop-rate-in-velocity",
            (
                "rmsprop",
                {"lr": 0.5, "alpha": 0.5, "momentum": 0.75, "eps": 0.125},
                {"square_avg": SQUARE, "momentum_buffer": MEAN},
            ),
            PARAMS - (0.75 * MEAN + 0.5 * GRADS / (np.sqrt(S) + 0.125)),
        ),
        (
            "size-corrected",
            ("adamax", {**ADAM, "eps": 0.0}, {"exp_avg": MEAN, "exp_inf": SQUARE}),
            PARAMS
            - 0.5 * (M / (1 - 0.75**3)) / (np.maximum(0.5 * SQUARE, np.abs(GRADS)) / (1 - 0.5**3)),
        ),
    ],
)
def test_a_mistake_is_what_people_write(fault, given, expected):
    name, hyper, state = given
    got = simulated(inputs(name, hyper, **state), "params", FAULTS[f"optim/{fault}"])
    # The same formula in another order: some roundings, of terms that hardly cancel.
    np.testing.assert_allclose(got, expected, rtol=64 * np.finfo(float).eps)


def test_steps_from_zero_divide_by_zero_at_first():
    got = simulated(inputs("adam", {}), "params", FAULTS["optim/steps-from-zero"])
    assert not np.isfinite(got).any()


def test_a_result_named_like_a_gradient_is_an_output():
    given = inputs("rmsprop", {"centered": True, "alpha": 0.5}, grad_avg=MEAN, square_avg=SQUARE)
    np.testing.assert_array_equal(oracle(given, "grad_avg"), 0.5 * MEAN + 0.5 * GRADS)


def sgd(params, grads, state=None, *, lr, momentum=0.0, weight_decay=0.0):
    """Take a step with the rate in the velocity, as many tutorials do."""
    slopes = [g + weight_decay * p for p, g in zip(params, grads, strict=True)]
    before = state["momentum_buffer"] if state else [0.0 * p for p in params]
    velocities = [momentum * v + lr * s for v, s in zip(before, slopes, strict=True)]
    after = [p - v for p, v in zip(params, velocities, strict=True)]
    return after, {"momentum_buffer": velocities}


def adam(params, grads, state=None, *, lr=1e-3, betas=(0.9, 0.999), eps=1e-8):
    """Take a step without the correction of the second moment's bias."""
    zeros = [0.0 * p for p in params]
    state = state or {"step": 0, "exp_avg": zeros, "exp_avg_sq": zeros}
    step, after = state["step"] + 1, []
    means, squares = [], []
    for place, (p, g) in enumerate(zip(params, grads, strict=True)):
        means.append(betas[0] * state["exp_avg"][place] + (1 - betas[0]) * g)
        squares.append(betas[1] * state["exp_avg_sq"][place] + (1 - betas[1]) * g**2)
        move = lr * means[-1] / (1 - betas[0] ** step) / (np.sqrt(squares[-1]) + eps)
        after.append((p - move).astype(p.dtype))
    return after, {"step": step, "exp_avg": means, "exp_avg_sq": squares}


@pytest.mark.parametrize(
    ("function", "named"),
    [
        (sgd, {"optim/rate-in-velocity", "optim/velocity-rate-in-velocity"}),
        (adam, {"optim/second-correction-missing"}),
    ],
)
def test_a_wrong_step_is_named(function, named):
    name = function.__name__
    operation = dataclasses.replace(CATALOGUE[name], invalid=())
    report = verify(Implementation("mine", {name: function}), [operation], [], 20, 0)
    found = [finding.diagnosis for finding in report.failures]
    assert {ids[0] for ids in found} == named
