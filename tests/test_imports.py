"""What an import brings in, and that every public name is documented with examples that run."""

from __future__ import annotations

import doctest
import importlib
import inspect
import itertools
import json
import pkgutil
import subprocess
import sys

import pytest

import scratchcnn
from scratchcnn import functional, nn, optim

HEAVY = ["scipy", "torch", "jax", "onnx", "pytest", "hypothesis", "rich", "matplotlib", "sklearn"]
FRAMEWORKS = ["torch", "jax", "onnx", "pytest", "hypothesis", "reference_tests"]
MODULES = [
    module.name
    for module in pkgutil.walk_packages(scratchcnn.__path__, "scratchcnn.")
    if not any(part.startswith("_") for part in module.name.split("."))
]


def imported_by(*modules):
    """Return the top-level modules that a bare interpreter has after importing `modules`."""
    code = "import importlib, json, sys\n"
    code += f"for name in {modules!r}: importlib.import_module(name)\n"
    code += "print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    # The path of this process makes the same package importable, installed or not.
    code = f"import sys; sys.path[:] = {sys.path!r}\n" + code
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


def test_import_of_the_library_brings_in_numpy_only():
    found = imported_by("scratchcnn")
    assert "numpy" in found
    assert "scratchcnn" in found
    assert [name for name in HEAVY if name in found] == []


def test_imports_of_all_public_modules_bring_in_no_framework_and_no_judge():
    pytest.importorskip("matplotlib")
    pytest.importorskip("rich")
    assert {"scratchcnn.nn.conv", "scratchcnn.functional.convolution"} < set(MODULES)
    found = imported_by(*MODULES)
    assert [name for name in FRAMEWORKS if name in found] == []


def test_imported_by_sees_what_is_imported():
    assert "scipy" in imported_by("scipy")


@pytest.mark.parametrize("name", ["scratchcnn", *MODULES])
def test_public_names_exist_and_have_docstrings(name):
    module = importlib.import_module(name)
    assert inspect.getdoc(module)
    for public in getattr(module, "__all__", []):
        each = getattr(module, public)
        if inspect.ismodule(each) or inspect.isroutine(each) or inspect.isclass(each):
            assert inspect.getdoc(each), f"{name}.{public} has no docstring"


@pytest.mark.parametrize(
    "each",
    [getattr(module, name) for module in (nn, optim) for name in module.__all__],
    ids=lambda each: each.__name__,
)
def test_public_methods_have_docstrings(each):
    if inspect.isclass(each):
        for name, member in vars(each).items():
            if inspect.isfunction(member) and not name.startswith("_"):
                assert inspect.getdoc(member), f"{each.__name__}.{name} has no docstring"
    assert len(inspect.getdoc(each).splitlines()[0]) > 10


FUNCTIONS = [name for name in functional.__all__ if inspect.isfunction(getattr(functional, name))]
GRADIENTS = [name for name in FUNCTIONS if name.endswith(("_grad", "_grads"))]


@pytest.mark.parametrize("name", [name for name in FUNCTIONS if name not in GRADIENTS])
def test_functions_document_parameters_results_errors_and_an_example(name):
    function = getattr(functional, name)
    lines = inspect.getdoc(function).splitlines()
    sections = [a for a, b in itertools.pairwise(lines) if b and set(b) == {"-"}]
    assert lines[0].startswith("Return ")
    assert lines[0].endswith(".")
    for section in ("Parameters", "Returns", "Raises", "Examples"):
        assert section in sections
    documented = "\n".join(lines[: lines.index("Returns")])
    for parameter in inspect.signature(function).parameters:
        assert parameter in documented


@pytest.mark.parametrize("name", GRADIENTS)
def test_gradients_are_documented_in_one_line(name):
    doc = inspect.getdoc(getattr(functional, name))
    several = ("Return the gradients of ", "Return both gradients: ", "Return all gradients: ")
    assert doc.startswith(several if name.endswith("s") else "Return the gradient of ")
    assert "\n" not in doc


# The examples of the interoperation with other frameworks need those frameworks.
@pytest.mark.parametrize("name", [n for n in MODULES if not n.startswith("scratchcnn.interop")])
def test_examples_in_docstrings_give_what_they_say(name):
    module = importlib.import_module(name)
    names = {each: getattr(home, each) for home in (nn, optim) for each in home.__all__}
    names |= {"np": importlib.import_module("numpy")}
    result = doctest.testmod(module, extraglobs=names)
    assert result.failed == 0


def test_doctest_finds_examples():
    assert doctest.testmod(functional.convolution, extraglobs={"np": functional.convolution.np})[1]
