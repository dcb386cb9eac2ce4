"""Laws of the losses of distributions, and what they refuse."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from scratchcnn import functional as F
from scratchcnn import gradcheck

U = np.finfo(np.float64).eps
REDUCTIONS = ["none", "mean", "sum"]


def normal(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def shares(*shape, seed=0):
    return np.random.default_rng(seed).uniform(0.05, 0.95, shape)


def checked(name, arrays, place, gradient, **options):
    """Return the gradcheck of a loss along one of its arrays."""

    def function(moved):
        given = [*arrays[:place], moved, *arrays[place + 1 :]]
        value = np.asarray(getattr(F, name)(*given, **options))
        return value, lambda g: gradient(g, *given, **options)

    return gradcheck(function, arrays[place])


# Divergence


def test_kl_div_of_a_distribution_from_itself_is_0_and_positive_from_others():
    p = F.softmax(normal(4, 5), dim=1)
    x = np.log(p)
    # Each term p (log p - log p) is 0 to the bit.
    assert_array_equal(F.kl_div(x, p, reduction="none"), 0)
    others = F.log_softmax(normal(4, 5, seed=1), dim=1)
    assert (F.kl_div(others, p, reduction="none").sum(1) > 0).all()


def test_kl_div_is_the_cross_entropy_less_the_entropy():
    x, p = F.log_softmax(normal(4, 5), dim=1), F.softmax(normal(4, 5, seed=1), dim=1)
    cross = F.cross_entropy(x, p, reduction="sum")
    entropy = -(p * np.log(p)).sum()
    # 20 terms of at most 1 and their sums, all of numbers below 16.
    assert abs(F.kl_div(x, p, reduction="sum") - (cross - entropy)) <= 60 * U * 16


def test_kl_div_takes_logarithms_as_targets():
    x, t = normal(3, 4), np.log(shares(3, 4, seed=1))
    y = F.kl_div(x, t, log_target=True, reduction="none")
    # The logarithm of the exponential has an error of u, times shares below 1 and sums below 8.
    assert np.abs(y - F.kl_div(x, np.exp(t), reduction="none")).max() <= 20 * U * 8


def test_kl_div_divides_by_the_batch_or_by_all_terms():
    x, t = normal(4, 8), shares(4, 8, seed=1)
    total = F.kl_div(x, t, reduction="sum")
    assert F.kl_div(x, t) == total / 32
    assert F.kl_div(x, t, reduction="batchmean") == total / 4
    for gradient in (F.kl_div_input_grad, F.kl_div_target_grad):
        whole = gradient(np.array(3.0), x, t, reduction="sum")
        assert_array_equal(gradient(np.array(12.0), x, t, reduction="batchmean"), whole)
        assert_array_equal(gradient(np.array(96.0), x, t), whole)
    one = np.array(-0.5), np.array(0.25)
    assert F.kl_div(*one, reduction="batchmean") == F.kl_div(*one, reduction="sum")
    assert np.isnan(F.kl_div(x[:0], t[:0], reduction="batchmean"))
    assert F.kl_div(x[:, :0], t[:, :0], reduction="batchmean") == 0


def test_kl_div_of_a_target_of_0_is_0_and_has_no_slope():
    x, t = np.array([-1.0, -2.0]), np.array([0.0, 1.0])
    assert_array_equal(F.kl_div(x, t, reduction="none"), [0, 2])
    grad = F.kl_div_target_grad(np.array([2.0, 3.0]), x, t, reduction="none")
    assert_array_equal(grad, [np.nan, 9])
    assert_array_equal(F.kl_div_input_grad(np.array([2.0, 3.0]), x, t, reduction="none"), [0, -3])


# Poisson


def test_poisson_nll_loss_of_logarithms_is_that_of_their_rates():
    x, t = normal(3, 4), np.arange(12.0).reshape(3, 4)
    y = F.poisson_nll_loss(x, t, reduction="none")
    rates = F.poisson_nll_loss(np.exp(x), t, log_input=False, eps=0.0, reduction="none")
    # |x| < 4, counts up to 11: the logarithm of the exponential errs by 2 ulp of 4.
    assert np.abs(y - rates).max() <= 11 * 8 * U * 4 + 4 * U * 64


def test_poisson_nll_loss_adds_stirlings_approximation_for_counts_above_1():
    x, t = np.zeros(4), np.array([0.0, 1.0, 2.0, 20.0])
    more = F.poisson_nll_loss(x, t, full=True, reduction="none") - 1
    assert_array_equal(more[:2], 0)
    # Stirling's series: what is left is between 1 / (12 t + 1) and 1 / 12 t.
    for count, value in zip(t[2:], more[2:], strict=True):
        left = math.lgamma(count + 1) - value
        assert 1 / (12 * count + 1) < left < 1 / (12 * count)


def test_poisson_nll_loss_has_a_gradient_at_a_count_of_0():
    # PyTorch has NaN there: 0 times the infinite slope of the logarithm.
    x, t, g = np.array([0.5, 0.25]), np.array([0.0, 1.0]), np.array([2.0, 4.0])
    grad = F.poisson_nll_loss_target_grad(g, x, t, full=True, reduction="none")
    assert_array_equal(grad, -g * x)


@pytest.mark.parametrize("log_input", [True, False])
def test_poisson_nll_loss_takes_integers(log_input):
    x, t = shares(3, 4), np.arange(12).reshape(3, 4)
    options = {"log_input": log_input, "reduction": "none"}
    y = F.poisson_nll_loss(x, t, full=True, **options)
    assert_array_equal(y, F.poisson_nll_loss(x, t.astype(float), full=True, **options))
    g = normal(3, 4, seed=1)
    grad = F.poisson_nll_loss_input_grad(g, x, t, **options)
    assert_array_equal(grad, F.poisson_nll_loss_input_grad(g, x, t.astype(float), **options))


# Gauss


def test_gaussian_nll_loss_is_least_at_the_mean_square():
    x, target = np.zeros(3), np.array([0.5, 1.0, 2.0])
    grads = F.gaussian_nll_loss_grads(np.ones(3) * 3, x, target, target**2, reduction="none")
    assert_array_equal(grads.var, 0)
    assert_array_equal(grads.input, -3 / target)
    assert_array_equal(grads.target, 3 / target)


def test_gaussian_nll_loss_of_unit_variances_is_half_the_squared_error():
    x, target = normal(3, 4), normal(3, 4, seed=1)
    half = F.mse_loss(x, target, reduction="none") / 2
    for var in (np.ones((3, 4)), 1.0, 1):
        assert_array_equal(F.gaussian_nll_loss(x, target, var, reduction="none"), half)
    full = F.gaussian_nll_loss(x, target, 1.0, full=True, reduction="none")
    assert_array_equal(full, half + math.log(2 * math.pi) / 2)


def test_gaussian_nll_loss_clamps_the_variance_but_not_its_gradient():
    x, target, var = np.zeros(2), np.array([1.0, 3.0]), np.array([0.0, 0.125])
    options = {"eps": 0.5, "reduction": "none"}
    y = F.gaussian_nll_loss(x, target, var, **options)
    assert_array_equal(y, [(math.log(0.5) + 2) / 2, (math.log(0.5) + 18) / 2])
    grads = F.gaussian_nll_loss_grads(np.array([2.0, -1.0]), x, target, var, **options)
    assert_array_equal(grads.var, [-2, 17])
    assert_array_equal(grads.input, [-4, 6])


def test_gaussian_nll_loss_knows_one_variance_for_several_values():
    x, target, var = normal(2, 3, 4), normal(2, 3, 4, seed=1), shares(2, 3, 4, seed=2)
    g = normal(2, 3, 4, seed=3)
    for given in (var[..., 0], var[..., :1], var[:, :1], var[:1]):
        same = np.broadcast_to(given[..., None] if given.ndim == 2 else given, x.shape)
        y = F.gaussian_nll_loss(x, target, given, reduction="none")
        assert_array_equal(y, F.gaussian_nll_loss(x, target, same.copy(), reduction="none"))
        grads = F.gaussian_nll_loss_grads(g, x, target, given, reduction="none")
        each = F.gaussian_nll_loss_grads(g, x, target, same.copy(), reduction="none").var
        assert grads.var.shape == given.shape
        # Sums of 24 numbers at most.
        assert abs(grads.var.sum() - each.sum()) <= 48 * U * np.abs(each).sum()
    one = F.gaussian_nll_loss_grads(g, x, target, 0.5, reduction="none")
    assert one.var.shape == ()


# All of them

ARRAYS = {
    "kl_div": lambda: [normal(3, 4), shares(3, 4, seed=1)],
    "poisson_nll_loss": lambda: [shares(3, 4), 3 * shares(3, 4, seed=1) + 1.1],
    "gaussian_nll_loss": lambda: [normal(3, 4), normal(3, 4, seed=1), shares(3, 4, seed=2)],
}


def gradients(name):
    """Return the gradient functions of a loss, in the order of its arrays."""
    if name == "gaussian_nll_loss":
        together = F.gaussian_nll_loss_grads
        return [
            lambda *a, place=place, full=False, **k: together(*a, **k)[place] for place in range(3)
        ]
    ours = [getattr(F, f"{name}_{which}_grad") for which in ("input", "target")]
    if name == "poisson_nll_loss":
        rate = ours[0]
        ours[0] = lambda *a, full=False, **k: rate(*a, **k)
    return ours


OPTIONS = {
    "kl_div": [{}, {"log_target": True}, {"reduction": "batchmean"}],
    "poisson_nll_loss": [{}, {"full": True}, {"log_input": False, "full": True, "eps": 0.25}],
    "gaussian_nll_loss": [{}, {"full": True}],
}
CHECKS = [(name, options) for name, several in OPTIONS.items() for options in several]


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize(("name", "options"), CHECKS)
def test_likelihoods_have_the_gradients_of_central_differences(name, options, reduction):
    arrays = ARRAYS[name]()
    for place, gradient in enumerate(gradients(name)):
        assert checked(name, arrays, place, gradient, **{"reduction": reduction, **options}).ok


@pytest.mark.parametrize(
    ("first", "second"),
    [((2, 3, 4), (4,)), ((4,), (2, 3, 4)), ((3, 1), (1, 4)), ((2, 1, 4), (3, 1)), ((1, 1), (3, 4))],
)
@pytest.mark.parametrize("name", ["kl_div", "poisson_nll_loss"])
def test_likelihoods_sum_the_gradients_of_arrays_that_broadcast(name, first, second):
    x, target = normal(*first), shares(*second, seed=1) + 1
    whole = np.broadcast_arrays(x, target)
    function = getattr(F, name)
    value = function(x, target, reduction="none")
    assert_array_equal(value, function(*(a.copy() for a in whole), reduction="none"))
    g = normal(*value.shape, seed=2)
    for array, gradient in zip((x, target), gradients(name), strict=True):
        grad = gradient(g, x, target, reduction="none")
        each = gradient(g, *(a.copy() for a in whole), reduction="none")
        assert grad.shape == array.shape
        expected = each
        while expected.ndim > array.ndim:
            expected = expected.sum(0)
        for axis, size in enumerate(array.shape):
            if size == 1:
                expected = expected.sum(axis, keepdims=True)
        # Sums of 24 numbers at most, in another order.
        assert np.abs(grad - expected).max() <= 48 * U * np.abs(each).sum()


@pytest.mark.parametrize("name", ARRAYS)
def test_likelihoods_of_nothing_are_nan_in_the_mean_and_0_in_the_sum(name):
    arrays = [array[:0] for array in ARRAYS[name]()]
    assert np.isnan(getattr(F, name)(*arrays))
    assert getattr(F, name)(*arrays, reduction="sum") == 0
    for gradient in gradients(name):
        assert gradient(np.array(1.0), *arrays).shape == (0, 4)


HALF, ONE = np.full((2, 3), 0.5), np.array(1.0)
FORMS = {
    "kl_div": (),
    "kl_div_input_grad": (ONE,),
    "kl_div_target_grad": (ONE,),
    "poisson_nll_loss": (),
    "poisson_nll_loss_input_grad": (ONE,),
    "poisson_nll_loss_target_grad": (ONE,),
    "gaussian_nll_loss": (),
    "gaussian_nll_loss_grads": (ONE,),
}


def more(name):
    return (HALF,) if "gaussian" in name else ()


@pytest.mark.parametrize(("name", "lead"), FORMS.items())
def test_likelihoods_refuse_what_does_not_fit(name, lead):
    function = getattr(F, name)
    kinds = "'none', 'mean', 'sum'" + (", 'batchmean'" if "kl_div" in name else "")
    message = f"^{name}: reduction is 'all', expected one of {kinds}$"
    with pytest.raises(ValueError, match=message):
        function(*lead, HALF, HALF, *more(name), reduction="all")
    message = rf"^{name}: x has shape \(2, 3\), target has shape \(2, 2\).*; expected shapes that b"
    with pytest.raises(ValueError, match=message):
        function(*lead, HALF, HALF[:, :2], *more(name))
    if lead:
        message = rf"^{name}: grad_output has shape \(2, 3\), expected \(\)"
        with pytest.raises(ValueError, match=message):
            function(HALF, HALF, HALF, *more(name))
    if "poisson" in name or "gaussian" in name:
        with pytest.raises(ValueError, match=f"^{name}: eps is -1, expected at least 0"):
            function(*lead, HALF, HALF, *more(name), eps=-1)


@pytest.mark.parametrize("name", [name for name in FORMS if "gaussian" in name])
def test_gaussian_nll_loss_refuses_variances_that_do_not_fit(name):
    function, lead = getattr(F, name), FORMS[name]
    for shape in ((3,), (1, 1), (2, 4), (1, 2, 3), ()):
        with pytest.raises(
            ValueError, match=rf"^{name}: var has shape .*, expected that of x, \(2"
        ):
            function(*lead, HALF, HALF, np.ones(shape))
    with pytest.raises(ValueError, match=f"^{name}: var has the value -0.5, expected at least 0"):
        function(*lead, HALF, HALF, -HALF)
    with pytest.raises(ValueError, match=f"^{name}: var is -1, expected at least 0"):
        function(*lead, HALF, HALF, -1.0)
    with pytest.raises(TypeError, match=f"^{name}: var is a str, expected a NumPy array of float"):
        function(*lead, HALF, HALF, "1")
