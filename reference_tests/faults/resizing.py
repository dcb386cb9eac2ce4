"""Mistakes of resizing: where a new position lies in the old image, and the weights around it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from reference_tests.faults.fault import Array, Fault, Hyper, Inputs, afresh
from reference_tests.faults.table import Changes, both, drawn, gradients, listed_apart
from reference_tests.operations.resize import SELECTING, resized

_RESIZING = ("interpolate",)

# Takes the distances of positions, and returns their weights.
_Kernel = Callable[[Array], Array]
_Kernels = Callable[[str], _Kernel]


def _hat(distance: Array) -> Array:
    return np.asarray(np.maximum(1 - np.abs(distance), 0))


def _keys(a: float) -> _Kernel:
    """Return Keys' cubic kernel of a parameter."""

    def kernel(distance: Array) -> Array:
        d = np.abs(distance)
        near = (a + 2) * d**3 - (a + 3) * d**2 + 1
        far = a * (d**3 - 5 * d**2 + 8 * d - 4)
        return np.where(d < 1, near, np.where(d < 2, far, 0.0))

    return kernel


def _usual(mode: str) -> _Kernel:
    return _keys(-0.75) if mode == "bicubic" else _hat


def _matrices(inputs: Inputs, kernels: _Kernels, start: float) -> list[Array]:
    """Return the weights (new, old) of each axis; new positions begin at `start` in a pixel."""
    hyper, x = inputs.hyper, inputs["x"]
    options = (hyper[name] for name in ("mode", "size", "scale_factor", "recompute_scale_factor"))
    found = []
    for size, output, factor in resized(x, *options):
        new = np.arange(output)[:, None] + 0.0
        step = size / output if factor is None else 1 / factor
        place = step * (new + start) - start
        if hyper["align_corners"]:
            place = (size - 1) / max(output - 1, 1) * new
        elif size == output and hyper["mode"] != "bicubic":
            place = new
        # Beyond the border lies the outermost value.
        seen = np.arange(-3, size + 3)
        weights = np.zeros((output, size))
        np.add.at(weights.T, np.clip(seen, 0, size - 1), kernels(hyper["mode"])(place - seen).T)
        found.append(weights)
    return found


def _through(array: Array, matrices: list[Array]) -> Array:
    """Return the product of each axis behind the channels with a matrix (new, old)."""
    for axis, matrix in enumerate(matrices, 2):
        array = np.moveaxis(np.tensordot(array, matrix, (axis, 1)), -1, axis)
    return array


def _weighted(
    kernels: _Kernels, start: float, applies: Callable[[Hyper], bool]
) -> dict[str, Changes]:
    """Return the mistakes that have other weights."""

    def values(inputs: Inputs) -> Array:
        return _through(inputs["x"].astype(float), _matrices(inputs, kernels, start))

    def slopes(inputs: Inputs) -> Array:
        matrices = [matrix.T for matrix in _matrices(inputs, kernels, start)]
        return _through(inputs.grad_output.astype(float), matrices)

    def mistake(output: str, computed: Callable[[Inputs], Array]) -> Changes:
        other = afresh(output, computed)
        return {
            "after": lambda y, inputs: other(y, inputs) if applies(inputs.hyper) else y,
            "shows_if": lambda h, s: applies(h),
        }

    return {name: mistake(name, f) for name, f in (("output", values), ("grad_input", slopes))}


def _option(applies: Callable[[Hyper], bool], **options: Any) -> dict[str, Changes]:
    """Return the mistakes that take other options where some are given."""
    mistake: Changes = {
        "before": lambda i: i.but(**options) if applies(i.hyper) else i,
        "shows_if": lambda h, s: applies(h),
    }
    return both(mistake)


def _weighs(hyper: Hyper) -> bool:
    return hyper["mode"] not in SELECTING


_LINE = {"x": (1, 1, 2), "size": 4, "mode": "linear"}
_ROW = {"x": (1, 1, 1, 3), "size": (1, 2), "mode": "bilinear"}
_NEAR = {"x": (1, 1, 2), "size": 3, "mode": "nearest"}
_FACTOR = {"x": (1, 1, 3), "scale_factor": 1.5, "mode": "linear"}

