"""What the faults of normalizations and of dropout compute, and that dropout's are told apart."""

import numpy as np
import pytest

from reference_tests import CATALOGUE, Implementation, verify
from reference_tests.faults import FAULTS, Inputs, composed, dropout, oracle, simulated
from reference_tests.faults.randomness import named
from reference_tests.references.exact import subject as naive

X = np.array([[[1.0, 3.0], [2.0, 8.0]], [[5.0, 7.0], [4.0, 6.0]]])


def seen(id_, operation, *arrays, grad_output=1.0, **hyper):
    """Return what a fault makes of its output beside what is right."""
    record, fault = CATALOGUE[operation], FAULTS[id_]
    given = dict.fromkeys(record.arrays) | dict(zip(record.arrays, arrays, strict=False))
    inputs = Inputs(record, given, {**record.defaults, **hyper}).pulled(np.asarray(grad_output))
    return simulated(inputs, fault.output, fault), oracle(inputs, fault.output)


def standardized(x, axes):
    return (x - x.mean(axes, keepdims=True)) / x.std(axes, keepdims=True)


@pytest.mark.parametrize(
    ("name", "operation", "axes", "hyper"),
    [
        ("of-each-position", "batch_norm", 0, {"training": True}),
        ("of-everything", "instance_norm", (0, 1, 2), {}),
        ("of-each-sample", "group_norm", (1, 2), {"num_groups": 2}),
        ("of-each-channel", "layer_norm", 2, {"normalized_shape": (2, 2)}),
        ("with-the-batch", "instance_norm", (0, 2), {}),
        ("channels-last", "batch_norm", (0, 1), {"training": True}),
        ("last-axis-only", "layer_norm", 2, {"normalized_shape": (2, 2)}),
    ],
)
def test_statistics_over_other_axes_standardize_over_them(name, operation, axes, hyper):
    wrong, right = seen(f"norm/{name}", operation, X, eps=0.0, **hyper)
    np.testing.assert_allclose(wrong, standardized(X, axes))
    assert not np.allclose(wrong, right)


def test_an_eps_or_a_variance_that_is_another_is_what_the_formula_says():
    x, var = np.array([[1.0], [5.0]]), 4.0
    more = {"training": True, "eps": 1.0}
    divisors = {
        "eps-outside-root": np.sqrt(var) + 1,
        "eps-missing": np.sqrt(var),
        "unbiased-variance": np.sqrt(2 * var + 1),
        "divided-by-variance": var + 1,
    }
    for name, divisor in divisors.items():
        wrong, _ = seen(f"norm/{name}", "batch_norm", x, **more)
        np.testing.assert_allclose(wrong, (x - 3) / divisor, err_msg=name)
    wrong, _ = seen("norm/mean-kept", "batch_norm", x, **more)
    np.testing.assert_allclose(wrong, x / np.sqrt(var + 1))


def test_interleaved_groups_are_those_of_every_second_channel():
    x = np.array([[1.0, 10.0, 3.0, 30.0]])
    wrong, _ = seen("norm/groups-interleaved", "group_norm", x, num_groups=2, eps=0.0)
    np.testing.assert_allclose(wrong, [[-1, -1, 1, 1]])


def test_the_gradient_with_constant_statistics_is_that_of_evaluation():
    mean, var = X.mean((0, 2)), X.var((0, 2))
    grad, weight, bias = np.arange(8.0).reshape(2, 2, 2), np.array([2.0, 3.0]), np.ones(2)
    arrays = X, mean, var, weight, bias
    frozen = "norm/grad-statistics-constant"
    wrong, _ = seen(frozen, "batch_norm", *arrays, grad_output=grad, training=True)
    _, evaluated = seen(frozen, "batch_norm", *arrays, grad_output=grad)
    np.testing.assert_allclose(wrong, evaluated)
    both = [
        seen(f"norm/grad-{name}-constant", "group_norm", X, grad_output=grad, num_groups=1)
        for name in ("statistics", "mean", "variance")
    ]
    (all_frozen, right), (mean_frozen, _), (var_frozen, _) = both
    np.testing.assert_allclose(all_frozen - right, mean_frozen + var_frozen - 2 * right)


def test_the_gradient_of_the_weight_without_the_standard_numbers():
    grad, ones, zeros = np.arange(8.0).reshape(2, 2, 2), np.ones(2), np.zeros(2)
    arrays = X, None, None, ones, zeros
    more = {"grad_output": grad, "training": True}
    wrong, _ = seen("norm/weight-grad-of-the-input", "batch_norm", *arrays, **more)
    np.testing.assert_allclose(wrong, (grad * X).sum((0, 2)))
    wrong, right = seen("norm/bias-grad-averaged", "batch_norm", *arrays, **more)
    np.testing.assert_array_equal(wrong, right / 4)
    wrong, right = seen("norm/bias-grad-single-sum", "batch_norm", *arrays, **more)
    np.testing.assert_array_equal(wrong, [28, 28])


