"""all_reduce, broadcast and reduce, under torch's names and signatures.

Each is a launch on the caller's own SIP, submitted when the caller comes, where the kernel waits
for its peers (ADR-0059): nothing is held back, and who reads the result blocks alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kernbench.distributed.futures import Future
from kernbench.distributed.groups import ProcessGroup, group_of
from kernbench.distributed.lines import (
    check_apart,
    check_some,
    end,
    outsider,
    root_of,
)
from kernbench.distributed.reduction import ReduceOp, Reduction, check_op
from kernbench.distributed.rounds import Round
from kernbench.distributed.transport import (
    carried,
    check_list,
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
    "all_reduce_coalesced",
    "broadcast",
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
    how = check_op(op, tensor, members._backend_for(tensor))
    tensor = carried(tensor)
    entered = members._shared.enter(members.rank(), "all_reduce", **facts_of(tensor, op=str(how)))
    return _combine(members, entered, [tensor], how, async_op)


def all_reduce_coalesced(
    tensors: Tensor | Sequence[Tensor],
    op: Any = ReduceOp.SUM,
    group: Any = None,
    async_op: bool = False,
) -> Future | None:
    """Combine each of some tensors with those of all members, in place: one call of several.

    Parameters
    ----------
    tensors : sequence of Tensor, or one
        Of one dtype; as many, and of the same shapes, everywhere.
    op, group, async_op : object
        As for :func:`all_reduce`.

    Returns
    -------
    Future or None
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
    ...     xs = [kb.current_context().tensor(x) for x in ([1.0, rank], [[3.0]])]
    ...     dist.all_reduce_coalesced(xs)
    ...     print([x.tolist() for x in xs])
    >>> with kb.Context(kb.Topology.preset("small", {"system.sips": 2})) as ctx:
    ...     ctx.multiprocessing.spawn(work, nprocs=2)
    [[2.0, 1.0], [[6.0]]]
    [[2.0, 1.0], [[6.0]]]
    """
    each = check_list([tensors] if isinstance(tensors, Tensor) else tensors, "tensors")
    members = group_of(group)
    if members is None:
        outsider("all_reduce_coalesced")
        return None
    check_some("all_reduce_coalesced", "tensors", each)
    check_apart("tensors", each)
    how = check_op(op, each[0], members._backend_for(each[0]))
    each = [carried(tensor) for tensor in each]
    facts: dict[str, Any] = {
        "shapes": [tuple(t.shape) for t in each],
        "dtype": str(each[0].dtype),
        "op": str(how),
    }
    entered = members._shared.enter(members.rank(), "all_reduce_coalesced", **facts)
    work = _combine(members, entered, each, how, async_op)
    return None if work is None else work.get_future()


def _combine(
    members: ProcessGroup,
    entered: Round,
    tensors: Sequence[Tensor],
    how: Reduction,
    async_op: bool,
) -> Work | None:
    """All-reduce tensors, one after the other."""
    backend = members._backend_for(tensors[0])
    with members._ordered():
        staged = [stage(members, backend, each, output=True) for each in tensors]
        for line in (each.tensor for each in staged if each.tensor.numel()):
            if how.factor is not None:
                line.mul_(how.factor)
            launch(members, entered, "all_reduce", input=line, output=line, op=how.name)
        work = finish(members, backend, staged, tensors)
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
    how = check_op(op, tensor, backend)
    tensor = carried(tensor)
    facts = facts_of(tensor, op=str(how), dst=root)
    entered = members._shared.enter(members.rank(), "reduce", **facts)
    mine = members.rank() == root
    with members._ordered():
        staged = stage(members, backend, tensor, output=mine)
        source = how.scaled(staged.tensor)
        if tensor.numel():
            target = staged.tensor if mine else None
            launch(members, entered, "reduce", input=source, output=target, op=how.name, root=root)
        work = finish(members, backend, [staged], [tensor])
    return end(work, async_op)