# The row of `listed` from the name up to the cases, and the mistakes of both outputs.
_TABLE: tuple[tuple[Any, ...], ...] = (
    (
        "corners-aligned",
        "{} has the corners aligned, whatever is asked.",
        "{} with step = (H - 1) / (OH - 1), not H / OH",
        "align_corners=True, or a mode without weights",
        (drawn(**_LINE), drawn(**_LINE, align_corners=True)),
        _option(lambda h: _weighs(h) and not h["align_corners"], align_corners=True),
    ),
    (
        "corners-not-aligned",
        "{} never has the corners aligned.",
        "{} with step = H / OH, not (H - 1) / (OH - 1)",
        "align_corners=False",
        (drawn(**_LINE, align_corners=True), drawn(**_LINE)),
        _option(lambda h: bool(h["align_corners"]), align_corners=False),
    ),
    (
        "half-pixel-missing",
        "{} takes the corners of pixels for their centres.",
        "{} at step · i, not at step · (i + 1/2) - 1/2",
        "aligned corners, antialias, or a mode without weights",
        (drawn(**_LINE), drawn(**_LINE, align_corners=True)),
        _weighted(
            _usual,
            0.0,
            lambda h: _weighs(h) and not h["align_corners"] and not h["antialias"],
        ),
    ),
    (
        "cubic-of-a-half",
        "{} is that of Keys' kernel with a = -1/2.",
        "{} with a = -1/2, not -3/4",
        "another mode, or antialias",
        (
            drawn(x=(1, 1, 1, 2), size=(1, 3), mode="bicubic"),
            drawn(x=(1, 1, 1, 2), size=(1, 3), mode="bilinear"),
        ),
        _weighted(
            lambda mode: _keys(-0.5),
            0.5,
            lambda h: h["mode"] == "bicubic" and not h["antialias"],
        ),
    ),
    (
        "nearest-of-the-centre",
        "{} of 'nearest' is that of 'nearest-exact'.",
        "{} at floor(step · (i + 1/2)), not at floor(step · i)",
        "another mode",
        (drawn(**_NEAR), drawn(**_LINE)),
        _option(lambda h: h["mode"] == "nearest", mode="nearest-exact"),
    ),
    (
        "nearest-exact-of-the-corner",
        "{} of 'nearest-exact' is that of 'nearest'.",
        "{} at floor(step · i), not at floor(step · (i + 1/2))",
        "another mode",
        (drawn(**{**_NEAR, "mode": "nearest-exact"}), drawn(**_NEAR)),
        _option(lambda h: h["mode"] == "nearest-exact", mode="nearest"),
    ),
    (
        "factor-recomputed",
        "{} computes positions from the sizes, not from the factor that is given.",
        "{} with step = H / OH, not 1 / scale_factor",
        "a factor that gives whole sizes, recompute_scale_factor=True, or a size",
        (drawn(**_FACTOR), drawn(**_LINE)),
        _option(
            lambda h: h["scale_factor"] is not None and not h["recompute_scale_factor"],
            recompute_scale_factor=True,
        ),
    ),
    (
        "factor-kept",
        "{} computes positions from the factor, though it is to be recomputed.",
        "{} with step = 1 / scale_factor, not H / OH",
        "a factor that gives whole sizes, or recompute_scale_factor=False",
        (drawn(**_FACTOR, recompute_scale_factor=True), drawn(**_FACTOR)),
        _option(lambda h: bool(h["recompute_scale_factor"]), recompute_scale_factor=False),
    ),
    (
        "antialias-missing",
        "{} has weights as wide as the old pixels where the image shrinks.",
        "{} with antialias = False",
        "antialias=False",
        (drawn(**_ROW, antialias=True), drawn(**_ROW)),
        _option(lambda h: h["antialias"], antialias=False),
    ),
)

FAULTS: list[Fault] = [
    *(fault for row in _TABLE for fault in listed_apart(("resize", "The output", _RESIZING, *row))),
    *gradients("resize", _RESIZING, drawn(**_LINE)),
]
