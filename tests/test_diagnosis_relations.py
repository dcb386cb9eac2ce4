"""Relations between wrong numbers and the right ones: each with a subject that shows it."""

import numpy as np
import pytest

from reference_tests import CATALOGUE
from reference_tests.case import Case, Spec
from reference_tests.diagnosis.relations import related
from reference_tests.diagnosis.witness import question
from reference_tests.references.exact import subject as naive


def relations(operation, output="output", change=None, function=None, cases=None, dtype="float64"):
    """Return what is said of a subject that changes one output of the right one.

    `change` takes the right result, the arrays and the hyperparameters.
    """
    record = CATALOGUE[operation]
    right = naive.operations[operation]

    def changed(*arrays, **hyper):
        y, pullback = right(*arrays, **hyper)
        if output == "output":
            return change(y, arrays, hyper), pullback
        names = ["grad_input" if n == "x" else f"grad_{n}" for n in record.arrays]

        def pull(grad_output):
            grads = list(pullback(grad_output))
            place = names.index(output)
            grads[place] = change(grads[place], (grad_output, *arrays), hyper)
            return tuple(grads)

        return y, pull

    asked = [question(record, case, dtype, True) for case in cases or record.pinned]
    answers = [each.answered(function or changed) for each in asked]
    return related(output, [answer for answer in answers if answer.judged(output)])


def image(change):
    """Return a change of arrays (N, C, H, W) only."""
    return lambda y, arrays, hyper: change(y) if y.ndim == 4 else y


# Operation, output, what a subject makes of the right result, and what is said of that.
def reflected_as_ring(y, arrays, hyper):
    """Pad by a ring where a reflection is asked for."""
    if hyper.get("mode") != "reflect":
        return y
    return naive.operations["pad"](*arrays, **{**hyper, "mode": "circular"})[0]


TOLD = [
    ("conv2d", "output", lambda y, a, h: 0 * y, "output is zero everywhere"),
    ("conv2d", "output", lambda y, a, h: y * np.nan, "output is NaN everywhere"),
    ("conv2d", "output", lambda y, a, h: y[:0], "output is too short along"),
    ("conv2d", "output", lambda y, a, h: 0 * y + 7, "output is one number everywhere"),
    ("conv2d", "output", lambda y, a, h: y * 2, "output is the right result times 2"),
    ("conv2d", "output", lambda y, a, h: -y, "output is the right result times -1"),
    ("conv2d", "output", lambda y, a, h: y + 3, "output is the right result plus 3"),
    ("conv2d", "output", lambda y, a, h: np.abs(y), "output is the absolute value of"),
    (
        "conv2d",
        "output",
        lambda y, a, h: y + a[2].reshape(-1, 1, 1),
        "output is the right result plus bias",
    ),
    ("conv2d", "output", lambda y, a, h: y[..., ::-1], "output is flipped along W"),
    (
        "conv2d",
        "output",
        lambda y, a, h: np.roll(y, 1, -2),
        "output is rolled by 1 position forward along H",
    ),
    (
        "conv2d",
        "output",
        lambda y, a, h: y.cumsum(-1),
        "output is the running sum of the right result along W",
    ),
    (
        "conv2d",
        "output",
        lambda y, a, h: np.concatenate([y, y[..., :1]], -1),
        "output is too long along W",
    ),
    (
        "conv2d",
        "output",
        lambda y, a, h: y[..., 0],
        "output is the right result at the first index along W",
    ),
    ("conv2d", "output", lambda y, a, h: y.ravel(), "output has the right numbers, but 1 axis"),
    ("conv2d", "grad_weight", lambda g, a, h: g / g[0, 0].size, "times 1 / the taps of the kernel"),
    (
        "conv2d",
        "grad_weight",
        lambda g, a, h: g[..., ::-1, ::-1],
        "rotated by 180°: flipped along KH and KW",
    ),
    (
        "conv2d",
        "grad_weight",
        lambda g, a, h: np.sort(g.ravel()).reshape(g.shape),
        "has the right numbers in other places",
    ),
    (
        "conv2d",
        "grad_bias",
        lambda g, a, h: 0 * g + g.sum(),
        "is everywhere the right result summed along",
    ),
    ("conv2d", "grad_bias", lambda g, a, h: a[3], "is equal to bias"),
    ("cross_entropy", "grad_input", lambda g, a, h: g * a[1].shape[-1], "times the last axis of x"),
    (
        "relu",
        "output",
        lambda y, a, h: np.where(a[0] < 0, a[0] / 8, y),
        "is wrong where x is negative only",
    ),
    ("pad", "output", reflected_as_ring, "is right for mode='circular'"),
]


