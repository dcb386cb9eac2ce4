"""One case: the arrays and hyperparameters of a call, and how to fill the arrays."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

Array = NDArray[Any]

FAMILIES = (
    "zero-mean",
    "non-negative",
    "negative",
    "wide",
    "ties",
    "large",
    "zeros",
    "subnormal",
    "nan",
    "infinite",
    "offset",
    "constant",
    "kinks",
)
LAYOUTS = ("C", "Fortran", "reversed", "read-only", "transposed")


@dataclass(frozen=True)
class Spec:
    """How one array of a case looks.

    Parameters
    ----------
    shape : tuple of int
    kind : {"real", "positive", "probability", "label"}
        `positive` is above 0; `label` is an integer class, one in eight of them `ignore`.
    classes : int
        How many classes a label has.
    ignore : int, optional
        The label that is ignored.
    distinct : int
        Over how many of the last axes no label occurs twice.
    kinks : tuple of float
        The numbers that the family "kinks" has among others.
    """

    shape: tuple[int, ...]
    kind: str = "real"
    classes: int = 0
    ignore: int | None = None
    distinct: int = 0
    kinks: tuple[float, ...] = ()


@dataclass(frozen=True)
class Case:
    """One case of an operation.

    Parameters
    ----------
    arrays : mapping of names to Spec, or None for an optional array that is left out
    hyper : mapping
        All hyperparameters; the call gets those that differ from their default.
    seed : int
        Fills the arrays.
    family : str
        One of `FAMILIES`: what kind of numbers the first array of kind "real" has.
    layout : str
        One of `LAYOUTS`: how all arrays lie in memory.
    sparse : bool
        Whether the cotangent is 0 but for one element, which shows where a gradient goes.
    made : tuple of int
        The choices that made the case, for shrinking.
    values : mapping
        Arrays that are given literally instead of filled; ``grad_output`` is the cotangent.
    """

    arrays: Mapping[str, Spec | None]
    hyper: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0
    family: str = "zero-mean"
    layout: str = "C"
    sparse: bool = False
    made: tuple[int, ...] = ()
    values: Mapping[str, Array] = field(default_factory=dict)

    def fill(self, dtype: DTypeLike) -> dict[str, Array | None]:
        """Return the arrays for a check of numerics, in `dtype`."""
        first = next((n for n, s in self.arrays.items() if s and s.kind == "real"), None)
        result: dict[str, Array | None] = {}
        for place, (name, spec) in enumerate(self.arrays.items()):
            if spec is None:
                result[name] = None
                continue
            rng = np.random.default_rng([self.seed, place])
            if name in self.values:
                array = self.values[name]
            elif spec.kind == "label":
                array = labels(spec, rng)
            else:
                family = self.family if name == first else "zero-mean"
                array = real(spec, rng, family, dtype)
            floating = np.issubdtype(array.dtype, np.floating)
            result[name] = array.astype(dtype) if floating else array
        return result

    def fill_integers(self, dtype: DTypeLike, scale: int) -> dict[str, Array | None]:
        """Return small multiples of `scale`, on which sums of products are exact."""
        result: dict[str, Array | None] = {}
        for place, (name, spec) in enumerate(self.arrays.items()):
            if spec is None:
                result[name] = None
                continue
            rng = np.random.default_rng([self.seed, place, 1])
            if name in self.values:
                given = self.values[name]
                floating = np.issubdtype(given.dtype, np.floating)
                result[name] = (scale * np.rint(given)).astype(dtype) if floating else given
            elif spec.kind == "label":
                result[name] = labels(spec, rng)
            else:
                result[name] = (scale * rng.integers(-8, 9, spec.shape)).astype(dtype)
        return result

    def cotangent(self, shape: tuple[int, ...], dtype: DTypeLike, scale: int = 0) -> Array:
        """Return a random cotangent: multiples of `scale`, or normal where that is 0."""
        rng = np.random.default_rng([self.seed, 99, scale])
        if "grad_output" in self.values:
            given = np.broadcast_to(self.values["grad_output"], shape)
            return np.array(scale * given if scale else given, dtype)
        if scale:
            # No zeros: a cotangent of 0 hides whatever is multiplied by it.
            values = scale * rng.choice([-3, -2, -1, 1, 2, 3], shape)
        else:
            values = rng.standard_normal(shape)
        if self.sparse and np.size(values):
            kept = np.unravel_index(rng.integers(np.size(values)), shape)
            only = np.zeros(shape)
            only[kept] = np.asarray(values)[kept]
            values = only
        return np.asarray(values, dtype)


def labels(spec: Spec, rng: np.random.Generator) -> Array:
    """Return random classes."""
    if spec.distinct:
        lead, each = spec.shape[: -spec.distinct], spec.shape[-spec.distinct :]
        every = np.tile(np.arange(spec.classes), (math.prod(lead), 1))
        return rng.permuted(every, axis=1)[:, : math.prod(each)].reshape(spec.shape)
    array = rng.integers(0, spec.classes, spec.shape)
    if spec.ignore is not None:
        array = np.where(rng.random(spec.shape) < 1 / 8, spec.ignore, array)
    return np.asarray(array, np.int64)


def real(spec: Spec, rng: np.random.Generator, family: str, dtype: DTypeLike) -> Array:
    """Return random numbers of one family."""
    if spec.kind == "probability":
        values = rng.random(spec.shape)
        edges = rng.random(spec.shape)
        return np.where(edges < 0.1, 0.0, np.where(edges > 0.9, 1.0, values))
    normal = rng.standard_normal(spec.shape)
    if spec.kind == "positive":
        return np.abs(normal) + 0.25
    if family == "kinks":
        return _sprinkled(*(spec.kinks or (0.0,)))(normal, rng, np.finfo(dtype))
    return np.asarray(_FAMILIES[family](normal, rng, np.finfo(dtype)), np.float64)


def _sprinkled(*specials: float) -> Callable[..., Array]:
    def fill(normal: Array, rng: np.random.Generator, limits: Any) -> Array:
        chosen = rng.choice(specials, normal.shape)
        return np.where(rng.random(normal.shape) < 0.2, chosen, normal)

    return fill


_FAMILIES: dict[str, Callable[..., Array]] = {
    "zero-mean": lambda normal, rng, limits: normal,
    "non-negative": lambda normal, rng, limits: np.maximum(normal, 0),
    "negative": lambda normal, rng, limits: -np.abs(normal) - 0.5,
    "wide": lambda normal, rng, limits: normal * 10.0 ** rng.integers(-6, 7, normal.shape),
    "ties": lambda normal, rng, limits: np.asarray(np.round(normal)),
    "large": lambda normal, rng, limits: normal * 1e4,
    "zeros": _sprinkled(0.0, -0.0),
    "subnormal": lambda normal, rng, limits: normal * float(limits.tiny) / 4,
    "nan": _sprinkled(np.nan),
    "infinite": _sprinkled(np.inf, -np.inf),
    "offset": lambda normal, rng, limits: normal + 1e4,
    "constant": lambda normal, rng, limits: np.full(normal.shape, rng.standard_normal()),
}


def laid_out(array: Array, layout: str) -> Array:
    """Return a copy of `array` that lies in memory as `layout` says."""
    if array.ndim == 0:
        return array.copy()
    if layout == "Fortran":
        return np.array(array, order="F")
    if layout == "reversed":
        return np.flip(np.flip(array).copy())
    if layout == "transposed":
        return array.T.copy().T
    copy = array.copy()
    copy.flags.writeable = layout != "read-only"
    return copy


def allowed(case: Case, limits: Mapping[str, Any]) -> bool:
    """Return whether a case has no other values of parameters than the limits.

    Whoever knows the default `ignore_index` alone is not asked to ignore anything.
    """
    for name, limit in limits.items():
        if name in case.arrays:
            if case.arrays[name] is not None:
                return False
        elif name in case.hyper and not same(case.hyper[name], limit):
            return False
        if name == "ignore_index" and any(s and s.ignore is not None for s in case.arrays.values()):
            return False
    return True


def same(value: Any, limit: Any) -> bool:
    """Return whether a parameter has the value of a limit, along every axis."""
    each = isinstance(value, tuple) and all(one == limit for one in value)
    return bool(value == limit or each)
