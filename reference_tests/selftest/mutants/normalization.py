"""Mistakes in normalization."""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_tests.selftest.mutants.mutant import Call, beyond, mutant, right


def by_channel(vector: Any, x: Any) -> Any:
    """Return one value a channel in the form of `x`."""
    return vector.reshape(-1, *(1,) * (x.ndim - 2))


def mean_decayed(y: Any, call: Call) -> Any:
    """Subtract 9 tenths of the mean, as an average that has just begun."""
    if not call.training or not call.x.size:
        return y
    axes = (0, *range(2, call.x.ndim))
    mean, variance = call.x.mean(axes), call.x.var(axes)
    scale = 1 if call.weight is None else call.weight
    return y + by_channel(0.1 * mean * scale / np.sqrt(variance + call.eps), call.x)


def last_sample_left_out(grad: Any, call: Call) -> Any:
    """Sum over all samples but the last."""
    grads = call.grad_output[:-1]
    return grads.sum((0, *range(2, grads.ndim)))


def weight_twice(y: Any, call: Call) -> Any:
    """Multiply by the weight once more."""
    if call.weight is None:
        return y
    bias = 0 if call.bias is None else call.bias
    return (y - bias) * call.weight + bias


def bias_in_weight_grad(grad: Any, call: Call) -> Any:
    """Multiply by what has the bias in it already."""
    if call.bias is None:
        return grad
    lead = tuple(range(call.grad_output.ndim - call.bias.ndim))
    return grad + call.bias * call.grad_output.sum(lead)


def whole_sample_grad(grad: Any, call: Call) -> Any:
    """Take the gradient of one group."""
    return right("group_norm", call, "grad_input", num_groups=1)


def last_group_kept(y: Any, call: Call) -> Any:
    """Leave the channels of the last group as they are, if it is not the only one."""
    if call.num_groups > 1:
        channels = call.x.shape[1] // call.num_groups
        y[:, -channels:] = call.x[:, -channels:]
    return y


def rooted_eps(y: Any, call: Call) -> Any:
    """Add the root of eps to the variance, as one who thinks of the deviation."""
    return right("layer_norm", call, eps=call.eps**0.5)


def statistics_of_first(y: Any, call: Call) -> Any:
    """Normalize all samples by the mean and the variance of the first."""
    if not call.use_input_stats or not len(call.x):
        return y
    axes = tuple(range(2, call.x.ndim))
    first = call.x[:1]
    mean, variance = first.mean(axes, keepdims=True), first.var(axes, keepdims=True)
    y = (call.x - mean) / np.sqrt(variance + call.eps)
    y = y if call.weight is None else y * by_channel(call.weight, y)
    return y if call.bias is None else y + by_channel(call.bias, y)


def of_absolute_values(y: Any, call: Call) -> Any:
    """Sum absolute values, not squares."""
    root = np.sqrt(abs(call.x))
    return right("local_response_norm", call, x=np.sign(call.x) * root) * root


def absolute_weight(grad: Any, call: Call) -> Any:
    """Use the absolute value of the weight."""
    if call.weight is None:
        return grad
    return right("rms_norm", call, "grad_input", weight=abs(call.weight))


def weight_of_first_channel(y: Any, call: Call) -> Any:
    """Multiply all channels by the weight of the first."""
    if call.weight is None or not call.weight.size:
        return y
    return right("batch_norm", call, weight=np.full_like(call.weight, call.weight[0]))


MUTANTS = (
    mutant(
        "norm/mean-decayed",
        "A tenth of the mean is left in training, as an average has that has just begun.",
        "batch_norm",
        "output",
        r"\bmean|momentum|offset|shift|differ[^.;\n]*constant|training|added",
        mean_decayed,
    ),
    mutant(
        "norm/bias-grad-without-last-sample",
        "The bias gradient lacks the last sample.",
        "batch_norm",
        "grad_bias",
        (r"(last|one|a) sample|batch (axis|size)|samples? but", beyond("batch"), beyond("N")),
        last_sample_left_out,
    ),
    mutant(
        "norm/weight-twice",
        "The weight is applied twice.",
        "layer_norm",
        "output",
        r"\bweight|\bgamma",
        weight_twice,
    ),
    mutant(
        "norm/weight-grad-with-bias",
        "The weight gradient is taken from the output, which has the bias in it.",
        "layer_norm",
        "grad_weight",
        r"\bbias|\bbeta|\boutput\b[^.;\n]*(instead|place)",
        bias_in_weight_grad,
    ),
    mutant(
        "norm/input-grad-of-one-group",
        "The input gradient is that of one group for the whole sample.",
        "group_norm",
        "grad_input",
        (beyond("num_groups"), beyond("groups"), r"num_groups = 1|one group|several groups"),
        whole_sample_grad,
    ),
    mutant(
        "norm/last-group-kept",
        "The last group is not normalized, if it is not the only one.",
        "group_norm",
        "output",
        (beyond("num_groups"), beyond("groups"), r"last (group|channel)|several groups"),
        last_group_kept,
    ),
    mutant(
        "norm/eps-rooted",
        "The root of eps is added to the variance.",
        "layer_norm",
        "output",
        r"\beps\b|epsilon|small variance|too small|smaller|(same|constant|common) (factor|ratio)",
        rooted_eps,
    ),
    mutant(
        "norm/statistics-of-first-sample",
        "All samples are normalized by the statistics of the first.",
        "instance_norm",
        "output",
        (r"first sample|sample 0|samples? (after|from|but)|use_input_stats", beyond("batch")),
        statistics_of_first,
    ),
    mutant(
        "norm/response-of-absolute-values",
        "The sum is that of absolute values, not of squares.",
        "local_response_norm",
        "output",
        (beyond("alpha"), r"alpha[^.;\n]* 0\b|absolute|squares?\b|magnitude|denominator|divisor"),
        of_absolute_values,
    ),
    mutant(
        "norm/input-grad-of-absolute-weight",
        "The input gradient takes the absolute value of the weight.",
        "rms_norm",
        "grad_input",
        r"\bweight|negative|sign|absolute",
        absolute_weight,
    ),
    mutant(
        "norm/weight-of-first-channel",
        "All channels have the weight of the first.",
        "batch_norm",
        "output",
        r"\bweight|\bgamma|first channel|channel 0|channels? (after|from|but)",
        weight_of_first_channel,
    ),
)
