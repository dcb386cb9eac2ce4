"""The mistakes of what moves, resizes, correlates and randomizes, by numbers worked out by hand."""

import numpy as np
import pytest

from reference_tests import Implementation, verify
from reference_tests.faults import FAULTS


def run(fault, operation, *arrays, grad_output=None, **hyper):
    """Return the output and the first gradient of a subject with one fault."""
    subject = FAULTS[fault].implementation().operations[operation]
    given = [a if isinstance(a, np.ndarray) else np.array(a, float) for a in arrays]
    y, pullback = subject(*given, **hyper)
    return y, pullback(np.ones_like(y) if grad_output is None else np.array(grad_output, float))[0]


@pytest.mark.parametrize(
    ("fault", "x", "hyper", "expected"),
    [
        ("axes-reversed", [[1, 2]], {"pad": (1, 0, 0, 0)}, [[0, 0], [1, 2]]),
        ("sides-exchanged", [1, 2], {"pad": (1, 0)}, [1, 2, 0]),
        ("mode-ignored", [[1, 2]], {"pad": (1, 0), "mode": "circular"}, [[0, 1, 2]]),
        ("value-ignored", [1, 2], {"pad": (0, 1), "value": 5.0}, [1, 2, 0]),
        ("crop-ignored", [1, 2], {"pad": (-1, 1)}, [1, 2, 0]),
        (
            "outermost-repeated",
            [[1, 2, 3]],
            {"pad": (2, 1), "mode": "reflect"},
            [[2, 1, 1, 2, 3, 3]],
        ),
        (
            "outermost-repeated",
            [[1, 2, 3]],
            {"pad": (2, -1), "mode": "reflect"},
            [[2, 1, 1, 2]],
        ),
        (
            "reflection-replicates",
            [[1, 2, 3]],
            {"pad": (2, 0), "mode": "reflect"},
            [[1, 1, 1, 2, 3]],
        ),
    ],
)
def test_paddings(fault, x, hyper, expected):
    np.testing.assert_array_equal(run(f"pad/{fault}", "pad", x, **hyper)[0], expected)


def test_a_reflection_that_repeats_gathers_its_gradient_where_it_repeats():
    options = {"pad": (2, 0), "mode": "reflect", "grad_output": [[1, 10, 100, 1000, 10000]]}
    _, grad = run("pad/grad-outermost-repeated", "pad", [[1, 2, 3]], **options)
    np.testing.assert_array_equal(grad, [[110, 1001, 10000]])


def test_widths_of_reversed_axes_that_are_impossible_change_nothing():
    y, _ = run("pad/axes-reversed", "pad", [[1, 2, 3]], pad=(-2, 0, 0, 0))
    np.testing.assert_array_equal(y, [[3]])


def test_reflections_of_reversed_axes_go_on_as_those_of_numpy():
    x, widths = np.array([[[1.0, 2.0], [3.0, 4.0]]]), [(0, 0), (3, 0), (0, 1)]
    y, _ = run("pad/axes-reversed", "pad", x, pad=(3, 0, 0, 1), mode="reflect")
    np.testing.assert_array_equal(y, np.pad(x, widths, "reflect"))


PIXELS = np.arange(1.0, 9)


@pytest.mark.parametrize(
    ("fault", "x", "expected"),
    [
        ("blocks-transposed", PIXELS[:4].reshape(4, 1, 1), [[[1, 3], [2, 4]]]),
        (
            "blocks-before-channels",
            PIXELS.reshape(8, 1, 1),
            [[[1, 3], [5, 7]], [[2, 4], [6, 8]]],
        ),
        ("reshaped", PIXELS.reshape(4, 1, 2), [[[1, 2, 3, 4], [5, 6, 7, 8]]]),
    ],
)
def test_pixels_are_shuffled_wrongly_and_back(fault, x, expected):
    y, _ = run(f"shuffle/{fault}", "pixel_shuffle", x, upscale_factor=2)
    np.testing.assert_array_equal(y, expected)
    # The same order is wrong on the way back, and in the gradients of both.
    back, _ = run(f"shuffle/{fault}", "pixel_unshuffle", y, downscale_factor=2)
    np.testing.assert_array_equal(back, x)
    right = np.zeros_like(y)
    _, grad = run(
        f"shuffle/grad-{fault}", "pixel_unshuffle", right, downscale_factor=2, grad_output=x
    )
    np.testing.assert_array_equal(grad, expected)
    _, grad = run(f"shuffle/grad-{fault}", "pixel_shuffle", 0 * x, upscale_factor=2, grad_output=y)
    np.testing.assert_array_equal(grad, x)


