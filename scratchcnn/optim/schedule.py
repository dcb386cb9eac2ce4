"""What all schedules of the learning rate share."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from typing import Any

from scratchcnn.functional import _checks as check
from scratchcnn.optim.optimizer import Group, Optimizer


class LRScheduler:
    """What all schedules share.

    Parameters
    ----------
    optimizer : Optimizer
    last_epoch : int
        -1 to begin; the number of epochs so far to go on with groups that have an ``initial_lr``.

    Attributes
    ----------
    last_epoch : int
        How many steps were taken.
    base_lrs : list of float
        The rate of each group before the first schedule changed it, its ``initial_lr``.
    """

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        name = type(self).__name__
        check_optimizer(name, optimizer)
        self.optimizer = optimizer
        self.last_epoch = check.whole(name, "last_epoch", last_epoch, -1)
        for index, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", group["lr"])
            elif "initial_lr" not in group:
                raise ValueError(
                    f"{name}: group {index} has no 'initial_lr', expected one with "
                    f"last_epoch={last_epoch}"
                )
        self.base_lrs = [group["initial_lr"] for group in optimizer.param_groups]
        self._last_lr: list[float] = []
        self.begin()

    def step(self) -> None:
        """Set the rates of the next epoch."""
        self._advance(self.last_epoch + 1, first=False)

    def get_last_lr(self) -> list[float]:
        """Return the rate of each group, as this schedule last set it."""
        return self._last_lr

    def state_dict(self) -> dict[str, Any]:
        """Return a copy of all that the schedule knows but its optimizer."""
        return {name: copy.deepcopy(getattr(self, name)) for name in self._entries()}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Copy what `state_dict` returned; the optimizer's rates are in its own state_dict.

        Raises
        ------
        ValueError
            If it belongs to another kind of schedule. Nothing is changed then.
        """
        check_entries(type(self).__name__, state_dict, self._entries())
        vars(self).update(copy.deepcopy(dict(state_dict)))

    def _entries(self) -> list[str]:
        return [name for name in vars(self) if name != "optimizer"]

    def begin(self) -> None:
        """Take the step to the first epoch."""
        self._advance(self.last_epoch + 1, first=True)

    def restart(self) -> None:
        """Begin where another schedule ended: whatever the rates are now, set those of epoch 0."""
        self._advance(0, first=False)

    def undo(self) -> None:
        """Take back the step to the first epoch, for one that shall begin later."""
        self.last_epoch -= 1

    def _advance(self, epoch: int, first: bool) -> None:
        self.last_epoch = epoch
        pairs = zip(self.optimizer.param_groups, self.base_lrs, strict=True)
        rates = [self._rate(group, base, first) for group, base in pairs]
        self._set(rates)

    def _set(self, rates: Sequence[float]) -> None:
        for group, rate in zip(self.optimizer.param_groups, rates, strict=True):
            group["lr"] = rate
        self._last_lr = list(rates)

    def _rate(self, group: Group, base: float, first: bool) -> float:
        """Return the rate of a group at `last_epoch`, `first` when the schedule is made."""
        raise NotImplementedError(f"{type(self).__name__} has no rate of its own")


def check_optimizer(name: str, optimizer: Any) -> None:
    """Raise TypeError unless `optimizer` is one."""
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"{name}: optimizer is a {type(optimizer).__name__}, expected an Optimizer")


def check_entries(name: str, state_dict: Any, entries: Sequence[str]) -> None:
    """Raise ValueError unless `state_dict` has these entries."""
    has = sorted(state_dict) if isinstance(state_dict, Mapping) else state_dict
    if has != sorted(entries):
        raise ValueError(f"{name}: the state_dict has {has}, expected {sorted(entries)}")


def per_group(name: str, what: str, value: Any, optimizer: Optimizer) -> list[Any]:
    """Return one value for each group of an optimizer."""
    groups = len(optimizer.param_groups)
    if not isinstance(value, Sequence):
        return [value] * groups
    if len(value) != groups:
        raise ValueError(
            f"{name}: {what} has {len(value)} values, but the optimizer has {groups} groups"
        )
    return list(value)


def positive(name: str, what: str, value: Any, high: float = math.inf) -> float:
    """Return `value` as a float above 0 and at most `high`."""
    number = check.real(name, what, value, 0, high)
    if number == 0:
        raise ValueError(f"{name}: {what} is 0, expected above 0")
    return number
