"""The steps of the optimizers: their equations and laws, purity, and what they refuse."""

from __future__ import annotations

import copy

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from optimizers import ALL, IDS, OPTIONS, arrays, run, step_of

from scratchcnn import optim

DTYPES = [np.float32, np.float64]
EPS = np.finfo(np.float64).eps


def name_of(options):
    return " ".join(options) or "plain"


@pytest.mark.parametrize("options", OPTIONS["SGD"], ids=name_of)
def test_sgd_follows_its_equations(options):
    # Powers of two: every product and sum of three steps is exact in double precision.
    params, state = run(optim.sgd, {"lr": 0.125, **options})
    given = {"momentum": 0, "dampening": 0, "weight_decay": 0, "nesterov": False} | options
    for place, p in enumerate(arrays(0)):
        velocity = None
        for seed in (1, 2, 3):
            g = arrays(seed)[place] * (-1 if options.get("maximize") else 1)
            g = g + given["weight_decay"] * p
            if velocity is None:
                velocity = g
            else:
                velocity = given["momentum"] * velocity + (1 - given["dampening"]) * g
            look_ahead = g + given["momentum"] * velocity
            p = p - 0.125 * (
                look_ahead if given["nesterov"] else velocity if given["momentum"] else g
            )
        assert_array_equal(params[place], p)
        if given["momentum"]:
            assert_array_equal(state["momentum_buffer"][place], velocity)


@pytest.mark.parametrize(
    "options", [o for o in OPTIONS["Adam"] if "decoupled_weight_decay" not in o], ids=name_of
)
def test_adam_follows_its_equations(options):
    params, state = run(optim.adam, {"lr": 0.125, **options})
    (b1, b2), eps = options.get("betas", (0.9, 0.999)), options.get("eps", 1e-8)
    for place, p in enumerate(arrays(0)):
        m = v = largest = np.zeros_like(p)
        for t in (1, 2, 3):
            g = arrays(t)[place] * (-1 if options.get("maximize") else 1)
            g = g + options.get("weight_decay", 0) * p
            m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g**2
            largest = np.maximum(largest, v) if options.get("amsgrad") else v
            p = p - 0.125 * (m / (1 - b1**t)) / (np.sqrt(largest / (1 - b2**t)) + eps)
        # About 12 operations a step on numbers up to 8; corrections of bias by 1 - β₂**t, which
        # is 0.001 at the first step, magnify their rounding by at most 1000.
        assert np.abs(params[place] - p).max() <= 3 * 12 * 1000 * np.finfo(float).eps * 8
    assert state["step"] == 3
    assert ("max_exp_avg_sq" in state) == options.get("amsgrad", False)


def test_sgd_first_velocity_is_the_gradient_without_dampening():
    step = optim.sgd([np.zeros(2)], [np.ones(2)], lr=1.0, momentum=0.5, dampening=0.75)
    assert_array_equal(step.state["momentum_buffer"][0], [1, 1])


def test_adam_first_step_has_the_size_of_the_rate_whatever_the_gradient():
    grads = [np.array([1e-3, -1.0, 1e10])]
    (moved,) = optim.adam([np.zeros(3)], grads, lr=0.5, eps=0.0).params
    # One division of equal numbers, rounded about 8 times.
    assert np.abs(moved - [-0.5, 0.5, -0.5]).max() <= 8 * np.finfo(float).eps


def test_adam_does_not_move_without_a_gradient():
    (moved,) = optim.adam([np.full(2, 3.0)], [np.zeros(2)], lr=0.5).params
    assert_array_equal(moved, [3, 3])


@pytest.mark.parametrize("name", OPTIONS)
def test_steps_maximize_by_turning_the_gradient(name):
    step = step_of(name)
    up, _ = run(step, {"lr": 0.125, "maximize": True})
    down, _ = run(step, {"lr": 0.125}, scale=-1.0)
    for a, b in zip(up, down, strict=True):
        assert_array_equal(a, b)