@pytest.mark.parametrize(
    ("fault", "expected"),
    [("channels-dealt-back", [1, 3, 5, 2, 4, 6]), ("channels-kept", [1, 2, 3, 4, 5, 6])],
)
def test_channels_are_shuffled_wrongly(fault, expected):
    x = np.arange(1.0, 7).reshape(1, 6, 1)
    y, _ = run(f"shuffle/{fault}", "channel_shuffle", x, groups=2)
    np.testing.assert_array_equal(y.ravel(), expected)
    # What is dealt back sends its gradient where the right one sends the values.
    _, grad = run(f"shuffle/grad-{fault}", "channel_shuffle", x, groups=2, grad_output=x)
    wanted = {"channels-dealt-back": [1, 4, 2, 5, 3, 6], "channels-kept": [1, 2, 3, 4, 5, 6]}
    np.testing.assert_array_equal(grad.ravel(), wanted[fault])


@pytest.mark.parametrize(
    ("fault", "x", "kernel", "expected"),
    [
        ("taps-before-channels", [[[1, 2]], [[3, 4]]], (1, 2), [[1], [3], [2], [4]]),
        ("taps-transposed", [[[1, 2], [3, 4]]], (2, 2), [[1], [3], [2], [4]]),
        ("windows-transposed", [[[1, 2], [3, 4]]], (1, 1), [[1, 3, 2, 4]]),
    ],
)
def test_columns_in_another_order(fault, x, kernel, expected):
    y, _ = run(f"columns/{fault}", "unfold", x, kernel_size=kernel)
    np.testing.assert_array_equal(y, expected)
    size = np.shape(x)[1:]
    image, _ = run(f"columns/{fault}", "fold", y, output_size=size, kernel_size=kernel)
    np.testing.assert_array_equal(image, x)
    _, grad = run(
        f"columns/grad-{fault}", "unfold", np.zeros_like(image), kernel_size=kernel, grad_output=y
    )
    np.testing.assert_array_equal(grad, x)


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("overlaps-assigned", [1, 2, 4]),
        ("overlaps-assigned-by-taps", [1, 3, 4]),
        ("overlaps-averaged", [1, 2.5, 4]),
    ],
)
def test_overlapping_windows(fault, expected):
    columns, options = [[1, 2], [3, 4]], {"kernel_size": (1, 2)}
    y, _ = run(f"columns/{fault}", "fold", columns, output_size=(1, 3), **options)
    np.testing.assert_array_equal(y.ravel(), expected)
    x = np.zeros((1, 1, 3))
    _, grad = run(f"columns/grad-{fault}", "unfold", x, grad_output=columns, **options)
    np.testing.assert_array_equal(grad.ravel(), expected)


