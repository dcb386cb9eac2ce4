"""The page of parameters is true, and what is shared has PyTorch's order and defaults."""

import importlib.util
import inspect
from pathlib import Path

import pytest

pytest.importorskip("torch")

DOCS = Path(__file__).parents[1] / "docs"
_spec = importlib.util.spec_from_file_location("parameters", DOCS / "parameters.py")
parameters = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(parameters)
COUNTERPARTS = {each.name: each for each in parameters.counterparts()}

# PyTorch's default here is None, in whose place it warns, or puts what ours says.
NONE = {("softmax", "dim"), ("log_softmax", "dim"), ("softmin", "dim"), ("pad", "value")}


def test_the_page_is_what_the_signatures_say():
    page = (DOCS / "parameters.md").read_text(encoding="utf-8")
    assert page == parameters.page(), "python docs/parameters.py --write docs/parameters.md"


@pytest.mark.parametrize("name", COUNTERPARTS)
def test_what_is_refused_is_refused_by_name(name):
    each = COUNTERPARTS[name]
    for parameter in each.refused:
        with pytest.raises(TypeError, match=f"{name}.*'{parameter}'"):
            each.function(**{parameter: True})


@pytest.mark.parametrize("name", COUNTERPARTS)
def test_what_is_shared_has_the_order_and_the_defaults_of_pytorch(name):
    each = COUNTERPARTS[name]
    assert each.taken
    own = inspect.signature(each.function).parameters.values()
    positional = [p.name for p in own if p.kind is p.POSITIONAL_OR_KEYWORD]
    shared = [parameter for parameter in each.parameters if parameter in positional]
    assert shared == [parameter for parameter in positional if parameter in each.parameters]
    for parameter in each.taken:
        theirs, ours = each.parameters[parameter], each.own[parameter]
        if (name, parameter) in NONE:
            assert theirs is None
        elif inspect.Parameter.empty not in (theirs, ours):
            assert ours == theirs, parameter


def test_signatures_of_builtin_functions_are_read_from_their_documentation():
    assert COUNTERPARTS["conv2d"].parameters["stride"] == 1
    assert COUNTERPARTS["avg_pool2d"].parameters["count_include_pad"] is True
    assert len(COUNTERPARTS) > 15
