"""``os._exit`` and ``os.kill`` per rank: while workers live, a rank that ends itself ends alone."""

from __future__ import annotations

import operator
import os
import signal
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, Self

from greenlet import getcurrent

from kernbench.runtime.rank import current_rank

if TYPE_CHECKING:
    from kernbench.runtime.worker import Worker

__all__ = ["RankExit", "RankKill"]

_HARMLESS = {
    0,
    signal.SIGCHLD,
    signal.SIGCONT,
    signal.SIGSTOP,
    signal.SIGTSTP,
    signal.SIGTTIN,
    signal.SIGTTOU,
    signal.SIGURG,
    signal.SIGWINCH,
}
"""What ends no process that has not asked for it."""


class _Ending:
    """A function of the os module that ends the process, but in a rank, which alone ends.

    `install` puts it in place of the real one; `remove` puts that back.  Children that a rank
    forks, and threads, have the real one.
    """

    name: ClassVar[str]

    def __init__(self) -> None:
        self.real: Callable[..., Any] = getattr(os, self.name)
        self.pid = os.getpid()

    @classmethod
    def install(cls) -> Self:
        """Put it in place."""
        made = cls()
        vars(os)[cls.name] = made
        return made

    def remove(self) -> None:
        """Put back what was there, if this is still in its place."""
        if vars(os)[self.name] is self:
            vars(os)[self.name] = self.real

    def worker(self) -> Worker | None:
        """Return the rank that calls; None for whoever has the real function."""
        rank = current_rank()
        if os.getpid() != self.pid or rank.context is None or rank.greenlet is not getcurrent():
            return None
        return rank.context._scheduler.workers[rank.index]


class RankExit(_Ending):
    """``os._exit``."""

    name = "_exit"

    def __call__(self, status: int) -> None:
        """End the caller with a status."""
        worker = self.worker()
        if worker is not None:
            worker.quit(operator.index(status) & 0xFF)
        self.real(status)


class RankKill(_Ending):
    """``os.kill``: what a rank sends to its own process, and would end that, ends the rank."""

    name = "kill"

    def __call__(self, pid: int, sig: int) -> None:
        """Send a signal; handlers of Python's are called as ever."""
        worker = self.worker()
        number = operator.index(sig)
        if worker is not None and pid == self.pid and number not in _HARMLESS:
            if number not in signal.valid_signals():
                raise OSError(22, "Invalid argument")
            if signal.getsignal(number) is signal.SIG_DFL:
                worker.quit(-number)
        self.real(pid, sig)