@pytest.mark.parametrize(
    ("operation", "output", "change", "told"),
    TOLD,
    ids=[f"{row[1]} {row[3]}" for row in TOLD],
)
def test_a_relation_is_told(operation, output, change, told):
    found = relations(operation, output, change)
    assert any(told in sentence for sentence in found), found
    assert all(sentence.startswith(f"{output} ") for sentence in found)


def test_a_ratio_is_told_by_the_size_that_it_always_is():
    arrays = {"weight": Spec((3, 2, 3, 2)), "bias": None}
    cases = [Case({"x": Spec((n, 2, 6, 7)), **arrays}, {}, n) for n in (2, 3, 5)]
    found = relations("conv2d", "grad_weight", lambda g, a, h: g / len(a[1]), cases=cases)
    assert found == ("grad_weight is the right result times 1 / N (in all 3 wrong cases)",)


def test_a_relation_that_does_not_hold_is_not_told():
    rng = np.random.default_rng(0)
    found = relations("conv2d", "output", lambda y, a, h: rng.standard_normal(y.shape))
    assert found == ()


def test_a_relation_of_some_cases_is_told_with_their_number():
    def mostly(y, arrays, hyper):
        return 2 * y if arrays[0].ndim == 4 else y + np.arange(y.size).reshape(y.shape)

    assert relations("conv2d", "output", mostly) == (
        "output is the right result times 2 (in 5 of 6 wrong cases)",
    )


def without(name, default):
    def function(*arrays, **hyper):
        return naive.operations["conv2d"](*arrays, **{**hyper, name: default})

    return function


@pytest.mark.parametrize(("name", "default"), [("dilation", 1), ("padding", 0)])
def test_an_ignored_parameter_is_told(name, default):
    # The size of the output is right, and so its numbers can be compared.
    arrays = {"x": Spec((2, 2, 6, 7)), "weight": Spec((3, 2, 3, 2)), "bias": None}
    hyper = {"stride": 1, "padding": 0, "dilation": 1, "groups": 1, name: (2, 1)}

    def function(*given, **options):
        y, pullback = naive.operations["conv2d"](*given, **options)
        wrong, _ = naive.operations["conv2d"](*given, **{**options, name: default})
        return wrong[tuple(slice(n) for n in y.shape)], pullback

    if name == "dilation":
        arrays["weight"] = Spec((3, 2, 1, 2))
    found = relations("conv2d", function=without(name, default), cases=[Case(arrays, hyper, 1)])
    told = "" if name == "padding" else f"output ignores {name}: it is right for {name}={default}"
    assert found == () or told in found[0]


@pytest.mark.parametrize(
    ("operation", "output", "change", "told"),
    [
        ("batch_norm", "output", {"eps": 0.0}, "output is right for 0 in place of eps"),
        ("leaky_relu", "output", {"negative_slope": 0.01}, "output ignores negative_slope: it is"),
        ("mse_loss", "grad_input", {"reduction": "sum"}, "is right for reduction='sum'"),
    ],
)
def test_another_parameter_is_told(operation, output, change, told):
    def function(*arrays, **hyper):
        y, _ = naive.operations[operation](*arrays, **hyper)
        wrong, pullback = naive.operations[operation](*arrays, **{**hyper, **change})
        return (wrong if output == "output" else y), lambda g: pullback(
            np.broadcast_to(g, np.shape(wrong))
        )

    found = relations(operation, output, function=function)
    assert any(told in sentence for sentence in found), found


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (lambda x, w, b, g: (x, w, None, g), "ignores bias"),
        (lambda x, w, b, g: (np.abs(x), w, b, g), "is right for the absolute value of x"),
        (lambda x, w, b, g: (x, w[..., ::-1, :], b, g), "is right for weight flipped along KH"),
        (lambda x, w, b, g: (np.maximum(x, 0), w, b, g), "is right for x without its negative"),
    ],
)
def test_another_array_is_told(arguments, told):
    def function(x, weight, bias, **hyper):
        x, weight, bias, _ = arguments(x, weight, bias, None)
        return naive.operations["conv2d"](*(a for a in (x, weight, bias) if a is not None), **hyper)

    assert told in relations("conv2d", function=function)[0]


def test_an_ignored_cotangent_is_told():
    def function(x):
        y, pullback = naive.operations["sigmoid"](x)
        return y, lambda grad_output: pullback(np.ones_like(grad_output))

    found = relations("sigmoid", "grad_input", function=function)
    assert "grad_input ignores grad_output: it is right for ones" in found[0]


def test_fewer_digits_are_told():
    found = relations("sigmoid", change=lambda y, a, h: np.float32(y).astype(y.dtype))
    assert "has errors of the size of float32's rounding" in found[0]
    found = relations("sigmoid", change=lambda y, a, h: np.float16(y).astype(y.dtype))
    assert "has errors of the size of float16's rounding" in found[0]
    found = relations("sigmoid", change=lambda y, a, h: y * (1 + 0.004 * np.sign(y - 0.5)))
    assert "differs by less than 1 % of its largest number" in found[0]


