"""``all_to_all``: rank i gets the i-th part of every member."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kernbench.distributed.groups import ProcessGroup, group_of
from kernbench.distributed.lines import (
    check_count,
    check_dtypes,
    end,
    outsider,
    padded,
    spread,
    whole,
    zero_tails,
)
from kernbench.distributed.transport import (
    check_list,
    check_tensor,
    finish,
    flat,
    launch,
    stage,
)
from kernbench.distributed.work import Work
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
    """Give rank i the i-th tensor of every member.

    Where sizes differ, members first meet on the host, to learn the greatest.
    """
    outputs = check_list(output_tensor_list, "output_tensor_list")
    inputs = check_list(input_tensor_list, "input_tensor_list")
    members = group_of(group)
    if members is None:
        outsider("all_to_all")
        return None
    check_count("output_tensor_list", outputs, members)
    check_count("input_tensor_list", inputs, members)
    check_dtypes("all_to_all", [*outputs, *inputs])
    return _exchange(members, "all_to_all", outputs, inputs, async_op, [*outputs])


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
        outsider("all_to_all_single")
        return None
    check_dtypes("all_to_all_single", [output, input])
    even = not output_split_sizes and not input_split_sizes
    if even and output.numel() == input.numel() and output.shape[0] % members.size() == 0:
        return whole(members, "all_to_all", "all_to_all_single", input, output, async_op)
    outputs = _split(output, output_split_sizes, members, "output")
    inputs = _split(input, input_split_sizes, members, "input")
    return _exchange(members, "all_to_all_single", outputs, inputs, async_op, [output])


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
            line = padded(parts, most, parts[0])
            line = zero_tails(line, most, [each.numel() for each in inputs])
            taken = flat(parts[0], most * len(outputs))
            launch(members, entered, "all_to_all", input=line, output=taken)
            if not on_host:
                spread(taken, most, outputs)
        work = finish(members, backend, [], result)
        if most and on_host:
            work._finish = lambda: spread(taken.cpu(), most, outputs)
    return end(work, async_op)


def _greatest(all_sizes: Sequence[tuple[list[int], list[int]]], name: str) -> int:
    for i, (given, _) in enumerate(all_sizes):
        for j, (_, taken) in enumerate(all_sizes):
            if given[j] != taken[i]:
                raise ValueError(
                    f"{name}: rank {i} gives rank {j} {given[j]} elements, which expects {taken[i]}"
                )
    return max(max(given) for given, _ in all_sizes)


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
