"""What ranks share by name in multiprocessing: values, arrays, managers and pipes.

Ranks are in one process, so that the objects are plain ones; `Value`, `Array` and `Pipe` carry the
clock of whoever wrote, as all that is handed from rank to rank does.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Sequence
from types import SimpleNamespace
from typing import Any, Self

from kernbench.runtime.multiprocessing.acting import act, block, deadline, poll
from kernbench.runtime.multiprocessing.queues import JoinableQueue, Queue
from kernbench.runtime.multiprocessing.sync import (
    Barrier,
    BoundedSemaphore,
    Condition,
    Event,
    Lock,
    RLock,
    Semaphore,
)

__all__ = ["Array", "Connection", "Manager", "Pipe", "SyncManager", "Value"]


_TYPES = {
    "c": ctypes.c_char, "u": ctypes.c_wchar, "b": ctypes.c_byte, "B": ctypes.c_ubyte,
    "h": ctypes.c_short, "H": ctypes.c_ushort, "i": ctypes.c_int, "I": ctypes.c_uint,
    "l": ctypes.c_long, "L": ctypes.c_ulong, "q": ctypes.c_longlong, "Q": ctypes.c_ulonglong,
    "f": ctypes.c_float, "d": ctypes.c_double,
}  # fmt: skip
"""By the letters of the module array."""


def _type(typecode_or_type: Any) -> Any:
    if not isinstance(typecode_or_type, str):
        return typecode_or_type
    if typecode_or_type not in _TYPES:
        raise ValueError(
            f"expected a type of ctypes or a letter, one of {''.join(_TYPES)}, got "
            f"{typecode_or_type!r}"
        )
    return _TYPES[typecode_or_type]


class _Shared:
    """Something of ctypes' that ranks write, and read by a poll, in order of (clock, rank)."""

    def __init__(self, cell: Any, lock: Any) -> None:
        self._cell = cell
        self._lock = RLock() if lock in (True, None) else lock
        self._clock_fs = 0

    def _read(self) -> Any:
        rank = poll(f"the read of a shared {type(self).__name__}")
        rank.clock_fs = max(rank.clock_fs, self._clock_fs)
        return self._cell

    def _write(self) -> Any:
        rank = act(f"the write of a shared {type(self).__name__}")
        self._clock_fs = max(self._clock_fs, rank.clock_fs)
        return self._cell

    def get_lock(self) -> Any:
        """Return its lock."""
        return self._lock

    def get_obj(self) -> Any:
        """Return the object of ctypes."""
        return self._cell


class Value(_Shared):
    """One value that ranks share.

    Examples
    --------
    >>> count = Value("i", 3)
    >>> with count.get_lock():
    ...     count.value += 1
    >>> count.value
    4
    """

    def __init__(self, typecode_or_type: Any, *args: Any, lock: Any = True) -> None:
        super().__init__(_type(typecode_or_type)(*args), lock)

    @property
    def value(self) -> Any:
        """The value."""
        return self._read().value

    @value.setter
    def value(self, value: Any) -> None:
        self._write().value = value


class Array(_Shared):
    """A line of values that ranks share.

    Examples
    --------
    >>> line = Array("d", 3)
    >>> line[1] = 2.5
    >>> line[:], len(line)
    ([0.0, 2.5, 0.0], 3)
    """

    def __init__(
        self, typecode_or_type: Any, size_or_initializer: int | Sequence[Any], *, lock: Any = True
    ) -> None:
        kind = _type(typecode_or_type)
        if isinstance(size_or_initializer, int):
            made: ctypes.Array[Any] = (kind * size_or_initializer)()
        else:
            made = (kind * len(size_or_initializer))(*size_or_initializer)
        super().__init__(made, lock)

    def __len__(self) -> int:
        return len(self._cell)

    def __getitem__(self, index: Any) -> Any:
        return self._read()[index]

    def __setitem__(self, index: Any, value: Any) -> None:
        self._write()[index] = value

    def __iter__(self) -> Iterator[Any]:
        return iter(self._read()[:])


class SyncManager:
    """Makes objects for all ranks; its dicts and lists are Python's own.

    Whoever reads one while other ranks write waits for them by a Barrier, a Queue or a join.

    Examples
    --------
    >>> import kernbench as kb
    >>> def work(rank, found):
    ...     found[rank] = 10 * rank
    >>> with kb.Context(kb.Topology.preset("small", {"system.sips": 2})) as ctx:
    ...     with ctx.multiprocessing.Manager() as manager:
    ...         found = manager.dict()
    ...         ctx.multiprocessing.spawn(work, args=(found,), nprocs=2)
    ...         sorted(found.items())
    [(0, 0), (1, 10)]
    """

    dict = dict
    list = list
    Namespace = SimpleNamespace
    Array = Array
    Barrier = Barrier
    BoundedSemaphore = BoundedSemaphore
    Condition = Condition
    Event = Event
    JoinableQueue = JoinableQueue
    Lock = Lock
    Queue = Queue
    RLock = RLock
    Semaphore = Semaphore
    Value = Value

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()

    def start(self) -> None:
        """Do nothing: there is no process of a manager."""

    def shutdown(self) -> None:
        """Do nothing: there is no process of a manager."""


def Manager() -> SyncManager:
    """Return what makes objects for all ranks."""
    return SyncManager()


class Connection:
    """One end of a pipe.  Objects are handed over as they are."""

    def __init__(self, out: Queue, into: Queue) -> None:
        self._out = out
        self._into = into

    def send(self, obj: Any) -> None:
        """Send an object to the other end."""
        self._out.put(obj)

    def recv(self) -> Any:
        """Take the next object from the other end; wait for one if there is none."""
        return self._into.get()

    def poll(self, timeout: float | None = 0.0) -> bool:
        """Tell whether there is an object, up to `timeout` simulated seconds from now."""
        rank = poll("whether a pipe has an object")
        until = deadline(rank, timeout)
        while not self._into._items:
            if not block(rank, self._into._getters, "an object of a pipe", until):
                return False
        return True

    def close(self) -> None:
        """Do nothing: all ranks have the one end."""


def Pipe(duplex: bool = True) -> tuple[Connection, Connection]:
    """Return the two ends of a pipe; what one sends the other receives, with any `duplex`.

    Examples
    --------
    >>> here, there = Pipe()
    >>> here.send(3)
    >>> there.poll(), there.recv(), there.poll()
    (True, 3, False)
    """
    forth, back = Queue(), Queue()
    return Connection(forth, back), Connection(back, forth)
