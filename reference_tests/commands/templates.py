"""The text of a starting file: for each operation what the judge knows, and what is to write."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence

import numpy as np

from reference_tests.draw import seeded
from reference_tests.operation import REQUIRED, Operation
from reference_tests.references.exact import subject as exact

STYLES = ("functions", "gradients", "layers", "module")
# What a layer's constructor is told about its arrays, by the beginning of the operation's name.
_FACTS = {
    "conv": ("in_channels", "out_channels", "kernel_size"),
    "linear": ("in_features", "out_features"),
    "batch_norm": ("num_features",),
    "instance_norm": ("num_features",),
    "group_norm": ("num_features",),
}
_HELD = ("weight", "bias")
_AXES = {"1d": "L", "2d": "H, W", "3d": "D, H, W"}
_TAPS = {"1d": "K", "2d": "KH, KW", "3d": "KD, KH, KW"}


def written(operations: Sequence[Operation], style: str, file: str = "my_cnn.py") -> str:
    """Return a module that is valid Python and whose `subject` has the operations."""
    parts = [_header(style, operations, file)]
    parts += [
        f"{_comment(operation, style)}\n{_body(operation, style)}" for operation in operations
    ]
    entries = "".join(
        f"        {_code(o.name)}: {_folded(_entry(o, style), 8)},\n" for o in operations
    )
    parts.append(
        f"subject = Implementation(\n    {file[: -len('.py')]!r},\n    {{\n{entries}    }},\n"
        '    # What you will not support, such as limits={"conv2d": {"groups": 1}}.\n'
        "    limits={},\n)\n"
    )
    return "\n\n".join(parts)


def _header(style: str, operations: Sequence[Operation], file: str) -> str:
    names = {"Implementation"}
    for operation in operations:
        adapter = _entry(operation, style).partition("(")[0]
        names |= {adapter} if adapter.startswith("from_") else set()
    tensors = style == "module"
    imports = "import numpy as np\n" + ("import torch\n" if tensors else "")
    lines = textwrap.wrap(_INTRODUCTION[style], 86)
    return (
        '"""A network of my own, and how the judge calls it.\n\n'
        f"reference-tests {file}:subject\n\n"
        + "\n".join(lines)
        + '\n"""\n\n'
        + imports.replace("import numpy as np\n", "" if tensors else "import numpy as np\n")
        + f"\nfrom reference_tests import {', '.join(sorted(names))}\n"
    )


_COMMON = (
    "Arrays are of float32 or float64, and results have their dtype. A call passes only the "
    "hyperparameters that differ from the defaults shown; one per axis may be a tuple. "
    "NotImplementedError means unsupported, with these parameters or altogether, and invalid input "
    "must raise something else. No call may change its arguments. "
)
_INTRODUCTION = {
    "functions": _COMMON + "Each function returns (y, pullback), or y alone as long as there are "
    "no gradients; pullback(grad_output) returns a tuple with one gradient for each array.",
    "gradients": _COMMON + "Each gradient gets grad_output first, and by their names whatever "
    "arrays and hyperparameters of the forward it asks for; leave out what it does not need.",
    "layers": _COMMON + "Each layer is constructed with the hyperparameters, gets its weights as "
    "attributes, and computes forward(x), then backward(grad_output). from_layer has options for "
    "other names and layouts, for layers that update themselves, and for one sample at a time.",
    "module": _COMMON + "Modules and functions get tensors, and autograd derives them. A module is "
    "constructed with the hyperparameters, then its parameters are set by their names.",
}


def _code(value: object) -> str:
    """Return a value as source, with the quotes of this project."""
    return repr(value).replace("'", '"')


def _folded(line: str, indent: int = 0) -> str:
    """Return a definition or a call, its arguments on lines of their own if it is long."""
    if indent + len(line) <= 96:
        return line
    head, _, rest = line.partition("(")
    arguments, _, tail = rest.rpartition(")")
    inner = textwrap.fill(
        arguments,
        width=96,
        initial_indent=" " * (indent + 4),
        subsequent_indent=" " * (indent + 4),
        break_long_words=False,
        break_on_hyphens=False,
    )
    return f"{head}(\n{inner}\n{' ' * indent}){tail}"


