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


class Sign(Label):
    """The shape of an array of integers that are 1 or -1."""


IMAGES, FILTERS, MAPS = Real((2, 4, 5, 6)), Real((6, 2, 3, 2)), Real((2, 6, 3, 5))
SIGNALS, VOLUMES, COLUMNS = Real((2, 4, 5)), Real((4, 3, 4, 4)), Real((2, 24, 15))
TABLE, ROWS, CLASSES, SCALAR = Real((3, 4)), Label((3,)), Real((4,)), Real(())
POOLED = {"grad_output": Real((2, 4, 2, 3))}
POOLING = {"input_shape": (2, 4, 5, 6), "kernel_size": 2}
PAIR = {"x": TABLE, "target": TABLE}
SHARES = {"x": Share((3, 4)), "target": Share((3, 4)), "weight": CLASSES}
LOGITS = {**SHARES, "x": TABLE, "pos_weight": CLASSES}
TO_SCALAR = {"grad_output": SCALAR}
WEIGHTED = {**PAIR, "weight": TABLE}
SIGNED = {"x": TABLE, "target": Sign((3, 4))}
RANKED = {"input1": TABLE, "input2": TABLE, "target": Sign((3, 4))}
ANGLES = {**RANKED, "target": Sign((3,))}
TRIPLET = {"anchor": TABLE, "positive": TABLE, "negative": TABLE}
COUNTED = {"x": TABLE, "target": Label((3, 4))}
DIVERGING = {"x": TABLE, "target": Share((3, 4))}
NORMAL = {**PAIR, "var": Share((3, 4))}
ELEMENTWISE = {"grad_output": TABLE}

# Poolings for one to three axes, of which shapes have the last ones.
WHOLE, HALVES = (3, 5, 6), (1, 2, 3)
BACK = {"input_shape": WHOLE, "kernel_size": 2}
POOLINGS = {
    "adaptive_avg_pool{}d": ({"x": WHOLE}, {"output_size": 2}),
    "adaptive_avg_pool{}d_grad": (
        {"grad_output": (2, 2, 2)},
        {"input_shape": WHOLE, "output_size": 2},
    ),
    "adaptive_max_pool{}d": ({"x": WHOLE}, {"output_size": 2, "return_indices": True}),
    "adaptive_max_pool{}d_grad": (
        {"grad_output": (2, 2, 2), "indices": (2, 2, 2)},
        {"input_shape": WHOLE, "output_size": 2},
    ),
    "avg_pool{}d": ({"x": WHOLE}, {"kernel_size": 2}),
    "avg_pool{}d_grad": ({"grad_output": HALVES}, BACK),
    "lp_pool{}d": ({"x": WHOLE}, {"norm_type": 2, "kernel_size": 2}),
    "lp_pool{}d_grad": (
        {"grad_output": HALVES, "x": WHOLE, "y": HALVES},
        {"norm_type": 2, "kernel_size": 2},
    ),
    "max_pool{}d": ({"x": WHOLE}, {"kernel_size": 2, "return_indices": True}),
    "max_pool{}d_grad": ({"grad_output": HALVES, "indices": HALVES}, BACK),
    "max_unpool{}d": ({"x": HALVES, "indices": HALVES}, {"kernel_size": 2}),
    "max_unpool{}d_grad": ({"grad_output": WHOLE, "indices": HALVES}, {}),
}

