"""Mistakes of activations: those that any of them can have, and those of each kind."""

from __future__ import annotations

import numpy as np

from reference_tests.case import Case, Spec
from reference_tests.faults import (
    channelwise,
    piecewise,
    piecewise_gradients,
    smooth,
    smooth_gradients,
    softmax,
)
from reference_tests.faults.curves import (
    ALONG_AN_AXIS,
    ELEMENTWISE,
    EMPTY,
    always,
    at,
    curve,
    faults,
)
from reference_tests.faults.fault import Fault, Hyper, Shapes

# Of those with two pieces of slope 1 and 0 the output is zero or the input wherever it counts.
_CURVED = ("sigmoid", "tanh", "softplus", "leaky_relu", "elu", "silu", "gelu", "hardtanh", "relu")
_WITH_DEFAULTS = (
    "leaky_relu",
    "elu",
    "celu",
    "hardtanh",
    "hardshrink",
    "softshrink",
    "softplus",
)


def _batched(hyper: Hyper, shapes: Shapes) -> bool:
    return always(hyper, shapes) and shapes["x"][0] > 1


def _customized(hyper: Hyper, shapes: Shapes) -> bool:
    defaults = {
        "negative_slope": 0.01,
        "alpha": 1.0,
        "min_val": -1.0,
        "max_val": 1.0,
        "lambd": 0.5,
        "beta": 1.0,
    }
    # The threshold of softplus is another mistake.
    given = any(hyper[name] != value for name, value in defaults.items() if name in hyper)
    return always(hyper, shapes) and given


_IGNORED = {
    "before": lambda i: i.but(
        **{n: value for n, value in i.operation.defaults.items() if n != "threshold"}
    ),
    "shows_if": _customized,
}
_OPTIONS = {
    "leaky_relu": (at(-2.0, negative_slope=0.25), at(-2.0)),
    "elu": (at(-1.0, alpha=0.5), at(-1.0)),
    "celu": (at(-1.0, alpha=0.5), at(-1.0)),
    "hardtanh": (at(2.0, max_val=4.0), at(2.0)),
    "hardshrink": (at(1.0, lambd=1.25), at(1.0)),
    "softshrink": (at(1.0, lambd=1.25), at(1.0)),
    "softplus": (at(1.0, beta=2.0), at(1.0)),
}

# A number at which the slope is 0, and one at which it is 1, where there are such.
_FLAT = {
    **dict.fromkeys(("relu", "threshold"), -1.0),
    **dict.fromkeys(("elu", "selu", "celu", "softplus", "silu", "mish", "gelu"), -1e4),
    **dict.fromkeys(("sigmoid", "tanh", "logsigmoid"), 1e4),
    **dict.fromkeys(("hardshrink", "softshrink"), 0.25),
    "hardtanh": 2.0,
    "relu6": 7.0,
    "hardsigmoid": 4.0,
    "hardswish": -4.0,
    "tanhshrink": 0.0,
}
_STEEP = {
    **dict.fromkeys(("relu", "leaky_relu", "prelu", "elu", "celu", "relu6", "threshold"), 1.0),
    **dict.fromkeys(("hardshrink", "softshrink"), 1.0),
    **dict.fromkeys(("tanhshrink", "silu", "mish", "gelu"), 1e4),
    **dict.fromkeys(("tanh", "softsign"), 0.0),
    "hardtanh": 0.5,
    "hardswish": 4.0,
    "softplus": 30.0,
    "logsigmoid": -1e4,
}


def _along(*rows: tuple[float, float]) -> Case:
    values = np.array(rows).reshape(-1, 2)
    return Case({"x": Spec(values.shape)}, {"dim": -1}, values={"x": values})


def _when_sloped(name: str, times: int) -> Case:
    """Return a case whose slope is not 0, of so many samples."""
    if name in (*ALONG_AN_AXIS, "glu"):
        return _along(*[(0.5, 2.0)] * times)
    return at(*[_STEEP.get(name, 1.0)] * times)


