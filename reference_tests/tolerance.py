"""Error bounds that are run, not written: arithmetic on pairs of a value and its error.

The exact definition of an operation, evaluated on `Bounded` arrays, yields the true result and,
element by element, how far any evaluation of that definition in floating point may lie from it
(running error analysis: N. Higham, *Accuracy and Stability of Numerical Algorithms*, 2nd ed.,
SIAM 2002, chapter 3). For a sum of n products the bound is γ_n |x|·|w|, by construction.

The functions of this module also take plain arrays, so that one definition serves as a naive
implementation too.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import cached_property
from typing import Any, NamedTuple

import gmpy2
import numpy as np
from numpy.typing import DTypeLike, NDArray

from reference_tests.precise import PRECISION, apply, floats, precise

Array = NDArray[Any]

# A library function may err by 4 ulp, which is at most 8 unit roundoffs of the result. That is
# what the vector libraries behind NumPy and PyTorch promise at worst: Intel's SVML in the variant
# that NumPy ships 4 ulp, SLEEF 1.0 (the functions ending in _u10) or 3.5 (_u35).
LIBRARY = 8


class Format(NamedTuple):
    """A floating-point format: its unit roundoff and its smallest normal number."""

    name: str
    unit: float
    tiny: float


FORMATS = {
    name: Format(name, float(np.finfo(name).eps) / 2, float(np.finfo(name).tiny))
    for name in ("float32", "float64")
}


def gamma(n: int, unit: float) -> float:
    """Return γ_n = n·u / (1 − n·u), the bound of n roundings in a row."""
    return n * unit / (1 - n * unit)


class Bounded:
    """An array of true values, each with a bound on the error of a floating-point evaluation.

    Parameters
    ----------
    value : ndarray of float64, or of precise numbers for the truth of float64
    error : ndarray of float64, same shape
        At least 0; it is 0 where `value` is not finite, since that is not a question of degree.
    format : Format
        Of the evaluation that is bounded.
    """

    __array_ufunc__ = None

    def __init__(self, value: Array, error: NDArray[np.float64], format: Format) -> None:
        self.value = np.asarray(value)
        self.format = format
        self.nearest = floats(self.value)
        sizes = np.broadcast_to(error, self.value.shape)
        finite = np.isfinite(self.nearest)
        self.error = np.asarray(sizes) if finite.all() else np.where(finite, sizes, 0.0)

    @classmethod
    def exact(cls, array: Array, dtype: DTypeLike) -> Bounded:
        """Return `array`, which is free of error, for an evaluation in `dtype`."""
        format = FORMATS[np.dtype(dtype).name]
        value = np.asarray(array, np.float64)
        if format.name == "float64":
            value = precise(value)
        return cls(value, np.zeros(value.shape), format)

    @cached_property
    def magnitude(self) -> NDArray[np.float64]:
        """The absolute values, as float64."""
        return np.abs(self.nearest)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the array."""
        return self.value.shape

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return self.value.ndim

    @property
    def size(self) -> int:
        """The number of elements."""
        return self.value.size

    def moved(self, move: Callable[[Array], Array]) -> Bounded:
        """Return the same numbers in other places; that rounds nothing."""
        # What the constructor computes moves along, since windows repeat each number often.
        moved = object.__new__(Bounded)
        moved.format = self.format
        moved.value = np.asarray(move(self.value))
        moved.nearest = moved.value if self.nearest is self.value else move(self.nearest)
        moved.error = move(self.error) if self.error.any() else np.zeros(moved.value.shape)
        return moved

    def __getitem__(self, index: Any) -> Bounded:
        return self.moved(lambda array: array[index])

    def reshape(self, *shape: int) -> Bounded:
        """Return the numbers in another shape."""
        return self.moved(lambda array: array.reshape(*shape))

    def _rounded(self, value: Array, error: Array, roundings: float = 1) -> Bounded:
        """Return a result: what its operands' errors do to it, its own roundings and underflow."""
        # What is rounded is the computed result, which may be larger than the true one.
        size = np.abs(floats(value)) + error
        return Bounded(
            value, error + roundings * self.format.unit * size + self.format.tiny, self.format
        )

    def _lift(self, other: Any) -> Bounded:
        """Return `other` as an operand: a constant is rounded to the format once."""
        if isinstance(other, Bounded):
            if other.format == self.format:
                return other
            rounding = self.format.unit * other.magnitude
            value = other.value if self.value.dtype == object else floats(other.value)
            return Bounded(value, other.error + rounding, self.format)
        array = np.asarray(other, np.float64)
        rounding = np.abs(array.astype(self.format.name).astype(np.float64) - array)
        value = precise(array) if self.value.dtype == object else array
        return Bounded(value, rounding, self.format)

    def __neg__(self) -> Bounded:
        return Bounded(-self.value, self.error, self.format)

    def __abs__(self) -> Bounded:
        return Bounded(np.abs(self.value), self.error, self.format)

    def __add__(self, other: Any) -> Bounded:
        b = self._lift(other)
        with np.errstate(all="ignore"):
            return self._rounded(self.value + b.value, self.error + b.error)

    __radd__ = __add__

    def __sub__(self, other: Any) -> Bounded:
        return self + (-self._lift(other))

    def __rsub__(self, other: Any) -> Bounded:
        return self._lift(other) + (-self)

    def __mul__(self, other: Any) -> Bounded:
        b = self._lift(other)
        with np.errstate(all="ignore"):
            error = self.error * b.magnitude + b.error * self.magnitude + self.error * b.error
            return self._rounded(self.value * b.value, _defined(error))

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Bounded:
        b = self._lift(other)
        value = apply("divide", self.value, b.value)
        with np.errstate(all="ignore"):
            spread = self.error + np.abs(floats(value)) * b.error
            room = b.magnitude - b.error
            error = np.where(room > 0, spread / room, np.where(spread > 0, np.inf, 0))
            return self._rounded(value, _defined(error))

    def __rtruediv__(self, other: Any) -> Bounded:
        return self._lift(other) / self

    def sum(self, axis: Any = None, keepdims: bool = False) -> Bounded:
        """Return sums over some axes, in whatever order they are evaluated."""
        with np.errstate(all="ignore"):
            value = np.asarray(self.value.sum(axis=axis, keepdims=keepdims))
            if self.value.dtype == object:
                # A sum of nothing, and an element that is no array, must stay what they are.
                value = np.asarray(value, object) if self.size else precise(np.zeros(value.shape))
            n = self.size // max(value.size, 1)
            growth = gamma(max(n - 1, 0), self.format.unit) * (self.magnitude + self.error)
            error = (self.error + growth).sum(axis=axis, keepdims=keepdims)
            return Bounded(value, _defined(error) + self.format.tiny, self.format)


