"""All-to-all of parts of any size, in one launch of each member."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate

import numpy as np

from kernbench.ccl.call import PAGE_NBYTES, Call, Group, Plan
from kernbench.ccl.choice import choose
from kernbench.ccl.kernels.uneven import all_to_all as _kernel
from kernbench.ccl.kernels.uneven import all_to_all_in_step as _kernel_in_step
from kernbench.ccl.launch import launch, make_call, submit
from kernbench.runtime.context import Context
from kernbench.runtime.handle import Launch
from kernbench.runtime.tensor import Tensor

__all__ = ["all_to_all_uneven"]

SMALL = 16
"""What is no whole block goes in blocks of so many to one."""


def all_to_all_uneven(
    context: Context,
    *,
    group: Group,
    rank: int,
    input: Tensor,
    output: Tensor,
    gives: Sequence[int],
    takes: Sequence[int],
    equal: int | None = None,
    stream: int | None = None,
) -> Launch:
    """Give each rank a part of `input`, and take one of each into `output`, in order of rank.

    No member learns the others' sizes: what rank i gives rank j has to be what j takes of i.

    Parameters
    ----------
    context : Context
    group : Group
    rank : int
        This member's place in it.
    input, output : Tensor
        Contiguous, on this member's SIP, of one dtype.
    gives, takes : sequence of int
        Elements for, and of, each rank; 0 is a size, too.
    equal : int, optional
        When some members launch an ``all_to_all``, of parts of so many elements: messages are cut
        as theirs, and theirs have to go by ``direct``.
    stream : int, optional
        The stream of the member's SIP; its current one unless told.

    Raises
    ------
    ValueError
        When the sizes do not fit the tensors, or a tensor is no member's.
    """
    # The two tensors differ in size: each is checked as one end of a message is.
    call = make_call(context, "send", group, rank, input, None, root=rank)
    other = make_call(context, "recv", group, rank, None, output, root=rank)
    if other.dtype != call.dtype:
        raise ValueError(f"all_to_all: expected one dtype, got {call.dtype} and {other.dtype}")
    for name, sizes, there in (("gives", gives, call.count), ("takes", takes, other.count)):
        if len(sizes) != call.size or min(sizes) < 0 or sum(sizes) != there:
            raise ValueError(
                f"all_to_all: expected {name} to be {call.size} sizes that add up to {there}, "
                f"got {list(sizes)}"
            )
    if gives[rank] != takes[rank]:
        raise ValueError(
            f"all_to_all: rank {rank} gives itself {gives[rank]} elements, and takes {takes[rank]}"
        )
    _check_apart(rank, input, output)
    if call.size == 1:
        return launch(
            context, "broadcast", group=group, rank=0, input=input, output=output, stream=stream
        )
    table = _table(call, gives, takes)
    page = max(1, PAGE_NBYTES // call.dtype.itemsize)
    if equal is not None:
        return submit(call, _in_step(call, output, equal, table, max(*gives, *takes), page), stream)
    block = call.largest_block
    args = (input, output, table, call.size, call.channel)
    constants = {"PAGE": page, "B": block, "SMALL": max(1, block // SMALL)}
    return submit(call, Plan(_kernel, args, constants), stream)


def _in_step(
    call: Call, output: Tensor, equal: int, table: Tensor, greatest: int, page: int
) -> Plan:
    """Return a plan whose messages are those of ``direct``, of parts of `equal` elements."""
    theirs = replace(call, collective="all_to_all", count=equal)
    name = choose(theirs).name
    if name != "direct":
        raise ValueError(
            f"all_to_all: parts of any size go with equal ones by 'direct', which go by {name!r} "
            "here; give split sizes on every rank"
        )
    block = theirs.chunks(1).block if equal else call.largest_block
    longest = min(greatest, replace(call, count=greatest).part)
    args = (call.input, output, table, call.size, longest, call.channel)
    return Plan(_kernel_in_step, args, {"PAGE": page, "B": block})


def _check_apart(rank: int, input: Tensor, output: Tensor) -> None:
    first, begin = input.data_ptr(), output.data_ptr()
    if first < begin + output.nbytes and begin < first + input.nbytes:
        raise ValueError(
            f"all_to_all: expected input and output that lie apart, got ones that overlap, at rank "
            f"{rank}"
        )


def _table(call: Call, gives: Sequence[int], takes: Sequence[int]) -> Tensor:
    """Return what the kernel reads: a row for each step around the group."""
    out_at, in_at = [0, *accumulate(gives)], [0, *accumulate(takes)]
    rows = []
    for step in range(call.size):
        to, source = (call.rank + step) % call.size, (call.rank - step) % call.size
        rows.append(
            (
                *(call.group.sips[to], out_at[to], gives[to]),
                *(call.group.sips[source], in_at[source], takes[source]),
            )
        )
    return call.context.tensor(np.array(rows, dtype=np.int64), sip=call.sip)
