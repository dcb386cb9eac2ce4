"""A stateful layer, ``forward(x)`` and ``backward(grad)``, as a callable of the judge."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from reference_tests.adapters.construction import bound, entries, signature
from reference_tests.adapters.layout import INPUT, WEIGHT, parsed
from reference_tests.adapters.options import Options
from reference_tests.adapters.running import run, run_by_samples

GRADIENTS = ("attributes", "returned", "update")
_UNSET: Any = type("Unset", (), {"__repr__": lambda self: "unset"})()


def from_layer(
    construct: Callable[..., Any],
    *,
    forward: Any = "forward",
    backward: Any = "backward",
    inputs: Sequence[str] = ("x",),
    weight: Any = _UNSET,
    bias: Any = _UNSET,
    buffers: Mapping[str, str] | None = None,
    set_weights: Callable[..., Any] | None = None,
    gradients: str = "attributes",
    weight_grad: Any = "weight_grad",
    bias_grad: Any = "bias_grad",
    input_grad: Any = None,
    returned: Sequence[str] | None = None,
    step: Any = None,
    learning_rate: float | None = None,
    input_layout: str | None = None,
    output_layout: str | None = None,
    weight_layout: str | None = None,
    bias_layout: str | None = None,
    scalars: Sequence[str] = (),
    batched: bool = True,
    fresh: bool = True,
) -> Callable[..., Any]:
    """Return an implementation's callable made of a layer that keeps its state on itself.

    Parameters
    ----------
    construct : callable
        Returns a layer: its class, or a function around it. It gets by name what it asks for: the
        hyperparameters of the call that differ from PyTorch's default (so its own defaults must be
        those), and ``in_channels``, ``out_channels``, ``kernel_size``, ``in_features``,
        ``out_features``, ``num_features``, ``bias`` (whether there is one), ``dtype``,
        ``learning_rate``, and ``input_shape`` (without N), ``weight_shape`` and ``bias_shape`` in
        the layer's layout.
    forward, backward : str or callable
        Methods by their names, or functions with the layer as first argument.
        ``forward(*inputs)`` returns the output. ``backward(grad)`` returns the input gradient; a
        loss's ``backward()`` is taken for the gradient of a scalar output.
    inputs : sequence of str
        The arrays that `forward` takes: ``("x", "target")`` for a loss.
    weight, bias : str, optional
        Attributes that hold them: ``"weights"``, or ``"params.W"`` for dictionaries and lists. By
        default ``"weight"`` and ``"bias"`` for a layer of one input. None for a layer without.
        Where a call has no weight, the layer's is set to ones, and a bias to zeros.
    buffers : mapping of array names to attributes, optional
        Arrays between the inputs and the weight that have no gradient, such as
        ``{"running_mean": "mean", "running_var": "var"}``.
    set_weights : callable, optional
        ``set_weights(layer, weight, bias)`` instead of setting the attributes; layouts as the
        layer's.
    gradients : {"attributes", "returned", "update"}
        Where the gradients of weight and bias are: in the attributes `weight_grad` and
        `bias_grad`; in what `backward` returns, in the order of `returned`; or in what
        ``backward(grad, learning_rate)``, or `step` after it, subtracts from the attributes.
    weight_grad, bias_grad, input_grad : str or callable, optional
        Attributes, or functions of the layer; None for a gradient that is not provided.
        `input_grad` is what `backward` returns by default.
    returned : sequence of str, optional
        The arrays whose gradients `backward` returns (default: the inputs, weight, bias).
    step : str or callable, optional
        The method that updates the weights after `backward`: ``step(learning_rate)`` or ``step()``.
    learning_rate : float, optional
        What `backward` or `step` gets; see the notes.
    input_layout, output_layout, weight_layout, bias_layout : str, optional
        The layer's axes: ``"NHWC"``, ``"HWIO"``, ``"NLC"``, ``"CN"``, ``"O1"`` (1 is an axis of
        length 1), ``"CHW"`` for one sample. ``"IOHW->HWOI"`` says PyTorch's axes too, where they
        are not N, C, then D, H, W or L, or O, I and so on. The output's are the input's by
        default.
    scalars : sequence of str
        What the layer takes as one number for all axes, such as ``("kernel_size", "stride")``;
        a call with different ones is unsupported.
    batched : bool
        False for a layer of one sample: `input_layout` is needed then, without N. Input gradients
        are stacked, those of weights summed over the samples.
    fresh : bool
        True constructs a layer for each call, and for each further use of a pullback, so that
        state on the layer is no fault. False uses one layer for all calls that construct it alike,
        as a network does: then the judge sees a cache that a second call overwrites.

    Returns
    -------
    callable
        Takes (x, weight, bias) and the hyperparameters of `construct`; returns
        ``(output, pullback)``.

    Raises
    ------
    TypeError, ValueError
        If an argument makes no sense.

    Notes
    -----
    From an update, a gradient is recovered as ``(before - after) / learning_rate``. With a rate
    near 1 the rounding of ``before - learning_rate * gradient`` would be taken for an error of
    the gradient. The rate is a power of two (``2**106`` for float32, ``2**973`` for float64), so
    that its product with the gradient is exact, and so large that the weight is below the
    rounding of the update: both differences are exact, and the very bits of the gradient come
    back. What remains of the weight is less than a sixteenth of the smallest normal number
    times the weight. Elements that overflow are recovered by a second backward at ``2**64`` or
    ``2**500``. So a weight decay, a mean over the batch, or an input gradient taken from the
    weights after the step show as they do in training. What a layer does to the rate itself, such
    as dividing it by the number of samples, adds its rounding; one that clips its gradients needs
    another way. A `learning_rate` of your own is taken as it is.

    Examples
    --------
    >>> import numpy as np
    >>> class Scale:
    ...     def __init__(self):
    ...         self.weight = np.ones(1)
    ...     def forward(self, x):
    ...         self.x = x
    ...         return x * self.weight
    ...     def backward(self, grad, learning_rate):
    ...         grad_x = grad * self.weight
    ...         self.weight -= learning_rate * (grad * self.x).sum(keepdims=True)
    ...         return grad_x
    >>> scale = from_layer(Scale, gradients="update", bias=None)
    >>> y, pullback = scale(np.array([1.0, 2.0]), np.array([3.0]))
    >>> pullback(np.array([1.0, 1.0]))
    (array([3., 3.]), array([3.]))
    """
    _check(construct, inputs, gradients, fresh, batched, input_layout)
    single = len(tuple(inputs)) == 1
    options = Options(
        construct=construct,
        forward=forward,
        backward=backward,
        inputs=tuple(inputs),
        buffers=dict(buffers or {}),
        held={
            "weight": ("weight" if single else None) if weight is _UNSET else weight,
            "bias": ("bias" if single else None) if bias is _UNSET else bias,
        },
        set_weights=set_weights,
        gradients=gradients,
        grads={"weight": weight_grad, "bias": bias_grad},
        input_grad=input_grad,
        returned=tuple(returned or (*inputs, "weight", "bias")),
        step=step,
        learning_rate=learning_rate,
        layouts={
            "input": parsed("input_layout", input_layout, INPUT),
            "output": parsed("output_layout", output_layout or input_layout, INPUT),
            "weight": parsed("weight_layout", weight_layout, WEIGHT),
            "bias": parsed("bias_layout", bias_layout, WEIGHT),
        },
        scalars=tuple(scalars),
        fresh=fresh,
        kept={},
    )
    called = run if batched else run_by_samples

    def function(*given: Any, **hyper: Any) -> Any:
        arrays = bound(options.names, given, hyper)
        output, pull = called(options, arrays, hyper)

        def pullback(grad_output: Any) -> tuple[Any, ...]:
            return entries(arrays, pull(grad_output), len(given))

        return output, pullback

    optional = options.names[len(options.inputs) :]
    taken = signature(construct, options.inputs, optional)
    function.__signature__ = taken  # type: ignore[attr-defined]
    return function


def _check(
    construct: Any, inputs: Any, gradients: str, fresh: bool, batched: bool, layout: Any
) -> None:
    """Raise unless the arguments make sense together."""
    if not callable(construct):
        raise TypeError(
            f"from_layer: construct is a {type(construct).__name__}, expected a callable that "
            "returns a layer"
        )
    if isinstance(inputs, str) or not tuple(inputs):
        raise TypeError(f"from_layer: inputs is {inputs!r}, expected a sequence of array names")
    if gradients not in GRADIENTS:
        raise ValueError(
            f"from_layer: gradients is {gradients!r}, expected one of {', '.join(GRADIENTS)}"
        )
    if not batched and layout is None:
        raise ValueError(
            "from_layer: batched=False needs the input_layout of one sample, such as 'CHW'"
        )
    if not batched and "N" in layout:
        raise ValueError(
            f"from_layer: input_layout is {layout!r}, expected no N, since batched=False"
        )
    if not batched and not fresh:
        raise ValueError("from_layer: fresh=False needs batched=True, one layer has one cache")
