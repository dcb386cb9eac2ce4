"""Orders of channels and of columns: what is given or returned with its parts exchanged."""

from __future__ import annotations

from collections.abc import Callable

from reference_tests.faults.fault import Array, Hyper, Inputs, Shapes
from reference_tests.faults.table import Changes

# Those that are given what the others return: r² channels a pixel, or columns.
_INWARD = ("pixel_shuffle", "fold")

Change = Callable[[Array, Inputs, bool], Array]


def ordered(change: Change, shows_if: Callable[[Hyper, Shapes], bool]) -> dict[str, Changes]:
    """Return the mistakes that have pixels' channels, or the rows of columns, in another order.

    `change` takes what is given so, or what is returned so and then False.
    """

    def of(gradient: bool) -> Changes:
        given = "grad_output" if gradient else "x"

        def is_given(inputs: Inputs) -> bool:
            return (inputs.operation.name in _INWARD) != gradient

        def before(inputs: Inputs) -> Inputs:
            if not is_given(inputs):
                return inputs
            array = inputs.grad_output if gradient else inputs["x"]
            return inputs.but(**{given: change(array, inputs, True)})

        def after(result: Array, inputs: Inputs) -> Array:
            return result if is_given(inputs) else change(result, inputs, False)

        return {"before": before, "after": after, "shows_if": shows_if}

    return {"output": of(False), "grad_input": of(True)}


def exchanged(array: Array, axis: int, sizes: tuple[int, int], given: bool) -> Array:
    """Return an axis of two parts with the parts exchanged; what is given has them so already."""
    shape = array.shape
    parts = sizes[::-1] if given else sizes
    split = array.reshape(*shape[:axis], *parts, *shape[axis + 1 :])
    return split.swapaxes(axis, axis + 1).reshape(shape)
