"""The records of the losses of classification."""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_tests.case import Case, Spec
from reference_tests.draw import Draw
from reference_tests.operation import Invalid, Operation
from reference_tests.operations.activation import log_softmax
from reference_tests.operations.reduction import reduced
from reference_tests.strategies import finished, reduction
from reference_tests.tolerance import Bounded, plain, where


def _class_axis(x: Any) -> int:
    return 1 if x.ndim > 1 else 0


def weighted_likelihood(
    x: Any,
    target: Any,
    weight: Any,
    ignore_index: int,
    reduction: str,
    smoothing: float,
) -> Any:
    """Return ``-Σ share · x`` over the classes, reduced, with its pullbacks."""
    axis = _class_axis(x)
    classes = x.shape[axis]
    wide = [1] * x.ndim
    wide[axis] = classes
    ones: Any = np.ones(wide)
    if isinstance(x, Bounded):
        ones = Bounded(x._lift(ones).value, np.zeros(wide), x.format)
    factor = ones if weight is None else ones * weight.reshape(*wide)
    soft = np.issubdtype(plain(target).dtype, np.floating)
    if soft:
        certain, kept = target, np.ones(x.shape, bool)
    else:
        kept = np.broadcast_to(np.expand_dims(target != ignore_index, axis), x.shape)
        one_hot = np.expand_dims(target, axis) == np.arange(classes).reshape(wide)
        certain = ones * one_hot.astype(float)
    mixed = certain if not smoothing else certain * (1 - smoothing) + smoothing / classes
    share = where(kept, factor * mixed, 0.0)
    # A class without a share adds nothing, even where its log-probability is -inf.
    used = np.ones(x.shape, bool) if soft else plain(share) != 0
    losses = -where(used, share * x, 0.0).sum(axis)
    if soft:
        count: Any = float(losses.size)
    else:
        count = where(kept, factor * certain, 0.0).sum()
    y = reduced(losses, reduction, count)

    def scaled(g: Any) -> Any:
        scale = g / count if reduction == "mean" else g
        shape = list(x.shape)
        shape[axis] = 1
        return scale.reshape(*shape) if scale.ndim else scale

    def to_x(g: Any) -> Any:
        # What is ignored has the gradient 0, even where the mean of nothing is NaN.
        return where(kept, -scaled(g) * share, 0.0)

    def to_target(g: Any) -> Any:
        return -scaled(g) * (factor * (1 - smoothing) * x) if soft else None

    return y, to_x, to_target


def nll_loss(
    x: Any,
    target: Any,
    weight: Any = None,
    *,
    ignore_index: int = -100,
    reduction: str = "mean",
) -> Any:
    """Return ``-weight[target] · x[target]``; the mean divides by the sum of the weights used."""
    y, to_x, _ = weighted_likelihood(x, target, weight, ignore_index, reduction, 0.0)
    return y, lambda g: (to_x(g), None, None)


