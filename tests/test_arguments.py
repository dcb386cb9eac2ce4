"""Arguments of every kind that functions and layers refuse, and those that only look wrong."""

import inspect
import re

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import scratchcnn.functional as F
from scratchcnn import nn
from scratchcnn.functional import _checks as check

LINE = np.arange(48.0).reshape(2, 4, 6)
IMAGE = np.arange(144.0).reshape(2, 2, 6, 6)
VOLUME = np.arange(128.0).reshape(1, 2, 4, 4, 4)
BY_AXES = {1: LINE, 2: IMAGE, 3: VOLUME}
ROWS = np.ones((2, 3))
ONE = np.array(1.0)
RUNNING = (np.zeros(2), np.ones(2))
LARGEST = 2**63 - 1

# Each function with a flag: its names, and a call that passes them on.
FLAGS = {}
for axes, x in BY_AXES.items():
    out = np.ones(tuple(n // 2 if axis > 1 else n for axis, n in enumerate(x.shape)))
    shape, found = {"input_shape": x.shape}, out.astype(int)
    window = {"kernel_size": 2}
    size = {"output_size": 2}
    FLAGS |= {
        f"max_pool{axes}d": ((x,), window, ("ceil_mode", "return_indices")),
        f"max_pool{axes}d_grad": ((out, found), window | shape, ("ceil_mode",)),
        f"avg_pool{axes}d": ((x,), window, ("ceil_mode", "count_include_pad")),
        f"avg_pool{axes}d_grad": ((out,), window | shape, ("ceil_mode", "count_include_pad")),
        f"lp_pool{axes}d": ((x,), window | {"norm_type": 2}, ("ceil_mode",)),
        f"lp_pool{axes}d_grad": ((out, x, out), window | {"norm_type": 2}, ("ceil_mode",)),
        f"adaptive_max_pool{axes}d": ((x,), size, ("return_indices",)),
        f"dropout{axes}d": ((x,), {}, ("training",)),
        f"dropout{axes}d_with_mask": ((x,), {}, ("training",)),
    }
FLAGS |= {
    name + end: ((IMAGE,), {}, ("training",))
    for name in ("dropout", "alpha_dropout", "feature_alpha_dropout", "rrelu")
    for end in ("", "_with_noise" if name == "rrelu" else "_with_mask")
}
FLAGS |= {
    "batch_norm": ((IMAGE, *RUNNING), {}, ("training",)),
    "batch_norm_grads": ((IMAGE, IMAGE, *RUNNING), {}, ("training",)),
    "instance_norm": ((IMAGE, *RUNNING), {}, ("use_input_stats",)),
    "instance_norm_grads": ((IMAGE, IMAGE, *RUNNING), {}, ("use_input_stats",)),
    "interpolate": (
        (IMAGE,),
        {"scale_factor": 2, "mode": "bilinear"},
        ("align_corners", "recompute_scale_factor", "antialias"),
    ),
    "interpolate_grad": (
        (np.ones((2, 2, 12, 12)),),
        {"scale_factor": 2, "mode": "bilinear", "input_shape": IMAGE.shape},
        ("align_corners", "recompute_scale_factor", "antialias"),
    ),
    "kl_div": ((ROWS, ROWS), {}, ("log_target",)),
    "kl_div_input_grad": ((ONE, ROWS, ROWS), {}, ("log_target",)),
    "kl_div_target_grad": ((ONE, ROWS, ROWS), {}, ("log_target",)),
    "poisson_nll_loss": ((ROWS, ROWS), {}, ("log_input", "full")),
    "poisson_nll_loss_input_grad": ((ONE, ROWS, ROWS), {}, ("log_input",)),
    "poisson_nll_loss_target_grad": ((ONE, ROWS, ROWS), {}, ("log_input", "full")),
    "gaussian_nll_loss": ((ROWS, ROWS, ROWS), {}, ("full",)),
    "triplet_margin_loss": ((ROWS, ROWS, ROWS), {}, ("swap",)),
    "triplet_margin_loss_grads": ((ONE, ROWS, ROWS, ROWS), {}, ("swap",)),
}
LAYER_FLAGS = {
    **{
        f"{kind}{axes}d": (arguments, names)
        for axes in (1, 2, 3)
        for kind, arguments, names in (
            ("Conv", (2, 4, 3), ("bias", "untied_bias")),
            ("ConvTranspose", (2, 4, 3), ("bias",)),
            ("MaxPool", (2,), ("return_indices", "ceil_mode")),
            ("AvgPool", (2,), ("ceil_mode", "count_include_pad")),
            ("LPPool", (2, 2), ("ceil_mode",)),
            ("AdaptiveMaxPool", (2,), ("return_indices",)),
            ("BatchNorm", (2,), ("affine", "track_running_stats", "bias")),
            ("InstanceNorm", (2,), ("affine", "track_running_stats", "bias")),
        )
    },
    "LayerNorm": ((2,), ("elementwise_affine", "bias")),
    "RMSNorm": ((2,), ("elementwise_affine",)),
    "GroupNorm": ((2, 4), ("affine", "bias")),
    "Linear": ((2, 4), ("bias",)),
    "Upsample": ((2,), ("align_corners", "recompute_scale_factor")),
    "KLDivLoss": ((), ("log_target",)),
    "PoissonNLLLoss": ((), ("log_input", "full")),
    "GaussianNLLLoss": ((), ("full",)),
    "TripletMarginLoss": ((), ("swap",)),
}
NO_FLAGS = ("False", 0, 1.0, np.ones(2), np.array(True), b"")


def flags_of(signature):
    return {
        name
        for name, parameter in signature.parameters.items()
        if str(parameter.annotation).split(" ")[0] == "bool"
    }


def test_the_tables_have_every_flag():
    found = {name: flags_of(inspect.signature(getattr(F, name))) for name in F.__all__}
    assert {k: v for k, v in found.items() if v} == {k: set(v[2]) for k, v in FLAGS.items()}
    kinds = {name: getattr(nn, name) for name in nn.__all__}
    found = {k: flags_of(inspect.signature(v)) for k, v in kinds.items() if inspect.isclass(v)}
    # A parameter is no layer.
    del found["Parameter"]
    assert {k: v for k, v in found.items() if v} == {k: set(v[1]) for k, v in LAYER_FLAGS.items()}


@pytest.mark.parametrize("value", NO_FLAGS, ids=repr)
@pytest.mark.parametrize(
    ("name", "flag"), [(name, flag) for name, (_, _, flags) in FLAGS.items() for flag in flags]
)
def test_functions_take_flags_that_are_true_or_false(name, flag, value):
    arrays, options, _ = FLAGS[name]
    function = getattr(F, name)
    function(*arrays, **options, **{flag: False})
    function(*arrays, **options, **{flag: np.False_})
    message = f"{name}: {flag} is {value!r}, expected True or False"
    with pytest.raises(TypeError, match=f"^{re.escape(message)}$"):
        function(*arrays, **options, **{flag: value})


@pytest.mark.parametrize("value", NO_FLAGS, ids=repr)
@pytest.mark.parametrize(
    ("name", "flag"), [(name, flag) for name, (_, flags) in LAYER_FLAGS.items() for flag in flags]
)
def test_layers_take_flags_that_are_true_or_false(name, flag, value):
    arguments, _ = LAYER_FLAGS[name]
    kind = getattr(nn, name)
    kind(*arguments, **{flag: np.False_})
    message = f"{name}: {flag} is {value!r}, expected True or False"
    with pytest.raises(TypeError, match=f"^{re.escape(message)}$"):
        kind(*arguments, **{flag: value})


@pytest.mark.parametrize(
    ("error", "call", "message"),
    [
        (TypeError, lambda: nn.Softmax("a"), "Softmax: dim is 'a', expected an integer"),
        (TypeError, lambda: nn.Softmax(None), "Softmax: dim is None, expected an integer"),
        (TypeError, lambda: nn.Softmin(1.5), "Softmin: dim is 1.5, expected an integer"),
        (TypeError, lambda: nn.LogSoftmax(b"1"), "LogSoftmax: dim is b'1', expected an integer"),
        (TypeError, lambda: nn.GLU("a"), "GLU: dim is 'a', expected an integer"),
        (TypeError, lambda: nn.Flatten("a"), "Flatten: start_dim is 'a', expected an integer"),
        (TypeError, lambda: nn.Flatten(1, True), "Flatten: end_dim is True, expected an integer"),
        (
            TypeError,
            lambda: nn.ConstantPad2d(1, "a"),
            "ConstantPad2d: value is 'a', expected a number",
        ),
        (
            TypeError,
            lambda: nn.ZeroPad2d((1, 1, None, 1)),
            "ZeroPad2d: padding is None, expected an integer",
        ),
        (
            TypeError,
            lambda: nn.MarginRankingLoss("x"),
            "MarginRankingLoss: margin is 'x', expected a number",
        ),
        (
            TypeError,
            lambda: nn.HingeEmbeddingLoss("x"),
            "HingeEmbeddingLoss: margin is 'x', expected a number",
        ),
        (
            TypeError,
            lambda: nn.CosineEmbeddingLoss("x"),
            "CosineEmbeddingLoss: margin is 'x', expected a number",
        ),
        (
            TypeError,
            lambda: nn.TripletMarginLoss(eps="x"),
            "TripletMarginLoss: eps is 'x', expected a number",
        ),
        (
            TypeError,
            lambda: nn.MultiMarginLoss(margin="x"),
            "MultiMarginLoss: margin is 'x', expected a number",
        ),
        (
            TypeError,
            lambda: nn.MultiMarginLoss(np.ones(2)),
            "MultiMarginLoss: p is array([1., 1.]), expected an integer of at least 1",
        ),
        *(
            (
                TypeError,
                lambda kind=kind: getattr(nn, kind)([1.0, 2.0]),
                f"{kind}: weight is a list, expected a NumPy array of float32 or float64",
            )
            for kind in (
                "BCELoss",
                "BCEWithLogitsLoss",
                "NLLLoss",
                "CrossEntropyLoss",
                "MultiLabelSoftMarginLoss",
            )
        ),
        (
            TypeError,
            lambda: nn.MultiMarginLoss(weight=np.ones(2, int)),
            "MultiMarginLoss: weight has dtype int64, expected float32 or float64",
        ),
        (
            TypeError,
            lambda: nn.BCEWithLogitsLoss(pos_weight="a"),
            "BCEWithLogitsLoss: pos_weight is a str, expected a NumPy array of float32 or float64",
        ),
        (
            TypeError,
            lambda: nn.CrossEntropyLoss(ignore_index="a"),
            "CrossEntropyLoss: ignore_index is 'a', expected an integer",
        ),
        (
            TypeError,
            lambda: nn.NLLLoss(ignore_index=1.0),
            "NLLLoss: ignore_index is 1.0, expected an integer",
        ),
        (
            TypeError,
            lambda: nn.L2Penalty("ab", strength=0.1),
            "L2Penalty: parameters has a str, expected Parameters only",
        ),
        (
            TypeError,
            lambda: nn.L1Penalty([np.ones(2)], strength=1.0),
            "L1Penalty: parameters has a ndarray, expected Parameters only",
        ),
        (
            TypeError,
            lambda: nn.ElasticNetPenalty(nn.Parameter(np.ones(2))),
            "ElasticNetPenalty: parameters is a Parameter, expected Parameters",
        ),
        (
            ValueError,
            lambda: nn.RReLU(0.1, np.inf),
            "RReLU: lower is 0.1 and upper inf, expected a finite range",
        ),
    ],
)
def test_constructors_refuse_what_can_never_work(error, call, message):
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        call()


@pytest.mark.parametrize("kind", [nn.Softmax, nn.Softmin, nn.LogSoftmax])
def test_the_axis_of_a_softmax_must_be_given(kind):
    with pytest.raises(TypeError, match=rf"^{kind.__name__}\.__init__\(\) missing .* 'dim'$"):
        kind()


SIZES = {
    "avg_pool1d": (lambda **o: F.avg_pool1d(LINE, 2, **o), "stride"),
    "max_pool2d": (lambda **o: F.max_pool2d(IMAGE, 2, **o), "stride"),
    "lp_pool2d": (lambda **o: F.lp_pool2d(IMAGE, 2, 2, **o), "stride"),
    "conv2d": (lambda **o: F.conv2d(IMAGE, np.ones((1, 2, 2, 2)), **o), "stride"),
    "conv_transpose2d": (
        lambda **o: F.conv_transpose2d(IMAGE, np.ones((2, 1, 2, 2)), **o),
        "output_padding",
    ),
    "unfold": (lambda **o: F.unfold(IMAGE, 2, **o), "stride"),
    "interpolate": (lambda **o: F.interpolate(IMAGE, **o), "size"),
}


def _type(value):
    return type(value).__name__


@pytest.mark.parametrize("value", [b"x", bytearray(b"xy"), memoryview(b"xy"), "22"], ids=_type)
@pytest.mark.parametrize("name", SIZES)
def test_characters_and_bytes_are_no_sizes(name, value):
    call, argument = SIZES[name]
    message = f"^{name}: {argument} is {re.escape(repr(value))}, expected an integer of at least"
    with pytest.raises(TypeError, match=message):
        call(**{argument: value})


def test_bytes_are_no_shape_no_factors_and_no_widths():
    with pytest.raises(TypeError, match=r"^prelu_weight_grad: weight_shape is b'', expected a tup"):
        F.prelu_weight_grad(ROWS, ROWS, weight_shape=b"")
    with pytest.raises(TypeError, match=r"^interpolate: scale_factor is b'ab', expected a number"):
        F.interpolate(IMAGE, scale_factor=b"ab")
    with pytest.raises(TypeError, match=r"^pad: pad is b'ab', expected a sequence of integers"):
        F.pad(IMAGE, b"ab")
    with pytest.raises(TypeError, match=r"^pad: pad is None, expected an integer$"):
        F.pad(IMAGE, (1, None))
    with pytest.raises(TypeError, match=r"^layer_norm: normalized_shape is b'ab', expected an int"):
        F.layer_norm(IMAGE, b"ab")
    with pytest.raises(TypeError, match=r"^LayerNorm: normalized_shape is b'ab', expected an int"):
        nn.LayerNorm(b"ab")


@pytest.mark.parametrize("name", SIZES)
def test_numbers_that_fit_no_int64_are_refused(name):
    call, argument = SIZES[name]
    message = f"^{name}: {argument} is {10**30}, expected at most {LARGEST}$"
    with pytest.raises(ValueError, match=message):
        call(**{argument: 10**30})


def test_the_messages_of_integers_and_numbers_show_no_bounds_that_are_not_meant():
    with pytest.raises(TypeError, match=r"^softmax: dim is None, expected an integer$"):
        F.softmax(ROWS, dim=None)
    with pytest.raises(
        ValueError, match=rf"^softmax: dim is -{10**30}, expected at least -{2**63}"
    ):
        F.softmax(ROWS, dim=-(10**30))
    with pytest.raises(ValueError, match=r"^leaky_relu: negative_slope is nan, expected a number$"):
        F.leaky_relu(ROWS, np.nan)
    with pytest.raises(TypeError, match=r"^leaky_relu: negative_slope is 1000.*, expected a numb"):
        F.leaky_relu(ROWS, 10**400)


@pytest.mark.parametrize("stride", [2**40, LARGEST])
def test_a_stride_beyond_the_input_leaves_one_window(stride):
    # Only the first window fits, so that any stride gives the same result as that of the input.
    ones = np.ones((1, 2, 2, 2))
    calls = {
        "conv2d": lambda s: F.conv2d(IMAGE, ones, stride=s),
        "avg_pool2d": lambda s: F.avg_pool2d(IMAGE, 2, stride=s),
        "lp_pool2d": lambda s: F.lp_pool2d(IMAGE, 2, 2, stride=s),
        "max_pool2d": lambda s: F.max_pool2d(IMAGE, 2, stride=s, return_indices=True)[1],
        "unfold": lambda s: F.unfold(IMAGE, 2, stride=s),
    }
    for call in calls.values():
        assert_array_equal(call(stride), call(6), strict=True)
    g = np.ones((2, 1, 1, 1))
    grads = (
        lambda s: F.conv2d_weight_grad(g, IMAGE, kernel_size=2, stride=s),
        lambda s: F.conv2d_input_grad(g, ones, input_shape=IMAGE.shape, stride=s),
    )
    for call in grads:
        assert_array_equal(call(stride), call(6), strict=True)


@pytest.mark.parametrize(("lower", "upper"), [(0.1, np.inf), (-np.inf, 0.1), (-1e308, 1e308)])
@pytest.mark.parametrize("training", [False, True])
def test_random_slopes_need_a_finite_range(lower, upper, training):
    message = rf"^rrelu: lower is {lower:g} and upper {upper:g}, expected a finite range$"
    with pytest.raises(ValueError, match=message.replace("+", r"\+")):
        F.rrelu(ROWS, lower, upper=upper, training=training)


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_one_value_in_a_sequence_counts_for_all_axes_of_a_window(axes):
    x = BY_AXES[axes]
    weight = np.arange(2.0**axes * 4).reshape(2, 2, *(2,) * axes)
    x = x[:, :2]

    def function(name):
        return getattr(F, f"{name}{axes}d")

    for name in ("max_pool", "avg_pool"):
        expected = function(name)(x, 2, stride=1, padding=1)
        assert_array_equal(function(name)(x, (2,), stride=[1], padding=(1,)), expected)
        layer = getattr(nn, {"max_pool": "MaxPool", "avg_pool": "AvgPool"}[name] + f"{axes}d")
        assert_array_equal(layer((2,), (1,), (1,))(x), expected)
    assert_array_equal(
        function("max_pool")(x, 2, dilation=(2,)), function("max_pool")(x, 2, dilation=2)
    )
    assert_array_equal(
        function("lp_pool")(x, 2, 2, stride=(1,)), function("lp_pool")(x, 2, 2, stride=1)
    )
    options = {"stride": 2, "padding": 1, "dilation": 2}
    single = {name: (value,) for name, value in options.items()}
    assert_array_equal(
        function("conv")(x, weight, **single), function("conv")(x, weight, **options)
    )
    layer = getattr(nn, f"Conv{axes}d")(2, 2, 2, **single, rng=0)
    assert repr(layer) == repr(getattr(nn, f"Conv{axes}d")(2, 2, 2, **options, rng=0)).replace(
        "padding=1", "padding=(1,)"
    )
    options["output_padding"], single["output_padding"] = 1, (1,)
    transposed = function("conv_transpose")
    assert_array_equal(transposed(x, weight, **single), transposed(x, weight, **options))
    layer = getattr(nn, f"ConvTranspose{axes}d")
    assert repr(layer(2, 2, 2, **single)) == repr(layer(2, 2, 2, **options))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: F.unfold(IMAGE, (2,)), "unfold: kernel_size has 1 values, (2,)"),
        (lambda: F.unfold(IMAGE, 2, stride=(2,)), "unfold: stride has 1 values, (2,)"),
        (lambda: F.fold(IMAGE[0], (6,), kernel_size=2), "fold: output_size has 1 values, (6,)"),
        (lambda: F.interpolate(IMAGE, (3,)), "interpolate: size has 1 values, (3,)"),
        (lambda: F.max_pool2d(IMAGE, ((2, 3),)), "max_pool2d: kernel_size is (2, 3), expected an"),
        (lambda: F.max_pool2d(IMAGE, ()), "max_pool2d: kernel_size has 0 values, ()"),
        (lambda: nn.Conv2d(2, 3, (3,)), "Conv2d: kernel_size has 1 values, (3,)"),
        (lambda: nn.ZeroPad2d((1,)), "ZeroPad2d: padding has 1 values, (1,)"),
    ],
)
def test_elsewhere_there_is_one_value_for_each_axis(call, message):
    with pytest.raises((TypeError, ValueError), match=f"^{re.escape(message)}"):
        call()


