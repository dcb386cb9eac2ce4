"""Optimizers and schedules in lockstep with PyTorch, on the gradients of a real training.

Each step of ours starts from PyTorch's weights and state; both results must lie within the
one-step bound of the catalogue's definition. Schedules run freely beside PyTorch's.
"""

from __future__ import annotations

import os
from functools import cache

import numpy as np
import pytest

pytest.importorskip("torch", reason="the lockstep needs PyTorch")

import torch
from lockstep import BATCH, Batch, Ours, Record, between, data, exactly

from reference_tests.operations import CATALOGUE
from reference_tests.references.torch_ import numbers_in
from scratchcnn import optim
from scratchcnn.models import MODELS
from scratchcnn.nn import Parameter

STEPS = int(os.environ.get("LOCKSTEP_STEPS", "200"))
MODEL = "lenet5"
# One array of each layer that is small: enough to see a network's gradients, and fast.
RECORDED = 4
U = np.finfo(np.float64).eps / 2


@cache
def recorded():
    """Return some initial weights of a network and their gradients at each step of training it."""
    model = MODELS[MODEL].build(rng=0, dtype=np.float64)
    ours = Ours(model, MODELS[MODEL].classes, "Adam")
    small = sorted(range(len(model.parameters())), key=lambda i: model.parameters()[i].data.size)
    chosen = [model.parameters()[i] for i in sorted(small[:RECORDED])]
    weights = [parameter.data.copy() for parameter in chosen]
    source, gradients = np.random.default_rng(4), []
    for batch in batches(STEPS):
        ours.backward(batch)
        gradients.append([mixed(parameter.grad, source) for parameter in chosen])
        ours.optimizer.step()
    return weights, gradients


def batches(steps):
    """Yield batches of digits."""
    images, labels = data(MODEL)
    source = np.random.default_rng(2)
    for _ in range(steps):
        picked = source.choice(len(images), BATCH, replace=False)
        yield Batch(images[picked], labels[picked], {})


def mixed(gradient, source):
    """Return a gradient of which a fifth is exactly zero, tiny or huge, in places that change."""
    other = source.choice([0.0, 1e-10, -1e-10, 1e10, -1e10], gradient.shape)
    return np.where(source.random(gradient.shape) < 0.2, other, gradient)


def betas(source):
    return tuple(float(each) for each in source.choice([0.0, 0.5, 0.9, 0.99, 0.999], 2))


def common(source, kind):
    """Return options that all have; the rate goes over three orders of magnitude."""
    options = {
        "lr": float(10 ** source.uniform(-4, -1)),
        "weight_decay": float(source.choice([0.0, 1e-4, 0.1])),
        "maximize": bool(source.random() < 0.25),
    }
    return options | EXTRA[kind](source)


def flag(source):
    return bool(source.random() < 0.5)


def moments(source, *flags):
    eps = float(source.choice([1e-8, 1e-4]))
    return {"betas": betas(source), "eps": eps, **{name: flag(source) for name in flags}}


def descent(source):
    momentum = float(source.choice([0.0, 0.5, 0.9]))
    nesterov = momentum > 0 and flag(source)
    dampening = 0.0 if nesterov else float(source.choice([0.0, 0.5]))
    return {"momentum": momentum, "dampening": dampening, "nesterov": nesterov}


EXTRA = {
    "SGD": descent,
    "Adam": lambda source: moments(source, "amsgrad", "decoupled_weight_decay"),
    "AdamW": lambda source: moments(source, "amsgrad"),
    "NAdam": lambda source: {
        **moments(source, "decoupled_weight_decay"),
        "momentum_decay": float(source.choice([0.0, 4e-3, 0.5])),
    },
    "RAdam": lambda source: moments(source, "decoupled_weight_decay"),
    "Adamax": moments,
    "Adagrad": lambda source: {
        "lr_decay": float(source.choice([0.0, 0.1])),
        "eps": float(source.choice([1e-10, 1e-4])),
        "initial_accumulator_value": float(source.choice([0.0, 0.5])),
    },
    "Adadelta": lambda source: {
        "rho": float(source.choice([0.5, 0.9, 0.99])),
        "eps": float(source.choice([1e-6, 1e-3])),
    },
    "RMSprop": lambda source: {
        "alpha": float(source.choice([0.5, 0.9, 0.99])),
        "eps": float(source.choice([1e-8, 1e-4])),
        "momentum": float(source.choice([0.0, 0.9])),
        "centered": flag(source),
    },
}


