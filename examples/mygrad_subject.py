"""MyGrad 2.5 as a subject: `mygrad.nnet` and what its tensors do.

Conventions: where a stride leaves a remainder MyGrad refuses, so such parameters are unsupported;
there is no bias in its convolution, so one is added; batch normalization keeps no statistics.
"""

from functools import partial

import mygrad as mg
import numpy as np
from mygrad import nnet

from reference_tests import Implementation
from reference_tests.adapters.tape import from_tape
from reference_tests.adapters.values import finite_only


def windows(function, *arrays, **options):
    """Call, and say that a remainder is unsupported: MyGrad's message does."""
    try:
        return function(*arrays, **options)
    except ValueError as error:
        if "Stride and kernel dimensions are incompatible" in str(error):
            raise NotImplementedError("the stride leaves a remainder") from error
        raise


def convolution(x, weight, bias=None, *, stride=1, padding=0, dilation=1):
    if isinstance(padding, str) or x.ndim < weight.ndim:
        raise NotImplementedError("padding by a name, or no batch")
    options = {"stride": stride, "padding": padding, "dilation": dilation}
    y = windows(nnet.conv_nd, x, weight, **options)
    return y if bias is None else y + bias.reshape(-1, *(1,) * (x.ndim - 2))


def max_pool(spatial, x, *, kernel_size, stride=None):
    kernel = kernel_size if isinstance(kernel_size, tuple) else (kernel_size,) * spatial
    if x.ndim <= spatial:
        raise NotImplementedError("no axis beside the pooled ones")
    return windows(nnet.max_pool, x, kernel, kernel if stride is None else stride)


def linear(x, weight, bias=None):
    y = mg.matmul(x, weight.T)
    return y if bias is None else y + bias


def batch_norm(
    x, running_mean=None, running_var=None, weight=None, bias=None, *, training, eps=1e-5
):
    if x.ndim < 2:
        raise NotImplementedError("no axis of channels")
    return nnet.batchnorm(x, gamma=weight, beta=bias, eps=eps)


def whole(target):
    if target.dtype.kind == "f" or target.ndim != 1 or (target < 0).any():
        raise NotImplementedError("soft or ignored targets, or one for each pixel")
    return target


def cross_entropy(x, target):
    return nnet.softmax_crossentropy(x, whole(target))


def nll_loss(x, target):
    # With weights it averages over the batch, where PyTorch divides by the weights used.
    return nnet.negative_log_likelihood(x, whole(target))


def margin_ranking_loss(input1, input2, target, *, margin=0.0):
    # Labels are numbers, not tensors.
    target = getattr(target, "data", target)
    if not 0 < input1.ndim < 3 or margin < 0 or input1.shape != input2.shape:
        raise NotImplementedError("more than two axes, a negative margin, or shapes that differ")
    if target.shape != input1.shape[:1]:
        raise NotImplementedError("other labels than one for each sample")
    return nnet.margin_ranking_loss(input1, input2, target, margin)


def softplus(x):
    if (x.data > 20).any():
        raise NotImplementedError("logaddexp has no threshold beyond which it is linear")
    return mg.logaddexp(x, 0)


def reduced(losses, reduction):
    return {"mean": mg.mean, "sum": mg.sum}.get(reduction, lambda each: each)(losses)


FUNCTIONS = {
    **dict.fromkeys(("conv1d", "conv2d", "conv3d"), convolution),
    **{f"max_pool{n}d": partial(max_pool, n) for n in (1, 2, 3)},
    "linear": linear,
    "flatten": lambda x: x.reshape(-1),
    "batch_norm": batch_norm,
    "relu": lambda x: nnet.relu(x),
    "leaky_relu": lambda x, *, negative_slope=0.01: nnet.leaky_relu(x, negative_slope),
    "elu": lambda x, *, alpha=1.0: nnet.elu(x, alpha),
    "selu": lambda x: nnet.selu(x),
    "glu": lambda x, *, dim=-1: nnet.glu(x, dim),
    "hardtanh": lambda x, *, min_val=-1.0, max_val=1.0: nnet.hard_tanh(
        x, lower_bound=min_val, upper_bound=max_val
    ),
    "sigmoid": lambda x: nnet.sigmoid(x),
    "tanh": lambda x: nnet.tanh(x),
    "softsign": lambda x: nnet.soft_sign(x),
    "softplus": softplus,
    "softmax": lambda x, *, dim: nnet.softmax(x, dim),
    "log_softmax": lambda x, *, dim: nnet.logsoftmax(x, dim),
    "mse_loss": lambda x, target, *, reduction="mean": reduced((x - target) ** 2, reduction),
    "l1_loss": lambda x, target, *, reduction="mean": reduced(mg.abs(x - target), reduction),
    "cross_entropy": cross_entropy,
    "nll_loss": nll_loss,
    "margin_ranking_loss": margin_ranking_loss,
}
subject = Implementation(
    "MyGrad 2.5",
    {
        name: finite_only(from_tape(function, lambda array: mg.tensor(np.array(array))))
        for name, function in FUNCTIONS.items()
    },
    limits={"batch_norm": {"training": True}},
)
