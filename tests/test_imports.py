"""What an import brings in, and that every public name is documented with examples that run."""

from __future__ import annotations

import doctest
import importlib
import inspect
import json
import pkgutil
import re
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
# Those that refer to no sibling of other axes or without a mask.
ORIGINALS = [
    name for name in FUNCTIONS if not name.endswith(("_grad", "_grads", "1d", "3d", "_with_mask"))
]
# What an arrangement of elements is needs no source.
DEFINITIONS = ["flatten", "pad"]
LAYERS = [
    each
    for name in nn.__all__
    if hasattr(each := getattr(nn, name), "vjp") and each not in (nn.Loss, nn.Penalty)
]


def sections(documented):
    """Return the text of each section of a docstring, that of "summary" being what comes first."""
    first, *rest = re.split(r"^(\w+)\n-+\n", inspect.getdoc(documented), flags=re.MULTILINE)
    return {"summary": first, **dict(zip(rest[::2], rest[1::2], strict=True))}


def flat(text):
    """Return `text` as one line."""
    return " ".join(text.split())


def formulas(text, argument):
    """Return the code in `text` that computes something with `argument`."""
    code = re.findall(r"``([^`]+)``", text)
    return [
        each
        for each in code
        if re.search(rf"\b{argument}\b", each) and re.search(r"[-+*/<>=]|\w\(", each)
    ]


@pytest.mark.parametrize("name", [name for name in FUNCTIONS if name not in GRADIENTS])
def test_functions_document_parameters_results_errors_and_an_example(name):
    function = getattr(functional, name)
    found = sections(function)
    first = found["summary"].splitlines()[0]
    assert first.startswith("Return ")
    assert first.endswith(".")
    for section in ("Parameters", "Returns", "Raises", "Examples"):
        assert section in found
    for parameter in inspect.signature(function).parameters:
        assert parameter in found["summary"] + found["Parameters"]


@pytest.mark.parametrize("name", ORIGINALS)
def test_functions_document_a_formula_and_a_source(name):
    function = getattr(functional, name)
    found = sections(function)
    argument = next(iter(inspect.signature(function).parameters))
    assert formulas(found["summary"] + found["Returns"], argument)
    if name not in DEFINITIONS:
        assert re.match(r'\.\. \[1\] [^"]+, ".+", .*\b(1[89]|20)\d\d\b', flat(found["References"]))


def test_formulas_are_what_computes_with_the_argument():
    text = "Return ``min(x, 1)``, or ``y[i] =\n    x[i + 1]`` of ``1 - p`` and ``x`` and x * 2."
    assert formulas(text, "x") == ["min(x, 1)", "y[i] =\n    x[i + 1]"]


@pytest.mark.parametrize("each", LAYERS, ids=lambda each: each.__name__)
def test_layers_and_losses_document_errors_and_an_example(each):
    found = sections(each)
    assert "Raises" in found
    assert re.search(rf"^>>> .*\b{each.__name__}[()]", found["Examples"], re.MULTILINE)


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
