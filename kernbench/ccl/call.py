"""What a collective is asked to do, as one member sees it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from kernbench.language import dtypes as tl
from kernbench.language.jit import JITFunction
from kernbench.runtime.context import Context
from kernbench.runtime.tensor import Tensor

CHANNELS = 16
"""IPCQ channels of one group: two groups never share a ring (ADR-0023 D5)."""

PAGE_NBYTES = 4096
"""A blocked tensor goes on to the next slice at a multiple of it, and so do the parts of PEs."""


OPS = ("sum", "avg", "product", "min", "max", "band", "bor", "bxor")
"""What a reduction may be; the bit-wise ones are for integers."""


@dataclass(frozen=True, slots=True)
class Group:
    """SIPs that communicate, in order of rank.

    Parameters
    ----------
    sips : sequence of int
        The SIP of each rank; each once.
    number : int
        Tells groups apart whose collectives may be under way together; members agree on it.
    """

    sips: tuple[int, ...]
    number: int = 0

    def __init__(self, sips: Sequence[int], number: int = 0) -> None:
        object.__setattr__(self, "sips", tuple(int(sip) for sip in sips))
        object.__setattr__(self, "number", int(number))
        if not self.sips:
            raise ValueError("group: expected at least one SIP, got none")
        if len(set(self.sips)) < len(self.sips):
            raise ValueError(f"group: expected each SIP once, got {self.sips}")
        if self.number < 0:
            raise ValueError(f"group: expected a number from 0 on, got {self.number}")

    def __len__(self) -> int:
        return len(self.sips)

    @property
    def stride(self) -> int | None:
        """The step from SIP to SIP where it is the same everywhere; else None."""
        steps = {b - a for a, b in zip(self.sips, self.sips[1:], strict=False)}
        if len(steps) > 1:
            return None
        return steps.pop() if steps else 1


@dataclass(frozen=True, slots=True)
class Chunks:
    """How a PE's part is cut.

    Attributes
    ----------
    count : int
        Elements of a chunk.
    block : int
        Elements of one message: a power of 2.
    span : int
        Elements that a rank may send before it receives: no more than a ring has slots for.
    even : bool
        Whether all blocks are full, so that no access needs a mask.
    """

    count: int
    block: int
    span: int
    even: bool


@dataclass(frozen=True)
class Call:
    """One member's call: the facts from which an algorithm makes its launch.

    All members of the group see equal facts but for `rank` and the tensors.

    Attributes
    ----------
    context : Context
    collective : str
        Its name, as in :data:`COLLECTIVES`.
    group : Group
    rank : int
        This member's place in the group.
    input, output : Tensor or None
        On this member's SIP, contiguous; None where this member has none (the input of a
        broadcast elsewhere than at its root).
    count : int
        Elements: of the whole tensor (all_reduce, broadcast, reduce, send, recv), or of each
        rank's part (all_gather, reduce_scatter, all_to_all, gather, scatter).
    dtype : dtype
    op : str
        How values are combined, as in :data:`OPS`.
    root : int
        Rank of the root, or of the other end of send and recv.
    lane : int
        0 or 1: which of the two channels of messages.
    """

    context: Context
    collective: str
    group: Group
    rank: int
    input: Tensor | None
    output: Tensor | None
    count: int
    dtype: tl.dtype
    op: str = "sum"
    root: int = 0
    lane: int = 0

    @property
    def size(self) -> int:
        """Members of the group."""
        return len(self.group)

    @property
    def sip(self) -> int:
        """Return this member's SIP."""
        return self.group.sips[self.rank]

    @property
    def nbytes(self) -> int:
        """Bytes of `count` elements."""
        return self.count * self.dtype.itemsize

    @cached_property
    def n_pes(self) -> int:
        """PEs of a SIP."""
        system = self.context.topology.system
        assert system is not None
        return int(system["cubes_x"] * system["cubes_y"] * system["n_pes"])

    @property
    def part(self) -> int:
        """Elements that each PE takes: as a blocked tensor lies, so that its own are at home."""
        size = self.dtype.itemsize
        page = max(1, PAGE_NBYTES // size)
        share = -(-self.count // self.n_pes)
        return max(page, -(-share // page) * page)

    @property
    def given(self) -> Tensor | None:
        """The input; the output where this rank has no other."""
        return self.output if self.input is None else self.input

    @property
    def taken(self) -> Tensor | None:
        """The output; the input where this rank has no other."""
        return self.input if self.output is None else self.output

    @property
    def copies(self) -> bool:
        """Whether the output is another tensor than the input."""
        if self.input is None or self.output is None:
            return False
        return self.input.data_ptr() != self.output.data_ptr()

    @property
    def message_channel(self) -> int:
        """The channel of send and recv, which collectives do not use."""
        return self.channel + CHANNELS - 1 - self.lane

    def peers(self) -> tuple[int, int, Tensor | None]:
        """Return where ranks are, for a kernel: the first SIP and the step, or a table of them."""
        stride = self.group.stride
        if stride is not None:
            return self.group.sips[0], stride, None
        return 0, 0, table_of(self.context, self.group, self.sip)

    @property
    def channel(self) -> int:
        """The first of the group's :data:`CHANNELS` channels."""
        return self.group.number * CHANNELS

    def _parameter(self, name: str) -> int:
        system = self.context.topology.system
        assert system is not None
        return int(system[name])

    @property
    def _tcm(self) -> int:
        """Bytes of TCM that a program of a collective has."""
        return self._parameter("pe.comm_tcm_nbytes") // self._parameter("pe.comm_contexts")

    @property
    def largest_block(self) -> int:
        """Elements of the largest message: a power of 2 that fits a slot, and TCM eight times."""
        nbytes = min(self._parameter("pe_ipcq.slot_nbytes"), self._tcm // 8)
        return 1 << max(0, (nbytes // self.dtype.itemsize).bit_length() - 1)

    def chunks(self, n: int, *, halves: bool = False) -> Chunks:
        """Cut each PE's part into `n` chunks, or halves of such, and these into blocks.

        A block fits a slot, and all that may be under way fit TCM and the command queue.
        """
        longest = max(1, min(self.part, self.count))
        n_halves = 2 if halves else 1
        chunk = -(-longest // n)
        piece = -(-chunk // n_halves)
        block = min(1 << max(0, piece - 1).bit_length(), self.largest_block)
        room = self._tcm // (2 * block * self.dtype.itemsize)
        queue = self._parameter("pe_sched.queue") // 4
        # Half of a ring: credits that queue behind data the other way do not hold it up.
        window = max(1, min(self._parameter("pe_ipcq.depth") // 2, room, queue))
        even = self.count % longest == 0 and longest % (n * n_halves) == 0 and piece % block == 0
        return Chunks(piece, block, block * window, even)

    def neighbour(self, step: int) -> int:
        """Return the SIP of the rank that is `step` further, around."""
        return self.group.sips[(self.rank + step) % self.size]


_tables: WeakKeyDictionary[Context, dict[tuple[Group, int], Tensor]] = WeakKeyDictionary()


def table_of(context: Context, group: Group, sip: int) -> Tensor:
    """Return the group's SIPs as a tensor on a SIP: copied there when it is first asked for."""
    known = _tables.setdefault(context, {})
    table = known.get((group, sip))
    if table is None or getattr(table._storage, "engine", None) is not context._engine:
        table = context.tensor(np.array(group.sips, dtype=np.int32), sip=sip)
        known[group, sip] = table
    return table


@dataclass(frozen=True, slots=True)
class Plan:
    """The launch that an algorithm makes of a call: a kernel and its arguments."""

    kernel: JITFunction
    args: tuple[Any, ...]
    constants: dict[str, Any] = field(default_factory=dict)
