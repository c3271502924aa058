"""Calls that are waited for together."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from kernbench.distributed.groups import ProcessGroup, group_of, worlds
from kernbench.distributed.work import Work

__all__ = ["Coalesced", "_coalescing_manager"]


class Coalesced:
    """The works of a group's calls that were made within a manager."""

    def __init__(self, group: ProcessGroup) -> None:
        self.group = group
        self.works: list[Work] = []

    def append(self, work: Work | None = None) -> None:
        """Add a work."""
        if work is not None:
            self.works.append(work)

    def wait(self) -> None:
        """Wait for all."""
        works, self.works = self.works, []
        for work in works:
            work.wait()


@contextlib.contextmanager
def _coalescing_manager(
    group: Any = None, device: Any = None, async_ops: bool = False
) -> Iterator[Coalesced]:
    """Take the calls of a group together: none waits before all are under way.

    Differs from torch: each is a launch of its own, so calls of several kinds may be mixed.

    Parameters
    ----------
    group : ProcessGroup, optional
        The default group unless told.
    device : object
        Accepted: torch's backends need it where they cannot do without.
    async_ops : bool
        Leave the waiting to the caller, by `wait` of what ``with`` gives.

    Examples
    --------
    >>> import kernbench as kb
    >>> from kernbench import distributed as dist
    >>> def work(rank):
    ...     dist.init_process_group("nccl")
    ...     x, y = kb.current_context().tensor([1.0]), kb.current_context().tensor([rank, 2.0])
    ...     with dist._coalescing_manager(async_ops=True) as manager:
    ...         dist.all_reduce(x)
    ...         dist.all_reduce(y)
    ...     manager.wait()
    ...     print(x.tolist(), y.tolist())
    >>> with kb.Context(kb.Topology.preset("small", {"system.sips": 2})) as ctx:
    ...     ctx.multiprocessing.spawn(work, nprocs=2)
    [2.0] [1.0, 4.0]
    [2.0] [1.0, 4.0]
    """
    members = group_of(group)
    if members is None:
        raise ValueError("Invalid process group specified: the caller is not a member")
    mine = worlds.get()
    if mine.manager is not None:
        raise ValueError("expected no coalescing manager within another one")
    manager = mine.manager = Coalesced(members)
    try:
        yield manager
    finally:
        mine.manager = None
    if not async_ops:
        manager.wait()
