"""Layers of resizing and of shuffling."""

from __future__ import annotations

from scratchcnn import functional as F
from scratchcnn.functional import _checks as check
from scratchcnn.functional._checks import Floats, PerAxis
from scratchcnn.functional.resize import MODES, Factors, check_flags
from scratchcnn.nn.module import Module, Pullback


class Upsample(Module):
    """The layer of `scratchcnn.functional.interpolate`.

    Parameters
    ----------
    size, scale_factor, mode, align_corners, recompute_scale_factor
        As in `scratchcnn.functional.interpolate`.

    Raises
    ------
    TypeError, ValueError
        If `mode` is unknown, or not just one of `size` and `scale_factor` is given; when
        called, as `scratchcnn.functional.interpolate`.

    Examples
    --------
    >>> import numpy as np
    >>> Upsample(scale_factor=2.0, mode="bilinear")(np.zeros((1, 3, 5, 6))).shape
    (1, 3, 10, 12)
    """

    def __init__(
        self,
        size: PerAxis | None = None,
        scale_factor: Factors | None = None,
        mode: str = "nearest",
        align_corners: bool | None = None,
        recompute_scale_factor: bool | None = None,
    ) -> None:
        name = type(self).__name__
        check.choice(name, "mode", mode, tuple(MODES))
        if (size is None) == (scale_factor is None):
            raise ValueError(
                f"{name}: size is {size} and scale_factor {scale_factor}, expected one of them"
            )
        check_flags(name, align_corners, recompute_scale_factor)
        self.size = size
        self.scale_factor = scale_factor
        self.mode = mode
        self.align_corners = align_corners
        self.recompute_scale_factor = recompute_scale_factor

    def vjp(self, x: Floats, input_grad: bool = True) -> tuple[Floats, Pullback]:
        """Return the resized images and their pullback."""
        y = F.interpolate(
            x,
            self.size,
            scale_factor=self.scale_factor,
            mode=self.mode,
            align_corners=self.align_corners,
            recompute_scale_factor=self.recompute_scale_factor,
        )

        def pullback(grad_output: Floats) -> Floats | None:
            if not input_grad:
                return None
            return F.interpolate_grad(
                grad_output,
                input_shape=x.shape,
                size=self.size,
                scale_factor=self.scale_factor,
                mode=self.mode,
                align_corners=self.align_corners,
                recompute_scale_factor=self.recompute_scale_factor,
            )

        return y, pullback

    def extra_repr(self) -> str:
        """Return the hyperparameters as text."""
        given = "size" if self.scale_factor is None else "scale_factor"
        more = ("align_corners", "recompute_scale_factor")
        named = [given, "mode", *(name for name in more if getattr(self, name) is not None)]
        return ", ".join(f"{name}={getattr(self, name)!r}" for name in named)


class UpsamplingNearest2d(Upsample):
    """`Upsample` of H and W with mode "nearest".

    Parameters
    ----------
    size, scale_factor
        As in `scratchcnn.functional.interpolate`.

    Raises
    ------
    TypeError, ValueError
        If not just one of `size` and `scale_factor` is given; when called, as
        `scratchcnn.functional.interpolate`.

    Examples
    --------
    >>> import numpy as np
    >>> UpsamplingNearest2d(scale_factor=2.0)(np.array([[[[1.0, 2.0]]]]))
    array([[[[1., 1., 2., 2.],
             [1., 1., 2., 2.]]]])
    """

    def __init__(self, size: PerAxis | None = None, scale_factor: Factors | None = None) -> None:
        super().__init__(size, scale_factor)


