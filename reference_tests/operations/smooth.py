"""The records of smooth activations."""

from __future__ import annotations

from typing import Any

from reference_tests.operations.elementwise import elementwise
from reference_tests.operations.optimizer import constant
from reference_tests.tolerance import (
    erf,
    exp,
    log1p,
    maximum,
    parted,
    pi,
    rounded,
    scalar,
    sqrt,
    tanh,
)


def sigmoid(x: Any) -> Any:
    """Return ``1 / (1 + exp(-x))``."""
    y = 1 / (1 + exp(-x))
    return y, lambda g: (g * (y * (1 - y)),)


def hyperbolic_tangent(x: Any) -> Any:
    """Return the hyperbolic tangent."""
    y = tanh(x)
    return y, lambda g: (g * (1 - y * y),)


def softplus(x: Any, *, beta: float = 1.0, threshold: float = 20.0) -> Any:
    """Return ``log(1 + exp(beta · x)) / beta``, and `x` where ``beta · x > threshold``."""
    scaled = x if beta == 1 else x * beta
    limit = rounded(x, threshold)
    y = parted(scaled, limit, x, log1p(exp(scaled)) / beta)
    return y, lambda g: (parted(scaled, limit, g, g / (1 + exp(-scaled))),)


def logsigmoid(x: Any) -> Any:
    """Return ``log(1 / (1 + exp(-x)))``."""
    y = -(maximum(-x, 0.0) + log1p(exp(-abs(x))))
    return y, lambda g: (g / (1 + exp(x)),)


def softsign(x: Any) -> Any:
    """Return ``x / (1 + |x|)``; the gradient in the form that PyTorch's autograd has."""
    size = 1 + abs(x)
    return x / size, lambda g: (g / size - g * (abs(x) / size) / size,)


def tanhshrink(x: Any) -> Any:
    """Return ``x - tanh(x)``."""
    share = tanh(x)
    return x - share, lambda g: (g - g * (1 - share * share),)


def silu(x: Any) -> Any:
    """Return ``x / (1 + exp(-x))``."""
    gate = 1 / (1 + exp(-x))
    return x / (1 + exp(-x)), lambda g: (g * (gate * (1 + x * (1 - gate))),)


def mish(x: Any) -> Any:
    """Return ``x · tanh(log(1 + exp(x)))``."""
    gate = tanh(log1p(exp(x)))
    slope = 1 / (1 + exp(-x)) * (1 - gate * gate)
    return x * gate, lambda g: (g * (gate + x * slope),)


def gelu(x: Any, *, approximate: str = "none") -> Any:
    """Return `x` times the normal distribution, or its approximation by a tanh."""
    if approximate == "none":
        share = 0.5 * (1 + erf(x * constant(sqrt(scalar(0.5)), x)))
        slope = exp(-0.5 * (x * x)) * constant(1 / sqrt(2 * pi()), x)
    else:
        factor, cubic = constant(sqrt(2 / pi()), x), 0.044715
        bent = tanh((x + cubic * (x * x * x)) * factor)
        share = 0.5 * (1 + bent)
        slope = 0.5 * (1 - bent * bent) * ((1 + 3 * (cubic * (x * x))) * factor)
    return x * share, lambda g: (g * (share + x * slope),)


OPERATIONS = (
    elementwise("sigmoid", sigmoid, "No overflow at either end."),
    elementwise("tanh", hyperbolic_tangent, "No overflow at either end."),
    elementwise(
        "softplus",
        softplus,
        "Where beta * x is above the threshold the result is x, which is a jump.",
        kinks=lambda beta, threshold: (threshold / beta, 0.0),
        beta=(1.0, 2.0, 0.3, -1.5),
        threshold=(20.0, 1.0, 5.0, -1.0, 60.0),
    ),
    elementwise("logsigmoid", logsigmoid, "No overflow at either end."),
    elementwise("softsign", softsign, "Infinities and their derivatives are NaN."),
    elementwise("tanhshrink", tanhshrink, "The difference cancels near 0."),
    elementwise("silu", silu, "-inf, and the derivatives at both infinities, are NaN."),
    elementwise("mish", mish, "-inf, and the derivatives at both infinities, are NaN."),
    elementwise(
        "gelu",
        gelu,
        "-inf, and the derivatives at both infinities, are NaN.",
        approximate=("none", "tanh"),
        kinks=lambda approximate: (0.0,),
        invalid=({"approximate": "erf"},),
    ),
)
