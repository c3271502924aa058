"""``os._exit`` per rank: it ends the rank that calls it, while workers live."""

from __future__ import annotations

import operator
import os

from greenlet import getcurrent

from kernbench.runtime.rank import current_rank

__all__ = ["RankExit"]


class RankExit:
    """The process's ``os._exit``, but in a rank, which alone ends.

    `install` puts it in place of ``os._exit``; `remove` puts the real one back.  Children that a
    rank forks, and threads, have the real one.
    """

    def __init__(self) -> None:
        self.real = os._exit
        self.pid = os.getpid()

    @classmethod
    def install(cls) -> RankExit:
        """Put it in place."""
        made = cls()
        vars(os)["_exit"] = made
        return made

    def remove(self) -> None:
        """Put back what was there, if this is still in its place."""
        if vars(os)["_exit"] is self:
            vars(os)["_exit"] = self.real

    def __call__(self, status: int) -> None:
        """End the caller with a status."""
        rank = current_rank()
        if os.getpid() == self.pid and rank.context is not None and rank.greenlet is getcurrent():
            rank.context._scheduler.workers[rank.index].quit(operator.index(status))
        self.real(status)
