"""Error bounds hold for every rounding and every error of an operand, and are no wider."""

import itertools
import math
from fractions import Fraction

import mpmath
import numpy as np
import pytest
from scipy import special

from reference_tests import CATALOGUE
from reference_tests import tolerance as t
from reference_tests.precise import Number, floats
from reference_tests.precise import precise as numbers
from reference_tests.references.exact import truths
from reference_tests.tolerance import FORMATS, LIBRARY, Bounded, gamma

UNARY = {name: getattr(t, name) for name in ("exp", "expm1", "log", "log1p", "tanh", "sqrt", "erf")}
RULES = {
    "+": (lambda a, b: a + b, 2),
    "-": (lambda a, b: a - b, 2),
    "*": (lambda a, b: a * b, 2),
    "/": (lambda a, b: a / b, 2),
    "-x": (lambda a: -a, 1),
    "abs": (abs, 1),
    "power": (lambda a: t.power(a, 2.5), 1),
    "maximum": (lambda a, b: t.maximum(a, b - 4.0), 2),
    "minimum": (lambda a, b: t.minimum(a, b + 4.0), 2),
    "constant + x": (lambda a: 3.0 + a, 1),
    "constant - x": (lambda a: 3.0 - a, 1),
    "constant * x": (lambda a: 0.5 * a, 1),
    "constant / x": (lambda a: 2.0 / a, 1),
    "sum": (lambda a: a.sum(), 1),
    "contract": (lambda a, b: t.contract("i,i->", a, b), 2),
    "contract with a start": (lambda a, b, c: t.contract("i,i->", a, b, c), 3),
    **{name: (function, 1) for name, function in UNARY.items()},
}
ORACLE = {name: getattr(np, name, special.erf) for name in UNARY}
PRECISE = {function: name for name, function in UNARY.items()}


def precise(rule, operands):
    """Return a rule's value on operands that are numbers of mpmath, by mpmath alone."""
    if rule in PRECISE:
        return np.frompyfunc(getattr(mpmath, PRECISE[rule]), 1, 1)(operands[0])
    if rule is RULES["contract"][0]:
        return np.asarray((operands[0] * operands[1]).sum(), object)
    if rule is RULES["contract with a start"][0]:
        return np.asarray((operands[0] * operands[1]).sum() + operands[2], object)
    return np.asarray(rule(*operands), object)


def exactly(array):
    return np.frompyfunc(lambda value: mpmath.mpf(float(value)), 1, 1)(array)


def units(rule, values, errors, dtype, truth=None):
    """Return the largest error of a rule in units of its bound, over operands within theirs.

    The operands take every combination of the ends of their intervals; the result of exact
    arithmetic on them is as far from the truth as a rule without roundings can be. `truth` is
    the right rule, if `rule` is not.
    """
    truth = truth or rule
    format = FORMATS[dtype]
    with mpmath.workprec(160):
        operands = []
        for value, error in zip(values, errors, strict=True):
            exact = Bounded.exact(value, dtype)
            operands.append(Bounded(exact.value, error, format))
        result = rule(*operands)
        centre = precise(truth, [exactly(value) for value in values])
        worst = 0.0
        for signs in itertools.product((-1, 0, 1), repeat=len(values)):
            ends = [
                exactly(value) + sign * exactly(error)
                for sign, value, error in zip(signs, values, errors, strict=True)
            ]
            off = floats(precise(truth, ends) - centre)
            worst = max(worst, float(np.max(np.abs(off) / result.error)))
        # Some float64 roundings apart; the wrong rules that this must see are off by far more.
        np.testing.assert_allclose(floats(result.value), floats(centre), rtol=1e-15, atol=0)
    return worst


def operands_of(name, dtype, count=20):
    """Return positive operands, and errors far above the rounding of the dtype."""
    rng = np.random.default_rng(sum(map(ord, name)))
    many = RULES[name][1]
    shapes = [()] if name == "contract with a start" else []
    shapes = [(count,)] * (many - len(shapes)) + shapes
    values = [(rng.random(shape) + 0.5).astype(dtype).astype(float) for shape in shapes]
    return values, [np.asarray(value * 2e-3) for value in values]


@pytest.mark.parametrize("dtype", FORMATS)
@pytest.mark.parametrize("name", RULES)
def test_a_rule_bounds_the_errors_of_its_operands_and_not_much_more(name, dtype):
    rule, _ = RULES[name]
    worst = units(rule, *operands_of(name, dtype), dtype)
    # All operands lie on one side of every slope, so some corner reaches the bound, but for the
    # roundings, 2e-3 against 1e-7, and for tanh, whose slope is taken where it is largest.
    assert 0.9 < worst <= 1


