"""Collectives that gather and scatter parts: each member's own, or one for each member."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kernbench.distributed.futures import Future
from kernbench.distributed.groups import group_of
from kernbench.distributed.lines import (
    check_apart,
    check_count,
    check_dtypes,
    check_sizes,
    check_some,
    end,
    outsider,
    root_of,
    side_by_side,
    through_line,
    whole,
)
from kernbench.distributed.reduction import ReduceOp, check_op
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
from kernbench.errors import ArgumentError
from kernbench.runtime.tensor import Tensor

__all__ = [
    "all_gather",
    "all_gather_coalesced",
    "all_gather_into_tensor",
    "gather",
    "reduce_scatter",
    "reduce_scatter_tensor",
    "scatter",
]


def all_gather(
    tensor_list: Sequence[Tensor], tensor: Tensor, group: Any = None, async_op: bool = False
) -> Work | None:
    """Give every member the tensors of all, as a list; they may differ in size."""
    outputs = [carried(each) for each in check_list(tensor_list, "tensor_list")]
    tensor = carried(check_tensor(tensor))
    members = group_of(group)
    if members is None:
        outsider("all_gather")
        return None
    check_count("tensor_list", outputs, members)
    check_dtypes("all_gather", [tensor, *outputs])
    shapes = [tuple(each.shape) for each in outputs]
    if tensor.numel() != outputs[members.rank()].numel():
        raise ArgumentError(
            f"all_gather: rank {members.rank()} gives {tensor.numel()} elements, its place in "
            f"tensor_list has {outputs[members.rank()].numel()}"
        )
    check_apart("tensor_list", outputs)
    backend = members._backend_for(tensor)
    facts: dict[str, Any] = {"shapes": shapes, "dtype": str(tensor.dtype)}
    entered = members._shared.enter(members.rank(), "all_gather", **facts)
    if all(each.numel() == tensor.numel() for each in outputs):
        return through_line(
            members, backend, async_op, [tensor], outputs, lambda mine, line: launch(
                members, entered, "all_gather", input=mine, output=line
            ),
        )  # fmt: skip
    with members._ordered():  # a broadcast of each, as NCCL does: no more than there is
        mine = stage(members, backend, tensor, output=False).tensor
        places = [stage(members, backend, each, output=True) for each in outputs]
        for root, place in enumerate(places):
            given = mine if root == members.rank() else None
            if outputs[root].numel():
                launch(members, entered, "broadcast", input=given, output=place.tensor, root=root)
        work = finish(members, backend, places, outputs)
    return end(work, async_op)


def all_gather_coalesced(
    output_tensor_lists: list[Sequence[Tensor]],
    input_tensor_list: Sequence[Tensor],
    group: Any = None,
    async_op: bool = False,
) -> Future | None:
    """Give every member the lists of all, as a list of lists: one call of several tensors.

    Parameters
    ----------
    output_tensor_lists : list of sequences of Tensor
        A list for each member, of tensors as its `input_tensor_list` has.
    input_tensor_list : sequence of Tensor
        Of one dtype; as many, and of the same shapes, everywhere.
    group : ProcessGroup, optional
        The default group unless told.
    async_op : bool
        Return a future at once.

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
    ...     ctx = kb.current_context()
    ...     dist.init_process_group("gloo")
    ...     outs = [[ctx.zeros(2), ctx.zeros((1, 1))] for _ in range(2)]
    ...     dist.all_gather_coalesced(outs, [ctx.tensor([1.0, rank]), ctx.tensor([[rank + 5.0]])])
    ...     if rank == 0:
    ...         print([[x.tolist() for x in xs] for xs in outs])
    >>> with kb.Context(kb.Topology.preset("small", {"system.sips": 2})) as ctx:
    ...     ctx.multiprocessing.spawn(work, nprocs=2)
    [[[1.0, 0.0], [[5.0]]], [[1.0, 1.0], [[6.0]]]]
    """
    members = group_of(group)
    if members is None:
        outsider("all_gather_coalesced")
        return None
    if not isinstance(output_tensor_lists, list):
        raise TypeError("Invalid function argument: output_tensor_lists should be a list")
    inputs = [carried(each) for each in check_list(input_tensor_list, "input_tensor_list")]
    check_some("all_gather_coalesced", "input_tensor_list", inputs)
    check_count("output_tensor_lists", output_tensor_lists, members)
    outputs: list[Tensor] = []
    for place, given in enumerate(output_tensor_lists):
        name = f"output_tensor_lists[{place}]"
        each = [carried(tensor) for tensor in check_list(given, name)]
        sizes = [[tensor.numel() for tensor in tensors] for tensors in (inputs, each)]
        if sizes[0] != sizes[1]:
            raise ArgumentError(
                f"{name}: expected tensors of {sizes[0]} elements, as input_tensor_list has, got "
                f"{sizes[1]}"
            )
        outputs += each
    check_dtypes("all_gather_coalesced", [*inputs, *outputs])
    check_apart("output_tensor_lists", outputs)
    backend = members._backend_for(inputs[0])
    facts: dict[str, Any] = {
        "shapes": [tuple(each.shape) for each in inputs],
        "dtype": str(inputs[0].dtype),
    }
    entered = members._shared.enter(members.rank(), "all_gather_coalesced", **facts)
    work = through_line(
        members, backend, async_op, inputs, outputs, lambda mine, line: launch(
            members, entered, "all_gather", input=mine, output=line
        ),
    )  # fmt: skip
    return None if work is None else work.get_future()


def all_gather_into_tensor(
    output_tensor: Tensor, input_tensor: Tensor, group: Any = None, async_op: bool = False
) -> Work | None:
    """Give every member the tensors of all, side by side along dimension 0, or stacked."""
    output = carried(check_tensor(output_tensor, "output_tensor"))
    tensor = carried(check_tensor(input_tensor))
    members = group_of(group)
    if members is None:
        outsider("all_gather_into_tensor")
        return None
    check_dtypes("all_gather_into_tensor", [output, tensor])
    if output.numel() != tensor.numel() * members.size():
        raise ArgumentError(
            "output tensor size must be equal to world_size times input tensor size: expected "
            f"{tensor.numel() * members.size()} elements, got {output.numel()}"
        )
    return whole(members, "all_gather", "all_gather_into_tensor", tensor, output, async_op)


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
        outsider("reduce_scatter_tensor")
        return None
    check_dtypes("reduce_scatter_tensor", [output, input])
    how = check_op(op, input, members._backend_for(input))
    output, input = carried(output), carried(input)
    if input.numel() != output.numel() * members.size():
        raise ArgumentError(
            "input tensor must be the same size as output size times world size: expected "
            f"{output.numel() * members.size()} elements, got {input.numel()}"
        )
    return whole(members, "reduce_scatter", "reduce_scatter_tensor", input, output, async_op, how)


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
        outsider("reduce_scatter")
        return None
    check_count("input_list", inputs, members)
    check_dtypes("reduce_scatter", [output, *inputs])
    if output.numel() != inputs[members.rank()].numel():
        raise ArgumentError(
            f"reduce_scatter: expected an output of {inputs[members.rank()].numel()} elements, as "
            f"many as input_list[{members.rank()}], got {output.numel()}"
        )
    backend = members._backend_for(output)
    how = check_op(op, output, backend)
    output, inputs = carried(output), [carried(each) for each in inputs]
    shapes = [tuple(each.shape) for each in inputs]
    facts: dict[str, Any] = {"shapes": shapes, "dtype": str(output.dtype), "op": str(how)}
    entered = members._shared.enter(members.rank(), "reduce_scatter", **facts)
    with members._ordered():
        taken = stage(members, backend, output, output=True)
        parts = [how.scaled(stage(members, backend, each, output=False).tensor) for each in inputs]
        mine = taken.tensor.view(-1)
        if any(each.numel() != output.numel() for each in parts):
            for root, part in enumerate(parts):  # a reduce to each, as NCCL does
                if part.numel():
                    own = mine if root == members.rank() else None
                    launch(
                        members, entered, "reduce", input=part, output=own, op=how.name, root=root
                    )
        elif output.numel():
            line = side_by_side(parts)
            launch(members, entered, "reduce_scatter", input=line, output=mine, op=how.name)
        work = finish(members, backend, [taken], [output])
    return end(work, async_op)


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
        outsider("gather")
        return None
    if tensor.dtype.is_complex:
        raise RuntimeError("gather: Invalid scalar type: expected real numbers, got complex ones")
    root = 0 if dst is None and group_dst is None else root_of(members, "dst", dst, group_dst)
    mine = members.rank() == root
    outputs = _root_list("gather_list", "destination", gather_list, mine)
    backend = members._backend_for(tensor)
    if mine:
        check_count("gather_list", outputs, members)
        check_apart("gather_list", outputs)
        check_sizes("gather_list", outputs, tensor)
    facts = facts_of(tensor, dst=root)
    entered = members._shared.enter(members.rank(), "gather", **facts)
    if mine:
        return through_line(
            members, backend, async_op, [tensor], outputs, lambda own, line: launch(
                members, entered, "gather", input=own, output=line, root=root
            ),
        )  # fmt: skip
    with members._ordered():
        staged = stage(members, backend, tensor, output=False)
        if tensor.numel():
            launch(members, entered, "gather", input=staged.tensor.reshape(-1), root=root)
        work = finish(members, backend, [], [])
    return end(work, async_op)


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
        outsider("scatter")
        return None
    root = 0 if src is None and group_src is None else root_of(members, "src", src, group_src)
    mine = members.rank() == root
    inputs = [carried(each) for each in _root_list("scatter_list", "source", scatter_list, mine)]
    tensor = carried(tensor)
    if mine:
        check_count("scatter_list", inputs, members)
        check_sizes("scatter_list", inputs, tensor)
    backend = members._backend_for(tensor)
    facts = facts_of(tensor, src=root)
    entered = members._shared.enter(members.rank(), "scatter", **facts)
    with members._ordered():
        taken = stage(members, backend, tensor, output=True)
        if tensor.numel():
            line = None
            if mine:
                parts = [stage(members, backend, each, output=False).tensor for each in inputs]
                line = side_by_side(parts)
            launch(
                members,
                entered,
                "scatter",
                input=line,
                output=taken.tensor.view(-1),
                root=root,
            )
        work = finish(members, backend, [taken], [tensor])
    return end(work, async_op)


def _root_list(name: str, end: str, given: Any, mine: bool) -> list[Tensor]:
    if mine and not given:
        raise ValueError(f"Argument ``{name}`` must be specified on {end} rank.")
    if not mine and given:
        raise ValueError(f"Argument ``{name}`` must NOT be specified on non-{end} ranks.")
    return check_list(given, name) if mine else []
