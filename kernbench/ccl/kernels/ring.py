"""Rings: each rank speaks to its two neighbours only.

Every PE of a SIP runs a ring of its own, with the PEs of the same number, over its own part of the
tensor, a chunk of which belongs to each rank.  Chunk ``c`` is combined in order of rank, from rank
``c + 1`` on around to rank ``c``, so that all ranks end with equal bits.

A rank begins no more blocks than the ring has slots (`span`) before it passes on what it receives:
else all would wait for room at the next one.
"""

from __future__ import annotations

import kernbench.language as tl
from kernbench.ccl.kernels.blocks import load, store
from kernbench.ccl.kernels.combine import combine, finish
from kernbench.language import jit


@jit
def all_reduce(
    x_ptr,
    y_ptr,
    n,
    part,
    span,
    rank,
    size,
    to_sip,
    from_sip,
    channel,
    OP: tl.constexpr,
    B: tl.constexpr,
    EVEN: tl.constexpr,
):
    """Combine the chunks on one way around, and pass the totals on on a second one."""
    pe, pes = tl.pe_id("sip"), tl.num_pes("sip")
    length = tl.minimum(part, n - pe * part)
    if length <= 0:
        return
    dst, src = to_sip * pes + pe, from_sip * pes + pe
    chunk = tl.cdiv(length, size)
    x_ptr += pe * part
    y_ptr += pe * part
    for first in range(0, chunk, span):
        last = tl.minimum(first + span, chunk)
        # Chunk c is sent on by rank c + 1 first, and is complete at rank c.
        at = (rank + size - 1) % size * chunk
        end = tl.minimum(at + chunk, length)
        for i in range(first, last, B):
            tl.send(dst, load(x_ptr, at + i + tl.arange(0, B), end, EVEN), channel)
        for step in range(2, size + 1):
            at = (rank + size - step) % size * chunk
            end = tl.minimum(at + chunk, length)
            for i in range(first, last, B):
                offs = at + i + tl.arange(0, B)
                mine = load(x_ptr, offs, end, EVEN)
                total = combine(tl.recv(src, (B,), x_ptr.dtype.element_ty, channel), mine, OP)
                if step == size:
                    total = finish(total, size, OP)
                    store(y_ptr, offs, total, end, EVEN)
                tl.send(dst, total, channel)
        for step in range(1, size):
            at = (rank + size - step) % size * chunk
            end = tl.minimum(at + chunk, length)
            for i in range(first, last, B):
                total = tl.recv(src, (B,), x_ptr.dtype.element_ty, channel)
                store(y_ptr, at + i + tl.arange(0, B), total, end, EVEN)
                if step < size - 1:
                    tl.send(dst, total, channel)
