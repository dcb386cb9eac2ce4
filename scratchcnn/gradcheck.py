"""Gradients checked against central differences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from scratchcnn.functional import _checks as check
from scratchcnn.functional._checks import Floats
from scratchcnn.functional.dropout import RNG
from scratchcnn.nn.module import Module


class GradientCheck(NamedTuple):
    """How far a gradient lies from central differences, in units of their own uncertainty."""

    worst: float
    where: str
    given: float
    expected: float

    @property
    def ok(self) -> bool:
        """Whether no element lies further from the difference than its uncertainty."""
        return bool(self.worst <= 1)


def gradcheck(
    function: Callable[..., tuple[Floats, Callable[[Floats], Any]]],
    *inputs: Floats,
    step: float = 1e-4,
    rng: RNG = 0,
) -> GradientCheck:
    """Compare the pullback of `function` with central differences, along every input element.

    Parameters
    ----------
    function : callable
        Takes `inputs` and returns the output and a pullback from its gradient to those of the
        inputs: a tuple, or one array for a single input. None skips an input.
    *inputs : ndarrays of float64
    step : float
        The step h, relative to the larger of 1 and the element. Kinks within it give a false
        alarm.
    rng : numpy.random.Generator or int, optional
        Of the random cotangent; a cotangent of ones would hide mistakes.

    Returns
    -------
    GradientCheck
        The difference is taken with the steps h and h/2. Its uncertainty is derived: the
        truncation error, which the two differences reveal, ``|D(h) - D(h/2)|``, plus the
        rounding of the function, ``u * (number of operations) * |f| / h``.

    Raises
    ------
    TypeError
        If an input is not of float64.
    ValueError
        If the pullback returns too few gradients or another shape.

    Examples
    --------
    >>> def square(x):
    ...     return x * x, lambda grad_output: 2 * x * grad_output
    >>> gradcheck(square, np.array([1.0, -2.0])).ok
    True
    """
    if not 1e-9 <= check.real("gradcheck", "step", step, 0) <= 0.1:
        raise ValueError(f"gradcheck: step is {step:g}, expected 1e-9 to 0.1")
    for place, array in enumerate(inputs):
        check.floats("gradcheck", **{f"inputs[{place}]": array})
        if array.dtype != np.float64:
            raise TypeError(f"gradcheck: inputs[{place}] has dtype float32, expected float64")
    output, pullback = function(*inputs)
    cotangent = np.random.default_rng(rng).standard_normal(np.shape(output))
    result = pullback(cotangent)
    grads = tuple(result) if isinstance(result, tuple | list) else (result,)
    if len(grads) != len(inputs):
        raise ValueError(
            f"gradcheck: the pullback returns {len(grads)} gradients, expected {len(inputs)}"
        )

    if not any(a.size for a, g in zip(inputs, grads, strict=True) if g is not None):
        raise ValueError("gradcheck: there is no gradient of any element, expected at least one")

    def value(place: int, index: Any, move: float) -> tuple[float, float]:
        moved = [array.copy() for array in inputs]
        moved[place][index] += move
        terms = cotangent * function(*moved)[0]
        return float(terms.sum()), float(np.abs(terms).sum())

    worst = GradientCheck(0.0, "", 0.0, 0.0)
    count = 1 + sum(array.size for array in inputs)
    for place, (array, grad) in enumerate(zip(inputs, grads, strict=True)):
        if grad is None:
            continue
        check.shape("gradcheck", f"gradient {place}", grad, array.shape)
        for index in np.ndindex(*array.shape):
            h = step * max(1.0, abs(float(array[index])))
            slopes = []
            for move in (h, h / 2):
                ahead, size = value(place, index, move)
                slopes.append((ahead - value(place, index, -move)[0]) / (2 * move))
            rounding = np.finfo(np.float64).eps * count * size / h
            uncertainty = abs(slopes[0] - slopes[1]) + rounding + np.finfo(np.float64).tiny
            error = abs(float(grad[index]) - slopes[1]) / uncertainty
            # NaN compares with nothing; it must not give way to the element after it.
            if np.isnan(error):
                error = np.float64(np.inf)
            if error > worst.worst:
                where = f"input {place} at {index}"
                worst = GradientCheck(error, where, float(grad[index]), slopes[1])
    return worst


def gradcheck_module(
    module: Module, x: Floats, *, step: float = 1e-4, rng: RNG = 0
) -> GradientCheck:
    """Compare the gradients of `x` and of all parameters of `module` with central differences.

    Parameters
    ----------
    module : Module
        Of float64; a random layer inside must be in evaluation mode.
    x : ndarray of float64
    step, rng
        As in `gradcheck`.

    Returns
    -------
    GradientCheck
        Input 0 is `x`, the others are the parameters in order. Their `data` and `grad` are as
        before.

    Raises
    ------
    TypeError
        If an array is not of float64.
    """
    parameters = module.parameters()
    kept = [(parameter.data, parameter.grad) for parameter in parameters]

    def function(*arrays: Floats) -> tuple[Floats, Callable[[Floats], Any]]:
        for parameter, array in zip(parameters, arrays[1:], strict=True):
            parameter.data, parameter.grad = array, None
        output, pull = module.vjp(arrays[0])

        def pullback(grad_output: Floats) -> tuple[Floats | None, ...]:
            return (pull(grad_output), *(parameter.grad for parameter in parameters))

        return output, pullback

    try:
        return gradcheck(function, x, *(data for data, _ in kept), step=step, rng=rng)
    finally:
        for parameter, (data, grad) in zip(parameters, kept, strict=True):
            parameter.data, parameter.grad = data, grad
