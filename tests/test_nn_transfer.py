"""Loading what matches, freezing by names, new heads, parameter groups."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from scratchcnn import nn, optim


def network(seed=0):
    """Return a network with a normalized convolution as features and a dense head."""
    return nn.Sequential(
        {
            "features": nn.Sequential(
                nn.Conv2d(1, 2, 3, dtype=np.float64, rng=seed),
                nn.BatchNorm2d(2, dtype=np.float64),
                nn.ReLU(),
            ),
            "flatten": nn.Flatten(),
            "head": nn.Linear(18, 3, dtype=np.float64, rng=seed + 1),
        }
    )


NAMES = ["features.0.weight", "features.0.bias", "features.1.weight", "features.1.bias"]
NAMES += ["head.weight", "head.bias"]
STATISTICS = [f"features.1.{each}" for each in ("running_mean", "running_var")]


def images(seed=0):
    return np.random.default_rng(seed).standard_normal((4, 1, 5, 5))


def step(model, parameters=None, **options):
    """Take one step on some loss and return the state before it."""
    before = model.state_dict()
    optimizer = optim.SGD(parameters or model.parameters(), **{"lr": 0.1, **options})
    optimizer.zero_grad()
    y, pullback = model.vjp(images(), input_grad=False)
    pullback(np.cos(y))
    optimizer.step()
    return before


def changed(model, before):
    """Return the names of the entries that differ."""
    return [n for n, array in model.state_dict().items() if (array != before[n]).any()]


# Loading


def test_load_state_dict_that_is_not_strict_takes_the_names_of_both():
    model, other = network(), network(5)
    before, state = model.state_dict(), other.state_dict()
    del state["head.weight"]
    model.load_state_dict(state | {"gain": np.ones(1)}, strict=False)
    for name, array in model.state_dict().items():
        assert_array_equal(array, before[name] if name == "head.weight" else state[name])
    with pytest.raises(ValueError, match=r"^load_state_dict: state_dict lacks \['head\.weight'\]"):
        model.load_state_dict(state)


def test_load_state_dict_that_is_not_strict_still_refuses_other_shapes():
    model = network()
    before = model.state_dict()
    state = {"features.0.bias": np.ones(2), "head.bias": np.ones(7)}
    with pytest.raises(ValueError, match=r"^load_state_dict: head\.bias has shape \(7,\), expecte"):
        model.load_state_dict(state, strict=False)
    assert changed(model, before) == []


def test_load_matching_takes_what_matches_and_tells_the_rest():
    model, state = network(), network(5).state_dict()
    before = model.state_dict()
    state["head.weight"], state["gain"] = np.ones((18, 3)), np.ones(1)
    del state["features.1.running_var"]
    report = nn.load_matching(model, state)
    assert report.missing_keys == ["features.1.running_var"]
    assert report.unexpected_keys == ["gain"]
    assert report.mismatched == {"head.weight": ((3, 18), (18, 3))}
    rest = [n for n in before if n not in (*report.missing_keys, *report.mismatched)]
    assert report.loaded == rest
    for name, array in model.state_dict().items():
        assert_array_equal(array, state[name] if name in rest else before[name])
    assert str(report).splitlines() == [
        "loaded      7 entries",
        "missing     features.1.running_var",
        "unexpected  gain",
        "mismatched  head.weight             (3, 18) here, (18, 3) there",
    ]


def test_load_matching_of_everything_prints_one_line():
    model = network()
    report = nn.load_matching(model, network(5).state_dict())
    assert str(report) == "loaded      9 entries"
    assert report[1:] == ([], [], {})
    assert changed(model, network(5).state_dict()) == []


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (np.ones(3, complex), r"^load_state_dict: head\.bias is of complex128, expected an array"),
        (np.ones(3, int), r"^load_state_dict: head\.bias is of int64, expected an array of float"),
        ([1.0, 2.0, 3.0], r"^load_state_dict: head\.bias is of list, expected an array of float64"),
    ],
)
def test_load_matching_is_all_or_nothing(entry, message):
    model = network()
    before = model.state_dict()
    with pytest.raises(TypeError, match=message):
        nn.load_matching(model, network(5).state_dict() | {"head.bias": entry})
    assert changed(model, before) == []


def test_load_matching_takes_a_mapping_only():
    with pytest.raises(TypeError, match=r"^load_matching: state is a list, expected a mapping$"):
        nn.load_matching(network(), ["head.weight"])


# Freezing


def test_freeze_stops_the_parameters_that_match_and_unfreeze_lets_them_go_on():
    model = network()
    assert nn.freeze(model, "features.*") == NAMES[:4]
    assert [p.requires_grad for p in model.parameters()] == [False] * 4 + [True] * 2
    assert set(changed(model, step(model))) >= {"head.weight", "head.bias"}
    assert [n for n in changed(model, step(model)) if n in NAMES] == NAMES[4:]
    assert nn.unfreeze(model, "*.1.*", "*0.bias") == NAMES[1:4]
    assert [n for n in changed(model, step(model)) if n in NAMES] == NAMES[1:]


def test_freeze_takes_patterns_in_any_order_and_names_each_parameter_once():
    model = network()
    assert nn.freeze(model, "head.*", "*.bias") == [NAMES[1], NAMES[3], *NAMES[4:]]
    assert nn.freeze(model, "*") == NAMES


def test_freeze_drops_gradients_so_that_no_optimizer_moves_the_parameter():
    model = network()
    _, pullback = model.vjp(images())
    pullback(np.ones((4, 3)))
    nn.freeze(model, "head.*")
    assert [p.grad is None for p in model.parameters()] == [False] * 4 + [True] * 2
    before = model.state_dict()
    optim.SGD(model.parameters(), lr=0.1, weight_decay=0.5).step()
    assert [n for n in changed(model, before) if n.startswith("head")] == []
    assert "features.0.weight" in changed(model, before)


def test_frozen_batch_norm_without_statistics_still_follows_its_batches():
    model = network()
    nn.freeze(model, "features.*")
    assert set(STATISTICS) < set(changed(model, step(model)))


def test_frozen_statistics_stay_whatever_train_says():
    model = network()
    model(images(3))
    nn.freeze(model, "features.1.*", statistics=True)
    for _ in range(2):
        before = step(model.train())
        moved = changed(model, before)
        assert [n for n in moved if n.startswith("features.1")] == []
        assert "features.0.weight" in moved
    norm = model.features[1]
    assert not norm.training
    assert model.features.training
    x = np.random.default_rng(1).standard_normal((4, 2, 3, 3))
    assert_array_equal(norm(x), copy.deepcopy(norm).eval()(x))


def test_frozen_statistics_survive_copies_and_pickles():
    model = network()
    nn.freeze(model, "features.*", statistics=True)
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert [n for n in changed(twin, step(twin.train())) if n not in NAMES] == []


def test_unfreeze_gives_batch_norm_the_mode_of_the_model():
    for mode in (True, False):
        model = network().train(mode)
        nn.freeze(model, "features.*", statistics=True)
        nn.unfreeze(model, "features.1.weight")
        norm = model.features[1]
        assert norm.training is mode
        assert [p.requires_grad for p in norm.parameters()] == [True, False]
        assert model.train().features[1].training


def test_unfreeze_of_other_names_leaves_statistics_frozen():
    model = network()
    nn.freeze(model, "features.*", statistics=True)
    nn.unfreeze(model, "features.0.*")
    assert not model.train().features[1].training


def test_statistics_without_parameters_freeze_by_their_own_names():
    model = nn.Sequential(nn.BatchNorm2d(1, affine=False), nn.Flatten(), nn.Linear(25, 3))
    assert nn.freeze(model, "0.*", statistics=True) == []
    assert not model.train()[0].training
    assert nn.unfreeze(model, "0.*") == []
    assert model[0].training
    with pytest.raises(
        ValueError, match=r"^freeze: pattern '0\.\*' matches no parameter, expected"
    ):
        nn.freeze(model, "0.*")


def test_shared_statistics_freeze_under_each_of_their_names():
    for pattern in ("0.*", "1.*"):
        norm = nn.BatchNorm2d(1, affine=False)
        model = nn.Sequential(norm, norm)
        assert nn.freeze(model, pattern, statistics=True) == []
        assert not model.train()[0].training


def test_layers_without_running_statistics_know_no_frozen_ones():
    model = nn.Sequential(nn.BatchNorm2d(1, track_running_stats=False), nn.Dropout(rng=0))
    nn.freeze(model, "0.*", statistics=True)
    assert model.train()[0].training


@pytest.mark.parametrize("function", [nn.freeze, nn.unfreeze], ids=lambda f: f.__name__)
def test_unknown_patterns_are_refused_and_nothing_is_changed(function):
    model = network()
    model.head.bias.requires_grad = False
    name = function.__name__
    message = rf"^{name}: pattern 'layer1\.\*' matches no parameter, expected one for some of featu"
    with pytest.raises(ValueError, match=message):
        function(model, "features.*", "layer1.*")
    with pytest.raises(
        ValueError, match=rf"^{name}: no pattern is given, expected at least one, s"
    ):
        function(model)
    assert [p.requires_grad for p in model.parameters()] == [True] * 5 + [False]


def test_shared_parameters_freeze_under_their_first_name():
    shared = nn.Linear(3, 3, rng=0)
    model = nn.Sequential(shared, shared)
    assert nn.freeze(model, "0.*") == ["0.weight", "0.bias"]
    with pytest.raises(ValueError, match=r"^unfreeze: pattern '1\.\*' matches no parameter"):
        nn.unfreeze(model, "1.*")


# Heads


def test_replace_head_replaces_the_last_dense_layer():
    model, head = network(), nn.Linear(18, 5, dtype=np.float64, rng=9)
    names = list(model.state_dict())
    assert nn.replace_head(model, head) == "head"
    assert model.head is head
    assert list(model.state_dict()) == names
    assert model(images()).shape == (4, 5)


def test_replace_head_reaches_into_containers_and_takes_names():
    model = nn.Sequential(
        {"classifier": nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))}
    )
    assert nn.replace_head(model, nn.Linear(3, 7)) == "classifier.2"
    assert model.classifier[-1].out_features == 7
    head = nn.Sequential(nn.Linear(4, 9), nn.Tanh())
    assert nn.replace_head(model, head, "classifier.0") == "classifier.0"
    assert model.classifier[0] is head
    assert nn.replace_head(model, nn.Identity()) == "classifier.2"


def test_replace_head_replaces_a_shared_module_everywhere():
    shared = nn.Linear(3, 3)
    model = nn.Sequential(nn.Sequential(shared), nn.ReLU(), shared)
    head = nn.Linear(3, 3)
    assert nn.replace_head(model, head) == "2"
    assert model[0][0] is model[2] is head


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda m: nn.replace_head(m, 3), TypeError, "head is a int, expected a Module"),
        (
            lambda m: nn.replace_head(m, nn.Linear(4, 2)),
            ValueError,
            "head takes 4 features, but head takes 18",
        ),
        (
            lambda m: nn.replace_head(m, nn.ReLU(), "fc"),
            ValueError,
            "name is 'fc', expected one of features, features.0, features.1, features.2, flatten, ",
        ),
        (lambda m: nn.replace_head(m, nn.ReLU(), ""), ValueError, "name is '', expected one of"),
        (
            lambda m: nn.replace_head(nn.Linear(4, 2), nn.Linear(4, 3)),
            ValueError,
            "model has no Linear inside, expected one or a name",
        ),
    ],
)
def test_replace_head_refuses_what_does_not_fit(change, error, message):
    model = network()
    before = repr(model)
    with pytest.raises(error, match=f"^replace_head: {message}"):
        change(model)
    assert repr(model) == before


# Groups


def test_parameter_groups_give_each_parameter_to_the_first_pattern_that_matches():
    model = network()
    named = dict(model.named_parameters())
    groups = nn.parameter_groups(model, {"*.bias": {"lr": 0.0}, "features.*": {"lr": 0.5}})
    assert [sorted(group) for group in groups] == [["lr", "params"], ["lr", "params"], ["params"]]
    names = {id(parameter): name for name, parameter in named.items()}
    found = [[names[id(p)] for p in group["params"]] for group in groups]
    assert found == [
        ["features.0.bias", "features.1.bias", "head.bias"],
        ["features.0.weight", "features.1.weight"],
        ["head.weight"],
    ]


def test_parameter_groups_of_one_pattern_for_all_are_one_group():
    model = network()
    (group,) = nn.parameter_groups(model, {"*": {"lr": 1.0}})
    assert group["params"] == model.parameters()


def test_parameter_groups_train_with_rates_of_their_own():
    model = network()
    groups = nn.parameter_groups(model, {"head.*": {"lr": 0.5}, "features.0.*": {"lr": 0.0}})
    before = step(model, groups, lr=0.25)
    moved = [name for name in changed(model, before) if name in NAMES]
    assert moved == NAMES[2:]
    for name, rate in (("head.weight", 0.5), ("features.1.weight", 0.25)):
        parameter = dict(model.named_parameters())[name]
        assert_array_equal(parameter.data, before[name] - rate * parameter.grad)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "no pattern is given, expected at least one, such as"),
        ({"fc.*": {}}, r"pattern 'fc\.\*' matches no parameter, expected one for some of features"),
        ({"*": {}, "head.*": {}}, r"the patterns before 'head\.\*' match all that it matches$"),
    ],
)
def test_parameter_groups_refuse_patterns_that_do_not_fit(options, message):
    with pytest.raises(ValueError, match=f"^parameter_groups: {message}"):
        nn.parameter_groups(network(), options)
