"""What every pure function keeps: fresh results, untouched inputs, dtype, layout, no warnings."""

from __future__ import annotations

import inspect
import itertools

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from scratchcnn import functional as F

DTYPES = [np.float32, np.float64]


class Real(tuple):
    """The shape of an array of floats."""


class Share(tuple):
    """The shape of an array of floats from 0 to 1."""


class Label(tuple):
    """The shape of an array of integers from 0 to 2."""


IMAGES, FILTERS, MAPS = Real((2, 4, 5, 6)), Real((6, 2, 3, 2)), Real((2, 6, 3, 5))
SIGNALS, VOLUMES, COLUMNS = Real((2, 4, 5)), Real((4, 3, 4, 4)), Real((2, 24, 15))
TABLE, ROWS, CLASSES, SCALAR = Real((3, 4)), Label((3,)), Real((4,)), Real(())
POOLED = {"grad_output": Real((2, 4, 2, 3))}
POOLING = {"input_shape": (2, 4, 5, 6), "kernel_size": 2}
PAIR = {"x": TABLE, "target": TABLE}
SHARES = {"x": Share((3, 4)), "target": Share((3, 4)), "weight": CLASSES}
LOGITS = {**SHARES, "x": TABLE, "pos_weight": CLASSES}
TO_SCALAR = {"grad_output": SCALAR}
ELEMENTWISE = {"grad_output": TABLE}

