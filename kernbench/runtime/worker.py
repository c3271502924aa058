"""A worker: one rank's program, and how it ended."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from kernbench.runtime.rank import Rank
from kernbench.runtime.waiting import Waiting, is_kernbench

if TYPE_CHECKING:
    from kernbench.runtime.scheduler import Scheduler

__all__ = ["Failure", "Worker"]


class Failure:
    """How a worker ended, if not well: an exception, or an exit status.

    Attributes
    ----------
    error : BaseException or None
        What it raised.
    text : str
        Its traceback.
    exitcode : int
        1 for an exception, -N for signal N, else the status.
    """

    __slots__ = ("error", "exitcode", "text")

    def __init__(self, error: BaseException | None, text: str, exitcode: int = 1) -> None:
        self.error = error
        self.text = text
        self.exitcode = exitcode


class Worker:
    """One rank's program.

    Attributes
    ----------
    rank : Rank
        Whose.
    started, ended : bool
        Whether it has begun, and whether it is over.
    failure : Failure or None
        How it failed; None if it did not, or was ended because another rank failed.
    on_failure : callable
        Called by the scheduler after the round in which it failed.
    """

    def __init__(
        self,
        scheduler: Scheduler,
        rank: Rank,
        function: Callable[[], Any],
        on_failure: Callable[[], None] | None = None,
    ) -> None:
        self.scheduler = scheduler
        self.rank = rank
        self.function = function
        self.on_failure = on_failure
        self.started = self.ended = False
        self.failure: Failure | None = None
        self.joiners: list[Waiting] = []

    def body(self) -> None:
        """Run the program; note how it ended."""
        try:
            try:
                self.function()
            except SystemExit as stop:
                self.exit(stop.code)
            if self.failure is None:
                self.scheduler.context._end()
        except SystemExit:
            pass
        except KeyboardInterrupt:
            self.scheduler.interrupted = not self.rank.aborting
        except Exception as error:
            self.fail(error)
        except BaseException as error:
            if not self.rank.aborting:
                traceback.print_exc()
                self.failure = Failure(error, traceback.format_exc())
        self.ended = True
        self.scheduler.forget(self)

    def quit(self, exitcode: int) -> None:
        """End where it is, as a process that is ended: nothing of the program runs any more.

        The exit code is that of multiprocessing: -N of what signal N has ended.
        """
        greenlet = self.rank.greenlet
        assert greenlet is not None
        if exitcode and not self.rank.aborting:
            self.failure = Failure(None, "", exitcode)
        self.ended = True
        self.scheduler.left.append(greenlet)
        self.scheduler.forget(self)
        self.scheduler.hand_over(greenlet)

    def fail(self, error: Exception) -> None:
        """Note an exception, unless the rank is being ended: then it is not a root cause."""
        if self.rank.aborting:
            return
        below = error.__traceback__
        while below is not None and below.tb_next and is_kernbench(below.tb_frame):
            below = below.tb_next
        text = "".join(traceback.format_exception(type(error), error, below))
        self.failure = Failure(error, text)

    def exit(self, code: Any) -> None:
        """Take ``sys.exit(code)`` as a process does."""
        if code is None or code == 0 or self.rank.aborting:
            return
        if not isinstance(code, int):
            print(code, file=sys.stderr)
        self.failure = Failure(None, "", code & 0xFF if isinstance(code, int) else 1)
