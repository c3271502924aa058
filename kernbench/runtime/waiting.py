"""What a rank waits for, and the place in the script where it does."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kernbench.runtime.rank import Rank

__all__ = ["Waiting", "is_kernbench", "script_line"]

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_BESIDES = tuple(os.path.abspath(str(each.__file__)) for each in (contextlib, threading))


class Waiting:
    """One wait of one rank: for handles, for a time, or for what another rank does.

    Parameters
    ----------
    rank : Rank
        Who waits.
    what : str or callable
        For messages, after "waits for"; a callable is asked when there is a message.
    handles : tuple of int
        Engine handles; it ends when all are done.
    at_fs : int, optional
        It ends, at the latest, when the machine has reached this time.
    """

    __slots__ = ("at_fs", "handles", "missing", "over", "rank", "since_fs", "timed_out", "what")

    def __init__(
        self,
        rank: Rank,
        what: str | Callable[[], str],
        handles: tuple[int, ...] = (),
        at_fs: int | None = None,
    ) -> None:
        self.rank = rank
        self.what = what
        self.handles = handles
        self.missing = len(handles)
        self.at_fs = at_fs
        self.since_fs = rank.clock_fs
        self.over = False
        self.timed_out = False

    def describe(self) -> str:
        """Return who waits for what, where, and since when."""
        what = self.what if isinstance(self.what, str) else self.what()
        place = script_line(_frame_of(self.rank))
        return (
            f"{self.rank} waits for {what}, at {place or _nowhere(self.rank)}, "
            f"since {self.since_fs / 1e6:,.3f} ns"
        )


def _nowhere(rank: Rank) -> str:
    """Return where a rank is that is in no line of the script."""
    return "its end" if rank.is_worker else "an unknown line"


def _frame_of(rank: Rank) -> FrameType | None:
    if rank.greenlet is None:
        return sys._getframe(1)
    frame: FrameType | None = rank.greenlet.gr_frame
    return frame


def is_kernbench(frame: FrameType) -> bool:
    """Return whether a frame is one of kernbench's own."""
    return frame.f_code.co_filename.startswith(_PACKAGE)


def script_line(frame: FrameType | None) -> str:
    """Return ``file:line`` of the innermost frame that is not of kernbench; "" without one."""
    while frame is not None:
        name = frame.f_code.co_filename
        if not is_kernbench(frame) and name not in _BESIDES:
            return f"{os.path.basename(name)}:{frame.f_lineno}"
        frame = frame.f_back
    return ""
