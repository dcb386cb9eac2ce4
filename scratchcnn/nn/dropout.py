"""The layer of dropout, and what all layers have that draw at random."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, ClassVar

from scratchcnn import functional as F
from scratchcnn.functional import _checks as check
from scratchcnn.functional._checks import Floats
from scratchcnn.functional.dropout import RNG
from scratchcnn.nn.module import Module, Pullback
from scratchcnn.nn.named import Named


class Random(Module):
    """The base of layers that draw from a generator of their own, `rng`."""

    def __init__(self, rng: RNG) -> None:
        self.rng = check.generator(type(self).__name__, rng)
        # Threads that share a layer would disturb its generator.
        self._lock = threading.Lock()

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_lock"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._lock = threading.Lock()


class _Dropout(Named, Random):
    """A layer of one form of dropout: its `functions` are the one with a mask and the gradient."""

    functions: ClassVar[tuple[Callable[..., F.Dropout], Callable[..., Floats]]]

    def __init__(self, p: float = 0.5, *, rng: RNG = None) -> None:
        self.p = check.real(type(self).__name__, "p", p, 0, 1)
        super().__init__(rng)

    def vjp(self, x: Floats, input_grad: bool = True) -> tuple[Floats, Pullback]:
        """Return the output and the pullback with the same mask."""
        forward, gradient = self.functions
        with self._lock:
            y, mask = forward(x, p=self.p, training=self.training, rng=self.rng)
        return y, lambda grad_output: gradient(grad_output, mask) if input_grad else None

    def extra_repr(self) -> str:
        """Return the hyperparameters as text."""
        return f"p={self.p}"


class Dropout(_Dropout):
    """The layer of `scratchcnn.functional.dropout`; in evaluation mode it changes nothing.

    Parameters
    ----------
    p : float
        The probability of a zero, from 0 to 1.
    rng : numpy.random.Generator or int, optional
        The layer's own source of randomness; None takes fresh entropy.

    Raises
    ------
    TypeError, ValueError
        If `p` is no number from 0 to 1, or `rng` no source of randomness; when called, as
        `scratchcnn.functional.dropout`.

    Examples
    --------
    >>> import numpy as np
    >>> Dropout(0.5, rng=0)(np.ones(6))
    array([2., 0., 0., 0., 2., 2.])
    """

    functions = (F.dropout_with_mask, F.dropout_grad)


class Dropout1d(_Dropout):
    """The layer of `scratchcnn.functional.dropout1d`: it drops whole channels.

    Parameters
    ----------
    p, rng
        As in `Dropout`.

    Raises
    ------
    TypeError, ValueError
        If `p` is no number from 0 to 1, or `rng` no source of randomness; when called, as
        `scratchcnn.functional.dropout1d`.

    Examples
    --------
    >>> import numpy as np
    >>> Dropout1d(0.5, rng=0)(np.ones((3, 2))).ravel()
    array([2., 2., 0., 0., 0., 0.])
    """

    functions = (F.dropout1d_with_mask, F.dropout1d_grad)


class Dropout2d(_Dropout):
    """The layer of `scratchcnn.functional.dropout2d`: it drops whole channels.

    Parameters
    ----------
    p, rng
        As in `Dropout`.

    Raises
    ------
    TypeError, ValueError
        If `p` is no number from 0 to 1, or `rng` no source of randomness; when called, as
        `scratchcnn.functional.dropout2d`.

    Examples
    --------
    >>> import numpy as np
    >>> Dropout2d(0.5, rng=0)(np.ones((1, 3, 1, 2))).ravel()
    array([2., 2., 0., 0., 0., 0.])
    """

    functions = (F.dropout2d_with_mask, F.dropout2d_grad)


class Dropout3d(_Dropout):
    """The layer of `scratchcnn.functional.dropout3d`: it drops whole channels.

    Parameters
    ----------
    p, rng
        As in `Dropout`.

    Raises
    ------
    TypeError, ValueError
        If `p` is no number from 0 to 1, or `rng` no source of randomness; when called, as
        `scratchcnn.functional.dropout3d`.

    Examples
    --------
    >>> import numpy as np
    >>> Dropout3d(0.5, rng=0)(np.ones((3, 1, 1, 2))).ravel()
    array([2., 2., 0., 0., 0., 0.])
    """

    functions = (F.dropout3d_with_mask, F.dropout3d_grad)


class AlphaDropout(_Dropout):
    """The layer of `scratchcnn.functional.alpha_dropout`, for networks with SELU.

    Parameters
    ----------
    p, rng
        As in `Dropout`.

    Raises
    ------
    TypeError, ValueError
        If `p` is no number from 0 to 1, or `rng` no source of randomness; when called, as
        `scratchcnn.functional.alpha_dropout`.

    Examples
    --------
    >>> import numpy as np
    >>> AlphaDropout(0.5, rng=0)(np.zeros(4)).round(3)
    array([ 0.779, -0.779, -0.779, -0.779])
    """

    functions = (F.alpha_dropout_with_mask, F.alpha_dropout_grad)


class FeatureAlphaDropout(_Dropout):
    """The layer of `scratchcnn.functional.feature_alpha_dropout`: it drops whole channels.

    Parameters
    ----------
    p, rng
        As in `Dropout`.

    Raises
    ------
    TypeError, ValueError
        If `p` is no number from 0 to 1, or `rng` no source of randomness; when called, as
        `scratchcnn.functional.feature_alpha_dropout`.

    Examples
    --------
    >>> import numpy as np
    >>> FeatureAlphaDropout(0.5, rng=0)(np.zeros((1, 2, 2))).round(3)
    array([[[ 0.779,  0.779],
            [-0.779, -0.779]]])
    """

    functions = (F.feature_alpha_dropout_with_mask, F.feature_alpha_dropout_grad)
