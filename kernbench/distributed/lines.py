"""What collectives share: their checks, and lines of parts of one size.

Tensors of a list lie side by side in one line, each in as many elements as the greatest has.
"""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable, Sequence
from typing import Any

from kernbench.distributed.groups import ProcessGroup, worlds
from kernbench.distributed.transport import (
    facts_of,
    finish,
    flat,
    launch,
    stage,
)
from kernbench.distributed.work import Work
from kernbench.errors import ArgumentError
from kernbench.runtime.tensor import Tensor

__all__ = [
    "check_apart",
    "check_count",
    "check_dtypes",
    "check_sizes",
    "end",
    "outsider",
    "padded",
    "root_of",
    "spread",
    "through_line",
    "whole",
    "zero_tails",
]


def outsider(what: str) -> None:
    """Warn, as torch does, that the caller is not a member."""
    warnings.warn(
        f"Running {what} on global rank {worlds.get().rank} which does not belong to the given "
        "group.",
        stacklevel=3,
    )


def end(work: Work, async_op: bool) -> Work | None:
    """Return the work, or wait for it as the backend does."""
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
            raise ArgumentError(f"Global rank {rank} is not part of group {group}")
        return ranks.index(rank)
    if not 0 <= place < group.size():
        raise ArgumentError(
            f"group_{what}: expected a rank from 0 to {group.size() - 1}, got {place}"
        )
    return place


def check_count(name: str, tensors: Sequence[Any], members: ProcessGroup) -> None:
    """Refuse a list that has not one tensor for each member."""
    if len(tensors) != members.size():
        raise ArgumentError(
            f"{name}: expected {members.size()} tensors, one for each rank of the group, got "
            f"{len(tensors)}"
        )


def check_apart(name: str, tensors: Sequence[Any]) -> None:
    """Refuse tensors of a list that share elements, which would hold one result of two."""
    spans = sorted(
        (each.data_ptr(), each.data_ptr() + each.nbytes, place)
        for place, each in enumerate(tensors)
        if each.numel() and each.is_contiguous()
    )
    for (_, end, place), (begin, _, other) in itertools.pairwise(spans):
        if begin < end:
            low, high = sorted((place, other))
            raise ArgumentError(
                f"{name}: expected tensors that lie apart, got {low} and {high}, which overlap"
            )


def check_dtypes(what: str, tensors: Sequence[Tensor]) -> None:
    """Refuse tensors of several dtypes, or of several kinds of device."""
    kinds = {str(each.dtype) for each in tensors}
    if len(kinds) > 1:
        raise ArgumentError(
            f"Invalid usage of tensors with different dtypes Found {', '.join(sorted(kinds))} "
            f"in {what}"
        )
    places = {each.device.type for each in tensors}
    if len(places) > 1:
        raise ArgumentError(f"{what}: expected tensors of one device, got {sorted(places)}")


def check_sizes(name: str, tensors: Sequence[Tensor], like: Tensor) -> None:
    """Refuse tensors that have not as many elements as another one."""
    check_dtypes(name, [like, *tensors])
    if any(each.numel() != like.numel() for each in tensors):
        raise ArgumentError(
            f"{name}: expected tensors of {like.numel()} elements, got "
            f"{[each.numel() for each in tensors]}"
        )


def padded(tensors: Sequence[Tensor], most: int, like: Tensor) -> Any:
    """Lay tensors side by side, each in `most` elements."""
    line: Any = flat(like, most * len(tensors))
    for place, each in enumerate(tensors):
        if each.numel():
            line[place * most : place * most + each.numel()].copy_(each.reshape(-1))
    return line


def zero_tails(line: Any, most: int, counts: Sequence[int]) -> Any:
    """Give the padding between parts a value: reading what was never written is an error."""
    for place, count in enumerate(counts):
        if count < most:
            line[place * most + count : (place + 1) * most].zero_()
    return line


def spread(line: Any, most: int, tensors: Sequence[Any]) -> None:
    """Copy the parts of a line to tensors."""
    for place, each in enumerate(tensors):
        if each.numel():
            part = line[place * most : place * most + each.numel()]
            each.detach().copy_(part.view(tuple(each.shape)))


def through_line(
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
            mine = zero_tails(padded([mine], most, mine), most, [mine.numel()])
        if most:
            run(mine, line)
        if most and not on_host:
            spread(line, most, outputs)
        work = finish(members, backend, [], outputs)
        if most and on_host:
            work._finish = lambda: spread(line.cpu(), most, outputs)
    return end(work, async_op)


def whole(
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
    return end(work, async_op)