def pair(kind, seed, dtype=np.float64):
    """Return PyTorch's optimizer and ours, each of two groups with options of their own."""
    source = np.random.default_rng([seed, sorted(EXTRA).index(kind)])
    weights = [each.astype(dtype) for each in recorded()[0]]
    options = [common(source, kind) for _ in range(2)]
    # PyTorch takes this one from the optimizer alone.
    whole = [
        {name: each.pop(name) for name in ("initial_accumulator_value",) if name in each}
        for each in options
    ]

    def made(home, kept, **more):
        groups = [
            {"params": [kept(weight) for weight in part], **option}
            for part, option in zip((weights[:2], weights[2:]), options, strict=True)
        ]
        return getattr(home, kind)(groups, **whole[0], **more)

    theirs = made(torch.optim, lambda a: torch.nn.Parameter(torch.tensor(a)), foreach=False)
    return theirs, made(optim, lambda a: Parameter(a.copy()))


def joined(arrays):
    return np.concatenate([np.ravel(array) for array in arrays])


def lockstep(kind, seed, tamper=None, steps=STEPS):
    """Return what a lockstep under random options finds; `tamper` spoils our optimizer."""
    record = Record()
    with numbers_in(np.dtype(np.float64)):
        theirs, ours = pair(kind, seed)
        for step, gradients in enumerate(recorded()[1][:steps]):
            one_step(record, step, theirs, ours, gradients, tamper)
    return record


def one_step(record, step, theirs, ours, gradients, tamper):
    operation = CATALOGUE[type(ours).__name__.lower()]
    tensors = [tensor for group in theirs.param_groups for tensor in group["params"]]
    ours.load_state_dict(theirs.state_dict())
    for tensor, parameter, grad in zip(tensors, ours.parameters, gradients, strict=True):
        parameter.data = tensor.detach().numpy().copy()
        parameter.grad, tensor.grad = grad, torch.tensor(grad)
    truths = [
        truth_of(operation, step, theirs, group, gradients, tensors)
        for group in theirs.param_groups
    ]
    if tamper is not None:
        tamper(ours)
    ours.step()
    theirs.step()
    first = 0
    for group, truth in zip(theirs.param_groups, truths, strict=True):
        places = range(first, first + len(group["params"]))
        first += len(group["params"])
        for name, true in truth.items():
            if name == "params":
                results = (
                    [ours.parameters[i].data for i in places],
                    [tensors[i].detach().numpy() for i in places],
                )
            elif name in operation.numbers:
                # One for each parameter, and all alike.
                place = places[0]
                results = (
                    [ours.state[ours.parameters[place]][name]],
                    [theirs.state[tensors[place]][name]],
                )
            else:
                results = (
                    [ours.state[ours.parameters[i]][name][0] for i in places],
                    [theirs.state[tensors[i]][name].numpy() for i in places],
                )
            quantity = "weights" if name == "params" else "state"
            where = f"{type(ours).__name__}, step {step}, {name}"
            record.judge(where, quantity, true, *map(joined, results))
            if step % 10 == 0:
                record.measure(quantity, true)


