"""Mistakes in losses."""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_tests.selftest.mutants.mutant import Call, beyond, mutant, right


def averaged_per_sample(loss: Any, call: Call) -> Any:
    """Average the losses of each sample, if there is no other reduction."""
    if call.reduction != "none" or loss.ndim < 2:
        return loss
    return loss.mean(tuple(range(1, loss.ndim)))


def target_constant(grad: Any, call: Call) -> Any:
    """Take the target for a constant."""
    return np.zeros_like(grad)


def weights_normalized(loss: Any, call: Call) -> Any:
    """Divide the weights of the classes by their sum."""
    if call.weight is None:
        return loss
    return right("cross_entropy", call, weight=call.weight / call.weight.sum())


def last_class_forgotten(grad: Any, call: Call) -> Any:
    """Pass no gradient to the last class."""
    place = 0 if grad.ndim == 1 else 1
    if grad.shape[place] > 1:
        np.moveaxis(grad, place, 0)[-1] = 0
    return grad


def logits_clipped(loss: Any, call: Call) -> Any:
    """Clip the logits to [-2, 2]."""
    return right("binary_cross_entropy_with_logits", call, x=np.clip(call.x, -2, 2))


def class_kept(loss: Any, call: Call) -> Any:
    """Ignore a label only if it is negative."""
    return right("nll_loss", call, ignore_index=-100) if call.ignore_index >= 0 else loss


def averaged_over_last_axis(loss: Any, call: Call) -> Any:
    """Divide the sum by the length of the last axis."""
    if call.reduction != "batchmean" or call.x.ndim < 2 or not call.x.size:
        return loss
    return loss * len(call.x) / call.x.shape[-1]


def signed_difference(loss: Any, call: Call) -> Any:
    """Take the square for all differences below delta, however negative."""
    if call.reduction != "none":
        return loss
    difference = call.x - call.target
    square = difference**2 / 2 * (1 if call.weight is None else call.weight)
    return np.where(difference < call.delta, square, loss)


def margin_squared(loss: Any, call: Call) -> Any:
    """Square the margin."""
    return right("cosine_embedding_loss", call, margin=call.margin**2)


def always_exponentiated(loss: Any, call: Call) -> Any:
    """Exponentiate whatever the input is."""
    return right("poisson_nll_loss", call, log_input=True)


def variance_not_halved(grad: Any, call: Call) -> Any:
    """Leave out the half of the whole loss."""
    return 2 * grad


def margin_enlarged(grad: Any, call: Call) -> Any:
    """Let the gradient pass where the margin is kept as well."""
    return right("hinge_embedding_loss", call, "grad_input", margin=call.margin + 1)


MUTANTS = (
    mutant(
        "loss/none-averaged-per-sample",
        "Without a reduction the losses of each sample are averaged.",
        "mse_loss",
        "output",
        r"reduction|per sample|each sample|expected \(",
        averaged_per_sample,
    ),
    mutant(
        "loss/target-constant",
        "The target has no gradient.",
        "l1_loss",
        "grad_target",
        r"zeros?\b|\b0\b|missing|nothing",
        target_constant,
    ),
    mutant(
        "cross-entropy/weights-normalized",
        "The weights of the classes are divided by their sum first.",
        "cross_entropy",
        "output",
        (r"\bweights?\b", r"reduction[^.;\n]*(sum|none|not)"),
        weights_normalized,
    ),
    mutant(
        "cross-entropy/grad-last-class-forgotten",
        "The last class has no gradient.",
        "cross_entropy",
        "grad_input",
        r"last (class|channel|column|index of C\b)|class(es)? (C|\d)|(class|channel)[^.;\n]*last",
        last_class_forgotten,
    ),
    mutant(
        "loss/logits-clipped",
        "The logits are clipped to [-2, 2].",
        "binary_cross_entropy_with_logits",
        "output",
        r"large|extreme|tails?\b|saturat|clip|\|x\| ?>|magnitude|far from (0|zero)|beyond",
        logits_clipped,
    ),
    mutant(
        "cross-entropy/class-not-ignored",
        "A label to be ignored is ignored only if it is negative.",
        "nll_loss",
        "output",
        r"ignore",
        class_kept,
    ),
    mutant(
        "loss/batchmean-of-last-axis",
        "The sum is divided by the length of the last axis, not by the number of samples.",
        "kl_div",
        "output",
        r"batchmean|reduction",
        averaged_over_last_axis,
    ),
    mutant(
        "loss/huber-signed-difference",
        "Each difference below delta is squared, however negative, if there is no reduction.",
        "huber_loss",
        "output",
        (r"negative|sign\b|x ?< ?(target|0)|below|reduction", beyond("delta"), r"delta"),
        signed_difference,
    ),
    mutant(
        "loss/cosine-margin-squared",
        "The margin is squared.",
        "cosine_embedding_loss",
        "output",
        r"margin|target[^.;\n]*(-1|negative)",
        margin_squared,
    ),
    mutant(
        "loss/poisson-log-input-assumed",
        "The input is taken for a logarithm, whatever log_input says.",
        "poisson_nll_loss",
        "output",
        r"log_input",
        always_exponentiated,
    ),
    mutant(
        "loss/gaussian-variance-grad-doubled",
        "The gradient of the variance lacks the half of the loss.",
        "gaussian_nll_loss",
        "grad_var",
        r"twice|2 (times|·|\*|×)|(times|ratio|factor)[^.;\n]* 2\b|[·×*] ?2\b|doubled|half",
        variance_not_halved,
    ),
    mutant(
        "loss/hinge-grad-beyond-margin",
        "The gradient passes where the margin is kept by less than 1.",
        "hinge_embedding_loss",
        "grad_input",
        r"margin|target[^.;\n]*-1|where the right result is 0",
        margin_enlarged,
    ),
)
