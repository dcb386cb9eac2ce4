"""Axes by letters: an array in PyTorch's layout as a layer wants it, and back."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

# The order of the axes in PyTorch, which is that of the judge's arrays.
INPUT, WEIGHT = "NCDHWL", "OIDHWL"


class Layout(NamedTuple):
    """The axes of an array in PyTorch's order, and in that of a layer; a 1 is an axis of length 1.

    Examples
    --------
    >>> import numpy as np
    >>> layout = Layout("NCHW", "NHWC")
    >>> layout.there(np.zeros((2, 3, 5, 7))).shape
    (2, 5, 7, 3)
    >>> Layout("O", "O1").there(np.zeros(3)).shape
    (3, 1)
    """

    source: str
    target: str

    def there(self, array: Any) -> Any:
        """Return a view of `array` with the axes of the layer."""
        letters = self.target.replace("1", "")
        moved = array.transpose([self.source.index(letter) for letter in letters])
        return moved[tuple(None if letter == "1" else slice(None) for letter in self.target)]

    def back(self, array: Any) -> Any:
        """Return a view of a layer's `array` with PyTorch's axes; one of other axes as it is."""
        array = np.asarray(array)
        if array.ndim != len(self.target):
            return array
        ones = [place for place, letter in enumerate(self.target) if letter == "1"]
        if any(array.shape[place] != 1 for place in ones):
            return array
        flat = array[tuple(0 if letter == "1" else slice(None) for letter in self.target)]
        letters = self.target.replace("1", "")
        return flat.transpose([letters.index(letter) for letter in self.source])


def parsed(name: str, text: str | None, order: str) -> Layout | None:
    """Return the layout that an argument says: "NHWC", or "IOHW->HWOI" with PyTorch's axes first.

    Raises
    ------
    ValueError
        If it names an axis twice, or one that is none of `order`.
    """
    if text is None:
        return None
    source, arrow, target = text.partition("->")
    if not arrow:
        unknown = sorted(set(text) - set(order) - {"1"})
        if unknown:
            raise ValueError(
                f"from_layer: {name} is {text!r}, expected letters of {order} in the layer's order"
            )
        source, target = "".join(letter for letter in order if letter in text), text
    letters = target.replace("1", "")
    if not letters or sorted(source) != sorted(letters) or len(set(letters)) < len(letters):
        raise ValueError(f"from_layer: {name} is {text!r}, expected each axis once")
    return Layout(source, target)
