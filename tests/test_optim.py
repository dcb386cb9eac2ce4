"""The optimizers: equations of one step, purity, wrapping classes, state, and what they refuse."""

from __future__ import annotations

import copy

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from scratchcnn import optim
from scratchcnn.nn import Parameter

DTYPES = [np.float32, np.float64]
SGD_OPTIONS = [
    {},
    {"weight_decay": 0.5},
    {"maximize": True},
    {"momentum": 0.5},
    {"momentum": 0.5, "dampening": 0.25},
    {"momentum": 0.5, "nesterov": True, "weight_decay": 0.25},
    {"momentum": 0.5, "maximize": True, "weight_decay": 0.25},
]
ADAM_OPTIONS = [
    {},
    {"betas": (0.5, 0.75), "eps": 0.25},
    {"weight_decay": 0.5},
    {"amsgrad": True},
    {"maximize": True, "amsgrad": True, "weight_decay": 0.25},
]


def arrays(seed, dtype=np.float64):
    rng = np.random.default_rng(seed)
    return [rng.integers(-4, 5, shape).astype(dtype) for shape in ((2, 3), (4,), ())]


def name_of(options):
    return " ".join(options) or "plain"


def run(step, options, dtype=np.float64, steps=3):
    """Return what several steps with given gradients lead to."""
    params, state = arrays(0, dtype), None
    for seed in range(1, steps + 1):
        params, state = step(params, arrays(seed, dtype), state, **options)
    return params, state


@pytest.mark.parametrize("options", SGD_OPTIONS, ids=name_of)
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


@pytest.mark.parametrize("options", ADAM_OPTIONS, ids=name_of)
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


STEPS = [(optim.sgd, {"lr": 0.125, **o}) for o in SGD_OPTIONS]
STEPS += [(optim.adam, {"lr": 0.125, **o}) for o in ADAM_OPTIONS]
STEP_NAMES = [f"{step.__name__} {name_of(options)}" for step, options in STEPS]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("step", "options"), STEPS, ids=STEP_NAMES)
def test_steps_keep_the_dtype_also_with_numbers_of_numpy(step, options, dtype):
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


@pytest.mark.parametrize(("step", "options"), STEPS, ids=STEP_NAMES)
def test_steps_never_change_or_share_their_arguments(step, options):
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
        for a, b in zip(
            np.atleast_1d(value) if key == "step" else value,
            np.atleast_1d(before[2][key]) if key == "step" else before[2][key],
            strict=True,
        ):
            assert_array_equal(a, b)


@pytest.mark.parametrize(("step", "options"), STEPS, ids=STEP_NAMES)
def test_steps_raise_no_floating_point_error_for_extreme_gradients(step, options):
    limits = np.finfo(np.float32)
    grads = [np.array([np.nan, np.inf, -limits.max, limits.tiny, 0], np.float32)]
    with np.errstate(all="raise"):
        params, state = step([np.ones(5, np.float32)], grads, None, **options)
        params, _ = step(params, grads, state, **options)
    assert np.isnan(params[0][0])
    assert np.isfinite(params[0][4])


CLASSES = [(optim.SGD, optim.sgd, o) for o in SGD_OPTIONS]
CLASSES += [(optim.Adam, optim.adam, o) for o in ADAM_OPTIONS]
CLASS_NAMES = [f"{each.__name__} {name_of(options)}" for each, _, options in CLASSES]


@pytest.mark.parametrize(("optimizer", "step", "options"), CLASSES, ids=CLASS_NAMES)
def test_optimizers_wrap_their_steps(optimizer, step, options):
    weights = [Parameter(array) for array in arrays(0)]
    one = optimizer(weights, lr=0.125, **options)
    for seed in (1, 2, 3):
        for weight, grad in zip(weights, arrays(seed), strict=True):
            weight.grad = grad
        one.step()
    expected, _ = run(step, {"lr": 0.125, **options})
    for weight, array in zip(weights, expected, strict=True):
        assert_array_equal(weight.data, array, strict=True)


def test_optimizer_defaults_are_those_of_the_steps():
    for optimizer, step in ((optim.SGD, optim.sgd), (optim.Adam, optim.adam)):
        weight = Parameter(np.ones(2))
        weight.grad = np.array([1.0, -3])
        optimizer([weight]).step()
        expected = step([np.ones(2)], [weight.grad], lr=1e-3).params[0]
        assert_array_equal(weight.data, expected)


@pytest.mark.parametrize("optimizer", [optim.SGD, optim.Adam])
def test_optimizer_skips_parameters_without_a_gradient_and_their_steps(optimizer):
    used, unused = Parameter(np.ones(2)), Parameter(np.ones(3))
    one = optimizer([unused, used], lr=0.5)
    used.grad = np.ones(2)
    data = unused.data
    one.step()
    assert unused.data is data
    assert 0 not in one.state
    assert (used.data < 1).all()
    # Its own first step comes when it has a gradient: that of a fresh optimizer.
    unused.grad = np.array([1.0, -2, 3])
    used.grad = None
    one.step()
    fresh = Parameter(np.ones(3))
    fresh.grad = unused.grad
    optimizer([fresh], lr=0.5).step()
    assert_array_equal(unused.data, fresh.data)


