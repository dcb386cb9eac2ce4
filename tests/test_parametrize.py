"""The checks of the judge in a user's own test file."""

import pytest

from reference_tests import Implementation
from reference_tests.parametrize import parametrize_with_reference_checks

pytest_plugins = ["pytester"]

FILE = """
import numpy as np
from reference_tests import Implementation
from reference_tests.parametrize import parametrize_with_reference_checks

def relu(x):
    if x.dtype == object:
        raise TypeError("objects")
    return np.maximum(x, 0), lambda grad: np.where(x {sign} 0, 0, grad).astype(x.dtype)

mine = Implementation("mine", {{"relu": relu}})

@parametrize_with_reference_checks(mine, references=[], examples=10{more})
def test_mine(reference_check):
    reference_check()
"""


def outcome(pytester, sign="<=", more=""):
    """Run the file of a user, whose relu is right with "<=" only."""
    pytester.makepyfile(FILE.format(sign=sign, more=more))
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider", "-p", "no:xdist", "-rA")
    return result, {k: v for k, v in result.parseoutcomes().items() if k != "warnings"}


def test_a_right_subject_passes_each_check(pytester):
    result, counts = outcome(pytester)
    assert counts == {"passed": 11}
    result.stdout.fnmatch_lines(["*test_mine?relu-invalid-input?*"])


def test_a_wrong_gradient_at_zero_fails_where_there_are_zeros_alone(pytester):
    result, counts = outcome(pytester, sign="<")
    assert counts == {"passed": 9, "failed": 2}
    result.stdout.fnmatch_lines(["*FAILED*test_mine?relu-value?*"])
    assert "grad_input failed in value" in result.stdout.str()


def test_an_expected_failure_is_one_with_its_reason(pytester):
    ids = ("relu:grad_input:value", "relu:grad_input:exact")
    more = f", expected_failures={dict.fromkeys(ids, 'half of it at 0')}"
    result, counts = outcome(pytester, sign="<", more=more)
    assert counts == {"passed": 9, "xfailed": 2}
    assert "half of it at 0" in result.stdout.str()


@pytest.mark.parametrize("id", ["relu:grad_input:value", "relu:grad_input:vlaue"])
def test_an_expected_failure_that_passes_or_matches_nothing_fails(pytester, id):
    more = f", expected_failures={{{id!r}: 'half of it at 0'}}"
    _, counts = outcome(pytester, more=more)
    assert counts["failed"] == 1


def test_bad_arguments_are_told_when_the_file_is_collected():
    mine = Implementation("mine", {"relu": abs})
    with pytest.raises(ValueError, match="the nearest are relu"):
        parametrize_with_reference_checks(mine, ["rellu"])
    with pytest.raises(
        ValueError, match=r"'tanh:output:value' is of no operation among \['relu'\]"
    ):
        parametrize_with_reference_checks(mine, expected_failures={"tanh:output:value": "why"})
    with pytest.raises(TypeError, match="subject is a int"):
        parametrize_with_reference_checks(3)


def test_what_is_not_provided_is_skipped(pytester):
    _, counts = outcome(pytester, more=", operations=['relu', 'flatten']")
    assert counts["passed"] == 11
    assert counts["skipped"] == 11


def test_what_raises_skips_the_checks_that_need_a_result():
    def raising(x):
        raise RuntimeError("out of ideas")

    subject = Implementation("mine", {"relu": raising})
    reason = {"relu:output:call": "not written yet"}
    mark = parametrize_with_reference_checks(
        subject, references=[], examples=1, expected_failures=reason
    )
    outcomes = {}
    for check in mark.args[1]:
        try:
            check()
        except BaseException as error:
            outcomes[check.check] = type(error).__name__
    assert outcomes.pop("call") == "XFailed"
    assert set(outcomes.values()) == {"Skipped"}
    assert {"value", "exact", "shape"} <= set(outcomes)