# Every function: its arrays by name, and its other arguments.
CALLS = {
    "avg_pool2d": ({"x": IMAGES}, {"kernel_size": 2}),
    "avg_pool2d_grad": (POOLED, POOLING),
    "binary_cross_entropy": (SHARES, {}),
    "binary_cross_entropy_input_grad": ({**TO_SCALAR, **SHARES}, {}),
    "binary_cross_entropy_target_grad": ({**TO_SCALAR, **SHARES}, {}),
    "binary_cross_entropy_with_logits": (LOGITS, {}),
    "binary_cross_entropy_with_logits_input_grad": ({**TO_SCALAR, **LOGITS}, {}),
    "binary_cross_entropy_with_logits_target_grad": ({**TO_SCALAR, **LOGITS}, {}),
    "channel_shuffle": ({"x": IMAGES}, {"groups": 2}),
    "channel_shuffle_grad": ({"grad_output": IMAGES}, {"groups": 2}),
    "conv1d": ({"x": SIGNALS, "weight": Real((6, 2, 3)), "bias": Real((6, 3))}, {"groups": 2}),
    "conv1d_bias_grad": ({"grad_output": Real((2, 6, 3))}, {"bias_shape": (6, 3)}),
    "conv1d_input_grad": (
        {"grad_output": Real((2, 6, 3)), "weight": Real((6, 2, 3))},
        {"input_shape": (2, 4, 5), "groups": 2},
    ),
    "conv1d_weight_grad": (
        {"grad_output": Real((2, 6, 3)), "x": SIGNALS},
        {"kernel_size": 3, "groups": 2},
    ),
    "conv2d": ({"x": IMAGES, "weight": FILTERS, "bias": Real((6,))}, {"groups": 2}),
    "conv2d_bias_grad": ({"grad_output": MAPS}, {}),
    "conv2d_input_grad": (
        {"grad_output": MAPS, "weight": FILTERS},
        {"input_shape": (2, 4, 5, 6), "groups": 2},
    ),
    "conv2d_weight_grad": (
        {"grad_output": MAPS, "x": IMAGES},
        {"kernel_size": (3, 2), "groups": 2},
    ),
    "conv3d": ({"x": VOLUMES, "weight": Real((3, 4, 2, 3, 1)), "bias": Real((3,))}, {}),
    "conv3d_bias_grad": ({"grad_output": Real((3, 2, 2, 4))}, {}),
    "conv3d_input_grad": (
        {"grad_output": Real((3, 2, 2, 4)), "weight": Real((3, 4, 2, 3, 1))},
        {"input_shape": (4, 3, 4, 4)},
    ),
    "conv3d_weight_grad": (
        {"grad_output": Real((3, 2, 2, 4)), "x": VOLUMES},
        {"kernel_size": (2, 3, 1)},
    ),
    "conv_transpose1d": (
        {"x": SIGNALS, "weight": Real((4, 3, 2)), "bias": Real((6,))},
        {"stride": 2, "groups": 2},
    ),
    "conv_transpose1d_bias_grad": ({"grad_output": Real((2, 6, 10))}, {}),
    "conv_transpose1d_input_grad": (
        {"grad_output": Real((2, 6, 10)), "weight": Real((4, 3, 2))},
        {"input_shape": (2, 4, 5), "stride": 2, "groups": 2},
    ),
    "conv_transpose1d_weight_grad": (
        {"grad_output": Real((2, 6, 10)), "x": SIGNALS},
        {"kernel_size": 2, "stride": 2, "groups": 2},
    ),
    "conv_transpose2d": (
        {"x": MAPS, "weight": FILTERS, "bias": Real((4,))},
        {"padding": (0, 1), "groups": 2},
    ),
    "conv_transpose2d_bias_grad": ({"grad_output": MAPS}, {}),
    "conv_transpose2d_input_grad": (
        {"grad_output": IMAGES, "weight": FILTERS},
        {"input_shape": (2, 6, 3, 5), "groups": 2},
    ),
    "conv_transpose2d_weight_grad": (
        {"grad_output": IMAGES, "x": MAPS},
        {"kernel_size": (3, 2), "groups": 2},
    ),
    "conv_transpose3d": ({"x": VOLUMES, "weight": Real((4, 3, 1, 2, 2)), "bias": Real((3,))}, {}),
    "conv_transpose3d_bias_grad": ({"grad_output": Real((3, 3, 5, 5))}, {}),
    "conv_transpose3d_input_grad": (
        {"grad_output": Real((3, 3, 5, 5)), "weight": Real((4, 3, 1, 2, 2))},
        {"input_shape": (4, 3, 4, 4)},
    ),
    "conv_transpose3d_weight_grad": (
        {"grad_output": Real((3, 3, 5, 5)), "x": VOLUMES},
        {"kernel_size": (1, 2, 2)},
    ),
    "convolve": ({"x": TABLE, "kernel": Real((2, 3))}, {}),
    "convolve_input_grad": (
        {"grad_output": Real((4, 6)), "kernel": Real((2, 3))},
        {"input_shape": (3, 4)},
    ),
    "convolve_kernel_grad": (
        {"grad_output": Real((4, 6)), "x": TABLE},
        {"kernel_shape": (2, 3)},
    ),
    "correlate": ({"x": TABLE, "kernel": Real((2, 3))}, {}),
    "correlate_input_grad": (
        {"grad_output": Real((4, 6)), "kernel": Real((2, 3))},
        {"input_shape": (3, 4)},
    ),
    "correlate_kernel_grad": (
        {"grad_output": Real((4, 6)), "x": TABLE},
        {"kernel_shape": (2, 3)},
    ),
    "cross_entropy": ({"x": TABLE, "target": ROWS, "weight": CLASSES}, {"label_smoothing": 0.25}),
    "cross_entropy_input_grad": (
        {**TO_SCALAR, "x": TABLE, "target": ROWS, "weight": CLASSES},
        {"label_smoothing": 0.25},
    ),
    "cross_entropy_target_grad": ({**TO_SCALAR, "x": TABLE, "weight": CLASSES}, {}),
    "dropout": ({"x": TABLE}, {"rng": 1}),
    "dropout_grad": ({**ELEMENTWISE, "mask": TABLE}, {}),
    "dropout_with_mask": ({"x": TABLE}, {"rng": 1}),
    "flatten": ({"x": IMAGES}, {"start_dim": 1}),
    "flatten_grad": ({"grad_output": Real((2, 120))}, {"input_shape": (2, 4, 5, 6)}),
    "fold": ({"x": COLUMNS}, {"output_size": (5, 6), "kernel_size": (3, 2)}),
    "fold_grad": ({"grad_output": IMAGES}, {"kernel_size": (3, 2)}),
    "interpolate": ({"x": IMAGES}, {"size": 3, "mode": "bicubic"}),
    "interpolate_grad": (
        {"grad_output": Real((2, 4, 3, 3))},
        {"input_shape": (2, 4, 5, 6), "size": 3, "mode": "bicubic"},
    ),
    "l2_penalty": ({"x": TABLE}, {"strength": 0.5}),
    "l2_penalty_grad": ({**TO_SCALAR, "x": TABLE}, {"strength": 0.5}),
    "linear": ({"x": Real((2, 3, 4)), "weight": Real((5, 4)), "bias": Real((5,))}, {}),
    "linear_bias_grad": ({"grad_output": Real((2, 3, 5))}, {}),
    "linear_input_grad": ({"grad_output": Real((2, 3, 5)), "weight": Real((5, 4))}, {}),
    "linear_weight_grad": ({"grad_output": Real((2, 3, 5)), "x": Real((2, 3, 4))}, {}),
    "log_softmax": ({"x": TABLE}, {"dim": 1}),
    "log_softmax_grad": ({**ELEMENTWISE, "y": TABLE}, {"dim": 1}),
    "max_pool2d": ({"x": IMAGES}, {"kernel_size": 2, "return_indices": True}),
    "max_pool2d_grad": ({**POOLED, "indices": Label((2, 4, 2, 3))}, POOLING),
    "mse_loss": (PAIR, {}),
    "mse_loss_input_grad": ({**TO_SCALAR, **PAIR}, {}),
    "mse_loss_target_grad": ({**TO_SCALAR, **PAIR}, {}),
    "nll_loss": ({"x": TABLE, "target": ROWS, "weight": CLASSES}, {}),
    "nll_loss_grad": (
        {**TO_SCALAR, "target": ROWS, "weight": CLASSES},
        {"input_shape": (3, 4)},
    ),
    "pad": ({"x": TABLE}, {"pad": (1, 2)}),
    "pad_grad": ({"grad_output": Real((3, 7))}, {"input_shape": (3, 4), "pad": (1, 2)}),
    "pixel_shuffle": ({"x": IMAGES}, {"upscale_factor": 2}),
    "pixel_shuffle_grad": ({"grad_output": Real((2, 1, 4, 6))}, {"upscale_factor": 2}),
    "pixel_unshuffle": ({"x": Real((2, 1, 4, 6))}, {"downscale_factor": 2}),
    "pixel_unshuffle_grad": ({"grad_output": IMAGES}, {"downscale_factor": 2}),
    "relu": ({"x": TABLE}, {}),
    "relu_grad": ({**ELEMENTWISE, "x": TABLE}, {}),
    "sigmoid": ({"x": TABLE}, {}),
    "sigmoid_grad": ({**ELEMENTWISE, "y": TABLE}, {}),
    "softmax": ({"x": TABLE}, {"dim": 1}),
    "softmax_grad": ({**ELEMENTWISE, "y": TABLE}, {"dim": 1}),
    "tanh": ({"x": TABLE}, {}),
    "tanh_grad": ({**ELEMENTWISE, "y": TABLE}, {}),
    "unfold": ({"x": IMAGES}, {"kernel_size": (3, 2)}),
    "unfold_grad": (
        {"grad_output": COLUMNS},
        {"input_shape": (2, 4, 5, 6), "kernel_size": (3, 2)},
    ),
}
# Logarithms and exponentials, which NumPy may compute on another path for another layout.
TRANSCENDENTAL = {
    "binary_cross_entropy",
    "binary_cross_entropy_target_grad",
    "binary_cross_entropy_with_logits",
    "binary_cross_entropy_with_logits_input_grad",
    "binary_cross_entropy_with_logits_target_grad",
    "cross_entropy",
    "cross_entropy_input_grad",
    "cross_entropy_target_grad",
    "log_softmax",
    "log_softmax_grad",
    "sigmoid",
    "softmax",
    "tanh",
}
FLOATS = [
    (name, array)
    for name, (arrays, _) in CALLS.items()
    for array, shape in arrays.items()
    if not isinstance(shape, Label)
]