def _defined(error: Array) -> Array:
    """Return `error` with nothing promised where it is NaN, 0 times infinity."""
    return np.where(np.isnan(error), np.inf, error)


def _function(name: str, x: Any, spread: Callable[[Array, Array, Array], Array]) -> Any:
    """Return a library function of `x`; `spread` is what the error of its argument becomes."""
    if not isinstance(x, Bounded):
        with np.errstate(all="ignore"):
            return getattr(np, name)(x)
    value = apply(name, x.value)
    with np.errstate(all="ignore"):
        error = _defined(spread(floats(x.value), x.error, np.abs(floats(value))))
    return x._rounded(value, error, 1 if name == "sqrt" else LIBRARY)


def exp(x: Any) -> Any:
    """Return e to the power of `x`."""
    return _function("exp", x, lambda v, e, r: r * np.expm1(e))


def expm1(x: Any) -> Any:
    """Return e to the power of `x`, minus 1."""
    return _function("expm1", x, lambda v, e, r: np.exp(v) * np.expm1(e))


def log(x: Any) -> Any:
    """Return the natural logarithm of `x`."""
    return _function("log", x, lambda v, e, r: -np.log1p(-np.minimum(e / v, 1)))


def log1p(x: Any) -> Any:
    """Return the natural logarithm of ``1 + x``."""
    return _function("log1p", x, lambda v, e, r: -np.log1p(-np.minimum(e / (1 + v), 1)))


def tanh(x: Any) -> Any:
    """Return the hyperbolic tangent of `x`."""
    # The slope is largest where |x| is smallest.
    return _function(
        "tanh", x, lambda v, e, r: e * (1 - np.tanh(np.maximum(np.abs(v) - e, 0)) ** 2)
    )


def erf(x: Any) -> Any:
    """Return the error function of `x`."""
    if not isinstance(x, Bounded):
        return apply("erf", np.asarray(x))
    steepest = 2 / math.sqrt(math.pi)
    return _function(
        "erf", x, lambda v, e, r: steepest * e * np.exp(-(np.maximum(np.abs(v) - e, 0) ** 2))
    )