@pytest.mark.parametrize("name", ["*", "/", "+"])
def test_a_rule_that_forgets_an_operand_would_be_seen(name):
    right, _ = RULES[name]

    def wrong(a, b):
        certain = Bounded(b.value, np.zeros(b.shape), b.format)
        return right(a, certain)

    values, errors = operands_of(name, "float32")
    assert units(right, values, errors, "float32") <= 1
    assert units(wrong, values, errors, "float32", right) > 1


@pytest.mark.parametrize("dtype", FORMATS)
@pytest.mark.parametrize("name", RULES)
def test_what_numpy_computes_lies_within_the_bound(name, dtype):
    rule, many = RULES[name]
    rng = np.random.default_rng(5)
    unit = FORMATS[dtype].unit
    for scale in (1e-6, 1.0, 8.0):
        shapes = [(30,)] * min(many, 2) + [()] * (many - 2)
        arrays = [(scale * (rng.random(shape) + 0.01)).astype(dtype) for shape in shapes]
        bounded = rule(*(Bounded.exact(array, dtype) for array in arrays))
        computed = rule(*arrays)
        assert np.asarray(computed).dtype == dtype
        off = (
            floats(numbers(computed) - bounded.value)
            if dtype == "float64"
            else computed - (floats(bounded.value))
        )
        assert (np.abs(off) <= bounded.error).all()
        # Not vacuous: no rule grants more than the roundings it can have, of positive numbers.
        # The constant minus x cancels, so that its bound is large only against its result.
        most = {"sum": 30, "contract": 31, "contract with a start": 32}.get(name, LIBRARY + 1)
        size = np.abs(floats(bounded.value)) + (8.0 if name == "constant - x" else 0.0)
        assert (bounded.error <= most * unit * size * 1.01 + FORMATS[dtype].tiny).all()


@pytest.mark.parametrize("dtype", FORMATS)
def test_a_result_that_is_a_little_beyond_would_be_seen(dtype):
    array = np.linspace(0.5, 2, 9).astype(dtype)
    for name in ("*", "+", "sum", "contract"):
        rule, many = RULES[name]
        bounded = rule(*[Bounded.exact(array, dtype)] * many)
        beyond = floats(bounded.value) + 1.5 * bounded.error
        assert (np.abs(beyond - floats(bounded.value)) > bounded.error).all()


@pytest.mark.parametrize("dtype", FORMATS)
@pytest.mark.parametrize("bias", [True, False])
def test_the_bound_of_a_convolution_is_gamma_n(dtype, bias):
    operation = CATALOGUE["conv2d"]
    case = operation.pinned[0]
    arrays = case.fill(dtype)
    if not bias:
        arrays["bias"] = None

    def cotangent(shape):
        return case.cotangent(shape, dtype)

    found = truths(operation, arrays, case.hyper, cotangent, dtype)
    sizes = {name: a if a is None else np.abs(a).astype(float) for name, a in arrays.items()}
    positive = truths(
        operation, sizes, case.hyper, lambda shape: np.abs(cotangent(shape)), "float64"
    )
    (n, channels, *_), (filters, _, kh, kw) = arrays["x"].shape, arrays["weight"].shape
    pixels = np.prod(found["output"].value.shape[2:])
    lengths = {
        "output": channels * kh * kw + bias,
        "grad_input": filters * kh * kw,
        "grad_weight": n * pixels,
    }
    for name, length in lengths.items():
        # |x|·|w| is itself a float64 result, with a rounding for each term.
        expected = gamma(length, FORMATS[dtype].unit) * floats(positive[name].value)
        np.testing.assert_allclose(
            found[name].bound, expected + FORMATS[dtype].tiny, rtol=1e-12, atol=0
        )


def test_gamma_is_a_little_above_n_roundings():
    assert gamma(0, 2.0**-24) == 0
    assert 100 * 2.0**-24 < gamma(100, 2.0**-24) < 101 * 2.0**-24


def test_a_constant_is_rounded_to_the_format_once():
    tenth = Bounded.exact(np.ones(1), "float32") * 0.1
    assert tenth.error[0] >= abs(float(np.float32(0.1)) - 0.1)
    half = Bounded.exact(np.ones(1), "float32") * 0.5
    # That of the product is left, and what underflow may take.
    assert half.error[0] == FORMATS["float32"].unit * 0.5 + FORMATS["float32"].tiny


def test_an_operand_of_another_format_is_rounded_to_this_one():
    x = Bounded.exact(np.array([1.0]), "float32")
    wide = Bounded.exact(np.array([1 / 3]), "float64")
    assert (x * wide).error[0] >= abs(float(np.float32(1 / 3)) - 1 / 3)
    assert isinstance((wide * x).value[0], Number)