def make(name, dtype):
    """Return the arrays of a call, small integers or quarters: sums of products are exact."""
    rng = np.random.default_rng(5)
    made = {}
    for array, shape in CALLS[name][0].items():
        if isinstance(shape, Label):
            made[array] = rng.integers(0, 3, shape)
        elif isinstance(shape, Share):
            made[array] = (rng.integers(1, 4, shape) / 4).astype(dtype)
        else:
            made[array] = np.asarray(rng.integers(-4, 5, shape)).astype(dtype)
    return made


def call(name, arrays):
    """Return the results of a call, as a list of arrays."""
    result = getattr(F, name)(**arrays, **CALLS[name][1])
    return [np.asarray(each) for each in (result if isinstance(result, tuple) else (result,))]


def fortran(array):
    return array.copy(order="F")


def negative_strides(array):
    turned = (slice(None, None, -1),) * array.ndim
    return array[turned].copy()[turned]


def every_second(array):
    wide = np.full((*array.shape, 2), 7).astype(array.dtype)
    wide[..., 0] = array
    return wide[..., 0]


def read_only(array):
    copy = array.copy()
    copy.flags.writeable = False
    return copy


def test_the_table_of_calls_has_every_function():
    assert sorted(CALLS) == sorted(set(F.__all__) - {"Dropout", "MaxPool"})


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", CALLS)
def test_functions_return_the_dtype_of_their_inputs(name, dtype):
    floats, indices = [], []
    for result in call(name, make(name, dtype)):
        (indices if result.dtype == np.int64 else floats).append(result)
    assert [result.dtype for result in floats] == [dtype] * len(floats)
    assert len(floats) >= 1
    assert len(indices) == (name == "max_pool2d")


