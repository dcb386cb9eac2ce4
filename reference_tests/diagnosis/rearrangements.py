"""Relations by place: flips, exchanges of axes, shifts, permutations, sums and repetitions."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np

from reference_tests.diagnosis.simulation import allowance
from reference_tests.diagnosis.view import Array, View, held
from reference_tests.diagnosis.witness import agrees


@held
def sizes(view: View) -> Iterator[str]:
    """Yield along which axis a result is too long or too short."""
    if view.got.ndim != view.right.ndim:
        return
    for name, size, right in zip(view.axes, view.got.shape, view.right.shape, strict=True):
        if size != right:
            yield f"is too {'long' if size > right else 'short'} along {name}"
            yield f"is {abs(size - right)} too {'long' if size > right else 'short'} along {name}"


@held
def shapes(view: View) -> Iterator[str]:
    """Yield how a wrong shape comes about."""
    got, right = view.got, view.right
    if view.alike:
        return
    if got.ndim == right.ndim:
        yield from _cut(view)
    for order in itertools.permutations(range(right.ndim)) if right.ndim < 6 else ():
        if view.is_near(right.transpose(order)):
            yield f"has its axes in the order {', '.join(view.axes[k] for k in order)}"
    if got.size == right.size and view.is_near(right.reshape(got.shape)):
        yield f"has the right numbers, but {_axes(got.ndim)} instead of {right.ndim}"
    for axis, name in enumerate(view.axes):
        for kind, reduced in _reductions(right, axis):
            if view.is_near(reduced):
                yield f"is the right result {kind} along {name}"
    for name, array in view.inputs.arrays.items():
        if array is not None and array.shape == got.shape:
            yield f"has the shape of {name}"


def _axes(count: int) -> str:
    return "1 axis" if count == 1 else f"{count} axes"


def _cut(view: View) -> Iterator[str]:
    """Yield whether the beginning or the end of both is the same."""
    got, right = view.got, view.right
    common = [min(sizes) for sizes in zip(got.shape, right.shape, strict=True)]
    first = tuple(slice(size) for size in common)
    last = tuple(slice(n - size, n) for n, size in zip(right.shape, common, strict=True))
    mine = tuple(slice(n - size, n) for n, size in zip(got.shape, common, strict=True))
    for name, here, there in (("beginning", first, first), ("end", mine, last)):
        part = right[there]
        if part.size and agrees(got[here], part, allowance(view.question, view.output, part)):
            yield f"is right from the {name} on as far as it goes"


def _reductions(array: Array, axis: int) -> Iterator[tuple[str, Array]]:
    if not array.shape[axis]:
        return
    for keepdims in (False, True):
        yield "summed", array.sum(axis, keepdims=keepdims)
        yield "averaged", array.mean(axis, keepdims=keepdims)
    yield "at the first index", array.take(0, axis)
    yield "at the last index", array.take(-1, axis)


@held
def turned(view: View) -> Iterator[str]:
    """Yield flips and exchanges of axes."""
    if not view.alike:
        return
    right, names = view.right, view.axes
    long = [axis for axis, size in enumerate(right.shape) if size > 1]
    for count in range(1, len(long) + 1):
        for chosen in itertools.combinations(long, count):
            if view.is_near(np.flip(right, chosen)):
                half = "rotated by 180°: " if chosen == (right.ndim - 2, right.ndim - 1) else ""
                yield f"is {half}flipped along {' and '.join(names[k] for k in chosen)}"
    for one, two in itertools.combinations(long, 2):
        swapped = right.swapaxes(one, two)
        if view.is_near(swapped):
            yield f"has {names[one]} and {names[two]} exchanged"
        if view.is_near(swapped.reshape(right.shape)):
            yield f"is reshaped where {names[one]} and {names[two]} should be exchanged"
    for order in itertools.permutations(range(right.ndim)) if 2 < right.ndim < 6 else ():
        if view.is_near(right.transpose(order).reshape(right.shape)):
            told = ", ".join(names[k] for k in order)
            yield f"is in memory as ({told}), reshaped instead of transposed"


@held
def shifted(view: View) -> Iterator[str]:
    """Yield shifts by some positions along an axis."""
    if not view.alike:
        return
    for axis, name in enumerate(view.axes):
        for step in (1, -1, 2, -2):
            if abs(step) >= view.right.shape[axis]:
                continue
            moved = np.roll(view.right, step, axis)
            what = f"{abs(step)} position{'s' * (abs(step) > 1)}"
            where = f"{what} {'forward' if step > 0 else 'back'} along {name}"
            if view.is_near(moved):
                yield f"is rolled by {where}"
            edge = [slice(None)] * view.right.ndim
            edge[axis] = slice(step, None) if step > 0 else slice(step)
            inside = tuple(edge)
            room = allowance(view.question, view.output, moved)[inside]
            if moved[inside].size and agrees(view.got[inside], moved[inside], room):
                yield f"is shifted by {where}"


@held
def summed(view: View) -> Iterator[str]:
    """Yield what is the same along an axis, and running sums."""
    if not view.alike:
        return
    for axis, name in enumerate(view.axes):
        if view.right.shape[axis] < 2:
            continue
        for kind, reduced in _reductions(view.right, axis):
            if reduced.ndim == view.right.ndim and view.is_near(
                np.broadcast_to(reduced, view.right.shape)
            ):
                yield f"is everywhere the right result {kind} along {name}"
        for kind, index in (("first", 0), ("last", -1)):
            repeated = np.broadcast_to(view.right.take([index], axis), view.right.shape)
            if view.is_near(repeated):
                yield f"is everywhere that of the {kind} index of {name}"
        if view.is_near(view.right.cumsum(axis)):
            yield f"is the running sum of the right result along {name}"
        if view.is_near(np.broadcast_to(view.got.take([0], axis), view.got.shape)):
            yield f"is the same for every index of {name}"
    if view.right.ndim and view.right.size > 1:
        total = np.full(view.right.shape, view.right.sum())
        if view.is_near(total):
            yield "is everywhere the sum of the right result"
        if view.is_near(total / view.right.size):
            yield "is everywhere the mean of the right result"


@held
def permuted(view: View) -> Iterator[str]:
    """Yield whether the right numbers are there, in other places."""
    if not view.alike or view.right.size < 2:
        return
    order = np.sort(view.right, None)
    room = np.sort(allowance(view.question, view.output, view.right), None)
    if agrees(np.sort(view.got, None), order, room):
        yield "has the right numbers in other places"
    for axis, name in enumerate(view.axes):
        there = np.sort(view.right, axis)
        room = allowance(view.question, view.output, there)
        if there.shape[axis] > 1 and agrees(np.sort(view.got, axis), there, room):
            yield f"has the right numbers in another order along {name}"
