"""``torch.multiprocessing``, cooperative: ranks take turns in one process (ADR-0027).

Names, signatures and messages are torch's.  What hands something from one rank to another (Queue,
Event, Barrier, Lock) carries the giver's clock: the receiver goes on at the later of both.
"""

from __future__ import annotations

import os
from typing import Any

from kernbench.errors import (
    ProcessException,
    ProcessExitedException,
    ProcessRaisedException,
    SpawnException,
)
from kernbench.runtime.multiprocessing.process import Process, current_process, parent_process
from kernbench.runtime.multiprocessing.queues import JoinableQueue, Queue, SimpleQueue
from kernbench.runtime.multiprocessing.shared import (
    Array,
    Connection,
    Manager,
    Pipe,
    SyncManager,
    Value,
)
from kernbench.runtime.multiprocessing.spawning import (
    ProcessContext,
    SpawnContext,
    spawn,
    start_processes,
)
from kernbench.runtime.multiprocessing.sync import (
    Barrier,
    BoundedSemaphore,
    Condition,
    Event,
    Lock,
    RLock,
    Semaphore,
)
from kernbench.runtime.placeholder import Placeholder

__all__ = [
    "Array",
    "Barrier",
    "BoundedSemaphore",
    "Condition",
    "Connection",
    "Event",
    "JoinableQueue",
    "Lock",
    "Manager",
    "Pipe",
    "Process",
    "ProcessContext",
    "ProcessException",
    "ProcessExitedException",
    "ProcessRaisedException",
    "Queue",
    "RLock",
    "Semaphore",
    "SimpleQueue",
    "SpawnContext",
    "SpawnException",
    "SyncManager",
    "Value",
    "cpu_count",
    "current_process",
    "freeze_support",
    "get_all_sharing_strategies",
    "get_all_start_methods",
    "get_context",
    "get_sharing_strategy",
    "get_start_method",
    "parent_process",
    "set_sharing_strategy",
    "set_start_method",
    "spawn",
    "start_processes",
]

_METHODS = ("spawn", "fork", "forkserver")


class _Method:
    """What ``get_context`` returns: this module's names."""

    def __init__(self, method: str) -> None:
        self._method = method

    def get_start_method(self, allow_none: bool = False) -> str:
        """Return the method's name."""
        return self._method

    def __getattr__(self, name: str) -> Any:
        try:
            return globals()[name]
        except KeyError:
            return _missing(name)


def get_context(method: str | None = None) -> _Method:
    """Return an object with this module's names; every start method is cooperative."""
    if method not in (None, *_METHODS):
        raise ValueError(f"cannot find context for {method!r}")
    return _Method(method or "spawn")


def set_start_method(method: str | None, force: bool = False) -> None:
    """Check the name, and change nothing, with `force` or without: all are cooperative."""
    get_context(method)


def get_start_method(allow_none: bool = False) -> str:
    """Return ``"spawn"``."""
    return "spawn"


def get_all_start_methods() -> list[str]:
    """Return the names that `set_start_method` takes."""
    return list(_METHODS)


def set_sharing_strategy(new_strategy: str) -> None:
    """Accept a name: objects are handed over as they are."""


def get_sharing_strategy() -> str:
    """Return torch's default."""
    return "file_descriptor"


def get_all_sharing_strategies() -> set[str]:
    """Return torch's names."""
    return {"file_descriptor", "file_system"}


def freeze_support() -> None:
    """Do nothing."""


def cpu_count() -> int:
    """Count the host's processors."""
    return os.cpu_count() or 1


def _missing(name: str) -> Any:
    if name in ("Pool", "RawArray", "RawValue", "pool"):
        return Placeholder(f"torch.multiprocessing.{name}", "use spawn and a Queue")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __getattr__(name: str) -> Any:
    return _missing(name)