@pytest.mark.parametrize("name", CALLS)
def test_functions_return_fresh_writable_arrays_and_leave_their_inputs(name):
    arrays = make(name, np.float64)
    before = {key: array.copy() for key, array in arrays.items()}
    results = call(name, arrays)
    for result, array in itertools.product(results, arrays.values()):
        assert not np.shares_memory(result, array)
    for result in results:
        result[...] = 77
    for key, array in arrays.items():
        assert_array_equal(array, before[key], strict=True)


@pytest.mark.parametrize("name", CALLS)
def test_functions_return_the_same_bits_for_the_same_call(name):
    arrays = make(name, np.float32)
    first, second = call(name, arrays), call(name, arrays)
    assert [a.tobytes() for a in first] == [a.tobytes() for a in second]


@pytest.mark.parametrize("layout", [fortran, negative_strides, every_second, read_only])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", CALLS)
def test_functions_do_not_depend_on_the_layout_of_their_inputs(name, dtype, layout):
    arrays = make(name, dtype)
    laid_out = {key: layout(array) for key, array in arrays.items()}
    for result, expected in zip(call(name, laid_out), call(name, arrays), strict=True):
        if name in TRANSCENDENTAL:
            assert result.dtype == expected.dtype
            # Values up to 16, from at most 2 library functions of 4 ulp each and 12 sums.
            bound = (2 * 4 + 12) * np.finfo(dtype).eps * 16
            assert np.abs(result - expected).max() <= bound
        else:
            assert_array_equal(result, expected, strict=True)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", CALLS)
def test_functions_raise_no_floating_point_error_for_extreme_values(name, dtype):
    limits = np.finfo(dtype)
    values = [np.nan, np.inf, limits.max, -limits.max, limits.tiny, -np.inf, -0.0, limits.eps]
    shares = [0, 1, limits.tiny, 1 - limits.eps, 0.5]
    arrays = make(name, dtype)
    for key, shape in CALLS[name][0].items():
        if isinstance(shape, Real):
            arrays[key] = np.resize(np.array(values, dtype), shape)
        elif isinstance(shape, Share):
            arrays[key] = np.resize(np.array(shares, dtype), shape)
    with np.errstate(all="raise"):
        for result in call(name, arrays):
            assert result.dtype in (dtype, np.int64)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda a: a.tolist(), "is a (list|float), expected a NumPy array of float32 or float64"),
        (lambda a: np.ma.masked_array(a), "is a MaskedArray, expected a NumPy array of float32 or"),
        (lambda a: None, "is a NoneType, expected a NumPy array of float32 or float64"),
        (lambda a: a.astype(np.int64), "has dtype int64, expected float32 or float64"),
        (lambda a: a.astype(bool), "has dtype bool, expected float32 or float64"),
        (lambda a: a.astype(object), "has dtype object, expected float32 or float64"),
        (lambda a: a.astype(np.float16), "has dtype float16, expected float32 or float64"),
        (lambda a: a.astype(np.complex128), "has dtype complex128, expected float32 or float64"),
        (lambda a: a.astype(">f4"), "has dtype >f4, expected float32 or float64"),
    ],
    ids=["list", "masked", "None", "int", "bool", "object", "float16", "complex", "big-endian"],
)
@pytest.mark.parametrize(("name", "array"), FLOATS)
def test_functions_refuse_arrays_of_other_kinds_by_name(name, array, spoil, message):
    arrays = make(name, np.float64)
    arrays[array] = spoil(arrays[array])
    if (
        arrays[array] is None
        and inspect.signature(getattr(F, name)).parameters[array].default is None
    ):
        call(name, arrays)
        return
    if array == "target" and name == "cross_entropy":
        message = f"(target {message}|target has)"
    with pytest.raises(TypeError, match=f"^{name}: {array} {message}"):
        call(name, arrays)


SEVERAL = [
    (name, array) for name, array in FLOATS if [other for other, _ in FLOATS].count(name) > 1
]


@pytest.mark.parametrize(("name", "array"), SEVERAL)
def test_functions_refuse_mixed_dtypes_by_name(name, array):
    arrays = make(name, np.float64)
    arrays[array] = arrays[array].astype(np.float32)
    with pytest.raises(TypeError, match=f"^{name}: .*, but .* has .*; expected one dtype"):
        call(name, arrays)


