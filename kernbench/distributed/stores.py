"""Stores: keys and values that ranks share on the host."""

from __future__ import annotations

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

    def set(self, key: str, value: str | bytes) -> None:
        """Set a value."""
        rank = act("the set of a Store")
        self._values[key] = value.encode() if isinstance(value, str) else bytes(value)
        wake(rank, self._waiters)

    def get(self, key: str) -> bytes:
        """Return a value; wait until it is set."""
        act("the get of a Store")
        self._wait_for(key, self._timeout)
        return self._values[key]

    def _wait_for(self, key: str, timeout: timedelta | None) -> None:
        rank = current_rank()
        until_fs = deadline(rank, timeout.total_seconds() if timeout is not None else None)
        while key not in self._values:
            if not block(rank, self._waiters, f"the key {key!r} of a Store", until_fs):
                raise DistStoreError(f"wait timeout after {timeout}, keys: /{key}")

    def add(self, key: str, amount: int) -> int:
        """Add to a number, 0 at first; return the sum."""
        rank = act("the add of a Store")
        total = int(self._values.get(key, b"0")) + amount
        self._values[key] = str(total).encode()
        wake(rank, self._waiters)
        return total

    def compare_set(self, key: str, expected_value: str, desired_value: str) -> bytes:
        """Set a value if it is the expected one, or is not there and that is empty."""
        rank = act("the compare_set of a Store")
        if self._values.get(key, b"") == expected_value.encode():
            self._values[key] = desired_value.encode()
            wake(rank, self._waiters)
        return self._values.get(key, expected_value.encode())

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
        return all(key in self._values for key in keys)

    def delete_key(self, key: str) -> bool:
        """Remove a key; return whether it was there."""
        act("the delete_key of a Store")
        return self._values.pop(key, None) is not None

    def num_keys(self) -> int:
        """Count the keys."""
        act("the num_keys of a Store")
        return len(self._values)

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

    def set(self, key: str, value: str | bytes) -> None:
        """Set a value."""
        self.underlying_store.set(f"{self._prefix}/{key}", value)

    def get(self, key: str) -> bytes:
        """Return a value; wait until it is set."""
        return self.underlying_store.get(f"{self._prefix}/{key}")

    def wait(self, keys: list[str], timeout: timedelta | None = None) -> None:
        """Wait until the keys are set."""
        self.underlying_store.wait([f"{self._prefix}/{key}" for key in keys], timeout)

    def add(self, key: str, amount: int) -> int:
        """Add to a number, 0 at first; return the sum."""
        return self.underlying_store.add(f"{self._prefix}/{key}", amount)

    def check(self, keys: list[str]) -> bool:
        """Tell whether all keys are set, as of now."""
        return self.underlying_store.check([f"{self._prefix}/{key}" for key in keys])

    def delete_key(self, key: str) -> bool:
        """Remove a key; return whether it was there."""
        return self.underlying_store.delete_key(f"{self._prefix}/{key}")

    def compare_set(self, key: str, expected_value: str, desired_value: str) -> bytes:
        """Set a value if it is the expected one, or is not there and that is empty."""
        return self.underlying_store.compare_set(
            f"{self._prefix}/{key}", expected_value, desired_value
        )
