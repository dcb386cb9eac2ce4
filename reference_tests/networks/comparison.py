"""Two networks with the same weights, compared layer by layer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference_tests.checks import distance
from reference_tests.networks.guilt import explained
from reference_tests.networks.mapping import matched, renamed
from reference_tests.networks.report import LayerReport, NetworkReport
from reference_tests.networks.sides import Chain, Node, Run, Side, side
from reference_tests.networks.training import Train, compared_training
from reference_tests.networks.truth import estimated, known, truth_of
from reference_tests.references.exact import Truth
from reference_tests.tolerance import gamma

Array = NDArray[Any]
# What connects layers rearranges, adds or averages a few numbers: so many roundings at most.
TERMS = 64


def compare(
    ours: Any,
    theirs: Any,
    x: Array,
    *,
    grad_output: Array | None = None,
    names: Mapping[str, str] | None = None,
    train: tuple[Train, Train] | None = None,
    steps: int = 10,
    seed: int = 0,
) -> NetworkReport:
    """Compare two networks layer by layer, forward and backward.

    Each layer of `ours` runs alone on the reference's input, against the truth of its operation
    within derived bounds, so that no error accumulates. Then the whole network runs with every
    layer passing on the reference's numbers, which shows what is wrong between the layers. The
    first layer that differs is named, with a diagnosis.

    Parameters
    ----------
    ours, theirs : network
        A `torch.nn.Module`; a network that has ``trace(x)``, ``named_layers()`` and
        ``state_dict()``, as those of scratchcnn; or a list of ``(name, callable)``, each callable
        returning ``(output, pullback)``, and its pullback the gradient of the input, or a tuple of
        it and those of the layer's parameters. `theirs` is the reference.
    x : ndarray of float32 or float64
        The input of both.
    grad_output : ndarray, optional
        The gradient of the output; random by default.
    names : mapping of names of `ours` to names of `theirs`, optional
        For layers and for weights (``conv.weight``); by default equal names, or else the order of
        the calls where it is one and the same.
    train : pair of callables, optional
        ``train(model, steps)`` trains each of them; then the weights are compared too.
    steps : int
    seed : int
        Of `grad_output`.

    Returns
    -------
    NetworkReport
        Afterwards both networks have the weights that they had before.

    Raises
    ------
    TypeError, ValueError
        If a network is of no known kind, x is no array of floats, or names or weights do not
        match, before any comparison.

    Examples
    --------
    >>> def relu(x):
    ...     return np.maximum(x, 0), lambda grad: grad * (x > 0)
    >>> def leaky(x):
    ...     return np.where(x > 0, x, 0.1 * x), lambda grad: grad * (x > 0)
    >>> report = compare([("act", leaky)], [("act", relu)], np.array([[1.0, -2.0]]))
    >>> report.ok, report.first.name
    (False, 'act')
    """
    _checked(x, grad_output)
    mine, reference = side(ours, "ours"), side(theirs, "theirs")
    rng = np.random.default_rng(seed)

    def cotangent(shape: tuple[int, ...]) -> Array:
        if grad_output is None:
            return rng.standard_normal(shape).astype(x.dtype)
        if grad_output.shape != shape:
            raise ValueError(
                f"compare: grad_output has shape {grad_output.shape}, expected {shape}"
            )
        return grad_output

    before = mine.weights(), reference.weights()
    names = dict(names or {})
    try:
        if before[0] and not isinstance(reference, Chain):
            mine.load(renamed(before[1], before[0], names))
        right = reference.run(x, cotangent, None)
        if right.error:
            raise ValueError(f"compare: the reference {right.error}")
        _numbers(right)
        reference.load(before[1])
        report = _compared(mine, reference, x, right, names)
        if train is not None:
            sides, start = (mine, reference), before[1]
            report.whole.update(compared_training(sides, start, names, train, steps))
    finally:
        mine.load(before[0])
        reference.load(before[1])
    return report


def _checked(x: Array, grad_output: Array | None) -> None:
    for name, array in (("x", x), ("grad_output", grad_output)):
        if array is None and name != "x":
            continue
        if not isinstance(array, np.ndarray) or array.dtype not in (np.float32, np.float64):
            what = array.dtype if isinstance(array, np.ndarray) else type(array).__name__
            raise TypeError(f"compare: {name} is of {what}, expected float32 or float64")
        if array.dtype != x.dtype:
            raise TypeError(f"compare: grad_output is of {array.dtype}, but x of {x.dtype}")


def _numbers(right: Run) -> None:
    """Raise ValueError where a reference computes NaN, from which nothing can be told."""
    for quantity in ("output", "grad_input"):
        for node in right.nodes:
            array = getattr(node, quantity)
            if array is not None and np.isnan(array).any():
                raise ValueError(f"compare: {quantity} of {node.name} is NaN in the reference")


def _compared(
    mine: Side, reference: Side, x: Array, right: Run, names: Mapping[str, str]
) -> NetworkReport:
    """Return the report about networks with the same weights."""
    weights = mine.weights()
    cotangent = partial(_given, right)
    free = mine.run(x, cotangent, None)
    mine.load(weights)
    report = NetworkReport()
    if free.error:
        # What is wrong with a layer that was not reached shows on the reference's input too.
        free.nodes = [node for node in free.nodes if node.output is not None]
        reached = {node.name for node in free.nodes}
        missed = ((name, layer) for name, layer in mine.layers().items() if name not in reached)
        free.nodes += [Node(name, 0, layer, x) for name, layer in missed]
    pairs = matched(free.nodes, right.nodes, names, complete=not free.error)
    if free.error:
        report.whole["call"] = f"the network {free.error}"
    partners = {id(node): other for node, other in pairs}
    for node, other in pairs:
        report.layers.append(_alone(mine, reference, node, other))
    theirs = {id(other) for _, other in pairs}
    for one, nodes in (("ours", free.nodes), ("the reference", right.nodes)):
        left = [n.name for n in nodes if id(n) not in partners and id(n) not in theirs]
        if left:
            report.notes.append(f"not compared, only in {one}: {', '.join(dict.fromkeys(left))}")
    _connected(mine, x, right, pairs, report)
    mine.load(weights)
    _guilty(report)
    if report.first is not None:
        place = report.layers.index(report.first)
        explained(report.first, mine, *pairs[place])
    return report


def _given(right: Run, shape: tuple[int, ...]) -> Array:
    """Return the gradient of the output that the reference got, fitted to another shape."""
    last = right.cotangent
    assert last is not None
    if last.shape == shape:
        return last
    return np.resize(last, shape)


def _alone(mine: Side, reference: Side, node: Node, other: Node) -> LayerReport:
    """Return what is wrong with one layer on the reference's input."""
    report = LayerReport(node.name, node.kind or other.kind, node.turn)
    for quantity in ("output", "grad_input"):
        got, expected = getattr(node, quantity), getattr(other, quantity)
        if got is not None and expected is not None and got.shape == expected.shape:
            scale = float(np.max(np.abs(expected), initial=0.0)) or 1.0
            report.drift[quantity] = float(np.max(np.abs(got - expected), initial=0.0)) / scale
    if "Dropout" in report.kind and getattr(other.layer, "training", False):
        report.note = "draws at random, so not compared"
        return report
    what = known(other)
    if what is None and not hasattr(other.layer, "__dict__"):
        what = known(node)
    x, grad = other.x, other.grad_output
    report.operation = what.operation.name if what else ""
    truth = truth_of(what, x, grad) if what else estimated(reference, other, x, grad)
    try:
        found = mine.alone(node, x, grad)
    except Exception as error:
        name = "grad_input" if _runs(mine, node, x) else "output"
        report.units[name] = np.inf
        report.wrong[name] = f"raised {type(error).__name__}: {error}"
        return report
    found = _by_name(found, reference.parameters(other))
    for name, value in truth.items():
        if name not in found:
            if name == "grad_input" or mine.parameters(node):
                report.wrong[name] = "there is none"
            continue
        message, report.units[name] = judged(found[name], value, x.dtype)
        if message:
            report.wrong[name] = message
    disputes = _by_name(reference.alone(other, x, grad), reference.parameters(other))
    for name, value in truth.items():
        if what and name in disputes and judged(disputes[name], value, x.dtype)[0]:
            report.note = f"the reference's own {name} lies outside the bound"
    return report


