"""Queues between ranks: first in, first out, in order of (clock, rank) of the puts."""

from __future__ import annotations

from collections import deque
from queue import Empty, Full
from typing import Any

from kernbench.runtime.multiprocessing.acting import act, block, deadline, poll, wake
from kernbench.runtime.waiting import Waiting

__all__ = ["JoinableQueue", "Queue", "SimpleQueue"]


class Queue:
    """A queue as of ``multiprocessing``; what is put carries the giver's clock.

    Objects are handed over as they are, without a copy.  Timeouts count in simulated time.

    Parameters
    ----------
    maxsize : int
        Most items that it holds; 0: no limit.

    Examples
    --------
    >>> queue = Queue()
    >>> queue.put(3)
    >>> queue.get(), queue.empty()
    (3, True)
    """

    def __init__(self, maxsize: int = 0, *, ctx: Any = None) -> None:
        self._maxsize = maxsize
        self._items: deque[tuple[int, Any]] = deque()
        self._getters: list[Waiting] = []
        self._putters: list[Waiting] = []
        self._closed = False

    def put(self, obj: Any, block: bool = True, timeout: float | None = None) -> None:
        """Append an item; wait for room if there is none.

        Raises
        ------
        queue.Full
            When there is no room, and none came in time.
        """
        self._check_open()
        rank = act("a put into a Queue")
        until = deadline(rank, timeout)
        while 0 < self._maxsize <= len(self._items):
            if not block or not _block(rank, self._putters, "room in a Queue", until):
                raise Full
        self._items.append((rank.clock_fs, obj))
        wake(rank, self._getters, 1)

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        """Take the first item; wait for one if there is none.

        Raises
        ------
        queue.Empty
            When there is none, and none came in time.
        DeadlockError
            When none can ever come.
        """
        self._check_open()
        rank = act("a get from a Queue")
        until = deadline(rank, timeout)
        while not self._items:
            if not block or not _block(rank, self._getters, "an item of a Queue", until):
                raise Empty
        clock_fs, item = self._items.popleft()
        rank.clock_fs = max(rank.clock_fs, clock_fs)
        wake(rank, self._putters, 1)
        return item

    def put_nowait(self, obj: Any) -> None:
        """Put without waiting."""
        self.put(obj, block=False)

    def get_nowait(self) -> Any:
        """Get without waiting."""
        return self.get(block=False)

    def qsize(self) -> int:
        """Count the items, as of now: a poll."""
        poll("the size of a Queue")
        return len(self._items)

    def empty(self) -> bool:
        """Tell whether there is no item, as of now: a poll."""
        return self.qsize() == 0

    def full(self) -> bool:
        """Tell whether there is no room, as of now: a poll."""
        return 0 < self._maxsize <= self.qsize()

    def close(self) -> None:
        """Take no more calls."""
        self._closed = True

    def join_thread(self) -> None:
        """Do nothing: there is no thread."""

    def cancel_join_thread(self) -> None:
        """Do nothing: there is no thread."""

    def _check_open(self) -> None:
        if self._closed:
            raise ValueError(f"Queue {self!r} is closed")


class SimpleQueue:
    """A queue with nothing but `put`, `get` and `empty`."""

    def __init__(self, *, ctx: Any = None) -> None:
        self._queue = Queue()

    def put(self, obj: Any) -> None:
        """Append an item."""
        self._queue.put(obj)

    def get(self) -> Any:
        """Take the first item; wait for one if there is none."""
        return self._queue.get()

    def empty(self) -> bool:
        """Tell whether there is no item, as of now: a poll."""
        return self._queue.empty()

    def close(self) -> None:
        """Take no more calls."""
        self._queue.close()


class JoinableQueue(Queue):
    """A queue whose items are marked done one by one."""

    def __init__(self, maxsize: int = 0, *, ctx: Any = None) -> None:
        super().__init__(maxsize)
        self._unfinished = 0
        self._joiners: list[Waiting] = []

    def put(self, obj: Any, block: bool = True, timeout: float | None = None) -> None:
        """Append an item, not done."""
        super().put(obj, block, timeout)
        self._unfinished += 1

    def task_done(self) -> None:
        """Mark one item that was taken as done."""
        rank = act("task_done of a JoinableQueue")
        if self._unfinished == 0:
            raise ValueError("task_done() called too many times")
        self._unfinished -= 1
        if self._unfinished == 0:
            wake(rank, self._joiners)

    def join(self) -> None:
        """Wait until every item is done."""
        rank = act("the join of a JoinableQueue")
        while self._unfinished:
            block(rank, self._joiners, "the items of a JoinableQueue to be done")


_block = block
