"""The mistakes of activations: each computes what its formula says, written here in another way."""

import itertools

import numpy as np
import pytest
from scipy.special import erf, expit

from reference_tests import CATALOGUE, Case, Spec
from reference_tests.checks import Observation, evaluate
from reference_tests.faults import FAULTS, Inputs, activation, curves, simulated

ACTIVATIONS = {fault.id.removeprefix("activation/"): fault for fault in activation.FAULTS}
EPS = np.finfo(float).eps
X = np.array([-3.5, -2.0, -0.75, -0.25, 0.0, 0.25, 0.75, 2.0, 3.5, 7.0])
G = np.array([1.5, -1.0, 0.5, 2.0, -0.5, 1.0, -2.0, 0.25, 1.0, -1.5])
S = expit


def run(name, operation, x=X, grad_output=G, weight=None, **hyper):
    """Return the output and the gradients of a subject with one fault."""
    function = ACTIVATIONS[name].implementation().operations[operation]
    arrays = (x,) if weight is None else (x, weight)
    y, pullback = function(*arrays, **hyper)
    return (y, *pullback(grad_output))


def softmax(x, dim=-1):
    powers = np.exp(x - x.max(dim, keepdims=True))
    return powers / powers.sum(dim, keepdims=True)


def test_the_dictionary_has_every_row_about_activations():
    assert {
        "grad-of-the-right-at-zero",
        "grad-masked-by-the-gradient",
        "grad-at-the-output",
        "grad-formula-of-the-output",
        "applied-twice",
        "exponentials-overflow",
        "softmax-no-maximum-subtracted",
        "softmax-one-maximum-for-all",
        "grad-softmax-diagonal",
        "softmax-of-the-first-axis",
        "softmax-over-everything",
        "softmax-twice",
        "gelu-by-tanh",
    } <= set(ACTIVATIONS)
    found = {name for fault in activation.FAULTS for name in fault.operations}
    assert found == {*curves.ELEMENTWISE, *curves.ALONG_AN_AXIS, "glu"}


@pytest.mark.parametrize(
    ("name", "operation", "hyper", "formula"),
    [
        ("negative-side-missing", "leaky_relu", {}, lambda x: np.maximum(x, 0)),
        ("negative-side-sign", "leaky_relu", {}, lambda x: np.where(x > 0, x, -0.01 * x)),
        ("leaky-slope-of-tensorflow", "leaky_relu", {}, lambda x: np.maximum(x, 0.2 * x)),
        (
            "larger-of-both-sides",
            "leaky_relu",
            {"negative_slope": 1.5},
            lambda x: np.maximum(x, 1.5 * x),
        ),
        ("parameters-ignored", "elu", {"alpha": 1.7}, lambda x: np.where(x > 0, x, np.expm1(x))),
        ("parameters-ignored", "hardtanh", {"max_val": 5.0}, lambda x: np.clip(x, -1, 1)),
        ("one-not-subtracted", "elu", {"alpha": 2.0}, lambda x: np.where(x > 0, x, 2 * np.exp(x))),
        ("celu-as-elu", "celu", {"alpha": 2.0}, lambda x: np.where(x > 0, x, 2 * np.expm1(x))),
        ("upper-bound-missing", "relu6", {}, lambda x: np.maximum(x, 0)),
        ("hardsigmoid-of-keras", "hardsigmoid", {}, lambda x: np.clip(0.2 * x + 0.5, 0, 1)),
        ("softshrink-as-hardshrink", "softshrink", {}, lambda x: np.where(abs(x) > 0.5, x, 0)),
        (
            "hardshrink-as-softshrink",
            "hardshrink",
            {},
            lambda x: np.sign(x) * np.maximum(abs(x) - 0.5, 0),
        ),
        ("softshrink-moved-one-way", "softshrink", {}, lambda x: (x - 0.5) * (abs(x) > 0.5)),
        ("bound-is-inside", "hardshrink", {"lambd": 2.0}, lambda x: np.where(abs(x) < 2, 0, x)),
        (
            "threshold-and-value-exchanged",
            "threshold",
            {"threshold": 1.0, "value": -1.0},
            lambda x: np.where(x > -1, x, 1),
        ),
        ("applied-twice", "sigmoid", {}, lambda x: S(S(x))),
        ("applied-twice", "tanh", {}, lambda x: np.tanh(np.tanh(x))),
        ("exponent-sign", "sigmoid", {}, lambda x: S(-x)),
        ("exponent-sign", "softplus", {}, lambda x: np.log1p(np.exp(-x))),
        ("sigmoid-of-tanh-not-halved", "sigmoid", {}, lambda x: (1 + np.tanh(x)) / 2),
        (
            "softplus-not-divided-by-beta",
            "softplus",
            {"beta": 2.0},
            lambda x: np.log1p(np.exp(2 * x)),
        ),
        (
            "softplus-threshold-ignored",
            "softplus",
            {"threshold": 1.0},
            lambda x: np.log1p(np.exp(x)),
        ),
        (
            "softplus-threshold-of-x",
            "softplus",
            {"beta": 2.0, "threshold": 3.0},
            lambda x: np.where(x > 3, x, np.log1p(np.exp(2 * x)) / 2),
        ),
        ("gelu-by-erf", "gelu", {"approximate": "tanh"}, lambda x: x * (1 + erf(x / 2**0.5)) / 2),
        ("gelu-by-sigmoid", "gelu", {}, lambda x: x * S(1.702 * x)),
        ("gelu-without-root", "gelu", {}, lambda x: x * (1 + erf(x)) / 2),
        (
            "gelu-by-tanh",
            "gelu",
            {},
            lambda x: x / 2 * (1 + np.tanh((2 / np.pi) ** 0.5 * (x + 0.044715 * x**3))),
        ),
        ("softsign-without-absolute", "softsign", {}, lambda x: x / (1 + x)),
    ],
)
def test_a_wrong_output(name, operation, hyper, formula):
    y, grad = run(name, operation, **hyper)
    # The same formula in another order: some roundings, of terms that hardly cancel.
    np.testing.assert_allclose(y, formula(X), rtol=64 * EPS, atol=4 * EPS)
    _, right = run("grad-sign", operation, **hyper)
    np.testing.assert_array_equal(grad, -right)