ONE = np.ones((1, 1, 1, 1))
IDENTITIES = {
    "flatten of one axis": lambda x: F.flatten(x, start_dim=0, end_dim=0),
    "flatten_grad": lambda x: F.flatten_grad(x, input_shape=x.shape),
    "pad by nothing": lambda x: F.pad(x, ()),
    "pad by zero": lambda x: F.pad(x, (0, 0, 0, 0)),
    "pad_grad": lambda x: F.pad_grad(x, input_shape=x.shape, pad=(0, 0)),
    "pad on a ring by zero": lambda x: F.pad(x, (0, 0, 0, 0), mode="circular"),
    "pad_grad on a ring": lambda x: F.pad_grad(
        x, input_shape=x.shape, pad=(0, 0, 0, 0), mode="circular"
    ),
    "interpolate": lambda x: F.interpolate(x, x.shape[2:]),
    "interpolate_grad": lambda x: F.interpolate_grad(x, input_shape=x.shape, size=x.shape[2:]),
    "pixel_shuffle by 1": lambda x: F.pixel_shuffle(x, 1),
    "pixel_unshuffle by 1": lambda x: F.pixel_unshuffle(x, 1),
    "channel_shuffle of one group": lambda x: F.channel_shuffle(x, 1),
    "dropout in evaluation": lambda x: F.dropout(x, training=False),
    "dropout_with_mask": lambda x: F.dropout_with_mask(x, training=False).output,
    "dropout of nothing": lambda x: F.dropout(x, p=0.0),
    "dropout_grad": lambda x: F.dropout_grad(x, np.ones_like(x)),
    "relu": F.relu,
    "relu_grad": lambda x: F.relu_grad(x, x),
    "max_pool2d": lambda x: F.max_pool2d(x, 1),
    "avg_pool2d": lambda x: F.avg_pool2d(x, 1),
    "avg_pool2d_grad": lambda x: F.avg_pool2d_grad(x, input_shape=x.shape, kernel_size=1),
    "conv2d": lambda x: F.conv2d(x, ONE),
    "conv2d_input_grad": lambda x: F.conv2d_input_grad(x, ONE, input_shape=x.shape),
    "conv2d_bias_grad": lambda x: F.conv2d_bias_grad(x, bias_shape=x.shape[1:])[None],
    "conv_transpose2d": lambda x: F.conv_transpose2d(x, ONE),
    "conv_transpose2d_input_grad": lambda x: F.conv_transpose2d_input_grad(
        x, ONE, input_shape=x.shape
    ),
    "unfold": lambda x: F.unfold(x, 1).reshape(x.shape),
    "unfold_grad": lambda x: F.unfold_grad(x.reshape(1, 1, -1), input_shape=x.shape, kernel_size=1),
    "fold": lambda x: F.fold(x.reshape(1, 1, -1), x.shape[2:], kernel_size=1),
    "fold_grad": lambda x: F.fold_grad(x, kernel_size=1).reshape(x.shape),
    "correlate": lambda x: F.correlate(x, ONE),
    "correlate_input_grad": lambda x: F.correlate_input_grad(x, ONE, input_shape=x.shape),
}


@pytest.mark.parametrize("identity", IDENTITIES.values(), ids=IDENTITIES)
def test_functions_that_change_nothing_return_a_copy(identity):
    x = np.arange(1.0, 13).reshape(1, 1, 3, 4)
    y = identity(x)
    assert_array_equal(y, x, strict=True)
    assert not np.shares_memory(x, y)
    y[...] = 0
    assert x.min() == 1


def test_matrices_and_arrays_without_axes_are_refused():
    matrix = np.ones((2, 2)).view(np.matrix)
    with pytest.raises(TypeError, match="^mse_loss: x is a matrix, expected a NumPy array"):
        F.mse_loss(matrix, matrix)
    with pytest.raises(ValueError, match="^softmax: x has no axis, expected one for dim=0"):
        F.softmax(np.array(2.0), dim=0)
    with pytest.raises(ValueError, match="^correlate: x has 27 dimensions, expected at most 26"):
        F.correlate(np.ones((1,) * 27), np.ones((1,) * 27))
    assert np.isnan(F.pad(np.ones(1), (1, 0), value=np.float32("nan"))[0])
    with pytest.raises(TypeError, match="^dropout: rng is 'a', expected a numpy.random.Generator"):
        F.dropout(np.ones(2), rng="a")
