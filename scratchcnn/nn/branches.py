"""Modules whose input takes several ways, and modules that are arranged by a body."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from scratchcnn.functional import _checks as check
from scratchcnn.functional._checks import Floats
from scratchcnn.nn.container import Identity, named_modules_of
from scratchcnn.nn.module import Module, Pullback


class Residual(Module):
    """The sum of a module and a shortcut: ``y = main(x) + shortcut(x)``.

    Parameters
    ----------
    main : Module
    shortcut : Module, optional
        `Identity` by default; otherwise what gives `x` the shape of the main way's output, such
        as a convolution of 1×1.

    Raises
    ------
    TypeError
        If one is no Module.
    ValueError
        When called, if both ways return other shapes.

    References
    ----------
    .. [1] K. He et al., "Deep Residual Learning for Image Recognition", CVPR 2016.

    Examples
    --------
    >>> from scratchcnn.nn import ReLU
    >>> Residual(ReLU())(np.array([1.0, -2.0]))
    array([ 2., -2.])
    """

    def __init__(self, main: Module, shortcut: Module | None = None) -> None:
        for name, module in (("main", main), ("shortcut", shortcut)):
            if not isinstance(module, Module) and (name, module) != ("shortcut", None):
                raise TypeError(f"Residual: {name} is a {type(module).__name__}, expected a Module")
        self.main = main
        self.shortcut = Identity() if shortcut is None else shortcut

    def vjp(self, x: Floats, input_grad: bool = True) -> tuple[Floats, Pullback]:
        """Return the sum of both outputs, and the pullback that adds both gradients."""
        (main, shortcut), pull = branched((self.main, self.shortcut), x, input_grad)
        if main.shape != shortcut.shape:
            raise ValueError(
                f"Residual: main returns {main.shape}, but shortcut {shortcut.shape}; "
                "expected one shape"
            )
        return _total((main, shortcut)), lambda grad_output: pull((grad_output, grad_output))


class Concat(Module):
    """Branches that all see the input, their outputs joined along one axis.

    Parameters
    ----------
    *branches : Module, or one mapping of names to modules
        Unnamed branches are called ``"0"``, ``"1"``, …
    dim : int
        The axis; 1 are the channels.

    Raises
    ------
    TypeError, ValueError
        If there is no branch, one is no Module, or a name has a dot or belongs to `Concat`
        itself; when called, if the outputs differ in another axis.

    References
    ----------
    .. [1] C. Szegedy et al., "Going Deeper with Convolutions", CVPR 2015.

    Examples
    --------
    >>> from scratchcnn.nn import ReLU
    >>> Concat(Identity(), ReLU())(np.array([[1.0, -2.0]]))
    array([[ 1., -2.,  1.,  0.]])
    """

    def __init__(self, *branches: Module | Mapping[str, Module], dim: int = 1) -> None:
        self.dim = check.whole("Concat", "dim", dim)
        named = named_modules_of(self, branches)
        if not named:
            raise ValueError("Concat: branches has none, expected at least one Module")
        vars(self).update(named)

    def vjp(self, x: Floats, input_grad: bool = True) -> tuple[Floats, Pullback]:
        """Return the joined outputs, and the pullback that adds the gradients of all branches."""
        names, branches = zip(*self._children().items(), strict=True)
        outputs, pull = branched(branches, x, input_grad)
        axis = _axis(self.dim, names, outputs)
        ends = np.cumsum([output.shape[axis] for output in outputs])

        def pullback(grad_output: Floats) -> Floats | None:
            return pull(np.split(grad_output, ends[:-1], axis))

        return np.concatenate(outputs, axis), pullback

    def extra_repr(self) -> str:
        """Return the axis as text."""
        return f"dim={self.dim}"


class Composite(Module):
    """A module that computes what its body does.

    A subclass names its children as it likes, and defines `body`, which arranges them. So names
    of a state_dict need not follow the way of the data.

    Raises
    ------
    NotImplementedError
        When called, if the subclass defines no `body`.

    Examples
    --------
    >>> from scratchcnn.nn import Linear, ReLU, Sequential
    >>> class Block(Composite):
    ...     def __init__(self):
    ...         self.relu, self.fc = ReLU(), Linear(2, 2, rng=0)
    ...
    ...     def body(self):
    ...         return Residual(Sequential(self.fc, self.relu))
    >>> list(Block().state_dict())
    ['fc.weight', 'fc.bias']
    """

    def body(self) -> Module:
        """Return the children in their arrangement; it may have further layers without state."""
        raise NotImplementedError(f"{type(self).__name__} defines no body")

    def vjp(self, x: Floats, input_grad: bool = True) -> tuple[Floats, Pullback]:
        """Return the output of the body and its pullback."""
        return self.body().vjp(x, input_grad=input_grad)


def branched(
    branches: Sequence[Module], x: Floats, input_grad: bool
) -> tuple[list[Floats], Callable[[Sequence[Floats]], Floats | None]]:
    """Return the output of each branch for `x`, and the pullback of a gradient for each."""
    outputs, pullbacks = zip(
        *(branch.vjp(x, input_grad=input_grad) for branch in branches), strict=True
    )

    def pull(grad_outputs: Sequence[Floats]) -> Floats | None:
        pulled = [pullback(g) for pullback, g in zip(pullbacks, grad_outputs, strict=True)]
        grads = [grad for grad in pulled if grad is not None]
        return _total(grads) if input_grad else None

    return list(outputs), pull


@check.ieee
def _total(arrays: Sequence[Floats]) -> Floats:
    """Return the sum of the arrays."""
    return functools.reduce(operator.add, arrays)


def _axis(dim: int, names: Sequence[str], outputs: Sequence[Floats]) -> int:
    """Return the axis `dim` of the outputs, or raise ValueError unless they can be joined."""
    first = outputs[0].shape
    if not -len(first) <= dim < len(first):
        raise ValueError(f"Concat: dim is {dim}, but the outputs have {len(first)} axes")
    axis = dim % len(first)
    for name, output in zip(names, outputs, strict=True):
        shape = output.shape
        if (shape[:axis], shape[axis + 1 :]) != (first[:axis], first[axis + 1 :]):
            raise ValueError(
                f"Concat: branch {name!r} returns {shape}, but {names[0]!r} {first}; "
                f"expected one shape except on axis {axis}"
            )
    return axis