def _runs(side: Side, node: Node, x: Array) -> bool:
    """Return whether a layer has an output at least."""
    try:
        side.alone(node, x, None)
    except Exception:
        return False
    return True


def _by_name(found: Mapping[str, Any], parameters: Sequence[str]) -> dict[str, Any]:
    """Return results whose gradients are numbered under the names of the parameters."""
    numbered = {f"grad_{i}": f"grad_{name}" for i, name in enumerate(parameters)}
    return {numbered.get(name, name): value for name, value in found.items()}


def judged(got: Any, truth: Truth, dtype: Any) -> tuple[str, float]:
    """Return what is wrong with a result, if anything, and its error in units of the bound."""
    if got is None:
        return "is None", np.inf
    array = np.asarray(got)
    if array.shape != truth.value.shape:
        return f"has shape {array.shape}, expected {truth.value.shape}", np.inf
    if array.dtype != dtype:
        return f"has dtype {array.dtype}, expected {dtype}", np.inf
    return distance(array, truth, str(dtype))


def _connected(
    mine: Side,
    x: Array,
    right: Run,
    pairs: Sequence[tuple[Node, Node]],
    report: NetworkReport,
) -> None:
    """Run our network with all layers passing on the reference's numbers; note what is wrong."""
    theirs = {(node.name, node.turn): other for node, other in pairs}

    def through(node: Node, quantity: str, array: Array) -> Array:
        other = theirs.get((node.name, node.turn))
        forced = None if other is None else getattr(other, quantity)
        return array if forced is None else forced.copy()

    forced = mine.run(x, partial(_given, right), through)
    if forced.error:
        report.whole["call"] = (
            f"the network {forced.error}, though every layer passes on the reference's numbers"
        )
    sizes = _sizes(right)
    for node in forced.nodes:
        other = theirs.get((node.name, node.turn))
        if other is None:
            continue
        layer = next(r for r in report.layers if (r.name, r.turn) == (node.name, node.turn))
        for attribute, name in (("x", "input"), ("grad_output", "grad_output")):
            got, expected = getattr(node, attribute), getattr(other, attribute)
            if got is None or expected is None:
                continue
            message = _off(got, expected, sizes)
            if message:
                layer.connection[name] = message
    for name in ("output", "grad_input"):
        got, expected = getattr(forced, name), getattr(right, name)
        if got is not None and expected is not None:
            message = _off(got, expected, sizes)
            if message:
                report.whole[name] = f"wrong though every layer passes on right numbers: {message}"
    reached = {r.name for r in report.layers if not r.connection}
    report.whole.update(_sums(mine, forced, [pair for pair in pairs if pair[0].name in reached]))