def power(x: Any, exponent: float | Fraction) -> Any:
    """Return `x`, which is not negative, to the power of a constant, rounded to the format once."""
    number = float(exponent)
    if not isinstance(x, Bounded):
        with np.errstate(all="ignore"):
            return np.power(x, number)
    exact, given = Fraction(exponent), np.asarray(number)
    if x.value.dtype == object:
        given = apply(
            "divide", *(precise(np.asarray(float(part))) for part in exact.as_integer_ratio())
        )
    value = apply("power", x.value, given)
    rounding = abs(Fraction(float(np.dtype(x.format.name).type(number))) - exact)
    with np.errstate(all="ignore"):
        low, high = np.maximum(x.nearest - x.error, 0), x.nearest + x.error
        slope = np.maximum(low ** (number - 1), high ** (number - 1))
        error = abs(number) * slope * x.error
        if 0 < number < 1:
            # However steep it is at 0, a root of a sum is at most the sum of the roots.
            error = np.where(low > 0, error, x.error**number)
        error = np.where(x.error > 0, error, 0.0)
        if rounding:
            error = error + np.abs(floats(value) * np.log(x.nearest)) * float(rounding)
    return x._rounded(value, _defined(error), LIBRARY)


def sqrt(x: Any) -> Any:
    """Return the square root of `x`, which IEEE 754 wants correctly rounded."""

    def spread(v: Array, e: Array, r: Array) -> Array:
        # Where the argument may be 0, its root may, and the slope there has no bound.
        near_zero = np.maximum(r, np.sqrt(v + e) - r)
        return np.asarray(np.where(v > e, e / (r + np.sqrt(np.maximum(v - e, 0))), near_zero))

    return _function("sqrt", x, spread)


def scaled(x: Any, centre: Any, scale: Any, shift: Any = None) -> Any:
    """Return ``(x - centre) * scale + shift``, in the bounds of both forms in use.

    The other one is ``x * scale + (shift - centre * scale)``, for which scale and shift are
    computed once. An error of `scale` has the same effect on both products, so it counts once.
    """
    y = (x - centre) * scale
    y = y if shift is None else y + shift
    if not isinstance(y, Bounded):
        return y
    fixed = Bounded(scale.value, np.zeros(scale.shape), scale.format)
    apart = x * fixed + ((0.0 if shift is None else shift) - centre * fixed)
    return Bounded(y.value, y.error + apart.error, y.format)


def either(a: Any, b: Any) -> Any:
    """Return `a` in the larger bound of two forms of the same value, both of them in use."""
    if not isinstance(a, Bounded):
        return a
    return Bounded(a.value, np.maximum(a.error, b.error), a.format)


def plain(x: Any) -> NDArray[np.float64]:
    """Return the values of `x` as float64, for comparisons and shapes."""
    return x.nearest if isinstance(x, Bounded) else np.asarray(x)


def uncertainty(x: Any) -> NDArray[np.float64]:
    """Return the error bound of `x`, 0 for a plain array."""
    return x.error if isinstance(x, Bounded) else np.zeros(np.shape(x))


def where(condition: Array, a: Any, b: Any) -> Any:
    """Return `a` where the condition holds, elsewhere `b`; at least one of them an operand."""
    like = a if isinstance(a, Bounded) else b
    if not isinstance(like, Bounded):
        return np.where(condition, a, b)
    a, b = like._lift(a), like._lift(b)
    value = np.where(condition, a.value, b.value)
    return Bounded(value, np.where(condition, a.error, b.error), like.format)


def maximum(a: Any, b: Any) -> Any:
    """Return the larger of two operands, one of which may be a constant; NaN stays NaN."""
    like = a if isinstance(a, Bounded) else b
    if not isinstance(like, Bounded):
        return np.maximum(a, b)
    a, b = like._lift(a), like._lift(b)
    first = np.isnan(a.nearest) | (a.nearest > b.nearest) & ~np.isnan(b.nearest)
    result = where(first, a, b)
    # Within their errors of each other, either may be the larger.
    with np.errstate(all="ignore"):
        near = np.abs(a.nearest - b.nearest) <= a.error + b.error
    error = np.where(near, np.maximum(a.error, b.error), result.error)
    return Bounded(result.value, error, like.format)


def minimum(a: Any, b: Any) -> Any:
    """Return the smaller of two operands, one of which may be a constant; NaN stays NaN."""
    return -maximum(-a, -b)


def rearranged(x: Any, move: Callable[[Array], Array]) -> Any:
    """Return the numbers of `x` in other places: `move` takes and returns an array."""
    return x.moved(move) if isinstance(x, Bounded) else move(x)


