"""The optimizers: wrapping their steps, groups, state, and what they refuse."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from optimizers import ALL, IDS, OPTIONS, arrays, run, step_of

from scratchcnn import optim
from scratchcnn.nn import Linear, Parameter

WEIGHT = Parameter(np.ones(1))


@pytest.mark.parametrize(("name", "options"), ALL, ids=IDS)
def test_optimizers_wrap_their_steps(name, options):
    weights = [Parameter(array) for array in arrays(0)]
    one = getattr(optim, name)(weights, **options)
    for seed in (1, 2, 3):
        for weight, grad in zip(weights, arrays(seed), strict=True):
            weight.grad = grad
        one.step()
    expected, _ = run(step_of(name), options)
    for weight, array in zip(weights, expected, strict=True):
        assert_array_equal(weight.data, array, strict=True)


def test_optimizer_defaults_are_those_of_the_steps():
    for name in OPTIONS:
        weight = Parameter(np.ones(2))
        weight.grad = np.array([1.0, -3])
        getattr(optim, name)([weight]).step()
        options = {"lr": 1e-3} if name == "SGD" else {}
        expected = step_of(name)([np.ones(2)], [weight.grad], **options).params[0]
        assert_array_equal(weight.data, expected)


@pytest.mark.parametrize("name", OPTIONS)
def test_optimizer_skips_parameters_without_a_gradient_and_their_steps(name):
    optimizer = getattr(optim, name)
    used, unused = Parameter(np.ones(2)), Parameter(np.ones(3))
    one = optimizer([unused, used], lr=0.5)
    used.grad = np.ones(2)
    data = unused.data
    one.step()
    assert unused.data is data
    assert unused not in one.state
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


def test_optimizer_zero_grad_sets_zeros_if_asked():
    weight, other = Parameter(np.ones(2, np.float32)), Parameter(np.ones(2))
    before = weight.grad = np.ones(2, np.float32)
    optim.SGD([weight, other]).zero_grad(set_to_none=False)
    assert_array_equal(weight.grad, np.zeros(2, np.float32), strict=True)
    assert other.grad is None
    assert_array_equal(before, [1, 1])


def test_optimizer_step_calls_a_closure_first_and_returns_its_loss():
    weight = Parameter(np.ones(2))
    one = optim.SGD([weight], lr=0.5)

    def closure():
        one.zero_grad()
        weight.accumulate(weight.data)
        return 7.0

    assert one.step(closure) == 7.0
    assert_array_equal(weight.data, [0.5, 0.5])
    assert one.step() is None


def test_optimizer_takes_named_parameters_and_drops_the_names():
    model = Linear(2, 3, rng=0)
    groups = [{"params": [pair], "lr": 0.5} for pair in model.named_parameters()]
    for one in (optim.SGD(model.named_parameters()), optim.SGD(groups)):
        assert one.parameters == model.parameters()
        assert one.state_dict().keys() == {"state", "param_groups"}
        assert "param_names" not in one.param_groups[0]


def test_optimizer_changed_rate_counts_from_the_next_step():
    weight = Parameter(np.ones(1))
    one = optim.SGD([weight], lr=1.0)
    weight.grad = np.ones(1)
    one.step()
    one.param_groups[0]["lr"] = 0.25
    one.step()
    assert_array_equal(weight.data, [-0.25])
    one.param_groups[0]["lr"] = -1
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


@pytest.mark.parametrize(("name", "options"), ALL, ids=IDS)
def test_optimizer_state_dict_goes_on_where_it_was(name, options):
    optimizer = getattr(optim, name)
    weights, one = trained(optimizer, options)
    state = one.state_dict()
    frozen = copy.deepcopy(state)
    twins = [Parameter(weight.data.copy()) for weight in weights]
    two = optimizer(twins, lr=0.5)
    two.load_state_dict(state)
    assert two.state_dict()["param_groups"] == one.state_dict()["param_groups"]
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
    weights, one = trained(optim.Adam, {})
    own = one.state[weights[0]]["exp_avg"]
    kept = own[0].copy()
    state = one.state_dict()
    state["state"][0]["exp_avg"][...] = 77
    state["param_groups"][0]["lr"] = 77
    assert_array_equal(own[0], kept)
    assert one.param_groups[0]["lr"] == 1e-3
    one.load_state_dict(state)
    state["state"][0]["exp_avg"][...] = 88
    assert_array_equal(one.state[weights[0]]["exp_avg"][0], np.full((2, 3), 77.0))


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
    weights, one = trained(optim.SGD, {})
    state = one.state_dict() | {"state": {0: {"momentum_buffer": None}}}
    one.load_state_dict(state)
    assert one.state == {weights[0]: {}}


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
    "not a mapping": (5, "lacks 'int' object is not subscriptable, expected groups"),
    "without groups": ({"state": {}}, "lacks 'param_groups', expected groups with the options"),
    "two groups": (
        {"param_groups": regrouped()["param_groups"] * 2, "state": {}},
        r"has the parameters \[\[0, 1, 2\], \[0, 1, 2\]\] and the state of \[\], expected",
    ),
    "without a state": ({"param_groups": regrouped()["param_groups"]}, "lacks 'state'"),
    "of another kind": (trained(optim.SGD, {})[1].state_dict(), "lacks 'betas'"),
    "fewer parameters": (regrouped(params=[0]), r"has the parameters \[\[0\]\]"),
    "other parameters": (regrouped(params=[0, 1, 5]), r"has the parameters \[\[0, 1, 5\]\] and"),
    "unknown state": (
        changed() | {"state": {7: {}}},
        r"the state of \[7\], expected \[\[0, 1, 2\]\]",
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
    weights, one = trained(optim.Adam, {"lr": 0.25})
    groups, before = one.state_dict()["param_groups"], dict(one.state)
    average = one.state[weights[0]]["exp_avg"][0].copy()
    with pytest.raises(ValueError, match=message):
        one.load_state_dict(state)
    assert one.state_dict()["param_groups"] == groups
    assert one.state.keys() == before.keys()
    assert_array_equal(one.state[weights[0]]["exp_avg"][0], average)
    assert one.state[weights[0]]["step"] == 2


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: optim.SGD([]), ValueError, "SGD: params is empty, expected at least one"),
        (lambda: optim.SGD([WEIGHT], lr=-2), ValueError, "sgd: lr is -2, expected at least 0"),
        (
            lambda: optim.Adam([WEIGHT], betas=(0.9, 1)),
            ValueError,
            r"adam: betas\[1\] is 1, expected at least 0 and below 1",
        ),
        (
            lambda: optim.SGD([np.ones(2)]),
            TypeError,
            "SGD: params has a ndarray, expected Parameters",
        ),
        (
            lambda: optim.Adam(Parameter(np.ones(2))),
            TypeError,
            "Adam: params is a Parameter, expected an iterable",
        ),
        (lambda: optim.SGD([WEIGHT], foreach=True), TypeError, "unexpected keyword argument 'fore"),
        (
            lambda: optim.SGD([{"params": WEIGHT}, {"params": [WEIGHT]}]),
            ValueError,
            "SGD: params has one of another group, expected each once",
        ),
        (
            lambda: optim.SGD([{"params": [WEIGHT], "lr": -1}]),
            ValueError,
            "sgd: lr is -1, expected at least 0",
        ),
        (
            lambda: optim.SGD([{"weights": [WEIGHT]}]),
            TypeError,
            "SGD: a group is {'weights': .*}, expected a dict with 'params'",
        ),
        (
            lambda: optim.SGD([{"params": [WEIGHT]}, Parameter(np.ones(1))]),
            TypeError,
            r"SGD: a group is Parameter\(.*\), expected a dict with 'params'",
        ),
        (
            lambda: optim.SGD([{"params": {WEIGHT}}]),
            TypeError,
            "SGD: params is a set, expected an order, such as a list",
        ),
        (
            lambda: optim.SGD([{"params": 3}]),
            TypeError,
            "SGD: params is a int, expected an iterable",
        ),
        (
            lambda: optim.SGD([(WEIGHT, "weight")]),
            TypeError,
            "SGD: params has a str, expected Parameters",
        ),
        (
            lambda: optim.SGD([("one", WEIGHT), ("other", WEIGHT)]),
            ValueError,
            "SGD: params has one twice, expected each once",
        ),
        (
            lambda: optim.SGD([WEIGHT]).step(0.5),
            TypeError,
            "SGD.step: closure is a float, expected a function or None",
        ),
    ],
)
def test_optimizers_refuse_what_does_not_fit(call, error, message):
    with pytest.raises(error, match=message):
        call()


def grouped(optimizer=optim.SGD, **options):
    """Return an optimizer of two groups with their own rates, and its parameters."""
    weights = [Parameter(array) for array in arrays(0)]
    groups = [{"params": weights[:2], "lr": 0.5}, {"params": weights[2], "name": "head"}]
    return optimizer(groups, lr=0.25, **options), weights


def test_groups_have_their_own_options_and_those_of_the_optimizer():
    one, weights = grouped(weight_decay=0.5)
    first, second = one.param_groups
    assert (first["lr"], first["weight_decay"]) == (0.5, 0.5)
    assert (second["lr"], second["weight_decay"], second["name"]) == (0.25, 0.5, "head")
    assert one.parameters == weights
    for rates in ((0.5, 0.5, 0.25), (0.5, 0.5, 2.0)):
        before = [weight.data for weight in weights]
        for weight, grad in zip(weights, arrays(1), strict=True):
            weight.grad = grad
        one.step()
        for weight, old, rate in zip(weights, before, rates, strict=True):
            assert_array_equal(weight.data, old - rate * (weight.grad + 0.5 * old))
        second["lr"] = 2.0


def test_groups_can_be_added_and_do_not_change_what_was_given():
    one, weights = grouped(optim.Adam)
    given = {"params": (each for each in [Parameter(np.ones(2))]), "eps": 0.25}
    one.add_param_group(given)
    assert sorted(given) == ["eps", "params"]
    group = one.param_groups[2]
    assert (group["eps"], group["lr"], one.param_groups[0]["eps"]) == (0.25, 0.25, 1e-8)
    assert one.parameters[:3] == weights
    for weight in one.parameters:
        weight.grad = np.ones_like(weight.data)
    one.step()
    assert list(one.state) == one.parameters
    state = one.state_dict()
    assert [each["params"] for each in state["param_groups"]] == [[0, 1], [2], [3]]
    with pytest.raises(ValueError, match="^Adam: params has one of another group"):
        one.add_param_group({"params": weights[0]})
    with pytest.raises(ValueError, match="^adam: eps is -1"):
        one.add_param_group({"params": Parameter(np.ones(2)), "eps": -1})
    assert len(one.param_groups) == 3


def test_groups_are_saved_and_loaded_with_their_options():
    one, weights = grouped(momentum=0.5)
    for weight in weights:
        weight.grad = np.ones_like(weight.data)
    one.step()
    two, twins = grouped(momentum=0.0)
    two.param_groups[0]["lr"] = 7.0
    two.load_state_dict(one.state_dict())
    assert [group["lr"] for group in two.param_groups] == [0.5, 0.25]
    assert two.param_groups[1]["momentum"] == 0.5
    assert two.parameters == twins
    assert_array_equal(
        two.state[twins[2]]["momentum_buffer"][0], one.state[weights[2]]["momentum_buffer"][0]
    )
    flat = optim.SGD(twins, lr=0.5)
    with pytest.raises(
        ValueError, match=r"has the parameters \[\[0, 1\], \[2\]\] and the state of"
    ):
        flat.load_state_dict(one.state_dict())


def test_optimizer_leaves_what_requires_no_gradient():
    frozen, free = Parameter(np.ones(2)), Parameter(np.ones(2))
    frozen.grad = free.grad = np.ones(2)
    frozen.requires_grad = False
    one = optim.SGD([frozen, free], lr=0.5, momentum=0.5)
    one.step()
    assert_array_equal(frozen.data, [1, 1])
    assert_array_equal(free.data, [0.5, 0.5])
    assert list(one.state) == [free]


def test_optimizers_refuse_a_parameter_twice_and_states_without_whole_steps():
    weight = Parameter(np.ones(2))
    with pytest.raises(ValueError, match="^SGD: params has one twice, expected each once"):
        optim.SGD([weight, weight], lr=1.0)
    adam = optim.Adam([weight], lr=0.1)
    weight.accumulate(np.ones(2))
    adam.step()
    for step in (-1, 2.5, np.inf, "a"):
        state = adam.state_dict()
        state["state"][0]["step"] = step
        with pytest.raises(ValueError, match="^Adam state_dict: the state of parameter 0 is no"):
            adam.load_state_dict(state)
    assert adam.state[weight]["step"] == 1


EDITS = {
    "a group is gone": lambda groups, new: groups.pop(0),
    "reversed": lambda groups, new: groups.reverse(),
    "one more": lambda groups, new: groups[0]["params"].insert(0, new),
    "another head": lambda groups, new: groups[1].update(params=[new]),
    "from group to group": lambda groups, new: groups[1]["params"].append(
        groups[0]["params"].pop(0)
    ),
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_state_belongs_to_a_parameter_and_not_to_its_place(edit):
    one, weights = grouped(momentum=0.5)
    new = Parameter(np.ones(5))
    for seed in (1, 2):
        for weight, grad in zip(weights, arrays(seed), strict=True):
            weight.grad = grad
        one.step()
    buffers = {weight: one.state[weight]["momentum_buffer"][0] for weight in weights}
    edit(one.param_groups, new)
    before = {each: each.data for each in one.parameters}
    for each in one.parameters:
        each.grad = np.ones_like(each.data)
    one.step()
    for group in one.param_groups:
        for each in group["params"]:
            velocity = 0.5 * buffers.get(each, 0.0) + 1
            assert_array_equal(each.data, before[each] - group["lr"] * velocity)
    for weight in set(weights) - set(one.parameters):
        assert one.state[weight]["momentum_buffer"][0] is buffers[weight]
    # The state_dict is of what the groups hold now, by its places.
    saved = one.state_dict()
    places = [place for group in saved["param_groups"] for place in group["params"]]
    assert places == list(range(len(one.parameters)))
    assert list(saved["state"]) == places
    for place, each in enumerate(one.parameters):
        expected = one.state[each]["momentum_buffer"][0]
        assert_array_equal(saved["state"][place]["momentum_buffer"], expected)


def test_state_of_a_copy_belongs_to_the_parameters_of_the_copy():
    one, weights = grouped(momentum=0.5)
    for weight in weights:
        weight.grad = np.ones_like(weight.data)
    one.step()
    for two in (copy.deepcopy(one), pickle.loads(pickle.dumps(one))):
        assert list(two.state) == two.parameters
        two.step()
        assert_array_equal(two.parameters[2].data, weights[2].data - 0.25 * 1.5)


SPOILED = {
    "option": (
        lambda group: group.pop("lr"),
        ValueError,
        r"^SGD: a group lacks 'lr', expected the options \['dampening', 'lr', 'maximize', ",
    ),
    "array": (
        lambda group: group["params"].append(np.ones(2)),
        TypeError,
        "^SGD: params has a ndarray, expected Parameters",
    ),
    "twice": (
        lambda group: group["params"].append(group["params"][0]),
        ValueError,
        "^SGD: params has one twice, expected each once",
    ),
    "no list": (
        lambda group: group.update(params=iter(group["params"])),
        TypeError,
        "^SGD: params of a group is a list_iterator, expected a list of Parameters",
    ),
    "nothing": (
        lambda group: group.pop("params"),
        TypeError,
        "^SGD: params of a group is a NoneType, expected a list of Parameters",
    ),
}


@pytest.mark.parametrize(("spoil", "error", "message"), SPOILED.values(), ids=SPOILED)
def test_step_refuses_groups_that_no_optimizer_can_have(spoil, error, message):
    one, weights = grouped()
    for weight in weights:
        weight.grad = np.ones_like(weight.data)
    before = [weight.data for weight in weights]
    spoil(one.param_groups[1])
    with pytest.raises(error, match=message):
        one.step()
    assert all(weight.data is data for weight, data in zip(weights, before, strict=True))
