"""Two networks compared layer by layer: the guilty one is named, and only a guilty one."""

from __future__ import annotations

import numpy as np
import pytest

from reference_tests.networks import compare
from scratchcnn import functional as F
from scratchcnn import models, nn, optim

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
interop = pytest.importorskip("scratchcnn.interop.torch")

RNG = np.random.default_rng(0)
X = RNG.standard_normal((3, 2, 8, 8))


def network(rng=0, dtype=np.float64, **replaced):
    """A small residual network, with layers put in the place of its own."""
    layers = {
        "conv": nn.Conv2d(2, 4, (3, 2), padding=(1, 0), rng=rng, dtype=dtype),
        "norm": nn.BatchNorm2d(4, dtype=dtype),
        "block": nn.Residual(
            nn.Sequential(nn.Conv2d(4, 4, 3, padding=1, rng=rng + 1, dtype=dtype), nn.ReLU())
        ),
        "pool": nn.MaxPool2d(2),
        "flatten": nn.Flatten(),
        "fc": nn.Linear(48, 3, rng=rng + 2, dtype=dtype),
    }
    return nn.Sequential({**layers, **replaced})


def theirs(model):
    return interop.to_torch(model)


class Rotated(nn.Conv2d):
    """A convolution whose weight gradient is rotated."""

    def vjp(self, x, input_grad=True):
        output, pullback = super().vjp(x, input_grad)

        def pull(grad_output):
            self.weight.grad = None
            grad = pullback(grad_output)
            self.weight.grad = self.weight.grad[..., ::-1, ::-1].copy()
            return grad

        return output, pull


class ChannelsLast(nn.Flatten):
    """A flattening of NHWC."""

    def vjp(self, x, input_grad=True):
        moved = x.transpose(0, 2, 3, 1)
        flat = moved.reshape(len(x), -1).copy()
        return flat, lambda grad: grad.reshape(moved.shape).transpose(0, 3, 1, 2).copy()


class NoShortcut(nn.Residual):
    """A residual block that forgets the shortcut's gradient."""

    def vjp(self, x, input_grad=True):
        output, pullback = self.main.vjp(x, input_grad)
        return output + x, pullback


class Dropped(nn.Residual):
    """A residual block without its shortcut."""

    def vjp(self, x, input_grad=True):
        return self.main.vjp(x, input_grad)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_same_networks_agree(dtype):
    report = compare(network(1, dtype), theirs(network(0, dtype)), X.astype(dtype))
    assert report.ok, report.text()
    assert {layer.name: layer.operation for layer in report} == {
        "conv": "conv2d",
        "norm": "batch_norm",
        "block.main.0": "conv2d",
        "block.main.1": "relu",
        "block.shortcut": "",
        "pool": "max_pool2d",
        "flatten": "flatten",
        "fc": "linear",
    }
    # Every gradient counts.
    assert set(report["conv"].units) == {"output", "grad_input", "grad_weight", "grad_bias"}
    assert "the networks agree" in report.text()
    report.assert_ok()


def test_both_networks_have_their_own_weights_and_gradients_afterwards():
    ours, reference = network(1), theirs(network(0))
    ours.parameters()[0].grad = kept = np.ones(ours.parameters()[0].shape)
    before = ours.state_dict(), {n: t.clone() for n, t in reference.state_dict().items()}
    compare(ours, reference, X)
    assert ours.parameters()[0].grad is kept
    for name, array in ours.state_dict().items():
        np.testing.assert_array_equal(array, before[0][name])
    for name, tensor in reference.state_dict().items():
        np.testing.assert_array_equal(tensor, before[1][name])


@pytest.mark.parametrize(
    ("name", "wrong", "quantities", "faults"),
    [
        (
            "conv",
            lambda: Rotated(2, 4, (3, 2), padding=(1, 0), dtype=np.float64),
            {"grad_weight"},
            ["conv/weight-grad-rotated"],
        ),
        ("flatten", ChannelsLast, {"output", "grad_input"}, None),
        ("norm", lambda: nn.BatchNorm2d(4, eps=0.1, dtype=np.float64), {"output"}, None),
        ("pool", lambda: nn.AvgPool2d(2), {"output", "grad_input"}, None),
    ],
)
def test_the_guilty_layer_is_named_and_no_other(name, wrong, quantities, faults):
    report = compare(network(**{name: wrong()}), theirs(network()), X)
    assert not report.ok
    assert report.first is report[name]
    assert quantities <= set(report.first.wrong)
    assert [layer.name for layer in report if not layer.ok] == [name]
    assert faults is None or report.first.diagnosis == faults
    marked = [line for line in report.text().splitlines() if "guilty" in line]
    assert len(marked) == 1
    assert name in marked[0]
    with pytest.raises(AssertionError, match=f"{name}: .* is wrong on the reference's own input"):
        report.assert_ok()


