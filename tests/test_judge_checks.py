"""Each habit that the judge checks, in a subject that has just that one bad habit."""

import contextlib
import io
import re
import sys
from dataclasses import replace

import numpy as np
import pytest

from reference_tests import CATALOGUE, Case, Implementation, Spec, verify
from reference_tests.checks import Call, Observation, distance, evaluate
from reference_tests.references.exact import Truth
from reference_tests.references.exact import subject as naive

RIGHT = naive.operations


def relu(x):
    return np.maximum(x, 0), lambda grad_output: grad_output * ~(x <= 0)


def double_precision(x):
    return np.maximum(x, 0).astype(float), lambda grad_output: grad_output * ~(x <= 0)


def writing_to_x(x):
    x += 0.0
    y = np.maximum(x, 0)
    x[...] = 0
    return y, lambda grad_output: grad_output * ~(y <= 0)


def writing_to_grad(x):
    def pullback(grad_output):
        grad_output *= ~(x <= 0)
        return grad_output.copy()

    return np.maximum(x, 0), pullback


def contiguous_only(x):
    y = np.maximum(x, 0)
    if not x.flags.c_contiguous:
        y = y.ravel("K").reshape(x.shape)
    return y, relu(x)[1]


def random(x, rng=np.random.default_rng(1)):  # noqa: B008
    noise = 1 + np.finfo(x.dtype).eps * rng.integers(0, 2, x.shape).astype(x.dtype)
    return np.maximum(x, 0), lambda grad_output: grad_output * ~(x <= 0) * noise


def adding_up(x):
    total = np.zeros_like(x)

    def pullback(grad_output):
        total[...] += grad_output * ~(x <= 0)
        return total.copy()

    return np.maximum(x, 0), pullback


def two_gradients(x):
    return np.maximum(x, 0), lambda grad_output: (grad_output, grad_output)


def raising_pullback(x):
    def pullback(grad_output):
        raise RuntimeError("no way back")

    return np.maximum(x, 0), pullback


def two_outputs(x):
    return np.maximum(x, 0), np.maximum(x, 0)


def as_column(x):
    return relu(x)[0][..., None], relu(x)[1]


def lost_nan(x):
    return np.where(x > 0, x, 0).astype(x.dtype), relu(x)[1]


HABITS = {
    # callable: the (output, check, part of the message) of all that is wrong with it.
    double_precision: {("output", "dtype", "has dtype float64, expected float32")},
    writing_to_x: {
        ("output", "purity", "changed its argument x"),
        ("output", "call", "raised ValueError: output array is read-only"),
    },
    writing_to_grad: {
        ("output", "purity", "changed its argument grad_output"),
        ("output", "call", "the pullback raised ValueError: output array is read-only"),
    },
    contiguous_only: {("output", "layout", "right for contiguous arrays, but for the layout")},
    random: {
        (
            "grad_input",
            "repeatability",
            "the same call gave other bits, with another one before its pullback",
        )
    },
    adding_up: {("grad_input", "repeatability", "the same pullback gave other bits the second")},
    two_gradients: {("output", "gradients", "the pullback returned 2 gradients, expected 1: x")},
    raising_pullback: {("output", "call", "the pullback raised RuntimeError: no way back")},
    two_outputs: {("output", "call", "returned 2 outputs, expected 1")},
    as_column: {("output", "shape", ", expected (")},
    lost_nan: {("output", "value", ", expected nan")},
}
# What else fails because of it, and is no habit of its own.
FOLLOWING = {
    # A gradient of another shape than the cotangent's.
    as_column: {("grad_input", "shape"), ("output", "call")},
    writing_to_x: {("output", "layout")},
    # Whether a bit of noise lies within the bound is chance.
    random: {("grad_input", "value"), ("grad_input", "exact"), ("grad_input", "layout")},
}


def judged(function, **options):
    operation = replace(CATALOGUE["relu"], invalid=())
    subject = Implementation("habit", {"relu": function})
    return verify(subject, [operation], [], examples=30, seed=2, **options)


def test_a_subject_without_bad_habits_passes():
    judged(relu).assert_ok()