def test_optimizer_replaces_arrays_and_leaves_those_that_others_hold():
    weight = Parameter(np.ones(2))
    before = weight.data
    weight.grad = np.ones(2)
    optim.SGD([weight], lr=1.0).step()
    assert_array_equal(before, [1, 1])
    assert_array_equal(weight.data, [0, 0])
    assert_array_equal(weight.grad, [1, 1])


def test_optimizer_zero_grad_sets_none():
    weight = Parameter(np.ones(2))
    weight.grad = np.ones(2)
    optim.SGD([weight]).zero_grad()
    assert weight.grad is None


def test_optimizer_changed_rate_counts_from_the_next_step():
    weight = Parameter(np.ones(1))
    one = optim.SGD([weight], lr=1.0)
    weight.grad = np.ones(1)
    one.step()
    one.options["lr"] = 0.25
    one.step()
    assert_array_equal(weight.data, [-0.25])
    one.options["lr"] = -1
    with pytest.raises(ValueError, match=r"^sgd: lr is -1, expected at least 0"):
        one.step()
    assert_array_equal(weight.data, [-0.25])


def test_optimizer_step_that_fails_changes_nothing():
    first, second = Parameter(np.ones(2)), Parameter(np.ones(2))
    one = optim.Adam([first, second])
    first.grad, second.grad = np.ones(2), np.ones(3)
    with pytest.raises(ValueError, match=r"^adam: grads\[0\] has shape \(3,\), expected \(2,\)"):
        one.step()
    assert_array_equal(first.data, [1, 1])
    assert one.state == {}


def trained(optimizer, options, steps=(1, 2)):
    weights = [Parameter(array) for array in arrays(0)]
    one = optimizer(weights, **options)
    for seed in steps:
        for weight, grad in zip(weights[:2], arrays(seed), strict=False):
            weight.grad = grad
        one.step()
    return weights, one


@pytest.mark.parametrize(("optimizer", "step", "options"), CLASSES, ids=CLASS_NAMES)
def test_optimizer_state_dict_goes_on_where_it_was(optimizer, step, options):
    weights, one = trained(optimizer, {"lr": 0.125, **options})
    state = one.state_dict()
    frozen = copy.deepcopy(state)
    twins = [Parameter(weight.data.copy()) for weight in weights]
    two = optimizer(twins, lr=0.5)
    two.load_state_dict(state)
    assert two.options == one.options
    for several, optimizer_ in ((weights, one), (twins, two)):
        for weight, grad in zip(several, arrays(5), strict=True):
            weight.grad = grad
        optimizer_.step()
    for weight, twin in zip(weights, twins, strict=True):
        assert_array_equal(weight.data, twin.data, strict=True)
    # The state_dict is a copy: neither optimizer has written into it.
    assert state["param_groups"] == frozen["param_groups"]
    for place, entries in frozen["state"].items():
        for key, value in entries.items():
            assert_array_equal(state["state"][place][key], value)


def test_optimizer_state_dict_is_a_copy_both_ways():
    _, one = trained(optim.Adam, {})
    kept = one.state[0]["exp_avg"][0].copy()
    state = one.state_dict()
    state["state"][0]["exp_avg"][...] = 77
    state["param_groups"][0]["lr"] = 77
    assert_array_equal(one.state[0]["exp_avg"][0], kept)
    assert one.options["lr"] == 1e-3
    one.load_state_dict(state)
    state["state"][0]["exp_avg"][...] = 88
    assert_array_equal(one.state[0]["exp_avg"][0], np.full((2, 3), 77.0))


def test_optimizer_state_dict_has_the_form_of_pytorch():
    _, one = trained(optim.Adam, {"amsgrad": True})
    state = one.state_dict()
    assert sorted(state) == ["param_groups", "state"]
    assert state["param_groups"][0]["params"] == [0, 1, 2]
    assert sorted(state["state"]) == [0, 1]
    assert sorted(state["state"][0]) == ["exp_avg", "exp_avg_sq", "max_exp_avg_sq", "step"]
    _, plain = trained(optim.SGD, {})
    assert plain.state_dict()["state"] == {}


def test_optimizer_loads_without_an_entry_that_is_none():
    _, one = trained(optim.SGD, {})
    state = one.state_dict() | {"state": {0: {"momentum_buffer": None}}}
    one.load_state_dict(state)
    assert one.state == {0: {}}


def changed(**entries):
    """Return the state_dict of a trained Adam with other entries for its first parameter."""
    state = trained(optim.Adam, {})[1].state_dict()
    state["state"][0] |= entries
    return state


