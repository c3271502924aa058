"""The collectives on tensors, under torch's names and signatures.

Each is a launch on the caller's own SIP, submitted when the caller comes, where the kernel waits
for its peers (ADR-0059): nothing is held back, and who reads the result blocks alone.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

from kernbench.distributed.groups import ProcessGroup, group_of
from kernbench.distributed.reduction import ReduceOp, check_op
from kernbench.distributed.transport import (
    check_list,
    check_tensor,
    facts_of,
    finish,
    flat,
    launch,
    stage,
)
from kernbench.distributed.work import Work
from kernbench.runtime.tensor import Tensor

__all__ = [
    "all_gather",
    "all_gather_into_tensor",
    "all_reduce",
    "all_to_all",
    "all_to_all_single",
    "barrier",
    "broadcast",
    "gather",
    "monitored_barrier",
    "reduce",
    "reduce_scatter",
    "reduce_scatter_tensor",
    "scatter",
]


def _outsider(what: str) -> None:
    warnings.warn(
        f"Running {what} on global rank, which does not belong to the given group.", stacklevel=3
    )


def _end(work: Work, async_op: bool) -> Work | None:
    if async_op:
        return work
    work.wait()
    return None


def root_of(group: ProcessGroup, what: str, rank: int | None, place: int | None) -> int:
    """Return the place in the group of a root: a rank of the default group, or the place itself."""
    if rank is not None and place is not None:
        raise ValueError(f"Can't specify both group_{what} and {what}")
    if rank is None and place is None:
        raise ValueError(f"Must specify {what} or group_{what}")
    if place is None:
        ranks = group._shared.ranks
        if rank not in ranks:
            raise ValueError(f"Global rank {rank} is not part of group {group}")
        return ranks.index(rank)
    if not 0 <= place < group.size():
        raise ValueError(f"group_{what}: expected a rank from 0 to {group.size() - 1}, got {place}")
    return place


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
        _outsider("all_reduce")
        return None
    backend = members._backend_for(tensor)
    name, factor = check_op(op, tensor, backend)
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
    return _end(work, async_op)


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
        _outsider("broadcast")
        return None
    root = root_of(members, "src", src, group_src)
    backend = members._backend_for(tensor)
    entered = members._shared.enter(members.rank(), "broadcast", **facts_of(tensor, src=root))
    mine = members.rank() == root
    with members._ordered():
        staged = stage(members, backend, tensor, output=not mine)
        if tensor.numel():
            given, taken = (staged.tensor, None) if mine else (None, staged.tensor)
            launch(members, entered, "broadcast", input=given, output=taken, root=root)
        work = finish(members, backend, [staged], [tensor])
    return _end(work, async_op)


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
        _outsider("reduce")
        return None
    root = root_of(members, "dst", dst, group_dst)
    backend = members._backend_for(tensor)
    name, factor = check_op(op, tensor, backend)
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
    return _end(work, async_op)


# --- gather and scatter ---------------------------------------------------------------------------


def _padded(tensors: Sequence[Tensor], most: int, like: Tensor) -> Any:
    """Lay tensors side by side, each in `most` elements."""
    line: Any = flat(like, most * len(tensors))
    for place, each in enumerate(tensors):
        if each.numel():
            line[place * most : place * most + each.numel()].copy_(each.reshape(-1))
    return line


def _spread(line: Any, most: int, tensors: Sequence[Any]) -> None:
    """Copy the parts of a line to tensors."""
    for place, each in enumerate(tensors):
        if each.numel():
            part = line[place * most : place * most + each.numel()]
            each.detach().copy_(part.view(tuple(each.shape)))


def all_gather(
    tensor_list: Sequence[Tensor], tensor: Tensor, group: Any = None, async_op: bool = False
) -> Work | None:
    """Give every member the tensors of all, as a list; they may differ in size."""
    outputs = check_list(tensor_list, "tensor_list")
    check_tensor(tensor)
    members = group_of(group)
    if members is None:
        _outsider("all_gather")
        return None
    _check_count("tensor_list", outputs, members)
    _check_dtypes("all_gather", [tensor, *outputs])
    shapes = [tuple(each.shape) for each in outputs]
    if tensor.numel() != outputs[members.rank()].numel():
        raise ValueError(
            f"all_gather: rank {members.rank()} gives {tensor.numel()} elements, its place in "
            f"tensor_list has {outputs[members.rank()].numel()}"
        )
    backend = members._backend_for(tensor)
    facts = {"shapes": shapes, "dtype": str(tensor.dtype)}
    entered = members._shared.enter(members.rank(), "all_gather", **facts)
    most = max(each.numel() for each in outputs)
    return _through_line(
        members, backend, async_op, tensor, outputs, most, lambda mine, line: launch(
            members, entered, "all_gather", input=mine, output=line
        ),
    )  # fmt: skip


def _through_line(
    members: ProcessGroup,
    backend: str,
    async_op: bool,
    tensor: Tensor,
    outputs: Sequence[Tensor],
    most: int,
    run: Callable[[Tensor, Tensor], None],
) -> Work | None:
    """Run a collective from a tensor into a line of all parts, and copy those to a list."""
    on_host = outputs[0].device.type == "cpu"
    with members._ordered():
        staged = stage(members, backend, tensor, output=False)
        mine, line = staged.tensor.reshape(-1), flat(staged.tensor, most * len(outputs))
        if most and mine.numel() < most:
            mine = _zero_tails(_padded([mine], most, mine), most, [mine.numel()])
        if most:
            run(mine, line)
        if most and not on_host:
            _spread(line, most, outputs)
        work = finish(members, backend, [], outputs)
        if most and on_host:
            work._finish = lambda: _spread(line.cpu(), most, outputs)
    return _end(work, async_op)


def _check_count(name: str, tensors: Sequence[Any], members: ProcessGroup) -> None:
    if len(tensors) != members.size():
        raise ValueError(
            f"{name}: expected {members.size()} tensors, one for each rank of the group, got "
            f"{len(tensors)}"
        )


def _check_dtypes(what: str, tensors: Sequence[Tensor]) -> None:
    kinds = {str(each.dtype) for each in tensors}
    if len(kinds) > 1:
        raise ValueError(
            f"Invalid usage of tensors with different dtypes Found {', '.join(sorted(kinds))} "
            f"in {what}"
        )
    places = {each.device.type for each in tensors}
    if len(places) > 1:
        raise ValueError(f"{what}: expected tensors of one device, got {sorted(places)}")


def all_gather_into_tensor(
    output_tensor: Tensor, input_tensor: Tensor, group: Any = None, async_op: bool = False
) -> Work | None:
    """Give every member the tensors of all, side by side along dimension 0, or stacked."""
    output, tensor = check_tensor(output_tensor, "output_tensor"), check_tensor(input_tensor)
    members = group_of(group)
    if members is None:
        _outsider("all_gather_into_tensor")
        return None
    _check_dtypes("all_gather_into_tensor", [output, tensor])
    if output.numel() != tensor.numel() * members.size():
        raise ValueError(
            "output tensor size must be equal to world_size times input tensor size: expected "
            f"{tensor.numel() * members.size()} elements, got {output.numel()}"
        )
    return _whole(members, "all_gather", "all_gather_into_tensor", tensor, output, async_op)


def _whole(
    members: ProcessGroup,
    collective: str,
    name: str,
    tensor: Tensor,
    output: Tensor,
    async_op: bool,
    op: str = "sum",
    factor: Any = None,
) -> Work | None:
    """Run a collective from one whole tensor into another."""
    backend = members._backend_for(tensor)
    facts = facts_of(tensor, op=op) if collective == "reduce_scatter" else facts_of(tensor)
    entered = members._shared.enter(members.rank(), name, **facts)
    with members._ordered():
        given = stage(members, backend, tensor, output=False)
        taken = stage(members, backend, output, output=True)
        source = given.tensor if factor is None else given.tensor * factor
        if tensor.numel():
            launch(
                members,
                entered,
                collective,
                input=source.reshape(-1),
                output=taken.tensor.view(-1),
                op=op,
            )
        work = finish(members, backend, [taken], [output])
    return _end(work, async_op)


def reduce_scatter_tensor(
    output: Tensor,
    input: Tensor,
    op: Any = ReduceOp.SUM,
    group: Any = None,
    async_op: bool = False,
) -> Work | None:
    """Combine the tensors of all members; each gets its part, along dimension 0."""
    check_tensor(output, "output"), check_tensor(input, "input")
    members = group_of(group)
    if members is None:
        _outsider("reduce_scatter_tensor")
        return None
    _check_dtypes("reduce_scatter_tensor", [output, input])
    name, factor = check_op(op, input, members._backend_for(input))
    if input.numel() != output.numel() * members.size():
        raise ValueError(
            "input tensor must be the same size as output size times world size: expected "
            f"{output.numel() * members.size()} elements, got {input.numel()}"
        )
    return _whole(
        members, "reduce_scatter", "reduce_scatter_tensor", input, output, async_op, name, factor
    )


def reduce_scatter(
    output: Tensor,
    input_list: Sequence[Tensor],
    op: Any = ReduceOp.SUM,
    group: Any = None,
    async_op: bool = False,
) -> Work | None:
    """Combine the lists of all members; rank r gets part r.  Parts may differ in size."""
    check_tensor(output, "output")
    inputs = check_list(input_list, "input_list")
    members = group_of(group)
    if members is None:
        _outsider("reduce_scatter")
        return None
    _check_count("input_list", inputs, members)
    _check_dtypes("reduce_scatter", [output, *inputs])
    if output.numel() != inputs[members.rank()].numel():
        raise ValueError(
            f"reduce_scatter: expected an output of {inputs[members.rank()].numel()} elements, as "
            f"many as input_list[{members.rank()}], got {output.numel()}"
        )
    backend = members._backend_for(output)
    name, factor = check_op(op, output, backend)
    shapes = [tuple(each.shape) for each in inputs]
    facts = {"shapes": shapes, "dtype": str(output.dtype), "op": name}
    entered = members._shared.enter(members.rank(), "reduce_scatter", **facts)
    most = max(each.numel() for each in inputs)
    with members._ordered():
        taken = stage(members, backend, output, output=True)
        parts = [stage(members, backend, each, output=False).tensor for each in inputs]
        if most:
            line, mine = _padded(parts, most, taken.tensor), flat(taken.tensor, most)
            if min(each.numel() for each in inputs) < most:
                line = _zero_tails(line, most, [each.numel() for each in inputs])
            if factor is not None:
                line.mul_(factor)
            launch(members, entered, "reduce_scatter", input=line, output=mine, op=name)
            _spread(mine, most, [taken.tensor])
        work = finish(members, backend, [taken], [output])
    return _end(work, async_op)


def _zero_tails(line: Any, most: int, counts: Sequence[int]) -> Any:
    """Give the padding between parts a value: reading what was never written is an error."""
    for place, count in enumerate(counts):
        if count < most:
            line[place * most + count : (place + 1) * most].zero_()
    return line


def gather(
    tensor: Tensor,
    gather_list: Sequence[Tensor] | None = None,
    dst: int | None = None,
    group: Any = None,
    async_op: bool = False,
    group_dst: int | None = None,
) -> Work | None:
    """Give rank `dst` (0 unless told) the tensors of all members, as a list."""
    check_tensor(tensor)
    members = group_of(group)
    if members is None:
        _outsider("gather")
        return None
    root = 0 if dst is None and group_dst is None else root_of(members, "dst", dst, group_dst)
    mine = members.rank() == root
    outputs = _root_list("gather_list", "destination", gather_list, mine)
    backend = members._backend_for(tensor)
    if mine:
        _check_count("gather_list", outputs, members)
        _check_sizes("gather_list", outputs, tensor)
    facts = facts_of(tensor, dst=root)
    entered = members._shared.enter(members.rank(), "gather", **facts)
    if mine:
        return _through_line(
            members, backend, async_op, tensor, outputs, tensor.numel(), lambda own, line: launch(
                members, entered, "gather", input=own, output=line, root=root
            ),
        )  # fmt: skip
    with members._ordered():
        staged = stage(members, backend, tensor, output=False)
        if tensor.numel():
            launch(members, entered, "gather", input=staged.tensor.reshape(-1), root=root)
        work = finish(members, backend, [], [])
    return _end(work, async_op)


def _root_list(name: str, end: str, given: Any, mine: bool) -> list[Tensor]:
    if mine and not given:
        raise ValueError(f"Argument ``{name}`` must be specified on {end} rank.")
    if not mine and given:
        raise ValueError(f"Argument ``{name}`` must NOT be specified on non-{end} ranks.")
    return check_list(given, name) if mine else []


def _check_sizes(name: str, tensors: Sequence[Tensor], like: Tensor) -> None:
    _check_dtypes(name, [like, *tensors])
    if any(each.numel() != like.numel() for each in tensors):
        raise ValueError(
            f"{name}: expected tensors of {like.numel()} elements, got "
            f"{[each.numel() for each in tensors]}"
        )


def scatter(
    tensor: Tensor,
    scatter_list: Sequence[Tensor] | None = None,
    src: int | None = None,
    group: Any = None,
    async_op: bool = False,
    group_src: int | None = None,
) -> Work | None:
    """Give each member one of the tensors that rank `src` (0 unless told) has in a list."""
    check_tensor(tensor)
    members = group_of(group)
    if members is None:
        _outsider("scatter")
        return None
    root = 0 if src is None and group_src is None else root_of(members, "src", src, group_src)
    mine = members.rank() == root
    inputs = _root_list("scatter_list", "source", scatter_list, mine)
    if mine:
        _check_count("scatter_list", inputs, members)
        _check_sizes("scatter_list", inputs, tensor)
    backend = members._backend_for(tensor)
    facts = facts_of(tensor, src=root)
    entered = members._shared.enter(members.rank(), "scatter", **facts)
    with members._ordered():
        taken = stage(members, backend, tensor, output=True)
        if tensor.numel():
            line = None
            if mine:
                parts = [stage(members, backend, each, output=False).tensor for each in inputs]
                line = _padded(parts, tensor.numel(), taken.tensor)
            launch(
                members,
                entered,
                "scatter",
                input=line,
                output=taken.tensor.view(-1),
                root=root,
            )
        work = finish(members, backend, [taken], [tensor])
    return _end(work, async_op)


# --- all to all -----------------------------------------------------------------------------------


def all_to_all(
    output_tensor_list: Sequence[Tensor],
    input_tensor_list: Sequence[Tensor],
    group: Any = None,
    async_op: bool = False,
) -> Work | None:
    """Give rank i the i-th tensor of every member.

    Where sizes differ, members first meet on the host, to learn the greatest.
    """
    outputs = check_list(output_tensor_list, "output_tensor_list")
    inputs = check_list(input_tensor_list, "input_tensor_list")
    members = group_of(group)
    if members is None:
        _outsider("all_to_all")
        return None
    _check_count("output_tensor_list", outputs, members)
    _check_count("input_tensor_list", inputs, members)
    _check_dtypes("all_to_all", [*outputs, *inputs])
    return _exchange(members, "all_to_all", outputs, inputs, async_op, [*outputs])


def _exchange(
    members: ProcessGroup,
    name: str,
    outputs: Sequence[Tensor],
    inputs: Sequence[Tensor],
    async_op: bool,
    result: Sequence[Tensor],
) -> Work | None:
    sizes = {each.numel() for each in (*outputs, *inputs)}
    kind, shared = str(inputs[0].dtype), members._shared
    most = max(sizes)
    entered = shared.enter(members.rank(), name, dtype=kind, even=len(sizes) == 1)
    if len(sizes) > 1:
        mine = ([each.numel() for each in inputs], [each.numel() for each in outputs])
        most = _greatest(shared.meet(members.rank(), f"sizes of {name}", mine), name)
    backend = members._backend_for(inputs[0])
    on_host = outputs[0].device.type == "cpu"
    with members._ordered():
        if most:
            parts = [stage(members, backend, each, output=False).tensor for each in inputs]
            line = _padded(parts, most, parts[0])
            line = _zero_tails(line, most, [each.numel() for each in inputs])
            taken = flat(parts[0], most * len(outputs))
            launch(members, entered, "all_to_all", input=line, output=taken)
            if not on_host:
                _spread(taken, most, outputs)
        work = finish(members, backend, [], result)
        if most and on_host:
            work._finish = lambda: _spread(taken.cpu(), most, outputs)
    return _end(work, async_op)


def _greatest(all_sizes: Sequence[tuple[list[int], list[int]]], name: str) -> int:
    for i, (given, _) in enumerate(all_sizes):
        for j, (_, taken) in enumerate(all_sizes):
            if given[j] != taken[i]:
                raise ValueError(
                    f"{name}: rank {i} gives rank {j} {given[j]} elements, which expects {taken[i]}"
                )
    return max(max(given) for given, _ in all_sizes)


def all_to_all_single(
    output: Tensor,
    input: Tensor,
    output_split_sizes: Sequence[int] | None = None,
    input_split_sizes: Sequence[int] | None = None,
    group: Any = None,
    async_op: bool = False,
) -> Work | None:
    """Give rank i the i-th part of every member's input; parts are of dimension 0."""
    check_tensor(output, "output"), check_tensor(input, "input")
    members = group_of(group)
    if members is None:
        _outsider("all_to_all_single")
        return None
    _check_dtypes("all_to_all_single", [output, input])
    even = not output_split_sizes and not input_split_sizes
    if even and output.numel() == input.numel() and output.shape[0] % members.size() == 0:
        return _whole(members, "all_to_all", "all_to_all_single", input, output, async_op)
    outputs = _split(output, output_split_sizes, members, "output")
    inputs = _split(input, input_split_sizes, members, "input")
    return _exchange(members, "all_to_all_single", outputs, inputs, async_op, [output])


