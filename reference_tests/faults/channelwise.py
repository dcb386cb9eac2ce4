"""Mistakes of prelu, whose slope is a weight, and of gated linear units."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from reference_tests.case import Case, Spec
from reference_tests.faults.curves import Array, Changes, always, faults
from reference_tests.faults.fault import Fault, Hyper, Inputs, Shapes

_PRELU, _GLU = ("prelu",), ("glu",)


def _case(x: Any, weight: Any = None, **hyper: Any) -> Case:
    given = {"x": x} if weight is None else {"x": x, "weight": weight}
    values = {name: np.array(array, float) for name, array in given.items()}
    return Case({name: Spec(array.shape) for name, array in values.items()}, hyper, values=values)


def _terms(inputs: Inputs) -> Array:
    x = inputs["x"]
    return np.where(x > 0, 0.0, inputs.grad_output * x)


def _by_channel(sums: Callable[[Array], Array]) -> Callable[[Array, Inputs], Array]:
    """Return the mistake that reduces (N, C, positions) in another way."""

    def after(grad: Array, inputs: Inputs) -> Array:
        return _reduced(_terms(inputs), inputs["weight"], sums)

    return after


def _reduced(terms: Array, weight: Array, sums: Callable[[Array], Array]) -> Array:
    channels = weight.size
    samples = len(terms) if terms.ndim else 1
    if channels == 1:
        by_sample = terms.reshape(samples, 1, -1) if terms.size else np.zeros((samples, 1, 1))
    else:
        by_sample = terms.reshape(samples, channels, int(np.prod(terms.shape[2:])))
    return sums(by_sample).reshape(weight.shape)


def _other_terms(terms: Callable[[Inputs], Array]) -> Changes:
    def after(grad: Array, inputs: Inputs) -> Array:
        return _reduced(terms(inputs), inputs["weight"], lambda each: each.sum((0, 2)))

    return {"after": after}


def _last(terms: Array) -> Array:
    return terms[-1:].sum((0, 2))


def _single(terms: Array) -> Array:
    return np.full(terms.shape[1], terms.sum())


def _first_position(terms: Array) -> Array:
    return terms[:, :, :1].sum((0, 2))


def _channels(hyper: Hyper, shapes: Shapes) -> bool:
    return always(hyper, shapes) and bool(np.prod(shapes["weight"]) > 1)


def _samples(hyper: Hyper, shapes: Shapes) -> bool:
    return always(hyper, shapes) and bool(shapes["x"][0] > 1)


def _positions(hyper: Hyper, shapes: Shapes) -> bool:
    several = np.prod(shapes["x"]) > shapes["x"][0] * np.prod(shapes["weight"])
    return always(hyper, shapes) and bool(several)


def _along_last(inputs: Inputs) -> Array:
    x, weight = inputs["x"], inputs["weight"]
    return np.where(x > 0, x, x * np.resize(weight, x.shape[-1]))


def _not_last(hyper: Hyper, shapes: Shapes) -> bool:
    return _channels(hyper, shapes) and len(shapes["x"]) > 2


def _halves(inputs: Inputs) -> tuple[Array, Array]:
    signal, gate = np.split(inputs["x"], 2, inputs.hyper["dim"])
    return signal, gate


def _exchanged(array: Array, inputs: Inputs) -> Array:
    first, second = np.split(array, 2, inputs.hyper["dim"])
    return np.concatenate([second, first], inputs.hyper["dim"])


def _interleaved(inputs: Inputs) -> Inputs:
    dim = inputs.hyper["dim"]
    size = inputs["x"].shape[dim]
    order = [*range(0, size, 2), *range(1, size, 2)]
    return inputs.but(x=inputs["x"].take(order, dim))


def _scattered(grad: Array, inputs: Inputs) -> Array:
    dim = inputs.hyper["dim"]
    size = grad.shape[dim]
    order = np.argsort([*range(0, size, 2), *range(1, size, 2)])
    return grad.take(order, dim)


def _longer(hyper: Hyper, shapes: Shapes) -> bool:
    return always(hyper, shapes) and shapes["x"][hyper["dim"]] > 2


def _gate_forgotten(grad: Array, inputs: Inputs) -> Array:
    signal, _ = np.split(grad, 2, inputs.hyper["dim"])
    return np.concatenate([signal, np.zeros_like(signal)], inputs.hyper["dim"])


def _linear_gate(y: Array, inputs: Inputs) -> Array:
    signal, gate = _halves(inputs)
    return signal * gate


_SLOPE = [0.25]
_LONE = _case([[-1.0]], _SLOPE)
_POSITIVE = _case([[1.0]], _SLOPE)
_TWO_SAMPLES = _case([[-1.0], [-2.0]], _SLOPE)
_TWO_CHANNELS = _case([[-1.0, -2.0]], [0.25, 0.5])
_PAIR = _case([[0.5, 2.0]])

FAULTS: list[Fault] = [
    *faults(
        "output",
        (
            (
                "prelu-weight-along-the-last-axis",
                _PRELU,
                "The weight is laid along the last axis instead of the channels.",
                "x · weight[w] instead of x · weight[c] where x <= 0",
                "two axes, or a single weight",
                (_case([[[-1.0, -2.0], [-3.0, -4.0]]], [0.25, 0.5]), _TWO_CHANNELS),
                {"after": lambda y, i: _along_last(i), "shows_if": _not_last},
            ),
            (
                "prelu-first-weight-for-all",
                _PRELU,
                "All channels get the slope of the first one.",
                "x · weight[0] instead of x · weight[c] where x <= 0",
                "a single weight",
                (_TWO_CHANNELS, _LONE),
                {
                    "before": lambda i: i.but(weight=i["weight"].reshape(-1)[:1]),
                    "shows_if": _channels,
                },
            ),
            (
                "glu-halves-exchanged",
                _GLU,
                "The first half is the gate.",
                "sigmoid(first half) · second half",
                "equal halves",
                (_PAIR, _case([[1.0, 1.0]])),
                {"before": lambda i: i.but(x=_exchanged(i["x"], i))},
            ),
            (
                "glu-interleaved",
                _GLU,
                "The even and the odd places are taken for the halves.",
                "x[0::2] · sigmoid(x[1::2]) instead of x[:half] · sigmoid(x[half:])",
                "halves of one element",
                (_case([[0.5, 2.0, -1.0, 3.0]]), _PAIR),
                {"before": _interleaved, "shows_if": _longer},
            ),
            (
                "glu-gate-without-sigmoid",
                _GLU,
                "The gate has no sigmoid.",
                "first half · second half",
                "a first half of 0",
                (_PAIR, _case([[0.0, 2.0]])),
                {"after": _linear_gate},
            ),
        ),
    ),
    *faults(
        "grad_input",
        (
            (
                "grad-prelu-first-weight-for-all",
                _PRELU,
                "The gradient of all channels has the slope of the first one.",
                "grad_output · weight[0] instead of grad_output · weight[c] where x <= 0",
                "a single weight",
                (_TWO_CHANNELS, _LONE),
                {
                    "before": lambda i: i.but(weight=i["weight"].reshape(-1)[:1]),
                    "shows_if": _channels,
                },
            ),
            (
                "grad-glu-halves-exchanged",
                _GLU,
                "The gradients of the signal and of the gate are exchanged.",
                "[grad of the gate, grad of the signal]",
                "no numbers",
                (_PAIR, _case([[]])),
                {"after": _exchanged},
            ),
            (
                "grad-glu-gate-forgotten",
                _GLU,
                "The gate has no gradient.",
                "[grad_output · sigmoid(gate), 0]",
                "a first half of 0",
                (_PAIR, _case([[0.0, 2.0]])),
                {"after": _gate_forgotten},
            ),
        ),
    ),
    *faults(
        "grad_weight",
        (
            (
                "prelu-weight-grad-sign",
                _PRELU,
                "The weight's gradient has the wrong sign.",
                "-Σ grad_output · x instead of Σ grad_output · x over x <= 0",
                "positive numbers",
                (_LONE, _POSITIVE),
                {"after": lambda grad, i: -grad},
            ),
            (
                "prelu-weight-grad-averaged",
                _PRELU,
                "The weight's gradient is divided by the number of samples.",
                "Σ grad_output · x / N instead of Σ grad_output · x over x <= 0",
                "one sample",
                (_TWO_SAMPLES, _LONE),
                {"after": lambda grad, i: grad / max(len(i["x"]), 1), "shows_if": _samples},
            ),
            (
                "prelu-weight-grad-of-last-sample",
                _PRELU,
                "The weight's gradient is that of the last sample alone.",
                "grad_output · x of sample N - 1 instead of Σ over all samples",
                "one sample",
                (_TWO_SAMPLES, _LONE),
                {"after": _by_channel(_last), "shows_if": _samples},
            ),
            (
                "prelu-weight-grad-a-single-sum",
                _PRELU,
                "The weight's gradient is one sum, the same for all channels.",
                "Σ over all channels instead of Σ over channel c",
                "a single weight",
                (_TWO_CHANNELS, _LONE),
                {"after": _by_channel(_single), "shows_if": _channels},
            ),
            (
                "prelu-weight-grad-of-first-position",
                _PRELU,
                "The weight's gradient is not summed over the positions of a channel.",
                "Σ over n of grad_output · x at position 0 instead of Σ over n and positions",
                "one position a channel",
                (_case([[[-1.0, -2.0]]], _SLOPE), _LONE),
                {"after": _by_channel(_first_position), "shows_if": _positions},
            ),
            (
                "prelu-weight-grad-of-positive-side",
                _PRELU,
                "The weight's gradient sums the numbers that the weight does not touch too.",
                "Σ grad_output · x over all x instead of over x <= 0",
                "negative numbers",
                (_POSITIVE, _LONE),
                _other_terms(lambda i: i.grad_output * i["x"]),
            ),
            (
                "prelu-weight-grad-without-x",
                _PRELU,
                "The weight's gradient sums the incoming gradient without x.",
                "Σ grad_output instead of Σ grad_output · x over x <= 0",
                "positive numbers, or x = 1",
                (_case([[-2.0]], _SLOPE), _POSITIVE),
                _other_terms(lambda i: np.where(i["x"] > 0, 0.0, i.grad_output)),
            ),
        ),
    ),
]
