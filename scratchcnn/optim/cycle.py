"""A schedule of one cycle, of the rate and of the momentum."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from scratchcnn.functional import _checks as check
from scratchcnn.optim.optimizer import Group, Optimizer
from scratchcnn.optim.schedule import LRScheduler, check_optimizer, per_group, positive


class OneCycleLR(LRScheduler):
    """The rate up to `max_lr` and down to almost 0 once, the momentum the other way.

    Parameters
    ----------
    optimizer : Optimizer
    max_lr : float, or one for each group
    total_steps : int, optional
        How many steps the cycle has; or give both of `epochs` and `steps_per_epoch`.
    pct_start : float
        The share of the steps in which the rate rises, from 0 to 1.
    anneal_strategy : {"cos", "linear"}
    cycle_momentum : bool
        Whether the momentum, or β₁, goes from `max_momentum` to `base_momentum` and back.
    base_momentum, max_momentum : float, or one for each group
    div_factor : float
        The initial rate is ``max_lr / div_factor``.
    final_div_factor : float
        The last rate is the initial one divided by it.
    three_phase : bool
        Whether to go down to the initial rate as it rose, and to the last rate after that.
    last_epoch : int
        As in `LRScheduler`.

    References
    ----------
    .. [1] L. Smith, N. Topin, "Super-Convergence: Very Fast Training of Neural Networks Using
       Large Learning Rates", 2017, arXiv:1708.07120.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchcnn.nn import Parameter
    >>> from scratchcnn.optim import SGD
    >>> optimizer = SGD([Parameter(np.ones(2))], lr=1.0, momentum=0.9)
    >>> schedule = OneCycleLR(optimizer, 1.0, total_steps=5, pct_start=0.6, div_factor=4)
    >>> [schedule.step() or round(schedule.get_last_lr()[0], 4) for _ in range(4)]
    [0.625, 1.0, 0.5, 0.0]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float | Sequence[float],
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        cycle_momentum: bool = True,
        base_momentum: float | Sequence[float] = 0.85,
        max_momentum: float | Sequence[float] = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
        last_epoch: int = -1,
    ) -> None:
        name = "OneCycleLR"
        check_optimizer(name, optimizer)
        self.total_steps = self._total(total_steps, epochs, steps_per_epoch)
        self.pct_start = check.real(name, "pct_start", pct_start, 0, 1)
        check.choice(name, "anneal_strategy", anneal_strategy, ("cos", "linear"))
        self.anneal_strategy, self.three_phase = anneal_strategy, three_phase
        divisors = (
            positive(name, "div_factor", div_factor),
            positive(name, "final_div_factor", final_div_factor),
        )
        rates = per_group(name, "max_lr", max_lr, optimizer)
        rates = [check.real(name, "max_lr", rate, 0) for rate in rates]
        self.cycle_momentum = cycle_momentum
        momenta = [
            [check.real(name, what, each, 0) for each in per_group(name, what, value, optimizer)]
            for what, value in (("max_momentum", max_momentum), ("base_momentum", base_momentum))
        ]
        if cycle_momentum and not {"momentum", "betas"} & set(optimizer.defaults):
            raise ValueError(
                f"{name}: {type(optimizer).__name__} has no momentum and no betas, "
                "expected cycle_momentum=False"
            )
        if last_epoch == -1:
            for group, rate, high, low in zip(optimizer.param_groups, rates, *momenta, strict=True):
                first = rate / divisors[0]
                group.update(initial_lr=first, max_lr=rate, min_lr=first / divisors[1])
                if cycle_momentum:
                    group.update(max_momentum=high, base_momentum=low)
        super().__init__(optimizer, last_epoch)

    @staticmethod
    def _total(total_steps: Any, epochs: Any, steps_per_epoch: Any) -> int:
        if total_steps is not None:
            return check.whole("OneCycleLR", "total_steps", total_steps, 1)
        if epochs is None or steps_per_epoch is None:
            raise ValueError(
                f"OneCycleLR: epochs is {epochs} and steps_per_epoch is {steps_per_epoch}, "
                "expected both, or total_steps"
            )
        return check.whole("OneCycleLR", "epochs", epochs, 1) * check.whole(
            "OneCycleLR", "steps_per_epoch", steps_per_epoch, 1
        )

    def _phases(self) -> list[tuple[float, str, str, str, str]]:
        """Return the end of each phase, and what rate and momentum go from and to."""
        up = ("initial_lr", "max_lr", "max_momentum", "base_momentum")
        end, last = float(self.pct_start * self.total_steps) - 1, self.total_steps - 1
        if not self.three_phase:
            return [(end, *up), (last, "max_lr", "min_lr", "base_momentum", "max_momentum")]
        return [
            (end, *up),
            (2 * self.pct_start * self.total_steps - 2, up[1], up[0], up[3], up[2]),
            (last, "initial_lr", "min_lr", "max_momentum", "max_momentum"),
        ]

    def _rate(self, group: Group, place: int, first: bool) -> float:
        if self.last_epoch > self.total_steps:
            raise ValueError(
                f"OneCycleLR: step {self.last_epoch} is after the last of {self.total_steps}"
            )
        if "max_lr" not in group:
            raise ValueError(
                f"OneCycleLR: group {place} has no 'max_lr', expected the groups that the "
                "optimizer had when the schedule was made"
            )
        *before, last = self._phases()
        place = sum(self.last_epoch > phase[0] for phase in before)
        start = before[place - 1][0] if place else 0.0
        end, *names = [*before, last][place]
        # One step has no way to go.
        share = (self.last_epoch - start) / (end - start) if end != start else 1.0
        if self.cycle_momentum:
            momentum = self._between(group[names[2]], group[names[3]], share)
            if "betas" in self.optimizer.defaults:
                group["betas"] = (momentum, *group["betas"][1:])
            else:
                group["momentum"] = momentum
        return self._between(group[names[0]], group[names[1]], share)

    def _between(self, start: float, end: float, share: float) -> float:
        if self.anneal_strategy == "linear":
            return (end - start) * share + start
        return end + (start - end) / 2 * (math.cos(math.pi * share) + 1)
