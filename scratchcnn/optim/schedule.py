"""What all schedules of the learning rate share."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable, Mapping, Sequence
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

    Notes
    -----
    A schedule that only multiplies the present rates goes on with groups that the optimizer is
    given later; one that needs the initial rates, too, refuses them when it does.
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

        That of the same schedule in PyTorch will do, but for `OneCycleLR` and
        `CosineAnnealingWarmRestarts`, which keep other things there.

        Raises
        ------
        ValueError
            If it belongs to another kind of schedule. Nothing is changed then.
        """
        known = own_entries(state_dict)
        check_entries(type(self).__name__, known, self._entries())
        vars(self).update(copy.deepcopy(known))

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
        groups = enumerate(self.optimizer.param_groups)
        self._set([self._rate(group, place, first) for place, group in groups])

    def _bases(self) -> list[float]:
        """Return the initial rate of each group, or raise if there are others by now."""
        groups = len(self.optimizer.param_groups)
        if groups != len(self.base_lrs):
            raise ValueError(
                f"{type(self).__name__}: the optimizer has {groups} groups, expected the "
                f"{len(self.base_lrs)} that it had when the schedule was made"
            )
        return self.base_lrs

    def _set(self, rates: Sequence[float]) -> None:
        for group, rate in zip(self.optimizer.param_groups, rates, strict=True):
            group["lr"] = rate
        self._last_lr = list(rates)

    def _rate(self, group: Group, place: int, first: bool) -> float:
        """Return the rate of a group at `last_epoch`, `first` when the schedule is made."""
        raise NotImplementedError(f"{type(self).__name__} has no rate of its own")


def check_optimizer(name: str, optimizer: Any) -> None:
    """Raise TypeError unless `optimizer` is one."""
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"{name}: optimizer is a {type(optimizer).__name__}, expected an Optimizer")


def own_entries(state_dict: Any) -> Any:
    """Return a state_dict without what only PyTorch's schedules keep, which means nothing here."""
    if not isinstance(state_dict, Mapping):
        return state_dict
    return {key: value for key, value in state_dict.items() if key not in _THEIRS}


_THEIRS = ("_get_lr_called_within_step", "_is_initial", "_step_count", "lr_lambdas", "mode_worse")


def check_entries(name: str, state_dict: Any, entries: Sequence[str]) -> None:
    """Raise ValueError unless `state_dict` has these entries."""
    has = sorted(state_dict) if isinstance(state_dict, Mapping) else state_dict
    if has != sorted(entries):
        raise ValueError(f"{name}: the state_dict has {has}, expected {sorted(entries)}")


def check_milestones(name: str, milestones: Any) -> list[int]:
    """Return the epochs of an iterable, each at least 0, or raise."""
    if not isinstance(milestones, Iterable):
        raise TypeError(
            f"{name}: milestones is a {type(milestones).__name__}, expected a list of epochs"
        )
    return [check.whole(name, "milestones", each, 0) for each in milestones]


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
