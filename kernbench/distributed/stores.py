"""Stores: keys and values that ranks share on the host."""

from __future__ import annotations

import copy
from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Self

from kernbench.distributed.board import board_of, caller
from kernbench.runtime.multiprocessing.acting import act, block, deadline, wake
from kernbench.runtime.rank import current_rank
from kernbench.runtime.waiting import Waiting

__all__ = [
    "DistBackendError",
    "DistError",
    "DistNetworkError",
    "DistStoreError",
    "FileStore",
    "HashStore",
    "PrefixStore",
    "QueueEmptyError",
    "Store",
    "TCPStore",
]


class DistError(RuntimeError):
    """What torch's distributed errors derive from."""


class DistBackendError(DistError):
    """Of a backend; never raised here, for torch's scripts name it."""


class DistNetworkError(DistError):
    """Of a network; never raised here, for torch's scripts name it."""


class DistStoreError(DistError):
    """A store has not what is waited for."""


class QueueEmptyError(DistStoreError):
    """A queue of a store has nothing, and the caller does not wait."""


def _bytes(value: str | bytes) -> bytes:
    if not isinstance(value, (str, bytes)):
        raise TypeError(f"Store: expected a value of type str or bytes, got {value!r}")
    return value.encode() if isinstance(value, str) else value


@dataclass(slots=True)
class _Contents:
    """What stores share that are the same one: values and queues by name, and who waits.

    Attributes
    ----------
    items_are_values : bool
        Whether a name with a queue alone has a value, an empty one: torch's TCPStore says so.
    """

    items_are_values: bool = False
    values: dict[str, bytes] = field(default_factory=dict)
    queues: defaultdict[str, deque[bytes]] = field(default_factory=lambda: defaultdict(deque))
    waiters: list[Waiting] = field(default_factory=list)

    def has(self, name: str) -> bool:
        """Return whether there is a value, or an item in a queue."""
        return name in self.values or bool(self.queues.get(name))