def test_a_shortcut_without_a_gradient_is_the_fault_of_no_layer():
    wrong = network()
    wrong.block.__class__ = NoShortcut
    report = compare(wrong, theirs(network()), X)
    assert not report.ok
    assert all(not layer.wrong for layer in report)
    assert report.first.name == "norm"
    assert set(report.first.connection) == {"grad_output"}
    assert "what connects them is wrong" in report.text()


def test_a_missing_shortcut_is_seen_where_its_sum_arrives():
    wrong = network()
    wrong.block.__class__ = Dropped
    report = compare(wrong, theirs(network()), X)
    assert report.first.name == "pool"
    assert "input" in report.first.connection


def test_a_shared_weight_whose_gradient_is_overwritten_is_told():
    class Overwriting(nn.Linear):
        def vjp(self, x, input_grad=True):
            output, pullback = super().vjp(x, input_grad)

            def pull(grad_output):
                self.weight.grad = None
                return pullback(grad_output)

            return output, pull

    def twice(kind):
        shared = kind(5, 5, rng=0, dtype=np.float64)
        return nn.Sequential({"a": shared, "b": nn.Tanh(), "c": shared})

    x = RNG.standard_normal((4, 5))
    assert compare(twice(nn.Linear), theirs(twice(nn.Linear)), x).ok
    report = compare(twice(Overwriting), theirs(twice(nn.Linear)), x)
    assert list(report.whole) == ["grad of a.weight"]
    assert "not the sum over the calls" in report.whole["grad of a.weight"]


