"""Schedules one after the other."""

from __future__ import annotations

import copy
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Any

from scratchcnn.functional import _checks as check
from scratchcnn.optim.optimizer import Optimizer
from scratchcnn.optim.schedule import LRScheduler, check_entries, check_optimizer


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
        self.milestones = [check.whole(name, "milestones", each, 0) for each in milestones]
        if not len(schedulers) == len(self.milestones) + 1:
            raise ValueError(
                f"{name}: schedulers has {len(schedulers)} and milestones {len(self.milestones)}, "
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
        self.optimizer, self.schedulers = optimizer, list(schedulers)
        self.last_epoch = check.whole(name, "last_epoch", last_epoch, -1) + 1
        for group in optimizer.param_groups:
            group["lr"] = group["initial_lr"]
        for each in self.schedulers:
            each.undo()
        first = self.schedulers[bisect_right(self.milestones, 0)]
        first.begin()
        self._last_lr = first.get_last_lr()

    def step(self) -> None:
        """Set the rates of the next epoch."""
        self.last_epoch += 1
        place = bisect_right(self.milestones, self.last_epoch)
        if place > 0 and self.milestones[place - 1] == self.last_epoch:
            self.schedulers[place].restart()
        else:
            self.schedulers[place].step()
        self._last_lr = self.schedulers[place].get_last_lr()

    def get_last_lr(self) -> list[float]:
        """Return the rate of each group, as this schedule last set it."""
        return self._last_lr

    def state_dict(self) -> dict[str, Any]:
        """Return a copy of all that the schedules know but their optimizer."""
        return {
            "milestones": list(self.milestones),
            "last_epoch": self.last_epoch,
            "_last_lr": list(self._last_lr),
            "schedulers": [each.state_dict() for each in self.schedulers],
        }

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Copy what `state_dict` returned; the optimizer's rates are in its own state_dict.

        Raises
        ------
        ValueError
            If it belongs to another kind of schedule.
        """
        name, entries = type(self).__name__, ["milestones", "last_epoch", "_last_lr", "schedulers"]
        check_entries(name, state_dict, entries)
        given = state_dict["schedulers"]
        if len(given) != len(self.schedulers):
            raise ValueError(
                f"{name}: the state_dict has {len(given)} schedulers, "
                f"expected {len(self.schedulers)}"
            )
        for each, state in zip(self.schedulers, given, strict=True):
            each.load_state_dict(state)
        rest = {key: value for key, value in state_dict.items() if key != "schedulers"}
        vars(self).update(copy.deepcopy(rest))