@pytest.mark.parametrize("name", [name for name in OPTIONS if name != "AdamW"])
def test_steps_add_weight_decay_to_the_gradient(name):
    step, params, grads = step_of(name), arrays(0), arrays(1)
    with_decay = step(params, grads, lr=0.125, weight_decay=0.5)
    added = [grad + 0.5 * param for param, grad in zip(params, grads, strict=True)]
    for a, b in zip(with_decay.params, step(params, added, lr=0.125).params, strict=True):
        assert_array_equal(a, b)


@pytest.mark.parametrize("name", ["Adam", "AdamW", "NAdam", "RAdam"])
def test_decoupled_decay_shrinks_the_parameters_first(name):
    step, params, grads = step_of(name), arrays(0), arrays(1)
    options = {} if name == "AdamW" else {"decoupled_weight_decay": True}
    decayed = step(params, grads, lr=0.125, weight_decay=0.5, **options)
    shrunk = [param * (1 - 0.125 * 0.5) for param in params]
    plain = step(shrunk, grads, lr=0.125, **({"weight_decay": 0.0} if name == "AdamW" else {}))
    for a, b in zip(decayed.params, plain.params, strict=True):
        assert_array_equal(a, b)
    for key in ("exp_avg", "exp_avg_sq"):
        for a, b in zip(decayed.state[key], plain.state[key], strict=True):
            assert_array_equal(a, b)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("Adam", {"amsgrad": True}),
        ("AdamW", {}),
        ("NAdam", {}),
        ("Adamax", {}),
        ("Adagrad", {}),
        ("RMSprop", {"momentum": 0.5}),
        ("RMSprop", {"centered": True}),
    ],
)
def test_steps_do_not_see_the_unit_of_the_gradients(name, options):
    options = {"lr": 0.125, "eps": 0.0, **options}
    one, _ = run(step_of(name), options)
    # A power of two scales every square and every root exactly.
    other, _ = run(step_of(name), options, scale=2.0**20)
    for a, b in zip(one, other, strict=True):
        assert_array_equal(a, b)


def test_radam_goes_by_the_mean_alone_for_five_steps():
    # With beta 0.999 the length of the average passes 5 at the sixth step.
    params, state, mean = [np.zeros(1)], None, np.zeros(1)
    for step in range(1, 8):
        grad = np.array([float(step)])
        before = params[0]
        params, state = optim.radam(params, [grad], state, lr=0.5)
        mean = 0.9 * mean + (1 - 0.9) * grad
        expected = before - 0.5 / (1 - 0.9**step) * mean
        assert (params[0] == expected) == (step <= 5), step


def test_radam_ends_as_adam():
    state = {"step": 10**6, "exp_avg": [np.array([1.0])], "exp_avg_sq": [np.array([4.0])]}
    for step in (optim.radam, optim.adam):
        (moved,) = step([np.zeros(1)], [np.array([3.0])], state, lr=0.5, eps=0.0).params
        # m = 1.2, v = 4.005; a dozen roundings.
        assert abs(moved + 0.5 * 1.2 / np.sqrt(4.005)) < 12 * EPS


def test_nadam_without_decay_of_momentum_looks_ahead_with_half_of_beta():
    # 1 - 0.96**0 / 2 = 1/2, so each momentum is 0.25 here.
    moved, state = optim.nadam(
        [np.zeros(1)], [np.array([2.0])], betas=(0.5, 0.0), lr=1.0, eps=0.0, momentum_decay=0.0
    )
    assert state["mu_product"] == 0.25
    expected = (0.75 / 0.75 * 2.0 + 0.25 / (1 - 0.25 * 0.25) * 1.0) / 2.0
    assert abs(moved[0] + expected) < 8 * EPS


def test_nadam_raises_its_momentum_with_the_steps():
    state, product = None, 1.0
    for step in (1, 2, 3):
        _, state = optim.nadam(
            [np.zeros(1)], [np.ones(1)], state, betas=(0.5, 0.9), momentum_decay=1.0
        )
        product *= 0.5 * (1 - 0.96**step / 2)
        assert abs(state["mu_product"] - product) <= 8 * EPS * product


