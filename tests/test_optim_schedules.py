"""The schedules: their laws, state, and what they refuse. PyTorch's rates are in the lockstep."""

from __future__ import annotations

import math

import numpy as np
import pytest

from scratchcnn import optim
from scratchcnn.nn import Parameter

U = np.finfo(np.float64).eps / 2


def sgd(*rates, **options):
    """Return an optimizer of one group for each rate."""
    groups = [{"params": Parameter(np.ones(1)), "lr": rate} for rate in rates or (1.0,)]
    return optim.SGD(groups, **options)


def rates(schedule, epochs):
    """Return the rates of the first group from now on."""
    found = [schedule.get_last_lr()[0]]
    for _ in range(epochs):
        schedule.step()
        found.append(schedule.get_last_lr()[0])
    return found


MADE = {
    "lambda": lambda one: optim.LambdaLR(one, lambda epoch: 1 / (1 + epoch)),
    "step": lambda one: optim.StepLR(one, 3, 0.5),
    "milestones": lambda one: optim.MultiStepLR(one, [2, 5, 5], 0.5),
    "constant": lambda one: optim.ConstantLR(one, 0.25, 3),
    "linear": lambda one: optim.LinearLR(one, 0.25, 0.75, 4),
    "exponential": lambda one: optim.ExponentialLR(one, 0.9),
    "cosine": lambda one: optim.CosineAnnealingLR(one, 5, 0.125),
    "restarts": lambda one: optim.CosineAnnealingWarmRestarts(one, 2, 2, 0.125),
    "cycle": lambda one: optim.OneCycleLR(one, 2.0, total_steps=12),
    "cycle of three": lambda one: optim.OneCycleLR(
        one, 2.0, epochs=4, steps_per_epoch=3, anneal_strategy="linear", three_phase=True
    ),
    "sequence": lambda one: optim.SequentialLR(
        one, [optim.LinearLR(one, 0.5, total_iters=3), optim.CosineAnnealingLR(one, 5)], [4]
    ),
}
# What each rate is of the initial one, in closed form.
CLOSED = {
    "lambda": lambda t: 1 / (1 + t),
    "step": lambda t: 0.5 ** (t // 3),
    "milestones": lambda t: 0.5 ** ((t >= 2) + 2 * (t >= 5)),
    "constant": lambda t: 0.25 if t < 3 else 1.0,
    "linear": lambda t: 0.25 + 0.5 * min(t, 4) / 4,
    "exponential": lambda t: 0.9**t,
    "cosine": lambda t: 0.125 + 0.875 * (1 + math.cos(math.pi * t / 5)) / 2,
    "restarts": lambda t: (
        0.125
        + 0.875
        * (1 + math.cos(math.pi * (t / 2 if t < 2 else (t - 2) / 4 if t < 6 else (t - 6) / 8)))
        / 2
    ),
    "sequence": lambda t: (
        0.5 + 0.5 * min(t, 3) / 3 if t < 4 else (1 + math.cos(math.pi * (t - 4) / 5)) / 2
    ),
}


@pytest.mark.parametrize("name", CLOSED)
def test_schedules_have_their_closed_forms(name):
    for epoch, rate in enumerate(rates(MADE[name](sgd(1.0)), 12)):
        # Each step rounds at most 16 times numbers up to 1; where the cosine is near -1 its
        # factor cancels, here to (1 + cos(4π/5)) / 2 = 0.095 at most.
        room = (epoch + 1) * 16 * U / 0.095
        assert abs(rate - CLOSED[name](epoch)) <= room, epoch


@pytest.mark.parametrize("name", MADE)
def test_schedules_set_the_rate_of_every_group(name):
    one = sgd(1.0, 0.25, momentum=0.5)
    schedule = MADE[name](one)
    for _ in range(8):
        assert schedule.get_last_lr() == [group["lr"] for group in one.param_groups]
        schedule.step()
    first, second = schedule.get_last_lr()
    if "cycle" in name:
        assert first == second
    elif name in ("cosine", "restarts"):
        assert abs((second - 0.125) / (0.25 - 0.125) - (first - 0.125) / 0.875) < 1e-13
    else:
        # A quarter is exact, and so is every product with it.
        assert second == first / 4


@pytest.mark.parametrize("name", MADE)
def test_schedules_go_on_from_their_state(name):
    one, other = sgd(momentum=0.5), sgd(momentum=0.5)
    schedule, again = MADE[name](one), MADE[name](other)
    rates(schedule, 5)
    state = schedule.state_dict()
    other.load_state_dict(one.state_dict())
    again.load_state_dict(state)
    assert again.get_last_lr() == schedule.get_last_lr()
    assert rates(again, 5) == rates(schedule, 5)
    # The state is a copy: it still is what it was.
    assert state["last_epoch"] == 5


@pytest.mark.parametrize("name", sorted(set(MADE) - {"sequence"}))
def test_schedules_begin_anew_in_a_sequence(name):
    alone = rates(MADE[name](sgd(momentum=0.5)), 6)
    one = sgd(momentum=0.5)
    parts = [optim.ExponentialLR(one, 0.75), MADE[name](one)]
    assert rates(optim.SequentialLR(one, parts, [3]), 9)[3:] == alone


def test_constant_of_no_epochs_begins_anew_at_once():
    one = sgd()
    parts = [optim.ExponentialLR(one, 0.75), optim.ConstantLR(one, 0.5, 0)]
    assert rates(optim.SequentialLR(one, parts, [1]), 3)[1:] == [1.0, 1.0, 1.0]


def test_one_cycle_goes_on_at_an_epoch():
    one, other = sgd(momentum=0.5), sgd(momentum=0.5)
    schedule = optim.OneCycleLR(one, 2.0, total_steps=12)
    rates(schedule, 5)
    # The groups know their rates, and their state_dict keeps them.
    other.load_state_dict(one.state_dict())
    again = optim.OneCycleLR(other, 7.0, total_steps=12, last_epoch=4)
    assert rates(again, 5) == rates(schedule, 5)
    assert other.param_groups[0]["momentum"] == one.param_groups[0]["momentum"]


def test_plateau_goes_on_from_its_state():
    one, other = sgd(), sgd()
    schedule, again = (
        optim.ReduceLROnPlateau(each, patience=2, factor=0.5) for each in (one, other)
    )
    for loss in (3.0, 2.0, 2.0, 2.0):
        schedule.step(loss)
    other.load_state_dict(one.state_dict())
    again.load_state_dict(schedule.state_dict())
    for each in (schedule, again):
        each.step(2.0)
        assert each.get_last_lr() == [0.5]


@pytest.mark.parametrize("name", MADE)
def test_schedules_refuse_the_state_of_another_kind(name):
    schedule = MADE[name](sgd(momentum=0.5))
    before = schedule.state_dict()
    for state in ({}, {**before, "speed": 1}, 3):
        with pytest.raises(ValueError, match="the state_dict has .*, expected "):
            schedule.load_state_dict(state)
    assert schedule.state_dict() == before


def test_sequence_refuses_the_state_of_another_length():
    schedule = MADE["sequence"](sgd())
    state = schedule.state_dict()
    state["_schedulers"].pop()
    with pytest.raises(
        ValueError, match="SequentialLR: the state_dict has 1 schedulers, expected 2"
    ):
        schedule.load_state_dict(state)


def test_schedules_keep_a_rate_that_was_changed_by_hand():
    one = sgd()
    schedule = optim.ExponentialLR(one, 0.5)
    one.param_groups[0]["lr"] = 8.0
    assert rates(schedule, 2)[1:] == [4.0, 2.0]


def test_lambda_takes_a_function_for_each_group():
    one = sgd(1.0, 1.0)
    schedule = optim.LambdaLR(one, [lambda epoch: 0.5**epoch, lambda epoch: 1.0 + epoch])
    schedule.step()
    assert schedule.get_last_lr() == [0.5, 2.0]
    assert "lr_lambdas" not in schedule.state_dict()


@pytest.mark.parametrize(
    ("optimizer", "read"),
    [
        (lambda p: optim.SGD(p, momentum=0.5), lambda group: group["momentum"]),
        (lambda p: optim.RMSprop(p), lambda group: group["momentum"]),
        (lambda p: optim.Adam(p, betas=(0.5, 0.75)), lambda group: group["betas"][0]),
    ],
    ids=["SGD", "RMSprop", "Adam"],
)
def test_one_cycle_moves_the_momentum_against_the_rate(optimizer, read):
    one = optimizer([Parameter(np.ones(1))])
    schedule = optim.OneCycleLR(
        one,
        4.0,
        total_steps=11,
        pct_start=0.5,
        anneal_strategy="linear",
        base_momentum=0.5,
        max_momentum=0.75,
        div_factor=4.0,
    )
    (group,) = one.param_groups
    pairs = [(group["lr"], read(group))]
    for _ in range(10):
        schedule.step()
        pairs.append((group["lr"], read(group)))
    # The first phase ends at 0.5 * 11 - 1 = 4.5 steps.
    for step in range(5):
        rate, momentum = pairs[step]
        assert abs(rate - (1 + 3 * step / 4.5)) <= 16 * U * 4
        assert abs(momentum - (0.75 - 0.25 * step / 4.5)) <= 16 * U
    assert abs(pairs[10][0] - 1e-4) <= 16 * U * 4
    assert pairs[10][1] == 0.75
    if "betas" in group:
        assert group["betas"][1] == 0.75
    with pytest.raises(ValueError, match="OneCycleLR: step 12 is after the last of 11"):
        rates(schedule, 2)


def test_one_cycle_of_three_phases_goes_down_as_it_rose():
    schedule = optim.OneCycleLR(
        sgd(momentum=0.5),
        4.0,
        total_steps=20,
        pct_start=0.25,
        anneal_strategy="linear",
        div_factor=4.0,
        final_div_factor=1e3,
        three_phase=True,
    )
    found = rates(schedule, 19)
    # The phases end after 0.25 * 20 - 1 = 4, 2 * 4 = 8 and 19 steps.
    expected = np.interp(range(20), [0, 4, 8, 19], [1, 4, 1, 1e-3])
    assert np.abs(found - expected).max() <= 16 * U * 4


def test_one_cycle_may_leave_the_momentum():
    one = optim.Adagrad([Parameter(np.ones(1))])
    schedule = optim.OneCycleLR(one, [1.0], total_steps=1, cycle_momentum=False)
    assert "momentum" not in one.param_groups[0]
    # A single step has nowhere to go but to the end.
    assert abs(schedule.get_last_lr()[0] - 1 / 25e4) <= 16 * U / 25e4


def test_plateau_waits_cools_down_and_stops():
    one = sgd(1.0)
    schedule = optim.ReduceLROnPlateau(one, factor=0.5, patience=1, cooldown=2, min_lr=0.2)
    seen = []
    for _ in range(14):
        schedule.step(1.0)
        seen += schedule.get_last_lr()
    # The first is better than nothing; two bad ones, two to cool down, and so on.
    assert seen == [1, 1, 0.5, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.25, 0.2, 0.2, 0.2, 0.2]


@pytest.mark.parametrize(
    ("options", "values", "better"),
    [
        ({"threshold": 0.25}, (8.0, 6.0), False),
        ({"threshold": 0.25}, (8.0, 5.9), True),
        ({"threshold": 0.25, "threshold_mode": "abs"}, (8.0, 7.75), False),
        ({"threshold": 0.25, "threshold_mode": "abs"}, (8.0, 7.7), True),
        ({"threshold": 0.25, "mode": "max"}, (8.0, 10.0), False),
        ({"threshold": 0.25, "mode": "max"}, (8.0, 10.1), True),
        ({"threshold": 0.25, "mode": "max", "threshold_mode": "abs"}, (8.0, 8.25), False),
        ({"threshold": 0.25, "mode": "max", "threshold_mode": "abs"}, (8.0, 8.3), True),
        ({}, (8.0, math.nan), False),
        ({}, (math.nan, 8.0), True),
    ],
)
def test_plateau_knows_what_is_better(options, values, better):
    schedule = optim.ReduceLROnPlateau(sgd(), **options)
    for value in values:
        schedule.step(value)
    assert schedule.num_bad_epochs == (0 if better else 1)
    assert schedule.best == values[1 if better else 0]


def test_plateau_leaves_a_change_that_is_not_worth_it():
    schedule = optim.ReduceLROnPlateau(sgd(1.0), factor=0.5, patience=0, eps=0.5)
    for _ in range(3):
        schedule.step(1.0)
    assert schedule.get_last_lr() == [1.0]


def test_schedules_go_on_at_an_epoch_only_with_the_initial_rate():
    one = sgd()
    with pytest.raises(ValueError, match="^StepLR: group 0 has no 'initial_lr', expected one with"):
        optim.StepLR(one, 2, last_epoch=3)
    one.param_groups[0]["initial_lr"] = 1.0
    schedule = optim.StepLR(one, 2, 0.5, last_epoch=2)
    assert rates(schedule, 2) == [1.0, 0.5, 0.5]


def unfreeze(one):
    """Give an optimizer one more group."""
    one.add_param_group({"params": Parameter(np.ones(1)), "lr": 0.5})


NEED_THE_INITIAL_RATES = ["lambda", "restarts", "cycle", "cycle of three", "cosine at the bottom"]


@pytest.mark.parametrize("name", NEED_THE_INITIAL_RATES)
def test_schedules_that_need_the_initial_rates_refuse_another_group(name):
    one = sgd(momentum=0.5)
    if name == "cosine at the bottom":
        schedule = optim.CosineAnnealingLR(one, 2)
        unfreeze(one)
        rates(schedule, 2)
    else:
        schedule = MADE[name](one)
        unfreeze(one)
    before = [group["lr"] for group in one.param_groups]
    message = (
        "^OneCycleLR: group 1 has no 'max_lr', expected the groups that the optimizer had when"
        if "cycle" in name
        else f"^{type(schedule).__name__}: the optimizer has 2 groups, expected the 1 that it had"
    )
    with pytest.raises(ValueError, match=message):
        schedule.step()
    assert [group["lr"] for group in one.param_groups] == before


def test_sequence_refuses_another_group():
    one = sgd()
    parts = [optim.ExponentialLR(one, 0.5), optim.StepLR(one, 2)]
    schedule = optim.SequentialLR(one, parts, [2])
    unfreeze(one)
    with pytest.raises(ValueError, match="^SequentialLR: group 1 has no 'initial_lr', expected"):
        optim.SequentialLR(one, parts, [2])
    schedule.step()
    assert schedule.get_last_lr() == [0.5, 0.25]
    # What is due begins anew at its initial rates.
    with pytest.raises(
        ValueError, match="^StepLR: the optimizer has 2 groups, expected the 1 that"
    ):
        schedule.step()


def test_plateau_with_one_limit_takes_another_group():
    one = sgd()
    schedule = optim.ReduceLROnPlateau(one, factor=0.5, patience=0, min_lr=0.4)
    unfreeze(one)
    for expected in ([1.0, 0.5], [0.5, 0.4], [0.4, 0.4]):
        schedule.step(1.0)
        assert schedule.get_last_lr() == expected


def test_plateau_with_its_own_limits_refuses_another_group():
    one = sgd()
    schedule = optim.ReduceLROnPlateau(one, patience=0, min_lr=[0.1])
    unfreeze(one)
    schedule.step(1.0)
    message = "^ReduceLROnPlateau: the optimizer has 2 groups, expected one for each of the 1 val"
    with pytest.raises(ValueError, match=message):
        schedule.step(1.0)


def test_restarts_that_go_on_at_any_epoch_are_those_of_one_run():
    for epoch in range(12):
        one = sgd()
        one.param_groups[0]["initial_lr"] = 1.0
        again = optim.CosineAnnealingWarmRestarts(one, 2, 2, last_epoch=epoch)
        whole = rates(optim.CosineAnnealingWarmRestarts(sgd(), 2, 2), epoch + 9)
        assert rates(again, 8) == whole[epoch + 1 :]


def test_schedules_have_the_path_of_pytorch():
    for name in optim.lr_scheduler.__all__:
        assert getattr(optim.lr_scheduler, name) is getattr(optim, name)
    assert {name for name in optim.__all__ if name[:1].isupper() and "LR" in name} <= set(
        optim.lr_scheduler.__all__
    )


ONE, OTHER = sgd(), sgd()
FIRST = optim.StepLR(ONE, 1)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: optim.StepLR(3, 1), TypeError, "StepLR: optimizer is a int, expected an Optim"),
        (lambda: optim.StepLR(ONE, 0), ValueError, "StepLR: step_size is 0, expected at least 1"),
        (lambda: optim.StepLR(ONE, 1.5), TypeError, "StepLR: step_size is 1.5, expected an int"),
        (lambda: optim.StepLR(ONE, 1, -1), ValueError, "StepLR: gamma is -1, expected at least 0"),
        (lambda: optim.MultiStepLR(ONE, [-1]), ValueError, "MultiStepLR: milestones is -1, exp"),
        (lambda: optim.ConstantLR(ONE, 0), ValueError, "ConstantLR: factor is 0, expected above 0"),
        (lambda: optim.LinearLR(ONE, 2), ValueError, "LinearLR: start_factor is 2, expected at le"),
        (lambda: optim.LinearLR(ONE, 0), ValueError, "LinearLR: start_factor is 0, expected above"),
        (lambda: optim.LinearLR(ONE, 1, -1), ValueError, "LinearLR: end_factor is -1, expected at"),
        (
            lambda: optim.MultiStepLR(ONE, 3),
            TypeError,
            "MultiStepLR: milestones is a int, expected a list of epochs",
        ),
        (
            lambda: optim.LambdaLR(ONE, 3),
            TypeError,
            "LambdaLR: lr_lambda has a int, expected functions",
        ),
        (
            lambda: optim.SequentialLR(ONE, [FIRST], 3),
            TypeError,
            "SequentialLR: milestones is a int, expected a list of epochs",
        ),
        (
            lambda: optim.SequentialLR(ONE, FIRST, []),
            TypeError,
            "SequentialLR: schedulers is a StepLR, expected a list of schedules",
        ),
        (lambda: optim.LinearLR(ONE, 1, 1, 0), ValueError, "LinearLR: total_iters is 0, expected"),
        (lambda: optim.ExponentialLR(ONE, "a"), TypeError, "ExponentialLR: gamma is 'a', expected"),
        (lambda: optim.CosineAnnealingLR(ONE, 0), ValueError, "CosineAnnealingLR: T_max is 0, exp"),
        (
            lambda: optim.CosineAnnealingWarmRestarts(ONE, 1, 0),
            ValueError,
            "CosineAnnealingWarmRestarts: T_mult is 0, expected at least 1",
        ),
        (
            lambda: optim.LambdaLR(ONE, [abs, abs]),
            ValueError,
            "LambdaLR: lr_lambda has 2 values, but the optimizer has 1 groups",
        ),
        (lambda: optim.LambdaLR(None, abs), TypeError, "LambdaLR: optimizer is a NoneType"),
        (lambda: optim.StepLR(ONE, 1, last_epoch=-2), ValueError, "StepLR: last_epoch is -2, exp"),
        (
            lambda: optim.OneCycleLR(ONE, 1.0, epochs=3),
            ValueError,
            "OneCycleLR: epochs is 3 and steps_per_epoch is None, expected both, or total_steps",
        ),
        (lambda: optim.OneCycleLR(ONE, 1.0, 0), ValueError, "OneCycleLR: total_steps is 0, expect"),
        (lambda: optim.OneCycleLR(ONE, -1.0, 5), ValueError, "OneCycleLR: max_lr is -1, expected"),
        (
            lambda: optim.OneCycleLR(ONE, [1.0, 1.0], 5),
            ValueError,
            "OneCycleLR: max_lr has 2 values, but the optimizer has 1 groups",
        ),
        (
            lambda: optim.OneCycleLR(ONE, 1.0, 5, pct_start=1.5),
            ValueError,
            "OneCycleLR: pct_start is 1.5, expected at least 0 and at most 1",
        ),
        (
            lambda: optim.OneCycleLR(ONE, 1.0, 5, anneal_strategy="sine"),
            ValueError,
            "OneCycleLR: anneal_strategy is 'sine', expected one of 'cos', 'linear'",
        ),
        (
            lambda: optim.OneCycleLR(ONE, 1.0, 5, div_factor=0),
            ValueError,
            "OneCycleLR: div_factor is 0, expected above 0",
        ),
        (
            lambda: optim.OneCycleLR(optim.Adagrad([Parameter(np.ones(1))]), 1.0, 5),
            ValueError,
            "OneCycleLR: Adagrad has no momentum and no betas, expected cycle_momentum=False",
        ),
        (
            lambda: optim.SequentialLR(ONE, [FIRST], [3]),
            ValueError,
            "SequentialLR: schedulers has 1 and milestones 1, expected one milestone less",
        ),
        (
            lambda: optim.SequentialLR(ONE, [optim.ReduceLROnPlateau(ONE)], []),
            TypeError,
            "SequentialLR: schedulers has a ReduceLROnPlateau, expected schedules that are neither",
        ),
        (
            lambda: optim.SequentialLR(OTHER, [FIRST], []),
            ValueError,
            "SequentialLR: a StepLR is of another optimizer, expected the same",
        ),
        (
            lambda: optim.ReduceLROnPlateau(ONE, "best"),
            ValueError,
            "ReduceLROnPlateau: mode is 'best', expected one of 'min', 'max'",
        ),
        (
            lambda: optim.ReduceLROnPlateau(ONE, factor=1.0),
            ValueError,
            "ReduceLROnPlateau: factor is 1, expected below 1",
        ),
        (
            lambda: optim.ReduceLROnPlateau(ONE, threshold_mode="sum"),
            ValueError,
            "ReduceLROnPlateau: threshold_mode is 'sum', expected one of 'rel', 'abs'",
        ),
        (
            lambda: optim.ReduceLROnPlateau(ONE, min_lr=[0.0, 0.0]),
            ValueError,
            "ReduceLROnPlateau: min_lr has 2 values, but the optimizer has 1 groups",
        ),
        (
            lambda: optim.ReduceLROnPlateau(ONE).step("low"),
            TypeError,
            "ReduceLROnPlateau: metrics is 'low', expected a number",
        ),
        (
            lambda: optim.LRScheduler(sgd()),
            NotImplementedError,
            "LRScheduler has no rate of its own",
        ),
    ],
)
def test_schedules_refuse_what_does_not_fit(call, error, message):
    with pytest.raises(error, match=message):
        call()