@pytest.mark.parametrize("dtype", FORMATS)
def test_beyond_the_numbers_values_are_those_of_ieee(dtype):
    odd = np.array([0.0, -0.0, 1.0, -1.0, -2.0, np.inf, -np.inf, np.nan])
    x = Bounded.exact(odd, dtype)
    with np.errstate(all="ignore"):
        for name, function in UNARY.items():
            expected = ORACLE[name](odd)
            # NumPy's own functions err by up to 4 ulp, 9e-16.
            np.testing.assert_allclose(floats(function(x).value), expected, rtol=1e-15, atol=0)
        for a, b in itertools.product(odd, odd):
            pair = Bounded.exact(np.array([a]), dtype), Bounded.exact(np.array([b]), dtype)
            for rule in (RULES[name][0] for name in "+-*/"):
                expected = rule(np.array([a]), np.array([b]))
                found = floats(rule(*pair).value)
                assert np.array_equal(np.abs(found), np.abs(expected), equal_nan=True), (a, b)
    for function in UNARY.values():
        assert np.isfinite(function(Bounded.exact(np.array([1.0]), dtype)).error).all()
        assert (function(x).error >= 0).all()


@pytest.mark.parametrize("dtype", FORMATS)
def test_an_overflow_is_infinite(dtype):
    x = t.exp(Bounded.exact(np.array([1e6, -1e6]), dtype))
    assert floats(x.value).tolist() == [np.inf, 0]


def test_a_denominator_that_may_be_zero_bounds_nothing():
    format = FORMATS["float32"]
    unsure = Bounded(np.array([1.0, 1.0]), np.array([1.0, 0.25]), format)
    bound = (Bounded.exact(np.array([1.0, 1.0]), "float32") / unsure).error
    assert bound[0] == np.inf
    # 1/0.75 - 1 is a third.
    assert 1 / 3 <= bound[1] < 0.34


def test_a_logarithm_near_zero_bounds_nothing():
    unsure = Bounded(np.array([0.5]), np.array([0.5]), FORMATS["float32"])
    assert t.log(unsure).error[0] == np.inf


def test_the_exponent_of_a_power_is_rounded_to_the_format_once():
    x, u = np.array([4.0**30, 2.0]), 2.0**-24
    root = t.power(Bounded.exact(x, "float32"), Fraction(1, 3))
    rounding = abs(float(np.float32(1 / 3)) - 1 / 3)
    expected = root.value * (LIBRARY * u + np.log(x) * rounding)
    np.testing.assert_allclose(root.error, expected, rtol=1e-6)
    # An exponent that the format has costs nothing, and one in precise numbers is a fraction.
    assert t.power(Bounded.exact(x, "float32"), 0.75).error[1] <= 2 * LIBRARY * u
    cube = t.power(Bounded.exact(np.array([27.0]), "float64"), Fraction(1, 3)).value.item()
    assert abs(cube - 3) < 1e-45


def test_a_root_of_an_error_near_zero_is_at_most_the_root_of_that_error():
    x = Bounded(np.zeros(2), np.array([0.0, 1e-6]), FORMATS["float32"])
    tiny = FORMATS["float32"].tiny
    error = t.power(x, 0.5).error
    assert error[0] == tiny
    assert 1e-3 <= error[1] <= 1e-3 * (1 + 2 * LIBRARY * 2.0**-24) + tiny


def test_underflow_is_within_the_bound():
    tiny = np.full(4, 1e-30, np.float32)
    bounded = Bounded.exact(tiny, "float32") * Bounded.exact(tiny, "float32")
    assert np.all(np.abs(tiny * tiny - floats(bounded.value)) <= bounded.error)


def test_near_the_constant_a_maximum_is_in_doubt():
    format = FORMATS["float32"]
    x = Bounded(np.array([0.01, -0.01, 1.0, -1.0, np.nan]), np.full(5, 0.02), format)
    result = t.maximum(x, 0.0)
    np.testing.assert_array_equal(floats(result.value), [0.01, 0, 1, 0, np.nan])
    np.testing.assert_array_equal(result.error, [0.02, 0.02, 0.02, 0, 0])
    np.testing.assert_array_equal(t.maximum(np.array([-1.0, 2.0]), 0.0), [0, 2])


def test_a_gate_near_its_threshold_is_in_doubt():
    format = FORMATS["float32"]
    x = Bounded(np.array([0.01, 1.0]), np.full(2, 0.02), format)
    grad = Bounded.exact(np.array([3.0, 3.0]), "float32")
    assert t.gated(x, np.array([True, True]), grad).error.tolist() == [3.0, 0.0]
    certain = Bounded.exact(np.array([0.0, 1.0]), "float32")
    assert t.gated(certain, np.array([False, True]), grad).error.tolist() == [0.0, 0.0]


