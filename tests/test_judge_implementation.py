"""Subjects: how they are made, loaded and asked what they take."""

import subprocess
import sys

import numpy as np
import pytest

from reference_tests import CATALOGUE, Implementation, from_functions, verify
from reference_tests.implementation import UnknownName, load

MODULE = """
from reference_tests import Implementation
subject = Implementation("mine", {"relu": abs})
other = Implementation("other", {}, source="from elsewhere import other")
nothing = 3
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working folder with a module of a subject."""
    (tmp_path / "loaded_cnn.py").write_text(MODULE)
    (tmp_path / "broken_cnn.py").write_text("import no_such_package_at_all\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [place for place in sys.path if place])
    yield tmp_path
    for name in ("loaded_cnn", "renamed_cnn", "broken_cnn"):
        sys.modules.pop(name, None)


@pytest.mark.parametrize("place", ["loaded_cnn:subject", "loaded_cnn.py:subject"])
def test_a_subject_is_loaded_from_a_module_or_a_file(folder, place):
    subject = load(place)
    assert (subject.name, subject.source) == ("mine", "from loaded_cnn import subject")


def test_a_subject_of_another_name_is_imported_as_subject(folder):
    assert load("loaded_cnn:other").source == "from elsewhere import other"
    (folder / "renamed_cnn.py").write_text(MODULE.replace("subject", "network"))
    assert load("renamed_cnn.py:network").source == "from renamed_cnn import network as subject"


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("loaded_cnn", "names no subject, expected module:name or path.py:name"),
        (":subject", "names no subject"),
        ("loaded_cnn:", "names no subject"),
        ("no_such_module:subject", "there is no module no_such_module"),
        ("no_such_package.module:subject", "there is no module no_such_package.module"),
        ("no_such_file.py:subject", "there is no file no_such_file.py"),
        ("loaded_cnn:subjekt", "loaded_cnn has no subjekt; the nearest names are subject"),
        ("loaded_cnn:zzz", "loaded_cnn has no zzz$"),
        ("loaded_cnn:nothing", "is a int, expected a reference_tests.Implementation"),
    ],
)
def test_what_cannot_be_loaded_is_told(folder, place, message):
    with pytest.raises(ValueError, match=message):
        load(place)


def test_what_a_module_itself_lacks_is_not_hidden(folder):
    with pytest.raises(ModuleNotFoundError, match="no_such_package_at_all"):
        load("broken_cnn:subject")


def test_an_unknown_name_is_a_value_error():
    assert issubclass(UnknownName, ValueError)


def test_explicit_gradients_make_a_callable():
    def scaled(x, weight, bias=None, *, power=1):
        return x * weight**power

    function = from_functions(
        scaled,
        input_grad=lambda g, x, weight, **hyper: g * weight ** hyper.get("power", 1),
        weight_grad=None,
    )
    y, pullback = function(2.0, 3.0, power=2)
    assert y == 18
    assert pullback(1.0) == (9.0, None)


def test_explicit_gradients_are_judged_with_the_signature_of_their_forward():
    def linear(x, weight):
        return x @ weight.T

    function = from_functions(
        linear,
        input_grad=lambda g, x, weight: g @ weight,
        weight_grad=lambda g, x, weight: np.tensordot(g, x, (range(g.ndim - 1),) * 2),
    )
    subject = Implementation("explicit", {"linear": function})
    assert subject.lacking(CATALOGUE["linear"]) == {"bias": None}
    report = verify(subject, ["linear"], [], examples=8)
    assert {f.output for f in report.findings if f.status == "passed"} >= {
        "output",
        "grad_input",
        "grad_weight",
    }
    report.assert_ok()


def conv(x, weight, bias=None, *, stride=1, padding=0):
    return x


@pytest.mark.parametrize(
    ("name", "function", "lacking"),
    [
        ("conv2d", conv, {"dilation", "groups"}),
        ("conv2d", lambda x, weight, **hyper: x, set()),
        ("conv2d", lambda *arrays, stride=1: arrays, {"padding", "dilation", "groups"}),
        ("conv2d", lambda x, w, stride=1, padding=0, dilation=1, groups=1: x, {"bias"}),
        ("conv2d", lambda x, w, b, stride=1, padding=0, dilation=1, groups=1: x, set()),
        ("max_pool2d", lambda x: x, {*CATALOGUE["max_pool2d"].defaults}),
        # An optimizer's arrays are lists, and its step is part of its state.
        (
            "adam",
            lambda params, grads, state, lr, betas, eps, weight_decay, amsgrad, maximize: 0,
            {"decoupled_weight_decay"},
        ),
        # What has no signature is taken to accept everything.
        ("relu", np.abs, set()),
        ("conv2d", iter, set()),
    ],
)
def test_what_a_callable_lacks_is_read_from_its_signature(name, function, lacking):
    subject = Implementation("mine", {name: function})
    assert set(subject.lacking(CATALOGUE[name])) == set(lacking)


def test_a_required_parameter_that_a_callable_lacks_is_not_defaulted():
    subject = Implementation("mine", {"max_pool2d": lambda x: x})
    report = verify(subject, ["max_pool2d"], [], examples=1)
    assert report["max_pool2d"].status == "error"


@pytest.mark.parametrize("package", ["gmpy2", "rich"])
def test_a_missing_package_of_the_judge_is_named(package):
    code = f"import sys; sys.modules[{package!r}] = None; import reference_tests"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": ":".join(place for place in sys.path if place)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert f"reference_tests needs the package {package}" in done.stderr
    assert 'pip install "scratchcnn[judge]"' in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((None,), "operations is a NoneType, expected a mapping"),
        ((["relu"],), "operations is a list, expected a mapping"),
        (({"relu": 3},), "relu is a int, expected a callable"),
        (({"relu": abs}, 3), "limits is a int, expected a mapping"),
        (({"relu": abs}, {"relu": 3}), "the limits of relu are a int, expected a mapping"),
    ],
)
def test_an_implementation_refuses_what_is_none(arguments, message):
    with pytest.raises(TypeError, match=f"^Implementation: {message}"):
        Implementation("odd", *arguments)


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ({"conv2": {}}, "the limits name the operation 'conv2'; the nearest are conv2d"),
        ({"conv2d": {"strid": 1}}, "the limits of conv2d name 'strid'; the nearest are stride"),
    ],
)
def test_limits_of_what_does_not_exist_are_refused(limits, message):
    with pytest.raises(UnknownName, match=message):
        verify(Implementation("odd", {}, limits), ["relu"], [], examples=1)


def test_names_are_a_sequence_and_each_is_judged_once():
    subject = Implementation("none", {})
    with pytest.raises(TypeError, match="operations is 'relu', expected a sequence of names"):
        verify(subject, "relu")
    with pytest.raises(TypeError, match="references is 'torch', expected a sequence of names"):
        verify(subject, ["relu"], "torch")
    assert len(verify(subject, ["relu", "relu"], []).operations) == 1
