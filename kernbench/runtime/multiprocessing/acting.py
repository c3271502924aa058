"""Acts: what a rank does that others see happens in order of (clock, rank) (ADR-0049 D7).

Two kinds of calls stand on these functions.  An *act* first lets the machine, and every rank with
an earlier clock, come up to the caller's: :func:`act`.  A *blocking* call then waits, if it has to,
until an act of another rank wakes it: :func:`block`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

from kernbench.errors import DeadlockError
from kernbench.runtime.rank import Rank, current_rank
from kernbench.runtime.waiting import Waiting, script_line

__all__ = ["act", "block", "deadline", "poll", "wake"]


_END_FS = float(1 << 63)


def act(what: str, asks: bool = False) -> Rank:
    """Come up to the caller's clock; return the caller."""
    rank = current_rank()
    context = rank.context
    if context is None:
        return rank
    if rank.is_worker or context._scheduler.workers:
        context._pass(rank, what, asks)
    else:
        context._scheduler.count(asks)
    return rank


def poll(what: str) -> Rank:
    """Act by asking: a call of the host, so that a loop that asks ends."""
    rank = current_rank()
    if rank.context is not None:
        rank.clock_fs = rank.context.now_fs + rank.context._call_fs
    return act(what, asks=True)


def deadline(rank: Rank, timeout: float | None) -> int | None:
    """Return the simulated time at which a wait of `timeout` seconds is over; None for never.

    Clocks end after 2.5 hours: what is later than that never comes.
    """
    if timeout is None or rank.clock_fs + timeout * 1e15 >= _END_FS:
        return None
    return rank.clock_fs + max(0, round(timeout * 1e15))


def block(
    rank: Rank,
    waiters: list[Waiting],
    what: str | Callable[[], str],
    until_fs: int | None = None,
) -> bool:
    """Wait until somebody wakes `waiters`; return False when `until_fs` came first."""
    if until_fs is not None and until_fs <= rank.clock_fs:
        return False
    waiting = Waiting(rank, what, at_fs=until_fs)
    context = rank.context
    if context is None or not (rank.is_worker or context._scheduler.workers):
        if until_fs is not None:
            rank.clock_fs = until_fs
            return False
        text = what if isinstance(what, str) else what()
        raise DeadlockError(
            f"deadlock: {rank} waits for {text}, at {script_line(sys._getframe(1))}, and no other "
            "rank is running that could bring it"
        )
    waiters.append(waiting)
    try:
        context._scheduler.wait(waiting)
    finally:
        if waiting in waiters:
            waiters.remove(waiting)
    return not waiting.timed_out


def wake(rank: Rank, waiters: list[Waiting], count: int | None = None) -> None:
    """End the waits of the first `count` of `waiters`, or of all."""
    chosen = waiters[:count]
    del waiters[: len(chosen)]
    if chosen:
        context = chosen[0].rank.context
        assert context is not None
        context._scheduler.wake(chosen, rank.clock_fs)