def regrouped(**entries):
    state = trained(optim.Adam, {})[1].state_dict()
    state["param_groups"][0] |= entries
    return state


BROKEN = {
    "not a mapping": (5, "lacks 'int' object is not subscriptable, expected one group"),
    "without groups": ({"state": {}}, "lacks 'param_groups', expected one group with the options"),
    "two groups": ({"param_groups": [{}, {}], "state": {}}, "lacks too many values"),
    "without a state": ({"param_groups": regrouped()["param_groups"]}, "lacks 'state'"),
    "of another kind": (trained(optim.SGD, {})[1].state_dict(), "lacks 'betas'"),
    "fewer parameters": (regrouped(params=[0]), r"has the parameters \[0\]"),
    "other parameters": (regrouped(params=[0, 1, 5]), r"has the parameters \[0, 1, 5\] and"),
    "unknown state": (
        changed() | {"state": {7: {}}},
        r"the state of \[7\], expected \[0, 1, 2\]",
    ),
    "bad betas": (regrouped(betas=(0.9, 1.0)), r"adam: betas\[1\] is 1, expected at least 0"),
    "shape": (changed(exp_avg=np.zeros(4)), r"exp_avg of 0 has shape \(4,\), expected \(2, 3\)"),
    "list": (changed(exp_avg=[1.0, 2]), r"exp_avg of 0 has shape \(2,\), expected \(2, 3\)"),
    "text": (changed(exp_avg="abc"), "state of parameter 0 is no mapping of numbers and arrays"),
    "no entry": (changed() | {"state": {0: 3}}, "state of parameter 0 is no mapping of numbers"),
    "missing moment": (
        changed() | {"state": {0: {"step": 1}}},
        r"adam: state has \['step'\], expected 'exp_avg' with one array for each of 1 param",
    ),
    "missing step": (
        changed() | {"state": {0: {"exp_avg": np.zeros((2, 3))}}},
        r"adam: state has \['exp_avg'\], expected 'step'",
    ),
}


@pytest.mark.parametrize(("state", "message"), BROKEN.values(), ids=BROKEN)
def test_optimizer_loads_all_or_nothing(state, message):
    _, one = trained(optim.Adam, {"lr": 0.25})
    options, before = dict(one.options), copy.deepcopy(one.state)
    with pytest.raises(ValueError, match=message):
        one.load_state_dict(state)
    assert one.options == options
    assert one.state.keys() == before.keys()
    assert_array_equal(one.state[0]["exp_avg"][0], before[0]["exp_avg"][0])
    assert one.state[0]["step"] == 2


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
            r"adam: betas\[1\] is nan, expected at least",
        ),
        (
            lambda: optim.adam(P, G, {"exp_avg": P}),
            r"adam: state has \['exp_avg'\], expected 'step'",
        ),
        (lambda: optim.SGD([]), "SGD: parameters is empty, expected at least one Parameter"),
        (lambda: optim.SGD([Parameter(np.ones(1))], lr=-2), "sgd: lr is -2, expected at least 0"),
        (
            lambda: optim.Adam([Parameter(np.ones(1))], betas=(0.9, 1)),
            r"adam: betas\[1\] is 1, expected at least 0 and below 1",
        ),
    ],
)
def test_optimizers_refuse_what_does_not_fit(call, message):
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
        (lambda: optim.SGD([np.ones(2)]), "SGD: parameters has a ndarray, expected Parameters"),
        (
            lambda: optim.Adam(Parameter(np.ones(2))),
            "Adam: parameters is a Parameter, expected an iterable",
        ),
    ],
)
def test_optimizers_refuse_other_types(call, message):
    with pytest.raises(TypeError, match=message):
        call()


def test_optimizers_refuse_a_parameter_twice_and_states_without_whole_steps():
    weight = Parameter(np.ones(2))
    with pytest.raises(ValueError, match="^SGD: parameters has one twice, expected each once"):
        optim.SGD([weight, weight], lr=1.0)
    adam = optim.Adam([weight], lr=0.1)
    weight.accumulate(np.ones(2))
    adam.step()
    for step in (-1, 2.5, np.inf, "a"):
        state = adam.state_dict()
        state["state"][0]["step"] = step
        with pytest.raises(ValueError, match="^Adam state_dict: the state of parameter 0 is no"):
            adam.load_state_dict(state)
    assert adam.state[0]["step"] == 1
    with pytest.raises(TypeError, match="^sgd: grads is a NoneType, expected a list of arrays"):
        optim.sgd([weight.data], None, lr=0.1)
    state = {"step": -1, "exp_avg": [np.ones(2)], "exp_avg_sq": [np.ones(2)]}
    with pytest.raises(ValueError, match=r"^adam: state\['step'\] is -1, expected at least 0"):
        optim.adam([weight.data], [np.ones(2)], state)