def truth_of(operation, step, theirs, group, gradients, tensors):
    """Return what the definition says of a group: each output by its name."""
    form = between(np.float64)
    mine = [
        i for i, tensor in enumerate(tensors) if any(tensor is each for each in group["params"])
    ]
    state = [theirs.state[tensors[i]] for i in mine]
    hyper = {name: group[name] for name in operation.defaults if name in group}
    if "step" in operation.numbers:
        hyper["step"] = step
    if "mu_product" in state[0]:
        hyper["mu_product"] = float(state[0]["mu_product"])
    arrays = [
        exactly(joined(each), form)
        for each in ([tensors[i].detach() for i in mine], [gradients[i] for i in mine])
    ]
    for name in operation.arrays[2:]:
        there = step > 0 and state[0].get(name) is not None
        entries = [entry[name] for entry in state] if there else []
        arrays.append(exactly(joined(entries), form) if there else None)
    names = operation.outputs(hyper)
    result = operation.definition(*arrays, **hyper)
    outputs = dict(zip(names, result if len(names) > 1 else (result,), strict=True))
    # One rounding more for all: what is only copied has a bound of 0, which divides nothing.
    return {name: (output + 0.0).reshape(-1) for name, output in outputs.items()}


@pytest.mark.parametrize("kind", EXTRA)
def test_each_step_stays_within_the_bound_of_one_step(kind):
    # The first options for the whole training, others for its beginning.
    for seed, steps in enumerate((STEPS, STEPS // 4, STEPS // 4)):
        record = lockstep(kind, seed, steps=steps)
        assert record.failures == []
        assert record.width["weights"] < 1e-12
        ours, theirs = (record.worst["weights", party] for party in ("ours", "PyTorch"))
        print(f"{kind} {seed}: weights {ours:.2g} {theirs:.2g} bounds, {record.width}")


@pytest.mark.parametrize("kind", EXTRA)
def test_lockstep_catches_a_rate_that_is_a_billionth_too_large(kind):
    def tamper(optimizer):
        for group in optimizer.param_groups:
            group["lr"] *= 1 + 1e-9

    assert any("weights of ours" in line for line in lockstep(kind, 0, tamper, 2).failures)


@pytest.mark.parametrize("kind", [kind for kind in EXTRA if kind not in ("SGD", "RMSprop")])
def test_lockstep_catches_a_state_that_is_forgotten(kind):
    record = lockstep(kind, 0, lambda optimizer: optimizer.state.clear(), 2)
    assert any("state of ours" in line for line in record.failures)
    assert not any("PyTorch" in line for line in record.failures)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", EXTRA)
def test_state_dicts_go_to_pytorch_and_back_bit_for_bit(kind, dtype):
    with numbers_in(np.dtype(dtype)):
        theirs, ours = pair(kind, 1, dtype)
        tensors = [tensor for group in theirs.param_groups for tensor in group["params"]]
        for gradients in recorded()[1][:3]:
            for tensor, grad in zip(tensors, gradients, strict=True):
                tensor.grad = torch.tensor(grad.astype(dtype))
            theirs.step()
        given = theirs.state_dict()
        ours.load_state_dict(given)
        back = ours.state_dict()
        assert [group["params"] for group in back["param_groups"]] == [[0, 1], [2, 3]]
        for one, other in zip(back["param_groups"], given["param_groups"], strict=True):
            assert one == other
        assert back["state"].keys() == given["state"].keys()
        for place, entries in given["state"].items():
            wanted = {key: value for key, value in entries.items() if value is not None}
            assert back["state"][place].keys() == wanted.keys()
            for name, value in wanted.items():
                assert np.array_equal(back["state"][place][name], value.numpy()), name
        again = type(theirs)([dict(group) for group in theirs.param_groups])
        again.load_state_dict(as_tensors(back))
        for tensor in tensors:
            for name, value in theirs.state[tensor].items():
                assert value is None or torch.equal(again.state[tensor][name], value), name


def as_tensors(state_dict):
    state = {
        place: {name: torch.as_tensor(value) * 1.0 for name, value in entries.items()}
        for place, entries in state_dict["state"].items()
    }
    return {**state_dict, "state": state}


def groups(home, kept, rates=(0.5, 0.02), **options):
    """Return an optimizer of two groups with their own rates."""
    parts = [{"params": [kept(np.ones(2))], "lr": rate} for rate in rates]
    return (home.SGD if "momentum" in options else home.Adam)(parts, **options)


def both(**options):
    """Return PyTorch's optimizer and ours."""
    theirs = groups(torch.optim, lambda a: torch.nn.Parameter(torch.tensor(a)), **options)
    return theirs, groups(optim, Parameter, **options)


def whole(source, low, high):
    return int(source.integers(low, high + 1))


def share(source):
    return float(source.uniform(0.05, 0.95))


SCHEDULES = {
    "StepLR": lambda s: {"step_size": whole(s, 1, 30), "gamma": share(s)},
    "MultiStepLR": lambda s: {
        "milestones": [whole(s, 0, 150) for _ in range(whole(s, 0, 6))],
        "gamma": share(s),
    },
    "ConstantLR": lambda s: {"factor": share(s), "total_iters": whole(s, 0, 60)},
    "LinearLR": lambda s: {
        "start_factor": share(s),
        "end_factor": share(s),
        "total_iters": whole(s, 1, 150),
    },
    "ExponentialLR": lambda s: {"gamma": float(s.uniform(0.9, 1.01))},
    "CosineAnnealingLR": lambda s: {
        "T_max": whole(s, 1, 80),
        "eta_min": float(s.choice([0, 1e-3])),
    },
    "CosineAnnealingWarmRestarts": lambda s: {
        "T_0": whole(s, 1, 30),
        "T_mult": whole(s, 1, 3),
        "eta_min": float(s.choice([0, 1e-3])),
    },
    "OneCycleLR": lambda s: {
        "max_lr": [0.5, 0.1] if flag(s) else 0.3,
        "pct_start": share(s),
        "anneal_strategy": str(s.choice(["cos", "linear"])),
        "cycle_momentum": flag(s),
        "base_momentum": 0.8,
        "max_momentum": [0.9, 0.99] if flag(s) else 0.95,
        "div_factor": float(s.choice([10.0, 25.0])),
        "final_div_factor": float(s.choice([1e2, 1e4])),
        "three_phase": flag(s),
        # Twice the share of a first phase must leave something for a third.
        **({"pct_start": 0.4} if flag(s) else {}),
        **({"total_steps": 250} if flag(s) else {"epochs": 25, "steps_per_epoch": 10}),
    },
}


def options_of(name, source):
    """Return random options of a schedule, valid ones."""
    options = SCHEDULES[name](source)
    if options.get("three_phase"):
        options["pct_start"] = min(options["pct_start"], 0.45)
    return options


def made(home, name, optimizer, options):
    return getattr(home, name)(optimizer, **options)


def compare(theirs, ours, epoch):
    """Compare rates and momenta of all groups after some epochs."""
    for one, other in zip(ours.param_groups, theirs.param_groups, strict=True):
        # In each step either side rounds at most 16 times numbers not above the largest rate.
        largest = max(one.get("initial_lr", 1.0), one.get("max_lr", 0.0))
        room = (epoch + 1) * 32 * U * largest
        assert abs(one["lr"] - other["lr"]) <= room, epoch
        for name in ("momentum", "betas"):
            if name in one:
                difference = np.subtract(one[name], other[name])
                assert np.abs(difference).max() <= 32 * U, epoch


def together(theirs, ours, their_schedules, our_schedules, epochs=range(1, STEPS + 1)):
    """Step both through the epochs, and compare."""
    compare(theirs, ours, 0)
    for epoch in epochs:
        theirs.step()
        for schedule in (*their_schedules, *our_schedules):
            schedule.step()
        compare(theirs, ours, epoch)
        for one, other in zip(our_schedules, their_schedules, strict=True):
            assert len(one.get_last_lr()) == len(other.get_last_lr())
            rates = [group["lr"] for group in ours.param_groups]
            assert our_schedules[-1].get_last_lr() == rates


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", SCHEDULES)
def test_schedules_have_the_rates_of_pytorch(name, seed):
    options = options_of(name, np.random.default_rng([seed, sorted(SCHEDULES).index(name)]))
    theirs, ours = both(**({"momentum": 0.9} if seed % 2 else {"betas": (0.9, 0.99)}))
    pairs = made(torch.optim.lr_scheduler, name, theirs, options), made(optim, name, ours, options)
    together(theirs, ours, [pairs[0]], [pairs[1]])


@pytest.mark.parametrize("seed", range(8))
def test_schedules_in_sequence_have_the_rates_of_pytorch(seed):
    source = np.random.default_rng(seed)
    names = [str(each) for each in source.choice(sorted(SCHEDULES), 3)]
    options = [options_of(name, source) for name in names]
    milestones = sorted(whole(source, 1, 120) for _ in range(2))
    theirs, ours = both(momentum=0.9)
    sequences = []
    for home, optimizer in ((torch.optim.lr_scheduler, theirs), (optim, ours)):
        parts = [made(home, n, optimizer, o) for n, o in zip(names, options, strict=True)]
        sequences.append(home.SequentialLR(optimizer, parts, milestones=list(milestones)))
    together(theirs, ours, sequences[:1], sequences[1:])


@pytest.mark.parametrize("seed", range(4))
def test_schedules_of_one_optimizer_act_together_as_in_pytorch(seed):
    source = np.random.default_rng(seed)
    names = [str(each) for each in source.choice(["StepLR", "ExponentialLR", "LinearLR"], 2)]
    options = [options_of(name, source) for name in names]
    theirs, ours = both(momentum=0.9)
    several = [
        [made(home, n, optimizer, o) for n, o in zip(names, options, strict=True)]
        for home, optimizer in ((torch.optim.lr_scheduler, theirs), (optim, ours))
    ]
    together(theirs, ours, *several)


@pytest.mark.parametrize("name", sorted(set(SCHEDULES) - {"OneCycleLR"}))
def test_schedules_that_go_on_have_the_rates_of_pytorch(name):
    options = options_of(name, np.random.default_rng(5)) | {"last_epoch": 3}
    theirs, ours = both(momentum=0.9)
    for optimizer in (theirs, ours):
        for group in optimizer.param_groups:
            group["initial_lr"] = group["lr"]
    pairs = made(torch.optim.lr_scheduler, name, theirs, options), made(optim, name, ours, options)
    together(theirs, ours, [pairs[0]], [pairs[1]])


CHAINED = sorted(set(SCHEDULES) - {"OneCycleLR", "CosineAnnealingWarmRestarts"})


def unfreeze(theirs, ours):
    """Give both optimizers one more group."""
    theirs.add_param_group({"params": [torch.nn.Parameter(torch.ones(2))], "lr": 0.25})
    ours.add_param_group({"params": [Parameter(np.ones(2))], "lr": 0.25})


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", CHAINED)
def test_schedules_take_another_group_as_in_pytorch(name, seed):
    source = np.random.default_rng([seed, 9, sorted(SCHEDULES).index(name)])
    options = options_of(name, source)
    # Neither side leads a group away from the bottom of the cosine without its initial rate.
    options |= {"T_max": 2 * max(STEPS, 40)} if name == "CosineAnnealingLR" else {}
    theirs, ours = both(momentum=0.9)
    pairs = made(torch.optim.lr_scheduler, name, theirs, options), made(optim, name, ours, options)
    parts = [range(1, 20), range(20, 40), range(40, STEPS + 1)]
    for epochs in parts:
        together(theirs, ours, [pairs[0]], [pairs[1]], epochs)
        unfreeze(theirs, ours)


EDITS = {
    "a group is gone": lambda groups, new: groups.pop(0),
    "reversed": lambda groups, new: groups.reverse(),
    "one more": lambda groups, new: groups[0]["params"].insert(0, new),
    "another head": lambda groups, new: groups[1].update(params=[new]),
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
@pytest.mark.parametrize("kind", ["SGD", "Adam", "RMSprop"])
def test_groups_that_are_edited_keep_the_state_of_pytorch(kind, edit):
    theirs, ours = pair(kind, 1)
    tensors = [tensor for group in theirs.param_groups for tensor in group["params"]]
    twins = dict(zip(tensors, ours.parameters, strict=True))
    new = torch.nn.Parameter(torch.ones(3).double())
    twins[new] = Parameter(np.ones(3))
    source = np.random.default_rng(3)
    for step in range(6):
        if step == 3:
            edit(theirs.param_groups, new)
            edit(ours.param_groups, twins[new])
        for tensor, parameter in twins.items():
            parameter.grad = source.standard_normal(parameter.shape)
            tensor.grad = torch.tensor(parameter.grad)
        theirs.step()
        ours.step()
        for tensor, parameter in twins.items():
            # Six steps of some twenty roundings each.
            np.testing.assert_allclose(parameter.data, tensor.detach(), rtol=0, atol=1e-12)
            assert (tensor in theirs.state) == (parameter in ours.state)


@pytest.mark.parametrize("name", [*CHAINED, "LambdaLR", "ReduceLROnPlateau", "SequentialLR"])
def test_schedules_go_on_from_a_state_of_pytorch(name):
    options = options_of(name, np.random.default_rng(6)) if name in CHAINED else {}
    theirs, ours = both(momentum=0.9)

    def schedule(home, optimizer):
        if name == "SequentialLR":
            parts = [home.ExponentialLR(optimizer, 0.9), home.StepLR(optimizer, 3)]
            return home.SequentialLR(optimizer, parts, [5])
        if name == "LambdaLR":
            return home.LambdaLR(optimizer, lambda epoch: 1 / (1 + epoch))
        return made(home, name, optimizer, options)

    one, other = schedule(torch.optim.lr_scheduler, theirs), schedule(optim, ours)
    metrics = [1.0] if name == "ReduceLROnPlateau" else []
    for _ in range(3):
        theirs.step()
        one.step(*metrics)
    ours.load_state_dict(theirs.state_dict())
    other.load_state_dict(one.state_dict())
    assert "_step_count" not in vars(other)
    for epoch in range(4, 30):
        one.step(*metrics)
        other.step(*metrics)
        compare(theirs, ours, epoch)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("OneCycleLR", {"max_lr": 1.0, "total_steps": 9}),
        ("CosineAnnealingWarmRestarts", {"T_0": 3}),
    ],
)
def test_schedules_of_another_form_refuse_a_state_of_pytorch(name, options):
    theirs, ours = both(momentum=0.9)
    given = made(torch.optim.lr_scheduler, name, theirs, options).state_dict()
    with pytest.raises(ValueError, match=f"^{name}: the state_dict has .*, expected "):
        made(optim, name, ours, options).load_state_dict(given)


def test_plateaus_take_another_group_as_in_pytorch():
    theirs, ours = both(momentum=0.9)
    options = {"factor": 0.5, "patience": 1, "min_lr": 1e-2}
    one = torch.optim.lr_scheduler.ReduceLROnPlateau(theirs, **options)
    other = optim.ReduceLROnPlateau(ours, **options)
    for epoch in range(20):
        if epoch == 10:
            unfreeze(theirs, ours)
        one.step(1.0)
        other.step(1.0)
        assert other.get_last_lr() == one.get_last_lr(), epoch


@pytest.mark.parametrize("seed", range(8))
def test_plateaus_lower_the_rates_as_in_pytorch(seed):
    source = np.random.default_rng(seed)
    options = {
        "mode": ("min", "max")[seed % 2],
        "factor": share(source),
        "patience": whole(source, 0, 8),
        "threshold": float(source.choice([0.0, 1e-4, 0.05])),
        "threshold_mode": ("rel", "abs")[seed // 2 % 2],
        "cooldown": whole(source, 0, 5),
        "min_lr": [1e-3, 1e-5] if flag(source) else 1e-4,
        "eps": float(source.choice([1e-8, 1e-3])),
    }
    theirs, ours = both(momentum=0.9)
    one = torch.optim.lr_scheduler.ReduceLROnPlateau(theirs, **options)
    other = optim.ReduceLROnPlateau(ours, **options)
    sign = 1 if options["mode"] == "min" else -1
    for epoch in range(STEPS):
        value = sign * (1 / (1 + epoch / 10) + 0.3 * float(source.standard_normal()))
        value = float("nan") if source.random() < 0.02 else value
        one.step(value)
        other.step(value)
        assert other.get_last_lr() == one.get_last_lr(), epoch
        assert (other.best, other.num_bad_epochs) == (one.best, one.num_bad_epochs)
