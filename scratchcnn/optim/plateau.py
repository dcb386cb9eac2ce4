"""A schedule that follows what training achieves."""

from __future__ import annotations

import math
from collections.abc import Sequence

from scratchcnn.functional import _checks as check
from scratchcnn.optim.optimizer import Optimizer
from scratchcnn.optim.schedule import LRScheduler, check_optimizer, per_group


class ReduceLROnPlateau:
    """The rate times `factor` whenever a quantity stops getting better.

    Parameters
    ----------
    optimizer : Optimizer
    mode : {"min", "max"}
        Whether smaller or larger is better.
    factor : float
        Below 1.
    patience : int
        How many epochs without a better value are tolerated.
    threshold : float
        By how much a value has to be better, relative to the best one or not.
    threshold_mode : {"rel", "abs"}
    cooldown : int
        How many epochs after a change do not count.
    min_lr : float, or one for each group
        Where the rate ends.
    eps : float
        A change that is not larger is not made.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchcnn.nn import Parameter
    >>> from scratchcnn.optim import SGD
    >>> optimizer = SGD([Parameter(np.ones(2))], lr=1.0)
    >>> schedule = ReduceLROnPlateau(optimizer, factor=0.5, patience=1)
    >>> [schedule.step(loss) or schedule.get_last_lr()[0] for loss in (3.0, 2.0, 2.0, 2.0)]
    [1.0, 1.0, 1.0, 0.5]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        mode: str = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: str = "rel",
        cooldown: int = 0,
        min_lr: float | Sequence[float] = 0.0,
        eps: float = 1e-8,
    ) -> None:
        name = "ReduceLROnPlateau"
        check_optimizer(name, optimizer)
        check.choice(name, "mode", mode, ("min", "max"))
        check.choice(name, "threshold_mode", threshold_mode, ("rel", "abs"))
        self.factor = check.real(name, "factor", factor, 0)
        if self.factor >= 1:
            raise ValueError(f"{name}: factor is {self.factor:g}, expected below 1")
        self.optimizer, self.mode, self.threshold_mode = optimizer, mode, threshold_mode
        self.patience = check.whole(name, "patience", patience, 0)
        self.cooldown = check.whole(name, "cooldown", cooldown, 0)
        self.threshold = check.real(name, "threshold", threshold, 0)
        rates = per_group(name, "min_lr", min_lr, optimizer)
        self.min_lrs = [check.real(name, "min_lr", rate, 0) for rate in rates]
        # What holds for groups that are added later, if it is the same for all.
        own = isinstance(min_lr, Sequence)
        self.default_min_lr = None if own else check.real(name, "min_lr", min_lr, 0)
        self.eps = check.real(name, "eps", eps, 0)
        self.best = math.inf if mode == "min" else -math.inf
        self.cooldown_counter = self.num_bad_epochs = self.last_epoch = 0
        self._last_lr = [float(group["lr"]) for group in optimizer.param_groups]

    def step(self, metrics: float) -> None:
        """Set the rates of the next epoch; `metrics` is the quantity after this one."""
        # NaN, of a training that has diverged, is never better.
        diverged = isinstance(metrics, float) and math.isnan(metrics)
        value = (
            metrics if diverged else check.real(type(self).__name__, "metrics", metrics, -math.inf)
        )
        self.last_epoch += 1
        if self._better(value):
            self.best, self.num_bad_epochs = value, 0
        else:
            self.num_bad_epochs += 1
        if self.cooldown_counter > 0:
            self.cooldown_counter -= 1
            self.num_bad_epochs = 0
        if self.num_bad_epochs > self.patience:
            self._reduce()
            self.cooldown_counter, self.num_bad_epochs = self.cooldown, 0
        self._last_lr = [float(group["lr"]) for group in self.optimizer.param_groups]

    def get_last_lr(self) -> list[float]:
        """Return the rate of each group after the last step."""
        return self._last_lr

    state_dict = LRScheduler.state_dict
    load_state_dict = LRScheduler.load_state_dict
    _entries = LRScheduler._entries

    def _better(self, value: float) -> bool:
        sign = 1 if self.mode == "max" else -1
        if self.threshold_mode == "rel":
            return sign * value > sign * self.best * (1 + sign * self.threshold)
        return sign * value > sign * self.best + self.threshold

    def _reduce(self) -> None:
        groups = len(self.optimizer.param_groups)
        if groups != len(self.min_lrs):
            if self.default_min_lr is None:
                raise ValueError(
                    f"ReduceLROnPlateau: the optimizer has {groups} groups, expected one for each "
                    f"of the {len(self.min_lrs)} values of min_lr"
                )
            self.min_lrs = [self.default_min_lr] * groups
        for group, least in zip(self.optimizer.param_groups, self.min_lrs, strict=True):
            rate = max(group["lr"] * self.factor, least)
            if group["lr"] - rate > self.eps:
                group["lr"] = rate