def _when(slope: dict[str, float], name: str) -> Case:
    return at(slope[name]) if name in slope else EMPTY


_ANY = (*ELEMENTWISE, *ALONG_AN_AXIS, "glu")
_ELSEWHERE = {
    "grad-sign": {
        name: (_when_sloped(name, 1), _when(_FLAT, name) if name in ELEMENTWISE else _along())
        for name in _ANY
    },
    "grad-averaged-over-batch": {
        name: (_when_sloped(name, 2), _when_sloped(name, 1)) for name in _ANY
    },
    "grad-passed-through": {
        name: (at(_FLAT.get(name, -1.0)), _when(_STEEP, name)) for name in ELEMENTWISE
    },
    "grad-output-ignored": {
        name: (_when_sloped(name, 1), _when(_FLAT, name)) for name in ELEMENTWISE
    },
    "grad-by-the-output": {"relu": (at(2.0), at(1.0))},
    "grad-parameters-ignored": _OPTIONS,
}

_OUTPUT = faults(
    "output",
    (
        (
            "parameters-ignored",
            _WITH_DEFAULTS,
            "The parameters of the curve are ignored, and their defaults used.",
            "f(x; defaults) instead of f(x; slope, alpha, bounds, lambd or beta)",
            "the defaults",
            _OPTIONS["leaky_relu"],
            _IGNORED,
        ),
    ),
    {"parameters-ignored": _OPTIONS},
)

_GRADIENT = faults(
    "grad_input",
    (
        (
            "grad-sign",
            (*ELEMENTWISE, *ALONG_AN_AXIS, "glu"),
            "The gradient has the wrong sign.",
            "-grad_output · f′(x) instead of grad_output · f′(x)",
            "a slope of 0",
            (at(1.0), at(-1.0)),
            {"after": lambda grad, i: -grad},
        ),
        (
            "grad-averaged-over-batch",
            (*ELEMENTWISE, *ALONG_AN_AXIS, "glu"),
            "The gradient is divided by the number of samples, which is the loss's to do.",
            "grad_output · f′(x) / N instead of grad_output · f′(x)",
            "one sample",
            (at(1.0, 2.0), at(1.0)),
            {"after": lambda grad, i: grad / max(len(i["x"]), 1), "shows_if": _batched},
        ),
        (
            "grad-passed-through",
            ELEMENTWISE,
            "The gradient passes unchanged: the derivative is missing.",
            "grad_output instead of grad_output · f′(x)",
            "a slope of 1",
            (at(-1.0), at(1.0)),
            {"after": lambda grad, i: i.grad_output.astype(grad.dtype)},
        ),
        (
            "grad-output-ignored",
            ELEMENTWISE,
            "The derivative alone is returned, without the gradient that comes in.",
            "f′(x) instead of grad_output · f′(x)",
            "a slope of 0",
            (at(1.0), at(-1.0)),
            {"before": lambda i: i.but(grad_output=np.ones_like(i.grad_output))},
        ),
        (
            "grad-by-the-output",
            _CURVED,
            "The gradient is multiplied by the activation instead of by its derivative.",
            "grad_output · f(x) instead of grad_output · f′(x)",
            "an output that equals the slope",
            (at(0.0), EMPTY),
            {"after": lambda grad, i: i.grad_output * curve(i, i["x"])},
        ),
        (
            "grad-parameters-ignored",
            _WITH_DEFAULTS,
            "The gradient ignores the parameters of the curve, and uses their defaults.",
            "grad_output · f′(x; defaults): for elu exp(x) where alpha · exp(x) is right",
            "the defaults",
            _OPTIONS["leaky_relu"],
            _IGNORED,
        ),
    ),
    _ELSEWHERE,
)

FAULTS: list[Fault] = [
    *_OUTPUT,
    *_GRADIENT,
    *piecewise.FAULTS,
    *piecewise_gradients.FAULTS,
    *smooth.FAULTS,
    *smooth_gradients.FAULTS,
    *softmax.FAULTS,
    *channelwise.FAULTS,
]