class UpsamplingBilinear2d(Upsample):
    """`Upsample` of H and W with mode "bilinear" and aligned corners.

    Parameters
    ----------
    size, scale_factor
        As in `scratchcnn.functional.interpolate`.

    Raises
    ------
    TypeError, ValueError
        If not just one of `size` and `scale_factor` is given; when called, as
        `scratchcnn.functional.interpolate`.

    Examples
    --------
    >>> import numpy as np
    >>> UpsamplingBilinear2d((1, 3))(np.array([[[[1.0, 2.0]]]]))
    array([[[[1. , 1.5, 2. ]]]])
    """

    def __init__(self, size: PerAxis | None = None, scale_factor: Factors | None = None) -> None:
        super().__init__(size, scale_factor, mode="bilinear", align_corners=True)


class PixelShuffle(Module):
    """The layer of `scratchcnn.functional.pixel_shuffle`.

    Parameters
    ----------
    upscale_factor : int

    Raises
    ------
    TypeError, ValueError
        If `upscale_factor` is no positive integer; when called, if the channels are no multiple
        of its square.

    Examples
    --------
    >>> import numpy as np
    >>> PixelShuffle(2)(np.zeros((1, 12, 5, 6))).shape
    (1, 3, 10, 12)
    """

    def __init__(self, upscale_factor: int) -> None:
        self.upscale_factor = check.whole("PixelShuffle", "upscale_factor", upscale_factor, 1)

    def vjp(self, x: Floats, input_grad: bool = True) -> tuple[Floats, Pullback]:
        """Return the shuffled image and its pullback."""

        def pullback(grad_output: Floats) -> Floats | None:
            if not input_grad:
                return None
            return F.pixel_shuffle_grad(grad_output, upscale_factor=self.upscale_factor)

        return F.pixel_shuffle(x, self.upscale_factor), pullback

    def extra_repr(self) -> str:
        """Return the hyperparameters as text."""
        return f"upscale_factor={self.upscale_factor}"


class PixelUnshuffle(Module):
    """The layer of `scratchcnn.functional.pixel_unshuffle`.

    Parameters
    ----------
    downscale_factor : int

    Raises
    ------
    TypeError, ValueError
        If `downscale_factor` is no positive integer; when called, if H or W is no multiple of
        it.

    Examples
    --------
    >>> import numpy as np
    >>> PixelUnshuffle(2)(np.zeros((1, 3, 10, 12))).shape
    (1, 12, 5, 6)
    """

    def __init__(self, downscale_factor: int) -> None:
        self.downscale_factor = check.whole(
            "PixelUnshuffle", "downscale_factor", downscale_factor, 1
        )

    def vjp(self, x: Floats, input_grad: bool = True) -> tuple[Floats, Pullback]:
        """Return the shuffled image and its pullback."""

        def pullback(grad_output: Floats) -> Floats | None:
            if not input_grad:
                return None
            return F.pixel_unshuffle_grad(grad_output, downscale_factor=self.downscale_factor)

        return F.pixel_unshuffle(x, self.downscale_factor), pullback

    def extra_repr(self) -> str:
        """Return the hyperparameters as text."""
        return f"downscale_factor={self.downscale_factor}"


class ChannelShuffle(Module):
    """The layer of `scratchcnn.functional.channel_shuffle`.

    Parameters
    ----------
    groups : int

    Raises
    ------
    TypeError, ValueError
        If `groups` is no positive integer; when called, if the channels are no multiple of it.

    Examples
    --------
    >>> import numpy as np
    >>> ChannelShuffle(3)(np.zeros((1, 6, 5, 4))).shape
    (1, 6, 5, 4)
    """

    def __init__(self, groups: int) -> None:
        self.groups = check.whole("ChannelShuffle", "groups", groups, 1)

    def vjp(self, x: Floats, input_grad: bool = True) -> tuple[Floats, Pullback]:
        """Return the shuffled channels and their pullback."""

        def pullback(grad_output: Floats) -> Floats | None:
            if not input_grad:
                return None
            return F.channel_shuffle_grad(grad_output, groups=self.groups)

        return F.channel_shuffle(x, self.groups), pullback

    def extra_repr(self) -> str:
        """Return the hyperparameters as text."""
        return f"groups={self.groups}"
