"""Mistakes of the losses with a margin, of embeddings and of several labels."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from reference_tests.case import Case, Spec
from reference_tests.faults.fault import Fault, Hyper, Inputs, Shapes
from reference_tests.faults.loss import always
from reference_tests.faults.table import Changes, Given, listed
from reference_tests.operation import grad_name
from reference_tests.operations import CATALOGUE
from reference_tests.operations.reduction import reduced

Array = Any

_SIGNED = ("margin_ranking_loss", "hinge_embedding_loss", "cosine_embedding_loss")
_CLASSES = ("multi_margin_loss", "multilabel_margin_loss", "multilabel_soft_margin_loss")
_MULTI, _TRIPLET = _CLASSES[:1], ("triplet_margin_loss",)
_WITH_MARGIN = (*_SIGNED, *_MULTI, *_TRIPLET)
_ALL = (*_SIGNED, *_CLASSES, *_TRIPLET)
_WEIGHTED = ("multi_margin_loss", "multilabel_soft_margin_loss")

_Values = Mapping[str, Mapping[str, Any]]
# Two losses that differ, above 0 by less than a margin of 1.
_OPEN: _Values = {
    "margin_ranking_loss": {"input1": [0.5, 0.5], "input2": [0.25, 0.75], "target": [1.0, -1.0]},
    "hinge_embedding_loss": {"x": [0.5, 0.25], "target": [-1.0, -1.0]},
    "cosine_embedding_loss": {
        "input1": [[1.0, 0.0], [1.0, 0.0]],
        "input2": [[0.6, 0.8], [0.8, 0.6]],
        "target": [1.0, 1.0],
    },
    "multi_margin_loss": {"x": [[1.0, 0.5], [0.25, 1.0]], "target": [0, 1]},
    "multilabel_margin_loss": {"x": [[1.0, 0.5], [0.25, 1.0]], "target": [[0, -1], [1, -1]]},
    "multilabel_soft_margin_loss": {
        "x": [[0.5, -0.5], [1.0, 2.0]],
        "target": [[1.0, 0.0], [0.0, 1.0]],
    },
    "triplet_margin_loss": {
        "anchor": [[0.0, 0.0], [0.0, 0.0]],
        "positive": [[1.0, 0.0], [0.0, 2.0]],
        "negative": [[1.5, 0.0], [0.0, -2.25]],
    },
}
# One loss of 0, with no gradient, whatever the margin up to 1.
_MET: _Values = {
    "margin_ranking_loss": {"input1": [9.0], "input2": [0.0], "target": [1.0]},
    "hinge_embedding_loss": {"x": [9.0], "target": [-1.0]},
    "cosine_embedding_loss": {"input1": [[1.0, 0.0]], "input2": [[-1.0, 0.0]], "target": [-1.0]},
    "multi_margin_loss": {"x": [[9.0, 0.0]], "target": [0]},
    "multilabel_margin_loss": {"x": [[9.0, 0.0]], "target": [[0, -1]]},
    "multilabel_soft_margin_loss": {"x": [[1000.0, -1000.0]], "target": [[1.0, 0.0]]},
    "triplet_margin_loss": {"anchor": [[0.0]], "positive": [[1.0]], "negative": [[9.0]]},
}
# A cosine above 0, but below a margin of 1/2.
_NARROW = {
    **_OPEN,
    "cosine_embedding_loss": {"input1": [[1.0, 0.0]], "input2": [[0.28, 0.96]], "target": [-1.0]},
}
# With these margins either target has the same loss.
_SAME: _Values = {
    "margin_ranking_loss": {"input1": [0.5], "input2": [0.5], "target": [1.0]},
    "hinge_embedding_loss": {"x": [0.5], "target": [1.0]},
    "cosine_embedding_loss": {"input1": [[1.0, 0.0]], "input2": [[0.6, 0.8]], "target": [1.0]},
}
_MARGINS = {"cosine_embedding_loss": 0.5}


def _case(values: _Values, **more: Any) -> Given:
    """Return what makes a case of these values, of which the labels are integers."""

    def case(operation: str) -> Case:
        record = CATALOGUE[operation]
        arrays = {name: np.asarray(array) for name, array in values[operation].items()}
        if "weight" in more and "weight" in record.arrays:
            arrays["weight"] = np.asarray(more["weight"])
        specs: dict[str, Spec | None] = dict.fromkeys(record.arrays)
        for name, array in arrays.items():
            labels = array.dtype.kind == "i"
            specs[name] = Spec(array.shape, "label", 2) if labels else Spec(array.shape)
        given = {"margin": _MARGINS.get(operation, 1.0), **more}
        hyper = {name: given[name] for name in record.defaults if name in given}
        if "grad_output" in more:
            arrays["grad_output"] = np.asarray(more["grad_output"])
        return Case(specs, hyper, values=arrays)

    return case


def _number(hyper: Hyper, shapes: Shapes) -> int:
    """Return the number of losses before they are reduced."""
    target = shapes.get("target", ())
    sizes = [size for name, size in shapes.items() if name not in ("target", "weight")]
    if "p" in hyper or "margin" not in hyper:
        return math.prod(np.broadcast_shapes(*(size[:-1] for size in sizes)))
    if "input1" in shapes and len(target) < len(sizes[0]):
        sizes = [size[:-1] for size in sizes]
    return math.prod(np.broadcast_shapes(*sizes, target))


def _averages(hyper: Hyper, shapes: Shapes) -> bool:
    return hyper["reduction"] == "mean" and _number(hyper, shapes) != 1


def _sums(hyper: Hyper, shapes: Shapes) -> bool:
    return hyper["reduction"] == "sum" and _number(hyper, shapes) != 1


def _summed(inputs: Inputs) -> Inputs:
    return inputs.but(reduction="sum") if inputs.hyper["reduction"] == "mean" else inputs


def _mean_of_sum(result: Array, inputs: Inputs) -> Array:
    summed = inputs.hyper["reduction"] == "sum"
    return result / float(_number(inputs.hyper, inputs.shapes)) if summed else result


def _by_classes(result: Array, inputs: Inputs) -> Array:
    return result * float(inputs["x"].shape[-1])


def _own_counted(losses: Array, inputs: Inputs) -> Array:
    """Return the mean over all classes, that of the label among them."""
    own = inputs.hyper["margin"] ** inputs.hyper["p"] / inputs["x"].shape[-1]
    weight = inputs.arrays.get("weight")
    each = own if weight is None else own * weight[inputs["target"]]
    return _reduced(losses + each, inputs)


def _reduced(losses: Array, inputs: Inputs) -> Array:
    count = float(_number(inputs.hyper, inputs.shapes))
    return reduced(losses, inputs.hyper["reduction"], count)


def _kept_below_zero(inputs: Inputs) -> Array:
    """Return the losses without the maximum of them and 0."""
    margin, target = inputs.hyper["margin"], inputs["target"]
    if "input1" in inputs.arrays:
        return _reduced(margin - target * (inputs["input1"] - inputs["input2"]), inputs)
    alike = np.broadcast_to(target == 1, np.broadcast_shapes(target.shape, inputs["x"].shape))
    x = inputs["x"]
    # Both are right where they apply.
    return _reduced(alike * x + ~alike * (margin - x), inputs)


def _exchanged(inputs: Inputs) -> Inputs:
    return inputs.but(positive=inputs["negative"], negative=inputs["positive"])


def _has_weight(hyper: Hyper, shapes: Shapes) -> bool:
    return shapes.get("weight") is not None


_NEGATED: Changes = {"after": lambda result, inputs: -result, "shows_if": always}
_BOTH, _GRADS = (True, True), (False, True)
_ONLY = (True, False)
_FIRST = _case(_OPEN, reduction="mean")
_NO_UPSTREAM = _case(_OPEN, reduction="mean", grad_output=0.0)

# Operations, whether outputs and gradients have it, and the row of `listed`.
_TABLE: tuple[tuple[Any, ...], ...] = (
    (
        _ALL,
        _BOTH,
        "not-averaged",
        "{} is not divided by the number of losses.",
        "{} = Σ, not Σ / N",
        "one loss, or a sum",
        (_FIRST, _case(_OPEN, reduction="sum")),
        {"before": _summed, "shows_if": _averages},
    ),
    (
        _ALL,
        _ONLY,
        "sum-averaged",
        "The sum is divided by the number of losses too.",
        "y = Σ / N, not Σ",
        "a mean, or one loss",
        (_case(_OPEN, reduction="sum"), _FIRST),
        {"after": _mean_of_sum, "shows_if": _sums},
    ),
    (
        _ALL,
        _ONLY,
        "sign",
        "{} has the wrong sign.",
        "-{}",
        "a loss of 0",
        (_FIRST, _case(_MET)),
        _NEGATED,
    ),
    (
        _ALL,
        _GRADS,
        "sign",
        "{} has the wrong sign.",
        "-{}",
        "an upstream gradient of 0",
        (_FIRST, _NO_UPSTREAM),
        _NEGATED,
    ),
    (
        _ALL,
        _GRADS,
        "ignores-upstream",
        "{} takes the gradient of what follows for 1.",
        "{} of the loss alone, not times grad_output",
        "an upstream gradient of 1, as in a plain backward call",
        (_case(_OPEN, grad_output=2.0), _case(_OPEN, grad_output=1.0)),
        {
            "before": lambda i: i.but(grad_output=np.ones_like(i.grad_output)),
            "shows_if": always,
        },
    ),
    (
        _WITH_MARGIN,
        _BOTH,
        "margin-missing",
        "{} is that of a margin of 0.",
        "{} with margin = 0",
        "a margin of 0, or one that is met by more",
        (_case(_NARROW), _case(_MET)),
        {
            "before": lambda i: i.but(margin=0.0),
            "shows_if": lambda h, s: h["margin"] != 0,
        },
    ),
    (
        _SIGNED,
        _ONLY,
        "targets-exchanged",
        "{} takes targets of -1 for 1, and the other way round.",
        "{} with -target",
        "a loss that is the same for both",
        (_case(_MET), lambda name: _case(_SAME, margin=0.2 if "cos" in name else 1.0)(name)),
        {"before": lambda i: i.but(target=-i["target"]), "shows_if": always},
    ),
    (
        _SIGNED[:2],
        _ONLY,
        "kept-below-zero",
        "Losses below 0 are kept.",
        "y of margin - …, not of max(0, margin - …)",
        "margins that are not met",
        (_case(_MET), _FIRST),
        {"replace": _kept_below_zero, "shows_if": always},
    ),
    (
        _CLASSES,
        _BOTH,
        "not-averaged-over-classes",
        "{} is the sum over the classes, not the mean.",
        "{} · C",
        "one class",
        (_FIRST, _case(_MET)),
        {"after": _by_classes, "shows_if": lambda h, s: s["x"][-1] != 1},
    ),
    (
        _MULTI,
        _ONLY,
        "own-class-counted",
        "The class of the label is one of those that it is compared with.",
        "y + margin^p / C",
        "a margin of 0",
        (_FIRST, _case(_OPEN, margin=0.0)),
        {
            "before": lambda i: i.but(reduction="none"),
            "after": _own_counted,
            "shows_if": lambda h, s: h["margin"] != 0,
        },
    ),
    (
        _MULTI,
        _BOTH,
        "power-missing",
        "{} is that of p = 1.",
        "{} of Σ max(0, …), not Σ max(0, …)^p",
        "p = 1",
        (_case(_OPEN, p=2), _case(_OPEN, p=1)),
        {"before": lambda i: i.but(p=1), "shows_if": lambda h, s: h["p"] != 1},
    ),
    (
        _WEIGHTED,
        _BOTH,
        "weights-ignored",
        "{} ignores the weights.",
        "{} with weight = 1",
        "no weights, or weights of 1",
        (_case(_OPEN, weight=[2.0, 3.0]), _case(_OPEN, weight=[1.0, 1.0])),
        {"before": lambda i: i.but(weight=None), "shows_if": _has_weight},
    ),
    (
        _TRIPLET,
        _ONLY,
        "pairs-exchanged",
        "The positive is taken for the negative, and the other way round.",
        "y = max(0, margin + d(a, n) - d(a, p))",
        "both as far from the anchor",
        (
            _FIRST,
            _case({_TRIPLET[0]: {"anchor": [[0.0]], "positive": [[1.0]], "negative": [[1.0]]}}),
        ),
        {"before": _exchanged, "shows_if": always},
    ),
    (
        _TRIPLET,
        _BOTH,
        "swap-missing",
        "{} never takes the distance between the positive and the negative.",
        "{} with swap = False",
        "swap=False, or a negative nearer to the anchor",
        (
            _case(
                {_TRIPLET[0]: {"anchor": [[0.0]], "positive": [[1.0]], "negative": [[0.75]]}},
                swap=True,
            ),
            _case(_OPEN, swap=False),
        ),
        {"before": lambda i: i.but(swap=False), "shows_if": lambda h, s: h["swap"]},
    ),
    (
        _TRIPLET,
        _BOTH,
        "norm-euclidean",
        "{} is that of the Euclidean distance, whatever p is.",
        "{} with p = 2",
        "p = 2",
        (
            _case(
                {
                    _TRIPLET[0]: {
                        "anchor": [[0.0, 0.0]],
                        "positive": [[3.0, 4.0]],
                        "negative": [[5.0, 1.0]],
                    }
                },
                p=1.0,
            ),
            _case(_OPEN, p=2.0),
        ),
        {"before": lambda i: i.but(p=2.0), "shows_if": lambda h, s: h["p"] != 2},
    ),
)


def _faults(row: tuple[Any, ...]) -> list[Fault]:
    operations, (output, gradients), *rest = row
    made = listed("margin", "The loss", operations, *rest) if output else []
    if not gradients:
        return made
    able: dict[str, list[str]] = {}
    for operation in operations:
        for array in CATALOGUE[operation].differentiable:
            able.setdefault(grad_name(array), []).append(operation)
    # The target is data: its gradient is judged, but has no entries of its own.
    able.pop("grad_target", None)
    for name, names in able.items():
        mine = (tuple(names), *rest, (name,))
        made += listed("margin", "The loss", *mine)
    return made


FAULTS: list[Fault] = [fault for row in _TABLE for fault in _faults(row)]