def test_adamax_keeps_the_largest_size_and_forgets_it_by_beta():
    state = None
    for grad, largest in ((8.0, 8.0), (1.0, 4.0), (3.0, 3.0), (0.0, 1.5)):
        _, state = optim.adamax([np.zeros(1)], [np.array([grad])], state, betas=(0.5, 0.5), eps=0.0)
        assert_array_equal(state["exp_inf"][0], [largest])


def test_adam_with_amsgrad_never_divides_by_less_than_before():
    state, largest = None, 0.0
    for grad in (3.0, 0.1, 0.0, 5.0, 0.5):
        _, state = optim.adam([np.zeros(1)], [np.array([grad])], state, amsgrad=True)
        assert state["max_exp_avg_sq"][0] == max(largest, state["exp_avg_sq"][0])
        largest = state["max_exp_avg_sq"][0]


def test_adagrad_divides_a_steady_gradient_by_the_root_of_the_steps():
    params, state = [np.zeros(1)], None
    for step in range(1, 10):
        before = params[0]
        params, state = optim.adagrad(params, [np.array([4.0])], state, lr=0.5, eps=0.0)
        # The subtraction rounds numbers up to 3.
        assert abs(before - params[0] - 0.5 / np.sqrt(step)) <= 8 * EPS


def test_adagrad_decays_its_rate_after_the_first_step():
    params, state = [np.zeros(1)], None
    for rate in (1.0, 0.5, 1 / 3):
        before = params[0]
        grad = [np.array([1.0])]
        params, state = optim.adagrad(params, grad, state, lr=1.0, lr_decay=1.0, eps=0.0)
        size = np.sqrt(state["sum"][0])
        assert abs(before - params[0] - rate / size) <= 8 * EPS


def test_adadelta_measures_its_moves_without_the_rate():
    grads = [np.array([2.0])]
    one, other = (optim.adadelta([np.zeros(1)], grads, lr=lr) for lr in (1.0, 0.5))
    assert_array_equal(one.state["acc_delta"][0], other.state["acc_delta"][0])
    assert_array_equal(one.params[0], 2 * other.params[0])
    move = np.sqrt(1e-6) / np.sqrt(0.1 * 4 + 1e-6) * 2
    assert abs(one.params[0] + move) <= 8 * EPS * move


def test_rmsprop_without_memory_takes_the_sign():
    moved = optim.rmsprop(
        [np.zeros(3)], [np.array([-3.0, 0.25, 7])], lr=0.5, alpha=0.0, eps=0.0
    ).params[0]
    assert_array_equal(moved, [0.5, -0.5, -0.5])


@pytest.mark.parametrize("dtype", DTYPES)
def test_rmsprop_centered_survives_a_steady_gradient(dtype):
    # The variance of what never changes is 0, which rounding takes to either side.
    params, state = [np.zeros(100, dtype)], None
    grads, below = [np.linspace(0.05, 2, 100).astype(dtype)], False
    for _ in range(100):
        params, state = optim.rmsprop(params, grads, state, alpha=0.5, centered=True)
        below |= bool((state["square_avg"][0] < state["grad_avg"][0] ** 2).any())
    assert below
    assert np.isfinite(params[0]).all()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("name", "options"), ALL, ids=IDS)
def test_steps_keep_the_dtype_also_with_numbers_of_numpy(name, options, dtype):
    step = step_of(name)
    numbers = {
        key: np.float64(value) if isinstance(value, float) else value
        for key, value in options.items()
    }
    params, state = run(step, numbers, dtype)
    lists = [params, *(value for value in state.values() if isinstance(value, list))]
    assert [each.dtype for arrays in lists for each in arrays] == [dtype] * 3 * len(lists)
    expected, _ = run(step, options, dtype)
    for ours, theirs in zip(params, expected, strict=True):
        assert_array_equal(ours, theirs, strict=True)


