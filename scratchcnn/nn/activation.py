"""Layers of activations."""

from __future__ import annotations

from scratchcnn import functional as F
from scratchcnn.functional._checks import Floats
from scratchcnn.nn.module import Module, Pullback


class ReLU(Module):
    """The layer of `scratchcnn.functional.relu`."""

    def vjp(self, x: Floats, input_grad: bool = True) -> tuple[Floats, Pullback]:
        """Return ``max(x, 0)`` and its pullback."""
        return F.relu(x), lambda grad_output: F.relu_grad(grad_output, x) if input_grad else None


class Sigmoid(Module):
    """The layer of `scratchcnn.functional.sigmoid`."""

    def vjp(self, x: Floats, input_grad: bool = True) -> tuple[Floats, Pullback]:
        """Return ``1 / (1 + exp(-x))`` and its pullback."""
        y = F.sigmoid(x)
        return y, lambda grad_output: F.sigmoid_grad(grad_output, y) if input_grad else None


class Tanh(Module):
    """The layer of `scratchcnn.functional.tanh`."""

    def vjp(self, x: Floats, input_grad: bool = True) -> tuple[Floats, Pullback]:
        """Return the hyperbolic tangent and its pullback."""
        y = F.tanh(x)
        return y, lambda grad_output: F.tanh_grad(grad_output, y) if input_grad else None


class Softmax(Module):
    """The layer of `scratchcnn.functional.softmax`.

    Parameters
    ----------
    dim : int
        The axis along which the output sums to 1.
    """

    def __init__(self, dim: int = 1) -> None:
        self.dim = dim

    def vjp(self, x: Floats, input_grad: bool = True) -> tuple[Floats, Pullback]:
        """Return the softmax and its pullback."""
        y, dim = F.softmax(x, dim=self.dim), self.dim
        return y, lambda grad: F.softmax_grad(grad, y, dim=dim) if input_grad else None

    def extra_repr(self) -> str:
        """Return the hyperparameters as text."""
        return f"dim={self.dim}"


class LogSoftmax(Module):
    """The layer of `scratchcnn.functional.log_softmax`.

    Parameters
    ----------
    dim : int
        The axis along which the exponentials of the output sum to 1.
    """

    def __init__(self, dim: int = 1) -> None:
        self.dim = dim

    def vjp(self, x: Floats, input_grad: bool = True) -> tuple[Floats, Pullback]:
        """Return the logarithm of the softmax and its pullback."""
        y, dim = F.log_softmax(x, dim=self.dim), self.dim
        return y, lambda grad: F.log_softmax_grad(grad, y, dim=dim) if input_grad else None

    def extra_repr(self) -> str:
        """Return the hyperparameters as text."""
        return f"dim={self.dim}"