# Every function: its arrays by name, and its other arguments.
CALLS = {
    **{
        name.format(axes): (
            {
                array: Real((2, 4, *(shape[-axes:])))
                if array != "indices"
                else Label((2, 4, *shape[-axes:]))
                for array, shape in arrays.items()
            },
            {
                key: (2, 4, *(3, 5, 6)[-axes:]) if key == "input_shape" else value
                for key, value in options.items()
            },
        )
        for name, (arrays, options) in POOLINGS.items()
        for axes in (1, 2, 3)
    },
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
    "cosine_embedding_loss": (ANGLES, {}),
    "cosine_embedding_loss_grads": ({**TO_SCALAR, **ANGLES}, {}),
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
    "gaussian_nll_loss": (NORMAL, {}),
    "gaussian_nll_loss_grads": ({**TO_SCALAR, **NORMAL}, {}),
    "hinge_embedding_loss": (SIGNED, {}),
    "hinge_embedding_loss_grad": ({**TO_SCALAR, **SIGNED}, {}),
    "huber_loss": (WEIGHTED, {}),
    "huber_loss_input_grad": ({**TO_SCALAR, **WEIGHTED}, {}),
    "huber_loss_target_grad": ({**TO_SCALAR, **WEIGHTED}, {}),
    "interpolate": ({"x": IMAGES}, {"size": 3, "mode": "bicubic"}),
    "interpolate_grad": (
        {"grad_output": Real((2, 4, 3, 3))},
        {"input_shape": (2, 4, 5, 6), "size": 3, "mode": "bicubic"},
    ),
    "kl_div": (DIVERGING, {}),
    "kl_div_input_grad": ({**TO_SCALAR, **DIVERGING}, {}),
    "kl_div_target_grad": ({**TO_SCALAR, **DIVERGING}, {}),
    "l1_loss": (WEIGHTED, {}),
    "l1_loss_input_grad": ({**TO_SCALAR, **WEIGHTED}, {}),
    "l1_loss_target_grad": ({**TO_SCALAR, **WEIGHTED}, {}),
    "l2_penalty": ({"x": TABLE}, {"strength": 0.5}),
    "l2_penalty_grad": ({**TO_SCALAR, "x": TABLE}, {"strength": 0.5}),
    "linear": ({"x": Real((2, 3, 4)), "weight": Real((5, 4)), "bias": Real((5,))}, {}),
    "linear_bias_grad": ({"grad_output": Real((2, 3, 5))}, {}),
    "linear_input_grad": ({"grad_output": Real((2, 3, 5)), "weight": Real((5, 4))}, {}),
    "linear_weight_grad": ({"grad_output": Real((2, 3, 5)), "x": Real((2, 3, 4))}, {}),
    "log_softmax": ({"x": TABLE}, {"dim": 1}),
    "log_softmax_grad": ({**ELEMENTWISE, "y": TABLE}, {"dim": 1}),
    "margin_ranking_loss": (RANKED, {}),
    "margin_ranking_loss_grads": ({**TO_SCALAR, **RANKED}, {}),
    "mse_loss": (WEIGHTED, {}),
    "mse_loss_input_grad": ({**TO_SCALAR, **WEIGHTED}, {}),
    "mse_loss_target_grad": ({**TO_SCALAR, **WEIGHTED}, {}),
    "multi_margin_loss": ({"x": TABLE, "target": ROWS, "weight": CLASSES}, {}),
    "multi_margin_loss_grad": ({**TO_SCALAR, "x": TABLE, "target": ROWS, "weight": CLASSES}, {}),
    "multilabel_margin_loss": (COUNTED, {}),
    "multilabel_margin_loss_grad": ({**TO_SCALAR, **COUNTED}, {}),
    "multilabel_soft_margin_loss": ({**COUNTED, "weight": CLASSES}, {}),
    "multilabel_soft_margin_loss_input_grad": ({**TO_SCALAR, **COUNTED, "weight": CLASSES}, {}),
    "multilabel_soft_margin_loss_target_grad": ({**TO_SCALAR, **COUNTED, "weight": CLASSES}, {}),
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
    "poisson_nll_loss": (COUNTED, {"full": True}),
    "poisson_nll_loss_input_grad": ({**TO_SCALAR, **COUNTED}, {}),
    "poisson_nll_loss_target_grad": ({**TO_SCALAR, **COUNTED}, {"full": True}),
    "relu": ({"x": TABLE}, {}),
    "relu_grad": ({**ELEMENTWISE, "x": TABLE}, {}),
    "sigmoid": ({"x": TABLE}, {}),
    "sigmoid_grad": ({**ELEMENTWISE, "y": TABLE}, {}),
    "smooth_l1_loss": (PAIR, {}),
    "smooth_l1_loss_input_grad": ({**TO_SCALAR, **PAIR}, {}),
    "smooth_l1_loss_target_grad": ({**TO_SCALAR, **PAIR}, {}),
    "soft_margin_loss": (SIGNED, {}),
    "soft_margin_loss_grad": ({**TO_SCALAR, **SIGNED}, {}),
    "softmax": ({"x": TABLE}, {"dim": 1}),
    "softmax_grad": ({**ELEMENTWISE, "y": TABLE}, {"dim": 1}),
    "tanh": ({"x": TABLE}, {}),
    "tanh_grad": ({**ELEMENTWISE, "y": TABLE}, {}),
    "triplet_margin_loss": (TRIPLET, {}),
    "triplet_margin_loss_grads": ({**TO_SCALAR, **TRIPLET}, {}),
    "unfold": ({"x": IMAGES}, {"kernel_size": (3, 2)}),
    "unfold_grad": (
        {"grad_output": COLUMNS},
        {"input_shape": (2, 4, 5, 6), "kernel_size": (3, 2)},
    ),
}
# Normalizations; with running statistics they are tested elsewhere.
CHANNELS = Real((4,))
AFFINE = {"weight": CHANNELS, "bias": CHANNELS}
RUNNING = {"x": IMAGES, "running_mean": CHANNELS, "running_var": Share((4,))}
SCALED = {"grad_output": IMAGES, "x": IMAGES, "weight": CHANNELS}
LAST = {"normalized_shape": (4,)}
CALLS |= {
    "batch_norm": (
        {"x": IMAGES, **AFFINE},
        {"running_mean": None, "running_var": None, "training": True},
    ),
    "batch_norm_grads": (SCALED, {"training": True}),
    "batch_norm_statistics": (RUNNING, {}),
    "group_norm": ({"x": IMAGES, **AFFINE}, {"num_groups": 2}),
    "group_norm_grads": (SCALED, {"num_groups": 2}),
    "instance_norm": ({"x": IMAGES, **AFFINE}, {}),
    "instance_norm_grads": (SCALED, {}),
    "instance_norm_statistics": (RUNNING, {}),
    "layer_norm": ({"x": TABLE, **AFFINE}, LAST),
    "layer_norm_grads": ({"grad_output": TABLE, "x": TABLE, "weight": CHANNELS}, LAST),
    "local_response_norm": ({"x": IMAGES}, {"size": 3}),
    "local_response_norm_grad": ({"grad_output": IMAGES, "x": IMAGES}, {"size": 3}),
    "rms_norm": ({"x": TABLE, "weight": CHANNELS}, LAST),
    "rms_norm_grads": ({"grad_output": TABLE, "x": TABLE, "weight": CHANNELS}, LAST),
}
# Dropouts of whole channels, and those that keep the moments.
for form, images in (
    ("dropout1d", SIGNALS),
    ("dropout2d", IMAGES),
    ("dropout3d", VOLUMES),
    ("alpha_dropout", SIGNALS),
    ("feature_alpha_dropout", IMAGES),
):
    mask = images if form == "alpha_dropout" else Real((*images[:2], *(1,) * (len(images) - 2)))
    if form == "dropout3d":
        mask = Real((4, 1, 1, 1))
    for form_name in (form, f"{form}_with_mask"):
        CALLS[form_name] = ({"x": images}, {"rng": 1, "training": True})
    CALLS[f"{form}_grad"] = ({"grad_output": images, "mask": mask}, {})