def _comment(operation: Operation, style: str) -> str:
    """Return what the record of an operation says, as comments."""
    paragraphs = [operation.signature.replace("'", '"')]
    if _is_step(operation):
        state = ", ".join(_code(name) for name in (*operation.arrays[2:], *operation.numbers))
        paragraphs.append(
            f"params and grads are lists of arrays. The state has {state}: lists of arrays, or "
            "numbers; it is None at first. A step returns (params, state)."
        )
    else:
        paragraphs += [_arrays(operation), _example(operation), _order(operation, style)]
    if operation.law is not None:
        paragraphs.append("Judged by its law: what it keeps, how often, independence, seeds.")
    if operation.conventions:
        paragraphs.append(f"Conventions: {operation.conventions}")
    lines = [line for text in paragraphs for line in textwrap.wrap(text, 96)]
    return "\n".join(f"# {line}" for line in lines)


def _order(operation: Operation, style: str) -> str:
    """Return which gradients there are, in the order in which a pullback returns them."""
    grads = [name for name in operation.arrays if name in operation.differentiable]
    if style not in ("functions", "gradients") or not grads:
        return f"Gradients: {', '.join(grads) or 'none'}."
    if len(operation.arrays) == 1:
        return "One gradient."
    only = "" if len(grads) == len(operation.arrays) else f", but only {', '.join(grads)} have one"
    return (
        f"Gradients in the order {', '.join(operation.arrays)}{only}; None for an array that is "
        "None or of integers."
    )


def _arrays(operation: Operation) -> str:
    """Return the axes of the arrays, where their names are those of every article."""
    name, kind = operation.name, operation.name[-2:]
    axes, taps = _AXES.get(kind), _TAPS.get(kind)
    if name.startswith("conv_transpose"):
        text = f"x (N, C, {axes}), weight (C, O / groups, {taps}), bias (O,), y (N, O, …)."
    elif name == "conv2d_untied_bias":
        text = "x (N, C, H, W), weight (O, C / groups, KH, KW), bias (O, Hout, Wout)."
    elif name.startswith("conv") and taps:
        text = f"x (N, C, {axes}), weight (O, C / groups, {taps}), bias (O,), y (N, O, …)."
    elif "pool" in name and axes and "unpool" not in name:
        text = f"x (N, C, {axes}), y (N, C, …)."
    elif name == "linear":
        text = "x (…, in), weight (out, in), bias (out,), y (…, out)."
    else:
        text = ""
    optional = " and ".join(operation.optional)
    return f"{text} {optional} may be None.".strip() if optional else text


def _example(operation: Operation) -> str:
    """Return the shapes of one case of the judge."""
    pinned = operation.pinned
    case = pinned[0] if pinned else operation.strategy(seeded(f"0/{operation.name}", {}))
    shapes = [
        f"{name} {_shape(spec.shape)}" + (" of integers" if spec.kind == "label" else "")
        for name, spec in case.arrays.items()
        if spec is not None
    ]
    options = [f"{n}={_code(v)}" for n, v in operation.options(case.hyper).items()]
    text = f"For example {', '.join([*shapes, *options])}"
    if operation.law is not None:
        return f"{text}."
    result = operation.call(
        exact.operations[operation.name],
        case.fill("float64"),
        operation.options(case.hyper),
    )
    if isinstance(result, tuple) and callable(result[-1]):
        result = result[0]
    outputs = result if isinstance(result, tuple) else (result,)
    names = operation.outputs(case.hyper)
    made = [f"{name} {_shape(np.shape(outputs[place]))}" for place, name in enumerate(names)]
    return f"{text}: {', '.join(made)}."


def _shape(shape: tuple[int, ...]) -> str:
    return f"({shape[0]},)" if len(shape) == 1 else f"({', '.join(map(str, shape))})"


def _is_step(operation: Operation) -> bool:
    return operation.arrays[:2] == ("params", "grads")


def _hyper(operation: Operation, facts: Sequence[str] = ()) -> str:
    """Return parameters: facts, hyperparameters without a default, then the others."""
    own = {n: v for n, v in operation.defaults.items() if n not in operation.numbers}
    required = [name for name, value in own.items() if value is REQUIRED]
    rest = [f"{name}={_code(value)}" for name, value in own.items() if value is not REQUIRED]
    return ", ".join([*(fact for fact in facts if fact not in own), *required, *rest])


