"""Schedules of the learning rate, named as in :mod:`torch.optim.lr_scheduler`.

Each changes the rate of every group of an optimizer when it is made and at each ``step()``, which
belongs behind a step of the optimizer, mostly at the end of an epoch. Most multiply the rate that
a group has, so that several schedules of one optimizer, and changes by hand, act together.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from scratchcnn.functional import _checks as check
from scratchcnn.optim.optimizer import Group, Optimizer
from scratchcnn.optim.schedule import (
    LRScheduler,
    check_milestones,
    check_optimizer,
    per_group,
    positive,
)


class LambdaLR(LRScheduler):
    """The initial rate times a function of the epoch.

    Parameters
    ----------
    optimizer : Optimizer
    lr_lambda : callable, or one for each group
        Takes the number of the epoch, from 0. No part of the state_dict.
    last_epoch : int
        As in `LRScheduler`.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchcnn.nn import Parameter
    >>> from scratchcnn.optim import SGD
    >>> optimizer = SGD([Parameter(np.ones(2))], lr=1.0)
    >>> LambdaLR(optimizer, lambda epoch: 1 / (2 + epoch)).get_last_lr()
    [0.5]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        lr_lambda: Callable[[int], float] | Sequence[Callable[[int], float]],
        last_epoch: int = -1,
    ) -> None:
        check_optimizer("LambdaLR", optimizer)
        self.lr_lambdas = per_group("LambdaLR", "lr_lambda", lr_lambda, optimizer)
        for each in self.lr_lambdas:
            if not callable(each):
                raise TypeError(
                    f"LambdaLR: lr_lambda has a {type(each).__name__}, expected functions"
                )
        super().__init__(optimizer, last_epoch)

    def _entries(self) -> list[str]:
        return [name for name in super()._entries() if name != "lr_lambdas"]

    def _rate(self, group: Group, place: int, first: bool) -> float:
        return float(self._bases()[place] * self.lr_lambdas[place](self.last_epoch))


class StepLR(LRScheduler):
    """The rate times `gamma` at every `step_size`-th epoch.

    Parameters
    ----------
    optimizer : Optimizer
    step_size : int
        At least 1.
    gamma : float
    last_epoch : int
        As in `LRScheduler`.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchcnn.nn import Parameter
    >>> from scratchcnn.optim import SGD
    >>> optimizer = SGD([Parameter(np.ones(2))], lr=1.0)
    >>> schedule = StepLR(optimizer, 2, gamma=0.5)
    >>> [schedule.step() or schedule.get_last_lr()[0] for _ in range(4)]
    [1.0, 0.5, 0.5, 0.25]
    """

    def __init__(
        self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1
    ) -> None:
        self.step_size = check.whole("StepLR", "step_size", step_size, 1)
        self.gamma = check.real("StepLR", "gamma", gamma, 0)
        super().__init__(optimizer, last_epoch)

    def _rate(self, group: Group, place: int, first: bool) -> float:
        due = self.last_epoch > 0 and self.last_epoch % self.step_size == 0
        return float(group["lr"] * self.gamma if due else group["lr"])

    def restart(self) -> None:
        """Begin where another schedule ended."""
        self.last_epoch = 0
        self._set(self._bases())


