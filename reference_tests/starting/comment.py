"""What the record of an operation says, as comments."""

from __future__ import annotations

import textwrap

import numpy as np

from reference_tests.draw import seeded
from reference_tests.operation import Operation
from reference_tests.references.exact import subject as exact
from reference_tests.starting.source import code, is_step

_AXES = {"1d": ("L", "K"), "2d": ("H, W", "KH, KW"), "3d": ("D, H, W", "KD, KH, KW")}


def comment(operation: Operation, style: str) -> str:
    """Return signature, axes, an example of shapes, gradients and conventions."""
    paragraphs = [operation.signature.replace("'", '"')]
    if is_step(operation):
        paragraphs.append(_state(operation))
    else:
        paragraphs += [_arrays(operation), _example(operation), _gradients(operation, style)]
    if operation.law is not None:
        paragraphs.append("Judged by its law: what it keeps, how often, independence, seeds.")
    if operation.conventions:
        paragraphs.append(f"Conventions: {operation.conventions}")
    lines = [line for text in paragraphs for line in textwrap.wrap(text, 96)]
    return "\n".join(f"# {line}" for line in lines)


def _state(operation: Operation) -> str:
    state = ", ".join(code(name) for name in (*operation.arrays[2:], *operation.numbers))
    return (
        f"params and grads are lists of arrays. The state has {state}: lists of arrays, or "
        "numbers; it is None at first. A step returns (params, state)."
    )


def _arrays(operation: Operation) -> str:
    """Return the axes of the arrays, where their names are those of every article."""
    name, (axes, taps) = operation.name, _AXES.get(operation.name[-2:], ("", ""))
    text = ""
    if name == "conv2d_untied_bias":
        text = "x (N, C, H, W), weight (O, C / groups, KH, KW), bias (O, Hout, Wout). "
    elif name.startswith("conv") and axes:
        ends = "C, O" if name.startswith("conv_transpose") else "O, C"
        text = f"x (N, C, {axes}), weight ({ends} / groups, {taps}), bias (O,). "
    elif "_pool" in name and axes:
        text = f"x (N, C, {axes}). "
    elif name == "linear":
        text = "x (…, in), weight (out, in), bias (out,). "
    optional = " and ".join(operation.optional)
    return text + (f"{optional} may be None." if optional else "")


def _example(operation: Operation) -> str:
    """Return the shapes of one case of the judge."""
    pinned = operation.pinned
    case = pinned[0] if pinned else operation.strategy(seeded(f"0/{operation.name}"))
    given = operation.options(case.hyper)
    shapes = [
        f"{name} {spec.shape}" + (" of integers" if spec.kind == "label" else "")
        for name, spec in case.arrays.items()
        if spec is not None
    ]
    text = f"For example {', '.join([*shapes, *(f'{n}={code(v)}' for n, v in given.items())])}"
    if operation.law is not None:
        return f"{text}."
    result = operation.call(exact.operations[operation.name], case.fill("float64"), given)
    if isinstance(result, tuple) and callable(result[-1]):
        result = result[0]
    outputs = result if isinstance(result, tuple) else (result,)
    names = operation.outputs(case.hyper)
    made = [f"{name} {np.shape(outputs[place])}" for place, name in enumerate(names)]
    return f"{text}: {', '.join(made)}."


def _gradients(operation: Operation, style: str) -> str:
    """Return which gradients there are, in the order in which a pullback returns them."""
    grads = [name for name in operation.arrays if name in operation.differentiable]
    if style != "functions" or len(operation.arrays) == 1 or not grads:
        return f"Gradients: {', '.join(grads) or 'none'}."
    only = "" if len(grads) == len(operation.arrays) else f", but only {', '.join(grads)} have one"
    return (
        f"Gradients in the order {', '.join(operation.arrays)}{only}; None for an array that is "
        "None or of integers."
    )