def test_a_biased_running_variance_and_an_exchanged_momentum():
    arrays, name = (X, np.zeros(2), np.ones(2)), "batch_norm_statistics"
    wrong, _ = seen("norm/running-variance-biased", name, *arrays, momentum=0.25)
    np.testing.assert_allclose(wrong, 0.75 + 0.25 * X.var((0, 2)))
    wrong, _ = seen("norm/running-mean-momentum-exchanged", name, *arrays, momentum=0.25)
    np.testing.assert_allclose(wrong, 0.75 * X.mean((0, 2)))
    wrong, _ = seen("norm/running-variance-of-each-sample", name, *arrays, momentum=1.0)
    np.testing.assert_allclose(wrong, X.var(2, ddof=1).mean(0))


@pytest.mark.parametrize(
    ("name", "training"),
    [("statistics-written-in-place", True), ("statistics-updated-in-evaluation", False)],
)
def test_statistics_that_are_written_in_place_are_found_by_purity(name, training):
    mean, subject = np.zeros(2), FAULTS[f"norm/{name}"].implementation()
    function = subject.operations["batch_norm"]
    function(X, mean, np.ones(2), training=not training)
    np.testing.assert_array_equal(mean, 0)
    function(X, mean, np.ones(2), training=training)
    np.testing.assert_allclose(mean, 0.1 * X.mean((0, 2)))
    report = verify(subject, ["batch_norm"], [], examples=4, dtypes=["float32"], diagnose=False)
    assert {f.check for f in report.failures} == {"purity"}


def test_a_response_window_of_an_even_size_lies_on_the_other_side():
    x = np.array([[[1.0], [2.0], [4.0]]])
    more = {"size": 2, "alpha": 2.0, "beta": 1.0, "k": 0.0}
    wrong, right = seen("norm/window-shifted", "local_response_norm", x, **more)
    np.testing.assert_allclose(right[0, :, 0], [1 / 1, 2 / 5, 4 / 20])
    np.testing.assert_allclose(wrong[0, :, 0], [1 / 5, 2 / 20, 4 / 16])
    wrong, _ = seen("norm/averaged-over-those-present", "local_response_norm", x, **more)
    np.testing.assert_allclose(wrong[0, :, 0], [1 / 2, 2 / 5, 4 / 20])


def test_faults_of_a_normalization_compose():
    pair = FAULTS["norm/eps-missing"], FAULTS["norm/bias-missing"]
    arrays = X, None, None, np.array([2.0, 1.0]), np.ones(2)
    y, _ = composed(*pair).operations["batch_norm"](*arrays, training=True)
    np.testing.assert_allclose(y, standardized(X, (0, 2)) * np.array([[2.0], [1.0]]))


FORMS = ("dropout", "dropout2d", "feature_alpha_dropout")


@pytest.mark.parametrize("name", FORMS)
def test_every_mistake_of_dropout_is_named_and_no_other_one(name):
    for fault in dropout.FAULTS:
        if name in fault.operations:
            function = fault.implementation().operations[name]
            assert named(CATALOGUE[name], function, fault.output) == [fault.id]


@pytest.mark.parametrize("name", FORMS)
def test_a_right_dropout_has_no_mistake(name):
    for output in ("output", "grad_input"):
        assert named(CATALOGUE[name], naive.operations[name], output) == []


def test_a_dropout_written_by_hand_is_named_by_its_output_and_its_gradient():
    def wrong(x, *, p=0.5, training=True, rng=None):
        kept = np.random.default_rng(rng).random(x.shape) < 1 - p
        factor = kept if training else np.full(x.shape, 1 - p)
        return x * factor, lambda g: (g * factor,)

    for output, id_ in (("output", "scaled"), ("grad_input", "grad-scaled")):
        found = named(CATALOGUE["dropout"], wrong, output)
        assert found == [f"dropout/{id_}-in-evaluation"]


@pytest.mark.parametrize("name", ["one-mask-for-the-batch", "elements-not-channels"])
def test_a_mask_of_the_wrong_shape_breaks_the_law(name):
    law, subject = CATALOGUE["dropout2d"].law, FAULTS[f"dropout/{name}"].implementation()
    broken = {
        (o, check)
        for o, check, message in law(subject.operations["dropout2d"], "float32", 1)
        if message
    }
    kind = "independence" if name.startswith("one") else "whole channels"
    assert ("output", kind) in broken


def test_a_value_of_what_is_dropped_that_is_wrong_is_no_mistake_of_the_mask():
    subject = FAULTS["dropout/dropped-to-zero"].implementation()
    found = CATALOGUE["alpha_dropout"].law(subject.operations["alpha_dropout"], "float64", 1)
    assert {output for output, _, message in found if message} == {"output"}


def test_dropout_that_changes_another_output_keeps_the_dtype():
    for fault in dropout.FAULTS:
        function = fault.implementation().operations[fault.operations[0]]
        y, pullback = function(np.ones((2, 3), np.float32), p=0.25, rng=1, training=True)
        assert (y.dtype, pullback(y)[0].dtype) == (np.float32, np.float32), fault.id


@pytest.mark.parametrize("family", ["norm", "dropout"])
def test_each_fault_has_a_formula(family):
    mine = [fault for fault in FAULTS.values() if fault.id.startswith(f"{family}/")]
    assert mine
    assert [fault.id for fault in mine if not fault.formula] == []


def test_a_right_subject_is_not_rejected_by_the_cases_that_expose_faults():
    subject = Implementation("right", {n: naive.operations[n] for n in ("layer_norm", "rms_norm")})
    report = verify(subject, ["layer_norm", "rms_norm"], [], examples=0, diagnose=False)
    report.assert_ok()