for penalty, options in (("l1", {"strength": 0.5}), ("elastic_net", {"alpha": 0.5})):
    CALLS[f"{penalty}_penalty"] = ({"x": TABLE}, options)
    CALLS[f"{penalty}_penalty_grad"] = ({**TO_SCALAR, "x": TABLE}, options)
# Elementwise activations, with the options of their gradients and of themselves alone.
ACTIVATIONS = {
    "celu": ({"alpha": 0.5}, {}),
    "elu": ({"alpha": 0.5}, {}),
    "gelu": ({"approximate": "tanh"}, {}),
    "hardshrink": ({"lambd": 1.5}, {}),
    "hardsigmoid": ({}, {}),
    "hardswish": ({}, {}),
    "hardtanh": ({"max_val": 2.0}, {}),
    "leaky_relu": ({"negative_slope": 0.25}, {}),
    "logsigmoid": ({}, {}),
    "mish": ({}, {}),
    "relu6": ({}, {}),
    "selu": ({}, {}),
    "silu": ({}, {}),
    "softplus": ({"beta": 2.0, "threshold": 5.0}, {}),
    "softshrink": ({"lambd": 1.5}, {}),
    "softsign": ({}, {}),
    "tanhshrink": ({}, {}),
    "threshold": ({"threshold": 1.0}, {"value": 7.0}),
}
CALLS |= {name: ({"x": TABLE}, both | own) for name, (both, own) in ACTIVATIONS.items()}
CALLS |= {
    f"{name}_grad": ({**ELEMENTWISE, "x": TABLE}, both) for name, (both, _) in ACTIVATIONS.items()
}
CALLS |= {
    "glu": ({"x": TABLE}, {"dim": 1}),
    "glu_grad": ({"grad_output": Real((3, 2)), "x": TABLE}, {"dim": 1}),
    "prelu": ({"x": TABLE, "weight": CLASSES}, {}),
    "prelu_input_grad": ({**ELEMENTWISE, "x": TABLE, "weight": CLASSES}, {}),
    "prelu_weight_grad": ({**ELEMENTWISE, "x": TABLE}, {"weight_shape": (4,)}),
    "rrelu": ({"x": TABLE}, {"training": True, "rng": 1}),
    "rrelu_grad": ({**ELEMENTWISE, "noise": TABLE}, {}),
    "rrelu_with_noise": ({"x": TABLE}, {"training": True, "rng": 1}),
    "softmin": ({"x": TABLE}, {"dim": 1}),
    "softmin_grad": ({**ELEMENTWISE, "y": TABLE}, {"dim": 1}),
}
# Logarithms and exponentials, which NumPy may compute on another path for another layout.
TRANSCENDENTAL = {
    "binary_cross_entropy",
    "binary_cross_entropy_target_grad",
    "binary_cross_entropy_with_logits",
    "binary_cross_entropy_with_logits_input_grad",
    "binary_cross_entropy_with_logits_target_grad",
    "celu",
    "celu_grad",
    "cosine_embedding_loss",
    "cosine_embedding_loss_grads",
    "cross_entropy",
    "cross_entropy_input_grad",
    "cross_entropy_target_grad",
    "elu",
    "elu_grad",
    "gaussian_nll_loss",
    "gaussian_nll_loss_grads",
    "gelu",
    "gelu_grad",
    "glu",
    "glu_grad",
    "kl_div",
    "kl_div_input_grad",
    "kl_div_target_grad",
    "local_response_norm",
    "local_response_norm_grad",
    "log_softmax",
    "log_softmax_grad",
    "logsigmoid",
    "logsigmoid_grad",
    "mish",
    "mish_grad",
    "multilabel_soft_margin_loss",
    "multilabel_soft_margin_loss_input_grad",
    "multilabel_soft_margin_loss_target_grad",
    "poisson_nll_loss",
    "poisson_nll_loss_input_grad",
    "poisson_nll_loss_target_grad",
    "selu",
    "selu_grad",
    "sigmoid",
    "silu",
    "silu_grad",
    "soft_margin_loss",
    "soft_margin_loss_grad",
    "softmax",
    "softmin",
    "softplus",
    "softplus_grad",
    "tanh",
    "tanhshrink",
    "tanhshrink_grad",
    "triplet_margin_loss",
    "triplet_margin_loss_grads",
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
        if isinstance(shape, Sign):
            made[array] = rng.choice((-1, 1), shape)
        elif isinstance(shape, Label):
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
    assert sorted(CALLS) == sorted(name for name in F.__all__ if name.islower())


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", CALLS)
def test_functions_return_the_dtype_of_their_inputs(name, dtype):
    floats, indices = [], []
    for result in call(name, make(name, dtype)):
        (indices if result.dtype == np.int64 else floats).append(result)
    assert [result.dtype for result in floats] == [dtype] * len(floats)
    assert len(floats) >= 1
    assert len(indices) == ("return_indices" in CALLS[name][1])


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
    "max_pool2d_grad": lambda x: F.max_pool2d_grad(
        x, np.arange(12).reshape(1, 1, 3, 4), input_shape=x.shape, kernel_size=1
    ),
    "adaptive_max_pool2d": lambda x: F.adaptive_max_pool2d(x, (3, 4)),
    "adaptive_avg_pool2d": lambda x: F.adaptive_avg_pool2d(x, (None, 4)),
    "adaptive_avg_pool2d_grad": lambda x: F.adaptive_avg_pool2d_grad(
        x, input_shape=x.shape, output_size=(3, 4)
    ),
    "lp_pool2d": lambda x: F.lp_pool2d(x, 1, 1),
    "lp_pool2d_grad": lambda x: F.lp_pool2d_grad(x, x, x, norm_type=1, kernel_size=1),
    "max_unpool2d": lambda x: F.max_unpool2d(x, np.arange(12).reshape(x.shape), 1),
    "max_unpool2d_grad": lambda x: F.max_unpool2d_grad(x, np.arange(12).reshape(x.shape)),
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
    with pytest.raises(ValueError, match="^glu: x has no axis, expected one for dim=0"):
        F.glu(np.array(2.0), dim=0)
    with pytest.raises(ValueError, match="^correlate: x has 27 dimensions, expected at most 26"):
        F.correlate(np.ones((1,) * 27), np.ones((1,) * 27))
    assert np.isnan(F.pad(np.ones(1), (1, 0), value=np.float32("nan"))[0])
    with pytest.raises(TypeError, match="^dropout: rng is 'a', expected a numpy.random.Generator"):
        F.dropout(np.ones(2), rng="a")