def _split(
    tensor: Any, sizes: Sequence[int] | None, members: ProcessGroup, name: str
) -> list[Tensor]:
    rows, ranks = tensor.shape[0], members.size()
    if not sizes:
        if rows % ranks:
            raise ValueError(
                f"Tensor's dim 0 does not divide equally across group size: {name} has {rows} "
                f"rows, the group {ranks} ranks"
            )
        sizes = [rows // ranks] * ranks
    if len(sizes) != ranks:
        raise ValueError("Number of tensor splits not equal to group size")
    if sum(sizes) != rows or min(sizes) < 0:
        raise ValueError(
            f"Split sizes doesn't match total dim 0 size: {name} has {rows} rows, got {list(sizes)}"
        )
    parts, start = [], 0
    for size in sizes:
        parts.append(tensor[start : start + size])
        start += size
    return parts


# --- barriers -------------------------------------------------------------------------------------


def barrier(group: Any = None, async_op: bool = False, device_ids: Any = None) -> Work | None:
    """Wait on the host until every member has entered.

    With nccl it is an all-reduce of one element, as NCCL's is.
    """
    members = group_of(group)
    if members is None:
        _outsider("barrier")
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
        _outsider("monitored_barrier")
        return
    if "gloo" not in members._backend:
        raise ValueError("monitored_barrier is only implemented for GLOO backend.")
    members._shared.meet(members.rank(), "monitored_barrier")