def _sizes(run: Run) -> dict[tuple[int, ...], float]:
    """Return the largest magnitude that any array of a shape has in a run."""
    sizes: dict[tuple[int, ...], float] = {}
    for node in run.nodes:
        for array in (node.x, node.output, node.grad_output, node.grad_input):
            if array is not None:
                largest = float(np.max(np.abs(array), initial=0.0))
                sizes[array.shape] = max(sizes.get(array.shape, 0.0), largest)
    return sizes


def _off(got: Array, expected: Array, sizes: Mapping[tuple[int, ...], float]) -> str:
    """Return what is wrong with an array that a connection made of right ones."""
    if np.shape(got) != expected.shape:
        return f"has shape {np.shape(got)}, expected {expected.shape}"
    largest = max(sizes.get(expected.shape, 0.0), float(np.max(np.abs(expected), initial=0.0)))
    unit = float(np.finfo(expected.dtype).eps) / 2
    bound = np.full(expected.shape, gamma(TERMS, unit) * largest)
    wide = expected.astype(np.float64)
    return distance(got, Truth(wide, bound, wide), str(expected.dtype))[0]


def _sums(mine: Side, forced: Run, pairs: Sequence[tuple[Node, Node]]) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with gradients of weights: each is the sum over a layer's calls."""
    alone: dict[str, Any] = {}
    for node, other in pairs:
        if other.grad_output is None or "Dropout" in node.kind or node.kind == "":
            continue
        try:
            found = mine.alone(node, other.x, other.grad_output)
        except Exception:
            # What the layer alone cannot do is told there.
            continue
        for name in mine.parameters(node):
            grad = found.get(f"grad_{name}")
            key = f"{node.name}.{name}"
            if grad is not None:
                alone[key] = alone.get(key, 0) + grad
    sizes: dict[tuple[int, ...], float] = {}
    for name, total in alone.items():
        got = (forced.grads or {}).get(name)
        if forced.error:
            continue
        message = "there is none" if got is None else _off(got, total, sizes)
        if message:
            yield f"grad of {name}", f"is not the sum over the calls of its layer: {message}"


def _guilty(report: NetworkReport) -> None:
    """Mark what to mend first."""
    forward = [r for r in report.layers if "output" in r.wrong or "input" in r.connection]
    backward = [r for r in reversed(report.layers) if not r.ok]
    report.first = next(iter([*forward, *backward]), None)