@pytest.mark.parametrize(("name", "options"), ALL, ids=IDS)
def test_steps_never_change_or_share_their_arguments(name, options):
    step = step_of(name)
    params, state = run(step, options)
    grads = arrays(9)
    before = copy.deepcopy((params, grads, state))
    moved, after = step(params, grads, state, **options)
    new = [*moved, *(each for value in after.values() if isinstance(value, list) for each in value)]
    old = [*params, *grads]
    old += [each for value in state.values() if isinstance(value, list) for each in value]
    for a in new:
        assert not any(np.shares_memory(a, b) for b in old)
    for now, then in zip((params, grads), before[:2], strict=True):
        for a, b in zip(now, then, strict=True):
            assert_array_equal(a, b, strict=True)
    assert state.keys() == before[2].keys()
    for key, value in state.items():
        then = before[2][key]
        for a, b in zip(value, then, strict=True) if isinstance(value, list) else [(value, then)]:
            assert_array_equal(a, b)


@pytest.mark.parametrize(("name", "options"), ALL, ids=IDS)
def test_steps_raise_no_floating_point_error_for_extreme_gradients(name, options):
    step = step_of(name)
    limits = np.finfo(np.float32)
    grads = [np.array([np.nan, np.inf, -limits.max, limits.tiny, 0], np.float32)]
    with np.errstate(all="raise"):
        params, state = step([np.ones(5, np.float32)], grads, None, **options)
        params, _ = step(params, grads, state, **options)
    assert np.isnan(params[0][0])
    assert np.isfinite(params[0][4])