@pytest.mark.parametrize(
    ("fault", "x", "hyper", "expected"),
    [
        ("corners-aligned", [0, 3], {"size": 4, "mode": "linear"}, [0, 1, 2, 3]),
        (
            "corners-not-aligned",
            [0, 4],
            {"size": 4, "mode": "linear", "align_corners": True},
            [0, 1, 3, 4],
        ),
        ("half-pixel-missing", [0, 4], {"size": 4, "mode": "linear"}, [0, 2, 4, 4]),
        ("nearest-of-the-centre", [1, 2], {"size": 3, "mode": "nearest"}, [1, 2, 2]),
        ("nearest-exact-of-the-corner", [1, 2], {"size": 3, "mode": "nearest-exact"}, [1, 1, 2]),
        (
            "factor-recomputed",
            [0, 8, 16],
            {"scale_factor": 1.5, "mode": "linear"},
            # 4 / 3 of the size: step 3 / 4.
            [0, 5, 11, 16],
        ),
        (
            "factor-kept",
            [0, 6, 12],
            {"scale_factor": 1.5, "mode": "linear", "recompute_scale_factor": True},
            # Step 2 / 3: positions -1/6, 1/2, 7/6, 11/6.
            [0, 3, 7, 11],
        ),
    ],
)
def test_resizings(fault, x, hyper, expected):
    y, _ = run(f"resize/{fault}", "interpolate", [[x]], **hyper)
    np.testing.assert_allclose(y[0, 0], expected, rtol=1e-12, atol=1e-12)


def test_a_cubic_of_a_half_has_the_weights_of_catmull_and_rom():
    x, options = [[[[0, 1]]]], {"size": (1, 4), "mode": "bicubic"}
    y, _ = run("resize/cubic-of-a-half", "interpolate", x, **options)
    # Position 1/4 sees 0, 0, 1, 1 with -9/128, 111/128, 29/128, -3/128.
    np.testing.assert_allclose(y[0, 0, 0, 1:3], [26 / 128, 102 / 128], rtol=1e-14)
    grads = np.eye(4)[1].reshape(1, 1, 1, 4)
    _, grad = run("resize/grad-cubic-of-a-half", "interpolate", x, grad_output=grads, **options)
    np.testing.assert_allclose(grad[0, 0, 0], [102 / 128, 26 / 128], rtol=1e-14)


def test_a_cubic_of_a_half_has_its_weights_between_aligned_corners_too():
    x, options = [[[[0, 1]]]], {"size": (1, 5), "mode": "bicubic", "align_corners": True}
    y, _ = run("resize/cubic-of-a-half", "interpolate", x, **options)
    np.testing.assert_allclose(y[0, 0, 0, 1:3], [26 / 128, 1 / 2], rtol=1e-14)


def test_a_missing_half_pixel_keeps_what_keeps_its_size():
    x = np.arange(6.0).reshape(1, 1, 2, 3)
    y, _ = run("resize/half-pixel-missing", "interpolate", x, size=(4, 3), mode="bilinear")
    np.testing.assert_array_equal(y[0, 0], [[0, 1, 2], [1.5, 2.5, 3.5], [3, 4, 5], [3, 4, 5]])


def test_antialias_that_is_missing_sees_two_positions_only():
    x, size = [[[[0, 8, 0, 0]]]], {"size": (1, 2), "mode": "bilinear", "antialias": True}
    y, _ = run("resize/antialias-missing", "interpolate", x, **size)
    np.testing.assert_array_equal(y.ravel(), [4, 0])


@pytest.mark.parametrize("axes", [1, 2, 3])
@pytest.mark.parametrize(
    ("fault", "x", "indices", "expected"),
    [
        ("equal-indices-added", [[1, 2]], [[1, 1]], [[0, 3, 0, 0]]),
        ("indices-of-one-plane", [[1], [2]], [[0], [1]], [[1, 2], [0, 0]]),
        ("indices-ignored", [[1, 2]], [[1, 3]], [[1, 0, 2, 0]]),
    ],
)
def test_values_go_elsewhere(axes, fault, x, indices, expected):
    flat = (1, *(1,) * (axes - 1), -1)
    shape = (1, len(x), *flat[1:])
    places = np.reshape(indices, shape)
    hyper = {"kernel_size": (*(1,) * (axes - 1), 2)}
    values = np.reshape(np.array(x, float), shape)
    y, _ = run(f"unpool/{fault}", f"max_unpool{axes}d", values, places, **hyper)
    np.testing.assert_array_equal(y.reshape(len(x), -1), expected)