class Store:
    """Keys and values that ranks share; ``get`` waits until a key is set.

    Examples
    --------
    >>> import kernbench as kb
    >>> with kb.Context("small"):
    ...     store = HashStore()
    ...     store.set("a", "1")
    ...     store.queue_push("jobs", "first")
    ...     store.add("n", 2), store.get("a"), store.queue_pop("jobs")
    (2, b'1', b'first')
    """

    def __init__(self, timeout: timedelta | None = None) -> None:
        self._contents = _Contents()
        self._timeout = timeout

    def _name(self, key: str) -> str:
        """Return the name under which what a key stands for lies."""
        if not isinstance(key, str):
            raise TypeError(f"Store: expected a key of type str, got {key!r}")
        return key

    def _act(self, what: str) -> _Contents:
        """Come up to the caller's clock; return what there is then."""
        act(f"the {what} of a Store")
        return self._contents

    def _changed(self) -> None:
        wake(current_rank(), self._contents.waiters)

    def set(self, key: str, value: str | bytes) -> None:
        """Set a value."""
        self.multi_set([key], [value])

    def multi_set(self, keys: Sequence[str], values: Sequence[str | bytes]) -> None:
        """Set several values."""
        there = self._act("set")
        for key, value in zip(keys, values, strict=True):
            there.values[self._name(key)] = _bytes(value)
        self._changed()

    def append(self, key: str, value: str | bytes) -> None:
        """Put a value behind what is there."""
        there, name = self._act("append"), self._name(key)
        there.values[name] = there.values.get(name, b"") + _bytes(value)
        self._changed()

    def get(self, key: str) -> bytes:
        """Return a value; wait until it is set.

        A TCPStore returns b"" for a key that has a queue alone, as torch's does.
        """
        return self.multi_get([key])[0]

    def multi_get(self, keys: Sequence[str]) -> list[bytes]:
        """Return several values; wait until all are set."""
        there = self._act("get")
        for key in keys:
            self._wait_for(key, self._timeout, item=there.items_are_values)
        return [there.values.get(self._name(key), b"") for key in keys]

    def _wait_for(
        self, key: str, timeout: timedelta | None, *, value: bool = True, item: bool = True
    ) -> None:
        """Wait for a `value` or an `item` of a queue, or for either."""
        rank, name, there = current_rank(), self._name(key), self._contents
        until_fs = deadline(rank, timeout.total_seconds() if timeout is not None else None)
        while not ((value and name in there.values) or (item and there.queues.get(name))):
            if not block(rank, there.waiters, f"the key {name!r} of a Store", until_fs):
                raise DistStoreError(f"wait timeout after {timeout}, keys: /{name}")

    def add(self, key: str, amount: int) -> int:
        """Add to a number, 0 at first; return the sum."""
        there, name = self._act("add"), self._name(key)
        if not isinstance(amount, int):
            raise TypeError(f"Store.add: expected an amount of type int, got {amount!r}")
        total = int(there.values.get(name, b"0")) + amount
        there.values[name] = str(total).encode()
        self._changed()
        return total

    def compare_set(self, key: str, expected_value: str, desired_value: str) -> bytes:
        """Set a value if it is the expected one, or is not there and that is empty."""
        there, name = self._act("compare_set"), self._name(key)
        if there.values.get(name, b"") == expected_value.encode():
            there.values[name] = desired_value.encode()
            self._changed()
        return there.values.get(name, expected_value.encode())

    def wait(self, keys: list[str], timeout: timedelta | None = None) -> None:
        """Wait until the keys are set, or have items in their queues.

        Raises
        ------
        DistStoreError
            When they are not within `timeout` of simulated time; without one the machine finds a
            wait that cannot end.
        """
        self._act("wait")
        for key in keys:
            self._wait_for(key, timeout or self._timeout)

    def check(self, keys: list[str]) -> bool:
        """Tell whether all keys are set, or have items in their queues, as of now."""
        there = self._act("check")
        return all(there.has(self._name(key)) for key in keys)

    def delete_key(self, key: str) -> bool:
        """Remove a value; return whether it was there."""
        return self._act("delete_key").values.pop(self._name(key), None) is not None

    def num_keys(self) -> int:
        """Count the values, of all prefixes; queues are not counted."""
        return len(self._act("num_keys").values)

    def list_keys(self) -> list[str]:
        """Return the keys of the values."""
        start = self._name("")
        names = self._act("list_keys").values
        return [name[len(start) :] for name in names if name.startswith(start)]

    def queue_push(self, key: str, value: str | bytes) -> None:
        """Put an item at the end of a queue."""
        self._act("queue_push").queues[self._name(key)].append(_bytes(value))
        self._changed()

    def queue_pop(self, key: str, block: bool = True) -> bytes:
        """Take the first item of a queue; wait until there is one.

        Raises
        ------
        QueueEmptyError
            When there is none, and `block` is False.
        """
        there, name = self._act("queue_pop"), self._name(key)
        if not block and not there.queues.get(name):
            raise QueueEmptyError(f"queue is empty: {name!r}")
        self._wait_for(key, self._timeout, value=False)
        return there.queues[name].popleft()

    def queue_len(self, key: str) -> int:
        """Count the items of a queue."""
        return len(self._act("queue_len").queues.get(self._name(key), ()))

    def barrier(self, key: str, world_size: int, timeout: timedelta | None = None) -> None:
        """Wait until `world_size` ranks have called it with this key; see :meth:`wait`."""
        if self.add(f"{key}/num_members", 1) == world_size:
            self.set(f"{key}/last_member", "1")
        self.wait([f"{key}/last_member"], timeout)

    def clone(self) -> Self:
        """Return another store of the same contents."""
        return copy.copy(self)

    def has_extended_api(self) -> bool:
        """Return True: there are append, multi_get, multi_set and queues."""
        return True

    def set_timeout(self, timeout: timedelta) -> None:
        """Let waits end after some simulated time."""
        self._timeout = timeout

    @property
    def timeout(self) -> timedelta | None:
        """What was set; None at first."""
        return self._timeout


class HashStore(Store):
    """A store of one object, which ranks are given."""


def _named(store: Store, name: str) -> None:
    """Share the contents of the other stores of a name in this context."""
    store._contents = board_of(caller()[1]).stores.setdefault(name, store)._contents


class TCPStore(Store):
    """Shares its values with every TCPStore of the same address in the context.

    All but the address and `timeout` is accepted and changes nothing: there is no server to start
    or to wait for.
    """

    def __init__(
        self,
        host_name: str,
        port: int,
        world_size: int | None = None,
        is_master: bool = False,
        timeout: timedelta | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(timeout)
        self._contents.items_are_values = True
        self.host, self.port = host_name, port
        _named(self, f"tcp://{host_name}:{port}")


class FileStore(Store):
    """Shares its values with every FileStore of the same name in the context; writes no file.

    `world_size` is accepted and changes nothing.
    """

    def __init__(self, file_name: str, world_size: int = -1) -> None:
        super().__init__()
        self.path = file_name
        _named(self, f"file://{file_name}")


class PrefixStore(Store):
    """A store whose keys begin with a prefix in another one."""

    def __init__(self, prefix: str, store: Store) -> None:
        super().__init__(store._timeout)
        self._prefix, self.underlying_store = prefix, store
        self._contents = store._contents

    def _name(self, key: str) -> str:
        return self.underlying_store._name(f"{self._prefix}/{super()._name(key)}")