def test_padding_with_none_adds_zeros():
    assert_array_equal(F.pad(LINE, (1, 2), value=None), F.pad(LINE, (1, 2)))
    assert_array_equal(
        F.pad(LINE, (1, 2), mode="reflect", value=None), F.pad(LINE, (1, 2), mode="reflect")
    )
    assert_array_equal(nn.ConstantPad1d(1, None)(LINE), nn.ZeroPad1d(1)(LINE))


@pytest.mark.parametrize("axes", [2, 3])
def test_a_divisor_may_be_negative(axes):
    x = BY_AXES[axes]
    function, grad = getattr(F, f"avg_pool{axes}d"), getattr(F, f"avg_pool{axes}d_grad")
    expected = function(x, 2, divisor_override=1) / -4
    assert_array_equal(function(x, 2, divisor_override=-4), expected, strict=True)
    layer = getattr(nn, f"AvgPool{axes}d")(2, divisor_override=-4)
    y, pullback = layer.vjp(x)
    assert_array_equal(y, expected, strict=True)
    options = {"input_shape": x.shape, "kernel_size": 2}
    assert_array_equal(pullback(y), -grad(y, divisor_override=4, **options), strict=True)


@pytest.mark.parametrize("name", ["batch_norm", "instance_norm"])
def test_a_momentum_above_one_goes_beyond_the_batch(name):
    statistics = getattr(F, f"{name}_statistics")
    old, new, beyond = (statistics(IMAGE, *RUNNING, momentum=m) for m in (0.0, 1.0, 1.5))
    for start, end, past in zip(old, new, beyond, strict=True):
        # A few roundings, of terms that hardly cancel.
        np.testing.assert_allclose(past, end + 0.5 * (end - start), rtol=1e-14)
    assert_array_equal(
        getattr(F, name)(IMAGE, *RUNNING, momentum=1.5), getattr(F, name)(IMAGE, *RUNNING)
    )
    layer = nn.BatchNorm2d(2, momentum=1.5)
    layer(IMAGE.astype(np.float32))
    np.testing.assert_allclose(
        layer.running_mean,
        F.batch_norm_statistics(IMAGE, *RUNNING, momentum=1.5).mean,
        # The layer is in float32: its input, two products and a sum are rounded.
        rtol=8 * np.finfo(np.float32).eps,
    )