@pytest.mark.parametrize(("operation", "flips"), [("correlate", 1), ("convolve", -1)])
def test_correlations(operation, flips):
    x, kernel = np.array([1.0, 2, 4]), np.array([1.0, 10])
    y, _ = run("correlate/kernel-flipped", operation, x, kernel)
    np.testing.assert_array_equal(y, np.convolve(x, kernel[::flips]))
    y, _ = run("correlate/same-cut-late", operation, x, kernel, mode="same")
    np.testing.assert_array_equal(y, np.convolve(x, kernel[::-flips])[1:])


def test_exchanged_arguments_reverse_the_whole_correlation():
    x, kernel = np.array([1.0, 2, 4]), np.array([1.0, 10])
    y, _ = run("correlate/arguments-exchanged", "correlate", x, kernel)
    np.testing.assert_array_equal(y, np.correlate(kernel, x, "full"))


@pytest.mark.parametrize(
    ("slope", "factor"), [("lower", 0.25), ("upper", 0.5), ("not-halved", 0.75)]
)
def test_another_slope_in_evaluation(slope, factor):
    x, options = np.array([-4.0, 4.0]), {"lower": 0.25, "upper": 0.5}
    y, _ = run(f"activation/random-slope-{slope}", "rrelu", x, **options)
    np.testing.assert_array_equal(y, [-4 * factor, 4])
    _, grad = run(f"activation/grad-random-slope-{slope}", "rrelu", x, **options)
    np.testing.assert_array_equal(grad, [factor, 1])


def keys(distance, a):
    """Return Keys' kernel, in other words than the dictionary's."""
    d = abs(distance)
    if d < 1:
        return 1 - d * d * ((a + 3) - (a + 2) * d)
    return a * (d - 1) * (d - 2) ** 2 if d < 2 else 0.0


def judged_cubic(a):
    """Return the failures of a cubic whose loops round in another order than the dictionary."""

    def interpolate(x, *, size=None, mode="nearest", align_corners=None):
        if mode != "bicubic" or size is None:
            raise NotImplementedError("other than bicubic to a size")
        y = x.astype(float)
        for axis, new in enumerate((size, size) if isinstance(size, int) else size, 2):
            old = x.shape[axis]
            step = (old - 1) / max(new - 1, 1) if align_corners else old / new
            columns = []
            for i in range(new):
                place = i * step if align_corners else (i + 0.5) * step - 0.5
                taps = range(int(np.floor(place)) - 1, int(np.floor(place)) + 3)
                seen = [y.take(min(max(tap, 0), old - 1), axis) for tap in taps]
                columns.append(sum(keys(place - t, a) * s for t, s in zip(taps, seen, strict=True)))
            y = np.stack(columns, axis)
        return y.astype(x.dtype)

    report = verify(Implementation("mine", {"interpolate": interpolate}), ["interpolate"], [], 20)
    return [f for f in report.failures if f.check == "value"]


def test_a_cubic_written_in_another_way_is_named():
    found = judged_cubic(-0.5)
    assert {tuple(f.diagnosis) for f in found} == {("resize/cubic-of-a-half",)}
    assert judged_cubic(-0.75) == []


def test_systematic_errors_are_not_taken_for_those_of_a_smaller_format():
    """Those of a third kernel are within what a bound of many roundings would be in float16."""
    found = judged_cubic(-1.0)
    assert found
    assert not any(f.diagnosis or "rounding" in f.explanation for f in found)


def test_two_mistakes_of_which_one_acts_before_the_oracle_and_one_after_it_are_named():
    def pad(x, *, pad, mode="constant", value=0.0):
        if mode != "reflect" or min(pad) < 0:
            raise NotImplementedError("other than a reflection")
        edges = list(zip(pad[1::2], pad[::2], strict=True))[::-1]
        return np.pad(x, [(0, 0)] * (x.ndim - len(edges)) + edges, "symmetric")

    report = verify(Implementation("mine", {"pad": pad}), ["pad"], [], 12)
    wrong = [f for f in report.failures if f.check in ("value", "exact")]
    both = {"pad/outermost-repeated", "pad/sides-exchanged"}
    assert wrong
    assert all(set(f.diagnosis) == both for f in wrong)