def _body(operation: Operation, style: str) -> str:
    if style == "layers":
        return _optimizer(operation) if _is_step(operation) else _layer(operation)
    if style == "gradients" and not _is_step(operation):
        return _gradients(operation)
    if style == "module" and _facts(operation):
        return _module(operation)
    return _function(operation, "tensors" if style == "module" else "")


def _todo(operation: Operation, what: str = "") -> str:
    return f'raise NotImplementedError("{operation.name}{what} is not written yet")'


def _head(operation: Operation) -> str:
    if not _is_step(operation):
        return operation.signature.replace("'", '"')
    hyper = _hyper(operation)
    return f"{operation.name}(params, grads, state=None{', *, ' if hyper else ''}{hyper})"


def _grad(name: str) -> str:
    return "input_grad" if name == "x" else f"{name}_grad"


def _function(operation: Operation, tensors: str) -> str:
    lines = [_folded(f"def {_head(operation)}:"), f"    {_todo(operation)}"]
    if not tensors and not _is_step(operation) and operation.differentiable:
        grads = [f"grad_{n}" if n in operation.differentiable else "None" for n in operation.arrays]
        comma = "," if len(grads) == 1 else ""
        lines += [
            "    # def pullback(grad_output):",
            f"    #     return ({', '.join(grads)}{comma})",
            "    # return y, pullback",
        ]
    return "\n".join(lines) + "\n"


def _gradients(operation: Operation) -> str:
    parts = [_folded(f"def {_head(operation)}:") + f"\n    {_todo(operation)}\n"]
    hyper = _hyper(operation)
    arrays = ", ".join(f"{n}=None" if n in operation.optional else n for n in operation.arrays)
    for name in operation.differentiable:
        function = f"{operation.name}_{_grad(name)}"
        head = f"def {function}(grad_output, {arrays}{', *, ' if hyper else ''}{hyper}):"
        parts.append(f"{_folded(head)}\n    {_todo(operation, f'_{_grad(name)}')}\n")
    return "\n\n".join(parts)


def _class(operation: Operation) -> str:
    return "".join(part[:1].upper() + part[1:] for part in operation.name.split("_"))


def _facts(operation: Operation) -> tuple[str, ...]:
    """Return what the constructor of a layer with weights is told."""
    if operation.name.endswith("_statistics"):
        return ()
    return next((f for name, f in _FACTS.items() if operation.name.startswith(name)), ())


def _held(operation: Operation) -> dict[str, list[str]]:
    """Return the arrays by who holds them: the call, the layer's buffers, its parameters."""
    buffers = [name for name in operation.arrays if name.startswith("running_")]
    held = [name for name in _HELD if name in operation.arrays]
    rest = {*buffers, *held, "pos_weight"}
    inputs = [name for name in operation.arrays if name not in rest]
    return {"inputs": inputs, "buffers": buffers, "held": held}


def _several(operation: Operation) -> bool:
    """Return whether more than one input has a gradient."""
    inputs = _held(operation)["inputs"]
    return sum(name in operation.differentiable for name in inputs) > 1


def _layer(operation: Operation) -> str:
    parts = _held(operation)
    hyper = _hyper(operation, _facts(operation))
    attributes = [*parts["buffers"], *parts["held"]]
    names = [n for n in operation.defaults if n not in operation.numbers]
    set_names = [*names, *attributes]
    lines = [
        f"class {_class(operation)}:",
        f"    def __init__(self{', ' if hyper else ''}{hyper}):",
    ]
    lines += [
        f"        self.{name} = {'None' if name in attributes else name}" for name in set_names
    ]
    lines += [] if set_names else ["        pass"]
    inputs = ", ".join(parts["inputs"])
    lines += ["", f"    def forward(self, {inputs}):", f"        {_todo(operation)}", ""]
    if not operation.differentiable:
        return "\n".join(lines[:-1]) + "\n"
    lines += ["    def backward(self, grad_output):", f"        # {_duty(operation)}"]
    lines += [f"        {_todo(operation, '.backward')}"]
    return "\n".join(lines) + "\n"


