"""The barriers: every member waits on the host for all."""

from __future__ import annotations

import warnings
from datetime import timedelta
from typing import Any

from kernbench.distributed.groups import check_timeout, group_of
from kernbench.distributed.lines import outsider
from kernbench.distributed.rounds import Round
from kernbench.distributed.transport import finish, launch
from kernbench.distributed.work import Work
from kernbench.runtime.multiprocessing.acting import act

__all__ = ["barrier", "monitored_barrier"]


def barrier(
    group: Any = None, async_op: bool = False, device_ids: Any = None, timeout: Any = None
) -> Work | None:
    """Wait on the host until every member has entered.

    With nccl it is an all-reduce of one element, as NCCL's is.  `device_ids` and `timeout` are
    accepted and change nothing: a rank has one SIP, and a wait that cannot end is found.
    """
    members = group_of(group)
    if members is None:
        outsider("barrier")
        return None
    backend = members._backend.rpartition(":")[2]
    if backend != "nccl":
        members._shared.meet(members.rank(), "barrier")
        work = Work(members, backend, None)
        return work if async_op else None
    entered = members._shared.enter(members.rank(), "barrier")
    with members._ordered():
        one = members._context.zeros(1, sip=members._sip)
        launch(members, entered, "all_reduce", input=one, output=one)
        work = finish(members, backend, [], [])
    if async_op:
        return work
    work._wait_on_host()
    return None


def monitored_barrier(
    group: Any = None, timeout: timedelta | float | None = None, wait_all_ranks: bool = False
) -> None:
    """Wait on the host until every member has entered, and say who has not; gloo only.

    Parameters
    ----------
    group : ProcessGroup, optional
        The default group unless told.
    timeout : timedelta or float, optional
        How long the group's rank 0 waits for the others, in simulated time (a float: seconds).
        Without one the machine finds a wait that cannot end, and who is missing.
    wait_all_ranks : bool
        Name all who are missing then; else the first one.

    Raises
    ------
    CollectiveMismatchError
        On every member, when somebody has not come in time.  The group cannot be used any more.

    Examples
    --------
    >>> import kernbench as kb
    >>> from datetime import timedelta
    >>> from kernbench import distributed as dist
    >>> def work(rank):
    ...     dist.init_process_group("gloo")
    ...     try:
    ...         if rank != 1:
    ...             dist.monitored_barrier(timeout=timedelta(milliseconds=2))
    ...     except RuntimeError as error:
    ...         print(error)
    >>> with kb.Context(kb.Topology.preset("small", {"system.sips": 2})) as ctx:
    ...     ctx.multiprocessing.spawn(work, nprocs=2)
    [Rank 0]: Rank 1 failed to pass monitoredBarrier in 2 ms, called at ...
    """
    members = group_of(group)
    if members is None:
        outsider("monitored_barrier")
        return
    if "gloo" not in members._backend:
        raise ValueError("monitored_barrier is only implemented for GLOO backend.")
    if isinstance(timeout, float):
        warnings.warn(
            "Please specify timeout arg as a timedelta. "
            f"Converting current value of {timeout} assuming it represents seconds",
            stacklevel=2,
        )
        timeout = timedelta(seconds=timeout)
    check_timeout(timeout)
    place = members.rank()
    # The others wait for rank 0, as torch's do.
    seconds = timeout.total_seconds() if timeout is not None and place == 0 else None
    act("a monitored_barrier")  # by the clock: who is late is so for all

    def late(found: Round) -> str:
        named = found.missing if wait_all_ranks else found.missing[:1]
        return (
            f"[Rank {members._global(0)}]: Rank{'s' * (len(named) > 1)} "
            f"{', '.join(map(str, named))} failed to pass monitoredBarrier in "
            f"{(seconds or 0) * 1000:g} ms, called at {found.entries[0].where}"
        )

    members._shared.meet(place, "monitored_barrier", timeout=seconds, late=late)
