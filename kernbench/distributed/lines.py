"""What collectives share: their checks, and lines of parts of one size, side by side."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Any

import numpy as np

from kernbench.distributed.groups import ProcessGroup, worlds
from kernbench.distributed.reduction import Reduction
from kernbench.distributed.rounds import Round, listed
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
    "check_some",
    "end",
    "outsider",
    "root_of",
    "side_by_side",
    "spread",
    "through_line",
    "whole",
]


def outsider(what: str) -> None:
    """Warn, as torch does, that the caller is not a member."""
    warnings.warn(
        f"Running {what} on global rank {worlds.get().rank} which does not belong to the given "
        "group.",
        stacklevel=3,
    )


def end(work: Work, async_op: bool) -> Work | None:
    """Return the work, or wait for it as the backend does; a coalescing manager keeps it."""
    manager = worlds.get().manager
    if manager is not None and manager.group is work._group:
        manager.append(work)
        return work if async_op else None
    if async_op:
        return work
    work.wait()
    return None


def root_of(group: ProcessGroup, what: str, rank: int | None, place: int | None) -> int:
    """Return the place in the group of a root: a rank of the default group, or the place itself."""
    if rank is not None and place is not None:
        raise ValueError(
            f"Can't specify both group_rank and global_rank: got {what} {rank} and group_{what} "
            f"{place}"
        )
    if rank is None and place is None:
        raise ValueError(
            f"Must specify global_rank or group_rank: expected {what} or group_{what}, got neither"
        )
    if place is None:
        ranks = group._shared.ranks
        if rank not in ranks:
            raise ArgumentError(
                f"{what}: Global rank {rank!r} is not part of group {group}: expected one of "
                f"[{listed(ranks)}]"
            )
        return ranks.index(rank)
    if place not in range(group.size()):
        raise ArgumentError(
            f"group_{what}: expected a rank from 0 to {group.size() - 1}, got {place!r}"
        )
    return place


def check_count(name: str, tensors: Sequence[Any], members: ProcessGroup) -> None:
    """Refuse a list that has not one tensor for each member."""
    if len(tensors) != members.size():
        raise ArgumentError(
            f"{name}: expected {members.size()} tensors, one for each rank of the group, got "
            f"{len(tensors)}"
        )


class _Extent:
    """Where the elements of a tensor lie: what NumPy asks of an array, and never looks into."""

    def __init__(self, tensor: Any) -> None:
        size = tensor.element_size()
        self.__array_interface__ = {
            "version": 3,
            "data": (tensor.data_ptr(), True),
            "shape": tuple(tensor.shape),
            "strides": tuple(stride * size for stride in tensor.stride()),
            "typestr": f"|V{size}",
        }


def check_apart(name: str, tensors: Sequence[Any]) -> None:
    """Refuse tensors of a list that share elements, which would hold one result of two."""
    extents = [(np.asarray(_Extent(each)), place) for place, each in enumerate(tensors)]
    spans = sorted(
        (*np.lib.array_utils.byte_bounds(extent), place, extent)
        for extent, place in extents
        if extent.size
    )
    latest = spans[:0]  # those that reach beyond where the next one begins
    for span in spans:
        begin, _, place, extent = span
        latest = [each for each in latest if each[1] > begin]
        for _, _, other, before in latest:
            if np.shares_memory(before, extent):
                low, high = sorted((place, other))
                raise ArgumentError(
                    f"{name}: expected tensors that lie apart, got {low} and {high}, which overlap"
                )
        latest.append(span)


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


def check_some(what: str, name: str, tensors: Sequence[Tensor]) -> None:
    """Refuse a list without tensors, or with such of several dtypes or kinds of device."""
    if not tensors:
        raise ArgumentError(f"{what}: expected {name} to hold at least one tensor, got none")
    check_dtypes(what, tensors)


def check_sizes(name: str, tensors: Sequence[Tensor], like: Tensor) -> None:
    """Refuse tensors that have not as many elements as another one."""
    check_dtypes(name, [like, *tensors])
    if any(each.numel() != like.numel() for each in tensors):
        raise ArgumentError(
            f"{name}: expected tensors of {like.numel()} elements, got "
            f"{[each.numel() for each in tensors]}"
        )


def _pieces(line: Any, tensors: Sequence[Any]) -> list[Any]:
    """Return the parts of a line that stand for tensors, one after the other."""
    sizes = [each.numel() for each in tensors]
    return [line[last - size : last] for size, last in zip(sizes, accumulate(sizes), strict=True)]


def side_by_side(tensors: Sequence[Tensor]) -> Any:
    """Lay tensors side by side."""
    line: Any = flat(tensors[0], sum(each.numel() for each in tensors))
    for part, each in zip(_pieces(line, tensors), tensors, strict=True):
        if each.numel():
            part.copy_(each.reshape(-1))
    return line


def spread(line: Any, tensors: Sequence[Any]) -> None:
    """Copy the parts of a line to tensors."""
    for part, each in zip(_pieces(line, tensors), tensors, strict=True):
        if each.numel():
            each.detach().copy_(part.view(tuple(each.shape)))


def through_line(
    members: ProcessGroup,
    backend: str,
    async_op: bool,
    inputs: Sequence[Tensor],
    outputs: Sequence[Tensor],
    run: Callable[[Tensor, Tensor], None],
) -> Work | None:
    """Run a collective from a line of tensors into one of all parts, and copy those to a list."""
    on_host = outputs[0].device.type == "cpu"
    with members._ordered():
        parts = [stage(members, backend, each, output=False).tensor for each in inputs]
        mine = parts[0].reshape(-1) if len(parts) == 1 else side_by_side(parts)
        count = mine.numel()
        line = flat(mine, sum(each.numel() for each in outputs))
        if count:
            run(mine, line)
        if count and not on_host:
            spread(line, outputs)
        work = finish(members, backend, [], outputs)
        if count and on_host:
            work._finish = lambda: spread(line.cpu(), outputs)
    return end(work, async_op)


def whole(
    members: ProcessGroup,
    collective: str,
    name: str,
    tensor: Tensor,
    output: Tensor,
    async_op: bool,
    how: Reduction | None = None,
    entered: Round | None = None,
) -> Work | None:
    """Run a collective from one whole tensor into another; `how` is what a reduction has."""
    backend = members._backend_for(tensor)
    facts = facts_of(tensor) if how is None else facts_of(tensor, op=str(how))
    how = how or Reduction()
    if entered is None:
        entered = members._shared.enter(members.rank(), name, **facts)
    with members._ordered():
        given = stage(members, backend, tensor, output=False)
        taken = stage(members, backend, output, output=True)
        if tensor.numel():
            launch(
                members,
                entered,
                collective,
                input=how.scaled(given.tensor).reshape(-1),
                output=taken.tensor.view(-1),
                op=how.name,
            )
        work = finish(members, backend, [taken], [output])
    return end(work, async_op)
