"""What `from_layer` was told about a layer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from reference_tests.adapters.layout import Layout

# Powers of two for float32 and float64, beside whose updates a weight is below the rounding; with
# the first its remains are a sixteenth of the smallest normal number.
RATES = ((2.0**106, 2.0**64), (2.0**973, 2.0**500))


@dataclass(frozen=True)
class Options:
    """The arguments of `from_layer`, with what is derived from them.

    `held` and `grads` have the attributes of weight and bias and of their gradients; `layouts`
    those of input, output, weight and bias; `kept` the layers that are used again.
    """

    construct: Callable[..., Any]
    forward: Any
    backward: Any
    inputs: tuple[str, ...]
    buffers: Mapping[str, str]
    held: Mapping[str, Any]
    set_weights: Callable[..., Any] | None
    gradients: str
    grads: Mapping[str, Any]
    input_grad: Any
    returned: tuple[str, ...]
    step: Any
    learning_rate: float | None
    layouts: Mapping[str, Layout | None]
    scalars: tuple[str, ...]
    fresh: bool
    kept: dict[str, Any]

    @property
    def names(self) -> tuple[str, ...]:
        """The arrays of a call in their order."""
        held = [name for name, path in self.held.items() if path is not None]
        return (*self.inputs, *self.buffers, *held)

    def rates(self, dtype: Any) -> tuple[float, ...]:
        """Return the learning rates, the largest first; the next one serves what overflows."""
        if self.learning_rate is not None:
            return (self.learning_rate,)
        if self.gradients != "update":
            return (0.0,)
        return RATES[dtype.itemsize > 4]

    def there(self, kind: str, array: Any) -> Any:
        """Return an array with the layer's axes, or raise if it has not as many."""
        layout = self.layouts[kind]
        if layout is None:
            return array
        if array.ndim != len(layout.source):
            raise NotImplementedError(
                f"the {kind} has shape {array.shape}, and the layer's has the axes {layout.target}"
            )
        return layout.there(array)

    def back(self, kind: str, array: Any) -> Any:
        """Return a layer's array with PyTorch's axes."""
        layout = self.layouts.get(kind)
        return array if layout is None or array is None else layout.back(array)

    def grad_back(self, name: str, grad: Any) -> Any:
        """Return the gradient of an array with PyTorch's axes."""
        return self.back("input" if name == self.inputs[0] else name, grad)
