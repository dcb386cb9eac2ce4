"""The mistakes of pooling: each computes what its formula says, written here in another way."""

import itertools

import numpy as np
import pytest

from reference_tests import CATALOGUE
from reference_tests.faults import FAULTS, Inputs, pooling, simulated
from reference_tests.faults.lifting import axes_of

POOLING = {fault.id.removeprefix("pool/"): fault for fault in pooling.FAULTS}
RNG = np.random.default_rng(4)


def run(name, operation, x, grad_output=None, **hyper):
    """Return the outputs and the gradient of a subject with one fault."""
    y, pullback = POOLING[name].implementation().operations[operation](x, **hyper)
    first = y[0] if isinstance(y, tuple) else y
    grad = np.ones_like(first) if grad_output is None else grad_output
    return y, pullback(grad)[0]


def windows_of(row, kernel, stride):
    """Return the windows of one row, the last of them cut off."""
    return [row[start : start + kernel] for start in range(0, len(row), stride)]


def pooled(name, row, operation="max_pool1d", **hyper):
    """Return what a fault makes of one row, and its gradient for a cotangent of ones."""
    y, grad = run(name, operation, np.array(row, float)[None, None], **hyper)
    return np.ravel(y).tolist(), np.ravel(grad).tolist()


def test_the_dictionary_has_every_row_about_pooling():
    assert {
        "grad-to-every-maximum",
        "grad-split-between-maxima",
        "grad-to-last-maximum",
        "padded-with-zeros",
        "grad-overlapping-assigned",
        "reshape-trick",
        "ceil-mode-keeps-overhang",
        "overhang-divided-by-the-kernel",
        "average-without-padding",
        "average-with-padding",
        "grad-not-divided",
        "nan-lost",
    } <= set(POOLING)
    kinds = ("max_pool", "avg_pool", "lp_pool", "adaptive_max_pool", "adaptive_avg_pool")
    found = {name for fault in pooling.FAULTS for name in fault.operations}
    assert found == {f"{kind}{axes}d" for kind in kinds for axes in (1, 2, 3)}


@pytest.mark.parametrize(
    ("name", "row", "hyper", "expected"),
    [
        ("reshape-trick", [1, 5, 2, 3, 9], {"kernel_size": 2, "stride": 1}, [5, 3]),
        ("stride-ignored", [1, 5, 2, 3], {"kernel_size": 2, "stride": 1, "padding": 1}, [1, 5, 3]),
        ("stride-of-one-by-default", [1, 5, 2, 3], {"kernel_size": 2}, [5, 5, 3]),
        (
            "stride-forgotten-in-position",
            [1, 5, 7, 3, 9],
            {"kernel_size": 1, "stride": 2},
            [1, 5, 7],
        ),
        ("padding-ignored", [1, 5, 2, 3], {"kernel_size": 2, "padding": 1}, [5, 3]),
        ("padding-counted-once", [1, 5, 2, 3], {"kernel_size": 2, "padding": 1}, [1, 5]),
        ("last-window-missing", [1, 5, 2, 3], {"kernel_size": 2}, [5]),
        (
            "dilation-ignored",
            [1, 5, 2, 3],
            {"kernel_size": 2, "dilation": 2, "stride": 1},
            [5, 5, 3],
        ),
        (
            "reach-of-dilated-kernel",
            [1, 5, 2, 3],
            {"kernel_size": 2, "dilation": 2, "stride": 1},
            [2],
        ),
        ("ceil-mode-ignored", [1, 5, 2], {"kernel_size": 2, "ceil_mode": True}, [5]),
        ("ceil-mode-always", [1, 5, 2], {"kernel_size": 2}, [5, 2]),
        (
            "ceil-mode-keeps-overhang",
            [1, 5],
            {"kernel_size": 1, "stride": 2, "ceil_mode": True},
            [1, -np.inf],
        ),
        ("padded-with-zeros", [-1, -5, 2], {"kernel_size": 2, "padding": 1}, [0, 2]),
        ("starts-at-zero", [-1, -5, 2], {"kernel_size": 1}, [0, 0, 2]),
        ("starts-at-a-number", [-np.inf, 2], {"kernel_size": 1}, [np.finfo(float).min, 2]),
        ("least-instead-of-largest", [1, 5, 2, 3], {"kernel_size": 2}, [1, 2]),
        ("nan-lost", [np.nan, 5, 2, 3], {"kernel_size": 2}, [5, 3]),
    ],
)
def test_a_wrong_output_of_one_row(name, row, hyper, expected):
    assert pooled(name, row, **hyper)[0] == expected


