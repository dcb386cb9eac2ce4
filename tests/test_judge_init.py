"""The file to begin with, in every style."""

from __future__ import annotations

import ast
import importlib.util
import re
from pathlib import Path

import pytest

from reference_tests import CATALOGUE, cli, verify
from reference_tests.commands.init import DEFAULT
from reference_tests.implementation import load
from reference_tests.starting import STYLES, written

SOME = [*DEFAULT, "batch_norm", "mse_loss", "conv_transpose3d", "dropout", "adam"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def needed(style):
    if style == "module" and importlib.util.find_spec("torch") is None:
        pytest.skip("modules need PyTorch")


@pytest.mark.parametrize("style", STYLES)
def test_the_file_is_judged_at_once_and_nothing_is_written_yet(folder, style, capsys):
    needed(style)
    given = [word for name in SOME for word in ("--operation", name)]
    assert cli.main(["init", f"mine_{style}.py", "--style", style, *given]) == 0
    assert f"reference-tests mine_{style}.py:subject" in capsys.readouterr().out
    subject = load(f"{folder}/mine_{style}.py:subject")
    assert (subject.name, [*subject.operations]) == (f"mine_{style}", SOME)
    report = verify(subject, ["linear"], [], examples=1, dtypes=["float64"])
    assert [one.status for one in report] == ["unsupported"]
    assert all("is not written yet" in finding.message for finding in report.findings)
    assert not report.ok


@pytest.mark.parametrize("style", STYLES)
def test_every_operation_is_called_as_its_record_says(style):
    needed(style)
    names: dict = {}
    exec(compile(written(list(CATALOGUE.values()), style), style, "exec"), names)
    subject = names["subject"]
    assert [*subject.operations] == [*CATALOGUE]
    for name, operation in CATALOGUE.items():
        # A layer's adapter knows no weight of positive samples.
        known = {"pos_weight"} if style == "layers" else set()
        assert set(subject.lacking(operation)) <= known, name
        for case in operation.pinned[:1]:
            given = subject.operations[name], case.fill("float64"), operation.options(case.hyper)
            with pytest.raises(NotImplementedError, match=f"^{name} is not written yet"):
                operation.call(*given)


@pytest.mark.parametrize("style", STYLES)
def test_the_comments_have_signature_shapes_gradients_and_conventions(style):
    text = written([CATALOGUE["conv2d"], CATALOGUE["max_pool2d"]], style)
    comments = "".join(line[1:] for line in text.splitlines() if line.startswith("#"))
    assert "conv2d(x, weight, bias=None, *, stride=1, padding=0, dilation=1, groups=1)" in comments
    assert "x (N, C, H, W), weight (O, C / groups, KH, KW), bias (O,). bias may be None" in comments
    assert "x (2, 2, 5, 3), weight (3, 2, 3, 2), bias (3,), stride=(2, 3)" in comments
    assert "output (2, 3, 3, 1)." in comments
    assert re.search("Gradients( in the order|:) x, weight, bias[.;]", comments)
    assert "Of equal values the first in row-major order counts" in comments
    assert max(map(len, text.splitlines())) <= 100


def test_a_style_says_what_its_user_writes():
    chosen = [CATALOGUE[name] for name in ("conv2d", "cross_entropy", "sgd")]
    texts = {style: written(chosen, style) for style in STYLES}
    assert "#     return (grad_x, grad_target, None)" in texts["functions"]
    assert "def conv2d_bias_grad(" in texts["gradients"]
    assert "input_grad=conv2d_input_grad,\n" in texts["gradients"]
    assert "class Conv2d:\n" in texts["layers"]
    assert "# set self.weight_grad, set self.bias_grad, return grad_x" in texts["layers"]
    assert "from reference_tests import Implementation, from_layer, from_opt" in texts["layers"]
    assert "class Conv2d(torch.nn.Module):\n" in texts["module"]
    assert 'from_torch(cross_entropy, arrays=("x", "target", "weight"))' in texts["module"]


def test_a_relu_that_is_written_into_the_file_passes(folder):
    assert cli.main(["init", "begun.py", "--operation", "relu", "--style", "layers"]) == 0
    text = Path("begun.py").read_text(encoding="utf-8")
    text = text.replace(
        'raise NotImplementedError("relu is not written yet")',
        "self.x = x\n        return np.maximum(x, 0)",
    )
    text = text.replace(
        'raise NotImplementedError("relu.backward is not written yet")',
        "return np.where(self.x <= 0, self.x.dtype.type(0), grad_output)",
    )
    Path("begun.py").write_text(text, encoding="utf-8")
    subject = load("begun.py:subject")
    report = verify(subject, ["relu"], [], examples=12)
    report.assert_ok()
    passed = {f.output for f in report.findings if f.status == "passed" and f.check == "value"}
    assert passed == {"output", "grad_input"}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["there.py"], "init there.py: it exists, and is not overwritten"),
        (["nowhere/mine.py"], "init nowhere/mine.py: there is no such folder"),
        (["mine"], "init mine: expected a file of Python, such as mine.py"),
        (["my-cnn.py"], "init my-cnn.py: 'my-cnn' is no name of a module, such as my_cnn"),
        (["class.py"], "init class.py: 'class' is no name of a module, such as my_cnn"),
        (
            ["mine.py", "--operation", "conv2"],
            "there is no operation 'conv2'; the nearest are conv2d, conv3d, conv1d",
        ),
    ],
)
def test_what_cannot_be_written_is_told_and_nothing_is_written(folder, words, message, capsys):
    Path("there.py").write_text("kept")
    assert cli.main(["init", *words]) == 2
    assert capsys.readouterr().err == f"reference-tests: {message}\n"
    assert [path.name for path in folder.iterdir()] == ["there.py"]
    assert Path("there.py").read_text() == "kept"


def test_an_operation_named_twice_is_written_once(folder):
    assert cli.main(["init", "mine.py", "--operation", "relu", "--operation", "relu"]) == 0
    tree = ast.parse(Path("mine.py").read_text(encoding="utf-8"))
    assert [node.name for node in tree.body if isinstance(node, ast.FunctionDef)] == ["relu"]
