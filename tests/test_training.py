"""The training loop: what it learns, records, keeps after Ctrl-C, shows, and refuses."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from scratchcnn import evaluate, fit, nn, optim
from scratchcnn.training import Epoch, History, predictions


def bars(count=40, dtype=np.float32, seed=0):
    """Return images of 4×4 with noise: class 0 is bright above, class 1 below."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 2
    images = rng.uniform(0, 0.3, (count, 1, 4, 4))
    for image, label in zip(images, labels, strict=True):
        image[0, 2 * label : 2 * label + 2] += 0.7
    return images.astype(dtype), labels


def small(dtype=np.float32, seed=0, dropout=0.0):
    return nn.Sequential(
        nn.Conv2d(1, 3, 3, dtype=dtype, rng=seed),
        nn.ReLU(),
        nn.Flatten(),
        nn.Dropout(dropout),
        nn.Linear(12, 2, dtype=dtype, rng=seed),
        rng=seed,
    )


def exact():
    """Return a model, images and targets of small integers, so that all losses are exact."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(4, 1, dtype=np.float64, rng=0))
    model[1].weight.data = np.array([[1.0, -2, 3, 1]])
    model[1].bias.data = np.array([1.0])
    rng = np.random.default_rng(0)
    images = rng.integers(-3, 4, (5, 1, 2, 2)).astype(float)
    return model, images, rng.integers(0, 2, (5, 1)).astype(float)


def run(model, images, labels, **options):
    options = {"loss": nn.CrossEntropyLoss(), "epochs": 3, "batch_size": 16, "rng": 1} | options
    optimizer = options.pop("optimizer", None) or optim.SGD(model.parameters(), lr=0.3)
    return fit(model, images, labels, optimizer=optimizer, **options)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_fit_learns_a_separable_problem(dtype):
    model = small(dtype)
    history = run(model, *bars(dtype=dtype), epochs=20, validation=bars(20, dtype, seed=9))
    losses = history.column("train_loss")
    assert losses[-1] < 0.1 < losses[0]
    assert history.column("train_accuracy")[-1] == 1
    assert history.epochs[-1].test_accuracy == 1
    assert {weight.data.dtype for weight in model.parameters()} == {np.dtype(dtype)}
    assert not history.interrupted


def test_fit_learns_a_binary_problem_with_one_output_and_adam():
    images, labels = bars()
    model = nn.Sequential(nn.Flatten(), nn.Linear(16, 1, rng=0), nn.Sigmoid())
    optimizer = optim.Adam(model.parameters(), lr=0.1)
    targets = labels[:, None].astype(np.float32)
    history = run(
        model, images, targets, loss=nn.HalfSquaredError(), optimizer=optimizer, epochs=20
    )
    assert history.epochs[-1].train_accuracy == 1
    assert evaluate(model, images, targets, loss=nn.HalfSquaredError()).accuracy == 1


def test_fit_steps_as_written_by_hand():
    images, labels = bars(10)
    model, twin = small(), small()
    history = run(model, images, labels, epochs=2, batch_size=4)
    optimizer, loss = optim.SGD(twin.parameters(), lr=0.3), nn.CrossEntropyLoss()
    source = np.random.default_rng(1)
    for epoch in history.epochs:
        order, total = source.permutation(10), 0.0
        for first in (0, 4, 8):
            batch = order[first : first + 4]
            twin.zero_grad()
            outputs, pullback = twin.vjp(images[batch])
            value, loss_pullback = loss.vjp(outputs, labels[batch])
            pullback(loss_pullback())
            optimizer.step()
            total += float(value) * len(batch)
        assert epoch.train_loss == total / 10
    for name, array in twin.state_dict().items():
        assert_array_equal(model.state_dict()[name], array, strict=True)


def test_fit_steps_its_schedule_once_an_epoch():
    model = small()
    optimizer = optim.SGD(model.parameters(), lr=1.0)
    schedule = optim.SequentialLR(
        optimizer, [optim.LinearLR(optimizer, 0.5), optim.StepLR(optimizer, 1, 0.5)], [2]
    )
    seen = []
    run(
        model,
        *bars(),
        optimizer=optimizer,
        schedule=schedule,
        epochs=4,
        on_epoch=lambda epoch: seen.append(optimizer.param_groups[0]["lr"]),
    )
    # Each epoch is called with the rate that it had; 0.6 is a product with its own rounding.
    assert seen == [0.5, 0.5 * (1 + 0.5 / 2.5), 1.0, 0.5]
    assert schedule.get_last_lr() == [0.25]


@pytest.mark.parametrize("held_out", [False, True])
def test_fit_tells_a_plateau_the_loss_held_out_or_else_of_the_training(held_out):
    class Plateau(optim.ReduceLROnPlateau):
        def step(self, metrics):
            told.append(metrics)
            super().step(metrics)

    told, model = [], small()
    optimizer = optim.SGD(model.parameters(), lr=0.3)
    validation = bars(20, seed=9) if held_out else None
    history = run(
        model, *bars(), optimizer=optimizer, schedule=Plateau(optimizer), validation=validation
    )
    assert told == history.column("test_loss" if held_out else "train_loss")
    assert len(set(told)) == 3


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_fit_and_evaluate_weight_a_smaller_last_batch_by_its_size(reduction):
    model, images, targets = exact()
    loss = nn.MSELoss(reduction=reduction)
    # Batches of 2, 2 and 1, and a rate of 0 that keeps the weights.
    history = run(
        model,
        images,
        targets,
        loss=loss,
        epochs=1,
        batch_size=2,
        optimizer=optim.SGD(model.parameters(), lr=0.0),
    )
    outputs = model(images)
    expected = ((outputs - targets) ** 2).sum() / 5
    right = ((outputs > 0.5) == (targets == 1)).mean()
    assert history.epochs[0].train_loss == expected
    assert history.epochs[0].train_accuracy == right
    result = evaluate(model, images, targets, loss=loss, batch_size=2)
    assert result.loss == expected
    assert result.accuracy == right
    assert_array_equal(result.predictions, (outputs[:, 0] > 0.5).astype(int))


def test_fit_records_each_epoch_and_calls_on_epoch_with_it():
    seen = []
    history = run(small(), *bars(), on_epoch=seen.append)
    assert seen == history.epochs
    assert history.column("epoch") == [1, 2, 3]
    assert history.column("test_loss") == [None] * 3
    assert history.column("test_accuracy") == [None] * 3
    assert all(isinstance(epoch, Epoch) and epoch.seconds >= 0 for epoch in seen)


def test_fit_fills_the_test_columns_with_the_evaluation_after_each_epoch():
    model, test = small(dropout=0.5), bars(7, seed=3)
    checks = []

    def on_epoch(epoch):
        result = evaluate(model, *test, loss=nn.CrossEntropyLoss(), batch_size=16)
        checks.append((result.loss, result.accuracy))

    history = run(model, *bars(), validation=test, on_epoch=on_epoch)
    rows = zip(history.column("test_loss"), history.column("test_accuracy"), strict=True)
    assert list(rows) == checks


def test_fit_for_no_epochs_changes_nothing():
    model = small()
    before = model.state_dict()
    assert run(model, *bars(), epochs=0) == History()
    for name, array in model.state_dict().items():
        assert_array_equal(array, before[name], strict=True)


def test_fit_gives_the_same_bits_for_the_same_seeds():
    def once(order, weights):
        model = small(seed=weights, dropout=0.5)
        history = run(model, *bars(), rng=order)
        return [array.tobytes() for array in model.state_dict().values()], [
            epoch._replace(seconds=0) for epoch in history.epochs
        ]

    first = once(1, 2)
    assert once(1, 2) == first
    assert once(3, 2)[0] != first[0]
    assert once(1, 4)[0] != first[0]


def test_fit_leaves_images_and_labels_as_they_are():
    images, labels = bars()
    copies = images.copy(), labels.copy()
    run(small(), images, labels)
    assert_array_equal(images, copies[0])
    assert_array_equal(labels, copies[1])


def test_fit_adds_the_penalty_to_loss_and_gradients():
    model, images, targets = exact()
    weight = model[1].weight
    before = weight.data
    outputs = model(images)
    history = run(
        model,
        images,
        targets,
        loss=nn.MSELoss(reduction="sum"),
        epochs=1,
        batch_size=5,
        optimizer=optim.SGD(model.parameters(), lr=0.25),
        penalty=nn.L2Penalty([weight], strength=0.5),
    )
    assert history.epochs[0].train_loss == (((outputs - targets) ** 2).sum() + 0.5 * 15) / 5
    slope = 2 * (outputs - targets).T @ images.reshape(5, 4) + 2 * 0.5 * before
    assert_array_equal(weight.data, before - 0.25 * slope)


# Ctrl-C


def test_fit_interrupted_between_epochs_keeps_what_was_learned():
    def stop(epoch):
        if epoch.epoch == 2:
            raise KeyboardInterrupt

    model, twin = small(), small()
    history = run(model, *bars(), epochs=5, on_epoch=stop)
    assert history.interrupted
    assert history.column("epoch") == [1, 2]
    run(twin, *bars(), epochs=2)
    for name, array in twin.state_dict().items():
        assert_array_equal(model.state_dict()[name], array, strict=True)


class Interrupted(nn.CrossEntropyLoss):
    """A loss during whose third call in training someone presses Ctrl-C."""

    calls = 0

    def vjp(self, x, target):
        self.calls += 1
        # The first call is that of the check before any work.
        if self.calls == 4:
            raise KeyboardInterrupt
        return super().vjp(x, target)


def test_fit_interrupted_within_an_epoch_keeps_the_steps_so_far():
    images, labels = bars(32)
    model, twin = small().eval(), small()
    history = run(model, images, labels, batch_size=8, loss=Interrupted())
    assert history.interrupted
    assert history.epochs == []
    assert not model.training
    order = np.random.default_rng(1).permutation(32)[:16]
    # Two batches of the same order make one epoch of a loop that does not shuffle again.
    optimizer = optim.SGD(twin.parameters(), lr=0.3)
    for batch in (order[:8], order[8:]):
        optimizer.zero_grad()
        outputs, pullback = twin.vjp(images[batch])
        pullback(nn.CrossEntropyLoss().vjp(outputs, labels[batch])[1]())
        optimizer.step()
    for name, array in twin.state_dict().items():
        assert_array_equal(model.state_dict()[name], array, strict=True)


def test_fit_lets_other_errors_through_and_restores_the_mode():
    def fail(epoch):
        raise RuntimeError("of the caller")

    model = small().eval()
    with pytest.raises(RuntimeError, match="of the caller"):
        run(model, *bars(), on_epoch=fail)
    assert not model.training


# Evaluation


def test_fit_restores_the_mode_of_each_module():
    model = small()
    model[3].eval()
    run(model, *bars())
    assert model.training
    assert not model[3].training


def test_evaluate_is_in_evaluation_mode_and_restores_each_module():
    model, data = small(dropout=0.5), bars(9)
    model[3].training = False
    modes = [module.training for _, module in model.named_modules()]
    first = evaluate(model, *data, loss=nn.CrossEntropyLoss())
    assert [module.training for _, module in model.named_modules()] == modes
    model[3].training = True
    second = evaluate(model, *data, loss=nn.CrossEntropyLoss())
    assert first.loss == second.loss
    message = r"^evaluate: labels do not fit the model: cross_entropy: target has the label 7"
    with pytest.raises(ValueError, match=message):
        evaluate(model, data[0], data[1] + 7, loss=nn.CrossEntropyLoss())
    assert model.training
    assert model[3].training


def test_evaluate_leaves_the_parameters_and_their_gradients():
    model = small()
    evaluate(model, *bars(9), loss=nn.CrossEntropyLoss())
    assert [parameter.grad for parameter in model.parameters()] == [None] * 4


def test_evaluate_does_not_depend_on_the_batch_size_for_exact_losses():
    model, images, targets = exact()
    results = [
        evaluate(model, images, targets, loss=nn.MSELoss(reduction="sum"), batch_size=size)
        for size in (1, 3, 5, 100)
    ]
    for result in results[1:]:
        assert result[:2] == results[0][:2]
        assert_array_equal(result.predictions, results[0].predictions)


def test_predictions_are_the_largest_of_several_and_the_half_of_one_output():
    assert_array_equal(predictions(np.array([[0.1, 0.7, 0.2], [3.0, 2, 1]])), [1, 0])
    assert_array_equal(predictions(np.array([[0.4], [0.5], [0.6]])), [0, 0, 1])
    with pytest.raises(ValueError, match=r"^predictions: outputs has 1 dimensions, .*\(N, C\)"):
        predictions(np.zeros(3))


# Progress


def test_fit_shows_nothing_where_there_is_no_terminal(capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: False)
    run(small(), *bars())
    run(small(), *bars(), progress=False)
    captured = capsys.readouterr()
    assert captured.out == captured.err == ""


@pytest.mark.parametrize("progress", [True, None])
def test_fit_shows_a_bar_on_the_standard_error_and_learns_the_same(capsys, monkeypatch, progress):
    pytest.importorskip("rich")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    shown, plain = small(), small()
    history = run(shown, *bars(), progress=progress)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "epoch 3/3, loss" in captured.err
    assert len(history.epochs) == 3
    run(plain, *bars(), progress=False)
    for name, array in plain.state_dict().items():
        assert_array_equal(shown.state_dict()[name], array, strict=True)


def test_fit_without_rich_refuses_a_bar_by_name_before_any_step(monkeypatch):
    monkeypatch.setitem(sys.modules, "rich.console", None)
    model = small()
    before = model.state_dict()
    message = r'^fit: progress=True needs the package rich, .*"scratchcnn\[cli\]"'
    with pytest.raises(ImportError, match=message):
        run(model, *bars(), progress=True)
    for name, array in model.state_dict().items():
        assert_array_equal(array, before[name])


def test_fit_without_rich_trains_silently_even_at_a_terminal(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "rich.console", None)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert len(run(small(), *bars()).epochs) == 3
    assert capsys.readouterr().err == ""


# What they refuse


def call_fit(**options):
    images, labels = bars(6)
    options = {"images": images, "labels": labels, **options}
    return run(small(), options.pop("images"), options.pop("labels"), **options)


def call_evaluate(**options):
    images, labels = bars(6)
    options = {"images": images, "labels": labels, "loss": nn.CrossEntropyLoss(), **options}
    return evaluate(small(), options.pop("images"), options.pop("labels"), **options)


both = pytest.mark.parametrize(("name", "call"), [("fit", call_fit), ("evaluate", call_evaluate)])


@both
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"labels": np.zeros(5, int)},
            r"labels has shape \(5,\), but images has \(6, 1, 4, 4\); expected one label for each",
        ),
        (
            {"images": np.zeros((0, 1, 4, 4)), "labels": np.zeros(0, int)},
            r"labels has shape \(0,\), but images has \(0, 1, 4, 4\); .* and at least one",
        ),
        ({"labels": np.array(1)}, r"labels has shape \(\), but images has \(6, 1, 4, 4\)"),
        ({"images": np.array(1.0)}, r"labels has shape \(6,\), but images has \(\)"),
        (
            {"loss": nn.CrossEntropyLoss(reduction="none")},
            "the loss has reduction='none', expected 'mean' or 'sum'",
        ),
        ({"batch_size": 0}, "batch_size is 0, expected at least 1"),
    ],
)
def test_fit_and_evaluate_refuse_what_does_not_fit(name, call, options, message):
    with pytest.raises(ValueError, match=f"^{name}: {message}"):
        call(**options)


@both
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"images": [[1.0]]}, "images is a list, expected a NumPy array of float32 or float64"),
        ({"images": np.zeros((6, 1, 4, 4), np.uint8)}, "images has dtype uint8, expected float32"),
        ({"labels": [0, 1] * 3}, "labels is a list, expected a NumPy array"),
        ({"batch_size": 2.5}, "batch_size is 2.5, expected an integer of at least 1"),
    ],
)
def test_fit_and_evaluate_refuse_other_types(name, call, options, message):
    with pytest.raises(TypeError, match=f"^{name}: {message}"):
        call(**options)


def test_fit_refuses_other_epochs_and_validation_data():
    with pytest.raises(ValueError, match=r"^fit: epochs is -1, expected at least 0"):
        call_fit(epochs=-1)
    with pytest.raises(TypeError, match=r"^fit: epochs is '3', expected an integer"):
        call_fit(epochs="3")
    images, labels = bars(6)
    with pytest.raises(ValueError, match=r"^fit validation: labels has shape \(5,\), but images"):
        call_fit(validation=(images, labels[:5]))


def test_fit_refuses_bad_labels_before_any_step():
    model, (images, labels) = small(), bars(16)
    before = model.state_dict()
    labels = labels.copy()
    labels[-1] = 7
    with pytest.raises(ValueError, match=r"^fit: labels do not fit the model: cross_entropy: targ"):
        run(model, images, labels, batch_size=4)
    with pytest.raises(ValueError, match=r"^fit validation: labels do not fit the model"):
        run(model, *bars(16), validation=(images, labels))
    with pytest.raises(TypeError, match=r"^fit: validation is 3, expected \(images, labels\)"):
        run(model, *bars(16), validation=3)
    assert model.training
    for name, array in before.items():
        assert_array_equal(model.state_dict()[name], array)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"model": None}, TypeError, "fit: model is a NoneType, expected a Module"),
        ({"loss": max}, TypeError, "fit: loss is a builtin_function_or_method, expected one such"),
        ({"optimizer": 3}, TypeError, "fit: optimizer is a int, expected an Optimizer"),
        (
            {"optimizer": optim.SGD(small().parameters(), lr=0.1)},
            ValueError,
            "fit: optimizer has no parameter of model",
        ),
        ({"schedule": 3}, TypeError, "fit: schedule is a int, expected one such as optim.StepLR"),
        (
            {"schedule": optim.StepLR(optim.SGD(small().parameters(), lr=0.1), 1)},
            ValueError,
            "fit: schedule is of another optimizer, expected the one given",
        ),
        ({"rng": "x"}, TypeError, "fit: rng is 'x', expected a numpy.random.Generator, a seed"),
        ({"rng": -1}, ValueError, "fit: rng is -1, expected a numpy.random.Generator, a seed"),
    ],
)
def test_fit_refuses_what_is_not_what_it_is_called(change, error, message):
    model = small()
    options = {
        "model": model,
        "loss": nn.CrossEntropyLoss(),
        "optimizer": optim.SGD(model.parameters(), lr=0.1),
    }
    options |= change
    model = options.pop("model")
    with pytest.raises(error, match="^" + message):
        fit(model, *bars(8), **options)


def test_evaluate_of_weighted_and_ignored_targets_does_not_depend_on_the_batch_size():
    model, (images, labels) = small(np.float64), bars(12, np.float64)
    labels[::3] = -100
    loss = nn.CrossEntropyLoss(np.array([1.0, 10.0]))
    one, all_at_once = (evaluate(model, images, labels, loss=loss, batch_size=b) for b in (1, 64))
    # Only the products of layers may be summed in another order.
    assert abs(one.loss - all_at_once.loss) <= 1e-13 * all_at_once.loss
    assert one.accuracy == all_at_once.accuracy
    counted = labels != -100
    assert one.accuracy == (one.predictions == labels)[counted].mean()


def test_accuracy_of_target_probabilities_is_that_of_their_largest():
    model, (images, labels) = small(), bars(20)
    shares = np.where(np.eye(2, dtype=bool)[labels], 0.75, 0.25).astype(np.float32)
    loss = nn.CrossEntropyLoss()
    assert (
        evaluate(model, images, shares, loss=loss).accuracy
        == evaluate(model, images, labels, loss=loss).accuracy
    )


def test_accuracy_of_logits_takes_the_threshold_of_their_loss():
    model, images, targets = exact()
    logits = model(images)[:, 0]
    # Between 0 and 1/2 the two thresholds differ.
    model[1].bias.data = np.array([0.25])
    logits = model(images)[:, 0]
    assert np.any((logits > 0) & (logits <= 0.5))
    result = evaluate(model, images, targets, loss=nn.BCEWithLogitsLoss())
    assert_array_equal(result.predictions, logits > 0)
