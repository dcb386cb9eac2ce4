"""Schedules one after the other."""

from __future__ import annotations

import copy
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Any

from scratchcnn.functional import _checks as check
from scratchcnn.optim.optimizer import Optimizer
from scratchcnn.optim.schedule import (
    LRScheduler,
    check_entries,
    check_milestones,
    check_optimizer,
    own_entries,
)


class SequentialLR:
    """Several schedules after each other.

    Parameters
    ----------
    optimizer : Optimizer
    schedulers : sequence of schedules
        All of `optimizer`; each is made before it is given, and begins anew when it is due.
    milestones : sequence of int
        At which epoch each schedule but the first begins, in rising order.
    last_epoch : int
        As in `LRScheduler`.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchcnn.nn import Parameter
    >>> from scratchcnn.optim import SGD, ExponentialLR, LinearLR
    >>> optimizer = SGD([Parameter(np.ones(2))], lr=1.0)
    >>> parts = [LinearLR(optimizer, 0.5, total_iters=2), ExponentialLR(optimizer, 0.5)]
    >>> schedule = SequentialLR(optimizer, parts, milestones=[2])
    >>> [schedule.step() or schedule.get_last_lr()[0] for _ in range(4)]
    [0.75, 1.0, 0.5, 0.25]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        schedulers: Sequence[LRScheduler],
        milestones: Sequence[int],
        last_epoch: int = -1,
    ) -> None:
        name = "SequentialLR"
        check_optimizer(name, optimizer)
        self._milestones = check_milestones(name, milestones)
        if not isinstance(schedulers, Sequence):
            raise TypeError(
                f"{name}: schedulers is a {type(schedulers).__name__}, expected a list of schedules"
            )
        if not len(schedulers) == len(self._milestones) + 1:
            raise ValueError(
                f"{name}: schedulers has {len(schedulers)} and milestones {len(self._milestones)}, "
                "expected one milestone less than schedulers"
            )
        for each in schedulers:
            if not isinstance(each, LRScheduler):
                raise TypeError(
                    f"{name}: schedulers has a {type(each).__name__}, expected schedules that are "
                    "neither a sequence nor a ReduceLROnPlateau"
                )
            if each.optimizer is not optimizer:
                raise ValueError(
                    f"{name}: a {type(each).__name__} is of another optimizer, expected the same"
                )
        self.optimizer, self._schedulers = optimizer, list(schedulers)
        self.last_epoch = check.whole(name, "last_epoch", last_epoch, -1) + 1
        for index, group in enumerate(optimizer.param_groups):
            if "initial_lr" not in group:
                raise ValueError(
                    f"{name}: group {index} has no 'initial_lr', expected the groups that the "
                    "optimizer had when the schedulers were made"
                )
        for group in optimizer.param_groups:
            group["lr"] = group["initial_lr"]
        for each in self._schedulers:
            each.undo()
        first = self._schedulers[bisect_right(self._milestones, 0)]
        first.begin()
        self._last_lr = first.get_last_lr()

    def step(self) -> None:
        """Set the rates of the next epoch."""
        self.last_epoch += 1
        place = bisect_right(self._milestones, self.last_epoch)
        if place > 0 and self._milestones[place - 1] == self.last_epoch:
            self._schedulers[place].restart()
        else:
            self._schedulers[place].step()
        self._last_lr = self._schedulers[place].get_last_lr()

    def get_last_lr(self) -> list[float]:
        """Return the rate of each group, as this schedule last set it."""
        return self._last_lr

    def state_dict(self) -> dict[str, Any]:
        """Return a copy of all that the schedules know but their optimizer."""
        return {
            "_milestones": list(self._milestones),
            "last_epoch": self.last_epoch,
            "_last_lr": list(self._last_lr),
            "_schedulers": [each.state_dict() for each in self._schedulers],
        }

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Copy what `state_dict` returned; the optimizer's rates are in its own state_dict.

        Raises
        ------
        ValueError
            If it belongs to another kind of schedule.
        """
        name, known = type(self).__name__, own_entries(state_dict)
        check_entries(name, known, ["_milestones", "last_epoch", "_last_lr", "_schedulers"])
        given = known.pop("_schedulers")
        if len(given) != len(self._schedulers):
            raise ValueError(
                f"{name}: the state_dict has {len(given)} schedulers, "
                f"expected {len(self._schedulers)}"
            )
        for each, state in zip(self._schedulers, given, strict=True):
            each.load_state_dict(state)
        vars(self).update(copy.deepcopy(known))