@pytest.mark.parametrize(
    ("name", "operation", "hyper", "formula"),
    [
        ("grad-of-the-right-at-zero", "relu", {}, lambda x, g: g * (x >= 0)),
        ("grad-half-at-zero", "relu", {}, lambda x, g: g * np.heaviside(x, 0.5)),
        ("grad-masked-by-the-gradient", "relu", {}, lambda x, g: np.maximum(g, 0)),
        ("grad-negative-lost", "relu", {}, lambda x, g: np.maximum(g, 0) * (x > 0)),
        ("grad-passed-through", "relu", {}, lambda x, g: g),
        ("grad-output-ignored", "relu", {}, lambda x, g: x > 0),
        ("grad-averaged-over-batch", "relu", {}, lambda x, g: g * (x > 0) / 10),
        ("grad-by-the-output", "sigmoid", {}, lambda x, g: g * S(x)),
        ("grad-negative-side-missing", "leaky_relu", {}, lambda x, g: g * (x > 0)),
        ("grad-negative-side-sign", "leaky_relu", {}, lambda x, g: g * np.where(x > 0, 1, -0.01)),
        (
            "grad-parameters-ignored",
            "elu",
            {"alpha": 3.0},
            lambda x, g: g * np.exp(np.minimum(x, 0)),
        ),
        ("grad-alpha-not-added", "elu", {}, lambda x, g: g * np.where(x > 0, 1, np.expm1(x))),
        (
            "grad-celu-as-elu",
            "celu",
            {"alpha": 2.0},
            lambda x, g: g * np.where(x > 0, 1, 2 * np.exp(x)),
        ),
        (
            "grad-passed-at-the-bounds",
            "hardtanh",
            {"max_val": 2.0},
            lambda x, g: g * (x >= -1) * (x <= 2),
        ),
        (
            "grad-passed-at-the-bounds",
            "hardshrink",
            {"lambd": 0.75},
            lambda x, g: g * (abs(x) >= 0.75),
        ),
        ("grad-upper-bound-missing", "hardtanh", {}, lambda x, g: g * (x > -1)),
        ("grad-hardsigmoid-of-keras", "hardsigmoid", {}, lambda x, g: 0.2 * g * (abs(x) < 2.5)),
        (
            "grad-threshold-and-value-exchanged",
            "threshold",
            {"threshold": 1.0, "value": -1.0},
            lambda x, g: g * (x > -1),
        ),
        ("grad-at-the-output", "sigmoid", {}, lambda x, g: g * S(S(x)) * (1 - S(S(x)))),
        ("grad-formula-of-the-output", "sigmoid", {}, lambda x, g: g * x * (1 - x)),
        ("grad-formula-of-the-output", "tanh", {}, lambda x, g: g * (1 - x * x)),
        (
            "grad-applied-twice",
            "sigmoid",
            {},
            lambda x, g: g * S(S(x)) * (1 - S(S(x))) * S(x) * (1 - S(x)),
        ),
        ("grad-plus-instead-of-minus", "sigmoid", {}, lambda x, g: g * S(x) * (1 + S(x))),
        ("grad-one-minus-output", "tanh", {}, lambda x, g: g * (1 - np.tanh(x))),
        ("grad-exponent-sign", "logsigmoid", {}, lambda x, g: g * S(x)),
        ("grad-product-rule-forgotten", "silu", {}, lambda x, g: g * S(x)),
        ("grad-product-rule-forgotten", "gelu", {}, lambda x, g: g * (1 + erf(x / 2**0.5)) / 2),
        (
            "grad-product-rule-forgotten",
            "mish",
            {},
            lambda x, g: g * np.tanh(np.log1p(np.exp(x))),
        ),
        (
            "grad-product-rule-forgotten",
            "hardswish",
            {},
            lambda x, g: g * np.clip(x / 6 + 0.5, 0, 1),
        ),
        ("grad-softplus-times-beta", "softplus", {"beta": 2.0}, lambda x, g: 2 * g * S(2 * x)),
        ("grad-softplus-threshold-ignored", "softplus", {"threshold": 1.0}, lambda x, g: g * S(x)),
        (
            "grad-softplus-threshold-of-x",
            "softplus",
            {"beta": 2.0, "threshold": 3.0},
            lambda x, g: g * np.where(x > 3, 1, S(2 * x)),
        ),
        (
            "grad-gelu-by-sigmoid",
            "gelu",
            {},
            lambda x, g: g * S(1.702 * x) * (1 + 1.702 * x * S(-1.702 * x)),
        ),
        ("grad-softsign-not-squared", "softsign", {}, lambda x, g: g / (1 + abs(x))),
        ("grad-tanhshrink-of-the-tanh", "tanhshrink", {}, lambda x, g: g / np.cosh(x) ** 2),
    ],
)
def test_a_wrong_gradient(name, operation, hyper, formula):
    _, grad = run(name, operation, **hyper)
    np.testing.assert_allclose(grad, formula(X, G), rtol=64 * EPS, atol=4 * EPS)