@pytest.mark.parametrize(
    ("times", "told"),
    [
        ((1, 2), "is added to itself when the same pullback is used again"),
        ((1, 3), "is right at first, and wrong when the same pullback is used again"),
        ((2, 3), "changes when the same pullback is used again"),
    ],
)
def test_a_changing_pullback_is_told(times, told):
    def function(*arrays, **hyper):
        y, pullback = naive.operations["conv2d"](*arrays, **hyper)
        left = iter(times)

        def pull(grad_output):
            grad_x, grad_weight, grad_bias = pullback(grad_output)
            return grad_x, grad_weight, next(left) * grad_bias

        return y, pull

    first, *others = relations("conv2d", "grad_bias", function=function)
    assert first.startswith(f"grad_bias {told} (in all")
    # Nothing is said of the numbers of what is right at first.
    assert bool(others) == (times[0] != 1)


def test_what_is_added_to_itself_may_be_rounded():
    def function(x):
        y, pullback = naive.operations["mish"](x)
        uses = iter((1, 2))

        def pull(grad_output):
            # Two roundings more than the definition.
            return next(uses) * (pullback(grad_output)[0] / 3 * 3)

        return y, pull

    found = relations("mish", "grad_input", function=function)
    assert found[0].startswith("grad_input is added to itself when the same pullback is used again")


def test_another_dtype_is_told():
    def function(x):
        return naive.operations["relu"](x)[0].astype(np.float64), None

    found = relations("relu", function=lambda x: function(x)[0], dtype="float32")
    assert found[0].startswith("output is of float64 where the arrays are of float32")


PLACES = [
    (np.s_[..., 0], "at the first index of W"),
    (np.s_[..., -1, :], "at the last index of H"),
    (np.s_[..., 1:], "after the first index of W"),
    (np.s_[0], "at the first index of N"),
]


@pytest.mark.parametrize(("place", "told"), PLACES, ids=[told for _, told in PLACES])
def test_the_place_of_wrong_numbers_is_told(place, told):
    arrays = {"x": Spec((2, 2, 6, 7)), "weight": Spec((3, 2, 3, 2)), "bias": None}
    cases = [Case(arrays, {}, seed) for seed in range(3)]

    def change(y, arrays, hyper):
        y = y.copy()
        y[place] = y[place] ** 2 + 1000 * np.arange(y[place].size).reshape(y[place].shape)
        return y

    found = relations("conv2d", change=change, cases=cases)
    assert any(f"output is wrong {told} only" in sentence for sentence in found), found


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda y: np.where(y > 20, 0, y), "is 0 wherever it is wrong"),
        (lambda y: np.where(y > 0, np.nan, y), "is NaN wherever it is wrong"),
        (lambda y: np.where(y == 0, 9, y), "is wrong only where it should be 0"),
        (lambda y: np.where(y > 0, 3 * y, y), "is the right result times 3 wherever it is wrong"),
    ],
)
def test_what_stands_instead_of_right_numbers_is_told(change, told):
    arrays = {"x": Spec((2, 2, 6, 7)), "weight": Spec((3, 2, 3, 2)), "bias": None}
    cases = [Case(arrays, {}, seed) for seed in (6, 7, 8)]
    found = relations("conv2d", change=lambda y, arrays, hyper: change(y), cases=cases)
    assert any(f"output {told} (" in sentence for sentence in found), found


def test_places_of_windows_are_told():
    arrays = {"x": Spec((2, 2, 8, 9)), "weight": Spec((3, 2, 3, 2)), "bias": None}
    padded = [Case(arrays, {"padding": (1, 1)}, seed) for seed in range(3)]
    noise = np.random.default_rng(1)

    def change(y, arrays, hyper):
        wrong = noise.integers(100, 1000, y.shape)
        wrong[..., 1:-1, 1:-1] = 0
        return y + wrong

    found = relations("conv2d", change=change, cases=padded)
    assert any("is wrong where windows reach into the padding only" in s for s in found), found
    tail = [Case(arrays, {"stride": (3, 4)}, seed) for seed in range(3)]
    unreached = np.ones((8, 9), bool)
    unreached[np.ix_([0, 1, 2, 3, 4, 5], [0, 1, 4, 5])] = False
    extra = 100 + np.arange(72).reshape(8, 9) ** 2
    found = relations("conv2d", "grad_input", lambda g, a, h: g + unreached * extra, cases=tail)
    assert any("is wrong where no window reaches only" in s for s in found), found


def test_nothing_is_said_of_what_is_right():
    assert relations("conv2d", change=lambda y, a, h: y) == ()
