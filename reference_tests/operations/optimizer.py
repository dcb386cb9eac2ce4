"""What the records of one step of each optimizer share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from reference_tests import tolerance
from reference_tests.case import Case, Spec
from reference_tests.draw import Draw
from reference_tests.operation import Invalid, Operation
from reference_tests.strategies import finished
from reference_tests.tolerance import Bounded, scalar

# What the numbers of a gradient are multiplied by, each by one of them.
_SIZES = ((1.0,), (1.0, 0.0), (1e-10,), (1e10,), (1.0, 0.0, 1e-10, 1e10))
_ONE = np.ones((3, 2))
# How each kind of a state's entry is made, of normal and uniform numbers and the gradients' size.
# A mean is smaller than the root of every mean of squares, as it is in any true history.
_KINDS: dict[str, Callable[..., Any]] = {
    "mean": lambda normal, uniform, size: (0.9 * uniform - 0.45) * size,
    "square": lambda normal, uniform, size: (np.abs(normal) + 0.25) * size**2,
    "size": lambda normal, uniform, size: (np.abs(normal) + 0.25) * size,
    "move": lambda normal, uniform, size: normal,
    "squared move": lambda normal, uniform, size: (np.abs(normal) + 0.25) * 1e-3,
}


def recorded(
    name: str,
    state: tuple[str, ...],
    defaults: Mapping[str, Any],
    numbers: Mapping[str, Any],
    invalid: tuple[tuple[str, Mapping[str, Any]], ...],
    outputs: Callable[[Mapping[str, Any]], tuple[str, ...]],
    **rest: Any,
) -> Operation:
    """Return the record of a step; `state` are the arrays and `numbers` the rest of its state."""
    return Operation(
        name=name,
        arrays=("params", "grads", *state),
        defaults={**numbers, **defaults},
        differentiable=(),
        optional=state,
        outputs=outputs,
        invalid=tuple(
            Invalid(reason, (_ONE, _ONE, *(None for _ in state)), hyper)
            for reason, hyper in invalid
        ),
        call=partial(_call, state, numbers, outputs),
        written=partial(_written, state, numbers),
        by_name=False,
        numbers=tuple(numbers),
        **rest,
    )


def _split(array: Any) -> list[Any]:
    """Return an array as two parameters of different shape: the first row, and the rest."""
    return [array[0], array[1:]]


def _joined(parts: Any) -> Any:
    if not isinstance(parts, (list, tuple)) or len(parts) != 2:
        raise ValueError(f"has {parts!r}, expected a list of two arrays")
    first, rest = map(np.asarray, parts)
    return np.concatenate([first[None], rest])


def _call(
    state: tuple[str, ...],
    numbers: Mapping[str, Any],
    outputs: Callable[[Mapping[str, Any]], tuple[str, ...]],
    function: Callable[..., Any],
    arrays: Mapping[str, Any],
    hyper: Mapping[str, Any],
) -> Any:
    """Call ``step(params, grads, state, …) -> (params, state)``."""
    options = {name: value for name, value in hyper.items() if name not in numbers}
    kept = {name: hyper.get(name, value) for name, value in numbers.items()}
    before: dict[str, Any] | None = None
    if arrays[state[0]] is not None:
        before = {name: _split(arrays[name]) for name in state if arrays[name] is not None} | kept
    params, after = function(_split(arrays["params"]), _split(arrays["grads"]), before, **options)
    if "step" in numbers and after["step"] != kept["step"] + 1:
        raise ValueError(f"the step after {kept['step']} is {after['step']}")
    results = [_joined(params)]
    for name in outputs(hyper)[1:]:
        if name not in after:
            raise ValueError(f"the state after the step has {sorted(after)}, expected {name!r}")
        single = name in numbers
        dtype = arrays["params"].dtype
        results.append(np.asarray(after[name], dtype) if single else _joined(after[name]))
    return results[0] if len(results) == 1 else tuple(results)


def _written(
    state: tuple[str, ...],
    numbers: Mapping[str, Any],
    arrays: Mapping[str, Any],
    hyper: Mapping[str, Any],
) -> str:
    """Return how to write the call of `_call`."""
    entries = [f"{n!r}: [{n}[0], {n}[1:]]" for n in state if arrays[n] is not None]
    if entries:
        entries += [f"{n!r}: {hyper.get(n, value)!r}" for n, value in numbers.items()]
    before = f"{{{', '.join(entries)}}}" if entries else "None"
    given = {name: value for name, value in hyper.items() if name not in numbers}
    options = "".join(f", {name}={value!r}" for name, value in given.items())
    lists = "[params[0], params[1:]], [grads[0], grads[1:]]"
    return f"function({lists}, {before}{options})"


def picked(draw: Draw, **options: tuple[Any, ...]) -> dict[str, Any]:
    """Return one of its options for every hyperparameter, or its limit."""

    def pick(name: str) -> Any:
        return draw.parameter(name, lambda: draw.choice(options[name]))

    return {name: pick(name) for name in options}


def stepped(draw: Draw, state: Mapping[str, str | None], hyper: Mapping[str, Any]) -> Case:
    """Return a case with a history; `state` gives the kind of each entry, or None."""
    spec = Spec((draw.size(2, 4), draw.size(1, 4)))
    sizes, steady = draw.choice(_SIZES), draw.chance(1, 2)
    rng = np.random.default_rng(draw.integer(0, 2**31 - 1))
    size = rng.choice(sizes, spec.shape)
    values = {
        "params": rng.standard_normal(spec.shape) * (rng.random(spec.shape) > 1 / 8),
        "grads": rng.standard_normal(spec.shape) * size,
    }
    for name, kind in state.items():
        if kind is not None:
            normal, uniform = rng.standard_normal(spec.shape), rng.random(spec.shape)
            # Gradients go on as they were, or have another size than ever before.
            values[name] = _KINDS[kind](normal, uniform, size if steady else 1.0)
    entries = {name: None if kind is None else spec for name, kind in state.items()}
    arrays: dict[str, Spec | None] = {"params": spec, "grads": spec, **entries}
    return replace(finished(draw, arrays, hyper, ("zero-mean",)), values=values)


def pinned(state: Mapping[str, str | None], hyper: Mapping[str, Any], seed: int) -> Case:
    """Return a case of plain numbers; the entries of `state` are of kinds of a `Spec`."""
    size = (3, 2)
    entries = {name: None if kind is None else Spec(size, kind) for name, kind in state.items()}
    return Case({"params": Spec(size), "grads": Spec(size), **entries}, hyper, seed)


def constant(value: Bounded, like: Any) -> Any:
    """Return what hyperparameters make together, in float64 whatever the dtype of the arrays."""
    return value if isinstance(like, Bounded) else float(value.value)


def number(value: Any, like: Any) -> Any:
    """Return a number of the state, which is kept in the format of the arrays."""
    if not isinstance(like, Bounded):
        return np.asarray(value, like.dtype)
    one = Bounded(np.ones((), like.value.dtype), np.zeros(()), like.format)
    return one * scalar(value)


def regularized(
    params: Any,
    grads: Any,
    lr: float,
    weight_decay: float,
    maximize: bool,
    decoupled: bool = False,
) -> tuple[Any, Any]:
    """Return parameters and gradients after weight decay, which is of one or the other."""
    slope = -grads if maximize else grads
    if weight_decay and decoupled:
        params = params * constant(1 - scalar(lr) * scalar(weight_decay), params)
    elif weight_decay:
        slope = slope + weight_decay * params
    return params, slope


def averaged(old: Any, new: Any, weight: float) -> Any:
    """Return a running mean that was 0 before the first step."""
    share = (1 - weight) * new
    return share if old is None else weight * old + share


def power(base: float, exponent: int) -> Bounded:
    """Return a power of a hyperparameter."""
    return tolerance.power(scalar(base), float(exponent))  # type: ignore[no-any-return]