@pytest.mark.parametrize(
    ("name", "row", "hyper", "expected"),
    [
        ("grad-to-every-maximum", [2, 2, 1, 3], {}, [1, 1, 0, 1]),
        ("grad-split-between-maxima", [2, 2, 1, 3], {}, [0.5, 0.5, 0, 1]),
        ("grad-to-last-maximum", [2, 2, 1, 3], {}, [0, 1, 0, 1]),
        ("grad-to-first-nan", [np.nan, np.nan, 1, 3], {}, [1, 0, 0, 1]),
        ("grad-lost-at-nan", [np.nan, 2, 1, 3], {}, [0, 0, 0, 1]),
        ("grad-to-the-whole-window", [2, 5, 1, 3], {}, [1, 1, 1, 1]),
        ("grad-as-of-the-average", [2, 5, 1, 3], {}, [0.5, 0.5, 0.5, 0.5]),
        ("grad-at-places-within-the-window", [2, 5, 1, 3], {}, [0, 2, 0, 0]),
        ("grad-overlapping-assigned", [2, 5, 1], {"stride": 1}, [0, 1, 0]),
        ("grad-padding-cropped-at-the-wrong-end", [2, 5], {"padding": 1}, [0, 1]),
        ("grad-remainder-missing", [2, 5, 1], {}, [0, 1]),
        ("grad-stride-forgotten-in-position", [2, 5, 1, 3], {}, [0, 2, 0, 0]),
        ("grad-dilation-ignored", [5, 1, 2], {"dilation": 2}, [1, 0, 0]),
        ("grad-sign", [2, 5], {}, [0, -1]),
    ],
)
def test_a_wrong_gradient_of_one_row(name, row, hyper, expected):
    assert pooled(name, row, **{"kernel_size": 2, **hyper})[1] == expected


@pytest.mark.parametrize(
    ("name", "hyper", "expected"),
    [
        ("average-not-divided", {}, [3, 7]),
        ("average-without-padding", {"padding": 1}, [1, 2.5, 4]),
        ("average-with-padding", {"padding": 1, "count_include_pad": False}, [0.5, 2.5, 2]),
        ("stride-forgotten-in-position", {}, [1.5, 2.5]),
        ("padding-ignored", {"padding": 1}, [1.5, 3.5]),
    ],
)
def test_a_wrong_average_of_one_row(name, hyper, expected):
    row = [1, 2, 3, 4]
    assert pooled(name, row, "avg_pool1d", kernel_size=2, **hyper)[0] == expected


@pytest.mark.parametrize(
    ("name", "hyper", "expected"),
    [
        ("grad-not-divided", {}, [1, 1, 1, 1]),
        ("grad-without-padding", {"padding": 1}, [1, 0.5, 0.5, 1]),
        ("grad-with-padding", {"padding": 1, "count_include_pad": False}, [0.5, 0.5, 0.5, 0.5]),
        ("grad-overlapping-assigned", {"stride": 1}, [0.5, 0.5, 0.5, 0.5]),
        ("grad-padding-cropped-at-the-wrong-end", {"padding": 1}, [0.5, 0.5, 0.5, 0.5]),
    ],
)
def test_a_wrong_gradient_of_an_average_of_one_row(name, hyper, expected):
    assert pooled(name, [1, 2, 3, 4], "avg_pool1d", kernel_size=2, **hyper)[1] == expected