@pytest.mark.parametrize("function", HABITS, ids=lambda function: function.__name__)
def test_a_bad_habit_is_found_and_nothing_else(function):
    failures = judged(function).failures
    for output, check, part in HABITS[function]:
        messages = [f.message for f in failures if (f.output, f.check) == (output, check)]
        assert messages, (check, failures)
        assert any(part in message for message in messages), messages
    expected = {(output, check) for output, check, _ in HABITS[function]}
    found = {(f.output, f.check) for f in failures}
    assert found <= expected | FOLLOWING.get(function, set())


def shown(finding, function):
    """Return what a reproduction prints, or the error that it raises, and its names."""
    names = {"subject": Implementation("habit", {"relu": function})}
    text = finding.reproduction.replace("subject = ...  # the Implementation\n", "")
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed):
            exec(text, names)
    except Exception as error:
        names["error"] = f"{type(error).__name__}: {error}"
    names["printed"] = printed.getvalue()
    return names


def found(function, check):
    """Return the first finding of a check, and what its reproduction shows."""
    finding = next(f for f in judged(function).failures if f.check == check)
    return finding, shown(finding, function)


def test_the_reproduction_of_a_wrong_value_shows_it():
    _, names = found(lost_nan, "value")
    assert np.isnan(names["x"]).any()
    assert not np.isnan(names["result"][0]).any()


def test_the_reproduction_of_a_dtype_shows_it():
    _, names = found(double_precision, "dtype")
    assert names["x"].dtype == np.float32
    assert names["result"][0].dtype == np.float64


def test_the_reproduction_of_an_error_raises_it():
    for function in (raising_pullback, writing_to_x, writing_to_grad):
        finding, names = found(function, "call")
        assert names["error"].partition(": ")[2] in finding.message


def test_the_reproduction_of_a_layout_has_that_layout():
    finding, names = found(contiguous_only, "layout")
    assert not names["x"].flags.c_contiguous
    assert not np.array_equal(names["result"][0], np.maximum(names["x"], 0))
    assert re.search(r"x = (flip|asfortranarray|.*\.T\.copy)", finding.reproduction)


def test_the_reproduction_of_impurity_shows_the_changed_argument():
    finding, names = found(writing_to_grad, "purity")
    assert "print(x, grad_output)  # an argument is changed" in finding.reproduction
    assert not names["grad_output"].all()


def test_the_reproduction_of_a_pullback_that_does_not_repeat_itself_calls_it_twice():
    _, names = found(adding_up, "repeatability")
    first, second = names["printed"].splitlines()[:1], names["printed"].splitlines()[-1:]
    assert first != second


def test_one_hot_cotangents_find_a_gradient_that_leaks():
    # The mean of the gradient is right: only where it comes from is not.
    def leaking(x):
        return relu(x)[0], lambda g: relu(x)[1](np.full_like(g, g.mean()))

    case = Case({"x": Spec((2, 3))}, seed=3, sparse=True)
    cotangent = case.cotangent((2, 3), "float64")
    assert np.count_nonzero(cotangent) == 1
    seen = evaluate(leaking, CATALOGUE["relu"], case, dtypes=("float64",))
    failed = {o.output for o in seen if isinstance(o, Observation) and o.status == "failed"}
    assert failed == {"grad_input"}


def test_an_operation_of_one_array_may_return_a_bare_gradient_or_a_tuple():
    for pack in (lambda grad: grad, lambda grad: (grad,)):
        judged(lambda x, pack=pack: (relu(x)[0], lambda g: pack(relu(x)[1](g)))).assert_ok()


def test_gradients_of_arrays_that_have_none_may_be_left_out():
    def nll_loss(*arrays, **hyper):
        y, pullback = RIGHT["nll_loss"](*arrays, **hyper)
        return y, lambda grad: pullback(grad)[:1]

    operation = replace(CATALOGUE["nll_loss"], invalid=())
    subject = Implementation("short", {"nll_loss": nll_loss})
    verify(subject, [operation], [], examples=3).assert_ok()


