"""``all_to_all``: rank i gets the i-th part of every member."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from kernbench import ccl
from kernbench.distributed.groups import ProcessGroup, group_of
from kernbench.distributed.lines import (
    check_apart,
    check_count,
    check_dtypes,
    end,
    outsider,
    side_by_side,
    spread,
    whole,
)
from kernbench.distributed.rounds import Round
from kernbench.distributed.transport import (
    carried,
    check_list,
    check_tensor,
    facts_of,
    finish,
    flat,
    stage,
)
from kernbench.distributed.work import Work
from kernbench.errors import ArgumentError
from kernbench.runtime.tensor import Tensor

__all__ = [
    "all_to_all",
    "all_to_all_single",
]


def all_to_all(
    output_tensor_list: Sequence[Tensor],
    input_tensor_list: Sequence[Tensor],
    group: Any = None,
    async_op: bool = False,
) -> Work | None:
    """Give rank i the i-th tensor of every member; they may differ in size."""
    outputs = [carried(each) for each in check_list(output_tensor_list, "output_tensor_list")]
    inputs = [carried(each) for each in check_list(input_tensor_list, "input_tensor_list")]
    members = group_of(group)
    if members is None:
        outsider("all_to_all")
        return None
    check_count("output_tensor_list", outputs, members)
    check_apart("output_tensor_list", outputs)
    check_count("input_tensor_list", inputs, members)
    check_dtypes("all_to_all", [*outputs, *inputs])
    return _exchange(members, "all_to_all", outputs, inputs, async_op)


def all_to_all_single(
    output: Tensor,
    input: Tensor,
    output_split_sizes: Sequence[int] | None = None,
    input_split_sizes: Sequence[int] | None = None,
    group: Any = None,
    async_op: bool = False,
) -> Work | None:
    """Give rank i the i-th part of every member's input; parts are of dimension 0.

    Who enters first decides how parts go: of one size without split sizes, of any size with them.
    A member without split sizes follows, and so does one whose own are equal; one whose are not
    cuts its parts as the first does.
    """
    output = carried(check_tensor(output, "output"))
    input = carried(check_tensor(input, "input"))
    members = group_of(group)
    if members is None:
        outsider("all_to_all_single")
        return None
    check_dtypes("all_to_all_single", [output, input])
    told = bool(output_split_sizes or input_split_sizes) or output.numel() != input.numel()
    takes = _split(output, output_split_sizes, members, "output")
    gives = _split(input, input_split_sizes, members, "input")
    first = members._shared.first_of_next(members.rank())
    if first is None or first.name != "all_to_all_single":
        first, even = None, not told
    else:
        even = "shape" in first.facts and len({*takes, *gives}) == 1
    if even:
        entered = _enter(members, "all_to_all_single", facts_of(input), gives, takes)
        return whole(
            members, "all_to_all", "all_to_all_single", input, output, async_op, entered=entered
        )
    facts: dict[str, Any] = {"dtype": str(input.dtype), "parts": "of any size"}
    equal = None
    if first is not None and "shape" in first.facts and first.facts["dtype"] == facts["dtype"]:
        equal = math.prod(first.facts["shape"]) // members.size()
    _enter(members, "all_to_all_single", facts, gives, takes, equal)
    backend = members._backend_for(input)
    with members._ordered():
        given = stage(members, backend, input, output=False)
        taken = stage(members, backend, output, output=True)
        _launch(members, given.tensor.reshape(-1), taken.tensor.view(-1), gives, takes, equal)
        work = finish(members, backend, [taken], [output])
    return end(work, async_op)


def _exchange(
    members: ProcessGroup,
    name: str,
    outputs: Sequence[Tensor],
    inputs: Sequence[Tensor],
    async_op: bool,
) -> Work | None:
    """Do it by way of a line of all parts, there and back."""
    gives, takes = [each.numel() for each in inputs], [each.numel() for each in outputs]
    facts: dict[str, Any] = {"dtype": str(inputs[0].dtype), "parts": "of any size"}
    _enter(members, name, facts, gives, takes)
    backend = members._backend_for(inputs[0])
    on_host = outputs[0].device.type == "cpu"
    with members._ordered():
        parts = [stage(members, backend, each, output=False).tensor for each in inputs]
        line, taken = side_by_side(parts), flat(parts[0], sum(takes))
        _launch(members, line, taken, gives, takes)
        if not on_host:
            spread(taken, outputs)
        work = finish(members, backend, [], outputs)
        if on_host:
            work._finish = lambda: spread(taken.cpu(), outputs)
    return end(work, async_op)


def _enter(
    members: ProcessGroup,
    name: str,
    facts: dict[str, Any],
    gives: list[int],
    takes: list[int],
    equal: int | None = None,
) -> Round:
    """Enter, and compare the sizes with those of the members that have entered.

    `equal` is the size of each part where some members gave none, and so are equal to each other.
    """
    shared, me = members._shared, members.rank()
    if gives[me] != takes[me]:
        raise ArgumentError(
            f"{name}: rank {shared.ranks[me]} gives itself {gives[me]} elements, and expects "
            f"{takes[me]}"
        )
    any_size = "parts" in facts
    entered = shared.enter(me, name, beside=any_size and equal is not None, **facts)
    others = [place for place in entered.entries if place != me] if any_size else entered.values
    same = ([equal] * members.size(),) * 2
    for other in others:
        given, taken = entered.values.get(other, same)
        for giver, taker, gets, expects in (
            (me, other, gives[other], taken[me]),
            (other, me, given[me], takes[other]),
        ):
            if gets != expects:
                shared.fail(
                    entered,
                    f"rank {shared.ranks[giver]} gives rank {shared.ranks[taker]} {gets} elements, "
                    f"which expects {expects}",
                )
    if any_size:
        entered.values[me] = (gives, takes)
    return entered


def _launch(
    members: ProcessGroup,
    line: Tensor,
    taken: Tensor,
    gives: list[int],
    takes: list[int],
    equal: int | None = None,
) -> None:
    if sum(gives) + sum(takes) > 0:
        ccl.all_to_all_uneven(
            members._context,
            group=members._members,
            rank=members.rank(),
            input=line,
            output=taken,
            gives=gives,
            takes=takes,
            equal=equal,
        )


def _split(tensor: Any, sizes: Sequence[int] | None, members: ProcessGroup, name: str) -> list[int]:
    """Return how many elements each rank's part has."""
    rows, ranks = tensor.shape[0], members.size()
    if not sizes:
        if rows % ranks:
            raise ArgumentError(
                f"Tensor's dim 0 does not divide equally across group size: {name} has {rows} "
                f"rows, the group {ranks} ranks"
            )
        sizes = [rows // ranks] * ranks
    if len(sizes) != ranks:
        raise ArgumentError(
            f"Number of tensor splits not equal to group size: {name}_split_sizes has {len(sizes)} "
            f"sizes, the group {ranks} ranks"
        )
    if sum(sizes) != rows or min(sizes) < 0:
        raise ArgumentError(
            f"Split sizes doesn't match total dim 0 size: {name} has {rows} rows, got {list(sizes)}"
        )
    return [size * math.prod(tensor.shape[1:]) for size in sizes]