def test_the_padding_that_is_cropped_at_the_wrong_end_moves_the_gradient():
    x, grad = RNG.standard_normal((1, 1, 5)), RNG.standard_normal((1, 1, 3))
    hyper = {"kernel_size": 3, "stride": 2, "padding": 1}
    _, shifted = run("grad-padding-cropped-at-the-wrong-end", "avg_pool1d", x, grad, **hyper)
    _, right = run("average-not-divided", "avg_pool1d", x, grad, **hyper)
    np.testing.assert_allclose(shifted[..., 1:], right[..., :-1])
    np.testing.assert_allclose(shifted[..., 0], grad[..., 0] / 3)


def test_what_overhangs_in_ceil_mode_is_divided_by_the_whole_kernel():
    hyper = {"kernel_size": 2, "ceil_mode": True}
    name = "overhang-divided-by-the-kernel"
    assert pooled(name, [1, 2, 3], "avg_pool1d", **hyper)[0] == [1.5, 1.5]
    assert pooled(f"grad-{name}", [1, 2, 3], "avg_pool1d", **hyper)[1] == [0.5, 0.5, 0.5]
    y, _ = pooled(name, [3, 4, 5], "lp_pool1d", norm_type=2, **hyper)
    np.testing.assert_allclose(y, [5, 5])


def test_a_divisor_counts_one_side_of_the_kernel_or_is_not_the_one_given():
    x = np.ones((1, 1, 2, 3))
    y, grad = run("average-divided-by-one-side", "avg_pool2d", x, kernel_size=(2, 3))
    np.testing.assert_allclose(y, 2)
    np.testing.assert_allclose(grad, np.full(x.shape, 1 / 6))
    y, grad = run("grad-divided-by-one-side", "avg_pool2d", x, kernel_size=(2, 3))
    np.testing.assert_allclose(y, 1)
    np.testing.assert_allclose(grad, np.full(x.shape, 1 / 3))
    given = {"kernel_size": (2, 3), "divisor_override": 2}
    assert run("divisor-override-ignored", "avg_pool2d", x, **given)[0].ravel().tolist() == [1]
    assert np.allclose(run("grad-divisor-override-ignored", "avg_pool2d", x, **given)[1], 1 / 6)
    assert run("average-divided-by-one-side", "avg_pool2d", x, **given)[0].ravel().tolist() == [3]


@pytest.mark.parametrize("p", [2, 3.0, 1.5])
def test_wrong_norms(p):
    x = np.array([[[1.0, 2.0, 3.0, 4.0]]])
    pairs, hyper = x.reshape(2, 2), {"norm_type": p, "kernel_size": 2}

    def wrong(name):
        return run(name, "lp_pool1d", x, **hyper)[0].ravel()

    np.testing.assert_allclose(wrong("lp-root-missing"), (pairs**p).sum(1))
    np.testing.assert_allclose(wrong("lp-averaged"), (pairs**p).mean(1) ** (1 / p))
    np.testing.assert_allclose(wrong("lp-always-two"), np.sqrt((pairs**2).sum(1)))
    _, grad = run("grad-lp-root-missing", "lp_pool1d", x, **hyper)
    np.testing.assert_allclose(grad, p * x ** (p - 1))
    _, grad = run("grad-lp-always-two", "lp_pool1d", x, **hyper)
    lengths = np.repeat(np.sqrt((pairs**2).sum(1)), 2)
    np.testing.assert_allclose(grad.ravel(), x.ravel() / lengths)


def test_norms_of_absolute_values_differ_for_odd_exponents_alone():
    x = np.array([[[-1.0, 2.0]]])
    for p, right in ((1, 1), (2, np.sqrt(5)), (3, 7 ** (1 / 3))):
        absolute, _ = run("lp-of-absolute-values", "lp_pool1d", x, norm_type=p, kernel_size=2)
        np.testing.assert_allclose(absolute.item(), (1 + 2**p) ** (1 / p))
        assert np.isclose(absolute.item(), right) == (p == 2)