def test_names_may_differ_if_the_order_is_the_same_or_a_table_says_so():
    def other():
        return nn.Sequential({f"layer{i}": layer for i, layer in enumerate(network())})

    assert compare(network(1), theirs(other()), X).ok

    class Swapped(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.last, self.first = torch.nn.Linear(4, 4), torch.nn.Linear(4, 4)

        def forward(self, x):
            return self.last(torch.relu(self.first(x)))

    ours = nn.Sequential({"one": nn.Linear(4, 4), "act": nn.ReLU(), "two": nn.Linear(4, 4)})
    x = RNG.standard_normal((3, 4)).astype(np.float32)
    report = compare(ours, Swapped(), x, names={"one": "first", "two": "last"})
    assert report.ok, report.text()
    assert report.notes == ["not compared, only in ours: act"]


def test_pairs_of_names_and_functions_are_a_network():
    x, weight = RNG.standard_normal((3, 4)), RNG.standard_normal((2, 4))

    def dense(right):
        def call(x):
            scale = 1 if right else 2
            return x @ weight.T, lambda grad: (grad @ weight, scale * grad.T @ x)

        return call

    def act(x):
        y = np.tanh(x)
        return y, lambda grad: grad * (1 - y**2)

    reference = nn.Sequential(
        {"fc": nn.Linear(4, 2, bias=False, dtype=np.float64), "act": nn.Tanh()}
    )
    reference.fc.weight.data = weight.copy()
    for right in (True, False):
        report = compare([("fc", dense(right)), ("act", act)], reference, x)
        assert report.ok == right, report.text()
        assert set(report["fc"].wrong) == (set() if right else {"grad_weight"})
    # Two lists have no definition to judge by: the other side's spread must do.
    chain = [("fc", dense(True)), ("act", act)]
    assert compare(chain, chain, x).ok
    assert not compare([("fc", dense(False)), ("act", act)], chain, x).ok


class Raising(nn.Module):
    """Raises on the way forward, or on the way back."""

    def __init__(self, forward):
        self.forward = forward

    def vjp(self, x, input_grad=True):
        if self.forward:
            raise RuntimeError("out of ideas")

        def pull(grad_output):
            raise RuntimeError("out of ideas")

        return np.maximum(x, 0), pull


@pytest.mark.parametrize(
    ("forward", "quantity", "first"), [(True, "output", "b"), (False, "grad_input", "c")]
)
def test_a_layer_that_raises_is_told(forward, quantity, first):
    ours = nn.Sequential({"a": nn.ReLU(), "b": Raising(forward), "c": nn.LeakyReLU(0.2)})
    right = nn.Sequential({"a": nn.ReLU(), "b": nn.ReLU(), "c": nn.LeakyReLU(0.1)})
    report = compare(ours, right, X)
    assert "out of ideas" in report.whole["call"]
    assert report["b"].wrong == {quantity: "raised RuntimeError: out of ideas"}
    # What comes after it is judged all the same.
    assert (report["a"].ok, report["c"].ok) == (True, False)
    assert report.first.name == first
    assert f"b: Raising wrong: {quantity}" in report.text()


def test_a_function_that_raises_is_guilty():
    def relu(x):
        return np.maximum(x, 0), lambda grad: grad * (x > 0)

    def raising(x):
        raise RuntimeError("out of ideas")

    report = compare([("a", relu), ("b", raising), ("c", relu)], [(n, relu) for n in "abc"], X)
    assert report.first.name == "b"
    assert [layer.ok for layer in report] == [True, False, True]


def test_a_reference_of_nan_is_refused():
    right = network()
    right.block.main[0].weight.data[0] = np.nan
    with pytest.raises(ValueError, match=r"compare: output of block\.main\.0 is NaN in the ref"):
        compare(network(), right, X)


def test_a_layer_that_draws_is_not_compared():
    ours = nn.Sequential({"drop": nn.Dropout(0.5, rng=0), "fc": nn.Linear(4, 2, rng=0)})
    x = RNG.standard_normal((3, 4)).astype(np.float32)
    report = compare(ours, theirs(ours), x)
    assert report.ok, report.text()
    assert "draws at random" in report.text()
    assert compare(ours.eval(), theirs(ours), x).ok


@pytest.mark.parametrize(("factor", "ok"), [(1.0, True), (1.01, False)])
def test_weights_after_training_are_compared(factor, ok):
    target = RNG.standard_normal((3, 3))

    def ours(model, steps):
        optimizer = optim.SGD(model.parameters(), lr=0.01 * factor)
        for _ in range(steps):
            model.zero_grad()
            output, pullback = model.vjp(X)
            pullback(F.mse_loss_input_grad(np.array(1.0), output, target))
            optimizer.step()

    def reference(model, steps):
        optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
        for _ in range(steps):
            optimizer.zero_grad()
            torch.nn.functional.mse_loss(model(torch.tensor(X)), torch.tensor(target)).backward()
            optimizer.step()

    report = compare(network(1), theirs(network()), X, train=(ours, reference), steps=5)
    assert report.ok == ok, report.text()
    if not ok:
        assert any("after 5 steps" in name for name in report.whole)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((3, network(), X), TypeError, "ours is a int, expected a torch.nn.Module"),
        ((network(), network(), X.tolist()), TypeError, "x is of list, expected float32"),
        ((network(), network(), X.astype(int)), TypeError, "x is of int64, expected float32"),
        (
            (network(), nn.Sequential(nn.ReLU()), X),
            ValueError,
            "theirs has no weight for conv.weight",
        ),
        (
            (nn.Sequential(nn.Linear(2, 3)), nn.Sequential(nn.Linear(2, 4)), X[0, 0, :, :2]),
            ValueError,
            r"0.weight has shape \(3, 2\), but 0.weight of theirs \(4, 2\)",
        ),
        (
            (nn.Sequential({"a": nn.ReLU()}), nn.Sequential({"b": nn.Tanh()}), X),
            ValueError,
            "the layers do not match by name or order",
        ),
        (([("a", abs), ("a", abs)], network(), X), ValueError, "two layers of one name"),
    ],
)
def test_what_cannot_be_compared_is_told_before_any_work(arguments, error, message):
    with pytest.raises(error, match=message):
        compare(*arguments)


def test_a_reference_that_fails_or_a_wrong_name_is_told():
    with pytest.raises(ValueError, match="the reference raised"):
        compare(network(), theirs(network()), X[:, :1])
    with pytest.raises(ValueError, match=r"names has \['cnv'\], which ours lacks"):
        compare(network(), theirs(network()), X, names={"cnv": "conv"})
    with pytest.raises(ValueError, match="grad_output has shape"):
        compare(network(), theirs(network()), X, grad_output=np.ones((1, 1)))


def test_the_report_is_plain_data_too():
    report = compare(network(flatten=ChannelsLast()), theirs(network()), X)
    plain = report.to_dict()
    assert (plain["ok"], plain["first"], plain["schema"]) == (False, "flatten", 1)
    assert [layer["name"] for layer in plain["layers"]] == [layer.name for layer in report]
    with pytest.raises(KeyError):
        report["no such layer"]


def test_a_residual_network_of_pytorch_agrees_with_ours():
    ours = models.resnet18(num_classes=3, width=4, rng=1)
    reference = theirs(models.resnet18(num_classes=3, width=4, rng=0))
    x = RNG.standard_normal((2, 3, 32, 32)).astype(np.float32)
    report = compare(ours, reference, x)
    assert report.ok, report.text()
    assert len(report.layers) == 60
    # A layer that is called twice has a line for each call.
    assert "relu (call 2)" in report.text()
