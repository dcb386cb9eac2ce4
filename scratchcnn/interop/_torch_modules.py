"""Modules of PyTorch for what `torch.nn` has no class for; this file imports PyTorch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch


class _Untied:
    """A convolution with one bias per output pixel, (O, *size)."""

    def forward(self, x: Any) -> Any:
        """Return the convolution plus the bias."""
        own: Any = self
        return own._conv_forward(x, own.weight, None) + own.bias


class UntiedConv1d(_Untied, torch.nn.Conv1d):  # type: ignore[misc]
    """The twin of a `scratchcnn.nn.Conv1d` with an untied bias."""


class UntiedConv2d(_Untied, torch.nn.Conv2d):  # type: ignore[misc]
    """The twin of a `scratchcnn.nn.Conv2d` with an untied bias."""


class UntiedConv3d(_Untied, torch.nn.Conv3d):  # type: ignore[misc]
    """The twin of a `scratchcnn.nn.Conv3d` with an untied bias."""


class Residual(torch.nn.Module):  # type: ignore[misc]
    """The twin of `scratchcnn.nn.Residual`."""

    def forward(self, x: Any) -> Any:
        """Return the sum of both ways."""
        return self.main(x) + self.shortcut(x)


class Concat(torch.nn.Module):  # type: ignore[misc]
    """The twin of `scratchcnn.nn.Concat`."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, x: Any) -> Any:
        """Return the joined outputs of the branches."""
        # children() would leave out a branch that occurs twice.
        return torch.cat([branch(x) for branch in self._modules.values()], self.dim)

    def extra_repr(self) -> str:
        """Return the axis as text."""
        return f"dim={self.dim}"


class Composite(torch.nn.Module):  # type: ignore[misc]
    """The twin of a `scratchcnn.nn.Composite` of the class `kind` with the given `attributes`."""

    def __init__(self, kind: type, attributes: Mapping[str, Any]) -> None:
        super().__init__()
        self.kind, self.attributes = kind, dict(attributes)

    def arrange(self, body: torch.nn.Module) -> None:
        """Take what arranges the children; in the tuple it is no child itself."""
        self.arranged = (body,)

    def forward(self, x: Any) -> Any:
        """Return the output of the body."""
        return self.arranged[0](x)

    def _get_name(self) -> str:
        return self.kind.__name__