def test_the_gradient_of_a_window_of_zeros_is_lost():
    x = np.array([[[0.0, 0.0, 3.0, 4.0]]])
    hyper = {"norm_type": 2, "kernel_size": 2}
    _, grad = run("grad-lp-nan-at-zero", "lp_pool1d", x, **hyper)
    np.testing.assert_allclose(grad, [[[np.nan, np.nan, 0.6, 0.8]]])
    for p in (1, np.inf):
        _, grad = run("grad-lp-nan-at-zero", "lp_pool1d", x, **{**hyper, "norm_type": p})
        assert np.isfinite(grad).all()


@pytest.mark.parametrize(
    ("name", "sizes", "windows"),
    [
        ("adaptive-windows-of-one-size", (5, 2), [(0, 2), (2, 4)]),
        ("adaptive-windows-as-long-as-the-last", (5, 2), [(0, 3), (2, 5)]),
        ("adaptive-windows-as-long-as-the-last", (5, 3), [(0, 3), (1, 4), (2, 5)]),
        ("adaptive-end-rounded-down", (5, 2), [(0, 2), (2, 5)]),
        ("adaptive-end-rounded-down", (2, 3), [(0, 1), (0, 1), (1, 2)]),
    ],
)
def test_wrong_windows_of_adaptive_pooling(name, sizes, windows):
    size, wanted = sizes
    x = RNG.standard_normal((2, 3, size))
    mean, _ = run(name, "adaptive_avg_pool1d", x, output_size=wanted)
    largest, _ = run(name, "adaptive_max_pool1d", x, output_size=wanted)
    for i, (start, end) in enumerate(windows):
        np.testing.assert_allclose(mean[..., i], x[..., start:end].mean(-1))
        np.testing.assert_array_equal(largest[..., i], x[..., start:end].max(-1))
    _, grad = run(f"grad-{name}", "adaptive_avg_pool1d", x, output_size=wanted)
    shares = np.zeros(size)
    for start, end in windows:
        shares[start:end] += 1 / (end - start)
    np.testing.assert_allclose(grad, np.broadcast_to(shares, x.shape))


def test_the_wanted_size_is_read_wrongly():
    x = RNG.standard_normal((1, 2, 3, 4))
    y, grad = run("adaptive-size-swapped", "adaptive_avg_pool2d", x, output_size=(1, 3))
    assert (y.shape, grad.shape) == ((1, 2, 3, 1), x.shape)
    y, _ = run("adaptive-none-is-one", "adaptive_max_pool2d", x, output_size=(None, 2))
    assert y.shape == (1, 2, 1, 2)
    _, grad = run("grad-adaptive-size-swapped", "adaptive_avg_pool2d", x, output_size=(1, 3))
    assert np.isclose(grad.sum(), 2)


def test_indices_count_something_else():
    x = RNG.standard_normal((2, 3, 4, 5))
    hyper = {"kernel_size": 2, "stride": (2, 1), "padding": 1, "return_indices": True}

    def indices(name):
        (y, found), _ = run(name, "max_pool2d", x, **hyper)
        return y, found

    y, found = indices("indices-of-the-batch")
    np.testing.assert_array_equal(x.ravel()[found], y)
    y, found = indices("indices-of-the-sample")
    np.testing.assert_array_equal(x[1].ravel()[found[1]], y[1])
    y, found = indices("indices-by-column")
    np.testing.assert_array_equal(x[1, 2].ravel("F")[found[1, 2]], y[1, 2])
    y, found = indices("indices-of-the-padded-input")
    np.testing.assert_array_equal(np.pad(x[1, 2], 1).ravel()[found[1, 2]], y[1, 2])
    y, found = indices("indices-from-one")
    np.testing.assert_array_equal(x[1, 2].ravel()[found[1, 2] - 1], y[1, 2])
    y, found = indices("indices-within-the-window")
    window = np.pad(x[1, 2], 1, constant_values=-np.inf)[2:4, 3:5].ravel()
    assert window[found[1, 2, 1, 3]] == y[1, 2, 1, 3]


def test_indices_of_another_maximum():
    row = {"kernel_size": 3, "return_indices": True}
    for name, values, expected in (
        ("indices-of-last-maximum", [2, 2, 1], 1),
        ("indices-of-first-nan", [1, np.nan, np.nan], 1),
        ("indices-of-last-maximum", [np.nan, np.nan, 9], 1),
        ("indices-of-first-nan", [2, 2, 1], 0),
    ):
        (_, found), _ = run(name, "max_pool1d", np.array([[values]], float), **row)
        assert found.item() == expected