def test_selu_has_other_constants():
    for name, scale, alpha, left in (
        ("selu-constants-swapped", 1.6732632423543772, 1.0507009873554805, 1.6732632423543772),
        ("selu-constants-rounded", 1.05, 1.67, 1.05),
        ("selu-scale-on-one-side", 1.0507009873554805, 1.6732632423543772, 1.0),
    ):
        y, _ = run(name, "selu")
        np.testing.assert_allclose(y, np.where(X > 0, scale * X, left * alpha * np.expm1(X)))
        _, grad = run(f"grad-{name}", "selu")
        np.testing.assert_allclose(grad, G * np.where(X > 0, scale, left * alpha * np.exp(X)))


SPECIAL = np.array([-np.inf, -1e4, -1.0, 1.0, 1e4, np.inf])


@pytest.mark.parametrize(
    ("name", "operation", "lost"),
    [
        ("exponentials-overflow", "sigmoid", [0, 0, 0, 0, 1, 1]),
        ("exponentials-overflow", "tanh", [1, 1, 0, 0, 1, 1]),
        ("masked-by-multiplication", "relu", [1, 0, 0, 0, 0, 0]),
        ("masked-by-multiplication", "elu", [1, 0, 0, 0, 1, 1]),
        ("masked-by-multiplication", "leaky_relu", [1, 0, 0, 0, 0, 1]),
    ],
)
def test_what_is_not_finite_becomes_nan(name, operation, lost):
    for dtype in (np.float32, np.float64):
        x = SPECIAL.astype(dtype)
        y, _ = run(name, operation, x, np.ones_like(x))
        assert np.isnan(y).tolist() == list(map(bool, lost))
        assert y.dtype == dtype


def test_the_naive_softplus_is_infinite_above_and_zero_below():
    x = np.array([-40.0, 0.0, 1e4])
    y, _ = run("exponentials-overflow", "softplus", x, np.ones(3))
    np.testing.assert_allclose(y, [0, np.log(2), np.inf])
    y, _ = run("one-swallows-the-exponential", "softplus", x, np.ones(3))
    np.testing.assert_allclose(y, [0, np.log(2), 1e4])
    y, _ = run("exponential-minus-one-cancels", "elu", np.array([-1e-20, -1.0]), np.ones(2))
    np.testing.assert_allclose(y, [0, np.exp(-1) - 1])