P, G = [np.ones(2)], [np.ones(2)]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: optim.sgd(P, G, lr=-1), "sgd: lr is -1, expected at least 0"),
        (lambda: optim.sgd(P, G, lr=np.nan), "sgd: lr is nan, expected at least 0"),
        (lambda: optim.sgd(P, G, lr=1, momentum=-0.5), "sgd: momentum is -0.5, expected at least"),
        (lambda: optim.sgd(P, G, lr=1, weight_decay=-1), "sgd: weight_decay is -1, expected at le"),
        (
            lambda: optim.sgd(P, G, lr=1, nesterov=True),
            "sgd: nesterov has momentum=0 and dampening=0, expected momentum above 0 and no damp",
        ),
        (
            lambda: optim.sgd(P, G, lr=1, nesterov=True, momentum=0.5, dampening=0.5),
            "sgd: nesterov has momentum=0.5 and dampening=0.5",
        ),
        (lambda: optim.sgd(P, [], lr=1), "sgd: grads has 0 arrays, but params has 1; expected one"),
        (
            lambda: optim.sgd(P, [np.ones(3)], lr=1),
            r"sgd: grads\[0\] has shape \(3,\), expected \(2,\)",
        ),
        (
            lambda: optim.sgd(P, G, {"velocity": P}, lr=1, momentum=0.5),
            r"sgd: state has \['velocity'\], expected 'momentum_buffer' with one array for each",
        ),
        (
            lambda: optim.sgd(P, G, {"momentum_buffer": 3}, lr=1, momentum=0.5),
            r"sgd: state has \['momentum_buffer'\], expected 'momentum_buffer' with one array",
        ),
        (
            lambda: optim.sgd(P, G, {"momentum_buffer": [np.ones(3)]}, lr=1, momentum=0.5),
            r"sgd: state\['momentum_buffer'\]\[0\] has shape \(3,\), expected \(2,\)",
        ),
        (lambda: optim.adam(P, G, lr=-1), "adam: lr is -1, expected at least 0"),
        (lambda: optim.adam(P, G, eps=-1), "adam: eps is -1, expected at least 0"),
        (
            lambda: optim.adam(P, G, weight_decay=-1),
            "adam: weight_decay is -1, expected at least 0",
        ),
        (lambda: optim.adam(P, G, betas=(0.9,)), r"adam: betas is \(0.9,\), expected two numbers"),
        (lambda: optim.adam(P, G, betas=0.9), "adam: betas is 0.9, expected two numbers"),
        (
            lambda: optim.adam(P, G, betas=(-0.1, 0.9)),
            r"adam: betas\[0\] is -0.1, expected at least 0 and below 1",
        ),
        (
            lambda: optim.adam(P, G, betas=(0.9, np.nan)),
            r"adam: betas\[1\] is nan, expected a number",
        ),
        (
            lambda: optim.adam(P, G, {"exp_avg": P}),
            r"adam: state has \['exp_avg'\], expected 'step'",
        ),
        (
            lambda: optim.adamw(P, G, weight_decay=-1),
            "adamw: weight_decay is -1, expected at least 0",
        ),
        (lambda: optim.nadam(P, G, momentum_decay=-1), "nadam: momentum_decay is -1, expected at"),
        (
            lambda: optim.nadam(P, G, {"step": 1, "exp_avg": P, "exp_avg_sq": P}),
            r"nadam: state has \['exp_avg', 'exp_avg_sq', 'step'\], expected 'mu_product'",
        ),
        (
            lambda: optim.nadam(
                P, G, {"step": 1, "exp_avg": P, "exp_avg_sq": P, "mu_product": 1.5}
            ),
            r"nadam: state\['mu_product'\] is 1.5, expected at least 0 and at most 1",
        ),
        (lambda: optim.radam(P, G, betas=(0.9, 1.0)), r"radam: betas\[1\] is 1, expected at least"),
        (lambda: optim.adamax(P, G, eps=-1), "adamax: eps is -1, expected at least 0"),
        (lambda: optim.adagrad(P, G, lr_decay=-1), "adagrad: lr_decay is -1, expected at least 0"),
        (
            lambda: optim.adagrad(P, G, initial_accumulator_value=-1),
            "adagrad: initial_accumulator_value is -1, expected at least 0",
        ),
        (lambda: optim.adadelta(P, G, rho=1.5), "adadelta: rho is 1.5, expected at least 0 and at"),
        (lambda: optim.rmsprop(P, G, alpha=-1), "rmsprop: alpha is -1, expected at least 0"),
        (lambda: optim.rmsprop(P, G, momentum=-1), "rmsprop: momentum is -1, expected at least 0"),
    ],
)
def test_steps_refuse_what_does_not_fit(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: optim.sgd(P, G, lr="0.1"), "sgd: lr is '0.1', expected a number"),
        (
            lambda: optim.sgd(P, G, lr=1, dampening=None),
            "sgd: dampening is None, expected a number",
        ),
        (lambda: optim.sgd(P, [None], lr=1), r"sgd: grads\[0\] is a NoneType, expected a NumPy ar"),
        (
            lambda: optim.sgd(P, [np.ones(2, np.float32)], lr=1),
            r"sgd: grads\[0\] has dtype float32, but params\[0\] has float64; expected one dtype",
        ),
        (
            lambda: optim.sgd([np.ones(2, int)], G, lr=1),
            r"sgd: params\[0\] has dtype int64, expected float32 or float64",
        ),
        (
            lambda: optim.sgd(P, G, {"momentum_buffer": [np.ones(2, "f")]}, lr=1, momentum=0.5),
            r"sgd: state\['momentum_buffer'\]\[0\] has dtype float32, but params\[0\] has float64",
        ),
        (lambda: optim.adam(P, G, betas=("a", 0)), r"adam: betas\[0\] is 'a', expected a number"),
    ],
)
def test_steps_refuse_other_types(call, message):
    with pytest.raises(TypeError, match=message):
        call()


def test_steps_refuse_what_is_no_list_and_a_step_below_zero():
    with pytest.raises(TypeError, match="^sgd: grads is a NoneType, expected a list of arrays"):
        optim.sgd(P, None, lr=0.1)
    state = {"step": -1, "exp_avg": P, "exp_avg_sq": P}
    with pytest.raises(ValueError, match=r"^adam: state\['step'\] is -1, expected at least 0"):
        optim.adam(P, G, state)
