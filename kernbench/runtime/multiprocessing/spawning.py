"""``spawn``: one worker per rank, with torch's signature, return values and messages.

Execution is cooperative, in one process (ADR-0027 D1): ``fn`` need not be importable, arguments are
passed as they are (but for CPU tensors, which are copied), and nothing isolates one rank from
another's objects.
"""

from __future__ import annotations

import os
import signal
import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from kernbench.errors import ProcessExitedException, SpawnException
from kernbench.runtime.context import Context, current_context
from kernbench.runtime.rank import Rank, current_rank
from kernbench.runtime.tensor import Tensor
from kernbench.runtime.waiting import Waiting

if TYPE_CHECKING:
    from kernbench.runtime.worker import Worker

__all__ = ["ProcessContext", "SpawnContext", "spawn", "start_processes", "start_rank"]


def start_rank(
    context: Context,
    index: int,
    function: Callable[[], Any],
    world_size: int | None = None,
    on_failure: Callable[[], None] | None = None,
) -> Worker:
    """Make the worker of a rank, at the caller's clock."""
    rank = Rank(context, index, context.now_fs)
    if world_size is not None:
        rank.environ = {
            "RANK": str(index),
            "LOCAL_RANK": str(index),
            "GROUP_RANK": "0",
            "ROLE_RANK": str(index),
            "ROLE_NAME": "default",
            "WORLD_SIZE": str(world_size),
            "LOCAL_WORLD_SIZE": str(world_size),
            "GROUP_WORLD_SIZE": "1",
            "ROLE_WORLD_SIZE": str(world_size),
            "MASTER_ADDR": os.environ.get("MASTER_ADDR", "127.0.0.1"),
            "MASTER_PORT": os.environ.get("MASTER_PORT", "29500"),
        }
    return context._scheduler.start(rank, function, on_failure)


def check_ranks(context: Context, n_ranks: int) -> None:
    """Refuse more ranks than there are SIPs."""
    system = context.topology.system
    n_sips = 0 if system is None else int(system["n_sips"])
    if n_ranks > n_sips:
        raise ValueError(
            f"spawn: expected at most {n_sips} ranks, one for each SIP of the topology, got "
            f"{n_ranks}; give it more: --set system.sips={n_ranks}"
        )


def check_caller(what: str) -> Context:
    """Return the context; refuse workers."""
    context = current_context()
    rank = current_rank()
    if rank.is_worker:
        raise RuntimeError(f"{what}: expected to be called by the main program, got {rank}")
    context._open()
    return context


class ProcessContext:
    """The ranks that one ``spawn`` started.

    Attributes
    ----------
    processes : list of Worker
        By rank.
    """

    def __init__(self, context: Context) -> None:
        self.context = context
        self.processes: list[Worker] = []
        self.error_files: list[str] = []
        self.sentinels: list[int] = []
        self._failed: list[tuple[int, Worker]] = []

    def pids(self) -> list[int]:
        """Return the process id of each rank: that of this process."""
        return [os.getpid()] * len(self.processes)

    def join(self, timeout: float | None = None, grace_period: float | None = None) -> bool:
        """Run the ranks until one more has ended, or `timeout` simulated seconds have passed.

        `grace_period` is accepted and changes nothing: ranks that are ended end at once.

        Returns
        -------
        bool
            True when all have ended.

        Raises
        ------
        SpawnException
            When ranks raised.
        ProcessExitedException
            When a rank ended with a status other than 0, or by a signal.
        DeadlockError
            When every rank waits, and nothing can move.

        Warns
        -----
        UserWarning
            When all have ended, and messages between PEs are left that nobody has received.
        """
        ended = self._join(timeout)
        if ended:
            self.context._tell_messages_left(3)
        return ended

    def _join(self, timeout: float | None = None) -> bool:
        rank = current_rank()
        alive = [worker for worker in self.processes if not worker.ended]
        if alive:
            until = None if timeout is None else self.context.now_fs + round(timeout * 1e15)
            waiting = Waiting(rank, f"{len(alive)} ranks to end", at_fs=until)
            for worker in alive:
                worker.joiners.append(waiting)
            try:
                self.context._scheduler.wait(waiting)
            finally:
                for worker in alive:
                    if waiting in worker.joiners:
                        worker.joiners.remove(waiting)
        self._raise()
        return all(worker.ended for worker in self.processes)

    def _on_failure(self) -> None:
        """After the first round in which any failed: end the others."""
        if self._failed:
            return
        self._failed = [
            (index, worker)
            for index, worker in enumerate(self.processes)
            if worker.failure is not None
        ]
        self.context._scheduler.stop(self.processes)

    def _raise(self) -> None:
        if not self._failed:
            return
        index, worker = self._failed[0]
        failure = worker.failure
        assert failure is not None
        pid = os.getpid()
        raised = [
            (i, w.failure.error, w.failure.text)
            for i, w in self._failed
            if w.failure is not None and isinstance(w.failure.error, Exception)
        ]
        if not isinstance(failure.error, Exception):
            name = _signal_name(-failure.exitcode)
            how = f"exit code {failure.exitcode}" if name is None else f"signal {name}"
            text = f"process {index} terminated with {how}"
            raise ProcessExitedException(text, index, pid, failure.exitcode, name)
        text = f"\n\n-- Process {index} terminated with the following error:\n{failure.text}"
        raise SpawnException(text, index, pid, raised)