@pytest.mark.parametrize("operation", ACTIVATIONS["nan-lost"].operations)
def test_nan_becomes_what_is_not_above_the_bound(operation):
    hyper = {"threshold": 0.5, "value": 3.0} if operation == "threshold" else {}
    y, _ = run("nan-lost", operation, np.array([np.nan, 1.0]), np.ones(2), **hyper)
    assert y[0] == {"threshold": 3.0, "hardtanh": -1.0}.get(operation, 0.0)


ROWS = np.array([[0.5, 2.0, -1.0], [1.0, -1.0, 0.0]])
COTANGENT = np.array([[1.0, -2.0, 0.5], [0.25, 1.0, -1.0]])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("softmax-of-the-first-axis", softmax(ROWS, 0)),
        ("softmax-over-everything", softmax(ROWS.reshape(-1)).reshape(2, 3)),
        ("softmax-not-normalized", np.exp(ROWS - ROWS.max(1, keepdims=True))),
        ("softmax-twice", softmax(softmax(ROWS))),
        ("softmax-no-maximum-subtracted", softmax(ROWS)),
        ("softmax-one-maximum-for-all", softmax(ROWS)),
    ],
)
def test_a_wrong_softmax(name, expected):
    y, _ = run(name, "softmax", ROWS, COTANGENT, dim=1)
    np.testing.assert_allclose(y, expected)
    operations = ACTIVATIONS[name].operations
    y, _ = run(name, "softmin", -ROWS, COTANGENT, dim=1)
    if name != "softmax-twice":
        np.testing.assert_allclose(y, expected)
    if "log_softmax" in operations:
        y, _ = run(name, "log_softmax", ROWS, COTANGENT, dim=1)
        np.testing.assert_allclose(y, np.log(expected))


@pytest.mark.parametrize(
    ("name", "operation", "expected"),
    [
        ("grad-softmax-diagonal", "softmax", COTANGENT * softmax(ROWS) * (1 - softmax(ROWS))),
        ("grad-softmax-diagonal", "log_softmax", COTANGENT * (1 - softmax(ROWS))),
        ("grad-softmax-sum-missing", "softmax", COTANGENT * softmax(ROWS)),
        (
            "grad-softmax-summed-over-everything",
            "softmax",
            softmax(ROWS) * (COTANGENT - (COTANGENT * softmax(ROWS)).sum()),
        ),
        (
            "grad-softmax-summed-over-everything",
            "log_softmax",
            COTANGENT - softmax(ROWS) * COTANGENT.sum(),
        ),
        ("grad-softmax-as-with-cross-entropy", "softmax", softmax(ROWS) - COTANGENT),
        ("grad-log-softmax-sum-of-one", "log_softmax", COTANGENT - softmax(ROWS)),
    ],
)
def test_a_wrong_gradient_of_softmax(name, operation, expected):
    np.testing.assert_allclose(run(name, operation, ROWS, COTANGENT, dim=1)[1], expected)
    if operation == "softmax" and "softmin" in ACTIVATIONS[name].operations:
        _, grad = run(name, "softmin", -ROWS, COTANGENT, dim=1)
        np.testing.assert_allclose(grad, -expected)


def test_the_gradient_of_a_softmax_over_another_axis():
    for name, dim, taken in (("first", 1, 0), ("last", 0, 1)):
        _, grad = run(f"grad-softmax-of-the-{name}-axis", "softmax", ROWS, COTANGENT, dim=dim)
        _, right = CATALOGUE["softmax"].definition(ROWS, dim=taken)
        np.testing.assert_allclose(grad, right(COTANGENT)[0])


def test_large_logits_are_lost_and_small_ones_are_not():
    for name, x in (
        ("softmax-no-maximum-subtracted", [[0.0, 1e4]]),
        ("softmax-one-maximum-for-all", [[0.0, 0.0], [1e4, 0.0]]),
    ):
        y, _ = run(name, "softmax", np.array(x), np.ones(np.shape(x)), dim=1)
        assert np.isnan(y).any()
    y, _ = run("softmax-logarithm-of-zero", "log_softmax", np.array([0.0, 1e4]), G[:2], dim=0)
    assert y.tolist() == [-np.inf, 0]


