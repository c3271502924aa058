"""The base of schedules of learning rates.

A schedule is arithmetic of the host, step by step as torch's, so that rates have equal bits.  It
has torch's inner names, too: scripts derive schedules of their own, with a ``get_lr``.
"""

from __future__ import annotations

import types
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from kernbench.optim.optimizer import Optimizer

__all__ = [
    "EPOCH_IS_DEPRECATED",
    "LRScheduler",
    "by_group",
    "check_optimizer",
    "load_functions",
    "state_of_functions",
]

EPOCH_IS_DEPRECATED = (
    "The epoch parameter in `scheduler.step()` was not necessary and is being deprecated where "
    "possible. Please use `scheduler.step()` to step the scheduler."
)


class LRScheduler:
    """Base of schedules: each gives the rate of a group at an epoch from that of the one before.

    Differs from torch: it does not warn when no step of the optimizer came before its own.

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
    >>> class Halving(LRScheduler):
    ...     def get_lr(self):
    ...         return [rate / 2**self.last_epoch for rate in self.base_lrs]
    >>> with kb.Context("small") as ctx:
    ...     optimizer = SGD([ctx.zeros(2).requires_grad_()], lr=1.0)
    ...     schedule = Halving(optimizer)
    ...     rates = []
    ...     for _ in range(3):
    ...         rates += schedule.get_last_lr()
    ...         optimizer.step()
    ...         schedule.step()
    >>> rates
    [1.0, 0.5, 0.25]
    """

    _is_initial = False
    _get_lr_called_within_step = False

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        check_optimizer(optimizer)
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
        self._initial_step()

    def get_lr(self) -> list[float]:
        """Return the rate of each group at `last_epoch`; groups have those of the epoch before."""
        raise NotImplementedError

    def get_last_lr(self) -> list[float]:
        """Return the rate of each group."""
        return self._last_lr

    def step(self, epoch: int | None = None) -> None:
        """Go on to the next epoch, or to the one given: call it after the optimizer's `step`."""
        self._step_count += 1
        if epoch is not None:
            warnings.warn(EPOCH_IS_DEPRECATED, UserWarning, stacklevel=2)
        self._update_lr(epoch)

    def _initial_step(self) -> None:
        self._step_count = 0
        with self._marked("_is_initial"):
            self.step()

    def _update_lr(self, epoch: int | None = None) -> None:
        """Set the rates of the next epoch; of the one given, by a closed form if there is one."""
        self.last_epoch = self.last_epoch + 1 if epoch is None else epoch
        closed = "_get_closed_form_lr"
        form = "get_lr" if epoch is None or not hasattr(self, closed) else closed
        with self._marked("_get_lr_called_within_step"):
            self._set(getattr(self, form)())

    def _set(self, rates: Sequence[float]) -> None:
        for group, rate in zip(self.optimizer.param_groups, rates, strict=True):
            group["lr"] = rate
        self._last_lr = self._rates()

    def _rates(self) -> list[float]:
        return [group["lr"] for group in self.optimizer.param_groups]

    @contextmanager
    def _marked(self, name: str) -> Iterator[None]:
        setattr(self, name, True)
        try:
            yield
        finally:
            setattr(self, name, False)

    def _warn_outside_step(self) -> None:
        """Warn whoever asks for what `step` alone can ask for."""
        if not self._get_lr_called_within_step:
            warnings.warn(
                "To get the last learning rate computed by the scheduler, please use "
                "`get_last_lr()`.",
                UserWarning,
                stacklevel=3,
            )

    def state_dict(self) -> dict[str, Any]:
        """Return everything but the optimizer."""
        return {name: value for name, value in self.__dict__.items() if name != "optimizer"}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take the state back."""
        self.__dict__.update(state_dict)


def check_optimizer(optimizer: Any) -> None:
    """Raise torch's error for what is no optimizer."""
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"{type(optimizer).__name__} is not an Optimizer")


def by_group(name: str, optimizer: Optimizer, given: Any) -> list[Any]:
    """Return one value for each group, of one or of a list."""
    n_groups = len(optimizer.param_groups)
    if not isinstance(given, (list, tuple)):
        return [given] * n_groups
    if len(given) != n_groups:
        raise ValueError(
            f"{name} must have the same length as optimizer.param_groups. {name} has "
            f"{len(given)} values, param_groups has {n_groups}."
        )
    return list(given)


def state_of_functions(functions: Sequence[Callable[..., Any] | None]) -> list[Any]:
    """Return the attributes of objects that are called; None of plain functions."""
    return [
        None if each is None or isinstance(each, types.FunctionType) else each.__dict__.copy()
        for each in functions
    ]


def load_functions(functions: Sequence[Any], states: Sequence[Any]) -> None:
    """Give the attributes back."""
    for each, state in zip(functions, states, strict=True):
        if state is not None:
            each.__dict__.update(state)