class MultiStepLR(LRScheduler):
    """The rate times `gamma` at every epoch of `milestones`.

    Parameters
    ----------
    optimizer : Optimizer
    milestones : iterable of int
        One that is there twice counts twice.
    gamma : float
    last_epoch : int
        As in `LRScheduler`.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchcnn.nn import Parameter
    >>> from scratchcnn.optim import SGD
    >>> optimizer = SGD([Parameter(np.ones(2))], lr=1.0)
    >>> schedule = MultiStepLR(optimizer, [1, 3], gamma=0.5)
    >>> [schedule.step() or schedule.get_last_lr()[0] for _ in range(4)]
    [0.5, 0.5, 0.25, 0.25]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        milestones: Iterable[int],
        gamma: float = 0.1,
        last_epoch: int = -1,
    ) -> None:
        self.milestones = Counter(check_milestones("MultiStepLR", milestones))
        self.gamma = check.real("MultiStepLR", "gamma", gamma, 0)
        super().__init__(optimizer, last_epoch)

    def _rate(self, group: Group, place: int, first: bool) -> float:
        return float(group["lr"] * self.gamma ** self.milestones[self.last_epoch])

    def restart(self) -> None:
        """Begin where another schedule ended."""
        self.last_epoch = 0
        self._set([base * self.gamma ** self.milestones[0] for base in self._bases()])


class ConstantLR(LRScheduler):
    """The rate times `factor` for the first `total_iters` epochs.

    Parameters
    ----------
    optimizer : Optimizer
    factor : float
        Above 0 and at most 1.
    total_iters : int
        At least 0.
    last_epoch : int
        As in `LRScheduler`.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchcnn.nn import Parameter
    >>> from scratchcnn.optim import SGD
    >>> optimizer = SGD([Parameter(np.ones(2))], lr=1.0)
    >>> schedule = ConstantLR(optimizer, 0.5, 2)
    >>> [schedule.get_last_lr()[0], *(schedule.step() or optimizer.param_groups[0]["lr"]
    ...     for _ in range(2))]
    [0.5, 0.5, 1.0]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        factor: float = 1 / 3,
        total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:
        self.factor = positive("ConstantLR", "factor", factor, 1)
        self.total_iters = check.whole("ConstantLR", "total_iters", total_iters, 0)
        super().__init__(optimizer, last_epoch)

    def _rate(self, group: Group, place: int, first: bool) -> float:
        rate = float(group["lr"])
        if self.last_epoch == 0:
            return rate * self.factor
        return rate * (1 / self.factor) if self.last_epoch == self.total_iters else rate

    def restart(self) -> None:
        """Begin where another schedule ended."""
        self.last_epoch = 0
        factor = self.factor if self.total_iters else 1.0
        self._set([base * factor for base in self._bases()])


