"""Containers: residual sums, joined branches, bodies; shared users, modes, and what they refuse."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from scratchcnn import gradcheck_module, nn


def integers(*shape, seed=0):
    return np.random.default_rng(seed).integers(-5, 6, shape).astype(np.float64)


def linear(inputs, outputs, seed=0):
    """Return a dense layer of small integers, so that all sums are exact."""
    layer = nn.Linear(inputs, outputs, dtype=np.float64, rng=0)
    layer.weight.data = integers(outputs, inputs, seed=seed)
    layer.bias.data = integers(outputs, seed=seed + 1)
    return layer


def conv(inputs, outputs, seed=0):
    layer = nn.Conv2d(inputs, outputs, 3, padding=1, dtype=np.float64, rng=0)
    layer.weight.data = integers(outputs, inputs, 3, 3, seed=seed)
    layer.bias.data = integers(outputs, seed=seed + 1)
    return layer


def gradients(module, x, g):
    """Return the output, the gradient of x, and those of the parameters by name."""
    module.zero_grad()
    y, pullback = module.vjp(x)
    grad = pullback(g)
    return y, grad, {name: p.grad for name, p in module.named_parameters()}


# Identity


def test_identity_is_its_own_pullback_and_copies():
    x, g = integers(2, 3), integers(2, 3, seed=1)
    y, pullback = nn.Identity().vjp(x)
    for result, given in ((y, x), (pullback(g), g)):
        assert_array_equal(result, given)
        assert not np.shares_memory(result, given)
    assert nn.Identity().vjp(x, input_grad=False)[1](g) is None
    assert list(nn.Identity().state_dict()) == []


# Residual


def test_residual_adds_outputs_and_gradients():
    main, shortcut = linear(3, 4), linear(3, 4, seed=5)
    x, g = integers(2, 3), integers(2, 4, seed=1)
    y, grad, grads = gradients(nn.Residual(main, shortcut), x, g)
    parts = [gradients(each, x, g) for each in (main, shortcut)]
    assert_array_equal(y, parts[0][0] + parts[1][0])
    assert_array_equal(grad, parts[0][1] + parts[1][1])
    for name, (_, _, alone) in zip(("main", "shortcut"), parts, strict=True):
        assert_array_equal(grads[f"{name}.weight"], alone["weight"])


def test_residual_has_the_identity_as_shortcut():
    main, x, g = linear(3, 3), integers(2, 3), integers(2, 3, seed=1)
    y, grad, _ = gradients(nn.Residual(main), x, g)
    assert_array_equal(y, main(x) + x)
    assert_array_equal(grad, g @ main.weight.data + g)


def test_residual_of_nothing_doubles():
    x, g = integers(2, 3), integers(2, 3, seed=1)
    y, pullback = nn.Residual(nn.Sequential()).vjp(x)
    assert_array_equal(y, 2 * x)
    assert_array_equal(pullback(g), 2 * g)


def test_residual_is_blind_to_the_exchange_of_its_ways():
    one, two = conv(2, 3), conv(2, 3, seed=7)
    x, g = integers(2, 2, 4, 5), integers(2, 3, 4, 5, seed=1)
    first = gradients(nn.Residual(one, two), x, g)
    second = gradients(nn.Residual(two, one), x, g)
    assert_array_equal(first[0], second[0])
    assert_array_equal(first[1], second[1])
    assert_array_equal(first[2]["main.weight"], second[2]["shortcut.weight"])


def test_residual_needs_no_gradient_of_its_input():
    model = nn.Residual(linear(3, 3))
    x, g = integers(2, 3), integers(2, 3, seed=1)
    _, _, expected = gradients(model, x, g)
    model.zero_grad()
    assert model.vjp(x, input_grad=False)[1](g) is None
    for name, parameter in model.named_parameters():
        assert_array_equal(parameter.grad, expected[name])


def test_residual_without_layers_needs_no_gradient_either():
    _, pullback = nn.Residual(nn.Sequential()).vjp(integers(2, 3), input_grad=False)
    assert pullback(integers(2, 3)) is None


def test_residual_overflows_without_a_warning():
    x = np.full(2, 1e308)
    y, pullback = nn.Residual(nn.Identity()).vjp(x)
    assert_array_equal(y, np.inf)
    assert_array_equal(pullback(x), np.inf)


def test_residual_blocks_agree_with_central_differences():
    inner = nn.Residual(nn.Sequential(conv(2, 3), nn.Tanh(), conv(3, 2)))
    model = nn.Sequential(nn.Residual(inner, conv(2, 2)), nn.Tanh())
    for parameter in model.parameters():
        parameter.data = 0.05 * parameter.data
    gradcheck_module(model, np.random.default_rng(0).standard_normal((2, 2, 3, 4)))


# Concat


def test_concat_joins_the_outputs_and_adds_the_gradients():
    branches = {"a": conv(2, 3), "b": nn.Identity(), "c": conv(2, 1, seed=9)}
    model = nn.Concat(branches)
    x, g = integers(2, 2, 4, 5), integers(2, 6, 4, 5, seed=1)
    y, grad, grads = gradients(model, x, g)
    shares = {"a": g[:, :3], "b": g[:, 3:5], "c": g[:, 5:]}
    parts = {name: gradients(each, x, shares[name]) for name, each in branches.items()}
    for name, share in (("a", y[:, :3]), ("b", y[:, 3:5]), ("c", y[:, 5:])):
        assert_array_equal(share, parts[name][0])
    assert_array_equal(grad, sum(part[1] for part in parts.values()))
    assert list(grads) == ["a.weight", "a.bias", "c.weight", "c.bias"]
    for name, each in grads.items():
        assert_array_equal(each, parts[name[0]][2][name[2:]])


@pytest.mark.parametrize("dim", [0, 1, 2, -1, -3])
def test_concat_of_two_identities_repeats_along_its_axis(dim):
    x = integers(2, 3, 4)
    y, pullback = nn.Concat(nn.Identity(), nn.Identity(), dim=dim).vjp(x)
    assert_array_equal(y, np.concatenate([x, x], dim))
    g = integers(*y.shape, seed=1)
    assert_array_equal(pullback(g), sum(np.split(g, 2, dim)))


def test_concat_of_one_branch_is_that_branch():
    x, g = integers(2, 3), integers(2, 3, seed=1)
    y, pullback = nn.Concat(nn.Identity()).vjp(x)
    assert_array_equal(y, x)
    grad = pullback(g)
    assert_array_equal(grad, g)
    assert not np.shares_memory(grad, g)
    assert not np.shares_memory(y, x)


def test_concat_numbers_its_branches_and_shows_its_axis():
    model = nn.Concat(nn.ReLU(), nn.Tanh(), dim=-1)
    assert [name for name, _ in model.named_children()] == ["0", "1"]
    assert repr(model) == "Concat(dim=-1\n  (0): ReLU()\n  (1): Tanh()\n)"


def test_concat_keeps_branches_of_other_widths_apart():
    model = nn.Concat(linear(3, 2), linear(3, 4), linear(3, 1))
    x = integers(5, 3)
    assert model(x).shape == (5, 7)
    assert_array_equal(model(x)[:, 2:6], linear(3, 4)(x))


# Shared modules, names, modes


def test_module_with_several_users_gets_the_sum_of_its_gradients():
    shared = linear(3, 3)
    x, g = integers(2, 3), integers(2, 3, seed=1)
    model = nn.Residual(nn.Sequential(shared, shared), shared)
    y, grad, grads = gradients(model, x, g)
    w, b = shared.weight.data, shared.bias.data
    below = g @ w
    assert_array_equal(y, (x @ w.T + b) @ w.T + b + (x @ w.T + b))
    assert_array_equal(grad, below @ w + g @ w)
    assert list(grads) == ["main.0.weight", "main.0.bias"]
    assert_array_equal(grads["main.0.weight"], g.T @ (x @ w.T + b) + below.T @ x + g.T @ x)
    assert_array_equal(grads["main.0.bias"], (2 * g + below).sum(0))


def test_parameter_with_several_users_gets_the_sum_of_its_gradients():
    one, two = linear(3, 2), linear(3, 2, seed=4)
    two.weight = one.weight
    x, g = integers(2, 3), integers(2, 4, seed=1)
    _, _, grads = gradients(nn.Concat(one, two), x, g)
    assert list(grads) == ["0.weight", "0.bias", "1.bias"]
    assert_array_equal(grads["0.weight"], (g[:, :2] + g[:, 2:]).T @ x)


def test_modes_reach_into_branches():
    model = nn.Residual(nn.Concat(nn.Dropout(rng=0)), nn.Sequential(nn.Dropout(rng=1)))
    for module in (model.main, model.shortcut):
        assert module.training
    model.eval()
    assert not any(module.training for _, module in model.named_modules())
    x = np.ones((2, 3))
    assert_array_equal(model(x), 2 * x)


def test_sequential_seeds_dropout_inside_branches():
    def build(seed):
        return nn.Sequential(nn.Concat(nn.Dropout(), nn.Residual(nn.Dropout())), rng=seed)

    x = np.ones((4, 9))
    assert_array_equal(build(1)(x), build(1)(x))
    assert (build(1)(x) != build(2)(x)).any()


# Composite


class Block(nn.Composite):
    """The names are of the parts, the arrangement is of the body."""

    def __init__(self):
        self.fc2, self.fc1, self.act = linear(4, 3, seed=3), linear(3, 4), nn.Tanh()

    def body(self):
        return nn.Sequential(nn.Residual(nn.Sequential(self.fc1, self.act, self.fc2)), self.act)


def test_composite_computes_what_its_body_does_under_names_of_its_own():
    block, x, g = Block(), integers(2, 3), integers(2, 3, seed=1)
    names = ["fc2.weight", "fc2.bias", "fc1.weight", "fc1.bias"]
    assert list(block.state_dict()) == names
    y, grad, grads = gradients(block, x, g)
    expected = gradients(block.body(), x, g)
    assert_array_equal(y, expected[0])
    assert_array_equal(grad, expected[1])
    assert sorted(grads) == sorted(names)
    block.zero_grad()
    assert block.vjp(x, input_grad=False)[1](g) is None
    for name, parameter in block.named_parameters():
        assert_array_equal(parameter.grad, grads[name])
    assert_array_equal(
        y,
        np.tanh(
            x
            + np.tanh(x @ block.fc1.weight.data.T + block.fc1.bias.data) @ block.fc2.weight.data.T
            + block.fc2.bias.data
        ),
    )


def test_composite_without_a_body_says_so():
    with pytest.raises(NotImplementedError, match=r"^Composite defines no body$"):
        nn.Composite()(np.ones(2))


# What they refuse


@pytest.mark.parametrize(
    ("build", "error", "message"),
    [
        (lambda: nn.Residual(None), TypeError, "Residual: main is a NoneType, expected a Module"),
        (
            lambda: nn.Residual(nn.ReLU(), 3),
            TypeError,
            "Residual: shortcut is a int, expected a Module",
        ),
        (lambda: nn.Concat(), ValueError, "Concat: branches has none, expected at least one Mod"),
        (lambda: nn.Concat({}), ValueError, "Concat: branches has none, expected at least one"),
        (lambda: nn.Concat(nn.ReLU), TypeError, "Concat: layer '0' is a type, expected a Module"),
        (lambda: nn.Concat({"dim": nn.ReLU()}), ValueError, "Concat: 'dim' is no free name for a"),
        (lambda: nn.Concat({"a.b": nn.ReLU()}), ValueError, "Concat: 'a.b' is no free name for a"),
        (lambda: nn.Concat(nn.ReLU(), dim=1.0), TypeError, "Concat: dim is 1.0, expected an int"),
        (
            lambda: nn.Residual(linear(3, 4))(integers(2, 3)),
            ValueError,
            r"Residual: main returns \(2, 4\), but shortcut \(2, 3\); expected one shape$",
        ),
        (
            lambda: nn.Residual(linear(3, 1))(integers(2, 3)),
            ValueError,
            r"Residual: main returns \(2, 1\), but shortcut \(2, 3\)",
        ),
        (
            lambda: nn.Concat({"a": nn.ReLU(), "b": nn.MaxPool2d(2)})(integers(2, 3, 4, 4)),
            ValueError,
            r"Concat: branch 'b' returns \(2, 3, 2, 2\), but 'a' \(2, 3, 4, 4\); expected one "
            r"shape except on axis 1$",
        ),
        (
            lambda: nn.Concat(nn.ReLU(), nn.Flatten())(integers(2, 3, 4, 4)),
            ValueError,
            r"Concat: branch '1' returns \(2, 48\), but '0' \(2, 3, 4, 4\)",
        ),
        (
            lambda: nn.Concat(nn.ReLU(), dim=2)(integers(2, 3)),
            ValueError,
            "Concat: dim is 2, but the outputs have 2 axes$",
        ),
    ],
)
def test_containers_refuse_what_does_not_fit(build, error, message):
    with pytest.raises(error, match=f"^{message}"):
        build()
