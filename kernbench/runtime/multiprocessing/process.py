"""``Process``: one rank, started by hand."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from kernbench.runtime.multiprocessing.acting import block, deadline, poll
from kernbench.runtime.multiprocessing.spawning import (
    _own_copy,
    check_caller,
    check_ranks,
    start_rank,
)
from kernbench.runtime.rank import current_rank

if TYPE_CHECKING:
    from kernbench.runtime.worker import Worker

__all__ = ["Process", "current_process", "parent_process"]


class Process:
    """A worker: ``target(*args, **kwargs)`` on the lowest rank that is free when it starts.

    A failure is shown on stderr and in `exitcode`; it does not end other ranks.

    Examples
    --------
    >>> import kernbench as kb
    >>> with kb.Context("small") as ctx:
    ...     process = Process(target=print, args=("hello",))
    ...     process.start()
    ...     process.join()
    ...     process.exitcode
    hello
    0
    """

    def __init__(
        self,
        group: None = None,
        target: Callable[..., Any] | None = None,
        name: str | None = None,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        *,
        daemon: bool | None = None,
    ) -> None:
        if group is not None:
            raise AssertionError("process group argument must be None for now")
        self._target = target
        self._args = tuple(args)
        self._kwargs = dict(kwargs or {})
        self._worker: Worker | None = None
        self.name = name or "Process"
        self.daemon = bool(daemon)

    def run(self) -> None:
        """Call the target; a subclass may do something else."""
        if self._target is not None:
            args = [_own_copy(value) for value in self._args]
            self._target(*args, **{k: _own_copy(v) for k, v in self._kwargs.items()})

    def start(self) -> None:
        """Make the rank; it runs when the main program next waits."""
        if self._worker is not None:
            raise AssertionError("cannot start a process twice")
        context = check_caller("Process.start")
        busy = context._scheduler.workers
        index = next(i for i in range(len(busy) + 1) if i not in busy)
        check_ranks(context, index + 1)
        self._worker = start_rank(context, index, self.run, None, self._report)
        if self.name == "Process":
            self.name = f"Process-{self._worker.rank.index + 1}"

    def _report(self) -> None:
        failure = self._worked().failure
        if failure is not None and isinstance(failure.error, Exception):
            print(f"Process {self.name}:\n{failure.text}", file=sys.stderr, end="")

    def _worked(self) -> Worker:
        if self._worker is None:
            raise AssertionError("can only join a started process")
        return self._worker

    def join(self, timeout: float | None = None) -> None:
        """Wait until it ends, up to `timeout` simulated seconds."""
        worker = self._worked()
        rank = current_rank()
        if not worker.ended:
            until = deadline(rank, timeout)
            block(rank, worker.joiners, f"{self.name} ({worker.rank}) to end", until)
        if worker.ended:
            rank.clock_fs = max(rank.clock_fs, worker.rank.clock_fs)

    def is_alive(self) -> bool:
        """Tell whether it was started and has not ended: a poll."""
        if self._worker is None:
            return False
        if not self._worker.ended:
            poll(f"whether {self.name} is alive")
        return not self._worker.ended

    @property
    def exitcode(self) -> int | None:
        """None until it has ended; 0 if it went well, 1 if it raised, -15 if it was ended."""
        if self._worker is None or not self._worker.ended:
            return None
        if self._worker.failure is not None:
            return self._worker.failure.exitcode
        return -15 if self._worker.rank.aborting else 0

    @property
    def pid(self) -> int | None:
        """The id of the one process that runs all ranks, once it was started."""
        return None if self._worker is None else os.getpid()

    ident = pid

    def terminate(self) -> None:
        """End it: SystemExit where it waits."""
        worker = self._worked()
        worker.scheduler.stop([worker])

    kill = terminate

    def close(self) -> None:
        """Check that it has ended."""
        if self._worker is not None and not self._worker.ended:
            raise ValueError("Cannot close a process while it is still running.")

    def __repr__(self) -> str:
        state = "initial" if self._worker is None else "started"
        if self._worker is not None and self._worker.ended:
            state = f"stopped exitcode={self.exitcode}"
        return f"<Process name={self.name!r} {state}>"


class _Current:
    """What `current_process` returns."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.pid = self.ident = os.getpid()
        self.daemon = False
        self.exitcode = None

    def is_alive(self) -> bool:
        """Tell the obvious."""
        return True


def current_process() -> _Current:
    """Return what stands for the caller: ``MainProcess``, or ``Process-N`` of rank N - 1."""
    rank = current_rank()
    return _Current(f"Process-{rank.index + 1}" if rank.is_worker else "MainProcess")


def parent_process() -> _Current | None:
    """Return the main program, for a worker; None for the main program."""
    return _Current("MainProcess") if current_rank().is_worker else None
