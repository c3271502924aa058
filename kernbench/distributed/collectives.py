"""all_reduce, broadcast, reduce and the barriers, under torch's names and signatures.

Each is a launch on the caller's own SIP, submitted when the caller comes, where the kernel waits
for its peers (ADR-0059): nothing is held back, and who reads the result blocks alone.
"""

from __future__ import annotations

from typing import Any

from kernbench.distributed.groups import group_of
from kernbench.distributed.lines import (
    end,
    outsider,
    root_of,
)
from kernbench.distributed.reduction import ReduceOp, check_op
from kernbench.distributed.transport import (
    carried,
    check_tensor,
    facts_of,
    finish,
    launch,
    stage,
)
from kernbench.distributed.work import Work
from kernbench.runtime.tensor import Tensor

__all__ = [
    "all_reduce",
    "barrier",
    "broadcast",
    "monitored_barrier",
    "reduce",
]


def all_reduce(
    tensor: Tensor, op: Any = ReduceOp.SUM, group: Any = None, async_op: bool = False
) -> Work | None:
    """Combine the tensors of all members, in place; all end with equal bits.

    Parameters
    ----------
    tensor : Tensor
        Of one shape and dtype everywhere; any shape.
    op : ReduceOp
        How.
    group : ProcessGroup, optional
        The default group unless told.
    async_op : bool
        Return a `Work` at once.

    Returns
    -------
    Work or None
        None without `async_op`, and for a rank that is not a member.

    Raises
    ------
    CollectiveMismatchError
        When members call different things; on every member.

    Examples
    --------
    >>> import kernbench as kb
    >>> from kernbench import distributed as dist
    >>> def work(rank):
    ...     dist.init_process_group("nccl")
    ...     x = kb.current_context().tensor([1.0, rank])
    ...     dist.all_reduce(x)
    ...     print(x.tolist())
    >>> with kb.Context(kb.Topology.preset("small", {"system.sips": 2})) as ctx:
    ...     ctx.multiprocessing.spawn(work, nprocs=2)
    [2.0, 1.0]
    [2.0, 1.0]
    """
    check_tensor(tensor)
    members = group_of(group)
    if members is None:
        outsider("all_reduce")
        return None
    backend = members._backend_for(tensor)
    name, factor = check_op(op, tensor, backend)
    tensor = carried(tensor)
    entered = members._shared.enter(members.rank(), "all_reduce", **facts_of(tensor, op=name))
    with members._ordered():
        staged = stage(members, backend, tensor, output=True)
        if factor is not None:
            staged.tensor.mul_(factor)
        if tensor.numel():
            launch(
                members, entered, "all_reduce", input=staged.tensor, output=staged.tensor, op=name
            )
        work = finish(members, backend, [staged], [tensor])
    return end(work, async_op)


def broadcast(
    tensor: Tensor,
    src: int | None = None,
    group: Any = None,
    async_op: bool = False,
    group_src: int | None = None,
) -> Work | None:
    """Copy the tensor of rank `src` (of the default group) to all members."""
    check_tensor(tensor)
    members = group_of(group)
    if members is None:
        outsider("broadcast")
        return None
    root = root_of(members, "src", src, group_src)
    tensor = carried(tensor)
    backend = members._backend_for(tensor)
    entered = members._shared.enter(members.rank(), "broadcast", **facts_of(tensor, src=root))
    mine = members.rank() == root
    with members._ordered():
        staged = stage(members, backend, tensor, output=not mine)
        if tensor.numel():
            given, taken = (staged.tensor, None) if mine else (None, staged.tensor)
            launch(members, entered, "broadcast", input=given, output=taken, root=root)
        work = finish(members, backend, [staged], [tensor])
    return end(work, async_op)


def reduce(
    tensor: Tensor,
    dst: int | None = None,
    op: Any = ReduceOp.SUM,
    group: Any = None,
    async_op: bool = False,
    group_dst: int | None = None,
) -> Work | None:
    """Combine the tensors of all members into that of rank `dst`; the others keep theirs."""
    check_tensor(tensor)
    members = group_of(group)
    if members is None:
        outsider("reduce")
        return None
    root = root_of(members, "dst", dst, group_dst)
    backend = members._backend_for(tensor)
    name, factor = check_op(op, tensor, backend)
    tensor = carried(tensor)
    facts = facts_of(tensor, op=name, dst=root)
    entered = members._shared.enter(members.rank(), "reduce", **facts)
    mine = members.rank() == root
    with members._ordered():
        staged = stage(members, backend, tensor, output=mine)
        source = staged.tensor if factor is None else staged.tensor * factor
        if tensor.numel():
            target = staged.tensor if mine else None
            launch(members, entered, "reduce", input=source, output=target, op=name, root=root)
        work = finish(members, backend, [staged], [tensor])
    return end(work, async_op)


def barrier(
    group: Any = None, async_op: bool = False, device_ids: Any = None, timeout: Any = None
) -> Work | None:
    """Wait on the host until every member has entered; `timeout` means nothing on this machine.

    With nccl it is an all-reduce of one element, as NCCL's is.
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


def monitored_barrier(group: Any = None, timeout: Any = None, wait_all_ranks: bool = False) -> None:
    """Wait on the host until every member has entered; gloo only."""
    members = group_of(group)
    if members is None:
        outsider("monitored_barrier")
        return
    if "gloo" not in members._backend:
        raise ValueError("monitored_barrier is only implemented for GLOO backend.")
    members._shared.meet(members.rank(), "monitored_barrier")