class LinearLR(LRScheduler):
    """The rate times a factor that goes evenly from one to another, as in a warm-up.

    Parameters
    ----------
    optimizer : Optimizer
    start_factor : float
        Above 0 and at most 1.
    end_factor : float
        From 0 to 1.
    total_iters : int
        After how many epochs `end_factor` is reached, at least 1.
    last_epoch : int
        As in `LRScheduler`.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchcnn.nn import Parameter
    >>> from scratchcnn.optim import SGD
    >>> optimizer = SGD([Parameter(np.ones(2))], lr=1.0)
    >>> schedule = LinearLR(optimizer, start_factor=0.5, total_iters=2)
    >>> [schedule.get_last_lr()[0], *(schedule.step() or optimizer.param_groups[0]["lr"]
    ...     for _ in range(2))]
    [0.5, 0.75, 1.0]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        start_factor: float = 1 / 3,
        end_factor: float = 1.0,
        total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:
        self.start_factor = positive("LinearLR", "start_factor", start_factor, 1)
        self.end_factor = check.real("LinearLR", "end_factor", end_factor, 0, 1)
        self.total_iters = check.whole("LinearLR", "total_iters", total_iters, 1)
        super().__init__(optimizer, last_epoch)

    def _rate(self, group: Group, place: int, first: bool) -> float:
        rate, rise = float(group["lr"]), self.end_factor - self.start_factor
        if self.last_epoch == 0:
            return rate * self.start_factor
        if first or self.last_epoch > self.total_iters:
            return rate
        # The factor of this epoch over that of the one before.
        before = self.total_iters * self.start_factor + (self.last_epoch - 1) * rise
        return rate * (1 + rise / before)

    def restart(self) -> None:
        """Begin where another schedule ended."""
        self.last_epoch = 0
        self._set([base * self.start_factor for base in self._bases()])


class ExponentialLR(LRScheduler):
    """The rate times `gamma` at every epoch.

    Parameters
    ----------
    optimizer : Optimizer
    gamma : float
    last_epoch : int
        As in `LRScheduler`.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchcnn.nn import Parameter
    >>> from scratchcnn.optim import SGD
    >>> optimizer = SGD([Parameter(np.ones(2))], lr=1.0)
    >>> schedule = ExponentialLR(optimizer, 0.5)
    >>> [schedule.step() or schedule.get_last_lr()[0] for _ in range(3)]
    [0.5, 0.25, 0.125]
    """

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1) -> None:
        self.gamma = check.real("ExponentialLR", "gamma", gamma, 0)
        super().__init__(optimizer, last_epoch)

    def _rate(self, group: Group, place: int, first: bool) -> float:
        return float(group["lr"] if first else group["lr"] * self.gamma)

    def restart(self) -> None:
        """Begin where another schedule ended."""
        self.last_epoch = 0
        self._set(self._bases())


class CosineAnnealingLR(LRScheduler):
    """The rate on half a cosine from its initial value to `eta_min`, in `T_max` epochs, and back.

    Parameters
    ----------
    optimizer : Optimizer
    T_max : int
        At least 1.
    eta_min : float
        At least 0.
    last_epoch : int
        As in `LRScheduler`.

    References
    ----------
    .. [1] I. Loshchilov, F. Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts",
       ICLR 2017.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchcnn.nn import Parameter
    >>> from scratchcnn.optim import SGD
    >>> optimizer = SGD([Parameter(np.ones(2))], lr=1.0)
    >>> schedule = CosineAnnealingLR(optimizer, T_max=2)
    >>> [schedule.step() or round(schedule.get_last_lr()[0], 9) for _ in range(4)]
    [0.5, 0.0, 0.5, 1.0]
    """

    def __init__(
        self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0, last_epoch: int = -1
    ) -> None:
        self.T_max = check.whole("CosineAnnealingLR", "T_max", T_max, 1)
        self.eta_min = check.real("CosineAnnealingLR", "eta_min", eta_min, 0)
        super().__init__(optimizer, last_epoch)

    def _rate(self, group: Group, place: int, first: bool) -> float:
        rate, low = float(group["lr"]), self.eta_min
        if first:
            return rate
        if (self.last_epoch - 1 - self.T_max) % (2 * self.T_max) == 0:
            # One epoch after the lowest point, from which no factor leads away.
            return rate + (self._bases()[place] - low) * (1 - math.cos(math.pi / self.T_max)) / 2
        now, before = (1 + math.cos(math.pi * t / self.T_max) for t in self._epochs())
        return now / before * (rate - low) + low

    def _epochs(self) -> tuple[int, int]:
        return self.last_epoch, self.last_epoch - 1

    def restart(self) -> None:
        """Begin where another schedule ended."""
        self.last_epoch = 0
        self._set(self._bases())


class CosineAnnealingWarmRestarts(LRScheduler):
    """The rate on half a cosine from its initial value to `eta_min`, again and again.

    Parameters
    ----------
    optimizer : Optimizer
    T_0 : int
        How many epochs the first time takes, at least 1.
    T_mult : int
        How many times as many each further one, at least 1.
    eta_min : float
        At least 0.
    last_epoch : int
        As in `LRScheduler`.

    References
    ----------
    .. [1] I. Loshchilov, F. Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts",
       ICLR 2017.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchcnn.nn import Parameter
    >>> from scratchcnn.optim import SGD
    >>> optimizer = SGD([Parameter(np.ones(2))], lr=1.0)
    >>> schedule = CosineAnnealingWarmRestarts(optimizer, T_0=2)
    >>> [schedule.step() or round(schedule.get_last_lr()[0], 9) for _ in range(4)]
    [0.5, 1.0, 0.5, 1.0]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        T_0: int,
        T_mult: int = 1,
        eta_min: float = 0.0,
        last_epoch: int = -1,
    ) -> None:
        name = "CosineAnnealingWarmRestarts"
        self.T_0 = check.whole(name, "T_0", T_0, 1)
        self.T_mult = check.whole(name, "T_mult", T_mult, 1)
        self.eta_min = check.real(name, "eta_min", eta_min, 0)
        super().__init__(optimizer, last_epoch)

    def _rate(self, group: Group, place: int, first: bool) -> float:
        length, into = self.T_0, self.last_epoch
        while into >= length:
            into, length = into - length, length * self.T_mult
        low = self.eta_min
        share = (1 + math.cos(math.pi * into / length)) / 2
        return float(low + (self._bases()[place] - low) * share)
