"""Schedules of learning rates, under torch's names (``torch.optim.lr_scheduler``).

They are arithmetic of the host, step by step as torch's, so that rates have equal bits.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from kernbench.optim.optimizer import Optimizer
from kernbench.runtime.placeholder import Placeholder

__all__ = [
    "ConstantLR",
    "CosineAnnealingLR",
    "ExponentialLR",
    "LRScheduler",
    "LambdaLR",
    "LinearLR",
    "MultiStepLR",
    "PolynomialLR",
    "SequentialLR",
    "StepLR",
]

_ELSEWHERE = (
    "ChainedScheduler",
    "CosineAnnealingWarmRestarts",
    "CyclicLR",
    "MultiplicativeLR",
    "OneCycleLR",
    "ReduceLROnPlateau",
)


def __getattr__(name: str) -> Any:
    if name in _ELSEWHERE:
        return Placeholder(f"torch.optim.lr_scheduler.{name}", "use LambdaLR")
    raise AttributeError(f"module 'torch.optim.lr_scheduler' has no attribute {name!r}")


class LRScheduler:
    """Base of schedules: each gives the rate of a group at an epoch from that of the one before.

    Differs from torch: `step` takes no epoch, and does not warn when no step of the optimizer came
    before it.

    Parameters
    ----------
    optimizer : Optimizer
        Whose groups have rates.
    last_epoch : int
        -1 begins; else the last epoch of a run that goes on.

    Examples
    --------
    >>> import kernbench as kb
    >>> from kernbench.optim import SGD
    >>> with kb.Context("small") as ctx:
    ...     optimizer = SGD([ctx.zeros(2).requires_grad_()], lr=1.0)
    ...     schedule = StepLR(optimizer, step_size=2, gamma=0.5)
    ...     rates = []
    ...     for _ in range(5):
    ...         rates += schedule.get_last_lr()
    ...         optimizer.step()
    ...         schedule.step()
    >>> rates
    [1.0, 1.0, 0.5, 0.5, 0.25]
    """

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"{type(optimizer).__name__} is not an Optimizer")
        for place, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", group["lr"])
            elif "initial_lr" not in group:
                raise KeyError(
                    f"param 'initial_lr' is not specified in param_groups[{place}] when resuming "
                    "scheduler with last_epoch >= 0"
                )
        self.optimizer = optimizer
        self.base_lrs = [group["initial_lr"] for group in optimizer.param_groups]
        self.last_epoch = last_epoch
        self._begin()

    def _rate(self, rate: float, place: int) -> float:
        """Return the rate of a group at `last_epoch`, given that of the epoch before."""
        raise NotImplementedError

    def _first(self, rate: float, place: int) -> float:
        """Return the rate of a group at the beginning, given what it has."""
        return rate

    def _again(self, place: int) -> float:
        """Return the rate of a group at epoch 0, when another schedule was before this one."""
        return self._first(self.base_lrs[place], place)

    def _begin(self) -> None:
        self.last_epoch += 1
        self._set(self._first)

    def _begin_again(self) -> None:
        self.last_epoch = 0
        self._set(lambda rate, place: self._again(place))

    def _set(self, of: Callable[[float, int], float]) -> None:
        for place, group in enumerate(self.optimizer.param_groups):
            group["lr"] = of(group["lr"], place)
        self._last_lr = [group["lr"] for group in self.optimizer.param_groups]

    def step(self) -> None:
        """Go on to the next epoch: call it after the optimizer's `step`."""
        self.last_epoch += 1
        self._set(self._rate)

    def get_last_lr(self) -> list[float]:
        """Return the rate of each group."""
        return self._last_lr

    def state_dict(self) -> dict[str, Any]:
        """Return everything but the optimizer, and functions."""
        return {
            name: value
            for name, value in self.__dict__.items()
            if name not in ("optimizer", "lr_lambdas")
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take the state back."""
        self.__dict__.update(state_dict)


class LambdaLR(LRScheduler):
    """The first rate times what a function of the epoch returns; a list has one for each group."""

    def __init__(
        self,
        optimizer: Optimizer,
        lr_lambda: Callable[[int], float] | Sequence[Callable[[int], float]],
        last_epoch: int = -1,
    ) -> None:
        n_groups = len(optimizer.param_groups)
        self.lr_lambdas = [lr_lambda] * n_groups if callable(lr_lambda) else list(lr_lambda)
        if len(self.lr_lambdas) != n_groups:
            raise ValueError(f"Expected {n_groups} lr_lambdas, but got {len(self.lr_lambdas)}")
        super().__init__(optimizer, last_epoch)

    def _rate(self, rate: float, place: int) -> float:
        rate = self.base_lrs[place]
        return rate * self.lr_lambdas[place](self.last_epoch)

    _first = _rate


class StepLR(LRScheduler):
    """Times `gamma` every `step_size` epochs."""

    def __init__(
        self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1
    ) -> None:
        self.step_size, self.gamma = step_size, gamma
        super().__init__(optimizer, last_epoch)

    def _rate(self, rate: float, place: int) -> float:
        return rate if self.last_epoch % self.step_size else rate * self.gamma


class MultiStepLR(LRScheduler):
    """Times `gamma` at each of the `milestones`."""

    def __init__(
        self,
        optimizer: Optimizer,
        milestones: Iterable[int],
        gamma: float = 0.1,
        last_epoch: int = -1,
    ) -> None:
        self.milestones, self.gamma = Counter(milestones), gamma
        super().__init__(optimizer, last_epoch)

    def _rate(self, rate: float, place: int) -> float:
        times: int = self.milestones[self.last_epoch]
        return rate * self.gamma**times if times else rate

    _first = _rate


class ExponentialLR(LRScheduler):
    """Times `gamma` at every epoch."""

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1) -> None:
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def _rate(self, rate: float, place: int) -> float:
        return rate * self.gamma


class ConstantLR(LRScheduler):
    """Times `factor` for `total_iters` epochs."""

    def __init__(
        self,
        optimizer: Optimizer,
        factor: float = 1.0 / 3,
        total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:
        if not 0 <= factor <= 1:
            raise ValueError("Constant multiplicative factor expected to be between 0 and 1.")
        self.factor, self.total_iters = factor, total_iters
        super().__init__(optimizer, last_epoch)

    def _rate(self, rate: float, place: int) -> float:
        return rate * (1.0 / self.factor) if self.last_epoch == self.total_iters else rate

    def _first(self, rate: float, place: int) -> float:
        return rate * self.factor if self.last_epoch == 0 else self._rate(rate, place)


class LinearLR(LRScheduler):
    """From `start_factor` to `end_factor` times the rate, within `total_iters` epochs."""

    def __init__(
        self,
        optimizer: Optimizer,
        start_factor: float = 1.0 / 3,
        end_factor: float = 1.0,
        total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:
        if not 0 < start_factor <= 1:
            raise ValueError(
                "Starting multiplicative factor expected to be greater than 0 and less or equal "
                "to 1."
            )
        if not 0 <= end_factor <= 1:
            raise ValueError("Ending multiplicative factor expected to be between 0 and 1.")
        self.start_factor, self.end_factor = start_factor, end_factor
        self.total_iters = total_iters
        super().__init__(optimizer, last_epoch)

    def _rate(self, rate: float, place: int) -> float:
        if self.last_epoch > self.total_iters:
            return rate
        rise = self.end_factor - self.start_factor
        before = self.total_iters * self.start_factor + (self.last_epoch - 1) * rise
        return rate * (1.0 + rise / before)

    def _first(self, rate: float, place: int) -> float:
        return rate * self.start_factor if self.last_epoch == 0 else rate


class PolynomialLR(LRScheduler):
    """Down to 0 within `total_iters` epochs, as a power of what is left."""

    def __init__(
        self,
        optimizer: Optimizer,
        total_iters: int = 5,
        power: float = 1.0,
        last_epoch: int = -1,
    ) -> None:
        self.total_iters, self.power = total_iters, power
        super().__init__(optimizer, last_epoch)

    def _rate(self, rate: float, place: int) -> float:
        if self.last_epoch > self.total_iters:
            return rate
        left, before = (1.0 - n / self.total_iters for n in (self.last_epoch, self.last_epoch - 1))
        return float(rate * (left / before) ** self.power)


class CosineAnnealingLR(LRScheduler):
    """Down to `eta_min` in `T_max` epochs, along half a cosine, and up again."""

    def __init__(
        self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0, last_epoch: int = -1
    ) -> None:
        self.T_max, self.eta_min = T_max, eta_min
        super().__init__(optimizer, last_epoch)

    def _rate(self, rate: float, place: int) -> float:
        if (self.last_epoch - 1 - self.T_max) % (2 * self.T_max) == 0:
            rise = self.base_lrs[place] - self.eta_min
            return float(rate + rise * (1 - math.cos(math.pi / self.T_max)) / 2)
        now = 1 + math.cos(math.pi * self.last_epoch / self.T_max)
        before = 1 + math.cos(math.pi * (self.last_epoch - 1) / self.T_max)
        return now / before * (rate - self.eta_min) + self.eta_min

    def _again(self, place: int) -> float:
        return float(self.eta_min + (self.base_lrs[place] - self.eta_min))


class SequentialLR(LRScheduler):
    """One schedule after the other: the next one begins at each of the `milestones`."""

    def __init__(
        self,
        optimizer: Optimizer,
        schedulers: Sequence[LRScheduler],
        milestones: Sequence[int],
        last_epoch: int = -1,
    ) -> None:
        if not schedulers:
            raise ValueError("SequentialLR expects at least one scheduler, but got no scheduler.")
        for place, each in enumerate(schedulers):
            if each.optimizer is not optimizer:
                raise ValueError(
                    "SequentialLR expects all schedulers to belong to the same optimizer, but got "
                    f"another one's at index {place}"
                )
        if len(milestones) != len(schedulers) - 1:
            raise ValueError(
                "Sequential Schedulers expects number of schedulers provided to be one more than "
                f"the number of milestone points, but got number of schedulers {len(schedulers)} "
                f"and the number of milestones to be equal to {len(milestones)}"
            )
        self._schedulers, self._milestones = list(schedulers), list(milestones)
        super().__init__(optimizer, last_epoch)

    def _begin(self) -> None:
        self.last_epoch += 1
        for group in self.optimizer.param_groups:
            group["lr"] = group["initial_lr"]
        for each in self._leaves():
            each.last_epoch -= 1
        first = self._schedulers[bisect_right(self._milestones, 0)]
        (first.step if isinstance(first, SequentialLR) else first._begin)()  # as torch does
        self._last_lr = first.get_last_lr()

    def _leaves(self) -> list[LRScheduler]:
        """Return the schedules that are no sequences themselves."""
        leaves: list[LRScheduler] = []
        for each in self._schedulers:
            leaves += each._leaves() if isinstance(each, SequentialLR) else [each]
        return leaves

    def step(self) -> None:
        """Go on to the next epoch."""
        self.last_epoch += 1
        place = bisect_right(self._milestones, self.last_epoch)
        now = self._schedulers[place]
        if place and self._milestones[place - 1] == self.last_epoch:
            now._begin_again()
        else:
            now.step()
        self._last_lr = now.get_last_lr()

    def state_dict(self) -> dict[str, Any]:
        """Return the states of all."""
        own = super().state_dict()
        return {**own, "_schedulers": [each.state_dict() for each in self._schedulers]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take the states back."""
        own = {name: value for name, value in state_dict.items() if name != "_schedulers"}
        super().load_state_dict(own)
        for each, state in zip(self._schedulers, state_dict["_schedulers"], strict=True):
            each.load_state_dict(state)