def cross_entropy(
    x: Any,
    target: Any,
    weight: Any = None,
    *,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Any:
    """Return the likelihood loss of ``log_softmax(x)`` with smoothed targets."""
    log_probabilities, to_logits = log_softmax(x, dim=_class_axis(x))
    y, to_x, to_target = weighted_likelihood(
        log_probabilities, target, weight, ignore_index, reduction, label_smoothing
    )
    return y, lambda g: (to_logits(to_x(g))[0], to_target(g), None)


def _strategy(draw: Draw, soft: bool, families: tuple[str, ...]) -> Case:
    classes = draw.size(2, 5)
    lead = draw.choice(((3,), (2,), (2, 3), (2, 3, 2), (1,), (), (3,), (2, 3), (0,)))
    sizes = (lead[0], classes, *lead[1:]) if lead else (classes,)
    probable = soft and draw.parameter("target", lambda: draw.chance(1, 3))
    ignore = draw.parameter("ignore_index", lambda: draw.choice((-100, -100, 1, -1)))
    if probable:
        ignore = -100
        target = Spec(sizes, "probability")
    else:
        # Whoever knows the default alone is not asked to ignore anything.
        known = "ignore_index" not in draw.limits
        target = Spec(lead, "label", classes, ignore if known else None)
    weighted = "weight" not in draw.limits and draw.chance(1, 2)
    hyper: dict[str, Any] = {"ignore_index": ignore, "reduction": reduction(draw)}
    if soft:
        hyper["label_smoothing"] = draw.parameter(
            "label_smoothing", lambda: draw.choice((0.0, 0.0, 0.1, 0.5))
        )
    weight = Spec((classes,), "positive") if weighted else None
    return finished(draw, {"x": Spec(sizes), "target": target, "weight": weight}, hyper, families)


def _cross_entropy_strategy(draw: Draw) -> Case:
    return _strategy(draw, True, ("zero-mean", "large", "ties", "wide"))


def _nll_strategy(draw: Draw) -> Case:
    return _strategy(draw, False, ("negative", "zero-mean", "large", "wide"))


_LABELS, _X = np.array([0, 2]), np.zeros((2, 3))
_INVALID = (
    Invalid("a label of 3 with 3 classes", (_X, np.array([0, 3]))),
    Invalid("a negative label", (_X, np.array([0, -1]))),
    Invalid("3 labels for 2 samples", (_X, np.array([0, 1, 2]))),
    Invalid("4 weights for 3 classes", (_X, _LABELS, np.ones(4))),
    Invalid("an unknown reduction", (_X, _LABELS), {"reduction": "max"}),
    Invalid("an array of objects", (_X.astype(object), _LABELS)),
)


def _pinned(**more: Any) -> tuple[Case, ...]:
    logits, labels = Spec((5, 4)), Spec((5,), "label", 4)
    weight = Spec((4,), "positive")
    arrays: dict[str, Spec | None] = {"x": logits, "target": labels, "weight": None}
    base = {"ignore_index": -100, "reduction": "mean", **more}
    spatial: dict[str, Spec | None] = {
        "x": Spec((2, 4, 3)),
        "target": Spec((2, 3), "label", 4, 1),
        "weight": weight,
    }
    return (
        Case(arrays, base, 1),
        Case({**arrays, "weight": weight}, base, 2),
        Case(arrays, {**base, "reduction": "none"}, 3),
        Case(spatial, {**base, "ignore_index": 1}, 4),
        Case(arrays, base, 5, "large"),
    )


OPERATIONS = (
    Operation(
        name="nll_loss",
        arrays=("x", "target", "weight"),
        defaults={"ignore_index": -100, "reduction": "mean"},
        strategy=_nll_strategy,
        definition=nll_loss,
        differentiable=("x",),
        optional=("weight",),
        conventions="The mean divides by the sum of the weights of the targets that are not "
        "ignored, and is NaN where none is left; the gradient of what is ignored is 0 even then.",
        pinned=_pinned(),
        invalid=_INVALID,
    ),
    Operation(
        name="cross_entropy",
        arrays=("x", "target", "weight"),
        defaults={"ignore_index": -100, "reduction": "mean", "label_smoothing": 0.0},
        strategy=_cross_entropy_strategy,
        definition=cross_entropy,
        differentiable=("x", "target"),
        optional=("weight",),
        conventions="For classes the mean divides by the sum of the weights of the targets that "
        "are not ignored, for probabilities by their number. What is ignored has the gradient 0, "
        "even where the mean is NaN. Label smoothing mixes with 1/C. Probabilities as target have "
        "a gradient, weights have none.",
        pinned=(
            *_pinned(label_smoothing=0.0),
            Case(
                {"x": Spec((3, 4)), "target": Spec((3, 4), "probability"), "weight": None},
                {"ignore_index": -100, "reduction": "sum", "label_smoothing": 0.1},
                6,
            ),
        ),
        invalid=(
            *_INVALID,
            Invalid("a smoothing above 1", (_X, _LABELS), {"label_smoothing": 1.5}),
            Invalid("probabilities of 2 classes for 3", (_X, np.zeros((2, 2)))),
        ),
    ),
)