class SpawnContext(ProcessContext):
    """torch's old name of `ProcessContext`."""


def start_processes(
    fn: Callable[..., Any],
    args: Sequence[Any] = (),
    nprocs: int = 1,
    join: bool = True,
    daemon: bool = False,
    start_method: str = "spawn",
) -> ProcessContext | None:
    """Start ``fn(rank, *args)`` on ranks 0 to ``nprocs - 1``; see :func:`spawn`."""
    context = check_caller("spawn")
    if start_method not in ("spawn", "fork", "forkserver"):
        raise ValueError(f"cannot find context for {start_method!r}")
    if not callable(fn):
        raise TypeError(f"spawn: expected a function, got {fn!r}")
    if context._scheduler.workers:
        raise RuntimeError(
            "spawn: expected no rank to be running, got "
            f"{len(context._scheduler.workers)} of an earlier spawn or Process: join them first"
        )
    check_ranks(context, nprocs)
    started = ProcessContext(context)
    for index in range(nprocs):
        own = tuple(_own_copy(value) for value in args)
        call = _Call(fn, (index, *own))
        started.processes.append(start_rank(context, index, call, nprocs, started._on_failure))
    if not join:
        return started
    while not started._join():
        pass
    context._tell_messages_left(4)
    return None


def spawn(
    fn: Callable[..., Any],
    args: Sequence[Any] = (),
    nprocs: int = 1,
    join: bool = True,
    daemon: bool = False,
    start_method: str = "spawn",
) -> ProcessContext | None:
    """Run ``fn(rank, *args)`` once per rank; rank r launches on SIP r (ADR-0024).

    Parameters
    ----------
    fn : callable
        What each rank runs.
    args : sequence
        Its arguments after the rank.
    nprocs : int
        Number of ranks, at most the number of SIPs.
    join : bool
        Wait for all to end; else return a context whose ``join`` runs them.
    daemon : bool
        Accepted; ranks never outlive the program.
    start_method : str
        ``"spawn"``; another gives a FutureWarning, as torch's does.

    Returns
    -------
    ProcessContext or None
        None with ``join=True``.

    Raises
    ------
    SpawnException
        When ranks raised: the lowest, and in ``errors`` each root cause.  The other ranks are ended
        by SystemExit where they wait.
    ProcessExitedException
        When a rank called ``sys.exit`` with a status other than 0, or sent itself a signal.
    DeadlockError
        When every rank waits, and nothing can move.
    ValueError
        When there are more ranks than SIPs.

    Notes
    -----
    Differs from torch: cooperative, in one process; nothing is pickled (ADR-0027 D1).  Each rank
    has a copy of host tensors among `args`, unless ``share_memory_()`` was called on them.

    Examples
    --------
    >>> import kernbench as kb
    >>> def work(rank, queue):
    ...     queue.put((rank, kb.current_context().now_fs))
    >>> with kb.Context(kb.Topology.preset("small", {"system.sips": 2})) as ctx:
    ...     queue = ctx.multiprocessing.Queue()
    ...     ctx.multiprocessing.spawn(work, args=(queue,), nprocs=2)
    ...     queue.get(), queue.get()
    ((0, 0), (1, 0))
    """
    if start_method != "spawn":
        warnings.warn(
            f"This method only supports start_method=spawn (got: {start_method}).\n"
            "To use a different start_method use:\n\t\t torch.multiprocessing.start_processes(...)",
            FutureWarning,
            stacklevel=2,
        )
    return start_processes(fn, args, nprocs, join, daemon, start_method="spawn")


def _signal_name(number: int) -> str | None:
    """Return the name of a signal; None for an exit code, which is not below 0."""
    if number <= 0:
        return None
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"<Unknown signal {number}>"


class _Call:
    """A function and its arguments."""

    def __init__(self, fn: Callable[..., Any], args: tuple[Any, ...]) -> None:
        self.fn = fn
        self.args = args

    def __call__(self) -> None:
        self.fn(*self.args)


def _own_copy(value: Any) -> Any:
    """Return what a rank gets of an argument: its host tensors are copied, unless they are shared.

    A list, tuple or dict is another one only where it holds such tensors; all else is passed as it
    is.
    """
    if isinstance(value, Tensor):
        if value.is_shared():
            return value
        plain: Any = value.detach()
        own: Tensor = plain.clone()
        own.requires_grad = value.requires_grad
        return own
    if type(value) in (tuple, list):
        own_items = [_own_copy(each) for each in value]
        changed = any(a is not b for a, b in zip(own_items, value, strict=True))
        return type(value)(own_items) if changed else value
    if type(value) is dict:
        own_values = {key: _own_copy(each) for key, each in value.items()}
        changed = any(own_values[key] is not each for key, each in value.items())
        return own_values if changed else value
    return value