def test_parts_are_chosen_at_the_limit_and_either_counts_within_the_error_of_it():
    above, below = (Bounded.exact(np.full(3, size), "float32") for size in (5.0, 2.0))
    certain = Bounded.exact(np.array([0.5, 1.0, 1.5]), "float32")
    y = t.parted(certain, 1.0, above, below)
    assert (y.value.tolist(), y.error.tolist()) == ([2, 2, 5], [0, 0, 0])
    x = Bounded(np.array([0.5, 1.0, 1.5]), np.full(3, 0.25), FORMATS["float32"])
    y = t.parted(x, 1.0, above, below)
    assert (y.value.tolist(), y.error.tolist()) == ([2, 2, 5], [0, 3, 0])
    assert t.parted(np.array([1.0, 2.0]), 1.0, 7.0, -7.0).tolist() == [-7, 7]


def test_numbers_are_compared_as_the_format_has_them():
    assert t.rounded(Bounded.exact(np.ones(1), "float32"), 0.1) == float(np.float32(0.1))
    assert t.rounded(np.ones(1, np.float32), 0.1) == float(np.float32(0.1))
    assert t.rounded(np.ones(1), 0.1) == 0.1


def test_pi_has_more_digits_than_a_float():
    assert float(t.pi().value) == math.pi
    assert 1e-17 < abs(t.pi().value.item() - Number(math.pi)) < 2e-16


@pytest.mark.parametrize("dtype", FORMATS)
def test_moving_numbers_rounds_nothing(dtype):
    x = Bounded.exact(np.arange(6.0).reshape(2, 3), dtype)
    moved = t.gather(x, 1, np.array([[2, -1], [0, 0]]), 7.0)
    assert (moved.shape, moved.ndim, moved.size) == ((2, 2, 2), 3, 8)
    np.testing.assert_array_equal(floats(moved.value), [[[2, 7], [0, 0]], [[5, 7], [3, 3]]])
    assert not moved.error.any()
    empty = t.gather(x[:, :0], 1, np.array([-1, -1]), 1.5)
    np.testing.assert_array_equal(floats(empty.value), np.full((2, 2), 1.5))
    assert not x.reshape(3, 2)[1:].error.any()
    chosen = t.where(np.array([True, False, True]), x, 0.0)
    np.testing.assert_array_equal(floats(chosen.value), [[0, 0, 2], [3, 0, 5]])
    np.testing.assert_array_equal(t.where(np.array([True, False]), 1.0, 2.0), [1, 2])


@pytest.mark.parametrize("dtype", FORMATS)
def test_a_sum_of_nothing_is_zero(dtype):
    nothing = Bounded.exact(np.zeros((0, 3)), dtype).sum(0)
    assert floats(nothing.value).tolist() == [0, 0, 0]


def test_plain_arrays_pass_through_every_function():
    x = np.array([0.5, 2.0])
    for name, function in UNARY.items():
        np.testing.assert_array_equal(function(x), ORACLE[name](x))
    assert t.contract("i,i->", x, x, 1.0) == 5.25
    assert not t.uncertainty(x).any()
    assert t.plain(x) is x
    assert isinstance(t.scalar(2.0).value.item(), Number)


def test_scaled_bounds_both_forms_and_only_what_they_round():
    rng = np.random.default_rng(0)
    sizes = 10.0 ** rng.integers(-2, 4, (4, 500))
    x, centre, scale, shift = (rng.standard_normal((4, 500)) * sizes).astype(np.float32)
    # An error of the scale that both forms have in common.
    off = np.abs(np.spacing(scale))
    operands = [Bounded.exact(array, "float32") for array in (x, centre, scale, shift)]
    operands[2] = Bounded(operands[2].value, off, FORMATS["float32"])
    result = t.scaled(*operands)
    one = (x - centre) * (scale + off) + shift
    other = x * (scale + off) + (shift - centre * (scale + off))
    assert one.dtype == other.dtype == np.float32
    for form in (one, other):
        assert (np.abs(form - result.value) <= result.error).all()
    # The other form is not within the bound of the first; and the bound is no wider than what
    # all its roundings can add up to.
    first = (operands[0] - operands[1]) * operands[2] + operands[3]
    assert (np.abs(other - result.value) > first.error).any()
    products = np.abs(x.astype(float) * scale) + 2 * np.abs(centre.astype(float) * scale)
    most = first.error + 2.0**-24 * 1.01 * (2 * products + 2 * np.abs(shift)) + 1e-36
    assert (result.error <= most).all()
    assert t.scaled(2.0, 1.0, 3.0) == 3