@pytest.mark.parametrize("count", [0, 2, 4])
def test_a_wrong_number_of_gradients_is_an_error_that_names_the_arrays(count):
    def linear(*arrays):
        y, pullback = RIGHT["linear"](*arrays)
        return y, lambda grad: (*pullback(grad), None)[:count]

    subject = Implementation("few", {"linear": linear})
    report = verify(subject, [replace(CATALOGUE["linear"], invalid=())], [], examples=2)
    assert report["linear"].status == "error"
    assert f"returned {count} gradients, expected 3: x, weight, bias" in report.text()


def test_a_single_array_for_several_gradients_is_an_error():
    subject = Implementation("one", {"linear": lambda *a: (RIGHT["linear"](*a)[0], lambda g: g)})
    report = verify(subject, ["linear"], [], examples=1)
    assert "the pullback returned an ndarray, expected 3: x, weight, bias" in report.text()


def test_indices_must_be_integers():
    def max_pool2d(x, **hyper):
        result, pullback = RIGHT["max_pool2d"](x, **hyper)
        if hyper.get("return_indices"):
            result = result[0], result[1].astype(x.dtype)
        return result, pullback

    subject = Implementation("real", {"max_pool2d": max_pool2d})
    operation = replace(CATALOGUE["max_pool2d"], invalid=())
    report = verify(subject, [operation], [], examples=3)
    assert {(f.output, f.check) for f in report.failures} == {("indices", "dtype")}
    assert "has dtype float32, expected integers" in report.text()


def test_a_result_beyond_its_bound_is_told_with_its_place():
    truth = Truth(*map(np.array, ([[1.0, 2.0]], [[0.1, 0.1]], [[1.0, 2.0]])))
    assert distance(np.array([[1.05, 2.0]]), truth, "float64")[0] == ""
    message, units = distance(np.array([[1.0, 2.2]]), truth, "float64")
    assert message == "has 2.2 at (0, 1), expected 2 ± 0.1; 1 of 2 elements are beyond the bound"
    # 0.2 is twice the bound, but for a rounding.
    assert units == pytest.approx(2)


@pytest.mark.parametrize(
    ("value", "got", "right"),
    [
        (np.nan, np.nan, True),
        (np.nan, 0.0, False),
        (0.0, np.nan, False),
        (np.inf, np.inf, True),
        (np.inf, -np.inf, False),
        (np.inf, 3e38, False),
        (0.0, -0.0, True),
        (1e39, np.inf, True),
        (1e39, 3e38, False),
    ],
)
def test_beyond_the_numbers_a_result_is_right_or_wrong(value, got, right):
    truth = Truth(np.array(value), np.array(1.0), np.array(value))
    message, units = distance(np.array(got), truth, "float32")
    assert (message == "") is right
    assert (units == 0) is right


def test_a_call_keeps_the_arrays_of_the_judge_to_itself():
    arrays = {"x": np.ones(3)}
    call = Call(writing_to_x, CATALOGUE["relu"], arrays, {}, lambda shape: np.ones(shape))
    outcome = call.outcome()
    assert outcome.results["changed"] == ["x"]
    assert arrays["x"].all()


def cached(x):
    y, pullback = naive.operations["relu"](x)
    cached.last = pullback
    return y, lambda grad_output: cached.last(grad_output)


BUFFERS: dict = {}


def buffered(x):
    y, pullback = naive.operations["relu"](x)
    buffer = BUFFERS.setdefault((x.shape, x.dtype.name), np.empty_like(y))
    buffer[...] = y
    return buffer, pullback


def leaving(x):
    sys.exit(0)


def raising_state(x):
    np.seterr(all="raise")
    return naive.operations["relu"](x)


@pytest.mark.parametrize(
    ("function", "check", "message"),
    [
        (cached, "repeatability", "with another one before its pullback"),
        (buffered, "repeatability", "a second call overwrites the output of the first"),
        (leaving, "call", "raised SystemExit"),
    ],
)
def test_a_subject_with_a_memory_or_an_exit_is_found(function, check, message):
    report = verify(Implementation("odd", {"relu": function}), ["relu"], [], examples=5)
    assert not report.ok
    assert any(f.check == check and message in f.message for f in report.failures)


def test_a_subject_that_changes_the_error_state_of_numpy_changes_nothing_here():
    before = np.geterr()
    report = verify(Implementation("odd", {"relu": raising_state}), ["relu"], [], examples=5)
    assert np.geterr() == before
    report.assert_ok()