def concatenated(parts: Sequence[Any], axis: int) -> Any:
    """Return arrays joined along an axis."""
    if not any(isinstance(part, Bounded) for part in parts):
        return np.concatenate(parts, axis)
    return Bounded(
        np.concatenate([part.value for part in parts], axis),
        np.concatenate([part.error for part in parts], axis),
        parts[0].format,
    )


def scalar(value: float) -> Bounded:
    """Return a hyperparameter for arithmetic among hyperparameters, which is done in float64."""
    return Bounded.exact(np.asarray(value), np.float64)


def pi() -> Bounded:
    """Return π, for arithmetic among hyperparameters."""
    value = np.asarray(gmpy2.const_pi(PRECISION), object)
    return Bounded(value, np.zeros(()), FORMATS["float64"])


def contract(subscripts: str, a: Any, b: Any, start: Any = None) -> Any:
    """Return sums of products in Einstein's notation, ``contract("ij,jk->ik", a, b)``.

    `start`, which broadcasts to the result, is one more term of every sum: where it comes in
    the order is as free as for the others.
    """
    if not isinstance(a, Bounded):
        result = np.einsum(subscripts, a, b, optimize=True)
        return result if start is None else result + start
    b = a._lift(b)
    n = _terms(subscripts, a.shape, b.shape)
    if start is not None:
        start, n = a._lift(start), n + 1
    a_size, b_size = a.magnitude, b.magnitude
    with np.errstate(all="ignore"):
        value = np.asarray(np.einsum(subscripts, a.value, b.value, optimize=True))
        growth = gamma(n, a.format.unit)
        # γ_n of the absolute products, and what the errors of one factor do to the other.
        error = _sizes(subscripts, growth * (a_size + a.error) + a.error, b_size + b.error)
        if b.error.any():
            error = error + _sizes(subscripts, a_size, b.error)
        if start is not None:
            value = np.asarray(value + start.value)
            error = error + growth * (start.magnitude + start.error) + start.error
    return Bounded(value, _defined(error) + a.format.tiny, a.format)


def _sizes(subscripts: str, a: Array, b: Array) -> Array:
    return np.asarray(np.einsum(subscripts, a, b, optimize=True))


def _terms(subscripts: str, *shapes: Sequence[int]) -> int:
    """Return how many products each element of a contraction sums."""
    operands, result = subscripts.split("->")
    sizes: dict[str, int] = {}
    for letters, shape in zip(operands.split(","), shapes, strict=True):
        sizes.update(zip(letters, shape, strict=True))
    return math.prod(size for letter, size in sizes.items() if letter not in result)


def gather(x: Any, axis: int, index: NDArray[np.intp], fill: float = 0.0) -> Any:
    """Return `x` with one axis replaced by those of `index`, whose -1 stand for `fill`."""
    place: tuple[Any, ...] = (slice(None),) * axis
    outside = index < 0

    def move(array: Array, empty: float) -> Array:
        if array.shape[axis] == 0:
            shape = (*array.shape[:axis], *index.shape, *array.shape[axis + 1 :])
            return np.full(shape, empty, array.dtype)
        moved = np.take(array, np.maximum(index, 0), axis=axis)
        moved[(*place, outside)] = empty
        return moved

    if not isinstance(x, Bounded):
        return move(x, fill)
    value = move(x.value, fill)
    error = move(x.error, 0.0) if x.error.any() else np.zeros(value.shape)
    return Bounded(value, error, x.format)


def gated(x: Any, open: Array, grad: Any) -> Any:
    """Return `grad` where the gate is open, else 0; in doubt where `x` may have either sign."""
    result = where(open, grad, 0.0)
    near = (uncertainty(x) > 0) & (np.abs(plain(x)) <= uncertainty(x))
    if not near.any():
        return result
    doubt = np.where(near, np.abs(plain(grad)) + uncertainty(grad), result.error)
    return Bounded(result.value, doubt, result.format)


def parted(x: Any, limit: float, above: Any, below: Any) -> Any:
    """Return `above` where ``x > limit``, else `below`; either where `x` may lie on both sides."""
    result = where(plain(x) > limit, above, below)
    near = (uncertainty(x) > 0) & (np.abs(plain(x) - limit) <= uncertainty(x))
    if not near.any():
        return result
    reach = np.abs(plain(above) - plain(below)) + uncertainty(above) + uncertainty(below)
    return Bounded(result.value, np.where(near, reach, result.error), result.format)


def rounded(x: Any, number: float) -> float:
    """Return `number` as the format of `x` has it, for comparisons with `x`."""
    name = x.format.name if isinstance(x, Bounded) else np.asarray(x).dtype
    return float(np.dtype(name).type(number))