def test_parameters_of_exchanged_axes_are_those_of_the_transposed_image():
    x = RNG.standard_normal((1, 2, 6, 6))
    names = {"kernel": "kernel_size", "stride": "stride", "padding": "padding"}
    given = {"kernel_size": 2, "stride": 1, "padding": 0}
    for short, name in names.items():
        pair = {**given, name: (1, 2) if name != "padding" else (0, 1)}
        wrong, _ = run(f"{short}-swapped", "avg_pool2d", x, **pair)
        right, _ = CATALOGUE["avg_pool2d"].definition(x.swapaxes(2, 3), **pair)
        np.testing.assert_allclose(wrong, right.swapaxes(2, 3))


@pytest.mark.parametrize(
    ("operation", "hyper"),
    [("max_pool1d", {"kernel_size": 2}), ("adaptive_avg_pool1d", {"output_size": 2})],
)
def test_gradients_of_a_batch(operation, hyper):
    x = RNG.standard_normal((3, 2, 4))
    _, negative = run("grad-sign", operation, x, **hyper)
    _, last = run("grad-of-last-sample", operation, x, **hyper)
    _, averaged = run("grad-averaged-over-batch", operation, x, **hyper)
    np.testing.assert_allclose(averaged, -negative / 3)
    np.testing.assert_allclose(last[-1], -negative[-1])
    assert not last[:-1].any()


def test_one_sample_without_a_batch_has_its_whole_gradient():
    x = RNG.standard_normal((2, 4))
    for name in ("grad-of-last-sample", "grad-averaged-over-batch"):
        _, grad = run(name, "avg_pool1d", x, kernel_size=2)
        np.testing.assert_allclose(grad, np.full(x.shape, 0.5))


ONE_AXIS = [f for f in pooling.FAULTS if any(axes_of(name) == 1 for name in f.operations)]


@pytest.mark.parametrize("kind", ["max_pool", "avg_pool", "lp_pool"])
def test_a_mistake_about_one_row_of_an_image_is_the_one_about_a_line(kind):
    line = RNG.standard_normal((2, 2, 7))
    hyper = {"kernel_size": 3, "stride": 2, "ceil_mode": True}
    hyper |= {"norm_type": 2} if kind == "lp_pool" else {"padding": 1}
    image = {**hyper, "kernel_size": (1, 3), "stride": (1, 2)}
    image |= {"padding": (0, 1)} if "padding" in hyper else {}
    for fault in ONE_AXIS:
        if f"{kind}1d" not in fault.operations or fault.output == "indices":
            continue
        name = fault.id.removeprefix("pool/")
        y, grad = run(name, f"{kind}1d", line, **hyper)
        flat, flat_grad = run(name, f"{kind}2d", line[:, :, None], **image)
        if flat.shape[2] == 1:
            np.testing.assert_allclose(flat[:, :, 0], y, err_msg=name)
            np.testing.assert_allclose(flat_grad[:, :, 0], grad, err_msg=name)
        else:
            # Windows that are missing or too many are so along every axis.
            assert name == "last-window-missing"


def test_no_two_faults_are_the_same_numbers():
    for name in ("max_pool1d", "avg_pool1d", "lp_pool1d", "adaptive_max_pool1d"):
        own = [fault for fault in pooling.FAULTS if name in fault.operations]
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
    results = [
        simulated(inputs, fault.output, fault)
        for inputs in given
        if fault.output in inputs.forward[0] or fault.output.startswith("grad_")
    ]
    with np.errstate(over="ignore"):
        return [(r.shape, (r + 0.0).astype(np.float32).tobytes()) for r in results]


def test_every_pooling_fault_is_registered():
    assert all(FAULTS[fault.id] is fault for fault in pooling.FAULTS)
    assert all(fault.formula for fault in pooling.FAULTS)