@pytest.mark.parametrize("axes", [1, 2, 3])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_adaptive_pooling_to_nothing_is_empty(axes, dtype):
    x = BY_AXES[axes].astype(dtype)
    for output in (0, (0,) + (5,) * (axes - 1)):
        size = (output,) * axes if output == 0 else output
        shape = (*x.shape[:2], *size)
        for kind in ("Avg", "Max"):
            y, pullback = getattr(nn, f"Adaptive{kind}Pool{axes}d")(output).vjp(x)
            assert_array_equal(y, np.zeros(shape, dtype), strict=True)
            assert_array_equal(pullback(y), np.zeros_like(x), strict=True)
        pooled = getattr(F, f"adaptive_max_pool{axes}d")(x, output, return_indices=True)
        assert_array_equal(pooled.output, np.zeros(shape, dtype), strict=True)
        assert_array_equal(pooled.indices, np.zeros(shape, np.int64), strict=True)


@pytest.mark.parametrize("dim", [0, -1])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_number_has_one_axis_for_softmax(dim, dtype):
    x, g = np.array(3, dtype), np.array(2, dtype)
    for name, expected in {"softmax": 1, "softmin": 1, "log_softmax": 0}.items():
        y = getattr(F, name)(x, dim=dim)
        assert y == expected
        assert y.dtype == dtype
        assert getattr(F, f"{name}_grad")(g, y, dim=dim) == 0
        with pytest.raises(ValueError, match=f"^{name}: dim is 1, but x has 1 dimensions"):
            getattr(F, name)(x, dim=1)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: nn.ReLU(inplace=True), "ReLU.__init__() got an unexpected keyword argument 'inp"),
        (lambda: nn.Softmax2d(x=1), "Softmax2d.__init__() got an unexpected keyword argument 'x'"),
        (lambda: nn.Dropout(0.5, True), "Dropout.__init__() takes from 1 to 2 positional"),
        (lambda: nn.Dropout(0.5, inplace=True), "Dropout.__init__() got an unexpected keyword"),
        (lambda: nn.Conv2d(1, 1, 1, device="cpu"), "Conv2d.__init__() got an unexpected keyword"),
        (lambda: nn.ConvTranspose1d(1), "ConvTranspose1d.__init__() missing 2 required positional"),
        (lambda: nn.MaxPool3d(), "MaxPool3d.__init__() missing 1 required positional argument: 'k"),
        (lambda: nn.LPPool2d(2), "LPPool2d.__init__() missing 1 required positional argument: 'ke"),
        (lambda: nn.AdaptiveMaxPool1d(), "AdaptiveMaxPool1d.__init__() missing 1 required"),
        (lambda: nn.AdaptiveAvgPool1d(), "AdaptiveAvgPool1d.__init__() missing 1 required"),
        (lambda: nn.MaxUnpool1d(), "MaxUnpool1d.__init__() missing 1 required positional argument"),
        (lambda: nn.BatchNorm2d(2, device="cpu"), "BatchNorm2d.__init__() got an unexpected keywo"),
        (lambda: nn.InstanceNorm1d(), "InstanceNorm1d.__init__() missing 1 required positional"),
        (lambda: nn.ZeroPad2d(1, value=3), "ZeroPad2d.__init__() got an unexpected keyword"),
        (lambda: nn.ConstantPad2d(1), "ConstantPad2d.__init__() missing 1 required positional"),
        (lambda: nn.MSELoss(size_average=True), "MSELoss.__init__() got an unexpected keyword"),
    ],
)
def test_errors_of_python_name_the_public_class(call, message):
    with pytest.raises(TypeError, match=f"^{re.escape(message)}"):
        call()


def test_no_public_layer_has_the_constructor_of_a_private_class():
    kinds = [getattr(nn, name) for name in nn.__all__]
    for kind in kinds:
        # Python gives a protocol a function of its own.
        if inspect.isfunction(kind.__init__) and kind is not nn.Loss:
            assert not kind.__init__.__qualname__.startswith("_")


def test_numpys_booleans_become_pythons():
    assert check.flag("f", "x", np.True_) is True
    assert check.flag("f", "x", False) is False