def test_gated_linear_units():
    x, g = X[:8], G[:4]
    signal, gate = x[:4], x[4:]
    halves = {
        "glu-halves-exchanged": gate * S(signal),
        "glu-interleaved": x[::2] * S(x[1::2]),
        "glu-gate-without-sigmoid": signal * gate,
    }
    for name, expected in halves.items():
        np.testing.assert_allclose(run(name, "glu", x, g)[0], expected)
    right = [g * S(gate), g * signal * S(gate) * S(-gate)]
    _, grad = run("grad-glu-halves-exchanged", "glu", x, g)
    np.testing.assert_allclose(grad, np.concatenate(right[::-1]))
    _, grad = run("grad-glu-gate-forgotten", "glu", x, g)
    np.testing.assert_allclose(grad, np.concatenate([right[0], 0 * g]))


def test_the_weight_of_prelu():
    rng = np.random.default_rng(2)
    x, g, weight = (
        rng.standard_normal((3, 2, 2)),
        rng.standard_normal((3, 2, 2)),
        np.array([0.25, 3]),
    )
    terms = np.where(x > 0, 0, g * x)
    expected = {
        "prelu-weight-grad-sign": -terms.sum((0, 2)),
        "prelu-weight-grad-averaged": terms.sum((0, 2)) / 3,
        "prelu-weight-grad-of-last-sample": terms[-1].sum(1),
        "prelu-weight-grad-a-single-sum": np.full(2, terms.sum()),
        "prelu-weight-grad-of-first-position": terms[..., 0].sum(0),
        "prelu-weight-grad-of-positive-side": (g * x).sum((0, 2)),
        "prelu-weight-grad-without-x": np.where(x > 0, 0, g).sum((0, 2)),
    }
    assert expected.keys() == {n for n, f in ACTIVATIONS.items() if f.output == "grad_weight"}
    for name, value in expected.items():
        np.testing.assert_allclose(run(name, "prelu", x, g, weight)[2], value, err_msg=name)
    y, *_ = run("prelu-weight-along-the-last-axis", "prelu", x, g, weight)
    np.testing.assert_allclose(y, np.where(x > 0, x, x * weight))
    y, *_ = run("prelu-first-weight-for-all", "prelu", x, g, weight)
    np.testing.assert_allclose(y, np.where(x > 0, x, x * 0.25))
    _, grad, _ = run("grad-prelu-first-weight-for-all", "prelu", x, g, weight)
    np.testing.assert_allclose(grad, np.where(x > 0, g, g * 0.25))


def test_no_two_faults_are_the_same_numbers():
    for name in sorted({name for fault in activation.FAULTS for name in fault.operations}):
        own = [fault for fault in activation.FAULTS if name in fault.operations]
        cases = [*CATALOGUE[name].pinned, *(fault.cases(name)[0] for fault in own)]
        given = [pulled(name, case) for case in cases]
        found = {fault.id: signature(fault, given) for fault in own}
        for one, other in itertools.combinations(own, 2):
            if one.output == other.output:
                assert found[one.id] != found[other.id], (name, one.id, other.id)


def pulled(name, case):
    """Return the inputs of a case, which keep what the oracle says of them."""
    operation = CATALOGUE[name]
    inputs = Inputs(operation, case.fill("float64"), {**operation.defaults, **case.hyper})
    shape = next(iter(inputs.forward[0].values())).shape
    return inputs.pulled(case.cotangent(shape, "float64"))


def signature(fault, given):
    """Return what a fault computes in some cases, in single precision."""
    return [
        (result.shape, (result + 0.0).astype(np.float32).tobytes())
        for result in (
            simulated(inputs, fault.output, fault)
            for inputs in given
            if fault.output in inputs.forward[0] or fault.output.startswith("grad_")
        )
    ]


def test_small_values_hide_an_overflow():
    case = Case({"x": Spec((4, 3))}, {"dim": 1}, seed=2)
    fault = ACTIVATIONS["softmax-no-maximum-subtracted"]
    function = fault.implementation().operations["softmax"]
    assert fault.shows(case)
    seen = evaluate(function, CATALOGUE["softmax"], case)
    assert {o.status for o in seen if isinstance(o, Observation)} == {"passed"}


def test_every_activation_fault_is_registered():
    assert all(FAULTS[fault.id] is fault for fault in activation.FAULTS)
    assert all(fault.formula for fault in activation.FAULTS)


def test_an_operation_that_is_unknown_is_refused():
    row = ("a-name", ("relu", "relv"), "A sentence.", "f", "nothing", (curves.at(1.0),) * 2, {})
    with pytest.raises(ValueError, match=r"faults: a-name names \['relv'\], expected operations"):
        curves.faults("output", (row,))