def _init(hyper: str) -> str:
    return "    " + _folded(f"def __init__(self{', ' if hyper else ''}{hyper}):", 4)


def _duty(operation: Operation) -> str:
    parts = _held(operation)
    if _several(operation):
        returned = [*parts["inputs"], *(n for n in parts["held"] if n in operation.differentiable)]
        return f"return {', '.join(f'grad_{name}' for name in returned)}"
    sets = [f"self.{n}_grad" for n in parts["held"] if n in operation.differentiable]
    return f"{f'set {chr(44).join(sets)}; ' if sets else ''}return grad_{parts['inputs'][0]}"


def _optimizer(operation: Operation) -> str:
    names = [n for n in operation.defaults if n not in operation.numbers]
    state = [*operation.arrays[2:], *operation.numbers]
    lines = [
        f"class {_class(operation)}:",
        _init(_hyper(operation)),
        *(f"        self.{name} = {name}" for name in names),
        *(f"        self.{name} = None" for name in state),
        "",
        "    def update(self, params, grads):",
        "        # changes the arrays of the list params, and the state on self",
        f"        {_todo(operation)}",
    ]
    return "\n".join(lines) + "\n"


_SHAPES = {
    "conv_transpose": "(in_channels, out_channels // groups, *kernel_size)",
    "conv": "(out_channels, in_channels // groups, *kernel_size)",
    "linear": "(out_features, in_features)",
    "": "(num_features,)",
}


def _module(operation: Operation) -> str:
    parts = _held(operation)
    facts = _facts(operation)
    weight = next(s for name, s in _SHAPES.items() if operation.name.startswith(name))
    shapes = {"weight": weight, "bias": f"({facts[1 if len(facts) > 1 else 0]},)"}
    names = [n for n in operation.defaults if n not in operation.numbers]
    lines = [
        f"class {_class(operation)}(torch.nn.Module):",
        _init(_hyper(operation, facts)),
        "        super().__init__()",
        *(f"        self.{name} = {name}" for name in names),
    ]
    for name in parts["buffers"]:
        lines.append(f'        self.register_buffer("{name}", torch.zeros(num_features))')
    for name in parts["held"]:
        lines.append(f"        self.{name} = torch.nn.Parameter(torch.zeros({shapes[name]}))")
    lines += ["", "    def forward(self, x):", f"        {_todo(operation)}"]
    return "\n".join(lines) + "\n"


def _entry(operation: Operation, style: str) -> str:
    """Return what stands for an operation in the dictionary of the subject."""
    if style == "layers" and _is_step(operation):
        state = {name: name for name in (*operation.arrays[2:], *operation.numbers)}
        return f"from_optimizer({_class(operation)}, state={_code(state)})"
    if style == "layers":
        return f"from_layer({_class(operation)}{_layer_options(operation)})"
    if style == "module" and _facts(operation):
        buffers = _buffers(operation)
        return f"from_module({_class(operation)}{buffers})"
    if style == "module" and not _is_step(operation):
        return f"from_torch({operation.name}, arrays={_code(tuple(operation.arrays))})"
    if style == "gradients" and not _is_step(operation):
        given = "".join(
            f", {_grad(name)}={operation.name}_{_grad(name)}" for name in operation.differentiable
        )
        return f"from_functions({operation.name}{given})"
    return operation.name


def _buffers(operation: Operation) -> str:
    buffers: Mapping[str, str] = {name: name for name in _held(operation)["buffers"]}
    return f", buffers={_code(dict(buffers))}" if buffers else ""


def _layer_options(operation: Operation) -> str:
    parts = _held(operation)
    text = _buffers(operation)
    if parts["inputs"] != ["x"]:
        text += f", inputs={_code(tuple(parts['inputs']))}"
        text += "".join(f", {name}={_code(name)}" for name in parts["held"])
    if _several(operation):
        returned = [*parts["inputs"], *(n for n in parts["held"] if n in operation.differentiable)]
        text += f', gradients="returned", returned={_code(tuple(returned))}'
    elif [n for n in parts["held"] if n not in operation.differentiable]:
        text += ", weight_grad=None"
    return text
