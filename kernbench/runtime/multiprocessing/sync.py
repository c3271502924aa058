"""Locks, events and barriers between ranks, in order of (clock, rank)."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any

from kernbench.runtime.multiprocessing.acting import act, block, deadline, poll, wake
from kernbench.runtime.rank import Rank
from kernbench.runtime.waiting import Waiting

__all__ = ["Barrier", "BoundedSemaphore", "Condition", "Event", "Lock", "RLock", "Semaphore"]


class Semaphore:
    """A counter that ranks take from, and wait for when it is 0.

    A rank that raises within ``with lock:`` gives it back on its way out, as any program of Python
    does.  One that is ended there (because another rank raised, by ``terminate``, ``os._exit`` or a
    signal) keeps it, as a process that is killed does: who waits for it then is told so.
    """

    _name = "a Semaphore"

    def __init__(self, value: int = 1, *, ctx: Any = None) -> None:
        if value < 0:
            raise ValueError(f"semaphore: expected a value of at least 0, got {value}")
        self._value = value
        self._waiters: list[Waiting] = []
        self._holder: Rank | None = None

    def acquire(self, block: bool = True, timeout: float | None = None) -> bool:
        """Take one; wait for it, up to `timeout` simulated seconds; return whether it was had."""
        rank = act(f"the acquire of {self._name}")
        until = deadline(rank, timeout)
        while self._value == 0:
            if not block or not _block(rank, self._waiters, self._describe, until):
                return False
        self._value -= 1
        self._holder = rank
        return True

    def _describe(self) -> str:
        holder = self._holder
        if holder is None:
            return self._name
        kept = ", which has ended and cannot release it: make a new one" if holder.ended else ""
        return f"{self._name} (held by {holder}{kept})"

    def release(self) -> None:
        """Give one back."""
        rank = act(f"the release of {self._name}")
        self._value += 1
        self._holder = None
        wake(rank, self._waiters, 1)

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.release()


class BoundedSemaphore(Semaphore):
    """A semaphore that refuses to be given back more than was taken."""

    def __init__(self, value: int = 1, *, ctx: Any = None) -> None:
        super().__init__(value)
        self._most = value

    def release(self) -> None:
        """Give one back."""
        if self._value >= self._most:
            raise ValueError("semaphore or lock released too many times")
        super().release()


class Lock(BoundedSemaphore):
    """A lock; any rank may release it.

    Examples
    --------
    >>> lock = Lock()
    >>> with lock:
    ...     lock.acquire(block=False)
    False
    """

    _name = "a Lock"

    def __init__(self, *, ctx: Any = None) -> None:
        super().__init__(1)


class RLock(Semaphore):
    """A lock that its holder may take again."""

    _name = "an RLock"

    def __init__(self, *, ctx: Any = None) -> None:
        super().__init__(1)
        self._depth = 0

    def acquire(self, block: bool = True, timeout: float | None = None) -> bool:
        """Take it, or take it once more."""
        rank = act("the acquire of an RLock")
        if self._holder is not rank and not super().acquire(block, timeout):
            return False
        self._depth += 1
        return True

    def release(self) -> None:
        """Give it back once."""
        if self._holder is not act("the release of an RLock"):
            raise AssertionError("attempt to release recursive lock not owned by process")
        self._depth -= 1
        if self._depth == 0:
            super().release()


class Condition:
    """Waits for what others notify, under a lock."""

    def __init__(self, lock: Lock | RLock | None = None, *, ctx: Any = None) -> None:
        self._lock = lock or RLock()
        self.acquire, self.release = self._lock.acquire, self._lock.release
        self._waiters: list[Waiting] = []

    def wait(self, timeout: float | None = None) -> bool:
        """Release the lock, wait to be notified, and take the lock again."""
        rank = act("a Condition")
        depth = getattr(self._lock, "_depth", 1)
        for _ in range(depth):
            self.release()
        try:
            return block(rank, self._waiters, "a Condition", deadline(rank, timeout))
        finally:
            for _ in range(depth):
                self.acquire()

    def wait_for(self, predicate: Callable[[], Any], timeout: float | None = None) -> Any:
        """Wait until the predicate holds."""
        while not (result := predicate()) and self.wait(timeout):
            pass
        return result or predicate()

    def notify(self, n: int = 1) -> None:
        """Wake `n` of those that wait."""
        wake(act("the notify of a Condition"), self._waiters, n)

    def notify_all(self) -> None:
        """Wake all that wait."""
        wake(act("the notify of a Condition"), self._waiters)

    def __enter__(self) -> bool:
        return self._lock.__enter__()

    def __exit__(self, *error: Any) -> None:
        self.release()


class Event:
    """A flag that ranks wait for; it carries the clock of who set it.

    Examples
    --------
    >>> event = Event()
    >>> event.set()
    >>> event.wait()
    True
    """

    def __init__(self, *, ctx: Any = None) -> None:
        self._set_fs: int | None = None
        self._waiters: list[Waiting] = []

    def is_set(self) -> bool:
        """Tell whether it is set, as of now: a poll."""
        poll("the state of an Event")
        return self._set_fs is not None

    def set(self) -> None:
        """Set it, and wake all that wait."""
        rank = act("the set of an Event")
        if self._set_fs is None:
            self._set_fs = rank.clock_fs
        wake(rank, self._waiters)

    def clear(self) -> None:
        """Unset it."""
        act("the clear of an Event")
        self._set_fs = None

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it is set, up to `timeout` simulated seconds; return whether it is."""
        rank = act("the wait of an Event")
        until = deadline(rank, timeout)
        if self._set_fs is None and not block(rank, self._waiters, "an Event", until):
            return False
        rank.clock_fs = max(rank.clock_fs, self._set_fs or 0)
        return True


class Barrier:
    """So many ranks wait for each other; all go on at the latest clock."""

    def __init__(
        self,
        parties: int,
        action: Callable[[], Any] | None = None,
        timeout: float | None = None,
        *,
        ctx: Any = None,
    ) -> None:
        if parties < 1:
            raise ValueError(f"Barrier: expected at least 1 party, got {parties}")
        self.parties = parties
        self._action = action
        self._timeout = timeout
        self._waiters: list[Waiting] = []
        self._ended: set[int] = set()
        self.broken = False

    @property
    def n_waiting(self) -> int:
        """Ranks that wait now."""
        return len(self._waiters)

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the others; return the number of those that are still to come.

        Raises
        ------
        threading.BrokenBarrierError
            When it was aborted or reset, or a wait timed out.
        """
        rank = act("a Barrier")
        if self.broken:
            raise threading.BrokenBarrierError
        place = self.parties - 1 - len(self._waiters)
        if place == 0:
            if self._action is not None:
                self._action()
            wake(rank, self._waiters)
            return 0
        until = deadline(rank, self._timeout if timeout is None else timeout)
        what = f"{place} more at a Barrier of {self.parties}"
        if not block(rank, self._waiters, what, until):
            self.abort()
        if self._failed(rank):
            self._ended.discard(rank.index)
            raise threading.BrokenBarrierError
        return place

    def _failed(self, rank: Rank) -> bool:
        return self.broken or rank.index in self._ended

    def abort(self) -> None:
        """Break it: all waits fail."""
        rank = act("the abort of a Barrier")
        self.broken = True
        wake(rank, self._waiters)

    def reset(self) -> None:
        """Make it as new; those that wait fail."""
        rank = act("the reset of a Barrier")
        self._ended.update(waiting.rank.index for waiting in self._waiters)
        self.broken = False
        wake(rank, self._waiters)


_block = block
