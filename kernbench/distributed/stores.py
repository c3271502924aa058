"""Stores: keys and values that ranks share on the host."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

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


def _bytes(value: str | bytes) -> bytes:
    if not isinstance(value, (str, bytes)):
        raise TypeError(f"Store: expected a value of type str or bytes, got {value!r}")
    return value.encode() if isinstance(value, str) else value


class Store:
    """Keys and values that ranks share; ``get`` waits until a key is set.

    Examples
    --------
    >>> import kernbench as kb
    >>> with kb.Context("small"):
    ...     store = HashStore()
    ...     store.set("a", "1")
    ...     store.add("n", 2), store.get("a")
    (2, b'1')
    """

    def __init__(self) -> None:
        self._values: dict[str, bytes] = {}
        self._waiters: list[Waiting] = []
        self._timeout: timedelta | None = None

    def _name(self, key: str) -> str:
        """Return the name under which a key's value lies."""
        return key

    def set(self, key: str, value: str | bytes) -> None:
        """Set a value."""
        self.multi_set([key], [value])

    def multi_set(self, keys: Sequence[str], values: Sequence[str | bytes]) -> None:
        """Set several values."""
        rank = act("the set of a Store")
        for key, value in zip(keys, values, strict=True):
            self._values[self._name(key)] = _bytes(value)
        wake(rank, self._waiters)

    def append(self, key: str, value: str | bytes) -> None:
        """Put a value behind what is there."""
        rank = act("the append of a Store")
        name = self._name(key)
        self._values[name] = self._values.get(name, b"") + _bytes(value)
        wake(rank, self._waiters)

    def get(self, key: str) -> bytes:
        """Return a value; wait until it is set."""
        return self.multi_get([key])[0]

    def multi_get(self, keys: Sequence[str]) -> list[bytes]:
        """Return several values; wait until all are set."""
        act("the get of a Store")
        for key in keys:
            self._wait_for(key, self._timeout)
        return [self._values[self._name(key)] for key in keys]

    def _wait_for(self, key: str, timeout: timedelta | None) -> None:
        rank, name = current_rank(), self._name(key)
        until_fs = deadline(rank, timeout.total_seconds() if timeout is not None else None)
        while name not in self._values:
            if not block(rank, self._waiters, f"the key {name!r} of a Store", until_fs):
                raise DistStoreError(f"wait timeout after {timeout}, keys: /{name}")

    def add(self, key: str, amount: int) -> int:
        """Add to a number, 0 at first; return the sum."""
        rank = act("the add of a Store")
        name = self._name(key)
        total = int(self._values.get(name, b"0")) + amount
        self._values[name] = str(total).encode()
        wake(rank, self._waiters)
        return total

    def compare_set(self, key: str, expected_value: str, desired_value: str) -> bytes:
        """Set a value if it is the expected one, or is not there and that is empty."""
        rank = act("the compare_set of a Store")
        name = self._name(key)
        if self._values.get(name, b"") == expected_value.encode():
            self._values[name] = desired_value.encode()
            wake(rank, self._waiters)
        return self._values.get(name, expected_value.encode())

    def wait(self, keys: list[str], timeout: timedelta | None = None) -> None:
        """Wait until the keys are set.

        Raises
        ------
        DistStoreError
            When they are not within `timeout` of simulated time; without one the machine finds a
            wait that cannot end.
        """
        act("the wait of a Store")
        for key in keys:
            self._wait_for(key, timeout or self._timeout)

    def check(self, keys: list[str]) -> bool:
        """Tell whether all keys are set, as of now."""
        act("the check of a Store")
        return all(self._name(key) in self._values for key in keys)

    def delete_key(self, key: str) -> bool:
        """Remove a key; return whether it was there."""
        act("the delete_key of a Store")
        return self._values.pop(self._name(key), None) is not None

    def num_keys(self) -> int:
        """Count the keys, of all prefixes."""
        act("the num_keys of a Store")
        return len(self._values)

    def list_keys(self) -> list[str]:
        """Return the keys."""
        act("the list_keys of a Store")
        start = self._name("")
        return [name[len(start) :] for name in self._values if name.startswith(start)]

    def has_extended_api(self) -> bool:
        """Return True: there are append, multi_get and multi_set."""
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
    """Share values with the other stores of a name in this context."""
    first = board_of(caller()[1]).stores.setdefault(name, store)
    store._values, store._waiters = first._values, first._waiters


class TCPStore(Store):
    """Shares its values with every TCPStore of the same address in the context."""

    def __init__(
        self,
        host_name: str,
        port: int,
        world_size: int | None = None,
        is_master: bool = False,
        timeout: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__()
        self.host, self.port = host_name, port
        _named(self, f"tcp://{host_name}:{port}")


class FileStore(Store):
    """Shares its values with every FileStore of the same name in the context; writes no file."""

    def __init__(self, file_name: str, world_size: int = -1) -> None:
        super().__init__()
        self.path = file_name
        _named(self, f"file://{file_name}")


class PrefixStore(Store):
    """A store whose keys begin with a prefix in another one."""

    def __init__(self, prefix: str, store: Store) -> None:
        super().__init__()
        self._prefix, self.underlying_store = prefix, store
        self._values, self._waiters = store._values, store._waiters
        self._timeout = store._timeout

    def _name(self, key: str) -> str:
        return self.underlying_store._name(f"{self._prefix}/{key}")
